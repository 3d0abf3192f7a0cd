/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request on its way through the VT-d model: context (root, context, PASID), then the stages of
 * translation that it names. Every step returns a fault reason, or 0.
 */
#ifndef IOMMU_MODEL_VTD_JOURNEY_H
#define IOMMU_MODEL_VTD_JOURNEY_H

#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_scalable.h>

#include "model/vtd/model.h"

#define LOW_MASK(bits) ((1ULL << (bits)) - 1)

/* Pass-through is cached as leaves of this level: 2^48 bytes. */
#define MODEL_BLOCK_LEVEL 5

struct journey {
	struct iommu_model_vtd *model;
	struct model_passage *passage;
	const struct iommu_model_request *request;
	struct iommu_model_translation *result;
	/* The settings from the entries on the way; legacy mode in the terms of scalable mode. */
	/* Nothing is noted, counted, cached or reported … */
	bool peeks;
	/* … and tables are read from memory, not from the cache. */
	bool fresh;
	uint64_t root; /* as it was at the beginning */
	bool scalable;
	bool page_requests;
	bool device_tlb; /* translation requests and translated requests are allowed */
	bool fault_hidden;
	const char *misuse; /* told at the end */
	enum vtd_pasid_type how;
	uint16_t domain_id;
	uint32_t pasid;
	uint64_t second_table;
	unsigned int second_levels;
	bool notes; /* accessed and dirty bits in the second stage */
	bool snoops;
	uint64_t first; /* word 2 of the PASID entry */
};

/* The translation of an address. */
struct model_leaf {
	uint64_t paddr; /* byte exact */
	unsigned int allowed;
	uint64_t size; /* of the aligned block around it */
	bool snoop;
	/*
	 * Without a translation: the size of the aligned block around the address that has none
	 * either; 0: all addresses.
	 */
	uint64_t absent;
};

/* At the beginning. Member by member, which avoids a copy of the whole structure. */
static inline void model_journey_begin(struct journey *j, struct iommu_model_vtd *model,
				       struct model_passage *passage,
				       const struct iommu_model_request *request,
				       struct iommu_model_translation *result)
{
	j->model = model;
	j->passage = passage;
	j->request = request;
	j->result = result;
	j->root = iommu_cell_load(&model->published.root);
	j->peeks = passage->peeks;
	j->fresh = false;
	j->scalable = false;
	j->page_requests = false;
	j->device_tlb = false;
	j->fault_hidden = false;
	j->misuse = NULL;
	j->how = VTD_PASID_SECOND_STAGE;
	j->domain_id = 0;
	j->pasid = 0;
	j->second_table = 0;
	j->second_levels = 0;
	j->notes = false;
	j->snoops = false;
	j->first = 0;
}

/* Is TE, IRE or CFI on, as requests see it? */
static inline bool model_works(const struct iommu_model_vtd *model, uint32_t bit)
{
	return (iommu_cell_load(&model->published.works) & bit) != 0;
}

/* A look-up in the cache for this journey; without side effects where the journey has none. */
static inline bool journey_find(const struct journey *j, unsigned int kind, uint64_t tag,
				unsigned int level, uint64_t address, struct model_cached *found)
{
	struct model_cache *cache = &j->model->cache;

	return j->peeks ? iommu_model_cache_peek(cache, kind, tag, level, address, found)
			: iommu_model_cache_find(cache, kind, tag, level, address, found);
}

/* In a walk. */
static inline void journey_remember(const struct journey *j, const struct model_cached *entry)
{
	if (!j->peeks)
		iommu_model_cache_put(&j->model->cache, &j->passage->walk, entry);
}

static inline void journey_count_walk(const struct journey *j)
{
	if (!j->peeks)
		model_count_up(&model_counter_of(j->model->counters, j->request->source_id)->walks);
}

/* Address bits of an entry that lie beyond memory. */
static inline uint64_t model_beyond_memory(const struct iommu_model_vtd *model)
{
	return VTD_ENTRY_ADDRESS_MASK & ~model_output_last(model);
}

static inline uint16_t model_is_write(unsigned int access)
{
	return (access & IOMMU_PROT_WRITE) != 0;
}

/*
 * Set `bits` in an entry whose use hardware records. False: the entry has changed meanwhile, or
 * cannot be written.
 */
bool iommu_model_note(const struct journey *j, uint64_t paddr, uint64_t *entry, uint64_t bits);

/*
 * Root, context and, in scalable mode, PASID: fills in the journey. As the stages it may return
 * MODEL_AGAIN.
 */
unsigned int iommu_model_find_context(struct journey *j);

/* The second stage for an address, which may be another than the request's. */
unsigned int iommu_model_second_stage(struct journey *j, uint64_t address, unsigned int access,
				      struct model_leaf *leaf);
/* The first stage, alone or nested. */
unsigned int iommu_model_first_stage(struct journey *j, struct model_leaf *leaf);
/* Pass-through of scalable mode: cached as a first stage, under domain id and PASID. */
unsigned int iommu_model_pass_through(struct journey *j, struct model_leaf *leaf);

#endif
