/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IO address spaces over the model of hardware: objects and their ids, areas, pinned pages, HWPTs,
 * devices; with every possible failure. What devices reach is tested by DMA, never read from
 * tables.
 */
#include <string.h>

#include "ioas/ioas.h"
#include "ioas_fixture.h"
#include "test.h"
#include "test_contract.h"

/* --- Objects ---------------------------------------------------------------------------------- */

static void ids_begin_at_one_and_are_used_again(void **state)
{
	const struct iommu_hwpt_config none = {0};
	uint32_t a, b, hwpt;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(ioas, 1);
	assert_int_equal(device[0], 2);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &a), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &b), 0);
	assert_int_equal(a, 3);
	assert_int_equal(iommu_object_destroy(ctx, a), 0);
	assert_int_equal(iommu_object_destroy(ctx, a), IOMMU_ENOENT);
	assert_int_equal(iommu_object_destroy(ctx, 0), IOMMU_ENOENT);
	assert_int_equal(iommu_object_destroy(ctx, UINT32_MAX), IOMMU_ENOENT);
	assert_int_equal(iommu_object_type(ctx, a), IOMMU_OBJECT_ANY);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &a), 0);
	assert_int_equal(a, 3);
	assert_int_equal(iommu_object_type(ctx, a), IOMMU_OBJECT_IOAS);
	assert_int_equal(iommu_object_type(ctx, device[0]), IOMMU_OBJECT_DEVICE);
	assert_int_equal(iommu_object_next(ctx, 0), 1);
	assert_int_equal(iommu_object_next(ctx, 3), b);
	assert_int_equal(iommu_object_next(ctx, b), 0);
	/* Another type, or none. */
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	assert_int_equal(iommu_ioas_unmap(ctx, device[0], 0, UINT64_MAX, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_ioas_unmap(ctx, 99, 0, UINT64_MAX, NULL), IOMMU_ENOENT);
	assert_int_equal(attach(0, device[0]), IOMMU_EINVAL);
	assert_int_equal(attach(0, 99), IOMMU_ENOENT);
	assert_int_equal(iommu_device_attach(ctx, a, 0, b, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_alloc(ctx, a, b, &none, &hwpt), IOMMU_EINVAL);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], device[0], &none, &hwpt), IOMMU_EINVAL);
	assert_int_equal(iommu_ioas_alloc(ctx, 2, &b), IOMMU_EOPNOTSUPP);
	/* In use: a device goes when it is unbound, an IOAS after its HWPTs. */
	assert_int_equal(iommu_object_destroy(ctx, device[0]), IOMMU_EBUSY);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], a, &none, &hwpt), 0);
	assert_int_equal(iommu_object_destroy(ctx, a), IOMMU_EBUSY);
	assert_int_equal(attach(0, hwpt), 0);
	assert_int_equal(iommu_object_destroy(ctx, hwpt), IOMMU_EBUSY);
	assert_int_equal(detach(0), 0);
	assert_int_equal(iommu_object_destroy(ctx, hwpt), 0);
	assert_int_equal(iommu_object_destroy(ctx, a), 0);
	finish();
}

static void limits_hold(void **state)
{
	const struct iommu_file_limits limits = {.objects = 3, .areas = 2, .pinned_pages = 100};
	iommu_iova_t iova;
	uint32_t id;

	(void)state;
	begin_machine(0, 1, 1);
	test_memory_init(&memory, MEMORY_SCATTERED, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, &limits, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
	assert_int_equal(iommu_device_bind(ctx, f.endpoint[0], &device[0]), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &id), IOMMU_ENOSPC);
	assert_int_equal(map_any(0, 101 * 4096, &iova), IOMMU_ENOMEM);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(map_any(0, 100 * 4096, &iova), 0);
	assert_int_equal(map_any(100 * 4096, 4096, &iova), IOMMU_ENOMEM);
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	assert_int_equal(map_any(0, 4096, &iova), 0);
	assert_int_equal(map_any(4096, 4096, &iova), 0);
	assert_int_equal(map_any(8192, 4096, &iova), IOMMU_ENOSPC);
	finish();
}

/* --- Places ----------------------------------------------------------------------------------- */

/* Up to the last byte: of the space, and of what a device can address. */
static void the_last_page_is_one_like_others(void **state)
{
	const iommu_iova_t last = UINT64_MAX - 4095;
	struct iommu_iova_bounds ranges[4];
	struct iommu_ioas_area area;
	unsigned char byte = 1;
	uint64_t unmapped, alignment;
	unsigned int count;
	iommu_iova_t iova;
	uint32_t access;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	memory.has_copy = true;
	memory.bytes = calloc(PAGES, 4096);
	assert_int_equal(map_at(last, 0, 4096), 0);
	assert_int_equal(map_at(last - 4096, 4096, 4096), 0);
	assert_int_equal(map_at(last, 8192, 4096), IOMMU_EEXIST);
	assert_int_equal(iommu_ioas_next_area(ctx, ioas, UINT64_MAX, &area), 0);
	assert_true(area.iova == last && area.size == 4096);
	assert_int_equal(iommu_access_alloc(ctx, NULL, NULL, &access), 0);
	assert_int_equal(iommu_access_attach(ctx, access, ioas), 0);
	assert_int_equal(iommu_access_rw(ctx, access, UINT64_MAX, &byte, 1, true), 0);
	byte = 0;
	assert_int_equal(iommu_access_rw(ctx, access, UINT64_MAX, &byte, 1, false), 0);
	assert_int_equal(byte, 1);
	/* The device cannot go there. */
	assert_int_equal(attach(0, ioas), IOMMU_EADDRINUSE);
	assert_int_equal(iommu_ioas_unmap(ctx, ioas, last - 4096, 8192, &unmapped), 0);
	assert_int_equal(unmapped, 8192);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_ioas_get_ranges(ctx, ioas, ranges, 4, &count, &alignment), 0);
	iova = ranges[count - 1].last - 4095;
	assert_int_equal(map_at(iova, 0, 4096), 0);
	assert_true(leads(0, iova, 0));
	assert_int_equal(map_at(iova + 4096, 4096, 4096), IOMMU_EINVAL);
	assert_int_equal(unmap(iova, 4096), 0);
	assert_true(is_blocked(0, iova));
	finish();
}

#define MIB (1ULL << 20)

