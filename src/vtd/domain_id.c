/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain ids of a unit: a bitmap of those that are taken, and one of those that wait until hardware
 * has confirmed that it forgot what they tag. Control path.
 */
#include "vtd/vtd.h"

static uint64_t id_bit(uint32_t id)
{
	return 1ULL << id % 64;
}

/* Ids that waited for a global invalidation become free once the unit is no longer suspect. */
static void reclaim_retired_ids(struct vtd_unit *unit)
{
	uint32_t word;

	if (vtd_unit_is_suspect(unit))
		return;
	for (word = 0; word < (unit->caps.domains + 63) / 64; word++) {
		unit->domain_ids[word] &= ~unit->retired_ids[word];
		unit->retired_ids[word] = 0;
	}
}

uint16_t iommu_vtd_domain_id_alloc(struct vtd_unit *unit)
{
	uint32_t id;

	reclaim_retired_ids(unit);
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
	if (vtd_unit_is_suspect(unit))
		unit->retired_ids[id / 64] |= id_bit(id);
	else
		unit->domain_ids[id / 64] &= ~id_bit(id);
}
