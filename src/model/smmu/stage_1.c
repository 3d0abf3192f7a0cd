/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 1, and with it the whole of a translation. With stage 2 tables of stage 1 lie at
 * intermediate addresses, and each access to them is translated. What is cached of leaves is what
 * all stages make of an address, under VMID and ASID; of tables, their addresses as the descriptors
 * have them. Only what is valid, and may be accessed, is cached.
 */
#include "model/smmu/journey.h"

#define AP_USER            (1ULL << 6) /* AP[1] */
#define AP_READONLY        (1ULL << 7) /* AP[2] */
#define NOT_GLOBAL         (1ULL << 11)
#define PXN                (1ULL << 53)
#define UXN                (1ULL << 54)
#define PXN_TABLE          (1ULL << 59)
#define UXN_TABLE          (1ULL << 60)
#define AP_TABLE_NO_USER   (1ULL << 61)
#define AP_TABLE_READONLY  (1ULL << 62)
#define TABLE_LIMITS       (PXN_TABLE | UXN_TABLE | AP_TABLE_NO_USER | AP_TABLE_READONLY)
#define TABLE_LIMITS_SHIFT 59

struct walk {
	struct journey *j;
	struct model_asks asks;
	struct model_regime regime;
	uint64_t address; /* canonical */
	struct model_leaf *leaf;
	uint64_t table, limits;
	unsigned int level;
	bool repeats; /* an entry has changed: begin the walk anew */
};

static unsigned int fault(const struct walk *w, unsigned int code)
{
	w->j->fault = (struct model_fault){.class_of = SMMU_CLASS_IN};
	return code;
}

static unsigned int external_abort(const struct walk *w, uint64_t place)
{
	w->j->fault = (struct model_fault){.class_of = SMMU_CLASS_TT, .fetch = place};
	return SMMU_F_WALK_EABT;
}

/* --- The cache -------------------------------------------------------------------------------- */

static uint64_t tag_of(const struct walk *w, unsigned int level, bool is_global)
{
	const struct journey *j = w->j;
	uint16_t asid = j->world == MODEL_EL2 ? 0 : (uint16_t)smmu_get(j->cd, SMMU_CD_ASID);
	uint64_t tag = model_tag_entry(w->regime.granule, level);

	if (is_global) {
		tag |= MODEL_TAG_GLOBAL;
		asid = smmu_has(j->cd, SMMU_CD_ASET) ? 1 : 0;
	}
	return tag | model_stage_1_tag(j->world, j->vmid, asid);
}

static bool find_of_level(const struct walk *w, unsigned int level, struct model_cached *found,
			  unsigned int *span)
{
	for (*span = 0; *span < MODEL_SPANS; ++*span) {
		const uint64_t at = w->address & UINT64_MAX << model_span_shift(*span);

		if (journey_find(w->j, MODEL_STAGE_1, tag_of(w, level, false), *span, at, found) ||
		    journey_find(w->j, MODEL_STAGE_1, tag_of(w, level, true), *span, at, found))
			return true;
	}
	return false;
}

static void remember_arrival(const struct walk *w, const struct model_arrival *a)
{
	const unsigned int span = model_span_of(a->shift);
	const uint64_t mask = UINT64_MAX << model_span_shift(span);
	struct model_cached entry = {
		.kind = MODEL_STAGE_1,
		.tag = tag_of(w, w->leaf->level, w->leaf->is_global),
		.level = (uint8_t)span,
		.address = w->address & mask,
		.low = a->paddr & mask,
		.high = a->first | (uint64_t)a->second << MODEL_HIGH_SECOND |
			(uint64_t)a->memory << MODEL_HIGH_MEMORY,
		.third = w->j->second ? a->ipa & mask : 0,
	};
	uint64_t dirty = a->first & MODEL_DIRTY;

	dirty |= (uint64_t)(a->second & MODEL_DIRTY) << MODEL_HIGH_SECOND;
	/* The cached entry stays, with a note that a write was marked. */
	if (dirty != 0 && !w->j->peeks)
		iommu_model_cache_add_to_high(&w->j->model->cache, &w->j->passage->walk, &entry,
					      dirty);
	journey_remember(w->j, &entry);
}

