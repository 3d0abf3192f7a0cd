/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model of Arm's SMMUv3 between an emulator and a hostile guest: configurations, devices with
 * TLBs, walks for shadows, states for migration, bounds of work, several processors.
 */
#include "bare_smmu.h"

#include <pthread.h>
#include <string.h>

#include "base/byteorder.h"
#include "test.h"

static const struct iommu_model_smmu_config all = {0};

#define RW         (IOMMU_PROT_READ | IOMMU_PROT_WRITE)
#define VA         0x12345678ULL
#define GUEST_DATA 0x300000ULL

static struct smmu_ste stream_now;
static struct smmu_cd context_now;

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
}

static struct iommu_model_smmu_config features(void)
{
	struct iommu_model_smmu_config config = {0};

	sm_begin(&all);
	config.idr0 = (uint32_t)sm_reg(SMMU_IDR0, 4);
	config.idr1 = (uint32_t)sm_reg(SMMU_IDR1, 4);
	config.idr3 = (uint32_t)sm_reg(SMMU_IDR3, 4);
	config.idr5 = (uint32_t)sm_reg(SMMU_IDR5, 4);
	sm_end();
	return config;
}

/* --- Configurations --------------------------------------------------------------------------- */

static void configurations_that_contradict_themselves(void **state)
{
	const struct iommu_model_smmu_config good = features();
	const struct {
		unsigned int which; /* idr0, idr1, idr3, idr5 */
		uint32_t clear, set;
	} cases[] = {
		{0, 3, 0},
		{0, 0xc, 0},
		{0, 0, 0x4},
		{0, 0, 1U << 5},
		{0, 0, 3U << 6},
		{0, 0, 1U << 8},
		{0, 1U << 10, 0},
		{0, 0, 1U << 15},
		{0, 0, 1U << 17},
		{0, 0, 1U << 20},
		{0, 0, 1U << 21},
		{0, 0, 3U << 24},
		{0, 0, 1U << 24},
		{0, 3U << 27, 2U << 27},
		{0, 3U << 27, 0},
		{0, 2, 0},
		{1, 0x3f, 33},
		{1, 0x7c0, 21U << 6},
		{1, 0, 31U << 11},
		{1, 0, 31U << 16},
		{1, 0, 31U << 21},
		{1, 0, 1U << 29},
		{1, 0, 1U << 30},
		{1, 0, 1U << 31},
		{2, 0, 1U << 3},
		{2, 0, 1U << 7},
		{2, 0, 3U << 11},
		{2, 0, 1U << 13},
		{3, 7, 7},
		{3, 7U << 4, 0},
		{3, 0, 1U << 7},
		{3, 0, 1U << 10},
		{3, 0xffff0000U, 65U << 16},
		{3, 0xffff0000U, 0},
	};
	unsigned int i;

	(void)state;
	assert_int_equal(iommu_hosted_init(&sm.hosted, NULL, 16 << 20, 0), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_model_smmu_config bad = good;
		uint32_t *words[] = {&bad.idr0, &bad.idr1, &bad.idr3, &bad.idr5};

		*words[cases[i].which] &= ~cases[i].clear;
		*words[cases[i].which] |= cases[i].set;
		assert_int_equal(sm_create(&bad), IOMMU_EINVAL);
	}
	assert_int_equal(sm_create(&good), 0);
	sm_end();
}

static bool reads(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	(void)paddr;
	memset(bytes, 0, size);
	return true;
}

static bool writes(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	(void)paddr;
	(void)bytes;
	(void)size;
	return true;
}

static void features_need_services_of_the_host(void **state)
{
	const struct iommu_model_smmu_config good = features();
	struct iommu_model_smmu *model;
	struct iommu_model_smmu_config config = {0};
	uint64_t idr0;

	(void)state;
	assert_int_equal(iommu_hosted_init(&sm.hosted, NULL, 16 << 20, 0), 0);
	config.platform = &sm.hosted.platform;
	assert_int_equal(iommu_model_smmu_create(&config, &model), IOMMU_EINVAL);
	config.host.read = reads;
	assert_int_equal(iommu_model_smmu_create(&config, &model), IOMMU_EINVAL);
	config.host.write = writes;
	/* What the host does not serve is not there, by default … */
	assert_int_equal(iommu_model_smmu_create(&config, &model), 0);
	idr0 = iommu_model_smmu_mmio_read(model, SMMU_IDR0, 4);
	assert_int_equal(smmu_bits(idr0, SMMU_IDR0_HTTU), 0);
	assert_int_equal(smmu_bits(idr0, SMMU_IDR0_ATS), 0);
	assert_int_equal(smmu_bits(idr0, SMMU_IDR0_SEV), 0);
	assert_int_equal(smmu_bits(idr0, SMMU_IDR0_STALL), SMMU_STALL_NEVER);
	assert_int_equal(iommu_model_smmu_mmio_read(model, SMMU_IDR5, 4) >> 16, 0);
	iommu_model_smmu_destroy(model);
	/* … and refused where it is asked for. */
	config.idr0 = good.idr0;
	config.idr1 = good.idr1;
	config.idr5 = good.idr5;
	assert_int_equal(iommu_model_smmu_create(&config, &model), IOMMU_EINVAL);
	config.idr0 &= ~(uint32_t)(smmu_field_mask(SMMU_IDR0_ATS) | smmu_field_mask(SMMU_IDR0_PRI));
	assert_int_equal(iommu_model_smmu_create(&config, &model), IOMMU_EINVAL);
	config.idr0 &= ~(uint32_t)smmu_field_mask(SMMU_IDR0_HTTU);
	assert_int_equal(iommu_model_smmu_create(&config, &model), IOMMU_EINVAL);
	config.idr0 |= 1U << 24;
	config.idr5 &= 0xffff;
	assert_int_equal(iommu_model_smmu_create(&config, &model), 0);
	/* Without `interrupt` messages are written. */
	iommu_model_smmu_destroy(model);
	iommu_model_smmu_destroy(NULL);
	assert_int_equal(sm.hosted.pages_in_use, 0);
	iommu_hosted_destroy(&sm.hosted);
}

