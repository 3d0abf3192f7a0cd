/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain on units: where hardware may know it, who has to be told of a change, and the part of
 * the map path that all families have in common.
 *
 * A domain has a *place* wherever it was ever attached: on a unit under an id (VT-d, AMD, SMMUv3,
 * RISC-V), in a partitionable endpoint (POWER). Places are only ever added while the domain lives,
 * so that the map path reads them without a lock; the id is held only while there are users.
 *
 * Attach against unmap. An attach stores the id, counts the user, then a full fence, then writes
 * the entry by which hardware finds the tables; a detach clears that entry, has it forgotten, and
 * only then takes the user away. An unmap clears the entries of the tables, then a full fence, then
 * reads the counts, and after a count its id. An attach that the unmap does not see yet cannot have
 * cached anything of what was cleared. A detach that it does not see yet costs an invalidation too
 * much. If it sees the count of before a detach and the id of after the next attach, its entries
 * were cleared before the entry of that attach was written, and hardware caches nothing of them
 * under the new id. Behind which full fence it reads does not matter: tell_page has its own.
 *
 * After a failure (confirmation.h) every change first invalidates everything on the units that are
 * open: also where the domain has no user any more, as far as hardware has confirmed.
 */
#ifndef IOMMU_UNIT_DOMAIN_H
#define IOMMU_UNIT_DOMAIN_H

#include "base/object_cache.h"
#include "unit/confirmation.h"

struct iommu_placed;
struct iommu_attached;

struct iommu_place {
	struct iommu_place *next;
	/* What hardware has not confirmed there, and the family's unit or part of one. */
	struct iommu_unit_state *unit;
	void *at;
	struct iommu_ids *ids; /* of what is there; NULL: it has none */
	/*
	 * Users, and the id while there are any. Both atomic: first the one is read, then the
	 * other.
	 */
	uint32_t users;
	uint16_t id;
};

/* What has changed. */
struct iommu_change {
	iommu_iova_t start, last;
	bool leaves_only; /* no table was unlinked */
	bool is_map;      /* of new mappings, where there were none */
};

/* What is known of the windows of a place: for families whose places have windows. */
enum iommu_place_doubt {
	IOMMU_PLACE_IS_SURE = 0,
	IOMMU_PLACE_IS_CLOSED,   /* or may be, to the domain that is to be reached through it */
	IOMMU_PLACE_IS_ANYWHERE, /* it may lead to other memory than the domain, or to all */
};

/* What a family supplies. Any context. */
struct iommu_place_ops {
	/*
	 * Have hardware forget all that it has cached in a place under this id and that overlaps
	 * the change, and wait. Marks the unit on failure.
	 */
	int (*tell)(struct iommu_placed *domain, const struct iommu_place *place, uint16_t id,
		    const struct iommu_change *change);
	/* The same for everything of the place's unit, which makes good what is open there. */
	int (*tell_all)(const struct iommu_place *place);
	/*
	 * The same as `tell`, after the unmap of one page of a domain that has this place alone, as
	 * far as the caller knows. No fence came before: it tells, behind one of its own, only
	 * where iommu_placed_is_at says then that nothing else is to be done. IOMMU_EAGAIN: it is
	 * not so simple. NULL: never done.
	 */
	int (*tell_page)(struct iommu_placed *domain, const struct iommu_place *place,
			 const struct iommu_change *change);
	/*
	 * May hardware lead elsewhere than here? Nothing is mapped meanwhile; and no unmap is
	 * confirmed while other memory may be reached. NULL: never.
	 */
	enum iommu_place_doubt (*doubt)(const struct iommu_place *place);
	/* More places than that, and everything of the unit goes at once; 0: any number. */
	unsigned int places_max;
	/*
	 * For attach.h, on the control path. The domain's place there (iommu_place_get), with the
	 * ids of what is there, if that can translate by the domain at all. With the first endpoint
	 * there the domain is cut down to what it can do; on failure, and when the last has left,
	 * the domain may do all again that the others can.
	 */
	int (*find)(struct iommu_placed *domain, void *at, struct iommu_place **place);
	int (*join)(struct iommu_placed *domain, void *at);
	void (*left)(struct iommu_placed *domain);
};

/* Of a domain that has outlived the units which it was made for, and all that they shared. */
#define IOMMU_PLACED_OF_OTHERS "the domain was made for units that have been removed"

