/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests of driven units: the queue that hardware fills, and the answers. What a record says
 * is the family's; it comes from devices and is not trusted.
 */
#ifndef IOMMU_DRIVER_PAGE_REQUEST_H
#define IOMMU_DRIVER_PAGE_REQUEST_H

#include <libiommu/fault.h>

#include "driver/driver.h"

#if IOMMU_CONFIG_SCALABLE

/* What a family supplies. Any context. */
struct iommu_driver_requests {
	/* The queue (unit->requests); the context is the unit (struct iommu_driven_unit). */
	struct iommu_request_log_ops log;
	/* The command by which a device with this id is answered. */
	struct iommu_command (*answer)(uint32_t device_id,
				       const struct iommu_page_response *response);
};

/*
 * A record of the family's queue. `is_served`: a domain of ours can serve it; none serves
 * privileged requests, or ones to execute.
 */
void iommu_driven_take_request(struct iommu_driven_unit *unit, uint32_t device_id, bool is_served,
			       const struct iommu_page_request *request);

/* For struct iommu_ops. */
int iommu_driver_page_response(struct iommu_endpoint *endpoint,
			       const struct iommu_page_response *response);
int iommu_driver_handle_requests(struct iommu_unit *base, bool *lost);

/*
 * Have what the unit holds of devices' requests reported: after 0 none comes of what was closed
 * before. The unit is undrained until it has confirmed. Control path.
 */
int iommu_driven_requests_drain(struct iommu_driven_unit *unit);

#else

static inline int iommu_driven_requests_drain(struct iommu_driven_unit *unit)
{
	(void)unit;
	return 0;
}

#endif

#endif
