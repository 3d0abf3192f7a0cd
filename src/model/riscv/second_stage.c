/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second stage: guest addresses become addresses of memory (RISC-V privileged specification,
 * "Guest Physical Address Translation"). Cached entries are tagged with the GSCID. Only what is
 * valid, and served a request, is cached.
 */
#include "model/riscv/journey.h"

struct walk {
	struct journey *j;
	uint64_t address;
	uint64_t wants;
	enum model_purpose purpose;
	struct model_leaf *leaf;
	struct model_table table;
	unsigned int levels;
	bool repeats; /* an entry has changed: begin the walk anew */
};

static unsigned int guest_page_fault(const struct walk *w)
{
	w->j->iotval2 = w->address & ~3ULL;
	if (w->purpose != MODEL_EXPLICIT)
		w->j->iotval2 |= RISCV_FAULT_IMPLICIT;
	if (w->purpose == MODEL_IMPLICIT_WRITE)
		w->j->iotval2 |= RISCV_FAULT_IMPLICIT_WRITE;
	return journey_cause(w->j, RISCV_FAULT_EXECUTE_GUEST_PAGE, RISCV_FAULT_READ_GUEST_PAGE,
			     RISCV_FAULT_WRITE_GUEST_PAGE);
}

static bool is_32_bit(const struct journey *j)
{
	return (j->fctl & RISCV_FCTL_GXL) != 0;
}

static bool is_too_wide(const struct walk *w)
{
	const unsigned int width = is_32_bit(w->j) ? 34 : riscv_second_stage_width(w->levels);

	return w->address >> (journey_is_32_bit(w->j) ? 34 : width) != 0;
}

static bool second_find(const struct walk *w, unsigned int span, uint64_t table_bit,
			struct model_cached *found)
{
	const struct journey *j = w->j;
	const uint64_t tag = model_second_tag(riscv_iohgatp_gscid(j->iohgatp)) | table_bit;

	return !j->fresh && iommu_model_cache_may_have(&j->model->cache, MODEL_SECOND, span) &&
	       journey_find(j, MODEL_SECOND, tag, span,
			    w->address & ~((1ULL << model_span_shift(span)) - 1), found);
}

static void second_remember(const struct walk *w, unsigned int span, uint64_t table_bit,
			    uint64_t low, uint64_t high)
{
	const struct model_cached entry = {
		.kind = MODEL_SECOND,
		.tag = model_second_tag(riscv_iohgatp_gscid(w->j->iohgatp)) | table_bit,
		.level = (uint8_t)span,
		.address = w->address & ~((1ULL << model_span_shift(span)) - 1),
		.low = low,
		.high = high,
	};

	/* The cached entry stays, with a note that a write was recorded. */
	if (table_bit == 0 && (high & RISCV_PTE_DIRTY) != 0 && !w->j->peeks)
		iommu_model_cache_add_to_high(&w->j->model->cache, &w->j->passage->walk, &entry,
					      RISCV_PTE_DIRTY);
	journey_remember(w->j, &entry);
}

/* Everything is a user's, seen from here. */
static unsigned int check_access(const struct walk *w, uint64_t flags)
{
	const bool takes_less = w->j->takes_less && w->purpose == MODEL_EXPLICIT;

	if ((flags & RISCV_PTE_USER) == 0 || (!takes_less && (w->wants & ~flags) != 0))
		return guest_page_fault(w);
	return 0;
}

static unsigned int found(const struct walk *w, unsigned int span,
			  const struct model_cached *cached)
{
	*w->leaf = model_leaf_of(cached, span, w->address);
	return check_access(w, cached->high);
}

static bool known_leaf(const struct walk *w, unsigned int *cause)
{
	unsigned int span;

	for (span = 0; span < MODEL_SPANS; span++) {
		struct model_cached known;

		if (!second_find(w, span, 0, &known))
			continue;
		*cause = found(w, span, &known);
		if (*cause != 0 || model_entry_lacks(known.high, w->wants) == 0)
			return true;
		/* Without hardware's help the entry that is cached decides. */
		if ((w->j->tc & RISCV_TC_GADE) != 0)
			return false;
		*cause = guest_page_fault(w);
		return true;
	}
	return false;
}

