/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The datasheet of Arm's SMMUv3 (include/libiommu/hw/smmu_*.h): words as the specification's tables
 * have them, written out here bit by bit, and decoded again; fields of any value do not touch each
 * other.
 */
#include <libiommu/hw/smmu_command.h>
#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_event.h>
#include <libiommu/hw/smmu_page_request.h>
#include <libiommu/hw/smmu_registers.h>
#include <libiommu/hw/smmu_stream_table.h>

#include "test.h"

#define ROUNDS 2000

static struct test_random start(void **state)
{
	const struct test_random random = {.state = 23};

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
	smmu_word_t words[8] = {0};
	uint64_t taken[8] = {0}, values[64];
	unsigned int i, round;

	assert_true(count <= 64);
	for (i = 0; i < count; i++) {
		assert_int_equal(smmu_field_word(fields[i].field), fields[i].word);
		assert_int_equal(smmu_field_mask(fields[i].field), fields[i].mask);
		assert_int_equal(taken[fields[i].word] & fields[i].mask, 0);
		taken[fields[i].word] |= fields[i].mask;
	}
	for (round = 0; round < 100; round++) {
		for (i = 0; i < count; i++) {
			values[i] = test_random_next(random);
			smmu_set(words, fields[i].field, values[i]);
		}
		for (i = 0; i < count; i++) {
			const uint64_t most = fields[i].mask / (fields[i].mask & -fields[i].mask);

			assert_int_equal(smmu_get(words, fields[i].field), values[i] & most);
			assert_int_equal(smmu_has(words, fields[i].field), (values[i] & most) != 0);
			assert_int_equal(smmu_address(words, fields[i].field),
					 words[fields[i].word] & fields[i].mask);
		}
		for (i = 0; i < 8; i++)
			assert_int_equal(words[i] & ~taken[i], 0);
	}
}

static void fields_are_set_and_read(void **state)
{
	struct test_random random = start(state);
	smmu_word_t words[2] = {UINT64_MAX, 0};

	assert_int_equal(smmu_field_mask(SMMU_FIELD(0, 63, 0)), UINT64_MAX);
	assert_int_equal(smmu_field_mask(SMMU_BIT(1, 63)), 1ULL << 63);
	assert_int_equal(smmu_place(SMMU_FIELD(0, 7, 4), 0x123), 0x30);
	assert_int_equal(smmu_bits(0xabcd, SMMU_FIELD(0, 7, 4)), 0xc);
	smmu_set(words, SMMU_FIELD(0, 31, 16), 0);
	assert_int_equal(words[0], 0xffffffff0000ffffULL);
	smmu_set_address(words, SMMU_FIELD(1, 51, 12), test_random_next(&random) | 0xfff);
	assert_int_equal(words[1] & 0xfff0000000000fffULL, 0);
	assert_int_equal(smmu_address_bits(0), 32);
	assert_int_equal(smmu_address_bits(6), 52);
	assert_int_equal(smmu_address_size(48), 5);
	assert_int_equal(smmu_address_size(47), 4);
	assert_int_equal(smmu_address_size(8), 0);
}

/* --- Registers -------------------------------------------------------------------------------- */

