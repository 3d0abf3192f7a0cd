/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation requests of the owner of a nested domain's first stage. They come from outside: each
 * is checked, and becomes descriptors under the domain's own ids only.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/log.h"
#include "base/memory.h"
#include "vtd/domain.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_SCALABLE

bool iommu_vtd_rest_is_zero(const void *user, size_t from, size_t size)
{
	const unsigned char *bytes = user;

	while (from < size)
		if (bytes[from++] != 0)
			return false;
	return true;
}

/* 0 with the range that a request means. */
static int check(const struct iommu_vtd_invalidation *request, iommu_iova_t *start,
		 iommu_iova_t *last)
{
	if ((request->flags & ~(uint32_t)IOMMU_VTD_LEAVES_ONLY) != 0 || request->reserved != 0)
		return IOMMU_EOPNOTSUPP;
	*start = 0;
	*last = UINT64_MAX;
	if (request->pages == UINT64_MAX)
		return request->address == 0 ? 0 : IOMMU_EINVAL;
	if (request->pages == 0 || (request->address & (IOMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_EINVAL;
	if (request->pages - 1 > (UINT64_MAX - request->address) >> IOMMU_PAGE_SHIFT)
		return IOMMU_EOVERFLOW;
	*start = request->address;
	*last = request->address + ((request->pages - 1) << IOMMU_PAGE_SHIFT) +
		(IOMMU_PAGE_SIZE - 1);
	return 0;
}

int iommu_vtd_invalidate_user(struct iommu_domain *domain, const void *requests,
			      size_t request_size, unsigned int count, unsigned int *done)
{
	const unsigned char *bytes = requests;
	int status = 0;

	/* Without a request the question is whether there could be any. */
	if (count != 0 && request_size < sizeof(struct iommu_vtd_invalidation))
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EINVAL,
				    "a request is shorter than a struct iommu_vtd_invalidation");
	for (*done = 0; *done < count && status == 0; bytes += request_size) {
		struct iommu_vtd_invalidation request;
		iommu_iova_t start, last;

		memcpy(&request, bytes, sizeof(request));
		status = iommu_vtd_rest_is_zero(bytes, sizeof(request), request_size)
				 ? check(&request, &start, &last)
				 : IOMMU_EOPNOTSUPP;
		if (status != 0)
			return IOMMU_REFUSE(
				domain->iommu, "", status,
				"a request's range, flags or reserved bytes make no sense");
		status = iommu_vtd_invalidate_foreign(domain, start, last,
						      (request.flags & IOMMU_VTD_LEAVES_ONLY) != 0);
		*done += status == 0;
	}
	return status;
}

#endif
