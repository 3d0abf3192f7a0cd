/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d model by itself, against the specification: each register rule, each fault reason, what
 * is cached and which invalidation drops it, both invalidation interfaces, device-TLBs, interrupts,
 * state, and a driver that does everything wrong. Without the library's driver.
 */
#include <string.h>

#include <libiommu/dmar.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_fault.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/iommu.h>

#include "bare_vtd.h"
#include "base/byteorder.h"
#include "test.h"
#include "test_contract.h"

/* --- Configuration and registers -------------------------------------------------------------- */

static void configurations_that_contradict_themselves_are_refused(void **state)
{
	static const struct iommu_model_vtd_config bad[] = {
		{.address_width = 29},
		{.address_width = 58},
		{.output_width = 31},
		{.output_width = 53},
		{.domain_bits = 5},
		{.domain_bits = 18},
		{.address_mask = 53},
		{.fault_records = 257},
		{.levels = 1U << 2},
		{.pgsize_bitmap = IOMMU_SIZE_2M},
		{.pgsize_bitmap = IOMMU_SIZE_4K | 1ULL << 39},
		{.version = 0x05},
		{.version = 0x60, .flags = IOMMU_MODEL_VTD_NO_QUEUE},
		{.flags = IOMMU_MODEL_VTD_NO_QUEUE | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING},
		{.flags = IOMMU_MODEL_VTD_NO_QUEUE | IOMMU_MODEL_VTD_DEVICE_TLB},
		{.flags = IOMMU_MODEL_VTD_X2APIC},
		{.flags = IOMMU_MODEL_VTD_POSTED_INTERRUPTS},
		{.flags = IOMMU_MODEL_VTD_SINGLE_PAGES, .address_mask = 1},
		{.flags = IOMMU_MODEL_VTD_SINGLE_PAGES | IOMMU_MODEL_VTD_NO_PAGES},
	};
	struct iommu_model_vtd *model;
	struct iommu_model_vtd_config config = {0};
	size_t i;

	(void)state;
	memset(&t, 0, sizeof(t));
	assert_int_equal(iommu_hosted_init(&t.hosted, NULL, 1 << 20, 0), 0);
	test_contract_hosted(&t.hosted);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(create(&bad[i]), IOMMU_EINVAL);
	config.platform = &t.hosted.platform;
	assert_int_equal(iommu_model_vtd_create(&config, &model), IOMMU_EINVAL); /* no memory */
	assert_int_equal(t.hosted.pages_in_use, 0);
	iommu_hosted_destroy(&t.hosted);
}

/*
 * What an emulator gets that says nothing: one invalidation for what a driver unmaps, room for
 * faults.
 */
static void what_is_not_configured_is_sensible(void **state)
{
	struct iommu_model_vtd_config config = {.flags = 0};
	unsigned int i;
	uint64_t cap;

	(void)state;
	begin(&config);
	config.platform = &t.hosted.platform;
	config.host = (struct iommu_model_vtd_host){.read = t.read, .write = t.write};
	iommu_model_vtd_destroy(t.model);
	assert_int_equal(iommu_model_vtd_create(&config, &t.model), 0);
	cap = reg(VTD_CAP, 8);
	assert_true((cap & VTD_CAP_PSI) != 0);
	assert_int_equal(vtd_cap_max_address_mask(cap), 18);
	assert_int_equal(vtd_cap_fault_records(cap), 64);
	make_tables(4, VTD_TRANSLATE_UNTRANSLATED);
	translation_on();
	for (i = 0; i < 64; i++)
		assert_int_equal(reach(0x400000 + i * 4096, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reg(VTD_FSTS, 4), VTD_FSTS_PPF);
	end();
	config = (struct iommu_model_vtd_config){.flags = IOMMU_MODEL_VTD_SINGLE_PAGES};
	begin(&config);
	cap = reg(VTD_CAP, 8);
	assert_true((cap & VTD_CAP_PSI) != 0);
	assert_int_equal(vtd_cap_max_address_mask(cap), 0);
	end();
}

static void capabilities_say_what_was_configured(void **state)
{
	const struct iommu_model_vtd_config config = {
		.address_width = 57,
		.levels = 1U << 4 | 1U << 5,
		.domain_bits = 8,
		.address_mask = 18,
		.fault_records = 256,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
		.flags = IOMMU_MODEL_VTD_CACHING_MODE | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING |
			 IOMMU_MODEL_VTD_X2APIC,
		.version = 0x56,
	};
	uint64_t cap;

	(void)state;
	begin(&config);
	cap = reg(VTD_CAP, 8);
	assert_int_equal(vtd_cap_domains(cap), 256);
	assert_int_equal(vtd_cap_sagaw(cap), VTD_SAGAW_4_LEVELS | VTD_SAGAW_5_LEVELS);
	assert_int_equal(vtd_cap_guest_address_width(cap), 57);
	assert_int_equal(vtd_cap_fault_records(cap), 256);
	assert_int_equal(vtd_cap_max_address_mask(cap), 18);
	assert_int_equal(vtd_cap_second_stage_large_pages(cap), IOMMU_SIZE_2M);
	assert_true((cap & VTD_CAP_CM) != 0 && (cap & VTD_CAP_PSI) != 0);
	assert_true((reg(VTD_ECAP, 8) & (VTD_ECAP_IR | VTD_ECAP_EIM | VTD_ECAP_QI | VTD_ECAP_C)) ==
		    (VTD_ECAP_IR | VTD_ECAP_EIM | VTD_ECAP_QI | VTD_ECAP_C));
	assert_int_equal(reg(VTD_VER, 4), 0x56);
	/* 64-bit registers by halves. */
	assert_int_equal(reg(VTD_CAP, 4) | reg(VTD_CAP + 4, 4) << 32, cap);
	assert_int_equal(iommu_model_vtd_register_space(t.model), 8192);
	assert_true(vtd_cap_fault_offset(cap) + 256 * 16 <= 8192);
	end();
}

/* Whole pages, and none of them for nothing. */
static void registers_lie_in_so_many_pages(void **state)
{
	struct iommu_model_vtd_config config = {.flags = 0};

	(void)state;
	for (config.fault_records = 1; config.fault_records <= 256; config.fault_records++) {
		uint64_t cap, end_of_records, space;

		begin(&config);
		cap = reg(VTD_CAP, 8);
		end_of_records = vtd_cap_fault_offset(cap) + config.fault_records * 16;
		space = iommu_model_vtd_register_space(t.model);
		assert_int_equal(space % IOMMU_PAGE_SIZE, 0);
		assert_true(space >= end_of_records && space - end_of_records < IOMMU_PAGE_SIZE);
		end();
	}
}

/* A unit changes its mode only while it does not translate. */
/* Each thing that is configured is one capability, and no other. */
static void each_flag_is_a_capability(void **state)
{
	const uint64_t protected = VTD_CAP_PLMR | VTD_CAP_PHMR;
	const uint64_t scalable = VTD_ECAP_SMTS | VTD_ECAP_RPS | VTD_ECAP_SMPWCS | VTD_ECAP_SSTS;
	static const unsigned int both = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE;
	const struct {
		unsigned int base, flags;
		uint64_t cap, ecap; /* that change */
	} cases[] = {
		{0, IOMMU_MODEL_VTD_WRITE_BUFFER, VTD_CAP_RWBF, 0},
		{0, IOMMU_MODEL_VTD_PROTECTED_MEMORY, protected, 0},
		{0, IOMMU_MODEL_VTD_CACHING_MODE, VTD_CAP_CM, 0},
		{0, IOMMU_MODEL_VTD_SELF_INVALIDATING, VTD_CAP_ESIRTPS | VTD_CAP_ESRTPS, 0},
		{0, IOMMU_MODEL_VTD_NONCOHERENT, 0, VTD_ECAP_C},
		{0, IOMMU_MODEL_VTD_NO_QUEUE, 0, VTD_ECAP_QI},
		{0, IOMMU_MODEL_VTD_PASS_THROUGH, 0, VTD_ECAP_PT},
		{0, IOMMU_MODEL_VTD_SNOOP_CONTROL, 0, VTD_ECAP_SC},
		{0, IOMMU_MODEL_VTD_DEVICE_TLB, 0, VTD_ECAP_DT},
		{0, IOMMU_MODEL_VTD_SCALABLE, 0, scalable},
		{IOMMU_MODEL_VTD_SCALABLE, IOMMU_MODEL_VTD_NONCOHERENT, 0,
		 VTD_ECAP_C | VTD_ECAP_SMPWCS},
		{IOMMU_MODEL_VTD_SCALABLE, IOMMU_MODEL_VTD_FIRST_STAGE, VTD_CAP_FS1GP,
		 VTD_ECAP_FSTS | VTD_ECAP_SRS},
		{both, IOMMU_MODEL_VTD_NO_SECOND_STAGE, 0, VTD_ECAP_SSTS},
		{both, IOMMU_MODEL_VTD_FIRST_STAGE_5, VTD_CAP_FS5LP, 0},
		{both, IOMMU_MODEL_VTD_NESTED, 0, VTD_ECAP_NEST},
		{both, IOMMU_MODEL_VTD_DIRTY, 0, VTD_ECAP_SSADS},
		{both, IOMMU_MODEL_VTD_PASID, 0, VTD_ECAP_PASID | 19ULL << 35},
		{both | IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASID,
		 IOMMU_MODEL_VTD_PAGE_REQUESTS, 0, VTD_ECAP_PRS | VTD_ECAP_PDS},
		{0, IOMMU_MODEL_VTD_INTERRUPT_REMAPPING, 0, VTD_ECAP_IR | 15ULL << 20},
		{IOMMU_MODEL_VTD_INTERRUPT_REMAPPING, IOMMU_MODEL_VTD_X2APIC, 0, VTD_ECAP_EIM},
		{IOMMU_MODEL_VTD_INTERRUPT_REMAPPING, IOMMU_MODEL_VTD_POSTED_INTERRUPTS, VTD_CAP_PI,
		 0},
	};
	static const uint64_t sizes[] = {0, IOMMU_SIZE_2M, IOMMU_SIZE_1G,
					 IOMMU_SIZE_2M | IOMMU_SIZE_1G};
	struct iommu_model_vtd_config config = {0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t cap, ecap;

		config.flags = cases[i].base;
		begin(&config);
		cap = reg(VTD_CAP, 8);
		ecap = reg(VTD_ECAP, 8);
		end();
		config.flags |= cases[i].flags;
		begin(&config);
		if ((reg(VTD_CAP, 8) ^ cap) != cases[i].cap ||
		    (reg(VTD_ECAP, 8) ^ ecap) != cases[i].ecap)
			fail_msg("flags %#x: %#llx, %#llx", cases[i].flags,
				 (unsigned long long)(reg(VTD_CAP, 8) ^ cap),
				 (unsigned long long)(reg(VTD_ECAP, 8) ^ ecap));
		end();
	}
	/* As many levels as the width needs. */
	for (i = 30; i <= 57; i++) {
		config = (struct iommu_model_vtd_config){.address_width = (unsigned int)i};
		begin(&config);
		assert_int_equal(vtd_cap_guest_address_width(reg(VTD_CAP, 8)), i);
		assert_int_equal(vtd_cap_sagaw(reg(VTD_CAP, 8)), i <= 39   ? VTD_SAGAW_3_LEVELS
								 : i <= 48 ? VTD_SAGAW_4_LEVELS
									   : VTD_SAGAW_5_LEVELS);
		end();
	}
	config = (struct iommu_model_vtd_config){0};
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		config.flags = both;
		config.pgsize_bitmap = IOMMU_SIZE_4K | sizes[i];
		begin(&config);
		assert_int_equal(vtd_cap_second_stage_large_pages(reg(VTD_CAP, 8)), sizes[i]);
		assert_int_equal((reg(VTD_CAP, 8) & VTD_CAP_FS1GP) != 0,
				 (sizes[i] & IOMMU_SIZE_1G) != 0);
		end();
	}
}

