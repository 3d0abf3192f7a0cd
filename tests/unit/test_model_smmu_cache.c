/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model of Arm's SMMUv3 caches, and which command drops it: what is stale stays stale
 * until the right command, and no other, has named it (IHI 0070, 3.17, 4.3 and 4.4).
 */
#include <string.h>

#include "bare_smmu.h"
#include "test.h"

static const struct iommu_model_smmu_config all = {.cache_entries = SIZE_MAX};

#define VA         0x12345678ULL
#define OLD        (SM_DATA + 0x1000)
#define NEW        (SM_DATA + 0x2000)
#define GUEST_DATA 0x300000ULL

static struct smmu_ste stream_now;
static struct smmu_cd context_now;

static void begin_stream(enum smmu_ste_config config)
{
	sm_begin(&all);
	sm_unit_on();
	stream_now = sm_ste(config);
	context_now = sm_cd();
	sm_stream(SM_STREAM, &stream_now);
	sm_context(0, &context_now);
}

static uint64_t reach(uint64_t address)
{
	const unsigned int event = sm_reach(address, IOMMU_PROT_READ);

	return event == 0 ? sm_result.paddr & ~0xfffULL : event;
}

/* --- Streams and contexts --------------------------------------------------------------------- */

/* Commands of which only the last ones reach the stream of SM_STREAM. */
static void stream_entries_are_cached(void **state)
{
	const struct smmu_command others[] = {
		smmu_cfgi_ste(SM_STREAM + 1, false),
		smmu_cfgi_ste(SM_STREAM - 1, true),
		smmu_cfgi_ste_range(SM_STREAM + 2, 1),
		smmu_cfgi_ste_range(SM_STREAM - 8, 3),
		smmu_cfgi_cd(SM_STREAM, 0, false),
		smmu_cfgi_cd_all(SM_STREAM),
		smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0),
		smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0),
		smmu_sync(SMMU_SYNC_NONE),
	};
	const struct smmu_command right[] = {
		smmu_cfgi_ste(SM_STREAM, true),
		smmu_cfgi_ste(SM_STREAM, false),
		smmu_cfgi_ste_range(SM_STREAM - 1, 1),
		smmu_cfgi_ste_range(SM_STREAM, 6),
		smmu_cfgi_all(),
	};
	unsigned int i;

	(void)state;
	begin_stream(SMMU_STE_BYPASS);
	assert_int_equal(sm_reach(VA, 0), 0);
	for (i = 0; i < 5; i++) {
		const bool bypasses = i % 2 == 0;
		unsigned int j;

		stream_now = sm_ste(bypasses ? SMMU_STE_ABORT : SMMU_STE_BYPASS);
		sm_stream(SM_STREAM, &stream_now);
		for (j = 0; j < sizeof(others) / sizeof(others[0]); j++) {
			sm_run(others[j]);
			assert_int_equal(sm_reach(VA, 0), bypasses ? 0 : SM_SILENT);
		}
		sm_run(right[i]);
		assert_int_equal(sm_reach(VA, 0), bypasses ? SM_SILENT : 0);
	}
	sm_end();
}

static void invalid_entries_are_cached(void **state)
{
	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	sm_map(&sm_first, VA, 3, OLD | SM_PAGE_1);
	smmu_set(stream_now.words, SMMU_STE_V, 0);
	sm_stream(SM_STREAM, &stream_now);
	assert_int_equal(reach(VA), SMMU_C_BAD_STE);
	smmu_set(stream_now.words, SMMU_STE_V, 1);
	sm_stream(SM_STREAM, &stream_now);
	assert_int_equal(reach(VA), SMMU_C_BAD_STE);
	smmu_set(context_now.words, SMMU_CD_V, 0);
	sm_context(0, &context_now);
	sm_run(smmu_cfgi_ste(SM_STREAM, true));
	assert_int_equal(reach(VA), SMMU_C_BAD_CD);
	smmu_set(context_now.words, SMMU_CD_V, 1);
	sm_context(0, &context_now);
	assert_int_equal(reach(VA), SMMU_C_BAD_CD);
	sm_run(smmu_cfgi_cd(SM_STREAM, 0, true));
	assert_int_equal(reach(VA), OLD);
	sm_end();
}

static void descriptors_of_level_1_are_cached(void **state)
{
	const struct smmu_ste ste = sm_ste(SMMU_STE_BYPASS);
	const struct iommu_model_smmu_request request = {.stream = 0x305, .address = VA};
	unsigned int i;

	(void)state;
	sm_begin(&all);
	sm_queues_on();
	sm_set(SMMU_STRTAB_BASE, 8, SM_LEVEL_1);
	sm_set(SMMU_STRTAB_BASE_CFG, 4, smmu_strtab_cfg(SMMU_STREAM_TABLE_2_LEVELS, 12, 8));
	sm_enable(SMMU_CR0_SMMUEN);
	for (i = 0; i < SMMU_STE_WORDS; i++)
		sm_word(SM_STREAMS + 5 * 64 + i * 8ULL, ste.words[i]);
	assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
	sm_word(SM_LEVEL_1 + 24, smmu_l1std(SM_STREAMS, 9));
	assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
	/* A leaf alone is not enough, nor another part of the table. */
	sm_run(smmu_cfgi_ste(0x305, true));
	sm_run(smmu_cfgi_ste(0x205, false));
	assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
	sm_run(smmu_cfgi_ste(0x3ff, false));
	assert_int_equal(sm_ask(&request), 0);
	sm_word(SM_LEVEL_1 + 24, 0);
	sm_run(smmu_cfgi_ste(0x305, true));
	assert_int_equal(sm_ask(&request), 0);
	sm_run(smmu_cfgi_ste_range(0x300, 8));
	assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
	/* Turning the unit off and on forgets nothing. */
	sm_word(SM_LEVEL_1 + 24, smmu_l1std(SM_STREAMS, 9));
	sm_disable(SMMU_CR0_SMMUEN);
	sm_enable(SMMU_CR0_SMMUEN);
	assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
	sm_run(smmu_cfgi_all());
	assert_int_equal(sm_ask(&request), 0);
	sm_end();
}

