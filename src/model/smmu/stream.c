/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stream table: from a StreamID to its entry, with every check that the specification lists
 * (IHI 0070, 3.3.1, 5.1 and 5.2.2, "Validity of STE"). Entries are cached, invalid ones, too, and
 * so are the descriptors that lead to them.
 */
#include "model/smmu/journey.h"

/* --- Structures in the cache ------------------------------------------------------------------ */

/* What is cached in two parts may be evicted in parts: the second knows the first. */
static uint64_t check_of(const smmu_word_t *words)
{
	return words[0] * 0x9e3779b97f4a7c15ULL ^ words[1] * 0xc2b2ae3d27d4eb4fULL ^
	       words[2] * 0x165667b19e3779f9ULL;
}

bool iommu_smmodel_recall(const struct journey *j, const struct model_structure *of,
			  smmu_word_t *words, unsigned int *reason)
{
	struct model_cached first, second;

	if (!journey_find(j, of->kind, of->tag, 0, of->address, &first))
		return false;
	*reason = first.reason;
	words[0] = first.low;
	words[1] = first.high;
	words[2] = first.third;
	if (first.reason != 0)
		return true;
	if (!journey_find(j, of->kind, of->tag, 1, of->address, &second) ||
	    second.high != check_of(words))
		return false;
	words[3] = second.low;
	return true;
}

void iommu_smmodel_learn(const struct journey *j, const struct model_structure *of,
			 const smmu_word_t *words, unsigned int reason)
{
	struct model_cached entry = {
		.kind = (uint8_t)of->kind,
		.reason = (uint8_t)reason,
		.tag = of->tag,
		.address = of->address,
		.low = words[0],
		.high = words[1],
		.third = words[2],
	};

	journey_remember(j, &entry);
	if (reason != 0)
		return;
	entry.level = 1;
	entry.low = words[3];
	entry.high = check_of(words);
	entry.third = 0;
	journey_remember(j, &entry);
}

/* --- 5.2.2 validity --------------------------------------------------------------------------- */

static bool endianness_is_good(const struct iommu_model_smmu *model, bool big)
{
	switch (smmu_bits(model->config.idr0, SMMU_IDR0_TTENDIAN)) {
	case SMMU_ENDIAN_LITTLE:
		return !big;
	case SMMU_ENDIAN_BIG:
		return big;
	default:
		return true;
	}
}

static bool granule_is_known(const struct iommu_model_smmu *model, unsigned int shift)
{
	const uint32_t idr5 = model->config.idr5;

	return (shift == 12 && smmu_bits(idr5, SMMU_IDR5_GRAN4K) != 0) ||
	       (shift == 14 && smmu_bits(idr5, SMMU_IDR5_GRAN16K) != 0) ||
	       (shift == 16 && smmu_bits(idr5, SMMU_IDR5_GRAN64K) != 0);
}

static bool contexts_are_good(const struct iommu_model_smmu *model, const smmu_word_t *ste)
{
	const uint64_t ssidsize = smmu_bits(model->config.idr1, SMMU_IDR1_SSIDSIZE);
	const uint64_t max = smmu_get(ste, SMMU_STE_S1CDMAX);
	const uint64_t format = smmu_get(ste, SMMU_STE_S1FMT);

	if (smmu_address(ste, SMMU_STE_S1CONTEXTPTR) > model_last_address(model))
		return false;
	if (ssidsize == 0 || max == 0)
		return true;
	if (max > ssidsize)
		return false;
	return (format != SMMU_S1FMT_4K && format != SMMU_S1FMT_64K) ||
	       model_idr0(model, SMMU_IDR0_CD2L);
}

static bool stage_1_is_good(const struct iommu_model_smmu *model, const smmu_word_t *ste)
{
	const bool alone = smmu_get(ste, SMMU_STE_CONFIG) == SMMU_STE_STAGE_1;

	if (!model_idr0(model, SMMU_IDR0_S1P) || !contexts_are_good(model, ste))
		return false;
	if (alone && model_idr0(model, SMMU_IDR0_HYP) && (smmu_get(ste, SMMU_STE_STRW) & 1) != 0)
		return false;
	return !smmu_has(ste, SMMU_STE_S1STALLD) || model_stall_model(model) == SMMU_STALL_OPTIONAL;
}

/* Widths of intermediate addresses that a start level serves, with up to 16 tables. */
static bool start_level_is_good(unsigned int granule, unsigned int level, unsigned int bits)
{
	const unsigned int above = model_level_shift(granule, level);

	return level <= 3 && bits > above && bits <= above + granule - 3 + 4 &&
	       bits <= (granule == 16 ? 52U : 48U) && (level != 0 || bits <= 48) &&
	       (granule != 12 || level != 0 || bits <= above + granule - 3);
}

