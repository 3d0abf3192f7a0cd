/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first stage (RISC-V privileged specification, "Virtual Address Translation Process"). Where
 * there is a second stage, tables lie at guest addresses, and each access to them is translated by
 * it. Cached entries are tagged with GSCID and PSCID, and hold guest addresses, so that what the
 * second stage makes of them is cached there alone; only where the root lies is cached here, too,
 * with the directories, as the specification allows.
 */
#include "model/riscv/journey.h"

struct walk {
	struct journey *j;
	struct model_leaf *leaf;
	struct model_table table; /* paddr: a guest's, where there is a second stage */
	unsigned int levels;
	uint64_t global; /* G of the entries on the way */
	bool repeats;    /* an entry has changed: begin the walk anew */
};

static uint64_t tag_of(const struct journey *j)
{
	const uint64_t space =
		model_first_space(journey_has_second(j), riscv_iohgatp_gscid(j->iohgatp));

	return model_first_tag(space, j->pscid);
}

static uint64_t address_of(const struct walk *w, unsigned int span)
{
	return w->j->request->address & ~((1ULL << model_span_shift(span)) - 1);
}

/* Whether it is global or not. */
static bool first_find(const struct walk *w, unsigned int span, uint64_t table_bit,
		       struct model_cached *found)
{
	const struct journey *j = w->j;
	const uint64_t tag = tag_of(j) | table_bit;
	const uint64_t address = address_of(w, span);

	return !j->fresh && iommu_model_cache_may_have(&j->model->cache, MODEL_FIRST, span) &&
	       (journey_find(j, MODEL_FIRST, tag, span, address, found) ||
		journey_find(j, MODEL_FIRST, tag | MODEL_TAG_GLOBAL, span, address, found));
}

static void first_remember(const struct walk *w, unsigned int span, uint64_t table_bit,
			   uint64_t low, uint64_t high)
{
	const struct model_cached entry = {
		.kind = MODEL_FIRST,
		.tag = tag_of(w->j) | table_bit |
		       ((high & RISCV_PTE_GLOBAL) != 0 ? MODEL_TAG_GLOBAL : 0),
		.level = (uint8_t)span,
		.address = address_of(w, span),
		.low = low,
		.high = high,
	};

	if (table_bit == 0 && (high & RISCV_PTE_DIRTY) != 0 && !w->j->peeks)
		iommu_model_cache_add_to_high(&w->j->model->cache, &w->j->passage->walk, &entry,
					      RISCV_PTE_DIRTY);
	journey_remember(w->j, &entry);
}

/* --- Permissions ------------------------------------------------------------------------------ */

/* A read for execution is a read, too. */
static unsigned int check_access(const struct walk *w, uint64_t flags)
{
	const struct journey *j = w->j;
	const bool users = (flags & RISCV_PTE_USER) != 0;

	if (!j->takes_less && (j->wants & ~flags) != 0)
		return journey_page_fault(j);
	if (!j->privileged && !users)
		return journey_page_fault(j);
	if (j->privileged && users && (!j->sum || (j->wants & RISCV_PTE_EXECUTE) != 0))
		return journey_page_fault(j);
	return 0;
}

static unsigned int found(const struct walk *w, unsigned int span,
			  const struct model_cached *cached)
{
	*w->leaf = model_leaf_of(cached, span, w->j->request->address);
	return check_access(w, cached->high);
}

static bool known_leaf(const struct walk *w, unsigned int *cause)
{
	unsigned int span;

	for (span = 0; span < MODEL_SPANS; span++) {
		struct model_cached known;

		if (!first_find(w, span, 0, &known))
			continue;
		*cause = found(w, span, &known);
		if (*cause != 0 || model_entry_lacks(known.high, w->j->wants) == 0)
			return true;
		/* Without hardware's help the entry that is cached decides. */
		if ((w->j->tc & RISCV_TC_SADE) != 0)
			return false;
		*cause = journey_page_fault(w->j);
		return true;
	}
	return false;
}

/* --- The walk --------------------------------------------------------------------------------- */

static uint64_t root_tag(const struct journey *j)
{
	return model_process_tag(j->request->device_id, j->of_process ? j->process_id : 0);
}

/* Where an entry lies in memory. */
static unsigned int locate(const struct walk *w, uint64_t address, uint64_t wants, uint64_t *paddr)
{
	const enum model_purpose purpose =
		(wants & RISCV_PTE_WRITE) != 0 ? MODEL_IMPLICIT_WRITE : MODEL_IMPLICIT_READ;
	struct model_leaf leaf = {0};
	unsigned int cause;

	*paddr = address;
	if (!journey_has_second(w->j))
		return 0;
	cause = iommu_rvmodel_second_stage(w->j, address, wants, purpose, &leaf);
	*paddr = leaf.paddr;
	return cause;
}

/* An entry of a guest's root, whose place the directories' cache keeps. */
static unsigned int locate_in_root(const struct walk *w, uint64_t address, uint64_t *paddr)
{
	const struct journey *j = w->j;
	struct model_cached root = {
		.kind = MODEL_ROOT, .tag = root_tag(j), .level = j->of_process ? 0 : 1};
	unsigned int cause;

	if (!j->fresh && journey_find(j, MODEL_ROOT, root.tag, root.level, 0, &root)) {
		*paddr = root.low | (address & (IOMMU_PAGE_SIZE - 1));
		return 0;
	}
	cause = locate(w, address, RISCV_PTE_READ, paddr);
	if (cause != 0)
		return cause;
	root = (struct model_cached){
		.kind = MODEL_ROOT,
		.tag = root_tag(j),
		.level = j->of_process ? 0 : 1,
		.low = *paddr & ~(IOMMU_PAGE_SIZE - 1),
	};
	journey_remember(j, &root);
	return 0;
}

