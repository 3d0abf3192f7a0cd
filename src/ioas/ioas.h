/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internals of IO address spaces.
 *
 * Locks, in the order in which they are taken:
 * file->mutex       the control path: objects, attachments, the lists of HWPTs
 * ioas gate         shared by calls that map, unmap, copy, pin and look up; exclusive, under
 *                   file->mutex, for calls that change the list of HWPTs or the areas as a
 *                   whole. Memory that several spaces may share is changed with all gates of the
 *                   file closed
 * file->gate_mutex  held while a gate is closed, for calls that wait for it, which hold no other
 *                   lock
 * pages->mutex      what is pinned of a piece of memory, and for which holders; one of a few that
 *                   all pieces share
 * ioas->lock        a spinlock: areas, their states, reserved and allowed ranges
 * file->lock        a spinlock: ids, references, counters
 * Callbacks of backings run under pages->mutex, those of accesses under the gate alone.
 *
 * Invariants, whenever the gate is open:
 *   - a live area is mapped in every HWPT of its IOAS, if there is one, and is then a holder of its
 *     pages; unless these are revoked: then it is in no table, except for what hardware has not
 *     confirmed or what could not be unmapped;
 *   - a page is pinned exactly if a holder covers it: an area that is filled, or a pin of an
 *     access;
 *   - what is unpinned was unmapped, with hardware's confirmation, everywhere.
 */
#ifndef IOMMU_IOAS_H
#define IOMMU_IOAS_H

#include <libiommu/backend/ops.h>
#include <libiommu/ioas.h>
#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "base/log.h"
#include "base/object_cache.h"
#include "base/piece.h"
#include "base/spinlock.h"
#include "ioas/tree.h"

#define IOAS_TYPES        10
#define IOAS_PAGE_MUTEXES 8
/* Requests of a guest that are served before another call may enter the control path. */
#define IOAS_INVALIDATIONS 64U

/* --- Files and objects: file.c ---------------------------------------------------------- */

enum ioas_object_state {
	IOAS_OBJECT_NEW,    /* being made: no id finds it */
	IOAS_OBJECT_THERE,  /* ids find it */
	IOAS_OBJECT_ENDING, /* ids find it only for the users that are asked to let go of it */
};

struct ioas_object {
	struct iommu_iova_range id; /* first: the id */
	struct iommu_file *file;
	enum iommu_object_kind type;
	/*
	 * Under file->lock. Objects that need this one; calls that are at it, which are waited for
	 * without.
	 */
	uint32_t users, visitors;
	enum ioas_object_state state;
};

struct iommu_file {
	/* How an object of any type ends: file.c knows the types, object.c does not. */
	int (*end_object)(struct ioas_object *object);
	struct iommu *iommu;
	const struct iommu_platform *platform;
	struct iommu_file_limits limits;
	void *mutex;
	void *gate_mutex;
	void *page_mutexes[IOAS_PAGE_MUTEXES];
	uint32_t next_page_mutex;
	struct iommu_spinlock lock;
	struct iommu_iova_space *ids;
	uint32_t objects;
	/* Atomic, and so no wider than a processor's word: pages, not bytes, of what is pinned. */
	size_t areas, pinned, metadata, attachments, access_pages;
	/* Groups with devices of ours. */
	struct iommu_list_node groups;
	/*
	 * Under the mutex: why the call that has it is refused, noted where that is found
	 * (iommu_file_end).
	 */
	const char *who, *why;
	int refused;
	char who_object[IOMMU_NAME_SIZE]; /* "object 7" */
	uint32_t refusals;                /* of the instance, when the call began */
	/* Handles that know of the file; it outlives its end until none does. */
	uint32_t holders;
	bool closed;
	struct iommu_object_cache caches[IOAS_TYPES];
	struct iommu_object_cache area_cache, pages_cache, range_cache, pin_cache, group_cache,
		attachment_cache, use_cache;
};

void iommu_file_lock(struct iommu_file *file);
void iommu_file_unlock(struct iommu_file *file);
/*
 * Note why, under the mutex; `who` and `why` stay until the end. The call that is refused tells the
 * host, if its status is that one: an attempt that something else makes good leaves no line.
 */