static void modes_do_not_change_under_translation(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_SCALABLE};

	(void)state;
	begin(&config);
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
	command(VTD_GLOBAL_SRTP, true);
	command(VTD_GLOBAL_TE, true);
	command(VTD_GLOBAL_SRTP, true);
	assert_int_equal(t.misuses, 0);
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_LEGACY);
	command(VTD_GLOBAL_SRTP, true);
	assert_int_equal(t.misuses, 1);
	command(VTD_GLOBAL_TE, false);
	command(VTD_GLOBAL_SRTP, true);
	assert_int_equal(t.misuses, 1);
	end();
}

static void registers_keep_the_rules(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_WRITE_BUFFER};

	(void)state;
	begin(&config);
	set(VTD_CAP, 8, 0);
	set(VTD_GSTS, 4, UINT32_MAX);
	assert_true(reg(VTD_CAP, 8) != 0);
	assert_int_equal(reg(VTD_GSTS, 4), 0);
	assert_int_equal(reg(VTD_GCMD, 4), 0);
	/* Accesses that are not of 4 or 8 aligned bytes of the window. */
	assert_int_equal(reg(VTD_CAP, 1), 0);
	assert_int_equal(reg(VTD_CAP + 2, 4), 0);
	assert_int_equal(reg(VTD_FSTS, 8), 0);
	assert_int_equal(reg(4096, 4), 0);
	assert_int_equal(reg(UINT64_MAX - 7, 8), 0);
	assert_int_equal(t.misuses, 5);

	/* Translation without a root table, and so on. */
	t.misuses = 0;
	command(VTD_GLOBAL_TE, true);
	assert_int_equal(reg(VTD_GSTS, 4), 0);
	command(VTD_GLOBAL_IRE, true);
	command(VTD_GLOBAL_SIRTP, true);
	command(VTD_GLOBAL_SFL, true);
	assert_int_equal(t.misuses, 4);
	assert_int_equal(reg(VTD_GSTS, 4), 0);
	set(VTD_RTADDR, 8, ROOT);
	set(VTD_GCMD, 4, VTD_GLOBAL_TE | VTD_GLOBAL_SRTP);
	assert_string_equal(t.misuse, "more than one command at once");
	assert_int_equal(reg(VTD_GSTS, 4), 0);
	command(VTD_GLOBAL_WBF, true);
	assert_int_equal(t.flushes, 1);
	assert_int_equal(reg(VTD_GSTS, 4), 0);
	/* A root table by halves, and its status. */
	set(VTD_RTADDR, 4, (uint32_t)ROOT);
	set(VTD_RTADDR + 4, 4, 0);
	command(VTD_GLOBAL_SRTP, true);
	assert_int_equal(reg(VTD_GSTS, 4), VTD_GLOBAL_SRTP);
	command(VTD_GLOBAL_TE, true);
	assert_int_equal(reg(VTD_GSTS, 4), VTD_GLOBAL_SRTP | VTD_GLOBAL_TE);
	/* The queue's address is locked while it is on. */
	queue_on();
	set(VTD_IQA, 8, QUEUE + 0x1000);
	assert_int_equal(reg(VTD_IQA, 8), QUEUE);
	command(VTD_GLOBAL_QIE, false);
	iommu_model_vtd_reset(t.model);
	assert_int_equal(reg(VTD_GSTS, 4), 0);
	assert_int_equal(reg(VTD_RTADDR, 8), 0);
	end();
}

static void slow_and_stuck_commands(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_model_vtd_faults slow = {.command_delay = 3};
	const struct iommu_model_vtd_faults stuck = {.commands_hang = true};
	const struct iommu_model_vtd_faults gone = {.gone = true};
	const struct iommu_model_vtd_faults liar = {.capability = 0x1234,
						    .extended_capability = 0x5678};
	const struct iommu_model_vtd_faults none = {0};

	(void)state;
	begin(&config);
	iommu_model_vtd_misbehave(t.model, &slow);
	set(VTD_RTADDR, 8, ROOT);
	set(VTD_GCMD, 4, VTD_GLOBAL_SRTP);
	assert_int_equal(reg(VTD_GSTS, 4), 0);
	set(VTD_GCMD, 4, VTD_GLOBAL_TE);
	assert_string_equal(t.misuse, "a command before the last has completed");
	assert_int_equal(reg(VTD_GSTS, 4), 0);
	assert_int_equal(reg(VTD_GSTS, 4), VTD_GLOBAL_SRTP);
	iommu_model_vtd_misbehave(t.model, &stuck);
	command(VTD_GLOBAL_TE, true);
	assert_int_equal(reg(VTD_GSTS, 4), VTD_GLOBAL_SRTP);
	assert_int_equal(reg(VTD_GSTS, 4), VTD_GLOBAL_SRTP);
	iommu_model_vtd_misbehave(t.model, &none);
	assert_true((reg(VTD_GSTS, 4) & VTD_GLOBAL_TE) != 0);
	iommu_model_vtd_misbehave(t.model, &gone);
	assert_int_equal(reg(VTD_GSTS, 4), UINT32_MAX);
	assert_int_equal(reg(VTD_CAP, 8), UINT64_MAX);
	iommu_model_vtd_misbehave(t.model, &liar);
	assert_int_equal(reg(VTD_CAP, 8), 0x1234);
	assert_int_equal(reg(VTD_ECAP, 8), 0x5678);
	end();
}

/* --- Translation ------------------------------------------------------------------------------ */

static void the_walk_leads_where_the_tables_say(void **state)
{
	unsigned int levels;

	(void)state;
	for (levels = 3; levels <= 5; levels++) {
		const struct iommu_model_vtd_config config = {
			.address_width = 57, .levels = 1U << levels, .output_width = 52};

		begin(&config);
		assert_int_equal(reach(0x123456, RW), 0);
		assert_int_equal(result.paddr, 0x123456); /* translation is off */
		make_tables(levels, VTD_TRANSLATE_UNTRANSLATED);
		translation_on();
		assert_int_equal(reach(0x123456, RW), 0);
		assert_int_equal(result.paddr, DATA + 0x456);
		assert_int_equal(result.prot, RW);
		assert_int_equal(result.size, 4096);
		assert_int_equal(reach(0x124000, IOMMU_PROT_READ), 0x6);
		/* Large pages. */
		word(LEVEL(2) + 8, vtd_ss_leaf(0x40000000, 2, true, false));
		word(LEVEL(3) + 8, vtd_ss_leaf(0x80000000, 3, false, true));
		assert_int_equal(reach(0x2abcde, IOMMU_PROT_READ), 0);
		assert_int_equal(result.paddr, 0x400abcde);
		assert_int_equal(result.size, IOMMU_SIZE_2M);
		assert_int_equal(reach(0x2abcde, IOMMU_PROT_WRITE), 0x5);
		assert_int_equal(reach(0x412345678 & 0x7fffffff, IOMMU_PROT_WRITE), 0x5);
		assert_int_equal(reach(0x52345678, IOMMU_PROT_WRITE), 0);
		assert_int_equal(result.paddr, 0x92345678);
		assert_int_equal(result.size, IOMMU_SIZE_1G);
		assert_int_equal(reach(0x52345678, IOMMU_PROT_READ), 0x6);
		/* A read of no length may look at a page that can only be written. */
		assert_int_equal(reach(0x52345678, 0), 0);
		assert_int_equal(t.misuses, 0);
		end();
	}
}

/* The permission is that of all levels together. */
static void permissions_are_those_of_all_levels(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	unsigned int level;

	(void)state;
	for (level = 2; level <= 4; level++) {
		running(&config);
		word(LEVEL(level), LEVEL(level - 1) | VTD_SS_READ);
		assert_int_equal(reach(0x123000, IOMMU_PROT_WRITE), 0x5);
		assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
		assert_int_equal(result.prot, IOMMU_PROT_READ);
		end();
	}
}

struct lie {
	iommu_paddr_t paddr;
	uint64_t value;
	unsigned int reason;
	bool hidden_by_fpd; /* FPD of the context entry keeps it from being recorded */
};

