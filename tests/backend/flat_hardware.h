/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of the hardware of flat.h. It caches every table and entry that it has walked. There is
 * one instance.
 */
#ifndef FLAT_HARDWARE_H
#define FLAT_HARDWARE_H

#include "flat.h"

#define FLAT_REGISTERS 0xfed00000ULL

extern struct flat_hardware {
	const struct iommu_platform *platform;
	uint64_t control, busy, fault, fault_address, tables[FLAT_DEVICES];
	uint64_t remembered[FLAT_DEVICES][FLAT_ENTRIES], remembered_tables[FLAT_DEVICES];
	bool hangs;       /* an invalidation does nothing, and does not end */
	bool is_slow;     /* an invalidation is done, and does not show it */
	bool keeps_going; /* ignores writes to its control register */
	/* Called before and after each write of a register; may be NULL. */
	void (*before)(unsigned int offset);
	void (*after)(void);
} flat_hardware;

/* New hardware, with its registers in the platform. */
void flat_hardware_begin(struct iommu_platform *platform);
/* What hung goes on. */
void flat_hardware_mend(void);
/* The registers are lost. */
void flat_hardware_sleep(void);
/* An access of a device (FLAT_READ, FLAT_WRITE): its address in memory, or 0. */
iommu_paddr_t flat_hardware_reach(unsigned int source, uint64_t address, uint64_t access);

#endif
