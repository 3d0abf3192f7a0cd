/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a source id to its translation: root and context entries and, in scalable mode, PASID
 * directory and PASID table, through their caches.
 *
 * Present entries may be cached; in caching mode also entries that are not present or invalid. A
 * cached context entry of legacy mode is tagged with its domain id, one of scalable mode has no
 * tag, and one that is not present has domain id 0. A PASID entry is tagged with its domain id; one
 * that is not present has none, and is dropped with its PASID.
 */
#include "model/vtd/journey.h"

static unsigned int deepest(const struct iommu_model_vtd *model)
{
	return (model->config.levels & 1U << 5) != 0   ? 5
	       : (model->config.levels & 1U << 4) != 0 ? 4
						       : 3;
}

static bool levels_are_known(const struct iommu_model_vtd *model, unsigned int levels)
{
	return levels <= 5 && (model->config.levels >> levels & 1) != 0;
}

static bool caches_absence(const struct iommu_model_vtd *model)
{
	return model_has(model, IOMMU_MODEL_VTD_CACHING_MODE);
}

static void check_domain_id(struct journey *j, uint16_t domain_id)
{
	if (domain_id == 0 && caches_absence(j->model) && !j->peeks)
		j->misuse = "domain id 0 used in caching mode";
}

/* --- Legacy mode ------------------------------------------------------------------------------ */

static unsigned int check_context(struct journey *j, const uint64_t *words)
{
	const struct iommu_model_vtd *model = j->model;
	const unsigned int levels = vtd_context_levels(words[1]);
	const uint16_t domain_id = vtd_context_domain_id(words[1]);
	bool type_is_good;

	if ((words[0] & VTD_CONTEXT_PRESENT) == 0)
		return VTD_REASON_CONTEXT_NOT_PRESENT;
	if ((words[0] & (VTD_CONTEXT_LOW_RESERVED | model_beyond_memory(model))) != 0 ||
	    (words[1] & VTD_CONTEXT_HIGH_RESERVED) != 0 ||
	    domain_id >> model->config.domain_bits != 0)
		return VTD_REASON_CONTEXT_RESERVED;
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
	if (!type_is_good || !levels_are_known(model, levels))
		return VTD_REASON_CONTEXT_INVALID;
	check_domain_id(j, domain_id);
	return 0;
}

static void use_context(struct journey *j, const struct model_cached *entry)
{
	const enum vtd_translation_type type = vtd_context_type(entry->low);

	j->how = type == VTD_PASS_THROUGH ? VTD_PASID_PASS_THROUGH : VTD_PASID_SECOND_STAGE;
	j->device_tlb = type == VTD_TRANSLATE_ALL;
	j->domain_id = vtd_context_domain_id(entry->high);
	j->second_table = entry->low & VTD_ENTRY_ADDRESS_MASK;
	j->second_levels = vtd_context_levels(entry->high);
}

/* --- Context entries of scalable mode --------------------------------------------------------- */

static unsigned int check_scalable_context(const struct iommu_model_vtd *model,
					   const uint64_t *words)
{
	const uint64_t flags = words[0] & (VTD_CONTEXT_DEVICE_TLB | VTD_CONTEXT_PASIDS |
					   VTD_CONTEXT_PAGE_REQUESTS);
	uint64_t known = 0;

	if ((words[0] & VTD_CONTEXT_PRESENT) == 0)
		return VTD_REASON_SCALABLE_CONTEXT_NOT_PRESENT;
	if ((words[0] & (VTD_SCALABLE_CONTEXT_RESERVED | model_beyond_memory(model))) != 0 ||
	    (words[1] & VTD_SCALABLE_CONTEXT_HIGH_RESERVED) != 0 || (words[2] | words[3]) != 0)
		return VTD_REASON_SCALABLE_CONTEXT_RESERVED;
	known |= model_has(model, IOMMU_MODEL_VTD_DEVICE_TLB) ? VTD_CONTEXT_DEVICE_TLB : 0;
	known |= model_has(model, IOMMU_MODEL_VTD_PASID) ? VTD_CONTEXT_PASIDS : 0;
	known |= model_has(model, IOMMU_MODEL_VTD_PAGE_REQUESTS) ? VTD_CONTEXT_PAGE_REQUESTS : 0;
	return (flags & ~known) != 0 ? VTD_REASON_SCALABLE_CONTEXT_INVALID : 0;
}

