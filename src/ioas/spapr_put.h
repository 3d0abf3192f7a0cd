/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries that a guest puts: what its hypercalls (spapr_hypercall.c) are made of (spapr_put.c). */
#ifndef IOMMU_IOAS_SPAPR_PUT_H
#define IOMMU_IOAS_SPAPR_PUT_H

#include <libiommu/hw/tce.h>

#include "ioas/spapr_guest.h"

#define SPAPR_PERMISSIONS (TCE_READ | TCE_WRITE)

/* An entry with permissions, in the user's addresses. */
struct put_entry {
	uint64_t tce, address;
	unsigned int prot;
};

/* Entries being put: a stay among the calls of the containers that the table has windows of. */
struct put_call {
	struct iommu_spapr_guest *guest;
	struct spapr_table *table;
	/* As they were at its beginning; the containers are entered. */
	struct spapr_attachment to[IOMMU_SPAPR_TABLE_WINDOWS];
	unsigned int epochs[IOMMU_SPAPR_TABLE_WINDOWS];
	unsigned int count;
	struct spapr_replaced replaced;
	/* The table's entries whose change hardware has not been told of. */
	uint64_t first, end;
	int status; /* of telling it */
};

/* `alone`: the one window that is set; NULL: all. The table does not go meanwhile. */
void iommu_spapr_put_begin(struct put_call *call, struct iommu_spapr_guest *guest,
			   struct spapr_table *table, const struct spapr_attachment *alone);
/* Tell hardware, and leave the containers. The first error of telling it. */
int iommu_spapr_put_end(struct put_call *call);

/* What an entry says makes sense; without permissions anything does. */
bool iommu_spapr_put_read(const struct put_call *call, uint64_t tce, struct put_entry *entry);
/* That an entry could be set now. */
int iommu_spapr_put_check(const struct put_call *call, uint64_t index,
			  const struct put_entry *entry);
/* Make places for what the guest puts, and tables in all windows. IOMMU_ENOMEM. */
int iommu_spapr_put_make_words(const struct put_call *call, uint64_t index, uint64_t count);
int iommu_spapr_put_prepare(const struct put_call *call, uint64_t index, uint64_t count);
/* Set an entry with permissions, which is prepared: in all windows, or in none. */
int iommu_spapr_put_entry(struct put_call *call, uint64_t index, const struct put_entry *entry);
/* Clear entries; what is to be read back is the same for all. */
void iommu_spapr_put_clear(struct put_call *call, uint64_t index, uint64_t count, uint64_t tce);

/* What was put last. */
uint64_t iommu_spapr_put_get(const struct put_call *call, uint64_t index);

/* So many entries at once: with large pages of the table, each is many of a window. */
uint64_t iommu_spapr_put_piece(const struct put_call *call);
/* Entries of all windows that one of the table is; 1, if there are none. */
uint64_t iommu_spapr_put_width(const struct put_call *call);
/* So many entries from this one on were never put, and never set in a window. */
uint64_t iommu_spapr_put_gap(const struct put_call *call, uint64_t index);

#endif
