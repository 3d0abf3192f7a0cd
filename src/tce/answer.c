/* SPDX-License-Identifier: BSD-2-Clause */
#include "tce/answer.h"

#include <libiommu/status.h>

#include "tce/papr_rtas.h"

/* Busy for 1 ms, 10 ms … 100 s. */
#define LONG_BUSY_FIRST 9900
#define LONG_BUSY_LAST  9905

static bool is_long_busy(int64_t code)
{
	return code >= LONG_BUSY_FIRST && code <= LONG_BUSY_LAST;
}

/* OPAL API, "Return codes". */
int iommu_opal_answer(int64_t code)
{
	switch (code) {
	case 0:
		return 0;
	case -2:  /* busy */
	case -12: /* busy with an event */
		return TCE_AGAIN;
	case -1: /* parameter */
		return IOMMU_EINVAL;
	case -6:  /* hardware */
	case -14: /* wrong state */
	default:
		return IOMMU_EIO;
	}
}

/* Linux on Power Architecture Reference, "Hypervisor Call Return Codes". */
int iommu_papr_answer(int64_t code)
{
	switch (code) {
	case 0:
		return 0;
	case 1: /* busy */
		return TCE_AGAIN;
	case -2: /* no such function */
		return IOMMU_EOPNOTSUPP;
	case -4: /* parameter */
		return IOMMU_EINVAL;
	case -11: /* permission */
		return IOMMU_EPERM;
	case -44: /* not enough resources */
		return IOMMU_EAGAIN;
	case -1: /* hardware */
	default:
		return is_long_busy(code) ? TCE_AGAIN : IOMMU_EIO;
	}
}

/* The same, "RTAS Status Word Values". */
int iommu_rtas_answer(int32_t code)
{
	switch (code) {
	case 0:
		return 0;
	case -2: /* busy */
		return TCE_AGAIN;
	case -3: /* parameter */
		return IOMMU_EINVAL;
	case PAPR_RTAS_TIMED_OUT:
		return IOMMU_ETIMEDOUT;
	case -1: /* hardware */
	default:
		return is_long_busy(code) ? TCE_AGAIN : IOMMU_EIO;
	}
}
