/* SPDX-License-Identifier: BSD-2-Clause */
/* What the bindings are made of. */
#include <libiommu/iommu.h>

#include <libiommu/emulator.h>
#include <libiommu/power_host.h>
#include <libiommu/riscv_host.h>
#include <libiommu/shadow.h>
#include <libiommu/smmu_host.h>
#include <libiommu/vmm.h>
#include <libiommu/vtd_host.h>
#include <libiommu/x86_64.h>
