/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second window, through which devices reach memory as it is, and the memory that comes and
 * goes.
 *
 * What is memory is a list of spans of the window's pages. An open window has an entry for each
 * page of a span and for no other; a closed one has none. A window in doubt has any: it is set page
 * by page, also where nothing is to be.
 *
 * A change of memory is one of all units: first everything is checked and allocated, then each
 * window follows, and on failure those that did are set back. Nothing of the lists changes before
 * all windows have.
 *
 * Locking: the control path.
 */
#include <libiommu/status.h>

#include "tce/papr_unit.h"

static struct papr_span *span_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct papr_span, link);
}

static unsigned int shift_of(const struct papr_unit *unit)
{
	return unit->config.direct.page_shift;
}

/* All pages that memory may ever have, the last one perhaps in part. */
static uint64_t limit_of(const struct papr_unit *unit)
{
	const unsigned int shift = shift_of(unit);

	return (papr_memory_limit(unit) + ((1ULL << shift) - 1)) >> shift;
}

/* --- Spans ------------------------------------------------------------------------------------ */

/* So many pages of a range are memory. */
static uint64_t pages_in(struct papr_unit *unit, uint64_t first, uint64_t count)
{
	struct iommu_list_node *node;
	uint64_t pages = 0;

	iommu_list_for_each (node, &unit->memory) {
		const struct papr_span *span = span_of(node);
		const uint64_t start = span->first > first ? span->first : first;
		const uint64_t span_end = span->first + span->count;
		const uint64_t end = span_end < first + count ? span_end : first + count;

		if (start < end)
			pages += end - start;
	}
	return pages;
}

/* Pages that are no memory yet become so; the spare is used up. */
static void insert_span(struct papr_unit *unit, uint64_t first, uint64_t count)
{
	struct iommu_list_node *node = unit->memory.next;

	while (node != &unit->memory && span_of(node)->first < first)
		node = node->next;
	unit->spare->first = first;
	unit->spare->count = count;
	iommu_list_insert(node, &unit->spare->link);
	unit->spare = NULL;
}

static void free_span(struct papr_unit *unit, struct papr_span *span)
{
	if (span != &unit->first_span)
		iommu_object_free(&unit->span_cache, span);
}

/* Pages that are memory are so no longer; the spare may be used up. */
static void remove_spans(struct papr_unit *unit, uint64_t first, uint64_t count)
{
	struct iommu_list_node *node = unit->memory.next;
	const uint64_t end = first + count;

	while (node != &unit->memory) {
		struct papr_span *span = span_of(node);
		const uint64_t span_end = span->first + span->count;

		node = node->next;
		if (span_end <= first || span->first >= end)
			continue;
		if (span->first < first && span_end > end) {
			span->count = first - span->first;
			insert_span(unit, end, span_end - end);
			return;
		}
		if (span->first < first) {
			span->count = first - span->first;
		} else if (span_end > end) {
			span->first = end;
			span->count = span_end - end;
		} else {
			iommu_list_remove(&span->link);
			free_span(unit, span);
		}
	}
}

static bool make_spare(struct papr_unit *unit)
{
	if (unit->spare == NULL)
		unit->spare = iommu_object_alloc(&unit->span_cache, 0);
	return unit->spare != NULL;
}

static void free_spare(struct papr_unit *unit)
{
	if (unit->spare != NULL)
		free_span(unit, unit->spare);
	unit->spare = NULL;
}

/* --- Entries ---------------------------------------------------------------------------------- */

/* Pages that are memory, from a first one on. */
struct papr_pages {
	const struct papr_unit *unit;
	uint64_t first;
};

static uint64_t direct_entry(const void *source, uint64_t i)
{
	const struct papr_pages *pages = source;

	return iommu_papr_entry_for((pages->first + i) << shift_of(pages->unit),
				    IOMMU_PROT_READ_WRITE);
}

static int put_pages(struct papr_unit *unit, uint64_t first, uint64_t count)
{
	const struct papr_pages pages = {unit, first};
	const int status =
		iommu_papr_put_entries(&unit->direct, first, count, direct_entry, &pages);

	return status == 0 || status == IOMMU_ETIMEDOUT || status == IOMMU_EAGAIN ? status
										  : IOMMU_EIO;
}

static int clear_pages(struct papr_unit *unit, uint64_t first, uint64_t count)
{
	const int status = count != 0 ? iommu_papr_clear_entries(&unit->direct, first, count) : 0;

	return status == 0 || status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
}

