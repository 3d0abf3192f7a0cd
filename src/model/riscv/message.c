/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI page tables (RISC-V IOMMU specification, "Process to translate addresses of MSIs"; Advanced
 * Interrupt Architecture, "IOMMU Support for MSIs to Virtual Machines"): entries are found by the
 * number of the interrupt file, and cached with GSCID and guest page.
 */
#include "model/riscv/journey.h"

static unsigned int check_entry(const struct journey *j, struct model_message_entry *entry)
{
	if ((entry->low & RISCV_MSI_PTE_VALID) == 0)
		return RISCV_FAULT_MSI_NOT_VALID;
	/* This unit has no formats of its own. */
	if ((entry->low & RISCV_MSI_PTE_CUSTOM) != 0)
		return RISCV_FAULT_MSI_MISCONFIGURED;
	switch (riscv_msi_pte_mode(entry->low)) {
	case RISCV_MSI_BASIC:
		return (entry->low & RISCV_MSI_BASIC_RESERVED) != 0 ? RISCV_FAULT_MSI_MISCONFIGURED
								    : 0;
	case RISCV_MSI_MRIF:
		entry->is_file = true;
		return !model_has(j->model, RISCV_CAP_MSI_MRIF) ||
				       (entry->low & RISCV_MRIF_LOW_RESERVED) != 0 ||
				       (entry->high & RISCV_MRIF_HIGH_RESERVED) != 0
			       ? RISCV_FAULT_MSI_MISCONFIGURED
			       : 0;
	default:
		return RISCV_FAULT_MSI_MISCONFIGURED;
	}
}

static unsigned int read_entry(const struct journey *j, const struct model_message_table *table,
			       uint64_t address, struct model_message_entry *entry)
{
	const uint64_t place = riscv_root_address(table->msiptp) |
			       riscv_msi_file(address, table->mask) * RISCV_MSI_PTE_SIZE;
	uint64_t words[2];

	if (journey_is_corrupt(j, place))
		return RISCV_FAULT_MSI_CORRUPT;
	if (!iommu_rvmodel_read(j->model, place, words, 2, (j->fctl & RISCV_FCTL_BE) != 0))
		return RISCV_FAULT_MSI_LOAD;
	entry->low = words[0];
	entry->high = words[1];
	return check_entry(j, entry);
}

/* Those that were read without a fault are cached. */
static unsigned int find_entry(struct journey *j, const struct model_message_table *table,
			       uint64_t address, struct model_message_entry *entry)
{
	struct model_cached cached;
	const uint16_t gscid = riscv_iohgatp_gscid(j->iohgatp);
	const uint64_t page = address & ~(IOMMU_PAGE_SIZE - 1);
	unsigned int cause;

	if (!j->fresh && journey_find(j, MODEL_MESSAGE, gscid, 0, page, &cached)) {
		entry->low = cached.low;
		entry->high = cached.high;
		return check_entry(j, entry);
	}
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	j->walks.misses = true;
	cause = read_entry(j, table, address, entry);
	if (cause != 0)
		return cause;
	cached = (struct model_cached){.kind = MODEL_MESSAGE,
				       .tag = gscid,
				       .address = page,
				       .low = entry->low,
				       .high = entry->high};
	journey_remember(j, &cached);
	return 0;
}

unsigned int iommu_rvmodel_find_message(struct journey *j, uint64_t address,
					struct model_message_entry *entry)
{
	struct model_message_table table;
	unsigned int cause;

	*entry = (struct model_message_entry){0};
	if (!j->has_message_table)
		return 0;
	cause = iommu_rvmodel_find_message_table(j, &table);
	if (cause != 0 || !riscv_msi_is_file(address, table.mask, table.pattern))
		return cause;
	entry->is_found = true;
	cause = find_entry(j, &table, address, entry);
	if (cause == 0 && (j->wants & RISCV_PTE_EXECUTE) != 0)
		return RISCV_FAULT_EXECUTE_ACCESS;
	return cause;
}

unsigned int iommu_rvmodel_keep_out_of_files(struct journey *j, uint64_t address, uint64_t *size)
{
	struct model_message_table table;
	unsigned int cause;

	if (!j->has_message_table)
		return 0;
	cause = iommu_rvmodel_find_message_table(j, &table);
	while (cause == 0 && *size > IOMMU_PAGE_SIZE &&
	       riscv_msi_is_file(address, table.mask | ((*size >> 12) - 1), table.pattern))
		*size >>= 1;
	return cause;
}
