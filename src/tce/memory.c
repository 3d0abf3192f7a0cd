/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows whose entries are in memory that a host bridge walks and caches.
 *
 * After a kill that the bridge did not confirm, the next one is of everything; tables that the
 * bridge may still walk are withheld until that is confirmed.
 */
#include <libiommu/pgtable.h>

#include "base/bits.h"
#include "base/log.h"
#include "pgtable/tce_entry.h"
#include "tce/table.h"
#include "unit/confirmation.h"

struct memory_table {
	struct iommu_tce_table base;
	struct iommu_pgtable pt;
	struct iommu_tce_kill kill;
	/* The open invalidations, and unlinked tables that the bridge may still walk. */
	struct iommu_confirmation confirmation;
	struct iommu_withheld_pages pages;
};

static struct memory_table *memory_of(const struct iommu_tce_table *table)
{
	return (struct memory_table *)(uintptr_t)table;
}

static iommu_iova_t iova_of(const struct iommu_tce_table *table, uint64_t index)
{
	return index << table->page_shift;
}

/* --- Telling the bridge ----------------------------------------------------------------------- */

/*
 * Invalidate everything; the gather takes the tables that waited for that, which are freed with it.
 */
static int kill_all(struct memory_table *table, struct iommu_gather *gather)
{
	const struct iommu_platform *platform = table->pt.platform;
	const uint32_t failures = iommu_confirmation_begin(&table->confirmation);
	const bool any = iommu_withheld_pages_any(&table->pages);
	uint32_t version = 0;
	int status;

	if (any)
		version = iommu_withheld_pages_take(&table->pages, &iommu_tce_ops, &table->pt,
						    gather);
	iommu_full_fence();
	status = table->kill.all(table->kill.ctx);
	if (status == 0)
		iommu_confirmation_end(&table->confirmation, failures);
	if (status == 0 && any)
		iommu_withheld_pages_confirmed(&table->pages, platform, version);
	return status;
}

static int kill_range(struct memory_table *table, uint64_t index, uint64_t count,
		      struct iommu_gather *gather)
{
	const struct iommu_tce_table *base = &table->base;

	/*
	 * After an unlinked table, cached entries of tables are stale, too: invalidate everything.
	 */
	if (table->kill.pages == NULL || gather->tables_unlinked ||
	    iommu_confirmation_is_open(&table->confirmation))
		return kill_all(table, gather);
	/*
	 * The entry is in memory before the bridge is invalidated, which may read it again at once.
	 */
	iommu_full_fence();
	return table->kill.pages(table->kill.ctx, (base->first_page + index) << base->page_shift,
				 base->page_shift, count);
}

/* The end of a kill: what is gathered is freed, or waits for a later one. */
static int conclude(struct memory_table *table, struct iommu_gather *gather, int status)
{
	if (status == 0) {
		iommu_tce_free_gathered(&table->pt, gather);
		return 0;
	}
	iommu_withheld_pages_put(&table->pages, &iommu_tce_ops, &table->pt, gather);
	iommu_confirmation_fail(&table->confirmation);
	return status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
}

/* Invalidate what was cleared; after a failure the gather waits for a later invalidation. */
static int settle(struct memory_table *table, uint64_t index, uint64_t count,
		  struct iommu_gather *gather)
{
	return conclude(table, gather, kill_range(table, index, count, gather));
}

/*
 * The bridge is told of entries that were stored alone, without tables, as far as nothing waits for
 * an earlier kill; true: *status is how it ended. False: nothing has happened.
 */
static inline bool settle_stored(struct memory_table *table, uint64_t index, uint64_t count,
				 int *status)
{
	const struct iommu_tce_table *base = &table->base;

	if (__builtin_expect(iommu_confirmation_is_open(&table->confirmation) ||
				     iommu_withheld_pages_any(&table->pages),
			     0))
		return false;
	iommu_full_fence();
	if (table->kill.pages != NULL)
		*status = table->kill.pages(table->kill.ctx,
					    (base->first_page + index) << base->page_shift,
					    base->page_shift, count);
	else
		*status = table->kill.all(table->kill.ctx);
	if (__builtin_expect(*status != 0, 0)) {
		iommu_confirmation_fail(&table->confirmation);
		*status = *status == IOMMU_ETIMEDOUT ? *status : IOMMU_EIO;
	}
	return true;
}