static unsigned int pages_left;

static void *alloc_few(void *ctx, unsigned int order, int node, unsigned int flags)
{
	return pages_left-- != 0 ? sm.hosted.platform.alloc_pages(ctx, order, node, flags) : NULL;
}

static void without_memory_there_is_no_unit(void **state)
{
	struct iommu_platform platform;
	struct iommu_model_smmu_config config = {.platform = &platform,
						 .host = {.read = reads, .write = writes}};
	struct iommu_model_smmu *model;
	unsigned int pages;
	int status;

	(void)state;
	sm_begin(&all);
	platform = sm.hosted.platform;
	platform.alloc_pages = alloc_few;
	iommu_model_smmu_destroy(sm.model);
	sm.model = NULL;
	for (pages = 0;; pages++) {
		pages_left = pages;
		status = iommu_model_smmu_create(&config, &model);
		if (status == 0)
			break;
		assert_int_equal(status, IOMMU_ENOMEM);
		assert_int_equal(sm.hosted.pages_in_use, 0);
	}
	assert_int_equal(pages, 4);
	iommu_model_smmu_destroy(model);
	sm_end();
}

/* --- Devices with TLBs ------------------------------------------------------------------------ */

static struct iommu_model_smmu_request asking(uint64_t address, unsigned int access)
{
	return (struct iommu_model_smmu_request){
		.stream = SM_STREAM,
		.type = IOMMU_MODEL_SMMU_TRANSLATION_REQUEST,
		.address = address,
		.access = access,
	};
}

static unsigned int ask(uint64_t address, unsigned int access)
{
	const struct iommu_model_smmu_request request = asking(address, access);

	return sm_ask(&request);
}

static void translation_requests_are_answered(void **state)
{
	const struct iommu_model_smmu_request user = {
		.stream = SM_STREAM,
		.type = IOMMU_MODEL_SMMU_TRANSLATION_REQUEST,
		.has_substream = true,
		.substream = SM_SUBSTREAM,
		.address = VA,
		.execute = true,
	};
	struct iommu_model_smmu_request privileged = user;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	smmu_set(stream_now.words, SMMU_STE_EATS, SMMU_EATS_FULL);
	smmu_set(stream_now.words, SMMU_STE_S1CDMAX, 6);
	smmu_set(stream_now.words, SMMU_STE_S1DSS, SMMU_S1DSS_BYPASS);
	smmu_set(context_now.words, SMMU_CD_HA, 1);
	smmu_set(context_now.words, SMMU_CD_HD, 1);
	sm_context(SM_SUBSTREAM, &context_now);
	sm_map(&sm_first, VA, 3, SM_DATA | SM_PAGE_1 | SM_READONLY | SM_DBM);
	renew_all();
	/* A reader may not write what is clean, a writer marks it. */
	assert_int_equal(sm_ask(&user), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	assert_int_equal(sm_result.prot, IOMMU_PROT_READ);
	assert_true(sm_result.executable);
	assert_int_equal(sm_look(sm_place(&sm_first, VA, 3)) & SM_READONLY, SM_READONLY);
	privileged.access = RW;
	assert_int_equal(sm_ask(&privileged), 0);
	assert_int_equal(sm_result.prot, RW);
	assert_int_equal(sm_look(sm_place(&sm_first, VA, 3)) & SM_READONLY, 0);
	/* What it is not given it is told. */
	sm_map(&sm_first, VA, 3, (SM_DATA | SM_PAGE_1) & ~SM_USER);
	renew_all();
	assert_int_equal(sm_ask(&user), 0);
	assert_int_equal(sm_result.prot, 0);
	privileged.privileged = true;
	assert_int_equal(sm_ask(&privileged), 0);
	assert_int_equal(sm_result.prot, RW);
	assert_true(sm_result.executable);
	sm_map(&sm_first, VA, 3, 0);
	renew_all();
	assert_int_equal(sm_ask(&user), 0);
	assert_int_equal(sm_result.prot, 0);
	assert_int_equal(sm_result.size, 4096);
	/* Without a PASID stage 1 is skipped: identity. */
	assert_int_equal(ask(VA, RW), 0);
	assert_int_equal(sm_result.paddr, VA);
	assert_int_equal(sm_result.prot, RW);
	assert_int_equal(sm_events(), 0);
	sm_end();
}

static void streams_without_ats_say_so(void **state)
{
	struct smmu_event event;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	assert_int_equal(ask(VA, RW), SMMU_F_BAD_ATS_TREQ);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_UNSUPPORTED);
	event = sm_event();
	assert_int_equal(event.words[0], 0x05 | (uint64_t)SM_STREAM << 32);
	assert_int_equal(event.words[2], VA & ~0xfffULL);
	/* Bypass denies it whatever the stream says; abort does so silently. */
	stream_now = sm_ste(SMMU_STE_BYPASS);
	smmu_set(stream_now.words, SMMU_STE_EATS, SMMU_EATS_FULL);
	renew_all();
	assert_int_equal(ask(VA, RW), SMMU_F_BAD_ATS_TREQ);
	sm_event();
	stream_now = sm_ste(SMMU_STE_ABORT);
	renew_all();
	assert_int_equal(ask(VA, RW), SM_SILENT);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_UNSUPPORTED);
	assert_int_equal(sm_events(), 0);
	/* Errors of configurations are CA, and recorded only with REC_CFG_ATS. */
	smmu_set(stream_now.words, SMMU_STE_V, 0);
	renew_all();
	assert_int_equal(ask(VA, RW), SMMU_C_BAD_STE);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	assert_int_equal(sm_events(), 0);
	sm_disable(SMMU_CR0_SMMUEN);
	assert_int_equal(ask(VA, RW), SMMU_F_BAD_ATS_TREQ);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_UNSUPPORTED);
	sm_event();
	sm_set(SMMU_CR2, 4, SMMU_CR2_REC_CFG_ATS);
	sm_enable(SMMU_CR0_SMMUEN);
	assert_int_equal(ask(VA, RW), SMMU_C_BAD_STE);
	assert_int_equal(smmu_event_code(&(struct smmu_event){{sm_event().words[0]}}),
			 SMMU_C_BAD_STE);
	/* A StreamID that is out of range: with RECINVSID, too. */
	{
		struct iommu_model_smmu_request request = asking(VA, RW);

		request.stream = 300;
		assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
		assert_int_equal(sm_events(), 0);
		request.type = IOMMU_MODEL_SMMU_TRANSLATED;
		sm_enable(SMMU_CR0_ATSCHK);
		assert_int_equal(sm_ask(&request), SMMU_C_BAD_STREAMID);
		assert_int_equal(sm_events(), 1);
	}
	sm_end();
}

