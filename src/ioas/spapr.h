/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers of POWER's windows, and tables that a guest fills by hypercalls.
 *
 * For each unit that groups of a container are behind there is a domain; all have the same windows
 * with the same entries. Beside the entries a window has *words*: the memory that each entry leads
 * to. Memory is counted as mapped before an entry leads to it, and until hardware has confirmed
 * that the entry is not used any more; an entry and its word are exchanged under one lock, so that
 * of two calls for one entry each has to let go of what no other one does. What was replaced
 * without a confirmation is *withheld*: it stays counted until everything is confirmed, which later
 * calls of the control path ask for.
 *
 * Locks, in the order in which they are taken: the mutex of a guest; that of the container (groups,
 * windows, registered memory); a table's spinlock (what the guest has put, what is attached); the
 * container's spinlock (memory by address, its counts, words). The file's mutex is taken by what
 * this calls of it, under the container's.
 *
 * Hypercalls take no mutex: they are calls (struct spapr_calls) of the guest and of each container
 * that they use. What they might still use is made unreachable first, then they are waited for,
 * then it is freed.
 */
#ifndef IOMMU_IOAS_SPAPR_H
#define IOMMU_IOAS_SPAPR_H

#include <libiommu/spapr.h>

#include "base/sparse.h"
#include "ioas/container.h"

struct spapr;

/* Note why a call on the container is refused; under its mutex. */
#define SPAPR_REFUSE(spapr, status, text) ioas_because(&(spapr)->why, status, IOMMU_WHY(text))

/* --- Calls that are under way: spapr_calls.c -------------------------------------------------- */

struct spapr_calls {
	uint32_t epoch, inside[2]; /* atomic */
};

unsigned int iommu_spapr_calls_enter(struct spapr_calls *calls);
void iommu_spapr_calls_leave(struct spapr_calls *calls, unsigned int epoch);
/* Wait for all calls that have begun. Control path: one at a time. */
void iommu_spapr_calls_wait(struct spapr_calls *calls, const struct iommu_platform *platform);

/* --- Memory: spapr_memory.c ------------------------------------------------------------------- */

struct spapr_memory {
	struct ioas_interval interval; /* addresses of the user */
	struct iommu_list_node link;
	struct spapr *spapr;
	struct iommu_backing backing;
	unsigned int prot;
	/* Where it is, for each part of 2^shift bytes: all parts are contiguous. */
	unsigned int shift;
	struct iommu_sparse parts;
	uint64_t pinned;       /* bytes from its beginning */
	uint64_t metadata;     /* bytes that are counted for it */
	bool is_for_maps_only; /* version 1: not found by its address; goes with its last entry */
	/* Under spapr->lock: entries that lead to it, or did; of them those that are withheld. */
	uint64_t mapped, withheld;
	uint64_t asked; /* of these, those whose confirmation is being asked for */
};

/* Pin; control path. Version 1: no more than enabling has counted. */
int iommu_spapr_pin(struct spapr *spapr, const struct iommu_backing *backing, uint64_t size,
		    unsigned int prot, struct spapr_memory **memory);
/* The same of version 1: it is not found by its address, and goes with its last entry. */
int iommu_spapr_pin_for_map(struct spapr *spapr, const struct iommu_backing *backing, uint64_t size,
			    unsigned int prot, struct spapr_memory **memory);
/* Unpin: nothing leads to it, and nothing finds it. */
void iommu_spapr_unpin(struct spapr_memory *memory);
/* Registered memory that has all of a range; NULL: none. Locked. */
struct spapr_memory *iommu_spapr_find(struct spapr *spapr, uint64_t address, uint64_t size);
/*
 * That the 2^shift bytes at an address of the memory can be one page, so that
 * iommu_spapr_place says where that is. IOMMU_EPERM, IOMMU_EFAULT.
 */
int iommu_spapr_check_page(struct spapr_memory *memory, uint64_t address, unsigned int shift,
			   unsigned int prot);
iommu_paddr_t iommu_spapr_place(struct spapr_memory *memory, uint64_t address);
/* Ask for what is withheld. Control path. */
int iommu_spapr_retry(struct spapr *spapr);
/* Unpin what was for maps only, and is not mapped any more. Control path. */
void iommu_spapr_sweep(struct spapr *spapr);
/* Unpin everything: no entry leads anywhere, as is confirmed. */
void iommu_spapr_forget_memory(struct spapr *spapr);

/* --- Entries: spapr_entry.c ------------------------------------------------------------------- */

/* Memory whose entries were replaced: it is let go of when that is confirmed. */
#define SPAPR_REPLACED 8
struct spapr_replaced {
	unsigned int count;
	struct {
		struct spapr_memory *memory;
		uint64_t entries;
	} of[SPAPR_REPLACED];
};

/* Entries [index, index + count) of a window, which lead to memory from this address on. */
struct spapr_run {
	struct spapr *spapr;
	struct spapr_memory *memory; /* NULL: to nothing */
	uint64_t index, count;
	uint64_t address;
	unsigned int number;
	unsigned int prot;
};

/* Entries that are set under the lock before others have their turn. */
#define SPAPR_PIECE 512
/*
 * About so many entries, of all windows together, a call looks at or sets in one stay among the
 * calls of a container or a guest (struct spapr_calls), that is, between two moments in which what
 * waits for it may go on. However many entries a guest names, what waits for its hypercall waits
 * for a few stays.
 */
