/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that entries lead to: registered by its address, or (version 1) pinned by a map.
 *
 * Where it is stands in an array with one word for each part, and parts are as large as its pieces
 * allow: 8 bytes for 2 MiB where it is made of large pages. It is collected in batches first, so
 * that the size of the parts is known.
 */
#include "base/bits.h"
#include "ioas/spapr.h"

#if IOMMU_CONFIG_POWER

#define PIECES          32 /* of one call of the backing; on the stack */
#define PART_SHIFT_MAX  34
#define PARTS_SHIFT_MAX 12 /* log2 of the parts of a page */

static uint64_t size_of(const struct spapr_memory *memory)
{
	return memory->interval.last - memory->interval.first + 1;
}

/* --- Counting --------------------------------------------------------------------------------- */

/* So many more pages may be pinned: that many, or fewer. Version 1 has counted them already. */
static uint64_t charge(struct spapr *spapr, uint64_t pages)
{
	uint64_t granted;

	if (spapr_is_second(spapr))
		return iommu_file_charge_pins(spapr->file, pages);
	granted = spapr->enabled - spapr->pinned;
	granted = pages < granted ? pages : granted;
	spapr->pinned += granted;
	return granted;
}

static void discharge(struct spapr *spapr, uint64_t pages)
{
	if (spapr_is_second(spapr))
		iommu_file_discharge_pins(spapr->file, pages);
	else
		spapr->pinned -= pages;
}

/* --- Pinning ---------------------------------------------------------------------------------- */

/* Pin some more, from memory->pinned on. */
static int pin_some(struct spapr_memory *memory, struct iommu_map_piece *pieces,
		    unsigned int *count, uint64_t *bytes)
{
	const struct iommu_backing *backing = &memory->backing;
	const uint64_t left = size_of(memory) - memory->pinned;
	const uint64_t granted = charge(memory->spapr, left >> IOMMU_PAGE_SHIFT);
	int status;

	*bytes = 0;
	if (granted == 0)
		return SPAPR_REFUSE(memory->spapr, IOMMU_ENOMEM,
				    "more is not allowed to be pinned");
	status =
		backing->ops->pin(backing->ctx, backing->address + memory->pinned,
				  granted << IOMMU_PAGE_SHIFT, memory->prot, pieces, PIECES, count);
	if (status == 0 && *count <= PIECES)
		*bytes = iommu_pieces_sum(pieces, *count, granted << IOMMU_PAGE_SHIFT);
	discharge(memory->spapr, granted - (*bytes >> IOMMU_PAGE_SHIFT));
	if (status != 0)
		return SPAPR_REFUSE(memory->spapr, status, "the backing does not pin it");
	return *bytes != 0 ? 0
			   : SPAPR_REFUSE(memory->spapr, IOMMU_EFAULT,
					  "what the backing's pin has returned is invalid");
}

/* A batch with room for what the next call of the backing returns; NULL: no memory. */
static struct ioas_batch *room_for_more(struct spapr_memory *memory, struct ioas_batch **first,
					struct ioas_batch *last)
{
	struct ioas_batch *next;

	if (last != NULL && last->capacity - last->count >= PIECES)
		return last;
	next = iommu_batch_make(memory->spapr->file, 0);
	if (next == NULL)
		return NULL;
	if (last != NULL)
		last->next = next;
	else
		*first = next;
	return next;
}

/* Pin everything; where it is goes to batches, which are complete as far as it is pinned. */
static int pin_all(struct spapr_memory *memory, struct ioas_batch **first)
{
	struct ioas_batch *last = NULL;

	while (memory->pinned < size_of(memory)) {
		struct iommu_map_piece pieces[PIECES];
		unsigned int count = 0, i;
		uint64_t bytes;
		int status;

		last = room_for_more(memory, first, last);
		if (last == NULL)
			return SPAPR_REFUSE(memory->spapr, IOMMU_ENOMEM,
					    "no memory to say where it is, or the limit of that");
		status = pin_some(memory, pieces, &count, &bytes);
		if (status != 0)
			return status;
		for (i = 0; i < count; i++)
			(void)iommu_batch_add(last, pieces[i].paddr, pieces[i].size);
		memory->pinned += bytes;
	}
	return 0;
}

static void free_batches(struct spapr_memory *memory, struct ioas_batch *batch)
{
	while (batch != NULL) {
		struct ioas_batch *next = batch->next;

		iommu_batch_free(memory->spapr->file, batch);
		batch = next;
	}
}

static void unpin_pieces(struct spapr_memory *memory, uint64_t offset,
			 const struct iommu_map_piece *pieces, unsigned int count, uint64_t bytes)
{
	const struct iommu_backing *backing = &memory->backing;

	backing->ops->unpin(backing->ctx, backing->address + offset, pieces, count, memory->prot);
	discharge(memory->spapr, bytes >> IOMMU_PAGE_SHIFT);
}

