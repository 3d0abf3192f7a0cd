/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation: descriptors of the queue, checked as strictly as the specification allows, and the
 * same commands by registers (VT-d specification, "Invalidation of Translation Caches").
 */
#include "base/byteorder.h"
#include "model/vtd/model.h"

#define TYPE_HIGH_BITS   0xe00ULL
#define IOTLB_RESERVED   0xffffffff0000ff00ULL
#define PAGES_RESERVED   0xf80ULL
#define CONTEXT_RESERVED 0xfffc00000000ffc0ULL

/* --- What is dropped -------------------------------------------------------------------------- */

static bool is_scalable(const struct iommu_model_vtd *model)
{
	return (model->regs.root & VTD_RTADDR_MODE) == VTD_RTADDR_SCALABLE;
}

/*
 * Context entries of source ids in [first, last]. In scalable mode they have no domain id: only the
 * device counts.
 */
static void drop_sources(struct iommu_model_vtd *model, uint16_t domain_id, uint64_t first,
			 uint64_t last)
{
	if (is_scalable(model))
		iommu_model_cache_drop_tags(&model->cache, MODEL_CONTEXT, first, last);
	else
		iommu_model_cache_drop_owned(&model->cache, MODEL_CONTEXT, domain_id, first, last);
}

/* Bits of a source id that a function mask ignores. */
static uint16_t ignored_by(unsigned int function_mask)
{
	static const uint16_t ignored[] = {0, 4, 6, 7};

	return ignored[function_mask];
}

static void drop_contexts(struct iommu_model_vtd *model, unsigned int granularity,
			  uint16_t domain_id, uint16_t source_id, unsigned int function_mask)
{
	const uint16_t first = source_id & (uint16_t)~7U;
	uint16_t id;

	if (granularity == VTD_GRANULARITY_GLOBAL) {
		iommu_model_cache_drop_kind(&model->cache, MODEL_CONTEXT);
		return;
	}
	if (granularity == VTD_GRANULARITY_DOMAIN) {
		drop_sources(model, domain_id, 0, UINT16_MAX);
		return;
	}
	for (id = 0; id < 8; id++)
		if (((id ^ source_id) & 7 & ~ignored_by(function_mask)) == 0)
			drop_sources(model, domain_id, first | id, first | id);
}

/* The bytes below one entry of a level. */
static uint64_t span(unsigned int level)
{
	return 1ULL << vtd_ss_level_shift(level);
}

/* All entries with a tag that intersect [first, last], including those that begin before it. */
static void drop_range(struct iommu_model_vtd *model, enum model_kind pages, uint64_t tag,
		       uint64_t first, uint64_t last, bool tables)
{
	const enum model_kind non_leaves = pages == MODEL_PAGE ? MODEL_TABLE : MODEL_FIRST_TABLE;
	unsigned int level;

	for (level = 1; level <= VTD_SS_LEVELS_MAX; level++) {
		const uint64_t from = first & ~(span(level) - 1);
		const uint64_t to = last & ~(span(level) - 1);

		iommu_model_cache_drop(&model->cache, pages, tag, level, from, to);
		if (tables)
			iommu_model_cache_drop(&model->cache, non_leaves, tag, level, from, to);
	}
}

/* Everything of a domain id, for all PASIDs. */
static void drop_domain(struct iommu_model_vtd *model, uint16_t domain_id)
{
	const uint64_t first = (uint64_t)domain_id << 32;

	iommu_model_cache_drop_tags(&model->cache, MODEL_PAGE, domain_id, domain_id);
	iommu_model_cache_drop_tags(&model->cache, MODEL_TABLE, domain_id, domain_id);
	iommu_model_cache_drop_tags(&model->cache, MODEL_FIRST_PAGE, first, first | UINT32_MAX);
	iommu_model_cache_drop_tags(&model->cache, MODEL_FIRST_TABLE, first, first | UINT32_MAX);
}

static void drop_all_pages(struct iommu_model_vtd *model)
{
	iommu_model_cache_drop_kind(&model->cache, MODEL_PAGE);
	iommu_model_cache_drop_kind(&model->cache, MODEL_TABLE);
	iommu_model_cache_drop_kind(&model->cache, MODEL_FIRST_PAGE);
	iommu_model_cache_drop_kind(&model->cache, MODEL_FIRST_TABLE);
}

void iommu_model_drop_translations(struct iommu_model_vtd *model)
{
	iommu_model_cache_drop_kind(&model->cache, MODEL_CONTEXT);
	iommu_model_cache_drop_kind(&model->cache, MODEL_PASID);
	drop_all_pages(model);
}

