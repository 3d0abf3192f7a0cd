/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI isolation groups: the connected components of "cannot be isolated", found by union-find in
 * the caller's array. The root of a component is always its first function, so that the result does
 * not depend on the order of unions.
 */
#include <libiommu/pci.h>
#include <libiommu/status.h>

/* What keeps requests from going to a neighbour instead of up. */
#define ACS_WANTED                                                                                 \
	(IOMMU_PCI_ACS_SOURCE_VALIDATION | IOMMU_PCI_ACS_REQUEST_REDIRECT |                        \
	 IOMMU_PCI_ACS_COMPLETION_REDIRECT | IOMMU_PCI_ACS_UPSTREAM_FORWARDING)
/*
 * What lets them go there all the same: with egress control a port passes on what its vector, of
 * which nothing is known here, does not name; and a device can say of any request that it is
 * translated.
 */
#define ACS_UNWANTED (IOMMU_PCI_ACS_EGRESS_CONTROL | IOMMU_PCI_ACS_DIRECT_TRANSLATED)

/* Bridges on one way up: more than there are buses cannot be. */
#define DEPTH_MAX 256

static const struct iommu_pci_function *function_at(const struct iommu_pci_topology *topology,
						    size_t index)
{
	return &topology->functions[index];
}

static bool is_virtual(const struct iommu_pci_function *function)
{
	return (function->flags & IOMMU_PCI_VIRTUAL) != 0;
}

/* The function with an id; topology->count: there is none. */
static size_t find(const struct iommu_pci_topology *topology, uint16_t segment, uint16_t id)
{
	size_t i;

	for (i = 0; i < topology->count; i++)
		if (function_at(topology, i)->segment == segment &&
		    iommu_pci_id(function_at(topology, i)) == id)
			break;
	return i;
}

/* Where a function is wired to: a virtual one is where its physical function is. */
static uint16_t place_of(const struct iommu_pci_function *function)
{
	return is_virtual(function) ? function->physical_function : iommu_pci_id(function);
}

size_t iommu_pci_bridge_above(const struct iommu_pci_topology *topology, size_t index)
{
	const struct iommu_pci_function *function = function_at(topology, index);
	const unsigned int bus = place_of(function) >> 8;
	size_t i;

	for (i = 0; i < topology->count; i++) {
		const struct iommu_pci_function *bridge = function_at(topology, i);

		if (bridge->secondary_bus != 0 && bridge->segment == function->segment &&
		    bridge->secondary_bus == bus)
			return i;
	}
	return topology->count;
}

/* --- Isolation -------------------------------------------------------------------------------- */

static bool has_acs(const struct iommu_pci_function *function)
{
	return (function->flags & IOMMU_PCI_HAS_ACS) != 0;
}

/* Are all of these controls on that the function must have, and none that undoes them? */
static bool acs_is_enabled(const struct iommu_pci_function *function, unsigned int wanted)
{
	return has_acs(function) && (function->acs_control & wanted) == wanted &&
	       (function->acs_control & ACS_UNWANTED) == 0;
}

/* What the capability does not mention is not there to be controlled: nothing goes that way. */
static bool acs_is_enabled_where_it_is(const struct iommu_pci_function *function)
{
	return acs_is_enabled(function, ACS_WANTED & function->acs_capability);
}

/* Is it one of a physical function and its virtual ones? */
static bool has_virtual_neighbours(const struct iommu_pci_topology *topology,
				   const struct iommu_pci_function *function)
{
	size_t i;

	for (i = 0; i < topology->count && !is_virtual(function); i++)
		if (is_virtual(function_at(topology, i)) &&
		    function_at(topology, i)->segment == function->segment &&
		    place_of(function_at(topology, i)) == iommu_pci_id(function))
			return true;
	return is_virtual(function);
}

/*
 * Does a function that is no port keep its requests from the others of its device? Alone there it
 * has nothing to keep them from. A device with virtual functions must have ACS if its functions can
 * reach each other, so that one without is fine.
 */
static bool is_good_in_device(const struct iommu_pci_topology *topology,
			      const struct iommu_pci_function *function)
{
	if (acs_is_enabled_where_it_is(function))
		return true;
	if ((function->flags & IOMMU_PCI_MULTIFUNCTION) != 0)
		return false;
	return !has_acs(function) || !has_virtual_neighbours(topology, function);
}

