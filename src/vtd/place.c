/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's places on units (unit/domain.h), and the properties that it takes from them.
 *
 * With the first endpoint behind a unit the domain gets a domain id there and is restricted to what
 * that unit can do; with the last one that leaves, page sizes and coherency are computed again from
 * the remaining units. A freed domain id may still tag translations in the unit's caches, if the
 * invalidation was not confirmed: no entry with it becomes present before that is confirmed
 * (iommu_vtd_confirm).
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "unit/domain.h"
#include "vtd/cap.h"
#include "vtd/domain.h"
#include "vtd/probe.h"
#include "vtd/quirks.h"
#include "vtd/unit.h"

/* --- Depth ------------------------------------------------------------------------------------ */

/* Levels with which a unit walks this domain: as many as it has, or more where the unit must. 0:
 * the unit knows only shallower tables. */
static unsigned int levels_on(const struct vtd_domain *domain, const struct vtd_unit *unit)
{
	unsigned int levels;

	if (domain->type == VTD_PASID_FIRST_STAGE)
		return domain->common.pgtable.levels;
	for (levels = domain->common.pgtable.levels; levels <= VTD_SS_LEVELS_MAX; levels++)
		if ((unit->caps.sagaw >> (levels - 2) & 1) != 0)
			return levels;
	return 0;
}

#if IOMMU_CONFIG_UNLIKE_UNITS

/* The table of so many levels, at least as many as the domain has; NULL: no memory. */
static void *root_of(struct vtd_domain *domain, unsigned int levels)
{
	void **top;

	if (levels == domain->common.pgtable.levels)
		return domain->common.pgtable.root;
	top = &domain->tops[levels - 4];
	if (*top == NULL) {
		void *below = root_of(domain, levels - 1);

		if (below == NULL || iommu_vtdss_extend(&domain->common.pgtable, below, top) != 0)
			return NULL;
	}
	return *top;
}

iommu_paddr_t iommu_vtd_place_root(struct vtd_domain *domain, const struct vtd_unit *unit,
				   unsigned int *levels)
{
	*levels = levels_on(domain, unit);
	return iommu_virt_to_phys(domain->probe->platform, root_of(domain, *levels));
}

/* Make the table shallower until the unit can walk it. */
static int trim_for(struct vtd_domain *domain, const struct vtd_unit *unit)
{
	while (levels_on(domain, unit) == 0) {
		const unsigned int levels = domain->common.pgtable.levels;
		int status = iommu_vtdss_trim(&domain->common.pgtable, &domain->tops[levels - 4]);

		if (status != 0)
			return status == IOMMU_ENOMEM ? status
						      : VTD_REFUSE(unit, IOMMU_EINVAL,
								   "the domain has mappings beyond "
								   "its tables' depth");
	}
	return 0;
}

#else

iommu_paddr_t iommu_vtd_place_root(struct vtd_domain *domain, const struct vtd_unit *unit,
				   unsigned int *levels)
{
	(void)unit;
	*levels = domain->common.pgtable.levels;
	return iommu_virt_to_phys(domain->probe->platform, domain->common.pgtable.root);
}

#endif

/* --- What the units can do together ----------------------------------------------------------- */

static iommu_iova_t last_of_width(unsigned int width)
{
	return (1ULL << width) - 1;
}

static bool is_first_stage(const struct vtd_domain *domain)
{
	return domain->type == VTD_PASID_FIRST_STAGE;
}

/* The page sizes that a unit has for such a domain. */
static uint64_t sizes_on(const struct vtd_domain *domain, const struct vtd_unit *unit)
{
	return is_first_stage(domain) ? unit->caps.first_stage_sizes : unit->caps.pgsize_bitmap;
}

#if IOMMU_CONFIG_SCALABLE
/* Can the unit walk a second stage that cannot be fitted to it? */
static bool fits_foreign(const struct vtd_domain *domain, const struct vtd_unit *unit)
{
	const struct vtd_capabilities *caps = &unit->caps;

	return caps->coherent && (caps->sagaw >> (domain->foreign_levels - 2) & 1) != 0 &&
	       (domain->pgsizes & ~caps->pgsize_bitmap) == 0 &&
	       domain->aperture <= last_of_width(caps->guest_width);
}

