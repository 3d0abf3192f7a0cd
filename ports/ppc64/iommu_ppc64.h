/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host services that are the same in every 64-bit POWER kernel or hypervisor: time, spinning,
 * interrupt masking, register access; and the calls of firmware (OPAL) and of a hypervisor (PAPR).
 * Either byte order. Pages, their addresses and the log are left to the kernel.
 *
 *	static struct iommu_ppc64 port = { .timebase_hz = …, .opal_base = …, .opal_entry = … };
 *	static struct iommu_platform platform = { .alloc_pages = …, .free_pages = … };
 *	iommu_ppc64_fill(&platform, &port);
 *
 * The services take their state from `ctx`; a kernel that needs a ctx of its own makes struct
 * iommu_ppc64 its first member. They need a privileged state. Bridges and devices see the CPUs'
 * caches: nothing for caches is set.
 */
#ifndef IOMMU_PPC64_H
#define IOMMU_PPC64_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

/* opal_call.S depends on the order of the members. */
struct iommu_ppc64 {
	uint64_t timebase_hz; /* "timebase-frequency" of a CPU in the device tree; not 0 */
	/* "opal-base-address" and "opal-entry-address"; 0 under a hypervisor. */
	uint64_t opal_base, opal_entry;
};

/* iommu_ppc64_fill - set ctx, now_ns, relax, irq_save, irq_restore and the four mmio functions. */
void iommu_ppc64_fill(struct iommu_platform *platform, struct iommu_ppc64 *port);

/*
 * iommu_ppc64_opal_call - the call of struct iommu_opal_config; ctx is a struct iommu_ppc64. Any
 * token. Firmware runs big-endian, in real mode, with interrupts masked; afterwards the CPU is in
 * its state from before. The code of the call must be reachable in real mode: linked at its real
 * address, or at that with the top four bits set.
 */
int64_t iommu_ppc64_opal_call(void *ctx, uint64_t token, const uint64_t arguments[7]);

/* iommu_ppc64_hypercall - the call of struct iommu_tce_papr_config; any of four arguments. */
int64_t iommu_ppc64_hypercall(void *ctx, uint64_t opcode, uint64_t first, uint64_t second,
			      uint64_t third, uint64_t fourth, uint64_t *result);

IOMMU_END_DECLS
#endif
