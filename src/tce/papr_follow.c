/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's entries, kept as the book of a domain is. */
#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "tce/papr_unit.h"

/* What the book says of pages, one behind the other. */
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

static void add_arrears(struct papr_unit *unit, uint64_t first, uint64_t last)
{
	if (!unit->has_arrears || first < unit->arrears_first)
		unit->arrears_first = first;
	if (!unit->has_arrears || last > unit->arrears_last)
		unit->arrears_last = last;
	__atomic_store_n(&unit->has_arrears, true, __ATOMIC_RELAXED);
}

static int status_of_put(int status)
{
	/* It was taken back, and so is no question of confirmation. */
	if (status == IOMMU_ETIMEDOUT)
		return IOMMU_EAGAIN;
	return status == IOMMU_EIO || status == IOMMU_EINVAL ? IOMMU_EFAULT : status;
}

/* Pages from an index on that lie in one part of the window. */
static uint64_t in_one_part(uint64_t index, uint64_t count)
{
	const uint64_t room = PAPR_PART - index % PAPR_PART;

	return count < room ? count : room;
}

/* Entries of one part, as the book is, or clear if there is none to follow. Locked. */
static int copy_step(struct papr_unit *unit, uint64_t index, uint64_t count)
{
	const struct excerpt excerpt = {unit->followed, index};
	int put = 0;
	int cleared;

	if (unit->followed != NULL && !is_empty(&excerpt, count)) {
		iommu_tce_bitmap_set(&unit->touched, index / PAPR_PART, 1);
		put = iommu_papr_put_entries(&unit->window, index, count, entry_at, &excerpt);
		if (put == 0)
			return 0;
	}
	/* Also what a call that failed may have set, or left as it was. */
	cleared = iommu_papr_clear_entries(&unit->window, index, count);
	if (cleared == 0)
		return put == 0 ? 0 : status_of_put(put);
	add_arrears(unit, index, index + count - 1);
	return cleared;
}

/* A range in steps, between which others get the lock; the first failure is the answer. */
static int copy_range(struct papr_unit *unit, const struct papr_domain *domain, uint64_t index,
		      uint64_t count)
{
	int result = 0;

	while (count != 0 && result == 0) {
		const uint64_t step = in_one_part(index, count);
		uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

		/* Of one that is left, too: a page that its book has lost is cleared by who took it out. */
		if (unit->followed == domain || unit->leaving == domain)
			result = copy_step(unit, index, step);
		iommu_spin_unlock(unit->platform, &unit->lock, state);
		index += step;
		count -= step;
	}
	return result;
}

/* Locked; one attempt. */
static int settle_locked(struct papr_unit *unit)
{
	const uint64_t last = unit->arrears_last;
	uint64_t index = unit->arrears_first;
	int status = 0;

	if (!unit->has_arrears)
		return 0;
	__atomic_store_n(&unit->has_arrears, false, __ATOMIC_RELAXED);
	while (index <= last) {
		const uint64_t step = in_one_part(index, last - index + 1);
		int own = copy_step(unit, index, step);

		if (status == 0)
			status = own;
		index += step;
	}
	/* What could not be set is not what was asked for here: it is clear. */
	return unit->has_arrears ? status : 0;
}

int iommu_papr_settle(struct papr_unit *unit)
{
	uintptr_t state;
	int status;

	if (!__atomic_load_n(&unit->has_arrears, __ATOMIC_RELAXED))
		return 0;
	state = iommu_spin_lock(unit->platform, &unit->lock);
	status = settle_locked(unit);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	return status;
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

/* The next page from *index on that the book has; false: there is none. */
static bool next_page(struct papr_unit *unit, const struct papr_domain *domain, uint64_t *index)
{
	const unsigned int shift = unit->config.window.page_shift;
	iommu_iova_t found = 0;
	uintptr_t state;
	int status;

	if (*index >= papr_pages(&unit->config.window))
		return false;
	/* Under the lock: a table that is unlinked meanwhile is freed by somebody who takes it. */
	state = iommu_spin_lock(unit->platform, &unit->lock);
	status = iommu_tce_walk(&domain->book, *index << shift, domain->book.aperture_last,
				note_first, &found);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	*index = found >> shift;
	return status == 1;
}

/* Every page that the book of a domain has; it is followed already. */
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

/* A part of the window in which something was set; locked, and none is followed. */
static int clear_part(struct papr_unit *unit, uint64_t part)
{
	const uint64_t first = part * PAPR_PART;
	const uint64_t left = papr_pages(&unit->config.window) - first;
	int status = copy_step(unit, first, left < PAPR_PART ? left : PAPR_PART);

	if (status == 0)
		iommu_tce_bitmap_clear(&unit->touched, part, 1);
	return status;
}

/* Follow none, and clear what was set. What is not cleared is in arrears. */
static int leave(struct papr_unit *unit)
{
	const uint64_t parts = papr_parts(&unit->config.window);
	uint64_t part = 0;
	int result = 0;

	set_followed(unit, NULL, unit->followed);
	for (;;) {
		uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);
		int status = 0;

		part = iommu_tce_bitmap_next_set(&unit->touched, part, parts);
		if (part < parts)
			status = clear_part(unit, part);
		iommu_spin_unlock(unit->platform, &unit->lock, state);
		if (part++ >= parts)
			break;
		if (result == 0)
			result = status;
	}
	set_followed(unit, NULL, NULL);
	return result;
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
