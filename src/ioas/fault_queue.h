/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IOMMU_IOAS_FAULT_QUEUE_H
#define IOMMU_IOAS_FAULT_QUEUE_H

#include <libiommu/ioas.h>

#include "ioas/ioas.h"

struct ioas_device;
struct fault_entry;

struct ioas_fault_queue {
	struct ioas_object object; /* first */
	iommu_fault_notifier notifier;
	void *notifier_ctx;
	/* Under file->lock: requests in order of arrival, those that were read among them. */
	struct fault_entry *entries;
	unsigned int count, capacity;
	uint32_t next_cookie;
};

static inline struct ioas_fault_queue *iommu_fault_queue_of(struct ioas_object *object)
{
	return iommu_container_of(object, struct ioas_fault_queue, object);
}

int iommu_fault_queue_end(struct ioas_object *object);
/*
 * A device whose requests go to a queue: they are enabled with the first reason for it, disabled
 * with the last.
 */
int iommu_device_faults_on(struct ioas_device *device);
void iommu_device_faults_off(struct ioas_device *device);
/* Answer what a device has asked for under a PASID, for it is detached. */
void iommu_fault_queue_drop(struct ioas_fault_queue *queue, struct ioas_device *device,
			    uint32_t pasid);

#endif
