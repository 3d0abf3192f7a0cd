/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages kept ready for calls that must not sleep, in front of a host's allocator that may.
 *
 * Two lists for each order, linked through the first word of the blocks: clean ones, zeroed except
 * for that word, and used ones, as the library freed them. Both are ready: a used block is zeroed
 * when it is allocated, if no refill has done it before. The host is called only from refill and
 * empty, and for allocations that may sleep.
 */
#include <libiommu/page_reserve.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/spinlock.h"

#define SURPLUS 32U /* more than twice what is wanted, before a refill is asked for */

_Static_assert(sizeof(struct iommu_spinlock) == sizeof(uint32_t), "the public field is one");

static uintptr_t reserve_lock(struct iommu_page_reserve *reserve)
{
	return iommu_spin_lock(&reserve->host, (struct iommu_spinlock *)&reserve->lock);
}

static void reserve_unlock(struct iommu_page_reserve *reserve, uintptr_t state)
{
	iommu_spin_unlock(&reserve->host, (struct iommu_spinlock *)&reserve->lock, state);
}

static void push(void **list, unsigned int *count, void *block)
{
	memcpy(block, list, sizeof(void *));
	*list = block;
	++*count;
}

static void *pop(void **list, unsigned int *count)
{
	void *block = *list;

	if (block == NULL)
		return NULL;
	memcpy(list, block, sizeof(void *));
	--*count;
	return block;
}

static unsigned int ready_of(const struct iommu_page_reserve_blocks *blocks)
{
	return blocks->clean_count + blocks->used_count;
}

/* Is a refill due, of which the host has not been told yet? Locked. */
static bool must_wake(struct iommu_page_reserve *reserve,
		      const struct iommu_page_reserve_blocks *blocks)
{
	const unsigned int ready = ready_of(blocks);

	if (reserve->wake == NULL || reserve->woken ||
	    (ready >= blocks->ready - blocks->ready / 2 &&
	     ready / 2 <= blocks->ready + SURPLUS / 2))
		return false;
	reserve->woken = true;
	return true;
}

int iommu_page_reserve_init(struct iommu_page_reserve *reserve,
			    const struct iommu_page_reserve_config *config)
{
	const char *defect;
	unsigned int order;

	*reserve = (struct iommu_page_reserve){
		.host = {.ctx = config->ctx,
			 .alloc_pages = config->alloc_pages,
			 .free_pages = config->free_pages,
			 .irq_save = config->irq_save,
			 .irq_restore = config->irq_restore,
			 .relax = config->relax},
		.wake = config->wake,
	};
	for (order = 0; order <= IOMMU_MAX_ALLOC_ORDER; order++)
		reserve->blocks[order].ready = config->ready[order];
	defect = iommu_platform_defect(&reserve->host);
	if (defect == NULL && config->flags != 0)
		defect = IOMMU_WHY("unknown flags");
	return iommu_refuse_defect(&reserve->host, IOMMU_CALL, defect);
}

void iommu_page_reserve_set_ready(struct iommu_page_reserve *reserve, unsigned int order,
				  unsigned int blocks)
{
	uintptr_t state;

	if (order > IOMMU_MAX_ALLOC_ORDER)
		return;
	state = reserve_lock(reserve);
	reserve->blocks[order].ready = blocks;
	reserve_unlock(reserve, state);
}

/* --- In any context --------------------------------------------------------------------------- */

/* One that is ready, or NULL. */
static void *take_ready(struct iommu_page_reserve *reserve, unsigned int order)
{
	struct iommu_page_reserve_blocks *blocks = &reserve->blocks[order];
	uintptr_t state = reserve_lock(reserve);
	void *block = pop(&blocks->clean, &blocks->clean_count);
	const bool is_clean = block != NULL;
	bool wake;

	if (block == NULL)
		block = pop(&blocks->used, &blocks->used_count);
	if (block != NULL)
		blocks->taken++;
	else
		blocks->missed++;
	wake = must_wake(reserve, blocks);
	reserve_unlock(reserve, state);
	if (wake)
		reserve->wake(reserve->host.ctx);
	if (block != NULL)
		memset(block, 0, is_clean ? sizeof(void *) : (size_t)IOMMU_PAGE_SIZE << order);
	return block;
}

void *iommu_page_reserve_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	struct iommu_page_reserve *reserve = ctx;

	if ((flags & IOMMU_ALLOC_ATOMIC) == 0)
		return reserve->host.alloc_pages(reserve->host.ctx, order, node, flags);
	return order <= IOMMU_MAX_ALLOC_ORDER ? take_ready(reserve, order) : NULL;
}

/* Too large to be kept ready: it waits for the next refill, with its order in its second word. */
static void keep_large(struct iommu_page_reserve *reserve, void *pages, unsigned int order)
{
	uintptr_t state;
	bool wake;

	memcpy((unsigned char *)pages + sizeof(void *), &order, sizeof(order));
	state = reserve_lock(reserve);
	push(&reserve->large, &reserve->large_count, pages);
	wake = reserve->wake != NULL && !reserve->woken;
	reserve->woken = reserve->woken || wake;
	reserve_unlock(reserve, state);
	if (wake)
		reserve->wake(reserve->host.ctx);
}