static unsigned int use(uint64_t address, unsigned int access)
{
	const struct iommu_model_smmu_request request = {
		.stream = SM_STREAM,
		.type = IOMMU_MODEL_SMMU_TRANSLATED,
		.address = address,
		.access = access,
	};

	return sm_ask(&request);
}

static void translated_requests_are_checked_if_wanted(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	/* Without ATSCHK they pass. */
	assert_int_equal(use(VA, RW), 0);
	assert_int_equal(sm_result.paddr, VA);
	assert_int_equal(use(1ULL << 48, RW), SM_SILENT);
	sm_enable(SMMU_CR0_ATSCHK);
	assert_int_equal(use(VA, IOMMU_PROT_READ), SMMU_F_TRANSL_FORBIDDEN);
	{
		const struct smmu_event event = sm_event();

		assert_int_equal(event.words[0], 0x07 | (uint64_t)SM_STREAM << 32);
		assert_int_equal(event.words[1], 1ULL << 35);
		assert_int_equal(event.words[2], VA);
	}
	smmu_set(stream_now.words, SMMU_STE_EATS, SMMU_EATS_FULL);
	renew_all();
	assert_int_equal(use(VA, RW), 0);
	assert_int_equal(sm_result.paddr, VA);
	assert_int_equal(use(1ULL << 48, RW), SM_SILENT);
	stream_now = sm_ste(SMMU_STE_BYPASS);
	renew_all();
	assert_int_equal(use(VA, RW), SMMU_F_TRANSL_FORBIDDEN);
	stream_now = sm_ste(SMMU_STE_ABORT);
	renew_all();
	assert_int_equal(use(VA, RW), SM_SILENT);
	smmu_set(stream_now.words, SMMU_STE_V, 0);
	renew_all();
	assert_int_equal(use(VA, RW), SMMU_C_BAD_STE);
	assert_int_equal(sm_events(), 1);
	sm_disable(SMMU_CR0_SMMUEN);
	assert_int_equal(use(VA, RW), SMMU_F_TRANSL_FORBIDDEN);
	assert_int_equal(sm_events(), 2);
	sm_end();
}

static void map_guest(void)
{
	unsigned int i;

	for (i = 0; i < 0x200; i++)
		sm_map(&sm_second, i * 4096ULL, 3, i * 4096ULL | SM_PAGE_2);
	sm_word(SM_SECOND + 0x20000 + 8, 0x3d0000 | SM_TABLE);
	sm_word(0x3d0000 + 8 * 0x100, SM_DATA | SM_PAGE_2);
}

static void split_stages_give_devices_intermediate_addresses(void **state)
{
	(void)state;
	begin_stream(&all, SMMU_STE_NESTED);
	map_guest();
	smmu_set(stream_now.words, SMMU_STE_EATS, SMMU_EATS_SPLIT);
	sm_map(&sm_first, VA, 3, GUEST_DATA | SM_PAGE_1);
	renew_all();
	/* Only with ATSCHK. */
	assert_int_equal(ask(VA, RW), SMMU_F_BAD_ATS_TREQ);
	sm_event();
	sm_enable(SMMU_CR0_ATSCHK);
	assert_int_equal(ask(VA, RW), 0);
	assert_true(sm_result.is_intermediate);
	assert_int_equal(sm_result.paddr, GUEST_DATA | 0x678);
	assert_int_equal(sm_result.prot, RW);
	assert_int_equal(ask(VA, RW), 0);
	assert_int_equal(sm_result.paddr, GUEST_DATA | 0x678);
	assert_int_equal(use(GUEST_DATA | 0x678, RW), 0);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	assert_false(sm_result.is_intermediate);
	assert_int_equal(use(GUEST_DATA + 0x1000, RW), SMMU_F_TRANSLATION);
	assert_int_equal(smmu_get(sm_event().words, SMMU_EVENT_S2), 1);
	/* Full: memory's. */
	smmu_set(stream_now.words, SMMU_STE_EATS, SMMU_EATS_FULL);
	renew_all();
	assert_int_equal(ask(VA, RW), 0);
	assert_false(sm_result.is_intermediate);
	assert_int_equal(sm_result.paddr, SM_DATA | 0x678);
	/* A table of stage 1 that stage 2 does not have is a page that is not there. */
	sm_word(sm_place(&sm_second, SM_FIRST + 0x30000, 3), 0);
	renew_all();
	assert_int_equal(ask(VA, RW), 0);
	assert_int_equal(sm_result.prot, 0);
	assert_int_equal(sm_events(), 0);
	sm_end();
}

