/* SPDX-License-Identifier: BSD-2-Clause */
#include "tce/papr_rtas.h"

#include <libiommu/backend/deadline.h>

#define TIMEOUT_NS      1000000000ULL
#define RTAS_BUSY       (-2)
#define RTAS_LONG_FIRST 9900
#define RTAS_LONG_LAST  9905

static bool is_busy(int32_t code)
{
	return code == RTAS_BUSY || (code >= RTAS_LONG_FIRST && code <= RTAS_LONG_LAST);
}

int32_t iommu_papr_rtas_call(const struct papr_rtas *rtas, uint32_t token, unsigned int input_count,
			     const uint32_t *inputs, unsigned int output_count, uint32_t *outputs)
{
	struct iommu_deadline deadline = iommu_deadline_in(rtas->platform, TIMEOUT_NS);

	for (;;) {
		const int32_t code =
			rtas->rtas(rtas->ctx, token, input_count, inputs, output_count, outputs);

		if (!is_busy(code))
			return code;
		if (iommu_deadline_passed(&deadline))
			return PAPR_RTAS_TIMED_OUT;
	}
}
