/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 2: intermediate addresses become addresses of memory. Cached entries are tagged with the
 * VMID. Only what is valid, and may be accessed, is cached.
 */
#include "model/smmu/journey.h"

#define S2AP_READ      (1ULL << 6)
#define S2AP_WRITE     (1ULL << 7)
#define XN_UPPER       (1ULL << 54)
#define XN_LOWER       (1ULL << 53)
#define MEMATTR(entry) ((unsigned int)((entry) >> 2) & 0xf)

struct walk {
	struct journey *j;
	const struct model_asks *asks;
	struct model_regime regime;
	uint64_t ipa;
	struct model_leaf *leaf;
	uint64_t table;
	unsigned int level;
	bool repeats; /* an entry has changed: begin the walk anew */
};

void iommu_smmodel_second_regime(const struct journey *j, struct model_regime *regime)
{
	const smmu_word_t *ste = j->ste;
	const unsigned int granule = smmu_tg0_shift((unsigned int)smmu_get(ste, SMMU_STE_S2TG));
	const unsigned int ps = smmu_address_bits((unsigned int)smmu_get(ste, SMMU_STE_S2PS));
	const unsigned int oas = model_output_bits(j->model);
	unsigned int output = ps < oas ? ps : oas;

	if (output > 48 && granule != 16)
		output = 48;
	*regime = (struct model_regime){
		.granule = granule,
		.bits = 64 - (unsigned int)smmu_get(ste, SMMU_STE_S2T0SZ),
		.level = smmu_s2sl0_level((unsigned int)smmu_get(ste, SMMU_STE_S2SL0), granule),
		.output_bits = output,
		.root = smmu_address(ste, SMMU_STE_S2TTB),
		.big_endian = smmu_has(ste, SMMU_STE_S2ENDI),
		.no_access_faults = smmu_has(ste, SMMU_STE_S2AFFD),
		.sets_access = smmu_has(ste, SMMU_STE_S2HA),
		.sets_dirty = smmu_has(ste, SMMU_STE_S2HA) && smmu_has(ste, SMMU_STE_S2HD),
		.wide = granule == 16 && oas == 52,
		.has_groups = !model_is_strict(j->model, IOMMU_MODEL_SMMU_NO_GROUPS),
	};
}

static unsigned int fault(const struct walk *w, unsigned int code)
{
	w->j->fault = (struct model_fault){
		.of_stage_2 = true,
		.of_table_write = w->asks->writes,
		.class_of = w->asks->class_of,
		.ipa = w->ipa,
	};
	return code;
}

static unsigned int external_abort(const struct walk *w, uint64_t place)
{
	(void)fault(w, 0);
	w->j->fault.fetch = place;
	return SMMU_F_WALK_EABT;
}

/* --- The cache -------------------------------------------------------------------------------- */

static uint64_t tag_of(const struct walk *w, unsigned int level)
{
	return model_stage_2_tag(w->j->vmid) | model_tag_entry(w->regime.granule, level);
}

static bool find_leaf(const struct walk *w, struct model_cached *found, unsigned int *span,
		      unsigned int *level)
{
	for (*level = 3; *level >= 1 && !w->j->fresh; --*level)
		for (*span = 0; *span < MODEL_SPANS; ++*span)
			if (journey_find(w->j, MODEL_STAGE_2, tag_of(w, *level), *span,
					 w->ipa & UINT64_MAX << model_span_shift(*span), found))
				return true;
	return false;
}

static void remember_leaf(const struct walk *w, uint64_t descriptor)
{
	const unsigned int span = model_span_of(w->leaf->shift);
	const uint64_t mask = UINT64_MAX << model_span_shift(span);
	const struct model_cached entry = {
		.kind = MODEL_STAGE_2,
		.tag = tag_of(w, w->level),
		.level = (uint8_t)span,
		.address = w->ipa & mask,
		.low = w->leaf->address & mask,
		.high = w->leaf->flags | (uint64_t)MEMATTR(descriptor) << MODEL_HIGH_ATTRIBUTE,
	};

	/* The cached entry stays, with a note that a write was marked. */
	if ((w->leaf->flags & MODEL_DIRTY) != 0 && !w->j->peeks)
		iommu_model_cache_add_to_high(&w->j->model->cache, &w->j->passage->walk, &entry,
					      MODEL_DIRTY);
	journey_remember(w->j, &entry);
}