/* A domain of a back end; the first member of the family's own structure. */
struct iommu_placed {
	struct iommu_domain base; /* first */
	const struct iommu_place_ops *places_ops;
	const struct iommu_platform *platform;
	struct iommu_unit_set *set;
	/* The domain that a nested one is nested in. */
	struct iommu_placed *parent;
	/* Of a domain with tables of its own: the table, and what makes it, or NULL. */
	struct iommu_pgtable pgtable;
	const struct iommu_pgtable_ops *format;
	/* Newest first. Atomic: the map path reads it. */
	struct iommu_place *places;
	/* What failed to be invalidated. */
	struct iommu_withheld_pages pages;
	/* The domain itself, once it is freed; and the family's way to free it. */
	struct iommu_withheld end;
	void (*release)(struct iommu_placed *domain);
	/*
	 * Everything that depends on its tables (struct iommu_listing), in order of numbers, and
	 * how many of those need a command of their own when something is invalidated: atomic.
	 */
	struct iommu_spinlock lock;
	struct iommu_list_node uses;
	uint64_t use_numbers;
	uint32_t special_uses;
	bool notes_writes; /* dirty tracking is on */
};

/* The domain that a nested one is nested in, or NULL. */
static inline struct iommu_placed *iommu_placed_parent(const struct iommu_placed *domain)
{
	return IOMMU_CONFIG_SCALABLE ? domain->parent : NULL;
}

static inline struct iommu_placed *iommu_placed_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct iommu_placed, base);
}

/* Does it have tables of its own? */
static inline bool iommu_placed_has_table(const struct iommu_placed *domain)
{
	return domain->format != NULL;
}

/* All of a zeroed structure that is not the family's. */
void iommu_placed_init(struct iommu_placed *domain, const struct iommu_place_ops *ops,
		       const struct iommu_platform *platform, struct iommu_unit_set *set,
		       void (*release)(struct iommu_placed *domain));

/* --- Places: control path --------------------------------------------------------------------- */

/* The domain's place there, or NULL. Any context. */
struct iommu_place *iommu_place_find(const struct iommu_placed *domain, const void *at);
/* The same, made from this cache on first use; NULL: no memory. */
struct iommu_place *iommu_place_get(struct iommu_placed *domain, struct iommu_object_cache *cache,
				    struct iommu_unit_state *unit, void *at);
/* One user more: before hardware is told. The first brings the id. */
void iommu_place_enter(struct iommu_place *place);
/* One less, after hardware has forgotten: true: it was the last. */
bool iommu_place_leave(struct iommu_place *place);

static inline bool iommu_place_is_used(const struct iommu_place *place)
{
	return __atomic_load_n(&place->users, __ATOMIC_ACQUIRE) != 0;
}

/* Is the domain used there by hardware that may walk tables? And under which id. Any context. */
static inline bool iommu_place_is_live(const struct iommu_place *place, uint16_t *id)
{
	/* First the count, then the id. */
	if (!iommu_unit_is_active(place->unit) || !iommu_place_is_used(place))
		return false;
	*id = __atomic_load_n(&place->id, __ATOMIC_ACQUIRE);
	return true;
}

/*
 * After a full fence: is this the domain's only place, is it live, is nothing of its unit open, and
 * no use to be told by itself? Then one command under this id does what iommu_placed_tell would.
 */
static inline bool iommu_placed_is_at(const struct iommu_placed *domain,
				      const struct iommu_place *place, uint16_t *id)
{
	return __atomic_load_n(&domain->places, __ATOMIC_ACQUIRE) == place && place->next == NULL &&
	       iommu_place_is_live(place, id) && !iommu_unit_has_failed(place->unit) &&
	       __atomic_load_n(&domain->special_uses, __ATOMIC_RELAXED) == 0;
}

/* --- Uses: who depends on a domain's tables --------------------------------------------------- */

struct iommu_use;

/* A use in the list of a domain that it depends on; under the domain's lock. */
struct iommu_listing {
	struct iommu_list_node node;
	/* The list is in this order, and a number is never given twice. */
	uint64_t number;
	struct iommu_use *use;
	bool is_special;
};

/*
 * An endpoint that uses a domain: for its requests without a PASID (0) or those with this one.
 * Nested domains list it with their parent, too, on which it also depends.
 */
struct iommu_use {
	struct iommu_listing own, below;
	struct iommu_attached *user;
	struct iommu_placed *domain; /* NULL: not in use */
	uint32_t pasid;
	struct iommu_list_node link; /* with a PASID: in the endpoint's list */
};

/*
 * List a use with the domain, and with the parent that the domain is nested in. `is_special`: it
 * needs a command of its own; with a parent it always does.
 */
