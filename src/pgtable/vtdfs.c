/* SPDX-License-Identifier: BSD-2-Clause */
/* The first-stage instance of the page-table template: iommu_vtdfs_map and its siblings. */
#include <libiommu/config.h>

#if IOMMU_CONFIG_FIRST_STAGE
#include "pgtable/format_vtdfs.h"
#include "pgtable/table_template.h"
#else
/* A source file must hold something. */
typedef int iommu_vtdfs_is_left_out;
#endif
