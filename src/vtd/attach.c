/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaching: which domain the requests of an endpoint use, without a PASID and with each PASID. The
 * entries depend on the unit's mode (translation.c); counts and lists of uses do not.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "base/object_cache.h"
#include "unit/domain.h"
#include "unit/invalidation.h"
#include "vtd/command.h"
#include "vtd/context.h"
#include "vtd/domain.h"
#include "vtd/endpoint.h"
#include "vtd/pasid.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#define BYPASSED "its unit is bypassed: only identity domains can be attached"

/* May this endpoint use this domain at all? */
static int check(const struct vtd_domain *domain, const struct vtd_endpoint *endpoint)
{
	if (endpoint->unit->probe != domain->probe)
		return VTD_REFUSE_ENDPOINT(endpoint, IOMMU_EINVAL,
					   "the domain is another back end's");
	if (endpoint->unit->bypassed)
		return VTD_REFUSE_ENDPOINT(endpoint, IOMMU_EPERM, BYPASSED);
	return iommu_device_tlb_is_lost(&endpoint->tlb)
		       ? VTD_REFUSE_ENDPOINT(
				 endpoint, IOMMU_EIO,
				 "its TLB did not answer: it is blocked until it is reset")
		       : 0;
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
	translation->second_table = iommu_vtd_place_root(domain, unit, &translation->second_levels);
	translation->dirty = domain->dirty;
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
	translation->first_table = domain->first_table;
	translation->first_levels = domain->first_levels;
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
		use_second_stage(translation, domain->parent, unit);
	if (domain->type == VTD_PASID_FIRST_STAGE || domain->type == VTD_PASID_NESTED)
		use_first_stage(translation, domain, unit);
}

/* --- Entering and leaving domains ------------------------------------------------------------- */

/* On the unit, in the domain, and in the one that it is nested in. */
static int enter(struct vtd_domain *domain, struct vtd_unit *unit, uint16_t *domain_id)
{
	struct iommu_place *place, *below = NULL;
	int status = 0;

	if (domain->parent != NULL)
		status = iommu_vtd_place_enter(domain->parent, unit, &below);
	if (status != 0)
		return status;
	status = iommu_vtd_place_enter(domain, unit, &place);
	if (status != 0 && below != NULL)
		iommu_vtd_place_leave(domain->parent, below);
	if (status == 0)
		*domain_id = place->id;
	return status;
}

static void leave(struct vtd_domain *domain, struct vtd_unit *unit)
{
	iommu_vtd_place_leave(domain, iommu_place_find(&domain->common, unit));
	if (domain->parent != NULL)
		iommu_vtd_place_leave(domain->parent,
				      iommu_place_find(&domain->parent->common, unit));
}

/* --- Uses ------------------------------------------------------------------------------------- */

static struct vtd_domain *domain_of(const struct iommu_use *use)
{
	return use->domain != NULL ? vtd_domain_of(&use->domain->base) : NULL;
}

static struct iommu_placed *parent_of(const struct vtd_domain *domain)
{
	return domain->parent != NULL ? &domain->parent->common : NULL;
}

/*
 * A command of its own, beyond what is said under the domain id: for a device's TLB; and for a
 * first stage under another PASID than that of ordinary requests.
 */
static void begin_use(struct iommu_use *use, struct vtd_domain *domain,
		      struct vtd_endpoint *endpoint, uint32_t pasid)
{
	use->user = endpoint;
	use->pasid = pasid;
	iommu_use_begin(use, &domain->common, parent_of(domain),
			vtd_use_keeps(domain, endpoint) ||
				(pasid != 0 && domain->type != VTD_PASID_SECOND_STAGE));
}

/* The use begins before hardware can translate by it, and ends after it no longer does. */
static int use_domain(struct iommu_use *use, struct vtd_domain *domain,
		      struct vtd_endpoint *endpoint, uint32_t pasid)
{
	struct vtd_translation translation;
	uint16_t domain_id = 0;
	int status = enter(domain, endpoint->unit, &domain_id);

	if (status != 0)
		return status;
	begin_use(use, domain, endpoint, pasid);
	describe(&translation, domain, endpoint, domain_id);
	status = iommu_vtd_translation_set(endpoint, pasid, &translation);
	if (status != 0) {
		iommu_use_end(use, parent_of(domain));
		leave(domain, endpoint->unit);
	}
	return status;
}

static void end_use(struct iommu_use *use)
{
	const struct vtd_endpoint *endpoint = use->user;
	struct vtd_domain *domain = domain_of(use);

	iommu_use_end(use, parent_of(domain));
	leave(domain, endpoint->unit);
}

/* --- Requests without a PASID ----------------------------------------------------------------- */

/* The use that requests of the endpoint are under; or one that is free: NULL as the domain. */
static struct iommu_use *use_of(struct vtd_endpoint *endpoint, const struct vtd_domain *domain)
{
	return domain_of(&endpoint->uses[0]) == domain ? &endpoint->uses[0] : &endpoint->uses[1];
}

/* The use of the domain that the endpoint uses now; NULL: it is blocked, by a domain or without. */
static struct iommu_use *current_use(const struct iommu_endpoint *base)
{
	struct iommu_use *use;

	if (base->domain == NULL || vtd_domain_of(base->domain)->type == 0)
		return NULL;
	use = use_of(vtd_endpoint_of(base), vtd_domain_of(base->domain));
	return use->domain != NULL ? use : NULL;
}

