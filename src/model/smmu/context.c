/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The context descriptor of a stream, or of a substream, with every check that the specification
 * lists (IHI 0070, 3.3.2, 5.3 and 5.4.2, "Validity of CD"); and what the stream table entry says of
 * substreams. Descriptors are cached, invalid ones, too, and so are those that lead to them.
 */
#include "model/smmu/journey.h"

/* --- 5.4.2 validity --------------------------------------------------------------------------- */

static bool granule_is_known(const struct iommu_model_smmu *model, unsigned int shift)
{
	const uint32_t idr5 = model->config.idr5;

	return (shift == 12 && smmu_bits(idr5, SMMU_IDR5_GRAN4K) != 0) ||
	       (shift == 14 && smmu_bits(idr5, SMMU_IDR5_GRAN16K) != 0) ||
	       (shift == 16 && smmu_bits(idr5, SMMU_IDR5_GRAN64K) != 0);
}

static unsigned int output_bits(const struct iommu_model_smmu *model, const smmu_word_t *cd,
				unsigned int granule)
{
	unsigned int bits = smmu_address_bits((unsigned int)smmu_get(cd, SMMU_CD_IPS));

	if (bits > model_output_bits(model))
		bits = model_output_bits(model);
	return bits > 48 && granule != 16 ? 48 : bits;
}

/* One of the halves: where it is, its size, its granule. */
struct half {
	bool is_off;
	unsigned int size, granule;
	uint64_t root;
};

static struct half half_of(const smmu_word_t *cd, bool upper)
{
	if (upper)
		return (struct half){
			.is_off = smmu_has(cd, SMMU_CD_EPD1),
			.size = (unsigned int)smmu_get(cd, SMMU_CD_T1SZ),
			.granule = smmu_tg1_shift((unsigned int)smmu_get(cd, SMMU_CD_TG1)),
			.root = smmu_address(cd, SMMU_CD_TTB1),
		};
	return (struct half){
		.is_off = smmu_has(cd, SMMU_CD_EPD0),
		.size = (unsigned int)smmu_get(cd, SMMU_CD_T0SZ),
		.granule = smmu_tg0_shift((unsigned int)smmu_get(cd, SMMU_CD_TG0)),
		.root = smmu_address(cd, SMMU_CD_TTB0),
	};
}

static bool half_is_good(const struct iommu_model_smmu *model, const smmu_word_t *cd,
			 const struct half *half)
{
	const bool small = model_idr3(model, SMMU_IDR3_STT);
	const unsigned int most = !small ? 39 : half->granule == 16 ? 47 : 48;

	if (half->is_off)
		return true;
	return granule_is_known(model, half->granule) && half->size >= 16 && half->size <= most &&
	       half->root >> output_bits(model, cd, half->granule) == 0;
}

static bool flags_are_good(const struct journey *j, const smmu_word_t *cd)
{
	const struct iommu_model_smmu *model = j->model;
	const unsigned int stalls = model_stall_model(model);
	const uint64_t endian = smmu_bits(model->config.idr0, SMMU_IDR0_TTENDIAN);
	const bool big = smmu_has(cd, SMMU_CD_ENDI);

	if (!smmu_has(cd, SMMU_CD_AA64))
		return false;
	if (!smmu_has(cd, SMMU_CD_A) && model_idr0(model, SMMU_IDR0_TERM_MODEL))
		return false;
	if (smmu_has(cd, SMMU_CD_S)
		    ? stalls == SMMU_STALL_NEVER || smmu_has(j->ste, SMMU_STE_S1STALLD)
		    : stalls == SMMU_STALL_FORCED)
		return false;
	if ((smmu_has(cd, SMMU_CD_HA) && model_httu(model) < SMMU_HTTU_ACCESS) ||
	    (smmu_has(cd, SMMU_CD_HD) && model_httu(model) < SMMU_HTTU_DIRTY))
		return false;
	return !(big && endian == SMMU_ENDIAN_LITTLE) && !(!big && endian == SMMU_ENDIAN_BIG);
}

