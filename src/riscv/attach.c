/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a context says of a domain. Who may be attached to which is in driver/attach.c.
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
	return iommu_container_of(attached, struct riscv_endpoint, common.attached);
}

/* --- What a context says of a domain ---------------------------------------------------------- */

/* The modes of 3, 4 and 5 levels are 8, 9 and 10, in either stage. */
static unsigned int mode_of(const struct riscv_domain *domain)
{
	return domain->common.pgtable.levels + (RISCV_IOSATP_SV39 - 3);
}

static iommu_paddr_t root_of(const struct riscv_domain *domain)
{
	return iommu_virt_to_phys(domain->common.platform, domain->common.pgtable.root);
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
		describe_second(
			translation, riscv_domain_of(&domain->common.parent->base),
			iommu_place_find(domain->common.parent, riscv_unit_behind(endpoint))->id);
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
		__atomic_store_n(&riscv_unit_behind(endpoint)->has_nested, true, __ATOMIC_RELEASE);
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

const struct iommu_attach_ops iommu_riscv_attach_ops = {
	.set = set,
	.put_back = put_back,
#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
	.is_special = iommu_driven_is_special,
#endif
};
