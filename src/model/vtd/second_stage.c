/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second stage (VT-d specification, "Second-Stage Translation" and "Caching Translation
 * Information").
 *
 * Leaves and non-leaf entries may be cached, and in caching mode also entries that are not present
 * or invalid, all tagged with the domain id. A cached leaf decides about an access that it does not
 * allow, without a walk; one in which a write was recorded allows further writes without a look at
 * memory.
 */
#include "model/vtd/journey.h"

/* Limit of changes of an entry during one walk. */
#define REPEATS_MAX 16

/* A cached leaf has one word: permissions, and these. */
#define LEAF_SNOOPS 0x100U
#define LEAF_DIRTY  0x200U

bool iommu_model_note(const struct journey *j, uint64_t paddr, uint64_t *entry, uint64_t bits)
{
	const struct iommu_model_vtd_host *host = &j->model->config.host;
	const uint64_t before = *entry;

	if (j->peeks || (before & bits) == bits)
		return true;
	*entry |= bits;
	return host->compare_exchange(host->ctx, paddr, before, *entry);
}

/* One walk. */
struct walk {
	struct journey *j;
	uint64_t address;
	unsigned int access;
	struct model_leaf *leaf;
	bool repeats; /* an entry has changed: begin the walk anew */
};

static unsigned int denied(const struct walk *w)
{
	if (w->j->scalable)
		return VTD_REASON_SECOND_STAGE_DENIED;
	return model_is_write(w->access) ? VTD_REASON_WRITE_DENIED : VTD_REASON_READ_DENIED;
}

static bool is_denied(unsigned int reason)
{
	return reason == VTD_REASON_WRITE_DENIED || reason == VTD_REASON_READ_DENIED ||
	       reason == VTD_REASON_SECOND_STAGE_DENIED;
}

/* Does `allowed` suffice? A zero-length read is allowed on a write-only page, too. */
static bool suffices(const struct walk *w, unsigned int allowed)
{
	return w->access == 0 ? allowed != 0 : (w->access & ~allowed) == 0;
}

static uint64_t reserved_bits(const struct iommu_model_vtd *model, unsigned int level, bool leaf)
{
	uint64_t reserved = VTD_SS_ADDRESS_MASK & ~model_output_last(model);

	if (!leaf)
		return reserved | VTD_SS_SNOOP |
		       (level > VTD_SS_LEAF_LEVELS ? VTD_SS_PAGE_SIZE : 0);
	if (level > 1)
		reserved |= LOW_MASK(vtd_ss_level_shift(level)) & VTD_SS_ADDRESS_MASK;
	if (level > 1 && (model->config.pgsize_bitmap >> vtd_ss_level_shift(level) & 1) == 0)
		reserved |= VTD_SS_PAGE_SIZE;
	if (!model_has(model, IOMMU_MODEL_VTD_SNOOP_CONTROL))
		reserved |= VTD_SS_SNOOP;
	if (!model_has(model, IOMMU_MODEL_VTD_DEVICE_TLB))
		reserved |= VTD_SS_TRANSIENT;
	return reserved;
}

static struct model_cached key_of(const struct walk *w, enum model_kind kind, unsigned int level)
{
	return (struct model_cached){
		.kind = (uint8_t)kind,
		.tag = w->j->domain_id,
		.level = (uint8_t)level,
		.address = w->address & ~LOW_MASK(vtd_ss_level_shift(level)),
	};
}

static bool second_stage_find(const struct walk *w, enum model_kind kind, unsigned int level,
			      struct model_cached *found)
{
	const struct model_cache *cache = &w->j->model->cache;

	return !w->j->fresh && iommu_model_cache_may_have(cache, kind, level) &&
	       journey_find(w->j, kind, w->j->domain_id, level,
			    w->address & ~LOW_MASK(vtd_ss_level_shift(level)), found);
}

static void second_stage_remember(const struct walk *w, enum model_kind kind, unsigned int level,
				  uint64_t low, uint64_t high, unsigned int reason)
{
	struct model_cached entry = key_of(w, kind, level);

	if (reason != 0 && !model_has(w->j->model, IOMMU_MODEL_VTD_CACHING_MODE))
		return;
	entry.low = low;
	entry.high = high;
	entry.reason = (uint8_t)reason;
	journey_remember(w->j, &entry);
}

/* Places of cached tables on the way: looked up one after the other, fetched at once. */
static void prefetch_tables(const struct walk *w)
{
	unsigned int level;

	for (level = 2; level <= w->j->second_levels; level++)
		iommu_model_cache_prefetch(&w->j->model->cache, MODEL_TABLE, w->j->domain_id, level,
					   w->address & ~LOW_MASK(vtd_ss_level_shift(level)));
}

/* The deepest cached table for the address; *level is the level of its entries. */
static void start_of_walk(const struct walk *w, unsigned int *level, uint64_t *table,
			  unsigned int *allowed, unsigned int *reason)
{
	*level = w->j->second_levels;
	*table = w->j->second_table;
	*allowed = IOMMU_PROT_READ_WRITE;
	*reason = 0;
	for (unsigned int at = 2; at <= w->j->second_levels; at++) {
		struct model_cached known;

		if (!second_stage_find(w, MODEL_TABLE, at, &known))
			continue;
		*level = at - 1;
		*table = known.low;
		*allowed = (unsigned int)known.high;
		*reason = known.reason;
		return;
	}
}

static unsigned int allowed_by(uint64_t entry)
{
	return ((entry & VTD_SS_READ) != 0 ? IOMMU_PROT_READ : 0U) |
	       ((entry & VTD_SS_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U);
}

static unsigned int found(const struct walk *w, unsigned int level, uint64_t paddr, uint64_t high)
{
	const uint64_t offset = w->address & LOW_MASK(vtd_ss_level_shift(level));

	w->leaf->allowed = (unsigned int)high & IOMMU_PROT_READ_WRITE;
	w->leaf->snoop = (high & LEAF_SNOOPS) != 0;
	w->leaf->size = 1ULL << vtd_ss_level_shift(level);
	w->leaf->paddr = paddr + offset;
	return suffices(w, w->leaf->allowed) ? 0 : denied(w);
}

/* Is the access one that sets the dirty bit? */
static bool is_noted_write(const struct walk *w)
{
	return w->j->notes && model_is_write(w->access);
}

/* A leaf: noted, cached, used. */
static unsigned int use_leaf(struct walk *w, unsigned int level, uint64_t at, uint64_t entry,
			     unsigned int allowed)
{
	const struct model_cached key = key_of(w, MODEL_PAGE, level);
	const bool writes = is_noted_write(w) && suffices(w, allowed);
	uint64_t high = allowed | ((entry & VTD_SS_SNOOP) != 0 ? LEAF_SNOOPS : 0);

	if (w->j->notes &&
	    !iommu_model_note(w->j, at, &entry, VTD_SS_ACCESSED | (writes ? VTD_SS_DIRTY : 0))) {
		w->repeats = true;
		return 0;
	}
	if ((entry & VTD_SS_DIRTY) != 0)
		high |= LEAF_DIRTY;
	/* The cached entry stays, with a note that a write was recorded. */
	if ((high & LEAF_DIRTY) != 0 && !w->j->peeks)
		iommu_model_cache_add_to_high(&w->j->model->cache, &w->j->passage->walk, &key,
					      LEAF_DIRTY);
	second_stage_remember(w, MODEL_PAGE, level, entry & VTD_SS_ADDRESS_MASK, high, 0);
	return found(w, level, entry & VTD_SS_ADDRESS_MASK, high);
}

static unsigned int second_stage_walk(struct walk *w)
{
	struct iommu_model_vtd *model = w->j->model;
	unsigned int level, allowed, reason;
	uint64_t table, entry;

	w->repeats = false;
	start_of_walk(w, &level, &table, &allowed, &reason);
	if (reason != 0)
		return is_denied(reason) ? denied(w) : reason;
	/*
	 * Without permission on the way the walk ends, whether the tables come from the cache or
	 * from memory.
	 */
	if (!suffices(w, allowed)) {
		w->leaf->absent = 1ULL << vtd_ss_level_shift(level + 1);
		return denied(w);
	}
	journey_count_walk(w->j);
	for (; level > 0; level--) {
		const uint64_t at = table + (w->address >> vtd_ss_level_shift(level) & 511) * 8;
		bool leaf;

		w->leaf->absent = 1ULL << vtd_ss_level_shift(level);
		if (!model_read_words(model, at, &entry, 1))
			return w->j->scalable ? VTD_REASON_SECOND_STAGE_ACCESS
					      : VTD_REASON_TABLE_ACCESS;
		leaf = vtd_ss_is_leaf(entry, level);
		if (!vtd_ss_is_present(entry))
			reason = denied(w);
		else if ((entry & reserved_bits(model, level, leaf)) != 0)
			reason = w->j->scalable ? VTD_REASON_SECOND_STAGE_RESERVED
						: VTD_REASON_TABLE_RESERVED;
		if (reason != 0) {
			second_stage_remember(w, level == 1 ? MODEL_PAGE : MODEL_TABLE, level, 0, 0,
					      reason);
			return reason;
		}
		allowed &= allowed_by(entry);
		if (leaf)
			return use_leaf(w, level, at, entry, allowed);
		if (w->j->notes && !iommu_model_note(w->j, at, &entry, VTD_SS_ACCESSED)) {
			w->repeats = true;
			return 0;
		}
		table = entry & VTD_SS_ADDRESS_MASK;
		second_stage_remember(w, MODEL_TABLE, level, table, allowed, 0);
		if (!suffices(w, allowed))
			return denied(w);
	}
	return denied(w); /* a table without levels translates nothing */
}

/* From the cached leaves; false: none, or a write has to be recorded. */
static bool known_leaf(const struct walk *w, unsigned int *reason)
{
	unsigned int level;

	for (level = 1; level <= MODEL_BLOCK_LEVEL; level++) {
		struct model_cached known;

		if (!second_stage_find(w, MODEL_PAGE, level, &known))
			continue;
		if (known.reason != 0) {
			*reason = is_denied(known.reason) ? denied(w) : known.reason;
			return true;
		}
		*reason = found(w, level, known.low, known.high);
		return *reason != 0 || !is_noted_write(w) || (known.high & LEAF_DIRTY) != 0;
	}
	return false;
}

/*
 * Pass-through of legacy mode is cached as a translation, under its domain id, in the largest
 * blocks.
 */
static unsigned int pass_through(const struct walk *w)
{
	const uint64_t block = w->address & ~LOW_MASK(vtd_ss_level_shift(MODEL_BLOCK_LEVEL));
	unsigned int reason;

	if (w->address > model_output_last(w->j->model))
		return VTD_REASON_ADDRESS_TOO_WIDE;
	if (known_leaf(w, &reason))
		return reason;
	if (!model_passage_walks(w->j->passage))
		return MODEL_AGAIN;
	second_stage_remember(w, MODEL_PAGE, MODEL_BLOCK_LEVEL, block, IOMMU_PROT_READ_WRITE, 0);
	return found(w, MODEL_BLOCK_LEVEL, block, IOMMU_PROT_READ_WRITE);
}

unsigned int iommu_model_second_stage(struct journey *j, uint64_t address, unsigned int access,
				      struct model_leaf *leaf)
{
	const unsigned int width_of_unit = j->model->config.address_width;
	const unsigned int width = vtd_ss_address_width(j->second_levels);
	struct walk w = {.j = j, .address = address, .access = access, .leaf = leaf};
	unsigned int repeats = 0;
	unsigned int reason;

	if (j->how == VTD_PASID_PASS_THROUGH)
		return pass_through(&w);
	if (address >> (width < width_of_unit ? width : width_of_unit) != 0)
		return j->scalable ? VTD_REASON_SECOND_STAGE_TOO_WIDE : VTD_REASON_ADDRESS_TOO_WIDE;
	if (known_leaf(&w, &reason))
		return reason;
	prefetch_tables(&w);
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	do
		reason = second_stage_walk(&w);
	while (w.repeats && ++repeats < REPEATS_MAX);
	/* The first stage comes here again for its next table, in the same walk. */
	if (j->how == VTD_PASID_NESTED && !j->peeks)
		iommu_model_walk_settle(&j->model->cache, &j->passage->walk);
	return w.repeats ? VTD_REASON_SECOND_STAGE_ACCESS : reason;
}
