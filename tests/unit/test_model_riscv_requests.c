/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of devices to the RISC-V model, case by case by the specification (2.1 to 2.6, 3.2, 3.3,
 * chapter 4, 5.19 to 5.26): the checks of contexts, the causes and records of faults, ATS, page
 * requests, messages, counters, debug, and what an emulator asks.
 */
#include <string.h>

#include "bare_riscv.h"
#include "test.h"

static const struct iommu_model_riscv_config all = {.capabilities = RV_ALL, .qos_bits = 8};

static void start(const struct iommu_model_riscv_config *config)
{
	rv_begin(config);
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_1LVL);
}

/* The context of RV_DEVICE, anew. */
static void set_context(const struct riscv_context *context)
{
	rv_context(RV_DEVICE, context);
	rv_run(riscv_command_inval_directories());
}

/* --- Device contexts -------------------------------------------------------------------------- */

#define NARROW (RISCV_CAP_SV32 | RISCV_CAP_SV32X4)
#define V      RISCV_TC_VALID
#define SV39X4 (8ULL << 60 | RV_GUEST_ROOT >> 12)

/* Capabilities and fctl, and a context that is one bit from being good, or is good. */
struct context_case {
	uint64_t without, with; /* of all capabilities */
	uint32_t fctl;
	uint64_t words[8];
	bool good;
};

static const struct context_case context_cases[] = {
	{0, 0, 0, {V}, true},
	/* Reserved bits; those of the unit's own use do not count. */
	{0, 0, 0, {V | 1ULL << 12}, false},
	{0, 0, 0, {V | 1ULL << 23}, false},
	{0, 0, 0, {V | 1ULL << 24}, true},
	{0, 0, 0, {V | 1ULL << 31}, true},
	{0, 0, 0, {V | 1ULL << 32}, false},
	{0, 0, 0, {V | 1ULL << 63}, false},
	{0, 0, 0, {V, 0, 1}, false},
	{0, 0, 0, {V, 0, 1 << 11}, false},
	{0, 0, 0, {V, 0, 1 << 12}, true},
	{0, 0, 0, {V, 0, 1ULL << 32}, false},
	{0, 0, 0, {V, 0, 1ULL << 39}, false},
	{0, 0, 0, {V, 0, 0, 1ULL << 44}, false},
	{0, 0, 0, {V, 0, 0, 1ULL << 59}, false},
	{0, 0, 0, {V, 0, 0, 0, 1ULL << 44}, false},
	{0, 0, 0, {V, 0, 0, 0, 0, 0, 0, 1}, false},
	{0, 0, 0, {V, 0, 0, 0, 0, 1ULL << 47}, false}, /* beyond 59 - 12 bits */
	{0, 0, 0, {V, 0, 0, 0, 0, 1ULL << 46}, true},
	{0, 0, 0, {V, 0, 0, 0, 0, 0, 1ULL << 47}, false},
	{0, 0, 0, {V, 0, 0, 0, 0, 0, 1ULL << 46}, true},
	{RISCV_CAP_SV57X4, 0, 0, {V, 0, 0, 0, 0, 1ULL << 38}, false},
	{RISCV_CAP_SV57X4, 0, 0, {V, 0, 0, 0, 0, 1ULL << 37}, true},
	{RISCV_CAP_SV57X4 | RISCV_CAP_SV48X4, 0, 0, {V, 0, 0, 0, 0, 1ULL << 29}, false},
	{RISCV_CAP_SV57X4 | RISCV_CAP_SV48X4, 0, 0, {V, 0, 0, 0, 0, 1ULL << 28}, true},
	/* ATS */
	{0, 0, 0, {V | RISCV_TC_EN_ATS}, true},
	{0, 0, 0, {V | RISCV_TC_EN_PRI}, false},
	{0, 0, 0, {V | RISCV_TC_EN_ATS | RISCV_TC_EN_PRI}, true},
	{0, 0, 0, {V | RISCV_TC_EN_ATS | RISCV_TC_PRPR}, false},
	{0, 0, 0, {V | RISCV_TC_EN_ATS | RISCV_TC_EN_PRI | RISCV_TC_PRPR}, true},
	{RISCV_CAP_ATS | RISCV_CAP_T2GPA, 0, 0, {V | RISCV_TC_EN_ATS}, false},
	{RISCV_CAP_ATS | RISCV_CAP_T2GPA, 0, 0, {V | RISCV_TC_PRPR}, false},
	{0, 0, 0, {V | RISCV_TC_T2GPA, SV39X4}, false},
	{0, 0, 0, {V | RISCV_TC_EN_ATS | RISCV_TC_T2GPA, SV39X4}, true},
	{0, 0, 0, {V | RISCV_TC_EN_ATS | RISCV_TC_T2GPA}, false},
	{RISCV_CAP_T2GPA, 0, 0, {V | RISCV_TC_EN_ATS | RISCV_TC_T2GPA, SV39X4}, false},
	/* The first stage and the process directory. */
	{0, 0, 0, {V, 0, 0, 8ULL << 60}, true},
	{0, 0, 0, {V, 0, 0, 9ULL << 60}, true},
	{0, 0, 0, {V, 0, 0, 10ULL << 60}, true},
	{0, 0, 0, {V, 0, 0, 1ULL << 60}, false},
	{0, 0, 0, {V, 0, 0, 7ULL << 60}, false},
	{0, 0, 0, {V, 0, 0, 11ULL << 60}, false},
	{0, 0, 0, {V, 0, 0, 14ULL << 60}, false},
	{RISCV_CAP_SV57, 0, 0, {V, 0, 0, 10ULL << 60}, false},
	{RISCV_CAP_SV57 | RISCV_CAP_SV48, 0, 0, {V, 0, 0, 9ULL << 60}, false},
	{0, 0, 0, {V | RISCV_TC_PDTV, 0, 0, 3ULL << 60}, true},
	{0, 0, 0, {V | RISCV_TC_PDTV, 0, 0, 4ULL << 60}, false},
	{0, 0, 0, {V | RISCV_TC_PDTV, 0, 0, 8ULL << 60}, false},
	{RISCV_CAP_PD8, 0, 0, {V | RISCV_TC_PDTV, 0, 0, 1ULL << 60}, false},
	{RISCV_CAP_PD17, 0, 0, {V | RISCV_TC_PDTV, 0, 0, 2ULL << 60}, false},
	{RISCV_CAP_PD20, 0, 0, {V | RISCV_TC_PDTV, 0, 0, 3ULL << 60}, false},
	{0, 0, 0, {V | RISCV_TC_DPE}, false},
	{0, 0, 0, {V | RISCV_TC_DPE | RISCV_TC_PDTV}, true},
	/* The second stage. */
	{0, 0, 0, {V, SV39X4}, true},
	{0, 0, 0, {V, SV39X4 | 1}, false}, /* not aligned to 16 KiB */
	{0, 0, 0, {V, SV39X4 | 2}, false},
	{0, 0, 0, {V, 3}, true}, /* Bare: no root */
	{0, 0, 0, {V, 7ULL << 60}, false},
	{0, 0, 0, {V, 11ULL << 60}, false},
	{RISCV_CAP_SV57X4, 0, 0, {V, 10ULL << 60}, false},
	{0, NARROW, 0, {V, 8ULL << 60}, true},
	{0, NARROW, RISCV_FCTL_GXL, {V | RISCV_TC_SXL, 8ULL << 60}, true},
	{0, NARROW, RISCV_FCTL_GXL, {V | RISCV_TC_SXL, 9ULL << 60}, false},
	/* SXL */
	{0, 0, 0, {V | RISCV_TC_SXL}, false},
	{0, NARROW, 0, {V | RISCV_TC_SXL}, true},
	{0, NARROW, RISCV_FCTL_GXL, {V}, false},
	{0, NARROW, 0, {V | RISCV_TC_SXL, 0, 0, 8ULL << 60}, true},
	{0, NARROW, 0, {V | RISCV_TC_SXL, 0, 0, 9ULL << 60}, false},
	{0, RISCV_CAP_SV32X4, 0, {V | RISCV_TC_SXL, 0, 0, 8ULL << 60}, false},
	/* A and D by hardware. */
	{0, 0, 0, {V | RISCV_TC_SADE | RISCV_TC_GADE}, true},
	{RISCV_CAP_AMO_HWAD, 0, 0, {V | RISCV_TC_SADE}, false},
	{RISCV_CAP_AMO_HWAD, 0, 0, {V | RISCV_TC_GADE}, false},
	/* SBE */
	{0, 0, 0, {V | RISCV_TC_SBE}, true},
	{RISCV_CAP_END, 0, 0, {V | RISCV_TC_SBE}, false},
	/* QoS ids: 8 bits. */
	{0, 0, 0, {V, 0, 0xffULL << 40 | 0xffULL << 52}, true},
	{0, 0, 0, {V, 0, 0x100ULL << 40}, false},
	{0, 0, 0, {V, 0, 0x100ULL << 52}, false},
	{RISCV_CAP_QOSID, 0, 0, {V, 0, 1ULL << 40}, false},
	/* MSI tables. */
	{0, 0, 0, {V, SV39X4, 0, 0, 1ULL << 60}, true},
	{0, 0, 0, {V, SV39X4, 0, 0, 2ULL << 60}, false},
	{0, 0, 0, {V, 0, 0, 0, 1ULL << 60}, false}, /* without a second stage */
};

static void each_check_of_a_device_context(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(context_cases) / sizeof(context_cases[0]); i++) {
		const struct context_case *c = &context_cases[i];
		struct iommu_model_riscv_config config = all;
		struct riscv_context context;
		unsigned int cause;

		config.capabilities = (RV_ALL & ~c->without) | c->with;
		memcpy(context.words, c->words, sizeof(context.words));
		rv_begin(&config);
		rv_set(RISCV_FCTL, 4, c->fctl);
		rv_queues_on(false);
		rv_directory_on(RISCV_DDTP_1LVL);
		set_context(&context);
		cause = rv_reach(0, IOMMU_PROT_READ);
		if ((cause != RISCV_FAULT_DEVICE_MISCONFIGURED) != c->good)
			fail_msg("context %u: cause %u", i, cause);
		rv_end();
	}
}

static void a_base_format_context_has_four_words(void **state)
{
	const struct iommu_model_riscv_config base = {
		.capabilities =
			RV_ALL & ~(RISCV_CAP_MSI_FLAT | RISCV_CAP_MSI_MRIF | RISCV_CAP_AMO_MRIF)};
	const struct riscv_context context = {.words = {V}};

	(void)state;
	start(&base);
	assert_int_equal(rv_context_at(RV_DEVICE), RV_ROOT + RV_DEVICE * 32);
	/* What would be the MSI words of the extended format is the next context. */
	rv_word(rv_context_at(RV_DEVICE) + 32, UINT64_MAX);
	set_context(&context);
	assert_int_equal(rv_reach(0x5678, IOMMU_PROT_READ), 0);
	assert_int_equal(rv_result.paddr, 0x5678);
	/* 7 bits by one level. */
	assert_int_equal(rv_ask(&(struct iommu_model_riscv_request){.device_id = 0x80}),
			 RISCV_FAULT_TYPE_DISALLOWED);
	rv_end();
}

/* Each level of the directory: widths of ids, and what is wrong with entries. */
static void directories_of_each_depth(void **state)
{
	static const struct {
		enum riscv_ddtp_mode mode;
		uint32_t widest, too_wide;
	} modes[] = {
		{RISCV_DDTP_1LVL, 0x3f, 0x40},
		{RISCV_DDTP_2LVL, 0x7fff, 0x8000},
		{RISCV_DDTP_3LVL, 0xffffff, 0},
	};
	const struct riscv_context context = {.words = {V}};
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		const uint32_t id = modes[i].widest;

		rv_begin(&all);
		rv_queues_on(false);
		rv_directory_on(modes[i].mode);
		if (i == 1)
			rv_word(RV_ROOT + 511 * 8, riscv_directory_entry(RV_CONTEXTS));
		if (i == 2) {
			rv_word(RV_ROOT + 511 * 8, riscv_directory_entry(0x3000));
			rv_word(0x3000 + 511 * 8, riscv_directory_entry(RV_CONTEXTS));
		}
		rv_context(id, &context);
		assert_int_equal(rv_ask(&(struct iommu_model_riscv_request){.device_id = id}), 0);
		if (i != 2)
			assert_int_equal(rv_ask(&(struct iommu_model_riscv_request){
						 .device_id = modes[i].too_wide}),
					 RISCV_FAULT_TYPE_DISALLOWED);
		rv_end();
	}
}

