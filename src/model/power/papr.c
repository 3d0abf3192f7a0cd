/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hypervisor that keeps a partition's TCEs: windows by number, and the calls that change their
 * entries. (Linux on Power Architecture Reference, "H_PUT_TCE", "H_PUT_TCE_INDIRECT",
 * "H_STUFF_TCE", "H_GET_TCE".)
 */
#include "model/power/papr.h"

#include <libiommu/hw/tce.h>
#include <libiommu/status.h>
#include <libiommu/tce_table.h>

#include "base/byteorder.h"
#include "base/log.h"

#define H_SUCCESS        0
#define H_BUSY           1
#define H_LONG_BUSY      9903
#define H_FUNCTION       (-2)
#define H_PARAMETER      (-4)
#define H_RESOURCES      (-44)

#define ENTRIES_PER_PAGE (IOMMU_PAGE_SIZE / sizeof(uint64_t))
#define LIST_MAX         512
#define LIST_PIECE       32 /* on the stack */

/* --- Windows ---------------------------------------------------------------------------------- */

struct papr_window *iommu_papr_model_find_window(struct iommu_model_papr *papr, uint64_t liobn)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &papr->windows) {
		struct papr_window *window = iommu_container_of(node, struct papr_window, link);

		if (window->liobn == liobn && !window->is_hidden)
			return window;
	}
	return NULL;
}

void iommu_papr_model_clear_window(const struct iommu_platform *platform,
				   struct papr_window *window)
{
	uint64_t i;

	for (i = 0; window->entries != NULL && i * ENTRIES_PER_PAGE < window->pages; i++) {
		if (window->entries[i] != NULL)
			platform->free_pages(platform->ctx, window->entries[i], 0);
		window->entries[i] = NULL;
	}
}

void iommu_papr_model_free_window(const struct iommu_platform *platform, struct papr_window *window)
{
	iommu_papr_model_clear_window(platform, window);
	if (window->entries != NULL)
		platform->free_pages(platform->ctx, window->entries, window->entries_order);
	platform->free_pages(platform->ctx, window, 0);
}

struct papr_window *iommu_papr_model_make_window(const struct iommu_platform *platform,
						 uint64_t pages, unsigned int flags)
{
	const uint64_t bytes = (pages + ENTRIES_PER_PAGE - 1) / ENTRIES_PER_PAGE * sizeof(void *);
	struct papr_window *window = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, flags);

	if (window == NULL)
		return NULL;
	window->pages = pages;
	while ((uint64_t)IOMMU_PAGE_SIZE << window->entries_order < bytes)
		window->entries_order++;
	window->entries =
		platform->alloc_pages(platform->ctx, window->entries_order, IOMMU_NODE_ANY, flags);
	if (window->entries != NULL)
		return window;
	iommu_papr_model_free_window(platform, window);
	return NULL;
}

static int papr_model_refuse(const struct iommu_model_papr *papr, const char *call, int status,
			     const char *why)
{
	return iommu_log_refusal(papr->platform, call, "", why, status);
}

int iommu_model_papr_add_window(struct iommu_model_papr *papr, uint32_t liobn, uint64_t address,
				unsigned int page_shift, uint64_t pages)
{
	struct papr_window *window;
	uintptr_t state;
	bool is_known;

	if (page_shift < TCE_PAGE_SHIFT_MIN || page_shift > TCE_PAGE_SHIFT_MAX)
		return papr_model_refuse(papr, IOMMU_CALL, IOMMU_EINVAL,
					 IOMMU_WHY("page_shift is not within 12 to 34"));
	if (pages == 0 || pages > PAPR_PAGES_MAX)
		return papr_model_refuse(papr, IOMMU_CALL, IOMMU_EINVAL,
					 IOMMU_WHY("the window has no pages, or too many"));
	if ((address & ((1ULL << page_shift) - 1)) != 0)
		return papr_model_refuse(
			papr, IOMMU_CALL, IOMMU_EINVAL,
			IOMMU_WHY("the window's address is not aligned to its pages"));
	if ((pages << page_shift) - 1 > UINT64_MAX - address)
		return papr_model_refuse(papr, IOMMU_CALL, IOMMU_ERANGE,
					 IOMMU_WHY("the window ends beyond 64 bits"));
	window = iommu_papr_model_make_window(papr->platform, pages, 0);
	if (window == NULL)
		return IOMMU_ENOMEM;
	window->liobn = liobn;
	window->page_shift = page_shift;
	window->address = address;
	state = iommu_spin_lock(papr->platform, &papr->lock);
	is_known = iommu_papr_model_find_window(papr, liobn) != NULL;
	if (!is_known)
		iommu_list_insert(&papr->windows, &window->link);
	iommu_spin_unlock(papr->platform, &papr->lock, state);
	if (is_known)
		iommu_papr_model_free_window(papr->platform, window);
	return !is_known ? 0
			 : papr_model_refuse(papr, IOMMU_CALL, IOMMU_EEXIST,
					     IOMMU_WHY("a window has this number already"));
}

