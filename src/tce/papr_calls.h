/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of a window that a hypervisor keeps. A call changes them, and is complete for hardware
 * when it returns. (Linux on Power Architecture Reference, "H_PUT_TCE", "H_PUT_TCE_INDIRECT",
 * "H_STUFF_TCE", "H_GET_TCE".)
 *
 * One call sets many entries, as a list in a page of the library's. There is one such page; a CPU
 * that finds it in use makes single calls instead of waiting. Any context in which the host's call
 * can be made; no locks.
 */
#ifndef IOMMU_TCE_PAPR_CALLS_H
#define IOMMU_TCE_PAPR_CALLS_H

#include <libiommu/tce_table.h>

#define PAPR_LIST_MAX 512 /* entries of a call */

struct papr_calls {
	const struct iommu_platform *platform;
	int64_t (*call)(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			uint64_t third, uint64_t fourth, uint64_t *result);
	void *ctx;
	uint32_t liobn;
	uint64_t first_page; /* bus address of index 0 */
	unsigned int page_shift;
	bool has_multiple; /* until the call has failed as unknown; atomic */
	uint64_t *list;    /* NULL: single calls only */
	uint32_t list_taken;
	/* Calls are made under a lock: they return IOMMU_EBUSY while the hypervisor is busy. */
	bool is_locked;
	uint32_t is_hung; /* a wait has timed out, and no call was answered since; atomic */
};

/*
 * With all fields but the list set. 0, IOMMU_ENOMEM, or IOMMU_EIO: the hypervisor has no such
 * window.
 */
int iommu_papr_calls_init(struct papr_calls *calls);
void iommu_papr_calls_fini(struct papr_calls *calls);

/* Note a time-out: called where the wait is done for calls under a lock. */
bool iommu_papr_is_hung(const struct papr_calls *calls);
void iommu_papr_set_hung(struct papr_calls *calls, bool is_hung);

int iommu_papr_get_entry(struct papr_calls *calls, uint64_t index, uint64_t *entry);
int iommu_papr_put_entry(struct papr_calls *calls, uint64_t index, uint64_t entry);
/*
 * Set entries, each a function of its distance from the first. After a failure it is not known how
 * many were set.
 */
int iommu_papr_put_entries(struct papr_calls *calls, uint64_t index, uint64_t count,
			   uint64_t (*entry_at)(const void *source, uint64_t i),
			   const void *source);
/*
 * Clear entries, all that is possible, also after a failure: 0, IOMMU_ETIMEDOUT, IOMMU_EBUSY or
 * IOMMU_EIO, and then some may still lead somewhere.
 */
int iommu_papr_clear_entries(struct papr_calls *calls, uint64_t index, uint64_t count);

uint64_t iommu_papr_entry_for(iommu_paddr_t paddr, unsigned int prot);

#endif
