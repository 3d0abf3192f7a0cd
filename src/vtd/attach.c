/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which domain an endpoint uses, and what a domain becomes by the units that it is used on.
 *
 * A domain has a place on each unit that it was ever attached to: a domain id and a count of
 * endpoints. Places are only ever added while the domain lives, so that the map path can read them
 * without a lock; the domain id is held only while there are endpoints. The order that makes this
 * safe: the id is stored before the count rises, and a reader reads the count before the id. If he
 * sees the count of before a detach, his entries were cleared before the context entry of the next
 * attach was written, and hardware caches nothing of them under the new id.
 *
 * When the first endpoint behind a unit joins, the domain is cut down to what that unit can do; when
 * the last one leaves, page sizes and coherency are found anew from the units that are left.
 */
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "vtd/vtd.h"

/* --- Places on units -------------------------------------------------------------------------- */

static struct vtd_attachment *attachment_find(const struct vtd_domain *domain,
					      const struct vtd_unit *unit)
{
	struct vtd_attachment *attachment = __atomic_load_n(&domain->attachments, __ATOMIC_ACQUIRE);

	while (attachment != NULL && attachment->unit != unit)
		attachment = attachment->next;
	return attachment;
}

/* The domain's place on a unit; made on first use. */
static struct vtd_attachment *attachment_get(struct vtd_domain *domain, struct vtd_unit *unit)
{
	struct vtd_attachment *attachment = attachment_find(domain, unit);

	if (attachment != NULL)
		return attachment;
	attachment = iommu_object_alloc(&domain->probe->attachment_cache, 0);
	if (attachment == NULL)
		return NULL;
	attachment->unit = unit;
	unit->attachments++;
	attachment->next = domain->attachments;
	__atomic_store_n(&domain->attachments, attachment, __ATOMIC_RELEASE);
	return attachment;
}

void iommu_vtd_attachments_free(struct vtd_domain *domain)
{
	while (domain->attachments != NULL) {
		struct vtd_attachment *attachment = domain->attachments;

		domain->attachments = attachment->next;
		iommu_vtd_unit_put(attachment->unit);
		iommu_object_free(&domain->probe->attachment_cache, attachment);
	}
}

static bool is_used(const struct vtd_attachment *attachment)
{
	return __atomic_load_n(&attachment->endpoints, __ATOMIC_RELAXED) != 0;
}

/* --- What the units can do together ----------------------------------------------------------- */

/* Levels with which a unit walks this domain: as many as it has, or more where the unit must. 0:
 * the unit knows only shallower tables. */
static unsigned int levels_on(const struct vtd_domain *domain, const struct vtd_unit *unit)
{
	unsigned int levels;

	for (levels = domain->pgtable.levels; levels <= VTD_SS_LEVELS_MAX; levels++)
		if ((unit->caps.sagaw >> (levels - 2) & 1) != 0)
			return levels;
	return 0;
}

/* The table of so many levels, at least as many as the domain has; NULL: no memory. */
static void *root_of(struct vtd_domain *domain, unsigned int levels)
{
	void **top;

	if (levels == domain->pgtable.levels)
		return domain->pgtable.root;
	top = &domain->tops[levels - 4];
	if (*top == NULL) {
		void *below = root_of(domain, levels - 1);

		if (below == NULL || iommu_vtdss_extend(&domain->pgtable, below, top) != 0)
			return NULL;
	}
	return *top;
}

/* Make the table shallower until the unit can walk it. */
static int trim_for(struct vtd_domain *domain, const struct vtd_unit *unit)
{
	while (levels_on(domain, unit) == 0) {
		const unsigned int levels = domain->pgtable.levels;
		int status = iommu_vtdss_trim(&domain->pgtable, &domain->tops[levels - 4]);

		if (status != 0)
			return status == IOMMU_ENOMEM ? status : IOMMU_EINVAL;
	}
	return 0;
}

static iommu_iova_t last_of_width(unsigned int width)
{
	return (1ULL << width) - 1;
}