static void instructions_and_data_of_devices(void **state)
{
	const struct iommu_model_smmu_request request = {
		.stream = SM_STREAM,
		.type = IOMMU_MODEL_SMMU_TRANSLATION_REQUEST,
		.has_substream = true,
		.substream = SM_SUBSTREAM,
		.address = VA,
		.execute = true,
	};

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	smmu_set(stream_now.words, SMMU_STE_EATS, SMMU_EATS_FULL);
	smmu_set(stream_now.words, SMMU_STE_S1CDMAX, 6);
	sm_context(SM_SUBSTREAM, &context_now);
	/* Users may execute it alone: nothing, unless all is instructions. */
	sm_map(&sm_first, VA, 3, (SM_DATA | SM_PAGE_1) & ~SM_USER);
	renew_all();
	assert_int_equal(sm_ask(&request), 0);
	assert_int_equal(sm_result.prot, 0);
	assert_false(sm_result.executable);
	smmu_set(stream_now.words, SMMU_STE_INSTCFG, SMMU_OVERRIDE_SET);
	renew_all();
	assert_int_equal(sm_ask(&request), 0);
	assert_int_equal(sm_result.prot, IOMMU_PROT_READ);
	assert_true(sm_result.executable);
	/* All is data: what can be read can be executed. */
	smmu_set(stream_now.words, SMMU_STE_INSTCFG, SMMU_OVERRIDE_CLEAR);
	sm_map(&sm_first, VA, 3, SM_DATA | SM_PAGE_1 | SM_UXN);
	renew_all();
	assert_int_equal(sm_ask(&request), 0);
	assert_int_equal(sm_result.prot, RW);
	assert_true(sm_result.executable);
	sm_end();
}

/* --- What emulators ask ----------------------------------------------------------------------- */

static void stages_are_described(void **state)
{
	struct iommu_model_smmu_stage stage;

	(void)state;
	begin_stream(&all, SMMU_STE_NESTED);
	map_guest();
	renew_all();
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage), 0);
	assert_true(stage.first && stage.second && !stage.is_el2 && !stage.ats && !stage.can_stall);
	assert_int_equal(stage.asid, SM_ASID);
	assert_int_equal(stage.vmid, SM_VMID);
	assert_int_equal(stage.first_granule[0], 12);
	assert_int_equal(stage.first_bits[0], 39);
	assert_int_equal(stage.first_bits[1], 0);
	assert_int_equal(stage.first_table[0], sm_first.root);
	assert_int_equal(stage.second_granule, 12);
	assert_int_equal(stage.second_bits, 39);
	assert_int_equal(stage.second_table, SM_ROOT_2);
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, 300, false, 0, &stage), IOMMU_EFAULT);
	assert_int_equal(stage.event, SMMU_C_BAD_STREAMID);
	assert_int_equal(stage.answer, IOMMU_MODEL_SMMU_ABORTED);
	stream_now = sm_ste(SMMU_STE_STAGE_1);
	smmu_set(stream_now.words, SMMU_STE_STRW, SMMU_STRW_EL2);
	smmu_set(stream_now.words, SMMU_STE_EATS, SMMU_EATS_FULL);
	renew_all();
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage), 0);
	assert_true(stage.first && !stage.second && stage.is_el2 && stage.ats);
	assert_int_equal(stage.asid, 0);
	/* Requests that skip stage 1 may ask for translations all the same. */
	smmu_set(stream_now.words, SMMU_STE_S1CDMAX, 6);
	smmu_set(stream_now.words, SMMU_STE_S1DSS, SMMU_S1DSS_BYPASS);
	renew_all();
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage), 0);
	assert_true(!stage.first && !stage.second && stage.ats);
	stream_now = sm_ste(SMMU_STE_ABORT);
	renew_all();
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage),
			 IOMMU_EFAULT);
	assert_int_equal(stage.event, 0);
	sm_disable(SMMU_CR0_SMMUEN);
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage), 0);
	assert_true(!stage.first && !stage.second);
	assert_int_equal(sm_events(), 0);
	sm_end();
}

