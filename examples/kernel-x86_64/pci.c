/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI by configuration ports: a scan that remembers the way it came, as device scopes need it. */
#include "machine.h"

#define CONFIG_ADDRESS            0xcf8
#define CONFIG_DATA               0xcfc

#define CONFIG_ID                 0x00
#define CONFIG_COMMAND            0x04
#define CONFIG_HEADER             0x0c
#define CONFIG_BAR0               0x10
#define CONFIG_BUS_NUMBERS        0x18

#define COMMAND_MEMORY_AND_MASTER 0x6

struct scan {
	uint32_t id;
	struct pci_device *found;
	unsigned int count, space;
};

static uint32_t config_read(uint8_t bus, uint8_t device, uint8_t function, uint8_t offset)
{
	out32(CONFIG_ADDRESS, 0x80000000U | (uint32_t)bus << 16 | (uint32_t)device << 11 |
				      (uint32_t)function << 8 | offset);
	return in32(CONFIG_DATA);
}

static void config_write(uint8_t bus, uint8_t device, uint8_t function, uint8_t offset,
			 uint32_t value)
{
	out32(CONFIG_ADDRESS, 0x80000000U | (uint32_t)bus << 16 | (uint32_t)device << 11 |
				      (uint32_t)function << 8 | offset);
	out32(CONFIG_DATA, value);
}

static void scan_bus(struct scan *scan, struct pci_device *way);

static void visit(struct scan *scan, struct pci_device *at)
{
	uint32_t header = config_read(at->bus, at->device, at->function, CONFIG_HEADER) >> 16;

	if (config_read(at->bus, at->device, at->function, CONFIG_ID) == scan->id &&
	    scan->count < scan->space) {
		at->bar0 = config_read(at->bus, at->device, at->function, CONFIG_BAR0) & ~0xfU;
		scan->found[scan->count++] = *at;
	}
	if ((header & 0x7f) == 1 && at->path_length < IOMMU_PCI_PATH_MAX) {
		struct pci_device below = *at;

		below.bus = (uint8_t)(config_read(at->bus, at->device, at->function,
						  CONFIG_BUS_NUMBERS) >>
				      8);
		if (below.bus > at->bus)
			scan_bus(scan, &below);
	}
}

static void scan_bus(struct scan *scan, struct pci_device *way)
{
	struct pci_device at = *way;

	at.path_length = (uint8_t)(way->path_length + 1);
	for (at.device = 0; at.device < 32; at.device++)
		for (at.function = 0; at.function < 8; at.function++) {
			at.path[way->path_length] = (struct iommu_pci_hop){at.device, at.function};
			if (config_read(at.bus, at.device, at.function, CONFIG_ID) != UINT32_MAX)
				visit(scan, &at);
		}
}

unsigned int pci_find(uint16_t vendor, uint16_t device, struct pci_device *found,
		      unsigned int space)
{
	struct scan scan = {.id = (uint32_t)device << 16 | vendor, .found = found, .space = space};
	struct pci_device root = {0};

	scan_bus(&scan, &root);
	return scan.count;
}

void pci_enable(const struct pci_device *device)
{
	uint32_t command =
		config_read(device->bus, device->device, device->function, CONFIG_COMMAND);

	config_write(device->bus, device->device, device->function, CONFIG_COMMAND,
		     (command & 0xffff) | COMMAND_MEMORY_AND_MASTER);
}
