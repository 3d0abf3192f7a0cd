/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model of an AMD IOMMU between an emulator and a hostile guest: services of the host, states
 * for migration, bounds of work, several processors.
 */
#include "bare_amdvi.h"

#include <pthread.h>
#include <string.h>

#include "base/byteorder.h"
#include "test.h"

static const struct iommu_model_amdvi_config all = {0};

#define RW   IOMMU_PROT_READ_WRITE
#define VA   0x12345678ULL
#define PAGE (VA & ~0xfffULL)

static void begin_mapped(const struct iommu_model_amdvi_config *config)
{
	const struct amdvi_dte dte = am_dte();

	am_begin(config);
	am_unit_on();
	am_device(AM_DEVICE, &dte);
	am_map(4, VA, 1, amdvi_pte_leaf(AM_DATA, AM_RW));
}

/* --- Services of the host --------------------------------------------------------------------- */

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
	struct iommu_model_amdvi_config config = {0};
	struct iommu_model_amdvi *model;

	(void)state;
	memset(&am, 0, sizeof(am));
	assert_int_equal(iommu_hosted_init(&am.hosted, NULL, 16 << 20, 0), 0);
	config.platform = &am.hosted.platform;
	assert_int_equal(iommu_model_amdvi_create(&config, &model), IOMMU_EINVAL);
	config.host.read = reads;
	assert_int_equal(iommu_model_amdvi_create(&config, &model), IOMMU_EINVAL);
	config.host.write = writes;
	/* What the model can, as far as the host has what that needs. */
	assert_int_equal(iommu_model_amdvi_create(&config, &model), 0);
	config.efr = iommu_model_amdvi_mmio_read(model, AMDVI_EFR, 8);
	assert_int_equal(amdvi_bits(config.efr, AMDVI_EFR_GT) |
				 amdvi_bits(config.efr, AMDVI_EFR_HA) |
				 amdvi_bits(config.efr, AMDVI_EFR_PPR),
			 0);
	/* Without a host that listens everything is ignored, and nothing crashes. */
	iommu_model_amdvi_mmio_write(model, AMDVI_CONTROL, 8, UINT64_MAX);
	iommu_model_amdvi_mmio_write(model, AMDVI_CONTROL, 3, 0);
	iommu_model_amdvi_destroy(model);
	config.efr |= amdvi_field_mask(AMDVI_EFR_PPR);
	assert_int_equal(iommu_model_amdvi_create(&config, &model), IOMMU_EINVAL);
	config.efr ^= amdvi_field_mask(AMDVI_EFR_PPR) | amdvi_field_mask(AMDVI_EFR_HA);
	assert_int_equal(iommu_model_amdvi_create(&config, &model), IOMMU_EINVAL);
	config.efr ^= amdvi_field_mask(AMDVI_EFR_HA) | amdvi_field_mask(AMDVI_EFR_GT);
	assert_int_equal(iommu_model_amdvi_create(&config, &model), IOMMU_EINVAL);
	iommu_model_amdvi_destroy(NULL);
	iommu_hosted_destroy(&am.hosted);
}

static unsigned int pages_left;

static void *alloc_few(void *ctx, unsigned int order, int node, unsigned int flags)
{
	return pages_left-- != 0 ? am.hosted.platform.alloc_pages(ctx, order, node, flags) : NULL;
}

static void without_memory_there_is_no_unit(void **state)
{
	struct iommu_platform platform;
	struct iommu_model_amdvi_config config = {.platform = &platform,
						  .host = {.read = reads, .write = writes}};
	struct iommu_model_amdvi *model;
	unsigned int pages;
	int status;

	(void)state;
	am_begin(&all);
	platform = am.hosted.platform;
	platform.alloc_pages = alloc_few;
	iommu_model_amdvi_destroy(am.model);
	am.model = NULL;
	for (pages = 0;; pages++) {
		pages_left = pages;
		status = iommu_model_amdvi_create(&config, &model);
		if (status == 0)
			break;
		assert_int_equal(status, IOMMU_ENOMEM);
		assert_int_equal(am.hosted.pages_in_use, 0);
	}
	assert_int_equal(pages, 4);
	iommu_model_amdvi_destroy(model);
	am_end();
}

/* --- Callbacks -------------------------------------------------------------------------------- */

static unsigned int meanwhiles;

