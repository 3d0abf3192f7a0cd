/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random sequences of map and unmap against the naive reference: every translation in and around
 * the touched range, the number of table pages, and no leak; then again with allocations failing.
 *
 * IOMMU_TEST_OPERATIONS and IOMMU_TEST_SEED change length and sequence; a failure prints both.
 */
#include <stdio.h>

#include <libiommu/status.h>

#include "amdv1_reference.h"
#include "pgtable_reference.h"
#include "test.h"
#include "test_platform.h"
#include "vmsa_hardware.h"

#define SIZES_4K_2M_1G (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)
#define SIZES_WITH_64K (SIZES_4K_2M_1G | IOMMU_SIZE_64K)
/* Arm's, with runs of pages and of blocks. */
#define SIZES_OF_4K  (SIZES_WITH_64K | 32ULL << 20 | 16ULL << 30)
#define SIZES_OF_16K (16ULL << 10 | 2ULL << 20 | 32ULL << 20 | 1ULL << 30)
#define SIZES_OF_64K (64ULL << 10 | 2ULL << 20 | 512ULL << 20 | 16ULL << 30)

/* AMD's: every power of two up to 128G. */
#define SIZES_OF_AMD 0x1ffffff000ULL

/* Which format, and of one with two halves, which. */
enum kind {
	SECOND_STAGE,
	FIRST_STAGE,
	FIRST_STAGE_UPPER,
	RISCV_SECOND,
	RISCV_FIRST,
	RISCV_FIRST_UPPER,
	ARM_FIRST_4K,
	ARM_FIRST_16K,
	ARM_FIRST_64K,
	ARM_SECOND_4K,
	ARM_SECOND_16K,
	ARM_SECOND_64K,
	ARM_NO_BREAKS_4K,
	ARM_NO_BREAKS_64K,
	ARM_RUNS_BREAK_4K,
	ARM_RUNS_BREAK_16K,
	AMD,
	AMD_63_BITS,
	KINDS,
};

struct kind_of_table {
	const struct iommu_pgtable_ops *ops;
	/* Added to the bits that the levels translate: a root of its own, a sign. */
	int extra_bits;
	unsigned int flags;
	bool is_upper;
	uint64_t root_pages;
	unsigned int hints; /* how many, from IOMMU_PROT_NO_EXEC on; writing implies reading */
	/* Arm's, and AMD's: what hardware is given is walked, too. */
	unsigned int stage;
	unsigned int input_bits;
};

#define ARM_1  &iommu_vmsas1_ops, 0
#define ARM_2  &iommu_vmsas2_ops, 0
#define BREAK  IOMMU_PGTABLE_BBM_LEVEL_2
#define TRACK  IOMMU_PGTABLE_DIRTY_TRACKING
#define OF_AMD 3 /* no stage of Arm */

static const struct kind_of_table kinds[KINDS] = {
	[SECOND_STAGE] = {&iommu_vtdss_ops, 0, 0, false, 1, 0, 0, 0},
	[FIRST_STAGE] = {&iommu_x86_64_table_ops, -1, IOMMU_PGTABLE_NO_EXECUTE, false, 1, 8, 0, 0},
	[FIRST_STAGE_UPPER] = {&iommu_x86_64_table_ops, -1, IOMMU_PGTABLE_NO_EXECUTE, true, 1, 8, 0,
			       0},
	[RISCV_SECOND] = {&iommu_riscvss_ops, 2, IOMMU_PGTABLE_MEMORY_TYPES, false, 4, 4, 0, 0},
	[RISCV_FIRST] = {&iommu_riscvfs_ops, -1, IOMMU_PGTABLE_MEMORY_TYPES, false, 1, 8, 0, 0},
	[RISCV_FIRST_UPPER] = {&iommu_riscvfs_ops, -1, IOMMU_PGTABLE_MEMORY_TYPES, true, 1, 8, 0,
			       0},
	[ARM_FIRST_4K] = {ARM_1, BREAK | TRACK, false, 1, 8, 1, 48},
	[ARM_FIRST_16K] = {ARM_1, BREAK, false, 4, 8, 1, 47},
	[ARM_FIRST_64K] = {ARM_1, BREAK | IOMMU_PGTABLE_ACCESSED, false, 16, 8, 1, 52},
	[ARM_SECOND_4K] = {ARM_2, BREAK, false, 8, 4, 2, 42},
	[ARM_SECOND_16K] = {ARM_2, BREAK | TRACK, false, 64, 4, 2, 40},
	[ARM_SECOND_64K] = {ARM_2, BREAK, false, 64, 4, 2, 44},
	[ARM_NO_BREAKS_4K] = {ARM_1, 0, false, 1, 8, 1, 48},
	[ARM_NO_BREAKS_64K] = {ARM_2, TRACK, false, 16, 4, 2, 48},
	[ARM_RUNS_BREAK_4K] = {ARM_2, IOMMU_PGTABLE_BBM_LEVEL_1, false, 2, 4, 2, 40},
	[ARM_RUNS_BREAK_16K] = {ARM_1, IOMMU_PGTABLE_BBM_LEVEL_1 | TRACK, false, 4, 8, 1, 47},
	[AMD] = {&iommu_amdv1_ops, 0, IOMMU_PGTABLE_FORCE_SNOOP, false, 1, 0, OF_AMD, 0},
	[AMD_63_BITS] = {&iommu_amdv1_ops, 0, IOMMU_PGTABLE_ACCESSED, false, 1, 0, OF_AMD, 63},
};

