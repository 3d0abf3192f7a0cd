/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/sparse.h"

#include "base/inline_atomics.h"

#define LEVEL_BITS 9
#define SLOTS      (1U << LEVEL_BITS)

void iommu_sparse_init(struct iommu_sparse *view, uint64_t words)
{
	*view = (struct iommu_sparse){.levels = 1};
	while ((words - 1) >> LEVEL_BITS * view->levels != 0)
		view->levels++;
}

/* A new page in its place; if another CPU was first, that CPU's page. */
static void *make_page(const struct iommu_platform *platform, void **place)
{
	void *fresh = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, IOMMU_ALLOC_ATOMIC);
	void *before = NULL;

	if (fresh == NULL)
		return __atomic_load_n(place, __ATOMIC_ACQUIRE);
	if (__atomic_compare_exchange_n(place, &before, fresh, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return fresh;
	platform->free_pages(platform->ctx, fresh, 0);
	return before;
}

uint64_t *iommu_sparse_find(struct iommu_sparse *view, const struct iommu_platform *platform,
			    uint64_t index, bool make)
{
	void **place = &view->root;
	unsigned int level = view->levels;

	for (;;) {
		void *page = __atomic_load_n(place, __ATOMIC_ACQUIRE);
		uint64_t slot;

		if (page == NULL && make)
			page = make_page(platform, place);
		if (page == NULL)
			return NULL;
		slot = index >> LEVEL_BITS * --level & (SLOTS - 1);
		if (level == 0)
			return (uint64_t *)page + slot;
		place = (void **)page + slot;
	}
}

uint64_t iommu_sparse_gap(const struct iommu_sparse *view, uint64_t index)
{
	void *const *place = &view->root;
	unsigned int level;

	for (level = view->levels; level != 0; level--) {
		void *const *page = __atomic_load_n(place, __ATOMIC_ACQUIRE);
		const uint64_t span = 1ULL << LEVEL_BITS * level;

		if (page == NULL)
			return span - (index & (span - 1));
		place = page + (index >> LEVEL_BITS * (level - 1) & (SLOTS - 1));
	}
	return 0;
}

static void free_page(const struct iommu_platform *platform, void *page, unsigned int level)
{
	unsigned int i;

	if (page == NULL)
		return;
	for (i = 0; level > 1 && i < SLOTS; i++)
		free_page(platform, ((void **)page)[i], level - 1);
	platform->free_pages(platform->ctx, page, 0);
}

void iommu_sparse_clear(struct iommu_sparse *view, const struct iommu_platform *platform)
{
	free_page(platform, view->root, view->levels);
	view->root = NULL;
}
