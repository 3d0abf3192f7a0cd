/* SPDX-License-Identifier: BSD-2-Clause */
#include "dma_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"

static void expect(bool good)
{
	if (good)
		return;
	fprintf(stderr, "the work cannot be done\n");
	exit(EXIT_FAILURE);
}

/* Never two neighbours, nor two CPUs' the same. */
static iommu_paddr_t buffer(const struct dma_work *work, unsigned int n)
{
	return 0x100000000 + (iommu_paddr_t)(work->first_buffer + n) * 3 * IOMMU_PAGE_SIZE;
}

static iommu_iova_t map(struct dma_work *work, unsigned int n)
{
	iommu_iova_t address = 0;

	expect(iommu_dma_map(work->dma, &work->device, buffer(work, n), IOMMU_PAGE_SIZE,
			     IOMMU_DMA_BIDIRECTIONAL, &address) == 0);
	return address;
}

static void unmap(struct dma_work *work, iommu_iova_t address)
{
	expect(iommu_dma_unmap(work->dma, address, IOMMU_PAGE_SIZE) == 0);
}

static void pair(struct dma_work *work)
{
	unmap(work, map(work, 0));
}

static void exchange(struct dma_work *work)
{
	unmap(work, work->ring[work->at]);
	work->ring[work->at] = map(work, work->at);
	work->at = (work->at + 1) % DMA_WORK_PIECES;
}

static void list(struct dma_work *work)
{
	unsigned int elements;

	expect(iommu_dma_map_sg(work->dma, &work->device, work->pieces, work->count,
				IOMMU_DMA_BIDIRECTIONAL, &elements) == 0 &&
	       iommu_dma_unmap_sg(work->dma, work->pieces, work->count) == 0);
}

static void address_alone(struct dma_work *work)
{
	uint64_t first;

	expect(iommu_iova_cache_alloc_on(work->cache, bench_cpu, 0, UINT64_MAX, 0, &first) == 0);
	iommu_iova_cache_free_on(work->cache, bench_cpu, first, 0);
}

/* In tables of the CPU's own, which a neighbour keeps. */
static void in_domain(struct dma_work *work)
{
	const iommu_iova_t iova = (1ULL << 40) + (uint64_t)bench_cpu * IOMMU_SIZE_1G;

	expect(iommu_map(work->domain, iova, buffer(work, 0), IOMMU_PAGE_SIZE,
			 IOMMU_PROT_READ_WRITE) == 0 &&
	       iommu_unmap(work->domain, iova, IOMMU_PAGE_SIZE, 0, NULL) == 0);
}

static void in_window(struct dma_work *work)
{
	uint64_t address;

	expect(iommu_tce_table_map(work->window, 1ULL << 33, work->count, IOMMU_PROT_READ_WRITE,
				   NULL, &address) == 0 &&
	       iommu_tce_table_unmap(work->window, address, work->count) == 0);
}

__attribute__((noinline)) void dma_work_once(struct dma_work *work)
{
	work->once(work);
}

/* --- Machines --------------------------------------------------------------------------------- */

static void create_cache(struct dma_machine *machine)
{
	struct iommu_iova_config config = {.platform = bench_platform(), .granule = 4096};
	struct iommu_iova_cache_config cached = {.depot_magazines = 32};

	config.first = 1;
	config.last = (1ULL << 36) - 1;
	expect(iommu_iova_space_create(&config, &machine->space) == 0);
	cached.space = machine->space;
	expect(iommu_iova_cache_create(&cached, &machine->cache) == 0);
}

static int forget(void *ctx)
{
	(void)ctx;
	return 0;
}

/* As that of tce/window in bench_tce.cc. */
static void create_window(struct dma_machine *machine)
{
	const struct iommu_tce_memory_config config = {
		.table = {.platform = bench_platform(),
			  .entries = (1ULL << 31) >> 16,
			  .page_shift = 16,
			  .reserved_first = 1},
		.levels = 2,
		.output_bits = 46,
		.kill = {.all = forget},
		.eager = true,
	};

	expect(iommu_tce_memory_create(&config, &machine->window) == 0);
}

static struct iommu_endpoint *create_unit(struct dma_machine *machine, const char *workload)
{
	const bool exclusive = strcmp(workload, "exclusive") == 0;
	const enum iommu_domain_type type =
		strcmp(workload, "lazy") == 0 ? IOMMU_DOMAIN_DMA_LAZY : IOMMU_DOMAIN_DMA;

	switch (machine->driver) {
	case DMA_VTD:
		expect(vtd_at_once_create(&machine->vtd, type, exclusive) == 0);
		return machine->vtd.endpoint;
	case DMA_RISCV:
		expect(riscv_at_once_create(&machine->riscv, type, exclusive) == 0);
		return machine->riscv.endpoint;
	case DMA_SMMU:
		expect(smmu_at_once_create(&machine->smmu, type, exclusive) == 0);
		return machine->smmu.endpoint;
	case DMA_NO_DRIVER:
	default:
		expect(null_unit_create(&machine->null, type, exclusive) == 0);
		return machine->null.endpoint;
	}
}