static void turn_off_and_on(void)
{
	if (meanwhiles++ != 0)
		return;
	am_disable(AMDVI_CONTROL_CMD_BUF_EN);
	am_set(AMDVI_COMMAND_HEAD, 0);
	am_set(AMDVI_COMMAND_TAIL, 0);
	am_enable(AMDVI_CONTROL_CMD_BUF_EN);
}

static void the_buffer_may_be_turned_off_while_the_host_is_told(void **state)
{
	(void)state;
	begin_mapped(&all);
	meanwhiles = 0;
	am.meanwhile = turn_off_and_on;
	am_submit(amdvi_invalidate_all());
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0);
	assert_int_equal(am_reg(AMDVI_COMMAND_TAIL), 0);
	am.meanwhile = NULL;
	am.tail = 0;
	am_run(amdvi_completion_wait(AM_FLAG, 5));
	assert_int_equal(am_look(AM_FLAG), 5);
	am_end();
}

static unsigned int depth, deepest;

static void submit_more(void)
{
	depth++;
	deepest = depth > deepest ? depth : deepest;
	if (meanwhiles++ < 200)
		am_submit(amdvi_invalidate_all());
	depth--;
}

static void callbacks_do_not_nest_without_bound(void **state)
{
	(void)state;
	begin_mapped(&all);
	meanwhiles = depth = deepest = 0;
	am.meanwhile = submit_more;
	am_submit(amdvi_invalidate_all());
	assert_int_equal(deepest, 1);
	assert_int_equal(meanwhiles, 201);
	am_end();
}

static void stay_in_the_read(iommu_paddr_t paddr)
{
	if (paddr != am_place(AM_HOST, VA, 1))
		return;
	am.reading = NULL;
	/* Another processor invalidates, and waits. */
	am_word(am_place(AM_HOST, VA, 1), amdvi_pte_leaf(AM_DATA + 0x1000, AM_RW));
	am_submit(amdvi_invalidate_pages(AM_DOMAIN, PAGE, 12, false));
	am_submit(amdvi_completion_wait(AM_FLAG, 7));
	assert_int_equal(am_look(AM_FLAG), 0);
}

static void a_wait_completes_when_walks_have_ended(void **state)
{
	(void)state;
	begin_mapped(&all);
	am.reading = stay_in_the_read;
	assert_int_equal(am_reach(VA, RW), 0);
	assert_int_equal(am_look(AM_FLAG), 7);
	/* What the walk had read is not cached. */
	assert_int_equal(am_reach(VA, RW), 0);
	assert_int_equal(am_result.paddr, AM_DATA + 0x1678);
	am_end();
}

/* The log is turned off while its record is written: it runs until that has arrived. */
static bool was_running;

static void turn_off_the_log(iommu_paddr_t paddr)
{
	if (paddr != AM_EVENTS)
		return;
	am.writing = NULL;
	am_disable(AMDVI_CONTROL_EVENT_LOG_EN);
	was_running = (am_reg(AMDVI_STATUS) & AMDVI_STATUS_EVENT_LOG_RUN) != 0;
}

static void a_log_runs_until_its_last_record_is_written(void **state)
{
	(void)state;
	begin_mapped(&all);
	am.writing = turn_off_the_log;
	assert_int_equal(am_reach(VA + 0x1000, RW), AMDVI_IO_PAGE_FAULT);
	assert_true(was_running);
	assert_int_equal(am_reg(AMDVI_STATUS) & AMDVI_STATUS_EVENT_LOG_RUN, 0);
	assert_int_equal(am_reg(AMDVI_EVENT_TAIL), 0);
	am_end();
}

/* --- States ----------------------------------------------------------------------------------- */

static unsigned char saved[4096], again[4096];

