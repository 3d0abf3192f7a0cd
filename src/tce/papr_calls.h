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
	uint64_t first_page; /* on the bus: that of index 0 */
	unsigned int page_shift;
	bool has_multiple; /* until it turns out that it has not; atomic */
	uint64_t *list;    /* NULL: single calls only */
	uint32_t list_taken;
	bool is_locked;   /* calls are made under a lock: a busy hypervisor is IOMMU_EBUSY */
	uint32_t is_hung; /* a wait has run out, and no call was answered since; atomic */
};

/* With all but the list set. 0, IOMMU_ENOMEM, or IOMMU_EIO: the hypervisor knows no such window. */
int iommu_papr_calls_init(struct papr_calls *calls);
void iommu_papr_calls_fini(struct papr_calls *calls);

/* It let a wait run out: who waits on behalf of calls under a lock says so. */
bool iommu_papr_is_hung(const struct papr_calls *calls);
void iommu_papr_set_hung(struct papr_calls *calls, bool is_hung);

int iommu_papr_get_entry(struct papr_calls *calls, uint64_t index, uint64_t *entry);
int iommu_papr_put_entry(struct papr_calls *calls, uint64_t index, uint64_t entry);
/*
 * Entries as a function of how far they are from the first; how many came through a failure:
 * unknown.
 */
int iommu_papr_put_entries(struct papr_calls *calls, uint64_t index, uint64_t count,
			   uint64_t (*entry_at)(const void *source, uint64_t i),
			   const void *source);
/*
 * All that can be is cleared, also after a failure: 0, IOMMU_ETIMEDOUT, IOMMU_EBUSY or IOMMU_EIO,
 * and then some may lead somewhere still.
 */
int iommu_papr_clear_entries(struct papr_calls *calls, uint64_t index, uint64_t count);

uint64_t iommu_papr_entry_for(iommu_paddr_t paddr, unsigned int prot);

#endif
