/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table template for x86-64 processors, whose tables VT-d's first stage has, too. */
#include <libiommu/config.h>

#if IOMMU_CONFIG_FIRST_STAGE
#include "pgtable/format_x86_64.h"

/* What the template defines here. */
#define pgtable_ops            iommu_x86_64_table_ops
#define pgtable_init           iommu_x86_64_table_init
#define pgtable_destroy        iommu_x86_64_table_destroy
#define pgtable_map            iommu_x86_64_table_map
#define pgtable_unmap          iommu_x86_64_table_unmap
#define pgtable_map_page       iommu_x86_64_table_map_page
#define pgtable_unmap_page     iommu_x86_64_table_unmap_page
#define pgtable_map_pieces     iommu_x86_64_table_map_pieces
#define pgtable_free_gathered  iommu_x86_64_table_free_gathered
#define pgtable_merge_gathered iommu_x86_64_table_merge_gathered
#define pgtable_iova_to_phys   iommu_x86_64_table_iova_to_phys
#define pgtable_walk           iommu_x86_64_table_walk
#define pgtable_set_coherent   iommu_x86_64_table_set_coherent
#define pgtable_set_pgsizes    iommu_x86_64_table_set_pgsizes
#define pgtable_set_aperture   iommu_x86_64_table_set_aperture
#define pgtable_trim           iommu_x86_64_table_trim
#define pgtable_extend         iommu_x86_64_table_extend
#define pgtable_free_top       iommu_x86_64_table_free_top
#define pgtable_clone          iommu_x86_64_table_clone
#define pgtable_read_dirty     iommu_x86_64_table_read_dirty
#define pgtable_split          iommu_x86_64_table_split

#include "pgtable/table_template.h"
#else
/* A source file must hold something. */
typedef int iommu_x86_64_is_left_out;
#endif
