/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of a device's access: sorted to a PE and a window, walked, or refused. */
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "model/phb.h"

/* The lowest table on the way to a page that the bridge remembers: its level; or the top. */
static unsigned int find_table(struct iommu_model_phb *phb, uint32_t window, uint64_t page,
			       uint64_t *entry)
{
	const uint64_t tve = phb->tves[window];
	const unsigned int bits = tve_table_shift(tve) - 3;
	unsigned int level;

	for (level = 1; level < tve_levels(tve) && bits * level < 64; level++) {
		const struct model_cached *known = iommu_model_cache_find(
			&phb->cache, PHB_TABLE, window, level, page >> bits * level);

		if (known != NULL) {
			*entry = known->low;
			return level;
		}
	}
	*entry = tce_table(tve_table_address(tve));
	return tve_levels(tve);
}

/* The entry of a page by a walk, which ends at the first that allows nothing; false: no memory there. */
static bool walk(struct iommu_model_phb *phb, uint32_t window, uint64_t page, uint64_t *entry)
{
	const struct iommu_model_tce_host *host = &phb->config.host;
	const unsigned int bits = tve_table_shift(phb->tves[window]) - 3;
	unsigned int level = find_table(phb, window, page, entry);

	phb->stats.walks++;
	while (level != 0 && tce_is_valid(*entry)) {
		const unsigned int shift = bits * --level;
		const uint64_t index = shift < 64 ? page >> shift & ((1ULL << bits) - 1) : 0;
		struct model_cached found = {.kind = PHB_TABLE, .tag = window, .level = level & 7};

		if (!host->read(host->ctx, tce_address(*entry) + index * sizeof(*entry), entry))
			return false;
		*entry = iommu_be64(*entry);
		if (level == 0 || shift >= 64 || !tce_is_valid(*entry))
			continue;
		found.address = page >> shift;
		found.low = *entry;
		iommu_model_cache_put(&phb->cache, &found);
	}
	return true;
}

static enum iommu_model_tce_reason find_entry(struct iommu_model_phb *phb, uint32_t window,
					      uint64_t page, uint64_t *entry)
{
	struct model_cached found = {.kind = PHB_PAGE, .tag = window, .address = page};
	const struct model_cached *known =
		iommu_model_cache_find(&phb->cache, PHB_PAGE, window, 0, page);

	if (known == NULL && !walk(phb, window, page, entry))
		return IOMMU_MODEL_TCE_MEMORY;
	if (known != NULL)
		*entry = known->low;
	found.low = *entry;
	iommu_model_cache_put(&phb->cache, &found);
	return IOMMU_MODEL_TCE_OK;
}

static enum iommu_model_tce_reason by_table(struct iommu_model_phb *phb, uint32_t window,
					    uint64_t address, bool is_write,
					    struct iommu_model_tce_access *result)
{
	const uint64_t tve = phb->tves[window];
	const unsigned int page_shift = tve_page_shift(tve);
	const unsigned int all = page_shift + tve_levels(tve) * (tve_table_shift(tve) - 3);
	enum iommu_model_tce_reason reason;
	uint64_t entry;

	if (tve_table_shift(tve) == 0 || tve_levels(tve) > TCE_LEVELS_MAX)
		return IOMMU_MODEL_TCE_CLOSED;
	if (all < 64 && address >> all != 0)
		return IOMMU_MODEL_TCE_ADDRESS;
	reason = find_entry(phb, window, address >> page_shift, &entry);
	if (reason != IOMMU_MODEL_TCE_OK)
		return reason;
	if (!tce_is_valid(entry))
		return IOMMU_MODEL_TCE_ABSENT;
	if ((entry & (is_write ? TCE_WRITE : TCE_READ)) == 0)
		return is_write ? IOMMU_MODEL_TCE_NO_WRITE : IOMMU_MODEL_TCE_NO_READ;
	result->size = 1ULL << page_shift;
	result->paddr = (tce_address(entry) & -result->size) | (address & (result->size - 1));
	return IOMMU_MODEL_TCE_OK;
}

static bool is_message(uint64_t address)
{
	return address >> 60 == PHB_MESSAGE_SPACE ||
	       (address >= PHB_MESSAGE_32_START && address <= PHB_MESSAGE_32_LAST);
}

static enum iommu_model_tce_reason by_window(struct iommu_model_phb *phb, uint32_t pe,
					     uint64_t address, bool is_write,
					     struct iommu_model_tce_access *result)
{
	const uint32_t window = pe << 1 | (address >> TVE_WINDOW_BIT & 1);
	const uint64_t tve = phb->tves[window];
	const uint64_t offset = address & ((1ULL << TVE_WINDOW_BIT) - 1);

	if (is_message(address)) {
		result->is_interrupt = true;
		return IOMMU_MODEL_TCE_OK;
	}
	if (address >> 60 != 0)
		return IOMMU_MODEL_TCE_ADDRESS;
	if (tve_page_shift(tve) != 0)
		return by_table(phb, window, offset, is_write, result);
	if (!tve_is_bypass(tve))
		return IOMMU_MODEL_TCE_CLOSED;
	if (offset < tve_bypass_start(tve) || offset >= tve_bypass_end(tve))
		return IOMMU_MODEL_TCE_ADDRESS;
	result->paddr = offset;
	return IOMMU_MODEL_TCE_OK;
}

static void freeze(struct iommu_model_phb *phb, uint32_t pe, uint16_t source_id, uint64_t address,
		   bool is_write, enum iommu_model_tce_reason reason)
{
	phb->freezes[pe] = (struct iommu_model_phb_freeze){
		.is_frozen = true,
		.source_id = source_id,
		.is_write = is_write,
		.address = address,
		.reason = reason,
	};
	phb->stats.freezes++;
}

int iommu_model_phb_access(struct iommu_model_phb *phb, uint16_t source_id, uint64_t address,
			   bool is_write, struct iommu_model_tce_access *result)
{
	const uint32_t pe = iommu_model_phb_pe_of(phb, source_id);
	uintptr_t state;

	*result = (struct iommu_model_tce_access){.reason = IOMMU_MODEL_TCE_NO_PE};
	if (pe == IOMMU_MODEL_NO_PE)
		return IOMMU_EFAULT;
	state = iommu_model_cache_lock(&phb->cache, &phb->lock);
	phb->stats.accesses++;
	if (phb->freezes[pe].is_frozen) {
		result->reason = IOMMU_MODEL_TCE_FROZEN;
	} else {
		result->reason = by_window(phb, pe, address, is_write, result);
		if (result->reason != IOMMU_MODEL_TCE_OK)
			freeze(phb, pe, source_id, address, is_write, result->reason);
	}
	iommu_spin_unlock(phb->platform, &phb->lock, state);
	return result->reason == IOMMU_MODEL_TCE_OK ? 0 : IOMMU_EFAULT;
}
