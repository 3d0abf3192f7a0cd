/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The group of an endpoint: as its back end determines, or as it follows from the PCI topology that
 * the host has given. The numbers of pci.h are kept for all functions, so that a new endpoint needs
 * only comparisons.
 *
 * Existing groups are never merged: a topology that requires it is refused, and so is an endpoint.
 */
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "base/memory.h"
#include "group/group.h"

#define NOT_THERE SIZE_MAX

/* The index of a function, or NOT_THERE. */
static size_t function_index(const struct iommu_pci_topology *topology, uint16_t segment,
			     uint16_t source_id)
{
	size_t i;

	for (i = 0; topology != NULL && i < topology->count; i++)
		if (topology->functions[i].segment == segment &&
		    iommu_pci_id(&topology->functions[i]) == source_id)
			return i;
	return NOT_THERE;
}

static size_t index_of(const struct iommu_pci_topology *topology,
		       const struct iommu_endpoint *endpoint)
{
	if (endpoint->info.not_in_topology || endpoint->is_alias)
		return NOT_THERE;
	return function_index(topology, endpoint->info.segment, endpoint->info.source_id);
}

/* The bridge above a function; NOT_THERE: none. */
static size_t bridge_of(const struct iommu_pci_topology *topology, size_t index)
{
	const struct iommu_pci_function *function = &topology->functions[index];
	size_t i;

	for (i = 0; i < topology->count; i++)
		if (topology->functions[i].secondary_bus != 0 &&
		    topology->functions[i].segment == function->segment &&
		    topology->functions[i].secondary_bus == function->bus)
			return i;
	return NOT_THERE;
}

/*
 * The number of the endpoint's group; NOT_THERE: the topology says nothing of it. Of a virtual
 * function the topology may not know that it is one: what makes everything below the bridge of its
 * physical function one group makes it one of that, too.
 */
static size_t number_of(const struct iommu_pci_topology *topology, const size_t *numbers,
			const struct iommu_endpoint *endpoint)
{
	const size_t index = index_of(topology, endpoint);
	size_t physical, bridge;

	if (index == NOT_THERE)
		return NOT_THERE;
	physical =
		function_index(topology, endpoint->info.segment, endpoint->info.physical_function);
	if (physical == NOT_THERE || physical == index ||
	    (topology->functions[index].flags & IOMMU_PCI_VIRTUAL) != 0)
		return numbers[index];
	bridge = bridge_of(topology, physical);
	return bridge == NOT_THERE || iommu_pci_is_isolated(topology, bridge) ? numbers[index]
									      : numbers[bridge];
}

/* --- The host's topology ---------------------------------------------------------------------- */

/* Does it leave those apart that are in different groups now? */
static bool fits_groups(const struct iommu *iommu, const struct iommu_pci_topology *topology,
			const size_t *numbers)
{
	const struct iommu_list_node *one, *other;

	iommu_list_for_each (one, &iommu->endpoints) {
		const struct iommu_endpoint *a =
			iommu_container_of((uintptr_t)one, struct iommu_endpoint, link);
		const size_t number = number_of(topology, numbers, a);

		if (number == NOT_THERE || a->group->key != NULL)
			continue;
		for (other = one->next; other != &iommu->endpoints; other = other->next) {
			const struct iommu_endpoint *b =
				iommu_container_of((uintptr_t)other, struct iommu_endpoint, link);

			if (b->group->key == NULL && a->group != b->group &&
			    number_of(topology, numbers, b) == number)
				return false;
		}
	}
	return true;
}

/* Room for so many numbers; false: more than a table can have. */
static bool order_for(size_t count, unsigned int *order)
{
	for (*order = 0; *order <= IOMMU_MAX_ALLOC_ORDER; ++*order)
		if (count <= (IOMMU_PAGE_SIZE << *order) / sizeof(size_t))
			return true;
	return false;
}

void iommu_topology_forget(struct iommu *iommu)
{
	const struct iommu_platform *platform = iommu->platform;

	if (iommu->topology_groups != NULL)
		platform->free_pages(platform->ctx, iommu->topology_groups, iommu->topology_order);
	iommu->topology_groups = NULL;
	iommu->topology = NULL;
}

static int set_topology(struct iommu *iommu, const struct iommu_pci_topology *topology)
{
	const struct iommu_platform *platform = iommu->platform;
	unsigned int order;
	size_t *numbers;
	int status;

	if (topology == NULL) {
		iommu_topology_forget(iommu);
		return 0;
	}
	if (!order_for(topology->count, &order))
		return IOMMU_REFUSE(iommu, "", IOMMU_ERANGE, "the topology has too many functions");
	numbers = platform->alloc_pages(platform->ctx, order, IOMMU_NODE_ANY, 0);
	if (numbers == NULL)
		return IOMMU_ENOMEM;
	status = iommu_pci_groups(topology, numbers);
	if (status != 0)
		status = IOMMU_REFUSE(iommu, "", status, "the topology makes no sense");
	else if (!fits_groups(iommu, topology, numbers))
		status = IOMMU_REFUSE(iommu, "", IOMMU_EBUSY,
				      "it joins devices that are in different groups now");
	if (status != 0) {
		platform->free_pages(platform->ctx, numbers, order);
		return status;
	}
	iommu_topology_forget(iommu);
	iommu->topology = topology;
	iommu->topology_groups = numbers;
	iommu->topology_order = order;
	return 0;
}

