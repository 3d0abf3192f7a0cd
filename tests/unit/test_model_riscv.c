/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V model's registers, queues and interrupts, by the rules of the specification's chapters
 * 3 and 5 (numbers of version 1.0.0).
 */
#include "bare_riscv.h"

#include <string.h>

#include "test.h"

static const struct iommu_model_riscv_config all = {.capabilities = RV_ALL};

/* --- Registers: access ------------------------------------------------------------------------ */

static void registers_have_their_reset_values(void **state)
{
	(void)state;
	rv_begin(&all);
	assert_int_equal(rv_reg(RISCV_CAPABILITIES, 8), RV_ALL | 56ULL << 32 | 0x10);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), RISCV_DDTP_OFF);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), 0);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4), 0);
	assert_int_equal(rv_reg(RISCV_PQCSR, 4), 0);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), 0);
	assert_int_equal(rv_reg(RISCV_TR_REQ_CTL, 8) & 1, 0);
	assert_int_equal(rv.misuses, 0);
	rv_end();
}

static void a_zero_configuration_is_a_unit_for_drivers(void **state)
{
	const struct iommu_model_riscv_config nothing = {0};

	(void)state;
	rv_begin(&nothing);
	assert_int_equal(rv_reg(RISCV_CAPABILITIES, 8) & 0xff, 0x10);
	assert_int_equal(riscv_cap_physical_bits(rv_reg(RISCV_CAPABILITIES, 8)), 56);
	assert_true((rv_reg(RISCV_CAPABILITIES, 8) & RISCV_CAP_SV57X4) != 0);
	assert_true((rv_reg(RISCV_CAPABILITIES, 8) & RISCV_CAP_AMO_HWAD) != 0);
	assert_true((rv_reg(RISCV_CAPABILITIES, 8) & RISCV_CAP_ATS) != 0);
	rv_end();
}

static void accesses_are_of_one_register(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned int size;
	} wrong[] = {
		{RISCV_CAPABILITIES, 2},
		{RISCV_CAPABILITIES, 1},
		{RISCV_CAPABILITIES + 2, 4},
		{RISCV_CAPABILITIES + 4, 8},
		{RISCV_FCTL, 8},
		{RISCV_CQH, 8},
		{RISCV_CQCSR, 8},
		{4096, 4},
		{4092, 8},
		{0xfffffffcU, 4},
	};
	unsigned int i;

	(void)state;
	rv_begin(&all);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(rv_reg(wrong[i].offset, wrong[i].size), 0);
		assert_int_equal(rv.misuses, 2 * i + 1);
		rv_set(wrong[i].offset, wrong[i].size, UINT64_MAX);
		assert_int_equal(rv.misuses, 2 * i + 2);
	}
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), 0);
	rv_end();
}

static void a_wide_register_is_written_by_halves(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_set(RISCV_CQB + 4, 4, 0x00123456);
	rv_set(RISCV_CQB, 4, 0x789abc00 | 7);
	assert_int_equal(rv_reg(RISCV_CQB, 8), 0x00123456789abc07ULL);
	assert_int_equal(rv_reg(RISCV_CQB, 4), 0x789abc07);
	assert_int_equal(rv_reg(RISCV_CQB + 4, 4), 0x00123456);
	/* ddtp: the low half has the mode, and takes effect. */
	rv_set(RISCV_DDTP + 4, 4, 0x3);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), 0x300000000ULL);
	rv_set(RISCV_DDTP, 4, RV_ROOT >> 2 | RISCV_DDTP_2LVL);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), 0x300000000ULL | RV_ROOT >> 2 | RISCV_DDTP_2LVL);
	assert_int_equal(rv.misuses, 0);
	rv_end();
}

/* What all ones leave in a register. */
static void fields_keep_what_the_unit_has(void **state)
{
	const struct iommu_model_riscv_config small = {
		.capabilities = RISCV_CAP_SV39 | RISCV_CAP_HPM | 40ULL << 32,
		.vectors = 2,
		.counters = 3,
		.counter_bits = 50,
		.queue_max = 10,
		.levels = 1 << 1 | 1 << 3,
	};
	static const struct {
		uint32_t offset;
		unsigned int size;
		uint64_t kept;
	} cases[] = {
		{RISCV_CAPABILITIES, 8, RISCV_CAP_SV39 | RISCV_CAP_HPM | 40ULL << 32 | 0x10},
		{RISCV_FCTL, 4, 0},
		{RISCV_CQB, 8, 0x003ffffffffffc00ULL | 9},
		{RISCV_CQH, 4, 0},
		{RISCV_CQT, 4, 0x3ff},
		{RISCV_FQT, 4, 0},
		/* Not there without ATS, DBG and QOSID. */
		{RISCV_PQB, 8, 0},
		{RISCV_PQH, 4, 0},
		{RISCV_PQCSR, 4, 0},
		{RISCV_TR_REQ_IOVA, 8, 0},
		{RISCV_TR_REQ_CTL, 8, 0},
		{RISCV_IOMMU_QOSID, 4, 0},
		{RISCV_ICVEC, 8, 0x1111},
		{RISCV_MSI_CFG_TBL, 8, 0x00fffffffffffffcULL},
		{RISCV_MSI_CFG_TBL + 8, 4, 0xffffffff},
		{RISCV_MSI_CFG_TBL + 12, 4, 1},
		{RISCV_MSI_CFG_TBL + 32, 8, 0},
		{RISCV_IOCOUNTINH, 4, 0xf},
		{RISCV_IOHPMCYCLES, 8, RISCV_CYCLES_OVERFLOW | 0x3ffffffffffffULL},
		{RISCV_IOHPMCTR + 16, 8, 0x3ffffffffffffULL},
		{RISCV_IOHPMCTR + 24, 8, 0},
		{RISCV_IOHPMEVT + 16, 8, 0xffffffffffff8000ULL},
		{RISCV_IOHPMEVT + 24, 8, 0},
		{RISCV_IPSR, 4, 0},
		{0x2b0, 8, 0},
		{0x400, 8, 0},
	};
	unsigned int i;

	(void)state;
	rv_begin(&small);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rv_set(cases[i].offset, cases[i].size, UINT64_MAX);
		if (rv_reg(cases[i].offset, cases[i].size) != cases[i].kept)
			fail_msg("register %#x: %#llx", cases[i].offset,
				 (unsigned long long)rv_reg(cases[i].offset, cases[i].size));
	}
	/* Of ddtp the modes that there are. */
	rv_set(RISCV_DDTP, 8, UINT64_MAX);
	assert_int_equal(rv_reg(RISCV_DDTP, 8) & 0xf, RISCV_DDTP_OFF);
	rv_set(RISCV_DDTP, 8, riscv_ddtp(RISCV_DDTP_2LVL, RV_ROOT));
	assert_int_equal(rv_reg(RISCV_DDTP, 8) & 0xf, RISCV_DDTP_OFF);
	rv_set(RISCV_DDTP, 8, riscv_ddtp(RISCV_DDTP_3LVL, RV_ROOT));
	assert_int_equal(rv_reg(RISCV_DDTP, 8), riscv_ddtp(RISCV_DDTP_3LVL, RV_ROOT));
	rv_end();
}

