/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V model against a hostile guest and beside other processors: completions wait for what
 * is under way, each call ends, memory is bounded, states that cannot be are refused.
 */
#include <pthread.h>
#include <string.h>

#include "bare_riscv.h"
#include "base/byteorder.h"
#include "test.h"
#include "test_contract.h"

static const struct iommu_model_riscv_config all = {.capabilities = RV_ALL};

/* A device with a first stage and one page. */
static void running(const struct iommu_model_riscv_config *config)
{
	const struct riscv_context context = {
		.words = {RISCV_TC_VALID | RISCV_TC_EN_ATS | RISCV_TC_EN_PRI, 0, riscv_ta(1),
			  riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3))}};

	rv_begin(config);
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_1LVL);
	rv_context(RV_DEVICE, &context);
	rv_map_first(3, 0x5000, 1, riscv_pte_leaf(RV_DATA, RV_LEAF_FLAGS));
}

/* --- Completion ------------------------------------------------------------------------------- */

static iommu_paddr_t watched;
static void (*act_once)(void);

/* While a request has read the watched word, another processor acts. */
static void act_while_reading(iommu_paddr_t paddr)
{
	void (*act)(void) = act_once;

	if (paddr != watched || act == NULL)
		return;
	act_once = NULL;
	act();
}

static uint64_t seen[4];

static void invalidate_and_fence(void)
{
	rv_word(RV_FIRST(1) + 5 * 8, riscv_pte_leaf(RV_DATA + 0x1000, RV_LEAF_FLAGS));
	rv_submit(riscv_command_at(riscv_command_vma(), 0x5000));
	rv_submit(riscv_command_fence_store(0, RV_FLAG, 1));
	seen[0] = rv_reg(RISCV_CQH, 4);
	seen[1] = rv_look(RV_FLAG);
}

static void a_fence_waits_for_requests_under_way(void **state)
{
	(void)state;
	running(&all);
	watched = RV_FIRST(1) + 5 * 8;
	act_once = invalidate_and_fence;
	rv.reading = act_while_reading;
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 0);
	/* The request may see either; the fence completed after it. */
	assert_int_equal(seen[0], 1);
	assert_int_equal(seen[1], 0);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 2);
	assert_int_equal(rv_look(RV_FLAG), 1);
	/* What it had read was not cached. */
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 0);
	assert_int_equal(rv_result.paddr, RV_DATA + 0x1000);
	rv_end();
}

static void turn_off(void)
{
	rv_set(RISCV_DDTP, 8, riscv_ddtp(RISCV_DDTP_OFF, RV_ROOT));
	seen[0] = rv_reg(RISCV_DDTP, 8);
	seen[1] = rv_reg(RISCV_DDTP, 8);
}

static void ddtp_is_busy_while_requests_are_under_way(void **state)
{
	(void)state;
	running(&all);
	watched = RV_FIRST(1) + 5 * 8;
	act_once = turn_off;
	rv.reading = act_while_reading;
	(void)rv_reach(0x5000, IOMMU_PROT_READ);
	assert_int_equal(seen[0], riscv_ddtp(RISCV_DDTP_OFF, RV_ROOT) | RISCV_DDTP_BUSY);
	assert_int_equal(seen[1], seen[0]);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), riscv_ddtp(RISCV_DDTP_OFF, RV_ROOT));
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), RISCV_FAULT_ALL_DISALLOWED);
	rv_end();
}

static void look_at_the_unit(void)
{
	/* The host is told before the guest sees completion; and has new answers already. */
	seen[0] = rv_reg(RISCV_CQH, 4);
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 0);
	seen[1] = rv_result.paddr;
	seen[2]++;
}

static void the_host_is_told_before_the_guest(void **state)
{
	(void)state;
	running(&all);
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 0);
	rv_word(RV_FIRST(1) + 5 * 8, riscv_pte_leaf(RV_DATA + 0x1000, RV_LEAF_FLAGS));
	memset(seen, 0, sizeof(seen));
	rv.meanwhile = look_at_the_unit;
	rv_run(riscv_command_at(riscv_command_vma(), 0x5000));
	assert_int_equal(seen[2], 1);
	assert_int_equal(seen[1], RV_DATA + 0x1000);
	rv.meanwhile = NULL;
	rv_run(riscv_command_fence(0));
	rv_end();
}

static void turn_the_queue_off_and_on(void)
{
	rv.meanwhile = NULL;
	rv_set(RISCV_CQCSR, 4, 0);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), 0);
	rv_set(RISCV_CQT, 4, 0);
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE);
	rv.tail = 0;
}

static void a_restarted_queue_loses_nothing(void **state)
{
	(void)state;
	running(&all);
	rv.meanwhile = turn_the_queue_off_and_on;
	rv.silent = true;
	rv_submit(riscv_command_ats_inval(1, 0, 0));
	rv.silent = false;
	assert_int_equal(rv_reg(RISCV_CQH, 4), 0);
	/* The answer was for the queue before. */
	rv_run(riscv_command_fence_store(0, RV_FLAG, 3));
	assert_int_equal(rv_look(RV_FLAG), 3);
	rv_end();
}

static void reset_the_unit(void)
{
	rv.meanwhile = NULL;
	iommu_model_riscv_reset(rv.model);
}

static void a_reset_while_the_host_is_told(void **state)
{
	(void)state;
	running(&all);
	rv.meanwhile = reset_the_unit;
	rv_submit(riscv_command_vma());
	assert_int_equal(rv.told_last.type, IOMMU_MODEL_RISCV_RESET);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4), 0);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), RISCV_DDTP_OFF);
	rv_end();
}

