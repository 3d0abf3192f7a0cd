/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers, queues, errors and interrupts of the model of Arm's SMMUv3 (IHI 0070, chapters 4, 6, 7
 * and 8).
 */
#include "bare_smmu.h"

#include <string.h>

#include "test.h"

static const struct iommu_model_smmu_config all = {0};

#define VA 0x12345678ULL

static uint32_t active_errors(void)
{
	return (uint32_t)(sm_reg(SMMU_GERROR, 4) ^ sm_reg(SMMU_GERRORN, 4));
}

static void acknowledge(void)
{
	sm_set(SMMU_GERRORN, 4, sm_reg(SMMU_GERROR, 4));
}

static unsigned int command_error(void)
{
	return (unsigned int)smmu_bits(sm_reg(SMMU_CMDQ_CONS, 4), SMMU_CMDQ_CONS_ERROR);
}

/* --- Registers: access ------------------------------------------------------------------------ */

static void registers_have_their_reset_values(void **state)
{
	(void)state;
	sm_begin(&all);
	/* S2P S1P AArch64 COHACC HTTU 2, Hyp, ATS, ASID16, MSI, SEV, PRI, VMID16, CD2L, … */
	assert_int_equal(sm_reg(SMMU_IDR0, 4), 0x088d769bU | 1U << 23);
	assert_int_equal(sm_reg(SMMU_IDR1, 4),
			 16U | 16U << 6 | 12U << 11 | 12U << 16 | 12U << 21 | 3U << 26);
	assert_int_equal(sm_reg(SMMU_IDR3, 4), 1U << 2 | 1U << 4 | 7U << 8 | 2U << 11);
	assert_int_equal(sm_reg(SMMU_IDR5, 4), 5U | 7U << 4 | 64U << 16);
	assert_int_equal(sm_reg(SMMU_AIDR, 4), 2);
	assert_int_equal(sm_reg(SMMU_IDR2, 4), 0);
	assert_int_equal(sm_reg(SMMU_IDR4, 4), 0);
	assert_int_equal(sm_reg(SMMU_CR0, 4), 0);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), 0);
	assert_int_equal(sm_reg(SMMU_IRQ_CTRL, 4), 0);
	assert_int_equal(sm_reg(SMMU_GERROR, 4), 0);
	assert_int_equal(sm_reg(SMMU_STATUSR, 4), 0);
	assert_int_equal(sm.misuses, 0);
	sm_end();
}

static void a_unit_may_have_stage_1_alone(void **state)
{
	struct iommu_model_smmu_config config = {.no_second_stage = true};

	(void)state;
	sm_begin(&config);
	/* Neither S2P nor VMID16, nor Hyp; neither XNX nor FWB. */
	assert_int_equal(sm_reg(SMMU_IDR0, 4), 0x0889749aU | 1U << 23);
	assert_int_equal(sm_reg(SMMU_IDR3, 4), 1U << 2 | 1U << 9 | 1U << 10 | 2U << 11);
	sm_end();
	/* Of registers that it is given, too: of those of the host, for example. */
	config.idr0 = 0x088d769bU | 1U << 11 | 1U << 23;
	config.idr1 = 16U | 16U << 6 | 12U << 11 | 12U << 16 | 12U << 21;
	config.idr5 = 5U | 7U << 4 | 64U << 16;
	sm_begin(&config);
	assert_int_equal(sm_reg(SMMU_IDR0, 4), 0x0889749aU | 1U << 23);
	sm_end();
	config.idr0 &= ~2U;
	assert_int_equal(sm_create(&config), IOMMU_EINVAL);
}

static void accesses_are_of_one_register(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned int size;
	} wrong[] = {
		{SMMU_IDR0, 2},
		{SMMU_IDR0, 1},
		{SMMU_IDR0 + 2, 4},
		{SMMU_IDR0, 8},
		{SMMU_CR0, 8},
		{SMMU_CMDQ_PROD, 8},
		{SMMU_CMDQ_BASE + 4, 8},
		{0x20000, 4},
		{0x1fffc, 8},
		{SMMU_GERROR_IRQ_CFG1, 8},
		{0xfffffffcU, 4},
		{SMMU_EVENTQ_PROD, 8},
	};
	unsigned int i;

	(void)state;
	sm_begin(&all);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(sm_reg(wrong[i].offset, wrong[i].size), 0);
		assert_int_equal(sm.misuses, 2 * i + 1);
		sm_set(wrong[i].offset, wrong[i].size, UINT64_MAX);
		assert_int_equal(sm.misuses, 2 * i + 2);
	}
	assert_int_equal(sm_reg(SMMU_CR0, 4), 0);
	/* Where there is nothing: the Secure bank, page 0's places of page 1's registers. */
	sm_set(SMMU_SECURE_BANK, 4, UINT32_MAX);
	assert_int_equal(sm_reg(SMMU_SECURE_BANK, 4), 0);
	sm_set(0xa8, 4, UINT32_MAX);
	assert_int_equal(sm_reg(0xa8, 4), 0);
	assert_int_equal(sm.misuses, 24);
	sm_end();
}

static void a_wide_register_is_written_by_halves(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_set(SMMU_STRTAB_BASE + 4, 4, 0x40001234);
	sm_set(SMMU_STRTAB_BASE, 4, 0x56789aff);
	assert_int_equal(sm_reg(SMMU_STRTAB_BASE, 8), 0x4000123456789ac0ULL);
	assert_int_equal(sm_reg(SMMU_STRTAB_BASE, 4), 0x56789ac0);
	assert_int_equal(sm_reg(SMMU_STRTAB_BASE + 4, 4), 0x40001234);
	assert_int_equal(sm.misuses, 0);
	sm_end();
}

