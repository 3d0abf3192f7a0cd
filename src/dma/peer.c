/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA between devices: by a bus address where the request does not pass the IOMMU, by a mapping of
 * the other device's registers where it does.
 */
#include "dma/debug.h"

#if IOMMU_CONFIG_DMA_ATTRIBUTES

#define PEER_FLAGS ((unsigned int)IOMMU_DMA_PEER_HOST_BRIDGE | IOMMU_DMA_PEER_HOST_BRIDGES)

static const char *find_way(struct iommu_dma_peer *peer, unsigned int flags, bool untrusted,
			    enum iommu_pci_route route)
{
	const bool one = (flags & IOMMU_DMA_PEER_HOST_BRIDGE) != 0;
	const bool any = (flags & IOMMU_DMA_PEER_HOST_BRIDGES) != 0;

	/*
	 * By bus nothing limits a device to what is mapped for it. Other addresses go all the way
	 * up.
	 */
	peer->by_bus = route == IOMMU_PCI_ROUTE_BUS && !untrusted;
	if (peer->by_bus || any)
		return NULL;
	if (one && (route == IOMMU_PCI_ROUTE_HOST_BRIDGE || route == IOMMU_PCI_ROUTE_BUS))
		return NULL;
	if (route == IOMMU_PCI_ROUTE_UNKNOWN)
		return IOMMU_WHY("the topology does not say how the devices reach each other");
	return IOMMU_WHY(
		"requests go through a host bridge, of which the host has not said that it "
		"passes them on");
}

int iommu_dma_peer_init(struct iommu_dma_peer *peer, struct iommu_endpoint *client,
			struct iommu_endpoint *provider, uint64_t bus_offset, unsigned int flags)
{
	enum iommu_pci_route route;
	const char *why;
	int status = iommu_find_route(client, provider, &route);

	if (status != 0)
		return status;
	*peer = (struct iommu_dma_peer){.bus_offset = bus_offset};
	if ((flags & ~PEER_FLAGS) != 0)
		return iommu_refuse_now(client->iommu, IOMMU_CALL, client->name, IOMMU_EINVAL,
					IOMMU_WHY("unknown flags"));
	why = find_way(peer, flags, client->info.untrusted, route);
	return why == NULL ? 0
			   : iommu_refuse_now(client->iommu, IOMMU_CALL, client->name,
					      IOMMU_EOPNOTSUPP, why);
}

/* The registers as they are found from the bus. */
static int bus_address(const struct iommu_dma_device *device, const struct iommu_dma_peer *peer,
		       iommu_paddr_t paddr, uint64_t size, iommu_iova_t *address)
{
	const iommu_iova_t first = paddr + peer->bus_offset;

	if (size - 1 > UINT64_MAX - first)
		return IOMMU_EOVERFLOW;
	if (device->mask != 0 && first + (size - 1) > device->mask)
		return IOMMU_ERANGE;
	if (dma_crosses(device, first, size) && size <= device->boundary)
		return IOMMU_ERANGE;
	*address = first;
	return 0;
}

int iommu_dma_map_peer(struct iommu_dma *dma, const struct iommu_dma_device *device,
		       const struct iommu_dma_peer *peer, iommu_paddr_t paddr, uint64_t size,
		       enum iommu_dma_direction direction, iommu_iova_t *address)
{
	int status;

	if (!peer->by_bus)
		return iommu_dma_map_with(dma, device, paddr, size, direction, IOMMU_DMA_MMIO,
					  address);
	status = iommu_dma_check_buffer(device, paddr, size, direction);
	return status != 0 ? status : bus_address(device, peer, paddr, size, address);
}

int iommu_dma_unmap_peer(struct iommu_dma *dma, const struct iommu_dma_peer *peer,
			 iommu_iova_t address, uint64_t size)
{
	return peer->by_bus ? 0 : iommu_dma_unmap_with(dma, address, size, IOMMU_DMA_MMIO);
}

#endif