static iommu_paddr_t reset_at;

static void reset_once(iommu_paddr_t paddr)
{
	if (paddr != reset_at)
		return;
	reset_at = UINT64_MAX;
	iommu_model_riscv_reset(rv.model);
}

/* In the middle of a fetch, of a fence's store, of a record: nothing of it goes on. */
static void a_reset_while_memory_is_accessed(void **state)
{
	static const iommu_paddr_t places[] = {RV_COMMANDS, RV_FLAG, RV_FAULTS};
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		running(&all);
		rv.reading = rv.writing = reset_once;
		reset_at = places[i];
		if (i == 2)
			(void)rv_reach(0x9000, IOMMU_PROT_READ);
		else
			rv_submit(riscv_command_fence_store(0, RV_FLAG, 1));
		assert_int_equal(reset_at, UINT64_MAX);
		assert_int_equal(rv_reg(RISCV_CQH, 4), 0);
		assert_int_equal(rv_reg(RISCV_FQT, 4), 0);
		assert_int_equal(rv_reg(RISCV_CQCSR, 4) | rv_reg(RISCV_FQCSR, 4), 0);
		/* It works again. */
		rv.reading = rv.writing = NULL;
		rv_queues_on(false);
		rv_run(riscv_command_fence(0));
		rv_end();
	}
}

/* --- Bounds ----------------------------------------------------------------------------------- */

static unsigned int depth, deepest;

/* The guest refills its queue whenever the host is told. */
static void refill(void)
{
	depth++;
	deepest = depth > deepest ? depth : deepest;
	rv_submit(riscv_command_ats_inval(1, 0, 0));
	(void)rv_reg(RISCV_CQH, 4);
	depth--;
}

static void a_queue_that_is_refilled_keeps_no_call(void **state)
{
	(void)state;
	running(&all);
	depth = deepest = 0;
	rv.meanwhile = refill;
	rv_submit(riscv_command_ats_inval(1, 0, 0));
	assert_int_equal(deepest, 1);
	assert_in_range(rv.told, 1000, 40000);
	assert_int_not_equal(rv.work_remains, 0);
	rv.meanwhile = NULL;
	while (iommu_model_riscv_run(rv.model))
		;
	assert_int_equal(rv_reg(RISCV_CQH, 4), rv.tail);
	rv_end();
}

static void ask_again(void)
{
	const struct iommu_model_riscv_page_message request = {
		.device_id = RV_DEVICE, .access = IOMMU_PROT_READ, .is_last = true};

	depth++;
	deepest = depth > deepest ? depth : deepest;
	if (rv.answers < 100000)
		(void)iommu_model_riscv_page_request(rv.model, &request);
	depth--;
}

static void devices_that_ask_again_do_not_nest(void **state)
{
	(void)state;
	running(&all);
	rv_set(RISCV_PQCSR, 4, 0);
	depth = deepest = 0;
	rv.meanwhile = ask_again;
	ask_again();
	rv.meanwhile = NULL;
	assert_in_range(deepest, 1, 3);
	rv_end();
}

/* All of the address space by one table that leads to itself. */
static void a_table_that_leads_to_itself_takes_no_more_memory(void **state)
{
	struct iommu_model_riscv_config small = all;
	struct iommu_model_riscv_stats stats;
	uint64_t i;

	(void)state;
	small.cache_entries = 500;
	running(&small);
	for (i = 0; i < 256; i++)
		rv_word(RV_FIRST(3) + i * 8,
			i == 0 ? riscv_pte_table(RV_FIRST(3)) : riscv_pte_leaf(0, RV_LEAF_FLAGS));
	for (i = 1; i < 20000; i++) {
		const uint64_t pages = i % 256 + (i * 7 % 256 << 9);

		(void)rv_reach(pages << 12, IOMMU_PROT_READ);
	}
	iommu_model_riscv_get_stats(rv.model, &stats);
	assert_in_range(stats.cached_first + stats.cached_contexts, 100, 500);
	assert_in_range(rv.hosted.pages_in_use, 1, 100);
	rv_end();
}

/* As many address spaces as a cache has entries: an address in all of them costs its share. */
static void addresses_in_all_spaces_are_paid_for(void **state)
{
	const struct riscv_context context = {.words = {RISCV_TC_VALID | RISCV_TC_PDTV, 0, 0,
							riscv_pdtp(RISCV_PDTP_PD17, RV_PROCESSES)}};
	struct iommu_model_riscv_request request = {
		.device_id = RV_DEVICE, .has_process = true, .address = 0x5000};
	unsigned int i;

	(void)state;
	running(&all);
	rv_context(RV_DEVICE, &context);
	for (i = 0; i < 512; i++)
		rv_word(RV_PROCESSES + i * 8, riscv_directory_entry(0x30000 + (i & 7) * 0x1000));
	for (i = 0; i < 2048; i++) {
		rv_word(0x30000 + i * 16, riscv_process_ta(i, 0));
		rv_word(0x30000 + i * 16 + 8, riscv_iosatp(RISCV_IOSATP_SV39, RV_FIRST(3)));
	}
	for (i = 0; i < 2048; i++) {
		request.process_id = i;
		assert_int_equal(rv_ask(&request), 0);
	}
	/* 200 times 2,048 spaces are more than a call may do. */
	for (i = 0; i < 200; i++) {
		rv_word(RV_COMMANDS + i * 16, RISCV_IOTINVAL_VMA | RISCV_IOTINVAL_AV);
		rv_word(RV_COMMANDS + i * 16 + 8, 0x9ULL << 10);
	}
	rv_set(RISCV_CQT, 4, 200);
	assert_in_range(rv.told, 1, 20);
	assert_int_not_equal(rv.work_remains, 0);
	while (iommu_model_riscv_run(rv.model))
		;
	assert_int_equal(rv_reg(RISCV_CQH, 4), 200);
	rv_end();
}

