/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing PASID entries, and the invalidations for it.
 *
 * An entry has 512 bits, of which hardware may see any mixture. It becomes present by the store of
 * its first word, after all others, and not present by a store to that word, before all others.
 * Between the two it changes only through the not-present state, except for the dirty-tracking
 * flag. Invalidations ("Guidance to Software for Invalidations"):
 *   present -> not present  the PASID cache of domain id and PASID; then the translations: of a
 *                           first stage or pass-through the IOTLB of that PASID, of a second stage
 *                           the IOTLB of the domain id; then the device's TLB
 *   not present -> present  nothing; in caching mode the same without the device's TLB; otherwise a
 *                           write-buffer flush if the unit needs one
 *   dirty tracking          as for an entry that is removed: cached translations allow writes that
 *                           are not recorded
 *
 * The context entry that leads to the directory is present as long as one PASID is. It is also what
 * blocks a device that does not answer, in any context: see context_change.c.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "unit/confirmation.h"
#include "unit/invalidation.h"
#include "vtd/command.h"
#include "vtd/context.h"
#include "vtd/endpoint.h"
#include "vtd/event.h"
#include "vtd/pasid.h"
#include "vtd/predecessor.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_SCALABLE

static uint64_t word_of(const struct vtd_pasid_entry *entry, unsigned int word)
{
	return iommu_le64(entry->words[word]);
}

static bool is_present(const struct vtd_pasid_entry *entry)
{
	return (word_of(entry, 0) & VTD_PASID_PRESENT) != 0;
}

static bool has_second_stage(enum vtd_pasid_type type)
{
	return type == VTD_PASID_SECOND_STAGE || type == VTD_PASID_NESTED;
}

/* --- Storing ---------------------------------------------------------------------------------- */

static void store_first(struct vtd_endpoint *endpoint, struct vtd_pasid_entry *entry,
			uint64_t word0)
{
	iommu_cell_store_release(&entry->words[0], iommu_le64(word0));
	vtd_flush(endpoint->unit, entry, sizeof(*entry));
}

static void store(struct vtd_endpoint *endpoint, struct vtd_pasid_entry *entry,
		  const uint64_t *words)
{
	unsigned int i;

	for (i = 1; i < VTD_PASID_ENTRY_WORDS; i++)
		iommu_cell_store(&entry->words[i], iommu_le64(words[i]));
	store_first(endpoint, entry, words[0]);
}

static void load(const struct vtd_pasid_entry *entry, uint64_t *words)
{
	unsigned int i;

	for (i = 0; i < VTD_PASID_ENTRY_WORDS; i++)
		words[i] = word_of(entry, i);
}

static void encode(const struct vtd_endpoint *endpoint, const struct vtd_translation *translation,
		   uint64_t *words)
{
	words[0] = vtd_pasid_word0(translation->type, translation->second_levels,
				   translation->second_table,
				   translation->dirty ? VTD_PASID_SSADE : 0);
	words[1] = translation->domain_id | (translation->snoops ? VTD_PASID_PGSNP : 0) |
		   (endpoint->unit->caps.walks_snoop ? VTD_PASID_PWSNP : 0);
	words[2] = vtd_pasid_word2(translation->first_levels, translation->first_table,
				   translation->first_flags);
}

/* --- Telling hardware ------------------------------------------------------------------------- */

static void add_caches(struct iommu_batch *batch, const struct vtd_unit *unit, uint32_t pasid,
		       const uint64_t *words)
{
	const uint16_t domain_id = vtd_pasid_domain_id(words[1]);

	vtd_batch_add(batch, vtd_descriptor_pasid_cache(VTD_PASID_CACHE_PASID, domain_id, pasid));
	vtd_batch_add(batch, has_second_stage(vtd_pasid_type(words[0]))
				     ? vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, domain_id,
							    unit->caps.drain)
				     : vtd_descriptor_pasid_iotlb(domain_id, pasid));
}

/*
 * What was translated by these words is no longer; the device is told if it may use its TLB at all.
 * On failure it may hold translations that no later call invalidates: unless the words come back,
 * it must not use them.
 */
static int forget(struct vtd_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	const bool kept = endpoint->device_tlb && vtd_endpoint_is_asked(endpoint);
	struct iommu_batch batch = {.count = 0};

	if (!iommu_unit_is_active(&endpoint->unit->state)) {
		if (kept)
			iommu_vtd_tlb_suspect(endpoint);
		return 0;
	}
	/* Emulators note by the context entry whether a device is translated at all; QEMU does. */
	if (vtd_pasid_type(words[0]) == VTD_PASID_PASS_THROUGH)
		vtd_batch_add(&batch, iommu_vtd_context_descriptor(endpoint, 0));
	add_caches(&batch, endpoint->unit, pasid, words);
	if (kept && !endpoint->tlb.unknown)
		iommu_vtd_batch_add_device(&batch, endpoint, pasid, 0, 64);
	return iommu_vtd_invalidate(endpoint->unit, &batch);
}

static int announce(struct vtd_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	struct vtd_unit *unit = endpoint->unit;
	struct iommu_batch batch = {.count = 0};

	if (!iommu_unit_is_active(&unit->state))
		return 0;
	if (!unit->caps.caching_mode)
		return iommu_vtd_flush_write_buffer(unit);
	add_caches(&batch, unit, pasid, words);
	return iommu_vtd_invalidate(unit, &batch);
}

