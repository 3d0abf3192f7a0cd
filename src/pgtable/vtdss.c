/* SPDX-License-Identifier: BSD-2-Clause */
/* The VT-d second-stage instance of the page-table template: iommu_vtdss_map and its siblings. */
#include "pgtable/format_vtdss.h"
#include "pgtable/table_template.h"
