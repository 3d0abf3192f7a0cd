/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host: pages that are never used twice in an execution, so that a use of a freed one is seen,
 * and that have the same addresses in each, whichever thread comes first.
 */
#include "host.h"

#include <string.h>

#include "explorer.h"

#define PAGES    512U /* of each thread, and of the setup */
#define PHYSICAL 0x1000000ULL
#define SETUP    EXPLORE_THREADS

enum page_state {
	NEW,
	IN_USE,
	FREED,
};

static _Alignas(1 << 16) unsigned char memory[EXPLORE_THREADS + 1][PAGES][IOMMU_PAGE_SIZE];
static uint8_t states[EXPLORE_THREADS + 1][PAGES];
static uint8_t freers[EXPLORE_THREADS + 1][PAGES]; /* of all executions */
static uint8_t told_freers[EXPLORE_THREADS + 1][PAGES];
static unsigned int used[EXPLORE_THREADS + 1], in_use;
struct iommu_platform explore_host;

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	const unsigned int owner = explore_is_running() ? explore_thread() : SETUP;
	const unsigned int count = 1U << order;
	const unsigned int first = (used[owner] + count - 1) & ~(count - 1);

	(void)ctx;
	(void)node;
	(void)flags;
	if (first + count > PAGES)
		return NULL;
	used[owner] = first + count;
	in_use += count;
	memset(&states[owner][first], IN_USE, count);
	memset(memory[owner][first], 0, (size_t)count * IOMMU_PAGE_SIZE);
	return memory[owner][first];
}

static uint8_t *state_of(const volatile void *place)
{
	const uintptr_t offset = (uintptr_t)place - (uintptr_t)memory;

	return offset < sizeof(memory) ? &states[0][offset / IOMMU_PAGE_SIZE] : NULL;
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	uint8_t *state = state_of(pages);
	unsigned int i;

	(void)ctx;
	for (i = 0; i < 1U << order; i++) {
		MUST(state[i] == IN_USE);
		state[i] = FREED;
		if (explore_is_running())
			freers[0][state - states[0] + i] |= (uint8_t)(1U << explore_thread());
	}
	in_use -= 1U << order;
	memset(pages, 0xdb, (size_t)IOMMU_PAGE_SIZE << order);
}

static unsigned int cpu_id(void *ctx)
{
	(void)ctx;
	return explore_is_running() ? explore_thread() : 0;
}

static unsigned int cpu_count(void *ctx)
{
	(void)ctx;
	return EXPLORE_THREADS;
}

static void relax(void *ctx)
{
	(void)ctx;
	explore_wait();
}

void host_reset(void)
{
	unsigned int i;

	for (i = 0; i <= EXPLORE_THREADS; i++)
		memset(states[i], NEW, used[i]);
	memset(used, 0, sizeof(used));
	in_use = 0;
	explore_host = (struct iommu_platform){
		.alloc_pages = alloc_pages,
		.free_pages = free_pages,
		.direct_map_offset = (uint64_t)(uintptr_t)memory - PHYSICAL,
		.cpu_id = cpu_id,
		.cpu_count = cpu_count,
		.relax = relax,
	};
}

void host_check_step(const volatile void *place, const char *file, int line)
{
	const uint8_t *state = state_of(place);

	if (state != NULL && *state != IN_USE)
		explore_violation("a page that is not in use is accessed", file, line);
}

unsigned int host_freers(const volatile void *place, bool *is_new)
{
	const uint8_t *state = state_of(place);
	const size_t page = state != NULL ? (size_t)(state - states[0]) : 0;

	if (state == NULL)
		return 0;
	*is_new = *is_new || told_freers[0][page] != freers[0][page];
	told_freers[0][page] = freers[0][page];
	return freers[0][page];
}

void host_forget_freers(void)
{
	memset(freers, 0, sizeof(freers));
	memset(told_freers, 0, sizeof(told_freers));
}

unsigned int explore_pages(void)
{
	return in_use;
}

void *explore_last_page(void)
{
	return memory[SETUP][used[SETUP] - 1];
}

bool explore_is_page(const void *page)
{
	const uint8_t *state = state_of(page);

	return state != NULL && *state == IN_USE;
}
