/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ids of an IOMMU file come from its owner: each call is given the id of nothing, and of an object
 * of each kind that is not for it, in each of its places. It is refused, and nothing has changed.
 */
#include <string.h>

#include <libiommu/hw/vtd_first_stage.h>

#include "ioas_fixture.h"
#include "test.h"

#define NOWHERE  4711U
#define IS(kind) (1U << IOMMU_OBJECT_##kind)
#define HWPTS    (IS(HWPT) | IS(HWPT_NESTED))

static uint32_t ids[IOMMU_OBJECT_EVENT_QUEUE + 1]; /* one of each kind */
static struct iommu_backing backing;

/* --- Calls, with the id in question ----------------------------------------------------------- */

static int map_call(uint32_t id)
{
	iommu_iova_t iova = 2 * IOVA;

	return iommu_ioas_map(ctx, id, &backing, 4096, FIXED, &iova);
}

static int copy_to(uint32_t id)
{
	iommu_iova_t iova = 2 * IOVA;

	return iommu_ioas_copy(ctx, id, ioas, IOVA, 4096, FIXED, &iova);
}

static int copy_from(uint32_t id)
{
	iommu_iova_t iova = 2 * IOVA;

	return iommu_ioas_copy(ctx, ioas, id, IOVA, 4096, FIXED, &iova);
}

static int unmap_call(uint32_t id)
{
	return iommu_ioas_unmap(ctx, id, IOVA, 4096, NULL);
}

static int next_area(uint32_t id)
{
	struct iommu_ioas_area area;

	return iommu_ioas_next_area(ctx, id, 0, &area);
}

static int change_backing(uint32_t id)
{
	return iommu_ioas_change_backing(ctx, id, &memory, &memory);
}

static int get_ranges(uint32_t id)
{
	struct iommu_iova_bounds ranges[1];
	unsigned int count;
	uint64_t alignment;

	return iommu_ioas_get_ranges(ctx, id, ranges, 1, &count, &alignment);
}

static int allow(uint32_t id)
{
	return iommu_ioas_allow(ctx, id, NULL, 0);
}

static const struct iommu_hwpt_config plain;

static int hwpt_for(uint32_t id)
{
	uint32_t hwpt;

	return iommu_hwpt_alloc(ctx, id, ioas, &plain, &hwpt);
}

static int hwpt_on(uint32_t id)
{
	const struct iommu_vtd_first_stage stage = {.table = IOVA, .levels = 4};
	const struct iommu_hwpt_config nested = {.user_data = &stage, .user_size = sizeof(stage)};
	uint32_t hwpt;

	return iommu_hwpt_alloc(ctx, device[0], id, &nested, &hwpt);
}

static int hwpt_with_queue(uint32_t id)
{
	const struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_FAULTS, .faults = id};
	uint32_t hwpt;

	return iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt);
}

static int hwpt_info(uint32_t id)
{
	struct iommu_hwpt_info info;

	return iommu_hwpt_get_info(ctx, id, &info);
}

static int set_dirty(uint32_t id)
{
	return iommu_hwpt_set_dirty(ctx, id, true);
}

static int read_dirty(uint32_t id)
{
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = IOVA, .bits = 64, .page_shift = 12};

	return iommu_hwpt_read_dirty(ctx, id, IOVA, 4096, 0, &bitmap);
}

static int split(uint32_t id)
{
	return iommu_hwpt_split(ctx, id, IOVA, 4096, 4096);
}

static const struct iommu_vtd_invalidation all = {.pages = UINT64_MAX};

static int invalidate(uint32_t id)
{
	unsigned int done;

	return iommu_hwpt_invalidate(ctx, id, &all, sizeof(all), 1, &done);
}

static int invalidate_as(uint32_t id)
{
	unsigned int done;

	return iommu_hwpt_invalidate_as(ctx, id, IOMMU_HARDWARE_VTD, &all, sizeof(all), 1, &done);
}

static int unit_invalidate(uint32_t id)
{
	unsigned int done;

	return iommu_virtual_unit_invalidate(ctx, id, &all, sizeof(all), 1, &done);
}

static int unit_invalidate_as(uint32_t id)
{
	unsigned int done;

	return iommu_virtual_unit_invalidate_as(ctx, id, IOMMU_HARDWARE_VTD, &all, sizeof(all), 1,
						&done);
}

static int unbind(uint32_t id)
{
	return iommu_device_unbind(ctx, id);
}

static int attach_it(uint32_t id)
{
	return iommu_device_attach(ctx, id, IOMMU_NO_PASID, ioas, NULL);
}

static int attach_to(uint32_t id)
{
	return iommu_device_attach(ctx, device[1], IOMMU_NO_PASID, id, NULL);
}

static int replace_it(uint32_t id)
{
	return iommu_device_replace(ctx, id, IOMMU_NO_PASID, ioas, NULL);
}

static int replace_by(uint32_t id)
{
	return iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, id, NULL);
}

