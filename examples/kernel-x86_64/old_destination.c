/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A negative control: destinations stand where the entry's other format has them, eight bits
 * higher. The scenario must notice that x2APIC entries lead elsewhere.
 */
#include <libiommu/vtd_interrupt.h>

int __real_iommu_vtd_interrupt_set(const struct iommu_vtd_interrupt *interrupt, unsigned int number,
				   const struct iommu_vtd_interrupt_target *target);
int __wrap_iommu_vtd_interrupt_set(const struct iommu_vtd_interrupt *interrupt, unsigned int number,
				   const struct iommu_vtd_interrupt_target *target);

int __wrap_iommu_vtd_interrupt_set(const struct iommu_vtd_interrupt *interrupt, unsigned int number,
				   const struct iommu_vtd_interrupt_target *target)
{
	struct iommu_vtd_interrupt_target moved = *target;

	moved.destination <<= 8;
	return __real_iommu_vtd_interrupt_set(interrupt, number, &moved);
}
