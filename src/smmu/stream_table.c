/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stream tables and tables of context descriptors (IHI 0070, 3.3.1 "Stream table lookup", 3.3.2
 * "StreamIDs to Context Descriptors", 5.1, 5.3): linear, or of two levels. Tables of the second
 * level are only ever added while hardware may walk the first. Hardware may have cached that there
 * was none: every invalidation of an entry is of the descriptor that leads to it, too.
 */
#include "smmu/stream_table.h"

#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/object_cache.h"
#include "smmu/unit.h"

#define STE_BYTES_LOG2   6
#define LEVEL_1_LOG2     3 /* of a descriptor's bytes */
#define SPLIT            8
#define SPLIT_OF_MANY    10
#define TABLE_BYTES_LOG2 (IOMMU_PAGE_SHIFT + IOMMU_MAX_ALLOC_ORDER) /* the largest */

/* As smmu.h and the refusals of the driver have it. */
_Static_assert(TABLE_BYTES_LOG2 - LEVEL_1_LOG2 + SPLIT_OF_MANY == 23, "bits of two levels");
_Static_assert(TABLE_BYTES_LOG2 - STE_BYTES_LOG2 == 10, "bits of one level");

static unsigned int order_of(unsigned int bytes_log2)
{
	return bytes_log2 > IOMMU_PAGE_SHIFT ? bytes_log2 - IOMMU_PAGE_SHIFT : 0;
}

/* --- Streams ---------------------------------------------------------------------------------- */

bool iommu_smmu_streams_choose(struct smmu_unit *unit)
{
	const unsigned int bits = unit->common.map.bits;
	const bool has_levels = smmu_has_stream_levels(unit);

	unit->split = 0;
	if (bits <= SPLIT || (!has_levels && bits + STE_BYTES_LOG2 <= TABLE_BYTES_LOG2))
		return true;
	unit->split = bits - SPLIT + LEVEL_1_LOG2 <= TABLE_BYTES_LOG2 ? SPLIT : SPLIT_OF_MANY;
	return has_levels && bits - unit->split + LEVEL_1_LOG2 <= TABLE_BYTES_LOG2;
}

/* Of the table that the unit's register leads to. */
static unsigned int root_order(const struct smmu_unit *unit)
{
	return order_of(unit->split != 0 ? unit->common.map.bits - unit->split + LEVEL_1_LOG2
					 : unit->common.map.bits + STE_BYTES_LOG2);
}

int iommu_smmu_streams_alloc(struct smmu_unit *unit)
{
	unit->streams = iommu_driven_pages_alloc(&unit->common, root_order(unit));
	return unit->streams != NULL ? 0 : IOMMU_ENOMEM;
}

static iommu_cell_t *table_of(const struct smmu_unit *unit, uint64_t descriptor)
{
	return smmu_l1std_span(descriptor) != 0
		       ? iommu_phys_to_virt(unit->common.platform, smmu_l1std_address(descriptor))
		       : NULL;
}

void iommu_smmu_streams_free(struct smmu_unit *unit)
{
	uint32_t i;

	if (unit->streams == NULL)
		return;
	for (i = 0; unit->split != 0 && i < 1U << (unit->common.map.bits - unit->split); i++)
		iommu_driven_pages_free(
			&unit->common,
			table_of(unit, iommu_le64(iommu_cell_load(&unit->streams[i]))),
			order_of(unit->split + STE_BYTES_LOG2));
	iommu_driven_pages_free(&unit->common, unit->streams, root_order(unit));
	unit->streams = NULL;
}

iommu_cell_t *iommu_smmu_stream_find(const struct smmu_unit *unit, uint32_t id)
{
	iommu_cell_t *table = unit->streams;

	if (unit->split != 0) {
		table = table_of(unit, iommu_le64(iommu_cell_load_acquire(
					       &unit->streams[id >> unit->split])));
		id &= (1U << unit->split) - 1;
	}
	return table != NULL ? &table[(size_t)SMMU_STE_WORDS * id] : NULL;
}