static inline int iommu_file_refuse(struct iommu_file *file, const char *who, int status,
				    const char *why)
{
	file->who = who;
	file->why = why;
	file->refused = status;
	return status;
}
/* The same of an object, by its number. */
int iommu_file_refuse_object(struct iommu_file *file, uint32_t id, int status, const char *why);
/*
 * Give the mutex back, and return the status. An error leaves one line: what was noted, or what the
 * status means in general, unless a call of the instance has left its own meanwhile.
 */
int iommu_file_end(struct iommu_file *file, const char *call, int status);
/*
 * For calls that run without the mutex, beside each other: each hands up why it fails by a pointer
 * of its own (ioas_because), and says it where it ends. `id`: 0 for none; `why`: empty where the
 * status says all.
 */
static inline int ioas_because(const char **why, int status, const char *text)
{
	*why = text;
	return status;
}
int iommu_file_refuse_now(struct iommu_file *file, const char *call, uint32_t id, int status,
			  const char *why);
/* Why an area is not mapped, beyond what its request is checked for; empty: for nothing special. */
const char *iommu_ioas_why_not_mapped(int status);
#define IOAS_DRAINING "its last HWPT is on its way out, which hardware has not confirmed yet"
/* iommu_object_destroy, unless other objects use it: then it stays, and that is no refusal. */
int iommu_object_end_unused(struct iommu_file *file, uint32_t id);
/* Why an object is not found: there is none, or it is of another type. */
const char *iommu_object_missing(int status);
/* A handle lets go of a file. */
void iommu_file_put(struct iommu_file *file);

/*
 * Charge `amount` to a counter with this limit (0: none), before it is allocated, so that
 * concurrent calls never exceed a limit together; false: that would exceed it. And discharge it.
 * What was charged as metadata is what iommu_file_stats reports.
 */
bool iommu_file_charge(size_t *counter, uint64_t amount, uint64_t limit);
void iommu_file_discharge(size_t *counter, uint64_t amount);
struct iommu_account {
	struct iommu *iommu;
	size_t limit, pinned, files; /* atomic */
};

/* The file uses another account, or none; it has pinned nothing. */
void iommu_file_use_account(struct iommu_file *file, struct iommu_account *account);
/*
 * Of so many pages, those that may be pinned more, by the file's limit and its account's: charged.
 * And what was not pinned, or is not any more.
 */
uint64_t iommu_file_charge_pins(struct iommu_file *file, uint64_t pages);
void iommu_file_discharge_pins(struct iommu_file *file, uint64_t pages);
/* 2^order zeroed pages, charged as metadata; NULL: no memory, or beyond the limit. May sleep. */
void *iommu_file_alloc_pages(struct iommu_file *file, unsigned int order);
void iommu_file_free_pages(struct iommu_file *file, void *pages, unsigned int order);
/*
 * Free empty tables of a space. False: there were none, or tables are not limited. Control path:
 * not for visitors of the space, for which another call of the control path may be waiting.
 */
bool iommu_ioas_trim(struct iommu_file *file, uint32_t ioas);

/* Small objects of a file, counted. */
void *iommu_file_alloc(struct iommu_file *file, struct iommu_object_cache *cache);
void iommu_file_free(struct iommu_file *file, struct iommu_object_cache *cache, void *object);

/*
 * An object that no id finds yet; and, when it is complete, one that ids find; or none. Control
 * path.
 */
int iommu_object_new(struct iommu_file *file, enum iommu_object_kind type,
		     struct ioas_object **object);
void iommu_object_publish(struct ioas_object *object);
void iommu_object_abort(struct ioas_object *object);
/* One or the other, as its making went; returns that. */
int iommu_object_finish(struct ioas_object *object, int status, uint32_t *id);
/* The object with an id, which does not go before iommu_object_leave. NULL, with the reason. */
struct ioas_object *iommu_object_visit(struct iommu_file *file, uint32_t id,
				       enum iommu_object_kind type, int *status);
/* The same for an object that may be ending: for calls from its notification callbacks. */
struct ioas_object *iommu_object_visit_ending(struct iommu_file *file, uint32_t id,
					      enum iommu_object_kind type, int *status);