struct universe {
	struct test_platform platform;
	struct test_random random;
	const struct kind_of_table *kind;
	const struct iommu_pgtable_ops *ops;
	iommu_iova_t first, last; /* the half of the aperture that is used */
	struct iommu_pgtable pt;
	struct pgtable_reference reference;
	uint64_t operations, mapped, refused, unmapped, out_of_memory;
	uint64_t mapped_alone, unmapped_alone, listed;
	/* The smallest page, what an entry of the two levels above covers, entries of a table. */
	uint64_t page, mid, big, entries;
	uint64_t cuts_refused;
	bool keeps_sizes; /* no page is split, and no empty table replaced */
};

static void universe_init(struct universe *u, enum kind kind, unsigned int levels, uint64_t bitmap,
			  uint64_t seed)
{
	const struct iommu_pgtable_config config = {
		.platform = &u->platform.platform,
		.levels = levels,
		.input_bits = kinds[kind].input_bits != 0
				      ? kinds[kind].input_bits
				      : 12 + 9 * levels + (unsigned int)kinds[kind].extra_bits,
		.flags = kinds[kind].flags,
		.output_bits = 46,
		.pgsize_bitmap = bitmap,
		.node = IOMMU_NODE_ANY,
	};

	test_platform_init(&u->platform, 1ULL << 30, 1ULL << 30);
	u->random.state = seed;
	u->kind = &kinds[kind];
	u->ops = kinds[kind].ops;
	u->page = bitmap & -bitmap;
	u->entries = u->page / 8;
	u->mid = u->page * u->entries;
	u->big = u->mid * u->entries;
	u->keeps_sizes =
		u->kind->stage != 0 && u->kind->stage != OF_AMD && (u->kind->flags & BREAK) == 0;
	u->operations = u->mapped = u->refused = u->unmapped = u->out_of_memory = 0;
	u->mapped_alone = u->unmapped_alone = u->listed = u->cuts_refused = 0;
	assert_int_equal(u->ops->init(&u->pt, &config), 0);
	u->first = kinds[kind].is_upper ? ~u->pt.aperture_last : 0;
	u->last = kinds[kind].is_upper ? UINT64_MAX : u->pt.aperture_last;
	reference_init(&u->reference, levels, bitmap);
}

static void universe_destroy(struct universe *u)
{
	u->ops->destroy(&u->pt);
	assert_int_equal(u->pt.pages, 0);
	reference_destroy(&u->reference);
	test_platform_destroy(&u->platform);
}

/*
 * Where the interesting things happen: around the borders of tables of every level and at both ends
 * of the aperture. A range starts within a few pages, or a few large pages, of such a place.
 */
