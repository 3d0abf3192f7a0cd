/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation: one form, the descriptors of the queue, and two ways to have them executed. Units
 * without a queue take the same requests through CCMD and IOTLB_REG (VT-d specification, "Register-
 * based Invalidation Interface"); with the queue on these registers do nothing, and are not
 * touched.
 *
 * A device that keeps translations may fail to answer. It is blocked then: its context entries go,
 * which closes the way to its already translated requests, too; and what was asked for is asked for
 * again without it. What was confirmed therefore holds, and the caller need not care.
 */
#include <libiommu/status.h>

#include "base/bits.h"
#include "vtd/vtd.h"
#include <libiommu/backend/deadline.h>

/* Times that a request is repeated because some device did not answer. */
#define REPEATS_MAX 64
/* Times that a device may be the only one asked, and not answer, where hardware gives no names. */
#define SUSPICION_MAX 3
/* Aligned blocks that a range is invalidated in, before one larger block or the domain is cheaper.
 */
#define BLOCKS_MAX 4

/* --- By registers ----------------------------------------------------------------------------- */

/*
 * One request of the register interface. It lies on the stack of the caller that waits for it;
 * whichever CPU sees first that hardware has finished notes the result, so that none has to wait
 * for another one to come back to its request, and no lock is held by a waiting one. Guarded by
 * command_lock.
 */
struct vtd_register_request {
	uint32_t offset;
	uint64_t busy; /* the bit that starts the request, and stands until it is done */
	uint64_t value;
	uint64_t address; /* for IVA_REG, where `has_address` */
	bool has_address;
	bool done;
};

/* Locked. */
static void note_result(struct vtd_unit *unit)
{
	struct vtd_register_request *request = unit->register_request;
	uint64_t value;

	if (request == NULL)
		return;
	value = vtd_read64(unit, request->offset);
	if ((value & request->busy) != 0)
		return;
	request->value = value;
	request->done = true;
	unit->register_request = NULL;
	unit->registers_hang = false;
}

static bool registers_are_busy(const struct vtd_unit *unit)
{
	return (vtd_read64(unit, VTD_CCMD) & VTD_CCMD_ICC) != 0 ||
	       (vtd_read64(unit, unit->caps.iotlb_offset + 8) & VTD_IOTLB_IVT) != 0;
}

/*
 * IOMMU_EAGAIN: another request is under way. After a time-out callers are not kept waiting for
 * that.
 */
static int start_request(struct vtd_unit *unit, struct vtd_register_request *request)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->command_lock);
	int status = 0;

	note_result(unit);
	if (unit->registers_hang && registers_are_busy(unit))
		status = IOMMU_ETIMEDOUT;
	else if (unit->register_request != NULL ||
		 (vtd_read64(unit, request->offset) & request->busy) != 0)
		status = IOMMU_EAGAIN;
	if (status == 0) {
		if (request->has_address)
			vtd_write64(unit, unit->caps.iotlb_offset, request->address);
		vtd_write64(unit, request->offset, request->value);
		unit->register_request = request;
	}
	iommu_spin_unlock(unit->platform, &unit->command_lock, state);
	return status;
}

/* Done? With `last`, the request is taken back if it is not. */
static bool request_is_done(struct vtd_unit *unit, struct vtd_register_request *request, bool last)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->command_lock);
	bool done;

	note_result(unit);
	done = request->done;
	if (!done && last) {
		unit->register_request = NULL;
		unit->registers_hang = true;
	}
	iommu_spin_unlock(unit->platform, &unit->command_lock, state);
	return done;
}

/* Have a request executed: request->value is what the register says then. */
static int run_request(struct vtd_unit *unit, struct vtd_register_request *request)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, unit->timeout_ns);
	bool passed = false;
	int status;

	while ((status = start_request(unit, request)) == IOMMU_EAGAIN)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	if (status != 0)
		return status;
	while (!request_is_done(unit, request, passed)) {
		if (passed)
			return IOMMU_ETIMEDOUT;
		passed = iommu_deadline_passed(&deadline);
	}
	return 0;
}

static int context_by_register(struct vtd_unit *unit, struct vtd_descriptor d)
{
	struct vtd_register_request request = {
		.offset = VTD_CCMD,
		.busy = VTD_CCMD_ICC,
		.value = vtd_ccmd(vtd_descriptor_granularity(d), vtd_descriptor_domain_id(d),
				  vtd_descriptor_source_id(d), vtd_descriptor_function_mask(d)),
	};
	int status = run_request(unit, &request);

	if (status == 0 && vtd_ccmd_actual_granularity(request.value) == 0)
		status = IOMMU_EIO;
	return status;
}

