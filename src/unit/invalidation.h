/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that are confirmed together, and what happens when they are not: the unit is marked, or
 * the one device that is to blame is blocked.
 *
 * A device that keeps translations (ATS) may fail to answer. It is blocked then: its entries go,
 * which closes the way to its already translated requests, too; and what was asked for is asked for
 * again without it. What was confirmed therefore holds, and the caller need not care.
 */
#ifndef IOMMU_UNIT_INVALIDATION_H
#define IOMMU_UNIT_INVALIDATION_H

#include "base/atomic.h"
#include "unit/command_ring.h"
#include "unit/confirmation.h"

/* What is known of a device that keeps translations; part of the family's endpoint. */
struct iommu_device_tlb {
	uint16_t source_id;
	/* It did not answer: nothing of it passes until it was reset. Atomic. */
	bool lost;
	/* It is switched off, and empty: the device is asked nothing. Atomic. */
	bool off;
	/*
	 * Its requests may have PASIDs: what it keeps of the domain without one may be tagged with
	 * PASID 0, and is forgotten under both. Atomic.
	 */
	bool tagged;
	/*
	 * It may keep what it was not told to forget: it is emptied before it may be used again,
	 * and no entry lets it be used until then. Control path.
	 */
	bool unknown;
	/* Invalidations under way that name it; atomic. Its end waits for them. */
	uint32_t users;
};

static inline bool iommu_device_tlb_is_lost(const struct iommu_device_tlb *device)
{
	return IOMMU_CONFIG_DEVICE_TLB && __atomic_load_n(&device->lost, __ATOMIC_SEQ_CST);
}

/* Is it to be told to forget something? */
static inline bool iommu_device_tlb_is_asked(const struct iommu_device_tlb *device)
{
	return !IOMMU_CONFIG_DEVICE_TLB || (!iommu_device_tlb_is_lost(device) &&
					    !__atomic_load_n(&device->off, __ATOMIC_RELAXED));
}

static inline bool iommu_device_tlb_is_tagged(const struct iommu_device_tlb *device)
{
	return IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_DEVICE_TLB &&
	       __atomic_load_n(&device->tagged, __ATOMIC_RELAXED);
}

/*
 * Before the entry by which the device may do so, and after the one by which it may no longer. The
 * fence is that of an attach (domain.h): an unmap that does not see it yet has cleared its entries
 * before the device can learn of them.
 */
static inline void iommu_device_tlb_set(bool *flag, bool value)
{
	__atomic_store_n(flag, value, __ATOMIC_SEQ_CST);
	iommu_full_fence();
}

/*
 * Switch it on or off: it begins empty, and ends so. One that was never off has been used since the
 * first attach, and is as it was. Told with its entry, which hardware confirms, by this function of
 * the family; where that fails, it stays off. Control path.
 */
int iommu_device_tlb_switch(struct iommu_device_tlb *device, bool on,
			    int (*tell)(struct iommu_device_tlb *device));

/* Until no invalidation names it any more; it is on no list by which one could find it. */
void iommu_device_tlb_drain(const struct iommu_device_tlb *device,
			    const struct iommu_platform *platform);

#define IOMMU_BATCH_MAX IOMMU_RING_BATCH_MAX

struct iommu_batch {
	struct iommu_command commands[IOMMU_BATCH_MAX];
	/* Of a command that asks a device: the device, which is blocked when it does not answer. */
	struct iommu_device_tlb *device[IOMMU_BATCH_MAX];
	unsigned int count;
	/* Which of them have to wait for those before them: one bit each. Set by the execution. */
	uint32_t barriers;
#if IOMMU_CONFIG_TRACE
	/* The change that it is for (iommu_trace_batch); NULL: it is for the unit as a whole. */
	const struct iommu_domain *domain;
	iommu_iova_t iova;
	uint64_t size;
#endif
};

static inline bool iommu_batch_has_room(const struct iommu_batch *batch)
{
	return batch->count < IOMMU_BATCH_MAX;
}

static inline void iommu_batch_add(struct iommu_batch *batch, struct iommu_command command,
				   struct iommu_device_tlb *device)
{
	batch->device[batch->count] = device;
	batch->commands[batch->count++] = command;
}

static inline bool iommu_batch_has_devices(const struct iommu_batch *batch)
{
	unsigned int i;

	for (i = 0; IOMMU_CONFIG_DEVICE_TLB && i < batch->count; i++)
		if (batch->device[i] != NULL)
			return true;
	return false;
}

/* Hold the devices of the commands from this one on: no device ends while it is being asked. */
void iommu_batch_hold(const struct iommu_batch *batch, unsigned int first);
/* Let go of the devices of a batch that were held. */
void iommu_batch_let_go(const struct iommu_batch *batch);

struct iommu_batch_ops {
	/*
	 * Which cache a command is of. What one has forgotten may come back through what another
	 * still has: a translation through a configuration, what a device keeps through a
	 * translation. A batch names them in the order in which they have to forget, and a command
	 * waits for what is before it where that is of another cache.
	 */
	unsigned int (*cache_of)(struct iommu_command command);
	/*
	 * Execute the commands and wait. Errors as iommu_ring_submit; IOMMU_EAGAIN: a device did
	 * not answer, *silent says which (0: unknown).
	 */
	int (*submit)(struct iommu_unit_state *unit, const struct iommu_batch *batch,
		      uint16_t *silent);
	/*
	 * Take a device that did not answer off the tables, in any context; the command that has
	 * hardware forget its entries, whatever id they are cached under. Also of a device that is
	 * lost already. NULL: no command asks one.
	 */
	struct iommu_command (*block)(struct iommu_unit_state *unit,
				      struct iommu_device_tlb *device);
};

#if IOMMU_CONFIG_TRACE
/* What a family supplies for a unit that is traced: giving it a batch, untold as it is. */
struct iommu_batch_tracing {
	int (*give)(struct iommu_unit_state *unit, const struct iommu_batch *batch,
		    uint16_t *silent);
	/* What a command invalidates: enum iommu_trace_kind; 0: nothing. */
	unsigned int (*kind_of)(struct iommu_command command);
};

/* Give it a batch, and tell of it; a batch that invalidates nothing is not told of. */
int iommu_batch_give_traced(struct iommu_unit *base, struct iommu_unit_state *unit,
			    const struct iommu_batch *batch, uint16_t *silent,
			    const struct iommu_batch_tracing *tracing);
#endif

/*
 * Execute a batch and wait. A unit that is off walks nothing, and there is nothing to confirm,
 * unless the commands are of what lives `while_off`. On failure the unit is marked
 * (iommu_unit_note_failure). A device that does not answer is blocked, and the rest is done without
 * it: 0 then means as always that hardware lets nothing pass any more that was invalidated. The
 * batch is used up. Any context.
 */
int iommu_batch_execute(struct iommu_unit_state *unit, const struct iommu_batch_ops *ops,
			struct iommu_batch *batch, bool while_off);

#endif
