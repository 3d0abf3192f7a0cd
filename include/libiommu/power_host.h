/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kernel or hypervisor includes on POWER: OPAL's bridges, a hypervisor's windows, or windows
 * as mere tables. Which sources go with it: docs/porting.md, "Which sources a role needs".
 */
#ifndef LIBIOMMU_POWER_HOST_H
#define LIBIOMMU_POWER_HOST_H

#include <libiommu/dma.h>
#include <libiommu/domain.h>
#include <libiommu/eeh.h>
#include <libiommu/endpoint.h>
#include <libiommu/fault.h>
#include <libiommu/group.h>
#include <libiommu/instance.h>
#include <libiommu/opal.h>
#include <libiommu/page_reserve.h>
#include <libiommu/papr.h>
#include <libiommu/pci.h>
#include <libiommu/platform.h>
#include <libiommu/status.h>
#include <libiommu/tce_table.h>
#include <libiommu/trace.h>
#include <libiommu/types.h>
#include <libiommu/version.h>
#include <libiommu/window.h>

#endif