static void each_fault_has_its_reason(void **state)
{
	static const struct lie lies[] = {
		{ROOT + 16, 0, 0x1, false},
		{CONTEXT + 0x200, 2, 0x2, true},
		{CONTEXT + 0x200, 0x8000000ULL | 1 | 2 << 2, 0x3, true}, /* pass-through */
		{CONTEXT + 0x200, 0x7000 | 1 | 1 << 2, 0x3, true},       /* device-TLB */
		{CONTEXT + 0x200, 0x7000 | 1 | 3 << 2, 0x3, true},       /* reserved type */
		{CONTEXT + 0x208, 5 << 8 | 1, 0x3, true},                /* 3 levels */
		{CONTEXT + 0x208, 5 << 8 | 7, 0x3, true},
		{LEVEL(4), 0, 0x6, true},
		{LEVEL(1) + 0x123 * 8, DATA | VTD_SS_WRITE, 0x6, true},
		{LEVEL(2), 0x1000000 | 3, 0x7, true}, /* no memory there */
		{CONTEXT + 0x200, 0x1000000 | 1, 0x7, true},
		{ROOT + 16, 0x1000000 | 1, 0x9, false},
		{ROOT + 16, CONTEXT | 1 | 2, 0xa, false},
		{ROOT + 16, CONTEXT | 1 | 1ULL << 46, 0xa, false},
		{ROOT + 24, 1, 0xa, false},
		{CONTEXT + 0x200, 0x7000 | 1 | 0x10, 0xb, true},
		{CONTEXT + 0x200, 0x7000 | 1 | 1ULL << 46, 0xb, true},
		{CONTEXT + 0x208, 5 << 8 | 2 | 0x80, 0xb, true},
		{CONTEXT + 0x208, 1ULL << 24 | 2, 0xb, true},
		{LEVEL(4), 0x6000 | 3 | VTD_SS_PAGE_SIZE, 0xc, true},
		{LEVEL(4), 0x6000 | 3 | VTD_SS_SNOOP, 0xc, true},
		{LEVEL(3), 0x5000 | 3 | 1ULL << 46, 0xc, true},
		{LEVEL(3), 0x40000000 | 3 | VTD_SS_PAGE_SIZE | 0x1000, 0xc, true},
		{LEVEL(2), 0x200000 | 3 | VTD_SS_PAGE_SIZE | 0x100000, 0xc, true},
		{LEVEL(1) + 0x123 * 8, DATA | 3 | VTD_SS_SNOOP, 0xc, true},
		{LEVEL(1) + 0x123 * 8, DATA | 3 | VTD_SS_TRANSIENT, 0xc, true},
		{LEVEL(1) + 0x123 * 8, 0xfee00000 | 3, 0xe, true},
	};
	const struct iommu_model_vtd_config config = {.output_width = 46};
	unsigned int fpd;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		for (fpd = 0; fpd < 2; fpd++) {
			uint64_t low;

			running(&config);
			word(lies[i].paddr, lies[i].value);
			memcpy(&low, t.memory + CONTEXT + 0x200, 8);
			if (fpd != 0)
				word(CONTEXT + 0x200, iommu_le64(low) | VTD_CONTEXT_FPD);
			else
				word(CONTEXT + 0x200, iommu_le64(low) & ~VTD_CONTEXT_FPD);
			assert_int_equal(reach(0x123000, IOMMU_PROT_READ), lies[i].reason);
			if (fpd != 0 && lies[i].hidden_by_fpd) {
				assert_int_equal(reg(VTD_FSTS, 4), 0);
			} else {
				const uint64_t low_word = reg(0x220, 8);
				const uint64_t high = reg(0x228, 8);

				assert_int_equal(reg(VTD_FSTS, 4), VTD_FSTS_PPF);
				assert_int_equal(vtd_fault_reason(high), lies[i].reason);
				assert_int_equal(vtd_fault_source_id(high), SID);
				assert_int_equal(vtd_fault_type(high), VTD_FAULT_READ);
				assert_int_equal(low_word, 0x123000);
			}
			end();
		}
}

/*
 * What the way forbids is refused for that, also when the way is known: what is behind it is not
 * looked at.
 */
static void a_known_way_forbids_as_much(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	unsigned int reads;

	(void)state;
	running(&config);
	word(LEVEL(3), (MEMORY + 0x1000) | VTD_SS_READ); /* no memory */
	assert_int_equal(reach(0x123000, IOMMU_PROT_WRITE), 0x5);
	reads = t.reads;
	assert_int_equal(reach(0x123000, IOMMU_PROT_WRITE), 0x5);
	assert_int_equal(t.reads, reads);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0x7);
	end();
}

static void addresses_beyond_the_width_fault(void **state)
{
	const struct iommu_model_vtd_config narrow = {.address_width = 40, .levels = 1U << 4};
	const struct iommu_model_vtd_config wide = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH,
						    .output_width = 40};

	(void)state;
	running(&narrow);
	assert_int_equal(reach(1ULL << 40, IOMMU_PROT_READ), 0x4);
	assert_int_equal(reach((1ULL << 40) - 1, IOMMU_PROT_READ), 0x6);
	end();
	running(&wide);
	assert_int_equal(reach(1ULL << 48, IOMMU_PROT_READ), 0x4);
	assert_int_equal(reach(UINT64_MAX, IOMMU_PROT_WRITE), 0x4);
	end();
	/* Pass-through. */
	begin(&wide);
	make_tables(4, VTD_PASS_THROUGH);
	translation_on();
	assert_int_equal(reach(0x123456, RW), 0);
	assert_int_equal(result.paddr, 0x123456);
	assert_int_equal(result.prot, RW);
	assert_int_equal(result.size, 1ULL << 31); /* without the addresses of interrupts */
	assert_int_equal(reach((1ULL << 40) - 1, RW), 0);
	assert_int_equal(result.size, 1ULL << 39);
	assert_int_equal(reach(1ULL << 40, RW), 0x4);
	end();
}

static void interrupt_messages_are_not_memory(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PASS_THROUGH};

	(void)state;
	begin(&config);
	make_tables(4, VTD_PASS_THROUGH);
	assert_int_equal(reach(0xfee12345, IOMMU_PROT_WRITE), 0);
	assert_true(result.is_interrupt);
	translation_on();
	assert_int_equal(reach(0xfee00000, IOMMU_PROT_WRITE), 0);
	assert_true(result.is_interrupt);
	assert_int_equal(reach(0xfeefffff, IOMMU_PROT_READ), 0xe);
	assert_int_equal(reach(0xfedfffff, IOMMU_PROT_READ), 0);
	assert_int_equal(reach(0xfef00000, RW), 0);
	assert_false(result.is_interrupt);
	end();
}

static void protected_memory_is_closed(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PROTECTED_MEMORY};

	(void)state;
	begin(&config);
	set(VTD_PLMBASE, 4, UINT32_MAX);
	assert_int_equal(reg(VTD_PLMBASE, 4), 0xffe00000);
	set(VTD_PLMBASE, 4, 0x400000);
	set(VTD_PLMLIMIT, 4, 0x600000);
	set(VTD_PHMBASE, 8, 0x100000000);
	set(VTD_PHMLIMIT, 8, 0x100000000);
	assert_int_equal(reach(0x400000, IOMMU_PROT_READ), 0);
	set(VTD_PMEN, 4, VTD_PMEN_EPM);
	assert_int_equal(reg(VTD_PMEN, 4), VTD_PMEN_EPM | VTD_PMEN_PRS);
	assert_int_equal(reach(0x3fffff, IOMMU_PROT_READ), 0);
	assert_int_equal(reach(0x400000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reach(0x7fffff, IOMMU_PROT_WRITE), 0x5);
	assert_int_equal(reach(0x800000, IOMMU_PROT_READ), 0);
	assert_int_equal(reach(0x1001fffff, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reg(VTD_FSTS, 4), 0); /* no fault record is written for these */
	set(VTD_PMEN, 4, 0);
	assert_int_equal(reg(VTD_PMEN, 4), 0);
	assert_int_equal(reach(0x400000, IOMMU_PROT_READ), 0);
	end();
}

/* --- Caches ----------------------------------------------------------------------------------- */

/* After the page was cleared in memory: does this descriptor make the model notice? */
static bool drops_page(struct vtd_descriptor d, uint64_t address)
{
	static const struct iommu_model_vtd_config config = {.address_mask = 18};
	bool dropped;

	running(&config);
	queue_on();
	word(LEVEL(1) + (address >> 12 & 511) * 8, vtd_ss_leaf(DATA, 1, true, true));
	assert_int_equal(reach(address, IOMMU_PROT_READ), 0);
	word(LEVEL(1) + (address >> 12 & 511) * 8, 0);
	assert_int_equal(reach(address, IOMMU_PROT_READ), 0); /* it was not told */
	run_descriptors(&d, 1);
	dropped = reach(address, IOMMU_PROT_READ) != 0;
	end();
	return dropped;
}

static void only_the_right_invalidation_drops_a_page(void **state)
{
	(void)state;
	assert_true(drops_page(vtd_descriptor_iotlb_pages(5, 0x123000, 0, true, 0), 0x123000));
	assert_true(drops_page(vtd_descriptor_iotlb_pages(5, 0x120000, 2, true, 0), 0x123000));
	assert_true(drops_page(vtd_descriptor_iotlb_pages(5, 0, 18, false, 0), 0x123000));
	assert_true(drops_page(vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, 5, 0), 0x123000));
	assert_true(drops_page(vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0), 0x123000));
	/* Another page, too few pages, another domain, another cache. */
	assert_false(drops_page(vtd_descriptor_iotlb_pages(5, 0x122000, 0, false, 0), 0x123000));
	assert_false(drops_page(vtd_descriptor_iotlb_pages(5, 0x124000, 2, false, 0), 0x123000));
	assert_false(drops_page(vtd_descriptor_iotlb_pages(4, 0x123000, 0, false, 0), 0x123000));
	assert_false(drops_page(vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, 6, 0), 0x123000));
	assert_false(drops_page(vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 0, 0), 0x123000));
}

