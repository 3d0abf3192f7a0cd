/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's memory, by the start info. */
#include "machine.h"
#include "pages.h"

struct memory_entry {
	uint64_t address;
	uint64_t size;
	uint32_t type; /* 1: RAM */
	uint32_t reserved;
};

bool memory_start(uint64_t start_info)
{
	const uint64_t kernel = (uint64_t)kernel_end - KERNEL_BASE;
	uint64_t first = 0;
	uint64_t last = 0;
	uint32_t entries, i;
	const struct memory_entry *map = physical(start_info_memory_map(start_info, &entries));

	for (i = 0; i < entries; i++) {
		uint64_t start = map[i].address > kernel ? map[i].address : kernel;
		uint64_t stop = map[i].address + map[i].size;

		if (stop > DIRECT_MAP_SIZE)
			stop = DIRECT_MAP_SIZE;
		if (map[i].type == 1 && stop > start && stop - start > last - first) {
			first = start;
			last = stop;
		}
	}
	pages_start((uintptr_t)physical(first), (uintptr_t)physical(last));
	return last != 0;
}
