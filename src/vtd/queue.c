/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue as a ring of commands (VT-d specification, "Queued Invalidation
 * Interface"): its registers and errors, and how it is turned on and off.
 *
 * Hardware that refuses a descriptor (IQE) stops at it. What takes its place writes a status word:
 * a wait descriptor that writes nothing is reserved, and would be refused, too. A device that does
 * not answer is an ITE: the waits in flight are lost.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "unit/command_ring.h"
#include "unit/confirmation.h"
#include "vtd/command.h"
#include "vtd/interrupt.h"
#include "vtd/predecessor.h"
#include "vtd/unit.h"

#define ERRORS (VTD_FSTS_IQE | VTD_FSTS_ITE | VTD_FSTS_ICE)

static struct vtd_unit *unit_of(struct iommu_command_ring *ring)
{
	return iommu_container_of((uintptr_t)ring, struct vtd_unit, queue);
}

/* Wide descriptors, as scalable mode wants them? */
static bool is_wide(const struct vtd_unit *unit)
{
	return unit->queue.command_words == 2;
}

/* --- The ring's operations -------------------------------------------------------------------- */

static struct iommu_command wait_command(iommu_paddr_t address, uint32_t number)
{
	return vtd_command_of(vtd_descriptor_wait(address, number));
}

#if IOMMU_CONFIG_DEVICE_TLB
static bool asks_device(struct iommu_command command)
{
	const unsigned int type = vtd_descriptor_type(vtd_descriptor_of(command.low, command.high));

	return type == VTD_DESCRIPTOR_DEVICE_TLB || type == VTD_DESCRIPTOR_PASID_DEVICE_TLB;
}
#endif

static void ring_doorbell(struct iommu_command_ring *ring)
{
	struct vtd_unit *unit = unit_of(ring);

	vtd_write64(unit, VTD_IQT, vtd_queue_offset(ring->tail, is_wide(unit)));
}

static bool has_error(struct iommu_command_ring *ring)
{
	return (vtd_read32(unit_of(ring), VTD_FSTS) & ERRORS) != 0;
}

static void descriptor_refused(struct vtd_unit *unit)
{
	const unsigned int head = vtd_queue_index(vtd_read64(unit, VTD_IQH), is_wide(unit));

	if (!iommu_ring_command_refused(&unit->queue, head))
		return;
	vtd_write32(unit, VTD_FSTS, VTD_FSTS_IQE);
	ring_doorbell(&unit->queue);
}

/* Without commands to devices there is nothing to be lost, and nothing to make good. */
static void waits_dropped(struct vtd_unit *unit)
{
#if IOMMU_CONFIG_DEVICE_TLB
	const unsigned int end = vtd_queue_index(vtd_read64(unit, VTD_IQH), is_wide(unit));

	iommu_ring_completions_dropped(&unit->queue, end,
				       vtd_iqercd_silent(vtd_read64(unit, VTD_IQERCD)));
	if (unit->queue.hangs)
		return;
#endif
	vtd_write32(unit, VTD_FSTS, VTD_FSTS_ITE);
	ring_doorbell(&unit->queue);
}

static bool handle_errors(struct iommu_command_ring *ring)
{
	struct vtd_unit *unit = unit_of(ring);
	const uint32_t fsts = vtd_read32(unit, VTD_FSTS);

	if (fsts == UINT32_MAX)
		return false;
	if ((fsts & VTD_FSTS_IQE) != 0)
		descriptor_refused(unit);
	else if ((fsts & VTD_FSTS_ITE) != 0)
		waits_dropped(unit);
	else if ((fsts & VTD_FSTS_ICE) != 0)
		vtd_write32(unit, VTD_FSTS, VTD_FSTS_ICE);
	return true;
}

static const struct iommu_ring_ops ring_ops = {
	.completion = wait_command,
#if IOMMU_CONFIG_DEVICE_TLB
	.asks_device = asks_device,
#endif
	.ring_doorbell = ring_doorbell,
	.has_error = has_error,
	.handle_errors = handle_errors,
};

/* --- Memory ----------------------------------------------------------------------------------- */

void iommu_vtd_queue_init(struct vtd_unit *unit)
{
	struct iommu_command_ring *queue = &unit->queue;

	queue->ops = &ring_ops;
	queue->platform = unit->platform;
	queue->timeout_ns = unit->timeout_ns;
	queue->device_timeout_ns = unit->device_timeout_ns;
	/*
	 * In legacy mode, too: the mode that hardware is left in by a predecessor may want it so.
	 */
	queue->command_words = (unit->caps.ecap & VTD_ECAP_SMTS) != 0 ? 2 : 1;
}

int iommu_vtd_queue_alloc(struct vtd_unit *unit)
{
	struct iommu_command_ring *queue = &unit->queue;
	void *commands = iommu_vtd_pages_alloc(unit, iommu_ring_order(queue));
	void *completions = iommu_vtd_pages_alloc(unit, 0);

	iommu_ring_init(queue, commands, completions);
	if (commands != NULL && completions != NULL)
		return 0;
	iommu_vtd_queue_free(unit);
	return IOMMU_ENOMEM;
}

void iommu_vtd_queue_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct iommu_command_ring *queue = &unit->queue;

	if (queue->commands != NULL)
		platform->free_pages(platform->ctx, queue->commands, iommu_ring_order(queue));
	if (queue->completions != NULL)
		platform->free_pages(platform->ctx, queue->completions, 0);
	queue->commands = NULL;
	queue->completions = NULL;
}

