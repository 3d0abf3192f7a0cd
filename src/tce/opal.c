/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host bridges under OPAL: PEs, their windows, and domains of TCE tables.
 *
 * Attach against unmap. A PE is listed with a domain before firmware is told of its window; unmap clears
 * entries, fences, and reads the list. If it does not find the PE, its window was set after the entries
 * were cleared, and the bridge cannot have cached them: setting a window makes it forget the PE.
 *
 * What a bridge did not confirm to have forgotten makes the unit suspect: the next that is told to it is
 * to forget all, and what waited for that is freed then: tables of unmapped ranges, and domains.
 *
 * A window that firmware did not close leads to its domain's tables still: these are kept until it has, and
 * every control call tries again.
 *
 * Locking: the unit's spinlock guards the lists of PEs, the quarantines and the graveyard. Firmware is
 * called without it.
 */
#include <libiommu/hw/tce.h>
#include <libiommu/opal.h>
#include <libiommu/ops.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/deadline.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/spinlock.h"

#define TIMEOUT_NS  1000000000ULL
#define PES_MAX     4096
#define KILL_PAGES  0
#define KILL_PE     1
#define KILL_ALL    2
#define KILL_ONE_BY 8 /* more PEs than that, or pages, and all are told at once */
#define MSI_START   0xffff0000ULL
#define MSI_LAST    0xffffffffULL

static const char opal_name[] = "opal";

struct opal_domain;

struct opal_pe {
	struct iommu_list_node link; /* in the list of its domain; valid while it has one */
	struct opal_domain *domain;  /* of its window; NULL: none */
	unsigned int endpoints;      /* that use a domain */
	bool is_stuck;               /* a window that should be closed may be open */
};

struct opal_unit {
	struct iommu_unit base;
	const struct iommu_platform *platform;
	struct iommu_opal_config config;
	struct opal_pe *pes;
	unsigned int pes_order;
	struct iommu_spinlock lock;
	uint32_t failures;              /* since the bridge last forgot all; atomic */
	uint32_t stuck;                 /* PEs; atomic */
	struct iommu_list_node domains; /* all, for what waits in them */
};

struct opal_domain {
	struct iommu_domain base;
	struct opal_unit *unit;
	struct iommu_list_node link;
	struct iommu_list_node pes;
	unsigned int pe_count;
	bool has_table; /* otherwise an identity, or nothing */
	bool is_buried; /* freed, but the bridge might still walk it */
	struct iommu_pgtable pt;
	struct iommu_gather quarantine;
};

static struct opal_unit *unit_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct opal_unit, base);
}

static struct opal_domain *domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct opal_domain, base);
}

static uint32_t number_of(const struct opal_unit *unit, const struct opal_pe *pe)
{
	return (uint32_t)(pe - unit->pes);
}

/* --- Firmware --------------------------------------------------------------------------------- */

#define OPAL_BUSY       (-2)
#define OPAL_PARAMETER  (-1)
#define OPAL_BUSY_EVENT (-12)

static int call(const struct opal_unit *unit, uint64_t token, const uint64_t arguments[7])
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, TIMEOUT_NS);

	for (;;) {
		const int64_t code = unit->config.call(unit->config.ctx, token, arguments);

		if (code == 0)
			return 0;
		if (code != OPAL_BUSY && code != OPAL_BUSY_EVENT)
			return code == OPAL_PARAMETER ? IOMMU_EINVAL : IOMMU_EIO;
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	}
}

static int tell_to_forget(const struct opal_unit *unit, unsigned int kind, uint32_t pe,
			  uint64_t page_size, uint64_t address, uint64_t pages)
{
	const uint64_t arguments[7] = {unit->config.phb, kind, pe, page_size, address, pages};
	int status = call(unit, IOMMU_OPAL_TCE_KILL, arguments);

	return status == IOMMU_ETIMEDOUT || status == 0 ? status : IOMMU_EIO;
}

