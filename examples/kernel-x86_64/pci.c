/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI by configuration ports, which reach the first 256 bytes of configuration space. */
#include <libiommu/pci.h>

#include "machine.h"

#define CONFIG_ADDRESS            0xcf8
#define CONFIG_DATA               0xcfc

#define CONFIG_ID                 0x00
#define CONFIG_COMMAND            0x04
#define CONFIG_BAR0               0x10
#define CONFIG_CAPABILITIES       0x34

#define COMMAND_MEMORY_AND_MASTER 0x6

#define CAPABILITY_MSI            0x05
#define MSI_ENABLE                (1U << 16)
#define MSI_64_BIT                (1U << 23)

static struct iommu_pci_function functions[PCI_FUNCTIONS_MAX];
static struct iommu_pci_topology topology = {.functions = functions};

static uint32_t config_read(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	(void)ctx;
	if (segment != 0 || offset >= 256)
		return UINT32_MAX;
	out32(CONFIG_ADDRESS, 0x80000000U | (uint32_t)id << 8 | offset);
	return in32(CONFIG_DATA);
}

static const struct iommu_pci_config config = {.read = config_read};

static uint32_t read_from(const struct pci_device *device, unsigned int offset)
{
	return config_read(NULL, 0, device->info.source_id, offset);
}

static void write_to(const struct pci_device *device, unsigned int offset, uint32_t value)
{
	out32(CONFIG_ADDRESS, 0x80000000U | (uint32_t)device->info.source_id << 8 | offset);
	out32(CONFIG_DATA, value);
}

bool pci_start(void)
{
	return iommu_pci_scan(&config, 0, 0, functions, PCI_FUNCTIONS_MAX, &topology.count) == 0;
}

const struct iommu_pci_topology *pci_topology(void)
{
	return &topology;
}

unsigned int pci_find(uint16_t vendor, uint16_t device, struct pci_device *found,
		      unsigned int space)
{
	const uint32_t wanted = (uint32_t)device << 16 | vendor;
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < topology.count && count < space; i++) {
		struct pci_device *at = &found[count];

		if (config_read(NULL, 0, iommu_pci_id(&functions[i]), CONFIG_ID) != wanted ||
		    iommu_pci_describe(&config, &topology, i, 0, &at->info) != 0)
			continue;
		at->bar0 = read_from(at, CONFIG_BAR0) & ~0xfU;
		count++;
	}
	return count;
}

void pci_enable(const struct pci_device *device)
{
	write_to(device, CONFIG_COMMAND,
		 (read_from(device, CONFIG_COMMAND) & 0xffff) | COMMAND_MEMORY_AND_MASTER);
}

/* The offset of the message capability; 0: it has none. */
static unsigned int find_msi(const struct pci_device *device)
{
	unsigned int offset = read_from(device, CONFIG_CAPABILITIES) & 0xfc;
	unsigned int left = 48;

	while (offset >= 0x40 && left-- != 0) {
		const uint32_t header = read_from(device, offset);

		if ((uint8_t)header == CAPABILITY_MSI)
			return offset;
		offset = header >> 8 & 0xfc;
	}
	return 0;
}

void pci_set_message(const struct pci_device *device, uint64_t address, uint32_t data)
{
	const unsigned int msi = find_msi(device);
	uint32_t header;

	if (msi == 0)
		return;
	header = read_from(device, msi) & ~MSI_ENABLE;
	write_to(device, msi, header);
	if (address == 0)
		return;
	write_to(device, msi + 4, (uint32_t)address);
	if ((header & MSI_64_BIT) != 0)
		write_to(device, msi + 8, (uint32_t)(address >> 32));
	write_to(device, msi + ((header & MSI_64_BIT) != 0 ? 12 : 8), data);
	write_to(device, msi, header | MSI_ENABLE);
}
