/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the VT-d model offers to the emulator around it: a notice of every invalidation before the
 * guest sees completion, look-ups without side effects, and the mappings of a device. Without the
 * library's driver.
 */
#include <pthread.h>
#include <string.h>

#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "bare_vtd.h"
#include "base/byteorder.h"
#include "test.h"
#include "test_contract.h"

#define DOMAIN    5
#define ADDRESS   0x123000ULL
#define IOTLB     0x0f8
#define IVA       0x0f0
#define DIRECTORY 0x14000ULL
#define PASIDS    0x15000ULL
#define FIRST(n)  (0x15000ULL + 0x1000ULL * (n)) /* the first-stage table of level n */

/* --- What the emulator is told ---------------------------------------------------------------- */

#define TOLD_MAX 64

static struct iommu_model_invalidation told[TOLD_MAX];
static unsigned int told_count;
static unsigned int telling;
/* What else the callback does. */
static void (*inside)(const struct iommu_model_invalidation *what);
static bool device_answers = true;

static bool invalidate(void *ctx, const struct iommu_model_invalidation *what)
{
	(void)ctx;
	test_contract_no_lock(&t.hosted, "invalidate");
	assert_int_equal(telling, 0);
	telling++;
	assert_in_range(told_count, 0, TOLD_MAX - 1);
	told[told_count++] = *what;
	if (inside != NULL)
		inside(what);
	telling--;
	return device_answers;
}

static void listen(void)
{
	bare_vtd_invalidate = invalidate;
	telling = 0;
	told_count = 0;
	inside = NULL;
	device_answers = true;
}

static int stop_listening(void **state)
{
	(void)state;
	bare_vtd_invalidate = NULL;
	inside = NULL;
	return 0;
}

static void is_told(const struct iommu_model_invalidation *is,
		    const struct iommu_model_invalidation *wanted)
{
	assert_int_equal(is->type, wanted->type);
	assert_int_equal(is->granularity, wanted->granularity);
	assert_int_equal(is->by_register, wanted->by_register);
	assert_int_equal(is->is_on, wanted->is_on);
	assert_int_equal(is->has_domain, wanted->has_domain);
	assert_int_equal(is->domain_id, wanted->has_domain ? wanted->domain_id : is->domain_id);
	assert_int_equal(is->has_source, wanted->has_source);
	assert_int_equal(is->source_id, wanted->source_id);
	assert_int_equal(is->source_mask, wanted->source_mask);
	assert_int_equal(is->has_pasid, wanted->has_pasid);
	assert_int_equal(is->all_pasids, wanted->all_pasids);
	assert_int_equal(is->pasid, wanted->has_pasid ? wanted->pasid : is->pasid);
	assert_int_equal(is->address, wanted->address);
	assert_int_equal(is->size, wanted->size);
	assert_int_equal(is->leaves_only, wanted->leaves_only);
	assert_int_equal(is->first_index, wanted->first_index);
	assert_int_equal(is->index_count, wanted->index_count);
}

struct descriptor_case {
	struct vtd_descriptor d;
	struct iommu_model_invalidation what;
};

/*
 * The queue stands at the descriptor while the host is told of it, and nothing behind it is done.
 */
static void queue_stands(const struct iommu_model_invalidation *what)
{
	uint32_t status;

	(void)what;
	assert_int_equal(reg(VTD_IQH, 8), vtd_queue_offset(t.tail - 2, t.wide));
	memcpy(&status, t.memory + STATUS, 4);
	assert_int_equal(status, 0);
}

static void each_is_told(const struct descriptor_case *cases, size_t count)
{
	const struct vtd_descriptor wait = vtd_descriptor_wait(STATUS, 0x5a5a5a5a);
	size_t i;

	for (i = 0; i < count; i++) {
		const iommu_paddr_t place = QUEUE + vtd_queue_offset(t.tail, t.wide);

		/* Both at once, so that the wait could run before its time. */
		word(STATUS, 0);
		told_count = 0;
		word(place, cases[i].d.low);
		word(place + 8, cases[i].d.high);
		t.tail++;
		inside = queue_stands;
		submit(wait);
		inside = NULL;
		assert_int_equal(reg(VTD_FSTS, 4) & VTD_FSTS_IQE, 0);
		assert_int_equal(t.memory[STATUS], 0x5a);
		assert_int_equal(told_count, 1);
		is_told(&told[0], &cases[i].what);
	}
}

static void descriptors_of_legacy_mode(void **state)
{
	static const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
		.address_mask = 18};
	const struct descriptor_case cases[] = {
		{vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 9, 0),
		 {.type = IOMMU_MODEL_INVALIDATE_CONTEXTS}},
		{vtd_descriptor_context(VTD_GRANULARITY_DOMAIN, 9, 0),
		 {.type = IOMMU_MODEL_INVALIDATE_CONTEXTS,
		  .granularity = IOMMU_MODEL_OF_DOMAIN,
		  .has_domain = true,
		  .domain_id = 9}},
		{vtd_descriptor_context_functions(9, 0x1234, 2),
		 {.type = IOMMU_MODEL_INVALIDATE_CONTEXTS,
		  .granularity = IOMMU_MODEL_OF_DEVICES,
		  .has_domain = true,
		  .domain_id = 9,
		  .has_source = true,
		  .source_id = 0x1234,
		  .source_mask = 0xfff9}},
		{vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 9, 0),
		 {.type = IOMMU_MODEL_INVALIDATE_IOTLB}},
		{vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, 9, 0),
		 {.type = IOMMU_MODEL_INVALIDATE_IOTLB,
		  .granularity = IOMMU_MODEL_OF_DOMAIN,
		  .has_domain = true,
		  .domain_id = 9}},
		{vtd_descriptor_iotlb_pages(9, 0x7008000, 3, true, 0),
		 {.type = IOMMU_MODEL_INVALIDATE_IOTLB,
		  .granularity = IOMMU_MODEL_OF_RANGE,
		  .has_domain = true,
		  .domain_id = 9,
		  .address = 0x7008000,
		  .size = 0x8000,
		  .leaves_only = true}},
		{vtd_descriptor_device_tlb(0x1234, 0x40000, 4, 0, false, 0),
		 {.type = IOMMU_MODEL_INVALIDATE_DEVICE_TLB,
		  .granularity = IOMMU_MODEL_OF_RANGE,
		  .has_source = true,
		  .source_id = 0x1234,
		  .source_mask = 0xffff,
		  .address = 0x40000,
		  .size = 0x10000}},
		{vtd_descriptor_all_interrupts(), {.type = IOMMU_MODEL_INVALIDATE_INTERRUPTS}},
		{vtd_descriptor_interrupts(0x48, 3),
		 {.type = IOMMU_MODEL_INVALIDATE_INTERRUPTS,
		  .granularity = IOMMU_MODEL_OF_INDEXES,
		  .first_index = 0x48,
		  .index_count = 8}},
	};

	(void)state;
	listen();
	running(&config);
	queue_on();
	each_is_told(cases, sizeof(cases) / sizeof(cases[0]));
	/* The callback for device-TLBs alone is called, too. */
	assert_int_equal(t.asked, 1);
	assert_int_equal(t.asked_last.source_id, 0x1234);
	end();
}

static void scalable_on(enum vtd_pasid_type type);

