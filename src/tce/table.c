/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows: creation and end, mapping, and exclusive owners. */
#include "tce/table.h"

#include "base/bits.h"
#include "base/log.h"

#define ENTRIES_MAX   (1ULL << 28)
#define BLOCK         16
#define FLAGS         (IOMMU_TCE_TABLE_KEEP | IOMMU_TCE_TABLE_USER_WORDS)
#define KEEP_AT_LEAST 2048 /* entries for a kernel that follows a dead one */

/* --- Life ------------------------------------------------------------------------------------- */

const char *iommu_tce_table_defect(const struct iommu_tce_table_config *config)
{
	const uint64_t block = config->block;
	const char *defect = iommu_platform_defect(config->platform);

	if (defect != NULL)
		return defect;
	if (config->entries == 0 || config->entries > ENTRIES_MAX)
		return IOMMU_WHY("the window has no entries, or too many");
	if (config->page_shift < 12 || config->page_shift > 34)
		return IOMMU_WHY("page_shift is not within 12 to 34");
	if (config->first_page > (UINT64_MAX >> config->page_shift) - config->entries)
		return IOMMU_WHY("the window ends beyond 64 bits");
	if ((block & (block - 1)) != 0)
		return IOMMU_WHY("block is no power of two");
	return (config->flags & ~(unsigned int)FLAGS) == 0 ? NULL : IOMMU_WHY("unknown flags");
}

/* Pages that are never handed out: bus address 0, and those that the host has reserved. */
static uint64_t reserve(struct iommu_tce_table *table, const struct iommu_tce_table_config *config)
{
	const uint64_t last_page = config->first_page + (config->entries - 1);
	uint64_t first = config->reserved_first;
	uint64_t last = config->reserved_last;
	uint64_t reserved = 0;

	if (config->first_page == 0)
		reserved = iommu_tce_pools_reserve(table, 0, 1);
	if (first < config->first_page)
		first = config->first_page;
	if (last > last_page)
		last = last_page;
	if (config->reserved_first <= config->reserved_last && first <= last) {
		table->reserved_first = first - config->first_page;
		table->reserved_count = last - first + 1;
		reserved += iommu_tce_pools_reserve(table, table->reserved_first,
						    table->reserved_count);
	}
	return reserved;
}

int iommu_tce_table_init(struct iommu_tce_table *table, const struct iommu_tce_table_config *config)
{
	int status;

	table->platform = config->platform;
	table->first_page = config->first_page;
	table->entries = config->entries;
	table->page_shift = config->page_shift;
	table->block = config->block != 0 ? config->block : BLOCK;
	table->has_view = (config->flags & IOMMU_TCE_TABLE_USER_WORDS) != 0;
	iommu_sparse_init(&table->view, table->entries);
	status = iommu_bitmap_create(&table->bitmap, table->platform, table->entries);
	if (status != 0)
		return status;
	iommu_tce_pools_init(table);
	table->reserved = reserve(table, config);
	return 0;
}

void iommu_tce_table_fini(struct iommu_tce_table *table)
{
	iommu_sparse_clear(&table->view, table->platform);
	iommu_bitmap_destroy(&table->bitmap);
}

/* Is any of these pages never handed out? */
static bool has_reserved(const struct iommu_tce_table *table, uint64_t index, uint64_t pages)
{
	return (table->first_page == 0 && index == 0) ||
	       (index < table->reserved_first + table->reserved_count &&
		table->reserved_first < index + pages);
}

/* Keep all entries that may lead somewhere, also those that could not be read. */
static void keep_valid(struct iommu_tce_table *table)
{
	uint64_t index;

	for (index = 0; index < table->entries; index++)
		if (table->ops->get(table, index, NULL, NULL) != IOMMU_ENOENT)
			(void)iommu_tce_pools_reserve(table, index, 1);
}

/* Clear the last entries, so that some are free; reserved ones stay reserved. */
static int take_last(struct iommu_tce_table *table, uint64_t count)
{
	uint64_t index;
	int status = 0;

	for (index = table->entries - count; index < table->entries && status == 0; index++) {
		if (has_reserved(table, index, 1) || !iommu_tce_pools_have(table, index, 1))
			continue;
		status = table->ops->clear(table, index, 1);
		if (status == 0)
			iommu_tce_pools_free(table, index, 1);
	}
	return status;
}

static int keep_entries(struct iommu_tce_table *table)
{
	keep_valid(table);
	if (table->entries - iommu_tce_pools_taken(table) >= KEEP_AT_LEAST)
		return 0;
	return take_last(table, table->entries < KEEP_AT_LEAST ? table->entries : KEEP_AT_LEAST);
}

