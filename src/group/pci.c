/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI isolation groups: the connected components of "cannot be kept apart", found by union-find in
 * the caller's array. A component's root is always its first function, so that no order of unions
 * can show in the result.
 */
#include <libiommu/pci.h>
#include <libiommu/status.h>

/* What keeps requests from going to a neighbour instead of up. */
#define ACS_WANTED                                                                                 \
	(IOMMU_PCI_ACS_SOURCE_VALIDATION | IOMMU_PCI_ACS_REQUEST_REDIRECT |                        \
	 IOMMU_PCI_ACS_COMPLETION_REDIRECT | IOMMU_PCI_ACS_UPSTREAM_FORWARDING)

/* Bridges on one way up: more than there are buses cannot be. */
#define DEPTH_MAX 256

static const struct iommu_pci_function *function_at(const struct iommu_pci_topology *topology,
						    size_t index)
{
	return &topology->functions[index];
}

/* The bridge whose secondary bus this function is on; topology->count: a root bus. */
static size_t bridge_above(const struct iommu_pci_topology *topology, size_t index)
{
	const struct iommu_pci_function *function = function_at(topology, index);
	size_t i;

	for (i = 0; i < topology->count; i++) {
		const struct iommu_pci_function *bridge = function_at(topology, i);

		if (bridge->secondary_bus != 0 && bridge->segment == function->segment &&
		    bridge->secondary_bus == function->bus)
			return i;
	}
	return topology->count;
}

/* --- Isolation -------------------------------------------------------------------------------- */

/* What the capability does not mention is not there to be controlled, and works as if enabled. */
static bool acs_is_enabled(const struct iommu_pci_function *function)
{
	const unsigned int wanted = ACS_WANTED & function->acs_capability;

	return (function->flags & IOMMU_PCI_HAS_ACS) != 0 &&
	       (function->acs_control & wanted) == wanted;
}

/* Does the function itself keep requests of it, or of what is below, from its neighbours? */
static bool keeps_apart(const struct iommu_pci_function *function)
{
	if ((function->flags & IOMMU_PCI_ISOLATED) != 0)
		return true;
	switch (function->type) {
	case IOMMU_PCI_ROOT_PORT:
	case IOMMU_PCI_DOWNSTREAM_PORT:
		return acs_is_enabled(function);
	case IOMMU_PCI_ENDPOINT:
	case IOMMU_PCI_UPSTREAM_PORT:
	case IOMMU_PCI_INTEGRATED:
		/* Alone in its device there is no neighbour to be reached inside. */
		return (function->flags & IOMMU_PCI_MULTIFUNCTION) == 0 || acs_is_enabled(function);
	case IOMMU_PCI_EXPRESS_TO_PCI:
	case IOMMU_PCI_PCI_TO_EXPRESS:
	case IOMMU_PCI_EVENT_COLLECTOR:
	case IOMMU_PCI_CONVENTIONAL:
	case IOMMU_PCI_CONVENTIONAL_BRIDGE:
	default:
		return false;
	}
}

/* Do this function and all bridges above it keep requests apart? */
static bool path_keeps_apart(const struct iommu_pci_topology *topology, size_t index)
{
	while (index < topology->count) {
		if (!keeps_apart(function_at(topology, index)))
			return false;
		index = bridge_above(topology, index);
	}
	return true;
}

bool iommu_pci_is_isolated(const struct iommu_pci_topology *topology, size_t index)
{
	return path_keeps_apart(topology, index);
}

/* --- Aliases ---------------------------------------------------------------------------------- */

/* The id that requests from below a bridge carry above it; false: they keep theirs. */
static bool id_above(const struct iommu_pci_function *bridge, uint16_t *id)
{
	if ((bridge->flags & IOMMU_PCI_KEEPS_IDS) != 0)
		return false;
	switch (bridge->type) {
	case IOMMU_PCI_EXPRESS_TO_PCI:
		*id = (uint16_t)(bridge->secondary_bus << 8);
		return true;
	case IOMMU_PCI_CONVENTIONAL_BRIDGE:
		*id = iommu_pci_id(bridge);
		if ((bridge->flags & IOMMU_PCI_HIDES_BELOW) != 0)
			*id = (uint16_t)(bridge->secondary_bus << 8);
		return true;
	case IOMMU_PCI_PCI_TO_EXPRESS:
		*id = iommu_pci_id(bridge);
		return true;
	case IOMMU_PCI_ENDPOINT:
	case IOMMU_PCI_ROOT_PORT:
	case IOMMU_PCI_UPSTREAM_PORT:
	case IOMMU_PCI_DOWNSTREAM_PORT:
	case IOMMU_PCI_INTEGRATED:
	case IOMMU_PCI_EVENT_COLLECTOR:
	case IOMMU_PCI_CONVENTIONAL:
	default:
		return false;
	}
}

