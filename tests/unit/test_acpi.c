/* SPDX-License-Identifier: BSD-2-Clause */
/* From the root pointer to a table, in valid memory and in damaged memory. */
#include <string.h>

#include <libiommu/acpi.h>
#include <libiommu/hw/acpi_mcfg.h>
#include <libiommu/status.h>

#include "test.h"

#define SIZE (1U << 20)

static unsigned char memory[SIZE];
static iommu_paddr_t base; /* where it is */
static uint64_t reads;

static bool read_memory(void *ctx, iommu_paddr_t address, void *bytes, size_t size)
{
	(void)ctx;
	reads++;
	assert_true(size <= 64 && address + size >= address);
	if (address < base || address - base > SIZE - size)
		return false;
	memcpy(bytes, &memory[address - base], size);
	return true;
}

static const struct iommu_acpi_memory host = {.read = read_memory};

/* --- Making tables ------------------------------------------------------------------------ */

static void put(uint64_t at, uint64_t value, unsigned int size)
{
	for (; size-- != 0; at++, value >>= 8)
		memory[at] = (unsigned char)value;
}

/* Make `size` bytes add up to 0 by the one at `at + where`. */
static void sum_up(uint64_t at, size_t size, size_t where)
{
	unsigned char sum = 0;
	size_t i;

	memory[at + where] = 0;
	for (i = 0; i < size; i++)
		sum = (unsigned char)(sum + memory[at + i]);
	memory[at + where] = (unsigned char)-sum;
}

static void table(uint64_t at, const char *signature, uint32_t length)
{
	memset(&memory[at + 4], 0, 32);
	memcpy(&memory[at], signature, 4);
	put(at + 4, length, 4);
	if (at + length <= SIZE)
		sum_up(at, length, 9);
}

static void rsdp(uint64_t at, unsigned int revision, uint64_t rsdt, uint64_t xsdt)
{
	memset(&memory[at], 0, revision < 2 ? 20 : 36);
	memcpy(&memory[at], "RSD PTR ", 8);
	memory[at + 15] = (unsigned char)revision;
	put(at + 16, rsdt, 4);
	sum_up(at, 20, 8);
	if (revision < 2)
		return;
	put(at + 20, 36, 4);
	put(at + 24, xsdt, 8);
	sum_up(at, 36, 32);
}

#define RSDP 0x1000U
#define RSDT 0x2000U
#define XSDT 0x3000U
#define FACP 0x4004U
#define DMAR 0x5008U
#define LAST 0x6000U

/* A root table with entries of 4 or 8 bytes; an address of 0 ends the list. */
static void root(uint64_t at, unsigned int width, const uint64_t *addresses)
{
	uint32_t length = 36;

	for (; *addresses != 0; addresses++, length += width)
		put(at + length, *addresses, width);
	table(at, width == 8 ? "XSDT" : "RSDT", length);
}

/* Both ways lead to a DMAR table, each to another one. */
static void begin(void)
{
	const uint64_t narrow[] = {FACP, DMAR, 0};
	const uint64_t wide[] = {FACP, 0xfffffffffffffff0ULL, SIZE - 10, LAST, 0};

	memset(memory, 0, sizeof(memory));
	base = 0;
	reads = 0;
	table(FACP, "FACP", 116);
	table(DMAR, "DMAR", 80);
	table(LAST, "DMAR", 200);
	root(RSDT, 4, narrow);
	root(XSDT, 8, wide);
	rsdp(RSDP, 2, RSDT, XSDT);
}

static int find(const char *signature, struct iommu_acpi_table *found)
{
	return iommu_acpi_find_table(&host, base + RSDP, signature, found);
}

static void expect(uint64_t address, size_t size, bool is_right)
{
	struct iommu_acpi_table found;

	assert_int_equal(find("DMAR", &found), 0);
	assert_int_equal(found.address, address);
	assert_int_equal(found.size, size);
	assert_int_equal(found.checksum_is_right, is_right);
}

/* --- What must be found ------------------------------------------------------------------- */