/* The bytes that a page-selective invalidation names by its mask; 0: everything. */
static uint64_t bytes_of(uint64_t pages)
{
	const unsigned int mask = pages & 0x3f;

	return mask < 52 ? IOMMU_PAGE_SIZE << mask : 0;
}

/*
 * Page-selective: `pages` holds address, hint and mask. For the second stage only its own entries
 * are dropped: those of nested translations stay.
 */
static void drop_pages(struct iommu_model_vtd *model, enum model_kind kind, uint64_t tag,
		       uint64_t pages)
{
	const uint64_t size = bytes_of(pages);
	uint64_t address = pages & VTD_ENTRY_ADDRESS_MASK;

	if ((address & (size - 1)) != 0)
		model_misuse(model,
			     "the address of a page invalidation is not aligned to its mask");
	address &= ~(size - 1);
	drop_range(model, kind, tag, address, address + (size - 1), (pages & VTD_IOTLB_HINT) == 0);
}

static void drop_iotlb(struct iommu_model_vtd *model, unsigned int granularity, uint16_t domain_id,
		       uint64_t pages)
{
	if (granularity == VTD_GRANULARITY_PAGE)
		drop_pages(model, MODEL_PAGE, domain_id, pages);
	else if (granularity == VTD_GRANULARITY_DOMAIN)
		drop_domain(model, domain_id);
	else
		drop_all_pages(model);
}

/* --- What is dropped, and told ---------------------------------------------------------------- */

static void invalidate_contexts(struct iommu_model_vtd *model, enum model_notice_place place,
				unsigned int granularity, uint16_t domain_id, uint16_t source_id,
				unsigned int function_mask)
{
	const bool of_devices = granularity == VTD_GRANULARITY_DEVICE;
	struct iommu_model_invalidation what = {
		.type = IOMMU_MODEL_INVALIDATE_CONTEXTS,
		.by_register = place == NOTICE_CONTEXT,
		/* An entry of scalable mode has no domain id. */
		.has_domain = granularity != VTD_GRANULARITY_GLOBAL && !is_scalable(model),
		.has_source = of_devices,
	};

	drop_contexts(model, granularity, domain_id, source_id, function_mask);
	if (what.has_domain) {
		what.granularity = IOMMU_MODEL_OF_DOMAIN;
		what.domain_id = domain_id;
	}
	if (of_devices) {
		what.granularity = IOMMU_MODEL_OF_DEVICES;
		what.source_id = source_id;
		what.source_mask = (uint16_t)~ignored_by(function_mask);
	}
	(void)iommu_model_notify(model, place, &what);
}

/* The range that `pages` encodes: address, hint and mask. */
static void name_pages(struct iommu_model_invalidation *what, uint64_t pages)
{
	what->granularity = IOMMU_MODEL_OF_RANGE;
	what->size = bytes_of(pages);
	what->address = pages & VTD_ENTRY_ADDRESS_MASK & ~(what->size - 1);
	what->leaves_only = (pages & VTD_IOTLB_HINT) != 0;
}

static void invalidate_iotlb(struct iommu_model_vtd *model, enum model_notice_place place,
			     unsigned int granularity, uint16_t domain_id, uint64_t pages)
{
	struct iommu_model_invalidation what = {
		.type = IOMMU_MODEL_INVALIDATE_IOTLB,
		.by_register = place == NOTICE_IOTLB,
		.has_domain = granularity != VTD_GRANULARITY_GLOBAL,
	};

	drop_iotlb(model, granularity, domain_id, pages);
	if (what.has_domain) {
		what.granularity = IOMMU_MODEL_OF_DOMAIN;
		what.domain_id = domain_id;
	}
	if (granularity == VTD_GRANULARITY_PAGE)
		name_pages(&what, pages);
	(void)iommu_model_notify(model, place, &what);
}

static bool page_mask_is_supported(const struct iommu_model_vtd *model, uint64_t pages)
{
	return !model_has(model, IOMMU_MODEL_VTD_NO_PAGES) &&
	       (pages & 0x3f) <= model->config.address_mask;
}

/* --- By registers ----------------------------------------------------------------------------- */

static bool registers_work(struct iommu_model_vtd *model)
{
	if (!model_is_on(model, VTD_GLOBAL_QIE) && !is_scalable(model) &&
	    vtd_version_major((uint32_t)model->regs.version) < VTD_VERSION_QUEUE_ONLY)
		return true;
	model_misuse(model, "register invalidation while only the queue works");
	return false;
}

/* Written: the command begins again. */
static void begin_again(struct model_register_command *command)
{
	*command = (struct model_register_command){.is_due = true};
}

