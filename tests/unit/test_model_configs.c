/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Models, and tables of firmware, that an emulator describes: what cannot be is refused with the
 * status for that, and no memory stays behind, whichever allocation fails.
 */
#include <string.h>

#include <libiommu/dmar_builder.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/model_tce.h>
#include <libiommu/model_vtd.h>

#include "test.h"
#include "test_platform.h"

static struct test_platform test;

static int setup(void **state)
{
	(void)state;
	test_platform_init(&test, 1 << 24, 0);
	test.quiet = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_platform_destroy(&test);
	return 0;
}

/* --- VT-d ------------------------------------------------------------------------------------- */

static bool read_nothing(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	(void)paddr;
	(void)bytes;
	(void)size;
	return false;
}

static bool write_nothing(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	(void)paddr;
	(void)bytes;
	(void)size;
	return false;
}

static bool exchange_nothing(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired)
{
	(void)ctx;
	(void)paddr;
	(void)expected;
	(void)desired;
	return false;
}

static void answer_nothing(void *ctx, const struct iommu_model_page_answer *answer)
{
	(void)ctx;
	(void)answer;
}

static int create_vtd(struct iommu_model_vtd_config config, struct iommu_model_vtd **model)
{
	*model = NULL;
	config.platform = &test.platform;
	return iommu_model_vtd_create(&config, model);
}

static void units_that_cannot_be_are_refused(void **state)
{
	const struct iommu_model_vtd_host host = {.read = read_nothing, .write = write_nothing};
	const struct iommu_model_vtd_host answers = {
		.read = read_nothing, .write = write_nothing, .page_answer = answer_nothing};
	const unsigned int scalable = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_NO_SECOND_STAGE;
	const struct iommu_model_vtd_config bad[] = {
		{.host = {.write = write_nothing}},
		{.host = {.read = read_nothing}},
		{.host = host, .domain_bits = 3},
		{.host = host, .domain_bits = 2},
		{.host = host, .counter_width = 3},
		{.host = host, .counter_width = 65},
		{.host = host, .version = 0x110},
		{.host = host, .pasid_bits = 21},
		{.host = host, .flags = scalable},
		/* Without a device TLB, and without anything to answer with. */
		{.host = answers,
		 .flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PAGE_REQUESTS},
		{.host = host,
		 .flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PAGE_REQUESTS |
			  IOMMU_MODEL_VTD_DEVICE_TLB},
		{.host = host, .flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE},
		{.host = host, .flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_DIRTY},
		{.host = host,
		 .flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_POSTED_INTERRUPTS},
	};
	struct iommu_model_vtd *model;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(create_vtd(bad[i], &model), IOMMU_EINVAL);
		assert_null(model);
	}
	assert_int_equal(test.allocations, 0);
}

static void units_have_all_their_memory_or_are_none(void **state)
{
	struct iommu_model_vtd_config config = {.host = {.read = read_nothing,
							 .write = write_nothing,
							 .compare_exchange = exchange_nothing},
						.flags = IOMMU_MODEL_VTD_SCALABLE |
							 IOMMU_MODEL_VTD_FIRST_STAGE};
	struct iommu_model_vtd *model = NULL;

	(void)state;
	for (unsigned int counters = 0; counters < 2; counters++) {
		unsigned int nth = 0;
		int status;

		do {
			test.fail_after = test.allocations + ++nth;
			status = create_vtd(config, &model);
			test.fail_after = 0;
			assert_true(status == 0 || status == IOMMU_ENOMEM);
			assert_true(status == 0 || test.hosted.pages_in_use == 0);
		} while (status != 0);
		assert_true(nth > 3 + counters);
		iommu_model_vtd_destroy(model);
		assert_int_equal(test.hosted.pages_in_use, 0);
		config.flags |= IOMMU_MODEL_VTD_COUNTERS;
	}
}

/* --- Bridges, and a hypervisor ---------------------------------------------------------------- */

static bool read_word(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	(void)paddr;
	(void)bytes;
	return false;
}

static void bridges_have_all_their_memory_or_are_none(void **state)
{
	struct iommu_model_phb_config config = {.platform = &test.platform,
						.host = {.read = read_word}};
	struct iommu_model_phb *phb = NULL;
	unsigned int nth = 0;
	int status;

	(void)state;
	config.flags = 1;
	assert_int_equal(iommu_model_phb_create(&config, &phb), IOMMU_EINVAL);
	config.flags = 0;
	config.generation = 2;
	assert_int_equal(iommu_model_phb_create(&config, &phb), IOMMU_EINVAL);
	config.generation = 6;
	assert_int_equal(iommu_model_phb_create(&config, &phb), IOMMU_EINVAL);
	config.generation = 3;
	config.pes = 257;
	assert_int_equal(iommu_model_phb_create(&config, &phb), IOMMU_EINVAL);
	config.generation = 4;
	config.host.read = NULL;
	assert_int_equal(iommu_model_phb_create(&config, &phb), IOMMU_EINVAL);
	config.host.read = read_word;
	assert_int_equal(test.allocations, 0);
	do {
		test.fail_after = test.allocations + ++nth;
		status = iommu_model_phb_create(&config, &phb);
		test.fail_after = 0;
		assert_true(status == 0 || status == IOMMU_ENOMEM);
		assert_true(status == 0 || test.hosted.pages_in_use == 0);
	} while (status != 0);
	assert_true(nth > 5);
	iommu_model_phb_destroy(phb);
	/* No services of a host at all. */
	test.platform.alloc_pages = NULL;
	assert_int_equal(iommu_model_phb_create(&config, &phb), IOMMU_EINVAL);
}