static void entries_above_a_context(void **state)
{
	static const struct {
		uint64_t entry;
		unsigned int cause;
	} cases[] = {
		{0, RISCV_FAULT_DEVICE_NOT_VALID},
		{0x3fffffffffffffeULL, RISCV_FAULT_DEVICE_NOT_VALID},
		{1ULL | 1 << 1, RISCV_FAULT_DEVICE_MISCONFIGURED},
		{1ULL | 1 << 9, RISCV_FAULT_DEVICE_MISCONFIGURED},
		{1ULL | 1ULL << 54, RISCV_FAULT_DEVICE_MISCONFIGURED},
		{1ULL | 1ULL << 63, RISCV_FAULT_DEVICE_MISCONFIGURED},
		{1ULL | RV_MEMORY >> 2, RISCV_FAULT_DEVICE_LOAD},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rv_begin(&all);
		rv_queues_on(false);
		rv_directory_on(RISCV_DDTP_2LVL);
		rv_word(RV_ROOT + 8, cases[i].entry);
		assert_int_equal(rv_ask(&(struct iommu_model_riscv_request){.device_id = 0x40}),
				 cases[i].cause);
		rv_end();
	}
	rv_begin(&all);
	rv_queues_on(false);
	rv_set(RISCV_DDTP, 8, riscv_ddtp(RISCV_DDTP_1LVL, RV_MEMORY));
	assert_int_equal(rv_ask(&(struct iommu_model_riscv_request){.device_id = 1}),
			 RISCV_FAULT_DEVICE_LOAD);
	rv_end();
}

/* --- Process contexts ------------------------------------------------------------------------- */

static void each_check_of_a_process_context(void **state)
{
	static const struct {
		uint64_t ta, fsc;
		unsigned int cause;
	} cases[] = {
		{1, 0, 0},
		{0, 0, RISCV_FAULT_PROCESS_NOT_VALID},
		{~1ULL, UINT64_MAX, RISCV_FAULT_PROCESS_NOT_VALID},
		{1 | 1 << 3, 0, RISCV_FAULT_PROCESS_MISCONFIGURED},
		{1 | 1 << 11, 0, RISCV_FAULT_PROCESS_MISCONFIGURED},
		{1 | 1 << 12, 0, 0},
		{1 | 1ULL << 32, 0, RISCV_FAULT_PROCESS_MISCONFIGURED},
		{1 | 1ULL << 63, 0, RISCV_FAULT_PROCESS_MISCONFIGURED},
		{1, 1ULL << 44, RISCV_FAULT_PROCESS_MISCONFIGURED},
		{1, 1ULL << 59, RISCV_FAULT_PROCESS_MISCONFIGURED},
		{1, 1ULL << 60, RISCV_FAULT_PROCESS_MISCONFIGURED},
		{1, 11ULL << 60, RISCV_FAULT_PROCESS_MISCONFIGURED},
	};
	const struct riscv_context context = {
		.words = {V | RISCV_TC_PDTV, 0, 0, riscv_pdtp(RISCV_PDTP_PD8, RV_PROCESSES)}};
	const struct iommu_model_riscv_request request = {
		.device_id = RV_DEVICE, .has_process = true, .process_id = RV_PROCESS};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(&all);
		set_context(&context);
		rv_word(RV_PROCESSES + RV_PROCESS * 16, cases[i].ta);
		rv_word(RV_PROCESSES + RV_PROCESS * 16 + 8, cases[i].fsc);
		if (rv_ask(&request) != cases[i].cause)
			fail_msg("process context %u: cause %u", i, rv_result.cause);
		rv_end();
	}
}

/* Who is served by which context: steps 7 to 15. */
static void which_process_a_request_has(void **state)
{
	static const struct {
		uint64_t tc;
		unsigned int pdtp;
		bool has, privileged;
		uint32_t id;
		uint64_t ta; /* of the context */
		unsigned int cause;
		bool by_process; /* translated by its first stage, not passed */
	} cases[] = {
		{RISCV_TC_PDTV, 1, true, false, 5, 1, 0, true},
		{RISCV_TC_PDTV, 1, true, false, 0x100, 1, RISCV_FAULT_TYPE_DISALLOWED, false},
		{RISCV_TC_PDTV, 2, true, false, 0x20000, 1, RISCV_FAULT_TYPE_DISALLOWED, false},
		{RISCV_TC_PDTV, 0, true, false, 0xfffff, 1, 0, false},
		{RISCV_TC_PDTV, 1, false, false, 0, 1, 0, false},
		{RISCV_TC_PDTV | RISCV_TC_DPE, 1, false, false, 0, 1, 0, true},
		{RISCV_TC_PDTV | RISCV_TC_DPE, 1, false, true, 0, 1, 0, true},
		{0, 0, true, false, 0, 1, RISCV_FAULT_TYPE_DISALLOWED, false},
		/* ENS and SUM. */
		{RISCV_TC_PDTV, 1, true, true, 5, 1, RISCV_FAULT_TYPE_DISALLOWED, false},
		{RISCV_TC_PDTV, 1, true, true, 5, 1 | RISCV_PC_ENS, RISCV_FAULT_READ_PAGE, false},
		{RISCV_TC_PDTV, 1, true, true, 5, 1 | RISCV_PC_ENS | RISCV_PC_SUM, 0, true},
		{RISCV_TC_PDTV, 1, true, true, 5, 1 | RISCV_PC_SUM, RISCV_FAULT_TYPE_DISALLOWED,
		 false},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
								  .has_process = cases[i].has,
								  .privileged = cases[i].privileged,
								  .process_id = cases[i].id,
								  .address = 0x5000};
		const struct riscv_context context = {
			.words = {V | cases[i].tc, 0, 0,
				  (uint64_t)cases[i].pdtp << 60 | RV_PROCESSES >> 12}};
		const uint64_t at = RV_PROCESSES + (cases[i].id & 255) * 16;

		start(&all);
		set_context(&context);
		rv_word(at, cases[i].ta);
		rv_word(at + 8, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3)));
		rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS));
		if (rv_ask(&request) != cases[i].cause)
			fail_msg("case %u: cause %u", i, rv_result.cause);
		if (cases[i].cause == 0)
			assert_int_equal(rv_result.paddr, cases[i].by_process ? RV_DATA : 0x5000);
		rv_end();
	}
}

/* --- Records ---------------------------------------------------------------------------------- */

static void check_record(uint64_t first, uint64_t iotval, uint64_t iotval2)
{
	struct riscv_fault fault;

	assert_int_equal(rv_faults(), 1);
	fault = rv_fault();
	assert_int_equal(fault.words[0], first);
	assert_int_equal(fault.words[1], 0);
	assert_int_equal(fault.words[2], iotval);
	assert_int_equal(fault.words[3], iotval2);
}

/* Kinds of requests: TTYP, and the causes of a page that is not there. */
static void kinds_of_requests_in_records(void **state)
{
	static const struct {
		enum iommu_model_riscv_request_type type;
		unsigned int access;
		bool has, execute;
		unsigned int kind, cause;
	} cases[] = {
		{IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_PROT_READ, false, false, 2, 13},
		{IOMMU_MODEL_RISCV_UNTRANSLATED, 0, false, false, 2, 13},
		{IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_PROT_WRITE, false, false, 3, 15},
		{IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_PROT_READ_WRITE, false, false, 3, 15},
		{IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_PROT_READ, true, true, 1, 12},
		/* Execution is an attribute of a read with a process id. */
		{IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_PROT_READ, false, true, 2, 13},
		{IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_PROT_WRITE, true, true, 3, 15},
	};
	const struct riscv_context context = {.words = {V | RISCV_TC_PDTV | RISCV_TC_DPE, 0, 0,
							riscv_pdtp(RISCV_PDTP_PD8, RV_PROCESSES)}};
	unsigned int i;

	(void)state;
	start(&all);
	set_context(&context);
	rv_word(RV_PROCESSES, riscv_process_ta(1, 0));
	rv_word(RV_PROCESSES + 8, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3)));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
								  .type = cases[i].type,
								  .has_process = cases[i].has,
								  .access = cases[i].access,
								  .execute = cases[i].execute,
								  .address = 0x123456};

		assert_int_equal(rv_ask(&request), cases[i].cause);
		/* A process id that DPE supplied is not the request's. */
		check_record(cases[i].cause | (cases[i].has ? 1ULL << 32 : 0) |
				     (uint64_t)cases[i].kind << 34 | (uint64_t)RV_DEVICE << 40,
			     0x123456, 0);
	}
	rv_end();
}

static void process_and_privilege_in_records(void **state)
{
	const struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
							  .has_process = true,
							  .process_id = 0xabcde,
							  .privileged = true,
							  .access = IOMMU_PROT_WRITE,
							  .address = 0xfedcba9876543210ULL};
	const struct riscv_context context = {.words = {V}};

	(void)state;
	start(&all);
	set_context(&context);
	assert_int_equal(rv_ask(&request), RISCV_FAULT_TYPE_DISALLOWED);
	check_record(260 | 0xabcdeULL << 12 | 3ULL << 32 | 3ULL << 34 | (uint64_t)RV_DEVICE << 40,
		     0xfedcba9876543210ULL, 0);
	rv_end();
}

static void translated_requests_in_records(void **state)
{
	const struct riscv_context context = {.words = {V}};
	struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
						    .type = IOMMU_MODEL_RISCV_TRANSLATED,
						    .access = IOMMU_PROT_READ,
						    .address = 0x1000};

	(void)state;
	start(&all);
	set_context(&context);
	(void)rv_ask(&request);
	check_record(260 | 6ULL << 34 | (uint64_t)RV_DEVICE << 40, 0x1000, 0);
	request.access = IOMMU_PROT_WRITE;
	(void)rv_ask(&request);
	check_record(260 | 7ULL << 34 | (uint64_t)RV_DEVICE << 40, 0x1000, 0);
	request.type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST;
	(void)rv_ask(&request);
	check_record(260 | 8ULL << 34 | (uint64_t)RV_DEVICE << 40, 0x1000, 0);
	assert_int_equal(rv_result.answer, IOMMU_MODEL_RISCV_UNSUPPORTED);
	rv_end();
}

/* Guest page faults say the guest address, and whether a table was there. */
static void guest_addresses_in_records(void **state)
{
	const uint64_t guest = 8ULL << 60 | 7ULL << 44 | RV_GUEST_ROOT >> 12;
	const struct riscv_context context = {.words = {V | RISCV_TC_SADE, guest, riscv_ta(1),
							riscv_iosatp(RISCV_IOSATP_SV39, 0x30000)}};
	const struct riscv_context processes = {
		.words = {V | RISCV_TC_PDTV, guest, 0, riscv_pdtp(RISCV_PDTP_PD8, 0x31000)}};
	const uint64_t read = 21 | 2ULL << 34 | (uint64_t)RV_DEVICE << 40;

	(void)state;
	start(&all);
	set_context(&context);
	/* The root of the first stage is not mapped. */
	assert_int_equal(rv_reach(0x40201000, IOMMU_PROT_READ), 21);
	check_record(read, 0x40201000, 0x30008 | 1);
	/* … it is, but not the next table. */
	rv_map_second(3, 0x30000, 1, riscv_pte_leaf(0x30000, RV_LEAF_FLAGS));
	rv_word(0x30008, riscv_pte_table(0x32000));
	assert_int_equal(rv_reach(0x40201000, IOMMU_PROT_READ), 21);
	check_record(read, 0x40201000, 0x32008 | 1);
	/* The page itself. */
	rv_map_second(3, 0x32000, 1, riscv_pte_leaf(0x32000, RV_LEAF_FLAGS & ~RISCV_PTE_WRITE));
	rv_word(0x32008, riscv_pte_leaf(0x200000, RV_LEAF_FLAGS & ~RISCV_PTE_DIRTY));
	assert_int_equal(rv_reach(0x40201abc, IOMMU_PROT_READ), 21);
	check_record(read, 0x40201abc, 0x201abc);
	/* D cannot be set: the guest's table is not writable. */
	assert_int_equal(rv_reach(0x40201abc, IOMMU_PROT_WRITE), 23);
	check_record(23 | 3ULL << 34 | (uint64_t)RV_DEVICE << 40, 0x40201abc, 0x32008 | 3);
	/* A process directory. */
	set_context(&processes);
	assert_int_equal(rv_ask(&(struct iommu_model_riscv_request){.device_id = RV_DEVICE,
								    .has_process = true,
								    .process_id = 2,
								    .access = IOMMU_PROT_WRITE}),
			 23);
	check_record(23 | 2ULL << 12 | 1ULL << 32 | 3ULL << 34 | (uint64_t)RV_DEVICE << 40, 0,
		     0x31000 | 1);
	rv_end();
}

