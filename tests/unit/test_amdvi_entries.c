/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The datasheet of the AMD IOMMU (include/libiommu/hw/amdvi_*.h): words as the specification's
 * tables have them, written out here bit by bit, and decoded again; fields of any value do not
 * touch each other.
 */
#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/hw/amdvi_capability.h>
#include <libiommu/hw/amdvi_command.h>
#include <libiommu/hw/amdvi_device_table.h>
#include <libiommu/hw/amdvi_event.h>
#include <libiommu/hw/amdvi_features.h>
#include <libiommu/hw/amdvi_guest_table.h>
#include <libiommu/hw/amdvi_interrupt.h>
#include <libiommu/hw/amdvi_page_request.h>
#include <libiommu/hw/amdvi_page_table.h>
#include <libiommu/hw/amdvi_registers.h>

#include "test.h"

#define ROUNDS 2000

static struct test_random start(void **state)
{
	const struct test_random random = {.state = 61};

	(void)state;
	return random;
}

/* --- Fields ----------------------------------------------------------------------------------- */

struct field {
	unsigned int field, word;
	uint64_t mask;
};

/* All fields of a structure: where they are, that they keep their values, that none overlaps. */
static void check_fields(const struct field *fields, unsigned int count, struct test_random *random)
{
	amdvi_word_t words[4] = {0};
	uint64_t taken[4] = {0}, values[64];
	unsigned int i, round;

	assert_true(count <= 64);
	for (i = 0; i < count; i++) {
		assert_int_equal(amdvi_field_word(fields[i].field), fields[i].word);
		assert_int_equal(amdvi_field_mask(fields[i].field), fields[i].mask);
		assert_int_equal(taken[fields[i].word] & fields[i].mask, 0);
		taken[fields[i].word] |= fields[i].mask;
	}
	for (round = 0; round < 100; round++) {
		for (i = 0; i < count; i++) {
			values[i] = test_random_next(random);
			amdvi_set(words, fields[i].field, values[i]);
		}
		for (i = 0; i < count; i++) {
			const uint64_t most = fields[i].mask / (fields[i].mask & -fields[i].mask);

			assert_int_equal(amdvi_get(words, fields[i].field), values[i] & most);
			assert_int_equal(amdvi_has(words, fields[i].field),
					 (values[i] & most) != 0);
			assert_int_equal(amdvi_address(words, fields[i].field),
					 words[fields[i].word] & fields[i].mask);
		}
		for (i = 0; i < 4; i++)
			assert_int_equal(words[i] & ~taken[i], 0);
	}
}

#define CHECK_FIELDS(fields, random)                                                               \
	check_fields(fields, sizeof(fields) / sizeof((fields)[0]), random)

static void fields_are_set_and_read(void **state)
{
	struct test_random random = start(state);
	amdvi_word_t words[2] = {UINT64_MAX, 0};

	assert_int_equal(amdvi_field_mask(AMDVI_FIELD(63, 0)), UINT64_MAX);
	assert_int_equal(amdvi_field_word(AMDVI_FIELD(127, 64)), 1);
	assert_int_equal(amdvi_field_mask(AMDVI_FIELD(127, 64)), UINT64_MAX);
	assert_int_equal(amdvi_place(AMDVI_FIELD(7, 4), 0x123), 0x30);
	assert_int_equal(amdvi_bits(0xabcd, AMDVI_FIELD(7, 4)), 0xc);
	assert_int_equal(amdvi_replace(0xabcd, AMDVI_FIELD(7, 4), 0x15), 0xab5d);
	amdvi_set(words, AMDVI_FIELD(31, 16), 0);
	assert_int_equal(words[0], 0xffffffff0000ffffULL);
	amdvi_set_address(words, AMDVI_FIELD(115, 76), test_random_next(&random) | 0xfff);
	assert_int_equal(words[1] & 0xfff0000000000fffULL, 0);
}

/* A size by its definition: the lowest bit from 12 on that is 0. */
static unsigned int zero_of(uint64_t address)
{
	unsigned int bit = 12;

	while (bit < 64 && (address >> bit & 1) != 0)
		bit++;
	return bit;
}

