/* SPDX-License-Identifier: BSD-2-Clause */
#include "tce/table.h"

#define CHUNK_SHIFT 15 /* bits in a page */
#define CHUNK_MASK  ((1ULL << CHUNK_SHIFT) - 1)

static uint64_t *word_of(const struct tce_bitmap *bitmap, uint64_t bit)
{
	return &bitmap->chunks[bit >> CHUNK_SHIFT][(bit & CHUNK_MASK) / 64];
}

int iommu_tce_bitmap_create(struct tce_bitmap *bitmap, const struct iommu_platform *platform,
			    uint64_t bits)
{
	const uint64_t chunks = (bits + CHUNK_MASK) >> CHUNK_SHIFT;

	*bitmap = (struct tce_bitmap){.platform = platform};
	while ((IOMMU_PAGE_SIZE << bitmap->order) / sizeof(uint64_t *) < chunks)
		bitmap->order++;
	if (bitmap->order > IOMMU_MAX_ALLOC_ORDER)
		return IOMMU_EINVAL;
	bitmap->chunks = platform->alloc_pages(platform->ctx, bitmap->order, IOMMU_NODE_ANY, 0);
	if (bitmap->chunks == NULL)
		return IOMMU_ENOMEM;
	for (; bitmap->chunk_count < chunks; bitmap->chunk_count++) {
		uint64_t *chunk = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

		if (chunk == NULL) {
			iommu_tce_bitmap_destroy(bitmap);
			return IOMMU_ENOMEM;
		}
		bitmap->chunks[bitmap->chunk_count] = chunk;
	}
	return 0;
}

void iommu_tce_bitmap_destroy(struct tce_bitmap *bitmap)
{
	const struct iommu_platform *platform = bitmap->platform;

	while (bitmap->chunk_count != 0)
		platform->free_pages(platform->ctx, bitmap->chunks[--bitmap->chunk_count], 0);
	platform->free_pages(platform->ctx, bitmap->chunks, bitmap->order);
	bitmap->chunks = NULL;
}

/* Of the word of bit `first`: the bits from there on, at most `count`. */
static uint64_t mask_in_word(uint64_t first, uint64_t count)
{
	const uint64_t from = UINT64_MAX << first % 64;

	return first % 64 + count < 64 ? from & ~(UINT64_MAX << (first % 64 + count)) : from;
}

void iommu_tce_bitmap_set(struct tce_bitmap *bitmap, uint64_t first, uint64_t count)
{
	while (count != 0) {
		const uint64_t here = 64 - first % 64 < count ? 64 - first % 64 : count;

		*word_of(bitmap, first) |= mask_in_word(first, here);
		first += here;
		count -= here;
	}
}

void iommu_tce_bitmap_clear(struct tce_bitmap *bitmap, uint64_t first, uint64_t count)
{
	while (count != 0) {
		const uint64_t here = 64 - first % 64 < count ? 64 - first % 64 : count;

		*word_of(bitmap, first) &= ~mask_in_word(first, here);
		first += here;
		count -= here;
	}
}

/* The lowest set bit of a word that is not 0. */
static unsigned int lowest_bit(uint64_t word)
{
	unsigned int position = 0;
	unsigned int step;

	for (step = 32; step != 0; step /= 2)
		if ((word & ((1ULL << step) - 1)) == 0) {
			word >>= step;
			position += step;
		}
	return position;
}

/* `invert`: all ones, to look for a clear bit; or 0. */
static uint64_t next(const struct tce_bitmap *bitmap, uint64_t first, uint64_t end, uint64_t invert)
{
	while (first < end) {
		const uint64_t word = (*word_of(bitmap, first) ^ invert) & UINT64_MAX << first % 64;

		if (word != 0) {
			first = (first & ~63ULL) + lowest_bit(word);
			return first < end ? first : end;
		}
		first = (first | 63) + 1;
	}
	return end;
}

uint64_t iommu_tce_bitmap_next_clear(const struct tce_bitmap *bitmap, uint64_t first, uint64_t end)
{
	return next(bitmap, first, end, UINT64_MAX);
}

uint64_t iommu_tce_bitmap_next_set(const struct tce_bitmap *bitmap, uint64_t first, uint64_t end)
{
	return next(bitmap, first, end, 0);
}
