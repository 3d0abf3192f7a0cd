/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's tables, shared by its control path (spapr_guest.c) and its hypercalls (spapr_put.c). */
#ifndef IOMMU_IOAS_SPAPR_GUEST_H
#define IOMMU_IOAS_SPAPR_GUEST_H

#include "ioas/spapr.h"

/* A window of a container that a table sets the entries of. */
struct spapr_attachment {
	struct spapr *spapr; /* NULL: none */
	iommu_iova_t start;
	/* The entry of the window that the table's first one begins with; log2 of their ratio. */
	uint64_t first;
	unsigned int ratio_shift;
	unsigned int number;
	uint32_t serial; /* of the window: another one in its place is not meant */
};

struct spapr_table {
	struct iommu_list_node link; /* in the guest */
	struct iommu_spapr_table config;
	uint64_t serial; /* another one with its number is not meant by hypercalls that found it */
	/*
	 * What the guest has put, and where it goes: under the lock. An attachment is added and
	 * taken away in the guest's control path, which then waits for hypercalls.
	 */
	struct iommu_spinlock lock;
	struct iommu_sparse entries;
	struct spapr_attachment attachments[IOMMU_SPAPR_TABLE_WINDOWS];
};

/* Of the guest's memory map. */
struct spapr_range {
	struct ioas_interval interval; /* guest's addresses; first */
	uint64_t address;
};

struct iommu_spapr_guest {
	struct iommu *iommu;
	const struct iommu_platform *platform;
	struct iommu_spapr_guest_config config;
	void *mutex;
	struct spapr_calls calls;
	/* Of tables, and memory: changed under the lock. */
	struct iommu_spinlock lock;
	struct iommu_list_node tables;
	uint64_t serials; /* of tables so far */
	struct iommu_rb_tree memory;
	struct iommu_object_cache table_cache, range_cache;
};

/*
 * Set what the guest has put at an index in one window alone, which is attached: for what was put
 * before. 0, or as iommu_spapr_guest_attach_window.
 */
int iommu_spapr_replay(struct iommu_spapr_guest *guest, struct spapr_table *table,
		       const struct spapr_attachment *attachment, uint64_t index);
/* The next entry from here on that the guest has put permissions in; false: there is none. */
bool iommu_spapr_next_put(struct iommu_spapr_guest *guest, struct spapr_table *table,
			  uint64_t *index);
/* Clear all entries of a table in one window, which the caller has counted. */
int iommu_spapr_clear(struct iommu_spapr_guest *guest, struct spapr_table *table,
		      const struct spapr_attachment *attachment);

#endif
