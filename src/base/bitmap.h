/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bit for each page of a window, in pages of memory, found through a directory.
 *
 * Words are changed under the caller's lock, and stored whole: they may be read without it.
 */
#ifndef IOMMU_BASE_BITMAP_H
#define IOMMU_BASE_BITMAP_H

#include <libiommu/platform.h>

#include "base/atomic.h"

#define BITMAP_CHUNK_SHIFT 15 /* bits in a page */
#define BITMAP_CHUNK_MASK  ((1ULL << BITMAP_CHUNK_SHIFT) - 1)

struct iommu_bitmap {
	const struct iommu_platform *platform;
	uint64_t **chunks;
	unsigned int chunk_count;
	unsigned int order; /* of the pages of the directory */
};

int iommu_bitmap_create(struct iommu_bitmap *bitmap, const struct iommu_platform *platform,
			uint64_t bits);
void iommu_bitmap_destroy(struct iommu_bitmap *bitmap);
void iommu_bitmap_set(struct iommu_bitmap *bitmap, uint64_t first, uint64_t count);
void iommu_bitmap_clear(struct iommu_bitmap *bitmap, uint64_t first, uint64_t count);
/* The first bit from `first` on, before `end`, that is clear, or set; end: there is none. */
uint64_t iommu_bitmap_next_clear(const struct iommu_bitmap *bitmap, uint64_t first, uint64_t end);
uint64_t iommu_bitmap_next_set(const struct iommu_bitmap *bitmap, uint64_t first, uint64_t end);

/* --- Ranges within one word, as most are ------------------------------------------------------ */

static inline uint64_t *iommu_bitmap_word_of(const struct iommu_bitmap *bitmap, uint64_t bit)
{
	return &bitmap->chunks[bit >> BITMAP_CHUNK_SHIFT][(bit & BITMAP_CHUNK_MASK) / 64];
}

static inline void iommu_bitmap_store_word(struct iommu_bitmap *bitmap, uint64_t bit, uint64_t word)
{
	iommu_bits_store(iommu_bitmap_word_of(bitmap, bit), word);
}

static inline uint64_t iommu_bitmap_load_word(const struct iommu_bitmap *bitmap, uint64_t bit)
{
	return iommu_bits_load(iommu_bitmap_word_of(bitmap, bit));
}

/* Do these bits lie in one word, and are less than all of it? */
static inline bool iommu_bitmap_in_one_word(uint64_t first, uint64_t count)
{
	return count < 64 && first % 64 + count <= 64;
}

static inline uint64_t iommu_bitmap_word_mask(uint64_t first, uint64_t count)
{
	return ((1ULL << count) - 1) << first % 64;
}

#endif
