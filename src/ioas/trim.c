/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reclaiming of empty tables. The number of tables of an HWPT is limited by the tables themselves.
 * Small areas that are mapped and unmapped all over a space leave empty tables behind, because only
 * an unmap of a table's whole range frees it; when the limit is reached, empty tables are searched
 * for and freed.
 */
#include "ioas/ioas.h"

static const struct iommu_domain *domain_at(const struct iommu_list_node *node)
{
	return iommu_container_of((uintptr_t)node, struct iommu_hwpt, link)->domain;
}

/* Of all HWPTs. The gate is closed. */
static uint64_t count_tables(const struct iommu_ioas *ioas)
{
	const struct iommu_list_node *node;
	uint64_t pages = 0;

	iommu_list_for_each (node, &ioas->hwpts) {
		struct iommu_domain_info info;

		iommu_domain_get_info(domain_at(node), &info);
		pages += info.table_pages;
	}
	return pages;
}

/*
 * Pages [first, last] have no area, and so nothing is mapped there: unmapping them takes out whole
 * tables, and nothing else. What hardware does not confirm stays counted.
 */
static void trim_gap(const struct iommu_ioas *ioas, uint64_t first, uint64_t last)
{
	const struct iommu_list_node *node;

	iommu_list_for_each (node, &ioas->hwpts) {
		const struct iommu_hwpt *hwpt =
			iommu_container_of((uintptr_t)node, struct iommu_hwpt, link);
		const uint64_t end = hwpt->domain->aperture_last >> IOMMU_PAGE_SHIFT;
		const uint64_t until = last < end ? last : end;

		if (first <= until && until - first < UINT64_MAX >> IOMMU_PAGE_SHIFT)
			(void)iommu_unmap(hwpt->domain, first << IOMMU_PAGE_SHIFT,
					  (until - first + 1) << IOMMU_PAGE_SHIFT, 0, NULL);
	}
}

static void trim_gaps(const struct iommu_ioas *ioas)
{
	const struct iommu_iova_range *range = iommu_iova_find_from(ioas->areas, 0);
	uint64_t page = 0;

	for (; range != NULL; range = iommu_iova_find_from(ioas->areas, page)) {
		if (range->first > page)
			trim_gap(ioas, page, range->first - 1);
		page = range->last + 1;
	}
	trim_gap(ioas, page, UINT64_MAX >> IOMMU_PAGE_SHIFT);
}

/* True: that made room. */
static bool trim(struct iommu_ioas *ioas)
{
	uint64_t before, after;

	iommu_gate_close(ioas);
	before = count_tables(ioas);
	trim_gaps(ioas);
	after = count_tables(ioas);
	iommu_gate_open(ioas);
	return after < before;
}

bool iommu_ioas_trim(struct iommu_file *file, uint32_t id)
{
	struct ioas_object *object;
	bool helped = false;
	int status;

	if (file->limits.table_pages == 0)
		return false;
	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object != NULL)
		helped = trim(iommu_ioas_of(object));
	iommu_file_unlock(file);
	return helped;
}
