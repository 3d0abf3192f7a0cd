/* SPDX-License-Identifier: BSD-2-Clause */
/* An access of a device: its PE, its window, and the walk of the tables, or the refusal. */
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "model/power/phb.h"

/* Beyond the reasons of <libiommu/model_tce.h>: what was found may be stale; begin anew. */
#define AGAIN ((enum iommu_model_tce_reason)0x100)

/* An access in progress. */
struct access {
	struct iommu_model_phb *phb;
	struct model_passage *passage;
	uint16_t source_id;
	uint32_t window;
	uint64_t tve; /* the window's TVE, as it was when the access read it */
	bool is_write;
	struct iommu_model_tce_access *result;
};

/* The index into one level of a window's tables for a page; 0: it has none. */
static unsigned int bits_of(const struct access *a)
{
	const unsigned int shift = tve_table_shift(a->tve);

	return shift != 0 ? shift - 3 : 0;
}

/* The lowest cached table on the way to a page: its level; or the top. */
static unsigned int find_table(const struct access *a, uint64_t page, uint64_t *entry)
{
	const unsigned int bits = bits_of(a);
	struct model_cache *cache = &a->phb->cache;
	struct model_cached known;
	unsigned int level;

	for (level = 1; level < tve_levels(a->tve) && bits * level < 64; level++) {
		if (iommu_model_cache_may_have(cache, PHB_TABLE, level) &&
		    iommu_model_cache_find(cache, PHB_TABLE, a->window, level, page >> bits * level,
					   &known)) {
			*entry = known.low;
			return level;
		}
	}
	*entry = tce_table(tve_table_address(a->tve));
	return tve_levels(a->tve);
}

/*
 * The entry of a page by a walk, which ends at the first entry without permissions; false: no
 * memory there.
 */
static bool access_walk(const struct access *a, uint64_t page, uint64_t *entry)
{
	const struct iommu_model_tce_host *host = &a->phb->config.host;
	const unsigned int bits = bits_of(a);
	unsigned int level = find_table(a, page, entry);

	model_count_up(&model_counter_of(a->phb->counters, a->source_id)->walks);
	while (level != 0 && tce_is_valid(*entry)) {
		const unsigned int shift = bits * --level;
		const uint64_t index = shift < 64 ? page >> shift & ((1ULL << bits) - 1) : 0;
		struct model_cached found = {
			.kind = PHB_TABLE, .tag = a->window, .level = level & 7};

		if (!host->read(host->ctx, tce_address(*entry) + index * sizeof(*entry), entry))
			return false;
		*entry = iommu_be64(*entry);
		if (level == 0 || shift >= 64 || !tce_is_valid(*entry))
			continue;
		found.address = page >> shift;
		found.low = *entry;
		iommu_model_cache_put(&a->phb->cache, &a->passage->walk, &found);
	}
	return true;
}

static enum iommu_model_tce_reason find_entry(const struct access *a, uint64_t page,
					      uint64_t *entry)
{
	struct model_cached found;

	if (!iommu_model_cache_find(&a->phb->cache, PHB_PAGE, a->window, 0, page, &found)) {
		if (!model_passage_walks(a->passage))
			return AGAIN;
		if (!access_walk(a, page, &found.low))
			return IOMMU_MODEL_TCE_MEMORY;
		iommu_model_cache_put(&a->phb->cache, &a->passage->walk, &found);
	}
	*entry = found.low;
	return IOMMU_MODEL_TCE_OK;
}

static enum iommu_model_tce_reason by_table(const struct access *a, uint64_t address)
{
	const unsigned int page_shift = tve_page_shift(a->tve);
	const unsigned int all = page_shift + tve_levels(a->tve) * (tve_table_shift(a->tve) - 3);
	enum iommu_model_tce_reason reason;
	uint64_t entry;

	if (tve_table_shift(a->tve) == 0 || tve_levels(a->tve) > TCE_LEVELS_MAX)
		return IOMMU_MODEL_TCE_CLOSED;
	if (all < 64 && address >> all != 0)
		return IOMMU_MODEL_TCE_ADDRESS;
	reason = find_entry(a, address >> page_shift, &entry);
	if (reason != IOMMU_MODEL_TCE_OK)
		return reason;
	if (!tce_is_valid(entry))
		return IOMMU_MODEL_TCE_ABSENT;
	if ((entry & (a->is_write ? TCE_WRITE : TCE_READ)) == 0)
		return a->is_write ? IOMMU_MODEL_TCE_NO_WRITE : IOMMU_MODEL_TCE_NO_READ;
	a->result->size = 1ULL << page_shift;
	a->result->paddr =
		(tce_address(entry) & -a->result->size) | (address & (a->result->size - 1));
	return IOMMU_MODEL_TCE_OK;
}

