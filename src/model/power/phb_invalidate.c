/* SPDX-License-Identifier: BSD-2-Clause */
/* Invalidations of a bridge: by its kill register, or by firmware. */
#include "model/power/phb.h"

/* The pages, and all tables on the way to them. */
void iommu_phb_kill_pages(struct iommu_model_phb *phb, uint32_t window, uint64_t first_page,
			  uint64_t last_page)
{
	const uint64_t tve = phb_tve(phb, window);
	const unsigned int bits = tve_table_shift(tve) - 3;
	unsigned int level;

	iommu_model_cache_drop(&phb->cache, PHB_PAGE, window, 0, first_page, last_page);
	for (level = 1; tve_table_shift(tve) != 0 && level < tve_levels(tve); level++) {
		const unsigned int shift = bits * level;

		iommu_model_cache_drop(&phb->cache, PHB_TABLE, window, level,
				       shift < 64 ? first_page >> shift : 0,
				       shift < 64 ? last_page >> shift : 0);
	}
	phb->stats.page_kills++;
}

static void kill_window(struct iommu_model_phb *phb, uint32_t window)
{
	unsigned int level;

	iommu_model_cache_drop(&phb->cache, PHB_PAGE, window, 0, 0, UINT64_MAX);
	for (level = 1; level < PHB_LEVELS_MAX; level++)
		iommu_model_cache_drop(&phb->cache, PHB_TABLE, window, level, 0, UINT64_MAX);
}

void iommu_phb_kill_pe(struct iommu_model_phb *phb, uint32_t pe)
{
	kill_window(phb, pe << 1);
	kill_window(phb, pe << 1 | 1);
	phb->stats.pe_kills++;
}

void iommu_phb_kill_all(struct iommu_model_phb *phb)
{
	iommu_model_cache_drop_kind(&phb->cache, PHB_PAGE);
	iommu_model_cache_drop_kind(&phb->cache, PHB_TABLE);
	phb->stats.all_kills++;
}

/* --- The register ----------------------------------------------------------------------------- */

static void kill_one(struct iommu_model_phb *phb, uint32_t pe, uint64_t value, bool is_late)
{
	const uint64_t address = value & PHB_KILL_ADDRESS_MASK;
	const uint32_t window = pe << 1 | (address >> TVE_WINDOW_BIT & 1);
	const unsigned int shift = tve_page_shift(phb_tve(phb, window));
	const uint64_t page = (address & ((1ULL << TVE_WINDOW_BIT) - 1)) >> shift;

	/* Generation 3 has no page size in the register: that of the window counts. */
	if (shift != 0 && (phb->config.generation == 3 || phb_kill_page_shift(value) == shift))
		iommu_phb_kill_pages(phb, window, page, page);
	else if (is_late)
		kill_window(phb, window); /* it was set again since the register was written */
	else
		iommu_phb_misuse(phb,
				 "a page is to be forgotten of a size that its window has not");
}

static void kill_by_register(struct iommu_model_phb *phb, uint64_t value, bool is_late)
{
	const uint64_t mask = phb->config.generation == 3 ? 0xff : PHB_KILL_PE_MASK;
	const uint32_t pe = (uint32_t)(value & mask);

	if ((value & PHB_KILL_ALL) != 0)
		iommu_phb_kill_all(phb);
	else if (pe >= phb->config.pes)
		iommu_phb_misuse(phb, "a PE that is not there is to be forgotten");
	else if ((value & PHB_KILL_PE) != 0)
		iommu_phb_kill_pe(phb, pe);
	else
		kill_one(phb, pe, value, is_late);
}

/* Execute the value of the register: drop, and wait for the walks before. */
static void carry_out(struct iommu_model_phb *phb, bool is_late)
{
	uintptr_t dropping;

	if (!phb->kill_is_dropped) {
		dropping = iommu_model_cache_begin_drop(&phb->cache);
		kill_by_register(phb, phb->kill_pending, is_late);
		iommu_model_cache_end_drop(&phb->cache, dropping);
		phb->kill_is_dropped = true;
	}
	if (!iommu_model_walks_have_ended(&phb->cache, &phb->kill_ticket))
		return;
	phb->kill_is_dropped = false;
	phb->kill_pending = 0;
}

/* A value that is no command is only kept, for reads. */
static void begin(struct iommu_model_phb *phb, uint64_t value)
{
	if (phb->kill_pending != 0) {
		iommu_phb_misuse(phb, "told to forget while it is at it");
		return;
	}
	if ((value & PHB_KILL_BUSY) == 0) {
		iommu_phb_misuse(phb, "nothing that is could be forgotten");
		return;
	}
	phb->kill_pending = value;
	if (!phb->faults.kills_hang && phb->faults.slow_kills == 0)
		carry_out(phb, false);
}

void iommu_model_phb_kill_write(struct iommu_model_phb *phb, uint64_t value)
{
	uintptr_t state = iommu_phb_lock(phb);

	begin(phb, value);
	phb->kill_kept = value;
	phb->kill_reads = phb->faults.slow_kills;
	iommu_phb_unlock(phb, state);
}

uint64_t iommu_model_phb_kill_read(struct iommu_model_phb *phb)
{
	uintptr_t state = iommu_phb_lock(phb);
	uint64_t value;

	if (phb->kill_pending != 0 && !phb->faults.kills_hang && phb->kill_reads == 0)
		carry_out(phb, true);
	value = phb->faults.keeps_kills ? phb->kill_kept : phb->kill_pending;
	if (phb->kill_reads != 0)
		phb->kill_reads--;
	iommu_phb_unlock(phb, state);
	return value;
}
