/* SPDX-License-Identifier: BSD-2-Clause */
/* How the requests of an endpoint are translated: written to entries of the unit's mode. */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "unit/confirmation.h"
#include "vtd/context.h"
#include "vtd/endpoint.h"
#include "vtd/pasid.h"
#include "vtd/unit.h"

/* Legacy mode: the context entry says it, and there are no PASIDs. */
static uint64_t low_of(const struct vtd_translation *translation)
{
	enum vtd_translation_type type = VTD_PASS_THROUGH;

	if (translation->type == VTD_PASID_SECOND_STAGE)
		type = translation->keeps ? VTD_TRANSLATE_ALL : VTD_TRANSLATE_UNTRANSLATED;
	return vtd_context_low(translation->second_table, type);
}

static uint64_t high_of(const struct vtd_translation *translation)
{
	return vtd_context_high(translation->second_levels, translation->domain_id);
}

static int set_legacy(struct vtd_endpoint *endpoint, const struct vtd_translation *translation)
{
	if (translation == NULL)
		return iommu_vtd_context_write(endpoint, 0, 0);
	return iommu_vtd_context_write(endpoint, low_of(translation), high_of(translation));
}

int iommu_vtd_translation_set(struct vtd_endpoint *endpoint, uint32_t pasid,
			      const struct vtd_translation *translation)
{
	if (vtd_is_scalable(endpoint->unit))
		return iommu_vtd_pasid_write(endpoint, pasid, translation);
	return pasid == 0
		       ? set_legacy(endpoint, translation)
		       : VTD_REFUSE_ENDPOINT(endpoint, IOMMU_EOPNOTSUPP,
					     "its unit is in legacy mode, which knows no PASIDs");
}

void iommu_vtd_translation_put_back(struct vtd_endpoint *endpoint, uint32_t pasid,
				    const struct vtd_translation *translation)
{
	if (vtd_is_scalable(endpoint->unit))
		iommu_vtd_pasid_put_back(endpoint, pasid, translation);
	else
		iommu_vtd_context_put_back(endpoint, low_of(translation), high_of(translation));
	/* In caching mode the unit may remember that there was nothing. */
	iommu_unit_note_failure(&endpoint->unit->state);
}
