/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the model of a hypervisor share: its windows.
 *
 * Locking: one spinlock guards everything. Under it nothing is allocated, and no call does more
 * than a bounded piece of work: memory is asked for before it, and given back behind it. The
 * guest's memory is read without it.
 */
#ifndef IOMMU_MODEL_POWER_PAPR_H
#define IOMMU_MODEL_POWER_PAPR_H

#include <libiommu/model_tce.h>

#include "base/list.h"
#include "base/spinlock.h"

#define PAPR_PAGES_MAX (1ULL << 22)
/*
 * Entries that one call sets at most; a longer one is told that the hypervisor is busy, and to come
 * again.
 */
#define PAPR_PIECE 4096

struct papr_window {
	struct iommu_list_node link;
	uint32_t liobn;
	unsigned int page_shift;
	uint64_t address, pages;
	uint64_t **entries; /* of as many pages each as a page of entries holds; NULL: all absent */
	unsigned int entries_order;
	bool is_dynamic; /* asked for by the guest */
	bool is_hidden;  /* given up by it: as if it were not there, until a reset */
	/* A long clearing or filling that is half done: its arguments, and how far it is. */
	uint64_t stuff_page, stuff_count, stuff_entry, stuff_done;
};

struct iommu_model_papr {
	const struct iommu_platform *platform;
	struct iommu_model_papr_config config;
	struct iommu_spinlock lock;
	struct iommu_list_node windows;
	struct iommu_model_papr_faults faults;
};

/* papr.c. Not the hidden ones; under the lock. A new one is in no list yet. */
struct papr_window *iommu_papr_model_find_window(struct iommu_model_papr *papr, uint64_t liobn);
/* Without the lock, of windows that are in no list. */
struct papr_window *iommu_papr_model_make_window(const struct iommu_platform *platform,
						 uint64_t pages, unsigned int flags);
void iommu_papr_model_free_window(const struct iommu_platform *platform,
				  struct papr_window *window);
void iommu_papr_model_clear_window(const struct iommu_platform *platform,
				   struct papr_window *window);

#endif