/* What a table of another owner relies on. */
static bool has_first_flags(const struct vtd_domain *domain, const struct vtd_unit *unit)
{
	const uint64_t ecap = unit->caps.ecap;

	if (!vtd_is_scalable(unit))
		return true; /* it has no first stage at all */
	return ((domain->first_flags & VTD_PASID_SRE) == 0 || (ecap & VTD_ECAP_SRS) != 0) &&
	       ((domain->first_flags & VTD_PASID_EAFE) == 0 || (ecap & VTD_ECAP_EAFS) != 0);
}
#else
#define fits_foreign(domain, unit)    true
#define has_first_flags(domain, unit) true
#endif

/* Can the unit translate by this domain's stages at all? */
static bool unit_knows(const struct vtd_domain *domain, const struct vtd_unit *unit)
{
	const struct vtd_capabilities *caps = &unit->caps;
	const unsigned int first_levels = vtd_domain_has_table(domain)
						  ? domain->common.pgtable.levels
						  : domain->foreign_levels;
	const bool has_depth = first_levels <= 4 || caps->first_stage_5;

	if (!caps->translates || !has_first_flags(domain, unit))
		return false;
	if ((domain->snoops && !caps->snoop_control) ||
	    (domain->dirty_wanted && !vtd_is_scalable(unit)) ||
	    (domain->nest_parent && !(vtd_is_scalable(unit) && caps->nested)))
		return false;
	/* A unit that was added after the domain was made. */
	if (vtd_has_quirk(unit, IOMMU_VTD_QUIRK_WRITABLE_PARENTS) && domain->nest_parent &&
	    !vtd_is_writable_parent(domain))
		return false;
	switch (domain->type) {
	case VTD_PASID_FIRST_STAGE:
		/* A table of another owner is not flushed here; and see choose_mode in probe.c. */
		return vtd_is_scalable(unit) && caps->first_stage && has_depth &&
		       (caps->coherent || (vtd_domain_has_table(domain) && !domain->dirty_wanted));
	case VTD_PASID_SECOND_STAGE:
		if (!vtd_domain_has_table(domain) && !fits_foreign(domain, unit))
			return false;
		return !vtd_is_scalable(unit) ||
		       (caps->second_stage && (!domain->dirty_wanted || caps->dirty));
	case VTD_PASID_NESTED:
		return vtd_is_scalable(unit) && caps->nested && has_depth;
	case VTD_PASID_PASS_THROUGH:
		return caps->pass_through;
	default:
		return true;
	}
}

/* Does the domain lead to memory beyond the unit's addresses, or force snooping that it cannot? */
static bool is_beyond(const struct vtd_domain *domain, const struct vtd_unit *unit)
{
	const struct iommu_pgtable *pt = &domain->common.pgtable;

	return pt->paddr_last >> unit->output_width != 0 ||
	       ((pt->flags & IOMMU_PGTABLE_FORCE_SNOOP) != 0 && !unit->caps.snoop_control);
}

#if IOMMU_CONFIG_UNLIKE_UNITS

/* Cut the domain down to what the unit can do. On failure nothing has changed that matters. */
static int place_join(struct vtd_domain *domain, const struct vtd_unit *unit)
{
	struct iommu_pgtable *pt = &domain->common.pgtable;
	const struct vtd_capabilities *caps = &unit->caps;
	const iommu_iova_t last = last_of_width(caps->guest_width);
	int status = 0;

	if (is_beyond(domain, unit))
		return VTD_REFUSE(
			unit, IOMMU_EINVAL,
			"the domain maps memory beyond its addresses, or forces snooping, "
			"which it cannot");
	if (!is_first_stage(domain) && last < pt->aperture_last)
		status = iommu_vtdss_set_aperture(pt, last);
	if (status == 0)
		status = domain->common.format->set_pgsizes(pt, pt->pgsize_bitmap &
									sizes_on(domain, unit));
	if (status != 0)
		return VTD_REFUSE(
			unit, IOMMU_EINVAL,
			"the domain has mappings beyond its width, or of page sizes that it "
			"does not have");
	status = is_first_stage(domain) ? 0 : trim_for(domain, unit);
	if (status != 0)
		return status;
	if (!caps->coherent)
		domain->common.format->set_coherent(pt, false);
	return root_of(domain, levels_on(domain, unit)) != NULL ? 0 : IOMMU_ENOMEM;
}

/* Flush the tops, too, of a domain that is no longer coherent. */
static void flush_tops(const struct vtd_domain *domain, const struct vtd_unit *unit)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (domain->tops[i] != NULL)
			vtd_flush(unit, domain->tops[i], IOMMU_PAGE_SIZE);
}

