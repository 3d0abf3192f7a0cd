/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request on its way through the SMMU model: stream table entry, context descriptor, then the
 * stages of translation that they name (IHI 0070, chapter 15, "Translation procedure"). Every step
 * returns the code of an event, or 0.
 */
#ifndef IOMMU_MODEL_SMMU_JOURNEY_H
#define IOMMU_MODEL_SMMU_JOURNEY_H

#include "model/smmu/model.h"

/* Beyond the specification's codes: what was found may be stale, begin anew; an abort, untold. */
#define MODEL_AGAIN  0x100U
#define MODEL_SILENT 0x101U

/* An entry that changes all the time is looked at so often. */
#define MODEL_REPEATS_MAX 16

/* Words of a stream table entry, and of a context descriptor, that are looked at. */
#define MODEL_STRUCTURE_WORDS 4

/* What an event says beside its code. */
struct model_fault {
	bool of_stage_2;
	bool of_table_write; /* F_PERMISSION of class TT */
	enum smmu_event_class class_of;
	uint64_t ipa, fetch;
};

struct journey {
	struct iommu_model_smmu *model;
	struct model_passage *passage;
	const struct iommu_model_smmu_request *request;
	/* Nothing is set, recorded or cached … */
	bool peeks;
	/* … and tables are read from memory, not from the cache. */
	bool fresh;
	/* Registers, as they were at the beginning. */
	uint32_t enabled, cr2;
	uint64_t bypass, strtab_base, strtab_cfg;
	uint64_t corrupt_first, corrupt_last;
	/* What the request wants. An ATS request takes what there is. */
	bool reads, writes, executes, privileged;
	bool takes_less;
	bool has_ste, has_cd;
	smmu_word_t ste[MODEL_STRUCTURE_WORDS], cd[MODEL_STRUCTURE_WORDS];
	/* The stages that translate, and the context. */
	bool first, second;
	uint32_t ssid;
	enum model_world world;
	uint16_t vmid;
	struct model_fault fault;
};

/* --- Permissions ------------------------------------------------------------------------------ */

/* Of the unprivileged; those of the privileged are above. DIRTY: writes need no mark any more. */
#define MODEL_READ       1U
#define MODEL_WRITE      2U
#define MODEL_EXECUTE    4U
#define MODEL_PRIVILEGED 3U /* shift */
#define MODEL_DIRTY      (1U << 6)
#define MODEL_ALL        0x7fU

/* Of a cached leaf of stage 1: its own flags; those of stage 2; the memory type of both. */
#define MODEL_HIGH_SECOND 7U
#define MODEL_HIGH_MEMORY 14U
/* Of stage 2: flags, MemAttr. */
#define MODEL_HIGH_ATTRIBUTE 8U

static inline unsigned int model_flags_for(unsigned int flags, bool privileged)
{
	return (privileged ? flags >> MODEL_PRIVILEGED : flags) & 7;
}

/* What an access needs. */
struct model_asks {
	bool reads, writes, executes, privileged;
	enum smmu_event_class class_of;
	bool takes_less;
};

static inline bool model_allows(unsigned int flags, const struct model_asks *asks)
{
	const unsigned int has = model_flags_for(flags, asks->privileged);
	unsigned int needs = asks->writes ? MODEL_WRITE : 0;

	if (asks->executes)
		needs |= MODEL_EXECUTE;
	else if (asks->reads)
		needs |= MODEL_READ;
	return (needs & ~has) == 0;
}

/* Is it a write that has to be marked first? */
static inline bool model_needs_mark(unsigned int flags, const struct model_asks *asks)
{
	return asks->writes && (flags & MODEL_DIRTY) == 0 &&
	       (model_flags_for(flags, asks->privileged) & MODEL_WRITE) != 0;
}

static inline struct model_asks journey_asks(const struct journey *j)
{
	return (struct model_asks){.reads = j->reads,
				   .writes = j->writes,
				   .executes = j->executes,
				   .privileged = j->privileged,
				   .class_of = SMMU_CLASS_IN,
				   .takes_less = j->takes_less};
}

/* --- Leaves ----------------------------------------------------------------------------------- */

/* The translation of an address by one stage. */
struct model_leaf {
	uint64_t address;   /* byte exact */
	unsigned int shift; /* log2 of the block around it; 64: everything */
	unsigned int flags;
	/* Stage 1: enum iommu_model_smmu_memory; stage 2: MemAttr. */
	unsigned int memory;
	bool is_global;
	unsigned int level;
	/*
	 * Without a translation: log2 of the aligned block that has none; 64: the address is out of
	 * range.
	 */
	unsigned int absent;
};

/* The translation of an address by all stages. */
struct model_arrival {
	uint64_t paddr, ipa;
	unsigned int shift;
	unsigned int first, second; /* flags */
	unsigned int memory;        /* enum iommu_model_smmu_memory */
	unsigned int absent;
};

/* --- Stages, as they are configured ----------------------------------------------------------- */

/* Tables of a stage. */
struct model_regime {
	unsigned int granule;     /* log2 */
	unsigned int bits;        /* of input addresses */
	unsigned int level;       /* where walks start */
	unsigned int output_bits; /* of addresses in tables */
	uint64_t root;
	bool big_endian;
	bool no_access_faults;
	bool sets_access, sets_dirty;
	bool wide;       /* bits 15:12 of descriptors of 64K tables are address bits 51:48 */
	bool has_groups; /* the contiguous hint counts */
};

/* --- Small things ----------------------------------------------------------------------------- */