static void both_revisions_lead_to_tables(void **state)
{
	struct iommu_acpi_table found = {.size = 1};

	(void)state;
	begin();
	expect(LAST, 200, true);
	rsdp(RSDP, 0, RSDT, XSDT);
	expect(DMAR, 80, true);
	assert_int_equal(find("IVRS", &found), IOMMU_ENOENT);
	assert_int_equal(found.size, 1);
	rsdp(RSDP, 2, RSDT, 0);
	expect(DMAR, 80, true);
	/* Longer than this library knows, with a sum over all of it. */
	rsdp(RSDP, 3, RSDT, XSDT);
	put(RSDP + 20, 60, 4);
	memory[RSDP + 50] = 7;
	sum_up(RSDP, 60, 32);
	expect(LAST, 200, true);
}

static void what_is_damaged_is_gone_around(void **state)
{
	(void)state;
	begin();
	memory[RSDP + 33]++; /* the second sum alone */
	expect(DMAR, 80, true);
	begin();
	put(RSDP + 20, 20, 4); /* shorter than what it has */
	sum_up(RSDP, 36, 32);
	expect(DMAR, 80, true);
	begin();
	memory[XSDT + 36]++;
	expect(DMAR, 80, true);
	begin();
	memory[XSDT] = 'R';
	expect(DMAR, 80, true);
	begin();
	rsdp(RSDP, 2, RSDT, SIZE - 8);
	expect(DMAR, 80, true);
	begin();
	rsdp(RSDP, 2, 0, XSDT);
	expect(LAST, 200, true);
}

static void a_table_with_a_wrong_sum_is_the_last_choice(void **state)
{
	const uint64_t both[] = {LAST, DMAR, 0};

	(void)state;
	begin();
	memory[LAST + 100]++;
	expect(LAST, 200, false);
	root(XSDT, 8, both);
	expect(DMAR, 80, true);
	memory[DMAR + 70]++;
	expect(LAST, 200, false);
}

static void nothing_is_made_of_nonsense(void **state)
{
	static const uint32_t lengths[] = {0, 35, (16U << 20) + 1, UINT32_MAX};
	struct iommu_acpi_table found;
	size_t i;

	(void)state;
	begin();
	memory[RSDP]++;
	assert_int_equal(find("DMAR", &found), IOMMU_EINVAL);
	begin();
	memory[RSDP + 16]++;
	assert_int_equal(find("DMAR", &found), IOMMU_EINVAL);
	begin();
	memory[XSDT + 9]++;
	memory[RSDT + 9]++;
	assert_int_equal(find("DMAR", &found), IOMMU_EINVAL);
	/* A table that the host cannot read to its end is none. */
	begin();
	rsdp(RSDP, 0, RSDT, 0);
	put(DMAR + 4, SIZE, 4);
	assert_int_equal(find("DMAR", &found), IOMMU_ENOENT);
	for (i = 0; i < 4; i++) {
		begin();
		put(LAST + 4, lengths[i], 4);
		assert_int_equal(find("DMAR", &found), IOMMU_ENOENT);
		begin();
		rsdp(RSDP, 0, RSDT, 0);
		put(RSDT + 4, lengths[i], 4);
		assert_int_equal(find("DMAR", &found), IOMMU_EINVAL);
	}
	/* What lies behind a root table, whole or by a part, is none of its entries. */
	begin();
	rsdp(RSDP, 0, RSDT, 0);
	for (i = 36; i < 44; i++) {
		table(RSDT, "RSDT", (uint32_t)i);
		assert_int_equal(find("DMAR", &found), IOMMU_ENOENT);
		assert_int_equal(find("FACP", &found), i < 40 ? IOMMU_ENOENT : 0);
	}
	begin();
	for (i = 60; i < 68; i++) {
		table(XSDT, "XSDT", (uint32_t)i);
		assert_int_equal(find("DMAR", &found), IOMMU_ENOENT);
	}
	assert_int_equal(iommu_acpi_find_table(&host, UINT64_MAX, "DMAR", &found), IOMMU_EINVAL);
	assert_int_equal(iommu_acpi_find_table(&host, UINT64_MAX - 19, "DMAR", &found),
			 IOMMU_EINVAL);
}