static void descriptors_of_scalable_mode(void **state)
{
	static const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			 IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_DEVICE_TLB};
	const struct descriptor_case cases[] = {
		/* Contexts of scalable mode have no domain id: all that could be meant is told. */
		{vtd_descriptor_context(VTD_GRANULARITY_DOMAIN, 9, 0),
		 {.type = IOMMU_MODEL_INVALIDATE_CONTEXTS}},
		{vtd_descriptor_context(VTD_GRANULARITY_DEVICE, 9, 0x1234),
		 {.type = IOMMU_MODEL_INVALIDATE_CONTEXTS,
		  .granularity = IOMMU_MODEL_OF_DEVICES,
		  .has_source = true,
		  .source_id = 0x1234,
		  .source_mask = 0xffff}},
		{vtd_descriptor_pasid_cache(VTD_PASID_CACHE_GLOBAL, 9, 77),
		 {.type = IOMMU_MODEL_INVALIDATE_PASIDS}},
		{vtd_descriptor_pasid_cache(VTD_PASID_CACHE_DOMAIN, 9, 77),
		 {.type = IOMMU_MODEL_INVALIDATE_PASIDS,
		  .granularity = IOMMU_MODEL_OF_DOMAIN,
		  .has_domain = true,
		  .domain_id = 9}},
		{vtd_descriptor_pasid_cache(VTD_PASID_CACHE_PASID, 9, 77),
		 {.type = IOMMU_MODEL_INVALIDATE_PASIDS,
		  .granularity = IOMMU_MODEL_OF_PASID,
		  .has_domain = true,
		  .domain_id = 9,
		  .has_pasid = true,
		  .pasid = 77}},
		{vtd_descriptor_pasid_iotlb(9, 77),
		 {.type = IOMMU_MODEL_INVALIDATE_IOTLB,
		  .granularity = IOMMU_MODEL_OF_PASID,
		  .has_domain = true,
		  .domain_id = 9,
		  .has_pasid = true,
		  .pasid = 77}},
		{vtd_descriptor_pasid_iotlb_pages(9, 77, 0x200000, 9, false),
		 {.type = IOMMU_MODEL_INVALIDATE_IOTLB,
		  .granularity = IOMMU_MODEL_OF_RANGE,
		  .has_domain = true,
		  .domain_id = 9,
		  .has_pasid = true,
		  .pasid = 77,
		  .address = 0x200000,
		  .size = 0x200000}},
		{vtd_descriptor_pasid_device_tlb(0x1234, 77, 0, 52, 0, false, 0),
		 {.type = IOMMU_MODEL_INVALIDATE_DEVICE_TLB,
		  .granularity = IOMMU_MODEL_OF_RANGE,
		  .has_source = true,
		  .source_id = 0x1234,
		  .source_mask = 0xffff,
		  .has_pasid = true,
		  .pasid = 77}},
		{vtd_descriptor_all_pasids_device_tlb(0x1234, 0, false, 0),
		 {.type = IOMMU_MODEL_INVALIDATE_DEVICE_TLB,
		  .granularity = IOMMU_MODEL_OF_RANGE,
		  .has_source = true,
		  .source_id = 0x1234,
		  .source_mask = 0xffff,
		  .has_pasid = true,
		  .all_pasids = true}},
	};

	(void)state;
	listen();
	begin(&config);
	scalable_on(VTD_PASID_FIRST_STAGE);
	wide_queue_on();
	each_is_told(cases, sizeof(cases) / sizeof(cases[0]));
	end();
}

/* A device that does not answer stops the queue; of all else the answer does not count. */
static void only_a_device_may_be_silent(void **state)
{
	static const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB};

	(void)state;
	listen();
	running(&config);
	queue_on();
	device_answers = false;
	submit(vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0));
	assert_int_equal(reg(VTD_FSTS, 4) & (VTD_FSTS_IQE | VTD_FSTS_ITE), 0);
	assert_int_equal(reg(VTD_IQH, 8), 16);
	submit(vtd_descriptor_device_tlb(SID, 0, 0, 0, false, 0));
	assert_int_equal(reg(VTD_FSTS, 4) & VTD_FSTS_ITE, VTD_FSTS_ITE);
	end();
}

/* --- … by registers --------------------------------------------------------------------------- */

static const uint64_t context_command = VTD_CCMD_ICC | (uint64_t)VTD_GRANULARITY_DEVICE << 61;
static const uint64_t iotlb_command = VTD_IOTLB_IVT | (uint64_t)VTD_GRANULARITY_PAGE << 60;

static void not_complete_yet(const struct iommu_model_invalidation *what)
{
	if (what->type == IOMMU_MODEL_INVALIDATE_CONTEXTS) {
		assert_true((reg(VTD_CCMD, 8) & VTD_CCMD_ICC) != 0);
		/* Another processor must not, and gets nowhere with it. */
		set(VTD_CCMD, 8, 0);
		assert_true((reg(VTD_CCMD, 8) & VTD_CCMD_ICC) != 0);
	} else {
		assert_true((reg(IOTLB, 8) & VTD_IOTLB_IVT) != 0);
		set(IOTLB, 8, 0);
		set(IVA, 8, 0x999000);
		assert_true((reg(IOTLB, 8) & VTD_IOTLB_IVT) != 0);
		assert_int_equal(reg(IVA, 8), 0x123000);
	}
}

static void commands_by_register(void **state)
{
	static const struct iommu_model_vtd_config config = {.flags = 0};
	const struct iommu_model_invalidation contexts = {
		.type = IOMMU_MODEL_INVALIDATE_CONTEXTS,
		.granularity = IOMMU_MODEL_OF_DEVICES,
		.by_register = true,
		.has_domain = true,
		.domain_id = 9,
		.has_source = true,
		.source_id = 0x1234,
		.source_mask = 0xffff,
	};
	const struct iommu_model_invalidation pages = {
		.type = IOMMU_MODEL_INVALIDATE_IOTLB,
		.granularity = IOMMU_MODEL_OF_RANGE,
		.by_register = true,
		.has_domain = true,
		.domain_id = 9,
		.address = ADDRESS,
		.size = 4096,
	};

	(void)state;
	listen();
	running(&config);
	told_count = 0;
	inside = not_complete_yet;
	set(VTD_CCMD, 8, context_command | 0x1234 << 16 | 9);
	assert_int_equal(reg(VTD_CCMD, 8) >> 59,
			 VTD_GRANULARITY_DEVICE << 2 | VTD_GRANULARITY_DEVICE);
	assert_int_equal(told_count, 1);
	is_told(&told[0], &contexts);
	set(IVA, 8, ADDRESS);
	assert_int_equal(t.misuses, 1);
	set(IOTLB, 8, iotlb_command | 9ULL << 32);
	assert_true(t.misuses > 1);
	assert_int_equal(reg(IOTLB, 8) >> 57, VTD_GRANULARITY_PAGE << 3 | VTD_GRANULARITY_PAGE);
	assert_int_equal(told_count, 2);
	is_told(&told[1], &pages);
	/* What was not done is not told. */
	inside = NULL;
	set(IVA, 8, ADDRESS | 63);
	set(IOTLB, 8, iotlb_command | 9ULL << 32);
	assert_int_equal(reg(IOTLB, 8) & (VTD_IOTLB_IVT | 3ULL << 57), 0);
	assert_int_equal(told_count, 2);
	end();
}

/* --- … of what is switched -------------------------------------------------------------------- */

static uint32_t expected_behind; /* bits of GSTS that are not to be seen changed yet */
static uint32_t status_before;
static unsigned int reason_inside;

static void status_is_behind(const struct iommu_model_invalidation *what)
{
	struct iommu_model_translation where;
	const struct iommu_model_request request = {
		.source_id = SID, .address = ADDRESS, .access = IOMMU_PROT_READ};

	(void)what;
	assert_int_equal((reg(VTD_GSTS, 4) ^ status_before) & expected_behind, 0);
	/* But it is so already. */
	(void)iommu_model_vtd_peek(t.model, &request, &where);
	reason_inside = where.reason;
	if (where.reason == 0)
		assert_int_equal(where.paddr,
				 what->type == IOMMU_MODEL_TRANSLATION_SWITCHED && !what->is_on
					 ? ADDRESS
					 : DATA);
	/* Another command must wait. */
	set(VTD_GCMD, 4, VTD_GLOBAL_CFI);
	assert_int_equal(reg(VTD_GSTS, 4) & VTD_GLOBAL_CFI, status_before & VTD_GLOBAL_CFI);
}

/* The command is told as `type`; its bit is seen after that, and not before. */
static void switches(uint32_t bit, bool value, enum iommu_model_invalidation_type type)
{
	status_before = (uint32_t)reg(VTD_GSTS, 4);
	if (bit == VTD_GLOBAL_SRTP || bit == VTD_GLOBAL_SIRTP)
		status_before &= ~bit;
	expected_behind = bit;
	told_count = 0;
	inside = status_is_behind;
	command(bit, value);
	inside = NULL;
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].type, type);
	assert_int_equal(told[0].is_on, value);
	assert_true(told[0].by_register);
	assert_int_equal((reg(VTD_GSTS, 4) & bit) != 0, value);
}

static void protection_is_behind(const struct iommu_model_invalidation *what)
{
	assert_int_equal((reg(VTD_PMEN, 4) & VTD_PMEN_PRS) != 0, !what->is_on);
}

