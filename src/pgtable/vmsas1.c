/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table template for the first stage of Arm, of SMMUs and of processors. */
#include <libiommu/config.h>

#if IOMMU_CONFIG_ARM_TABLES
#include "pgtable/format_vmsas1.h"

/* What the template defines here. */
#define pgtable_ops            iommu_vmsas1_ops
#define pgtable_init           iommu_vmsas1_init
#define pgtable_destroy        iommu_vmsas1_destroy
#define pgtable_map            iommu_vmsas1_map
#define pgtable_unmap          iommu_vmsas1_unmap
#define pgtable_map_page       iommu_vmsas1_map_page
#define pgtable_unmap_page     iommu_vmsas1_unmap_page
#define pgtable_map_pieces     iommu_vmsas1_map_pieces
#define pgtable_free_gathered  iommu_vmsas1_free_gathered
#define pgtable_merge_gathered iommu_vmsas1_merge_gathered
#define pgtable_iova_to_phys   iommu_vmsas1_iova_to_phys
#define pgtable_walk           iommu_vmsas1_walk
#define pgtable_set_coherent   iommu_vmsas1_set_coherent
#define pgtable_set_pgsizes    iommu_vmsas1_set_pgsizes
#define pgtable_set_aperture   iommu_vmsas1_set_aperture
#define pgtable_trim           iommu_vmsas1_trim
#define pgtable_extend         iommu_vmsas1_extend
#define pgtable_free_top       iommu_vmsas1_free_top
#define pgtable_clone          iommu_vmsas1_clone
#define pgtable_read_dirty     iommu_vmsas1_read_dirty
#define pgtable_split          iommu_vmsas1_split

#include "pgtable/table_template.h"
#else
/* A source file must hold something. */
typedef int iommu_vmsas1_is_left_out;
#endif
