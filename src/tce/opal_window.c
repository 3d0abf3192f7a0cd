/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows of PEs: opened, switched and closed; attaching and detaching their members. */
#include <libiommu/status.h>

#include "tce/opal.h"

/* It goes to a domain, or to none, and is listed with the one before, too, until it has left or stays. */
static void begin_move(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	pe->is_moving = true;
	pe->leaving = pe->domain;
	pe->domain = domain;
	pe->current = !pe->current;
	if (domain != NULL) {
		iommu_list_insert(&domain->pes, &pe->links[pe->current]);
		domain->pe_count++;
	}
	iommu_spin_unlock(unit->platform, &unit->lock, state);
}

static void unlist(struct opal_pe *pe, struct opal_domain *domain, unsigned int link)
{
	if (domain == NULL)
		return;
	iommu_list_remove(&pe->links[link]);
	domain->pe_count--;
}

/* The bridge has forgotten the one before; or it is told to forget all before anything relies on that. */
static void end_move(struct opal_unit *unit, struct opal_pe *pe)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	unlist(pe, pe->leaving, !pe->current);
	pe->leaving = NULL;
	pe->is_moving = false;
	iommu_spin_unlock(unit->platform, &unit->lock, state);
}

/* It stays where it was. */
static void cancel_move(struct opal_unit *unit, struct opal_pe *pe)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	unlist(pe, pe->domain, pe->current);
	pe->domain = pe->leaving;
	pe->current = !pe->current;
	pe->leaving = NULL;
	pe->is_moving = false;
	iommu_spin_unlock(unit->platform, &unit->lock, state);
}

static void set_stuck(struct opal_unit *unit, struct opal_pe *pe, bool is_stuck)
{
	if (pe->is_stuck == is_stuck)
		return;
	pe->is_stuck = is_stuck;
	__atomic_store_n(&unit->stuck, is_stuck ? unit->stuck + 1 : unit->stuck - 1,
			 __ATOMIC_RELEASE);
}

/* Opening: it counts as open from before firmware is told, and closing: until it has obeyed. */
static int set_bypass(struct opal_unit *unit, struct opal_pe *pe, bool is_open)
{
	int status;

	if (!is_open && !pe->is_bypassed)
		return 0;
	pe->is_bypassed = true;
	status = iommu_opal_set_bypass(unit, opal_number_of(unit, pe), is_open);
	if (status == 0)
		pe->is_bypassed = is_open;
	return status;
}

int iommu_opal_set_windows(struct opal_unit *unit, struct opal_pe *pe,
			   const struct opal_domain *domain)
{
	const bool wants = domain != NULL && domain->base.bypass_size != 0;
	const int bypass = set_bypass(unit, pe, wants);
	const int window = iommu_opal_set_window(unit, opal_number_of(unit, pe), domain);

	return bypass != 0 ? bypass : window;
}

int iommu_opal_close_window(struct opal_unit *unit, struct opal_pe *pe)
{
	int status = iommu_opal_set_windows(unit, pe, NULL);

	set_stuck(unit, pe, status != 0);
	return status;
}

void iommu_opal_close_stuck(struct opal_unit *unit)
{
	unsigned int i;

	if (unit->stuck == 0)
		return;
	for (i = 0; i < unit->config.pes; i++)
		if (unit->pes[i].is_stuck)
			(void)iommu_opal_close_window(unit, &unit->pes[i]);
	/* What waited for that goes when the bridge has forgotten it, too. */
	if (unit->stuck == 0)
		(void)iommu_opal_forget_all(unit);
}

/* Open a PE's window, and have the bridge forget the one from before. */
static int open_window(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	const uint32_t number = opal_number_of(unit, pe);
	int status = iommu_opal_set_windows(unit, pe, domain);

	if (status != 0)
		return status;
	set_stuck(unit, pe, false);
	return iommu_opal_forget(unit, OPAL_KILL_PE, number, 0, 0, 0);
}

/* Give a PE another window; on failure it has the one from before, or none. */
static int switch_window(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	int status = 0;

	begin_move(unit, pe, domain);
	if (unit->base.enabled)
		status = open_window(unit, pe, domain);
	if (status == 0) {
		end_move(unit, pe);
		return 0;
	}
	/* It may have cached of either, until its window is what it will be: only then is that noted. */
	if (pe->leaving != NULL && iommu_opal_set_windows(unit, pe, pe->leaving) == 0) {
		iommu_opal_note_failure(unit);
		cancel_move(unit, pe);
		return status;
	}
	(void)iommu_opal_close_window(unit, pe);
	iommu_opal_note_failure(unit);
	end_move(unit, pe);
	begin_move(unit, pe, NULL);
	end_move(unit, pe);
	return status;
}

/* Take a PE's window away; whatever is returned it has none any more, as far as firmware obeys. */
static int drop_window(struct opal_unit *unit, struct opal_pe *pe)
{
	int status = 0;

	begin_move(unit, pe, NULL);
	if (unit->base.enabled) {
		status = iommu_opal_close_window(unit, pe);
		if (status == 0)
			status = iommu_opal_forget(unit, OPAL_KILL_PE, opal_number_of(unit, pe), 0,
						   0, 0);
	}
	if (status != 0)
		iommu_opal_note_failure(unit);
	end_move(unit, pe);
	return status == 0 || status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
}

int iommu_opal_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct opal_domain *domain = opal_domain_of(base);
	struct opal_pe *pe = endpoint->unit_data;
	int status = 0;

	if (endpoint->unit != &domain->unit->base)
		return IOMMU_EINVAL;
	iommu_opal_close_stuck(domain->unit);
	/* Others of its PE have it already: there is one window for all. */
	if (pe->domain != domain)
		status = switch_window(domain->unit, pe, domain);
	if (status == 0 && endpoint->domain == NULL)
		pe->endpoints++;
	return status;
}

int iommu_opal_detach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct opal_pe *pe = endpoint->unit_data;

	(void)base;
	/* What others of its PE use it has, too: they cannot be told apart. */
	if (--pe->endpoints != 0)
		return 0;
	return drop_window(opal_unit_of(endpoint->unit), pe);
}

int iommu_opal_attach_blocked(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct opal_pe *pe = endpoint->unit_data;

	if (endpoint->unit != &opal_domain_of(base)->unit->base)
		return IOMMU_EINVAL;
	if (endpoint->domain == NULL)
		pe->endpoints++;
	return pe->domain != NULL ? drop_window(opal_unit_of(endpoint->unit), pe) : 0;
}
