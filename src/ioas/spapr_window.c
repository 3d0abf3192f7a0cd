/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows of a container: the same in the domains of all units that its groups are behind.
 *
 * A window is live from when all domains have it. To remove it, it is made unreachable, calls that
 * may use it are waited for, and all domains close it; what has closed it stays closed when another
 * one fails, and the next attempt goes on with the others.
 */
#include "ioas/spapr.h"

#if IOMMU_CONFIG_POWER

#define DEFAULT_PAGE_SHIFT 12

/* --- What there can be ------------------------------------------------------------------------ */

static void restrict_to(struct iommu_window_limits *limits, const struct iommu_domain *domain)
{
	struct iommu_window_limits own;
	unsigned int i;

	if (domain == NULL || iommu_window_get_limits(domain, &own) != 0)
		return;
	limits->page_sizes &= own.page_sizes;
	if (own.levels < limits->levels)
		limits->levels = own.levels;
	for (i = 0; i < IOMMU_WINDOWS; i++) {
		limits->windows[i].start = own.windows[i].start;
		if (own.windows[i].size < limits->windows[i].size)
			limits->windows[i].size = own.windows[i].size;
	}
}

void iommu_spapr_limits(struct spapr *spapr, const struct iommu_domain *domain,
			struct iommu_window_limits *limits)
{
	unsigned int i;

	*limits = (struct iommu_window_limits){
		.page_sizes = UINT64_MAX,
		.levels = UINT32_MAX,
		.windows = {{.size = UINT64_MAX}, {.size = UINT64_MAX}},
	};
	restrict_to(limits, domain);
	for (i = 0; i < IOMMU_SPAPR_UNITS; i++)
		restrict_to(limits, spapr_domain_at(spapr, i));
}

struct spapr_window *iommu_spapr_window_at(struct spapr *spapr, iommu_iova_t iova, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < IOMMU_WINDOWS; i++) {
		struct spapr_window *window = &spapr->windows[i];
		const uint64_t bytes = spapr_window_size(window);

		if (window->is_live && iova >= window->start && iova - window->start < bytes &&
		    size <= bytes - (iova - window->start))
			return window;
	}
	return NULL;
}

/* --- Opening ---------------------------------------------------------------------------------- */

static void set_live(struct spapr *spapr, struct spapr_window *window, bool is_live)
{
	const uintptr_t state = spapr_lock(spapr);

	window->is_live = is_live;
	window->serial = ++spapr->serials;
	spapr_unlock(spapr, state);
}

/* Close it in all domains that have it. */
static int close_all(struct spapr *spapr, unsigned int number)
{
	int result = 0;
	unsigned int i;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++) {
		struct spapr_domain *place = &spapr->domains[i];
		int status;

		if (place->domain == NULL || (place->opened >> number & 1) == 0)
			continue;
		status = iommu_window_close(place->domain, number);
		if (status == 0)
			place->opened &= ~(1U << number);
		else if (result == 0)
			result = status;
	}
	return result;
}

static int open_all(struct spapr *spapr, const struct iommu_window_config *wanted,
		    iommu_iova_t *start)
{
	unsigned int i;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++) {
		struct spapr_domain *place = &spapr->domains[i];
		int status;

		if (place->domain == NULL)
			continue;
		status = iommu_window_open(place->domain, wanted, start);
		if (status != 0)
			return status;
		place->opened |= 1U << wanted->number;
	}
	return 0;
}

static void free_words(struct spapr *spapr, struct spapr_window *window)
{
	iommu_sparse_clear(&window->words, spapr->platform);
	iommu_file_discharge(&spapr->file->metadata, window->metadata);
	window->metadata = 0;
	window->entries = 0;
	window->is_there = false;
}

/* The words of a window are counted as a whole, before there are any. */
static int make_words(struct spapr *spapr, struct spapr_window *window,
		      const struct iommu_window_config *wanted)
{
	const uint64_t bytes = (wanted->size >> wanted->page_shift) * sizeof(uint64_t);

	if (!iommu_file_charge(&spapr->file->metadata, bytes, spapr->file->limits.metadata_bytes))
		return SPAPR_REFUSE(spapr, IOMMU_ENOMEM, "the limit of metadata");
	window->metadata = bytes;
	window->config = *wanted;
	window->entries = wanted->size >> wanted->page_shift;
	iommu_sparse_init(&window->words, window->entries);
	return 0;
}