void iommu_object_leave(struct ioas_object *object);
/* One more call is at an object that is known not to be gone: file->lock is held. */
static inline void iommu_object_visit_locked(struct ioas_object *object)
{
	__atomic_add_fetch(&object->visitors, 1, __ATOMIC_RELAXED);
}
/* Another object needs it; no longer. */
void iommu_object_use(struct ioas_object *object);
void iommu_object_unuse(struct ioas_object *object);
/* In the control path: an object is looked up, and cannot be destroyed meanwhile. */
struct ioas_object *iommu_object_find(struct iommu_file *file, uint32_t id,
				      enum iommu_object_kind type, int *status);
/* End an object that is not in use. Control path. */
int iommu_object_end(struct ioas_object *object);

/* The ids of a file: 1 to that. */
#define IOAS_ID_LAST 0x7fffffffU

static inline struct ioas_object *iommu_object_at(struct iommu_iova_range *range)
{
	return range != NULL ? iommu_container_of(range, struct ioas_object, id) : NULL;
}

static inline uint32_t iommu_object_id(const struct ioas_object *object)
{
	return (uint32_t)object->id.first;
}

/* --- Batches: batch.c ------------------------------------------------------------------------- */

/*
 * A run of pages of a backing, in physical pieces; what is not full is not cut inside a piece that
 * goes on.
 */
struct ioas_batch {
	struct ioas_batch *next;
	unsigned int order; /* of its memory */
	bool is_spare;
	unsigned int capacity, count;
	uint64_t page, pages; /* of the backing */
	struct iommu_map_piece pieces[];
};

struct ioas_batch *iommu_batch_make(struct iommu_file *file, unsigned int order);
void iommu_batch_free(struct iommu_file *file, struct ioas_batch *batch);
/*
 * Add a piece behind the others; false: there is no room. In line: it is asked for each page.
 */
static inline bool iommu_batch_add(struct ioas_batch *batch, iommu_paddr_t paddr, uint64_t size)
{
	struct iommu_map_piece *last = &batch->pieces[batch->count];

	if (batch->count != 0 && iommu_adjoins(last[-1].paddr + last[-1].size, paddr)) {
		last[-1].size += size;
	} else {
		if (batch->count == batch->capacity)
			return false;
		last->paddr = paddr;
		last->size = size;
		batch->count++;
	}
	batch->pages += size >> IOMMU_PAGE_SHIFT;
	return true;
}
/* Empty, from this page of the backing on. */
static inline void iommu_batch_begin(struct ioas_batch *batch, uint64_t page)
{
	batch->count = 0;
	batch->page = page;
	batch->pages = 0;
}

/* --- Address spaces: space.c, unmap.c, gate.c ------------------------------------------------- */

struct iommu_ioas {
	struct ioas_object object; /* first */
	unsigned int flags;
	struct iommu_spinlock lock;
	struct iommu_iova_space *areas;         /* in pages; ranges are those of struct ioas_area */
	struct iommu_rb_tree reserved, allowed; /* of struct ioas_range, in bytes */
	uint64_t alignment;
	/* HWPTs, and those that were taken out but whose end hardware has not confirmed. */
	struct iommu_list_node hwpts, leaving;
	/* The last HWPT could not be taken out: only unmapping, and trying again, is possible. */
	bool draining;
	/* Accesses that look at it; under `lock`. */
	struct iommu_list_node accesses;
	/* The gate: those inside, and whether it is closed. Atomic. */
	uint32_t inside, closed;
	/* A batch that is always there, so that unmapping does not fail for want of memory. */
	struct ioas_batch *spare;
	uint32_t spare_taken; /* atomic */
};

static inline struct iommu_ioas *iommu_ioas_of(struct ioas_object *object)
{
	return iommu_container_of(object, struct iommu_ioas, object);
}

void iommu_gate_enter(struct iommu_ioas *ioas);
void iommu_gate_enter_both(struct iommu_ioas *one, struct iommu_ioas *other);
void iommu_gate_leave(struct iommu_ioas *ioas);
void iommu_gate_close(struct iommu_ioas *ioas);
void iommu_gate_open(struct iommu_ioas *ioas);
/* Of all spaces of a file. */
void iommu_gates_close(struct iommu_file *file);
void iommu_gates_open(struct iommu_file *file);
/* The next space above an id, which is set to its own; NULL: there is none. Control path. */
struct iommu_ioas *iommu_ioas_after(struct iommu_file *file, uint32_t *id);

