/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The back end for guests of a hypervisor: windows as units, and domains.
 *
 * The entries of a domain are in a table of the library's (its book), which no hardware reads.
 * While an enabled unit uses the domain, the hypervisor's entries follow: a CPU that has changed a
 * range of the book takes the unit's lock and copies the range as it then is. So the last copy of a
 * page is the last state of the book, whatever the order of the CPUs.
 *
 * A page that was removed from the book may not have been copied when the entries change to another
 * domain. So leaving a domain does not consult its book: the unit records in which parts of the
 * window entries were set, and clears these parts whole.
 *
 * A part whose entries the hypervisor did not change is open (unit/confirmation.h): any page of it
 * may lead where it led before. Every later map and unmap first clears what is open, and no call
 * returns 0 while something is. Tables of the book are freed by a caller that has held the lock
 * after they were unlinked: a CPU that reads the book holds it.
 *
 * What the unit is to use and what its windows contain may differ: after a change that failed, and
 * whose reversal failed, they are in doubt. The unit keeps its domain, nothing is mapped in the
 * domain, and the next call of the control path tries again.
 *
 * Locking: the unit's spinlock guards which domain the entries follow, what is open, and the
 * entries. Hypervisor calls are made under it, a few at a time; a busy hypervisor is waited for
 * without it.
 */
#ifndef IOMMU_TCE_PAPR_UNIT_H
#define IOMMU_TCE_PAPR_UNIT_H

#include <libiommu/backend/ops.h>
#include <libiommu/papr.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "base/list.h"
#include "base/log.h"
#include "base/object_cache.h"
#include "base/spinlock.h"

#define PAPR_REFUSE(unit, status, text)                                                            \
	IOMMU_REFUSE((unit)->base.iommu, (unit)->base.name, status, text)
#include "tce/papr_calls.h"
#include "tce/papr_window.h"
#include "unit/confirmation.h"

struct papr_domain;

/* The state of the second window, as far as the hypervisor has confirmed it. */
enum papr_direct {
	PAPR_DIRECT_CLEAR = 0,
	PAPR_DIRECT_OPEN,   /* all of memory */
	PAPR_DIRECT_UNSURE, /* something of it */
};

/* Consecutive pages of the second window that are memory. */
struct papr_span {
	struct iommu_list_node link;
	uint64_t first, count;
};

struct papr_unit {
	struct iommu_unit base;
	const struct iommu_platform *platform;
	struct iommu_papr_config config;
	struct papr_calls window, direct;
	struct papr_domain *domain; /* that the unit is to use; changed under the lock */
	unsigned int endpoints;     /* the number of endpoints that use a domain; control path */
	struct iommu_spinlock lock;
	struct papr_domain *followed; /* by the entries; NULL: all are clear, or are being … */
	struct papr_domain *leaving; /* … cleared, of this domain's pages; NULL: they are clear */
	struct iommu_bitmap touched; /* parts of PAPR_PART pages in which an entry was set */
	struct iommu_open_parts open; /* parts in which an entry may be set that should not be */
	bool is_on; /* windows are to be as the domain needs them, or else clear; atomic */
	/* In doubt: the windows may differ from what they should be. */
	struct iommu_unit_set set;
	struct iommu_unit_state state;
	/* What it holds: changed on the control path, atomic; and what it is to hold while open. */
	enum papr_direct direct_holds;
	struct iommu_list_node memory; /* struct papr_span, ascending */
	struct iommu_object_cache span_cache;
	struct papr_span *spare; /* of the change that is under way */
	struct papr_span first_span;
	/* 1 + the id of one of its endpoints, for which freezes are reported; 0: none. Atomic. */
	uint32_t speaker;
	/* Frozen, and reported: not again before it was seen to be thawed. Atomic. */
	uint32_t is_reported;
};

struct papr_domain {
	struct iommu_domain base;
	struct papr_unit *unit;
	bool is_blocked;
	struct iommu_pgtable book; /* by index, from the first page of the window on */
};