void iommu_page_reserve_free(void *ctx, void *pages, unsigned int order)
{
	struct iommu_page_reserve *reserve = ctx;
	struct iommu_page_reserve_blocks *blocks;
	uintptr_t state;
	bool wake;

	if (order > IOMMU_MAX_ALLOC_ORDER) {
		keep_large(reserve, pages, order);
		return;
	}
	blocks = &reserve->blocks[order];
	state = reserve_lock(reserve);
	push(&blocks->used, &blocks->used_count, pages);
	wake = must_wake(reserve, blocks);
	reserve_unlock(reserve, state);
	if (wake)
		reserve->wake(reserve->host.ctx);
}

void iommu_page_reserve_get_stats(struct iommu_page_reserve *reserve, unsigned int order,
				  struct iommu_page_reserve_stats *stats)
{
	const struct iommu_page_reserve_blocks *blocks;
	uintptr_t state;

	*stats = (struct iommu_page_reserve_stats){.ready = 0};
	if (order > IOMMU_MAX_ALLOC_ORDER)
		return;
	blocks = &reserve->blocks[order];
	state = reserve_lock(reserve);
	stats->ready = ready_of(blocks);
	stats->taken = blocks->taken;
	stats->missed = blocks->missed;
	reserve_unlock(reserve, state);
}

/* --- Where the host may sleep ----------------------------------------------------------------- */

static void keep(struct iommu_page_reserve *reserve, unsigned int order, void *block)
{
	struct iommu_page_reserve_blocks *blocks = &reserve->blocks[order];
	uintptr_t state = reserve_lock(reserve);

	push(&blocks->clean, &blocks->clean_count, block);
	reserve_unlock(reserve, state);
}

/* A block that is to be given back (*too_much) or zeroed; NULL: there is none. */
static void *take_untidy(struct iommu_page_reserve *reserve, unsigned int order, bool *too_much)
{
	struct iommu_page_reserve_blocks *blocks = &reserve->blocks[order];
	uintptr_t state = reserve_lock(reserve);
	void *block;

	*too_much = ready_of(blocks) > blocks->ready;
	block = pop(&blocks->used, &blocks->used_count);
	if (block == NULL && *too_much)
		block = pop(&blocks->clean, &blocks->clean_count);
	reserve_unlock(reserve, state);
	return block;
}

static void tidy(struct iommu_page_reserve *reserve, unsigned int order)
{
	bool too_much;
	void *block;

	while ((block = take_untidy(reserve, order, &too_much)) != NULL) {
		if (too_much) {
			reserve->host.free_pages(reserve->host.ctx, block, order);
			continue;
		}
		memset(block, 0, (size_t)IOMMU_PAGE_SIZE << order);
		keep(reserve, order, block);
	}
}

static bool is_short(struct iommu_page_reserve *reserve, unsigned int order)
{
	const struct iommu_page_reserve_blocks *blocks = &reserve->blocks[order];
	uintptr_t state = reserve_lock(reserve);
	const bool result = ready_of(blocks) < blocks->ready;

	reserve_unlock(reserve, state);
	return result;
}

static int reserve_fill(struct iommu_page_reserve *reserve, unsigned int order)
{
	while (is_short(reserve, order)) {
		void *block =
			reserve->host.alloc_pages(reserve->host.ctx, order, IOMMU_NODE_ANY, 0);

		if (block == NULL)
			return IOMMU_ENOMEM;
		keep(reserve, order, block);
	}
	return 0;
}

static void give_large(struct iommu_page_reserve *reserve)
{
	for (;;) {
		uintptr_t state = reserve_lock(reserve);
		void *pages = pop(&reserve->large, &reserve->large_count);
		unsigned int order;

		reserve_unlock(reserve, state);
		if (pages == NULL)
			return;
		memcpy(&order, (unsigned char *)pages + sizeof(void *), sizeof(order));
		reserve->host.free_pages(reserve->host.ctx, pages, order);
	}
}

int iommu_page_reserve_refill(struct iommu_page_reserve *reserve)
{
	uintptr_t state = reserve_lock(reserve);
	unsigned int order;
	int result = 0;

	/* First: an allocation during the refill asks for another one. */
	reserve->woken = false;
	reserve_unlock(reserve, state);
	give_large(reserve);
	for (order = 0; order <= IOMMU_MAX_ALLOC_ORDER; order++) {
		int status;

		tidy(reserve, order);
		status = reserve_fill(reserve, order);
		if (result == 0)
			result = status;
	}
	return result;
}

void iommu_page_reserve_empty(struct iommu_page_reserve *reserve)
{
	unsigned int order;

	give_large(reserve);
	for (order = 0; order <= IOMMU_MAX_ALLOC_ORDER; order++) {
		struct iommu_page_reserve_blocks *blocks = &reserve->blocks[order];
		void *block;

		do {
			uintptr_t state = reserve_lock(reserve);

			block = pop(&blocks->used, &blocks->used_count);
			if (block == NULL)
				block = pop(&blocks->clean, &blocks->clean_count);
			reserve_unlock(reserve, state);
			if (block != NULL)
				reserve->host.free_pages(reserve->host.ctx, block, order);
		} while (block != NULL);
	}
}
