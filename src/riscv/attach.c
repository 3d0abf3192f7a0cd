/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaching: who may use which domain, and what a context says of it. When uses begin and end is in
 * unit/attach.c.
 */
#include "unit/attach.h"

#include <libiommu/backend/ops.h>
#include <libiommu/hw/riscv_device_directory.h>
#include <libiommu/status.h>

#include "riscv/command.h"
#include "riscv/context.h"
#include "riscv/directory.h"
#include "riscv/domain.h"
#include "riscv/endpoint.h"
#include "riscv/unit.h"
#include "unit/invalidation.h"

static struct riscv_endpoint *endpoint_of(struct iommu_attached *attached)
{
	return iommu_container_of(attached, struct riscv_endpoint, attached);
}

/* May this endpoint use a domain at all? */
static int check(const struct riscv_endpoint *endpoint)
{
	return iommu_device_tlb_is_lost(&endpoint->tlb)
		       ? RISCV_REFUSE_ENDPOINT(
				 endpoint, IOMMU_EIO,
				 "its TLB did not answer: it is blocked until it is reset")
		       : 0;
}

/* --- What a context says of a domain ---------------------------------------------------------- */

/* The modes of 3, 4 and 5 levels are 8, 9 and 10, in either stage. */
static unsigned int mode_of(const struct riscv_domain *domain)
{
	return domain->common.pgtable.levels + (RISCV_IOSATP_SV39 - 3);
}

static iommu_paddr_t root_of(const struct riscv_domain *domain)
{
	return iommu_virt_to_phys(domain->shared->platform, domain->common.pgtable.root);
}

static void describe_second(struct riscv_translation *translation,
			    const struct riscv_domain *domain, uint16_t guest)
{
	uint64_t *words = translation->words;

	translation->second_stage = true;
	words[RISCV_CONTEXT_IOHGATP] = riscv_iohgatp((enum riscv_second_stage_mode)mode_of(domain),
						     guest, root_of(domain));
	if (domain->dirty_wanted)
		words[RISCV_CONTEXT_TC] |= RISCV_TC_GADE;
	words[RISCV_CONTEXT_MSIPTP] = domain->msi_table;
	words[RISCV_CONTEXT_MSI_ADDRESS_MASK] = domain->msi_mask;
	words[RISCV_CONTEXT_MSI_ADDRESS_PATTERN] = domain->msi_pattern;
}

static void describe_first(struct riscv_translation *translation, const struct riscv_domain *domain,
			   uint16_t process)
{
	uint64_t *words = translation->words;

	if (!riscv_domain_has_table(domain)) {
		/* Of the host's own: its ids are ours. A guest's are its own. */
		words[RISCV_CONTEXT_TC] |= domain->foreign_tc;
		words[RISCV_CONTEXT_FSC] = domain->foreign_fsc;
		words[RISCV_CONTEXT_TA] =
			domain->type == RISCV_NESTED ? domain->foreign_ta : riscv_ta(process);
		return;
	}
	words[RISCV_CONTEXT_TA] = riscv_ta(process);
	words[RISCV_CONTEXT_FSC] =
		riscv_iosatp((enum riscv_first_stage_mode)mode_of(domain), root_of(domain));
	if (domain->dirty_wanted)
		words[RISCV_CONTEXT_TC] |= RISCV_TC_SADE;
}

void iommu_riscv_describe(struct riscv_translation *translation, struct riscv_domain *domain,
			  const struct riscv_endpoint *endpoint, uint16_t id)
{
	*translation = (struct riscv_translation){.words = {RISCV_TC_VALID}};
	if (domain->type == RISCV_SECOND_STAGE)
		describe_second(translation, domain, id);
	if (domain->type == RISCV_NESTED)
		describe_second(translation, riscv_domain_of(&domain->common.parent->base),
				iommu_place_find(domain->common.parent, endpoint->unit)->id);
	if (domain->type == RISCV_FIRST_STAGE || domain->type == RISCV_NESTED)
		describe_first(translation, domain, id);
	/* No table is translated by: the id says nothing, but that there was a user. */
	if (domain->type == RISCV_BARE)
		translation->words[RISCV_CONTEXT_TA] = riscv_ta(id);
}

static int set(struct iommu_attached *attached, uint32_t pasid, struct iommu_placed *domain,
	       uint16_t id)
{
	struct riscv_endpoint *endpoint = endpoint_of(attached);
	struct riscv_translation translation;

	if (domain == NULL)
		return iommu_riscv_translation_set(endpoint, pasid, NULL);
	/* From now on guests' ids are in use below those of the second stage. */
	if (riscv_domain_of(&domain->base)->type == RISCV_NESTED)
		__atomic_store_n(&endpoint->unit->has_nested, true, __ATOMIC_RELEASE);
	iommu_riscv_describe(&translation, riscv_domain_of(&domain->base), endpoint, id);
	return iommu_riscv_translation_set(endpoint, pasid, &translation);
}

