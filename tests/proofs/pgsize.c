/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The choice of page sizes, for all bitmaps, addresses and sizes of 64 bits: what is returned
 * fits, no larger page would have, and a larger page never serves before the count ends.
 */
#include "pgtable/pgsize.c"

#include "proof.h"

static bool fits(uint64_t bitmap, unsigned int shift, uint64_t iova, uint64_t paddr, uint64_t size)
{
	const uint64_t page = 1ULL << shift;

	return (bitmap >> shift & 1) != 0 && ((iova | paddr) & (page - 1)) == 0 && size >= page;
}

int main(void)
{
	const uint64_t bitmap = any_64(), iova = any_64(), paddr = any_64(), size = any_64();
	const unsigned int shift = any_below(64);
	uint64_t pgsize = 0, count = 0, done;
	const int status = iommu_pgsize(bitmap, iova, paddr, size, &pgsize, &count);

	if (status != 0) {
		CLAIM(pgsize == 0 && count == 0);
		CLAIM(status == IOMMU_EINVAL || status == IOMMU_EOVERFLOW);
		if (status == IOMMU_EOVERFLOW)
			CLAIM(iova + (size - 1) < iova || paddr + (size - 1) < paddr);
		END();
		return 0;
	}
	CLAIM(iova + (size - 1) >= iova && paddr + (size - 1) >= paddr);
	CLAIM(pgsize != 0 && (pgsize & (pgsize - 1)) == 0 && (bitmap & pgsize) != 0);
	CLAIM(((iova | paddr) & (pgsize - 1)) == 0 && count != 0);
	/* So many fit; and no larger page does. */
	CLAIM(count <= (size >> iommu_highest_bit(pgsize)));
	if (fits(bitmap, shift, iova, paddr, size))
		CLAIM(1ULL << shift <= pgsize);
	/* Nor further on, before the count ends. */
	done = any_64();
	ASSUME(done < count);
	done <<= iommu_highest_bit(pgsize);
	if (done < size && fits(bitmap, shift, iova + done, paddr + done, size - done))
		CLAIM(1ULL << shift <= pgsize);
	END();
	return 0;
}
