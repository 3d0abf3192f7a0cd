/* SPDX-License-Identifier: BSD-2-Clause */
#include "test_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/status.h>

#define PLATFORMS_MAX 16

/* The number of spinlocks that this thread holds of each platform. */
struct held {
	const void *ctx;
	uintptr_t depth;
	unsigned int clock_reads; /* since the outermost was taken */
};

/* More often than that only a wait for hardware looks at the clock. */
#define CLOCK_READS_MAX 3

static _Thread_local struct held all_held[PLATFORMS_MAX];

static void broken(const char *service, const char *text)
{
	fprintf(stderr, "# broken promise: %s: %s\n", service, text);
	abort();
}

static struct held *held_of(const void *ctx)
{
	struct held *held = all_held;

	while (held->ctx != ctx && held->depth != 0)
		if (++held == all_held + PLATFORMS_MAX)
			broken("irq_save", "of more platforms than a thread could hold");
	/* An entry that holds nothing may be any platform's, but no platform has two. */
	for (struct held *other = held; other < all_held + PLATFORMS_MAX; other++)
		if (other->ctx == ctx && other->depth != 0)
			return other;
	held->ctx = ctx;
	return held;
}

uintptr_t test_contract_irq_save(void *ctx)
{
	struct held *held = held_of(ctx);

	if (held->depth == 0)
		held->clock_reads = 0;
	return held->depth++;
}

void test_contract_irq_restore(void *ctx, uintptr_t state)
{
	struct held *held = held_of(ctx);

	if (held->depth == 0 || state != held->depth - 1)
		broken("irq_restore", "not what the innermost irq_save returned");
	held->depth--;
}

void test_contract_no_lock(const void *ctx, const char *service)
{
	if (held_of(ctx)->depth != 0)
		broken(service, "with a spinlock held");
}

void test_contract_clock(const void *ctx)
{
	struct held *held = held_of(ctx);

	if (held->depth != 0 && ++held->clock_reads > CLOCK_READS_MAX)
		broken("now_ns", "a wait with a spinlock held");
}

/* Mutexes of the library that the thread holds, of all platforms. */
static _Thread_local unsigned int mutexes;
static bool mutexes_count, unmaps_count;

void test_contract_control_path(void)
{
	mutexes_count = !unmaps_count;
}

void test_contract_unmaps_under_mutex(void)
{
	unmaps_count = true;
	mutexes_count = false;
}

unsigned int test_contract_swap_mutexes(unsigned int held)
{
	const unsigned int before = mutexes;

	mutexes = held;
	return before;
}

void test_contract_mutex(bool taken)
{
	mutexes += taken ? 1U : -1U;
}

void test_contract_alloc(const void *ctx, unsigned int order, unsigned int flags)
{
	/* Who waits for a mutex may wait for memory, too: what is asked for is given more often. */
	if (mutexes_count && mutexes != 0 && (flags & IOMMU_ALLOC_ATOMIC) != 0)
		broken("alloc_pages", "atomic with a mutex held");
	if ((flags & ~(unsigned int)IOMMU_ALLOC_ATOMIC) != 0)
		broken("alloc_pages", "with flags that there are none of");
	/* Only iommu_dma_alloc and interrupt tables ask for larger orders, and may sleep. */
	if (order > IOMMU_MAX_ALLOC_ORDER && (flags & IOMMU_ALLOC_ATOMIC) != 0)
		broken("alloc_pages", "of a larger order than any, and atomic");
	test_contract_no_lock(ctx, "alloc_pages");
}

void test_contract_memory(iommu_paddr_t paddr, size_t size)
{
	if ((size != 4 && size != 8 && size != 16) || paddr % size != 0)
		broken("memory", "not 4, 8 or 16 aligned bytes");
}

void test_contract_log(enum iommu_log_level level, const char *text)
{
	const char *success = iommu_strerror(IOMMU_OK);
	const size_t length = strlen(text), end = strlen(success);

	if (level == IOMMU_LOG_REFUSAL && length >= end &&
	    strcmp(text + length - end, success) == 0)
		broken("log", text);
}

void test_contract_register(uintptr_t reg, size_t size)
{
	if (reg % size != 0)
		broken("mmio", "not aligned to its size");
}

void test_contract_begin(const void *ctx)
{
	held_of(ctx)->depth = 0;
}

uintptr_t test_contract_enter_cpu(const void *ctx)
{
	struct held *held = held_of(ctx);
	const uintptr_t depth = held->depth;

	held->depth = 0;
	return depth;
}

void test_contract_leave_cpu(const void *ctx, uintptr_t held)
{
	test_contract_no_lock(ctx, "a service");
	held_of(ctx)->depth = held;
}

/* --- A hosted platform ------------------------------------------------------------------------ */

/* The checks that every hosted platform has. */
static void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
static void (*mutex_lock)(void *ctx, void *mutex);

static void *checked_alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	test_contract_alloc(ctx, order, flags);
	return alloc_pages(ctx, order, node, flags);
}

static void checked_mutex_lock(void *ctx, void *mutex)
{
	test_contract_no_lock(ctx, "mutex_lock");
	mutex_lock(ctx, mutex);
}

void test_contract_hosted(struct iommu_hosted *hosted)
{
	alloc_pages = hosted->platform.alloc_pages;
	mutex_lock = hosted->platform.mutex_lock;
	hosted->platform.alloc_pages = checked_alloc_pages;
	hosted->platform.mutex_lock = checked_mutex_lock;
	hosted->platform.irq_save = test_contract_irq_save;
	hosted->platform.irq_restore = test_contract_irq_restore;
	test_contract_begin(hosted);
}