/*
 * Well aligned where that is possible; but what fits, fits: 3 MiB and 8 MiB in a window that begins
 * anywhere.
 */
static void places_are_aligned_as_well_as_they_can_be(void **state)
{
	struct iommu_iova_bounds window = {0x100000, 0x100000 + 18 * MIB - 1};
	iommu_iova_t iova = 0;
	uint32_t other;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(iommu_ioas_allow(ctx, ioas, &window, 1), 0);
	assert_int_equal(map_any(0, 8 * MIB, &iova), 0);
	assert_int_equal(iova, 8 * MIB);
	assert_int_equal(unmap(iova, 8 * MIB), 0);
	/* Not at a multiple of its own size: of a large page's. */
	window.last = window.first + 10 * MIB - 1;
	assert_int_equal(iommu_ioas_allow(ctx, ioas, &window, 1), 0);
	assert_int_equal(map_any(0, 8 * MIB, &iova), 0);
	assert_int_equal(iova, 2 * MIB);
	/* A copy finds its place as the original did, and by the same address. */
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	assert_int_equal(iommu_ioas_allow(ctx, other, &window, 1), 0);
	assert_int_equal(iommu_ioas_copy(ctx, other, ioas, iova, 8 * MIB, ANY, &iova), 0);
	assert_int_equal(iova, 2 * MIB);
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	assert_int_equal(iommu_ioas_unmap(ctx, other, 0, UINT64_MAX, NULL), 0);
	/* Not even that. */
	window.last = window.first + 8 * MIB - 1;
	assert_int_equal(iommu_ioas_allow(ctx, ioas, &window, 1), 0);
	assert_int_equal(map_any(0, 8 * MIB, &iova), 0);
	assert_int_equal(iova, 1 * MIB);
	assert_int_equal(map_any(8 * MIB, 4096, &iova), IOMMU_ENOSPC);
	finish();
}

/* Large pages are used where memory lets them, unless the owner of the space does not want them. */
static void pages_may_be_kept_small(void **state)
{
	uint64_t tables[2];

	(void)state;
	for (unsigned int small = 0; small < 2; small++) {
		struct iommu_hwpt_info info;
		iommu_iova_t iova = 4 * MIB;
		struct iommu_backing backing;
		uint32_t space, hwpt;

		begin_with(0, 1, 1, MEMORY_BLOCKS);
		assert_int_equal(
			iommu_ioas_alloc(ctx, small != 0 ? IOMMU_IOAS_SMALL_PAGES : 0, &space), 0);
		assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SMALL_PAGES << 1, &hwpt),
				 IOMMU_EOPNOTSUPP);
		assert_int_equal(iommu_device_attach(ctx, device[0], 0, space, &hwpt), 0);
		backing = test_memory_at(&memory, 0);
		assert_int_equal(iommu_ioas_map(ctx, space, &backing, 8 * MIB, FIXED, &iova), 0);
		assert_true(leads(0, 6 * MIB, 2 * MIB));
		assert_int_equal(iommu_hwpt_get_info(ctx, hwpt, &info), 0);
		tables[small] = info.table_pages;
		finish();
	}
	assert_int_equal(tables[1], tables[0] + 4);
}

/* --- Mapping ---------------------------------------------------------------------------------- */

static void maps_that_cannot_be(void **state)
{
	struct iommu_backing backing;
	iommu_iova_t iova = 0x1000;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	backing = test_memory_at(&memory, 0);
#define MAP(size, flags) iommu_ioas_map(ctx, ioas, &backing, size, flags, &iova)
	assert_int_equal(MAP(0, FIXED), IOMMU_EINVAL);
	assert_int_equal(MAP(4095, FIXED), IOMMU_EINVAL);
	assert_int_equal(MAP(4096, IOMMU_IOAS_FIXED), IOMMU_EINVAL);
	assert_int_equal(MAP(4096, 8 | FIXED), IOMMU_EOPNOTSUPP);
	iova = 0x1800;
	assert_int_equal(MAP(4096, FIXED), IOMMU_EINVAL);
	iova = UINT64_MAX - 4095;
	assert_int_equal(MAP(8192, FIXED), IOMMU_EOVERFLOW);
	/* A range may end where addresses do. */
	assert_int_equal(MAP(4096, FIXED), 0);
	assert_int_equal(MAP(UINT64_MAX & ~4095ULL, FIXED), IOMMU_EOVERFLOW);
	backing.address = UINT64_MAX - 8191;
	iova = 0x1000;
	assert_int_equal(MAP(3 * 4096, FIXED), IOMMU_EOVERFLOW);
	assert_int_equal(MAP(2 * 4096, FIXED), 0);
	assert_int_equal(unmap(0x1000, 0x2000), 0);
	backing.address = memory.address + 8;
	assert_int_equal(MAP(4096, FIXED), IOMMU_EINVAL);
	backing = (struct iommu_backing){.address = 0x1000};
	assert_int_equal(MAP(4096, FIXED), IOMMU_EINVAL);
	assert_int_equal(map_at(0x1000, 0, 0x2000), 0);
	assert_int_equal(map_at(0x2000, 0, 0x1000), IOMMU_EEXIST);
	assert_int_equal(map_at(0, 0, 0x4000), IOMMU_EEXIST);
	assert_int_equal(map_at(0, 0, 0x1000), 0);
	/* Unmapped by halves, or where nothing is. */
	assert_int_equal(unmap(0x1000, 0x1000), IOMMU_EINVAL);
	assert_int_equal(unmap(0x2000, 0x1000), IOMMU_EINVAL);
	assert_int_equal(unmap(0x3000, 0x1000), IOMMU_ENOENT);
	assert_int_equal(unmap(0x1000, 0), IOMMU_EINVAL);
	assert_int_equal(unmap(0x2000, UINT64_MAX & ~4095ULL), IOMMU_EOVERFLOW);
	assert_int_equal(unmap(0x2000, -0x2000ULL + 0x1000), IOMMU_EOVERFLOW);
	assert_int_equal(unmap(-0x1000ULL, 0x1000), 0);
	assert_int_equal(unmap(0, 0x10000), 0);
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	/* Memory that lies about where it is. */
	assert_int_equal(attach(0, ioas), 0);
	memory.lies = true;
	assert_int_equal(map_at(0x1000, 0, 0x2000), IOMMU_EFAULT);
	memory.lies = false;
	assert_int_equal(map_at(0x1000, 0, 0x2000), 0);
	finish();
}