static void faults_are_hidden_by_dtf(void **state)
{
	const struct riscv_context hidden = {
		.words = {V | RISCV_TC_DTF, 0, 0, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	const struct riscv_context bad = {.words = {V | RISCV_TC_DTF | RISCV_TC_DPE}};
	const struct riscv_context none = {.words = {RISCV_TC_DTF}};
	struct iommu_model_riscv_stats stats;

	(void)state;
	start(&all);
	set_context(&hidden);
	assert_int_equal(rv_reach(0x1000, IOMMU_PROT_READ), RISCV_FAULT_READ_PAGE);
	assert_int_equal(rv_faults(), 0);
	iommu_model_riscv_get_stats(rv.model, &stats);
	assert_int_equal(stats.faults, 1);
	set_context(&bad);
	assert_int_equal(rv_reach(0x1000, IOMMU_PROT_READ), RISCV_FAULT_DEVICE_MISCONFIGURED);
	assert_int_equal(rv_faults(), 1);
	set_context(&none);
	assert_int_equal(rv_reach(0x1000, IOMMU_PROT_READ), RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(rv_faults(), 2);
	rv_end();
}

/*
 * A unit that has forgotten a part of a context reads it again: a fault that this meets is none of
 * the context's, and is recorded.
 */
static void faults_of_contexts_are_never_hidden(void **state)
{
	struct iommu_model_riscv_config forgetful = all;
	struct riscv_context context = {.words = {V | RISCV_TC_DTF,
						  8ULL << 60 | 9ULL << 44 | RV_GUEST_ROOT >> 12, 0,
						  0, 1ULL << 60 | RV_MESSAGES >> 12, 0x5, 0x28000}};
	unsigned int i, recorded = 0;

	(void)state;
	forgetful.forget_seed = 3;
	start(&forgetful);
	rv_word(RV_MESSAGES, riscv_msi_basic(0x300000));
	for (i = 0; i < 200; i++) {
		context.words[0] = V | RISCV_TC_DTF;
		rv_context(RV_DEVICE, &context);
		assert_int_equal(rv_reach(0x28000000, IOMMU_PROT_WRITE), 0);
		context.words[0] = RISCV_TC_DTF;
		rv_context(RV_DEVICE, &context);
		if (rv_reach(0x28000000, IOMMU_PROT_WRITE) == 0)
			continue;
		assert_int_equal(rv_result.cause, RISCV_FAULT_DEVICE_NOT_VALID);
		(void)rv_fault();
		recorded++;
	}
	assert_in_range(recorded, 20, 180);
	rv_end();
}

/* What is poisoned, wherever a table is read. */
static void corruption_has_causes_of_its_own(void **state)
{
	const uint64_t guest = 8ULL << 60 | 7ULL << 44 | RV_GUEST_ROOT >> 12;
	const struct riscv_context first = {
		.words = {V, 0, 0, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	const struct riscv_context processes = {
		.words = {V | RISCV_TC_PDTV, 0, 0, riscv_pdtp(RISCV_PDTP_PD8, RV_PROCESSES)}};
	const struct riscv_context messages = {
		.words = {V, guest, 0, 0, riscv_msiptp(RISCV_MSIPTP_FLAT, RV_MESSAGES), 3,
			  0x28000}};
	struct iommu_model_riscv_faults faults = {.corrupt_first = RV_ROOT,
						  .corrupt_last = RV_ROOT + 4095};
	struct iommu_model_riscv_message message;

	(void)state;
	start(&all);
	iommu_model_riscv_misbehave(rv.model, &faults);
	set_context(&first);
	assert_int_equal(rv_reach(0, IOMMU_PROT_READ), RISCV_FAULT_DEVICE_CORRUPT);
	faults.corrupt_first = RV_FIRST(3);
	faults.corrupt_last = RV_FIRST(3) + 4095;
	iommu_model_riscv_misbehave(rv.model, &faults);
	assert_int_equal(rv_reach(0, IOMMU_PROT_READ), RISCV_FAULT_TABLE_CORRUPT);
	faults.corrupt_first = RV_PROCESSES;
	faults.corrupt_last = RV_PROCESSES + 4095;
	iommu_model_riscv_misbehave(rv.model, &faults);
	set_context(&processes);
	assert_int_equal(rv_ask(&(struct iommu_model_riscv_request){.device_id = RV_DEVICE,
								    .has_process = true}),
			 RISCV_FAULT_PROCESS_CORRUPT);
	faults.corrupt_first = RV_MESSAGES;
	faults.corrupt_last = RV_MESSAGES + 4095;
	iommu_model_riscv_misbehave(rv.model, &faults);
	set_context(&messages);
	assert_int_equal(rv_reach(0x28000000, IOMMU_PROT_WRITE), RISCV_FAULT_MSI_CORRUPT);
	faults.corrupt_first = RV_FILE;
	faults.corrupt_last = RV_FILE + 4095;
	iommu_model_riscv_misbehave(rv.model, &faults);
	rv_word(RV_MESSAGES, riscv_mrif_low(RV_FILE));
	rv_word(RV_MESSAGES + 8, riscv_mrif_high(0x5000, 1));
	assert_int_equal(
		iommu_model_riscv_interrupt(rv.model,
					    &(struct iommu_model_riscv_request){
						    .device_id = RV_DEVICE, .address = 0x28000000},
					    5, &message),
		IOMMU_EFAULT);
	assert_int_equal(message.where.cause, RISCV_FAULT_MRIF_CORRUPT);
	rv_end();
}

/* --- Page tables ------------------------------------------------------------------------------ */

/* Each mode of the first stage, at each level; the sign, and Svnapot. */
static void each_mode_of_the_first_stage(void **state)
{
	unsigned int levels, level;

	(void)state;
	for (levels = 3; levels <= 5; levels++) {
		const struct riscv_context context = {
			.words = {V, 0, 0, (levels + 5ULL) << 60 | RV_FIRST(levels) >> 12}};
		const unsigned int width = 12 + 9 * levels;
		const uint64_t high = UINT64_MAX << (width - 1);

		for (level = 1; level <= levels; level++) {
			const uint64_t size = 0x1000ULL << 9 * (level - 1);
			const uint64_t to = size < RV_DATA ? RV_DATA : size;

			start(&all);
			set_context(&context);
			rv_map_first(levels, high, level, riscv_pte_leaf(to, RV_LEAF_FLAGS));
			assert_int_equal(rv_reach(high | 0x678, IOMMU_PROT_READ), 0);
			assert_int_equal(rv_result.paddr, to | 0x678);
			assert_int_equal(rv_result.size, size);
			/* Not canonical: one bit above. */
			assert_int_equal(rv_reach(high ^ 1ULL << 63, IOMMU_PROT_READ),
					 RISCV_FAULT_READ_PAGE);
			assert_int_equal(rv_reach(high ^ 1ULL << width, IOMMU_PROT_WRITE),
					 RISCV_FAULT_WRITE_PAGE);
			/* A superpage is aligned. */
			rv_map_first(levels, high, level,
				     riscv_pte_leaf(to | size >> 1, RV_LEAF_FLAGS));
			rv_run(riscv_command_vma());
			assert_int_equal(rv_reach(high, IOMMU_PROT_READ),
					 level == 1 ? 0 : RISCV_FAULT_READ_PAGE);
			rv_end();
		}
	}
}

static void the_second_stage_has_a_wide_root(void **state)
{
	unsigned int levels;

	(void)state;
	for (levels = 3; levels <= 5; levels++) {
		const unsigned int width = 14 + 9 * levels;
		const uint64_t last = (1ULL << width) - 0x1000;
		const struct riscv_context context = {
			.words = {V, (levels + 5ULL) << 60 | 7ULL << 44 | RV_GUEST_ROOT >> 12}};

		start(&all);
		set_context(&context);
		rv_map_second(levels, last, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS));
		assert_int_equal(rv_reach(last | 0x9ab, IOMMU_PROT_WRITE), 0);
		assert_int_equal(rv_result.paddr, RV_DATA | 0x9ab);
		/* Not extended by a sign. */
		assert_int_equal(rv_reach(last | 1ULL << width, IOMMU_PROT_READ),
				 RISCV_FAULT_READ_GUEST_PAGE);
		assert_int_equal(rv_reach(last | UINT64_MAX << width, IOMMU_PROT_READ),
				 RISCV_FAULT_READ_GUEST_PAGE);
		rv_end();
	}
}

/* Bits of a leaf, and what a read, a write, an execution and a privileged read come to. */
static void bits_of_entries(void **state)
{
	static const struct {
		uint64_t set, cleared; /* of a leaf of 4 KiB that serves all */
		unsigned int read, write;
	} cases[] = {
		{0, 0, 0, 0},
		{0, RISCV_PTE_VALID, 13, 15},
		{0, RISCV_PTE_WRITE, 0, 15},
		{0, RISCV_PTE_READ, 13, 15}, /* W without R is reserved */
		{0, RISCV_PTE_READ | RISCV_PTE_WRITE, 13, 15},
		{0, RISCV_PTE_USER, 13, 15},
		{0, RISCV_PTE_ACCESSED, 13, 15},
		{0, RISCV_PTE_DIRTY, 0, 15},
		{RISCV_PTE_GLOBAL, 0, 0, 0},
		{RISCV_PTE_SOFTWARE, 0, 0, 0},
		{1ULL << 54, 0, 13, 15},
		{1ULL << 58, 0, 13, 15},
		{1ULL << 59, 0, 13, 15},
		{1ULL << 60, 0, 13, 15},
		{1ULL << 61, 0, 0, 0},
		{2ULL << 61, 0, 0, 0},
		{3ULL << 61, 0, 13, 15},
		{RISCV_PTE_NAPOT, 0, 13, 15}, /* … without the size in the page number */
		{RISCV_PTE_NAPOT | 8 << 10, 0, 0, 0},
		{RISCV_PTE_NAPOT | 12 << 10, 0, 13, 15},
		{RISCV_PTE_NAPOT | 9 << 10, 0, 13, 15},
	};
	const struct riscv_context context = {
		.words = {V, 0, 0, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	unsigned int i;

	(void)state;
	start(&all);
	set_context(&context);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t entry =
			(riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS) | cases[i].set) & ~cases[i].cleared;

		rv_map_first(3, 0x5000, 1, entry);
		rv_run(riscv_command_vma());
		if (rv_reach(0x5000, IOMMU_PROT_READ) != cases[i].read)
			fail_msg("bits %u: read: cause %u", i, rv_result.cause);
		if (cases[i].read == 0 && (cases[i].set & RISCV_PTE_NAPOT) != 0)
			assert_int_equal(rv_result.paddr, RV_DATA | 0x5000);
		if (cases[i].read == 0)
			assert_int_equal(rv_result.memory_type, cases[i].set >> 61 & 3);
		rv_run(riscv_command_vma());
		if (rv_reach(0x5000, IOMMU_PROT_WRITE) != cases[i].write)
			fail_msg("bits %u: write: cause %u", i, rv_result.cause);
	}
	rv_end();
}

static void bits_of_pointers(void **state)
{
	static const struct {
		uint64_t set;
		unsigned int cause;
	} cases[] = {
		{0, 0},
		{RISCV_PTE_GLOBAL, 0},
		{RISCV_PTE_SOFTWARE, 0},
		{RISCV_PTE_USER, 13},
		{RISCV_PTE_ACCESSED, 13},
		{RISCV_PTE_DIRTY, 13},
		{1ULL << 61, 13},
		{RISCV_PTE_NAPOT, 13},
		{1ULL << 55, 13},
		{RISCV_PTE_WRITE, 13},
	};
	const struct riscv_context context = {
		.words = {V, 0, 0, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	unsigned int i;

	(void)state;
	start(&all);
	set_context(&context);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS));
		rv_word(RV_FIRST(2), riscv_pte_table(RV_FIRST(1)) | cases[i].set);
		rv_run(riscv_command_vma());
		if (rv_reach(0x5000, IOMMU_PROT_READ) != cases[i].cause)
			fail_msg("pointer %u: cause %u", i, rv_result.cause);
	}
	/* A pointer in the last level. */
	rv_map_first(3, 0x5000, 1, riscv_pte_table(RV_DATA));
	rv_run(riscv_command_vma());
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 13);
	/* A table that is no memory. */
	rv_word(RV_FIRST(3), riscv_pte_table(RV_MEMORY));
	rv_run(riscv_command_vma());
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 5);
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_WRITE), 7);
	rv_end();
}