/* --- Root and context, either mode ------------------------------------------------------------ */

static unsigned int fetch_root(struct journey *j, uint64_t *table)
{
	struct iommu_model_vtd *model = j->model;
	const uint16_t source_id = j->request->source_id;
	const uint64_t root = j->root & VTD_ENTRY_ADDRESS_MASK;
	const unsigned int half = j->scalable && (source_id & 0x80) != 0;
	uint64_t words[2];

	if (!model_read_words(model, root + (source_id >> 8) * 16ULL, words, 2))
		return j->scalable ? VTD_REASON_SCALABLE_ROOT_ACCESS : VTD_REASON_ROOT_ACCESS;
	if ((words[half] & VTD_ROOT_PRESENT) == 0)
		return j->scalable ? VTD_REASON_SCALABLE_ROOT_NOT_PRESENT
				   : VTD_REASON_ROOT_NOT_PRESENT;
	if ((words[half] & (VTD_ROOT_LOW_RESERVED | model_beyond_memory(model))) != 0 ||
	    (!j->scalable && words[1] != 0))
		return j->scalable ? VTD_REASON_SCALABLE_ROOT_RESERVED : VTD_REASON_ROOT_RESERVED;
	*table = words[half] & VTD_ENTRY_ADDRESS_MASK;
	return 0;
}

/* Read root and context entry from memory. */
static unsigned int fetch_context(struct journey *j, uint64_t *words)
{
	struct iommu_model_vtd *model = j->model;
	const uint16_t source_id = j->request->source_id;
	uint64_t table = 0;
	unsigned int reason = fetch_root(j, &table);

	journey_count_walk(j);
	if (reason != 0)
		return reason;
	if (j->scalable) {
		if (!model_read_wide(model, table + (source_id & 0x7f) * 32ULL, words))
			return VTD_REASON_SCALABLE_CONTEXT_ACCESS;
		reason = check_scalable_context(model, words);
	} else {
		if (!model_read_words(model, table + (source_id & 0xff) * 16ULL, words, 2))
			return VTD_REASON_CONTEXT_ACCESS;
		reason = check_context(j, words);
	}
	j->fault_hidden = (words[0] & VTD_CONTEXT_FPD) != 0;
	return reason;
}

/* *entry: the context entry, from the cache or from memory. */
static unsigned int find_context_entry(struct journey *j, struct model_cached *entry)
{
	struct iommu_model_vtd *model = j->model;
	/* A cached entry of the other mode does not count in this one. */
	const unsigned int mode = j->scalable ? 1 : 0;
	uint64_t words[4] = {0};

	if (journey_find(j, MODEL_CONTEXT, j->request->source_id, mode, 0, entry)) {
		j->fault_hidden = entry->fault_hidden;
		return entry->reason;
	}
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	*entry = (struct model_cached){.kind = MODEL_CONTEXT,
				       .tag = j->request->source_id,
				       .level = (uint8_t)mode,
				       .has_owner = true};
	entry->reason = (uint8_t)fetch_context(j, words);
	entry->fault_hidden = j->fault_hidden;
	if (entry->reason == 0) {
		entry->low = words[0];
		entry->high = words[1];
		entry->owner = j->scalable ? 0 : vtd_context_domain_id(words[1]);
	}
	if (entry->reason == 0 || caches_absence(model))
		journey_remember(j, entry);
	return entry->reason;
}

/* --- PASIDs ----------------------------------------------------------------------------------- */

static bool type_is_known(const struct iommu_model_vtd *model, enum vtd_pasid_type type)
{
	switch (type) {
	case VTD_PASID_FIRST_STAGE:
		return model_has(model, IOMMU_MODEL_VTD_FIRST_STAGE);
	case VTD_PASID_SECOND_STAGE:
		return !model_has(model, IOMMU_MODEL_VTD_NO_SECOND_STAGE);
	case VTD_PASID_NESTED:
		return model_has(model, IOMMU_MODEL_VTD_NESTED);
	case VTD_PASID_PASS_THROUGH:
		return model_has(model, IOMMU_MODEL_VTD_PASS_THROUGH);
	default:
		return false;
	}
}

