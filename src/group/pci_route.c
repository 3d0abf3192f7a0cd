/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way from one PCI function to another: up to the lowest bridge that is above both, and down
 * again, unless something on the way has requests, or their completions, go up to the root complex.
 */
#include <libiommu/pci.h>

/* Bridges on one way up: more than there are buses cannot be. */
#define DEPTH_MAX 256

/*
 * Does access control turn requests or completions of a function, or of what is below, upwards?
 * With egress control that depends on a vector that is not known here.
 */
static bool redirects(const struct iommu_pci_function *function)
{
	const unsigned int turning = IOMMU_PCI_ACS_REQUEST_REDIRECT |
				     IOMMU_PCI_ACS_COMPLETION_REDIRECT |
				     IOMMU_PCI_ACS_EGRESS_CONTROL;

	return (function->flags & IOMMU_PCI_ISOLATED) != 0 ||
	       ((function->flags & IOMMU_PCI_HAS_ACS) != 0 &&
		(function->acs_control & turning) != 0);
}

static bool is_above(const struct iommu_pci_topology *topology, size_t bridge, size_t index)
{
	unsigned int i;

	for (i = 0; i < DEPTH_MAX && index < topology->count; i++) {
		index = iommu_pci_bridge_above(topology, index);
		if (index == bridge)
			return true;
	}
	return false;
}

/* The lowest bridge above both; topology->count: there is none. */
static size_t common_bridge(const struct iommu_pci_topology *topology, size_t from, size_t to)
{
	unsigned int i;

	for (i = 0; i < DEPTH_MAX; i++) {
		from = iommu_pci_bridge_above(topology, from);
		if (from >= topology->count || is_above(topology, from, to))
			return from;
	}
	return topology->count;
}

/* Does the function, or a bridge on its way up to another, redirect? */
static bool is_redirected(const struct iommu_pci_topology *topology, size_t index, size_t bridge)
{
	unsigned int i;

	for (i = 0; i < DEPTH_MAX && index < topology->count && index != bridge; i++) {
		if (redirects(&topology->functions[index]))
			return true;
		index = iommu_pci_bridge_above(topology, index);
	}
	return false;
}

/* The root bus that a function is on, or below. */
static unsigned int root_bus_of(const struct iommu_pci_topology *topology, size_t index)
{
	unsigned int i;

	for (i = 0; i < DEPTH_MAX; i++) {
		const size_t bridge = iommu_pci_bridge_above(topology, index);

		if (bridge >= topology->count)
			break;
		index = bridge;
	}
	/* A virtual function is where its physical one is. */
	return (topology->functions[index].flags & IOMMU_PCI_VIRTUAL) != 0
		       ? topology->functions[index].physical_function >> 8
		       : topology->functions[index].bus;
}

enum iommu_pci_route iommu_pci_find_route(const struct iommu_pci_topology *topology, size_t from,
					  size_t to)
{
	size_t bridge;

	if (from >= topology->count || to >= topology->count)
		return IOMMU_PCI_ROUTE_UNKNOWN;
	if (from == to)
		return IOMMU_PCI_ROUTE_BUS;
	if (topology->functions[from].segment != topology->functions[to].segment)
		return IOMMU_PCI_ROUTE_HOST_BRIDGES;
	bridge = common_bridge(topology, from, to);
	if (bridge < topology->count && !is_redirected(topology, from, bridge) &&
	    !is_redirected(topology, to, bridge))
		return IOMMU_PCI_ROUTE_BUS;
	return bridge < topology->count || root_bus_of(topology, from) == root_bus_of(topology, to)
		       ? IOMMU_PCI_ROUTE_HOST_BRIDGE
		       : IOMMU_PCI_ROUTE_HOST_BRIDGES;
}