/* Each register has its own bits, whatever is in the others, as a whole and by halves. */
static void registers_are_apart(void **state)
{
	static const struct {
		uint32_t offset;
		unsigned int size, count, step;
		uint64_t bits;
	} registers[] = {
		{RISCV_IOCOUNTINH, 4, 1, 0, UINT32_MAX},
		{RISCV_CQB, 8, 3, 16, 0x003ffffffffffc1fULL},
		{RISCV_IOHPMCYCLES, 8, 1, 0, UINT64_MAX},
		{RISCV_IOHPMCTR, 8, 31, 8, UINT64_MAX},
		{RISCV_IOHPMEVT, 8, 31, 8, ~0x7ff8ULL},
		{RISCV_TR_REQ_IOVA, 8, 1, 0, ~0xfffULL},
		{RISCV_IOMMU_QOSID, 4, 1, 0, 0x0fff0fff},
		{RISCV_ICVEC, 8, 1, 0, 0xffff},
		{RISCV_MSI_CFG_TBL, 8, 16, 16, 0x00fffffffffffffcULL},
		{RISCV_MSI_CFG_TBL + 8, 4, 16, 16, UINT32_MAX},
		{RISCV_MSI_CFG_TBL + 12, 4, 16, 16, 1},
	};
	struct iommu_model_riscv_config config = all;
	static uint64_t expected[4096 / 4];
	static bool is_register[4096 / 4];
	unsigned int round, i, n;
	uint32_t offset;

	(void)state;
	config.vectors = 16;
	rv_begin(&config);
	/* Counters stand still first. */
	rv_set(RISCV_IOCOUNTINH, 4, UINT32_MAX);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
			for (n = 0; n < registers[i].count; n++) {
				uint64_t value;

				offset = registers[i].offset + n * registers[i].step;
				value = (offset + 1) * (0x9e3779b97f4a7c15ULL + 2 * round) &
					registers[i].bits;
				if (registers[i].offset == RISCV_IOCOUNTINH)
					value = UINT32_MAX;
				expected[offset / 4] = (uint32_t)value;
				is_register[offset / 4] = true;
				if (registers[i].size == 4) {
					rv_set(offset, 4, value);
					continue;
				}
				expected[offset / 4 + 1] = value >> 32;
				is_register[offset / 4 + 1] = true;
				if (round == 0)
					rv_set(offset, 8, value);
				if (round == 1)
					rv_set(offset, 4, (uint32_t)value);
				if (round == 1)
					rv_set(offset + 4, 4, value >> 32);
				if (round == 2)
					rv_set(offset + 4, 4, value >> 32);
				if (round == 2)
					rv_set(offset, 4, (uint32_t)value);
			}
		for (offset = 0; offset < 4096; offset += 4)
			if (is_register[offset / 4] && rv_reg(offset, 4) != expected[offset / 4])
				fail_msg("register %#x", offset);
		for (offset = RISCV_IOHPMCYCLES; offset < RISCV_TR_REQ_CTL; offset += 8)
			assert_int_equal(rv_reg(offset, 8),
					 expected[offset / 4] | expected[offset / 4 + 1] << 32);
	}
	/* Where there is none nothing is read, and nothing kept. */
	assert_int_equal(rv.misuses, 0);
	for (offset = RISCV_MSI_CFG_TBL + 16 * 16; offset < 4096; offset += 4) {
		rv_set(offset, 4, UINT32_MAX);
		assert_int_equal(rv_reg(offset, 4), 0);
	}
	for (offset = RISCV_IOMMU_QOSID + 4; offset < RISCV_ICVEC; offset += 4) {
		rv_set(offset, 4, UINT32_MAX);
		assert_int_equal(rv_reg(offset, 4), 0);
	}
	for (offset = 0; offset < 4096; offset += 4)
		if (is_register[offset / 4] && rv_reg(offset, 4) != expected[offset / 4])
			fail_msg("register %#x", offset);
	rv_end();
}

/* --- fctl ------------------------------------------------------------------------------------- */

static uint64_t fctl_of(uint64_t capabilities, uint32_t fctl, uint32_t fixed, uint32_t written)
{
	const struct iommu_model_riscv_config config = {
		.capabilities = capabilities, .fctl = fctl, .fctl_fixed = fixed};
	uint64_t value;

	rv_begin(&config);
	rv_set(RISCV_FCTL, 4, written);
	value = rv_reg(RISCV_FCTL, 4);
	rv_end();
	return value;
}