/* What all ones leave in a register. */
static void fields_keep_what_the_unit_has(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned int size;
		uint64_t kept;
	} cases[] = {
		{SMMU_CR1, 4, 0xfff},
		{SMMU_CR2, 4, 0xf},
		{SMMU_STRTAB_BASE, 8, 0x4000ffffffffffc0ULL},
		{SMMU_STRTAB_BASE_CFG, 4, 0x307ff},
		{SMMU_CMDQ_BASE, 8, 0x4000ffffffffffffULL},
		{SMMU_CMDQ_PROD, 4, 0xfffff},
		{SMMU_CMDQ_CONS, 4, 0xfffff},
		{SMMU_EVENTQ_BASE, 8, 0x4000ffffffffffffULL},
		{SMMU_EVENTQ_PROD, 4, 0x800fffff},
		{SMMU_EVENTQ_CONS, 4, 0x800fffff},
		{SMMU_PRIQ_PROD, 4, 0x800fffff},
		{SMMU_PRIQ_CONS, 4, 0x800fffff},
		{SMMU_GERROR_IRQ_CFG0, 8, 0x0000fffffffffffcULL},
		{SMMU_GERROR_IRQ_CFG1, 4, 0xffffffff},
		{SMMU_GERROR_IRQ_CFG2, 4, 0x3f},
		{SMMU_EVENTQ_IRQ_CFG0, 8, 0x0000fffffffffffcULL},
		{SMMU_EVENTQ_IRQ_CFG2, 4, 0x3f},
		{SMMU_PRIQ_IRQ_CFG2, 4, 0x8000003f},
		{SMMU_IDR0, 4, 0},
		{SMMU_CR0ACK, 4, 0},
		{SMMU_GERROR, 4, 0},
		{SMMU_GATOS_CTRL, 4, 0},
		{SMMU_AGBPA, 4, 0},
	};
	unsigned int i;

	(void)state;
	sm_begin(&all);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t before = sm_reg(cases[i].offset, cases[i].size);

		sm_set(cases[i].offset, cases[i].size, UINT64_MAX);
		assert_int_equal(sm_reg(cases[i].offset, cases[i].size),
				 cases[i].offset == SMMU_IDR0 ? before : cases[i].kept);
		sm_set(cases[i].offset, cases[i].size, 0);
	}
	/* Reserved bits of CR0 are not taken. */
	sm_set(SMMU_CR0, 4, 0xfffffff0U);
	assert_int_equal(sm_reg(SMMU_CR0, 4), SMMU_CR0_ATSCHK);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), SMMU_CR0_ATSCHK);
	assert_int_equal(sm.misuses, 1);
	sm_end();
}

static void a_unit_without_a_feature_has_no_registers_of_it(void **state)
{
	struct iommu_model_smmu_config plain = {0};

	(void)state;
	sm_begin(&all);
	plain.idr0 = (uint32_t)sm_reg(SMMU_IDR0, 4) &
		     ~(uint32_t)(smmu_field_mask(SMMU_IDR0_PRI) | smmu_field_mask(SMMU_IDR0_ATS) |
				 smmu_field_mask(SMMU_IDR0_MSI) | smmu_field_mask(SMMU_IDR0_HYP) |
				 smmu_field_mask(SMMU_IDR0_ATSRECERR));
	plain.idr1 = (uint32_t)sm_reg(SMMU_IDR1, 4);
	plain.idr5 = (uint32_t)sm_reg(SMMU_IDR5, 4);
	sm_end();
	sm_begin(&plain);
	sm_set(SMMU_CR0, 4, SMMU_CR0_PRIQEN | SMMU_CR0_ATSCHK);
	assert_int_equal(sm_reg(SMMU_CR0, 4), 0);
	sm_set(SMMU_IRQ_CTRL, 4, 7);
	assert_int_equal(sm_reg(SMMU_IRQ_CTRL, 4), SMMU_IRQ_GERROR | SMMU_IRQ_EVENTQ);
	sm_set(SMMU_IRQ_CTRL, 4, 0);
	sm_set(SMMU_CR2, 4, UINT32_MAX);
	assert_int_equal(sm_reg(SMMU_CR2, 4), SMMU_CR2_RECINVSID | SMMU_CR2_PTM);
	sm_set(SMMU_PRIQ_BASE, 8, UINT64_MAX);
	assert_int_equal(sm_reg(SMMU_PRIQ_BASE, 8), 0);
	sm_set(SMMU_EVENTQ_IRQ_CFG0, 8, UINT64_MAX);
	assert_int_equal(sm_reg(SMMU_EVENTQ_IRQ_CFG0, 8), 0);
	sm_end();
}

static void registers_are_fixed_while_they_are_used(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned int size;
	} fixed[] = {
		{SMMU_CR2, 4},
		{SMMU_STRTAB_BASE, 8},
		{SMMU_STRTAB_BASE_CFG, 4},
		{SMMU_CMDQ_BASE, 8},
		{SMMU_CMDQ_CONS, 4},
		{SMMU_EVENTQ_BASE, 8},
		{SMMU_EVENTQ_PROD, 4},
		{SMMU_PRIQ_BASE, 8},
		{SMMU_PRIQ_PROD, 4},
		{SMMU_GERROR_IRQ_CFG0, 8},
		{SMMU_EVENTQ_IRQ_CFG1, 4},
		{SMMU_PRIQ_IRQ_CFG2, 4},
	};
	unsigned int i;

	(void)state;
	sm_begin(&all);
	sm_unit_on();
	sm_interrupts(7);
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		const uint64_t before = sm_reg(fixed[i].offset, fixed[i].size);

		sm_set(fixed[i].offset, fixed[i].size, ~before);
		assert_int_equal(sm_reg(fixed[i].offset, fixed[i].size), before);
		assert_int_equal(sm.misuses, i + 1);
	}
	sm_set(SMMU_CR1, 4, UINT32_MAX);
	assert_int_equal(sm_reg(SMMU_CR1, 4), 0);
	sm_disable(SMMU_CR0_SMMUEN);
	sm_set(SMMU_CR1, 4, UINT32_MAX);
	assert_int_equal(sm_reg(SMMU_CR1, 4), SMMU_CR1_TABLES);
	sm_disable(SMMU_CR0_CMDQEN | SMMU_CR0_EVENTQEN | SMMU_CR0_PRIQEN);
	sm_set(SMMU_CR1, 4, UINT32_MAX);
	assert_int_equal(sm_reg(SMMU_CR1, 4), SMMU_CR1_TABLES | SMMU_CR1_QUEUES);
	sm_end();
}

/* --- Handshakes ------------------------------------------------------------------------------- */

