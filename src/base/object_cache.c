/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/object_cache.h"

#include "base/list.h"
#include "base/memory.h"

struct free_object {
	struct free_object *next;
};

/* At the start of each page; objects follow, aligned to 16 bytes. */
struct page_header {
	struct iommu_list_node link;
	struct free_object *free;
	uint32_t used;
};

#define FIRST_OBJECT ((sizeof(struct page_header) + 15) & ~(size_t)15)

void iommu_object_cache_init(struct iommu_object_cache *cache,
			     const struct iommu_platform *platform, size_t object_size)
{
	*cache = (struct iommu_object_cache){
		.platform = platform,
		.object_size = (object_size + 15) & ~(size_t)15,
	};
	iommu_list_init(&cache->pages);
}

static struct page_header *page_new(struct iommu_object_cache *cache, unsigned int alloc_flags)
{
	const struct iommu_platform *platform = cache->platform;
	unsigned char *bytes = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, alloc_flags);
	struct page_header *page = (void *)bytes;
	size_t offset;

	if (page == NULL)
		return NULL;
	page->free = NULL;
	page->used = 0;
	for (offset = FIRST_OBJECT; offset + cache->object_size <= IOMMU_PAGE_SIZE;
	     offset += cache->object_size) {
		struct free_object *object = (void *)(bytes + offset);

		object->next = page->free;
		page->free = object;
	}
	return page;
}

/* Take an object from a listed page; the cache is locked. NULL when there is none. */
static void *take_object(struct iommu_object_cache *cache)
{
	struct page_header *page;
	struct free_object *object;

	if (iommu_list_is_empty(&cache->pages))
		return NULL;
	page = iommu_container_of(cache->pages.next, struct page_header, link);
	object = page->free;
	page->free = object->next;
	page->used++;
	cache->objects++;
	if (page->free == NULL)
		iommu_list_remove(&page->link);
	return object;
}

void *iommu_object_alloc(struct iommu_object_cache *cache, unsigned int alloc_flags)
{
	struct page_header *page;
	uintptr_t state;
	void *object;

	state = iommu_spin_lock(cache->platform, &cache->lock);
	object = take_object(cache);
	iommu_spin_unlock(cache->platform, &cache->lock, state);
	if (object == NULL) {
		page = page_new(cache, alloc_flags);
		if (page == NULL)
			return NULL;
		state = iommu_spin_lock(cache->platform, &cache->lock);
		iommu_list_insert(cache->pages.next, &page->link);
		object = take_object(cache);
		iommu_spin_unlock(cache->platform, &cache->lock, state);
	}
	memset(object, 0, cache->object_size);
	return object;
}

void iommu_object_free(struct iommu_object_cache *cache, void *object)
{
	struct page_header *page = (void *)((uintptr_t)object & ~(uintptr_t)(IOMMU_PAGE_SIZE - 1));
	struct free_object *freed = object;
	uintptr_t state = iommu_spin_lock(cache->platform, &cache->lock);
	bool was_full = page->free == NULL;
	bool is_empty;

	freed->next = page->free;
	page->free = freed;
	page->used--;
	cache->objects--;
	is_empty = page->used == 0;
	if (is_empty && !was_full)
		iommu_list_remove(&page->link);
	else if (!is_empty && was_full)
		iommu_list_insert(&cache->pages, &page->link);
	iommu_spin_unlock(cache->platform, &cache->lock, state);
	if (is_empty)
		cache->platform->free_pages(cache->platform->ctx, page, 0);
}
