/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints: probe, release and features, and whether a device may have a TLB. */
#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/list.h"
#include "base/object_cache.h"
#include "unit/confirmation.h"
#include "unit/invalidation.h"
#include "vtd/context.h"
#include "vtd/endpoint.h"
#include "vtd/event.h"
#include "vtd/pasid.h"
#include "vtd/predecessor.h"
#include "vtd/probe.h"
#include "vtd/quirks.h"
#include "vtd/unit.h"

/* --- Device TLBs ------------------------------------------------------------------------------ */

/* A device that firmware says has a TLB of its own; *required: it is needed for it to work. */
static bool is_integrated(const struct iommu_dmar *dmar, const struct iommu_endpoint_info *info,
			  bool *required)
{
	struct iommu_dmar_record record = {0};
	struct iommu_dmar_scope scope;

	/* Newer firmware says it of each device, not of all that a structure names. */
	iommu_dmar_for_each (dmar, &record)
		if (record.type == DMAR_SATC && iommu_vtd_scope_find(dmar, &record, info, &scope)) {
			*required = record.satc.atc_required ||
				    (scope.flags & DMAR_SCOPE_ATC_REQUIRED) != 0;
			return true;
		}
	return false;
}

static bool port_has_ats(const struct iommu_dmar *dmar, const struct iommu_endpoint_info *info)
{
	struct iommu_dmar_record record = {0};

	iommu_dmar_for_each (dmar, &record) {
		if (record.type != DMAR_ATSR || record.segment != info->segment)
			continue;
		if (record.atsr.all_ports || iommu_vtd_scope_names(dmar, &record, info))
			return true;
	}
	return false;
}

/*
 * May the device keep translations? (VT-d specification, "Root Port ATS Capability Reporting")
 * Units answer requests for whole pages.
 */
static bool tlb_is_allowed(const struct vtd_unit *unit, const struct iommu_endpoint_info *info)
{
	const struct iommu_list_node *node;
	bool allowed = info->path_length == 1; /* on the root complex no port stands in the way */

	if (!IOMMU_CONFIG_DEVICE_TLB || !info->device_tlb || info->tlb_unaligned ||
	    !unit->caps.device_tlb)
		return false;
	iommu_list_for_each (node, &unit->probe->tables) {
		const struct iommu_dmar *dmar =
			&iommu_container_of((uintptr_t)node, struct vtd_table, link)->dmar;
		bool required;

		/* A TLB that it needs in legacy mode is run by hardware, and is none of ours. */
		if (is_integrated(dmar, info, &required))
			return !required || vtd_is_scalable(unit);
		allowed = allowed || port_has_ats(dmar, info);
	}
	return allowed;
}

/* --- Life ------------------------------------------------------------------------------------- */

/* A unit that had no devices was not enabled with the others: it is now. */
static int enable_late(struct vtd_unit *unit)
{
	const bool is_on = unit->base.enabled && !unit->base.unsettled;

	if (!unit->probe->running || is_on || unit->bypassed)
		return 0;
	return iommu_unit_start(&unit->base);
}

int iommu_vtd_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	struct vtd_endpoint *own;
	int status;

	/* The unit that firmware names for it lets its DMA pass. */
	if (!unit->caps.translates)
		return VTD_REFUSE(unit, IOMMU_ENODEV,
				  "it remaps interrupts only: the device's DMA is not restricted");
	iommu_release_confirmed(&unit->probe->set);
	own = iommu_object_alloc(&unit->probe->endpoint_cache, 0);
	if (own == NULL)
		return IOMMU_ENOMEM;
	own->base = endpoint;
	own->unit = unit;
	own->tlb.source_id = endpoint->info.source_id;
	own->device_tlb = tlb_is_allowed(unit, &endpoint->info);
	iommu_attached_init(&own->attached, &iommu_vtd_attach_ops, unit, &unit->probe->use_cache);
	iommu_list_init(&own->regions);
	status = iommu_vtd_quirks_of_endpoint(own);
	if (status == 0)
		status = iommu_vtd_regions_decide(own);
	/* The context table is made now, so that blocking and unblocking never has to allocate. */
	if (status == 0)
		status = iommu_vtd_context_create(unit, endpoint->info.source_id);
	if (status == 0)
		status = enable_late(unit);
	if (vtd_is_scalable(unit) && status == 0 && !iommu_vtd_inherited_adopt(own))
		status = iommu_vtd_directory_alloc(own);
	if (status != 0) {
		if (own->directory != NULL)
			iommu_vtd_directory_free(own->directory);
		iommu_vtd_regions_forget(own);
		iommu_object_free(&unit->probe->endpoint_cache, own);
		return status;
	}
	endpoint->unit_data = own;
	endpoint->uses_device_tlb = own->device_tlb;
	return 0;
}

