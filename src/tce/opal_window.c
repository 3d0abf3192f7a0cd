/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows of PEs: opening, switching and closing; attach and detach of endpoints. */
#include <libiommu/status.h>

#include "tce/opal.h"

static void count_move(struct opal_pe *pe)
{
	__atomic_store_n(&pe->moves, pe->moves + 1, __ATOMIC_SEQ_CST);
}

/*
 * Begin a change to a domain, or to none: the PE counts in the old one, too, until the change is
 * done or undone. IOMMU_ENOMEM.
 */
static int begin_move(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	struct iommu_place *place = NULL;

	if (domain != NULL) {
		place = iommu_place_get(&domain->common, &unit->place_cache, &unit->state, pe);
		if (place == NULL)
			return IOMMU_ENOMEM;
	}
	count_move(pe);
	pe->leaving = pe->domain;
	pe->domain = domain;
	if (place != NULL)
		iommu_place_enter(place);
	return 0;
}

static void leave(struct opal_pe *pe, const struct opal_domain *domain)
{
	if (domain != NULL)
		(void)iommu_place_leave(iommu_place_find(&domain->common, pe));
	pe->leaving = NULL;
	count_move(pe);
}

/*
 * The bridge was invalidated for the old domain; or everything is, before anything relies on that.
 */
static void end_move(struct opal_pe *pe)
{
	leave(pe, pe->leaving);
}

/* The change is undone. */
static void cancel_move(struct opal_pe *pe)
{
	const struct opal_domain *domain = pe->domain;

	pe->domain = pe->leaving;
	leave(pe, domain);
}

/*
 * A PE in doubt counts among the parts of the unit in doubt, and makes the unit suspect: it is not
 * known what the bridge reads through such a window. When the doubt ends the unit is suspect once
 * more, for what was cached until then.
 */
static void set_unsure(struct opal_unit *unit, struct opal_pe *pe, bool is_unsure)
{
	if (pe->is_unsure == is_unsure)
		return;
	iommu_unit_set_in_doubt(&unit->state, is_unsure);
	__atomic_store_n(&pe->is_unsure, is_unsure, __ATOMIC_RELEASE);
}

/* --- Windows ---------------------------------------------------------------------------------- */

/*
 * A window counts as open from before firmware is told to open it until it has confirmed that it is
 * closed.
 */
static int open_second(struct opal_unit *unit, struct opal_pe *pe, const struct opal_domain *domain)
{
	const struct iommu_pgtable *table = opal_user_table(domain, 1);
	const uint32_t number = opal_number_of(unit, pe);

	return table != NULL ? iommu_opal_set_table(unit, number, 1, table)
			     : iommu_opal_set_bypass(unit, number, true);
}

/* The second window: with a table of the domain, or all of memory; or (NULL) closed. */
static int set_second(struct opal_unit *unit, struct opal_pe *pe, const struct opal_domain *domain)
{
	const bool is_open = domain != NULL;
	int status;

	if (!is_open && !pe->is_bypassed)
		return 0;
	pe->is_bypassed = true;
	status = is_open ? open_second(unit, pe, domain)
			 : iommu_opal_set_bypass(unit, opal_number_of(unit, pe), false);
	if (status == 0)
		pe->is_bypassed = is_open;
	return status;
}

static int set_window(struct opal_unit *unit, struct opal_pe *pe, const struct opal_domain *domain)
{
	const bool is_open =
		domain != NULL && (!domain->has_user_windows || domain->windows[0].is_open);
	int status;

	if (!is_open && !pe->is_open)
		return 0;
	pe->is_open = true;
	status = iommu_opal_set_window(unit, opal_number_of(unit, pe), domain);
	if (status == 0)
		pe->is_open = is_open;
	return status;
}

static bool wants_second(const struct opal_domain *domain)
{
	/* The other kind of bypass lies in the first window. */
	return domain != NULL && ((domain->common.base.bypass_size != 0 &&
				   domain->common.base.bypass_offset == OPAL_BYPASS_START) ||
				  opal_user_table(domain, 1) != NULL);
}

static void set_shown(struct opal_pe *pe, bool is_shown)
{
	__atomic_store_n(&pe->is_shown, is_shown, __ATOMIC_RELEASE);
}

