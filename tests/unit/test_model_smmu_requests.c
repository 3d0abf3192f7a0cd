/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests through the model of Arm's SMMUv3: configurations of streams and contexts, walks of both
 * stages at all granules, permissions, hardware's marks, and every event bit by bit (IHI 0070,
 * chapters 3, 5 and 7; DDI 0487, D8).
 */
#include "bare_smmu.h"

#include <string.h>

#include "test.h"

static const struct iommu_model_smmu_config all = {0};

#define RW (IOMMU_PROT_READ | IOMMU_PROT_WRITE)
#define VA 0x12345678ULL

static struct smmu_ste stream_now;
static struct smmu_cd context_now;

/* A unit with one stream; each case changes the entry and invalidates. */
static void begin_stream(const struct iommu_model_smmu_config *config, enum smmu_ste_config stages)
{
	sm_begin(config);
	sm_unit_on();
	stream_now = sm_ste(stages);
	context_now = sm_cd();
	sm_stream(SM_STREAM, &stream_now);
	sm_context(0, &context_now);
}

static void renew_all(void)
{
	sm_stream(SM_STREAM, &stream_now);
	sm_context(0, &context_now);
	sm_run(smmu_cfgi_all());
	sm_run(smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0));
	sm_run(smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0));
	sm_run(smmu_sync(SMMU_SYNC_NONE));
}

static void check_words(const struct smmu_event *event, uint64_t w0, uint64_t w1, uint64_t w2,
			uint64_t w3)
{
	assert_int_equal(event->words[0], w0);
	assert_int_equal(event->words[1], w1);
	assert_int_equal(event->words[2], w2);
	assert_int_equal(event->words[3], w3);
}

/* The only event since the last one, with these words. */
static void expect_event(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	struct smmu_event event;

	assert_int_equal(sm_events(), 1);
	event = sm_event();
	check_words(&event, w0, w1, w2, w3);
}

#define SID_WORD ((uint64_t)SM_STREAM << 32)
#define RNW      (1ULL << 35)
#define IND      (1ULL << 34)
#define PNU      (1ULL << 33)
#define OF_S2    (1ULL << 39)
#define CLASS_CD (0ULL << 40)
#define CLASS_TT (1ULL << 40)
#define CLASS_IN (2ULL << 40)

/* --- While the unit is off -------------------------------------------------------------------- */

static void gbpa_decides_while_the_unit_is_off(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_queues_on();
	assert_int_equal(sm_reg(SMMU_GBPA, 4), 0x1000);
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, VA);
	assert_int_equal(sm_result.prot, RW);
	/* Addresses that the unit does not put out are aborted. */
	assert_int_equal(sm_reach(1ULL << 48, RW), SM_SILENT);
	assert_int_equal(sm_reach((1ULL << 48) - 1, IOMMU_PROT_READ), 0);
	sm_set(SMMU_GBPA, 4, SMMU_GBPA_ABORT);
	assert_int_equal(sm.misuses, 1);
	assert_int_equal(sm_reg(SMMU_GBPA, 4), 0x1000);
	assert_int_equal(sm_reach(VA, RW), 0);
	sm_set(SMMU_GBPA, 4, SMMU_GBPA_ABORT | SMMU_GBPA_UPDATE);
	assert_int_equal(sm_reg(SMMU_GBPA, 4), SMMU_GBPA_ABORT);
	assert_int_equal(sm_reach(VA, RW), SM_SILENT);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	assert_int_equal(sm_events(), 0);
	sm_end();
}

static void a_unit_may_reset_aborting(void **state)
{
	const struct iommu_model_smmu_config aborting = {.resets_aborting = true};

	(void)state;
	sm_begin(&aborting);
	assert_int_equal(sm_reg(SMMU_GBPA, 4), SMMU_GBPA_ABORT);
	assert_int_equal(sm_reach(VA, RW), SM_SILENT);
	sm_end();
}

/* --- Configurations of streams ---------------------------------------------------------------- */

static void a_stream_that_aborts_does_so_silently(void **state)
{
	unsigned int config;

	(void)state;
	begin_stream(&all, SMMU_STE_ABORT);
	for (config = 0; config < 4; config++) {
		smmu_set(stream_now.words, SMMU_STE_CONFIG, config);
		renew_all();
		assert_int_equal(sm_reach(VA, RW), SM_SILENT);
		assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	}
	assert_int_equal(sm_events(), 0);
	sm_end();
}

static void a_stream_that_bypasses_is_not_translated(void **state)
{
	const struct iommu_model_smmu_request with_substream = {
		.stream = SM_STREAM, .has_substream = true, .substream = 5, .address = VA};

	(void)state;
	begin_stream(&all, SMMU_STE_BYPASS);
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, VA);
	assert_int_equal(sm_result.prot, RW);
	assert_int_equal(sm_result.memory, IOMMU_MODEL_SMMU_INCOMING);
	assert_int_equal(sm_ask(&with_substream), SMMU_C_BAD_SUBSTREAMID);
	expect_event(0x08 | 5ULL << 12 | SID_WORD, 0, 0, 0);
	/* Too wide an address is an address size fault of stage 1. */
	assert_int_equal(sm_reach(1ULL << 48, IOMMU_PROT_WRITE), SMMU_F_ADDR_SIZE);
	expect_event(0x11 | SID_WORD, CLASS_IN, 1ULL << 48, 0);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	/* The memory type that the stream says. */
	smmu_set(stream_now.words, SMMU_STE_MTCFG, 1);
	smmu_set(stream_now.words, SMMU_STE_MEMATTR, SMMU_DEVICE_NGNRE);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.memory, IOMMU_MODEL_SMMU_DEVICE);
	sm_end();
}

static void stage_1_translates(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	sm_map(&sm_first, VA, 3, SM_DATA | SM_PAGE_1);
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	assert_int_equal(sm_result.prot, RW);
	assert_int_equal(sm_result.size, 4096);
	assert_int_equal(sm_result.memory, IOMMU_MODEL_SMMU_CACHEABLE);
	/* A second time from the cache. */
	assert_int_equal(sm_reach(VA + 8, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x680);
	assert_int_equal(sm_events(), 0);
	sm_end();
}

static void stage_2_translates(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_2);
	sm_map(&sm_second, VA, 3, SM_DATA | SM_PAGE_2);
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	assert_int_equal(sm_result.prot, RW);
	assert_int_equal(sm_result.size, 4096);
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	sm_end();
}

/* Stage 2 maps the contexts, the tables of stage 1, and data of a guest. */
static void map_guest(void)
{
	unsigned int i;

	for (i = 0; i < 0x200; i++)
		sm_map(&sm_second, i * 4096ULL, 3, i * 4096ULL | SM_PAGE_2);
	sm_map(&sm_second, 0x300000, 3, SM_DATA | SM_PAGE_2);
	sm_word(SM_SECOND + 0x20000 + 8, 0);
	/* 2 MiB and above have a table of their own. */
	sm_word(SM_SECOND + 0x20000 + 8, 0x3d0000 | SM_TABLE);
	sm_word(0x3d0000 + 8 * 0x100, SM_DATA | SM_PAGE_2);
	sm_word(SM_SECOND + 0x30000 + 8 * 0x100, 0x100000 | SM_PAGE_2);
}

static void both_stages_translate(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_NESTED);
	map_guest();
	sm_map(&sm_first, VA, 3, 0x300000 | SM_PAGE_1);
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	assert_int_equal(sm_result.prot, RW);
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	assert_int_equal(sm_events(), 0);
	sm_end();
}

static void the_result_of_a_peek_is_the_same_and_leaves_nothing(void **state)
{
	const struct iommu_model_smmu_request request = {
		.stream = SM_STREAM, .address = VA, .access = RW};
	struct iommu_model_smmu_translation peeked;
	struct iommu_model_smmu_stats stats;

	(void)state;
	begin_stream(&all, SMMU_STE_NESTED);
	map_guest();
	sm_map(&sm_first, VA, 3, 0x300000 | SM_PAGE_1);
	assert_int_equal(iommu_model_smmu_peek(sm.model, &request, &peeked), 0);
	iommu_model_smmu_get_stats(sm.model, &stats);
	assert_int_equal(stats.cached_streams + stats.cached_contexts + stats.cached_first +
				 stats.cached_second,
			 0);
	assert_int_equal(sm_ask(&request), 0);
	assert_int_equal(peeked.paddr, sm_result.paddr);
	assert_int_equal(peeked.prot, sm_result.prot);
	/* A fault is told, and not recorded. */
	sm_map(&sm_first, VA + 0x5000, 3, 0);
	{
		const struct iommu_model_smmu_request absent = {.stream = SM_STREAM,
								.address = VA + 0x5000};

		assert_int_equal(iommu_model_smmu_peek(sm.model, &absent, &peeked), IOMMU_EFAULT);
		assert_int_equal(peeked.event, SMMU_F_TRANSLATION);
		assert_int_equal(sm_events(), 0);
	}
	sm_end();
}