static void what_is_switched(void **state)
{
	static const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_PROTECTED_MEMORY};

	(void)state;
	listen();
	begin(&config);
	make_tables(4, VTD_TRANSLATE_UNTRANSLATED);
	set(VTD_RTADDR, 8, ROOT);
	told_count = 0;
	command(VTD_GLOBAL_SRTP, true);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].type, IOMMU_MODEL_ROOT_TABLE_SET);
	switches(VTD_GLOBAL_TE, true, IOMMU_MODEL_TRANSLATION_SWITCHED);
	assert_int_equal(reason_inside, 0);
	switches(VTD_GLOBAL_SRTP, true, IOMMU_MODEL_ROOT_TABLE_SET);
	switches(VTD_GLOBAL_TE, false, IOMMU_MODEL_TRANSLATION_SWITCHED);
	command(VTD_GLOBAL_TE, true);
	set(VTD_IRTA, 8, TABLE | 7);
	switches(VTD_GLOBAL_SIRTP, true, IOMMU_MODEL_INTERRUPT_TABLE_SET);
	switches(VTD_GLOBAL_IRE, true, IOMMU_MODEL_INTERRUPTS_SWITCHED);
	switches(VTD_GLOBAL_CFI, true, IOMMU_MODEL_COMPATIBILITY_SWITCHED);
	switches(VTD_GLOBAL_IRE, false, IOMMU_MODEL_INTERRUPTS_SWITCHED);
	told_count = 0;
	command(VTD_GLOBAL_QIE, true);
	assert_int_equal(told_count, 0);
	inside = protection_is_behind;
	set(VTD_PMEN, 4, VTD_PMEN_EPM);
	assert_int_equal(reg(VTD_PMEN, 4), VTD_PMEN_EPM | VTD_PMEN_PRS);
	set(VTD_PMEN, 4, VTD_PMEN_EPM);
	set(VTD_PMEN, 4, 0);
	assert_int_equal(reg(VTD_PMEN, 4), 0);
	assert_int_equal(told_count, 2);
	assert_int_equal(told[0].type, IOMMU_MODEL_PROTECTED_MEMORY_SWITCHED);
	assert_true(told[0].is_on && !told[1].is_on);
	end();
}

static bool saw_closed;

/*
 * What a shadow does; and, while it is told that memory is open, another processor closes it again.
 */
static void see_and_close(const struct iommu_model_invalidation *what)
{
	const struct iommu_model_request request = {
		.source_id = SID, .address = 0x200000, .access = RW};

	saw_closed = iommu_model_vtd_peek(t.model, &request, &result) != 0;
	if (!what->is_on)
		set(VTD_PMEN, 4, VTD_PMEN_EPM);
}

static void protection_that_is_switched_back(void **state)
{
	static const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_PROTECTED_MEMORY};

	(void)state;
	listen();
	begin(&config);
	set(VTD_PLMBASE, 4, 0x200000);
	set(VTD_PLMLIMIT, 4, 0x200000);
	set(VTD_PMEN, 4, VTD_PMEN_EPM);
	inside = see_and_close;
	told_count = 0;
	set(VTD_PMEN, 4, 0);
	assert_int_equal(told_count, 2);
	assert_true(told[1].is_on && saw_closed);
	assert_int_equal(reg(VTD_PMEN, 4), VTD_PMEN_EPM | VTD_PMEN_PRS);
	/* The region stays where the emulator was told that it is. */
	set(VTD_PLMBASE, 4, 0x400000);
	set(VTD_PLMLIMIT, 4, 0x400000);
	set(VTD_PHMLIMIT, 8, 0x400000);
	assert_int_equal(t.misuses, 3);
	assert_int_equal(reach(0x200000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reach(0x400000, IOMMU_PROT_READ), 0);
	end();
}

/* --- … of what the emulator does itself ------------------------------------------------------- */

static unsigned char saved[16384];

static void resets_and_restored_states(void **state)
{
	static const struct iommu_model_vtd_config config = {.flags = 0};
	uint32_t status;
	size_t size;

	(void)state;
	listen();
	running(&config);
	queue_on();
	size = iommu_model_vtd_save(t.model, saved, sizeof(saved));
	assert_in_range(size, 1, sizeof(saved));
	told_count = 0;
	iommu_model_vtd_reset(t.model);
	assert_int_equal(told_count, 1);
	assert_int_equal(told[0].type, IOMMU_MODEL_RESET);
	assert_int_equal(reg(VTD_GSTS, 4), 0);
	/* It is told before the restored queue goes on. */
	word(QUEUE, vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0).low);
	word(QUEUE + 16, vtd_descriptor_wait(STATUS, 3).low);
	word(QUEUE + 24, STATUS);
	set(VTD_IQT, 8, 32);
	size = iommu_model_vtd_save(t.model, saved, sizeof(saved));
	assert_int_equal(iommu_model_vtd_restore(t.model, saved, size), 0);
	assert_int_equal(told[1].type, IOMMU_MODEL_RESET);
	end();
	/* With the queue on. */
	listen();
	running(&config);
	queue_on();
	word(QUEUE, vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0).low);
	word(QUEUE + 8, 0);
	word(QUEUE + 16, vtd_descriptor_wait(STATUS, 3).low);
	word(QUEUE + 24, STATUS);
	iommu_model_vtd_misbehave(t.model,
				  &(struct iommu_model_vtd_faults){.invalidations_hang = true});
	set(VTD_IQT, 8, 32);
	size = iommu_model_vtd_save(t.model, saved, sizeof(saved));
	iommu_model_vtd_misbehave(t.model, &(struct iommu_model_vtd_faults){.waits_hang = false});
	told_count = 0;
	assert_int_equal(iommu_model_vtd_restore(t.model, saved, size), 0);
	assert_int_equal(told_count, 2);
	assert_int_equal(told[0].type, IOMMU_MODEL_RESET);
	assert_int_equal(told[1].type, IOMMU_MODEL_INVALIDATE_IOTLB);
	memcpy(&status, t.memory + STATUS, 4);
	assert_int_equal(iommu_le32(status), 3);
	end();
}

/*
 * A state that was saved while the host was told of something is complete in what it is restored
 * into.
 */
static size_t saved_size;

static void save_now(const struct iommu_model_invalidation *what)
{
	(void)what;
	if (saved_size == 0)
		saved_size = iommu_model_vtd_save(t.model, saved, sizeof(saved));
}

static void a_state_that_is_saved_meanwhile(void **state)
{
	static const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_PROTECTED_MEMORY};
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		listen();
		running(&config);
		saved_size = 0;
		inside = save_now;
		if (i == 0)
			command(VTD_GLOBAL_TE, false);
		else if (i == 1)
			set(VTD_PMEN, 4, VTD_PMEN_EPM);
		else if (i == 2)
			set(VTD_CCMD, 8, VTD_CCMD_ICC | (uint64_t)VTD_GRANULARITY_GLOBAL << 61);
		else
			set(IOTLB, 8, VTD_IOTLB_IVT | (uint64_t)VTD_GRANULARITY_GLOBAL << 60);
		iommu_model_vtd_reset(t.model);
		assert_int_equal(iommu_model_vtd_restore(t.model, saved, saved_size), 0);
		assert_int_equal((reg(VTD_GSTS, 4) & VTD_GLOBAL_TE) != 0, i != 0);
		assert_int_equal((reg(VTD_PMEN, 4) & VTD_PMEN_PRS) != 0, i == 1);
		assert_int_equal(reg(VTD_CCMD, 8) & VTD_CCMD_ICC, 0);
		assert_int_equal(reg(IOTLB, 8) & VTD_IOTLB_IVT, 0);
		end();
	}
}

/* --- The callback may do everything ----------------------------------------------------------- */

static bool was_busy;

static void busy(const struct iommu_model_invalidation *what)
{
	struct iommu_model_mapping mapping;
	struct iommu_model_walk walk = {.source_id = SID, .last = UINT64_MAX};
	struct iommu_model_stage stage;
	size_t count = 1;

	if (what->type != IOMMU_MODEL_INVALIDATE_IOTLB || was_busy)
		return;
	was_busy = true;
	assert_int_equal(reach(ADDRESS, IOMMU_PROT_READ), 0);
	assert_int_equal(iommu_model_vtd_get_stage(t.model, SID, false, 0, &stage), 0);
	assert_int_equal(iommu_model_vtd_walk(t.model, &walk, &mapping, &count), 0);
	assert_false(iommu_model_vtd_run(t.model));
	/* More of it, by queue and by register: told when this has returned. */
	submit(vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 0, 0));
	set(IOTLB, 8, VTD_IOTLB_IVT | (uint64_t)VTD_GRANULARITY_GLOBAL << 60);
	command(VTD_GLOBAL_TE, false);
	assert_int_equal(told_count, 1);
	assert_true((reg(VTD_GSTS, 4) & VTD_GLOBAL_TE) != 0);
}