static void unpin_batches(struct spapr_memory *memory, const struct ioas_batch *batch)
{
	uint64_t offset = 0;

	for (; batch != NULL; batch = batch->next) {
		const uint64_t bytes = batch->pages << IOMMU_PAGE_SHIFT;

		if (bytes != 0)
			unpin_pieces(memory, offset, batch->pieces, batch->count, bytes);
		offset += bytes;
	}
}

/* --- Parts ------------------------------------------------------------------------------------ */

/* Pieces that adjoin are one, also where they are in two batches. */
static unsigned int part_shift_of(const struct ioas_batch *batch)
{
	uint64_t bits = 1ULL << PART_SHIFT_MAX;
	uint64_t offset = 0, end = 0;
	bool is_first = true;
	unsigned int i;

	for (; batch != NULL; batch = batch->next)
		for (i = 0; i < batch->count; i++) {
			const struct iommu_map_piece *piece = &batch->pieces[i];

			if (is_first || !iommu_adjoins(end, piece->paddr))
				bits |= piece->paddr | offset;
			is_first = false;
			end = piece->paddr + piece->size;
			offset += piece->size;
		}
	return iommu_lowest_bit(bits);
}

static uint64_t parts_of(const struct spapr_memory *memory)
{
	return ((size_of(memory) - 1) >> memory->shift) + 1;
}

static bool charge_parts(struct spapr_memory *memory)
{
	struct iommu_file *file = memory->spapr->file;
	const uint64_t bytes = parts_of(memory) * sizeof(uint64_t);

	if (!iommu_file_charge(&file->metadata, bytes, file->limits.metadata_bytes))
		return false;
	memory->metadata = bytes;
	return true;
}

/* Write down where the parts are that begin in a piece. */
static bool note_piece(struct spapr_memory *memory, const struct iommu_map_piece *piece,
		       uint64_t offset)
{
	const uint64_t part = 1ULL << memory->shift;
	uint64_t at = (offset + (part - 1)) & -part;

	for (; at < offset + piece->size; at += part) {
		uint64_t *word = iommu_sparse_find(&memory->parts, memory->spapr->platform,
						   at >> memory->shift, true);

		if (word == NULL)
			return false;
		*word = piece->paddr + (at - offset);
	}
	return true;
}

static int note_parts(struct spapr_memory *memory, const struct ioas_batch *batch)
{
	uint64_t offset = 0;
	unsigned int i;

	memory->shift = part_shift_of(batch);
	iommu_sparse_init(&memory->parts, parts_of(memory));
	if (!charge_parts(memory))
		return SPAPR_REFUSE(memory->spapr, IOMMU_ENOMEM, "the limit of metadata");
	for (; batch != NULL; batch = batch->next)
		for (i = 0; i < batch->count; i++) {
			if (!note_piece(memory, &batch->pieces[i], offset))
				return SPAPR_REFUSE(memory->spapr, IOMMU_ENOMEM,
						    "no memory to say where it is");
			offset += batch->pieces[i].size;
		}
	return 0;
}

/* Where an offset is. */
static iommu_paddr_t place_of(struct spapr_memory *memory, uint64_t offset)
{
	const uint64_t *word = iommu_sparse_find(&memory->parts, memory->spapr->platform,
						 offset >> memory->shift, false);

	return (word != NULL ? *word : 0) + (offset & ((1ULL << memory->shift) - 1));
}

iommu_paddr_t iommu_spapr_place(struct spapr_memory *memory, uint64_t address)
{
	return place_of(memory, address - memory->interval.first);
}

int iommu_spapr_check_page(struct spapr_memory *memory, uint64_t address, unsigned int shift,
			   unsigned int prot)
{
	const iommu_paddr_t paddr = iommu_spapr_place(memory, address);
	const uint64_t size = 1ULL << shift;
	uint64_t at;

	if ((prot & ~memory->prot) != 0)
		return IOMMU_EPERM;
	if ((paddr & (size - 1)) != 0)
		return IOMMU_EFAULT;
	if (shift <= memory->shift)
		return 0;
	/* Called with a lock: not for any number of parts. */
	if (shift - memory->shift > PARTS_SHIFT_MAX)
		return IOMMU_EFAULT;
	for (at = 1ULL << memory->shift; at < size; at += 1ULL << memory->shift)
		if (iommu_spapr_place(memory, address + at) != paddr + at)
			return IOMMU_EFAULT;
	return 0;
}

/* --- Life ------------------------------------------------------------------------------------- */