static void acknowledgements_may_take_time(void **state)
{
	const struct iommu_model_smmu_faults slow = {.ack_delay = 3};
	const struct iommu_model_smmu_faults never = {.never_acks = true};

	(void)state;
	sm_begin(&all);
	iommu_model_smmu_misbehave(sm.model, &slow);
	sm_set(SMMU_CR0, 4, SMMU_CR0_EVENTQEN);
	assert_int_equal(sm_reg(SMMU_CR0, 4), SMMU_CR0_EVENTQEN);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), 0);
	/* A bit that has not been acknowledged is not changed again; another one is. */
	sm_set(SMMU_CR0, 4, SMMU_CR0_CMDQEN);
	assert_int_equal(sm.misuses, 1);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), 0);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), 0);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), SMMU_CR0_EVENTQEN | SMMU_CR0_CMDQEN);
	sm_set(SMMU_GBPA, 4, SMMU_GBPA_UPDATE | SMMU_GBPA_ABORT);
	assert_int_equal(sm_reg(SMMU_GBPA, 4), SMMU_GBPA_UPDATE | SMMU_GBPA_ABORT);
	sm_set(SMMU_GBPA, 4, SMMU_GBPA_UPDATE);
	assert_int_equal(sm.misuses, 2);
	assert_int_equal(sm_reach(VA, 0), 0);
	assert_int_equal(sm_reg(SMMU_GBPA, 4), SMMU_GBPA_UPDATE | SMMU_GBPA_ABORT);
	assert_int_equal(sm_reg(SMMU_GBPA, 4), SMMU_GBPA_ABORT);
	assert_int_equal(sm_reach(VA, 0), SM_SILENT);
	sm_set(SMMU_IRQ_CTRL, 4, SMMU_IRQ_GERROR);
	assert_int_equal(sm_reg(SMMU_IRQ_CTRLACK, 4), 0);
	assert_int_equal(sm_reg(SMMU_IRQ_CTRLACK, 4), 0);
	assert_int_equal(sm_reg(SMMU_IRQ_CTRLACK, 4), SMMU_IRQ_GERROR);
	iommu_model_smmu_misbehave(sm.model, &never);
	sm_set(SMMU_CR0, 4, 0);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), SMMU_CR0_EVENTQEN | SMMU_CR0_CMDQEN);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), SMMU_CR0_EVENTQEN | SMMU_CR0_CMDQEN);
	sm_end();
}

static uint32_t ack_while_told;

static void look_at_ack(void)
{
	ack_while_told = (uint32_t)sm_reg(SMMU_CR0ACK, 4);
}

static void the_host_is_told_before_the_guest_sees_the_unit_on(void **state)
{
	(void)state;
	sm_begin(&all);
	sm.meanwhile = look_at_ack;
	ack_while_told = 0xffff;
	sm_set(SMMU_CR0, 4, SMMU_CR0_SMMUEN);
	assert_int_equal(sm.told, 1);
	assert_int_equal(sm.told_last.type, IOMMU_MODEL_SMMU_ENABLE);
	assert_int_equal(ack_while_told, 0);
	assert_int_equal(sm_reg(SMMU_CR0ACK, 4), SMMU_CR0_SMMUEN);
	sm.meanwhile = NULL;
	sm_set(SMMU_GBPA, 4, SMMU_GBPA_UPDATE | SMMU_GBPA_ABORT);
	assert_int_equal(sm.told, 2);
	sm_end();
}

/* --- Commands --------------------------------------------------------------------------------- */

static void commands_run_in_order_and_wrap(void **state)
{
	unsigned int i;

	(void)state;
	sm_begin(&all);
	sm_queues_on();
	for (i = 0; i < 600; i++)
		sm_run(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 600 & 511);
	sm_end();
}

static void commands_wait_for_their_queue(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_queues_on();
	sm_disable(SMMU_CR0_CMDQEN);
	sm_submit(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 0);
	sm_enable(SMMU_CR0_CMDQEN);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 1);
	sm_end();
}

/* Stopped at the command, which is replaced; then the error is acknowledged. */
static void check_illegal(struct smmu_command command)
{
	const uint32_t at = sm.prod;
	const iommu_paddr_t place = SM_COMMANDS + smmu_queue_index(at, 8) * 16ULL;

	sm_submit(command);
	sm_submit(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(active_errors(), SMMU_GERROR_CMDQ);
	assert_int_equal(command_error(), SMMU_CERROR_ILL);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4) & SMMU_QUEUE_POINTER, at);
	sm_word(place, SMMU_SYNC);
	sm_word(place + 8, 0);
	acknowledge();
	assert_int_equal(active_errors(), 0);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), sm.prod);
}

static void illegal_commands_stop_the_queue(void **state)
{
	static const uint64_t opcodes[] = {0x00, 0x07, 0x0f, 0x14, 0x18, 0x1a, 0x24, 0x29, 0x2b,
					   0x31, 0x42, 0x43, 0x47, 0x50, 0x70, 0x80, 0xff};
	struct smmu_command c;
	unsigned int i;

	(void)state;
	sm_begin(&all);
	sm_queues_on();
	for (i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		check_illegal(smmu_command_of(opcodes[i], 0));
	/* A Secure stream, CS 3, an answer that there is not. */
	c = smmu_cfgi_ste(1, true);
	smmu_set(c.words, SMMU_COMMAND_SSEC, 1);
	check_illegal(c);
	check_illegal(smmu_sync((enum smmu_sync_signal)3));
	check_illegal(smmu_pri_resp(1, 1, (enum smmu_pri_response)3));
	/* A range of nothing. */
	c = smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_NH_VA, 1, 1), 0, true);
	check_illegal(smmu_tlbi_range(c, SMMU_TLBI_4K, 0, 0, 0));
	check_illegal(smmu_tlbi_range(c, SMMU_TLBI_16K, 0, 0, 1));
	sm_run(smmu_tlbi_range(c, SMMU_TLBI_64K, 0, 0, 1));
	sm_run(smmu_tlbi_range(c, SMMU_TLBI_4K, 1, 0, 0));
	sm_end();
}

