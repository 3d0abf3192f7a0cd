/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of a request: root entry, context entry, second-stage tables, each through its cache
 * (VT-d specification, "DMA Remapping" and "Caching Translation Information").
 *
 * What may be cached is: present context entries; leaves; non-leaf entries; and in caching mode also
 * that an entry is not present or wrong. Non-present context entries are then tagged with domain id
 * 0, everything else with the domain id of the context entry. A cached leaf that does not allow an
 * access is believed, not walked anew.
 */
#include <libiommu/status.h>

#include "model/vtd.h"

#define LOW_MASK(bits) ((1ULL << (bits)) - 1)

/* A request on its way, and what has been found out. */
struct journey {
	struct iommu_model_vtd *model;
	const struct iommu_model_request *request;
	struct iommu_model_translation *result;
	uint64_t low, high; /* the context entry */
	uint16_t domain_id;
	unsigned int levels;
	bool fault_hidden;
};

/* --- Context ---------------------------------------------------------------------------------- */

/* Address bits of an entry that lie beyond memory. */
static uint64_t beyond_memory(const struct iommu_model_vtd *model)
{
	return VTD_ENTRY_ADDRESS_MASK & ~model_output_last(model);
}

static unsigned int deepest(const struct iommu_model_vtd *model)
{
	return (model->config.levels & 1U << 5) != 0   ? 5
	       : (model->config.levels & 1U << 4) != 0 ? 4
						       : 3;
}

/* Is the root entry good? The reason, or 0. */
static unsigned int check_root(const struct iommu_model_vtd *model, const uint64_t *words)
{
	if ((words[0] & VTD_ROOT_PRESENT) == 0)
		return 0x1;
	if ((words[0] & (VTD_ROOT_LOW_RESERVED | beyond_memory(model))) != 0 || words[1] != 0)
		return 0xa;
	return 0;
}

static unsigned int check_context(struct iommu_model_vtd *model, const uint64_t *words)
{
	const unsigned int levels = vtd_context_levels(words[1]);
	const uint16_t domain_id = vtd_context_domain_id(words[1]);
	bool type_is_good;

	if ((words[0] & VTD_CONTEXT_PRESENT) == 0)
		return 0x2;
	if ((words[0] & (VTD_CONTEXT_LOW_RESERVED | beyond_memory(model))) != 0 ||
	    (words[1] & VTD_CONTEXT_HIGH_RESERVED) != 0 ||
	    domain_id >> model->config.domain_bits != 0)
		return 0xb;
	switch (vtd_context_type(words[0])) {
	case VTD_TRANSLATE_UNTRANSLATED:
		type_is_good = true;
		break;
	case VTD_TRANSLATE_ALL:
		type_is_good = model_has(model, IOMMU_MODEL_VTD_DEVICE_TLB);
		break;
	case VTD_PASS_THROUGH:
		type_is_good =
			model_has(model, IOMMU_MODEL_VTD_PASS_THROUGH) && levels == deepest(model);
		break;
	default:
		type_is_good = false;
	}
	if (!type_is_good || levels > 5 || (model->config.levels >> levels & 1) == 0)
		return 0x3;
	if (domain_id == 0 && model_has(model, IOMMU_MODEL_VTD_CACHING_MODE))
		model_misuse(model, "domain id 0 used in caching mode");
	return 0;
}

/* Read root and context entry from memory; the reason, or 0. */
static unsigned int fetch_context(struct journey *j, uint64_t *words)
{
	struct iommu_model_vtd *model = j->model;
	const uint16_t source_id = j->request->source_id;
	const uint64_t root = model->regs.root & VTD_ENTRY_ADDRESS_MASK;
	unsigned int reason;

	model->walks++;
	if ((model->regs.root & 0xc00) != VTD_RTADDR_LEGACY)
		return 0x30;
	if (!model_read_words(model, root + (source_id >> 8) * 16ULL, words, 2))
		return 0x8;
	reason = check_root(model, words);
	if (reason != 0)
		return reason;
	if (!model_read_words(model,
			      (words[0] & VTD_ENTRY_ADDRESS_MASK) + (source_id & 0xff) * 16ULL,
			      words, 2))
		return 0x9;
	j->fault_hidden = (words[0] & VTD_CONTEXT_FPD) != 0;
	return check_context(model, words);
}