static bool takes_wait(unsigned int strict, uint64_t purposes)
{
	const struct iommu_model_vtd_config config = {.strict = strict};
	bool taken;

	running(&config);
	queue_on();
	submit((struct vtd_descriptor){.low = VTD_DESCRIPTOR_WAIT | purposes, .high = STATUS});
	taken = (reg(VTD_FSTS, 4) & VTD_FSTS_IQE) == 0;
	assert_int_equal(reg(VTD_IQH, 8), taken ? 16 : 0);
	/* Of one that is mended the queue goes on. */
	word(QUEUE, VTD_DESCRIPTOR_WAIT | VTD_WAIT_STATUS_WRITE);
	set(VTD_FSTS, 4, VTD_FSTS_IQE);
	set(VTD_IQT, 8, 16);
	assert_int_equal(reg(VTD_IQH, 8), 16);
	assert_int_equal(reg(VTD_FSTS, 4) & VTD_FSTS_IQE, 0);
	end();
	return taken;
}

static void a_wait_for_nothing_is_refused(void **state)
{
	(void)state;
	assert_false(takes_wait(0, 0));
	assert_true(takes_wait(0, VTD_WAIT_FENCE));
	assert_true(takes_wait(0, VTD_WAIT_STATUS_WRITE));
	assert_true(takes_wait(0, VTD_WAIT_INTERRUPT));
	assert_false(takes_wait(IOMMU_MODEL_VTD_STRICT_WAITS, 0));
	assert_false(takes_wait(IOMMU_MODEL_VTD_STRICT_WAITS, VTD_WAIT_FENCE));
	assert_true(takes_wait(IOMMU_MODEL_VTD_STRICT_WAITS, VTD_WAIT_STATUS_WRITE));
	assert_true(takes_wait(IOMMU_MODEL_VTD_STRICT_WAITS, VTD_WAIT_INTERRUPT));
}

/* A context leads to translations: between the two there has to be a fence. */
static void strict_units_want_a_fence_between_caches(void **state)
{
	const struct iommu_model_vtd_config strict = {.strict = IOMMU_MODEL_VTD_STRICT_ORDER};
	const struct vtd_descriptor context = vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 0, 0),
				    iotlb = vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0);
	struct vtd_descriptor loose = vtd_descriptor_wait(STATUS, 1);

	(void)state;
	running(&strict);
	queue_on();
	submit(context);
	submit(context);
	submit(vtd_descriptor_wait(STATUS, 1));
	submit(iotlb);
	submit(context);
	assert_int_equal(t.misuses, 0);
	submit(iotlb);
	assert_int_equal(t.misuses, 1);
	/* A wait without one is none. */
	loose.low &= ~VTD_WAIT_FENCE;
	submit(context);
	submit(loose);
	submit(iotlb);
	assert_int_equal(t.misuses, 2);
	end();
}

static bool queue_turns_off(void)
{
	command(VTD_GLOBAL_QIE, false);
	return (reg(VTD_GSTS, 4) & VTD_GLOBAL_QIE) == 0;
}

static void strict_units_keep_a_busy_queue_on(void **state)
{
	const struct iommu_model_vtd_config lax = {.flags = 0};
	const struct iommu_model_vtd_config strict = {.strict = IOMMU_MODEL_VTD_STRICT_QUEUE_OFF};
	const struct iommu_model_vtd_faults hang = {.waits_hang = true}, none = {0};
	const struct vtd_descriptor wait = vtd_descriptor_wait(STATUS, 1);

	(void)state;
	running(&lax);
	iommu_model_vtd_misbehave(t.model, &hang);
	queue_on();
	submit(wait);
	assert_true(queue_turns_off());
	end();
	running(&strict);
	iommu_model_vtd_misbehave(t.model, &hang);
	queue_on();
	submit(wait);
	assert_false(queue_turns_off());
	assert_int_equal(reg(VTD_IQH, 8), 0);
	iommu_model_vtd_misbehave(t.model, &none);
	assert_int_equal(reg(VTD_IQH, 8), 16);
	assert_true(queue_turns_off());
	end();
}

static void strict_units_keep_a_queue_on_that_did_not_end_with_a_wait(void **state)
{
	const struct iommu_model_vtd_config strict = {.strict = IOMMU_MODEL_VTD_STRICT_QUEUE_LAST};

	(void)state;
	running(&strict);
	queue_on();
	assert_false(queue_turns_off());
	submit(vtd_descriptor_wait(STATUS, 1));
	submit(vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0));
	assert_false(queue_turns_off());
	submit(vtd_descriptor_wait(STATUS, 2));
	assert_true(queue_turns_off());
	/* What was executed before it was turned off does not count. */
	set(VTD_IQT, 8, 0);
	queue_on();
	assert_false(queue_turns_off());
	end();
}

/* A table replaced by another: leaves-only invalidation keeps the way to the old one. */
static void the_hint_keeps_the_way_through_tables(void **state)
{
	const struct iommu_model_vtd_config config = {.address_mask = 18};
	struct vtd_descriptor d;
	unsigned int hint;

	(void)state;
	for (hint = 0; hint < 2; hint++) {
		running(&config);
		queue_on();
		assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
		word(LEVEL(2), vtd_ss_table(0x15000));
		word(0x15000 + 0x123 * 8, vtd_ss_leaf(DATA + 0x1000, 1, true, true));
		d = vtd_descriptor_iotlb_pages(5, 0x123000, 0, hint != 0, 0);
		run_descriptors(&d, 1);
		assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
		assert_int_equal(result.paddr, hint != 0 ? DATA : DATA + 0x1000);
		end();
	}
}

static void context_entries_are_cached_by_device_and_domain(void **state)
{
	static const struct {
		struct vtd_descriptor d;
		bool drops;
	} cases[] = {
		{{.low = 0x11}, true},                             /* global */
		{{.low = 0x21 | 5 << 16}, true},                   /* domain */
		{{.low = 0x21 | 6 << 16}, false},                  /* another domain */
		{{.low = 0x31 | 5 << 16 | 0x120ULL << 32}, true},  /* device */
		{{.low = 0x31 | 0x120ULL << 32}, false},           /* not under that domain id */
		{{.low = 0x31 | 5 << 16 | 0x121ULL << 32}, false}, /* another function … */
		{{.low = 0x31 | 5 << 16 | 0x126ULL << 32 | 2ULL << 48}, true}, /* … masked */
		{{.low = 0x31 | 5 << 16 | 0x121ULL << 32 | 2ULL << 48}, false},
		{{.low = 0x31 | 5 << 16 | 0x127ULL << 32 | 3ULL << 48}, true},
		{{.low = 0x12}, false}, /* the IOTLB alone */
	};
	const struct iommu_model_vtd_config config = {.flags = 0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		running(&config);
		queue_on();
		assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
		word(CONTEXT + 0x200, 0);
		run_descriptors(&cases[i].d, 1);
		assert_int_equal(reach(0x123000, IOMMU_PROT_READ), cases[i].drops ? 0x2 : 0);
		end();
	}
}

static void caching_mode_remembers_what_is_not_there(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_CACHING_MODE};
	const struct vtd_descriptor old_context =
		vtd_descriptor_context(VTD_GRANULARITY_DEVICE, 0, SID);
	const struct vtd_descriptor page = vtd_descriptor_iotlb_pages(5, 0x123000, 0, false, 0);
	const struct vtd_descriptor leaf = vtd_descriptor_iotlb_pages(5, 0x123000, 0, true, 0);

	(void)state;
	begin(&config);
	translation_on();
	queue_on();
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0x1);
	make_tables(4, VTD_TRANSLATE_UNTRANSLATED);
	word(LEVEL(2), 0);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0x1);
	run_descriptors(&old_context, 1);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0x6);
	word(LEVEL(2), vtd_ss_table(LEVEL(1)));
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0x6);
	run_descriptors(&leaf, 1); /* it was a table that was missing */
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0x6);
	run_descriptors(&page, 1);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
	/* Domain id 0 tags what is not there: a domain must not have it. */
	word(CONTEXT + 0x208, vtd_context_high(4, 0));
	iommu_model_vtd_reset(t.model);
	translation_on();
	t.misuses = 0;
	(void)reach(0x123000, IOMMU_PROT_READ);
	assert_string_equal(t.misuse, "domain id 0 used in caching mode");
	end();
}

static void a_new_root_table_is_seen_after_an_invalidation(void **state)
{
	static const unsigned int flags[] = {0, IOMMU_MODEL_VTD_SELF_INVALIDATING};
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		const struct iommu_model_vtd_config config = {.flags = flags[i]};

		running(&config);
		assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
		set(VTD_RTADDR, 8, 0x30000); /* empty */
		assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
		command(VTD_GLOBAL_SRTP, true);
		assert_int_equal(reach(0x123000, IOMMU_PROT_READ), i == 0 ? 0 : 0x1);
		end();
	}
}

static void caches_can_be_bounded_and_can_forget(void **state)
{
	const struct iommu_model_vtd_config bounded = {.cache_entries = 3};
	const struct iommu_model_vtd_config forgetful = {.forget_seed = 1};
	struct iommu_model_vtd_stats stats;
	unsigned int i, changed = 0;

	(void)state;
	running(&bounded);
	for (i = 0; i < 512; i++) {
		word(LEVEL(1) + i * 8, vtd_ss_leaf(DATA, 1, true, true));
		assert_int_equal(reach(i * 4096, IOMMU_PROT_READ), 0);
	}
	iommu_model_vtd_get_stats(t.model, &stats);
	assert_int_equal(stats.cached_contexts + stats.cached_pages + stats.cached_tables, 3);
	end();
	running(&forgetful);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
	word(LEVEL(1) + 0x123 * 8, 0);
	for (i = 0; i < 100 && changed == 0; i++)
		changed = reach(0x123000, IOMMU_PROT_READ);
	assert_int_equal(changed, 0x6);
	end();
}

/* --- Invalidation by registers ---------------------------------------------------------------- */

