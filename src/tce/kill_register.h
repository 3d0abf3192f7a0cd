/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kill register of POWER8's bridges, which invalidates their TCE caches: see
 * <libiommu/hw/tve.h>.
 *
 * A bridge that is written to while it executes a kill loses one of the two, and a kill is not done
 * when its write arrives. So the register must read as idle before each write, and after the last
 * one before anything relies on it. No public document states this for PHB3, but one does for PHB4;
 * if the bits always read as zero the check costs one read. QEMU's PHB3 keeps what was written:
 * `is_silent`.
 *
 * Locking: a spinlock for one check with one write; none while the bridge is waited for.
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