static void ranges_are_coded_in_addresses(void **state)
{
	struct test_random random = start(state);
	unsigned int shift, round;

	assert_int_equal(amdvi_coded(0x12345000, 13), 0x12344000);
	assert_int_equal(amdvi_coded(0x12345000, 14), 0x12345000);
	assert_int_equal(amdvi_coded(0x40000000, 22), 0x401ff000);
	assert_int_equal(amdvi_coded(0x12345000, 64), 0x7ffffffffffff000ULL);
	assert_int_equal(amdvi_coded_size(0x7ffffffffffff000ULL), 0);
	assert_int_equal(amdvi_coded_base(0x7ffffffffffff000ULL), 0);
	assert_int_equal(amdvi_coded_size(~0ULL), 0);
	for (shift = 13; shift < 64; shift++) {
		for (round = 0; round < 20; round++) {
			const uint64_t address = test_random_next(&random);
			const uint64_t coded = amdvi_coded(address, shift);

			assert_int_equal(zero_of(coded), shift - 1);
			assert_int_equal(coded & 0xfff, 0);
			assert_int_equal(amdvi_coded_size(coded), 1ULL << shift);
			assert_int_equal(amdvi_coded_base(coded), address >> shift << shift);
		}
	}
}

/* --- Registers -------------------------------------------------------------------------------- */

