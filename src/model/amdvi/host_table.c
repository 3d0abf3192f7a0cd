/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host tables, version 1 (48882, "I/O Page Tables for Host Translations"): addresses of devices, or
 * of a guest, become addresses of memory. Cached entries are tagged with the domain id, and with
 * nothing of the device: what its own entry allows is no part of them. Present entries are cached
 * whatever they permit; what is not present only with NpCache.
 */
#include <libiommu/hw/amdvi_page_table.h>

#include "model/amdvi/journey.h"

struct walk {
	struct journey *j;
	const struct model_asks *asks;
	uint64_t address;
	struct model_leaf *leaf;
	uint64_t table;
	unsigned int level;       /* of the table */
	unsigned int permissions; /* that entries above allow */
	bool repeats;             /* an entry has changed: begin the walk anew */
};

static unsigned int fault(const struct walk *w, struct model_fault details)
{
	return journey_page_fault(w->j, w->address, details);
}

static unsigned int not_present(const struct walk *w)
{
	return fault(w, (struct model_fault){0});
}

/* A code of a level that is none, or address bits of a skipped level. */
static unsigned int bad_level(const struct walk *w)
{
	return fault(w, (struct model_fault){.is_present = true});
}

static unsigned int reserved_bit(const struct walk *w)
{
	return fault(w, (struct model_fault){.is_present = true, .is_reserved = true});
}

static bool sets_dirty(const struct walk *w)
{
	return amdvi_get(w->j->dte.words, AMDVI_DTE_HAD) == AMDVI_HAD_DIRTY;
}

static bool sets_accessed(const struct walk *w)
{
	return amdvi_get(w->j->dte.words, AMDVI_DTE_HAD) != AMDVI_HAD_NONE;
}

/* --- The cache -------------------------------------------------------------------------------- */

static uint64_t tag_of(const struct walk *w)
{
	return model_host_tag(journey_domain(w->j));
}

static bool find_leaf(const struct walk *w, struct model_cached *found, unsigned int *span)
{
	for (*span = 0; *span < MODEL_LEAF_SPANS && !w->j->fresh; ++*span)
		if (journey_find(w->j, MODEL_HOST, tag_of(w), *span,
				 w->address & UINT64_MAX << model_span_shift(*span), found))
			return true;
	return false;
}

static void remember_leaf(const struct walk *w)
{
	const unsigned int span = journey_span(w->j, w->leaf->shift);
	const uint64_t mask = UINT64_MAX << model_span_shift(span);
	const struct model_cached entry = {
		.kind = MODEL_HOST,
		.tag = tag_of(w),
		.level = (uint8_t)span,
		.address = w->address & mask,
		.low = w->leaf->address & mask,
		.high = w->leaf->flags,
	};

	/* A cached entry stays, with a note that a write was marked. */
	if ((w->leaf->flags & MODEL_DIRTY) != 0 && !w->j->peeks)
		iommu_model_cache_add_to_high(&w->j->model->cache, &w->j->passage->walk, &entry,
					      MODEL_DIRTY);
	journey_remember(w->j, &entry);
}

static void remember_table(const struct walk *w, uint64_t table, unsigned int level,
			   unsigned int permissions)
{
	const struct model_cached entry = {
		.kind = MODEL_HOST,
		.tag = tag_of(w) | MODEL_TAG_TABLE,
		.level = (uint8_t)w->level,
		.address = w->address & UINT64_MAX << amdvi_level_shift(w->level),
		.low = table,
		.high = level | (uint64_t)permissions << MODEL_HIGH_PERMISSIONS,
	};

	journey_remember(w->j, &entry);
}

/* Of a level above the first it is what a table could be put in the place of. */
static void remember_absence(const struct walk *w)
{
	const struct model_cached entry = {
		.kind = MODEL_HOST,
		.reason = 1,
		.tag = tag_of(w) | (w->level > 1 ? MODEL_TAG_TABLE : 0),
		.level = (uint8_t)(w->level > 1 ? w->level : 0),
		.address = w->address & UINT64_MAX << amdvi_level_shift(w->level),
	};

	if (model_flag(w->j->model, IOMMU_MODEL_AMDVI_NP_CACHE))
		journey_remember(w->j, &entry);
}

