/* SPDX-License-Identifier: BSD-2-Clause */
#include "tce/kill_register.h"

#include <libiommu/hw/tve.h>
#include <libiommu/tce_table.h>

#include "base/byteorder.h"
#include "base/mmio.h"

#define ONE_BY_ONE 8 /* more pages than that, and all of the PE's go at once */

/* It is big-endian. Reading it back has the write arrive before anything that follows. */
static void write(const struct iommu_platform *platform, volatile void *registers, uint64_t value)
{
	volatile unsigned char *reg = (volatile unsigned char *)registers + PHB_KILL_REGISTER;

	iommu_mmio_write64(platform, reg, iommu_be64(value));
	(void)iommu_mmio_read64(platform, reg);
}

void iommu_tce_forget_pages(const struct iommu_platform *platform, volatile void *registers,
			    uint32_t pe, uint64_t address, uint64_t page_size, uint64_t pages)
{
	for (; pages != 0; pages--, address += page_size)
		write(platform, registers, PHB_KILL_PAGE | (address & PHB_KILL_ADDRESS_MASK) | pe);
}

void iommu_tce_forget_pe(const struct iommu_platform *platform, volatile void *registers,
			 uint32_t pe)
{
	write(platform, registers, PHB_KILL_PE | pe);
}

void iommu_tce_forget_all(const struct iommu_platform *platform, volatile void *registers)
{
	write(platform, registers, PHB_KILL_ALL);
}

/* --- For windows of hosts --------------------------------------------------------------------- */

int iommu_tce_register_kill_pages(void *ctx, uint64_t address, unsigned int page_shift,
				  uint64_t pages)
{
	const struct iommu_tce_register *told = ctx;

	if (pages > ONE_BY_ONE)
		return iommu_tce_register_kill_pe(ctx);
	iommu_tce_forget_pages(told->platform, told->registers, told->pe, address,
			       1ULL << page_shift, pages);
	return 0;
}

int iommu_tce_register_kill_pe(void *ctx)
{
	const struct iommu_tce_register *told = ctx;

	iommu_tce_forget_pe(told->platform, told->registers, told->pe);
	return 0;
}
