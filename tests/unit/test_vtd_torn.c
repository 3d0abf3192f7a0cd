/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No entry of several words is ever seen half changed: while the driver changes one, the processor
 * stops after each of its instructions, and the entry is read as hardware would read it. Whenever
 * it is present it must be the old entry or the new one. Needs a processor that single-steps
 * itself: x86-64.
 */
#define _POSIX_C_SOURCE 200809L
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/vtd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_scalable.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "single_step.h"
#include "test.h"
#include "vtd/context.h"
#include "vtd/endpoint.h"
#include "vtd/interrupt.h"
#include "vtd/pasid.h"
#include "vtd/unit.h"
#include "vtd_fixture.h"

#define WORDS_MAX VTD_PASID_ENTRY_WORDS
#define SEEN_MAX  16
#define PASID     77

/* --- Watching --------------------------------------------------------------------------------- */

struct entry {
	uint64_t words[WORDS_MAX];
};

static struct {
	const volatile uint64_t *words;
	unsigned int count;
	/*
	 * The entries that were seen present, without repetition; how many there were, and of
	 * instructions.
	 */
	struct entry seen[SEEN_MAX];
	unsigned int entries;
	uint64_t steps;
} watch;

static struct entry look(void)
{
	struct entry entry = {{0}};

	for (unsigned int i = 0; i < watch.count; i++)
		entry.words[i] = iommu_le64(watch.words[i]);
	return entry;
}

static bool is_same(const struct entry *a, const struct entry *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void note(int signal)
{
	const struct entry entry = look();

	(void)signal;
	watch.steps++;
	if ((entry.words[0] & 1) == 0)
		return;
	for (unsigned int i = 0; i < watch.entries; i++)
		if (is_same(&entry, &watch.seen[i]))
			return;
	if (watch.entries < SEEN_MAX)
		watch.seen[watch.entries++] = entry;
}

static void watch_words(const iommu_cell_t *words, unsigned int count)
{
	watch.words = (const volatile uint64_t *)(const volatile void *)words;
	watch.count = count;
}

/* What hardware saw is nothing but what was there before and what is there now. */
static void check_seen(const struct entry *before, const struct entry *after)
{
	assert_true(watch.steps > 100);
	for (unsigned int i = 0; i < watch.entries; i++)
		assert_true(is_same(&watch.seen[i], before) || is_same(&watch.seen[i], after));
}

#define STEP(statement)                                                                            \
	do {                                                                                       \
		const struct entry entry_before = look();                                          \
		struct entry entry_after;                                                          \
		watch.entries = 0;                                                                 \
		watch.steps = 0;                                                                   \
		step_on();                                                                         \
		statement;                                                                         \
		step_off();                                                                        \
		entry_after = look();                                                              \
		check_seen(&entry_before, &entry_after);                                           \
	} while (0)

static bool is_present(void)
{
	return (look().words[0] & 1) != 0;
}

static int setup(void **state)
{
	struct sigaction action = {.sa_handler = note};

	(void)state;
	sigemptyset(&action.sa_mask);
	return sigaction(SIGTRAP, &action, NULL);
}

/* The watch sees what it is there for. */
static void a_torn_entry_is_noticed(void **state)
{
	iommu_cell_t words[2] = {0};

	(void)state;
	watch_words(words, 2);
	watch.entries = 0;
	step_on();
	iommu_cell_store(&words[0], iommu_le64(1));
	iommu_cell_store(&words[1], iommu_le64(2));
	step_off();
	assert_int_equal(watch.entries, 2);
	assert_int_equal(watch.seen[0].words[1], 0);
	assert_int_equal(watch.seen[1].words[1], 2);
}

/* --- What is watched -------------------------------------------------------------------------- */

static void begin_with(unsigned int flags)
{
	const struct iommu_model_vtd_config config = {
		.flags = flags, .levels = 1U << 3 | 1U << 4, .address_mask = 9, .fault_records = 4};
	const struct iommu_vtd_options none = {0};

	machine(1, &config);
	devices(1);
	f.info.max_pasids = 1U << 20;
	f.info.device_tlb = (flags & IOMMU_MODEL_VTD_DEVICE_TLB) != 0;
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	f.device[0]->has_tlb = iommu_endpoint_uses_device_tlb(f.endpoint[0]);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	if (iommu_capable(f.endpoint[0], IOMMU_CAPABLE_PASID))
		assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID),
				 0);
}

static void hang(bool hangs)
{
	const struct iommu_model_vtd_faults faults = {.waits_hang = hangs};

	iommu_model_vtd_misbehave(f.machine.units[0], &faults);
}

static struct iommu_domain *domain_of_stage(enum iommu_stage stage)
{
	const struct iommu_domain_config config = {.stage = stage,
						   .dirty_tracking = stage == IOMMU_STAGE_SECOND};
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	return domain;
}

