/* SPDX-License-Identifier: BSD-2-Clause */
/* Scattered buffers: one range of addresses for all pieces, one invalidation to unmap them. */
#include "base/piece.h"
#include "dma/debug.h"
#include "dma/dma.h"
#include "dma/one_page.h"

#if IOMMU_CONFIG_DMA_SCATTER

/* IOMMU_EINVAL: no list, or no direction, or limits that make no sense. */
static inline int check_list(const struct iommu_dma_device *device, unsigned int count,
			     enum iommu_dma_direction direction)
{
#if DMA_HAS_ONE_PAGE
	if (__builtin_expect(count != 0 && (unsigned int)direction - 1 <= 2 &&
				     dma_is_undemanding(device),
			     1))
		return 0;
#endif
	/* As a buffer of one byte. */
	return count == 0 ? IOMMU_EINVAL : iommu_dma_check_buffer(device, 0, 1, direction);
}

/* The largest piece, less one. */
static uint64_t last_of_largest(const struct iommu_dma_device *device)
{
	return (device->max_segment != 0 ? device->max_segment : UINT64_MAX) - 1;
}

/* What is wrong with the first piece that is not as it should be; 0: nothing is. */
static int check_pieces(const struct iommu_dma_device *device, const struct iommu_dma_piece *pieces,
			unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (pieces[i].size - 1 > last_of_largest(device))
			return IOMMU_EINVAL;
		if (pieces[i].size - 1 > UINT64_MAX - pieces[i].paddr)
			return IOMMU_EOVERFLOW;
	}
	return 0;
}

/* There is no range for the list; but what is wrong with its pieces comes first. */
static __attribute__((noinline)) int no_range(const struct iommu_dma_device *device,
					      const struct iommu_dma_piece *pieces,
					      unsigned int count, int why)
{
	int status = check_pieces(device, pieces, count);

	return status != 0 ? status : why;
}

/* Check all pieces, and count the pages of a range with room for them. */
static int measure(const struct iommu_dma *dma, const struct iommu_dma_device *device,
		   const struct iommu_dma_piece *pieces, unsigned int count, uint64_t *pages)
{
	const uint64_t most = UINT64_MAX >> dma->page_shift;
	const uint64_t largest = last_of_largest(device);
	const struct iommu_dma_piece *piece;
	uint64_t sum = 0;

	for (piece = pieces; piece != pieces + count; piece++) {
		const uint64_t last = piece->size - 1;
		const uint64_t own = dma_pages_of(dma, piece->paddr, piece->size);

		if (__builtin_expect(last > largest || last > ~piece->paddr || own > most - sum, 0))
			return no_range(device, pieces, count, IOMMU_ENOSPC);
		if (__builtin_expect(!dma_place_piece(dma, device, piece, &sum), 0))
			return no_range(device, pieces, count, IOMMU_EINVAL);
		if (__builtin_expect(own > most - sum, 0))
			return no_range(device, pieces, count, IOMMU_ENOSPC);
		sum += own;
	}
	*pages = sum;
	return 0;
}

/*
 * The elements that a device gets, neighbours made one. They are written over the list, from its
 * beginning on, each when it is known where it ends; there are never more than pieces before.
 */
struct elements {
	struct iommu_dma_piece *list;
	unsigned int count; /* that are written */
	iommu_iova_t address;
	uint64_t length; /* of the one that is not; 0: there is none */
	/* Where the list lies, and where its next piece may begin. */
	iommu_iova_t start, at;
	/* Of the device. */
	uint64_t largest, boundary;
};

static inline struct elements elements_begin(const struct iommu_dma_device *device,
					     struct iommu_dma_piece *list, iommu_iova_t start)
{
	return (struct elements){
		.list = list,
		.start = start,
		.at = start,
		.largest = last_of_largest(device),
		.boundary = device->boundary,
	};
}

static inline void write_element(struct elements *elements)
{
	elements->list[elements->count].address = elements->address;
	elements->list[elements->count].length = elements->length;
	elements->count++;
}

/* Can a piece at this address be part of the last element? */
static inline bool continues(const struct elements *elements, iommu_iova_t address, uint64_t size)
{
	const uint64_t last = elements->length + size - 1;

	return iommu_adjoins(elements->address + elements->length, address) &&
	       last <= elements->largest &&
	       (elements->boundary == 0 ||
		(elements->address ^ (elements->address + last)) < elements->boundary);
}