/* An entry that changes while it is being marked is read again; one that cannot be is a fault. */
static unsigned int changes_left;

static void change_entry(iommu_paddr_t paddr)
{
	if (paddr == RV_FIRST(1) + 5 * 8 && changes_left != 0) {
		changes_left--;
		rv_word(paddr, rv_look(paddr) ^ RISCV_PTE_SOFTWARE);
	}
}

static void bits_that_cannot_be_set(void **state)
{
	const struct riscv_context context = {
		.words = {V | RISCV_TC_SADE, 0, 0, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	const uint64_t fresh = RV_LEAF_FLAGS & ~(RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY);

	(void)state;
	start(&all);
	set_context(&context);
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, fresh));
	rv.reading = change_entry;
	changes_left = 3;
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_WRITE), 0);
	assert_int_equal(changes_left, 0);
	assert_int_equal(rv_look(RV_FIRST(1) + 40) & 0xc0, 0xc0);
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, fresh));
	rv_run(riscv_command_vma());
	changes_left = UINT32_MAX;
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_WRITE), RISCV_FAULT_WRITE_ACCESS);
	rv.reading = NULL;
	rv.broken_first = RV_FIRST(1);
	rv.broken_last = RV_FIRST(1) + 4095;
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), RISCV_FAULT_READ_ACCESS);
	rv_end();
}

static iommu_paddr_t changing;

static void change_what_is_read(iommu_paddr_t paddr)
{
	if (paddr == (changing & ~7ULL) || paddr == changing) {
		if (changes_left != 0) {
			changes_left--;
			rv.memory[changing + 1] ^= 1; /* software's own bit */
		}
	}
}

/* Of the second stage, and of Sv32, whose entries are half of what is exchanged. */
static void entries_that_change_meanwhile(void **state)
{
	const uint64_t fresh = RV_LEAF_FLAGS & ~(RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY);
	const struct riscv_context guest = {
		.words = {V | RISCV_TC_GADE, 8ULL << 60 | 7ULL << 44 | RV_GUEST_ROOT >> 12}};
	const struct riscv_context narrow = {
		.words = {V | RISCV_TC_SADE | RISCV_TC_SXL, 0, 0, 8ULL << 60 | RV_FIRST(2) >> 12}};
	struct iommu_model_riscv_config config = all;

	(void)state;
	config.capabilities |= NARROW;
	start(&config);
	set_context(&guest);
	rv_map_second(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, fresh));
	changing = RV_SECOND(1) + 40;
	rv.reading = change_what_is_read;
	changes_left = 3;
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_WRITE), 0);
	assert_int_equal(rv.memory[changing] & 0xc0, 0xc0);
	set_context(&narrow);
	rv_half(RV_FIRST(2) + 4, (uint32_t)riscv_pte_table(RV_FIRST(1)));
	rv_half(RV_FIRST(1) + 5 * 4, (uint32_t)riscv_pte_leaf(RV_DATA, fresh));
	rv_half(RV_FIRST(1) + 4 * 4, 0x12345678);
	changing = RV_FIRST(1) + 5 * 4;
	changes_left = 3;
	assert_int_equal(rv_reach(0x405000, IOMMU_PROT_WRITE), 0);
	assert_int_equal(rv_result.paddr, RV_DATA);
	assert_int_equal(rv.memory[changing] & 0xc0, 0xc0);
	assert_int_equal(rv_look(RV_FIRST(1) + 4 * 4) & UINT32_MAX, 0x12345678);
	/* The lower half, beside an upper one that stays. */
	rv_half(RV_FIRST(1) + 6 * 4, (uint32_t)riscv_pte_leaf(RV_DATA, fresh));
	rv_half(RV_FIRST(1) + 7 * 4, 0x87654321);
	changing = RV_FIRST(1) + 6 * 4;
	changes_left = 3;
	assert_int_equal(rv_reach(0x406000, IOMMU_PROT_WRITE), 0);
	assert_int_equal(rv.memory[changing] & 0xc0, 0xc0);
	assert_int_equal(rv_look(RV_FIRST(1) + 6 * 4) >> 32, 0x87654321);
	rv_end();
}

/* --- ATS -------------------------------------------------------------------------------------- */

static unsigned int ask_ats(uint64_t address, unsigned int access)
{
	const struct iommu_model_riscv_request request = {
		.device_id = RV_DEVICE,
		.type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST,
		.address = address,
		.access = access};

	return rv_ask(&request);
}

/* Leaves, and the permissions in the answer. */
static void permissions_in_ats_answers(void **state)
{
	static const struct {
		uint64_t cleared;
		unsigned int access, prot;
	} cases[] = {
		{0, IOMMU_PROT_READ_WRITE, IOMMU_PROT_READ_WRITE},
		{0, IOMMU_PROT_READ, IOMMU_PROT_READ_WRITE},
		{RISCV_PTE_WRITE, IOMMU_PROT_READ_WRITE, IOMMU_PROT_READ},
		{RISCV_PTE_READ | RISCV_PTE_WRITE, IOMMU_PROT_READ, 0}, /* for execution alone */
		{RISCV_PTE_USER, IOMMU_PROT_READ, 0},
		{RISCV_PTE_VALID, IOMMU_PROT_READ, 0},
		{RISCV_PTE_ACCESSED, IOMMU_PROT_READ, 0},
		/* Without D, a device that does not ask for it is not told that it may write. */
		{RISCV_PTE_DIRTY, IOMMU_PROT_READ, IOMMU_PROT_READ},
		{RISCV_PTE_DIRTY, IOMMU_PROT_READ_WRITE, 0},
	};
	const struct riscv_context context = {
		.words = {V | RISCV_TC_EN_ATS, 0, 0, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	unsigned int i;

	(void)state;
	start(&all);
	set_context(&context);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rv_map_first(3, 0x5000, 1,
			     riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS) & ~cases[i].cleared);
		rv_run(riscv_command_vma());
		assert_int_equal(ask_ats(0x5000, cases[i].access), 0);
		if (rv_result.prot != cases[i].prot)
			fail_msg("answer %u: %u", i, rv_result.prot);
		assert_int_equal(rv_result.answer, IOMMU_MODEL_RISCV_SUCCESS);
		assert_int_equal(rv_faults(), 0);
	}
	rv_end();
}

/* Causes, and how a translation request is answered. */
static void ats_answers_to_faults(void **state)
{
	const uint64_t guest = 8ULL << 60 | 7ULL << 44 | RV_GUEST_ROOT >> 12;
	const uint64_t first = riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3));
	const struct {
		uint64_t words[7];
		uint64_t table; /* in the first entry of the first stage, or of the MSI table */
		unsigned int cause;
		enum iommu_model_riscv_answer answer;
	} cases[] = {
		{{0}, 0, 258, IOMMU_MODEL_RISCV_UNSUPPORTED},
		{{V | RISCV_TC_DPE}, 0, 259, IOMMU_MODEL_RISCV_UNSUPPORTED},
		{{V}, 0, 260, IOMMU_MODEL_RISCV_UNSUPPORTED},
		{{V | RISCV_TC_EN_ATS, 0, 0, first},
		 riscv_pte_table(RV_MEMORY),
		 5,
		 IOMMU_MODEL_RISCV_ABORTED},
		{{V | RISCV_TC_EN_ATS, 0, 0, first}, 0, 0, IOMMU_MODEL_RISCV_SUCCESS},
		{{V | RISCV_TC_EN_ATS, guest}, 0, 0, IOMMU_MODEL_RISCV_SUCCESS},
		/* MSI entries: at the address 0. */
		{{V | RISCV_TC_EN_ATS, guest, 0, 0, riscv_msiptp(RISCV_MSIPTP_FLAT, RV_MEMORY)},
		 0,
		 261,
		 IOMMU_MODEL_RISCV_ABORTED},
		{{V | RISCV_TC_EN_ATS, guest, 0, 0, riscv_msiptp(RISCV_MSIPTP_FLAT, RV_MESSAGES)},
		 0,
		 0,
		 IOMMU_MODEL_RISCV_SUCCESS},
		{{V | RISCV_TC_EN_ATS, guest, 0, 0, riscv_msiptp(RISCV_MSIPTP_FLAT, RV_MESSAGES)},
		 1,
		 263,
		 IOMMU_MODEL_RISCV_ABORTED},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct riscv_context context = {.words = {0}};

		start(&all);
		memcpy(context.words, cases[i].words, sizeof(cases[i].words));
		set_context(&context);
		rv_word(RV_FIRST(3), cases[i].table);
		rv_word(RV_MESSAGES, cases[i].table);
		if (ask_ats(0, IOMMU_PROT_READ) != cases[i].cause)
			fail_msg("ats %u: cause %u", i, rv_result.cause);
		assert_int_equal(rv_result.answer, cases[i].answer);
		assert_int_equal(rv_result.prot, 0);
		assert_int_equal(rv_faults(), cases[i].cause != 0);
		rv_end();
	}
	/* Process contexts. */
	for (i = 0; i < 3; i++) {
		const struct iommu_model_riscv_request request = {
			.device_id = RV_DEVICE,
			.type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST,
			.has_process = true,
			.process_id = 1};
		const uint64_t root = i == 0 ? RV_MEMORY : RV_PROCESSES;
		const struct riscv_context context = {.words = {V | RISCV_TC_EN_ATS | RISCV_TC_PDTV,
								0, 0,
								riscv_pdtp(RISCV_PDTP_PD8, root)}};

		start(&all);
		set_context(&context);
		rv_word(RV_PROCESSES + 16, i == 1 ? 1 | 1 << 3 : 0);
		assert_int_equal(rv_ask(&request), i == 0 ? 265 : i == 1 ? 267 : 0);
		assert_int_equal(rv_result.answer,
				 i == 2 ? IOMMU_MODEL_RISCV_SUCCESS : IOMMU_MODEL_RISCV_ABORTED);
		rv_end();
	}
}

static void ats_with_a_process(void **state)
{
	const struct riscv_context context = {.words = {V | RISCV_TC_EN_ATS | RISCV_TC_PDTV, 0, 0,
							riscv_pdtp(RISCV_PDTP_PD8, RV_PROCESSES)}};
	struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
						    .type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST,
						    .has_process = true,
						    .process_id = 1,
						    .address = 0x5000};

	(void)state;
	start(&all);
	set_context(&context);
	rv_word(RV_PROCESSES + 16, riscv_process_ta(1, RISCV_PC_ENS));
	rv_word(RV_PROCESSES + 24, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3)));
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS | RISCV_PTE_GLOBAL));
	assert_int_equal(rv_ask(&request), 0);
	assert_true(rv_result.is_global);
	assert_false(rv_result.is_privileged);
	assert_false(rv_result.executable);
	request.execute = true;
	assert_int_equal(rv_ask(&request), 0);
	assert_true(rv_result.executable);
	/* A user's page, without SUM. */
	request.privileged = true;
	assert_int_equal(rv_ask(&request), 0);
	assert_int_equal(rv_result.prot, 0);
	assert_true(rv_result.is_privileged);
	assert_int_equal(rv_faults(), 0);
	rv_end();
}

/* T2GPA: the device is told a guest address, and its translated requests are translated. */
static void devices_that_know_guest_addresses(void **state)
{
	const struct riscv_context context = {
		.words = {V | RISCV_TC_EN_ATS | RISCV_TC_T2GPA,
			  8ULL << 60 | 7ULL << 44 | RV_GUEST_ROOT >> 12, riscv_ta(1),
			  riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
						    .type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST,
						    .address = 0x5678};
	unsigned int i;

	(void)state;
	start(&all);
	set_context(&context);
	for (i = 1; i <= 3; i++)
		rv_map_second(3, RV_FIRST(i), 1, riscv_pte_leaf(RV_FIRST(i), RV_LEAF_FLAGS));
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(0x77000, RV_LEAF_FLAGS));
	rv_map_second(3, 0x77000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS));
	assert_int_equal(rv_ask(&request), 0);
	assert_true(rv_result.is_guest_address);
	assert_int_equal(rv_result.paddr, 0x77678);
	request.type = IOMMU_MODEL_RISCV_TRANSLATED;
	request.address = 0x77678;
	assert_int_equal(rv_ask(&request), 0);
	assert_int_equal(rv_result.paddr, RV_DATA | 0x678);
	request.address = 0x5678;
	assert_int_equal(rv_ask(&request), RISCV_FAULT_READ_GUEST_PAGE);
	rv_end();
}

