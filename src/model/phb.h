/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the model of a POWER host bridge share: its life, translating, invalidating, firmware.
 * Everything here is called with the model's lock held.
 */
#ifndef IOMMU_MODEL_PHB_H
#define IOMMU_MODEL_PHB_H

#include <libiommu/hw/tce.h>
#include <libiommu/hw/tve.h>
#include <libiommu/model_tce.h>

#include "base/spinlock.h"
#include "model/cache.h"

#define PHB_PES_MAX      512
#define PHB_LEVELS_MAX   8 /* that an entry of a window can say */
#define PHB_IDS_PER_PAGE (IOMMU_PAGE_SIZE / sizeof(uint16_t))
#define PHB_ID_PAGES     (65536 / PHB_IDS_PER_PAGE)

/* What it caches. The tag is the number of the window's entry. */
enum phb_kind {
	PHB_PAGE, /* address = number of the page; low = its TCE, valid or not */
	PHB_TABLE, /* of level 1 and up; address = number of what it covers; low = the entry above it */
};

struct iommu_model_phb {
	const struct iommu_platform *platform;
	struct iommu_model_phb_config config;
	struct iommu_spinlock lock;
	struct model_cache cache;
	struct iommu_model_phb_faults faults;
	struct iommu_model_phb_stats stats;
	uint64_t kill_pending;       /* what the register has not carried out yet … */
	unsigned int kill_reads;     /* … and when it will: reads of it */
	uint64_t kill_kept;          /* what it was last told */
	uint16_t *ids[PHB_ID_PAGES]; /* 1 + PE of a source id, or 0; NULL: of none of the page */
	uint64_t *tves;              /* two of each PE */
	struct iommu_model_phb_freeze *freezes;
	unsigned int freezes_order;
};

/*
 * Memory for these ids, as far as there is any: those that are alike in the bits of `mask`. Without
 * the lock.
 */
void iommu_phb_make_ids(struct iommu_model_phb *phb, uint32_t source_id, uint32_t mask);
/* Under the lock. 0, or IOMMU_ENOMEM: no memory was made for it. */
int iommu_phb_set_id(struct iommu_model_phb *phb, uint16_t source_id, uint32_t pe);
void iommu_phb_misuse(const struct iommu_model_phb *phb, const char *text);

/* --- phb_invalidate.c --- The bridge forgets: pages of a window, a PE, all. -------------------- */

void iommu_phb_kill_pages(struct iommu_model_phb *phb, uint32_t window, uint64_t first_page,
			  uint64_t last_page);
void iommu_phb_kill_pe(struct iommu_model_phb *phb, uint32_t pe);
void iommu_phb_kill_all(struct iommu_model_phb *phb);

#endif
