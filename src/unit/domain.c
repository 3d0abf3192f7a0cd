/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain on units: places, who is told of a change, and the end. */
#include "unit/domain.h"

#include <libiommu/status.h>

#include "base/atomic.h"

/* --- Places ----------------------------------------------------------------------------------- */

struct iommu_place *iommu_place_find(const struct iommu_placed *domain, const void *at)
{
	struct iommu_place *place = __atomic_load_n(&domain->places, __ATOMIC_ACQUIRE);

	while (place != NULL && place->at != at)
		place = place->next;
	return place;
}

struct iommu_place *iommu_place_get(struct iommu_placed *domain, struct iommu_object_cache *cache,
				    struct iommu_unit_state *unit, void *at)
{
	struct iommu_place *place = iommu_place_find(domain, at);

	if (place != NULL)
		return place;
	place = iommu_object_alloc(cache, 0);
	if (place == NULL)
		return NULL;
	place->unit = unit;
	place->at = at;
	place->next = domain->places;
	__atomic_store_n(&domain->places, place, __ATOMIC_RELEASE);
	return place;
}

void iommu_place_enter(struct iommu_place *place)
{
	__atomic_add_fetch(&place->users, 1, __ATOMIC_SEQ_CST);
	iommu_full_fence();
}

bool iommu_place_leave(struct iommu_place *place)
{
	return __atomic_sub_fetch(&place->users, 1, __ATOMIC_SEQ_CST) == 0;
}

/* --- Telling ---------------------------------------------------------------------------------- */

static int tell_place(struct iommu_placed *domain, const struct iommu_place *place,
		      const struct iommu_change *change)
{
	uint16_t id = 0;
	const bool is_live = iommu_place_is_live(place, &id);

	/* Also where it is not used any more, as far as hardware has confirmed. */
	if (iommu_unit_is_suspect(place->unit)) {
		const int status = domain->places_ops->tell_all(place);

		if (status != 0 || __atomic_load_n(&domain->special_uses, __ATOMIC_RELAXED) == 0)
			return status;
	}
	return is_live ? domain->places_ops->tell(domain, place, id, change) : 0;
}

#if IOMMU_CONFIG_POWER
/* Are there so many that everything of their unit goes at once? */
static bool are_many(const struct iommu_placed *domain, const struct iommu_place *place)
{
	unsigned int room = domain->places_ops->places_max;

	if (room == 0)
		return false;
	for (; place != NULL; place = place->next)
		if (iommu_place_is_used(place) && room-- == 0)
			return true;
	return false;
}

/*
 * A place that may be another domain's shows no mapping of this one; and what is unmapped here may
 * be reached where it leads.
 */
static bool is_astray(const struct iommu_placed *domain, const struct iommu_place *place,
		      bool is_map)
{
	enum iommu_place_doubt doubt = IOMMU_PLACE_IS_SURE;

	if (domain->places_ops->doubt != NULL && iommu_place_is_used(place))
		doubt = domain->places_ops->doubt(place);
	return doubt == IOMMU_PLACE_IS_ANYWHERE || (is_map && doubt != IOMMU_PLACE_IS_SURE);
}
#else
#define are_many(domain, place)          false
#define is_astray(domain, place, is_map) false
#endif

int iommu_placed_tell(struct iommu_placed *domain, const struct iommu_change *change)
{
	const struct iommu_place *place;
	bool are_told;
	int result = 0;

	iommu_full_fence();
	place = __atomic_load_n(&domain->places, __ATOMIC_ACQUIRE);
	are_told = are_many(domain, place);
	if (are_told)
		result = domain->places_ops->tell_all(place);
	for (; place != NULL; place = place->next) {
		int status = are_told ? 0 : tell_place(domain, place, change);

		if (status == 0 && is_astray(domain, place, change->is_map))
			status = IOMMU_EIO;
		if (result == 0)
			result = status;
	}
	return result;
}

int iommu_placed_sync_map(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	struct iommu_placed *domain = iommu_placed_of(base);
	const struct iommu_change change = {
		.start = iova, .last = iova + (size - 1), .is_map = true};

	return iommu_placed_tell(domain, &change);
}

static void free_pages(struct iommu_placed *domain, struct iommu_gather *gather)
{
	if (gather->freed != 0)
		domain->format->free_gathered(&domain->pgtable, gather);
	else
		iommu_gather_init(gather);
}

/* Not confirmed: whatever is told next is told together with it. */
static void withhold(struct iommu_placed *domain, struct iommu_gather *gather)
{
	iommu_withheld_pages_put(&domain->pages, domain->format, &domain->pgtable, gather);
}

