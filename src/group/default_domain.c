/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Default domains: which type a group's has, and how it changes.
 *
 * In this order: strict for a group with an untrusted member; the type that the host has set for
 * this group; the type that a member's back end requires; the instance's type, if it works for all
 * members.
 */
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "group/group.h"

#define NOT_IDLE "its default domain is in use, or it is claimed or has a domain attached"

int iommu_set_default_type(struct iommu *iommu, enum iommu_domain_type type)
{
	int status = 0;

	iommu_control_lock(iommu);
	if (iommu_is_default_type(type))
		iommu->default_type = type;
	else
		status = IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, IOMMU_NOT_DEFAULT);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* --- The type --------------------------------------------------------------------------------- */

static bool has_untrusted_member(const struct iommu_group *group)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &group->endpoints)
		if (iommu_member_of(node)->info.untrusted)
			return true;
	return false;
}

/* What the members' back ends need; false: nothing. What maps is the answer to a contradiction. */
static bool needed_type(const struct iommu_group *group, enum iommu_domain_type *type)
{
	struct iommu_list_node *node;
	bool is_needed = false;

	iommu_list_for_each (node, &group->endpoints) {
		const struct iommu_endpoint *endpoint = iommu_member_of(node);
		const struct iommu_ops *ops = endpoint->unit->ops;
		enum iommu_domain_type own = IOMMU_DOMAIN_BLOCKED;

		if (endpoint->is_alias || ops->default_type == NULL ||
		    !ops->default_type(endpoint, &own))
			continue;
		*type = is_needed && own != *type ? IOMMU_DOMAIN_DMA : own;
		is_needed = true;
	}
	return is_needed;
}

static bool is_reached_by_all(const struct iommu_group *group)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &group->endpoints)
		if (iommu_member_of(node)->info.requires_dma_32)
			return false;
	return true;
}

#if IOMMU_CONFIG_DMA_LAZY
/*
 * A hypervisor shadows the tables of such a unit, and keeps what is mapped pinned until it is told:
 * deferred, that is memory which nothing uses.
 */
static bool is_shadowed(const struct iommu_group *group)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &group->endpoints)
		if (iommu_capable(iommu_member_of(node), IOMMU_CAPABLE_SHADOWING))
			return true;
	return false;
}
#else
#define is_shadowed(group) false
#endif

/* What the host has said, of this group, of a member, or in general. */
static enum iommu_domain_type usual_type(const struct iommu_group *group)
{
	enum iommu_domain_type type = group->iommu->default_type;

	if (group->default_is_fixed)
		return group->default_type;
	(void)iommu_policy_type(group, &type);
	return type == IOMMU_DOMAIN_DMA_LAZY && is_shadowed(group) ? IOMMU_DOMAIN_DMA : type;
}

static enum iommu_domain_type wanted_type(const struct iommu_group *group)
{
	const enum iommu_domain_type usual = usual_type(group);
	enum iommu_domain_type type = IOMMU_DOMAIN_BLOCKED;

	if (usual == IOMMU_DOMAIN_BLOCKED)
		return usual;
	if (has_untrusted_member(group))
		return IOMMU_DOMAIN_DMA;
	if (group->default_is_fixed)
		return usual;
	if (needed_type(group, &type))
		return type;
	return usual == IOMMU_DOMAIN_IDENTITY && !is_reached_by_all(group) ? IOMMU_DOMAIN_DMA
									   : usual;
}

/* May the host have it so? */
static bool may_be(const struct iommu_group *group, enum iommu_domain_type type)
{
	enum iommu_domain_type needed = IOMMU_DOMAIN_BLOCKED;

	if (type == IOMMU_DOMAIN_BLOCKED)
		return true;
	if (has_untrusted_member(group))
		return type == IOMMU_DOMAIN_DMA;
	if (type == IOMMU_DOMAIN_IDENTITY && !is_reached_by_all(group))
		return false;
	return !needed_type(group, &needed) || needed == type ||
	       (needed == IOMMU_DOMAIN_DMA && type == IOMMU_DOMAIN_DMA_LAZY);
}

/* --- The domain ------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_POLICY
/* With no larger pages than the host allows: only the domain says which it could have. */
static int alloc_with_policy(struct iommu_unit *unit, enum iommu_domain_type type,
			     struct iommu_domain_config config, struct iommu_domain **domain)
{
	int status = iommu_domain_new(unit, type, &config, domain);

	if (status != 0 || !iommu_type_is_dma(type))
		return status;
	config.pgsize_bitmap = iommu_policy_pgsizes(unit->iommu, (*domain)->pgsize_bitmap);
	if (config.pgsize_bitmap == (*domain)->pgsize_bitmap)
		return 0;
	(void)iommu_domain_drop(*domain);
	*domain = NULL;
	return iommu_domain_new(unit, type, &config, domain);
}
#else
#define alloc_with_policy(unit, type, config, domain)                                              \
	iommu_domain_new(unit, type, &(config), domain)
#endif

