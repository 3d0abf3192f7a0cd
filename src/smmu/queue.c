/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue as a ring of commands (IHI 0070, 3.5, "Command and Event queues", 4.1, 4.7.3
 * "CMD_SYNC", 7.1 "Command queue errors"), and GERROR, which tells of its errors and of others.
 *
 * A completion is a CMD_SYNC that stores a number, or, where the unit does not send messages, one
 * that is consumed: all commands before it are complete then. The consumption of others proves
 * nothing.
 *
 * Hardware stops at a command that it refuses (CERROR_ILL) or cannot fetch (CERROR_ABT): a CMD_SYNC
 * takes its place. It stops, too, at a CMD_SYNC behind an invalidation that a device did not answer
 * (CERROR_ATC_INV_SYNC), and executes that again when it goes on: its submitter is told that a
 * device was silent, and its slots are kept until then. With the acknowledgement in GERRORN
 * hardware goes on at once, without a doorbell: what is to be mended is mended before.
 */
#include <libiommu/hw/smmu_command.h>
#include <libiommu/status.h>

#include "smmu/command.h"
#include "smmu/unit.h"

#define QUEUE_ORDER 8 /* log2 of IOMMU_RING_SLOTS */

_Static_assert(1U << QUEUE_ORDER == IOMMU_RING_SLOTS, "the ring has as many slots as the queue");

static struct smmu_unit *unit_of(struct iommu_command_ring *ring)
{
	return iommu_container_of((uintptr_t)ring, struct smmu_unit, common.queue);
}

/* --- The ring's operations -------------------------------------------------------------------- */

static struct iommu_command sync_that_stores(iommu_paddr_t address, uint32_t number)
{
	return smmu_command_words(smmu_sync_store(address, number));
}

static struct iommu_command sync_that_ends(iommu_paddr_t address, uint32_t number)
{
	(void)address;
	(void)number;
	return smmu_command_words(smmu_sync(SMMU_SYNC_NONE));
}

#if IOMMU_CONFIG_DEVICE_TLB
static bool asks_device(struct iommu_command command)
{
	const struct smmu_command c = smmu_command_of(command.low, command.high);

	return smmu_command_opcode(&c) == SMMU_ATC_INV;
}
#endif

/* From a slot on, without a wrap. */
static void write_back_slots(struct iommu_command_ring *ring, uint32_t slot, uint32_t count)
{
	smmu_write_back(unit_of(ring), &ring->commands[slot], count * sizeof(*ring->commands));
}

/* The ring knows slots; the register has one bit more, which toggles with each round. */
static void ring_doorbell(struct iommu_command_ring *ring)
{
	struct smmu_unit *unit = unit_of(ring);
	const uint32_t slot = smmu_queue_index(unit->producer, QUEUE_ORDER);
	const uint32_t more = (ring->tail - slot) % IOMMU_RING_SLOTS;

	if (slot + more <= IOMMU_RING_SLOTS) {
		write_back_slots(ring, slot, more);
	} else {
		write_back_slots(ring, slot, IOMMU_RING_SLOTS - slot);
		write_back_slots(ring, 0, ring->tail);
	}
	unit->producer = smmu_queue_advance(unit->producer, more, QUEUE_ORDER);
	smmu_write32(unit, SMMU_CMDQ_PROD, unit->producer);
}

static void look(struct iommu_command_ring *ring)
{
	const uint32_t consumer = smmu_read32(unit_of(ring), SMMU_CMDQ_CONS);

	if (consumer != UINT32_MAX)
		iommu_ring_completed(ring, smmu_queue_index(consumer, QUEUE_ORDER));
}

/* Errors that are active; UINT32_MAX: the unit is gone. */
static uint32_t active_errors(const struct smmu_unit *unit)
{
	const uint32_t errors = smmu_read32(unit, SMMU_GERROR);

	return errors == UINT32_MAX ? errors
				    : smmu_gerror_active(errors, smmu_read32(unit, SMMU_GERRORN)) &
					      SMMU_GERROR_ALL;
}

static bool has_error(struct iommu_command_ring *ring)
{
	return active_errors(unit_of(ring)) != 0;
}

/* Why the queue has stopped; false: it is not to go on. */
static bool mend(struct iommu_command_ring *ring)
{
	const uint32_t consumer = smmu_read32(unit_of(ring), SMMU_CMDQ_CONS);
	const uint32_t slot = smmu_queue_index(consumer, QUEUE_ORDER);

	/* What lies before is complete, also where completions are stored. */
	if (__atomic_load_n(&ring->is_polled, __ATOMIC_RELAXED))
		iommu_ring_completed(ring, slot);
	switch ((enum smmu_command_error)smmu_bits(consumer, SMMU_CMDQ_CONS_ERROR)) {
	case SMMU_CERROR_ILL:
	case SMMU_CERROR_ABT:
		if (!iommu_ring_command_refused(ring, slot))
			return false;
		write_back_slots(ring, slot, 1);
		return true;
#if IOMMU_CONFIG_DEVICE_TLB
	case SMMU_CERROR_ATC_INV_SYNC:
		iommu_ring_completions_dropped(ring, slot, 0);
		return !ring->hangs;
#else
	case SMMU_CERROR_ATC_INV_SYNC:
#endif
	case SMMU_CERROR_NONE:
	default:
		ring->hangs = true;
		return false;
	}
}