static void commands_need_the_features_that_they_are_for(void **state)
{
	struct iommu_model_smmu_config plain = {0};

	(void)state;
	sm_begin(&all);
	plain.idr0 = (uint32_t)(sm_reg(SMMU_IDR0, 4) | smmu_place(SMMU_IDR0_STALL, 1)) &
		     ~(uint32_t)(smmu_field_mask(SMMU_IDR0_PRI) | smmu_field_mask(SMMU_IDR0_ATS) |
				 smmu_field_mask(SMMU_IDR0_S1P) | smmu_field_mask(SMMU_IDR0_HYP));
	plain.idr1 = (uint32_t)sm_reg(SMMU_IDR1, 4);
	plain.idr5 = (uint32_t)sm_reg(SMMU_IDR5, 4) & 0xffff;
	sm_end();
	sm_begin(&plain);
	sm_queues_on();
	check_illegal(smmu_atc_inv(1, 0, 0));
	check_illegal(smmu_pri_resp(1, 1, SMMU_PRI_SUCCESS));
	check_illegal(smmu_resume(1, 1, SMMU_RESUME_RETRY));
	check_illegal(smmu_stall_term(1));
	check_illegal(smmu_cfgi_cd(1, 1, true));
	check_illegal(smmu_cfgi_cd_all(1));
	check_illegal(smmu_tlbi(SMMU_TLBI_NH_ALL, 0, 0));
	check_illegal(smmu_tlbi(SMMU_TLBI_NH_ASID, 0, 0));
	check_illegal(smmu_tlbi(SMMU_TLBI_NH_VA, 0, 0));
	check_illegal(smmu_tlbi(SMMU_TLBI_NH_VAA, 0, 0));
	check_illegal(smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0));
	check_illegal(smmu_tlbi(SMMU_TLBI_EL2_ASID, 0, 0));
	check_illegal(smmu_tlbi(SMMU_TLBI_EL2_VA, 0, 0));
	check_illegal(smmu_tlbi(SMMU_TLBI_EL2_VAA, 0, 0));
	sm_run(smmu_tlbi(SMMU_TLBI_S12_VMALL, 0, 0));
	sm_run(smmu_tlbi(SMMU_TLBI_S2_IPA, 0, 0));
	sm_run(smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0));
	sm_run(smmu_command_for(SMMU_PREFETCH_CONFIG, 1));
	sm_run(smmu_command_for(SMMU_PREFETCH_ADDR, 1));
	sm_end();
	plain.idr0 ^= 3;
	sm_begin(&plain);
	sm_queues_on();
	check_illegal(smmu_tlbi(SMMU_TLBI_S12_VMALL, 0, 0));
	check_illegal(smmu_tlbi(SMMU_TLBI_S2_IPA, 0, 0));
	sm_end();
}

static void commands_that_cannot_be_read(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_set(SMMU_CMDQ_BASE, 8, smmu_queue_base(0x40000000, 8, false));
	sm_enable(SMMU_CR0_CMDQEN);
	sm_interrupts(SMMU_IRQ_GERROR);
	sm_set(SMMU_CMDQ_PROD, 4, 1);
	assert_int_equal(active_errors(), SMMU_GERROR_CMDQ);
	assert_int_equal(command_error(), SMMU_CERROR_ABT);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_ERRORS], 1);
	/* Acknowledged: it tries again at once. */
	acknowledge();
	assert_int_equal(active_errors(), SMMU_GERROR_CMDQ);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_ERRORS], 2);
	sm_end();
}

static void a_device_that_does_not_answer_stops_the_sync(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_queues_on();
	sm.silent = true;
	sm_run(smmu_command_with_ssid(smmu_atc_inv(0x1234, 0x5000, 1), 7));
	assert_int_equal(sm.told_last.type, IOMMU_MODEL_SMMU_DEVICE_TLB);
	assert_int_equal(sm.told_last.first_stream, 0x1234);
	assert_true(sm.told_last.has_substream && !sm.told_last.all_substreams);
	assert_int_equal(sm.told_last.substream, 7);
	assert_int_equal(sm.told_last.address, 0x4000);
	assert_int_equal(sm.told_last.size, 0x2000);
	sm.silent = false;
	sm_submit(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(active_errors(), SMMU_GERROR_CMDQ);
	assert_int_equal(command_error(), SMMU_CERROR_ATC_INV_SYNC);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4) & SMMU_QUEUE_POINTER, 1);
	/* The sync is made anew. */
	acknowledge();
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 2);
	/* All addresses, of all processes. */
	{
		struct smmu_command c =
			smmu_command_with_ssid(smmu_atc_inv(1, 0, SMMU_ATC_SIZE_ALL), 7);

		smmu_set(c.words, SMMU_ATC_GLOBAL, 1);
		sm_run(c);
		assert_int_equal(sm.told_last.size, 0);
		assert_true(sm.told_last.has_range && sm.told_last.all_substreams);
	}
	sm_end();
}

static void syncs_are_signalled(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_queues_on();
	sm_run(smmu_sync_store(SM_FLAG, 0xcafe1234));
	assert_int_equal(sm.messages, 1);
	assert_int_equal(sm.message_address, SM_FLAG);
	assert_int_equal(sm.message_data, 0xcafe1234U);
	/* Without an address: the wire, whatever IRQ_CTRL says. */
	sm_run(smmu_sync(SMMU_SYNC_IRQ));
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_SYNC], 1);
	sm_run(smmu_sync(SMMU_SYNC_SEV));
	assert_int_equal(sm.wakes, 1);
	sm_run(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(sm.messages, 1);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_SYNC], 1);
	/* A message that does not arrive is an error, and the sync is complete. */
	sm.deaf = true;
	sm_run(smmu_sync_store(SM_FLAG, 1));
	assert_int_equal(active_errors(), SMMU_GERROR_MSI_CMDQ);
	/* … which stays active when there is another. */
	sm_run(smmu_sync_store(SM_FLAG, 1));
	assert_int_equal(active_errors(), SMMU_GERROR_MSI_CMDQ);
	acknowledge();
	sm_run(smmu_sync_store(1ULL << 50, 1));
	assert_int_equal(active_errors(), SMMU_GERROR_MSI_CMDQ);
	sm_end();
}

static void a_unit_without_messages_has_wires(void **state)
{
	struct iommu_model_smmu_config plain = {0};

	(void)state;
	sm_begin(&all);
	plain.idr0 = (uint32_t)sm_reg(SMMU_IDR0, 4) &
		     ~(uint32_t)(smmu_field_mask(SMMU_IDR0_MSI) | smmu_field_mask(SMMU_IDR0_SEV));
	plain.idr1 = (uint32_t)sm_reg(SMMU_IDR1, 4);
	plain.idr3 = (uint32_t)sm_reg(SMMU_IDR3, 4);
	plain.idr5 = (uint32_t)sm_reg(SMMU_IDR5, 4);
	sm_end();
	sm_begin(&plain);
	sm_queues_on();
	sm_run(smmu_sync_store(SM_FLAG, 1));
	sm_run(smmu_sync(SMMU_SYNC_SEV));
	assert_int_equal(sm.messages, 0);
	assert_int_equal(sm.wakes, 0);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_SYNC], 1);
	/* LO is there, and messages' registers are not. */
	sm_set(SMMU_PRIQ_IRQ_CFG2, 4, UINT32_MAX);
	assert_int_equal(sm_reg(SMMU_PRIQ_IRQ_CFG2, 4) & SMMU_PRIQ_IRQ_CFG2_LO,
			 SMMU_PRIQ_IRQ_CFG2_LO);
	sm_end();
}

