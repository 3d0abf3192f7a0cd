/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A word of the owner's own for each page of a window: a tree of pages of 512 words or pointers,
 * each made when one of its words is first set.
 *
 * Locking: none; pages are linked by compare-and-swap and stay until all are freed. Any CPU, for
 * different words.
 */
#ifndef IOMMU_TCE_VIEW_H
#define IOMMU_TCE_VIEW_H

#include <libiommu/platform.h>

struct tce_view {
	void *root; /* NULL: all words are 0 */
	unsigned int levels;
};

void iommu_tce_view_init(struct tce_view *view, uint64_t words);
/* The place of a word; NULL: it is 0, or there is no memory for it. */
uint64_t *iommu_tce_view_find(struct tce_view *view, const struct iommu_platform *platform,
			      uint64_t index, bool make);
/* Set all words to 0. No other CPU uses the view meanwhile. */
void iommu_tce_view_clear(struct tce_view *view, const struct iommu_platform *platform);

#endif