static bool may(unsigned int i, iommu_iova_t iova, unsigned int prot)
{
	iommu_paddr_t to;

	return model_device_access(f.device[i], iova, prot, &to) == 0;
}

/* Whichever names the permissions are given by, devices get these; hints are refused. */
static void permissions_have_one_encoding(void **state)
{
	const unsigned int prots[] = {IOMMU_PROT_READ, IOMMU_PROT_WRITE, IOMMU_PROT_READ_WRITE};
	const unsigned int flags[] = {IOMMU_IOAS_READ, IOMMU_IOAS_WRITE, ANY};
	struct iommu_backing backing;
	struct iommu_ioas_area area;
	iommu_iova_t iova;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	backing = test_memory_at(&memory, 0);
	assert_int_equal(attach(0, ioas), 0);
	for (unsigned int i = 0; i < 6; i++) {
		const unsigned int prot = i < 3 ? prots[i] : flags[i - 3];
		const bool at_a_place = i % 2 == 0;

		iova = IOVA;
		assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x1000,
						prot | (at_a_place ? IOMMU_IOAS_FIXED : 0U), &iova),
				 0);
		assert_int_equal(iommu_ioas_next_area(ctx, ioas, 0, &area), 0);
		assert_int_equal(area.prot, prots[i % 3]);
		assert_true((area.iova == IOVA) == at_a_place);
		assert_true(may(0, iova, IOMMU_PROT_READ) == (i % 3 != 1));
		assert_true(may(0, iova, IOMMU_PROT_WRITE) == (i % 3 != 0));
		assert_int_equal(unmap(iova, 0x1000), 0);
	}
	for (unsigned int hint = IOMMU_PROT_CACHE; hint <= IOMMU_PROT_MAY_SLEEP; hint <<= 1)
		assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x1000, ANY | hint, &iova),
				 IOMMU_EOPNOTSUPP);
	finish();
}

static void memory_is_pinned_while_a_device_may_reach_it(void **state)
{
	static const enum test_memory_shape shapes[] = {MEMORY_CONTIGUOUS, MEMORY_WHOLE,
							MEMORY_SCATTERED, MEMORY_BLOCKS};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		begin_with(0, 2, 3, shapes[i]);
		memory.per_call = i == 2 ? 3 : 0;
		assert_int_equal(map_at(IOVA, 0, 0x300000), 0);
		assert_int_equal(memory.pins, 0);
		assert_int_equal(attach(0, ioas), 0);
		assert_int_equal(memory.pins, 0x300);
		assert_true(leads(0, IOVA, 0));
		assert_true(leads(0, IOVA + 0x2fffff, 0x2fffff));
		assert_true(is_blocked(0, IOVA + 0x300000));
		/* A second device, on another unit; and one more map for both. */
		assert_int_equal(attach(1, ioas), 0);
		assert_int_equal(map_at(IOVA + 0x300000, 0x300000, 0x5000), 0);
		assert_int_equal(memory.pins, 0x305);
		assert_true(leads(1, IOVA + 0x304fff, 0x304fff));
		assert_int_equal(unmap(IOVA, 0x300000), 0);
		assert_int_equal(memory.pins, 5);
		assert_true(is_blocked(0, IOVA) && is_blocked(1, IOVA));
		assert_true(leads(0, IOVA + 0x300000, 0x300000));
		assert_int_equal(detach(0), 0);
		assert_true(is_blocked(0, IOVA + 0x300000));
		assert_int_equal(memory.pins, 5);
		assert_int_equal(detach(1), 0);
		assert_int_equal(memory.pins, 0);
		/* It is still there for who comes next. */
		assert_int_equal(attach(2, ioas), 0);
		assert_true(leads(2, IOVA + 0x300000, 0x300000));
		finish();
	}
}

static int count_leaf(void *context, const struct iommu_pgtable_visit *visit)
{
	uint64_t *counts = context;

	if (!visit->is_table)
		counts[visit->level - 1]++;
	return 0;
}

static void count_leaves(uint32_t hwpt, uint64_t *counts)
{
	int status;
	struct ioas_object *object = iommu_object_find(ctx, hwpt, IOMMU_OBJECT_HWPT, &status);

	assert_non_null(object);
	counts[0] = counts[1] = counts[2] = 0;
	assert_int_equal(iommu_domain_walk(iommu_hwpt_of(object)->domain, 0, (1ULL << 39) - 1,
					   count_leaf, counts),
			 0);
}

/* Pages that are handed over one by one become large ones, whatever batches they came in. */
static void large_pages_result(void **state)
{
	uint64_t counts[3];
	iommu_iova_t iova;
	uint32_t hwpt;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &hwpt), 0);
	memory.per_call = 7;
	assert_int_equal(map_any(0, 0x1000000, &iova), 0);
	assert_int_equal(iova & 0xffffff, 0); /* aligned as the size is */
	count_leaves(hwpt, counts);
	assert_int_equal(counts[0], 0);
	assert_int_equal(counts[1], 8);
	finish();
	begin_with(0, 1, 1, MEMORY_BLOCKS);
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &hwpt), 0);
	memory.per_call = 100;
	assert_int_equal(map_any(0, 0x800000, &iova), 0);
	count_leaves(hwpt, counts);
	assert_int_equal(counts[0], 0);
	assert_int_equal(counts[1], 4);
	finish();
}

static struct {
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	unsigned int calls, atomic;
} asked;

static void *note_how(void *host, unsigned int order, int node, unsigned int flags)
{
	asked.calls++;
	asked.atomic += (flags & IOMMU_ALLOC_ATOMIC) != 0;
	return asked.alloc_pages(host, order, node, flags);
}