/* All errors are acknowledged here, under one lock; the unit's user is told of the others later. */
static bool handle_errors(struct iommu_command_ring *ring)
{
	struct smmu_unit *unit = unit_of(ring);
	const uint32_t active = active_errors(unit);
	/* A unit that has failed for good stays so. */
	uint32_t seen = active & ~SMMU_GERROR_SFM;

	if (active == UINT32_MAX)
		return false;
	if (active == 0)
		return true;
	__atomic_or_fetch(&unit->errors, active, __ATOMIC_RELAXED);
	__atomic_or_fetch(&unit->new_errors, active & ~SMMU_GERROR_CMDQ, __ATOMIC_RELEASE);
	/* A completion was not stored, nor will be others: what is consumed counts from now on. */
	if ((active & SMMU_GERROR_MSI_CMDQ) != 0)
		__atomic_store_n(&ring->is_polled, true, __ATOMIC_RELAXED);
	if ((active & SMMU_GERROR_CMDQ) != 0 && !mend(ring))
		seen &= ~SMMU_GERROR_CMDQ;
	if (seen != 0)
		smmu_write32(unit, SMMU_GERRORN, smmu_read32(unit, SMMU_GERRORN) ^ seen);
	return (active & SMMU_GERROR_SFM) == 0;
}

#if IOMMU_CONFIG_DEVICE_TLB
#define RING_OPS(the_completion)                                                                   \
	{                                                                                          \
		.completion = (the_completion), .asks_device = asks_device, .look = look,          \
		.ring_doorbell = ring_doorbell, .has_error = has_error,                            \
		.handle_errors = handle_errors,                                                    \
	}
#else
#define RING_OPS(the_completion)                                                                   \
	{                                                                                          \
		.completion = (the_completion), .look = look, .ring_doorbell = ring_doorbell,      \
		.has_error = has_error, .handle_errors = handle_errors,                            \
	}
#endif

static const struct iommu_ring_ops storing_ops = RING_OPS(sync_that_stores);
static const struct iommu_ring_ops polled_ops = RING_OPS(sync_that_ends);

int iommu_smmu_queue_alloc(struct smmu_unit *unit)
{
	struct iommu_command_ring *queue = &unit->common.queue;

	/* Numbers that a unit stores past the caches would not be seen. */
	queue->is_polled = !smmu_has0(unit, SMMU_IDR0_MSI) || !unit->is_coherent ||
			   (unit->flags & IOMMU_SMMU_POLLED) != 0;
	return iommu_driven_queue_alloc(&unit->common,
					queue->is_polled ? &polled_ops : &storing_ops);
}

/* --- On and off ------------------------------------------------------------------------------- */

static uint64_t base_register(const struct smmu_unit *unit)
{
	return smmu_queue_base(
		iommu_virt_to_phys(unit->common.platform, unit->common.queue.commands), QUEUE_ORDER,
		true);
}

/* Is hardware at work in this ring? Its registers may have been lost. */
static bool is_at_work(const struct smmu_unit *unit)
{
	return iommu_smmu_is_on(unit, SMMU_CR0_CMDQEN) &&
	       smmu_read64(unit, SMMU_CMDQ_BASE) == base_register(unit);
}

/* Errors of a predecessor, or of the ring before: what they were of is lost. */
static int acknowledge_stale_errors(struct smmu_unit *unit)
{
	const uint32_t active = active_errors(unit);

	if (active == UINT32_MAX)
		return IOMMU_EIO;
	smmu_write32(unit, SMMU_GERRORN,
		     smmu_read32(unit, SMMU_GERRORN) ^ (active & ~SMMU_GERROR_SFM));
	return (active & SMMU_GERROR_SFM) == 0 ? 0 : IOMMU_EIO;
}

static int turn_on(struct smmu_unit *unit)
{
	int status;

	iommu_ring_restart(&unit->common.queue);
	unit->producer = 0;
	smmu_write64(unit, SMMU_CMDQ_BASE, base_register(unit));
	if (smmu_read64(unit, SMMU_CMDQ_BASE) != base_register(unit))
		return IOMMU_EIO;
	smmu_write32(unit, SMMU_CMDQ_CONS, 0);
	smmu_write32(unit, SMMU_CMDQ_PROD, 0);
	/* Hardware that still has an earlier end would run through what was not submitted. */
	if (((smmu_read32(unit, SMMU_CMDQ_CONS) | smmu_read32(unit, SMMU_CMDQ_PROD)) &
	     SMMU_QUEUE_POINTER) != 0)
		return IOMMU_EIO;
	status = acknowledge_stale_errors(unit);
	if (status == 0)
		status = iommu_smmu_change_cr0(unit, SMMU_CR0_CMDQEN, 0);
	if (status == 0)
		iommu_ring_set_running(&unit->common.queue, true);
	return status;
}

int iommu_smmu_queue_hold(struct smmu_unit *unit)
{
	int status;

	/* An error that came after the last submitter had given up is of no later command. */
	if (unit->common.queue.running)
		iommu_ring_check_errors(&unit->common.queue);
	if (iommu_ring_answers(&unit->common.queue) && is_at_work(unit))
		return 0;
	/* Nothing new is accepted; firmware, or a kernel before us, may have left its own on. */
	iommu_ring_set_running(&unit->common.queue, false);
	status = iommu_smmu_change_cr0(unit, 0, SMMU_CR0_CMDQEN);
	if (status == 0)
		status = turn_on(unit);
	if (status != 0)
		/* If hardware is still in the ring, submitters look whether it has come back. */
		iommu_ring_let_hang(&unit->common.queue, is_at_work(unit));
	return status;
}

int iommu_smmu_queue_release(struct smmu_unit *unit)
{
	uint16_t silent;

	/* Commands that were fetched may be dropped: what came before is complete first. */
	if (iommu_ring_answers(&unit->common.queue) && is_at_work(unit))
		(void)iommu_ring_submit(&unit->common.queue, NULL, 0, 0, &silent);
	iommu_ring_set_running(&unit->common.queue, false);
	return iommu_smmu_change_cr0(unit, 0, SMMU_CR0_CMDQEN);
}
