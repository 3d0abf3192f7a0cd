/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IO address spaces: map, copy, and lookup of areas. Unmap is in unmap.c.
 *
 * An area is found under ioas->lock. The call that maps it owns it while it is NEW, the call that
 * unmaps it while it is busy; in between it is LIVE and may be unmapped whenever the lock is not
 * held, unless it is pinned.
 */
#include "ioas/ioas.h"

#define PAGE_MASK     (IOMMU_PAGE_SIZE - 1)
#define ALIGNMENT_MAX (1ULL << 30)
#define LARGE_PAGE    (1ULL << 21)
#define KNOWN_FLAGS   ((unsigned int)(IOMMU_IOAS_FIXED | IOMMU_PROT_READ_WRITE))
#define EVERYTHING    UINT64_MAX

/* --- Life ------------------------------------------------------------------------------------- */

/*
 * What an empty space has: room for areas, and the batch that takes them out again whatever becomes
 * of memory.
 */
static int prepare(struct iommu_ioas *ioas)
{
	const struct iommu_iova_config config = {.platform = ioas->object.file->platform,
						 .granule = IOMMU_PAGE_SIZE,
						 .first = 0,
						 .last = UINT64_MAX >> IOMMU_PAGE_SHIFT};
	int status;

	ioas->spare = iommu_batch_make(ioas->object.file, 0);
	if (ioas->spare == NULL)
		return IOMMU_ENOMEM;
	ioas->spare->is_spare = true;
	status = iommu_iova_space_create(&config, &ioas->areas);
	if (status != 0)
		iommu_batch_free(ioas->object.file, ioas->spare);
	return status;
}

int iommu_ioas_alloc(struct iommu_file *file, unsigned int flags, uint32_t *id)
{
	struct ioas_object *object;
	struct iommu_ioas *ioas;
	int status;

	if ((flags & ~(unsigned int)(IOMMU_IOAS_SPLIT | IOMMU_IOAS_SMALL_PAGES)) != 0)
		return iommu_file_refuse_now(
			file, IOMMU_CALL, 0, IOMMU_EOPNOTSUPP,
			IOMMU_WHY("flags that an address space does not have"));
	iommu_file_lock(file);
	status = iommu_object_new(file, IOMMU_OBJECT_IOAS, &object);
	if (status == 0) {
		ioas = iommu_ioas_of(object);
		ioas->flags = flags;
		ioas->alignment = IOMMU_PAGE_SIZE;
		iommu_list_init(&ioas->hwpts);
		iommu_list_init(&ioas->leaving);
		iommu_list_init(&ioas->accesses);
		status = iommu_object_finish(object, prepare(ioas), id);
	}
	return iommu_file_end(file, IOMMU_CALL, status);
}

int iommu_ioas_destroy(struct ioas_object *object)
{
	struct iommu_ioas *ioas = iommu_ioas_of(object);
	uint64_t unused;
	int status = iommu_ioas_take_out(ioas, 0, EVERYTHING, &unused);

	if (status != 0 && status != IOMMU_ENOENT)
		return status;
	iommu_ranges_free(ioas);
	iommu_iova_space_destroy(ioas->areas);
	iommu_batch_free(object->file, ioas->spare);
	return 0;
}

/* --- Areas: made, dropped ---------------------------------------------------------------- */

void iommu_area_drop(struct ioas_area *area)
{
	struct iommu_ioas *ioas = area->ioas;
	const struct iommu_platform *platform = ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);

	iommu_iova_remove(ioas->areas, &area->range);
	iommu_spin_unlock(platform, &ioas->lock, state);
	iommu_area_free(area);
}

void iommu_area_set_state(struct ioas_area *area, enum ioas_area_state to)
{
	struct iommu_ioas *ioas = area->ioas;
	const struct iommu_platform *platform = ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);

	area->state = to;
	area->busy = false;
	iommu_spin_unlock(platform, &ioas->lock, state);
}

/*
 * Map an area that has its place; if that fails it goes again, as soon as hardware has forgotten
 * it.
 */
