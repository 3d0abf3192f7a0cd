/* SPDX-License-Identifier: BSD-2-Clause */
#include "tce/bitmap.h"

#include <libiommu/status.h>

#include "base/bits.h"
#include "base/log.h"

int iommu_tce_bitmap_create(struct tce_bitmap *bitmap, const struct iommu_platform *platform,
			    uint64_t bits)
{
	const uint64_t chunks = (bits + TCE_CHUNK_MASK) >> TCE_CHUNK_SHIFT;

	*bitmap = (struct tce_bitmap){.platform = platform};
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

		tce_store_word(bitmap, first,
			       tce_load_word(bitmap, first) | mask_in_word(first, here));
		first += here;
		count -= here;
	}
}

void iommu_tce_bitmap_clear(struct tce_bitmap *bitmap, uint64_t first, uint64_t count)
{
	while (count != 0) {
		const uint64_t here = 64 - first % 64 < count ? 64 - first % 64 : count;

		tce_store_word(bitmap, first,
			       tce_load_word(bitmap, first) & ~mask_in_word(first, here));
		first += here;
		count -= here;
	}
}

/* `invert`: all ones, to look for a clear bit; or 0. */
static uint64_t next(const struct tce_bitmap *bitmap, uint64_t first, uint64_t end, uint64_t invert)
{
	while (first < end) {
		const uint64_t word =
			(tce_load_word(bitmap, first) ^ invert) & UINT64_MAX << first % 64;

		if (word != 0) {
			first = (first & ~63ULL) + iommu_lowest_bit(word);
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
