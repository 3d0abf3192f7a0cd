/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the model of a POWER host bridge: its life, translation, invalidation, firmware.
 * Called with the model's lock held, unless stated otherwise.
 *
 * Locking: the lock guards what guest and firmware set. An access takes it only to freeze a PE:
 * ids, windows and the frozen state are read without it, and each change of an id or a window
 * changes the cache's generation (see cache.h). No function of the host is called with the lock
 * held.
 */
#ifndef IOMMU_MODEL_POWER_PHB_H
#define IOMMU_MODEL_POWER_PHB_H

#include <libiommu/hw/tce.h>
#include <libiommu/hw/tve.h>
#include <libiommu/model_tce.h>

#include "base/spinlock.h"
#include "model/walk.h"

#define PHB_PES_MAX      512
#define PHB_LEVELS_MAX   8 /* that the TVE of a window can encode */
#define PHB_IDS_PER_PAGE (IOMMU_PAGE_SIZE / sizeof(uint16_t))
#define PHB_ID_PAGES     (65536 / PHB_IDS_PER_PAGE)

/* What is cached. The tag is the number of the window's TVE. */
enum phb_kind {
	PHB_PAGE,  /* address = number of the page; low = its TCE, valid or not */
	PHB_TABLE, /* of level 1 and up; address = index of its range; low = the entry to it */
};

struct iommu_model_phb {
	const struct iommu_platform *platform;
	struct iommu_model_phb_config config;
	struct iommu_spinlock lock;
	struct model_cache cache;
	struct iommu_model_phb_faults faults;
	struct iommu_model_phb_stats stats;
	const char *misuse; /* to be reported without the lock */
	struct model_counter *counters;
	uint64_t kill_pending; /* a value of the kill register that is not complete */
	bool kill_is_dropped;  /* … because walks from before it have not ended */
	uint64_t kill_ticket;
	/*
	 * Firmware was asked for this invalidation, and walks that began before it have not ended.
	 */
	uint64_t opal_kill[7], opal_ticket;
	unsigned int kill_reads; /* reads of the register until kill_pending is carried out */
	uint64_t kill_kept;      /* the last value written */
	/* 1 + PE of each source id, or 0; NULL: no id of the page has a PE. */
	uint16_t *ids[PHB_ID_PAGES];
	iommu_cell_t *tves; /* two of each PE */
	struct iommu_model_phb_freeze *freezes;
	unsigned int freezes_order;
	/* Of each PE a bit for each PE that freezes with it (PELT-V). */
	uint64_t *vectors;
	unsigned int vectors_order;
	uint16_t last_bad_id; /* of the last access that has frozen a PE */
};

/*
 * Allocate memory for these ids, as far as there is any: the ids that are equal in the bits of
 * `mask`. Without the lock.
 */
void iommu_phb_make_ids(struct iommu_model_phb *phb, uint32_t source_id, uint32_t mask);
/* 0, or IOMMU_ENOMEM: the memory was not allocated. Between begin and end of a drop. */
int iommu_phb_set_id(struct iommu_model_phb *phb, uint16_t source_id, uint32_t pe);
/* PE of a source id, or IOMMU_MODEL_NO_PE. With or without the lock. */
uint32_t iommu_phb_find_pe(const struct iommu_model_phb *phb, uint16_t source_id);
/* A window's entry. With or without the lock. */
static inline uint64_t phb_tve(const struct iommu_model_phb *phb, uint32_t window)
{
	return iommu_cell_load(&phb->tves[window]);
}
void iommu_phb_set_tve(struct iommu_model_phb *phb, uint32_t window, uint64_t tve);
/* --- phb_freeze.c ----------------------------------------------------------------------------- */

#define PHB_VECTOR_WORDS (PHB_PES_MAX / 64) /* of one PE */

/* A PE, and those in its vector, stop; the first bad access of each is recorded. */
void iommu_phb_freeze(struct iommu_model_phb *phb, uint32_t pe,
		      const struct iommu_model_phb_freeze *cause);
/* Firmware's calls for frozen PEs; false: the token is another one's. Without the lock. */
bool iommu_phb_freeze_call(struct iommu_model_phb *phb, uint64_t token, const uint64_t arguments[7],
			   int64_t *code);
/* Firmware is busy, once more. */
bool iommu_phb_is_busy(struct iommu_model_phb *phb);

/* --- phb.c ------------------------------------------------------------------------------------ */

/* The first misuse of a call is reported, when the lock is released. */
void iommu_phb_misuse(struct iommu_model_phb *phb, const char *text);
uintptr_t iommu_phb_lock(struct iommu_model_phb *phb);
void iommu_phb_unlock(struct iommu_model_phb *phb, uintptr_t state);

/* --- phb_invalidate.c ------------------------------------------------------------------------- */

/*
 * Drop what is cached: of pages of a window, of a PE, everything. Between begin and end of a drop.
 */
void iommu_phb_kill_pages(struct iommu_model_phb *phb, uint32_t window, uint64_t first_page,
			  uint64_t last_page);
void iommu_phb_kill_pe(struct iommu_model_phb *phb, uint32_t pe);
void iommu_phb_kill_all(struct iommu_model_phb *phb);

#endif