static unsigned int reach_substream(uint32_t ssid)
{
	const struct iommu_model_smmu_request request = {
		.stream = SM_STREAM, .has_substream = true, .substream = ssid, .address = VA};

	return sm_ask(&request);
}

static void contexts_are_cached_for_each_substream(void **state)
{
	const uint32_t one = 3 << 6 | 5, other = 3 << 6 | 6;
	struct smmu_cd bad = sm_cd();
	unsigned int i;

	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	smmu_set(stream_now.words, SMMU_STE_S1CDMAX, 9);
	smmu_set(stream_now.words, SMMU_STE_S1FMT, SMMU_S1FMT_4K);
	smmu_set_address(stream_now.words, SMMU_STE_S1CONTEXTPTR, SM_CONTEXTS_1);
	sm_stream(SM_STREAM, &stream_now);
	sm_word(SM_CONTEXTS_1 + 24, smmu_l1cd(SM_CONTEXTS));
	sm_context(5, &context_now);
	sm_context(6, &context_now);
	sm_map(&sm_first, VA, 3, OLD | SM_PAGE_1);
	assert_int_equal(reach_substream(one), 0);
	assert_int_equal(reach_substream(other), 0);
	smmu_set(bad.words, SMMU_CD_V, 0);
	sm_context(5, &bad);
	sm_context(6, &bad);
	sm_run(smmu_cfgi_cd(SM_STREAM, other, true));
	sm_run(smmu_cfgi_cd(SM_STREAM + 1, one, false));
	sm_run(smmu_cfgi_cd_all(SM_STREAM + 1));
	sm_run(smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0));
	assert_int_equal(reach_substream(one), 0);
	assert_int_equal(reach_substream(other), SMMU_C_BAD_CD);
	sm_run(smmu_cfgi_cd_all(SM_STREAM));
	assert_int_equal(reach_substream(one), SMMU_C_BAD_CD);
	/* The descriptor above. */
	sm_word(SM_CONTEXTS_1 + 24, 0);
	sm_run(smmu_cfgi_cd(SM_STREAM, one, true));
	assert_int_equal(reach_substream(one), SMMU_C_BAD_CD);
	sm_run(smmu_cfgi_cd(SM_STREAM, one, false));
	assert_int_equal(reach_substream(one), SMMU_C_BAD_SUBSTREAMID);
	sm_word(SM_CONTEXTS_1 + 24, smmu_l1cd(SM_CONTEXTS));
	sm_context(5, &context_now);
	assert_int_equal(reach_substream(one), SMMU_C_BAD_SUBSTREAMID);
	/* CFGI_STE drops the contexts that were reached through the stream. */
	sm_run(smmu_cfgi_ste(SM_STREAM, true));
	assert_int_equal(reach_substream(one), 0);
	for (i = 0; i < 2; i++)
		sm_event();
	sm_end();
}

/* --- Stage 1 ---------------------------------------------------------------------------------- */

struct named_command {
	struct smmu_command command;
	bool drops;
};

/* A leaf that is stale, and each command that drops it or does not. */
static void check_commands(const struct sm_space *space, uint64_t address, unsigned int level,
			   const uint64_t leaves[2], const struct named_command *cases,
			   unsigned int count)
{
	const uint64_t mask = 0x0000fffffffff000ULL;
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint64_t before, after;

		sm_map(space, address, level, leaves[0]);
		sm_run(smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0));
		sm_run(smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0));
		before = reach(address);
		assert_true(before >= SM_DATA);
		sm_word(sm_place(space, address, level), leaves[1]);
		assert_int_equal(reach(address), before);
		sm_run(cases[i].command);
		after = reach(address);
		if (cases[i].drops)
			assert_int_equal(after, before + ((leaves[1] & mask) - (leaves[0] & mask)));
		else
			assert_int_equal(after, before);
	}
}

static struct smmu_command va(enum smmu_opcode opcode, uint16_t vmid, uint16_t asid, uint64_t at,
			      bool leaf)
{
	return smmu_tlbi_at(smmu_tlbi(opcode, vmid, asid), at, leaf);
}

static struct smmu_command range(uint64_t at, enum smmu_tlbi_granule granule, unsigned int num,
				 unsigned int scale, unsigned int ttl)
{
	return smmu_tlbi_range(va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, at, true), granule, num, scale,
			       ttl);
}