/* --- All at once ------------------------------------------------------------------------------ */

static struct test_random chance;

static uint64_t below(uint64_t bound)
{
	return test_random_below(&chance, bound);
}

static void poke(void)
{
	static const uint32_t wide[] = {RISCV_DDTP,        RISCV_CQB,      RISCV_FQB,
					RISCV_PQB,         RISCV_ICVEC,    RISCV_TR_REQ_CTL,
					RISCV_TR_REQ_IOVA, RISCV_IOHPMEVT, RISCV_IOHPMCTR,
					RISCV_MSI_CFG_TBL};
	static const uint32_t narrow[] = {
		RISCV_FCTL,  RISCV_CQT,   RISCV_FQH,  RISCV_PQH,        RISCV_CQCSR,
		RISCV_FQCSR, RISCV_PQCSR, RISCV_IPSR, RISCV_IOCOUNTINH, RISCV_MSI_CFG_TBL + 12};
	const uint64_t value = test_random_next(&chance);

	switch (below(8)) {
	case 0:
		rv_set(wide[below(10)], 8, below(2) == 0 ? value & 0x3fff : value);
		break;
	case 1:
		rv_set(narrow[below(10)], 4, value & UINT32_MAX);
		break;
	case 2:
		rv_set((uint32_t)below(0x1000) & ~3U, 4, value & UINT32_MAX);
		break;
	case 3:
		rv_set(RISCV_CQCSR, 4, 0xf01 | (value & 2));
		break;
	case 4:
		rv_set(RISCV_FQCSR, 4, 0x301 | (value & 2));
		rv_set(RISCV_PQCSR, 4, 0x301 | (value & 2));
		rv_set(RISCV_FQH, 4, rv_reg(RISCV_FQT, 4));
		rv_set(RISCV_PQH, 4, rv_reg(RISCV_PQT, 4));
		break;
	case 5:
		rv_set(RISCV_TR_REQ_IOVA, 8, value & 0xffffff);
		rv_set(RISCV_TR_REQ_CTL, 8, riscv_tr_req_ctl(RV_DEVICE, value & 0xe));
		break;
	default:
		rv_set(RISCV_CQT, 4, below(64));
	}
}

static struct iommu_model_riscv_request any_request(void)
{
	return (struct iommu_model_riscv_request){
		.device_id = below(4) != 0 ? RV_DEVICE : (uint32_t)below(1 << 24),
		.type = (enum iommu_model_riscv_request_type)below(3),
		.has_process = below(2) == 0,
		.process_id = (uint32_t)below(300),
		.privileged = below(2) == 0,
		.execute = below(2) == 0,
		.access = (unsigned int)below(4),
		.address = below(4) != 0 ? below(1 << 24) : test_random_next(&chance),
	};
}

static void request_something(void)
{
	const struct iommu_model_riscv_request request = any_request();
	const struct iommu_model_riscv_page_message page = {.device_id = request.device_id,
							    .has_process = request.has_process,
							    .process_id = request.process_id,
							    .access = request.access,
							    .address = request.address,
							    .group = (uint16_t)below(512),
							    .is_last = below(2) == 0};
	struct iommu_model_riscv_message message;
	struct iommu_model_riscv_mapping found[8];
	struct iommu_model_riscv_walk_state walk = {.device_id = request.device_id,
						    .last = UINT64_MAX};
	size_t count = 8;

	switch (below(4)) {
	case 0:
		(void)iommu_model_riscv_page_request(rv.model, &page);
		break;
	case 1:
		(void)iommu_model_riscv_interrupt(rv.model, &request, (uint32_t)below(4096),
						  &message);
		break;
	case 2:
		if (below(16) == 0)
			(void)iommu_model_riscv_walk(rv.model, &walk, found, &count);
		break;
	default:
		(void)rv_ask(&request);
	}
}

static void poke_while_told(void)
{
	if (below(2) == 0)
		poke();
	if (below(8) == 0)
		request_something();
}

/* A command, a context, an entry that could be right. */
static void scribble(void)
{
	static const uint64_t kinds[] = {1, 1, 0x81, 2, 2, 3, 0x83, 4, 0x84};
	static const uint64_t used[] = {0x7fffff00fffffc00ULL, 0, 0xffff100ULL << 12, UINT64_MAX};
	const uint64_t value = test_random_next(&chance);
	const iommu_paddr_t place = RV_COMMANDS + below(64) * 16;
	unsigned int i;

	if (below(3) == 0) {
		for (i = 0; i < 8; i++)
			rv_word(rv_context_at(RV_DEVICE) + i * 8,
				below(3) == 0 ? test_random_next(&chance) & 0xf000000000000fffULL
					      : (i == 0 ? 1 : 0) | below(256));
		return;
	}
	if (below(3) == 0) {
		rv_word(below(RV_MEMORY / 8) * 8, (value & 0xff0ff) | 1);
		return;
	}
	rv_word(place, kinds[below(9)] | (value & used[below(4)]));
	rv_word(place + 8, below(4) != 0 ? value & 0xffc00 : value);
}

/* The largest queue in memory, and a walk of blocks with some 40 reads each. */
#define MOST_READS (4U * 32768 + 512 * 64)

