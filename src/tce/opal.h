/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of the back end for bridges under OPAL: PEs, their windows, and domains of TCE tables.
 *
 * A domain has a place in each PE that ever used it (unit/domain.h). A PE is counted there from
 * before firmware opens its window until after the bridge was invalidated. During a change from one
 * domain to another it counts in both, and all of the PE is invalidated, because it is not known
 * whose pages the bridge has cached.
 *
 * What a PE is to use and what its windows hold are recorded apart. A call of firmware that fails
 * leaves the windows in doubt, whether it was to open or to close: it may have done nothing, or
 * all. A PE in doubt keeps its domain, and every control call tries to set its windows as they
 * should be. Until that is confirmed nothing is mapped in its domain, and no domain that it might
 * lead to is freed. A PE in doubt is a part of the unit in doubt (unit/confirmation.h).
 */
#ifndef IOMMU_TCE_OPAL_H
#define IOMMU_TCE_OPAL_H

#include <libiommu/backend/ops.h>
#include <libiommu/eeh.h>
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
	struct opal_domain *domain; /* that the PE is to use; NULL: none */
	/* The one before, while the bridge may have cached it; NULL: none. */
	struct opal_domain *leaving;
	unsigned int endpoints; /* that use a domain */
	/* Odd during a change from or to a domain. Atomic. */
	uint32_t moves;
	/* The state of its windows, as far as firmware has confirmed it. */
	bool is_open;     /* the first may be open */
	bool is_bypassed; /* the second may */
	bool is_shown;    /* they are those of its domain, and so have page sizes. Atomic */
	bool is_unsure;   /* windows may differ from what they should be. Atomic */
	bool is_astray;   /* … and may lead anywhere: firmware has not closed them. Atomic */
	/* With ids that the library manages: the range, and its kind. */
	bool has_ids;
	bool has_unsure_ids; /* firmware may have the ids in another state than has_ids says */
	uint8_t kind;
	uint16_t first_id, last_id;
	/*
	 * 1 + the id of one of its endpoints, for which its freezes are reported; 0: none. Atomic.
	 */
	uint32_t speaker;
	/* Frozen, and reported: not again before it was seen to be thawed. Atomic. */
	uint32_t is_reported;
	uint32_t master; /* 1 + the PE whose slave it is, in a compound; 0: none */
};

/* PEs of which one freezes with the other (PELT-V), or is to do so no longer. */
struct opal_link {
	struct iommu_list_node link;
	uint32_t parent, child; /* the same: a PE's own bit */
	bool is_compound;       /* both ways: the parent is the master */
	bool is_on;             /* as it is to be; off: kept until firmware has confirmed that */
	bool is_unsure;         /* firmware may have it otherwise */
};

struct opal_unit {
	struct iommu_unit base;
	const struct iommu_platform *platform;
	struct iommu_opal_config config;
	volatile void *registers; /* the bridge's register; NULL: firmware invalidates */
	struct opal_pe *pes;
	unsigned int pes_order;
	struct iommu_tce_register_state told;
	bool is_on; /* windows are to be as the domains of PEs need them, or else closed; atomic */
	/* A wait for firmware has timed out, and no call was answered since. Atomic. */
	uint32_t is_hung;
	struct iommu_unit_set set;
	/* Active as long as it is a unit. */
	struct iommu_unit_state state;
	struct iommu_object_cache place_cache;
	/* With has_eeh; control path, but for the part of `answers` that is of faults. */
	struct iommu_list_node links;
	struct iommu_object_cache link_cache;
	unsigned char *answers;     /* firmware writes its answers here */
	unsigned char *diagnostics; /* … and the bridge's data here */
	unsigned int diagnostics_order;
};

/* A window that the owner of a domain has opened: opal_user.c. */
struct opal_user_window {
	struct iommu_pgtable table;
	bool has_table;
	bool is_open; /* PEs of the domain are to have it */
};

struct opal_domain {
	struct iommu_placed common; /* first */
	struct opal_unit *unit;
	bool has_user_windows; /* these, in the place of a table */
	struct opal_user_window windows[IOMMU_WINDOWS];
	uint64_t max_table_pages; /* of each of them */
	unsigned int near_node;
};

static inline struct opal_unit *opal_unit_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct opal_unit, base);
}

static inline struct opal_domain *opal_domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct opal_domain, common.base);
}

