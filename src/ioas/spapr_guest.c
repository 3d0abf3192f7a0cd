/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guests whose tables are set by hypercalls: their memory map, their tables, and what windows of
 * containers these set. What hypercalls find is changed under the guest's or a table's lock; what
 * is taken away goes when the hypercalls that may have found it have ended.
 */
#include "ioas/spapr_guest.h"

#if IOMMU_CONFIG_POWER

#define PAGES_MAX (1ULL << 28)
#define SHIFT_MIN 12
#define SHIFT_MAX 34
#define RATIO_MAX 12 /* a page of a table is at most 2^12 of a window's */

static void guest_lock(const struct iommu_spapr_guest *guest)
{
	if (guest->mutex != NULL)
		guest->platform->mutex_lock(guest->platform->ctx, guest->mutex);
}

static void guest_unlock(const struct iommu_spapr_guest *guest)
{
	if (guest->mutex != NULL)
		guest->platform->mutex_unlock(guest->platform->ctx, guest->mutex);
}

static int refuse(const struct iommu_spapr_guest *guest, const char *call, int status,
		  const char *why)
{
	return iommu_refuse_now(guest->iommu, call, "", status, why);
}

static uintptr_t spin(struct iommu_spapr_guest *guest)
{
	return iommu_spin_lock(guest->platform, &guest->lock);
}

static void unspin(struct iommu_spapr_guest *guest, uintptr_t state)
{
	iommu_spin_unlock(guest->platform, &guest->lock, state);
}

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_spapr_guest_create(struct iommu *iommu, const struct iommu_spapr_guest_config *config,
			     struct iommu_spapr_guest **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct iommu_spapr_guest *guest;

	if (config->flags != 0)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_EOPNOTSUPP,
					IOMMU_WHY("unknown flags"));
	if (config->read == NULL)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_EINVAL,
					IOMMU_WHY("there is no way to read the guest's memory"));
	guest = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (guest == NULL)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOMEM, "");
	guest->iommu = iommu;
	guest->platform = platform;
	guest->config = *config;
	iommu_list_init(&guest->tables);
	iommu_object_cache_init(&guest->table_cache, platform, sizeof(struct spapr_table));
	iommu_object_cache_init(&guest->range_cache, platform, sizeof(struct spapr_range));
	if (platform->mutex_create != NULL)
		guest->mutex = platform->mutex_create(platform->ctx);
	if (platform->mutex_create != NULL && guest->mutex == NULL) {
		platform->free_pages(platform->ctx, guest, 0);
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOMEM,
					IOMMU_WHY("the host makes no mutex"));
	}
	*result = guest;
	return 0;
}

/* --- Memory ----------------------------------------------------------------------------------- */

