/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the peer's VT-d driver does after a change of tables: functions cut out of
 * drivers/iommu/intel/cache.c and iommu.c, and the operations of a domain over them.
 */
#include "iommu-pages.h"
#include "vtd_7.3.h"

#define BITS_PER_LONG                       64
#define PCI_DEVID(bus, devfn)               ((u16)((bus) << 8 | (devfn)))
#define dev_iommu_priv_get(device)          ((struct device_domain_info *)(device)->iommu->priv)
#define trace_cache_tag_flush_range(...)    ((void)0)
#define trace_cache_tag_flush_range_np(...) ((void)0)
#define iommu_flush_write_buffer(iommu)     ((void)(iommu))
#define __iommu_flush_iotlb(...)            abort()
#define intel_domain_is_fs_paging(of)       ((of)->domain.ops == &first_stage_ops)
#define cap_caching_mode(cap)               (((cap) >> 7) & 1)

static const struct iommu_domain_ops first_stage_ops;

#include "vtd_cache_functions.h"

static const struct iommu_domain_ops second_stage_ops = {
	IOMMU_PT_DOMAIN_OPS(vtdss),
	.flush_iotlb_all = intel_flush_iotlb_all,
	.iotlb_sync_map = intel_iommu_iotlb_sync_map,
	.iotlb_sync = intel_iommu_tlb_sync,
};

void shim_vtd_attach(struct dmar_domain *domain)
{
	struct cache_tag *tag = calloc(1, sizeof(*tag));

	domain->qi_batch = calloc(1, sizeof(*domain->qi_batch));
	if (tag == NULL || domain->qi_batch == NULL)
		abort();
	*tag = (struct cache_tag){
		.type = CACHE_TAG_IOTLB,
		.iommu = shim_vtd_create(),
		.domain_id = 2,
		.users = 1,
	};
	spin_lock_init(&domain->cache_lock);
	INIT_LIST_HEAD(&domain->cache_tags);
	list_add_tail(&tag->node, &domain->cache_tags);
	domain->domain.ops = &second_stage_ops;
}

void shim_vtd_detach(struct dmar_domain *domain)
{
	struct cache_tag *tag = container_of(domain->cache_tags.next, struct cache_tag, node);

	shim_vtd_destroy(tag->iommu);
	free(tag);
	free(domain->qi_batch);
}
