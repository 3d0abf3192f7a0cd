/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of a POWER translation window.
 *
 * Locking: each pool has a spinlock for its hint, its counts and its bits. Pools begin at whole
 * words of the bitmap, so that no two locks guard one word. The owner of bits may read them without
 * the lock. Entries belong to the owner of their bits; back ends are called without a lock.
 */
#ifndef IOMMU_TCE_INTERNAL_H
#define IOMMU_TCE_INTERNAL_H

#include <libiommu/status.h>
#include <libiommu/tce_table.h>

#include "base/atomic.h"
#include "base/bitmap.h"
#include "base/sparse.h"
#include "base/spinlock.h"

/* --- pool.c ----------------------------------------------------------------------------------- */

#define TCE_POOLS_MAX 4 /* of small requests */

/* On cache lines of its own, which CPUs of other pools do not touch. */
struct tce_pool {
	_Alignas(128) struct iommu_spinlock lock;
	uint64_t start, end; /* indices */
	uint64_t hint;       /* where to look first */
	uint64_t taken;
};

/* A request in pages: the index that it must end before, its boundary and alignment. */
struct tce_request {
	uint64_t pages;
	uint64_t end;
	uint64_t boundary; /* pages; 0: none */
	unsigned int alignment;
};

void iommu_tce_pools_init(struct iommu_tce_table *table);
int iommu_tce_pools_alloc(struct iommu_tce_table *table, const struct tce_request *request,
			  uint64_t *index);
void iommu_tce_pools_free(struct iommu_tce_table *table, uint64_t index, uint64_t pages);
/*
 * Reserve pages until they are freed; those that are taken stay taken. Returns how many were not.
 */
uint64_t iommu_tce_pools_reserve(struct iommu_tce_table *table, uint64_t index, uint64_t pages);
uint64_t iommu_tce_pools_taken(struct iommu_tce_table *table);
/* Are all of these pages handed out? */
bool iommu_tce_pools_have(const struct iommu_tce_table *table, uint64_t index, uint64_t pages);

/* --- Back ends -------------------------------------------------------------------------------- */

struct tce_ops {
	/*
	 * Set unused entries to consecutive pages from paddr on, which hardware sees: all, or none.
	 */
	int (*set)(struct iommu_tce_table *table, uint64_t index, uint64_t count,
		   iommu_paddr_t paddr, unsigned int prot);
	/*
	 * Clear entries and have hardware drop them. After a failure they are clear, but perhaps
	 * cached.
	 */
	int (*clear)(struct iommu_tce_table *table, uint64_t index, uint64_t count);
	/* Without an invalidation; prot 0: no access. */
	int (*exchange)(struct iommu_tce_table *table, uint64_t index, iommu_paddr_t paddr,
			unsigned int prot, iommu_paddr_t *old_paddr, unsigned int *old_prot);
	int (*flush)(struct iommu_tce_table *table);
	/* 0 or IOMMU_ENOENT. */
	int (*get)(struct iommu_tce_table *table, uint64_t index, iommu_paddr_t *paddr,
		   unsigned int *prot);
	/* The back end's structure, of which the table is the first member. */
	void (*free)(struct iommu_tce_table *table);
};

struct iommu_tce_table {
	const struct tce_ops *ops;
	const struct iommu_platform *platform;
	uint64_t first_page;
	uint64_t entries;
	unsigned int page_shift;
	uint64_t block;
	struct iommu_bitmap bitmap;
	struct tce_pool pools[TCE_POOLS_MAX + 1]; /* the last one in use is for large requests */
	unsigned int pool_count;                  /* without that one */
	uint64_t pool_size;                       /* of each but that one */
	uint64_t reserved; /* how many pages are reserved, and which besides index 0: */
	uint64_t reserved_first, reserved_count; /* indices */
	iommu_cell_t lost;
	bool has_view; /* of an owner's words */
	struct iommu_sparse view;
	bool is_owned; /* see iommu_tce_table_take; atomic */
};

/* What is wrong with a configuration; NULL: nothing. */
const char *iommu_tce_table_defect(const struct iommu_tce_table_config *config);
/*
 * Make the common parts of a table, from a valid configuration. `ops` and the back end's parts are
 * set after that.
 */
int iommu_tce_table_init(struct iommu_tce_table *table,
			 const struct iommu_tce_table_config *config);
/* When the back end is ready: clear all entries, or keep those that exist. */
int iommu_tce_table_start(struct iommu_tce_table *table, unsigned int flags);
/* Undo iommu_tce_table_init. */
void iommu_tce_table_fini(struct iommu_tce_table *table);

#endif
