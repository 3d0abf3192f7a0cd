/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints: probe, release and features, and whether a device may have a TLB. */
#include "smmu/endpoint.h"

#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#include "base/object_cache.h"
#include "smmu/context.h"
#include "smmu/domain.h"
#include "smmu/stream_table.h"
#include "smmu/unit.h"

bool iommu_smmu_sends(const struct iommu_endpoint *endpoint, uint32_t stream_id)
{
	const struct smmu_endpoint *own = smmu_endpoint_of(endpoint);

	return own != NULL && iommu_device_ids_has(&own->streams, stream_id);
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Does another endpoint of the unit send with this id? Hardware could not keep the two apart. */
static bool is_anothers(void *unit, uint32_t id)
{
	struct iommu_endpoint *other = NULL;

	while ((other = iommu_unit_next_id(unit, other)) != NULL)
		if (iommu_smmu_sends(other, id))
			return true;
	return false;
}

static int check_streams(const struct smmu_endpoint *own)
{
	struct smmu_unit *unit = own->unit;

	switch (iommu_device_ids_check(&own->streams, &unit->common.map, is_anothers,
				       &unit->common.base)) {
	case IOMMU_DEVICE_IDS_FIT:
		return 0;
	case IOMMU_DEVICE_IDS_ARE_NONE:
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "the device's fwspec has no id");
	case IOMMU_DEVICE_IDS_ARE_WIDE:
		return SMMU_REFUSE(unit, IOMMU_EINVAL,
				   "the device's id is wider than those of the unit");
	case IOMMU_DEVICE_IDS_ARE_ANOTHERS:
	default:
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "the device's id is another device's, too");
	}
}

/* An entry for each id, and contexts, so that blocking and unblocking never has to allocate. */
static int create_entries(struct smmu_endpoint *own)
{
	struct smmu_unit *unit = own->unit;
	unsigned int i;
	int status = check_streams(own);

	for (i = 0; i < own->streams.count && status == 0; i++)
		status = iommu_smmu_stream_create(unit, own->streams.ids[i]);
	if (status == 0 && smmu_has0(unit, SMMU_IDR0_S1P))
		status = iommu_smmu_contexts_alloc(unit, 1, &own->alone);
	return status;
}

/* May the device keep translations? The unit answers requests for whole pages. */
static bool tlb_is_allowed(const struct smmu_endpoint *own, const struct iommu_endpoint_info *info)
{
	return IOMMU_CONFIG_DEVICE_TLB && info->device_tlb && !info->tlb_unaligned &&
	       info->fwspec == NULL && own->streams.count == 1 &&
	       smmu_has0(own->unit, SMMU_IDR0_ATS) && !smmu_must_stall(own->unit);
}

int iommu_smmu_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct smmu_unit *unit = smmu_unit_of(base);
	struct iommu_driver_shared *shared = unit->common.shared;
	struct smmu_endpoint *own;
	int status;

	iommu_release_confirmed(&shared->set);
	own = iommu_object_alloc(&shared->endpoint_cache, 0);
	if (own == NULL)
		return IOMMU_ENOMEM;
	own->base = endpoint;
	own->unit = unit;
	iommu_device_ids_find(&own->streams, &unit->common.map, &endpoint->info);
	own->tlb.source_id = endpoint->info.source_id;
	own->device_tlb = tlb_is_allowed(own, &endpoint->info);
	iommu_attached_init(&own->attached, &iommu_smmu_attach_ops, unit, &shared->use_cache);
	status = create_entries(own);
	if (status != 0) {
		iommu_object_free(&shared->endpoint_cache, own);
		return status;
	}
	endpoint->unit_data = own;
	endpoint->uses_device_tlb = own->device_tlb;
	return 0;
}

void iommu_smmu_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct smmu_endpoint *own = smmu_endpoint_of(endpoint);

	(void)base;
	/* It is detached and on no list; an invalidation that had found it before ends in time. */
	iommu_device_tlb_drain(&own->tlb, own->unit->common.platform);
	endpoint->unit_data = NULL;
	if (own->contexts != NULL)
		iommu_smmu_contexts_free(own->contexts);
	if (own->alone != NULL)
		iommu_smmu_contexts_free(own->alone);
	iommu_object_free(&own->unit->common.shared->endpoint_cache, own);
}

#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB

/*
 * The entry goes before the domains do: from then on what the device has translated does not pass,
 * so that a later unmap need not ask the device, which is in no domain.
 */
int iommu_smmu_begin_reset(struct iommu_endpoint *endpoint)
{
	struct smmu_endpoint *own = smmu_endpoint_of(endpoint);

	own->in_reset = true;
	return own->device_tlb ? iommu_smmu_stream_close(own) : 0;
}

void iommu_smmu_cancel_reset(struct iommu_endpoint *endpoint)
{
	struct smmu_endpoint *own = smmu_endpoint_of(endpoint);

	own->in_reset = false;
	iommu_smmu_tlb_suspect(own);
}

#endif

void iommu_smmu_endpoint_was_reset(struct iommu_endpoint *endpoint)
{
	struct smmu_endpoint *own = smmu_endpoint_of(endpoint);

	own->in_reset = false;
	own->tlb.unknown = false;
	__atomic_store_n(&own->tlb.lost, false, __ATOMIC_SEQ_CST);
}

bool iommu_smmu_endpoint_is_lost(const struct iommu_endpoint *endpoint)
{
	return iommu_device_tlb_is_lost(&smmu_endpoint_of(endpoint)->tlb);
}

/* --- Features --------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

/* How requests without a PASID are translated now; false: they are blocked. */
static bool describe_now(struct smmu_endpoint *own, struct smmu_translation *translation)
{
	const struct iommu_use *use = iommu_attached_use(&own->attached);

	if (use == NULL)
		return false;
	iommu_smmu_describe(translation, smmu_domain_of(&use->domain->base), own,
			    iommu_place_find(use->domain, own->unit)->id);
	return true;
}

static int set_pasids(struct smmu_endpoint *own, bool enable)
{
	struct smmu_translation translation;
	const struct smmu_translation *now = describe_now(own, &translation) ? &translation : NULL;

	if (!enable)
		return iommu_smmu_pasids_disable(own, now);
	return own->contexts != NULL ? 0 : iommu_smmu_pasids_enable(own, now);
}

/* Its own before they are off; before they are on those of the id's former endpoint. */
static int set_page_requests(struct smmu_endpoint *own, bool enable)
{
	int status;

	if (!own->device_tlb || !smmu_has_requests(own->unit))
		return SMMU_REFUSE_ENDPOINT(own, IOMMU_EOPNOTSUPP,
					    "its unit takes no page requests");
	status = iommu_smmu_requests_drain(own->unit);
	if (status == 0)
		own->page_requests = enable;
	return status;
}

#endif

int iommu_smmu_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature, bool enable)
{
	struct smmu_endpoint *own = smmu_endpoint_of(endpoint);

	switch (feature) {
	case IOMMU_FEATURE_ATS:
		return iommu_smmu_tlb_switch(own, enable);
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
		return SMMU_REFUSE_ENDPOINT(own, IOMMU_EOPNOTSUPP, "there is no such feature");
	}
}