static void fctl_follows_the_capabilities(void **state)
{
	const uint64_t sv39 = RISCV_CAP_SV39, narrow = RISCV_CAP_SV32 | RISCV_CAP_SV32X4;
	const uint64_t both = sv39 | RISCV_CAP_SV39X4 | narrow;

	(void)state;
	assert_int_equal(fctl_of(sv39, 0, 0, 7), 0);
	assert_int_equal(fctl_of(sv39, 1, 0, 0), RISCV_FCTL_BE); /* only big-endian */
	assert_int_equal(fctl_of(sv39 | RISCV_CAP_END, 1, 0, 0), 0);
	assert_int_equal(fctl_of(sv39 | RISCV_CAP_END, 0, 0, 1), RISCV_FCTL_BE);
	assert_int_equal(fctl_of(sv39 | RISCV_CAP_END, 0, 1, 1), 0);
	assert_int_equal(fctl_of(sv39 | 1ULL << 28, 0, 0, 0), RISCV_FCTL_WSI);
	assert_int_equal(fctl_of(sv39 | 2ULL << 28, 0, 0, 2), RISCV_FCTL_WSI);
	assert_int_equal(fctl_of(sv39 | 2ULL << 28, 2, 0, 0), 0);
	assert_int_equal(fctl_of(narrow, 0, 0, 0), RISCV_FCTL_GXL);
	assert_int_equal(fctl_of(both, 0, 0, 4), RISCV_FCTL_GXL);
	assert_int_equal(fctl_of(both, 4, 4, 0), RISCV_FCTL_GXL);
	assert_int_equal(fctl_of(both, 0, 4, 4), 0);
}

static void fctl_changes_only_while_all_is_off(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv_set(RISCV_FCTL, 4, RISCV_FCTL_BE);
	assert_int_equal(rv_reg(RISCV_FCTL, 4), 0);
	assert_int_equal(rv.misuses, 1);
	rv_set(RISCV_CQCSR, 4, 0);
	rv_set(RISCV_FQCSR, 4, 0);
	rv_set(RISCV_PQCSR, 4, 0);
	rv_set(RISCV_FCTL, 4, RISCV_FCTL_BE);
	assert_int_equal(rv_reg(RISCV_FCTL, 4), RISCV_FCTL_BE);
	rv_set(RISCV_DDTP, 8, RISCV_DDTP_BARE);
	rv_set(RISCV_FCTL, 4, 0);
	assert_int_equal(rv_reg(RISCV_FCTL, 4), RISCV_FCTL_BE);
	assert_int_equal(rv.misuses, 2);
	rv_end();
}

/* Nor while one of them is still going off, or on. */
static void fctl_does_not_change_while_something_is_busy(void **state)
{
	static const uint32_t controls[] = {RISCV_CQCSR, RISCV_FQCSR, RISCV_PQCSR};
	const struct iommu_model_riscv_faults slow = {.stays_busy = true}, none = {0};
	unsigned int i, on;

	(void)state;
	for (i = 0; i < 4; i++)
		for (on = 0; on < 2; on++) {
			rv_begin(&all);
			if (i < 3) {
				rv_set(RISCV_CQB, 8, riscv_queue_base(RV_COMMANDS, 8));
				rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 7));
				rv_set(RISCV_PQB, 8, riscv_queue_base(RV_REQUESTS, 8));
				if (on == 0)
					rv_set(controls[i], 4, RISCV_QUEUE_ENABLE);
			} else if (on == 0) {
				rv_set(RISCV_DDTP, 8, RISCV_DDTP_BARE);
			}
			iommu_model_riscv_misbehave(rv.model, &slow);
			if (i < 3)
				rv_set(controls[i], 4, on != 0 ? RISCV_QUEUE_ENABLE : 0);
			else
				rv_set(RISCV_DDTP, 8, on != 0 ? RISCV_DDTP_BARE : RISCV_DDTP_OFF);
			assert_int_equal(rv.misuses, 0);
			rv_set(RISCV_FCTL, 4, RISCV_FCTL_BE);
			assert_int_equal(rv_reg(RISCV_FCTL, 4), 0);
			assert_int_equal(rv.misuses, 1);
			iommu_model_riscv_misbehave(rv.model, &none);
			rv_end();
		}
}

/* --- ddtp ------------------------------------------------------------------------------------- */

static void transitions_of_ddtp(void **state)
{
	const uint64_t one = riscv_ddtp(RISCV_DDTP_1LVL, RV_ROOT);
	const uint64_t two = riscv_ddtp(RISCV_DDTP_2LVL, RV_ROOT);
	const uint64_t other = riscv_ddtp(RISCV_DDTP_1LVL, RV_CONTEXTS);
	const uint64_t off = riscv_ddtp(RISCV_DDTP_OFF, RV_ROOT);
	const uint64_t bare = riscv_ddtp(RISCV_DDTP_BARE, RV_ROOT);
	const struct {
		uint64_t from, to, after;
		unsigned int misuses;
	} cases[] = {
		{off, one, one, 0},
		{off, two, two, 0},
		{off, bare, bare, 0},
		{off, off, off, 0},
		{bare, one, one, 0},
		{bare, off, off, 0},
		{one, off, off, 0},
		/* Left open by the specification. */
		{one, two, one, 1},
		{one, other, one, 1},
		{one, one, one, 1},
		{one, bare, bare, 1},
		{one, riscv_ddtp(RISCV_DDTP_OFF, RV_CONTEXTS),
		 riscv_ddtp(RISCV_DDTP_OFF, RV_CONTEXTS), 1},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rv_begin(&all);
		rv_set(RISCV_DDTP, 8, cases[i].from);
		assert_int_equal(rv_reg(RISCV_DDTP, 8), cases[i].from);
		assert_int_equal(rv.misuses, 0);
		rv_set(RISCV_DDTP, 8, cases[i].to);
		assert_int_equal(rv_reg(RISCV_DDTP, 8), cases[i].after);
		assert_int_equal(rv.misuses, cases[i].misuses);
		rv_end();
	}
}