int iommu_tce_table_start(struct iommu_tce_table *table, unsigned int flags)
{
	if ((flags & IOMMU_TCE_TABLE_KEEP) != 0)
		return keep_entries(table);
	return table->ops->clear(table, 0, table->entries);
}

static int refuse(const struct iommu_tce_table *table, const char *call, int status,
		  const char *why)
{
	return iommu_log_refusal(table->platform, call, "", why, status);
}

int iommu_tce_table_destroy(struct iommu_tce_table *table)
{
	int status;

	if (table == NULL)
		return 0;
	status = table->ops->clear(table, 0, table->entries);
	if (status != 0)
		return refuse(table, IOMMU_CALL, status, "");
	iommu_tce_table_fini(table);
	table->ops->free(table);
	return 0;
}

void iommu_tce_table_get_stats(struct iommu_tce_table *table, struct iommu_tce_table_stats *stats)
{
	*stats = (struct iommu_tce_table_stats){
		.entries = table->entries,
		.taken = iommu_tce_pools_taken(table),
		.reserved = table->reserved,
		.lost = iommu_cell_load(&table->lost),
		.pools = table->pool_count + 1,
	};
}

/* --- Mapping ---------------------------------------------------------------------------------- */

static bool is_owned(const struct iommu_tce_table *table)
{
	return __atomic_load_n(&table->is_owned, __ATOMIC_ACQUIRE);
}

static int check_memory(const struct iommu_tce_table *table, iommu_paddr_t paddr, uint64_t pages,
			unsigned int prot)
{
	if (pages == 0 || (paddr & ((1ULL << table->page_shift) - 1)) != 0 || prot == 0 ||
	    (prot & ~(unsigned int)IOMMU_PROT_READ_WRITE) != 0)
		return IOMMU_EINVAL;
	if (pages > table->entries)
		return IOMMU_ENOSPC;
	return (pages << table->page_shift) - 1 > UINT64_MAX - paddr ? IOMMU_EOVERFLOW : 0;
}

/* A request in pages; the last page has to be within the mask as a whole. */
static int make_request(const struct iommu_tce_table *table, uint64_t pages,
			const struct iommu_tce_limits *limits, struct tce_request *request)
{
	const uint64_t boundary = limits != NULL ? limits->boundary : 0;
	const uint64_t mask = limits != NULL ? limits->mask : 0;

	*request = (struct tce_request){.pages = pages, .end = table->entries};
	if (limits == NULL)
		return 0;
	request->boundary = boundary >> table->page_shift;
	request->alignment = limits->alignment;
	if ((mask & (mask + 1)) != 0 || (boundary & (boundary - 1)) != 0 ||
	    limits->alignment > 28 || (boundary != 0 && request->boundary < pages))
		return IOMMU_EINVAL;
	if (mask != 0 && mask != UINT64_MAX) {
		const uint64_t end_page = (mask + 1) >> table->page_shift;

		if (end_page <= table->first_page)
			return IOMMU_ENOSPC;
		if (end_page - table->first_page < request->end)
			request->end = end_page - table->first_page;
	}
	return 0;
}

static void lose(struct iommu_tce_table *table, uint64_t pages)
{
	(void)iommu_cell_add(&table->lost, pages);
}