/* A host whose allocator sleeps needs nothing ready for what managers map. */
static void what_managers_map_may_sleep(void **state)
{
	iommu_iova_t iova;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	asked.alloc_pages = f.machine.platform.alloc_pages;
	asked.calls = asked.atomic = 0;
	f.machine.platform.alloc_pages = note_how;
	assert_int_equal(map_at(0x40000000, 0, 4096), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(map_at(0x7fffe000, 0x2000, 0x4000), 0);
	assert_int_equal(map_any(0x1000, 0x1000, &iova), 0);
	f.machine.platform.alloc_pages = asked.alloc_pages;
	assert_true(asked.calls > 4);
	assert_int_equal(asked.atomic, 0);
	finish();
}

/* A batch is full with the first page of what is a large one. */
static void batches_do_not_cut_large_pages(void **state)
{
	unsigned int mapped = 0;
	uint64_t counts[3];
	uint32_t hwpt;

	(void)state;
	begin_with(0, 1, 1, MEMORY_TAIL);
	memory.base += 7 * 4096;
	assert_int_equal(iommu_device_attach(ctx, device[0], 0, ioas, &hwpt), 0);
	/*
	 * One of the allocations that may fail is the large batch's; small ones are of 253 pieces,
	 * of which the last waits.
	 */
	for (unsigned long nth = 1; nth <= 8; nth++) {
		f.machine.fail_at = f.machine.allocations + nth;
		if (map_at(0x40000000 + 7 * 4096, 0, (505 + 512) * 4096) != 0)
			continue;
		f.machine.fail_at = 0;
		mapped++;
		count_leaves(hwpt, counts);
		assert_int_equal(counts[0], 505);
		assert_int_equal(counts[1], 1);
		assert_true(leads(0, 0x40200000 + 0x1fffff, 505 * 4096 + 0x1fffff));
		assert_int_equal(unmap(0x40000000 + 7 * 4096, (505 + 512) * 4096), 0);
	}
	assert_true(mapped > 1);
	finish();
}

static int pin_all(void *context, uint64_t address, uint64_t size, unsigned int prot,
		   struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	(void)context;
	(void)prot;
	(void)room;
	pieces[0] = (struct iommu_map_piece){(1ULL << 40) + address, size};
	*count = 1;
	return 0;
}

static void unpin_all(void *context, uint64_t address, const struct iommu_map_piece *pieces,
		      unsigned int count, unsigned int prot)
{
	(void)context;
	(void)address;
	(void)pieces;
	(void)count;
	(void)prot;
}

/* One page at the end of all addresses, and one at their begin. */
static int pin_round_the_end(void *context, uint64_t address, uint64_t size, unsigned int prot,
			     struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	(void)context;
	(void)address;
	(void)prot;
	assert_true(size == 0x2000 && room >= 2);
	pieces[0] = (struct iommu_map_piece){UINT64_MAX & ~4095ULL, 0x1000};
	pieces[1] = (struct iommu_map_piece){0, 0x1000};
	*count = 2;
	return 0;
}

static void unpin_round_the_end(void *context, uint64_t address,
				const struct iommu_map_piece *pieces, unsigned int count,
				unsigned int prot)
{
	unsigned int *unpinned = context;

	(void)prot;
	assert_int_equal(address, 0);
	assert_int_equal(count, 2);
	assert_true(pieces[0].paddr == (UINT64_MAX & ~4095ULL) && pieces[0].size == 0x1000);
	assert_true(pieces[1].paddr == 0 && pieces[1].size == 0x1000);
	(*unpinned)++;
}

/* No piece goes on behind the end of all addresses: what was pinned as two is unpinned as two. */
static void pieces_do_not_meet_round_the_end(void **state)
{
	const struct iommu_backing_ops ends_ops = {.pin = pin_round_the_end,
						   .unpin = unpin_round_the_end};
	unsigned int unpinned = 0;
	const struct iommu_backing ends = {&ends_ops, &unpinned, 0};
	iommu_iova_t iova = 0x40000000;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	/* No domain yet: nothing is pinned. Entries do not reach so far. */
	assert_int_equal(iommu_ioas_map(ctx, ioas, &ends, 0x2000, FIXED, &iova), 0);
	assert_int_equal(unpinned, 0);
	assert_int_equal(attach(0, ioas), IOMMU_ERANGE);
	assert_int_equal(unpinned, 1);
	finish();
}

/* All that is below the interrupt window is taken: the next place is above it. */
static void places_pass_over_what_is_reserved(void **state)
{
	const struct iommu_backing_ops all_ops = {.pin = pin_all, .unpin = unpin_all};
	const struct iommu_backing all = {&all_ops, NULL, 0};
	iommu_iova_t iova = 0x1000;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_ioas_map(ctx, ioas, &all, 0xfee00000 - 0x1000, FIXED, &iova), 0);
	assert_int_equal(map_any(0, 0x1000, &iova), 0);
	assert_int_equal(iova, 0xfef00000);
	finish();
}

/* Not even where it is allowed: the end of an area would wrap. */
static void the_last_page_is_not_chosen(void **state)
{
	const struct iommu_iova_bounds end = {UINT64_MAX - 0x1fff, UINT64_MAX};
	const struct iommu_iova_bounds last = {UINT64_MAX - 0xfff, UINT64_MAX};
	struct iommu_backing backing;
	iommu_iova_t iova = 0;
	uint32_t space;

	(void)state;
	begin_with(EVERYTHING, 1, 1, MEMORY_SCATTERED);
	backing = test_memory_at(&memory, 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &space), 0);
	assert_int_equal(iommu_ioas_allow(ctx, space, &end, 1), 0);
	assert_int_equal(iommu_ioas_map(ctx, space, &backing, 4096, ANY, &iova), 0);
	assert_true(iova == end.first);
	assert_int_equal(iommu_ioas_map(ctx, space, &backing, 4096, ANY, &iova), IOMMU_ENOSPC);
	assert_int_equal(iommu_ioas_allow(ctx, space, &last, 1), 0);
	assert_int_equal(iommu_ioas_map(ctx, space, &backing, 4096, ANY, &iova), IOMMU_ENOSPC);
	finish();
}