/* Room for so many pages, or fewer; NULL: no memory. */
struct ioas_batch *iommu_batch_take(struct iommu_ioas *ioas, uint64_t pages);
void iommu_batch_give(struct iommu_ioas *ioas, struct ioas_batch *batch);

int iommu_ioas_destroy(struct ioas_object *object);
/*
 * iommu_ioas_unmap, for which nothing to unmap is no refusal; `whole`: it looks at both ends first:
 * IOMMU_EINVAL with nothing changed where one cuts an area.
 */
int iommu_ioas_unmap_container(struct iommu_file *file, const char *call, uint32_t ioas,
			       iommu_iova_t iova, uint64_t size, bool whole, uint64_t *unmapped);
/* iommu_ioas_unmap, for a call inside the gate. */
int iommu_ioas_take_out(struct iommu_ioas *ioas, iommu_iova_t iova, uint64_t size,
			uint64_t *unmapped);

/* --- What is reserved, what is allowed: reserved.c -------------------------------------------- */

struct ioas_range {
	struct ioas_interval interval; /* bytes */
	const void *owner;
	struct ioas_range *next; /* while a set of them is made */
};

/*
 * Keep [first, last] free for an owner. IOMMU_EADDRINUSE: an area is there, or it is allowed;
 * IOMMU_ENOMEM. And give back all that an owner has reserved.
 */
int iommu_ioas_reserve(struct iommu_ioas *ioas, const void *owner, iommu_iova_t first,
		       iommu_iova_t last);
void iommu_ioas_unreserve(struct iommu_ioas *ioas, const void *owner);
/* A place for an area of so many bytes that is not reserved: found, and taken. Locked. */
int iommu_ioas_place(struct iommu_ioas *ioas, uint64_t size, uint64_t alignment,
		     struct iommu_iova_range *range);
bool iommu_ioas_is_reserved(const struct iommu_ioas *ioas, iommu_iova_t first, iommu_iova_t last);
/* The lowest that is reserved within bounds, which become it; false: none. Takes the lock. */
bool iommu_ioas_find_reserved(struct iommu_ioas *ioas, struct iommu_iova_bounds *bounds);
void iommu_ranges_free(struct iommu_ioas *ioas);

/* --- Memory: backing.c ------------------------------------------------------------------------ */

/* Changed with all gates closed. */
enum ioas_pages_state {
	IOAS_PAGES_THERE,
	/* Their owner has taken them back: nothing pins them, and no table is filled with them. */
	IOAS_PAGES_REVOKED,
	IOAS_PAGES_COMING, /* being restored: revoked again if that fails */
};

struct ioas_pages {
	struct iommu_file *file;
	struct iommu_backing backing;
	uint64_t count;    /* of pages; the first is at backing.address */
	unsigned int prot; /* what may be done with it at all */
	enum ioas_pages_state state;
	void *mutex;  /* one of the file's; NULL: the host has none */
	size_t areas; /* that lead to it; atomic */
	/*
	 * … of them, those without a virtual address, and those that went so before any other was
	 * given one: nothing is pinned meanwhile. Atomic.
	 */
	size_t without_vaddr, gone_without_vaddr;
	bool is_vaddr_stale; /* backing.address is one from before; changed with all gates closed */
	struct iommu_rb_tree holders;
};

/* A part of the memory that is pinned because a holder needs it. */
struct ioas_holder {
	struct ioas_interval interval; /* pages */
	/* Where the physical addresses are: in the tables of an area … */
	struct ioas_area *area;
	/* … or with the pin. */
	struct ioas_batch *batches;
};

static inline bool iommu_pages_are_mmio(const struct ioas_pages *pages)
{
	return (pages->backing.ops->flags & IOMMU_BACKING_MMIO) != 0;
}

void iommu_pages_lock(struct ioas_pages *pages);
void iommu_pages_unlock(struct ioas_pages *pages);
/*
 * Collect physical pieces from the batch's end on, up to `last` or until it is full: held ones, and
 * newly pinned ones. Locked.
 */