static void translated_requests_pass_without_t2gpa(void **state)
{
	const struct riscv_context context = {
		.words = {V | RISCV_TC_EN_ATS, 0, riscv_ta_qos(3, 4),
			  riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	const struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
							  .type = IOMMU_MODEL_RISCV_TRANSLATED,
							  .address = 0x123456789abcULL};

	(void)state;
	start(&all);
	set_context(&context);
	assert_int_equal(rv_ask(&request), 0);
	assert_int_equal(rv_result.paddr, 0x123456789abcULL);
	assert_int_equal(rv_result.rcid, 3);
	assert_int_equal(rv_result.mcid, 4);
	rv_end();
}

static void bare_mode_has_the_units_qos(void **state)
{
	struct iommu_model_riscv_request request = {.device_id = 0xffffff, .address = 0x9876};

	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv_set(RISCV_IOMMU_QOSID, 4, riscv_qosid(0x12, 0x34));
	rv_set(RISCV_DDTP, 8, RISCV_DDTP_BARE);
	assert_int_equal(rv_ask(&request), 0);
	assert_int_equal(rv_result.paddr, 0x9876);
	assert_int_equal(rv_result.rcid, 0x12);
	assert_int_equal(rv_result.mcid, 0x34);
	request.type = IOMMU_MODEL_RISCV_TRANSLATED;
	assert_int_equal(rv_ask(&request), RISCV_FAULT_TYPE_DISALLOWED);
	request.type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST;
	assert_int_equal(rv_ask(&request), RISCV_FAULT_TYPE_DISALLOWED);
	assert_int_equal(rv_result.answer, IOMMU_MODEL_RISCV_UNSUPPORTED);
	rv_end();
}

/* --- Page requests ---------------------------------------------------------------------------- */

static const struct iommu_model_riscv_page_message a_request = {.device_id = RV_DEVICE,
								.has_process = true,
								.process_id = 0x54321,
								.privileged = true,
								.address = 0xabcdef000ULL,
								.access = IOMMU_PROT_WRITE,
								.group = 0x1a5,
								.is_last = true};
static const struct riscv_context serves_requests = {
	.words = {V | RISCV_TC_EN_ATS | RISCV_TC_EN_PRI}};

static void a_page_request_is_queued(void **state)
{
	struct iommu_model_riscv_page_message request = a_request;

	(void)state;
	start(&all);
	set_context(&serves_requests);
	assert_int_equal(iommu_model_riscv_page_request(rv.model, &request), 0);
	assert_int_equal(rv_reg(RISCV_PQT, 4), 1);
	assert_int_equal(rv_look(RV_REQUESTS),
			 0x54321ULL << 12 | 3ULL << 32 | (uint64_t)RV_DEVICE << 40);
	assert_int_equal(rv_look(RV_REQUESTS + 8), 0xabcdef000ULL | 0x1a5 << 3 | 2 | 4);
	request.has_process = false;
	request.is_last = false;
	request.access = IOMMU_PROT_READ;
	assert_int_equal(iommu_model_riscv_page_request(rv.model, &request), 0);
	assert_int_equal(rv_look(RV_REQUESTS + 16), (uint64_t)RV_DEVICE << 40);
	assert_int_equal(rv_look(RV_REQUESTS + 24), 0xabcdef000ULL | 0x1a5 << 3 | 1);
	assert_int_equal(rv.answers, 0);
	rv_end();
}

/* Why it is not, and what the unit answers. */
static void the_unit_answers_itself(void **state)
{
	const struct riscv_context no_requests = {.words = {V | RISCV_TC_EN_ATS}};
	const struct riscv_context with_process = {
		.words = {V | RISCV_TC_EN_ATS | RISCV_TC_EN_PRI | RISCV_TC_PRPR}};
	const struct riscv_context bad = {.words = {V | RISCV_TC_DPE}};
	const struct riscv_context none = {.words = {0}};
	static const struct {
		enum riscv_ddtp_mode mode;
		unsigned int context; /* which */
		uint32_t device;
		unsigned int queue; /* 0 on, 1 off, 2 full, 3 broken */
		unsigned int code;
		bool process;
		unsigned int cause; /* of the record */
	} cases[] = {
		{RISCV_DDTP_OFF, 0, RV_DEVICE, 0, 15, true, 256},
		{RISCV_DDTP_BARE, 0, RV_DEVICE, 0, 1, false, 260},
		{RISCV_DDTP_1LVL, 1, RV_DEVICE, 0, 1, false, 260},
		{RISCV_DDTP_1LVL, 3, RV_DEVICE, 0, 15, true, 259},
		{RISCV_DDTP_1LVL, 4, RV_DEVICE, 0, 15, true, 258},
		{RISCV_DDTP_1LVL, 0, 0x40, 0, 1, false, 260},
		{RISCV_DDTP_1LVL, 0, RV_DEVICE, 1, 15, true, 0},
		{RISCV_DDTP_1LVL, 0, RV_DEVICE, 2, 0, false, 0},
		{RISCV_DDTP_1LVL, 2, RV_DEVICE, 2, 0, true, 0},
		{RISCV_DDTP_1LVL, 2, RV_DEVICE, 3, 15, true, 0},
	};
	const struct riscv_context *contexts[] = {&serves_requests, &no_requests, &with_process,
						  &bad, &none};
	unsigned int i, tries;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_model_riscv_page_message request = a_request;

		rv_begin(&all);
		rv_queues_on(false);
		rv_set(RISCV_PQCSR, 4, 0);
		rv_set(RISCV_PQB, 8,
		       riscv_queue_base(cases[i].queue == 3 ? RV_MEMORY : RV_REQUESTS, 1));
		rv_set(RISCV_PQCSR, 4, cases[i].queue == 1 ? 0 : RISCV_QUEUE_ENABLE);
		if (cases[i].queue == 2)
			rv_set(RISCV_PQH, 4, 1); /* one behind the tail */
		rv_set(RISCV_DDTP, 8, riscv_ddtp(cases[i].mode, RV_ROOT));
		rv_context(RV_DEVICE, contexts[cases[i].context]);
		request.device_id = cases[i].device;
		for (tries = 0; tries < 2; tries++) {
			assert_int_equal(iommu_model_riscv_page_request(rv.model, &request),
					 cases[i].queue == 2 ? IOMMU_ENOSPC : IOMMU_EFAULT);
			assert_int_equal(rv.answers, tries + 1);
			if (rv.answer_last.code != cases[i].code ||
			    rv.answer_last.has_process != cases[i].process)
				fail_msg("request %u: code %u", i, rv.answer_last.code);
			assert_int_equal(rv.answer_last.group, 0x1a5);
			assert_int_equal(rv.answer_last.device_id, cases[i].device);
			assert_int_equal(rv.answer_last.process_id, cases[i].process ? 0x54321 : 0);
		}
		assert_int_equal(rv_faults(), cases[i].cause != 0 ? 2 : 0);
		if (cases[i].cause != 0) {
			const struct riscv_fault fault = rv_fault();

			assert_int_equal(fault.words[0], cases[i].cause | 0x54321ULL << 12 |
								 3ULL << 32 | 9ULL << 34 |
								 (uint64_t)cases[i].device << 40);
			assert_int_equal(fault.words[2], 4); /* the message's code */
		}
		assert_int_equal(rv_reg(RISCV_PQCSR, 4) & RISCV_QUEUE_ERRORS,
				 cases[i].queue == 2   ? RISCV_QUEUE_OVERFLOW
				 : cases[i].queue == 3 ? RISCV_QUEUE_FAULT
						       : 0);
		/* Not the last of its group, or a stop marker: silence. */
		request.is_last = false;
		(void)iommu_model_riscv_page_request(rv.model, &request);
		request.is_last = true;
		request.access = 0;
		(void)iommu_model_riscv_page_request(rv.model, &request);
		assert_int_equal(rv.answers, 2);
		rv_end();
	}
}

static void a_full_page_request_queue_interrupts_again(void **state)
{
	struct iommu_model_riscv_page_message request = a_request;

	(void)state;
	rv_begin(&all);
	rv_queues_on(true);
	rv_directory_on(RISCV_DDTP_1LVL);
	set_context(&serves_requests);
	rv_set(RISCV_PQH, 4, 1);
	assert_int_equal(iommu_model_riscv_page_request(rv.model, &request), IOMMU_ENOSPC);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), RISCV_IPSR_PAGE_REQUESTS);
	rv_set(RISCV_IPSR, 4, RISCV_IPSR_PAGE_REQUESTS);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), RISCV_IPSR_PAGE_REQUESTS);
	rv_set(RISCV_PQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT | RISCV_QUEUE_OVERFLOW);
	rv_set(RISCV_IPSR, 4, RISCV_IPSR_PAGE_REQUESTS);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), 0);
	rv_end();
}

/* --- Messages --------------------------------------------------------------------------------- */

static const struct riscv_context guest_with_messages = {
	.words = {V, 8ULL << 60 | 9ULL << 44 | RV_GUEST_ROOT >> 12, 0, 0,
		  1ULL << 60 | RV_MESSAGES >> 12, 0x5, 0x28000}};

static void pages_of_interrupt_files(void **state)
{
	/* Pages by the pattern, the mask 101 left aside, and their numbers. */
	static const struct {
		uint64_t page;
		unsigned int number;
		bool is_file;
	} pages[] = {
		{0x28000, 0, true},  {0x28001, 1, true},  {0x28004, 2, true},  {0x28005, 3, true},
		{0x28002, 0, false}, {0x28008, 0, false}, {0x68000, 0, false},
	};
	unsigned int i;

	(void)state;
	start(&all);
	set_context(&guest_with_messages);
	for (i = 0; i < 4; i++)
		rv_word(RV_MESSAGES + i * 16, riscv_msi_basic(0x300000 + i * 0x1000));
	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		const unsigned int cause = rv_reach(pages[i].page << 12 | 0x14, IOMMU_PROT_WRITE);

		assert_int_equal(cause, pages[i].is_file ? 0 : RISCV_FAULT_WRITE_GUEST_PAGE);
		if (!pages[i].is_file)
			continue;
		assert_true(rv_result.is_message);
		assert_int_equal(rv_result.paddr, 0x300014 + pages[i].number * 0x1000);
		assert_int_equal(rv_result.size, 4096);
		assert_int_equal(rv_result.prot, IOMMU_PROT_READ_WRITE);
	}
	rv_end();
}

static void each_check_of_an_msi_entry(void **state)
{
	static const struct {
		uint64_t low, high;
		unsigned int cause;
	} cases[] = {
		{7, 0, 0},
		{7, UINT64_MAX, 0}, /* ignored in basic mode */
		{6, 0, RISCV_FAULT_MSI_NOT_VALID},
		{1, 0, RISCV_FAULT_MSI_MISCONFIGURED},
		{5, 0, RISCV_FAULT_MSI_MISCONFIGURED},
		{7 | 1 << 3, 0, RISCV_FAULT_MSI_MISCONFIGURED},
		{7 | 1 << 9, 0, RISCV_FAULT_MSI_MISCONFIGURED},
		{7 | 1ULL << 54, 0, RISCV_FAULT_MSI_MISCONFIGURED},
		{7 | 1ULL << 62, 0, RISCV_FAULT_MSI_MISCONFIGURED},
		{3, 0, 0},
		{3 | 1 << 3, 0, RISCV_FAULT_MSI_MISCONFIGURED},
		{3 | 1 << 6, 0, RISCV_FAULT_MSI_MISCONFIGURED},
		{3 | 1 << 7, 0, 0},
		{3 | 1ULL << 54, 0, RISCV_FAULT_MSI_MISCONFIGURED},
		{3, 1ULL << 54, RISCV_FAULT_MSI_MISCONFIGURED},
		{3, 1ULL << 59, RISCV_FAULT_MSI_MISCONFIGURED},
		{3, 1ULL << 60, 0},
		{3, 1ULL << 61, RISCV_FAULT_MSI_MISCONFIGURED},
		{3, 1ULL << 63, RISCV_FAULT_MSI_MISCONFIGURED},
	};
	unsigned int i, mrif;

	(void)state;
	for (mrif = 0; mrif < 2; mrif++) {
		struct iommu_model_riscv_config config = all;

		if (mrif == 0)
			config.capabilities &= ~(RISCV_CAP_MSI_MRIF | RISCV_CAP_AMO_MRIF);
		start(&config);
		set_context(&guest_with_messages);
		for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			const bool is_file = (cases[i].low & 7) == 3;
			unsigned int cause = cases[i].cause;

			if (is_file && mrif == 0)
				cause = RISCV_FAULT_MSI_MISCONFIGURED;
			rv_word(RV_MESSAGES, cases[i].low);
			rv_word(RV_MESSAGES + 8, cases[i].high);
			rv_run(riscv_command_gvma());
			if (rv_reach(0x28000000, IOMMU_PROT_WRITE) != cause)
				fail_msg("entry %u: cause %u", i, rv_result.cause);
			if (cause == 0)
				assert_int_equal(rv_result.is_file, is_file);
		}
		rv_end();
	}
}