static void registers_are_where_the_layout_has_them(void **state)
{
	static const struct {
		uint32_t offset, expected;
	} places[] = {
		{AMDVI_DEVICE_TABLE_BASE, 0},
		{AMDVI_COMMAND_BASE, 8},
		{AMDVI_EVENT_BASE, 0x10},
		{AMDVI_CONTROL, 0x18},
		{AMDVI_EXCLUSION_BASE, 0x20},
		{AMDVI_EXCLUSION_LIMIT, 0x28},
		{AMDVI_EFR, 0x30},
		{AMDVI_PPR_BASE, 0x38},
		{AMDVI_HEV_STATUS, 0x50},
		{AMDVI_GA_BASE, 0xe0},
		{AMDVI_XT_INTERRUPT_GENERAL, 0x170},
		{AMDVI_XT_INTERRUPT_PPR, 0x178},
		{AMDVI_XT_INTERRUPT_GA, 0x180},
		{AMDVI_EFR2, 0x1a0},
		{AMDVI_COMMAND_HEAD, 0x2000},
		{AMDVI_COMMAND_TAIL, 0x2008},
		{AMDVI_EVENT_HEAD, 0x2010},
		{AMDVI_EVENT_TAIL, 0x2018},
		{AMDVI_STATUS, 0x2020},
		{AMDVI_PPR_HEAD, 0x2030},
		{AMDVI_PPR_TAIL, 0x2038},
		{AMDVI_GA_HEAD, 0x2040},
		{AMDVI_GA_TAIL, 0x2048},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		assert_int_equal(places[i].offset, places[i].expected);
	assert_int_equal(amdvi_segment_register(0), 0);
	assert_int_equal(amdvi_segment_register(1), 0x100);
	assert_int_equal(amdvi_segment_register(7), 0x130);
}

static void features_are_decoded(void **state)
{
	static const struct field fields[] = {
		{AMDVI_EFR_PREF, 0, 1},
		{AMDVI_EFR_PPR, 0, 2},
		{AMDVI_EFR_XT, 0, 4},
		{AMDVI_EFR_NX, 0, 8},
		{AMDVI_EFR_GT, 0, 0x10},
		{AMDVI_EFR_IA, 0, 0x40},
		{AMDVI_EFR_GA, 0, 0x80},
		{AMDVI_EFR_HE, 0, 0x100},
		{AMDVI_EFR_PC, 0, 0x200},
		{AMDVI_EFR_HATS, 0, 0xc00},
		{AMDVI_EFR_GATS, 0, 0x3000},
		{AMDVI_EFR_GLX, 0, 0xc000},
		{AMDVI_EFR_SMIF, 0, 3 << 16},
		{AMDVI_EFR_SMIF_COUNT, 0, 7 << 18},
		{AMDVI_EFR_GAM, 0, 7 << 21},
		{AMDVI_EFR_DUAL_PPR, 0, 3 << 24},
		{AMDVI_EFR_DUAL_EVENT, 0, 3 << 28},
		{AMDVI_EFR_PASMAX, 0, 31ULL << 32},
		{AMDVI_EFR_US, 0, 1ULL << 37},
		{AMDVI_EFR_SEGMENTS, 0, 3ULL << 38},
		{AMDVI_EFR_MSI_CAP_MMIO, 0, 1ULL << 46},
		{AMDVI_EFR_GIO, 0, 1ULL << 48},
		{AMDVI_EFR_HA, 0, 1ULL << 49},
		{AMDVI_EFR_EPH, 0, 1ULL << 50},
		{AMDVI_EFR_HD, 0, 1ULL << 52},
		{AMDVI_EFR_INV_IOTLB_TYPE, 0, 1ULL << 54},
		{AMDVI_EFR_VM_TABLE_SIZE, 0, 15ULL << 57},
		{AMDVI_EFR_SNP, 0, 1ULL << 63},
	};
	struct test_random random = start(state);

	CHECK_FIELDS(fields, &random);
	/* QEMU's unit, as it is, without host tables, and with fewer levels. */
	assert_int_equal(amdvi_efr_host_levels(0x29d3), 6);
	assert_int_equal(amdvi_efr_host_levels(0x2dd3), 0);
	assert_int_equal(amdvi_efr_host_levels(0x01d3), 4);
	assert_int_equal(amdvi_efr_host_levels(0x05d3), 5);
	assert_int_equal(amdvi_efr_guest_levels(0x1000), 5);
	assert_int_equal(amdvi_efr_guest_levels(0x2000), 4);
	assert_int_equal(amdvi_efr_pasid_bits(15ULL << 32), 16);
	assert_int_equal(amdvi_efr_pasid_bits(31ULL << 32), 20);
	assert_int_equal(amdvi_field_mask(AMDVI_EFR2_GCR3_TRP), 8);
	assert_int_equal(amdvi_field_mask(AMDVI_EFR2_INT_REMAP), 0x300);
	assert_int_equal(amdvi_field_mask(AMDVI_EFR2_HT_RANGE_IGNORE), 0x800);
}

static void control_has_fields_of_its_own(void **state)
{
	static const struct field fields[] = {
		{AMDVI_CONTROL_IOMMU_EN, 0, 1},
		{AMDVI_CONTROL_HT_TUN_EN, 0, 2},
		{AMDVI_CONTROL_EVENT_LOG_EN, 0, 4},
		{AMDVI_CONTROL_EVENT_INT_EN, 0, 8},
		{AMDVI_CONTROL_COM_WAIT_INT_EN, 0, 0x10},
		{AMDVI_CONTROL_INV_TIMEOUT, 0, 0xe0},
		{AMDVI_CONTROL_PASS_PW, 0, 0x100},
		{AMDVI_CONTROL_RES_PASS_PW, 0, 0x200},
		{AMDVI_CONTROL_COHERENT, 0, 0x400},
		{AMDVI_CONTROL_ISOC, 0, 0x800},
		{AMDVI_CONTROL_CMD_BUF_EN, 0, 0x1000},
		{AMDVI_CONTROL_PPR_LOG_EN, 0, 0x2000},
		{AMDVI_CONTROL_PPR_INT_EN, 0, 0x4000},
		{AMDVI_CONTROL_PPR_EN, 0, 0x8000},
		{AMDVI_CONTROL_GT_EN, 0, 0x10000},
		{AMDVI_CONTROL_GA_EN, 0, 0x20000},
		{AMDVI_CONTROL_GAM_EN, 0, 7 << 25},
		{AMDVI_CONTROL_GA_LOG_EN, 0, 1 << 28},
		{AMDVI_CONTROL_GA_INT_EN, 0, 1 << 29},
		{AMDVI_CONTROL_SEGMENTS_EN, 0, 7ULL << 34},
		{AMDVI_CONTROL_INT_REMAP_MODE, 0, 3ULL << 43},
		{AMDVI_CONTROL_EPH_EN, 0, 1ULL << 45},
		{AMDVI_CONTROL_HAD_UPDATE, 0, 3ULL << 46},
		{AMDVI_CONTROL_XT_EN, 0, 1ULL << 50},
		{AMDVI_CONTROL_INT_CAP_XT_EN, 0, 1ULL << 51},
		{AMDVI_CONTROL_GCR3_TRP_MODE, 0, 1ULL << 58},
		{AMDVI_CONTROL_IRT_CACHE_DIS, 0, 1ULL << 59},
		{AMDVI_CONTROL_SNP_AVIC_EN, 0, 7ULL << 61},
	};
	static const struct field capability[] = {
		{AMDVI_CAP_ID, 0, 0xff},          {AMDVI_CAP_NEXT, 0, 0xff00},
		{AMDVI_CAP_TYPE, 0, 7 << 16},     {AMDVI_CAP_REVISION, 0, 31 << 19},
		{AMDVI_CAP_IOTLB, 0, 1 << 24},    {AMDVI_CAP_HT_TUNNEL, 0, 1 << 25},
		{AMDVI_CAP_NP_CACHE, 0, 1 << 26}, {AMDVI_CAP_EFR, 0, 1 << 27},
		{AMDVI_CAP_EXT, 0, 1 << 28},
	};
	struct test_random random = start(state);

	CHECK_FIELDS(fields, &random);
	CHECK_FIELDS(capability, &random);
	assert_int_equal(amdvi_field_mask(AMDVI_CAP_BASE_ADDRESS), 0xffffffffffffc000ULL);
	assert_int_equal(AMDVI_STATUS_CLEAR,
			 AMDVI_STATUS_EVENT_OVERFLOW | AMDVI_STATUS_EVENT_LOG_INT |
				 AMDVI_STATUS_COM_WAIT_INT | AMDVI_STATUS_PPR_OVERFLOW |
				 AMDVI_STATUS_PPR_INT | AMDVI_STATUS_GA_OVERFLOW |
				 AMDVI_STATUS_GA_INT | AMDVI_STATUS_PPR_B_OVERFLOW |
				 AMDVI_STATUS_EVENT_B_OVERFLOW | AMDVI_STATUS_PPR_B_EARLY |
				 AMDVI_STATUS_PPR_EARLY);
	assert_int_equal(AMDVI_STATUS_EVENT_LOG_RUN | AMDVI_STATUS_CMD_BUF_RUN, 0x18);
}

static void bases_are_encoded(void **state)
{
	struct test_random random = start(state);
	unsigned int i;

	assert_int_equal(amdvi_device_table_base(0x123456000ULL, 0x200000), 0x1234561ffULL);
	assert_int_equal(amdvi_device_table_base(0x123456000ULL, 0x1000), 0x123456000ULL);
	assert_int_equal(amdvi_device_table_size(0x1234561ffULL), AMDVI_DEVICE_TABLE_MAX);
	assert_int_equal(amdvi_device_table_address(~0ULL), 0x000ffffffffff000ULL);
	assert_int_equal(amdvi_ring_base(0x123456000ULL, 9), 0x0900000123456000ULL);
	assert_int_equal(amdvi_ring_offset(~0ULL, 15), 0x7fff0);
	assert_int_equal(amdvi_ring_offset(0x1238, 8), 0x230);
	assert_int_equal(amdvi_xt_interrupt(0x12345678, 0x9a), 0x1200009a34567800ULL);
	for (i = 0; i < ROUNDS; i++) {
		const uint64_t base = test_random_next(&random);
		const uint32_t destination = (uint32_t)test_random_next(&random);

		assert_int_equal(amdvi_ring_address(amdvi_ring_base(base, 8 + i % 8)),
				 base & 0x000ffffffffff000ULL);
		assert_int_equal(amdvi_ring_order(amdvi_ring_base(base, 8 + i % 8)), 8 + i % 8);
		assert_int_equal(amdvi_xt_destination(amdvi_xt_interrupt(destination, i)),
				 destination);
	}
}

/* --- Structures ------------------------------------------------------------------------------- */

static const struct field dte_fields[] = {
	{AMDVI_DTE_V, 0, 1},
	{AMDVI_DTE_TV, 0, 2},
	{AMDVI_DTE_HAD, 0, 0x180},
	{AMDVI_DTE_MODE, 0, 0xe00},
	{AMDVI_DTE_HOST_ROOT, 0, 0x000ffffffffff000ULL},
	{AMDVI_DTE_PPR, 0, 1ULL << 52},
	{AMDVI_DTE_GPRP, 0, 1ULL << 53},
	{AMDVI_DTE_GIOV, 0, 1ULL << 54},
	{AMDVI_DTE_GV, 0, 1ULL << 55},
	{AMDVI_DTE_GLX, 0, 3ULL << 56},
	{AMDVI_DTE_GCR3_14_12, 0, 7ULL << 58},
	{AMDVI_DTE_IR, 0, 1ULL << 61},
	{AMDVI_DTE_IW, 0, 1ULL << 62},
	{AMDVI_DTE_DOMAIN, 1, 0xffff},
	{AMDVI_DTE_GCR3_30_15, 1, 0xffff0000},
	{AMDVI_DTE_I, 1, 1ULL << 32},
	{AMDVI_DTE_SE, 1, 1ULL << 33},
	{AMDVI_DTE_SA, 1, 1ULL << 34},
	{AMDVI_DTE_IOCTL, 1, 3ULL << 35},
	{AMDVI_DTE_CACHE, 1, 1ULL << 37},
	{AMDVI_DTE_SD, 1, 1ULL << 38},
	{AMDVI_DTE_EX, 1, 1ULL << 39},
	{AMDVI_DTE_SYSMGT, 1, 3ULL << 40},
	{AMDVI_DTE_SATS, 1, 1ULL << 42},
	{AMDVI_DTE_GCR3_51_31, 1, 0xfffff80000000000ULL},
	{AMDVI_DTE_IV, 2, 1},
	{AMDVI_DTE_INT_TAB_LEN, 2, 0x1e},
	{AMDVI_DTE_IG, 2, 0x20},
	{AMDVI_DTE_INT_ROOT, 2, 0x000fffffffffffc0ULL},
	{AMDVI_DTE_GUEST_MODE, 2, 3ULL << 54},
	{AMDVI_DTE_INIT_PASS, 2, 1ULL << 56},
	{AMDVI_DTE_EINT_PASS, 2, 1ULL << 57},
	{AMDVI_DTE_NMI_PASS, 2, 1ULL << 58},
	{AMDVI_DTE_HPT_MODE, 2, 1ULL << 59},
	{AMDVI_DTE_INT_CTL, 2, 3ULL << 60},
	{AMDVI_DTE_LINT0_PASS, 2, 1ULL << 62},
	{AMDVI_DTE_LINT1_PASS, 2, 1ULL << 63},
	{AMDVI_DTE_VIMU_EN, 3, 1 << 15},
	{AMDVI_DTE_GUEST_DEVID, 3, 0xffff0000},
	{AMDVI_DTE_GUEST_ID, 3, 0xffffULL << 32},
	{AMDVI_DTE_SOFTWARE, 3, 1ULL << 53},
	{AMDVI_DTE_ATTR_V, 3, 1ULL << 54},
	{AMDVI_DTE_MODE0_FC, 3, 1ULL << 55},
	{AMDVI_DTE_SNOOP_ATTR, 3, 0xffULL << 56},
};

static void device_table_entries(void **state)
{
	static const uint64_t reserved[] = {AMDVI_DTE_RESERVED_0, AMDVI_DTE_RESERVED_1,
					    AMDVI_DTE_RESERVED_2, AMDVI_DTE_RESERVED_3};
	struct test_random random = start(state);
	struct amdvi_dte dte = amdvi_dte_blocked();
	uint64_t taken[4] = {0};
	unsigned int i;

	CHECK_FIELDS(dte_fields, &random);
	for (i = 0; i < sizeof(dte_fields) / sizeof(dte_fields[0]); i++)
		taken[dte_fields[i].word] |= dte_fields[i].mask;
	for (i = 0; i < 4; i++)
		assert_int_equal(reserved[i], ~taken[i]);
	assert_int_equal(AMDVI_DTE_INTERRUPT_BITS | AMDVI_DTE_MEMORY_BITS_2 | AMDVI_DTE_RESERVED_2,
			 UINT64_MAX);
	assert_int_equal(AMDVI_DTE_INTERRUPT_BITS & AMDVI_DTE_MEMORY_BITS_2, 0);
	assert_int_equal(dte.words[0], 3);
	assert_int_equal(dte.words[1] | dte.words[2] | dte.words[3], 0);
	for (i = 0; i < ROUNDS; i++) {
		const uint64_t root = test_random_next(&random) & 0x000ffffffffff000ULL;

		amdvi_dte_set_gcr3_root(&dte, root);
		assert_int_equal(amdvi_dte_gcr3_root(&dte), root);
	}
	amdvi_dte_set_gcr3_root(&dte, 0);
	assert_int_equal(dte.words[0], 3);
	assert_int_equal(dte.words[1], 0);
}

static void settings_of_firmware(void **state)
{
	struct amdvi_dte dte = amdvi_dte_blocked();

	(void)state;
	amdvi_dte_set_firmware(&dte, IVRS_SETTING_LINT1_PASS | IVRS_SETTING_INIT_PASS);
	assert_int_equal(dte.words[2], 1ULL << 63 | 1ULL << 56);
	amdvi_dte_set_firmware(&dte, IVRS_SETTING_EINT_PASS | IVRS_SETTING_NMI_PASS);
	assert_int_equal(dte.words[2], 3ULL << 57);
	amdvi_dte_set_firmware(&dte, IVRS_SETTING_SYSMGT | IVRS_SETTING_LINT0_PASS);
	assert_int_equal(dte.words[2], 1ULL << 62);
	assert_int_equal(amdvi_get(dte.words, AMDVI_DTE_SYSMGT), 3);
	amdvi_dte_set_firmware(&dte, 1U << 4);
	assert_int_equal(amdvi_get(dte.words, AMDVI_DTE_SYSMGT), AMDVI_SYSMGT_FORWARD);
	assert_int_equal(dte.words[2], 0);
}

static void page_table_entries(void **state)
{
	struct test_random random = start(state);
	unsigned int shift, level, i;

	assert_int_equal(amdvi_pte_table(0x123456000ULL, 3), 0x6000000123456601ULL);
	assert_int_equal(amdvi_pte_leaf(0x123456000ULL, AMDVI_PTE_READ), 0x2000000123456001ULL);
	assert_int_equal(amdvi_pte_leaf_coded(0x123450000ULL, 16, AMDVI_PTE_WRITE | AMDVI_PTE_FC),
			 0x5000000123457e01ULL);
	assert_int_equal(amdvi_pte_leaf_coded(0x123450000ULL, 13, 0), 0x123450e01ULL);
	assert_int_equal(AMDVI_PTE_PRESENT | AMDVI_PTE_IGNORED | AMDVI_PTE_ACCESSED |
				 AMDVI_PTE_DIRTY | AMDVI_PTE_ADDRESS | AMDVI_PTE_RESERVED |
				 AMDVI_PTE_MIGRATION | AMDVI_PTE_U | AMDVI_PTE_FC | AMDVI_PTE_READ |
				 AMDVI_PTE_WRITE | amdvi_field_mask(AMDVI_PTE_NEXT_LEVEL),
			 UINT64_MAX);
	assert_int_equal(amdvi_level_shift(1), 12);
	assert_int_equal(amdvi_level_shift(6), 57);
	assert_int_equal(amdvi_address_width(1), 21);
	assert_int_equal(amdvi_address_width(5), 57);
	assert_int_equal(amdvi_address_width(6), 64);
	for (level = 1; level <= 6; level++) {
		const uint64_t entry = amdvi_pte_table(test_random_next(&random), level);

		assert_int_equal(amdvi_pte_next_level(entry), level);
		assert_false(amdvi_pte_is_leaf(entry) || amdvi_pte_is_coded(entry));
		assert_int_equal(entry & AMDVI_PTE_TABLE_RESERVED, 0);
	}
	for (shift = 13; shift <= 52; shift++) {
		for (i = 0; i < 20; i++) {
			const uint64_t paddr = test_random_next(&random) & AMDVI_PTE_ADDRESS;
			const uint64_t entry = amdvi_pte_leaf_coded(paddr, shift, AMDVI_PTE_READ);

			assert_true(amdvi_pte_is_leaf(entry) && amdvi_pte_is_coded(entry));
			assert_int_equal(amdvi_pte_coded_size(entry), 1ULL << shift);
			assert_int_equal(amdvi_pte_address(entry), paddr >> shift << shift);
			assert_int_equal(entry & (AMDVI_PTE_RESERVED | AMDVI_PTE_MIGRATION), 0);
		}
	}
	/* Of hostile entries the size is a power of two, and the address a multiple of it. */
	assert_int_equal(amdvi_pte_coded_size(UINT64_MAX), 1ULL << 53);
	assert_int_equal(amdvi_pte_address(UINT64_MAX), 0);
}

static void guest_tables(void **state)
{
	(void)state;
	assert_int_equal(amdvi_gcr3_entry(0x123456789ULL), 0x123456001ULL);
	assert_true(amdvi_gcr3_is_valid(1) && !amdvi_gcr3_is_valid(~1ULL));
	assert_int_equal(amdvi_gcr3_address(~0ULL), 0x000ffffffffff000ULL);
	assert_int_equal(amdvi_gcr3_pasid_bits(1), 9);
	assert_int_equal(amdvi_gcr3_pasid_bits(2), 18);
	assert_int_equal(amdvi_gcr3_pasid_bits(3), 20);
	assert_int_equal(amdvi_gcr3_index(0xabcde, 1), 0xde);
	assert_int_equal(amdvi_gcr3_index(0xabcde, 2), 0x15e);
	assert_int_equal(amdvi_gcr3_index(0xabcde, 3), 2);
}

/* --- Commands --------------------------------------------------------------------------------- */

static void check_command(struct amdvi_command c, uint64_t word0, uint64_t word1)
{
	assert_int_equal(c.words[0], word0);
	assert_int_equal(c.words[1], word1);
	assert_int_equal(amdvi_command_opcode(&c), word0 >> 60);
}

static void commands_have_their_bits(void **state)
{
	struct amdvi_command c;

	(void)state;
	check_command(amdvi_completion_wait(0x123456788ULL, 42), 0x1000000123456789ULL, 42);
	check_command(amdvi_invalidate_devtab_entry(0x1234), 0x2000000000001234ULL, 0);
	check_command(amdvi_invalidate_interrupt_table(0x1234), 0x5000000000001234ULL, 0);
	check_command(amdvi_invalidate_all(), 0x8000000000000000ULL, 0);
	check_command(amdvi_invalidate_pages(0xabcd, 0x12345678, 12, false), 0x3000abcd00000000ULL,
		      0x12345000);
	check_command(amdvi_invalidate_pages(1, 0x12345678, 16, true), 0x3000000100000000ULL,
		      0x12347003);
	check_command(amdvi_invalidate_pages(1, 0, 64, true), 0x3000000100000000ULL,
		      0x7ffffffffffff003ULL);
	check_command(amdvi_pages_with_pasid(amdvi_invalidate_pages(1, 0, 12, true), 0xfedcb),
		      0x30000001000fedcbULL, 6);
	c = amdvi_invalidate_iotlb(0x1234, 32, 0x5000, 13);
	check_command(c, 0x4000123420001234ULL, 0x4001);
	c = amdvi_iotlb_with_pasid(amdvi_invalidate_iotlb(0x1234, 0x120, 0, 64), 0xfedcb);
	check_command(c, 0x4fcb123420ed1234ULL, 0x7ffffffffffff005ULL);
	assert_int_equal(amdvi_iotlb_pasid(&c), 0xfedcb);
	assert_int_equal(amdvi_command_devid(&c), 0x1234);
	c = amdvi_complete_ppr(0x1234, 0x1ff, AMDVI_PAGE_FAILURE);
	check_command(c, 0x7000000000001234ULL, 0x0000f1ff00000000ULL);
	check_command(amdvi_ppr_with_pasid(c, 0xfedcb), 0x700fedcb00001234ULL,
		      0x0000f1ff00000004ULL);
}

static void ranges_of_commands_are_read_back(void **state)
{
	struct test_random random = start(state);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		const unsigned int shift = 12 + i % 53;
		const uint64_t address = test_random_next(&random);
		const uint64_t size = shift == 64 ? 0 : 1ULL << shift;
		const struct amdvi_command c = amdvi_invalidate_pages(7, address, shift, false);

		assert_int_equal(amdvi_command_size(&c), size);
		assert_int_equal(amdvi_command_address(&c), size == 0 ? 0 : address & ~(size - 1));
	}
}

