/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d model under a hostile guest: two of its processors at once, rings and tables that lead
 * into themselves, saved states from elsewhere. Each call ends after bounded work, and the memory
 * that the model takes is bounded.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <libiommu/hw/vtd_page_request.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "bare_vtd.h"
#include "base/byteorder.h"
#include "test.h"

#define DIRECTORY 0x14000ULL
#define ENTRY     (CONTEXT + 0x20 * 32) /* SID's context entry of scalable mode */
#define BIG_QUEUE 0x20000ULL            /* of 16 pages */
#define RING      0x1c000ULL            /* of page requests */
#define LARGEST   32768U                /* descriptors of the largest queue */
#define SCALABLE                                                                                   \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_DEVICE_TLB |           \
	 IOMMU_MODEL_VTD_PAGE_REQUESTS)

static const struct iommu_model_vtd_config with_tlbs = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB};

static uint64_t status_word(void)
{
	return iommu_read_le32(t.memory + STATUS);
}

static struct vtd_descriptor for_device(void)
{
	return vtd_descriptor_device_tlb(SID, 0, 64, 0, false, 0);
}

static void put(unsigned int slot, struct vtd_descriptor d)
{
	const iommu_paddr_t place = QUEUE + vtd_queue_offset(slot, t.wide);

	word(place, d.low);
	word(place + 8, d.high);
}

/* SID's context entry, whose PASIDs lead to an empty directory. */
static void scalable_running(const struct iommu_model_vtd_config *config)
{
	begin(config);
	word(ROOT + 16, vtd_root_low(CONTEXT));
	word(ENTRY, vtd_scalable_context_low(DIRECTORY, 7,
					     VTD_CONTEXT_DEVICE_TLB | VTD_CONTEXT_PASIDS |
						     VTD_CONTEXT_PAGE_REQUESTS));
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
	command(VTD_GLOBAL_SRTP, true);
	command(VTD_GLOBAL_TE, true);
	wide_queue_on();
}

static unsigned int reach_pasid(uint32_t pasid)
{
	const struct iommu_model_request request = {.source_id = SID,
						    .has_pasid = true,
						    .pasid = pasid,
						    .address = 0x123000,
						    .access = IOMMU_PROT_READ};

	(void)iommu_model_vtd_translate(t.model, &request, &result);
	return result.reason;
}

static int ask_for_page(uint16_t group)
{
	const struct iommu_model_page_request request = {.source_id = SID,
							 .has_pasid = true,
							 .pasid = 1,
							 .address = 0x5000,
							 .access = IOMMU_PROT_READ,
							 .group = group,
							 .is_last = true};

	return iommu_model_vtd_page_request(t.model, &request);
}

/* --- Two processors --------------------------------------------------------------------------- */

/* The queue is never empty: its tail is right behind its head. */
static void refill(void)
{
	const uint64_t head = reg(VTD_IQH, 8);

	set(VTD_IQT, 8, (head + 4096 - 16) & 4095);
}

static void a_queue_that_is_refilled_keeps_no_call(void **state)
{
	unsigned int i, asked;

	(void)state;
	running(&with_tlbs);
	queue_on();
	for (i = 0; i < 256; i++)
		put(i, for_device());
	t.meanwhile = refill;
	set(VTD_IQT, 8, 16);
	assert_in_range(t.asked, 256, LARGEST);
	assert_int_not_equal(t.work_remains, 0);
	/* It goes on when it is told to, or at any call; and ends when there is no more. */
	asked = t.asked;
	assert_true(iommu_model_vtd_run(t.model));
	assert_in_range(t.asked - asked, 256, LARGEST);
	asked = t.asked;
	t.meanwhile = NULL;
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0);
	assert_in_range(t.asked - asked, 1, 255);
	assert_int_equal(reg(VTD_IQH, 8), reg(VTD_IQT, 8));
	assert_false(iommu_model_vtd_run(t.model));
	end();
}

/* The tail of a wide queue, moved to where no descriptor begins while a device does not answer. */
static void misplace_tail(void)
{
	set(VTD_IQT, 8, t.wide ? 48 : 0x7fff0);
}