/* --- StreamIDs -------------------------------------------------------------------------------- */

static void streams_out_of_range_are_recorded_if_wanted(void **state)
{
	const struct iommu_model_smmu_request request = {.stream = 256, .address = VA};

	(void)state;
	begin_stream(&all, SMMU_STE_BYPASS);
	assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
	expect_event(0x02 | 256ULL << 32, 0, 0, 0);
	sm_disable(SMMU_CR0_SMMUEN);
	sm_set(SMMU_CR2, 4, 0);
	sm_enable(SMMU_CR0_SMMUEN);
	assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
	assert_int_equal(sm_events(), 0);
	sm_end();
}

static void a_stream_table_that_cannot_be_read(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_queues_on();
	sm_set(SMMU_STRTAB_BASE, 8, 0x40000000);
	sm_set(SMMU_STRTAB_BASE_CFG, 4, smmu_strtab_cfg(SMMU_STREAM_TABLE_LINEAR, 8, 0));
	sm_enable(SMMU_CR0_SMMUEN);
	assert_int_equal(sm_reach(VA, RW), SMMU_F_STE_FETCH);
	expect_event(0x03 | SID_WORD, 0, 0, 0x40000000 + SM_STREAM * 64ULL);
	sm_end();
}

static void tables_of_two_levels(void **state)
{
	static const unsigned int splits[] = {6, 8, 10};
	const struct smmu_ste ste = sm_ste(SMMU_STE_BYPASS);
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 3; i++) {
		const unsigned int split = splits[i];
		const uint32_t sid = (3U << split) | 5;
		struct iommu_model_smmu_request request = {.stream = sid, .address = VA};

		sm_begin(&all);
		sm_queues_on();
		sm_set(SMMU_CR2, 4, SMMU_CR2_RECINVSID);
		sm_set(SMMU_STRTAB_BASE, 8, SM_LEVEL_1);
		sm_set(SMMU_STRTAB_BASE_CFG, 4,
		       smmu_strtab_cfg(SMMU_STREAM_TABLE_2_LEVELS, split + 3, split));
		for (j = 0; j < SMMU_STE_WORDS; j++)
			sm_word(SM_STREAMS + 5 * 64 + j * 8ULL, ste.words[j]);
		sm_word(SM_LEVEL_1 + 24, smmu_l1std(SM_STREAMS, 4));
		sm_enable(SMMU_CR0_SMMUEN);
		assert_int_equal(sm_ask(&request), 0);
		/* Beyond the span, without one, with too much of one, beyond the table. */
		request.stream = (3U << split) | 8;
		assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
		request.stream = 2U << split;
		assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
		sm_word(SM_LEVEL_1 + 16, smmu_l1std(SM_STREAMS, split + 2));
		sm_run(smmu_cfgi_all());
		assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
		sm_word(SM_LEVEL_1 + 16, smmu_l1std(SM_STREAMS, split + 1));
		sm_run(smmu_cfgi_all());
		request.stream |= 5;
		assert_int_equal(sm_ask(&request), 0);
		request.stream = 8U << split;
		assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
		sm_end();
	}
}

static void a_level_1_descriptor_that_cannot_be_read(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_queues_on();
	sm_set(SMMU_STRTAB_BASE, 8, 0x40000000);
	sm_set(SMMU_STRTAB_BASE_CFG, 4, smmu_strtab_cfg(SMMU_STREAM_TABLE_2_LEVELS, 16, 8));
	sm_enable(SMMU_CR0_SMMUEN);
	{
		const struct iommu_model_smmu_request request = {.stream = 0x0312, .address = VA};

		assert_int_equal(sm_ask(&request), SMMU_F_STE_FETCH);
		expect_event(0x03 | 0x0312ULL << 32, 0, 0, 0x40000018);
	}
	sm_end();
}

/* --- Entries that are illegal ----------------------------------------------------------------- */

struct field_case {
	unsigned int field;
	uint64_t value;
};

static void check_bad_ste(enum smmu_ste_config config, const struct field_case *cases,
			  unsigned int count)
{
	const struct smmu_ste good = sm_ste(config);
	unsigned int i;

	for (i = 0; i < count; i++) {
		stream_now = good;
		smmu_set(stream_now.words, cases[i].field, cases[i].value);
		renew_all();
		assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_STE);
		expect_event(0x04 | SID_WORD, 0, 0, 0);
	}
}

static void entries_that_are_illegal(void **state)
{
	static const struct field_case first[] = {
		{SMMU_STE_V, 0},
		{SMMU_STE_STRW, 1},
		{SMMU_STE_STRW, 3},
		{SMMU_STE_S1CDMAX, 17},
		{SMMU_STE_S1CONTEXTPTR, 1ULL << (48 - 6)},
		{SMMU_STE_EATS, SMMU_EATS_SPLIT},
	};
	static const struct field_case second[] = {
		{SMMU_STE_V, 0},
		{SMMU_STE_S2AA64, 0},
		{SMMU_STE_S2TG, 3},
		{SMMU_STE_S2T0SZ, 15},
		{SMMU_STE_S2T0SZ, 20},
		{SMMU_STE_S2T0SZ, 34},
		{SMMU_STE_S2T0SZ, 49},
		{SMMU_STE_S2SL0, 0},
		{SMMU_STE_S2SL0, 2},
		{SMMU_STE_S2SL0, 3},
		{SMMU_STE_S2HAFT, 1},
		{SMMU_STE_S2TTB, 1ULL << (48 - 4)},
		{SMMU_STE_EATS, SMMU_EATS_SPLIT},
	};

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	check_bad_ste(SMMU_STE_STAGE_1, first, sizeof(first) / sizeof(first[0]));
	check_bad_ste(SMMU_STE_STAGE_2, second, sizeof(second) / sizeof(second[0]));
	/* Full ATS does not go with a stage 2 that stalls. */
	stream_now = sm_ste(SMMU_STE_STAGE_2);
	smmu_set(stream_now.words, SMMU_STE_S2S, 1);
	smmu_set(stream_now.words, SMMU_STE_EATS, SMMU_EATS_FULL);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_STE);
	sm_end();
}

/* Features that a unit has not: the entry is illegal that needs them. */
static void entries_that_need_what_is_not_there(void **state)
{
	const struct iommu_model_smmu_config plain = {
		.idr0 = (uint32_t)(smmu_place(SMMU_IDR0_S1P, 1) | smmu_place(SMMU_IDR0_S2P, 1) |
				   smmu_place(SMMU_IDR0_TTF, SMMU_TTF_AARCH64) |
				   smmu_place(SMMU_IDR0_TTENDIAN, SMMU_ENDIAN_LITTLE) |
				   smmu_place(SMMU_IDR0_STALL, SMMU_STALL_NEVER) |
				   smmu_place(SMMU_IDR0_TERM_MODEL, 1) |
				   smmu_place(SMMU_IDR0_ST_LEVEL, 1)),
		.idr1 = (uint32_t)(smmu_place(SMMU_IDR1_SIDSIZE, 8) |
				   smmu_place(SMMU_IDR1_SSIDSIZE, 8) |
				   smmu_place(SMMU_IDR1_CMDQS, 8) |
				   smmu_place(SMMU_IDR1_EVENTQS, 8)),
		.idr5 = (uint32_t)(smmu_place(SMMU_IDR5_OAS, 4) | smmu_place(SMMU_IDR5_GRAN4K, 1)),
	};
	static const struct field_case streams[] = {
		{SMMU_STE_S1STALLD, 1},
		{SMMU_STE_S2VMID, 0x100},
	};
	static const struct field_case seconds[] = {
		{SMMU_STE_S2S, 1},  {SMMU_STE_S2HA, 1}, {SMMU_STE_S2ENDI, 1},
		{SMMU_STE_S2TG, 2}, {SMMU_STE_S2TG, 1}, {SMMU_STE_S2T0SZ, 40},
	};
	static const struct field_case contexts[] = {
		{SMMU_CD_A, 0},   {SMMU_CD_S, 1},     {SMMU_CD_HA, 1},       {SMMU_CD_ENDI, 1},
		{SMMU_CD_TG0, 2}, {SMMU_CD_T0SZ, 40}, {SMMU_CD_ASID, 0x100},
	};
	unsigned int i;

	(void)state;
	sm_begin(&plain);
	sm_unit_on();
	context_now = sm_cd();
	for (i = 0; i < 2; i++) {
		stream_now = sm_ste(SMMU_STE_STAGE_1);
		smmu_set(stream_now.words, streams[i].field, streams[i].value);
		sm_stream(SM_STREAM, &stream_now);
		sm_context(0, &context_now);
		sm_run(smmu_cfgi_all());
		assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_STE);
	}
	for (i = 0; i < 6; i++) {
		stream_now = sm_ste(SMMU_STE_STAGE_2);
		smmu_set(stream_now.words, seconds[i].field, seconds[i].value);
		sm_stream(SM_STREAM, &stream_now);
		sm_run(smmu_cfgi_all());
		assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_STE);
	}
	stream_now = sm_ste(SMMU_STE_STAGE_1);
	smmu_set(stream_now.words, SMMU_STE_S1CDMAX, 7);
	smmu_set(stream_now.words, SMMU_STE_S1FMT, SMMU_S1FMT_4K);
	sm_stream(SM_STREAM, &stream_now);
	sm_run(smmu_cfgi_all());
	assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_STE);
	stream_now = sm_ste(SMMU_STE_STAGE_1);
	sm_stream(SM_STREAM, &stream_now);
	for (i = 0; i < 7; i++) {
		context_now = sm_cd();
		smmu_set(context_now.words, contexts[i].field, contexts[i].value);
		sm_context(0, &context_now);
		sm_run(smmu_cfgi_all());
		assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_CD);
	}
	sm_end();
}