/* A mode that there is not leaves the one that there is; the page number is taken. */
static void an_unknown_mode_changes_no_mode(void **state)
{
	static const enum riscv_ddtp_mode modes[] = {RISCV_DDTP_OFF, RISCV_DDTP_BARE,
						     RISCV_DDTP_1LVL};
	const struct iommu_model_riscv_config one = {.capabilities = RV_ALL, .levels = 1 << 1};
	unsigned int i, unknown;

	(void)state;
	for (i = 0; i < 3; i++)
		for (unknown = RISCV_DDTP_2LVL; unknown <= 15; unknown++) {
			rv_begin(&one);
			rv_set(RISCV_DDTP, 8, riscv_ddtp(modes[i], RV_ROOT));
			assert_int_equal(rv_reg(RISCV_DDTP, 8), riscv_ddtp(modes[i], RV_ROOT));
			rv_set(RISCV_DDTP, 8, riscv_ddtp(RISCV_DDTP_OFF, RV_ROOT) | unknown);
			assert_int_equal(rv_reg(RISCV_DDTP, 8), riscv_ddtp(modes[i], RV_ROOT));
			rv_end();
		}
}

static void ddtp_is_busy_as_long_as_a_test_wants(void **state)
{
	const struct iommu_model_riscv_faults late = {.busy_delay = 3};
	const struct iommu_model_riscv_faults never = {.stays_busy = true};
	const uint64_t busy = riscv_ddtp(RISCV_DDTP_BARE, 0) | RISCV_DDTP_BUSY;

	(void)state;
	rv_begin(&all);
	iommu_model_riscv_misbehave(rv.model, &late);
	rv_set(RISCV_DDTP, 8, RISCV_DDTP_BARE);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), busy);
	rv_set(RISCV_DDTP, 8, riscv_ddtp(RISCV_DDTP_1LVL, RV_ROOT));
	assert_int_equal(rv.misuses, 1);
	assert_int_equal(rv_reach(0x1234, IOMMU_PROT_READ), RISCV_FAULT_ALL_DISALLOWED);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), busy);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), RISCV_DDTP_BARE);
	assert_int_equal(rv_reach(0x1234, IOMMU_PROT_READ), 0);
	iommu_model_riscv_misbehave(rv.model, &never);
	rv_set(RISCV_DDTP, 8, RISCV_DDTP_OFF);
	assert_true((rv_reg(RISCV_DDTP, 8) & RISCV_DDTP_BUSY) != 0);
	assert_true((rv_reg(RISCV_DDTP, 8) & RISCV_DDTP_BUSY) != 0);
	rv_end();
}

/* --- Queues: control -------------------------------------------------------------------------- */

static void queues_turn_on_and_off(void **state)
{
	const struct iommu_model_riscv_faults late = {.busy_delay = 2};

	(void)state;
	rv_begin(&all);
	iommu_model_riscv_misbehave(rv.model, &late);
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 7));
	rv_set(RISCV_FQCSR, 4, RISCV_QUEUE_ENABLE);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4), RISCV_QUEUE_ENABLE | RISCV_QUEUE_BUSY);
	rv_set(RISCV_FQCSR, 4, 0);
	assert_int_equal(rv.misuses, 1);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4), RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON);
	/* The base is not to be written now. */
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_REQUESTS, 7));
	assert_int_equal(rv.misuses, 2);
	assert_int_equal(rv_reg(RISCV_FQB, 8), riscv_queue_base(RV_FAULTS, 7));
	rv_set(RISCV_FQCSR, 4, 0);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4), RISCV_QUEUE_ON | RISCV_QUEUE_BUSY);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4), 0);
	rv_end();
}

static void a_queue_with_a_misaligned_base_is_noticed(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 8)); /* 8 KiB at an odd page */
	rv_set(RISCV_FQCSR, 4, RISCV_QUEUE_ENABLE);
	assert_int_equal(rv.misuses, 1);
	rv_end();
}

static void software_indexes_have_the_bits_of_the_queue(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_set(RISCV_CQB, 8, riscv_queue_base(RV_COMMANDS, 4));
	rv_set(RISCV_CQT, 4, 0xffffffff);
	assert_int_equal(rv_reg(RISCV_CQT, 4), 15);
	rv_set(RISCV_CQB, 8, riscv_queue_base(RV_COMMANDS, 2));
	assert_int_equal(rv_reg(RISCV_CQT, 4) & ~3ULL, 0);
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 1));
	rv_set(RISCV_FQH, 4, 0xffffffff);
	assert_int_equal(rv_reg(RISCV_FQH, 4), 1);
	rv_end();
}

/* --- Commands --------------------------------------------------------------------------------- */