/* Does the function itself keep requests of it, or of what is below, from its neighbours? */
static bool keeps_apart(const struct iommu_pci_topology *topology,
			const struct iommu_pci_function *function)
{
	if ((function->flags & IOMMU_PCI_ISOLATED) != 0)
		return true;
	switch (function->type) {
	case IOMMU_PCI_ROOT_PORT:
		return acs_is_enabled_where_it_is(function);
	case IOMMU_PCI_DOWNSTREAM_PORT:
		/* A switch routes between its ports, so that these are not a matter of choice. */
		return acs_is_enabled(function, ACS_WANTED);
	case IOMMU_PCI_ENDPOINT:
	case IOMMU_PCI_UPSTREAM_PORT:
	case IOMMU_PCI_INTEGRATED:
		return is_good_in_device(topology, function);
	case IOMMU_PCI_EXPRESS_TO_PCI:
	case IOMMU_PCI_PCI_TO_EXPRESS:
	case IOMMU_PCI_EVENT_COLLECTOR:
	case IOMMU_PCI_CONVENTIONAL:
	case IOMMU_PCI_CONVENTIONAL_BRIDGE:
	default:
		return false;
	}
}

/*
 * Are all functions beside this one of its device, whatever their numbers (ARI)? So it is on a
 * link.
 */
static bool is_on_link(const struct iommu_pci_topology *topology, size_t index)
{
	const size_t bridge = iommu_pci_bridge_above(topology, index);

	return bridge < topology->count &&
	       (function_at(topology, bridge)->type == IOMMU_PCI_ROOT_PORT ||
		function_at(topology, bridge)->type == IOMMU_PCI_DOWNSTREAM_PORT);
}

/*
 * Can requests of a function, or of what is below it, turn into another one beside it, because it
 * does not keep them apart?
 */
static bool turns_into(const struct iommu_pci_topology *topology, size_t from, size_t to)
{
	const struct iommu_pci_function *one = function_at(topology, from);
	const struct iommu_pci_function *other = function_at(topology, to);
	const unsigned int places = place_of(one) ^ place_of(other);

	if (one->segment != other->segment || places >> 8 != 0 || keeps_apart(topology, one))
		return false;
	/* The bus inside a switch. */
	if (one->type == IOMMU_PCI_DOWNSTREAM_PORT)
		return true;
	if (places >> 3 != 0 && !is_on_link(topology, from))
		return false;
	if (has_acs(one))
		return (one->flags & IOMMU_PCI_MULTIFUNCTION) != 0 ||
		       has_virtual_neighbours(topology, one);
	return (one->flags & IOMMU_PCI_MULTIFUNCTION) != 0 && !is_virtual(other);
}

/* Is the function, or one beside it, one whose requests may turn into this one and all below it? */
static bool is_entered_from(const struct iommu_pci_topology *topology, size_t index, size_t from)
{
	return from == index ? !keeps_apart(topology, function_at(topology, index))
			     : turns_into(topology, from, index);
}

/* May a neighbour of the function, or of a bridge above it, have its requests turned there? */
static bool is_reached(const struct iommu_pci_topology *topology, size_t index)
{
	size_t from;

	for (; index < topology->count; index = iommu_pci_bridge_above(topology, index))
		for (from = 0; from < topology->count; from++)
			if (is_entered_from(topology, index, from))
				return true;
	return false;
}

bool iommu_pci_is_isolated(const struct iommu_pci_topology *topology, size_t index)
{
	/* What does not keep its own requests apart is reached by them, so this asks for both. */
	return !is_reached(topology, index);
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

		index = iommu_pci_bridge_above(topology, index);
		if (index == topology->count)
			break;
		if ((function_at(topology, index)->flags & IOMMU_PCI_KEEPS_IDS) != 0)
			break;
		if (id_above(function_at(topology, index), &id))
			status = visitor(ctx, id);
	}
	return status;
}

/*
 * The last bridge on the way up that changes ids, and whether to its own: what is below has no
 * other id then, of whatever kind it is.
 */
static bool ends_as_bridge(const struct iommu_pci_topology *topology, size_t index, uint16_t *id)
{
	bool own = false;
	unsigned int i;

	for (i = 0; i < DEPTH_MAX; i++) {
		const struct iommu_pci_function *bridge;
		uint16_t above;

		index = iommu_pci_bridge_above(topology, index);
		if (index == topology->count)
			break;
		bridge = function_at(topology, index);
		if ((bridge->flags & IOMMU_PCI_KEEPS_IDS) != 0)
			break;
		if (!id_above(bridge, &above))
			continue;
		own = above == iommu_pci_id(bridge);
		*id = above;
	}
	return own;
}

/* One more id that has to pass. */
static int admit_requester(void *ctx, uint16_t id)
{
	struct iommu_pci_requester *requester = ctx;
	const unsigned int differing = requester->id ^ id;
	const uint8_t bus = (uint8_t)(id >> 8);
	/* The highest function bit is bit 2: as many as reach down to the lowest that differs. */
	const uint8_t ignored = (differing & 1) != 0   ? 3
				: (differing & 2) != 0 ? 2
				: (differing & 4) != 0 ? 1
						       : 0;

	if (ignored > requester->ignored_function_bits)
		requester->ignored_function_bits = ignored;
	requester->by_bus = requester->by_bus || differing > 7;
	if (bus < requester->first_bus)
		requester->first_bus = bus;
	if (bus > requester->last_bus)
		requester->last_bus = bus;
	return 0;
}

