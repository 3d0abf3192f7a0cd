/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects of IOMMU files that are on their way out, or whose device has gone; groups that come to a
 * container while it notes what devices write; memory that is the same, or is not; and limits that
 * are none.
 */
#include <string.h>

#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/vfio.h>

#include "ioas/ioas.h"
#include "ioas_fixture.h"
#include "test.h"

#define PAGE IOMMU_PAGE_SIZE

/* --- On their way out ------------------------------------------------------------------------- */

/* What hardware did not confirm is not used for anything new; it goes with the next call. */
static void what_is_leaving_is_not_used(void **state)
{
	const struct iommu_vtd_first_stage stage = {.table = IOVA, .levels = 4};
	const struct iommu_hwpt_config parent = {.flags = IOMMU_HWPT_NEST_PARENT};
	const struct iommu_hwpt_config nested = {.user_data = &stage, .user_size = sizeof(stage)};
	uint32_t below, other = 77;

	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_CONTIGUOUS);
	assert_int_equal(map_at(IOVA, 0, 4 * PAGE), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &parent, &below), 0);
	assert_int_equal(attach(0, below), 0);
	assert_int_equal(attach(1, ioas), 0); /* by an HWPT of its own */
	assert_true(leads(0, IOVA, 0) && leads(1, IOVA, 0));
	hang(true);
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_object_destroy(ctx, below), IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], below, &nested, &other), IOMMU_EINVAL);
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], below, &other), IOMMU_EINVAL);
	assert_int_equal(attach(0, below), IOMMU_EINVAL);
	assert_int_equal(iommu_device_replace(ctx, device[1], IOMMU_NO_PASID, below, NULL),
			 IOMMU_EINVAL);
	assert_int_equal(other, 77);
	assert_true(is_blocked(0, IOVA) && leads(1, IOVA, 0));
	assert_int_equal(iommu_object_destroy(ctx, below), 0);
	assert_int_equal(detach(1), 0);
	assert_int_equal(memory.pins, 0);
	finish();
}

/* One that the caller has made is the caller's to destroy: an attach only empties it. */
static void what_the_caller_made_ends_by_its_id(void **state)
{
	const struct iommu_hwpt_config plain = {.flags = 0};
	uint32_t own, led = 77;

	(void)state;
	begin_with(0, 1, 2, MEMORY_CONTIGUOUS);
	assert_int_equal(map_at(IOVA, 0, 4 * PAGE), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &plain, &own), 0);
	assert_int_equal(attach(0, own), 0);
	assert_true(leads(0, IOVA, 0));
	hang(true);
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_object_destroy(ctx, own), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_device_attach(ctx, device[1], IOMMU_NO_PASID, ioas, &led),
			 IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(iommu_device_attach(ctx, device[1], IOMMU_NO_PASID, ioas, &led), 0);
	assert_true(is_blocked(0, IOVA) && leads(1, IOVA, 0));
	assert_int_not_equal(led, own);
	assert_int_equal(iommu_object_type(ctx, own), IOMMU_OBJECT_HWPT);
	assert_int_equal(iommu_object_destroy(ctx, own), 0);
	assert_int_equal(iommu_object_destroy(ctx, own), IOMMU_ENOENT);
	assert_true(leads(1, IOVA, 0));
	assert_int_equal(detach(1), 0);
	assert_int_equal(memory.pins, 0);
	finish();
}