/* Memory that ends with the top of the address space: nothing goes around it. */
static void tables_at_the_top_of_memory(void **state)
{
	const uint64_t top[] = {0x20, 0};
	struct iommu_acpi_table found;

	(void)state;
	begin();
	base = UINT64_MAX - SIZE + 1;
	table(SIZE - 36, "DMAR", 36);
	memset(&memory[XSDT + 36], 0xff, 8);
	root(XSDT, 8, top);
	put(XSDT + 36, UINT64_MAX - 35, 8);
	sum_up(XSDT, 44, 9);
	rsdp(RSDP, 2, 0, base + XSDT);
	assert_int_equal(find("DMAR", &found), IOMMU_ENOENT); /* it would end behind the end */
	put(XSDT + 36, UINT64_MAX - 39, 8);
	sum_up(XSDT, 44, 9);
	table(SIZE - 40, "DMAR", 39);
	assert_int_equal(find("DMAR", &found), 0);
	put(SIZE - 40 + 4, 41, 4);
	assert_int_equal(find("DMAR", &found), IOMMU_ENOENT);
}

/* The largest root table, all of whose addresses lead to the same one that does not fit. */
static void a_search_ends(void **state)
{
	struct iommu_acpi_table found;
	uint32_t at;

	(void)state;
	begin();
	for (at = 36; at + 4 <= 65536; at += 4)
		put(0x10000 + at, FACP, 4);
	table(0x10000, "RSDT", 65536);
	rsdp(RSDP, 0, 0x10000, 0);
	assert_int_equal(find("DMAR", &found), IOMMU_ENOENT);
	assert_true(reads < 40000);
	table(0x10000, "RSDT", 65537);
	assert_int_equal(find("DMAR", &found), IOMMU_EINVAL);
}

static void the_root_pointer_is_found(void **state)
{
	iommu_paddr_t at = 5;

	(void)state;
	begin();
	memset(&memory[RSDP], 0, 36);
	assert_int_equal(iommu_acpi_find_rsdp(&host, &at), IOMMU_ENOENT);
	assert_int_equal(at, 5);
	rsdp(0xe0008, 0, RSDT, 0); /* not where one can be */
	rsdp(0xffff0 - 16, 0, RSDT, 0);
	assert_int_equal(iommu_acpi_find_rsdp(&host, &at), 0);
	assert_int_equal(at, 0xffff0 - 16);
	rsdp(0xe0040, 0, RSDT, 0);
	assert_int_equal(iommu_acpi_find_rsdp(&host, &at), 0);
	assert_int_equal(at, 0xe0040);
	put(0x40e, 0x9fc0, 2);
	rsdp(0x9fc00 + 1024, 0, RSDT, 0); /* behind the first KiB */
	assert_int_equal(iommu_acpi_find_rsdp(&host, &at), 0);
	assert_int_equal(at, 0xe0040);
	rsdp(0x9fc00 + 992, 2, RSDT, 0);
	assert_int_equal(iommu_acpi_find_rsdp(&host, &at), 0);
	assert_int_equal(at, 0x9fc00 + 992);
	base = 0xe0000; /* a host that does not let the first MiB be read */
	assert_int_equal(iommu_acpi_find_rsdp(&host, &at), IOMMU_ENOENT);
}

static void random_bytes(void **state)
{
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 200000) / 100;
	struct test_random random = {.state = test_setting("IOMMU_TEST_SEED", 5)};
	const unsigned int areas[] = {RSDP, RSDT, XSDT, FACP, DMAR, LAST};
	uint64_t round;

	(void)state;
	begin();
	for (round = 0; round < rounds; round++) {
		struct iommu_acpi_table found;
		unsigned int changes = (unsigned int)test_random_below(&random, 6);
		int status;

		if (round % 8 == 0)
			begin();
		reads = 0;
		while (changes-- != 0)
			memory[areas[test_random_below(&random, 6)] +
			       test_random_below(&random, 60)] =
				(unsigned char)test_random_below(&random, 256);
		sum_up(RSDP, 20, 8);
		sum_up(XSDT, 68, 9);
		status = find("DMAR", &found);
		assert_true(status == 0 || status == IOMMU_ENOENT || status == IOMMU_EINVAL);
		assert_true(reads < 1000000);
		if (status == 0)
			assert_true(found.size >= 36 && found.size <= IOMMU_ACPI_TABLE_MAX &&
				    found.address <= UINT64_MAX - found.size);
	}
}

/* --- Configuration spaces --------------------------------------------------------------------- */

#define MCFG 0x7003U /* nothing in it is aligned */

static uint32_t mcfg_size;

