/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ownership of a group: by the host's drivers, through its default domain, or by an owner that
 * attaches domains of its own. Each excludes the other. And whether a group may be given to an
 * owner that is not trusted: translation isolates its members from memory of others; two ways
 * bypass it: a write that the platform treats as an interrupt, and another function that is reached
 * without passing the unit.
 */
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "group/group.h"

#define ATTACHED "a domain is attached to it, or to a PASID of it"

/* --- Owners ----------------------------------------------------------------------------------- */

/* The first claim: from the default domain to what is reached while blocked. */
static int take(struct iommu_group *group, void *owner)
{
	int status;

	if (group->drivers != 0)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY, "a driver uses its default domain");
	if (group->domain != NULL || !iommu_list_is_empty(&group->pasids))
		return IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY, ATTACHED);
	status = iommu_group_make_window(group);
	if (status == 0)
		status = iommu_group_switch(group, iommu_group_current(group), group->window);
	if (status == 0)
		group->owner = owner;
	return status;
}

bool iommu_group_is_claimable(struct iommu_group *group)
{
	bool is_free;

	iommu_control_lock(group->iommu);
	is_free = group->owner == NULL && group->drivers == 0 && group->domain == NULL &&
		  iommu_list_is_empty(&group->pasids);
	iommu_control_unlock(group->iommu);
	return is_free;
}

static int claim(struct iommu_group *group, void *owner)
{
	int status = 0;

	if (owner == NULL)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EINVAL, "no owner is given");
	if (group->owner != NULL && group->owner != owner)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EPERM, "it is another owner's");
	if (group->owner == NULL)
		status = take(group, owner);
	if (status != 0)
		return status;
	group->claims++;
	group->holders++;
	return 0;
}

int iommu_group_claim(struct iommu_group *group, void *owner)
{
	int status;

	iommu_control_lock(group->iommu);
	status = claim(group, owner);
	return IOMMU_CONTROL_END_GROUP(group, status);
}

/* The last release: back to the default domain. */
static int give_back(struct iommu_group *group)
{
	if (group->domain != NULL || !iommu_list_is_empty(&group->pasids))
		return IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY, ATTACHED);
	return iommu_group_switch(group, group->window,
				  group->default_domain != NULL ? group->default_domain
								: group->window);
}

static int ownership_release(struct iommu_group *group, const void *owner)
{
	int status = 0;

	if (group->owner == NULL || group->owner != owner)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EPERM, "it is not this owner's");
	if (group->claims == 1)
		status = give_back(group);
	if (status != 0)
		return status;
	group->claims--;
	group->holders--;
	if (group->claims == 0)
		group->owner = NULL;
	iommu_group_free_if_unused(group);
	return 0;
}

int iommu_group_release(struct iommu_group *group, void *owner)
{
	struct iommu *iommu = group->iommu;
	int status;

	iommu_control_lock(iommu);
	status = ownership_release(group, owner);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* --- Drivers of the host ---------------------------------------------------------------------- */

bool iommu_is_in_use(const struct iommu_endpoint *endpoint)
{
	return endpoint->drivers != 0 || endpoint->uses_dma;
}

/* May the host's drivers use the group's default domain? If so, it is used from now on. */
static int go_to_default(struct iommu_group *group)
{
	if (group->owner != NULL)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY, "it is claimed");
	if (group->domain != NULL || !iommu_list_is_empty(&group->pasids))
		return IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY, ATTACHED);
	/* Where an earlier kernel's translations were left alone, and after a failure. */
	if (group->default_domain == NULL)
		return iommu_group_confirm(group);
	return iommu_group_switch(group, iommu_group_current(group), group->default_domain);
}

int iommu_endpoint_check_is_there(const struct iommu_endpoint *endpoint)
{
	return iommu_endpoint_is_released(endpoint) ? IOMMU_REFUSE(endpoint->iommu, endpoint->name,
								   IOMMU_ENODEV, "it was released")
						    : 0;
}

int iommu_use_default(struct iommu_endpoint *endpoint)
{
	int status = iommu_endpoint_check_is_there(endpoint);

	if (status == 0)
		status = go_to_default(endpoint->group);
	if (status != 0)
		return status;
	endpoint->drivers++;
	endpoint->group->drivers++;
	return 0;
}

int iommu_use_dma(struct iommu_endpoint *endpoint)
{
	int status = iommu_endpoint_check_is_there(endpoint);

	if (status == 0 && !iommu_is_in_use(endpoint))
		status = go_to_default(endpoint->group);
	if (status != 0 || endpoint->uses_dma)
		return status;
	endpoint->uses_dma = true;
	endpoint->group->drivers++;
	return 0;
}

void iommu_unuse_dma(struct iommu_endpoint *endpoint)
{
	endpoint->group->drivers -= endpoint->uses_dma ? 1 : 0;
	endpoint->uses_dma = false;
}

static void end_gone(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;

	iommu_list_remove(&endpoint->link);
	endpoint->group->holders--;
	endpoint->unit->endpoints--;
	iommu_object_free(&iommu->endpoint_cache, endpoint);
	iommu_groups_close(iommu);
}