static void start_of_walk(struct walk *w)
{
	struct model_table *table = &w->table;

	w->repeats = false;
	for (table->level = 2; table->level <= w->levels; table->level++) {
		struct model_cached known;

		if (!second_find(w, iommu_rvmodel_span(table, 0), MODEL_TAG_TABLE, &known))
			continue;
		table->paddr = known.low;
		table->level--;
		return;
	}
	table->level = w->levels;
	table->paddr = riscv_root_address(w->j->iohgatp);
}

/* The root has 4 times the entries. */
static uint64_t place_of_entry(const struct walk *w)
{
	const unsigned int extra = w->table.level == w->levels ? RISCV_SECOND_STAGE_EXTRA : 0;
	const unsigned int bits = model_index_bits(&w->table) + extra;
	const uint64_t index = w->address >> model_table_shift(&w->table) & ((1ULL << bits) - 1);

	return w->table.paddr + index * model_entry_size(&w->table);
}

static unsigned int use_leaf(struct walk *w, uint64_t paddr, uint64_t entry)
{
	const unsigned int span = iommu_rvmodel_span(&w->table, entry);
	const uint64_t needs = model_entry_lacks(entry, w->wants);
	const uint64_t high = (entry & 0xff) | needs;
	uint64_t type = 0;
	unsigned int cause = check_access(w, entry);

	if (cause != 0)
		return cause;
	if (needs != 0 && (w->j->tc & RISCV_TC_GADE) == 0)
		return guest_page_fault(w);
	if (needs != 0 && !iommu_rvmodel_set_bits(w->j, &w->table, paddr, entry, needs)) {
		w->repeats = true;
		return 0;
	}
	if (!w->table.is_32_bit)
		type = (uint64_t)riscv_pte_memory_type(entry) << MODEL_HIGH_TYPE_SHIFT;
	second_remember(w, span, 0, riscv_pte_address(entry), high | type);
	return found(w, span,
		     &(struct model_cached){.low = riscv_pte_address(entry), .high = high | type});
}

static unsigned int walk(struct walk *w)
{
	unsigned int cause;

	start_of_walk(w);
	journey_count_walk(w->j);
	for (;;) {
		const uint64_t paddr = place_of_entry(w);
		uint64_t entry;

		w->leaf->absent = 1ULL << model_table_shift(&w->table);
		cause = iommu_rvmodel_read_entry(w->j, &w->table, paddr, &entry);
		if (cause != 0)
			return cause;
		if (!iommu_rvmodel_entry_is_good(w->j, &w->table, entry))
			return guest_page_fault(w);
		if (riscv_pte_is_leaf(entry))
			return use_leaf(w, paddr, entry);
		second_remember(w, iommu_rvmodel_span(&w->table, 0), MODEL_TAG_TABLE,
				riscv_ppn_address(entry), 0);
		w->table.paddr = riscv_ppn_address(entry);
		w->table.level--;
	}
}

unsigned int iommu_rvmodel_second_stage(struct journey *j, uint64_t address, uint64_t wants,
					enum model_purpose purpose, struct model_leaf *leaf)
{
	struct walk w = {
		.j = j,
		.address = address,
		.wants = wants,
		.purpose = purpose,
		.leaf = leaf,
		.table.is_32_bit = is_32_bit(j),
		.table.big_endian = (j->fctl & RISCV_FCTL_BE) != 0,
		.levels = is_32_bit(j) ? 2 : riscv_mode_levels(riscv_root_mode(j->iohgatp)),
	};
	unsigned int repeats = 0;
	unsigned int cause;

	if (!journey_has_second(j)) {
		*leaf = (struct model_leaf){
			.paddr = address, .flags = 0xff & ~RISCV_PTE_GLOBAL, .size = MODEL_WHOLE};
		return 0;
	}
	if (is_too_wide(&w)) {
		leaf->absent = MODEL_WHOLE;
		return guest_page_fault(&w);
	}
	if (known_leaf(&w, &cause))
		return cause;
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	j->walks.second++;
	j->walks.misses = true;
	do
		cause = walk(&w);
	while (cause == 0 && w.repeats && ++repeats < MODEL_REPEATS_MAX);
	return w.repeats ? journey_access_fault(j) : cause;
}