static void states_are_saved_and_restored(void **state)
{
	size_t size;

	(void)state;
	begin_mapped(&all);
	am_enable(AMDVI_CONTROL_COM_WAIT_INT_EN);
	am_set(AMDVI_EXCLUSION_BASE, 0x7000001);
	am_set(AMDVI_XT_INTERRUPT_GA, amdvi_xt_interrupt(0x12345678, 0x9a));
	assert_int_equal(am_reach(VA + 0x1000, RW), AMDVI_IO_PAGE_FAULT);
	am_run(amdvi_completion_wait(AM_FLAG, 1));
	size = iommu_model_amdvi_save(am.model, NULL, 0);
	assert_true(size <= sizeof(saved));
	memset(saved, 0xaa, sizeof(saved));
	assert_int_equal(iommu_model_amdvi_save(am.model, saved, size - 1), size);
	assert_int_equal(saved[0], 0xaa);
	assert_int_equal(iommu_model_amdvi_save(am.model, saved, sizeof(saved)), size);
	iommu_model_amdvi_reset(am.model);
	assert_int_equal(am.told_last.type, IOMMU_MODEL_AMDVI_RESET);
	assert_int_equal(am_reg(AMDVI_CONTROL), 0);
	assert_int_equal(iommu_model_amdvi_restore(am.model, saved, size), 0);
	assert_int_equal(am.told_last.type, IOMMU_MODEL_AMDVI_RESET);
	assert_int_equal(iommu_model_amdvi_save(am.model, again, sizeof(again)), size);
	assert_memory_equal(saved, again, size);
	assert_int_equal(am_events(), 1);
	assert_int_equal(am_reach(VA, RW), 0);
	am_run(amdvi_completion_wait(AM_FLAG, 2));
	assert_int_equal(am_look(AM_FLAG), 2);
	am_end();
}

static void what_is_under_way_goes_on(void **state)
{
	const struct iommu_model_amdvi_config lazy = {.strict = IOMMU_MODEL_AMDVI_LAZY};
	const struct iommu_model_amdvi_faults hangs = {.waits_hang = true};
	const struct iommu_model_amdvi_faults none = {0};
	size_t size;

	(void)state;
	begin_mapped(&lazy);
	am_run(amdvi_complete_ppr(AM_DEVICE, 5, AMDVI_PAGE_SUCCESS));
	am_run(amdvi_invalidate_devtab_entry(AM_DEVICE));
	iommu_model_amdvi_misbehave(am.model, &hangs);
	size = iommu_model_amdvi_save(am.model, saved, sizeof(saved));
	iommu_model_amdvi_reset(am.model);
	iommu_model_amdvi_misbehave(am.model, &none);
	assert_int_equal(iommu_model_amdvi_restore(am.model, saved, size), 0);
	am.told = 0;
	am_run(amdvi_completion_wait(AM_FLAG, 3));
	assert_int_equal(am.told, 1);
	assert_int_equal(am.answers, 1);
	assert_int_equal(am.answer_last.group, 5);
	am_end();
}

static void states_of_others_are_refused(void **state)
{
	const struct iommu_model_amdvi_config other = {.efr = amdvi_place(AMDVI_EFR_IA, 1)};
	size_t size, i;

	(void)state;
	begin_mapped(&all);
	am_run(amdvi_invalidate_all());
	size = iommu_model_amdvi_save(am.model, saved, sizeof(saved));
	assert_int_equal(iommu_model_amdvi_restore(am.model, saved, size - 8), IOMMU_EINVAL);
	/* No bit of it can make the model do what registers cannot. */
	for (i = 0; i < size * 8; i++) {
		const uint64_t control = am_reg(AMDVI_CONTROL);

		saved[i / 8] ^= (unsigned char)(1U << i % 8);
		if (iommu_model_amdvi_restore(am.model, saved, size) != 0)
			assert_int_equal(am_reg(AMDVI_CONTROL), control);
		while (iommu_model_amdvi_run(am.model))
			;
		(void)am_reach(VA, RW);
		saved[i / 8] ^= (unsigned char)(1U << i % 8);
		assert_int_equal(iommu_model_amdvi_restore(am.model, saved, size), 0);
	}
	am_end();
	am_begin(&other);
	assert_int_equal(iommu_model_amdvi_restore(am.model, saved, size), IOMMU_EINVAL);
	am_end();
}

