/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What commands invalidate: what the specification names, and no more (48882,
 * "INVALIDATE_DEVTAB_ENTRY" to "INVALIDATE_IOMMU_ALL"). What guest tables give is cached by guest
 * addresses alone, where the addresses of a host table do not reach.
 */
#include <libiommu/hw/amdvi_guest_table.h>
#include <libiommu/hw/amdvi_page_table.h>

#include "model/amdvi/model.h"

/* What an address of a command stands for. */
struct range {
	uint64_t first, last;
	bool is_everything;
	bool tables; /* entries that lead to tables, too */
};

static struct range range_of(const struct amdvi_command *c)
{
	const uint64_t size = amdvi_command_size(c);
	const uint64_t first = amdvi_command_address(c);

	if (size == 0)
		return (struct range){.last = UINT64_MAX, .is_everything = true};
	return (struct range){.first = first, .last = first + (size - 1)};
}

static void name_range(struct iommu_model_amdvi_invalidation *what, const struct range *range)
{
	what->has_range = true;
	if (range->is_everything)
		return;
	what->address = range->first;
	what->size = range->last - range->first + 1;
}

/* --- Pages ------------------------------------------------------------------------------------ */

/* All leaves with a tag that intersect the range, including those that begin before it. */
static void drop_leaves(struct iommu_model_amdvi *model, enum model_kind kind, uint64_t tag,
			const struct range *range)
{
	unsigned int span;

	for (span = 0; span < MODEL_LEAF_SPANS; span++) {
		const uint64_t mask = UINT64_MAX << model_span_shift(span);

		iommu_model_cache_drop(&model->cache, kind, tag, span, range->first & mask,
				       range->last & mask);
	}
}

/* Entries that lead to tables, at all levels: they cover what the range is a part of. */
static void drop_tables(struct iommu_model_amdvi *model, enum model_kind kind, uint64_t tag,
			const struct range *range)
{
	unsigned int level;

	for (level = AMDVI_LEVELS_MIN; level <= AMDVI_LEVELS_MAX; level++) {
		const uint64_t mask = UINT64_MAX << amdvi_level_shift(level);

		iommu_model_cache_drop(&model->cache, kind, tag | MODEL_TAG_TABLE, level,
				       range->first & mask, range->last & mask);
	}
}

/* Everything of a domain: guest tables' entries, too, of all PASIDs. */
static void drop_domain(struct iommu_model_amdvi *model, uint16_t domain, bool tables)
{
	const uint64_t first = model_pasid_tag(domain, 0);
	const uint64_t last = model_pasid_tag(domain, (1U << MODEL_PASID_BITS) - 1);
	uint64_t tag = first << 1;

	if (tables) {
		iommu_model_cache_drop_tags(&model->cache, MODEL_GCR3, first, last);
		iommu_model_cache_drop_tags(&model->cache, MODEL_GUEST, first << 1, last << 1 | 1);
		return;
	}
	/* Each PASID costs a part of the call's budget: their number is the guest's. */
	while (iommu_model_cache_next_tag(&model->cache, MODEL_GUEST, tag, last << 1 | 1, &tag)) {
		if ((tag & MODEL_TAG_TABLE) == 0)
			iommu_model_cache_drop_tags(&model->cache, MODEL_GUEST, tag, tag);
		if (model->budget > 1)
			model->budget--;
		if (tag++ == (last << 1 | 1))
			break;
	}
}

/* GCR3 entries of a PASID, and those that lead to its. */
static void drop_gcr3(struct iommu_model_amdvi *model, uint16_t domain, uint32_t pasid)
{
	unsigned int level;

	for (level = 1; level <= AMDVI_GCR3_LEVELS_MAX; level++) {
		const unsigned int below = (level - 1) * AMDVI_GCR3_BITS;
		const uint64_t tag = model_pasid_tag(domain, pasid >> below << below);

		iommu_model_cache_drop(&model->cache, MODEL_GCR3, tag, level, 0, 0);
	}
}

static void invalidate_guest(struct iommu_model_amdvi *model, uint16_t domain, uint32_t pasid,
			     const struct range *range)
{
	const uint64_t tag = model_guest_tag(domain, pasid);

	drop_leaves(model, MODEL_GUEST, tag, range);
	if (!range->tables)
		return;
	drop_tables(model, MODEL_GUEST, tag, range);
	drop_gcr3(model, domain, pasid);
}

static void invalidate_host(struct iommu_model_amdvi *model, uint16_t domain,
			    const struct range *range)
{
	const uint64_t tag = model_host_tag(domain);

	drop_leaves(model, MODEL_HOST, tag, range);
	if (range->tables)
		drop_tables(model, MODEL_HOST, tag, range);
	if (range->is_everything)
		drop_domain(model, domain, range->tables);
}

