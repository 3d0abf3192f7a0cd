/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a model of a POWER host bridge; its settings and queries. */
#include <libiommu/status.h>

#include "base/log.h"
#include "model/power/phb.h"

#define GENERATION_3_PES_MAX 256
#define TVES_ORDER           1

_Static_assert(sizeof(struct iommu_model_phb) <= IOMMU_PAGE_SIZE, "it is one page");
_Static_assert(2 * PHB_PES_MAX * sizeof(uint64_t) <= IOMMU_PAGE_SIZE << TVES_ORDER,
	       "all are there");

/* --- Life ------------------------------------------------------------------------------------- */

/* Fill in defaults; returns what is wrong with the rest, or NULL. */
static const char *complete(struct iommu_model_phb_config *config)
{
	const char *defect = iommu_platform_defect(config->platform);

	if (config->generation == 0)
		config->generation = 4;
	if (config->pes == 0)
		config->pes = 256;
	if (defect != NULL)
		return defect;
	if (config->flags != 0)
		return IOMMU_WHY("unknown flags");
	if (config->host.read == NULL)
		return IOMMU_WHY("host.read is missing");
	if (config->generation < 3 || config->generation > 5)
		return IOMMU_WHY("the generation is not 3, 4 or 5");
	if (config->pes > (config->generation == 3 ? GENERATION_3_PES_MAX : PHB_PES_MAX))
		return IOMMU_WHY("more PEs than a bridge of this generation has");
	return NULL;
}

static bool alloc_arrays(struct iommu_model_phb *phb)
{
	const struct iommu_platform *platform = phb->platform;
	const size_t bytes = phb->config.pes * sizeof(struct iommu_model_phb_freeze);

	while ((size_t)IOMMU_PAGE_SIZE << phb->freezes_order < bytes)
		phb->freezes_order++;
	phb->tves = platform->alloc_pages(platform->ctx, TVES_ORDER, IOMMU_NODE_ANY, 0);
	phb->freezes = platform->alloc_pages(platform->ctx, phb->freezes_order, IOMMU_NODE_ANY, 0);
	phb->counters = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	while ((size_t)IOMMU_PAGE_SIZE << phb->vectors_order <
	       phb->config.pes * PHB_VECTOR_WORDS * sizeof(uint64_t))
		phb->vectors_order++;
	phb->vectors = platform->alloc_pages(platform->ctx, phb->vectors_order, IOMMU_NODE_ANY, 0);
	return phb->tves != NULL && phb->freezes != NULL && phb->counters != NULL &&
	       phb->vectors != NULL;
}

void iommu_model_phb_destroy(struct iommu_model_phb *phb)
{
	const struct iommu_platform *platform;
	unsigned int i;

	if (phb == NULL)
		return;
	platform = phb->platform;
	iommu_model_cache_destroy(&phb->cache);
	for (i = 0; i < PHB_ID_PAGES; i++)
		if (phb->ids[i] != NULL)
			platform->free_pages(platform->ctx, phb->ids[i], 0);
	if (phb->tves != NULL)
		platform->free_pages(platform->ctx, phb->tves, TVES_ORDER);
	if (phb->freezes != NULL)
		platform->free_pages(platform->ctx, phb->freezes, phb->freezes_order);
	if (phb->counters != NULL)
		platform->free_pages(platform->ctx, phb->counters, 0);
	if (phb->vectors != NULL)
		platform->free_pages(platform->ctx, phb->vectors, phb->vectors_order);
	platform->free_pages(platform->ctx, phb, 0);
}

int iommu_model_phb_create(const struct iommu_model_phb_config *config,
			   struct iommu_model_phb **result)
{
	struct iommu_model_phb_config completed = *config;
	const struct iommu_platform *platform = config->platform;
	struct iommu_model_phb *phb;
	int status = iommu_refuse_defect(platform, IOMMU_CALL, complete(&completed));

