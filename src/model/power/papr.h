/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The windows of the model of a hypervisor, shared by its files.
 *
 * Locking: one spinlock guards everything. Under it nothing is allocated, and each call does a
 * bounded amount of work: memory is allocated before the lock is taken, and freed after. The
 * guest's memory is read without it.
 */
#ifndef IOMMU_MODEL_POWER_PAPR_H
#define IOMMU_MODEL_POWER_PAPR_H

#include <libiommu/model_tce.h>

#include "base/list.h"
#include "base/spinlock.h"

#define PAPR_PAGES_MAX (1ULL << 22)
/*
 * The most entries that one call sets; a longer call returns that the hypervisor is busy, and is to
 * be repeated.
 */
#define PAPR_PIECE 4096

struct papr_window {
	struct iommu_list_node link;
	uint32_t liobn;
	unsigned int page_shift;
	uint64_t address, pages;
	/* Pages of entries; NULL: all of a page's entries are absent. */
	uint64_t **entries;
	unsigned int entries_order;
	bool is_dynamic; /* dynamic: made at the guest's request */
	bool is_hidden;  /* removed by the guest: does not exist, until a reset */
	/* A long H_STUFF_TCE that is done in part: its arguments, and its progress. */
	uint64_t stuff_page, stuff_count, stuff_entry, stuff_done;
};

#define PAPR_RANGES_MAX 64

/* What the partition has as memory. */
struct papr_range {
	iommu_paddr_t start, last;
};

struct iommu_model_papr {
	const struct iommu_platform *platform;
	struct iommu_model_papr_config config;
	struct iommu_spinlock lock;
	struct iommu_list_node windows;
	struct iommu_model_papr_faults faults;
	struct papr_range memory[PAPR_RANGES_MAX];
	unsigned int memory_count;
	bool knows_memory; /* without: everything is memory */
	bool is_limited;   /* windows are made at lower addresses */
	/* The state of the PE. */
	bool has_recovery; /* enabled by the guest */
	bool is_dma_stopped, is_io_stopped;
	uint64_t bad_address; /* of the access that has frozen it */
};

/* papr.c. Look-ups skip hidden windows; under the lock. A new window is in no list yet. */
struct papr_window *iommu_papr_model_find_window(struct iommu_model_papr *papr, uint64_t liobn);
/* Without the lock, for windows that are in no list. */
struct papr_window *iommu_papr_model_make_window(const struct iommu_platform *platform,
						 uint64_t pages, unsigned int flags);
void iommu_papr_model_free_window(const struct iommu_platform *platform,
				  struct papr_window *window);
void iommu_papr_model_clear_window(const struct iommu_platform *platform,
				   struct papr_window *window);

/* papr_memory.c: is all of this memory of the partition? Under the lock. */
bool iommu_papr_model_is_memory(const struct iommu_model_papr *papr, iommu_paddr_t start,
				iommu_paddr_t last);

/* papr_eeh.c: the services of error recovery; false: another service. Without the lock. */
bool iommu_papr_model_recover(struct iommu_model_papr *papr, enum iommu_model_papr_service service,
			      unsigned int input_count, const uint32_t *inputs,
			      unsigned int output_count, uint32_t *outputs);

#endif
