/* SPDX-License-Identifier: BSD-2-Clause */
/* The cache of a model: its trees, its hash table, its order of use and its memory. */
#include "model/cache.h"

#include <libiommu/status.h>

#include "base/list.h"

/*
 * What one request may add: nested tables of five levels each, on the way of which all is
 * remembered.
 */
#define RESERVE 48
/* A bucket is searched so far; longer ones, which a guest can make, through the tree. */
#define CHAIN_MAX 8

/* Entries are cut from pages, which are kept until the model goes. */
struct model_cache_page {
	struct model_cache_page *next;
	struct model_cached entries[];
};

#define ENTRIES_PER_PAGE                                                                           \
	((IOMMU_PAGE_SIZE - sizeof(struct model_cache_page)) / sizeof(struct model_cached))

/* --- Two orders ------------------------------------------------------------------------------- */

static bool no_augmentation(struct iommu_rb_node *node)
{
	(void)node;
	return false;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Kind, tag, level, address. */
static int compare_keys(const struct model_cached *a, const struct model_cached *b)
{
	int order = compare(a->kind, b->kind);

	if (order == 0)
		order = compare(a->tag, b->tag);
	if (order == 0)
		order = compare(a->level, b->level);
	return order != 0 ? order : compare(a->address, b->address);
}

/* Kind, owner, then as above. */
static int compare_owners(const struct model_cached *a, const struct model_cached *b)
{
	int order = compare(a->kind, b->kind);

	if (order == 0)
		order = compare(a->owner, b->owner);
	return order != 0 ? order : compare_keys(a, b);
}

static struct model_cached *by_key(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct model_cached, by_key);
}

static struct model_cached *by_owner(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct model_cached, by_owner);
}

typedef struct model_cached *(*of_node)(struct iommu_rb_node *node);
typedef int (*order)(const struct model_cached *a, const struct model_cached *b);

/* The first entry that does not come before `key`, or NULL. */
static inline struct model_cached *first_from(const struct iommu_rb_tree *tree, of_node of,
					      order compares, const struct model_cached *key)
{
	struct iommu_rb_node *node = tree->root;
	struct model_cached *found = NULL;

	while (node != NULL) {
		if (compares(of(node), key) >= 0) {
			found = of(node);
			node = node->child[0];
		} else {
			node = node->child[1];
		}
	}
	return found;
}

/* The node behind this one, or NULL. */
static struct iommu_rb_node *next_of(struct iommu_rb_node *node)
{
	if (node->child[1] != NULL) {
		node = node->child[1];
		while (node->child[0] != NULL)
			node = node->child[0];
		return node;
	}
	while (node->parent != NULL && iommu_rb_side_of(node) == 1)
		node = node->parent;
	return node->parent;
}

static inline void insert(struct iommu_rb_tree *tree, of_node of, order compares,
			  struct model_cached *entry, struct iommu_rb_node *own)
{
	struct iommu_rb_node *parent = NULL;
	struct iommu_rb_node *node = tree->root;
	bool right = false;

	while (node != NULL) {
		parent = node;
		right = compares(entry, of(node)) > 0;
		node = node->child[right];
	}
	iommu_rb_insert(tree, no_augmentation, parent, right, own);
}

/* --- Memory ----------------------------------------------------------------------------------- */

_Static_assert(ENTRIES_PER_PAGE > 1, "an entry fits");

static size_t bucket_count(const struct model_cache *cache)
{
	return ((size_t)IOMMU_PAGE_SIZE << cache->buckets_order) / sizeof(void *);
}

int iommu_model_cache_init(struct model_cache *cache, const struct iommu_platform *platform,
			   size_t limit, uint64_t forget_seed)
{
	*cache = (struct model_cache){
		.platform = platform,
		.limit = limit != 0 ? limit : MODEL_CACHE_DEFAULT,
		.forget_seed = forget_seed,
		.random = forget_seed,
	};
	iommu_list_init(&cache->used);
	while (cache->buckets_order < IOMMU_MAX_ALLOC_ORDER && bucket_count(cache) < cache->limit)
		cache->buckets_order++;
	cache->buckets =
		platform->alloc_pages(platform->ctx, cache->buckets_order, IOMMU_NODE_ANY, 0);
	return cache->buckets != NULL ? 0 : IOMMU_ENOMEM;
}

void iommu_model_cache_destroy(struct model_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;

	while (cache->pages != NULL) {
		struct model_cache_page *page = cache->pages;

		cache->pages = page->next;
		platform->free_pages(platform->ctx, page, 0);
	}
	if (cache->buckets != NULL)
		platform->free_pages(platform->ctx, cache->buckets, cache->buckets_order);
}

static void add_spare(struct model_cache *cache, struct model_cached *entry)
{
	entry->next = cache->spare;
	cache->spare = entry;
	cache->spare_count++;
}

static void add_page(struct model_cache *cache, struct model_cache_page *page)
{
	size_t i;

	page->next = cache->pages;
	cache->pages = page;
	for (i = 0; i < ENTRIES_PER_PAGE; i++)
		add_spare(cache, &page->entries[i]);
	cache->made += ENTRIES_PER_PAGE;
}

/* A full cache takes the entries that it forgets. */
static bool wants_page(const struct model_cache *cache)
{
	return cache->spare_count < RESERVE && cache->made < cache->limit;
}

uintptr_t iommu_model_cache_lock(struct model_cache *cache, struct iommu_spinlock *lock)
{
	const struct iommu_platform *platform = cache->platform;
	uintptr_t state = iommu_spin_lock(platform, lock);
	unsigned int tries = RESERVE;

	while (wants_page(cache) && tries-- != 0) {
		struct model_cache_page *page;

		iommu_spin_unlock(platform, lock, state);
		page = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, IOMMU_ALLOC_ATOMIC);
		state = iommu_spin_lock(platform, lock);
		if (page == NULL)
			break;
		add_page(cache, page);
	}
	return state;
}