void iommu_model_context_command(struct iommu_model_vtd *model)
{
	begin_again(&model->context);
}

void iommu_model_iotlb_command(struct iommu_model_vtd *model)
{
	begin_again(&model->iotlb);
}

/* Returns the granularity that was executed; 0: none. */
static unsigned int drop_by_ccmd(struct iommu_model_vtd *model)
{
	const uint64_t ccmd = model->regs.ccmd;
	const unsigned int granularity = registers_work(model) ? (unsigned int)(ccmd >> 61) & 3 : 0;

	if (granularity != 0)
		invalidate_contexts(model, NOTICE_CONTEXT, granularity, (uint16_t)ccmd,
				    (uint16_t)(ccmd >> 16), (unsigned int)(ccmd >> 32) & 3);
	return granularity;
}

static unsigned int drop_by_iotlb(struct iommu_model_vtd *model)
{
	const uint64_t iotlb = model->regs.iotlb;
	const unsigned int granularity =
		registers_work(model) ? (unsigned int)(iotlb >> 60) & 3 : 0;

	if (granularity == VTD_GRANULARITY_PAGE && !page_mask_is_supported(model, model->regs.iva))
		return 0;
	if (granularity != 0)
		invalidate_iotlb(model, NOTICE_IOTLB, granularity, (uint16_t)(iotlb >> 32),
				 model->regs.iva);
	return granularity;
}

bool iommu_model_register_commands_have_work(const struct iommu_model_vtd *model)
{
	return (model->context.is_due || model->iotlb.is_due) && !model->faults.invalidations_hang;
}

/* Drop, notify the host, and wait for the walks before; true: complete. */
static bool carry_out(struct iommu_model_vtd *model, uintptr_t *state,
		      enum model_notice_place place, struct model_register_command *command,
		      const uint64_t *reg, uint64_t busy,
		      unsigned int (*drop)(struct iommu_model_vtd *model))
{
	uintptr_t dropping;
	unsigned int left;

	command->is_due = false;
	if ((*reg & busy) == 0)
		return false;
	if (!command->is_dropped && model->config.host.write_buffer_flushed != NULL) {
		left = iommu_model_go_out(model, *state);
		iommu_model_flush_writes(model);
		*state = iommu_model_come_back(model, left);
		/* Written again meanwhile, or completed by another processor. */
		if (command->is_due || command->is_dropped || (*reg & busy) == 0)
			return false;
	}
	if (!command->is_dropped) {
		dropping = iommu_model_cache_begin_drop(&model->cache);
		command->granularity = drop(model);
		iommu_model_cache_end_drop(&model->cache, dropping);
		command->is_dropped = true;
	}
	if (model_notice_is_open(model, place) ||
	    !iommu_model_walks_have_ended(&model->cache, &command->ticket) ||
	    model->faults.waits_hang)
		return false;
	command->is_dropped = false;
	return true;
}

bool iommu_model_register_commands_step(struct iommu_model_vtd *model, uintptr_t *state)
{
	struct model_registers *regs = &model->regs;

	if (!iommu_model_register_commands_have_work(model))
		return false;
	if (model->context.is_due && carry_out(model, state, NOTICE_CONTEXT, &model->context,
					       &regs->ccmd, VTD_CCMD_ICC, drop_by_ccmd)) {
		regs->ccmd &= ~(VTD_CCMD_ICC | 3ULL << 59);
		regs->ccmd |= (uint64_t)model->context.granularity << 59;
	}
	if (model->iotlb.is_due && carry_out(model, state, NOTICE_IOTLB, &model->iotlb,
					     &regs->iotlb, VTD_IOTLB_IVT, drop_by_iotlb)) {
		regs->iotlb &= ~(VTD_IOTLB_IVT | 3ULL << 57);
		regs->iotlb |= (uint64_t)model->iotlb.granularity << 57;
	}
	return true;
}

/* --- Descriptors ------------------------------------------------------------------------------ */

static enum vtd_queue_error do_context(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	const unsigned int granularity = vtd_descriptor_granularity(d);

	if (granularity == 0 || (d.low & CONTEXT_RESERVED) != 0 || d.high != 0)
		return VTD_QUEUE_ERROR_RESERVED;
	invalidate_contexts(model, NOTICE_QUEUE, granularity, vtd_descriptor_domain_id(d),
			    vtd_descriptor_source_id(d), vtd_descriptor_function_mask(d));
	return VTD_QUEUE_ERROR_NONE;
}

