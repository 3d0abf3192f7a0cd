/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register window of a model's bridge for the platform of a test: the kill register, which is
 * big-endian on every host. Any other access fails the test.
 */
#ifndef PHB_REGISTERS_H
#define PHB_REGISTERS_H

#include <libiommu/hw/tve.h>
#include <libiommu/model_tce.h>

#include "base/byteorder.h"
#include "test.h"

#define PHB_REGISTERS 0x3fffe40000000ULL

static struct {
	struct iommu_model_phb **model;
	void (*around)(void); /* called before and after each access, or NULL */
	unsigned int mapped;
	bool are_gone; /* reads return all ones, writes are lost */
} phb_registers;

static unsigned char *const phb_registers_base = (unsigned char *)0x7000;

/* NULL while they are mapped already. */
static void *phb_registers_map(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	assert_int_equal(paddr, PHB_REGISTERS);
	assert_true(size >= PHB_KILL_REGISTER + sizeof(uint64_t));
	phb_registers.mapped++;
	return phb_registers.mapped == 1 ? phb_registers_base : NULL;
}

static void phb_registers_unmap(void *ctx, void *mapped, uint64_t size)
{
	(void)ctx;
	(void)size;
	assert_ptr_equal(mapped, phb_registers_base);
	assert_int_equal(phb_registers.mapped, 1);
	phb_registers.mapped--;
}

static uint64_t phb_registers_read64(void *ctx, const volatile void *reg)
{
	uint64_t value;

	(void)ctx;
	assert_ptr_equal((uintptr_t)reg, phb_registers_base + PHB_KILL_REGISTER);
	if (phb_registers.are_gone)
		return UINT64_MAX;
	if (phb_registers.around != NULL)
		phb_registers.around();
	value = iommu_be64(iommu_model_phb_kill_read(*phb_registers.model));
	if (phb_registers.around != NULL)
		phb_registers.around();
	return value;
}

static void phb_registers_write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	assert_ptr_equal((uintptr_t)reg, phb_registers_base + PHB_KILL_REGISTER);
	if (phb_registers.are_gone)
		return;
	if (phb_registers.around != NULL)
		phb_registers.around();
	iommu_model_phb_kill_write(*phb_registers.model, iommu_be64(value));
	if (phb_registers.around != NULL)
		phb_registers.around();
}

static uint32_t phb_registers_read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	fail_msg("a narrow read of %p", (const void *)(uintptr_t)reg);
	return 0;
}

static void phb_registers_write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	fail_msg("a narrow write to %p: %u", (void *)(uintptr_t)reg, value);
}

static void phb_registers_install(struct iommu_platform *platform, struct iommu_model_phb **model,
				  void (*around)(void))
{
	phb_registers.model = model;
	phb_registers.around = around;
	phb_registers.mapped = 0;
	phb_registers.are_gone = false;
	platform->map_mmio = phb_registers_map;
	platform->unmap_mmio = phb_registers_unmap;
	platform->mmio_read32 = phb_registers_read32;
	platform->mmio_write32 = phb_registers_write32;
	platform->mmio_read64 = phb_registers_read64;
	platform->mmio_write64 = phb_registers_write64;
}

#endif