int iommu_pci_for_each_alias(const struct iommu_pci_topology *topology, size_t index,
			     iommu_pci_alias_visitor visitor, void *ctx)
{
	const struct iommu_pci_function *function;
	unsigned int i;
	int status;

	if (index >= topology->count)
		return IOMMU_EINVAL;
	function = function_at(topology, index);
	status = visitor(ctx, iommu_pci_id(function));
	for (i = 0; i < function->alias_count && status == 0; i++)
		status = visitor(ctx, (uint16_t)(function->bus << 8 | function->aliases[i]));
	for (i = 0; i < DEPTH_MAX && status == 0; i++) {
		uint16_t id;

		index = bridge_above(topology, index);
		if (index == topology->count)
			break;
		if ((function_at(topology, index)->flags & IOMMU_PCI_KEEPS_IDS) != 0)
			break;
		if (id_above(function_at(topology, index), &id))
			status = visitor(ctx, id);
	}
	return status;
}

/* --- Groups ----------------------------------------------------------------------------------- */

static size_t root_of(size_t *groups, size_t index)
{
	while (groups[index] != index) {
		groups[index] = groups[groups[index]];
		index = groups[index];
	}
	return index;
}

/* The lower root stays one. */
static void join(size_t *groups, size_t a, size_t b)
{
	a = root_of(groups, a);
	b = root_of(groups, b);
	if (a < b)
		groups[b] = a;
	else
		groups[a] = b;
}

struct search {
	const struct iommu_pci_topology *topology;
	size_t *groups;
	size_t index;
};

/* Whoever has this id, or uses it for a quirk, cannot be told from the function. */
static int join_owner_of(void *ctx, uint16_t id)
{
	struct search *search = ctx;
	const struct iommu_pci_topology *topology = search->topology;
	const uint16_t segment = function_at(topology, search->index)->segment;
	size_t i;

	for (i = 0; i < topology->count; i++) {
		const struct iommu_pci_function *other = function_at(topology, i);
		unsigned int alias;

		if (other->segment != segment || other->bus != id >> 8)
			continue;
		if (other->devfn == (id & 0xff))
			join(search->groups, search->index, i);
		for (alias = 0; alias < other->alias_count; alias++)
			if (other->aliases[alias] == (id & 0xff))
				join(search->groups, search->index, i);
	}
	return 0;
}

/*
 * Climb: a bridge that gives requests an id of its own is one with what is below; and so is one from
 * which on the way up does not keep requests apart.
 */
static void join_bridges(const struct iommu_pci_topology *topology, size_t *groups, size_t index)
{
	size_t bridge = bridge_above(topology, index);
	uint16_t id;

	for (; bridge < topology->count; bridge = bridge_above(topology, bridge))
		if (id_above(function_at(topology, bridge), &id) ||
		    !path_keeps_apart(topology, bridge))
			join(groups, index, bridge);
}

/* Functions of one device that do not keep apart from each other. */
static void join_neighbours(const struct iommu_pci_topology *topology, size_t *groups, size_t index)
{
	const struct iommu_pci_function *function = function_at(topology, index);
	size_t i;

	if ((function->flags & IOMMU_PCI_MULTIFUNCTION) == 0 || keeps_apart(function))
		return;
	for (i = 0; i < topology->count; i++) {
		const struct iommu_pci_function *other = function_at(topology, i);

		if (other->segment == function->segment && other->bus == function->bus &&
		    other->devfn >> 3 == function->devfn >> 3 && !keeps_apart(other))
			join(groups, index, i);
	}
}

/* No two at one place, no bus below two bridges, and no way up without an end. */
static bool is_sane(const struct iommu_pci_topology *topology, size_t index)
{
	const struct iommu_pci_function *function = function_at(topology, index);
	unsigned int depth = 0;
	size_t i;

	if (function->alias_count > IOMMU_PCI_ALIASES_MAX ||
	    function->type > IOMMU_PCI_CONVENTIONAL_BRIDGE)
		return false;
	for (i = 0; i < index; i++) {
		const struct iommu_pci_function *other = function_at(topology, i);

		if (other->segment == function->segment &&
		    (iommu_pci_id(other) == iommu_pci_id(function) ||
		     (function->secondary_bus != 0 &&
		      other->secondary_bus == function->secondary_bus)))
			return false;
	}
	for (i = index; i < topology->count; i = bridge_above(topology, i))
		if (depth++ == DEPTH_MAX)
			return false;
	return true;
}

int iommu_pci_groups(const struct iommu_pci_topology *topology, size_t *groups)
{
	size_t i;

	for (i = 0; i < topology->count; i++) {
		if (!is_sane(topology, i))
			return IOMMU_EINVAL;
		groups[i] = i;
	}
	for (i = 0; i < topology->count; i++) {
		struct search search = {topology, groups, i};

		(void)iommu_pci_for_each_alias(topology, i, join_owner_of, &search);
		join_bridges(topology, groups, i);
		join_neighbours(topology, groups, i);
	}
	for (i = 0; i < topology->count; i++)
		groups[i] = root_of(groups, i);
	return 0;
}
