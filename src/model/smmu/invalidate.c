/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What commands invalidate: what the specification names, and no more (IHI 0070, 4.3,
 * "Configuration structure invalidation", and 4.4, "TLB invalidation"). What both stages give
 * together is cached with stage 1, where CMD_TLBI_S2_IPA does not reach.
 */
#include "model/smmu/model.h"

/* --- Entries of tables ------------------------------------------------------------------------ */

/* What an address of a command stands for. */
struct range {
	uint64_t first, last;
	unsigned int granule; /* log2; 0: any */
	unsigned int level;   /* of the leaves; 0: any */
	bool tables;          /* entries that lead to tables, too */
};

/* Entries with a tag in [first, last]; global ones with them only by address. */
struct scope {
	enum model_kind kind;
	uint64_t first, last;
	bool all_asids;
	uint16_t asid;
};

/* False: its address is not aligned, which leaves open what is invalidated: nothing. */
static bool range_of(struct iommu_model_smmu *model, const struct smmu_command *c, uint64_t address,
		     struct range *range)
{
	unsigned int level = (unsigned int)smmu_get(c->words, SMMU_TLBI_TTL);
	unsigned int granule = smmu_tlbi_shift(c), aligned;
	uint64_t last;

	if (!model_idr3(model, SMMU_IDR3_RIL) || granule == 0) {
		*range = (struct range){.first = address, .last = address | 0xfff};
	} else {
		if (granule == 14 && level == 1)
			level = 0;
		aligned = level == 0 ? granule : model_level_shift(granule, level);
		if ((address & ((1ULL << aligned) - 1)) != 0) {
			model_misuse(model, "the address of an invalidation is not aligned");
			return false;
		}
		last = address + ((smmu_tlbi_pages(c) << granule) - 1);
		*range = (struct range){address, last < address ? UINT64_MAX : last, granule, level,
					false};
	}
	range->tables = !smmu_has(c->words, SMMU_TLBI_LEAF);
	return true;
}

/* Does the range name entries with this tag? */
static bool names_tag(const struct range *range, uint64_t tag)
{
	const unsigned int code = (unsigned int)(tag >> MODEL_TAG_GRANULE) & 3;
	const unsigned int level = (unsigned int)tag & MODEL_TAG_LEVEL;

	if (range->granule != 0 && code != model_granule_code(range->granule))
		return false;
	if ((tag & MODEL_TAG_TABLE) != 0)
		return range->tables && (range->level == 0 || level < range->level);
	return range->level == 0 || level == range->level;
}

/* All entries with a tag that intersect the range, including those that begin before it. */
static void drop_tag(struct iommu_model_smmu *model, enum model_kind kind, uint64_t tag,
		     const struct range *range)
{
	const unsigned int granule = 10 + 2 * ((unsigned int)(tag >> MODEL_TAG_GRANULE) & 3);
	const unsigned int level = (unsigned int)tag & MODEL_TAG_LEVEL;
	unsigned int span;

	if ((tag & MODEL_TAG_TABLE) != 0) {
		const uint64_t mask = UINT64_MAX << model_level_shift(granule, level);

		iommu_model_cache_drop(&model->cache, kind, tag, level, range->first & mask,
				       range->last & mask);
		return;
	}
	for (span = 0; span < MODEL_SPANS; span++) {
		const uint64_t mask = UINT64_MAX << model_span_shift(span);

		iommu_model_cache_drop(&model->cache, kind, tag, span, range->first & mask,
				       range->last & mask);
	}
}

/* Each tag that has entries costs a part of the call's budget: their number is the guest's. */
static void drop_range(struct iommu_model_smmu *model, const struct scope *scope,
		       const struct range *range)
{
	uint64_t tag = scope->first;

	while (iommu_model_cache_next_tag(&model->cache, scope->kind, tag, scope->last, &tag)) {
		const uint16_t asid = (uint16_t)(tag >> MODEL_TAG_ASID);
		const bool is_global = (tag & MODEL_TAG_GLOBAL) != 0;

		if ((scope->all_asids || is_global || asid == scope->asid) && names_tag(range, tag))
			drop_tag(model, scope->kind, tag, range);
		if (model->budget > 1)
			model->budget--;
		if (tag++ == scope->last)
			break;
	}
}