/* What a host takes that nests: the words that are a guest's, also of what is blocked. */
static void entries_are_described(void **state)
{
	struct iommu_model_smmu_stage stage;
	struct smmu_ste entry;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	stream_now = sm_ste(SMMU_STE_STAGE_1);
	smmu_set(stream_now.words, SMMU_STE_SHCFG, 0);
	smmu_set(stream_now.words, SMMU_STE_S1DSS, SMMU_S1DSS_CD0);
	smmu_set(stream_now.words, SMMU_STE_EATS, SMMU_EATS_FULL);
	entry = stream_now;
	smmu_set(stream_now.words, SMMU_STE_SHCFG, SMMU_SHCFG_INCOMING);
	smmu_set(stream_now.words, SMMU_STE_MEV, 1);
	renew_all();
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage), 0);
	assert_true(stage.has_entry);
	assert_int_equal(stage.entry[0], entry.words[0]);
	assert_int_equal(stage.entry[1], entry.words[1]);
	/* Its context is invalid, and the words are there; cached ones, too. */
	context_now.words[0] = 0;
	renew_all();
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage),
			 IOMMU_EFAULT);
	assert_int_equal(stage.event, SMMU_C_BAD_CD);
	assert_true(stage.has_entry);
	assert_int_equal(stage.entry[0], entry.words[0]);
	stream_now = sm_ste(SMMU_STE_ABORT);
	renew_all();
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage),
			 IOMMU_EFAULT);
	assert_true(stage.has_entry);
	assert_int_equal(smmu_get(stage.entry, SMMU_STE_CONFIG), SMMU_STE_ABORT);
	/* None, an invalid one, a unit that is off. */
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, 300, false, 0, &stage), IOMMU_EFAULT);
	assert_false(stage.has_entry);
	stream_now.words[0] = 0;
	renew_all();
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage),
			 IOMMU_EFAULT);
	assert_int_equal(stage.event, SMMU_C_BAD_STE);
	assert_false(stage.has_entry);
	sm_disable(SMMU_CR0_SMMUEN);
	assert_int_equal(iommu_model_smmu_get_stage(sm.model, SM_STREAM, false, 0, &stage), 0);
	assert_false(stage.has_entry);
	sm_end();
}

static struct iommu_model_smmu_mapping mappings[64];

static uint64_t looked_at; /* by the last walk */

static size_t walk_all(uint64_t first, uint64_t last, unsigned int *event)
{
	struct iommu_model_smmu_walk_state walk = {
		.stream = SM_STREAM, .next = first, .last = last};
	size_t found = 0, count;

	while (!walk.is_done) {
		count = 64 - found;
		(void)iommu_model_smmu_walk(sm.model, &walk, mappings + found, &count);
		found += count;
		assert_true(walk.looked_at < 100000);
	}
	*event = walk.event;
	looked_at = walk.looked_at;
	return found;
}

static void mappings_are_walked(void **state)
{
	struct iommu_model_smmu_walk_state walk = {.stream = SM_STREAM, .next = 0, .last = 4095};
	unsigned int event;
	size_t count = 0;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	sm_map(&sm_first, 0x40000000, 1, SM_BLOCK_1);
	sm_map(&sm_first, VA, 3, SM_DATA | SM_PAGE_1);
	sm_map(&sm_first, VA + 0x1000, 3, SM_DATA | 0x1000 | SM_PAGE_1 | SM_READONLY);
	sm_map(&sm_first, VA + 0x2000, 3, (SM_DATA | SM_PAGE_1) & ~SM_USER);
	/* Two pages, and a block: each is looked at once. */
	assert_int_equal(walk_all(VA & ~0xfffULL, (VA & ~0xfffULL) + 0x1fff, &event), 2);
	assert_int_equal(looked_at, 2);
	assert_int_equal(walk_all(0x40000000, 0x7fffffff, &event), 1);
	assert_int_equal(looked_at, 1);
	assert_int_equal(walk_all(0, UINT64_MAX, &event), 3);
	assert_int_equal(event, 0);
	assert_int_equal(mappings[0].iova, VA & ~0xfffULL);
	assert_int_equal(mappings[0].paddr, SM_DATA);
	assert_int_equal(mappings[0].size, 4096);
	assert_int_equal(mappings[0].prot, RW);
	assert_int_equal(mappings[1].prot, IOMMU_PROT_READ);
	assert_int_equal(mappings[2].iova, 0x40000000);
	assert_int_equal(mappings[2].size, 0x40000000);
	/* A part of a block. */
	assert_int_equal(walk_all(0x50000000, 0x50002fff, &event), 1);
	assert_int_equal(mappings[0].paddr, 0x10000000);
	assert_int_equal(mappings[0].size, 0x3000);
	/* Tables are read, and nothing is cached, nor marked. */
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), 0);
	sm_map(&sm_first, VA, 3, 0);
	assert_int_equal(walk_all(0, 0x3fffffff, &event), 1);
	/* A stream that makes its requests privileged has the privileged pages. */
	smmu_set(stream_now.words, SMMU_STE_PRIVCFG, SMMU_OVERRIDE_SET);
	renew_all();
	assert_int_equal(walk_all(0, 0x3fffffff, &event), 2);
	assert_int_equal(mappings[1].iova, (VA + 0x2000) & ~0xfffULL);
	smmu_set(stream_now.words, SMMU_STE_PRIVCFG, SMMU_OVERRIDE_NONE);
	renew_all();
	/* The upper half, with the top byte ignored or not. */
	smmu_set(context_now.words, SMMU_CD_EPD1, 0);
	smmu_set(context_now.words, SMMU_CD_TG1, SMMU_TG1_4K);
	smmu_set(context_now.words, SMMU_CD_T1SZ, 64 - 39);
	smmu_set_address(context_now.words, SMMU_CD_TTB1, sm_first.root);
	renew_all();
	assert_int_equal(walk_all(0, UINT64_MAX, &event), 4);
	assert_int_equal(mappings[2].iova, 0xffffff8000000000ULL | ((VA + 0x1000) & ~0xfffULL));
	smmu_set(context_now.words, SMMU_CD_TBI0, 1);
	renew_all();
	assert_int_equal(walk_all(0x0100000000000000ULL, 0x01000000ffffffffULL, &event), 2);
	/* Nothing to ask. */
	assert_int_equal(iommu_model_smmu_walk(sm.model, &walk, mappings, &count), IOMMU_EINVAL);
	count = 1;
	walk.last = 5;
	assert_int_equal(iommu_model_smmu_walk(sm.model, &walk, mappings, &count), IOMMU_EINVAL);
	sm_end();
}