/* --- Entries ---------------------------------------------------------------------------------- */

static struct model_cached **bucket_of(const struct model_cache *cache,
				       const struct model_cached *key)
{
	uint64_t hash = key->tag * 0x9e3779b97f4a7c15ULL + key->address;

	hash ^= (uint64_t)key->kind << 58 ^ (uint64_t)key->level << 54;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ULL;
	hash ^= hash >> 32;
	return &cache->buckets[hash & (bucket_count(cache) - 1)];
}

static struct model_cached *lookup(const struct model_cache *cache, const struct model_cached *key)
{
	struct model_cached *entry = *bucket_of(cache, key);
	unsigned int i;

	for (i = 0; entry != NULL && i < CHAIN_MAX; i++, entry = entry->next)
		if (compare_keys(entry, key) == 0)
			return entry;
	if (entry == NULL)
		return NULL;
	entry = first_from(&cache->keys, by_key, compare_keys, key);
	return entry != NULL && compare_keys(entry, key) == 0 ? entry : NULL;
}

static void forget(struct model_cache *cache, struct model_cached *entry)
{
	iommu_rb_remove(&cache->keys, no_augmentation, &entry->by_key);
	if (entry->has_owner)
		iommu_rb_remove(&cache->owners, no_augmentation, &entry->by_owner);
	iommu_list_remove(&entry->used);
	*entry->link = entry->next;
	if (entry->next != NULL)
		entry->next->link = entry->link;
	cache->count[entry->kind]--;
	cache->total--;
	add_spare(cache, entry);
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
	struct model_cached *entry = lookup(cache, &key);

	if (entry == NULL)
		return NULL;
	if (forgets_now(cache)) {
		forget(cache, entry);
		return NULL;
	}
	if (entry->used.next != &cache->used) {
		iommu_list_remove(&entry->used);
		iommu_list_insert(&cache->used, &entry->used);
	}
	return entry;
}

const struct model_cached *iommu_model_cache_peek(const struct model_cache *cache,
						  unsigned int kind, uint64_t tag,
						  unsigned int level, uint64_t address)
{
	const struct model_cached key = {
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = address};

	return lookup(cache, &key);
}

/*
 * An entry to be filled in: a spare one, or that of what has not been used for longest. NULL: there
 * is none.
 */
static struct model_cached *take_entry(struct model_cache *cache)
{
	struct model_cached *entry;

	if ((cache->total >= cache->limit || cache->spare == NULL) && cache->total != 0)
		forget(cache, iommu_container_of(cache->used.next, struct model_cached, used));
	entry = cache->spare;
	if (entry == NULL)
		return NULL;
	cache->spare = entry->next;
	cache->spare_count--;
	return entry;
}

void iommu_model_cache_put(struct model_cache *cache, const struct model_cached *entry)
{
	struct model_cached **bucket = bucket_of(cache, entry);
	struct model_cached *copy;

	if (lookup(cache, entry) != NULL)
		return; /* what is known stays known */
	copy = take_entry(cache);
	if (copy == NULL)
		return;
	*copy = *entry;
	insert(&cache->keys, by_key, compare_keys, copy, &copy->by_key);
	if (copy->has_owner)
		insert(&cache->owners, by_owner, compare_owners, copy, &copy->by_owner);
	iommu_list_insert(&cache->used, &copy->used);
	copy->next = *bucket;
	copy->link = bucket;
	if (copy->next != NULL)
		copy->next->link = &copy->next;
	*bucket = copy;
	cache->count[copy->kind]++;
	cache->total++;
}

/* --- Forgetting ------------------------------------------------------------------------------- */

/* Forget all whose keys are in [first, last]. */
static void drop_keys(struct model_cache *cache, const struct model_cached *first,
		      const struct model_cached *last)
{
	struct model_cached *entry = first_from(&cache->keys, by_key, compare_keys, first);

	while (entry != NULL && compare_keys(entry, last) <= 0) {
		struct iommu_rb_node *next = next_of(&entry->by_key);

		forget(cache, entry);
		entry = next != NULL ? by_key(next) : NULL;
	}
}

void iommu_model_cache_drop(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t first, uint64_t last)
{
	const struct model_cached from = {
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = first};
	struct model_cached to = from;

	to.address = last;
	drop_keys(cache, &from, &to);
}

void iommu_model_cache_drop_tags(struct model_cache *cache, unsigned int kind, uint64_t first,
				 uint64_t last)
{
	const struct model_cached from = {.kind = (uint8_t)kind, .tag = first};
	const struct model_cached to = {
		.kind = (uint8_t)kind, .tag = last, .level = UINT8_MAX, .address = UINT64_MAX};

	drop_keys(cache, &from, &to);
}

void iommu_model_cache_drop_kind(struct model_cache *cache, unsigned int kind)
{
	iommu_model_cache_drop_tags(cache, kind, 0, UINT64_MAX);
}

void iommu_model_cache_drop_owned(struct model_cache *cache, unsigned int kind, uint32_t owner,
				  uint64_t first, uint64_t last)
{
	const struct model_cached from = {.kind = (uint8_t)kind, .owner = owner, .tag = first};
	struct model_cached *entry = first_from(&cache->owners, by_owner, compare_owners, &from);

	while (entry != NULL && entry->kind == kind && entry->owner == owner &&
	       entry->tag <= last) {
		struct iommu_rb_node *next = next_of(&entry->by_owner);

		forget(cache, entry);
		entry = next != NULL ? by_owner(next) : NULL;
	}
}