static void places_are_chosen(void **state)
{
	const struct iommu_iova_bounds allowed[] = {{0x40000000, 0x4fffffff},
						    {0x10000000, 0x10002fff}};
	struct iommu_iova_bounds ranges[4];
	iommu_iova_t iova;
	uint64_t alignment;
	unsigned int count;

	(void)state;
	begin_with(0, 1, 1, MEMORY_CONTIGUOUS);
	assert_int_equal(map_any(0, 0x1000, &iova), 0);
	assert_int_equal(iova, 0x1000); /* never 0 */
	assert_int_equal(map_any(0, 0x2000, &iova), 0);
	assert_int_equal(iova, 0x2000);
	assert_int_equal(map_any(0x1000, 0x200000, &iova), 0);
	assert_int_equal(iova, 0x4000); /* its backing is not aligned better */
	assert_int_equal(map_any(0x200000, 0x200000, &iova), 0);
	assert_int_equal(iova, 0x400000);
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	/* Only where it is allowed; a fixed place need not be. */
	assert_int_equal(iommu_ioas_allow(ctx, ioas, allowed, 2), 0);
	assert_int_equal(map_any(0, 0x2000, &iova), 0);
	assert_int_equal(iova, 0x10000000);
	assert_int_equal(map_any(0x2000, 0x2000, &iova), 0);
	assert_int_equal(iova, 0x40000000);
	assert_int_equal(map_any(0x4000, 0x1000, &iova), 0);
	assert_int_equal(iova, 0x10002000);
	assert_int_equal(map_any(0, 0x20000000, &iova), IOMMU_ENOSPC);
	assert_int_equal(map_at(IOVA, 0x5000, 0x1000), 0);
	/*
	 * The interrupt window of the device is not free, once it is attached; nor what is beyond
	 * its unit.
	 */
	assert_int_equal(iommu_ioas_get_ranges(ctx, ioas, ranges, 4, &count, &alignment), 0);
	assert_int_equal(count, 1);
	assert_int_equal(ranges[0].first, 0);
	assert_int_equal(ranges[0].last, UINT64_MAX);
	assert_int_equal(alignment, 4096);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_ioas_get_ranges(ctx, ioas, ranges, 1, &count, &alignment),
			 IOMMU_ENOSPC);
	assert_int_equal(count, 2);
	assert_int_equal(iommu_ioas_get_ranges(ctx, ioas, ranges, 4, &count, &alignment), 0);
	assert_int_equal(ranges[0].last, 0xfedfffff);
	assert_int_equal(ranges[1].first, 0xfef00000);
	assert_int_equal(ranges[1].last, (1ULL << 48) - 1);
	assert_int_equal(map_at(0xfee00000, 0, 0x1000), IOMMU_EINVAL);
	assert_int_equal(map_at(1ULL << 48, 0, 0x1000), IOMMU_EINVAL);
	assert_int_equal(detach(0), 0);
	assert_int_equal(map_at(0xfee00000, 0x6000, 0x1000), 0);
	/* In the way of a device. */
	assert_int_equal(attach(0, ioas), IOMMU_EADDRINUSE);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(unmap(0xfee00000, 0x1000), 0);
	assert_int_equal(map_at(1ULL << 48, 0x6000, 0x1000), 0);
	assert_int_equal(attach(0, ioas), IOMMU_EADDRINUSE);
	assert_int_equal(unmap(1ULL << 48, 0x1000), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(detach(0), 0);
	finish();
}

static void what_may_be_allowed(void **state)
{
	static const struct {
		struct iommu_iova_bounds ranges[2];
		unsigned int count;
		int status;
	} cases[] = {
		{{{5, 5}}, 1, IOMMU_EINVAL},
		{{{6, 5}}, 1, IOMMU_EINVAL},
		{{{0x1000, 0x5000}, {0x5000, 0x6000}}, 2, IOMMU_EINVAL},
		{{{0x1000, 0xfeefffff}}, 1, IOMMU_EADDRINUSE},
		{{{0, 0xfedfffff}, {0xfef00000, 0xffffffff}}, 2, 0},
		{{{0}}, 0, 0},
	};

	(void)state;
	begin_with(0, 1, 2, MEMORY_CONTIGUOUS);
	assert_int_equal(attach(0, ioas), 0);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(iommu_ioas_allow(ctx, ioas, cases[i].ranges, cases[i].count),
				 cases[i].status);
	/* What is allowed may not become reserved. */
	assert_int_equal(detach(0), 0);
	assert_int_equal(iommu_ioas_allow(ctx, ioas, cases[3].ranges, 1), 0);
	assert_int_equal(attach(0, ioas), IOMMU_EADDRINUSE);
	assert_int_equal(iommu_ioas_allow(ctx, ioas, NULL, 0), 0);
	assert_int_equal(attach(0, ioas), 0);
	finish();
}

static void copies_share_what_is_pinned(void **state)
{
	iommu_iova_t iova = IOVA;
	uint32_t other;

	(void)state;
	begin_with(0, 2, 2, MEMORY_SCATTERED);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(attach(1, other), 0);
	assert_int_equal(map_at(IOVA, 0, 0x10000), 0);
	assert_int_equal(map_at(IOVA + 0x10000, 0x20000, 0x10000), 0);
	assert_int_equal(memory.pins, 32);
	/* A part of two areas, to the other space. */
	assert_int_equal(iommu_ioas_copy(ctx, other, ioas, IOVA + 0x8000, 0x10000, FIXED, &iova),
			 0);
	assert_int_equal(memory.pins, 32);
	assert_true(leads(1, IOVA, 0x8000));
	assert_true(leads(1, IOVA + 0x8000, 0x20000));
	/* The originals go; what is copied stays. */
	assert_int_equal(unmap(IOVA, 0x20000), 0);
	assert_int_equal(memory.pins, 16);
	assert_true(leads(1, IOVA, 0x8000));
	/* And back again, wherever there is room. */
	assert_int_equal(iommu_ioas_copy(ctx, ioas, other, IOVA, 0x8000, ANY, &iova), 0);
	assert_true(leads(0, iova, 0x8000));
	assert_int_equal(memory.pins, 16);
	assert_int_equal(iommu_ioas_unmap(ctx, other, IOVA, 0x10000, NULL), 0);
	assert_int_equal(memory.pins, 8);
	assert_true(leads(0, iova + 0x7fff, 0xffff));
	/* Holes, and what may not be written. */
	assert_int_equal(iommu_ioas_copy(ctx, other, ioas, iova, 0x9000, ANY, &iova), IOMMU_ENOENT);
	assert_int_equal(iommu_ioas_copy(ctx, other, ioas, iova, 0, ANY, &iova), IOMMU_EINVAL);
	{
		const struct iommu_backing backing = test_memory_at(&memory, 0x100000);
		iommu_iova_t at = 0x9000000;

		assert_int_equal(iommu_ioas_map(ctx, ioas, &backing, 0x1000,
						IOMMU_IOAS_FIXED | IOMMU_IOAS_READ, &at),
				 0);
		assert_int_equal(iommu_ioas_copy(ctx, other, ioas, at, 0x1000, ANY, &iova),
				 IOMMU_EPERM);
		assert_int_equal(
			iommu_ioas_copy(ctx, other, ioas, at, 0x1000, IOMMU_IOAS_READ, &iova), 0);
	}
	finish();
}

