/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A complete back end, for the imaginary IOMMU of flat.h, made of installed headers alone.
 * <libiommu/backend/ops.h> says what each function has to do; docs/backend.md explains this file.
 *
 * Locking: the control path is serialised by the host. map_pages and unmap_pages touch only entries
 * that their caller owns. The lock guards the counts of invalidations; it is never held while
 * hardware is waited for.
 */
#include "flat.h"

#include <string.h>

#include <libiommu/backend/deadline.h>
#include <libiommu/backend/mmio.h>
#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#define TIMEOUT_NS    1000000000ULL
#define APERTURE_LAST (FLAT_ENTRIES * IOMMU_PAGE_SIZE - 1)

struct flat_unit {
	struct iommu_unit base;
	const struct iommu_platform *platform;
	unsigned char *registers;
	uint32_t locked;
	/* Numbers of invalidations: the last that began, and the last that was confirmed. */
	uint64_t begun, confirmed;
	/* The one that must be confirmed because an earlier one was not. */
	uint64_t owed;
	/* Freed domains whose tables hardware may still walk. */
	struct flat_domain *withheld;
};

struct flat_domain {
	struct iommu_domain base;
	struct flat_unit *unit;
	uint64_t *table;          /* NULL: blocked */
	struct flat_domain *next; /* of those withheld */
};

/* The bases are the first members. */
static struct flat_unit *unit_of(const struct iommu_unit *unit)
{
	return (struct flat_unit *)(uintptr_t)unit;
}

static struct flat_domain *domain_of(const struct iommu_domain *domain)
{
	return (struct flat_domain *)(uintptr_t)domain;
}

static uint64_t read_register(const struct flat_unit *unit, unsigned int offset)
{
	return iommu_mmio_read64(unit->platform, unit->registers + offset);
}

static void write_register(const struct flat_unit *unit, unsigned int offset, uint64_t value)
{
	iommu_mmio_write64(unit->platform, unit->registers + offset, value);
}

static uintptr_t lock(struct flat_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	const uintptr_t state = platform->irq_save != NULL ? platform->irq_save(platform->ctx) : 0;

	while (__atomic_exchange_n(&unit->locked, 1, __ATOMIC_ACQUIRE) != 0)
		if (platform->relax != NULL)
			platform->relax(platform->ctx);
	return state;
}

static void unlock(struct flat_unit *unit, uintptr_t state)
{
	const struct iommu_platform *platform = unit->platform;

	__atomic_store_n(&unit->locked, 0, __ATOMIC_RELEASE);
	if (platform->irq_restore != NULL)
		platform->irq_restore(platform->ctx, state);
}

/* --- Invalidation ----------------------------------------------------------------------------- */

/* The number of the next invalidation: the current one may not cover what was just cleared. */
static uint64_t number_of_next(struct flat_unit *unit)
{
	const uintptr_t state = lock(unit);
	const uint64_t number = unit->begun + 1;

	unlock(unit, state);
	return number;
}

/*
 * Poll hardware once, and have it begin invalidation `number` if the one before has ended; true:
 * `number` is confirmed.
 */
static bool advance(struct flat_unit *unit, uint64_t number)
{
	const uintptr_t state = lock(unit);
	bool is_confirmed;

	if (unit->confirmed < number && read_register(unit, FLAT_INVALIDATE) == 0) {
		unit->confirmed = unit->begun;
		if (unit->begun < number) {
			unit->begun++;
			write_register(unit, FLAT_INVALIDATE, 1);
		}
	}
	is_confirmed = unit->confirmed >= number;
	unlock(unit, state);
	return is_confirmed;
}

/* The invalidation was not confirmed: only one that begins from now on makes good for it. */
static void give_up(struct flat_unit *unit)
{
	const uintptr_t state = lock(unit);

	unit->owed = unit->begun + 1;
	unlock(unit, state);
}

/*
 * Invalidate everything: what was cleared before the call is then out of reach. Several CPUs may
 * call this at once: those that come while one invalidation runs share the next.
 */