/* Window 0 of a PE: by tables, as it is, or closed. */
static int set_window(const struct opal_unit *unit, uint32_t pe, const struct opal_domain *domain)
{
	const uint64_t size = 1ULL << unit->config.window_bits;
	uint64_t arguments[7] = {unit->config.phb, pe, (uint64_t)pe << 1};

	if (domain != NULL && !domain->has_table) {
		arguments[3] = 0;
		arguments[4] = size;
		return call(unit, IOMMU_OPAL_MAP_PE_WINDOW_REAL, arguments);
	}
	if (domain != NULL) {
		arguments[3] = domain->pt.levels;
		arguments[4] = iommu_virt_to_phys(unit->platform, domain->pt.root);
		arguments[5] = IOMMU_PAGE_SIZE << domain->pt.table_order;
		arguments[6] = 1ULL << domain->pt.page_shift;
	}
	return call(unit, IOMMU_OPAL_MAP_PE_WINDOW, arguments);
}

/* --- Forgetting ------------------------------------------------------------------------------- */

static void note_failure(struct opal_unit *unit)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	__atomic_store_n(&unit->failures, unit->failures == UINT32_MAX ? 1 : unit->failures + 1,
			 __ATOMIC_RELEASE);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
}

static void domain_destroy(struct opal_domain *domain)
{
	const struct iommu_platform *platform = domain->unit->platform;

	if (domain->has_table) {
		iommu_tce_free_gathered(&domain->pt, &domain->quarantine);
		iommu_tce_destroy(&domain->pt);
	}
	platform->free_pages(platform->ctx, domain, 0);
}

/* One thing that waited for the bridge to forget all, out of its list; false: nothing waits. Locked. */
static bool take_waiting(struct opal_unit *unit, struct opal_domain **buried,
			 struct opal_domain **emptied, struct iommu_gather *gather)
{
	struct iommu_list_node *node;

	*buried = *emptied = NULL;
	iommu_list_for_each (node, &unit->domains) {
		struct opal_domain *domain = iommu_container_of(node, struct opal_domain, link);

		if (domain->is_buried && unit->stuck == 0) {
			iommu_list_remove(node);
			*buried = domain;
			return true;
		}
		if (domain->has_table && domain->quarantine.freed != 0) {
			iommu_tce_merge_gathered(&domain->pt, gather, &domain->quarantine);
			*emptied = domain;
			return true;
		}
	}
	return false;
}

/*
 * The bridge has forgotten all, or walks nothing any more. `failures` is what was read before it was
 * told: if another has failed meanwhile, that one's things wait on.
 */
static void made_good(struct opal_unit *unit, uint32_t failures)
{
	struct opal_domain *buried, *emptied;
	bool found;

	do {
		struct iommu_gather gather;
		uintptr_t state;

		iommu_gather_init(&gather);
		state = iommu_spin_lock(unit->platform, &unit->lock);
		found = unit->failures == failures &&
			take_waiting(unit, &buried, &emptied, &gather);
		if (!found && unit->failures == failures && unit->stuck == 0)
			__atomic_store_n(&unit->failures, 0, __ATOMIC_RELEASE);
		/* Under the lock: the domain could go as soon as it is released. */
		if (found && emptied != NULL)
			iommu_tce_free_gathered(&emptied->pt, &gather);
		iommu_spin_unlock(unit->platform, &unit->lock, state);
		if (found && buried != NULL)
			domain_destroy(buried);
	} while (found);
}

static int forget_all(struct opal_unit *unit)
{
	const uint32_t failures = __atomic_load_n(&unit->failures, __ATOMIC_ACQUIRE);
	int status;

	iommu_full_fence();
	status = tell_to_forget(unit, KILL_ALL, 0, 0, 0, 0);
	if (status != 0)
		note_failure(unit);
	else if (failures != 0)
		made_good(unit, failures);
	return status;
}