static inline struct papr_unit *papr_unit_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct papr_unit, base);
}

/* By its address: the name of this back end's operations. */
extern const char iommu_papr_name[];

static inline struct papr_domain *papr_domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct papr_domain, base);
}

#define PAPR_PART PAPR_LIST_MAX /* the pages whose entries are changed at once, under the lock */

static inline uint64_t papr_parts(const struct iommu_papr_window *window)
{
	return (papr_pages(window) - 1) / PAPR_PART + 1;
}

static inline enum papr_direct papr_direct_holds(const struct papr_unit *unit)
{
	return __atomic_load_n(&unit->direct_holds, __ATOMIC_ACQUIRE);
}

/* Are the windows in doubt? */
static inline bool papr_is_in_doubt(const struct papr_unit *unit)
{
	return __atomic_load_n(&unit->state.in_doubt, __ATOMIC_ACQUIRE) != 0;
}

static inline void papr_set_in_doubt(struct papr_unit *unit, bool in_doubt)
{
	if (papr_is_in_doubt(unit) != in_doubt)
		iommu_unit_set_in_doubt(&unit->state, in_doubt);
}

/* --- papr_follow.c ---------------------------------------------------------------------------- */

/*
 * Set entries as in the book, if they follow this domain. Returns 0, IOMMU_ETIMEDOUT or IOMMU_EIO:
 * an entry that should be clear is not, and is open; IOMMU_EAGAIN, IOMMU_EPERM, IOMMU_EFAULT: an
 * entry was not set, and the map is to be undone. All of the range is tried, also after a failure;
 * the first error is returned.
 */
int iommu_papr_follow(struct papr_domain *domain, uint64_t index, uint64_t count);
/* Clear what is open: 0, IOMMU_ETIMEDOUT or IOMMU_EIO. */
int iommu_papr_settle(struct papr_unit *unit);
/* Does an entry of the book that is followed lead into this range? Control path. */
bool iommu_papr_maps(struct papr_unit *unit, iommu_paddr_t start, iommu_paddr_t last);
/* Follow this domain from now on, in place of another; NULL: none. On failure none is followed. */
int iommu_papr_switch(struct papr_unit *unit, struct papr_domain *domain);

/* --- papr_memory.c ---------------------------------------------------------------------------- */

/* What is memory at the probe. IOMMU_EINVAL: the ranges make no sense; IOMMU_ENOMEM. */
int iommu_papr_memory_init(struct papr_unit *unit);
void iommu_papr_memory_fini(struct papr_unit *unit);
/* The second window: memory, or closed. */
int iommu_papr_set_direct(struct papr_unit *unit, bool is_open);

static inline iommu_paddr_t papr_memory_limit(const struct papr_unit *unit)
{
	return unit->config.memory_limit != 0 ? unit->config.memory_limit : unit->config.memory_end;
}

/* --- papr_eeh.c ------------------------------------------------------------------------------- */

extern const struct iommu_freeze_ops iommu_papr_freeze_ops;
/* What is wrong with the configuration of error recovery; NULL: nothing. */
const char *iommu_papr_eeh_mistake(const struct iommu_platform *platform,
				   const struct iommu_papr_eeh *eeh);
/* Have the hypervisor watch an endpoint; the first one finds the PE thawed. */
int iommu_papr_watch(struct papr_unit *unit, const struct iommu_endpoint *endpoint);
int iommu_papr_handle_faults(struct iommu_unit *unit, bool *lost);

/* --- papr_domain.c ---------------------------------------------------------------------------- */

/*
 * Set the windows as the unit's domain needs them; without a domain, or with the unit off, clear
 * them. On failure they are in doubt.
 */
int iommu_papr_apply(struct papr_unit *unit);
/* The same where they are in doubt; then clear what is open: 0, or the error. */
int iommu_papr_confirm(struct papr_unit *unit);
int iommu_papr_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			    const struct iommu_domain_config *config, struct iommu_domain **domain);

#endif