static void random_range(struct universe *u, iommu_iova_t *iova, uint64_t *size)
{
	const iommu_iova_t places[] = {0, u->big, u->entries * u->big - 4 * u->mid,
				       u->last - u->first + 1 - 2 * u->big};
	iommu_iova_t place = places[test_random_below(&u->random, 4)];
	uint64_t unit, offset, longest;

	switch (test_random_below(&u->random, 32)) {
	case 0:
		unit = u->big;
		offset = test_random_below(&u->random, 2);
		longest = 2;
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		unit = u->mid;
		offset = test_random_below(&u->random, 4);
		longest = 4;
		break;
	case 5:
		unit = u->page;
		offset = test_random_below(&u->random, 1024);
		longest = 1024;
		break;
	default:
		unit = u->page;
		offset = u->entries - 16 + test_random_below(&u->random, 32);
		longest = 16;
		break;
	}
	*iova = (place & (u->last - u->first)) + offset * unit;
	if (*iova > u->last - u->first)
		*iova = u->last - u->first + 1 - unit;
	*iova += u->first;
	*size = (1 + test_random_below(&u->random, longest)) * unit;
	/* Now and then its first page alone, which few ranges are by themselves. */
	if (test_random_below(&u->random, 8) == 0)
		*size = u->page;
	if (*size - 1 > u->last - *iova)
		*size = u->last - *iova + 1;
}

/* The size of a run of pages of a size, or 0: the next larger one, if it is none of a level. */
static uint64_t run_of(const struct universe *u, uint64_t pgsize)
{
	const uint64_t larger = u->pt.pgsize_bitmap & -pgsize & ~pgsize;
	const uint64_t next = larger & -larger;

	return next != u->mid && next != u->big ? next : 0;
}

static bool has_runs(const struct universe *u)
{
	return run_of(u, u->page) != 0;
}

/*
 * A target that agrees with iova to some alignment, so that all page sizes come up. Long ranges are
 * seldom made of the smallest pages: the reference is slow with many leaves.
 */
static iommu_paddr_t random_target(struct universe *u, iommu_iova_t iova, uint64_t size)
{
	const uint64_t alignments[] = {u->big, u->mid, u->page};
	size_t choices = size <= u->mid || test_random_below(&u->random, 16) == 0 ? 3 : 2;
	uint64_t alignment = alignments[test_random_below(&u->random, size < u->big ? choices : 2)];
	uint64_t base;

	if (has_runs(u) && alignment == u->page && test_random_below(&u->random, 4) != 0)
		alignment = run_of(u, u->page);
	/* Of all sizes any. */
	if (u->kind->stage == OF_AMD && alignment < u->mid)
		alignment = u->page << test_random_below(&u->random, 9);
	else if (u->kind->stage == OF_AMD && alignment == u->mid)
		alignment = u->mid << test_random_below(&u->random, 9);
	if (alignment == u->mid && run_of(u, u->mid) != 0 && test_random_below(&u->random, 4) != 0)
		alignment = run_of(u, u->mid);
	base = test_random_below(&u->random, 1ULL << 44) & ~(alignment - 1);
	return base + (iova & (alignment - 1) & ~(u->page - 1));
}

/* What a walk of AMD's that knows nothing of the library finds. */
static void ask_amd(const struct universe *u, iommu_iova_t iova, const struct reference_leaf *leaf)
{
	const struct amdv1_walk walk = amdv1_walk_of(&u->pt);
	const bool is_write = leaf != NULL && (leaf->prot & IOMMU_PROT_WRITE) != 0;
	const struct amdv1_answer answer = amdv1_reference_walk(&walk, iova, is_write);

	assert_int_equal(answer.fault, leaf == NULL ? AMDV1_NOT_PRESENT : AMDV1_NO_FAULT);
	if (leaf == NULL)
		return;
	assert_int_equal(answer.pa, leaf->paddr + (iova - leaf->iova));
	assert_int_equal(answer.size, leaf->size);
	assert_int_equal(answer.can_read, (leaf->prot & IOMMU_PROT_READ) != 0);
	assert_int_equal(answer.can_write, is_write);
}

