/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Withheld addresses (src/dma/withheld.c): CPUs whose unmaps were not confirmed withhold a range
 * each, while others have everything invalidated and give back what is older. A range is given back
 * once, and when hardware keeps nothing of it.
 */
#include <string.h>

#include "dma/dma.h"
#include "explorer.h"
#include "unit/confirmation.h"

#define RANGES 3U

static struct iommu_dma dma;
static struct iommu_domain domain;
static bool keeps[RANGES];
static unsigned int given_back[RANGES];

static int flush_all(struct iommu_domain *of)
{
	unsigned int i;

	(void)of;
	for (i = 0; i < RANGES; i++)
		__atomic_store_n(&keeps[i], false, __ATOMIC_SEQ_CST);
	return 0;
}

void iommu_iova_cache_free_size(struct iommu_iova_cache *cache, uint64_t first, uint64_t size)
{
	(void)cache;
	MUST(first < RANGES && size == 1 && !keeps[first]);
	MUST(__atomic_fetch_add(&given_back[first], 1, __ATOMIC_SEQ_CST) == 0);
}

static const struct iommu_domain_ops ops = {.flush_all = flush_all};

static void setup(void)
{
	memset(&dma, 0, sizeof(dma));
	memset(&domain, 0, sizeof(domain));
	memset(keeps, 0, sizeof(keeps));
	memset(given_back, 0, sizeof(given_back));
	domain.ops = &ops;
	dma.platform = &explore_host;
	dma.domain = &domain;
	/* Serial numbers wrap. */
	dma.serial = UINT32_MAX;
}

static void fail_to_unmap(unsigned int range)
{
	const struct dma_hanging nothing = {NULL};

	__atomic_store_n(&keeps[range], true, __ATOMIC_SEQ_CST);
	iommu_dma_withhold(&dma, range, 1, &nothing);
}

static void one_settles(unsigned int thread)
{
	if (thread < 2)
		fail_to_unmap(thread);
	else
		MUST(iommu_dma_settle_withheld(&dma) == 0);
}

static void two_settle(unsigned int thread)
{
	if (thread == 0) {
		fail_to_unmap(0);
		fail_to_unmap(1);
	} else {
		MUST(iommu_dma_settle_withheld(&dma) == 0);
	}
}

static void check(void)
{
	MUST(iommu_dma_settle_withheld(&dma) == 0);
	MUST(given_back[0] == 1 && given_back[1] == 1 && given_back[2] == 0);
	MUST(dma.withheld_count == 0 && dma.lost == 0);
}

static const struct exploration explorations[] = {
	{"one settles", 3, 3, setup, one_settles, NULL, check, NULL},
	{"two settle", 3, 3, setup, two_settle, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 2);
}