/* The table of a window that the owner of a domain has opened; NULL: it is closed. */
static inline const struct iommu_pgtable *opal_user_table(const struct opal_domain *domain,
							  unsigned int number)
{
	const struct opal_user_window *window = &domain->windows[number];

	return domain->has_user_windows && window->is_open ? &window->table : NULL;
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

/* By its address: the name of this back end's operations. */
extern const char iommu_opal_name[];

/* NULL: a unit of another back end. */
static inline struct opal_unit *opal_unit_or_null(struct iommu_unit *unit)
{
	return unit->ops->name == iommu_opal_name ? opal_unit_of(unit) : NULL;
}

/* --- opal_firmware.c -------------------------------------------------------------------------- */

enum opal_kill {
	OPAL_KILL_PAGES = 0,
	OPAL_KILL_PE = 1,
	OPAL_KILL_ALL = 2,
};

/*
 * Window 0 of a PE: with tables, untranslated, or (NULL) closed. Window 1: all of memory,
 * untranslated. Either window: with a table, or (NULL) closed.
 */
int iommu_opal_set_window(struct opal_unit *unit, uint32_t pe, const struct opal_domain *domain);
int iommu_opal_set_bypass(struct opal_unit *unit, uint32_t pe, bool is_open);
/* Does firmware know the bridge, and a PE of this number? Closes window 0. */
bool iommu_opal_has_pe(struct opal_unit *unit, uint32_t pe);
int iommu_opal_set_table(struct opal_unit *unit, uint32_t pe, unsigned int number,
			 const struct iommu_pgtable *table);
/*
 * Requests with these ids belong to a PE, or no longer: one function, or whole buses (see
 * opal_pe.c).
 */
int iommu_opal_set_ids(struct opal_unit *unit, uint32_t pe, uint16_t first, uint16_t last,
		       bool add);
/* Invalidate pages of a PE, all of a PE, or everything in the bridge. */
int iommu_opal_forget(struct opal_unit *unit, enum opal_kill kind, uint32_t pe, uint64_t page_size,
		      uint64_t address, uint64_t pages);

/*
 * Where firmware writes an answer: calls of the control path and reports of faults are concurrent.
 */
enum opal_asker {
	OPAL_ASKS_CONTROL = 0,
	OPAL_ASKS_FAULTS,
};

/* What firmware says of a PE: see struct iommu_freeze. No reason is noted for a failure. */
int iommu_opal_ask_frozen(struct opal_unit *unit, uint32_t pe, enum opal_asker asker,
			  uint8_t *state, uint16_t *type);
/* Freeze or thaw what enum iommu_stopped names. */
int iommu_opal_set_frozen(struct opal_unit *unit, uint32_t pe, unsigned int what, bool is_freeze);
/* A PE freezes with another one, or no longer. */
int iommu_opal_set_vector(struct opal_unit *unit, uint32_t parent, uint32_t child, bool add);
/* The bridge's data, into unit->diagnostics. */
int iommu_opal_get_diagnostics(struct opal_unit *unit, uint32_t size);

/* --- opal_eeh.c ------------------------------------------------------------------------------- */

static inline bool opal_has_eeh(const struct opal_unit *unit)
{
	return unit->config.has_eeh;
}

extern const struct iommu_freeze_ops iommu_opal_freeze_ops;
/* Memory for firmware's answers. IOMMU_ENOMEM. */
int iommu_opal_eeh_init(struct opal_unit *unit);
void iommu_opal_eeh_fini(struct opal_unit *unit);
/* A PE gets its first endpoint: what froze it was before. */
int iommu_opal_thaw_leftover(struct opal_unit *unit, struct opal_pe *pe);
int iommu_opal_handle_faults(struct iommu_unit *unit, bool *lost);

/* --- opal_link.c ------------------------------------------------------------------------------ */

/* Is it this PE, or does it belong to the same compound? */
bool iommu_opal_is_compound(const struct opal_unit *unit, uint32_t pe, uint32_t other);
bool iommu_opal_has_links(const struct opal_unit *unit, uint32_t pe);
/* A PE's own bit; removed before its ids are. */
int iommu_opal_link_self(struct opal_unit *unit, uint32_t pe, bool add);
/* Have firmware set what is in doubt: 0, or the error for what still is. */
int iommu_opal_settle_links(struct opal_unit *unit);
void iommu_opal_free_links(struct opal_unit *unit);

/* --- opal_pe.c -------------------------------------------------------------------------------- */

/* By the host's function, or by the library's own PEs; or IOMMU_OPAL_NO_PE. */
uint32_t iommu_opal_pe_of_id(const struct opal_unit *unit, uint16_t source_id);
/* Have firmware set ids in doubt as they should be: 0, or the error for those that still are. */
int iommu_opal_settle_ids(struct opal_unit *unit);

/* --- opal_forget.c ---------------------------------------------------------------------------- */

int iommu_opal_forget_all(struct opal_unit *unit);
/* The same if anything is open. */
int iommu_opal_forget_failed(struct opal_unit *unit);
extern const struct iommu_place_ops iommu_opal_place_ops;

/* --- opal_window.c ---------------------------------------------------------------------------- */

/* Set all windows as they should be, also after a failure; returns the first error. */
int iommu_opal_set_all_windows(struct opal_unit *unit);
/* Set the windows of PEs in doubt, and invalidate the bridge: 0, or the error. */
int iommu_opal_settle(struct opal_unit *unit);
int iommu_opal_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_opal_detach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_opal_attach_blocked(struct iommu_domain *domain, struct iommu_endpoint *endpoint);

/* Have all PEs of a domain use its windows as they are now; on failure the unit is in doubt. */
int iommu_opal_reset_windows(struct opal_unit *unit, const struct opal_domain *domain);

/* --- opal_user.c ------------------------------------------------------------------------------ */

extern const struct iommu_domain_ops iommu_opal_user_ops;
/* Free the tables of a domain that no bridge can reach. */
void iommu_opal_user_destroy(struct opal_domain *domain);
/* log2 of the page size of the window that a bus address lies in. */
unsigned int iommu_opal_page_shift_at(const struct opal_domain *domain, iommu_iova_t iova);

/* --- opal_domain.c ---------------------------------------------------------------------------- */

void iommu_opal_domain_free(struct iommu_domain *base);
void iommu_opal_domain_get_info(const struct iommu_domain *base, struct iommu_domain_info *info);
int iommu_opal_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			    const struct iommu_domain_config *config, struct iommu_domain **domain);

#endif