static int fill(struct spapr_memory *memory)
{
	struct ioas_batch *batches = NULL;
	int status = pin_all(memory, &batches);

	if (status == 0)
		status = note_parts(memory, batches);
	if (status != 0)
		unpin_batches(memory, batches);
	free_batches(memory, batches);
	return status;
}

static void free_memory(struct spapr_memory *memory)
{
	struct spapr *spapr = memory->spapr;

	iommu_sparse_clear(&memory->parts, spapr->platform);
	iommu_file_discharge(&spapr->file->metadata, memory->metadata);
	iommu_file_free(spapr->file, &spapr->cache, memory);
}

int iommu_spapr_pin(struct spapr *spapr, const struct iommu_backing *backing, uint64_t size,
		    unsigned int prot, struct spapr_memory **result)
{
	struct spapr_memory *memory = iommu_file_alloc(spapr->file, &spapr->cache);
	int status;

	if (memory == NULL)
		return SPAPR_REFUSE(spapr, IOMMU_ENOMEM, "no memory, or the limit of metadata");
	memory->spapr = spapr;
	memory->backing = *backing;
	memory->prot = prot;
	memory->interval.first = backing->address;
	memory->interval.last = backing->address + (size - 1);
	status = fill(memory);
	if (status != 0) {
		free_memory(memory);
		return status;
	}
	iommu_list_insert(&spapr->memory, &memory->link);
	*result = memory;
	return 0;
}

void iommu_spapr_unpin(struct spapr_memory *memory)
{
	struct iommu_map_piece pieces[PIECES];
	const uint64_t part = 1ULL << memory->shift;
	uint64_t first = 0, offset;
	unsigned int count = 0;

	for (offset = 0; offset < memory->pinned; offset += part) {
		const iommu_paddr_t paddr = place_of(memory, offset);
		const uint64_t left = memory->pinned - offset;
		const uint64_t size = left < part ? left : part;

		if (count != 0 &&
		    iommu_adjoins(pieces[count - 1].paddr + pieces[count - 1].size, paddr)) {
			pieces[count - 1].size += size;
			continue;
		}
		if (count == PIECES) {
			unpin_pieces(memory, first, pieces, count, offset - first);
			first = offset;
			count = 0;
		}
		pieces[count++] = (struct iommu_map_piece){paddr, size};
	}
	unpin_pieces(memory, first, pieces, count, memory->pinned - first);
	iommu_list_remove(&memory->link);
	free_memory(memory);
}

void iommu_spapr_forget_memory(struct spapr *spapr)
{
	while (!iommu_list_is_empty(&spapr->memory))
		iommu_spapr_unpin(
			iommu_container_of(spapr->memory.next, struct spapr_memory, link));
	spapr->by_address.root = NULL;
}

/* --- By address ------------------------------------------------------------------------------- */

static struct spapr_memory *memory_of(struct ioas_interval *interval)
{
	return interval != NULL ? iommu_container_of(interval, struct spapr_memory, interval)
				: NULL;
}

struct spapr_memory *iommu_spapr_find(struct spapr *spapr, uint64_t address, uint64_t size)
{
	struct spapr_memory *memory;

	if (size - 1 > UINT64_MAX - address)
		return NULL;
	memory = memory_of(iommu_interval_first(&spapr->by_address, address, address + (size - 1)));
	return memory != NULL && memory->interval.first <= address &&
			       memory->interval.last - address >= size - 1
		       ? memory
		       : NULL;
}

static int check_backing(struct spapr *spapr, const struct iommu_backing *backing)
{
	const struct iommu_backing_ops *ops = backing->ops;

	if (ops == NULL || ops->pin == NULL || ops->unpin == NULL)
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL, "the backing lacks a function");
	return ops->flags == 0
		       ? 0
		       : SPAPR_REFUSE(spapr, IOMMU_EINVAL, "devices are not led to registers");
}

int iommu_spapr_pin_for_map(struct spapr *spapr, const struct iommu_backing *backing, uint64_t size,
			    unsigned int prot, struct spapr_memory **memory)
{
	int status = check_backing(spapr, backing);

	if (status == 0)
		status = iommu_spapr_pin(spapr, backing, size, prot, memory);
	if (status == 0)
		(*memory)->is_for_maps_only = true;
	return status;
}

static int check_range(struct spapr *spapr, const struct iommu_backing *backing, uint64_t size,
		       unsigned int prot)
{
	if (size == 0 || ((size | backing->address) & (IOMMU_PAGE_SIZE - 1)) != 0)
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL, "address and size are not whole pages");
	if (prot != IOMMU_PROT_READ && prot != IOMMU_PROT_READ_WRITE)
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL, "memory is for reading, or for both");
	if (size - 1 > UINT64_MAX - backing->address)
		return SPAPR_REFUSE(spapr, IOMMU_EOVERFLOW, "the range wraps");
	if (iommu_interval_first(&spapr->by_address, backing->address,
				 backing->address + (size - 1)) != NULL)
		return SPAPR_REFUSE(spapr, IOMMU_EEXIST, "a part of the range is registered");
	return 0;
}