/* Address bits of the levels between an entry and the table that it leads to have to be 0. */
static unsigned int check_skipped(const struct walk *w, unsigned int level, unsigned int next)
{
	const uint64_t covered = (1ULL << amdvi_level_shift(level)) - 1;

	return (w->address & covered) >> amdvi_level_shift(next + 1) != 0 ? bad_level(w) : 0;
}

/* The deepest table on the way that is known. What is known may be that there is none. */
static unsigned int start_of_walk(struct walk *w)
{
	const unsigned int levels = journey_host_levels(w->j);
	struct model_cached known;
	unsigned int level;

	w->repeats = false;
	for (level = 2; level <= levels && !w->j->fresh; level++) {
		const uint64_t mask = UINT64_MAX << amdvi_level_shift(level);

		if (!journey_find(w->j, MODEL_HOST, tag_of(w) | MODEL_TAG_TABLE, level,
				  w->address & mask, &known))
			continue;
		w->table = known.low;
		w->level = (unsigned int)known.high & ((1U << MODEL_HIGH_PERMISSIONS) - 1);
		w->leaf->absent = amdvi_level_shift(known.reason != 0 ? level : w->level + 1);
		w->permissions = (unsigned int)(known.high >> MODEL_HIGH_PERMISSIONS) & MODEL_ALL;
		return known.reason != 0 ? not_present(w) : check_skipped(w, level, w->level);
	}
	w->level = levels;
	w->table = amdvi_address(w->j->dte.words, AMDVI_DTE_HOST_ROOT);
	w->permissions = MODEL_READ | MODEL_WRITE;
	return 0;
}

/* --- Entries ---------------------------------------------------------------------------------- */

static unsigned int permissions_of(uint64_t entry)
{
	return ((entry & AMDVI_PTE_READ) != 0 ? MODEL_READ : 0) |
	       ((entry & AMDVI_PTE_WRITE) != 0 ? MODEL_WRITE : 0);
}

static unsigned int check_access(const struct walk *w, unsigned int flags)
{
	if (w->asks->takes_less || model_allows(flags, w->asks))
		return 0;
	return fault(w, (struct model_fault){.is_present = true, .is_denied = true});
}

/* log2 of the bytes that a leaf spans; 0: a size that no leaf of the level has. */
static unsigned int leaf_shift(const struct walk *w, uint64_t entry)
{
	const unsigned int own = amdvi_level_shift(w->level);
	unsigned int shift = own + 1;
	uint64_t size;

	if (w->level > AMDVI_LEAF_LEVELS)
		return 0;
	if (!amdvi_pte_is_coded(entry))
		return own;
	size = amdvi_pte_coded_size(entry);
	while (shift < own + AMDVI_PTE_BITS && size != 1ULL << shift)
		shift++;
	return shift < own + AMDVI_PTE_BITS ? shift : 0;
}

static unsigned int flags_of(const struct walk *w, uint64_t entry)
{
	unsigned int flags = w->permissions & permissions_of(entry);

	if (!sets_dirty(w) || (entry & AMDVI_PTE_DIRTY) != 0)
		flags |= MODEL_DIRTY;
	return flags | ((entry & AMDVI_PTE_FC) != 0 ? MODEL_COHERENT : 0);
}

static unsigned int use_leaf(struct walk *w, uint64_t place, uint64_t entry)
{
	const unsigned int shift = leaf_shift(w, entry);
	const unsigned int flags = flags_of(w, entry);
	const uint64_t offset = (1ULL << shift) - 1;
	uint64_t after = entry | (sets_accessed(w) ? AMDVI_PTE_ACCESSED : 0);
	unsigned int code;

	if (shift == 0)
		return bad_level(w);
	if ((entry & (AMDVI_PTE_RESERVED | AMDVI_PTE_MIGRATION)) != 0)
		return reserved_bit(w);
	code = check_access(w, flags);
	if (model_needs_mark(flags, w->asks->writes))
		after |= AMDVI_PTE_DIRTY;
	/* What is refused sets nothing. */
	if (code == 0 && !journey_mark(w->j, place, entry, after)) {
		w->repeats = true;
		return 0;
	}
	w->leaf->flags = flags_of(w, code == 0 ? after : entry);
	w->leaf->shift = shift;
	w->leaf->address = (amdvi_pte_address(entry) & ~offset) | (w->address & offset);
	remember_leaf(w);
	return code;
}

