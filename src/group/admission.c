/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Admission: which domains an endpoint may use, and what the library maps in a domain for its
 * endpoints.
 *
 * Every way into a domain passes here: an attach, a member that joins, the way back to the default
 * domain, the window. Direct regions are counted: each endpoint holds its own in each domain that
 * it is admitted to. A region that two endpoints hold is mapped once, and unmapped with the last of
 * them, so that a failed attach, a detach and a member that leaves undo exactly what their
 * admission did. In an identity domain made of tables, memory counts as held, too.
 *
 * A group's own domains, the default domain and the window, hold the regions of all members from
 * the moment they join: the way back needs no memory, and the addresses are not allocated to other
 * members' drivers whatever is attached meanwhile.
 */
#include <libiommu/domain.h>
#include <libiommu/endpoint.h>
#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "group/group.h"

#if IOMMU_CONFIG_REGIONS

/* A region in a domain. `span` first: the list of the domain is one of spans. */
struct hold {
	struct iommu_span span;
	/* NULL: it has left, and the region could not be taken out of the tables. */
	const struct iommu_endpoint *endpoint;
	/* None of a region: the host had mapped this to itself before one that it is part of. */
	bool is_hosts;
};

static struct hold *hold_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct hold, span.link);
}

/* --- What is mapped by the library ------------------------------------------------------------ */

/* The next address from `at` on that no span but `except` has; false: none up to `last`. */
static bool skip_spans(const struct iommu_list_node *spans, const struct iommu_span *except,
		       iommu_iova_t last, iommu_iova_t *at)
{
	const struct iommu_list_node *node = spans->next;

	while (node != spans) {
		const struct iommu_span *span = iommu_span_of(node);

		node = node->next;
		if (span == except || *at < span->start || *at > span->last)
			continue;
		if (span->last >= last)
			return false;
		*at = span->last + 1;
		node = spans->next; /* one that was passed may begin there */
	}
	return true;
}

/* … and the end of what is free there. */
static void stop_at_spans(const struct iommu_list_node *spans, const struct iommu_span *except,
			  iommu_iova_t at, iommu_iova_t *last)
{
	const struct iommu_list_node *node;

	iommu_list_for_each (node, spans) {
		const struct iommu_span *span = iommu_span_of(node);

		if (span != except && span->start > at && span->start <= *last)
			*last = span->start - 1;
	}
}

/*
 * The next part of a span, from *at on, that nothing else in the domain covers: [*at, *last].
 * False: there is no more.
 */
static bool next_part(const struct iommu_domain *domain, const struct iommu_span *span,
		      iommu_iova_t *at, iommu_iova_t *last)
{
	const struct iommu_list_node *memory =
		iommu_is_identity_table(domain) ? &domain->iommu->memory : NULL;
	iommu_iova_t before;

	do {
		before = *at;
		if (!skip_spans(&domain->holds, span, span->last, at) ||
		    (memory != NULL && !skip_spans(memory, span, span->last, at)))
			return false;
	} while (*at != before);
	*last = span->last;
	stop_at_spans(&domain->holds, span, *at, last);
	if (memory != NULL)
		stop_at_spans(memory, span, *at, last);
	return true;
}

static int span_unmap(struct iommu_domain *domain, const struct iommu_span *span)
{
	iommu_iova_t at = span->start;
	iommu_iova_t last;
	int result = 0;

	while (next_part(domain, span, &at, &last)) {
		/* A large page may reach into what another holds. */
		int status = iommu_unmap_pages(domain, at, last - at + 1, IOMMU_UNMAP_SPLIT, NULL);

		if (result == 0)
			result = status;
		if (last == span->last)
			break;
		at = last + 1;
	}
	return result;
}

int iommu_span_unmap(struct iommu_domain *domain, const struct iommu_span *span)
{
	int status;

	if (!iommu_is_quarantine(domain))
		return span_unmap(domain, span);
	iommu_quarantine_close(domain);
	status = span_unmap(domain, span);
	return iommu_quarantine_settle(domain, status);
}

static int span_map(struct iommu_domain *domain, const struct iommu_span *span, unsigned int prot)
{
	struct iommu_span done = *span;
	iommu_iova_t at = span->start;
	int status = 0;

	while (next_part(domain, span, &at, &done.last)) {
		status = iommu_map_pages(domain, at, at, done.last - at + 1,
					 prot | (domain->prot_hints & IOMMU_PROT_MAY_SLEEP));
		if (status != 0 || done.last == span->last)
			break;
		at = done.last + 1;
	}
	if (status == 0 || at == span->start)
		return status;
	/* What stands in `done` is not on the list: it covers nothing that this must leave. */
	done.last = at - 1;
	(void)span_unmap(domain, &done);
	return status;
}

int iommu_span_map(struct iommu_domain *domain, const struct iommu_span *span, unsigned int prot)
{
	int status;

	if (!iommu_is_quarantine(domain))
		return span_map(domain, span, prot);
	iommu_quarantine_close(domain);
	status = span_map(domain, span, prot);
	return iommu_quarantine_settle(domain, status);
}

