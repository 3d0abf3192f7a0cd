/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Usable addresses of a space: what is reserved, and by which holders (one address perhaps by
 * several), what is allowed, and where there is room for an area.
 */
#include "ioas/ioas.h"

/* Neither address 0 nor the last page: what wraps there would not be noticed. */
#define FIRST_PLACE IOMMU_PAGE_SIZE
#define LAST_PLACE  (UINT64_MAX - IOMMU_PAGE_SIZE)

static struct ioas_range *range_of(struct ioas_interval *interval)
{
	return interval != NULL ? iommu_container_of(interval, struct ioas_range, interval) : NULL;
}

static bool has_area(const struct iommu_ioas *ioas, iommu_iova_t first, iommu_iova_t last)
{
	const struct iommu_iova_range *range =
		iommu_iova_find_from(ioas->areas, first >> IOMMU_PAGE_SHIFT);

	return range != NULL && range->first <= last >> IOMMU_PAGE_SHIFT;
}

bool iommu_ioas_is_reserved(const struct iommu_ioas *ioas, iommu_iova_t first, iommu_iova_t last)
{
	return iommu_interval_first(&ioas->reserved, first, last) != NULL;
}

bool iommu_ioas_find_reserved(struct iommu_ioas *ioas, struct iommu_iova_bounds *bounds)
{
	const struct iommu_platform *platform = ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);
	const struct ioas_interval *interval =
		iommu_interval_first(&ioas->reserved, bounds->first, bounds->last);

	if (interval != NULL)
		*bounds = (struct iommu_iova_bounds){interval->first, interval->last};
	iommu_spin_unlock(platform, &ioas->lock, state);
	return interval != NULL;
}

static struct ioas_range *range_new(struct iommu_file *file, const void *owner, iommu_iova_t first,
				    iommu_iova_t last)
{
	struct ioas_range *range = iommu_file_alloc(file, &file->range_cache);

	if (range != NULL)
		*range = (struct ioas_range){.interval = {.first = first, .last = last},
					     .owner = owner};
	return range;
}

int iommu_ioas_reserve(struct iommu_ioas *ioas, const void *owner, iommu_iova_t first,
		       iommu_iova_t last)
{
	struct iommu_file *file = ioas->object.file;
	struct ioas_range *range = range_new(file, owner, first, last);
	uintptr_t state;
	int status = 0;

	if (range == NULL)
		return IOMMU_ENOMEM;
	state = iommu_spin_lock(file->platform, &ioas->lock);
	if (has_area(ioas, first, last) ||
	    iommu_interval_first(&ioas->allowed, first, last) != NULL)
		status = iommu_file_refuse_object(
			file, iommu_object_id(&ioas->object), IOMMU_EADDRINUSE,
			IOMMU_WHY("addresses that the device must not use are mapped, or allowed"));
	else
		iommu_interval_insert(&ioas->reserved, &range->interval);
	iommu_spin_unlock(file->platform, &ioas->lock, state);
	if (status != 0)
		iommu_file_free(file, &file->range_cache, range);
	return status;
}

/* One range of an owner, out of the tree; NULL: there is none. Locked. */
static struct ioas_range *take_one_of(struct iommu_rb_tree *tree, const void *owner)
{
	struct ioas_interval *interval = iommu_interval_first(tree, 0, UINT64_MAX);

	while (interval != NULL && range_of(interval)->owner != owner)
		interval = iommu_interval_next(interval, 0, UINT64_MAX);
	if (interval != NULL)
		iommu_interval_remove(tree, interval);
	return range_of(interval);
}

static void free_all_of(struct iommu_ioas *ioas, struct iommu_rb_tree *tree, const void *owner)
{
	struct iommu_file *file = ioas->object.file;
	struct ioas_range *range;

	do {
		uintptr_t state = iommu_spin_lock(file->platform, &ioas->lock);

		range = take_one_of(tree, owner);
		iommu_spin_unlock(file->platform, &ioas->lock, state);
		if (range != NULL)
			iommu_file_free(file, &file->range_cache, range);
	} while (range != NULL);
}

void iommu_ioas_unreserve(struct iommu_ioas *ioas, const void *owner)
{
	free_all_of(ioas, &ioas->reserved, owner);
}