static void invalidate_pages(struct iommu_model_amdvi *model, const struct amdvi_command *c,
			     struct iommu_model_amdvi_invalidation *what)
{
	struct range range = range_of(c);

	range.tables = amdvi_has(c->words, AMDVI_PAGES_PDE);
	what->type = IOMMU_MODEL_AMDVI_PAGES;
	what->has_domain = true;
	what->domain = (uint16_t)amdvi_get(c->words, AMDVI_IOMMU_PAGES_DOMAIN);
	what->has_pasid = amdvi_has(c->words, AMDVI_PAGES_GN);
	what->leaves_only = !range.tables;
	name_range(what, &range);
	if (!what->has_pasid) {
		invalidate_host(model, what->domain, &range);
		return;
	}
	what->pasid = (uint32_t)amdvi_get(c->words, AMDVI_IOMMU_PAGES_PASID);
	invalidate_guest(model, what->domain, what->pasid, &range);
}

/* --- Devices ---------------------------------------------------------------------------------- */

static void name_device(struct iommu_model_amdvi_invalidation *what, const struct amdvi_command *c)
{
	what->has_devid = true;
	what->devid = amdvi_command_devid(c);
}

static void invalidate_device(struct iommu_model_amdvi *model, const struct amdvi_command *c,
			      struct iommu_model_amdvi_invalidation *what)
{
	what->type = IOMMU_MODEL_AMDVI_DEVICES;
	name_device(what, c);
	iommu_model_cache_drop_tags(&model->cache, MODEL_DEVICE, what->devid, what->devid);
}

static void invalidate_interrupts(struct iommu_model_amdvi *model, const struct amdvi_command *c,
				  struct iommu_model_amdvi_invalidation *what)
{
	what->type = IOMMU_MODEL_AMDVI_INTERRUPTS;
	name_device(what, c);
	iommu_model_cache_drop_tags(&model->cache, MODEL_INTERRUPT, what->devid, what->devid);
}

/* The device is asked when the lock has been released. */
static void ask_device(const struct amdvi_command *c, struct iommu_model_amdvi_invalidation *what)
{
	const struct range range = range_of(c);

	what->type = IOMMU_MODEL_AMDVI_DEVICE_TLB;
	name_device(what, c);
	what->has_pasid = amdvi_has(c->words, AMDVI_PAGES_GN);
	what->pasid = what->has_pasid ? amdvi_iotlb_pasid(c) : 0;
	name_range(what, &range);
}

static void invalidate_all(struct iommu_model_amdvi *model,
			   struct iommu_model_amdvi_invalidation *what)
{
	unsigned int kind;

	what->type = IOMMU_MODEL_AMDVI_ALL;
	for (kind = 0; kind < MODEL_CACHE_KINDS; kind++)
		iommu_model_cache_drop_kind(&model->cache, kind);
}

/* --- Commands --------------------------------------------------------------------------------- */

static void drop_what_it_names(struct iommu_model_amdvi *model, const struct amdvi_command *c,
			       struct iommu_model_amdvi_invalidation *what)
{
	switch (amdvi_command_opcode(c)) {
	case AMDVI_INVALIDATE_DEVTAB_ENTRY:
		invalidate_device(model, c, what);
		break;
	case AMDVI_INVALIDATE_IOMMU_PAGES:
		invalidate_pages(model, c, what);
		break;
	case AMDVI_INVALIDATE_IOTLB_PAGES:
		ask_device(c, what);
		break;
	case AMDVI_INVALIDATE_INTERRUPT_TABLE:
		invalidate_interrupts(model, c, what);
		break;
	default:
		invalidate_all(model, what);
	}
}

void iommu_amdmodel_invalidate(struct iommu_model_amdvi *model, const struct model_command *command)
{
	const struct amdvi_command *c = &command->command;
	struct iommu_model_amdvi_invalidation what = {.words = {c->words[0], c->words[1]}};
	uintptr_t dropping;

	/* Only a hint: nothing is fetched, and, since no domain is named, nothing dropped. */
	if (amdvi_command_opcode(c) == AMDVI_PREFETCH_IOMMU_PAGES)
		return;
	dropping = iommu_model_cache_begin_drop(&model->cache);
	drop_what_it_names(model, c, &what);
	iommu_model_cache_end_drop(&model->cache, dropping);
	iommu_amdmodel_notify(model, NOTICE_QUEUE, &what);
	model->notices[NOTICE_QUEUE].place = command->place;
}