static void registers_are_where_the_layout_has_them(void **state)
{
	static const struct {
		uint32_t offset, expected;
	} places[] = {
		{SMMU_IDR0, 0},
		{SMMU_IDR5, 0x14},
		{SMMU_IIDR, 0x18},
		{SMMU_AIDR, 0x1c},
		{SMMU_CR0, 0x20},
		{SMMU_CR0ACK, 0x24},
		{SMMU_CR1, 0x28},
		{SMMU_CR2, 0x2c},
		{SMMU_STATUSR, 0x40},
		{SMMU_GBPA, 0x44},
		{SMMU_IRQ_CTRL, 0x50},
		{SMMU_IRQ_CTRLACK, 0x54},
		{SMMU_GERROR, 0x60},
		{SMMU_GERRORN, 0x64},
		{SMMU_GERROR_IRQ_CFG0, 0x68},
		{SMMU_GERROR_IRQ_CFG1, 0x70},
		{SMMU_GERROR_IRQ_CFG2, 0x74},
		{SMMU_STRTAB_BASE, 0x80},
		{SMMU_STRTAB_BASE_CFG, 0x88},
		{SMMU_CMDQ_BASE, 0x90},
		{SMMU_CMDQ_PROD, 0x98},
		{SMMU_CMDQ_CONS, 0x9c},
		{SMMU_EVENTQ_BASE, 0xa0},
		{SMMU_EVENTQ_IRQ_CFG0, 0xb0},
		{SMMU_EVENTQ_IRQ_CFG2, 0xbc},
		{SMMU_PRIQ_BASE, 0xc0},
		{SMMU_PRIQ_IRQ_CFG0, 0xd0},
		{SMMU_PRIQ_IRQ_CFG2, 0xdc},
		{SMMU_EVENTQ_PROD, 0x100a8},
		{SMMU_EVENTQ_CONS, 0x100ac},
		{SMMU_PRIQ_PROD, 0x100c8},
		{SMMU_PRIQ_CONS, 0x100cc},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		assert_int_equal(places[i].offset, places[i].expected);
}

static void features_have_fields_of_their_own(void **state)
{
	static const struct field idr0[] = {
		{SMMU_IDR0_S2P, 0, 1},
		{SMMU_IDR0_S1P, 0, 2},
		{SMMU_IDR0_TTF, 0, 0xc},
		{SMMU_IDR0_COHACC, 0, 0x10},
		{SMMU_IDR0_BTM, 0, 0x20},
		{SMMU_IDR0_HTTU, 0, 0xc0},
		{SMMU_IDR0_DORMHINT, 0, 0x100},
		{SMMU_IDR0_HYP, 0, 0x200},
		{SMMU_IDR0_ATS, 0, 0x400},
		{SMMU_IDR0_NS1ATS, 0, 0x800},
		{SMMU_IDR0_ASID16, 0, 0x1000},
		{SMMU_IDR0_MSI, 0, 0x2000},
		{SMMU_IDR0_SEV, 0, 0x4000},
		{SMMU_IDR0_ATOS, 0, 0x8000},
		{SMMU_IDR0_PRI, 0, 0x10000},
		{SMMU_IDR0_VMW, 0, 0x20000},
		{SMMU_IDR0_VMID16, 0, 0x40000},
		{SMMU_IDR0_CD2L, 0, 0x80000},
		{SMMU_IDR0_VATOS, 0, 0x100000},
		{SMMU_IDR0_TTENDIAN, 0, 0x600000},
		{SMMU_IDR0_ATSRECERR, 0, 0x800000},
		{SMMU_IDR0_STALL, 0, 0x3000000},
		{SMMU_IDR0_TERM_MODEL, 0, 0x4000000},
		{SMMU_IDR0_ST_LEVEL, 0, 0x18000000},
	};
	static const struct field idr1[] = {
		{SMMU_IDR1_SIDSIZE, 0, 0x3f},           {SMMU_IDR1_SSIDSIZE, 0, 0x7c0},
		{SMMU_IDR1_PRIQS, 0, 0xf800},           {SMMU_IDR1_EVENTQS, 0, 0x1f0000},
		{SMMU_IDR1_CMDQS, 0, 0x3e00000},        {SMMU_IDR1_ATTR_PERMS_OVR, 0, 1 << 26},
		{SMMU_IDR1_ATTR_TYPES_OVR, 0, 1 << 27}, {SMMU_IDR1_REL, 0, 1 << 28},
		{SMMU_IDR1_QUEUES_PRESET, 0, 1 << 29},  {SMMU_IDR1_TABLES_PRESET, 0, 1 << 30},
		{SMMU_IDR1_ECMDQ, 0, 1U << 31},
	};
	static const struct field idr5[] = {
		{SMMU_IDR5_OAS, 0, 7},        {SMMU_IDR5_GRAN4K, 0, 0x10},
		{SMMU_IDR5_GRAN16K, 0, 0x20}, {SMMU_IDR5_GRAN64K, 0, 0x40},
		{SMMU_IDR5_DS, 0, 0x80},      {SMMU_IDR5_D128, 0, 0x100},
		{SMMU_IDR5_VAX, 0, 0xc00},    {SMMU_IDR5_STALL_MAX, 0, 0xffff0000},
	};
	static const struct field iidr[] = {
		{SMMU_IIDR_PRODUCT, 0, 0xfff00000},
		{SMMU_IIDR_VARIANT, 0, 0xf0000},
		{SMMU_IIDR_REVISION, 0, 0xf000},
		{SMMU_IIDR_IMPLEMENTER, 0, 0xfff},
	};
	struct test_random random = start(state);

	check_fields(idr0, sizeof(idr0) / sizeof(idr0[0]), &random);
	check_fields(idr1, sizeof(idr1) / sizeof(idr1[0]), &random);
	check_fields(idr5, sizeof(idr5) / sizeof(idr5[0]), &random);
	check_fields(iidr, sizeof(iidr) / sizeof(iidr[0]), &random);
	assert_int_equal(smmu_field_mask(SMMU_IDR3_RIL), 1 << 10);
	assert_int_equal(smmu_field_mask(SMMU_IDR3_STT), 1 << 9);
	assert_int_equal(smmu_field_mask(SMMU_IDR3_FWB), 1 << 8);
	assert_int_equal(smmu_field_mask(SMMU_IDR3_XNX), 1 << 4);
	assert_int_equal(smmu_field_mask(SMMU_IDR3_BBML), 3 << 11);
}

static void queues_know_full_from_empty(void **state)
{
	struct test_random random = start(state);
	unsigned int i;

	assert_int_equal(smmu_queue_base(0x123456780000ULL, 7, true), 0x4000123456780007ULL);
	for (i = 0; i < ROUNDS; i++) {
		const unsigned int order = (unsigned int)test_random_next(&random) % 20;
		const uint32_t cons = (uint32_t)test_random_next(&random) & ((2U << order) - 1);
		const uint32_t used = (uint32_t)test_random_next(&random) % ((1U << order) + 1);
		const uint32_t prod = smmu_queue_advance(cons, used, order);
		const uint64_t base = test_random_next(&random);

		assert_int_equal(smmu_queue_used(prod, cons, order), used);
		assert_int_equal(smmu_queue_is_empty(prod, cons, order), used == 0);
		assert_int_equal(smmu_queue_is_full(prod, cons, order), used == 1U << order);
		assert_true(smmu_queue_index(prod, order) < 1U << order);
		assert_int_equal(smmu_queue_base_address(smmu_queue_base(base, order, true)),
				 base & 0x00ffffffffffffe0ULL);
		assert_int_equal(smmu_queue_base_order(smmu_queue_base(base, order, false)), order);
	}
	assert_int_equal(smmu_strtab_cfg(SMMU_STREAM_TABLE_2_LEVELS, 20, 8), 0x10000 | 8 << 6 | 20);
	assert_int_equal(smmu_strtab_split(8 << 6), 8);
	assert_int_equal(smmu_strtab_split(10 << 6), 10);
	assert_int_equal(smmu_strtab_split(7 << 6), 6);
	assert_int_equal(smmu_gerror_active(5, 4), 1);
}

/* --- Structures ------------------------------------------------------------------------------- */

static void stream_table_entries(void **state)
{
	static const struct field fields[] = {
		{SMMU_STE_V, 0, 1},
		{SMMU_STE_CONFIG, 0, 0xe},
		{SMMU_STE_S1FMT, 0, 0x30},
		{SMMU_STE_S1CONTEXTPTR, 0, 0x00ffffffffffffc0ULL},
		{SMMU_STE_S1CDMAX, 0, 0xf800000000000000ULL},
		{SMMU_STE_S1DSS, 1, 3},
		{SMMU_STE_S1CIR, 1, 0xc},
		{SMMU_STE_S1COR, 1, 0x30},
		{SMMU_STE_S1CSH, 1, 0xc0},
		{SMMU_STE_S2HWU, 1, 0xf00},
		{SMMU_STE_DRE, 1, 0x1000},
		{SMMU_STE_CONT, 1, 0x1e000},
		{SMMU_STE_DCP, 1, 0x20000},
		{SMMU_STE_PPAR, 1, 0x40000},
		{SMMU_STE_MEV, 1, 0x80000},
		{SMMU_STE_S2FWB, 1, 1ULL << 25},
		{SMMU_STE_S1MPAM, 1, 1ULL << 26},
		{SMMU_STE_S1STALLD, 1, 1ULL << 27},
		{SMMU_STE_EATS, 1, 3ULL << 28},
		{SMMU_STE_STRW, 1, 3ULL << 30},
		{SMMU_STE_MEMATTR, 1, 15ULL << 32},
		{SMMU_STE_MTCFG, 1, 1ULL << 36},
		{SMMU_STE_ALLOCCFG, 1, 15ULL << 37},
		{SMMU_STE_SHCFG, 1, 3ULL << 44},
		{SMMU_STE_NSCFG, 1, 3ULL << 46},
		{SMMU_STE_PRIVCFG, 1, 3ULL << 48},
		{SMMU_STE_INSTCFG, 1, 3ULL << 50},
		{SMMU_STE_S2VMID, 2, 0xffff},
		{SMMU_STE_S2T0SZ, 2, 63ULL << 32},
		{SMMU_STE_S2SL0, 2, 3ULL << 38},
		{SMMU_STE_S2IR0, 2, 3ULL << 40},
		{SMMU_STE_S2OR0, 2, 3ULL << 42},
		{SMMU_STE_S2SH0, 2, 3ULL << 44},
		{SMMU_STE_S2TG, 2, 3ULL << 46},
		{SMMU_STE_S2PS, 2, 7ULL << 48},
		{SMMU_STE_S2AA64, 2, 1ULL << 51},
		{SMMU_STE_S2ENDI, 2, 1ULL << 52},
		{SMMU_STE_S2AFFD, 2, 1ULL << 53},
		{SMMU_STE_S2PTW, 2, 1ULL << 54},
		{SMMU_STE_S2HD, 2, 1ULL << 55},
		{SMMU_STE_S2HA, 2, 1ULL << 56},
		{SMMU_STE_S2S, 2, 1ULL << 57},
		{SMMU_STE_S2R, 2, 1ULL << 58},
		{SMMU_STE_S2HAFT, 2, 1ULL << 59},
		{SMMU_STE_S2SL0_2, 3, 4},
		{SMMU_STE_S2DS, 3, 8},
		{SMMU_STE_S2TTB, 3, 0x00fffffffffffff0ULL},
	};
	struct test_random random = start(state);
	struct smmu_ste ste = {{0}};
	unsigned int config;

	check_fields(fields, sizeof(fields) / sizeof(fields[0]), &random);
	for (config = 0; config < 8; config++) {
		ste.words[0] = smmu_ste_word0((enum smmu_ste_config)config);
		assert_int_equal(ste.words[0], 1 | config << 1);
		assert_int_equal(smmu_ste_has_stage_1(&ste), config == 5 || config == 7);
		assert_int_equal(smmu_ste_has_stage_2(&ste), config == 6 || config == 7);
	}
	assert_int_equal(smmu_l1std(0x123456789a40ULL, 9), 0x123456789a49ULL);
	assert_int_equal(smmu_l1std_span(0x123456789a49ULL), 9);
	assert_int_equal(smmu_l1std_address(UINT64_MAX), 0x00ffffffffffffc0ULL);
	assert_int_equal(smmu_s2sl0_level(0, 12), 2);
	assert_int_equal(smmu_s2sl0_level(2, 12), 0);
	assert_int_equal(smmu_s2sl0_level(3, 12), 3);
	assert_int_equal(smmu_s2sl0_level(0, 16), 3);
	assert_int_equal(smmu_s2sl0_level(2, 14), 1);
	assert_int_equal(smmu_s2sl0_level(3, 14), 0);
	assert_int_equal(smmu_s2sl0_level(3, 16), 4);
	assert_int_equal(smmu_tg0_shift(SMMU_TG0_16K), 14);
	assert_int_equal(smmu_tg0_shift(3), 0);
}

static void context_descriptors(void **state)
{
	static const struct field fields[] = {
		{SMMU_CD_T0SZ, 0, 0x3f},
		{SMMU_CD_TG0, 0, 0xc0},
		{SMMU_CD_IR0, 0, 0x300},
		{SMMU_CD_OR0, 0, 0xc00},
		{SMMU_CD_SH0, 0, 0x3000},
		{SMMU_CD_EPD0, 0, 0x4000},
		{SMMU_CD_ENDI, 0, 0x8000},
		{SMMU_CD_T1SZ, 0, 0x3f0000},
		{SMMU_CD_TG1, 0, 0xc00000},
		{SMMU_CD_IR1, 0, 3ULL << 24},
		{SMMU_CD_OR1, 0, 3ULL << 26},
		{SMMU_CD_SH1, 0, 3ULL << 28},
		{SMMU_CD_EPD1, 0, 1ULL << 30},
		{SMMU_CD_V, 0, 1ULL << 31},
		{SMMU_CD_IPS, 0, 7ULL << 32},
		{SMMU_CD_AFFD, 0, 1ULL << 35},
		{SMMU_CD_WXN, 0, 1ULL << 36},
		{SMMU_CD_UWXN, 0, 1ULL << 37},
		{SMMU_CD_TBI0, 0, 1ULL << 38},
		{SMMU_CD_TBI1, 0, 1ULL << 39},
		{SMMU_CD_PAN, 0, 1ULL << 40},
		{SMMU_CD_AA64, 0, 1ULL << 41},
		{SMMU_CD_HD, 0, 1ULL << 42},
		{SMMU_CD_HA, 0, 1ULL << 43},
		{SMMU_CD_S, 0, 1ULL << 44},
		{SMMU_CD_R, 0, 1ULL << 45},
		{SMMU_CD_A, 0, 1ULL << 46},
		{SMMU_CD_ASET, 0, 1ULL << 47},
		{SMMU_CD_ASID, 0, 0xffffULL << 48},
		{SMMU_CD_HAD0, 1, 2},
		{SMMU_CD_E0PD0, 1, 4},
		{SMMU_CD_HAFT, 1, 8},
		{SMMU_CD_TTB0, 1, 0x00fffffffffffff0ULL},
		{SMMU_CD_EPAN, 1, 1ULL << 59},
		{SMMU_CD_HAD1, 2, 2},
		{SMMU_CD_E0PD1, 2, 4},
		{SMMU_CD_TTB1, 2, 0x00fffffffffffff0ULL},
		{SMMU_CD_DS, 2, 1ULL << 58},
	};
	struct test_random random = start(state);

	check_fields(fields, sizeof(fields) / sizeof(fields[0]), &random);
	assert_int_equal(smmu_l1cd(0x123456789000ULL), 0x123456789001ULL);
	assert_true(smmu_l1cd_is_valid(1) && !smmu_l1cd_is_valid(2));
	assert_int_equal(smmu_l1cd_address(UINT64_MAX), 0x00fffffffffff000ULL);
	assert_int_equal(smmu_tg1_shift(SMMU_TG1_16K), 14);
	assert_int_equal(smmu_tg1_shift(SMMU_TG1_4K), 12);
	assert_int_equal(smmu_tg1_shift(SMMU_TG1_64K), 16);
	assert_int_equal(smmu_tg1_shift(0), 0);
	assert_int_equal(smmu_mair_attribute(0xf404ff44, 1), 0xff);
	assert_int_equal(smmu_mair_attribute(0xf404ff44, 2), 4);
}

/* --- Commands --------------------------------------------------------------------------------- */

static void check_command(struct smmu_command c, uint64_t word0, uint64_t word1)
{
	assert_int_equal(c.words[0], word0);
	assert_int_equal(c.words[1], word1);
}

static void commands(void **state)
{
	struct smmu_command c;

	(void)state;
	check_command(smmu_cfgi_ste(0x12345678, true), 0x1234567800000003ULL, 1);
	check_command(smmu_cfgi_ste(0x12345678, false), 0x1234567800000003ULL, 0);
	check_command(smmu_cfgi_ste_range(0x100, 8), 0x0000010000000004ULL, 7);
	check_command(smmu_cfgi_all(), 4, 31);
	check_command(smmu_cfgi_cd(1, 0xabcde, true), 0x00000001abcde005ULL, 1);
	check_command(smmu_cfgi_cd_all(1), 0x0000000100000006ULL, 0);
	check_command(smmu_tlbi(SMMU_TLBI_NH_ASID, 0x1234, 0x5678), 0x5678123400000011ULL, 0);
	check_command(smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_NH_VA, 1, 2), 0xffff123456789abcULL, true),
		      0x0002000100000012ULL, 0xffff123456789001ULL);
	check_command(smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0), 0x20, 0);
	check_command(smmu_tlbi(SMMU_TLBI_S12_VMALL, 7, 0), 0x0000000700000028ULL, 0);
	check_command(smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0), 0x30, 0);
	c = smmu_tlbi_range(smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_S2_IPA, 3, 0), 0x5000, false),
			    SMMU_TLBI_16K, 5, 7, 3);
	check_command(c, 0x000000030070502aULL, 0x5000 | 2 << 10 | 3 << 8);
	assert_int_equal(smmu_tlbi_shift(&c), 14);
	assert_int_equal(smmu_tlbi_pages(&c), 6 << 7);
	check_command(smmu_atc_inv(0x1234, 0x12345678, 2), 0x0000123400000040ULL, 0x12344002);
	check_command(smmu_command_with_ssid(smmu_atc_inv(1, 0x12345678, 60), 5),
		      0x0000000100005840ULL, 52);
	check_command(smmu_pri_resp(1, 0x1ff, SMMU_PRI_SUCCESS), 0x0000000100000041ULL, 0x21ff);
	check_command(smmu_resume(1, 0xabcd, SMMU_RESUME_RETRY), 0x0000000100001044ULL, 0xabcd);
	check_command(smmu_resume(1, 2, SMMU_RESUME_ABORT), 0x0000000100002044ULL, 2);
	check_command(smmu_resume(1, 2, SMMU_RESUME_TERMINATE), 0x0000000100000044ULL, 2);
	check_command(smmu_stall_term(1), 0x0000000100000045ULL, 0);
	check_command(smmu_sync(SMMU_SYNC_SEV), 0x2046, 0);
	check_command(smmu_sync_store(0x123456789abcULL, 0xdeadbeef), 0xdeadbeef0fc01046ULL,
		      0x123456789abcULL);
	assert_int_equal(smmu_command_opcode(&c), SMMU_TLBI_S2_IPA);
	c = smmu_cfgi_cd(0x12345678, 0xabcde, true);
	assert_int_equal(smmu_command_sid(&c), 0x12345678);
	assert_int_equal(smmu_command_ssid(&c), 0xabcde);
}