static void registers_invalidate_while_the_queue_is_off(void **state)
{
	const struct iommu_model_vtd_config config = {.address_mask = 9};
	const struct iommu_model_vtd_config newest = {.version = 0x60};
	const uint64_t iva = vtd_ecap_iotlb_offset(0xf00);

	(void)state;
	running(&config);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
	word(LEVEL(1) + 0x123 * 8, 0);
	set(iva, 8, 0x123000);
	/* By halves: nothing before the upper one. */
	set(iva + 8, 4, 0);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
	set(iva + 12, 4, vtd_iotlb(VTD_GRANULARITY_PAGE, 5, true, true) >> 32);
	assert_int_equal(vtd_iotlb_actual_granularity(reg(iva + 8, 8)), VTD_GRANULARITY_PAGE);
	assert_int_equal(reg(iva + 8, 8) & VTD_IOTLB_IVT, 0);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0x6);
	/* A mask that it does not have does nothing, and says so. */
	set(iva, 8, 10);
	set(iva + 8, 8, vtd_iotlb(VTD_GRANULARITY_PAGE, 5, false, false));
	assert_int_equal(vtd_iotlb_actual_granularity(reg(iva + 8, 8)), 0);
	word(CONTEXT + 0x200, 0);
	set(VTD_CCMD, 8, vtd_ccmd(VTD_GRANULARITY_DEVICE, 5, SID, 0));
	assert_int_equal(vtd_ccmd_actual_granularity(reg(VTD_CCMD, 8)), VTD_GRANULARITY_DEVICE);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0x2);
	assert_int_equal(t.misuses, 0);
	queue_on();
	set(VTD_CCMD, 8, vtd_ccmd(VTD_GRANULARITY_GLOBAL, 0, 0, 0));
	assert_int_equal(vtd_ccmd_actual_granularity(reg(VTD_CCMD, 8)), 0);
	set(iva + 8, 8, vtd_iotlb(VTD_GRANULARITY_GLOBAL, 0, false, false));
	assert_int_equal(reg(iva + 8, 8) & (VTD_IOTLB_IVT | 3ULL << 57), 0);
	assert_int_equal(t.misuses, 2);
	end();
	running(&newest);
	set(VTD_CCMD, 8, vtd_ccmd(VTD_GRANULARITY_GLOBAL, 0, 0, 0));
	assert_int_equal(vtd_ccmd_actual_granularity(reg(VTD_CCMD, 8)), 0);
	end();
}

/* --- The queue -------------------------------------------------------------------------------- */

static void waits_write_and_interrupt(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_model_vtd_faults hang = {.waits_hang = true};
	const struct iommu_model_vtd_faults late = {.wait_delay = 2};
	const struct iommu_model_vtd_faults none = {0};
	struct vtd_descriptor d = vtd_descriptor_wait(STATUS, 0xabcd1234);
	unsigned int i;

	(void)state;
	begin(&config);
	queue_on();
	submit(d);
	assert_int_equal(iommu_read_le32(t.memory + STATUS), 0xabcd1234);
	/* With an interrupt, masked at first. */
	set(VTD_IEADDR, 4, 0xfee02000);
	set(VTD_IEDATA, 4, 0x77);
	d.low |= VTD_WAIT_INTERRUPT;
	submit(d);
	assert_int_equal(reg(VTD_ICS, 4), VTD_ICS_IWC);
	assert_int_equal(reg(VTD_IECTL, 4), VTD_EVENT_MASK | VTD_EVENT_PENDING);
	assert_int_equal(t.messages, 0);
	set(VTD_IECTL, 4, 0);
	assert_int_equal(t.messages, 1);
	assert_int_equal(t.message_address, 0xfee02000);
	assert_int_equal(t.message_data, 0x77);
	submit(d); /* not again before the first was seen */
	assert_int_equal(t.messages, 1);
	set(VTD_ICS, 4, VTD_ICS_IWC);
	submit(d);
	assert_int_equal(t.messages, 2);
	/* Late, and never. */
	iommu_model_vtd_misbehave(t.model, &late);
	submit(vtd_descriptor_wait(STATUS, 2));
	assert_int_equal(iommu_read_le32(t.memory + STATUS), 0xabcd1234);
	for (i = 0; i < 4; i++)
		(void)reg(VTD_FSTS, 4);
	assert_int_equal(iommu_read_le32(t.memory + STATUS), 2);
	iommu_model_vtd_misbehave(t.model, &hang);
	submit(vtd_descriptor_wait(STATUS, 3));
	for (i = 0; i < 100; i++)
		(void)reg(VTD_FSTS, 4);
	assert_int_equal(iommu_read_le32(t.memory + STATUS), 2);
	iommu_model_vtd_misbehave(t.model, &none);
	assert_int_equal(iommu_read_le32(t.memory + STATUS), 3);
	/* All the way around. */
	for (i = 0; i < 600; i++)
		submit(vtd_descriptor_wait(STATUS + 4 * (i % 100), i));
	assert_int_equal(iommu_read_le32(t.memory + STATUS + 4 * 99), 599);
	end();
}

static void descriptors_that_are_wrong_stop_the_queue(void **state)
{
	static const struct {
		struct vtd_descriptor d;
		unsigned int why;
	} cases[] = {
		{{0, 0}, VTD_QUEUE_ERROR_TYPE},
		{{6, 0}, VTD_QUEUE_ERROR_TYPE},
		{{0xf, 0}, VTD_QUEUE_ERROR_TYPE},
		{{VTD_DESCRIPTOR_IEC, 0}, VTD_QUEUE_ERROR_TYPE},        /* no such feature */
		{{VTD_DESCRIPTOR_DEVICE_TLB, 0}, VTD_QUEUE_ERROR_TYPE}, /* no such feature */
		{{0x11 | 0x200, 0}, VTD_QUEUE_ERROR_RESERVED},
		{{0x01, 0}, VTD_QUEUE_ERROR_RESERVED}, /* no granularity */
		{{0x11 | 0x40, 0}, VTD_QUEUE_ERROR_RESERVED},
		{{0x11, 1}, VTD_QUEUE_ERROR_RESERVED},
		{{0x11 | 1ULL << 50, 0}, VTD_QUEUE_ERROR_RESERVED},
		{{0x02, 0}, VTD_QUEUE_ERROR_RESERVED},
		{{0x12 | 0x100, 0}, VTD_QUEUE_ERROR_RESERVED},
		{{0x12 | 1ULL << 32, 0}, VTD_QUEUE_ERROR_RESERVED},
		{{0x32, 10}, VTD_QUEUE_ERROR_RESERVED}, /* a mask beyond MAMV */
		{{0x32, 0x80}, VTD_QUEUE_ERROR_RESERVED},
		{{VTD_DESCRIPTOR_WAIT, 0}, VTD_QUEUE_ERROR_RESERVED}, /* asks for nothing */
		{{VTD_DESCRIPTOR_WAIT | 0x80, 0}, VTD_QUEUE_ERROR_RESERVED},
		{{VTD_DESCRIPTOR_WAIT | VTD_WAIT_STATUS_WRITE, STATUS + 2},
		 VTD_QUEUE_ERROR_RESERVED},
	};
	const struct iommu_model_vtd_config config = {.address_mask = 9};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&config);
		queue_on();
		submit(vtd_descriptor_wait(STATUS, 1));
		submit(cases[i].d);
		assert_true((reg(VTD_FSTS, 4) & VTD_FSTS_IQE) != 0);
		assert_int_equal(reg(VTD_IQERCD, 8) & 0xf, cases[i].why);
		assert_int_equal(reg(VTD_IQH, 8), 16);
		/* Nothing more until it was mended and cleared. */
		submit(vtd_descriptor_wait(STATUS, 2));
		assert_int_equal(iommu_read_le32(t.memory + STATUS), 1);
		word(QUEUE + 16, VTD_DESCRIPTOR_WAIT | VTD_WAIT_FENCE);
		word(QUEUE + 24, 0);
		set(VTD_FSTS, 4, VTD_FSTS_IQE);
		set(VTD_IQT, 8, vtd_queue_offset(t.tail, false));
		assert_int_equal(iommu_read_le32(t.memory + STATUS), 2);
		end();
	}
}

static void queues_that_are_wrong_stop_at_once(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_model_vtd_faults refuse = {.refuse_after = 2};

	(void)state;
	begin(&config);
	queue_on();
	set(VTD_IQT, 8, 4096);
	assert_int_equal(reg(VTD_IQERCD, 8) & 0xf, VTD_QUEUE_ERROR_TAIL);
	command(VTD_GLOBAL_QIE, false);
	set(VTD_FSTS, 4, VTD_FSTS_IQE);
	set(VTD_IQT, 8, 0);
	set(VTD_IQA, 8, QUEUE | VTD_IQA_WIDE);
	command(VTD_GLOBAL_QIE, true);
	set(VTD_IQT, 8, 32);
	assert_int_equal(reg(VTD_IQERCD, 8) & 0xf, VTD_QUEUE_ERROR_WIDTH);
	command(VTD_GLOBAL_QIE, false);
	set(VTD_FSTS, 4, VTD_FSTS_IQE);
	set(VTD_IQT, 8, 0);
	set(VTD_IQA, 8, 0x1000000); /* no memory there */
	command(VTD_GLOBAL_QIE, true);
	set(VTD_IQT, 8, 16);
	assert_int_equal(reg(VTD_IQERCD, 8) & 0xf, VTD_QUEUE_ERROR_FETCH);
	iommu_model_vtd_reset(t.model);
	queue_on();
	iommu_model_vtd_misbehave(t.model, &refuse);
	submit(vtd_descriptor_wait(STATUS, 1));
	assert_int_equal(reg(VTD_FSTS, 4), 0);
	submit(vtd_descriptor_wait(STATUS, 2));
	assert_int_equal(reg(VTD_FSTS, 4), VTD_FSTS_IQE);
	/* A status that cannot be written is the driver's mistake. */
	iommu_model_vtd_reset(t.model);
	queue_on();
	t.misuses = 0;
	submit(vtd_descriptor_wait(0x1000000, 1));
	assert_int_equal(t.misuses, 1);
	end();
}

/* --- Faults ----------------------------------------------------------------------------------- */

