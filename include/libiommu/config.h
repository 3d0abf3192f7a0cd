/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is built. Each option is 1, or 0 to leave a part out; it is set for the whole library, with
 * -D on the command line of the compiler, with CMake's option of the same name, or in
 * <libiommu/config_build.h>, which CMake's build generates where it differs from the defaults and
 * which is installed beside this file.
 *
 * The headers declare everything in any case: a call of a function that was left out does not link.
 * What is asked of a function that is there and needs a part that is not, is answered as if the
 * hardware did not have it (IOMMU_EOPNOTSUPP). scripts/sizes prints what each option saves.
 */
#ifndef LIBIOMMU_CONFIG_H
#define LIBIOMMU_CONFIG_H

#if defined(__has_include)
#if __has_include(<libiommu/config_build.h>)
#include <libiommu/config_build.h>
#endif
#endif

/*
 * VT-d's scalable mode, and with it PASIDs, page requests, dirty tracking, nested domains, and
 * tables that belong to others. Units are then driven in legacy mode, but for those that know only
 * scalable mode or were left on in it: these are refused, or turned off and used in legacy mode.
 */
#ifndef IOMMU_CONFIG_SCALABLE
#define IOMMU_CONFIG_SCALABLE 1
#endif

/*
 * Page tables of VT-d's first stage (iommu_vtdfs_map and the like); domains have second-stage ones
 * without.
 */
#ifndef IOMMU_CONFIG_FIRST_STAGE
#define IOMMU_CONFIG_FIRST_STAGE IOMMU_CONFIG_SCALABLE
#endif

/*
 * Remapping and posting of interrupts by VT-d (<libiommu/vtd_interrupt.h>). What was left on goes
 * off.
 */
#ifndef IOMMU_CONFIG_INTERRUPTS
#define IOMMU_CONFIG_INTERRUPTS 1
#endif

/*
 * Going on where a kernel that died left off (IOMMU_VTD_TAKE_OVER): without, everything of before
 * goes.
 */
#ifndef IOMMU_CONFIG_TAKE_OVER
#define IOMMU_CONFIG_TAKE_OVER 1
#endif

/* TLBs in devices (ATS): without, devices are not allowed to have any. */
#ifndef IOMMU_CONFIG_DEVICE_TLB
#define IOMMU_CONFIG_DEVICE_TLB 1
#endif

/* Invalidation through registers: without, a unit that has no queue is refused (IOMMU_EIO). */
#ifndef IOMMU_CONFIG_REGISTERS
#define IOMMU_CONFIG_REGISTERS 1
#endif

/* Walking and cloning of page tables through iommu_pgtable_ops and iommu_domain_walk. */
#ifndef IOMMU_CONFIG_TABLE_TOOLS
#define IOMMU_CONFIG_TABLE_TOOLS 1
#endif

/* Names and explanations of VT-d's fault reasons: empty without; the numbers are reported. */
#ifndef IOMMU_CONFIG_FAULT_TEXTS
#define IOMMU_CONFIG_FAULT_TEXTS 1
#endif

/* Lines for the host's log, but for those of refusals. */
#ifndef IOMMU_CONFIG_LOG
#define IOMMU_CONFIG_LOG 1
#endif

/* Why a call was refused, in words: without, the code is all. */
#ifndef IOMMU_CONFIG_REASONS
#define IOMMU_CONFIG_REASONS 1
#endif

/* The DMA mapping API, domains of the types IOMMU_DOMAIN_DMA and its kin, and IOVA spaces. */
#ifndef IOMMU_CONFIG_DMA
#define IOMMU_CONFIG_DMA 1
#endif

/* Address spaces for managers of virtual machines (<libiommu/ioas.h>) and what stands on them. */
#ifndef IOMMU_CONFIG_IOAS
#define IOMMU_CONFIG_IOAS (IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_DMA && IOMMU_CONFIG_TABLE_TOOLS)
#endif

/* POWER: windows, OPAL, hypervisors' guests. */
#ifndef IOMMU_CONFIG_POWER
#define IOMMU_CONFIG_POWER 1
#endif

/* Models of hardware, for emulators and tests. */
#ifndef IOMMU_CONFIG_MODELS
#define IOMMU_CONFIG_MODELS 1
#endif

#if IOMMU_CONFIG_FIRST_STAGE && !IOMMU_CONFIG_SCALABLE
#error "IOMMU_CONFIG_FIRST_STAGE needs IOMMU_CONFIG_SCALABLE"
#endif
#if IOMMU_CONFIG_IOAS && !(IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_DMA && IOMMU_CONFIG_TABLE_TOOLS)
#error "IOMMU_CONFIG_IOAS needs IOMMU_CONFIG_SCALABLE, IOMMU_CONFIG_DMA and IOMMU_CONFIG_TABLE_TOOLS"
#endif

#endif