/*
 * From a space without devices, to a place that is taken behind the first of two areas: nothing is
 * left of it.
 */
static void copies_are_all_or_nothing(void **state)
{
	const struct iommu_backing backing[2] = {{&memory.ops, &memory, 0x7f0000000000},
						 {&memory.ops, &memory, 0x7f0000100000}};
	iommu_iova_t iova = IOVA;
	uint32_t other;

	(void)state;
	begin_with(0, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_ioas_map(ctx, other, &backing[0], 0x2000, FIXED, &iova), 0);
	iova += 0x2000;
	assert_int_equal(iommu_ioas_map(ctx, other, &backing[1], 0x2000, FIXED, &iova), 0);
	assert_int_equal(map_at(0x103000, 0x200000, 0x1000), 0);
	iova = 0x101000;
	assert_int_equal(iommu_ioas_copy(ctx, ioas, other, IOVA + 0x1000, 0x3000, FIXED, &iova),
			 IOMMU_EEXIST);
	assert_int_equal(memory.pins, 1);
	assert_true(is_blocked(0, 0x101000));
	assert_int_equal(map_at(0x101000, 0x300000, 0x2000), 0);
	finish();
}

static void areas_are_split_where_that_is_wished(void **state)
{
	struct iommu_ioas_area area;

	(void)state;
	begin_with(0, 2, 2, MEMORY_CONTIGUOUS);
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &ioas), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(attach(1, ioas), 0);
	assert_int_equal(map_at(IOVA, 0, 0x400000), 0);
	/* In the middle of a large page. */
	assert_int_equal(unmap(IOVA + 0x201000, 0x1000), 0);
	assert_int_equal(memory.pins, 1023);
	assert_true(leads(0, IOVA + 0x200fff, 0x200fff));
	assert_true(is_blocked(0, IOVA + 0x201000) && is_blocked(1, IOVA + 0x201000));
	assert_true(leads(1, IOVA + 0x202000, 0x202000));
	assert_int_equal(iommu_ioas_next_area(ctx, ioas, 0, &area), 0);
	assert_int_equal(area.size, 0x201000);
	assert_int_equal(iommu_ioas_next_area(ctx, ioas, IOVA + 0x201000, &area), 0);
	assert_int_equal(area.iova, IOVA + 0x202000);
	assert_int_equal(area.backing.address, memory.address + 0x202000);
	/* Its end, its beginning, across both. */
	assert_int_equal(unmap(IOVA + 0x3ff000, 0x2000), 0);
	assert_int_equal(unmap(IOVA - 0x1000, 0x2000), 0);
	assert_int_equal(memory.pins, 1021);
	assert_int_equal(unmap(IOVA + 0x100000, 0x200000), 0);
	assert_int_equal(memory.pins, 255 + 255);
	assert_true(leads(0, IOVA + 0x1000, 0x1000));
	assert_true(leads(1, IOVA + 0x3fe000, 0x3fe000));
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	assert_int_equal(memory.pins, 0);
	finish();
}

static void memory_gets_another_owner(void **state)
{
	struct test_memory heir;

	(void)state;
	begin_with(0, 1, 1, MEMORY_SCATTERED);
	test_memory_init(&heir, MEMORY_SCATTERED, memory.address, PAGES, memory.base);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(iommu_ioas_change_backing(ctx, ioas, &memory, &heir), IOMMU_ENOENT);
	assert_int_equal(map_at(IOVA, 0, 0x10000), 0);
	heir.base++;
	assert_int_equal(iommu_ioas_change_backing(ctx, ioas, &memory, &heir), IOMMU_EINVAL);
	heir.base--;
	assert_int_equal(iommu_ioas_change_backing(ctx, ioas, &memory, &heir), 0);
	/* What was pinned in the one is unpinned in the other. */
	memcpy(heir.pinned, memory.pinned, PAGES);
	memset(memory.pinned, 0, PAGES);
	heir.pins = memory.pins;
	memory.pins = 0;
	assert_int_equal(unmap(IOVA, 0x10000), 0);
	assert_int_equal(heir.pins, 0);
	memory.ops.is_same = NULL;
	assert_int_equal(map_at(IOVA, 0, 0x10000), 0);
	assert_int_equal(iommu_ioas_change_backing(ctx, ioas, &memory, &heir), IOMMU_EOPNOTSUPP);
	finish();
	test_memory_destroy(&heir);
}

/* --- Failures --------------------------------------------------------------------------------- */