/* EL2 has one half, and no ASIDs. */
static bool descriptor_is_good(const struct journey *j, const smmu_word_t *cd)
{
	const struct half lower = half_of(cd, false), upper = half_of(cd, true);
	const bool el2 = j->world == MODEL_EL2;
	struct half only = lower;

	if (!smmu_has(cd, SMMU_CD_V) || !flags_are_good(j, cd))
		return false;
	only.is_off = false;
	if (el2)
		return half_is_good(j->model, cd, &only);
	if (!model_idr0(j->model, SMMU_IDR0_ASID16) && smmu_get(cd, SMMU_CD_ASID) >= 0x100)
		return false;
	return half_is_good(j->model, cd, &lower) && half_is_good(j->model, cd, &upper);
}

/* --- From memory ------------------------------------------------------------------------------ */

/* Bytes of a table, which may lie at an intermediate address. */
static unsigned int read_words(struct journey *j, uint64_t address, smmu_word_t *words,
			       unsigned int count)
{
	const struct model_asks asks = {.reads = true, .class_of = SMMU_CLASS_CD};
	struct model_leaf leaf = {0};
	unsigned int code = iommu_smmodel_stage_2(j, address, &asks, &leaf);

	if (code != 0)
		return code;
	if (journey_read(j, leaf.address, words, count))
		return 0;
	j->fault.fetch = leaf.address;
	return SMMU_F_CD_FETCH;
}

/* Substreams, if the unit has them. */
static unsigned int substream_bits(const struct journey *j)
{
	return smmu_bits(j->model->config.idr1, SMMU_IDR1_SSIDSIZE) == 0
		       ? 0
		       : (unsigned int)smmu_get(j->ste, SMMU_STE_S1CDMAX);
}

/* Bits of a SubstreamID below the index of level 1; 0: the table has no levels. */
static unsigned int split_of(const struct journey *j)
{
	const uint64_t format = smmu_get(j->ste, SMMU_STE_S1FMT);

	if (substream_bits(j) == 0)
		return 0;
	if (format == SMMU_S1FMT_4K)
		return SMMU_CD_SPLIT_4K;
	return format == SMMU_S1FMT_64K ? SMMU_CD_SPLIT_64K : 0;
}

static uint64_t base_of(const struct journey *j, unsigned int bits, unsigned int shift)
{
	return smmu_address(j->ste, SMMU_STE_S1CONTEXTPTR) & ~((1ULL << (bits + shift)) - 1);
}

static unsigned int read_level_1(struct journey *j, unsigned int split, uint64_t *descriptor)
{
	const unsigned int bits = substream_bits(j);
	const uint32_t index = j->ssid >> split;
	struct model_cached entry = {
		.kind = MODEL_CONTEXT,
		.level = MODEL_CONTEXT_TABLE,
		.tag = j->request->stream,
		.address = (uint64_t)(split == SMMU_CD_SPLIT_64K) << 32 | index,
	};
	unsigned int code;
	smmu_word_t word;

	if (journey_find(j, MODEL_CONTEXT, entry.tag, MODEL_CONTEXT_TABLE, entry.address, &entry)) {
		*descriptor = entry.low;
		return 0;
	}
	code = read_words(j, base_of(j, bits > split ? bits - split : 0, 3) + index * 8ULL, &word,
			  1);
	if (code != 0)
		return code;
	entry.low = word;
	journey_remember(j, &entry);
	*descriptor = word;
	return 0;
}

static unsigned int place_of_descriptor(struct journey *j, uint64_t *place)
{
	const unsigned int split = split_of(j);
	uint64_t descriptor = 0, table;
	unsigned int code;

	if (split == 0) {
		*place = base_of(j, substream_bits(j), 6) + j->ssid * 64ULL;
		return 0;
	}
	code = read_level_1(j, split, &descriptor);
	if (code != 0)
		return code;
	table = smmu_l1cd_address(descriptor) & ~((64ULL << split) - 1);
	if (!smmu_l1cd_is_valid(descriptor) || table > model_last_address(j->model))
		return SMMU_C_BAD_SUBSTREAMID;
	*place = table + (j->ssid & ((1U << split) - 1)) * 64ULL;
	return 0;
}

static unsigned int find_descriptor(struct journey *j)
{
	const struct model_structure of = {MODEL_CONTEXT, j->request->stream, j->ssid};
	unsigned int code = 0;
	uint64_t place = 0;

	if (iommu_smmodel_recall(j, &of, j->cd, &code)) {
		j->has_cd = code == 0;
		return code;
	}
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	code = place_of_descriptor(j, &place);
	if (code == 0)
		code = read_words(j, place, j->cd, MODEL_STRUCTURE_WORDS);
	if (code != 0)
		return code;
	j->has_cd = descriptor_is_good(j, j->cd);
	code = j->has_cd ? 0 : SMMU_C_BAD_CD;
	iommu_smmodel_learn(j, &of, j->cd, code);
	return code;
}