static void syncs_may_take_time(void **state)
{
	const struct iommu_model_smmu_faults slow = {.sync_delay = 2};
	const struct iommu_model_smmu_faults hangs = {.syncs_hang = true};
	const struct iommu_model_smmu_faults none = {0};

	(void)state;
	sm_begin(&all);
	sm_queues_on();
	iommu_model_smmu_misbehave(sm.model, &slow);
	sm_submit(smmu_cfgi_all());
	sm_submit(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 1);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 2);
	iommu_model_smmu_misbehave(sm.model, &hangs);
	sm_submit(smmu_cfgi_all());
	sm_submit(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 3);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 3);
	iommu_model_smmu_misbehave(sm.model, &none);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 4);
	sm_end();
}

static void faulty_units(void **state)
{
	const struct iommu_model_smmu_faults hang = {.commands_hang = true};
	const struct iommu_model_smmu_faults refuse = {.refuse_after = 2};
	const struct iommu_model_smmu_faults unread = {.fetch_fails_after = 1};
	const struct iommu_model_smmu_faults deaf = {.deaf_register = SMMU_CR2};
	const struct iommu_model_smmu_faults lie = {
		.lies = true, .lying_register = SMMU_IDR0, .lie = 5};
	const struct iommu_model_smmu_faults gone = {.gone = true};
	const struct iommu_model_smmu_faults failed = {.fails = true};
	const struct iommu_model_smmu_faults none = {0};

	(void)state;
	sm_begin(&all);
	sm_queues_on();
	iommu_model_smmu_misbehave(sm.model, &hang);
	sm_submit(smmu_cfgi_all());
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 0);
	iommu_model_smmu_misbehave(sm.model, &refuse);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 1);
	sm_submit(smmu_cfgi_all());
	assert_int_equal(command_error(), SMMU_CERROR_ILL);
	acknowledge();
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 2);
	iommu_model_smmu_misbehave(sm.model, &unread);
	sm_submit(smmu_cfgi_all());
	assert_int_equal(command_error(), SMMU_CERROR_ABT);
	acknowledge();
	iommu_model_smmu_misbehave(sm.model, &deaf);
	sm_set(SMMU_CR2, 4, 2);
	assert_int_equal(sm_reg(SMMU_CR2, 4), 0);
	iommu_model_smmu_misbehave(sm.model, &lie);
	assert_int_equal(sm_reg(SMMU_IDR0, 4), 5);
	iommu_model_smmu_misbehave(sm.model, &gone);
	assert_int_equal(sm_reg(SMMU_CR0, 4), UINT32_MAX);
	assert_int_equal(sm_reg(SMMU_STRTAB_BASE, 8), UINT64_MAX);
	sm_set(SMMU_CR0, 4, 0);
	iommu_model_smmu_misbehave(sm.model, &none);
	assert_int_equal(sm_reg(SMMU_CR0, 4),
			 SMMU_CR0_CMDQEN | SMMU_CR0_EVENTQEN | SMMU_CR0_PRIQEN);
	/* A unit that has failed does nothing more, acknowledged or not. */
	iommu_model_smmu_misbehave(sm.model, &failed);
	assert_int_equal(active_errors(), SMMU_GERROR_SFM);
	sm_submit(smmu_cfgi_all());
	acknowledge();
	assert_int_equal(active_errors(), SMMU_GERROR_SFM);
	assert_int_equal(sm_reg(SMMU_CMDQ_CONS, 4), 3);
	sm_end();
}

