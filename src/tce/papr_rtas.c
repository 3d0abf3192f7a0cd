/* SPDX-License-Identifier: BSD-2-Clause */
#include "tce/papr_rtas.h"

#include "tce/answer.h"
#include <libiommu/backend/deadline.h>

#define TIMEOUT_NS 1000000000ULL

int32_t iommu_papr_rtas_call(const struct papr_rtas *rtas, uint32_t token, unsigned int input_count,
			     const uint32_t *inputs, unsigned int output_count, uint32_t *outputs)
{
	struct iommu_deadline deadline = iommu_deadline_in(rtas->platform, TIMEOUT_NS);

	for (;;) {
		const int32_t code =
			rtas->rtas(rtas->ctx, token, input_count, inputs, output_count, outputs);

		if (iommu_rtas_answer(code) != TCE_AGAIN)
			return code;
		if (iommu_deadline_passed(&deadline))
			return PAPR_RTAS_TIMED_OUT;
	}
}
