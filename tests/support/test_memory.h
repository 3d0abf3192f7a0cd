/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is mapped through address spaces: where each page is, and how often it is pinned. The
 * test fails if a page is pinned twice, or unpinned without a pin or with another address.
 */
#ifndef TEST_MEMORY_H
#define TEST_MEMORY_H

#include <libiommu/ioas.h>

enum test_memory_shape {
	MEMORY_CONTIGUOUS, /* one piece, reported page by page */
	MEMORY_WHOLE,      /* … or as one */
	MEMORY_SCATTERED,  /* no page beside its neighbour */
	MEMORY_BLOCKS,     /* blocks of 2 MiB */
	MEMORY_TAIL,       /* scattered up to page 504, contiguous behind it */
	MEMORY_HEAD,       /* contiguous up to page 512, and scattered from there on */
};

struct test_memory {
	struct iommu_backing_ops ops;
	enum test_memory_shape shape;
	uint64_t address, pages; /* its address for its owner */
	iommu_paddr_t base;
	unsigned char *pinned;
	uint64_t pins;         /* pages */
	uint64_t pin_calls;    /* of the callback */
	unsigned int per_call; /* not 0: the most pages of one call */
	uint64_t fail_after;   /* not 0: after so many calls pin fails */
	int failure;
	bool lies;    /* pin reports nonsense */
	bool is_gone; /* revoked by its owner: pin returns IOMMU_ENODEV */
	bool is_mmio;
	bool has_copy;
	unsigned char *bytes; /* NULL: none */
};

void test_memory_init(struct test_memory *memory, enum test_memory_shape shape, uint64_t address,
		      uint64_t pages, iommu_paddr_t base);
/* Fails the test if any page is pinned. */
void test_memory_destroy(struct test_memory *memory);
struct iommu_backing test_memory_at(struct test_memory *memory, uint64_t offset);
iommu_paddr_t test_memory_paddr(const struct test_memory *memory, uint64_t offset);

#endif