static void walks_of_what_is_not_translated(void **state)
{
	unsigned int event;

	(void)state;
	begin_stream(&all, SMMU_STE_BYPASS);
	assert_int_equal(walk_all(0, UINT64_MAX, &event), 1);
	assert_int_equal(mappings[0].size, 1ULL << 48);
	assert_int_equal(mappings[0].prot, RW);
	stream_now = sm_ste(SMMU_STE_ABORT);
	renew_all();
	assert_int_equal(walk_all(0, UINT64_MAX, &event), 0);
	assert_int_equal(event, 0);
	smmu_set(stream_now.words, SMMU_STE_V, 0);
	renew_all();
	assert_int_equal(walk_all(0, UINT64_MAX, &event), 0);
	assert_int_equal(event, SMMU_C_BAD_STE);
	sm_disable(SMMU_CR0_SMMUEN);
	assert_int_equal(walk_all(0, 0xffff, &event), 1);
	assert_int_equal(mappings[0].size, 0x10000);
	sm_end();
}

static unsigned int pieces;

static int count_piece(void *ctx, const struct iommu_model_smmu_piece *piece)
{
	(void)ctx;
	pieces++;
	return piece->offset >= 0x3000 ? 7 : 0;
}

static void accesses_cross_pages(void **state)
{
	struct iommu_model_smmu_request request = {
		.stream = SM_STREAM, .address = VA, .access = RW};
	struct iommu_model_smmu_translation last;
	unsigned int i;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	for (i = 0; i < 3; i++)
		sm_map(&sm_first, VA + i * 0x1000, 3, (SM_DATA + i * 0x1000) | SM_PAGE_1);
	pieces = 0;
	assert_int_equal(
		iommu_model_smmu_access(sm.model, &request, 0x2000, count_piece, NULL, &last), 0);
	assert_int_equal(pieces, 3);
	assert_int_equal(
		iommu_model_smmu_access(sm.model, &request, 0x3000, count_piece, NULL, &last),
		IOMMU_EFAULT);
	assert_int_equal(last.event, SMMU_F_TRANSLATION);
	assert_int_equal(iommu_model_smmu_access(sm.model, &request, 0, count_piece, NULL, &last),
			 IOMMU_EINVAL);
	request.address = UINT64_MAX;
	assert_int_equal(iommu_model_smmu_access(sm.model, &request, 2, count_piece, NULL, &last),
			 IOMMU_EOVERFLOW);
	request.type = IOMMU_MODEL_SMMU_TRANSLATION_REQUEST;
	assert_int_equal(iommu_model_smmu_access(sm.model, &request, 1, count_piece, NULL, &last),
			 IOMMU_EINVAL);
	sm_end();
}

/* --- States ----------------------------------------------------------------------------------- */

static unsigned char saved[8192], again[8192];

static void states_are_saved_and_restored(void **state)
{
	const struct iommu_model_smmu_request stalls = {
		.stream = SM_STREAM, .address = VA, .may_stall = true};
	size_t size;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	sm_interrupts(7);
	smmu_set(context_now.words, SMMU_CD_S, 1);
	renew_all();
	assert_int_equal(sm_ask(&stalls), SMMU_F_TRANSLATION);
	size = iommu_model_smmu_save(sm.model, NULL, 0);
	assert_true(size <= sizeof(saved));
	assert_int_equal(iommu_model_smmu_save(sm.model, saved, sizeof(saved)), size);
	iommu_model_smmu_reset(sm.model);
	assert_int_equal(sm.told_last.type, IOMMU_MODEL_SMMU_RESET);
	assert_int_equal(sm_reg(SMMU_CR0, 4), 0);
	assert_int_equal(iommu_model_smmu_restore(sm.model, saved, size), 0);
	assert_int_equal(iommu_model_smmu_save(sm.model, again, sizeof(again)), size);
	assert_memory_equal(saved, again, size);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), 0xf);
	assert_int_equal(sm_events(), 1);
	/* The stalled request is known. */
	sm_run(smmu_resume(SM_STREAM, 0, SMMU_RESUME_RETRY));
	assert_int_equal(sm.resumptions, 1);
	sm_end();
}

static void a_change_that_is_under_way_goes_on(void **state)
{
	const struct iommu_model_smmu_faults never = {.never_acks = true};
	const struct iommu_model_smmu_faults none = {0};
	const struct iommu_model_smmu_config lazy = {.strict = IOMMU_MODEL_SMMU_LAZY};
	size_t size;

	(void)state;
	begin_stream(&lazy, SMMU_STE_BYPASS);
	sm_run(smmu_cfgi_ste(1, true));
	assert_int_equal(sm_reach(VA, RW), 0);
	stream_now = sm_ste(SMMU_STE_ABORT);
	sm_stream(SM_STREAM, &stream_now);
	sm_run(smmu_cfgi_ste(SM_STREAM, true));
	iommu_model_smmu_misbehave(sm.model, &never);
	sm_set(SMMU_CR0, 4, SMMU_CR0_CMDQEN | SMMU_CR0_SMMUEN);
	size = iommu_model_smmu_save(sm.model, saved, sizeof(saved));
	iommu_model_smmu_misbehave(sm.model, &none);
	iommu_model_smmu_reset(sm.model);
	sm.told = 0;
	assert_int_equal(iommu_model_smmu_restore(sm.model, saved, size), 0);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), SMMU_CR0_CMDQEN | SMMU_CR0_SMMUEN);
	/* What was put off is told when a sync is executed. */
	sm.told = 0;
	sm_run(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(sm.told, 2);
	sm_end();
}

