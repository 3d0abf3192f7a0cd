/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which PEs freeze with which (PELT-V): links of a parent and a child, and compounds of a master
 * and its slaves.
 *
 * A link is what is to be, as windows are. A call of firmware that fails leaves it in doubt: every
 * later call of the control path tries to set it, and one that is to go is kept until firmware has
 * confirmed that it is gone.
 */
#include <libiommu/status.h>

#include "tce/opal.h"

static struct opal_link *link_of(const struct iommu_list_node *node)
{
	return iommu_container_of((uintptr_t)node, struct opal_link, link);
}

/* Also one that is to go. */
static struct opal_link *find_link(const struct opal_unit *unit, uint32_t parent, uint32_t child)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &unit->links) {
		struct opal_link *link = link_of(node);

		if (link->parent == parent && link->child == child)
			return link;
	}
	return NULL;
}

static bool has_slaves(const struct opal_unit *unit, uint32_t pe)
{
	unsigned int i;

	for (i = 0; i < unit->config.pes; i++)
		if (unit->pes[i].master == pe + 1)
			return true;
	return false;
}

bool iommu_opal_is_compound(const struct opal_unit *unit, uint32_t pe, uint32_t other)
{
	const uint32_t head = unit->pes[pe].master != 0 ? unit->pes[pe].master : pe + 1;

	return other == pe || other + 1 == head || unit->pes[other].master == head;
}

bool iommu_opal_has_links(const struct opal_unit *unit, uint32_t pe)
{
	const struct iommu_list_node *node;

	iommu_list_for_each (node, &unit->links)
		if (link_of(node)->is_on && link_of(node)->parent != link_of(node)->child &&
		    (link_of(node)->parent == pe || link_of(node)->child == pe))
			return true;
	return false;
}

/* --- Firmware --------------------------------------------------------------------------------- */

/* As the link is to be, both ways of a compound; on failure it is in doubt. */
static int tell_link(struct opal_unit *unit, struct opal_link *link)
{
	int status = iommu_opal_set_vector(unit, link->parent, link->child, link->is_on);
	int back = 0;

	if (link->is_compound)
		back = iommu_opal_set_vector(unit, link->child, link->parent, link->is_on);
	if (status == 0)
		status = back;
	link->is_unsure = status != 0;
	return status;
}

static void free_link(struct opal_unit *unit, struct opal_link *link)
{
	iommu_list_remove(&link->link);
	iommu_object_free(&unit->link_cache, link);
}

int iommu_opal_settle_links(struct opal_unit *unit)
{
	struct iommu_list_node *node = unit->links.next;
	int result = 0;

	while (node != &unit->links) {
		struct opal_link *link = link_of(node);
		int status = 0;

		node = node->next;
		if (link->is_unsure)
			status = tell_link(unit, link);
		if (!link->is_on && !link->is_unsure)
			free_link(unit, link);
		if (result == 0)
			result = status;
	}
	return result;
}

/* Turn a link on or off; on failure it is to be as it was, and firmware is told so at once. */
static int turn_link(struct opal_unit *unit, struct opal_link *link, bool is_on)
{
	int status;

	link->is_on = is_on;
	status = tell_link(unit, link);
	if (status != 0) {
		link->is_on = !is_on;
		(void)tell_link(unit, link);
	}
	if (link->is_compound)
		unit->pes[link->child].master = link->is_on ? link->parent + 1 : 0;
	if (!link->is_on && !link->is_unsure)
		free_link(unit, link);
	return status;
}

static int add_link(struct opal_unit *unit, uint32_t parent, uint32_t child, bool is_compound)
{
	struct opal_link *link = iommu_object_alloc(&unit->link_cache, 0);

	if (link == NULL)
		return IOMMU_ENOMEM;
	link->parent = parent;
	link->child = child;
	link->is_compound = is_compound;
	iommu_list_insert(&unit->links, &link->link);
	return turn_link(unit, link, true);
}