static void remember_table(const struct walk *w, uint64_t table)
{
	const unsigned int shift = model_level_shift(w->regime.granule, w->level);
	const struct model_cached entry = {
		.kind = MODEL_STAGE_1,
		.tag = tag_of(w, w->level, false) | MODEL_TAG_TABLE,
		.level = (uint8_t)w->level,
		.address = w->address & UINT64_MAX << shift,
		.low = table,
		.high = w->limits >> TABLE_LIMITS_SHIFT,
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

		if (journey_find(w->j, MODEL_STAGE_1, tag_of(w, above, false) | MODEL_TAG_TABLE,
				 above, w->address & mask, &known)) {
			w->table = known.low;
			w->limits = known.high << TABLE_LIMITS_SHIFT;
			return;
		}
	}
	w->level = w->regime.level;
	w->table = w->regime.root;
	w->limits = 0;
}

/* --- Permissions ------------------------------------------------------------------------------ */

/* EL2 has one privilege: AP[1] and PXN do not count. */
static unsigned int flags_of_one(const struct journey *j, uint64_t descriptor, bool writable)
{
	unsigned int flags = MODEL_READ | (writable ? MODEL_WRITE : 0);

	if ((descriptor & UXN) == 0 && !(writable && smmu_has(j->cd, SMMU_CD_WXN)))
		flags |= MODEL_EXECUTE;
	return flags | flags << MODEL_PRIVILEGED;
}

static unsigned int flags_of_two(const struct journey *j, uint64_t descriptor, bool writable)
{
	const bool users = (descriptor & AP_USER) != 0;
	const bool wxn = smmu_has(j->cd, SMMU_CD_WXN);
	unsigned int user = users ? MODEL_READ | (writable ? MODEL_WRITE : 0) : 0;
	unsigned int privileged = MODEL_READ | (writable ? MODEL_WRITE : 0);

	if ((descriptor & UXN) == 0 && !(wxn && users && writable))
		user |= MODEL_EXECUTE;
	/* What users can write the privileged do not execute. */
	if ((descriptor & PXN) == 0 && !(users && writable) && !(wxn && writable))
		privileged |= MODEL_EXECUTE;
	if (users && smmu_has(j->cd, SMMU_CD_PAN))
		privileged &= MODEL_EXECUTE;
	return user | privileged << MODEL_PRIVILEGED;
}

/* The descriptor, with what the tables above leave of it. */
static uint64_t limited(const struct walk *w, uint64_t descriptor)
{
	if ((w->limits & UXN_TABLE) != 0)
		descriptor |= UXN;
	if ((w->limits & PXN_TABLE) != 0)
		descriptor |= PXN;
	if ((w->limits & AP_TABLE_NO_USER) != 0)
		descriptor &= ~AP_USER;
	if ((w->limits & AP_TABLE_READONLY) != 0)
		descriptor |= AP_READONLY;
	return descriptor;
}

static unsigned int flags_of(const struct walk *w, uint64_t entry)
{
	const bool can_be_marked = w->regime.sets_dirty && (w->limits & AP_TABLE_READONLY) == 0 &&
				   (entry & (MODEL_DESCRIPTOR_DBM | AP_READONLY)) ==
					   (MODEL_DESCRIPTOR_DBM | AP_READONLY);
	const uint64_t descriptor = limited(w, entry);
	const bool writable = (descriptor & AP_READONLY) == 0 || can_be_marked;
	const unsigned int flags = w->j->world == MODEL_EL2
					   ? flags_of_one(w->j, descriptor, writable)
					   : flags_of_two(w->j, descriptor, writable);

	return flags | (can_be_marked ? 0 : MODEL_DIRTY);
}

static unsigned int memory_of(const struct journey *j, uint64_t descriptor)
{
	const unsigned int attribute =
		smmu_mair_attribute(j->cd[SMMU_CD_MAIR], (unsigned int)(descriptor >> 2) & 7);

	if (attribute >> 4 == 0)
		return IOMMU_MODEL_SMMU_DEVICE;
	return attribute >> 4 == 4 || (attribute & 0xf) == 4 ? IOMMU_MODEL_SMMU_NON_CACHEABLE
							     : IOMMU_MODEL_SMMU_CACHEABLE;
}

