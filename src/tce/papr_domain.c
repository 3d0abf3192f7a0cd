/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains of a hypervisor's window: a table that the hypervisor's entries follow, and blocked. */
#include <libiommu/status.h>

#include "tce/papr_unit.h"

static iommu_iova_t base_of(const struct papr_domain *domain)
{
	return domain->unit->config.window.address;
}

/* --- Attaching -------------------------------------------------------------------------------- */

int iommu_papr_apply(struct papr_unit *unit)
{
	struct papr_domain *domain = unit->is_on ? unit->domain : NULL;
	const bool is_open = domain != NULL && !domain->is_blocked;
	int direct = iommu_papr_set_direct(unit, is_open && domain->base.bypass_size != 0);
	int status = iommu_papr_switch(unit, is_open ? domain : NULL);

	if (status == 0)
		status = direct;
	papr_set_in_doubt(unit, status != 0);
	return status == 0 || status == IOMMU_ETIMEDOUT || status == IOMMU_EIO
		       ? status
		       : PAPR_REFUSE(unit, status, "the hypervisor refuses an entry of its window");
}

int iommu_papr_confirm(struct papr_unit *unit)
{
	int status = papr_is_in_doubt(unit) ? iommu_papr_apply(unit) : 0;
	int settled = iommu_papr_settle(unit);

	return status != 0 ? status : settled;
}

static void tell(struct papr_unit *unit, struct papr_domain *domain)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	unit->domain = domain;
	iommu_spin_unlock(unit->platform, &unit->lock, state);
}

/* On failure the unit uses the domain from before, perhaps in doubt. */
static int switch_to(struct papr_unit *unit, struct papr_domain *domain)
{
	struct papr_domain *before = unit->domain;
	int status;

	tell(unit, domain);
	status = iommu_papr_apply(unit);
	if (status == 0)
		return 0;
	tell(unit, before);
	(void)iommu_papr_apply(unit);
	return status;
}

/*
 * Another member has brought the window there. What is open does not make this fail: the first
 * member would have to go back, and take the window along.
 */
static int join(struct papr_unit *unit)
{
	(void)iommu_papr_confirm(unit);
	return papr_is_in_doubt(unit) ? IOMMU_EIO : 0;
}

static int attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct papr_domain *domain = papr_domain_of(base);
	struct papr_unit *unit = domain->unit;
	int status;

	if (endpoint->unit != &unit->base)
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EINVAL,
				    "the domain is another window's");
	/* Other members use it already: there is one window for all. */
	status = unit->domain != domain ? switch_to(unit, domain) : join(unit);
	if (status == 0 && endpoint->domain == NULL)
		unit->endpoints++;
	return status;
}

static int detach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct papr_unit *unit = papr_unit_of(endpoint->unit);

	(void)base;
	if (--unit->endpoints != 0)
		return 0;
	tell(unit, NULL);
	return iommu_papr_apply(unit);
}

/* --- Mapping ---------------------------------------------------------------------------------- */

/* What was cleared in the book goes to a gather by its addresses in the window. */
static void hand_over(const struct papr_domain *domain, struct iommu_gather *cleared,
		      struct iommu_gather *gather)
{
	if (!iommu_gather_is_empty(cleared)) {
		cleared->start += base_of(domain);
		cleared->last += base_of(domain);
	}
	iommu_tce_ops.merge_gathered(&domain->book, gather, cleared);
}

static int domain_map(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot, struct iommu_gather *gather,
		      uint64_t *mapped)
{
	struct papr_domain *domain = papr_domain_of(base);
	struct iommu_gather cleared;
	int status;

	iommu_gather_init(&cleared);
	status = iommu_tce_map(&domain->book, iova - base_of(domain), paddr, size, prot, &cleared,
			       mapped);
	hand_over(domain, &cleared, gather);
	return status;
}

/* The entries of any bytes: a page is followed wherever in it they begin and end. */
static int follow(struct papr_domain *domain, iommu_iova_t iova, uint64_t size)
{
	const unsigned int shift = domain->unit->config.window.page_shift;
	const iommu_iova_t base = base_of(domain), last = iova + (size - 1);
	const uint64_t first = iova > base ? (iova - base) >> shift : 0;

	/* Below the window nothing is. */
	return last < base ? 0
			   : iommu_papr_follow(domain, first, ((last - base) >> shift) - first + 1);
}

