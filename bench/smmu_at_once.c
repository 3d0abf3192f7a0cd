/* SPDX-License-Identifier: BSD-2-Clause */
#include "smmu_at_once.h"

#include <stdlib.h>
#include <string.h>

#include <libiommu/hw/smmu_command.h>
#include <libiommu/smmu.h>

#include "pages.h"

#define REGISTERS 0x9050000ULL

static uint32_t get32(const struct smmu_at_once *smmu, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, &smmu->registers[offset], sizeof(value));
	return value;
}

static uint64_t get(const struct smmu_at_once *smmu, unsigned int offset)
{
	uint64_t value;

	memcpy(&value, &smmu->registers[offset], sizeof(value));
	return value;
}

static void put32(struct smmu_at_once *smmu, unsigned int offset, uint64_t value)
{
	const uint32_t word = (uint32_t)value;

	memcpy(&smmu->registers[offset], &word, sizeof(word));
}

/* SMMUv3.2: as much as common units have, without the TLBs of devices. */
static void identify(struct smmu_at_once *smmu)
{
	put32(smmu, SMMU_IDR0,
	      smmu_place(SMMU_IDR0_S1P, 1) | smmu_place(SMMU_IDR0_S2P, 1) |
		      smmu_place(SMMU_IDR0_TTF, SMMU_TTF_AARCH64) |
		      smmu_place(SMMU_IDR0_COHACC, 1) |
		      smmu_place(SMMU_IDR0_HTTU, SMMU_HTTU_DIRTY) |
		      smmu_place(SMMU_IDR0_ASID16, 1) | smmu_place(SMMU_IDR0_MSI, 1) |
		      smmu_place(SMMU_IDR0_VMID16, 1) | smmu_place(SMMU_IDR0_CD2L, 1) |
		      smmu_place(SMMU_IDR0_TTENDIAN, SMMU_ENDIAN_LITTLE) |
		      smmu_place(SMMU_IDR0_STALL, SMMU_STALL_NEVER) |
		      smmu_place(SMMU_IDR0_ST_LEVEL, SMMU_ST_LEVEL_BOTH));
	put32(smmu, SMMU_IDR1,
	      smmu_place(SMMU_IDR1_SIDSIZE, 16) | smmu_place(SMMU_IDR1_EVENTQS, 8) |
		      smmu_place(SMMU_IDR1_CMDQS, 8));
	put32(smmu, SMMU_IDR3, smmu_place(SMMU_IDR3_RIL, 1) | smmu_place(SMMU_IDR3_BBML, 2));
	put32(smmu, SMMU_IDR5, smmu_place(SMMU_IDR5_OAS, 5) | smmu_place(SMMU_IDR5_GRAN4K, 1));
	put32(smmu, SMMU_AIDR, smmu_place(SMMU_AIDR_MINOR, 2));
	put32(smmu, SMMU_GBPA, SMMU_GBPA_ABORT);
}

static void run_queue(struct smmu_at_once *smmu, uint32_t producer)
{
	const uint64_t base = get(smmu, SMMU_CMDQ_BASE);
	const unsigned int order = smmu_queue_base_order(base);
	const struct smmu_command *ring =
		iommu_phys_to_virt(&smmu->platform, smmu_queue_base_address(base));
	uint32_t consumer = get32(smmu, SMMU_CMDQ_CONS);

	while (!smmu_queue_is_empty(producer, consumer, order)) {
		const struct smmu_command c = ring[smmu_queue_index(consumer, order)];
		const uint64_t address = smmu_address(c.words, SMMU_SYNC_MSI_ADDRESS);

		if (smmu_command_opcode(&c) != SMMU_SYNC)
			bench_count_one(&smmu->invalidations);
		else if (smmu_get(c.words, SMMU_SYNC_CS) == SMMU_SYNC_IRQ && address != 0)
			__atomic_store_n((uint32_t *)iommu_phys_to_virt(&smmu->platform, address),
					 (uint32_t)smmu_get(c.words, SMMU_SYNC_MSI_DATA),
					 __ATOMIC_RELEASE);
		consumer = smmu_queue_advance(consumer, 1, order);
	}
	put32(smmu, SMMU_CMDQ_CONS, consumer);
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	uint32_t value;

	(void)ctx;
	memcpy(&value, (const void *)(uintptr_t)reg, sizeof(value));
	return value;
}

/* The driver uses words alone; a host has either all four accesses or none. */
static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	(void)reg;
	abort();
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	(void)reg;
	(void)value;
	abort();
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	struct smmu_at_once *smmu = ctx;
	const unsigned int offset = (unsigned int)((uintptr_t)reg - (uintptr_t)smmu->registers);

	switch (offset) {
	case SMMU_CMDQ_PROD:
		put32(smmu, offset, value);
		run_queue(smmu, value);
		break;
	case SMMU_CR0:
	case SMMU_IRQ_CTRL:
		/* What has been accepted is shown in the register behind it. */
		put32(smmu, offset, value);
		put32(smmu, offset + 4, value);
		break;
	case SMMU_GBPA:
		put32(smmu, offset, value & ~SMMU_GBPA_UPDATE);
		break;
	default:
		put32(smmu, offset, value);
	}
}

static void *map_registers(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	struct smmu_at_once *smmu = ctx;

	return paddr == REGISTERS && size <= sizeof(smmu->registers) ? smmu->registers : NULL;
}

static void unmap_registers(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)registers;
	(void)size;
}

int smmu_at_once_create(struct smmu_at_once *smmu, enum iommu_domain_type type, bool exclusive)
{
	const struct iommu_smmu_config config = {.registers = REGISTERS};
	const struct iommu_endpoint_info info = {.source_id = 8};
	struct iommu_unit *unit = NULL;
	int status;

	memset(smmu, 0, sizeof(*smmu));
	smmu->platform = *bench_platform();
	smmu->platform.ctx = smmu;
	smmu->platform.cpu_exclusive = exclusive;
	smmu->platform.map_mmio = map_registers;
	smmu->platform.unmap_mmio = unmap_registers;
	smmu->platform.mmio_read32 = read32;
	smmu->platform.mmio_read64 = read64;
	smmu->platform.mmio_write32 = write32;
	smmu->platform.mmio_write64 = write64;
	identify(smmu);
	status = iommu_create(&smmu->platform, &smmu->iommu);
	if (status == 0)
		status = iommu_smmu_add_unit(smmu->iommu, &config, &unit);
	if (status == 0)
		status = iommu_set_default_type(smmu->iommu, type);
	if (status == 0)
		status = iommu_probe_endpoint(smmu->iommu, &info, &smmu->endpoint);
	return status != 0 ? status : iommu_unit_enable(unit);
}

void smmu_at_once_destroy(struct smmu_at_once *smmu)
{
	if (iommu_release_endpoint(smmu->endpoint) != 0 || iommu_destroy(smmu->iommu) != 0)
		abort();
}