/* Wherever memory runs out, in the third of three HWPTs too: nothing is mapped, pinned or lost. */
static void maps_are_all_or_nothing(void **state)
{
	uint64_t failures = 0;

	(void)state;
	begin_with(0, 3, 3, MEMORY_SCATTERED);
	for (unsigned int i = 0; i < 3; i++) {
		const struct iommu_hwpt_config none = {0};
		uint32_t hwpt;

		assert_int_equal(iommu_hwpt_alloc(ctx, device[i], ioas, &none, &hwpt), 0);
		assert_int_equal(attach(i, hwpt), 0);
	}
	assert_int_equal(map_at(0x100000, 0, 0x1000), 0);
	for (unsigned int n = 1; n < 40; n++) {
		const iommu_iova_t iova = IOVA + ((uint64_t)n << 30); /* new tables each time */
		const uint64_t before = metadata();
		int status;

		f.machine.fail_at = f.machine.allocations + n;
		status = map_at(iova, 0x1000, 0x600000);
		f.machine.fail_at = 0;
		if (status == 0) {
			/* A smaller batch does as well; or so many were not needed. */
			for (unsigned int i = 0; i < 3; i++)
				assert_true(leads(i, iova + 0x5fffff, 0x600fff));
			assert_int_equal(unmap(iova, 0x600000), 0);
			continue;
		}
		failures++;
		assert_int_equal(status, IOMMU_ENOMEM);
		assert_int_equal(memory.pins, 1);
		assert_true(metadata() <= before + 4096);
		for (unsigned int i = 0; i < 3; i++)
			assert_true(is_blocked(i, iova) && leads(i, 0x100000, 0));
	}
	assert_true(failures > 9);
	/* The same of the pin callback. */
	/* Unmapped in all three. */
	assert_int_equal(map_at(IOVA, 0x1000, 0x1000), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(leads(i, IOVA, 0x1000));
	assert_int_equal(unmap(IOVA, 0x1000), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(is_blocked(i, IOVA));
	memory.per_call = 100;
	for (failures = 1;; failures++) {
		memory.fail_after = failures;
		if (map_at(IOVA, 0x1000, 0x600000) == 0)
			break;
		assert_int_equal(memory.pins, 1);
		assert_true(is_blocked(2, IOVA));
	}
	assert_int_equal(failures, 17);
	finish();
}

/* The same when a device comes to what is mapped. */
static void attaching_is_all_or_nothing(void **state)
{
	const struct iommu_hwpt_config none = {0};
	uint64_t failures;
	uint32_t hwpt;

	(void)state;
	for (unsigned int first = 0; first < 2; first++) {
		begin_with(0, 2, 2, MEMORY_SCATTERED);
		assert_int_equal(map_at(IOVA, 0, 0x100000), 0);
		assert_int_equal(map_at(IOVA + 0x40000000, 0x100000, 0x100000), 0);
		if (first == 0) {
			/* An HWPT that was made by hand is not used for others. */
			assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &none, &hwpt), 0);
			assert_int_equal(attach(0, hwpt), 0);
		}
		failures = 0;
		for (unsigned int n = 1; n < 30; n++) {
			int status;

			f.machine.fail_at = f.machine.allocations + n;
			status = attach(1, ioas);
			f.machine.fail_at = 0;
			if (status == 0) {
				assert_int_equal(detach(1), 0);
				continue;
			}
			failures++;
			assert_int_equal(status, IOMMU_ENOMEM);
			assert_int_equal(memory.pins, first == 0 ? 512 : 0);
			assert_true(is_blocked(1, IOVA));
			if (first == 0)
				assert_true(leads(0, IOVA, 0));
		}
		assert_true(failures > 5);
		assert_int_equal(attach(1, ioas), 0);
		assert_int_equal(memory.pins, 512);
		assert_true(leads(1, IOVA + 0x400fffff, 0x1fffff));
		finish();
	}
}

/* What hardware does not confirm stays pinned, and its place taken, until it does. */
static void what_is_not_confirmed_stays_pinned(void **state)
{
	(void)state;
	begin_with(0, 2, 2, MEMORY_SCATTERED);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(attach(1, ioas), 0);
	assert_int_equal(map_at(IOVA, 0, 0x800000), 0);
	hang(true);
	assert_int_equal(unmap(IOVA, 0x800000), IOMMU_ETIMEDOUT);
	assert_int_equal(memory.pins, 2048);
	assert_int_equal(unmap(IOVA, 0x800000), IOMMU_ETIMEDOUT);
	assert_int_equal(memory.pins, 2048);
	assert_int_equal(map_at(IOVA, 0, 0x1000), IOMMU_EEXIST);
	assert_int_equal(iommu_object_destroy(ctx, ioas), IOMMU_EBUSY);
	/* A device leaves; its memory is not let go of with it. */
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	assert_int_equal(detach(1), IOMMU_ETIMEDOUT);
	assert_int_equal(memory.pins, 2048);
	assert_int_not_equal(iommu_file_destroy(ctx), 0);
	assert_int_equal(memory.pins, 2048);
	hang(false);
	finish();
}

/*
 * The one batch that there always is may be with what was not confirmed: where memory is short, it
 * is asked for again before anything else cannot be unmapped.
 */
static void what_is_confirmed_late_makes_room(void **state)
{
	(void)state;
	begin_with(0, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(map_at(IOVA, 0, 0x10000), 0);
	assert_int_equal(map_at(IOVA + 0x100000, 0x10000, 0x10000), 0);
	hang(true);
	assert_int_equal(unmap(IOVA + 0x100000, 0x10000), IOMMU_ETIMEDOUT);
	f.machine.fail_every = 1;
	assert_int_equal(unmap(IOVA, 0x10000), IOMMU_ENOMEM);
	assert_true(leads(0, IOVA, 0));
	hang(false);
	assert_int_equal(unmap(IOVA, 0x10000), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(map_at(IOVA + 0x100000, 0, 0x1000), IOMMU_EEXIST);
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	f.machine.fail_every = 0;
	assert_int_equal(map_at(IOVA + 0x100000, 0, 0x1000), 0);
	finish();
}

/*
 * The last device of an HWPT that others stand beside: it goes when hardware has forgotten it, and
 * not before.
 */
static void hwpts_go_when_they_are_forgotten(void **state)
{
	const struct iommu_hwpt_config none = {0};
	uint32_t hwpt[2];

	(void)state;
	begin_with(0, 2, 2, MEMORY_SCATTERED);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(iommu_hwpt_alloc(ctx, device[i], ioas, &none, &hwpt[i]), 0);
		assert_int_equal(attach(i, hwpt[i]), 0);
	}
	assert_int_equal(map_at(IOVA, 0, 0x10000), 0);
	hang(true);
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_object_destroy(ctx, hwpt[0]), IOMMU_ETIMEDOUT);
	/* An unmap waits for it, too. */
	assert_int_not_equal(unmap(IOVA, 0x10000), 0);
	assert_int_equal(memory.pins, 16);
	hang(false);
	assert_int_equal(unmap(IOVA, 0x10000), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(iommu_object_destroy(ctx, hwpt[0]), 0);
	finish();
}

/*
 * Half out when hardware stops to confirm: what is out is free for others, what is not confirmed is
 * held, the rest is there.
 */
static void half_an_unmap(void **state)
{
	const struct iommu_model_vtd_faults refuse = {.refuse_after = 3};
	iommu_iova_t iova = IOVA;
	uint32_t other;

	(void)state;
	begin_with(0, 2, 2, MEMORY_SCATTERED);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(map_at(IOVA, 0, 0x258000), 0);
	assert_int_equal(iommu_ioas_copy(ctx, other, ioas, IOVA, 0x258000, FIXED, &iova), 0);
	/* Batches of 253 pages, of which the second is refused. */
	f.machine.fail_every = 1;
	iommu_model_vtd_misbehave(f.machine.units[0], &refuse);
	assert_int_equal(unmap(IOVA, 0x258000), IOMMU_EIO);
	f.machine.fail_every = 0;
	assert_true(memory.pins > 0 && memory.pins < 600);
	/* Another space needs all of it: some is pinned anew, some is held, some is in tables. */
	assert_int_equal(attach(1, other), 0);
	assert_int_equal(memory.pins, 600);
	for (unsigned int page = 0; page < 600; page++)
		assert_true(leads(1, IOVA + page * 4096ULL, page * 4096ULL));
	assert_int_equal(unmap(IOVA, 0x258000), 0);
	assert_int_equal(memory.pins, 600);
	assert_int_equal(detach(1), 0);
	assert_int_equal(memory.pins, 0);
	finish();
}

/* An HWPT that no caller has made: what is left of it goes with the next call that would end it. */
static void the_end_is_tried_again(void **state)
{
	const struct iommu_hwpt_config now = {.flags = IOMMU_HWPT_ATTACH};
	uint32_t hwpt, other, objects;
	struct iommu_file_stats stats;

	(void)state;
	begin_with(0, 1, 2, MEMORY_SCATTERED);
	iommu_file_get_stats(ctx, &stats);
	objects = stats.objects;
	assert_int_equal(map_at(IOVA, 0, 0x10000), 0);
	assert_int_equal(attach(0, ioas), 0);
	hang(true);
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	/* Not IOMMU_EBUSY, for what the caller would have to find first. */
	assert_int_not_equal(iommu_object_destroy(ctx, ioas), IOMMU_EBUSY);
	assert_int_equal(memory.pins, 16);
	hang(false);
	assert_int_equal(iommu_object_destroy(ctx, ioas), 0);
	assert_int_equal(memory.pins, 0);
	/* The same of one that a failed call left behind, by a detach. */
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &other), 0);
	assert_int_equal(map_at(IOVA, 0, 0x10000), 0);
	assert_int_equal(attach(0, other), 0);
	assert_int_equal(attach(1, ioas), 0);
	hang(true);
	assert_int_equal(iommu_hwpt_alloc(ctx, device[0], ioas, &now, &hwpt), IOMMU_ETIMEDOUT);
	iommu_file_get_stats(ctx, &stats);
	assert_int_equal(stats.objects, objects + 4);
	hang(false);
	assert_int_equal(detach(1), 0);
	assert_int_equal(detach(0), 0);
	iommu_file_get_stats(ctx, &stats);
	assert_int_equal(stats.objects, objects + 1);
	assert_int_equal(memory.pins, 0);
	finish();
}