/* Entries of one ASID that are not global. */
static void drop_asid(struct iommu_model_smmu *model, uint64_t space, uint16_t asid)
{
	const uint64_t first = space | (uint64_t)asid << MODEL_TAG_ASID;

	iommu_model_cache_drop_tags(&model->cache, MODEL_STAGE_1, first, first | MODEL_TAG_LOW);
}

/* The tags of a world's VMID. */
static uint64_t last_of_vmid(uint64_t space)
{
	return space | ((1ULL << MODEL_TAG_VMID) - 1);
}

static void drop_by_address(struct iommu_model_smmu *model, const struct smmu_command *c,
			    uint64_t space, struct iommu_model_smmu_invalidation *what)
{
	const unsigned int opcode = smmu_command_opcode(c);
	const uint64_t address = model_canonical(smmu_address(c->words, SMMU_TLBI_ADDRESS));
	const struct scope scope = {
		.kind = MODEL_STAGE_1,
		.first = space,
		.last = last_of_vmid(space),
		.all_asids = opcode == SMMU_TLBI_NH_VAA || opcode == SMMU_TLBI_EL2_VAA,
		.asid = what->asid,
	};
	struct range range;

	what->has_asid = what->has_asid && !scope.all_asids;
	what->asid = what->has_asid ? what->asid : 0;
	if (!range_of(model, c, address, &range))
		range = (struct range){.first = address, .last = address | 0xfff};
	else
		drop_range(model, &scope, &range);
	what->has_range = true;
	what->leaves_only = !range.tables;
	what->address = range.first;
	what->size = range.last - range.first + 1;
}

static void invalidate_el1(struct iommu_model_smmu *model, const struct smmu_command *c,
			   struct iommu_model_smmu_invalidation *what)
{
	const unsigned int opcode = smmu_command_opcode(c);
	uint64_t space;

	what->type = IOMMU_MODEL_SMMU_STAGE_1;
	what->has_vmid = true;
	what->vmid = (uint16_t)smmu_get(c->words, SMMU_TLBI_VMID);
	space = model_stage_1_tag(MODEL_EL1, what->vmid, 0);
	if (opcode == SMMU_TLBI_NH_ALL) {
		iommu_model_cache_drop_tags(&model->cache, MODEL_STAGE_1, space,
					    last_of_vmid(space));
		return;
	}
	what->has_asid = true;
	what->asid = (uint16_t)smmu_get(c->words, SMMU_TLBI_ASID);
	if (opcode == SMMU_TLBI_NH_ASID)
		drop_asid(model, space, what->asid);
	else
		drop_by_address(model, c, space, what);
}

/* EL2 has no ASIDs, unless it is EL2-E2H. */
static void invalidate_el2(struct iommu_model_smmu *model, const struct smmu_command *c,
			   struct iommu_model_smmu_invalidation *what)
{
	const bool has_asids = (model->regs.cr2 & SMMU_CR2_E2H) != 0;
	const uint64_t space = model_stage_1_tag(has_asids ? MODEL_EL2_E2H : MODEL_EL2, 0, 0);
	const unsigned int opcode = smmu_command_opcode(c);

	what->type = IOMMU_MODEL_SMMU_STAGE_1;
	what->is_el2 = true;
	if (opcode == SMMU_TLBI_EL2_ALL) {
		iommu_model_cache_drop_tags(&model->cache, MODEL_STAGE_1, space,
					    last_of_vmid(space));
		return;
	}
	what->has_asid = has_asids;
	what->asid = has_asids ? (uint16_t)smmu_get(c->words, SMMU_TLBI_ASID) : 0;
	if (opcode != SMMU_TLBI_EL2_ASID)
		drop_by_address(model, c, space, what);
	else if (has_asids)
		drop_asid(model, space, what->asid);
	else
		model_misuse(model, "CMD_TLBI_EL2_ASID without E2H");
}

