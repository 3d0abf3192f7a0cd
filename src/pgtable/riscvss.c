/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table template for the second stage of the RISC-V IOMMU. */
#include <libiommu/config.h>

#if IOMMU_CONFIG_RISCV_TABLES
#include "pgtable/format_riscvss.h"

/* What the template defines here. */
#define pgtable_ops            iommu_riscvss_ops
#define pgtable_init           iommu_riscvss_init
#define pgtable_destroy        iommu_riscvss_destroy
#define pgtable_map            iommu_riscvss_map
#define pgtable_unmap          iommu_riscvss_unmap
#define pgtable_map_page       iommu_riscvss_map_page
#define pgtable_unmap_page     iommu_riscvss_unmap_page
#define pgtable_map_pieces     iommu_riscvss_map_pieces
#define pgtable_free_gathered  iommu_riscvss_free_gathered
#define pgtable_merge_gathered iommu_riscvss_merge_gathered
#define pgtable_iova_to_phys   iommu_riscvss_iova_to_phys
#define pgtable_walk           iommu_riscvss_walk
#define pgtable_set_coherent   iommu_riscvss_set_coherent
#define pgtable_set_pgsizes    iommu_riscvss_set_pgsizes
#define pgtable_set_aperture   iommu_riscvss_set_aperture
#define pgtable_trim           iommu_riscvss_trim
#define pgtable_extend         iommu_riscvss_extend
#define pgtable_free_top       iommu_riscvss_free_top
#define pgtable_clone          iommu_riscvss_clone
#define pgtable_read_dirty     iommu_riscvss_read_dirty
#define pgtable_split          iommu_riscvss_split

#include "pgtable/table_template.h"
#else
/* A source file must hold something. */
typedef int iommu_riscvss_is_left_out;
#endif