static bool stage_2_size_is_good(const struct iommu_model_smmu *model, const smmu_word_t *ste)
{
	const unsigned int granule = smmu_tg0_shift((unsigned int)smmu_get(ste, SMMU_STE_S2TG));
	const unsigned int t0sz = (unsigned int)smmu_get(ste, SMMU_STE_S2T0SZ);
	const unsigned int sl0 = (unsigned int)smmu_get(ste, SMMU_STE_S2SL0);
	const unsigned int wide = granule == 16 && model_output_bits(model) == 52 ? 52 : 48;
	const unsigned int most = model_output_bits(model) < wide ? model_output_bits(model) : wide;
	const bool small = model_idr3(model, SMMU_IDR3_STT);
	const unsigned int least = !small ? 25 : granule == 16 ? 17 : 16;

	if (!granule_is_known(model, granule) || t0sz < 64 - most || t0sz > 64 - least)
		return false;
	if (granule == 12 && sl0 == 3 && !small)
		return false;
	if (granule == 14 && sl0 == 3)
		return false;
	return start_level_is_good(granule, smmu_s2sl0_level(sl0, granule), 64 - t0sz);
}

static bool stage_2_flags_are_good(const struct iommu_model_smmu *model, const smmu_word_t *ste)
{
	const unsigned int stalls = model_stall_model(model);
	const bool ha = smmu_has(ste, SMMU_STE_S2HA), hd = smmu_has(ste, SMMU_STE_S2HD);

	/* AArch64 tables are all that there are. */
	if (!smmu_has(ste, SMMU_STE_S2AA64))
		return false;
	if (smmu_has(ste, SMMU_STE_S2S) ? stalls == SMMU_STALL_NEVER : stalls == SMMU_STALL_FORCED)
		return false;
	if ((ha && model_httu(model) < SMMU_HTTU_ACCESS) ||
	    (hd && model_httu(model) < SMMU_HTTU_DIRTY) || smmu_has(ste, SMMU_STE_S2HAFT))
		return false;
	return endianness_is_good(model, smmu_has(ste, SMMU_STE_S2ENDI));
}

static bool stage_2_is_good(const struct iommu_model_smmu *model, const smmu_word_t *ste)
{
	const unsigned int ps = smmu_address_bits((unsigned int)smmu_get(ste, SMMU_STE_S2PS));
	unsigned int bits = model_output_bits(model) < ps ? model_output_bits(model) : ps;

	if (!model_idr0(model, SMMU_IDR0_S2P) || !stage_2_flags_are_good(model, ste) ||
	    !stage_2_size_is_good(model, ste))
		return false;
	if (bits > 48 && smmu_get(ste, SMMU_STE_S2TG) != SMMU_TG0_64K)
		bits = 48;
	return smmu_address(ste, SMMU_STE_S2TTB) >> bits == 0;
}

static bool ats_is_good(const struct iommu_model_smmu *model, const smmu_word_t *ste)
{
	const uint64_t config = smmu_get(ste, SMMU_STE_CONFIG);
	const bool stalls = (config & 2) != 0 && smmu_has(ste, SMMU_STE_S2S);

	if (!model_idr0(model, SMMU_IDR0_ATS) || config == SMMU_STE_BYPASS)
		return true;
	switch (smmu_get(ste, SMMU_STE_EATS)) {
	case SMMU_EATS_FULL:
		return !stalls;
	case SMMU_EATS_SPLIT:
		return config == SMMU_STE_NESTED && !stalls && !model_idr0(model, SMMU_IDR0_NS1ATS);
	default:
		return true;
	}
}

/* The VMID counts with stage 1 alone, too, if the stream is of EL1. */
static bool vmid_is_good(const struct iommu_model_smmu *model, const smmu_word_t *ste)
{
	const uint64_t config = smmu_get(ste, SMMU_STE_CONFIG);
	const bool el2 = config == SMMU_STE_STAGE_1 && model_idr0(model, SMMU_IDR0_HYP) &&
			 smmu_get(ste, SMMU_STE_STRW) == SMMU_STRW_EL2;

	return config == SMMU_STE_BYPASS || el2 || !model_idr0(model, SMMU_IDR0_S2P) ||
	       model_idr0(model, SMMU_IDR0_VMID16) || smmu_get(ste, SMMU_STE_S2VMID) < 0x100;
}