static void hypervisors_have_all_their_memory_or_are_none(void **state)
{
	struct iommu_model_papr_config config = {.platform = &test.platform,
						 .host = {.read = read_word}};
	struct iommu_model_papr *papr = NULL;

	(void)state;
	config.flags = 1;
	assert_int_equal(iommu_model_papr_create(&config, &papr), IOMMU_EINVAL);
	config.flags = 0;
	config.host.read = NULL;
	assert_int_equal(iommu_model_papr_create(&config, &papr), IOMMU_EINVAL);
	config.host.read = read_word;
	config.dynamic_pages = (1ULL << 28) + 1;
	assert_int_equal(iommu_model_papr_create(&config, &papr), IOMMU_EINVAL);
	config.dynamic_pages = 0;
	test.fail_after = test.allocations + 1;
	assert_int_equal(iommu_model_papr_create(&config, &papr), IOMMU_ENOMEM);
	test.fail_after = 0;
	assert_null(papr);
	assert_int_equal(iommu_model_papr_create(&config, &papr), 0);
	iommu_model_papr_destroy(papr);
	iommu_model_papr_destroy(NULL);
	test.platform.alloc_pages = NULL;
	assert_int_equal(iommu_model_papr_create(&config, &papr), IOMMU_EINVAL);
}

/* A window is granted within the grant, below the limit, and with memory for its entries. */
static void windows_of_a_hypervisor_are_granted(void **state)
{
	const struct iommu_model_papr_config config = {.platform = &test.platform,
						       .host = {.read = read_word},
						       .dynamic_windows = 2,
						       .dynamic_pages = 1 << 20,
						       .dynamic_page_sizes = 1 << 16 | 1 << 24};
	static const struct {
		uint32_t page_shift, size_shift;
		int32_t code;
	} cases[] = {{12, 20, -3}, {16, 15, -3}, {35, 40, -3},
		     {24, 53, -3}, {16, 37, -1}, {24, 37, 0}};
	struct iommu_model_papr *papr = NULL;
	uint32_t inputs[5] = {0}, outputs[4] = {0};
	size_t pages;

	(void)state;
	assert_int_equal(iommu_model_papr_create(&config, &papr), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		inputs[3] = cases[i].page_shift;
		inputs[4] = cases[i].size_shift;
		assert_int_equal(
			iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_CREATE, 5, inputs, 4, outputs),
			cases[i].code);
	}
	/* Limited, windows are smaller. */
	inputs[3] = 1;
	assert_int_equal(iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_LIMIT, 4, inputs, 1, outputs),
			 0);
	inputs[3] = 24;
	inputs[4] = 37;
	assert_int_equal(
		iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_CREATE, 5, inputs, 4, outputs), -1);
	inputs[4] = 36;
	pages = test.hosted.pages_in_use;
	test.fail_after = test.allocations + 1;
	assert_int_equal(
		iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_CREATE, 5, inputs, 4, outputs), -1);
	test.fail_after = 0;
	assert_int_equal(test.hosted.pages_in_use, pages);
	assert_int_equal(
		iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_CREATE, 5, inputs, 4, outputs), 0);
	assert_int_equal(outputs[2] >> 8, 0); /* below 2^40 */
	/* There are no more. */
	assert_int_equal(
		iommu_model_papr_rtas(papr, IOMMU_MODEL_PAPR_CREATE, 5, inputs, 4, outputs), -1);
	iommu_model_papr_destroy(papr);
}

/* --- Tables of firmware ----------------------------------------------------------------------- */

#define BASE 0xfed90000ULL

static struct iommu_dmar_builder builder;
static uint8_t bytes[1 << 18];

static void begin_table(size_t size, unsigned int width)
{
	iommu_dmar_begin(&builder, bytes, size, width, 0);
}

static void begin_unit(void)
{
	begin_table(sizeof(bytes), 48);
	iommu_dmar_add_unit(&builder, 0, BASE, 4096, false);
}

static void ends(int status)
{
	assert_int_equal(iommu_dmar_finish(&builder, "OEM", "TABLE"), status);
	if (status < 0)
		assert_true(builder.refusal[0] != '\0');
}