static enum vtd_queue_error do_iotlb(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	const unsigned int granularity = vtd_descriptor_granularity(d);

	if (granularity == 0 || (d.low & IOTLB_RESERVED) != 0)
		return VTD_QUEUE_ERROR_RESERVED;
	if (granularity == VTD_GRANULARITY_PAGE &&
	    (!page_mask_is_supported(model, d.high) || (d.high & PAGES_RESERVED) != 0))
		return VTD_QUEUE_ERROR_RESERVED;
	invalidate_iotlb(model, NOTICE_QUEUE, granularity, vtd_descriptor_domain_id(d), d.high);
	return VTD_QUEUE_ERROR_NONE;
}

/* The device is asked when the lock has been released: see iommu_model_leave. */
static void ask_device(struct iommu_model_vtd *model, struct iommu_model_invalidation asked,
		       uint64_t high, bool sized)
{
	uint64_t size = IOMMU_PAGE_SIZE;
	uint64_t bit;

	if (!model_is_on(model, VTD_GLOBAL_TE))
		model_misuse(model, "device-TLB invalidation while translation is off");
	if (sized) {
		size = 2 * IOMMU_PAGE_SIZE;
		for (bit = IOMMU_PAGE_SIZE; bit != 0 && (high & bit) != 0; bit <<= 1)
			size <<= 1;
	}
	asked.type = IOMMU_MODEL_INVALIDATE_DEVICE_TLB;
	asked.granularity = IOMMU_MODEL_OF_RANGE;
	asked.has_source = true;
	asked.source_mask = UINT16_MAX;
	asked.size = size;
	asked.address = size == 0 ? 0 : high & VTD_ENTRY_ADDRESS_MASK & ~(size - 1);
	(void)iommu_model_notify(model, NOTICE_QUEUE, &asked);
}

static enum vtd_queue_error do_device_tlb(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	const struct iommu_model_invalidation asked = {.source_id = vtd_descriptor_source_id(d)};

	if (!model_has(model, IOMMU_MODEL_VTD_DEVICE_TLB))
		return VTD_QUEUE_ERROR_TYPE;
	if ((d.low & 0xfff000000000f000ULL) != 0 || (d.low & 0xffe00000ULL) != 0 ||
	    (d.high & 0xffe) != 0)
		return VTD_QUEUE_ERROR_RESERVED;
	ask_device(model, asked, d.high, (d.high & VTD_DEVICE_TLB_SIZE) != 0);
	return VTD_QUEUE_ERROR_NONE;
}

/* --- Descriptors of scalable mode ------------------------------------------------------------- */

static bool is_wide(const struct iommu_model_vtd *model)
{
	return (model->regs.iqa & VTD_IQA_WIDE) != 0;
}

static enum vtd_queue_error do_pasid_iotlb(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	const unsigned int granularity = vtd_descriptor_granularity(d);
	const uint64_t tag = (uint64_t)vtd_descriptor_domain_id(d) << 32 | vtd_descriptor_pasid(d);
	struct iommu_model_invalidation what = {
		.type = IOMMU_MODEL_INVALIDATE_IOTLB,
		.granularity = IOMMU_MODEL_OF_PASID,
		.has_domain = true,
		.domain_id = vtd_descriptor_domain_id(d),
		.has_pasid = true,
		.pasid = vtd_descriptor_pasid(d),
	};

	if (!is_wide(model))
		return VTD_QUEUE_ERROR_TYPE;
	if (granularity < VTD_PASID_IOTLB_ALL || (d.low & 0xfff000000000ffc0ULL) != 0)
		return VTD_QUEUE_ERROR_RESERVED;
	if (granularity == VTD_PASID_IOTLB_PAGE) {
		if ((d.high & PAGES_RESERVED) != 0)
			return VTD_QUEUE_ERROR_RESERVED;
		drop_pages(model, MODEL_FIRST_PAGE, tag, d.high);
		name_pages(&what, d.high);
	} else {
		iommu_model_cache_drop_tags(&model->cache, MODEL_FIRST_PAGE, tag, tag);
		iommu_model_cache_drop_tags(&model->cache, MODEL_FIRST_TABLE, tag, tag);
	}
	(void)iommu_model_notify(model, NOTICE_QUEUE, &what);
	return VTD_QUEUE_ERROR_NONE;
}

