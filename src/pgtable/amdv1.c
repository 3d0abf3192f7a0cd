/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table template for host tables of the AMD IOMMU. */
#include <libiommu/config.h>

#if IOMMU_CONFIG_AMD_TABLES
#include "pgtable/format_amdv1.h"

/* What the template defines here. */
#define pgtable_ops            iommu_amdv1_ops
#define pgtable_init           iommu_amdv1_init
#define pgtable_destroy        iommu_amdv1_destroy
#define pgtable_map            iommu_amdv1_map
#define pgtable_unmap          iommu_amdv1_unmap
#define pgtable_map_page       iommu_amdv1_map_page
#define pgtable_unmap_page     iommu_amdv1_unmap_page
#define pgtable_map_pieces     iommu_amdv1_map_pieces
#define pgtable_free_gathered  iommu_amdv1_free_gathered
#define pgtable_merge_gathered iommu_amdv1_merge_gathered
#define pgtable_iova_to_phys   iommu_amdv1_iova_to_phys
#define pgtable_walk           iommu_amdv1_walk
#define pgtable_set_coherent   iommu_amdv1_set_coherent
#define pgtable_set_pgsizes    iommu_amdv1_set_pgsizes
#define pgtable_set_aperture   iommu_amdv1_set_aperture
#define pgtable_trim           iommu_amdv1_trim
#define pgtable_extend         iommu_amdv1_extend
#define pgtable_free_top       iommu_amdv1_free_top
#define pgtable_clone          iommu_amdv1_clone
#define pgtable_read_dirty     iommu_amdv1_read_dirty
#define pgtable_split          iommu_amdv1_split

#include "pgtable/table_template.h"
#else
/* A source file must hold something. */
typedef int iommu_amdv1_is_left_out;
#endif