/* Cut the domain down to what the unit can do. On failure nothing has changed that matters. */
static int join(struct vtd_domain *domain, const struct vtd_unit *unit)
{
	struct iommu_pgtable *pt = &domain->pgtable;
	const struct vtd_capabilities *caps = &unit->caps;
	const iommu_iova_t last = last_of_width(caps->guest_width);
	int status = 0;

	if (pt->paddr_last >> unit->output_width != 0 ||
	    ((pt->flags & IOMMU_PGTABLE_FORCE_SNOOP) != 0 && !caps->snoop_control))
		return IOMMU_EINVAL;
	if (last < pt->aperture_last)
		status = iommu_vtdss_set_aperture(pt, last);
	if (status == 0)
		status = iommu_vtdss_set_pgsizes(pt, pt->pgsize_bitmap & caps->pgsize_bitmap);
	if (status != 0)
		return IOMMU_EINVAL;
	status = trim_for(domain, unit);
	if (status != 0)
		return status;
	if (!caps->coherent)
		iommu_vtdss_set_coherent(pt, false);
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

/* Units with endpoints that use the domain. */
static unsigned int units_in_use(const struct vtd_domain *domain)
{
	const struct vtd_attachment *attachment;
	unsigned int units = 0;

	for (attachment = domain->attachments; attachment != NULL; attachment = attachment->next)
		units += is_used(attachment);
	return units;
}

/* What the units that are left can do together; with none left, as before. */
static void find_common(struct vtd_domain *domain)
{
	struct iommu_pgtable *pt = &domain->pgtable;
	const struct vtd_attachment *attachment;
	uint64_t pgsizes = domain->pgsizes;
	iommu_iova_t last = domain->aperture;
	bool coherent = true;

	if (units_in_use(domain) == 0)
		return;
	for (attachment = domain->attachments; attachment != NULL; attachment = attachment->next) {
		const struct vtd_capabilities *caps = &attachment->unit->caps;

		if (!is_used(attachment))
			continue;
		pgsizes &= caps->pgsize_bitmap;
		coherent = coherent && caps->coherent;
		if (last > last_of_width(caps->guest_width))
			last = last_of_width(caps->guest_width);
	}
	if (last > last_of_width(vtd_ss_address_width(pt->levels)))
		last = last_of_width(vtd_ss_address_width(pt->levels));
	/* Growing: none of these can fail. */
	(void)iommu_vtdss_set_pgsizes(pt, pgsizes);
	(void)iommu_vtdss_set_aperture(pt, last);
	if (coherent)
		iommu_vtdss_set_coherent(pt, true);
}

/* Written only when it changes: look-ups may run beside an attach that changes nothing. */
static void show_common(struct vtd_domain *domain)
{
	if (domain->base.aperture_last != domain->pgtable.aperture_last)
		domain->base.aperture_last = domain->pgtable.aperture_last;
	if (domain->base.pgsize_bitmap != domain->pgtable.pgsize_bitmap)
		domain->base.pgsize_bitmap = domain->pgtable.pgsize_bitmap;
}

static void domain_leave_unit(struct vtd_domain *domain)
{
	if (!vtd_domain_has_table(domain))
		return;
	find_common(domain);
	show_common(domain);
}

/* --- Joining and leaving ---------------------------------------------------------------------- */

static void count_up(struct vtd_attachment *attachment)
{
	__atomic_add_fetch(&attachment->endpoints, 1, __ATOMIC_SEQ_CST);
	iommu_full_fence();
}

/* One endpoint less; with the last one the domain id goes, and the domain may do more again. */
static void count_down(struct vtd_domain *domain, struct vtd_attachment *attachment)
{
	if (__atomic_sub_fetch(&attachment->endpoints, 1, __ATOMIC_SEQ_CST) != 0)
		return;
	iommu_vtd_domain_id_free(attachment->unit, attachment->domain_id);
	domain_leave_unit(domain);
}

/* A domain id for the first endpoint behind the unit, and a table that the unit can walk. */
static int first_endpoint(struct vtd_domain *domain, struct vtd_attachment *attachment)
{
	const uint16_t id = iommu_vtd_domain_id_alloc(attachment->unit);
	int status = 0;

	if (id == 0)
		return IOMMU_ENOSPC;
	if (vtd_domain_has_table(domain)) {
		status = join(domain, attachment->unit);
		flush_tops(domain, attachment->unit);
		if (status != 0)
			find_common(domain);
		show_common(domain);
	}
	if (status != 0)
		iommu_vtd_domain_id_free(attachment->unit, id);
	else
		__atomic_store_n(&attachment->domain_id, id, __ATOMIC_RELEASE);
	return status;
}

/* --- Devices that keep translations ----------------------------------------------------------- */

static bool keeps_translations(const struct vtd_domain *domain, const struct vtd_endpoint *endpoint)
{
	return endpoint->device_tlb && vtd_domain_has_table(domain);
}

/* The endpoint's link in the list of this domain; NULL as the domain: a link that is free. */
static struct vtd_tlb_link *link_of(struct vtd_endpoint *endpoint, const struct vtd_domain *domain)
{
	return endpoint->tlb_links[0].domain == domain ? &endpoint->tlb_links[0]
						       : &endpoint->tlb_links[1];
}

static void list_device(struct vtd_domain *domain, struct vtd_endpoint *endpoint)
{
	const struct iommu_platform *platform = domain->probe->platform;
	struct vtd_tlb_link *link = link_of(endpoint, NULL);
	uintptr_t state = iommu_spin_lock(platform, &domain->lock);

	link->endpoint = endpoint;
	link->domain = domain;
	iommu_list_insert(&domain->tlb_devices, &link->node);
	__atomic_add_fetch(&domain->tlb_device_count, 1, __ATOMIC_SEQ_CST);
	iommu_spin_unlock(platform, &domain->lock, state);
}

static void unlist_device(struct vtd_domain *domain, struct vtd_endpoint *endpoint)
{
	const struct iommu_platform *platform = domain->probe->platform;
	struct vtd_tlb_link *link = link_of(endpoint, domain);
	uintptr_t state = iommu_spin_lock(platform, &domain->lock);

	iommu_list_remove(&link->node);
	link->domain = NULL;
	__atomic_sub_fetch(&domain->tlb_device_count, 1, __ATOMIC_SEQ_CST);
	iommu_spin_unlock(platform, &domain->lock, state);
}

/* An endpoint no longer uses the domain that it used. */
static void leave(struct iommu_endpoint *base)
{
	struct vtd_endpoint *endpoint = vtd_endpoint_of(base);
	struct vtd_attachment *attachment;
	struct vtd_domain *domain;

	if (base->domain == NULL)
		return;
	domain = vtd_domain_of(base->domain);
	attachment = attachment_find(domain, endpoint->unit);
	if (attachment == NULL)
		return; /* a blocked domain has no place */
	if (keeps_translations(domain, endpoint))
		unlist_device(domain, endpoint);
	count_down(domain, attachment);
}

/* --- Attach and detach ------------------------------------------------------------------------ */

/* May this endpoint use this domain at all? */
static int check(const struct vtd_domain *domain, const struct vtd_endpoint *endpoint)
{
	if (endpoint->unit->probe != domain->probe)
		return IOMMU_EINVAL;
	if (endpoint->unit->bypassed)
		return IOMMU_EPERM;
	return __atomic_load_n(&endpoint->lost, __ATOMIC_RELAXED) ? IOMMU_EIO : 0;
}

/* Write the context entry for a domain with tables. */
static int enter_tables(struct vtd_domain *domain, struct vtd_endpoint *endpoint,
			uint16_t domain_id)
{
	const unsigned int levels = levels_on(domain, endpoint->unit);
	const uint64_t root = iommu_virt_to_phys(domain->pgtable.platform, root_of(domain, levels));
	const bool keeps = keeps_translations(domain, endpoint);
	int status;

	if (keeps)
		list_device(domain, endpoint);
	status = iommu_vtd_context_write(
		endpoint,
		vtd_context_low(root, keeps ? VTD_TRANSLATE_ALL : VTD_TRANSLATE_UNTRANSLATED),
		vtd_context_high(levels, domain_id));
	if (status != 0 && keeps)
		unlist_device(domain, endpoint);
	return status;
}

/* Levels that a pass-through entry must name: the most that the unit knows. */
static unsigned int deepest(const struct vtd_unit *unit)
{
	if ((unit->caps.sagaw & VTD_SAGAW_5_LEVELS) != 0)
		return 5;
	return (unit->caps.sagaw & VTD_SAGAW_4_LEVELS) != 0 ? 4 : 3;
}

/* Count the endpoint, write its context entry, and leave the domain before. */
static int attach(struct vtd_domain *domain, struct vtd_endpoint *endpoint)
{
	struct vtd_attachment *attachment = attachment_get(domain, endpoint->unit);
	int status = 0;

	if (attachment == NULL)
		return IOMMU_ENOMEM;
	if (!is_used(attachment))
		status = first_endpoint(domain, attachment);
	if (status != 0)
		return status;
	count_up(attachment);
	if (vtd_domain_has_table(domain))
		status = enter_tables(domain, endpoint, attachment->domain_id);
	else
		status = iommu_vtd_context_write(
			endpoint, vtd_context_low(0, VTD_PASS_THROUGH),
			vtd_context_high(deepest(endpoint->unit), attachment->domain_id));
	if (status != 0) {
		count_down(domain, attachment);
		return status;
	}
	leave(endpoint->base);
	return 0;
}

int iommu_vtd_paging_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	int status = check(vtd_domain_of(base), vtd_endpoint_of(endpoint));

	return status != 0 ? status : attach(vtd_domain_of(base), vtd_endpoint_of(endpoint));
}

int iommu_vtd_identity_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	const struct vtd_unit *unit = vtd_unit_of(endpoint->unit);
	int status = check(vtd_domain_of(base), vtd_endpoint_of(endpoint));

	/* What is not translated needs no entry; one of before the bypass goes. */
	if (status == IOMMU_EPERM)
		return endpoint->domain != NULL ? iommu_vtd_detach(base, endpoint) : 0;
	if (status == 0 && !unit->caps.pass_through)
		status = IOMMU_EINVAL;
	return status != 0 ? status : attach(vtd_domain_of(base), vtd_endpoint_of(endpoint));
}

int iommu_vtd_detach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	int status = iommu_vtd_context_write(vtd_endpoint_of(endpoint), 0, 0);

	(void)base;
	leave(endpoint);
	return status;
}

int iommu_vtd_blocked_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	if (vtd_unit_of(endpoint->unit)->bypassed)
		return IOMMU_EPERM;
	if (endpoint->domain == NULL && !iommu_vtd_is_inherited(endpoint))
		return 0;
	return iommu_vtd_detach(base, endpoint);
}

int iommu_vtd_block_inherited(struct iommu_endpoint *endpoint)
{
	return iommu_vtd_context_write(vtd_endpoint_of(endpoint), 0, 0);
}