void iommu_ranges_free(struct iommu_ioas *ioas)
{
	free_all_of(ioas, &ioas->allowed, ioas);
}

/* --- Places ----------------------------------------------------------------------------------- */

/*
 * The lowest place in [first, last] that is free and not reserved, taken. Each turn begins behind
 * one more of the reserved ranges.
 */
static int place_between(struct iommu_ioas *ioas, struct iommu_iova_request *request,
			 iommu_iova_t first, iommu_iova_t last, struct iommu_iova_range *range)
{
	for (;;) {
		const struct ioas_interval *in_the_way;
		int status;

		request->lowest = ((first - 1) >> IOMMU_PAGE_SHIFT) + 1;
		request->limit = last >> IOMMU_PAGE_SHIFT;
		if ((last & (IOMMU_PAGE_SIZE - 1)) != IOMMU_PAGE_SIZE - 1) {
			if (request->limit == 0)
				return IOMMU_ENOSPC;
			request->limit--;
		}
		if (request->lowest > request->limit)
			return IOMMU_ENOSPC;
		status = iommu_iova_place(ioas->areas, request, range);
		if (status != 0)
			return status;
		in_the_way = iommu_interval_first(&ioas->reserved, range->first << IOMMU_PAGE_SHIFT,
						  range->last << IOMMU_PAGE_SHIFT |
							  (IOMMU_PAGE_SIZE - 1));
		if (in_the_way == NULL)
			return 0;
		iommu_iova_remove(ioas->areas, range);
		if (in_the_way->last >= last)
			return IOMMU_ENOSPC;
		first = in_the_way->last + 1;
	}
}

int iommu_ioas_place(struct iommu_ioas *ioas, uint64_t size, uint64_t alignment,
		     struct iommu_iova_range *range)
{
	struct iommu_iova_request request = {
		.size = size >> IOMMU_PAGE_SHIFT,
		.alignment = alignment >> IOMMU_PAGE_SHIFT,
		.flags = IOMMU_IOVA_BOTTOM_UP | IOMMU_IOVA_EXACT,
	};
	const struct ioas_interval *allowed = iommu_interval_first(&ioas->allowed, 0, UINT64_MAX);
	int status = IOMMU_ENOSPC;

	if (allowed == NULL)
		return place_between(ioas, &request, FIRST_PLACE, LAST_PLACE, range);
	for (; allowed != NULL && status == IOMMU_ENOSPC;
	     allowed = iommu_interval_next(allowed, 0, UINT64_MAX)) {
		const iommu_iova_t first =
			allowed->first > FIRST_PLACE ? allowed->first : FIRST_PLACE;
		const iommu_iova_t last = allowed->last < LAST_PLACE ? allowed->last : LAST_PLACE;

		if (first <= last)
			status = place_between(ioas, &request, first, last, range);
	}
	return status;
}

/* --- The public side -------------------------------------------------------------------------- */

/* The gap of what is reserved that begins at or after *at; false: there is none. Locked. */
static bool next_gap(const struct iommu_ioas *ioas, iommu_iova_t *at, struct iommu_iova_bounds *gap)
{
	const struct ioas_interval *reserved;

	/* Over whatever touches this address. */
	while ((reserved = iommu_interval_first(&ioas->reserved, *at, *at)) != NULL) {
		if (reserved->last == UINT64_MAX)
			return false;
		*at = reserved->last + 1;
	}
	gap->first = *at;
	reserved = iommu_interval_first(&ioas->reserved, *at, UINT64_MAX);
	gap->last = reserved != NULL ? reserved->first - 1 : UINT64_MAX;
	return true;
}

