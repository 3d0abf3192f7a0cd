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
#define CONFIG_CAPABILITIES       0x34

#define COMMAND_MEMORY_AND_MASTER 0x6

#define CAPABILITY_MSI            0x05
#define CAPABILITY_EXPRESS        0x10
#define MSI_ENABLE                (1U << 16)
#define MSI_64_BIT                (1U << 23)

/* Every function that the last scan has seen. */
static struct iommu_pci_function functions[PCI_FUNCTIONS_MAX];
static unsigned int functions_found;

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

/* The offset of a capability; 0: it has none. */
static uint8_t find_capability(const struct pci_device *at, uint8_t id)
{
	uint8_t offset =
		(uint8_t)config_read(at->bus, at->device, at->function, CONFIG_CAPABILITIES);
	unsigned int left = 48;

	for (; offset >= 0x40 && left != 0; left--) {
		const uint32_t header =
			config_read(at->bus, at->device, at->function, offset & 0xfc);

		if ((uint8_t)header == id)
			return offset & 0xfc;
		offset = (uint8_t)(header >> 8);
	}
	return 0;
}

/* What the library wants to know of a function. */
static void describe(const struct pci_device *at, uint32_t header,
		     struct iommu_pci_function *function)
{
	static const enum iommu_pci_type types[16] = {
		[4] = IOMMU_PCI_ROOT_PORT,        [5] = IOMMU_PCI_UPSTREAM_PORT,
		[6] = IOMMU_PCI_DOWNSTREAM_PORT,  [7] = IOMMU_PCI_EXPRESS_TO_PCI,
		[8] = IOMMU_PCI_PCI_TO_EXPRESS,   [9] = IOMMU_PCI_INTEGRATED,
		[10] = IOMMU_PCI_EVENT_COLLECTOR,
	};
	const uint8_t express = find_capability(at, CAPABILITY_EXPRESS);
	const bool is_bridge = (header & 0x7f) == 1;

	*function = (struct iommu_pci_function){
		.bus = at->bus,
		.devfn = (uint8_t)(at->device << 3 | at->function),
		.type = is_bridge ? IOMMU_PCI_CONVENTIONAL_BRIDGE : IOMMU_PCI_CONVENTIONAL,
		.flags = (header & 0x80) != 0 ? IOMMU_PCI_MULTIFUNCTION : 0,
	};
	if (express != 0)
		function->type =
			types[config_read(at->bus, at->device, at->function, express) >> 20 & 0xf];
	if (is_bridge)
		function->secondary_bus = (uint8_t)(config_read(at->bus, at->device, at->function,
								CONFIG_BUS_NUMBERS) >>
						    8);
}

static void scan_bus(struct scan *scan, struct pci_device *way);

static void visit(struct scan *scan, struct pci_device *at)
{
	const uint32_t header = config_read(at->bus, at->device, at->function, CONFIG_HEADER) >> 16;
	struct iommu_pci_function *function;

	if (functions_found == PCI_FUNCTIONS_MAX)
		return;
	function = &functions[functions_found++];
	describe(at, header, function);
	if (config_read(at->bus, at->device, at->function, CONFIG_ID) == scan->id &&
	    scan->count < scan->space) {
		at->bar0 = config_read(at->bus, at->device, at->function, CONFIG_BAR0) & ~0xfU;
		scan->found[scan->count++] = *at;
	}
	if (function->secondary_bus > at->bus && at->path_length < IOMMU_PCI_PATH_MAX) {
		struct pci_device below = *at;

		below.bus = function->secondary_bus;
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

	functions_found = 0;
	scan_bus(&scan, &root);
	return scan.count;
}

const struct iommu_pci_topology *pci_topology(void)
{
	static struct iommu_pci_topology topology = {.functions = functions};

	topology.count = functions_found;
	return &topology;
}

void pci_enable(const struct pci_device *device)
{
	uint32_t command =
		config_read(device->bus, device->device, device->function, CONFIG_COMMAND);

	config_write(device->bus, device->device, device->function, CONFIG_COMMAND,
		     (command & 0xffff) | COMMAND_MEMORY_AND_MASTER);
}

void pci_set_message(const struct pci_device *device, uint64_t address, uint32_t data)
{
	const uint8_t msi = find_capability(device, CAPABILITY_MSI);
	uint32_t header;

	if (msi == 0)
		return;
	header = config_read(device->bus, device->device, device->function, msi) & ~MSI_ENABLE;
	config_write(device->bus, device->device, device->function, msi, header);
	if (address == 0)
		return;
	config_write(device->bus, device->device, device->function, (uint8_t)(msi + 4),
		     (uint32_t)address);
	if ((header & MSI_64_BIT) != 0)
		config_write(device->bus, device->device, device->function, (uint8_t)(msi + 8),
			     (uint32_t)(address >> 32));
	config_write(device->bus, device->device, device->function,
		     (uint8_t)(msi + ((header & MSI_64_BIT) != 0 ? 12 : 8)), data);
	config_write(device->bus, device->device, device->function, msi, header | MSI_ENABLE);
}
