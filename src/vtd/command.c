/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The global command register (VT-d specification, "Global Command Register"). Only this file
 * writes it.
 *
 * A write repeats the lasting bits that the status register shows and changes exactly one bit;
 * one-shot bits are never repeated. No command is given before the previous one has completed, even
 * if that one timed out: later commands fail at once until the status register shows completion.
 * One exception: a queue may be told again to turn off, because hardware may ignore that command
 * while the queue is busy. The lock covers one read of the status and one write, never a wait.
 */
#define VTD_REGISTER_BODY /* the registers' access functions, for all where size counts */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>

#include "base/spinlock.h"
#include "unit/confirmation.h"
#include "vtd/command.h"
#include "vtd/unit.h"
#include <libiommu/backend/deadline.h>

#ifdef __OPTIMIZE_SIZE__
uint32_t iommu_vtd_read32(const struct vtd_unit *unit, uint32_t offset)
{
	return vtd_read32(unit, offset);
}

uint64_t iommu_vtd_read64(const struct vtd_unit *unit, uint32_t offset)
{
	return vtd_read64(unit, offset);
}

void iommu_vtd_write32(struct vtd_unit *unit, uint32_t offset, uint32_t value)
{
	vtd_write32(unit, offset, value);
}

void iommu_vtd_write64(struct vtd_unit *unit, uint32_t offset, uint64_t value)
{
	vtd_write64(unit, offset, value);
}
#endif

/* A CPU that was kept busy elsewhere until the time was over looks once more. */
static int wait_for(struct vtd_unit *unit, uint32_t offset, uint64_t mask, uint64_t value,
		    bool is_wide)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, unit->timeout_ns);
	bool passed = false;

	while (((is_wide ? vtd_read64(unit, offset) : vtd_read32(unit, offset)) & mask) != value) {
		if (passed)
			return IOMMU_ETIMEDOUT;
		passed = iommu_deadline_passed(&deadline);
	}
	return 0;
}

int iommu_vtd_wait32(struct vtd_unit *unit, uint32_t offset, uint32_t mask, uint32_t value)
{
	return wait_for(unit, offset, mask, value, false);
}

int iommu_vtd_wait64(struct vtd_unit *unit, uint32_t offset, uint64_t mask, uint64_t value)
{
	return wait_for(unit, offset, mask, value, true);
}

/* Hardware may ignore that a busy queue is turned off, which then has to be said again. */
static bool is_repeated(const struct vtd_unit *unit, uint32_t clear)
{
	return clear == VTD_GLOBAL_QIE && unit->command_hangs &&
	       unit->command_mask == VTD_GLOBAL_QIE && unit->command_done == 0;
}

/* A lasting bit that is as it should be, and that no command under way will change. */
static bool is_done(const struct vtd_unit *unit, uint32_t gsts, uint32_t bit, uint32_t done)
{
	return (bit & VTD_GLOBAL_LASTING) != 0 && (bit & unit->command_mask) == 0 &&
	       (gsts & bit) == done;
}

static void write_command(struct vtd_unit *unit, uint32_t before, uint32_t set, uint32_t clear,
			  uint32_t done)
{
	vtd_write32(unit, VTD_GCMD, ((before & VTD_GLOBAL_LASTING) | set) & ~clear);
	unit->command_mask = set | clear;
	unit->command_done = done;
	unit->command_hangs = false;
}

/* Give a command, unless the last one is under way: IOMMU_EAGAIN. */
static int give(struct vtd_unit *unit, uint32_t set, uint32_t clear, uint32_t done)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->command_lock);
	const uint32_t before = vtd_read32(unit, VTD_GSTS);
	int status = 0;

	/* A unit that is gone reads as all ones: repeating those would turn everything on. */
	if (before == UINT32_MAX)
		status = IOMMU_EIO;
	else if (is_done(unit, before, set | clear, done))
		; /* hardware may even be busy with another command */
	else if ((before & unit->command_mask) != unit->command_done && !is_repeated(unit, clear))
		status = unit->command_hangs ? IOMMU_ETIMEDOUT : IOMMU_EAGAIN;
	else
		write_command(unit, before, set, clear, done);
	iommu_spin_unlock(unit->platform, &unit->command_lock, state);
	return status;
}

/* How the wait for a command ended. */
static void conclude(struct vtd_unit *unit, uint32_t mask, int status)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->command_lock);

	if (unit->command_mask == mask) {
		unit->command_hangs = status != 0;
		if (status == 0)
			unit->command_mask = unit->command_done = 0;
	}
	iommu_spin_unlock(unit->platform, &unit->command_lock, state);
}

/* Give one command and wait, with no lock held, until the status of its bit is `done`. */
static int command(struct vtd_unit *unit, uint32_t set, uint32_t clear, uint32_t done)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, unit->timeout_ns);
	int status;

	while ((status = give(unit, set, clear, done)) == IOMMU_EAGAIN)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	if (status != 0)
		return status;
	status = iommu_vtd_wait32(unit, VTD_GSTS, set | clear, done);
	conclude(unit, set | clear, status);
	return status;
}

bool iommu_vtd_command_hangs(const struct vtd_unit *unit, uint32_t bit)
{
	return unit->command_hangs && unit->command_mask == bit;
}

void iommu_vtd_command_forget(struct vtd_unit *unit)
{
	conclude(unit, unit->command_mask, 0);
}

bool iommu_vtd_unit_translates(const struct vtd_unit *unit)
{
	const uint32_t gsts = vtd_read32(unit, VTD_GSTS);

	return iommu_unit_is_active(&unit->state) && gsts != UINT32_MAX &&
	       (gsts & VTD_GLOBAL_TE) != 0;
}

int iommu_vtd_command_set(struct vtd_unit *unit, uint32_t bit)
{
	return command(unit, bit, 0, bit);
}

int iommu_vtd_command_clear(struct vtd_unit *unit, uint32_t bit)
{
	return command(unit, 0, bit, 0);
}

int iommu_vtd_command_once(struct vtd_unit *unit, uint32_t bit)
{
	/* The write-buffer flush shows that it is at work; the others show that they are done. */
	return command(unit, bit, 0, bit == VTD_GLOBAL_WBF ? 0 : bit);
}

int iommu_vtd_flush_write_buffer(struct vtd_unit *unit)
{
	int status = 0;

	if (unit->caps.write_buffer)
		status = iommu_vtd_command_once(unit, VTD_GLOBAL_WBF);
	/* Hardware may have seen the change and not see that it is taken back. */
	if (status != 0)
		iommu_unit_note_failure(&unit->state);
	return status;
}