/* The device's page requests, before another's table serves them, or none does. */
static int drain(struct vtd_endpoint *endpoint)
{
	if ((endpoint->context_flags & VTD_CONTEXT_PAGE_REQUESTS) == 0)
		return 0;
	return iommu_vtd_page_requests_drain(endpoint->unit);
}

/* --- Changing --------------------------------------------------------------------------------- */

/* With the last PASID the way to them is closed. */
static int block(struct vtd_endpoint *endpoint, uint32_t pasid)
{
	struct vtd_pasid_entry *entry = iommu_vtd_pasid_find(endpoint, pasid);
	uint64_t words[VTD_PASID_ENTRY_WORDS];
	int status, drained, closed = 0;

	if (entry == NULL || !is_present(entry))
		return 0;
	load(entry, words);
	store_first(endpoint, entry, 0);
	status = forget(endpoint, pasid, words);
	if (status != 0 && endpoint->device_tlb)
		iommu_vtd_tlb_suspect(endpoint);
	if (status == 0)
		iommu_vtd_inherited_replaced(endpoint->unit, vtd_pasid_domain_id(words[1]));
	drained = drain(endpoint);
	if (--endpoint->present == 0)
		closed = iommu_vtd_context_write(endpoint, 0, 0);
	if (status == 0)
		status = drained;
	return status != 0 ? status : closed;
}

/* The table, the way there, and a device that may use its TLB. */
static int prepare(struct vtd_endpoint *endpoint, uint32_t pasid)
{
	int status = iommu_vtd_pasid_create(endpoint, pasid);

	if (status == 0)
		status = iommu_vtd_tlb_recover(endpoint);
	if (status == 0)
		status = iommu_vtd_context_open(endpoint);
	if (status != 0 && endpoint->present == 0)
		(void)iommu_vtd_context_write(endpoint, 0, 0);
	return status;
}

static bool is_lost(const struct vtd_endpoint *endpoint)
{
	return iommu_device_tlb_is_lost(&endpoint->tlb);
}

int iommu_vtd_pasid_write(struct vtd_endpoint *endpoint, uint32_t pasid,
			  const struct vtd_translation *translation)
{
	uint64_t words[VTD_PASID_ENTRY_WORDS] = {0};
	uint64_t before[VTD_PASID_ENTRY_WORDS];
	struct vtd_pasid_entry *entry;
	bool was_present;
	int status = 0;

	/* What a kernel before us left to the device goes as a whole. */
	if (endpoint->inherited)
		status = iommu_vtd_inherited_leave(endpoint);
	if (status != 0)
		return status;
	if (translation == NULL)
		return block(endpoint, pasid);
	encode(endpoint, translation, words);
	/* What the unit may still hold of an entry before this one would be used in its place. */
	status = iommu_vtd_confirm(endpoint->unit);
	if (status == 0)
		status = prepare(endpoint, pasid);
	if (status != 0)
		return status;
	entry = iommu_vtd_pasid_find(endpoint, pasid);
	was_present = is_present(entry);
	load(entry, before);
	if (was_present) {
		store_first(endpoint, entry, 0);
		status = forget(endpoint, pasid, before);
		if (status == 0)
			status = drain(endpoint);
	}
	/* Whatever the device still keeps is refused; and it must be emptied before it is not. */
	if (status == 0)
		status = iommu_vtd_tlb_recover(endpoint);
	if (status == 0 && is_lost(endpoint))
		status = IOMMU_EIO;
	if (status == 0) {
		store(endpoint, entry, words);
		status = announce(endpoint, pasid, words);
		/* The device may have learnt something that is taken back. */
		if (status != 0 && endpoint->device_tlb)
			iommu_vtd_tlb_suspect(endpoint);
		if (status == 0 && is_lost(endpoint))
			status = IOMMU_EIO;
	}
	if (status != 0) {
		/* Hardware may have cached either; the old one is what callers go by. */
		store_first(endpoint, entry, 0);
		if (was_present)
			store(endpoint, entry, before);
		else if (endpoint->present == 0)
			(void)iommu_vtd_context_write(endpoint, 0, 0);
		return status;
	}
	endpoint->present += !was_present;
	return 0;
}

void iommu_vtd_pasid_put_back(struct vtd_endpoint *endpoint, uint32_t pasid,
			      const struct vtd_translation *translation)
{
	uint64_t words[VTD_PASID_ENTRY_WORDS] = {0};

	encode(endpoint, translation, words);
	iommu_vtd_context_reopen(endpoint);
	store(endpoint, iommu_vtd_pasid_find(endpoint, pasid), words);
	endpoint->present++;
}

int iommu_vtd_translation_set_dirty(struct vtd_endpoint *endpoint, uint32_t pasid, bool dirty)
{
	struct vtd_pasid_entry *entry = iommu_vtd_pasid_find(endpoint, pasid);
	uint64_t words[VTD_PASID_ENTRY_WORDS];

	if (entry == NULL || !is_present(entry))
		return 0;
	load(entry, words);
	words[0] = dirty ? words[0] | VTD_PASID_SSADE : words[0] & ~VTD_PASID_SSADE;
	store_first(endpoint, entry, words[0]);
	return forget(endpoint, pasid, words);
}

#endif
