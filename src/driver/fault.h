/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of driven units: one CPU at a time reads the queue, with no lock held. */
#ifndef IOMMU_DRIVER_FAULT_H
#define IOMMU_DRIVER_FAULT_H

#include <libiommu/fault.h>

#include "driver/driver.h"

/* One call of struct iommu_ops.handle_faults. */
struct iommu_driven_sweep {
	struct iommu_driven_unit *unit;
	bool lost;
	unsigned int reported;
};

/* May one more fault be reported? Otherwise it is lost: no device keeps a CPU busy with reports. */
bool iommu_driven_may_report(struct iommu_driven_sweep *sweep);
/* Report one of the device with fault->device_id; what is the unit's is filled in here. */
void iommu_driven_report(struct iommu_driven_sweep *sweep, struct iommu_fault *fault);
/* Look at the queue of faults (iommu_event_rounds), with a sweep as the context of a look. */
int iommu_driven_handle_faults(struct iommu_driven_unit *unit,
			       int (*look)(void *ctx, unsigned int round), bool *lost);

#endif