static bool first_stage_is_known(const struct iommu_model_vtd *model, uint64_t word2)
{
	const unsigned int levels = vtd_pasid_first_levels(word2);

	return levels == 4 || (levels == 5 && model_has(model, IOMMU_MODEL_VTD_FIRST_STAGE_5));
}

static unsigned int check_pasid_entry(struct journey *j, const uint64_t *words)
{
	const struct iommu_model_vtd *model = j->model;
	const enum vtd_pasid_type type = vtd_pasid_type(words[0]);
	const bool has_first = type == VTD_PASID_FIRST_STAGE || type == VTD_PASID_NESTED;
	const uint64_t beyond = model_beyond_memory(model);
	unsigned int i;

	if ((words[0] & VTD_PASID_PRESENT) == 0)
		return VTD_REASON_PASID_ENTRY_NOT_PRESENT;
	for (i = 3; i < VTD_PASID_ENTRY_WORDS; i++)
		if (words[i] != 0)
			return VTD_REASON_PASID_ENTRY_RESERVED;
	if ((words[0] & (VTD_PASID_RESERVED_0 | beyond)) != 0 ||
	    (words[1] & VTD_PASID_RESERVED_1) != 0 || (words[2] & VTD_PASID_RESERVED_2) != 0 ||
	    (type == VTD_PASID_FIRST_STAGE && (words[2] & beyond) != 0))
		return VTD_REASON_PASID_ENTRY_RESERVED;
	if (!type_is_known(model, type) || (has_first && !first_stage_is_known(model, words[2])) ||
	    (type != VTD_PASID_FIRST_STAGE &&
	     !levels_are_known(model, vtd_pasid_levels(words[0]))) ||
	    ((words[0] & VTD_PASID_SSADE) != 0 && !model_has(model, IOMMU_MODEL_VTD_DIRTY)) ||
	    (words[0] & VTD_PASID_SSEE) != 0 ||
	    ((words[1] & VTD_PASID_PGSNP) != 0 &&
	     !model_has(model, IOMMU_MODEL_VTD_SNOOP_CONTROL)) ||
	    ((words[1] & VTD_PASID_PWSNP) != 0 && model_has(model, IOMMU_MODEL_VTD_NONCOHERENT)) ||
	    vtd_pasid_domain_id(words[1]) >> model->config.domain_bits != 0)
		return VTD_REASON_PASID_ENTRY_INVALID;
	check_domain_id(j, vtd_pasid_domain_id(words[1]));
	return 0;
}

/* Read directory and table from memory: words 0 to 2 of the entry are used. */
static unsigned int fetch_pasid(struct journey *j, const struct model_cached *context,
				uint64_t *words)
{
	struct iommu_model_vtd *model = j->model;
	const uint32_t index = vtd_pasid_directory_index(j->pasid);
	uint64_t directory;
	unsigned int i;

	journey_count_walk(j);
	if (!model_read_words(model, (context->low & VTD_ENTRY_ADDRESS_MASK) + index * 8ULL,
			      &directory, 1))
		return VTD_REASON_DIRECTORY_ACCESS;
	j->fault_hidden |= (directory & VTD_PASID_DIRECTORY_FPD) != 0;
	if ((directory & VTD_PASID_DIRECTORY_PRESENT) == 0)
		return VTD_REASON_DIRECTORY_NOT_PRESENT;
	if ((directory & (VTD_PASID_DIRECTORY_RESERVED | model_beyond_memory(model))) != 0)
		return VTD_REASON_DIRECTORY_RESERVED;
	for (i = 0; i < VTD_PASID_ENTRY_WORDS; i += 2)
		if (!model_read_words(model,
				      (directory & VTD_ENTRY_ADDRESS_MASK) +
					      j->pasid % VTD_PASID_TABLE_ENTRIES *
						      sizeof(struct vtd_pasid_entry) +
					      i * 8ULL,
				      &words[i], 2))
			return VTD_REASON_PASID_ENTRY_ACCESS;
	j->fault_hidden |= (words[0] & VTD_PASID_FPD) != 0;
	return check_pasid_entry(j, words);
}