static void every_call_ends(void **state)
{
	const uint64_t wanted = test_setting("IOMMU_TEST_OPERATIONS", 100000);
	const uint64_t rounds = wanted < 20000 ? 20000 : wanted;
	struct iommu_model_riscv_config config = all;
	uint64_t i;

	(void)state;
	config.cache_entries = 100;
	chance.state = test_setting("IOMMU_TEST_SEED", 5);
	for (i = 0; i < rounds; i++) {
		if (i % 4096 == 0) {
			config.strict = (unsigned int)below(4);
			config.forget_seed = below(2);
			config.vectors = 1U << below(5);
			running(&config);
			rv.meanwhile = poke_while_told;
		}
		rv.reads = 0;
		rv.silent = below(8) == 0;
		rv.deaf = below(8) == 0;
		switch (below(5)) {
		case 0:
		case 1:
			poke();
			break;
		case 2:
			scribble();
			break;
		default:
			request_something();
		}
		assert_in_range(rv.reads, 0, MOST_READS);
		if (i % 64 == 63) {
			iommu_model_riscv_reset(rv.model);
			rv_set(RISCV_CQB, 8, riscv_queue_base(RV_COMMANDS, 8));
			rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT);
			rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 3));
			rv_set(RISCV_FQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT);
			rv_set(RISCV_PQB, 8, riscv_queue_base(RV_REQUESTS, 3));
			rv_set(RISCV_PQCSR, 4, RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT);
			rv_set(RISCV_DDTP, 8, riscv_ddtp(RISCV_DDTP_1LVL, RV_ROOT));
		}
		if (i % 4096 == 4095 || i + 1 == rounds) {
			rv.meanwhile = NULL;
			rv.reading = NULL;
			/* All of it happens. */
			assert_true(rv.told > 10);
			assert_true(rv.answers > 10);
			assert_true(rv.messages + rv.moves > 10);
			rv_end();
			if (i + 4096 > rounds)
				return;
		}
	}
}

/* --- States ----------------------------------------------------------------------------------- */

static unsigned char saved[16384];
static size_t saved_size;

static void save(void)
{
	saved_size = iommu_model_riscv_save(rv.model, NULL, 0);
	assert_in_range(saved_size, 1, sizeof(saved));
	assert_int_equal(iommu_model_riscv_save(rv.model, saved, sizeof(saved)), saved_size);
}

static void a_restored_model_goes_on(void **state)
{
	const struct iommu_model_riscv_faults hang = {.commands_hang = true, .busy_delay = 100};
	struct iommu_model_riscv *first;

	(void)state;
	running(&all);
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 0);
	iommu_model_riscv_misbehave(rv.model, &hang);
	rv_submit(riscv_command_inval_directories());
	rv_submit(riscv_command_fence_store(0, RV_FLAG, 9));
	rv_set(RISCV_FQCSR, 4, 0);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4), RISCV_QUEUE_ON | RISCV_QUEUE_BUSY);
	save();
	first = rv.model;
	assert_int_equal(rv_create(&all), 0);
	rv.told = 0;
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), 0);
	/* The queue runs, and what was busy is done. */
	assert_int_equal(rv.told, 2);
	assert_int_equal(rv_look(RV_FLAG), 9);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 2);
	assert_int_equal(rv_reg(RISCV_FQCSR, 4), 0);
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 0);
	assert_int_equal(rv_result.paddr, RV_DATA);
	iommu_model_riscv_destroy(first);
	rv_end();
}

static void a_lazy_units_commands_are_in_the_state(void **state)
{
	struct iommu_model_riscv_config lazy = all;
	struct iommu_model_riscv *first;

	(void)state;
	lazy.strict = IOMMU_MODEL_RISCV_LAZY;
	running(&lazy);
	rv_run(riscv_command_page_response(0x77, 3, RISCV_PAGE_SUCCESS));
	assert_int_equal(rv.answers, 0);
	save();
	first = rv.model;
	assert_int_equal(rv_create(&lazy), 0);
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), 0);
	rv_run(riscv_command_fence(0));
	assert_int_equal(rv.answers, 1);
	assert_int_equal(rv.answer_last.device_id, 0x77);
	iommu_model_riscv_destroy(rv.model);
	/* Another unit has no such state. */
	assert_int_equal(rv_create(&all), 0);
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), IOMMU_EINVAL);
	iommu_model_riscv_destroy(first);
	rv_end();
}

static void ask_for_three(void)
{
	struct iommu_model_riscv_page_message request = {.device_id = RV_DEVICE,
							 .has_process = true,
							 .process_id = 0x12345,
							 .access = IOMMU_PROT_READ,
							 .is_last = true};

	rv.meanwhile = NULL;
	/* While one answer is being given two wait; a third gives the first of them. */
	for (request.group = 1; request.group <= 3; request.group++)
		(void)iommu_model_riscv_page_request(rv.model, &request);
	save();
}

