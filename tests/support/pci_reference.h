/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which functions of a topology must be one group, by sending a request from each: slow, and
 * without the rules of <libiommu/pci.h>.
 */
#ifndef PCI_REFERENCE_H
#define PCI_REFERENCE_H

#include <libiommu/pci.h>

#define PCI_REFERENCE_MAX 24 /* functions */

/*
 * one[a][b]: the functions a and b are one group. Fails the test where iommu_pci_is_isolated says
 * anything else than what the requests found. For a topology that iommu_pci_groups takes.
 */
void pci_reference(const struct iommu_pci_topology *t,
		   bool one[PCI_REFERENCE_MAX][PCI_REFERENCE_MAX]);

#endif