static void stages_that_are_not_there(void **state)
{
	struct iommu_model_smmu_config one = {0};
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		sm_begin(&all);
		one.idr0 = (uint32_t)sm_reg(SMMU_IDR0, 4);
		one.idr1 = (uint32_t)sm_reg(SMMU_IDR1, 4);
		one.idr3 = (uint32_t)sm_reg(SMMU_IDR3, 4);
		one.idr5 = (uint32_t)sm_reg(SMMU_IDR5, 4);
		sm_end();
		one.idr0 &= ~(i == 0 ? 1U : 2U);
		one.idr0 &= ~(uint32_t)smmu_field_mask(SMMU_IDR0_HYP);
		begin_stream(&one, i == 0 ? SMMU_STE_STAGE_2 : SMMU_STE_STAGE_1);
		assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_STE);
		sm_event();
		stream_now = sm_ste(SMMU_STE_NESTED);
		sm_stream(SM_STREAM, &stream_now);
		sm_run(smmu_cfgi_all());
		assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_STE);
		sm_end();
	}
}

/* A unit whose faults always stall, or that is always big-endian. */
static void entries_that_do_not_say_what_is_forced(void **state)
{
	struct iommu_model_smmu_config forced = {0};

	(void)state;
	sm_begin(&all);
	forced.idr0 =
		(uint32_t)(sm_reg(SMMU_IDR0, 4) | smmu_place(SMMU_IDR0_STALL, SMMU_STALL_FORCED) |
			   smmu_place(SMMU_IDR0_TTENDIAN, SMMU_ENDIAN_BIG));
	forced.idr1 = (uint32_t)sm_reg(SMMU_IDR1, 4);
	forced.idr3 = (uint32_t)sm_reg(SMMU_IDR3, 4);
	forced.idr5 = (uint32_t)sm_reg(SMMU_IDR5, 4);
	sm_end();
	begin_stream(&forced, SMMU_STE_STAGE_2);
	assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_STE);
	smmu_set(stream_now.words, SMMU_STE_S2S, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_STE);
	smmu_set(stream_now.words, SMMU_STE_S2ENDI, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_TRANSLATION);
	stream_now = sm_ste(SMMU_STE_STAGE_1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_CD);
	smmu_set(context_now.words, SMMU_CD_S, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_CD);
	smmu_set(context_now.words, SMMU_CD_ENDI, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_TRANSLATION);
	sm_end();
}

/* --- Contexts --------------------------------------------------------------------------------- */

static void contexts_that_are_illegal(void **state)
{
	static const struct field_case cases[] = {
		{SMMU_CD_V, 0},     {SMMU_CD_AA64, 0},  {SMMU_CD_TG0, 3},
		{SMMU_CD_T0SZ, 15}, {SMMU_CD_T0SZ, 49}, {SMMU_CD_TTB0, 1ULL << (48 - 4)},
		{SMMU_CD_IPS, 0}, /* 32 bits: the root lies beyond */
		{SMMU_CD_EPD1, 0},
	};
	unsigned int i;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		context_now = sm_cd();
		if (cases[i].field == SMMU_CD_IPS)
			smmu_set_address(context_now.words, SMMU_CD_TTB0, 1ULL << 33);
		smmu_set(context_now.words, cases[i].field, cases[i].value);
		renew_all();
		assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_CD);
		expect_event(0x0a | SID_WORD, 0, 0, 0);
	}
	/* A context that must not stall. */
	context_now = sm_cd();
	smmu_set(context_now.words, SMMU_CD_S, 1);
	smmu_set(stream_now.words, SMMU_STE_S1STALLD, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_CD);
	sm_end();
}

static void a_context_that_cannot_be_read(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	smmu_set_address(stream_now.words, SMMU_STE_S1CONTEXTPTR, 0x50000000);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_CD_FETCH);
	expect_event(0x09 | SID_WORD, 0, 0, 0x50000000);
	sm_end();
}

static unsigned int reach_substream(uint32_t ssid)
{
	const struct iommu_model_smmu_request request = {.stream = SM_STREAM,
							 .has_substream = true,
							 .substream = ssid,
							 .address = VA,
							 .access = RW};

	return sm_ask(&request);
}

static void substreams_have_contexts_of_their_own(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	smmu_set(stream_now.words, SMMU_STE_S1CDMAX, 6);
	smmu_set(stream_now.words, SMMU_STE_S1DSS, SMMU_S1DSS_CD0);
	sm_map(&sm_first, VA, 3, SM_DATA | SM_PAGE_1);
	renew_all();
	sm_context(SM_SUBSTREAM, &context_now);
	assert_int_equal(reach_substream(SM_SUBSTREAM), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	/* Without one: context 0, which no SubstreamID reaches then. */
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(reach_substream(0), SMMU_F_STREAM_DISABLED);
	expect_event(0x06 | 1ULL << 11 | SID_WORD, 0, 0, 0);
	assert_int_equal(reach_substream(64), SMMU_C_BAD_SUBSTREAMID);
	expect_event(0x08 | 64ULL << 12 | SID_WORD, 0, 0, 0);
	assert_int_equal(reach_substream(3), SMMU_C_BAD_CD);
	expect_event(0x0a | 1ULL << 11 | 3ULL << 12 | SID_WORD, 0, 0, 0);
	/* Requests without one are refused, or pass. */
	smmu_set(stream_now.words, SMMU_STE_S1DSS, SMMU_S1DSS_TERMINATE);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_STREAM_DISABLED);
	expect_event(0x06 | SID_WORD, 0, 0, 0);
	smmu_set(stream_now.words, SMMU_STE_S1DSS, 3);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_STREAM_DISABLED);
	sm_event();
	smmu_set(stream_now.words, SMMU_STE_S1DSS, SMMU_S1DSS_BYPASS);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, VA);
	assert_int_equal(reach_substream(0), 0);
	/* No substreams. */
	smmu_set(stream_now.words, SMMU_STE_S1CDMAX, 0);
	renew_all();
	assert_int_equal(reach_substream(0), SMMU_C_BAD_SUBSTREAMID);
	sm_end();
}

static void context_tables_of_two_levels(void **state)
{
	static const struct {
		enum smmu_s1fmt format;
		unsigned int split, max;
	} cases[] = {{SMMU_S1FMT_4K, 6, 9}, {SMMU_S1FMT_64K, 10, 13}};
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 2; i++) {
		const uint32_t ssid = (3U << cases[i].split) | 7;

		begin_stream(&all, SMMU_STE_STAGE_1);
		smmu_set(stream_now.words, SMMU_STE_S1FMT, cases[i].format);
		smmu_set(stream_now.words, SMMU_STE_S1CDMAX, cases[i].max);
		smmu_set(stream_now.words, SMMU_STE_S1DSS, SMMU_S1DSS_CD0);
		smmu_set_address(stream_now.words, SMMU_STE_S1CONTEXTPTR, SM_CONTEXTS_1);
		for (j = 0; j < SMMU_CD_WORDS; j++)
			sm_word(SM_CONTEXTS_2 + 7 * 64 + j * 8ULL, context_now.words[j]);
		sm_word(SM_CONTEXTS_1 + 24, smmu_l1cd(SM_CONTEXTS_2));
		sm_map(&sm_first, VA, 3, SM_DATA | SM_PAGE_1);
		renew_all();
		assert_int_equal(reach_substream(ssid), 0);
		assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
		/* Without a table, with one out of range, unreadable. */
		assert_int_equal(reach_substream(2U << cases[i].split), SMMU_C_BAD_SUBSTREAMID);
		expect_event(0x08 | (2ULL << cases[i].split) << 12 | SID_WORD, 0, 0, 0);
		sm_word(SM_CONTEXTS_1 + 16, smmu_l1cd(1ULL << 50));
		renew_all();
		assert_int_equal(reach_substream(2U << cases[i].split), SMMU_C_BAD_SUBSTREAMID);
		sm_event();
		sm_word(SM_CONTEXTS_1 + 16, smmu_l1cd(0x60000000));
		renew_all();
		assert_int_equal(reach_substream(2U << cases[i].split), SMMU_F_CD_FETCH);
		expect_event(0x09 | 1ULL << 11 | (2ULL << cases[i].split) << 12 | SID_WORD, 0, 0,
			     0x60000000);
		assert_int_equal(sm_reach(VA, RW), SMMU_C_BAD_SUBSTREAMID);
		sm_end();
	}
}

