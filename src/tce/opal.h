/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the back end for bridges under OPAL share: PEs, their windows, and domains of
 * TCE tables.
 *
 * A domain has a place in each PE that ever used it (unit/domain.h). A PE is counted there from
 * before firmware is told of its window until after the bridge has forgotten it. While it goes from
 * one domain to another it counts in both, and is told to forget all of it, because whose pages it
 * has is not known.
 *
 * What a PE was told to use and what its windows hold are two things. A call of firmware that fails
 * leaves the windows in doubt, whether it was to open or to close: it may have done nothing, or
 * all. A PE in doubt keeps its domain, and every control call tries to bring its windows to what
 * they should be. Until that is confirmed nothing is mapped in its domain, and no domain that it
 * might lead to is freed. A PE in doubt is a part of the unit in doubt (unit/confirmation.h).
 */
#ifndef IOMMU_TCE_OPAL_H
#define IOMMU_TCE_OPAL_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/tve.h>
#include <libiommu/opal.h>
#include <libiommu/tce_table.h>

#include "base/list.h"
#include "base/log.h"
#include "unit/domain.h"

#define OPAL_REFUSE(unit, status, text)                                                            \
	IOMMU_REFUSE((unit)->base.iommu, (unit)->base.name, status, text)

#define IDS_PER_BUS 256

struct opal_domain;

struct opal_pe {
	struct opal_domain *domain;  /* that it was told to use; NULL: none */
	struct opal_domain *leaving; /* the one before, while the bridge may know it; NULL: none */
	unsigned int endpoints;      /* that use a domain */
	/* Odd while it goes from one to another, or from or to none. Atomic. */
	uint32_t moves;
	/* What its windows hold, as far as firmware has confirmed. */
	bool is_open;     /* the first may lead somewhere */
	bool is_bypassed; /* the second may */
	bool is_shown;    /* the first is its domain's: pages of it have a size. Atomic */
	bool is_unsure;   /* they may be other than they should. Atomic */
	/* Where the library keeps ids: from first to last, and of what kind. */
	bool has_ids;
	bool has_unsure_ids; /* firmware may have them in it, or elsewhere, against has_ids */
	uint8_t kind;
	uint16_t first_id, last_id;
};

struct opal_unit {
	struct iommu_unit base;
	const struct iommu_platform *platform;
	struct iommu_opal_config config;
	volatile void *registers; /* of the bridge; NULL: firmware has it forget */
	struct opal_pe *pes;
	unsigned int pes_order;
	struct iommu_tce_register_state told;
	bool is_on; /* windows are to be as their PEs' domains want; otherwise all closed; atomic */
	uint32_t is_hung; /* firmware let a wait run out, and has not answered since; atomic */
	struct iommu_unit_set set;
	/* It may walk tables for as long as it is a unit. */
	struct iommu_unit_state state;
	struct iommu_object_cache place_cache;
};

struct opal_domain {
	struct iommu_placed common; /* first */
	struct opal_unit *unit;
};

static inline struct opal_unit *opal_unit_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct opal_unit, base);
}

static inline struct opal_domain *opal_domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct opal_domain, common.base);
}

/* Window 1: bus addresses from here on, in the bridges' steps of 16 MiB. */
#define OPAL_BYPASS_START (1ULL << TVE_WINDOW_BIT)

static inline uint64_t opal_bypass_size(const struct opal_unit *unit)
{
	const uint64_t granule = 1ULL << TVE_BYPASS_GRANULE;

	return (unit->config.memory_end + (granule - 1)) & -granule;
}

static inline uint32_t opal_number_of(const struct opal_unit *unit, const struct opal_pe *pe)
{
	return (uint32_t)(pe - unit->pes);
}

/* NULL: a unit of another back end. */
struct opal_unit *iommu_opal_unit(struct iommu_unit *unit);

/* --- opal_firmware.c -------------------------------------------------------------------------- */

enum opal_kill {
	OPAL_KILL_PAGES = 0,
	OPAL_KILL_PE = 1,
	OPAL_KILL_ALL = 2,
};

/* Window 0 of a PE: by tables, as it is, or (NULL) closed. And window 1: all of memory as it is. */
int iommu_opal_set_window(struct opal_unit *unit, uint32_t pe, const struct opal_domain *domain);
int iommu_opal_set_bypass(struct opal_unit *unit, uint32_t pe, bool is_open);
/*
 * Requests with these ids are a PE's, or not any more: one function, or whole buses (see
 * opal_pe.c).
 */
int iommu_opal_set_ids(struct opal_unit *unit, uint32_t pe, uint16_t first, uint16_t last,
		       bool add);
/* Have the bridge forget pages of a PE, all of a PE, or all. */
int iommu_opal_forget(struct opal_unit *unit, enum opal_kill kind, uint32_t pe, uint64_t page_size,
		      uint64_t address, uint64_t pages);

/* --- opal_pe.c -------------------------------------------------------------------------------- */

/* Of the host's function, or of the library's own; or IOMMU_OPAL_NO_PE. */
uint32_t iommu_opal_pe_of_id(const struct opal_unit *unit, uint16_t source_id);
/* Have firmware put ids in doubt where they belong: 0, or why some still are. */
int iommu_opal_settle_ids(struct opal_unit *unit);

/* --- opal_forget.c ---------------------------------------------------------------------------- */

int iommu_opal_forget_all(struct opal_unit *unit);
/* The same if there is anything to make good. */
int iommu_opal_forget_failed(struct opal_unit *unit);
extern const struct iommu_place_ops iommu_opal_place_ops;

/* --- opal_window.c ---------------------------------------------------------------------------- */

/* All windows as they should be, also after a failure: the first is the answer. */
int iommu_opal_set_all_windows(struct opal_unit *unit);
/* Those of PEs in doubt, and the bridge has forgotten what it knew of them: 0, or why not. */
int iommu_opal_settle(struct opal_unit *unit);
int iommu_opal_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_opal_detach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_opal_attach_blocked(struct iommu_domain *domain, struct iommu_endpoint *endpoint);

/* --- opal_domain.c ---------------------------------------------------------------------------- */

int iommu_opal_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			    const struct iommu_domain_config *config, struct iommu_domain **domain);

#endif
