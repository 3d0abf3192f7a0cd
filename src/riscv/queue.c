/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue as a ring of commands (RISC-V IOMMU specification 1.0.0, 3.1
 * "Command-Queue"): its registers and errors, and how it is turned on and off.
 *
 * A completion is an IOFENCE.C that stores a number: commands before it are complete then, and the
 * accesses of devices that the unit had processed are globally ordered (PR, PW), so that what they
 * reached may be reused. The head alone proves nothing.
 *
 * Hardware stops at a command that it refuses (cmd_ill) or that it cannot fetch, and at a fence
 * whose store it cannot do (cqmf): a fence takes its place. It stops, too, at a fence behind an
 * invalidation that a device did not answer (cmd_to), and executes that fence again when it goes
 * on: its submitter is told that a device was silent, and its slots are kept until then.
 */
#include <libiommu/hw/riscv_command.h>
#include <libiommu/status.h>

#include "riscv/command.h"
#include "riscv/unit.h"

#define QUEUE_ORDER 8 /* log2 of IOMMU_RING_SLOTS */

_Static_assert(1U << QUEUE_ORDER == IOMMU_RING_SLOTS, "the ring has as many slots as the queue");

static struct riscv_unit *unit_of(struct iommu_command_ring *ring)
{
	return iommu_container_of((uintptr_t)ring, struct riscv_unit, common.queue);
}

/* --- The ring's operations -------------------------------------------------------------------- */

static struct iommu_command fence(iommu_paddr_t address, uint32_t number)
{
	return riscv_command_words(
		riscv_command_fence_store(RISCV_IOFENCE_PR | RISCV_IOFENCE_PW, address, number));
}

#if IOMMU_CONFIG_DEVICE_TLB
static bool asks_device(struct iommu_command command)
{
	return riscv_command_kind(riscv_command_of(command.low, command.high)) == RISCV_ATS_INVAL;
}
#endif

static void ring_doorbell(struct iommu_command_ring *ring)
{
	riscv_write32(unit_of(ring), RISCV_CQT, ring->tail);
}

static bool has_error(struct iommu_command_ring *ring)
{
	return (riscv_read32(unit_of(ring), RISCV_CQCSR) & RISCV_CQCSR_ERRORS) != 0;
}

static bool handle_errors(struct iommu_command_ring *ring)
{
	struct riscv_unit *unit = unit_of(ring);
	const uint32_t csr = riscv_read32(unit, RISCV_CQCSR);
	const uint32_t errors = csr & RISCV_CQCSR_ERRORS;
	uint32_t head;

	if (csr == UINT32_MAX)
		return false;
	if (errors == 0)
		return true;
	head = riscv_read32(unit, RISCV_CQH);
	if ((errors & (RISCV_QUEUE_FAULT | RISCV_CQCSR_ILLEGAL)) != 0 &&
	    !iommu_ring_command_refused(ring, head))
		return true;
#if IOMMU_CONFIG_DEVICE_TLB
	if ((errors & RISCV_CQCSR_TIMEOUT) != 0)
		iommu_ring_completions_dropped(ring, head, 0);
#endif
	if (ring->hangs)
		return true;
	riscv_write32(unit, RISCV_CQCSR,
		      errors | (csr & (RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT)));
	/* Hardware may look for commands only when it is told of some. */
	ring_doorbell(ring);
	return true;
}

static const struct iommu_ring_ops ring_ops = {
	.completion = fence,
#if IOMMU_CONFIG_DEVICE_TLB
	.asks_device = asks_device,
#endif
	.ring_doorbell = ring_doorbell,
	.has_error = has_error,
	.handle_errors = handle_errors,
};

int iommu_riscv_queue_alloc(struct riscv_unit *unit)
{
	return iommu_driven_queue_alloc(&unit->common, &ring_ops);
}

/* --- On and off ------------------------------------------------------------------------------- */

static uint64_t base_register(const struct riscv_unit *unit)
{
	return riscv_queue_base(
		iommu_virt_to_phys(unit->common.platform, unit->common.queue.commands),
		QUEUE_ORDER);
}

/* Is hardware at work in this ring, and not about to leave it? Its registers may have been lost. */
static bool is_at_work(const struct riscv_unit *unit)
{
	const uint32_t csr = riscv_read32(unit, RISCV_CQCSR);
	const uint32_t on = RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON;

	return csr != UINT32_MAX && (csr & (on | RISCV_QUEUE_BUSY)) == on &&
	       riscv_read64(unit, RISCV_CQB) == base_register(unit);
}

static int turn_on(struct riscv_unit *unit)
{
	int status;

	iommu_ring_restart(&unit->common.queue);
	riscv_write64(unit, RISCV_CQB, base_register(unit));
	if (riscv_read64(unit, RISCV_CQB) != base_register(unit))
		return IOMMU_EIO;
	riscv_write32(unit, RISCV_CQT, 0);
	status = iommu_riscv_queue_on(unit, RISCV_CQCSR, false);
	if (status == 0)
		iommu_ring_set_running(&unit->common.queue, true);
	return status;
}

int iommu_riscv_queue_hold(struct riscv_unit *unit)
{
	int status;

	/* An error that came after the last submitter had given up is of no later command. */
	if (unit->common.queue.running)
		iommu_ring_check_errors(&unit->common.queue);
	if (iommu_ring_answers(&unit->common.queue) && is_at_work(unit))
		return 0;
	/* Nothing new is accepted; firmware, or a kernel before us, may have left its own on. */
	iommu_ring_set_running(&unit->common.queue, false);
	status = iommu_riscv_queue_off(unit, RISCV_CQCSR);
	if (status == 0)
		status = turn_on(unit);
	if (status != 0)
		/* If hardware is still in the ring, submitters look whether it has come back. */
		iommu_ring_let_hang(&unit->common.queue, is_at_work(unit));
	return status;
}

int iommu_riscv_queue_start(struct riscv_unit *unit)
{
	const int status = iommu_riscv_queue_hold(unit);

	return status == IOMMU_EIO ? iommu_riscv_queue_misfit(unit, RISCV_CQB, QUEUE_ORDER)
				   : status;
}

int iommu_riscv_queue_release(struct riscv_unit *unit)
{
	uint16_t silent;

	/* Commands that were fetched may be dropped: what came before is complete first. */
	if (iommu_ring_answers(&unit->common.queue) && is_at_work(unit))
		(void)iommu_ring_submit(&unit->common.queue, NULL, 0, 0, &silent);
	iommu_ring_set_running(&unit->common.queue, false);
	return iommu_riscv_queue_off(unit, RISCV_CQCSR);
}
