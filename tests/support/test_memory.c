/* SPDX-License-Identifier: BSD-2-Clause */
#include "test_memory.h"

#include <string.h>

#include <libiommu/status.h>

#include "test.h"

static uint64_t frame_of(const struct test_memory *memory, uint64_t page)
{
	switch (memory->shape) {
	case MEMORY_SCATTERED:
		return page ^ 1;
	case MEMORY_BLOCKS:
		return page ^ 512;
	case MEMORY_HEAD:
		return page < 512 ? page : page ^ 1;
	case MEMORY_TAIL:
		return page < 505 ? 504 - page : page;
	case MEMORY_CONTIGUOUS:
	case MEMORY_WHOLE:
	default:
		return page;
	}
}

iommu_paddr_t test_memory_paddr(const struct test_memory *memory, uint64_t offset)
{
	return memory->base + (frame_of(memory, offset >> 12) << 12) + (offset & 4095);
}

/* A page that is pinned; beside it what for. */
#define PINNED 0x80U

static int pin(void *ctx, uint64_t address, uint64_t size, unsigned int prot,
	       struct iommu_map_piece *pieces, unsigned int room, unsigned int *count)
{
	struct test_memory *memory = ctx;
	const uint64_t first = (address - memory->address) >> 12;
	uint64_t pages = size >> 12;

	assert_true(address >= memory->address && first + pages <= memory->pages);
	assert_true(room != 0 && size != 0 && (size & 4095) == 0 && prot != 0);
	memory->pin_calls++;
	if (memory->is_gone)
		return IOMMU_ENODEV;
	/* What a call that fails has written says nothing. */
	if (memory->fail_after != 0 && --memory->fail_after == 0) {
		pieces[0] = (struct iommu_map_piece){test_memory_paddr(memory, first << 12), 4096};
		*count = 1;
		return memory->failure;
	}
	if (memory->lies) {
		pieces[0] = (struct iommu_map_piece){0x1000, size + 4096};
		*count = 1;
		return 0;
	}
	if (memory->per_call != 0 && pages > memory->per_call)
		pages = memory->per_call;
	*count = 0;
	if (memory->shape == MEMORY_WHOLE) {
		pieces[0] = (struct iommu_map_piece){test_memory_paddr(memory, first << 12),
						     pages << 12};
		*count = 1;
	}
	if (memory->shape != MEMORY_WHOLE && pages > room)
		pages = room;
	for (uint64_t i = first; i < first + pages; i++) {
		assert_int_equal(memory->pinned[i], 0);
		memory->pinned[i] = (unsigned char)(PINNED | prot);
		if (memory->shape != MEMORY_WHOLE)
			pieces[(*count)++] =
				(struct iommu_map_piece){test_memory_paddr(memory, i << 12), 4096};
	}
	memory->pins += pages;
	return 0;
}

static void unpin(void *ctx, uint64_t address, const struct iommu_map_piece *pieces,
		  unsigned int count, unsigned int prot)
{
	struct test_memory *memory = ctx;
	uint64_t page = (address - memory->address) >> 12;

	assert_true(prot != 0);
	for (unsigned int i = 0; i < count; i++)
		for (uint64_t at = 0; at < pieces[i].size; at += 4096, page++) {
			assert_true(page < memory->pages);
			assert_int_equal(memory->pinned[page], (unsigned char)(PINNED | prot));
			assert_int_equal(pieces[i].paddr + at,
					 test_memory_paddr(memory, page << 12));
			memory->pinned[page] = 0;
			memory->pins--;
		}
}

static int copy(void *ctx, uint64_t address, void *bytes, size_t size, bool write)
{
	struct test_memory *memory = ctx;
	unsigned char *at = memory->bytes + (size_t)(address - memory->address);

	assert_true(address - memory->address + size <= memory->pages << 12);
	memcpy(write ? at : bytes, write ? bytes : at, size);
	return 0;
}

static bool is_same(void *ctx, void *other, uint64_t address, uint64_t size)
{
	const struct test_memory *one = ctx, *two = other;

	(void)size;
	return one->address == two->address && one->base == two->base && one->shape == two->shape &&
	       address >= two->address;
}

void test_memory_init(struct test_memory *memory, enum test_memory_shape shape, uint64_t address,
		      uint64_t pages, iommu_paddr_t base)
{
	*memory = (struct test_memory){
		.ops = {.pin = pin, .unpin = unpin, .is_same = is_same},
		.shape = shape,
		.address = address,
		.pages = pages,
		.base = base,
		.pinned = calloc((size_t)pages, 1),
		.failure = IOMMU_EFAULT,
	};
	assert_non_null(memory->pinned);
}

void test_memory_destroy(struct test_memory *memory)
{
	assert_int_equal(memory->pins, 0);
	free(memory->pinned);
	free(memory->bytes);
	memory->pinned = memory->bytes = NULL;
}

struct iommu_backing test_memory_at(struct test_memory *memory, uint64_t offset)
{
	memory->ops.copy = memory->has_copy ? copy : NULL;
	memory->ops.flags = memory->is_mmio ? IOMMU_BACKING_MMIO : 0;
	return (struct iommu_backing){&memory->ops, memory, memory->address + offset};
}