int iommu_set_pci_topology(struct iommu *iommu, const struct iommu_pci_topology *topology)
{
	int status;

	iommu_control_lock(iommu);
	status = set_topology(iommu, topology);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

bool iommu_topology_bus_below(const struct iommu *iommu, uint16_t segment, uint16_t source_id,
			      uint8_t *bus)
{
	const size_t index = function_index(iommu->topology, segment, source_id);

	if (index == NOT_THERE)
		return false;
	*bus = iommu->topology->functions[index].secondary_bus;
	return *bus != 0;
}

/* --- One endpoint ----------------------------------------------------------------------------- */

int iommu_topology_check(const struct iommu *iommu, const struct iommu_endpoint_info *info)
{
	if (iommu->topology == NULL || info->not_in_topology)
		return 0;
	return function_index(iommu->topology, info->segment, info->source_id) == NOT_THERE
		       ? IOMMU_ENOENT
		       : 0;
}

/* Has to be with it by what both back ends, or else the topology, say. */
static bool belong_together(const struct iommu_endpoint *endpoint, const void *key,
			    const struct iommu_endpoint *other)
{
	const struct iommu *iommu = endpoint->iommu;
	size_t number;

	if (key != NULL || other->group->key != NULL)
		return key == other->group->key;
	number = number_of(iommu->topology, iommu->topology_groups, endpoint);
	return number != NOT_THERE &&
	       number == number_of(iommu->topology, iommu->topology_groups, other);
}

int iommu_topology_find_group(struct iommu_endpoint *endpoint, struct iommu_group **group)
{
	const struct iommu_ops *ops = endpoint->unit->ops;
	const void *key = ops->device_group != NULL ? ops->device_group(endpoint) : NULL;
	struct iommu_list_node *node;

	*group = NULL;
	iommu_list_for_each (node, &endpoint->iommu->endpoints) {
		struct iommu_endpoint *other =
			iommu_container_of(node, struct iommu_endpoint, link);

		if (other->is_alias || !belong_together(endpoint, key, other))
			continue;
		*group = other->group;
		return 0;
	}
	*group = iommu_group_new(endpoint->iommu);
	if (*group == NULL)
		return IOMMU_ENOMEM;
	(*group)->key = key;
	return 0;
}

int iommu_topology_for_each_alias(const struct iommu_endpoint *endpoint,
				  int (*visitor)(void *ctx, uint16_t source_id), void *ctx)
{
	const size_t index = index_of(endpoint->iommu->topology, endpoint);

	if (index == NOT_THERE || endpoint->group->key != NULL)
		return 0;
	return iommu_pci_for_each_alias(endpoint->iommu->topology, index, visitor, ctx);
}

void iommu_topology_set_requester(struct iommu_endpoint *endpoint)
{
	const struct iommu_pci_topology *topology = endpoint->iommu->topology;
	const size_t index = index_of(topology, endpoint);
	struct iommu_pci_requester *requester = &endpoint->requester;

	*requester = (struct iommu_pci_requester){.id = endpoint->info.source_id};
	if (index != NOT_THERE && endpoint->group->key == NULL)
		(void)iommu_pci_find_requester(topology, index, requester);
	/*
	 * Phantom functions are the device's own: a bridge that has its id in their place has none.
	 */
	if (requester->id == endpoint->info.source_id &&
	    requester->ignored_function_bits < endpoint->info.phantom_bits)
		requester->ignored_function_bits = endpoint->info.phantom_bits;
}

static int find_route(const struct iommu_endpoint *from, const struct iommu_endpoint *to,
		      enum iommu_pci_route *route)
{
	const struct iommu_pci_topology *topology = from->iommu->topology;
	const size_t first = index_of(topology, from);
	const size_t second = index_of(topology, to);

	if (from->iommu != to->iommu)
		return IOMMU_REFUSE(from->iommu, from->name, IOMMU_EINVAL,
				    "the other device is of another instance");
	if (iommu_endpoint_is_released(from) || iommu_endpoint_is_released(to))
		return IOMMU_REFUSE(from->iommu, from->name, IOMMU_ENODEV,
				    "it, or the other, was released");
	*route = IOMMU_PCI_ROUTE_UNKNOWN;
	if (first != NOT_THERE && second != NOT_THERE)
		*route = iommu_pci_find_route(topology, first, second);
	/* What is kept apart is not reached behind the unit's back, whatever the reason. */
	if (*route == IOMMU_PCI_ROUTE_BUS && from->group != to->group)
		*route = IOMMU_PCI_ROUTE_HOST_BRIDGE;
	return 0;
}

int iommu_find_route(struct iommu_endpoint *from, struct iommu_endpoint *to,
		     enum iommu_pci_route *route)
{
	int status;

	iommu_control_lock(from->iommu);
	status = find_route(from, to, route);
	return iommu_control_end_for(from->iommu, IOMMU_CALL, from->name, status);
}

/*
 * The numbers say which functions reach each other. Where nothing keeps the function's requests
 * from its neighbours, those with its number have to be in its group; a back end that makes groups
 * of its own may have seen it otherwise.
 */
bool iommu_topology_reaches_others(const struct iommu_endpoint *endpoint)
{
	const struct iommu *iommu = endpoint->iommu;
	const size_t index = index_of(iommu->topology, endpoint);
	const struct iommu_list_node *node;

	if (index == NOT_THERE || iommu_pci_is_isolated(iommu->topology, index))
		return false;
	iommu_list_for_each (node, &iommu->endpoints) {
		const struct iommu_endpoint *other =
			iommu_container_of((uintptr_t)node, struct iommu_endpoint, link);
		const size_t second = index_of(iommu->topology, other);

		if (second != NOT_THERE && other->group != endpoint->group &&
		    iommu->topology_groups[index] == iommu->topology_groups[second])
			return true;
	}
	return false;
}
