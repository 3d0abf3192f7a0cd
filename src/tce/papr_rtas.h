/* SPDX-License-Identifier: BSD-2-Clause */
/* Services of a hypervisor's firmware (RTAS), called again while it is busy. */
#ifndef IOMMU_TCE_PAPR_RTAS_H
#define IOMMU_TCE_PAPR_RTAS_H

#include <libiommu/platform.h>

struct papr_rtas {
	const struct iommu_platform *platform;
	int32_t (*rtas)(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
			unsigned int output_count, uint32_t *outputs);
	void *ctx;
};

/* The service's status; PAPR_RTAS_TIMED_OUT: it is still busy after a second. */
#define PAPR_RTAS_TIMED_OUT INT32_MIN
int32_t iommu_papr_rtas_call(const struct papr_rtas *rtas, uint32_t token, unsigned int input_count,
			     const uint32_t *inputs, unsigned int output_count, uint32_t *outputs);

#endif