/* A look-up in the cache for this journey; without side effects where the journey has none. */
static inline bool journey_find(const struct journey *j, unsigned int kind, uint64_t tag,
				unsigned int level, uint64_t address, struct model_cached *found)
{
	struct model_cache *cache = &j->model->cache;

	if (!iommu_model_cache_may_have(cache, kind, level))
		return false;
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
			&model_counter_of(j->model->counters, (uint16_t)j->request->stream)->walks);
}

/* Words of a structure, 1 or an even number. False: an external abort. */
static inline bool journey_read(const struct journey *j, uint64_t paddr, smmu_word_t *words,
				unsigned int count)
{
	const unsigned int step = count < 2 ? 1 : 2;
	unsigned int i;

	for (i = 0; i < count; i += step) {
		const uint64_t place = paddr + i * 8ULL;

		if ((place >= j->corrupt_first && place <= j->corrupt_last) ||
		    !iommu_smmodel_read(j->model, place, &words[i], step))
			return false;
	}
	return true;
}

/* Also where this request skips stage 1. */
static inline unsigned int journey_effective_eats(const struct journey *j)
{
	const unsigned int eats = (unsigned int)smmu_get(j->ste, SMMU_STE_EATS);

	if (!model_idr0(j->model, SMMU_IDR0_ATS) || eats > SMMU_EATS_SPLIT ||
	    smmu_get(j->ste, SMMU_STE_CONFIG) <= SMMU_STE_BYPASS)
		return SMMU_EATS_NONE;
	return eats == SMMU_EATS_SPLIT && (j->enabled & SMMU_CR0_ATSCHK) == 0 ? SMMU_EATS_NONE
									      : eats;
}

/* --- Structures that are cached in two parts (stream.c) --------------------------------------- */

/* Whose: kind, tag, address. */
struct model_structure {
	enum model_kind kind;
	uint64_t tag, address;
};

/* False: not cached, or not as a whole. *reason: the event that it stands for, or 0. */
bool iommu_smmodel_recall(const struct journey *j, const struct model_structure *of,
			  smmu_word_t *words, unsigned int *reason);
void iommu_smmodel_learn(const struct journey *j, const struct model_structure *of,
			 const smmu_word_t *words, unsigned int reason);

/* --- Descriptors (descriptor.c) --------------------------------------------------------------- */

enum model_descriptor {
	MODEL_INVALID,
	MODEL_TABLE,
	MODEL_LEAF,
};

/* Of a descriptor, in both stages. */
#define MODEL_DESCRIPTOR_AF         (1ULL << 10)
#define MODEL_DESCRIPTOR_DBM        (1ULL << 51)
#define MODEL_DESCRIPTOR_CONTIGUOUS (1ULL << 52)

enum model_descriptor iommu_smmodel_descriptor_kind(const struct model_regime *r,
						    uint64_t descriptor, unsigned int level);
/* Where the descriptor of an address lies in a table. */
uint64_t iommu_smmodel_descriptor_place(const struct model_regime *r, uint64_t table,
					unsigned int level, uint64_t address);
/* The address in it: of a table, or of a block of 2^shift bytes. */
uint64_t iommu_smmodel_descriptor_address(const struct model_regime *r, uint64_t descriptor,
					  unsigned int shift);
/* log2 of what a leaf spans, with its neighbours where it is contiguous. */
unsigned int iommu_smmodel_leaf_shift(const struct model_regime *r, uint64_t descriptor,
				      unsigned int level);
/* False: an external abort. */
bool iommu_smmodel_descriptor_read(const struct journey *j, const struct model_regime *r,
				   uint64_t paddr, uint64_t *descriptor);
/* False: it has changed meanwhile, or cannot be written. */
bool iommu_smmodel_descriptor_replace(const struct journey *j, const struct model_regime *r,
				      uint64_t paddr, uint64_t before, uint64_t after);

/* --- The steps -------------------------------------------------------------------------------- */

/* The stream table entry. */
unsigned int iommu_smmodel_find_stream(struct journey *j);
/* What it says of the request: the stages, the context descriptor. */
unsigned int iommu_smmodel_find_context(struct journey *j);
/* Both, with what overrides the request's attributes. */
unsigned int iommu_smmodel_find_stages(struct journey *j);
/* Tables of stage 1 for an address; false: none, as the descriptor says, or it is out of range. */
bool iommu_smmodel_first_regime(const struct journey *j, uint64_t address,
				struct model_regime *regime);
void iommu_smmodel_second_regime(const struct journey *j, struct model_regime *regime);

/* Stage 2 for an intermediate address, which passes where there is no stage 2. */
unsigned int iommu_smmodel_stage_2(struct journey *j, uint64_t ipa, const struct model_asks *asks,
				   struct model_leaf *leaf);
/* All stages that there are. */
unsigned int iommu_smmodel_translate(struct journey *j, struct model_arrival *arrival);
/* The memory type of both stages. */
unsigned int iommu_smmodel_memory(const struct journey *j, unsigned int first,
				  unsigned int attribute);
/* … of a MemAttr alone. */
unsigned int iommu_smmodel_attribute(unsigned int attribute);

/* --- The whole of it (translate.c) ------------------------------------------------------------ */

void iommu_smmodel_journey_begin(struct journey *j, struct iommu_model_smmu *model,
				 struct model_passage *passage,
				 const struct iommu_model_smmu_request *request);
/* The event of a code, and whether it is recorded. */
bool iommu_smmodel_event_of(const struct journey *j, unsigned int code, struct smmu_event *event);

#endif