static unsigned int find_context(struct journey *j)
{
	struct iommu_model_vtd *model = j->model;
	struct model_cached *known =
		iommu_model_cache_find(&model->cache, MODEL_CONTEXT, 0, 0, j->request->source_id);
	struct model_cached entry = {.kind = MODEL_CONTEXT, .address = j->request->source_id};
	uint64_t words[2] = {0, 0};

	if (known == NULL) {
		entry.reason = (uint8_t)fetch_context(j, words);
		entry.fault_hidden = j->fault_hidden;
		if (entry.reason == 0) {
			entry.low = words[0];
			entry.high = words[1];
			entry.owner = vtd_context_domain_id(words[1]);
		}
		if (entry.reason == 0 || model_has(model, IOMMU_MODEL_VTD_CACHING_MODE))
			iommu_model_cache_put(&model->cache, &entry);
		known = &entry;
	}
	j->low = known->low;
	j->high = known->high;
	j->domain_id = known->owner;
	j->levels = vtd_context_levels(known->high);
	j->fault_hidden = known->fault_hidden;
	return known->reason;
}

/* --- Second stage ----------------------------------------------------------------------------- */

static unsigned int denied(const struct journey *j)
{
	return (j->request->access & IOMMU_PROT_WRITE) != 0 ? 0x5 : 0x6;
}

/* Does `allowed` suffice? A zero-length read may look at a page that can only be written. */
static bool suffices(const struct journey *j, unsigned int allowed)
{
	if (j->request->access == 0)
		return allowed != 0;
	return (j->request->access & ~allowed) == 0;
}

static uint64_t reserved_bits(const struct iommu_model_vtd *model, unsigned int level, bool leaf)
{
	uint64_t reserved = VTD_SS_ADDRESS_MASK & ~model_output_last(model);

	if (!leaf)
		return reserved | VTD_SS_SNOOP |
		       (level > VTD_SS_LEAF_LEVELS ? VTD_SS_PAGE_SIZE : 0);
	if (level > 1)
		reserved |= LOW_MASK(vtd_ss_level_shift(level)) & VTD_SS_ADDRESS_MASK;
	if (level > 1 && (model->config.pgsize_bitmap >> vtd_ss_level_shift(level) & 1) == 0)
		reserved |= VTD_SS_PAGE_SIZE;
	if (!model_has(model, IOMMU_MODEL_VTD_SNOOP_CONTROL))
		reserved |= VTD_SS_SNOOP;
	if (!model_has(model, IOMMU_MODEL_VTD_DEVICE_TLB))
		reserved |= VTD_SS_TRANSIENT;
	return reserved;
}

static struct model_cached key_of(const struct journey *j, enum model_kind kind, unsigned int level)
{
	return (struct model_cached){
		.kind = (uint8_t)kind,
		.tag = j->domain_id,
		.level = (uint8_t)level,
		.address = j->request->address & ~LOW_MASK(vtd_ss_level_shift(level)),
	};
}

/* The deepest table that is known for the address; *level is the level of its entries. */
static void start_of_walk(struct journey *j, unsigned int *level, uint64_t *table,
			  unsigned int *allowed, unsigned int *reason)
{
	*level = j->levels;
	*table = j->low & VTD_ENTRY_ADDRESS_MASK;
	*allowed = IOMMU_PROT_READ_WRITE;
	*reason = 0;
	for (unsigned int at = 2; at <= j->levels; at++) {
		const struct model_cached key = key_of(j, MODEL_TABLE, at);
		const struct model_cached *known = iommu_model_cache_find(
			&j->model->cache, MODEL_TABLE, key.tag, at, key.address);

		if (known == NULL)
			continue;
		*level = at - 1;
		*table = known->low;
		*allowed = (unsigned int)known->high;
		*reason = known->reason;
		return;
	}
}