/* Writes to a file in memory: where, what, and what comes of it. */
static void messages_into_a_file_in_memory(void **state)
{
	static const struct {
		uint32_t offset, data;
		uint32_t identity; /* UINT32_MAX: dropped */
	} cases[] = {
		{0, 0, 0},           {0, 1, 1},
		{0, 63, 63},         {0, 64, 64},
		{0, 2047, 2047},     {0, 2048, UINT32_MAX},
		{8, 1, UINT32_MAX},  {0x800, 1, UINT32_MAX},
		{4, 0x41000000, 65}, /* big-endian */
		{4, 1, UINT32_MAX},
	};
	unsigned int i;

	(void)state;
	start(&all);
	set_context(&guest_with_messages);
	rv_word(RV_MESSAGES, riscv_mrif_low(RV_FILE + 0x200));
	rv_word(RV_MESSAGES + 8, riscv_mrif_high(0x5000, 0x7ab));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_riscv_request request = {
			.device_id = RV_DEVICE, .address = 0x28000000 + cases[i].offset};
		struct iommu_model_riscv_message message;
		unsigned char expected[512] = {0};

		memset(rv.memory + RV_FILE, 0, 0x400);
		assert_int_equal(
			iommu_model_riscv_interrupt(rv.model, &request, cases[i].data, &message),
			0);
		assert_true(message.where.is_file);
		assert_int_equal(message.is_due, cases[i].identity != UINT32_MAX);
		if (cases[i].identity != UINT32_MAX) {
			/* Pairs of pending and enable words, little-endian. */
			expected[cases[i].identity / 64 * 16 + cases[i].identity % 64 / 8] =
				(unsigned char)(1 << cases[i].identity % 8);
			assert_int_equal(message.address, 0x5000);
			assert_int_equal(message.data, 0x7ab);
		}
		assert_memory_equal(rv.memory + RV_FILE + 0x200, expected, sizeof(expected));
	}
	rv_end();
}

static void files_in_memory_may_fail(void **state)
{
	struct iommu_model_riscv_request request = {.device_id = RV_DEVICE, .address = 0x28000000};
	struct iommu_model_riscv_message message;
	struct iommu_model_riscv_config plain = all;

	(void)state;
	plain.capabilities &= ~RISCV_CAP_AMO_MRIF;
	start(&plain);
	set_context(&guest_with_messages);
	rv_word(RV_MESSAGES, riscv_mrif_low(RV_FILE));
	rv_word(RV_MESSAGES + 8, riscv_mrif_high(0x5000, 1));
	rv_word(RV_FILE, 1);
	assert_int_equal(iommu_model_riscv_interrupt(rv.model, &request, 5, &message), 0);
	assert_int_equal(rv_look(RV_FILE), 0x21);
	rv.broken_first = RV_FILE;
	rv.broken_last = RV_FILE + 511;
	assert_int_equal(iommu_model_riscv_interrupt(rv.model, &request, 6, &message),
			 IOMMU_EFAULT);
	assert_int_equal(message.where.cause, RISCV_FAULT_MRIF_ACCESS);
	check_record(264 | 3ULL << 34 | (uint64_t)RV_DEVICE << 40, 0x28000000, 0);
	request.address = 0x28000002;
	assert_int_equal(iommu_model_riscv_interrupt(rv.model, &request, 6, &message),
			 IOMMU_EFAULT);
	assert_int_equal(message.where.cause, RISCV_FAULT_WRITE_MISALIGNED);
	/* A file that is no memory, or lies beyond it. */
	rv_word(RV_MESSAGES, riscv_mrif_low(RV_MEMORY));
	rv_run(riscv_command_gvma());
	request.address = 0x28000000;
	assert_int_equal(iommu_model_riscv_interrupt(rv.model, &request, 6, &message),
			 IOMMU_EFAULT);
	assert_int_equal(message.where.cause, RISCV_FAULT_MRIF_ACCESS);
	rv_end();
	plain.capabilities |= 40ULL << 32;
	start(&plain);
	set_context(&guest_with_messages);
	rv_word(RV_MESSAGES, riscv_mrif_low(1ULL << 50));
	assert_int_equal(iommu_model_riscv_interrupt(rv.model, &request, 6, &message),
			 IOMMU_EFAULT);
	assert_int_equal(message.where.cause, RISCV_FAULT_MRIF_ACCESS);
	rv_end();
}

static void messages_elsewhere_go_where_they_go(void **state)
{
	const struct riscv_context context = {.words = {V}};
	const struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
							  .address = 0x28000010};
	struct iommu_model_riscv_message message;

	(void)state;
	start(&all);
	set_context(&context);
	assert_int_equal(iommu_model_riscv_interrupt(rv.model, &request, 0x99, &message), 0);
	assert_true(message.is_due);
	assert_int_equal(message.address, 0x28000010);
	assert_int_equal(message.data, 0x99);
	rv_end();
}

static void ats_at_an_interrupt_file(void **state)
{
	struct riscv_context context = guest_with_messages;

	(void)state;
	start(&all);
	context.words[0] |= RISCV_TC_EN_ATS;
	set_context(&context);
	rv_word(RV_MESSAGES, riscv_mrif_low(RV_FILE));
	rv_word(RV_MESSAGES + 8, riscv_mrif_high(0x5000, 1));
	assert_int_equal(ask_ats(0x28000000, IOMMU_PROT_READ_WRITE), 0);
	assert_true(rv_result.untranslated_only);
	assert_int_equal(rv_result.prot, IOMMU_PROT_READ_WRITE);
	rv_word(RV_MESSAGES + 16, riscv_msi_basic(0x300000));
	assert_int_equal(ask_ats(0x28001000, IOMMU_PROT_READ_WRITE), 0);
	assert_false(rv_result.untranslated_only);
	assert_int_equal(rv_result.paddr, 0x300000);
	rv_end();
}

/* A block that would contain a page of an interrupt file is cut. */
static void blocks_end_before_interrupt_files(void **state)
{
	(void)state;
	start(&all);
	set_context(&guest_with_messages);
	rv_map_second(3, 0x28000000, 2, riscv_pte_leaf(0x40000000, RV_LEAF_FLAGS));
	assert_int_equal(rv_reach(0x28000000 | 0x2000, IOMMU_PROT_READ), 0);
	assert_int_equal(rv_result.size, 0x2000); /* pages 2 and 3; 0, 1, 4 and 5 are files */
	assert_int_equal(rv_reach(0x28000000 | 0x8000, IOMMU_PROT_READ), 0);
	assert_int_equal(rv_result.size, 0x8000);
	assert_int_equal(rv_reach(0x28100000, IOMMU_PROT_READ), 0);
	assert_int_equal(rv_result.size, 0x100000);
	rv_end();
}

/* --- Debug ------------------------------------------------------------------------------------ */

static uint64_t ask_debug(uint64_t address, uint64_t flags)
{
	rv_set(RISCV_TR_REQ_IOVA, 8, address);
	rv_set(RISCV_TR_REQ_CTL, 8, riscv_tr_req_ctl(RV_DEVICE, flags));
	assert_int_equal(rv_reg(RISCV_TR_REQ_CTL, 8) & RISCV_TR_GO, 0);
	return rv_reg(RISCV_TR_RESPONSE, 8);
}

static void translations_by_registers(void **state)
{
	const struct riscv_context context = {
		.words = {V, 0, 0, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	uint64_t response;

	(void)state;
	start(&all);
	set_context(&context);
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS | RISCV_PTE_NC));
	rv_map_first(3, 0x600000, 2, riscv_pte_leaf(0x40000000, RV_LEAF_FLAGS & ~RISCV_PTE_WRITE));
	assert_int_equal(ask_debug(0x5000, RISCV_TR_READ_ONLY), RV_DATA >> 2 | 1 << 7);
	response = ask_debug(0x612000, RISCV_TR_READ_ONLY);
	/* 2 MiB: bit 8 of the page number is the first that is 0. */
	assert_int_equal(response, 0x40000000 >> 2 | 0xffULL << 10 | 1 << 9);
	assert_int_equal(rv_faults(), 0);
	/* Without NW it reads and writes. */
	assert_int_equal(ask_debug(0x612000, 0) & 1, 1);
	check_record(15 | 3ULL << 34 | (uint64_t)RV_DEVICE << 40, 0x612000, 0);
	assert_int_equal(ask_debug(0x9000, RISCV_TR_READ_ONLY) & 1, 1);
	check_record(13 | 2ULL << 34 | (uint64_t)RV_DEVICE << 40, 0x9000, 0);
	/* With a process id, which this context does not serve. */
	rv_set(RISCV_TR_REQ_CTL, 8,
	       riscv_tr_req_ctl_process(RV_DEVICE, 7, RISCV_TR_PRIVILEGED | RISCV_TR_READ_ONLY));
	check_record(260 | 7ULL << 12 | 3ULL << 32 | 2ULL << 34 | (uint64_t)RV_DEVICE << 40, 0x9000,
		     0);
	rv_end();
}

static void debug_of_messages(void **state)
{
	(void)state;
	start(&all);
	set_context(&guest_with_messages);
	rv_word(RV_MESSAGES, riscv_mrif_low(RV_FILE));
	rv_word(RV_MESSAGES + 8, 0);
	rv_word(RV_MESSAGES + 16, riscv_msi_basic(0x300000));
	assert_int_equal(ask_debug(0x28001000, 0), 0x300000 >> 2);
	assert_int_equal(ask_debug(0x28000000, 0) & 1, 1);
	check_record(260 | 3ULL << 34 | (uint64_t)RV_DEVICE << 40, 0x28000000, 0);
	rv_end();
}

/* --- Counters --------------------------------------------------------------------------------- */

static uint64_t counted(unsigned int counter)
{
	return rv_reg(riscv_counter(counter), 8);
}

/* One request that walks everything, and one that hits; what each event counts. */
static void each_event_is_counted(void **state)
{
	static const struct {
		enum riscv_event event;
		unsigned int first, again;
	} events[] = {
		{RISCV_EVENT_UNTRANSLATED, 1, 1},     {RISCV_EVENT_TRANSLATED, 0, 0},
		{RISCV_EVENT_ATS_REQUEST, 0, 0},      {RISCV_EVENT_TLB_MISS, 1, 0},
		{RISCV_EVENT_DEVICE_WALK, 1, 0},      {RISCV_EVENT_PROCESS_WALK, 1, 0},
		{RISCV_EVENT_FIRST_STAGE_WALK, 1, 0},
	};
	const struct riscv_context context = {.words = {V | RISCV_TC_PDTV | RISCV_TC_DPE, 0, 0,
							riscv_pdtp(RISCV_PDTP_PD8, RV_PROCESSES)}};
	unsigned int i;

	(void)state;
	start(&all);
	set_context(&context);
	rv_word(RV_PROCESSES, riscv_process_ta(1, 0));
	rv_word(RV_PROCESSES + 8, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3)));
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS));
	for (i = 0; i < 7; i++)
		rv_set(riscv_counter_event(i + 1), 8, riscv_event(events[i].event, 0, 0, 0));
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 0);
	for (i = 0; i < 7; i++)
		assert_int_equal(counted(i + 1), events[i].first);
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 0);
	for (i = 0; i < 7; i++)
		assert_int_equal(counted(i + 1), events[i].first + events[i].again);
	rv_end();
}

