/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work of drivers through the DMA mapping API, for programs that count: by name, on one CPU or on
 * two that share a domain.
 *
 *	strict, lazy, exclusive   one page mapped and unmapped
 *	sg16, sg256               a list of so many scattered pages, mapped and unmapped
 *	ring256                   of 256 live pages the oldest unmapped, and another mapped
 *	cached                    an address alone, taken from the CPU's cache and given back
 *	domain                    iommu_map and iommu_unmap of one page, in tables of each CPU's own
 *	window1, window16         so many pages of 64K in a window of POWER's, mapped and unmapped
 *
 * Over a unit that takes no time (null_unit.h); with "vtd-", "riscv-" or "smmu-" in front, through
 * that driver over registers that answer at once (vtd_at_once.h, riscv_at_once.h, smmu_at_once.h).
 * What cannot be set up ends the program.
 */
#ifndef BENCH_DMA_WORK_H
#define BENCH_DMA_WORK_H

#include <libiommu/iommu.h>
#include <libiommu/iova.h>
#include <libiommu/tce_table.h>

#include "null_unit.h"
#include "riscv_at_once.h"
#include "smmu_at_once.h"
#include "vtd_at_once.h"

#define DMA_WORK_PIECES 256
#define DMA_WORK_CPUS   2

/* Of one CPU: what it touches is its own but for the domain. */
struct dma_work {
	void (*once)(struct dma_work *work);
	struct iommu_dma *dma;
	struct iommu_dma_device device;
	struct iommu_iova_cache *cache;
	struct iommu_domain *domain;
	struct iommu_tce_table *window;
	unsigned int first_buffer, count, at;
	struct iommu_dma_piece pieces[DMA_WORK_PIECES];
	iommu_iova_t ring[DMA_WORK_PIECES];
} __attribute__((aligned(4096)));

enum dma_driver {
	DMA_NO_DRIVER,
	DMA_VTD,
	DMA_RISCV,
	DMA_SMMU,
};

struct dma_machine {
	struct dma_work work[DMA_WORK_CPUS];
	unsigned int cpus;
	struct null_unit null;
	struct vtd_at_once vtd;
	struct riscv_at_once riscv;
	struct smmu_at_once smmu;
	struct iommu_iova_space *space;
	struct iommu_iova_cache *cache;
	struct iommu_dma *dma;
	struct iommu_tce_table *window;
	struct iommu_domain *domain;
	enum dma_driver driver;
	iommu_iova_t keep;
};

/* Sets up the workload for one or two CPUs; the calling thread is CPU 0 afterwards. */
void dma_machine_create(struct dma_machine *machine, const char *workload, unsigned int cpus);
void dma_machine_destroy(struct dma_machine *machine);

/* Once, on the calling thread, which must be the work's CPU (bench_cpu). Never inlined. */
void dma_work_once(struct dma_work *work);

#endif
