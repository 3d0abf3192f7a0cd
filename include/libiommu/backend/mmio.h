/* SPDX-License-Identifier: BSD-2-Clause */
/* Register access: the host's functions, or a volatile access where it left them NULL. */
#ifndef LIBIOMMU_BACKEND_MMIO_H
#define LIBIOMMU_BACKEND_MMIO_H

#include <libiommu/platform.h>

/*
 * iommu_mmio_read32 - read a register of 32 bits. iommu_mmio_read64 - read a register of 64 bits.
 * iommu_mmio_write32 - write a register of 32 bits. iommu_mmio_write64 - write a register of 64
 * bits. Context: any; takes no lock.
 */
static inline uint32_t iommu_mmio_read32(const struct iommu_platform *platform,
					 const volatile void *reg)
{
	if (platform->mmio_read32 != NULL)
		return platform->mmio_read32(platform->ctx, reg);
	return *(const volatile uint32_t *)reg;
}

static inline void iommu_mmio_write32(const struct iommu_platform *platform, volatile void *reg,
				      uint32_t value)
{
	if (platform->mmio_write32 != NULL)
		platform->mmio_write32(platform->ctx, reg, value);
	else
		*(volatile uint32_t *)reg = value;
}

/* 32-bit hosts access a 64-bit register in two halves, low half first: the high one starts it. */
static inline uint64_t iommu_mmio_read64(const struct iommu_platform *platform,
					 const volatile void *reg)
{
	if (platform->mmio_read64 != NULL)
		return platform->mmio_read64(platform->ctx, reg);
#if UINTPTR_MAX > UINT32_MAX
	return *(const volatile uint64_t *)reg;
#else
	{
		uint32_t low = *(const volatile uint32_t *)reg;

		return low | (uint64_t)((const volatile uint32_t *)reg)[1] << 32;
	}
#endif
}

static inline void iommu_mmio_write64(const struct iommu_platform *platform, volatile void *reg,
				      uint64_t value)
{
	if (platform->mmio_write64 != NULL) {
		platform->mmio_write64(platform->ctx, reg, value);
		return;
	}
#if UINTPTR_MAX > UINT32_MAX
	*(volatile uint64_t *)reg = value;
#else
	*(volatile uint32_t *)reg = (uint32_t)value;
	((volatile uint32_t *)reg)[1] = (uint32_t)(value >> 32);
#endif
}

#endif