static void remember_table(const struct walk *w, uint64_t table)
{
	const unsigned int shift = model_level_shift(w->regime.granule, w->level);
	const struct model_cached entry = {
		.kind = MODEL_STAGE_2,
		.tag = tag_of(w, w->level) | MODEL_TAG_TABLE,
		.level = (uint8_t)w->level,
		.address = w->ipa & UINT64_MAX << shift,
		.low = table,
	};

	journey_remember(w->j, &entry);
}

/* The deepest table on the way that is known. */
static void start_of_walk(struct walk *w)
{
	struct model_cached known;

	w->repeats = false;
	for (w->level = 3; w->level > w->regime.level && !w->j->fresh; w->level--) {
		const unsigned int above = w->level - 1;
		const uint64_t mask = UINT64_MAX << model_level_shift(w->regime.granule, above);

		if (journey_find(w->j, MODEL_STAGE_2, tag_of(w, above) | MODEL_TAG_TABLE, above,
				 w->ipa & mask, &known)) {
			w->table = known.low;
			return;
		}
	}
	w->level = w->regime.level;
	w->table = w->regime.root;
}

/* --- Leaves ----------------------------------------------------------------------------------- */

/* XN: without XNX the upper bit for all; with it the lower one says which of the two. */
static unsigned int executable(const struct walk *w, uint64_t descriptor)
{
	const bool upper = (descriptor & XN_UPPER) != 0, lower = (descriptor & XN_LOWER) != 0;
	const bool two = model_idr3(w->j->model, SMMU_IDR3_XNX);
	const unsigned int user = MODEL_EXECUTE, both = user | user << MODEL_PRIVILEGED;

	if (!two || !lower)
		return upper ? 0 : both;
	return upper ? user << MODEL_PRIVILEGED : user;
}

static unsigned int flags_of(const struct walk *w, uint64_t descriptor)
{
	const bool marks = w->regime.sets_dirty && (descriptor & MODEL_DESCRIPTOR_DBM) != 0;
	const bool writable = (descriptor & S2AP_WRITE) != 0;
	unsigned int flags = (descriptor & S2AP_READ) != 0 ? MODEL_READ : 0;

	if (writable || marks)
		flags |= MODEL_WRITE;
	flags |= flags << MODEL_PRIVILEGED;
	return flags | executable(w, descriptor) | (writable || !marks ? MODEL_DIRTY : 0);
}

/* Walks of stage 1 do not go to Device memory, with S2PTW. */
static bool is_forbidden_memory(const struct walk *w, unsigned int attribute)
{
	return w->asks->class_of != SMMU_CLASS_IN && smmu_has(w->j->ste, SMMU_STE_S2PTW) &&
	       iommu_smmodel_memory(w->j, IOMMU_MODEL_SMMU_CACHEABLE, attribute) ==
		       IOMMU_MODEL_SMMU_DEVICE;
}

static unsigned int check_access(const struct walk *w, unsigned int flags, unsigned int attribute)
{
	if (is_forbidden_memory(w, attribute) ||
	    (!w->asks->takes_less && !model_allows(flags, w->asks)))
		return fault(w, SMMU_F_PERMISSION);
	return 0;
}

static unsigned int use_leaf(struct walk *w, uint64_t place, uint64_t descriptor)
{
	const unsigned int flags = flags_of(w, descriptor);
	uint64_t after = descriptor;
	unsigned int code;

	if ((descriptor & MODEL_DESCRIPTOR_AF) == 0 && w->regime.sets_access)
		after |= MODEL_DESCRIPTOR_AF;
	else if ((descriptor & MODEL_DESCRIPTOR_AF) == 0 && !w->regime.no_access_faults)
		return fault(w, SMMU_F_ACCESS);
	code = check_access(w, flags, MEMATTR(descriptor));
	if (code != 0)
		return code;
	if (model_needs_mark(flags, w->asks))
		after |= S2AP_WRITE;
	if (after != descriptor &&
	    !iommu_smmodel_descriptor_replace(w->j, &w->regime, place, descriptor, after)) {
		w->repeats = true;
		return 0;
	}
	w->leaf->flags = flags_of(w, after);
	w->leaf->memory = MEMATTR(descriptor);
	w->leaf->level = w->level;
	w->leaf->shift = iommu_smmodel_leaf_shift(&w->regime, descriptor, w->level);
	w->leaf->address =
		(iommu_smmodel_descriptor_address(&w->regime, descriptor, w->leaf->shift)) |
		(w->ipa & ((1ULL << w->leaf->shift) - 1));
	remember_leaf(w, descriptor);
	return 0;
}