static void a_lazy_unit_waits_for_the_sync(void **state)
{
	const struct iommu_model_smmu_config lazy = {.strict = IOMMU_MODEL_SMMU_LAZY};
	unsigned int i;

	(void)state;
	sm_begin(&lazy);
	sm_queues_on();
	for (i = 0; i < 3; i++)
		sm_run(smmu_cfgi_ste(i, true));
	assert_int_equal(sm.told, 0);
	sm_run(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(sm.told, 3);
	assert_int_equal(sm.told_last.first_stream, 2);
	/* Not for ever. */
	for (i = 0; i < 40; i++)
		sm_run(smmu_cfgi_ste(i, true));
	assert_int_equal(sm.told, 3 + 8);
	sm_end();
}

static void an_unordered_unit_executes_the_newest_first(void **state)
{
	const struct iommu_model_smmu_config unordered = {.strict = IOMMU_MODEL_SMMU_UNORDERED};
	unsigned int i;

	(void)state;
	sm_begin(&unordered);
	sm_queues_on();
	for (i = 5; i < 8; i++)
		sm_run(smmu_cfgi_ste(i, true));
	assert_int_equal(sm.told, 0);
	sm_run(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(sm.told, 3);
	assert_int_equal(sm.told_last.first_stream, 5);
	/* Nothing is executed twice. */
	sm_run(smmu_sync(SMMU_SYNC_NONE));
	assert_int_equal(sm.told, 3);
	sm_end();
}

static void errors_are_acknowledged_one_by_one(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_queues_on();
	/* An acknowledgement of nothing does nothing. */
	sm_set(SMMU_GERRORN, 4, SMMU_GERROR_EVENTQ_ABT);
	assert_int_equal(sm.misuses, 1);
	assert_int_equal(sm_reg(SMMU_GERRORN, 4), 0);
	sm_submit(smmu_command_of(0, 0));
	assert_int_equal(active_errors(), SMMU_GERROR_CMDQ);
	/* A second toggle waits for the acknowledgement. */
	assert_int_equal(sm_reg(SMMU_GERROR, 4), 1);
	sm_set(SMMU_GERRORN, 4, 0);
	assert_int_equal(active_errors(), SMMU_GERROR_CMDQ);
	acknowledge();
	assert_int_equal(sm_reg(SMMU_GERROR, 4), 0);
	assert_int_equal(active_errors(), SMMU_GERROR_CMDQ);
	sm_end();
}

static void more_commands_than_there_are_places(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_queues_on();
	memset(sm.memory + SM_COMMANDS, 0, 4096);
	sm_set(SMMU_CMDQ_PROD, 4, 300);
	assert_int_equal(sm.misuses, 1);
	assert_int_equal(active_errors(), SMMU_GERROR_CMDQ);
	sm_end();
}

/* --- Events ----------------------------------------------------------------------------------- */

static unsigned int bad_stream(uint32_t stream)
{
	const struct iommu_model_smmu_request request = {.stream = stream, .address = VA};

	return sm_ask(&request);
}

static void events_make_one_interrupt(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_unit_on();
	sm_set(SMMU_EVENTQ_IRQ_CFG0, 8, 0x9000);
	sm_set(SMMU_EVENTQ_IRQ_CFG1, 4, 0x55);
	bad_stream(300);
	assert_int_equal(sm.messages, 0);
	sm_event();
	sm_interrupts(SMMU_IRQ_EVENTQ);
	bad_stream(300);
	assert_int_equal(sm.messages, 1);
	assert_int_equal(sm.message_address, 0x9000);
	assert_int_equal(sm.message_data, 0x55);
	/* Not again before it was empty. */
	bad_stream(301);
	assert_int_equal(sm.messages, 1);
	sm_event();
	bad_stream(302);
	assert_int_equal(sm.messages, 1);
	sm_event();
	sm_event();
	bad_stream(303);
	assert_int_equal(sm.messages, 2);
	/* A message that does not arrive. */
	sm_event();
	sm.deaf = true;
	bad_stream(303);
	assert_int_equal(active_errors(), SMMU_GERROR_MSI_EVENTQ);
	sm_end();
}

static void events_that_find_no_room_are_lost(void **state)
{
	unsigned int i;

	(void)state;
	sm_begin(&all);
	sm_unit_on();
	for (i = 0; i < 128; i++)
		bad_stream(300 + i);
	assert_int_equal(sm_events(), 128);
	assert_int_equal(sm_reg(SMMU_EVENTQ_PROD, 4), 128);
	bad_stream(500);
	assert_int_equal(sm_reg(SMMU_EVENTQ_PROD, 4), 128 | SMMU_QUEUE_OVERFLOW);
	/* Once, until the driver says that it knows; it goes on when there is room. */
	bad_stream(501);
	assert_int_equal(sm_reg(SMMU_EVENTQ_PROD, 4), 128 | SMMU_QUEUE_OVERFLOW);
	assert_int_equal(sm_event().words[0] >> 32, 300);
	bad_stream(502);
	assert_int_equal(sm_reg(SMMU_EVENTQ_PROD, 4), 129 | SMMU_QUEUE_OVERFLOW);
	sm_set(SMMU_EVENTQ_CONS, 4, 129 | SMMU_QUEUE_OVERFLOW);
	assert_int_equal(sm_events(), 0);
	for (i = 0; i < 129; i++)
		bad_stream(300 + i);
	assert_int_equal(sm_reg(SMMU_EVENTQ_PROD, 4), 1);
	sm_end();
}

static void events_that_cannot_be_written(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_unit_on();
	sm_interrupts(SMMU_IRQ_GERROR | SMMU_IRQ_EVENTQ);
	sm.broken_first = SM_EVENTS;
	sm.broken_last = SM_EVENTS + 31;
	bad_stream(300);
	assert_int_equal(active_errors(), SMMU_GERROR_EVENTQ_ABT);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_ERRORS], 1);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_EVENTS], 0);
	assert_int_equal(sm_reg(SMMU_EVENTQ_PROD, 4), 0);
	/* Nothing is written until that is acknowledged. */
	sm.broken_last = 0;
	bad_stream(301);
	assert_int_equal(sm_events(), 0);
	acknowledge();
	bad_stream(302);
	assert_int_equal(sm_events(), 1);
	assert_int_equal(sm_event().words[0] >> 32, 302);
	sm_end();
}

static void a_consumer_that_makes_no_sense_leaves_no_room(void **state)
{
	(void)state;
	sm_begin(&all);
	sm_unit_on();
	sm_set(SMMU_EVENTQ_CONS, 4, 64);
	bad_stream(300);
	assert_int_equal(sm_reg(SMMU_EVENTQ_PROD, 4) & SMMU_QUEUE_POINTER, 0);
	/* Of a queue that is off nothing is written. */
	sm_set(SMMU_EVENTQ_CONS, 4, 0);
	sm_disable(SMMU_CR0_EVENTQEN);
	bad_stream(300);
	assert_int_equal(sm_events(), 0);
	sm_end();
}

/* --- Page requests ---------------------------------------------------------------------------- */

static struct iommu_model_smmu_page_message page_message(void)
{
	return (struct iommu_model_smmu_page_message){
		.stream = SM_STREAM,
		.has_substream = true,
		.substream = SM_SUBSTREAM,
		.privileged = true,
		.execute = true,
		.address = 0xabcdef123456789aULL,
		.access = IOMMU_PROT_READ | IOMMU_PROT_WRITE,
		.group = 0x155,
		.is_last = true,
	};
}

static void page_requests_are_queued(void **state)
{
	struct iommu_model_smmu_page_message message = page_message();

	(void)state;
	sm_begin(&all);
	sm_unit_on();
	sm_interrupts(SMMU_IRQ_PRIQ);
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), 0);
	assert_int_equal(sm_look(SM_REQUESTS),
			 (uint64_t)SM_STREAM | (uint64_t)SM_SUBSTREAM << 32 | 0x3fULL << 58);
	assert_int_equal(sm_look(SM_REQUESTS + 8), 0xabcdef1234567000ULL | 0x155);
	assert_int_equal(sm_reg(SMMU_PRIQ_PROD, 4), 1);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_REQUESTS], 1);
	message.has_substream = message.is_last = false;
	message.access = IOMMU_PROT_READ;
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), 0);
	assert_int_equal(sm_look(SM_REQUESTS + 16), (uint64_t)SM_STREAM | 1ULL << 60);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_REQUESTS], 1);
	assert_int_equal(sm.answers, 0);
	/* The driver's answers. */
	sm_run(smmu_command_with_ssid(smmu_pri_resp(SM_STREAM, 0x155, SMMU_PRI_SUCCESS), 9));
	assert_int_equal(sm.answers, 1);
	assert_int_equal(sm.answer_last.stream, SM_STREAM);
	assert_true(sm.answer_last.has_substream);
	assert_int_equal(sm.answer_last.substream, 9);
	assert_int_equal(sm.answer_last.group, 0x155);
	assert_int_equal(sm.answer_last.code, 0);
	sm_run(smmu_pri_resp(SM_STREAM, 3, SMMU_PRI_INVALID));
	assert_int_equal(sm.answer_last.code, 1);
	sm_run(smmu_pri_resp(SM_STREAM, 3, SMMU_PRI_FAILURE));
	assert_int_equal(sm.answer_last.code, 15);
	assert_false(sm.answer_last.has_substream);
	sm_end();
}