static void answers_on_their_way_are_in_the_state(void **state)
{
	struct iommu_model_riscv *first;
	size_t at;

	(void)state;
	running(&all);
	rv_set(RISCV_PQCSR, 4, 0);
	rv.meanwhile = ask_for_three;
	(void)iommu_model_riscv_page_request(
		rv.model, &(struct iommu_model_riscv_page_message){.device_id = RV_DEVICE,
								   .access = IOMMU_PROT_READ,
								   .is_last = true});
	assert_int_equal(rv.answers, 4);
	first = rv.model;
	assert_int_equal(rv_create(&all), 0);
	rv.answers = 0;
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), 0);
	assert_int_equal(rv.answers, 2);
	assert_int_equal(rv.answer_last.group, 3);
	assert_int_equal(rv.answer_last.device_id, RV_DEVICE);
	assert_int_equal(rv.answer_last.process_id, 0x12345);
	assert_int_equal(rv.answer_last.code, RISCV_PAGE_FAILURE);
	/* More than there is room for, and bits that no answer has. */
	at = saved_size - (2 + 4 + 64) * 8;
	assert_int_equal(saved[at], 2);
	saved[at] = 3;
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), IOMMU_EINVAL);
	saved[at] = 2;
	saved[at + 16 + 7] = 1;
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), IOMMU_EINVAL);
	iommu_model_riscv_destroy(first);
	rv_end();
}

/* A unit without page requests has no queue for them. */
static void a_unit_without_page_requests_has_its_states(void **state)
{
	struct iommu_model_riscv_config plain = all;

	(void)state;
	plain.capabilities &= ~(RISCV_CAP_ATS | RISCV_CAP_T2GPA);
	rv_begin(&plain);
	save();
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), 0);
	saved[8 + 15 * 8] = 1; /* pqcsr: enabled */
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), IOMMU_EINVAL);
	rv_end();
	plain.strict = IOMMU_MODEL_RISCV_WILD_RESET;
	rv_begin(&plain);
	save();
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), 0);
	rv_end();
}

/* Both indexes stay within a queue that becomes smaller. */
static void a_smaller_queue_is_a_state(void **state)
{
	unsigned int i;

	(void)state;
	running(&all);
	for (i = 0; i < 100; i++)
		(void)rv_reach(0x9000, IOMMU_PROT_READ);
	assert_int_equal(rv_reg(RISCV_FQT, 4), 100);
	rv_set(RISCV_FQCSR, 4, 0);
	rv_set(RISCV_FQB, 8, riscv_queue_base(RV_FAULTS, 3));
	assert_in_range(rv_reg(RISCV_FQT, 4), 0, 7);
	save();
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), 0);
	rv_end();
}

/* Change bits of a word behind the magic, restore, and put the word back. */
static int restore_with(unsigned int word, uint64_t bits)
{
	const size_t at = 8 + (size_t)word * 8;
	const uint64_t before = iommu_read_le64(saved + at);
	const uint64_t changed = iommu_le64(before ^ bits), good = iommu_le64(before);
	int status;

	memcpy(saved + at, &changed, 8);
	status = iommu_model_riscv_restore(rv.model, saved, saved_size);
	memcpy(saved + at, &good, 8);
	return status;
}

struct change {
	unsigned int word; /* behind the magic */
	uint64_t bits;
};

static void are_refused(const struct change *changes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (restore_with(changes[i].word, changes[i].bits) != IOMMU_EINVAL)
			fail_msg("word %u, bits %#llx", changes[i].word,
				 (unsigned long long)changes[i].bits);
}

/* What is restored is what is saved again. */
static void are_taken(const struct change *changes, size_t count)
{
	static unsigned char again[sizeof(saved)];
	size_t i;

	for (i = 0; i < count; i++) {
		const size_t at = 8 + (size_t)changes[i].word * 8;

		if (restore_with(changes[i].word, changes[i].bits) != 0)
			fail_msg("word %u, bits %#llx", changes[i].word,
				 (unsigned long long)changes[i].bits);
		assert_int_equal(iommu_model_riscv_save(rv.model, again, sizeof(again)),
				 saved_size);
		assert_int_equal(iommu_read_le64(again + at),
				 iommu_read_le64(saved + at) ^ changes[i].bits);
	}
}

#define REFUSED(changes) are_refused(changes, sizeof(changes) / sizeof((changes)[0]))
#define TAKEN(changes)   are_taken(changes, sizeof(changes) / sizeof((changes)[0]))

static void states_that_cannot_be_are_refused(void **state)
{
	static const struct change wrong[] = {
		{0, 1},                                 /* capabilities */
		{1, 1 << 3},                            /* fctl */
		{2, 5},                                 /* ddtp: mode 7 of a mode 2 */
		{2, 1ULL << 63},  {3, RISCV_DDTP_BUSY}, /* what requests see is never busy */
		{3, 1 << 10}, /* … nor another than ddtp, which is not */
		{4, 1 << 5},      {8, 1 << 6},
		{12, 1ULL << 54}, /* a base */
		{5, 1 << 8},      /* an index outside its queue */
		{6, 1 << 8},      {9, 1 << 7},
		{14, 1 << 8},     {7, 1 << 2},
		{7, 1 << 12},     {11, 1 << 10},
		{15, 1 << 10}, /* a control bit */
		{16, 1 << 4},  /* ipsr */
		{17, 1 << 2},  /* icvec: 4 vectors have 2 bits */
		{18, 1 << 1},     {18, 1ULL << 56},
		{63, 1 << 0},                       /* of a message: address */
		{19, 1ULL << 32}, {64, 1ULL << 63}, /* … data */
		{20, 1 << 1},     {65, 1 << 1},     /* … control */
		{66, 1 << 16},                      /* messages to be sent */
		{67, 1ULL << 32},                   /* counters that are stopped */
		{100, 9},         {130, 9},         /* an event */
		{131, 1 << 11},                     /* address of a request */
		{134, 1 << 12},   {134, 1 << 28},   /* qosid */
		{135, 2},
	};
	static const struct change right[] = {
		{18, 1 << 2}, {18, 1ULL << 55}, {63, 1 << 2},   {19, 1U << 31},   {64, 1},
		{20, 1},      {65, 1},          {67, 1U << 31}, {69, UINT64_MAX}, {99, UINT64_MAX},
		{100, 8},     {130, 8},         {131, 1 << 12}, {134, 0xfff0fff}, {135, 1},
	};

	(void)state;
	running(&all);
	save();
	REFUSED(wrong);
	TAKEN(right);
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size - 8), IOMMU_EINVAL);
	saved[0] ^= 1;
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), IOMMU_EINVAL);
	saved[0] ^= 1;
	assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), 0);
	rv_end();
}

