/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands of the owner of a nested domain's first stage, as its own unit would take them. They
 * come from outside: the family checks each, and it becomes commands under the guest's id only.
 */
#include <libiommu/status.h>

#include "driver/domain.h"

#if IOMMU_CONFIG_SCALABLE

bool iommu_driver_rest_is_zero(const void *user, size_t from, size_t size)
{
	const unsigned char *bytes = user;

	while (from < size)
		if (bytes[from++] != 0)
			return false;
	return true;
}

int iommu_driver_invalidate_user(struct iommu_domain *domain,
				 const struct iommu_driver_user_requests *ops, const void *requests,
				 size_t request_size, unsigned int count, unsigned int *done)
{
	const unsigned char *bytes = requests;
	int status = 0;

	/* Without a request the question is whether there could be any. */
	if (count != 0 && request_size < ops->size)
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EINVAL, ops->is_short);
	for (*done = 0; *done < count && status == 0; bytes += request_size) {
		struct iommu_change change;

		if (!iommu_driver_rest_is_zero(bytes, ops->size, request_size) ||
		    !ops->read(bytes, &change))
			return IOMMU_REFUSE(domain->iommu, "", IOMMU_EOPNOTSUPP,
					    "a command is none that a guest gives, or has "
					    "reserved bits");
		status = iommu_placed_sync_range(iommu_placed_of(domain), change.start, change.last,
						 change.leaves_only);
		*done += status == 0;
	}
	return status;
}

#endif