/* --- Records ---------------------------------------------------------------------------------- */

static void events(void **state)
{
	static const struct field fields[] = {
		{AMDVI_EVENT_DEVID, 0, 0xffff},
		{AMDVI_EVENT_PASID_19_16, 0, 0xf0000},
		{AMDVI_EVENT_PASID_15_0, 0, 0xffffULL << 32},
		{AMDVI_EVENT_GN, 0, 1ULL << 48},
		{AMDVI_EVENT_NX, 0, 1ULL << 49},
		{AMDVI_EVENT_US, 0, 1ULL << 50},
		{AMDVI_EVENT_I, 0, 1ULL << 51},
		{AMDVI_EVENT_PR, 0, 1ULL << 52},
		{AMDVI_EVENT_RW, 0, 1ULL << 53},
		{AMDVI_EVENT_PE, 0, 1ULL << 54},
		{AMDVI_EVENT_RZ, 0, 1ULL << 55},
		{AMDVI_EVENT_TR, 0, 1ULL << 56},
		{AMDVI_EVENT_TYPE, 0, 3ULL << 57},
		{AMDVI_EVENT_CODE, 0, 15ULL << 60},
		{AMDVI_EVENT_ADDRESS, 1, UINT64_MAX},
	};
	struct test_random random = start(state);
	struct amdvi_event event = amdvi_event_of(AMDVI_IO_PAGE_FAULT, 0x1234, 0x56789);

	CHECK_FIELDS(fields, &random);
	assert_int_equal(event.words[0], 0x2000000000001234ULL);
	assert_int_equal(event.words[1], 0x56789);
	assert_int_equal(amdvi_event_code(&event), AMDVI_IO_PAGE_FAULT);
	assert_int_equal(amdvi_event_devid(&event), 0x1234);
	amdvi_event_set_pasid(&event, 0xfedcb);
	assert_int_equal(event.words[0], 0x2001edcb000f1234ULL);
	assert_int_equal(amdvi_event_pasid(&event), 0xfedcb);
	event.words[0] = 0x9200ac00edcb1234ULL;
	assert_int_equal(amdvi_event_ppr_pasid(&event), 0xbedcb);
	assert_int_equal(amdvi_get(event.words, AMDVI_EVENT_PPR_TAG), 0);
	assert_true(amdvi_has(event.words, AMDVI_EVENT_PPR_GN));
}