int iommu_pci_find_requester(const struct iommu_pci_topology *topology, size_t index,
			     struct iommu_pci_requester *requester)
{
	uint16_t id;

	if (index >= topology->count)
		return IOMMU_EINVAL;
	id = iommu_pci_id(function_at(topology, index));
	if (ends_as_bridge(topology, index, &id)) {
		*requester = (struct iommu_pci_requester){.id = id};
		return 0;
	}
	id = iommu_pci_id(function_at(topology, index));
	*requester = (struct iommu_pci_requester){
		.id = id, .first_bus = (uint8_t)(id >> 8), .last_bus = (uint8_t)(id >> 8)};
	return iommu_pci_for_each_alias(topology, index, admit_requester, requester);
}

/* --- Groups ----------------------------------------------------------------------------------- */

/*
 * While groups are looked for, the highest bit of a function's number says that requests from
 * elsewhere may enter it and what is below.
 */
#define ENTERED (~(SIZE_MAX >> 1))

static size_t root_of(const size_t *groups, size_t index)
{
	while ((groups[index] & ~ENTERED) != index)
		index = groups[index] & ~ENTERED;
	return index;
}

/* The lower root stays one. Those on the way lead there directly from then on. */
static void join_groups(size_t *groups, size_t a, size_t b)
{
	const size_t root_a = root_of(groups, a);
	const size_t root_b = root_of(groups, b);
	const size_t root = root_a < root_b ? root_a : root_b;

	groups[root_a] = (groups[root_a] & ENTERED) | root;
	groups[root_b] = (groups[root_b] & ENTERED) | root;
	groups[a] = (groups[a] & ENTERED) | root;
	groups[b] = (groups[b] & ENTERED) | root;
}

struct search {
	const struct iommu_pci_topology *topology;
	size_t *groups;
	size_t index;
};

/* A function that has this id, or uses it for a quirk, cannot be told from this one. */
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
			join_groups(search->groups, search->index, i);
		for (alias = 0; alias < other->alias_count; alias++)
			if (other->aliases[alias] == (id & 0xff))
				join_groups(search->groups, search->index, i);
	}
	return 0;
}

/* Climb: a bridge that gives requests an id of its own is one with what is below. */
static void join_bridges(const struct iommu_pci_topology *topology, size_t *groups, size_t index)
{
	size_t bridge = iommu_pci_bridge_above(topology, index);
	uint16_t id;

	for (; bridge < topology->count; bridge = iommu_pci_bridge_above(topology, bridge))
		if (id_above(function_at(topology, bridge), &id))
			join_groups(groups, index, bridge);
}

/* One with those beside it whose requests may turn into it; and marked, for what is below. */
static void join_neighbours(const struct iommu_pci_topology *topology, size_t *groups, size_t index)
{
	size_t from;

	for (from = 0; from < topology->count; from++) {
		if (!is_entered_from(topology, index, from))
			continue;
		join_groups(groups, index, from);
		groups[index] |= ENTERED;
	}
}

/* What is below a function that is entered is entered with it. */
static void join_above(const struct iommu_pci_topology *topology, size_t *groups, size_t index)
{
	size_t bridge = iommu_pci_bridge_above(topology, index);

	for (; bridge < topology->count; bridge = iommu_pci_bridge_above(topology, bridge))
		if ((groups[bridge] & ENTERED) != 0)
			join_groups(groups, index, bridge);
}

/* Is a virtual function one of a physical function that is there? */
static bool is_sane_virtual(const struct iommu_pci_topology *topology,
			    const struct iommu_pci_function *function)
{
	size_t physical;

	if (!is_virtual(function))
		return true;
	physical = find(topology, function->segment, function->physical_function);
	return physical < topology->count && !is_virtual(function_at(topology, physical)) &&
	       function->secondary_bus == 0;
}

/* No two at one place, no bus below two bridges, and no way up without an end. */
static bool is_sane(const struct iommu_pci_topology *topology, size_t index)
{
	const struct iommu_pci_function *function = function_at(topology, index);
	unsigned int depth = 0;
	size_t i;

	if (function->alias_count > IOMMU_PCI_ALIASES_MAX ||
	    function->type > IOMMU_PCI_CONVENTIONAL_BRIDGE || !is_sane_virtual(topology, function))
		return false;
	for (i = 0; i < index; i++) {
		const struct iommu_pci_function *other = function_at(topology, i);

		if (other->segment == function->segment &&
		    (iommu_pci_id(other) == iommu_pci_id(function) ||
		     (function->secondary_bus != 0 &&
		      other->secondary_bus == function->secondary_bus)))
			return false;
	}
	for (i = index; i < topology->count; i = iommu_pci_bridge_above(topology, i))
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
		join_above(topology, groups, i);
	for (i = 0; i < topology->count; i++)
		groups[i] = root_of(groups, i);
	return 0;
}