static int start(struct ioas_area *area)
{
	int status, left = 0;

	iommu_pages_lock(area->pages);
	status = iommu_area_fill(area);
	if (status != 0)
		left = iommu_area_empty(area);
	iommu_pages_unlock(area->pages);
	if (status == 0) {
		iommu_area_set_state(area, IOAS_AREA_LIVE);
		return 0;
	}
	if (left == 0) {
		iommu_area_drop(area);
		return status;
	}
	iommu_area_set_state(area, IOAS_AREA_OLD);
	return left;
}

/* --- Map -------------------------------------------------------------------------------------- */

static int check_request(const struct iommu_ioas *ioas, uint64_t address, uint64_t size,
			 unsigned int flags, iommu_iova_t iova, const char **why)
{
	const uint64_t mask = ioas->alignment - 1;

	if ((flags & ~KNOWN_FLAGS) != 0)
		return ioas_because(why, IOMMU_EOPNOTSUPP, IOMMU_WHY("unknown flags"));
	if (size == 0)
		return ioas_because(why, IOMMU_EINVAL, IOMMU_WHY("the size is 0"));
	if (((size | address) & mask) != 0)
		return ioas_because(
			why, IOMMU_EINVAL,
			IOMMU_WHY("size or source are not aligned to the space's smallest page"));
	if ((flags & IOMMU_PROT_READ_WRITE) == 0)
		return ioas_because(why, IOMMU_EINVAL,
				    IOMMU_WHY("neither IOMMU_IOAS_READ nor IOMMU_IOAS_WRITE"));
	if (size - 1 > UINT64_MAX - address)
		return ioas_because(why, IOMMU_EOVERFLOW, IOMMU_WHY("source plus size wraps"));
	if ((flags & IOMMU_IOAS_FIXED) == 0)
		return 0;
	if ((iova & mask) != 0)
		return ioas_because(
			why, IOMMU_EINVAL,
			IOMMU_WHY("the address is not aligned to the space's smallest page"));
	return size - 1 <= UINT64_MAX - iova
		       ? 0
		       : ioas_because(why, IOMMU_EOVERFLOW,
				      IOMMU_WHY("the address plus the size wraps"));
}

const char *iommu_ioas_why_not_mapped(int status)
{
	switch (status) {
	case IOMMU_EEXIST:
		return IOMMU_WHY("something is mapped in the range already");
	case IOMMU_ENOSPC:
		return IOMMU_WHY(
			"there is no free range of this size among those that are allowed");
	case IOMMU_ENOMEM:
		return IOMMU_WHY("no memory, or a limit of the file: pins, tables or metadata");
	case IOMMU_EFAULT:
		return IOMMU_WHY(
			"the backing does not have this memory, or an HWPT cannot reach it");
	case IOMMU_ERANGE:
		return IOMMU_WHY("an HWPT cannot translate the address, or reach the memory");
	default:
		return "";
	}
}

static int not_mapped(struct iommu_file *file, const char *call, uint32_t id, int status,
		      const char *why)
{
	return iommu_file_refuse_now(file, call, id, status,
				     why[0] != '\0' ? why : iommu_ioas_why_not_mapped(status));
}

/* As the size, up to 1 GiB, as far as the backing's address is aligned to it. */
static uint64_t alignment_for(const struct iommu_ioas *ioas, uint64_t address, uint64_t size)
{
	uint64_t alignment = IOMMU_PAGE_SIZE;

	while (alignment < size && alignment < ALIGNMENT_MAX)
		alignment <<= 1;
	while (alignment > IOMMU_PAGE_SIZE && (address & (alignment - 1)) != 0)
		alignment >>= 1;
	return alignment > ioas->alignment ? alignment : ioas->alignment;
}

/*
 * The lowest place that is aligned as well as can be: for large pages of each size, or for none.
 * Locked.
 */
static int place_anywhere(struct iommu_ioas *ioas, uint64_t address, uint64_t size,
			  struct iommu_iova_range *range)
{
	uint64_t alignment = alignment_for(ioas, address, size);
	int status = iommu_ioas_place(ioas, size, alignment, range);