static int detach_it(uint32_t id)
{
	return iommu_device_detach(ctx, id, IOMMU_NO_PASID);
}

static int device_info(uint32_t id)
{
	struct iommu_device_info info;

	return iommu_device_get_info(ctx, id, &info);
}

static int access_attach(uint32_t id)
{
	return iommu_access_attach(ctx, id, ioas);
}

static int access_attach_to(uint32_t id)
{
	return iommu_access_attach(ctx, ids[IOMMU_OBJECT_ACCESS], id);
}

static int access_replace(uint32_t id)
{
	return iommu_access_replace(ctx, id, ioas);
}

static int access_detach(uint32_t id)
{
	return iommu_access_detach(ctx, id);
}

static int access_pin(uint32_t id)
{
	iommu_paddr_t page;

	return iommu_access_pin(ctx, id, IOVA, 4096, IOMMU_PROT_READ, &page);
}

static int access_unpin(uint32_t id)
{
	return iommu_access_unpin(ctx, id, IOVA, 4096);
}

static int access_paddr(uint32_t id)
{
	iommu_paddr_t paddr;
	uint64_t size;

	return iommu_access_get_paddr(ctx, id, IOVA, &paddr, &size);
}

static int access_rw(uint32_t id)
{
	char byte;

	return iommu_access_rw(ctx, id, IOVA, &byte, 1, false);
}

static int fault_read(uint32_t id)
{
	struct iommu_fault_record record;
	unsigned int count;

	return iommu_fault_read(ctx, id, &record, 1, &count);
}

static int fault_respond(uint32_t id)
{
	return iommu_fault_respond(ctx, id, 1, IOMMU_PAGE_FAILURE);
}

static int unit_for(uint32_t id)
{
	uint32_t unit;

	return iommu_virtual_unit_alloc(ctx, id, ids[IOMMU_OBJECT_HWPT], &unit);
}

static int unit_on(uint32_t id)
{
	uint32_t unit;

	return iommu_virtual_unit_alloc(ctx, device[0], id, &unit);
}

static int number_in(uint32_t id)
{
	uint32_t number;

	return iommu_virtual_device_alloc(ctx, id, device[1], 9, &number);
}

static int number_for(uint32_t id)
{
	uint32_t number;

	return iommu_virtual_device_alloc(ctx, ids[IOMMU_OBJECT_VIRTUAL_UNIT], id, 9, &number);
}

static int find(uint32_t id)
{
	uint32_t found;

	return iommu_virtual_unit_find(ctx, id, 7, &found);
}

static int events_of(uint32_t id)
{
	uint32_t queue;

	return iommu_event_queue_alloc(ctx, id, NULL, NULL, &queue);
}

static int mark_lost(uint32_t id)
{
	return iommu_event_queue_mark_lost(ctx, id);
}

static int event_read(uint32_t id)
{
	struct iommu_event_record record;
	unsigned int count;
	uint64_t lost;

	return iommu_event_read(ctx, id, &record, 1, &count, &lost);
}

static int destroy(uint32_t id)
{
	return iommu_object_destroy(ctx, id);
}

#define ALL (2U * IS(EVENT_QUEUE) - 1)

/* The kinds that a call is for. */
static const struct {
	const char *name;
	int (*call)(uint32_t id);
	unsigned int kinds;
} calls[] = {
	{"ioas_map", map_call, IS(IOAS)},
	{"ioas_copy, to", copy_to, IS(IOAS)},
	{"ioas_copy, from", copy_from, IS(IOAS)},
	{"ioas_unmap", unmap_call, IS(IOAS)},
	{"ioas_next_area", next_area, IS(IOAS)},
	{"ioas_change_backing", change_backing, IS(IOAS)},
	{"ioas_get_ranges", get_ranges, IS(IOAS)},
	{"ioas_allow", allow, IS(IOAS)},
	{"hwpt_alloc, device", hwpt_for, IS(DEVICE)},
	{"hwpt_alloc, on", hwpt_on, IS(IOAS) | IS(HWPT) | IS(VIRTUAL_UNIT)},
	{"hwpt_alloc, faults", hwpt_with_queue, IS(FAULT_QUEUE)},
	{"hwpt_get_info", hwpt_info, HWPTS},
	{"hwpt_set_dirty", set_dirty, HWPTS},
	{"hwpt_read_dirty", read_dirty, HWPTS},
	{"hwpt_split", split, HWPTS},
	{"hwpt_invalidate", invalidate, HWPTS},
	{"hwpt_invalidate_as", invalidate_as, HWPTS},
	{"virtual_unit_invalidate", unit_invalidate, IS(VIRTUAL_UNIT)},
	{"virtual_unit_invalidate_as", unit_invalidate_as, IS(VIRTUAL_UNIT)},
	{"device_unbind", unbind, IS(DEVICE)},
	{"device_attach", attach_it, IS(DEVICE)},
	{"device_attach, to", attach_to, IS(IOAS) | HWPTS},
	{"device_replace", replace_it, IS(DEVICE)},
	{"device_replace, by", replace_by, IS(IOAS) | HWPTS},
	{"device_detach", detach_it, IS(DEVICE)},
	{"device_get_info", device_info, IS(DEVICE)},
	{"access_attach", access_attach, IS(ACCESS)},
	{"access_attach, to", access_attach_to, IS(IOAS)},
	{"access_replace", access_replace, IS(ACCESS)},
	{"access_detach", access_detach, IS(ACCESS)},
	{"access_pin", access_pin, IS(ACCESS)},
	{"access_unpin", access_unpin, IS(ACCESS)},
	{"access_get_paddr", access_paddr, IS(ACCESS)},
	{"access_rw", access_rw, IS(ACCESS)},
	{"fault_read", fault_read, IS(FAULT_QUEUE)},
	{"fault_respond", fault_respond, IS(FAULT_QUEUE)},
	{"virtual_unit_alloc, device", unit_for, IS(DEVICE)},
	{"virtual_unit_alloc, hwpt", unit_on, HWPTS},
	{"virtual_device_alloc, unit", number_in, IS(VIRTUAL_UNIT)},
	{"virtual_device_alloc, device", number_for, IS(DEVICE)},
	{"virtual_unit_find", find, IS(VIRTUAL_UNIT)},
	{"event_queue_alloc", events_of, IS(VIRTUAL_UNIT)},
	{"event_queue_mark_lost", mark_lost, IS(EVENT_QUEUE)},
	{"event_read", event_read, IS(EVENT_QUEUE)},
	{"object_destroy", destroy, ALL},
};

