/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows whose entries a hypervisor keeps; pages of them are allocated by the bitmap. */
#include <libiommu/hw/tce.h>

#include "base/log.h"
#include "tce/papr_calls.h"
#include "tce/table.h"

struct papr_table {
	struct iommu_tce_table base;
	struct papr_calls calls;
};

static struct papr_calls *calls_of(struct iommu_tce_table *table)
{
	return &((struct papr_table *)(void *)table)->calls;
}

static int papr_clear(struct iommu_tce_table *base, uint64_t index, uint64_t count)
{
	return iommu_papr_clear_entries(calls_of(base), index, count);
}

/* Consecutive pages. */
struct pages {
	iommu_paddr_t paddr;
	unsigned int shift, prot;
};

static uint64_t page_entry(const void *source, uint64_t i)
{
	const struct pages *pages = source;

	return iommu_papr_entry_for(pages->paddr + (i << pages->shift), pages->prot);
}

static int papr_set(struct iommu_tce_table *base, uint64_t index, uint64_t count,
		    iommu_paddr_t paddr, unsigned int prot)
{
	const struct pages pages = {paddr, base->page_shift, prot};
	int status = iommu_papr_put_entries(calls_of(base), index, count, page_entry, &pages);

	/*
	 * It is not known how many entries a failed call has set: all that it may have set are
	 * cleared.
	 */
	if (status != 0 && papr_clear(base, index, count) != 0)
		return IOMMU_EIO;
	/* The failed map is undone, so that this leaves nothing open. */
	if (status == IOMMU_ETIMEDOUT)
		return IOMMU_EAGAIN;
	return status == IOMMU_EIO ? IOMMU_EFAULT : status;
}

static int papr_get(struct iommu_tce_table *base, uint64_t index, iommu_paddr_t *paddr,
		    unsigned int *prot)
{
	uint64_t entry = 0;
	int status = iommu_papr_get_entry(calls_of(base), index, &entry);

	if (status != 0)
		return status;
	if (paddr != NULL)
		*paddr = tce_address(entry);
	if (prot != NULL)
		*prot = ((entry & TCE_READ) != 0 ? IOMMU_PROT_READ : 0U) |
			((entry & TCE_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U);
	return tce_is_valid(entry) ? 0 : IOMMU_ENOENT;
}

/* Does the hypervisor confirm that an entry is as it was read before? */
static bool is_entry(struct iommu_tce_table *base, uint64_t index, iommu_paddr_t paddr,
		     unsigned int prot)
{
	struct pages now = {0};
	const int status = papr_get(base, index, &now.paddr, &now.prot);

	return (status == 0 || status == IOMMU_ENOENT) && now.prot == prot &&
	       (prot == 0 || now.paddr == paddr);
}

static int papr_exchange(struct iommu_tce_table *base, uint64_t index, iommu_paddr_t paddr,
			 unsigned int prot, iommu_paddr_t *old_paddr, unsigned int *old_prot)
{
	struct pages old = {0};
	int status = papr_get(base, index, &old.paddr, &old.prot);

	if (status != 0 && status != IOMMU_ENOENT)
		return status;
	*old_paddr = old.paddr;
	*old_prot = old.prot;
	status = iommu_papr_put_entry(calls_of(base), index, iommu_papr_entry_for(paddr, prot));
	/* A call that returned an error may have taken effect. */
	if (status != 0 && status != IOMMU_ETIMEDOUT && !is_entry(base, index, old.paddr, old.prot))
		return IOMMU_EIO;
	return status;
}

static int papr_flush(struct iommu_tce_table *base)
{
	(void)base;
	return 0;
}

static void papr_free(struct iommu_tce_table *base)
{
	const struct iommu_platform *platform = base->platform;

	iommu_papr_calls_fini(calls_of(base));
	platform->free_pages(platform->ctx, base, 0);
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

int iommu_tce_papr_create(const struct iommu_tce_papr_config *config,
			  struct iommu_tce_table **result)
{
	const struct iommu_platform *platform = config->table.platform;
	struct papr_table *table;
	int status;

	const char *defect = iommu_tce_table_defect(&config->table);

	if (defect == NULL && config->call == NULL)
		defect = IOMMU_WHY("call is missing");
	if (defect != NULL)
		return iommu_refuse_defect(platform, IOMMU_CALL, defect);
	table = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (table == NULL)
		return IOMMU_ENOMEM;
	table->base.ops = &papr_ops;
	table->calls = (struct papr_calls){
		.platform = platform,
		.call = config->call,
		.ctx = config->ctx,
		.liobn = config->liobn,
		.first_page = config->table.first_page,
		.page_shift = config->table.page_shift,
		.has_multiple = config->has_multiple,
	};
	status = iommu_tce_table_init(&table->base, &config->table);
	if (status != 0) {
		platform->free_pages(platform->ctx, table, 0);
		return status;
	}
	status = iommu_papr_calls_init(&table->calls);
	if (status == 0)
		status = iommu_tce_table_start(&table->base, config->table.flags);
	if (status != 0) {
		iommu_tce_table_fini(&table->base);
		papr_free(&table->base);
		return iommu_log_refusal(platform, IOMMU_CALL, "", "", status);
	}
	*result = &table->base;
	return 0;
}
