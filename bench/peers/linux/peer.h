/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peers' functions as the benchmarks call them: thin, each one call of the peer's own. The same
 * for each version of Linux (peer_functions.h), whose names begin with linux61_ or linux73_.
 */
#ifndef BENCH_PEER_LINUX_H
#define BENCH_PEER_LINUX_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

#define PEER_JOINED(prefix, name) prefix##name
#define PEER_JOIN(prefix, name)   PEER_JOINED(prefix, name)
#define PEER(name)                PEER_JOIN(PEER_PREFIX, name)

/* All else that a peer defines stays inside of it: two versions share one program. */
#pragma GCC visibility push(default)
#ifdef PEER_PREFIX
#include "peer_functions.h"
#else
#define PEER_PREFIX linux61_
#include "peer_functions.h"
#undef PEER_PREFIX
#define PEER_PREFIX linux73_
#include "peer_functions.h"
#undef PEER_PREFIX
#endif

struct linux61_tce;

/* A window from bus address 0 on: iommu_map_page, iommu_unmap_page. Address ~0: no room. */
struct linux61_tce *linux61_tce_create(unsigned int page_shift, uint64_t entries,
				       unsigned int levels);
void linux61_tce_destroy(struct linux61_tce *tce);
uint64_t linux61_tce_map(struct linux61_tce *tce, uint64_t paddr, uint64_t pages);
void linux61_tce_unmap(struct linux61_tce *tce, uint64_t address, uint64_t pages);
/* Entries alone: pnv_tce_build, pnv_tce_free. */
void linux61_tce_build(struct linux61_tce *tce, uint64_t index, uint64_t paddr, uint64_t pages);
void linux61_tce_clear(struct linux61_tce *tce, uint64_t index, uint64_t pages);

/* Linux 7.3: what devices have written, into a bitmap that lies in the pool. */
struct linux73_pgtable;
void linux73_pgtable_make_dirty(struct linux73_pgtable *table, uint64_t pfn);
void linux73_pgtable_read_dirty(struct linux73_pgtable *table, uint64_t pfn, uint64_t pages,
				uint64_t *words);

/* Linux 7.3: the first stage of RISC-V, 4 levels, with runs of 64K or without. */
struct linux73_amd;
struct linux73_amd *linux73_amd_create(void);
void linux73_amd_destroy(struct linux73_amd *table);
int linux73_amd_map(struct linux73_amd *table, uint64_t pfn, uint64_t phys_pfn, uint64_t pages);
void linux73_amd_unmap(struct linux73_amd *table, uint64_t pfn, uint64_t pages);
uint64_t linux73_amd_lookup(struct linux73_amd *table, uint64_t pfn);
struct linux73_riscv;
struct linux73_riscv *linux73_riscv_create(bool runs);
void linux73_riscv_destroy(struct linux73_riscv *table);
int linux73_riscv_map(struct linux73_riscv *table, uint64_t pfn, uint64_t phys_pfn, uint64_t pages);
void linux73_riscv_unmap(struct linux73_riscv *table, uint64_t pfn, uint64_t pages);
uint64_t linux73_riscv_lookup(struct linux73_riscv *table, uint64_t pfn);

/*
 * Linux 7.3: the first stage of Arm, granule 4K, 4 levels; through the core's iommu_map_nosync and
 * iommu_unmap_fast, which choose the sizes of pages. Dirty: hardware notes what it writes.
 */
struct linux73_arm;
struct linux73_arm *linux73_arm_create(bool dirty);
void linux73_arm_destroy(struct linux73_arm *arm);
int linux73_arm_map(struct linux73_arm *arm, uint64_t pfn, uint64_t phys_pfn, uint64_t pages);
void linux73_arm_unmap(struct linux73_arm *arm, uint64_t pfn, uint64_t pages);
uint64_t linux73_arm_lookup(struct linux73_arm *arm, uint64_t pfn);
/* The root, for what hardware does to entries. */
uint64_t *linux73_arm_root(struct linux73_arm *arm);
void linux73_arm_read_dirty(struct linux73_arm *arm, uint64_t pfn, uint64_t pages, uint64_t *words);

/*
 * Linux 7.3's whole path: dma_map_phys, dma_unmap_phys, and lists of pages. ~0: refused. It ends in
 * a driver over registers that answer at once, or, without one, in invalidations that take no time.
 * Lazy: with flush queues of 256 entries for each CPU, as by default.
 */
enum linux73_unit {
	LINUX73_NO_UNIT,
	LINUX73_VTD,
	LINUX73_RISCV,
};

#define LINUX73_PIECES 256
struct linux73_dma;

struct linux73_dma *linux73_dma_create(enum linux73_unit unit, bool lazy);
void linux73_dma_destroy(struct linux73_dma *dma);
uint64_t linux73_dma_map(struct linux73_dma *dma, uint64_t paddr, uint64_t size);
void linux73_dma_unmap(struct linux73_dma *dma, uint64_t address, uint64_t size);
uint64_t linux73_dma_lookup(struct linux73_dma *dma, uint64_t address);
void linux73_dma_list(struct linux73_dma *dma, const uint64_t *paddrs, unsigned int count);
uint64_t linux73_dma_map_list(struct linux73_dma *dma, unsigned int count);
void linux73_dma_unmap_list(struct linux73_dma *dma, unsigned int count);
#pragma GCC visibility pop

IOMMU_END_DECLS
#endif