/* All that is memory; with `gaps`, what is not is cleared, too. */
static int set_all(struct papr_unit *unit, bool gaps)
{
	struct iommu_list_node *node;
	uint64_t next = 0;
	int status = 0;

	iommu_list_for_each (node, &unit->memory) {
		const struct papr_span *span = span_of(node);

		if (gaps && status == 0)
			status = clear_pages(unit, next, span->first - next);
		if (status == 0)
			status = put_pages(unit, span->first, span->count);
		next = span->first + span->count;
	}
	return gaps && status == 0 ? clear_pages(unit, next, limit_of(unit) - next) : status;
}

static void set_holds(struct papr_unit *unit, enum papr_direct holds)
{
	__atomic_store_n(&unit->direct_holds, holds, __ATOMIC_RELEASE);
}

int iommu_papr_set_direct(struct papr_unit *unit, bool is_open)
{
	const enum papr_direct wanted = is_open ? PAPR_DIRECT_OPEN : PAPR_DIRECT_CLEAR;
	const bool was_unsure = unit->direct_holds == PAPR_DIRECT_UNSURE;
	int status;

	if (unit->direct_holds == wanted)
		return 0;
	set_holds(unit, PAPR_DIRECT_UNSURE);
	status = is_open ? set_all(unit, was_unsure) : clear_pages(unit, 0, limit_of(unit));
	if (status == 0)
		set_holds(unit, wanted);
	else if (is_open && clear_pages(unit, 0, limit_of(unit)) == 0)
		set_holds(unit, PAPR_DIRECT_CLEAR); /* what may have been set, too */
	return status;
}

/* --- At the probe ----------------------------------------------------------------------------- */

static bool is_in_pages(const struct papr_unit *unit, const struct iommu_papr_memory *range)
{
	const uint64_t page = 1ULL << shift_of(unit);

	return range->size != 0 && ((range->start | range->size) & (page - 1)) == 0;
}

static bool is_below_limit(const struct papr_unit *unit, const struct iommu_papr_memory *range)
{
	const uint64_t end = limit_of(unit) << shift_of(unit);

	return range->start < end && range->size <= end - range->start;
}

/* As the configuration lists them. */
static int init_ranges(struct papr_unit *unit)
{
	const struct iommu_papr_config *config = &unit->config;
	size_t i;

	for (i = 0; i < config->memory_count; i++) {
		const struct iommu_papr_memory *range = &config->memory[i];
		const uint64_t first = range->start >> shift_of(unit);
		const uint64_t count = range->size >> shift_of(unit);

		if (!is_in_pages(unit, range) || !is_below_limit(unit, range) ||
		    pages_in(unit, first, count) != 0)
			return IOMMU_EINVAL;
		if (!make_spare(unit))
			return IOMMU_ENOMEM;
		insert_span(unit, first, count);
	}
	/* The array is the caller's. */
	unit->config.memory = NULL;
	unit->config.memory_count = 0;
	return 0;
}

int iommu_papr_memory_init(struct papr_unit *unit)
{
	const iommu_paddr_t page = 1ULL << unit->config.direct.page_shift;

	iommu_list_init(&unit->memory);
	iommu_object_cache_init(&unit->span_cache, unit->platform, sizeof(struct papr_span));
	if (unit->config.direct.size == 0)
		return 0;
	if (unit->config.memory != NULL)
		return init_ranges(unit);
	unit->spare = &unit->first_span;
	insert_span(unit, 0, (unit->config.memory_end + (page - 1)) >> shift_of(unit));
	return 0;
}

void iommu_papr_memory_fini(struct papr_unit *unit)
{
	while (!iommu_list_is_empty(&unit->memory)) {
		struct papr_span *span = span_of(unit->memory.next);

		iommu_list_remove(&span->link);
		free_span(unit, span);
	}
	free_spare(unit);
}

/* --- Memory that comes and goes --------------------------------------------------------------- */

static struct papr_unit *next_papr(struct iommu *iommu, struct papr_unit *unit)
{
	struct iommu_unit *base = unit != NULL ? &unit->base : NULL;

	while ((base = iommu_next_unit(iommu, base)) != NULL)
		if (base->ops->name == iommu_papr_name)
			return papr_unit_of(base);
	return NULL;
}