static void fault_records_are_a_ring(void **state)
{
	const struct iommu_model_vtd_config config = {.fault_records = 3};
	unsigned int i;

	(void)state;
	running(&config);
	set(VTD_FEADDR, 4, 0xfee03000);
	set(VTD_FEUADDR, 4, 1);
	set(VTD_FEDATA, 4, 0x99);
	assert_int_equal(reach(0x200000, IOMMU_PROT_WRITE), 0x5);
	assert_int_equal(reg(VTD_FECTL, 4), VTD_EVENT_MASK | VTD_EVENT_PENDING);
	set(VTD_FECTL, 4, 0);
	assert_int_equal(t.messages, 1);
	assert_int_equal(t.message_address, 0x1fee03000);
	assert_int_equal(reach(0x201000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reach(0x202000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reg(VTD_FSTS, 4), VTD_FSTS_PPF);
	assert_int_equal(reach(0x203000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reg(VTD_FSTS, 4), VTD_FSTS_PPF | VTD_FSTS_PFO);
	assert_int_equal(t.messages, 1); /* one for all */
	for (i = 0; i < 3; i++) {
		assert_int_equal(reg(0x220 + 16 * i, 8), 0x200000 + 0x1000 * i);
		/* Writing anything but F does nothing. */
		set(0x220 + 16 * i, 8, UINT64_MAX);
		set(0x228 + 16 * i, 4, UINT32_MAX);
		assert_true((reg(0x228 + 16 * i, 8) & VTD_FAULT_F) != 0);
	}
	set(0x22c, 4, 1U << 31);
	assert_int_equal(vtd_fsts_record_index((uint32_t)reg(VTD_FSTS, 4)), 1);
	/* Overflow blocks recording until it is cleared. */
	assert_int_equal(reach(0x204000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reg(0x228, 8) & VTD_FAULT_F, 0);
	set(VTD_FSTS, 4, VTD_FSTS_PFO);
	assert_int_equal(reach(0x205000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reg(0x220, 8), 0x205000);
	for (i = 0; i < 3; i++)
		set(0x22c + 16 * i, 4, 1U << 31);
	assert_int_equal(reg(VTD_FSTS, 4) & (VTD_FSTS_PPF | VTD_FSTS_PFO), 0);
	assert_int_equal(reach(0x206000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(t.messages, 2);
	end();
}

/* --- Device-TLBs ------------------------------------------------------------------------------ */

static void translation_requests_and_what_came_of_them(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB};

	(void)state;
	running(&config);
	/* The context entry does not allow it. */
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATION_REQUEST, 0x123000, RW), 0xd);
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATED, DATA, RW), 0xd);
	iommu_model_vtd_reset(t.model);
	make_tables(4, VTD_TRANSLATE_ALL);
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATION_REQUEST, 0x123000, RW), 0xd);
	translation_on();
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATION_REQUEST, 0x123456, RW), 0);
	assert_int_equal(result.paddr, DATA + 0x456);
	assert_int_equal(result.prot, RW);
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATED, DATA + 0x456, RW), 0);
	assert_int_equal(result.paddr, DATA + 0x456);
	/* Not there: an answer, not a fault. */
	(void)reg(VTD_FSTS, 4);
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATION_REQUEST, 0x200000, RW), 0);
	assert_int_equal(result.prot, 0);
	word(LEVEL(1), vtd_ss_leaf(DATA, 1, true, false));
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATION_REQUEST, 0, RW), 0);
	assert_int_equal(result.prot, IOMMU_PROT_READ);
	assert_int_equal(reg(VTD_FSTS, 4), 0);
	end();
}

static void devices_are_asked_and_may_be_silent(void **state)
{
	static const struct {
		unsigned int order;
		uint64_t address, size;
	} cases[] = {
		{0, 0x123000, 0x1000}, {1, 0x122000, 0x2000},    {3, 0x120000, 0x8000},
		{9, 0, 0x200000},      {18, 0x0, IOMMU_SIZE_1G}, {60, 0, 0},
	};
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB};
	size_t i;

	(void)state;
	begin(&config);
	make_tables(4, VTD_TRANSLATE_ALL);
	translation_on();
	queue_on();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		submit(vtd_descriptor_device_tlb(SID, 0x123000, cases[i].order, 5, false, 0x777));
		submit(vtd_descriptor_wait(STATUS, (uint32_t)i + 1));
		assert_int_equal(t.asked, i + 1);
		assert_int_equal(t.asked_last.source_id, SID);
		assert_int_equal(t.asked_last.address, cases[i].address);
		assert_int_equal(t.asked_last.size, cases[i].size);
		assert_int_equal(iommu_read_le32(t.memory + STATUS), i + 1);
	}
	/* With the function named, which this unit does not want. */
	submit(vtd_descriptor_device_tlb(SID, 0, 0, 5, true, 0x777));
	assert_int_equal(reg(VTD_IQERCD, 8) & 0xf, VTD_QUEUE_ERROR_RESERVED);
	command(VTD_GLOBAL_QIE, false);
	set(VTD_FSTS, 4, VTD_FSTS_IQE);
	set(VTD_IQT, 8, 0);
	queue_on();
	t.silent = true;
	submit(vtd_descriptor_device_tlb(SID, 0, 0, 5, false, 0));
	assert_int_equal(reg(VTD_FSTS, 4), VTD_FSTS_ITE);
	assert_int_equal(vtd_iqercd_silent(reg(VTD_IQERCD, 8)), SID);
	submit(vtd_descriptor_wait(STATUS, 99));
	assert_true(iommu_read_le32(t.memory + STATUS) != 99);
	set(VTD_FSTS, 4, VTD_FSTS_ITE);
	set(VTD_IQT, 8, vtd_queue_offset(t.tail, false));
	assert_int_equal(iommu_read_le32(t.memory + STATUS), 99);
	assert_int_equal(t.misuses, 0);
	command(VTD_GLOBAL_TE, false);
	t.silent = false;
	submit(vtd_descriptor_device_tlb(SID, 0, 0, 5, false, 0));
	assert_string_equal(t.misuse, "device-TLB invalidation while translation is off");
	end();
}

/* --- Interrupts ------------------------------------------------------------------------------- */

static struct iommu_model_interrupt sent;

static unsigned int send(uint64_t address, uint32_t data)
{
	(void)iommu_model_vtd_interrupt(t.model, SID, address, data, &sent);
	return sent.reason;
}

static void entry(unsigned int index, uint64_t low, uint64_t high)
{
	word(TABLE + index * 16ULL, low);
	word(TABLE + index * 16ULL + 8, high);
}

static void interrupts_fault_for_their_reasons(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING |
							       IOMMU_MODEL_VTD_X2APIC |
							       IOMMU_MODEL_VTD_POSTED_INTERRUPTS,
						      .fault_records = 64};
	const struct vtd_descriptor one = vtd_descriptor_interrupts(5, 0);
	const struct vtd_descriptor other = vtd_descriptor_interrupts(4, 0);

	(void)state;
	begin(&config);
	queue_on();
	set(VTD_IRTA, 8, vtd_irta(TABLE, 8, false)); /* 256 entries: the whole page */
	command(VTD_GLOBAL_SIRTP, true);
	command(VTD_GLOBAL_IRE, true);
	assert_int_equal(send(0xfee00000, 0x31), 0x25);
	command(VTD_GLOBAL_CFI, true);
	assert_int_equal(send(0xfee00000, 0x31), 0);
	assert_true(sent.unchanged);
	command(VTD_GLOBAL_CFI, false);
	assert_int_equal(send(vtd_msi_address(5, false), 1 << 16), 0x20);
	assert_int_equal(send(vtd_msi_address(256, false), 0), 0x21);
	assert_int_equal(send(vtd_msi_address(250, true), 6), 0x21);
	assert_int_equal(send(vtd_msi_address(0xffff, true), 0xffff), 0x21);
	assert_int_equal(send(vtd_msi_address(5, false), 0), 0x22);
	entry(5, vtd_irte_remapped_low(0x44, 0, false, false, false, 3, false), 0);
	assert_int_equal(send(vtd_msi_address(5, false), 0), 0);
	assert_int_equal(sent.vector, 0x44);
	assert_int_equal(sent.destination, 3);
	/* Cached, until told. */
	entry(5, vtd_irte_remapped_low(0x45, 0, false, false, false, 3, false), 0);
	assert_int_equal(send(vtd_msi_address(5, false), 0), 0);
	assert_int_equal(sent.vector, 0x44);
	run_descriptors(&other, 1);
	assert_int_equal(send(vtd_msi_address(5, false), 0), 0);
	assert_int_equal(sent.vector, 0x44);
	run_descriptors(&one, 1);
	assert_int_equal(send(vtd_msi_address(3, true), 2), 0);
	assert_int_equal(sent.vector, 0x45);
	/* Reserved bits, by form and mode. */
	entry(6, vtd_irte_remapped_low(1, 0, false, false, false, 0, false) | 1 << 12, 0);
	assert_int_equal(send(vtd_msi_address(6, false), 0), 0x24);
	entry(7, vtd_irte_remapped_low(1, 0, false, false, false, 0x12, true), 0);
	assert_int_equal(send(vtd_msi_address(7, false), 0), 0x24);
	entry(8, vtd_irte_remapped_low(1, 0, false, false, false, 0, false), 1ULL << 20);
	assert_int_equal(send(vtd_msi_address(8, false), 0), 0x24);
	entry(9, vtd_irte_remapped_low(1, 0, false, false, false, 0, false), 3ULL << 18);
	assert_int_equal(send(vtd_msi_address(9, false), 0), 0x24);
	entry(10, vtd_irte_posted_low(1, false, POSTED) | 1 << 2, 0);
	assert_int_equal(send(vtd_msi_address(10, false), 0), 0x24);
	entry(11, vtd_irte_remapped_low(1, 0, false, false, false, 0, false),
	      vtd_irte_high(VTD_SOURCE_ID, 0, SID + 1));
	assert_int_equal(send(vtd_msi_address(11, false), 0), 0x26);
	entry(12, vtd_irte_posted_low(1, false, 0x1000000), 0);
	assert_int_equal(send(vtd_msi_address(12, false), 0), 0x27);
	/* The record of an interrupt names the index. */
	assert_int_equal(reg(0x220 + 16, 8) >> 48, 5);
	assert_int_equal(vtd_fault_reason(reg(0x228 + 16, 8)), 0x20);
	/* FPD keeps quiet what depends on the entry. */
	t.misuses = 0;
	entry(13, VTD_IRTE_FPD, 0);
	{
		const uint64_t before = reg(VTD_FSTS, 4);
		struct iommu_model_vtd_stats first, second;
		unsigned int i, records = 0, after = 0;

		for (i = 0; i < 64; i++)
			records += (reg(0x228 + 16 * i, 8) & VTD_FAULT_F) != 0;
		iommu_model_vtd_get_stats(t.model, &first);
		assert_int_equal(send(vtd_msi_address(13, false), 0), 0x22);
		iommu_model_vtd_get_stats(t.model, &second);
		for (i = 0; i < 64; i++)
			after += (reg(0x228 + 16 * i, 8) & VTD_FAULT_F) != 0;
		assert_int_equal(second.faults, first.faults + 1);
		assert_int_equal(after, records);
		assert_int_equal(reg(VTD_FSTS, 4), before);
	}
	/* A table where no memory is, once its own command has set it. */
	set(VTD_IRTA, 8, vtd_irta(0x1000000, 8, false));
	set(VTD_RTADDR, 8, ROOT);
	command(VTD_GLOBAL_SRTP, true);
	assert_int_equal(send(vtd_msi_address(20, false), 0), 0x22);
	command(VTD_GLOBAL_SIRTP, true);
	assert_int_equal(send(vtd_msi_address(20, false), 0), 0x23);
	/* x2APIC mode must not change while it is on. */
	set(VTD_IRTA, 8, vtd_irta(TABLE, 8, true));
	command(VTD_GLOBAL_SIRTP, true);
	assert_string_equal(t.misuse, "x2APIC mode changed while interrupt remapping is on");
	end();
}

