/* SPDX-License-Identifier: BSD-2-Clause */
/* Is the host-services table usable? Checked once, so that no path has to check again. */
#include <libiommu/platform.h>
#include <libiommu/status.h>

int iommu_platform_check(const struct iommu_platform *p)
{
	if (p == NULL || p->alloc_pages == NULL || p->free_pages == NULL)
		return IOMMU_EINVAL;
	if ((p->phys_to_virt == NULL) != (p->virt_to_phys == NULL))
		return IOMMU_EINVAL;
	if ((p->map_mmio == NULL) != (p->unmap_mmio == NULL))
		return IOMMU_EINVAL;
	if ((p->mmio_read32 == NULL) != (p->mmio_write32 == NULL) ||
	    (p->mmio_read64 == NULL) != (p->mmio_write64 == NULL) ||
	    (p->mmio_read32 == NULL) != (p->mmio_read64 == NULL))
		return IOMMU_EINVAL;
	if ((p->cpu_id == NULL) != (p->cpu_count == NULL))
		return IOMMU_EINVAL;
	if ((p->mutex_create == NULL) != (p->mutex_destroy == NULL) ||
	    (p->mutex_lock == NULL) != (p->mutex_unlock == NULL) ||
	    (p->mutex_create == NULL) != (p->mutex_lock == NULL))
		return IOMMU_EINVAL;
	if ((p->map_pieces == NULL) != (p->unmap_pieces == NULL))
		return IOMMU_EINVAL;
	if ((p->irq_save == NULL) != (p->irq_restore == NULL))
		return IOMMU_EINVAL;
	return 0;
}
