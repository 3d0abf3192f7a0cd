/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IOMMU_IOAS_EVENT_QUEUE_H
#define IOMMU_IOAS_EVENT_QUEUE_H

#include <libiommu/ioas.h>

#include "ioas/ioas.h"

struct ioas_device;

struct ioas_event_queue {
	struct ioas_object object; /* first */
	struct iommu_virtual_unit *unit;
	iommu_event_notifier notifier;
	void *notifier_ctx;
	/* Under file->lock: a ring. */
	struct iommu_event_record *events;
	unsigned int first, count, capacity, order;
	uint32_t sequence; /* of the next one */
	uint64_t lost;
	bool gap; /* what comes next comes behind a loss */
};

static inline struct ioas_event_queue *iommu_event_queue_of(struct ioas_object *object)
{
	return iommu_container_of(object, struct ioas_event_queue, object);
}

int iommu_event_queue_end(struct ioas_object *object);
/*
 * The faults of a device go to the queue of the unit that it has a number on; or back to the host.
 * Control path.
 */
void iommu_device_events_on(struct ioas_device *device);
void iommu_device_events_off(struct ioas_device *device);

#endif
