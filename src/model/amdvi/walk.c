/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mappings of a device, leaf by leaf. The walk is a row of look-ups: each answers for the
 * current address, with the size of the block around it that is mapped alike, or unmapped, and the
 * walk goes on behind that block. So it agrees with the answers to requests, by the same code; and
 * the only state between two calls is an address, which tables that change or lead to themselves
 * cannot make invalid.
 */
#include <libiommu/status.h>

#include "model/amdvi/journey.h"

/* The blocks that one call looks at; each takes at most some 40 reads of memory. */
#define STEPS 512U

struct walker {
	struct model_passage passage;
	struct journey j;
};

/* From the address to `last`: the mapping; prot 0: none. */
struct block {
	uint64_t last;
	uint64_t paddr;
	unsigned int prot;
};

static uint64_t last_of(uint64_t at, unsigned int shift)
{
	return shift >= 64 ? UINT64_MAX : at | ((1ULL << shift) - 1);
}

/* The end of what has no table: guest tables have two halves, and nothing between them. */
static uint64_t last_of_hole(const struct journey *j, uint64_t at)
{
	uint64_t half;

	if (!j->is_of_guest)
		return UINT64_MAX;
	half = 1ULL << (iommu_amdmodel_guest_bits(j) - 1);
	if (at < half)
		return half - 1;
	return at < -half ? -half - 1 : UINT64_MAX;
}

static unsigned int prot_of(const struct model_arrival *arrival)
{
	return ((arrival->flags & MODEL_READ) != 0 ? IOMMU_PROT_READ : 0) |
	       ((arrival->flags & MODEL_WRITE) != 0 ? IOMMU_PROT_WRITE : 0);
}

static struct block block_at(struct walker *w, uint64_t at)
{
	struct model_arrival arrival;
	unsigned int code;

	w->j.address = at;
	code = iommu_amdmodel_translate(&w->j, &arrival);
	if (code == 0)
		return (struct block){last_of(at, arrival.shift), arrival.paddr, prot_of(&arrival)};
	if (arrival.absent >= 64)
		return (struct block){.last = last_of_hole(&w->j, at)};
	return (struct block){.last = last_of(at, arrival.absent < 12 ? 12 : arrival.absent)};
}

/*
 * To the end of the call it is a walk of the cache's: an invalidation is complete after it. Where
 * the unit is off there is no entry, which counts as one with V=0.
 */
static unsigned int walk_begin(struct walker *w, struct iommu_model_amdvi *model,
			       const struct iommu_model_amdvi_walk_state *walk)
{
	unsigned int code = 0;

	model_passage_begin(&w->passage, &model->cache, true);
	(void)model_passage_walks(&w->passage);
	iommu_amdmodel_journey_begin(&w->j, model, &w->passage, walk->devid, walk->next);
	w->j.has_pasid = walk->has_pasid;
	w->j.pasid = walk->has_pasid ? walk->pasid : 0;
	if (journey_control(&w->j, AMDVI_CONTROL_IOMMU_EN))
		code = iommu_amdmodel_find_stages(&w->j);
	w->j.fresh = true;
	w->j.takes_less = true;
	return code;
}

int iommu_model_amdvi_walk(struct iommu_model_amdvi *model,
			   struct iommu_model_amdvi_walk_state *walk,
			   struct iommu_model_amdvi_mapping *mappings, size_t *count)
{
	const size_t room = *count;
	unsigned int steps = STEPS, code;
	struct walker w;

	*count = 0;
	if (walk->is_done)
		return 0;
	if (room == 0 || walk->next > walk->last ||
	    ((walk->next | (walk->last + 1)) & (IOMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_EINVAL;
	code = walk_begin(&w, model, walk);
	walk->event = code;
	walk->is_done = code != 0;
	while (!walk->is_done && *count < room && steps-- != 0) {
		const uint64_t at = walk->next;
		struct block block = block_at(&w, at);

		walk->looked_at++;
		if (block.last > walk->last)
			block.last = walk->last;
		if (block.prot != 0)
			mappings[(*count)++] =
				(struct iommu_model_amdvi_mapping){.iova = at,
								   .paddr = block.paddr,
								   .size = block.last - at + 1,
								   .prot = block.prot};
		walk->is_done = block.last == walk->last;
		walk->next = block.last + 1;
	}
	iommu_amdmodel_passage_end(model, &w.passage, NULL);
	return code == 0 ? 0 : IOMMU_EFAULT;
}