static void a_head_stays_in_its_queue(void **state)
{
	const struct iommu_model_vtd_config wide = {.flags = SCALABLE};
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		if (i == 0)
			running(&with_tlbs);
		else
			scalable_running(&wide);
		if (i == 0)
			queue_on();
		put(0, for_device());
		put(1, vtd_descriptor_wait(STATUS, 1));
		t.silent = true;
		t.meanwhile = misplace_tail;
		set(VTD_IQT, 8, vtd_queue_offset(1, t.wide));
		assert_int_equal(t.asked, 1);
		assert_int_equal(reg(VTD_IQH, 8), vtd_queue_offset(1, t.wide));
		assert_int_not_equal(reg(VTD_FSTS, 4) & VTD_FSTS_ITE, 0);
		/* The tail is what is wrong, and is told so. */
		set(VTD_FSTS, 4, VTD_FSTS_ITE);
		set(VTD_IQT, 8, reg(VTD_IQT, 8));
		assert_int_not_equal(reg(VTD_FSTS, 4) & VTD_FSTS_IQE, 0);
		set(VTD_IQT, 8, vtd_queue_offset(2, t.wide));
		set(VTD_FSTS, 4, VTD_FSTS_IQE);
		set(VTD_IQT, 8, vtd_queue_offset(2, t.wide));
		assert_int_equal(status_word(), 1);
		assert_in_range(t.reads, 0, 64);
		end();
	}
}

static void restart(void)
{
	t.meanwhile = NULL;
	command(VTD_GLOBAL_QIE, false);
	put(0, vtd_descriptor_wait(STATUS, 0x55));
	set(VTD_IQT, 8, 0);
	set(VTD_IQA, 8, QUEUE);
	command(VTD_GLOBAL_QIE, true);
	set(VTD_IQT, 8, 16);
}

/* Turned off and on again while a device is asked: the answer is none of the new queue's. */
static void a_restarted_queue_loses_nothing(void **state)
{
	unsigned int silent;

	(void)state;
	for (silent = 0; silent < 2; silent++) {
		running(&with_tlbs);
		queue_on();
		put(0, for_device());
		t.silent = silent != 0;
		t.meanwhile = restart;
		set(VTD_IQT, 8, 16);
		assert_int_equal(status_word(), 0x55);
		assert_int_equal(reg(VTD_IQH, 8), 16);
		assert_int_equal(reg(VTD_FSTS, 4), 0);
		end();
	}
}

static void reset_and_start(void)
{
	t.meanwhile = NULL;
	iommu_model_vtd_reset(t.model);
	put(0, vtd_descriptor_wait(STATUS, 0x55));
	set(VTD_IQA, 8, QUEUE);
	command(VTD_GLOBAL_QIE, true);
	set(VTD_IQT, 8, 16);
}

static void a_reset_while_a_device_is_asked(void **state)
{
	(void)state;
	running(&with_tlbs);
	queue_on();
	put(0, for_device());
	t.meanwhile = reset_and_start;
	set(VTD_IQT, 8, 16);
	assert_int_equal(status_word(), 0x55);
	assert_int_equal(reg(VTD_IQH, 8), 16);
	end();
}

static unsigned int depth, deepest;

/* What an emulator may do when it is told: look, and clear what is shown. */
static void look(void)
{
	if (++depth > deepest)
		deepest = depth;
	(void)reg(VTD_GSTS, 4);
	set(VTD_ICS, 4, VTD_ICS_IWC);
	depth--;
}

static void fill_big_queue(struct vtd_descriptor d, uint64_t wide)
{
	const unsigned int words = wide != 0 ? 4 : 2;

	for (unsigned int i = 0; i < 16 * 4096; i += words * 8) {
		word(BIG_QUEUE + i, d.low);
		word(BIG_QUEUE + i + 8, d.high);
		if (wide != 0) {
			word(BIG_QUEUE + i + 16, 0);
			word(BIG_QUEUE + i + 24, 0);
		}
	}
	command(VTD_GLOBAL_QIE, false);
	set(VTD_IQT, 8, 0);
	set(VTD_IQA, 8, BIG_QUEUE | wide | 4);
	command(VTD_GLOBAL_QIE, true);
	set(VTD_IQT, 8, 16 * 4096 - words * 8);
	while (iommu_model_vtd_run(t.model))
		;
	assert_int_equal(reg(VTD_IQH, 8), reg(VTD_IQT, 8));
}

/*
 * However long the queue is, and whatever is done when the host is told: no call is in a call like
 * it.
 */