	while (status == IOMMU_ENOSPC && alignment > ioas->alignment) {
		alignment = alignment > LARGE_PAGE && ioas->alignment < LARGE_PAGE
				    ? LARGE_PAGE
				    : ioas->alignment;
		status = iommu_ioas_place(ioas, size, alignment, range);
	}
	return status;
}

/* Give an area its place. */
static int place(struct ioas_area *area, uint64_t address, uint64_t size, unsigned int flags,
		 iommu_iova_t iova, const char **why)
{
	struct iommu_ioas *ioas = area->ioas;
	const struct iommu_platform *platform = ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);
	int status = check_request(ioas, address, size, flags, iova, why);

	if (status == 0 && (flags & IOMMU_IOAS_FIXED) == 0)
		status = place_anywhere(ioas, address, size, &area->range);
	else if (status == 0 && iommu_ioas_is_reserved(ioas, iova, iova + (size - 1)))
		status = ioas_because(why, IOMMU_EINVAL,
				      IOMMU_WHY("the range touches addresses that are reserved"));
	else if (status == 0)
		status = iommu_iova_place_at(ioas->areas, iova >> IOMMU_PAGE_SHIFT,
					     (iova + (size - 1)) >> IOMMU_PAGE_SHIFT, &area->range);
	iommu_spin_unlock(platform, &ioas->lock, state);
	return status;
}

/* Flags of a call are the permissions of a table, and what is only the call's beside them. */
static unsigned int prot_of(unsigned int flags)
{
	_Static_assert(((unsigned int)IOMMU_IOAS_FIXED &
			(unsigned int)(IOMMU_PROT_READ_WRITE | IOMMU_PROT_HINTS)) == 0,
		       "no flag of a call is a permission or a hint");
	return flags & (unsigned int)IOMMU_PROT_READ_WRITE;
}

/* An area of these pages, mapped; inside the gate. */
static int space_map_pages(struct iommu_ioas *ioas, struct ioas_pages *pages, uint64_t page,
			   uint64_t size, unsigned int flags, iommu_iova_t *iova, const char **why)
{
	const uint64_t address = pages->backing.address + (page << IOMMU_PAGE_SHIFT);
	struct ioas_area *area;
	iommu_iova_t placed;
	int status;

	area = iommu_area_new(ioas, pages, page, prot_of(flags), &status);
	if (area == NULL)
		return ioas_because(why, status,
				    status == IOMMU_ENOSPC
					    ? IOMMU_WHY("the file has as many areas as its limit")
					    : "");
	status = place(area, address, size, flags, *iova, why);
	if (status != 0) {
		iommu_area_free(area);
		return status;
	}
	placed = iommu_area_iova(area);
	status = start(area);
	if (status == 0)
		*iova = placed;
	return status;
}

int iommu_backing_check(const struct iommu_backing *backing, const char **why)
{
	if (backing->ops == NULL || backing->ops->pin == NULL || backing->ops->unpin == NULL)
		return ioas_because(why, IOMMU_EINVAL,
				    IOMMU_WHY("the backing has no pin or no unpin"));
	return (backing->ops->flags & ~(unsigned int)IOMMU_BACKING_MMIO) == 0
		       ? 0
		       : ioas_because(why, IOMMU_EOPNOTSUPP,
				      IOMMU_WHY("unknown flags of the backing"));
}

static int map(struct iommu_ioas *ioas, const struct iommu_backing *backing, uint64_t size,
	       unsigned int flags, iommu_iova_t *iova, const char **why)
{
	struct ioas_pages *pages;
	int status;

	iommu_gate_enter(ioas);
	status = check_request(ioas, backing->address, size, flags, *iova, why);
	if (status == 0)
		status = iommu_backing_check(backing, why);
	if (status == 0 && ioas->draining)
		status = ioas_because(why, IOMMU_EBUSY, IOMMU_WHY(IOAS_DRAINING));
	if (status == 0) {
		/* Memory that may be written is pinned so from the first: an access may want to. */
		pages = iommu_pages_new(ioas->object.file, backing, size >> IOMMU_PAGE_SHIFT,
					prot_of(flags));
		status = IOMMU_ENOMEM;
		if (pages != NULL) {
			status = space_map_pages(ioas, pages, 0, size, flags, iova, why);
			iommu_pages_put(pages);
		}
	}
	iommu_gate_leave(ioas);
	return status;
}