static unsigned int allowed_by(uint64_t entry)
{
	return ((entry & VTD_SS_READ) != 0 ? IOMMU_PROT_READ : 0U) |
	       ((entry & VTD_SS_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U);
}

static void remember(struct journey *j, enum model_kind kind, unsigned int level, uint64_t low,
		     uint64_t high, unsigned int reason)
{
	struct model_cached entry = key_of(j, kind, level);

	if (reason != 0 && !model_has(j->model, IOMMU_MODEL_VTD_CACHING_MODE))
		return;
	entry.low = low;
	entry.high = high;
	entry.reason = (uint8_t)reason;
	iommu_model_cache_put(&j->model->cache, &entry);
}

/* What a leaf says is kept in one word: permissions, and whether snooping is asked for. */
#define LEAF_SNOOPS 0x100U

static unsigned int found(struct journey *j, unsigned int level, uint64_t paddr, uint64_t high)
{
	const uint64_t offset = j->request->address & LOW_MASK(vtd_ss_level_shift(level));

	j->result->prot = (unsigned int)high & IOMMU_PROT_READ_WRITE;
	j->result->snoop = (high & LEAF_SNOOPS) != 0;
	j->result->size = 1ULL << vtd_ss_level_shift(level);
	j->result->paddr = paddr + offset;
	if (!suffices(j, j->result->prot))
		return denied(j);
	if ((j->result->paddr & ~LOW_MASK(20)) == VTD_INTERRUPT_RANGE_START)
		return 0xe;
	return 0;
}

static unsigned int walk(struct journey *j)
{
	unsigned int level, allowed, reason;
	uint64_t table, entry;

	start_of_walk(j, &level, &table, &allowed, &reason);
	if (reason != 0)
		return reason == 0x5 || reason == 0x6 ? denied(j) : reason;
	j->model->walks++;
	for (;; level--) {
		const uint64_t index = j->request->address >> vtd_ss_level_shift(level) & 511;
		bool leaf;

		if (!model_read_words(j->model, table + index * 8, &entry, 1))
			return 0x7;
		leaf = vtd_ss_is_leaf(entry, level);
		if (!vtd_ss_is_present(entry))
			reason = denied(j);
		else if ((entry & reserved_bits(j->model, level, leaf)) != 0)
			reason = 0xc;
		if (reason != 0) {
			remember(j, level == 1 ? MODEL_PAGE : MODEL_TABLE, level, 0, 0, reason);
			return reason;
		}
		allowed &= allowed_by(entry);
		if (leaf) {
			const uint64_t high =
				allowed | ((entry & VTD_SS_SNOOP) != 0 ? LEAF_SNOOPS : 0);

			remember(j, MODEL_PAGE, level, entry & VTD_SS_ADDRESS_MASK, high, 0);
			return found(j, level, entry & VTD_SS_ADDRESS_MASK, high);
		}
		table = entry & VTD_SS_ADDRESS_MASK;
		remember(j, MODEL_TABLE, level, table, allowed, 0);
		if (!suffices(j, allowed))
			return denied(j);
	}
}

/* From the leaves that are known; false: none is. */
static bool known_leaf(struct journey *j, unsigned int *reason)
{
	unsigned int level;

	for (level = 1; level <= VTD_SS_LEAF_LEVELS; level++) {
		const struct model_cached key = key_of(j, MODEL_PAGE, level);
		const struct model_cached *known = iommu_model_cache_find(
			&j->model->cache, MODEL_PAGE, key.tag, level, key.address);

		if (known == NULL)
			continue;
		if (known->reason == 0)
			*reason = found(j, level, known->low, known->high);
		else
			*reason = known->reason == 0xc ? 0xc : denied(j);
		return true;
	}
	return false;
}

/* Pass-through is cached like a translation, under its domain id. */
static unsigned int pass_through(struct journey *j)
{
	const uint64_t address = j->request->address;
	unsigned int reason;

	if (address > model_output_last(j->model))
		return 0x4;
	if (known_leaf(j, &reason))
		return reason;
	remember(j, MODEL_PAGE, 1, address & ~LOW_MASK(12), IOMMU_PROT_READ_WRITE, 0);
	return found(j, 1, address & ~LOW_MASK(12), IOMMU_PROT_READ_WRITE);
}

/* --- The request ------------------------------------------------------------------------------ */

static void unchanged(struct journey *j)
{
	*j->result = (struct iommu_model_translation){.paddr = j->request->address,
						      .prot = IOMMU_PROT_READ_WRITE,
						      .size = IOMMU_PAGE_SIZE};
}

static unsigned int translate(struct journey *j)
{
	const struct iommu_model_request *request = j->request;
	const enum iommu_model_request_type type = request->type;
	const unsigned int width_of_unit = j->model->config.address_width;
	enum vtd_translation_type how;
	unsigned int reason, width;

	if (request->has_pasid)
		return 0x31;
	reason = find_context(j);
	if (reason != 0)
		return reason;
	how = vtd_context_type(j->low);
	if (type != IOMMU_MODEL_UNTRANSLATED && how != VTD_TRANSLATE_ALL)
		return 0xd;
	if (type == IOMMU_MODEL_TRANSLATED) {
		unchanged(j);
		return request->address > model_output_last(j->model) ? 0x4 : 0;
	}
	if (how == VTD_PASS_THROUGH)
		return pass_through(j);
	width = vtd_ss_address_width(j->levels);
	if (request->address >> (width < width_of_unit ? width : width_of_unit) != 0)
		return 0x4;
	return known_leaf(j, &reason) ? reason : walk(j);
}

/* Protected memory is closed to what is not translated, and may be closed to all else. */
static bool is_protected(const struct iommu_model_vtd *model, uint64_t address)
{
	const struct model_registers *regs = &model->regs;

	if (!model_has(model, IOMMU_MODEL_VTD_PROTECTED_MEMORY) || (regs->pmen & VTD_PMEN_EPM) == 0)
		return false;
	return (address >= regs->plmbase && address <= (regs->plmlimit | 0x1fffff)) ||
	       (address >= regs->phmbase && address <= (regs->phmlimit | 0x1fffff));
}

/* Interrupt messages are not memory, and nothing else in their range is anything. */
static bool in_interrupt_range(const struct iommu_model_request *request)
{
	return request->type == IOMMU_MODEL_UNTRANSLATED && !request->has_pasid &&
	       request->address >= VTD_INTERRUPT_RANGE_START &&
	       request->address <= VTD_INTERRUPT_RANGE_LAST;
}

static void record(struct journey *j, unsigned int reason)
{
	const struct iommu_model_request *request = j->request;
	const bool write = (request->access & IOMMU_PROT_WRITE) != 0;
	const struct model_fault fault = {
		.reason = reason,
		.source_id = request->source_id,
		.info = request->address & ~LOW_MASK(12),
		.type = write ? VTD_FAULT_WRITE : VTD_FAULT_READ,
		.at = request->type,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		/* Faults on the way to the context entry cannot be hidden by it. */
		.hidden = j->fault_hidden && reason != 0x1 && reason != 0x8 && reason != 0x9 &&
			  reason != 0xa,
	};

	iommu_model_fault_record(j->model, &fault);
}

/* A block that reaches into the interrupt range is no larger than a page. */
static void keep_out_of_interrupts(struct iommu_model_translation *result, uint64_t address)
{
	const uint64_t start = address & ~(result->size - 1);

	if (start <= VTD_INTERRUPT_RANGE_LAST &&
	    start + (result->size - 1) >= VTD_INTERRUPT_RANGE_START)
		result->size = IOMMU_PAGE_SIZE;
}

int iommu_model_vtd_translate(struct iommu_model_vtd *model,
			      const struct iommu_model_request *request,
			      struct iommu_model_translation *result)
{
	uintptr_t state = iommu_model_enter(model);
	struct journey j = {.model = model, .request = request, .result = result};
	unsigned int reason = 0;
	bool recorded = true;

	*result = (struct iommu_model_translation){0};
	model->translations++;
	if (in_interrupt_range(request)) {
		result->is_interrupt = request->access == IOMMU_PROT_WRITE;
		if (!result->is_interrupt)
			reason = 0xe;
		recorded = model_is_on(model, VTD_GLOBAL_TE);
	} else if (!model_is_on(model, VTD_GLOBAL_TE)) {
		unchanged(&j);
		recorded = false;
		if (request->type != IOMMU_MODEL_UNTRANSLATED)
			reason = 0xd;
	} else {
		reason = translate(&j);
	}
	if (reason == 0 && !result->is_interrupt && is_protected(model, result->paddr)) {
		reason = denied(&j);
		recorded = false;
	}
	/* A device that only asked is answered, not blamed. */
	if (request->type == IOMMU_MODEL_TRANSLATION_REQUEST && (reason == 0x5 || reason == 0x6)) {
		reason = 0;
		if (result->size == 0)
			result->size = IOMMU_PAGE_SIZE;
	}
	if (reason != 0) {
		if (recorded)
			record(&j, reason);
		*result = (struct iommu_model_translation){.reason = reason};
	} else if (!result->is_interrupt) {
		keep_out_of_interrupts(result, request->address);
	}
	iommu_model_leave(model, state);
	return reason == 0 ? 0 : IOMMU_EFAULT;
}