/* The last device is gone, its HWPT is not: parts of areas, and new devices, wait for that. */
static void spaces_that_drain(void **state)
{
	(void)state;
	begin_with(0, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(iommu_ioas_alloc(ctx, IOMMU_IOAS_SPLIT, &ioas), 0);
	assert_int_equal(map_at(IOVA, 0, 0x10000), 0);
	assert_int_equal(attach(0, ioas), 0);
	hang(true);
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	assert_int_equal(map_at(IOVA + 0x100000, 0x100000, 0x1000), IOMMU_EBUSY);
	assert_int_equal(attach(0, ioas), IOMMU_ETIMEDOUT);
	assert_int_equal(unmap(IOVA + 0x4000, 0x1000), IOMMU_ETIMEDOUT);
	assert_int_equal(memory.pins, 16);
	hang(false);
	assert_int_equal(unmap(IOVA + 0x4000, 0x1000), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(memory.pins, 15);
	assert_true(leads(0, IOVA + 0x3000, 0x3000) && is_blocked(0, IOVA + 0x4000));
	assert_true(leads(0, IOVA + 0x5000, 0x5000));
	/* No device can be attached to an HWPT whose detach is not confirmed. */
	hang(true);
	assert_int_equal(detach(0), IOMMU_ETIMEDOUT);
	for (uint32_t id = iommu_object_next(ctx, 0); id != 0; id = iommu_object_next(ctx, id))
		if (iommu_object_type(ctx, id) == IOMMU_OBJECT_HWPT)
			assert_int_equal(attach(0, id), IOMMU_EBUSY);
	hang(false);
	finish();
}

static void an_unmap_that_failed_goes_on(void **state)
{
	(void)state;
	begin_with(0, 1, 1, MEMORY_SCATTERED);
	assert_int_equal(attach(0, ioas), 0);
	assert_int_equal(map_at(IOVA, 0, 0x800000), 0);
	hang(true);
	assert_int_equal(unmap(IOVA, 0x800000), IOMMU_ETIMEDOUT);
	hang(false);
	assert_int_equal(unmap(IOVA, 0x800000), 0);
	assert_int_equal(memory.pins, 0);
	assert_int_equal(map_at(IOVA, 0, 0x800000), 0);
	assert_true(leads(0, IOVA, 0));
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_begin_at_one_and_are_used_again),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(the_last_page_is_one_like_others),
		cmocka_unit_test(places_are_aligned_as_well_as_they_can_be),
		cmocka_unit_test(pages_may_be_kept_small),
		cmocka_unit_test(maps_that_cannot_be),
		cmocka_unit_test(permissions_have_one_encoding),
		cmocka_unit_test(memory_is_pinned_while_a_device_may_reach_it),
		cmocka_unit_test(large_pages_result),
		cmocka_unit_test(what_managers_map_may_sleep),
		cmocka_unit_test(batches_do_not_cut_large_pages),
		cmocka_unit_test(places_pass_over_what_is_reserved),
		cmocka_unit_test(pieces_do_not_meet_round_the_end),
		cmocka_unit_test(places_are_chosen),
		cmocka_unit_test(the_last_page_is_not_chosen),
		cmocka_unit_test(what_may_be_allowed),
		cmocka_unit_test(copies_share_what_is_pinned),
		cmocka_unit_test(copies_are_all_or_nothing),
		cmocka_unit_test(areas_are_split_where_that_is_wished),
		cmocka_unit_test(memory_gets_another_owner),
		cmocka_unit_test(maps_are_all_or_nothing),
		cmocka_unit_test(attaching_is_all_or_nothing),
		cmocka_unit_test(what_is_not_confirmed_stays_pinned),
		cmocka_unit_test(what_is_confirmed_late_makes_room),
		cmocka_unit_test(hwpts_go_when_they_are_forgotten),
		cmocka_unit_test(half_an_unmap),
		cmocka_unit_test(the_end_is_tried_again),
		cmocka_unit_test(spaces_that_drain),
		cmocka_unit_test(an_unmap_that_failed_goes_on),
	};

	test_contract_unmaps_under_mutex();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
