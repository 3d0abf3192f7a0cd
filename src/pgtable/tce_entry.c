/* SPDX-License-Identifier: BSD-2-Clause */
#include "pgtable/tce_entry.h"

#include "pgtable/format_tce.h"
#include "pgtable/page.h"

/* The table that an entry leads to, made if there is none; NULL: there is none. */
static iommu_cell_t *table_below(struct iommu_pgtable *pt, iommu_cell_t *cell, bool make)
{
	uint64_t entry = tce_to_memory(iommu_cell_load_acquire(cell));
	iommu_cell_t *fresh;

	if (!tce_is_valid(entry) && make) {
		fresh = iommu_pgtable_alloc_table(pt, IOMMU_ALLOC_ATOMIC);
		if (fresh == NULL)
			return NULL;
		entry = tce_table(iommu_virt_to_phys(pt->platform, fresh));
		if (iommu_cell_compare_and_swap(cell, 0, tce_to_memory(entry)))
			return fresh;
		/* Another CPU was first. */
		iommu_pgtable_free_table(pt, fresh, 0);
		iommu_pgtable_uncount(pt, 1);
		entry = tce_to_memory(iommu_cell_load_acquire(cell));
	}
	return tce_is_valid(entry) ? iommu_phys_to_virt(pt->platform, tce_address_of(pt, entry))
				   : NULL;
}

static unsigned int index_at(const struct iommu_pgtable *pt, iommu_iova_t iova, unsigned int level)
{
	return (unsigned int)(iova >> tce_level_shift(pt, level)) &
	       (tce_table_entries(pt, level) - 1);
}

static iommu_cell_t *entry_at(struct iommu_pgtable *pt, iommu_iova_t iova, bool make)
{
	iommu_cell_t *table = pt->root;
	unsigned int level;

	for (level = pt->levels; level > 1 && table != NULL; level--)
		table = table_below(pt, &table[index_at(pt, iova, level)], make);
	return table != NULL ? &table[index_at(pt, iova, 1)] : NULL;
}

int iommu_tce_prepare(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_iova_t last)
{
	const iommu_iova_t span = 1ULL << tce_level_shift(pt, 2);

	for (iova &= -span; entry_at(pt, iova, true) != NULL; iova += span)
		if (last - iova < span)
			return 0;
	return IOMMU_ENOMEM;
}

static uint64_t swap(iommu_cell_t *cell, uint64_t entry)
{
	uint64_t old;

	do
		old = iommu_cell_load(cell);
	while (!iommu_cell_compare_and_swap(cell, old, tce_to_memory(entry)));
	return tce_to_memory(old);
}

int iommu_tce_exchange(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr,
		       unsigned int prot, iommu_paddr_t *old_paddr, unsigned int *old_prot)
{
	const uint64_t size = 1ULL << pt->page_shift;
	iommu_cell_t *cell;
	uint64_t old = 0;

	if (iova > pt->aperture_last)
		return IOMMU_ERANGE;
	if (prot != 0 && (paddr & (size - 1)) != 0)
		return IOMMU_EINVAL;
	if (prot != 0 && (paddr > pt->paddr_last || size - 1 > pt->paddr_last - paddr))
		return IOMMU_ERANGE;
	cell = entry_at(pt, iova, prot != 0);
	if (cell == NULL && prot != 0)
		return IOMMU_ENOMEM;
	if (cell != NULL)
		old = swap(cell, prot != 0 ? tce_make_leaf(pt, paddr, 1, prot) : 0);
	*old_prot = tce_prot(old);
	*old_paddr = *old_prot != 0 ? tce_address_of(pt, old) : 0;
	return 0;
}
