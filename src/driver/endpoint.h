/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endpoints of driven units: their ids, what their TLBs may do, attaching, and features. What an
 * entry of hardware's tables says is the family's.
 */
#ifndef IOMMU_DRIVER_ENDPOINT_H
#define IOMMU_DRIVER_ENDPOINT_H

#include "driver/driver.h"
#include "driver/invalidation.h"
#include "driver/page_request.h"
#include "unit/attach.h"
#include "unit/device_id.h"
#include "unit/invalidation.h"

/* The first member of a family's endpoint. */
struct iommu_driven_endpoint {
	struct iommu_endpoint *base;
	struct iommu_driven_unit *unit;
	struct iommu_device_ids ids;
	bool device_tlb; /* it may keep translations */
	struct iommu_device_tlb tlb;
	struct iommu_attached attached;
	bool page_requests; /* they are enabled */
	/* It is being reset: its TLB is asked nothing. Control path. */
	bool in_reset;
};

/* What a family supplies. Control path. */
struct iommu_driver_endpoint_ops {
	/* Of attached endpoints; with iommu_driven_is_special. */
	const struct iommu_attach_ops *attach;
	/* An entry for each id, so that blocking and unblocking never has to allocate. */
	int (*create)(struct iommu_driven_endpoint *endpoint);
	/* What else it has: the family's tables. */
	void (*free)(struct iommu_driven_endpoint *endpoint);
	/* Does the unit serve devices with TLBs? It answers requests for whole pages. */
	bool (*allows_tlb)(const struct iommu_driven_unit *unit);
	/* Refuse what the device has translated, until it was reset, or the reset is off. */
	int (*close)(struct iommu_driven_endpoint *endpoint);
#if IOMMU_CONFIG_DEVICE_TLB
	/*
	 * Have its entry say what the device may do with its TLB, by tlb.unknown and tlb.off. true:
	 * the entry is valid, and hardware is to be told (tell_entry).
	 */
	bool (*store_tlb)(struct iommu_driven_endpoint *endpoint);
	int (*tell_entry)(struct iommu_driven_endpoint *endpoint);
	/* Does the device keep translations by its entry, as far as is known? */
	bool (*keeps)(const struct iommu_driven_endpoint *endpoint);
	/* Have the device forget everything. */
	int (*empty_tlb)(struct iommu_driven_endpoint *endpoint);
#endif
	/* Its TLB is empty. NULL: the family keeps no account of it. */
	void (*tlb_is_empty)(struct iommu_driven_endpoint *endpoint);
#if IOMMU_CONFIG_SCALABLE
	/* Bits of its PASIDs; 0: they are not enabled. */
	unsigned int (*pasid_bits)(const struct iommu_driven_endpoint *endpoint);
	/*
	 * Have PASIDs, or none: what the endpoint's requests without one are under stays, which is
	 * the domain, under this id of its place; or they are blocked (NULL). On failure it is as
	 * before.
	 */
	int (*enable_pasids)(struct iommu_driven_endpoint *endpoint, struct iommu_placed *domain,
			     uint16_t id);
	int (*disable_pasids)(struct iommu_driven_endpoint *endpoint, struct iommu_placed *domain,
			      uint16_t id);
	/* Set `page_requests`, in its entry, too. Those on their way have been drained. */
	int (*set_page_requests)(struct iommu_driven_endpoint *endpoint, bool enable);
#endif
};

static inline struct iommu_driven_endpoint *
iommu_driven_endpoint_of(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit_data;
}

static inline struct iommu_driven_endpoint *iommu_driven_using(const struct iommu_use *use)
{
	return iommu_container_of(use->user, struct iommu_driven_endpoint, attached);
}

#define IOMMU_REFUSE_ENDPOINT(endpoint, status, text)                                              \
	IOMMU_REFUSE((endpoint)->base->iommu, (endpoint)->base->name, status, text)

/* Is its TLB to be told to forget something? */
static inline bool iommu_driven_is_asked(const struct iommu_driven_endpoint *endpoint)
{
	return !endpoint->in_reset && iommu_device_tlb_is_asked(&endpoint->tlb);
}