/* --- The walk --------------------------------------------------------------------------------- */

static unsigned int walk(struct walk *w)
{
	start_of_walk(w);
	journey_count_walk(w->j);
	for (;;) {
		const uint64_t place =
			iommu_smmodel_descriptor_place(&w->regime, w->table, w->level, w->ipa);
		enum model_descriptor kind;
		uint64_t descriptor, address;

		w->leaf->absent = model_level_shift(w->regime.granule, w->level);
		if (!iommu_smmodel_descriptor_read(w->j, &w->regime, place, &descriptor))
			return external_abort(w, place);
		kind = iommu_smmodel_descriptor_kind(&w->regime, descriptor, w->level);
		if (kind == MODEL_INVALID)
			return fault(w, SMMU_F_TRANSLATION);
		address = iommu_smmodel_descriptor_address(&w->regime, descriptor,
							   kind == MODEL_TABLE ? w->regime.granule
									       : w->leaf->absent);
		if (address >> w->regime.output_bits != 0)
			return fault(w, SMMU_F_ADDR_SIZE);
		if (kind == MODEL_LEAF)
			return use_leaf(w, place, descriptor);
		remember_table(w, address);
		w->table = address;
		w->level++;
	}
}

/* A cached leaf that answers; false: a write through it has to be marked first. */
static bool known_leaf(struct walk *w, unsigned int *code)
{
	struct model_cached known;
	unsigned int span, level;

	if (!find_leaf(w, &known, &span, &level))
		return false;
	*w->leaf = (struct model_leaf){
		.address = known.low | (w->ipa & ((1ULL << model_span_shift(span)) - 1)),
		.shift = model_span_shift(span),
		.flags = (unsigned int)known.high & MODEL_ALL,
		.memory = (unsigned int)(known.high >> MODEL_HIGH_ATTRIBUTE) & 0xf,
		.level = level,
	};
	*code = check_access(w, w->leaf->flags, w->leaf->memory);
	return *code != 0 || !model_needs_mark(w->leaf->flags, w->asks);
}

unsigned int iommu_smmodel_stage_2(struct journey *j, uint64_t ipa, const struct model_asks *asks,
				   struct model_leaf *leaf)
{
	struct walk w = {.j = j, .asks = asks, .ipa = ipa, .leaf = leaf};
	unsigned int repeats = 0, code;

	if (!j->second) {
		*leaf = (struct model_leaf){.address = ipa & model_last_address(j->model),
					    .shift = 64,
					    .flags = MODEL_ALL};
		return 0;
	}
	iommu_smmodel_second_regime(j, &w.regime);
	if (ipa >> w.regime.bits != 0 || ipa > model_last_address(j->model)) {
		leaf->absent = 64;
		return fault(&w, SMMU_F_TRANSLATION);
	}
	if (known_leaf(&w, &code))
		return code;
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	do
		code = walk(&w);
	while (code == 0 && w.repeats && ++repeats < MODEL_REPEATS_MAX);
	return w.repeats ? external_abort(&w, w.table) : code;
}

/* --- Memory types ----------------------------------------------------------------------------- */

unsigned int iommu_smmodel_attribute(unsigned int attribute)
{
	if (attribute >> 2 == 0 || (attribute & 3) == 0)
		return IOMMU_MODEL_SMMU_DEVICE;
	return attribute >> 2 == 1 || (attribute & 3) == 1 ? IOMMU_MODEL_SMMU_NON_CACHEABLE
							   : IOMMU_MODEL_SMMU_CACHEABLE;
}

/* The stricter of the two, unless S2FWB says otherwise. */
unsigned int iommu_smmodel_memory(const struct journey *j, unsigned int first,
				  unsigned int attribute)
{
	unsigned int second = iommu_smmodel_attribute(attribute);

	if (!j->second)
		return first;
	if (smmu_has(j->ste, SMMU_STE_S2FWB) && model_idr3(j->model, SMMU_IDR3_FWB)) {
		if (attribute == 6)
			return IOMMU_MODEL_SMMU_CACHEABLE;
		if (attribute == 7)
			return first;
		second = attribute == 5 ? IOMMU_MODEL_SMMU_NON_CACHEABLE : IOMMU_MODEL_SMMU_DEVICE;
	}
	return first > second ? first : second;
}