static void leaves_of_stage_1_are_dropped_by_what_names_them(void **state)
{
	const uint64_t leaves[2] = {OLD | SM_PAGE_1, NEW | SM_PAGE_1};
	const struct named_command cases[] = {
		{smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0), true},
		{smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0), true},
		{smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID + 1, 0), false},
		{smmu_tlbi(SMMU_TLBI_NH_ALL, 0, 0), false},
		{smmu_tlbi(SMMU_TLBI_NH_ASID, SM_VMID, SM_ASID), true},
		{smmu_tlbi(SMMU_TLBI_NH_ASID, SM_VMID, SM_ASID + 1), false},
		{smmu_tlbi(SMMU_TLBI_NH_ASID, 0, SM_ASID), false},
		{smmu_tlbi(SMMU_TLBI_S12_VMALL, SM_VMID, 0), true},
		{smmu_tlbi(SMMU_TLBI_S12_VMALL, SM_VMID + 1, 0), false},
		{smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_S2_IPA, SM_VMID, 0), VA, false), false},
		{smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0), false},
		{va(SMMU_TLBI_EL2_VA, 0, SM_ASID, VA, false), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA, true), true},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA, false), true},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA + 0x1000, false), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA - 0x1000, false), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID + 1, VA, false), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID + 1, SM_ASID, VA, false), false},
		{va(SMMU_TLBI_NH_VAA, SM_VMID, 0, VA, true), true},
		{va(SMMU_TLBI_NH_VAA, SM_VMID + 1, 0, VA, true), false},
		{va(SMMU_TLBI_NH_VAA, SM_VMID, 0, VA + 0x1000, false), false},
		{smmu_cfgi_all(), false},
		{smmu_sync(SMMU_SYNC_NONE), false},
	};

	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	check_commands(&sm_first, VA, 3, leaves, cases, sizeof(cases) / sizeof(cases[0]));
	sm_end();
}

static void ranges_name_granule_level_and_length(void **state)
{
	const uint64_t leaves[2] = {OLD | SM_PAGE_1, NEW | SM_PAGE_1};
	const uint64_t page = VA & ~0xfffULL;
	const struct named_command cases[] = {
		{range(page, SMMU_TLBI_4K, 0, 0, 3), true},
		{range(page, SMMU_TLBI_4K, 1, 0, 0), true},
		{range(page - 0x2000, SMMU_TLBI_4K, 1, 0, 0), false},
		{range(page - 0x2000, SMMU_TLBI_4K, 2, 0, 0), true},
		{range(page - 0x4000, SMMU_TLBI_4K, 0, 2, 0), false},
		{range(page - 0x4000, SMMU_TLBI_4K, 0, 3, 0), true},
		{range(page - 0x4000, SMMU_TLBI_4K, 1, 2, 3), true},
		{range(page + 0x1000, SMMU_TLBI_4K, 31, 10, 0), false},
		{range(0, SMMU_TLBI_4K, 31, 31, 0), true},
		/* Another granule, another level. */
		{range(page & ~0x3fffULL, SMMU_TLBI_16K, 3, 0, 0), false},
		{range(page & ~0xffffULL, SMMU_TLBI_64K, 3, 0, 0), false},
		{range(page & ~0x1fffffULL, SMMU_TLBI_4K, 31, 10, 2), false},
		{range(page & ~0x3fffffffULL, SMMU_TLBI_4K, 31, 20, 1), false},
		{range(page & ~0x1fffffULL, SMMU_TLBI_4K, 31, 10, 3), true},
		/* An address that is not aligned to the level: nothing. */
		{range(page, SMMU_TLBI_4K, 31, 10, 2), false},
	};
	unsigned int misuses;

	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	misuses = sm.misuses;
	check_commands(&sm_first, VA, 3, leaves, cases, sizeof(cases) / sizeof(cases[0]));
	assert_int_equal(sm.misuses, misuses + 1);
	sm_end();
}

static void without_ranges_their_fields_do_not_count(void **state)
{
	const uint64_t leaves[2] = {OLD | SM_PAGE_1, NEW | SM_PAGE_1};
	const uint64_t page = VA & ~0xfffULL;
	const struct named_command cases[] = {
		{range(page, SMMU_TLBI_64K, 0, 0, 0), true},
		{range(page - 0x1000, SMMU_TLBI_4K, 31, 5, 0), false},
	};
	struct iommu_model_smmu_config plain = all;

	(void)state;
	sm_begin(&all);
	plain.idr0 = (uint32_t)sm_reg(SMMU_IDR0, 4);
	plain.idr1 = (uint32_t)sm_reg(SMMU_IDR1, 4);
	plain.idr5 = (uint32_t)sm_reg(SMMU_IDR5, 4);
	sm_end();
	sm_begin(&plain);
	sm_unit_on();
	stream_now = sm_ste(SMMU_STE_STAGE_1);
	context_now = sm_cd();
	sm_stream(SM_STREAM, &stream_now);
	sm_context(0, &context_now);
	check_commands(&sm_first, VA, 3, leaves, cases, 2);
	sm_end();
}

static void blocks_are_dropped_by_any_of_their_addresses(void **state)
{
	const uint64_t leaves[2] = {0x40000000 | SM_BLOCK_1, 0x40200000 | SM_BLOCK_1};
	const struct named_command cases[] = {
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA & ~0x1fffffULL, true), true},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA | 0x1fffff, true), true},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, (VA & ~0x1fffffULL) - 1, true), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, (VA | 0x1fffff) + 1, true), false},
		{range(VA & ~0x1fffffULL, SMMU_TLBI_4K, 0, 0, 2), true},
		{range(VA & ~0x1fffffULL, SMMU_TLBI_4K, 0, 0, 3), false},
		{range((VA & ~0x1fffffULL) - 0x200000, SMMU_TLBI_4K, 1, 9, 2), true},
		{range((VA & ~0x1fffffULL) - 0x200000, SMMU_TLBI_4K, 0, 9, 2), false},
	};

	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	check_commands(&sm_first, VA, 2, leaves, cases, sizeof(cases) / sizeof(cases[0]));
	sm_end();
}