/* --- The file --------------------------------------------------------------------------------- */

static void make_all(void)
{
	const struct iommu_vtd_first_stage stage = {.table = IOVA, .levels = 4};
	const struct iommu_hwpt_config parent = {.flags = IOMMU_HWPT_NEST_PARENT},
				       nested = {.user_data = &stage, .user_size = sizeof(stage)};

	ids[IOMMU_OBJECT_ANY] = NOWHERE;
	ids[IOMMU_OBJECT_IOAS] = ioas;
	ids[IOMMU_OBJECT_DEVICE] = device[0];
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &parent, &ids[IOMMU_OBJECT_HWPT]),
			 0);
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], ids[IOMMU_OBJECT_HWPT],
						  &ids[IOMMU_OBJECT_VIRTUAL_UNIT]),
			 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ids[IOMMU_OBJECT_VIRTUAL_UNIT], &nested,
					  &ids[IOMMU_OBJECT_HWPT_NESTED]),
			 0);
	assert_int_equal(iommu_virtual_device_alloc(ctx, ids[IOMMU_OBJECT_VIRTUAL_UNIT], device[0],
						    7, &ids[IOMMU_OBJECT_VIRTUAL_DEVICE]),
			 0);
	assert_int_equal(iommu_access_alloc(ctx, NULL, NULL, &ids[IOMMU_OBJECT_ACCESS]), 0);
	assert_int_equal(iommu_fault_queue_alloc(ctx, NULL, NULL, &ids[IOMMU_OBJECT_FAULT_QUEUE]),
			 0);
	assert_int_equal(iommu_event_queue_alloc(ctx, ids[IOMMU_OBJECT_VIRTUAL_UNIT], NULL, NULL,
						 &ids[IOMMU_OBJECT_EVENT_QUEUE]),
			 0);
	for (unsigned int kind = 1; kind <= IOMMU_OBJECT_EVENT_QUEUE; kind++)
		assert_int_equal(iommu_object_type(ctx, ids[kind]), kind);
}

static void check(unsigned int call, unsigned int kind)
{
	const int expected = kind == IOMMU_OBJECT_ANY ? IOMMU_ENOENT : IOMMU_EINVAL;
	struct iommu_file_stats before, after;
	int status;

	if ((calls[call].kinds >> kind & 1) != 0 && kind != IOMMU_OBJECT_ANY)
		return;
	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	iommu_file_get_stats(ctx, &before);
	status = calls[call].call(ids[kind]);
	iommu_file_get_stats(ctx, &after);
	if (status == expected && memcmp(&before, &after, sizeof(before)) == 0 &&
	    iommu_object_type(ctx, ids[kind]) == (enum iommu_object_kind)kind && leads(0, IOVA, 0))
		return;
	print_error("%s: an object of kind %u: %d\n", calls[call].name, kind, status);
	fail();
}

static void each_call_has_its_kinds(void **state)
{
	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_CONTIGUOUS);
	backing = test_memory_at(&memory, 0x10000);
	assert_int_equal(map_at(IOVA, 0, 0x4000), 0);
	assert_int_equal(attach(0, ioas), 0);
	make_all();
	for (unsigned int call = 0; call < sizeof(calls) / sizeof(calls[0]); call++)
		for (unsigned int kind = 0; kind <= IOMMU_OBJECT_EVENT_QUEUE; kind++)
			check(call, kind);
	assert_int_equal(detach(0), 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_has_its_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
