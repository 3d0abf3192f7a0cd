/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hardware remembers: context entries, translations, paging-structure entries and interrupt
 * entries, in one ordered tree. Nothing leaves it unless it is told to, or the configuration wants
 * bounded memory or random forgetting; both are things that real caches do.
 */
#include "model/vtd.h"

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

void iommu_model_cache_init(struct iommu_model_vtd *model)
{
	iommu_object_cache_init(&model->cache_objects, model->platform,
				sizeof(struct model_cached));
	model->random = model->config.forget_seed;
}

/* The first entry whose key is not below that of `key`, or NULL. */
static struct model_cached *first_from(struct iommu_model_vtd *model,
				       const struct model_cached *key)
{
	struct iommu_rb_node *node = model->cache.root;
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

static void forget(struct iommu_model_vtd *model, struct model_cached *entry)
{
	iommu_rb_remove(&model->cache, no_augmentation, &entry->node);
	model->cached[entry->kind]--;
	iommu_object_free(&model->cache_objects, entry);
}

/* One time in four, when the configuration wants it (xorshift64). */
static bool forgets_now(struct iommu_model_vtd *model)
{
	if (model->config.forget_seed == 0)
		return false;
	model->random ^= model->random << 13;
	model->random ^= model->random >> 7;
	model->random ^= model->random << 17;
	return (model->random >> 32 & 3) == 0;
}

struct model_cached *iommu_model_cache_find(struct iommu_model_vtd *model, enum model_kind kind,
					    uint16_t tag, unsigned int level, uint64_t address)
{
	const struct model_cached key = {
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = address};
	struct model_cached *entry = first_from(model, &key);

	if (entry == NULL || compare_keys(entry, &key) != 0)
		return NULL;
	if (forgets_now(model)) {
		forget(model, entry);
		return NULL;
	}
	return entry;
}

static size_t cached_in_all(const struct iommu_model_vtd *model)
{
	size_t sum = 0;
	unsigned int kind;

	for (kind = 0; kind < MODEL_KINDS; kind++)
		sum += model->cached[kind];
	return sum;
}

void iommu_model_cache_put(struct iommu_model_vtd *model, const struct model_cached *entry)
{
	const size_t limit = model->config.cache_entries;
	struct iommu_rb_node *parent = NULL;
	struct iommu_rb_node *node = model->cache.root;
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
	if (limit != 0 && cached_in_all(model) >= limit)
		return;
	copy = iommu_object_alloc(&model->cache_objects, IOMMU_ALLOC_ATOMIC);
	if (copy == NULL)
		return;
	*copy = *entry;
	iommu_rb_insert(&model->cache, no_augmentation, parent, right, &copy->node);
	model->cached[entry->kind]++;
}

void iommu_model_cache_drop(struct iommu_model_vtd *model, enum model_kind kind, uint16_t tag,
			    unsigned int level, uint64_t first, uint64_t last)
{
	const struct model_cached key = {
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = first};
	struct model_cached *entry = first_from(model, &key);

	while (entry != NULL && entry->kind == key.kind && entry->tag == key.tag &&
	       entry->level == key.level && entry->address <= last) {
		struct model_cached *next = next_of(entry);

		forget(model, entry);
		entry = next;
	}
}

void iommu_model_cache_drop_kind(struct iommu_model_vtd *model, enum model_kind kind,
				 bool (*matches)(const struct model_cached *entry, const void *ctx),
				 const void *ctx)
{
	const struct model_cached key = {.kind = (uint8_t)kind};
	struct model_cached *entry = first_from(model, &key);

	while (entry != NULL && entry->kind == key.kind) {
		struct model_cached *next = next_of(entry);

		if (matches == NULL || matches(entry, ctx))
			forget(model, entry);
		entry = next;
	}
}
