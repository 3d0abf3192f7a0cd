/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Table pages for the benchmarks: one pool, for the library and for every peer. A page is zeroed
 * when it is handed out; physical address 0 is the pool's first byte. Pages are allocated on any
 * thread; larger blocks, and the pool, on one.
 */
#ifndef BENCH_PAGES_H
#define BENCH_PAGES_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

#define BENCH_POOL_SIZE (1ULL << 31)

/* The pool's first byte; made on first use. */
unsigned char *bench_pool(void);
void *bench_page_alloc(void);
void bench_page_free(void *page);

/* A platform over the pool, with two CPUs: the calling thread says on which it is. */
const struct iommu_platform *bench_platform(void);
extern __thread unsigned int bench_cpu;

IOMMU_END_DECLS
#endif