static enum vtd_queue_error do_pasid_cache(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	struct model_cache *cache = &model->cache;
	const uint16_t domain_id = vtd_descriptor_domain_id(d);
	const uint32_t pasid = vtd_descriptor_pasid(d);
	const unsigned int granularity = vtd_descriptor_granularity(d);
	struct iommu_model_invalidation what = {
		.type = IOMMU_MODEL_INVALIDATE_PASIDS, .domain_id = domain_id, .pasid = pasid};

	if (!is_wide(model))
		return VTD_QUEUE_ERROR_TYPE;
	if (granularity == 2 || (d.low & 0xfff000000000ffc0ULL) != 0 || d.high != 0)
		return VTD_QUEUE_ERROR_RESERVED;
	if (granularity == VTD_PASID_CACHE_DOMAIN) {
		what.granularity = IOMMU_MODEL_OF_DOMAIN;
		iommu_model_cache_drop_owned(cache, MODEL_PASID, domain_id, 0, UINT64_MAX);
	} else if (granularity == VTD_PASID_CACHE_PASID) {
		what.granularity = IOMMU_MODEL_OF_PASID;
		iommu_model_cache_drop_owned(cache, MODEL_PASID, domain_id, pasid, pasid);
		iommu_model_cache_drop_owned(cache, MODEL_PASID, MODEL_NO_DOMAIN, pasid, pasid);
	} else {
		iommu_model_cache_drop_kind(cache, MODEL_PASID);
	}
	what.has_domain = what.granularity != IOMMU_MODEL_OF_ALL;
	what.has_pasid = what.granularity == IOMMU_MODEL_OF_PASID;
	(void)iommu_model_notify(model, NOTICE_QUEUE, &what);
	return VTD_QUEUE_ERROR_NONE;
}

static enum vtd_queue_error do_pasid_device_tlb(struct iommu_model_vtd *model,
						struct vtd_descriptor d)
{
	const struct iommu_model_invalidation asked = {
		.source_id = vtd_descriptor_pasid_source_id(d),
		.has_pasid = true,
		.all_pasids = (d.high & VTD_PASID_DEVICE_TLB_ALL) != 0,
		.pasid = vtd_descriptor_pasid(d),
	};

	if (!model_has(model, IOMMU_MODEL_VTD_DEVICE_TLB) || !is_wide(model))
		return VTD_QUEUE_ERROR_TYPE;
	if ((d.low & 0xfff000000000fe00ULL) != 0 || (d.high & 0x7fe) != 0)
		return VTD_QUEUE_ERROR_RESERVED;
	ask_device(model, asked, d.high, (d.high & VTD_PASID_DEVICE_TLB_SIZE) != 0);
	return VTD_QUEUE_ERROR_NONE;
}

/* Delivered to the device when the lock has been released: see iommu_model_leave. */
static enum vtd_queue_error do_page_response(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	if (!model_has(model, IOMMU_MODEL_VTD_PAGE_REQUESTS) || !is_wide(model))
		return VTD_QUEUE_ERROR_TYPE;
	if ((d.low & 0xfff0000000000fe0ULL) != 0 || (d.high & ~0xffcULL) != 0)
		return VTD_QUEUE_ERROR_RESERVED;
	model->answers[model->answer_count++] = (struct iommu_model_page_answer){
		.source_id = vtd_descriptor_pasid_source_id(d),
		.has_pasid = (d.low & VTD_PAGE_RESPONSE_HAS_PASID) != 0,
		.pasid = vtd_descriptor_pasid(d),
		.group = (uint16_t)(d.high >> 3 & 0x1ff),
		.code = (unsigned int)(d.low >> 12) & 0xf,
	};
	return VTD_QUEUE_ERROR_NONE;
}

static enum vtd_queue_error do_interrupts(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	const unsigned int mask = (unsigned int)(d.low >> 27) & 31;
	const uint64_t count = 1ULL << mask;
	const uint64_t index = (d.low >> 32 & 0xffff) & ~(count - 1);
	struct iommu_model_invalidation what = {.type = IOMMU_MODEL_INVALIDATE_INTERRUPTS};

	if (!model_has(model, IOMMU_MODEL_VTD_INTERRUPT_REMAPPING))
		return VTD_QUEUE_ERROR_TYPE;
	if ((d.low & 0xffff000007ffffe0ULL) != 0 || d.high != 0 || mask > MODEL_HANDLE_MASK_MAX)
		return VTD_QUEUE_ERROR_RESERVED;
	if ((d.low & VTD_IEC_BY_INDEX) == 0) {
		iommu_model_cache_drop_kind(&model->cache, MODEL_INTERRUPT);
	} else {
		iommu_model_cache_drop(&model->cache, MODEL_INTERRUPT, 0, 0, index,
				       index + (count - 1));
		what.granularity = IOMMU_MODEL_OF_INDEXES;
		what.first_index = (uint32_t)index;
		what.index_count = (uint32_t)count;
	}
	(void)iommu_model_notify(model, NOTICE_QUEUE, &what);
	return VTD_QUEUE_ERROR_NONE;
}

