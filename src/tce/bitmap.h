/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bit for each page of a window, in pages of memory, found through a directory.
 *
 * Words are changed under the caller's lock, and stored whole: they may be read without it.
 */
#ifndef IOMMU_TCE_BITMAP_H
#define IOMMU_TCE_BITMAP_H

#include <libiommu/platform.h>

#define TCE_CHUNK_SHIFT 15 /* bits in a page */
#define TCE_CHUNK_MASK  ((1ULL << TCE_CHUNK_SHIFT) - 1)

struct tce_bitmap {
	const struct iommu_platform *platform;
	uint64_t **chunks;
	unsigned int chunk_count;
	unsigned int order; /* of the pages of the directory */
};

int iommu_tce_bitmap_create(struct tce_bitmap *bitmap, const struct iommu_platform *platform,
			    uint64_t bits);
void iommu_tce_bitmap_destroy(struct tce_bitmap *bitmap);
void iommu_tce_bitmap_set(struct tce_bitmap *bitmap, uint64_t first, uint64_t count);
void iommu_tce_bitmap_clear(struct tce_bitmap *bitmap, uint64_t first, uint64_t count);
/* The first bit from `first` on, before `end`, that is clear, or set; end: there is none. */
uint64_t iommu_tce_bitmap_next_clear(const struct tce_bitmap *bitmap, uint64_t first, uint64_t end);
uint64_t iommu_tce_bitmap_next_set(const struct tce_bitmap *bitmap, uint64_t first, uint64_t end);

/* --- Ranges within one word, as most are ------------------------------------------------------ */

static inline uint64_t *tce_word_of(const struct tce_bitmap *bitmap, uint64_t bit)
{
	return &bitmap->chunks[bit >> TCE_CHUNK_SHIFT][(bit & TCE_CHUNK_MASK) / 64];
}

/*
 * Halves on 32-bit hosts, whose bits do not depend on each other: a reader's own are whole either
 * way, and 64-bit atomics would be calls there.
 */
#if UINTPTR_MAX > UINT32_MAX
static inline void tce_store_word(struct tce_bitmap *bitmap, uint64_t bit, uint64_t word)
{
	__atomic_store_n(tce_word_of(bitmap, bit), word, __ATOMIC_RELAXED);
}

static inline uint64_t tce_load_word(const struct tce_bitmap *bitmap, uint64_t bit)
{
	return __atomic_load_n(tce_word_of(bitmap, bit), __ATOMIC_RELAXED);
}
#else
typedef uint32_t tce_half __attribute__((may_alias));

static inline void tce_store_word(struct tce_bitmap *bitmap, uint64_t bit, uint64_t word)
{
	tce_half *halves = (tce_half *)tce_word_of(bitmap, bit);

	__atomic_store_n(&halves[0], (uint32_t)word, __ATOMIC_RELAXED);
	__atomic_store_n(&halves[1], (uint32_t)(word >> 32), __ATOMIC_RELAXED);
}

static inline uint64_t tce_load_word(const struct tce_bitmap *bitmap, uint64_t bit)
{
	const tce_half *halves = (const tce_half *)tce_word_of(bitmap, bit);
	const uint32_t low = __atomic_load_n(&halves[0], __ATOMIC_RELAXED);

	return low | (uint64_t)__atomic_load_n(&halves[1], __ATOMIC_RELAXED) << 32;
}
#endif

/* Do these lie in one word, with others? */
static inline bool tce_in_one_word(uint64_t first, uint64_t count)
{
	return count < 64 && first % 64 + count <= 64;
}

static inline uint64_t tce_word_mask(uint64_t first, uint64_t count)
{
	return ((1ULL << count) - 1) << first % 64;
}

#endif
