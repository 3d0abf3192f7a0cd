/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Build options. Each is 1, or 0 to leave a part out. Options apply to the whole library: they are
 * set with -D on the compiler's command line, with CMake's option of the same name, or in
 * <libiommu/config_build.h>, which CMake generates if options differ from the defaults, and
 * installs beside this file.
 *
 * The headers declare everything in any case: a call of a function that was left out does not link.
 * A function that would need a part that was left out behaves as if the hardware did not support it
 * (IOMMU_EOPNOTSUPP). scripts/sizes prints what each option saves.
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
 * tables that belong to the host or to guests. Without it units are driven in legacy mode; those
 * that support only scalable mode are refused, and those that were left enabled in it are disabled
 * first.
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

/* Page tables of RISC-V, both stages (<libiommu/riscv64.h>). */
#ifndef IOMMU_CONFIG_RISCV_TABLES
#define IOMMU_CONFIG_RISCV_TABLES 1
#endif

/* Page tables of Arm, both stages (<libiommu/aarch64.h>). */
#ifndef IOMMU_CONFIG_ARM_TABLES
#define IOMMU_CONFIG_ARM_TABLES 1
#endif

/* Page tables of the AMD IOMMU, v1 (iommu_amdv1_map and the like). */
#ifndef IOMMU_CONFIG_AMD_TABLES
#define IOMMU_CONFIG_AMD_TABLES 1
#endif

/*
 * Remapping and posting of interrupts by VT-d (<libiommu/vtd_interrupt.h>). Without it remapping
 * that was left enabled is disabled.
 */
#ifndef IOMMU_CONFIG_INTERRUPTS
#define IOMMU_CONFIG_INTERRUPTS 1
#endif

/*
 * Taking over units from a kernel that crashed (IOMMU_VTD_TAKE_OVER): without it nothing is
 * inherited.
 */
#ifndef IOMMU_CONFIG_TAKE_OVER
#define IOMMU_CONFIG_TAKE_OVER 1
#endif

/* TLBs in devices (ATS): without it, devices must not use them. */
#ifndef IOMMU_CONFIG_DEVICE_TLB
#define IOMMU_CONFIG_DEVICE_TLB 1
#endif

/* Invalidation through registers: without it, a unit that has no queue is refused (IOMMU_EIO). */
#ifndef IOMMU_CONFIG_REGISTERS
#define IOMMU_CONFIG_REGISTERS 1
#endif

/*
 * Memory that the library maps itself: regions that firmware claims for devices, which are all
 * refused without it; and all of memory for identity domains on units without pass-through, which
 * are then not supported (IOMMU_EOPNOTSUPP).
 */
#ifndef IOMMU_CONFIG_REGIONS
#define IOMMU_CONFIG_REGIONS 1
#endif

/*
 * IOMMU_DOMAIN_QUARANTINE and iommu_set_quarantine: without it, groups that are to reach nothing
 * are blocked. Needs REGIONS.
 */
#ifndef IOMMU_CONFIG_QUARANTINE
#define IOMMU_CONFIG_QUARANTINE IOMMU_CONFIG_REGIONS
#endif

/*
 * Domains that adapt to the units that they are attached to: without it, a unit must support
 * everything that the domain's first unit does (IOMMU_EINVAL).
 */
#ifndef IOMMU_CONFIG_UNLIKE_UNITS
#define IOMMU_CONFIG_UNLIKE_UNITS 1
#endif

/*
 * Quirks of VT-d hardware (enum iommu_vtd_quirks): for a host that runs on none of that hardware.
 * Without it nothing is recognised, and forcing a quirk is refused.
 */
#ifndef IOMMU_CONFIG_QUIRKS
#define IOMMU_CONFIG_QUIRKS 1
#endif

/* iommu_suspend and iommu_resume; iommu_shutdown does not depend on it. */
#ifndef IOMMU_CONFIG_SUSPEND
#define IOMMU_CONFIG_SUSPEND 1
#endif

/* Policy for default domains: iommu_set_default_type_of, iommu_set_largest_page. */
#ifndef IOMMU_CONFIG_POLICY
#define IOMMU_CONFIG_POLICY 1
#endif

/* Resets of devices: iommu_endpoint_reset_begin. */
#ifndef IOMMU_CONFIG_RESETS
#define IOMMU_CONFIG_RESETS 1
#endif

/*
 * Ways of their own for the mapping of one page, and of lists of pages, which take half the
 * instructions. Not where size counts (-Os), unless the host asks for it.
 */
