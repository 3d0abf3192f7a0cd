/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of every format and depth on a host that converts addresses by calls: what is mapped is
 * found, and goes, as on any other host; the ways of one page and of pieces, which call nothing,
 * leave the work to the others. And copies of tables of another owner, which may say anything.
 */
#include <string.h>

#include <libiommu/hw/tce.h>
#include <libiommu/pgtable.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_platform.h"

#define RW   IOMMU_PROT_READ_WRITE
#define PAGE IOMMU_PAGE_SIZE

static uint64_t distance; /* of the host's memory from where the CPU finds it */
static unsigned int calls;

static void *phys_to_virt(void *ctx, iommu_paddr_t paddr)
{
	(void)ctx;
	calls++;
	return (void *)(uintptr_t)(paddr + distance);
}

static iommu_paddr_t virt_to_phys(void *ctx, const void *virt)
{
	(void)ctx;
	return (uintptr_t)virt - distance;
}

static struct test_platform test;
static struct iommu_platform platform;

static int setup(void **state)
{
	(void)state;
	test_platform_init(&test, 1 << 21, 0);
	platform = test.platform;
	distance = platform.direct_map_offset;
	platform.direct_map_offset = UINT64_MAX << 20;
	platform.phys_to_virt = phys_to_virt;
	platform.virt_to_phys = virt_to_phys;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_platform_destroy(&test);
	return 0;
}

static int count_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	if (!visit->is_table)
		*(uint64_t *)ctx += visit->size;
	return 0;
}

/* A page at each end of the aperture, and one between. */
static void use_table(const struct iommu_pgtable_ops *ops, struct iommu_pgtable *pt)
{
	const iommu_iova_t last = pt->aperture_last - (PAGE - 1);
	const iommu_iova_t at[] = {0, (last / 2) & ~(PAGE - 1), last};
	const struct iommu_map_piece piece = {0x20000, PAGE};
	struct iommu_gather gather;
	iommu_paddr_t paddr = 0;
	uint64_t bytes = 0, found = 0;
	unsigned int prot = 0;

	iommu_gather_init(&gather);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(ops->iova_to_phys(pt, at[i], &paddr, &prot), IOMMU_ENOENT);
		assert_false(ops->map_page(pt, at[i], 0x10000 + PAGE * i, PAGE, RW));
		assert_int_equal(ops->map_pieces(pt, at[i], &piece, 1, RW, &bytes), 0);
		assert_int_equal(ops->iova_to_phys(pt, at[i], NULL, NULL), IOMMU_ENOENT);
		assert_int_equal(ops->map(pt, at[i], 0x10000 + PAGE * i, PAGE, RW, &gather, &bytes),
				 0);
		assert_int_equal(bytes, PAGE);
	}
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(ops->iova_to_phys(pt, at[i] + 0x123, &paddr, &prot), 0);
		assert_int_equal(paddr, 0x10123 + PAGE * i);
		assert_int_equal(prot, RW);
		assert_int_equal(ops->iova_to_phys(pt, at[i] + 0x123, &paddr, NULL), 0);
		assert_int_equal(ops->iova_to_phys(pt, at[i] + 0x123, NULL, &prot), 0);
		assert_false(ops->unmap_page(pt, at[i], PAGE));
		assert_false(ops->map_page(pt, at[i], 0x30000, PAGE, RW));
	}
	assert_int_equal(ops->walk(pt, 0, pt->aperture_last, count_leaf, &found), 0);
	assert_int_equal(found, 3 * PAGE);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(ops->unmap(pt, at[i], PAGE, 0, &gather, &bytes), 0);
		assert_int_equal(bytes, PAGE);
		assert_int_equal(ops->iova_to_phys(pt, at[i], &paddr, &prot), IOMMU_ENOENT);
	}
	ops->free_gathered(pt, &gather);
	assert_true(calls != 0 || pt->levels == 1);
}

static void every_table_is_found_by_calls(void **state)
{
	static const struct {
		const struct iommu_pgtable_ops *ops;
		unsigned int from, to; /* levels */
		unsigned int widths[5];
	} formats[] = {{&iommu_vtdss_ops, 3, 5, {39, 48, 57}},
		       {&iommu_x86_64_table_ops, 4, 5, {47, 56}},
		       {&iommu_tce_ops, 1, 4, {21, 30, 39, 48}}};

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int levels = formats[i].from; levels <= formats[i].to; levels++) {
			const struct iommu_pgtable_config config = {
				.platform = &platform,
				.levels = levels,
				.input_bits = formats[i].widths[levels - formats[i].from],
				.output_bits = 46,
				.pgsize_bitmap = PAGE,
			};
			struct iommu_pgtable pt;

			calls = 0;
			assert_int_equal(formats[i].ops->init(&pt, &config), 0);
			use_table(formats[i].ops, &pt);
			formats[i].ops->destroy(&pt);
			assert_int_equal(test.hosted.pages_in_use, 0);
		}
}