int iommu_model_papr_remove_window(struct iommu_model_papr *papr, uint32_t liobn)
{
	uintptr_t state = iommu_spin_lock(papr->platform, &papr->lock);
	struct papr_window *window = iommu_papr_model_find_window(papr, liobn);

	if (window != NULL)
		iommu_list_remove(&window->link);
	iommu_spin_unlock(papr->platform, &papr->lock, state);
	if (window == NULL)
		return papr_model_refuse(papr, IOMMU_CALL, IOMMU_ENOENT,
					 IOMMU_WHY("no window has this number"));
	iommu_papr_model_free_window(papr->platform, window);
	return 0;
}

/* --- Entries ---------------------------------------------------------------------------------- */

/* The page of a window that a bus address lies in; false: outside of the window. */
static bool page_at(const struct papr_window *window, uint64_t address, uint64_t *page)
{
	if (address < window->address)
		return false;
	*page = (address - window->address) >> window->page_shift;
	return *page < window->pages;
}

static uint64_t entry_of(const struct papr_window *window, uint64_t page)
{
	const uint64_t *entries = window->entries[page / ENTRIES_PER_PAGE];

	return entries != NULL ? entries[page % ENTRIES_PER_PAGE] : 0;
}

static bool leads_to_memory(const struct iommu_model_papr *papr, const struct papr_window *window,
			    uint64_t entry)
{
	const uint64_t page = 1ULL << window->page_shift;
	const iommu_paddr_t start = tce_address(entry) & -page;

	return !tce_is_valid(entry) || !papr->knows_memory ||
	       iommu_papr_model_is_memory(papr, start, start + (page - 1));
}

static int64_t set_entry(struct iommu_model_papr *papr, struct papr_window *window, uint64_t page,
			 uint64_t entry)
{
	const uint64_t kept = -(1ULL << window->page_shift) | TCE_READ | TCE_WRITE;
	uint64_t *entries;

	if (papr->faults.fail_at != 0 && --papr->faults.fail_at == 0)
		return papr->faults.fail_with;
	if (page >= window->pages || !leads_to_memory(papr, window, entry))
		return H_PARAMETER;
	/* A partial call is void once its entries have changed: it begins anew. */
	if (page - window->stuff_page < window->stuff_done)
		window->stuff_done = 0;
	entries = window->entries[page / ENTRIES_PER_PAGE];
	if (entries == NULL)
		return entry != 0 ? H_RESOURCES : H_SUCCESS;
	entries[page % ENTRIES_PER_PAGE] = entry & kept;
	return H_SUCCESS;
}

/* --- Calls ------------------------------------------------------------------------------------ */

/* The entries of the guest's list, up to LIST_PIECE, that can be read. Without the lock. */
static uint64_t read_list(const struct iommu_model_papr *papr, uint64_t list, uint64_t count,
			  uint64_t *entries)
{
	const struct iommu_model_tce_host *host = &papr->config.host;
	uint64_t i;

	for (i = 0; i < count && i < LIST_PIECE; i++)
		if (!host->read(host->ctx, list + i * sizeof(*entries), &entries[i]))
			break;
	return i;
}

/*
 * A list is set in pieces: the lock is released while a piece is read, and the window, which may
 * have been removed, looked up again.
 */
static int64_t put_list(struct iommu_model_papr *papr, uintptr_t *state, uint64_t liobn,
			uint64_t address, uint64_t list, uint64_t count)
{
	uint64_t entries[LIST_PIECE];
	int64_t code = H_SUCCESS;
	uint64_t page, read, done = 0, i;

	if (count > LIST_MAX || list % IOMMU_PAGE_SIZE != 0)
		return H_PARAMETER;
	while (done < count && code == H_SUCCESS) {
		struct papr_window *window;

		iommu_spin_unlock(papr->platform, &papr->lock, *state);
		read = read_list(papr, list + done * sizeof(*entries), count - done, entries);
		*state = iommu_spin_lock(papr->platform, &papr->lock);
		window = iommu_papr_model_find_window(papr, liobn);
		if (read == 0 || window == NULL || !page_at(window, address, &page))
			return H_PARAMETER;
		for (i = 0; i < read && code == H_SUCCESS; i++)
			code = set_entry(papr, window, page + done + i, iommu_be64(entries[i]));
		done += read;
	}
	return code;
}