/* --- Stage 1: geometry ------------------------------------------------------------------------ */

static void map_and_reach(const struct sm_space *space, uint64_t address, unsigned int level,
			  uint64_t leaf, uint64_t size)
{
	sm_map(space, address, level, leaf);
	renew_all();
	assert_int_equal(sm_reach(address, RW), 0);
	assert_int_equal(sm_result.paddr,
			 (leaf & 0x0000fffffffff000ULL & ~(size - 1)) | (address & (size - 1)));
	assert_int_equal(sm_result.size, size);
	/* Cached: the end of the block. */
	assert_int_equal(sm_reach((address & ~(size - 1)) + (size - 1), IOMMU_PROT_READ), 0);
	assert_int_equal(sm_result.paddr & (size - 1), size - 1);
}

static void stage_1_walks_at_all_granules(void **state)
{
	static const struct {
		unsigned int tg0, granule, t0sz, level;
	} cases[] = {
		{SMMU_TG0_4K, 12, 16, 0},  {SMMU_TG0_4K, 12, 24, 0},  {SMMU_TG0_4K, 12, 25, 1},
		{SMMU_TG0_4K, 12, 33, 1},  {SMMU_TG0_4K, 12, 34, 2},  {SMMU_TG0_4K, 12, 42, 2},
		{SMMU_TG0_4K, 12, 43, 3},  {SMMU_TG0_4K, 12, 48, 3},  {SMMU_TG0_16K, 14, 16, 0},
		{SMMU_TG0_16K, 14, 17, 1}, {SMMU_TG0_16K, 14, 27, 1}, {SMMU_TG0_16K, 14, 28, 2},
		{SMMU_TG0_16K, 14, 38, 2}, {SMMU_TG0_16K, 14, 39, 3}, {SMMU_TG0_16K, 14, 48, 3},
		{SMMU_TG0_64K, 16, 16, 1}, {SMMU_TG0_64K, 16, 21, 1}, {SMMU_TG0_64K, 16, 22, 2},
		{SMMU_TG0_64K, 16, 34, 2}, {SMMU_TG0_64K, 16, 35, 3}, {SMMU_TG0_64K, 16, 47, 3},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sm_space space = {.root = SM_FIRST + 0x10000 * cases[i].level,
					       .below = SM_FIRST,
					       .granule = cases[i].granule,
					       .level = cases[i].level,
					       .bits = 64 - cases[i].t0sz};
		const uint64_t last = (1ULL << space.bits) - 1;

		begin_stream(&all, SMMU_STE_STAGE_1);
		smmu_set(context_now.words, SMMU_CD_TG0, cases[i].tg0);
		smmu_set(context_now.words, SMMU_CD_T0SZ, cases[i].t0sz);
		smmu_set_address(context_now.words, SMMU_CD_TTB0, space.root);
		map_and_reach(&space, last & 0xaaaa123456789abcULL, 3, SM_DATA | SM_PAGE_1,
			      1ULL << space.granule);
		/* Beyond. */
		assert_int_equal(sm_reach(last + 1, RW), SMMU_F_TRANSLATION);
		expect_event(0x10 | SID_WORD, CLASS_IN, last + 1, 0);
		sm_end();
	}
}

static void stage_1_has_blocks(void **state)
{
	static const struct {
		unsigned int tg0, granule, level;
		uint64_t contiguous, shift;
	} cases[] = {
		{SMMU_TG0_4K, 12, 2, 0, 21},  {SMMU_TG0_4K, 12, 1, 0, 30},
		{SMMU_TG0_4K, 12, 3, 1, 16},  {SMMU_TG0_4K, 12, 2, 1, 25},
		{SMMU_TG0_4K, 12, 1, 1, 34},  {SMMU_TG0_16K, 14, 2, 0, 25},
		{SMMU_TG0_16K, 14, 3, 1, 21}, {SMMU_TG0_16K, 14, 2, 1, 30},
		{SMMU_TG0_64K, 16, 2, 0, 29}, {SMMU_TG0_64K, 16, 3, 1, 21},
		{SMMU_TG0_64K, 16, 2, 1, 34},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sm_space space = {.root = SM_FIRST + 0x10000,
					       .below = SM_FIRST,
					       .granule = cases[i].granule,
					       .level = 1,
					       .bits = cases[i].granule == 12 ? 39 : 47};
		const uint64_t kind = cases[i].level == 3 ? SM_PAGE_1 : SM_BLOCK_1;
		const uint64_t hint = cases[i].contiguous != 0 ? SM_CONTIGUOUS : 0;

		begin_stream(&all, SMMU_STE_STAGE_1);
		smmu_set(context_now.words, SMMU_CD_TG0, cases[i].tg0);
		smmu_set(context_now.words, SMMU_CD_T0SZ, 64 - space.bits);
		map_and_reach(&space, 0x123456789aULL, cases[i].level,
			      0x7c0000000000ULL | kind | hint, 1ULL << cases[i].shift);
		sm_end();
	}
}

/* Blocks where there are none, and pages that are blocks. */
static void descriptors_that_are_invalid(void **state)
{
	static const struct {
		unsigned int tg0, granule, level;
	} cases[] = {
		{SMMU_TG0_4K, 12, 0},  {SMMU_TG0_4K, 12, 3},  {SMMU_TG0_16K, 14, 0},
		{SMMU_TG0_16K, 14, 1}, {SMMU_TG0_16K, 14, 3}, {SMMU_TG0_64K, 16, 1},
		{SMMU_TG0_64K, 16, 3},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const unsigned int start = cases[i].granule == 16 ? 1 : 0;
		const struct sm_space space = {.root = SM_FIRST + 0x10000 * start,
					       .below = SM_FIRST,
					       .granule = cases[i].granule,
					       .level = start,
					       .bits = 48};

		begin_stream(&all, SMMU_STE_STAGE_1);
		smmu_set(context_now.words, SMMU_CD_TG0, cases[i].tg0);
		smmu_set(context_now.words, SMMU_CD_T0SZ, 16);
		smmu_set_address(context_now.words, SMMU_CD_TTB0, space.root);
		sm_map(&space, VA, cases[i].level, SM_BLOCK_1);
		renew_all();
		assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_TRANSLATION);
		expect_event(0x10 | SID_WORD, RNW | CLASS_IN, VA, 0);
		sm_end();
	}
}