static int map_in(struct iommu_file *file, uint32_t id, const struct iommu_backing *backing,
		  uint64_t size, unsigned int flags, iommu_iova_t *iova, const char **why)
{
	struct ioas_object *object;
	int status;

	*why = "";
	object = iommu_object_visit(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object == NULL)
		return ioas_because(why, status, iommu_object_missing(status));
	status = map(iommu_ioas_of(object), backing, size, flags, iova, why);
	iommu_object_leave(object);
	return status;
}

int iommu_ioas_map(struct iommu_file *file, uint32_t id, const struct iommu_backing *backing,
		   uint64_t size, unsigned int flags, iommu_iova_t *iova)
{
	/* Read once: another thread may write to what the caller passes. */
	const struct iommu_backing own = *backing;
	const char *why;
	int status = map_in(file, id, &own, size, flags, iova, &why);

	/* Tables that were used up by what is gone do not count against it. */
	if (status == IOMMU_ENOMEM && iommu_ioas_trim(file, id))
		status = map_in(file, id, &own, size, flags, iova, &why);
	return status == 0 ? 0 : not_mapped(file, IOMMU_CALL, id, status, why);
}

/* --- Copy ------------------------------------------------------------------------------------- */

/* A part of what is copied: pages, held while it is. */
struct part {
	struct ioas_pages *pages;
	uint64_t page, count;
};

/* The part at a page, no longer than `limit`; its pages do not go. IOMMU_ENOENT: a hole. */
static int find_part(struct iommu_ioas *ioas, uint64_t at, uint64_t limit, unsigned int prot,
		     struct part *part, const char **why)
{
	const struct iommu_platform *platform = ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);
	const struct ioas_area *area = iommu_area_from(ioas, at);
	int status = 0;

	if (area == NULL || area->range.first > at || area->state != IOAS_AREA_LIVE)
		status = ioas_because(why, IOMMU_ENOENT,
				      IOMMU_WHY("part of the source range is not mapped"));
	else if ((prot & ~area->pages->prot) != 0)
		status = ioas_because(
			why, IOMMU_EPERM,
			IOMMU_WHY("the source was not mapped to be written to at first"));
	else {
		const uint64_t left = area->range.last - at + 1;

		*part = (struct part){area->pages, area->page + (at - area->range.first),
				      left < limit ? left : limit};
		__atomic_add_fetch(&area->pages->areas, 1, __ATOMIC_RELAXED);
	}
	iommu_spin_unlock(platform, &ioas->lock, state);
	return status;
}

/* The whole range: all of it is there; *address: where its memory begins. */
static int measure(struct iommu_ioas *from, uint64_t at, uint64_t pages, unsigned int prot,
		   uint64_t *address, const char **why)
{
	const uint64_t first = at;

	while (pages != 0) {
		struct part part;
		int status = find_part(from, at, pages, prot, &part, why);

		if (status != 0)
			return status;
		if (at == first)
			*address = part.pages->backing.address + (part.page << IOMMU_PAGE_SHIFT);
		at += part.count;
		pages -= part.count;
		iommu_pages_put(part.pages);
	}
	return 0;
}

/* To a place that is given, inside both gates: an area for each that is copied, all or none. */
static int copy(struct iommu_ioas *to, struct iommu_ioas *from, iommu_iova_t from_iova,
		uint64_t size, unsigned int flags, iommu_iova_t iova, const char **why)
{
	uint64_t at = from_iova >> IOMMU_PAGE_SHIFT;
	uint64_t pages = size >> IOMMU_PAGE_SHIFT;
	uint64_t done = 0, unused;
	int status = 0, left = 0;

	while (pages != 0 && status == 0) {
		iommu_iova_t next = iova + done;
		struct part part;

		status = find_part(from, at, pages, prot_of(flags), &part, why);
		if (status != 0)
			break;
		status = space_map_pages(to, part.pages, part.page, part.count << IOMMU_PAGE_SHIFT,
					 flags, &next, why);
		iommu_pages_put(part.pages);
		if (status != 0)
			break;
		done += part.count << IOMMU_PAGE_SHIFT;
		at += part.count;
		pages -= part.count;
	}
	if (status != 0 && done != 0)
		left = iommu_ioas_take_out(to, iova, done, &unused);
	return left != 0 ? left : status;
}

