/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows whose entries are in a hypervisor: each change is a call, which has happened for hardware, too,
 * when it returns. (Linux on Power Architecture Reference, "H_PUT_TCE", "H_PUT_TCE_INDIRECT",
 * "H_STUFF_TCE", "H_GET_TCE".)
 *
 * Many entries go with one call, as a list in a page of ours, of which there is one: who finds it in use
 * makes single calls instead of waiting.
 */
#include <libiommu/hw/tce.h>

#include "base/byteorder.h"
#include "base/deadline.h"
#include "tce/table.h"

#define LIST_MAX   512 /* entries of a call */
#define TIMEOUT_NS 1000000000ULL

/* Status of a call. */
#define H_BUSY       1
#define H_LONG_FIRST 9900
#define H_LONG_LAST  9905
#define H_FUNCTION   (-2)
#define H_PARAMETER  (-4)
#define H_PERMISSION (-11)
#define H_RESOURCES  (-44)

struct papr_table {
	struct iommu_tce_table base;
	struct iommu_tce_papr_config config;
	bool has_multiple; /* until it turns out that it has not; atomic */
	uint64_t *list;    /* NULL: single calls only */
	uint32_t list_taken;
};

static struct papr_table *papr_of(struct iommu_tce_table *table)
{
	return (struct papr_table *)(void *)table;
}

static uint64_t address_of(const struct iommu_tce_table *table, uint64_t index)
{
	return (table->first_page + index) << table->page_shift;
}

static bool is_busy(int64_t code)
{
	return code == H_BUSY || (code >= H_LONG_FIRST && code <= H_LONG_LAST);
}

static int status_of(int64_t code)
{
	switch (code) {
	case 0:
		return 0;
	case H_FUNCTION:
		return IOMMU_EOPNOTSUPP;
	case H_PARAMETER:
		return IOMMU_EINVAL;
	case H_PERMISSION:
		return IOMMU_EPERM;
	case H_RESOURCES:
		return IOMMU_EAGAIN;
	default:
		return IOMMU_EIO;
	}
}

/* One call, again while the hypervisor is busy; IOMMU_ETIMEDOUT: for too long. */
static int call(struct papr_table *table, uint64_t opcode, uint64_t index, uint64_t third,
		uint64_t fourth, uint64_t *result)
{
	const struct iommu_tce_papr_config *config = &table->config;
	struct iommu_deadline deadline = iommu_deadline_in(table->base.platform, TIMEOUT_NS);
	uint64_t unused;
	int64_t code;

	for (;;) {
		code = config->call(config->ctx, opcode, config->liobn,
				    address_of(&table->base, index), third, fourth,
				    result != NULL ? result : &unused);
		if (!is_busy(code))
			return status_of(code);
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	}
}

static bool uses_multiple(const struct papr_table *table)
{
	return __atomic_load_n(&table->has_multiple, __ATOMIC_RELAXED);
}

/* The hypervisor said that it has the calls, and has not: it is not asked again. */
static void use_single(struct papr_table *table)
{
	__atomic_store_n(&table->has_multiple, false, __ATOMIC_RELAXED);
}

/* --- Clearing --------------------------------------------------------------------------------- */

static int clear_some(struct papr_table *table, uint64_t index, uint64_t count)
{
	uint64_t i;
	int status = IOMMU_EOPNOTSUPP;

	if (count > 1 && uses_multiple(table)) {
		status = call(table, IOMMU_H_STUFF_TCE, index, 0, count, NULL);
		if (status == IOMMU_EOPNOTSUPP)
			use_single(table);
	}
	if (status != IOMMU_EOPNOTSUPP)
		return status;
	for (i = 0, status = 0; i < count && status == 0; i++)
		status = call(table, IOMMU_H_PUT_TCE, index + i, 0, 0, NULL);
	return status;
}

/* All that can be, also after a failure: the first of which is the answer. */
static int papr_clear(struct iommu_tce_table *base, uint64_t index, uint64_t count)
{
	int result = 0;

	while (count != 0) {
		const uint64_t part = count < LIST_MAX ? count : LIST_MAX;
		int status = clear_some(papr_of(base), index, part);

		if (result == 0)
			result = status;
		index += part;
		count -= part;
	}
	/* Whatever it says: they may still lead somewhere. */
	return result == 0 || result == IOMMU_ETIMEDOUT ? result : IOMMU_EIO;
}

/* --- Setting ---------------------------------------------------------------------------------- */

static uint64_t entry_for(iommu_paddr_t paddr, unsigned int prot)
{
	return prot == 0 ? 0
			 : tce_page(paddr, (prot & IOMMU_PROT_READ) != 0,
				    (prot & IOMMU_PROT_WRITE) != 0);
}

static int set_single(struct papr_table *table, uint64_t index, uint64_t count, iommu_paddr_t paddr,
		      unsigned int prot)
{
	const uint64_t page = 1ULL << table->base.page_shift;
	uint64_t i;
	int status = 0;

	for (i = 0; i < count && status == 0; i++)
		status = call(table, IOMMU_H_PUT_TCE, index + i, entry_for(paddr + i * page, prot),
			      0, NULL);
	return status;
}

