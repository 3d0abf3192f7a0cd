# SPDX-License-Identifier: BSD-2-Clause
# The options of include/libiommu/config.h, which describes them. IOMMU_LEFT_OUT: those that are off.
include(CMakeDependentOption)
option(IOMMU_CONFIG_SCALABLE "VT-d's scalable mode: PASIDs, page requests, nested domains" ON)
cmake_dependent_option(IOMMU_CONFIG_FIRST_STAGE "Page tables of VT-d's first stage" ON IOMMU_CONFIG_SCALABLE OFF)
option(IOMMU_CONFIG_RISCV_TABLES "Page tables of RISC-V" ON)
option(IOMMU_CONFIG_ARM_TABLES "Page tables of Arm" ON)
option(IOMMU_CONFIG_AMD_TABLES "Page tables of the AMD IOMMU" ON)
option(IOMMU_CONFIG_INTERRUPTS "Interrupt remapping" ON)
option(IOMMU_CONFIG_TAKE_OVER "Taking over from a kernel that died" ON)
option(IOMMU_CONFIG_DEVICE_TLB "TLBs in devices (ATS)" ON)
option(IOMMU_CONFIG_REGISTERS "Invalidation through registers" ON)
option(IOMMU_CONFIG_REGIONS "Memory mapped to itself: firmware's regions, identity domains with tables" ON)
cmake_dependent_option(IOMMU_CONFIG_QUARANTINE "A page for devices that are to reach nothing" ON
                       IOMMU_CONFIG_REGIONS OFF)
option(IOMMU_CONFIG_UNLIKE_UNITS "Domains that change with the units that they are attached to" ON)
option(IOMMU_CONFIG_QUIRKS "Quirks of VT-d hardware" ON)
option(IOMMU_CONFIG_SUSPEND "Suspend and resume" ON)
option(IOMMU_CONFIG_POLICY "Policy for default domains, by device" ON)
option(IOMMU_CONFIG_RESETS "Resets of devices" ON)
option(IOMMU_CONFIG_ONE_PAGE "A way of its own for one page, unless compiled for size" ON)
option(IOMMU_CONFIG_COUNTERS "Performance counters of units" ON)
option(IOMMU_CONFIG_TRACE "Tracing and statistics" ON)
option(IOMMU_CONFIG_TABLE_TOOLS "Walking and cloning of page tables" ON)
option(IOMMU_CONFIG_LOG "Lines for the host's log" ON)
option(IOMMU_CONFIG_FAULT_TEXTS "Fault reasons in words" ON)
option(IOMMU_CONFIG_REASONS "Reasons of refusals in words" ON)
option(IOMMU_CONFIG_ENCRYPTION "Memory encryption and confidential guests" ON)
option(IOMMU_CONFIG_NAMES "Names of units, and of endpoints that have none" ON)
option(IOMMU_CONFIG_DMA "The DMA mapping API and IOVA spaces" ON)
option(IOMMU_CONFIG_DMA_SCATTER "DMA: lists of pieces" ON)
option(IOMMU_CONFIG_DMA_BOUNCE "DMA: bounce pages" ON)
cmake_dependent_option(IOMMU_CONFIG_DMA_NONCOHERENT "DMA: devices that do not see the CPU's caches" ON
                       IOMMU_CONFIG_DMA_BOUNCE OFF)
option(IOMMU_CONFIG_DMA_LAZY "DMA: lazy invalidation" ON)
option(IOMMU_CONFIG_DMA_DIRECT "DMA: handles where nothing translates, and ways around tables" ON)
option(IOMMU_CONFIG_DMA_PIECES "DMA: shared memory in pieces" ON)
option(IOMMU_CONFIG_DMA_ATTRIBUTES "DMA: calls with attributes" ON)
option(IOMMU_CONFIG_DMA_TUNING "DMA: choices of addresses and flush queues" ON)
option(IOMMU_CONFIG_IOVA_CACHES "CPUs' caches of IOVAs" ON)
cmake_dependent_option(IOMMU_CONFIG_IOAS "Address spaces for managers of virtual machines" ON
                       "IOMMU_CONFIG_SCALABLE;IOMMU_CONFIG_DMA;IOMMU_CONFIG_TABLE_TOOLS" OFF)
option(IOMMU_CONFIG_POWER "POWER: windows, OPAL, hypervisors' guests" ON)
cmake_dependent_option(IOMMU_CONFIG_RISCV "The RISC-V IOMMU" ON IOMMU_CONFIG_RISCV_TABLES OFF)
cmake_dependent_option(IOMMU_CONFIG_SMMU "Arm's SMMUv3" ON IOMMU_CONFIG_ARM_TABLES OFF)
option(IOMMU_CONFIG_MODELS "Models of hardware" ON)
cmake_dependent_option(IOMMU_CONFIG_MODEL_RISCV "The model of the RISC-V IOMMU" ON IOMMU_CONFIG_MODELS OFF)
cmake_dependent_option(IOMMU_CONFIG_MODEL_SMMU "The model of Arm's SMMUv3" ON IOMMU_CONFIG_MODELS OFF)

set(IOMMU_LEFT_OUT)
foreach(
  part
  SCALABLE FIRST_STAGE RISCV_TABLES ARM_TABLES AMD_TABLES INTERRUPTS TAKE_OVER DEVICE_TLB REGISTERS REGIONS QUARANTINE
  UNLIKE_UNITS QUIRKS SUSPEND POLICY RESETS ONE_PAGE COUNTERS TRACE TABLE_TOOLS
  LOG FAULT_TEXTS REASONS NAMES ENCRYPTION
  DMA DMA_SCATTER DMA_BOUNCE DMA_LAZY DMA_DIRECT DMA_PIECES DMA_ATTRIBUTES DMA_NONCOHERENT DMA_TUNING
  IOVA_CACHES IOAS POWER RISCV SMMU MODELS MODEL_RISCV MODEL_SMMU)
  if(NOT IOMMU_CONFIG_${part})
    list(APPEND IOMMU_LEFT_OUT ${part})
  endif()
endforeach()
if(IOMMU_LEFT_OUT)
  list(JOIN IOMMU_LEFT_OUT ", " names)
  message(STATUS "Left out: ${names}")
endif()
if(IOMMU_LEFT_OUT AND (IOMMU_BUILD_TESTS OR IOMMU_BUILD_EXAMPLES))
  message(FATAL_ERROR "Tests and examples need the whole library; without ${IOMMU_LEFT_OUT}, configure with "
                      "-DIOMMU_BUILD_TESTS=OFF -DIOMMU_BUILD_EXAMPLES=OFF")
endif()