/* Each command, and each bit that it has not. */
static void illegal_commands_stop_the_queue(void **state)
{
	const struct riscv_command vma = riscv_command_vma(), gvma = riscv_command_gvma();
	const struct riscv_command device = riscv_command_inval_device(RV_DEVICE);
	const struct riscv_command process = riscv_command_inval_process(RV_DEVICE, 1);
	const struct {
		struct riscv_command command;
		bool legal;
	} cases[] = {
		{vma, true},
		{gvma, true},
		{{RISCV_IOTINVAL_VMA, 1ULL << 9}, true}, /* S without AV is ignored */
		{{RISCV_IOTINVAL_VMA | RISCV_IOTINVAL_NL, 0}, true},
		{{RISCV_IOTINVAL_VMA | 1ULL << 11, 0}, false},
		{{RISCV_IOTINVAL_VMA | 1ULL << 35, 0}, false},
		{{RISCV_IOTINVAL_VMA | 1ULL << 43, 0}, false},
		{{RISCV_IOTINVAL_VMA | 1ULL << 60, 0}, false},
		{{RISCV_IOTINVAL_VMA, 1}, false},
		{{RISCV_IOTINVAL_VMA, 1ULL << 8}, false},
		{{RISCV_IOTINVAL_VMA, 1ULL << 62}, false},
		{{RISCV_IOTINVAL_GVMA | RISCV_IOTINVAL_PSCV, 0}, false},
		{riscv_command_fence(RISCV_IOFENCE_PR | RISCV_IOFENCE_PW), true},
		{riscv_command_fence(RISCV_IOFENCE_WSI), false}, /* messages are in force */
		{riscv_command_fence(1ULL << 14), false},
		{riscv_command_fence(1ULL << 31), false},
		{{RISCV_IOFENCE_C, 1ULL << 62}, false},
		{{RISCV_IOFENCE_C | 1 << 7, 0}, false},
		{riscv_command_inval_directories(), true},
		{device, true},
		{riscv_command_inval_device(0x40), false}, /* wider than one level */
		{{device.low & ~RISCV_INVAL_DDT_DV, 0}, true},
		{{device.low | 1ULL << 12, 0}, false}, /* a process id */
		{{device.low | 1ULL << 32, 0}, false},
		{{device.low | 1ULL << 34, 0}, false},
		{{device.low, 1}, false},
		{process, true},
		{{process.low & ~RISCV_INVAL_DDT_DV, 0}, false},
		{{process.low | 1ULL << 10, 0}, false},
		{{process.low | 1ULL << 39, 0}, false},
		{riscv_command_inval_process(0x40, 1), false},
		{riscv_command_ats_inval(0x10, 0x1000, 0), true},
		{{RISCV_ATS_INVAL | 1ULL << 10, 0}, false},
		{{RISCV_ATS_INVAL, 2}, false},
		{{RISCV_ATS_INVAL, 1ULL << 10}, false},
		{riscv_command_page_response(0x10, 3, RISCV_PAGE_SUCCESS), true},
		{{RISCV_ATS_PRGR | 1ULL << 34, 0}, false},
		{{RISCV_ATS_PRGR, 1}, false},
		{{RISCV_ATS_PRGR, 1ULL << 48}, false},
		{{0, 0}, false},
		{{5, 0}, false},
		{{1 | 2 << 7, 0}, false},
		{{4 | 2 << 7, 0}, false},
		{{3 | 2 << 7, 0}, false},
		{{64, 0}, false},
		{{UINT64_MAX, UINT64_MAX}, false},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const bool legal = cases[i].legal;

		rv_begin(&all);
		rv_queues_on(true);
		rv_directory_on(RISCV_DDTP_1LVL);
		rv_submit(cases[i].command);
		if (((rv_reg(RISCV_CQCSR, 4) & RISCV_CQCSR_ILLEGAL) == 0) != legal)
			fail_msg("command %u", i);
		assert_int_equal(rv_reg(RISCV_CQH, 4), legal ? 1 : 0);
		assert_int_equal(rv_reg(RISCV_IPSR, 4), legal ? 0 : RISCV_IPSR_COMMANDS);
		rv_end();
	}
}

static void commands_of_capabilities_need_them(void **state)
{
	const struct iommu_model_riscv_config plain = {.capabilities = RISCV_CAP_SV39};
	const struct riscv_command commands[] = {
		{RISCV_IOTINVAL_VMA | RISCV_IOTINVAL_NL, 0},
		{RISCV_IOTINVAL_GVMA, RISCV_IOTINVAL_S},
		riscv_command_ats_inval(0x10, 0x1000, 0),
		riscv_command_page_response(0x10, 3, RISCV_PAGE_SUCCESS),
		riscv_command_inval_process(1, 0),
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		rv_begin(&plain);
		rv_queues_on(false);
		rv_submit(commands[i]);
		assert_int_equal(rv_reg(RISCV_CQCSR, 4) & RISCV_CQCSR_ERRORS, RISCV_CQCSR_ILLEGAL);
		rv_end();
	}
}

/* The largest process directory that there is decides. */
static void process_ids_are_as_wide_as_directories(void **state)
{
	static const struct {
		uint64_t capability;
		uint32_t widest;
	} cases[] = {{RISCV_CAP_PD8, 0xff}, {RISCV_CAP_PD17, 0x1ffff}, {RISCV_CAP_PD20, 0xfffff}};
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		const struct iommu_model_riscv_config config = {.capabilities =
									cases[i].capability};

		rv_begin(&config);
		rv_queues_on(false);
		rv_run(riscv_command_inval_process(1, cases[i].widest));
		if (i != 2) {
			rv_submit(riscv_command_inval_process(1, cases[i].widest + 1));
			assert_int_equal(rv_reg(RISCV_CQCSR, 4) & RISCV_CQCSR_ERRORS,
					 RISCV_CQCSR_ILLEGAL);
		}
		/* Registers of page requests are not there: an access that begins in a gap. */
		assert_int_equal(rv_reg(RISCV_PQCSR, 8), 0);
		assert_int_equal(rv.misuses, 1);
		rv_end();
	}
}

static void an_illegal_command_is_overwritten(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv_run(riscv_command_fence(0));
	rv_submit(riscv_command_of(0, 0));
	rv_submit(riscv_command_fence_store(0, RV_FLAG, 0x1234));
	assert_int_equal(rv_reg(RISCV_CQH, 4), 1);
	/* Cleared alone, it is looked at again. */
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_CQCSR_ILLEGAL);
	assert_true((rv_reg(RISCV_CQCSR, 4) & RISCV_CQCSR_ILLEGAL) != 0);
	rv_word(RV_COMMANDS + 16, RISCV_IOFENCE_C);
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_CQCSR_ILLEGAL);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 3);
	assert_int_equal((uint32_t)rv_look(RV_FLAG), 0x1234);
	rv_end();
}

static void a_queue_begins_anew_when_it_is_enabled(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv_run(riscv_command_fence(0));
	rv_submit(riscv_command_of(0, 0));
	rv_set(RISCV_CQCSR, 4, 0);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), RISCV_CQCSR_ILLEGAL);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 1);
	rv_set(RISCV_CQT, 4, 0);
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 0);
	rv_end();
}

