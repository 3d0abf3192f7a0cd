/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which functions of the library a test enters: each is noted once, in the file that IOMMU_ENTERED
 * names. The file is shared memory, so that a test that is killed leaves it whole, too.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS 16384 /* several times as many as the library has functions */

void __cyg_profile_func_enter(void *function, void *site);
void __cyg_profile_func_exit(void *function, void *site);

static uintptr_t *slots;

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("IOMMU_ENTERED");
	const int file = name != NULL ? open(name, O_RDWR | O_CREAT, 0600) : -1;
	void *memory;

	if (file < 0 || ftruncate(file, SLOTS * sizeof(*slots)) != 0)
		abort();
	memory = mmap(NULL, SLOTS * sizeof(*slots), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (memory == MAP_FAILED)
		abort();
	slots = memory;
	(void)close(file);
}

void __cyg_profile_func_enter(void *function, void *site)
{
	const uintptr_t address = (uintptr_t)function;

	(void)site;
	for (uintptr_t at = address / 4;; at++) {
		uintptr_t *slot = &slots[at % SLOTS];
		uintptr_t seen = __atomic_load_n(slot, __ATOMIC_RELAXED);

		if (seen == address)
			return;
		if (seen == 0 && __atomic_compare_exchange_n(slot, &seen, address, 0,
							     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return;
		if (seen == address)
			return;
	}
}

void __cyg_profile_func_exit(void *function, void *site)
{
	(void)function;
	(void)site;
}
