/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mappings of a device, leaf by leaf. The walk is a row of look-ups: each answers for the
 * current address, with the size of the block around it that is mapped alike, or unmapped, and the
 * walk goes on behind that block. So it agrees with the answers to requests, by the same code; and
 * the only state between two calls is an address, which tables that change or lead to themselves
 * cannot make invalid.
 */
#include <libiommu/status.h>

#include "model/riscv/journey.h"

/* The blocks that one call looks at; each takes at most some 40 reads of memory. */
#define STEPS 512U

struct walker {
	struct model_passage passage;
	struct journey j;
	struct iommu_model_riscv_request request;
	bool passes;
};

/* From the address to `last`: the mapping; prot 0: none. */
struct block {
	uint64_t last;
	uint64_t paddr;
	unsigned int prot;
	bool is_message;
};

/* Addresses that the first stage does not have lie between its two halves; Sv32 has one. */
static uint64_t last_of_hole(const struct journey *j)
{
	const unsigned int levels = riscv_mode_levels(riscv_root_mode(j->first));

	if (journey_is_32_bit(j))
		return UINT64_MAX;
	return (UINT64_MAX << (riscv_first_stage_width(levels) - 1)) - 1;
}

static unsigned int prot_of(uint64_t flags)
{
	const uint64_t writable = RISCV_PTE_WRITE | RISCV_PTE_DIRTY;

	return ((flags & RISCV_PTE_READ) != 0 ? IOMMU_PROT_READ : 0) |
	       ((flags & writable) == writable ? IOMMU_PROT_WRITE : 0);
}

/* A page of an interrupt file: none where the file lies in memory. */
static struct block at_message(uint64_t at, const struct model_leaf *first,
			       const struct model_message_entry *entry)
{
	const uint64_t last = at | (IOMMU_PAGE_SIZE - 1);

	if (entry->is_file)
		return (struct block){.last = last};
	return (struct block){
		.last = last,
		.paddr = riscv_ppn_address(entry->low),
		.prot = prot_of(first->flags),
		.is_message = true,
	};
}

/* Behind the first stage. */
static struct block look_up_guest(struct journey *j, uint64_t at, const struct model_leaf *first)
{
	struct model_leaf second = {0};
	struct model_message_entry entry;
	uint64_t size;

	if (iommu_rvmodel_find_message(j, first->paddr, &entry) != 0)
		return (struct block){.last = at | (IOMMU_PAGE_SIZE - 1)};
	if (entry.is_found)
		return at_message(at, first, &entry);
	if (iommu_rvmodel_second_stage(j, first->paddr, 0, MODEL_EXPLICIT, &second) != 0)
		second.size = second.absent != 0 ? second.absent : IOMMU_PAGE_SIZE;
	size = first->size < second.size ? first->size : second.size;
	if (iommu_rvmodel_keep_out_of_files(j, first->paddr, &size) != 0)
		size = IOMMU_PAGE_SIZE;
	return (struct block){
		.last = at | (size - 1),
		.paddr = second.paddr,
		.prot = prot_of(first->flags & second.flags),
	};
}

static struct block look_up(struct walker *w, uint64_t at)
{
	struct model_leaf first = {0};
	unsigned int cause;

	w->request.address = at;
	cause = iommu_rvmodel_first_stage(&w->j, &first);
	if (cause != 0 && first.absent == 0)
		return (struct block){.last = last_of_hole(&w->j)};
	if (cause != 0)
		return (struct block){.last = at | (first.absent - 1)};
	return look_up_guest(&w->j, at, &first);
}

/* What lies beyond memory is not mapped. */
static struct block block_at(struct walker *w, uint64_t at)
{
	const uint64_t end = model_last_address(w->j.model);
	struct block block = {.last = UINT64_MAX, .paddr = at, .prot = IOMMU_PROT_READ_WRITE};

	if (!w->passes)
		block = look_up(w, at);
	if (block.prot == 0)
		return block;
	if (block.paddr > end)
		block.prot = 0;
	else if (block.last - at > end - block.paddr)
		block.last = at + (end - block.paddr);
	return block;
}

/* To the end of the call it is a walk of the cache's: an invalidation is complete after it. */
static unsigned int walk_begin(struct walker *w, struct iommu_model_riscv *model)
{
	model_passage_begin(&w->passage, &model->cache, true);
	(void)model_passage_walks(&w->passage);
	iommu_rvmodel_journey_begin(&w->j, model, &w->passage, &w->request);
	w->j.fresh = true;
	w->j.wants = 0;
	w->j.takes_less = true;
	w->passes = riscv_ddtp_mode(w->j.directory) == RISCV_DDTP_BARE;
	return iommu_rvmodel_find_stages(&w->j);
}

int iommu_model_riscv_walk(struct iommu_model_riscv *model,
			   struct iommu_model_riscv_walk_state *walk,
			   struct iommu_model_riscv_mapping *mappings, size_t *count)
{
	struct walker w = {.request = {.device_id = walk->device_id,
				       .has_process = walk->has_process,
				       .process_id = walk->process_id}};
	const size_t room = *count;
	unsigned int steps = STEPS;

	*count = 0;
	if (walk->is_done)
		return 0;
	if (room == 0 || walk->next > walk->last ||
	    ((walk->next | (walk->last + 1)) & (IOMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_EINVAL;
	walk->cause = walk_begin(&w, model);
	walk->is_done = walk->cause != 0;
	while (!walk->is_done && *count < room && steps-- != 0) {
		const uint64_t at = walk->next;
		struct block block = block_at(&w, at);

		walk->looked_at++;
		if (block.last > walk->last)
			block.last = walk->last;
		if (block.prot != 0)
			mappings[(*count)++] =
				(struct iommu_model_riscv_mapping){.iova = at,
								   .paddr = block.paddr,
								   .size = block.last - at + 1,
								   .prot = block.prot,
								   .is_message = block.is_message};
		walk->is_done = block.last == walk->last;
		walk->next = block.last + 1;
	}
	iommu_rvmodel_passage_end(model, &w.passage, NULL);
	return walk->cause == 0 ? 0 : IOMMU_EFAULT;
}