static void commands_that_cannot_be_fetched(void **state)
{
	const struct iommu_model_riscv_faults faults = {.fetch_fails_after = 2};

	(void)state;
	rv_begin(&all);
	rv_set(RISCV_CQB, 8, riscv_queue_base(RV_MEMORY, 8));
	rv_set(RISCV_CQT, 4, 0);
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT);
	rv_set(RISCV_CQT, 4, 1);
	assert_true((rv_reg(RISCV_CQCSR, 4) & RISCV_QUEUE_FAULT) != 0);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 0);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), RISCV_IPSR_COMMANDS);
	rv_end();
	rv_begin(&all);
	rv_queues_on(false);
	iommu_model_riscv_misbehave(rv.model, &faults);
	rv_run(riscv_command_vma());
	rv_submit(riscv_command_vma());
	assert_true((rv_reg(RISCV_CQCSR, 4) & RISCV_QUEUE_FAULT) != 0);
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_FAULT);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 2);
	rv_end();
}

static void a_fence_stores_or_fails(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv_word(RV_FLAG, 0);
	rv_run(riscv_command_fence_store(0, RV_FLAG + 4, 0x89abcdef));
	assert_int_equal(rv_look(RV_FLAG), 0x89abcdef00000000ULL);
	rv_submit(riscv_command_fence_store(0, RV_MEMORY, 1));
	assert_true((rv_reg(RISCV_CQCSR, 4) & RISCV_QUEUE_FAULT) != 0);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 1);
	rv_end();
	rv_begin(&all);
	rv.big_endian = true;
	rv_set(RISCV_FCTL, 4, RISCV_FCTL_BE);
	rv_queues_on(false);
	rv_run(riscv_command_fence_store(0, RV_FLAG, 0x89abcdef));
	assert_int_equal(rv.memory[RV_FLAG], 0x89);
	assert_int_equal(rv.memory[RV_FLAG + 3], 0xef);
	rv_end();
}

static void a_fence_signals_by_wire(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_set(RISCV_FCTL, 4, RISCV_FCTL_WSI);
	rv_set(RISCV_ICVEC, 8, 2);
	rv_queues_on(true);
	rv_run(riscv_command_fence(RISCV_IOFENCE_WSI));
	assert_true((rv_reg(RISCV_CQCSR, 4) & RISCV_CQCSR_FENCE) != 0);
	assert_int_equal(rv.wires, 1 << 2);
	/* The wire stays until both bits are clear. */
	rv_set(RISCV_IPSR, 4, RISCV_IPSR_COMMANDS);
	assert_int_equal(rv.wires, 1 << 2);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), RISCV_IPSR_COMMANDS);
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT | RISCV_CQCSR_FENCE);
	assert_int_equal(rv.wires, 1 << 2);
	rv_set(RISCV_IPSR, 4, RISCV_IPSR_COMMANDS);
	assert_int_equal(rv.wires, 0);
	assert_int_equal(rv.messages, 0);
	rv_end();
}

static void a_device_that_does_not_answer_is_found_by_the_fence(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv.silent = true;
	rv_run(riscv_command_ats_inval(0x321, 0x5000, 1));
	assert_int_equal(rv.told_last.type, IOMMU_MODEL_RISCV_DEVICE_TLB);
	assert_int_equal(rv.told_last.low & RISCV_COMMAND_KIND, RISCV_ATS_INVAL);
	assert_int_equal(rv.told_last.high >> 12, 0x4);
	assert_int_equal(rv.told_last.device_id, 0x321);
	assert_int_equal(rv.told_last.address, 0x4000);
	assert_int_equal(rv.told_last.size, 0x2000);
	assert_false(rv.told_last.has_process);
	rv_run(riscv_command_vma());
	rv_submit(riscv_command_fence_store(0, RV_FLAG, 7));
	assert_int_equal(rv_reg(RISCV_CQCSR, 4) & RISCV_CQCSR_ERRORS, RISCV_CQCSR_TIMEOUT);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 2);
	assert_int_equal(rv_look(RV_FLAG), 0);
	/* The fence is tried again. */
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_CQCSR_TIMEOUT);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 3);
	assert_int_equal(rv_look(RV_FLAG), 7);
	rv_end();
}

static void messages_to_devices_say_whom_they_are_for(void **state)
{
	struct riscv_command c = riscv_command_to_segment(
		riscv_command_with_pasid(riscv_command_ats_inval(0x321, 0, 52), 0x54321), 0x12);

	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	c.high |= RISCV_ATS_INVAL_GLOBAL;
	rv_run(c);
	assert_int_equal(rv.told_last.device_id, 0x120321);
	assert_true(rv.told_last.has_process);
	assert_true(rv.told_last.all_processes);
	assert_int_equal(rv.told_last.process_id, 0x54321);
	assert_true(rv.told_last.has_range);
	assert_int_equal(rv.told_last.size, 0);
	rv_run(riscv_command_to_segment(
		riscv_command_with_pasid(
			riscv_command_page_response(0x321, 0x1ab, RISCV_PAGE_INVALID), 7),
		1));
	assert_int_equal(rv.answers, 1);
	assert_int_equal(rv.answer_last.device_id, 0x010321);
	assert_int_equal(rv.answer_last.process_id, 7);
	assert_true(rv.answer_last.has_process);
	assert_int_equal(rv.answer_last.group, 0x1ab);
	assert_int_equal(rv.answer_last.code, RISCV_PAGE_INVALID);
	rv_end();
}

/* A fence is complete with so many looks at a register, and not before. */
static void a_fence_takes_its_time(void **state)
{
	unsigned int delay, looks;

	(void)state;
	for (delay = 1; delay <= 3; delay++) {
		const struct iommu_model_riscv_faults slow = {.fence_delay = delay};

		rv_begin(&all);
		rv_queues_on(false);
		iommu_model_riscv_misbehave(rv.model, &slow);
		rv_submit(riscv_command_fence_store(0, RV_FLAG, 0x1234));
		for (looks = 0; looks < delay; looks++) {
			assert_int_equal(rv_look(RV_FLAG), 0);
			(void)rv_reg(RISCV_CAPABILITIES, 8);
		}
		assert_int_equal(rv_look(RV_FLAG), 0x1234);
		rv_end();
	}
}

