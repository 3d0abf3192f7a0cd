/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real driver of Arm's SMMUv3 over a unit that answers at once, as vtd_at_once.h: a block of
 * registers behind the library's MMIO services. A command has been executed, and the queue is
 * empty, when the write returns; the unit translates nothing.
 */
#ifndef BENCH_SMMU_AT_ONCE_H
#define BENCH_SMMU_AT_ONCE_H

#include <libiommu/hw/smmu_registers.h>
#include <libiommu/iommu.h>

#include "pages.h"

IOMMU_BEGIN_DECLS

struct smmu_at_once {
	struct iommu_platform platform;
	struct iommu *iommu;
	struct iommu_endpoint *endpoint;
	struct bench_count invalidations; /* commands that are no CMD_SYNC */
	unsigned char registers[SMMU_REGISTERS_SIZE] __attribute__((aligned(64)));
};

/*
 * An instance with one unit, of both stages, 48 bits, messages and invalidations of ranges, and one
 * endpoint whose default domain is strict or lazy. @exclusive: the host's CPUs are exclusive. 0 or
 * an error.
 */
int smmu_at_once_create(struct smmu_at_once *smmu, enum iommu_domain_type type, bool exclusive);
void smmu_at_once_destroy(struct smmu_at_once *smmu);

IOMMU_END_DECLS
#endif
