/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers beyond mapping: version 1, virtual addresses that change under the mappings, devices
 * without an IOMMU, the address space as an object, and what is said of groups.
 */
#include <string.h>

#include "ioas_fixture.h"
#include "test.h"
#include "test_contract.h"

static struct iommu_device_files *files;
static struct iommu_container *container;
static struct iommu_group_file *group;

static void begin_container_on(unsigned int model, unsigned int flags, unsigned int units)
{
	begin_machine(model, units, 2);
	test_memory_init(&memory, MEMORY_CONTIGUOUS, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_device_files_create(f.iommu, &files), 0);
	assert_int_equal(iommu_container_create_with(f.iommu, NULL, flags, &container), 0);
	assert_int_equal(iommu_group_file_open(files, f.group[0], &group), 0);
}

static void begin_container(unsigned int flags, unsigned int units)
{
	begin_container_on(0, flags, units);
}

static void finish_container(void)
{
	assert_int_equal(iommu_group_file_close(group), 0);
	assert_int_equal(iommu_container_destroy(container), 0);
	assert_int_equal(iommu_device_files_destroy(files), 0);
	finish();
}

static int map_of(struct test_memory *of, iommu_iova_t iova, uint64_t offset, uint64_t size)
{
	const struct iommu_backing backing = test_memory_at(of, offset);

	return iommu_container_map(container, iova, size, RW, &backing);
}

static uint64_t take_out(iommu_iova_t iova, uint64_t size)
{
	uint64_t bytes = 1;

	assert_int_equal(iommu_container_unmap(container, iova, size, NULL, &bytes), 0);
	return bytes;
}

/* --- Joining ---------------------------------------------------------------------------------- */