static void an_interrupt_for_the_last_of_a_group(void **state)
{
	struct iommu_model_smmu_page_message message = page_message();

	(void)state;
	sm_begin(&all);
	sm_unit_on();
	sm_set(SMMU_PRIQ_IRQ_CFG2, 4, SMMU_PRIQ_IRQ_CFG2_LO);
	sm_interrupts(SMMU_IRQ_PRIQ);
	message.is_last = false;
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), 0);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_REQUESTS], 0);
	message.is_last = true;
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), 0);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_REQUESTS], 1);
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), 0);
	assert_int_equal(sm.edges[IOMMU_MODEL_SMMU_WIRE_REQUESTS], 2);
	sm_end();
}

static void page_requests_that_find_no_room_are_answered(void **state)
{
	struct iommu_model_smmu_page_message message = page_message();
	struct smmu_ste ste = sm_ste(SMMU_STE_BYPASS);
	unsigned int i;

	(void)state;
	sm_begin(&all);
	sm_unit_on();
	for (i = 0; i < 256; i++)
		assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), 0);
	/* Success without the PASID, or with it, as the stream says; of an invalid one, failure. */
	sm_stream(SM_STREAM, &ste);
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), IOMMU_ENOSPC);
	assert_int_equal(sm_reg(SMMU_PRIQ_PROD, 4), 256 | SMMU_QUEUE_OVERFLOW);
	assert_int_equal(sm.answers, 1);
	assert_int_equal(sm.answer_last.code, 0);
	assert_int_equal(sm.answer_last.group, 0x155);
	assert_false(sm.answer_last.has_substream);
	smmu_set(ste.words, SMMU_STE_PPAR, 1);
	sm_stream(SM_STREAM, &ste);
	sm_run(smmu_cfgi_all());
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), IOMMU_ENOSPC);
	assert_true(sm.answer_last.has_substream && sm.answer_last.substream == SM_SUBSTREAM);
	smmu_set(ste.words, SMMU_STE_V, 0);
	sm_stream(SM_STREAM, &ste);
	sm_run(smmu_cfgi_all());
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), IOMMU_ENOSPC);
	assert_int_equal(sm.answer_last.code, 15);
	assert_false(sm.answer_last.has_substream);
	assert_int_equal(sm_events(), 0);
	assert_int_equal(sm.answers, 3);
	/* Others of a group are dropped, and so are stop markers. */
	message.is_last = false;
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), IOMMU_ENOSPC);
	message.is_last = true;
	message.access = 0;
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), IOMMU_ENOSPC);
	assert_int_equal(sm.answers, 3);
	/* Room alone is not enough. */
	message = page_message();
	message.has_substream = false;
	sm_set(SMMU_PRIQ_CONS, 4, 256);
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), IOMMU_ENOSPC);
	assert_int_equal(sm.answer_last.code, 0);
	sm_set(SMMU_PRIQ_CONS, 4, 256 | SMMU_QUEUE_OVERFLOW);
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), 0);
	sm_end();
}

static void page_requests_without_a_queue_fail(void **state)
{
	struct iommu_model_smmu_page_message message = page_message();

	(void)state;
	sm_begin(&all);
	sm_queues_on();
	/* PRIQEN without SMMUEN is none. */
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), IOMMU_EFAULT);
	assert_int_equal(sm.answers, 1);
	assert_int_equal(sm.answer_last.code, 15);
	assert_false(sm.answer_last.has_substream);
	sm_enable(SMMU_CR0_SMMUEN);
	sm.broken_first = SM_REQUESTS;
	sm.broken_last = SM_REQUESTS + 15;
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), IOMMU_EFAULT);
	assert_int_equal(active_errors(), SMMU_GERROR_PRIQ_ABT);
	assert_int_equal(sm.answers, 2);
	sm.broken_last = 0;
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), IOMMU_EFAULT);
	acknowledge();
	assert_int_equal(iommu_model_smmu_page_request(sm.model, &message), 0);
	sm_end();
}

/* --- Stalls ----------------------------------------------------------------------------------- */

static unsigned int stall_at(uint64_t address)
{
	const struct iommu_model_smmu_request request = {
		.stream = SM_STREAM, .address = address, .may_stall = true};

	return sm_ask(&request);
}

static void begin_stalling(void)
{
	const struct smmu_ste ste = sm_ste(SMMU_STE_STAGE_1);
	struct smmu_cd cd = sm_cd();

	sm_begin(&all);
	sm_unit_on();
	smmu_set(cd.words, SMMU_CD_S, 1);
	smmu_set(cd.words, SMMU_CD_R, 0);
	sm_stream(SM_STREAM, &ste);
	sm_context(0, &cd);
}

static size_t stalled(void)
{
	struct iommu_model_smmu_stats stats;

	iommu_model_smmu_get_stats(sm.model, &stats);
	return stats.stalled;
}

static void requests_stall_until_they_are_resumed(void **state)
{
	struct smmu_event event;

	(void)state;
	begin_stalling();
	assert_int_equal(stall_at(VA), SMMU_F_TRANSLATION);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_STALLED);
	assert_int_equal(sm_result.tag, 0);
	assert_int_equal(stall_at(VA + 0x1000), SMMU_F_TRANSLATION);
	assert_int_equal(sm_result.tag, 1);
	event = sm_event();
	assert_int_equal(event.words[1], 1ULL << 31 | 1ULL << 35 | 2ULL << 40);
	event = sm_event();
	assert_int_equal(event.words[1], 1 | 1ULL << 31 | 1ULL << 35 | 2ULL << 40);
	assert_int_equal(event.words[2], VA + 0x1000);
	assert_int_equal(stalled(), 2);
	/* Another stream, another tag: nothing. */
	sm_run(smmu_resume(SM_STREAM + 1, 1, SMMU_RESUME_RETRY));
	sm_run(smmu_resume(SM_STREAM, 2, SMMU_RESUME_RETRY));
	sm_run(smmu_resume(SM_STREAM, 0xffff, SMMU_RESUME_RETRY));
	assert_int_equal(sm.resumptions, 0);
	assert_int_equal(sm.misuses, 3);
	sm_run(smmu_resume(SM_STREAM, 1, SMMU_RESUME_RETRY));
	assert_int_equal(sm.resumptions, 1);
	assert_int_equal(sm.resumed_stream, SM_STREAM);
	assert_int_equal(sm.resumed_tag, 1);
	assert_int_equal(sm.resumed_how, IOMMU_MODEL_SMMU_RETRY);
	sm_run(smmu_resume(SM_STREAM, 0, SMMU_RESUME_TERMINATE));
	assert_int_equal(sm.resumed_how, IOMMU_MODEL_SMMU_END_UNANSWERED);
	assert_int_equal(stall_at(VA), SMMU_F_TRANSLATION);
	assert_int_equal(sm_result.tag, 0);
	sm_run(smmu_resume(SM_STREAM, 0, SMMU_RESUME_ABORT));
	assert_int_equal(sm.resumed_how, IOMMU_MODEL_SMMU_END_ABORTED);
	assert_int_equal(stalled(), 0);
	sm_end();
}

