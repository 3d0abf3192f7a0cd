/* SPDX-License-Identifier: BSD-2-Clause */
/* Is the host-services table usable? Checked once, so that no path has to check again. */
#include <libiommu/platform.h>
#include <libiommu/status.h>

#include "base/log.h"

const char *iommu_platform_defect(const struct iommu_platform *p)
{
	if (p == NULL)
		return IOMMU_WHY("there is no platform");
	if (p->alloc_pages == NULL || p->free_pages == NULL)
		return IOMMU_WHY("the platform has no alloc_pages or no free_pages");
	if ((p->phys_to_virt == NULL) != (p->virt_to_phys == NULL))
		return IOMMU_WHY("the platform has only one of phys_to_virt and virt_to_phys");
	if ((p->map_mmio == NULL) != (p->unmap_mmio == NULL))
		return IOMMU_WHY("the platform has only one of map_mmio and unmap_mmio");
	if ((p->mmio_read32 == NULL) != (p->mmio_write32 == NULL) ||
	    (p->mmio_read64 == NULL) != (p->mmio_write64 == NULL) ||
	    (p->mmio_read32 == NULL) != (p->mmio_read64 == NULL))
		return IOMMU_WHY("the platform has only some of mmio_read and mmio_write");
	if ((p->cpu_id == NULL) != (p->cpu_count == NULL))
		return IOMMU_WHY("the platform has only one of cpu_id and cpu_count");
	if ((p->mutex_create == NULL) != (p->mutex_destroy == NULL) ||
	    (p->mutex_lock == NULL) != (p->mutex_unlock == NULL) ||
	    (p->mutex_create == NULL) != (p->mutex_lock == NULL))
		return IOMMU_WHY("the platform has only some of the four mutex functions");
	if ((p->map_pieces == NULL) != (p->unmap_pieces == NULL))
		return IOMMU_WHY("the platform has only one of map_pieces and unmap_pieces");
	if ((p->irq_save == NULL) != (p->irq_restore == NULL))
		return IOMMU_WHY("the platform has only one of irq_save and irq_restore");
	return NULL;
}

int iommu_platform_check(const struct iommu_platform *platform)
{
	return iommu_refuse_defect(platform, IOMMU_CALL, iommu_platform_defect(platform));
}
