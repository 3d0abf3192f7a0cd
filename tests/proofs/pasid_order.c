/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which an entry of a PASID table is written, for all contents before and after: at
 * each single store hardware, which may read the entry in any mixture of its words, finds it
 * absent, or whole: of a present entry every word is the new one. The store that makes it present
 * is the last, and releases.
 */
#include "base/atomic.h"

#include <libiommu/hw/vtd_scalable.h>

static void watch_store(iommu_cell_t *cell, uint64_t value);
static void watch_release(iommu_cell_t *cell, uint64_t value);

#define iommu_cell_store         watch_store
#define iommu_cell_store_release watch_release
#include "vtd/pasid_change.c"

#include "proof.h"

static struct vtd_pasid_entry entry;
static uint64_t words[VTD_PASID_ENTRY_WORDS];

/* What hardware may see of it now. */
static void look(void)
{
	if (!is_present(&entry))
		return;
	for (unsigned int i = 0; i < VTD_PASID_ENTRY_WORDS; i++)
		CLAIM(entry.words[i] == words[i]);
}

static void watch_store(iommu_cell_t *cell, uint64_t value)
{
	/* A store that orders nothing before it makes nothing present. */
	CLAIM(cell != &entry.words[0] || (value & VTD_PASID_PRESENT) == 0);
	*cell = value;
	look();
}

static void watch_release(iommu_cell_t *cell, uint64_t value)
{
	*cell = value;
	look();
}

int main(void)
{
	const struct iommu_platform platform = {0};
	struct vtd_unit unit = {.platform = &platform};
	struct vtd_endpoint endpoint = {.unit = &unit};

	for (unsigned int i = 0; i < VTD_PASID_ENTRY_WORDS; i++) {
		entry.words[i] = any_64();
		words[i] = any_64();
	}
	ASSUME(!is_present(&entry));
	unit.caps.walks_snoop = true;
	store(&endpoint, &entry, words);
	for (unsigned int i = 0; i < VTD_PASID_ENTRY_WORDS; i++)
		CLAIM(entry.words[i] == words[i]);
	END();
	return 0;
}
