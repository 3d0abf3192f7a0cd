/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI: by configuration ports, which reach the first 256 bytes of configuration space, and by
 * memory, where firmware says that all of it lies there.
 */
#include <libiommu/acpi.h>
#include <libiommu/hw/pci_config.h>
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

/* Control registers of extended capabilities. */
#define ATS_CONTROL    0x4 /* in the upper half */
#define ATS_ENABLE     (1U << 31)
#define PRI_CONTROL    0x4
#define PRI_ENABLE     (1U << 0)
#define PRI_ALLOCATION 0xc
#define PASID_CONTROL  0x4 /* in the upper half, too */
#define PASID_ENABLE   (1U << 16)

static struct iommu_pci_function functions[PCI_FUNCTIONS_MAX];
static struct iommu_pci_topology topology = {.functions = functions};
/* Bus 0 of segment 0, or 0. */
static uint64_t extended;

static volatile uint32_t *extended_at(uint16_t id, unsigned int offset)
{
	return (volatile uint32_t *)physical(extended + ((uint64_t)id << 12) + offset);
}

static uint32_t config_read(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	(void)ctx;
	if (segment != 0 || (offset >= 256 && extended == 0))
		return UINT32_MAX;
	if (offset >= 256)
		return *extended_at(id, offset);
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

bool pci_start(const void *mcfg, size_t size)
{
	struct iommu_acpi_ecam ecam = {0};

	while (extended == 0 && iommu_acpi_next_ecam(mcfg, size, &ecam))
		extended = ecam.segment == 0 && ecam.first_bus == 0 ? ecam.base : 0;
	return iommu_pci_scan(&config, 0, 0, functions, PCI_FUNCTIONS_MAX, &topology.count) == 0;
}

const struct iommu_pci_topology *pci_topology(void)
{
	return &topology;
}

unsigned int pci_find(uint16_t vendor, uint16_t device, unsigned int features,
		      struct pci_device *found, unsigned int space)
{
	const uint32_t wanted = (uint32_t)device << 16 | vendor;
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < topology.count && count < space; i++) {
		struct pci_device *at = &found[count];

		if (config_read(NULL, 0, iommu_pci_id(&functions[i]), CONFIG_ID) != wanted ||
		    iommu_pci_describe(&config, &topology, i, features, &at->info) != 0)
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

/* The offset of an extended capability; 0: the device has none. */
static unsigned int find_extended(const struct pci_device *device, uint32_t id)
{
	unsigned int offset = PCI_EXTENDED_FIRST;
	unsigned int left = 64;

	while (offset >= PCI_EXTENDED_FIRST && left-- != 0) {
		const uint32_t header = read_from(device, offset);

		if (header == UINT32_MAX)
			return 0;
		if ((uint16_t)header == id)
			return offset;
		offset = header >> 20 & 0xffc;
	}
	return 0;
}

static void set_bit(const struct pci_device *device, unsigned int offset, uint32_t bit, bool on)
{
	volatile uint32_t *word = extended_at(device->info.source_id, offset);

	*word = on ? *word | bit : *word & ~bit;
}

void pci_set_feature(const struct pci_device *device, enum iommu_feature feature, bool on)
{
	const unsigned int ats = find_extended(device, PCI_EXTENDED_ATS);
	const unsigned int pri = find_extended(device, PCI_EXTENDED_PRI);
	const unsigned int pasid = find_extended(device, PCI_EXTENDED_PASID);

	if (feature == IOMMU_FEATURE_ATS && ats != 0)
		set_bit(device, ats + ATS_CONTROL, ATS_ENABLE, on);
	if (feature == IOMMU_FEATURE_PASID && pasid != 0)
		set_bit(device, pasid + PASID_CONTROL, PASID_ENABLE, on);
	if (feature == IOMMU_FEATURE_PAGE_REQUESTS && pri != 0) {
		*extended_at(device->info.source_id, pri + PRI_ALLOCATION) =
			device->info.page_requests;
		set_bit(device, pri + PRI_CONTROL, PRI_ENABLE, on);
	}
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