	if (status != 0)
		return status;
	phb = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (phb == NULL)
		return IOMMU_ENOMEM;
	phb->platform = platform;
	phb->config = completed;
	status = iommu_model_cache_init(&phb->cache, platform, completed.cache_entries,
					completed.forget_seed);
	if (status != 0 || !alloc_arrays(phb)) {
		iommu_model_phb_destroy(phb);
		return IOMMU_ENOMEM;
	}
	*result = phb;
	return 0;
}

/* --- What a guest sets ------------------------------------------------------------------------ */

uintptr_t iommu_phb_lock(struct iommu_model_phb *phb)
{
	return iommu_spin_lock(phb->platform, &phb->lock);
}

void iommu_phb_unlock(struct iommu_model_phb *phb, uintptr_t state)
{
	const struct iommu_model_tce_host *host = &phb->config.host;
	const char *misuse = phb->misuse;

	phb->misuse = NULL;
	iommu_spin_unlock(phb->platform, &phb->lock, state);
	if (misuse != NULL && host->misuse != NULL)
		host->misuse(host->ctx, misuse);
}

void iommu_phb_misuse(struct iommu_model_phb *phb, const char *text)
{
	if (phb->misuse == NULL)
		phb->misuse = text;
}

uint64_t iommu_model_phb_page_sizes(const struct iommu_model_phb *phb)
{
	const uint64_t common = 1ULL << 12 | 1ULL << 16;

	return phb->config.generation == 3 ? common | 1ULL << 24 | 1ULL << 28
					   : common | 1ULL << 21 | 1ULL << 30;
}

/* Allocate a page of ids that is missing, if there is memory. */
static void make_id_page(struct iommu_model_phb *phb, unsigned int index)
{
	const struct iommu_platform *platform = phb->platform;
	uintptr_t state = iommu_spin_lock(platform, &phb->lock);
	const bool is_there = phb->ids[index] != NULL;
	void *fresh;

	iommu_spin_unlock(platform, &phb->lock, state);
	if (is_there)
		return;
	fresh = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, IOMMU_ALLOC_ATOMIC);
	state = iommu_spin_lock(platform, &phb->lock);
	if (phb->ids[index] == NULL) {
		__atomic_store_n(&phb->ids[index], fresh, __ATOMIC_RELEASE);
		fresh = NULL;
	}
	iommu_spin_unlock(platform, &phb->lock, state);
	if (fresh != NULL)
		platform->free_pages(platform->ctx, fresh, 0);
}

void iommu_phb_make_ids(struct iommu_model_phb *phb, uint32_t source_id, uint32_t mask)
{
	unsigned int i;

	for (i = 0; i < PHB_ID_PAGES; i++)
		if (((i ^ source_id / PHB_IDS_PER_PAGE) & mask / PHB_IDS_PER_PAGE) == 0)
			make_id_page(phb, i);
}

int iommu_phb_set_id(struct iommu_model_phb *phb, uint16_t source_id, uint32_t pe)
{
	uint16_t *page = phb->ids[source_id / PHB_IDS_PER_PAGE];

	if (page == NULL)
		return pe == IOMMU_MODEL_NO_PE ? 0 : IOMMU_ENOMEM;
	__atomic_store_n(&page[source_id % PHB_IDS_PER_PAGE], (uint16_t)(pe + 1), __ATOMIC_RELAXED);
	return 0;
}

uint32_t iommu_phb_find_pe(const struct iommu_model_phb *phb, uint16_t source_id)
{
	const uint16_t *page =
		__atomic_load_n(&phb->ids[source_id / PHB_IDS_PER_PAGE], __ATOMIC_ACQUIRE);

	if (page == NULL)
		return IOMMU_MODEL_NO_PE;
	return __atomic_load_n(&page[source_id % PHB_IDS_PER_PAGE], __ATOMIC_RELAXED) - 1U;
}

/* Answers that were found through the old entry are no longer given. */
void iommu_phb_set_tve(struct iommu_model_phb *phb, uint32_t window, uint64_t tve)
{
	const uintptr_t changing = iommu_model_cache_begin_drop(&phb->cache);

	iommu_cell_store(&phb->tves[window], tve);
	iommu_model_cache_end_drop(&phb->cache, changing);
}