/* A group is one entry, or, for a strict test, each of its entries is one. */
static void groups_of_entries(void **state)
{
	const struct iommu_model_smmu_config single = {.cache_entries = SIZE_MAX,
						       .strict = IOMMU_MODEL_SMMU_NO_GROUPS};
	const uint64_t group = VA & ~0xffffULL, old = SM_DATA, new = SM_DATA + 0x10000;
	unsigned int i, strict;

	(void)state;
	for (strict = 0; strict < 2; strict++) {
		sm_begin(strict != 0 ? &single : &all);
		sm_unit_on();
		stream_now = sm_ste(SMMU_STE_STAGE_1);
		context_now = sm_cd();
		sm_stream(SM_STREAM, &stream_now);
		sm_context(0, &context_now);
		for (i = 0; i < 16; i++)
			sm_map(&sm_first, group + i * 0x1000, 3,
			       (old + i * 0x1000) | SM_PAGE_1 | SM_CONTIGUOUS);
		for (i = 0; i < 16; i++)
			assert_int_equal(reach(group + i * 0x1000), old + i * 0x1000);
		assert_int_equal(sm_result.size, strict != 0 ? 0x1000 : 0x10000);
		for (i = 0; i < 16; i++)
			sm_map(&sm_first, group + i * 0x1000, 3,
			       (new + i * 0x1000) | SM_PAGE_1 | SM_CONTIGUOUS);
		sm_run(va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, group + 0x3000, true));
		assert_int_equal(reach(group + 0x3000), new + 0x3000);
		assert_int_equal(reach(group + 0x4000), (strict != 0 ? old : new) + 0x4000);
		sm_end();
	}
}

/* Entries without nG are of all ASIDs, and stay when one of those is dropped. */
static void global_leaves(void **state)
{
	const uint64_t leaves[2] = {(OLD | SM_PAGE_1) & ~SM_NG, (NEW | SM_PAGE_1) & ~SM_NG};
	const struct named_command cases[] = {
		{smmu_tlbi(SMMU_TLBI_NH_ASID, SM_VMID, SM_ASID), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA, true), true},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID + 1, VA, true), true},
		{va(SMMU_TLBI_NH_VA, SM_VMID + 1, SM_ASID, VA, true), false},
		{va(SMMU_TLBI_NH_VAA, SM_VMID, 0, VA, true), true},
		{smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0), true},
	};

	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	check_commands(&sm_first, VA, 3, leaves, cases, sizeof(cases) / sizeof(cases[0]));
	/* Another ASID sees it, unless its ASET differs. */
	sm_map(&sm_first, VA, 3, leaves[0]);
	sm_run(smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0));
	assert_int_equal(reach(VA), OLD);
	sm_word(sm_place(&sm_first, VA, 3), 0);
	smmu_set(context_now.words, SMMU_CD_ASID, SM_ASID + 1);
	sm_context(0, &context_now);
	sm_run(smmu_cfgi_all());
	assert_int_equal(reach(VA), OLD);
	smmu_set(context_now.words, SMMU_CD_ASET, 1);
	sm_context(0, &context_now);
	sm_run(smmu_cfgi_all());
	assert_int_equal(reach(VA), SMMU_F_TRANSLATION);
	sm_end();
}

static void asids_and_vmids_tag_what_is_cached(void **state)
{
	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	sm_map(&sm_first, VA, 3, OLD | SM_PAGE_1);
	assert_int_equal(reach(VA), OLD);
	sm_map(&sm_first, VA, 3, NEW | SM_PAGE_1);
	/* The same tags, and another root: stale all the same. */
	smmu_set_address(context_now.words, SMMU_CD_TTB0, SM_DATA);
	sm_context(0, &context_now);
	sm_run(smmu_cfgi_all());
	assert_int_equal(reach(VA), OLD);
	smmu_set_address(context_now.words, SMMU_CD_TTB0, sm_first.root);
	smmu_set(context_now.words, SMMU_CD_ASID, SM_ASID + 1);
	sm_context(0, &context_now);
	sm_run(smmu_cfgi_all());
	assert_int_equal(reach(VA), NEW);
	smmu_set(context_now.words, SMMU_CD_ASID, SM_ASID);
	sm_context(0, &context_now);
	sm_run(smmu_cfgi_all());
	assert_int_equal(reach(VA), OLD);
	smmu_set(stream_now.words, SMMU_STE_S2VMID, SM_VMID + 1);
	sm_stream(SM_STREAM, &stream_now);
	sm_run(smmu_cfgi_all());
	assert_int_equal(reach(VA), NEW);
	sm_end();
}

/* Of tables, too, what is stale stays, until a command that is not for leaves alone. */
static void tables_are_cached(void **state)
{
	const uint64_t other = SM_DATA + 0x10000;
	const iommu_paddr_t above = sm_place(&sm_first, VA, 2);
	const uint64_t page = VA & ~0xfffULL;
	const struct {
		struct smmu_command command;
		bool drops;
	} cases[] = {
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA, true), false},
		{va(SMMU_TLBI_NH_VAA, SM_VMID, SM_ASID, VA, true), false},
		{range(page, SMMU_TLBI_4K, 0, 0, 3), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID + 1, VA, false), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA + 0x200000, false), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA + 0x1000, false), true},
		{va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA, false), true},
		{va(SMMU_TLBI_NH_VAA, SM_VMID, 0, VA, false), true},
		{smmu_tlbi(SMMU_TLBI_NH_ASID, SM_VMID, SM_ASID), true},
		/* Of a range that names a level: tables above that. */
		{smmu_tlbi_range(va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, page, false), SMMU_TLBI_4K,
				 0, 0, 3),
		 true},
		{smmu_tlbi_range(va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, page & ~0x1fffffULL, false),
				 SMMU_TLBI_4K, 0, 0, 2),
		 false},
		{smmu_tlbi_range(va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, page & ~0xffffULL, false),
				 SMMU_TLBI_64K, 3, 0, 0),
		 false},
	};
	unsigned int i;

	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	sm_word(other + 8 * (VA >> 12 & 511), NEW | SM_PAGE_1);
	sm_word(other + 8 * ((VA >> 12 & 511) + 1), NEW | SM_PAGE_1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sm_map(&sm_first, VA, 3, OLD | SM_PAGE_1);
		sm_run(smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0));
		assert_int_equal(reach(VA), OLD);
		sm_word(above, other | SM_TABLE);
		sm_run(cases[i].command);
		/* A neighbour, whose leaf is not cached. */
		if (cases[i].drops)
			assert_int_equal(reach(VA + 0x1000), NEW);
		else
			assert_int_equal(reach(VA + 0x1000), SMMU_F_TRANSLATION);
	}
	sm_end();
}

