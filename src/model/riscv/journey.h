/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request on its way through the RISC-V model: device context, process context, then the stages
 * of translation that they name (RISC-V IOMMU specification, "Process to translate an IOVA"). Every
 * step returns a cause, or 0.
 */
#ifndef IOMMU_MODEL_RISCV_JOURNEY_H
#define IOMMU_MODEL_RISCV_JOURNEY_H

#include <libiommu/hw/riscv_msi.h>
#include <libiommu/hw/riscv_page_table.h>

#include "model/riscv/model.h"

/* Beyond the specification's causes: what was found may be stale; begin anew. */
#define MODEL_AGAIN 0x1000U

/* An entry that changes all the time is looked at so often. */
#define MODEL_REPEATS_MAX 16

/* Walks that counters count. */
struct model_walks {
	unsigned int device, process, first, second;
	bool misses; /* no cached leaf answered */
};

struct journey {
	struct iommu_model_riscv *model;
	struct model_passage *passage;
	const struct iommu_model_riscv_request *request;
	/* Nothing is noted, counted or cached … */
	bool peeks;
	/* … and tables are read from memory, not from the cache. */
	bool fresh;
	uint64_t directory; /* ddtp, as it was at the beginning … */
	uint32_t fctl;      /* … and fctl */
	uint64_t corrupt_first, corrupt_last;
	/*
	 * What the request wants: RISCV_PTE_READ, _WRITE and _EXECUTE. An ATS request takes what
	 * there is.
	 */
	uint64_t wants;
	bool takes_less;
	/* The device context: tc, iohgatp, ta and fsc; MSI table in a look-up of its own. */
	bool has_message_table;
	uint64_t tc, iohgatp, ta, fsc;
	/* The first stage: its MODE and root, PSCID; as which process, with which privilege. */
	uint64_t first;
	uint32_t pscid;
	bool of_process;
	uint32_t process_id;
	bool privileged, sum;
	uint64_t iotval2;
	struct model_walks walks;
};

/* The translation of an address. */
struct model_leaf {
	uint64_t paddr; /* byte exact; the first stage's is a guest's where there is a second */
	uint64_t flags; /* RISCV_PTE_… permissions, and G */
	unsigned int memory_type;
	uint64_t size; /* of the aligned block around it */
	/*
	 * Without a translation: the size of the aligned block that has none; 0: the address is not
	 * canonical.
	 */
	uint64_t absent;
};

/* Bits of a cached leaf's `high`: those of the entry below 256, and: */
#define MODEL_HIGH_TYPE_SHIFT 8

/* What a cached leaf of either stage says of an address in its block. */
static inline struct model_leaf model_leaf_of(const struct model_cached *cached, unsigned int span,
					      uint64_t address)
{
	const uint64_t mask = (1ULL << model_span_shift(span)) - 1;

	return (struct model_leaf){
		.paddr = cached->low | (address & mask),
		.flags = cached->high & 0xff,
		.memory_type = (unsigned int)(cached->high >> MODEL_HIGH_TYPE_SHIFT) & 3,
		.size = mask + 1,
	};
}

/* Bits for hardware to set that an access (RISCV_PTE_…) needs, and an entry lacks. */
static inline uint64_t model_entry_lacks(uint64_t entry, uint64_t wants)
{
	const uint64_t needs = (wants & entry & RISCV_PTE_WRITE) != 0
				       ? RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY
				       : RISCV_PTE_ACCESSED;

	return needs & ~entry;
}

/* The size of a block without a table around it. */
#define MODEL_WHOLE (1ULL << 63)

static inline bool journey_has_second(const struct journey *j)
{
	return riscv_root_mode(j->iohgatp) != RISCV_IOHGATP_BARE;
}

static inline bool journey_has_first(const struct journey *j)
{
	return riscv_root_mode(j->first) != RISCV_IOSATP_BARE;
}

static inline bool journey_is_32_bit(const struct journey *j)
{
	return (j->tc & RISCV_TC_SXL) != 0;
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
		model_count_up(
			&model_counter_of(j->model->counters, (uint16_t)j->request->device_id)
				 ->walks);
}

static inline bool journey_is_corrupt(const struct journey *j, uint64_t paddr)
{
	return paddr >= j->corrupt_first && paddr <= j->corrupt_last;
}

/* The fault that the request has for a row of causes: of execution, reading, or writing. */
static inline unsigned int journey_cause(const struct journey *j, enum riscv_fault_cause execute,
					 enum riscv_fault_cause read, enum riscv_fault_cause write)
{
	if ((j->wants & RISCV_PTE_EXECUTE) != 0)
		return execute;
	/* An ATS request reads; an atomic operation is a write. */
	return (j->wants & RISCV_PTE_WRITE) != 0 && !j->takes_less ? write : read;
}