/* Is the wait at the head to be held back? */
static bool wait_is_held(struct iommu_model_vtd *model)
{
	if (model->faults.waits_hang)
		return true;
	if (!model->wait_held && model->faults.wait_delay != 0) {
		model->wait_held = true;
		model->wait_reads = model->faults.wait_delay;
	}
	if (model->wait_held && model->wait_reads != 0)
		return true;
	model->wait_held = false;
	return false;
}

/* Does a wait request anything? Some units refuse one that only orders. */
static bool has_purpose(const struct iommu_model_vtd *model, uint64_t low)
{
	const bool strict = model_is_strict(model, IOMMU_MODEL_VTD_STRICT_WAITS);

	return (low & (VTD_WAIT_INTERRUPT | VTD_WAIT_STATUS_WRITE)) != 0 ||
	       ((low & VTD_WAIT_FENCE) != 0 && (!strict || (low & VTD_WAIT_DRAIN) != 0));
}

static enum vtd_queue_error check_wait(const struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	const uint64_t drain = model_has(model, IOMMU_MODEL_VTD_PAGE_REQUESTS) ? VTD_WAIT_DRAIN : 0;

	if ((d.low & TYPE_HIGH_BITS) != 0 || (d.low & 0xffffff80ULL & ~drain) != 0 ||
	    (d.high & 3) != 0 || !has_purpose(model, d.low))
		return VTD_QUEUE_ERROR_RESERVED;
	return VTD_QUEUE_ERROR_NONE;
}

static bool write_status(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	const uint32_t value = iommu_le32((uint32_t)(d.low >> 32));

	return d.high <= model_output_last(model) &&
	       host->write(host->ctx, d.high, &value, sizeof(value));
}

/*
 * Everything before it is complete: write the status. Releases the lock; if the queue is turned off
 * meanwhile nothing more is done.
 */
static void do_wait(struct iommu_model_vtd *model, uintptr_t *state, struct vtd_descriptor d)
{
	const uint32_t generation = model->queue_generation;
	bool is_memory = true;
	unsigned int left;

	if ((d.low & VTD_WAIT_DRAIN) != 0)
		iommu_model_requests_drain(model, state);
	if (model->queue_generation != generation)
		return;
	model->queue_writes = true;
	left = iommu_model_go_out(model, *state);
	iommu_model_flush_writes(model);
	if ((d.low & VTD_WAIT_STATUS_WRITE) != 0)
		is_memory = write_status(model, d);
	*state = iommu_model_come_back(model, left);
	model->queue_writes = false;
	model->command_is_due |= model->command_has_begun;
	if (!is_memory)
		model_misuse(model, "the status address of a wait descriptor is no memory");
	/* The status is written before the interrupt is sent. */
	if (model->queue_generation == generation && (d.low & VTD_WAIT_INTERRUPT) != 0)
		iommu_model_wait_event(model);
}

/* All but a wait. */
static enum vtd_queue_error execute(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	if ((d.low & TYPE_HIGH_BITS) != 0)
		return VTD_QUEUE_ERROR_RESERVED;
	switch (vtd_descriptor_type(d)) {
	case VTD_DESCRIPTOR_CONTEXT:
		return do_context(model, d);
	case VTD_DESCRIPTOR_IOTLB:
		return do_iotlb(model, d);
	case VTD_DESCRIPTOR_DEVICE_TLB:
		return do_device_tlb(model, d);
	case VTD_DESCRIPTOR_IEC:
		return do_interrupts(model, d);
	case VTD_DESCRIPTOR_PASID_IOTLB:
		return do_pasid_iotlb(model, d);
	case VTD_DESCRIPTOR_PASID_CACHE:
		return do_pasid_cache(model, d);
	case VTD_DESCRIPTOR_PASID_DEVICE_TLB:
		return do_pasid_device_tlb(model, d);
	case VTD_DESCRIPTOR_PAGE_RESPONSE:
		return do_page_response(model, d);
	case VTD_DESCRIPTOR_WAIT:
	default:
		return VTD_QUEUE_ERROR_TYPE;
	}
}

/* --- The queue -------------------------------------------------------------------------------- */

/* As a power of two: there are processors without a 64-bit division. */
static unsigned int descriptor_shift(const struct model_registers *regs)
{
	return (regs->iqa & VTD_IQA_WIDE) != 0 ? 5 : 4;
}

