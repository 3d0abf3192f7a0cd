/* SPDX-License-Identifier: BSD-2-Clause */
#include "flat_hardware.h"

#include <string.h>

#include "test.h"

#define PAGE IOMMU_PAGE_SIZE

struct flat_hardware flat_hardware;
#define hw flat_hardware

static uint64_t *register_at(unsigned int offset)
{
	switch (offset) {
	case FLAT_CONTROL:
		return &hw.control;
	case FLAT_INVALIDATE:
		return &hw.busy;
	case FLAT_FAULT:
		return &hw.fault;
	case FLAT_FAULT_ADDRESS:
		return &hw.fault_address;
	default:
		assert_true(offset >= FLAT_TABLE && offset < FLAT_TABLE + 8 * FLAT_DEVICES);
		return &hw.tables[(offset - FLAT_TABLE) / 8];
	}
}

static void *map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	assert_int_equal(size, FLAT_WINDOW);
	return paddr == 0 ? NULL : &hw;
}

static void unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)size;
	assert_ptr_equal(registers, &hw);
}

static unsigned int offset_of(const volatile void *reg)
{
	return (unsigned int)((uintptr_t)reg - (uintptr_t)&hw);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return *register_at(offset_of(reg));
}

static void forget(void)
{
	memset(hw.remembered, 0, sizeof(hw.remembered));
	memset(hw.remembered_tables, 0, sizeof(hw.remembered_tables));
}

static void write_register(unsigned int offset, uint64_t value)
{
	switch (offset) {
	case FLAT_CONTROL:
		hw.control = hw.keeps_going ? hw.control : value;
		break;
	case FLAT_INVALIDATE:
		hw.busy = hw.hangs || hw.is_slow;
		if (!hw.hangs)
			forget();
		break;
	case FLAT_FAULT:
		hw.fault = 0;
		break;
	default:
		*register_at(offset) = value;
	}
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	const unsigned int offset = offset_of(reg);

	(void)ctx;
	if (hw.before != NULL)
		hw.before(offset);
	write_register(offset, value);
	if (hw.after != NULL)
		hw.after();
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	fail_msg("a narrow read of %#x", offset_of(reg));
	return 0;
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	fail_msg("a narrow write to %#x: %u", offset_of(reg), value);
}

void flat_hardware_begin(struct iommu_platform *platform)
{
	memset(&hw, 0, sizeof(hw));
	hw.platform = platform;
	platform->map_mmio = map_mmio;
	platform->unmap_mmio = unmap_mmio;
	platform->mmio_read32 = read32;
	platform->mmio_read64 = read64;
	platform->mmio_write32 = write32;
	platform->mmio_write64 = write64;
}

void flat_hardware_mend(void)
{
	hw.hangs = hw.is_slow = hw.keeps_going = false;
	if (hw.busy != 0)
		forget();
	hw.busy = 0;
}

void flat_hardware_sleep(void)
{
	forget();
	hw.control = hw.busy = hw.fault = 0;
	memset(hw.tables, 0, sizeof(hw.tables));
}

/* --- Devices ---------------------------------------------------------------------------------- */

static uint64_t walk(unsigned int source, uint64_t address)
{
	const uint64_t remembered = hw.remembered_tables[source];
	const uint64_t pointer = remembered != 0 ? remembered : hw.tables[source];
	const uint64_t *table;

	if (pointer == 0 || address >= FLAT_ENTRIES * PAGE)
		return 0;
	assert_true((pointer & FLAT_VALID) != 0);
	hw.remembered_tables[source] = pointer;
	table = iommu_phys_to_virt(hw.platform, pointer & ~FLAT_VALID);
	return table[address / PAGE];
}

iommu_paddr_t flat_hardware_reach(unsigned int source, uint64_t address, uint64_t access)
{
	uint64_t entry = 0;

	if ((hw.control & 1) == 0)
		return address;
	if (address < FLAT_ENTRIES * PAGE)
		entry = hw.remembered[source][address / PAGE];
	if (entry == 0)
		entry = walk(source, address);
	if ((entry & access) != 0) {
		hw.remembered[source][address / PAGE] = entry;
		return (entry & ~(PAGE - 1)) | (address & (PAGE - 1));
	}
	if ((hw.fault & FLAT_FAULT_VALID) != 0) {
		hw.fault |= FLAT_FAULT_LOST;
		return 0;
	}
	hw.fault = FLAT_FAULT_VALID | source | (access == FLAT_WRITE ? FLAT_FAULT_IS_WRITE : 0);
	hw.fault_address = address;
	return 0;
}