static void use_pasid_entry(struct journey *j, const struct model_cached *entry)
{
	const uint64_t word0 = entry->low;

	j->how = vtd_pasid_type(word0);
	j->domain_id = vtd_pasid_domain_id(entry->third);
	j->second_table = word0 & VTD_ENTRY_ADDRESS_MASK;
	j->second_levels = vtd_pasid_levels(word0);
	j->notes = (word0 & VTD_PASID_SSADE) != 0;
	j->first = entry->high;
	j->snoops = (entry->third & VTD_PASID_PGSNP) != 0;
}

static unsigned int find_pasid(struct journey *j, const struct model_cached *context)
{
	struct iommu_model_vtd *model = j->model;
	struct model_cached entry;
	uint64_t words[VTD_PASID_ENTRY_WORDS] = {0};

	if (!journey_find(j, MODEL_PASID, j->pasid, 0, j->request->source_id, &entry)) {
		if (!model_passage_walks(j->passage))
			return MODEL_AGAIN;
		entry.has_owner = true;
		entry.owner = MODEL_NO_DOMAIN;
		entry.reason = (uint8_t)fetch_pasid(j, context, words);
		entry.fault_hidden = j->fault_hidden;
		if (entry.reason == 0) {
			entry.low = words[0];
			entry.high = words[2];
			entry.third = words[1];
			entry.owner = vtd_pasid_domain_id(words[1]);
		}
		if (entry.reason == 0 || caches_absence(model))
			journey_remember(j, &entry);
	}
	j->fault_hidden = entry.fault_hidden;
	if (entry.reason == 0)
		use_pasid_entry(j, &entry);
	return entry.reason;
}

static unsigned int find_scalable(struct journey *j, const struct model_cached *context)
{
	const struct iommu_model_request *request = j->request;

	j->device_tlb = (context->low & VTD_CONTEXT_DEVICE_TLB) != 0;
	j->page_requests = (context->low & VTD_CONTEXT_PAGE_REQUESTS) != 0;
	if (request->has_pasid && (context->low & VTD_CONTEXT_PASIDS) == 0)
		return VTD_REASON_PASID_DISABLED;
	if (request->type != IOMMU_MODEL_UNTRANSLATED && !j->device_tlb)
		return VTD_REASON_DEVICE_TLB_DISABLED;
	j->pasid = request->has_pasid ? request->pasid : vtd_scalable_request_pasid(context->high);
	if (vtd_pasid_directory_index(j->pasid) >= vtd_scalable_directory_entries(context->low) ||
	    j->pasid >> j->model->config.pasid_bits != 0)
		return VTD_REASON_PASID_TOO_LARGE;
	/* A translated request is not translated again. */
	return request->type == IOMMU_MODEL_TRANSLATED ? 0 : find_pasid(j, context);
}

unsigned int iommu_model_find_context(struct journey *j)
{
	const uint64_t mode = j->root & VTD_RTADDR_MODE;
	struct model_cached entry;
	unsigned int reason;

	j->scalable = mode == VTD_RTADDR_SCALABLE;
	if (mode != VTD_RTADDR_LEGACY &&
	    !(j->scalable && model_has(j->model, IOMMU_MODEL_VTD_SCALABLE)))
		return VTD_REASON_ROOT_ADDRESS_INVALID;
	if (j->request->has_pasid && !j->scalable)
		return VTD_REASON_LEGACY_PASID;
	reason = find_context_entry(j, &entry);
	if (reason != 0)
		return reason;
	if (j->scalable)
		return find_scalable(j, &entry);
	use_context(j, &entry);
	return j->request->type != IOMMU_MODEL_UNTRANSLATED && !j->device_tlb
		       ? VTD_REASON_REQUEST_TYPE_BLOCKED
		       : 0;
}
