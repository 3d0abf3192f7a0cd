/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IOMMU_TCE_PE_NAME_H
#define IOMMU_TCE_PE_NAME_H

#include <libiommu/backend/ops.h>

/*
 * Its group gets the name by which users of these machines know it, domain<segment>-pe<hex>, if it
 * has none.
 */
void iommu_tce_name_group(struct iommu_endpoint *endpoint, uint32_t pe);

#endif