static void set_up(struct dma_work *work, const char *workload, struct iommu_endpoint *endpoint)
{
	unsigned int i;

	work->once = pair;
	if (endpoint == NULL) {
		work->once = work->window != NULL ? in_window : address_alone;
		if (work->window != NULL)
			work->count = (unsigned int)strtoul(workload + 6, NULL, 10);
		return;
	}
	work->device = iommu_dma_device_of(endpoint, 0);
	for (i = 0; i < DMA_WORK_PIECES; i++)
		work->pieces[i] = (struct iommu_dma_piece){
			.paddr = buffer(work, i),
			.size = IOMMU_PAGE_SIZE,
		};
	if (strncmp(workload, "sg", 2) == 0) {
		work->once = list;
		work->count = (unsigned int)strtoul(workload + 2, NULL, 10);
		expect(work->count != 0 && work->count <= DMA_WORK_PIECES);
	}
	if (strcmp(workload, "domain") == 0) {
		work->once = in_domain;
		expect(iommu_map(work->domain,
				 (1ULL << 40) + (uint64_t)bench_cpu * IOMMU_SIZE_1G + IOMMU_SIZE_4K,
				 0, IOMMU_PAGE_SIZE, IOMMU_PROT_READ) == 0);
	}
	if (strcmp(workload, "ring256") == 0) {
		work->once = exchange;
		for (i = 0; i < DMA_WORK_PIECES; i++)
			work->ring[i] = map(work, i);
	}
}

/* The workload behind the name of a driver. */
static const char *name_driver(struct dma_machine *machine, const char *workload)
{
	if (strncmp(workload, "vtd-", 4) == 0) {
		machine->driver = DMA_VTD;
		return workload + 4;
	}
	if (strncmp(workload, "riscv-", 6) == 0) {
		machine->driver = DMA_RISCV;
		return workload + 6;
	}
	if (strncmp(workload, "smmu-", 5) == 0) {
		machine->driver = DMA_SMMU;
		return workload + 5;
	}
	return workload;
}

void dma_machine_create(struct dma_machine *machine, const char *workload, unsigned int cpus)
{
	struct iommu_endpoint *endpoint = NULL;

	memset(machine, 0, sizeof(*machine));
	machine->cpus = cpus;
	workload = name_driver(machine, workload);
	if (strcmp(workload, "cached") == 0) {
		create_cache(machine);
	} else if (strncmp(workload, "window", 6) == 0) {
		create_window(machine);
	} else {
		endpoint = create_unit(machine, workload);
		expect(iommu_dma_of(endpoint, &machine->dma) == 0);
	}
	if (strcmp(workload, "domain") == 0)
		expect(machine->driver == DMA_NO_DRIVER &&
		       iommu_domain_alloc(&machine->null.unit, IOMMU_DOMAIN_PAGING, NULL,
					  &machine->domain) == 0);
	for (bench_cpu = cpus; bench_cpu-- != 0;) {
		struct dma_work *work = &machine->work[bench_cpu];

		work->dma = machine->dma;
		work->cache = machine->cache;
		work->window = machine->window;
		work->domain = machine->domain;
		work->first_buffer = bench_cpu * 2 * DMA_WORK_PIECES;
		set_up(work, workload, endpoint);
		if (bench_cpu == 0)
			break;
	}
	/* A neighbouring mapping keeps the tables. */
	if (endpoint != NULL)
		machine->keep = map(&machine->work[0], DMA_WORK_PIECES);
}

void dma_machine_destroy(struct dma_machine *machine)
{
	unsigned int cpu, i;

	if (machine->cache != NULL) {
		iommu_iova_cache_destroy(machine->cache);
		iommu_iova_space_destroy(machine->space);
		return;
	}
	if (machine->window != NULL) {
		expect(iommu_tce_table_destroy(machine->window) == 0);
		return;
	}
	for (cpu = 0; cpu < machine->cpus; cpu++)
		for (i = 0; machine->work[cpu].once == exchange && i < DMA_WORK_PIECES; i++)
			unmap(&machine->work[cpu], machine->work[cpu].ring[i]);
	unmap(&machine->work[0], machine->keep);
	if (machine->domain != NULL)
		expect(iommu_domain_free(machine->domain) == 0);
	switch (machine->driver) {
	case DMA_VTD:
		vtd_at_once_destroy(&machine->vtd);
		break;
	case DMA_RISCV:
		riscv_at_once_destroy(&machine->riscv);
		break;
	case DMA_SMMU:
		smmu_at_once_destroy(&machine->smmu);
		break;
	case DMA_NO_DRIVER:
	default:
		null_unit_destroy(&machine->null);
	}
}
