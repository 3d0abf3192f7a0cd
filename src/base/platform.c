/* SPDX-License-Identifier: BSD-2-Clause */
/* Is the host-services table usable? Checked once, so that no path has to check again. */
#include <libiommu/platform.h>
#include <libiommu/status.h>

#include "base/memory.h"

typedef void (*service)(void);

/* The number of a service in the table, all of whose members from `ctx` on are of one size. */
#define NUMBER_OF(member) (offsetof(struct iommu_platform, member) / sizeof(service))

/* Services that go together. */
static const uint8_t pairs[][2] = {
	{NUMBER_OF(phys_to_virt), NUMBER_OF(virt_to_phys)},
	{NUMBER_OF(map_mmio), NUMBER_OF(unmap_mmio)},
	{NUMBER_OF(mmio_read32), NUMBER_OF(mmio_write32)},
	{NUMBER_OF(mmio_read64), NUMBER_OF(mmio_write64)},
	{NUMBER_OF(mmio_read32), NUMBER_OF(mmio_read64)},
	{NUMBER_OF(cpu_id), NUMBER_OF(cpu_count)},
	{NUMBER_OF(mutex_create), NUMBER_OF(mutex_destroy)},
	{NUMBER_OF(mutex_lock), NUMBER_OF(mutex_unlock)},
	{NUMBER_OF(mutex_create), NUMBER_OF(mutex_lock)},
	{NUMBER_OF(map_pieces), NUMBER_OF(unmap_pieces)},
	{NUMBER_OF(irq_save), NUMBER_OF(irq_restore)},
};

static bool is_given(const struct iommu_platform *p, unsigned int number)
{
	service given;

	memcpy(&given, (const unsigned char *)p + number * sizeof(given), sizeof(given));
	return given != NULL;
}

int iommu_platform_check(const struct iommu_platform *p)
{
	unsigned int i;

	if (p == NULL || p->alloc_pages == NULL || p->free_pages == NULL)
		return IOMMU_EINVAL;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (is_given(p, pairs[i][0]) != is_given(p, pairs[i][1]))
			return IOMMU_EINVAL;
	return 0;
}
