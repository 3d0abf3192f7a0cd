/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ids by which hardware tags what it caches, and entries of its tables that are handed out: domain
 * ids, VMIDs, ASIDs, GSCIDs, PSCIDs, interrupt entries. Single ones, or aligned blocks.
 *
 * An id whose end hardware did not confirm may still tag something. Either it is withheld here
 * until the unit has confirmed, or the family makes nothing present under a new id while anything
 * of the unit is open (the rule of confirmation.h). The caller's lock, or control path, guards
 * them.
 */
#ifndef IOMMU_UNIT_ID_H
#define IOMMU_UNIT_ID_H

#include "unit/confirmation.h"

struct iommu_ids {
	uint32_t count; /* a multiple of 64, or all in one word */
	/* A bit for each that is taken, and for each that is withheld (NULL: none ever is). */
	uint64_t *taken, *withheld;
};

/* The largest block, as a power of two. */
#define IOMMU_ID_ORDER_MAX 7

/* A bitmap for `count` ids, all free, on the unit's node: IOMMU_ENOMEM. */
int iommu_ids_create(struct iommu_ids *ids, const struct iommu_platform *platform, int node,
		     uint32_t count);
/* None may be handed out any more; ids without a bitmap are accepted. */
void iommu_ids_destroy(struct iommu_ids *ids, const struct iommu_platform *platform);

/* An aligned block of 2^order ids from `first` on; ids->count: none is free. */
uint32_t iommu_ids_alloc(struct iommu_ids *ids, const struct iommu_unit_state *unit, uint32_t first,
			 unsigned int order);
/* Ids that are in use already. */
void iommu_ids_take(struct iommu_ids *ids, uint32_t id, unsigned int order);
void iommu_ids_free(struct iommu_ids *ids, uint32_t id, unsigned int order);
/* Those of a word (64 ids) that are taken; also while others are handed out. */
uint64_t iommu_ids_taken_in(const struct iommu_ids *ids, uint32_t word);
/* Free once the unit has confirmed that nothing is open. */
void iommu_ids_withhold(struct iommu_ids *ids, uint32_t id, unsigned int order);

#endif
