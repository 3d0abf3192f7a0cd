/* SPDX-License-Identifier: BSD-2-Clause */
#include "riscv_at_once.h"

#include <stdlib.h>
#include <string.h>

#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/riscv.h>

#include "pages.h"

#define REGISTERS 0x3010000ULL
/* Version 1.0, Sv48, second stages, accessed and dirty by hardware, wires, 56-bit addresses. */
#define CAPABILITIES                                                                               \
	(RISCV_VERSION_1_0 | RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV39X4 |                  \
	 RISCV_CAP_SV48X4 | RISCV_CAP_AMO_HWAD | (uint64_t)RISCV_INTERRUPTS_WIRED << 28 |          \
	 56ULL << 32)

static uint64_t get(const struct riscv_at_once *riscv, unsigned int offset)
{
	uint64_t value;

	memcpy(&value, &riscv->registers[offset], sizeof(value));
	return value;
}

static uint32_t get32(const struct riscv_at_once *riscv, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, &riscv->registers[offset], sizeof(value));
	return value;
}

static void put(struct riscv_at_once *riscv, unsigned int offset, uint64_t value)
{
	memcpy(&riscv->registers[offset], &value, sizeof(value));
}

static void put32(struct riscv_at_once *riscv, unsigned int offset, uint32_t value)
{
	memcpy(&riscv->registers[offset], &value, sizeof(value));
}

static void run_queue(struct riscv_at_once *riscv, uint32_t tail)
{
	const uint64_t base = get(riscv, RISCV_CQB);
	const struct riscv_command *ring =
		iommu_phys_to_virt(&riscv->platform, riscv_ppn_address(base));
	const uint32_t mask = (uint32_t)((1ULL << riscv_queue_order(base)) - 1);
	uint32_t head = get32(riscv, RISCV_CQH);

	for (; head != tail; head = (head + 1) & mask) {
		const struct riscv_command c = ring[head];

		if (riscv_command_kind(c) != RISCV_IOFENCE_C)
			bench_count_one(&riscv->invalidations);
		else if ((c.low & RISCV_IOFENCE_AV) != 0)
			__atomic_store_n(
				(uint32_t *)iommu_phys_to_virt(&riscv->platform, c.high << 2),
				(uint32_t)(c.low >> 32), __ATOMIC_RELEASE);
	}
	put32(riscv, RISCV_CQH, head);
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	uint32_t value;

	(void)ctx;
	memcpy(&value, (const void *)(uintptr_t)reg, sizeof(value));
	return value;
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	uint64_t value;

	(void)ctx;
	memcpy(&value, (const void *)(uintptr_t)reg, sizeof(value));
	return value;
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	struct riscv_at_once *riscv = ctx;

	put(riscv, (unsigned int)((uintptr_t)reg - (uintptr_t)riscv->registers), value);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	struct riscv_at_once *riscv = ctx;
	const unsigned int offset = (unsigned int)((uintptr_t)reg - (uintptr_t)riscv->registers);

	switch (offset) {
	case RISCV_CQT:
		put32(riscv, offset, value);
		run_queue(riscv, value);
		break;
	case RISCV_CQCSR:
	case RISCV_FQCSR:
	case RISCV_PQCSR:
		put32(riscv, offset,
		      (value & RISCV_QUEUE_ENABLE) != 0 ? value | RISCV_QUEUE_ON : 0);
		break;
	case RISCV_IPSR:
		break; /* no interrupt is ever there to be cleared */
	default:
		put32(riscv, offset, value);
	}
}

static void *map_registers(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	struct riscv_at_once *riscv = ctx;

	return paddr == REGISTERS && size <= sizeof(riscv->registers) ? riscv->registers : NULL;
}

static void unmap_registers(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)registers;
	(void)size;
}

int riscv_at_once_create(struct riscv_at_once *riscv, enum iommu_domain_type type, bool exclusive)
{
	const struct iommu_riscv_config config = {.registers = REGISTERS};
	const struct iommu_endpoint_info info = {.source_id = 8};
	struct iommu_unit *unit = NULL;
	int status;

	memset(riscv, 0, sizeof(*riscv));
	riscv->platform = *bench_platform();
	riscv->platform.ctx = riscv;
	riscv->platform.cpu_exclusive = exclusive;
	riscv->platform.map_mmio = map_registers;
	riscv->platform.unmap_mmio = unmap_registers;
	riscv->platform.mmio_read32 = read32;
	riscv->platform.mmio_read64 = read64;
	riscv->platform.mmio_write32 = write32;
	riscv->platform.mmio_write64 = write64;
	put(riscv, RISCV_CAPABILITIES, CAPABILITIES);
	put32(riscv, RISCV_FCTL, RISCV_FCTL_WSI);
	status = iommu_create(&riscv->platform, &riscv->iommu);
	if (status == 0)
		status = iommu_riscv_add_unit(riscv->iommu, &config, &unit);
	if (status == 0)
		status = iommu_set_default_type(riscv->iommu, type);
	if (status == 0)
		status = iommu_probe_endpoint(riscv->iommu, &info, &riscv->endpoint);
	return status != 0 ? status : iommu_unit_enable(unit);
}

void riscv_at_once_destroy(struct riscv_at_once *riscv)
{
	if (iommu_release_endpoint(riscv->endpoint) != 0 || iommu_destroy(riscv->iommu) != 0)
		abort();
}
