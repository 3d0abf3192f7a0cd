/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IOMMU_IOAS_VIRTUAL_UNIT_H
#define IOMMU_IOAS_VIRTUAL_UNIT_H

#include <libiommu/ioas.h>

#include "ioas/ioas.h"

struct ioas_device;

struct iommu_virtual_unit {
	struct ioas_object object; /* first */
	struct iommu_unit *unit;
	struct iommu_hwpt *parent;
	struct iommu_list_node hwpts;         /* nested ones that were made on it */
	struct iommu_list_node devices;       /* under file->lock */
	struct ioas_event_queue *event_queue; /* likewise; NULL: none */
};

struct iommu_virtual_device {
	struct ioas_object object; /* first */
	struct iommu_list_node link;
	struct iommu_virtual_unit *unit;
	struct ioas_device *device; /* NULL: it is unbound */
	uint64_t id;
};

static inline struct iommu_virtual_unit *iommu_virtual_unit_of(struct ioas_object *object)
{
	return iommu_container_of(object, struct iommu_virtual_unit, object);
}

/*
 * May the group use what was made on a virtual unit: are all members behind the unit that it stands
 * for?
 */
bool iommu_virtual_unit_serves(const struct iommu_virtual_unit *virtual_unit,
			       struct iommu_group *group);
int iommu_virtual_unit_end(struct ioas_object *object);
int iommu_virtual_device_end(struct ioas_object *object);
/*
 * Its device is unbound: it stands for none from now on, and keeps its id until its owner destroys
 * it.
 */
void iommu_virtual_device_leave(struct iommu_virtual_device *virtual_device);

#endif