/* The same of Arm. */
static void ask_hardware(const struct universe *u, iommu_iova_t iova,
			 const struct reference_leaf *leaf)
{
	const struct vmsa_walk walk = vmsa_walk_of(&u->pt, u->kind->stage);
	const struct vmsa_access access = {
		.privileged = true, .write = leaf != NULL && (leaf->prot & IOMMU_PROT_WRITE) != 0};
	const struct vmsa_answer answer = vmsa_reference_walk(&walk, iova, access);

	if (leaf == NULL) {
		assert_int_equal(answer.fault, VMSA_FAULT_TRANSLATION);
		return;
	}
	if (answer.fault == VMSA_FLAW)
		print_error("%s\n", answer.flaw);
	assert_int_equal(answer.fault, VMSA_NO_FAULT);
	assert_int_equal(answer.pa, leaf->paddr + (iova - leaf->iova));
	assert_int_equal(answer.size, leaf->size);
}

/* Everything that the operation may have changed, and its neighbours. */
static void compare_around(struct universe *u, iommu_iova_t iova, uint64_t size)
{
	const uint64_t margin = 2 * u->mid;
	iommu_iova_t start = iova - u->first > margin ? iova - margin : u->first;
	iommu_iova_t last = iova + (size - 1);
	size_t i;

	last = u->last - last > margin ? last + margin : u->last;
	reference_compare(&u->reference, &u->pt, u->ops, start, last);
	for (i = 0; i < 4; i++) {
		iommu_iova_t probe = start + test_random_below(&u->random, last - start + 1);
		size_t at = reference_find(&u->reference, probe);
		const struct reference_leaf *leaf =
			at < u->reference.leaf_count ? &u->reference.leaves[at] : NULL;
		bool mapped = leaf != NULL && leaf->iova <= probe;
		iommu_paddr_t paddr = 0;
		unsigned int prot = 0;

		assert_int_equal(u->ops->iova_to_phys(&u->pt, probe, &paddr, &prot),
				 mapped ? 0 : IOMMU_ENOENT);
		if (mapped) {
			assert_int_equal(paddr, leaf->paddr + (probe - leaf->iova));
			assert_int_equal(prot, leaf->prot);
		}
		if (u->kind->stage == OF_AMD)
			ask_amd(u, probe, mapped ? leaf : NULL);
		else if (u->kind->stage != 0)
			ask_hardware(u, probe, mapped ? leaf : NULL);
	}
}

/* A gather must cover what changed; nothing that it holds may have been freed before. */
static void settle(struct universe *u, struct iommu_gather *gather, bool changed, iommu_iova_t iova,
		   uint64_t size)
{
	if (changed) {
		assert_false(iommu_gather_is_empty(gather));
		assert_true(gather->start <= iova && gather->last >= iova + (size - 1));
	}
	u->ops->free_gathered(&u->pt, gather);
}

/* One page by a way of its own, which refuses what is not one store. */
static bool map_alone(struct universe *u, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
		      unsigned int prot)
{
	if (test_random_below(&u->random, 2) == 0 ||
	    !u->ops->map_page(&u->pt, iova, paddr, size, prot))
		return false;
	assert_int_equal(reference_map(&u->reference, iova, paddr, size, prot), 0);
	u->mapped_alone++;
	return true;
}

/* A list of pieces, as far as it goes. */
static bool map_listed(struct universe *u, iommu_iova_t iova, unsigned int prot)
{
	struct iommu_map_piece pieces[8];
	uint64_t mapped, at = 0;
	unsigned int count, i;

	if (test_random_below(&u->random, 4) != 0)
		return false;
	for (i = 0; i < 8; i++) {
		pieces[i].size =
			(1 + test_random_below(&u->random, has_runs(u) ? 40 : 3)) * u->page;
		pieces[i].paddr = random_target(u, iova, pieces[i].size);
	}
	count = u->ops->map_pieces(&u->pt, iova, pieces, 8, prot, &mapped);
	for (i = 0; i < count; i++) {
		assert_int_equal(reference_map(&u->reference, iova + at, pieces[i].paddr,
					       pieces[i].size, prot),
				 0);
		at += pieces[i].size;
	}
	assert_int_equal(mapped, at);
	compare_around(u, iova, at != 0 ? at : 1);
	u->listed += count;
	return count != 0;
}

static bool unmap_alone(struct universe *u, iommu_iova_t iova, uint64_t size)
{
	uint64_t expected;

	if (test_random_below(&u->random, 2) == 0 || !u->ops->unmap_page(&u->pt, iova, size))
		return false;
	assert_int_equal(reference_unmap(&u->reference, iova, size, 0, &expected), 0);
	assert_int_equal(expected, size);
	u->unmapped_alone++;
	return true;
}

