/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One page, the usual case of a driver's buffer: what iommu_map and iommu_unmap do where it is one
 * store in a table, in line, for them and for the DMA mapping API. And what all of map.c shares.
 */
#ifndef IOMMU_GROUP_MAP_PAGE_H
#define IOMMU_GROUP_MAP_PAGE_H

#include <libiommu/backend/ops.h>
#include <libiommu/domain.h>

#include "base/trace.h"
#include "unit/confirmation.h"

/* How an invalidation in the domain ended, before which so many had failed. */
int iommu_note_sync(struct iommu_domain *domain, uint32_t failures, int status);

/* Tell hardware of what was mapped, where any of the domain's wants to be told. */
static inline int iommu_tell_of_map(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	if (domain->tells_of_maps != NULL &&
	    __builtin_expect(!__atomic_load_n(domain->tells_of_maps, __ATOMIC_RELAXED), 1))
		return 0;
	return domain->ops->sync_map(domain, iova, size);
}

/* A page that was unmapped is told to the host's trace, and then to hardware: as sync_page. */
int iommu_sync_traced_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);

/*
 * What was mapped a moment ago, and is not to stay: settled however far that comes. The answer is
 * why, unless it was not confirmed: that devices may reach the memory is what the caller has to
 * know first.
 */
int iommu_take_map_back(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, int why);

/*
 * Memory as the tables name it: a machine that encrypts memory tells private and shared pages apart
 * by address.
 */
static inline iommu_paddr_t iommu_encode_memory(const struct iommu_domain *domain,
						iommu_paddr_t paddr, unsigned int prot)
{
	if (!IOMMU_CONFIG_ENCRYPTION)
		return paddr;
	if (__builtin_expect((prot & (IOMMU_PROT_SHARED | IOMMU_PROT_MMIO)) == 0, 1))
		return paddr | domain->private_bits;
	return (prot & IOMMU_PROT_SHARED) != 0 ? paddr | domain->shared_bits : paddr;
}

/*
 * What was mapped by stores alone is in the table: 0, or why it was taken back.
 */
static inline __attribute__((always_inline)) int
iommu_settle_stored(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	int status = 0;

	/* Not on top of an earlier unmap that was not confirmed: it may have been of this page. */
	if (__builtin_expect(iommu_confirmation_is_open(&domain->confirmation), 0))
		status = iommu_domain_flush(domain);
	if (__builtin_expect(status == 0, 1))
		status = iommu_tell_of_map(domain, iova, size);
	if (__builtin_expect(status != 0, 0))
		status = iommu_take_map_back(domain, iova, size, status);
	return status;
}

/* As iommu_map, of encoded memory; false: not this way, and nothing has happened. */
static inline __attribute__((always_inline)) bool
iommu_map_one_page(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		   uint64_t size, unsigned int prot, int *status)
{
	const struct iommu_page_ops *ops = domain->page_ops;

	if (ops == NULL || __builtin_expect(!ops->map_page(domain, iova, paddr, size, prot), 0))
		return false;
	*status = iommu_settle_stored(domain, iova, size);
	iommu_trace_map(domain, iova, size, *status);
	return true;
}

/* As iommu_unmap; false: not this way, and nothing has happened. */
static inline __attribute__((always_inline)) bool
iommu_unmap_one_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, int *status)
{
	const struct iommu_page_ops *ops = domain->page_ops;
	uint32_t failures;

	if (ops == NULL || __builtin_expect(!ops->unmap_page(domain, iova, size), 0))
		return false;
	if (iommu_is_traced(domain)) {
		*status = iommu_sync_traced_page(domain, iova, size);
		return true;
	}
	failures = iommu_confirmation_begin(&domain->confirmation);
	*status = ops->sync_page(domain, iova, size);
	if (__builtin_expect(*status != 0 || iommu_confirmation_is_open(&domain->confirmation), 0))
		*status = iommu_note_sync(domain, failures, *status);
	return true;
}

#endif
