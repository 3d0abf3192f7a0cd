/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Check of the host services, once, so that no other path has to check. And the one copy of a
 * spinlock's functions, which are made of these services, where size counts.
 */
#define IOMMU_SPINLOCK_BODY
#include <libiommu/platform.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/spinlock.h"

typedef void (*service)(void);

/* The number of a service in the table, all of whose members from `ctx` on are of one size. */
#define NUMBER_OF(member) (offsetof(struct iommu_platform, member) / sizeof(service))

/* Services that go together. */
struct pair {
	uint8_t numbers[2];
#if IOMMU_CONFIG_REASONS
	const char *defect;
#endif
};

#if IOMMU_CONFIG_REASONS
#define PAIR(one, other, text)                                                                     \
	{                                                                                          \
		{NUMBER_OF(one), NUMBER_OF(other)}, "the platform has only " text                  \
	}
#define DEFECT_OF(number) (pairs[number].defect)
#else
#define PAIR(one, other, text)                                                                     \
	{                                                                                          \
		{                                                                                  \
			NUMBER_OF(one), NUMBER_OF(other)                                           \
		}                                                                                  \
	}
#define DEFECT_OF(number) ""
#endif

#define MMIO   "some of mmio_read32, mmio_read64, mmio_write32 and mmio_write64"
#define MUTEX  "some of mutex_create, mutex_destroy, mutex_lock and mutex_unlock"
#define CACHES "some of cache_write_back, cache_invalidate and cache_line_size"

static const struct pair pairs[] = {
	PAIR(phys_to_virt, virt_to_phys, "one of phys_to_virt and virt_to_phys"),
	PAIR(map_mmio, unmap_mmio, "one of map_mmio and unmap_mmio"),
	PAIR(mmio_read32, mmio_write32, MMIO),
	PAIR(mmio_read64, mmio_write64, MMIO),
	PAIR(mmio_read32, mmio_read64, MMIO),
	PAIR(cpu_id, cpu_count, "one of cpu_id and cpu_count"),
	PAIR(mutex_create, mutex_destroy, MUTEX),
	PAIR(mutex_lock, mutex_unlock, MUTEX),
	PAIR(mutex_create, mutex_lock, MUTEX),
	PAIR(map_pieces, unmap_pieces, "one of map_pieces and unmap_pieces"),
	PAIR(irq_save, irq_restore, "one of irq_save and irq_restore"),
#if IOMMU_CONFIG_DMA_NONCOHERENT
	PAIR(cache_write_back, cache_invalidate, CACHES),
	PAIR(cache_write_back, cache_line_size, CACHES),
	PAIR(map_uncached, unmap_uncached, "one of map_uncached and unmap_uncached"),
#endif
#if IOMMU_CONFIG_ENCRYPTION
	PAIR(alloc_shared, free_shared, "one of alloc_shared and free_shared"),
#endif
};

static bool is_given(const struct iommu_platform *p, unsigned int number)
{
	service given;

	memcpy(&given, (const unsigned char *)p + number * sizeof(given), sizeof(given));
	return given != NULL;
}

const char *iommu_platform_defect(const struct iommu_platform *p)
{
	unsigned int i;

	if (p == NULL)
		return IOMMU_WHY("there is no platform");
	if (p->alloc_pages == NULL || p->free_pages == NULL)
		return IOMMU_WHY("the platform has no alloc_pages or no free_pages");
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (is_given(p, pairs[i].numbers[0]) != is_given(p, pairs[i].numbers[1]))
			return DEFECT_OF(i);
#if IOMMU_CONFIG_DMA_NONCOHERENT
	if ((p->cache_line_size & (p->cache_line_size - 1)) != 0 ||
	    p->cache_line_size > IOMMU_PAGE_SIZE)
		return IOMMU_WHY("the size of a cache line is no power of two up to 4 KiB");
#endif
	return NULL;
}

int iommu_platform_check(const struct iommu_platform *platform)
{
	return iommu_refuse_defect(platform, IOMMU_CALL, iommu_platform_defect(platform));
}
