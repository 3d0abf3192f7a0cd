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

static struct iommu_endpoint *create_unit(struct dma_machine *machine, const char *workload)
{
	const bool exclusive = strcmp(workload, "exclusive") == 0;
	const enum iommu_domain_type type =
		strcmp(workload, "lazy") == 0 ? IOMMU_DOMAIN_DMA_LAZY : IOMMU_DOMAIN_DMA;

	if (machine->on_vtd) {
		expect(vtd_at_once_create(&machine->vtd, type, exclusive) == 0);
		return machine->vtd.endpoint;
	}
	expect(null_unit_create(&machine->null, type, exclusive) == 0);
	return machine->null.endpoint;
}

static void set_up(struct dma_work *work, const char *workload, struct iommu_endpoint *endpoint)
{
	unsigned int i;

	work->once = pair;
	if (endpoint == NULL) {
		work->once = address_alone;
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
	if (strcmp(workload, "ring256") == 0) {
		work->once = exchange;
		for (i = 0; i < DMA_WORK_PIECES; i++)
			work->ring[i] = map(work, i);
	}
}

void dma_machine_create(struct dma_machine *machine, const char *workload, unsigned int cpus)
{
	struct iommu_endpoint *endpoint = NULL;

	memset(machine, 0, sizeof(*machine));
	machine->cpus = cpus;
	machine->on_vtd = strncmp(workload, "vtd-", 4) == 0;
	if (machine->on_vtd)
		workload += 4;
	if (strcmp(workload, "cached") == 0) {
		create_cache(machine);
	} else {
		endpoint = create_unit(machine, workload);
		expect(iommu_dma_of(endpoint, &machine->dma) == 0);
	}
	for (bench_cpu = cpus; bench_cpu-- != 0;) {
		struct dma_work *work = &machine->work[bench_cpu];

		work->dma = machine->dma;
		work->cache = machine->cache;
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
	for (cpu = 0; cpu < machine->cpus; cpu++)
		for (i = 0; machine->work[cpu].once == exchange && i < DMA_WORK_PIECES; i++)
			unmap(&machine->work[cpu], machine->work[cpu].ring[i]);
	unmap(&machine->work[0], machine->keep);
	if (machine->on_vtd)
		vtd_at_once_destroy(&machine->vtd);
	else
		null_unit_destroy(&machine->null);
}
