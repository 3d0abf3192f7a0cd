/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An imaginary IOMMU, as simple as one can be: 16 devices, source ids 0 to 15, each with a flat
 * table of 1024 entries, one for each 4K page from address 0 on. All registers are 64 bits wide.
 * Entries are in the CPU's byte order; walks snoop the CPU's caches. Hardware may cache the tables
 * and the valid entries that it has read until an invalidation of everything.
 */
#ifndef FLAT_H
#define FLAT_H

#include <libiommu/instance.h>

#define FLAT_DEVICES     16
#define FLAT_ENTRIES     1024
#define FLAT_TABLE_ORDER 1 /* two pages */

enum flat_register {
	FLAT_CONTROL = 0x00,       /* bit 0: translate; off, everything passes */
	FLAT_INVALIDATE = 0x08,    /* write 1: invalidate everything; reads 1 until that is done */
	FLAT_FAULT = 0x10,         /* see below; any write clears it */
	FLAT_FAULT_ADDRESS = 0x18, /* the address of the access */
	FLAT_TABLE = 0x80,         /* 16 of them: a table | FLAT_VALID; 0: nothing passes */
};

#define FLAT_WINDOW 4096
#define FLAT_VALID  1ULL

/* An entry: a page | its permissions. */
#define FLAT_READ  1ULL
#define FLAT_WRITE 2ULL

/* The fault register: the first fault since it was cleared. */
#define FLAT_FAULT_VALID       (1ULL << 63)
#define FLAT_FAULT_LOST        (1ULL << 62) /* there were more */
#define FLAT_FAULT_IS_WRITE    (1ULL << 16)
#define FLAT_FAULT_SOURCE_MASK 0xffffULL

/*
 * flat_probe - hand the unit whose registers are at `registers` to the core. May sleep. Returns 0,
 * IOMMU_EFAULT (the host cannot map the registers), IOMMU_ENOMEM, or IOMMU_ETIMEDOUT (the unit does
 * not answer; it may translate by tables that are not the library's).
 */
int flat_probe(struct iommu *iommu, iommu_paddr_t registers);

#endif