static void the_callback_may_call_the_model(void **state)
{
	static const struct iommu_model_vtd_config config = {.flags = 0};

	(void)state;
	listen();
	running(&config);
	queue_on();
	told_count = 0;
	was_busy = false;
	inside = busy;
	submit(vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0));
	assert_true(was_busy);
	/* The register's was refused: only the queue works while it is on. */
	assert_int_equal(told_count, 3);
	assert_int_equal(told[1].type, IOMMU_MODEL_TRANSLATION_SWITCHED);
	assert_int_equal(told[2].type, IOMMU_MODEL_INVALIDATE_CONTEXTS);
	assert_int_equal(reg(VTD_GSTS, 4) & VTD_GLOBAL_TE, 0);
	assert_int_equal(reg(VTD_IQH, 8), 32);
	end();
}

static void turn_off(const struct iommu_model_invalidation *what)
{
	if (what->type == IOMMU_MODEL_INVALIDATE_IOTLB && told_count == 1) {
		command(VTD_GLOBAL_QIE, false);
		command(VTD_GLOBAL_QIE, true);
	}
	if (what->type == IOMMU_MODEL_INVALIDATE_CONTEXTS && what->by_register)
		iommu_model_vtd_reset(t.model);
}

/* What was given up meanwhile is not completed; and what comes after it is. */
static void what_is_given_up_meanwhile(void **state)
{
	static const struct iommu_model_vtd_config config = {.flags = 0};

	(void)state;
	listen();
	running(&config);
	set(VTD_IQT, 8, 0);
	queue_on();
	told_count = 0;
	inside = turn_off;
	submit(vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0));
	/* The queue that is on again begins at its first descriptor. */
	assert_int_equal(told_count, 2);
	assert_int_equal(reg(VTD_IQH, 8), 16);
	command(VTD_GLOBAL_QIE, false);
	told_count = 0;
	set(VTD_CCMD, 8, VTD_CCMD_ICC | (uint64_t)VTD_GRANULARITY_GLOBAL << 61);
	assert_int_equal(told_count, 2);
	assert_int_equal(told[1].type, IOMMU_MODEL_RESET);
	assert_int_equal(reg(VTD_CCMD, 8), 0);
	end();
}

static unsigned int told_of_queue;
static bool refills;

/* The queue is never empty. */
static void refill(const struct iommu_model_invalidation *what)
{
	told_count = 0;
	told_of_queue += what->type == IOMMU_MODEL_INVALIDATE_IOTLB;
	if (!refills)
		return;
	word(QUEUE, vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0).low);
	word(QUEUE + 8, 0);
	set(VTD_IQT, 8, (reg(VTD_IQH, 8) - 16) & 0xff0);
}

/*
 * A call that has done enough may leave something to be told: the queue does not go on before that.
 */
static void what_is_put_off_is_told_once(void **state)
{
	static const struct iommu_model_vtd_config config = {.flags = 0};
	struct iommu_model_vtd_stats stats;
	unsigned int i;

	(void)state;
	listen();
	running(&config);
	queue_on();
	for (i = 0; i < 256; i++) {
		word(QUEUE + i * 16, vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0).low);
		word(QUEUE + i * 16 + 8, 0);
	}
	/* One descriptor of which nothing is told, so that the work ends between the two. */
	word(QUEUE, vtd_descriptor_wait(STATUS, 1).low);
	word(QUEUE + 8, STATUS);
	told_of_queue = 0;
	refills = true;
	inside = refill;
	set(VTD_IQT, 8, 0xff0);
	assert_true(t.work_remains != 0);
	assert_true(told_of_queue > 1000);
	refills = false;
	/* Without a look at any register before, which would tell it. */
	set(VTD_IQT, 8, 0x30);
	while (iommu_model_vtd_run(t.model))
		;
	iommu_model_vtd_get_stats(t.model, &stats);
	assert_int_equal(stats.descriptors, told_of_queue + 1);
	end();
}

/* --- Two processors --------------------------------------------------------------------------- */

static unsigned int at_once, told_in_all, seen_early;
static uint32_t emulator_forgot; /* the last page that it was told of */

static bool invalidate_at_once(void *ctx, const struct iommu_model_invalidation *what)
{
	(void)ctx;
	if (__atomic_fetch_add(&at_once, 1, __ATOMIC_SEQ_CST) != 0)
		__atomic_fetch_add(&seen_early, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&told_in_all, 1, __ATOMIC_SEQ_CST);
	if (what->type == IOMMU_MODEL_INVALIDATE_CONTEXTS)
		__atomic_store_n(&emulator_forgot, what->domain_id, __ATOMIC_SEQ_CST);
	__atomic_fetch_sub(&at_once, 1, __ATOMIC_SEQ_CST);
	return true;
}

/* Invalidates by register, and sees completion only when the emulator has been told. */
static void *first_processor(void *unused)
{
	for (unsigned int i = 1; i < 20000; i++) {
		iommu_model_vtd_mmio_write(t.model, VTD_CCMD, 8,
					   VTD_CCMD_ICC | (uint64_t)VTD_GRANULARITY_DOMAIN << 61 |
						   i);
		while ((iommu_model_vtd_mmio_read(t.model, VTD_CCMD, 8) & VTD_CCMD_ICC) != 0)
			;
		if (__atomic_load_n(&emulator_forgot, __ATOMIC_SEQ_CST) != i)
			__atomic_fetch_add(&seen_early, 1, __ATOMIC_SEQ_CST);
	}
	return unused;
}

static void *second_processor(void *unused)
{
	for (unsigned int i = 1; i < 20000; i++) {
		const bool on = i % 2 == 0;

		iommu_model_vtd_mmio_write(t.model, VTD_GCMD, 4, on ? VTD_GLOBAL_TE : 0);
		while (((iommu_model_vtd_mmio_read(t.model, VTD_GSTS, 4) & VTD_GLOBAL_TE) != 0) !=
		       on)
			;
	}
	return unused;
}

static void two_processors(void **state)
{
	static const struct iommu_model_vtd_config config = {.flags = 0};
	pthread_t threads[2];

	(void)state;
	bare_vtd_invalidate = invalidate_at_once;
	running(&config);
	told_in_all = seen_early = 0;
	assert_int_equal(pthread_create(&threads[0], NULL, first_processor, NULL), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, second_processor, NULL), 0);
	assert_int_equal(pthread_join(threads[0], NULL), 0);
	assert_int_equal(pthread_join(threads[1], NULL), 0);
	assert_int_equal(seen_early, 0);
	assert_int_equal(told_in_all, 2 * 19999);
	end();
}

/* --- Looking up without a trace --------------------------------------------------------------- */

static unsigned char memory_before[MEMORY];
static struct iommu_model_vtd_stats stats_before;

static void remember_all(void)
{
	memcpy(memory_before, t.memory, MEMORY);
	iommu_model_vtd_get_stats(t.model, &stats_before);
	t.messages = t.misuses = 0;
}

static void left_no_trace(void)
{
	struct iommu_model_vtd_stats stats;

	iommu_model_vtd_get_stats(t.model, &stats);
	assert_memory_equal(t.memory, memory_before, MEMORY);
	assert_memory_equal(&stats, &stats_before, sizeof(stats));
	assert_int_equal(t.messages, 0);
	assert_int_equal(t.misuses, 0);
	assert_int_equal(reg(VTD_FSTS, 4), 0);
}

static unsigned int peek(const struct iommu_model_request *request)
{
	int status = iommu_model_vtd_peek(t.model, request, &result);

	assert_int_equal(status, result.reason == 0 ? 0 : IOMMU_EFAULT);
	return result.reason;
}

static void pasid_entry(iommu_paddr_t at, enum vtd_pasid_type type)
{
	word(at, vtd_pasid_word0(type, 4, LEVEL(4), 0) |
			 (type == VTD_PASID_SECOND_STAGE ? VTD_PASID_SSADE : 0));
	word(at + 8, DOMAIN);
	word(at + 16, vtd_pasid_word2(4, FIRST(4), 0));
}