int iommu_opal_link_self(struct opal_unit *unit, uint32_t pe, bool add)
{
	int status = iommu_opal_settle_links(unit);
	struct opal_link *link;

	if (status != 0)
		return status;
	link = find_link(unit, pe, pe);
	if (add)
		return link == NULL ? add_link(unit, pe, pe, false) : 0;
	return link != NULL ? turn_link(unit, link, false) : 0;
}

void iommu_opal_free_links(struct opal_unit *unit)
{
	while (unit->links.next != NULL && !iommu_list_is_empty(&unit->links))
		free_link(unit, link_of(unit->links.next));
}

/* --- For hosts -------------------------------------------------------------------------------- */

static int check_pes(const struct opal_unit *unit, uint32_t parent, uint32_t child)
{
	if (!opal_has_eeh(unit))
		return OPAL_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   "its configuration has no error recovery");
	if (parent >= unit->config.pes || child >= unit->config.pes || parent == child)
		return OPAL_REFUSE(unit, IOMMU_EINVAL, "these are no two PEs of the bridge");
	return 0;
}

static int link_pes(struct opal_unit *unit, uint32_t parent, uint32_t child, unsigned int flags)
{
	const bool is_compound = (flags & IOMMU_OPAL_COMPOUND) != 0;
	const struct opal_link *other;
	int status = check_pes(unit, parent, child);

	if (status != 0)
		return status;
	if ((flags & ~IOMMU_OPAL_COMPOUND) != 0)
		return OPAL_REFUSE(unit, IOMMU_EINVAL, "unknown flags");
	/* What is in doubt is settled first: a link that is to go may be this one. */
	status = iommu_opal_settle_links(unit);
	if (status != 0)
		return status;
	if (find_link(unit, parent, child) != NULL)
		return OPAL_REFUSE(unit, IOMMU_EEXIST, "these PEs are linked already");
	/* A compound is a link both ways, which one of the other way would end with itself. */
	other = find_link(unit, child, parent);
	if (other != NULL && (is_compound || other->is_compound))
		return OPAL_REFUSE(unit, IOMMU_EEXIST, "these PEs are linked the other way");
	if (is_compound && (unit->pes[child].master != 0 || has_slaves(unit, child) ||
			    unit->pes[parent].master != 0))
		return OPAL_REFUSE(unit, IOMMU_EBUSY, "one of the PEs is in a compound already");
	return add_link(unit, parent, child, is_compound);
}

static int unlink_pes(struct opal_unit *unit, uint32_t parent, uint32_t child)
{
	int status = check_pes(unit, parent, child);
	struct opal_link *link;

	if (status == 0)
		status = iommu_opal_settle_links(unit);
	if (status != 0)
		return status;
	link = find_link(unit, parent, child);
	return link != NULL ? turn_link(unit, link, false)
			    : OPAL_REFUSE(unit, IOMMU_ENOENT, "these PEs are not linked");
}

#define NO_BRIDGE "it is no bridge under OPAL"

int iommu_opal_link_pes(struct iommu_unit *base, uint32_t parent, uint32_t child,
			unsigned int flags)
{
	struct opal_unit *unit = opal_unit_or_null(base);
	int status;

	iommu_control_lock(base->iommu);
	status = unit != NULL ? link_pes(unit, parent, child, flags)
			      : IOMMU_REFUSE(base->iommu, base->name, IOMMU_EOPNOTSUPP, NO_BRIDGE);
	return iommu_control_end(base->iommu, IOMMU_CALL, status);
}

int iommu_opal_unlink_pes(struct iommu_unit *base, uint32_t parent, uint32_t child)
{
	struct opal_unit *unit = opal_unit_or_null(base);
	int status;

	iommu_control_lock(base->iommu);
	status = unit != NULL ? unlink_pes(unit, parent, child)
			      : IOMMU_REFUSE(base->iommu, base->name, IOMMU_EOPNOTSUPP, NO_BRIDGE);
	return iommu_control_end(base->iommu, IOMMU_CALL, status);
}