static void el2_has_commands_of_its_own(void **state)
{
	const uint64_t leaves[2] = {OLD | SM_PAGE_1, NEW | SM_PAGE_1};
	const struct named_command cases[] = {
		{smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0), false},
		{smmu_tlbi(SMMU_TLBI_NH_ALL, 0, 0), false},
		{smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0), true},
		{smmu_tlbi(SMMU_TLBI_EL2_ASID, 0, SM_ASID), false},
		{va(SMMU_TLBI_EL2_VA, 0, 0, VA, true), true},
		{va(SMMU_TLBI_EL2_VA, 0, SM_ASID, VA, true), true},
		{va(SMMU_TLBI_EL2_VAA, 0, 0, VA, true), true},
		{va(SMMU_TLBI_EL2_VA, 0, 0, VA + 0x1000, true), false},
	};
	const struct named_command with_asids[] = {
		{smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0), false},
		{smmu_tlbi(SMMU_TLBI_EL2_ASID, 0, SM_ASID), true},
		{smmu_tlbi(SMMU_TLBI_EL2_ASID, 0, SM_ASID + 1), false},
		{va(SMMU_TLBI_EL2_VA, 0, SM_ASID, VA, true), true},
		{va(SMMU_TLBI_EL2_VA, 0, SM_ASID + 1, VA, true), false},
		{va(SMMU_TLBI_EL2_VAA, 0, 0, VA, true), true},
	};

	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	smmu_set(stream_now.words, SMMU_STE_STRW, SMMU_STRW_EL2);
	sm_stream(SM_STREAM, &stream_now);
	check_commands(&sm_first, VA, 3, leaves, cases, sizeof(cases) / sizeof(cases[0]));
	assert_int_equal(sm.misuses, 1);
	sm_disable(SMMU_CR0_SMMUEN);
	sm_set(SMMU_CR2, 4, SMMU_CR2_E2H);
	sm_enable(SMMU_CR0_SMMUEN);
	sm_run(smmu_cfgi_all());
	check_commands(&sm_first, VA, 3, leaves, with_asids, 6);
	sm_end();
}

/* --- Stage 2 ---------------------------------------------------------------------------------- */

static void leaves_of_stage_2_are_dropped_by_what_names_them(void **state)
{
	const uint64_t leaves[2] = {OLD | SM_PAGE_2, NEW | SM_PAGE_2};
	const uint64_t page = VA & ~0xfffULL;
	const struct smmu_command ipa = smmu_tlbi(SMMU_TLBI_S2_IPA, SM_VMID, 0);
	const struct named_command cases[] = {
		{smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0), true},
		{smmu_tlbi(SMMU_TLBI_S12_VMALL, SM_VMID, 0), true},
		{smmu_tlbi(SMMU_TLBI_S12_VMALL, SM_VMID + 1, 0), false},
		{smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0), false},
		{va(SMMU_TLBI_NH_VA, SM_VMID, 0, VA, false), false},
		{smmu_tlbi_at(ipa, VA, true), true},
		{smmu_tlbi_at(ipa, VA, false), true},
		{smmu_tlbi_at(ipa, VA + 0x1000, false), false},
		{smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_S2_IPA, SM_VMID + 1, 0), VA, false), false},
		{smmu_tlbi_range(smmu_tlbi_at(ipa, page - 0x1000, true), SMMU_TLBI_4K, 1, 0, 3),
		 true},
		{smmu_tlbi_range(smmu_tlbi_at(ipa, page - 0x2000, true), SMMU_TLBI_4K, 1, 0, 3),
		 false},
		{smmu_tlbi_range(smmu_tlbi_at(ipa, page | 0x1000, true), SMMU_TLBI_64K, 1, 0, 3),
		 false},
		{smmu_cfgi_all(), false},
	};

	(void)state;
	begin_stream(SMMU_STE_STAGE_2);
	check_commands(&sm_second, VA, 3, leaves, cases, sizeof(cases) / sizeof(cases[0]));
	sm_end();
}

static void tables_of_stage_2_are_cached(void **state)
{
	const uint64_t other = SM_DATA + 0x10000;
	const struct smmu_command ipa = smmu_tlbi(SMMU_TLBI_S2_IPA, SM_VMID, 0);

	(void)state;
	begin_stream(SMMU_STE_STAGE_2);
	sm_word(other + 8 * ((VA >> 12 & 511) + 1), NEW | SM_PAGE_2);
	sm_map(&sm_second, VA, 3, OLD | SM_PAGE_2);
	assert_int_equal(reach(VA), OLD);
	sm_word(sm_place(&sm_second, VA, 2), other | SM_TABLE);
	sm_run(smmu_tlbi_at(ipa, VA, true));
	assert_int_equal(reach(VA + 0x1000), SMMU_F_TRANSLATION);
	sm_run(smmu_tlbi_at(ipa, VA, false));
	assert_int_equal(reach(VA + 0x1000), NEW);
	sm_end();
}

