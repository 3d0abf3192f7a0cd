/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A word of the owner's own for each page of a window, in pages that are made when one is first
 * set: a tree of pages of 512 words or pointers.
 *
 * Locking: none; pages are linked by compare-and-swap and stay until all go. Any CPU, for different
 * words.
 */
#ifndef IOMMU_TCE_VIEW_H
#define IOMMU_TCE_VIEW_H

#include <libiommu/platform.h>

struct tce_view {
	void *root; /* NULL: all words are 0 */
	unsigned int levels;
};

void iommu_tce_view_init(struct tce_view *view, uint64_t words);
/* The place of a word; NULL: it is 0, or there is no memory to make it. */
uint64_t *iommu_tce_view_find(struct tce_view *view, const struct iommu_platform *platform,
			      uint64_t index, bool make);
/* All are 0 again. No other CPU uses it meanwhile. */
void iommu_tce_view_clear(struct tce_view *view, const struct iommu_platform *platform);

#endif