static int iotlb_by_register(struct vtd_unit *unit, struct vtd_descriptor d)
{
	struct vtd_register_request request = {
		.offset = unit->caps.iotlb_offset + 8,
		.busy = VTD_IOTLB_IVT,
		.value = vtd_iotlb(vtd_descriptor_granularity(d), vtd_descriptor_domain_id(d),
				   (d.low & VTD_IOTLB_DRAIN_READS) != 0,
				   (d.low & VTD_IOTLB_DRAIN_WRITES) != 0),
		/* IVA_REG holds address, hint and mask just as the descriptor does. */
		.address = d.high,
		.has_address = vtd_descriptor_granularity(d) == VTD_GRANULARITY_PAGE,
	};
	int status = run_request(unit, &request);

	if (status == 0 && vtd_iotlb_actual_granularity(request.value) == 0)
		status = IOMMU_EIO;
	return status;
}

static int execute_by_registers(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
				unsigned int count)
{
	unsigned int i;
	int status = 0;

	for (i = 0; i < count && status == 0; i++) {
		if (vtd_descriptor_type(descriptors[i]) == VTD_DESCRIPTOR_CONTEXT)
			status = context_by_register(unit, descriptors[i]);
		else if (vtd_descriptor_type(descriptors[i]) == VTD_DESCRIPTOR_IOTLB)
			status = iotlb_by_register(unit, descriptors[i]);
		else
			status = IOMMU_EOPNOTSUPP;
	}
	return status;
}

static int submit(struct vtd_unit *unit, const struct vtd_batch *batch, uint16_t *silent)
{
	if (!IOMMU_CONFIG_REGISTERS || unit->use_queue)
		return iommu_vtd_queue_submit(unit, batch->descriptors, batch->count, silent);
	return execute_by_registers(unit, batch->descriptors, batch->count);
}

/* --- Devices that do not answer --------------------------------------------------------------- */

void iommu_vtd_batch_add_device(struct vtd_batch *batch, struct vtd_endpoint *endpoint,
				uint32_t pasid, uint64_t address, unsigned int order)
{
	const struct iommu_endpoint_info *info = &endpoint->base->info;
	const bool names = endpoint->unit->caps.names_functions;

	batch->device[batch->count] = endpoint;
	batch->descriptors[batch->count++] =
		pasid == 0 ? vtd_descriptor_device_tlb(info->source_id, address, order,
						       info->tlb_queue_depth, names,
						       info->physical_function)
			   : vtd_descriptor_pasid_device_tlb(info->source_id, pasid, address, order,
							     info->tlb_queue_depth, names,
							     info->physical_function);
}

void iommu_vtd_batch_add_all_pasids(struct vtd_batch *batch, struct vtd_endpoint *endpoint)
{
	const struct iommu_endpoint_info *info = &endpoint->base->info;

	batch->device[batch->count] = endpoint;
	batch->descriptors[batch->count++] = vtd_descriptor_all_pasids_device_tlb(
		info->source_id, info->tlb_queue_depth, endpoint->unit->caps.names_functions,
		info->physical_function);
}

static unsigned int devices_in(const struct vtd_batch *batch)
{
	unsigned int devices = 0;
	unsigned int i;

	for (i = 0; IOMMU_CONFIG_DEVICE_TLB && i < batch->count; i++)
		devices += batch->device[i] != NULL;
	return devices;
}

/* Block a device, and have its context entries forgotten in place of its TLB's. */
static void give_up(struct vtd_batch *batch, unsigned int at)
{
	struct vtd_endpoint *endpoint = batch->device[at];
	unsigned int i;

	iommu_vtd_context_block(endpoint);
	vtd_log(endpoint->unit, IOMMU_LOG_ERROR,
		"a device does not invalidate its TLB: it is blocked until it is reset");
	/* Before everything else of the batch: nothing may be cached anew through the old entry. */
	for (i = at; i > 0; i--) {
		batch->descriptors[i] = batch->descriptors[i - 1];
		batch->device[i] = batch->device[i - 1];
	}
	batch->descriptors[0] = iommu_vtd_context_descriptor(endpoint, batch->domain_id);
	batch->device[0] = NULL;
}

/*
 * A device did not answer. One of this batch? Hardware that does not say which (0) leaves us
 * only with trying: a device that is the only one in its batch and fails again and again is the
 * one.
 */