static void leave_current(const struct iommu_endpoint *base)
{
	struct iommu_use *use = current_use(base);

	if (use != NULL)
		end_use(use);
}

static int attach(struct vtd_domain *domain, struct vtd_endpoint *endpoint)
{
	int status = use_domain(use_of(endpoint, NULL), domain, endpoint, 0);

	if (status == 0)
		leave_current(endpoint->base);
	return status;
}

int iommu_vtd_paging_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	int status = check(vtd_domain_of(base), vtd_endpoint_of(endpoint));

	return status != 0 ? status : attach(vtd_domain_of(base), vtd_endpoint_of(endpoint));
}

int iommu_vtd_identity_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	int status = check(vtd_domain_of(base), vtd_endpoint_of(endpoint));

	/* What is not translated needs no entry; one of before the bypass goes. */
	if (status == IOMMU_EPERM)
		return endpoint->domain != NULL ? iommu_vtd_detach(base, endpoint) : 0;
	return status != 0 ? status : attach(vtd_domain_of(base), vtd_endpoint_of(endpoint));
}

int iommu_vtd_detach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	int status = iommu_vtd_translation_set(vtd_endpoint_of(endpoint), 0, NULL);

	(void)base;
	leave_current(endpoint);
	/* There may have been nothing to take away, and something that is not confirmed. */
	return status != 0 ? status : iommu_vtd_confirm(vtd_unit_of(endpoint->unit));
}

/*
 * Of an attach that failed: hardware may go on as before, and so does what is said of the endpoint.
 */
static void put_back(struct iommu_use *use)
{
	struct vtd_endpoint *endpoint = use->user;
	const struct iommu_place *place = iommu_place_find(use->domain, endpoint->unit);
	struct vtd_translation translation;

	describe(&translation, domain_of(use), endpoint, place->id);
	iommu_vtd_translation_put_back(endpoint, use->pasid, &translation);
}

int iommu_vtd_blocked_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct iommu_use *use;
	int status;

	if (vtd_unit_of(endpoint->unit)->bypassed)
		return VTD_REFUSE_ENDPOINT(vtd_endpoint_of(endpoint), IOMMU_EPERM, BYPASSED);
	if (endpoint->domain == NULL && !iommu_vtd_is_inherited(endpoint))
		return iommu_vtd_confirm(vtd_unit_of(endpoint->unit));
	use = current_use(endpoint);
	if (use == NULL)
		return iommu_vtd_detach(base, endpoint);
	status = iommu_vtd_translation_set(use->user, 0, NULL);
	if (status != 0)
		put_back(use);
	else
		end_use(use);
	return status;
}

int iommu_vtd_block_inherited(struct iommu_endpoint *endpoint)
{
	return iommu_vtd_translation_set(vtd_endpoint_of(endpoint), 0, NULL);
}

/* --- Requests with a PASID -------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

static struct iommu_use *pasid_use(struct vtd_endpoint *endpoint, uint32_t pasid)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &endpoint->pasids) {
		struct iommu_use *use = iommu_container_of(node, struct iommu_use, link);

		if (use->pasid == pasid)
			return use;
	}
	return NULL;
}

static void drop_pasid_use(struct iommu_use *use)
{
	struct vtd_probe *probe = ((const struct vtd_endpoint *)use->user)->unit->probe;

	iommu_list_remove(&use->link);
	end_use(use);
	iommu_object_free(&probe->use_cache, use);
}

int iommu_vtd_attach_pasid(struct iommu_domain *base, struct iommu_endpoint *base_endpoint,
			   uint32_t pasid, struct iommu_domain *before)
{
	struct vtd_endpoint *endpoint = vtd_endpoint_of(base_endpoint);
	struct vtd_domain *domain = vtd_domain_of(base);
	struct iommu_use *old = pasid_use(endpoint, pasid);
	int status = check(domain, endpoint);
	struct iommu_use *use;

	(void)before; /* the use tells */
	if (status != 0)
		return status;
	if (!vtd_is_scalable(endpoint->unit))
		return VTD_REFUSE_ENDPOINT(endpoint, IOMMU_EOPNOTSUPP,
					   "its unit is in legacy mode, which has no PASIDs");
	if (pasid >> endpoint->unit->caps.pasid_bits != 0 || pasid >= VTD_PASIDS_MAX)
		return VTD_REFUSE_ENDPOINT(endpoint, IOMMU_EINVAL, "its unit has no such PASID");
	use = iommu_object_alloc(&domain->probe->use_cache, 0);
	if (use == NULL)
		return IOMMU_ENOMEM;
	status = use_domain(use, domain, endpoint, pasid);
	if (status != 0) {
		iommu_object_free(&domain->probe->use_cache, use);
		return status;
	}
	iommu_list_insert(&endpoint->pasids, &use->link);
	if (old != NULL)
		drop_pasid_use(old);
	return 0;
}

int iommu_vtd_detach_pasid(struct iommu_domain *base, struct iommu_endpoint *base_endpoint,
			   uint32_t pasid)
{
	struct vtd_endpoint *endpoint = vtd_endpoint_of(base_endpoint);
	struct iommu_use *use = pasid_use(endpoint, pasid);
	int status;

	(void)base;
	if (use == NULL)
		return iommu_vtd_confirm(endpoint->unit); /* an attach that failed */
	status = iommu_vtd_translation_set(endpoint, pasid, NULL);
	drop_pasid_use(use);
	return status;
}

#endif
