/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI's MCFG: where configuration spaces are in memory. */
#include <libiommu/acpi.h>
#include <libiommu/hw/acpi_mcfg.h>

#include "base/byteorder.h"

/* Of the table that is there; 0: none. */
static uint32_t length_of(const uint8_t *mcfg, size_t size)
{
	uint32_t length;

	if (mcfg == NULL || size < MCFG_HEADER_SIZE || iommu_read_le32(mcfg) != MCFG_SIGNATURE)
		return 0;
	length = iommu_read_le32(mcfg + MCFG_LENGTH);
	return length <= size ? length : 0;
}

/* False: no configuration spaces can be there. */
static bool read_window(const uint8_t *bytes, struct iommu_acpi_ecam *ecam)
{
	ecam->base = iommu_read_le64(bytes + MCFG_WINDOW_BASE);
	ecam->segment = iommu_read_le16(bytes + MCFG_WINDOW_SEGMENT);
	ecam->first_bus = bytes[MCFG_WINDOW_FIRST_BUS];
	ecam->last_bus = bytes[MCFG_WINDOW_LAST_BUS];
	return ecam->base != 0 && ecam->base % MCFG_BUS_SIZE == 0 &&
	       ecam->first_bus <= ecam->last_bus &&
	       ecam->base <= UINT64_MAX - ((uint64_t)ecam->last_bus + 1) * MCFG_BUS_SIZE;
}

bool iommu_acpi_next_ecam(const void *mcfg, size_t size, struct iommu_acpi_ecam *ecam)
{
	const uint8_t *bytes = mcfg;
	const uint32_t length = length_of(bytes, size);

	/* A position is behind an entry, so that zero is before the first one. */
	if (ecam->position == 0)
		ecam->position = MCFG_HEADER_SIZE;
	while (ecam->position <= length && length - ecam->position >= MCFG_WINDOW_SIZE) {
		ecam->position += MCFG_WINDOW_SIZE;
		if (read_window(bytes + ecam->position - MCFG_WINDOW_SIZE, ecam))
			return true;
	}
	return false;
}