/* May this range of its second window change so? */
static int check_range(struct papr_unit *unit, const struct iommu_papr_memory *range, bool comes)
{
	const uint64_t count = range->size >> shift_of(unit);
	uint64_t pages;

	if (!is_in_pages(unit, range))
		return PAPR_REFUSE(unit, IOMMU_EINVAL,
				   "the range is not whole pages of its second window");
	if (!is_below_limit(unit, range))
		return PAPR_REFUSE(unit, IOMMU_ERANGE,
				   "its second window has no room for the range");
	pages = pages_in(unit, range->start >> shift_of(unit), count);
	if (comes && pages != 0)
		return PAPR_REFUSE(unit, IOMMU_EEXIST, "part of the range is memory already");
	if (!comes && pages != count)
		return PAPR_REFUSE(unit, IOMMU_ENOENT, "part of the range is not memory");
	return make_spare(unit) ? 0 : IOMMU_ENOMEM;
}

static int check_change(struct papr_unit *unit, const struct iommu_papr_memory *range, bool comes)
{
	const int status = unit->config.direct.size != 0 ? check_range(unit, range, comes) : 0;
	int open;

	if (status != 0)
		return status;
	/* What is in doubt, or open, may lead to the range, too. */
	open = iommu_papr_confirm(unit);
	if (open != 0)
		return PAPR_REFUSE(unit, open == IOMMU_ETIMEDOUT ? open : IOMMU_EIO,
				   "an earlier change of its windows is not confirmed");
	if (!comes && iommu_papr_maps(unit, range->start, range->start + (range->size - 1)))
		return PAPR_REFUSE(unit, IOMMU_EBUSY, "part of the range is mapped");
	return 0;
}

static void doubt(struct papr_unit *unit)
{
	set_holds(unit, PAPR_DIRECT_UNSURE);
	papr_set_in_doubt(unit, true);
}

/* Set a range of an open window as it is to be, or was. */
static int set_range(struct papr_unit *unit, const struct iommu_papr_memory *range, bool is_there)
{
	const uint64_t first = range->start >> shift_of(unit);
	const uint64_t count = range->size >> shift_of(unit);

	/* Also one that there is not. */
	if (unit->direct_holds == PAPR_DIRECT_CLEAR)
		return 0;
	return is_there ? put_pages(unit, first, count) : clear_pages(unit, first, count);
}

/* Undo a change in a window, which may have been made in part. */
static void undo_range(struct papr_unit *unit, const struct iommu_papr_memory *range, bool comes)
{
	if (set_range(unit, range, !comes) != 0)
		doubt(unit);
}

static void finish_change(struct papr_unit *unit, const struct iommu_papr_memory *range, bool comes)
{
	const uint64_t first = range->start >> shift_of(unit);
	const uint64_t count = range->size >> shift_of(unit);

	if (unit->config.direct.size == 0)
		return;
	if (comes)
		insert_span(unit, first, count);
	else
		remove_spans(unit, first, count);
}

/* All windows follow, or none does. */
static int follow_change(struct iommu *iommu, const struct iommu_papr_memory *range, bool comes)
{
	struct papr_unit *unit = NULL, *failed = NULL;
	int status = 0;

	while (status == 0 && (unit = next_papr(iommu, unit)) != NULL) {
		status = set_range(unit, range, comes);
		if (status != 0)
			failed = unit;
	}
	unit = NULL;
	while ((unit = next_papr(iommu, unit)) != NULL) {
		if (status == 0)
			finish_change(unit, range, comes);
		else
			undo_range(unit, range, comes);
		if (unit == failed)
			break;
	}
	if (status == 0)
		return 0;
	return PAPR_REFUSE(failed, status,
			   comes ? "the hypervisor does not let its second window follow"
				 : "the hypervisor does not clear what leads to the range");
}

static int change_memory(struct iommu *iommu, iommu_paddr_t start, uint64_t size, bool comes)
{
	const struct iommu_papr_memory range = {start, size};
	struct papr_unit *unit = NULL;
	int status = 0;

	if (size == 0)
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, "the range is empty");
	if (size - 1 > UINT64_MAX - start)
		return IOMMU_REFUSE(iommu, "", IOMMU_EOVERFLOW, "the range wraps");
	while (status == 0 && (unit = next_papr(iommu, unit)) != NULL)
		status = check_change(unit, &range, comes);
	if (status == 0)
		status = follow_change(iommu, &range, comes);
	unit = NULL;
	while ((unit = next_papr(iommu, unit)) != NULL)
		free_spare(unit);
	return status;
}

int iommu_papr_add_memory(struct iommu *iommu, iommu_paddr_t start, uint64_t size)
{
	int status;

	iommu_control_lock(iommu);
	status = change_memory(iommu, start, size, true);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_papr_remove_memory(struct iommu *iommu, iommu_paddr_t start, uint64_t size)
{
	int status;

	iommu_control_lock(iommu);
	status = change_memory(iommu, start, size, false);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}
