/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI isolation: which functions hardware cannot tell apart or isolate, determined from the host's
 * description of the machine's topology; and finding that description in configuration space.
 *
 * Two functions belong to one group when
 *   - requests of one can carry the requester id of the other, or both can carry the id of one
 *     bridge (conventional PCI behind a bridge; functions that are known to use a neighbour's id);
 *   - requests of one can reach the other without passing the IOMMU;
 * and when both are in one group with a third. The result depends on the topology alone, not on the
 * order in which functions become known. (PCI Express Base Specification, "Access Control
 * Services"; PCIe to PCI Bridge Specification, "Transaction ID".)
 *
 * Reachability. Access control services (ACS) govern what leaves through a function, not what
 * enters it. A request is therefore followed upwards, from the function that sends it through all
 * bridges above; each that does not isolate may redirect it, into that bridge itself and
 *   - a downstream port: to all that is on the bus inside its switch, and what is below that;
 *   - a function of a multifunction device: to all others of the device, and what is below those.
 *     On a link, which has one device, these are all functions of the bus (ARI);
 *   - any of them: to all that is below it.
 * One port of a switch without ACS therefore joins what is below all ports of it. Requests from a
 * root port are translated before the root complex may route them to another root port (VT-d
 * specification, "Root-Complex Peer to Peer Considerations").
 *
 * A downstream port isolates if source validation, request and completion redirect and upstream
 * forwarding are enabled; another function if those of them are enabled that its capability has; a
 * device with one function always. Neither isolates if egress control is enabled, whose vector is
 * unknown here, or direct translated requests, which a device can forge. Bridges to and from
 * conventional PCI never isolate.
 *
 * Virtual functions have IOMMU_PCI_VIRTUAL and the id of their physical function: they are
 * connected where that is, whatever their bus number. A device with virtual functions must have ACS
 * if its functions can reach each other (SR-IOV): one without ACS isolates them; one with ACS that
 * is not enabled does not.
 *
 * Pure functions on the caller's memory: no locks, any context.
 */
#ifndef LIBIOMMU_PCI_H
#define LIBIOMMU_PCI_H

#include <libiommu/endpoint.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* What a function is: the device/port type of its PCI Express capability, if it has one. */
enum iommu_pci_type {
	IOMMU_PCI_ENDPOINT = 0, /* PCI Express endpoint, including legacy ones */
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
	/* Isolates although it does not report it: a chipset quirk, set by the host. */
	IOMMU_PCI_ISOLATED = 1 << 2,
	/*
	 * A conventional bridge that replaces the ids of requests from below by its own, as one
	 * from PCI Express does.
	 */
	IOMMU_PCI_HIDES_BELOW = 1 << 3,
	/* A bridge that does not change requester ids, whatever its type. */
	IOMMU_PCI_KEEPS_IDS = 1 << 4,
	/* A virtual function of physical_function. */
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
	uint8_t secondary_bus; /* of bridges and ports; 0: none */
	/* Functions of the same bus whose ids its requests may carry: known hardware quirks. */
	uint8_t alias_count;
	uint8_t aliases[IOMMU_PCI_ALIASES_MAX]; /* devfn */
	/* With IOMMU_PCI_VIRTUAL: the id of the physical function, in the same segment. */
	uint16_t physical_function;
	/*
	 * Offset of its ACS control register in configuration space; 0: unknown. For the host only.
	 */
	uint16_t acs_offset;
};

struct iommu_pci_topology {
	const struct iommu_pci_function *functions;
	size_t count;
};

/*
 * iommu_pci_id - the id of a function in requests: bus, device and function. Context: any; takes no
 * lock.
 */
static inline uint16_t iommu_pci_id(const struct iommu_pci_function *function)
{
	return (uint16_t)(function->bus << 8 | function->devfn);
}

/*
 * iommu_pci_bridge_above - the index of the bridge whose secondary bus a function is on (for a
 * virtual function: its physical function); topology->count: it is on a root bus. index <
 * topology->count. Context: any; takes no lock.
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
 * bridge, or a field is out of range. Context: any; takes no lock.
 */
IOMMU_API int iommu_pci_groups(const struct iommu_pci_topology *topology, size_t *groups);

/* Called for each requester id; a result other than 0 ends the iteration, and is its result. */
typedef int (*iommu_pci_alias_visitor)(void *ctx, uint16_t requester_id);

/*
 * iommu_pci_for_each_alias - every requester id that requests of a function may carry when they
 * reach the root complex: its own first, then quirks, then those of bridges on the way up.
 *
 * An id may be reported twice. Returns 0 or the visitor's result; IOMMU_EINVAL: index beyond the
 * topology. Context: any; takes no lock.
 */
IOMMU_API int iommu_pci_for_each_alias(const struct iommu_pci_topology *topology, size_t index,
				       iommu_pci_alias_visitor visitor, void *ctx);

/*
 * How hardware that identifies a sender by one id, as an entry of the interrupt remapping table
 * does, compares ids: one id, of which some high bits of the function number may be ignored, or the
 * bus alone.
 */
struct iommu_pci_requester {
	bool by_bus; /* any id of the buses first_bus to last_bus, … */
	uint8_t first_bus, last_bus;
	uint16_t id;                   /* … or else this one, */
	uint8_t ignored_function_bits; /* … except for 0 to 3 high bits of the function number */
};

/*
 * iommu_pci_find_requester - the narrowest comparison that matches all requests of a function.
 *
 * With a single id, that id. With ids that differ only in the function number, their common bits.
 * Below a bridge from PCI Express to conventional PCI, the buses from that bridge to the function,
 * which are all in its group. Below a bridge that replaces ids (one without a PCI Express
 * capability, or from conventional PCI to Express), the id of the bridge, because no other appears
 * above it (VT-d specification, "Devices Behind Conventional PCI Bridges"). Returns 0, or
 * IOMMU_EINVAL: index beyond the topology.
 *
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_pci_find_requester(const struct iommu_pci_topology *topology, size_t index,
				       struct iommu_pci_requester *requester);

/*
 * iommu_pci_is_isolated - whether all requests of a function pass the IOMMU before they reach
 * another function, and those of others before they reach this one. Shared ids are not considered.
 * For a topology of which iommu_pci_groups returned 0; index < topology->count. Context: any; takes
 * no lock.
 */
IOMMU_API bool iommu_pci_is_isolated(const struct iommu_pci_topology *topology, size_t index);

/* How requests of one function reach the registers, or the memory, of another. */
enum iommu_pci_route {
	IOMMU_PCI_ROUTE_UNKNOWN = 0, /* one of them is not in the topology */
	/*
	 * Without the root complex, and so without the IOMMU: both are below one bridge, and
	 * nothing on the way redirects requests or completions (ACS). The address is that of the
	 * bus.
	 */
	IOMMU_PCI_ROUTE_BUS,
	/*
	 * Up to the root complex, and down again, through one host bridge, or different ones.
	 * Whether a root complex passes requests on in this way only the host knows.
	 */
	IOMMU_PCI_ROUTE_HOST_BRIDGE,
	IOMMU_PCI_ROUTE_HOST_BRIDGES,
};

/*
 * iommu_pci_find_route - the route from one function to another. A function reaches itself by bus.
 * Egress control, whose vector is unknown here, counts as a redirection, and so does
 * IOMMU_PCI_ISOLATED. Whether functions of one device reach each other inside of it is a matter of
 * the device (see iommu_find_route). For a topology of which iommu_pci_groups returned 0.
 *
 * Context: any; takes no lock.
 */
IOMMU_API enum iommu_pci_route iommu_pci_find_route(const struct iommu_pci_topology *topology,
						    size_t from, size_t to);

/* --- Configuration space ---------------------------------------------------------------------- */

/*
 * The topology from configuration space, for hosts that have no more PCI code than a read function.
 *
 *	static const struct iommu_pci_config config = {.read = host_config_read};
 *	static struct iommu_pci_function functions[256];
 *	struct iommu_pci_topology topology = {functions, 0};
 *
 *	iommu_pci_scan(&config, 0, 0, functions, 256, &topology.count);    for each root bus
 *	for each function f with f->acs_offset != 0:
 *		write iommu_pci_acs_wanted(f) to the 16 bits there, and read f->acs_control back
 *	iommu_set_pci_topology(iommu, &topology);
 *	iommu_pci_describe(&config, &topology, i, IOMMU_FEATURE_ATS, &info);   for each device
 *	iommu_probe_endpoint(iommu, &info, &endpoint);
 *
 * The rest of the library does not use it. Nothing is written: bus numbers are those of firmware or
 * the host. What devices report is not trusted: lists end, registers lie inside configuration
 * space, and a bridge's secondary bus must be above its own and belong to no other bridge. Quirks
 * of chipsets are corrected by the host, in the functions, before the topology is set
 * (IOMMU_PCI_ISOLATED, IOMMU_PCI_HIDES_BELOW, IOMMU_PCI_KEEPS_IDS, aliases).
 *
 * No locks, no allocation; any context in which the host can read configuration space. The caller
 * ensures that devices are not added, removed or reconfigured meanwhile.
 */

/* The host's configuration space. */
struct iommu_pci_config {
	void *ctx;
	/*
	 * Read the 32 bits at `offset`, a multiple of 4 below 4096, of the function with this id
	 * (bus << 8 | device << 3 | function). All bits set: there is no function; or, from offset
	 * 256 on, the host can access only conventional configuration space, so that ACS, ATS,
	 * PASID and virtual functions are not found.
	 */
	uint32_t (*read)(void *ctx, uint16_t segment, uint16_t id, unsigned int offset);
	unsigned int flags; /* 0 */
};

/*
 * iommu_pci_scan - append all functions on a root bus, and below it, to an array.
 *
 * @root_bus:             the bus below a host bridge, as reported by firmware; bus 0 of segment 0
 *                        is one on every PC.
 * @functions, @capacity: the caller's array.
 * @count:                number of functions in it: 0 before the first root bus, then the result of
 *                        the last call.
 *
 * A device is found by its function 0; below a port, as device 0 alone; with ARI, by its list of
 * functions if the port forwards eight bits of function number. Virtual functions are found if they
 * are enabled. Functions that are still starting (configuration request retry status) are not
 * found. A bridge is not followed if it has no secondary bus, or one that is not above its own,
 * beyond the buses of the bridge above it, or already below another bridge. A virtual function is
 * skipped if another function has its address, or if it lies beyond those buses.
 *
 * Returns 0, or, with *count unchanged,
 *   IOMMU_ENOSPC  there are more functions than `capacity`
 *   IOMMU_EEXIST  the array has functions of that bus, or a bridge to it
 *   IOMMU_EINVAL  unknown flags of the configuration
 *
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_pci_scan(const struct iommu_pci_config *config, uint16_t segment,
			     uint8_t root_bus, struct iommu_pci_function *functions,
			     size_t capacity, size_t *count);

/*
 * iommu_pci_acs_wanted - the value of a function's ACS control register for the best isolation:
 * source validation, request and completion redirect and upstream forwarding enabled, as far as the
 * capability has them; egress control and direct translated requests disabled; the rest unchanged.
 * 0 for a function without ACS.
 *
 * The register has 16 bits, and is at function->acs_offset. A single write to a root port may split
 * one group into several. To be written before devices perform DMA, and before
 * iommu_set_pci_topology; acs_control is then the value that is read back. Context: any; takes no
 * lock.
 */
IOMMU_API uint16_t iommu_pci_acs_wanted(const struct iommu_pci_function *function);

/*
 * iommu_pci_describe - the info of a function for iommu_probe_endpoint.
 *
 * @topology: from iommu_pci_scan.
 * @index:    of the function, below topology->count.
 * @features: enum iommu_feature: those that the host will enable in the device if the library
 *            allows it. Others are not claimed: a device whose ATS is claimed and remains disabled
 *            may fail to answer invalidations.
 * @info:     receives address, path, class, vendor, device and revision, enabled phantom functions,
 *            physical function, and with
 *            `features` the device's TLB, PASIDs and page requests. The host adds name, host_data,
 *            untrusted and requires_dma_32.
 *
 * PASIDs are claimed only if all bridges above pass their prefix. PASIDs and page requests of a
 * virtual function are those of its physical function, where the host enables them. The host writes
 * info->page_requests into the device as Outstanding Page Request Allocation. Returns 0, or
 *   IOMMU_EINVAL  index or features
 *   IOMMU_ENODEV  the function does not respond
 *   IOMMU_ERANGE  more than IOMMU_PCI_PATH_MAX - 1 bridges are above it
 *
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_pci_describe(const struct iommu_pci_config *config,
				 const struct iommu_pci_topology *topology, size_t index,
				 unsigned int features, struct iommu_endpoint_info *info);

IOMMU_END_DECLS
#endif