int iommu_pages_collect(struct ioas_pages *pages, struct ioas_batch *batch, uint64_t last);
/*
 * What pin answered, if it makes sense: whole pages, no more than `size` bytes were asked for, and
 * something; how many bytes. 0: it makes none.
 */
uint64_t iommu_pieces_sum(const struct iommu_map_piece *pieces, unsigned int count, uint64_t size);
/* What a holder has, from a page on, as far as there is room. Locked. */
void iommu_pages_read(const struct ioas_holder *holder, struct ioas_batch *batch, uint64_t page,
		      uint64_t last);
/* Unpin what of the batch no holder covers. Locked. */
void iommu_pages_release(struct ioas_pages *pages, const struct ioas_batch *batch);

/* --- Areas: area.c, fill.c -------------------------------------------------------------------- */

enum ioas_area_state {
	IOAS_AREA_NEW,  /* being mapped */
	IOAS_AREA_LIVE, /* there */
	IOAS_AREA_OLD,  /* being unmapped, or that was not confirmed */
};

struct ioas_area {
	struct iommu_iova_range range; /* first; pages of IOVA */
	struct iommu_ioas *ioas;
	struct ioas_pages *pages;
	uint64_t page; /* where it begins in them */
	unsigned int prot;
	/* Under ioas->lock. */
	enum ioas_area_state state;
	bool busy; /* a call is unmapping it */
	bool no_pins;
	unsigned int pins;    /* that hold a part of it until they are told */
	unsigned int readers; /* calls that copy from it or to it, which end by themselves */
	/* Under pages->mutex. */
	struct ioas_holder holder; /* of what its tables have, if they have anything */
	bool holds;
	bool is_cut;         /* it was larger when it was mapped: tables have to be split with it */
	bool vaddr_unmapped; /* see vaddr.c; changed with all gates closed */
	const struct iommu_domain *storage; /* tables that have all of it */
	uint64_t emptied, full; /* pages from the beginning that are out again; that were filled */
	bool is_torn;           /* a part behind that is out of some HWPTs, and in others still */
	/* Unmapped and not confirmed: these are pinned still. */
	struct ioas_batch *withheld;
	struct ioas_holder withholder;
};

static inline struct ioas_area *iommu_area_of(struct iommu_iova_range *range)
{
	return range != NULL ? iommu_container_of(range, struct ioas_area, range) : NULL;
}

static inline uint64_t iommu_area_pages(const struct ioas_area *area)
{
	return area->range.last - area->range.first + 1;
}

static inline iommu_iova_t iommu_area_iova(const struct ioas_area *area)
{
	return area->range.first << IOMMU_PAGE_SHIFT;
}

/* The first area that ends at or after a page. Locked, or inside the closed gate. */
static inline struct ioas_area *iommu_area_from(const struct iommu_ioas *ioas, uint64_t page)
{
	return iommu_area_of(iommu_iova_find_from(ioas->areas, page));
}

/* Out of its space, and freed; in another state from now on, and without a user. */
void iommu_area_drop(struct ioas_area *area);
void iommu_area_set_state(struct ioas_area *area, enum ioas_area_state to);
/*
 * Have an area unpinned that can no longer be pinned: access objects are notified, copies are
 * waited for. Returns 0, or IOMMU_EBUSY: it stays pinned. Inside the gate, without a lock.
 */
int iommu_area_have_unpinned(struct ioas_area *area);
/*
 * An area of pages, with no place yet; takes a reference of the pages. NULL: no memory, with the
 * status.
 */
struct ioas_area *iommu_area_new(struct iommu_ioas *ioas, struct ioas_pages *pages, uint64_t page,
				 unsigned int prot, int *status);
/* Free an area that is in no space, and pages that nothing leads to any more. */
void iommu_area_free(struct ioas_area *area);
struct ioas_pages *iommu_pages_new(struct iommu_file *file, const struct iommu_backing *backing,
				   uint64_t count, unsigned int prot);
void iommu_pages_put(struct ioas_pages *pages);