#define SPAPR_STAY 16384

/* Make what setting these needs. IOMMU_ENOMEM. Any context. */
int iommu_spapr_prepare(const struct spapr_run *run);
/*
 * Set the first entries of a run, which is prepared, and whose memory is counted already. The run
 * becomes what is left of it: nothing, or, where `replaced` has no room, some. Returns how many
 * were set before. Takes the lock. Any context.
 */
uint64_t iommu_spapr_commit(struct spapr_run *run, struct spapr_replaced *replaced);
/* Have hardware use the entries of a window, and no former ones. Any context. */
int iommu_spapr_confirm(struct spapr *spapr, unsigned int number, uint64_t index, uint64_t count);
/* Let go of what was replaced, as is confirmed, or withhold it (a status). Takes the lock. */
void iommu_spapr_let_go(struct spapr_replaced *replaced, int status);
/* All three, for one run; on failure it is done all the same. *before: entries set before. */
int iommu_spapr_set(struct spapr_run *run, uint64_t *before);
/* The same for its first entries, SPAPR_STAY at most; the run becomes what is left of it. */
int iommu_spapr_set_some(struct spapr_run *run, uint64_t *before);
/* Copy all entries of the container's windows to a new domain. Control path. */
int iommu_spapr_copy(struct spapr *spapr, struct iommu_domain *from, struct iommu_domain *to);
/* Let go of everything that a window led to: no hardware uses it any more. Control path. */
void iommu_spapr_forget_entries(struct spapr *spapr, unsigned int number);

/* --- Windows: spapr_window.c ------------------------------------------------------------------ */

struct spapr_window {
	struct iommu_window_config config;
	iommu_iova_t start;
	uint64_t entries;
	struct iommu_sparse words; /* struct spapr_memory *, under spapr->lock */
	uint64_t metadata;
	bool is_there; /* its place is not free: control path */
	bool is_live;  /* entries can be set: changed under spapr->lock */
	uint32_t serial;
};

/* Open a window; the smaller are at 0. As iommu_spapr_add_window. Control path. */
int iommu_spapr_open(struct spapr *spapr, const struct iommu_window_config *wanted,
		     iommu_iova_t *start);
/* The window of 32 address bits. */
int iommu_spapr_open_default(struct spapr *spapr);
/* Close all windows, when no group is left. */
void iommu_spapr_drop_windows(struct spapr *spapr);
/* The live window that has a range; NULL: there is none. Control path. */
struct spapr_window *iommu_spapr_window_at(struct spapr *spapr, iommu_iova_t iova, uint64_t size);
/* What all units of the container can do; `domain` is one more, or NULL. */
void iommu_spapr_limits(struct spapr *spapr, const struct iommu_domain *domain,
			struct iommu_window_limits *limits);

static inline uint64_t spapr_window_size(const struct spapr_window *window)
{
	return window->entries << window->config.page_shift;
}

/* --- Containers: spapr.c ---------------------------------------------------------------------- */

struct spapr_domain {
	struct iommu_domain *domain; /* atomic; NULL: none */
	/* Of a group that neither came nor went: its unit has not confirmed that it is not used. */
	struct iommu_domain *left;
	const struct iommu_unit *unit;
	unsigned int groups;
	unsigned int opened; /* windows that it has: bits */
};

struct spapr {
	struct iommu_container *container;
	const struct iommu_platform *platform;
	struct iommu_file *file;
	struct iommu_spinlock lock;
	struct spapr_calls calls;
	struct iommu_rb_tree by_address; /* of registered memory; changed under the lock, too */
	struct iommu_list_node memory;   /* all */
	struct iommu_object_cache cache;
	struct spapr_window windows[IOMMU_WINDOWS];
	struct spapr_domain domains[IOMMU_SPAPR_UNITS];
	uint32_t serials;
	uint32_t withholds;   /* something is withheld: atomic */
	uint32_t attachments; /* to tables of guests: atomic */
	uint64_t enabled;     /* version 1: pages that are counted; 0: not enabled */
	uint64_t pinned;      /* … of them, those that are pinned */
	const char *why;      /* the call is refused */
	uint32_t refusals;    /* of the instance, when it began */
};

static inline bool spapr_is_second(const struct spapr *spapr)
{
	return (spapr->container->flags & IOMMU_CONTAINER_TCE_V2) != 0;
}

static inline struct iommu_domain *spapr_domain_at(const struct spapr *spapr, unsigned int i)
{
	return __atomic_load_n(&spapr->domains[i].domain, __ATOMIC_ACQUIRE);
}

static inline uintptr_t spapr_lock(struct spapr *spapr)
{
	return iommu_spin_lock(spapr->platform, &spapr->lock);
}

static inline void spapr_unlock(struct spapr *spapr, uintptr_t state)
{
	iommu_spin_unlock(spapr->platform, &spapr->lock, state);
}

/*
 * Begin a public call on a container, with its mutex. IOMMU_EOPNOTSUPP: it is not one of POWER's
 * windows, or not of this version (0: any). And end it.
 */
int iommu_spapr_begin(struct iommu_container *container, const char *call, unsigned int version,
		      struct spapr **spapr);
int iommu_spapr_end(struct spapr *spapr, const char *call, int status);

#endif