static void drop_all_el1(struct iommu_model_smmu *model)
{
	iommu_model_cache_drop_tags(&model->cache, MODEL_STAGE_1, 0, (1ULL << MODEL_TAG_WORLD) - 1);
	iommu_model_cache_drop_kind(&model->cache, MODEL_STAGE_2);
}

static void drop_vmid(struct iommu_model_smmu *model, uint16_t vmid)
{
	const uint64_t first = model_stage_1_tag(MODEL_EL1, vmid, 0);
	const uint64_t second = model_stage_2_tag(vmid);

	iommu_model_cache_drop_tags(&model->cache, MODEL_STAGE_1, first, last_of_vmid(first));
	iommu_model_cache_drop_tags(&model->cache, MODEL_STAGE_2, second, last_of_vmid(second));
}

static void invalidate_ipa(struct iommu_model_smmu *model, const struct smmu_command *c,
			   struct iommu_model_smmu_invalidation *what)
{
	const uint64_t space = model_stage_2_tag(what->vmid);
	const struct scope scope = {.kind = MODEL_STAGE_2,
				    .first = space,
				    .last = last_of_vmid(space),
				    .all_asids = true};
	const uint64_t address = smmu_address(c->words, SMMU_TLBI_IPA);
	struct range range;

	what->type = IOMMU_MODEL_SMMU_STAGE_2;
	what->has_range = true;
	if (range_of(model, c, address, &range))
		drop_range(model, &scope, &range);
	else
		range = (struct range){.first = address, .last = address | 0xfff};
	what->leaves_only = !range.tables;
	what->address = range.first;
	what->size = range.last - range.first + 1;
}

static void invalidate_tables(struct iommu_model_smmu *model, const struct smmu_command *c,
			      struct iommu_model_smmu_invalidation *what)
{
	switch (smmu_command_opcode(c)) {
	case SMMU_TLBI_NSNH_ALL:
		what->type = IOMMU_MODEL_SMMU_BOTH;
		drop_all_el1(model);
		return;
	case SMMU_TLBI_S12_VMALL:
	case SMMU_TLBI_S2_IPA:
		what->type = IOMMU_MODEL_SMMU_BOTH;
		what->has_vmid = true;
		what->vmid = (uint16_t)smmu_get(c->words, SMMU_TLBI_VMID);
		if (smmu_command_opcode(c) == SMMU_TLBI_S2_IPA)
			invalidate_ipa(model, c, what);
		else
			drop_vmid(model, what->vmid);
		return;
	case SMMU_TLBI_EL2_ALL:
	case SMMU_TLBI_EL2_ASID:
	case SMMU_TLBI_EL2_VA:
	case SMMU_TLBI_EL2_VAA:
		invalidate_el2(model, c, what);
		return;
	default:
		invalidate_el1(model, c, what);
	}
}

/* --- Configurations --------------------------------------------------------------------------- */

/* Streams, with all that was fetched through them. */
static void drop_streams(struct iommu_model_smmu *model, uint32_t first, uint32_t last, bool tables)
{
	const unsigned int split = smmu_strtab_split((uint32_t)model->regs.strtab_cfg);

	iommu_model_cache_drop_tags(&model->cache, MODEL_STREAM, first, last);
	iommu_model_cache_drop_tags(&model->cache, MODEL_CONTEXT, first, last);
	/* Of all streams: those of a table that was split otherwise, too. */
	if (tables && first == 0 && last == UINT32_MAX)
		iommu_model_cache_drop_kind(&model->cache, MODEL_STREAM_TABLE);
	else if (tables)
		iommu_model_cache_drop_tags(&model->cache, MODEL_STREAM_TABLE, first >> split,
					    last >> split);
}

static void name_streams(struct iommu_model_smmu_invalidation *what, uint32_t first, uint32_t last)
{
	what->has_streams = true;
	what->first_stream = first;
	what->last_stream = last;
}

static void invalidate_range_of_streams(struct iommu_model_smmu *model,
					const struct smmu_command *c,
					struct iommu_model_smmu_invalidation *what)
{
	const uint64_t range = smmu_get(c->words, SMMU_CFGI_RANGE);
	const uint32_t others = (uint32_t)((2ULL << range) - 1);
	const uint32_t first = smmu_command_sid(c) & ~others;