static inline void add_element(struct elements *elements, iommu_iova_t address, uint64_t size)
{
	if (elements->length != 0 && continues(elements, address, size)) {
		elements->length += size;
		return;
	}
	if (elements->length != 0)
		write_element(elements);
	elements->address = address;
	elements->length = size;
}

/*
 * Elements end with the list, of so many pieces, or with one that has no length: so unmap knows
 * where the range ends. Returns how many there are.
 */
static inline unsigned int elements_end(struct elements *elements, unsigned int count)
{
	if (elements->length != 0)
		write_element(elements);
	if (elements->count < count)
		elements->list[elements->count].length = 0;
	return elements->count;
}

/* All bytes of the pages that a piece lies on: measure knows that they do not wrap. */
static inline uint64_t bytes_of(const struct iommu_dma *dma, const struct iommu_dma_piece *piece)
{
	const uint64_t mask = dma_page_mask(dma);

	return (((piece->paddr & mask) + (piece->size - 1)) | mask) + 1;
}

/* Where measure has put the next piece of the list: at `at`, or behind. */
static inline iommu_iova_t place_of(const struct iommu_dma *dma,
				    const struct iommu_dma_device *device,
				    const struct iommu_dma_piece *piece,
				    const struct elements *elements)
{
	uint64_t page;

	if (__builtin_expect(device->boundary == 0, 1))
		return elements->at;
	page = (elements->at - elements->start) >> dma->page_shift;
	(void)dma_place_piece(dma, device, piece, &page);
	return elements->start + (page << dma->page_shift);
}

/* The next piece is put at `at`. */
static inline void add_piece(const struct iommu_dma *dma, const struct iommu_dma_piece *piece,
			     struct elements *elements)
{
	add_element(elements, elements->at | (piece->paddr & dma_page_mask(dma)), piece->size);
	elements->at += bytes_of(dma, piece);
}

/* All pieces, or none: they are unmapped by the address of the first. */
static bool bypass_pieces(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			  struct iommu_dma_piece *pieces, unsigned int count, unsigned int *number)
{
	struct elements elements = elements_begin(device, pieces, 0);
	iommu_iova_t address;
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!dma_bypasses(dma, device, pieces[i].paddr, pieces[i].size, &address))
			return false;
	for (i = 0; i < count; i++)
		add_element(&elements, dma->pass_offset + pieces[i].paddr, pieces[i].size);
	*number = elements_end(&elements, count);
	return true;
}

#define CHUNK 32 /* pieces that are handed on at once */

/* Pieces from the first on, whole pages, up to one before which pages are left out. */
static inline unsigned int take_chunk(const struct iommu_dma *dma,
				      const struct iommu_dma_device *device,
				      const struct iommu_dma_piece *pieces, unsigned int count,
				      struct elements *elements, struct iommu_map_piece *chunk)
{
	unsigned int i;

	for (i = 0; i < count && i < CHUNK; i++) {
		if (place_of(dma, device, &pieces[i], elements) != elements->at)
			break;
		chunk[i].paddr = pieces[i].paddr & ~dma_page_mask(dma);
		chunk[i].size = bytes_of(dma, &pieces[i]);
		add_piece(dma, &pieces[i], elements);
	}
	return i;
}

/*
 * Whole pages, in chunks: neighbours in memory are mapped as one, and hardware is told once for
 * each. *end: of what is mapped. The elements are made on the way.
 */
static int map_pieces(struct iommu_dma *dma, const struct iommu_dma_device *device,
		      const struct iommu_dma_piece *pieces, unsigned int count, unsigned int prot,
		      struct elements *elements, iommu_iova_t *end)
{
	struct iommu_map_piece chunk[CHUNK];
	unsigned int done = 0;
	int status = 0;

	*end = elements->start;
	while (done < count && status == 0) {
		const iommu_iova_t begin = place_of(dma, device, &pieces[done], elements);
		unsigned int taken;

		elements->at = begin;
		taken = take_chunk(dma, device, &pieces[done], count - done, elements, chunk);
		status = iommu_map_sg(dma->domain, begin, chunk, taken, prot, NULL);
		done += taken;
		if (status == 0)
			*end = elements->at;
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

/* In `pages` pages, which are given back if not all of the list can be mapped. */
static int map_places(struct iommu_dma *dma, const struct iommu_dma_device *device,
		      const struct iommu_dma_piece *pieces, unsigned int count, unsigned int how,
		      uint64_t pages, struct elements *elements)
{
	const struct dma_hanging nothing = {.release = NULL};
	iommu_iova_t end;
	int status = map_pieces(dma, device, pieces, count, dma_map_prot(device, how, how),
				elements, &end);

	if (status != 0)
		iommu_dma_undo(dma, elements->start >> dma->page_shift,
			       (end - elements->start) >> dma->page_shift, pages, status, &nothing);
	return status;
}

static int map_bounced_list(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    const struct iommu_dma_piece *pieces, unsigned int count,
			    unsigned int how, uint64_t pages, struct elements *elements)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		elements->at = place_of(dma, device, &pieces[i], elements);
		add_piece(dma, &pieces[i], elements);
	}
	return iommu_dma_map_list_bounced(dma, device, pieces, count, how,
					  elements->start >> dma->page_shift, pages);
}