/* A virtual unit serves devices that are there; requests are whole, and not larger than a page. */
static void virtual_units_have_devices_that_are_there(void **state)
{
	const struct iommu_vtd_invalidation all = {.pages = UINT64_MAX};
	const struct iommu_hwpt_config parent = {.flags = IOMMU_HWPT_NEST_PARENT};
	uint32_t below, unit, number = 77, late;
	unsigned int done = 77;

	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_CONTIGUOUS);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &parent, &below), 0);
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[0], below, &unit), 0);
	assert_int_equal(iommu_virtual_unit_invalidate(ctx, unit, NULL, sizeof(all), 1, &done),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_virtual_unit_invalidate(ctx, unit, &all, 0, 1, &done), IOMMU_EINVAL);
	assert_int_equal(iommu_virtual_unit_invalidate(ctx, unit, &all, PAGE + 1, 1, &done),
			 IOMMU_EINVAL);
	assert_int_equal(done, 0);
	assert_int_equal(iommu_virtual_unit_invalidate(ctx, unit, NULL, 0, 0, &done), 0);
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[0], UINT64_MAX, &number),
			 IOMMU_EINVAL);
	/* The device is pulled out. */
	assert_int_equal(iommu_release_endpoint(f.endpoint[1]), 0);
	f.endpoint[1] = NULL;
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[1], 9, &number),
			 IOMMU_ENODEV);
	assert_int_equal(iommu_virtual_unit_alloc(ctx, device[1], below, &late), IOMMU_ENODEV);
	assert_int_equal(number, 77);
	assert_int_equal(iommu_virtual_device_alloc(ctx, unit, device[0], 9, &number), 0);
	assert_int_equal(iommu_object_destroy(ctx, number), 0);
	assert_int_equal(iommu_object_destroy(ctx, unit), 0);
	assert_int_equal(iommu_object_destroy(ctx, below), 0);
	assert_int_equal(iommu_device_unbind(ctx, device[1]), 0);
	finish();
}

/* --- Containers ------------------------------------------------------------------------------- */

static struct iommu_device_files *files;
static struct iommu_container *container;

static bool is_noted(iommu_iova_t iova, uint64_t expected)
{
	uint64_t word = 0;
	struct iommu_dirty_bitmap bitmap = {
		.words = &word, .start = iova, .bits = 64, .page_shift = 12};

	assert_int_equal(iommu_container_read_dirty(container, iova, 4 * PAGE, &bitmap), 0);
	return word == expected;
}

/*
 * A group that comes while it is noted what devices write, and cannot use the tables that are there
 * because it can be made to snoop: its tables note, too.
 */
static void groups_that_come_later_are_noted(void **state)
{
	struct iommu_group_file *group[2];
	struct iommu_container_info info;
	struct iommu_iova_bounds ranges[8];
	unsigned int count;
	iommu_paddr_t to;

	(void)state;
	begin_mixed_machine(EVERYTHING, EVERYTHING | IOMMU_MODEL_VTD_SNOOP_CONTROL, 2);
	test_memory_init(&memory, MEMORY_CONTIGUOUS, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_device_files_create(f.iommu, &files), 0);
	assert_int_equal(iommu_container_create(f.iommu, NULL, &container), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_group_file_open(files, f.group[i], &group[i]), 0);
	assert_int_equal(iommu_group_file_set_container(group[0], container), 0);
	{
		const struct iommu_backing backing = test_memory_at(&memory, 0);

		assert_int_equal(iommu_container_map(container, IOVA, 4 * PAGE, RW, &backing), 0);
	}
	assert_int_equal(iommu_container_set_dirty(container, true), 0);
	assert_int_equal(iommu_group_file_set_container(group[1], container), 0);
	assert_int_equal(iommu_container_get_info(container, &info, ranges, 8, &count), 0);
	assert_false(info.enforced_coherency);
	assert_true(info.dirty_pgsizes != 0);
	assert_true(is_noted(IOVA, 0));
	assert_int_equal(model_device_access(f.device[1], IOVA + 2 * PAGE, IOMMU_PROT_WRITE, &to),
			 0);
	assert_true(is_noted(IOVA, 4));
	assert_int_equal(model_device_access(f.device[0], IOVA + PAGE, IOMMU_PROT_WRITE, &to), 0);
	assert_true(is_noted(IOVA, 2));
	assert_true(is_noted(IOVA, 0));
	/* Groups that leave take nothing along that was noted; no other space meanwhile. */
	assert_int_equal(iommu_container_clear_ioas(container), IOMMU_EBUSY);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_group_file_close(group[i]), 0);
	assert_int_equal(iommu_container_clear_ioas(container), IOMMU_EBUSY);
	assert_int_equal(iommu_container_set_dirty(container, false), 0);
	assert_int_equal(iommu_container_unmap(container, IOVA, 4 * PAGE, NULL, NULL), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	assert_int_equal(iommu_device_files_destroy(files), 0);
	finish();
}

