/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table template for the second stage of Arm, of SMMUs and of processors. */
#include <libiommu/config.h>

#if IOMMU_CONFIG_ARM_TABLES
#include "pgtable/format_vmsas2.h"

/* What the template defines here. */
#define pgtable_ops            iommu_vmsas2_ops
#define pgtable_init           iommu_vmsas2_init
#define pgtable_destroy        iommu_vmsas2_destroy
#define pgtable_map            iommu_vmsas2_map
#define pgtable_unmap          iommu_vmsas2_unmap
#define pgtable_map_page       iommu_vmsas2_map_page
#define pgtable_unmap_page     iommu_vmsas2_unmap_page
#define pgtable_map_pieces     iommu_vmsas2_map_pieces
#define pgtable_free_gathered  iommu_vmsas2_free_gathered
#define pgtable_merge_gathered iommu_vmsas2_merge_gathered
#define pgtable_iova_to_phys   iommu_vmsas2_iova_to_phys
#define pgtable_walk           iommu_vmsas2_walk
#define pgtable_set_coherent   iommu_vmsas2_set_coherent
#define pgtable_set_pgsizes    iommu_vmsas2_set_pgsizes
#define pgtable_set_aperture   iommu_vmsas2_set_aperture
#define pgtable_trim           iommu_vmsas2_trim
#define pgtable_extend         iommu_vmsas2_extend
#define pgtable_free_top       iommu_vmsas2_free_top
#define pgtable_clone          iommu_vmsas2_clone
#define pgtable_read_dirty     iommu_vmsas2_read_dirty
#define pgtable_split          iommu_vmsas2_split

#include "pgtable/table_template.h"
#else
/* A source file must hold something. */
typedef int iommu_vmsas2_is_left_out;
#endif
