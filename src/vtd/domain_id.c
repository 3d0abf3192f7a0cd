/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain ids of a unit: a bitmap of those that are taken. An id that was given back may still tag
 * something in the unit's caches, when the invalidation was not confirmed: no entry is made present
 * with it before that is (iommu_vtd_confirm). Control path.
 */
#include "vtd/vtd.h"

static uint64_t id_bit(uint32_t id)
{
	return 1ULL << id % 64;
}

uint16_t iommu_vtd_domain_id_alloc(struct vtd_unit *unit)
{
	uint32_t id;

	/* Id 0 tags not-present entries in caching mode and is never given away. */
	for (id = 1; id < unit->caps.domains; id++) {
		if (id % 64 == 0 && unit->domain_ids[id / 64] == UINT64_MAX) {
			id += 63;
			continue;
		}
		if ((unit->domain_ids[id / 64] & id_bit(id)) == 0) {
			unit->domain_ids[id / 64] |= id_bit(id);
			return (uint16_t)id;
		}
	}
	return 0;
}

void iommu_vtd_domain_id_take(struct vtd_unit *unit, uint16_t id)
{
	unit->domain_ids[id / 64] |= id_bit(id);
}

void iommu_vtd_domain_id_free(struct vtd_unit *unit, uint16_t id)
{
	unit->domain_ids[id / 64] &= ~id_bit(id);
}
