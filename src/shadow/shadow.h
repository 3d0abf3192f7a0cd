/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internals of shadows: guest.c says what the guest has, in windows; shadow.c makes the address
 * space equal to it; dirty.c says what the device may have written.
 */
#ifndef IOMMU_SHADOW_SHADOW_H
#define IOMMU_SHADOW_SHADOW_H

#include <libiommu/shadow.h>

#include "ioas/ioas.h"

#define SHADOW_LAST_PAGE (UINT64_MAX >> IOMMU_PAGE_SHIFT)

/* Pages, both ends inclusive; first > last: none. */
struct shadow_span {
	uint64_t first, last;
};

/* What the guest has at adjoining addresses with adjoining memory. */
struct shadow_extent {
	struct shadow_span pages; /* of IOVA */
	uint64_t frame;           /* guest-physical page of the first */
	unsigned int prot;
};

/* A part of the address space, and all that the guest has there, in ascending order. */
struct shadow_window {
	struct shadow_span pages;
	unsigned int count;
};

/* Of the memory of extents: as a bitmap it has bits for the largest page that is marked clean. */
#define SHADOW_ORDER   3
#define SHADOW_EXTENTS (((size_t)IOMMU_PAGE_SIZE << SHADOW_ORDER) / sizeof(struct shadow_extent))

/* In place of a guest's domain: none, the device is blocked; perhaps several. */
#define SHADOW_NO_DOMAIN (-1)
#define SHADOW_DOMAINS   (-2)

struct iommu_shadow {
	struct iommu_shadow_config config;
	const struct iommu_platform *platform;
	void *mutex; /* NULL: the host has none */
	struct shadow_extent *extents;
	struct shadow_window window;
	/* Where not all could be mapped; and within that, where something could not be unmapped. */
	struct shadow_span missing, stuck;
	/* The guest's domain whose mappings are in the address space; or one of the following. */
	int32_t domain;
	struct iommu_shadow_stats stats;
	/* Of the call: its name; and what became of mapping, and of unmapping. */
	const char *call;
	int mapping, unmapping;
	bool is_short; /* of memory, or at a limit: no more is mapped in this turn */
	/* Of the guest's memory, what was unmapped and may have been written; no words: off. */
	struct iommu_dirty_bitmap log;
};

static inline void shadow_lock(const struct iommu_shadow *shadow)
{
	if (shadow->mutex != NULL)
		shadow->platform->mutex_lock(shadow->platform->ctx, shadow->mutex);
}

static inline void shadow_unlock(const struct iommu_shadow *shadow)
{
	if (shadow->mutex != NULL)
		shadow->platform->mutex_unlock(shadow->platform->ctx, shadow->mutex);
}

static inline bool shadow_is_empty(const struct shadow_span *span)
{
	return span->first > span->last;
}

/* An area of a space, in pages; false: there is none that ends at the page or behind it. */
bool iommu_shadow_find_area(const struct iommu_shadow *shadow, uint32_t ioas, uint64_t page,
			    struct shadow_span *pages, struct iommu_ioas_area *area);
/* This was mapped for a moment, or is in doubt: the device may have written it. */
void iommu_shadow_note_tried(const struct iommu_shadow *shadow, const struct iommu_backing *backing,
			     uint64_t size);
/* These pages are unmapped next: what the device may write there counts as written. */
void iommu_shadow_note_written(struct iommu_shadow *shadow, const struct shadow_span *span);

/* A walk through what the guest has; begins with a span. */
struct shadow_walk {
	struct iommu_model_walk walk;
	bool is_cut; /* there was more than may be looked at */
};

void iommu_shadow_walk_begin(const struct iommu_shadow *shadow, const struct shadow_span *span,
			     struct shadow_walk *walk);
/* The next window into shadow->window; false: the walk was at its end. */
bool iommu_shadow_walk_next(struct iommu_shadow *shadow, struct shadow_walk *walk);
/* The domain that the guest has the device use now, as far as its unit knows. */
int32_t iommu_shadow_domain_now(const struct iommu_shadow *shadow);
/* What an invalidation may have changed for the shadow's device; false: nothing. */
bool iommu_shadow_scope(const struct iommu_shadow *shadow,
			const struct iommu_model_invalidation *what, struct shadow_span *span);

#endif