int iommu_placed_sync(struct iommu_domain *base, struct iommu_gather *gather)
{
	struct iommu_placed *domain = iommu_placed_of(base);
	const bool any = iommu_withheld_pages_any(&domain->pages);
	struct iommu_change change;
	uint32_t version = 0;
	int status;

	if (any)
		version = iommu_withheld_pages_take(&domain->pages, domain->format,
						    &domain->pgtable, gather);
	change = (struct iommu_change){
		.start = gather->start,
		.last = gather->last,
		.leaves_only = !gather->tables_unlinked,
	};
	status = iommu_placed_tell(domain, &change);
	if (status != 0) {
		withhold(domain, gather);
		return status;
	}
	if (any)
		iommu_withheld_pages_confirmed(&domain->pages, domain->platform, version);
	free_pages(domain, gather);
	return 0;
}

int iommu_placed_sync_range(struct iommu_placed *domain, iommu_iova_t start, iommu_iova_t last,
			    bool leaves_only)
{
	struct iommu_gather gather = {.start = start,
				      .last = last,
				      .pgsize = IOMMU_PAGE_SIZE,
				      .tables_unlinked = !leaves_only};

	return iommu_placed_sync(&domain->base, &gather);
}

#if IOMMU_CONFIG_ONE_PAGE
int iommu_placed_sync_page(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	struct iommu_placed *domain = iommu_placed_of(base);
	const struct iommu_change change = {
		.start = iova, .last = iova + (size - 1), .leaves_only = true};
	const struct iommu_place *place = __atomic_load_n(&domain->places, __ATOMIC_ACQUIRE);
	int status = IOMMU_EAGAIN;

	if (__builtin_expect(!iommu_withheld_pages_any(&domain->pages), 1) && place != NULL &&
	    domain->places_ops->tell_page != NULL)
		status = domain->places_ops->tell_page(domain, place, &change);
	/* It tells no device: what it has failed to tell its unit, the unit makes good. */
	if (__builtin_expect(status != IOMMU_EAGAIN, 1))
		return status;
	return iommu_placed_sync_range(domain, change.start, change.last, true);
}
#endif

int iommu_placed_flush_all(struct iommu_domain *base)
{
	/* A first stage has an upper half, too. */
	const iommu_iova_t last = IOMMU_CONFIG_SCALABLE && base->stage == IOMMU_STAGE_FIRST
					  ? UINT64_MAX
					  : base->aperture_last;

	return iommu_placed_sync_range(iommu_placed_of(base), 0, last, false);
}

void iommu_placed_free_gathered(struct iommu_domain *base, struct iommu_gather *gather)
{
	free_pages(iommu_placed_of(base), gather);
}

int iommu_placed_iova_to_phys(const struct iommu_domain *base, iommu_iova_t iova,
			      iommu_paddr_t *paddr)
{
	const struct iommu_placed *domain = iommu_placed_of(base);

	return domain->format->iova_to_phys(&domain->pgtable, iova, paddr, NULL);
}

#if IOMMU_CONFIG_TABLE_TOOLS
int iommu_placed_walk(const struct iommu_domain *base, iommu_iova_t start, iommu_iova_t last,
		      iommu_pgtable_visitor visitor, void *ctx)
{
	const struct iommu_placed *domain = iommu_placed_of(base);

	return domain->format->walk(&domain->pgtable, start, last, visitor, ctx);
}
#endif

#if IOMMU_CONFIG_QUARANTINE
int iommu_placed_fill(struct iommu_domain *base)
{
	struct iommu_placed *domain = iommu_placed_of(base);

	return domain->format->fill(&domain->pgtable);
}

void iommu_placed_unfill(struct iommu_domain *base)
{
	struct iommu_placed *domain = iommu_placed_of(base);

	domain->format->unfill(&domain->pgtable);
}
#endif

/* --- Uses ------------------------------------------------------------------------------------- */

/* Without device TLBs and PASIDs nothing has to be said for a use alone, and none is listed. */
#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE

static void enlist(struct iommu_listing *listing, struct iommu_placed *domain,
		   struct iommu_use *use, bool is_special)
{
	uintptr_t state = iommu_spin_lock(domain->platform, &domain->lock);

	listing->use = use;
	listing->is_special = is_special;
	listing->number = ++domain->use_numbers;
	iommu_list_insert(&domain->uses, &listing->node);
	if (is_special)
		__atomic_add_fetch(&domain->special_uses, 1, __ATOMIC_SEQ_CST);
	iommu_spin_unlock(domain->platform, &domain->lock, state);
}

static void delist(struct iommu_listing *listing, struct iommu_placed *domain)
{
	uintptr_t state = iommu_spin_lock(domain->platform, &domain->lock);

	iommu_list_remove(&listing->node);
	if (listing->is_special)
		__atomic_sub_fetch(&domain->special_uses, 1, __ATOMIC_SEQ_CST);
	iommu_spin_unlock(domain->platform, &domain->lock, state);
}

#else
#define enlist(listing, domain, use, is_special) ((void)(is_special))
#define delist(listing, domain)                  ((void)0)
#endif

void iommu_use_begin(struct iommu_use *use, struct iommu_placed *domain, bool is_special)
{
	use->domain = domain;
	if (iommu_placed_parent(domain) != NULL)
		enlist(&use->below, domain->parent, use, true);
	enlist(&use->own, domain, use, is_special);
}

