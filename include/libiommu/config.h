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
 * Page tables of VT-d's first stage and of x86-64 processors (iommu_x86_64_table_map and the like);
 * domains have second-stage ones without.
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

/*
 * Memory that the library maps to itself: what firmware claims for devices, whose claims are then
 * all refused, as if the host had said so of each; and all of memory for identity domains where
 * hardware passes nothing through, which are then not to be had (IOMMU_EOPNOTSUPP).
 */
#ifndef IOMMU_CONFIG_REGIONS
#define IOMMU_CONFIG_REGIONS 1
#endif

/*
 * Domains that change with the units that they are attached to: without, a unit must be able to do
 * all that the one could which the domain was made for (IOMMU_EINVAL).
 */
#ifndef IOMMU_CONFIG_UNLIKE_UNITS
#define IOMMU_CONFIG_UNLIKE_UNITS 1
#endif

/* iommu_suspend and iommu_resume; iommu_shutdown is there without. */
#ifndef IOMMU_CONFIG_SUSPEND
#define IOMMU_CONFIG_SUSPEND 1
#endif

/* Walking and cloning of page tables through iommu_pgtable_ops and iommu_domain_walk. */
#ifndef IOMMU_CONFIG_TABLE_TOOLS
#define IOMMU_CONFIG_TABLE_TOOLS 1
#endif

/* Names and explanations of VT-d's fault reasons: empty without; the numbers are reported. */
#ifndef IOMMU_CONFIG_FAULT_TEXTS
#define IOMMU_CONFIG_FAULT_TEXTS 1
#endif

/* Lines for the host's log, but for those of refusals (IOMMU_CONFIG_REASONS). */
#ifndef IOMMU_CONFIG_LOG
#define IOMMU_CONFIG_LOG 1
#endif

/*
 * Why a call was refused, in words: without, the code that it returns is all, iommu_reason is empty
 * and no line is logged about it.
 */
#ifndef IOMMU_CONFIG_REASONS
#define IOMMU_CONFIG_REASONS 1
#endif

/* Names of endpoints that the host has given none: empty without, and not unique in their group. */
#ifndef IOMMU_CONFIG_NAMES
#define IOMMU_CONFIG_NAMES 1
#endif

/* The DMA mapping API, domains of the types IOMMU_DOMAIN_DMA and its kin, and IOVA spaces. */
#ifndef IOMMU_CONFIG_DMA
#define IOMMU_CONFIG_DMA 1
#endif

/*
 * Of the DMA mapping API:
 *   SCATTER  lists of pieces, iommu_dma_map_sg
 *   BOUNCE   pages that take the place of an untrusted device's, where a buffer does not fill its
 *            own, and of those that a device does not reach where nothing translates: without, such
 *            a buffer is refused (IOMMU_EOPNOTSUPP)
 *   LAZY     unmaps that wait for a common invalidation: flush queues, IOMMU_DOMAIN_DMA_LAZY
 *   DIRECT   handles where nothing translates, and the way around a domain's tables where it has
 *            one, IOMMU_DOMAIN_DMA_BYPASS: without, all is mapped, and an identity domain has no
 *            handle (IOMMU_EOPNOTSUPP)
 *   PIECES   shared memory larger than the host's largest block, or without an address for the CPU
 */
#ifndef IOMMU_CONFIG_DMA_SCATTER
#define IOMMU_CONFIG_DMA_SCATTER 1
#endif
#ifndef IOMMU_CONFIG_DMA_BOUNCE
#define IOMMU_CONFIG_DMA_BOUNCE 1
#endif
#ifndef IOMMU_CONFIG_DMA_LAZY
#define IOMMU_CONFIG_DMA_LAZY 1
#endif
#ifndef IOMMU_CONFIG_DMA_DIRECT
#define IOMMU_CONFIG_DMA_DIRECT 1
#endif
#ifndef IOMMU_CONFIG_DMA_PIECES
#define IOMMU_CONFIG_DMA_PIECES 1
#endif

/*
 * CPUs' caches of IOVAs, and what a space remembers for speed: without, each address comes from the
 * tree, and goes back to it.
 */
#ifndef IOMMU_CONFIG_IOVA_CACHES
#define IOMMU_CONFIG_IOVA_CACHES 1
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
#error "IOMMU_CONFIG_IOAS needs those of SCALABLE, DMA and TABLE_TOOLS"
#endif

#endif
