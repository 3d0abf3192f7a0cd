/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaching: who may use which domain, and what hardware is told of it. When uses begin and end is
 * in unit/attach.c; the entries depend on the unit's mode (translation.c).
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "unit/attach.h"
#include "unit/invalidation.h"
#include "vtd/command.h"
#include "vtd/context.h"
#include "vtd/domain.h"
#include "vtd/endpoint.h"
#include "vtd/pasid.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#define BYPASSED "its unit is bypassed: only identity domains can be attached"

/* May this endpoint use a domain at all? */
static int check(const struct vtd_endpoint *endpoint)
{
	if (endpoint->unit->bypassed)
		return VTD_REFUSE_ENDPOINT(endpoint, IOMMU_EPERM, BYPASSED);
	return iommu_device_tlb_is_lost(&endpoint->tlb)
		       ? VTD_REFUSE_ENDPOINT(
				 endpoint, IOMMU_EIO,
				 "its TLB did not answer: it is blocked until it is reset")
		       : 0;
}

static struct vtd_endpoint *endpoint_of(struct iommu_attached *attached)
{
	return iommu_container_of(attached, struct vtd_endpoint, attached);
}

/* --- What hardware is told of a domain -------------------------------------------------------- */

/* Levels that a pass-through entry must name: the most that the unit knows. */
static unsigned int deepest(const struct vtd_unit *unit)
{
	if ((unit->caps.sagaw & VTD_SAGAW_5_LEVELS) != 0)
		return 5;
	return (unit->caps.sagaw & VTD_SAGAW_4_LEVELS) != 0 ? 4 : 3;
}

static void use_second_stage(struct vtd_translation *translation, struct vtd_domain *domain,
			     const struct vtd_unit *unit)
{
	translation->dirty = domain->common.notes_writes;
	if (vtd_domain_has_table(domain)) {
		translation->second_table =
			iommu_vtd_place_root(domain, unit, &translation->second_levels);
		return;
	}
	translation->second_table = domain->foreign_table;
	translation->second_levels = domain->foreign_levels;
}

static void use_first_stage(struct vtd_translation *translation, struct vtd_domain *domain,
			    const struct vtd_unit *unit)
{
	translation->first_flags = domain->first_flags;
	if (vtd_domain_has_table(domain)) {
		translation->first_table =
			iommu_vtd_place_root(domain, unit, &translation->first_levels);
		return;
	}
	translation->first_table = domain->foreign_table;
	translation->first_levels = domain->foreign_levels;
}

static void describe(struct vtd_translation *translation, struct vtd_domain *domain,
		     const struct vtd_endpoint *endpoint, uint16_t domain_id)
{
	const struct vtd_unit *unit = endpoint->unit;

	*translation = (struct vtd_translation){
		.type = domain->type,
		.domain_id = domain_id,
		.keeps = vtd_use_keeps(domain, endpoint),
		.snoops = domain->snoops,
		.second_levels = deepest(unit),
		.first_levels = 4,
	};
	if (domain->type == VTD_PASID_SECOND_STAGE)
		use_second_stage(translation, domain, unit);
	if (domain->type == VTD_PASID_NESTED)
		use_second_stage(translation, vtd_domain_of(&domain->common.parent->base), unit);
	if (domain->type == VTD_PASID_FIRST_STAGE || domain->type == VTD_PASID_NESTED)
		use_first_stage(translation, domain, unit);
}

static int set(struct iommu_attached *attached, uint32_t pasid, struct iommu_placed *domain,
	       uint16_t id)
{
	struct vtd_endpoint *endpoint = endpoint_of(attached);
	struct vtd_translation translation;

	if (domain == NULL)
		return iommu_vtd_translation_set(endpoint, pasid, NULL);
	describe(&translation, vtd_domain_of(&domain->base), endpoint, id);
	return iommu_vtd_translation_set(endpoint, pasid, &translation);
}

static void put_back(struct iommu_attached *attached, uint32_t pasid, struct iommu_placed *domain,
		     uint16_t id)
{
	struct vtd_endpoint *endpoint = endpoint_of(attached);
	struct vtd_translation translation;

	describe(&translation, vtd_domain_of(&domain->base), endpoint, id);
	iommu_vtd_translation_put_back(endpoint, pasid, &translation);
}

#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
/*
 * A command of its own, beyond what is said under the domain id: for a device's TLB; and for a
 * first stage under another PASID than that of ordinary requests.
 */
static bool is_special(struct iommu_attached *attached, const struct iommu_placed *common,
		       uint32_t pasid)
{
	const struct vtd_domain *domain = vtd_domain_of(&common->base);

	return vtd_use_keeps(domain, endpoint_of(attached)) ||
	       (pasid != 0 && domain->type != VTD_PASID_SECOND_STAGE);
}
#endif