/* --- Records ---------------------------------------------------------------------------------- */

static void events(void **state)
{
	static const struct field fields[] = {
		{SMMU_EVENT_CODE, 0, 0xff},        {SMMU_EVENT_SSV, 0, 0x800},
		{SMMU_EVENT_SSID, 0, 0xfffff000},  {SMMU_EVENT_SID, 0, 0xffffffff00000000ULL},
		{SMMU_EVENT_STAG, 1, 0xffff},      {SMMU_EVENT_STALL, 1, 1ULL << 31},
		{SMMU_EVENT_PNU, 1, 1ULL << 33},   {SMMU_EVENT_IND, 1, 1ULL << 34},
		{SMMU_EVENT_RNW, 1, 1ULL << 35},   {SMMU_EVENT_NSIPA, 1, 1ULL << 36},
		{SMMU_EVENT_S2, 1, 1ULL << 39},    {SMMU_EVENT_CLASS, 1, 3ULL << 40},
		{SMMU_EVENT_TTRNW, 1, 1ULL << 44}, {SMMU_EVENT_IPA, 3, 0x00fffffffffff000ULL},
	};
	struct test_random random = start(state);
	const struct smmu_event event = smmu_event_of(SMMU_F_ACCESS, 0xfedcba98);
	unsigned int code;

	check_fields(fields, sizeof(fields) / sizeof(fields[0]), &random);
	assert_int_equal(smmu_field_mask(SMMU_EVENT_FETCH), 0x00fffffffffffff8ULL);
	assert_int_equal(event.words[0], 0xfedcba9800000012ULL);
	assert_int_equal(smmu_event_code(&event), SMMU_F_ACCESS);
	assert_int_equal(smmu_event_sid(&event), 0xfedcba98);
	for (code = 0; code < 256; code++) {
		assert_int_equal(smmu_event_may_stall(code), code >= 0x10 && code <= 0x13);
		assert_int_equal(smmu_event_has_fetch(code),
				 code == 3 || code == 9 || code == 0xb || code == 0x25);
		assert_int_equal(smmu_event_has_input(code),
				 (code >= 0x10 && code <= 0x13) || code == 1 || code == 5 ||
					 code == 7 || code == 0xb || code == 0x20 || code == 0x24);
	}
}