	what->type = IOMMU_MODEL_SMMU_STREAMS;
	if (range != SMMU_CFGI_RANGE_ALL)
		name_streams(what, first, first | others);
	drop_streams(model, first, first | others, true);
}

static unsigned int context_split(uint64_t address)
{
	return address == 0 ? SMMU_CD_SPLIT_4K : SMMU_CD_SPLIT_64K;
}

/* A descriptor of level 1 leads to 64 contexts, or to 1024: by its address, a 1 above. */
static void invalidate_context(struct iommu_model_smmu *model, const struct smmu_command *c,
			       struct iommu_model_smmu_invalidation *what)
{
	const uint32_t sid = smmu_command_sid(c), ssid = smmu_command_ssid(c);
	struct model_cache *cache = &model->cache;
	unsigned int i;

	what->has_substream = true;
	what->substream = ssid;
	iommu_model_cache_drop(cache, MODEL_CONTEXT, sid, 0, ssid, ssid);
	iommu_model_cache_drop(cache, MODEL_CONTEXT, sid, 1, ssid, ssid);
	for (i = 0; i < 2 && !smmu_has(c->words, SMMU_CFGI_LEAF); i++) {
		const uint64_t table = (uint64_t)i << 32 | ssid >> context_split(i);

		iommu_model_cache_drop(cache, MODEL_CONTEXT, sid, MODEL_CONTEXT_TABLE, table,
				       table);
	}
}

static void invalidate_configuration(struct iommu_model_smmu *model, const struct smmu_command *c,
				     struct iommu_model_smmu_invalidation *what)
{
	const unsigned int opcode = smmu_command_opcode(c);
	const uint32_t sid = smmu_command_sid(c);

	if (opcode == SMMU_CFGI_STE_RANGE) {
		invalidate_range_of_streams(model, c, what);
		return;
	}
	name_streams(what, sid, sid);
	what->type = opcode == SMMU_CFGI_STE ? IOMMU_MODEL_SMMU_STREAMS : IOMMU_MODEL_SMMU_CONTEXTS;
	if (opcode == SMMU_CFGI_STE)
		drop_streams(model, sid, sid, !smmu_has(c->words, SMMU_CFGI_LEAF));
	else if (opcode == SMMU_CFGI_CD)
		invalidate_context(model, c, what);
	else
		iommu_model_cache_drop_tags(&model->cache, MODEL_CONTEXT, sid, sid);
}

/* --- Devices ---------------------------------------------------------------------------------- */

/* The device is asked when the lock has been released. */
static void ask_device(const struct smmu_command *c, struct iommu_model_smmu_invalidation *what)
{
	const uint64_t order = smmu_get(c->words, SMMU_ATC_SIZE);

	what->type = IOMMU_MODEL_SMMU_DEVICE_TLB;
	name_streams(what, smmu_command_sid(c), smmu_command_sid(c));
	what->has_substream = smmu_has(c->words, SMMU_COMMAND_SSV);
	what->substream = what->has_substream ? smmu_command_ssid(c) : 0;
	what->all_substreams = what->has_substream && smmu_has(c->words, SMMU_ATC_GLOBAL);
	what->has_range = true;
	if (order >= SMMU_ATC_SIZE_ALL)
		return;
	what->size = 4096ULL << order;
	what->address = smmu_address(c->words, SMMU_ATC_ADDRESS) & ~(what->size - 1);
}

void iommu_smmodel_invalidate(struct iommu_model_smmu *model, const struct smmu_command *command)
{
	const unsigned int opcode = smmu_command_opcode(command);
	struct iommu_model_smmu_invalidation what = {
		.words = {command->words[0], command->words[1]}};
	const uintptr_t dropping = iommu_model_cache_begin_drop(&model->cache);

	if (opcode == SMMU_ATC_INV)
		ask_device(command, &what);
	else if (opcode <= SMMU_CFGI_CD_ALL)
		invalidate_configuration(model, command, &what);
	else
		invalidate_tables(model, command, &what);
	iommu_model_cache_end_drop(&model->cache, dropping);
	iommu_smmodel_notify(model, NOTICE_QUEUE, &what);
}
