/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a stream table entry or a context says of a domain. Who may be attached to which is in
 * driver/attach.c.
 */
#include "unit/attach.h"

#include <libiommu/aarch64.h>
#include <libiommu/backend/ops.h>
#include <libiommu/hw/arm_page_table.h>
#include <libiommu/status.h>

#include "smmu/command.h"
#include "smmu/domain.h"
#include "smmu/endpoint.h"
#include "smmu/stream.h"
#include "smmu/stream_table.h"
#include "smmu/unit.h"
#include "unit/invalidation.h"

static struct smmu_endpoint *endpoint_of(struct iommu_attached *attached)
{
	return iommu_container_of(attached, struct smmu_endpoint, common.attached);
}

/* --- What a context says of a domain ---------------------------------------------------------- */

static iommu_paddr_t root_of(const struct iommu_pgtable *pt)
{
	return iommu_virt_to_phys(pt->platform, pt->root);
}

/* Hardware caps what it is told to what it has. */
static unsigned int size_of_addresses(const struct iommu_pgtable *pt)
{
	return vmsa_physical_size(iommu_vmsa_output_bits(pt));
}

static void describe_first(struct smmu_cd *cd, const struct smmu_unit *unit,
			   const struct iommu_pgtable *pt, uint16_t id)
{
	smmu_word_t *words = cd->words;

	smmu_set(words, SMMU_CD_V, 1);
	smmu_set(words, SMMU_CD_AA64, 1);
	smmu_set(words, SMMU_CD_T0SZ, 64 - iommu_vmsa_input_bits(pt));
	smmu_set(words, SMMU_CD_TG0, vmsa_tg0(iommu_vmsa_granule_shift(pt)));
	smmu_set(words, SMMU_CD_IR0, SMMU_WRITE_BACK_ALLOCATE);
	smmu_set(words, SMMU_CD_OR0, SMMU_WRITE_BACK_ALLOCATE);
	smmu_set(words, SMMU_CD_SH0, SMMU_INNER_SHAREABLE);
	smmu_set(words, SMMU_CD_EPD1, 1);
	smmu_set(words, SMMU_CD_IPS, size_of_addresses(pt));
	smmu_set(words, SMMU_CD_HA, iommu_vmsa_sets_access_flag(pt));
	smmu_set(words, SMMU_CD_HD, iommu_vmsa_notes_writes(pt));
	smmu_set(words, SMMU_CD_S, smmu_must_stall(unit));
	smmu_set(words, SMMU_CD_R, 1);
	smmu_set(words, SMMU_CD_A, 1);
	smmu_set(words, SMMU_CD_ASET, 1);
	smmu_set(words, SMMU_CD_ASID, id);
	smmu_set_address(words, SMMU_CD_TTB0, root_of(pt));
	words[SMMU_CD_MAIR] = VMSA_MAIR;
}

static void describe_second(struct smmu_ste *ste, const struct smmu_unit *unit,
			    const struct iommu_pgtable *pt, uint16_t id)
{
	smmu_word_t *words = ste->words;

	smmu_set(words, SMMU_STE_S2VMID, id);
	smmu_set(words, SMMU_STE_S2T0SZ, 64 - iommu_vmsa_input_bits(pt));
	smmu_set(words, SMMU_STE_S2SL0, iommu_vmsas2_sl0(pt));
	smmu_set(words, SMMU_STE_S2IR0, SMMU_WRITE_BACK_ALLOCATE);
	smmu_set(words, SMMU_STE_S2OR0, SMMU_WRITE_BACK_ALLOCATE);
	smmu_set(words, SMMU_STE_S2SH0, SMMU_INNER_SHAREABLE);
	smmu_set(words, SMMU_STE_S2TG, vmsa_tg0(iommu_vmsa_granule_shift(pt)));
	smmu_set(words, SMMU_STE_S2PS, size_of_addresses(pt));
	smmu_set(words, SMMU_STE_S2AA64, 1);
	smmu_set(words, SMMU_STE_S2PTW, 1);
	smmu_set(words, SMMU_STE_S2HA, iommu_vmsa_sets_access_flag(pt));
	smmu_set(words, SMMU_STE_S2HD, iommu_vmsa_notes_writes(pt));
	smmu_set(words, SMMU_STE_S2S, smmu_must_stall(unit));
	smmu_set(words, SMMU_STE_S2R, 1);
	smmu_set_address(words, SMMU_STE_S2TTB, root_of(pt));
}

