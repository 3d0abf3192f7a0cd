/* SPDX-License-Identifier: BSD-2-Clause */
#include "pgtable_reference.h"

#include <string.h>

#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "test.h"

void reference_init(struct pgtable_reference *reference, unsigned int levels,
		    uint64_t pgsize_bitmap)
{
	memset(reference, 0, sizeof(*reference));
	reference->levels = levels;
	reference->pgsize_bitmap = pgsize_bitmap;
}

void reference_destroy(struct pgtable_reference *reference)
{
	free(reference->leaves);
	free(reference->tables);
}

size_t reference_find(const struct pgtable_reference *reference, iommu_iova_t iova)
{
	size_t low = 0, high = reference->leaf_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct reference_leaf *leaf = &reference->leaves[middle];

		if (leaf->iova + (leaf->size - 1) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void leaves_replace(struct pgtable_reference *reference, size_t at, size_t removed,
			   const struct reference_leaf *added, size_t added_count)
{
	size_t tail = reference->leaf_count - at - removed;

	while (reference->leaf_count + added_count > reference->leaf_space) {
		reference->leaf_space = reference->leaf_space * 2 + 64;
		reference->leaves = realloc(reference->leaves,
					    reference->leaf_space * sizeof(*reference->leaves));
		assert_non_null(reference->leaves);
	}
	if (tail != 0)
		memmove(&reference->leaves[at + added_count], &reference->leaves[at + removed],
			tail * sizeof(*reference->leaves));
	if (added_count != 0)
		memcpy(&reference->leaves[at], added, added_count * sizeof(*added));
	reference->leaf_count += added_count - removed;
}

/* A table is as large as the smallest page, and has entries of 8 bytes. */
static uint64_t table_size(const struct pgtable_reference *reference, unsigned int level)
{
	const unsigned int shift = (unsigned int)__builtin_ctzll(reference->pgsize_bitmap);

	return 1ULL << (shift + (shift - 3) * level);
}

static void table_add(struct pgtable_reference *reference, unsigned int level, iommu_iova_t iova)
{
	size_t i;

	for (i = 0; i < reference->table_count; i++)
		if (reference->tables[i].level == level && reference->tables[i].iova == iova)
			return;
	if (reference->table_count == reference->table_space) {
		reference->table_space = reference->table_space * 2 + 64;
		reference->tables = realloc(reference->tables,
					    reference->table_space * sizeof(*reference->tables));
		assert_non_null(reference->tables);
	}
	reference->tables[reference->table_count++] = (struct reference_table){level, iova};
}

/* Every table on the way to a leaf of this size. */
static void tables_add_for_leaf(struct pgtable_reference *reference, iommu_iova_t iova,
				uint64_t size)
{
	unsigned int level;

	for (level = reference->levels - 1; level >= 1; level--)
		if (table_size(reference, level) > size)
			table_add(reference, level, iova & ~(table_size(reference, level) - 1));
}

/* What the table with a leaf of this size covers. */
static uint64_t table_size_above(const struct pgtable_reference *reference, uint64_t size)
{
	unsigned int level = 1;

	while (table_size(reference, level) <= size)
		level++;
	return table_size(reference, level);
}

/* Remove the tables that a range covers whole. */
static void tables_remove_in(struct pgtable_reference *reference, iommu_iova_t start,
			     iommu_iova_t last)
{
	size_t i = 0;

	while (i < reference->table_count) {
		const struct reference_table *table = &reference->tables[i];

		if (table->iova >= start &&
		    table->iova + (table_size(reference, table->level) - 1) <= last)
			reference->tables[i] = reference->tables[--reference->table_count];
		else
			i++;
	}
}

/* The largest pages that fit, as planned by iommu_pgsize. */
static struct reference_leaf *plan_leaves(uint64_t bitmap, iommu_iova_t iova, iommu_paddr_t paddr,
					  uint64_t size, unsigned int prot, size_t *leaf_count)
{
	struct reference_leaf *leaves = NULL;
	size_t planned = 0;

	while (size != 0) {
		uint64_t pgsize, count, i;

		assert_int_equal(iommu_pgsize(bitmap, iova, paddr, size, &pgsize, &count), 0);
		leaves = realloc(leaves, (planned + (size_t)count) * sizeof(*leaves));
		assert_non_null(leaves);
		for (i = 0; i < count; i++) {
			leaves[planned++] = (struct reference_leaf){iova, pgsize, paddr, prot};
			iova += pgsize;
			paddr += pgsize;
			size -= pgsize;
		}
	}
	*leaf_count = planned;
	return leaves;
}

int reference_map(struct pgtable_reference *reference, iommu_iova_t iova, iommu_paddr_t paddr,
		  uint64_t size, unsigned int prot)
{
	size_t at = reference_find(reference, iova);
	struct reference_leaf *leaves;
	size_t leaf_count, i;

	if (at < reference->leaf_count && reference->leaves[at].iova <= iova + (size - 1))
		return IOMMU_EEXIST;
	leaves = plan_leaves(reference->pgsize_bitmap, iova, paddr, size, prot, &leaf_count);
	leaves_replace(reference, at, 0, leaves, leaf_count);
	for (i = 0; i < leaf_count; i++) {
		const struct reference_leaf *leaf = &leaves[i];
		const iommu_iova_t last = leaf->iova + (leaf->size - 1);

		/* A leaf replaces the empty tables below it. */
		if (leaf->size >= table_size(reference, 1))
			tables_remove_in(reference, leaf->iova, last);
		if (i == 0 || leaf->size != leaves[i - 1].size ||
		    leaf->iova % table_size_above(reference, leaf->size) == 0)
			tables_add_for_leaf(reference, leaf->iova, leaf->size);
	}
	free(leaves);
	return 0;
}

/*
 * What a page is cut into: a run into the pages of its level, and one of these into the largest
 * below.
 */
static uint64_t next_smaller(const struct pgtable_reference *reference, uint64_t pgsize)
{
	const uint64_t smaller = reference->pgsize_bitmap & (pgsize - 1);
	unsigned int level = 0;

	while (table_size(reference, level + 1) <= pgsize)
		level++;
	return table_size(reference, level) != pgsize ? table_size(reference, level)
						      : 1ULL << (63 - __builtin_clzll(smaller));
}

/* Split the leaf that `boundary` cuts until none is cut. Returns false if none was. */
static bool leaf_split_at(struct pgtable_reference *reference, iommu_iova_t boundary)
{
	size_t at = reference_find(reference, boundary);
	struct reference_leaf leaf, *parts;
	uint64_t pgsize;
	size_t i, count;

	if (at == reference->leaf_count || reference->leaves[at].iova >= boundary)
		return false;
	leaf = reference->leaves[at];
	pgsize = next_smaller(reference, leaf.size);
	count = (size_t)(leaf.size / pgsize);
	parts = malloc(count * sizeof(*parts));
	assert_non_null(parts);
	for (i = 0; i < count; i++) {
		parts[i] = (struct reference_leaf){leaf.iova + i * pgsize, pgsize,
						   leaf.paddr + i * pgsize, leaf.prot};
		if (parts[i].iova % table_size_above(reference, pgsize) == 0)
			tables_add_for_leaf(reference, parts[i].iova, pgsize);
	}
	leaves_replace(reference, at, 1, parts, count);
	free(parts);
	(void)leaf_split_at(reference, boundary);
	return true;
}

/* Does a leaf begin before `boundary` and end at or after it? 0 is the end of the space. */
static bool cuts_leaf(const struct pgtable_reference *reference, iommu_iova_t boundary)
{
	size_t at = reference_find(reference, boundary);

	return boundary != 0 && at < reference->leaf_count && reference->leaves[at].iova < boundary;
}

int reference_unmap(struct pgtable_reference *reference, iommu_iova_t iova, uint64_t size,
		    unsigned int flags, uint64_t *unmapped)
{
	const iommu_iova_t last = iova + (size - 1);
	size_t from, to;

	*unmapped = 0;
	if (cuts_leaf(reference, iova) || cuts_leaf(reference, last + 1)) {
		if ((flags & IOMMU_UNMAP_SPLIT) == 0)
			return IOMMU_EINVAL;
		(void)leaf_split_at(reference, iova);
		(void)leaf_split_at(reference, last + 1);
	}
	from = reference_find(reference, iova);
	for (to = from; to < reference->leaf_count && reference->leaves[to].iova <= last; to++)
		*unmapped += reference->leaves[to].size;
	leaves_replace(reference, from, to - from, NULL, 0);
	tables_remove_in(reference, iova, last);
	return 0;
}

struct comparison {
	const struct pgtable_reference *reference;
	size_t next;
	bool same;
};

static int compare_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct comparison *comparison = ctx;
	const struct reference_leaf *leaf;

	if (visit->is_table)
		return 0;
	comparison->same = comparison->next < comparison->reference->leaf_count;
	if (comparison->same) {
		leaf = &comparison->reference->leaves[comparison->next];
		comparison->same = leaf->iova == visit->iova && leaf->size == visit->size &&
				   leaf->paddr == visit->paddr && leaf->prot == visit->prot;
	}
	comparison->next++;
	return !comparison->same;
}

void reference_compare(const struct pgtable_reference *reference, const struct iommu_pgtable *pt,
		       const struct iommu_pgtable_ops *ops, iommu_iova_t start, iommu_iova_t last)
{
	struct comparison comparison = {reference, reference_find(reference, start), true};

	assert_int_equal(ops->walk(pt, start, last, compare_leaf, &comparison), 0);
	assert_true(comparison.same);
	/* The walk must have visited all that the reference has in the range. */
	if (comparison.next < reference->leaf_count)
		assert_true(reference->leaves[comparison.next].iova > last);
}

struct adoption {
	const struct pgtable_reference *before;
	struct pgtable_reference after;
	uint64_t bytes;
	bool same;
};

static int adopt_entry(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct adoption *adoption = ctx;
	const struct pgtable_reference *before = adoption->before;
	const struct reference_leaf leaf = {visit->iova, visit->size, visit->paddr, visit->prot};
	const struct reference_leaf *old;
	size_t at;

	if (visit->is_table) {
		table_add(&adoption->after, visit->level - 1, visit->iova);
		return 0;
	}
	at = reference_find(before, visit->iova);
	old = &before->leaves[at];
	if (at == before->leaf_count || old->iova > leaf.iova ||
	    old->iova + (old->size - 1) < leaf.iova + (leaf.size - 1) || old->prot != leaf.prot ||
	    old->paddr + (leaf.iova - old->iova) != leaf.paddr) {
		adoption->same = false;
		return 1;
	}
	adoption->bytes += leaf.size;
	leaves_replace(&adoption->after, adoption->after.leaf_count, 0, &leaf, 1);
	return 0;
}

void reference_adopt_shape(struct pgtable_reference *reference, const struct iommu_pgtable *pt,
			   const struct iommu_pgtable_ops *ops, size_t most_new_tables)
{
	struct adoption adoption = {.before = reference, .same = true};
	uint64_t bytes = 0;
	size_t i;

	adoption.after.levels = reference->levels;
	adoption.after.pgsize_bitmap = reference->pgsize_bitmap;
	(void)ops->walk(pt, 0, UINT64_MAX, adopt_entry, &adoption);
	for (i = 0; i < reference->leaf_count; i++)
		bytes += reference->leaves[i].size;
	assert_true(adoption.same);
	assert_int_equal(adoption.bytes, bytes);
	assert_true(adoption.after.table_count <= reference->table_count + most_new_tables);
	reference_destroy(reference);
	*reference = adoption.after;
}