void iommu_unuse_default(struct iommu_endpoint *endpoint)
{
	if (endpoint->drivers != 0) {
		endpoint->drivers--;
		endpoint->group->drivers--;
	}
	/* The last one takes the DMA handle with it. */
	if (endpoint->drivers == 0)
		iommu_unuse_dma(endpoint);
	if (endpoint->is_gone && endpoint->drivers == 0 && endpoint->holders == 0)
		end_gone(endpoint);
}

void iommu_endpoint_hold(struct iommu_endpoint *endpoint)
{
	iommu_control_lock(endpoint->iommu);
	endpoint->holders++;
	iommu_control_unlock(endpoint->iommu);
}

void iommu_endpoint_drop(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu;

	if (endpoint == NULL)
		return;
	iommu = endpoint->iommu;
	iommu_control_lock(iommu);
	endpoint->holders--;
	if (endpoint->is_gone && endpoint->holders == 0 && !iommu_is_in_use(endpoint))
		end_gone(endpoint);
	iommu_control_unlock(iommu);
}

int iommu_use_default_domain(struct iommu_endpoint *endpoint)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = iommu_use_default(endpoint);
	return iommu_control_end_for(endpoint->iommu, IOMMU_CALL, endpoint->name, status);
}

void iommu_unuse_default_domain(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;

	iommu_control_lock(iommu);
	iommu_unuse_default(endpoint);
	iommu_control_unlock(iommu);
}

/* --- Drivers whose device is gone ------------------------------------------------------------- */

/*
 * What a driver holds outlives its device: the endpoint, its group and the group's default domain,
 * with the mappings in it and the DMA handle over it. Nothing translates by them any more. Of what
 * a holder has the endpoint and its group do. The unit stays, too.
 */
void iommu_endpoint_free(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;

	if (!iommu_is_in_use(endpoint) && endpoint->holders == 0) {
		iommu_object_free(&iommu->endpoint_cache, endpoint);
		return;
	}
	endpoint->is_gone = true;
	endpoint->group->holders++;
	endpoint->unit->endpoints++;
	iommu_list_insert(&iommu->gone, &endpoint->link);
}

struct iommu_endpoint *iommu_find_gone(struct iommu *iommu, uint16_t segment, uint16_t source_id)
{
	struct iommu_endpoint *alias = iommu_find_id(iommu, segment, source_id);
	struct iommu_list_node *node;

	if (alias != NULL && alias->is_alias && iommu_is_in_use(alias))
		return alias;
	iommu_list_for_each (node, &iommu->gone) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, link);

		/* What is merely held has no driver to tell of. */
		if (endpoint->info.segment == segment && endpoint->info.source_id == source_id &&
		    iommu_is_in_use(endpoint))
			return endpoint;
	}
	return NULL;
}

void iommu_end_uses(struct iommu *iommu)
{
	while (!iommu_list_is_empty(&iommu->gone)) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(iommu->gone.next, struct iommu_endpoint, link);

		endpoint->holders = 0;
		while (endpoint->drivers > 1)
			iommu_unuse_default(endpoint);
		iommu_unuse_default(endpoint);
	}
	iommu_groups_close(iommu);
}

/* --- Isolation -------------------------------------------------------------------------------- */

/*
 * Translation keeps the members of a group from memory that is not theirs; two ways go around it: a
 * write that the platform takes for an interrupt, and a neighbour that is reached before the unit
 * is.
 */

void iommu_allow_unsafe_interrupts(struct iommu *iommu, bool allow)
{
	iommu_control_lock(iommu);
	iommu->unsafe_interrupts = allow;
	iommu_control_unlock(iommu);
}

/*
 * A unit that remaps interrupts is what they pass: where it could and does not, the host's word for
 * its interrupt controller says nothing. A back end that does not say is one that cannot know.
 */
static int check_interrupts(void *ctx, struct iommu_endpoint *endpoint)
{
	const struct iommu *iommu = ctx;

	if (iommu_capable(endpoint, IOMMU_CAPABLE_INTERRUPT_ISOLATION) || iommu->unsafe_interrupts)
		return 0;
	return iommu->platform->isolates_interrupts &&
			       !iommu_capable(endpoint, IOMMU_CAPABLE_INTERRUPT_REMAPPING)
		       ? 0
		       : IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EPERM,
				      "its interrupts are not isolated from those of others");
}

static int check_neighbours(void *ctx, struct iommu_endpoint *endpoint)
{
	(void)ctx;
	return iommu_topology_reaches_others(endpoint)
		       ? IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EPERM,
				      "it reaches devices of another group around the unit")
		       : 0;
}

int iommu_group_check_isolation(struct iommu_group *group)
{
	struct iommu *iommu = group->iommu;
	int status;

	iommu_control_lock(iommu);
	status = iommu_group_for_each(group, check_neighbours, NULL);
	if (status == 0)
		status = iommu_group_for_each(group, check_interrupts, iommu);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}
