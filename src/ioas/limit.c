/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits of a file: what is allocated is charged before, so that concurrent calls never exceed a
 * limit together.
 */
#include "ioas/ioas.h"

bool iommu_file_charge(size_t *counter, uint64_t amount, uint64_t limit)
{
	const size_t most = limit != 0 && limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
	size_t taken = __atomic_load_n(counter, __ATOMIC_RELAXED);

	do {
		if (taken > most || amount > most - taken)
			return false;
	} while (!__atomic_compare_exchange_n(counter, &taken, taken + (size_t)amount, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

void iommu_file_discharge(size_t *counter, uint64_t amount)
{
	__atomic_sub_fetch(counter, (size_t)amount, __ATOMIC_RELAXED);
}

void *iommu_file_alloc_pages(struct iommu_file *file, unsigned int order)
{
	const struct iommu_platform *platform = file->platform;
	void *pages;

	if (!iommu_file_charge(&file->metadata, IOMMU_PAGE_SIZE << order,
			       file->limits.metadata_bytes))
		return NULL;
	pages = platform->alloc_pages(platform->ctx, order, IOMMU_NODE_ANY, 0);
	if (pages == NULL)
		iommu_file_discharge(&file->metadata, IOMMU_PAGE_SIZE << order);
	return pages;
}

void iommu_file_free_pages(struct iommu_file *file, void *pages, unsigned int order)
{
	iommu_file_discharge(&file->metadata, IOMMU_PAGE_SIZE << order);
	file->platform->free_pages(file->platform->ctx, pages, order);
}
