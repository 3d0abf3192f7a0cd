/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first stage, alone or nested in the second, and pass-through of scalable mode (VT-d
 * specification, "First-Stage Translation", "Nested Translation" and "Caching Translation
 * Information").
 *
 * Cached entries are tagged with domain id and PASID. An entry of a nested translation is the
 * result of both stages: an invalidation of either drops it, and a translation by the second stage
 * alone does not use it. Absent entries are never cached.
 */
#include "model/vtd/journey.h"

#define REPEATS_MAX 16

/*
 * The permissions of a cached leaf or table, beside those of the second stage (enum iommu_prot, in
 * the lowest bits).
 */
#define FIRST_WRITE      0x100U
#define FIRST_USER       0x200U
#define FIRST_NO_EXECUTE 0x400U
#define FIRST_DIRTY      0x800U
#define FIRST_SNOOPS     0x1000U

struct walk {
	struct journey *j;
	struct model_leaf *leaf;
	bool nested;
	/* The current table: its address, and that address before the second stage. */
	unsigned int level;
	uint64_t table, guest_table;
	uint32_t allowed;
	bool repeats; /* an entry has changed: begin the walk anew */
};

static uint64_t tag_of(const struct journey *j)
{
	return (uint64_t)j->domain_id << 32 | j->pasid;
}

static bool first_stage_find(const struct walk *w, enum model_kind kind, unsigned int level,
			     struct model_cached *found)
{
	const struct model_cache *cache = &w->j->model->cache;

	return !w->j->fresh && iommu_model_cache_may_have(cache, kind, level) &&
	       journey_find(w->j, kind, tag_of(w->j), level,
			    w->j->request->address & ~LOW_MASK(vtd_fs_level_shift(level)), found);
}

static void first_stage_remember(const struct walk *w, enum model_kind kind, unsigned int level,
				 uint64_t low, uint64_t high, uint64_t third)
{
	const struct model_cached entry = {
		.kind = (uint8_t)kind,
		.tag = tag_of(w->j),
		.level = (uint8_t)level,
		.address = w->j->request->address & ~LOW_MASK(vtd_fs_level_shift(level)),
		.low = low,
		.high = high,
		.third = third,
	};

	/* The cached entry stays, with a note that a write was recorded. */
	if (kind == MODEL_FIRST_PAGE && (high & FIRST_DIRTY) != 0 && !w->j->peeks)
		iommu_model_cache_add_to_high(&w->j->model->cache, &w->j->passage->walk, &entry,
					      FIRST_DIRTY);
	journey_remember(w->j, &entry);
}

/* --- Permissions ------------------------------------------------------------------------------ */

/* Is the request allowed? First by the first stage, then by the second. */
static unsigned int check_access(const struct walk *w, uint32_t allowed)
{
	const struct iommu_model_request *request = w->j->request;
	const bool writes = model_is_write(request->access);

	if (!request->privileged && (allowed & FIRST_USER) == 0)
		return VTD_REASON_USER_ON_SUPERVISOR;
	if (writes && (allowed & FIRST_WRITE) == 0 &&
	    (!request->privileged || (w->j->first & VTD_PASID_WPE) != 0))
		return VTD_REASON_SCALABLE_WRITE_DENIED;
	if (request->execute && (allowed & FIRST_NO_EXECUTE) != 0)
		return VTD_REASON_NOT_EXECUTABLE;
	return w->nested && (request->access & ~allowed & IOMMU_PROT_READ_WRITE) != 0
		       ? VTD_REASON_SECOND_STAGE_DENIED
		       : 0;
}

/* The permissions in the answer to a device that asks. */
static unsigned int prot_of(const struct walk *w, uint32_t allowed)
{
	unsigned int prot = IOMMU_PROT_READ;

	if (!w->j->request->privileged && (allowed & FIRST_USER) == 0)
		return 0;
	if ((allowed & FIRST_WRITE) != 0)
		prot |= IOMMU_PROT_WRITE;
	return w->nested ? prot & allowed : prot;
}

static unsigned int found(const struct walk *w, unsigned int level, uint64_t paddr, uint64_t high)
{
	const uint64_t mask = LOW_MASK(vtd_fs_level_shift(level));

	*w->leaf = (struct model_leaf){
		.paddr = paddr | (w->j->request->address & mask),
		.allowed = prot_of(w, (uint32_t)high),
		.size = mask + 1,
		.snoop = w->j->snoops || (high & FIRST_SNOOPS) != 0,
	};
	return check_access(w, (uint32_t)high);
}

static bool known_leaf(const struct walk *w, unsigned int *reason)
{
	unsigned int level;

	for (level = 1; level <= MODEL_BLOCK_LEVEL; level++) {
		struct model_cached known;

		if (!first_stage_find(w, MODEL_FIRST_PAGE, level, &known))
			continue;
		*reason = found(w, level, known.low, known.high);
		return *reason != 0 || !model_is_write(w->j->request->access) ||
		       (known.high & FIRST_DIRTY) != 0;
	}
	return false;
}

/* --- The walk --------------------------------------------------------------------------------- */

/* A table of the first stage; where stages are nested its address is the guest's. */
static unsigned int enter_table(struct walk *w, uint64_t address, unsigned int level,
				unsigned int reason)
{
	struct model_leaf leaf = {0};

	w->guest_table = address;
	w->table = address;
	w->level = level;
	if (!w->nested)
		return 0;
	if (iommu_model_second_stage(w->j, address, IOMMU_PROT_READ, &leaf) != 0)
		return reason;
	w->table = leaf.paddr;
	return 0;
}

static unsigned int start_of_walk(struct walk *w)
{
	const unsigned int levels = vtd_pasid_first_levels(w->j->first);

	w->repeats = false;
	w->allowed = FIRST_WRITE | FIRST_USER;
	for (unsigned int at = 2; at <= levels; at++) {
		struct model_cached known;

		if (!first_stage_find(w, MODEL_FIRST_TABLE, at, &known))
			continue;
		w->level = at - 1;
		w->table = known.low;
		w->guest_table = known.third;
		w->allowed = (uint32_t)known.high;
		return 0;
	}
	return enter_table(w, w->j->first & VTD_ENTRY_ADDRESS_MASK, levels,
			   VTD_REASON_NESTED_ROOT_NOT_READABLE);
}

static uint64_t reserved_bits(const struct walk *w, bool leaf)
{
	const struct iommu_model_vtd *model = w->j->model;
	const unsigned int level = w->level;
	uint64_t reserved = w->nested ? 0 : VTD_FS_ADDRESS_MASK & ~model_output_last(model);

	if ((w->j->first & VTD_PASID_NXE) == 0)
		reserved |= VTD_FS_NO_EXECUTE;
	if (level > VTD_FS_LEAF_LEVELS)
		reserved |= VTD_FS_PAGE_SIZE;
	if (leaf && level > 1)
		reserved |= LOW_MASK(vtd_fs_level_shift(level)) & VTD_FS_ADDRESS_MASK &
			    ~VTD_FS_PAT_LARGE;
	if (leaf && level == 3 && (model->config.pgsize_bitmap & IOMMU_SIZE_1G) == 0)
		reserved |= VTD_FS_PAGE_SIZE;
	return reserved;
}

/* Set the accessed bits of an entry; where stages are nested that writes the guest's memory. */
static unsigned int first_stage_note(struct walk *w, uint64_t offset, uint64_t *entry,
				     uint64_t bits)
{
	struct model_leaf leaf = {0};

	if ((*entry & bits) == bits)
		return 0;
	if (w->nested &&
	    iommu_model_second_stage(w->j, w->guest_table + offset, IOMMU_PROT_WRITE, &leaf) != 0)
		return VTD_REASON_NESTED_TABLE_NOT_WRITABLE;
	w->repeats = !iommu_model_note(w->j, w->table + offset, entry, bits);
	return 0;
}

static uint32_t allowed_by(uint32_t before, uint64_t entry)
{
	uint32_t allowed = before;

	if ((entry & VTD_FS_WRITE) == 0)
		allowed &= ~FIRST_WRITE;
	if ((entry & VTD_FS_USER) == 0)
		allowed &= ~FIRST_USER;
	if ((entry & VTD_FS_NO_EXECUTE) != 0)
		allowed |= FIRST_NO_EXECUTE;
	return allowed;
}

static unsigned int level_of_size(uint64_t size)
{
	return size >= IOMMU_SIZE_1G ? 3 : size >= IOMMU_SIZE_2M ? 2 : 1;
}

/* A leaf of the first stage: through the second if they are nested, noted, cached, used. */
static unsigned int use_leaf(struct walk *w, uint64_t offset, uint64_t entry)
{
	const struct iommu_model_request *request = w->j->request;
	const bool writes = model_is_write(request->access);
	const uint64_t mask = LOW_MASK(vtd_fs_level_shift(w->level));
	struct model_leaf below = {.paddr = (entry & VTD_FS_ADDRESS_MASK & ~mask) |
					    (request->address & mask),
				   .size = mask + 1};
	uint64_t high = w->allowed;
	unsigned int reason = check_access(w, w->allowed | IOMMU_PROT_READ_WRITE);
	unsigned int level;

	if (reason == 0)
		reason = first_stage_note(w, offset, &entry,
					  VTD_FS_ACCESSED | (writes ? VTD_FS_DIRTY : 0));
	if (reason != 0 || w->repeats)
		return reason;
	if (w->nested) {
		if (below.paddr >> vtd_ss_address_width(w->j->second_levels) != 0)
			return VTD_REASON_FIRST_STAGE_TOO_WIDE;
		reason = iommu_model_second_stage(w->j, below.paddr, request->access, &below);
		if (below.absent != 0 && below.absent < w->leaf->absent)
			w->leaf->absent = below.absent;
		if (reason != 0)
			return reason;
		high |= below.allowed;
		/* Only a write sets the dirty bits of both stages. */
		if (writes)
			high |= FIRST_DIRTY;
	} else if ((entry & VTD_FS_DIRTY) != 0) {
		high |= FIRST_DIRTY;
	}
	high |= below.snoop ? FIRST_SNOOPS : 0;
	level = level_of_size(below.size < mask + 1 ? below.size : mask + 1);
	below.paddr &= ~LOW_MASK(vtd_fs_level_shift(level));
	first_stage_remember(w, MODEL_FIRST_PAGE, level, below.paddr, high, 0);
	return found(w, level, below.paddr, high);
}

static unsigned int first_stage_walk(struct walk *w)
{
	struct iommu_model_vtd *model = w->j->model;
	const unsigned int levels = vtd_pasid_first_levels(w->j->first);
	unsigned int reason = start_of_walk(w);

	journey_count_walk(w->j);
	while (reason == 0) {
		const uint64_t offset = (w->j->request->address >> vtd_fs_level_shift(w->level) &
					 (VTD_FS_ENTRIES - 1)) *
					8;
		uint64_t entry;
		bool leaf;

		w->leaf->absent = LOW_MASK(vtd_fs_level_shift(w->level)) + 1;
		if (!model_read_words(model, w->table + offset, &entry, 1))
			return w->level == levels ? VTD_REASON_FIRST_STAGE_ROOT_ACCESS
						  : VTD_REASON_FIRST_STAGE_ACCESS;
		if (!vtd_fs_is_present(entry))
			return VTD_REASON_FIRST_STAGE_NOT_PRESENT;
		leaf = vtd_fs_is_leaf(entry, w->level);
		if ((entry & reserved_bits(w, leaf)) != 0)
			return VTD_REASON_FIRST_STAGE_RESERVED;
		w->allowed = allowed_by(w->allowed, entry);
		if (leaf)
			return use_leaf(w, offset, entry);
		reason = first_stage_note(w, offset, &entry, VTD_FS_ACCESSED);
		if (reason != 0 || w->repeats)
			return reason;
		reason = enter_table(w, entry & VTD_FS_ADDRESS_MASK, w->level - 1,
				     VTD_REASON_NESTED_TABLE_NOT_READABLE);
		if (reason == 0)
			first_stage_remember(w, MODEL_FIRST_TABLE, w->level + 1, w->table,
					     w->allowed, w->guest_table);
	}
	return reason;
}

static bool is_canonical(uint64_t address, unsigned int levels)
{
	const uint64_t upper = address >> vtd_fs_address_width(levels);

	return upper == 0 || upper == UINT64_MAX >> vtd_fs_address_width(levels);
}

unsigned int iommu_model_first_stage(struct journey *j, struct model_leaf *leaf)
{
	struct walk w = {.j = j, .leaf = leaf, .nested = j->how == VTD_PASID_NESTED};
	unsigned int repeats = 0;
	unsigned int reason;

	if (j->request->execute && (j->first & VTD_PASID_ERE) == 0)
		return VTD_REASON_EXECUTE_DISABLED;
	if (j->request->privileged && (j->first & VTD_PASID_SRE) == 0)
		return VTD_REASON_SUPERVISOR_DISABLED;
	if (!is_canonical(j->request->address, vtd_pasid_first_levels(j->first)))
		return VTD_REASON_NOT_CANONICAL;
	if (known_leaf(&w, &reason))
		return reason;
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	do
		reason = first_stage_walk(&w);
	while (w.repeats && ++repeats < REPEATS_MAX);
	return w.repeats ? VTD_REASON_FIRST_STAGE_DIRTY_FAILED : reason;
}

unsigned int iommu_model_pass_through(struct journey *j, struct model_leaf *leaf)
{
	const struct walk w = {.j = j, .leaf = leaf};
	const uint64_t block =
		j->request->address & ~LOW_MASK(vtd_fs_level_shift(MODEL_BLOCK_LEVEL));
	const uint64_t high = FIRST_WRITE | FIRST_USER | FIRST_DIRTY;
	unsigned int reason;

	if (j->request->address > model_output_last(j->model))
		return VTD_REASON_BEYOND_HARDWARE;
	if (known_leaf(&w, &reason))
		return reason;
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	first_stage_remember(&w, MODEL_FIRST_PAGE, MODEL_BLOCK_LEVEL, block, high, 0);
	return found(&w, MODEL_BLOCK_LEVEL, block, high);
}
