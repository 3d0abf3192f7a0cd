/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries that a guest puts, in the windows that are attached to its table.
 *
 * An entry is set in steps, of which only the first two can fail: tables are made, without a lock;
 * under the table's lock the memory is found, checked and counted in all windows; what the guest
 * has put is noted; the entries are set. So an entry is set in all windows or in none, and two
 * calls for one entry leave one of both everywhere. Hardware is told once for each call, at its
 * end; only if a call replaces entries of very many pieces of memory, it is told on the way,
 * without the lock: what another call has put meanwhile is newer, and stays.
 */
#include "ioas/spapr_put.h"

#if IOMMU_CONFIG_POWER

#define WORDS_OF_A_PAGE (IOMMU_PAGE_SIZE / sizeof(uint64_t))

_Static_assert((unsigned int)IOMMU_PROT_READ == TCE_READ &&
		       (unsigned int)IOMMU_PROT_WRITE == TCE_WRITE,
	       "permissions of entries are those of mappings");

static uintptr_t table_lock(const struct put_call *call)
{
	return iommu_spin_lock(call->guest->platform, &call->table->lock);
}

static void table_unlock(const struct put_call *call, uintptr_t state)
{
	iommu_spin_unlock(call->guest->platform, &call->table->lock, state);
}

/* --- Beginning and end ------------------------------------------------------------------------ */

/* Is the window still the one that was attached? It does not go before the call leaves. */
static bool is_current(const struct spapr_attachment *attachment)
{
	struct spapr *spapr = attachment->spapr;
	const uintptr_t state = spapr_lock(spapr);
	const struct spapr_window *window = &spapr->windows[attachment->number];
	const bool is_same = window->is_live && window->serial == attachment->serial;

	spapr_unlock(spapr, state);
	return is_same;
}

static void call_add(struct put_call *call, const struct spapr_attachment *attachment)
{
	const unsigned int epoch = iommu_spapr_calls_enter(&attachment->spapr->calls);

	if (!is_current(attachment)) {
		iommu_spapr_calls_leave(&attachment->spapr->calls, epoch);
		return;
	}
	call->to[call->count] = *attachment;
	call->epochs[call->count++] = epoch;
}

void iommu_spapr_put_begin(struct put_call *call, struct iommu_spapr_guest *guest,
			   struct spapr_table *table, const struct spapr_attachment *alone)
{
	struct spapr_attachment all[IOMMU_SPAPR_TABLE_WINDOWS];
	uintptr_t state;
	unsigned int i;

	*call = (struct put_call){.guest = guest, .table = table, .first = UINT64_MAX};
	if (alone != NULL) {
		call_add(call, alone);
		return;
	}
	state = table_lock(call);
	for (i = 0; i < IOMMU_SPAPR_TABLE_WINDOWS; i++)
		all[i] = table->attachments[i];
	table_unlock(call, state);
	for (i = 0; i < IOMMU_SPAPR_TABLE_WINDOWS; i++)
		if (all[i].spapr != NULL)
			call_add(call, &all[i]);
}

/* The window's entries for some of the table's. */
static struct spapr_run run_of(const struct spapr_attachment *to, uint64_t index, uint64_t count)
{
	return (struct spapr_run){
		.spapr = to->spapr,
		.number = to->number,
		.index = to->first + (index << to->ratio_shift),
		.count = count << to->ratio_shift,
	};
}

/* Tell hardware of what was changed, and let go of what was replaced. */
static void call_settle(struct put_call *call)
{
	int result = 0;
	unsigned int i;

	if (call->first >= call->end)
		return;
	for (i = 0; i < call->count; i++) {
		const struct spapr_run run =
			run_of(&call->to[i], call->first, call->end - call->first);
		int status = iommu_spapr_confirm(run.spapr, run.number, run.index, run.count);

		if (result == 0)
			result = status;
	}
	iommu_spapr_let_go(&call->replaced, result);
	if (call->status == 0)
		call->status = result;
}

int iommu_spapr_put_end(struct put_call *call)
{
	call_settle(call);
	while (call->count-- != 0)
		iommu_spapr_calls_leave(&call->to[call->count].spapr->calls,
					call->epochs[call->count]);
	return call->status;
}

