/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host is told: that the guest has invalidated, set or switched something. The model's own
 * caches and registers are as they are to be when a notice is posted; what the guest waits for
 * comes when the host has been told (vtd_work.c, without the lock). So whatever the host looks up
 * when it is told is new, and whatever a device does after the guest has seen completion is, too.
 */
#include "model/vtd.h"

static bool wants_to_know(const struct iommu_model_vtd_host *host,
			  const struct iommu_model_invalidation *what)
{
	return host->invalidate != NULL || (what->type == IOMMU_MODEL_INVALIDATE_DEVICE_TLB &&
					    host->invalidate_device_tlb != NULL);
}

bool iommu_model_notify(struct iommu_model_vtd *model, enum model_notice_place place,
			const struct iommu_model_invalidation *what)
{
	iommu_model_give_up_notice(model, place);
	if (!wants_to_know(&model->config.host, what))
		return false;
	model->notices[place].what = *what;
	model->notices_open |= 1U << place;
	model->notices_wanted |= 1U << place;
	return true;
}

void iommu_model_give_up_notice(struct iommu_model_vtd *model, enum model_notice_place place)
{
	model->notices[place].serial++;
	model->notices_open &= ~(1U << place);
	model->notices_wanted &= ~(1U << place);
}

static bool ask_device(const struct iommu_model_vtd_host *host,
		       const struct iommu_model_invalidation *what)
{
	const struct iommu_model_device_tlb forget = {
		.source_id = what->source_id,
		.has_pasid = what->has_pasid,
		.all_pasids = what->all_pasids,
		.pasid = what->pasid,
		.address = what->address,
		.size = what->size,
	};

	return host->invalidate_device_tlb == NULL ||
	       host->invalidate_device_tlb(host->ctx, &forget);
}

bool iommu_model_tell_notice(const struct iommu_model_vtd_host *host,
			     const struct iommu_model_invalidation *what)
{
	const bool is_device_tlb = what->type == IOMMU_MODEL_INVALIDATE_DEVICE_TLB;
	const bool answered = host->invalidate == NULL || host->invalidate(host->ctx, what);

	return !is_device_tlb || (ask_device(host, what) && answered);
}
