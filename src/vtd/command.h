/* SPDX-License-Identifier: BSD-2-Clause */
/* The global command register, and waiting for registers. */
#ifndef IOMMU_VTD_COMMAND_H
#define IOMMU_VTD_COMMAND_H

#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

struct vtd_unit;

/* Wait until (register & mask) == value; IOMMU_ETIMEDOUT. */
int iommu_vtd_wait32(struct vtd_unit *unit, uint32_t offset, uint32_t mask, uint32_t value);
int iommu_vtd_wait64(struct vtd_unit *unit, uint32_t offset, uint64_t mask, uint64_t value);

/* Set or clear one lasting bit (TE, QIE, …) and wait until the status says so. */
int iommu_vtd_command_set(struct vtd_unit *unit, uint32_t bit);
int iommu_vtd_command_clear(struct vtd_unit *unit, uint32_t bit);
/* Give a one-shot command (SRTP, WBF) and wait for its completion. */
int iommu_vtd_command_once(struct vtd_unit *unit, uint32_t bit);
/* Was a command for this bit waited for in vain? */
bool iommu_vtd_command_hangs(const struct vtd_unit *unit, uint32_t bit);
/* What timed out is known not to be under way: hardware has ignored it. */
void iommu_vtd_command_cancel(struct vtd_unit *unit, uint32_t bit);
/* The unit was reset: no command is under way. */
void iommu_vtd_command_forget(struct vtd_unit *unit);
/* The write-buffer flush, on units that need one. */
int iommu_vtd_flush_write_buffer(struct vtd_unit *unit);

#endif
