/* SPDX-License-Identifier: BSD-2-Clause */
/* How the requests of an endpoint with PASIDs are translated: its process contexts. */
#ifndef IOMMU_RISCV_PROCESS_H
#define IOMMU_RISCV_PROCESS_H

#include "riscv/context.h"

/*
 * Have PASIDs, or none: what the endpoint's requests without one are under stays. `translation`: as
 * that is now, or NULL: blocked. On failure it is as before.
 */
int iommu_riscv_pasids_enable(struct riscv_endpoint *endpoint,
			      const struct riscv_translation *translation);
int iommu_riscv_pasids_disable(struct riscv_endpoint *endpoint,
			       const struct riscv_translation *translation);
/* As iommu_riscv_translation_set and …_put_back, while they are enabled. */
int iommu_riscv_process_set(struct riscv_endpoint *endpoint, uint32_t pasid,
			    const struct riscv_translation *translation);
void iommu_riscv_process_put_back(struct riscv_endpoint *endpoint, uint32_t pasid,
				  const struct riscv_translation *translation);
/* Have the device forget what it has of PASIDs, one by one; some may be left in the batch. */
int iommu_riscv_processes_forget(struct riscv_endpoint *endpoint, struct iommu_batch *batch);

#endif