/* --- Leaves ----------------------------------------------------------------------------------- */

/* Where a descriptor lies in memory; with stage 2, for reading it or for writing. */
static unsigned int locate(const struct walk *w, uint64_t place, bool writes, uint64_t *paddr)
{
	const struct model_asks asks = {
		.reads = !writes, .writes = writes, .class_of = SMMU_CLASS_TT};
	struct model_leaf leaf = {0};
	const unsigned int code = iommu_smmodel_stage_2(w->j, place, &asks, &leaf);

	*paddr = leaf.address;
	return code;
}

/* Access flag and dirty state, by hardware. */
static unsigned int update(struct walk *w, uint64_t place, uint64_t before, uint64_t after)
{
	uint64_t paddr;
	unsigned int code;

	if (before == after)
		return 0;
	code = locate(w, place, true, &paddr);
	if (code == 0 && !iommu_smmodel_descriptor_replace(w->j, &w->regime, paddr, before, after))
		w->repeats = true;
	return code;
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
	if (!w->asks.takes_less && !model_allows(flags, &w->asks))
		return fault(w, SMMU_F_PERMISSION);
	if (model_needs_mark(flags, &w->asks))
		after &= ~AP_READONLY;
	code = update(w, place, descriptor, after);
	if (code != 0 || w->repeats)
		return code;
	w->leaf->flags = flags_of(w, after);
	w->leaf->memory = memory_of(w->j, descriptor);
	w->leaf->is_global = w->j->world != MODEL_EL2 && (descriptor & NOT_GLOBAL) == 0;
	w->leaf->level = w->level;
	w->leaf->shift = iommu_smmodel_leaf_shift(&w->regime, descriptor, w->level);
	w->leaf->address =
		iommu_smmodel_descriptor_address(&w->regime, descriptor, w->leaf->shift) |
		(w->address & ((1ULL << w->leaf->shift) - 1));
	return 0;
}

/* --- The walk --------------------------------------------------------------------------------- */

static bool ignores_limits(const struct walk *w)
{
	const bool upper = w->j->world != MODEL_EL2 && (w->address >> 55 & 1) != 0;

	return model_idr3(w->j->model, SMMU_IDR3_HAD) &&
	       smmu_has(w->j->cd, upper ? SMMU_CD_HAD1 : SMMU_CD_HAD0);
}

static void enter_table(struct walk *w, uint64_t descriptor, uint64_t table)
{
	if (!ignores_limits(w))
		w->limits |= descriptor & TABLE_LIMITS;
	remember_table(w, table);
	w->table = table;
	w->level++;
}

static unsigned int walk(struct walk *w)
{
	start_of_walk(w);
	journey_count_walk(w->j);
	for (;;) {
		const uint64_t place =
			iommu_smmodel_descriptor_place(&w->regime, w->table, w->level, w->address);
		enum model_descriptor kind;
		uint64_t descriptor, address, paddr;
		unsigned int code;

		w->leaf->absent = model_level_shift(w->regime.granule, w->level);
		code = locate(w, place, false, &paddr);
		if (code != 0)
			return code;
		if (!iommu_smmodel_descriptor_read(w->j, &w->regime, paddr, &descriptor))
			return external_abort(w, paddr);
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
		enter_table(w, descriptor, address);
	}
}

static unsigned int walk_repeatedly(struct walk *w)
{
	unsigned int repeats = 0, code;

	if (!model_passage_walks(w->j->passage))
		return MODEL_AGAIN;
	do
		code = walk(w);
	while (code == 0 && w->repeats && ++repeats < MODEL_REPEATS_MAX);
	return w->repeats && code == 0 ? external_abort(w, w->table) : code;
}

/* --- All stages ------------------------------------------------------------------------------- */

/* The fault of a cached leaf, stage by stage; 0: none. */
static unsigned int check_cached(const struct walk *w, const struct model_arrival *a)
{
	if (w->asks.takes_less)
		return 0;
	if (!model_allows(a->first, &w->asks))
		return fault(w, SMMU_F_PERMISSION);
	if (!w->j->second || model_allows(a->second, &w->asks))
		return 0;
	w->j->fault =
		(struct model_fault){.of_stage_2 = true, .class_of = SMMU_CLASS_IN, .ipa = a->ipa};
	return SMMU_F_PERMISSION;
}

