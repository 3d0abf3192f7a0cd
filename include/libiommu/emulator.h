/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an emulator includes that models units for its guests: VT-d, RISC-V, Arm's SMMUv3, AMD, and
 * POWER's bridges and hypervisor calls; and the tables by which firmware tells of units, DMAR, IORT
 * and IVRS. Which sources go with it: docs/porting.md, "Which sources a role needs".
 */
#ifndef LIBIOMMU_EMULATOR_H
#define LIBIOMMU_EMULATOR_H

#include <libiommu/dmar_builder.h>
#include <libiommu/iort_builder.h>
#include <libiommu/ivrs_builder.h>
#include <libiommu/model_amdvi.h>
#include <libiommu/model_riscv.h>
#include <libiommu/model_smmu.h>
#include <libiommu/model_tce.h>
#include <libiommu/model_vtd.h>
#include <libiommu/platform.h>
#include <libiommu/status.h>
#include <libiommu/types.h>
#include <libiommu/version.h>

#endif
