/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plain accesses as steps, too, for explorations that say "plain": the compiler calls the thread
 * sanitizer before each, and this takes its place. A lock that is not taken is seen by that.
 */
#include "step.h"

#define PLAIN_ACCESS(size)                                                                         \
	void __tsan_read##size(const void *place);                                                 \
	void __tsan_write##size(void *place);                                                      \
	void __tsan_unaligned_read##size(const void *place);                                       \
	void __tsan_unaligned_write##size(void *place);                                            \
	void __tsan_volatile_read##size(const void *place);                                        \
	void __tsan_volatile_write##size(void *place);                                             \
	void __tsan_read##size(const void *place)                                                  \
	{                                                                                          \
		step_plain(place, STEP_LOAD, __builtin_return_address(0));                         \
	}                                                                                          \
	void __tsan_write##size(void *place)                                                       \
	{                                                                                          \
		step_plain(place, STEP_STORE, __builtin_return_address(0));                        \
	}                                                                                          \
	void __tsan_unaligned_read##size(const void *place)                                        \
	{                                                                                          \
		step_plain(place, STEP_LOAD, __builtin_return_address(0));                         \
	}                                                                                          \
	void __tsan_unaligned_write##size(void *place)                                             \
	{                                                                                          \
		step_plain(place, STEP_STORE, __builtin_return_address(0));                        \
	}                                                                                          \
	/* Those of step.h. */                                                                     \
	void __tsan_volatile_read##size(const void *place)                                         \
	{                                                                                          \
		(void)place;                                                                       \
	}                                                                                          \
	void __tsan_volatile_write##size(void *place)                                              \
	{                                                                                          \
		(void)place;                                                                       \
	}

PLAIN_ACCESS(1)
PLAIN_ACCESS(2)
PLAIN_ACCESS(4)
PLAIN_ACCESS(8)
PLAIN_ACCESS(16)

void __tsan_read_range(const void *place, unsigned long size);
void __tsan_write_range(void *place, unsigned long size);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void __tsan_init(void);

/* Of structures: each word of it. */
void __tsan_read_range(const void *place, unsigned long size)
{
	unsigned long i;

	for (i = 0; i < size; i += 8)
		step_plain((const char *)place + i, STEP_LOAD, __builtin_return_address(0));
}

void __tsan_write_range(void *place, unsigned long size)
{
	unsigned long i;

	for (i = 0; i < size; i += 8)
		step_plain((char *)place + i, STEP_STORE, __builtin_return_address(0));
}

void __tsan_func_entry(void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void)
{
}

void __tsan_init(void)
{
}