static bool is_message(uint64_t address)
{
	return address >> 60 == PHB_MESSAGE_SPACE ||
	       (address >= PHB_MESSAGE_32_START && address <= PHB_MESSAGE_32_LAST);
}

static enum iommu_model_tce_reason by_window(struct access *a, uint32_t pe, uint64_t address)
{
	const uint64_t offset = address & ((1ULL << TVE_WINDOW_BIT) - 1);

	if (is_message(address)) {
		a->result->is_interrupt = true;
		return IOMMU_MODEL_TCE_OK;
	}
	if (address >> 60 != 0)
		return IOMMU_MODEL_TCE_ADDRESS;
	a->window = pe << 1 | (address >> TVE_WINDOW_BIT & 1);
	a->tve = phb_tve(a->phb, a->window);
	if (tve_page_shift(a->tve) != 0)
		return by_table(a, offset);
	if (!tve_is_bypass(a->tve))
		return IOMMU_MODEL_TCE_CLOSED;
	if (offset < tve_bypass_start(a->tve) || offset >= tve_bypass_end(a->tve))
		return IOMMU_MODEL_TCE_ADDRESS;
	a->result->paddr = offset;
	return IOMMU_MODEL_TCE_OK;
}

/* Only the first bad access of a PE is recorded, by which the PE freezes. */
static void freeze(const struct access *a, uint32_t pe, uint64_t address,
		   enum iommu_model_tce_reason reason)
{
	const struct iommu_model_phb_freeze cause = {.is_frozen = true,
						     .source_id = a->source_id,
						     .is_write = a->is_write,
						     .address = address,
						     .reason = reason,
						     .is_io_stopped = true};
	const uintptr_t state = iommu_phb_lock(a->phb);

	iommu_phb_freeze(a->phb, pe, &cause);
	iommu_phb_unlock(a->phb, state);
}

/* The access's answer; *pe: its PE. */
static enum iommu_model_tce_reason access_answer(struct access *a, uint64_t address, uint32_t *pe)
{
	*a->result = (struct iommu_model_tce_access){0};
	*pe = iommu_phb_find_pe(a->phb, a->source_id);
	if (*pe == IOMMU_MODEL_NO_PE)
		return IOMMU_MODEL_TCE_NO_PE;
	if (__atomic_load_n(&a->phb->freezes[*pe].is_frozen, __ATOMIC_RELAXED))
		return IOMMU_MODEL_TCE_FROZEN;
	return by_window(a, *pe, address);
}

int iommu_model_phb_access(struct iommu_model_phb *phb, uint16_t source_id, uint64_t address,
			   bool is_write, struct iommu_model_tce_access *result)
{
	enum iommu_model_tce_reason reason;
	struct model_passage passage;
	struct access a = {.phb = phb,
			   .passage = &passage,
			   .source_id = source_id,
			   .is_write = is_write,
			   .result = result};
	bool holds;
	uint32_t pe;

	model_passage_begin(&passage, &phb->cache, false);
	do {
		reason = access_answer(&a, address, &pe);
		holds = reason != AGAIN && model_passage_holds(&passage);
		/* The freeze of a PE can be observed. */
		if (holds && reason != IOMMU_MODEL_TCE_OK)
			holds = model_passage_walks(&passage);
	} while (!holds);
	if (reason != IOMMU_MODEL_TCE_NO_PE)
		model_count_up(&model_counter_of(phb->counters, source_id)->requests);
	if (reason != IOMMU_MODEL_TCE_OK && reason != IOMMU_MODEL_TCE_NO_PE &&
	    reason != IOMMU_MODEL_TCE_FROZEN)
		freeze(&a, pe, address, reason);
	/* A caller that waits for the walk asks again by itself. */
	(void)model_passage_end(&passage);
	result->reason = reason;
	return reason == IOMMU_MODEL_TCE_OK ? 0 : IOMMU_EFAULT;
}
