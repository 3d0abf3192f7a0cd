/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "group_reasons.h"
#include "heap.h"

static struct iommu_pci_topology view_apart(const struct group_reasons *reasons)
{
	return (struct iommu_pci_topology){reasons->apart, reasons->topology->count};
}

static void copy_apart(struct group_reasons *reasons)
{
	for (size_t i = 0; i < reasons->topology->count; i++) {
		reasons->apart[i] = reasons->topology->functions[i];
		reasons->apart[i].flags |= IOMMU_PCI_ISOLATED;
	}
}

bool group_reasons_open(struct group_reasons *reasons, const struct topology *topology)
{
	const struct iommu_pci_topology view = topology_view(topology);
	struct iommu_pci_topology apart;

	*reasons = (struct group_reasons){
		.topology = topology,
		.groups = heap_zeroed(topology->count, sizeof(size_t)),
		.by_ids = heap_zeroed(topology->count, sizeof(size_t)),
		.by_one = heap_zeroed(topology->count, sizeof(size_t)),
		.apart = heap_zeroed(topology->count, sizeof(struct iommu_pci_function)),
	};
	copy_apart(reasons);
	apart = view_apart(reasons);
	return iommu_pci_groups(&view, reasons->groups) == 0 &&
	       iommu_pci_groups(&apart, reasons->by_ids) == 0;
}

void group_reasons_close(struct group_reasons *reasons)
{
	free(reasons->groups);
	free(reasons->by_ids);
	free(reasons->by_one);
	free(reasons->apart);
}

bool group_reasons_keeps_apart(struct group_reasons *reasons, size_t index)
{
	const struct iommu_pci_topology view = view_apart(reasons);
	bool is_isolated;

	reasons->apart[index].flags = reasons->topology->functions[index].flags;
	is_isolated = iommu_pci_is_isolated(&view, index);
	reasons->apart[index].flags |= IOMMU_PCI_ISOLATED;
	return is_isolated;
}

const size_t *group_reasons_of(struct group_reasons *reasons, size_t index)
{
	const struct iommu_pci_topology view = view_apart(reasons);

	reasons->apart[index].flags = reasons->topology->functions[index].flags;
	(void)iommu_pci_groups(&view, reasons->by_one);
	reasons->apart[index].flags |= IOMMU_PCI_ISOLATED;
	return reasons->by_one;
}

size_t group_reasons_best(struct group_reasons *reasons)
{
	const struct iommu_pci_topology view = view_apart(reasons);
	size_t count = 0;

	for (size_t i = 0; i < view.count; i++) {
		reasons->apart[i].flags = reasons->topology->functions[i].flags;
		reasons->apart[i].acs_control = iommu_pci_acs_wanted(&reasons->apart[i]);
	}
	(void)iommu_pci_groups(&view, reasons->by_one);
	copy_apart(reasons);
	for (size_t i = 0; i < view.count; i++)
		count += reasons->by_one[i] == i ? 1 : 0;
	return count;
}