static const char *mistake_in_range(uint64_t guest_address, uint64_t size, uint64_t address)
{
	if (size == 0 || ((guest_address | size | address) & (IOMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_WHY("addresses and size are not whole pages");
	return NULL;
}

static struct ioas_interval *range_at(struct iommu_spapr_guest *guest, uint64_t guest_address,
				      uint64_t size)
{
	return iommu_interval_first(&guest->memory, guest_address, guest_address + (size - 1));
}

static int add_memory(struct iommu_spapr_guest *guest, const char *call, uint64_t guest_address,
		      uint64_t size, uint64_t address)
{
	struct spapr_range *range;
	uintptr_t state;

	if (size - 1 > UINT64_MAX - guest_address || size - 1 > UINT64_MAX - address)
		return refuse(guest, call, IOMMU_EOVERFLOW, IOMMU_WHY("the range wraps"));
	if (range_at(guest, guest_address, size) != NULL)
		return refuse(guest, call, IOMMU_EEXIST,
			      IOMMU_WHY("the guest has memory in the range"));
	range = iommu_object_alloc(&guest->range_cache, 0);
	if (range == NULL)
		return refuse(guest, call, IOMMU_ENOMEM, "");
	range->interval.first = guest_address;
	range->interval.last = guest_address + (size - 1);
	range->address = address;
	state = spin(guest);
	iommu_interval_insert(&guest->memory, &range->interval);
	unspin(guest, state);
	return 0;
}

int iommu_spapr_guest_add_memory(struct iommu_spapr_guest *guest, uint64_t guest_address,
				 uint64_t size, uint64_t address)
{
	const char *mistake = mistake_in_range(guest_address, size, address);
	int status;

	if (mistake != NULL)
		return refuse(guest, IOMMU_CALL, IOMMU_EINVAL, mistake);
	guest_lock(guest);
	status = add_memory(guest, IOMMU_CALL, guest_address, size, address);
	guest_unlock(guest);
	return status;
}

static void drop_range(struct iommu_spapr_guest *guest, struct ioas_interval *interval)
{
	const uintptr_t state = spin(guest);

	iommu_interval_remove(&guest->memory, interval);
	unspin(guest, state);
	iommu_spapr_calls_wait(&guest->calls, guest->platform);
	iommu_object_free(&guest->range_cache,
			  iommu_container_of(interval, struct spapr_range, interval));
}

int iommu_spapr_guest_remove_memory(struct iommu_spapr_guest *guest, uint64_t guest_address,
				    uint64_t size)
{
	struct ioas_interval *interval = NULL;
	int status = 0;

	guest_lock(guest);
	if (size != 0 && size - 1 <= UINT64_MAX - guest_address)
		interval = range_at(guest, guest_address, size);
	if (interval != NULL && interval->first == guest_address &&
	    interval->last - guest_address == size - 1)
		drop_range(guest, interval);
	else
		status = refuse(guest, IOMMU_CALL, IOMMU_ENOENT,
				IOMMU_WHY("no such range was added"));
	guest_unlock(guest);
	return status;
}

/* --- Tables ----------------------------------------------------------------------------------- */

static struct spapr_table *table_at(struct iommu_spapr_guest *guest, uint32_t liobn)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &guest->tables) {
		struct spapr_table *table = iommu_container_of(node, struct spapr_table, link);

		if (table->config.liobn == liobn)
			return table;
	}
	return NULL;
}

static int check_table(const struct iommu_spapr_guest *guest, const char *call,
		       const struct iommu_spapr_table *config)
{
	if (config->page_shift < SHIFT_MIN || config->page_shift > SHIFT_MAX)
		return refuse(guest, call, IOMMU_EINVAL,
			      IOMMU_WHY("page_shift is not within 12 to 34"));
	if (config->pages == 0 || config->pages > PAGES_MAX)
		return refuse(guest, call, IOMMU_EINVAL,
			      IOMMU_WHY("the table has no pages, or too many"));
	if ((config->address & ((1ULL << config->page_shift) - 1)) != 0)
		return refuse(guest, call, IOMMU_EINVAL,
			      IOMMU_WHY("the table's address is not aligned to its pages"));
	if ((config->pages << config->page_shift) - 1 > UINT64_MAX - config->address)
		return refuse(guest, call, IOMMU_EOVERFLOW,
			      IOMMU_WHY("the table ends beyond 64 bits"));
	return 0;
}

static int add_table(struct iommu_spapr_guest *guest, const char *call,
		     const struct iommu_spapr_table *config)
{
	struct spapr_table *table;
	uintptr_t state;

	if (table_at(guest, config->liobn) != NULL)
		return refuse(guest, call, IOMMU_EEXIST,
			      IOMMU_WHY("a table has this number already"));
	table = iommu_object_alloc(&guest->table_cache, 0);
	if (table == NULL)
		return refuse(guest, call, IOMMU_ENOMEM, "");
	table->config = *config;
	table->serial = ++guest->serials;
	iommu_sparse_init(&table->entries, config->pages);
	state = spin(guest);
	iommu_list_insert(&guest->tables, &table->link);
	unspin(guest, state);
	return 0;
}

int iommu_spapr_guest_add_table(struct iommu_spapr_guest *guest,
				const struct iommu_spapr_table *config)
{
	const struct iommu_spapr_table own = *config;
	int status = check_table(guest, IOMMU_CALL, &own);

	if (status != 0)
		return status;
	guest_lock(guest);
	status = add_table(guest, IOMMU_CALL, &own);
	guest_unlock(guest);
	return status;
}

/* --- Windows of a table ----------------------------------------------------------------------- */

static void set_attachment(struct iommu_spapr_guest *guest, struct spapr_table *table,
			   struct spapr_attachment *place, const struct spapr_attachment *value)
{
	const uintptr_t state = iommu_spin_lock(guest->platform, &table->lock);

	*place = *value;
	iommu_spin_unlock(guest->platform, &table->lock, state);
}

/* No hypercall sets it any more; its entries are cleared. */
static int drop_attachment(struct iommu_spapr_guest *guest, struct spapr_table *table,
			   struct spapr_attachment *place)
{
	const struct spapr_attachment was = *place;
	const struct spapr_attachment none = {0};
	int status;

	set_attachment(guest, table, place, &none);
	iommu_spapr_calls_wait(&guest->calls, guest->platform);
	status = iommu_spapr_clear(guest, table, &was);
	__atomic_sub_fetch(&was.spapr->attachments, 1, __ATOMIC_RELEASE);
	return status;
}

static int remove_table(struct iommu_spapr_guest *guest, struct spapr_table *table)
{
	const uintptr_t state = spin(guest);
	int result = 0;
	unsigned int i;

	iommu_list_remove(&table->link);
	unspin(guest, state);
	iommu_spapr_calls_wait(&guest->calls, guest->platform);
	for (i = 0; i < IOMMU_SPAPR_TABLE_WINDOWS; i++) {
		int status = table->attachments[i].spapr != NULL
				     ? drop_attachment(guest, table, &table->attachments[i])
				     : 0;

		if (result == 0)
			result = status;
	}
	iommu_sparse_clear(&table->entries, guest->platform);
	iommu_object_free(&guest->table_cache, table);
	return result;
}

int iommu_spapr_guest_remove_table(struct iommu_spapr_guest *guest, uint32_t liobn)
{
	struct spapr_table *table;
	int status;

	guest_lock(guest);
	table = table_at(guest, liobn);
	if (table == NULL) {
		status = refuse(guest, IOMMU_CALL, IOMMU_ENOENT,
				IOMMU_WHY("no table has this number"));
	} else {
		status = remove_table(guest, table);
		if (status != 0)
			(void)refuse(guest, IOMMU_CALL, status, "");
	}
	guest_unlock(guest);
	return status;
}

int iommu_spapr_guest_destroy(struct iommu_spapr_guest *guest)
{
	const struct iommu_platform *platform;
	int status = 0;

	if (guest == NULL)
		return 0;
	platform = guest->platform;
	while (!iommu_list_is_empty(&guest->tables) && status == 0)
		status = remove_table(
			guest, iommu_container_of(guest->tables.next, struct spapr_table, link));
	if (status != 0)
		return refuse(guest, IOMMU_CALL, status, "");
	while (guest->memory.root != NULL)
		drop_range(guest, range_at(guest, 0, UINT64_MAX));
	if (guest->mutex != NULL)
		platform->mutex_destroy(platform->ctx, guest->mutex);
	platform->free_pages(platform->ctx, guest, 0);
	return 0;
}

static bool fits(const struct iommu_spapr_table *table, const struct spapr_window *window)
{
	const unsigned int shift = window->config.page_shift;
	const uint64_t bytes = spapr_window_size(window);

	return shift <= table->page_shift && table->page_shift - shift <= RATIO_MAX &&
	       table->address >= window->start && table->address - window->start < bytes &&
	       table->pages << table->page_shift <= bytes - (table->address - window->start);
}

/* The window as an attachment, which is counted: the container does not go. */
static int take_window(struct spapr *spapr, const struct iommu_spapr_table *table,
		       iommu_iova_t start, struct spapr_attachment *result)
{
	const struct spapr_window *window = iommu_spapr_window_at(spapr, start, 1);

	if (window == NULL || window->start != start)
		return SPAPR_REFUSE(spapr, IOMMU_ENOENT, "no window starts there");
	if (!fits(table, window))
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL,
				    "the window does not cover the table, or its pages do not "
				    "fit");
	*result = (struct spapr_attachment){
		.spapr = spapr,
		.number = window->config.number,
		.start = start,
		.serial = window->serial,
		.first = (table->address - start) >> window->config.page_shift,
		.ratio_shift = table->page_shift - window->config.page_shift,
	};
	__atomic_add_fetch(&spapr->attachments, 1, __ATOMIC_ACQUIRE);
	return 0;
}

