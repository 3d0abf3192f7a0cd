/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real VT-d driver over a unit that answers at once: a block of registers behind the library's
 * MMIO services. A command has been executed, and the queue is empty, when the write returns; the
 * unit translates nothing. What is left is the cost of the software, the driver's included.
 */
#ifndef BENCH_VTD_AT_ONCE_H
#define BENCH_VTD_AT_ONCE_H

#include <libiommu/iommu.h>

#include "pages.h"

IOMMU_BEGIN_DECLS

#define VTD_AT_ONCE_REGISTERS 0x1000

struct vtd_at_once {
	struct iommu_platform platform;
	struct iommu *iommu;
	struct iommu_endpoint *endpoint;
	struct bench_count invalidations; /* descriptors that are no waits */
	unsigned char registers[VTD_AT_ONCE_REGISTERS] __attribute__((aligned(64)));
};

/*
 * An instance with one unit, in legacy mode, coherent, with a queue, and one endpoint whose default
 * domain is strict or lazy. @exclusive: the host's CPUs are exclusive. 0 or an error.
 */
int vtd_at_once_create(struct vtd_at_once *vtd, enum iommu_domain_type type, bool exclusive);
void vtd_at_once_destroy(struct vtd_at_once *vtd);

IOMMU_END_DECLS
#endif