static void page_requests(void **state)
{
	static const struct field fields[] = {
		{AMDVI_PPR_DEVID, 0, 0xffff},
		{AMDVI_PPR_PASID_15_0, 0, 0xffff0000},
		{AMDVI_PPR_TAG, 0, 0x1ffULL << 32},
		{AMDVI_PPR_LAST, 0, 1ULL << 41},
		{AMDVI_PPR_PASID_19_16, 0, 15ULL << 42},
		{AMDVI_PPR_EXECUTE, 0, 1ULL << 49},
		{AMDVI_PPR_READ, 0, 1ULL << 50},
		{AMDVI_PPR_WRITE, 0, 1ULL << 53},
		{AMDVI_PPR_USER, 0, 1ULL << 54},
		{AMDVI_PPR_RESERVED, 0, 1ULL << 55},
		{AMDVI_PPR_GN, 0, 1ULL << 56},
		{AMDVI_PPR_CODE, 0, 15ULL << 60},
		{AMDVI_PPR_ADDRESS, 1, ~0xfffULL},
	};
	struct test_random random = start(state);
	struct amdvi_page_request request = {{0}};

	CHECK_FIELDS(fields, &random);
	amdvi_page_request_set_pasid(&request, 0xfedcb);
	assert_int_equal(request.words[0], 0x01003c00edcb0000ULL);
	assert_int_equal(amdvi_page_request_pasid(&request), 0xfedcb);
}