static void note_change(struct put_call *call, uint64_t index, uint64_t count)
{
	if (index < call->first)
		call->first = index;
	if (index + count > call->end)
		call->end = index + count;
}

/* --- One entry -------------------------------------------------------------------------------- */

/* The user's address of a guest's page; false: none, or not in one range. */
static bool translate(struct iommu_spapr_guest *guest, uint64_t guest_address, uint64_t size,
		      uint64_t *address)
{
	const uintptr_t state = iommu_spin_lock(guest->platform, &guest->lock);
	struct ioas_interval *interval = NULL;
	bool is_there = false;

	if (size - 1 <= UINT64_MAX - guest_address)
		interval = iommu_interval_first(&guest->memory, guest_address,
						guest_address + (size - 1));
	if (interval != NULL && interval->first <= guest_address &&
	    interval->last - guest_address >= size - 1) {
		*address = iommu_container_of(interval, struct spapr_range, interval)->address +
			   (guest_address - interval->first);
		is_there = true;
	}
	iommu_spin_unlock(guest->platform, &guest->lock, state);
	return is_there;
}

bool iommu_spapr_put_read(const struct put_call *call, uint64_t tce, struct put_entry *entry)
{
	const uint64_t size = 1ULL << call->table->config.page_shift;
	const uint64_t guest_address = tce & ~SPAPR_PERMISSIONS;

	*entry = (struct put_entry){.tce = tce, .prot = (unsigned int)(tce & SPAPR_PERMISSIONS)};
	return entry->prot == 0 || ((guest_address & (size - 1)) == 0 &&
				    translate(call->guest, guest_address, size, &entry->address));
}

/* Find, check and, if `hold`, count the memory of a run. Takes the container's lock. */
static int find_memory(struct spapr_run *run, bool hold)
{
	struct spapr *spapr = run->spapr;
	const unsigned int shift = spapr->windows[run->number].config.page_shift;
	const uintptr_t state = spapr_lock(spapr);
	int status = 0;
	uint64_t i;

	run->memory = iommu_spapr_find(spapr, run->address, run->count << shift);
	if (run->memory == NULL)
		status = IOMMU_ENOENT;
	for (i = 0; i < run->count && status == 0; i++)
		status = iommu_spapr_check_page(run->memory, run->address + (i << shift), shift,
						run->prot);
	if (status == 0 && hold)
		run->memory->mapped += run->count;
	spapr_unlock(spapr, state);
	return status;
}

static void unhold(const struct spapr_run *run)
{
	const uintptr_t state = spapr_lock(run->spapr);

	run->memory->mapped -= run->count;
	spapr_unlock(run->spapr, state);
}

static struct spapr_run run_to(const struct spapr_attachment *to, uint64_t index,
			       const struct put_entry *entry)
{
	struct spapr_run run = run_of(to, index, 1);

	run.address = entry->address;
	run.prot = entry->prot;
	return run;
}

int iommu_spapr_put_check(const struct put_call *call, uint64_t index,
			  const struct put_entry *entry)
{
	unsigned int i;
	int status = 0;

	for (i = 0; entry->prot != 0 && i < call->count && status == 0; i++) {
		struct spapr_run run = run_to(&call->to[i], index, entry);

		status = find_memory(&run, false);
	}
	return status;
}

int iommu_spapr_put_make_words(const struct put_call *call, uint64_t index, uint64_t count)
{
	uint64_t at = index & -WORDS_OF_A_PAGE;

	for (; at < index + count; at += WORDS_OF_A_PAGE)
		if (iommu_sparse_find(&call->table->entries, call->guest->platform, at, true) ==
		    NULL)
			return IOMMU_ENOMEM;
	return 0;
}

int iommu_spapr_put_prepare(const struct put_call *call, uint64_t index, uint64_t count)
{
	int status = iommu_spapr_put_make_words(call, index, count);
	unsigned int i;

	for (i = 0; i < call->count && status == 0; i++) {
		const struct spapr_run run = run_of(&call->to[i], index, count);

		status = iommu_spapr_prepare(&run);
	}
	return status;
}

/* Count the memory in all windows, or in none. With the table's lock. */
static int hold_all(const struct put_call *call, uint64_t index, const struct put_entry *entry,
		    struct spapr_run *runs)
{
	unsigned int i;

