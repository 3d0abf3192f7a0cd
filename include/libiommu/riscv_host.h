/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kernel or hypervisor includes that drives RISC-V IOMMUs, and has drivers of its own: the
 * units, found by the device tree or ACPI's RIMT. Which sources go with it: docs/porting.md, "Which
 * sources a role needs".
 */
#ifndef LIBIOMMU_RISCV_HOST_H
#define LIBIOMMU_RISCV_HOST_H

#include <libiommu/acpi.h>
#include <libiommu/counters.h>
#include <libiommu/device_tree.h>
#include <libiommu/dma.h>
#include <libiommu/domain.h>
#include <libiommu/endpoint.h>
#include <libiommu/fault.h>
#include <libiommu/group.h>
#include <libiommu/instance.h>
#include <libiommu/page_reserve.h>
#include <libiommu/pci.h>
#include <libiommu/platform.h>
#include <libiommu/rimt.h>
#include <libiommu/riscv.h>
#include <libiommu/status.h>
#include <libiommu/trace.h>
#include <libiommu/types.h>
#include <libiommu/version.h>

#endif
