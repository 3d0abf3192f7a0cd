/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table template for VT-d's second stage. */
#include "pgtable/format_vtdss.h"

/* What the template defines here. */
#define pgtable_ops            iommu_vtdss_ops
#define pgtable_init           iommu_vtdss_init
#define pgtable_destroy        iommu_vtdss_destroy
#define pgtable_map            iommu_vtdss_map
#define pgtable_unmap          iommu_vtdss_unmap
#define pgtable_map_page       iommu_vtdss_map_page
#define pgtable_unmap_page     iommu_vtdss_unmap_page
#define pgtable_map_pieces     iommu_vtdss_map_pieces
#define pgtable_free_gathered  iommu_vtdss_free_gathered
#define pgtable_merge_gathered iommu_vtdss_merge_gathered
#define pgtable_iova_to_phys   iommu_vtdss_iova_to_phys
#define pgtable_walk           iommu_vtdss_walk
#define pgtable_set_coherent   iommu_vtdss_set_coherent
#define pgtable_set_pgsizes    iommu_vtdss_set_pgsizes
#define pgtable_set_aperture   iommu_vtdss_set_aperture
#define pgtable_trim           iommu_vtdss_trim
#define pgtable_extend         iommu_vtdss_extend
#define pgtable_free_top       iommu_vtdss_free_top
#define pgtable_clone          iommu_vtdss_clone
#define pgtable_read_dirty     iommu_vtdss_read_dirty
#define pgtable_split          iommu_vtdss_split

#include "pgtable/table_template.h"
