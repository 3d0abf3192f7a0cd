/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte order: hardware structures in memory have one of their own, whatever the host's is. */
#ifndef IOMMU_BASE_BYTEORDER_H
#define IOMMU_BASE_BYTEORDER_H

#include <stdint.h>

static inline uint64_t iommu_swap64(uint64_t value)
{
#if defined(__riscv) && !defined(__riscv_zbb)
	/* No instruction does it, and the compiler would call a function. */
	value = (value & 0x00ff00ff00ff00ffULL) << 8 | (value >> 8 & 0x00ff00ff00ff00ffULL);
	value = (value & 0x0000ffff0000ffffULL) << 16 | (value >> 16 & 0x0000ffff0000ffffULL);
	return value << 32 | value >> 32;
#else
	return __builtin_bswap64(value);
#endif
}

static inline uint32_t iommu_swap32(uint32_t value)
{
	return (uint32_t)(iommu_swap64(value) >> 32);
}

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
static inline uint32_t iommu_le32(uint32_t value)
{
	return iommu_swap32(value);
}

static inline uint64_t iommu_le64(uint64_t value)
{
	return iommu_swap64(value);
}

/* Host to big-endian; its own inverse. */
static inline uint64_t iommu_be64(uint64_t value)
{
	return value;
}

static inline uint32_t iommu_be32(uint32_t value)
{
	return value;
}
#else
static inline uint32_t iommu_be32(uint32_t value)
{
	return iommu_swap32(value);
}

static inline uint64_t iommu_be64(uint64_t value)
{
	return iommu_swap64(value);
}

/* Host to little-endian; its own inverse. */
static inline uint32_t iommu_le32(uint32_t value)
{
	return value;
}

static inline uint64_t iommu_le64(uint64_t value)
{
	return value;
}
#endif

/* Unaligned little-endian reads from bytes that came from outside. */
static inline uint16_t iommu_read_le16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t iommu_read_le32(const uint8_t *bytes)
{
	return iommu_read_le16(bytes) | (uint32_t)iommu_read_le16(bytes + 2) << 16;
}

static inline uint64_t iommu_read_le64(const uint8_t *bytes)
{
	return iommu_read_le32(bytes) | (uint64_t)iommu_read_le32(bytes + 4) << 32;
}

#endif