static uint64_t queue_bytes(const struct model_registers *regs)
{
	return IOMMU_PAGE_SIZE << (regs->iqa & 7);
}

static bool is_aligned(const struct model_registers *regs, uint64_t offset)
{
	return (offset & ((1ULL << descriptor_shift(regs)) - 1)) == 0;
}

bool iommu_model_queue_head_is_sane(const struct model_registers *regs)
{
	return is_aligned(regs, regs->iqh) && regs->iqh < queue_bytes(regs);
}

static bool tail_is_sane(const struct model_registers *regs)
{
	return is_aligned(regs, regs->iqt) && regs->iqt < queue_bytes(regs);
}

static void stop_with(struct iommu_model_vtd *model, uint32_t fsts_bit, uint64_t why)
{
	model->regs.iqercd = why;
	iommu_model_fault_event(model, fsts_bit);
}

static void advance(struct iommu_model_vtd *model)
{
	struct model_registers *regs = &model->regs;

	/* The size is a power of two. */
	regs->iqh = (regs->iqh + (1ULL << descriptor_shift(regs))) & (queue_bytes(regs) - 1);
}

/* What is wrong with the set-up of the queue; VTD_QUEUE_ERROR_NONE: nothing. */
static enum vtd_queue_error check_queue(const struct iommu_model_vtd *model)
{
	const struct model_registers *regs = &model->regs;

	if (is_wide(model) ? !model_has(model, IOMMU_MODEL_VTD_SCALABLE) : is_scalable(model))
		return VTD_QUEUE_ERROR_WIDTH;
	if (!is_aligned(regs, regs->iqt) || !iommu_model_queue_head_is_sane(regs))
		return VTD_QUEUE_ERROR_ALIGNMENT;
	return tail_is_sane(regs) ? VTD_QUEUE_ERROR_NONE : VTD_QUEUE_ERROR_TAIL;
}

/* Is there a descriptor to execute, and nothing that it has to wait for? */
static bool can_run(const struct iommu_model_vtd *model)
{
	const struct model_registers *regs = &model->regs;

	return model_is_on(model, VTD_GLOBAL_QIE) && !model->telling && model->notices_open == 0 &&
	       !model->queue_busy && model->answer_count == 0 &&
	       !model->faults.invalidations_hang && regs->iqh != regs->iqt &&
	       (regs->fsts & (VTD_FSTS_IQE | VTD_FSTS_ITE)) == 0;
}

void iommu_model_queue_wake(struct iommu_model_vtd *model)
{
	model->queue_left = true;
}

bool iommu_model_queue_has_work(const struct iommu_model_vtd *model)
{
	return model->queue_left && can_run(model);
}

/* The descriptor at the head. */
struct fetched {
	bool is_memory;
	uint64_t words[4];
};

/*
 * Release the lock and keep the queue for this processor. False: the queue was turned off
 * meanwhile.
 */
static bool fetch(struct iommu_model_vtd *model, uintptr_t *state, struct fetched *fetched)
{
	const bool wide = is_wide(model);
	const uint64_t place = (model->regs.iqa & VTD_ENTRY_ADDRESS_MASK) + model->regs.iqh;
	const uint32_t generation = model->queue_generation;
	unsigned int left;

	*fetched = (struct fetched){0};
	model->queue_busy = true;
	left = iommu_model_go_out(model, *state);
	fetched->is_memory = wide ? model_read_wide(model, place, fetched->words)
				  : model_read_words(model, place, fetched->words, 2);
	if (fetched->is_memory && (fetched->words[0] & 0xf) != VTD_DESCRIPTOR_WAIT)
		iommu_model_flush_writes(model);
	*state = iommu_model_come_back(model, left);
	model->queue_busy = false;
	return model->queue_generation == generation && can_run(model);
}

static void stop(struct iommu_model_vtd *model, enum vtd_queue_error error)
{
	model->queue_left = false;
	stop_with(model, VTD_FSTS_IQE, vtd_iqercd(error, 0));
}

/* A valid wait: held back until all walks before it have ended; or executed. */
static void wait_at_head(struct iommu_model_vtd *model, uintptr_t *state, struct vtd_descriptor d)
{
	const uint32_t generation = model->queue_generation;

	if (!iommu_model_walks_have_ended(&model->cache, &model->wait_ticket)) {
		model->queue_left = false;
		return;
	}
	model->queue_busy = true;
	do_wait(model, state, d);
	model->queue_busy = false;
	if (model->queue_generation != generation)
		return;
	model->descriptors++;
	model->last_was_wait = true;
	if ((d.low & VTD_WAIT_FENCE) != 0)
		model->last_rank = 0;
	advance(model);
}