static bool has_size(const struct iommu_window_limits *limits,
		     const struct iommu_window_config *wanted, unsigned int number)
{
	return wanted->size <= limits->windows[number].size;
}

/* The place of a window that is to be. */
static int choose_place(struct spapr *spapr, const struct iommu_window_limits *limits,
			const struct iommu_window_config *wanted, unsigned int *number)
{
	if (wanted->page_shift > 63 || (limits->page_sizes >> wanted->page_shift & 1) == 0)
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL, "a unit has no pages of this size");
	if (wanted->size == 0 || (wanted->size & (wanted->size - 1)) != 0 ||
	    wanted->size >> wanted->page_shift < 2)
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL,
				    "the size is no power of two, or less than two pages");
	if (!has_size(limits, wanted, 0) && !has_size(limits, wanted, 1))
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL, "a unit has no window of this size");
	for (*number = 0; *number < IOMMU_WINDOWS; ++*number)
		if (!spapr->windows[*number].is_there && has_size(limits, wanted, *number))
			return 0;
	return SPAPR_REFUSE(spapr, IOMMU_ENOSPC, "no place for a window is free");
}

int iommu_spapr_open(struct spapr *spapr, const struct iommu_window_config *wanted,
		     iommu_iova_t *start)
{
	struct iommu_window_config own = *wanted;
	struct iommu_window_limits limits;
	struct spapr_window *window;
	int status;

	iommu_spapr_limits(spapr, NULL, &limits);
	status = choose_place(spapr, &limits, wanted, &own.number);
	if (status != 0)
		return status;
	window = &spapr->windows[own.number];
	/* What an attempt that failed could not close. */
	status = close_all(spapr, own.number);
	if (status == 0)
		status = make_words(spapr, window, &own);
	if (status != 0)
		return status;
	status = open_all(spapr, &own, &window->start);
	if (status != 0) {
		(void)close_all(spapr, own.number);
		free_words(spapr, window);
		return status;
	}
	window->is_there = true;
	set_live(spapr, window, true);
	*start = window->start;
	return 0;
}

int iommu_spapr_open_default(struct spapr *spapr)
{
	struct iommu_window_limits limits;
	struct iommu_window_config window = {.page_shift = DEFAULT_PAGE_SHIFT};
	iommu_iova_t start;

	iommu_spapr_limits(spapr, NULL, &limits);
	window.size = limits.windows[0].size;
	/* Where the bridge decodes everything below 4 GiB itself, there is none. */
	if (window.size == 0)
		return 0;
	return iommu_spapr_open(spapr, &window, &start);
}

/* A group that could neither come nor go is counted, and has brought no unit. */
static int unit_wanted(struct spapr *spapr)
{
	unsigned int i;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++)
		if (spapr_domain_at(spapr, i) != NULL)
			return 0;
	return SPAPR_REFUSE(spapr, IOMMU_ENODEV, "no group of the container uses a unit");
}

int iommu_spapr_add_window(struct iommu_container *container,
			   const struct iommu_spapr_window *window, iommu_iova_t *start)
{
	const struct iommu_window_config wanted = {
		.page_shift = window->page_shift,
		.levels = window->levels,
		.size = window->size,
	};
	struct spapr *spapr;
	int status = iommu_spapr_begin(container, IOMMU_CALL, IOMMU_CONTAINER_TCE_V2, &spapr);

	if (status != 0)
		return status;
	status = unit_wanted(spapr);
	if (status == 0)
		status = iommu_spapr_open(spapr, &wanted, start);
	return iommu_spapr_end(spapr, IOMMU_CALL, status);
}

/* --- Closing ---------------------------------------------------------------------------------- */

/* No call finds it any more, and none that has found it is under way. */
static void retire(struct spapr *spapr, struct spapr_window *window)
{
	set_live(spapr, window, false);
	iommu_spapr_calls_wait(&spapr->calls, spapr->platform);
}

static int remove_window(struct spapr *spapr, iommu_iova_t start)
{
	struct spapr_window *window;
	unsigned int number;
	int status;

	for (number = 0; number < IOMMU_WINDOWS; number++)
		if (spapr->windows[number].is_there && spapr->windows[number].start == start)
			break;
	if (number == IOMMU_WINDOWS)
		return SPAPR_REFUSE(spapr, IOMMU_ENOENT, "no window starts there");
	window = &spapr->windows[number];
	if (window->is_live)
		retire(spapr, window);
	status = close_all(spapr, number);
	if (status != 0)
		return status;
	iommu_spapr_forget_entries(spapr, number);
	free_words(spapr, window);
	return 0;
}

