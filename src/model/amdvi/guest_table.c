/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest tables, version 2, which are those of x86-64 processors, of 4 or 5 levels (48882, "Guest
 * and Nested Address Translation"). Where there is a host table it translates each access to a
 * guest table, and what that gives in the end. Both together are cached under the guest's address,
 * by domain id and PASID.
 */
#include <libiommu/hw/amdvi_page_table.h>

#include "model/amdvi/journey.h"

#define PRESENT  (1ULL << 0)
#define WRITABLE (1ULL << 1)
#define USER     (1ULL << 2)
#define ACCESSED (1ULL << 5)
#define DIRTY    (1ULL << 6)
#define LARGE    (1ULL << 7)
#define NO_EXEC  (1ULL << 63)
#define ADDRESS  0x000ffffffffff000ULL

/* Pages of 1 GiB are the largest. */
#define LARGE_LEVELS 3U

struct walk {
	struct journey *j;
	uint64_t table; /* a guest's address where there is a host table */
	unsigned int level;
	unsigned int permissions; /* that entries above allow: those of a leaf */
	struct model_leaf guest, host;
	bool repeats; /* an entry has changed: begin the walk anew */
};

static unsigned int fault(const struct walk *w, struct model_fault details)
{
	details.is_of_guest = true;
	return journey_page_fault(w->j, w->j->address, details);
}

static unsigned int levels_of(const struct journey *j)
{
	return 4 + (unsigned int)amdvi_get(j->dte.words, AMDVI_DTE_GUEST_MODE);
}

unsigned int iommu_amdmodel_guest_bits(const struct journey *j)
{
	return amdvi_level_shift(levels_of(j) + 1);
}

/* --- The cache -------------------------------------------------------------------------------- */

static uint64_t tag_of(const struct walk *w)
{
	return model_guest_tag(journey_domain(w->j), w->j->pasid);
}

static bool find_leaf(const struct walk *w, struct model_cached *found, unsigned int *span)
{
	for (*span = 0; *span < MODEL_LEAF_SPANS && !w->j->fresh; ++*span)
		if (journey_find(w->j, MODEL_GUEST, tag_of(w), *span,
				 w->j->address & UINT64_MAX << model_span_shift(*span), found))
			return true;
	return false;
}

/* The smaller of the two blocks. */
static unsigned int common_shift(const struct walk *w)
{
	return w->guest.shift < w->host.shift ? w->guest.shift : w->host.shift;
}

static void remember_leaf(const struct walk *w)
{
	const unsigned int span = journey_span(w->j, common_shift(w));
	const uint64_t mask = UINT64_MAX << model_span_shift(span);
	const unsigned int flags = w->guest.flags | w->host.flags << MODEL_HIGH_HOST;
	const struct model_cached entry = {
		.kind = MODEL_GUEST,
		.tag = tag_of(w),
		.level = (uint8_t)span,
		.address = w->j->address & mask,
		.low = w->host.address & mask,
		.high = flags,
	};

	/* A cached entry stays, with a note of what was marked. */
	if (!w->j->peeks)
		iommu_model_cache_add_to_high(
			&w->j->model->cache, &w->j->passage->walk, &entry,
			flags & (MODEL_DIRTY | MODEL_DIRTY << MODEL_HIGH_HOST));
	journey_remember(w->j, &entry);
}

static void remember_table(const struct walk *w, uint64_t table)
{
	const struct model_cached entry = {
		.kind = MODEL_GUEST,
		.tag = tag_of(w) | MODEL_TAG_TABLE,
		.level = (uint8_t)w->level,
		.address = w->j->address & UINT64_MAX << amdvi_level_shift(w->level),
		.low = table,
		.high = w->permissions,
	};

	journey_remember(w->j, &entry);
}

/* The deepest table on the way that is known, or else the root that the PASID has. */
static unsigned int start_of_walk(struct walk *w)
{
	const unsigned int levels = levels_of(w->j);
	struct model_cached known;
	unsigned int level;

	w->repeats = false;
	for (level = 2; level <= levels && !w->j->fresh; level++) {
		const uint64_t mask = UINT64_MAX << amdvi_level_shift(level);

		if (!journey_find(w->j, MODEL_GUEST, tag_of(w) | MODEL_TAG_TABLE, level,
				  w->j->address & mask, &known))
			continue;
		w->level = level - 1;
		w->table = known.low;
		w->permissions = (unsigned int)known.high;
		return 0;
	}
	w->level = levels;
	w->permissions = MODEL_READ | MODEL_WRITE | MODEL_EXECUTE | MODEL_USER;
	return iommu_amdmodel_guest_root(w->j, &w->table);
}

/* --- Permissions ------------------------------------------------------------------------------ */

static unsigned int permissions_of(uint64_t entry)
{
	return MODEL_READ | ((entry & WRITABLE) != 0 ? MODEL_WRITE : 0) |
	       ((entry & NO_EXEC) == 0 ? MODEL_EXECUTE : 0) |
	       ((entry & USER) != 0 ? MODEL_USER : 0);
}

static unsigned int check_access(const struct walk *w, unsigned int flags)
{
	const struct journey *j = w->j;
	unsigned int needs = j->writes ? MODEL_WRITE : 0;

	if (!j->privileged)
		needs |= MODEL_USER;
	if (j->executes)
		needs |= MODEL_EXECUTE;
	if ((needs & ~flags) == 0 || j->takes_less)
		return 0;
	return fault(w, (struct model_fault){.is_present = true, .is_denied = true});
}

/* --- Entries ---------------------------------------------------------------------------------- */

/* Of a leaf above level 1, address bits that it has not, but PAT; larger ones there are not. */
static bool is_reserved(const struct walk *w, uint64_t entry)
{
	const uint64_t below = (1ULL << amdvi_level_shift(w->level)) - 1;

	if ((entry & NO_EXEC) != 0 && !model_efr(w->j->model, AMDVI_EFR_NX))
		return true;
	if (w->level == 1 || (entry & LARGE) == 0)
		return false;
	return w->level > LARGE_LEVELS || (entry & ADDRESS & below & ~(1ULL << 12)) != 0;
}

static unsigned int use_leaf(struct walk *w, uint64_t place, uint64_t entry)
{
	const unsigned int shift = amdvi_level_shift(w->level);
	const uint64_t offset = (1ULL << shift) - 1;
	struct model_asks asks = journey_asks(w->j);
	uint64_t after = entry | ACCESSED;
	unsigned int code;

	w->permissions &= permissions_of(entry);
	code = check_access(w, w->permissions);
	if (code != 0)
		return code;
	if (w->j->writes && (w->permissions & MODEL_WRITE) != 0)
		after |= DIRTY;
	if (!journey_mark(w->j, place, entry, after)) {
		w->repeats = true;
		return 0;
	}
	w->guest.shift = shift;
	w->guest.flags = w->permissions | ((after & DIRTY) != 0 ? MODEL_DIRTY : 0);
	w->guest.address = (entry & ADDRESS & ~offset) | (w->j->address & offset);
	code = iommu_amdmodel_host(w->j, w->guest.address, &asks, &w->host);
	if (code == 0)
		remember_leaf(w);
	else
		w->guest.absent = 12;
	return code;
}

static unsigned int descend(struct walk *w, uint64_t place, uint64_t entry)
{
	if (!journey_mark(w->j, place, entry, entry | ACCESSED)) {
		w->repeats = true;
		return 0;
	}
	w->permissions &= permissions_of(entry);
	w->table = entry & ADDRESS;
	remember_table(w, w->table);
	w->level--;
	return 0;
}

/* The entry, and where it lies in memory. It is marked, and so has to be writable. */
static unsigned int read_entry(struct walk *w, uint64_t *place, amdvi_word_t *entry)
{
	static const struct model_asks asks = {.reads = true, .writes = true};
	const uint64_t index = w->j->address >> amdvi_level_shift(w->level);
	const uint64_t at = w->table + 8 * (index & (AMDVI_PTE_ENTRIES - 1));
	const unsigned int code = iommu_amdmodel_host(w->j, at, &asks, &w->host);

	if (code != 0)
		return code;
	*place = w->host.address;
	return journey_read(w->j, *place, entry, 1)
		       ? 0
		       : journey_hardware_error(w->j, AMDVI_PAGE_TAB_HARDWARE_ERROR, *place);
}

/* --- The walk --------------------------------------------------------------------------------- */

static unsigned int walk(struct walk *w)
{
	unsigned int code;
	bool is_leaf = false;

	w->guest.absent = 64;
	code = start_of_walk(w);
	journey_count_walk(w->j);
	while (code == 0 && !is_leaf && !w->repeats) {
		amdvi_word_t entry = 0;
		uint64_t place = 0;

		w->guest.absent = amdvi_level_shift(w->level);
		code = read_entry(w, &place, &entry);
		if (code != 0) {
			/* Of a table of the guest's that the host's has not: no more is known. */
			w->guest.absent = 12;
			return code;
		}
		if ((entry & PRESENT) == 0)
			return fault(w, (struct model_fault){0});
		if (is_reserved(w, entry))
			return fault(w,
				     (struct model_fault){.is_present = true, .is_reserved = true});
		is_leaf = w->level == 1 || (entry & LARGE) != 0;
		code = is_leaf ? use_leaf(w, place, entry) : descend(w, place, entry);
	}
	return code;
}

/* Both tables' permissions, as far as no write has to be marked any more. */
static void arrive(const struct walk *w, struct model_arrival *arrival)
{
	const unsigned int guest = w->guest.flags, host = w->host.flags;
	const unsigned int both = guest & host;

	arrival->paddr = w->host.address;
	arrival->shift = common_shift(w);
	arrival->flags = host & MODEL_COHERENT;
	if (!w->j->privileged && (guest & MODEL_USER) == 0)
		return;
	arrival->flags |= both & MODEL_READ;
	if ((both & MODEL_WRITE) != 0 && (both & MODEL_DIRTY) != 0)
		arrival->flags |= MODEL_WRITE;
	if ((both & MODEL_READ) != 0)
		arrival->flags |= guest & MODEL_EXECUTE;
}

/* A cached leaf that answers; false: a walk has to mark a write, or to say what forbids it. */
static bool known_leaf(struct walk *w)
{
	const uint64_t flags = (1U << MODEL_HIGH_HOST) - 1;
	const struct model_asks asks = journey_asks(w->j);
	struct model_cached known;
	unsigned int span;

	if (!find_leaf(w, &known, &span))
		return false;
	w->guest = (struct model_leaf){.shift = model_span_shift(span),
				       .flags = (unsigned int)(known.high & flags)};
	w->host = (struct model_leaf){
		.address = known.low | (w->j->address & ((1ULL << model_span_shift(span)) - 1)),
		.shift = model_span_shift(span),
		.flags = (unsigned int)(known.high >> MODEL_HIGH_HOST & flags),
	};
	return !model_needs_mark(w->guest.flags, w->j->writes) &&
	       !model_needs_mark(w->host.flags, w->j->writes) &&
	       (asks.takes_less || model_allows(w->host.flags, &asks));
}

/* Canonical: the bits above are all like the highest. */
static bool is_in_range(const struct journey *j)
{
	const int64_t top = (int64_t)j->address >> (iommu_amdmodel_guest_bits(j) - 1);

	return top == 0 || top == -1;
}

unsigned int iommu_amdmodel_guest(struct journey *j, struct model_arrival *arrival)
{
	struct walk w = {.j = j};
	unsigned int repeats = 0, code = 0;

	arrival->absent = 64;
	if (!is_in_range(j))
		return fault(&w, (struct model_fault){0});
	if (known_leaf(&w)) {
		code = check_access(&w, w.guest.flags);
	} else {
		if (!model_passage_walks(j->passage))
			return MODEL_AGAIN;
		do
			code = walk(&w);
		while (code == 0 && w.repeats && ++repeats < MODEL_REPEATS_MAX);
		if (w.repeats)
			return journey_hardware_error(j, AMDVI_PAGE_TAB_HARDWARE_ERROR, w.table);
	}
	arrival->absent = w.guest.absent;
	if (code == 0)
		arrive(&w, arrival);
	return code;
}
