/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI isolation: which functions hardware cannot tell apart or keep apart, from a description of
 * the machine's topology that the host gives.
 *
 * Two functions belong to one group when
 *   - requests of one can carry the requester id of the other, or both can carry the id of one
 *     bridge (conventional PCI behind a bridge; functions that are known to use a neighbour's id);
 *   - requests of one can reach the other without passing the IOMMU;
 * and when both are in one group with a third. The result depends on the topology alone, not on the
 * order in which functions become known. (PCI Express Base Specification, "Access Control
 * Services"; PCIe to PCI Bridge Specification, "Transaction ID".)
 *
 * Which requests do. Access control services (ACS) govern what leaves through a function, not what
 * enters it. So a request is followed upwards, from the function that sends it through all bridges
 * above; each that does not keep it apart may turn it around, into that bridge itself and
 *   - a downstream port: all that is on the bus inside its switch, and what is below that;
 *   - a function of a device of several: all others of the device, and what is below those. On a
 *     link, which has one device, these are all functions of the bus (ARI);
 *   - any of them: all that is below it.
 * One port of a switch without ACS therefore joins what is below all ports of it. What a root port
 * sends on is translated before the root complex may route it to another root port (VT-d
 * specification, "Root-Complex Peer to Peer Considerations").
 *
 * A downstream port keeps apart when source validation, request and completion redirect and
 * upstream forwarding are on; another function when those of them are that its capability has, and
 * a device of one function in any case; neither when egress control is on, whose vector is not
 * known here, or direct translated requests, which a device can make up. Bridges to and from
 * conventional PCI never do.
 *
 * Virtual functions have IOMMU_PCI_VIRTUAL and the id of their physical function: they are wired to
 * where that is, whatever bus number they have. A device that has them must have ACS if its
 * functions reach each other (SR-IOV): one without ACS keeps them apart, one with ACS that is not
 * on does not.
 *
 * Pure functions on the caller's memory: no locks, any context.
 */
#ifndef LIBIOMMU_PCI_H
#define LIBIOMMU_PCI_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* What a function is: the device/port type of its PCI Express capability, if it has one. */
enum iommu_pci_type {
	IOMMU_PCI_ENDPOINT = 0, /* PCI Express endpoint, legacy ones too */
	IOMMU_PCI_ROOT_PORT,
	IOMMU_PCI_UPSTREAM_PORT,
	IOMMU_PCI_DOWNSTREAM_PORT,
	IOMMU_PCI_EXPRESS_TO_PCI,  /* bridge with PCI Express above and conventional PCI below */
	IOMMU_PCI_PCI_TO_EXPRESS,  /* the other way round */
	IOMMU_PCI_INTEGRATED,      /* root complex integrated endpoint */
	IOMMU_PCI_EVENT_COLLECTOR, /* root complex event collector */
	IOMMU_PCI_CONVENTIONAL,    /* no PCI Express capability */
	IOMMU_PCI_CONVENTIONAL_BRIDGE,
};

/* Bits of the ACS capability and control registers. */
enum iommu_pci_acs {
	IOMMU_PCI_ACS_SOURCE_VALIDATION = 1 << 0,
	IOMMU_PCI_ACS_TRANSLATION_BLOCKING = 1 << 1,
	IOMMU_PCI_ACS_REQUEST_REDIRECT = 1 << 2,
	IOMMU_PCI_ACS_COMPLETION_REDIRECT = 1 << 3,
	IOMMU_PCI_ACS_UPSTREAM_FORWARDING = 1 << 4,
	IOMMU_PCI_ACS_EGRESS_CONTROL = 1 << 5,
	IOMMU_PCI_ACS_DIRECT_TRANSLATED = 1 << 6,
};

enum iommu_pci_flags {
	IOMMU_PCI_MULTIFUNCTION = 1 << 0, /* bit 7 of the header type of function 0 */
	IOMMU_PCI_HAS_ACS = 1 << 1, /* acs_capability and acs_control are those of the device */
	/* Known to keep requests apart though it does not say so: a chipset quirk of the host's. */
	IOMMU_PCI_ISOLATED = 1 << 2,
	/*
	 * A conventional bridge that takes its own id for what is below, as one from Express does.
	 */
	IOMMU_PCI_HIDES_BELOW = 1 << 3,
	/* A bridge that leaves requester ids alone, whatever its type says. */
	IOMMU_PCI_KEEPS_IDS = 1 << 4,
	/* A virtual function; physical_function says whose. */
	IOMMU_PCI_VIRTUAL = 1 << 5,
};

#define IOMMU_PCI_ALIASES_MAX 4

/* One function. */
struct iommu_pci_function {
	uint16_t segment;
	uint8_t bus;
	uint8_t devfn; /* device << 3 | function */
	enum iommu_pci_type type;
	unsigned int flags; /* enum iommu_pci_flags */
	uint16_t acs_capability, acs_control;
	uint8_t secondary_bus; /* of bridges and ports; 0: nothing is below */
	/*
	 * Functions of its bus whose id its requests may carry, too: hardware that is known for it.
	 */
	uint8_t alias_count;
	uint8_t aliases[IOMMU_PCI_ALIASES_MAX]; /* devfn */
	/*
	 * With IOMMU_PCI_VIRTUAL: the id of the function, of its segment, that this one belongs to.
	 */
	uint16_t physical_function;
	/* Of its ACS control register, in configuration space; 0: not known. The host's alone. */
	uint16_t acs_offset;
};

struct iommu_pci_topology {
	const struct iommu_pci_function *functions;
	size_t count;
};

static inline uint16_t iommu_pci_id(const struct iommu_pci_function *function)
{
	return (uint16_t)(function->bus << 8 | function->devfn);
}

/*
 * iommu_pci_bridge_above - the index of the bridge whose secondary bus a function is on, a virtual
 * one where its physical function is; topology->count: it is on a root bus. index <
 * topology->count.
 */
IOMMU_API size_t iommu_pci_bridge_above(const struct iommu_pci_topology *topology, size_t index);

/*
 * iommu_pci_groups - the groups of a whole topology.
 *
 * @groups: room for topology->count numbers; receives for each function the index of the first
 *          function of its group. Two functions share a group when their numbers are equal.
 *
 * Functions below a bridge that is not in the topology count as being on a root bus. Time grows
 * with the square of the count. Returns 0, or IOMMU_EINVAL: two functions have one address, a bus
 * lies below two bridges, a bridge below itself, a virtual function has no physical one or is a
 * bridge, or a field is out of range.
 */
IOMMU_API int iommu_pci_groups(const struct iommu_pci_topology *topology, size_t *groups);

/* Called for each requester id; anything but 0 ends the walk, which returns it. */
typedef int (*iommu_pci_alias_visitor)(void *ctx, uint16_t requester_id);

/*
 * iommu_pci_for_each_alias - every requester id that requests of a function may carry when they
 * reach the root complex: its own first, then quirks, then those of bridges on the way up.
 *
 * Ids may come twice. Returns 0 or the visitor's value; IOMMU_EINVAL: index beyond the topology.
 */
IOMMU_API int iommu_pci_for_each_alias(const struct iommu_pci_topology *topology, size_t index,
				       iommu_pci_alias_visitor visitor, void *ctx);

/*
 * What hardware is to compare that knows a sender by one id, as an entry of the interrupt table
 * does: it looks at an id, of which it may ignore the highest bits of the function number, or at
 * the bus alone.
 */
struct iommu_pci_requester {
	bool by_bus; /* any id of the buses first_bus to last_bus, */
	uint8_t first_bus, last_bus;
	uint16_t id;                   /* … or else this one, */
	uint8_t ignored_function_bits; /* but for the highest 0 to 3 bits of the function number */
};

/*
 * iommu_pci_find_requester - the narrowest such comparison that lets all requests of a function
 * pass.
 *
 * Its id, when it has no other. Ids that differ in the function number alone: those that have the
 * rest in common. Below a bridge from PCI Express to conventional PCI: the buses from that bridge
 * to the function, which are all in its group. Below a bridge that takes its own id for what is
 * below (one without a PCI Express capability, or from conventional PCI to Express): that id,
 * because no other comes out above it (VT-d specification, "Devices Behind Conventional PCI
 * Bridges"). Returns 0, or IOMMU_EINVAL: index beyond the topology.
 */
IOMMU_API int iommu_pci_find_requester(const struct iommu_pci_topology *topology, size_t index,
				       struct iommu_pci_requester *requester);

/*
 * iommu_pci_is_isolated - do all requests of a function pass the IOMMU before they reach another,
 * and those of others before they reach this one? Ids that are shared are not looked at. A topology
 * of which iommu_pci_groups returned 0; index < topology->count.
 */
IOMMU_API bool iommu_pci_is_isolated(const struct iommu_pci_topology *topology, size_t index);

IOMMU_END_DECLS
#endif
