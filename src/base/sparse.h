/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An array of 64-bit words of which most are 0: a tree of pages of 512 words or pointers,
 * each made when one of its words is first set.
 *
 * Locking: none; pages are linked by compare-and-swap and stay until all are freed. Any CPU, for
 * different words.
 */
#ifndef IOMMU_BASE_SPARSE_H
#define IOMMU_BASE_SPARSE_H

#include <libiommu/platform.h>

struct iommu_sparse {
	void *root; /* NULL: all words are 0 */
	unsigned int levels;
};

void iommu_sparse_init(struct iommu_sparse *view, uint64_t words);
/* The place of a word; NULL: it is 0, or there is no memory for it. */
uint64_t *iommu_sparse_find(struct iommu_sparse *view, const struct iommu_platform *platform,
			    uint64_t index, bool make);
/* So many words from this one on that are 0 because no page for them was made; 0: it has one. */
uint64_t iommu_sparse_gap(const struct iommu_sparse *view, uint64_t index);
/* Set all words to 0. No other CPU uses the view meanwhile. */
void iommu_sparse_clear(struct iommu_sparse *view, const struct iommu_platform *platform);

#endif