int iommu_ioas_get_ranges(struct iommu_file *file, uint32_t id, struct iommu_iova_bounds *ranges,
			  unsigned int capacity, unsigned int *count, uint64_t *alignment)
{
	struct iommu_iova_bounds gap;
	struct ioas_object *object;
	struct iommu_ioas *ioas;
	iommu_iova_t at = 0;
	uintptr_t state;
	int status;

	*count = 0;
	object = iommu_object_visit(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object == NULL)
		return iommu_file_refuse_now(file, IOMMU_CALL, id, status,
					     iommu_object_missing(status));
	ioas = iommu_ioas_of(object);
	state = iommu_spin_lock(file->platform, &ioas->lock);
	while (next_gap(ioas, &at, &gap)) {
		if (*count < capacity)
			ranges[*count] = gap;
		++*count;
		if (gap.last == UINT64_MAX)
			break;
		at = gap.last + 1;
	}
	if (alignment != NULL)
		*alignment = ioas->alignment;
	iommu_spin_unlock(file->platform, &ioas->lock, state);
	iommu_object_leave(object);
	return *count <= capacity ? 0 : IOMMU_ENOSPC;
}

static void free_list(struct iommu_file *file, struct ioas_range *list)
{
	while (list != NULL) {
		struct ioas_range *range = list;

		list = range->next;
		iommu_file_free(file, &file->range_cache, range);
	}
}

/* The ranges as a tree, and as a list to free them by. */
static int make_allowed(struct iommu_ioas *ioas, const struct iommu_iova_bounds *ranges,
			unsigned int count, struct iommu_rb_tree *tree, struct ioas_range **list,
			const char **why)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct iommu_iova_bounds bounds = ranges[i];
		struct ioas_range *range;

		if (bounds.first >= bounds.last)
			return ioas_because(
				why, IOMMU_EINVAL,
				IOMMU_WHY("a range does not end behind its first address"));
		if (iommu_interval_first(tree, bounds.first, bounds.last) != NULL)
			return ioas_because(why, IOMMU_EINVAL, IOMMU_WHY("two ranges overlap"));
		range = range_new(ioas->object.file, ioas, bounds.first, bounds.last);
		if (range == NULL)
			return IOMMU_ENOMEM;
		range->next = *list;
		*list = range;
		iommu_interval_insert(tree, &range->interval);
	}
	return 0;
}

static int allow(struct iommu_file *file, uint32_t id, const struct iommu_iova_bounds *ranges,
		 unsigned int count, const char **why)
{
	struct iommu_rb_tree tree = {NULL}, before;
	struct ioas_range *list = NULL;
	struct ioas_object *object;
	struct iommu_ioas *ioas;
	uintptr_t state;
	int status;

	object = iommu_object_visit(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object == NULL)
		return ioas_because(why, status, iommu_object_missing(status));
	ioas = iommu_ioas_of(object);
	status = file->limits.allowed_ranges != 0 && count > file->limits.allowed_ranges
			 ? ioas_because(why, IOMMU_ENOSPC,
					IOMMU_WHY("more ranges than the file's limit"))
			 : make_allowed(ioas, ranges, count, &tree, &list, why);
	if (status != 0) {
		free_list(file, list);
		iommu_object_leave(object);
		return status;
	}
	state = iommu_spin_lock(file->platform, &ioas->lock);
	/* As they were read, once: another thread may write to what the caller passes. */
	for (const struct ioas_range *range = list; range != NULL && status == 0;
	     range = range->next)
		if (iommu_ioas_is_reserved(ioas, range->interval.first, range->interval.last))
			status = ioas_because(
				why, IOMMU_EADDRINUSE,
				IOMMU_WHY("a range touches addresses that are reserved"));
	before = ioas->allowed;
	if (status == 0)
		ioas->allowed = tree;
	iommu_spin_unlock(file->platform, &ioas->lock, state);
	if (status == 0) {
		struct ioas_interval *interval;

		/* Those from before, which are not seen any more. */
		while ((interval = iommu_interval_first(&before, 0, UINT64_MAX)) != NULL) {
			iommu_interval_remove(&before, interval);
			iommu_file_free(file, &file->range_cache, range_of(interval));
		}
	} else {
		free_list(file, list);
	}
	iommu_object_leave(object);
	return status;
}

int iommu_ioas_allow(struct iommu_file *file, uint32_t id, const struct iommu_iova_bounds *ranges,
		     unsigned int count)
{
	const char *why = "";
	int status = allow(file, id, ranges, count, &why);

	return status == 0 ? 0 : iommu_file_refuse_now(file, IOMMU_CALL, id, status, why);
}
