/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attaching: which domain the requests of an endpoint are under, without a PASID and with each
 * PASID. What an entry says is the family's; when a use begins and ends, and what is put back after
 * a failure, is the same for all.
 *
 * A use begins before hardware can translate by it, and ends after hardware no longer does. So on
 * its way from one domain to the next an endpoint is in the uses of both, and what changes in
 * either is invalidated for it. An attach that fails leaves the endpoint in the domain that it was
 * in. A block that hardware has not confirmed does so, too: the entry is put back, because hardware
 * may go on by it anyway. After a detach nothing translates for the endpoint, whatever the result.
 */
#ifndef IOMMU_UNIT_ATTACH_H
#define IOMMU_UNIT_ATTACH_H

#include "base/list.h"
#include "base/object_cache.h"
#include "unit/domain.h"

struct iommu_attached;

/* What a family supplies. Control path. */
struct iommu_attach_ops {
	/*
	 * Have requests with this PASID, or without one (0), translated by the domain, under this
	 * id of its place; or by none (NULL). On failure they are as before, except that what was
	 * to be blocked stays blocked.
	 */
	int (*set)(struct iommu_attached *endpoint, uint32_t pasid, struct iommu_placed *domain,
		   uint16_t id);
	/* Write the entry again that was cleared without confirmation. */
	void (*put_back)(struct iommu_attached *endpoint, uint32_t pasid,
			 struct iommu_placed *domain, uint16_t id);
	/* Does an invalidation of the domain need a command of its own for such a use? */
#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
	bool (*is_special)(struct iommu_attached *endpoint, const struct iommu_placed *domain,
			   uint32_t pasid);
#endif
};

/* The part of a family's endpoint that knows its domains. */
struct iommu_attached {
	const struct iommu_attach_ops *ops;
	void *at; /* its unit, as in struct iommu_place */
	/* Without a PASID. Two, because on its way between domains it is in both. */
	struct iommu_use uses[2];
	/* With a PASID; allocated from there. */
	struct iommu_list_node pasids;
	struct iommu_object_cache *use_cache;
};

static inline void iommu_attached_init(struct iommu_attached *endpoint,
				       const struct iommu_attach_ops *ops, void *at,
				       struct iommu_object_cache *use_cache)
{
	endpoint->ops = ops;
	endpoint->at = at;
	if (!IOMMU_CONFIG_SCALABLE)
		return;
	endpoint->use_cache = use_cache;
	iommu_list_init(&endpoint->pasids);
}

/* The use that requests without a PASID are under; NULL: they are blocked. */
struct iommu_use *iommu_attached_use(struct iommu_attached *endpoint);
/*
 * Attach, instead of what is attached. As iommu_domain_ops.attach; IOMMU_ENOSPC: the unit has no
 * free id.
 */
int iommu_attached_set(struct iommu_attached *endpoint, struct iommu_placed *domain);
/*
 * Block. On failure the endpoint stays attached, or is in no domain any more, as the caller asks.
 */
int iommu_attached_clear(struct iommu_attached *endpoint, bool or_stays);

/* The same for requests with a PASID. */
bool iommu_attached_has_pasid(struct iommu_attached *endpoint, uint32_t pasid);
int iommu_attached_set_pasid(struct iommu_attached *endpoint, struct iommu_placed *domain,
			     uint32_t pasid);
int iommu_attached_clear_pasid(struct iommu_attached *endpoint, uint32_t pasid);

#endif
