/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of one endpoint's requests, in either mode. */
#ifndef IOMMU_VTD_TRANSLATION_H
#define IOMMU_VTD_TRANSLATION_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_scalable.h>

struct vtd_endpoint;

struct vtd_translation {
	enum vtd_pasid_type type;
	uint16_t domain_id;
	bool keeps;  /* legacy mode: the device may keep translations */
	bool dirty;  /* the second stage notes accesses and writes */
	bool snoops; /* every access does */
	iommu_paddr_t second_table, first_table;
	unsigned int second_levels, first_levels;
	uint64_t first_flags;
};

/*
 * Have the requests of an endpoint with a PASID, or with none (0), translated so, or not at all
 * (NULL). On failure it is as before, except that what was to be blocked stays blocked.
 */
int iommu_vtd_translation_set(struct vtd_endpoint *endpoint, uint32_t pasid,
			      const struct vtd_translation *translation);
/*
 * What was taken away, without confirmation, is said again: hardware may not have forgotten it
 * anyway. A TLB of the device is not used before it was emptied.
 */
void iommu_vtd_translation_put_back(struct vtd_endpoint *endpoint, uint32_t pasid,
				    const struct vtd_translation *translation);
/* Switch the noting of writes of what is translated so. Scalable mode. */
int iommu_vtd_translation_set_dirty(struct vtd_endpoint *endpoint, uint32_t pasid, bool dirty);

#endif