static void find_the_silent(struct vtd_batch *batch, uint16_t silent, unsigned int *suspicion)
{
	unsigned int i;

	for (i = 0; i < batch->count; i++) {
		const struct vtd_endpoint *endpoint = batch->device[i];

		if (endpoint == NULL)
			continue;
		if (silent == endpoint->base->info.source_id ||
		    (silent == 0 && devices_in(batch) == 1 && ++*suspicion >= SUSPICION_MAX))
			give_up(batch, i);
	}
}

/* --- Execution -------------------------------------------------------------------------------- */

/*
 * A unit that is off walks nothing, and there is nothing to confirm. One that was turned off, and
 * perhaps on again, while we waited may have lost what we asked for without anything being wrong:
 * ask again. Interrupt entries live while translation is off, and their invalidation does not stop
 * for that.
 *
 * IOMMU_EAGAIN: one of several devices is silent, and hardware does not say which.
 */
static int execute(struct vtd_unit *unit, struct vtd_batch *batch, bool while_off)
{
	unsigned int repeats = 0;
	unsigned int suspicion = 0;
	uint16_t silent = 0;
	uint32_t epoch;
	int status;

	do {
		epoch = __atomic_load_n(&unit->epoch, __ATOMIC_SEQ_CST);
		if (!while_off && !vtd_unit_is_active(unit))
			return 0;
		while ((status = submit(unit, batch, &silent)) == IOMMU_EAGAIN &&
		       repeats++ < REPEATS_MAX) {
			if (silent == 0 && devices_in(batch) > 1)
				return IOMMU_EAGAIN;
			if (IOMMU_CONFIG_DEVICE_TLB)
				find_the_silent(batch, silent, &suspicion);
		}
		if (status == 0)
			return 0;
	} while (__atomic_load_n(&unit->epoch, __ATOMIC_SEQ_CST) != epoch);
	iommu_vtd_doubt(unit);
	return status == IOMMU_EAGAIN ? IOMMU_ETIMEDOUT : status;
}

/* Each device for itself. */
static int execute_apart(struct vtd_unit *unit, const struct vtd_batch *batch)
{
	struct vtd_batch common = {.domain_id = batch->domain_id};
	unsigned int i;
	int status = 0;

	for (i = 0; i < batch->count; i++)
		if (batch->device[i] == NULL)
			vtd_batch_add(&common, batch->descriptors[i]);
	if (common.count != 0)
		status = execute(unit, &common, false);
	for (i = 0; i < batch->count && status == 0; i++) {
		struct vtd_batch single = {
			.descriptors = {batch->descriptors[i]},
			.device = {batch->device[i]},
			.count = 1,
			.domain_id = batch->domain_id,
		};

		if (batch->device[i] != NULL)
			status = execute(unit, &single, false);
	}
	return status;
}

int iommu_vtd_invalidate_all(struct vtd_unit *unit)
{
	struct vtd_batch everything = {.count = 0};
	const uint32_t failures = iommu_confirmation_begin(&unit->confirmation);
	const bool interrupts = unit->interrupts != NULL && unit->queue_is_on;
	int status;

	if (unit->caps.translates)
		vtd_batch_add(&everything, vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 0, 0));
	if (vtd_is_scalable(unit))
		vtd_batch_add(&everything,
			      vtd_descriptor_pasid_cache(VTD_PASID_CACHE_GLOBAL, 0, 0));
	if (unit->caps.translates)
		vtd_batch_add(&everything,
			      vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, unit->caps.drain));
	if (interrupts)
		vtd_batch_add(&everything, vtd_descriptor_all_interrupts());
	status = execute(unit, &everything, interrupts);
	if (status == 0)
		iommu_confirmation_end(&unit->confirmation, failures);
	return status;
}

int iommu_vtd_invalidate(struct vtd_unit *unit, struct vtd_batch *batch)
{
	int status;

	if (vtd_unit_has_failed(unit)) {
		status = iommu_vtd_invalidate_all(unit);
		/* The TLBs of devices are not part of it. */
		if (status != 0 || devices_in(batch) == 0)
			return status;
	}
	status = execute(unit, batch, false);
	return IOMMU_CONFIG_DEVICE_TLB && status == IOMMU_EAGAIN ? execute_apart(unit, batch)
								 : status;
}

int iommu_vtd_tell(struct vtd_unit *unit, struct vtd_batch *batch)
{
	return execute(unit, batch, false);
}

