/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Features that are enabled in devices, in the order that the PCI Express specification requires:
 * the use of PASIDs must not change while ATS is enabled ("PASID Control Register"), and page
 * requests are for translations that ATS has requested ("Page Request Services").
 */
#include <libiommu/endpoint.h>
#include <libiommu/status.h>

#include "group/group.h"

#define refuse(endpoint, status, text)                                                             \
	IOMMU_REFUSE((endpoint)->iommu, (endpoint)->name, status, text)
#define ORDER                                                                                      \
	"out of order: PASIDs, ATS, page requests, and back; or PASIDs are attached, or page "     \
	"requests wait"

static bool is_feature(enum iommu_feature feature)
{
	return feature == IOMMU_FEATURE_PASID || feature == IOMMU_FEATURE_ATS ||
	       feature == IOMMU_FEATURE_PAGE_REQUESTS;
}

static int set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature, bool enable)
{
	const struct iommu_ops *ops = endpoint->unit->ops;

	if (ops->set_feature != NULL)
		return ops->set_feature(endpoint, feature, enable);
	return feature == IOMMU_FEATURE_ATS
		       ? 0
		       : refuse(endpoint, IOMMU_EOPNOTSUPP, "its back end has no such feature");
}

/* Translated requests are believed, and page requests are for those that ATS asked for. */
static bool needs_trust(enum iommu_feature feature)
{
	return feature == IOMMU_FEATURE_ATS || feature == IOMMU_FEATURE_PAGE_REQUESTS;
}

static bool has_feature(const struct iommu_endpoint *endpoint, enum iommu_feature feature)
{
	switch (feature) {
	case IOMMU_FEATURE_PASID:
		return endpoint->info.max_pasids > 1;
	case IOMMU_FEATURE_ATS:
		return endpoint->uses_device_tlb;
	case IOMMU_FEATURE_PAGE_REQUESTS:
		return endpoint->info.page_requests != 0 &&
		       endpoint->unit->ops->page_response != NULL;
	default:
		return false;
	}
}

/* Those that must not be on when this one is switched, and those that must. */
static bool is_in_order(const struct iommu_endpoint *endpoint, enum iommu_feature feature,
			bool enable)
{
	const unsigned int on = endpoint->features;

	switch (feature) {
	case IOMMU_FEATURE_PASID:
		return (on & IOMMU_FEATURE_ATS) == 0 &&
		       (enable || iommu_list_is_empty(&endpoint->group->pasids));
	case IOMMU_FEATURE_ATS:
		return enable || (on & IOMMU_FEATURE_PAGE_REQUESTS) == 0;
	case IOMMU_FEATURE_PAGE_REQUESTS:
		return enable ? (on & IOMMU_FEATURE_ATS) != 0 : !iommu_page_requests_wait(endpoint);
	default:
		return false;
	}
}

static int enable(struct iommu_endpoint *endpoint, enum iommu_feature feature)
{
	int status = 0;

	if (!is_feature(feature))
		return refuse(endpoint, IOMMU_EINVAL, "no such feature");
	if (iommu_endpoint_is_released(endpoint))
		return refuse(endpoint, IOMMU_ENODEV, "it was released");
	if ((endpoint->features & feature) != 0)
		return 0;
	if (endpoint->info.untrusted && needs_trust(feature))
		return refuse(
			endpoint, IOMMU_EPERM,
			"it is untrusted, and what it says of translations would be believed");
	if (!has_feature(endpoint, feature))
		return refuse(endpoint, IOMMU_EOPNOTSUPP,
			      "the device, its unit or firmware does not have the feature");
	if (!is_in_order(endpoint, feature, true))
		return refuse(endpoint, IOMMU_EBUSY, ORDER);
	if (feature == IOMMU_FEATURE_PAGE_REQUESTS)
		status = iommu_page_requests_create(endpoint);
	if (status != 0)
		return status;
	status = set_feature(endpoint, feature, true);
	if (status == 0)
		endpoint->features |= feature;
	else if (feature == IOMMU_FEATURE_PAGE_REQUESTS)
		iommu_page_requests_destroy(endpoint);
	return status;
}

static int disable(struct iommu_endpoint *endpoint, enum iommu_feature feature)
{
	int status;

	if (!is_feature(feature))
		return refuse(endpoint, IOMMU_EINVAL, "no such feature");
	if ((endpoint->features & feature) == 0)
		return 0;
	if (!is_in_order(endpoint, feature, false))
		return refuse(endpoint, IOMMU_EBUSY, ORDER);
	/* It is off in the device; what the device has sent may not be confirmed to have come. */
	status = set_feature(endpoint, feature, false);
	/* What was attached with PASIDs may be gone, and not confirmed. */
	if (status == 0 && !iommu_endpoint_is_released(endpoint))
		status = iommu_unit_confirm(endpoint->unit);
	if (status != 0)
		return status;
	endpoint->features &= ~(unsigned int)feature;
	if (feature == IOMMU_FEATURE_PAGE_REQUESTS)
		iommu_page_requests_destroy(endpoint);
	return 0;
}

int iommu_endpoint_enable_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = enable(endpoint, feature);
	return iommu_control_end_for(endpoint->iommu, IOMMU_CALL, endpoint->name, status);
}

int iommu_endpoint_disable_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = disable(endpoint, feature);
	return iommu_control_end_for(endpoint->iommu, IOMMU_CALL, endpoint->name, status);
}

unsigned int iommu_endpoint_features(const struct iommu_endpoint *endpoint)
{
	return endpoint->features;
}

void iommu_features_off(struct iommu_endpoint *endpoint)
{
	static const enum iommu_feature order[] = {IOMMU_FEATURE_PAGE_REQUESTS, IOMMU_FEATURE_ATS,
						   IOMMU_FEATURE_PASID};
	unsigned int i;

	if (endpoint->page_requests != NULL)
		iommu_page_requests_destroy(endpoint);
	for (i = 0; i < 3; i++) {
		if ((endpoint->features & order[i]) != 0)
			(void)set_feature(endpoint, order[i], false);
		endpoint->features &= ~(unsigned int)order[i];
	}
}

bool iommu_capable(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	const struct iommu_ops *ops;

	if (iommu_endpoint_is_released(endpoint))
		return false;
	ops = endpoint->unit->ops;
	return ops->capable != NULL && ops->capable(endpoint, capability);
}