/* Down to the next table, which may lie several levels below. */
static unsigned int descend(struct walk *w, uint64_t place, uint64_t entry)
{
	const unsigned int next = amdvi_pte_next_level(entry);
	const uint64_t after = entry | (sets_accessed(w) ? AMDVI_PTE_ACCESSED : 0);
	unsigned int code;

	if (next >= w->level)
		return bad_level(w);
	if ((entry & AMDVI_PTE_TABLE_RESERVED) != 0)
		return reserved_bit(w);
	code = check_skipped(w, w->level, next);
	if (code != 0)
		return code;
	if (!journey_mark(w->j, place, entry, after)) {
		w->repeats = true;
		return 0;
	}
	w->permissions &= permissions_of(entry);
	w->table = amdvi_pte_address(entry);
	remember_table(w, w->table, next, w->permissions);
	w->level = next;
	return 0;
}

/* --- The walk --------------------------------------------------------------------------------- */

static uint64_t place_of(const struct walk *w)
{
	const uint64_t index = w->address >> amdvi_level_shift(w->level);

	return w->table + 8 * (index & (AMDVI_PTE_ENTRIES - 1));
}

/* A whole level that is not reached, beside what skipped levels leave. */
static void look_at_absence(const struct walk *w, uint64_t entry)
{
	const unsigned int next = amdvi_pte_next_level(entry);

	w->leaf->absent = amdvi_level_shift(w->level);
	if (amdvi_pte_is_present(entry) && next != 0 && next < w->level)
		w->leaf->absent = amdvi_level_shift(next + 1);
}

static unsigned int walk(struct walk *w)
{
	unsigned int code = start_of_walk(w);
	bool is_leaf = false;

	journey_count_walk(w->j);
	while (code == 0 && !is_leaf && !w->repeats) {
		const uint64_t place = place_of(w);
		amdvi_word_t entry;

		w->leaf->absent = amdvi_level_shift(w->level);
		if (!journey_read(w->j, place, &entry, 1))
			return journey_hardware_error(w->j, AMDVI_PAGE_TAB_HARDWARE_ERROR, place);
		look_at_absence(w, entry);
		if (!amdvi_pte_is_present(entry)) {
			remember_absence(w);
			return not_present(w);
		}
		is_leaf = amdvi_pte_is_leaf(entry);
		code = is_leaf ? use_leaf(w, place, entry) : descend(w, place, entry);
	}
	return code;
}

/* A cached leaf that answers; false: a write through it has to be marked first. */
static bool known_leaf(struct walk *w, unsigned int *code)
{
	struct model_cached known;
	unsigned int span;

	if (!find_leaf(w, &known, &span))
		return false;
	if (known.reason != 0) {
		w->leaf->absent = model_span_shift(span);
		*code = not_present(w);
		return true;
	}
	*w->leaf = (struct model_leaf){
		.address = known.low | (w->address & ((1ULL << model_span_shift(span)) - 1)),
		.shift = model_span_shift(span),
		.flags = (unsigned int)known.high,
	};
	*code = check_access(w, w->leaf->flags);
	return *code != 0 || !model_needs_mark(w->leaf->flags, w->asks->writes);
}

unsigned int iommu_amdmodel_host(struct journey *j, uint64_t address, const struct model_asks *asks,
				 struct model_leaf *leaf)
{
	struct walk w = {.j = j, .asks = asks, .address = address, .leaf = leaf};
	const unsigned int levels = journey_host_levels(j);
	unsigned int repeats = 0, code;

	*leaf = (struct model_leaf){.address = address, .shift = 64, .flags = MODEL_ALL};
	if (levels == 0)
		return 0;
	if (levels < AMDVI_LEVELS_MAX && address >> amdvi_address_width(levels) != 0) {
		leaf->absent = 64;
		return not_present(&w);
	}
	if (known_leaf(&w, &code))
		return code;
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	do
		code = walk(&w);
	while (code == 0 && w.repeats && ++repeats < MODEL_REPEATS_MAX);
	return w.repeats ? journey_hardware_error(j, AMDVI_PAGE_TAB_HARDWARE_ERROR, w.table) : code;
}
