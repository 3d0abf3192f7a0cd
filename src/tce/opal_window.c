/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows of PEs: opened, switched and closed; attaching and detaching their members. */
#include <libiommu/status.h>

#include "tce/opal.h"

/*
 * It goes to a domain, or to none, and is listed with the one before, too, until it has left or
 * stays.
 */
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

/*
 * The bridge has forgotten the one before; or it is told to forget all before anything relies on
 * that.
 */
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

/*
 * A PE in doubt counts among the unit's, and makes it suspect: what the bridge reads through such a
 * window is known only to it. So does the end of the doubt, for what it has read until then.
 */
static void set_unsure(struct opal_unit *unit, struct opal_pe *pe, bool is_unsure)
{
	uintptr_t state;

	if (pe->is_unsure == is_unsure)
		return;
	iommu_opal_note_failure(unit);
	state = iommu_spin_lock(unit->platform, &unit->lock);
	pe->is_unsure = is_unsure;
	__atomic_store_n(&unit->unsure, is_unsure ? unit->unsure + 1 : unit->unsure - 1,
			 __ATOMIC_RELEASE);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
}

bool iommu_opal_is_torn(struct opal_domain *domain)
{
	struct opal_unit *unit = domain->unit;
	struct iommu_list_node *node;
	bool is_torn = false;
	uintptr_t state;

	if (__atomic_load_n(&unit->unsure, __ATOMIC_ACQUIRE) == 0)
		return false;
	state = iommu_spin_lock(unit->platform, &unit->lock);
	iommu_list_for_each (node, &domain->pes)
		is_torn = is_torn || opal_pe_of_link(unit, node)->is_unsure;
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	return is_torn;
}

/* --- Windows ---------------------------------------------------------------------------------- */

/*
 * Both are open from before firmware is told to open them until it has confirmed that they are
 * closed.
 */
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

static int set_window(struct opal_unit *unit, struct opal_pe *pe, const struct opal_domain *domain)
{
	int status;

	if (domain == NULL && !pe->is_open)
		return 0;
	pe->is_open = true;
	__atomic_store_n(&pe->is_shown, false, __ATOMIC_RELEASE);
	status = iommu_opal_set_window(unit, opal_number_of(unit, pe), domain);
	if (status == 0)
		pe->is_open = domain != NULL;
	__atomic_store_n(&pe->is_shown, status == 0 && domain != NULL, __ATOMIC_RELEASE);
	return status;
}

/* Both as a domain wants them, or (NULL) closed; the first failure is the answer. */
static int set_windows(struct opal_unit *unit, struct opal_pe *pe, const struct opal_domain *domain)
{
	const bool wants = domain != NULL && domain->base.bypass_size != 0;
	const int bypass = set_bypass(unit, pe, wants);
	const int window = set_window(unit, pe, domain);

	set_unsure(unit, pe, bypass != 0 || window != 0);
	return bypass != 0 ? bypass : window;
}

/*
 * The domain that it was told to use cannot be had: closed, as far as firmware obeys, and in doubt.
 */
static void tear(struct opal_unit *unit, struct opal_pe *pe)
{
	(void)set_windows(unit, pe, NULL);
	set_unsure(unit, pe, true);
}

/* What a PE's windows should be. */
static int restore_windows(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	int status = set_windows(unit, pe, unit->is_on ? domain : NULL);

	if (status != 0 && unit->is_on && domain != NULL)
		tear(unit, pe);
	return status;
}

int iommu_opal_set_all_windows(struct opal_unit *unit)
{
	unsigned int i;
	int result = 0;

	for (i = 0; i < unit->config.pes; i++) {
		int status = restore_windows(unit, &unit->pes[i], unit->pes[i].domain);

		if (result == 0)
			result = status;
	}
	return result;
}

int iommu_opal_settle(struct opal_unit *unit)
{
	unsigned int i;
	int result = 0;
	int forgotten;

	if (unit->unsure == 0)
		return 0;
	for (i = 0; i < unit->config.pes; i++) {
		struct opal_pe *pe = &unit->pes[i];
		int status = pe->is_unsure ? restore_windows(unit, pe, pe->domain) : 0;

		if (result == 0)
			result = status;
	}
	/* What waited for that goes when the bridge has forgotten it, too. */
	forgotten = iommu_opal_forget_all(unit);
	return result != 0 ? result : forgotten;
}

/* --- Moving ----------------------------------------------------------------------------------- */

/*
 * Have a PE's windows be those of a domain, or closed, and the bridge forget the ones from before.
 */
static int use_windows(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	const bool was_closed = !pe->is_open && !pe->is_bypassed && !pe->is_unsure;
	/*
	 * Nothing is opened while the bridge may remember what an earlier call could not have it
	 * forget.
	 */
	int status = domain != NULL ? iommu_opal_forget_failed(unit) : 0;

	if (status == 0)
		status = set_windows(unit, pe, domain);
	if (status != 0 || (domain == NULL && was_closed))
		return status;
	return iommu_opal_forget(unit, OPAL_KILL_PE, opal_number_of(unit, pe), 0, 0, 0);
}

/*
 * Tell a PE to use another domain, or none; on failure it uses the one from before, perhaps in
 * doubt.
 */
static int switch_window(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	int status;

	begin_move(unit, pe, domain);
	status = use_windows(unit, pe, unit->is_on ? domain : NULL);
	if (status == 0) {
		end_move(unit, pe);
		return 0;
	}
	/*
	 * It may have cached of either, until its window is what it will be: only then is that
	 * noted.
	 */
	(void)restore_windows(unit, pe, pe->leaving);
	iommu_opal_note_failure(unit);
	cancel_move(unit, pe);
	return status;
}

/* Take a PE's windows away; whatever is returned it was told to use none. */
static int drop_window(struct opal_unit *unit, struct opal_pe *pe)
{
	int status;

	begin_move(unit, pe, NULL);
	status = use_windows(unit, pe, NULL);
	if (status != 0)
		iommu_opal_note_failure(unit);
	end_move(unit, pe);
	return status == 0 || status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
}

/*
 * Another member has brought its PE there. Nothing of other PEs makes this fail: the first member
 * would then have to go back, and take the PE along.
 */
static int join(const struct opal_pe *pe)
{
	return pe->is_unsure ? IOMMU_EIO : 0;
}

static int attach(struct opal_domain *domain, struct iommu_endpoint *endpoint)
{
	struct opal_unit *unit = opal_unit_of(endpoint->unit);
	struct opal_pe *pe = endpoint->unit_data;
	int status;

	(void)iommu_opal_settle(unit);
	/* Others of its PE have it already: there is one window for all. */
	status = pe->domain != domain ? switch_window(unit, pe, domain) : join(pe);
	if (status == 0 && endpoint->domain == NULL)
		pe->endpoints++;
	return status;
}

int iommu_opal_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	if (endpoint->unit != &opal_domain_of(domain)->unit->base)
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EINVAL,
				    "the domain is another bridge's");
	return attach(opal_domain_of(domain), endpoint);
}

int iommu_opal_attach_blocked(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	if (endpoint->unit != &opal_domain_of(domain)->unit->base)
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EINVAL,
				    "the domain is another bridge's");
	return attach(NULL, endpoint);
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