static void a_queue_does_not_decide_how_deep_calls_are(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = SCALABLE, .address_mask = 18};
	struct vtd_descriptor crooked = vtd_descriptor_iotlb_pages(5, 0x1000, 1, false, 0);
	struct vtd_descriptor wait = vtd_descriptor_wait(STATUS, 1);

	(void)state;
	deepest = 0;
	running(&config);
	set(VTD_IECTL, 4, 0);
	t.told = look;
	fill_big_queue(crooked, 0);
	assert_in_range(t.misuses, 1, 4095);
	assert_int_equal(deepest, 1);
	wait.low |= VTD_WAIT_INTERRUPT;
	fill_big_queue(wait, 0);
	assert_in_range(t.messages, 1, 4095);
	assert_int_equal(deepest, 1);
	end();
	scalable_running(&config);
	t.meanwhile = look;
	fill_big_queue(vtd_descriptor_page_response(SID, true, 1, 1, 0), VTD_IQA_WIDE);
	assert_int_equal(t.answers, 2047);
	assert_int_equal(deepest, 1);
	end();
}

/* --- Work and memory -------------------------------------------------------------------------- */

/* Whatever is cached, a descriptor that finds nothing costs next to nothing. */
static void invalidations_do_not_walk_the_cache(void **state)
{
	const struct iommu_model_vtd_config config = {
		.flags = SCALABLE | IOMMU_MODEL_VTD_CACHING_MODE, .address_mask = 18};
	const struct vtd_descriptor all[] = {
		vtd_descriptor_pasid_cache(VTD_PASID_CACHE_PASID, 5, 0xfffff),
		vtd_descriptor_pasid_cache(VTD_PASID_CACHE_DOMAIN, 5, 0),
		vtd_descriptor_context(VTD_GRANULARITY_DEVICE, 5, 0xffff),
		vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, 5, 0),
		vtd_descriptor_iotlb_pages(5, 0, 18, false, 0),
	};
	const unsigned int slots = 2048;
	struct iommu_model_vtd_stats stats;
	unsigned int i, round;
	clock_t start;

	(void)state;
	scalable_running(&config);
	for (i = 0; i < 16000; i++)
		assert_int_equal(reach_pasid(i), 0x51);
	command(VTD_GLOBAL_QIE, false);
	set(VTD_IQT, 8, 0);
	set(VTD_IQA, 8, BIG_QUEUE | VTD_IQA_WIDE | 4);
	command(VTD_GLOBAL_QIE, true);
	for (i = 0; i < slots; i++) {
		const struct vtd_descriptor d = all[i % (sizeof(all) / sizeof(all[0]))];

		word(BIG_QUEUE + i * 32, d.low);
		word(BIG_QUEUE + i * 32 + 8, d.high);
		word(BIG_QUEUE + i * 32 + 16, 0);
		word(BIG_QUEUE + i * 32 + 24, 0);
	}
	start = clock();
	for (round = 0; round < 16; round++) {
		set(VTD_IQT, 8, (slots - 1) * 32);
		set(VTD_IQT, 8, 0);
	}
	/* If each walked all that is cached, this took many seconds. */
	assert_true(clock() - start < CLOCKS_PER_SEC);
	assert_int_equal(reg(VTD_FSTS, 4) & (VTD_FSTS_IQE | VTD_FSTS_ITE), 0);
	assert_int_equal(t.work_remains, 0);
	iommu_model_vtd_get_stats(t.model, &stats);
	assert_int_equal(stats.descriptors, 16 * slots);
	assert_int_equal(stats.cached_pasids, 16000);
	end();
}

/* A page table of one page, which is its own table of every level. */
static void a_table_that_leads_to_itself_takes_no_more_memory(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = 0};
	struct iommu_model_vtd_stats stats;
	unsigned int i, most = 0;

	(void)state;
	running(&config);
	for (i = 0; i < 512; i++)
		word(LEVEL(4) + i * 8, vtd_ss_table(LEVEL(4)));
	for (i = 0; i < 100000; i++) {
		const unsigned int before = t.reads;

		assert_int_equal(reach((uint64_t)i << 12, IOMMU_PROT_READ), 0);
		if (t.reads - before > most)
			most = t.reads - before;
	}
	assert_true(most <= 6);
	iommu_model_vtd_get_stats(t.model, &stats);
	assert_true(stats.cached_contexts + stats.cached_pages + stats.cached_tables <= 16384);
	assert_true(t.hosted.pages_in_use < 1024);
	end();
}

/* What cannot be remembered is looked up. */
static void a_full_cache_refuses_no_page_request(void **state)
{
	const struct iommu_model_vtd_config small = {.flags = SCALABLE, .cache_entries = 1};
	const struct iommu_model_vtd_config forgetful = {.flags = SCALABLE, .forget_seed = 7};
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		scalable_running(i == 0 ? &small : &forgetful);
		set(VTD_PQA, 8, RING);
		for (uint16_t group = 0; group < 100; group++) {
			(void)reach_pasid(group);
			assert_int_equal(ask_for_page(group), 0);
		}
		end();
	}
}

