/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints: probe, release and features, their device ids, and whether a device may have a TLB. */
#include "riscv/endpoint.h"

#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#include "base/object_cache.h"
#include "riscv/context.h"
#include "riscv/directory.h"
#include "riscv/domain.h"
#include "riscv/unit.h"

/* --- Device ids ------------------------------------------------------------------------------- */

bool iommu_riscv_sends(const struct iommu_endpoint *endpoint, uint32_t device_id)
{
	const struct riscv_endpoint *own = riscv_endpoint_of(endpoint);

	return own != NULL && iommu_device_ids_has(&own->ids, device_id);
}

/* Does another endpoint of the unit send with this id? Hardware could not keep the two apart. */
static bool is_anothers(void *unit, uint32_t id)
{
	struct iommu_endpoint *other = NULL;

	while ((other = iommu_unit_next_id(unit, other)) != NULL)
		if (iommu_riscv_sends(other, id))
			return true;
	return false;
}

static int check_ids(const struct riscv_endpoint *own)
{
	struct riscv_unit *unit = own->unit;

	switch (iommu_device_ids_check(&own->ids, &unit->common.map, is_anothers,
				       &unit->common.base)) {
	case IOMMU_DEVICE_IDS_FIT:
		return 0;
	case IOMMU_DEVICE_IDS_ARE_NONE:
		return RISCV_REFUSE(unit, IOMMU_EINVAL, "the device's fwspec has no id");
	case IOMMU_DEVICE_IDS_ARE_WIDE:
		return RISCV_REFUSE(unit, IOMMU_EINVAL,
				    "the device's id is wider than those of the unit");
	case IOMMU_DEVICE_IDS_ARE_ANOTHERS:
	default:
		return RISCV_REFUSE(unit, IOMMU_EINVAL, "the device's id is another device's, too");
	}
}

/* A context for each, so that blocking and unblocking never has to allocate. */
static int create_contexts(struct riscv_endpoint *own)
{
	unsigned int i;
	int status = check_ids(own);

	for (i = 0; i < own->ids.count && status == 0; i++)
		status = iommu_riscv_context_create(own->unit, own->ids.ids[i]);
	return status;
}

/* --- Life ------------------------------------------------------------------------------------- */

/* May the device keep translations? The unit answers requests for whole pages. */
static bool tlb_is_allowed(const struct riscv_endpoint *own, const struct iommu_endpoint_info *info)
{
	return IOMMU_CONFIG_DEVICE_TLB && info->device_tlb && !info->tlb_unaligned &&
	       info->fwspec == NULL && own->ids.count == 1 && riscv_has(own->unit, RISCV_CAP_ATS);
}

int iommu_riscv_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	struct iommu_driver_shared *shared = unit->common.shared;
	struct riscv_endpoint *own;
	int status;

	iommu_release_confirmed(&shared->set);
	own = iommu_object_alloc(&shared->endpoint_cache, 0);
	if (own == NULL)
		return IOMMU_ENOMEM;
	own->base = endpoint;
	own->unit = unit;
	iommu_device_ids_find(&own->ids, &unit->common.map, &endpoint->info);
	own->tlb.source_id = endpoint->info.source_id;
	own->device_tlb = tlb_is_allowed(own, &endpoint->info);
	iommu_attached_init(&own->attached, &iommu_riscv_attach_ops, unit, &shared->use_cache);
	status = create_contexts(own);
	if (status != 0) {
		iommu_object_free(&shared->endpoint_cache, own);
		return status;
	}
	endpoint->unit_data = own;
	endpoint->uses_device_tlb = own->device_tlb;
	return 0;
}

void iommu_riscv_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct riscv_endpoint *own = riscv_endpoint_of(endpoint);

	(void)base;
	/* It is detached and on no list; an invalidation that had found it before ends in time. */
	iommu_device_tlb_drain(&own->tlb, own->unit->common.platform);
	endpoint->unit_data = NULL;
	if (own->processes != NULL)
		iommu_riscv_processes_free(own->processes);
	iommu_object_free(&own->unit->common.shared->endpoint_cache, own);
}

#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB

/*
 * The context goes before the domains do: from then on what the device has translated does not
 * pass, so that a later unmap need not ask the device, which is in no domain.
 */
int iommu_riscv_begin_reset(struct iommu_endpoint *endpoint)
{
	struct riscv_endpoint *own = riscv_endpoint_of(endpoint);

	own->in_reset = true;
	return own->device_tlb ? iommu_riscv_context_close(own) : 0;
}

void iommu_riscv_cancel_reset(struct iommu_endpoint *endpoint)
{
	struct riscv_endpoint *own = riscv_endpoint_of(endpoint);

	own->in_reset = false;
	iommu_riscv_tlb_suspect(own);
}

#endif

void iommu_riscv_endpoint_was_reset(struct iommu_endpoint *endpoint)
{
	struct riscv_endpoint *own = riscv_endpoint_of(endpoint);

	own->in_reset = false;
	own->tlb.unknown = false;
	own->guest_pasids = false;
	__atomic_store_n(&own->tlb.lost, false, __ATOMIC_SEQ_CST);
}

bool iommu_riscv_endpoint_is_lost(const struct iommu_endpoint *endpoint)
{
	return iommu_device_tlb_is_lost(&riscv_endpoint_of(endpoint)->tlb);
}

/* --- Features --------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

/* How requests without a PASID are translated now; false: they are blocked. */
static bool describe_now(struct riscv_endpoint *own, struct riscv_translation *translation)
{
	const struct iommu_use *use = iommu_attached_use(&own->attached);

	if (use == NULL)
		return false;
	iommu_riscv_describe(translation, riscv_domain_of(&use->domain->base), own,
			     iommu_place_find(use->domain, own->unit)->id);
	return true;
}

static int set_pasids(struct riscv_endpoint *own, bool enable)
{
	struct riscv_translation translation;
	const struct riscv_translation *now = describe_now(own, &translation) ? &translation : NULL;

	if (!enable)
		return iommu_riscv_pasids_disable(own, now);
	if (own->processes != NULL)
		return 0;
	return iommu_riscv_pasids_enable(own, now);
}

static int set_page_requests(struct riscv_endpoint *own, bool enable)
{
	int status;

	if (!own->device_tlb)
		return RISCV_REFUSE_ENDPOINT(own, IOMMU_EOPNOTSUPP,
					     "its unit takes no page requests");
	/* Its own before they are off; before they are on those of the id's former endpoint. */
	status = iommu_riscv_requests_drain(own->unit);
	if (status == 0)
		status = iommu_riscv_page_requests_set(own, enable);
	if (status == 0 && !enable)
		status = iommu_riscv_requests_drain(own->unit);
	return status;
}

#endif

int iommu_riscv_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature,
			    bool enable)
{
	struct riscv_endpoint *own = riscv_endpoint_of(endpoint);

	switch (feature) {
	case IOMMU_FEATURE_ATS:
		return iommu_riscv_tlb_switch(own, enable);
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
		return RISCV_REFUSE_ENDPOINT(own, IOMMU_EOPNOTSUPP, "there is no such feature");
	}
}
