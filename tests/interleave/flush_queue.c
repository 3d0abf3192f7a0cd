/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lazy invalidation (src/dma/flush_queue.c): CPUs unmap, into a ring of each or one that they
 * share, while another flushes, and one invalidation may fail. A range goes back to the cache once,
 * and when hardware keeps nothing of it.
 */
#include <string.h>

#include <libiommu/backend/ops.h>
#include <libiommu/dma.h>

#include "explorer.h"

#define PAGES 4U

/* The entries; what hardware keeps of them; how often the range was given back. */
static bool is_present[PAGES], keeps[PAGES];
static unsigned int given_back[PAGES];
static bool may_fail;
static struct iommu_domain domain;
static struct iommu_flush_queue *queue;

/* --- Hardware, and the cache of addresses ----------------------------------------------------- */

static int unmap_pages(struct iommu_domain *of, iommu_iova_t iova, uint64_t size,
		       unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	(void)of;
	(void)flags;
	MUST(size == IOMMU_PAGE_SIZE && is_present[iova / size]);
	__atomic_store_n(&is_present[iova / size], false, __ATOMIC_SEQ_CST);
	iommu_gather_add(gather, iova, iova + (size - 1), size);
	*unmapped = size;
	return 0;
}

static int flush_all(struct iommu_domain *of)
{
	unsigned int i;

	(void)of;
	if (may_fail && explore_choose(2) != 0) {
		may_fail = false;
		return IOMMU_ETIMEDOUT;
	}
	/* What is present it may read again at once. */
	for (i = 0; i < PAGES; i++)
		if (!__atomic_load_n(&is_present[i], __ATOMIC_SEQ_CST))
			keeps[i] = false;
	return 0;
}

static int sync_all(struct iommu_domain *of, struct iommu_gather *gather)
{
	iommu_gather_init(gather);
	return flush_all(of);
}

static void free_gathered(struct iommu_domain *of, struct iommu_gather *gather)
{
	(void)of;
	(void)gather;
}

void iommu_iova_cache_free_size(struct iommu_iova_cache *cache, uint64_t first, uint64_t size)
{
	(void)cache;
	MUST(size == 1 && first < PAGES);
	MUST(!is_present[first] && !keeps[first]);
	MUST(__atomic_fetch_add(&given_back[first], 1, __ATOMIC_SEQ_CST) == 0);
}

/* --- The scenario ----------------------------------------------------------------------------- */

static const struct iommu_domain_ops domain_ops = {.unmap_pages = unmap_pages,
						   .flush_all = flush_all,
						   .sync = sync_all,
						   .free_gathered = free_gathered};

static void setup_ring(unsigned int entries, unsigned int flags, bool fails)
{
	const struct iommu_flush_queue_config config = {
		.platform = &explore_host,
		.domain = &domain,
		.granule = IOMMU_PAGE_SIZE,
		.entries = entries,
		.flags = flags,
	};

	memset(&domain, 0, sizeof(domain));
	domain.ops = &domain_ops;
	memset(is_present, true, sizeof(is_present));
	memset(keeps, true, sizeof(keeps));
	memset(given_back, 0, sizeof(given_back));
	may_fail = fails;
	MUST(iommu_flush_queue_create(&config, &queue) == 0);
}

static void setup(void)
{
	setup_ring(8, 0, false);
}

static void setup_failing(void)
{
	setup_ring(8, 0, true);
}

static void setup_shared(void)
{
	setup_ring(8, IOMMU_FLUSH_QUEUE_SINGLE, false);
}

/* A ring of two entries, one of which is taken. */
static void setup_full(void)
{
	setup_ring(2, IOMMU_FLUSH_QUEUE_SINGLE, false);
	MUST(iommu_flush_queue_unmap(queue, PAGES - 1, 0) == 0);
}

static void run(unsigned int thread)
{
	if (thread == 2)
		(void)iommu_flush_queue_flush(queue);
	else
		MUST(iommu_flush_queue_unmap(queue, thread, 0) == 0);
}

/* Two that flush: the one that begins first may end last. */
static void flush_twice(unsigned int thread)
{
	if (thread == 0)
		MUST(iommu_flush_queue_unmap(queue, 0, 0) == 0);
	else
		(void)iommu_flush_queue_flush(queue);
}

static void check(void)
{
	unsigned int i;

	may_fail = false;
	MUST(iommu_flush_queue_flush(queue) == 0);
	for (i = 0; i < PAGES; i++)
		MUST(given_back[i] == !is_present[i]);
	MUST(iommu_flush_queue_destroy(queue) == 0);
	MUST(explore_pages() == 0);
}

static const struct exploration explorations[] = {
	{"rings of CPUs", 3, 2, setup, run, NULL, check, NULL},
	{"one that fails", 3, 2, setup_failing, run, NULL, check, NULL},
	{"one ring", 3, 2, setup_shared, run, NULL, check, NULL},
	{"a ring that is full", 2, 3, setup_full, run, NULL, check, NULL},
	{"two flushes", 3, 2, setup, flush_twice, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations,
			   sizeof(explorations) / sizeof(explorations[0]));
}