/* --- Lists of whole pages --------------------------------------------------------------------- */

/*
 * The usual list is of whole pages, and becomes one element: its pieces are handed on as they are,
 * and the element is written when all are mapped. Less than 2^31 bytes each, below 2^63: so neither
 * a piece nor their sum wraps. Only an empty piece is not noticed before: mapping refuses it.
 */
#define WHOLE_MOST   (1ULL << 31)
#define WHOLE_MEMORY (1ULL << 63)

/* What is to be known of all pieces: bits that any has, and the sum. An empty one shows nothing. */
struct whole {
	uint64_t any_size, any_paddr;
	uint64_t bytes;
};

static inline void add_to_whole(struct whole *whole, const struct iommu_dma_piece *piece)
{
	whole->any_size |= piece->size;
	whole->any_paddr |= piece->paddr;
	whole->bytes += piece->size;
}

/* Does the device get it as one element? */
static inline bool is_whole(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			    const struct whole *whole)
{
	return ((whole->any_size | whole->any_paddr) & dma_page_mask(dma)) == 0 &&
	       whole->any_size < WHOLE_MOST && whole->any_paddr < WHOLE_MEMORY &&
	       whole->bytes - 1 <= last_of_largest(device) &&
	       (device->boundary == 0 || whole->bytes <= device->boundary) &&
	       !dma_needs_care(device);
}

static inline unsigned int copy_chunk(struct iommu_map_piece *chunk,
				      const struct iommu_dma_piece *pieces, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count && i < CHUNK; i++) {
		chunk[i].paddr = pieces[i].paddr;
		chunk[i].size = pieces[i].size;
	}
	return i;
}

static inline void look_at_one(struct whole *whole, const struct iommu_dma_piece *piece,
			       struct iommu_map_piece *copy)
{
	add_to_whole(whole, piece);
	copy->paddr = piece->paddr;
	copy->size = piece->size;
}

/* Look at a list, without a branch for each piece, and copy its first chunk. */
static inline struct whole look_at(const struct iommu_dma_piece *pieces, unsigned int count,
				   struct iommu_map_piece *chunk)
{
	const struct iommu_dma_piece *piece = pieces, *end = pieces + count;
	const struct iommu_dma_piece *copied = pieces + (count < CHUNK ? count : CHUNK);
	struct whole whole = {.bytes = 0};

	for (; copied - piece >= 4; piece += 4, chunk += 4) {
		look_at_one(&whole, &piece[0], &chunk[0]);
		look_at_one(&whole, &piece[1], &chunk[1]);
		look_at_one(&whole, &piece[2], &chunk[2]);
		look_at_one(&whole, &piece[3], &chunk[3]);
	}
	for (; piece != copied; piece++, chunk++)
		look_at_one(&whole, piece, chunk);
	for (; piece != end; piece++)
		add_to_whole(&whole, piece);
	return whole;
}

/* *bytes: of what is mapped. */
static inline int map_chunks(struct iommu_domain *domain, iommu_iova_t start,
			     const struct iommu_dma_piece *pieces, unsigned int count,
			     unsigned int prot, struct iommu_map_piece *chunk, uint64_t *bytes)
{
	unsigned int done = count < CHUNK ? count : CHUNK;
	int status = iommu_map_sg(domain, start, chunk, done, prot, bytes);

	while (__builtin_expect(done < count, 0) && status == 0) {
		const unsigned int taken = copy_chunk(chunk, &pieces[done], count - done);
		uint64_t mapped;

		status = iommu_map_sg(domain, start + *bytes, chunk, taken, prot, &mapped);
		*bytes += mapped;
		done += taken;
	}
	return status;
}

/* A list that is_whole could not be mapped: an empty piece is said before what else it was. */
static __attribute__((noinline)) int whole_failed(const struct iommu_dma_device *device,
						  struct iommu_dma_piece *pieces,
						  unsigned int count, int why)
{
	pieces[0].length = 0; /* not mapped: unmap finds nothing in it */
	return dma_is_unconfirmed(why) ? why : no_range(device, pieces, count, why);
}