static void stalls_of_a_stream_are_ended(void **state)
{
	unsigned int i;

	(void)state;
	begin_stalling();
	for (i = 0; i < 3; i++)
		stall_at(VA);
	sm_run(smmu_stall_term(SM_STREAM + 1));
	assert_int_equal(sm.resumptions, 0);
	sm_run(smmu_stall_term(SM_STREAM));
	assert_int_equal(sm.resumptions, 3);
	assert_int_equal(sm.resumed_how, IOMMU_MODEL_SMMU_END_ABORTED);
	/* So does turning the unit off. */
	for (i = 0; i < 2; i++)
		stall_at(VA);
	sm_disable(SMMU_CR0_SMMUEN);
	assert_int_equal(sm.resumptions, 5);
	assert_int_equal(sm.resumed_how, IOMMU_MODEL_SMMU_END_ABORTED);
	sm_end();
}

static void stalls_without_a_record_are_tried_again(void **state)
{
	unsigned int i;

	(void)state;
	begin_stalling();
	for (i = 0; i < 128; i++)
		bad_stream(300 + i);
	assert_int_equal(stall_at(VA), SMMU_F_TRANSLATION);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_STALLED);
	/* Nothing is lost, so that nothing overflows; it cannot be resumed. */
	assert_int_equal(sm_reg(SMMU_EVENTQ_PROD, 4), 128);
	sm_run(smmu_resume(SM_STREAM, 0, SMMU_RESUME_RETRY));
	assert_int_equal(sm.resumptions, 0);
	sm_event();
	assert_int_equal(sm.resumptions, 1);
	assert_int_equal(sm.resumed_how, IOMMU_MODEL_SMMU_RETRY);
	assert_int_equal(stalled(), 0);
	sm_end();
}

static void too_many_stalls_are_aborted(void **state)
{
	unsigned int i;

	(void)state;
	begin_stalling();
	for (i = 0; i < IOMMU_MODEL_SMMU_STALLS_MAX; i++) {
		assert_int_equal(stall_at(VA), SMMU_F_TRANSLATION);
		assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_STALLED);
		assert_int_equal(sm_result.tag, i);
		sm_event();
	}
	assert_int_equal(stall_at(VA), SMMU_F_TRANSLATION);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	assert_int_equal(sm_event().words[1], 1ULL << 35 | 2ULL << 40);
	/* An emulator that cannot stall a request aborts it, and it is recorded. */
	assert_int_equal(sm_reach(VA, IOMMU_PROT_READ), SMMU_F_TRANSLATION);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	assert_int_equal(sm_events(), 1);
	sm_end();
}

static void stage_2_may_stall(void **state)
{
	struct smmu_ste ste = sm_ste(SMMU_STE_STAGE_2);

	(void)state;
	sm_begin(&all);
	sm_unit_on();
	smmu_set(ste.words, SMMU_STE_S2S, 1);
	sm_stream(SM_STREAM, &ste);
	assert_int_equal(stall_at(VA), SMMU_F_TRANSLATION);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_STALLED);
	assert_int_equal(sm_event().words[1], 1ULL << 31 | 1ULL << 35 | 1ULL << 39 | 2ULL << 40);
	/* What no stage has is not stalled. */
	assert_int_equal(stall_at(1ULL << 50), SMMU_F_ADDR_SIZE);
	assert_int_equal(sm_result.answer, IOMMU_MODEL_SMMU_ABORTED);
	sm_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_have_their_reset_values),
		cmocka_unit_test(a_unit_may_have_stage_1_alone),
		cmocka_unit_test(accesses_are_of_one_register),
		cmocka_unit_test(a_wide_register_is_written_by_halves),
		cmocka_unit_test(fields_keep_what_the_unit_has),
		cmocka_unit_test(a_unit_without_a_feature_has_no_registers_of_it),
		cmocka_unit_test(registers_are_fixed_while_they_are_used),
		cmocka_unit_test(acknowledgements_may_take_time),
		cmocka_unit_test(the_host_is_told_before_the_guest_sees_the_unit_on),
		cmocka_unit_test(commands_run_in_order_and_wrap),
		cmocka_unit_test(commands_wait_for_their_queue),
		cmocka_unit_test(illegal_commands_stop_the_queue),
		cmocka_unit_test(commands_need_the_features_that_they_are_for),
		cmocka_unit_test(commands_that_cannot_be_read),
		cmocka_unit_test(a_device_that_does_not_answer_stops_the_sync),
		cmocka_unit_test(syncs_are_signalled),
		cmocka_unit_test(a_unit_without_messages_has_wires),
		cmocka_unit_test(syncs_may_take_time),
		cmocka_unit_test(faulty_units),
		cmocka_unit_test(a_lazy_unit_waits_for_the_sync),
		cmocka_unit_test(an_unordered_unit_executes_the_newest_first),
		cmocka_unit_test(errors_are_acknowledged_one_by_one),
		cmocka_unit_test(more_commands_than_there_are_places),
		cmocka_unit_test(events_make_one_interrupt),
		cmocka_unit_test(events_that_find_no_room_are_lost),
		cmocka_unit_test(events_that_cannot_be_written),
		cmocka_unit_test(a_consumer_that_makes_no_sense_leaves_no_room),
		cmocka_unit_test(page_requests_are_queued),
		cmocka_unit_test(an_interrupt_for_the_last_of_a_group),
		cmocka_unit_test(page_requests_that_find_no_room_are_answered),
		cmocka_unit_test(page_requests_without_a_queue_fail),
		cmocka_unit_test(requests_stall_until_they_are_resumed),
		cmocka_unit_test(stalls_of_a_stream_are_ended),
		cmocka_unit_test(stalls_without_a_record_are_tried_again),
		cmocka_unit_test(too_many_stalls_are_aborted),
		cmocka_unit_test(stage_2_may_stall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