static int invalidate(struct flat_unit *unit)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, TIMEOUT_NS);
	const uint64_t number = number_of_next(unit);

	while (!advance(unit, number)) {
		if (!iommu_deadline_passed(&deadline))
			continue;
		give_up(unit);
		return IOMMU_ETIMEDOUT;
	}
	return 0;
}

static bool is_open(struct flat_unit *unit)
{
	const uintptr_t state = lock(unit);
	const bool open = unit->confirmed < unit->owed;

	unlock(unit, state);
	return open;
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void release(struct flat_domain *domain)
{
	const struct iommu_platform *platform = domain->unit->platform;

	if (domain->table != NULL)
		platform->free_pages(platform->ctx, domain->table, FLAT_TABLE_ORDER);
	platform->free_pages(platform->ctx, domain, 0);
}

static void release_withheld(struct flat_unit *unit)
{
	while (unit->withheld != NULL) {
		struct flat_domain *domain = unit->withheld;

		unit->withheld = domain->next;
		release(domain);
	}
}

/* Control path: the first confirmed invalidation releases what is withheld. */
static int invalidate_and_release(struct flat_unit *unit)
{
	const int status = invalidate(unit);

	if (status == 0 && !is_open(unit))
		release_withheld(unit);
	return status;
}

static uint64_t table_pointer(const struct iommu_domain *base)
{
	const struct flat_domain *domain = domain_of(base);

	if (base == NULL || domain->table == NULL)
		return 0;
	return iommu_virt_to_phys(domain->unit->platform, domain->table) | FLAT_VALID;
}

static void write_table(const struct flat_unit *unit, const struct iommu_endpoint *endpoint,
			const struct iommu_domain *domain)
{
	write_register(unit, FLAT_TABLE + 8U * endpoint->info.source_id, table_pointer(domain));
}

/*
 * Without a confirmation the old table is put back and the error returned: hardware may use some of
 * either domain until an invalidation is confirmed.
 */
static int domain_attach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct flat_unit *unit = domain_of(base)->unit;
	int status;

	if (endpoint->unit != &unit->base)
		return iommu_refuse(endpoint->iommu, endpoint->name, IOMMU_EINVAL,
				    "the domain is another unit's");
	write_table(unit, endpoint, base);
	status = invalidate_and_release(unit);
	if (status != 0) {
		write_table(unit, endpoint, endpoint->domain);
		give_up(unit);
	}
	return status;
}

static int domain_detach(struct iommu_domain *base, struct iommu_endpoint *endpoint)
{
	struct flat_unit *unit = domain_of(base)->unit;

	write_table(unit, endpoint, NULL);
	return invalidate_and_release(unit);
}

/* Until then hardware may walk the table. */
static void domain_free(struct iommu_domain *base)
{
	struct flat_domain *domain = domain_of(base);
	struct flat_unit *unit = domain->unit;

	domain->next = unit->withheld;
	unit->withheld = domain;
	if (is_open(unit))
		(void)invalidate_and_release(unit);
	else
		release_withheld(unit);
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
	/* Without a count, all of the range is invalidated. */
	if (bytes != 0 || unmapped == NULL)
		iommu_gather_add(gather, iova, iova + (size - 1), IOMMU_PAGE_SIZE);
	if (unmapped != NULL)
		*unmapped = bytes;
	return 0;
}

/* This hardware caches no invalid entries. */
static int domain_sync_map(struct iommu_domain *base, iommu_iova_t iova, uint64_t size)
{
	(void)base;
	(void)iova;
	(void)size;
	return 0;
}

/* A gather never holds tables: a domain has one table, which lives as long as the domain. */
static int domain_sync(struct iommu_domain *base, struct iommu_gather *gather)
{
	iommu_gather_init(gather);
	return invalidate(domain_of(base)->unit);
}

