/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers that take effect some time after they are written (IHI 0070, 6.3.9 to 6.3.18): CR0 and
 * IRQ_CTRL show it in another register, GBPA in a bit. None of them is written anew before that. A
 * write that was waited for in vain is waited for again by the next call.
 */
#include <libiommu/backend/deadline.h>
#include <libiommu/status.h>

#include "smmu/unit.h"

/* A CPU that was kept busy elsewhere until the time was over looks once more. */
static int wait_for(const struct smmu_unit *unit, uint32_t offset, uint32_t mask, uint32_t value)
{
	struct iommu_deadline deadline =
		iommu_deadline_in(unit->common.platform, unit->common.timeout_ns);
	bool passed = false;

	for (;;) {
		const uint32_t now = smmu_read32(unit, offset);

		/* No register has all bits set; one that is gone reads so. */
		if (now == UINT32_MAX)
			return IOMMU_EIO;
		if ((now & mask) == value)
			return 0;
		if (passed)
			return IOMMU_ETIMEDOUT;
		passed = iommu_deadline_passed(&deadline);
	}
}

/* The acknowledgement of a register lies behind it. */
static int change(const struct smmu_unit *unit, uint32_t offset, uint32_t known, uint32_t set,
		  uint32_t clear)
{
	const uint32_t now = smmu_read32(unit, offset);
	const uint32_t wanted = (now & known & ~clear) | set;
	int status;

	if (now == UINT32_MAX)
		return IOMMU_EIO;
	status = wait_for(unit, offset + 4, known, now & known);
	if (status != 0 || (now & known) == wanted)
		return status;
	smmu_write32(unit, offset, (now & ~known) | wanted);
	if ((smmu_read32(unit, offset) & known) != wanted)
		return IOMMU_EIO;
	return wait_for(unit, offset + 4, known, wanted);
}

#define CR0_KNOWN                                                                                  \
	(SMMU_CR0_SMMUEN | SMMU_CR0_PRIQEN | SMMU_CR0_EVENTQEN | SMMU_CR0_CMDQEN | SMMU_CR0_ATSCHK)

int iommu_smmu_change_cr0(const struct smmu_unit *unit, uint32_t set, uint32_t clear)
{
	return change(unit, SMMU_CR0, CR0_KNOWN, set, clear);
}

#define IRQ_KNOWN (SMMU_IRQ_GERROR | SMMU_IRQ_PRIQ | SMMU_IRQ_EVENTQ)

int iommu_smmu_change_irq(const struct smmu_unit *unit, uint32_t set, uint32_t clear)
{
	return change(unit, SMMU_IRQ_CTRL, IRQ_KNOWN, set, clear);
}

bool iommu_smmu_is_on(const struct smmu_unit *unit, uint32_t bit)
{
	const uint32_t cr0 = smmu_read32(unit, SMMU_CR0);

	return cr0 != UINT32_MAX && (cr0 & smmu_read32(unit, SMMU_CR0ACK) & bit) != 0;
}

/* --- Off -------------------------------------------------------------------------------------- */

int iommu_smmu_close(const struct smmu_unit *unit)
{
	uint32_t now;
	int status;

	if ((unit->flags & IOMMU_SMMU_PASSES_WHILE_OFF) != 0)
		return 0;
	status = wait_for(unit, SMMU_GBPA, SMMU_GBPA_UPDATE, 0);
	if (status != 0)
		return status;
	now = smmu_read32(unit, SMMU_GBPA);
	if ((now & SMMU_GBPA_ABORT) != 0)
		return 0;
	smmu_write32(unit, SMMU_GBPA, now | SMMU_GBPA_ABORT | SMMU_GBPA_UPDATE);
	status = wait_for(unit, SMMU_GBPA, SMMU_GBPA_UPDATE, 0);
	if (status != 0)
		return status;
	return (smmu_read32(unit, SMMU_GBPA) & SMMU_GBPA_ABORT) != 0 ? 0 : IOMMU_EIO;
}

int iommu_smmu_turn_off(const struct smmu_unit *unit)
{
	const int status = iommu_smmu_close(unit);

	return status != 0 ? status : iommu_smmu_change_cr0(unit, 0, SMMU_CR0_SMMUEN);
}

int iommu_smmu_stop_all(const struct smmu_unit *unit)
{
	const int status = iommu_smmu_change_irq(unit, 0, IRQ_KNOWN);

	return status != 0 ? status : iommu_smmu_change_cr0(unit, 0, CR0_KNOWN);
}

/* --- The stream table ------------------------------------------------------------------------- */

uint64_t iommu_smmu_streams_base(const struct smmu_unit *unit)
{
	return smmu_field_mask(SMMU_STRTAB_BASE_RA) |
	       iommu_virt_to_phys(unit->common.platform, unit->streams);
}

uint32_t iommu_smmu_streams_config(const struct smmu_unit *unit)
{
	return smmu_strtab_cfg(unit->split != 0 ? SMMU_STREAM_TABLE_2_LEVELS
						: SMMU_STREAM_TABLE_LINEAR,
			       unit->common.map.bits, unit->split);
}

static bool are_ours(const struct smmu_unit *unit)
{
	return iommu_unit_is_active(&unit->common.state) &&
	       smmu_address(&(smmu_word_t){smmu_read64(unit, SMMU_STRTAB_BASE)},
			    SMMU_STRTAB_BASE_ADDRESS) ==
		       iommu_virt_to_phys(unit->common.platform, unit->streams) &&
	       smmu_read32(unit, SMMU_STRTAB_BASE_CFG) == iommu_smmu_streams_config(unit);
}

bool iommu_smmu_has_streams(const struct smmu_unit *unit)
{
	return iommu_smmu_is_on(unit, SMMU_CR0_SMMUEN) && are_ours(unit);
}

/* What it was told last may not have taken effect: it goes by what it was told before. */
bool iommu_smmu_translates(const struct smmu_unit *unit)
{
	const uint32_t cr0 = smmu_read32(unit, SMMU_CR0);

	return cr0 != UINT32_MAX &&
	       ((cr0 | smmu_read32(unit, SMMU_CR0ACK)) & SMMU_CR0_SMMUEN) != 0 && are_ours(unit);
}