static void the_upper_half(void **state)
{
	const struct sm_space space = {.root = SM_FIRST + 0x20000,
				       .below = SM_FIRST,
				       .granule = 16,
				       .level = 2,
				       .bits = 40};
	const uint64_t address = 0xffffff0012345678ULL;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	smmu_set(context_now.words, SMMU_CD_EPD1, 0);
	smmu_set(context_now.words, SMMU_CD_TG1, SMMU_TG1_64K);
	smmu_set(context_now.words, SMMU_CD_T1SZ, 64 - 40);
	smmu_set_address(context_now.words, SMMU_CD_TTB1, space.root);
	sm_map(&space, address & 0xffffffffffULL, 3, SM_DATA | SM_PAGE_1);
	renew_all();
	assert_int_equal(sm_reach(address, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x5678);
	/* Not sign-extended; and with the top byte ignored. */
	assert_int_equal(sm_reach(address & 0x7fffffffffffffffULL, RW), SMMU_F_TRANSLATION);
	assert_int_equal(sm_reach(address & ~(1ULL << 45), RW), SMMU_F_TRANSLATION);
	smmu_set(context_now.words, SMMU_CD_TBI1, 1);
	renew_all();
	assert_int_equal(sm_reach(address & 0x12ffffffffffffffULL, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x5678);
	assert_int_equal(sm_reach(address, RW), 0);
	assert_int_equal(sm_reach(address & ~(1ULL << 45), RW), SMMU_F_TRANSLATION);
	/* A half that is switched off, whatever its size. */
	smmu_set(context_now.words, SMMU_CD_EPD1, 1);
	smmu_set(context_now.words, SMMU_CD_T1SZ, 0);
	renew_all();
	assert_int_equal(sm_reach(address, RW), SMMU_F_TRANSLATION);
	smmu_set(context_now.words, SMMU_CD_EPD0, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_TRANSLATION);
	sm_end();
}

static void tables_may_be_big_endian(void **state)
{
	const uint64_t leaf = SM_DATA | SM_PAGE_1;
	unsigned int level;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	smmu_set(context_now.words, SMMU_CD_ENDI, 1);
	sm_map(&sm_first, VA, 3, leaf);
	for (level = 1; level <= 3; level++) {
		const iommu_paddr_t place = sm_place(&sm_first, VA, level);

		sm_word(place, __builtin_bswap64(sm_look(place)));
	}
	renew_all();
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	/* What hardware notes is big-endian, too. */
	smmu_set(context_now.words, SMMU_CD_HA, 1);
	smmu_set(context_now.words, SMMU_CD_HD, 1);
	sm_word(sm_place(&sm_first, VA, 3),
		__builtin_bswap64((leaf & ~SM_AF) | SM_READONLY | SM_DBM));
	renew_all();
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(__builtin_bswap64(sm_look(sm_place(&sm_first, VA, 3))), leaf | SM_DBM);
	sm_end();
}

static void addresses_of_52_bits(void **state)
{
	struct iommu_model_smmu_config wide = {0};
	const struct sm_space first = {.root = SM_FIRST + 0x10000,
				       .below = SM_FIRST,
				       .granule = 16,
				       .level = 1,
				       .bits = 48};

	(void)state;
	sm_begin(&all);
	wide.idr0 = (uint32_t)sm_reg(SMMU_IDR0, 4);
	wide.idr1 = (uint32_t)sm_reg(SMMU_IDR1, 4);
	wide.idr3 = (uint32_t)sm_reg(SMMU_IDR3, 4);
	wide.idr5 = (uint32_t)(sm_reg(SMMU_IDR5, 4) & ~7ULL) | 6;
	sm_end();
	begin_stream(&wide, SMMU_STE_STAGE_1);
	smmu_set(context_now.words, SMMU_CD_TG0, SMMU_TG0_64K);
	smmu_set(context_now.words, SMMU_CD_T0SZ, 16);
	smmu_set(context_now.words, SMMU_CD_IPS, 6);
	sm_map(&first, VA, 3, 0x123456780000ULL | 0xa000 | SM_PAGE_1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, 0xa123456785678ULL);
	/* A block of 4 TiB. */
	sm_map(&first, VA, 1, 0x7c0000000000ULL | 0x5000 | SM_BLOCK_1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), 0);
	assert_int_equal(sm_result.paddr, 0x57c0012345678ULL);
	assert_int_equal(sm_reach(VA + (1ULL << 40), RW), 0);
	assert_int_equal(sm_result.paddr, 0x57d0012345678ULL);
	/* Beyond what the context lets out. */
	smmu_set(context_now.words, SMMU_CD_IPS, 5);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_ADDR_SIZE);
	expect_event(0x11 | SID_WORD, CLASS_IN, VA, 0);
	/* Stage 2 with 52 bits of input. */
	stream_now = sm_ste(SMMU_STE_STAGE_2);
	smmu_set(stream_now.words, SMMU_STE_S2TG, SMMU_TG0_64K);
	smmu_set(stream_now.words, SMMU_STE_S2T0SZ, 12);
	smmu_set(stream_now.words, SMMU_STE_S2SL0, 2);
	smmu_set(stream_now.words, SMMU_STE_S2PS, 6);
	{
		const struct sm_space second = {.root = SM_ROOT_2,
						.below = SM_SECOND,
						.granule = 16,
						.level = 1,
						.bits = 52};

		sm_map(&second, (1ULL << 51) | VA, 3, 0x123456780000ULL | 0xb000 | SM_PAGE_2);
		renew_all();
		assert_int_equal(sm_reach((1ULL << 51) | VA, RW), 0);
		assert_int_equal(sm_result.paddr, 0xb123456785678ULL);
	}
	sm_end();
}

/* --- Stage 1: faults -------------------------------------------------------------------------- */

static void a_table_that_cannot_be_read(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	sm_word(sm_place(&sm_first, VA, 1), 0x70000000 | SM_TABLE);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_WALK_EABT);
	expect_event(0x0b | SID_WORD, RNW | CLASS_TT, VA, 0x70000000 + 8 * (VA >> 21 & 511));
	sm_end();
}

static void addresses_that_are_too_large(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	smmu_set(context_now.words, SMMU_CD_IPS, smmu_address_size(40));
	sm_map(&sm_first, VA, 3, 1ULL << 40 | SM_PAGE_1);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_ADDR_SIZE);
	expect_event(0x11 | SID_WORD, CLASS_IN, VA, 0);
	/* Of a table. */
	sm_word(sm_place(&sm_first, VA, 2), 1ULL << 41 | SM_TABLE);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_ADDR_SIZE);
	sm_end();
}

static void the_access_flag(void **state)
{
	const iommu_paddr_t place = sm_place(&sm_first, VA, 3);

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	sm_map(&sm_first, VA, 3, (SM_DATA | SM_PAGE_1) & ~SM_AF);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_ACCESS);
	expect_event(0x12 | SID_WORD, RNW | CLASS_IN, VA, 0);
	/* It is not cached that it was 0. */
	sm_map(&sm_first, VA, 3, SM_DATA | SM_PAGE_1);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	sm_map(&sm_first, VA, 3, (SM_DATA | SM_PAGE_1) & ~SM_AF);
	smmu_set(context_now.words, SMMU_CD_AFFD, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_look(place) & SM_AF, 0);
	/* By hardware. */
	smmu_set(context_now.words, SMMU_CD_AFFD, 0);
	smmu_set(context_now.words, SMMU_CD_HA, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_look(place), SM_DATA | SM_PAGE_1);
	sm_end();
}

static void dirty_state(void **state)
{
	const iommu_paddr_t place = sm_place(&sm_first, VA, 3);
	const uint64_t clean = SM_DATA | SM_PAGE_1 | SM_DBM | SM_READONLY;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	sm_map(&sm_first, VA, 3, clean);
	/* Without HD it is read-only. */
	smmu_set(context_now.words, SMMU_CD_HA, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_PERMISSION);
	smmu_set(context_now.words, SMMU_CD_HD, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_result.prot, IOMMU_PROT_READ);
	assert_int_equal(sm_look(place), clean);
	/* A write, through the entry that is cached, is marked. */
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), 0);
	assert_int_equal(sm_result.prot, RW);
	assert_int_equal(sm_look(place), clean & ~SM_READONLY);
	/* Once: the cache knows. */
	sm_word(place, clean);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), 0);
	assert_int_equal(sm_look(place), clean);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_result.prot, RW);
	sm_run(smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0));
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_result.prot, IOMMU_PROT_READ);
	sm_end();
}

static void change_descriptor(iommu_paddr_t paddr)
{
	if (paddr == sm_place(&sm_first, VA, 3))
		sm_word(paddr, sm_look(paddr) ^ 1ULL << 55);
}

static void a_descriptor_that_changes_all_the_time(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	smmu_set(context_now.words, SMMU_CD_HA, 1);
	sm_map(&sm_first, VA, 3, (SM_DATA | SM_PAGE_1) & ~SM_AF);
	renew_all();
	sm.reading = change_descriptor;
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_WALK_EABT);
	assert_true(sm.writes < 40);
	sm_end();
}

/* --- Stage 1: permissions --------------------------------------------------------------------- */

struct access {
	unsigned int access;
	bool privileged, execute;
};

static unsigned int reach_as(const struct access *as)
{
	const struct iommu_model_smmu_request request = {.stream = SM_STREAM,
							 .address = VA,
							 .access = as->access,
							 .privileged = as->privileged,
							 .execute = as->execute};

	return sm_ask(&request);
}

/* Bits: unprivileged read, write, execute; privileged read, write, execute. */
static void check_permissions(uint64_t leaf, unsigned int allowed)
{
	static const struct access ways[] = {
		{IOMMU_PROT_READ, false, false}, {IOMMU_PROT_WRITE, false, false},
		{IOMMU_PROT_READ, false, true},  {IOMMU_PROT_READ, true, false},
		{IOMMU_PROT_WRITE, true, false}, {IOMMU_PROT_READ, true, true},
	};
	unsigned int i, times;

	for (i = 0; i < 6; i++) {
		const unsigned int expected = (allowed >> i & 1) != 0 ? 0 : SMMU_F_PERMISSION;
		const uint64_t says =
			(i % 3 == 1 ? 0 : RNW) | (i % 3 == 2 ? IND : 0) | (i >= 3 ? PNU : 0);

		sm_map(&sm_first, VA, 3, leaf);
		renew_all();
		/* By a walk; then, perhaps, by the cache, where something else has put it. */
		for (times = 0; times < 2; times++) {
			assert_int_equal(reach_as(&ways[i]), expected);
			if (expected == 0) {
				assert_true((sm_result.prot & ways[i].access) == ways[i].access);
				assert_int_equal(sm_result.executable, ways[i].execute);
			}
			if (expected != 0)
				expect_event(0x13 | SID_WORD, says | CLASS_IN, VA, 0);
			if (times == 0 && expected != 0 && allowed != 0) {
				unsigned int other = 0;

				while ((allowed >> other & 1) == 0)
					other++;
				assert_int_equal(reach_as(&ways[other]), 0);
			}
		}
	}
}

