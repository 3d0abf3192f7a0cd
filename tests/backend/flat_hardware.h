/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hardware of flat.h, imitated: it remembers every table and entry that it ever walked. There
 * is one.
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
	bool is_slow;     /* it is done, and does not say so */
	bool keeps_going; /* whatever is written to its control register */
	/* Called before and after each write of a register; may be NULL. */
	void (*before)(unsigned int offset);
	void (*after)(void);
} flat_hardware;

/* New hardware, and its registers in the platform. */
void flat_hardware_begin(struct iommu_platform *platform);
/* What hung goes on. */
void flat_hardware_mend(void);
/* The registers are lost. */
void flat_hardware_sleep(void);
/* A device's access (FLAT_READ, FLAT_WRITE): where it goes, or 0. */
iommu_paddr_t flat_hardware_reach(unsigned int source, uint64_t address, uint64_t access);

#endif
