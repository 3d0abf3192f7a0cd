/* SPDX-License-Identifier: BSD-2-Clause */
#include "vtd_at_once.h"

#include <stdlib.h>
#include <string.h>

#include <libiommu/dmar_builder.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/vtd.h>

#include "pages.h"

#define REGISTERS 0xfed90000ULL
/* 48 bits, 4 levels, 2M and 1G pages, invalidation of up to 2^18 pages at once. */
#define CAPABILITIES 0x00d2008c222f0606ULL
#define EXTENDED     (0xf40 | VTD_ECAP_C | VTD_ECAP_QI)
#define ONE_SHOT     (VTD_GLOBAL_SRTP | VTD_GLOBAL_SFL | VTD_GLOBAL_WBF | VTD_GLOBAL_SIRTP)

static uint64_t get(const struct vtd_at_once *vtd, unsigned int offset)
{
	uint64_t value;

	memcpy(&value, &vtd->registers[offset], sizeof(value));
	return value;
}

static void put(struct vtd_at_once *vtd, unsigned int offset, uint64_t value)
{
	memcpy(&vtd->registers[offset], &value, sizeof(value));
}

static void put32(struct vtd_at_once *vtd, unsigned int offset, uint32_t value)
{
	memcpy(&vtd->registers[offset], &value, sizeof(value));
}

static void run_queue(struct vtd_at_once *vtd, uint64_t tail)
{
	const struct vtd_descriptor *ring =
		iommu_phys_to_virt(&vtd->platform, get(vtd, VTD_IQA) & ~0xfffULL);
	uint64_t head = get(vtd, VTD_IQH);

	for (; head != tail; head = (head + sizeof(*ring)) % 4096) {
		const struct vtd_descriptor d = ring[head / sizeof(*ring)];

		if ((d.low & 0xf) != VTD_DESCRIPTOR_WAIT)
			bench_count_one(&vtd->invalidations);
		else if ((d.low & VTD_WAIT_STATUS_WRITE) != 0)
			__atomic_store_n((uint32_t *)iommu_phys_to_virt(&vtd->platform, d.high),
					 (uint32_t)(d.low >> 32), __ATOMIC_RELEASE);
	}
	put(vtd, VTD_IQH, head);
}

static void write_command(struct vtd_at_once *vtd, uint32_t value)
{
	/* What is set once shows in the status; a flushed write buffer does not. */
	put32(vtd, VTD_GSTS, (value | (value & ONE_SHOT)) & ~VTD_GLOBAL_WBF);
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
	struct vtd_at_once *vtd = ctx;
	const unsigned int offset = (unsigned int)((uintptr_t)reg - (uintptr_t)vtd->registers);

	put(vtd, offset, value);
	if (offset == VTD_IQT)
		run_queue(vtd, value);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	struct vtd_at_once *vtd = ctx;
	const unsigned int offset = (unsigned int)((uintptr_t)reg - (uintptr_t)vtd->registers);

	switch (offset) {
	case VTD_GCMD:
		write_command(vtd, value);
		break;
	case VTD_FSTS:
		break; /* no fault is ever there to be cleared */
	case VTD_IQT:
		write64(ctx, reg, value);
		break;
	default:
		put32(vtd, offset, value);
	}
}

static void *map_registers(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	struct vtd_at_once *vtd = ctx;

	return paddr == REGISTERS && size <= sizeof(vtd->registers) ? vtd->registers : NULL;
}

static void unmap_registers(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)registers;
	(void)size;
}

static int add_unit(struct vtd_at_once *vtd)
{
	struct iommu_vtd_options options = {.flags = IOMMU_VTD_LEGACY_MODE};
	struct iommu_dmar_builder builder;
	uint8_t table[128];
	int size;

	iommu_dmar_begin(&builder, table, sizeof(table), 46, 0);
	iommu_dmar_add_unit(&builder, 0, REGISTERS, sizeof(vtd->registers), true);
	size = iommu_dmar_finish(&builder, "BENCH", "ATONCE");
	if (size < 0)
		return size;
	return iommu_vtd_probe(vtd->iommu, table, (size_t)size, &options);
}

int vtd_at_once_create(struct vtd_at_once *vtd, enum iommu_domain_type type, bool exclusive)
{
	const struct iommu_endpoint_info info = {.source_id = 8};
	int status;

	memset(vtd, 0, sizeof(*vtd));
	vtd->platform = *bench_platform();
	vtd->platform.ctx = vtd;
	vtd->platform.cpu_exclusive = exclusive;
	vtd->platform.map_mmio = map_registers;
	vtd->platform.unmap_mmio = unmap_registers;
	vtd->platform.mmio_read32 = read32;
	vtd->platform.mmio_read64 = read64;
	vtd->platform.mmio_write32 = write32;
	vtd->platform.mmio_write64 = write64;
	put32(vtd, VTD_VER, 0x10);
	put(vtd, VTD_CAP, CAPABILITIES);
	put(vtd, VTD_ECAP, EXTENDED);
	status = iommu_create(&vtd->platform, &vtd->iommu);
	if (status == 0)
		status = add_unit(vtd);
	if (status == 0)
		status = iommu_set_default_type(vtd->iommu, type);
	if (status == 0)
		status = iommu_probe_endpoint(vtd->iommu, &info, &vtd->endpoint);
	return status != 0 ? status : iommu_vtd_enable(vtd->iommu);
}

void vtd_at_once_destroy(struct vtd_at_once *vtd)
{
	if (iommu_release_endpoint(vtd->endpoint) != 0 || iommu_destroy(vtd->iommu) != 0)
		abort();
}