/* Of what a unit has not there is nothing in a state. */
static void a_smaller_unit_has_fewer_states(void **state)
{
	static const struct change wrong[] = {
		{67, 1 << 4},
		{103, 1},
		{130, 1}, /* counters */
		{134, 1 << 3},
		{134, 1 << 19}, /* qosid */
		{4, 10},
		{8, 10},
		{12, 10},
		{17, 1 << 1}, /* bases, icvec */
		{2, RISCV_DDTP_2LVL},
	};
	static const struct change right[] = {
		{67, 1 << 3}, {102, 1}, {134, 0x70007}, {4, 9}, {8, 9}, {12, 9}, {17, 0x1111},
	};
	static const struct change counts[] = {{67, 1}, {100, 1}};
	struct iommu_model_riscv_config small = all;

	(void)state;
	small.counters = 3;
	small.qos_bits = 3;
	small.queue_max = 10;
	small.vectors = 2;
	small.levels = 1 << 1 | 1 << 3;
	rv_begin(&small);
	save();
	REFUSED(wrong);
	TAKEN(right);
	rv_end();
	small.capabilities &= ~RISCV_CAP_HPM;
	rv_begin(&small);
	save();
	REFUSED(counts);
	rv_end();
}

/* What was on its way to be on, or off, gets there. */
static void what_is_busy_goes_on_when_restored(void **state)
{
	static const struct {
		uint32_t offset, base;
		unsigned int size;
		uint64_t on, off, is_on;
	} cases[] = {
		{RISCV_CQCSR, RISCV_CQB, 4, RISCV_QUEUE_ENABLE, 0,
		 RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON},
		{RISCV_FQCSR, RISCV_FQB, 4, RISCV_QUEUE_ENABLE, 0,
		 RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON},
		{RISCV_PQCSR, RISCV_PQB, 4, RISCV_QUEUE_ENABLE, 0,
		 RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON},
		{RISCV_DDTP, 0, 8, RISCV_DDTP_BARE, RISCV_DDTP_OFF, RISCV_DDTP_BARE},
	};
	const struct iommu_model_riscv_faults busy = {.stays_busy = true}, none = {0};
	unsigned int i, on;

	(void)state;
	for (i = 0; i < 4; i++)
		for (on = 0; on < 2; on++) {
			uint64_t before;

			rv_begin(&all);
			if (cases[i].base != 0)
				rv_set(cases[i].base, 8, riscv_queue_base(RV_COMMANDS, 6));
			if (on == 0)
				rv_set(cases[i].offset, cases[i].size, cases[i].on);
			else if (i == 0)
				rv_submit(riscv_command_fence_store(0, RV_FLAG, 0x77));
			iommu_model_riscv_misbehave(rv.model, &busy);
			rv_set(cases[i].offset, cases[i].size,
			       on != 0 ? cases[i].on : cases[i].off);
			before = rv_reg(cases[i].offset, cases[i].size);
			assert_int_not_equal(before, on != 0 ? cases[i].is_on : cases[i].off);
			save();
			iommu_model_riscv_misbehave(rv.model, &none);
			iommu_model_riscv_reset(rv.model);
			assert_int_equal(iommu_model_riscv_restore(rv.model, saved, saved_size), 0);
			/* Nor is a register read for it. */
			if (i == 0 && on != 0)
				assert_int_equal(rv_look(RV_FLAG), 0x77);
			assert_int_equal(rv_reg(cases[i].offset, cases[i].size),
					 on != 0 ? cases[i].is_on : cases[i].off);
			assert_int_equal(rv.misuses, 0);
			rv_end();
		}
}

static void mutated_states_do_no_harm(void **state)
{
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 20000);
	struct test_random random = {.state = test_setting("IOMMU_TEST_SEED", 99)};
	static unsigned char good[sizeof(saved)];
	struct iommu_model_riscv_config lazy = all;
	uint64_t taken = 0, i;

	(void)state;
	lazy.strict = IOMMU_MODEL_RISCV_LAZY;
	running(&lazy);
	rv_run(riscv_command_vma());
	save();
	memcpy(good, saved, saved_size);
	for (i = 0; i < rounds; i++) {
		unsigned int flips = 1 + (unsigned int)test_random_below(&random, 3);

		memcpy(saved, good, saved_size);
		if (i < saved_size * 8)
			saved[i / 8] ^= (unsigned char)(1 << i % 8);
		else
			while (flips-- != 0)
				saved[8 + test_random_below(&random, saved_size - 8)] ^=
					(unsigned char)(1 << test_random_below(&random, 8));
		rv.reads = 0;
		taken += iommu_model_riscv_restore(rv.model, saved, saved_size) == 0;
		(void)rv_reach(0x5000, IOMMU_PROT_READ);
		rv_set(RISCV_CQT, 4, 32);
		assert_in_range(rv.reads, 0, MOST_READS);
	}
	assert_in_range(taken, rounds / 20, rounds - rounds / 20);
	rv_end();
}

/* --- Wild resets ------------------------------------------------------------------------------ */

