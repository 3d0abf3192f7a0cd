/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of a container's windows, in all of its domains, and the memory that they lead to. */
#include "ioas/spapr.h"

#if IOMMU_CONFIG_POWER

#define WORDS_OF_A_PAGE (IOMMU_PAGE_SIZE / sizeof(uint64_t))

static uint64_t *word_of(struct spapr *spapr, unsigned int number, uint64_t index, bool make)
{
	return iommu_sparse_find(&spapr->windows[number].words, spapr->platform, index, make);
}

static struct spapr_memory *memory_at(uint64_t word)
{
	return (struct spapr_memory *)(uintptr_t)word;
}

/* --- Setting ---------------------------------------------------------------------------------- */

/* The words, too, are pages that are there before the lock is taken. */
static bool make_words(const struct spapr_run *run)
{
	const uint64_t end = run->index + run->count;
	uint64_t index;

	for (index = run->index & -WORDS_OF_A_PAGE; index < end; index += WORDS_OF_A_PAGE)
		if (word_of(run->spapr, run->number, index, true) == NULL)
			return false;
	return true;
}

int iommu_spapr_prepare(const struct spapr_run *run)
{
	unsigned int i;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++) {
		struct iommu_domain *domain = spapr_domain_at(run->spapr, i);
		int status = domain != NULL ? iommu_window_prepare(domain, run->number, run->index,
								   run->count)
					    : 0;

		if (status != 0)
			return status;
	}
	return make_words(run) ? 0 : IOMMU_ENOMEM;
}

/* Count one entry more of this memory; false: there is no room. */
static bool add_replaced(struct spapr_replaced *replaced, struct spapr_memory *memory)
{
	unsigned int i;

	if (memory == NULL)
		return true;
	for (i = 0; i < replaced->count && replaced->of[i].memory != memory; i++)
		;
	if (i == SPAPR_REPLACED)
		return false;
	if (i == replaced->count) {
		replaced->of[i].memory = memory;
		replaced->of[i].entries = 0;
		replaced->count++;
	}
	replaced->of[i].entries++;
	return true;
}

/*
 * The entry in all domains. One that is new, and that the call does not know, may have no table for
 * it: what it lacks is copied when all such calls have ended.
 */
static void store(const struct spapr_run *run, iommu_paddr_t paddr)
{
	const unsigned int prot = run->memory != NULL ? run->prot : 0;
	iommu_paddr_t old_paddr;
	unsigned int i, old_prot;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++) {
		struct iommu_domain *domain = spapr_domain_at(run->spapr, i);

		if (domain != NULL)
			(void)iommu_window_exchange(domain, run->number, run->index, paddr, prot,
						    &old_paddr, &old_prot);
	}
}

/* The first entry of the run; false: no room for what it replaces. */
static bool commit_one(struct spapr_run *run, struct spapr_replaced *replaced, uint64_t *before)
{
	uint64_t *word = word_of(run->spapr, run->number, run->index, false);

	if (word == NULL)
		return true; /* it is absent, and remains so */
	if (!add_replaced(replaced, memory_at(*word)))
		return false;
	*before += *word != 0;
	store(run, run->memory != NULL ? iommu_spapr_place(run->memory, run->address) : 0);
	*word = (uintptr_t)run->memory;
	return true;
}

/* Entries of a clear whose words were never made: so many are absent already. */
static uint64_t absent(const struct spapr_run *run)
{
	const struct iommu_sparse *words = &run->spapr->windows[run->number].words;
	const uint64_t gap = run->memory == NULL ? iommu_sparse_gap(words, run->index) : 0;

	return gap < run->count ? gap : run->count;
}

static void advance(struct spapr_run *run, uint64_t entries)
{
	run->index += entries;
	run->count -= entries;
	run->address += entries << run->spapr->windows[run->number].config.page_shift;
}

/* What is set under the lock at once; false: no room for what it replaces. */
static bool commit_piece(struct spapr_run *run, struct spapr_replaced *replaced, uint64_t *before)
{
	const uintptr_t state = spapr_lock(run->spapr);
	unsigned int left = SPAPR_PIECE;
	bool has_room = true;

	advance(run, absent(run));
	while (run->count != 0 && left-- != 0 && has_room) {
		has_room = commit_one(run, replaced, before);
		if (has_room)
			advance(run, 1);
	}
	spapr_unlock(run->spapr, state);
	return has_room;
}

uint64_t iommu_spapr_commit(struct spapr_run *run, struct spapr_replaced *replaced)
{
	uint64_t before = 0;

	while (run->count != 0 && commit_piece(run, replaced, &before))
		;
	return before;
}