static int domain_flush_all(struct iommu_domain *base)
{
	return invalidate(domain_of(base)->unit);
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
	info->withheld = is_open(domain->unit);
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
	domain->base.paddr_last = UINT64_MAX;
	domain->base.pgsize_bitmap = IOMMU_PAGE_SIZE;
	if (type != IOMMU_DOMAIN_BLOCKED) {
		domain->table =
			platform->alloc_pages(platform->ctx, FLAT_TABLE_ORDER, IOMMU_NODE_ANY, 0);
		if (domain->table == NULL) {
			release(domain);
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
	write_table(unit_of(unit), endpoint, NULL);
	return invalidate_and_release(unit_of(unit));
}

/* The endpoint is detached and blocked. */
static void unit_release_endpoint(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	write_table(unit_of(unit), endpoint, NULL);
}

/* The change is done when the register shows it. */
static int set_control(const struct flat_unit *unit, uint64_t value)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, TIMEOUT_NS);

	write_register(unit, FLAT_CONTROL, value);
	while (read_register(unit, FLAT_CONTROL) != value)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	return 0;
}

/* After a sleep the registers are empty: the tables of all endpoints are written again. */
static int unit_enable(struct iommu_unit *base)
{
	struct flat_unit *unit = unit_of(base);
	struct iommu_endpoint *endpoint = NULL;
	int status;

	while ((endpoint = iommu_unit_next_id(base, endpoint)) != NULL)
		write_table(unit, endpoint, endpoint->domain);
	status = invalidate_and_release(unit);
	return status == 0 ? set_control(unit, 1) : status;
}

static int unit_disable(struct iommu_unit *base)
{
	struct flat_unit *unit = unit_of(base);
	const int status = set_control(unit, 0);

	/* Hardware walks no table any more. */
	if (status == 0)
		release_withheld(unit);
	return status;
}

static bool unit_translates(const struct iommu_unit *unit)
{
	return read_register(unit_of(unit), FLAT_CONTROL) != 0;
}

static int unit_confirm(struct iommu_unit *unit)
{
	return is_open(unit_of(unit)) ? invalidate_and_release(unit_of(unit)) : 0;
}

static void unmap_registers(const struct flat_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (platform->unmap_mmio != NULL)
		platform->unmap_mmio(platform->ctx, unit->registers, FLAT_WINDOW);
}

static void unit_remove(struct iommu_unit *base)
{
	struct flat_unit *unit = unit_of(base);
	const struct iommu_platform *platform = unit->platform;

	release_withheld(unit);
	unmap_registers(unit);
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
	.translates = unit_translates,
	.confirm = unit_confirm,
	.remove = unit_remove,
	.match = unit_match,
	.probe_endpoint = unit_probe_endpoint,
	.release_endpoint = unit_release_endpoint,
	.domain_alloc = domain_alloc,
	.handle_faults = unit_handle_faults,
};

/* A predecessor may have left its tables: without them nothing passes. */
static int clear_tables(struct flat_unit *unit)
{
	unsigned int device;

	for (device = 0; device < FLAT_DEVICES; device++)
		write_register(unit, FLAT_TABLE + 8 * device, 0);
	return invalidate(unit);
}

int flat_probe(struct iommu *iommu, iommu_paddr_t registers)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct flat_unit *unit = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	int status = IOMMU_EFAULT;

	if (unit == NULL)
		return IOMMU_ENOMEM;
	unit->platform = platform;
	unit->registers = platform->map_mmio != NULL
				  ? platform->map_mmio(platform->ctx, registers, FLAT_WINDOW)
				  : iommu_phys_to_virt(platform, registers);
	if (unit->registers != NULL) {
		status = clear_tables(unit);
		if (status != 0)
			unmap_registers(unit);
	}
	if (status != 0) {
		platform->free_pages(platform->ctx, unit, 0);
		return status;
	}
	unit->base.ops = &unit_ops;
	memcpy(unit->base.name, "flat0", sizeof("flat0"));
	iommu_register_unit(iommu, &unit->base);
	return 0;
}
