/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Withheld addresses: those whose invalidation hardware did not confirm.
 *
 * They are recorded with what a device may still reach there, and freed after a later invalidation
 * of the domain is confirmed: it covers them, because a unit that did not confirm one has
 * everything invalidated by the next (see struct iommu_domain_ops). The room is allocated at
 * creation, because nothing may have to be allocated at such a moment.
 *
 * When half of it is used no call begins that might need some, but first tries to have hardware
 * confirm, and fails with nothing changed if it does not. The other half is for calls that were in
 * progress already; if there are more of them, addresses and memory are lost, and counted, but
 * never reused.
 */
#include "dma/dma.h"
#include "unit/confirmation.h"

void iommu_dma_withhold(struct iommu_dma *dma, uint64_t first, uint64_t pages,
			const struct dma_hanging *hanging)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	const unsigned int count = dma->withheld_count;

	if (count < DMA_WITHHELD_MAX) {
		dma->withheld[count] = (struct dma_withheld){
			.first = first,
			.pages = pages,
			.serial = dma->serial + 1,
			.hanging = *hanging,
		};
		__atomic_store_n(&dma->withheld_count, count + 1, __ATOMIC_RELEASE);
		__atomic_store_n(&dma->serial, dma->serial + 1, __ATOMIC_RELEASE);
	} else {
		dma->lost++;
	}
	iommu_spin_unlock(dma->platform, &dma->lock, state);
}

/* Take the oldest one, if it is not newer than `serial`. */
static bool withheld_take(struct iommu_dma *dma, uint32_t serial, struct dma_withheld *range)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	const bool found =
		dma->withheld_count != 0 && (int32_t)(serial - dma->withheld[0].serial) >= 0;
	unsigned int i;

	if (found) {
		*range = dma->withheld[0];
		for (i = 1; i < dma->withheld_count; i++)
			dma->withheld[i - 1] = dma->withheld[i];
		__atomic_store_n(&dma->withheld_count, dma->withheld_count - 1, __ATOMIC_RELEASE);
	}
	iommu_spin_unlock(dma->platform, &dma->lock, state);
	return found;
}

int iommu_dma_find_room(struct iommu_dma *dma)
{
	return iommu_dma_settle_withheld(dma) == 0 ? 0 : IOMMU_EAGAIN;
}

void iommu_dma_give_withheld(struct iommu_dma *dma, uint32_t serial)
{
	struct dma_withheld range;

	while (withheld_take(dma, serial, &range)) {
		dma_release(dma, &range.hanging);
		iommu_iova_cache_free_size(dma->cache, range.first, range.pages);
	}
}

/* What is withheld; or what was not confirmed and has no place here: a part of a window, say. */
static bool is_anything_open(const struct iommu_dma *dma)
{
	if (dma_is_direct(dma))
		return false;
	return __atomic_load_n(&dma->withheld_count, __ATOMIC_ACQUIRE) != 0 ||
	       iommu_confirmation_is_open(&dma->domain->confirmation);
}

int iommu_dma_settle_withheld(struct iommu_dma *dma)
{
	const uint32_t serial = __atomic_load_n(&dma->serial, __ATOMIC_ACQUIRE);
	int status;

	if (!is_anything_open(dma))
		return 0;
	status = iommu_domain_flush(dma->domain);
	if (status == 0)
		iommu_dma_give_withheld(dma, serial);
	return status;
}
