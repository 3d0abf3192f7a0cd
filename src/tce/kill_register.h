/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register by which POWER8's bridges are told to forget: see <libiommu/hw/tve.h>.
 *
 * A bridge that is told while it is at it loses one of the two, and what it was told is not done
 * when the write arrives. So the register has to read as idle before each write, and after the last
 * one before anything relies on it. That PHB3 shows this is stated nowhere in public, PHB4's rule
 * is; where these bits read as zero at once, looking costs one read. QEMU's PHB3 keeps what was
 * written: `is_silent`.
 *
 * Locking: a spinlock for looking and writing in one; none while the bridge is waited for.
 */
#ifndef IOMMU_TCE_KILL_REGISTER_H
#define IOMMU_TCE_KILL_REGISTER_H

#include <libiommu/tce_table.h>

/* Pages of `told->pe`, all of it, or everything of the bridge: 0 or IOMMU_ETIMEDOUT. */
int iommu_tce_forget_pages(const struct iommu_tce_register *told, uint64_t address,
			   uint64_t page_size, uint64_t pages);
int iommu_tce_forget_pe(const struct iommu_tce_register *told);
int iommu_tce_forget_all(const struct iommu_tce_register *told);

#endif
