/* SPDX-License-Identifier: BSD-2-Clause */
/* The first-stage instance of the page-table template: iommu_vtdfs_map and its siblings. */
#include "pgtable/format_vtdfs.h"
#include "pgtable/table_template.h"