static const struct vtd_unit *unit_at(const struct iommu_place *place)
{
	return place->at;
}

/* Units with endpoints that use the domain. */
static unsigned int units_in_use(const struct vtd_domain *domain)
{
	const struct iommu_place *place;
	unsigned int units = 0;

	for (place = domain->common.places; place != NULL; place = place->next)
		units += iommu_place_is_used(place);
	return units;
}

/* What the units that are left can do together; with none left, as before. */
static void find_common(struct vtd_domain *domain)
{
	struct iommu_pgtable *pt = &domain->common.pgtable;
	const struct iommu_place *place;
	uint64_t pgsizes = domain->pgsizes;
	iommu_iova_t last = domain->aperture;
	bool coherent = true;

	if (units_in_use(domain) == 0)
		return;
	for (place = domain->common.places; place != NULL; place = place->next) {
		const struct vtd_capabilities *caps = &unit_at(place)->caps;

		/* One that has not confirmed that it left may still walk the table. */
		if (!iommu_place_is_used(place) && !iommu_unit_is_suspect(place->unit))
			continue;
		pgsizes &= sizes_on(domain, unit_at(place));
		coherent = coherent && caps->coherent;
		if (last > last_of_width(caps->guest_width))
			last = last_of_width(caps->guest_width);
	}
	/* Growing: none of these can fail. */
	(void)domain->common.format->set_pgsizes(pt, pgsizes);
	if (coherent)
		domain->common.format->set_coherent(pt, true);
	if (is_first_stage(domain))
		return;
	if (last > last_of_width(vtd_ss_address_width(pt->levels)))
		last = last_of_width(vtd_ss_address_width(pt->levels));
	(void)iommu_vtdss_set_aperture(pt, last);
}

/* Written only when it changes: look-ups may run beside an attach that changes nothing. */
static void show_common(struct vtd_domain *domain)
{
	if (domain->common.base.aperture_last != domain->common.pgtable.aperture_last)
		domain->common.base.aperture_last = domain->common.pgtable.aperture_last;
	if (domain->common.base.pgsize_bitmap != domain->common.pgtable.pgsize_bitmap)
		domain->common.base.pgsize_bitmap = domain->common.pgtable.pgsize_bitmap;
}

#else

/* The domain stays as it was made: the unit must be able to do all of that. */
static int place_join(struct vtd_domain *domain, const struct vtd_unit *unit)
{
	const struct iommu_pgtable *pt = &domain->common.pgtable;
	const struct vtd_capabilities *caps = &unit->caps;

	if (is_beyond(domain, unit) || (pt->pgsize_bitmap & ~sizes_on(domain, unit)) != 0 ||
	    (!caps->coherent && (pt->flags & IOMMU_PGTABLE_NONCOHERENT) == 0) ||
	    (!is_first_stage(domain) && pt->aperture_last > last_of_width(caps->guest_width)) ||
	    levels_on(domain, unit) != pt->levels)
		return VTD_REFUSE(unit, IOMMU_EINVAL,
				  "it cannot do all that the unit can which the domain was made "
				  "for");
	return 0;
}

#define flush_tops(domain, unit) ((void)0)
#define find_common(domain)      ((void)0)
#define show_common(domain)      ((void)0)

#endif

/* --- For attaching (unit/attach.h) ------------------------------------------------------------ */

int iommu_vtd_place_find(struct iommu_placed *domain, void *at, struct iommu_place **place)
{
	struct vtd_unit *unit = at;

	if (!unit_knows(vtd_domain_of(&domain->base), unit))
		return VTD_REFUSE(unit, IOMMU_EINVAL,
				  "it cannot translate by the domain's stage, depth, snooping or "
				  "dirty tracking");
	*place = iommu_place_get(domain, &unit->probe->place_cache, &unit->state, unit);
	if (*place == NULL)
		return IOMMU_ENOMEM;
	(*place)->ids = &unit->domain_ids;
	return 0;
}

int iommu_vtd_place_join(struct iommu_placed *common, void *at)
{
	struct vtd_domain *domain = vtd_domain_of(&common->base);
	int status = 0;

	if (vtd_domain_has_table(domain)) {
		status = place_join(domain, at);
		flush_tops(domain, at);
		show_common(domain);
	}
	return status;
}

void iommu_vtd_place_left(struct iommu_placed *common)
{
	struct vtd_domain *domain = vtd_domain_of(&common->base);

	if (!vtd_domain_has_table(domain))
		return;
	find_common(domain);
	show_common(domain);
}
