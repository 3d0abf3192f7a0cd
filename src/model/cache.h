/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What modelled hardware remembers. Nothing leaves it unless it is told to, or the configuration wants
 * bounded memory or random forgetting; both are things that real caches do. When memory is short, less
 * is remembered.
 *
 * Locking: the model's.
 */
#ifndef IOMMU_MODEL_CACHE_H
#define IOMMU_MODEL_CACHE_H

#include "base/object_cache.h"
#include "base/rbtree.h"

#define MODEL_CACHE_KINDS 7

struct model_cached {
	struct iommu_rb_node node;
	/* The key, in this order: what kind of entry, whose, of which level of tables, where. */
	uint8_t kind;
	uint64_t tag;
	uint8_t level;
	uint64_t address;
	/* What is known. With a reason: that it faults. */
	uint64_t low, high, third;
	uint16_t owner;
	uint8_t reason;
	bool fault_hidden; /* VT-d's FPD */
};

struct model_cache {
	struct iommu_rb_tree tree;
	struct iommu_object_cache objects;
	size_t count[MODEL_CACHE_KINDS];
	size_t limit;         /* entries of all kinds; 0: none */
	uint64_t forget_seed; /* 0: nothing is forgotten at random */
	uint64_t random;
};

void iommu_model_cache_init(struct model_cache *cache, const struct iommu_platform *platform,
			    size_t limit, uint64_t forget_seed);
/* NULL: not cached. The result may be changed by the caller. */
struct model_cached *iommu_model_cache_find(struct model_cache *cache, unsigned int kind,
					    uint64_t tag, unsigned int level, uint64_t address);
/* Remember a copy of `entry`, whose key is filled in; forgets when there is no room. */
void iommu_model_cache_put(struct model_cache *cache, const struct model_cached *entry);
/* Forget all of one kind, tag and level in [first, last]. */
void iommu_model_cache_drop(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t first, uint64_t last);
/* Forget all of one kind with a tag in [first, last]. */
void iommu_model_cache_drop_tags(struct model_cache *cache, unsigned int kind, uint64_t first,
				 uint64_t last);
/* Forget all of one kind for which `matches` (NULL: all) holds. */
void iommu_model_cache_drop_kind(struct model_cache *cache, unsigned int kind,
				 bool (*matches)(const struct model_cached *entry, const void *ctx),
				 const void *ctx);

#endif
