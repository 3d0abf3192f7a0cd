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

/* What happens so often on both CPUs, counted by each on a line of its own. */
#define BENCH_CPUS 2
struct bench_count {
	struct {
		uint64_t value;
		uint64_t others[15];
	} cpus[BENCH_CPUS];
};

static inline void bench_count_one(struct bench_count *count)
{
	count->cpus[bench_cpu].value++;
}

static inline uint64_t bench_count_of_all(const struct bench_count *count)
{
	return count->cpus[0].value + count->cpus[1].value;
}

IOMMU_END_DECLS
#endif
