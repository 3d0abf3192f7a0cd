/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers that take effect some time after they are written (RISC-V IOMMU specification 1.0.0,
 * 5.5 "Device-directory-table pointer", 5.15 to 5.17 "Queue CSRs"): each has a bit "busy", and is
 * not written while that stands. A write that was waited for in vain is waited for again by the
 * next call, which then sees what became of it.
 */
#include <libiommu/backend/deadline.h>
#include <libiommu/status.h>

#include "riscv/unit.h"

/* A CPU that was kept busy elsewhere until the time was over looks once more. */
static int wait_for(const struct riscv_unit *unit, uint32_t offset, uint64_t mask, uint64_t value,
		    bool is_wide)
{
	struct iommu_deadline deadline =
		iommu_deadline_in(unit->common.platform, unit->common.timeout_ns);
	bool passed = false;

	for (;;) {
		const uint64_t now =
			is_wide ? riscv_read64(unit, offset) : riscv_read32(unit, offset);

		/* No register has all bits set; one that is gone reads so. */
		if (now == (is_wide ? UINT64_MAX : UINT32_MAX))
			return IOMMU_EIO;
		if ((now & mask) == value)
			return 0;
		if (passed)
			return IOMMU_ETIMEDOUT;
		passed = iommu_deadline_passed(&deadline);
	}
}

int iommu_riscv_wait32(const struct riscv_unit *unit, uint32_t offset, uint32_t mask,
		       uint32_t value)
{
	return wait_for(unit, offset, mask, value, false);
}

int iommu_riscv_wait64(const struct riscv_unit *unit, uint32_t offset, uint64_t mask,
		       uint64_t value)
{
	return wait_for(unit, offset, mask, value, true);
}

/* --- Queues ----------------------------------------------------------------------------------- */

static int switch_queue(const struct riscv_unit *unit, uint32_t csr, uint32_t value, uint32_t done)
{
	int status = iommu_riscv_wait32(unit, csr, RISCV_QUEUE_BUSY, 0);

	if (status != 0)
		return status;
	riscv_write32(unit, csr, value);
	return iommu_riscv_wait32(unit, csr, RISCV_QUEUE_ON | RISCV_QUEUE_BUSY, done);
}

int iommu_riscv_queue_on(const struct riscv_unit *unit, uint32_t csr, bool interrupts)
{
	return switch_queue(unit, csr,
			    RISCV_QUEUE_ENABLE | (interrupts ? RISCV_QUEUE_INTERRUPT : 0U),
			    RISCV_QUEUE_ON);
}

int iommu_riscv_queue_off(const struct riscv_unit *unit, uint32_t csr)
{
	return switch_queue(unit, csr, 0, 0);
}

int iommu_riscv_logs_off(const struct riscv_unit *unit)
{
	const int status = iommu_riscv_queue_off(unit, RISCV_FQCSR);

	return status == 0 && riscv_has(unit, RISCV_CAP_ATS)
		       ? iommu_riscv_queue_off(unit, RISCV_PQCSR)
		       : status;
}

int iommu_riscv_queue_misfit(const struct riscv_unit *unit, uint32_t base, unsigned int order)
{
	return riscv_queue_order(riscv_read64(unit, base)) < order ? IOMMU_EOPNOTSUPP : IOMMU_EIO;
}

/* --- The directory ---------------------------------------------------------------------------- */

/* Levels 1 to 3 are the modes 2 to 4. */
static uint64_t ddtp_of(const struct riscv_unit *unit)
{
	return riscv_ddtp((enum riscv_ddtp_mode)(RISCV_DDTP_BARE + unit->levels),
			  iommu_virt_to_phys(unit->common.platform, unit->root));
}

static int write_ddtp(const struct riscv_unit *unit, uint64_t value)
{
	int status = iommu_riscv_wait64(unit, RISCV_DDTP, RISCV_DDTP_BUSY, 0);

	if (status != 0)
		return status;
	riscv_write64(unit, RISCV_DDTP, value);
	return iommu_riscv_wait64(unit, RISCV_DDTP, RISCV_DDTP_BUSY, 0);
}

int iommu_riscv_turn_off(const struct riscv_unit *unit)
{
	int status = iommu_riscv_wait64(unit, RISCV_DDTP, RISCV_DDTP_BUSY, 0);

	/* The root stays where it is, ours or a predecessor's: hardware may still walk it. */
	if (status == 0)
		status = write_ddtp(unit, (iommu_unit_is_active(&unit->common.state)
						   ? ddtp_of(unit)
						   : riscv_read64(unit, RISCV_DDTP)) &
						  RISCV_PPN_MASK);
	if (status == 0 && riscv_ddtp_mode(riscv_read64(unit, RISCV_DDTP)) != RISCV_DDTP_OFF)
		status = IOMMU_EIO;
	return status;
}

/* A mode that is read as it should be is written all the same: one read may be wrong. */
int iommu_riscv_leave_off(const struct riscv_unit *unit)
{
	const uint64_t ddtp = riscv_read64(unit, RISCV_DDTP);
	int status;

	if ((ddtp & RISCV_DDTP_BUSY) == 0 && riscv_ddtp_mode(ddtp) <= RISCV_DDTP_BARE) {
		status = write_ddtp(unit, ddtp);
		return status == 0 && riscv_read64(unit, RISCV_DDTP) != ddtp ? IOMMU_EIO : status;
	}
	riscv_log(unit, IOMMU_LOG_WARNING, "was left translating by a predecessor: turned off");
	return iommu_riscv_turn_off(unit);
}

/* From one directory to another leads only the way through "off". */
int iommu_riscv_set_directory(const struct riscv_unit *unit)
{
	const uint64_t wanted = ddtp_of(unit);
	uint64_t now = riscv_read64(unit, RISCV_DDTP);
	int status = 0;

	if (now == wanted)
		return 0;
	if ((now & RISCV_DDTP_BUSY) != 0 || riscv_ddtp_mode(now) > RISCV_DDTP_BARE)
		status = iommu_riscv_turn_off(unit);
	if (status == 0)
		status = write_ddtp(unit, wanted);
	if (status != 0)
		return status;
	now = riscv_read64(unit, RISCV_DDTP);
	if (now == wanted)
		return 0;
	if (now == UINT64_MAX)
		return IOMMU_EIO;
	/* It kept something else: of a mode that it has not, or an address. */
	status = iommu_riscv_turn_off(unit);
	return status != 0 ? status : IOMMU_EOPNOTSUPP;
}

bool iommu_riscv_has_directory(const struct riscv_unit *unit)
{
	return iommu_unit_is_active(&unit->common.state) &&
	       riscv_read64(unit, RISCV_DDTP) == ddtp_of(unit);
}

/* What it was told last may not have taken effect: it goes by what it was told before. */
bool iommu_riscv_translates(const struct riscv_unit *unit)
{
	const uint64_t ddtp = riscv_read64(unit, RISCV_DDTP);
	const bool is_busy = ddtp != UINT64_MAX && (ddtp & RISCV_DDTP_BUSY) != 0;

	return iommu_unit_is_active(&unit->common.state) && (is_busy || ddtp == ddtp_of(unit));
}