/* --- Interrupts as memory --------------------------------------------------------------------- */

/*
 * A write there would reach an interrupt controller: from requests that are no messages it is
 * refused.
 */
static void no_memory_is_where_interrupts_are(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB |
							       IOMMU_MODEL_VTD_PASS_THROUGH};
	const struct iommu_model_vtd_config wide = {.flags = SCALABLE};
	struct iommu_model_request request = {.source_id = SID,
					      .has_pasid = true,
					      .address = 0xfee01000,
					      .access = IOMMU_PROT_WRITE};

	(void)state;
	running(&config);
	make_tables(4, VTD_TRANSLATE_ALL);
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATED, 0xfeefffff, IOMMU_PROT_WRITE), 0xe);
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATED, 0xfef00000, IOMMU_PROT_WRITE), 0);
	end();
	/* Before the guest turns translation on, too. */
	begin(&wide);
	assert_int_equal(iommu_model_vtd_translate(t.model, &request, &result), IOMMU_EFAULT);
	assert_int_equal(result.reason, 0x87);
	request.address = 0xfed00000;
	assert_int_equal(iommu_model_vtd_translate(t.model, &request, &result), 0);
	end();
}

/* --- Protected memory ------------------------------------------------------------------------- */

static void protected_memory_is_told_to_no_device(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_PROTECTED_MEMORY |
							       IOMMU_MODEL_VTD_DEVICE_TLB};

	(void)state;
	begin(&config);
	make_tables(4, VTD_TRANSLATE_ALL);
	word(LEVEL(3), vtd_ss_leaf(0x40000000, 3, true, true)); /* 1 GiB, of which 2 MiB … */
	word(LEVEL(2) + 8, vtd_ss_leaf(0x40000000, 2, true, true));
	translation_on();
	set(VTD_PLMBASE, 4, 0x40200000);
	set(VTD_PLMLIMIT, 4, 0x40200000);
	set(VTD_PMEN, 4, VTD_PMEN_EPM);
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATION_REQUEST, 0x234000, RW), 0x5);
	assert_int_equal(result.paddr, 0);
	assert_int_equal(reach(0x234000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATED, 0x40234000, IOMMU_PROT_READ), 0x6);
	assert_int_equal(reg(VTD_FSTS, 4), 0);
	/* … and what is said of the block beside it does not hold for them. */
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATION_REQUEST, 0x123000, RW), 0);
	assert_int_equal(result.paddr, 0x40123000);
	assert_int_equal(result.size, IOMMU_SIZE_2M);
	set(VTD_PMEN, 4, 0);
	assert_int_equal(reach_as(IOMMU_MODEL_TRANSLATION_REQUEST, 0x234000, RW), 0);
	assert_int_equal(result.size, IOMMU_SIZE_1G);
	end();
}

/* What was remembered in one mode has no meaning in the other, whose tables differ. */
static void an_entry_of_one_mode_is_none_of_the_other(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = SCALABLE};

	(void)state;
	scalable_running(&config);
	/* Bits that would be six more levels than there are. */
	word(ENTRY + 8, 7);
	assert_int_equal(reach_pasid(1), 0x51);
	command(VTD_GLOBAL_TE, false);
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_LEGACY);
	command(VTD_GLOBAL_SRTP, true);
	command(VTD_GLOBAL_TE, true);
	assert_int_equal(reach(0x123000, IOMMU_PROT_READ), 0x2);
	/* Back again, it is what it was: nothing was invalidated. */
	word(ENTRY, 0);
	command(VTD_GLOBAL_TE, false);
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
	command(VTD_GLOBAL_SRTP, true);
	command(VTD_GLOBAL_TE, true);
	assert_int_equal(reach_pasid(1), 0x51);
	end();
}

/* --- States from elsewhere -------------------------------------------------------------------- */

static unsigned char saved[4096];
static size_t saved_size;

static void save(void)
{
	saved_size = iommu_model_vtd_save(t.model, saved, sizeof(saved));
	assert_true(saved_size <= sizeof(saved));
}

/* The state of t.model goes to a new one, which takes its place. */
static void migrate(const struct iommu_model_vtd_config *config)
{
	struct iommu_model_vtd *source = t.model;

	assert_int_equal(create(config), 0);
	assert_int_equal(iommu_model_vtd_restore(t.model, saved, saved_size), 0);
	iommu_model_vtd_destroy(source);
}