int iommu_vtd_invalidate_interrupts(struct vtd_unit *unit, uint16_t index, unsigned int order)
{
	struct vtd_batch batch = {.count = 0};

	if (!unit->queue_is_on)
		return 0; /* nothing is remapped, and enabling begins with a global invalidation */
	if (vtd_unit_has_failed(unit))
		return iommu_vtd_invalidate_all(unit);
	vtd_batch_add(&batch, order <= unit->caps.max_handle_mask
				      ? vtd_descriptor_interrupts(index, order)
				      : vtd_descriptor_all_interrupts());
	return execute(unit, &batch, true);
}

/* --- Ranges ----------------------------------------------------------------------------------- */

/* The smallest aligned power of two of pages that holds the range. */
static unsigned int covering_order(iommu_iova_t start, iommu_iova_t last)
{
	const uint64_t differing = (start ^ last) >> IOMMU_PAGE_SHIFT;

	return differing == 0 ? 0 : iommu_highest_bit(differing) + 1;
}

/* The largest aligned block that begins at a page and does not go beyond `last`. */
static unsigned int block_order(uint64_t page, uint64_t last_page, unsigned int max)
{
	const uint64_t pages = last_page - page + 1;
	unsigned int order = pages == 0 ? 52 : iommu_highest_bit(pages);

	/* The lowest set bit of the page's number says how it is aligned. */
	if (page != 0 && iommu_highest_bit(page & (0 - page)) < order)
		order = iommu_highest_bit(page & (0 - page));
	return order < max ? order : max;
}

/* What is invalidated under: a domain id, and for a first stage the PASID. */
struct target {
	const struct vtd_capabilities *caps;
	bool first_stage;
	uint16_t domain_id;
	uint32_t pasid;
};

static struct vtd_descriptor block(const struct target *target, uint64_t address,
				   unsigned int order, bool leaves_only)
{
	if (target->first_stage)
		return vtd_descriptor_pasid_iotlb_pages(target->domain_id, target->pasid, address,
							order, leaves_only);
	return vtd_descriptor_iotlb_pages(target->domain_id, address, order, leaves_only,
					  target->caps->drain);
}

static struct vtd_descriptor everything(const struct target *target)
{
	if (target->first_stage)
		return vtd_descriptor_pasid_iotlb(target->domain_id, target->pasid);
	return vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, target->domain_id, target->caps->drain);
}

/*
 * The largest block of one descriptor, as a power of two of pages; blocks of a first stage have no
 * such bound.
 */
static unsigned int largest_order(const struct target *target)
{
	return target->first_stage ? 51 : target->caps->max_address_mask;
}

/*
 * Aligned blocks that together are the range. False: more than BLOCKS_MAX would be needed; what was
 * added is taken back.
 */
static bool add_blocks(struct vtd_batch *batch, const struct target *target, iommu_iova_t start,
		       iommu_iova_t last, bool leaves_only)
{
	const uint64_t last_page = last >> IOMMU_PAGE_SHIFT;
	const unsigned int before = batch->count;
	uint64_t page = start >> IOMMU_PAGE_SHIFT;

	for (;;) {
		const unsigned int order = block_order(page, last_page, largest_order(target));

		if (batch->count - before == BLOCKS_MAX) {
			batch->count = before;
			return false;
		}
		vtd_batch_add(batch, block(target, page << IOMMU_PAGE_SHIFT, order, leaves_only));
		if (last_page - page < 1ULL << order)
			return true;
		page += 1ULL << order;
	}
}

static void add_range(struct vtd_batch *batch, const struct target *target, iommu_iova_t start,
		      iommu_iova_t last, bool leaves_only)
{
	const unsigned int order = covering_order(start, last);
	const uint64_t pages = ((last - start) >> IOMMU_PAGE_SHIFT) + 1;
	const bool selects = target->first_stage || target->caps->page_selective;
	const bool fits = selects && order <= largest_order(target);
	const uint64_t base = fits ? start & ~((IOMMU_PAGE_SIZE << order) - 1) : 0;

	/* One block, when at least half of what it drops had to go; then a few exact ones; then one
	 * that drops too much; then everything. */
	if (fits && 1ULL << order <= 2 * pages) {
		vtd_batch_add(batch, block(target, base, order, leaves_only));
		return;
	}
	if (selects && add_blocks(batch, target, start, last, leaves_only))
		return;
	vtd_batch_add(batch, fits ? block(target, base, order, leaves_only) : everything(target));
}

/* --- Those who have to be told one by one ----------------------------------------------------- */