/* --- Both stages ------------------------------------------------------------------------------ */

static void map_guest(void)
{
	unsigned int i;

	for (i = 0; i < 0x200; i++)
		sm_map(&sm_second, i * 4096ULL, 3, i * 4096ULL | SM_PAGE_2);
	sm_word(SM_SECOND + 0x20000 + 8, 0x3d0000 | SM_TABLE);
	sm_word(0x3d0000 + 8 * 0x100, OLD | SM_PAGE_2);
}

/* What both give together is not reached by CMD_TLBI_S2_IPA: NH_ALL has to follow. */
static void stage_2_changes_under_stage_1(void **state)
{
	const struct smmu_command ipa =
		smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_S2_IPA, SM_VMID, 0), GUEST_DATA, false);

	(void)state;
	begin_stream(SMMU_STE_NESTED);
	map_guest();
	sm_map(&sm_first, VA, 3, GUEST_DATA | SM_PAGE_1);
	assert_int_equal(reach(VA), OLD);
	sm_word(0x3d0000 + 8 * 0x100, NEW | SM_PAGE_2);
	sm_run(ipa);
	assert_int_equal(reach(VA), OLD);
	sm_run(smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0));
	assert_int_equal(reach(VA), NEW);
	/* NH_ALL alone leaves what stage 2 has cached. */
	sm_word(0x3d0000 + 8 * 0x100, OLD | SM_PAGE_2);
	sm_run(smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0));
	assert_int_equal(reach(VA), NEW);
	sm_run(smmu_tlbi(SMMU_TLBI_S12_VMALL, SM_VMID, 0));
	assert_int_equal(reach(VA), OLD);
	sm_end();
}

/* Tables of stage 1 are found through what stage 2 has cached. */
static void roots_of_stage_1_are_cached_by_stage_2(void **state)
{
	const iommu_paddr_t root = sm_first.root;
	const uint64_t copy = SM_DATA + 0x20000;

	(void)state;
	begin_stream(SMMU_STE_NESTED);
	map_guest();
	sm_map(&sm_first, VA, 3, GUEST_DATA | SM_PAGE_1);
	assert_int_equal(reach(VA), OLD);
	/* The guest's root moves in memory to an empty page. */
	sm_map(&sm_second, root, 3, copy | SM_PAGE_2);
	sm_run(smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0));
	assert_int_equal(reach(VA), OLD);
	sm_run(smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_S2_IPA, SM_VMID, 0), root, true));
	assert_int_equal(reach(VA), OLD);
	sm_run(smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0));
	assert_int_equal(reach(VA), SMMU_F_TRANSLATION);
	sm_end();
}

static void combined_leaves_are_dropped_by_the_level_of_stage_1(void **state)
{
	const uint64_t address = 0x40000000ULL | GUEST_DATA;
	const struct smmu_command at = va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, 0x40000000, true);
	unsigned int level;

	(void)state;
	for (level = 1; level <= 3; level++) {
		begin_stream(SMMU_STE_NESTED);
		map_guest();
		sm_map(&sm_first, address, 1, SM_BLOCK_1);
		assert_int_equal(reach(address), OLD);
		sm_word(sm_place(&sm_first, address, 1), 0);
		sm_run(smmu_tlbi_range(at, SMMU_TLBI_4K, 31, 10, level));
		assert_int_equal(reach(address), level == 1 ? SMMU_F_TRANSLATION : OLD);
		sm_end();
	}
}

/* --- Nothing of faults ------------------------------------------------------------------------ */

static void faults_of_tables_are_not_cached(void **state)
{
	(void)state;
	begin_stream(SMMU_STE_NESTED);
	map_guest();
	sm_map(&sm_first, VA, 3, 0);
	assert_int_equal(reach(VA), SMMU_F_TRANSLATION);
	sm_map(&sm_first, VA, 3, GUEST_DATA | SM_PAGE_1);
	assert_int_equal(reach(VA), OLD);
	/* A narrower one that is cached keeps faulting. */
	sm_map(&sm_first, VA, 3, GUEST_DATA | SM_PAGE_1 | SM_READONLY);
	sm_run(smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0));
	assert_int_equal(reach(VA), OLD);
	sm_map(&sm_first, VA, 3, GUEST_DATA | SM_PAGE_1);
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), SMMU_F_PERMISSION);
	sm_run(va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA, true));
	assert_int_equal(sm_reach(VA, IOMMU_PROT_WRITE), 0);
	sm_end();
}

/* --- What the host is told -------------------------------------------------------------------- */

/* Every field: a host that drops less than it should keeps what is stale. */
static void told(struct smmu_command command, const struct iommu_model_smmu_invalidation *expected)
{
	const struct iommu_model_smmu_invalidation *what = &sm.told_last;

	memset(&sm.told_last, 0xff, sizeof(sm.told_last));
	sm_run(command);
	assert_int_equal(what->type, expected->type);
	assert_int_equal(what->is_el2, expected->is_el2);
	assert_int_equal(what->has_vmid, expected->has_vmid);
	assert_int_equal(what->vmid, expected->vmid);
	assert_int_equal(what->has_asid, expected->has_asid);
	assert_int_equal(what->asid, expected->asid);
	assert_int_equal(what->has_streams, expected->has_streams);
	assert_int_equal(what->first_stream, expected->first_stream);
	assert_int_equal(what->last_stream, expected->last_stream);
	assert_int_equal(what->has_substream, expected->has_substream);
	assert_int_equal(what->substream, expected->substream);
	assert_int_equal(what->all_substreams, expected->all_substreams);
	assert_int_equal(what->has_range, expected->has_range);
	assert_int_equal(what->address, expected->address);
	assert_int_equal(what->size, expected->size);
	assert_int_equal(what->leaves_only, expected->leaves_only);
	/* The command itself, for a host that nests. */
	assert_int_equal(what->words[0], command.words[0]);
	assert_int_equal(what->words[1], command.words[1]);
}

