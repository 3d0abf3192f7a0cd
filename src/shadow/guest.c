/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest has: leaves of its tables, joined to extents where addresses and memory adjoin;
 * and which part of that an invalidation is about.
 */
#include "shadow/shadow.h"

/* Leaves that the model is asked for at once; on the stack. */
#define LEAVES 16

void iommu_shadow_walk_begin(const struct iommu_shadow *shadow, const struct shadow_span *span,
			     struct shadow_walk *walk)
{
	*walk = (struct shadow_walk){
		.walk = {.source_id = shadow->config.source_id,
			 .has_pasid = shadow->config.has_pasid,
			 .pasid = shadow->config.pasid,
			 .next = span->first << IOMMU_PAGE_SHIFT,
			 .last = span->last << IOMMU_PAGE_SHIFT | (IOMMU_PAGE_SIZE - 1)},
	};
}

/* False: there is no room. */
static bool add_leaf(struct iommu_shadow *shadow, const struct iommu_model_mapping *leaf)
{
	struct shadow_window *window = &shadow->window;
	const uint64_t first = leaf->iova >> IOMMU_PAGE_SHIFT;
	const uint64_t pages = leaf->size >> IOMMU_PAGE_SHIFT;
	const uint64_t frame = leaf->paddr >> IOMMU_PAGE_SHIFT;
	const unsigned int prot = leaf->prot & (unsigned int)IOMMU_PROT_READ_WRITE;
	struct shadow_extent *end = &shadow->extents[window->count];

	if (pages == 0 || prot == 0)
		return true;
	if (window->count != 0 && end[-1].pages.last + 1 == first && end[-1].prot == prot &&
	    end[-1].frame + (first - end[-1].pages.first) == frame) {
		end[-1].pages.last = first + pages - 1;
		return true;
	}
	if (window->count == SHADOW_EXTENTS)
		return false;
	*end = (struct shadow_extent){{first, first + pages - 1}, frame, prot};
	window->count++;
	return true;
}

/* Some leaves; false: the window is full, and ends before what did not fit. */
static bool add_some(struct iommu_shadow *shadow, struct shadow_walk *walk)
{
	struct iommu_model_mapping leaves[LEAVES];
	size_t count = LEAVES;

	if (iommu_model_vtd_walk(shadow->config.model, &walk->walk, leaves, &count) != 0) {
		/* Blocked: there is nothing, wherever the walk has come to. */
		walk->walk.is_done = true;
		count = 0;
	}
	for (size_t i = 0; i < count; i++)
		if (!add_leaf(shadow, &leaves[i])) {
			walk->walk.next = leaves[i].iova;
			walk->walk.is_done = false;
			return false;
		}
	return true;
}

/* Entries of the guest's tables count whether they are present or not: both take their time. */
static bool may_look(const struct iommu_shadow *shadow, const struct shadow_walk *walk)
{
	return walk->walk.looked_at < shadow->config.max_leaves;
}

bool iommu_shadow_walk_next(struct iommu_shadow *shadow, struct shadow_walk *walk)
{
	struct shadow_window *window = &shadow->window;

	if (walk->walk.is_done)
		return false;
	window->count = 0;
	window->pages.first = walk->walk.next >> IOMMU_PAGE_SHIFT;
	while (!walk->walk.is_done && may_look(shadow, walk) && add_some(shadow, walk))
		;
	if (!walk->walk.is_done && !may_look(shadow, walk)) {
		/* The rest is taken for empty. */
		walk->is_cut = true;
		walk->walk.is_done = true;
	}
	window->pages.last =
		(walk->walk.is_done ? walk->walk.last : walk->walk.next - 1) >> IOMMU_PAGE_SHIFT;
	return true;
}

/* --- Invalidations ---------------------------------------------------------------------------- */

static bool is_about_device(const struct iommu_shadow *shadow,
			    const struct iommu_model_invalidation *what)
{
	return !what->has_source ||
	       ((what->source_id ^ shadow->config.source_id) & what->source_mask) == 0;
}

/* Requests without a PASID may carry a tag that the guest has chosen: any PASID is theirs. */
static bool is_about_pasid(const struct iommu_shadow *shadow,
			   const struct iommu_model_invalidation *what)
{
	return !what->has_pasid || !shadow->config.has_pasid || what->pasid == shadow->config.pasid;
}

int32_t iommu_shadow_domain_now(const struct iommu_shadow *shadow)
{
	struct iommu_model_stage stage;

	return iommu_model_vtd_get_stage(shadow->config.model, shadow->config.source_id,
					 shadow->config.has_pasid, shadow->config.pasid,
					 &stage) == 0
		       ? stage.domain_id
		       : SHADOW_NO_DOMAIN;
}

/*
 * Of an IOTLB. Other domains are not the device's. But it is the domain whose mappings are in the
 * address space that counts: the guest may have changed the context, or the entry of the PASID, and
 * not have invalidated it yet, and what it unmaps in the former domain meanwhile has to go. Then,
 * and where it is not known, everything is made equal.
 */
static bool scope_of_pages(const struct iommu_shadow *shadow,
			   const struct iommu_model_invalidation *what, struct shadow_span *span)
{
	const int32_t now = iommu_shadow_domain_now(shadow);

	if (now != shadow->domain || now == SHADOW_NO_DOMAIN)
		return true;
	if (what->has_domain && what->domain_id != now)
		return false;
	if (what->granularity != IOMMU_MODEL_OF_RANGE || what->size == 0)
		return true;
	span->first = what->address >> IOMMU_PAGE_SHIFT;
	span->last = (what->address + (what->size - 1)) >> IOMMU_PAGE_SHIFT;
	return true;
}

bool iommu_shadow_scope(const struct iommu_shadow *shadow,
			const struct iommu_model_invalidation *what, struct shadow_span *span)
{
	*span = (struct shadow_span){0, SHADOW_LAST_PAGE};
	switch (what->type) {
	case IOMMU_MODEL_INVALIDATE_IOTLB:
		return is_about_pasid(shadow, what) && scope_of_pages(shadow, what, span);
	case IOMMU_MODEL_INVALIDATE_CONTEXTS:
		return is_about_device(shadow, what);
	case IOMMU_MODEL_INVALIDATE_PASIDS:
		return is_about_pasid(shadow, what);
	case IOMMU_MODEL_ROOT_TABLE_SET:
	case IOMMU_MODEL_TRANSLATION_SWITCHED:
	case IOMMU_MODEL_PROTECTED_MEMORY_SWITCHED:
	case IOMMU_MODEL_RESET:
		return true;
	case IOMMU_MODEL_INVALIDATE_DEVICE_TLB: /* the guest's device has none */
	case IOMMU_MODEL_INVALIDATE_INTERRUPTS:
	case IOMMU_MODEL_INTERRUPT_TABLE_SET:
	case IOMMU_MODEL_INTERRUPTS_SWITCHED:
	case IOMMU_MODEL_COMPATIBILITY_SWITCHED:
		break;
	}
	return false;
}
