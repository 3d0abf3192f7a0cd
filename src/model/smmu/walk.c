/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mappings of a stream, leaf by leaf. The walk is a row of look-ups: each answers for the
 * current address, with the size of the block around it that is mapped alike, or unmapped, and the
 * walk goes on behind that block. So it agrees with the answers to requests, by the same code; and
 * the only state between two calls is an address, which tables that change or lead to themselves
 * cannot make invalid.
 */
#include <libiommu/status.h>

#include "model/smmu/journey.h"

/* The blocks that one call looks at; each takes at most some 30 reads of memory. */
#define STEPS 512U

struct walker {
	struct model_passage passage;
	struct journey j;
	struct iommu_model_smmu_request request;
	bool passes;
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

/*
 * What is out of range, up to where the other half may begin: the half of bit 55, its lower end if
 * addresses' top bytes are ignored, and the sizes of the halves are what is left open.
 */
static uint64_t last_of_hole(const struct journey *j, uint64_t at)
{
	struct model_regime regime;
	uint64_t begin = UINT64_MAX;

	if (!j->first)
		return UINT64_MAX;
	if (iommu_smmodel_first_regime(j, UINT64_MAX, &regime))
		begin = UINT64_MAX << regime.bits;
	if (begin != UINT64_MAX && at < begin && !smmu_has(j->cd, SMMU_CD_TBI0) &&
	    !smmu_has(j->cd, SMMU_CD_TBI1))
		return begin - 1;
	/* The halves repeat with every value of the top byte: to the next multiple of 2^48. */
	return begin == UINT64_MAX && !smmu_has(j->cd, SMMU_CD_TBI0) ? UINT64_MAX : last_of(at, 48);
}

static unsigned int prot_of(const struct journey *j, const struct model_arrival *a)
{
	const unsigned int both = a->first & (j->second ? a->second : MODEL_ALL);
	const unsigned int flags = model_flags_for(both, j->privileged);
	unsigned int prot = (flags & MODEL_READ) != 0 ? IOMMU_PROT_READ : 0;

	/* Writing is allowed where that is marked, so that no write goes unseen. */
	if ((flags & MODEL_WRITE) != 0 && (both & MODEL_DIRTY) != 0)
		prot |= IOMMU_PROT_WRITE;
	return prot;
}

static struct block look_up(struct walker *w, uint64_t at)
{
	struct model_arrival a;
	unsigned int code;

	w->request.address = at;
	code = iommu_smmodel_translate(&w->j, &a);
	if (code == 0)
		return (struct block){last_of(at, a.shift), a.paddr, prot_of(&w->j, &a)};
	if (a.absent >= 64)
		return (struct block){.last = last_of_hole(&w->j, at)};
	return (struct block){.last = last_of(at, a.absent < 12 ? 12 : a.absent)};
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
static unsigned int walk_begin(struct walker *w, struct iommu_model_smmu *model)
{
	unsigned int code;

	model_passage_begin(&w->passage, &model->cache, true);
	(void)model_passage_walks(&w->passage);
	iommu_smmodel_journey_begin(&w->j, model, &w->passage, &w->request);
	w->passes = (w->j.enabled & SMMU_CR0_SMMUEN) == 0;
	if (w->passes)
		return (w->j.bypass & SMMU_GBPA_ABORT) != 0 ? MODEL_SILENT : 0;
	code = iommu_smmodel_find_stages(&w->j);
	w->j.fresh = true;
	w->j.reads = w->j.writes = w->j.executes = false;
	w->j.takes_less = true;
	return code;
}

int iommu_model_smmu_walk(struct iommu_model_smmu *model, struct iommu_model_smmu_walk_state *walk,
			  struct iommu_model_smmu_mapping *mappings, size_t *count)
{
	struct walker w = {.request = {.stream = walk->stream,
				       .has_substream = walk->has_substream,
				       .substream = walk->substream}};
	const size_t room = *count;
	unsigned int steps = STEPS, code;

	*count = 0;
	if (walk->is_done)
		return 0;
	if (room == 0 || walk->next > walk->last ||
	    ((walk->next | (walk->last + 1)) & (IOMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_EINVAL;
	code = walk_begin(&w, model);
	walk->event = code == MODEL_SILENT ? 0 : code;
	walk->is_done = code != 0;
	while (!walk->is_done && *count < room && steps-- != 0) {
		const uint64_t at = walk->next;
		struct block block = block_at(&w, at);

		walk->looked_at++;
		if (block.last > walk->last)
			block.last = walk->last;
		if (block.prot != 0)
			mappings[(*count)++] =
				(struct iommu_model_smmu_mapping){.iova = at,
								  .paddr = block.paddr,
								  .size = block.last - at + 1,
								  .prot = block.prot};
		walk->is_done = block.last == walk->last;
		walk->next = block.last + 1;
	}
	(void)iommu_smmodel_passage_end(model, &w.passage, NULL, NULL);
	return code == 0 ? 0 : IOMMU_EFAULT;
}
