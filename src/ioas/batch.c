/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Batches: arrays for the physical pieces of a part of an area, between its backing and the tables.
 *
 * Each address space has one, so that what is mapped can always be unmapped. It is lent to one call
 * at a time, or kept by what hardware has not confirmed.
 */
#include "ioas/ioas.h"

#define LARGE_ORDER 4

static unsigned int capacity_of(unsigned int order)
{
	const size_t bytes = ((size_t)IOMMU_PAGE_SIZE << order) - sizeof(struct ioas_batch);

	return (unsigned int)(bytes / sizeof(struct iommu_map_piece));
}

struct ioas_batch *iommu_batch_make(struct iommu_file *file, unsigned int order)
{
	struct ioas_batch *batch = iommu_file_alloc_pages(file, order);

	if (batch == NULL)
		return NULL;
	batch->order = order;
	batch->capacity = capacity_of(order);
	return batch;
}

void iommu_batch_free(struct iommu_file *file, struct ioas_batch *batch)
{
	iommu_file_free_pages(file, batch, batch->order);
}

static struct ioas_batch *take_spare(struct iommu_ioas *ioas)
{
	if (__atomic_exchange_n(&ioas->spare_taken, 1, __ATOMIC_ACQUIRE) != 0)
		return NULL;
	return ioas->spare;
}

struct ioas_batch *iommu_batch_take(struct iommu_ioas *ioas, uint64_t pages)
{
	struct iommu_file *file = ioas->object.file;
	struct ioas_batch *batch = NULL;

	if (pages <= capacity_of(0))
		batch = take_spare(ioas);
	else
		batch = iommu_batch_make(file, LARGE_ORDER);
	if (batch == NULL)
		batch = iommu_batch_make(file, 0);
	return batch != NULL ? batch : take_spare(ioas);
}

void iommu_batch_give(struct iommu_ioas *ioas, struct ioas_batch *batch)
{
	if (batch->is_spare)
		__atomic_store_n(&ioas->spare_taken, 0, __ATOMIC_RELEASE);
	else
		iommu_batch_free(ioas->object.file, batch);
}