static void page_requests(void **state)
{
	static const struct field fields[] = {
		{SMMU_PPR_SID, 0, 0xffffffff},        {SMMU_PPR_SSID, 0, 0xfffffULL << 32},
		{SMMU_PPR_PRIVILEGED, 0, 1ULL << 58}, {SMMU_PPR_EXECUTE, 0, 1ULL << 59},
		{SMMU_PPR_READ, 0, 1ULL << 60},       {SMMU_PPR_WRITE, 0, 1ULL << 61},
		{SMMU_PPR_LAST, 0, 1ULL << 62},       {SMMU_PPR_SSV, 0, 1ULL << 63},
		{SMMU_PPR_GROUP, 1, 0x1ff},           {SMMU_PPR_ADDRESS, 1, ~0xfffULL},
	};
	struct test_random random = start(state);
	struct smmu_page_request request = {{0}};

	check_fields(fields, sizeof(fields) / sizeof(fields[0]), &random);
	smmu_set(request.words, SMMU_PPR_LAST, 1);
	assert_false(smmu_page_request_is_stop_marker(&request));
	smmu_set(request.words, SMMU_PPR_SSV, 1);
	assert_true(smmu_page_request_is_stop_marker(&request));
	smmu_set(request.words, SMMU_PPR_READ, 1);
	assert_false(smmu_page_request_is_stop_marker(&request));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_set_and_read),
		cmocka_unit_test(registers_are_where_the_layout_has_them),
		cmocka_unit_test(features_have_fields_of_their_own),
		cmocka_unit_test(queues_know_full_from_empty),
		cmocka_unit_test(stream_table_entries),
		cmocka_unit_test(context_descriptors),
		cmocka_unit_test(commands),
		cmocka_unit_test(events),
		cmocka_unit_test(page_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
