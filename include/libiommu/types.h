/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses, permissions and the page unit.
 *
 * Addresses are 64 bits wide on every host, 32-bit hosts too. A range is (start, last), inclusive
 * at both ends, so that the top of the space can be said; a size is in bytes.
 */
#ifndef LIBIOMMU_TYPES_H
#define LIBIOMMU_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libiommu/export.h>

/* An I/O virtual address: what a device puts on the bus. */
typedef uint64_t iommu_iova_t;
/* A host physical address: where memory is. Guest physical, when an emulator links us. */
typedef uint64_t iommu_paddr_t;

/* A 64-bit word that is changed atomically: aligned to its size on every host (i386 aligns to 4).
 */
typedef uint64_t iommu_cell_t __attribute__((aligned(8)));

/* The unit of iommu_platform.alloc_pages, and the size of every hardware table page. */
#define IOMMU_PAGE_SHIFT 12
#define IOMMU_PAGE_SIZE  (1ULL << IOMMU_PAGE_SHIFT)

#define IOMMU_SIZE_4K    (1ULL << 12)
#define IOMMU_SIZE_2M    (1ULL << 21)
#define IOMMU_SIZE_1G    (1ULL << 30)

/* What a device may do with a mapping. At least one of the first two must be given. */
enum iommu_prot {
	IOMMU_PROT_READ = 1 << 0,  /* the device may read memory */
	IOMMU_PROT_WRITE = 1 << 1, /* the device may write memory */
	/*
	 * Hints, for tables that can say so. iommu_map, and what stands above it, leaves out those
	 * that the domain's tables have no bits for; a page table that is used by itself
	 * (<libiommu/pgtable.h>) refuses them with IOMMU_EINVAL. None of them lets a device do more
	 * than the first two.
	 */
	IOMMU_PROT_CACHE = 1 << 2,      /* coherent with the CPU caches */
	IOMMU_PROT_NO_EXEC = 1 << 3,    /* the device may not fetch instructions */
	IOMMU_PROT_MMIO = 1 << 4,       /* registers of another device, not memory */
	IOMMU_PROT_PRIVILEGED = 1 << 5, /* only for what the device does with privilege */
	/*
	 * Of the call, not of the mapping: it may sleep while the host looks for table pages, which
	 * it is asked for without IOMMU_ALLOC_ATOMIC. Every table takes it.
	 */
	IOMMU_PROT_MAY_SLEEP = 1 << 6,
};
#define IOMMU_PROT_READ_WRITE (IOMMU_PROT_READ | IOMMU_PROT_WRITE)
#define IOMMU_PROT_HINTS                                                                           \
	(IOMMU_PROT_CACHE | IOMMU_PROT_NO_EXEC | IOMMU_PROT_MMIO | IOMMU_PROT_PRIVILEGED |         \
	 IOMMU_PROT_MAY_SLEEP)

/* --- Nodes ------------------------------------------------------------------------------------ */

/* The list node that public structures embed; the operations are the library's own. */

struct iommu_list_node {
	struct iommu_list_node *next;
	struct iommu_list_node *previous;
};

/* The tree node that public structures embed; the operations are the library's own. */

struct iommu_rb_node {
	struct iommu_rb_node *parent;
	struct iommu_rb_node *child[2]; /* left, right */
	bool red;
};

#endif