/* What a descriptor drops may be cached anew through what is of a lower rank. */
static unsigned int rank_of(struct vtd_descriptor d)
{
	switch (vtd_descriptor_type(d)) {
	case VTD_DESCRIPTOR_CONTEXT:
		return 1;
	case VTD_DESCRIPTOR_PASID_CACHE:
		return 2;
	case VTD_DESCRIPTOR_IOTLB:
	case VTD_DESCRIPTOR_PASID_IOTLB:
		return 3;
	case VTD_DESCRIPTOR_DEVICE_TLB:
	case VTD_DESCRIPTOR_PASID_DEVICE_TLB:
		return 4;
	case VTD_DESCRIPTOR_IEC:
	case VTD_DESCRIPTOR_WAIT:
	case VTD_DESCRIPTOR_PAGE_RESPONSE:
	default:
		return 0;
	}
}

static void check_order(struct iommu_model_vtd *model, struct vtd_descriptor d)
{
	const unsigned int rank = rank_of(d);

	if (rank == 0)
		return;
	if (model->last_rank != 0 && rank > model->last_rank &&
	    model_is_strict(model, IOMMU_MODEL_VTD_STRICT_ORDER))
		model_misuse(model, "no fence between an invalidation and one that it leads to");
	model->last_rank = rank;
}

static bool is_refused(struct iommu_model_vtd *model, const struct fetched *fetched)
{
	const bool again = model->wait_ticket != 0; /* a second look is not counted */

	return (!again && model->faults.refuse_after != 0 && --model->faults.refuse_after == 0) ||
	       (fetched->words[2] | fetched->words[3]) != 0;
}

static void execute_at_head(struct iommu_model_vtd *model, uintptr_t *state,
			    const struct fetched *fetched)
{
	const struct vtd_descriptor d = {fetched->words[0], fetched->words[1]};
	const bool is_wait = vtd_descriptor_type(d) == VTD_DESCRIPTOR_WAIT;
	enum vtd_queue_error error = VTD_QUEUE_ERROR_FETCH;
	uintptr_t dropping;

	if (is_wait && fetched->is_memory && wait_is_held(model)) {
		model->queue_left = false;
		return;
	}
	if (fetched->is_memory)
		error = is_refused(model, fetched) ? VTD_QUEUE_ERROR_RESERVED
						   : VTD_QUEUE_ERROR_NONE;
	if (error == VTD_QUEUE_ERROR_NONE && is_wait) {
		error = check_wait(model, d);
		if (error == VTD_QUEUE_ERROR_NONE) {
			wait_at_head(model, state, d);
			return;
		}
	}
	/* Not the wait that was held back: software has taken that back. */
	model->wait_ticket = 0;
	/* Also one that is refused. */
	if (fetched->is_memory)
		model->last_was_wait = is_wait;
	if (error == VTD_QUEUE_ERROR_NONE) {
		check_order(model, d);
		dropping = iommu_model_cache_begin_drop(&model->cache);
		error = execute(model, d);
		iommu_model_cache_end_drop(&model->cache, dropping);
	}
	if (error != VTD_QUEUE_ERROR_NONE) {
		stop(model, error);
		return;
	}
	model->descriptors++;
	if (!model_notice_is_open(model, NOTICE_QUEUE))
		advance(model); /* otherwise when the host's callback has returned */
}

bool iommu_model_queue_step(struct iommu_model_vtd *model, uintptr_t *state)
{
	enum vtd_queue_error error;
	struct fetched fetched;

	if (!iommu_model_queue_has_work(model))
		return false;
	error = check_queue(model);
	if (error != VTD_QUEUE_ERROR_NONE) {
		stop(model, error);
		return true;
	}
	model->budget--;
	if (fetch(model, state, &fetched))
		execute_at_head(model, state, &fetched);
	return true;
}

/*
 * A time-out: the invalidation is aborted, and with it every wait that has been fetched. A queue
 * fetches ahead; the specification allows up to the tail, if that is a valid place.
 */
static void drop_fetched_waits(struct iommu_model_vtd *model)
{
	if (tail_is_sane(&model->regs))
		model->regs.iqh = model->regs.iqt;
	else
		advance(model);
}

void iommu_model_queue_answered(struct iommu_model_vtd *model, bool answered)
{
	if (answered) {
		advance(model);
	} else {
		drop_fetched_waits(model);
		stop_with(model, VTD_FSTS_ITE,
			  vtd_iqercd(VTD_QUEUE_ERROR_NONE,
				     model->notices[NOTICE_QUEUE].what.source_id));
	}
}