/* A place for another window; NULL, with the status: there is none, or it is there already. */
static struct spapr_attachment *find_place(const struct iommu_spapr_guest *guest, const char *call,
					   struct spapr_table *table,
					   const struct spapr_attachment *wanted, int *status)
{
	struct spapr_attachment *place = NULL;
	unsigned int i;

	for (i = 0; i < IOMMU_SPAPR_TABLE_WINDOWS; i++) {
		struct spapr_attachment *attachment = &table->attachments[i];

		if (attachment->spapr == NULL) {
			place = attachment;
		} else if (attachment->spapr == wanted->spapr &&
			   attachment->serial == wanted->serial) {
			*status = refuse(guest, call, IOMMU_EEXIST,
					 IOMMU_WHY("the window is attached to the table"));
			return NULL;
		}
	}
	if (place == NULL)
		*status = refuse(guest, call, IOMMU_ENOSPC,
				 IOMMU_WHY("the table has as many windows as it can"));
	return place;
}

/* What the guest has put before; what follows, its hypercalls set. */
static int replay(struct iommu_spapr_guest *guest, struct spapr_table *table,
		  const struct spapr_attachment *attachment)
{
	uint64_t index = 0;
	int status = 0;

	iommu_spapr_calls_wait(&guest->calls, guest->platform);
	while (index < table->config.pages && status == 0)
		if (iommu_spapr_next_put(guest, table, &index))
			status = iommu_spapr_replay(guest, table, attachment, index++);
	return status;
}

