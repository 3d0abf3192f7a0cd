/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints: probe, release, resets and features, ids, and whether a device may have a TLB. */
#include "driver/endpoint.h"

#include <libiommu/status.h>

#include "base/object_cache.h"

static const struct iommu_driver_endpoint_ops *ops_of(const struct iommu_driven_endpoint *endpoint)
{
	return iommu_driver_of(endpoint->unit)->endpoints;
}

/* --- Ids -------------------------------------------------------------------------------------- */

bool iommu_driver_sends(const struct iommu_endpoint *endpoint, uint32_t device_id)
{
	const struct iommu_driven_endpoint *own = iommu_driven_endpoint_of(endpoint);

	return own != NULL && iommu_device_ids_has(&own->ids, device_id);
}

/* Does another endpoint of the unit send with this id? Hardware could not keep the two apart. */
static bool is_anothers(void *unit, uint32_t id)
{
	struct iommu_endpoint *other = NULL;

	while ((other = iommu_unit_next_id(unit, other)) != NULL)
		if (iommu_driver_sends(other, id))
			return true;
	return false;
}

static int check_ids(const struct iommu_driven_endpoint *own)
{
	struct iommu_driven_unit *unit = own->unit;

	switch (iommu_device_ids_check(&own->ids, &unit->map, is_anothers, &unit->base)) {
	case IOMMU_DEVICE_IDS_FIT:
		return 0;
	case IOMMU_DEVICE_IDS_ARE_NONE:
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EINVAL, "the device's fwspec has no id");
	case IOMMU_DEVICE_IDS_ARE_WIDE:
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EINVAL,
					   "the device's id is wider than those of the unit");
	case IOMMU_DEVICE_IDS_ARE_ANOTHERS:
	default:
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EINVAL,
					   "the device's id is another device's, too");
	}
}

/* --- Life ------------------------------------------------------------------------------------- */

/* May the device keep translations? */
static bool tlb_is_allowed(const struct iommu_driven_endpoint *own,
			   const struct iommu_endpoint_info *info)
{
	return IOMMU_CONFIG_DEVICE_TLB && info->device_tlb && !info->tlb_unaligned &&
	       info->fwspec == NULL && own->ids.count == 1 && ops_of(own)->allows_tlb(own->unit);
}

int iommu_driver_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct iommu_driven_unit *unit = iommu_driven_of(base);
	struct iommu_driver_shared *shared = unit->shared;
	struct iommu_driven_endpoint *own;
	int status;

	iommu_release_confirmed(&shared->set);
	own = iommu_object_alloc(&shared->endpoint_cache, 0);
	if (own == NULL)
		return IOMMU_ENOMEM;
	own->base = endpoint;
	own->unit = unit;
	iommu_device_ids_find(&own->ids, &unit->map, &endpoint->info);
	own->tlb.source_id = endpoint->info.source_id;
	own->device_tlb = tlb_is_allowed(own, &endpoint->info);
	iommu_attached_init(&own->attached, ops_of(own)->attach, unit, &shared->use_cache);
	status = check_ids(own);
	if (status == 0)
		status = ops_of(own)->create(own);
	if (status != 0) {
		iommu_object_free(&shared->endpoint_cache, own);
		return status;
	}
	endpoint->unit_data = own;
	endpoint->uses_device_tlb = own->device_tlb;
	return 0;
}

void iommu_driver_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct iommu_driven_endpoint *own = iommu_driven_endpoint_of(endpoint);

	(void)base;
	/* It is detached and on no list; an invalidation that had found it before ends in time. */
	iommu_device_tlb_drain(&own->tlb, own->unit->platform);
	endpoint->unit_data = NULL;
	ops_of(own)->free(own);
	iommu_object_free(&own->unit->shared->endpoint_cache, own);
}

#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB

/*
 * The entry goes before the domains do: from then on what the device has translated does not pass,
 * so that a later unmap need not ask the device, which is in no domain.
 */
int iommu_driver_begin_reset(struct iommu_endpoint *endpoint)
{
	struct iommu_driven_endpoint *own = iommu_driven_endpoint_of(endpoint);

	own->in_reset = true;
	return own->device_tlb ? ops_of(own)->close(own) : 0;
}

void iommu_driver_cancel_reset(struct iommu_endpoint *endpoint)
{
	struct iommu_driven_endpoint *own = iommu_driven_endpoint_of(endpoint);

	own->in_reset = false;
	iommu_driven_tlb_suspect(own);
}

#endif

void iommu_driver_endpoint_was_reset(struct iommu_endpoint *endpoint)
{
	struct iommu_driven_endpoint *own = iommu_driven_endpoint_of(endpoint);

	own->in_reset = false;
	own->tlb.unknown = false;
	if (ops_of(own)->tlb_is_empty != NULL)
		ops_of(own)->tlb_is_empty(own);
	__atomic_store_n(&own->tlb.lost, false, __ATOMIC_SEQ_CST);
}

bool iommu_driver_endpoint_is_lost(const struct iommu_endpoint *endpoint)
{
	return iommu_device_tlb_is_lost(&iommu_driven_endpoint_of(endpoint)->tlb);
}

/* --- Features --------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

static int set_pasids(struct iommu_driven_endpoint *own, bool enable)
{
	const struct iommu_driver_endpoint_ops *ops = ops_of(own);
	const struct iommu_use *use = iommu_attached_use(&own->attached);
	struct iommu_placed *domain = use != NULL ? use->domain : NULL;
	const uint16_t id = domain != NULL ? iommu_place_find(domain, own->unit)->id : (uint16_t)0;
	const bool are_enabled = ops->pasid_bits(own) != 0;

	if (are_enabled == enable)
		return 0;
	return enable ? ops->enable_pasids(own, domain, id) : ops->disable_pasids(own, domain, id);
}

/* Its own before they are off; before they are on those of the id's former endpoint. */
static int set_page_requests(struct iommu_driven_endpoint *own, bool enable)
{
	int status;

	if (!own->device_tlb || own->unit->requests.pages == NULL)
		return IOMMU_REFUSE_ENDPOINT(own, IOMMU_EOPNOTSUPP,
					     "its unit takes no page requests");
	status = iommu_driven_requests_drain(own->unit);
	return status == 0 ? ops_of(own)->set_page_requests(own, enable) : status;
}

#endif

int iommu_driver_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature,
			     bool enable)
{
	struct iommu_driven_endpoint *own = iommu_driven_endpoint_of(endpoint);

	switch (feature) {
	case IOMMU_FEATURE_ATS:
		return iommu_driven_tlb_switch(own, enable);
#if IOMMU_CONFIG_SCALABLE
	case IOMMU_FEATURE_PASID:
		return set_pasids(own, enable);
	case IOMMU_FEATURE_PAGE_REQUESTS:
		return set_page_requests(own, enable);
#else
	case IOMMU_FEATURE_PASID:
	case IOMMU_FEATURE_PAGE_REQUESTS:
#endif
	default:
		return IOMMU_REFUSE_ENDPOINT(own, IOMMU_EOPNOTSUPP, "there is no such feature");
	}
}
