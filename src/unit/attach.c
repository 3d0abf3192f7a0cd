/* SPDX-License-Identifier: BSD-2-Clause */
/* Attaching endpoints to domains on units. */
#include "unit/attach.h"

#include <libiommu/status.h>

#include "base/list.h"
#include "base/object_cache.h"
#include "unit/id.h"

/* --- Entering and leaving places -------------------------------------------------------------- */

/* An id for the first endpoint there, and a domain that is cut down to what is there. */
static int first_enters(struct iommu_placed *domain, struct iommu_place *place)
{
	const struct iommu_place_ops *ops = domain->places_ops;
	/* Id 0 may tag what hardware caches of entries that are not present. */
	const uint32_t id = iommu_ids_alloc(place->ids, place->unit, 1, 0);
	int status;

	if (id >= place->ids->count)
		return IOMMU_ENOSPC;
	status = ops->join(domain, place->at);
	if (status != 0) {
		ops->left(domain);
		iommu_ids_free(place->ids, id, 0);
		return status;
	}
	__atomic_store_n(&place->id, (uint16_t)id, __ATOMIC_RELEASE);
	return 0;
}

static int enter_place(struct iommu_placed *domain, void *at, struct iommu_place **place)
{
	int status = domain->places_ops->find(domain, at, place);

	if (status == 0 && !iommu_place_is_used(*place))
		status = first_enters(domain, *place);
	if (status == 0)
		iommu_place_enter(*place);
	return status;
}

/* With the last endpoint the id goes, and the domain may do more again. */
static void leave_place(struct iommu_placed *domain, void *at)
{
	struct iommu_place *place = iommu_place_find(domain, at);

	if (!iommu_place_leave(place))
		return;
	iommu_ids_free(place->ids, place->id, 0);
	domain->places_ops->left(domain);
}

/* The domain, and the one that it is nested in. */
static int enter(struct iommu_placed *domain, void *at, uint16_t *id)
{
	struct iommu_placed *parent = iommu_placed_parent(domain);
	struct iommu_place *place;
	int status = 0;

	if (parent != NULL)
		status = enter_place(parent, at, &place);
	if (status != 0)
		return status;
	status = enter_place(domain, at, &place);
	if (status == 0)
		*id = place->id;
	else if (parent != NULL)
		leave_place(parent, at);
	return status;
}

static void leave(struct iommu_placed *domain, void *at)
{
	leave_place(domain, at);
	if (iommu_placed_parent(domain) != NULL)
		leave_place(domain->parent, at);
}

/* --- Uses ------------------------------------------------------------------------------------- */

/* Without device TLBs and PASIDs no use needs a command of its own. */
#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
#define is_special(endpoint, domain, pasid) ((endpoint)->ops->is_special(endpoint, domain, pasid))
#else
#define is_special(endpoint, domain, pasid) false
#endif

/* The use begins before hardware can translate by it … */
static int use_begin(struct iommu_use *use, struct iommu_attached *endpoint,
		     struct iommu_placed *domain, uint32_t pasid)
{
	uint16_t id = 0;
	int status = enter(domain, endpoint->at, &id);

	if (status != 0)
		return status;
	use->user = endpoint;
	use->pasid = pasid;
	iommu_use_begin(use, domain, is_special(endpoint, domain, pasid));
	status = endpoint->ops->set(endpoint, pasid, domain, id);
	if (status != 0) {
		/* Hardware may have translated by it meanwhile: its id is in doubt. */
		if (status == IOMMU_EIO || status == IOMMU_ETIMEDOUT)
			iommu_unit_note_failure(iommu_place_find(domain, endpoint->at)->unit);
		iommu_use_end(use);
		leave(domain, endpoint->at);
	}
	return status;
}

/* … and ends after it no longer does. */
static void end(struct iommu_use *use)
{
	struct iommu_placed *domain = use->domain;

	iommu_use_end(use);
	leave(domain, use->user->at);
}

/* --- Requests without a PASID ----------------------------------------------------------------- */

struct iommu_use *iommu_attached_use(struct iommu_attached *endpoint)
{
	if (endpoint->uses[0].domain != NULL)
		return &endpoint->uses[0];
	return endpoint->uses[1].domain != NULL ? &endpoint->uses[1] : NULL;
}

int iommu_attached_set(struct iommu_attached *endpoint, struct iommu_placed *domain)
{
	struct iommu_use *before = iommu_attached_use(endpoint);
	struct iommu_use *use = &endpoint->uses[before == &endpoint->uses[0]];
	int status = use_begin(use, endpoint, domain, 0);

	if (status == 0 && before != NULL)
		end(before);
	return status;
}

int iommu_attached_clear(struct iommu_attached *endpoint, bool or_stays)
{
	struct iommu_use *use = iommu_attached_use(endpoint);
	int status = endpoint->ops->set(endpoint, 0, NULL, 0);

	if (use == NULL)
		return status;
	if (status != 0 && or_stays)
		endpoint->ops->put_back(endpoint, 0, use->domain,
					iommu_place_find(use->domain, endpoint->at)->id);
	else
		end(use);
	return status;
}

/* --- Requests with a PASID -------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

static struct iommu_use *pasid_use(struct iommu_attached *endpoint, uint32_t pasid)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &endpoint->pasids) {
		struct iommu_use *use = iommu_container_of(node, struct iommu_use, link);

		if (use->pasid == pasid)
			return use;
	}
	return NULL;
}

static void drop_pasid_use(struct iommu_use *use)
{
	struct iommu_object_cache *cache = use->user->use_cache;

	iommu_list_remove(&use->link);
	end(use);
	iommu_object_free(cache, use);
}

bool iommu_attached_has_pasid(struct iommu_attached *endpoint, uint32_t pasid)
{
	return pasid_use(endpoint, pasid) != NULL;
}

int iommu_attached_set_pasid(struct iommu_attached *endpoint, struct iommu_placed *domain,
			     uint32_t pasid)
{
	struct iommu_use *before = pasid_use(endpoint, pasid);
	struct iommu_use *use = iommu_object_alloc(endpoint->use_cache, 0);
	int status;

	if (use == NULL)
		return IOMMU_ENOMEM;
	status = use_begin(use, endpoint, domain, pasid);
	if (status != 0) {
		iommu_object_free(endpoint->use_cache, use);
		return status;
	}
	iommu_list_insert(&endpoint->pasids, &use->link);
	if (before != NULL)
		drop_pasid_use(before);
	return 0;
}

int iommu_attached_clear_pasid(struct iommu_attached *endpoint, uint32_t pasid)
{
	struct iommu_use *use = pasid_use(endpoint, pasid);
	int status;

	if (use == NULL)
		return 0;
	status = endpoint->ops->set(endpoint, pasid, NULL, 0);
	drop_pasid_use(use);
	return status;
}

#endif