/* The address space of another is there for it, and its unit confirms nothing. */
static void a_group_that_does_not_join_is_out(void **state)
{
	struct iommu_model_vtd_faults faults = {.waits_hang = true};
	struct iommu_group_file *second;

	(void)state;
	begin_container_on(IOMMU_MODEL_VTD_CACHING_MODE, 0, 1);
	assert_int_equal(iommu_group_file_open(files, f.group[1], &second), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_int_equal(map_of(&memory, IOVA, 0, 0x5000), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &faults);
	assert_int_equal(iommu_group_file_set_container(second, container), IOMMU_ETIMEDOUT);
	faults.waits_hang = false;
	iommu_model_vtd_misbehave(f.machine.units[0], &faults);
	assert_int_equal(iommu_group_file_set_container(second, container), 0);
	assert_true(leads(1, IOVA + 0x4000, 0x4000));
	assert_int_equal(iommu_group_file_close(second), 0);
	assert_int_equal(take_out(IOVA, 0x5000), 0x5000);
	finish_container();
}

/* --- Version 1 -------------------------------------------------------------------------------- */

static void version_1_cuts(void **state)
{
	struct iommu_container_info info;
	unsigned int count;

	(void)state;
	begin_container(IOMMU_CONTAINER_CUTS, 1);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	/* A large page in hardware, of which a small part goes. */
	assert_int_equal(map_of(&memory, 0x40000000, 0, 0x400000), 0);
	assert_int_equal(take_out(0x40201000, 0x2000), 0x2000);
	assert_true(leads(0, 0x40200fff, 0x200fff) && leads(0, 0x40203000, 0x203000));
	assert_true(is_blocked(0, 0x40201000) && is_blocked(0, 0x40202fff));
	assert_int_equal(memory.pins, 0x3fe);
	/* Beyond both ends, over the hole, and from within on. */
	assert_int_equal(take_out(0x403ff000, 0x2000), 0x1000);
	assert_int_equal(take_out(0x40200000, 0x4000), 0x2000);
	assert_int_equal(iommu_container_get_info(container, &info, NULL, 0, &count), IOMMU_ENOSPC);
	assert_int_equal(info.available, IOMMU_CONTAINER_MAPPINGS - 2);
	assert_int_equal(info.flags, IOMMU_CONTAINER_CUTS);
	assert_int_equal(take_out(0, UINT64_MAX), 0x400000 - 0x5000);
	assert_int_equal(memory.pins, 0);
	finish_container();
}

static void unknown_flags_make_nothing(void **state)
{
	struct iommu_container *none = NULL;

	(void)state;
	begin_container(0, 1);
	assert_int_equal(iommu_container_create_with(f.iommu, NULL, 16, &none), IOMMU_EOPNOTSUPP);
	assert_int_equal(
		iommu_container_create_with(f.iommu, NULL,
					    IOMMU_CONTAINER_CUTS | IOMMU_CONTAINER_NO_IOMMU, &none),
		IOMMU_EINVAL);
	assert_null(none);
	finish_container();
}

/* --- Live update ------------------------------------------------------------------------------ */

/* The same memory in another process, elsewhere; what it has pinned came from the other. */
static struct test_memory moved;

static bool is_moved(void *of, uint64_t address, const struct iommu_backing *other, uint64_t size)
{
	const struct test_memory *from = of, *to = other->ctx;

	return (to == &moved || to == from) && from->base == to->base &&
	       address - from->address == other->address - to->address &&
	       address - from->address + size <= from->pages << 12;
}

static void hand_over_pins(void)
{
	memcpy(moved.pinned, memory.pinned, PAGES);
	moved.pins = memory.pins;
	memset(memory.pinned, 0, PAGES);
	memory.pins = 0;
}

static void begin_update(unsigned int flags)
{
	begin_container(flags, 2);
	test_memory_init(&moved, MEMORY_CONTIGUOUS, 0x100000, PAGES, 1ULL << 36);
	memory.ops.is_same_at = moved.ops.is_same_at = is_moved;
}

static void finish_update(void)
{
	(void)take_out(0, UINT64_MAX);
	finish_container();
	test_memory_destroy(&moved);
}

static int map_vaddr(struct test_memory *of, iommu_iova_t iova, uint64_t offset, uint64_t size)
{
	const struct iommu_backing backing = test_memory_at(of, offset);

	return iommu_container_map_vaddr(container, iova, size, &backing);
}

static void devices_work_on_while_their_manager_is_replaced(void **state)
{
	struct iommu_group_file *other;
	uint64_t bytes = 1, calls;

	(void)state;
	begin_update(0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_int_equal(map_of(&memory, IOVA, 0, 0x4000), 0);
	assert_int_equal(map_of(&memory, IOVA + 0x10000, 0x8000, 0x2000), 0);
	calls = memory.pin_calls;
	/* All or none, and no mapping by half or twice. */
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA, 0x11000, &bytes),
			 IOMMU_EINVAL);
	assert_int_equal(bytes, 0);
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA + 0x10000, 0x2000, &bytes), 0);
	assert_int_equal(bytes, 0x2000);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, UINT64_MAX, &bytes),
			 IOMMU_EINVAL);
	assert_int_equal(map_vaddr(&memory, IOVA, 0, 0x4000), IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA, 0x4000, NULL), 0);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0x100000, 0x1000, &bytes), 0);
	assert_int_equal(bytes, 0);
	/* Devices do not notice, and one that comes uses what is pinned. */
	assert_true(leads(0, IOVA + 0x3fff, 0x3fff) && leads(0, IOVA + 0x11000, 0x9000));
	assert_int_equal(iommu_group_file_open(files, f.group[1], &other), 0);
	assert_int_equal(iommu_group_file_set_container(other, container), 0);
	assert_true(leads(1, IOVA + 0x3fff, 0x3fff));
	assert_int_equal(memory.pin_calls, calls);
	hand_over_pins();
	assert_int_equal(map_vaddr(&moved, IOVA, 0, 0x3000), IOMMU_EINVAL);
	assert_int_equal(map_vaddr(&moved, IOVA + 0x1000, 0, 0x1000), IOMMU_EINVAL);
	assert_int_equal(map_vaddr(&moved, IOVA + 0x20000, 0, 0x1000), IOMMU_ENOENT);
	/* Other memory; and then the same. */
	assert_int_equal(map_vaddr(&moved, IOVA, 0x1000, 0x4000), IOMMU_EINVAL);
	assert_int_equal(map_vaddr(&moved, IOVA, 0, 0x4000), 0);
	assert_int_equal(map_vaddr(&moved, IOVA + 0x10000, 0x8000, 0x2000), 0);
	assert_int_equal(map_vaddr(&moved, IOVA + 0x10000, 0x8000, 0x2000), IOMMU_EINVAL);
	assert_true(leads(0, IOVA + 0x3fff, 0x3fff) && leads(1, IOVA + 0x11000, 0x9000));
	/* What goes is unpinned by the new owner. */
	assert_int_equal(iommu_group_file_close(other), 0);
	assert_int_equal(take_out(IOVA, 0x4000), 0x4000);
	assert_int_equal(moved.pins, 2);
	finish_update();
}

