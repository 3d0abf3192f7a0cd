/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What modelled hardware remembers. Nothing leaves it unless it is told to, or the configuration wants
 * bounded memory or random forgetting; both are things that real caches do. When memory is short, less
 * is remembered.
 *
 * What is found is found by a hash table; what an invalidation names, by one of two ordered trees:
 * of keys, and of owners where an entry has one. So whatever a guest asks to be forgotten costs
 * O(log n) and what is in fact forgotten, which devices have paid for before. A cache that is full
 * forgets what has not been used for longest.
 *
 * Locking: the model's, except where it says otherwise. Memory is only ever asked for without it:
 * iommu_model_cache_lock, before a request of a device.
 */
#ifndef IOMMU_MODEL_CACHE_H
#define IOMMU_MODEL_CACHE_H

#include <libiommu/list_node.h>

#include "base/rbtree.h"
#include "base/spinlock.h"

#define MODEL_CACHE_KINDS 7
/* Entries of all kinds, where the configuration says nothing. */
#define MODEL_CACHE_DEFAULT 16384

struct model_cached {
	struct iommu_rb_node by_key, by_owner;
	struct iommu_list_node used;       /* from the one unused longest to the one used last */
	struct model_cached *next, **link; /* in its bucket; `next` also among the spare ones */
	/* The key, in this order: what kind of entry, whose, of which level of tables, where. */
	uint8_t kind;
	uint64_t tag;
	uint8_t level;
	uint64_t address;
	/* By whom it can also be dropped; of the kinds that have owners. */
	bool has_owner;
	uint32_t owner;
	/* What is known. With a reason: that it faults. */
	uint64_t low, high, third;
	uint8_t reason;
	bool fault_hidden; /* VT-d's FPD */
};

struct model_cache_page;

struct model_cache {
	const struct iommu_platform *platform;
	struct iommu_rb_tree keys, owners;
	struct iommu_list_node used;
	struct model_cached **buckets;
	unsigned int buckets_order;
	/* Entries that hold nothing, and the pages that all are cut from. */
	struct model_cached *spare;
	size_t spare_count, made;
	struct model_cache_page *pages;
	size_t count[MODEL_CACHE_KINDS];
	size_t total, limit;
	uint64_t forget_seed; /* 0: nothing is forgotten at random */
	uint64_t random;
};

/*
 * limit: entries of all kinds; 0: the default; SIZE_MAX: as many as there is memory for. Without a
 * lock. Returns 0 or IOMMU_ENOMEM; a cache of zeros may be destroyed, too.
 */
int iommu_model_cache_init(struct model_cache *cache, const struct iommu_platform *platform,
			   size_t limit, uint64_t forget_seed);
void iommu_model_cache_destroy(struct model_cache *cache);
/*
 * Take the model's lock with room in the cache for what one request may add to it, as far as there
 * is memory.
 */
uintptr_t iommu_model_cache_lock(struct model_cache *cache, struct iommu_spinlock *lock);

/* NULL: not cached. The result may be changed by the caller, but for its key and owner. */
struct model_cached *iommu_model_cache_find(struct model_cache *cache, unsigned int kind,
					    uint64_t tag, unsigned int level, uint64_t address);
/* The same for one who only looks: nothing is forgotten, and nothing counts as used. */
const struct model_cached *iommu_model_cache_peek(const struct model_cache *cache,
						  unsigned int kind, uint64_t tag,
						  unsigned int level, uint64_t address);
/* Remember a copy of `entry`, whose key is filled in; nothing changes when the key is known. */
void iommu_model_cache_put(struct model_cache *cache, const struct model_cached *entry);
/* Forget all of one kind, tag and level in [first, last]. */
void iommu_model_cache_drop(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t first, uint64_t last);
/* Forget all of one kind with a tag in [first, last]. */
void iommu_model_cache_drop_tags(struct model_cache *cache, unsigned int kind, uint64_t first,
				 uint64_t last);
/* … and with this owner. */
void iommu_model_cache_drop_owned(struct model_cache *cache, unsigned int kind, uint32_t owner,
				  uint64_t first, uint64_t last);
/* Forget all of one kind. */
void iommu_model_cache_drop_kind(struct model_cache *cache, unsigned int kind);

#endif