/* --- State ------------------------------------------------------------------------------------ */

static void state_is_saved_and_restored(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
						      .fault_records = 4};
	const struct iommu_model_vtd_config other = {.flags = IOMMU_MODEL_VTD_CACHING_MODE,
						     .fault_records = 4};
	unsigned char saved[2048];
	struct iommu_model_vtd *first, *second;
	size_t size, i;

	(void)state;
	running(&config);
	queue_on();
	assert_int_equal(reach(0x200000, IOMMU_PROT_WRITE), 0x5);
	size = iommu_model_vtd_save(t.model, NULL, 0);
	assert_true(size != 0 && size <= sizeof(saved));
	assert_int_equal(iommu_model_vtd_save(t.model, saved, size - 1), size);
	assert_int_equal(iommu_model_vtd_save(t.model, saved, sizeof(saved)), size);
	first = t.model;
	assert_int_equal(create(&config), 0);
	second = t.model;
	assert_int_equal(iommu_model_vtd_restore(second, saved, size), 0);
	assert_int_equal(reach(0x123000, RW), 0);
	assert_int_equal(result.paddr, DATA);
	assert_int_equal(reg(0x220, 8), 0x200000);
	submit(vtd_descriptor_wait(STATUS, 7));
	assert_int_equal(iommu_read_le32(t.memory + STATUS), 7);
	assert_int_equal(iommu_model_vtd_restore(second, saved, size - 8), IOMMU_EINVAL);
	/* Of another kind of unit. */
	assert_int_equal(create(&other), 0);
	assert_int_equal(iommu_model_vtd_restore(t.model, saved, size), IOMMU_EINVAL);
	iommu_model_vtd_destroy(t.model);
	/*
	 * Whatever the bytes are: refused, or a state in which nothing worse than a fault happens.
	 */
	t.model = second;
	for (i = 0; i < size * 8; i++) {
		struct iommu_model_request request = {
			.source_id = SID, .address = 0x123000, .access = RW};

		saved[i / 8] ^= (unsigned char)(1 << i % 8);
		if (iommu_model_vtd_restore(second, saved, size) == 0) {
			(void)iommu_model_vtd_translate(second, &request, &result);
			(void)iommu_model_vtd_interrupt(second, SID, 0xfee00010, 0, &sent);
			set(VTD_IQT, 8, 16);
			(void)reg(VTD_FSTS, 4);
		}
		saved[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	iommu_model_vtd_destroy(second);
	t.model = first;
	end();
}

/* --- A driver that does everything wrong ------------------------------------------------------ */

/*
 * Each bit of each word: whether a state may have it otherwise, which is where a register can hold
 * it, and whether it is then saved again as it was, or is settled at once.
 */
static void states_hold_what_registers_can(void **state)
{
	static const struct {
		uint64_t taken, settled;
	} words[] = {
		/* magic */
		{0, 0},
		/* version and capabilities */
		{0, 0},
		{0, 0},
		{0, 0},
		/* gcmd: reads as 0 */
		{0, 0},
		/* gsts: what is on */
		{0x4d800000, 0},
		/* rtaddr, root, root_set */
		{0xfffffffffffffc00, 0},
		{0xffffffffffffffff, 0},
		{0x1, 0},
		/* ccmd, iva, iotlb */
		{0xf8000003ffffffff, 0x8000000000000000},
		{0xfffffffffffff07f, 0},
		{0xb603ffff00000000, 0x8000000000000000},
		/* fsts, fectl, fedata, feaddr, feuaddr */
		{0xff7f, 0xff02},
		{0xc0000000, 0x40000000},
		{0xffff, 0},
		{0xfffffffc, 0},
		{0xffffffff, 0},
		/* pmen and its four bounds */
		{0x80000001, 0x80000001},
		{0xffe00000, 0},
		{0xffe00000, 0},
		{0xffffffffffe00000, 0},
		{0xffffffffffe00000, 0},
		/* iqh, iqt, iqa, iqercd */
		{0xff0, 0},
		{0x7fff0, 0},
		{0xfffffffffffff807, 0},
		{0xffffffffffffffff, 0},
		/* ics, iectl, iedata, ieaddr, ieuaddr */
		{0x1, 0},
		{0xc0000000, 0x40000000},
		{0xffff, 0},
		{0xfffffffc, 0},
		{0xffffffff, 0},
		/* irta, interrupts, interrupts_set */
		{0xfffffffffffff80f, 0},
		{0xffffffffffffffff, 0},
		{0x1, 0},
		/* the next fault record */
		{0x1, 0},
		/* pqh, pqt, pqa, prs, pectl, pedata, peaddr, peuaddr */
		{0x7ffe0, 0},
		{0x7ffe0, 0},
		{0xfffffffffffff007, 0},
		{0x3, 0},
		{0xc0000000, 0x40000000},
		{0xffff, 0},
		{0xfffffffc, 0},
		{0xffffffff, 0},
		/* two fault records */
		{0xffffffffffffffff, 0},
		{0xffffffffffffffff, 0x8000000000000000},
		{0xffffffffffffffff, 0},
		{0xffffffffffffffff, 0x8000000000000000},
		/* what is on its way */
		{0x1f, 0x1a},
		{0xc7800000, 0},
		{0, 0},
		{0x100000000, 0x100000000},
		{0, 0},
		{0x100000000, 0x100000000},
		{0, 0},
		{0x100000000, 0x100000000},
		{0x1ff0fffff3dffff, 0x1ff0fffff3dffff},
		{0x1ff0fffff3dffff, 0x1ff0fffff3dffff},
		{0xffffffffffffffff, 0xffffffffffffffff},
		{0x1ff0fffff0fffff, 0x1ff0fffff0fffff},
	};
	const struct iommu_model_vtd_config config = {
		.fault_records = 2,
		.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			 IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_DEVICE_TLB |
			 IOMMU_MODEL_VTD_PAGE_REQUESTS | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING |
			 IOMMU_MODEL_VTD_PROTECTED_MEMORY};
	static unsigned char saved[sizeof(words) / sizeof(words[0]) * 8], again[sizeof(saved)];
	size_t word;
	unsigned int bit;

	(void)state;
	begin(&config);
	assert_int_equal(iommu_model_vtd_save(t.model, NULL, 0), sizeof(saved));
	assert_int_equal(iommu_model_vtd_save(t.model, saved, sizeof(saved)), sizeof(saved));
	for (word = 0; word < sizeof(words) / sizeof(words[0]); word++)
		for (bit = 0; bit < 64; bit++) {
			unsigned char *byte = &saved[word * 8 + bit / 8];
			const unsigned char flip = (unsigned char)(1 << bit % 8);
			int status;

			*byte ^= flip;
			status = iommu_model_vtd_restore(t.model, saved, sizeof(saved));
			if (status != ((words[word].taken >> bit & 1) != 0 ? 0 : IOMMU_EINVAL))
				fail_msg("word %u, bit %u: %d", (unsigned int)word, bit, status);
			if (status == 0) {
				(void)iommu_model_vtd_save(t.model, again, sizeof(again));
				if ((memcmp(again, saved, sizeof(saved)) != 0) !=
				    ((words[word].settled >> bit & 1) != 0))
					fail_msg("word %u, bit %u", (unsigned int)word, bit);
			}
			*byte ^= flip;
		}
	end();
}

static void random_registers_and_memory_do_no_harm(void **state)
{
	static const uint64_t interesting[] = {
		VTD_GCMD, VTD_GCMD, VTD_RTADDR, VTD_CCMD, VTD_FSTS, VTD_FECTL, VTD_PMEN,
		VTD_IQT,  VTD_IQT,  VTD_IQA,    VTD_IRTA, 0xf0,     0xf8,      0x22c,
	};
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 200000);
	const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_CACHING_MODE | IOMMU_MODEL_VTD_DEVICE_TLB |
			 IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_X2APIC |
			 IOMMU_MODEL_VTD_POSTED_INTERRUPTS | IOMMU_MODEL_VTD_PASS_THROUGH |
			 IOMMU_MODEL_VTD_PROTECTED_MEMORY | IOMMU_MODEL_VTD_WRITE_BUFFER,
		.cache_entries = 500};
	struct test_random random = {.state = test_setting("IOMMU_TEST_SEED", 4711)};
	uint64_t i;

	(void)state;
	running(&config);
	for (i = 0; i < rounds; i++) {
		const uint64_t value = test_random_next(&random);
		struct iommu_model_request request = {
			.source_id = (uint16_t)(test_random_next(&random) & 0x1ff),
			.type = (enum iommu_model_request_type)test_random_below(&random, 3),
			.has_pasid = test_random_below(&random, 16) == 0,
			.address = value & 0x3fffff,
			.access = (unsigned int)test_random_below(&random, 4),
		};

		switch (test_random_below(&random, 6)) {
		case 0:
			set(test_random_below(&random, 0x400) & ~3ULL, 4, value);
			break;
		case 1:
			set(interesting[test_random_below(&random, 14)] & ~3ULL, 4,
			    test_random_below(&random, 4) == 0 ? value : 1ULL << value % 32);
			break;
		case 2:
			word(test_random_below(&random, MEMORY / 8) * 8,
			     test_random_below(&random, 2) == 0
				     ? value
				     : (value & 0x3f000) | (value & 0xf));
			break;
		case 3:
			(void)reg(test_random_below(&random, 0x400) & ~7ULL, 8);
			t.silent = value % 7 == 0;
			break;
		case 4:
			(void)iommu_model_vtd_interrupt(t.model, request.source_id,
							0xfee00000 | (value & 0xfffff),
							(uint32_t)(value >> 32 & 0xff), &sent);
			break;
		default:
			(void)iommu_model_vtd_translate(t.model, &request, &result);
		}
		if (i % 5000 == 0) {
			iommu_model_vtd_reset(t.model);
			make_tables(4, VTD_TRANSLATE_ALL);
			translation_on();
		}
	}
	end();
}

