/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI behind one host bridge: the root bus, and the buses behind bridges on it, which firmware has
 * numbered.
 */
#include "machine.h"

#define PCI_ID         0x00
#define PCI_COMMAND    0x04
#define PCI_CLASS      0x08
#define PCI_HEADER     0x0c
#define PCI_BAR0       0x10
#define PCI_BUSES      0x18
#define PCI_MEMORY     0x20

#define DECODE_AND_DMA 6

void bridge_open(struct machine *machine, struct bridge *bridge, uint32_t node)
{
	const struct tree *tree = &machine->tree;
	uint32_t size = 0;
	uint32_t at;

	*bridge = (struct bridge){.node = node};
	(void)tree->property(tree, node, "ranges", &size);
	/*
	 * Three cells of the bus, the first of which says what it is, two of the CPU, two of size.
	 */
	for (at = 0; at + 7 <= size / 4; at += 7) {
		if ((tree_cell(tree, node, "ranges", at, 0) >> 24 & 3) != 2)
			continue;
		bridge->bus_address = tree_two_cells(tree, node, "ranges", at + 1);
		bridge->cpu_address = tree_two_cells(tree, node, "ranges", at + 3);
		bridge->size = tree_two_cells(tree, node, "ranges", at + 5);
		return;
	}
}

static void enable(struct machine *machine, const struct bridge *bridge, uint16_t source_id)
{
	const uint32_t command = machine->config_read(machine, bridge, source_id, PCI_COMMAND);

	machine->config_write(machine, bridge, source_id, PCI_COMMAND,
			      (command & 0xffff) | DECODE_AND_DMA);
}

static uint64_t place_bar(struct machine *machine, struct bridge *bridge, uint16_t source_id)
{
	uint64_t size, offset;

	machine->config_write(machine, bridge, source_id, PCI_BAR0, UINT32_MAX);
	size = ~(machine->config_read(machine, bridge, source_id, PCI_BAR0) & ~15U) + 1U;
	offset = (bridge->used + size - 1) & ~(size - 1);
	bridge->used = offset + size;
	machine->config_write(machine, bridge, source_id, PCI_BAR0,
			      (uint32_t)(bridge->bus_address + offset));
	return bridge->cpu_address + offset;
}

/* A bridge forwards addresses between base and limit, in steps of 1 MiB. */
static void open_bridge(struct machine *machine, const struct bridge *bridge, uint16_t source_id,
			uint64_t first, uint64_t end)
{
	const uint32_t start = (uint32_t)(bridge->bus_address + first);
	const uint32_t last = (uint32_t)(bridge->bus_address + end - 1);

	machine->config_write(machine, bridge, source_id, PCI_MEMORY,
			      (last & 0xfff00000U) | (start >> 16 & 0xfff0));
	enable(machine, bridge, source_id);
}

static unsigned int scan(struct machine *machine, struct bridge *bridge, unsigned int bus,
			 uint32_t id, struct pci_device *found, unsigned int space)
{
	unsigned int count = 0;
	unsigned int devfn;

	for (devfn = 0; devfn < 256; devfn++) {
		const uint16_t source_id = (uint16_t)(bus << 8 | devfn);
		const uint32_t own = machine->config_read(machine, bridge, source_id, PCI_ID);
		uint32_t buses;
		uint64_t before;

		if (own == UINT32_MAX)
			continue;
		if (own == id && count < space) {
			found[count++] = (struct pci_device){bridge, source_id,
							     place_bar(machine, bridge, source_id)};
			enable(machine, bridge, source_id);
		}
		if ((machine->config_read(machine, bridge, source_id, PCI_HEADER) >> 16 & 0x7f) !=
		    1)
			continue;
		buses = machine->config_read(machine, bridge, source_id, PCI_BUSES);
		bridge->used = before = (bridge->used + 0xfffff) & ~0xfffffULL;
		if ((buses >> 8 & 0xff) > bus)
			count += scan(machine, bridge, buses >> 8 & 0xff, id, found + count,
				      space - count);
		bridge->used = (bridge->used + 0xfffff) & ~0xfffffULL;
		if (bridge->used != before)
			open_bridge(machine, bridge, source_id, before, bridge->used);
	}
	return count;
}

unsigned int pci_start(struct machine *machine, struct bridge *bridge, uint16_t vendor,
		       uint16_t device, struct pci_device *found, unsigned int space)
{
	return scan(machine, bridge, 0, (uint32_t)device << 16 | vendor, found, space);
}
