/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table template for the first stage of RISC-V, of IOMMUs and of processors. */
#include <libiommu/config.h>

#if IOMMU_CONFIG_RISCV_TABLES
#include "pgtable/format_riscvfs.h"

/* What the template defines here. */
#define pgtable_ops            iommu_riscvfs_ops
#define pgtable_init           iommu_riscvfs_init
#define pgtable_destroy        iommu_riscvfs_destroy
#define pgtable_map            iommu_riscvfs_map
#define pgtable_unmap          iommu_riscvfs_unmap
#define pgtable_map_page       iommu_riscvfs_map_page
#define pgtable_unmap_page     iommu_riscvfs_unmap_page
#define pgtable_map_pieces     iommu_riscvfs_map_pieces
#define pgtable_free_gathered  iommu_riscvfs_free_gathered
#define pgtable_merge_gathered iommu_riscvfs_merge_gathered
#define pgtable_iova_to_phys   iommu_riscvfs_iova_to_phys
#define pgtable_walk           iommu_riscvfs_walk
#define pgtable_set_coherent   iommu_riscvfs_set_coherent
#define pgtable_set_pgsizes    iommu_riscvfs_set_pgsizes
#define pgtable_set_aperture   iommu_riscvfs_set_aperture
#define pgtable_trim           iommu_riscvfs_trim
#define pgtable_extend         iommu_riscvfs_extend
#define pgtable_free_top       iommu_riscvfs_free_top
#define pgtable_clone          iommu_riscvfs_clone
#define pgtable_read_dirty     iommu_riscvfs_read_dirty
#define pgtable_split          iommu_riscvfs_split

#include "pgtable/table_template.h"
#else
/* A source file must hold something. */
typedef int iommu_riscvfs_is_left_out;
#endif
