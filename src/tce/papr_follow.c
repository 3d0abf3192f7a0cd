/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's entries, kept as the book of a domain is. */
#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "tce/papr_unit.h"

/* So many entries at a time under the lock. */
#define STEP PAPR_LIST_MAX

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

/* At most STEP entries, as the book is, or clear if there is none to follow. Locked. */
static int copy_step(struct papr_unit *unit, uint64_t index, uint64_t count)
{
	const struct excerpt excerpt = {unit->followed, index};
	int put = 0;
	int cleared;

	if (unit->followed != NULL && !is_empty(&excerpt, count)) {
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
		const uint64_t step = count < STEP ? count : STEP;
		uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

		if (unit->followed == domain)
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
		const uint64_t step = last - index < STEP ? last - index + 1 : STEP;
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

static void set_followed(struct papr_unit *unit, struct papr_domain *domain)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	unit->followed = domain;
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

/* Wherever the book of a domain has pages, the entries are as they should be: of this domain, or clear. */
static int copy_book(struct papr_unit *unit, const struct papr_domain *domain,
		     const struct papr_domain *followed)
{
	const uint64_t pages = papr_pages(&unit->config.window);
	uint64_t index = 0;
	int result = 0;

	while (next_page(unit, domain, &index)) {
		const uint64_t first = index & ~(uint64_t)(STEP - 1);
		int status = copy_range(unit, followed, first,
					pages - first < STEP ? pages - first : STEP);

		if (result == 0)
			result = status;
		index = first + STEP;
	}
	return result;
}

int iommu_papr_switch(struct papr_unit *unit, struct papr_domain *domain)
{
	struct papr_domain *before = unit->followed;
	int status = 0;

	set_followed(unit, NULL);
	if (before != NULL)
		status = copy_book(unit, before, NULL);
	if (status == 0)
		status = iommu_papr_settle(unit);
	if (status != 0 || domain == NULL)
		return status;
	set_followed(unit, domain);
	status = copy_book(unit, domain, domain);
	if (status == 0)
		return 0;
	set_followed(unit, NULL);
	/* What is not cleared now is in arrears. */
	(void)copy_book(unit, domain, NULL);
	return status;
}
