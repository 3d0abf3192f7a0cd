/* SPDX-License-Identifier: BSD-2-Clause */
/* How the requests of an endpoint are translated: its stream table entry, and its contexts. */
#ifndef IOMMU_SMMU_STREAM_H
#define IOMMU_SMMU_STREAM_H

#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_stream_table.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "driver/endpoint.h"
#include "smmu/command.h"
#include "smmu/unit.h"

struct smmu_endpoint;

struct smmu_translation {
	enum smmu_ste_config config;
	/* Of stage 2, and nested: the entry, but for what the endpoint alone says. */
	struct smmu_ste stream;
	/* Of stage 1 of the host's. */
	struct smmu_cd context;
};

/*
 * Have the requests of an endpoint with a PASID, or with none (0), translated so, or not at all
 * (NULL). On failure it is as before, except that what was to be blocked stays blocked.
 */
int iommu_smmu_translation_set(struct smmu_endpoint *endpoint, uint32_t pasid,
			       const struct smmu_translation *translation);
/*
 * What was taken away, without confirmation, is said again: hardware may not have forgotten it
 * anyway. A TLB of the device is not used before it was emptied. Without a PASID.
 */
void iommu_smmu_translation_put_back(struct smmu_endpoint *endpoint,
				     const struct smmu_translation *translation);
/* Take a device that did not answer off the table, in any context; hardware is not told yet. */
void iommu_smmu_stream_block(struct smmu_endpoint *endpoint);
/* See struct iommu_driver_endpoint_ops. */
int iommu_smmu_stream_close(struct iommu_driven_endpoint *endpoint);
#if IOMMU_CONFIG_DEVICE_TLB
int iommu_smmu_stream_tell(struct iommu_driven_endpoint *endpoint);
bool iommu_smmu_tlb_store(struct iommu_driven_endpoint *endpoint);
bool iommu_smmu_tlb_keeps(const struct iommu_driven_endpoint *endpoint);
int iommu_smmu_tlb_empty(struct iommu_driven_endpoint *endpoint);
#endif

/* --- Words ------------------------------------------------------------------------------------ */

_Static_assert(SMMU_STE_WORDS == SMMU_CD_WORDS, "entries and contexts have as many words");

static inline bool smmu_entry_is_valid(const uint64_t *words)
{
	return smmu_has(words, SMMU_STE_V);
}

static inline void smmu_words_load(const iommu_cell_t *entry, uint64_t *words)
{
	unsigned int i;

	for (i = 0; i < SMMU_STE_WORDS; i++)
		words[i] = iommu_le64(iommu_cell_load(&entry[i]));
}

/* One word that hardware may read at any time. */
static inline void smmu_word_store(const struct smmu_unit *unit, iommu_cell_t *word, uint64_t value)
{
	iommu_cell_store_release(word, iommu_le64(value));
	smmu_write_back(unit, word, sizeof(*word));
}

/* The first word last: it says whether the entry is valid. Lines of a cache may be shorter. */
static inline void smmu_words_store(const struct smmu_unit *unit, iommu_cell_t *entry,
				    const uint64_t *words)
{
	unsigned int i;

	for (i = 1; i < SMMU_STE_WORDS; i++)
		iommu_cell_store(&entry[i], iommu_le64(words[i]));
	smmu_write_back(unit, entry, SMMU_STE_WORDS * sizeof(*entry));
	smmu_word_store(unit, &entry[0], words[0]);
}

/* What may be cached of translations under the id of a context. */
static inline void smmu_add_context_translations(struct iommu_batch *batch, const uint64_t *context)
{
	smmu_batch_add(batch,
		       smmu_tlbi(SMMU_TLBI_NH_ASID, 0, (uint16_t)smmu_get(context, SMMU_CD_ASID)));
}

/* --- For context.c ---------------------------------------------------------------------------- */

/* The entry as it is. All ids of an endpoint have the same: that of the first. */
void iommu_smmu_stream_load(const struct smmu_endpoint *endpoint, uint64_t *words);
/*
 * Change the entry, or block it (NULL). On failure it is as before, except that what was to be
 * blocked stays blocked, and so does a device that did not answer.
 */
int iommu_smmu_stream_write(struct smmu_endpoint *endpoint, const uint64_t *wanted);
/* Have it so, through the not valid state; hardware is not told. */
void iommu_smmu_stream_put(struct smmu_endpoint *endpoint, uint64_t *words);
/* What becomes of requests without a PASID, from now on; hardware is not told. */
void iommu_smmu_stream_store_way(struct smmu_endpoint *endpoint, enum smmu_s1dss without);
/* An entry that leads to contexts; and one without PASIDs, whose context is filled. */
void iommu_smmu_stream_lead_to(const struct smmu_endpoint *endpoint, const void *contexts,
			       uint64_t *words);
void iommu_smmu_stream_describe(struct smmu_endpoint *endpoint,
				const struct smmu_translation *translation, const uint64_t *before,
				uint64_t *words);

#endif