	for (i = 0; i < call->count; i++) {
		int status;

		runs[i] = run_to(&call->to[i], index, entry);
		status = find_memory(&runs[i], true);
		if (status == 0)
			continue;
		while (i-- != 0)
			unhold(&runs[i]);
		return status;
	}
	return 0;
}

static uint64_t *word_at(const struct put_call *call, uint64_t index)
{
	return iommu_sparse_find(&call->table->entries, call->guest->platform, index, false);
}

static void write_word(const struct put_call *call, uint64_t index, uint64_t tce)
{
	uint64_t *word = word_at(call, index);

	if (word != NULL)
		*word = tce;
}

/* Is this what was put last? Another call may have put something while the lock was given up. */
static bool is_put(const struct put_call *call, uint64_t index, uint64_t tce)
{
	const uint64_t *word = word_at(call, index);

	return (word != NULL ? *word : 0) == tce;
}

/* Hardware has to be told before a call can go on: the lock is given up meanwhile. */
static void pause(struct put_call *call, uintptr_t *state)
{
	table_unlock(call, *state);
	call_settle(call);
	*state = table_lock(call);
}

/*
 * Set an entry in windows whose memory is counted for it. If another call sets it meanwhile, that
 * one has set it in all windows: the rest of this one's is left out.
 */
static void commit_all(struct put_call *call, uint64_t index, uint64_t tce, struct spapr_run *runs,
		       unsigned int count, uintptr_t *state)
{
	unsigned int i = 0;

	while (i < count) {
		(void)iommu_spapr_commit(&runs[i], &call->replaced);
		if (runs[i].count == 0) {
			i++;
			continue;
		}
		pause(call, state);
		if (!is_put(call, index, tce))
			break;
	}
	for (; i < count; i++)
		unhold(&runs[i]);
}

int iommu_spapr_put_entry(struct put_call *call, uint64_t index, const struct put_entry *entry)
{
	struct spapr_run runs[IOMMU_SPAPR_TABLE_WINDOWS];
	uintptr_t state = table_lock(call);
	int status = hold_all(call, index, entry, runs);

	if (status == 0) {
		write_word(call, index, entry->tce);
		note_change(call, index, 1);
		commit_all(call, index, entry->tce, runs, call->count, &state);
	}
	table_unlock(call, state);
	return status;
}

/*
 * Clear entries in one window. From the first pause on, here or in a window before, they are looked
 * at one by one: what another call has put meanwhile stays.
 */
static void clear_in(struct put_call *call, const struct spapr_attachment *to, uint64_t index,
		     uint64_t count, uint64_t tce, bool *was_paused, uintptr_t *state)
{
	uint64_t at = index;

	while (at < index + count) {
		struct spapr_run run = run_of(to, at, *was_paused ? 1 : index + count - at);
		const uint64_t begin = run.index;

		if (*was_paused && !is_put(call, at, tce)) {
			at++;
			continue;
		}
		(void)iommu_spapr_commit(&run, &call->replaced);
		at += (run.index - begin) >> to->ratio_shift;
		if (run.count == 0)
			continue;
		pause(call, state);
		*was_paused = true;
	}
}

void iommu_spapr_put_clear(struct put_call *call, uint64_t index, uint64_t count, uint64_t tce)
{
	uintptr_t state = table_lock(call);
	bool was_paused = false;
	unsigned int i;
	uint64_t at;

	for (at = index; at < index + count; at++)
		write_word(call, at, tce);
	note_change(call, index, count);
	for (i = 0; i < call->count; i++)
		clear_in(call, &call->to[i], index, count, tce, &was_paused, &state);
	table_unlock(call, state);
}

uint64_t iommu_spapr_put_get(const struct put_call *call, uint64_t index)
{
	const uintptr_t state = table_lock(call);
	const uint64_t *word = word_at(call, index);
	const uint64_t tce = word != NULL ? *word : 0;

	table_unlock(call, state);
	return tce;
}

/* --- How many at once ------------------------------------------------------------------------- */

