/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events for guests: what a queue holds, where events are missing, and readers that do what they
 * should not: read never, nothing, one by one, or what is not a queue.
 */
#include <string.h>

#include "ioas_fixture.h"
#include "test.h"

#define DEPTH 40U

static struct {
	uint32_t parent, unit, queue, number;
	unsigned int told;
} guest;

static void note(void *ctx_of)
{
	assert_ptr_equal(ctx_of, &guest);
	guest.told++;
}

static void begin_events(unsigned int depth)
{
	const struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_NEST_PARENT};
	const struct iommu_event_queue_config events = {note, &guest, depth};

	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	guest.told = 0;
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &guest.parent), 0);
	assert_int_equal(attach(0, guest.parent), 0);
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], guest.parent, &guest.unit), 0);
	assert_int_equal(iommu_virtual_device_alloc(ctx, guest.unit, device[0], 7, &guest.number),
			 0);
	assert_int_equal(iommu_event_queue_alloc_with(ctx, guest.unit, &events, &guest.queue), 0);
}

static void fault(unsigned int times)
{
	while (times-- != 0) {
		assert_true(is_blocked(0, 0x1000));
		assert_true(iommu_unit_handle_faults(f.unit[0], NULL) > 0);
	}
}

static unsigned int read_some(struct iommu_event_record *records, unsigned int capacity,
			      uint64_t *lost)
{
	unsigned int count = 0;

	assert_int_equal(iommu_event_read(ctx, guest.queue, records, capacity, &count, lost), 0);
	assert_true(count <= capacity);
	return count;
}

static void depths_are_kept(void **state)
{
	const struct iommu_event_queue_config deep = {.depth = IOMMU_EVENT_QUEUE_DEPTH},
					      deeper = {.depth = IOMMU_EVENT_QUEUE_DEPTH + 1},
					      one = {.depth = 1};
	struct iommu_event_record record;
	uint64_t before, lost;

	(void)state;
	begin_events(DEPTH);
	assert_int_equal(iommu_event_queue_alloc_with(ctx, guest.unit, &one, &guest.queue),
			 IOMMU_EEXIST);
	assert_int_equal(iommu_object_destroy(ctx, guest.queue), 0);
	before = metadata();
	assert_int_equal(iommu_event_queue_alloc_with(ctx, guest.unit, &deeper, &guest.queue),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_event_queue_alloc_with(ctx, guest.unit, &deep, &guest.queue), 0);
	/* It counts towards the limits of the file. */
	assert_true(metadata() - before >= IOMMU_EVENT_QUEUE_DEPTH * sizeof(record));
	assert_int_equal(iommu_object_destroy(ctx, guest.queue), 0);
	assert_int_equal(metadata(), before);
	assert_int_equal(iommu_event_queue_alloc_with(ctx, guest.unit, &one, &guest.queue), 0);
	fault(3);
	assert_int_equal(read_some(&record, 1, &lost), 1);
	assert_true(record.sequence == 0 && lost == 2 && !record.after_loss);
	finish();
}

/* Each loss is told where it is, also when the ring has gone around. */
static void losses_are_told_where_they_are(void **state)
{
	struct iommu_event_record records[DEPTH + 1];
	uint64_t lost;

	(void)state;
	begin_events(DEPTH);
	fault(DEPTH + 5);
	assert_int_equal(guest.told, 1);
	assert_int_equal(read_some(records, 10, &lost), 10);
	assert_int_equal(lost, 5);
	fault(2);
	assert_int_equal(read_some(records, DEPTH + 1, &lost), DEPTH - 8);
	assert_int_equal(lost, 0);
	for (unsigned int i = 0; i < DEPTH - 8; i++) {
		const bool later = i >= DEPTH - 10;

		assert_int_equal(records[i].sequence, 10 + i + (later ? 5 : 0));
		assert_int_equal(records[i].after_loss, i == DEPTH - 10);
		assert_int_equal(records[i].virtual_id, 7);
	}
	/* What hardware lost was never here. */
	assert_int_equal(iommu_event_queue_mark_lost(ctx, guest.queue), 0);
	fault(2);
	assert_int_equal(guest.told, 2);
	assert_int_equal(read_some(records, DEPTH, &lost), 2);
	assert_true(lost == 1 && records[0].after_loss && !records[1].after_loss);
	assert_int_equal(records[0].sequence, DEPTH + 8);
	assert_int_equal(iommu_event_queue_mark_lost(ctx, guest.unit), IOMMU_EINVAL);
	assert_int_equal(iommu_event_queue_mark_lost(ctx, 999), IOMMU_ENOENT);
	finish();
}

static void readers_do_what_they_should_not(void **state)
{
	struct iommu_event_record records[3];
	unsigned int count = 1, read = 0;
	uint32_t sequence = 0;
	uint64_t lost = 0;

	(void)state;
	begin_events(DEPTH);
	/* Nothing there; no room; no queue. */
	assert_int_equal(read_some(NULL, 0, &lost), 0);
	assert_int_equal(lost, 0);
	assert_int_equal(iommu_event_read(ctx, guest.unit, records, 3, &count, &lost),
			 IOMMU_EINVAL);
	assert_int_equal(count, 0);
	/* A reader that never reads takes no more than its queue. */
	fault(10 * DEPTH);
	assert_int_equal(guest.told, 1);
	assert_int_equal(read_some(NULL, 0, NULL), 0);
	/* One that reads by threes while the device goes on: each once, in order. */
	for (unsigned int turn = 0; turn < 100; turn++) {
		uint64_t some;

		fault(1 + turn % 5);
		count = read_some(records, 1 + turn % 3, &some);
		lost += some;
		read += count;
		for (unsigned int i = 0; i < count; i++) {
			assert_true(records[i].sequence >= sequence);
			assert_int_equal(records[i].after_loss, records[i].sequence != sequence);
			sequence = records[i].sequence + 1;
		}
	}
	while ((count = read_some(records, 3, NULL)) != 0)
		read += count;
	assert_int_equal(read + lost, 10 * DEPTH + 300);
	/* The queue goes with unread events in it, and its unit after it. */
	fault(3);
	assert_int_equal(iommu_object_destroy(ctx, guest.queue), 0);
	assert_int_equal(iommu_event_read(ctx, guest.queue, records, 3, &count, NULL),
			 IOMMU_ENOENT);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(depths_are_kept),
		cmocka_unit_test(losses_are_told_where_they_are),
		cmocka_unit_test(readers_do_what_they_should_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
