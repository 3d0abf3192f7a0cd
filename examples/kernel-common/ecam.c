/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI: the buses of one host bridge, whose configuration space is memory (ECAM). */
#include "ecam.h"
#include "access.h"
#include "device_tree.h"

#define PCI_ID            0x00
#define PCI_COMMAND       0x04
#define PCI_CLASS         0x08
#define PCI_BAR0          0x10
#define PCI_BUSES         0x18
#define PCI_WINDOW        0x20
#define PCI_CAPABILITIES  0x34

#define DECODE_AND_DMA    6
#define HAS_CAPABILITIES  (1U << 20)
#define BAR_IS_64_BIT     4U
#define CAPABILITIES_MAX  48
#define CAPABILITY_MSI    0x05
#define MSI_ENABLE        (1U << 16)
#define MSI_IS_64_BIT     (1U << 23)
#define CAPABILITY_MSIX   0x11
#define MSIX_ENABLE       (1U << 31)

#define PORT_WINDOW       (1U << 20)

#define RANGE_SPACE(cell) ((cell) >> 24 & 3)
#define MEMORY_SPACE      2

static uint64_t at(const struct pci_bridge *bridge, uint16_t source_id, uint32_t offset)
{
	return bridge->config + ((uint64_t)source_id << 12) + offset;
}

static uint64_t two_cells(const uint8_t *value, uint32_t index)
{
	return (uint64_t)iommu_fdt_cell(value, index) << 32 | iommu_fdt_cell(value, index + 1);
}

bool pci_open(const struct iommu_fdt *tree, struct iommu_fdt_node *node, struct pci_bridge *bridge)
{
	const uint8_t *ranges;
	uint32_t size = 0;
	uint32_t cell;

	if (!tree_find(tree, "pci-host-ecam-generic", node))
		return false;
	bridge->config = tree_address(tree, node);
	ranges = iommu_fdt_property(tree, node, "ranges", &size);
	/*
	 * Three cells of the bus, the first of which says what it is, two of the CPU, two of size.
	 */
	for (cell = 0; cell + 7 <= size / 4; cell += 7) {
		if (RANGE_SPACE(iommu_fdt_cell(ranges, cell)) != MEMORY_SPACE)
			continue;
		/* Addresses of the bus and of the CPU are the same here. */
		bridge->window = two_cells(ranges, cell + 3);
		bridge->end = bridge->window + two_cells(ranges, cell + 5);
		return bridge->window == two_cells(ranges, cell + 1);
	}
	return false;
}

static uint64_t place_bar(struct pci_bridge *bridge, uint16_t source_id)
{
	const uint64_t bar = at(bridge, source_id, PCI_BAR0);
	uint64_t size, place;
	uint32_t value;

	write32(bar, UINT32_MAX);
	value = read32(bar);
	size = (uint32_t)(~(value & ~15U) + 1U);
	place = (bridge->window + size - 1) & ~(size - 1);
	if (size == 0 || place + size > bridge->end)
		return 0;
	bridge->window = place + size;
	write32(bar, (uint32_t)place);
	if ((value & BAR_IS_64_BIT) != 0)
		write32(bar + 4, (uint32_t)(place >> 32));
	return place;
}

uint32_t pci_class(const struct pci_bridge *bridge, uint16_t source_id)
{
	return read32(at(bridge, source_id, PCI_CLASS)) >> 8;
}

void pci_start(struct pci_bridge *bridge, uint16_t source_id, struct pci_device *device)
{
	const uint64_t command = at(bridge, source_id, PCI_COMMAND);

	device->source_id = source_id;
	device->config = at(bridge, source_id, 0);
	device->bar0 = place_bar(bridge, source_id);
	write32(command, (read32(command) & 0xffff) | DECODE_AND_DMA);
}

unsigned int pci_find(struct pci_bridge *bridge, uint8_t bus, uint16_t vendor, uint16_t device,
		      struct pci_device *found, unsigned int space)
{
	unsigned int count = 0, function;

	for (function = 0; function < 256 && count < space; function++) {
		const uint16_t source_id = (uint16_t)(bus << 8 | function);

		if (read32(at(bridge, source_id, PCI_ID)) == ((uint32_t)device << 16 | vendor))
			pci_start(bridge, source_id, &found[count++]);
	}
	return count;
}

uint8_t pci_open_port(struct pci_bridge *bridge, uint16_t port)
{
	const uint8_t bus = (uint8_t)((port >> 8) + 1);
	const uint64_t command = at(bridge, port, PCI_COMMAND);
	const uint32_t window = (uint32_t)(bridge->window + PORT_WINDOW - 1) & ~(PORT_WINDOW - 1);

	write32(at(bridge, port, PCI_BUSES), (uint32_t)bus << 16 | (uint32_t)bus << 8 | port >> 8);
	/* Base and limit, by their bits 31:20: one megabyte. */
	write32(at(bridge, port, PCI_WINDOW), (window & 0xfff00000U) | window >> 16);
	write32(command, (read32(command) & 0xffff) | DECODE_AND_DMA);
	bridge->window = window;
	return bus;
}

/* The capability of a function, by its configuration space; 0: it has none of this kind. */
static uint32_t find_capability(uint64_t config, uint32_t kind)
{
	uint32_t offset;
	unsigned int i;

	if ((read32(config + PCI_COMMAND) & HAS_CAPABILITIES) == 0)
		return 0;
	offset = read32(config + PCI_CAPABILITIES) & 0xfc;
	for (i = 0; offset != 0 && i < CAPABILITIES_MAX; i++) {
		const uint32_t header = read32(config + offset);

		if ((header & 0xff) == kind)
			return offset;
		offset = header >> 8 & 0xfc;
	}
	return 0;
}

bool pci_enable_messages(const struct pci_bridge *bridge, uint16_t source_id)
{
	const uint64_t config = at(bridge, source_id, 0);
	const uint32_t offset = find_capability(config, CAPABILITY_MSIX);

	if (offset == 0)
		return false;
	write32(config + offset, read32(config + offset) | MSIX_ENABLE);
	return true;
}

bool pci_set_message(const struct pci_device *device, uint64_t address, uint32_t data)
{
	const uint32_t offset = find_capability(device->config, CAPABILITY_MSI);
	const uint64_t message = device->config + offset;

	if (offset == 0 || (read32(message) & MSI_IS_64_BIT) == 0)
		return false;
	write32(message + 4, (uint32_t)address);
	write32(message + 8, (uint32_t)(address >> 32));
	write32(message + 12, data);
	write32(message, read32(message) | MSI_ENABLE);
	return true;
}