/* Has a backing the functions that it must have, and no flags that are unknown? */
int iommu_backing_check(const struct iommu_backing *backing, const char **why);
/* The area's virtual address is there again, or never was gone. */
void iommu_area_count_vaddr(struct ioas_area *area, bool unmapped);
/* Is it to be said where its owner sees it: since it was unmapped so, or what it is a copy of? */
static inline bool iommu_area_lacks_vaddr(const struct ioas_area *area)
{
	return area->vaddr_unmapped ||
	       __atomic_load_n(&area->pages->gone_without_vaddr, __ATOMIC_RELAXED) != 0;
}

struct iommu_hwpt;
/* It is a holder of what was filled and not emptied since, and of nothing else. Locked. */
void iommu_area_hold(struct ioas_area *area);
/*
 * Map an area in all HWPTs, if there are any. What a failure leaves behind goes with
 * iommu_area_empty.
 */
int iommu_area_fill(struct ioas_area *area);
/*
 * Map what others have in an HWPT that no device uses yet. On failure it is to be emptied as a
 * whole.
 */
int iommu_area_copy_to(struct ioas_area *area, struct iommu_hwpt *hwpt);
/* Unmap it everywhere, and unpin what has no other user; after a failure again. */
int iommu_area_empty(struct ioas_area *area);
/* Of that, what hardware has not confirmed alone: ask again, and let go of it. Locked. */
int iommu_area_settle(struct ioas_area *area);
/* Has iommu_area_empty, which failed, changed nothing? */
bool iommu_area_is_whole(const struct ioas_area *area);

/* --- Virtual addresses: vaddr.c --------------------------------------------------------------- */

/*
 * Of all areas in a range, which cuts none and in which none is without: IOMMU_EINVAL. And a new
 * one for an area without, which is there: IOMMU_ENOENT.
 */
int iommu_ioas_unmap_vaddr(struct iommu_file *file, const char *call, uint32_t ioas,
			   iommu_iova_t iova, uint64_t size, uint64_t *bytes);
int iommu_ioas_map_vaddr(struct iommu_file *file, const char *call, uint32_t ioas,
			 iommu_iova_t iova, uint64_t size, const struct iommu_backing *backing);

/* --- HWPTs: hwpt.c ---------------------------------------------------------------------------- */

struct ioas_fault_queue;
struct ioas_device;

struct iommu_hwpt {
	struct ioas_object object; /* first; paging or nested */
	struct iommu_domain *domain;
	struct iommu_ioas *ioas;   /* of a nested one: the parent's */
	struct iommu_hwpt *parent; /* of a nested one */
	struct iommu_virtual_unit *virtual_unit;
	struct ioas_fault_queue *fault_queue;
	struct iommu_list_node link; /* in the IOAS; not of nested ones */
	bool is_auto;                /* made by an attach, goes with the last one */
	bool is_orphan; /* its making failed, and it could not go: no caller knows its id */
	bool is_leaving;
	bool enforces_coherency;                 /* devices snoop, whatever they ask for */
	const struct iommu_container *container; /* that made it; NULL: another user did */
	enum iommu_hardware_type type;           /* of a nested one: of what its user says */
	unsigned int flags;
	iommu_iova_t aperture_last; /* as it is reserved */
};

static inline struct iommu_hwpt *iommu_hwpt_of(struct ioas_object *object)
{
	return iommu_container_of(object, struct iommu_hwpt, object);
}

int iommu_hwpt_destroy(struct ioas_object *object);
/* What a unit calls itself to users. */
enum iommu_hardware_type iommu_hardware_type(const struct iommu_unit *unit);
/* Its aperture and smallest page, which attaching changes, as the IOAS sees them. */
int iommu_hwpt_adapt(struct iommu_hwpt *hwpt);
/* The last one of a space that was to go, and could not be emptied: it is, and leaves the space. */
int iommu_hwpt_drain(struct iommu_hwpt *hwpt);
/*
 * End those of a space that no device uses and that nothing but the library has asked for: they
 * could not go when they should have. Returns 0, or what hardware did not confirm.
 */
int iommu_hwpts_end_unused(struct iommu_ioas *ioas);
/* For a device and its like: a new one, filled, that no id finds yet. */
int iommu_hwpt_make(struct iommu_ioas *ioas, const struct ioas_device *device, unsigned int flags,
		    struct iommu_hwpt **hwpt);

#endif
