/* SPDX-License-Identifier: BSD-2-Clause */
/* How the requests of an endpoint are translated: its device context, and those of its PASIDs. */
#ifndef IOMMU_RISCV_CONTEXT_H
#define IOMMU_RISCV_CONTEXT_H

#include <libiommu/hw/riscv_device_directory.h>

#include "driver/endpoint.h"

struct riscv_endpoint;

/* The words of a device context that say how requests are translated. */
struct riscv_translation {
	uint64_t words[RISCV_CONTEXT_WORDS];
	/* It has a second stage: a process directory of ours cannot have one below it. */
	bool second_stage;
};

/*
 * Have the requests of an endpoint with a PASID, or with none (0), translated so, or not at all
 * (NULL). On failure it is as before, except that what was to be blocked stays blocked.
 */
int iommu_riscv_translation_set(struct riscv_endpoint *endpoint, uint32_t pasid,
				const struct riscv_translation *translation);
/*
 * What was taken away, without confirmation, is said again: hardware may not have forgotten it
 * anyway. A TLB of the device is not used before it was emptied.
 */
void iommu_riscv_translation_put_back(struct riscv_endpoint *endpoint, uint32_t pasid,
				      const struct riscv_translation *translation);
/* Take a device that did not answer off the directory, in any context; hardware is not told yet. */
void iommu_riscv_context_block(struct riscv_endpoint *endpoint);
/* See struct iommu_driver_endpoint_ops. */
int iommu_riscv_context_close(struct iommu_driven_endpoint *endpoint);
#if IOMMU_CONFIG_DEVICE_TLB
int iommu_riscv_context_tell(struct iommu_driven_endpoint *endpoint);
bool iommu_riscv_tlb_store(struct iommu_driven_endpoint *endpoint);
bool iommu_riscv_tlb_keeps(const struct iommu_driven_endpoint *endpoint);
int iommu_riscv_tlb_empty(struct iommu_driven_endpoint *endpoint);
#endif
/* Have the context say whether page requests are enabled. On failure it is as before. */
int iommu_riscv_page_requests_set(struct riscv_endpoint *endpoint, bool enable);

/* --- For process.c ---------------------------------------------------------------------------- */

static inline bool riscv_context_is_valid(const uint64_t *words)
{
	return (words[RISCV_CONTEXT_TC] & RISCV_TC_VALID) != 0;
}

/* The context as it is. All ids of an endpoint have the same: that of the first. */
void iommu_riscv_context_load(const struct riscv_endpoint *endpoint, uint64_t *words);
/*
 * Change the context, or block it (NULL). On failure it is as before, except that what was to be
 * blocked stays blocked, and so does a device that did not answer.
 */
int iommu_riscv_context_write(struct riscv_endpoint *endpoint, const uint64_t *wanted);
/* Have it so, where it is not valid, and say what the TLB may do; hardware is not told. */
void iommu_riscv_context_put(struct riscv_endpoint *endpoint, uint64_t *words);

#endif