/* A cached leaf that answers; false: none, or a write through it has to be marked first. */
static bool known_arrival(const struct walk *w, struct model_arrival *a, unsigned int *code)
{
	struct model_cached known;
	unsigned int level, span = 0;
	uint64_t offset;

	for (level = 3; level >= 1 && !w->j->fresh; level--)
		if (find_of_level(w, level, &known, &span))
			break;
	if (level == 0 || w->j->fresh)
		return false;
	offset = w->address & ((1ULL << model_span_shift(span)) - 1);
	a->paddr = known.low | offset;
	a->ipa = w->j->second ? known.third | offset : a->paddr;
	a->shift = model_span_shift(span);
	a->first = (unsigned int)known.high & MODEL_ALL;
	a->second = (unsigned int)(known.high >> MODEL_HIGH_SECOND) & MODEL_ALL;
	a->memory = (unsigned int)(known.high >> MODEL_HIGH_MEMORY) & 3;
	*code = check_cached(w, a);
	return *code != 0 || (!model_needs_mark(a->first, &w->asks) &&
			      !(w->j->second && model_needs_mark(a->second, &w->asks)));
}

/* The output of stage 1 goes through stage 2, unless no access would be left. */
static unsigned int arrive(struct journey *j, const struct model_leaf *first,
			   struct model_arrival *a)
{
	const struct model_asks asks = journey_asks(j);
	struct model_leaf second = {0};
	unsigned int code;

	a->ipa = first->address;
	a->first = first->flags;
	if (asks.takes_less && model_flags_for(first->flags, j->privileged) == 0) {
		a->shift = first->shift;
		return 0;
	}
	code = iommu_smmodel_stage_2(j, first->address, &asks, &second);
	a->absent = second.absent < first->shift ? second.absent : first->shift;
	if (code != 0)
		return code;
	a->paddr = second.address;
	a->second = second.flags;
	a->shift = first->shift < second.shift ? first->shift : second.shift;
	a->memory = iommu_smmodel_memory(j, first->memory, second.memory);
	return 0;
}

/* Without stage 1: the address is an intermediate one. */
static unsigned int pass_stage_1(struct journey *j, struct model_arrival *a)
{
	struct model_leaf first = {.address = j->request->address,
				   .shift = 64,
				   .flags = MODEL_ALL,
				   .memory = IOMMU_MODEL_SMMU_INCOMING};

	if (j->request->address > model_last_address(j->model)) {
		j->fault = (struct model_fault){.class_of = SMMU_CLASS_IN};
		a->absent = 64;
		return SMMU_F_ADDR_SIZE;
	}
	if (model_idr1(j->model, SMMU_IDR1_ATTR_TYPES_OVR) && smmu_has(j->ste, SMMU_STE_MTCFG))
		first.memory =
			iommu_smmodel_attribute((unsigned int)smmu_get(j->ste, SMMU_STE_MEMATTR));
	return arrive(j, &first, a);
}

unsigned int iommu_smmodel_translate(struct journey *j, struct model_arrival *a)
{
	struct model_leaf first = {0};
	struct walk w = {.j = j,
			 .asks = journey_asks(j),
			 .address = model_canonical(j->request->address),
			 .leaf = &first};
	unsigned int code;

	*a = (struct model_arrival){0};
	if (!j->first)
		return pass_stage_1(j, a);
	if (!iommu_smmodel_first_regime(j, j->request->address, &w.regime)) {
		a->absent = 64;
		return fault(&w, SMMU_F_TRANSLATION);
	}
	if (known_arrival(&w, a, &code))
		return code;
	*a = (struct model_arrival){0};
	code = walk_repeatedly(&w);
	a->absent = first.absent;
	if (code == 0)
		code = arrive(j, &first, a);
	/* What stage 1 alone refuses has not been through stage 2. */
	if (code == 0 && model_flags_for(a->first, j->privileged) != 0)
		remember_arrival(&w, a);
	return code;
}