/* --- Confirming ------------------------------------------------------------------------------- */

int iommu_spapr_confirm(struct spapr *spapr, unsigned int number, uint64_t index, uint64_t count)
{
	int result = 0;
	unsigned int i;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++) {
		struct iommu_domain *domain = spapr_domain_at(spapr, i);
		int status =
			domain != NULL ? iommu_window_confirm(domain, number, index, count) : 0;

		if (result == 0)
			result = status;
	}
	return result;
}

void iommu_spapr_let_go(struct spapr_replaced *replaced, int status)
{
	unsigned int i;

	for (i = 0; i < replaced->count; i++) {
		struct spapr_memory *memory = replaced->of[i].memory;
		struct spapr *spapr = memory->spapr;
		const uintptr_t state = spapr_lock(spapr);

		if (status == 0) {
			memory->mapped -= replaced->of[i].entries;
		} else {
			memory->withheld += replaced->of[i].entries;
			__atomic_store_n(&spapr->withholds, 1, __ATOMIC_RELAXED);
		}
		spapr_unlock(spapr, state);
	}
	replaced->count = 0;
}

int iommu_spapr_set_some(struct spapr_run *run, uint64_t *before)
{
	const uint64_t index = run->index;
	unsigned int pieces = SPAPR_STAY / SPAPR_PIECE;
	struct spapr_replaced replaced = {0};
	int status;

	*before = 0;
	while (run->count != 0 && pieces-- != 0 && commit_piece(run, &replaced, before))
		;
	status = iommu_spapr_confirm(run->spapr, run->number, index, run->index - index);
	iommu_spapr_let_go(&replaced, status);
	return status;
}

int iommu_spapr_set(struct spapr_run *run, uint64_t *before)
{
	int result = 0;

	*before = 0;
	do {
		uint64_t some;
		int status = iommu_spapr_set_some(run, &some);

		*before += some;
		if (result == 0)
			result = status;
	} while (run->count != 0);
	return result;
}

/* --- All entries ------------------------------------------------------------------------------ */

/* One that leads somewhere in the page of words of an index, from there on. Locked. */
static bool find_in_page(struct spapr *spapr, unsigned int number, uint64_t *index)
{
	const uint64_t entries = spapr->windows[number].entries;

	do {
		const uint64_t *word = word_of(spapr, number, *index, false);

		if (word == NULL) {
			*index += iommu_sparse_gap(&spapr->windows[number].words, *index);
			return false;
		}
		if (*word != 0)
			return true;
	} while (++*index % WORDS_OF_A_PAGE != 0 && *index < entries);
	return false;
}

/* The next entry from here on that leads somewhere; false: there is none. Takes the lock. */
static bool next_entry(struct spapr *spapr, unsigned int number, uint64_t *index)
{
	bool is_found = false;

	while (!is_found && *index < spapr->windows[number].entries) {
		const uintptr_t state = spapr_lock(spapr);

		is_found = find_in_page(spapr, number, index);
		spapr_unlock(spapr, state);
	}
	return is_found;
}

/* An entry as it is now. What another call sets next, that call sets in both domains. */
static void copy_entry(struct spapr *spapr, unsigned int number, uint64_t index,
		       struct iommu_domain *from, struct iommu_domain *to)
{
	const uintptr_t state = spapr_lock(spapr);
	iommu_paddr_t paddr = 0, old_paddr;
	unsigned int prot, old_prot;

	(void)iommu_window_get(from, number, index, &paddr, &prot);
	(void)iommu_window_exchange(to, number, index, paddr, prot, &old_paddr, &old_prot);
	spapr_unlock(spapr, state);
}

int iommu_spapr_copy(struct spapr *spapr, struct iommu_domain *from, struct iommu_domain *to)
{
	unsigned int number;

	for (number = 0; number < IOMMU_WINDOWS; number++) {
		uint64_t index = 0;

		if (!spapr->windows[number].is_live)
			continue;
		for (; next_entry(spapr, number, &index); index++) {
			int status = iommu_window_prepare(to, number, index, 1);

			if (status != 0)
				return SPAPR_REFUSE(spapr, status,
						    "no memory for tables of the group's unit");
			copy_entry(spapr, number, index, from, to);
		}
	}
	return 0;
}

void iommu_spapr_forget_entries(struct spapr *spapr, unsigned int number)
{
	uint64_t index = 0;

	while (next_entry(spapr, number, &index)) {
		const uintptr_t state = spapr_lock(spapr);
		uint64_t *word = word_of(spapr, number, index, false);

		memory_at(*word)->mapped--;
		*word = 0;
		spapr_unlock(spapr, state);
	}
}

#endif
