/* SPDX-License-Identifier: BSD-2-Clause */
/* Root and context tables, and what is said of one endpoint's requests in either mode. */
#ifndef IOMMU_VTD_CONTEXT_H
#define IOMMU_VTD_CONTEXT_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

struct vtd_endpoint;
struct vtd_unit;

int iommu_vtd_root_alloc(struct vtd_unit *unit);
void iommu_vtd_root_free(struct vtd_unit *unit);
/* The entry of a source id, or NULL when its bus has no table; `create` makes one (NULL: no
 * memory). */
struct vtd_context_entry *iommu_vtd_context_find(const struct vtd_unit *unit, uint16_t source_id);
int iommu_vtd_context_create(struct vtd_unit *unit, uint16_t source_id);
/*
 * Change the entries of an endpoint to (low, high), or to not present with low == 0, through the
 * not present state and with the invalidations that this needs. On failure the entries are as
 * before, except that entries which were to be cleared stay cleared, and so do those of a device
 * that did not answer. IOMMU_ENOENT: the bus has no table.
 */
int iommu_vtd_context_write(struct vtd_endpoint *endpoint, uint64_t low, uint64_t high);
/* iommu_vtd_translation_put_back of legacy mode; and of scalable mode, the way to its PASIDs. */
void iommu_vtd_context_put_back(struct vtd_endpoint *endpoint, uint64_t low, uint64_t high);
void iommu_vtd_context_reopen(struct vtd_endpoint *endpoint);
/*
 * Store one value into all entries of an endpoint, with low == 0 not present. Hardware is not told.
 */
void iommu_vtd_context_store(struct vtd_endpoint *endpoint, uint64_t low, uint64_t high);
/* Take a device that did not answer off the table, in any context; hardware is not told yet. */
void iommu_vtd_context_block(struct vtd_endpoint *endpoint);
/*
 * While a unit is off the devices behind it are not told what was unmapped. Before it is turned on
 * their translated requests are refused; once it is, their TLBs are emptied and they may go on.
 */
void iommu_vtd_context_hold_tlb(struct vtd_endpoint *endpoint);
int iommu_vtd_context_release_tlb(struct vtd_endpoint *endpoint);
/*
 * Scalable mode. Make the context entry present, if it is not; and have one that is say what is
 * known of the endpoint, its directory and flags, in one store: hardware may use it as it was
 * before or after.
 */
int iommu_vtd_context_open(struct vtd_endpoint *endpoint);
int iommu_vtd_context_update(struct vtd_endpoint *endpoint);
/*
 * Do not let a device use its TLB, which may hold anything; empty it, and let the device use it
 * again.
 */
/* The host has switched it off in the device, or is about to switch it on. On failure it is off. */
int iommu_vtd_tlb_switch(struct vtd_endpoint *endpoint, bool on);
void iommu_vtd_tlb_suspect(struct vtd_endpoint *endpoint);
int iommu_vtd_tlb_recover(struct vtd_endpoint *endpoint);
/* Empty a TLB that the device may use, because an invalidation of it may have failed. */
int iommu_vtd_tlb_confirm(struct vtd_endpoint *endpoint);
/* Forget the context entries of an endpoint: all its functions, one descriptor. */
struct vtd_descriptor iommu_vtd_context_descriptor(const struct vtd_endpoint *endpoint,
						   uint16_t domain_id);

/* --- Translation: in either mode -------------------------------------------------------------- */

struct vtd_translation {
	enum vtd_pasid_type type;
	uint16_t domain_id;
	bool keeps;  /* legacy mode: the device may keep translations */
	bool dirty;  /* the second stage notes accesses and writes */
	bool snoops; /* every access does */
	iommu_paddr_t second_table, first_table;
	unsigned int second_levels, first_levels;
	uint64_t first_flags;
};

/*
 * Have the requests of an endpoint with a PASID, or with none (0), translated so, or not at all
 * (NULL). On failure it is as before, except that what was to be blocked stays blocked.
 */
int iommu_vtd_translation_set(struct vtd_endpoint *endpoint, uint32_t pasid,
			      const struct vtd_translation *translation);
/*
 * What was taken away, without confirmation, is said again: hardware may not have forgotten it
 * anyway. A TLB of the device is not used before it was emptied.
 */
void iommu_vtd_translation_put_back(struct vtd_endpoint *endpoint, uint32_t pasid,
				    const struct vtd_translation *translation);
/* Switch the noting of writes of what is translated so. Scalable mode. */
int iommu_vtd_translation_set_dirty(struct vtd_endpoint *endpoint, uint32_t pasid, bool dirty);

#endif