static void states_of_others_are_refused(void **state)
{
	struct iommu_model_smmu_config other = features();
	size_t size, i;

	(void)state;
	begin_stream(&all, SMMU_STE_BYPASS);
	size = iommu_model_smmu_save(sm.model, saved, sizeof(saved));
	assert_int_equal(iommu_model_smmu_restore(sm.model, saved, size - 8), IOMMU_EINVAL);
	/* No bit of it can make the model do what registers cannot. */
	for (i = 0; i < size * 8; i++) {
		const uint64_t cr0 = sm_reg(SMMU_CR0, 4);

		saved[i / 8] ^= (unsigned char)(1U << i % 8);
		if (iommu_model_smmu_restore(sm.model, saved, size) != 0)
			assert_int_equal(sm_reg(SMMU_CR0, 4), cr0);
		while (iommu_model_smmu_run(sm.model))
			;
		(void)sm_reach(VA, RW);
		saved[i / 8] ^= (unsigned char)(1U << i % 8);
		assert_int_equal(iommu_model_smmu_restore(sm.model, saved, size), 0);
	}
	sm_end();
	other.idr3 = 0;
	sm_begin(&other);
	assert_int_equal(iommu_model_smmu_restore(sm.model, saved, size), IOMMU_EINVAL);
	sm_end();
}

static void words_that_no_register_holds(void **state)
{
	/* Words of the state: 3 before the registers; then cr0, enabled, cr0ack, … */
	static const struct {
		unsigned int word;
		uint64_t value;
	} cases[] = {
		{0, 1},
		{1, 1},
		{2, 1},
		{3 + 0, 0x20},
		{3 + 1, 0x40},
		{3 + 2, 0x200},
		{3 + 3, 0x1000},
		{3 + 4, 0x10},
		{3 + 5, 1 << 5},
		{3 + 6, 1 << 5},
		{3 + 7, 8},
		{3 + 8, 8},
		{3 + 9, 2},
		{3 + 10, 2},
		{3 + 11, 1},
		{3 + 12, 1 << 11},
		{3 + 13, 1ULL << 57},
		{3 + 14, 1 << 20},
		{3 + 15, 1 << 20},
		{3 + 15, 4ULL << 24},
		{3 + 16, 1ULL << 60},
		{3 + 17, 1 << 22},
		{3 + 18, 1 << 22},
		{3 + 22, 1},
		{3 + 23, 1ULL << 32},
		{3 + 24, 1ULL << 6},
		{3 + 31, 16},
		{3 + 32, 2},
		{3 + 33, 1},
		{3 + 33, 7ULL << 32},
		{3 + 33, 1ULL << 32 | 1ULL << 35},
		{3 + 33, 1ULL << 32 | 1ULL << 34 | 3ULL << 35},
		{3 + 33, 1ULL << 40},
		{3 + 97, 3},
		{3 + 98, 1},
		{3 + 98, 33},
	};
	size_t size;
	unsigned int i;

	(void)state;
	sm_begin(&all);
	size = iommu_model_smmu_save(sm.model, saved, sizeof(saved));
	assert_int_equal(size / 8, 3 + 97 + 2 + 2 * 2 + 32 * 2);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t word = iommu_le64(cases[i].value);

		memcpy(again, saved, size);
		memcpy(again + cases[i].word * 8, &word, 8);
		assert_int_equal(iommu_model_smmu_restore(sm.model, again, size), IOMMU_EINVAL);
	}
	assert_int_equal(iommu_model_smmu_restore(sm.model, saved, size), 0);
	sm_end();
}

static void registers_may_be_wild_after_a_reset(void **state)
{
	const struct iommu_model_smmu_config wild = {.strict = IOMMU_MODEL_SMMU_WILD_RESET,
						     .forget_seed = 77};
	size_t size;
	uint64_t before;

	(void)state;
	sm_begin(&wild);
	assert_int_not_equal(sm_reg(SMMU_STRTAB_BASE, 8) | sm_reg(SMMU_CMDQ_BASE, 8), 0);
	assert_int_equal(sm_reg(SMMU_CR0, 4), 0);
	assert_int_equal(sm_reg(SMMU_GERROR, 4), sm_reg(SMMU_GERRORN, 4));
	assert_int_equal(sm_reach(VA, RW), 0);
	before = sm_reg(SMMU_CMDQ_BASE, 8);
	iommu_model_smmu_reset(sm.model);
	assert_int_not_equal(sm_reg(SMMU_CMDQ_BASE, 8), before);
	size = iommu_model_smmu_save(sm.model, saved, sizeof(saved));
	assert_int_equal(iommu_model_smmu_restore(sm.model, saved, size), 0);
	/* A driver that writes all that it uses is not disturbed. */
	sm_unit_on();
	stream_now = sm_ste(SMMU_STE_BYPASS);
	sm_stream(SM_STREAM, &stream_now);
	sm_run(smmu_cfgi_all());
	assert_int_equal(sm_reach(VA, RW), 0);
	sm_end();
}