static void fences_and_commands_may_hang(void **state)
{
	const struct iommu_model_riscv_faults none = {0}, late = {.fence_delay = 2},
					      fences = {.fences_hang = true},
					      commands = {.commands_hang = true},
					      refused = {.refuse_after = 2};

	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	iommu_model_riscv_misbehave(rv.model, &late);
	rv_submit(riscv_command_fence(0));
	assert_int_equal(rv_reg(RISCV_CQH, 4), 0);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 1);
	iommu_model_riscv_misbehave(rv.model, &fences);
	rv_submit(riscv_command_vma());
	rv_submit(riscv_command_fence(0));
	assert_int_equal(rv_reg(RISCV_CQH, 4), 2);
	iommu_model_riscv_misbehave(rv.model, &none);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 3);
	iommu_model_riscv_misbehave(rv.model, &commands);
	rv_submit(riscv_command_vma());
	assert_int_equal(rv_reg(RISCV_CQH, 4), 3);
	iommu_model_riscv_misbehave(rv.model, &refused);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 4);
	rv_submit(riscv_command_vma());
	assert_int_equal(rv_reg(RISCV_CQCSR, 4) & RISCV_CQCSR_ERRORS, RISCV_CQCSR_ILLEGAL);
	rv_end();
}

static void a_unit_that_is_gone_reads_as_ones(void **state)
{
	const struct iommu_model_riscv_faults gone = {.gone = true};
	const struct iommu_model_riscv_faults lies = {
		.lies = true, .lying_register = RISCV_FQCSR, .lie = 0x55};
	const struct iommu_model_riscv_faults deaf = {.deaf_register = RISCV_DDTP};

	(void)state;
	rv_begin(&all);
	iommu_model_riscv_misbehave(rv.model, &gone);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), UINT32_MAX);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), UINT64_MAX);
	rv_set(RISCV_DDTP, 8, RISCV_DDTP_BARE);
	iommu_model_riscv_misbehave(rv.model, &lies);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), 0);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4), 0x55);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), 0);
	iommu_model_riscv_misbehave(rv.model, &deaf);
	rv_set(RISCV_DDTP, 8, RISCV_DDTP_BARE);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), 0);
	rv_end();
}

/* --- Faults ----------------------------------------------------------------------------------- */

static void the_fault_queue_overflows(void **state)
{
	unsigned int i;

	(void)state;
	rv_begin(&all);
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 2));
	rv_set(RISCV_FQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT);
	for (i = 0; i < 3; i++) {
		assert_int_equal(rv_reach(i << 12, IOMMU_PROT_READ), RISCV_FAULT_ALL_DISALLOWED);
		assert_int_equal(rv_reg(RISCV_FQT, 4), i + 1);
	}
	assert_int_equal(rv_reg(RISCV_FQCSR, 4) & RISCV_QUEUE_ERRORS, 0);
	assert_int_equal(rv_reach(0x3000, IOMMU_PROT_READ), RISCV_FAULT_ALL_DISALLOWED);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4) & RISCV_QUEUE_ERRORS, RISCV_QUEUE_OVERFLOW);
	/* Until software clears the bit nothing is recorded, although there is room. */
	rv_set(RISCV_FQH, 4, 2);
	(void)rv_reach(0x4000, IOMMU_PROT_READ);
	assert_int_equal(rv_reg(RISCV_FQT, 4), 3);
	rv_set(RISCV_FQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_OVERFLOW);
	(void)rv_reach(0x5000, IOMMU_PROT_READ);
	assert_int_equal(rv_reg(RISCV_FQT, 4), 0);
	assert_int_equal(rv_look(RV_FAULTS + 3 * 32 + 16), 0x5000);
	rv_end();
}

static void the_fault_queue_may_be_no_memory(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 7));
	rv_set(RISCV_FQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT);
	rv.broken_first = RV_FAULTS + 48; /* the second half of the second record */
	rv.broken_last = RV_FAULTS + 63;
	(void)rv_reach(0x1000, IOMMU_PROT_READ);
	assert_int_equal(rv_reg(RISCV_FQT, 4), 1);
	rv_set(RISCV_IPSR, 4, RISCV_IPSR_FAULTS);
	(void)rv_reach(0x2000, IOMMU_PROT_READ);
	assert_int_equal(rv_reg(RISCV_FQT, 4), 1);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4) & RISCV_QUEUE_ERRORS, RISCV_QUEUE_FAULT);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), RISCV_IPSR_FAULTS);
	rv.broken_last = 0;
	(void)rv_reach(0x3000, IOMMU_PROT_READ);
	assert_int_equal(rv_reg(RISCV_FQT, 4), 1);
	rv_set(RISCV_FQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_FAULT);
	(void)rv_reach(0x4000, IOMMU_PROT_READ);
	assert_int_equal(rv_reg(RISCV_FQT, 4), 2);
	assert_int_equal(rv_look(RV_FAULTS + 32 + 16), 0x4000);
	rv_end();
}

static void a_fault_queue_that_is_off_records_nothing(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 7));
	(void)rv_reach(0x1000, IOMMU_PROT_READ);
	rv_set(RISCV_FQCSR, 4, RISCV_QUEUE_ENABLE);
	assert_int_equal(rv_faults(), 0);
	(void)rv_reach(0x1000, IOMMU_PROT_WRITE);
	assert_int_equal(rv_faults(), 1);
	rv_end();
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static void set_message(unsigned int vector, uint64_t address, uint32_t data, uint32_t control)
{
	rv_set(riscv_msi_entry(vector) + RISCV_MSI_ADDRESS, 8, address);
	rv_set(riscv_msi_entry(vector) + RISCV_MSI_DATA, 4, data);
	rv_set(riscv_msi_entry(vector) + RISCV_MSI_CONTROL, 4, control);
}