uint64_t iommu_spapr_put_piece(const struct put_call *call)
{
	uint64_t piece = WORDS_OF_A_PAGE;
	unsigned int i;

	for (i = 0; i < call->count; i++)
		while (piece > 1 && piece << call->to[i].ratio_shift > WORDS_OF_A_PAGE)
			piece /= 2;
	return piece;
}

uint64_t iommu_spapr_put_width(const struct put_call *call)
{
	uint64_t width = 0;
	unsigned int i;

	for (i = 0; i < call->count; i++)
		width += 1ULL << call->to[i].ratio_shift;
	return width != 0 ? width : 1;
}

uint64_t iommu_spapr_put_gap(const struct put_call *call, uint64_t index)
{
	uint64_t gap = iommu_sparse_gap(&call->table->entries, index);
	unsigned int i;

	for (i = 0; i < call->count && gap != 0; i++) {
		const struct spapr_attachment *to = &call->to[i];
		const struct spapr_run run = run_of(to, index, 1);
		const uint64_t own =
			iommu_sparse_gap(&run.spapr->windows[run.number].words, run.index) >>
			to->ratio_shift;

		if (own < gap)
			gap = own;
	}
	return gap;
}

/* --- For the control path --------------------------------------------------------------------- */

bool iommu_spapr_next_put(struct iommu_spapr_guest *guest, struct spapr_table *table,
			  uint64_t *index)
{
	const uintptr_t state = iommu_spin_lock(guest->platform, &table->lock);
	uint64_t left = WORDS_OF_A_PAGE;
	bool is_found = false;

	*index += iommu_sparse_gap(&table->entries, *index);
	while (*index < table->config.pages && left-- != 0 && !is_found) {
		const uint64_t *word =
			iommu_sparse_find(&table->entries, guest->platform, *index, false);

		is_found = word != NULL && (*word & SPAPR_PERMISSIONS) != 0;
		*index += !is_found;
	}
	iommu_spin_unlock(guest->platform, &table->lock, state);
	return is_found;
}

/* Set one entry again, as it stands now. */
static int put_again(struct put_call *call, uint64_t index)
{
	struct spapr_run runs[IOMMU_SPAPR_TABLE_WINDOWS];
	struct put_entry entry;
	uintptr_t state = table_lock(call);
	const uint64_t *word =
		iommu_sparse_find(&call->table->entries, call->guest->platform, index, false);
	int status = 0;

	/* A guest that has changed it meanwhile has set it in this window, too. */
	if (!iommu_spapr_put_read(call, *word, &entry))
		status = IOMMU_ENOENT;
	else if (entry.prot != 0)
		status = hold_all(call, index, &entry, runs);
	if (status == 0 && entry.prot != 0 && call->count != 0) {
		note_change(call, index, 1);
		commit_all(call, index, entry.tce, runs, 1, &state);
	}
	table_unlock(call, state);
	return status;
}

int iommu_spapr_replay(struct iommu_spapr_guest *guest, struct spapr_table *table,
		       const struct spapr_attachment *attachment, uint64_t index)
{
	struct put_call call;
	int status, ended;

	iommu_spapr_put_begin(&call, guest, table, attachment);
	status = iommu_spapr_put_prepare(&call, index, 1);
	if (status == 0)
		status = put_again(&call, index);
	ended = iommu_spapr_put_end(&call);
	return status != 0 ? status : ended;
}

/*
 * Clear entries from the beginning of a run on, in one stay among the container's calls. A window
 * that has gone has taken its entries along.
 */
static int clear_some(struct iommu_spapr_guest *guest, struct spapr_table *table,
		      const struct spapr_attachment *attachment, struct spapr_run *run)
{
	struct put_call call;
	uint64_t before;
	int status = 0;

	iommu_spapr_put_begin(&call, guest, table, attachment);
	if (call.count != 0)
		status = iommu_spapr_set_some(run, &before);
	else
		run->count = 0;
	(void)iommu_spapr_put_end(&call);
	return status;
}

int iommu_spapr_clear(struct iommu_spapr_guest *guest, struct spapr_table *table,
		      const struct spapr_attachment *attachment)
{
	struct spapr_run run = run_of(attachment, 0, table->config.pages);
	int result = 0;

	while (run.count != 0) {
		int status = clear_some(guest, table, attachment, &run);

		if (result == 0)
			result = status;
	}
	return result;
}

#endif
