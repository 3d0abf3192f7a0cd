/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What devices keep in their TLBs (ATS). One that may keep what it was not told to forget is
 * *unknown*: no entry lets the device use it before it was emptied.
 */
#include <libiommu/status.h>

#include "driver/endpoint.h"

#if IOMMU_CONFIG_DEVICE_TLB

static const struct iommu_driver_endpoint_ops *ops_of(const struct iommu_driven_endpoint *endpoint)
{
	return iommu_driver_of(endpoint->unit)->endpoints;
}

void iommu_driven_tlb_suspect(struct iommu_driven_endpoint *endpoint)
{
	if (!endpoint->device_tlb)
		return;
	endpoint->tlb.unknown = true;
	/* Hardware has not confirmed what came before this, nor does it confirm this. */
	(void)ops_of(endpoint)->store_tlb(endpoint);
}

int iommu_driven_tlb_empty(struct iommu_driven_endpoint *endpoint)
{
	int status = 0;

	if (!endpoint->device_tlb || !endpoint->tlb.unknown || !iommu_driven_is_active(endpoint) ||
	    endpoint->in_reset)
		return 0;
	if (!endpoint->tlb.off)
		status = ops_of(endpoint)->empty_tlb(endpoint);
	if (status != 0)
		return status;
	endpoint->tlb.unknown = false;
	if (ops_of(endpoint)->tlb_is_empty != NULL)
		ops_of(endpoint)->tlb_is_empty(endpoint);
	return 0;
}

static int update(struct iommu_driven_endpoint *endpoint)
{
	return ops_of(endpoint)->store_tlb(endpoint) ? ops_of(endpoint)->tell_entry(endpoint) : 0;
}

int iommu_driven_tlb_recover(struct iommu_driven_endpoint *endpoint)
{
	int status;

	if (!endpoint->tlb.unknown || !iommu_driven_is_active(endpoint) || endpoint->in_reset)
		return 0;
	status = iommu_driven_tlb_empty(endpoint);
	/* It is empty, whether hardware has heard of that or not. */
	return status == 0 ? update(endpoint) : status;
}

int iommu_driven_tlb_confirm(struct iommu_driven_endpoint *endpoint)
{
	if (endpoint->in_reset || iommu_device_tlb_is_lost(&endpoint->tlb))
		return 0;
	if (endpoint->tlb.unknown)
		return iommu_driven_tlb_recover(endpoint);
	return ops_of(endpoint)->keeps(endpoint) ? ops_of(endpoint)->empty_tlb(endpoint) : 0;
}

/* --- On and off ------------------------------------------------------------------------------- */

static int tell_switch(struct iommu_device_tlb *device)
{
	return update(iommu_container_of(device, struct iommu_driven_endpoint, tlb));
}

int iommu_driven_tlb_switch(struct iommu_driven_endpoint *endpoint, bool on)
{
	return endpoint->device_tlb ? iommu_device_tlb_switch(&endpoint->tlb, on, tell_switch) : 0;
}

/* --- Steps of bring-up ------------------------------------------------------------------------ */

int iommu_driven_tlbs_hold(struct iommu_driven_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;

	while ((endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		iommu_driven_tlb_suspect(iommu_driven_endpoint_of(endpoint));
	return 0;
}

int iommu_driven_tlbs_release(struct iommu_driven_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	while (status == 0 && (endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL) {
		struct iommu_driven_endpoint *own = iommu_driven_endpoint_of(endpoint);

		status = iommu_driven_tlb_recover(own);
		/* One that does not answer is blocked, which is all that can be done about it. */
		if (iommu_device_tlb_is_lost(&own->tlb))
			status = 0;
	}
	return status;
}

#endif