/* --- The DMAR builder ------------------------------------------------------------------------- */

static void a_built_table_reads_back(void **state)
{
	const struct iommu_pci_hop path[] = {{2, 0}, {31, 7}};
	struct iommu_dmar_record record = {0};
	struct iommu_dmar_scope scope = {0};
	struct iommu_dmar_builder b;
	struct iommu_dmar dmar;
	uint8_t bytes[512];
	int size;

	(void)state;
	iommu_dmar_begin(&b, bytes, sizeof(bytes), 46,
			 DMAR_FLAG_INTR_REMAP | DMAR_FLAG_PLATFORM_OPT_IN);
	iommu_dmar_add_unit(&b, 3, 0xfed90000, 0x3000, false);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, 0, 0x80, path, 2);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_IOAPIC, 9, 0xf0, path + 1, 1);
	iommu_dmar_add_unit(&b, 0, 0xfed91000, 4096, true);
	iommu_dmar_add_region(&b, 0, 0xa0000000, 0xa0001fff);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, 0, 0, path, 1);
	iommu_dmar_add_ports(&b, 0, true);
	iommu_dmar_add_affinity(&b, 0xfed91000, 2);
	iommu_dmar_add_name(&b, 7, "\\_SB.DEV0");
	iommu_dmar_add_integrated(&b, 0, true);
	size = iommu_dmar_finish(&b, "LIBIOM", "BUILDER!");
	assert_true(size > 0);
	assert_int_equal(iommu_dmar_open(&dmar, bytes, (size_t)size), 0);
	assert_int_equal(dmar.defects, 0);
	assert_int_equal(dmar.address_width, 46);
	assert_int_equal(dmar.flags, DMAR_FLAG_INTR_REMAP | DMAR_FLAG_PLATFORM_OPT_IN);
	assert_memory_equal(bytes + 10, "LIBIOMBUILDER!", 14);

	assert_true(iommu_dmar_next(&dmar, &record));
	assert_int_equal(record.type, DMAR_DRHD);
	assert_int_equal(record.segment, 3);
	assert_int_equal(record.drhd.base, 0xfed90000);
	assert_int_equal(record.drhd.size, 0x4000);
	assert_false(record.drhd.include_all);
	assert_true(iommu_dmar_next_scope(&dmar, &record, &scope));
	assert_int_equal(scope.type, DMAR_SCOPE_ENDPOINT);
	assert_int_equal(scope.start_bus, 0x80);
	assert_int_equal(scope.hops, 2);
	assert_int_equal(iommu_dmar_hop_device(&scope, 1), 31);
	assert_int_equal(iommu_dmar_hop_function(&scope, 1), 7);
	assert_true(iommu_dmar_next_scope(&dmar, &record, &scope));
	assert_int_equal(scope.type, DMAR_SCOPE_IOAPIC);
	assert_int_equal(scope.id, 9);
	assert_false(iommu_dmar_next_scope(&dmar, &record, &scope));
	assert_true(iommu_dmar_next(&dmar, &record));
	assert_true(record.drhd.include_all);
	assert_true(iommu_dmar_next(&dmar, &record));
	assert_int_equal(record.type, DMAR_RMRR);
	assert_int_equal(record.rmrr.last, 0xa0001fff);
	assert_true(iommu_dmar_next(&dmar, &record));
	assert_true(record.type == DMAR_ATSR && record.atsr.all_ports);
	assert_true(iommu_dmar_next(&dmar, &record));
	assert_int_equal(record.rhsa.proximity_domain, 2);
	assert_true(iommu_dmar_next(&dmar, &record));
	assert_int_equal(record.andd.number, 7);
	assert_string_equal(record.andd.name, "\\_SB.DEV0");
	assert_true(iommu_dmar_next(&dmar, &record));
	assert_true(record.type == DMAR_SATC && record.satc.atc_required);
	assert_false(iommu_dmar_next(&dmar, &record));
}

static int build(unsigned int which, uint8_t *bytes, size_t size)
{
	const struct iommu_pci_hop good = {1, 1}, bad = {32, 0};
	struct iommu_dmar_builder b;

	iommu_dmar_begin(&b, bytes, size, which == 0 ? 11 : 46, 0);
	if (which == 1)
		iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, 0, 0, &good, 1);
	iommu_dmar_add_unit(&b, 0, which == 2 ? 0xfed90001 : 0xfed90000,
			    which == 3 ? 1ULL << 40 : 4096, true);
	iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, which == 4 ? 256 : 0, 0,
			     which == 5 ? &bad : &good, which == 6 ? 0 : 1);
	if (which == 7)
		iommu_dmar_add_region(&b, 0, 0x1000, 0x1ffe);
	if (which == 8)
		iommu_dmar_add_region(&b, 0, 0x2000, 0x1fff);
	if (which == 9)
		iommu_dmar_add_name(&b, 1, "");
	iommu_dmar_add_affinity(&b, 0xfed90000, 0);
	if (which == 10)
		iommu_dmar_add_scope(&b, DMAR_SCOPE_ENDPOINT, 0, 0, &good, 1);
	return iommu_dmar_finish(&b, "", "");
}

static void a_table_that_cannot_be_is_not_built(void **state)
{
	uint8_t bytes[256];
	unsigned int which;
	size_t size;
	int needed;

	(void)state;
	for (which = 0; which <= 10; which++)
		assert_int_equal(build(which, bytes, sizeof(bytes)), IOMMU_EINVAL);
	needed = build(11, bytes, sizeof(bytes));
	assert_true(needed > 0);
	for (size = 0; size < (size_t)needed; size++)
		assert_int_equal(build(11, bytes, size), IOMMU_ENOSPC);
	assert_int_equal(build(11, bytes, (size_t)needed), needed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_lie_in_so_many_pages),
		cmocka_unit_test(configurations_that_contradict_themselves_are_refused),
		cmocka_unit_test(what_is_not_configured_is_sensible),
		cmocka_unit_test(capabilities_say_what_was_configured),
		cmocka_unit_test(registers_keep_the_rules),
		cmocka_unit_test(each_flag_is_a_capability),
		cmocka_unit_test(modes_do_not_change_under_translation),
		cmocka_unit_test(slow_and_stuck_commands),
		cmocka_unit_test(the_walk_leads_where_the_tables_say),
		cmocka_unit_test(permissions_are_those_of_all_levels),
		cmocka_unit_test(each_fault_has_its_reason),
		cmocka_unit_test(a_known_way_forbids_as_much),
		cmocka_unit_test(addresses_beyond_the_width_fault),
		cmocka_unit_test(interrupt_messages_are_not_memory),
		cmocka_unit_test(protected_memory_is_closed),
		cmocka_unit_test(only_the_right_invalidation_drops_a_page),
		cmocka_unit_test(a_wait_for_nothing_is_refused),
		cmocka_unit_test(strict_units_want_a_fence_between_caches),
		cmocka_unit_test(strict_units_keep_a_busy_queue_on),
		cmocka_unit_test(strict_units_keep_a_queue_on_that_did_not_end_with_a_wait),
		cmocka_unit_test(the_hint_keeps_the_way_through_tables),
		cmocka_unit_test(context_entries_are_cached_by_device_and_domain),
		cmocka_unit_test(caching_mode_remembers_what_is_not_there),
		cmocka_unit_test(a_new_root_table_is_seen_after_an_invalidation),
		cmocka_unit_test(caches_can_be_bounded_and_can_forget),
		cmocka_unit_test(registers_invalidate_while_the_queue_is_off),
		cmocka_unit_test(waits_write_and_interrupt),
		cmocka_unit_test(descriptors_that_are_wrong_stop_the_queue),
		cmocka_unit_test(queues_that_are_wrong_stop_at_once),
		cmocka_unit_test(fault_records_are_a_ring),
		cmocka_unit_test(translation_requests_and_what_came_of_them),
		cmocka_unit_test(devices_are_asked_and_may_be_silent),
		cmocka_unit_test(interrupts_fault_for_their_reasons),
		cmocka_unit_test(state_is_saved_and_restored),
		cmocka_unit_test(states_hold_what_registers_can),
		cmocka_unit_test(random_registers_and_memory_do_no_harm),
		cmocka_unit_test(a_built_table_reads_back),
		cmocka_unit_test(a_table_that_cannot_be_is_not_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