static void a_message_for_each_edge(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_set(RISCV_ICVEC, 8, riscv_icvec(0, 3, 0, 0));
	set_message(3, 0xfee01234, 0x77, 0);
	rv_queues_on(true);
	(void)rv_reach(0x1000, IOMMU_PROT_READ);
	assert_int_equal(rv.messages, 1);
	assert_int_equal(rv.message_address, 0xfee01234);
	assert_int_equal(rv.message_data, 0x77);
	/* Pending still: no edge. */
	(void)rv_reach(0x2000, IOMMU_PROT_READ);
	assert_int_equal(rv.messages, 1);
	rv_set(RISCV_IPSR, 4, RISCV_IPSR_FAULTS);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), 0);
	(void)rv_reach(0x3000, IOMMU_PROT_READ);
	assert_int_equal(rv.messages, 2);
	rv_end();
}

static void an_error_that_stays_interrupts_again(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_queues_on(true);
	set_message(0, 0xfee00000, 1, 0);
	rv_submit(riscv_command_of(0, 0));
	assert_int_equal(rv.messages, 1);
	rv_set(RISCV_IPSR, 4, RISCV_IPSR_COMMANDS);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), RISCV_IPSR_COMMANDS);
	assert_int_equal(rv.messages, 2);
	/* Disabled interrupts are not raised; enabled they are. */
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE);
	rv_set(RISCV_IPSR, 4, RISCV_IPSR_COMMANDS);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), 0);
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT);
	assert_int_equal(rv_reg(RISCV_IPSR, 4), RISCV_IPSR_COMMANDS);
	assert_int_equal(rv.messages, 3);
	rv_end();
}

static void a_masked_message_waits(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_queues_on(true);
	set_message(0, 0xfee00000, 5, RISCV_MSI_MASKED);
	(void)rv_reach(0x1000, IOMMU_PROT_READ);
	assert_int_equal(rv.messages, 0);
	set_message(0, 0xfee00004, 6, RISCV_MSI_MASKED);
	assert_int_equal(rv.messages, 0);
	rv_set(riscv_msi_entry(0) + RISCV_MSI_CONTROL, 4, 0);
	assert_int_equal(rv.messages, 1);
	assert_int_equal(rv.message_address, 0xfee00004);
	rv_set(riscv_msi_entry(0) + RISCV_MSI_CONTROL, 4, 0);
	assert_int_equal(rv.messages, 1);
	rv_end();
}

static void a_message_that_does_not_arrive_is_a_fault(void **state)
{
	struct riscv_fault fault;

	(void)state;
	rv_begin(&all);
	rv_queues_on(true);
	set_message(0, 0xfee00008, 5, 0);
	rv.deaf = true;
	(void)rv_reach(0x1000, IOMMU_PROT_READ);
	assert_int_equal(rv_faults(), 2);
	(void)rv_fault();
	fault = rv_fault();
	assert_int_equal(fault.words[0], RISCV_FAULT_MSI_WRITE);
	assert_int_equal(fault.words[1], 0);
	assert_int_equal(fault.words[2], 0xfee00008);
	assert_int_equal(fault.words[3], 0);
	rv_end();
}

static void messages_have_the_units_byte_order(void **state)
{
	(void)state;
	rv_begin(&all);
	rv.big_endian = true;
	rv_set(RISCV_FCTL, 4, RISCV_FCTL_BE);
	rv_queues_on(true);
	set_message(0, 0xfee00000, 0x01020304, 0);
	(void)rv_reach(0x1000, IOMMU_PROT_READ);
	assert_int_equal(rv.message_data, 0x04030201);
	assert_int_equal(rv_fault().words[2], 0x1000);
	rv_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_have_their_reset_values),
		cmocka_unit_test(a_zero_configuration_is_a_unit_for_drivers),
		cmocka_unit_test(accesses_are_of_one_register),
		cmocka_unit_test(a_wide_register_is_written_by_halves),
		cmocka_unit_test(fields_keep_what_the_unit_has),
		cmocka_unit_test(registers_are_apart),
		cmocka_unit_test(fctl_follows_the_capabilities),
		cmocka_unit_test(fctl_changes_only_while_all_is_off),
		cmocka_unit_test(fctl_does_not_change_while_something_is_busy),
		cmocka_unit_test(transitions_of_ddtp),
		cmocka_unit_test(an_unknown_mode_changes_no_mode),
		cmocka_unit_test(ddtp_is_busy_as_long_as_a_test_wants),
		cmocka_unit_test(queues_turn_on_and_off),
		cmocka_unit_test(a_queue_with_a_misaligned_base_is_noticed),
		cmocka_unit_test(software_indexes_have_the_bits_of_the_queue),
		cmocka_unit_test(illegal_commands_stop_the_queue),
		cmocka_unit_test(commands_of_capabilities_need_them),
		cmocka_unit_test(process_ids_are_as_wide_as_directories),
		cmocka_unit_test(an_illegal_command_is_overwritten),
		cmocka_unit_test(a_queue_begins_anew_when_it_is_enabled),
		cmocka_unit_test(commands_that_cannot_be_fetched),
		cmocka_unit_test(a_fence_stores_or_fails),
		cmocka_unit_test(a_fence_signals_by_wire),
		cmocka_unit_test(a_device_that_does_not_answer_is_found_by_the_fence),
		cmocka_unit_test(messages_to_devices_say_whom_they_are_for),
		cmocka_unit_test(a_fence_takes_its_time),
		cmocka_unit_test(fences_and_commands_may_hang),
		cmocka_unit_test(a_unit_that_is_gone_reads_as_ones),
		cmocka_unit_test(the_fault_queue_overflows),
		cmocka_unit_test(the_fault_queue_may_be_no_memory),
		cmocka_unit_test(a_fault_queue_that_is_off_records_nothing),
		cmocka_unit_test(a_message_for_each_edge),
		cmocka_unit_test(an_error_that_stays_interrupts_again),
		cmocka_unit_test(a_masked_message_waits),
		cmocka_unit_test(a_message_that_does_not_arrive_is_a_fault),
		cmocka_unit_test(messages_have_the_units_byte_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
