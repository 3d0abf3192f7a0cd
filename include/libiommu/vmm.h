/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a manager of virtual machines includes: address spaces for users over units that a back end
 * drives, whose header (vtd_host.h, riscv_host.h, smmu_host.h, power_host.h) goes beside it. Which
 * sources go with it: docs/porting.md, "Which sources a role needs".
 */
#ifndef LIBIOMMU_VMM_H
#define LIBIOMMU_VMM_H

#include <libiommu/endpoint.h>
#include <libiommu/fault.h>
#include <libiommu/group.h>
#include <libiommu/instance.h>
#include <libiommu/ioas.h>
#include <libiommu/platform.h>
#include <libiommu/spapr.h>
#include <libiommu/status.h>
#include <libiommu/types.h>
#include <libiommu/version.h>
#include <libiommu/vfio.h>
#include <libiommu/window.h>

#endif
