/* SPDX-License-Identifier: BSD-2-Clause */
#include "tce/kill_register.h"

#include <libiommu/hw/tve.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/spinlock.h"
#include <libiommu/backend/deadline.h>
#include <libiommu/backend/mmio.h>

#define ONE_BY_ONE 8 /* beyond so many pages all of the PE is invalidated */

/* A bridge completes an invalidation within microseconds: after this long it never will. */
#define TIMEOUT_NS 1000000000ULL

/* The contents of struct iommu_tce_register_state. */
struct shared {
	struct iommu_spinlock lock;
	uint32_t writes; /* so far; atomic */
	/* A wait has timed out, and the register was not seen idle since. Atomic. */
	uint32_t is_hung;
};

_Static_assert(sizeof(struct shared) == sizeof(struct iommu_tce_register_state), "they are one");

static volatile void *kill_register(const struct iommu_tce_register *told)
{
	return (volatile unsigned char *)told->registers + PHB_KILL_REGISTER;
}

/* The register is big-endian. A read also pushes earlier writes to the bridge. */
static bool is_idle(const struct iommu_tce_register *told)
{
	const uint64_t value = iommu_be64(iommu_mmio_read64(told->platform, kill_register(told)));

	if (told->is_silent)
		return value != UINT64_MAX; /* all ones: the bridge is gone */
	return (value & PHB_KILL_BUSY) == 0;
}

/*
 * Write if the bridge is idle, which no other CPU changes in between; *number receives the number
 * of the write.
 */
static bool write_when_idle(const struct iommu_tce_register *told, struct shared *shared,
			    uint64_t value, uint32_t *number)
{
	uintptr_t state = iommu_spin_lock(told->platform, &shared->lock);
	const bool idle = is_idle(told);

	if (idle) {
		iommu_mmio_write64(told->platform, kill_register(told), iommu_be64(value));
		*number = shared->writes + 1;
		__atomic_store_n(&shared->writes, *number, __ATOMIC_RELEASE);
	}
	iommu_spin_unlock(told->platform, &shared->lock, state);
	return idle;
}

/* Idle; or another CPU has found the register idle and written it since. */
static bool has_done(const struct iommu_tce_register *told, const struct shared *shared,
		     uint32_t number)
{
	return is_idle(told) || __atomic_load_n(&shared->writes, __ATOMIC_ACQUIRE) != number;
}

static int tell_and_wait(const struct iommu_tce_register *told, struct shared *shared,
			 uint64_t value)
{
	const bool was_hung = __atomic_load_n(&shared->is_hung, __ATOMIC_RELAXED) != 0;
	struct iommu_deadline deadline = iommu_deadline_in(told->platform, TIMEOUT_NS);
	uint32_t number = 0;

	while (!write_when_idle(told, shared, value, &number))
		if (was_hung || iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	/* It was idle, so that the bridge is alive, whatever happened before. */
	while (!has_done(told, shared, number))
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	return 0;
}

static int tell(const struct iommu_tce_register *told, uint64_t value)
{
	struct shared own = {{0}, 0, 0};
	struct shared *shared = told->state != NULL ? (struct shared *)(void *)told->state : &own;
	int status = tell_and_wait(told, shared, value);

	__atomic_store_n(&shared->is_hung, status != 0, __ATOMIC_RELAXED);
	return status;
}

int iommu_tce_forget_pages(const struct iommu_tce_register *told, uint64_t address,
			   uint64_t page_size, uint64_t pages)
{
	int status = 0;

	for (; pages != 0 && status == 0; pages--, address += page_size)
		status = tell(told, PHB_KILL_PAGE | (address & PHB_KILL_ADDRESS_MASK) | told->pe);
	return status;
}

int iommu_tce_forget_pe(const struct iommu_tce_register *told)
{
	return tell(told, PHB_KILL_PE | told->pe);
}

int iommu_tce_forget_all(const struct iommu_tce_register *told)
{
	return tell(told, PHB_KILL_ALL);
}

/* --- For windows of hosts --------------------------------------------------------------------- */

int iommu_tce_register_kill_pages(void *ctx, uint64_t address, unsigned int page_shift,
				  uint64_t pages)
{
	if (pages > ONE_BY_ONE)
		return iommu_tce_forget_pe(ctx);
	return iommu_tce_forget_pages(ctx, address, 1ULL << page_shift, pages);
}

int iommu_tce_register_kill_pe(void *ctx)
{
	return iommu_tce_forget_pe(ctx);
}
