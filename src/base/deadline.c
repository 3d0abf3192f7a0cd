/* SPDX-License-Identifier: BSD-2-Clause */
/* The one copy of a deadline's functions where size counts. */
#define IOMMU_DEADLINE_BODY
#include "base/deadline.h"