/* Must the bridge be told to forget all, whatever is asked for? */
static bool is_suspect(const struct opal_unit *unit)
{
	return __atomic_load_n(&unit->failures, __ATOMIC_ACQUIRE) != 0 ||
	       __atomic_load_n(&unit->stuck, __ATOMIC_ACQUIRE) != 0;
}

/* The PEs of a domain, if there are few; otherwise how many. */
static unsigned int snapshot(struct opal_domain *domain, uint32_t pes[KILL_ONE_BY])
{
	struct opal_unit *unit = domain->unit;
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);
	const unsigned int count = domain->pe_count;
	struct iommu_list_node *node;
	unsigned int i = 0;

	if (count <= KILL_ONE_BY)
		iommu_list_for_each (node, &domain->pes)
			pes[i++] = number_of(unit, iommu_container_of(node, struct opal_pe, link));
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	return count;
}

/* All bridges' caches of [start, last], or, with start > last, of all of the domain. */
static int forget(struct opal_domain *domain, iommu_iova_t start, iommu_iova_t last)
{
	const unsigned int shift = domain->pt.page_shift;
	struct opal_unit *unit = domain->unit;
	uint32_t pes[KILL_ONE_BY] = {0};
	unsigned int count, i;
	int status = 0;

	iommu_full_fence();
	count = snapshot(domain, pes);
	if (count > KILL_ONE_BY || is_suspect(unit))
		return forget_all(unit);
	for (i = 0; i < count && status == 0; i++) {
		const uint64_t pages = start > last ? 0 : ((last - start) >> shift) + 1;

		if (pages == 0 || pages > KILL_ONE_BY)
			status = tell_to_forget(unit, KILL_PE, pes[i], 0, 0, 0);
		else
			status = tell_to_forget(unit, KILL_PAGES, pes[i], 1ULL << shift, start,
						pages);
	}
	if (status != 0)
		note_failure(unit);
	return status;
}

/* --- Windows ---------------------------------------------------------------------------------- */

static void list_pe(struct opal_pe *pe, struct opal_domain *domain)
{
	struct opal_unit *unit = domain->unit;
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	iommu_list_insert(&domain->pes, &pe->link);
	domain->pe_count++;
	pe->domain = domain;
	iommu_spin_unlock(unit->platform, &unit->lock, state);
}

static void unlist_pe(struct opal_unit *unit, struct opal_pe *pe)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	if (pe->domain != NULL) {
		iommu_list_remove(&pe->link);
		pe->domain->pe_count--;
	}
	pe->domain = NULL;
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

static int close_window(struct opal_unit *unit, struct opal_pe *pe)
{
	int status = set_window(unit, number_of(unit, pe), NULL);

	set_stuck(unit, pe, status != 0);
	return status;
}

/* Try again to close what was not closed. */
static void close_stuck(struct opal_unit *unit)
{
	unsigned int i;

	if (unit->stuck == 0)
		return;
	for (i = 0; i < unit->config.pes; i++)
		if (unit->pes[i].is_stuck)
			(void)close_window(unit, &unit->pes[i]);
	/* What waited for that goes when the bridge has forgotten it, too. */
	if (unit->stuck == 0)
		(void)forget_all(unit);
}

/* Open a PE's window, and have the bridge forget the one from before. */
static int open_window(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	const uint32_t number = number_of(unit, pe);
	int status = set_window(unit, number, domain);

	if (status != 0)
		return status;
	set_stuck(unit, pe, false);
	return tell_to_forget(unit, KILL_PE, number, 0, 0, 0);
}

/* Give a PE another window; on failure it has the one from before, or none. */
static int switch_window(struct opal_unit *unit, struct opal_pe *pe, struct opal_domain *domain)
{
	struct opal_domain *before = pe->domain;
	int status;

	unlist_pe(unit, pe);
	/* Listed before the bridge is told. */
	list_pe(pe, domain);
	if (!unit->base.enabled)
		return 0;
	status = open_window(unit, pe, domain);
	if (status == 0)
		return 0;
	/* It may have cached of either. */
	note_failure(unit);
	unlist_pe(unit, pe);
	if (before != NULL) {
		list_pe(pe, before);
		if (set_window(unit, number_of(unit, pe), before) == 0)
			return status;
		unlist_pe(unit, pe);
	}
	(void)close_window(unit, pe);
	return status;
}

