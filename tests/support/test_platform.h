/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A platform for tests: the hosted port, plus allocation failure on demand, poison on free, and
 * counts of calls.
 */
#ifndef TEST_PLATFORM_H
#define TEST_PLATFORM_H

#include <iommu_hosted.h>

/* The contents of a freed page: unlike any valid table, so that a walk of it is noticed. */
#define TEST_POISON 0xdb

struct test_platform {
	struct iommu_hosted hosted;
	struct iommu_platform platform;
	uint64_t allocations; /* calls so far */
	uint64_t fail_after;  /* the call with this number fails, and all after it; 0: none */
	uint64_t fail_every;  /* every n-th call fails; 0: none */
	uint64_t flushes;     /* cache_flush calls so far */
	uint64_t log_lines;   /* errors and warnings */
	/* Lines of each level, and the last of them. */
	uint64_t lines[IOMMU_LOG_DEBUG + 1];
	char last[IOMMU_LOG_DEBUG + 1][192];
	uint64_t clock_reads;
	unsigned int largest_order; /* that was asked for */
	uint64_t clock_ns;
	bool quiet; /* do not print log lines */
	/* What hardware sees of the arena, where it does not snoop; NULL: it does. */
	unsigned char *seen;
	/*
	 * Blocks given back, which are poison from their first byte to their last: for each order
	 * the first block, and for each block the next, as 1 + the number of its first page.
	 */
	uint32_t free[IOMMU_HOSTED_ORDERS];
	uint32_t *free_after;
};

/*
 * A platform over an arena of `size` bytes at the physical address `base`. Fails the test if that
 * is impossible.
 */
void test_platform_init(struct test_platform *test, size_t size, iommu_paddr_t base);

/*
 * test_platform_hide_stores - from now on hardware does not snoop: it sees what the CPU stores once
 * that is written back, and of a fresh page entries that lead anywhere; the CPU sees what hardware
 * writes once it drops what it has cached. Writing back and dropping cover no byte more than is
 * asked for. Before pages are allocated.
 *
 * test_platform_seen - memory as hardware has it: to read, and to write.
 */
void test_platform_hide_stores(struct test_platform *test);
void *test_platform_seen(const struct test_platform *test, iommu_paddr_t paddr);

/* Mutexes for any platform that fail the test when they are misused. */
void test_platform_add_mutex(struct iommu_platform *platform);

/* Fails the test if pages are in use. */
void test_platform_destroy(struct test_platform *test);

#endif