/* Filters, and whether they let a request of device 0x25, process 0x11, GSCID 9, PSCID 5 pass. */
static void filters_of_counters(void **state)
{
	static const struct {
		enum riscv_event event;
		uint32_t device, process;
		uint64_t flags;
		bool counts;
	} cases[] = {
		{RISCV_EVENT_UNTRANSLATED, 0, 0, 0, true},
		{RISCV_EVENT_UNTRANSLATED, 0x25, 0, RISCV_EVENT_HAS_DEVICE, true},
		{RISCV_EVENT_UNTRANSLATED, 0x24, 0, RISCV_EVENT_HAS_DEVICE, false},
		{RISCV_EVENT_UNTRANSLATED, 0, 0x11, RISCV_EVENT_HAS_PROCESS, true},
		{RISCV_EVENT_UNTRANSLATED, 0, 0x10, RISCV_EVENT_HAS_PROCESS, false},
		{RISCV_EVENT_UNTRANSLATED, 0x25, 0x11,
		 RISCV_EVENT_HAS_PROCESS | RISCV_EVENT_HAS_DEVICE, true},
		{RISCV_EVENT_UNTRANSLATED, 0x25, 0x10,
		 RISCV_EVENT_HAS_PROCESS | RISCV_EVENT_HAS_DEVICE, false},
		/* Any function of 0x20 to 0x27, of 0x28 to 0x2f. */
		{RISCV_EVENT_UNTRANSLATED, 0x23, 0, RISCV_EVENT_HAS_DEVICE | RISCV_EVENT_PARTLY,
		 true},
		{RISCV_EVENT_UNTRANSLATED, 0x2b, 0, RISCV_EVENT_HAS_DEVICE | RISCV_EVENT_PARTLY,
		 false},
		{RISCV_EVENT_UNTRANSLATED, 0x24, 0, RISCV_EVENT_HAS_DEVICE | RISCV_EVENT_PARTLY,
		 true},
		/* By context: not of requests and directories. */
		{RISCV_EVENT_UNTRANSLATED, 0, 0, RISCV_EVENT_BY_CONTEXT, false},
		{RISCV_EVENT_DEVICE_WALK, 0, 0, RISCV_EVENT_BY_CONTEXT, false},
		{RISCV_EVENT_TLB_MISS, 0, 0, RISCV_EVENT_BY_CONTEXT, true},
		{RISCV_EVENT_TLB_MISS, 9, 5,
		 RISCV_EVENT_BY_CONTEXT | RISCV_EVENT_HAS_DEVICE | RISCV_EVENT_HAS_PROCESS, true},
		{RISCV_EVENT_TLB_MISS, 8, 5,
		 RISCV_EVENT_BY_CONTEXT | RISCV_EVENT_HAS_DEVICE | RISCV_EVENT_HAS_PROCESS, false},
		{RISCV_EVENT_FIRST_STAGE_WALK, 0, 4,
		 RISCV_EVENT_BY_CONTEXT | RISCV_EVENT_HAS_PROCESS, false},
		{RISCV_EVENT_SECOND_STAGE_WALK, 9, 0,
		 RISCV_EVENT_BY_CONTEXT | RISCV_EVENT_HAS_DEVICE, true},
	};
	const struct riscv_context context = {
		.words = {V | RISCV_TC_PDTV, 8ULL << 60 | 9ULL << 44 | RV_GUEST_ROOT >> 12, 0,
			  riscv_pdtp(RISCV_PDTP_PD8, RV_PROCESSES)}};
	const struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
							  .has_process = true,
							  .process_id = RV_PROCESS,
							  .address = 0x5000};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(&all);
		set_context(&context);
		rv_map_second(3, 0, 2, riscv_pte_leaf(0, RV_LEAF_FLAGS));
		rv_word(RV_PROCESSES + RV_PROCESS * 16, riscv_process_ta(5, 0));
		rv_word(RV_PROCESSES + RV_PROCESS * 16 + 8,
			riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3)));
		rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS));
		rv_set(riscv_counter_event(31), 8,
		       riscv_event(cases[i].event, cases[i].device, cases[i].process,
				   cases[i].flags));
		assert_int_equal(rv_ask(&request), 0);
		if ((counted(31) != 0) != cases[i].counts)
			fail_msg("filter %u: %u", i, (unsigned int)counted(31));
		rv_end();
	}
}

static void kinds_of_requests_are_counted(void **state)
{
	const struct riscv_context context = {.words = {V | RISCV_TC_EN_ATS}};
	struct iommu_model_riscv_request request = {.device_id = RV_DEVICE};

	(void)state;
	start(&all);
	set_context(&context);
	rv_set(riscv_counter_event(1), 8, riscv_event(RISCV_EVENT_TRANSLATED, 0, 0, 0));
	rv_set(riscv_counter_event(2), 8, riscv_event(RISCV_EVENT_ATS_REQUEST, 0, 0, 0));
	request.type = IOMMU_MODEL_RISCV_TRANSLATED;
	assert_int_equal(rv_ask(&request), 0);
	request.type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST;
	assert_int_equal(rv_ask(&request), 0);
	assert_int_equal(rv_ask(&request), 0);
	assert_int_equal(counted(1), 1);
	assert_int_equal(counted(2), 2);
	rv_end();
}

static void counters_overflow_once(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_set(RISCV_DDTP, 8, RISCV_DDTP_BARE);
	rv_set(riscv_counter(2), 8, UINT64_MAX - 1);
	rv_set(riscv_counter_event(2), 8, riscv_event(RISCV_EVENT_UNTRANSLATED, 0, 0, 0));
	(void)rv_reach(0, IOMMU_PROT_READ);
	assert_int_equal(rv_reg(RISCV_IOCOUNTOVF, 4), 0);
	(void)rv_reach(0, IOMMU_PROT_READ);
	assert_int_equal(counted(2), 0);
	assert_int_equal(rv_reg(RISCV_IOCOUNTOVF, 4), 1 << 2);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), RISCV_IPSR_COUNTERS);
	assert_int_equal(rv.messages, 1);
	/* Once more, with the flag still set: it is counted, and there is no interrupt. */
	rv_set(RISCV_IPSR, 4, RISCV_IPSR_COUNTERS);
	rv_set(riscv_counter(2), 8, UINT64_MAX);
	(void)rv_reach(0, IOMMU_PROT_READ);
	assert_int_equal(counted(2), 0);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), 0);
	/* Inhibited. */
	rv_set(RISCV_IOCOUNTINH, 4, 1 << 2);
	(void)rv_reach(0, IOMMU_PROT_READ);
	assert_int_equal(counted(2), 0);
	rv_end();
}

static void cycles_pass(void **state)
{
	uint64_t before;

	(void)state;
	rv_begin(&all);
	before = rv_reg(RISCV_IOHPMCYCLES, 8);
	assert_true(rv_reg(RISCV_IOHPMCYCLES, 8) > before);
	rv_set(RISCV_IOCOUNTINH, 4, 1);
	before = rv_reg(RISCV_IOHPMCYCLES, 8);
	assert_int_equal(rv_reg(RISCV_IOHPMCYCLES, 8), before);
	rv_set(RISCV_IOHPMCYCLES, 8, RISCV_CYCLES_COUNT);
	rv_set(RISCV_IOCOUNTINH, 4, 0);
	assert_int_equal(rv_reg(RISCV_IOHPMCYCLES, 8), RISCV_CYCLES_OVERFLOW);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), RISCV_IPSR_COUNTERS);
	assert_int_equal(rv_reg(RISCV_IOCOUNTOVF, 4), 1);
	rv_end();
}

/* --- What an emulator asks -------------------------------------------------------------------- */

struct visits {
	unsigned int count;
	uint64_t paddr[8], size[8];
	int answer;
};

static int visit(void *ctx, const struct iommu_model_riscv_piece *piece)
{
	struct visits *v = ctx;

	assert_true(v->count < 8);
	v->paddr[v->count] = piece->where.paddr;
	v->size[v->count++] = piece->size;
	return v->answer;
}

static void accesses_in_pieces(void **state)
{
	const struct riscv_context context = {
		.words = {V, 0, 0, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	struct iommu_model_riscv_request request = {
		.device_id = RV_DEVICE, .address = 0x5ff0, .access = IOMMU_PROT_READ};
	struct iommu_model_riscv_translation last;
	struct visits visits = {0};

	(void)state;
	start(&all);
	set_context(&context);
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS));
	rv_map_first(3, 0x6000, 1, riscv_pte_leaf(RV_DATA + 0x3000, RV_LEAF_FLAGS));
	assert_int_equal(iommu_model_riscv_access(rv.model, &request, 0x20, visit, &visits, &last),
			 0);
	assert_int_equal(visits.count, 2);
	assert_int_equal(visits.paddr[0], RV_DATA + 0xff0);
	assert_int_equal(visits.size[0], 0x10);
	assert_int_equal(visits.paddr[1], RV_DATA + 0x3000);
	assert_int_equal(visits.size[1], 0x10);
	visits.count = 0;
	assert_int_equal(
		iommu_model_riscv_access(rv.model, &request, 0x2000, visit, &visits, &last),
		IOMMU_EFAULT);
	assert_int_equal(visits.count, 2);
	assert_int_equal(last.cause, RISCV_FAULT_READ_PAGE);
	visits = (struct visits){.answer = 7};
	assert_int_equal(iommu_model_riscv_access(rv.model, &request, 0x20, visit, &visits, &last),
			 7);
	assert_int_equal(iommu_model_riscv_access(rv.model, &request, 0, visit, &visits, &last),
			 IOMMU_EINVAL);
	request.address = UINT64_MAX;
	assert_int_equal(iommu_model_riscv_access(rv.model, &request, 2, visit, &visits, &last),
			 IOMMU_EOVERFLOW);
	rv_end();
}

static void a_peek_changes_nothing(void **state)
{
	const struct riscv_context context = {
		.words = {V | RISCV_TC_SADE, 0, 0, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	const struct iommu_model_riscv_request request = {
		.device_id = RV_DEVICE, .address = 0x5123, .access = IOMMU_PROT_WRITE};
	const struct iommu_model_riscv_request bad = {.device_id = RV_DEVICE, .address = 0x7000};
	struct iommu_model_riscv_translation result;
	struct iommu_model_riscv_stats stats;
	unsigned int writes;

	(void)state;
	start(&all);
	set_context(&context);
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, 0x17)); /* neither A nor D */
	writes = rv.writes;
	assert_int_equal(iommu_model_riscv_peek(rv.model, &request, &result), 0);
	assert_int_equal(result.paddr, RV_DATA | 0x123);
	assert_int_equal(result.prot, IOMMU_PROT_READ_WRITE);
	assert_int_equal(iommu_model_riscv_peek(rv.model, &bad, &result), IOMMU_EFAULT);
	assert_int_equal(result.cause, RISCV_FAULT_READ_PAGE);
	assert_int_equal(rv.writes, writes);
	assert_int_equal(rv_faults(), 0);
	iommu_model_riscv_get_stats(rv.model, &stats);
	assert_int_equal(stats.cached_contexts + stats.cached_first, 0);
	assert_int_equal(stats.translations, 0);
	rv_end();
}

static void stages_of_a_device(void **state)
{
	const struct riscv_context context = {
		.words = {V | RISCV_TC_EN_ATS, 9ULL << 60 | 0x1234ULL << 44 | RV_GUEST_ROOT >> 12,
			  riscv_ta(0x54321), riscv_iosatp(RISCV_IOSATP_SV57, RV_FIRST(5))}};
	struct iommu_model_riscv_stage stage;

	(void)state;
	start(&all);
	set_context(&context);
	assert_int_equal(iommu_model_riscv_get_stage(rv.model, RV_DEVICE, false, 0, &stage), 0);
	assert_true(stage.first && stage.second && stage.has_pscid && stage.ats);
	assert_false(stage.page_requests || stage.first_is_32_bit || stage.second_is_32_bit);
	assert_int_equal(stage.first_mode, 10);
	assert_int_equal(stage.second_mode, 9);
	assert_int_equal(stage.first_table, RV_FIRST(5));
	assert_int_equal(stage.second_table, RV_GUEST_ROOT);
	assert_int_equal(stage.gscid, 0x1234);
	assert_int_equal(stage.pscid, 0x54321);
	assert_true(stage.has_context);
	assert_int_equal(stage.root, riscv_iosatp(RISCV_IOSATP_SV57, RV_FIRST(5)));
	assert_int_equal(stage.control, 0);
	assert_int_equal(stage.process, 0x54321);
	assert_int_equal(iommu_model_riscv_get_stage(rv.model, RV_DEVICE, true, 1, &stage),
			 IOMMU_EFAULT);
	assert_int_equal(stage.cause, RISCV_FAULT_TYPE_DISALLOWED);
	assert_true(stage.has_context);
	assert_int_equal(stage.process, 0x54321);
	assert_int_equal(iommu_model_riscv_get_stage(rv.model, RV_DEVICE + 1, false, 0, &stage),
			 IOMMU_EFAULT);
	assert_false(stage.has_context);
	rv_set(RISCV_DDTP, 8, riscv_ddtp(RISCV_DDTP_OFF, RV_ROOT));
	assert_int_equal(iommu_model_riscv_get_stage(rv.model, RV_DEVICE, false, 0, &stage),
			 IOMMU_EFAULT);
	assert_int_equal(stage.cause, RISCV_FAULT_ALL_DISALLOWED);
	rv_set(RISCV_DDTP, 8, RISCV_DDTP_BARE);
	assert_int_equal(iommu_model_riscv_get_stage(rv.model, RV_DEVICE, false, 0, &stage), 0);
	assert_false(stage.first || stage.second || stage.has_context);
	assert_int_equal(stage.root | stage.control | stage.process, 0);
	assert_int_equal(stage.pscid | stage.gscid, 0);
	assert_int_equal(stage.first_table | stage.second_table, 0);
	rv_end();
}