/* --- Bounds ----------------------------------------------------------------------------------- */

/* Each call does a bounded part of what the guest has queued. */
static void the_work_of_a_call_is_bounded(void **state)
{
	const struct iommu_model_smmu_config config = {.idr0 = 0x0908000bU | 1U << 24,
						       .idr1 = 8U | 19U << 21 | 8U << 16,
						       .idr5 = 5U | 1U << 4};
	unsigned int i, calls = 0;

	(void)state;
	sm_begin(&config);
	sm_set(SMMU_CMDQ_BASE, 8, smmu_queue_base(0, 17, false));
	for (i = 0; i < 1U << 17; i++)
		sm_word(i * 16ULL, SMMU_SYNC);
	sm_enable(SMMU_CR0_CMDQEN);
	sm.reads = 0;
	sm_set(SMMU_CMDQ_PROD, 4, 1U << 17);
	assert_true(sm.reads <= 32768);
	assert_true(sm.work_remains != 0);
	while (iommu_model_smmu_run(sm.model))
		calls++;
	assert_true(calls >= 2 && calls <= 5);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 1U << 17);
	sm_end();
}

static void a_table_that_leads_to_itself(void **state)
{
	struct iommu_model_smmu_walk_state walk = {
		.stream = SM_STREAM, .next = 0, .last = UINT64_MAX};
	size_t count = 64;
	unsigned int i;

	(void)state;
	begin_stream(&all, SMMU_STE_NESTED);
	for (i = 0; i < 512; i++) {
		sm_word(SM_ROOT_2 + i * 8ULL, SM_ROOT_2 | SM_BLOCK_2 | 2);
		sm_word(sm_first.root + i * 8ULL, sm_first.root | SM_PAGE_1);
	}
	smmu_set_address(stream_now.words, SMMU_STE_S1CONTEXTPTR, 0);
	for (i = 0; i < SMMU_CD_WORDS; i++)
		sm_word(SM_ROOT_2 + i * 8ULL, context_now.words[i]);
	renew_all();
	sm.reads = 0;
	(void)sm_reach(VA, RW);
	assert_true(sm.reads < 40);
	sm.reads = 0;
	(void)iommu_model_smmu_walk(sm.model, &walk, mappings, &count);
	assert_true(sm.reads < 512 * 40);
	sm_end();
}

/* --- Several processors ----------------------------------------------------------------------- */

#define ROUNDS 3000U

static uint64_t wrong_answers;

static void *one_processor(void *arg)
{
	const uint64_t page = VA + (uintptr_t)arg * 0x1000;
	const struct iommu_model_smmu_request good = {
		.stream = SM_STREAM, .address = page, .access = RW};
	const struct iommu_model_smmu_request bad = {.stream = 300, .address = page};
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		struct iommu_model_smmu_translation result;

		if (iommu_model_smmu_translate(sm.model, &good, &result) != 0 ||
		    result.paddr >> 12 != SM_DATA >> 12)
			(void)__atomic_add_fetch(&wrong_answers, 1, __ATOMIC_RELAXED);
		if (i % 16 == 0)
			(void)iommu_model_smmu_translate(sm.model, &bad, &result);
	}
	return NULL;
}

static void processors_work_side_by_side(void **state)
{
	pthread_t threads[3];
	unsigned int i;

	(void)state;
	begin_stream(&all, SMMU_STE_STAGE_1);
	for (i = 0; i < 4; i++)
		sm_map(&sm_first, VA + i * 0x1000, 3, SM_DATA | SM_PAGE_1);
	wrong_answers = 0;
	for (i = 0; i < 3; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, one_processor, (void *)(uintptr_t)i), 0);
	for (i = 0; i < 400; i++) {
		sm_submit(smmu_tlbi(SMMU_TLBI_NH_ALL, SM_VMID, 0));
		sm_submit(smmu_sync(SMMU_SYNC_NONE));
		while (sm_reg(SMMU_CMDQ_CONS, 4) != sm.prod)
			;
		sm_set(SMMU_EVENTQ_CONS, 4, sm_reg(SMMU_EVENTQ_PROD, 4));
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(wrong_answers, 0);
	sm_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configurations_that_contradict_themselves),
		cmocka_unit_test(features_need_services_of_the_host),
		cmocka_unit_test(without_memory_there_is_no_unit),
		cmocka_unit_test(translation_requests_are_answered),
		cmocka_unit_test(streams_without_ats_say_so),
		cmocka_unit_test(translated_requests_are_checked_if_wanted),
		cmocka_unit_test(split_stages_give_devices_intermediate_addresses),
		cmocka_unit_test(instructions_and_data_of_devices),
		cmocka_unit_test(stages_are_described),
		cmocka_unit_test(entries_are_described),
		cmocka_unit_test(mappings_are_walked),
		cmocka_unit_test(walks_of_what_is_not_translated),
		cmocka_unit_test(accesses_cross_pages),
		cmocka_unit_test(states_are_saved_and_restored),
		cmocka_unit_test(a_change_that_is_under_way_goes_on),
		cmocka_unit_test(states_of_others_are_refused),
		cmocka_unit_test(words_that_no_register_holds),
		cmocka_unit_test(registers_may_be_wild_after_a_reset),
		cmocka_unit_test(the_work_of_a_call_is_bounded),
		cmocka_unit_test(a_table_that_leads_to_itself),
		cmocka_unit_test(processors_work_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
