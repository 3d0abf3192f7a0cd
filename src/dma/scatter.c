/* SPDX-License-Identifier: BSD-2-Clause */
/* Scattered buffers: one range of addresses for all pieces, one invalidation to unmap them. */
#include "dma/dma.h"

static int check_pieces(const struct iommu_dma_device *device, const struct iommu_dma_piece *pieces,
			unsigned int count, enum iommu_dma_direction direction)
{
	unsigned int i;
	int status;

	if (count == 0)
		return IOMMU_EINVAL;
	if (device->untrusted)
		return IOMMU_EOPNOTSUPP;
	for (i = 0; i < count; i++) {
		status = iommu_dma_check_buffer(device, pieces[i].paddr, pieces[i].size, direction);
		if (status != 0)
			return status;
		if (device->max_segment != 0 && pieces[i].size > device->max_segment)
			return IOMMU_EINVAL;
	}
	return 0;
}

/* False: more than there are addresses. */
static bool count_pages(const struct iommu_dma_piece *pieces, unsigned int count, uint64_t *pages)
{
	unsigned int i;

	*pages = 0;
	for (i = 0; i < count; i++) {
		*pages += dma_pages_of(pieces[i].paddr, pieces[i].size);
		if (*pages > UINT64_MAX >> IOMMU_PAGE_SHIFT)
			return false;
	}
	return true;
}

static bool crosses(const struct iommu_dma_device *device, iommu_iova_t address, uint64_t length)
{
	return device->boundary != 0 && (address ^ (address + (length - 1))) >= device->boundary;
}

/* Can the next piece, at this address, be part of the element? */
static bool continues(const struct iommu_dma_device *device, const struct iommu_dma_piece *element,
		      iommu_iova_t address, uint64_t size)
{
	return element->address + element->length == address &&
	       (device->max_segment == 0 || element->length + size <= device->max_segment) &&
	       !crosses(device, element->address, element->length + size);
}

/* What the device gets: addresses in order, neighbours made one. */
static int make_elements(const struct iommu_dma_device *device, struct iommu_dma_piece *pieces,
			 unsigned int count, uint64_t first, unsigned int *elements)
{
	struct iommu_dma_piece *element = NULL;
	unsigned int i;

	*elements = 0;
	for (i = 0; i < count; i++) {
		const iommu_iova_t address =
			(first << IOMMU_PAGE_SHIFT) | (pieces[i].paddr & DMA_PAGE_MASK);
		const uint64_t size = pieces[i].size;

		first += dma_pages_of(pieces[i].paddr, size);
		if (crosses(device, address, size))
			return IOMMU_EINVAL;
		if (element != NULL && continues(device, element, address, size)) {
			element->length += size;
			continue;
		}
		element = &pieces[(*elements)++];
		element->address = address;
		element->length = size;
	}
	return 0;
}

#define CHUNK 32 /* pieces that are handed on at once */

/* Whole pages, in chunks: neighbours in memory are mapped as one, and hardware is told once for each. */
static int map_pieces(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
		      unsigned int count, uint64_t first, unsigned int prot, uint64_t *mapped)
{
	struct iommu_map_piece chunk[CHUNK];
	unsigned int at = 0;
	int status = 0;

	*mapped = 0;
	while (at < count && status == 0) {
		uint64_t bytes;
		unsigned int i;

		for (i = 0; i < CHUNK && at < count; i++, at++) {
			chunk[i].paddr = pieces[at].paddr & ~DMA_PAGE_MASK;
			chunk[i].size = dma_pages_of(pieces[at].paddr, pieces[at].size)
					<< IOMMU_PAGE_SHIFT;
		}
		status = iommu_map_sg(dma->domain, (first + *mapped) << IOMMU_PAGE_SHIFT, chunk, i,
				      prot, &bytes);
		*mapped += bytes >> IOMMU_PAGE_SHIFT;
	}
	return status;
}

int iommu_dma_map_sg(struct iommu_dma *dma, const struct iommu_dma_device *device,
		     struct iommu_dma_piece *pieces, unsigned int count,
		     enum iommu_dma_direction direction, unsigned int *elements)
{
	const struct dma_hanging nothing = {.bounce = NULL};
	uint64_t pages, first;
	uint64_t mapped = 0;
	int status = check_pieces(device, pieces, count, direction);

	if (status != 0)
		return status;
	if (!count_pages(pieces, count, &pages))
		return IOMMU_ENOSPC;
	status = iommu_dma_take_addresses(dma, device, pages, &first);
	if (status != 0)
		return status;
	status = make_elements(device, pieces, count, first, elements);
	if (status == 0)
		status = map_pieces(dma, pieces, count, first, dma_prot_of(direction), &mapped);
	if (status != 0)
		iommu_dma_undo(dma, first, mapped, pages, status, &nothing);
	return status;
}

int iommu_dma_unmap_sg(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
		       unsigned int count)
{
	uint64_t pages;

	if (count == 0 || !count_pages(pieces, count, &pages))
		return IOMMU_ENOENT;
	/* The first element begins where the range does. */
	return iommu_dma_unmap_pages(dma, pieces[0].address >> IOMMU_PAGE_SHIFT, pages);
}