/* Take a PE's window away; whatever is returned it has none any more, as far as firmware obeys. */
static int drop_window(struct opal_unit *unit, struct opal_pe *pe)
{
	int status = 0;

	unlist_pe(unit, pe);
	if (!unit->base.enabled)
		return 0;
	status = close_window(unit, pe);
	if (status == 0)
		status = tell_to_forget(unit, KILL_PE, number_of(unit, pe), 0, 0, 0);
	if (status != 0)
		note_failure(unit);
	return status == 0 || status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
}

static int domain_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct opal_domain *domain = domain_of(base);
	struct opal_pe *pe = endpoint->unit_data;
	int status = 0;

	if (endpoint->unit != &domain->unit->base)
		return IOMMU_EINVAL;
	close_stuck(domain->unit);
	/* Others of its PE have it already: there is one window for all. */
	if (pe->domain != domain)
		status = switch_window(domain->unit, pe, domain);
	if (status == 0 && endpoint->domain == NULL)
		pe->endpoints++;
	return status;
}

static int domain_detach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct opal_pe *pe = endpoint->unit_data;

	(void)base;
	/* What others of its PE use it has, too: they cannot be told apart. */
	if (--pe->endpoints != 0)
		return 0;
	return drop_window(unit_of(endpoint->unit), pe);
}

static int blocked_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct opal_pe *pe = endpoint->unit_data;

	if (endpoint->unit != &domain_of(base)->unit->base)
		return IOMMU_EINVAL;
	if (endpoint->domain == NULL)
		pe->endpoints++;
	return pe->domain != NULL ? drop_window(unit_of(endpoint->unit), pe) : 0;
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void domain_free(struct iommu_domain *base)
{
	struct opal_domain *domain = domain_of(base);
	struct opal_unit *unit = domain->unit;
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	domain->is_buried = unit->failures != 0 || unit->stuck != 0;
	if (!domain->is_buried)
		iommu_list_remove(&domain->link);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	if (domain->is_buried) {
		close_stuck(unit);
		(void)forget_all(unit);
	} else {
		domain_destroy(domain);
	}
}

static int domain_map(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot, struct iommu_gather *gather,
		      uint64_t *mapped)
{
	return iommu_tce_map(&domain_of(base)->pt, iova, paddr, size, prot, gather, mapped);
}

static int domain_unmap(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
			unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_tce_unmap(&domain_of(base)->pt, iova, size, flags, gather, unmapped);
}

/* A bridge may remember that there was nothing. */
static int domain_sync_map(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	return forget(domain_of(base), iova, iova + (size - 1));
}

static int domain_sync(struct iommu_domain *base, struct iommu_gather *gather)
{
	struct opal_domain *domain = domain_of(base);
	struct opal_unit *unit = domain->unit;
	int status;
	uintptr_t state;

	status = gather->tables_unlinked ? forget(domain, 1, 0)
					 : forget(domain, gather->start, gather->last);
	if (status == 0) {
		iommu_tce_free_gathered(&domain->pt, gather);
		return 0;
	}
	state = iommu_spin_lock(unit->platform, &unit->lock);
	iommu_tce_merge_gathered(&domain->pt, &domain->quarantine, gather);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	return status;
}

static int domain_flush_all(struct iommu_domain *base)
{
	return forget(domain_of(base), 1, 0);
}

static void domain_free_gathered(struct iommu_domain *base, struct iommu_gather *gather)
{
	iommu_tce_free_gathered(&domain_of(base)->pt, gather);
}