/* IOMMU_EOPNOTSUPP: the list is in use, or there is no such call. */
static int set_listed(struct papr_table *table, uint64_t index, uint64_t count, iommu_paddr_t paddr,
		      unsigned int prot)
{
	const struct iommu_platform *platform = table->base.platform;
	const uint64_t page = 1ULL << table->base.page_shift;
	uint64_t i;
	int status;

	if (!uses_multiple(table) || __atomic_exchange_n(&table->list_taken, 1, __ATOMIC_ACQUIRE))
		return IOMMU_EOPNOTSUPP;
	for (i = 0; i < count; i++)
		table->list[i] = iommu_be64(entry_for(paddr + i * page, prot));
	status = call(table, IOMMU_H_PUT_TCE_INDIRECT, index,
		      iommu_virt_to_phys(platform, table->list), count, NULL);
	if (status == IOMMU_EOPNOTSUPP)
		use_single(table);
	__atomic_store_n(&table->list_taken, 0, __ATOMIC_RELEASE);
	return status;
}

static int set_some(struct papr_table *table, uint64_t index, uint64_t count, iommu_paddr_t paddr,
		    unsigned int prot)
{
	int status = IOMMU_EOPNOTSUPP;

	if (count > 1)
		status = set_listed(table, index, count, paddr, prot);
	return status == IOMMU_EOPNOTSUPP ? set_single(table, index, count, paddr, prot) : status;
}

static int papr_set(struct iommu_tce_table *base, uint64_t index, uint64_t count,
		    iommu_paddr_t paddr, unsigned int prot)
{
	uint64_t done = 0;
	int status = 0;

	while (done < count && status == 0) {
		const uint64_t part = count - done < LIST_MAX ? count - done : LIST_MAX;

		status = set_some(papr_of(base), index + done, part,
				  paddr + (done << base->page_shift), prot);
		done += part;
	}
	/* How far a call came that failed is not known: all that it may have set goes. */
	if (status != 0 && papr_clear(base, index, done) != 0)
		return IOMMU_EIO;
	/* It was taken back, and so is no question of confirmation. */
	if (status == IOMMU_ETIMEDOUT)
		return IOMMU_EAGAIN;
	return status == IOMMU_EIO ? IOMMU_EFAULT : status;
}

/* --- Looking ---------------------------------------------------------------------------------- */

static int papr_get(struct iommu_tce_table *base, uint64_t index, iommu_paddr_t *paddr,
		    unsigned int *prot)
{
	uint64_t entry = 0;
	int status = call(papr_of(base), IOMMU_H_GET_TCE, index, 0, 0, &entry);

	if (status != 0)
		return status;
	if (paddr != NULL)
		*paddr = tce_address(entry);
	if (prot != NULL)
		*prot = ((entry & TCE_READ) != 0 ? IOMMU_PROT_READ : 0U) |
			((entry & TCE_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U);
	return tce_is_valid(entry) ? 0 : IOMMU_ENOENT;
}

static int papr_exchange(struct iommu_tce_table *base, uint64_t index, iommu_paddr_t paddr,
			 unsigned int prot, iommu_paddr_t *old_paddr, unsigned int *old_prot)
{
	int status = papr_get(base, index, old_paddr, old_prot);

	if (status != 0 && status != IOMMU_ENOENT)
		return status;
	return call(papr_of(base), IOMMU_H_PUT_TCE, index, entry_for(paddr, prot), 0, NULL);
}

static int papr_flush(struct iommu_tce_table *base)
{
	(void)base;
	return 0;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void papr_free(struct iommu_tce_table *base)
{
	const struct iommu_platform *platform = base->platform;
	struct papr_table *table = papr_of(base);

	if (table->list != NULL)
		platform->free_pages(platform->ctx, table->list, 0);
	platform->free_pages(platform->ctx, table, 0);
}

static const struct tce_ops papr_ops = {
	.set = papr_set,
	.clear = papr_clear,
	.exchange = papr_exchange,
	.flush = papr_flush,
	.get = papr_get,
	.free = papr_free,
};

_Static_assert(sizeof(struct papr_table) <= IOMMU_PAGE_SIZE, "it is one page");

/* The list, if many entries can be set at once, and the window itself. */
static int papr_start(struct papr_table *table)
{
	const struct iommu_platform *platform = table->base.platform;
	int status;

	if (table->has_multiple) {
		table->list = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
		if (table->list == NULL)
			return IOMMU_ENOMEM;
	}
	status = papr_get(&table->base, 0, NULL, NULL);
	if (status != 0 && status != IOMMU_ENOENT)
		return IOMMU_EIO;
	return iommu_tce_table_start(&table->base, table->config.table.flags);
}

int iommu_tce_papr_create(const struct iommu_tce_papr_config *config,
			  struct iommu_tce_table **result)
{
	const struct iommu_platform *platform = config->table.platform;
	struct papr_table *table;
	int status;

	if (iommu_platform_check(platform) != 0 || config->call == NULL)
		return IOMMU_EINVAL;
	table = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (table == NULL)
		return IOMMU_ENOMEM;
	table->config = *config;
	table->has_multiple = config->has_multiple;
	table->base.ops = &papr_ops;
	status = iommu_tce_table_init(&table->base, &config->table);
	if (status != 0) {
		platform->free_pages(platform->ctx, table, 0);
		return status;
	}
	status = papr_start(table);
	if (status != 0) {
		iommu_tce_table_fini(&table->base);
		papr_free(&table->base);
		return status;
	}
	*result = &table->base;
	return 0;
}
