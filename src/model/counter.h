/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What requests of devices are counted in: those of two devices, as a rule, in different cache
 * lines.
 */
#ifndef IOMMU_MODEL_COUNTER_H
#define IOMMU_MODEL_COUNTER_H

#include "base/atomic.h"
#include "model/cache.h"

/* A page of them. */
#define MODEL_COUNTERS (IOMMU_PAGE_SIZE / sizeof(struct model_counter))

struct model_counter {
	iommu_cell_t requests, walks;
	unsigned char apart[MODEL_CACHE_LINE - 2 * sizeof(iommu_cell_t)];
};

static inline struct model_counter *model_counter_of(struct model_counter *counters,
						     uint16_t source_id)
{
	return &counters[(source_id * 0x9e3779b1U >> 16) & (MODEL_COUNTERS - 1)];
}

static inline void model_count_up(iommu_cell_t *counter)
{
	(void)iommu_cell_add(counter, 1);
}

static inline void model_counters_sum(const struct model_counter *counters, uint64_t *requests,
				      uint64_t *walks)
{
	size_t i;

	for (i = 0; i < MODEL_COUNTERS; i++) {
		*requests += iommu_cell_load(&counters[i].requests);
		*walks += iommu_cell_load(&counters[i].walks);
	}
}

#endif
