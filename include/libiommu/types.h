/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses, permissions and the page unit.
 *
 * Addresses have 64 bits on every host, including 32-bit hosts. A range is (start, last), both
 * inclusive, so that it can include the top of the address space; a size is in bytes.
 */
#ifndef LIBIOMMU_TYPES_H
#define LIBIOMMU_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libiommu/config.h>

/* --- Declarations ----------------------------------------------------------------------------- */

/* A function or table of the public interface: in the shared library everything else is hidden. */
#define IOMMU_API __attribute__((visibility("default")))

/* Every public header can be included from C++. */
#ifdef __cplusplus
#define IOMMU_BEGIN_DECLS extern "C" {
#define IOMMU_END_DECLS   }
#else
#define IOMMU_BEGIN_DECLS
#define IOMMU_END_DECLS
#endif

/* --- Addresses and permissions ---------------------------------------------------------------- */

/* An I/O virtual address: the address in a device's request. */
typedef uint64_t iommu_iova_t;
/* A host physical address; guest physical if an emulator links the library. */
typedef uint64_t iommu_paddr_t;

/* A 64-bit word that is changed atomically; aligned to its size on i386, too, which aligns to 4. */
typedef uint64_t iommu_cell_t __attribute__((aligned(8)));

/* The unit of iommu_platform.alloc_pages, and the size of every hardware table page. */
#define IOMMU_PAGE_SHIFT 12
#define IOMMU_PAGE_SIZE  (1ULL << IOMMU_PAGE_SHIFT)

#define IOMMU_SIZE_4K    (1ULL << 12)
#define IOMMU_SIZE_64K   (1ULL << 16)
#define IOMMU_SIZE_2M    (1ULL << 21)
#define IOMMU_SIZE_1G    (1ULL << 30)

/*
 * Permissions of a mapping. Every call that maps memory uses these values: of domains, page tables,
 * IO address spaces and containers. At least one of the first two is required.
 */
enum iommu_prot {
	IOMMU_PROT_READ = 1 << 0,  /* the device may read memory */
	IOMMU_PROT_WRITE = 1 << 1, /* the device may write memory */
	/*
	 * Hints. iommu_map, and everything that uses it, drops those that the domain's tables have
	 * no bits for; a page table that is used alone (<libiommu/pgtable.h>) refuses them with
	 * IOMMU_EINVAL. No hint adds a permission.
	 */
	IOMMU_PROT_CACHE = 1 << 2,      /* coherent with the CPU caches */
	IOMMU_PROT_NO_EXEC = 1 << 3,    /* the device may not execute the memory */
	IOMMU_PROT_MMIO = 1 << 4,       /* registers of another device, not memory */
	IOMMU_PROT_PRIVILEGED = 1 << 5, /* only for supervisor requests of the device */
	/*
	 * Of the call, not of the mapping: it may sleep while the host allocates table pages, that
	 * is, without IOMMU_ALLOC_ATOMIC. Supported by every table.
	 */
	IOMMU_PROT_MAY_SLEEP = 1 << 6,
	/*
	 * Memory that is shared with the host of a confidential guest, or that is not encrypted:
	 * the address in the tables has iommu_platform.shared_bits. Without it, iommu_platform
	 * .private_bits, except with IOMMU_PROT_MMIO. Of iommu_map, and everything that uses it.
	 */
	IOMMU_PROT_SHARED = 1 << 8,
};
#define IOMMU_PROT_READ_WRITE (IOMMU_PROT_READ | IOMMU_PROT_WRITE)
#define IOMMU_PROT_HINTS                                                                           \
	(IOMMU_PROT_CACHE | IOMMU_PROT_NO_EXEC | IOMMU_PROT_MMIO | IOMMU_PROT_PRIVILEGED |         \
	 IOMMU_PROT_MAY_SLEEP | IOMMU_PROT_SHARED)

/* One piece of scattered memory. */
struct iommu_map_piece {
	iommu_paddr_t paddr;
	uint64_t size;
};

/* --- Nodes ------------------------------------------------------------------------------------ */

/* A list node, embedded in public structures; private to the library. */

struct iommu_list_node {
	struct iommu_list_node *next;
	struct iommu_list_node *previous;
};

/* A tree node, embedded in public structures; private to the library. */

struct iommu_rb_node {
	struct iommu_rb_node *parent;
	struct iommu_rb_node *child[2]; /* left, right */
	bool red;
};

#endif