static void a_restored_model_goes_on(void **state)
{
	const struct iommu_model_vtd_faults hang = {.waits_hang = true, .commands_hang = true};
	const struct iommu_model_vtd_faults stop = {.invalidations_hang = true};

	(void)state;
	running(&with_tlbs);
	iommu_model_vtd_misbehave(t.model, &hang);
	queue_on();
	assert_int_equal(reg(VTD_GSTS, 4) & VTD_GLOBAL_QIE, 0); /* the command is on its way */
	save();
	migrate(&with_tlbs);
	(void)reg(VTD_GSTS, 4);
	assert_int_not_equal(reg(VTD_GSTS, 4) & VTD_GLOBAL_QIE, 0);
	iommu_model_vtd_misbehave(t.model, &hang);
	submit(for_device());
	submit(vtd_descriptor_wait(STATUS, 3));
	assert_int_equal(status_word(), 0);
	save();
	/* Without a register access of the guest, which polls memory. */
	migrate(&with_tlbs);
	assert_int_equal(status_word(), 3);
	end();
	/* Of invalidation by registers, too. */
	running(&with_tlbs);
	iommu_model_vtd_misbehave(t.model, &stop);
	set(VTD_CCMD, 8, VTD_CCMD_ICC | 1ULL << 61);
	assert_int_not_equal(reg(VTD_CCMD, 8) & VTD_CCMD_ICC, 0);
	save();
	migrate(&with_tlbs);
	assert_int_equal(reg(VTD_CCMD, 8) & VTD_CCMD_ICC, 0);
	end();
}

/* Whether a command may complete is a matter of the state that it is in, when it completes. */
static void a_command_on_its_way_is_judged_by_its_own_state(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_SCALABLE};
	const struct iommu_model_vtd_faults hang = {.commands_hang = true};

	(void)state;
	begin(&config);
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
	iommu_model_vtd_misbehave(t.model, &hang);
	command(VTD_GLOBAL_SRTP, true);
	save();
	end();
	/* Into a model that translates, and could not do it. */
	running(&config);
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
	assert_int_equal(iommu_model_vtd_restore(t.model, saved, saved_size), 0);
	end();
	/* The mode is written while the command is on its way. */
	running(&config);
	iommu_model_vtd_misbehave(t.model, &hang);
	command(VTD_GLOBAL_SRTP, true);
	set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
	save();
	migrate(&config);
	assert_int_equal(t.misuses, 0);
	(void)reg(VTD_GSTS, 4);
	assert_int_equal(reg(VTD_GSTS, 4) & VTD_GLOBAL_SRTP, 0);
	assert_int_equal(t.misuses, 1);
	end();
}

static void save_once(void)
{
	t.meanwhile = NULL;
	save();
}

/* … with an answer that is owed. */
static void ask_twice(void)
{
	t.meanwhile = NULL;
	assert_int_equal(ask_for_page(2), IOMMU_EFAULT);
	save();
}

/*
 * Saved while a device is being asked, or told: that, and what was to be told next, is done where
 * it is restored.
 */
static void what_was_on_its_way_is_in_the_state(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = SCALABLE};
	const struct iommu_model_vtd_faults holds = {.holds_requests = true}, none = {0};

	(void)state;
	scalable_running(&config);
	set(VTD_FECTL, 4, 0);
	iommu_model_vtd_misbehave(t.model, &holds);
	word(ENTRY, 0);
	assert_int_equal(ask_for_page(1), 0); /* held */
	save();
	migrate(&config);
	t.meanwhile = save_once;
	/* Both are refused, recorded and answered; the state is that of the first answer. */
	assert_int_equal(ask_for_page(2), IOMMU_EFAULT);
	assert_int_equal(t.answers, 2);
	assert_int_equal(t.messages, 1);
	t.answers = t.messages = 0;
	migrate(&config);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.answer_last.group, 2);
	assert_int_equal(t.answer_last.source_id, SID);
	assert_int_equal(t.answer_last.pasid, 1);
	assert_int_equal(t.answer_last.code, VTD_PAGE_FAILURE);
	assert_int_equal(t.messages, 1);
	iommu_model_vtd_misbehave(t.model, &none);
	end();
	/* A device that was being asked is asked again. */
	running(&with_tlbs);
	queue_on();
	t.meanwhile = save_once;
	submit(for_device());
	assert_int_equal(t.asked, 1);
	migrate(&with_tlbs);
	assert_int_equal(t.asked, 2);
	assert_int_equal(reg(VTD_IQH, 8), 16);
	end();
}