static void pasid_entries_with(unsigned int flags)
{
	struct iommu_pasid_handle other, first, second, third;
	struct iommu_domain *domains[2];
	int status;

	begin_with(flags);
	domains[0] = domain_of_stage(IOMMU_STAGE_SECOND);
	domains[1] = domain_of_stage(IOMMU_STAGE_FIRST);
	assert_int_equal(iommu_domain_set_dirty_tracking(domains[0], true), 0);
	/* The table is there. */
	assert_int_equal(iommu_domain_attach_pasid(domains[0], f.group[0], PASID + 1, &other), 0);
	watch_words(iommu_vtd_pasid_find(vtd_endpoint_of(f.endpoint[0]), PASID)->words,
		    VTD_PASID_ENTRY_WORDS);
	STEP(status = iommu_domain_attach_pasid(domains[0], f.group[0], PASID, &first));
	assert_int_equal(status, 0);
	assert_true(is_present());
	/* Something else in most words. */
	STEP(status = iommu_domain_replace_pasid(domains[1], f.group[0], PASID, &second));
	assert_int_equal(status, 0);
	assert_int_equal(watch.entries, 2);
	/* Taken back. */
	hang(true);
	STEP(status = iommu_domain_replace_pasid(domains[0], f.group[0], PASID, &first));
	assert_int_equal(status, IOMMU_ETIMEDOUT);
	assert_true(is_present());
	hang(false);
	STEP(status = iommu_domain_replace_pasid(domains[0], f.group[0], PASID, &third));
	assert_int_equal(status, 0);
	STEP(status = iommu_domain_set_dirty_tracking(domains[0], false));
	assert_int_equal(status, 0);
	assert_int_equal(watch.entries, 2);
	STEP(status = iommu_domain_detach_pasid(f.group[0], PASID));
	assert_int_equal(status, 0);
	assert_false(is_present());
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], PASID + 1), 0);
	assert_int_equal(iommu_domain_free(domains[0]), 0);
	assert_int_equal(iommu_domain_free(domains[1]), 0);
	end();
}

#define SCALABLE                                                                                   \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_DIRTY |          \
	 IOMMU_MODEL_VTD_PASID)

static void pasid_entries(void **state)
{
	(void)state;
	pasid_entries_with(SCALABLE);
	pasid_entries_with(SCALABLE | IOMMU_MODEL_VTD_CACHING_MODE);
	pasid_entries_with(SCALABLE | IOMMU_MODEL_VTD_DEVICE_TLB);
}

static void watch_context(void)
{
	const struct vtd_context_entry *entry = iommu_vtd_context_find(
		vtd_endpoint_of(f.endpoint[0])->unit, f.device[0]->source_id);

	assert_non_null(entry);
	watch_words(&entry->low, 2);
}

static void context_entries(void **state)
{
	static const unsigned int kinds[] = {
		IOMMU_MODEL_VTD_PASS_THROUGH,
		IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_CACHING_MODE,
		IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_DEVICE_TLB,
	};
	size_t k;
	int status;

	(void)state;
	for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct iommu_domain *domains[2];

		begin_with(kinds[k]);
		domains[0] = domain_of_type(IOMMU_DOMAIN_PAGING);
		domains[1] = domain_of_type(IOMMU_DOMAIN_IDENTITY);
		watch_context();
		STEP(status = iommu_domain_attach_group(domains[0], f.group[0]));
		assert_int_equal(status, 0);
		assert_true(is_present());
		STEP(status = iommu_domain_attach_group(domains[1], f.group[0]));
		assert_int_equal(status, 0);
		assert_int_equal(watch.entries, 2);
		hang(true);
		STEP(status = iommu_domain_attach_group(domains[0], f.group[0]));
		assert_int_not_equal(status, 0);
		hang(false);
		STEP(status = iommu_domain_detach_group(f.group[0]));
		assert_int_equal(status, 0);
		assert_false(is_present());
		assert_int_equal(iommu_domain_free(domains[0]), 0);
		assert_int_equal(iommu_domain_free(domains[1]), 0);
		end();
	}
}

static void interrupt_entries(void **state)
{
	const struct iommu_vtd_interrupt_target targets[2] = {{.vector = 0x41,
							       .destination = 3,
							       .source = IOMMU_VTD_SOURCE_ID,
							       .source_id = 0x20},
							      {.vector = 0x52,
							       .destination = 1,
							       .source = IOMMU_VTD_SOURCE_ID,
							       .source_id = 0x28}};
	struct iommu_vtd_interrupt interrupt;
	int status;

	(void)state;
	begin_with(IOMMU_MODEL_VTD_INTERRUPT_REMAPPING);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &interrupt), 0);
	watch_words(&vtd_unit_of(f.unit[0])->interrupts->table[interrupt.index].low, 2);
	STEP(status = iommu_vtd_interrupt_set(&interrupt, 0, &targets[0]));
	assert_int_equal(status, 0);
	STEP(status = iommu_vtd_interrupt_set(&interrupt, 0, &targets[1]));
	assert_int_equal(status, 0);
	assert_int_equal(watch.entries, 2);
	STEP(status = iommu_vtd_interrupt_free(&interrupt));
	assert_int_equal(status, 0);
	assert_false(is_present());
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_torn_entry_is_noticed),
		cmocka_unit_test(pasid_entries),
		cmocka_unit_test(context_entries),
		cmocka_unit_test(interrupt_entries),
	};

	cmocka_set_test_filter(getenv("IOMMU_TEST_FILTER"));
	return cmocka_run_group_tests(tests, setup, NULL);
}