static enum smmu_ste_config config_of(const struct smmu_domain *domain)
{
	switch (domain->type) {
	case SMMU_FIRST_STAGE:
		return SMMU_STE_STAGE_1;
	case SMMU_SECOND_STAGE:
		return SMMU_STE_STAGE_2;
	case SMMU_NESTED:
		/* A guest's bypass ends at the stage below; its abort is one. */
		switch ((enum smmu_ste_config)smmu_get(domain->guest, SMMU_STE_CONFIG)) {
		case SMMU_STE_STAGE_1:
			return SMMU_STE_NESTED;
		case SMMU_STE_BYPASS:
			return SMMU_STE_STAGE_2;
		case SMMU_STE_ABORT:
		case SMMU_STE_STAGE_2:
		case SMMU_STE_NESTED:
		default:
			return SMMU_STE_ABORT;
		}
	case SMMU_IDENTITY:
		return SMMU_STE_BYPASS;
	case SMMU_BLOCKED:
	default:
		return SMMU_STE_ABORT;
	}
}

/* What the guest says of its own stage; the configuration is the host's. */
static void add_guest(struct smmu_ste *ste, const struct smmu_domain *domain)
{
	ste->words[0] |= domain->guest[0] &
			 ~(smmu_field_mask(SMMU_STE_V) | smmu_field_mask(SMMU_STE_CONFIG));
	ste->words[1] |= domain->guest[1];
}

void iommu_smmu_describe(struct smmu_translation *translation, const struct smmu_domain *domain,
			 const struct smmu_endpoint *endpoint, uint16_t id)
{
	const struct smmu_unit *unit = smmu_unit_behind(endpoint);

	*translation = (struct smmu_translation){.config = config_of(domain)};
	if (domain->type == SMMU_FIRST_STAGE)
		describe_first(&translation->context, unit, &domain->common.pgtable, id);
	if (domain->type == SMMU_SECOND_STAGE)
		describe_second(&translation->stream, unit, &domain->common.pgtable, id);
	if (domain->type != SMMU_NESTED || translation->config == SMMU_STE_ABORT)
		return;
	describe_second(&translation->stream, unit, &domain->common.parent->pgtable,
			iommu_place_find(domain->common.parent, unit)->id);
	if (translation->config == SMMU_STE_NESTED)
		add_guest(&translation->stream, domain);
}

static int set(struct iommu_attached *attached, uint32_t pasid, struct iommu_placed *domain,
	       uint16_t id)
{
	struct smmu_endpoint *endpoint = endpoint_of(attached);
	struct smmu_translation translation;

	if (domain == NULL)
		return iommu_smmu_translation_set(endpoint, pasid, NULL);
	iommu_smmu_describe(&translation, smmu_domain_of(&domain->base), endpoint, id);
	return iommu_smmu_translation_set(endpoint, pasid, &translation);
}

/* Of requests without a PASID alone: a PASID is not put back. */
static void put_back(struct iommu_attached *attached, uint32_t pasid, struct iommu_placed *domain,
		     uint16_t id)
{
	struct smmu_endpoint *endpoint = endpoint_of(attached);
	struct smmu_translation translation;

	(void)pasid;
	iommu_smmu_describe(&translation, smmu_domain_of(&domain->base), endpoint, id);
	iommu_smmu_translation_put_back(endpoint, &translation);
}

const struct iommu_attach_ops iommu_smmu_attach_ops = {
	.set = set,
	.put_back = put_back,
#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
	.is_special = iommu_driven_is_special,
#endif
};
