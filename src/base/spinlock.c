/* SPDX-License-Identifier: BSD-2-Clause */
/* The one copy of a spinlock's functions where size counts. */
#define IOMMU_SPINLOCK_BODY
#include "base/spinlock.h"
