/* SPDX-License-Identifier: BSD-2-Clause */
/* The ordered tree of what a model caches. */
#include "model/cache.h"

#include "base/list.h"

static bool no_augmentation(struct iommu_rb_node *node)
{
	(void)node;
	return false;
}

static struct model_cached *cached_of(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct model_cached, node);
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* The order of keys: kind, tag, level, address. */
static int compare_keys(const struct model_cached *a, const struct model_cached *b)
{
	int order = compare(a->kind, b->kind);

	if (order == 0)
		order = compare(a->tag, b->tag);
	if (order == 0)
		order = compare(a->level, b->level);
	return order != 0 ? order : compare(a->address, b->address);
}

void iommu_model_cache_init(struct model_cache *cache, const struct iommu_platform *platform,
			    size_t limit, uint64_t forget_seed)
{
	iommu_object_cache_init(&cache->objects, platform, sizeof(struct model_cached));
	cache->limit = limit;
	cache->forget_seed = cache->random = forget_seed;
}

/* The first entry whose key is not below that of `key`, or NULL. */
static struct model_cached *first_from(struct model_cache *cache, const struct model_cached *key)
{
	struct iommu_rb_node *node = cache->tree.root;
	struct model_cached *found = NULL;

	while (node != NULL) {
		if (compare_keys(cached_of(node), key) >= 0) {
			found = cached_of(node);
			node = node->child[0];
		} else {
			node = node->child[1];
		}
	}
	return found;
}

static struct model_cached *next_of(struct model_cached *entry)
{
	struct iommu_rb_node *node = entry->node.child[1];

	if (node != NULL) {
		while (node->child[0] != NULL)
			node = node->child[0];
		return cached_of(node);
	}
	for (node = &entry->node; node->parent != NULL; node = node->parent)
		if (node->parent->child[0] == node)
			return cached_of(node->parent);
	return NULL;
}

static void forget(struct model_cache *cache, struct model_cached *entry)
{
	iommu_rb_remove(&cache->tree, no_augmentation, &entry->node);
	cache->count[entry->kind]--;
	iommu_object_free(&cache->objects, entry);
}

/* One time in four, when the configuration wants it (xorshift64). */
static bool forgets_now(struct model_cache *cache)
{
	if (cache->forget_seed == 0)
		return false;
	cache->random ^= cache->random << 13;
	cache->random ^= cache->random >> 7;
	cache->random ^= cache->random << 17;
	return (cache->random >> 32 & 3) == 0;
}

struct model_cached *iommu_model_cache_find(struct model_cache *cache, unsigned int kind,
					    uint64_t tag, unsigned int level, uint64_t address)
{
	const struct model_cached key = {
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = address};
	struct model_cached *entry = first_from(cache, &key);

	if (entry == NULL || compare_keys(entry, &key) != 0)
		return NULL;
	if (forgets_now(cache)) {
		forget(cache, entry);
		return NULL;
	}
	return entry;
}

static size_t cached_in_all(const struct model_cache *cache)
{
	size_t sum = 0;
	unsigned int kind;

	for (kind = 0; kind < MODEL_CACHE_KINDS; kind++)
		sum += cache->count[kind];
	return sum;
}

void iommu_model_cache_put(struct model_cache *cache, const struct model_cached *entry)
{
	const size_t limit = cache->limit;
	struct iommu_rb_node *parent = NULL;
	struct iommu_rb_node *node = cache->tree.root;
	struct model_cached *copy;
	bool right = false;

	while (node != NULL) {
		const int order = compare_keys(entry, cached_of(node));

		if (order == 0)
			return; /* what is known stays known */
		parent = node;
		right = order > 0;
		node = node->child[right];
	}
	if (limit != 0 && cached_in_all(cache) >= limit)
		return;
	copy = iommu_object_alloc(&cache->objects, IOMMU_ALLOC_ATOMIC);
	if (copy == NULL)
		return;
	*copy = *entry;
	iommu_rb_insert(&cache->tree, no_augmentation, parent, right, &copy->node);
	cache->count[entry->kind]++;
}

void iommu_model_cache_drop(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t first, uint64_t last)
{
	const struct model_cached key = {
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = first};
	struct model_cached *entry = first_from(cache, &key);

	while (entry != NULL && entry->kind == key.kind && entry->tag == key.tag &&
	       entry->level == key.level && entry->address <= last) {
		struct model_cached *next = next_of(entry);

		forget(cache, entry);
		entry = next;
	}
}

void iommu_model_cache_drop_tags(struct model_cache *cache, unsigned int kind, uint64_t first,
				 uint64_t last)
{
	const struct model_cached key = {.kind = (uint8_t)kind, .tag = first};
	struct model_cached *entry = first_from(cache, &key);

	while (entry != NULL && entry->kind == key.kind && entry->tag <= last) {
		struct model_cached *next = next_of(entry);

		forget(cache, entry);
		entry = next;
	}
}

void iommu_model_cache_drop_kind(struct model_cache *cache, unsigned int kind,
				 bool (*matches)(const struct model_cached *entry, const void *ctx),
				 const void *ctx)
{
	const struct model_cached key = {.kind = (uint8_t)kind};
	struct model_cached *entry = first_from(cache, &key);

	while (entry != NULL && entry->kind == key.kind) {
		struct model_cached *next = next_of(entry);

		if (matches == NULL || matches(entry, ctx))
			forget(cache, entry);
		entry = next;
	}
}