static inline unsigned int journey_access_fault(const struct journey *j)
{
	return journey_cause(j, RISCV_FAULT_EXECUTE_ACCESS, RISCV_FAULT_READ_ACCESS,
			     RISCV_FAULT_WRITE_ACCESS);
}

static inline unsigned int journey_page_fault(const struct journey *j)
{
	return journey_cause(j, RISCV_FAULT_EXECUTE_PAGE, RISCV_FAULT_READ_PAGE,
			     RISCV_FAULT_WRITE_PAGE);
}

/* Why the second stage is asked: for the request itself, or for a table of the first stage. */
enum model_purpose {
	MODEL_EXPLICIT,
	MODEL_IMPLICIT_READ,
	MODEL_IMPLICIT_WRITE,
};

/* --- page-table entries (page_entry.c) -------------------------------------------------------- */

/* Of a table: where it lies in memory, the kind of its entries, their byte order. */
struct model_table {
	uint64_t paddr;
	unsigned int level;
	bool is_32_bit, big_endian;
};

/* The entry for an address: 0, with *paddr where it lies; or a cause. */
unsigned int iommu_rvmodel_read_entry(const struct journey *j, const struct model_table *table,
				      uint64_t paddr, uint64_t *entry);
/* Is a valid entry well formed at its level? */
bool iommu_rvmodel_entry_is_good(const struct journey *j, const struct model_table *table,
				 uint64_t entry);
/* What a leaf of a level, or a table below it, spans. */
unsigned int iommu_rvmodel_span(const struct model_table *table, uint64_t entry);
/*
 * Set `bits` in an entry, atomically. False: the entry has changed meanwhile, or cannot be written.
 */
bool iommu_rvmodel_set_bits(const struct journey *j, const struct model_table *table,
			    uint64_t paddr, uint64_t entry, uint64_t bits);

static inline unsigned int model_index_bits(const struct model_table *table)
{
	return table->is_32_bit ? 10 : RISCV_PTE_BITS;
}

static inline unsigned int model_table_shift(const struct model_table *table)
{
	return 12 + (table->level - 1) * model_index_bits(table);
}

static inline unsigned int model_entry_size(const struct model_table *table)
{
	return table->is_32_bit ? 4 : 8;
}

/* --- the steps -------------------------------------------------------------------------------- */

/*
 * Device and process context: fills in the journey. As the stages it may return MODEL_AGAIN.
 *
 * context - the device context; process - what the specification's steps 7 to 16 say of the
 * request.
 */
unsigned int iommu_rvmodel_find_context(struct journey *j);
unsigned int iommu_rvmodel_find_process(struct journey *j);
bool iommu_rvmodel_first_stage_is_known(const struct iommu_model_riscv *model, unsigned int mode,
					bool is_32_bit);
/* The parts of the device context that name the MSI table. */
struct model_message_table {
	uint64_t msiptp, mask, pattern;
};
unsigned int iommu_rvmodel_find_message_table(struct journey *j, struct model_message_table *table);

/* The first stage: the request's address becomes a guest's, or memory's. */
unsigned int iommu_rvmodel_first_stage(struct journey *j, struct model_leaf *leaf);
/* The second stage for a guest address; `wants` are permissions. */
unsigned int iommu_rvmodel_second_stage(struct journey *j, uint64_t address, uint64_t wants,
					enum model_purpose purpose, struct model_leaf *leaf);

/* Is a guest address that of an interrupt file? *found. Then its entry is translated. */
struct model_message_entry {
	bool is_found;
	bool is_file;
	uint64_t low, high;
};
unsigned int iommu_rvmodel_find_message(struct journey *j, uint64_t address,
					struct model_message_entry *entry);

/* Cut the block around an address of a guest, so that it holds no page of an interrupt file. */
unsigned int iommu_rvmodel_keep_out_of_files(struct journey *j, uint64_t address, uint64_t *size);

/* --- the whole of it (translate.c) ------------------------------------------------------------ */

/* At the beginning. */
void iommu_rvmodel_journey_begin(struct journey *j, struct iommu_model_riscv *model,
				 struct model_passage *passage,
				 const struct iommu_model_riscv_request *request);
/* Mode of ddtp, device and process context: returns a cause, 0, or MODEL_AGAIN. */
unsigned int iommu_rvmodel_find_stages(struct journey *j);
/* A translation request by registers, without the lock. */
unsigned int iommu_rvmodel_translate_for_debug(struct iommu_model_riscv *model,
					       const struct iommu_model_riscv_request *request,
					       struct iommu_model_riscv_translation *result);
/* The fault that a cause is recorded as. */
struct model_fault iommu_rvmodel_fault_of(const struct journey *j, unsigned int cause);

#endif