static void permissions_of_stage_1(void **state)
{
	const uint64_t page = SM_DATA | SM_PAGE_1;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	/* AP: privileged only; all; read-only of the privileged; of all. */
	check_permissions(page & ~SM_USER, 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5);
	check_permissions(page, 0x1f);
	check_permissions((page & ~SM_USER) | SM_READONLY, 1 << 2 | 1 << 3 | 1 << 5);
	check_permissions(page | SM_READONLY, 1 | 1 << 2 | 1 << 3 | 1 << 5);
	/* Execute never. */
	check_permissions(page | SM_READONLY | SM_UXN, 1 | 1 << 3 | 1 << 5);
	check_permissions(page | SM_READONLY | SM_PXN, 1 | 1 << 2 | 1 << 3);
	/* What is writable is not executable. */
	smmu_set(context_now.words, SMMU_CD_WXN, 1);
	check_permissions(page, 1 | 1 << 1 | 1 << 3 | 1 << 4);
	check_permissions(page & ~SM_USER, 1 << 2 | 1 << 3 | 1 << 4);
	smmu_set(context_now.words, SMMU_CD_WXN, 0);
	/* The privileged keep away from users' data. */
	smmu_set(context_now.words, SMMU_CD_PAN, 1);
	check_permissions(page | SM_READONLY, 1 | 1 << 2 | 1 << 5);
	sm_end();
}

static void limits_in_tables(void **state)
{
	static const struct {
		uint64_t limit;
		unsigned int allowed;
	} cases[] = {
		{1ULL << 59, 0x1f & ~(1U << 5)},
		{1ULL << 60, 0x1f & ~(1U << 2)},
		{1ULL << 61, 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5},
		{1ULL << 62, 1 | 1 << 2 | 1 << 3 | 1 << 5},
	};
	const iommu_paddr_t table = sm_place(&sm_first, VA, 1);
	unsigned int i;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	sm_map(&sm_first, VA, 3, SM_DATA | SM_PAGE_1);
	for (i = 0; i < 4; i++) {
		unsigned int way;

		for (way = 0; way < 6; way++) {
			const struct access as = {way % 3 == 1 ? IOMMU_PROT_WRITE : IOMMU_PROT_READ,
						  way >= 3, way % 3 == 2};
			const unsigned int expected =
				(cases[i].allowed >> way & 1) != 0 ? 0 : SMMU_F_PERMISSION;

			sm_word(table, (SM_FIRST + 0x20000) | SM_TABLE | cases[i].limit);
			renew_all();
			assert_int_equal(reach_as(&as), expected);
			/* From the cached table. */
			sm_run(smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID), VA,
					    true));
			assert_int_equal(reach_as(&as), expected);
		}
	}
	/* Unless the context says that they do not count. */
	smmu_set(context_now.words, SMMU_CD_HAD0, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), 0);
	sm_end();
}

static void overrides_of_streams(void **state)
{
	static const struct access user = {IOMMU_PROT_READ, false, false};
	static const struct access privileged = {IOMMU_PROT_READ, true, true};
	static const struct access write = {IOMMU_PROT_WRITE, true, false};

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	sm_map(&sm_first, VA, 3, (SM_DATA | SM_PAGE_1 | SM_PXN) & ~SM_USER);
	smmu_set(stream_now.words, SMMU_STE_PRIVCFG, SMMU_OVERRIDE_SET);
	smmu_set(stream_now.words, SMMU_STE_INSTCFG, SMMU_OVERRIDE_CLEAR);
	renew_all();
	assert_int_equal(reach_as(&user), 0);
	assert_int_equal(reach_as(&privileged), 0);
	smmu_set(stream_now.words, SMMU_STE_INSTCFG, SMMU_OVERRIDE_SET);
	renew_all();
	assert_int_equal(reach_as(&user), SMMU_F_PERMISSION);
	expect_event(0x13 | SID_WORD, RNW | IND | PNU | CLASS_IN, VA, 0);
	/* A write is data always. */
	assert_int_equal(reach_as(&write), 0);
	smmu_set(stream_now.words, SMMU_STE_PRIVCFG, SMMU_OVERRIDE_CLEAR);
	renew_all();
	assert_int_equal(reach_as(&write), SMMU_F_PERMISSION);
	expect_event(0x13 | SID_WORD, CLASS_IN, VA, 0);
	sm_end();
}

static void memory_types_of_stage_1(void **state)
{
	static const enum iommu_model_smmu_memory types[] = {IOMMU_MODEL_SMMU_NON_CACHEABLE,
							     IOMMU_MODEL_SMMU_CACHEABLE,
							     IOMMU_MODEL_SMMU_DEVICE};
	unsigned int i;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	for (i = 0; i < 3; i++) {
		sm_map(&sm_first, VA, 3, (SM_DATA | (SM_PAGE_1 & ~(7ULL << 2)) | i << 2));
		renew_all();
		assert_int_equal(sm_reach(VA, RW), 0);
		assert_int_equal(sm_result.memory, types[i]);
	}
	sm_end();
}

/* --- Worlds ----------------------------------------------------------------------------------- */

static void streams_of_el2_have_one_privilege(void **state)
{
	static const struct access ways[] = {{IOMMU_PROT_READ, false, false},
					     {IOMMU_PROT_WRITE, true, false},
					     {IOMMU_PROT_READ, true, true}};
	unsigned int i;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	smmu_set(stream_now.words, SMMU_STE_STRW, SMMU_STRW_EL2);
	/* EPD and ASID do not count. */
	smmu_set(context_now.words, SMMU_CD_EPD0, 1);
	sm_map(&sm_first, VA, 3, (SM_DATA | SM_PAGE_1 | SM_PXN) & ~SM_USER);
	renew_all();
	for (i = 0; i < 3; i++)
		assert_int_equal(reach_as(&ways[i]), 0);
	assert_int_equal(sm_reach(0xffffff0000000000ULL, RW), SMMU_F_TRANSLATION);
	sm_map(&sm_first, VA, 3, SM_DATA | SM_PAGE_1 | SM_READONLY | SM_UXN);
	renew_all();
	assert_int_equal(reach_as(&ways[0]), 0);
	assert_int_equal(reach_as(&ways[1]), SMMU_F_PERMISSION);
	assert_int_equal(reach_as(&ways[2]), SMMU_F_PERMISSION);
	/* With E2H it is as EL1. */
	sm_disable(SMMU_CR0_SMMUEN);
	sm_set(SMMU_CR2, 4, SMMU_CR2_E2H | SMMU_CR2_RECINVSID);
	sm_enable(SMMU_CR0_SMMUEN);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_TRANSLATION);
	smmu_set(context_now.words, SMMU_CD_EPD0, 0);
	sm_map(&sm_first, VA, 3, (SM_DATA | SM_PAGE_1) & ~SM_USER);
	renew_all();
	assert_int_equal(reach_as(&ways[0]), SMMU_F_PERMISSION);
	assert_int_equal(reach_as(&ways[1]), 0);
	sm_end();
}

/* --- Stage 2 ---------------------------------------------------------------------------------- */