#ifndef IOMMU_CONFIG_ONE_PAGE
#ifdef __OPTIMIZE_SIZE__
#define IOMMU_CONFIG_ONE_PAGE 0
#else
#define IOMMU_CONFIG_ONE_PAGE 1
#endif
#endif

/* Performance counters of units (<libiommu/counters.h>). */
#ifndef IOMMU_CONFIG_COUNTERS
#define IOMMU_CONFIG_COUNTERS 1
#endif

/*
 * Tracing and statistics (<libiommu/trace.h>). A map costs one test of a pointer while nothing is
 * traced; without it, nothing.
 */
#ifndef IOMMU_CONFIG_TRACE
#define IOMMU_CONFIG_TRACE 1
#endif

/* Walking and cloning of page tables through iommu_pgtable_ops and iommu_domain_walk. */
#ifndef IOMMU_CONFIG_TABLE_TOOLS
#define IOMMU_CONFIG_TABLE_TOOLS 1
#endif

/*
 * Names and explanations of VT-d's fault reasons: empty strings without it; the numbers are
 * reported.
 */
#ifndef IOMMU_CONFIG_FAULT_TEXTS
#define IOMMU_CONFIG_FAULT_TEXTS 1
#endif

/* Lines for the host's log, except those for refusals (IOMMU_CONFIG_REASONS). */
#ifndef IOMMU_CONFIG_LOG
#define IOMMU_CONFIG_LOG 1
#endif

/*
 * Reasons of refused calls, in words: without it there is only the code, iommu_reason is empty, and
 * no line is logged.
 */
#ifndef IOMMU_CONFIG_REASONS
#define IOMMU_CONFIG_REASONS 1
#endif

/*
 * Memory encryption and confidential guests: iommu_platform.private_bits and shared_bits, and DMA
 * memory that is shared with the host (iommu_dma_device.shared_only), which needs DMA_BOUNCE and
 * DMA_PIECES. Without it no bits are set, and DMA for such devices is IOMMU_EOPNOTSUPP.
 */
#ifndef IOMMU_CONFIG_ENCRYPTION
#define IOMMU_CONFIG_ENCRYPTION 1
#endif

/*
 * Names of VT-d's units, and of endpoints that have none of their host: empty without it, and not
 * unique in their instance or group.
 */
#ifndef IOMMU_CONFIG_NAMES
#define IOMMU_CONFIG_NAMES 1
#endif

/* The DMA mapping API, domains of type IOMMU_DOMAIN_DMA and its variants, and IOVA spaces. */
#ifndef IOMMU_CONFIG_DMA
#define IOMMU_CONFIG_DMA 1
#endif

/*
 * Parts of the DMA mapping API:
 * SCATTER  lists of pieces, iommu_dma_map_sg
 * BOUNCE   bounce pages, for partial pages of an untrusted device's buffers, and for buffers that
 *          a device cannot address where nothing translates: without it, such a buffer is refused
 *          (IOMMU_EOPNOTSUPP)
 * LAZY     deferred invalidation: flush queues, IOMMU_DOMAIN_DMA_LAZY
 * DIRECT   handles where nothing translates, and IOMMU_DOMAIN_DMA_BYPASS: without it, everything is
 *          mapped, and an identity domain has no handle (IOMMU_EOPNOTSUPP)
 * PIECES   shared memory larger than the host's largest block, or without an address for the CPU
 * ATTRIBUTES
 *          the calls with attributes (enum iommu_dma_attributes)
 * TUNING   what hosts choose: IOMMU_DMA_WIDE_FIRST, enum iommu_flush_queue_flags,
 *          iommu_set_dma_defaults
 * NONCOHERENT
 *          devices that access memory past the CPU caches (iommu_dma_device.noncoherent): without
 *          it, their buffers are refused (IOMMU_EOPNOTSUPP). Needs BOUNCE
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
#ifndef IOMMU_CONFIG_DMA_ATTRIBUTES
#define IOMMU_CONFIG_DMA_ATTRIBUTES 1
#endif
#ifndef IOMMU_CONFIG_DMA_TUNING
#define IOMMU_CONFIG_DMA_TUNING 1
#endif
#ifndef IOMMU_CONFIG_DMA_NONCOHERENT
#define IOMMU_CONFIG_DMA_NONCOHERENT IOMMU_CONFIG_DMA_BOUNCE
#endif

/*
 * Per-CPU caches of IOVAs, and hints that a space keeps for speed: without it, each address comes
 * from the tree, and returns to it.
 */