static int refuse_number(const struct iommu_model_phb *phb, const char *call)
{
	return iommu_log_refusal(phb->platform, call, "",
				 IOMMU_WHY("the bridge has no PE, or no TVE, of this number"),
				 IOMMU_EINVAL);
}

int iommu_model_phb_set_pe(struct iommu_model_phb *phb, uint16_t source_id, uint32_t pe)
{
	uintptr_t state, changing;
	int status;

	if (pe != IOMMU_MODEL_NO_PE && pe >= phb->config.pes)
		return refuse_number(phb, IOMMU_CALL);
	if (pe != IOMMU_MODEL_NO_PE)
		iommu_phb_make_ids(phb, source_id, UINT16_MAX);
	state = iommu_phb_lock(phb);
	changing = iommu_model_cache_begin_drop(&phb->cache);
	status = iommu_phb_set_id(phb, source_id, pe);
	iommu_model_cache_end_drop(&phb->cache, changing);
	iommu_phb_unlock(phb, state);
	return status;
}

uint32_t iommu_model_phb_pe_of(struct iommu_model_phb *phb, uint16_t source_id)
{
	return iommu_phb_find_pe(phb, source_id);
}

int iommu_model_phb_set_tve(struct iommu_model_phb *phb, uint32_t number, uint64_t tve)
{
	uintptr_t state;

	if (number >= 2 * phb->config.pes)
		return refuse_number(phb, IOMMU_CALL);
	state = iommu_phb_lock(phb);
	iommu_phb_set_tve(phb, number, tve);
	iommu_phb_unlock(phb, state);
	return 0;
}

uint64_t iommu_model_phb_tve(struct iommu_model_phb *phb, uint32_t number)
{
	return number < 2 * phb->config.pes ? phb_tve(phb, number) : 0;
}

/* --- What is asked ---------------------------------------------------------------------------- */

int iommu_model_phb_get_freeze(struct iommu_model_phb *phb, uint32_t pe,
			       struct iommu_model_phb_freeze *freeze)
{
	uintptr_t state;

	if (pe >= phb->config.pes)
		return refuse_number(phb, IOMMU_CALL);
	state = iommu_phb_lock(phb);
	*freeze = (struct iommu_model_phb_freeze){0};
	if (phb->freezes[pe].is_frozen || phb->freezes[pe].is_io_stopped)
		*freeze = phb->freezes[pe];
	iommu_phb_unlock(phb, state);
	return 0;
}

int iommu_model_phb_thaw(struct iommu_model_phb *phb, uint32_t pe)
{
	uintptr_t state;

	if (pe >= phb->config.pes)
		return refuse_number(phb, IOMMU_CALL);
	state = iommu_phb_lock(phb);
	__atomic_store_n(&phb->freezes[pe].is_frozen, false, __ATOMIC_RELAXED);
	phb->freezes[pe].is_io_stopped = false;
	phb->freezes[pe].reason = IOMMU_MODEL_TCE_OK;
	iommu_phb_unlock(phb, state);
	return 0;
}

void iommu_model_phb_misbehave(struct iommu_model_phb *phb,
			       const struct iommu_model_phb_faults *faults)
{
	uintptr_t state = iommu_phb_lock(phb);

	phb->faults = *faults;
	iommu_phb_unlock(phb, state);
}

void iommu_model_phb_get_stats(struct iommu_model_phb *phb, struct iommu_model_phb_stats *stats)
{
	const uintptr_t state = iommu_phb_lock(phb);
	size_t counts[MODEL_CACHE_KINDS];

	*stats = phb->stats;
	iommu_phb_unlock(phb, state);
	iommu_model_cache_count(&phb->cache, counts);
	stats->cached_pages = counts[PHB_PAGE];
	stats->cached_tables = counts[PHB_TABLE];
	model_counters_sum(phb->counters, &stats->accesses, &stats->walks);
}