/* --- Where memory is -------------------------------------------------------------------------- */

static int map_vaddr(uint32_t id, iommu_iova_t iova, uint64_t size,
		     const struct iommu_backing *backing)
{
	return iommu_ioas_map_vaddr(ctx, __func__, id, iova, size, backing);
}

static int unmap_vaddr(uint32_t id, iommu_iova_t iova, uint64_t size)
{
	uint64_t bytes = 0;

	return iommu_ioas_unmap_vaddr(ctx, __func__, id, iova, size, &bytes);
}

/* Memory that another owner has, lies elsewhere, or of which nothing is said, is not the same. */
static void memory_is_the_same_or_is_not(void **state)
{
	struct iommu_backing backing;
	struct iommu_backing_ops ops;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(map_at(IOVA, 0, 2 * PAGE), 0);
	assert_int_equal(map_at(IOVA + 8 * PAGE, 8 * PAGE, 2 * PAGE), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(unmap_vaddr(999, IOVA, 2 * PAGE), IOMMU_ENOENT);
	assert_int_equal(unmap_vaddr(ioas, IOVA + PAGE, PAGE), IOMMU_EINVAL);
	assert_int_equal(unmap_vaddr(ioas, IOVA, PAGE), IOMMU_EINVAL);
	assert_int_equal(unmap_vaddr(ioas, 0, UINT64_MAX - PAGE + 1), 0);
	assert_int_equal(unmap_vaddr(ioas, 0, UINT64_MAX), IOMMU_EINVAL);
	backing = test_memory_at(&memory, 0);
	assert_int_equal(map_vaddr(999, IOVA, 2 * PAGE, &backing), IOMMU_ENOENT);
	assert_int_equal(map_vaddr(ioas, IOVA + 4 * PAGE, 2 * PAGE, &backing), IOMMU_ENOENT);
	assert_int_equal(map_vaddr(ioas, IOVA + 16 * PAGE, 2 * PAGE, &backing), IOMMU_ENOENT);
	assert_int_equal(map_vaddr(ioas, IOVA, PAGE, &backing), IOMMU_EINVAL);
	backing.address += PAGE;
	assert_int_equal(map_vaddr(ioas, IOVA, 2 * PAGE, &backing), IOMMU_EINVAL);
	backing.address = UINT64_MAX - PAGE + 1;
	assert_int_equal(map_vaddr(ioas, IOVA, 2 * PAGE, &backing), IOMMU_EOVERFLOW);
	backing.address -= PAGE;
	assert_int_not_equal(map_vaddr(ioas, IOVA, 2 * PAGE, &backing), IOMMU_EOVERFLOW);
	/* Other functions; registers in memory's place. */
	ops = memory.ops;
	backing = test_memory_at(&memory, 0);
	backing.ops = &ops;
	assert_int_equal(map_vaddr(ioas, IOVA, 2 * PAGE, &backing), IOMMU_EINVAL);
	ops.flags = IOMMU_BACKING_MMIO;
	assert_int_equal(map_vaddr(ioas, IOVA, 2 * PAGE, &backing), IOMMU_EINVAL);
	backing.ops = &memory.ops;
	memory.ops.is_same = NULL;
	assert_int_equal(map_vaddr(ioas, IOVA, 2 * PAGE, &backing), IOMMU_EINVAL);
	memory.ops.is_same = ops.is_same;
	assert_int_equal(map_vaddr(ioas, IOVA, 2 * PAGE, &backing), 0);
	assert_int_equal(map_vaddr(ioas, IOVA, 2 * PAGE, &backing), IOMMU_EINVAL);
	assert_true(leads(0, IOVA + PAGE, PAGE));
	backing = test_memory_at(&memory, 8 * PAGE);
	assert_int_equal(map_vaddr(ioas, IOVA + 8 * PAGE, 2 * PAGE, &backing), 0);
	assert_int_equal(detach(0), 0);
	finish();
}

/* --- Addresses -------------------------------------------------------------------------------- */

/* What firmware gives up, and where interrupts are software's choice, is free; all else is not. */
static void some_regions_are_free(void **state)
{
	static const enum iommu_region_type types[] = {
		IOMMU_REGION_RESERVED, IOMMU_REGION_DIRECT_RELAXABLE, IOMMU_REGION_SOFTWARE_MSI};
	struct iommu_iova_bounds ranges[8];
	unsigned int count = 0;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
	for (unsigned int i = 0; i < 3; i++) {
		const struct iommu_region region = {.start = IOVA + 16 * PAGE * i,
						    .last = IOVA + 16 * PAGE * i + 4 * PAGE - 1,
						    .type = types[i],
						    .prot = IOMMU_PROT_READ_WRITE};

		assert_int_equal(iommu_add_region(f.iommu, 0, f.device[0]->source_id, &region), 0);
	}
	assert_int_equal(endpoint(0), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), 0);
	assert_int_equal(attach(0, ioas), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(map_at(IOVA + 16 * PAGE * i, 8 * PAGE * i, PAGE),
				 i == 0 ? IOMMU_EINVAL : 0);
		if (i != 0)
			assert_true(leads(0, IOVA + 16 * PAGE * i, 8 * PAGE * i));
	}
	/* The ranges without the alignment. */
	assert_int_equal(iommu_ioas_get_ranges(ctx, ioas, ranges, 8, &count, NULL), 0);
	assert_true(count >= 2);
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(detach(0), 0);
	finish();
}