/*
 * A place for the whole, where none was asked for: found, and left again; another call may be
 * there first.
 */
static int find_place(struct iommu_ioas *ioas, uint64_t address, uint64_t size, iommu_iova_t *iova)
{
	const struct iommu_platform *platform = ioas->object.file->platform;
	struct iommu_iova_range range;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);
	int status = place_anywhere(ioas, address, size, &range);

	if (status == 0) {
		*iova = range.first << IOMMU_PAGE_SHIFT;
		iommu_iova_remove(ioas->areas, &range);
	}
	iommu_spin_unlock(platform, &ioas->lock, state);
	return status;
}

static int copy_in_gates(struct iommu_ioas *to, struct iommu_ioas *from, iommu_iova_t from_iova,
			 uint64_t size, unsigned int flags, iommu_iova_t *iova, const char **why)
{
	const bool is_fixed = (flags & IOMMU_IOAS_FIXED) != 0;
	iommu_iova_t place = *iova;
	uint64_t address = 0;
	int status = check_request(to, from_iova, size, flags, *iova, why);

	if (status == 0 && (to->draining || from->draining))
		status = ioas_because(why, IOMMU_EBUSY, IOMMU_WHY(IOAS_DRAINING));
	if (status == 0)
		status = measure(from, from_iova >> IOMMU_PAGE_SHIFT, size >> IOMMU_PAGE_SHIFT,
				 prot_of(flags), &address, why);
	/* A place that was taken in between is looked for again. */
	while (status == 0) {
		if (!is_fixed)
			status = find_place(to, address, size, &place);
		if (status == 0)
			status = copy(to, from, from_iova, size, flags | IOMMU_IOAS_FIXED, place,
				      why);
		if (status == 0) {
			*iova = place;
			return 0;
		}
		if (is_fixed || status != IOMMU_EEXIST)
			return status;
		status = 0;
	}
	return status;
}

/* What is copied. */
struct source {
	uint32_t id; /* of an IOAS */
	iommu_iova_t iova;
	uint64_t size;
};

static int copy_in(struct iommu_file *file, uint32_t to_id, const struct source *source,
		   unsigned int flags, iommu_iova_t *iova, const char **why)
{
	struct ioas_object *to, *from;
	int status;

	*why = "";
	to = iommu_object_visit(file, to_id, IOMMU_OBJECT_IOAS, &status);
	if (to == NULL)
		return ioas_because(why, status, iommu_object_missing(status));
	from = iommu_object_visit(file, source->id, IOMMU_OBJECT_IOAS, &status);
	if (from != NULL) {
		iommu_gate_enter_both(iommu_ioas_of(to), iommu_ioas_of(from));
		status = copy_in_gates(iommu_ioas_of(to), iommu_ioas_of(from), source->iova,
				       source->size, flags, iova, why);
		iommu_gate_leave(iommu_ioas_of(from));
		iommu_gate_leave(iommu_ioas_of(to));
		iommu_object_leave(from);
	} else {
		status = ioas_because(
			why, status,
			IOMMU_WHY("the id of the source is not one of an address space"));
	}
	iommu_object_leave(to);
	return status;
}

int iommu_ioas_copy(struct iommu_file *file, uint32_t to, uint32_t from, iommu_iova_t from_iova,
		    uint64_t size, unsigned int flags, iommu_iova_t *iova)
{
	const struct source source = {from, from_iova, size};
	const char *why;
	int status = copy_in(file, to, &source, flags, iova, &why);

	if (status == IOMMU_ENOMEM && iommu_ioas_trim(file, to))
		status = copy_in(file, to, &source, flags, iova, &why);
	return status == 0 ? 0 : not_mapped(file, IOMMU_CALL, to, status, why);
}