static unsigned int locate_entry(const struct walk *w, uint64_t address, uint64_t *paddr)
{
	if (journey_has_second(w->j) && w->table.level == w->levels)
		return locate_in_root(w, address, paddr);
	return locate(w, address, RISCV_PTE_READ, paddr);
}

static void start_of_walk(struct walk *w)
{
	struct model_table *table = &w->table;

	w->repeats = false;
	w->global = 0;
	for (table->level = 2; table->level <= w->levels; table->level++) {
		struct model_cached known;

		if (!first_find(w, iommu_rvmodel_span(table, 0), MODEL_TAG_TABLE, &known))
			continue;
		table->paddr = known.low;
		table->level--;
		w->global = known.high & RISCV_PTE_GLOBAL;
		return;
	}
	table->level = w->levels;
	table->paddr = riscv_root_address(w->j->first);
}

/* Set the bits of an entry; the second stage has to allow that. */
static unsigned int mark(struct walk *w, uint64_t address, uint64_t entry, uint64_t needs)
{
	uint64_t paddr;
	unsigned int cause;

	if ((w->j->tc & RISCV_TC_SADE) == 0)
		return journey_page_fault(w->j);
	cause = locate(w, address, RISCV_PTE_READ | RISCV_PTE_WRITE, &paddr);
	if (cause == 0)
		w->repeats = !iommu_rvmodel_set_bits(w->j, &w->table, paddr, entry, needs);
	return cause;
}

static unsigned int use_leaf(struct walk *w, uint64_t address, uint64_t entry)
{
	const unsigned int span = iommu_rvmodel_span(&w->table, entry);
	const uint64_t needs = model_entry_lacks(entry, w->j->wants);
	const uint64_t high = (entry & 0xff) | needs | w->global;
	uint64_t type = 0;
	unsigned int cause = check_access(w, entry);

	if (cause == 0 && needs != 0)
		cause = mark(w, address, entry, needs);
	if (cause != 0 || w->repeats)
		return cause;
	if (!w->table.is_32_bit)
		type = (uint64_t)riscv_pte_memory_type(entry) << MODEL_HIGH_TYPE_SHIFT;
	first_remember(w, span, 0, riscv_pte_address(entry), high | type);
	return found(w, span,
		     &(struct model_cached){.low = riscv_pte_address(entry), .high = high | type});
}

static unsigned int walk(struct walk *w)
{
	start_of_walk(w);
	journey_count_walk(w->j);
	for (;;) {
		const uint64_t index = w->j->request->address >> model_table_shift(&w->table) &
				       ((1ULL << model_index_bits(&w->table)) - 1);
		const uint64_t address = w->table.paddr + index * model_entry_size(&w->table);
		uint64_t paddr, entry;
		unsigned int cause;

		cause = locate_entry(w, address, &paddr);
		w->leaf->absent = 1ULL << model_table_shift(&w->table);
		if (cause == 0)
			cause = iommu_rvmodel_read_entry(w->j, &w->table, paddr, &entry);
		if (cause != 0)
			return cause;
		if (!iommu_rvmodel_entry_is_good(w->j, &w->table, entry))
			return journey_page_fault(w->j);
		if (riscv_pte_is_leaf(entry))
			return use_leaf(w, address, entry);
		w->global |= entry & RISCV_PTE_GLOBAL;
		first_remember(w, iommu_rvmodel_span(&w->table, 0), MODEL_TAG_TABLE,
			       riscv_ppn_address(entry), w->global);
		w->table.paddr = riscv_ppn_address(entry);
		w->table.level--;
	}
}

/* With the sign in all bits above; Sv32 has zeros there. */
static bool is_canonical(const struct walk *w)
{
	const unsigned int width = w->table.is_32_bit ? 32 : riscv_first_stage_width(w->levels);
	const uint64_t address = w->j->request->address;

	if (w->table.is_32_bit)
		return address >> width == 0;
	return address >> (width - 1) == 0 || address >> (width - 1) == UINT64_MAX >> (width - 1);
}

unsigned int iommu_rvmodel_first_stage(struct journey *j, struct model_leaf *leaf)
{
	struct walk w = {
		.j = j,
		.leaf = leaf,
		.table.is_32_bit = journey_is_32_bit(j),
		.table.big_endian = (j->tc & RISCV_TC_SBE) != 0,
		.levels = journey_is_32_bit(j) ? 2 : riscv_mode_levels(riscv_root_mode(j->first)),
	};
	unsigned int repeats = 0;
	unsigned int cause;

	if (!journey_has_first(j)) {
		*leaf = (struct model_leaf){
			.paddr = j->request->address,
			.flags = 0xff & ~RISCV_PTE_GLOBAL,
			.size = MODEL_WHOLE,
		};
		return 0;
	}
	if (!is_canonical(&w)) {
		leaf->absent = 0;
		return journey_page_fault(j);
	}
	if (known_leaf(&w, &cause))
		return cause;
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	j->walks.first++;
	j->walks.misses = true;
	do
		cause = walk(&w);
	while (cause == 0 && w.repeats && ++repeats < MODEL_REPEATS_MAX);
	return w.repeats ? journey_access_fault(j) : cause;
}
