/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaching endpoints to domains, without a PASID and with each PASID: who may use which. When uses
 * begin and end is in unit/attach.c; what an entry says of a domain is the family's.
 */
#include "unit/attach.h"

#include <libiommu/status.h>

#include "driver/endpoint.h"

/* May this endpoint use a domain at all? */
static int check(const struct iommu_driven_endpoint *endpoint)
{
	return iommu_device_tlb_is_lost(&endpoint->tlb)
		       ? IOMMU_REFUSE_ENDPOINT(
				 endpoint, IOMMU_EIO,
				 "its TLB did not answer: it is blocked until it is reset")
		       : 0;
}

static int attach_ended(const struct iommu_driven_endpoint *endpoint, int status)
{
	return status == IOMMU_ENOSPC
		       ? IOMMU_REFUSE_ENDPOINT(endpoint, IOMMU_ENOSPC, "its unit has no free id")
		       : status;
}

/* Invalidations that had found it before wait for it: not while it is being reset. */
static void leave_alone(const struct iommu_driven_endpoint *endpoint)
{
	if (endpoint->in_reset)
		iommu_device_tlb_drain(&endpoint->tlb, endpoint->unit->platform);
}

/* There may have been nothing to take away, and something that is not confirmed. */
static int detach_ended(const struct iommu_driven_endpoint *endpoint, int status)
{
	leave_alone(endpoint);
	return status != 0 ? status : iommu_driven_confirm(endpoint->unit);
}

#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
bool iommu_driven_is_special(struct iommu_attached *attached, const struct iommu_placed *domain,
			     uint32_t pasid)
{
	(void)domain;
	(void)pasid;
	return iommu_container_of(attached, struct iommu_driven_endpoint, attached)->device_tlb;
}
#endif

/* --- Requests without a PASID ----------------------------------------------------------------- */

int iommu_driver_attach(struct iommu_domain *base, struct iommu_endpoint *base_endpoint)
{
	struct iommu_driven_endpoint *endpoint = iommu_driven_endpoint_of(base_endpoint);
	int status = check(endpoint);

	if (status == 0)
		status = iommu_attached_set(&endpoint->attached, iommu_placed_of(base));
	return attach_ended(endpoint, status);
}

int iommu_driver_detach(struct iommu_domain *base, struct iommu_endpoint *base_endpoint)
{
	struct iommu_driven_endpoint *endpoint = iommu_driven_endpoint_of(base_endpoint);

	(void)base;
	return detach_ended(endpoint, iommu_attached_clear(&endpoint->attached, false));
}

int iommu_driver_blocked_attach(struct iommu_domain *base, struct iommu_endpoint *base_endpoint)
{
	struct iommu_driven_endpoint *endpoint = iommu_driven_endpoint_of(base_endpoint);
	int status;

	(void)base;
	/* What is open from before comes first: once the endpoint is blocked nothing may fail. */
	status = iommu_driven_confirm(endpoint->unit);
	if (status != 0 || base_endpoint->domain == NULL)
		return status;
	status = iommu_attached_clear(&endpoint->attached, true);
	leave_alone(endpoint);
	return status;
}

/* --- Requests with a PASID -------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

bool iommu_driver_has_pasid(const struct iommu_endpoint *endpoint, uint32_t pasid)
{
	return iommu_attached_has_pasid(&iommu_driven_endpoint_of(endpoint)->attached, pasid);
}

int iommu_driver_attach_pasid(struct iommu_domain *base, struct iommu_endpoint *base_endpoint,
			      uint32_t pasid, struct iommu_domain *before)
{
	struct iommu_driven_endpoint *endpoint = iommu_driven_endpoint_of(base_endpoint);
	const unsigned int bits = iommu_driver_of(endpoint->unit)->endpoints->pasid_bits(endpoint);
	int status = check(endpoint);

	(void)before; /* the use tells */
	if (status != 0)
		return status;
	if (bits == 0)
		return IOMMU_REFUSE_ENDPOINT(endpoint, IOMMU_EOPNOTSUPP,
					     "its PASIDs are not enabled");
	if (pasid >> bits != 0)
		return IOMMU_REFUSE_ENDPOINT(endpoint, IOMMU_EINVAL, "its unit has no such PASID");
	status = iommu_attached_set_pasid(&endpoint->attached, iommu_placed_of(base), pasid);
	return attach_ended(endpoint, status);
}

int iommu_driver_detach_pasid(struct iommu_domain *base, struct iommu_endpoint *base_endpoint,
			      uint32_t pasid)
{
	struct iommu_driven_endpoint *endpoint = iommu_driven_endpoint_of(base_endpoint);

	(void)base;
	return detach_ended(endpoint, iommu_attached_clear_pasid(&endpoint->attached, pasid));
}

#endif
