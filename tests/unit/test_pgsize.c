/* SPDX-License-Identifier: BSD-2-Clause */
/* iommu_pgsize: the table of cases, then all arguments against a definition by exhaustion. */
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "test.h"

#define SIZES_4K_2M_1G (IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)

struct pgsize_case {
	uint64_t bitmap, iova, paddr, size;
	int status;
	uint64_t pgsize, count;
};

static void known_cases(void **state)
{
	static const struct pgsize_case cases[] = {
		/* One page, a run of small pages, exactly one large page. */
		{SIZES_4K_2M_1G, 0, 0, 0x1000, 0, 0x1000, 1},
		{SIZES_4K_2M_1G, 0, 0x1000, 0x400000, 0, 0x1000, 1024},
		{SIZES_4K_2M_1G, 0x200000, 0x400000, 0x200000, 0, 0x200000, 1},
		/* Small pages only up to where both addresses reach a large boundary. */
		{SIZES_4K_2M_1G, 0x1fe000, 0x3fe000, 0x300000, 0, 0x1000, 2},
		/* ... but not when the large page would not fit behind it. */
		{SIZES_4K_2M_1G, 0x1fe000, 0x3fe000, 0x201000, 0, 0x1000, 0x201},
		{SIZES_4K_2M_1G, 0x1fe000, 0x3fe000, 0x202000, 0, 0x1000, 2},
		/* ... nor when the addresses never reach it together. */
		{SIZES_4K_2M_1G, 0x1fe000, 0x3ff000, 0x800000, 0, 0x1000, 0x800},
		/* 2M pages until 1G serves. */
		{SIZES_4K_2M_1G, 0x3fe00000, 0x7fe00000, 0x80000000, 0, 0x200000, 1},
		{SIZES_4K_2M_1G, 0x40000000, 0x80000000, 0x80000000, 0, 0x40000000, 2},
		/* The top of the space. */
		{SIZES_4K_2M_1G, 0xfffffffffffff000, 0xfffffffffffff000, 0x1000, 0, 0x1000, 1},
		{SIZES_4K_2M_1G, 0xffffffffffe00000, 0x200000, 0x200000, 0, 0x200000, 1},
		{1ULL << 63, 1ULL << 63, 0, 1ULL << 63, 0, 1ULL << 63, 1},
		{1, 0, 0, UINT64_MAX, 0, 1, UINT64_MAX},
		/* Errors. */
		{0, 0, 0, 0x1000, IOMMU_EINVAL, 0, 0},
		{SIZES_4K_2M_1G, 0, 0, 0, IOMMU_EINVAL, 0, 0},
		{SIZES_4K_2M_1G, 0, 0, 0xfff, IOMMU_EINVAL, 0, 0},
		{SIZES_4K_2M_1G, 0x800, 0, 0x1000, IOMMU_EINVAL, 0, 0},
		{SIZES_4K_2M_1G, 0, 0x800, 0x1000, IOMMU_EINVAL, 0, 0},
		{IOMMU_SIZE_2M, 0, 0x1000, 0x200000, IOMMU_EINVAL, 0, 0},
		{SIZES_4K_2M_1G, 0xfffffffffffff000, 0, 0x2000, IOMMU_EOVERFLOW, 0, 0},
		{SIZES_4K_2M_1G, 0, 0xfffffffffffff000, 0x2000, IOMMU_EOVERFLOW, 0, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pgsize_case *c = &cases[i];
		uint64_t pgsize = 0, count = 0;

		assert_int_equal(
			iommu_pgsize(c->bitmap, c->iova, c->paddr, c->size, &pgsize, &count),
			c->status);
		assert_int_equal(pgsize, c->pgsize);
		assert_int_equal(count, c->count);
	}
}

/* Does a page of this size fit at this point? */
static bool fits(uint64_t pgsize, uint64_t iova, uint64_t paddr, uint64_t left)
{
	return iova % pgsize == 0 && paddr % pgsize == 0 && left >= pgsize;
}

static uint64_t largest_fitting(uint64_t bitmap, uint64_t iova, uint64_t paddr, uint64_t left)
{
	uint64_t pgsize;

	for (pgsize = 1ULL << 5; pgsize != 0; pgsize >>= 1)
		if ((bitmap & pgsize) != 0 && fits(pgsize, iova, paddr, left))
			return pgsize;
	return 0;
}

/* The definition: take the largest page that fits, again and again, until that is a larger one. */
static uint64_t count_by_definition(uint64_t bitmap, uint64_t iova, uint64_t paddr, uint64_t size,
				    uint64_t pgsize)
{
	uint64_t count = 0;

	while (size >= pgsize && largest_fitting(bitmap, iova, paddr, size) == pgsize) {
		iova += pgsize;
		paddr += pgsize;
		size -= pgsize;
		count++;
	}
	return count;
}

static void every_small_argument(void **state)
{
	uint64_t bitmap, iova, paddr, size;

	(void)state;
	for (bitmap = 1; bitmap < 32; bitmap++)
		for (iova = 0; iova < 34; iova++)
			for (paddr = 0; paddr < 34; paddr++)
				for (size = 0; size < 40; size++) {
					uint64_t smallest = bitmap & -bitmap;
					uint64_t want = largest_fitting(bitmap, iova, paddr, size);
					uint64_t pgsize = 0, count = 0;
					bool valid = iova % smallest == 0 &&
						     paddr % smallest == 0 && size >= smallest;
					int status = iommu_pgsize(bitmap, iova, paddr, size,
								  &pgsize, &count);

					assert_int_equal(status, valid ? 0 : IOMMU_EINVAL);
					if (!valid)
						continue;
					assert_int_equal(pgsize, want);
					assert_int_equal(count,
							 count_by_definition(bitmap, iova, paddr,
									     size, want));
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_cases),
		cmocka_unit_test(every_small_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