static void words_that_no_register_holds(void **state)
{
	/* Words of the state: 4 before the registers; then control, status, tables, … */
	static const struct {
		unsigned int word;
		uint64_t value;
	} cases[] = {
		{0, 1},
		{1, 1},
		{2, 1},
		{3, 1},
		{4 + 0, 1ULL << 18},               /* control: SmiFEn … */
		{4 + 0, 1ULL << 59},               /* IRTCacheDis */
		{4 + 0, 4ULL << 34},               /* 16 segments */
		{4 + 1, 1ULL << 13},               /* status */
		{4 + 1, AMDVI_STATUS_CMD_BUF_RUN}, /* runs, without being enabled */
		{4 + 2, 1ULL << 9},                /* device table */
		{4 + 3, 1ULL << 8},                /* … of a segment */
		{4 + 10, 4},                       /* exclusion base */
		{4 + 11, 1},                       /* … limit */
		{4 + 12, 1},                       /* command buffer: base, head, tail */
		{4 + 13, 8},
		{4 + 14, 1ULL << 19},
		{4 + 15, 1ULL << 60}, /* event log */
		{4 + 22, 4},          /* GA log's head */
		{4 + 24, 1},          /* its tail's address */
		{4 + 25, 1},          /* MSI */
		{4 + 26, 1},
		{4 + 27, 1ULL << 16},
		{4 + 28, 1}, /* XT */
		{4 + 30, 1ULL << 41},
		{4 + 31, 0x20}, /* automatic response */
		{4 + 32, 8},    /* signals */
		{4 + 33, 2},    /* waits for a device */
		{4 + 34, 3},    /* answers */
		{4 + 35, 1},    /* commands that are put off */
		{4 + 35, 33},
	};
	size_t size;
	unsigned int i;

	(void)state;
	am_begin(&all);
	size = iommu_model_amdvi_save(am.model, saved, sizeof(saved));
	assert_int_equal(size / 8, 4 + 34 + 2 + 2 + 32 * 3);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t word = iommu_le64(cases[i].value);

		memcpy(again, saved, size);
		memcpy(again + cases[i].word * 8, &word, 8);
		assert_int_equal(iommu_model_amdvi_restore(am.model, again, size), IOMMU_EINVAL);
	}
	assert_int_equal(iommu_model_amdvi_restore(am.model, saved, size), 0);
	am_end();
}

/* --- Bounds ----------------------------------------------------------------------------------- */

/* Each call does a bounded part of what the guest has queued. */
static void the_work_of_a_call_is_bounded(void **state)
{
	unsigned int i, calls = 0;
	uint64_t tail;

	(void)state;
	am_begin(&all);
	am_set(AMDVI_COMMAND_BASE, amdvi_ring_base(0x100000, 15));
	for (i = 0; i < 1U << 15; i++) {
		am_word(0x100000 + i * 16ULL, amdvi_invalidate_all().words[0]);
		am_word(0x100000 + i * 16ULL + 8, 0);
	}
	am_enable(AMDVI_CONTROL_CMD_BUF_EN);
	am_enable(AMDVI_CONTROL_IOMMU_EN);
	am.reads = am.told = 0;
	tail = 0x7fff0;
	am_set(AMDVI_COMMAND_TAIL, tail);
	assert_true(am.reads + am.told <= 32768);
	assert_true(am.work_remains != 0);
	while (iommu_model_amdvi_run(am.model))
		calls++;
	assert_true(calls <= 5);
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), tail);
	am_end();
}

static void pointers_beyond_a_ring_count_inside(void **state)
{
	(void)state;
	begin_mapped(&all);
	am_word(AM_COMMANDS, amdvi_completion_wait(AM_FLAG, 9).words[0]);
	am_word(AM_COMMANDS + 8, 9);
	am_set(AMDVI_COMMAND_TAIL, 0x7f010);
	assert_int_equal(am.misuses, 1);
	assert_int_equal(am_look(AM_FLAG), 9);
	assert_int_equal(am_reg(AMDVI_COMMAND_HEAD), 0x10);
	am_end();
}

static struct iommu_model_amdvi_mapping mappings[64];

static void tables_that_lead_to_themselves_end(void **state)
{
	struct iommu_model_amdvi_walk_state walk = {
		.devid = AM_DEVICE, .has_pasid = true, .pasid = AM_PASID, .last = UINT64_MAX};
	struct amdvi_dte dte = am_guest_dte(6);
	size_t count = 64;
	unsigned int i;

	(void)state;
	begin_mapped(&all);
	/* Each level is the same table, and its last one maps it, too. */
	for (i = 0; i < 512; i++) {
		am_word(AM_HOST + 0x6000 + i * 8ULL, amdvi_pte_table(AM_HOST + 0x5000, 3));
		am_word(AM_HOST + 0x5000 + i * 8ULL, amdvi_pte_table(AM_HOST + 0x4000, 1));
		am_word(AM_HOST + 0x4000 + i * 8ULL, amdvi_pte_leaf(AM_GUEST, AM_RW));
		am_word(AM_GUEST + i * 8ULL, AM_GUEST | AM_PAGE);
	}
	amdvi_set(dte.words, AMDVI_DTE_GLX, 2);
	am_word(AM_GCR3 + 0x1000, amdvi_gcr3_entry(0));
	am_device(AM_DEVICE, &dte);
	am_forget();
	am.reads = 0;
	(void)am_reach_guest(AM_PASID, 0, RW);
	assert_true(am.reads < 60);
	am.reads = 0;
	(void)iommu_model_amdvi_walk(am.model, &walk, mappings, &count);
	assert_true(am.reads < 512 * 60);
	am_end();
}