int iommu_spapr_register_memory(struct iommu_container *container,
				const struct iommu_backing *backing, uint64_t size,
				unsigned int prot)
{
	struct spapr *spapr;
	struct spapr_memory *memory;
	uintptr_t state;
	int status = iommu_spapr_begin(container, IOMMU_CALL, IOMMU_CONTAINER_TCE_V2, &spapr);

	if (status != 0)
		return status;
	status = check_range(spapr, backing, size, prot);
	if (status == 0)
		status = check_backing(spapr, backing);
	if (status == 0)
		status = iommu_spapr_pin(spapr, backing, size, prot, &memory);
	if (status == 0) {
		state = spapr_lock(spapr);
		iommu_interval_insert(&spapr->by_address, &memory->interval);
		spapr_unlock(spapr, state);
	}
	return iommu_spapr_end(spapr, IOMMU_CALL, status);
}

/* Take it out of what is found, if no entry leads to it. */
static int hide(struct spapr_memory *memory)
{
	struct spapr *spapr = memory->spapr;
	const uintptr_t state = spapr_lock(spapr);
	const bool is_mapped = memory->mapped != 0;

	if (!is_mapped)
		iommu_interval_remove(&spapr->by_address, &memory->interval);
	spapr_unlock(spapr, state);
	return is_mapped ? SPAPR_REFUSE(spapr, IOMMU_EBUSY, "entries lead to the memory") : 0;
}

static int unregister_memory(struct spapr *spapr, uint64_t address, uint64_t size)
{
	struct spapr_memory *memory = size != 0 ? iommu_spapr_find(spapr, address, size) : NULL;
	int status;

	if (memory == NULL || memory->interval.first != address || size_of(memory) != size)
		return SPAPR_REFUSE(spapr, IOMMU_ENOENT, "no such range is registered");
	status = memory->withheld != 0 ? iommu_spapr_retry(spapr) : 0;
	if (status == 0)
		status = hide(memory);
	if (status == 0)
		iommu_spapr_unpin(memory);
	return status;
}

int iommu_spapr_unregister_memory(struct iommu_container *container, uint64_t address,
				  uint64_t size)
{
	struct spapr *spapr;
	int status = iommu_spapr_begin(container, IOMMU_CALL, IOMMU_CONTAINER_TCE_V2, &spapr);

	if (status != 0)
		return status;
	return iommu_spapr_end(spapr, IOMMU_CALL, unregister_memory(spapr, address, size));
}

/* --- What is withheld ------------------------------------------------------------------------- */

static void ask_for(struct spapr_memory *memory)
{
	const uintptr_t state = spapr_lock(memory->spapr);

	memory->asked = memory->withheld;
	spapr_unlock(memory->spapr, state);
}

/* What was asked for is confirmed. */
static void release(struct spapr_memory *memory)
{
	const uintptr_t state = spapr_lock(memory->spapr);

	memory->mapped -= memory->asked;
	memory->withheld -= memory->asked;
	if (memory->withheld != 0)
		__atomic_store_n(&memory->spapr->withholds, 1, __ATOMIC_RELAXED);
	spapr_unlock(memory->spapr, state);
}

int iommu_spapr_retry(struct spapr *spapr)
{
	struct iommu_list_node *node;
	int status;

	if (__atomic_exchange_n(&spapr->withholds, 0, __ATOMIC_ACQ_REL) == 0)
		return 0;
	iommu_list_for_each (node, &spapr->memory)
		ask_for(iommu_container_of(node, struct spapr_memory, link));
	status = iommu_spapr_confirm(spapr, 0, 0, 0);
	if (status != 0) {
		__atomic_store_n(&spapr->withholds, 1, __ATOMIC_RELAXED);
		return status;
	}
	iommu_list_for_each (node, &spapr->memory)
		release(iommu_container_of(node, struct spapr_memory, link));
	return 0;
}

void iommu_spapr_sweep(struct spapr *spapr)
{
	struct iommu_list_node *node = spapr->memory.next;

	while (node != &spapr->memory) {
		struct spapr_memory *memory = iommu_container_of(node, struct spapr_memory, link);

		node = node->next;
		/* No hypercall uses such memory. */
		if (memory->is_for_maps_only && memory->mapped == 0)
			iommu_spapr_unpin(memory);
	}
}

#endif
