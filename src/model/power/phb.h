/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the model of a POWER host bridge share: its life, translating, invalidating,
 * firmware. Everything here is called with the model's lock held, unless it says otherwise.
 *
 * Locking: the lock guards what guest and firmware set. An access takes it only to freeze a PE:
 * ids, windows and whether a PE is frozen are read without it, and each change of an id or a window
 * changes the cache's generation (see cache.h). No function of the host is called with it held.
 */
#ifndef IOMMU_MODEL_POWER_PHB_H
#define IOMMU_MODEL_POWER_PHB_H

#include <libiommu/hw/tce.h>
#include <libiommu/hw/tve.h>
#include <libiommu/model_tce.h>

#include "base/spinlock.h"
#include "model/walk.h"

#define PHB_PES_MAX      512
#define PHB_LEVELS_MAX   8 /* that an entry of a window can say */
#define PHB_IDS_PER_PAGE (IOMMU_PAGE_SIZE / sizeof(uint16_t))
#define PHB_ID_PAGES     (65536 / PHB_IDS_PER_PAGE)

/* What it caches. The tag is the number of the window's entry. */
enum phb_kind {
	PHB_PAGE,  /* address = number of the page; low = its TCE, valid or not */
	PHB_TABLE, /* of level 1 and up; address: number of what it covers; low: the entry above */
};

struct iommu_model_phb {
	const struct iommu_platform *platform;
	struct iommu_model_phb_config config;
	struct iommu_spinlock lock;
	struct model_cache cache;
	struct iommu_model_phb_faults faults;
	struct iommu_model_phb_stats stats;
	const char *misuse; /* to be told without the lock */
	struct model_counter *counters;
	uint64_t kill_pending; /* what the register has not carried out yet … */
	bool kill_is_dropped;  /* … but for walks that began before */
	uint64_t kill_ticket;
	/* Firmware was asked to forget this, and walks that began before are still on their way. */
	uint64_t opal_kill[7], opal_ticket;
	unsigned int kill_reads;     /* … and when it will: reads of it */
	uint64_t kill_kept;          /* what it was last told */
	uint16_t *ids[PHB_ID_PAGES]; /* 1 + PE of a source id, or 0; NULL: of none of the page */
	iommu_cell_t *tves;          /* two of each PE */
	struct iommu_model_phb_freeze *freezes;
	unsigned int freezes_order;
};

/*
 * Memory for these ids, as far as there is any: those that are alike in the bits of `mask`. Without
 * the lock.
 */
void iommu_phb_make_ids(struct iommu_model_phb *phb, uint32_t source_id, uint32_t mask);
/* 0, or IOMMU_ENOMEM: no memory was made for it. Between begin and end of a drop. */
int iommu_phb_set_id(struct iommu_model_phb *phb, uint16_t source_id, uint32_t pe);
/* PE of a source id, or IOMMU_MODEL_NO_PE. With or without the lock. */
uint32_t iommu_phb_find_pe(const struct iommu_model_phb *phb, uint16_t source_id);
/* A window's entry. With or without the lock. */
static inline uint64_t phb_tve(const struct iommu_model_phb *phb, uint32_t window)
{
	return iommu_cell_load(&phb->tves[window]);
}
void iommu_phb_set_tve(struct iommu_model_phb *phb, uint32_t window, uint64_t tve);
/* Only the first misuse of a call is told, when the lock is let go of. */
void iommu_phb_misuse(struct iommu_model_phb *phb, const char *text);
uintptr_t iommu_phb_lock(struct iommu_model_phb *phb);
void iommu_phb_unlock(struct iommu_model_phb *phb, uintptr_t state);

/* --- phb_invalidate.c ------------------------------------------------------------------------- */

/* The bridge forgets: pages of a window, a PE, all. Between begin and end of a drop. */
void iommu_phb_kill_pages(struct iommu_model_phb *phb, uint32_t window, uint64_t first_page,
			  uint64_t last_page);
void iommu_phb_kill_pe(struct iommu_model_phb *phb, uint32_t pe);
void iommu_phb_kill_all(struct iommu_model_phb *phb);

#endif
