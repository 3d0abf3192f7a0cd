/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A complete back end, for the imaginary IOMMU of flat.h. What each function owes to the core stands
 * in <libiommu/ops.h>; docs/backend.md walks through this file.
 *
 * Locking: the control path is serialised by the host. map_pages and unmap_pages touch only entries
 * that their caller owns. Invalidation is guarded by the unit's lock.
 */
#include "flat.h"

#include <libiommu/ops.h>
#include <libiommu/status.h>

#include "base/deadline.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/mmio.h"
#include "base/spinlock.h"

#define TIMEOUT_NS    1000000000ULL
#define APERTURE_LAST (FLAT_ENTRIES * IOMMU_PAGE_SIZE - 1)

struct flat_unit {
	struct iommu_unit base;
	const struct iommu_platform *platform;
	unsigned char *registers;
	struct iommu_spinlock lock;
	/* Freed domains whose tables hardware may still walk. */
	struct flat_domain *graveyard;
};

struct flat_domain {
	struct iommu_domain base;
	struct flat_unit *unit;
	uint64_t *table; /* NULL: blocked */
	bool unconfirmed;
	struct flat_domain *next; /* in the graveyard */
};

static struct flat_unit *unit_of(struct iommu_unit *unit)
{
	return iommu_container_of(unit, struct flat_unit, base);
}

static struct flat_domain *domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct flat_domain, base);
}

static uint64_t read_register(const struct flat_unit *unit, unsigned int offset)
{
	return iommu_mmio_read64(unit->platform, unit->registers + offset);
}

static void write_register(const struct flat_unit *unit, unsigned int offset, uint64_t value)
{
	iommu_mmio_write64(unit->platform, unit->registers + offset, value);
}

/* --- Invalidation ----------------------------------------------------------------------------- */

static int wait_for_idle(const struct flat_unit *unit)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, TIMEOUT_NS);

	while (read_register(unit, FLAT_INVALIDATE) != 0) {
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	}
	return 0;
}

/*
 * The hardware forgets everything. What was cleared before the call is then out of reach. `domain`,
 * if there is one, remembers whether that could be confirmed.
 */
static int invalidate(struct flat_unit *unit, struct flat_domain *domain)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);
	/* One that did not end in time may still run, and have begun too early to cover ours. */
	int status = wait_for_idle(unit);

	if (status == 0) {
		write_register(unit, FLAT_INVALIDATE, 1);
		status = wait_for_idle(unit);
	}
	if (domain != NULL)
		__atomic_store_n(&domain->unconfirmed, status != 0, __ATOMIC_RELAXED);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	return status;
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void bury(struct flat_domain *domain)
{
	const struct iommu_platform *platform = domain->unit->platform;

	if (domain->table != NULL)
		platform->free_pages(platform->ctx, domain->table, FLAT_TABLE_ORDER);
	platform->free_pages(platform->ctx, domain, 0);
}

static void empty_graveyard(struct flat_unit *unit)
{
	while (unit->graveyard != NULL) {
		struct flat_domain *domain = unit->graveyard;

		unit->graveyard = domain->next;
		bury(domain);
	}
}

static uint64_t table_pointer(const struct flat_domain *domain)
{
	if (domain->table == NULL)
		return 0;
	return iommu_virt_to_phys(domain->unit->platform, domain->table) | FLAT_VALID;
}

static unsigned int table_register(const struct iommu_endpoint *endpoint)
{
	return FLAT_TABLE + 8U * endpoint->info.source_id;
}

static int domain_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct flat_domain *domain = domain_of(base);
	const uint64_t before = read_register(domain->unit, table_register(endpoint));
	int status;

	if (endpoint->unit != &domain->unit->base)
		return IOMMU_EINVAL;
	write_register(domain->unit, table_register(endpoint), table_pointer(domain));
	status = invalidate(domain->unit, domain);
	/* It may know some of the new one by now: hence `unconfirmed`. */
	if (status != 0)
		write_register(domain->unit, table_register(endpoint), before);
	return status;
}

static int domain_detach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct flat_domain *domain = domain_of(base);

	write_register(domain->unit, table_register(endpoint), 0);
	return invalidate(domain->unit, domain);
}

static void domain_free(struct iommu_domain *base)
{
	struct flat_domain *domain = domain_of(base);
	struct flat_unit *unit = domain->unit;

	if (!domain->unconfirmed) {
		bury(domain);
		return;
	}
	/* The hardware may still walk the table. */
	domain->next = unit->graveyard;
	unit->graveyard = domain;
	if (invalidate(unit, NULL) == 0)
		empty_graveyard(unit);
}

/* --- The map path ----------------------------------------------------------------------------- */