/* --- Entries ---------------------------------------------------------------------------------- */

/* The same of entries that were stored, with whatever waits. */
static int tell_of_stored(struct memory_table *table, uint64_t index, uint64_t count)
{
	struct iommu_gather gather;
	int status;

	if (__builtin_expect(settle_stored(table, index, count, &status), 1))
		return status;
	iommu_gather_init(&gather);
	return settle(table, index, count, &gather);
}

/* After map or unmap; most leave no table to be freed. */
static inline int settle_gathered(struct memory_table *table, uint64_t index, uint64_t count,
				  struct iommu_gather *gather)
{
	return gather->tables_unlinked ? settle(table, index, count, gather)
				       : tell_of_stored(table, index, count);
}

static __attribute__((noinline)) int clear_entries(struct memory_table *table, uint64_t index,
						   uint64_t count)
{
	struct iommu_gather gather;
	int status;

	iommu_gather_init(&gather);
	status = iommu_tce_unmap(&table->pt, iova_of(&table->base, index),
				 count << table->base.page_shift, 0, &gather, NULL);
	return status != 0 ? status : settle_gathered(table, index, count, &gather);
}

static __attribute__((noinline)) int set_entries(struct memory_table *table, uint64_t index,
						 uint64_t count, iommu_paddr_t paddr,
						 unsigned int prot)
{
	struct iommu_gather gather;
	uint64_t mapped;
	int status;

	iommu_gather_init(&gather);
	status = iommu_tce_map(&table->pt, iova_of(&table->base, index), paddr,
			       count << table->base.page_shift, prot, &gather, &mapped);
	if (status != 0 && !iommu_gather_is_empty(&gather) &&
	    settle(table, index, count, &gather) != 0)
		return IOMMU_EIO;
	if (status != 0)
		return status;
	/* The bridge may have cached that the entries were absent. */
	if (settle_gathered(table, index, count, &gather) == 0)
		return 0;
	return clear_entries(table, index, count) == 0 ? IOMMU_EAGAIN : IOMMU_EIO;
}

#if IOMMU_CONFIG_ONE_PAGE

/* One page, where its table is there, is a store. */
static int memory_clear(struct iommu_tce_table *base, uint64_t index, uint64_t count)
{
	struct memory_table *table = memory_of(base);

	if (__builtin_expect(count == 1 && iommu_tce_unmap_page(&table->pt, iova_of(base, index),
								1ULL << base->page_shift),
			     1))
		return tell_of_stored(table, index, 1);
	return clear_entries(table, index, count);
}

static int memory_set(struct iommu_tce_table *base, uint64_t index, uint64_t count,
		      iommu_paddr_t paddr, unsigned int prot)
{
	struct memory_table *table = memory_of(base);

	if (__builtin_expect(count != 1 ||
				     !iommu_tce_map_page(&table->pt, iova_of(base, index), paddr,
							 1ULL << base->page_shift, prot),
			     0))
		return set_entries(table, index, count, paddr, prot);
	if (__builtin_expect(tell_of_stored(table, index, 1) == 0, 1))
		return 0;
	return clear_entries(table, index, 1) == 0 ? IOMMU_EAGAIN : IOMMU_EIO;
}

#else

static int memory_clear(struct iommu_tce_table *base, uint64_t index, uint64_t count)
{
	return clear_entries(memory_of(base), index, count);
}

static int memory_set(struct iommu_tce_table *base, uint64_t index, uint64_t count,
		      iommu_paddr_t paddr, unsigned int prot)
{
	return set_entries(memory_of(base), index, count, paddr, prot);
}

#endif

