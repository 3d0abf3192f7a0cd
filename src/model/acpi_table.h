/* SPDX-License-Identifier: BSD-2-Clause */
/* What the builders of ACPI tables share: fields, texts, and the end of a table. */
#ifndef IOMMU_MODEL_ACPI_TABLE_H
#define IOMMU_MODEL_ACPI_TABLE_H

#include <libiommu/types.h>

#include "base/memory.h"

#define ACPI_BUILD_LENGTH       4 /* offsets in the header of every table */
#define ACPI_BUILD_CHECKSUM     9
#define ACPI_BUILD_OEM_ID       10
#define ACPI_BUILD_OEM_TABLE_ID 16
#define ACPI_BUILD_CREATOR      28

static inline void acpi_put(uint8_t *bytes, uint64_t value, unsigned int size)
{
	while (size-- != 0) {
		*bytes++ = (uint8_t)value;
		value >>= 8;
	}
}

/* Bounded, also so that the compiler does not replace it by a call of strlen. */
static inline size_t acpi_text_length(const char *text, size_t max)
{
	size_t length = 0;

	while (length < max && text[length] != '\0')
		length++;
	return length;
}

static inline void acpi_put_text(uint8_t *bytes, const char *text, size_t size)
{
	memcpy(bytes, text, acpi_text_length(text, size));
}

/* Length, names and checksum of a table of `size` bytes. */
static inline void acpi_seal(uint8_t *bytes, size_t size, const char *oem_id,
			     const char *oem_table_id)
{
	uint8_t sum = 0;
	size_t i;

	acpi_put(bytes + ACPI_BUILD_LENGTH, size, 4);
	acpi_put_text(bytes + ACPI_BUILD_OEM_ID, oem_id, 6);
	acpi_put_text(bytes + ACPI_BUILD_OEM_TABLE_ID, oem_table_id, 8);
	acpi_put_text(bytes + ACPI_BUILD_CREATOR, "IOMM", 4);
	bytes[ACPI_BUILD_CHECKSUM] = 0;
	for (i = 0; i < size; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[ACPI_BUILD_CHECKSUM] = (uint8_t)(0 - sum);
}

#endif