/* --- Looking ---------------------------------------------------------------------------------- */

int iommu_ioas_next_area(struct iommu_file *file, uint32_t id, iommu_iova_t iova,
			 struct iommu_ioas_area *result)
{
	const struct ioas_area *area;
	struct ioas_object *object;
	struct iommu_ioas *ioas;
	uintptr_t state;
	int status;

	object = iommu_object_visit(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object == NULL)
		return iommu_file_refuse_now(file, IOMMU_CALL, id, status,
					     iommu_object_missing(status));
	ioas = iommu_ioas_of(object);
	/* Inside the gate: whose memory it is changes with all of them closed. */
	iommu_gate_enter(ioas);
	state = iommu_spin_lock(file->platform, &ioas->lock);
	area = iommu_area_from(ioas, iova >> IOMMU_PAGE_SHIFT);
	while (area != NULL && area->state != IOAS_AREA_LIVE)
		area = iommu_area_from(ioas, area->range.last + 1);
	if (area != NULL) {
		*result = (struct iommu_ioas_area){
			.iova = iommu_area_iova(area),
			.size = iommu_area_pages(area) << IOMMU_PAGE_SHIFT,
			.prot = area->prot,
			.backing = area->pages->backing,
			.pins = area->pins,
			.is_revoked = area->pages->state == IOAS_PAGES_REVOKED,
			.vaddr_unmapped = iommu_area_lacks_vaddr(area),
		};
		result->backing.address += area->page << IOMMU_PAGE_SHIFT;
	}
	iommu_spin_unlock(file->platform, &ioas->lock, state);
	iommu_gate_leave(ioas);
	iommu_object_leave(object);
	return area != NULL ? 0 : IOMMU_ENOENT;
}

/* --- Another owner of the memory -------------------------------------------------------------- */

/*
 * May all areas that are backed by `from` be backed by `to`? IOMMU_ENOENT: there is none. The gate
 * is closed.
 */
static int check_change(const struct iommu_ioas *ioas, const void *from, void *to)
{
	struct iommu_file *file = ioas->object.file;
	const struct ioas_area *area;
	bool any = false;

	for (area = iommu_area_from(ioas, 0); area != NULL;
	     area = iommu_area_from(ioas, area->range.last + 1)) {
		const struct iommu_backing *backing = &area->pages->backing;

		if (backing->ctx != from)
			continue;
		if (backing->ops->is_same == NULL)
			return iommu_file_refuse(
				file, "", IOMMU_EOPNOTSUPP,
				IOMMU_WHY("the backing cannot say whether its memory is the same"));
		if (!backing->ops->is_same(backing->ctx, to, backing->address,
					   area->pages->count << IOMMU_PAGE_SHIFT))
			return iommu_file_refuse(
				file, "", IOMMU_EINVAL,
				IOMMU_WHY("the new owner has other memory at an address"));
		any = true;
	}
	return any ? 0
		   : iommu_file_refuse(file, "", IOMMU_ENOENT,
				       IOMMU_WHY("no area has this backing"));
}

/* All areas that are backed by `from` are backed by `to`, or none. The gates are closed. */
static int change_backing(const struct iommu_ioas *ioas, const void *from, void *to)
{
	struct ioas_area *area;
	int status = check_change(ioas, from, to);

	if (status != 0)
		return status;
	for (area = iommu_area_from(ioas, 0); area != NULL;
	     area = iommu_area_from(ioas, area->range.last + 1)) {
		iommu_pages_lock(area->pages);
		if (area->pages->backing.ctx == from)
			area->pages->backing.ctx = to;
		iommu_pages_unlock(area->pages);
	}
	return 0;
}

int iommu_ioas_change_backing(struct iommu_file *file, uint32_t id, void *from, void *to)
{
	struct ioas_object *object;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object != NULL) {
		/* Copies in other spaces lead to the same memory; their users name its owner. */
		iommu_gates_close(file);
		status = change_backing(iommu_ioas_of(object), from, to);
		iommu_gates_open(file);
	}
	return iommu_file_end(file, IOMMU_CALL, status);
}