static void numbers_of_a_table_are_within_their_fields(void **state)
{
	const struct iommu_pci_hop good = {.device = 31, .function = 7};
	const struct iommu_pci_hop device = {.device = 32}, function = {.function = 8};
	static struct iommu_pci_hop path[IOMMU_PCI_PATH_MAX + 1];
	static char name[70000];

	(void)state;
	begin_table(sizeof(bytes), 11);
	ends(IOMMU_EINVAL);
	begin_table(sizeof(bytes), 257);
	ends(IOMMU_EINVAL);
	for (unsigned int i = 0; i < 3; i++) {
		begin_table(sizeof(bytes), 48);
		iommu_dmar_add_unit(&builder, 0, (const iommu_paddr_t[]){0, BASE + 1, BASE}[i],
				    i == 2 ? (4096ULL << 15) + 1 : 4096, true);
		ends(IOMMU_EINVAL);
	}
	for (unsigned int i = 0; i < 3; i++) {
		begin_table(sizeof(bytes), 48);
		iommu_dmar_add_region(&builder, 0, 0x2000,
				      (const iommu_paddr_t[]){0x1fff, 0x2ffe, 0x1000}[i]);
		ends(IOMMU_EINVAL);
	}
	for (unsigned int i = 0; i < 3; i++) {
		begin_table(sizeof(bytes), 48);
		memset(name, 'a', sizeof(name) - 1);
		if (i == 1)
			name[0] = '\0';
		if (i == 2)
			name[10] = '\0';
		iommu_dmar_add_name(&builder, i == 2 ? 256 : 1, name);
		ends(IOMMU_EINVAL);
	}
	begin_unit();
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &good, 0);
	ends(IOMMU_EINVAL);
	begin_unit();
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, path, IOMMU_PCI_PATH_MAX + 1);
	ends(IOMMU_EINVAL);
	begin_unit();
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &device, 1);
	ends(IOMMU_EINVAL);
	begin_unit();
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &function, 1);
	ends(IOMMU_EINVAL);
	begin_unit();
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_IOAPIC, 256, 0, &good, 1);
	ends(IOMMU_EINVAL);
	begin_table(sizeof(bytes), 48);
	iommu_dmar_add_affinity(&builder, BASE, 1);
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &good, 1);
	ends(IOMMU_EINVAL);
	begin_unit();
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_IOAPIC, 255, 0, &good, 1);
	ends(DMAR_HEADER_SIZE + DMAR_DRHD_FIXED_SIZE + DMAR_SCOPE_FIXED_SIZE + DMAR_SCOPE_HOP_SIZE);
}

/* A structure's length has 16 bits. */
static void a_structure_is_full(void **state)
{
	const struct iommu_pci_hop hop = {.device = 1};
	const unsigned int size = DMAR_SCOPE_FIXED_SIZE + DMAR_SCOPE_HOP_SIZE;
	const unsigned int most = (UINT16_MAX - DMAR_DRHD_FIXED_SIZE) / size;
	unsigned int more;

	(void)state;
	for (more = 0; more < 2; more++) {
		begin_unit();
		for (unsigned int i = 0; i < most + more; i++)
			iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &hop, 1);
		ends(more != 0 ? IOMMU_ENOSPC
			       : (int)(DMAR_HEADER_SIZE + DMAR_DRHD_FIXED_SIZE + most * size));
	}
}

/* Whatever does not fit: nothing is written behind the bytes. */
static void a_table_ends_with_its_bytes(void **state)
{
	const struct iommu_pci_hop hop = {.device = 1};
	size_t size, needed;

	(void)state;
	for (size = 0, needed = 0; needed == 0; size++) {
		int status;

		memset(bytes, 0xa5, sizeof(bytes));
		begin_table(size, 48);
		iommu_dmar_add_unit(&builder, 0, BASE, 4096, false);
		iommu_dmar_add_scope(&builder, DMAR_SCOPE_ENDPOINT, 0, 0, &hop, 1);
		iommu_dmar_add_region(&builder, 0, 0x1000, 0x1fff);
		iommu_dmar_add_ports(&builder, 0, true);
		iommu_dmar_add_integrated(&builder, 0, true);
		iommu_dmar_add_affinity(&builder, BASE, 1);
		iommu_dmar_add_name(&builder, 1, "\\_SB.X");
		status = iommu_dmar_finish(&builder, "OEM", "TABLE");
		assert_int_equal(bytes[size], 0xa5);
		assert_true(status == IOMMU_ENOSPC || status == (int)size);
		needed = status > 0 ? size : 0;
	}
	assert_int_equal(needed, DMAR_HEADER_SIZE + DMAR_DRHD_FIXED_SIZE + DMAR_SCOPE_FIXED_SIZE +
					 DMAR_SCOPE_HOP_SIZE + DMAR_RMRR_FIXED_SIZE +
					 2 * DMAR_ATSR_FIXED_SIZE + DMAR_RHSA_FIXED_SIZE +
					 DMAR_ANDD_FIXED_SIZE + sizeof("\\_SB.X"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(units_that_cannot_be_are_refused),
		TEST(units_have_all_their_memory_or_are_none),
		TEST(bridges_have_all_their_memory_or_are_none),
		TEST(hypervisors_have_all_their_memory_or_are_none),
		TEST(windows_of_a_hypervisor_are_granted),
		cmocka_unit_test(numbers_of_a_table_are_within_their_fields),
		cmocka_unit_test(a_structure_is_full),
		cmocka_unit_test(a_table_ends_with_its_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
