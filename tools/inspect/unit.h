/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge: the library's model of a VT-d unit, over a dump of memory. What the other files show
 * of tables is how a reader follows them; what a request gets is what the model says.
 */
#ifndef INSPECT_UNIT_H
#define INSPECT_UNIT_H

#include <iommu_hosted.h>
#include <libiommu/model_vtd.h>

#include "place.h"
#include "query.h"

struct unit {
	struct iommu_hosted hosted;
	struct iommu_model_vtd *model;
	struct query *query;
};

/*
 * A unit with the query's capabilities, or with all that there are, whose root table is the
 * query's. Returns a status; what is wrong has been said.
 */
int unit_open(struct unit *unit, struct query *query, const struct place *place);
void unit_close(struct unit *unit);
/* Whether there is such a unit, before anything is shown: returns a status likewise. */
int unit_check(struct query *query);

/*
 * Whether the query's device may make the access (enum iommu_prot) at an address, and where that
 * leads; or the reason of the fault.
 */
bool unit_ask(struct unit *unit, uint64_t address, unsigned int access,
	      struct iommu_model_translation *result);

#endif