static int domain_iova_to_phys(const struct iommu_domain *base, iommu_iova_t iova,
			       iommu_paddr_t *paddr)
{
	return iommu_tce_iova_to_phys(&domain_of(base)->pt, iova, paddr, NULL);
}

static int domain_walk(const struct iommu_domain *base, iommu_iova_t start, iommu_iova_t last,
		       iommu_pgtable_visitor visitor, void *ctx)
{
	return iommu_tce_walk(&domain_of(base)->pt, start, last, visitor, ctx);
}

static void domain_get_info(const struct iommu_domain *base, struct iommu_domain_info *info)
{
	const struct opal_domain *domain = domain_of(base);

	info->coherent = true;
	if (!domain->has_table)
		return;
	info->table_pages = iommu_cell_load(&domain->pt.pages);
	info->quarantine = domain->quarantine.freed != 0;
	info->levels = domain->pt.levels;
}

static const struct iommu_domain_ops paging_ops = {
	.attach = domain_attach,
	.detach = domain_detach,
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

static const struct iommu_domain_ops identity_ops = {
	.attach = domain_attach,
	.detach = domain_detach,
	.free = domain_free,
	.get_info = domain_get_info,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach = blocked_attach,
	.detach = domain_detach,
	.free = domain_free,
	.get_info = domain_get_info,
};

/* Of those that are wanted and there, the smallest page: so that everything can be mapped. */
static uint64_t page_size_for(const struct opal_unit *unit, uint64_t wanted)
{
	const uint64_t sizes =
		wanted != 0 ? unit->config.page_sizes & wanted : unit->config.page_sizes;

	return sizes & -sizes;
}

/* Levels of 4 KiB tables that hold so many bits of address. */
static unsigned int levels_for(unsigned int bits, uint64_t page_size)
{
	unsigned int levels = 1;
	unsigned int shift = 12;

	while (1ULL << shift < page_size)
		shift++;
	while (shift + 9 * levels < bits)
		levels++;
	return levels;
}

static int make_table(struct opal_domain *domain, const struct iommu_domain_config *config)
{
	const struct opal_unit *unit = domain->unit;
	const unsigned int bits =
		config->address_width != 0 ? config->address_width : unit->config.window_bits;
	const struct iommu_pgtable_config table = {
		.platform = unit->platform,
		.levels = levels_for(bits, page_size_for(unit, config->pgsize_bitmap)),
		.input_bits = bits,
		.output_bits = unit->config.output_bits,
		.pgsize_bitmap = page_size_for(unit, config->pgsize_bitmap),
		.max_pages = config->max_table_pages,
		.node = IOMMU_NODE_ANY,
	};
	int status;

	if (bits > unit->config.window_bits || table.pgsize_bitmap == 0 || config->force_snoop)
		return config->force_snoop ? IOMMU_EOPNOTSUPP : IOMMU_EINVAL;
	status = iommu_tce_init(&domain->pt, &table);
	if (status != 0)
		return status;
	domain->has_table = true;
	domain->base.pgsize_bitmap = table.pgsize_bitmap;
	domain->base.aperture_last = domain->pt.aperture_last;
	return 0;
}

static int domain_alloc(struct iommu_unit *base, enum iommu_domain_type type,
			const struct iommu_domain_config *config, struct iommu_domain **result)
{
	struct opal_unit *unit = unit_of(base);
	const struct iommu_platform *platform = unit->platform;
	struct opal_domain *domain;
	uintptr_t state;
	int status = 0;

	if (type != IOMMU_DOMAIN_PAGING && type != IOMMU_DOMAIN_IDENTITY &&
	    type != IOMMU_DOMAIN_BLOCKED)
		return IOMMU_EOPNOTSUPP;
	domain = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (domain == NULL)
		return IOMMU_ENOMEM;
	domain->unit = unit;
	domain->base.ops = type == IOMMU_DOMAIN_IDENTITY ? &identity_ops : &blocked_ops;
	domain->base.aperture_last = (1ULL << unit->config.window_bits) - 1;
	iommu_list_init(&domain->pes);
	iommu_gather_init(&domain->quarantine);
	if (type == IOMMU_DOMAIN_PAGING) {
		domain->base.ops = &paging_ops;
		status = make_table(domain, config);
	}
	if (status != 0) {
		platform->free_pages(platform->ctx, domain, 0);
		return status;
	}
	state = iommu_spin_lock(platform, &unit->lock);
	iommu_list_insert(&unit->domains, &domain->link);
	iommu_spin_unlock(platform, &unit->lock, state);
	*result = &domain->base;
	return 0;
}

/* --- Units and endpoints ---------------------------------------------------------------------- */

static enum iommu_match unit_match(const struct iommu_unit *base,
				   const struct iommu_endpoint_info *info)
{
	return info->segment == base->segment ? IOMMU_MATCH_REST : IOMMU_MATCH_NONE;
}

static int unit_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct opal_unit *unit = unit_of(base);
	const uint32_t pe = unit->config.find_pe(unit->config.ctx, endpoint->info.source_id);

	if (pe >= unit->config.pes)
		return IOMMU_ENOENT;
	endpoint->unit_data = &unit->pes[pe];
	return 0;
}