static void a_wild_reset_leaves_nothing_to_rely_on(void **state)
{
	struct iommu_model_riscv_config wild = all;
	uint64_t icvec, msi, icvecs = 0;
	unsigned int seed;

	(void)state;
	wild.strict = IOMMU_MODEL_RISCV_WILD_RESET;
	/* Another thing with every seed. */
	for (seed = 1; seed <= 16; seed++) {
		wild.forget_seed = seed * 0x9e3779b97f4a7c15;
		rv_begin(&wild);
		icvecs |= rv_reg(RISCV_ICVEC, 8);
		rv_end();
	}
	assert_int_equal(icvecs, 0x3333);
	wild.forget_seed = 12345;
	rv_begin(&wild);
	assert_int_equal(rv_reg(RISCV_DDTP, 8), 0);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4) | rv_reg(RISCV_FQCSR, 4) | rv_reg(RISCV_IPSR, 4),
			 0);
	icvec = rv_reg(RISCV_ICVEC, 8);
	msi = rv_reg(RISCV_MSI_CFG_TBL, 8);
	assert_int_not_equal(msi, 0);
	assert_int_equal(icvec & ~0x3333ULL, 0);
	/* The tail is something within the queue, until it is written. */
	rv_set(RISCV_CQB, 8, riscv_queue_base(RV_COMMANDS, 12));
	assert_int_not_equal(rv_reg(RISCV_CQT, 4), 0);
	assert_in_range(rv_reg(RISCV_CQT, 4), 1, 4095);
	rv_end();
}

/* --- Two processors, in fact ------------------------------------------------------------------ */

static void *one_processor(void *seed)
{
	struct test_random random = {.state = (uintptr_t)seed};
	struct iommu_model_riscv_request request = {.device_id = RV_DEVICE,
						    .access = IOMMU_PROT_READ};
	struct iommu_model_riscv_translation where;
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		request.address = test_random_below(&random, 16) << 12;
		switch (test_random_below(&random, 8)) {
		case 0:
			iommu_model_riscv_mmio_write(rv.model, RISCV_CQCSR, 4, 0);
			break;
		case 1:
			iommu_model_riscv_mmio_write(rv.model, RISCV_CQCSR, 4,
						     RISCV_QUEUE_ENABLE | RISCV_CQCSR_ERRORS);
			break;
		case 2:
			iommu_model_riscv_mmio_write(rv.model, RISCV_FQCSR, 4,
						     test_random_below(&random, 4) == 0
							     ? 0
							     : RISCV_QUEUE_ENABLE |
								       RISCV_QUEUE_ERRORS);
			break;
		case 3:
		case 4:
			(void)iommu_model_riscv_translate(rv.model, &request, &where);
			break;
		case 5:
			iommu_model_riscv_mmio_write(
				rv.model, RISCV_FQH, 4,
				iommu_model_riscv_mmio_read(rv.model, RISCV_FQT, 4));
			break;
		default:
			iommu_model_riscv_mmio_write(rv.model, RISCV_CQT, 4,
						     test_random_below(&random, 256));
		}
	}
	return NULL;
}

/* The functions of the plain harness count in places that both would write. */
static bool read_shared(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	if (paddr > RV_MEMORY - size)
		return false;
	memcpy(bytes, rv.memory + paddr, size);
	return true;
}

/* Fault records and flags, which nothing else reads. */
static bool write_shared(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	(void)bytes;
	return paddr <= RV_MEMORY - size;
}

static void two_processors_at_once(void **state)
{
	struct iommu_model_riscv_config config = all;
	struct iommu_model_riscv *ordinary;
	pthread_t threads[2];
	uintptr_t i;

	(void)state;
	config.capabilities &=
		~(RISCV_CAP_ATS | RISCV_CAP_T2GPA | RISCV_CAP_AMO_HWAD | RISCV_CAP_AMO_MRIF);
	running(&config);
	rv_word(rv_context_at(RV_DEVICE), RISCV_TC_VALID);
	ordinary = rv.model;
	config.platform = &rv.hosted.platform;
	config.host = (struct iommu_model_riscv_host){.read = read_shared, .write = write_shared};
	assert_int_equal(iommu_model_riscv_create(&config, &rv.model), 0);
	iommu_model_riscv_destroy(ordinary);
	for (i = 0; i < 256; i++) {
		rv_word(RV_COMMANDS + i * 16,
			i % 8 == 0 ? RISCV_IOFENCE_C | RISCV_IOFENCE_AV : RISCV_IOTINVAL_VMA);
		rv_word(RV_COMMANDS + i * 16 + 8, i % 8 == 0 ? RV_FLAG >> 2 : 0);
	}
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_1LVL);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, one_processor, (void *)(i + 1)),
				 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	/* Left alone it works. */
	while (iommu_model_riscv_run(rv.model))
		;
	rv_set(RISCV_CQCSR, 4, 0);
	assert_int_equal(rv_reg(RISCV_CQCSR, 4) & (RISCV_QUEUE_ON | RISCV_QUEUE_BUSY), 0);
	rv_set(RISCV_CQT, 4, 0);
	rv_set(RISCV_CQCSR, 4, RISCV_QUEUE_ENABLE);
	rv_set(RISCV_CQT, 4, 200);
	assert_int_equal(rv_reg(RISCV_CQH, 4), 200);
	assert_int_equal(rv_reach(0x5000, IOMMU_PROT_READ), 0);
	rv_end();
}

/* --- Configurations --------------------------------------------------------------------------- */

