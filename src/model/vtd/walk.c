/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mappings of a device, leaf by leaf. The walk is a row of look-ups: each answers for the
 * current address, with the size of the block around it that is mapped alike, or unmapped, and the
 * walk goes on behind that block. So it agrees with the answers to requests, by the same code; and
 * the only state between two calls is an address, which tables that change or lead to themselves
 * cannot make invalid.
 */
#include <libiommu/status.h>

#include "model/vtd/journey.h"

/*
 * The blocks that one call looks at; each takes at most about 40 reads of memory, with nested
 * stages.
 */
#define STEPS 512U

struct hole {
	uint64_t first, last;
};

struct walker {
	struct model_passage passage;
	struct journey j;
	struct iommu_model_request request;
	struct iommu_model_translation unused;
	bool passes;
	/* Memory that no request reaches, as it was when the walk was called. */
	unsigned int hole_count;
	struct hole holes[3];
};

/* From the address to `last`: the mapping; prot 0: none. */
struct block {
	uint64_t last;
	uint64_t paddr;
	unsigned int prot;
	bool snoop;
};

static const struct hole interrupt_range = {VTD_INTERRUPT_RANGE_START, VTD_INTERRUPT_RANGE_LAST};

static struct block look_up(struct walker *w, uint64_t at)
{
	struct journey *j = &w->j;
	const bool by_second = !j->scalable || j->how == VTD_PASID_SECOND_STAGE;
	struct model_leaf leaf = {0};
	unsigned int reason;

	w->request.address = at;
	reason = by_second ? iommu_model_second_stage(j, at, 0, &leaf)
			   : iommu_model_first_stage(j, &leaf);
	/* Between the two halves of a first stage. */
	if (reason == VTD_REASON_NOT_CANONICAL)
		return (struct block){.last = (UINT64_MAX << vtd_fs_address_width(
						       vtd_pasid_first_levels(j->first))) -
					      1};
	if (reason != 0)
		return (struct block){.last = at | (leaf.absent - 1)};
	return (struct block){
		.last = at | (leaf.size - 1),
		.paddr = leaf.paddr,
		.prot = leaf.allowed,
		.snoop = leaf.snoop || j->snoops,
	};
}

static struct block pass(const struct walker *w, uint64_t at)
{
	const uint64_t last = model_output_last(w->j.model);

	if (at > last)
		return (struct block){.last = UINT64_MAX};
	return (struct block){
		.last = last, .paddr = at, .prot = IOMMU_PROT_READ_WRITE, .snoop = w->j.snoops};
}

/* The block from `at` on ends where the hole begins or, in the hole, where the hole ends. */
static void keep_out(struct block *block, uint64_t at, uint64_t position, const struct hole *hole)
{
	uint64_t bytes = hole->first - position;

	if (block->prot == 0 || position > hole->last)
		return;
	if (position >= hole->first) {
		block->prot = 0;
		bytes = hole->last - position + 1;
	}
	if (block->last - at > bytes - 1)
		block->last = at + (bytes - 1);
}

static struct block block_at(struct walker *w, uint64_t at)
{
	struct block block = w->passes ? pass(w, at) : look_up(w, at);
	unsigned int i;

	keep_out(&block, at, at, &interrupt_range);
	for (i = 0; i < w->hole_count; i++)
		keep_out(&block, at, block.paddr, &w->holes[i]);
	return block;
}

static void add_hole(struct walker *w, const iommu_cell_t *first, const iommu_cell_t *last)
{
	const struct hole hole = {iommu_cell_load(first), iommu_cell_load(last)};

	if (hole.first <= hole.last)
		w->holes[w->hole_count++] = hole;
}

/*
 * The steps of the walk, and the ranges that it leaves out. To the end of the call it is a walk of
 * the cache's: an invalidation of the guest meanwhile is complete after it.
 */
static unsigned int walk_begin(struct walker *w, struct iommu_model_vtd *model)
{
	const struct model_published *regs = &model->published;
	unsigned int reason;

	model_passage_begin(&w->passage, &model->cache, true);
	(void)model_passage_walks(&w->passage);
	model_journey_begin(&w->j, model, &w->passage, &w->request, &w->unused);
	w->j.fresh = true;
	w->holes[w->hole_count++] = interrupt_range;
	add_hole(w, &regs->low_first, &regs->low_last);
	add_hole(w, &regs->high_first, &regs->high_last);
	w->passes = true;
	if (!model_works(model, VTD_GLOBAL_TE))
		return 0;
	reason = iommu_model_find_context(&w->j);
	w->passes = w->j.how == VTD_PASID_PASS_THROUGH;
	return reason;
}

int iommu_model_vtd_walk(struct iommu_model_vtd *model, struct iommu_model_walk *walk,
			 struct iommu_model_mapping *mappings, size_t *count)
{
	struct walker w = {.request = {.source_id = walk->source_id,
				       .has_pasid = walk->has_pasid,
				       .pasid = walk->pasid}};
	const size_t room = *count;
	unsigned int steps = STEPS;

	*count = 0;
	if (walk->is_done)
		return 0;
	if (room == 0 || walk->next > walk->last ||
	    ((walk->next | (walk->last + 1)) & LOW_MASK(12)) != 0)
		return IOMMU_EINVAL;
	walk->reason = walk_begin(&w, model);
	walk->is_done = walk->reason != 0;
	while (!walk->is_done && *count < room && steps-- != 0) {
		const uint64_t at = walk->next;
		struct block block = block_at(&w, at);

		walk->looked_at++;
		if (block.last > walk->last)
			block.last = walk->last;
		if (block.prot != 0)
			mappings[(*count)++] =
				(struct iommu_model_mapping){.iova = at,
							     .paddr = block.paddr,
							     .size = block.last - at + 1,
							     .prot = block.prot,
							     .snoop = block.snoop};
		walk->is_done = block.last == walk->last;
		walk->next = block.last + 1;
	}
	iommu_model_passage_end(model, &w.passage, NULL, NULL);
	return walk->reason == 0 ? 0 : IOMMU_EFAULT;
}