static void unit_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	(void)base;
	endpoint->unit_data = NULL;
}

static const void *unit_device_group(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit_data;
}

static bool unit_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			     struct iommu_region *region)
{
	const struct iommu_opal_config *config = &unit_of(endpoint->unit)->config;
	const unsigned int wanted = (*cursor)++;

	*region = (struct iommu_region){
		.start = MSI_START, .last = MSI_LAST, .type = IOMMU_REGION_MSI};
	if (wanted == 0)
		return true;
	*region = (struct iommu_region){.start = config->reserved_start,
					.last = config->reserved_last,
					.type = IOMMU_REGION_RESERVED};
	return wanted == 1 && config->reserved_start <= config->reserved_last;
}

/* All, also after a failure: the first of which is the answer. */
static int close_all_windows(struct opal_unit *unit)
{
	unsigned int i;
	int result = 0;

	for (i = 0; i < unit->config.pes; i++) {
		int status = 0;

		if (unit->pes[i].domain != NULL || unit->pes[i].is_stuck)
			status = close_window(unit, &unit->pes[i]);
		if (result == 0)
			result = status;
	}
	return result;
}

static int open_all_windows(struct opal_unit *unit)
{
	unsigned int i;
	int status = 0;

	for (i = 0; i < unit->config.pes && status == 0; i++)
		if (unit->pes[i].domain != NULL)
			status = set_window(unit, i, unit->pes[i].domain);
	return status;
}

static int unit_enable(struct iommu_unit *base)
{
	struct opal_unit *unit = unit_of(base);
	int status = open_all_windows(unit);

	if (status == 0)
		status = forget_all(unit);
	if (status != 0) {
		note_failure(unit);
		(void)close_all_windows(unit);
	}
	return status;
}

static int unit_disable(struct iommu_unit *base)
{
	struct opal_unit *unit = unit_of(base);
	int status = close_all_windows(unit);
	int forgotten = forget_all(unit);

	if (status == 0)
		status = forgotten;
	return status == 0 || status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
}

static void unit_remove(struct iommu_unit *base)
{
	struct opal_unit *unit = unit_of(base);
	const struct iommu_platform *platform = unit->platform;

	/* All windows are closed, and the bridge has forgotten: that is what let us come here. */
	made_good(unit, __atomic_load_n(&unit->failures, __ATOMIC_ACQUIRE));
	platform->free_pages(platform->ctx, unit->pes, unit->pes_order);
	platform->free_pages(platform->ctx, unit, 0);
}

/* A bad DMA freezes its PE, which the host's error recovery finds out and mends. */
static int unit_handle_faults(struct iommu_unit *base, bool *lost)
{
	(void)base;
	(void)lost;
	return 0;
}