/*
 * A device asks though the unit takes no page requests: whatever is saved meanwhile is a state of
 * this unit.
 */
static void a_unit_without_page_requests_has_its_states(void **state)
{
	const struct iommu_model_vtd_faults holds = {.holds_requests = true};

	(void)state;
	running(&with_tlbs);
	iommu_model_vtd_misbehave(t.model, &holds);
	assert_int_equal(ask_for_page(1), IOMMU_EFAULT); /* none is held */
	assert_int_equal(t.answers, 1);
	save();
	migrate(&with_tlbs);
	t.meanwhile = ask_twice;
	assert_int_equal(ask_for_page(1), IOMMU_EFAULT);
	assert_int_equal(t.answers, 3);
	migrate(&with_tlbs);
	assert_int_equal(t.answers, 4);
	end();
}

static void save_now_and_restore(void)
{
	t.meanwhile = NULL;
	save();
	assert_int_equal(iommu_model_vtd_restore(t.model, saved, saved_size), 0);
}

/* Into the model that is just asking: once for the old state, once for the new. */
static void a_state_is_restored_while_a_device_is_asked(void **state)
{
	(void)state;
	running(&with_tlbs);
	queue_on();
	put(0, for_device());
	put(1, vtd_descriptor_wait(STATUS, 9));
	t.meanwhile = save_now_and_restore;
	set(VTD_IQT, 8, 32);
	assert_int_equal(t.asked, 2);
	assert_int_equal(status_word(), 9);
	assert_int_equal(reg(VTD_IQH, 8), 32);
	end();
}

/* Where a register's value stands in the state: found by a value that nothing else has. */
static size_t place_of(uint64_t offset, unsigned int size, uint64_t value)
{
	size_t i, place = 0;

	set(offset, size, value);
	assert_int_equal(reg(offset, size), value);
	save();
	for (i = 0; i < saved_size; i += 8)
		if (iommu_read_le64(saved + i) == value) {
			assert_int_equal(place, 0);
			place = i;
		}
	assert_int_not_equal(place, 0);
	return place;
}

static void refuses_with(size_t place, uint64_t value)
{
	unsigned char changed[sizeof(saved)], after[sizeof(saved)];
	const uint64_t bytes = iommu_le64(value);

	memcpy(changed, saved, saved_size);
	memcpy(changed + place, &bytes, 8);
	assert_int_equal(iommu_model_vtd_restore(t.model, changed, saved_size), IOMMU_EINVAL);
	assert_int_equal(iommu_model_vtd_save(t.model, after, sizeof(after)), saved_size);
	assert_memory_equal(after, saved, saved_size);
}

static void a_state_that_cannot_be_is_refused(void **state)
{
	const struct iommu_model_vtd_config wide = {.flags = SCALABLE};
	const struct iommu_model_vtd_faults hang = {.waits_hang = true};
	size_t address, tail, head;

	(void)state;
	scalable_running(&wide);
	address = place_of(VTD_FEADDR, 4, 0xabcdef00);
	refuses_with(address, 0xabcdef01);
	refuses_with(address, 0x1abcdef00);
	/* The head follows: 32 bytes apart, in a queue of a page. */
	iommu_model_vtd_misbehave(t.model, &hang);
	submit(vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, 0));
	submit(vtd_descriptor_wait(STATUS, 1));
	tail = place_of(VTD_IQT, 8, 0x7a0);
	head = tail - 8; /* as they stand in the state */
	assert_int_equal(iommu_read_le64(saved + head), 32);
	refuses_with(head, 48);
	refuses_with(head, 4096);
	refuses_with(head, 0x7ffffffffffff000);
	refuses_with(tail, 0x7a8);
	refuses_with(0, 0x32444f4d445456);
	end();
}

/* Every bit, alone and with others: refused, or a state from which each call ends. */
static void mutated_states_do_no_harm(void **state)
{
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 20000);
	const struct iommu_model_vtd_config config = {
		.flags = SCALABLE | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING, .fault_records = 4};
	struct test_random random = {.state = test_setting("IOMMU_TEST_SEED", 99)};
	unsigned char good[sizeof(saved)];
	uint64_t taken = 0;

	(void)state;
	scalable_running(&config);
	set(VTD_PQA, 8, RING);
	put(0, for_device());
	put(1, vtd_descriptor_wait(STATUS, 1));
	set(VTD_IQT, 8, 64);
	save();
	memcpy(good, saved, saved_size);
	for (uint64_t i = 0; i < rounds; i++) {
		unsigned int flips = 1 + (unsigned int)test_random_below(&random, 3);

		memcpy(saved, good, saved_size);
		if (i < saved_size * 8)
			saved[i / 8] ^= (unsigned char)(1 << i % 8);
		else
			while (flips-- != 0)
				saved[8 + test_random_below(&random, saved_size - 8)] ^=
					(unsigned char)(1 << test_random_below(&random, 8));
		t.reads = 0;
		taken += iommu_model_vtd_restore(t.model, saved, saved_size) == 0;
		(void)reach_pasid(1);
		(void)ask_for_page(1);
		set(VTD_IQT, 8, 32);
		assert_in_range(t.reads, 0, 4 * LARGEST);
	}
	assert_in_range(taken, rounds / 20, rounds - rounds / 20);
	end();
}

