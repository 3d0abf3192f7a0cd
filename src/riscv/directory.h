/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables that hardware finds contexts by: of devices, and of a device's processes. */
#ifndef IOMMU_RISCV_DIRECTORY_H
#define IOMMU_RISCV_DIRECTORY_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/riscv_process_directory.h>

#include "driver/contexts.h"

struct riscv_unit;

/* The root, for the unit's device ids; and all of it. */
int iommu_riscv_directory_alloc(struct riscv_unit *unit);
void iommu_riscv_directory_free(struct riscv_unit *unit);
/* One level more, above. The unit is off. IOMMU_EOPNOTSUPP: there are no deeper ones. */
int iommu_riscv_directory_grow(struct riscv_unit *unit);
/* The context of a device id, or NULL; and one that is not valid, made where there is none. */
iommu_cell_t *iommu_riscv_context_find(const struct riscv_unit *unit, uint32_t id);
int iommu_riscv_context_create(struct riscv_unit *unit, uint32_t id);

/* --- Processes of a device -------------------------------------------------------------------- */

struct riscv_processes {
	struct iommu_driven_contexts common; /* first */
	unsigned int levels;
};

/* For process ids of so many bits; IOMMU_EOPNOTSUPP: the unit has no process directories. */
int iommu_riscv_processes_alloc(struct riscv_unit *unit, unsigned int bits,
				struct riscv_processes **result);
iommu_cell_t *iommu_riscv_process_find(const struct riscv_processes *processes, uint32_t id);
int iommu_riscv_process_create(struct riscv_processes *processes, uint32_t id);
/* Bits of a process id that the unit can serve; 0: it has no process directories. */
unsigned int iommu_riscv_process_bits(const struct riscv_unit *unit);

#endif