/* ADDRESS leads to DATA by each stage alone, and to what the second makes of DATA by both. */
static void scalable_on(enum vtd_pasid_type type)
{
	unsigned int level;

	make_tables(4, VTD_TRANSLATE_UNTRANSLATED);
	word(CONTEXT + 0x20 * 16, 0);
	word(CONTEXT + 0x20 * 16 + 8, 0);
	word(CONTEXT + 0x20 * 32,
	     vtd_scalable_context_low(DIRECTORY, 0, VTD_CONTEXT_DEVICE_TLB | VTD_CONTEXT_PASIDS));
	word(DIRECTORY, PASIDS | VTD_PASID_DIRECTORY_PRESENT);
	pasid_entry(PASIDS, type);
	pasid_entry(PASIDS + 7 * 64, type);
	for (level = 4; level > 1; level--)
		word(FIRST(level), vtd_fs_table(FIRST(level - 1)));
	word(FIRST(1) + 0x123 * 8, vtd_fs_table(DATA));
	for (level = 1; level <= 4; level++)
		word(LEVEL(1) + (FIRST(level) >> 12) * 8, vtd_ss_leaf(FIRST(level), 1, true, true));
	word(LEVEL(1) + (DATA >> 12) * 8, vtd_ss_leaf(DATA + 0x1000, 1, true, true));
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
	command(VTD_GLOBAL_SRTP, true);
	command(VTD_GLOBAL_TE, true);
	assert_true((reg(VTD_GSTS, 4) & VTD_GLOBAL_TE) != 0);
}

static const struct iommu_model_vtd_config scalable = {
	.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NESTED |
		 IOMMU_MODEL_VTD_DIRTY | IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PASS_THROUGH |
		 IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_CACHING_MODE};

static const struct iommu_model_vtd_config snooping = {
	.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PASS_THROUGH |
		 IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_SNOOP_CONTROL};

static void a_look_leaves_no_trace(void **state)
{
	static const enum vtd_pasid_type types[] = {VTD_PASID_FIRST_STAGE, VTD_PASID_SECOND_STAGE,
						    VTD_PASID_NESTED, VTD_PASID_PASS_THROUGH};
	struct iommu_model_request request = {
		.source_id = SID, .address = ADDRESS + 0x10, .access = RW};
	struct iommu_model_stage stage;
	size_t i;
	unsigned int round;

	(void)state;
	for (i = 0; i < 4; i++)
		for (round = 0; round < 2; round++) {
			const uint64_t to = i == 2   ? DATA + 0x1010
					    : i == 3 ? ADDRESS + 0x10
						     : DATA + 0x10;

			begin(&scalable);
			scalable_on(types[i]);
			if (round == 1) /* with what is cached, by a read alone */
				assert_int_equal(reach(ADDRESS, IOMMU_PROT_READ), 0);
			remember_all();
			request.has_pasid = false;
			assert_int_equal(peek(&request), 0);
			assert_int_equal(result.paddr, to);
			request.has_pasid = true;
			request.pasid = 7;
			assert_int_equal(peek(&request), 0);
			assert_int_equal(result.paddr, to);
			request.pasid =
				8; /* not present, and remembered as such by who is no guest */
			assert_int_equal(peek(&request), 0x59);
			request.address += 0x1000;
			request.pasid = 7;
			assert_int_equal(peek(&request) == 0, i == 3);
			request.address -= 0x1000;
			assert_int_equal(iommu_model_vtd_get_stage(t.model, SID, true, 7, &stage),
					 0);
			assert_int_equal(stage.second_levels, stage.second ? 4 : 0);
			assert_int_equal(stage.second_table, stage.second ? LEVEL(4) : 0);
			left_no_trace();
			/* What a device does leaves one. */
			assert_int_equal(reach(ADDRESS, RW), 0);
			if (i < 3)
				assert_memory_not_equal(t.memory, memory_before, MEMORY);
			end();
		}
}

/* What is cached is believed, and is not renewed by being looked at. */
static void a_look_believes_what_is_cached(void **state)
{
	const struct iommu_model_request request = {
		.source_id = SID, .address = ADDRESS, .access = IOMMU_PROT_READ};
	unsigned int i;

	(void)state;
	running(&(struct iommu_model_vtd_config){.flags = 0});
	assert_int_equal(reach(ADDRESS, IOMMU_PROT_READ), 0);
	word(LEVEL(1) + 0x123 * 8, 0);
	assert_int_equal(peek(&request), 0);
	set(IOTLB, 8, VTD_IOTLB_IVT | (uint64_t)VTD_GRANULARITY_GLOBAL << 60);
	assert_int_equal(peek(&request), 0x6);
	end();
	/* Of two cached pages the one goes that was not used for longest: looking is no use. */
	running(&(struct iommu_model_vtd_config){.cache_entries = 6});
	word(LEVEL(1) + 0x124 * 8, vtd_ss_leaf(DATA, 1, true, true));
	assert_int_equal(reach(ADDRESS, IOMMU_PROT_READ), 0);
	assert_int_equal(reach(0x124000, IOMMU_PROT_READ), 0);
	assert_int_equal(peek(&request), 0);
	word(LEVEL(1) + 0x123 * 8, 0);
	/* Two upper tables go before it. */
	for (i = 5; i < 8; i++) {
		word(LEVEL(1) + (0x120 + i) * 8, vtd_ss_leaf(DATA, 1, true, true));
		assert_int_equal(reach(0x120000 + i * 0x1000, IOMMU_PROT_READ), 0);
	}
	assert_int_equal(peek(&request), 0x6);
	end();
}

/* Field by field: what is between them is not said. */
static void assert_same_interrupt(const struct iommu_model_interrupt *a,
				  const struct iommu_model_interrupt *b)
{
	assert_int_equal(a->posted, b->posted);
	assert_int_equal(a->notify, b->notify);
	assert_int_equal(a->unchanged, b->unchanged);
	assert_int_equal(a->address, b->address);
	assert_int_equal(a->data, b->data);
	assert_int_equal(a->vector, b->vector);
	assert_int_equal(a->delivery_mode, b->delivery_mode);
	assert_int_equal(a->logical, b->logical);
	assert_int_equal(a->redirection_hint, b->redirection_hint);
	assert_int_equal(a->level, b->level);
	assert_int_equal(a->destination, b->destination);
	assert_int_equal(a->reason, b->reason);
}

static void a_look_at_an_interrupt(void **state)
{
	static const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_POSTED_INTERRUPTS |
			 IOMMU_MODEL_VTD_CACHING_MODE};
	struct iommu_model_interrupt looked, sent;
	unsigned int i;

	(void)state;
	running(&config);
	set(VTD_IRTA, 8, TABLE | 7);
	command(VTD_GLOBAL_SIRTP, true);
	command(VTD_GLOBAL_IRE, true);
	word(TABLE, vtd_irte_remapped_low(0x41, 0, false, false, false, 3, false));
	word(TABLE + 16, vtd_irte_posted_low(0x42, false, POSTED));
	word(POSTED + 32, 0x77ULL << 16 | 9ULL << 32);
	word(TABLE + 48, vtd_irte_remapped_low(0x41, 0, false, false, false, 3, false));
	word(TABLE + 56, vtd_irte_high(VTD_SOURCE_ID, 0, 0x777));
	for (i = 0; i < 4; i++) {
		const uint32_t address = vtd_msi_address((uint16_t)i, false);
		int status;

		remember_all();
		status = iommu_model_vtd_peek_interrupt(t.model, SID, address, 0, &looked);
		left_no_trace();
		assert_int_equal(iommu_model_vtd_interrupt(t.model, SID, address, 0, &sent),
				 status);
		assert_same_interrupt(&looked, &sent);
		assert_int_equal(status, i < 2 ? 0 : IOMMU_EFAULT);
		assert_int_equal(reg(VTD_FSTS, 4) != 0, i >= 2);
		assert_int_equal(looked.notify, i == 1);
		if (i < 2)
			continue;
		set(VTD_FSTS, 4, UINT32_MAX);
		set(0x220 + 8 + (i - 2) * 16, 8, UINT64_MAX);
	}
	/* Under way already: a notification would not be sent again. */
	assert_int_equal(
		iommu_model_vtd_peek_interrupt(t.model, SID, vtd_msi_address(1, false), 0, &looked),
		0);
	assert_true(looked.posted && !looked.notify);
	end();
}

/* --- The walk --------------------------------------------------------------------------------- */

#define FOUND_MAX 4096

static struct iommu_model_mapping found[FOUND_MAX];
static size_t found_count;