void iommu_use_begin(struct iommu_use *use, struct iommu_placed *domain, bool is_special);
void iommu_use_end(struct iommu_use *use);
/*
 * Visit the uses whose numbers are above *number, which goes along, under the domain's lock. The
 * visitor returns false when it has no room for this one: it is the first of the next call. Numbers
 * are not positions: no use is left out because one before it has ended meanwhile. False: these
 * were all.
 */
bool iommu_uses_visit(struct iommu_placed *domain, uint64_t *number,
		      bool (*visit)(void *ctx, const struct iommu_listing *listing), void *ctx);

/* --- The map path: as in iommu_domain_ops ----------------------------------------------------- */

/* Tell every place of a change; the first failure is the answer. */
int iommu_placed_tell(struct iommu_placed *domain, const struct iommu_change *change);
int iommu_placed_sync_map(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);
int iommu_placed_sync(struct iommu_domain *domain, struct iommu_gather *gather);
/* The same of a range, also of a domain without tables of its own. */
int iommu_placed_sync_range(struct iommu_placed *domain, iommu_iova_t start, iommu_iova_t last,
			    bool leaves_only);
int iommu_placed_sync_page(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);
int iommu_placed_flush_all(struct iommu_domain *domain);

#if IOMMU_CONFIG_SCALABLE
/* See struct iommu_domain_ops: of a domain whose format notes writes. */
int iommu_placed_read_dirty(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			    unsigned int flags, struct iommu_dirty_bitmap *bitmap,
			    struct iommu_gather *gather);
int iommu_placed_split(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		       uint64_t pgsize, struct iommu_gather *gather);
void iommu_placed_note_written(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);
/*
 * Forget what was noted; hardware, too, whatever an earlier attempt has cleared in the tables
 * alone.
 */
int iommu_placed_clean(struct iommu_placed *domain);
/*
 * Of a domain in which hardware notes writes from the first attach on: what was noted before they
 * are asked for is forgotten.
 */
int iommu_placed_set_dirty_tracking(struct iommu_placed *domain, bool enable);
#endif
void iommu_placed_free_gathered(struct iommu_domain *domain, struct iommu_gather *gather);
int iommu_placed_iova_to_phys(const struct iommu_domain *domain, iommu_iova_t iova,
			      iommu_paddr_t *paddr);
int iommu_placed_walk(const struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last,
		      iommu_pgtable_visitor visitor, void *ctx);

#if IOMMU_CONFIG_QUARANTINE
int iommu_placed_fill(struct iommu_domain *domain);
void iommu_placed_unfill(struct iommu_domain *domain);
#endif

/*
 * What all of these are in the operations of a domain with tables, by the functions that
 * unit/map_path.h makes for its format; and those for its dirty tracking.
 */
#if IOMMU_CONFIG_TABLE_TOOLS
#define IOMMU_WALK_OPERATIONS .walk = iommu_placed_walk,
#else
#define IOMMU_WALK_OPERATIONS
#endif
#if IOMMU_CONFIG_QUARANTINE
#define IOMMU_FILL_OPERATIONS .fill = iommu_placed_fill, .unfill = iommu_placed_unfill,
#else
#define IOMMU_FILL_OPERATIONS
#endif
#define IOMMU_TABLE_OPERATIONS(map, unmap)                                                         \
	.free = iommu_placed_free, .map_pages = (map), .unmap_pages = (unmap),                     \
	.sync_map = iommu_placed_sync_map, .sync = iommu_placed_sync,                              \
	.flush_all = iommu_placed_flush_all, .free_gathered = iommu_placed_free_gathered,          \
	.iova_to_phys = iommu_placed_iova_to_phys, IOMMU_WALK_OPERATIONS IOMMU_FILL_OPERATIONS
#if IOMMU_CONFIG_SCALABLE
#define IOMMU_DIRTY_OPERATIONS(set)                                                                \
	.set_dirty_tracking = (set), .read_dirty = iommu_placed_read_dirty,                        \
	.split = iommu_placed_split, .note_written = iommu_placed_note_written,
#else
#define IOMMU_DIRTY_OPERATIONS(set)
#endif

/* --- The end: control path -------------------------------------------------------------------- */

/*
 * The domain goes once no unit can reach it. One that must wait is emptied: what hardware still
 * reads of it leads to nothing that was mapped.
 */
void iommu_placed_free(struct iommu_domain *domain);
/* For `release`: its pages and tables, and its places. The family's structure is what is left. */
void iommu_placed_destroy(struct iommu_placed *domain, struct iommu_object_cache *cache);

#endif
