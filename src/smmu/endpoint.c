/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver asks of an endpoint: its stream table entries, and features. */
#include "smmu/endpoint.h"

#include <libiommu/status.h>

#include "smmu/context.h"
#include "smmu/domain.h"
#include "smmu/stream_table.h"
#include "smmu/unit.h"

static int create(struct iommu_driven_endpoint *endpoint)
{
	struct smmu_unit *unit = smmu_of(endpoint->unit);
	unsigned int i;
	int status = 0;

	for (i = 0; i < endpoint->ids.count && status == 0; i++)
		status = iommu_smmu_stream_create(unit, endpoint->ids.ids[i]);
	if (status == 0 && smmu_has0(unit, SMMU_IDR0_S1P))
		status = iommu_smmu_contexts_alloc(unit, 1, &smmu_own(endpoint)->alone);
	return status;
}

static void free_contexts(struct iommu_driven_endpoint *endpoint)
{
	struct smmu_endpoint *own = smmu_own(endpoint);

	if (own->contexts != NULL)
		iommu_driven_contexts_free(&own->contexts->common);
	if (own->alone != NULL)
		iommu_driven_contexts_free(&own->alone->common);
}

static bool allows_tlb(const struct iommu_driven_unit *unit)
{
	return smmu_has0(smmu_of(unit), SMMU_IDR0_ATS) && !smmu_must_stall(smmu_of(unit));
}

/* --- PASIDs and page requests ----------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

static unsigned int pasid_bits(const struct iommu_driven_endpoint *endpoint)
{
	const struct smmu_contexts *contexts = smmu_own(endpoint)->contexts;

	return contexts != NULL ? contexts->bits : 0;
}

/* How requests without a PASID are translated now; NULL: they are blocked. */
static const struct smmu_translation *describe(struct smmu_translation *translation,
					       const struct smmu_endpoint *own,
					       const struct iommu_placed *domain, uint16_t id)
{
	if (domain == NULL)
		return NULL;
	iommu_smmu_describe(translation, smmu_domain_of(&domain->base), own, id);
	return translation;
}

static int enable_pasids(struct iommu_driven_endpoint *endpoint, struct iommu_placed *domain,
			 uint16_t id)
{
	struct smmu_endpoint *own = smmu_own(endpoint);
	struct smmu_translation translation;

	return iommu_smmu_pasids_enable(own, describe(&translation, own, domain, id));
}

static int disable_pasids(struct iommu_driven_endpoint *endpoint, struct iommu_placed *domain,
			  uint16_t id)
{
	struct smmu_endpoint *own = smmu_own(endpoint);
	struct smmu_translation translation;

	return iommu_smmu_pasids_disable(own, describe(&translation, own, domain, id));
}

static int set_page_requests(struct iommu_driven_endpoint *endpoint, bool enable)
{
	endpoint->page_requests = enable;
	return 0;
}

#endif

const struct iommu_driver_endpoint_ops iommu_smmu_endpoint_ops = {
	.attach = &iommu_smmu_attach_ops,
	.create = create,
	.free = free_contexts,
	.allows_tlb = allows_tlb,
	.close = iommu_smmu_stream_close,
#if IOMMU_CONFIG_DEVICE_TLB
	.store_tlb = iommu_smmu_tlb_store,
	.tell_entry = iommu_smmu_stream_tell,
	.keeps = iommu_smmu_tlb_keeps,
	.empty_tlb = iommu_smmu_tlb_empty,
#endif
#if IOMMU_CONFIG_SCALABLE
	.pasid_bits = pasid_bits,
	.enable_pasids = enable_pasids,
	.disable_pasids = disable_pasids,
	.set_page_requests = set_page_requests,
#endif
};