static void random_map(struct universe *u)
{
	unsigned int prot = 1 + (unsigned int)test_random_below(&u->random, 3);
	struct iommu_gather gather;
	uint64_t size, mapped;
	iommu_iova_t iova;
	iommu_paddr_t paddr;
	int status;

	if (u->kind->hints != 0)
		prot |= IOMMU_PROT_READ |
			((unsigned int)test_random_below(&u->random, u->kind->hints) *
			 IOMMU_PROT_NO_EXEC);
	random_range(u, &iova, &size);
	if (map_listed(u, iova, prot)) {
		u->mapped++;
		return;
	}
	paddr = random_target(u, iova, size);
	if (map_alone(u, iova, paddr, size, prot)) {
		u->mapped++;
		compare_around(u, iova, size);
		return;
	}
	iommu_gather_init(&gather);
	status = u->ops->map(&u->pt, iova, paddr, size, prot, &gather, &mapped);
	if (status == IOMMU_ENOMEM) {
		u->out_of_memory++;
		settle(u, &gather, mapped != 0, iova, mapped != 0 ? mapped : 1);
		reference_adopt_shape(&u->reference, &u->pt, u->ops, u->pt.levels - 1);
	} else {
		assert_int_equal(status, reference_map(&u->reference, iova, paddr, size, prot));
		/* Where an empty table was, there are smaller pages, and the table still is. */
		if (status == 0 && u->keeps_sizes)
			reference_adopt_shape(&u->reference, &u->pt, u->ops, 1 << 20);
		if (status == 0)
			assert_int_equal(mapped, size);
		settle(u, &gather, status != 0 && mapped != 0, iova, mapped != 0 ? mapped : 1);
		if (status != 0)
			reference_adopt_shape(&u->reference, &u->pt, u->ops, u->pt.levels - 1);
		u->mapped += status == 0;
		u->refused += status != 0;
	}
	compare_around(u, iova, size);
}

static void random_unmap(struct universe *u)
{
	const unsigned int flags =
		test_random_below(&u->random, 4) == 0 ? (unsigned int)IOMMU_UNMAP_SPLIT : 0;
	const bool counting = test_random_below(&u->random, 2) == 0;
	struct iommu_gather gather;
	uint64_t size, unmapped = 0, expected;
	iommu_iova_t iova;
	int status;

	random_range(u, &iova, &size);
	if (unmap_alone(u, iova, size)) {
		u->unmapped++;
		compare_around(u, iova, size);
		return;
	}
	iommu_gather_init(&gather);
	status = u->ops->unmap(&u->pt, iova, size, flags, &gather, counting ? &unmapped : NULL);
	if (status == IOMMU_ENOMEM) {
		u->out_of_memory++;
		settle(u, &gather, false, iova, size);
		/* One end may have been split before the other could not: down to 4K, from 1G. */
		reference_adopt_shape(&u->reference, &u->pt, u->ops, 4);
	} else if (status == IOMMU_EOPNOTSUPP) {
		/* It would cut something, and hardware does not allow it. Runs may be broken. */
		assert_true(u->keeps_sizes && flags != 0);
		assert_int_equal(reference_unmap(&u->reference, iova, size, 0, &expected),
				 IOMMU_EINVAL);
		reference_adopt_shape(&u->reference, &u->pt, u->ops, 0);
		u->cuts_refused++;
	} else {
		assert_int_equal(status,
				 reference_unmap(&u->reference, iova, size, flags, &expected));
		if (counting)
			assert_int_equal(unmapped, expected);
		settle(u, &gather, status == 0 && expected != 0, iova, size);
		u->unmapped += expected != 0;
	}
	compare_around(u, iova, size);
}