/* Is it the domain that the unit is to use, and may the window not follow it? */
static bool is_torn(const struct papr_domain *domain)
{
	struct papr_unit *unit = domain->unit;
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);
	const bool is_torn = papr_is_in_doubt(unit) && unit->domain == domain;

	iommu_spin_unlock(unit->platform, &unit->lock, state);
	return is_torn;
}

/*
 * May devices reach all of memory beside the domain? A bypass, which another domain was to have,
 * was not closed for certain.
 */
static bool is_astray(const struct papr_domain *domain)
{
	struct papr_unit *unit = domain->unit;
	uintptr_t state;
	bool is_used;

	if (domain->base.bypass_size != 0 || papr_direct_holds(unit) != PAPR_DIRECT_UNSURE)
		return false;
	state = iommu_spin_lock(unit->platform, &unit->lock);
	is_used = unit->domain == domain;
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	return is_used;
}

/* What is open: nothing was unmapped for certain before all of it is confirmed. */
static int settle(const struct papr_domain *domain)
{
	int status = iommu_papr_settle(domain->unit);

	return status == 0 && is_astray(domain) ? IOMMU_EIO : status;
}

static int domain_sync_map(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	struct papr_domain *domain = papr_domain_of(base);
	int settled = iommu_papr_settle(domain->unit);
	int status = follow(domain, iova, size);

	if (status == 0)
		status = settled;
	return status == 0 && is_torn(domain) ? IOMMU_EIO : status;
}

/* Entries are clear when this returns: nothing is left to wait for. */
static int domain_unmap(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
			unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	struct papr_domain *domain = papr_domain_of(base);
	int settled = settle(domain);
	struct iommu_gather cleared;
	int status;

	iommu_gather_init(&cleared);
	status = iommu_tce_unmap(&domain->book, iova - base_of(domain), size, flags, &cleared,
				 unmapped);
	hand_over(domain, &cleared, gather);
	if (status == 0)
		status = follow(domain, iova, size);
	return status != 0 ? status : settled;
}

/* Tables of the book: a CPU that still reads them holds the lock. */
static void domain_free_gathered(struct iommu_domain *base, struct iommu_gather *gather)
{
	struct papr_domain *domain = papr_domain_of(base);
	struct papr_unit *unit = domain->unit;

	iommu_spin_unlock(unit->platform, &unit->lock,
			  iommu_spin_lock(unit->platform, &unit->lock));
	iommu_tce_free_gathered(&domain->book, gather);
}

static int domain_sync(struct iommu_domain *base, struct iommu_gather *gather)
{
	domain_free_gathered(base, gather);
	return settle(papr_domain_of(base));
}

static int domain_flush_all(struct iommu_domain *base)
{
	return settle(papr_domain_of(base));
}

static int domain_iova_to_phys(const struct iommu_domain *base, iommu_iova_t iova,
			       iommu_paddr_t *paddr)
{
	const struct papr_domain *domain = papr_domain_of(base);

	return iommu_tce_iova_to_phys(&domain->book, iova - base_of(domain), paddr, NULL);
}

/* Addresses of the book begin with 0 at the start of the window. */
struct walk {
	iommu_pgtable_visitor visitor;
	void *ctx;
	iommu_iova_t base;
};

static int visit(void *ctx, const struct iommu_pgtable_visit *visit)
{
	const struct walk *walk = ctx;
	struct iommu_pgtable_visit moved = *visit;

	moved.iova += walk->base;
	return walk->visitor(walk->ctx, &moved);
}

static int domain_walk(const struct iommu_domain *base, iommu_iova_t start, iommu_iova_t last,
		       iommu_pgtable_visitor visitor, void *ctx)
{
	const struct papr_domain *domain = papr_domain_of(base);
	struct walk walk = {visitor, ctx, base_of(domain)};

	return iommu_tce_walk(&domain->book, start - walk.base, last - walk.base, visit, &walk);
}

