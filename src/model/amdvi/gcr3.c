/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GCR3 tables: from a PASID to the root of its guest table (48882, "GCR3 Table"). The first level
 * is where the device table entry says, in memory; what its entries hold are addresses of the guest
 * where there is a host table. Entries are cached by domain id and PASID.
 */
#include <libiommu/hw/amdvi_guest_table.h>

#include "model/amdvi/journey.h"

/* Bits 11:5, 2:1 and 63:52; PWT and PCD are hints. */
#define RESERVED 0xfff0000000000fe6ULL

static unsigned int fault(struct journey *j, bool is_reserved)
{
	return journey_page_fault(j, j->address,
				  (struct model_fault){.is_present = is_reserved,
						       .is_reserved = is_reserved,
						       .is_of_guest = true});
}

/* The PASID, without what a table of this level has not looked at. */
static uint64_t tag_of(const struct journey *j, unsigned int level)
{
	const unsigned int below = (level - 1) * AMDVI_GCR3_BITS;

	return model_pasid_tag(journey_domain(j), j->pasid >> below << below);
}

static bool find(const struct journey *j, unsigned int level, uint64_t *address)
{
	struct model_cached found;

	if (j->fresh || !journey_find(j, MODEL_GCR3, tag_of(j, level), level, 0, &found))
		return false;
	*address = found.low;
	return true;
}

static void remember(const struct journey *j, unsigned int level, uint64_t address)
{
	const struct model_cached entry = {
		.kind = MODEL_GCR3,
		.tag = tag_of(j, level),
		.level = (uint8_t)level,
		.low = address,
	};

	journey_remember(j, &entry);
}

/* The entry of a table of this level; *address: the table, then what the entry leads to. */
static unsigned int step(struct journey *j, unsigned int level, bool is_root, uint64_t *address)
{
	static const struct model_asks asks = {.reads = true};
	const uint64_t place = *address + 8ULL * amdvi_gcr3_index(j->pasid, level);
	struct model_leaf leaf = {.address = place};
	unsigned int code = 0;
	amdvi_word_t entry;

	if (!is_root)
		code = iommu_amdmodel_host(j, place, &asks, &leaf);
	if (code != 0)
		return code;
	if (!journey_read(j, leaf.address, &entry, 1))
		return journey_hardware_error(j, AMDVI_PAGE_TAB_HARDWARE_ERROR, leaf.address);
	if (!amdvi_gcr3_is_valid(entry))
		return fault(j, false);
	if ((entry & RESERVED) != 0)
		return fault(j, true);
	*address = amdvi_gcr3_address(entry);
	remember(j, level, *address);
	return 0;
}

unsigned int iommu_amdmodel_guest_root(struct journey *j, uint64_t *root)
{
	const unsigned int levels = (unsigned int)amdvi_get(j->dte.words, AMDVI_DTE_GLX) + 1;
	unsigned int known = 1, code = 0;

	if (j->pasid >> amdvi_gcr3_pasid_bits(levels) != 0 ||
	    j->pasid >> amdvi_efr_pasid_bits(j->model->config.efr) != 0)
		return fault(j, false);
	while (known <= levels && !find(j, known, root))
		known++;
	if (known == 1)
		return 0;
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	if (known > levels)
		*root = amdvi_dte_gcr3_root(&j->dte);
	while (known > 1 && code == 0) {
		known--;
		code = step(j, known, known == levels, root);
	}
	return code;
}