static void run(enum kind kind, unsigned int levels, uint64_t bitmap, uint64_t operations,
		uint64_t fail_every, uint64_t seed)
{
	struct universe u;

	printf("# levels %u, bitmap %#llx, IOMMU_TEST_OPERATIONS=%llu IOMMU_TEST_SEED=%llu\n",
	       levels, (unsigned long long)bitmap, (unsigned long long)operations,
	       (unsigned long long)seed);
	universe_init(&u, kind, levels, bitmap, seed);
	u.platform.fail_every = fail_every;
	for (; u.operations < operations; u.operations++) {
		/* Now and then everything goes, so that sparse and dense states both come up. */
		if (test_random_below(&u.random, 500) == 0) {
			uint64_t unmapped, expected;
			struct iommu_gather gather;

			iommu_gather_init(&gather);
			assert_int_equal(u.ops->unmap(&u.pt, u.first, u.last - u.first + 1, 0,
						      &gather, &unmapped),
					 0);
			(void)reference_unmap(&u.reference, u.first, u.last - u.first + 1, 0,
					      &expected);
			assert_int_equal(unmapped, expected);
			u.ops->free_gathered(&u.pt, &gather);
			assert_int_equal(u.pt.pages, u.kind->root_pages);
		}
		if (test_random_below(&u.random, 2) == 0)
			random_map(&u);
		else
			random_unmap(&u);
		assert_int_equal(u.pt.pages, u.platform.hosted.pages_in_use);
		assert_int_equal(u.pt.pages, u.kind->root_pages +
						     (u.reference.table_count << u.pt.table_order));
	}
	printf("# %llu maps, %llu refused, %llu unmaps, %llu out of memory\n",
	       (unsigned long long)u.mapped, (unsigned long long)u.refused,
	       (unsigned long long)u.unmapped, (unsigned long long)u.out_of_memory);
	/* A test that never got anywhere proves nothing. */
	assert_true(u.mapped > operations / 20 && u.unmapped > operations / 20);
	assert_true(u.refused > operations / 100);
	printf("# alone: %llu maps, %llu unmaps, %llu pieces of lists\n",
	       (unsigned long long)u.mapped_alone, (unsigned long long)u.unmapped_alone,
	       (unsigned long long)u.listed);
	assert_true(u.mapped_alone > operations / 1000 && u.unmapped_alone > operations / 1000);
	assert_true(u.listed > operations / 1000);
	assert_true(!u.keeps_sizes || u.cuts_refused > operations / 1000);
	assert_true(fail_every == 0 || u.out_of_memory > operations / 1000);
	universe_destroy(&u);
}

static uint64_t operations(uint64_t otherwise)
{
	return test_setting("IOMMU_TEST_OPERATIONS", otherwise);
}

static uint64_t seed(void)
{
	return test_setting("IOMMU_TEST_SEED", 20261121);
}

static void four_levels(void **state)
{
	(void)state;
	run(SECOND_STAGE, 4, SIZES_4K_2M_1G, operations(500000), 0, seed());
}

static void three_levels(void **state)
{
	(void)state;
	run(SECOND_STAGE, 3, SIZES_4K_2M_1G, operations(100000), 0, seed() + 1);
}

static void five_levels(void **state)
{
	(void)state;
	run(SECOND_STAGE, 5, SIZES_4K_2M_1G, operations(100000), 0, seed() + 2);
}

static void without_1g(void **state)
{
	(void)state;
	run(SECOND_STAGE, 4, IOMMU_SIZE_4K | IOMMU_SIZE_2M, operations(20000), 0, seed() + 3);
}

static void first_stage(void **state)
{
	(void)state;
	run(FIRST_STAGE, 4, SIZES_4K_2M_1G, operations(100000), 0, seed() + 4);
	run(FIRST_STAGE, 5, SIZES_4K_2M_1G, operations(50000), 0, seed() + 5);
}

static void first_stage_upper_half(void **state)
{
	(void)state;
	run(FIRST_STAGE_UPPER, 4, SIZES_4K_2M_1G, operations(100000), 0, seed() + 6);
	run(FIRST_STAGE_UPPER, 5, SIZES_4K_2M_1G, operations(50000), 0, seed() + 7);
	run(FIRST_STAGE_UPPER, 4, SIZES_4K_2M_1G, operations(30000), 3, seed() + 8);
}

