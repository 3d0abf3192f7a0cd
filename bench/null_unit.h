/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unit whose invalidations take no time and cannot fail, so that the cost of the software is
 * left. Its domains are VT-d's second-stage tables.
 */
#ifndef BENCH_NULL_UNIT_H
#define BENCH_NULL_UNIT_H

#include <libiommu/backend/ops.h>
#include <libiommu/iommu.h>

#include "pages.h"

IOMMU_BEGIN_DECLS

struct null_unit {
	struct iommu_unit unit; /* first */
	struct iommu_platform platform;
	struct iommu *iommu;
	struct iommu_endpoint *endpoint;
	struct bench_count invalidations;
};

/*
 * An instance with the unit and one endpoint, whose default domain is strict or lazy. @exclusive:
 * the host's CPUs are exclusive. 0 or an error.
 */
int null_unit_create(struct null_unit *null, enum iommu_domain_type type, bool exclusive);
void null_unit_destroy(struct null_unit *null);

IOMMU_END_DECLS
#endif