int iommu_spapr_remove_window(struct iommu_container *container, iommu_iova_t start)
{
	struct spapr *spapr;
	int status = iommu_spapr_begin(container, IOMMU_CALL, IOMMU_CONTAINER_TCE_V2, &spapr);

	if (status != 0)
		return status;
	return iommu_spapr_end(spapr, IOMMU_CALL, remove_window(spapr, start));
}

void iommu_spapr_drop_windows(struct spapr *spapr)
{
	unsigned int number;

	for (number = 0; number < IOMMU_WINDOWS; number++) {
		struct spapr_window *window = &spapr->windows[number];

		if (window->is_live)
			retire(spapr, window);
		if (!window->is_there)
			continue;
		iommu_spapr_forget_entries(spapr, number);
		free_words(spapr, window);
	}
}

/* --- Facts ------------------------------------------------------------------------------------ */

static void fill_info(struct spapr *spapr, struct iommu_spapr_info *info)
{
	const bool is_second = spapr_is_second(spapr);
	struct iommu_window_limits limits;
	unsigned int i;

	iommu_spapr_limits(spapr, NULL, &limits);
	*info = (struct iommu_spapr_info){
		.start32 = limits.windows[0].start,
		.size32 = limits.windows[0].size,
		.page_sizes = is_second ? limits.page_sizes : 1ULL << DEFAULT_PAGE_SHIFT,
		.windows_max = is_second ? IOMMU_WINDOWS : 0,
		.levels_max = is_second ? limits.levels : 1,
		.size_max = is_second ? limits.windows[1].size : 0,
	};
	for (i = 0; i < IOMMU_WINDOWS; i++) {
		const struct spapr_window *window = &spapr->windows[i];

		if (window->is_live)
			info->windows[i] = (struct iommu_spapr_window){
				.start = window->start,
				.size = spapr_window_size(window),
				.page_shift = window->config.page_shift,
				.levels = window->config.levels,
			};
	}
}

int iommu_spapr_get_info(struct iommu_container *container, struct iommu_spapr_info *info)
{
	struct spapr *spapr;
	int status = iommu_spapr_begin(container, IOMMU_CALL, 0, &spapr);

	if (status != 0)
		return status;
	status = unit_wanted(spapr);
	if (status == 0)
		fill_info(spapr, info);
	return iommu_spapr_end(spapr, IOMMU_CALL, status);
}

/* --- Version 1 -------------------------------------------------------------------------------- */

static int enable(struct spapr *spapr)
{
	uint64_t pages, granted;
	int status = unit_wanted(spapr);

	if (status != 0)
		return status;
	if (spapr->enabled != 0)
		return SPAPR_REFUSE(spapr, IOMMU_EBUSY, "it is enabled already");
	pages = spapr_window_size(&spapr->windows[0]) >> IOMMU_PAGE_SHIFT;
	granted = iommu_file_charge_pins(spapr->file, pages);
	if (granted != pages) {
		iommu_file_discharge_pins(spapr->file, granted);
		return SPAPR_REFUSE(spapr, IOMMU_ENOMEM,
				    "the pages of the window are more than may be pinned");
	}
	spapr->enabled = pages;
	return 0;
}

int iommu_spapr_enable(struct iommu_container *container)
{
	struct spapr *spapr;
	int status = iommu_spapr_begin(container, IOMMU_CALL, IOMMU_CONTAINER_TCE_V1, &spapr);

	if (status != 0)
		return status;
	return iommu_spapr_end(spapr, IOMMU_CALL, enable(spapr));
}

int iommu_spapr_disable(struct iommu_container *container)
{
	struct spapr *spapr;
	int status = iommu_spapr_begin(container, IOMMU_CALL, IOMMU_CONTAINER_TCE_V1, &spapr);

	if (status != 0)
		return status;
	if (spapr->pinned != 0) {
		status = SPAPR_REFUSE(spapr, IOMMU_EBUSY, "something is mapped");
	} else {
		iommu_file_discharge_pins(spapr->file, spapr->enabled);
		spapr->enabled = 0;
	}
	return iommu_spapr_end(spapr, IOMMU_CALL, status);
}

#endif
