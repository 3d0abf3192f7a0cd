/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is mapped through address spaces: which page is where, and how often each is pinned.
 * A page that is pinned twice, unpinned when it is not, or under another address, fails the test.
 */
#ifndef TEST_MEMORY_H
#define TEST_MEMORY_H

#include <libiommu/ioas.h>

enum test_memory_shape {
	MEMORY_CONTIGUOUS, /* one piece, which is handed out page by page */
	MEMORY_WHOLE,      /* … or as one */
	MEMORY_SCATTERED,  /* no page next to its neighbour */
	MEMORY_BLOCKS,     /* blocks of 2 MiB */
	MEMORY_TAIL,       /* scattered up to page 504, contiguous behind it */
};

struct test_memory {
	struct iommu_backing_ops ops;
	enum test_memory_shape shape;
	uint64_t address, pages; /* where its owner sees it */
	iommu_paddr_t base;
	unsigned char *pinned;
	uint64_t pins;         /* pages */
	uint64_t pin_calls;    /* of the callback */
	unsigned int per_call; /* not 0: the most pages of one call */
	uint64_t fail_after;   /* not 0: so many calls on, pin fails */
	int failure;
	bool lies;    /* what it answers makes no sense */
	bool is_gone; /* its owner has taken it back: pin says IOMMU_ENODEV */
	bool is_mmio;
	bool has_copy;
	unsigned char *bytes; /* NULL: none */
};

void test_memory_init(struct test_memory *memory, enum test_memory_shape shape, uint64_t address,
		      uint64_t pages, iommu_paddr_t base);
/* Fails the test when something is pinned. */
void test_memory_destroy(struct test_memory *memory);
struct iommu_backing test_memory_at(struct test_memory *memory, uint64_t offset);
iommu_paddr_t test_memory_paddr(const struct test_memory *memory, uint64_t offset);

#endif