#ifndef IOMMU_CONFIG_IOVA_CACHES
#define IOMMU_CONFIG_IOVA_CACHES 1
#endif

/*
 * IO address spaces for managers of virtual machines (<libiommu/ioas.h>) and what is built on them;
 * with the models, shadows of guests' tables (<libiommu/shadow.h>).
 */
#ifndef IOMMU_CONFIG_IOAS
#define IOMMU_CONFIG_IOAS (IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_DMA && IOMMU_CONFIG_TABLE_TOOLS)
#endif

/* POWER: TCE tables, OPAL, guests of PAPR hypervisors. */
#ifndef IOMMU_CONFIG_POWER
#define IOMMU_CONFIG_POWER 1
#endif

/* The RISC-V IOMMU (<libiommu/riscv.h>). Needs RISCV_TABLES. */
#ifndef IOMMU_CONFIG_RISCV
#define IOMMU_CONFIG_RISCV IOMMU_CONFIG_RISCV_TABLES
#endif

/* Arm's SMMUv3 (<libiommu/smmu.h>). Needs ARM_TABLES. */
#ifndef IOMMU_CONFIG_SMMU
#define IOMMU_CONFIG_SMMU IOMMU_CONFIG_ARM_TABLES
#endif

/* Models of hardware, for emulators and tests. */
#ifndef IOMMU_CONFIG_MODELS
#define IOMMU_CONFIG_MODELS 1
#endif

/* … among them that of the RISC-V IOMMU. */
#ifndef IOMMU_CONFIG_MODEL_RISCV
#define IOMMU_CONFIG_MODEL_RISCV IOMMU_CONFIG_MODELS
#endif

/* … and that of Arm's SMMUv3. */
#ifndef IOMMU_CONFIG_MODEL_SMMU
#define IOMMU_CONFIG_MODEL_SMMU IOMMU_CONFIG_MODELS
#endif

/* … and that of an AMD IOMMU. */
#ifndef IOMMU_CONFIG_MODEL_AMDVI
#define IOMMU_CONFIG_MODEL_AMDVI IOMMU_CONFIG_MODELS
#endif

#if IOMMU_CONFIG_FIRST_STAGE && !IOMMU_CONFIG_SCALABLE
#error "IOMMU_CONFIG_FIRST_STAGE needs IOMMU_CONFIG_SCALABLE"
#endif
#if IOMMU_CONFIG_RISCV && !IOMMU_CONFIG_RISCV_TABLES
#error "IOMMU_CONFIG_RISCV needs IOMMU_CONFIG_RISCV_TABLES"
#endif
#if IOMMU_CONFIG_SMMU && !IOMMU_CONFIG_ARM_TABLES
#error "IOMMU_CONFIG_SMMU needs IOMMU_CONFIG_ARM_TABLES"
#endif
#if IOMMU_CONFIG_QUARANTINE && !IOMMU_CONFIG_REGIONS
#error "IOMMU_CONFIG_QUARANTINE needs IOMMU_CONFIG_REGIONS"
#endif
#if IOMMU_CONFIG_DMA_NONCOHERENT && !IOMMU_CONFIG_DMA_BOUNCE
#error "IOMMU_CONFIG_DMA_NONCOHERENT needs IOMMU_CONFIG_DMA_BOUNCE"
#endif
#if IOMMU_CONFIG_MODEL_RISCV && !IOMMU_CONFIG_MODELS
#error "IOMMU_CONFIG_MODEL_RISCV needs IOMMU_CONFIG_MODELS"
#endif
#if IOMMU_CONFIG_MODEL_SMMU && !IOMMU_CONFIG_MODELS
#error "IOMMU_CONFIG_MODEL_SMMU needs IOMMU_CONFIG_MODELS"
#endif
#if IOMMU_CONFIG_MODEL_AMDVI && !IOMMU_CONFIG_MODELS
#error "IOMMU_CONFIG_MODEL_AMDVI needs IOMMU_CONFIG_MODELS"
#endif
#if IOMMU_CONFIG_IOAS && !(IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_DMA && IOMMU_CONFIG_TABLE_TOOLS)
#error "IOMMU_CONFIG_IOAS needs those of SCALABLE, DMA and TABLE_TOOLS"
#endif

/* Not an option: are there back ends whose requests carry ids of hardware's own? */
#define IOMMU_DEVICE_IDS (IOMMU_CONFIG_RISCV || IOMMU_CONFIG_SMMU)

#endif
