/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device and process directories (RISC-V IOMMU specification 1.0.0, 2.1 "Device-Directory-Table",
 * 2.2 "Process-Directory-Table"): tables of one page each, of entries that lead to tables, and at
 * the last level contexts. Tables are only ever added while hardware may walk them: what is not
 * valid is never cached, so that nothing has to be told.
 */
#include "riscv/directory.h"

#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/object_cache.h"
#include "riscv/unit.h"

/* The 8-byte entries of a table above the last level. */
#define TABLE_ENTRIES (1U << RISCV_DIRECTORY_BITS)

static iommu_cell_t *table_at(const struct iommu_platform *platform, uint64_t entry)
{
	return iommu_phys_to_virt(platform, riscv_ppn_address(entry));
}

/* The table that an entry leads to; made, where it leads to none, with `create`. NULL: none. */
static iommu_cell_t *table_below(const struct riscv_unit *unit, iommu_cell_t *cell, bool create)
{
	const uint64_t entry = iommu_le64(iommu_cell_load_acquire(cell));
	void *table;

	if ((entry & RISCV_DIRECTORY_VALID) != 0)
		return table_at(unit->common.platform, entry);
	table = create ? iommu_driven_pages_alloc(&unit->common, 0) : NULL;
	if (table != NULL)
		iommu_cell_store_release(cell, iommu_le64(riscv_directory_entry(iommu_virt_to_phys(
						       unit->common.platform, table))));
	return table;
}

/* A table and all below. Of contexts nothing is followed: what they lead to is a domain's. */
static void free_table(const struct iommu_platform *platform, iommu_cell_t *table,
		       unsigned int level)
{
	unsigned int i;

	for (i = 0; level > 1 && i < TABLE_ENTRIES; i++) {
		const uint64_t entry = iommu_le64(iommu_cell_load(&table[i]));

		if ((entry & RISCV_DIRECTORY_VALID) != 0)
			free_table(platform, table_at(platform, entry), level - 1);
	}
	platform->free_pages(platform->ctx, table, 0);
}

/* --- Devices ---------------------------------------------------------------------------------- */

int iommu_riscv_directory_alloc(struct riscv_unit *unit)
{
	unit->levels = 1;
	while (riscv_directory_id_bits(unit->levels, unit->extended) < unit->common.map.bits)
		unit->levels++;
	unit->root = iommu_driven_pages_alloc(&unit->common, 0);
	return unit->root != NULL ? 0 : IOMMU_ENOMEM;
}

void iommu_riscv_directory_free(struct riscv_unit *unit)
{
	if (unit->root != NULL)
		free_table(unit->common.platform, unit->root, unit->levels);
	unit->root = NULL;
}

int iommu_riscv_directory_grow(struct riscv_unit *unit)
{
	iommu_cell_t *root;

	if (unit->levels == RISCV_DIRECTORY_LEVELS_MAX)
		return IOMMU_EOPNOTSUPP;
	root = iommu_driven_pages_alloc(&unit->common, 0);
	if (root == NULL)
		return IOMMU_ENOMEM;
	/* The ids so far are those whose upper bits are 0. */
	iommu_cell_store(&root[0], iommu_le64(riscv_directory_entry(
					   iommu_virt_to_phys(unit->common.platform, unit->root))));
	unit->root = root;
	unit->levels++;
	return 0;
}

static iommu_cell_t *find_context(const struct riscv_unit *unit, uint32_t id, bool create)
{
	const unsigned int words = unit->extended ? RISCV_CONTEXT_WORDS : RISCV_CONTEXT_WORDS_BASE;
	iommu_cell_t *table = unit->root;
	unsigned int level;

	for (level = unit->levels; level > 1 && table != NULL; level--)
		table = table_below(unit, &table[riscv_directory_index(id, level, unit->extended)],
				    create);
	return table != NULL ? &table[words * riscv_directory_index(id, 1, unit->extended)] : NULL;
}

iommu_cell_t *iommu_riscv_context_find(const struct riscv_unit *unit, uint32_t id)
{
	return find_context(unit, id, false);
}

int iommu_riscv_context_create(struct riscv_unit *unit, uint32_t id)
{
	return find_context(unit, id, true) != NULL ? 0 : IOMMU_ENOMEM;
}

/* --- Processes -------------------------------------------------------------------------------- */

/* Levels of process directories that the unit has, each with a capability of its own. */
static bool has_levels(const struct riscv_unit *unit, unsigned int levels)
{
	return riscv_has(unit, RISCV_CAP_PD8 << (levels - 1));
}

unsigned int iommu_riscv_process_bits(const struct riscv_unit *unit)
{
	unsigned int levels = RISCV_DIRECTORY_LEVELS_MAX;

	while (levels > 0 && !has_levels(unit, levels))
		levels--;
	return levels > 0 ? riscv_process_id_bits(levels) : 0;
}

static struct riscv_processes *processes_of(struct iommu_driven_contexts *contexts)
{
	return iommu_container_of(contexts, struct riscv_processes, common);
}

static void free_processes(struct iommu_driven_contexts *contexts)
{
	free_table(contexts->shared->platform, contexts->root, processes_of(contexts)->levels);
}

/* The shallowest that is wide enough; or the widest that the unit has. */
static unsigned int levels_for(const struct riscv_unit *unit, unsigned int bits)
{
	unsigned int levels, best = 0;

	for (levels = 1; levels <= RISCV_DIRECTORY_LEVELS_MAX; levels++)
		if (has_levels(unit, levels) && (best == 0 || riscv_process_id_bits(best) < bits))
			best = levels;
	return best;
}

int iommu_riscv_processes_alloc(struct riscv_unit *unit, unsigned int bits,
				struct riscv_processes **result)
{
	const unsigned int levels = levels_for(unit, bits);
	struct iommu_driven_contexts *contexts;

	if (levels == 0)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no process directories");
	contexts = iommu_driven_contexts_alloc(&unit->common, 0, free_processes);
	if (contexts == NULL)
		return IOMMU_ENOMEM;
	*result = processes_of(contexts);
	(*result)->levels = levels;
	return 0;
}

static iommu_cell_t *find_process(const struct riscv_processes *processes, uint32_t id, bool create)
{
	iommu_cell_t *table = processes->common.root;
	unsigned int level;

	if (id >> riscv_process_id_bits(processes->levels) != 0)
		return NULL;
	for (level = processes->levels; level > 1 && table != NULL; level--)
		table = table_below(riscv_of(processes->common.unit),
				    &table[riscv_process_index(id, level)], create);
	return table != NULL ? &table[RISCV_PROCESS_CONTEXT_WORDS * riscv_process_index(id, 1)]
			     : NULL;
}

iommu_cell_t *iommu_riscv_process_find(const struct riscv_processes *processes, uint32_t id)
{
	return find_process(processes, id, false);
}

int iommu_riscv_process_create(struct riscv_processes *processes, uint32_t id)
{
	return find_process(processes, id, true) != NULL ? 0 : IOMMU_ENOMEM;
}
