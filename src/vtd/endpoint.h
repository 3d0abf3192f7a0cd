/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end's part of an endpoint, and what firmware claims for it. */
#ifndef IOMMU_VTD_ENDPOINT_H
#define IOMMU_VTD_ENDPOINT_H

#include <libiommu/backend/ops.h>

#include "base/list.h"
#include "unit/attach.h"
#include "unit/invalidation.h"

struct vtd_unit;
struct vtd_directory;
struct vtd_probe;

/* The back end's part of an endpoint. */
struct vtd_endpoint {
	struct iommu_endpoint *base;
	struct vtd_unit *unit;
	/* Translations are kept in the device: context entries allow it. */
	bool device_tlb;
	/* … but not now: see iommu_vtd_context_hold_tlb. */
	bool tlb_held;
	struct iommu_device_tlb tlb;
	struct iommu_attached attached;
	/*
	 * Scalable mode: its PASIDs, how many of them are present, and the flags of its context
	 * entry.
	 */
	struct vtd_directory *directory;
	unsigned int present;
	uint64_t context_flags;
	/* What firmware claims for it, and was believed: see region.c. */
	struct iommu_list_node regions;
	/* What is present is of a kernel before us, and so is the context entry. */
	bool inherited;
	unsigned int quirks; /* enum iommu_vtd_quirks */
	/* It is being reset: its TLB is asked nothing. Control path. */
	bool in_reset;
};

static inline struct vtd_endpoint *vtd_endpoint_of(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit_data;
}

static inline struct vtd_endpoint *vtd_endpoint_using(const struct iommu_use *use)
{
	return iommu_container_of(use->user, struct vtd_endpoint, attached);
}

/* How hardware is told of what is attached. */
extern const struct iommu_attach_ops iommu_vtd_attach_ops;

#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB
#define vtd_is_in_reset(endpoint) ((endpoint)->in_reset)
#else
#define vtd_is_in_reset(endpoint) false
#endif

/* Is its TLB to be told to forget something? */
static inline bool vtd_endpoint_is_asked(const struct vtd_endpoint *endpoint)
{
	return !vtd_is_in_reset(endpoint) && iommu_device_tlb_is_asked(&endpoint->tlb);
}

int iommu_vtd_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
void iommu_vtd_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
void iommu_vtd_endpoint_was_reset(struct iommu_endpoint *endpoint);
/* See iommu_ops. */
int iommu_vtd_begin_reset(struct iommu_endpoint *endpoint);
void iommu_vtd_cancel_reset(struct iommu_endpoint *endpoint);
bool iommu_vtd_endpoint_is_lost(const struct iommu_endpoint *endpoint);
bool iommu_vtd_is_inherited(const struct iommu_endpoint *endpoint);
int iommu_vtd_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature, bool enable);

/* --- Regions: what firmware claims ------------------------------------------------------------ */

#if IOMMU_CONFIG_REGIONS
/* The claims of the machine's table. Before the first page is given to hardware. */
void iommu_vtd_claims_init(struct vtd_probe *probe);
int iommu_vtd_claims_make(struct vtd_probe *probe);
void iommu_vtd_claims_free(struct vtd_probe *probe);
/*
 * Does no device have a claim to these bytes? Then none gets it any more. @probe: struct vtd_probe.
 * Any context.
 */
bool iommu_vtd_claims_leave(void *probe, iommu_paddr_t start, uint64_t size);
/* Which regions the endpoint has, by what is said of it now; and none. */
int iommu_vtd_regions_decide(struct vtd_endpoint *endpoint);
void iommu_vtd_regions_forget(struct vtd_endpoint *endpoint);
#else
static inline void iommu_vtd_claims_init(struct vtd_probe *probe)
{
	(void)probe;
}
static inline int iommu_vtd_claims_make(struct vtd_probe *probe)
{
	(void)probe;
	return 0;
}
static inline void iommu_vtd_claims_free(struct vtd_probe *probe)
{
	(void)probe;
}
static inline bool iommu_vtd_claims_leave(void *probe, iommu_paddr_t start, uint64_t size)
{
	(void)probe;
	(void)start;
	(void)size;
	return true;
}
/* None of them is believed, and that is all that is said. */
int iommu_vtd_regions_decide(struct vtd_endpoint *endpoint);
static inline void iommu_vtd_regions_forget(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
}
#endif
bool iommu_vtd_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			   struct iommu_region *region);

#endif
