/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The global command register, the one place that writes it (VT-d specification, "Global Command
 * Register").
 *
 * The rules: a write repeats the lasting bits that the status register shows and changes exactly
 * one bit; one-shot bits are never repeated; and no command is given before the last one has
 * completed: not even when it timed out.
 */
#include <libiommu/status.h>

#include "base/deadline.h"
#include "vtd/vtd.h"

int iommu_vtd_wait32(struct vtd_unit *unit, uint32_t offset, uint32_t mask, uint32_t value)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, unit->timeout_ns);

	while ((vtd_read32(unit, offset) & mask) != value)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	return 0;
}

int iommu_vtd_wait64(struct vtd_unit *unit, uint32_t offset, uint64_t mask, uint64_t value)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, unit->timeout_ns);

	while ((vtd_read64(unit, offset) & mask) != value)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	return 0;
}

/* Wait for the command that is under way; what did not complete in time before may have since. */
static int await_command(struct vtd_unit *unit)
{
	int status;

	if (unit->command_mask == 0)
		return 0;
	status = iommu_vtd_wait32(unit, VTD_GSTS, unit->command_mask, unit->command_done);
	if (status == 0)
		unit->command_mask = unit->command_done = 0;
	return status;
}

/* Give one command and wait until the status of its bit is `done`. */
static int command(struct vtd_unit *unit, uint32_t set, uint32_t clear, uint32_t done)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->command_lock);
	int status = await_command(unit);
	uint32_t before = vtd_read32(unit, VTD_GSTS);

	/* A unit that is gone reads as all ones: repeating those would turn everything on. */
	if (before == UINT32_MAX)
		status = IOMMU_EIO;
	if (status == 0) {
		vtd_write32(unit, VTD_GCMD, ((before & VTD_GLOBAL_LASTING) | set) & ~clear);
		unit->command_mask = set | clear;
		unit->command_done = done;
		status = await_command(unit);
	}
	iommu_spin_unlock(unit->platform, &unit->command_lock, state);
	return status;
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
	return unit->caps.write_buffer ? iommu_vtd_command_once(unit, VTD_GLOBAL_WBF) : 0;
}