int iommu_smmu_stream_create(struct smmu_unit *unit, uint32_t id)
{
	iommu_cell_t *descriptor;
	void *table;

	if (iommu_smmu_stream_find(unit, id) != NULL)
		return 0;
	table = iommu_driven_pages_alloc(&unit->common, order_of(unit->split + STE_BYTES_LOG2));
	if (table == NULL)
		return IOMMU_ENOMEM;
	descriptor = &unit->streams[id >> unit->split];
	iommu_cell_store_release(
		descriptor, iommu_le64(smmu_l1std(iommu_virt_to_phys(unit->common.platform, table),
						  unit->split + 1)));
	smmu_write_back(unit, descriptor, sizeof(*descriptor));
	return 0;
}

/* --- Contexts --------------------------------------------------------------------------------- */

static struct smmu_contexts *contexts_of(struct iommu_driven_contexts *contexts)
{
	return iommu_container_of(contexts, struct smmu_contexts, common);
}

/* Of both levels' tables: the first, or the only one. */
static unsigned int contexts_order(unsigned int bits, bool has_levels)
{
	return order_of(has_levels ? bits - SMMU_CD_SPLIT_4K + LEVEL_1_LOG2
				   : bits + STE_BYTES_LOG2);
}

static void *context_table(const struct smmu_contexts *contexts, uint64_t descriptor)
{
	return smmu_l1cd_is_valid(descriptor)
		       ? iommu_phys_to_virt(contexts->common.shared->platform,
					    smmu_l1cd_address(descriptor))
		       : NULL;
}

static void free_tables(struct iommu_driven_contexts *common)
{
	const struct iommu_platform *platform = common->shared->platform;
	const struct smmu_contexts *contexts = contexts_of(common);
	uint32_t i;

	for (i = 0; contexts->has_levels && i < 1U << (contexts->bits - SMMU_CD_SPLIT_4K); i++) {
		void *table =
			context_table(contexts, iommu_le64(iommu_cell_load(&common->root[i])));

		if (table != NULL)
			platform->free_pages(platform->ctx, table, 0);
	}
	platform->free_pages(platform->ctx, common->root,
			     contexts_order(contexts->bits, contexts->has_levels));
}

int iommu_smmu_contexts_alloc(struct smmu_unit *unit, unsigned int bits,
			      struct smmu_contexts **result)
{
	const bool has_levels =
		bits + STE_BYTES_LOG2 > IOMMU_PAGE_SHIFT && smmu_has0(unit, SMMU_IDR0_CD2L);
	struct iommu_driven_contexts *contexts = iommu_driven_contexts_alloc(
		&unit->common, contexts_order(bits, has_levels), free_tables);

	if (contexts == NULL)
		return IOMMU_ENOMEM;
	*result = contexts_of(contexts);
	(*result)->bits = bits;
	(*result)->has_levels = has_levels;
	return 0;
}

iommu_cell_t *iommu_smmu_context_find(const struct smmu_contexts *contexts, uint32_t id)
{
	iommu_cell_t *table = contexts->common.root;

	if (id >> contexts->bits != 0)
		return NULL;
	if (contexts->has_levels) {
		table = context_table(contexts,
				      iommu_le64(iommu_cell_load_acquire(
					      &contexts->common.root[id >> SMMU_CD_SPLIT_4K])));
		id &= (1U << SMMU_CD_SPLIT_4K) - 1;
	}
	return table != NULL ? &table[(size_t)SMMU_CD_WORDS * id] : NULL;
}

int iommu_smmu_context_create(struct smmu_contexts *contexts, uint32_t id)
{
	struct smmu_unit *unit = smmu_of(contexts->common.unit);
	iommu_cell_t *descriptor;
	void *table;

	if (iommu_smmu_context_find(contexts, id) != NULL)
		return 0;
	table = iommu_driven_pages_alloc(&unit->common, 0);
	if (table == NULL)
		return IOMMU_ENOMEM;
	descriptor = &contexts->common.root[id >> SMMU_CD_SPLIT_4K];
	iommu_cell_store_release(
		descriptor,
		iommu_le64(smmu_l1cd(iommu_virt_to_phys(unit->common.platform, table))));
	smmu_write_back(unit, descriptor, sizeof(*descriptor));
	return 0;
}
