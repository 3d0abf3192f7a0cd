/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kernel or hypervisor includes that drives VT-d units, and has drivers of its own. Which
 * sources go with it: docs/porting.md, "Which sources a role needs".
 */
#ifndef LIBIOMMU_VTD_HOST_H
#define LIBIOMMU_VTD_HOST_H

#include <libiommu/acpi.h>
#include <libiommu/counters.h>
#include <libiommu/dma.h>
#include <libiommu/domain.h>
#include <libiommu/endpoint.h>
#include <libiommu/fault.h>
#include <libiommu/group.h>
#include <libiommu/instance.h>
#include <libiommu/page_reserve.h>
#include <libiommu/pci.h>
#include <libiommu/platform.h>
#include <libiommu/status.h>
#include <libiommu/trace.h>
#include <libiommu/types.h>
#include <libiommu/version.h>
#include <libiommu/vtd.h>
#include <libiommu/vtd_interrupt.h>

#endif