/* A hole anywhere in what is copied: nothing is. */
static void copies_have_no_holes(void **state)
{
	iommu_iova_t iova = 2 * IOVA;
	uint32_t other;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	assert_int_equal(iommu_ioas_copy(ctx, other, ioas, IOVA, PAGE, FIXED, &iova), IOMMU_ENOENT);
	assert_int_equal(map_at(IOVA, 0, 2 * PAGE), 0);
	assert_int_equal(map_at(IOVA + 4 * PAGE, 4 * PAGE, 2 * PAGE), 0);
	assert_int_equal(attach(0, other), 0);
	for (unsigned int i = 0; i < 4; i++) {
		static const unsigned int first[] = {2, 0, 1, 5}, pages[] = {1, 6, 2, 2};

		assert_int_equal(iommu_ioas_copy(ctx, other, ioas, IOVA + first[i] * PAGE,
						 pages[i] * PAGE, FIXED, &iova),
				 IOMMU_ENOENT);
		for (unsigned int page = 0; page < 6; page++)
			assert_true(is_blocked(0, iova + page * PAGE));
	}
	assert_int_equal(iommu_ioas_copy(ctx, other, ioas, IOVA + PAGE, PAGE, FIXED, &iova), 0);
	assert_true(leads(0, iova, PAGE));
	assert_int_equal(detach(0), 0);
	finish();
}

/* --- Limits ----------------------------------------------------------------------------------- */