/* --- What the stream table entry says --------------------------------------------------------- */

/* The world of stage 1 alone; with stage 2 it is EL1. */
static enum model_world world_of(const struct journey *j)
{
	if (j->second || !model_idr0(j->model, SMMU_IDR0_HYP) ||
	    smmu_get(j->ste, SMMU_STE_CONFIG) != SMMU_STE_STAGE_1 ||
	    smmu_get(j->ste, SMMU_STE_STRW) != SMMU_STRW_EL2)
		return MODEL_EL1;
	return (j->cr2 & SMMU_CR2_E2H) != 0 ? MODEL_EL2_E2H : MODEL_EL2;
}

/* A substream that there is not, or a stream that has to name one. */
static unsigned int choose_substream(struct journey *j)
{
	const struct iommu_model_smmu_request *request = j->request;
	const unsigned int bits = substream_bits(j);
	const uint64_t dss = smmu_get(j->ste, SMMU_STE_S1DSS);

	j->ssid = request->has_substream ? request->substream : 0;
	if (request->has_substream) {
		if (!j->first || bits == 0 || (uint64_t)request->substream >> bits != 0)
			return SMMU_C_BAD_SUBSTREAMID;
		return dss == SMMU_S1DSS_CD0 && request->substream == 0 ? SMMU_F_STREAM_DISABLED
									: 0;
	}
	if (!j->first || bits == 0 || dss == SMMU_S1DSS_CD0)
		return 0;
	if (dss != SMMU_S1DSS_BYPASS)
		return SMMU_F_STREAM_DISABLED;
	j->first = false;
	return 0;
}

unsigned int iommu_smmodel_find_context(struct journey *j)
{
	const unsigned int config = (unsigned int)smmu_get(j->ste, SMMU_STE_CONFIG);
	unsigned int code;

	if (config < SMMU_STE_BYPASS)
		return MODEL_SILENT;
	j->first = (config & 1) != 0;
	j->second = (config & 2) != 0;
	j->world = world_of(j);
	if (j->world == MODEL_EL1 && model_idr0(j->model, SMMU_IDR0_S2P))
		j->vmid = (uint16_t)smmu_get(j->ste, SMMU_STE_S2VMID);
	code = choose_substream(j);
	if (code != 0 || !j->first)
		return code;
	return find_descriptor(j);
}

/* --- Stage 1, as the descriptor configures it ------------------------------------------------- */

bool iommu_smmodel_first_regime(const struct journey *j, uint64_t address,
				struct model_regime *regime)
{
	const bool el2 = j->world == MODEL_EL2;
	const bool upper = !el2 && (address >> 55 & 1) != 0;
	const bool ignores_top = smmu_has(j->cd, upper ? SMMU_CD_TBI1 : SMMU_CD_TBI0);
	const struct half half = half_of(j->cd, upper);
	const unsigned int bits = 64 - half.size, stride = half.granule - 3;
	const uint64_t seen = ignores_top ? model_canonical(address) : address;
	unsigned int levels;

	/* The size of a half that is off may be anything. */
	if (half.is_off && !el2)
		return false;
	if (seen >> bits != (upper ? UINT64_MAX >> bits : 0))
		return false;
	levels = (bits - half.granule + stride - 1) / stride;
	*regime = (struct model_regime){
		.granule = half.granule,
		.bits = bits,
		.level = 4 - levels,
		.output_bits = output_bits(j->model, j->cd, half.granule),
		.root = half.root,
		.big_endian = smmu_has(j->cd, SMMU_CD_ENDI),
		.no_access_faults = smmu_has(j->cd, SMMU_CD_AFFD),
		.sets_access = smmu_has(j->cd, SMMU_CD_HA),
		.sets_dirty = smmu_has(j->cd, SMMU_CD_HA) && smmu_has(j->cd, SMMU_CD_HD),
		.wide = half.granule == 16 && model_output_bits(j->model) == 52,
		.has_groups = !model_is_strict(j->model, IOMMU_MODEL_SMMU_NO_GROUPS),
	};
	return true;
}