/* May hardware walk the entries of its unit? */
static inline bool iommu_driven_is_active(const struct iommu_driven_endpoint *endpoint)
{
	return iommu_unit_is_active(&endpoint->unit->state);
}

/* Its page requests, before another's table serves them, or none does. Control path. */
static inline int iommu_driven_drain(const struct iommu_driven_endpoint *endpoint)
{
	return endpoint->page_requests ? iommu_driven_requests_drain(endpoint->unit) : 0;
}

/* Execute what is in a batch, which is empty then. Errors as iommu_driven_invalidate. */
static inline int iommu_driven_execute(const struct iommu_driven_endpoint *endpoint,
				       struct iommu_batch *batch)
{
	const int status = batch->count != 0 ? iommu_driven_invalidate(endpoint->unit, batch) : 0;

	batch->count = 0;
	return status;
}

/* For struct iommu_ops (endpoint.c). `sends` and `is_lost`: any context. */
int iommu_driver_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
void iommu_driver_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
bool iommu_driver_sends(const struct iommu_endpoint *endpoint, uint32_t device_id);
int iommu_driver_begin_reset(struct iommu_endpoint *endpoint);
void iommu_driver_cancel_reset(struct iommu_endpoint *endpoint);
void iommu_driver_endpoint_was_reset(struct iommu_endpoint *endpoint);
bool iommu_driver_endpoint_is_lost(const struct iommu_endpoint *endpoint);
int iommu_driver_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature,
			     bool enable);

/* For struct iommu_domain_ops, and struct iommu_ops (attach.c). */
int iommu_driver_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_driver_detach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_driver_blocked_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
#if IOMMU_CONFIG_SCALABLE
bool iommu_driver_has_pasid(const struct iommu_endpoint *endpoint, uint32_t pasid);
int iommu_driver_attach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			      uint32_t pasid, struct iommu_domain *before);
int iommu_driver_detach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			      uint32_t pasid);
#endif
#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE
/* For struct iommu_attach_ops: a device's TLB needs a command of its own. */
bool iommu_driven_is_special(struct iommu_attached *attached, const struct iommu_placed *domain,
			     uint32_t pasid);
#endif

/* --- Devices' TLBs (device_tlb.c): control path ----------------------------------------------- */

#if IOMMU_CONFIG_DEVICE_TLB
/* Do not let a device use its TLB, which may hold anything. */
void iommu_driven_tlb_suspect(struct iommu_driven_endpoint *endpoint);
/* Empty one that may hold anything, while its entry does not let it be used. */
int iommu_driven_tlb_empty(struct iommu_driven_endpoint *endpoint);
/* Empty it, and let the device use it again; and one of which an invalidation may have failed. */
int iommu_driven_tlb_recover(struct iommu_driven_endpoint *endpoint);
int iommu_driven_tlb_confirm(struct iommu_driven_endpoint *endpoint);
/* The host has switched it off in the device, or is about to switch it on. On failure it is off. */
int iommu_driven_tlb_switch(struct iommu_driven_endpoint *endpoint, bool on);
/* Steps of bring-up: while a unit is off devices are not told of what was unmapped. */
int iommu_driven_tlbs_hold(struct iommu_driven_unit *unit);
int iommu_driven_tlbs_release(struct iommu_driven_unit *unit);
#else
static inline void iommu_driven_tlb_suspect(struct iommu_driven_endpoint *endpoint)
{
	(void)endpoint;
}

static inline int iommu_driven_tlb_empty(struct iommu_driven_endpoint *endpoint)
{
	(void)endpoint;
	return 0;
}

static inline int iommu_driven_tlb_recover(struct iommu_driven_endpoint *endpoint)
{
	(void)endpoint;
	return 0;
}

static inline int iommu_driven_tlb_confirm(struct iommu_driven_endpoint *endpoint)
{
	(void)endpoint;
	return 0;
}

static inline int iommu_driven_tlb_switch(struct iommu_driven_endpoint *endpoint, bool on)
{
	(void)endpoint;
	(void)on;
	return 0;
}
#endif

#endif
