/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeping the hypervisor's entries equal to the table of a domain (its book). */
#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "tce/papr_unit.h"
#include <libiommu/backend/deadline.h>

#define TIMEOUT_NS 1000000000ULL /* see papr_calls.c */

/* Consecutive pages of the book. */
struct excerpt {
	const struct papr_domain *domain;
	uint64_t first;
};

static uint64_t entry_at(const void *source, uint64_t i)
{
	const struct excerpt *excerpt = source;
	const struct papr_domain *domain = excerpt->domain;
	const unsigned int shift = domain->unit->config.window.page_shift;
	iommu_paddr_t paddr;
	unsigned int prot;

	if (iommu_tce_iova_to_phys(&domain->book, (excerpt->first + i) << shift, &paddr, &prot) !=
	    0)
		return 0;
	return iommu_papr_entry_for(paddr, prot);
}

static bool is_empty(const struct excerpt *excerpt, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		if (entry_at(excerpt, i) != 0)
			return false;
	return true;
}

static int status_of_put(int status)
{
	/* The failed map is undone by its caller, so that this leaves nothing open. */
	if (status == IOMMU_ETIMEDOUT || status == IOMMU_EBUSY)
		return IOMMU_EAGAIN;
	return status == IOMMU_EINVAL ? IOMMU_EFAULT : status;
}

/* Consecutive pages in one part of the window. */
static uint64_t in_one_part(uint64_t index, uint64_t count)
{
	const uint64_t room = PAPR_PART - index % PAPR_PART;

	return count < room ? count : room;
}

static bool is_unconfirmed(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/* --- One part --------------------------------------------------------------------------------- */

/*
 * Change consecutive pages in one part. IOMMU_EBUSY: the hypervisor is busy, and is to be waited
 * for. Locked.
 */
struct step {
	struct papr_unit *unit;
	/* Only while entries follow or leave this domain; NULL: always. */
	const struct papr_domain *domain;
	uint64_t index, count;
	int (*run)(const struct step *step, bool is_last);
};

/*
 * Set entries as in the book, or clear them if no book is followed. After a failure it is not known
 * how many were set: the caller takes the pages out of its book, or has the window follow none, and
 * has that copied.
 */
static int copy(const struct step *step, bool is_last)
{
	struct papr_unit *unit = step->unit;
	const struct excerpt excerpt = {unit->followed, step->index};
	int status;

	if (unit->followed == NULL || is_empty(&excerpt, step->count))
		return iommu_papr_clear_entries(&unit->window, step->index, step->count);
	iommu_bitmap_set(&unit->touched, step->index / PAPR_PART, 1);
	status =
		iommu_papr_put_entries(&unit->window, step->index, step->count, entry_at, &excerpt);
	return status == 0 || (status == IOMMU_EBUSY && !is_last) ? status : status_of_put(status);
}

/* All of a part in which nothing has to be set: clear. */
static int clear(const struct step *step, bool is_last)
{
	struct papr_unit *unit = step->unit;
	int status = iommu_papr_clear_entries(&unit->window, step->index, step->count);

	(void)is_last;
	if (status == 0) {
		iommu_bitmap_clear(&unit->touched, step->index / PAPR_PART, 1);
		iommu_open_parts_set(&unit->open, step->index / PAPR_PART, false);
	}
	return status;
}

/* All of a part that is open: clear the pages that the book does not have. The others stay set. */
static int clear_holes(const struct step *step, bool is_last)
{
	struct papr_unit *unit = step->unit;
	const struct excerpt excerpt = {unit->followed, step->index};
	uint64_t i = 0;
	int result = 0;

	(void)is_last;
	while (i < step->count) {
		uint64_t end = i;
		int status = 0;

		while (end < step->count &&
		       (unit->followed == NULL || entry_at(&excerpt, end) == 0))
			end++;
		if (end != i)
			status = iommu_papr_clear_entries(&unit->window, step->index + i, end - i);
		if (result == 0)
			result = status;
		i = end + 1;
	}
	if (result == 0)
		iommu_open_parts_set(&unit->open, step->index / PAPR_PART, false);
	return result;
}

static int run_locked(const struct step *step, bool is_last)
{
	struct papr_unit *unit = step->unit;
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);
	int status = 0;

	/*
	 * Also of a domain that is being left: a page that its book has lost is cleared by the CPU
	 * that unmapped it.
	 */
	if (step->domain == NULL || unit->followed == step->domain || unit->leaving == step->domain)
		status = step->run(step, is_last);
	if (status == IOMMU_EBUSY && is_last)
		status = IOMMU_ETIMEDOUT;
	if (is_unconfirmed(status))
		iommu_open_parts_set(&unit->open, step->index / PAPR_PART, true);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	return status;
}

/* Repeat while the hypervisor is busy, without the lock in between. */
static int run_step(const struct step *step)
{
	struct papr_unit *unit = step->unit;
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, TIMEOUT_NS);
	bool is_last = iommu_papr_is_hung(&unit->window);
	int status;

	while ((status = run_locked(step, is_last)) == IOMMU_EBUSY)
		is_last = iommu_deadline_passed(&deadline);
	if (status == IOMMU_ETIMEDOUT)
		iommu_papr_set_hung(&unit->window, true);
	return status;
}

/* --- Ranges ----------------------------------------------------------------------------------- */