static int memory_get(struct iommu_tce_table *base, uint64_t index, iommu_paddr_t *paddr,
		      unsigned int *prot)
{
	return iommu_tce_iova_to_phys(&memory_of(base)->pt, iova_of(base, index), paddr, prot);
}

/* The bridge sees the old entry or the new one, never none: an access meanwhile does not fail. */
static int memory_exchange(struct iommu_tce_table *base, uint64_t index, iommu_paddr_t paddr,
			   unsigned int prot, iommu_paddr_t *old_paddr, unsigned int *old_prot)
{
	return iommu_tce_exchange(&memory_of(base)->pt, iova_of(base, index), paddr, prot,
				  old_paddr, old_prot);
}

static int memory_flush(struct iommu_tce_table *base)
{
	struct memory_table *table = memory_of(base);
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	return conclude(table, &gather, kill_all(table, &gather));
}

/* --- Life ------------------------------------------------------------------------------------- */

static void memory_free(struct iommu_tce_table *base)
{
	const struct iommu_platform *platform = base->platform;
	struct memory_table *table = memory_of(base);

	iommu_tce_free_gathered(&table->pt, &table->pages.gather);
	iommu_tce_destroy(&table->pt);
	platform->free_pages(platform->ctx, table, 0);
}

static const struct tce_ops memory_ops = {
	.set = memory_set,
	.clear = memory_clear,
	.exchange = memory_exchange,
	.flush = memory_flush,
	.get = memory_get,
	.free = memory_free,
};

_Static_assert(sizeof(struct memory_table) <= IOMMU_PAGE_SIZE, "it is one page");

/* The number of bits of addresses within the window. */
static unsigned int width_of(const struct iommu_tce_table_config *config)
{
	const uint64_t bytes = config->entries << config->page_shift;
	const unsigned int bit = iommu_highest_bit(bytes);

	return (bytes & (bytes - 1)) == 0 ? bit : bit + 1;
}

static int pt_init(struct memory_table *table, const struct iommu_tce_memory_config *config)
{
	const struct iommu_pgtable_config pt = {
		.platform = config->table.platform,
		.levels = config->levels,
		.table_order = config->table_order,
		.input_bits = width_of(&config->table),
		.output_bits = config->output_bits,
		.pgsize_bitmap = 1ULL << config->table.page_shift,
		.node = IOMMU_NODE_ANY,
		.flags = config->eager ? IOMMU_PGTABLE_EAGER : 0,
	};

	return iommu_tce_init(&table->pt, &pt);
}

static int memory_init(struct memory_table *table, const struct iommu_tce_memory_config *config)
{
	int status = iommu_tce_table_init(&table->base, &config->table);

	if (status != 0)
		return status;
	status = pt_init(table, config);
	if (status != 0)
		iommu_tce_table_fini(&table->base);
	return status;
}

int iommu_tce_memory_create(const struct iommu_tce_memory_config *config,
			    struct iommu_tce_table **result)
{
	const struct iommu_platform *platform = config->table.platform;
	struct memory_table *table;
	int status;

	const char *defect = iommu_tce_table_defect(&config->table);

	if (defect == NULL && config->kill.all == NULL)
		defect = IOMMU_WHY("kill.all is missing");
	/* New tables have no entries to keep. */
	if (defect == NULL && (config->table.flags & IOMMU_TCE_TABLE_KEEP) != 0)
		defect = IOMMU_WHY("tables that are made here have no entries to keep");
	if (defect != NULL)
		return iommu_refuse_defect(platform, IOMMU_CALL, defect);
	table = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (table == NULL)
		return IOMMU_ENOMEM;
	table->base.ops = &memory_ops;
	table->kill = config->kill;
	iommu_gather_init(&table->pages.gather);
	status = memory_init(table, config);
	if (status != 0) {
		platform->free_pages(platform->ctx, table, 0);
		return status;
	}
	*result = &table->base;
	return 0;
}

iommu_paddr_t iommu_tce_memory_root(const struct iommu_tce_table *table)
{
	return iommu_virt_to_phys(table->platform, memory_of(table)->pt.root);
}
