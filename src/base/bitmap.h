/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bit for each page of a window, in pages of memory, found through a directory.
 *
 * Words are changed under the caller's lock, and stored whole: they may be read without it.
 */
#ifndef IOMMU_BASE_BITMAP_H
#define IOMMU_BASE_BITMAP_H

#include <libiommu/platform.h>

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

/*
 * Halves on 32-bit hosts, whose bits do not depend on each other: a reader's own are whole either
 * way, and 64-bit atomics would be calls there.
 */
#if UINTPTR_MAX > UINT32_MAX
static inline void iommu_bitmap_store_word(struct iommu_bitmap *bitmap, uint64_t bit, uint64_t word)
{
	__atomic_store_n(iommu_bitmap_word_of(bitmap, bit), word, __ATOMIC_RELAXED);
}

static inline uint64_t iommu_bitmap_load_word(const struct iommu_bitmap *bitmap, uint64_t bit)
{
	return __atomic_load_n(iommu_bitmap_word_of(bitmap, bit), __ATOMIC_RELAXED);
}
#else
typedef uint32_t bitmap_half __attribute__((may_alias));

static inline void iommu_bitmap_store_word(struct iommu_bitmap *bitmap, uint64_t bit, uint64_t word)
{
	bitmap_half *halves = (bitmap_half *)iommu_bitmap_word_of(bitmap, bit);

	__atomic_store_n(&halves[0], (uint32_t)word, __ATOMIC_RELAXED);
	__atomic_store_n(&halves[1], (uint32_t)(word >> 32), __ATOMIC_RELAXED);
}

static inline uint64_t iommu_bitmap_load_word(const struct iommu_bitmap *bitmap, uint64_t bit)
{
	const bitmap_half *halves = (const bitmap_half *)iommu_bitmap_word_of(bitmap, bit);
	const uint32_t low = __atomic_load_n(&halves[0], __ATOMIC_RELAXED);

	return low | (uint64_t)__atomic_load_n(&halves[1], __ATOMIC_RELAXED) << 32;
}
#endif

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