/* A range part by part, between which other CPUs get the lock; returns the first error. */
static int copy_range(struct papr_unit *unit, const struct papr_domain *domain, uint64_t index,
		      uint64_t count)
{
	struct step step = {unit, domain, index, 0, copy};
	int result = 0;

	while (count != 0) {
		int status;

		step.count = in_one_part(step.index, count);
		status = run_step(&step);
		if (result == 0)
			result = status;
		step.index += step.count;
		count -= step.count;
	}
	return result;
}

static struct step whole_part(struct papr_unit *unit, uint64_t part,
			      int (*run)(const struct step *step, bool is_last))
{
	const uint64_t first = part * PAPR_PART;

	return (struct step){unit, NULL, first,
			     in_one_part(first, papr_pages(&unit->config.window) - first), run};
}

/* Every part of a bitmap; returns the first error. */
static int run_all(struct papr_unit *unit, const struct iommu_bitmap *bitmap,
		   int (*run_one)(const struct step *step, bool is_last))
{
	const uint64_t parts = papr_parts(&unit->config.window);
	uint64_t part = 0;
	int result = 0;

	for (;;) {
		uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);
		struct step step;
		int status;

		part = iommu_bitmap_next_set(bitmap, part, parts);
		iommu_spin_unlock(unit->platform, &unit->lock, state);
		if (part >= parts)
			return result;
		step = whole_part(unit, part++, run_one);
		status = run_step(&step);
		if (result == 0)
			result = status;
	}
}

int iommu_papr_settle(struct papr_unit *unit)
{
	if (!iommu_open_parts_any(&unit->open))
		return 0;
	return run_all(unit, &unit->open.parts, clear_holes);
}

int iommu_papr_follow(struct papr_domain *domain, uint64_t index, uint64_t count)
{
	return copy_range(domain->unit, domain, index, count);
}

/* --- Another domain --------------------------------------------------------------------------- */

static void set_followed(struct papr_unit *unit, struct papr_domain *domain,
			 struct papr_domain *leaving)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	unit->followed = domain;
	unit->leaving = leaving;
	iommu_spin_unlock(unit->platform, &unit->lock, state);
}

static int note_first(void *ctx, const struct iommu_pgtable_visit *visit)
{
	if (visit->is_table)
		return 0;
	*(iommu_iova_t *)ctx = visit->iova;
	return 1;
}

/* The next page of the book from *index on; false: none. */
static bool next_page(struct papr_unit *unit, const struct papr_domain *domain, uint64_t *index)
{
	const unsigned int shift = unit->config.window.page_shift;
	iommu_iova_t found = 0;
	uintptr_t state;
	int status;

	if (*index >= papr_pages(&unit->config.window))
		return false;
	/* Under the lock: a table that is unlinked meanwhile is freed by a CPU that takes it. */
	state = iommu_spin_lock(unit->platform, &unit->lock);
	status = iommu_tce_walk(&domain->book, *index << shift, domain->book.aperture_last,
				note_first, &found);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	*index = found >> shift;
	return status == 1;
}

/* Every page of a domain's book; the domain is followed already. */
static int copy_book(struct papr_unit *unit, const struct papr_domain *domain)
{
	const uint64_t pages = papr_pages(&unit->config.window);
	uint64_t index = 0;
	int status = 0;

	while (status == 0 && next_page(unit, domain, &index)) {
		const uint64_t first = index & ~(uint64_t)(PAPR_PART - 1);

		status = copy_range(unit, domain, first,
				    pages - first < PAPR_PART ? pages - first : PAPR_PART);
		index = first + PAPR_PART;
	}
	return status;
}

/* Physical addresses, and whether one of them was found. */
struct wanted {
	iommu_paddr_t start, last;
	bool is_found;
};

static int find_wanted(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct wanted *wanted = ctx;

	if (visit->is_table || visit->paddr > wanted->last ||
	    visit->paddr + (visit->size - 1) < wanted->start)
		return 0;
	wanted->is_found = true;
	return 1;
}

bool iommu_papr_maps(struct papr_unit *unit, iommu_paddr_t start, iommu_paddr_t last)
{
	const struct papr_domain *domain = unit->followed;
	const unsigned int shift = unit->config.window.page_shift;
	struct wanted wanted = {.start = start, .last = last};
	uint64_t index = 0;

	/* A part at a time: other CPUs want the lock, too. */
	while (domain != NULL && !wanted.is_found && next_page(unit, domain, &index)) {
		const uint64_t first = index & ~(uint64_t)(PAPR_PART - 1);
		const iommu_iova_t end = ((first + PAPR_PART) << shift) - 1;
		const iommu_iova_t aperture = domain->book.aperture_last;
		uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

		(void)iommu_tce_walk(&domain->book, first << shift, end < aperture ? end : aperture,
				     find_wanted, &wanted);
		iommu_spin_unlock(unit->platform, &unit->lock, state);
		index = first + PAPR_PART;
	}
	return wanted.is_found;
}

/* Follow no domain, and clear what was set. What was not cleared is open. */
static int leave(struct papr_unit *unit)
{
	int status;

	set_followed(unit, NULL, unit->followed);
	status = run_all(unit, &unit->touched, clear);
	set_followed(unit, NULL, NULL);
	return status;
}

int iommu_papr_switch(struct papr_unit *unit, struct papr_domain *domain)
{
	int status = leave(unit);

	if (status == 0)
		status = iommu_papr_settle(unit);
	if (status != 0 || domain == NULL)
		return status;
	set_followed(unit, domain, NULL);
	status = copy_book(unit, domain);
	if (status != 0)
		(void)leave(unit);
	return status;
}
