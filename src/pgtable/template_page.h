/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Template, part 7: one page of the smallest size, the usual case of a driver's buffer, where it is
 * one walk and one store: in tables that the host maps at a fixed distance. Everything else is left
 * to map and unmap. See table_template.h.
 */

static inline bool is_one_page(const struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	return size == mask + 1 && (iova & mask) == 0 && in_aperture(pt, iova | mask);
}

static inline bool is_good_for_a_page(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
				      unsigned int prot)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	return (paddr & mask) == 0 && (paddr | mask) <= pt->paddr_last && prot_is_good(prot);
}

/* The page's entry; NULL: not this way. Nothing is called on it, so that no register is saved. */
static inline __attribute__((always_inline)) iommu_cell_t *
page_entry(const struct iommu_pgtable *pt, iommu_iova_t iova)
{
	iommu_cell_t *table;
	unsigned int level;

	if (__builtin_expect(pt->platform->phys_to_virt != NULL, 0))
		return NULL;
	table = table_covering(pt, iova, &level);
	return __builtin_expect(level == 1, 1) ? &table[table_index(pt, iova, 1)] : NULL;
}

static __attribute__((noinline)) bool flush_page_entry(const struct iommu_pgtable *pt,
						       const iommu_cell_t *entry)
{
	entries_flush(pt, entry, 1);
	return true;
}

/* After the store: a table becomes one that is flushed while calls run. */
static inline bool page_entry_done(const struct iommu_pgtable *pt, const iommu_cell_t *entry)
{
	if (__builtin_expect((pt->flags & IOMMU_PGTABLE_NONCOHERENT) != 0, 0))
		return flush_page_entry(pt, entry);
	return true;
}

bool pgtable_map_page(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot)
{
	iommu_cell_t *entry;

	if (__builtin_expect(!is_one_page(pt, iova, size) || !is_good_for_a_page(pt, paddr, prot),
			     0))
		return false;
	entry = page_entry(pt, iova);
	if (__builtin_expect(entry == NULL || iommu_cell_load(entry) != 0, 0))
		return false;
	entry_store(entry, format_make_leaf(pt, paddr, 1, prot));
	return page_entry_done(pt, entry);
}

bool pgtable_unmap_page(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size)
{
	iommu_cell_t *entry;

	if (__builtin_expect(!is_one_page(pt, iova, size), 0))
		return false;
	entry = page_entry(pt, iova);
	if (__builtin_expect(entry == NULL || !format_is_present(entry_load(entry)), 0))
		return false;
	entry_store(entry, 0);
	return page_entry_done(pt, entry);
}