#define TOLD(command, ...)                                                                         \
	told(command, &(const struct iommu_model_smmu_invalidation){.type = __VA_ARGS__})

static void the_host_is_told_which_streams_to_drop(void **state)
{
	(void)state;
	begin_stream(SMMU_STE_BYPASS);
	TOLD(smmu_cfgi_ste(7, true), IOMMU_MODEL_SMMU_STREAMS, .has_streams = true,
	     .first_stream = 7, .last_stream = 7);
	TOLD(smmu_cfgi_ste(7, false), IOMMU_MODEL_SMMU_STREAMS, .has_streams = true,
	     .first_stream = 7, .last_stream = 7);
	TOLD(smmu_cfgi_ste_range(0x1234, 8), IOMMU_MODEL_SMMU_STREAMS, .has_streams = true,
	     .first_stream = 0x1200, .last_stream = 0x12ff);
	TOLD(smmu_cfgi_all(), IOMMU_MODEL_SMMU_STREAMS);
	TOLD(smmu_cfgi_cd(8, 9, true), IOMMU_MODEL_SMMU_CONTEXTS, .has_streams = true,
	     .first_stream = 8, .last_stream = 8, .has_substream = true, .substream = 9);
	TOLD(smmu_cfgi_cd(8, 0, false), IOMMU_MODEL_SMMU_CONTEXTS, .has_streams = true,
	     .first_stream = 8, .last_stream = 8, .has_substream = true);
	TOLD(smmu_cfgi_cd_all(8), IOMMU_MODEL_SMMU_CONTEXTS, .has_streams = true, .first_stream = 8,
	     .last_stream = 8);
	sm_end();
}

static void the_host_is_told_what_of_stage_1_to_drop(void **state)
{
	const struct smmu_command range =
		smmu_tlbi_range(va(SMMU_TLBI_NH_VA, 4, 5, 0x200000, true), SMMU_TLBI_64K, 2, 1, 3);

	(void)state;
	begin_stream(SMMU_STE_BYPASS);
	TOLD(smmu_tlbi(SMMU_TLBI_NH_ALL, 4, 0), IOMMU_MODEL_SMMU_STAGE_1, .has_vmid = true,
	     .vmid = 4);
	TOLD(smmu_tlbi(SMMU_TLBI_NH_ASID, 4, 5), IOMMU_MODEL_SMMU_STAGE_1, .has_vmid = true,
	     .vmid = 4, .has_asid = true, .asid = 5);
	TOLD(va(SMMU_TLBI_NH_VA, 4, 5, 0x12345000, true), IOMMU_MODEL_SMMU_STAGE_1,
	     .has_vmid = true, .vmid = 4, .has_asid = true, .asid = 5, .has_range = true,
	     .address = 0x12345000, .size = 0x1000, .leaves_only = true);
	/* Of any ASID, which the command may name all the same. */
	TOLD(va(SMMU_TLBI_NH_VAA, 4, 5, 0x00ff000012345000ULL, false), IOMMU_MODEL_SMMU_STAGE_1,
	     .has_vmid = true, .vmid = 4, .has_range = true, .address = 0xffff000012345000ULL,
	     .size = 0x1000);
	TOLD(range, IOMMU_MODEL_SMMU_STAGE_1, .has_vmid = true, .vmid = 4, .has_asid = true,
	     .asid = 5, .has_range = true, .address = 0x200000, .size = 6 << 16,
	     .leaves_only = true);
	assert_int_equal(range.words[0],
			 SMMU_TLBI_NH_VA | 2ULL << 12 | 1ULL << 20 | 4ULL << 32 | 5ULL << 48);
	assert_int_equal(range.words[1], 0x200000U | 3U << 10 | 3U << 8 | 1U);
	TOLD(smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0), IOMMU_MODEL_SMMU_STAGE_1, .is_el2 = true);
	/* Without E2H there are no ASIDs. */
	TOLD(va(SMMU_TLBI_EL2_VA, 0, 5, 0x12345000, true), IOMMU_MODEL_SMMU_STAGE_1, .is_el2 = true,
	     .has_range = true, .address = 0x12345000, .size = 0x1000, .leaves_only = true);
	sm_disable(SMMU_CR0_SMMUEN);
	sm_set(SMMU_CR2, 4, SMMU_CR2_E2H);
	sm_enable(SMMU_CR0_SMMUEN);
	TOLD(smmu_tlbi(SMMU_TLBI_EL2_ASID, 0, 5), IOMMU_MODEL_SMMU_STAGE_1, .is_el2 = true,
	     .has_asid = true, .asid = 5);
	TOLD(va(SMMU_TLBI_EL2_VA, 0, 5, 0x12345000, false), IOMMU_MODEL_SMMU_STAGE_1,
	     .is_el2 = true, .has_asid = true, .asid = 5, .has_range = true, .address = 0x12345000,
	     .size = 0x1000);
	TOLD(va(SMMU_TLBI_EL2_VAA, 0, 5, 0x12345000, false), IOMMU_MODEL_SMMU_STAGE_1,
	     .is_el2 = true, .has_range = true, .address = 0x12345000, .size = 0x1000);
	sm_end();
}