/* The progress of such a call. */
static uint64_t stuff_done(const struct papr_window *window, uint64_t page, uint64_t entry,
			   uint64_t count)
{
	return window->stuff_page == page && window->stuff_count == count &&
			       window->stuff_entry == entry
		       ? window->stuff_done
		       : 0;
}

/* A long call is executed in pieces: repeated, it continues where it has stopped. */
static int64_t stuff(struct iommu_model_papr *papr, struct papr_window *window, uint64_t page,
		     uint64_t entry, uint64_t count)
{
	uint64_t done = stuff_done(window, page, entry, count);
	unsigned int left = PAPR_PIECE;
	int64_t code = H_SUCCESS;

	if (count > window->pages - page)
		return H_PARAMETER;
	window->stuff_done = 0;
	while (done < count && code == H_SUCCESS) {
		if (left-- == 0)
			code = H_BUSY;
		else
			code = set_entry(papr, window, page + done++, entry);
	}
	if (code == H_BUSY) {
		window->stuff_page = page;
		window->stuff_count = count;
		window->stuff_entry = entry;
		window->stuff_done = done;
	}
	return code;
}

/* The arguments, as the guest's registers hold them. */
struct papr_call {
	uint64_t opcode, liobn, address, third, fourth;
};

static int64_t papr_model_call(struct iommu_model_papr *papr, uintptr_t *state,
			       const struct papr_call *c, uint64_t *result)
{
	struct papr_window *window = iommu_papr_model_find_window(papr, c->liobn);
	const uint64_t opcode = c->opcode;
	const bool is_multiple = opcode == IOMMU_H_STUFF_TCE || opcode == IOMMU_H_PUT_TCE_INDIRECT;
	uint64_t page;

	if (papr->faults.busy != 0)
		return --papr->faults.busy % 2 != 0 ? H_BUSY : H_LONG_BUSY;
	if (is_multiple && papr->config.single_calls)
		return H_FUNCTION;
	if (!is_multiple && opcode != IOMMU_H_GET_TCE && opcode != IOMMU_H_PUT_TCE)
		return H_FUNCTION;
	if (window == NULL || !page_at(window, c->address, &page))
		return H_PARAMETER;
	switch (opcode) {
	case IOMMU_H_GET_TCE:
		*result = entry_of(window, page);
		return H_SUCCESS;
	case IOMMU_H_PUT_TCE:
		return set_entry(papr, window, page, c->third);
	case IOMMU_H_STUFF_TCE:
		return stuff(papr, window, page, c->third, c->fourth);
	default:
		return put_list(papr, state, c->liobn, c->address, c->third, c->fourth);
	}
}

/* A place for a page of entries that the call needs; NULL: it has all. */
static uint64_t **find_missing(struct iommu_model_papr *papr, const struct papr_call *c)
{
	struct papr_window *window = iommu_papr_model_find_window(papr, c->liobn);
	const uint64_t opcode = c->opcode;
	uint64_t count = opcode == IOMMU_H_PUT_TCE ? 1 : c->fourth;
	uint64_t page, i;

	if (window == NULL || !page_at(window, c->address, &page))
		return NULL;
	/*
	 * A list that goes beyond the window is set as far as the window goes; other calls set
	 * nothing.
	 */
	if (opcode == IOMMU_H_PUT_TCE_INDIRECT && count <= LIST_MAX && count > window->pages - page)
		count = window->pages - page;
	if (count > window->pages - page)
		return NULL;
	if (opcode == IOMMU_H_STUFF_TCE) {
		const uint64_t done = stuff_done(window, page, c->third, count);

		page += done;
		count -= done;
	}
	if (count > PAPR_PIECE)
		count = PAPR_PIECE;
	for (i = page / ENTRIES_PER_PAGE; i * ENTRIES_PER_PAGE < page + count; i++)
		if (window->entries[i] == NULL)
			return &window->entries[i];
	return NULL;
}

static bool sets_entries(const struct iommu_model_papr *papr, uint64_t opcode, uint64_t third)
{
	if (opcode == IOMMU_H_PUT_TCE_INDIRECT)
		return !papr->config.single_calls;
	return (opcode == IOMMU_H_PUT_TCE ||
		(opcode == IOMMU_H_STUFF_TCE && !papr->config.single_calls)) &&
	       third != 0;
}

/* Allocate all pages of entries that the call needs. With the lock, which is released for that. */
static uintptr_t make_missing(struct iommu_model_papr *papr, uintptr_t state,
			      const struct papr_call *c)
{
	const struct iommu_platform *platform = papr->platform;
	/* As many as a piece can touch; another processor may have taken one of them. */
	unsigned int tries = 2 * (PAPR_PIECE / ENTRIES_PER_PAGE + 1);
	uint64_t **missing;

	while (tries-- != 0 && find_missing(papr, c) != NULL) {
		uint64_t *fresh;

		iommu_spin_unlock(platform, &papr->lock, state);
		fresh = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, IOMMU_ALLOC_ATOMIC);
		state = iommu_spin_lock(platform, &papr->lock);
		missing = find_missing(papr, c);
		if (missing != NULL)
			*missing = fresh;
		else if (fresh != NULL)
			platform->free_pages(platform->ctx, fresh, 0);
		if (fresh == NULL)
			break;
	}
	return state;
}