static const struct iommu_ops opal_ops = {
	.name = opal_name,
	.enable = unit_enable,
	.disable = unit_disable,
	.remove = unit_remove,
	.match = unit_match,
	.probe_endpoint = unit_probe_endpoint,
	.release_endpoint = unit_release_endpoint,
	.device_group = unit_device_group,
	.next_region = unit_next_region,
	.domain_alloc = domain_alloc,
	.handle_faults = unit_handle_faults,
};

uint32_t iommu_opal_pe(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit->ops->name == opal_name
		       ? number_of(unit_of(endpoint->unit), endpoint->unit_data)
		       : IOMMU_OPAL_NO_PE;
}

/* --- Probe ------------------------------------------------------------------------------------ */

static bool config_makes_sense(const struct iommu_opal_config *config)
{
	return config->pes >= 1 && config->pes <= PES_MAX && config->find_pe != NULL &&
	       config->call != NULL && (config->page_sizes & IOMMU_PAGE_SIZE) != 0 &&
	       config->page_sizes >> (TCE_PAGE_SHIFT_MAX + 1) == 0 &&
	       (config->page_sizes & (IOMMU_PAGE_SIZE - 1)) == 0 && config->output_bits > 12 &&
	       config->output_bits <= 56 && config->window_bits > 12 && config->window_bits <= 48;
}

static bool is_known(struct iommu *iommu, const struct iommu_opal_config *config)
{
	struct iommu_unit *unit = NULL;

	while ((unit = iommu_next_unit(iommu, unit)) != NULL)
		if (unit->ops->name == opal_name && unit_of(unit)->config.phb == config->phb)
			return true;
	return false;
}

static struct opal_unit *unit_create(const struct iommu_platform *platform,
				     const struct iommu_opal_config *config)
{
	struct opal_unit *unit = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (unit == NULL)
		return NULL;
	unit->platform = platform;
	unit->config = *config;
	while (((size_t)IOMMU_PAGE_SIZE << unit->pes_order) / sizeof(struct opal_pe) < config->pes)
		unit->pes_order++;
	if (unit->pes_order <= IOMMU_MAX_ALLOC_ORDER)
		unit->pes =
			platform->alloc_pages(platform->ctx, unit->pes_order, IOMMU_NODE_ANY, 0);
	if (unit->pes == NULL) {
		platform->free_pages(platform->ctx, unit, 0);
		return NULL;
	}
	unit->base.ops = &opal_ops;
	unit->base.segment = config->segment;
	iommu_list_init(&unit->domains);
	(void)iommu_line_append_number(
		unit->base.name, sizeof(unit->base.name),
		iommu_line_append(unit->base.name, sizeof(unit->base.name), 0, "phb"),
		(unsigned int)config->phb);
	return unit;
}

static int probe(struct iommu *iommu, const struct iommu_opal_config *config)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct opal_unit *unit;
	unsigned int i;
	int status = 0;

	if (!config_makes_sense(config))
		return IOMMU_EINVAL;
	if (is_known(iommu, config))
		return IOMMU_EEXIST;
	unit = unit_create(platform, config);
	if (unit == NULL)
		return IOMMU_ENOMEM;
	for (i = 0; i < config->pes && status == 0; i++)
		status = set_window(unit, i, NULL);
	if (status == 0)
		status = tell_to_forget(unit, KILL_ALL, 0, 0, 0, 0);
	if (status != 0) {
		platform->free_pages(platform->ctx, unit->pes, unit->pes_order);
		platform->free_pages(platform->ctx, unit, 0);
		return status;
	}
	iommu_register_unit(iommu, &unit->base);
	return 0;
}

int iommu_opal_probe(struct iommu *iommu, const struct iommu_opal_config *config)
{
	int status;

	iommu_control_lock(iommu);
	status = probe(iommu, config);
	iommu_control_unlock(iommu);
	return status;
}
