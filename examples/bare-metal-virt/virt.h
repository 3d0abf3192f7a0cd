/* SPDX-License-Identifier: BSD-2-Clause */
/* What the program needs of each kind of machine: aarch64.c, riscv64.c. */
#ifndef VIRT_H
#define VIRT_H

#include <libiommu/iommu.h>

#include "access.h"
#include "device_tree.h"
#include "ecam.h"
#include "host.h"

/* The kernel's: false, the tree names no serial line. */
bool console_start(const struct iommu_fdt *tree);

/* Fill in the services of the processor. */
void virt_fill(const struct iommu_fdt *tree, struct iommu_platform *platform);
/* Tell the library of the unit that the tree has, and of the ids behind it. */
int virt_add_unit(struct iommu *iommu, const struct iommu_fdt *tree,
		  const struct iommu_fdt_node *pci, struct iommu_unit **unit);

#endif