/* A list that is_whole, of so many bytes. */
static inline int map_whole(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    struct iommu_dma_piece *pieces, unsigned int count, unsigned int how,
			    uint64_t bytes, struct iommu_map_piece *chunk)
{
	const struct dma_hanging nothing = {.release = NULL};
	const uint64_t pages = bytes >> dma->page_shift;
	uint64_t first, mapped;
	int status;

	if (__builtin_expect(!dma_take_list(dma, device, pages, &first), 0)) {
		status = iommu_dma_take_addresses(dma, device, pages, pieces[0].paddr, &first);
		if (status != 0)
			return whole_failed(device, pieces, count, status);
	}
	status = map_chunks(dma->domain, first << dma->page_shift, pieces, count,
			    dma_map_prot(device, how, how), chunk, &mapped);
	if (__builtin_expect(status != 0, 0)) {
		iommu_dma_undo(dma, first, mapped >> dma->page_shift, pages, status, &nothing);
		return whole_failed(device, pieces, count, status);
	}
	pieces[0].address = first << dma->page_shift;
	pieces[0].length = bytes;
	if (count > 1)
		pieces[1].length = 0;
	return 0;
}

/* False: it is another list, and nothing has happened. */
static inline bool is_mapped_whole(struct iommu_dma *dma, const struct iommu_dma_device *device,
				   struct iommu_dma_piece *pieces, unsigned int count,
				   unsigned int how, int *status)
{
	struct iommu_map_piece chunk[CHUNK];
	struct whole whole = look_at(pieces, count, chunk);

	if (!is_whole(dma, device, &whole))
		return false;
	*status = map_whole(dma, device, pieces, count, how, whole.bytes, chunk);
	return true;
}

static __attribute__((noinline)) int map_translated(struct iommu_dma *dma,
						    const struct iommu_dma_device *device,
						    struct iommu_dma_piece *pieces,
						    unsigned int count, unsigned int how,
						    unsigned int *number)
{
	struct elements elements;
	bool needs_records = false;
	uint64_t first, pages = 0;
	int status = measure(dma, device, pieces, count, &pages);

	if (__builtin_expect(status == 0 && dma_needs_care(device), 0))
		status = check_care(dma, device, pieces, count, how, &needs_records);
	if (status == 0)
		status = iommu_dma_take_addresses(dma, device, pages, pieces[0].paddr, &first);
	if (status != 0)
		return status;
	elements = elements_begin(device, pieces, first << dma->page_shift);
	status = needs_records ? map_bounced_list(dma, device, pieces, count, how, pages, &elements)
			       : map_places(dma, device, pieces, count, how, pages, &elements);
	*number = elements_end(&elements, count);
	if (status != 0)
		pieces[0].length = 0; /* not mapped: unmap finds nothing in it */
	return status;
}

static inline int map_list(struct iommu_dma *dma, const struct iommu_dma_device *device,
			   struct iommu_dma_piece *pieces, unsigned int count, unsigned int how,
			   unsigned int *elements)
{
	int status;

	if (!IOMMU_CONFIG_ONE_PAGE || !is_mapped_whole(dma, device, pieces, count, how, &status))
		return map_translated(dma, device, pieces, count, how, elements);
	*elements = 1;
	return status;
}

/* True: *status is how it ended. */
static bool map_passing(struct iommu_dma *dma, const struct iommu_dma_device *device,
			struct iommu_dma_piece *pieces, unsigned int count, unsigned int how,
			unsigned int *elements, int *status)
{
	*status = check_pieces(device, pieces, count);
	if (*status == 0 && dma_is_direct(dma))
		*status = iommu_dma_map_sg_direct(dma, device, pieces, count, how, elements);
	else if (*status == 0)
		return dma_may_bypass(how) && bypass_pieces(dma, device, pieces, count, elements);
	return true;
}

static int map_noted(struct iommu_dma *dma, const struct iommu_dma_device *device,
		     struct iommu_dma_piece *pieces, unsigned int count,
		     enum iommu_dma_direction direction, unsigned int attributes,
		     unsigned int *elements)
{
	const unsigned int how = (unsigned int)direction | attributes;
	int status = check_list(device, count, direction);

	if (status != 0)
		return status;
	if (__builtin_expect(!dma_passes(dma), 1) ||
	    !map_passing(dma, device, pieces, count, how, elements, &status))
		status = map_list(dma, device, pieces, count, how, elements);
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