/* The most descriptors of one use. */
#define USE_DESCRIPTORS_MAX (BLOCKS_MAX + 1)

struct range {
	iommu_iova_t start, last;
	bool leaves_only;
};

/* The domain id of a use on its unit. */
static uint16_t id_of(const struct vtd_use *use)
{
	const struct vtd_attachment *place = iommu_vtd_place_find(use->domain, use->endpoint->unit);

	return __atomic_load_n(&place->domain_id, __ATOMIC_ACQUIRE);
}

/*
 * What has to be said for one use. Of a nested domain it is not known which of its addresses lead
 * to the range: all of them go.
 */
static void add_use(struct vtd_batch *batch, struct vtd_domain *domain,
		    const struct vtd_listing *listing, uint16_t domain_id,
		    const struct range *range)
{
	const struct vtd_use *use = listing->use;
	struct vtd_endpoint *endpoint = use->endpoint;
	const bool is_nested = use->domain != domain;
	const struct target target = {
		.caps = &endpoint->unit->caps,
		.first_stage = true,
		.domain_id = domain_id,
		.pasid = use->pasid,
	};

	if (is_nested)
		vtd_batch_add(batch, vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, id_of(use),
							  endpoint->unit->caps.drain));
	else if (use->pasid != 0 && domain->type != VTD_PASID_SECOND_STAGE)
		add_range(batch, &target, range->start, range->last, range->leaves_only);
	if (!iommu_vtd_use_keeps(use->domain, endpoint) ||
	    __atomic_load_n(&endpoint->lost, __ATOMIC_RELAXED))
		return;
	__atomic_add_fetch(&endpoint->users, 1, __ATOMIC_ACQUIRE);
	iommu_vtd_batch_add_device(batch, endpoint, use->pasid, is_nested ? 0 : range->start,
				   is_nested ? 64 : covering_order(range->start, range->last));
}

/*
 * Add the domain's uses behind this unit whose numbers are above *number, as far as there is room.
 * Numbers are not positions: no use is left out because one before it has ended meanwhile.
 * Devices cannot go away while they are in use here. False: these were all.
 */
static bool add_uses(struct vtd_batch *batch, struct vtd_unit *unit, struct vtd_domain *domain,
		     uint16_t domain_id, const struct range *range, uint64_t *number)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &domain->lock);
	struct iommu_list_node *node;
	bool more = false;

	iommu_list_for_each (node, &domain->uses) {
		const struct vtd_listing *listing =
			iommu_container_of(node, struct vtd_listing, node);

		if (listing->use->endpoint->unit != unit || listing->number <= *number)
			continue;
		if (batch->count + USE_DESCRIPTORS_MAX > VTD_BATCH_MAX) {
			more = true;
			break;
		}
		add_use(batch, domain, listing, domain_id, range);
		*number = listing->number;
	}
	iommu_spin_unlock(unit->platform, &domain->lock, state);
	return more;
}

static void let_go_of_devices(const struct vtd_batch *batch)
{
	unsigned int i;

	for (i = 0; i < batch->count; i++)
		if (batch->device[i] != NULL)
			__atomic_sub_fetch(&batch->device[i]->users, 1, __ATOMIC_RELEASE);
}

int iommu_vtd_invalidate_range(struct vtd_unit *unit, struct vtd_domain *domain, uint16_t domain_id,
			       iommu_iova_t start, iommu_iova_t last, bool leaves_only)
{
	const struct range range = {start, last, leaves_only};
	const struct target target = {
		.caps = &unit->caps,
		.first_stage = IOMMU_CONFIG_SCALABLE && domain->type != VTD_PASID_SECOND_STAGE,
		.domain_id = domain_id,
	};
	struct vtd_batch batch;
	uint64_t number = 0;
	bool more = false;
	int status;

	batch.count = 0;
	batch.domain_id = domain_id;
	add_range(&batch, &target, start, last, leaves_only);
	if (!(IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE) ||
	    __builtin_expect(__atomic_load_n(&domain->special_uses, __ATOMIC_RELAXED) == 0, 1))
		return iommu_vtd_invalidate(unit, &batch);
	do {
		struct vtd_batch held;

		more = add_uses(&batch, unit, domain, domain_id, &range, &number);
		held = batch;
		status = batch.count != 0 ? iommu_vtd_invalidate(unit, &batch) : 0;
		let_go_of_devices(&held);
		batch.count = 0;
	} while (more && status == 0);
	return status;
}
