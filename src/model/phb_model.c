/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a model of a POWER host bridge, and what is set and asked. */
#include <libiommu/status.h>

#include "model/phb.h"

#define GENERATION_3_PES_MAX 256
#define TVES_ORDER           1

_Static_assert(sizeof(struct iommu_model_phb) <= IOMMU_PAGE_SIZE, "it is one page");
_Static_assert(2 * PHB_PES_MAX * sizeof(uint64_t) <= IOMMU_PAGE_SIZE << TVES_ORDER,
	       "all are there");

/* --- Life ------------------------------------------------------------------------------------- */

static int complete(struct iommu_model_phb_config *config)
{
	if (config->generation == 0)
		config->generation = 4;
	if (config->pes == 0)
		config->pes = 256;
	if (iommu_platform_check(config->platform) != 0 || config->host.read == NULL ||
	    config->generation < 3 || config->generation > 5 ||
	    config->pes > (config->generation == 3 ? GENERATION_3_PES_MAX : PHB_PES_MAX))
		return IOMMU_EINVAL;
	return 0;
}

static bool alloc_arrays(struct iommu_model_phb *phb)
{
	const struct iommu_platform *platform = phb->platform;
	const size_t bytes = phb->config.pes * sizeof(struct iommu_model_phb_freeze);

	while ((size_t)IOMMU_PAGE_SIZE << phb->freezes_order < bytes)
		phb->freezes_order++;
	phb->tves = platform->alloc_pages(platform->ctx, TVES_ORDER, IOMMU_NODE_ANY, 0);
	phb->freezes = platform->alloc_pages(platform->ctx, phb->freezes_order, IOMMU_NODE_ANY, 0);
	return phb->tves != NULL && phb->freezes != NULL;
}

void iommu_model_phb_destroy(struct iommu_model_phb *phb)
{
	const struct iommu_platform *platform = phb->platform;
	unsigned int i;

	iommu_model_cache_destroy(&phb->cache);
	for (i = 0; i < PHB_ID_PAGES; i++)
		if (phb->ids[i] != NULL)
			platform->free_pages(platform->ctx, phb->ids[i], 0);
	if (phb->tves != NULL)
		platform->free_pages(platform->ctx, phb->tves, TVES_ORDER);
	if (phb->freezes != NULL)
		platform->free_pages(platform->ctx, phb->freezes, phb->freezes_order);
	platform->free_pages(platform->ctx, phb, 0);
}

int iommu_model_phb_create(const struct iommu_model_phb_config *config,
			   struct iommu_model_phb **result)
{
	struct iommu_model_phb_config completed = *config;
	const struct iommu_platform *platform = config->platform;
	struct iommu_model_phb *phb;
	int status = complete(&completed);

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

void iommu_phb_misuse(const struct iommu_model_phb *phb, const char *text)
{
	if (phb->config.host.misuse != NULL)
		phb->config.host.misuse(phb->config.host.ctx, text);
}

uint64_t iommu_model_phb_page_sizes(const struct iommu_model_phb *phb)
{
	const uint64_t common = 1ULL << 12 | 1ULL << 16;

	return phb->config.generation == 3 ? common | 1ULL << 24 | 1ULL << 28
					   : common | 1ULL << 21 | 1ULL << 30;
}

/* A page of ids that is not there yet, if there is memory for it. */
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
		phb->ids[index] = fresh;
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
	page[source_id % PHB_IDS_PER_PAGE] = (uint16_t)(pe + 1);
	return 0;
}

int iommu_model_phb_set_pe(struct iommu_model_phb *phb, uint16_t source_id, uint32_t pe)
{
	uintptr_t state;
	int status;

	if (pe != IOMMU_MODEL_NO_PE && pe >= phb->config.pes)
		return IOMMU_EINVAL;
	if (pe != IOMMU_MODEL_NO_PE)
		iommu_phb_make_ids(phb, source_id, UINT16_MAX);
	state = iommu_spin_lock(phb->platform, &phb->lock);
	status = iommu_phb_set_id(phb, source_id, pe);
	iommu_spin_unlock(phb->platform, &phb->lock, state);
	return status;
}

uint32_t iommu_model_phb_pe_of(struct iommu_model_phb *phb, uint16_t source_id)
{
	uintptr_t state = iommu_spin_lock(phb->platform, &phb->lock);
	const uint16_t *page = phb->ids[source_id / PHB_IDS_PER_PAGE];
	const uint32_t pe = page == NULL ? 0 : page[source_id % PHB_IDS_PER_PAGE];

	iommu_spin_unlock(phb->platform, &phb->lock, state);
	return pe - 1;
}

int iommu_model_phb_set_tve(struct iommu_model_phb *phb, uint32_t number, uint64_t tve)
{
	uintptr_t state;

	if (number >= 2 * phb->config.pes)
		return IOMMU_EINVAL;
	state = iommu_spin_lock(phb->platform, &phb->lock);
	phb->tves[number] = tve;
	iommu_spin_unlock(phb->platform, &phb->lock, state);
	return 0;
}

uint64_t iommu_model_phb_tve(struct iommu_model_phb *phb, uint32_t number)
{
	uintptr_t state = iommu_spin_lock(phb->platform, &phb->lock);
	const uint64_t tve = number < 2 * phb->config.pes ? phb->tves[number] : 0;

	iommu_spin_unlock(phb->platform, &phb->lock, state);
	return tve;
}

/* --- What is asked ---------------------------------------------------------------------------- */

int iommu_model_phb_get_freeze(struct iommu_model_phb *phb, uint32_t pe,
			       struct iommu_model_phb_freeze *freeze)
{
	uintptr_t state;

	if (pe >= phb->config.pes)
		return IOMMU_EINVAL;
	state = iommu_spin_lock(phb->platform, &phb->lock);
	*freeze = phb->freezes[pe];
	iommu_spin_unlock(phb->platform, &phb->lock, state);
	return 0;
}

int iommu_model_phb_thaw(struct iommu_model_phb *phb, uint32_t pe)
{
	uintptr_t state;

	if (pe >= phb->config.pes)
		return IOMMU_EINVAL;
	state = iommu_spin_lock(phb->platform, &phb->lock);
	phb->freezes[pe] = (struct iommu_model_phb_freeze){0};
	iommu_spin_unlock(phb->platform, &phb->lock, state);
	return 0;
}

void iommu_model_phb_misbehave(struct iommu_model_phb *phb,
			       const struct iommu_model_phb_faults *faults)
{
	uintptr_t state = iommu_spin_lock(phb->platform, &phb->lock);

	phb->faults = *faults;
	iommu_spin_unlock(phb->platform, &phb->lock, state);
}

void iommu_model_phb_get_stats(struct iommu_model_phb *phb, struct iommu_model_phb_stats *stats)
{
	uintptr_t state = iommu_spin_lock(phb->platform, &phb->lock);

	*stats = phb->stats;
	stats->cached_pages = phb->cache.count[PHB_PAGE];
	stats->cached_tables = phb->cache.count[PHB_TABLE];
	iommu_spin_unlock(phb->platform, &phb->lock, state);
}