static void interrupt_entries(void **state)
{
	struct amdvi_irte_long irte =
		amdvi_irte_long_of(AMDVI_INT_TYPE_ARBITRATED, true, 0x12345678, 0x9a);

	(void)state;
	assert_int_equal(amdvi_irte_of(AMDVI_INT_TYPE_FIXED, false, 0x12, 0x9a), 0x009a1201);
	assert_int_equal(amdvi_irte_of(AMDVI_INT_TYPE_ARBITRATED, true, 0x12, 0x9a), 0x009a1245);
	assert_int_equal(irte.words[0], 0x34567845);
	assert_int_equal(irte.words[1], 0x120000000000009aULL);
	assert_int_equal(amdvi_irte_long_destination(&irte), 0x12345678);
	assert_int_equal(amdvi_bits(0xffffffff, AMDVI_MSI_INDEX), 0x7ff);
	assert_int_equal(amdvi_field_mask(AMDVI_IRTE_VAPIC_PAGE), 0x000ffffffffff000ULL);
}

/* --- Firmware --------------------------------------------------------------------------------- */

static void fields_of_ivrs(void **state)
{
	(void)state;
	assert_int_equal(ivrs_info_pa_size(0x203043), 0x30);
	assert_int_equal(ivrs_info_va_size(0x203043), 0x40);
	assert_int_equal(ivrs_info_gva_size(0x203043), 2);
	assert_int_equal(ivrs_info_msi(0xff1f), 0x1f);
	assert_int_equal(ivrs_info_unit_id(0x1f00), 0x1f);
	assert_int_equal(ivrs_counters(0x1e000), 15);
	assert_int_equal(ivrs_counter_banks(0x7e0000), 63);
	assert_int_equal(ivrs_msi_ppr(0xf800000), 31);
	assert_int_equal(ivrs_entry_fixed_size(IVRS_ENTRY_END), 4);
	assert_int_equal(ivrs_entry_fixed_size(IVRS_ENTRY_SPECIAL), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_set_and_read),
		cmocka_unit_test(ranges_are_coded_in_addresses),
		cmocka_unit_test(registers_are_where_the_layout_has_them),
		cmocka_unit_test(features_are_decoded),
		cmocka_unit_test(control_has_fields_of_its_own),
		cmocka_unit_test(bases_are_encoded),
		cmocka_unit_test(device_table_entries),
		cmocka_unit_test(settings_of_firmware),
		cmocka_unit_test(page_table_entries),
		cmocka_unit_test(guest_tables),
		cmocka_unit_test(commands_have_their_bits),
		cmocka_unit_test(ranges_of_commands_are_read_back),
		cmocka_unit_test(events),
		cmocka_unit_test(page_requests),
		cmocka_unit_test(interrupt_entries),
		cmocka_unit_test(fields_of_ivrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
