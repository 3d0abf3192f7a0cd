/* SPDX-License-Identifier: BSD-2-Clause */
#include "enumerate.h"
#include "follow.h"
#include "progress.h"
#include "table_set.h"

/* A table on the way down. */
struct step {
	uint64_t where; /* in memory */
	uint64_t above;
	uint64_t iova; /* the first that it translates */
	unsigned int level;
	unsigned int rights;
};

/* The upper half of what is signed has all higher bits set. */
static uint64_t canonical(const struct page_table *table, uint64_t iova)
{
	const unsigned int width = pages_width(table);

	if (!table->format->is_signed || (iova >> (width - 1) & 1) == 0)
		return iova;
	return iova | UINT64_MAX << width;
}

/* A page of the table's, in the pieces that the second stage makes of it. */
static void visit_pieces(struct enumeration *e, struct mapping whole)
{
	const struct follow second = {.memory = e->memory};
	uint64_t done = 0;

	while (done < whole.size && !e->is_cut) {
		struct mapping piece = whole;
		struct follow_end end = {0};
		uint64_t bytes;

		if (e->left == 0) {
			e->is_cut = true;
			break;
		}
		e->left--;
		if (!follow_address(&second, e->second, whole.address + done, &end))
			end = (struct follow_end){.size = 4096};
		bytes = end.size - (whole.address + done) % end.size;
		piece.size = bytes < whole.size - done ? bytes : whole.size - done;
		piece.iova += done;
		piece.address = end.address;
		piece.page = end.size < whole.page ? end.size : whole.page;
		piece.rights &= end.rights;
		if (end.is_mapped && (piece.rights & (PAGE_READ | PAGE_WRITE)) != 0)
			e->visit(e->ctx, &piece);
		done += piece.size;
	}
}

static void visit_leaf(struct enumeration *e, const struct step *step,
		       const struct page_entry *entry, uint64_t iova)
{
	const struct mapping mapping = {.iova = canonical(e->table, iova),
					.address = entry->target,
					.size = 1ULL << pages_shift(e->table, step->level),
					.page = 1ULL << entry->run,
					.rights = step->rights & entry->allows};

	if (e->visit == NULL || (mapping.rights & (PAGE_READ | PAGE_WRITE)) == 0)
		return;
	if (e->second != NULL)
		visit_pieces(e, mapping);
	else
		e->visit(e->ctx, &mapping);
}

/* Where a table lies in memory; false: it cannot be reached. */
static bool find_table(struct enumeration *e, uint64_t address, uint64_t *where)
{
	const struct follow second = {.memory = e->memory};
	struct follow_end end;

	*where = address;
	if (e->second == NULL)
		return true;
	if (!follow_address(&second, e->second, address, &end))
		return false;
	*where = end.address;
	e->unmapped_tables += end.is_mapped ? 0 : 1;
	return end.is_mapped;
}

static unsigned int class_of(unsigned int filled)
{
	unsigned int class = 0;

	for (; filled != 0; filled >>= 1)
		class ++;
	return class;
}

static void account(struct enumeration *e, const struct step *step, unsigned int filled,
		    unsigned int leaves)
{
	struct table_usage *usage = &e->usage[step->level];

	if (!table_set_add(e->seen, step->where, step->level)) {
		usage->repeats++;
		return;
	}
	usage->tables++;
	usage->filled += filled;
	usage->leaves += leaves;
	usage->classes[class_of(filled)]++;
	if (e->tell != NULL)
		e->tell(e->ctx, step->where, step->above, step->level, filled);
}

static void visit_table(struct enumeration *e, const struct step *step);

static void visit_entry(struct enumeration *e, const struct step *step,
			const struct page_entry *entry)
{
	const uint64_t iova =
		step->iova + ((uint64_t)entry->index << pages_shift(e->table, step->level));
	struct step next = {.above = step->where,
			    .iova = iova,
			    .level = step->level - 1,
			    .rights = step->rights & entry->allows};

	if (entry->is_leaf)
		visit_leaf(e, step, entry, iova);
	else if (step->level > 1 && find_table(e, entry->target, &next.where))
		visit_table(e, &next);
}

/* The next entry of a table; false: it is not in memory, or more than may be looked at. */
static bool next_entry(struct enumeration *e, const struct step *step, unsigned int index,
		       struct page_entry *entry)
{
	if (e->is_cut || e->left == 0) {
		e->is_cut = true;
		return false;
	}
	e->left--;
	return pages_read(e->table, e->memory, step->where, step->level, index, entry);
}

/* The first defect stands for all. */
static void note_defect(struct enumeration *e, const struct step *step,
			const struct page_entry *entry)
{
	if (e->defects++ != 0)
		return;
	e->defect = entry->defect;
	e->defect_at = canonical(e->table, step->iova + ((uint64_t)entry->index
							 << pages_shift(e->table, step->level)));
}

/* Calls of it are within each other as deep as the table has levels. */
static void visit_table(struct enumeration *e, const struct step *step)
{
	const unsigned int entries = 1U << pages_index_bits(e->table, step->level);
	unsigned int filled = 0, leaves = 0, i;
	struct page_entry entry;

	for (i = 0; i < entries && next_entry(e, step, i, &entry); i++) {
		if (!entry.is_present)
			continue;
		filled++;
		if (entry.defect != NULL) {
			note_defect(e, step, &entry);
			continue;
		}
		leaves += entry.is_leaf ? 1 : 0;
		visit_entry(e, step, &entry);
	}
	progress_tell(e->left, canonical(e->table, step->iova));
	if (i != 0)
		account(e, step, filled, leaves);
}

void enumerate(struct enumeration *e)
{
	struct step root = {.level = e->table->levels, .rights = PAGE_ALL};

	e->seen = table_set_create();
	if (find_table(e, e->table->root, &root.where))
		visit_table(e, &root);
	table_set_destroy(e->seen);
	e->seen = NULL;
	progress_end();
}