#endif

/* --- Regions ---------------------------------------------------------------------------------- */

static bool is_direct(const struct iommu_region *region)
{
	return region->type == IOMMU_REGION_DIRECT || region->type == IOMMU_REGION_DIRECT_RELAXABLE;
}

/* Never handed out: what is there, or what writes there mean, is no driver's buffer. */
static int keep_free(struct iommu_domain *domain, const struct iommu_endpoint *endpoint,
		     const struct iommu_region *region)
{
	const unsigned int shift = domain->page_shift;
	uint64_t first = region->start >> shift;
	uint64_t last = region->last >> shift;
	const uint64_t end = domain->aperture_last >> shift;
	int status;

	/* Page 0, and what lies beyond the aperture, is not handed out anyway. */
	if (!IOMMU_CONFIG_DMA || domain->space == NULL || first > end || last == 0)
		return 0;
	if (first == 0)
		first = 1;
	if (last > end)
		last = end;
	status = iommu_iova_reserve(domain->space, first, last, IOMMU_IOVA_MERGE, NULL);
	return status != IOMMU_EEXIST
		       ? status
		       : IOMMU_REFUSE(domain->iommu, endpoint->name, IOMMU_EEXIST,
				      "buffers are mapped where the device must not go");
}

#if IOMMU_CONFIG_REGIONS

static struct hold *hold_new(struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last)
{
	struct hold *hold = iommu_object_alloc(&domain->iommu->hold_cache, 0);

	if (hold == NULL)
		return NULL;
	hold->span.start = start;
	hold->span.last = last;
	return hold;
}

static void hold_free(struct iommu_domain *domain, struct hold *hold)
{
	iommu_list_remove(&hold->span.link);
	iommu_object_free(&domain->iommu->hold_cache, hold);
}

/* A page that the host has mapped to itself: it stays when the region goes. */
static int note_hosts_page(struct iommu_domain *domain, iommu_iova_t at, uint64_t page)
{
	struct hold *newest = hold_of(domain->holds.previous);
	struct hold *hold;

	if (!iommu_list_is_empty(&domain->holds) && newest->is_hosts &&
	    newest->span.last + 1 == at) {
		newest->span.last += page;
		return 0;
	}
	hold = hold_new(domain, at, at + (page - 1));
	if (hold == NULL)
		return IOMMU_ENOMEM;
	hold->is_hosts = true;
	iommu_list_insert(&domain->holds, &hold->span.link);
	return 0;
}

/* What the host has mapped in [at, last]; what leads elsewhere is in the way. */
static int note_hosts_pages(struct iommu_domain *domain, iommu_iova_t at, iommu_iova_t last)
{
	const uint64_t page = 1ULL << domain->page_shift;

	for (;; at += page) {
		iommu_paddr_t paddr;
		int status = iommu_iova_to_phys(domain, at, &paddr);

		if (status == 0)
			status = paddr == at ? note_hosts_page(domain, at, page) : IOMMU_EEXIST;
		if (status != 0 && status != IOMMU_ENOENT)
			return status;
		if (last - at < page)
			return 0;
	}
}

static int map_beside_hosts(struct iommu_domain *domain, const struct iommu_span *span,
			    unsigned int prot)
{
	iommu_iova_t at = span->start;
	iommu_iova_t last;

	while (next_part(domain, span, &at, &last)) {
		int status = note_hosts_pages(domain, at, last);

		if (status != 0)
			return status;
		if (last == span->last)
			break;
		at = last + 1;
	}
	return iommu_span_map(domain, span, prot);
}

static bool is_part_of_region(const struct iommu_domain *domain, const struct hold *hosts)
{
	const struct iommu_list_node *node;

	iommu_list_for_each (node, &domain->holds) {
		const struct iommu_span *span = iommu_span_of(node);

		if (span != &hosts->span && span->start <= hosts->span.last &&
		    hosts->span.start <= span->last)
			return true;
	}
	return false;
}

/* What no region needs to be kept from unmapping any more. */
static void forget_hosts_pages(struct iommu_domain *domain)
{
	struct iommu_list_node *node, *next;

	for (node = domain->holds.next; node != &domain->holds; node = next) {
		next = node->next;
		if (hold_of(node)->is_hosts && !is_part_of_region(domain, hold_of(node)))
			hold_free(domain, hold_of(node));
	}
}

static int hold_region(struct iommu_domain *domain, const struct iommu_endpoint *endpoint,
		       const struct iommu_region *region)
{
	struct hold *hold;
	int status;

	if (region->last > domain->aperture_last)
		return IOMMU_REFUSE(domain->iommu, endpoint->name, IOMMU_ERANGE,
				    "firmware's region lies beyond the domain's addresses");
	hold = hold_new(domain, region->start, region->last);
	if (hold == NULL)
		return IOMMU_ENOMEM;
	hold->endpoint = endpoint;
	status = iommu_span_map(domain, &hold->span, region->prot);
	if (status == IOMMU_EEXIST)
		status = map_beside_hosts(domain, &hold->span, region->prot);
	if (status == 0)
		iommu_list_insert(&domain->holds, &hold->span.link);
	else
		iommu_object_free(&domain->iommu->hold_cache, hold);
	return status == 0 ? 0
			   : IOMMU_REFUSE(domain->iommu, endpoint->name, status,
					  "firmware's region cannot be mapped in the domain");
}