static void put_back(struct iommu_attached *attached, uint32_t pasid, struct iommu_placed *domain,
		     uint16_t id)
{
	struct riscv_endpoint *endpoint = endpoint_of(attached);
	struct riscv_translation translation;

	iommu_riscv_describe(&translation, riscv_domain_of(&domain->base), endpoint, id);
	iommu_riscv_translation_put_back(endpoint, pasid, &translation);
}

#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
/* A command of its own, beyond what is said under the domain's id: for a device's TLB. */
static bool is_special(struct iommu_attached *attached, const struct iommu_placed *domain,
		       uint32_t pasid)
{
	(void)domain;
	(void)pasid;
	return endpoint_of(attached)->device_tlb;
}
#endif

const struct iommu_attach_ops iommu_riscv_attach_ops = {
	.set = set,
	.put_back = put_back,
#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
	.is_special = is_special,
#endif
};

/* --- Requests without a PASID ----------------------------------------------------------------- */

static int attach_ended(const struct riscv_endpoint *endpoint, int status)
{
	return status == IOMMU_ENOSPC
		       ? RISCV_REFUSE_ENDPOINT(endpoint, IOMMU_ENOSPC, "its unit has no free id")
		       : status;
}

int iommu_riscv_attach(struct iommu_domain *base, struct iommu_endpoint *base_endpoint)
{
	struct riscv_endpoint *endpoint = riscv_endpoint_of(base_endpoint);
	int status = check(endpoint);

	if (status == 0)
		status = iommu_attached_set(&endpoint->attached, iommu_placed_of(base));
	return attach_ended(endpoint, status);
}

/* Invalidations that had found it before wait for it: not while it is being reset. */
static void leave_alone(const struct riscv_endpoint *endpoint)
{
	if (endpoint->in_reset)
		iommu_device_tlb_drain(&endpoint->tlb, endpoint->unit->common.platform);
}

int iommu_riscv_detach(struct iommu_domain *base, struct iommu_endpoint *base_endpoint)
{
	struct riscv_endpoint *endpoint = riscv_endpoint_of(base_endpoint);
	int status = iommu_attached_clear(&endpoint->attached, false);

	(void)base;
	leave_alone(endpoint);
	/* There may have been nothing to take away, and something that is not confirmed. */
	return status != 0 ? status : iommu_riscv_confirm(endpoint->unit);
}

int iommu_riscv_blocked_attach(struct iommu_domain *base, struct iommu_endpoint *base_endpoint)
{
	struct riscv_endpoint *endpoint = riscv_endpoint_of(base_endpoint);
	int status;

	(void)base;
	/* What is open from before comes first: once the endpoint is blocked nothing may fail. */
	status = iommu_riscv_confirm(endpoint->unit);
	if (status != 0 || base_endpoint->domain == NULL)
		return status;
	status = iommu_attached_clear(&endpoint->attached, true);
	leave_alone(endpoint);
	return status;
}

/* --- Requests with a PASID -------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

bool iommu_riscv_has_pasid(const struct iommu_endpoint *endpoint, uint32_t pasid)
{
	return iommu_attached_has_pasid(&riscv_endpoint_of(endpoint)->attached, pasid);
}

int iommu_riscv_attach_pasid(struct iommu_domain *base, struct iommu_endpoint *base_endpoint,
			     uint32_t pasid, struct iommu_domain *before)
{
	struct riscv_endpoint *endpoint = riscv_endpoint_of(base_endpoint);
	int status = check(endpoint);

	(void)before; /* the use tells */
	if (status != 0)
		return status;
	if (endpoint->processes == NULL)
		return RISCV_REFUSE_ENDPOINT(endpoint, IOMMU_EOPNOTSUPP,
					     "its PASIDs are not enabled");
	if (pasid >> riscv_process_id_bits(endpoint->processes->levels) != 0)
		return RISCV_REFUSE_ENDPOINT(endpoint, IOMMU_EINVAL, "its unit has no such PASID");
	status = iommu_attached_set_pasid(&endpoint->attached, iommu_placed_of(base), pasid);
	return attach_ended(endpoint, status);
}

int iommu_riscv_detach_pasid(struct iommu_domain *base, struct iommu_endpoint *base_endpoint,
			     uint32_t pasid)
{
	struct riscv_endpoint *endpoint = riscv_endpoint_of(base_endpoint);
	int status = iommu_attached_clear_pasid(&endpoint->attached, pasid);

	(void)base;
	leave_alone(endpoint);
	/* As above: nothing may be left to take away, of an attach that failed. */
	return status != 0 ? status : iommu_riscv_confirm(endpoint->unit);
}

#endif