static void nothing_is_pinned_while_it_is_not_known_where(void **state)
{
	struct iommu_ioas_area area;
	struct iommu_container *own;
	uint32_t to, space;
	iommu_iova_t iova = IOVA;

	(void)state;
	begin_update(0);
	own = container;
	assert_int_equal(map_of(&memory, IOVA, 0, 0x4000), 0);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, UINT64_MAX, NULL), 0);
	/* A group needs tables, and nothing has pinned the memory. */
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_EBUSY);
	assert_int_equal(memory.pin_calls, 0);
	assert_null(iommu_group_owner(f.group[0]));
	/* A copy in another space, which has none: it is neither pinned nor refused. */
	assert_int_equal(iommu_container_get_ioas(own, &space), 0);
	assert_int_equal(iommu_ioas_alloc(iommu_container_file(own), 0, &to), 0);
	assert_int_equal(
		iommu_ioas_copy(iommu_container_file(own), to, space, IOVA, 0x1000, FIXED, &iova),
		0);
	assert_int_equal(map_vaddr(&moved, IOVA, 0, 0x4000), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_true(leads(0, IOVA, 0));
	assert_int_equal(moved.pins, 4);
	assert_int_equal(memory.pins, 0);
	/* Without once more, it may go. */
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA, 0x4000, NULL), 0);
	assert_int_equal(take_out(IOVA, 0x4000), 0x4000);
	assert_int_equal(moved.pins, 0);
	/* The copy shares the pages, of which it is not known where they are, until it is said. */
	assert_int_equal(iommu_group_file_unset_container(group), 0);
	assert_int_equal(iommu_container_set_ioas(container, to), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_EBUSY);
	assert_int_equal(iommu_ioas_next_area(iommu_container_file(own), to, 0, &area), 0);
	assert_true(area.vaddr_unmapped);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, UINT64_MAX, NULL), IOMMU_EINVAL);
	assert_int_equal(moved.pins, 0);
	assert_int_equal(map_vaddr(&moved, IOVA, 0, 0x1000), 0);
	assert_int_equal(map_vaddr(&moved, IOVA, 0, 0x1000), IOMMU_EINVAL);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_true(leads(0, IOVA, 0));
	assert_int_equal(moved.pins, 1);
	finish_update();
}

static void parts_of_a_mapping_move_together(void **state)
{
	(void)state;
	begin_update(IOMMU_CONTAINER_CUTS);
	assert_int_equal(map_of(&memory, IOVA, 0x2000, 0x4000), 0);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, UINT64_MAX, NULL), 0);
	/* Cut while it has no address: both ends are without. */
	assert_int_equal(take_out(IOVA + 0x1000, 0x1000), 0x1000);
	assert_int_equal(map_vaddr(&moved, IOVA, 0x2000, 0x1000), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_EBUSY);
	/* Where the first is says where the whole is. */
	assert_int_equal(map_vaddr(&moved, IOVA + 0x2000, 0x3000, 0x2000), IOMMU_EINVAL);
	assert_int_equal(map_vaddr(&moved, IOVA + 0x2000, 0x4000, 0x2000), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_true(leads(0, IOVA + 0x2000, 0x4000) && is_blocked(0, IOVA + 0x1000));
	/* One that goes without, when it was said of another, leaves nothing to be said. */
	assert_int_equal(iommu_group_file_unset_container(group), 0);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(map_vaddr(&moved, IOVA, 0x2000, 0x1000), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_EBUSY);
	assert_int_equal(take_out(IOVA + 0x2000, 0x2000), 0x2000);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_true(leads(0, IOVA, 0x2000));
	finish_update();
}

