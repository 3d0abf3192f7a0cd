/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real RISC-V driver over a unit that answers at once, as vtd_at_once.h: a block of registers
 * behind the library's MMIO services. A command has been executed, and the queue is empty, when the
 * write returns; the unit translates nothing.
 */
#ifndef BENCH_RISCV_AT_ONCE_H
#define BENCH_RISCV_AT_ONCE_H

#include <libiommu/iommu.h>

#include "pages.h"

IOMMU_BEGIN_DECLS

#define RISCV_AT_ONCE_REGISTERS 0x1000

struct riscv_at_once {
	struct iommu_platform platform;
	struct iommu *iommu;
	struct iommu_endpoint *endpoint;
	struct bench_count invalidations; /* commands that are no fences */
	unsigned char registers[RISCV_AT_ONCE_REGISTERS] __attribute__((aligned(64)));
};

/*
 * An instance with one unit, of wired interrupts and first stages of up to Sv48, and one endpoint
 * whose default domain is strict or lazy. @exclusive: the host's CPUs are exclusive. 0 or an error.
 */
int riscv_at_once_create(struct riscv_at_once *riscv, enum iommu_domain_type type, bool exclusive);
void riscv_at_once_destroy(struct riscv_at_once *riscv);

IOMMU_END_DECLS
#endif