void iommu_vtd_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct vtd_endpoint *own = vtd_endpoint_of(endpoint);

	(void)base;
	/* It is detached and on no list; an invalidation that had found it before ends in time. */
	iommu_device_tlb_drain(&own->tlb, own->unit->platform);
	endpoint->unit_data = NULL;
	iommu_vtd_regions_forget(own);
	if (own->directory != NULL)
		iommu_vtd_directory_free(own->directory);
	iommu_object_free(&own->unit->probe->endpoint_cache, own);
}

#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB

/*
 * The context entry goes before the domains do: from then on what the device has translated does
 * not pass, so that a later unmap need not ask the device, which is in no domain.
 */
int iommu_vtd_begin_reset(struct iommu_endpoint *endpoint)
{
	struct vtd_endpoint *own = vtd_endpoint_of(endpoint);

	own->in_reset = true;
	if (!own->device_tlb || iommu_vtd_is_inherited(endpoint))
		return 0;
	return iommu_vtd_context_write(own, 0, 0);
}

void iommu_vtd_cancel_reset(struct iommu_endpoint *endpoint)
{
	struct vtd_endpoint *own = vtd_endpoint_of(endpoint);

	own->in_reset = false;
	if (own->device_tlb)
		iommu_vtd_tlb_suspect(own);
}

#endif

void iommu_vtd_endpoint_was_reset(struct iommu_endpoint *endpoint)
{
#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB
	vtd_endpoint_of(endpoint)->in_reset = false;
#endif
	vtd_endpoint_of(endpoint)->tlb.unknown = false;
	__atomic_store_n(&vtd_endpoint_of(endpoint)->tlb.lost, false, __ATOMIC_SEQ_CST);
}

bool iommu_vtd_endpoint_is_lost(const struct iommu_endpoint *endpoint)
{
	return iommu_device_tlb_is_lost(&vtd_endpoint_of(endpoint)->tlb);
}

/* Units answer a request that had a PASID with it. */
#define NO_PASID_IN_RESPONSES                                                                      \
	"the device has page requests with PASIDs, and expects none in the responses"

int iommu_vtd_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature, bool enable)
{
	struct vtd_endpoint *own = vtd_endpoint_of(endpoint);
	const uint64_t before = own->context_flags;
	struct vtd_unit *unit = own->unit;
	uint64_t flag;
	int status = 0;

	if (feature == IOMMU_FEATURE_ATS)
		return IOMMU_CONFIG_DEVICE_TLB && IOMMU_CONFIG_SCALABLE
			       ? iommu_vtd_tlb_switch(own, enable)
			       : 0;
	if (!vtd_is_scalable(unit))
		return VTD_REFUSE_ENDPOINT(own, IOMMU_EOPNOTSUPP, "its unit is in legacy mode");
	/* PASIDs come first. */
	if (enable && feature == IOMMU_FEATURE_PAGE_REQUESTS &&
	    endpoint->info.page_responses_without_pasid &&
	    (endpoint->features & IOMMU_FEATURE_PASID) != 0)
		return VTD_REFUSE_ENDPOINT(own, IOMMU_EOPNOTSUPP, NO_PASID_IN_RESPONSES);
	flag = feature == IOMMU_FEATURE_PASID ? VTD_CONTEXT_PASIDS : VTD_CONTEXT_PAGE_REQUESTS;
	if (feature == IOMMU_FEATURE_PASID ? !unit->caps.pasids : !unit->caps.page_requests)
		return VTD_REFUSE_ENDPOINT(own, IOMMU_EOPNOTSUPP,
					   feature == IOMMU_FEATURE_PASID
						   ? "its unit has no PASIDs"
						   : "its unit has no page requests");
	/* Its own before they are off; before they are on those of the id's former endpoint. */
	if (feature == IOMMU_FEATURE_PAGE_REQUESTS)
		status = iommu_vtd_page_requests_drain(unit);
	if (status != 0)
		return status;
	if (feature == IOMMU_FEATURE_PASID && enable)
		iommu_device_tlb_set(&own->tlb.tagged, true);
	own->context_flags = enable ? before | flag : before & ~flag;
	/* The context entry of before goes with the first attach. */
	if (own->inherited)
		return 0;
	status = iommu_vtd_context_update(own);
	if (status != 0) {
		own->context_flags = before;
		(void)iommu_vtd_context_update(own);
	}
	if (feature == IOMMU_FEATURE_PASID && enable == (status != 0))
		iommu_device_tlb_set(&own->tlb.tagged, false);
	return status;
}