/* Mappings of one page, at either end of what is named. */
static void addresses_of_single_pages_are_taken(void **state)
{
	static const struct {
		iommu_iova_t start;
		uint64_t size, bytes;
	} cases[] = {
		{IOVA, 0x1000, 0x1000},          {IOVA + 0x1000, 0x1000, 0x1000},
		{IOVA + 0x2000, 0x1000, 0x1000}, {IOVA, 0x2000, 0x2000},
		{IOVA + 0x1000, 0x2000, 0x2000}, {IOVA, 0x3000, 0x3000},
		{IOVA + 0x3000, 0x1000, 0},      {IOVA - 0x1000, 0x1000, 0},
		{IOVA - 0x1000, 0x2000, 0x1000}, {IOVA + 0x2000, 0x2000, 0x1000},
	};

	(void)state;
	begin_update(0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(map_of(&memory, IOVA + 0x1000ULL * i, 0x2000ULL * i, 0x1000), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = 7;

		assert_int_equal(iommu_container_unmap_vaddr(container, cases[i].start,
							     cases[i].size, &bytes),
				 0);
		assert_int_equal(bytes, cases[i].bytes);
		/* Those that were taken are given back; others have theirs. */
		for (unsigned int page = 0; page < 3; page++) {
			const iommu_iova_t iova = IOVA + 0x1000ULL * page;
			const bool is_in =
				iova >= cases[i].start && iova - cases[i].start < cases[i].size;

			assert_int_equal(map_vaddr(&memory, iova, 0x2000ULL * page, 0x1000),
					 is_in ? 0 : IOMMU_EINVAL);
		}
	}
	finish_update();
}

/* A backing that cannot say that other memory is the same keeps its address. */
static void addresses_change_only_where_the_host_agrees(void **state)
{
	struct iommu_backing other;

	(void)state;
	begin_update(0);
	memory.ops.is_same_at = moved.ops.is_same_at = NULL;
	assert_int_equal(map_of(&memory, IOVA, 0, 0x4000), 0);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(map_vaddr(&moved, IOVA, 0, 0x4000), IOMMU_EINVAL);
	other = test_memory_at(&memory, 0);
	other.address = UINT64_MAX - 0xfff;
	assert_int_equal(iommu_container_map_vaddr(container, IOVA, 0x4000, &other),
			 IOMMU_EOVERFLOW);
	other.address = UINT64_MAX - 0x3fff;
	assert_int_equal(iommu_container_map_vaddr(container, IOVA, 0x4000, &other), IOMMU_EINVAL);
	other.address = memory.address + 0x10;
	assert_int_equal(iommu_container_map_vaddr(container, IOVA, 0x4000, &other), IOMMU_EINVAL);
	other.ops = NULL;
	assert_int_equal(iommu_container_map_vaddr(container, IOVA, 0x4000, &other), IOMMU_EINVAL);
	/* Where it was. */
	assert_int_equal(map_vaddr(&memory, IOVA, 0, 0x4000), 0);
	assert_int_equal(iommu_container_unmap_vaddr(container, IOVA, 0, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_container_unmap_vaddr(container, UINT64_MAX - 0xfff, 0x2000, NULL),
			 IOMMU_EOVERFLOW);
	assert_int_not_equal(
		iommu_container_unmap_vaddr(container, UINT64_MAX - 0xfff, 0x1000, NULL),
		IOMMU_EOVERFLOW);
	finish_update();
}

/* --- Without an IOMMU ------------------------------------------------------------------------- */

static void begin_without_iommu(void)
{
	begin_container(0, 1);
	assert_int_equal(iommu_container_destroy(container), 0);
	container = NULL;
	assert_int_equal(
		iommu_container_create_with(f.iommu, NULL, IOMMU_CONTAINER_NO_IOMMU, &container),
		IOMMU_EPERM);
	assert_null(container);
	iommu_allow_no_iommu(f.iommu, true);
	assert_int_equal(
		iommu_container_create_with(f.iommu, NULL, IOMMU_CONTAINER_NO_IOMMU, &container),
		0);
}

static void users_without_an_iommu_are_told_addresses(void **state)
{
	struct iommu_container_info info;
	iommu_paddr_t paddr = 0;
	uint64_t size = 0;
	unsigned int count;

	(void)state;
	begin_without_iommu();
	assert_int_equal(map_of(&memory, IOVA, 0x3000, 0x8000), 0);
	assert_int_equal(memory.pins, 8);
	assert_int_equal(iommu_container_get_paddr(container, IOVA + 0x1008, &paddr, &size), 0);
	assert_int_equal(paddr, (1ULL << 36) + 0x4008);
	assert_int_equal(size, 0x6ff8);
	/* Where the memory is not contiguous, as far as it is. */
	memory.shape = MEMORY_SCATTERED;
	assert_int_equal(map_of(&memory, IOVA + 0x10000, 0x10000, 0x2000), 0);
	assert_int_equal(iommu_container_get_paddr(container, IOVA + 0x10fff, &paddr, &size), 0);
	assert_int_equal(paddr, test_memory_paddr(&memory, 0x10fff));
	assert_int_equal(size, 1);
	assert_int_equal(take_out(IOVA + 0x10000, 0x2000), 0x2000);
	memory.shape = MEMORY_CONTIGUOUS;
	assert_int_equal(iommu_container_get_paddr(container, IOVA + 0x8000, &paddr, &size),
			 IOMMU_ENOENT);
	assert_int_equal(map_of(&memory, IOVA + 0x7000, 0x20000, 0x2000), IOMMU_EEXIST);
	assert_int_equal(memory.pins, 8);
	/* It is marked; no group is put there; nothing is noted. */
	assert_int_equal(iommu_container_get_info(container, &info, NULL, 0, &count), IOMMU_ENOSPC);
	assert_int_equal(info.flags, IOMMU_CONTAINER_NO_IOMMU);
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_EINVAL);
	assert_int_equal(iommu_container_set_dirty(container, true), IOMMU_EOPNOTSUPP);
	assert_int_equal(iommu_container_clear_ioas(container), IOMMU_EOPNOTSUPP);
	/* By halves: not. As a whole it is unpinned. */
	assert_int_equal(iommu_container_unmap(container, IOVA, 0x1000, NULL, NULL), IOMMU_EINVAL);
	assert_int_equal(take_out(IOVA, 0x8000), 0x8000);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(map_of(&memory, IOVA, 0, 0x8000), 0);
	finish_container();
}

static void without_an_iommu_failures_leave_nothing(void **state)
{
	const struct iommu_file_limits limits = {.pinned_pages = 4};
	iommu_paddr_t paddr;
	uint64_t size;

	(void)state;
	begin_without_iommu();
	memory.fail_after = 1;
	assert_int_equal(map_of(&memory, IOVA, 0, 0x8000), IOMMU_EFAULT);
	memory.is_mmio = true;
	assert_int_equal(map_of(&memory, IOVA, 0, 0x8000), IOMMU_EINVAL);
	memory.is_mmio = false;
	assert_int_equal(map_of(&memory, IOVA, 0, 0x4000), 0);
	/* Its owner takes it back, and restores it: as it was, or not at all. */
	assert_int_equal(iommu_container_revoke(container, &memory), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_container_get_paddr(container, IOVA, &paddr, &size), IOMMU_ENODEV);
	memory.fail_after = 1;
	assert_int_equal(iommu_container_restore(container, &memory), IOMMU_EFAULT);
	assert_int_equal(iommu_container_get_paddr(container, IOVA, &paddr, &size), IOMMU_ENODEV);
	assert_int_equal(iommu_container_restore(container, &memory), 0);
	assert_int_equal(iommu_container_get_paddr(container, IOVA, &paddr, &size), 0);
	assert_int_equal(paddr, 1ULL << 36);
	assert_int_equal(size, 0x4000);
	assert_int_equal(iommu_container_destroy(container), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(
		iommu_container_create_with(f.iommu, &limits, IOMMU_CONTAINER_NO_IOMMU, &container),
		0);
	assert_int_equal(map_of(&memory, IOVA, 0, 0x5000), IOMMU_ENOMEM);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(map_of(&memory, IOVA, 0, 0x4000), 0);
	finish_container();
}

/* --- The address space as an object ----------------------------------------------------------- */

static void a_manager_uses_both_interfaces(void **state)
{
	const struct iommu_hwpt_config config = {0};
	struct iommu_container_info info;
	struct iommu_device_file *file;
	struct iommu_file *own;
	unsigned int count;
	uint32_t first, second, id, hwpt;

	(void)state;
	begin_container(0, 1);
	own = iommu_container_file(container);
	assert_int_equal(iommu_container_get_ioas(container, &first), 0);
	assert_int_equal(iommu_object_type(own, first), IOMMU_OBJECT_IOAS);
	assert_int_equal(iommu_object_destroy(own, first), IOMMU_EBUSY);
	/* A group by one, a device by the other. */
	assert_int_equal(map_of(&memory, IOVA, 0, 0x4000), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_int_equal(iommu_device_file_open(files, f.endpoint[1], &file), 0);
	assert_int_equal(iommu_device_file_bind(file, own, &id), 0);
	assert_int_equal(iommu_device_file_attach(file, 0, first, &hwpt), 0);
	assert_true(leads(0, IOVA, 0) && leads(1, IOVA, 0));
	assert_int_equal(memory.pins, 4);
	assert_int_equal(iommu_container_clear_ioas(container), IOMMU_EBUSY);
	assert_int_equal(iommu_container_set_ioas(container, first), IOMMU_EBUSY);
	/* The group leaves, and what the device uses is none of the container's. */
	assert_int_equal(iommu_group_file_unset_container(group), 0);
	assert_int_equal(iommu_object_type(own, hwpt), IOMMU_OBJECT_HWPT);
	assert_true(leads(1, IOVA, 0));
	assert_int_equal(iommu_device_file_detach(file, 0), 0);
	assert_int_equal(iommu_hwpt_alloc(own, id, first, &config, &hwpt), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_int_equal(iommu_group_file_unset_container(group), 0);
	assert_int_equal(iommu_object_type(own, hwpt), IOMMU_OBJECT_HWPT);
	assert_int_equal(iommu_object_destroy(own, hwpt), 0);
	assert_int_equal(memory.pins, 0);
	/* Another space, and none. */
	assert_int_equal(iommu_ioas_alloc(own, 0, &second), 0);
	assert_int_equal(iommu_container_set_ioas(container, 999), IOMMU_ENOENT);
	assert_int_equal(iommu_container_set_ioas(container, id), IOMMU_EINVAL);
	assert_int_equal(iommu_container_set_ioas(container, second), 0);
	assert_int_equal(iommu_object_destroy(own, first), 0);
	assert_int_equal(iommu_object_destroy(own, second), IOMMU_EBUSY);
	assert_int_equal(map_of(&memory, IOVA, 0x4000, 0x4000), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	assert_true(leads(0, IOVA, 0x4000));
	assert_int_equal(iommu_group_file_unset_container(group), 0);
	assert_int_equal(iommu_container_clear_ioas(container), 0);
	assert_int_equal(iommu_container_get_ioas(container, &first), IOMMU_ENODEV);
	assert_int_equal(map_of(&memory, IOVA, 0, 0x1000), IOMMU_ENODEV);
	assert_int_equal(iommu_container_unmap(container, IOVA, 0x4000, NULL, NULL), IOMMU_ENODEV);
	assert_int_equal(iommu_container_unmap_vaddr(container, 0, UINT64_MAX, NULL), IOMMU_ENODEV);
	assert_int_equal(iommu_container_get_info(container, &info, NULL, 0, &count), IOMMU_ENODEV);
	assert_int_equal(iommu_group_file_set_container(group, container), IOMMU_ENODEV);
	assert_null(iommu_group_owner(f.group[0]));
	assert_int_equal(iommu_object_destroy(own, second), 0);
	assert_int_equal(iommu_device_file_close(file), 0);
	finish_container();
}

/* --- What is said of groups ------------------------------------------------------------------- */

static void groups_say_whether_they_are_viable(void **state)
{
	struct iommu_group_file_status status;

	(void)state;
	begin_container(0, 1);
	iommu_group_file_get_status(group, &status);
	assert_true(status.viable && !status.has_container);
	assert_int_equal(iommu_use_default_domain(f.endpoint[0]), 0);
	iommu_group_file_get_status(group, &status);
	assert_false(status.viable);
	iommu_unuse_default_domain(f.endpoint[0]);
	assert_int_equal(iommu_group_claim(f.group[0], &memory), 0);
	iommu_group_file_get_status(group, &status);
	assert_false(status.viable);
	assert_int_equal(iommu_group_release(f.group[0], &memory), 0);
	assert_int_equal(iommu_group_file_set_container(group, container), 0);
	iommu_group_file_get_status(group, &status);
	assert_true(status.viable && status.has_container);
	finish_container();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_that_does_not_join_is_out),
		cmocka_unit_test(version_1_cuts),
		cmocka_unit_test(unknown_flags_make_nothing),
		cmocka_unit_test(devices_work_on_while_their_manager_is_replaced),
		cmocka_unit_test(nothing_is_pinned_while_it_is_not_known_where),
		cmocka_unit_test(parts_of_a_mapping_move_together),
		cmocka_unit_test(addresses_of_single_pages_are_taken),
		cmocka_unit_test(addresses_change_only_where_the_host_agrees),
		cmocka_unit_test(users_without_an_iommu_are_told_addresses),
		cmocka_unit_test(without_an_iommu_failures_leave_nothing),
		cmocka_unit_test(a_manager_uses_both_interfaces),
		cmocka_unit_test(groups_say_whether_they_are_viable),
	};

	test_contract_unmaps_under_mutex();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