/* A limit beyond what can be counted is none; so is 0; and a smaller one keeps what is pinned. */
static void limits_may_be_none(void **state)
{
	const struct iommu_file_limits limits = {.pinned_pages = UINT64_MAX,
						 .metadata_bytes = UINT64_MAX};
	struct iommu_account *account;
	struct iommu_file *kept;
	uint32_t kept_ioas;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	kept = ctx;
	kept_ioas = ioas;
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(iommu_account_create(f.iommu, 1, &account), 0);
	assert_int_equal(iommu_file_create(f.iommu, &limits, &ctx), 0);
	assert_int_equal(iommu_file_set_account(ctx, account), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(map_at(IOVA, 0, 4 * PAGE), IOMMU_ENOMEM);
	assert_true(is_blocked(0, IOVA));
	iommu_account_set_limit(account, 0);
	assert_int_equal(map_at(IOVA, 0, 4 * PAGE), 0);
	iommu_account_set_limit(account, UINT64_MAX);
	assert_int_equal(map_at(IOVA + 4 * PAGE, 4 * PAGE, 4 * PAGE), 0);
	iommu_account_set_limit(account, 2);
	assert_int_equal(map_at(IOVA + 8 * PAGE, 8 * PAGE, PAGE), IOMMU_ENOMEM);
	assert_true(leads(0, IOVA + 7 * PAGE, 7 * PAGE));
	assert_int_equal(iommu_account_pinned(account), 8);
	assert_int_equal(iommu_account_destroy(account), IOMMU_EBUSY);
	assert_int_equal(iommu_file_destroy(ctx), 0);
	assert_int_equal(iommu_account_pinned(account), 0);
	assert_int_equal(iommu_account_destroy(account), 0);
	ctx = kept;
	ioas = kept_ioas;
	finish();
}

/* --- More edges ------------------------------------------------------------------------------- */

/* A device that is attached there already; a guest's table that cannot be. */
static void an_hwpt_is_attached_once(void **state)
{
	const struct iommu_vtd_first_stage wrong = {.table = IOVA, .levels = 9};
	const struct iommu_hwpt_config parent = {.flags = IOMMU_HWPT_NEST_PARENT};
	const struct iommu_hwpt_config nested = {.user_data = &wrong, .user_size = sizeof(wrong)};
	uint32_t below, other = 77;

	(void)state;
	begin_with(EVERYTHING, 1, 2, MEMORY_CONTIGUOUS);
	assert_int_equal(map_at(IOVA, 0, PAGE), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &parent, &below), 0);
	assert_int_equal(attach(0, below), 0);
	assert_int_equal(iommu_device_replace(ctx, device[0], IOMMU_NO_PASID, below, NULL), 0);
	assert_true(leads(0, IOVA, 0));
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], below, &nested, &other), IOMMU_EINVAL);
	assert_int_equal(other, 77);
	assert_int_equal(detach(0), 0);
	assert_int_equal(iommu_object_destroy(ctx, below), 0);
	finish();
}

/* An HWPT that a device behind a narrower unit joins has fewer addresses; what is free says so. */
static void an_hwpt_becomes_as_narrow_as_its_units(void **state)
{
	const struct iommu_model_vtd_config wide = {.levels = 1U << 3 | 1U << 4};
	const struct iommu_model_vtd_config narrow = {.levels = 1U << 3, .address_width = 39};
	const struct iommu_hwpt_config config = {0};
	struct iommu_iova_bounds ranges[8];
	unsigned int count = 0;
	uint64_t alignment;
	uint32_t hwpt;

	(void)state;
	machine(1, &wide);
	model_machine_add_unit(&f.machine, &narrow);
	devices(2);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	endpoints();
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_unit_enable(f.unit[i]), 0);
	test_memory_init(&memory, MEMORY_CONTIGUOUS, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(iommu_device_bind(ctx, f.endpoint[i], &device[i]), 0);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &config, &hwpt), 0);
	assert_int_equal(attach(0, hwpt), 0);
	assert_int_equal(map_at(1ULL << 40, 0, PAGE), 0);
	assert_true(leads(0, 1ULL << 40, 0));
	/* Not while something is mapped beyond that. */
	assert_int_not_equal(attach(1, hwpt), 0);
	assert_true(leads(0, 1ULL << 40, 0));
	assert_int_equal(unmap(1ULL << 40, PAGE), 0);
	assert_int_equal(attach(1, hwpt), 0);
	assert_int_equal(iommu_ioas_get_ranges(ctx, ioas, ranges, 8, &count, &alignment), 0);
	assert_int_equal(ranges[count - 1].last, (1ULL << 39) - 1);
	assert_int_equal(map_at(1ULL << 39, 0, PAGE), IOMMU_EINVAL);
	assert_int_equal(map_at((1ULL << 39) - PAGE, 0, PAGE), 0);
	assert_true(leads(1, (1ULL << 39) - PAGE, 0) && leads(0, (1ULL << 39) - PAGE, 0));
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, 0, UINT64_MAX, NULL), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(detach(i), 0);
	assert_int_equal(iommu_object_destroy(ctx, hwpt), 0);
	finish();
}

