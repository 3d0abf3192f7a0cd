/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device files, group files and containers: the two ways in which managers of virtual machines take
 * devices, in every order, and never both for one group.
 */
#include <string.h>

#include "ioas_fixture.h"
#include "test.h"

static struct iommu_device_files *files;

/* Two devices, each a group; nothing is bound. */
static void begin_files(unsigned int flags, unsigned int units)
{
	begin_machine(flags, units, 2);
	test_memory_init(&memory, MEMORY_SCATTERED, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
	assert_int_equal(iommu_device_files_create(f.iommu, &files), 0);
}

static void finish_files(void)
{
	assert_int_equal(iommu_device_files_destroy(files), 0);
	finish();
}

static struct iommu_device_file *open_device(unsigned int i)
{
	struct iommu_device_file *file = NULL;

	assert_int_equal(iommu_device_file_open(files, f.endpoint[i], &file), 0);
	return file;
}

static struct iommu_group_file *open_group(unsigned int i)
{
	struct iommu_group_file *file = NULL;

	assert_int_equal(iommu_group_file_open(files, f.group[i], &file), 0);
	return file;
}

static struct iommu_container *new_container(void)
{
	struct iommu_container *container = NULL;

	assert_int_equal(iommu_container_create(f.iommu, NULL, &container), 0);
	return container;
}

/* Whichever of the allocations fails: the next open is as the first, and nothing stays behind. */
static void an_open_without_memory_leaves_nothing(void **state)
{
	struct iommu_group_file *group = NULL;
	struct iommu_device_file *file = NULL;
	unsigned int way;

	(void)state;
	for (way = 0; way < 2; way++) {
		int status = IOMMU_ENOMEM;
		unsigned int n;

		begin_files(0, 1);
		for (n = 1; status != 0; n++) {
			f.machine.fail_at = f.machine.allocations + n;
			status = way == 0 ? iommu_group_file_open(files, f.group[0], &group)
					  : iommu_device_file_open(files, f.endpoint[0], &file);
			f.machine.fail_at = 0;
			assert_true(status == 0 || status == IOMMU_ENOMEM);
			/* What was made before the failure is free again: the caches are empty. */
			assert_int_equal(iommu_device_files_destroy(files),
					 status == 0 ? IOMMU_EBUSY : 0);
			if (status != 0)
				assert_int_equal(iommu_device_files_create(f.iommu, &files), 0);
		}
		assert_true(n > 2);
		if (way == 0)
			assert_int_equal(iommu_group_file_close(group), 0);
		else
			assert_int_equal(iommu_device_file_close(file), 0);
		finish_files();
	}
}

static void devices_are_bound_and_attached(void **state)
{
	struct iommu_device_file *file, *second;
	struct iommu_file *other_ctx;
	uint32_t id, other, hwpt, again;

	(void)state;
	begin_files(EVERYTHING, 1);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &other_ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	file = open_device(0);
	second = open_device(0);
	assert_int_equal(iommu_device_file_attach(file, 0, ioas, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_device_file_detach(file, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_device_files_destroy(files), IOMMU_EBUSY);
	assert_int_equal(iommu_device_file_bind(file, ctx, &id), 0);
	assert_int_equal(iommu_object_type(ctx, id), IOMMU_OBJECT_DEVICE);
	assert_int_equal(iommu_device_file_bind(file, ctx, &id), IOMMU_EINVAL);
	assert_int_equal(iommu_device_file_bind(second, ctx, &id), IOMMU_EBUSY);
	assert_int_equal(iommu_device_file_bind(second, other_ctx, &id), IOMMU_EBUSY);
	/* Attached; elsewhere by the same call; back; detached, twice. */
	assert_int_equal(iommu_device_file_attach(file, 0, ioas, &hwpt), 0);
	assert_true(leads(0, IOVA, 0));
	assert_int_equal(iommu_device_file_attach(file, 0, other, &again), 0);
	assert_int_not_equal(hwpt, again);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_device_file_attach(file, 0, 999, NULL), IOMMU_ENOENT);
	assert_int_equal(iommu_device_file_attach(file, 0, ioas, NULL), 0);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_device_file_attach(file, 7, ioas, NULL), 0);
	assert_int_equal(iommu_device_file_detach(file, 0), 0);
	assert_int_equal(iommu_device_file_detach(file, 0), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(memory.pins, 1);
	/* Closed with a PASID attached: everything is undone, and the other file may have it. */
	assert_int_equal(iommu_device_file_close(file), 0);
	assert_int_equal(memory.pins, 0);
	assert_null(iommu_group_owner(f.group[0]));
	assert_int_equal(iommu_device_file_bind(second, other_ctx, &id), 0);
	/* An IOMMU file that goes first. */
	assert_int_equal(iommu_file_destroy(other_ctx), 0);
	assert_int_not_equal(iommu_device_file_attach(second, 0, ioas, NULL), 0);
	assert_int_equal(iommu_device_file_close(second), 0);
	finish_files();
}

static void one_way_at_a_time(void **state)
{
	struct iommu_container *container;
	struct iommu_device_file *file, *through;
	struct iommu_group_file *group, *again;
	uint32_t id;

	(void)state;
	begin_files(0, 1);
	container = new_container();
	file = open_device(0);
	/* Open alone decides nothing; bound does. */
	group = open_group(0);
	assert_int_equal(iommu_group_file_open(files, f.group[0], &again), IOMMU_EBUSY);
	assert_int_equal(iommu_device_file_bind(file, ctx, &id), IOMMU_EBUSY);
	assert_int_equal(iommu_group_file_get_device(group, f.endpoint[0], &through), IOMMU_EINVAL);
	assert_int_equal(iommu_group_file_unset_container(group), IOMMU_EINVAL);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_EINVAL);
	assert_int_equal(iommu_container_destroy(container), IOMMU_EBUSY);
	assert_int_equal(iommu_group_file_get_device(group, f.endpoint[1], &through), IOMMU_EINVAL);
	assert_int_equal(iommu_group_file_get_device(group, f.endpoint[0], &through), 0);
	/* What came through a group is not bound by itself. */
	assert_int_equal(iommu_device_file_bind(through, ctx, &id), IOMMU_EINVAL);
	assert_int_equal(iommu_device_file_attach(through, 0, ioas, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_group_file_unset_container(group), IOMMU_EBUSY);
	/*
	 * The group's file first, the device's after it: with that the group leaves its container.
	 */
	assert_int_equal(iommu_group_file_close(group), 0);
	assert_int_equal(iommu_container_destroy(container), IOMMU_EBUSY);
	assert_int_equal(iommu_group_file_open(files, f.group[0], &again), IOMMU_EBUSY);
	assert_int_equal(iommu_device_file_close(through), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	/* Now the other way. */
	assert_int_equal(iommu_device_file_bind(file, ctx, &id), 0);
	assert_int_equal(iommu_group_file_open(files, f.group[0], &again), IOMMU_EBUSY);
	assert_int_equal(iommu_device_file_close(file), 0);
	group = open_group(0);
	assert_int_equal(iommu_group_file_close(group), 0);
	/* And beside a file that only is open. */
	file = open_device(0);
	through = open_device(0);
	assert_int_equal(iommu_device_file_bind(file, ctx, &id), 0);
	assert_int_equal(iommu_device_file_close(file), 0);
	group = open_group(0);
	assert_int_equal(iommu_device_file_bind(through, ctx, &id), IOMMU_EBUSY);
	assert_int_equal(iommu_group_file_close(group), 0);
	assert_int_equal(iommu_device_file_close(through), 0);
	finish_files();
}

static void closing_waits_for_hardware(void **state)
{
	struct iommu_device_file *file = NULL;
	uint32_t id;

	(void)state;
	begin_files(0, 1);
	file = open_device(0);
	assert_int_equal(iommu_device_file_bind(file, ctx, &id), 0);
	assert_int_equal(map_at(IOVA, 0, 0x1000), 0);
	assert_int_equal(iommu_device_file_attach(file, 0, ioas, NULL), 0);
	hang(true);
	assert_int_equal(iommu_device_file_detach(file, 0), IOMMU_ETIMEDOUT);
	assert_int_equal(memory.pins, 1);
	/*
	 * Attached to nothing, it may still reach the memory: that it is detached is not certain.
	 */
	assert_int_equal(iommu_device_file_detach(file, 0), IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(iommu_device_file_detach(file, 0), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_device_file_close(file), 0);
	/* The HWPT is still there, until the next call that needs its end. */
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	assert_int_equal(memory.pins, 0);
	finish_files();
}

/*
 * A manager that dies closes its files in any order: what a device is to a guest keeps none open.
 */
static void files_close_whatever_there_is(void **state)
{
	const struct iommu_hwpt_config config = {.flags = IOMMU_HWPT_NEST_PARENT};
	struct iommu_device_file *file;
	uint32_t id, parent, unit, virtual_device;

	(void)state;
	begin_files(EVERYTHING, 1);
	file = open_device(0);
	assert_int_equal(iommu_device_file_bind(file, ctx, &id), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, id, ioas, &config, &parent), 0);
	assert_int_equal(iommu_device_file_attach(file, 0, parent, NULL), 0);
	assert_int_equal(iommu_virtual_unit_alloc(ctx, id, parent, &unit), 0);
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, id, 9, &virtual_device), 0);
	assert_int_equal(iommu_device_file_close(file), 0);
	assert_null(iommu_group_owner(f.group[0]));
	finish_files();
}

/* --- Containers ------------------------------------------------------------------------------- */

static int container_map(struct iommu_container *container, iommu_iova_t iova, uint64_t offset,
			 uint64_t size)
{
	const struct iommu_backing backing = test_memory_at(&memory, offset);

	return iommu_container_map(container, iova, size, RW, &backing);
}

static void containers_hold_groups(void **state)
{
	struct iommu_iova_bounds ranges[4];
	struct iommu_container_info info;
	struct iommu_container *container;
	struct iommu_group_file *group[2];
	struct iommu_device_file *through;
	uint64_t unmapped;
	unsigned int count;

	(void)state;
	begin_files(0, 2);
	container = new_container();
	assert_int_equal(container_map(container, IOVA, 0, 0x4000), 0);
	assert_int_equal(memory.pins, 0);
	for (unsigned int i = 0; i < 2; i++) {
		group[i] = open_group(i);
		assert_int_equal(iommu_group_file_set_container(group[i], container), 0);
		assert_true(leads(i, IOVA + 0x3fff, 0x3fff));
	}
	assert_int_equal(memory.pins, 4);
	assert_int_equal(container_map(container, IOVA + 0x3000, 0x8000, 0x1000), IOMMU_EEXIST);
	assert_int_equal(container_map(container, IOVA + 0x4000, 0x8000, 0), IOMMU_EINVAL);
	assert_int_equal(container_map(container, 0xfee00000, 0x8000, 0x1000), IOMMU_EINVAL);
	assert_int_equal(iommu_container_map(container, 0, 4096, 8, NULL), IOMMU_EINVAL);
	/* By halves: refused. Nothing there: no error. Everything. */
	assert_int_equal(iommu_container_unmap(container, IOVA, 0x1000, NULL, &unmapped),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap(container, 0x100000, 0x1000, NULL, &unmapped), 0);
	assert_int_equal(unmapped, 0);
	assert_int_equal(container_map(container, IOVA + 0x8000, 0x10000, 0x1000), 0);
	/* Some as a whole and one by half, at either end: nothing changes. */
	assert_int_equal(container_map(container, IOVA + 0xa000, 0x12000, 0x2000), 0);
	assert_int_equal(iommu_container_unmap(container, IOVA, 0xb000, NULL, &unmapped),
			 IOMMU_EINVAL);
	assert_int_equal(unmapped, 0);
	assert_int_equal(iommu_container_unmap(container, IOVA + 0x3000, 0x9000, NULL, &unmapped),
			 IOMMU_EINVAL);
	assert_int_equal(unmapped, 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_true(leads(i, IOVA, 0) && leads(i, IOVA + 0x8000, 0x10000) &&
			    leads(i, IOVA + 0xb000, 0x13000));
	assert_int_equal(iommu_container_unmap(container, IOVA + 0x9000, 0x10000, NULL, &unmapped),
			 0);
	assert_int_equal(unmapped, 0x2000);
	assert_int_equal(iommu_container_get_info(container, &info, ranges, 4, &count), 0);
	assert_int_equal(info.available, IOMMU_CONTAINER_MAPPINGS - 2);
	assert_int_equal(info.alignment, 4096);
	assert_int_equal(info.dirty_pgsizes, 0);
	assert_int_equal(count, 2);
	assert_int_equal(iommu_container_unmap(container, 0, UINT64_MAX, NULL, &unmapped), 0);
	assert_int_equal(unmapped, 0x5000);
	assert_int_equal(memory.pins, 0);
	assert_true(is_blocked(0, IOVA) && is_blocked(1, IOVA));
	assert_int_equal(container_map(container, IOVA, 0, 0x4000), 0);
	/* One leaves, the other stays. */
	assert_int_equal(iommu_group_file_get_device(group[1], f.endpoint[1], &through), 0);
	assert_int_equal(iommu_group_file_close(group[0]), 0);
	assert_true(is_blocked(0, IOVA));
	assert_true(leads(1, IOVA, 0));
	assert_int_equal(iommu_device_file_close(through), 0);
	assert_int_equal(iommu_group_file_close(group[1]), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	finish_files();
}

static void limits_of_containers(void **state)
{
	const struct iommu_file_limits limits = {.areas = 2};
	struct iommu_container *container;
	uint64_t unmapped;

	(void)state;
	begin_files(0, 1);
	assert_int_equal(iommu_container_create(f.iommu, &limits, &container), 0);
	assert_int_equal(container_map(container, 0x1000, 0, 0x1000), 0);
	assert_int_equal(container_map(container, 0x2000, 0x1000, 0x1000), 0);
	assert_int_equal(container_map(container, 0x3000, 0x2000, 0x1000), IOMMU_ENOSPC);
	assert_int_equal(iommu_container_unmap(container, 0x1000, 0x1000, NULL, &unmapped), 0);
	assert_int_equal(container_map(container, 0x3000, 0x2000, 0x1000), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	finish_files();
}

/* What a group wrote before it left is told as long as tracking is on. */
static void writes_outlive_the_group(void **state)
{
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = IOVA, .bits = 64, .page_shift = 12};
	struct iommu_container *container;
	struct iommu_group_file *group;

	(void)state;
	begin_files(EVERYTHING, 1);
	container = new_container();
	group = open_group(0);
	assert_int_equal(container_map(container, IOVA, 0, 0x8000), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_int_equal(iommu_container_set_dirty(container, true), 0);
	assert_true(leads(0, IOVA + 0x2000, 0x2000));
	assert_int_equal(iommu_group_file_unset_container(group), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_container_read_dirty(container, IOVA, 0x8000, &bitmap), 0);
	assert_int_equal(word, 4);
	/* It comes again to the same tables. */
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_true(leads(0, IOVA + 0x3000, 0x3000));
	assert_int_equal(iommu_group_file_unset_container(group), 0);
	word = 0;
	assert_int_equal(iommu_container_read_dirty(container, IOVA, 0x8000, &bitmap), 0);
	assert_int_equal(word, 8);
	assert_int_not_equal(memory.pins, 0);
	assert_int_equal(iommu_container_set_dirty(container, false), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_group_file_close(group), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	finish_files();
}

/*
 * Neither the way in nor the way back is confirmed: the group is free as soon as hardware answers.
 */
static void a_group_that_could_not_join_is_not_lost(void **state)
{
	struct iommu_container *container, *other;
	struct iommu_device_file *through;
	struct iommu_group_file *group;

	(void)state;
	begin_files(EVERYTHING | IOMMU_MODEL_VTD_CACHING_MODE, 1);
	container = new_container();
	other = new_container();
	group = open_group(0);
	hang(true);
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_group_file_get_device(group, f.endpoint[0], &through), IOMMU_EINVAL);
	assert_int_equal(iommu_container_destroy(container), IOMMU_EBUSY);
	assert_int_equal(iommu_group_file_set_container(group, other), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_group_file_close(group), IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_equal(iommu_group_file_set_container(group, other), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	assert_int_equal(iommu_group_file_unset_container(group), 0);
	assert_int_equal(iommu_group_file_close(group), 0);
	assert_int_equal(iommu_container_destroy(other), 0);
	finish_files();
}

static void containers_tell_what_was_written(void **state)
{
	uint64_t word = 0, unmapped;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = IOVA, .bits = 64, .page_shift = 12};
	struct iommu_container_info info;
	struct iommu_container *container;
	struct iommu_group_file *group;
	unsigned int count;

	(void)state;
	for (unsigned int notes = 0; notes < 2; notes++) {
		begin_files(notes != 0 ? EVERYTHING : 0, 1);
		container = new_container();
		group = open_group(0);
		assert_int_equal(iommu_group_file_set_container(group, container), 0);
		assert_int_equal(iommu_container_get_info(container, &info, NULL, 0, &count),
				 IOMMU_ENOSPC);
		assert_int_equal(info.dirty_pgsizes, notes != 0 ? ~4095ULL : 0);
		assert_int_equal(container_map(container, IOVA, 0, 0x8000), 0);
		assert_int_equal(container_map(container, IOVA + 0x10000, 0x10000, 0x2000), 0);
		assert_int_equal(iommu_container_read_dirty(container, IOVA, 0x20000, &bitmap),
				 IOMMU_EINVAL);
		assert_int_equal(iommu_container_unmap(container, IOVA, 0x8000, &bitmap, &unmapped),
				 IOMMU_EINVAL);
		assert_int_equal(iommu_container_set_dirty(container, true), 0);
		assert_true(leads(0, IOVA + 0x2000, 0x2000));
		word = 0;
		assert_int_equal(iommu_container_read_dirty(container, IOVA, 0x20000, &bitmap), 0);
		/* Without dirty tracking all that is mapped is reported. */
		assert_int_equal(word, notes != 0 ? 4 : 0x300ff);
		assert_int_equal(iommu_container_read_dirty(container, IOVA, 0, &bitmap),
				 IOMMU_EINVAL);
		assert_int_equal(iommu_container_read_dirty(container, IOVA, 0x800000, &bitmap),
				 IOMMU_EINVAL);
		assert_int_equal(iommu_container_read_dirty(container, IOVA, UINT64_MAX, &bitmap),
				 IOMMU_EOVERFLOW);
		/* With the unmap, of one mapping. */
		assert_true(leads(0, IOVA + 0x11000, 0x11000));
		word = 0;
		assert_int_equal(iommu_container_unmap(container, IOVA + 0x10000, 0x1000, &bitmap,
						       &unmapped),
				 IOMMU_EINVAL);
		assert_int_equal(iommu_container_unmap(container, IOVA + 0x10000, 0x2000, &bitmap,
						       &unmapped),
				 0);
		assert_int_equal(unmapped, 0x2000);
		assert_int_equal(word, notes != 0 ? 0x20000 : 0x30000);
		assert_int_equal(iommu_container_set_dirty(container, false), 0);
		assert_int_equal(iommu_group_file_close(group), 0);
		assert_int_equal(iommu_container_destroy(container), 0);
		finish_files();
	}
}

/* The coarsest and the finest pages of a bitmap, where nothing is mapped. */
static void bitmaps_have_pages_of_some_sizes(void **state)
{
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {.words = &word, .bits = 1, .page_shift = 63};
	struct iommu_container *container;

	(void)state;
	begin_files(EVERYTHING, 1);
	container = new_container();
	assert_int_equal(iommu_container_set_dirty(container, true), 0);
	assert_int_equal(iommu_container_read_dirty(container, 0, 1ULL << 63, &bitmap), 0);
	assert_int_equal(iommu_container_read_dirty(container, 1ULL << 63, 1ULL << 63, &bitmap),
			 IOMMU_EINVAL);
	bitmap.page_shift = 64;
	assert_int_equal(iommu_container_read_dirty(container, 0, 1ULL << 63, &bitmap),
			 IOMMU_EINVAL);
	bitmap.page_shift = 11;
	assert_int_equal(iommu_container_read_dirty(container, 0, 0x800, &bitmap), IOMMU_EINVAL);
	bitmap.page_shift = 12;
	assert_int_equal(iommu_container_read_dirty(container, 0, 0x1000, &bitmap), 0);
	assert_int_equal(iommu_container_read_dirty(container, 0, 0x2000, &bitmap), IOMMU_EINVAL);
	assert_int_equal(iommu_container_read_dirty(container, 0x800, 0x1000, &bitmap),
			 IOMMU_EINVAL);
	assert_int_equal(word, 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	finish_files();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_without_memory_leaves_nothing),
		cmocka_unit_test(devices_are_bound_and_attached),
		cmocka_unit_test(one_way_at_a_time),
		cmocka_unit_test(closing_waits_for_hardware),
		cmocka_unit_test(files_close_whatever_there_is),
		cmocka_unit_test(containers_hold_groups),
		cmocka_unit_test(limits_of_containers),
		cmocka_unit_test(containers_tell_what_was_written),
		cmocka_unit_test(bitmaps_have_pages_of_some_sizes),
		cmocka_unit_test(writes_outlive_the_group),
		cmocka_unit_test(a_group_that_could_not_join_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