/* --- On and off ------------------------------------------------------------------------------- */

static uint64_t base_register(const struct vtd_unit *unit)
{
	const struct iommu_command_ring *queue = &unit->queue;

	return vtd_iqa(iommu_virt_to_phys(unit->platform, queue->commands),
		       iommu_ring_order(queue)) |
	       (is_wide(unit) ? VTD_IQA_WIDE : 0);
}

/*
 * Is hardware at work in this ring? Its registers may have been lost, or its ring be another's. The
 * width of descriptors does not tell: QEMU 7.2 takes it, and does not show it.
 */
static bool is_at_work(const struct vtd_unit *unit)
{
	return unit->queue.commands != NULL && (vtd_read32(unit, VTD_GSTS) & VTD_GLOBAL_QIE) != 0 &&
	       ((vtd_read64(unit, VTD_IQA) ^ base_register(unit)) & ~VTD_IQA_WIDE) == 0;
}

/*
 * Hardware may ignore that a busy queue is turned off. A queue that answers is brought to rest
 * behind a wait descriptor: also one that went on, or stayed on, after the wait for that had timed
 * out.
 */
static int bring_to_rest(struct vtd_unit *unit)
{
	uint16_t silent;
	int status;

	if (!is_at_work(unit))
		return IOMMU_EIO;
	iommu_ring_set_running(&unit->queue, true);
	status = iommu_ring_submit(&unit->queue, NULL, 0, 0, &silent);
	if (status == 0)
		unit->queue_stayed_on = false;
	return status;
}

static bool has_stopped(struct vtd_unit *unit)
{
	return (vtd_read32(unit, VTD_FSTS) & (VTD_FSTS_IQE | VTD_FSTS_ITE)) != 0;
}

/*
 * Any other, which may be another kernel's, is let read what there is. One that has stopped at a
 * descriptor which it refuses reads nothing more, and is empty once its tail is where it stopped,
 * or after a wait in the place of that descriptor.
 */
static void empty_queue(struct vtd_unit *unit)
{
	uint64_t tail = vtd_read64(unit, VTD_IQT);

	if (vtd_read64(unit, VTD_IQH) == tail)
		return;
	vtd_write64(unit, VTD_IQT, tail);
	/* One that is slow goes on by itself: its tail stays where it is. */
	if (!has_stopped(unit) &&
	    (iommu_vtd_wait64(unit, VTD_IQH, UINT64_MAX, tail) == 0 || !has_stopped(unit)))
		return;
	tail = iommu_vtd_inherit_stopped_queue(unit, vtd_read64(unit, VTD_IQH));
	vtd_write64(unit, VTD_IQT, tail);
	vtd_write32(unit, VTD_FSTS, ERRORS);
	/* Hardware may look for descriptors only when it is told of some. */
	vtd_write64(unit, VTD_IQT, tail);
	(void)iommu_vtd_wait64(unit, VTD_IQH, UINT64_MAX, tail);
}

