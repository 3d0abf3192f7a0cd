/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random sequences of map and unmap against the naive reference: every translation in and around
 * the touched range, the number of table pages, and no leak; then again with allocations failing.
 *
 * IOMMU_TEST_OPERATIONS and IOMMU_TEST_SEED change length and sequence; a failure prints both.
 */
#include <stdio.h>

#include <libiommu/status.h>

#include "pgtable_reference.h"
#include "test.h"
#include "test_platform.h"

#define SIZES_4K_2M_1G (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)
#define SIZES_WITH_64K (SIZES_4K_2M_1G | IOMMU_SIZE_64K)

/* Which format, and of one with two halves, which. */
enum kind {
	SECOND_STAGE,
	FIRST_STAGE,
	FIRST_STAGE_UPPER,
	RISCV_SECOND,
	RISCV_FIRST,
	RISCV_FIRST_UPPER,
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
};

static const struct kind_of_table kinds[KINDS] = {
	[SECOND_STAGE] = {&iommu_vtdss_ops, 0, 0, false, 1, 0},
	[FIRST_STAGE] = {&iommu_x86_64_table_ops, -1, IOMMU_PGTABLE_NO_EXECUTE, false, 1, 8},
	[FIRST_STAGE_UPPER] = {&iommu_x86_64_table_ops, -1, IOMMU_PGTABLE_NO_EXECUTE, true, 1, 8},
	[RISCV_SECOND] = {&iommu_riscvss_ops, 2, IOMMU_PGTABLE_MEMORY_TYPES, false, 4, 4},
	[RISCV_FIRST] = {&iommu_riscvfs_ops, -1, IOMMU_PGTABLE_MEMORY_TYPES, false, 1, 8},
	[RISCV_FIRST_UPPER] = {&iommu_riscvfs_ops, -1, IOMMU_PGTABLE_MEMORY_TYPES, true, 1, 8},
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
};

static void universe_init(struct universe *u, enum kind kind, unsigned int levels, uint64_t bitmap,
			  uint64_t seed)
{
	const struct iommu_pgtable_config config = {
		.platform = &u->platform.platform,
		.levels = levels,
		.input_bits = 12 + 9 * levels + (unsigned int)kinds[kind].extra_bits,
		.flags = kinds[kind].flags,
		.output_bits = 46,
		.pgsize_bitmap = bitmap,
		.node = IOMMU_NODE_ANY,
	};

	test_platform_init(&u->platform, 1ULL << 30, 1ULL << 30);
	u->random.state = seed;
	u->kind = &kinds[kind];
	u->ops = kinds[kind].ops;
	u->operations = u->mapped = u->refused = u->unmapped = u->out_of_memory = 0;
	u->mapped_alone = u->unmapped_alone = u->listed = 0;
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
	const iommu_iova_t places[] = {0, IOMMU_SIZE_1G, 512 * IOMMU_SIZE_1G - 4 * IOMMU_SIZE_2M,
				       u->last - u->first + 1 - 2 * IOMMU_SIZE_1G};
	iommu_iova_t place = places[test_random_below(&u->random, 4)];
	uint64_t unit, offset, longest;

	switch (test_random_below(&u->random, 32)) {
	case 0:
		unit = IOMMU_SIZE_1G;
		offset = test_random_below(&u->random, 2);
		longest = 2;
		break;
	case 1:
	case 2:
	case 3:
	case 4:
		unit = IOMMU_SIZE_2M;
		offset = test_random_below(&u->random, 4);
		longest = 4;
		break;
	case 5:
		unit = IOMMU_SIZE_4K;
		offset = test_random_below(&u->random, 1024);
		longest = 1024;
		break;
	default:
		unit = IOMMU_SIZE_4K;
		offset = 512 - 16 + test_random_below(&u->random, 32);
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
		*size = IOMMU_SIZE_4K;
	if (*size - 1 > u->last - *iova)
		*size = u->last - *iova + 1;
}

static bool has_runs(const struct universe *u)
{
	return (u->pt.pgsize_bitmap & IOMMU_SIZE_64K) != 0;
}

/*
 * A target that agrees with iova to some alignment, so that all page sizes come up. Long ranges are
 * seldom made of the smallest pages: the reference is slow with many leaves.
 */
static iommu_paddr_t random_target(struct universe *u, iommu_iova_t iova, uint64_t size)
{
	static const uint64_t alignments[] = {IOMMU_SIZE_1G, IOMMU_SIZE_2M, IOMMU_SIZE_4K};
	size_t choices = size <= IOMMU_SIZE_2M || test_random_below(&u->random, 16) == 0 ? 3 : 2;
	uint64_t alignment =
		alignments[test_random_below(&u->random, size < IOMMU_SIZE_1G ? choices : 2)];
	uint64_t base;

	if (has_runs(u) && alignment == IOMMU_SIZE_4K && test_random_below(&u->random, 4) != 0)
		alignment = IOMMU_SIZE_64K;
	base = test_random_below(&u->random, 1ULL << 44) & ~(alignment - 1);
	return base + (iova & (alignment - 1) & ~(IOMMU_SIZE_4K - 1));
}

/* Everything that the operation may have changed, and its neighbours. */
static void compare_around(struct universe *u, iommu_iova_t iova, uint64_t size)
{
	const uint64_t margin = 2 * IOMMU_SIZE_2M;
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
			(1 + test_random_below(&u->random, has_runs(u) ? 40 : 3)) * IOMMU_SIZE_4K;
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
		assert_int_equal(u.pt.pages, u.kind->root_pages + u.reference.table_count);
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
		cmocka_unit_test(every_nth_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