static bool is_unconfirmed(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

int iommu_tce_table_map(struct iommu_tce_table *table, iommu_paddr_t paddr, uint64_t pages,
			unsigned int prot, const struct iommu_tce_limits *limits, uint64_t *address)
{
	struct tce_request request;
	uint64_t index = 0;
	int status = check_memory(table, paddr, pages, prot);

	if (status == 0)
		status = make_request(table, pages, limits, &request);
	if (status == 0 && is_owned(table))
		status = IOMMU_EBUSY;
	if (status == 0)
		status = iommu_tce_pools_alloc(table, &request, &index);
	if (status != 0)
		return status;
	status = table->ops->set(table, index, pages, paddr, prot);
	if (is_unconfirmed(status))
		lose(table, pages);
	else if (status != 0)
		iommu_tce_pools_free(table, index, pages);
	else
		*address = (table->first_page + index) << table->page_shift;
	return status;
}

/* The index of an address; false: not all of the range is in the window. */
static bool find_range(const struct iommu_tce_table *table, uint64_t address, uint64_t pages,
		       uint64_t *index)
{
	const uint64_t page = address >> table->page_shift;

	*index = page - table->first_page;
	return page >= table->first_page && *index < table->entries &&
	       pages <= table->entries - *index;
}

int iommu_tce_table_unmap(struct iommu_tce_table *table, uint64_t address, uint64_t pages)
{
	uint64_t index;
	int status;

	if (pages == 0 || (address & ((1ULL << table->page_shift) - 1)) != 0 ||
	    !find_range(table, address, pages, &index))
		return IOMMU_EINVAL;
	if (is_owned(table) || has_reserved(table, index, pages) ||
	    !iommu_tce_pools_have(table, index, pages))
		return IOMMU_EINVAL;
	/* First the entries, then their bits, which stay until a call is confirmed. */
	status = table->ops->clear(table, index, pages);
	if (status == 0)
		iommu_tce_pools_free(table, index, pages);
	return status;
}

int iommu_tce_table_get(struct iommu_tce_table *table, uint64_t address, iommu_paddr_t *paddr,
			unsigned int *prot)
{
	uint64_t index;
	int status;

	if (!find_range(table, address, 1, &index))
		return IOMMU_ERANGE;
	status = table->ops->get(table, index, paddr, prot);
	if (status == 0 && paddr != NULL)
		*paddr |= address & ((1ULL << table->page_shift) - 1);
	return status;
}

/* --- Owners ----------------------------------------------------------------------------------- */

int iommu_tce_table_take(struct iommu_tce_table *table)
{
	int status;

	if (is_owned(table))
		return refuse(table, IOMMU_CALL, IOMMU_EBUSY,
			      IOMMU_WHY("the table is owned already"));
	if (iommu_tce_pools_taken(table) != table->reserved)
		return refuse(table, IOMMU_CALL, IOMMU_EBUSY,
			      IOMMU_WHY("the host has mapped something in the table"));
	status = table->ops->clear(table, 0, table->entries);
	if (status != 0)
		(void)refuse(table, IOMMU_CALL, status, "");
	else
		__atomic_store_n(&table->is_owned, true, __ATOMIC_RELEASE);
	return status;
}

int iommu_tce_table_give_back(struct iommu_tce_table *table)
{
	int status;

	if (!is_owned(table))
		return refuse(table, IOMMU_CALL, IOMMU_EINVAL, IOMMU_WHY("the table is not owned"));
	status = table->ops->clear(table, 0, table->entries);
	if (status != 0)
		return refuse(table, IOMMU_CALL, status, "");
	iommu_sparse_clear(&table->view, table->platform);
	__atomic_store_n(&table->is_owned, false, __ATOMIC_RELEASE);
	return 0;
}

int iommu_tce_table_exchange(struct iommu_tce_table *table, uint64_t address, iommu_paddr_t paddr,
			     unsigned int prot, iommu_paddr_t *old_paddr, unsigned int *old_prot)
{
	uint64_t index;
	int status = 0;

	if (!is_owned(table))
		return IOMMU_EPERM;
	if (!find_range(table, address, 1, &index))
		return IOMMU_ERANGE;
	if (prot != 0)
		status = check_memory(table, paddr, 1, prot);
	return status != 0 ? status
			   : table->ops->exchange(table, index, paddr, prot, old_paddr, old_prot);
}

int iommu_tce_table_flush(struct iommu_tce_table *table)
{
	return is_owned(table) ? table->ops->flush(table) : IOMMU_EPERM;
}

/* The index of an owner's word, or the error. */
static int find_word(const struct iommu_tce_table *table, uint64_t address, uint64_t *index)
{
	if (!table->has_view)
		return IOMMU_EOPNOTSUPP;
	if (!is_owned(table))
		return IOMMU_EPERM;
	return find_range(table, address, 1, index) ? 0 : IOMMU_ERANGE;
}

int iommu_tce_table_set_user(struct iommu_tce_table *table, uint64_t address, uint64_t word)
{
	uint64_t index;
	uint64_t *place;
	int status = find_word(table, address, &index);

	if (status != 0)
		return status;
	place = iommu_sparse_find(&table->view, table->platform, index, word != 0);
	if (place == NULL)
		return word != 0 ? IOMMU_ENOMEM : 0;
	*place = word;
	return 0;
}

int iommu_tce_table_get_user(struct iommu_tce_table *table, uint64_t address, uint64_t *word)
{
	const uint64_t *place;
	uint64_t index;
	int status = find_word(table, address, &index);

	if (status != 0)
		return status;
	place = iommu_sparse_find(&table->view, table->platform, index, false);
	*word = place != NULL ? *place : 0;
	return 0;
}
