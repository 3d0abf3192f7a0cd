/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request on its way through the AMD model: device table entry, then the tables that it names
 * (48882, "Device Table", "I/O Page Tables for Host Translations", "Guest and Nested Address
 * Translation"). Every step returns the code of an event, or 0.
 */
#ifndef IOMMU_MODEL_AMDVI_JOURNEY_H
#define IOMMU_MODEL_AMDVI_JOURNEY_H

#include "model/amdvi/model.h"

/* Beyond the specification's codes: what was found may be stale, begin anew; an abort, untold. */
#define MODEL_AGAIN  0x100U
#define MODEL_SILENT 0x101U

/* An entry that changes all the time is looked at so often. */
#define MODEL_REPEATS_MAX 16

/* What an event says beside its code. */
struct model_fault {
	bool is_present; /* PR */
	bool is_denied;  /* PE */
	bool is_reserved;
	bool is_of_guest;    /* GN: the address is one of a guest table */
	unsigned int detail; /* of hardware errors the type, of invalid requests the kind */
	uint64_t address;
};

struct journey {
	struct iommu_model_amdvi *model;
	struct model_passage *passage;
	uint16_t devid;
	uint64_t address;
	bool is_interrupt;
	/* Nothing is set, logged or cached … */
	bool peeks;
	/* … and tables are read from memory, not from the cache. */
	bool fresh;
	/* Registers, as they were at the beginning. */
	uint64_t control;
	uint64_t exclusion_base, exclusion_limit;
	uint64_t corrupt_first, corrupt_last;
	/* What the request wants. A translation request takes what there is. */
	bool reads, writes, executes, privileged;
	bool takes_less;
	/* As the request has it; and as it is translated, by a guest table. */
	bool has_pasid, is_of_guest;
	uint32_t pasid;
	bool has_dte;
	bool has_logged; /* a page fault, since the entry is cached */
	struct amdvi_dte dte;
	struct model_fault fault;
};

/* --- Permissions ------------------------------------------------------------------------------ */

#define MODEL_READ    1U
#define MODEL_WRITE   2U
#define MODEL_EXECUTE 4U
/* Writes need no mark any more. */
#define MODEL_DIRTY (1U << 3)
/* Of host leaves: FC. Of guest leaves: for users. */
#define MODEL_COHERENT (1U << 4)
#define MODEL_USER     (1U << 5)

/* Of host tables that are not there. */
#define MODEL_ALL (MODEL_READ | MODEL_WRITE | MODEL_DIRTY)

/* Of a cached guest leaf: its own flags, and above them those of the host's page. */
#define MODEL_HIGH_HOST 6U

/* Of a cached entry that leads to a host table: its level, and above it the permissions so far. */
#define MODEL_HIGH_PERMISSIONS 4U

/* What an access needs of the host's table. */
struct model_asks {
	bool reads, writes;
	bool takes_less;
};

static inline bool model_allows(unsigned int flags, const struct model_asks *asks)
{
	return (!asks->reads || (flags & MODEL_READ) != 0) &&
	       (!asks->writes || (flags & MODEL_WRITE) != 0);
}

/* Is it a write that has to be marked first? */
static inline bool model_needs_mark(unsigned int flags, bool writes)
{
	return writes && (flags & (MODEL_WRITE | MODEL_DIRTY)) == MODEL_WRITE;
}

static inline struct model_asks journey_asks(const struct journey *j)
{
	return (struct model_asks){
		.reads = j->reads, .writes = j->writes, .takes_less = j->takes_less};
}

/* --- Leaves ----------------------------------------------------------------------------------- */

/* The translation of an address by a table. */
struct model_leaf {
	uint64_t address;   /* byte exact */
	unsigned int shift; /* log2 of the block around it; 64: everything */
	unsigned int flags;
	/* Without a translation: log2 of the aligned block that has none; 64: out of range. */
	unsigned int absent;
};

/* The translation of an address by all tables. */
struct model_arrival {
	uint64_t paddr;
	unsigned int shift, absent;
	unsigned int flags; /* MODEL_READ, MODEL_WRITE without a mark, MODEL_EXECUTE, …_COHERENT */
};

/* --- Small things ----------------------------------------------------------------------------- */

static inline bool journey_control(const struct journey *j, unsigned int field)
{
	return amdvi_bits(j->control, field) != 0;
}

static inline uint16_t journey_domain(const struct journey *j)
{
	return (uint16_t)amdvi_get(j->dte.words, AMDVI_DTE_DOMAIN);
}

/* Levels of the host's table; 0: there is none. */
static inline unsigned int journey_host_levels(const struct journey *j)
{
	return (unsigned int)amdvi_get(j->dte.words, AMDVI_DTE_MODE);
}

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

/* The span that a leaf of 2^shift bytes is cached with. */
static inline unsigned int journey_span(const struct journey *j, unsigned int shift)
{
	return model_is_strict(j->model, IOMMU_MODEL_AMDVI_PIECES) ? 0 : model_span_of(shift);
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
		model_count_up(&model_counter_of(j->model->counters, j->devid)->walks);
}

/* Words of a structure, 1 or an even number. False: there is no memory. */
static inline bool journey_read(const struct journey *j, uint64_t paddr, amdvi_word_t *words,
				unsigned int count)
{
	const unsigned int step = count < 2 ? 1 : 2;
	unsigned int i;

	for (i = 0; i < count; i += step) {
		const uint64_t place = paddr + i * 8ULL;

		if ((place >= j->corrupt_first && place <= j->corrupt_last) ||
		    !iommu_amdmodel_read(j->model, place, &words[i], step))
			return false;
	}
	return true;
}

/* Set bits of an entry. False: it has changed meanwhile, or cannot be written. */
static inline bool journey_mark(const struct journey *j, uint64_t paddr, uint64_t before,
				uint64_t after)
{
	const struct iommu_model_amdvi_host *host = &j->model->config.host;

	if (j->peeks || before == after)
		return true;
	return paddr <= model_last_address(j->model) &&
	       host->compare_exchange(host->ctx, paddr, before, after);
}

/* A fault of the tables: IO_PAGE_FAULT with these details. */
static inline unsigned int journey_page_fault(struct journey *j, uint64_t address,
					      struct model_fault fault)
{
	j->fault = fault;
	j->fault.address = address;
	return AMDVI_IO_PAGE_FAULT;
}

/* A structure at an address cannot be read, or written. */
static inline unsigned int journey_hardware_error(struct journey *j, enum amdvi_event_code code,
						  uint64_t place)
{
	j->fault = (struct model_fault){.detail = AMDVI_ERROR_MASTER_ABORT, .address = place};
	return code;
}

/* --- The steps -------------------------------------------------------------------------------- */

/* The device table entry. (device_table.c) */
unsigned int iommu_amdmodel_find_device(struct journey *j);
/* Its half for memory: is it legal, where V is set? */
unsigned int iommu_amdmodel_check_memory_half(struct journey *j);
/* … and for interrupts, where IV is set? */
unsigned int iommu_amdmodel_check_interrupt_half(struct journey *j);
/* A page fault of a device with SE has been logged. In a walk. */
void iommu_amdmodel_note_logged(const struct journey *j);

/* The host's table, for an address that passes where there is none. (host_table.c) */
unsigned int iommu_amdmodel_host(struct journey *j, uint64_t address, const struct model_asks *asks,
				 struct model_leaf *leaf);
/* The root of the guest table of a PASID: a guest address where there is a host table. (gcr3.c) */
unsigned int iommu_amdmodel_guest_root(struct journey *j, uint64_t *root);
/* The guest's table, and for what it gives the host's. (guest_table.c) */
unsigned int iommu_amdmodel_guest(struct journey *j, struct model_arrival *arrival);
/* log2 of the addresses that guest tables have, a half of them at each end. */
unsigned int iommu_amdmodel_guest_bits(const struct journey *j);

/* --- The whole of it (translate.c) ------------------------------------------------------------ */

void iommu_amdmodel_journey_begin(struct journey *j, struct iommu_model_amdvi *model,
				  struct model_passage *passage, uint16_t devid, uint64_t address);
/* The entry, and by which tables requests with the PASID, or without one, are translated. */
unsigned int iommu_amdmodel_find_stages(struct journey *j);
/* The address, by all that there is; an interrupt has no memory. */
unsigned int iommu_amdmodel_translate(struct journey *j, struct model_arrival *arrival);
/* What is left in the log of a code. */
void iommu_amdmodel_leave_traces(struct journey *j, unsigned int code, struct model_traces *traces);

#endif