int64_t iommu_model_papr_hypercall(struct iommu_model_papr *papr, uint64_t opcode, uint64_t liobn,
				   uint64_t address, uint64_t third, uint64_t fourth,
				   uint64_t *result)
{
	const struct papr_call c = {opcode, liobn, address, third, fourth};
	uintptr_t state = iommu_spin_lock(papr->platform, &papr->lock);
	int64_t code;

	if (sets_entries(papr, opcode, third))
		state = make_missing(papr, state, &c);
	code = papr_model_call(papr, &state, &c, result);
	iommu_spin_unlock(papr->platform, &papr->lock, state);
	return code;
}

/* --- Devices ---------------------------------------------------------------------------------- */

static enum iommu_model_tce_reason find_access(struct iommu_model_papr *papr, uint32_t liobn,
					       uint64_t address, bool is_write,
					       struct iommu_model_tce_access *result)
{
	const struct papr_window *window = iommu_papr_model_find_window(papr, liobn);
	uint64_t entry, page;

	if (window == NULL)
		return IOMMU_MODEL_TCE_CLOSED;
	if (!page_at(window, address, &page))
		return IOMMU_MODEL_TCE_ADDRESS;
	entry = entry_of(window, page);
	if (!tce_is_valid(entry))
		return IOMMU_MODEL_TCE_ABSENT;
	if ((entry & (is_write ? TCE_WRITE : TCE_READ)) == 0)
		return is_write ? IOMMU_MODEL_TCE_NO_WRITE : IOMMU_MODEL_TCE_NO_READ;
	result->size = 1ULL << window->page_shift;
	result->paddr = tce_address(entry) | (address & (result->size - 1));
	return IOMMU_MODEL_TCE_OK;
}

int iommu_model_papr_access(struct iommu_model_papr *papr, uint32_t liobn, uint64_t address,
			    bool is_write, struct iommu_model_tce_access *result)
{
	uintptr_t state;

	*result = (struct iommu_model_tce_access){0};
	state = iommu_spin_lock(papr->platform, &papr->lock);
	result->reason = papr->is_dma_stopped ? IOMMU_MODEL_TCE_FROZEN
					      : find_access(papr, liobn, address, is_write, result);
	if (result->reason != IOMMU_MODEL_TCE_OK && papr->has_recovery && !papr->is_dma_stopped) {
		papr->is_dma_stopped = true;
		papr->is_io_stopped = true;
		papr->bad_address = address;
	}
	iommu_spin_unlock(papr->platform, &papr->lock, state);
	return result->reason == IOMMU_MODEL_TCE_OK ? 0 : IOMMU_EFAULT;
}

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_model_papr_create(const struct iommu_model_papr_config *config,
			    struct iommu_model_papr **result)
{
	const struct iommu_platform *platform = config->platform;
	struct iommu_model_papr *papr;

	const char *defect = iommu_platform_defect(platform);

	if (defect == NULL && config->flags != 0)
		defect = IOMMU_WHY("unknown flags");
	if (defect == NULL && config->host.read == NULL)
		defect = IOMMU_WHY("host.read is missing");
	if (defect == NULL && config->dynamic_pages > PAPR_PAGES_MAX)
		defect = IOMMU_WHY("dynamic_pages is more than a window can have");
	if (defect != NULL)
		return iommu_refuse_defect(platform, IOMMU_CALL, defect);
	papr = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (papr == NULL)
		return IOMMU_ENOMEM;
	papr->platform = platform;
	papr->config = *config;
	iommu_list_init(&papr->windows);
	*result = papr;
	return 0;
}

void iommu_model_papr_destroy(struct iommu_model_papr *papr)
{
	if (papr == NULL)
		return;
	while (papr->windows.next != &papr->windows) {
		struct iommu_list_node *node = papr->windows.next;

		iommu_list_remove(node);
		iommu_papr_model_free_window(papr->platform,
					     iommu_container_of(node, struct papr_window, link));
	}
	papr->platform->free_pages(papr->platform->ctx, papr, 0);
}

void iommu_model_papr_misbehave(struct iommu_model_papr *papr,
				const struct iommu_model_papr_faults *faults)
{
	uintptr_t state = iommu_spin_lock(papr->platform, &papr->lock);

	papr->faults = *faults;
	iommu_spin_unlock(papr->platform, &papr->lock, state);
}
