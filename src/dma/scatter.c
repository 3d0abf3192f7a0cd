/* SPDX-License-Identifier: BSD-2-Clause */
/* Scattered buffers: one range of addresses for all pieces, one invalidation to unmap them. */
#include "dma/debug.h"
#include "dma/dma.h"

#if IOMMU_CONFIG_DMA_SCATTER

static int check_pieces(const struct iommu_dma_device *device, const struct iommu_dma_piece *pieces,
			unsigned int count, enum iommu_dma_direction direction)
{
	unsigned int i;
	int status;

	if (count == 0)
		return IOMMU_EINVAL;
	for (i = 0; i < count; i++) {
		status = iommu_dma_check_buffer(device, pieces[i].paddr, pieces[i].size, direction);
		if (status != 0)
			return status;
		if (device->max_segment != 0 && pieces[i].size > device->max_segment)
			return IOMMU_EINVAL;
	}
	return 0;
}

/* The pages of a range with room for all pieces. */
static int count_pages(const struct iommu_dma *dma, const struct iommu_dma_device *device,
		       const struct iommu_dma_piece *pieces, unsigned int count, uint64_t *pages)
{
	const uint64_t most = UINT64_MAX >> dma->page_shift;
	unsigned int i;

	*pages = 0;
	for (i = 0; i < count; i++) {
		const uint64_t own = dma_pages_of(dma, pieces[i].paddr, pieces[i].size);

		if (own > most - *pages)
			return IOMMU_ENOSPC;
		if (!dma_place_piece(dma, device, &pieces[i], pages))
			return IOMMU_EINVAL;
		if (*pages > most - own)
			return IOMMU_ENOSPC;
		*pages += own;
	}
	return 0;
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

/*
 * Elements end with the list, or with one that has no length: so unmap knows where the range ends.
 */
static void end_elements(struct iommu_dma_piece *pieces, unsigned int count, unsigned int elements)
{
	if (elements < count)
		pieces[elements].length = 0;
}

/* Addresses in order, where count_pages has put them. */
static void make_elements(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			  struct iommu_dma_piece *pieces, unsigned int count, uint64_t first,
			  unsigned int *elements)
{
	uint64_t page = 0;
	unsigned int i;

	*elements = 0;
	for (i = 0; i < count; i++) {
		const struct iommu_dma_piece piece = pieces[i];

		(void)dma_place_piece(dma, device, &piece, &page);
		add_element(device, pieces, elements,
			    ((first + page) << dma->page_shift) |
				    (piece.paddr & dma_page_mask(dma)),
			    piece.size);
		page += dma_pages_of(dma, piece.paddr, piece.size);
	}
	end_elements(pieces, count, *elements);
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
		add_element(device, pieces, elements, dma->pass_offset + pieces[i].paddr,
			    pieces[i].size);
	end_elements(pieces, count, *elements);
	return true;
}

#define CHUNK 32 /* pieces that are handed on at once */

/*
 * Whole pages, in chunks that end where pages are left out: neighbours in memory are mapped as one,
 * and hardware is told once for each. *mapped: the pages of the range up to the end of what is
 * mapped.
 */
static int map_pieces(struct iommu_dma *dma, const struct iommu_dma_device *device,
		      const struct iommu_dma_piece *pieces, unsigned int count, uint64_t first,
		      unsigned int prot, uint64_t *mapped)
{
	struct iommu_map_piece chunk[CHUNK];
	unsigned int at = 0;
	int status = 0;

	*mapped = 0;
	while (at < count && status == 0) {
		uint64_t begin = *mapped;
		uint64_t end;
		unsigned int i;

		(void)dma_place_piece(dma, device, &pieces[at], &begin);
		end = begin;
		for (i = 0; i < CHUNK && at < count; i++, at++) {
			const uint64_t pages = dma_pages_of(dma, pieces[at].paddr, pieces[at].size);
			uint64_t page = end;

			(void)dma_place_piece(dma, device, &pieces[at], &page);
			if (page != end)
				break;
			chunk[i].paddr = pieces[at].paddr & ~dma_page_mask(dma);
			chunk[i].size = pages << dma->page_shift;
			end += pages;
		}
		status = iommu_map_sg(dma->domain, (first + begin) << dma->page_shift, chunk, i,
				      prot, NULL);
		if (status == 0)
			*mapped = end;
	}
	return status;
}

/* Of lists no piece is the registers of another device if it would have to be bounced. */
static int check_care(const struct iommu_dma *dma, const struct iommu_dma_device *device,
		      const struct iommu_dma_piece *pieces, unsigned int count, unsigned int how,
		      bool *needs_records)
{
	unsigned int i;
	int status = iommu_dma_check_care(dma, device);

	*needs_records = false;
	for (i = 0; i < count && status == 0; i++) {
		if (!dma_needs_record(dma, device, pieces[i].paddr, pieces[i].size, how))
			continue;
		*needs_records = true;
		if ((how & IOMMU_DMA_MMIO) != 0)
			status = IOMMU_EOPNOTSUPP;
	}
	return status;
}

static int map_places(struct iommu_dma *dma, const struct iommu_dma_device *device,
		      const struct iommu_dma_piece *pieces, unsigned int count, unsigned int how,
		      uint64_t first, uint64_t pages)
{
	const struct dma_hanging nothing = {.release = NULL};
	uint64_t mapped = 0;
	int status = map_pieces(dma, device, pieces, count, first, dma_map_prot(device, how, how),
				&mapped);

	if (status != 0)
		iommu_dma_undo(dma, first, mapped, pages, status, &nothing);
	return status;
}

static int map_list(struct iommu_dma *dma, const struct iommu_dma_device *device,
		    struct iommu_dma_piece *pieces, unsigned int count, unsigned int how,
		    unsigned int *elements)
{
	bool needs_records = false;
	uint64_t pages, first;
	int status = 0;

	if (__builtin_expect(dma_is_direct(dma), 0))
		return iommu_dma_map_sg_direct(dma, device, pieces, count, how, elements);
	if (dma_may_bypass(how) && bypass_pieces(dma, device, pieces, count, elements))
		return 0;
	if (__builtin_expect(dma_needs_care(device), 0))
		status = check_care(dma, device, pieces, count, how, &needs_records);
	if (status == 0)
		status = count_pages(dma, device, pieces, count, &pages);
	if (status == 0)
		status = iommu_dma_take_addresses(dma, device, pages, pieces[0].paddr, &first);
	if (status != 0)
		return status;
	make_elements(dma, device, pieces, count, first, elements);
	status = needs_records
			 ? iommu_dma_map_list_bounced(dma, device, pieces, count, how, first, pages)
			 : map_places(dma, device, pieces, count, how, first, pages);
	if (status != 0)
		pieces[0].length = 0; /* not mapped: unmap finds nothing in it */
	return status;
}

static int map_noted(struct iommu_dma *dma, const struct iommu_dma_device *device,
		     struct iommu_dma_piece *pieces, unsigned int count,
		     enum iommu_dma_direction direction, unsigned int attributes,
		     unsigned int *elements)
{
	int status = check_pieces(device, pieces, count, direction);

	if (status == 0)
		status = map_list(dma, device, pieces, count, (unsigned int)direction | attributes,
				  elements);
	if (status == 0)
		iommu_dma_debug_map_list(dma, device, pieces, count, *elements);
	return status;
}

int iommu_dma_map_sg(struct iommu_dma *dma, const struct iommu_dma_device *device,
		     struct iommu_dma_piece *pieces, unsigned int count,
		     enum iommu_dma_direction direction, unsigned int *elements)
{
	return map_noted(dma, device, pieces, count, direction, 0, elements);
}

#if IOMMU_CONFIG_DMA_ATTRIBUTES
int iommu_dma_map_sg_with(struct iommu_dma *dma, const struct iommu_dma_device *device,
			  struct iommu_dma_piece *pieces, unsigned int count,
			  enum iommu_dma_direction direction, unsigned int attributes,
			  unsigned int *elements)
{
	int status = iommu_dma_check_attributes(dma, attributes);

	return status != 0 ? status
			   : map_noted(dma, device, pieces, count, direction, attributes, elements);
}
#endif

/* The pages of the range that a list is mapped in, those left out included; 0: it is not mapped. */
static uint64_t mapped_pages(const struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
			     unsigned int count)
{
	const struct iommu_dma_piece *last = pieces;
	unsigned int i;

	if (count == 0 || pieces[0].length == 0)
		return 0;
	for (i = 1; i < count && pieces[i].length != 0; i++)
		last = &pieces[i];
	if (last->address < pieces[0].address || last->length - 1 > UINT64_MAX - last->address)
		return 0;
	return dma_pages_of(dma, pieces[0].address,
			    last->address - pieces[0].address + last->length);
}

static int unmap_list(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
		      unsigned int count, unsigned int attributes)
{
	uint64_t pages, first;
	int status;

	if (__builtin_expect(dma_is_direct(dma), 0))
		return iommu_dma_unmap_sg_direct(dma, pieces, count, attributes);
	pages = mapped_pages(dma, pieces, count);
	if (pages == 0)
		return IOMMU_ENOENT;
	if (dma_is_bypass(dma, pieces[0].address))
		return 0;
	/* The first element begins where the range does. */
	first = pieces[0].address >> dma->page_shift;
	if (dma_has_records(dma) &&
	    iommu_dma_unmap_list_bounced(dma, first, pages, attributes, &status))
		return status;
	return iommu_dma_unmap_pages(dma, first, pages);
}

static int unmap_noted(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
		       unsigned int count, unsigned int attributes)
{
	struct dma_mapping *noted = iommu_dma_debug_unmap_list(dma, pieces, count);
	int status = unmap_list(dma, pieces, count, attributes);

	iommu_dma_debug_unmap_end(dma, noted, status);
	return status;
}

int iommu_dma_unmap_sg(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
		       unsigned int count)
{
	return unmap_noted(dma, pieces, count, 0);
}

#if IOMMU_CONFIG_DMA_ATTRIBUTES
int iommu_dma_unmap_sg_with(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
			    unsigned int count, unsigned int attributes)
{
	return (attributes & ~DMA_ATTRIBUTES) != 0 ? IOMMU_EINVAL
						   : unmap_noted(dma, pieces, count, attributes);
}
#endif

#endif