/* Config 0 to 3: nothing else is looked at. */
static bool entry_is_good(const struct iommu_model_smmu *model, const smmu_word_t *ste)
{
	const uint64_t config = smmu_get(ste, SMMU_STE_CONFIG);

	if (!smmu_has(ste, SMMU_STE_V))
		return false;
	if (config < SMMU_STE_BYPASS)
		return true;
	return ((config & 1) == 0 || stage_1_is_good(model, ste)) &&
	       ((config & 2) == 0 || stage_2_is_good(model, ste)) && ats_is_good(model, ste) &&
	       vmid_is_good(model, ste);
}

/* --- From memory ------------------------------------------------------------------------------ */

static unsigned int fetch_failed(struct journey *j, uint64_t place)
{
	j->fault.fetch = place;
	return SMMU_F_STE_FETCH;
}

/* Bits of StreamIDs that the table serves. */
static unsigned int stream_bits(const struct journey *j)
{
	const unsigned int most = (unsigned int)smmu_bits(j->model->config.idr1, SMMU_IDR1_SIDSIZE);
	const unsigned int bits = (unsigned int)smmu_bits(j->strtab_cfg, SMMU_STRTAB_CFG_LOG2SIZE);

	return bits < most ? bits : most;
}

/* The table's base, with what its size leaves of it: 2^bits entries of 2^shift bytes. */
static uint64_t table_base(const struct journey *j, unsigned int bits, unsigned int shift)
{
	const unsigned int size = bits + shift > 6 ? bits + shift : 6;

	return (j->strtab_base & smmu_field_mask(SMMU_STRTAB_BASE_ADDRESS)) & ~((1ULL << size) - 1);
}

static unsigned int read_level_1(struct journey *j, unsigned int split, uint64_t *descriptor)
{
	const unsigned int bits = stream_bits(j);
	const uint32_t index = j->request->stream >> split;
	struct model_cached entry = {.kind = MODEL_STREAM_TABLE, .tag = index};
	smmu_word_t word;
	uint64_t place;

	if (journey_find(j, MODEL_STREAM_TABLE, index, 0, 0, &entry)) {
		*descriptor = entry.low;
		return 0;
	}
	place = table_base(j, bits > split ? bits - split : 0, 3) + index * 8ULL;
	if (!journey_read(j, place, &word, 1))
		return fetch_failed(j, place);
	entry.low = word;
	journey_remember(j, &entry);
	*descriptor = word;
	return 0;
}

static unsigned int place_of_entry(struct journey *j, uint64_t *place)
{
	const unsigned int split = smmu_strtab_split((uint32_t)j->strtab_cfg);
	const uint32_t index = j->request->stream & ((1U << split) - 1);
	const bool has_levels =
		smmu_bits(j->strtab_cfg, SMMU_STRTAB_CFG_FORMAT) == SMMU_STREAM_TABLE_2_LEVELS &&
		smmu_bits(j->model->config.idr0, SMMU_IDR0_ST_LEVEL) != SMMU_ST_LEVEL_LINEAR;
	uint64_t descriptor = 0;
	unsigned int code, span;

	if (!has_levels) {
		*place = table_base(j, stream_bits(j), 6) + j->request->stream * 64ULL;
		return 0;
	}
	code = read_level_1(j, split, &descriptor);
	if (code != 0)
		return code;
	span = smmu_l1std_span(descriptor);
	if (span == 0 || span > split + 1 || index >> (span - 1) != 0)
		return SMMU_C_BAD_STREAMID;
	*place = (smmu_l1std_address(descriptor) & ~((32ULL << span) - 1)) + index * 64ULL;
	return 0;
}

unsigned int iommu_smmodel_find_stream(struct journey *j)
{
	const struct model_structure of = {MODEL_STREAM, j->request->stream, 0};
	unsigned int code = 0;
	uint64_t place = 0;

	if ((uint64_t)j->request->stream >> stream_bits(j) != 0)
		return SMMU_C_BAD_STREAMID;
	j->has_ste = iommu_smmodel_recall(j, &of, j->ste, &code);
	if (j->has_ste)
		return code;
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	journey_count_walk(j);
	code = place_of_entry(j, &place);
	if (code != 0)
		return code;
	if (!journey_read(j, place, j->ste, MODEL_STRUCTURE_WORDS))
		return fetch_failed(j, place);
	j->has_ste = true;
	code = entry_is_good(j->model, j->ste) ? 0 : SMMU_C_BAD_STE;
	iommu_smmodel_learn(j, &of, j->ste, code);
	return code;
}
