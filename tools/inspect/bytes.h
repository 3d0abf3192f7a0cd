/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers in bytes of any alignment, on hosts of either byte order. */
#ifndef INSPECT_BYTES_H
#define INSPECT_BYTES_H

#include <stdint.h>

static inline uint16_t bytes_le16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t bytes_le32(const uint8_t *bytes)
{
	return bytes_le16(bytes) | (uint32_t)bytes_le16(bytes + 2) << 16;
}

static inline uint64_t bytes_le64(const uint8_t *bytes)
{
	return bytes_le32(bytes) | (uint64_t)bytes_le32(bytes + 4) << 32;
}

static inline uint64_t bytes_be64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

#endif