static int attach_window(struct iommu_spapr_guest *guest, const char *call, uint32_t liobn,
			 struct iommu_container *container, iommu_iova_t start)
{
	struct spapr_table *table = table_at(guest, liobn);
	struct spapr_attachment wanted = {0}, *place;
	struct spapr *spapr;
	int status;

	if (table == NULL)
		return refuse(guest, call, IOMMU_ENOENT, IOMMU_WHY("no table has this number"));
	status = iommu_spapr_begin(container, call, IOMMU_CONTAINER_TCE_V2, &spapr);
	if (status != 0)
		return status;
	status = iommu_spapr_end(spapr, call, take_window(spapr, &table->config, start, &wanted));
	if (status != 0)
		return status;
	place = find_place(guest, call, table, &wanted, &status);
	if (place == NULL) {
		__atomic_sub_fetch(&spapr->attachments, 1, __ATOMIC_RELEASE);
		return status;
	}
	set_attachment(guest, table, place, &wanted);
	status = replay(guest, table, &wanted);
	if (status == 0)
		return 0;
	(void)drop_attachment(guest, table, place);
	return refuse(guest, call, status,
		      IOMMU_WHY("what the guest has put cannot be set in the window"));
}

int iommu_spapr_guest_attach_window(struct iommu_spapr_guest *guest, uint32_t liobn,
				    struct iommu_container *container, iommu_iova_t start)
{
	int status;

	guest_lock(guest);
	status = attach_window(guest, IOMMU_CALL, liobn, container, start);
	guest_unlock(guest);
	return status;
}

static int detach_window(struct iommu_spapr_guest *guest, const char *call, uint32_t liobn,
			 const struct iommu_container *container, iommu_iova_t start)
{
	struct spapr_table *table = table_at(guest, liobn);
	bool is_found = false;
	int result = 0;
	unsigned int i;

	for (i = 0; table != NULL && i < IOMMU_SPAPR_TABLE_WINDOWS; i++) {
		struct spapr_attachment *attachment = &table->attachments[i];
		int status;

		if (attachment->spapr == NULL || attachment->spapr->container != container ||
		    attachment->start != start)
			continue;
		is_found = true;
		status = drop_attachment(guest, table, attachment);
		if (result == 0)
			result = status;
	}
	if (!is_found)
		return refuse(guest, call, IOMMU_ENOENT,
			      IOMMU_WHY("the window is not attached to such a table"));
	return result == 0 ? 0 : refuse(guest, call, result, "");
}

int iommu_spapr_guest_detach_window(struct iommu_spapr_guest *guest, uint32_t liobn,
				    struct iommu_container *container, iommu_iova_t start)
{
	int status;

	guest_lock(guest);
	status = detach_window(guest, IOMMU_CALL, liobn, container, start);
	guest_unlock(guest);
	return status;
}

#endif
