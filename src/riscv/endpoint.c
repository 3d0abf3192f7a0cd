/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver asks of an endpoint: its device contexts, and features. */
#include "riscv/endpoint.h"

#include <libiommu/status.h>

#include "riscv/context.h"
#include "riscv/directory.h"
#include "riscv/domain.h"
#include "riscv/process.h"
#include "riscv/unit.h"

static int create(struct iommu_driven_endpoint *endpoint)
{
	unsigned int i;
	int status = 0;

	for (i = 0; i < endpoint->ids.count && status == 0; i++)
		status = iommu_riscv_context_create(riscv_of(endpoint->unit), endpoint->ids.ids[i]);
	return status;
}

static void free_processes(struct iommu_driven_endpoint *endpoint)
{
	struct riscv_endpoint *own = riscv_own(endpoint);

	if (own->processes != NULL)
		iommu_driven_contexts_free(&own->processes->common);
}

static bool allows_tlb(const struct iommu_driven_unit *unit)
{
	return riscv_has(riscv_of(unit), RISCV_CAP_ATS);
}

static void tlb_is_empty(struct iommu_driven_endpoint *endpoint)
{
	riscv_own(endpoint)->guest_pasids = false;
}

/* --- PASIDs and page requests ----------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

static unsigned int pasid_bits(const struct iommu_driven_endpoint *endpoint)
{
	const struct riscv_processes *processes = riscv_own(endpoint)->processes;

	return processes != NULL ? riscv_process_id_bits(processes->levels) : 0;
}

/* How requests without a PASID are translated now; NULL: they are blocked. */
static const struct riscv_translation *describe(struct riscv_translation *translation,
						const struct riscv_endpoint *own,
						struct iommu_placed *domain, uint16_t id)
{
	if (domain == NULL)
		return NULL;
	iommu_riscv_describe(translation, riscv_domain_of(&domain->base), own, id);
	return translation;
}

static int enable_pasids(struct iommu_driven_endpoint *endpoint, struct iommu_placed *domain,
			 uint16_t id)
{
	struct riscv_endpoint *own = riscv_own(endpoint);
	struct riscv_translation translation;

	return iommu_riscv_pasids_enable(own, describe(&translation, own, domain, id));
}

static int disable_pasids(struct iommu_driven_endpoint *endpoint, struct iommu_placed *domain,
			  uint16_t id)
{
	struct riscv_endpoint *own = riscv_own(endpoint);
	struct riscv_translation translation;

	return iommu_riscv_pasids_disable(own, describe(&translation, own, domain, id));
}

static int set_page_requests(struct iommu_driven_endpoint *endpoint, bool enable)
{
	const int status = iommu_riscv_page_requests_set(riscv_own(endpoint), enable);

	return status == 0 && !enable ? iommu_driven_requests_drain(endpoint->unit) : status;
}

#endif

const struct iommu_driver_endpoint_ops iommu_riscv_endpoint_ops = {
	.attach = &iommu_riscv_attach_ops,
	.create = create,
	.free = free_processes,
	.allows_tlb = allows_tlb,
	.close = iommu_riscv_context_close,
#if IOMMU_CONFIG_DEVICE_TLB
	.store_tlb = iommu_riscv_tlb_store,
	.tell_entry = iommu_riscv_context_tell,
	.keeps = iommu_riscv_tlb_keeps,
	.empty_tlb = iommu_riscv_tlb_empty,
#endif
	.tlb_is_empty = tlb_is_empty,
#if IOMMU_CONFIG_SCALABLE
	.pasid_bits = pasid_bits,
	.enable_pasids = enable_pasids,
	.disable_pasids = disable_pasids,
	.set_page_requests = set_page_requests,
#endif
};
