/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bitmap.h"

#include <libiommu/status.h>

#include "base/bits.h"
#include "base/log.h"

int iommu_bitmap_create(struct iommu_bitmap *bitmap, const struct iommu_platform *platform,
			uint64_t bits)
{
	const uint64_t chunks = (bits + BITMAP_CHUNK_MASK) >> BITMAP_CHUNK_SHIFT;

	*bitmap = (struct iommu_bitmap){.platform = platform};
	while ((IOMMU_PAGE_SIZE << bitmap->order) / sizeof(uint64_t *) < chunks)
		bitmap->order++;
	if (bitmap->order > IOMMU_MAX_ALLOC_ORDER)
		return iommu_log_refusal(platform, "", "",
					 IOMMU_WHY("the window has too many entries"),
					 IOMMU_EINVAL);
	bitmap->chunks = platform->alloc_pages(platform->ctx, bitmap->order, IOMMU_NODE_ANY, 0);
	if (bitmap->chunks == NULL)
		return IOMMU_ENOMEM;
	for (; bitmap->chunk_count < chunks; bitmap->chunk_count++) {
		uint64_t *chunk = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

		if (chunk == NULL) {
			iommu_bitmap_destroy(bitmap);
			return IOMMU_ENOMEM;
		}
		bitmap->chunks[bitmap->chunk_count] = chunk;
	}
	return 0;
}

void iommu_bitmap_destroy(struct iommu_bitmap *bitmap)
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

void iommu_bitmap_set(struct iommu_bitmap *bitmap, uint64_t first, uint64_t count)
{
	while (count != 0) {
		const uint64_t here = 64 - first % 64 < count ? 64 - first % 64 : count;

		iommu_bitmap_store_word(bitmap, first,
					iommu_bitmap_load_word(bitmap, first) |
						mask_in_word(first, here));
		first += here;
		count -= here;
	}
}

void iommu_bitmap_clear(struct iommu_bitmap *bitmap, uint64_t first, uint64_t count)
{
	while (count != 0) {
		const uint64_t here = 64 - first % 64 < count ? 64 - first % 64 : count;

		iommu_bitmap_store_word(bitmap, first,
					iommu_bitmap_load_word(bitmap, first) &
						~mask_in_word(first, here));
		first += here;
		count -= here;
	}
}

/* `invert`: all ones, to look for a clear bit; or 0. */
static uint64_t next(const struct iommu_bitmap *bitmap, uint64_t first, uint64_t end,
		     uint64_t invert)
{
	while (first < end) {
		const uint64_t word =
			(iommu_bitmap_load_word(bitmap, first) ^ invert) & UINT64_MAX << first % 64;

		if (word != 0) {
			first = (first & ~63ULL) + iommu_lowest_bit(word);
			return first < end ? first : end;
		}
		first = (first | 63) + 1;
	}
	return end;
}

uint64_t iommu_bitmap_next_clear(const struct iommu_bitmap *bitmap, uint64_t first, uint64_t end)
{
	return next(bitmap, first, end, UINT64_MAX);
}

uint64_t iommu_bitmap_next_set(const struct iommu_bitmap *bitmap, uint64_t first, uint64_t end)
{
	return next(bitmap, first, end, 0);
}
