/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table entries of either stage: read, checked, and marked (RISC-V privileged specification,
 * "Virtual Address Translation Process", "Svnapot", "Svpbmt").
 */
#include "model/riscv/journey.h"

/* The 8 aligned bytes that an entry of 4 bytes lies in, and where in them. */
static unsigned int shift_in_word(uint64_t paddr)
{
	return (paddr & 4) != 0 ? 32 : 0;
}

static uint32_t half_of(uint64_t word, uint64_t paddr, bool big_endian)
{
	const uint32_t half = (uint32_t)(word >> shift_in_word(paddr));

	return big_endian ? iommu_swap32(half) : half;
}

unsigned int iommu_rvmodel_read_entry(const struct journey *j, const struct model_table *table,
				      uint64_t paddr, uint64_t *entry)
{
	const struct iommu_model_riscv_host *host = &j->model->config.host;
	uint32_t half;

	if (journey_is_corrupt(j, paddr))
		return RISCV_FAULT_TABLE_CORRUPT;
	if (!table->is_32_bit)
		return iommu_rvmodel_read(j->model, paddr, entry, 1, table->big_endian)
			       ? 0
			       : journey_access_fault(j);
	if (paddr > model_last_address(j->model) || !host->read(host->ctx, paddr, &half, 4))
		return journey_access_fault(j);
	*entry = table->big_endian ? iommu_be32(half) : iommu_le32(half);
	return 0;
}

/* Bits that are reserved in every entry. */
static uint64_t reserved_bits(const struct journey *j, const struct model_table *table)
{
	uint64_t reserved = RISCV_PTE_RESERVED;

	if (table->is_32_bit)
		return 0;
	if (!model_has(j->model, RISCV_CAP_SVRSW60T59B))
		reserved |= RISCV_PTE_SVRSW60T59B;
	if (!model_has(j->model, RISCV_CAP_SVPBMT))
		reserved |= RISCV_PTE_PBMT;
	return reserved;
}

static bool leaf_is_good(const struct model_table *table, uint64_t entry)
{
	const uint64_t below = ((1ULL << (model_table_shift(table) - 12)) - 1) << 10;

	if ((entry & (RISCV_PTE_READ | RISCV_PTE_WRITE)) == RISCV_PTE_WRITE)
		return false;
	if (table->is_32_bit || !riscv_pte_is_napot(entry))
		return (entry & below) == 0;
	return table->level == 1 && (entry & RISCV_NAPOT_PPN_MASK) == RISCV_NAPOT_PPN;
}

bool iommu_rvmodel_entry_is_good(const struct journey *j, const struct model_table *table,
				 uint64_t entry)
{
	const uint64_t pbmt = table->is_32_bit ? 0 : entry & RISCV_PTE_PBMT;

	if (!riscv_pte_is_valid(entry) || (entry & reserved_bits(j, table)) != 0 ||
	    pbmt == RISCV_PTE_PBMT)
		return false;
	if (riscv_pte_is_leaf(entry))
		return leaf_is_good(table, entry);
	return table->level != 1 && (entry & (table->is_32_bit ? RISCV_PTE_TABLE_ZERO & UINT32_MAX
							       : RISCV_PTE_TABLE_ZERO)) == 0;
}

unsigned int iommu_rvmodel_span(const struct model_table *table, uint64_t entry)
{
	static const uint8_t spans[] = {MODEL_SPAN_4K, MODEL_SPAN_2M, MODEL_SPAN_1G,
					MODEL_SPAN_512G, MODEL_SPAN_256T};

	if (table->is_32_bit)
		return table->level == 1 ? MODEL_SPAN_4K : MODEL_SPAN_4M;
	if (table->level == 1 && riscv_pte_is_napot(entry))
		return MODEL_SPAN_64K;
	return spans[table->level - 1];
}

/* As the host's function takes it: 8 aligned bytes, little-endian. */
static bool exchange_half(const struct journey *j, const struct model_table *table, uint64_t paddr,
			  uint64_t entry, uint64_t bits)
{
	const struct iommu_model_riscv_host *host = &j->model->config.host;
	const unsigned int shift = shift_in_word(paddr);
	const uint32_t marked = (uint32_t)(entry | bits);
	const uint32_t desired = table->big_endian ? iommu_swap32(marked) : marked;
	uint64_t word;

	if (!iommu_rvmodel_read(j->model, paddr & ~7ULL, &word, 1, false) ||
	    half_of(word, paddr, table->big_endian) != (uint32_t)entry)
		return false;
	return host->compare_exchange(host->ctx, paddr & ~7ULL, word,
				      (word & ~(0xffffffffULL << shift)) | (uint64_t)desired
										   << shift);
}

bool iommu_rvmodel_set_bits(const struct journey *j, const struct model_table *table,
			    uint64_t paddr, uint64_t entry, uint64_t bits)
{
	const struct iommu_model_riscv_host *host = &j->model->config.host;
	const uint64_t marked = entry | bits;

	if (j->peeks)
		return true;
	if (table->is_32_bit)
		return exchange_half(j, table, paddr, entry, bits);
	return host->compare_exchange(host->ctx, paddr,
				      table->big_endian ? iommu_swap64(entry) : entry,
				      table->big_endian ? iommu_swap64(marked) : marked);
}
