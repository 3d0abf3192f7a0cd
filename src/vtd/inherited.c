/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables that were copied from a kernel before us: kept until the last context entry that leads
 * there is replaced. See inherit.c for how they come about.
 */
#include "vtd/vtd.h"

void iommu_vtd_inherited_free(struct vtd_unit *unit, struct vtd_inherited *inherited)
{
	bool id_is_shared = false;
	struct iommu_list_node *node;

	iommu_list_remove(&inherited->link);
	iommu_list_for_each (node, &unit->inherited)
		if (vtd_inherited_of(node)->domain_id == inherited->domain_id)
			id_is_shared = true;
	if (!id_is_shared && inherited->domain_id != 0)
		iommu_vtd_domain_id_free(unit, inherited->domain_id);
	iommu_vtdss_destroy(&inherited->pgtable);
	iommu_object_free(&unit->probe->inherited_cache, inherited);
}

void iommu_vtd_inherited_replaced(struct vtd_unit *unit, uint64_t low, uint64_t high)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &unit->inherited) {
		struct vtd_inherited *inherited = vtd_inherited_of(node);
		const bool has_table = inherited->pgtable.root != NULL;

		if (inherited->domain_id != vtd_context_domain_id(high) ||
		    has_table != (vtd_context_type(low) != VTD_PASS_THROUGH) ||
		    (has_table && iommu_virt_to_phys(unit->platform, inherited->pgtable.root) !=
					  (low & VTD_ENTRY_ADDRESS_MASK)))
			continue;
		if (--inherited->entries == 0)
			iommu_vtd_inherited_free(unit, inherited);
		return;
	}
}
