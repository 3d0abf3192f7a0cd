/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kernel or hypervisor includes that drives Arm's SMMUv3, and has drivers of its own: the
 * units, found by ACPI's IORT or the device tree. Which sources go with it: docs/porting.md, "Which
 * sources a role needs".
 */
#ifndef LIBIOMMU_SMMU_HOST_H
#define LIBIOMMU_SMMU_HOST_H

#include <libiommu/acpi.h>
#include <libiommu/device_tree.h>
#include <libiommu/dma.h>
#include <libiommu/domain.h>
#include <libiommu/endpoint.h>
#include <libiommu/fault.h>
#include <libiommu/group.h>
#include <libiommu/instance.h>
#include <libiommu/iort.h>
#include <libiommu/page_reserve.h>
#include <libiommu/pci.h>
#include <libiommu/platform.h>
#include <libiommu/smmu.h>
#include <libiommu/status.h>
#include <libiommu/trace.h>
#include <libiommu/types.h>
#include <libiommu/version.h>

#endif
