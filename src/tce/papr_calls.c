/* SPDX-License-Identifier: BSD-2-Clause */
#include "tce/papr_calls.h"

#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/inline_atomics.h"
#include "tce/answer.h"
#include <libiommu/backend/deadline.h>

/*
 * A hypervisor is busy for milliseconds, with work for other guests: after a second it counts as
 * hung.
 */
#define TIMEOUT_NS 1000000000ULL
/* The number of calls without a wait in between, under a lock, or while it hangs. */
#define QUICK_CALLS 4

bool iommu_papr_is_hung(const struct papr_calls *calls)
{
	return __atomic_load_n(&calls->is_hung, __ATOMIC_RELAXED) != 0;
}

void iommu_papr_set_hung(struct papr_calls *calls, bool is_hung)
{
	__atomic_store_n(&calls->is_hung, is_hung, __ATOMIC_RELAXED);
}

/* One call, repeated while the hypervisor is busy; IOMMU_ETIMEDOUT, IOMMU_EBUSY: for too long. */
static int call(struct papr_calls *calls, uint64_t opcode, uint64_t index, uint64_t third,
		uint64_t fourth, uint64_t *result)
{
	const bool is_quick = calls->is_locked || iommu_papr_is_hung(calls);
	struct iommu_deadline deadline = {.platform = calls->platform};
	const uint64_t address = (calls->first_page + index) << calls->page_shift;
	unsigned int quick_calls = 0;
	bool has_passed = false;
	uint64_t unused;

	/* Under a lock the clock is not looked at, either: there is nothing to wait for. */
	if (!is_quick)
		deadline = iommu_deadline_in(calls->platform, TIMEOUT_NS);
	while (!has_passed) {
		const int status = iommu_papr_answer(
			calls->call(calls->ctx, opcode, calls->liobn, address, third, fourth,
				    result != NULL ? result : &unused));

		if (status != TCE_AGAIN) {
			iommu_papr_set_hung(calls, false);
			return status;
		}
		has_passed =
			is_quick ? ++quick_calls == QUICK_CALLS : iommu_deadline_passed(&deadline);
	}
	if (calls->is_locked)
		return IOMMU_EBUSY;
	iommu_papr_set_hung(calls, true);
	return IOMMU_ETIMEDOUT;
}

static bool uses_multiple(const struct papr_calls *calls)
{
	return __atomic_load_n(&calls->has_multiple, __ATOMIC_RELAXED);
}

/* The hypervisor announces these calls and lacks them: they are not used again. */
static void use_single(struct papr_calls *calls)
{
	__atomic_store_n(&calls->has_multiple, false, __ATOMIC_RELAXED);
}

/* --- One -------------------------------------------------------------------------------------- */

int iommu_papr_get_entry(struct papr_calls *calls, uint64_t index, uint64_t *entry)
{
	return call(calls, IOMMU_H_GET_TCE, index, 0, 0, entry);
}

int iommu_papr_put_entry(struct papr_calls *calls, uint64_t index, uint64_t entry)
{
	return call(calls, IOMMU_H_PUT_TCE, index, entry, 0, NULL);
}

uint64_t iommu_papr_entry_for(iommu_paddr_t paddr, unsigned int prot)
{
	return prot == 0 ? 0
			 : tce_page(paddr, (prot & IOMMU_PROT_READ) != 0,
				    (prot & IOMMU_PROT_WRITE) != 0);
}

/* --- Many ------------------------------------------------------------------------------------- */

static int clear_some(struct papr_calls *calls, uint64_t index, uint64_t count)
{
	uint64_t i;
	int status = IOMMU_EOPNOTSUPP;

	if (count > 1 && uses_multiple(calls)) {
		status = call(calls, IOMMU_H_STUFF_TCE, index, 0, count, NULL);
		if (status == IOMMU_EOPNOTSUPP)
			use_single(calls);
	}
	if (status != IOMMU_EOPNOTSUPP)
		return status;
	for (i = 0, status = 0; i < count; i++) {
		int own = iommu_papr_put_entry(calls, index + i, 0);

		if (status == 0)
			status = own;
	}
	return status;
}

int iommu_papr_clear_entries(struct papr_calls *calls, uint64_t index, uint64_t count)
{
	int result = 0;

	while (count != 0) {
		const uint64_t part = count < PAPR_LIST_MAX ? count : PAPR_LIST_MAX;
		int status = clear_some(calls, index, part);

		if (result == 0)
			result = status;
		index += part;
		count -= part;
	}
	/* Whatever the result: entries may still lead somewhere. */
	return result == 0 || result == IOMMU_ETIMEDOUT || result == IOMMU_EBUSY ? result
										 : IOMMU_EIO;
}

/* The entries to be set, from an offset into their source. */
struct run {
	uint64_t (*entry_at)(const void *source, uint64_t i);
	const void *source;
	uint64_t first;
};

/* IOMMU_EOPNOTSUPP: the list is in use, or the hypervisor lacks the call. */
static int put_listed(struct papr_calls *calls, uint64_t index, uint64_t count,
		      const struct run *run)
{
	uint64_t i;
	int status;

	if (!uses_multiple(calls) || __atomic_exchange_n(&calls->list_taken, 1, __ATOMIC_ACQUIRE))
		return IOMMU_EOPNOTSUPP;
	for (i = 0; i < count; i++)
		calls->list[i] = iommu_be64(run->entry_at(run->source, run->first + i));
	status = call(calls, IOMMU_H_PUT_TCE_INDIRECT, index,
		      iommu_virt_to_phys(calls->platform, calls->list), count, NULL);
	if (status == IOMMU_EOPNOTSUPP)
		use_single(calls);
	__atomic_store_n(&calls->list_taken, 0, __ATOMIC_RELEASE);
	return status;
}

static int put_some(struct papr_calls *calls, uint64_t index, uint64_t count, const struct run *run)
{
	uint64_t i;
	int status = IOMMU_EOPNOTSUPP;

	if (count > 1)
		status = put_listed(calls, index, count, run);
	if (status != IOMMU_EOPNOTSUPP)
		return status;
	for (i = 0, status = 0; i < count && status == 0; i++)
		status = iommu_papr_put_entry(calls, index + i,
					      run->entry_at(run->source, run->first + i));
	return status;
}

int iommu_papr_put_entries(struct papr_calls *calls, uint64_t index, uint64_t count,
			   uint64_t (*entry_at)(const void *source, uint64_t i), const void *source)
{
	struct run run = {entry_at, source, 0};
	int status = 0;

	while (run.first < count && status == 0) {
		const uint64_t left = count - run.first;
		const uint64_t part = left < PAPR_LIST_MAX ? left : PAPR_LIST_MAX;

		status = put_some(calls, index + run.first, part, &run);
		run.first += part;
	}
	return status;
}

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_papr_calls_init(struct papr_calls *calls)
{
	const struct iommu_platform *platform = calls->platform;
	uint64_t entry;

	if (iommu_papr_get_entry(calls, 0, &entry) != 0)
		return IOMMU_EIO;
	if (!calls->has_multiple)
		return 0;
	calls->list = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	return calls->list != NULL ? 0 : IOMMU_ENOMEM;
}

void iommu_papr_calls_fini(struct papr_calls *calls)
{
	const struct iommu_platform *platform = calls->platform;

	if (calls->list != NULL)
		platform->free_pages(platform->ctx, calls->list, 0);
	calls->list = NULL;
}