/* A whole walk, with so much room for each call. */
static int walk_all(struct iommu_model_walk *walk, size_t room)
{
	unsigned int calls = 0;
	int status = 0;

	found_count = 0;
	while (!walk->is_done && status == 0 && found_count + room <= FOUND_MAX) {
		size_t count = room;

		t.reads = 0;
		status = iommu_model_vtd_walk(t.model, walk, found + found_count, &count);
		assert_in_range(count, 0, room);
		assert_in_range(t.reads, 0, 512 * 40);
		found_count += count;
		assert_in_range(++calls, 0, 100000);
	}
	return status;
}

static void walk_finds(const struct iommu_model_mapping *wanted, size_t count, bool has_pasid,
		       uint64_t first, uint64_t last)
{
	static const size_t rooms[] = {1, 2, 64};
	size_t i, room;

	for (room = 0; room < 3; room++) {
		struct iommu_model_walk walk = {.source_id = SID,
						.has_pasid = has_pasid,
						.pasid = has_pasid ? 7 : 0,
						.next = first,
						.last = last};

		assert_int_equal(walk_all(&walk, rooms[room]), 0);
		assert_int_equal(found_count, count);
		for (i = 0; i < count; i++) {
			assert_int_equal(found[i].iova, wanted[i].iova);
			assert_int_equal(found[i].paddr, wanted[i].paddr);
			assert_int_equal(found[i].size, wanted[i].size);
			assert_int_equal(found[i].prot, wanted[i].prot);
			assert_int_equal(found[i].snoop, wanted[i].snoop);
		}
	}
}

#define FINDS(has_pasid, first, last, ...)                                                         \
	do {                                                                                       \
		static const struct iommu_model_mapping wanted_[] = {__VA_ARGS__};                 \
		walk_finds(wanted_, sizeof(wanted_) / sizeof(wanted_[0]), has_pasid, first, last); \
	} while (0)

static void a_walk_of_the_second_stage(void **state)
{
	static const struct iommu_model_vtd_config config = {.flags =
								     IOMMU_MODEL_VTD_SNOOP_CONTROL};

	(void)state;
	running(&config);
	word(LEVEL(1) + 0x124 * 8, vtd_ss_leaf(0x777000, 1, true, false) | VTD_SS_SNOOP);
	word(LEVEL(2) + 5 * 8, vtd_ss_leaf(0x40000000, 2, false, true));
	word(LEVEL(3) + 2 * 8, vtd_ss_leaf(0x80000000, 3, true, true));
	/* Wrong entries lead nowhere, and a table that leads nowhere hides what is below. */
	word(LEVEL(1) + 0x126 * 8, vtd_ss_leaf(1ULL << 50, 1, true, true));
	word(LEVEL(2) + 6 * 8, vtd_ss_table(1ULL << 40));
	FINDS(false, 0, UINT64_MAX, {ADDRESS, DATA, 4096, RW, false},
	      {0x124000, 0x777000, 4096, IOMMU_PROT_READ, true},
	      {0xa00000, 0x40000000, 0x200000, IOMMU_PROT_WRITE, false},
	      {0x80000000, 0x80000000, 0x40000000, RW, false});
	/* A part of it, which cuts what is larger. */
	FINDS(false, 0x124000, 0xa00fff, {0x124000, 0x777000, 4096, IOMMU_PROT_READ, true},
	      {0xa00000, 0x40000000, 4096, IOMMU_PROT_WRITE, false});
	FINDS(false, 0xb00000, 0xb02fff, {0xb00000, 0x40100000, 0x3000, IOMMU_PROT_WRITE, false});
	walk_finds(NULL, 0, false, 0, ADDRESS - 1);
	/* What is newer than what is cached is seen. */
	assert_int_equal(reach(ADDRESS, RW), 0);
	word(LEVEL(1) + 0x123 * 8, 0);
	walk_finds(NULL, 0, false, ADDRESS, ADDRESS + 0xfff);
	assert_int_equal(reach(ADDRESS, RW), 0);
	end();
}

/* Neither what looks like an interrupt nor protected memory is reached. */
static void a_walk_leaves_out_what_no_request_reaches(void **state)
{
	static const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_PROTECTED_MEMORY | IOMMU_MODEL_VTD_PASS_THROUGH,
		.output_width = 40};

	(void)state;
	begin(&config);
	FINDS(false, 0, UINT64_MAX, {0, 0, 0xfee00000, RW, false},
	      {0xfef00000, 0xfef00000, (1ULL << 40) - 0xfef00000, RW, false});
	set(VTD_PLMBASE, 4, 0x200000);
	set(VTD_PLMLIMIT, 4, 0x400000);
	set(VTD_PHMBASE, 8, 0x100000000);
	set(VTD_PHMLIMIT, 8, 0x100200000);
	set(VTD_PMEN, 4, VTD_PMEN_EPM);
	FINDS(false, 0, UINT64_MAX, {0, 0, 0x200000, RW, false},
	      {0x600000, 0x600000, 0xfee00000 - 0x600000, RW, false},
	      {0xfef00000, 0xfef00000, 0x100000000 - 0xfef00000, RW, false},
	      {0x100400000, 0x100400000, (1ULL << 40) - 0x100400000, RW, false});
	make_tables(4, VTD_TRANSLATE_UNTRANSLATED);
	word(LEVEL(1) + 0x123 * 8, 0);
	word(LEVEL(3) + 3 * 8, vtd_ss_leaf(0, 3, true, true));          /* around 0xfee00000 */
	word(LEVEL(3) + 4 * 8, vtd_ss_leaf(0xc0000000, 3, true, true)); /* leads there */
	translation_on();
	FINDS(false, 0, UINT64_MAX, {0xc0000000, 0, 0x200000, RW, false},
	      {0xc0600000, 0x600000, 0x3ee00000 - 0x600000, RW, false},
	      {0xfef00000, 0x3ef00000, 0x1100000, RW, false},
	      {0x100000000, 0xc0000000, 0x3ee00000, RW, false},
	      {0x13ef00000, 0xfef00000, 0x1100000, RW, false});
	end();
}

static void a_walk_of_each_kind(void **state)
{
	(void)state;
	begin(&scalable);
	scalable_on(VTD_PASID_FIRST_STAGE);
	word(FIRST(4) + 511 * 8, vtd_fs_table(FIRST(3)));
	word(FIRST(1) + 0x124 * 8, vtd_fs_table(0x777000) & ~VTD_FS_WRITE);
	word(FIRST(1) + 0x125 * 8, vtd_fs_table(0x777000) & ~VTD_FS_USER); /* the kernel's */
	word(FIRST(2) + 8, vtd_fs_table(0x40000000) | VTD_FS_PAGE_SIZE);
	FINDS(true, 0, UINT64_MAX, {ADDRESS, DATA, 4096, RW, false},
	      {0x124000, 0x777000, 4096, IOMMU_PROT_READ, false},
	      {0x200000, 0x40000000, 0x200000, RW, false},
	      {0xffffff8000123000, DATA, 4096, RW, false},
	      {0xffffff8000124000, 0x777000, 4096, IOMMU_PROT_READ, false},
	      {0xffffff8000200000, 0x40000000, 0x200000, RW, false});
	end();
	begin(&scalable);
	scalable_on(VTD_PASID_NESTED);
	word(FIRST(1) + 0x124 * 8, vtd_fs_table(0x50000)); /* not in the second stage */
	/* 2 MiB of the first stage over pages of the second. */
	word(FIRST(2) + 8, vtd_fs_table(0) | VTD_FS_PAGE_SIZE);
	FINDS(true, 0, UINT64_MAX, {ADDRESS, DATA + 0x1000, 4096, RW, false},
	      {0x216000, 0x16000, 4096, RW, false}, {0x217000, 0x17000, 4096, RW, false},
	      {0x218000, 0x18000, 4096, RW, false}, {0x219000, 0x19000, 4096, RW, false},
	      {0x220000, DATA + 0x1000, 4096, RW, false}, {0x323000, DATA, 4096, RW, false});
	/* … and pages of the first over 2 MiB of the second. */
	word(LEVEL(2) + 3 * 8, vtd_ss_leaf(0x40000000, 2, true, false));
	word(FIRST(1) + 0x124 * 8, vtd_fs_table(0x601000));
	FINDS(true, 0x124000, 0x124fff, {0x124000, 0x40001000, 4096, IOMMU_PROT_READ, false});
	end();
	begin(&scalable);
	scalable_on(VTD_PASID_PASS_THROUGH);
	FINDS(true, 0xfed00000, 0xfeffffff, {0xfed00000, 0xfed00000, 0x100000, RW, false},
	      {0xfef00000, 0xfef00000, 0x100000, RW, false});
	end();
	begin(&snooping);
	scalable_on(VTD_PASID_PASS_THROUGH);
	word(PASIDS + 7 * 64 + 8, DOMAIN | VTD_PASID_PGSNP);
	FINDS(true, 0x1000, 0x1fff, {0x1000, 0x1000, 4096, RW, true});
	end();
}

