/* SPDX-License-Identifier: BSD-2-Clause */
/* The POWER instance of the page-table template: iommu_tce_map and its siblings. */
#include "pgtable/format_tce.h"
#include "pgtable/table_template.h"