const struct iommu_attach_ops iommu_vtd_attach_ops = {
	.set = set,
	.put_back = put_back,
#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
	.is_special = is_special,
#endif
};

/* --- Requests without a PASID ----------------------------------------------------------------- */

/* An attach failed so, or not. */
static int attach_ended(const struct vtd_endpoint *endpoint, int status)
{
	return status == IOMMU_ENOSPC ? VTD_REFUSE_ENDPOINT(endpoint, IOMMU_ENOSPC,
							    "its unit has no free domain id")
				      : status;
}

int iommu_vtd_paging_attach(struct iommu_domain *base, struct iommu_endpoint *base_endpoint)
{
	struct vtd_endpoint *endpoint = vtd_endpoint_of(base_endpoint);
	int status = check(endpoint);

	if (status == 0)
		status = iommu_attached_set(&endpoint->attached, iommu_placed_of(base));
	return attach_ended(endpoint, status);
}

int iommu_vtd_identity_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	int status = iommu_vtd_paging_attach(base, endpoint);

	/* Bypassed: what is not translated needs no entry; one of before the bypass goes. */
	if (status == IOMMU_EPERM)
		return endpoint->domain != NULL ? iommu_vtd_detach(base, endpoint) : 0;
	return status;
}

/* Invalidations that had found it before wait for it: not while it is being reset. */
static void leave_alone(const struct vtd_endpoint *endpoint)
{
	if (vtd_is_in_reset(endpoint))
		iommu_device_tlb_drain(&endpoint->tlb, endpoint->unit->platform);
}

int iommu_vtd_detach(struct iommu_domain *base, struct iommu_endpoint *base_endpoint)
{
	struct vtd_endpoint *endpoint = vtd_endpoint_of(base_endpoint);
	int status = iommu_attached_clear(&endpoint->attached, false);

	(void)base;
	leave_alone(endpoint);
	/* There may have been nothing to take away, and something that is not confirmed. */
	return status != 0 ? status : iommu_vtd_confirm(endpoint->unit);
}

int iommu_vtd_blocked_attach(struct iommu_domain *base, struct iommu_endpoint *base_endpoint)
{
	struct vtd_endpoint *endpoint = vtd_endpoint_of(base_endpoint);
	int status;

	(void)base;
	if (endpoint->unit->bypassed)
		return VTD_REFUSE_ENDPOINT(endpoint, IOMMU_EPERM, BYPASSED);
	/* What is open from before comes first: once the endpoint is blocked nothing may fail. */
	status = iommu_vtd_confirm(endpoint->unit);
	if (status != 0 ||
	    (base_endpoint->domain == NULL && !iommu_vtd_is_inherited(base_endpoint)))
		return status;
	status = iommu_attached_clear(&endpoint->attached, true);
	leave_alone(endpoint);
	return status;
}

int iommu_vtd_block_inherited(struct iommu_endpoint *endpoint)
{
	return iommu_vtd_translation_set(vtd_endpoint_of(endpoint), 0, NULL);
}

/* --- Requests with a PASID -------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

bool iommu_vtd_has_pasid(const struct iommu_endpoint *endpoint, uint32_t pasid)
{
	return iommu_attached_has_pasid(&vtd_endpoint_of(endpoint)->attached, pasid);
}

int iommu_vtd_attach_pasid(struct iommu_domain *base, struct iommu_endpoint *base_endpoint,
			   uint32_t pasid, struct iommu_domain *before)
{
	struct vtd_endpoint *endpoint = vtd_endpoint_of(base_endpoint);
	int status = check(endpoint);

	(void)before; /* the use tells */
	if (status != 0)
		return status;
	if (!vtd_is_scalable(endpoint->unit))
		return VTD_REFUSE_ENDPOINT(endpoint, IOMMU_EOPNOTSUPP,
					   "its unit is in legacy mode, which has no PASIDs");
	if (pasid >> endpoint->unit->caps.pasid_bits != 0 || pasid >= VTD_PASIDS_MAX)
		return VTD_REFUSE_ENDPOINT(endpoint, IOMMU_EINVAL, "its unit has no such PASID");
	status = iommu_attached_set_pasid(&endpoint->attached, iommu_placed_of(base), pasid);
	return attach_ended(endpoint, status);
}

int iommu_vtd_detach_pasid(struct iommu_domain *base, struct iommu_endpoint *base_endpoint,
			   uint32_t pasid)
{
	struct vtd_endpoint *endpoint = vtd_endpoint_of(base_endpoint);
	int status = iommu_attached_clear_pasid(&endpoint->attached, pasid);

	(void)base;
	leave_alone(endpoint);
	/* As above: nothing may be left to take away, of an attach that failed. */
	return status != 0 ? status : iommu_vtd_confirm(endpoint->unit);
}

#endif