/* What a nested domain has to be told of a directory of processes, one of which is not there. */
static void directory_of_a_device(void **state)
{
	const uint64_t flags = RISCV_TC_PDTV | RISCV_TC_DPE | RISCV_TC_SADE;
	const struct riscv_context context = {.words = {V | flags | RISCV_TC_EN_ATS, 0, 0,
							riscv_pdtp(RISCV_PDTP_PD17, RV_PROCESSES)}};
	struct iommu_model_riscv_stage stage;

	(void)state;
	start(&all);
	set_context(&context);
	assert_int_equal(iommu_model_riscv_get_stage(rv.model, RV_DEVICE, false, 0, &stage),
			 IOMMU_EFAULT);
	assert_int_equal(stage.cause, RISCV_FAULT_PROCESS_NOT_VALID);
	assert_true(stage.has_context);
	assert_int_equal(stage.root, riscv_pdtp(RISCV_PDTP_PD17, RV_PROCESSES));
	assert_int_equal(stage.control, flags);
	rv_end();
}

/* Each of them alone, and of 32 bits. */
static void a_stage_of_a_device(void **state)
{
	const struct riscv_context first = {
		.words = {V | RISCV_TC_EN_ATS | RISCV_TC_EN_PRI | RISCV_TC_SXL, 0,
			  riscv_ta(0x54321), riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(2))}};
	const struct riscv_context second = {
		.words = {V | RISCV_TC_SXL, 8ULL << 60 | 7ULL << 44 | RV_GUEST_ROOT >> 12, 0, 0}};
	struct iommu_model_riscv_config config = all;
	struct iommu_model_riscv_stage stage;
	unsigned int is_second;

	(void)state;
	config.capabilities |= RV_32_BIT;
	for (is_second = 0; is_second < 2; is_second++) {
		rv_begin(&config);
		rv_set(RISCV_FCTL, 4, RISCV_FCTL_GXL);
		assert_int_equal(rv_reg(RISCV_FCTL, 4), RISCV_FCTL_GXL);
		rv_queues_on(false);
		rv_directory_on(RISCV_DDTP_1LVL);
		rv_context(RV_DEVICE, is_second != 0 ? &second : &first);
		rv_run(riscv_command_inval_directories());
		assert_int_equal(iommu_model_riscv_get_stage(rv.model, RV_DEVICE, false, 0, &stage),
				 0);
		assert_int_equal(stage.first, is_second == 0);
		assert_int_equal(stage.second, is_second != 0);
		assert_int_equal(stage.has_pscid, is_second == 0);
		assert_int_equal(stage.pscid, is_second == 0 ? 0x54321 : 0);
		assert_int_equal(stage.gscid, is_second == 0 ? 0 : 7);
		assert_true(stage.first_is_32_bit);
		assert_true(stage.second_is_32_bit);
		assert_int_equal(stage.first_table, is_second == 0 ? RV_FIRST(2) : 0);
		assert_int_equal(stage.second_table, is_second == 0 ? 0 : RV_GUEST_ROOT);
		assert_int_equal(stage.ats, is_second == 0);
		assert_int_equal(stage.page_requests, is_second == 0);
		assert_int_equal(stage.cause, 0);
		rv_end();
	}
}

static void the_mappings_of_a_device(void **state)
{
	const struct riscv_context context = {
		.words = {V, 0, riscv_ta(1), riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};
	struct iommu_model_riscv_walk_state walk = {.device_id = RV_DEVICE, .last = UINT64_MAX};
	struct iommu_model_riscv_mapping found[8];
	size_t count = 0;

	(void)state;
	start(&all);
	set_context(&context);
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS));
	rv_map_first(3, 0x6000, 1,
		     riscv_pte_leaf(RV_DATA + 0x5000, RV_LEAF_FLAGS & ~RISCV_PTE_WRITE));
	rv_map_first(3, 0x600000, 2, riscv_pte_leaf(0x40000000, RV_LEAF_FLAGS));
	rv_word(RV_FIRST(3) + 511 * 8, riscv_pte_leaf(0x80000000, RV_LEAF_FLAGS));
	while (!walk.is_done) {
		size_t more = 8 - count;

		assert_int_equal(iommu_model_riscv_walk(rv.model, &walk, &found[count], &more), 0);
		count += more;
	}
	assert_int_equal(count, 4);
	assert_int_equal(found[0].iova, 0x5000);
	assert_int_equal(found[0].paddr, RV_DATA);
	assert_int_equal(found[0].size, 0x1000);
	assert_int_equal(found[0].prot, IOMMU_PROT_READ_WRITE);
	assert_int_equal(found[1].iova, 0x6000);
	assert_int_equal(found[1].prot, IOMMU_PROT_READ);
	assert_int_equal(found[2].iova, 0x600000);
	assert_int_equal(found[2].size, 0x200000);
	assert_int_equal(found[3].iova, 0xffffffffc0000000ULL);
	assert_int_equal(found[3].size, 0x40000000);
	rv_end();
}

static void the_mappings_of_a_guest(void **state)
{
	struct iommu_model_riscv_walk_state walk = {
		.device_id = RV_DEVICE, .next = 0x28000000, .last = 0x280fffff};
	struct iommu_model_riscv_mapping found[8];
	size_t count = 8;

	(void)state;
	start(&all);
	set_context(&guest_with_messages);
	rv_map_second(3, 0x28000000, 2, riscv_pte_leaf(0x40000000, RV_LEAF_FLAGS));
	rv_word(RV_MESSAGES, riscv_msi_basic(0x300000));
	rv_word(RV_MESSAGES + 16, riscv_mrif_low(RV_FILE));
	assert_int_equal(iommu_model_riscv_walk(rv.model, &walk, found, &count), 0);
	/* File 0; pages 2 and 3; pages 6 and 7; from 8 on in blocks: files 1, 4 and 5 are none. */
	assert_int_equal(found[0].iova, 0x28000000);
	assert_true(found[0].is_message);
	assert_int_equal(found[0].paddr, 0x300000);
	assert_int_equal(found[1].iova, 0x28002000);
	assert_int_equal(found[1].size, 0x2000);
	assert_int_equal(found[1].paddr, 0x40002000);
	assert_int_equal(found[2].iova, 0x28006000);
	assert_int_equal(found[3].iova, 0x28008000);
	assert_true(count >= 4);
	/* What is blocked has no mappings. */
	walk = (struct iommu_model_riscv_walk_state){.device_id = 3, .last = 0xfff};
	count = 8;
	assert_int_equal(iommu_model_riscv_walk(rv.model, &walk, found, &count), IOMMU_EFAULT);
	assert_int_equal(walk.cause, RISCV_FAULT_DEVICE_NOT_VALID);
	assert_int_equal(count, 0);
	walk = (struct iommu_model_riscv_walk_state){.device_id = 3, .last = 0xffe};
	assert_int_equal(iommu_model_riscv_walk(rv.model, &walk, found, &count), IOMMU_EINVAL);
	rv_end();
}

/* Sv32 has one half, and nothing above; what the second stage lacks is not mapped. */
static void the_mappings_of_narrow_and_nested_tables(void **state)
{
	const struct riscv_context narrow = {
		.words = {V | RISCV_TC_SXL, 0, 0, 8ULL << 60 | RV_FIRST(2) >> 12}};
	const struct riscv_context guest = {
		.words = {V, 8ULL << 60 | 7ULL << 44 | RV_GUEST_ROOT >> 12}};
	struct iommu_model_riscv_walk_state walk = {
		.device_id = RV_DEVICE, .next = 0x800000, .last = UINT64_MAX};
	struct iommu_model_riscv_config config = all;
	struct iommu_model_riscv_mapping found[4];
	size_t count;

	(void)state;
	config.capabilities |= NARROW;
	start(&config);
	set_context(&narrow);
	rv_half(RV_FIRST(2) + 2 * 4, (uint32_t)riscv_pte_leaf(0x400000, RV_LEAF_FLAGS));
	do {
		count = 4;
		assert_int_equal(iommu_model_riscv_walk(rv.model, &walk, found, &count), 0);
		if (walk.next == 0 || count != 0)
			assert_true(walk.is_done || found[0].iova == 0x800000);
	} while (!walk.is_done);
	assert_int_equal(iommu_model_riscv_walk(rv.model, &walk, found, &count), 0);
	assert_int_equal(count, 0);
	set_context(&guest);
	rv_map_second(3, 0x400000, 2, riscv_pte_leaf(0x40000000, RV_LEAF_FLAGS));
	walk = (struct iommu_model_riscv_walk_state){.device_id = RV_DEVICE, .last = 0x4fffff};
	count = 4;
	assert_int_equal(iommu_model_riscv_walk(rv.model, &walk, found, &count), 0);
	assert_true(walk.is_done);
	assert_int_equal(count, 1);
	assert_int_equal(found[0].iova, 0x400000);
	assert_int_equal(found[0].size, 0x100000); /* cut by the range */
	assert_int_equal(walk.looked_at, 3);       /* of 2 MiB each */
	assert_int_equal(found[0].paddr, 0x40000000);
	rv_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_check_of_a_device_context),
		cmocka_unit_test(a_base_format_context_has_four_words),
		cmocka_unit_test(directories_of_each_depth),
		cmocka_unit_test(entries_above_a_context),
		cmocka_unit_test(each_check_of_a_process_context),
		cmocka_unit_test(which_process_a_request_has),
		cmocka_unit_test(kinds_of_requests_in_records),
		cmocka_unit_test(process_and_privilege_in_records),
		cmocka_unit_test(translated_requests_in_records),
		cmocka_unit_test(guest_addresses_in_records),
		cmocka_unit_test(faults_are_hidden_by_dtf),
		cmocka_unit_test(faults_of_contexts_are_never_hidden),
		cmocka_unit_test(corruption_has_causes_of_its_own),
		cmocka_unit_test(each_mode_of_the_first_stage),
		cmocka_unit_test(the_second_stage_has_a_wide_root),
		cmocka_unit_test(bits_of_entries),
		cmocka_unit_test(bits_of_pointers),
		cmocka_unit_test(bits_that_cannot_be_set),
		cmocka_unit_test(entries_that_change_meanwhile),
		cmocka_unit_test(permissions_in_ats_answers),
		cmocka_unit_test(ats_answers_to_faults),
		cmocka_unit_test(ats_with_a_process),
		cmocka_unit_test(devices_that_know_guest_addresses),
		cmocka_unit_test(translated_requests_pass_without_t2gpa),
		cmocka_unit_test(bare_mode_has_the_units_qos),
		cmocka_unit_test(a_page_request_is_queued),
		cmocka_unit_test(the_unit_answers_itself),
		cmocka_unit_test(a_full_page_request_queue_interrupts_again),
		cmocka_unit_test(pages_of_interrupt_files),
		cmocka_unit_test(each_check_of_an_msi_entry),
		cmocka_unit_test(messages_into_a_file_in_memory),
		cmocka_unit_test(files_in_memory_may_fail),
		cmocka_unit_test(messages_elsewhere_go_where_they_go),
		cmocka_unit_test(ats_at_an_interrupt_file),
		cmocka_unit_test(blocks_end_before_interrupt_files),
		cmocka_unit_test(translations_by_registers),
		cmocka_unit_test(debug_of_messages),
		cmocka_unit_test(each_event_is_counted),
		cmocka_unit_test(filters_of_counters),
		cmocka_unit_test(kinds_of_requests_are_counted),
		cmocka_unit_test(counters_overflow_once),
		cmocka_unit_test(cycles_pass),
		cmocka_unit_test(accesses_in_pieces),
		cmocka_unit_test(a_peek_changes_nothing),
		cmocka_unit_test(stages_of_a_device),
		cmocka_unit_test(directory_of_a_device),
		cmocka_unit_test(a_stage_of_a_device),
		cmocka_unit_test(the_mappings_of_a_device),
		cmocka_unit_test(the_mappings_of_a_guest),
		cmocka_unit_test(the_mappings_of_narrow_and_nested_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