static int create_with(struct iommu_model_riscv_config config, bool helpless)
{
	struct iommu_model_riscv *model = NULL;
	int status;

	config.platform = &rv.hosted.platform;
	config.host.read = read_shared;
	config.host.write = write_shared;
	if (helpless) {
		status = iommu_model_riscv_create(&config, &model);
		iommu_model_riscv_destroy(model);
		return status;
	}
	status = rv_create(&config);
	if (status == 0)
		iommu_model_riscv_destroy(rv.model);
	return status;
}

static void units_that_cannot_be_are_refused(void **state)
{
	static const struct iommu_model_riscv_config bad[] = {
		{.capabilities = RISCV_CAP_SV48},
		{.capabilities = RISCV_CAP_SV39 | RISCV_CAP_SV57},
		{.capabilities = RISCV_CAP_SV48X4},
		{.capabilities = RISCV_CAP_SV39X4 | RISCV_CAP_SV57X4},
		{.capabilities = RISCV_CAP_MSI_MRIF},
		{.capabilities = RISCV_CAP_AMO_MRIF},
		{.capabilities = RISCV_CAP_T2GPA},
		{.capabilities = 3ULL << 28},
		{.capabilities = 1ULL << 12},
		{.capabilities = 1ULL << 44},
		{.capabilities = 31ULL << 32},
		{.capabilities = 57ULL << 32},
		{.fctl = 8},
		{.fctl_fixed = 16},
		{.levels = 1},
		{.levels = 1 << 4},
		{.vectors = 3},
		{.vectors = 32},
		{.counters = 32},
		{.counter_bits = 31},
		{.counter_bits = 65},
		{.qos_bits = 13},
		{.queue_max = 33},
	};
	static const struct iommu_model_riscv_config helpless[] = {
		{.capabilities = RISCV_CAP_ATS},
		{.capabilities = RISCV_CAP_AMO_HWAD},
		{.capabilities = RISCV_CAP_MSI_FLAT | RISCV_CAP_AMO_MRIF},
	};
	struct iommu_model_riscv *model;
	struct iommu_model_riscv_config config = {0};
	unsigned int i;

	(void)state;
	rv_begin(&all);
	iommu_model_riscv_destroy(rv.model);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (create_with(bad[i], false) != IOMMU_EINVAL)
			fail_msg("configuration %u", i);
	for (i = 0; i < 3; i++) {
		assert_int_equal(create_with(helpless[i], true), IOMMU_EINVAL);
		assert_int_equal(create_with(helpless[i], false), 0);
	}
	/* What is not said follows from what the host can do. */
	assert_int_equal(create_with(config, true), 0);
	config.platform = &rv.hosted.platform;
	assert_int_equal(iommu_model_riscv_create(&config, &model), IOMMU_EINVAL);
	rv.model = NULL;
	rv_end();
}

static unsigned int pages_left;

static void *alloc_few(void *ctx, unsigned int order, int node, unsigned int flags)
{
	return pages_left-- != 0 ? rv.hosted.platform.alloc_pages(ctx, order, node, flags) : NULL;
}

static void without_memory_there_is_no_unit(void **state)
{
	struct iommu_platform platform;
	struct iommu_model_riscv_config config = {
		.platform = &platform, .host = {.read = read_shared, .write = write_shared}};
	struct iommu_model_riscv *model;
	unsigned int pages;
	int status;

	(void)state;
	rv_begin(&all);
	platform = rv.hosted.platform;
	platform.alloc_pages = alloc_few;
	iommu_model_riscv_destroy(rv.model);
	rv.model = NULL;
	for (pages = 0;; pages++) {
		pages_left = pages;
		status = iommu_model_riscv_create(&config, &model);
		if (status == 0)
			break;
		assert_int_equal(status, IOMMU_ENOMEM);
		assert_int_equal(rv.hosted.pages_in_use, 0);
	}
	assert_int_equal(pages, 4);
	iommu_model_riscv_destroy(model);
	rv_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fence_waits_for_requests_under_way),
		cmocka_unit_test(ddtp_is_busy_while_requests_are_under_way),
		cmocka_unit_test(the_host_is_told_before_the_guest),
		cmocka_unit_test(a_restarted_queue_loses_nothing),
		cmocka_unit_test(a_reset_while_the_host_is_told),
		cmocka_unit_test(a_reset_while_memory_is_accessed),
		cmocka_unit_test(a_queue_that_is_refilled_keeps_no_call),
		cmocka_unit_test(devices_that_ask_again_do_not_nest),
		cmocka_unit_test(a_table_that_leads_to_itself_takes_no_more_memory),
		cmocka_unit_test(addresses_in_all_spaces_are_paid_for),
		cmocka_unit_test(every_call_ends),
		cmocka_unit_test(a_restored_model_goes_on),
		cmocka_unit_test(a_lazy_units_commands_are_in_the_state),
		cmocka_unit_test(answers_on_their_way_are_in_the_state),
		cmocka_unit_test(a_unit_without_page_requests_has_its_states),
		cmocka_unit_test(a_smaller_queue_is_a_state),
		cmocka_unit_test(states_that_cannot_be_are_refused),
		cmocka_unit_test(a_smaller_unit_has_fewer_states),
		cmocka_unit_test(what_is_busy_goes_on_when_restored),
		cmocka_unit_test(mutated_states_do_no_harm),
		cmocka_unit_test(a_wild_reset_leaves_nothing_to_rely_on),
		cmocka_unit_test(two_processors_at_once),
		cmocka_unit_test(units_that_cannot_be_are_refused),
		cmocka_unit_test(without_memory_there_is_no_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
