/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/pci.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_pci_function functions[2] = {{.devfn = 8}, {.devfn = 16}};
	const struct iommu_pci_topology topology = {functions, 2};
	size_t groups[2];

	(void)platform;
	return iommu_pci_groups(&topology, groups) == 0 && groups[0] != groups[1] ? 0 : 1;
}