static void the_host_is_told_what_of_stage_2_to_drop(void **state)
{
	(void)state;
	begin_stream(SMMU_STE_BYPASS);
	TOLD(smmu_tlbi(SMMU_TLBI_S12_VMALL, 6, 0), IOMMU_MODEL_SMMU_BOTH, .has_vmid = true,
	     .vmid = 6);
	TOLD(smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_S2_IPA, 6, 0), 0x5000, true),
	     IOMMU_MODEL_SMMU_STAGE_2, .has_vmid = true, .vmid = 6, .has_range = true,
	     .address = 0x5000, .size = 0x1000, .leaves_only = true);
	TOLD(smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_S2_IPA, 6, 0), 0x5000, false),
	     IOMMU_MODEL_SMMU_STAGE_2, .has_vmid = true, .vmid = 6, .has_range = true,
	     .address = 0x5000, .size = 0x1000);
	TOLD(smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0), IOMMU_MODEL_SMMU_BOTH);
	sm_end();
}

/* --- Completion ------------------------------------------------------------------------------- */

static uint32_t cons_while_told;

static void look_at_cons(void)
{
	cons_while_told = (uint32_t)sm_reg(SMMU_CMDQ_CONS, 4);
}

static void a_sync_waits_for_the_host(void **state)
{
	(void)state;
	begin_stream(SMMU_STE_BYPASS);
	sm.meanwhile = look_at_cons;
	cons_while_told = 99;
	sm_submit(smmu_cfgi_all());
	sm_submit(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(cons_while_told, 1);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 2);
	sm_end();
}

static unsigned int commands_given;
static uint32_t cons_in_walk;

/* Another processor invalidates while a walk has read the old descriptor. */
static void invalidate_in_walk(iommu_paddr_t paddr)
{
	if (paddr != sm_place(&sm_first, VA, 3) || commands_given != 0)
		return;
	commands_given = 1;
	sm_word(paddr, NEW | SM_PAGE_1);
	sm_submit(va(SMMU_TLBI_NH_VA, SM_VMID, SM_ASID, VA, true));
	sm_submit(smmu_sync(SMMU_SYNC_NONE));
	cons_in_walk = (uint32_t)sm_reg(SMMU_CMDQ_CONS, 4);
}

static void a_walk_that_began_before_holds_a_sync_up_and_leaves_nothing(void **state)
{
	(void)state;
	begin_stream(SMMU_STE_STAGE_1);
	sm_map(&sm_first, VA, 3, OLD | SM_PAGE_1);
	commands_given = 0;
	sm.reading = invalidate_in_walk;
	assert_int_equal(reach(VA), OLD);
	sm.reading = NULL;
	assert_int_equal(cons_in_walk, 1);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 2);
	assert_int_equal(reach(VA), NEW);
	sm_end();
}

static void the_cache_is_bounded(void **state)
{
	const struct iommu_model_smmu_config small = {.cache_entries = 64, .forget_seed = 5};
	struct iommu_model_smmu_stats stats;
	unsigned int i;

	(void)state;
	sm_begin(&small);
	sm_unit_on();
	stream_now = sm_ste(SMMU_STE_STAGE_1);
	context_now = sm_cd();
	sm_stream(SM_STREAM, &stream_now);
	sm_context(0, &context_now);
	for (i = 0; i < 512; i++)
		sm_map(&sm_first, 0x12200000 + i * 4096ULL, 3, OLD | SM_PAGE_1);
	for (i = 0; i < 2048; i++)
		assert_int_equal(reach(0x12200000 + (i * 37 % 512) * 4096ULL), OLD);
	iommu_model_smmu_get_stats(sm.model, &stats);
	assert_true(stats.cached_streams + stats.cached_contexts + stats.cached_first +
			    stats.cached_second <=
		    64);
	assert_int_equal(stats.translations, 2048);
	sm_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_entries_are_cached),
		cmocka_unit_test(invalid_entries_are_cached),
		cmocka_unit_test(descriptors_of_level_1_are_cached),
		cmocka_unit_test(contexts_are_cached_for_each_substream),
		cmocka_unit_test(leaves_of_stage_1_are_dropped_by_what_names_them),
		cmocka_unit_test(ranges_name_granule_level_and_length),
		cmocka_unit_test(without_ranges_their_fields_do_not_count),
		cmocka_unit_test(blocks_are_dropped_by_any_of_their_addresses),
		cmocka_unit_test(groups_of_entries),
		cmocka_unit_test(global_leaves),
		cmocka_unit_test(asids_and_vmids_tag_what_is_cached),
		cmocka_unit_test(tables_are_cached),
		cmocka_unit_test(el2_has_commands_of_its_own),
		cmocka_unit_test(leaves_of_stage_2_are_dropped_by_what_names_them),
		cmocka_unit_test(tables_of_stage_2_are_cached),
		cmocka_unit_test(stage_2_changes_under_stage_1),
		cmocka_unit_test(roots_of_stage_1_are_cached_by_stage_2),
		cmocka_unit_test(combined_leaves_are_dropped_by_the_level_of_stage_1),
		cmocka_unit_test(faults_of_tables_are_not_cached),
		cmocka_unit_test(the_host_is_told_which_streams_to_drop),
		cmocka_unit_test(the_host_is_told_what_of_stage_1_to_drop),
		cmocka_unit_test(the_host_is_told_what_of_stage_2_to_drop),
		cmocka_unit_test(a_sync_waits_for_the_host),
		cmocka_unit_test(a_walk_that_began_before_holds_a_sync_up_and_leaves_nothing),
		cmocka_unit_test(the_cache_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