/* --- All at once ------------------------------------------------------------------------------ */

static struct test_random chance;

static void poke(void)
{
	static const uint64_t registers[] = {VTD_GCMD, VTD_RTADDR, VTD_FECTL, VTD_IQA,  VTD_IQT,
					     VTD_PQA,  VTD_PQT,    VTD_PQH,   VTD_PECTL};
	const uint64_t value = test_random_next(&chance);

	switch (test_random_below(&chance, 4)) {
	case 0:
		set(registers[test_random_below(&chance, 9)], 4,
		    test_random_below(&chance, 2) == 0 ? value & 0xfff0 : 1ULL << value % 32);
		break;
	case 1:
		set(VTD_FSTS, 4, value);
		set(VTD_PRS, 4, value);
		break;
	default:
		set(VTD_IQT, 8, test_random_below(&chance, 32) * 32);
	}
}

static void poke_while_asked(void)
{
	if (test_random_below(&chance, 2) == 0)
		poke();
	if (test_random_below(&chance, 8) == 0)
		(void)reach_pasid((uint32_t)test_random_below(&chance, 256));
}

/* A descriptor that could be right. */
static void scribble(void)
{
	static const uint64_t types[] = {1, 2, 3, 3, 4, 5, 0x16, 0x26, 7, 8, 9, 9};
	static const uint64_t used[] = {0x30, 0xffff00000000, 0xff0000, UINT64_MAX};
	const iommu_paddr_t place = QUEUE + test_random_below(&chance, 32) * 32;
	const uint64_t value = test_random_next(&chance);

	word(place,
	     types[test_random_below(&chance, 12)] | (value & used[test_random_below(&chance, 4)]));
	word(place + 8, test_random_below(&chance, 4) != 0 ? value & 0x3f000 : value);
	word(place + 16, 0);
	word(place + 24, test_random_below(&chance, 16) == 0);
}

static void every_call_ends(void **state)
{
	const uint64_t wanted = test_setting("IOMMU_TEST_OPERATIONS", 100000);
	/* Fewer are too few for what is rare to happen as often as is expected below. */
	const uint64_t rounds = wanted < 20000 ? 20000 : wanted;
	const struct iommu_model_vtd_config config = {.flags = SCALABLE |
							       IOMMU_MODEL_VTD_CACHING_MODE |
							       IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
						      .cache_entries = 100};

	(void)state;
	chance.state = test_setting("IOMMU_TEST_SEED", 5);
	scalable_running(&config);
	t.meanwhile = poke_while_asked;
	for (uint64_t i = 0; i < rounds; i++) {
		t.reads = 0;
		t.silent = test_random_below(&chance, 8) == 0;
		switch (test_random_below(&chance, 6)) {
		case 0:
		case 1:
			poke();
			break;
		case 2:
			scribble();
			break;
		case 3:
			(void)reach_pasid((uint32_t)test_random_below(&chance, 256));
			break;
		case 4:
			(void)ask_for_page((uint16_t)test_random_below(&chance, 512));
			break;
		default:
			word(test_random_below(&chance, MEMORY / 8) * 8,
			     test_random_next(&chance) & 0x3f00f);
		}
		assert_in_range(t.reads, 0, 4 * LARGEST);
		if (i % 64 != 63)
			continue;
		iommu_model_vtd_reset(t.model);
		word(ROOT + 16, vtd_root_low(CONTEXT));
		word(ENTRY, vtd_scalable_context_low(DIRECTORY, 7,
						     VTD_CONTEXT_PASIDS | VTD_CONTEXT_DEVICE_TLB |
							     VTD_CONTEXT_PAGE_REQUESTS));
		set(VTD_RTADDR, 8, ROOT | VTD_RTADDR_SCALABLE);
		command(VTD_GLOBAL_SRTP, true);
		command(VTD_GLOBAL_TE, true);
		wide_queue_on();
	}
	t.meanwhile = NULL;
	/* All of it happens. */
	assert_true(t.asked > rounds / 1000);
	assert_true(t.answers > rounds / 1000);
	end();
}