static int default_alloc(struct iommu_group *group, enum iommu_domain_type *type,
			 struct iommu_domain **domain)
{
	struct iommu_endpoint *first = iommu_member_of(group->endpoints.next);
	const struct iommu_domain_config config = {.near_node = first->info.near_node};
	int status;

	*domain = NULL;
	if (*type == IOMMU_DOMAIN_BLOCKED)
		return 0;
	status = alloc_with_policy(first->unit, *type, config, domain);
	if (status == IOMMU_EOPNOTSUPP &&
	    (*type == IOMMU_DOMAIN_IDENTITY || *type == IOMMU_DOMAIN_DMA_BYPASS)) {
		iommu_log(group->iommu->platform, IOMMU_LOG_WARNING, first->name,
			  *type == IOMMU_DOMAIN_IDENTITY
				  ? "its unit passes nothing through: the DMA of its group is "
				    "translated"
				  : "its unit has no bypass: all DMA of its group is translated");
		*type = IOMMU_DOMAIN_DMA;
		status = alloc_with_policy(first->unit, *type, config, domain);
	}
	if (status == 0)
		(*domain)->groups++; /* the group's alone to free */
	return status;
}

static void default_free(struct iommu_domain *domain)
{
	if (domain == NULL)
		return;
	domain->groups--;
	(void)iommu_domain_drop(domain);
}

/*
 * The data of a layer above must go before the domain may; of one that others have, too, with the
 * last.
 */
static int release_data(struct iommu_domain *domain)
{
	int status = 0;

	if (domain != NULL && domain->holders > 1)
		return 0;
	if (domain != NULL && domain->release_data != NULL)
		status = domain->release_data(domain->data);
	if (status == 0 && domain != NULL)
		domain->release_data = NULL;
	return status;
}

static bool is_idle(const struct iommu_group *group)
{
	return group->drivers == 0 && group->owner == NULL && group->domain == NULL &&
	       iommu_list_is_empty(&group->pasids);
}

/* Give an idle group another default domain. */
static int change(struct iommu_group *group, enum iommu_domain_type type)
{
	struct iommu_domain *before = group->default_domain;
	struct iommu_domain *domain;
	int status = release_data(before);

	if (status != 0)
		return status;
	status = default_alloc(group, &type, &domain);
	if (status != 0)
		return status;
	if (domain == NULL)
		status = iommu_group_make_window(group);
	if (status == 0)
		status = iommu_group_switch(group, iommu_group_current(group),
					    domain != NULL ? domain : group->window);
	if (status != 0) {
		default_free(domain);
		return status;
	}
	group->default_domain = domain;
	group->default_type = type;
	default_free(before);
	return 0;
}

#if IOMMU_CONFIG_POLICY
/* Has the host said of a member what it is to have, and not of the group? */
static bool is_ruled(const struct iommu_group *group)
{
	enum iommu_domain_type type = IOMMU_DOMAIN_BLOCKED;

	return !group->default_is_fixed && iommu_policy_type(group, &type);
}
#else
#define is_ruled(group) false
#endif

int iommu_default_choose(struct iommu_group *group)
{
	const enum iommu_domain_type type = wanted_type(group);
	int status;

	if (group->members == 1 && group->default_domain == NULL) {
		/* The first member: it joins afterwards. */
		group->default_type = type;
		status = default_alloc(group, &group->default_type, &group->default_domain);
		if (status != 0)
			group->default_type = IOMMU_DOMAIN_BLOCKED;
		return status;
	}
	if (type == group->default_type || (!is_ruled(group) && may_be(group, group->default_type)))
		return 0;
	return is_idle(group) ? change(group, type)
			      : IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY, NOT_IDLE);
}

static int set_type(struct iommu_group *group, enum iommu_domain_type type)
{
	int status;

	if (!iommu_is_default_type(type))
		return IOMMU_REFUSE_GROUP(group, IOMMU_EINVAL, IOMMU_NOT_DEFAULT);
	if (group->members == 0)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EINVAL, "it has no members");
	if (!may_be(group, type))
		return IOMMU_REFUSE_GROUP(
			group, IOMMU_EINVAL,
			"a member is untrusted, cannot reach all of memory, or needs "
			"another type");
	if (!is_idle(group))
		return IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY, NOT_IDLE);
	status = type != group->default_type ? change(group, type) : iommu_group_confirm(group);
	if (status == 0)
		group->default_is_fixed = true;
	return status;
}

int iommu_group_set_default_type(struct iommu_group *group, enum iommu_domain_type type)
{
	int status;

	iommu_control_lock(group->iommu);
	status = set_type(group, type);
	return IOMMU_CONTROL_END_GROUP(group, status);
}

int iommu_reconsider_default(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;
	const enum iommu_domain_type type = wanted_type(group);

	if (type == group->default_type)
		return 0;
	return is_idle(group) ? change(group, type)
			      : IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY, NOT_IDLE);
}

int iommu_default_prepare_free(struct iommu_group *group)
{
	return release_data(group->default_domain);
}

void iommu_default_free(struct iommu_group *group)
{
	default_free(group->default_domain);
	group->default_domain = NULL;
	group->default_type = IOMMU_DOMAIN_BLOCKED;
}