/* --- Entries that change all the time --------------------------------------------------------- */

static void undo_the_mark(iommu_paddr_t paddr)
{
	uint64_t entry;

	if (paddr != am_place(AM_HOST, VA, 1))
		return;
	entry = am_look(paddr);
	am_word(paddr, entry ^ 1ULL << 63); /* of no meaning */
}

static void an_entry_that_changes_all_the_time_is_given_up(void **state)
{
	struct amdvi_dte dte = am_dte();

	(void)state;
	begin_mapped(&all);
	amdvi_set(dte.words, AMDVI_DTE_HAD, AMDVI_HAD_DIRTY);
	am_device(AM_DEVICE, &dte);
	am.reading = undo_the_mark;
	am.reads = 0;
	assert_int_equal(am_reach(VA, RW), AMDVI_PAGE_TAB_HARDWARE_ERROR);
	assert_true(am.reads < 200);
	am.reading = NULL;
	am_forget();
	assert_int_equal(am_reach(VA, RW), 0);
	am_end();
}

/* --- Several processors ----------------------------------------------------------------------- */

#define ROUNDS 3000U

static uint64_t wrong_answers;

static void *one_processor(void *arg)
{
	const uint64_t page = VA + (uintptr_t)arg * 0x1000;
	const struct iommu_model_amdvi_request good = {
		.devid = AM_DEVICE, .address = page, .access = RW};
	const struct iommu_model_amdvi_request bad = {.devid = AM_DEVICE, .address = 0x5000};
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		struct iommu_model_amdvi_translation result;

		if (iommu_model_amdvi_translate(am.model, &good, &result) != 0 ||
		    result.paddr >> 12 != AM_DATA >> 12)
			(void)__atomic_add_fetch(&wrong_answers, 1, __ATOMIC_RELAXED);
		if (i % 16 == 0)
			(void)iommu_model_amdvi_translate(am.model, &bad, &result);
	}
	return NULL;
}

static void processors_work_side_by_side(void **state)
{
	pthread_t threads[3];
	unsigned int i;

	(void)state;
	begin_mapped(&all);
	for (i = 0; i < 4; i++)
		am_map(4, VA + i * 0x1000, 1, amdvi_pte_leaf(AM_DATA, AM_RW));
	wrong_answers = 0;
	for (i = 0; i < 3; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, one_processor, (void *)(uintptr_t)i), 0);
	for (i = 0; i < 400; i++) {
		am_submit(amdvi_invalidate_pages(AM_DOMAIN, 0, 64, true));
		am_submit(amdvi_completion_wait(AM_FLAG, i));
		while (am_reg(AMDVI_COMMAND_HEAD) != am.tail)
			;
		am_set(AMDVI_EVENT_HEAD, am_reg(AMDVI_EVENT_TAIL));
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(wrong_answers, 0);
	am_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_need_services_of_the_host),
		cmocka_unit_test(without_memory_there_is_no_unit),
		cmocka_unit_test(the_buffer_may_be_turned_off_while_the_host_is_told),
		cmocka_unit_test(callbacks_do_not_nest_without_bound),
		cmocka_unit_test(a_wait_completes_when_walks_have_ended),
		cmocka_unit_test(a_log_runs_until_its_last_record_is_written),
		cmocka_unit_test(states_are_saved_and_restored),
		cmocka_unit_test(what_is_under_way_goes_on),
		cmocka_unit_test(states_of_others_are_refused),
		cmocka_unit_test(words_that_no_register_holds),
		cmocka_unit_test(the_work_of_a_call_is_bounded),
		cmocka_unit_test(pointers_beyond_a_ring_count_inside),
		cmocka_unit_test(tables_that_lead_to_themselves_end),
		cmocka_unit_test(an_entry_that_changes_all_the_time_is_given_up),
		cmocka_unit_test(processors_work_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