bool iommu_vtd_queue_may_turn_off(const struct vtd_unit *unit)
{
	return unit->queue_stayed_on || iommu_vtd_command_hangs(unit, VTD_GLOBAL_QIE);
}

int iommu_vtd_queue_turn_off(struct vtd_unit *unit)
{
	const bool rests = bring_to_rest(unit) == 0;
	int status;

	iommu_ring_set_running(&unit->queue, false); /* nothing new is accepted */
	/* Off, and no command under way that would turn it on. */
	if ((vtd_read32(unit, VTD_GSTS) & VTD_GLOBAL_QIE) == 0 &&
	    !iommu_vtd_command_hangs(unit, VTD_GLOBAL_QIE))
		return 0;
	empty_queue(unit);
	status = iommu_vtd_command_clear(unit, VTD_GLOBAL_QIE);
	unit->queue_stayed_on = status != 0 && !rests;
	return status;
}

/*
 * A queue that was told to turn off while it was busy: hardware may have ignored that, or be late.
 * That it answers does not say which. So it is told again, at rest, before any other command is
 * given.
 */
void iommu_vtd_queue_look(struct vtd_unit *unit)
{
	if (!unit->queue_stayed_on || iommu_vtd_queue_turn_off(unit) != 0)
		return;
	unit->queue_is_on = false;
	/* Interrupts that are remapped meanwhile need it, and what they were changed to told of. */
	if (vtd_interrupts_may_run(unit)) {
		iommu_unit_note_failure(&unit->state);
		(void)iommu_vtd_queue_hold(unit);
	}
}

static int turn_on(struct vtd_unit *unit)
{
	int status;

	iommu_ring_restart(&unit->queue);
	vtd_write32(unit, VTD_FSTS, ERRORS);
	vtd_write64(unit, VTD_IQT, 0);
	vtd_write64(unit, VTD_IQA, base_register(unit));
	status = iommu_vtd_command_set(unit, VTD_GLOBAL_QIE);
	if (status == 0)
		iommu_ring_set_running(&unit->queue, true);
	return status;
}

/* --- Shared by translation and interrupts ----------------------------------------------------- */

int iommu_vtd_queue_hold(struct vtd_unit *unit)
{
	const bool was_on = unit->queue_is_on;
	int status;

	if (!unit->use_queue)
		return 0;
	/* While it may still turn off, no other command can be given. */
	if (unit->queue_is_on && iommu_ring_answers(&unit->queue) && is_at_work(unit) &&
	    !iommu_vtd_command_hangs(unit, VTD_GLOBAL_QIE))
		return 0;
	status = bring_to_rest(unit);
	/* One that may still turn off is turned off first. */
	if (status != 0 || iommu_vtd_command_hangs(unit, VTD_GLOBAL_QIE)) {
		/* Firmware, or a kernel before us, may have left its own on. */
		status = iommu_vtd_queue_turn_off(unit);
		if (status == 0)
			status = turn_on(unit);
		if (status == 0 && was_on)
			vtd_log(unit, IOMMU_LOG_INFO, "the invalidation queue was restarted");
	}
	if (status != 0)
		/* If hardware is still in the ring, submitters look whether it has come back. */
		iommu_ring_let_hang(&unit->queue, is_at_work(unit));
	/* A command to turn it on that was waited for in vain may still be obeyed. */
	unit->queue_is_on =
		status == 0 || unit->queue.running || iommu_vtd_command_hangs(unit, VTD_GLOBAL_QIE);
	return status;
}

int iommu_vtd_queue_release(struct vtd_unit *unit)
{
	int status;

	if (!unit->queue_is_on || iommu_unit_is_active(&unit->state) ||
	    vtd_interrupts_may_run(unit))
		return 0;
	status = iommu_vtd_queue_turn_off(unit);
	unit->queue_is_on = status != 0;
	return status;
}