static void a_walk_that_cannot_be(void **state)
{
	struct iommu_model_walk walk = {.source_id = SID, .next = 0x2000, .last = 0x1fff};
	size_t count = 1;

	(void)state;
	running(&(struct iommu_model_vtd_config){.flags = 0});
	assert_int_equal(iommu_model_vtd_walk(t.model, &walk, found, &count), IOMMU_EINVAL);
	walk.last = 0x2fff;
	assert_int_equal(iommu_model_vtd_walk(t.model, &walk, found, &count), IOMMU_EINVAL);
	count = 1;
	walk.next = 0x1800;
	assert_int_equal(iommu_model_vtd_walk(t.model, &walk, found, &count), IOMMU_EINVAL);
	count = 1;
	walk.next = 0x1000;
	walk.last = 0x2ffe;
	assert_int_equal(iommu_model_vtd_walk(t.model, &walk, found, &count), IOMMU_EINVAL);
	/* A device that is blocked has nothing. */
	walk = (struct iommu_model_walk){.source_id = SID + 1, .last = UINT64_MAX};
	assert_int_equal(walk_all(&walk, 1), IOMMU_EFAULT);
	assert_int_equal(walk.reason, 0x2);
	assert_true(walk.is_done);
	count = 1;
	assert_int_equal(iommu_model_vtd_walk(t.model, &walk, found, &count), 0);
	assert_int_equal(count, 0);
	end();
}

/* A table that leads to itself is walked on, and each call ends. */
static void a_walk_of_a_hostile_table(void **state)
{
	struct iommu_model_walk walk = {.source_id = SID, .last = UINT64_MAX};
	uint64_t before = 0;
	unsigned int i;

	(void)state;
	running(&(struct iommu_model_vtd_config){.flags = 0});
	for (i = 0; i < 512; i++)
		word(LEVEL(4) + i * 8, vtd_ss_table(LEVEL(4)));
	assert_int_equal(walk_all(&walk, 64), 0);
	assert_false(walk.is_done);
	for (i = 0; i < found_count; i++)
		assert_int_equal(found[i].iova, i * 4096ULL);
	/* Nearly empty ones: nothing is found for long, but it gets on. */
	for (i = 0; i < 512; i++)
		word(LEVEL(1) + i * 8, 0);
	for (i = 0; i < 512; i++) {
		word(LEVEL(4) + i * 8, vtd_ss_table(LEVEL(3)));
		word(LEVEL(3) + i * 8, vtd_ss_table(LEVEL(2)));
		word(LEVEL(2) + i * 8, vtd_ss_table(LEVEL(1)));
	}
	for (i = 0; i < 1000; i++) {
		const uint64_t looked_at = walk.looked_at;
		size_t count = 64;

		before = walk.next;
		assert_int_equal(iommu_model_vtd_walk(t.model, &walk, found, &count), 0);
		assert_int_equal(count, 0);
		assert_int_equal(walk.next, before + 512 * 4096);
		assert_int_equal(walk.looked_at, looked_at + 512);
	}
	end();
}

/* --- Accesses of any size --------------------------------------------------------------------- */

static struct iommu_model_piece pieces[8];
static unsigned int piece_count, refuse_piece;

static int note_piece(void *ctx, const struct iommu_model_piece *piece)
{
	assert_ptr_equal(ctx, pieces);
	assert_in_range(piece_count, 0, 7);
	pieces[piece_count++] = *piece;
	return piece_count == refuse_piece ? 77 : 0;
}

static int access_of(uint64_t address, uint64_t size, unsigned int access)
{
	const struct iommu_model_request request = {
		.source_id = SID, .address = address, .access = access};

	piece_count = 0;
	return iommu_model_vtd_access(t.model, &request, size, note_piece, pieces, &result);
}

static void is_piece(unsigned int i, iommu_paddr_t paddr, uint64_t offset, uint64_t size)
{
	assert_int_equal(pieces[i].where.paddr, paddr);
	assert_int_equal(pieces[i].offset, offset);
	assert_int_equal(pieces[i].size, size);
}

static void an_access_is_cut_where_translations_end(void **state)
{
	static const struct iommu_model_vtd_config config = {0};
	const struct iommu_model_request fill = {.source_id = SID,
						 .type = IOMMU_MODEL_TRANSLATION_REQUEST,
						 .address = ADDRESS,
						 .access = IOMMU_PROT_READ};

	(void)state;
	refuse_piece = 0;
	running(&config);
	word(LEVEL(1) + 0x124 * 8, vtd_ss_leaf(0x777000, 1, true, false));
	word(LEVEL(2) + 5 * 8, vtd_ss_leaf(0x40000000, 2, true, true));
	assert_int_equal(access_of(ADDRESS + 8, 16, RW), 0);
	assert_int_equal(piece_count, 1);
	is_piece(0, DATA + 8, 0, 16);
	assert_int_equal(access_of(ADDRESS + 0xff0, 0x1010, IOMMU_PROT_READ), 0);
	assert_int_equal(piece_count, 2);
	is_piece(0, DATA + 0xff0, 0, 16);
	is_piece(1, 0x777000, 16, 0x1000);
	/* A large page is one piece, to its end; behind it nothing is mapped. */
	assert_int_equal(access_of(0xa01000, 0x1ff000, RW), 0);
	assert_int_equal(piece_count, 1);
	is_piece(0, 0x40001000, 0, 0x1ff000);
	assert_int_equal(access_of(0xa01000, 0x1ff001, RW), IOMMU_EFAULT);
	assert_int_equal(piece_count, 1);
	assert_int_not_equal(result.reason, 0);
	/* What may only be read stops a write where it begins. */
	assert_int_equal(access_of(ADDRESS + 0xff0, 0x20, IOMMU_PROT_WRITE), IOMMU_EFAULT);
	assert_int_equal(piece_count, 1);
	refuse_piece = 1;
	assert_int_equal(access_of(ADDRESS + 0xff0, 0x20, IOMMU_PROT_READ), 77);
	assert_int_equal(piece_count, 1);
	refuse_piece = 0;
	/* An interrupt among them is told apart. */
	assert_int_equal(access_of(0xfee01ffc, 8, IOMMU_PROT_WRITE), 0);
	assert_int_equal(piece_count, 2);
	assert_true(pieces[0].where.is_interrupt && pieces[1].where.is_interrupt);
	assert_int_equal(pieces[0].size, 4);
	/* What is no access. */
	assert_int_equal(access_of(ADDRESS, 0, RW), IOMMU_EINVAL);
	assert_int_equal(access_of(UINT64_MAX - 6, 8, RW), IOMMU_EOVERFLOW);
	assert_int_equal(access_of(UINT64_MAX - 7, 8, RW), IOMMU_EFAULT);
	assert_int_equal(iommu_model_vtd_access(t.model, &fill, 8, note_piece, pieces, &result),
			 IOMMU_EINVAL);
	assert_int_equal(piece_count, 0);
	end();
}

/* --- A passed-through device, in caching mode ------------------------------------------------- */

#define SHADOW_FIRST 0x100000ULL
#define SHADOW_PAGES 64U

/* What an emulator has mapped for a device in hardware's tables: 0, or address and permissions. */
static uint64_t shadow[SHADOW_PAGES];
static struct {
	bool has_pasid;
	uint32_t pasid;
} shadowed;

static void fill_shadow(uint64_t first, uint64_t last)
{
	struct iommu_model_walk walk = {.source_id = SID,
					.has_pasid = shadowed.has_pasid,
					.pasid = shadowed.pasid,
					.next = first,
					.last = last};
	struct iommu_model_mapping mappings[3];
	uint64_t page;

	for (page = first; page <= last; page += 4096)
		shadow[(page - SHADOW_FIRST) / 4096] = 0;
	while (!walk.is_done) {
		size_t i, count = 3;

		(void)iommu_model_vtd_walk(t.model, &walk, mappings, &count);
		for (i = 0; i < count; i++)
			for (page = 0; page < mappings[i].size; page += 4096)
				shadow[(mappings[i].iova + page - SHADOW_FIRST) / 4096] =
					(mappings[i].paddr + page) | mappings[i].prot;
	}
}