static void riscv_second_stage(void **state)
{
	(void)state;
	run(RISCV_SECOND, 3, SIZES_WITH_64K, operations(40000), 0, seed() + 30);
	run(RISCV_SECOND, 4, SIZES_WITH_64K, operations(80000), 0, seed() + 31);
	run(RISCV_SECOND, 5, SIZES_WITH_64K, operations(40000), 0, seed() + 32);
	run(RISCV_SECOND, 4, SIZES_4K_2M_1G, operations(50000), 0, seed() + 33);
	run(RISCV_SECOND, 4, IOMMU_SIZE_4K | IOMMU_SIZE_64K, operations(20000), 0, seed() + 34);
	run(RISCV_SECOND, 4, SIZES_WITH_64K, operations(30000), 3, seed() + 35);
}

static void riscv_first_stage(void **state)
{
	(void)state;
	run(RISCV_FIRST, 3, SIZES_WITH_64K, operations(20000), 0, seed() + 36);
	run(RISCV_FIRST, 4, SIZES_WITH_64K, operations(40000), 0, seed() + 37);
	run(RISCV_FIRST_UPPER, 4, SIZES_WITH_64K, operations(20000), 0, seed() + 38);
	run(RISCV_FIRST_UPPER, 5, SIZES_WITH_64K, operations(20000), 0, seed() + 39);
	run(RISCV_FIRST, 5, SIZES_WITH_64K, operations(30000), 5, seed() + 40);
}

static void arm_first_stage(void **state)
{
	(void)state;
	run(ARM_FIRST_4K, 4, SIZES_OF_4K, operations(40000), 0, seed() + 41);
	run(ARM_FIRST_16K, 3, SIZES_OF_16K, operations(20000), 0, seed() + 42);
	run(ARM_FIRST_64K, 3, SIZES_OF_64K, operations(10000), 0, seed() + 43);
	run(ARM_FIRST_4K, 4, SIZES_4K_2M_1G, operations(20000), 4, seed() + 44);
}

static void arm_second_stage(void **state)
{
	(void)state;
	run(ARM_SECOND_4K, 3, SIZES_OF_4K, operations(40000), 0, seed() + 45);
	run(ARM_SECOND_16K, 2, SIZES_OF_16K, operations(20000), 0, seed() + 46);
	run(ARM_SECOND_64K, 2, SIZES_OF_64K, operations(10000), 0, seed() + 47);
	run(ARM_SECOND_4K, 3, SIZES_OF_4K, operations(20000), 3, seed() + 48);
}

static void arm_with_breaks_before_makes(void **state)
{
	(void)state;
	run(ARM_NO_BREAKS_4K, 4, SIZES_OF_4K, operations(20000), 0, seed() + 49);
	run(ARM_NO_BREAKS_64K, 3, SIZES_OF_64K, operations(10000), 0, seed() + 50);
	run(ARM_RUNS_BREAK_4K, 3, SIZES_OF_4K, operations(20000), 0, seed() + 51);
	run(ARM_RUNS_BREAK_16K, 3, SIZES_OF_16K, operations(10000), 5, seed() + 52);
}

static void amd(void **state)
{
	(void)state;
	run(AMD, 4, SIZES_OF_AMD, operations(80000), 0, seed() + 53);
	run(AMD, 3, SIZES_OF_AMD, operations(30000), 0, seed() + 54);
	run(AMD, 5, SIZES_OF_AMD, operations(30000), 0, seed() + 55);
	run(AMD_63_BITS, 6, SIZES_OF_AMD, operations(40000), 0, seed() + 56);
	run(AMD, 4, SIZES_4K_2M_1G, operations(20000), 0, seed() + 57);
	run(AMD, 4, SIZES_OF_AMD, operations(30000), 3, seed() + 58);
}

static void every_nth_allocation_fails(void **state)
{
	uint64_t n;

	(void)state;
	for (n = 2; n <= 10; n++)
		run(SECOND_STAGE, 4, SIZES_4K_2M_1G, operations(30000), n, seed() + 10 + n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_levels),
		cmocka_unit_test(three_levels),
		cmocka_unit_test(five_levels),
		cmocka_unit_test(without_1g),
		cmocka_unit_test(first_stage),
		cmocka_unit_test(first_stage_upper_half),
		cmocka_unit_test(riscv_second_stage),
		cmocka_unit_test(riscv_first_stage),
		cmocka_unit_test(arm_first_stage),
		cmocka_unit_test(arm_second_stage),
		cmocka_unit_test(arm_with_breaks_before_makes),
		cmocka_unit_test(amd),
		cmocka_unit_test(every_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
