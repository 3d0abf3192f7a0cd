/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table template for POWER's translation control entries. */
#include "pgtable/format_tce.h"

/* What the template defines here. */
#define pgtable_ops            iommu_tce_ops
#define pgtable_init           iommu_tce_init
#define pgtable_destroy        iommu_tce_destroy
#define pgtable_map            iommu_tce_map
#define pgtable_unmap          iommu_tce_unmap
#define pgtable_map_page       iommu_tce_map_page
#define pgtable_unmap_page     iommu_tce_unmap_page
#define pgtable_map_pieces     iommu_tce_map_pieces
#define pgtable_free_gathered  iommu_tce_free_gathered
#define pgtable_merge_gathered iommu_tce_merge_gathered
#define pgtable_iova_to_phys   iommu_tce_iova_to_phys
#define pgtable_walk           iommu_tce_walk
#define pgtable_set_coherent   iommu_tce_set_coherent
#define pgtable_set_pgsizes    iommu_tce_set_pgsizes
#define pgtable_set_aperture   iommu_tce_set_aperture
#define pgtable_trim           iommu_tce_trim
#define pgtable_extend         iommu_tce_extend
#define pgtable_free_top       iommu_tce_free_top
#define pgtable_clone          iommu_tce_clone

#include "pgtable/table_template.h"