static void stage_2_walks_at_all_granules(void **state)
{
	static const struct {
		unsigned int tg, granule, t0sz, sl0, level;
	} cases[] = {
		{SMMU_TG0_4K, 12, 16, 2, 0},  {SMMU_TG0_4K, 12, 24, 2, 0},
		{SMMU_TG0_4K, 12, 25, 1, 1},  {SMMU_TG0_4K, 12, 24, 1, 1},
		{SMMU_TG0_4K, 12, 21, 1, 1},  {SMMU_TG0_4K, 12, 33, 1, 1},
		{SMMU_TG0_4K, 12, 33, 0, 2},  {SMMU_TG0_4K, 12, 30, 0, 2},
		{SMMU_TG0_4K, 12, 42, 0, 2},  {SMMU_TG0_4K, 12, 43, 3, 3},
		{SMMU_TG0_4K, 12, 39, 3, 3},  {SMMU_TG0_16K, 14, 16, 2, 1},
		{SMMU_TG0_16K, 14, 17, 2, 1}, {SMMU_TG0_16K, 14, 27, 1, 2},
		{SMMU_TG0_16K, 14, 24, 1, 2}, {SMMU_TG0_16K, 14, 38, 0, 3},
		{SMMU_TG0_16K, 14, 35, 0, 3}, {SMMU_TG0_64K, 16, 16, 2, 1},
		{SMMU_TG0_64K, 16, 22, 1, 2}, {SMMU_TG0_64K, 16, 18, 1, 2},
		{SMMU_TG0_64K, 16, 31, 0, 3}, {SMMU_TG0_64K, 16, 47, 0, 3},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sm_space space = {.root = SM_ROOT_2,
					       .below = SM_SECOND,
					       .granule = cases[i].granule,
					       .level = cases[i].level,
					       .bits = 64 - cases[i].t0sz};
		const uint64_t last = (1ULL << space.bits) - 1;

		begin_stream(&all, SMMU_STE_STAGE_2);
		smmu_set(stream_now.words, SMMU_STE_S2TG, cases[i].tg);
		smmu_set(stream_now.words, SMMU_STE_S2T0SZ, cases[i].t0sz);
		smmu_set(stream_now.words, SMMU_STE_S2SL0, cases[i].sl0);
		map_and_reach(&space, last & 0xeeee123456789abcULL, 3, SM_DATA | SM_PAGE_2,
			      1ULL << space.granule);
		if (space.bits < 48) {
			assert_int_equal(sm_reach(last + 1, RW), SMMU_F_TRANSLATION);
			expect_event(0x10 | SID_WORD, OF_S2 | CLASS_IN, last + 1,
				     (last + 1) & 0x00fffffffffff000ULL);
		}
		sm_end();
	}
}

static void faults_of_stage_2(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_2);
	assert_int_equal(sm_reach(VA, RW), SMMU_F_TRANSLATION);
	expect_event(0x10 | SID_WORD, OF_S2 | CLASS_IN, VA, VA & ~0xfffULL);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	sm_map(&sm_second, VA, 3, (SM_DATA | SM_PAGE_2) & ~SM_AF);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_ACCESS);
	expect_event(0x12 | SID_WORD, RNW | OF_S2 | CLASS_IN, VA, VA & ~0xfffULL);
	sm_map(&sm_second, VA, 3, (SM_DATA | SM_PAGE_2) & ~SM_S2_WRITE);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_PERMISSION);
	expect_event(0x13 | SID_WORD, OF_S2 | CLASS_IN, VA, VA & ~0xfffULL);
	sm_map(&sm_second, VA, 3, (SM_DATA | SM_PAGE_2) & ~SM_S2_READ);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_PERMISSION);
	sm_event();
	/* Write-only there is. */
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), 0);
	assert_int_equal(sm_result.prot, IOMMU_PROT_WRITE);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_PERMISSION);
	sm_event();
	smmu_set(stream_now.words, SMMU_STE_S2PS, smmu_address_size(40));
	sm_map(&sm_second, VA, 3, 1ULL << 40 | SM_PAGE_2);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_ADDR_SIZE);
	expect_event(0x11 | SID_WORD, OF_S2 | CLASS_IN, VA, VA & ~0xfffULL);
	sm_word(sm_place(&sm_second, VA, 2), 0x70000000 | SM_TABLE);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_WALK_EABT);
	expect_event(0x0b | SID_WORD, OF_S2 | CLASS_IN, VA, 0x70000000 + 8 * (VA >> 12 & 511));
	/* An address that does not fit into an intermediate one: stage 1. */
	assert_int_equal(sm_reach(1ULL << 50, IOMMU_PROT_WRITE), SMMU_F_ADDR_SIZE);
	expect_event(0x11 | SID_WORD, CLASS_IN, 1ULL << 50, 0);
	/* Not recorded. */
	smmu_set(stream_now.words, SMMU_STE_S2R, 0);
	sm_map(&sm_second, VA, 3, 0);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_TRANSLATION);
	assert_int_equal(sm_events(), 0);
	sm_end();
}

static void hardware_marks_in_stage_2(void **state)
{
	const iommu_paddr_t place = sm_place(&sm_second, VA, 3);
	const uint64_t clean = (SM_DATA | SM_PAGE_2 | SM_DBM) & ~SM_S2_WRITE;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_2);
	sm_map(&sm_second, VA, 3, clean & ~SM_AF);
	smmu_set(stream_now.words, SMMU_STE_S2AFFD, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_look(place), clean & ~SM_AF);
	smmu_set(stream_now.words, SMMU_STE_S2AFFD, 0);
	smmu_set(stream_now.words, SMMU_STE_S2HA, 1);
	smmu_set(stream_now.words, SMMU_STE_S2HD, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_result.prot, IOMMU_PROT_READ);
	assert_int_equal(sm_look(place), clean);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), 0);
	assert_int_equal(sm_look(place), clean | SM_S2_WRITE);
	assert_int_equal(sm_result.prot, RW);
	sm_word(place, clean);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), 0);
	assert_int_equal(sm_look(place), clean);
	sm_end();
}

static void execution_in_stage_2(void **state)
{
	static const struct {
		uint64_t xn;
		bool users, privileged;
	} cases[] = {
		{0, true, true},
		{SM_PXN, true, false},
		{SM_UXN, false, false},
		{SM_UXN | SM_PXN, false, true},
	};
	static const struct access user = {IOMMU_PROT_READ, false, true};
	static const struct access privileged = {IOMMU_PROT_READ, true, true};
	unsigned int i;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_2);
	for (i = 0; i < 4; i++) {
		sm_map(&sm_second, VA, 3, SM_DATA | SM_PAGE_2 | cases[i].xn);
		renew_all();
		assert_int_equal(reach_as(&user), cases[i].users ? 0 : SMMU_F_PERMISSION);
		assert_int_equal(reach_as(&privileged),
				 cases[i].privileged ? 0 : SMMU_F_PERMISSION);
	}
	sm_end();
}

static void memory_types_of_stage_2(void **state)
{
	static const struct {
		unsigned int attribute;
		bool forces;
		enum iommu_model_smmu_memory memory;
	} cases[] = {
		{15, false, IOMMU_MODEL_SMMU_CACHEABLE},
		{5, false, IOMMU_MODEL_SMMU_NON_CACHEABLE},
		{1, false, IOMMU_MODEL_SMMU_DEVICE},
		{4, false, IOMMU_MODEL_SMMU_DEVICE},
		{6, true, IOMMU_MODEL_SMMU_CACHEABLE},
		{7, true, IOMMU_MODEL_SMMU_INCOMING},
		{5, true, IOMMU_MODEL_SMMU_NON_CACHEABLE},
		{0, true, IOMMU_MODEL_SMMU_DEVICE},
	};
	unsigned int i;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_2);
	for (i = 0; i < 8; i++) {
		smmu_set(stream_now.words, SMMU_STE_S2FWB, cases[i].forces ? 1 : 0);
		sm_map(&sm_second, VA, 3,
		       (SM_DATA | (SM_PAGE_2 & ~(15ULL << 2)) | cases[i].attribute << 2));
		renew_all();
		assert_int_equal(sm_reach(VA, RW), 0);
		assert_int_equal(sm_result.memory, cases[i].memory);
	}
	sm_end();
}

/* --- Both stages ------------------------------------------------------------------------------ */

#define GUEST_DATA 0x300000ULL

