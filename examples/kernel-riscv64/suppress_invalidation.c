/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The negative control: linked with --wrap, these functions replace the library's invalidation, and
 * do nothing. The scenario must notice.
 */
#include "riscv/command.h"
#include "riscv/unit.h"

int __wrap_iommu_riscv_invalidate(struct riscv_unit *unit, struct iommu_batch *batch);
int __wrap_iommu_riscv_tell_place(struct iommu_placed *domain, const struct iommu_place *place,
				  uint16_t id, const struct iommu_change *change);
int __wrap_iommu_riscv_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
				 const struct iommu_change *change);

int __wrap_iommu_riscv_invalidate(struct riscv_unit *unit, struct iommu_batch *batch)
{
	(void)unit;
	(void)batch;
	return 0;
}

int __wrap_iommu_riscv_tell_place(struct iommu_placed *domain, const struct iommu_place *place,
				  uint16_t id, const struct iommu_change *change)
{
	(void)domain;
	(void)place;
	(void)id;
	(void)change;
	return 0;
}

int __wrap_iommu_riscv_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
				 const struct iommu_change *change)
{
	(void)domain;
	(void)place;
	(void)change;
	return 0;
}