/* --- Copies ----------------------------------------------------------------------------------- */

static bool is_memory(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	return paddr + size <= 1 << 21;
}

/* The entry of address 0 at a level of a table in the test's memory. */
static uint64_t *entry_at(const struct iommu_pgtable *pt, unsigned int level, uint64_t mask)
{
	uint64_t *entry = pt->root;

	for (unsigned int at = pt->levels; at > level; at--)
		entry = phys_to_virt(NULL, iommu_le64(*entry) & mask);
	return entry;
}

/* The same of big-endian entries. */
static uint64_t *tce_entry_of(const struct iommu_pgtable *pt, unsigned int level)
{
	uint64_t *entry = pt->root;

	for (unsigned int at = pt->levels; at > level; at--)
		entry = phys_to_virt(NULL, tce_address(iommu_be64(*entry)));
	return entry;
}

/* Another owner's table is copied if hardware could use each of its entries, or not at all. */
static void copies_are_of_entries_that_hardware_could_use(void **state)
{
	static const struct {
		const struct iommu_pgtable_ops *ops;
		unsigned int levels, width, page_shift, level; /* of the entry */
		uint64_t set;                                  /* its wrong bits; 0: none */
		bool is_big_endian;
	} cases[] = {
		{&iommu_tce_ops, 3, 39, 12, 1, 0, true},
		{&iommu_tce_ops, 2, 34, 16, 1, 0, true},
		{&iommu_tce_ops, 2, 34, 16, 1, 1ULL << 47, true}, /* beyond memory */
		{&iommu_tce_ops, 2, 34, 16, 1, 1 << 12, true},    /* within a page */
		{&iommu_tce_ops, 2, 34, 16, 2, 1ULL << 47, true},
		{&iommu_vtdss_ops, 4, 48, 12, 1, 0, false},
		{&iommu_vtdss_ops, 4, 48, 12, 1, 1ULL << 47, false},
		{&iommu_vtdss_ops, 4, 48, 12, 4, 1 << 7, false}, /* a page as large as that */
		{&iommu_vtdss_ops, 4, 48, 12, 3, 1 << 7, false}, /* one that there is not */
		{&iommu_vtdss_ops, 4, 48, 12, 2, 1 << 7 | 1 << 12, false},
		{&iommu_x86_64_table_ops, 4, 47, 12, 1, 0, false},
		{&iommu_x86_64_table_ops, 4, 47, 12, 1, 1ULL << 47, false},
		{&iommu_x86_64_table_ops, 4, 47, 12, 1, 1ULL << 63, false}, /* not to be executed */
		{&iommu_x86_64_table_ops, 4, 47, 12, 4, 1 << 7, false},
		{&iommu_x86_64_table_ops, 4, 47, 12, 3, 1 << 7, false},
		{&iommu_x86_64_table_ops, 4, 47, 12, 2, 1 << 7 | 1 << 12, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_pgtable_config config = {
			.platform = &platform,
			.levels = cases[i].levels,
			.input_bits = cases[i].width,
			.output_bits = 46,
			.pgsize_bitmap = 1ULL << cases[i].page_shift,
		};
		const uint64_t size = 1ULL << cases[i].page_shift;
		const uint64_t set = cases[i].is_big_endian ? iommu_be64(cases[i].set)
							    : iommu_le64(cases[i].set);
		struct iommu_pgtable pt, copy;
		struct iommu_gather gather;
		iommu_paddr_t paddr = 0;
		uint64_t bytes, *entry;

		iommu_gather_init(&gather);
		assert_int_equal(cases[i].ops->init(&pt, &config), 0);
		assert_int_equal(cases[i].ops->init(&copy, &config), 0);
		assert_int_equal(
			cases[i].ops->map(&pt, 0, 16 * size, 2 * size, RW, &gather, &bytes), 0);
		entry = cases[i].is_big_endian ? tce_entry_of(&pt, cases[i].level)
					       : entry_at(&pt, cases[i].level, 0xffffffff000ULL);
		*entry |= set;
		assert_int_equal(
			cases[i].ops->clone(&copy, virt_to_phys(NULL, pt.root), is_memory, NULL),
			cases[i].set == 0 ? 0 : IOMMU_EINVAL);
		/* A copy that failed is only destroyed. */
		if (cases[i].set == 0) {
			assert_int_equal(cases[i].ops->iova_to_phys(&copy, size + 5, &paddr, NULL),
					 0);
			assert_int_equal(paddr, 17 * size + 5);
		}
		*entry &= ~set;
		cases[i].ops->free_gathered(&pt, &gather);
		cases[i].ops->destroy(&copy);
		cases[i].ops->destroy(&pt);
		assert_int_equal(test.hosted.pages_in_use, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_table_is_found_by_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(copies_are_of_entries_that_hardware_could_use,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
