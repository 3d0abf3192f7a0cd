/* SPDX-License-Identifier: BSD-2-Clause */
/* Scattered buffers: one range of addresses for all pieces, one invalidation to unmap them. */
#include "dma/bypass.h"

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
static bool count_pages(const struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
			unsigned int count, uint64_t *pages)
{
	unsigned int i;

	*pages = 0;
	for (i = 0; i < count; i++) {
		*pages += dma_pages_of(dma, pieces[i].paddr, pieces[i].size);
		if (*pages > UINT64_MAX >> dma->page_shift)
			return false;
	}
	return true;
}

/* Can the next piece, at this address, be part of the element? */
static bool continues(const struct iommu_dma_device *device, const struct iommu_dma_piece *element,
		      iommu_iova_t address, uint64_t size)
{
	return element->address + element->length == address &&
	       (device->max_segment == 0 || element->length + size <= device->max_segment) &&
	       !dma_crosses(device, element->address, element->length + size);
}

/* What the device gets: neighbours made one. Elements are written over pieces that were read. */
static void add_element(const struct iommu_dma_device *device, struct iommu_dma_piece *pieces,
			unsigned int *elements, iommu_iova_t address, uint64_t size)
{
	struct iommu_dma_piece *last = *elements != 0 ? &pieces[*elements - 1] : NULL;

	if (last != NULL && continues(device, last, address, size)) {
		last->length += size;
		return;
	}
	pieces[*elements].address = address;
	pieces[*elements].length = size;
	++*elements;
}

/* Addresses in order. */
static int make_elements(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			 struct iommu_dma_piece *pieces, unsigned int count, uint64_t first,
			 unsigned int *elements)
{
	unsigned int i;

	*elements = 0;
	for (i = 0; i < count; i++) {
		const iommu_iova_t address =
			(first << dma->page_shift) | (pieces[i].paddr & dma_page_mask(dma));
		const uint64_t size = pieces[i].size;

		first += dma_pages_of(dma, pieces[i].paddr, size);
		if (dma_crosses(device, address, size))
			return IOMMU_EINVAL;
		add_element(device, pieces, elements, address, size);
	}
	return 0;
}

/* All pieces, or none: they are unmapped by the address of the first. */
static bool bypass_pieces(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			  struct iommu_dma_piece *pieces, unsigned int count,
			  unsigned int *elements)
{
	iommu_iova_t address;
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!dma_bypasses(dma, device, pieces[i].paddr, pieces[i].size, &address))
			return false;
	*elements = 0;
	for (i = 0; i < count; i++)
		add_element(device, pieces, elements, dma->domain->bypass_offset + pieces[i].paddr,
			    pieces[i].size);
	return true;
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
			chunk[i].paddr = pieces[at].paddr & ~dma_page_mask(dma);
			chunk[i].size = dma_pages_of(dma, pieces[at].paddr, pieces[at].size)
					<< dma->page_shift;
		}
		status = iommu_map_sg(dma->domain, (first + *mapped) << dma->page_shift, chunk, i,
				      prot, &bytes);
		*mapped += bytes >> dma->page_shift;
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
	if (bypass_pieces(dma, device, pieces, count, elements))
		return 0;
	if (!count_pages(dma, pieces, count, &pages))
		return IOMMU_ENOSPC;
	status = iommu_dma_take_addresses(dma, device, pages, &first);
	if (status != 0)
		return status;
	status = make_elements(dma, device, pieces, count, first, elements);
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

	if (count == 0 || !count_pages(dma, pieces, count, &pages))
		return IOMMU_ENOENT;
	if (dma_is_bypass(dma, pieces[0].address))
		return 0;
	/* The first element begins where the range does. */
	return iommu_dma_unmap_pages(dma, pieces[0].address >> dma->page_shift, pages);
}
