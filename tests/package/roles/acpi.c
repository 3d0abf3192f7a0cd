/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/acpi.h>
#include <libiommu/vtd_host.h>

#include "roles.h"

static uint32_t read_config(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	(void)ctx, (void)segment, (void)id, (void)offset;
	return UINT32_MAX;
}
static bool read_memory(void *ctx, iommu_paddr_t address, void *bytes, size_t size)
{
	(void)ctx, (void)address, (void)bytes, (void)size;
	return false;
}
int run(const struct iommu_platform *platform)
{
	const struct iommu_pci_config config = {.read = read_config};
	const struct iommu_acpi_memory memory = {.read = read_memory};
	struct iommu_pci_topology topology = {NULL, 0};
	struct iommu_acpi_table table;
	struct iommu *iommu;

	if (iommu_pci_scan(&config, 0, 0, NULL, 0, &topology.count) != 0 ||
	    iommu_acpi_find_table(&memory, 0x1000, "DMAR", &table) != IOMMU_EINVAL)
		return 1;
	if (iommu_create(platform, &iommu) != 0 || iommu_vtd_probe(iommu, &memory, 8, NULL) == 0)
		return 2;
	return iommu_destroy(iommu);
}