static void faults_of_both_stages(void **state)
{
	const iommu_paddr_t table = SM_FIRST + 0x30000;
	const uint64_t at = table + 8 * (VA >> 12 & 511);

	(void)state;
	begin_stream(&all, SMMU_STE_NESTED);
	map_guest();
	sm_map(&sm_first, VA, 3, GUEST_DATA | SM_PAGE_1);
	renew_all();
	/* Stage 1's own. */
	assert_int_equal(sm_reach(VA + 0x1000, IOMMU_PROT_READ), SMMU_F_TRANSLATION);
	expect_event(0x10 | SID_WORD, RNW | CLASS_IN, VA + 0x1000, 0);
	/* Data: the intermediate address. */
	sm_word(0x3d0000 + 8 * 0x100, 0);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_TRANSLATION);
	expect_event(0x10 | SID_WORD, RNW | OF_S2 | CLASS_IN, VA, GUEST_DATA);
	sm_word(0x3d0000 + 8 * 0x100, (SM_DATA | SM_PAGE_2) & ~SM_S2_WRITE);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_PERMISSION);
	expect_event(0x13 | SID_WORD, OF_S2 | CLASS_IN, VA, GUEST_DATA);
	/* The same from the cache. */
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_result.prot, IOMMU_PROT_READ);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_PERMISSION);
	expect_event(0x13 | SID_WORD, OF_S2 | CLASS_IN, VA, GUEST_DATA);
	/* A table of stage 1. */
	sm_word(sm_place(&sm_second, table, 3), 0);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_TRANSLATION);
	expect_event(0x10 | SID_WORD, OF_S2 | CLASS_TT, VA, at & ~0xfffULL);
	sm_word(sm_place(&sm_second, table, 3), (table | SM_PAGE_2) & ~SM_S2_READ);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_PERMISSION);
	expect_event(0x13 | SID_WORD, OF_S2 | CLASS_TT | 1ULL << 44, VA, at & ~0xfffULL);
	/* … in memory that is not there. */
	sm_word(sm_place(&sm_second, table, 3), 0x70000000 | SM_PAGE_2);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_WALK_EABT);
	expect_event(0x0b | SID_WORD, CLASS_TT, VA, 0x70000000 | (at & 0xfff));
	/* The context. */
	sm_word(sm_place(&sm_second, table, 3), table | SM_PAGE_2);
	sm_word(sm_place(&sm_second, SM_CONTEXTS, 3), 0);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_TRANSLATION);
	expect_event(0x10 | SID_WORD, OF_S2 | CLASS_CD, VA, SM_CONTEXTS);
	sm_word(sm_place(&sm_second, SM_CONTEXTS, 3), 0x70000000 | SM_PAGE_2);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_CD_FETCH);
	expect_event(0x09 | SID_WORD, 0, 0, 0x70000000);
	sm_word(sm_place(&sm_second, SM_CONTEXTS, 2), 0x70000000 | SM_TABLE);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_WALK_EABT);
	expect_event(0x0b | SID_WORD, OF_S2 | CLASS_CD, VA,
		     0x70000000 + 8 * (SM_CONTEXTS >> 12 & 511));
	sm_end();
}

/* Hardware's mark in a table of stage 1 is a write there. */
static void marks_of_stage_1_need_stage_2_to_allow_writes(void **state)
{
	const iommu_paddr_t table = SM_FIRST + 0x30000;
	const uint64_t at = table + 8 * (VA >> 12 & 511);

	(void)state;
	begin_stream(&all, SMMU_STE_NESTED);
	map_guest();
	sm_map(&sm_first, VA, 3, (GUEST_DATA | SM_PAGE_1) & ~SM_AF);
	smmu_set(context_now.words, SMMU_CD_HA, 1);
	sm_word(sm_place(&sm_second, table, 3), (table | SM_PAGE_2) & ~SM_S2_WRITE);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_PERMISSION);
	expect_event(0x13 | SID_WORD, RNW | OF_S2 | CLASS_TT, VA, at & ~0xfffULL);
	sm_word(sm_place(&sm_second, table, 3), table | SM_PAGE_2);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	assert_int_equal(sm_look(at) & SM_AF, SM_AF);
	/* S2PTW: no tables in Device memory. */
	sm_word(sm_place(&sm_second, table, 3), table | (SM_PAGE_2 & ~(15ULL << 2)) | 1 << 2);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	smmu_set(stream_now.words, SMMU_STE_S2PTW, 1);
	renew_all();
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_PERMISSION);
	expect_event(0x13 | SID_WORD, RNW | OF_S2 | CLASS_TT | 1ULL << 44, VA, at & ~0xfffULL);
	sm_end();
}

static void the_smaller_block_of_both_stages_counts(void **state)
{
	const uint64_t address = 0x40000000ULL | GUEST_DATA | 0x234;

	(void)state;
	begin_stream(&all, SMMU_STE_NESTED);
	map_guest();
	/* 1 GiB in stage 1, 4 KiB in stage 2. */
	sm_map(&sm_first, address, 1, SM_BLOCK_1);
	renew_all();
	assert_int_equal(sm_reach(address, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x234);
	assert_int_equal(sm_result.size, 4096);
	assert_int_equal(sm_reach(address, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x234);
	assert_int_equal(sm_reach(0x40000000ULL | 0x100000, RW), 0);
	assert_int_equal(sm_result.paddr, 0x100000);
	/* Device memory of either stage is Device. */
	sm_map(&sm_first, address, 1, (SM_BLOCK_1 & ~(7ULL << 2)) | 2 << 2);
	renew_all();
	assert_int_equal(sm_reach(address, RW), 0);
	assert_int_equal(sm_result.memory, IOMMU_MODEL_SMMU_DEVICE);
	assert_int_equal(sm_reach(address, RW), 0);
	assert_int_equal(sm_result.memory, IOMMU_MODEL_SMMU_DEVICE);
	sm_end();
}

/* Substreams over stage 2, and requests without one that skip stage 1. */
static void requests_that_skip_stage_1_go_through_stage_2(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_NESTED);
	map_guest();
	smmu_set(stream_now.words, SMMU_STE_S1CDMAX, 6);
	smmu_set(stream_now.words, SMMU_STE_S1DSS, SMMU_S1DSS_BYPASS);
	sm_map(&sm_first, VA, 3, GUEST_DATA | SM_PAGE_1);
	renew_all();
	sm_context(SM_SUBSTREAM, &context_now);
	assert_int_equal(sm_reach(GUEST_DATA | 8, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 8);
	assert_int_equal(reach_substream(SM_SUBSTREAM), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	sm_end();
}

/* --- How faults end --------------------------------------------------------------------------- */

static void contexts_say_how_faults_end(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	/* A: abort; R: record. */
	assert_int_equal(sm_reach(VA, RW), SMMU_F_TRANSLATION);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	sm_event();
	smmu_set(context_now.words, SMMU_CD_A, 0);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_TRANSLATION);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_UNANSWERED);
	sm_event();
	smmu_set(context_now.words, SMMU_CD_R, 0);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_TRANSLATION);
	assert_int_equal(sm_events(), 0);
	/* An external abort is none of these. */
	sm_word(sm_place(&sm_first, VA, 1), 0x70000000 | SM_TABLE);
	renew_all();
	assert_int_equal(sm_reach(VA, RW), SMMU_F_WALK_EABT);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	assert_int_equal(sm_events(), 1);
	sm_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gbpa_decides_while_the_unit_is_off),
		cmocka_unit_test(a_unit_may_reset_aborting),
		cmocka_unit_test(a_stream_that_aborts_does_so_silently),
		cmocka_unit_test(a_stream_that_bypasses_is_not_translated),
		cmocka_unit_test(stage_1_translates),
		cmocka_unit_test(stage_2_translates),
		cmocka_unit_test(both_stages_translate),
		cmocka_unit_test(the_result_of_a_peek_is_the_same_and_leaves_nothing),
		cmocka_unit_test(streams_out_of_range_are_recorded_if_wanted),
		cmocka_unit_test(a_stream_table_that_cannot_be_read),
		cmocka_unit_test(tables_of_two_levels),
		cmocka_unit_test(a_level_1_descriptor_that_cannot_be_read),
		cmocka_unit_test(entries_that_are_illegal),
		cmocka_unit_test(entries_that_need_what_is_not_there),
		cmocka_unit_test(stages_that_are_not_there),
		cmocka_unit_test(entries_that_do_not_say_what_is_forced),
		cmocka_unit_test(contexts_that_are_illegal),
		cmocka_unit_test(a_context_that_cannot_be_read),
		cmocka_unit_test(substreams_have_contexts_of_their_own),
		cmocka_unit_test(context_tables_of_two_levels),
		cmocka_unit_test(stage_1_walks_at_all_granules),
		cmocka_unit_test(stage_1_has_blocks),
		cmocka_unit_test(descriptors_that_are_invalid),
		cmocka_unit_test(the_upper_half),
		cmocka_unit_test(tables_may_be_big_endian),
		cmocka_unit_test(addresses_of_52_bits),
		cmocka_unit_test(a_table_that_cannot_be_read),
		cmocka_unit_test(addresses_that_are_too_large),
		cmocka_unit_test(the_access_flag),
		cmocka_unit_test(dirty_state),
		cmocka_unit_test(a_descriptor_that_changes_all_the_time),
		cmocka_unit_test(permissions_of_stage_1),
		cmocka_unit_test(limits_in_tables),
		cmocka_unit_test(overrides_of_streams),
		cmocka_unit_test(memory_types_of_stage_1),
		cmocka_unit_test(streams_of_el2_have_one_privilege),
		cmocka_unit_test(stage_2_walks_at_all_granules),
		cmocka_unit_test(faults_of_stage_2),
		cmocka_unit_test(hardware_marks_in_stage_2),
		cmocka_unit_test(execution_in_stage_2),
		cmocka_unit_test(memory_types_of_stage_2),
		cmocka_unit_test(faults_of_both_stages),
		cmocka_unit_test(marks_of_stage_1_need_stage_2_to_allow_writes),
		cmocka_unit_test(the_smaller_block_of_both_stages_counts),
		cmocka_unit_test(requests_that_skip_stage_1_go_through_stage_2),
		cmocka_unit_test(contexts_say_how_faults_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