/* As docs/emulator.md says. */
static void follow(const struct iommu_model_invalidation *what)
{
	const uint64_t end = SHADOW_FIRST + SHADOW_PAGES * 4096 - 1;
	struct iommu_model_stage stage;
	uint64_t first = what->address, last = what->address + (what->size - 1);

	told_count = 0;
	if (what->type == IOMMU_MODEL_INVALIDATE_INTERRUPTS ||
	    (what->has_source && ((what->source_id ^ SID) & what->source_mask) != 0))
		return;
	if (iommu_model_vtd_get_stage(t.model, SID, shadowed.has_pasid, shadowed.pasid, &stage) ==
		    0 &&
	    what->type == IOMMU_MODEL_INVALIDATE_IOTLB && what->has_domain &&
	    what->domain_id != stage.domain_id)
		return;
	/* A range of the second stage says nothing of where that is in a nested first one. */
	if (what->granularity != IOMMU_MODEL_OF_RANGE ||
	    what->type != IOMMU_MODEL_INVALIDATE_IOTLB || (stage.first && !what->has_pasid)) {
		first = 0;
		last = UINT64_MAX;
	}
	first = first < SHADOW_FIRST ? SHADOW_FIRST : first;
	last = last > end ? end : last;
	if (first <= last)
		fill_shadow(first, last);
}

static void shadow_is_right(void)
{
	unsigned int i;

	for (i = 0; i < SHADOW_PAGES; i++) {
		const struct iommu_model_request request = {.source_id = SID,
							    .has_pasid = shadowed.has_pasid,
							    .pasid = shadowed.pasid,
							    .address = SHADOW_FIRST + i * 4096,
							    .access = 0};
		uint64_t is = 0;

		if (iommu_model_vtd_translate(t.model, &request, &result) == 0 && result.prot != 0)
			is = result.paddr | result.prot;
		assert_int_equal(shadow[i], is);
	}
}

/* The guest changes an entry of one of its tables for one of the pages. */
static void change_page(struct test_random *chance, enum vtd_pasid_type type, uint64_t page)
{
	const uint64_t paddr = test_random_below(chance, 4) << 12 | 0x7000000;
	const uint64_t how = test_random_below(chance, 4);
	const bool first = type == VTD_PASID_FIRST_STAGE ||
			   (type == VTD_PASID_NESTED && test_random_below(chance, 2) == 0);
	const iommu_paddr_t guest = SHADOW_FIRST + (test_random_below(chance, SHADOW_PAGES) << 12);

	if (first)
		word(FIRST(1) + (page >> 12 & 511) * 8,
		     how == 0 ? 0
			      : vtd_fs_table(type == VTD_PASID_NESTED ? guest : paddr) &
					~(how == 1 ? VTD_FS_WRITE : 0));
	else
		word(LEVEL(1) + (page >> 12 & 511) * 8,
		     how == 0 ? 0 : vtd_ss_leaf(paddr, 1, how != 1, how != 2));
}

static void invalidate_page(struct test_random *chance, enum vtd_pasid_type type, uint64_t page)
{
	const bool by_range = test_random_below(chance, 4) != 0;

	if (type == VTD_PASID_FIRST_STAGE)
		submit(by_range ? vtd_descriptor_pasid_iotlb_pages(DOMAIN, 7, page, 0, true)
				: vtd_descriptor_pasid_iotlb(DOMAIN, 7));
	else
		submit(by_range ? vtd_descriptor_iotlb_pages(DOMAIN, page, 0, true, 0)
				: vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, DOMAIN, 0));
	/* What is nested goes stale with either stage. */
	if (type == VTD_PASID_NESTED)
		submit(vtd_descriptor_pasid_iotlb(DOMAIN, 7));
}

static void change_context(struct test_random *chance, bool is_scalable)
{
	const iommu_paddr_t at = is_scalable ? CONTEXT + 0x20 * 32 : CONTEXT + 0x20 * 16;
	uint64_t low;

	memcpy(&low, t.memory + at, 8);
	word(at, iommu_le64(low) ^ 1); /* its present bit */
	submit(vtd_descriptor_context(VTD_GRANULARITY_DEVICE, is_scalable ? 0 : DOMAIN, SID));
	/* What was not present is remembered under domain id 0. */
	submit(vtd_descriptor_context(VTD_GRANULARITY_DEVICE, 0, SID));
	if (is_scalable)
		submit(vtd_descriptor_pasid_cache(VTD_PASID_CACHE_GLOBAL, 0, 0));
	submit(vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0));
	(void)chance;
}

static void a_shadow_follows(bool is_scalable, enum vtd_pasid_type type, uint64_t seed)
{
	static const struct iommu_model_vtd_config legacy = {.flags = IOMMU_MODEL_VTD_CACHING_MODE};
	struct test_random chance = {.state = seed};
	unsigned int i, k;

	listen();
	shadowed.has_pasid = is_scalable;
	shadowed.pasid = is_scalable ? 7 : 0;
	begin(is_scalable ? &scalable : &legacy);
	inside = follow;
	if (is_scalable) {
		scalable_on(type);
		wide_queue_on();
	} else {
		make_tables(4, VTD_TRANSLATE_UNTRANSLATED);
		translation_on();
		queue_on();
	}
	/* The tables themselves, as the first stage sees them, stay where they are. */
	for (i = 0; i < 4000; i++) {
		switch (test_random_below(&chance, 16)) {
		case 0:
			change_context(&chance, is_scalable);
			break;
		case 1:
			command(VTD_GLOBAL_TE, false);
			shadow_is_right();
			command(VTD_GLOBAL_TE, true);
			break;
		default:
			for (k = 0; k < 3; k++) {
				const uint64_t page =
					SHADOW_FIRST +
					(test_random_below(&chance, SHADOW_PAGES) << 12);

				change_page(&chance, type, page);
				invalidate_page(&chance, type, page);
			}
		}
		shadow_is_right();
		set(VTD_FSTS, 4, UINT32_MAX);
	}
	assert_int_equal(reg(VTD_FSTS, 4) & VTD_FSTS_IQE, 0);
	end();
}

static void shadows_follow_their_guests(void **state)
{
	const uint64_t seed = test_setting("TEST_SEED", 1);

	(void)state;
	a_shadow_follows(false, VTD_PASID_SECOND_STAGE, seed);
	a_shadow_follows(true, VTD_PASID_SECOND_STAGE, seed + 1);
	a_shadow_follows(true, VTD_PASID_FIRST_STAGE, seed + 2);
	a_shadow_follows(true, VTD_PASID_NESTED, seed + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(descriptors_of_legacy_mode, stop_listening),
		cmocka_unit_test_teardown(descriptors_of_scalable_mode, stop_listening),
		cmocka_unit_test_teardown(only_a_device_may_be_silent, stop_listening),
		cmocka_unit_test_teardown(commands_by_register, stop_listening),
		cmocka_unit_test_teardown(what_is_switched, stop_listening),
		cmocka_unit_test_teardown(protection_that_is_switched_back, stop_listening),
		cmocka_unit_test_teardown(resets_and_restored_states, stop_listening),
		cmocka_unit_test_teardown(a_state_that_is_saved_meanwhile, stop_listening),
		cmocka_unit_test_teardown(the_callback_may_call_the_model, stop_listening),
		cmocka_unit_test_teardown(what_is_given_up_meanwhile, stop_listening),
		cmocka_unit_test_teardown(what_is_put_off_is_told_once, stop_listening),
		cmocka_unit_test_teardown(two_processors, stop_listening),
		cmocka_unit_test(a_look_leaves_no_trace),
		cmocka_unit_test(a_look_believes_what_is_cached),
		cmocka_unit_test(a_look_at_an_interrupt),
		cmocka_unit_test(an_access_is_cut_where_translations_end),
		cmocka_unit_test(a_walk_of_the_second_stage),
		cmocka_unit_test(a_walk_leaves_out_what_no_request_reaches),
		cmocka_unit_test(a_walk_of_each_kind),
		cmocka_unit_test(a_walk_that_cannot_be),
		cmocka_unit_test(a_walk_of_a_hostile_table),
		cmocka_unit_test_teardown(shadows_follow_their_guests, stop_listening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
