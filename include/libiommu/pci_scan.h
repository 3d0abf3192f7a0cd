/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A helper for hosts that want to write no more PCI code than a read of configuration space: which
 * functions there are, and what the library has to know of them.
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
 * Nothing else in the library uses it. Bus numbers are firmware's or the host's: nothing is
 * written. What devices say is not trusted: lists end, registers lie inside of configuration space,
 * and a bridge is believed only a bus above its own that no other has. Chipsets that are known to
 * be other than they say are the host's to mend, in the functions, before the topology is set
 * (IOMMU_PCI_ISOLATED, IOMMU_PCI_HIDES_BELOW, IOMMU_PCI_KEEPS_IDS, aliases).
 *
 * No locks, no allocation; any context in which the host can read configuration space. The caller
 * sees to it that devices do not come, go or change meanwhile.
 */
#ifndef LIBIOMMU_PCI_SCAN_H
#define LIBIOMMU_PCI_SCAN_H

#include <libiommu/endpoint.h>
#include <libiommu/pci.h>

IOMMU_BEGIN_DECLS

/* The host's configuration space. */
struct iommu_pci_config {
	void *ctx;
	/*
	 * The 32 bits at `offset`, a multiple of 4 below 4096, of the function with this id
	 * (bus << 8 | device << 3 | function). All bits set: nothing answers; or, from 256 on, the
	 * host has only the way to conventional configuration space, by which no ACS, ATS, PASID or
	 * virtual function is found.
	 */
	uint32_t (*read)(void *ctx, uint16_t segment, uint16_t id, unsigned int offset);
};

/*
 * iommu_pci_scan - add all functions on a root bus, and below it, to an array.
 *
 * @root_bus: the bus below a host bridge; firmware names them, and bus 0 of segment 0 is one on
 *            every PC.
 * @functions, @capacity: the caller's array.
 * @count: how many are in it: 0 before the first root bus, and what the last call left before the
 *         next.
 *
 * A device is looked for by its function 0; below a port, as device 0 alone; by its list of
 * functions where the port forwards eight bits of function number (ARI). Virtual functions are
 * found where they are enabled. Functions that still start (configuration request retry status) are
 * not there yet. Not followed, as if nothing were below: a bridge without a secondary bus, or with
 * one that is not above its own, beyond what is below the bridge above it, or below another bridge
 * already. Not added: a virtual function where another function is, or beyond those buses.
 *
 * Returns 0, or, with *count as it was,
 *   IOMMU_ENOSPC  there are more functions than `capacity`
 *   IOMMU_EEXIST  the array has functions of that bus, or a bridge to it
 */
IOMMU_API int iommu_pci_scan(const struct iommu_pci_config *config, uint16_t segment,
			     uint8_t root_bus, struct iommu_pci_function *functions,
			     size_t capacity, size_t *count);

/*
 * iommu_pci_acs_wanted - what a function's ACS control register has to hold, so that it keeps
 * requests apart as far as it can (<libiommu/pci.h>): what its capability has of source validation,
 * request and completion redirect and upstream forwarding on; egress control and direct translated
 * requests off; the rest as it is.
 *
 * The register has 16 bits, and is at function->acs_offset. One write to a root port may make
 * several groups of one. To be written before devices do DMA, and before iommu_set_pci_topology;
 * acs_control is then to be what the register reads as. 0 for a function without ACS.
 */
IOMMU_API uint16_t iommu_pci_acs_wanted(const struct iommu_pci_function *function);

/*
 * iommu_pci_describe - what iommu_probe_endpoint has to know of a function.
 *
 * @topology: from iommu_pci_scan. @index: the function, below topology->count.
 * @features: enum iommu_feature: those that the host will enable in the device if the library lets
 *            it. What it leaves out is not claimed: a device of which ATS is claimed and stays off
 *            may fail to answer invalidations.
 * @info: filled in: place, path, class, phantom functions that are enabled, virtual or physical,
 *        and with `features` the device's TLB, PASIDs and page requests. The host adds name,
 *        host_data, untrusted and requires_dma_32.
 *
 * PASIDs are claimed only when all bridges above let their prefix pass. Those, and page requests,
 * of a virtual function are its physical one's, which the host enables there. info->page_requests
 * is what the host writes into the device as Outstanding Page Request Allocation. Returns 0, or
 *   IOMMU_EINVAL  index or features
 *   IOMMU_ENODEV  the function does not answer
 *   IOMMU_ERANGE  more than IOMMU_PCI_PATH_MAX - 1 bridges are above it
 */
IOMMU_API int iommu_pci_describe(const struct iommu_pci_config *config,
				 const struct iommu_pci_topology *topology, size_t index,
				 unsigned int features, struct iommu_endpoint_info *info);

IOMMU_END_DECLS
#endif