static int check_range(iommu_iova_t iova, uint64_t size)
{
	if (size == 0 || ((iova | size) & (IOMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - iova)
		return IOMMU_EOVERFLOW;
	return iova + (size - 1) > APERTURE_LAST ? IOMMU_ERANGE : 0;
}

static uint64_t *entry_at(const struct flat_domain *domain, iommu_iova_t iova)
{
	return &domain->table[iova >> IOMMU_PAGE_SHIFT];
}

static int domain_map(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot, struct iommu_gather *gather,
		      uint64_t *mapped)
{
	const uint64_t allowed = ((prot & IOMMU_PROT_READ) != 0 ? FLAT_READ : 0) |
				 ((prot & IOMMU_PROT_WRITE) != 0 ? FLAT_WRITE : 0);
	int status = check_range(iova, size);
	uint64_t *entry;
	uint64_t i;

	(void)gather; /* nothing is ever cleared here */
	*mapped = 0;
	if (status != 0)
		return status;
	if (allowed == 0 || (prot & ~(unsigned int)IOMMU_PROT_READ_WRITE) != 0 ||
	    (paddr & (IOMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - paddr)
		return IOMMU_EOVERFLOW;
	entry = entry_at(domain_of(base), iova);
	/* All or nothing: look first. */
	for (i = 0; i < size >> IOMMU_PAGE_SHIFT; i++) {
		if (entry[i] != 0)
			return IOMMU_EEXIST;
	}
	for (i = 0; i < size >> IOMMU_PAGE_SHIFT; i++)
		__atomic_store_n(&entry[i], (paddr + (i << IOMMU_PAGE_SHIFT)) | allowed,
				 __ATOMIC_RELAXED);
	*mapped = size;
	return 0;
}

static int domain_unmap(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
			unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	int status = check_range(iova, size);
	uint64_t bytes = 0;
	uint64_t *entry;
	uint64_t i;

	(void)flags; /* there are no large pages that could be cut */
	if (status != 0)
		return status;
	entry = entry_at(domain_of(base), iova);
	for (i = 0; i < size >> IOMMU_PAGE_SHIFT; i++) {
		if (entry[i] == 0)
			continue;
		__atomic_store_n(&entry[i], 0, __ATOMIC_RELAXED);
		bytes += IOMMU_PAGE_SIZE;
	}
	/* A caller that does not count has all of the range invalidated. */
	if (bytes != 0 || unmapped == NULL)
		iommu_gather_add(gather, iova, iova + (size - 1), IOMMU_PAGE_SIZE);
	if (unmapped != NULL)
		*unmapped = bytes;
	return 0;
}

/* This hardware remembers nothing that was not valid. */
static int domain_sync_map(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	(void)base;
	(void)iova;
	(void)size;
	return 0;
}

/* A gather never holds tables here: there is one, and it lives as long as its domain. */
static int domain_sync(struct iommu_domain *base, struct iommu_gather *gather)
{
	iommu_gather_init(gather);
	return invalidate(domain_of(base)->unit, domain_of(base));
}

static int domain_flush_all(struct iommu_domain *base)
{
	return invalidate(domain_of(base)->unit, domain_of(base));
}

static void domain_free_gathered(struct iommu_domain *base, struct iommu_gather *gather)
{
	(void)base;
	iommu_gather_init(gather);
}

static int domain_iova_to_phys(const struct iommu_domain *base, iommu_iova_t iova,
			       iommu_paddr_t *paddr)
{
	uint64_t entry;

	if (iova > APERTURE_LAST)
		return IOMMU_ERANGE;
	entry = __atomic_load_n(entry_at(domain_of(base), iova), __ATOMIC_RELAXED);
	if (entry == 0)
		return IOMMU_ENOENT;
	if (paddr != NULL)
		*paddr =
			(entry & ~(uint64_t)(IOMMU_PAGE_SIZE - 1)) | (iova & (IOMMU_PAGE_SIZE - 1));
	return 0;
}

static void domain_get_info(const struct iommu_domain *base, struct iommu_domain_info *info)
{
	const struct flat_domain *domain = domain_of(base);

	info->table_pages = domain->table != NULL ? 1U << FLAT_TABLE_ORDER : 0;
	info->quarantine = __atomic_load_n(&domain->unconfirmed, __ATOMIC_RELAXED);
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
	.get_info = domain_get_info,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach = domain_attach,
	.detach = domain_detach,
	.free = domain_free,
	.get_info = domain_get_info,
};

static int domain_alloc(struct iommu_unit *base, enum iommu_domain_type type,
			const struct iommu_domain_config *config, struct iommu_domain **result)
{
	struct flat_unit *unit = unit_of(base);
	const struct iommu_platform *platform = unit->platform;
	struct flat_domain *domain;

	if ((type != IOMMU_DOMAIN_PAGING && type != IOMMU_DOMAIN_BLOCKED) || config->force_snoop)
		return IOMMU_EOPNOTSUPP;
	if (config->address_width > 22 ||
	    (config->pgsize_bitmap != 0 && (config->pgsize_bitmap & IOMMU_PAGE_SIZE) == 0))
		return IOMMU_EINVAL;
	domain = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (domain == NULL)
		return IOMMU_ENOMEM;
	domain->unit = unit;
	domain->base.ops = type == IOMMU_DOMAIN_BLOCKED ? &blocked_ops : &paging_ops;
	domain->base.aperture_last = APERTURE_LAST;
	domain->base.pgsize_bitmap = IOMMU_PAGE_SIZE;
	if (type != IOMMU_DOMAIN_BLOCKED) {
		domain->table =
			platform->alloc_pages(platform->ctx, FLAT_TABLE_ORDER, IOMMU_NODE_ANY, 0);
		if (domain->table == NULL) {
			bury(domain);
			return IOMMU_ENOMEM;
		}
	}
	*result = &domain->base;
	return 0;
}

/* --- Units and endpoints ---------------------------------------------------------------------- */

static enum iommu_match unit_match(const struct iommu_unit *unit,
				   const struct iommu_endpoint_info *info)
{
	return info->segment == unit->segment && info->source_id < FLAT_DEVICES ? IOMMU_MATCH_NAMED
										: IOMMU_MATCH_NONE;
}

static int unit_probe_endpoint(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	write_register(unit_of(unit), table_register(endpoint), 0);
	return invalidate(unit_of(unit), NULL);
}

/* It is blocked, and was detached: nothing is left to do. */
static void unit_release_endpoint(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	write_register(unit_of(unit), table_register(endpoint), 0);
}

static int unit_enable(struct iommu_unit *unit)
{
	int status = invalidate(unit_of(unit), NULL);

	if (status == 0)
		write_register(unit_of(unit), FLAT_CONTROL, 1);
	return status;
}

static int unit_disable(struct iommu_unit *unit)
{
	write_register(unit_of(unit), FLAT_CONTROL, 0);
	if (read_register(unit_of(unit), FLAT_CONTROL) != 0)
		return IOMMU_EIO;
	/* The hardware walks no table any more. */
	empty_graveyard(unit_of(unit));
	return 0;
}

static void unit_remove(struct iommu_unit *base)
{
	struct flat_unit *unit = unit_of(base);
	const struct iommu_platform *platform = unit->platform;

	empty_graveyard(unit);
	if (platform->unmap_mmio != NULL)
		platform->unmap_mmio(platform->ctx, unit->registers, FLAT_WINDOW);
	platform->free_pages(platform->ctx, unit, 0);
}

static int unit_handle_faults(struct iommu_unit *base, bool *lost)
{
	const struct flat_unit *unit = unit_of(base);
	const uint64_t record = read_register(unit, FLAT_FAULT);
	struct iommu_fault fault = {
		.unit = base,
		.segment = base->segment,
		.source_id = (uint16_t)(record & FLAT_FAULT_SOURCE_MASK),
		.access =
			(record & FLAT_FAULT_IS_WRITE) != 0 ? IOMMU_FAULT_WRITE : IOMMU_FAULT_READ,
		.reason = 1,
		.reason_name = "not mapped",
		.explanation = "The device used an address that is not mapped for this access.",
	};

	if ((record & FLAT_FAULT_VALID) == 0)
		return 0;
	fault.address = read_register(unit, FLAT_FAULT_ADDRESS) & ~(uint64_t)(IOMMU_PAGE_SIZE - 1);
	if ((record & FLAT_FAULT_LOST) != 0)
		*lost = true;
	write_register(unit, FLAT_FAULT, 0);
	iommu_report_fault(base->iommu, &fault);
	return 1;
}

static const struct iommu_ops unit_ops = {
	.name = "flat",
	.enable = unit_enable,
	.disable = unit_disable,
	.remove = unit_remove,
	.match = unit_match,
	.probe_endpoint = unit_probe_endpoint,
	.release_endpoint = unit_release_endpoint,
	.domain_alloc = domain_alloc,
	.handle_faults = unit_handle_faults,
};

int flat_probe(struct iommu *iommu, iommu_paddr_t registers)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct flat_unit *unit = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (unit == NULL)
		return IOMMU_ENOMEM;
	unit->platform = platform;
	unit->registers = platform->map_mmio != NULL
				  ? platform->map_mmio(platform->ctx, registers, FLAT_WINDOW)
				  : iommu_phys_to_virt(platform, registers);
	if (unit->registers == NULL) {
		platform->free_pages(platform->ctx, unit, 0);
		return IOMMU_EFAULT;
	}
	unit->base.ops = &unit_ops;
	memcpy(unit->base.name, "flat0", sizeof("flat0"));
	iommu_register_unit(iommu, &unit->base);
	return 0;
}