/* Memory that no unit can address; an area that may not be cut into more of them. */
static void what_cannot_be_mapped_or_cut_stays(void **state)
{
	const struct iommu_file_limits limits = {.areas = 1};
	struct iommu_file *kept;
	struct iommu_backing backing;
	struct test_memory far;
	iommu_iova_t iova = IOVA;
	uint32_t kept_ioas;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	kept = ctx;
	kept_ioas = ioas;
	assert_int_equal(iommu_device_unbind(ctx, device[0]), 0);
	assert_int_equal(iommu_file_create(f.iommu, &limits, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &ioas), 0);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), 0);
	assert_int_equal(attach(0, ioas), 0);
	test_memory_init(&far, MEMORY_CONTIGUOUS, 0x7e0000000000, 16, 1ULL << 48);
	backing = test_memory_at(&far, 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, PAGE, FIXED, &iova), IOMMU_ERANGE);
	assert_true(is_blocked(0, IOVA));
	test_memory_destroy(&far);
	assert_int_equal(map_at(IOVA, 0, 3 * PAGE), 0);
	assert_int_equal(unmap(IOVA + PAGE, PAGE), IOMMU_ENOSPC);
	assert_true(leads(0, IOVA + PAGE, PAGE));
	assert_int_equal(memory.pins, 3);
	assert_int_equal(unmap(IOVA, 3 * PAGE), 0);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_file_destroy(ctx), 0);
	ctx = kept;
	ioas = kept_ioas;
	finish();
}

/* Bytes are not copied while it is not known where they are, where the owner copies them. */
static void bytes_wait_for_their_address(void **state)
{
	struct iommu_backing backing;
	unsigned char *bytes;
	uint32_t access;
	char byte = 5;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_CONTIGUOUS);
	memory.has_copy = true;
	bytes = calloc(PAGES, PAGE);
	assert_non_null(bytes);
	memory.bytes = bytes; /* which the memory frees */
	bytes[7] = 1;
	assert_int_equal(map_at(IOVA, 0, 2 * PAGE), 0);
	assert_int_equal(iommu_access_alloc(ctx, NULL, NULL, &access), 0);
	assert_int_equal(iommu_access_attach(ctx, access, ioas), 0);
	assert_int_equal(unmap_vaddr(ioas, IOVA, 2 * PAGE), 0);
	assert_int_equal(iommu_access_rw(ctx, access, IOVA + 7, &byte, 1, true), IOMMU_EBUSY);
	assert_int_equal(iommu_access_rw(ctx, access, IOVA + 7, &byte, 1, false), IOMMU_EBUSY);
	assert_true(bytes[7] == 1 && byte == 5);
	backing = test_memory_at(&memory, 0);
	assert_int_equal(map_vaddr(ioas, IOVA, 2 * PAGE, &backing), 0);
	assert_int_equal(iommu_access_rw(ctx, access, IOVA + 7, &byte, 1, true), 0);
	assert_int_equal(bytes[7], 5);
	assert_int_equal(iommu_object_destroy(ctx, access), 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_leaving_is_not_used),
		cmocka_unit_test(what_the_caller_made_ends_by_its_id),
		cmocka_unit_test(virtual_units_have_devices_that_are_there),
		cmocka_unit_test(groups_that_come_later_are_noted),
		cmocka_unit_test(memory_is_the_same_or_is_not),
		cmocka_unit_test(some_regions_are_free),
		cmocka_unit_test(copies_have_no_holes),
		cmocka_unit_test(limits_may_be_none),
		cmocka_unit_test(bytes_wait_for_their_address),
		cmocka_unit_test(an_hwpt_is_attached_once),
		cmocka_unit_test(an_hwpt_becomes_as_narrow_as_its_units),
		cmocka_unit_test(what_cannot_be_mapped_or_cut_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