static bool holds_any(const struct iommu_domain *domain, const struct iommu_endpoint *endpoint)
{
	struct iommu_list_node *node;

	for (node = domain->holds.next; node != &domain->holds; node = node->next)
		if (hold_of(node)->endpoint == endpoint)
			return true;
	return false;
}

#else

static int hold_region(struct iommu_domain *domain, const struct iommu_endpoint *endpoint,
		       const struct iommu_region *region)
{
	(void)region;
	return IOMMU_REFUSE(domain->iommu, endpoint->name, IOMMU_EOPNOTSUPP,
			    "firmware's regions are left out of the library");
}

/* What is kept free for it may be so twice. */
static bool holds_any(const struct iommu_domain *domain, const struct iommu_endpoint *endpoint)
{
	(void)domain;
	(void)endpoint;
	return false;
}

#endif

static int hold_all(struct iommu_domain *domain, const struct iommu_endpoint *endpoint)
{
	struct iommu_region region;
	unsigned int cursor = 0;
	int status = 0;

	if (holds_any(domain, endpoint))
		return 0;
	while (status == 0 && iommu_endpoint_next_region(endpoint, &cursor, &region)) {
		status = keep_free(domain, endpoint, &region);
		if (status == 0 && is_direct(&region))
			status = hold_region(domain, endpoint, &region);
	}
	if (status != 0)
		(void)iommu_dismiss(domain, endpoint);
	return status;
}

/* --- Who may use what ------------------------------------------------------------------------- */

bool iommu_may_use(const struct iommu_domain *domain, const struct iommu_endpoint *endpoint)
{
	/* It reaches more there than it was given, or for longer. */
	return !endpoint->info.untrusted ||
	       !(domain->type == IOMMU_DOMAIN_IDENTITY || domain->type == IOMMU_DOMAIN_DMA_LAZY ||
		 domain->bypass_size != 0);
}

/* Does the library know what belongs where firmware wants to be? */
static bool can_hold(const struct iommu_domain *domain, const struct iommu_endpoint *endpoint)
{
	return iommu_type_is_dma(domain->type) || iommu_is_quarantine(domain) ||
	       (IOMMU_CONFIG_REGIONS &&
		(domain == endpoint->group->window || iommu_is_identity_table(domain)));
}

int iommu_admit(struct iommu_domain *domain, const struct iommu_endpoint *endpoint)
{
	if (!iommu_may_use(domain, endpoint))
		return IOMMU_REFUSE(domain->iommu, endpoint->name, IOMMU_EPERM,
				    "it is untrusted, and the domain lets it reach more than it "
				    "is given, or for longer");
	if (can_hold(domain, endpoint))
		return hold_all(domain, endpoint);
	if ((domain->type == IOMMU_DOMAIN_PAGING || domain->type == IOMMU_DOMAIN_NESTED) &&
	    iommu_has_region(endpoint, IOMMU_REGION_DIRECT))
		return IOMMU_REFUSE(domain->iommu, endpoint->name, IOMMU_EPERM,
				    "firmware wants it to reach a region for ever, which the "
				    "domain's owner does not know of");
	return 0;
}

#if IOMMU_CONFIG_REGIONS

int iommu_dismiss(struct iommu_domain *domain, const struct iommu_endpoint *endpoint)
{
	struct iommu_list_node *node, *next;
	int result = 0;

	for (node = domain->holds.next; node != &domain->holds; node = next) {
		struct hold *hold = hold_of(node);
		int status;

		next = node->next;
		if (hold->is_hosts || (hold->endpoint != endpoint && hold->endpoint != NULL))
			continue;
		status = iommu_span_unmap(domain, &hold->span);
		if (result == 0)
			result = status;
		/*
		 * What is cleared, and not confirmed, is the domain's to confirm; see iommu_unmap.
		 */
		if (status == 0 || iommu_is_unconfirmed(status))
			hold_free(domain, hold);
		else
			hold->endpoint = NULL;
	}
	forget_hosts_pages(domain);
	if (result != 0)
		iommu_log(domain->iommu->platform, IOMMU_LOG_WARNING, endpoint->name,
			  "it left a domain, where its direct regions may be reached by others "
			  "for a while");
	return result;
}

void iommu_holds_free(struct iommu_domain *domain)
{
	while (!iommu_list_is_empty(&domain->holds))
		hold_free(domain, hold_of(domain->holds.next));
}

void iommu_holds_init(struct iommu *iommu)
{
	iommu_object_cache_init(&iommu->hold_cache, iommu->platform, sizeof(struct hold));
}

#endif