/* Both windows as a domain needs them, or (NULL) closed; returns the first error. */
static int set_windows(struct opal_unit *unit, struct opal_pe *pe, const struct opal_domain *domain)
{
	int bypass, window;

	set_shown(pe, false);
	bypass = set_second(unit, pe, wants_second(domain) ? domain : NULL);
	window = set_window(unit, pe, domain);
	set_shown(pe, bypass == 0 && window == 0 && domain != NULL);
	__atomic_store_n(&pe->is_astray, bypass != 0 || window != 0, __ATOMIC_RELEASE);
	set_unsure(unit, pe, bypass != 0 || window != 0);
	return bypass != 0 ? bypass : window;
}

/*
 * The domain that the PE is to use cannot be opened: closed, as far as firmware obeys, and in
 * doubt.
 */
static void tear(struct opal_unit *unit, struct opal_pe *pe)
{
	(void)set_windows(unit, pe, NULL);
	set_unsure(unit, pe, true);
}

/* The domain that a PE's windows should be of. */
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

	if (unit->state.in_doubt == 0)
		return 0;
	for (i = 0; i < unit->config.pes; i++) {
		struct opal_pe *pe = &unit->pes[i];
		int status = pe->is_unsure ? restore_windows(unit, pe, pe->domain) : 0;

		if (result == 0)
			result = status;
	}
	/* Domains that waited for that are freed when the bridge was invalidated, too. */
	forgotten = iommu_opal_forget_all(unit);
	return result != 0 ? result : forgotten;
}

/* --- Moving ----------------------------------------------------------------------------------- */

/*
 * Set a PE's windows to those of a domain, or close them, and invalidate the bridge for the old
 * ones.
 */
static int use_windows(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	const bool was_closed = !pe->is_open && !pe->is_bypassed && !pe->is_unsure;
	/* No window is opened while an invalidation of the bridge is open. */
	int status = domain != NULL ? iommu_opal_forget_failed(unit) : 0;

	if (status == 0)
		status = set_windows(unit, pe, domain);
	if (status != 0 || (domain == NULL && was_closed))
		return status;
	return iommu_opal_forget(unit, OPAL_KILL_PE, opal_number_of(unit, pe), 0, 0, 0);
}

int iommu_opal_reset_windows(struct opal_unit *unit, const struct opal_domain *domain)
{
	unsigned int i;
	int result = 0;

	for (i = 0; i < unit->config.pes; i++) {
		struct opal_pe *pe = &unit->pes[i];
		int status;

		if (pe->domain != domain)
			continue;
		count_move(pe);
		status = restore_windows(unit, pe, pe->domain);
		if (status == 0)
			status = iommu_opal_forget(unit, OPAL_KILL_PE, i, 0, 0, 0);
		count_move(pe);
		if (result == 0)
			result = status;
	}
	if (result != 0)
		iommu_unit_note_failure(&unit->state);
	return result;
}

/*
 * Have a PE use another domain, or none; on failure it uses the one from before, perhaps in doubt.
 */
static int switch_window(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	int status = begin_move(unit, pe, domain);

	if (status != 0)
		return status;
	status = use_windows(unit, pe, unit->is_on ? domain : NULL);
	if (status == 0) {
		end_move(pe);
		return 0;
	}
	/* The bridge may have cached either until the window is set: only then is that noted. */
	(void)restore_windows(unit, pe, pe->leaving);
	iommu_unit_note_failure(&unit->state);
	cancel_move(pe);
	return status;
}

/* Close a PE's windows; whatever is returned, the PE is to use no domain. */
static int drop_window(struct opal_unit *unit, struct opal_pe *pe)
{
	int status;

	(void)begin_move(unit, pe, NULL);
	status = use_windows(unit, pe, NULL);
	if (status != 0)
		iommu_unit_note_failure(&unit->state);
	end_move(pe);
	return status == 0 || status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
}

/*
 * Another member has brought the PE there. A failure of other PEs does not matter here: the first
 * member would have to go back, and take the PE along.
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
	iommu_release_confirmed(&unit->set);
	/* Other members of the PE use it already: a PE has one window. */
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
	/* Other members of the PE still use it: they cannot be told apart. */
	if (--pe->endpoints != 0)
		return 0;
	return drop_window(opal_unit_of(endpoint->unit), pe);
}