void iommu_use_end(struct iommu_use *use)
{
	struct iommu_placed *domain = use->domain;

	delist(&use->own, domain);
	if (iommu_placed_parent(domain) != NULL)
		delist(&use->below, domain->parent);
	use->domain = NULL;
}

#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
bool iommu_uses_visit(struct iommu_placed *domain, uint64_t *number,
		      bool (*visit)(void *ctx, const struct iommu_listing *listing), void *ctx)
{
	uintptr_t state = iommu_spin_lock(domain->platform, &domain->lock);
	struct iommu_list_node *node;
	bool more = false;

	iommu_list_for_each (node, &domain->uses) {
		const struct iommu_listing *listing =
			iommu_container_of(node, struct iommu_listing, node);

		if (listing->number <= *number)
			continue;
		more = !visit(ctx, listing);
		if (more)
			break;
		*number = listing->number;
	}
	iommu_spin_unlock(domain->platform, &domain->lock, state);
	return more;
}
#endif

/* --- Life ------------------------------------------------------------------------------------- */

/* Might a unit that the domain was attached to still walk its tables? */
static bool is_reachable(const struct iommu_withheld *end)
{
	const struct iommu_placed *domain =
		iommu_container_of((uintptr_t)end, struct iommu_placed, end);
	const struct iommu_place *place;

	for (place = domain->places; place != NULL; place = place->next)
		if (iommu_unit_is_suspect(place->unit))
			return true;
	return false;
}

/* --- What devices have written ---------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

int iommu_placed_read_dirty(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
			    unsigned int flags, struct iommu_dirty_bitmap *bitmap,
			    struct iommu_gather *gather)
{
	struct iommu_placed *domain = iommu_placed_of(base);

	if (!domain->notes_writes)
		return IOMMU_EINVAL;
	return domain->format->read_dirty(&domain->pgtable, iova, size, flags, bitmap, gather);
}

int iommu_placed_split(struct iommu_domain *base, iommu_iova_t iova, uint64_t size, uint64_t pgsize,
		       struct iommu_gather *gather)
{
	struct iommu_placed *domain = iommu_placed_of(base);

	return domain->format->split(&domain->pgtable, iova, size, pgsize, gather);
}

void iommu_placed_note_written(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	struct iommu_placed *domain = iommu_placed_of(base);

	domain->format->note_written(&domain->pgtable, iova, size);
}

int iommu_placed_clean(struct iommu_placed *domain)
{
	struct iommu_gather gather;
	int status;

	iommu_gather_init(&gather);
	status = domain->format->read_dirty(&domain->pgtable, 0, domain->pgtable.aperture_last + 1,
					    0, NULL, &gather);
	return status != 0 ? status : iommu_placed_flush_all(&domain->base);
}

int iommu_placed_set_dirty_tracking(struct iommu_placed *domain, bool enable)
{
	const int status = enable && !domain->notes_writes ? iommu_placed_clean(domain) : 0;

	if (status == 0)
		domain->notes_writes = enable;
	return status;
}

#endif

/* --- Life ------------------------------------------------------------------------------------- */

static void placed_release(struct iommu_withheld *end)
{
	struct iommu_placed *domain = iommu_container_of(end, struct iommu_placed, end);

	domain->release(domain);
}

void iommu_placed_init(struct iommu_placed *domain, const struct iommu_place_ops *ops,
		       const struct iommu_platform *platform, struct iommu_unit_set *set,
		       void (*release_domain)(struct iommu_placed *domain))
{
	domain->places_ops = ops;
	domain->platform = platform;
	domain->set = set;
	domain->base.tells_of_maps = &set->tells_of_maps;
	domain->end.is_reachable = is_reachable;
	domain->end.release = placed_release;
	domain->release = release_domain;
	/* Also of a domain without tables: of a range that is withheld. */
	domain->pgtable.platform = platform;
	iommu_gather_init(&domain->pages.gather);
	iommu_list_init(&domain->uses);
}

/* The pages of its tables go, if hardware confirms that it has forgotten them, or stay with it. */
static void empty(struct iommu_placed *domain)
{
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	(void)domain->base.ops->unmap_pages(&domain->base, 0, domain->pgtable.aperture_last + 1, 0,
					    &gather, NULL);
	(void)iommu_placed_sync(&domain->base, &gather);
}

void iommu_placed_free(struct iommu_domain *base)
{
	struct iommu_placed *domain = iommu_placed_of(base);

	if (iommu_placed_has_table(domain) && is_reachable(&domain->end))
		empty(domain);
	iommu_withhold(domain->set, &domain->end);
}

void iommu_placed_destroy(struct iommu_placed *domain, struct iommu_object_cache *cache)
{
	while (domain->places != NULL) {
		struct iommu_place *place = domain->places;

		domain->places = place->next;
		iommu_object_free(cache, place);
	}
	if (!iommu_placed_has_table(domain))
		return;
	domain->format->free_gathered(&domain->pgtable, &domain->pages.gather);
	domain->format->destroy(&domain->pgtable);
}