static void domain_get_info(const struct iommu_domain *base, struct iommu_domain_info *info)
{
	const struct papr_domain *domain = papr_domain_of(base);

	info->coherent = true;
	if (domain->is_blocked)
		return;
	info->table_pages = iommu_cell_load(&domain->book.pages);
	info->levels = domain->book.levels;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void domain_free(struct iommu_domain *base)
{
	struct papr_domain *domain = papr_domain_of(base);
	const struct iommu_platform *platform = domain->unit->platform;

	if (!domain->is_blocked)
		iommu_tce_destroy(&domain->book);
	platform->free_pages(platform->ctx, domain, 0);
}

static const struct iommu_domain_ops paging_ops = {
	.attach = attach,
	.detach = detach,
	.free = domain_free,
	.map_pages = domain_map,
	.unmap_pages = domain_unmap,
	.sync_map = domain_sync_map,
	.sync = domain_sync,
	.flush_all = domain_flush_all,
	.free_gathered = domain_free_gathered,
	.iova_to_phys = domain_iova_to_phys,
	.walk = domain_walk,
	.get_info = domain_get_info,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach = attach,
	.detach = detach,
	.free = domain_free,
	.get_info = domain_get_info,
};

#define LEVEL_BITS 9

static int make_book(struct papr_domain *domain, const struct iommu_domain_config *config)
{
	const struct iommu_papr_window *window = &domain->unit->config.window;
	const unsigned int bits = iommu_highest_bit(window->size - 1) + 1;
	struct iommu_pgtable_config book = {
		.platform = domain->unit->platform,
		.levels = 1,
		.input_bits = bits > window->page_shift ? bits : window->page_shift + 1,
		.output_bits = 56,
		.pgsize_bitmap = 1ULL << window->page_shift,
		.max_pages = config->max_table_pages,
		.node = iommu_node_near(config->near_node, IOMMU_NODE_ANY),
	};

	while (window->page_shift + LEVEL_BITS * book.levels < bits)
		book.levels++;
	return iommu_tce_init(&domain->book, &book);
}

/* Do devices of so many address bits reach all of memory through the second window? */
static bool is_bypass_reached(const struct papr_unit *unit, unsigned int width)
{
	const struct iommu_papr_window *direct = &unit->config.direct;
	const iommu_iova_t last = direct->address + (papr_memory_limit(unit) - 1);

	return direct->size != 0 && (width == 0 || width >= 64 || last >> width == 0);
}

static int make_paging(struct papr_domain *domain, const struct iommu_domain_config *config)
{
	const struct papr_unit *unit = domain->unit;
	const struct iommu_papr_window *window = &unit->config.window;
	const unsigned int width = config->address_width;
	int status;

	if (config->force_snoop)
		return PAPR_REFUSE(unit, IOMMU_EOPNOTSUPP, "it forces no snooping");
	if (config->pgsize_bitmap != 0 && (config->pgsize_bitmap >> window->page_shift & 1) == 0)
		return PAPR_REFUSE(unit, IOMMU_EINVAL, "its window has pages of another size");
	domain->base.aperture_last = window->address + (window->size - 1);
	if (width != 0 && width < 64 && domain->base.aperture_last >> width != 0)
		domain->base.aperture_last = (1ULL << width) - 1;
	if (domain->base.aperture_last < window->address)
		return PAPR_REFUSE(unit, IOMMU_EINVAL,
				   "its window begins beyond so few address bits");
	status = make_book(domain, config);
	if (status != 0)
		return status;
	domain->base.pgsize_bitmap = 1ULL << window->page_shift;
	domain->base.paddr_last = domain->book.paddr_last;
	domain->base.prot_hints = IOMMU_PROT_MAY_SLEEP;
	domain->book.aperture_last = domain->base.aperture_last - window->address;
	if (config->bypass && is_bypass_reached(unit, config->bypass_width)) {
		domain->base.bypass_offset = unit->config.direct.address;
		domain->base.bypass_size = papr_memory_limit(unit);
	}
	return 0;
}

_Static_assert(sizeof(struct papr_domain) <= IOMMU_PAGE_SIZE, "it is one page");

int iommu_papr_domain_alloc(struct iommu_unit *base, enum iommu_domain_type type,
			    const struct iommu_domain_config *config, struct iommu_domain **result)
{
	struct papr_unit *unit = papr_unit_of(base);
	const struct iommu_platform *platform = unit->platform;
	struct papr_domain *domain;
	int status = 0;

	if (type != IOMMU_DOMAIN_PAGING && type != IOMMU_DOMAIN_BLOCKED)
		return PAPR_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no such type of domain");
	domain = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (domain == NULL)
		return IOMMU_ENOMEM;
	domain->unit = unit;
	domain->is_blocked = type == IOMMU_DOMAIN_BLOCKED;
	domain->base.ops = domain->is_blocked ? &blocked_ops : &paging_ops;
	domain->base.aperture_last = UINT64_MAX;
	if (!domain->is_blocked)
		status = make_paging(domain, config);
	if (status != 0) {
		platform->free_pages(platform->ctx, domain, 0);
		return status;
	}
	*result = &domain->base;
	return 0;
}