/* --- Two processors, in fact ------------------------------------------------------------------ */

static unsigned int asked_by_both;

static bool device_forgets(void *ctx, const struct iommu_model_device_tlb *forget)
{
	(void)ctx;
	(void)forget;
	return __atomic_add_fetch(&asked_by_both, 1, __ATOMIC_RELAXED) % 64 != 0;
}

/* Each restarts the queue under the other, and clears what the other has made it stop with. */
static void *one_processor(void *seed)
{
	struct test_random random = {.state = (uintptr_t)seed};
	struct iommu_model_request request = {.source_id = SID, .access = IOMMU_PROT_READ};
	struct iommu_model_translation where;

	for (unsigned int i = 0; i < 20000; i++) {
		request.address = test_random_below(&random, 64) << 12;
		switch (test_random_below(&random, 8)) {
		case 0:
			iommu_model_vtd_mmio_write(t.model, VTD_GCMD, 4, VTD_GLOBAL_TE);
			break;
		case 1:
			iommu_model_vtd_mmio_write(t.model, VTD_GCMD, 4,
						   VTD_GLOBAL_TE | VTD_GLOBAL_QIE);
			break;
		case 2:
			iommu_model_vtd_mmio_write(t.model, VTD_FSTS, 4, UINT32_MAX);
			break;
		case 3:
			(void)iommu_model_vtd_translate(t.model, &request, &where);
			break;
		default:
			iommu_model_vtd_mmio_write(t.model, VTD_IQT, 8,
						   test_random_below(&random, 256) * 16);
		}
	}
	return NULL;
}

static void two_processors_at_once(void **state)
{
	struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB};
	struct iommu_model_vtd *ordinary;
	pthread_t threads[2];
	uintptr_t i;

	(void)state;
	running(&config);
	ordinary = t.model;
	config.platform = &t.hosted.platform;
	config.host = (struct iommu_model_vtd_host){
		.read = t.read, .write = t.write, .invalidate_device_tlb = device_forgets};
	assert_int_equal(iommu_model_vtd_create(&config, &t.model), 0);
	iommu_model_vtd_destroy(ordinary);
	translation_on();
	for (i = 0; i < 256; i++)
		put((unsigned int)i, i % 8 == 0 ? vtd_descriptor_wait(STATUS, 1) : for_device());
	set(VTD_IQA, 8, QUEUE);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, one_processor, (void *)(i + 1)),
				 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_not_equal(asked_by_both, 0);
	/* Left alone it works. */
	command(VTD_GLOBAL_QIE, false);
	set(VTD_FSTS, 4, UINT32_MAX);
	set(VTD_IQT, 8, 0);
	put(0, vtd_descriptor_wait(STATUS, 77));
	command(VTD_GLOBAL_QIE, true);
	set(VTD_IQT, 8, 16);
	assert_int_equal(status_word(), 77);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_that_is_refilled_keeps_no_call),
		cmocka_unit_test(a_head_stays_in_its_queue),
		cmocka_unit_test(a_restarted_queue_loses_nothing),
		cmocka_unit_test(a_reset_while_a_device_is_asked),
		cmocka_unit_test(a_queue_does_not_decide_how_deep_calls_are),
		cmocka_unit_test(invalidations_do_not_walk_the_cache),
		cmocka_unit_test(a_table_that_leads_to_itself_takes_no_more_memory),
		cmocka_unit_test(a_full_cache_refuses_no_page_request),
		cmocka_unit_test(no_memory_is_where_interrupts_are),
		cmocka_unit_test(protected_memory_is_told_to_no_device),
		cmocka_unit_test(an_entry_of_one_mode_is_none_of_the_other),
		cmocka_unit_test(a_restored_model_goes_on),
		cmocka_unit_test(a_command_on_its_way_is_judged_by_its_own_state),
		cmocka_unit_test(what_was_on_its_way_is_in_the_state),
		cmocka_unit_test(a_unit_without_page_requests_has_its_states),
		cmocka_unit_test(a_state_is_restored_while_a_device_is_asked),
		cmocka_unit_test(a_state_that_cannot_be_is_refused),
		cmocka_unit_test(mutated_states_do_no_harm),
		cmocka_unit_test(every_call_ends),
		cmocka_unit_test(two_processors_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
