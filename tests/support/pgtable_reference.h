/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A naive page table: a sorted list of leaves, and a list of the tables that should exist.
 *
 * It implements the rules of <libiommu/pgtable.h> without a radix tree: a map adds the leaves that
 * iommu_pgsize plans, an unmap removes those inside the range, a table exists from the first leaf
 * below it until a range covers it whole.
 */
#ifndef PGTABLE_REFERENCE_H
#define PGTABLE_REFERENCE_H

#include <libiommu/pgtable.h>

struct reference_leaf {
	iommu_iova_t iova;
	uint64_t size;
	iommu_paddr_t paddr;
	unsigned int prot;
};

/* A table of `level` (1 = lowest), which begins at iova. The root is not listed. */
struct reference_table {
	unsigned int level;
	iommu_iova_t iova;
};

struct pgtable_reference {
	unsigned int levels;
	uint64_t pgsize_bitmap;
	struct reference_leaf *leaves;
	size_t leaf_count, leaf_space;
	struct reference_table *tables;
	size_t table_count, table_space;
};

void reference_init(struct pgtable_reference *reference, unsigned int levels,
		    uint64_t pgsize_bitmap);
void reference_destroy(struct pgtable_reference *reference);

/* The index of the first leaf that ends at or after iova; leaf_count if there is none. */
size_t reference_find(const struct pgtable_reference *reference, iommu_iova_t iova);

/* 0 or IOMMU_EEXIST. The range must be valid. */
int reference_map(struct pgtable_reference *reference, iommu_iova_t iova, iommu_paddr_t paddr,
		  uint64_t size, unsigned int prot);

/* 0, or IOMMU_EINVAL for a cut without IOMMU_UNMAP_SPLIT. */
int reference_unmap(struct pgtable_reference *reference, iommu_iova_t iova, uint64_t size,
		    unsigned int flags, uint64_t *unmapped);

/* Fails the test unless pt and the reference agree on every leaf that intersects [start, last]. */
void reference_compare(const struct pgtable_reference *reference, const struct iommu_pgtable *pt,
		       const struct iommu_pgtable_ops *ops, iommu_iova_t start, iommu_iova_t last);

/*
 * After a failed operation: checks that translations are exactly those of the reference, while a
 * large leaf may have been split, and empty tables may have been added (at most `most_new_tables`)
 * or removed; then takes over that shape.
 */
void reference_adopt_shape(struct pgtable_reference *reference, const struct iommu_pgtable *pt,
			   const struct iommu_pgtable_ops *ops, size_t most_new_tables);

#endif
