/* SPDX-License-Identifier: BSD-2-Clause */
/* boot.S: the address space that it builds, and what it calls in it. */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <stdint.h>

/* Physical address of what the boot loader tells (PVH). Must not return. */
void kernel_main(uint64_t start_info);

/* kernel.ld: the first byte behind the kernel, as linked, and how far that is from physical. */
extern char kernel_end[];
#define KERNEL_BASE       0xffffffff80000000ULL

#define DIRECT_MAP_OFFSET 0xffff800000000000ULL
/* The size of the physical memory in the direct map. */
#define DIRECT_MAP_SIZE (1ULL << 32)

static inline void *physical(uint64_t address)
{
	return (void *)(address + DIRECT_MAP_OFFSET);
}

#endif