static void window(uint64_t address, unsigned int segment, unsigned int first, unsigned int last)
{
	const uint64_t at = MCFG + mcfg_size;

	put(at, address, 8);
	put(at + 8, segment, 2);
	put(at + 10, first, 1);
	put(at + 11, last, 1);
	put(at + 12, 0xa5a5a5a5, 4);
	mcfg_size += MCFG_WINDOW_SIZE;
	put(MCFG + 4, mcfg_size, 4);
}

static void begin_mcfg(void)
{
	memset(memory, 0, sizeof(memory));
	memcpy(&memory[MCFG], "MCFG", 4);
	mcfg_size = MCFG_HEADER_SIZE;
	put(MCFG + 4, mcfg_size, 4);
}

static bool next(size_t size, struct iommu_acpi_ecam *ecam)
{
	return iommu_acpi_next_ecam(&memory[MCFG], size, ecam);
}

static unsigned int count_windows(size_t size)
{
	struct iommu_acpi_ecam ecam = {0};
	unsigned int count = 0;

	while (next(size, &ecam))
		count++;
	assert_false(next(size, &ecam));
	return count;
}

static void windows_are_read(void **state)
{
	struct iommu_acpi_ecam ecam = {0};

	(void)state;
	begin_mcfg();
	assert_int_equal(count_windows(mcfg_size), 0);
	window(0xe0000000, 0, 0, 0xff);
	window(0x4010000000ULL, 3, 0x20, 0x2f);
	assert_true(next(mcfg_size, &ecam));
	assert_int_equal(ecam.base, 0xe0000000);
	assert_int_equal(ecam.segment, 0);
	assert_int_equal(ecam.first_bus, 0);
	assert_int_equal(ecam.last_bus, 0xff);
	assert_true(next(mcfg_size, &ecam));
	assert_int_equal(ecam.base, 0x4010000000ULL);
	assert_int_equal(ecam.segment, 3);
	assert_int_equal(ecam.first_bus, 0x20);
	assert_int_equal(ecam.last_bus, 0x2f);
	assert_false(next(mcfg_size, &ecam));
	assert_int_equal(count_windows(mcfg_size + 100), 2);
}

static void windows_that_cannot_be_are_skipped(void **state)
{
	(void)state;
	begin_mcfg();
	window(0, 0, 0, 0xff);
	window(0xe0001000, 0, 0, 0xff);
	window(0xe0000000, 0, 4, 3);
	window(0xfffffffffff00000ULL, 0, 0, 0); /* its last byte is the last of all … */
	window(0xffffffffffe00000ULL, 0, 0, 1);
	window(0xffffffffffd00000ULL, 0, 0, 1); /* … which this leaves free */
	window(0xe0000000, 0, 7, 7);
	assert_int_equal(count_windows(mcfg_size), 2);
}

static void tables_that_are_damaged_have_no_windows(void **state)
{
	size_t size;

	(void)state;
	begin_mcfg();
	window(0xe0000000, 0, 0, 0xff);
	window(0xd0000000, 1, 0, 0xff);
	for (size = 0; size < mcfg_size; size++)
		assert_int_equal(count_windows(size), 0);
	for (size = 0; size < mcfg_size; size++) {
		put(MCFG + 4, size, 4);
		assert_int_equal(count_windows(mcfg_size), size < 60 ? 0 : 1);
	}
	put(MCFG + 4, UINT32_MAX, 4);
	assert_int_equal(count_windows(mcfg_size), 0);
	put(MCFG + 4, mcfg_size, 4);
	memory[MCFG] = 'm';
	assert_int_equal(count_windows(mcfg_size), 0);
	assert_false(iommu_acpi_next_ecam(NULL, 100, &(struct iommu_acpi_ecam){0}));
	/* A position that the iterator has not written. */
	memory[MCFG] = 'M';
	assert_false(next(mcfg_size, &(struct iommu_acpi_ecam){.position = UINT32_MAX}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_revisions_lead_to_tables),
		cmocka_unit_test(what_is_damaged_is_gone_around),
		cmocka_unit_test(a_table_with_a_wrong_sum_is_the_last_choice),
		cmocka_unit_test(nothing_is_made_of_nonsense),
		cmocka_unit_test(tables_at_the_top_of_memory),
		cmocka_unit_test(a_search_ends),
		cmocka_unit_test(the_root_pointer_is_found),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(windows_are_read),
		cmocka_unit_test(windows_that_cannot_be_are_skipped),
		cmocka_unit_test(tables_that_are_damaged_have_no_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
