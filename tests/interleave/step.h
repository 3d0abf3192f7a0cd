/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every atomic access is a step before which another thread may come. The compiler includes this
 * header before each source (-include), so that the sources of the library are explored as they
 * are: to the preprocessor the builtins are names. What is to be stored is computed before the
 * step, as a processor would. The threads are coroutines of one thread of the system: between two
 * steps nothing comes, and fences do nothing. What a weakly ordered processor does is not seen
 * here: tests/litmus.
 */
#ifndef INTERLEAVE_STEP_H
#define INTERLEAVE_STEP_H

enum step_kind {
	STEP_LOAD = 1,
	STEP_STORE = 2,
	STEP_CHANGE = STEP_LOAD | STEP_STORE,
};

/* Before the access. */
void step(const volatile void *place, enum step_kind kind, const char *file, int line);
/* Before a plain access, where these are explored, too: see plain.c. */
void step_plain(const volatile void *place, enum step_kind kind, const void *code);
/* After one that stores: does the place have another value now? */
void step_done(const volatile void *place, int has_changed);

#define STEP(place, kind)        step(place, kind, __FILE__, __LINE__)
#define __atomic_thread_fence(o) ((void)0)
#define __atomic_signal_fence(o) __asm__ volatile("" : : : "memory")

#define __atomic_load_n(place, order)                                                              \
	__extension__({                                                                            \
		const volatile __typeof__(*(place)) *step_load = (place);                          \
		STEP(step_load, STEP_LOAD);                                                        \
		*step_load;                                                                        \
	})
/* What was there before, `step_was`; behind it there is `after`. */
#define STEP_MODIFY(place, operand, after, kind)                                                   \
	__extension__({                                                                            \
		const __typeof__(*(place)) step_operand = (__typeof__(*(place)))(operand);         \
		volatile __typeof__(*(place)) *step_place = (place);                               \
		__typeof__(*(place)) step_was;                                                     \
		STEP(step_place, kind);                                                            \
		step_was = *step_place;                                                            \
		*step_place = (__typeof__(*(place)))(after);                                       \
		step_done(step_place, step_was != *step_place);                                    \
		step_was;                                                                          \
	})
#define __atomic_store_n(place, value, order)                                                      \
	((void)STEP_MODIFY(place, value, step_operand, STEP_STORE))
#define __atomic_exchange_n(place, value, order)                                                   \
	STEP_MODIFY(place, value, step_operand, STEP_CHANGE)
#define __atomic_fetch_add(place, value, order)                                                    \
	STEP_MODIFY(place, value, step_was + step_operand, STEP_CHANGE)
#define __atomic_fetch_sub(place, value, order)                                                    \
	STEP_MODIFY(place, value, step_was - step_operand, STEP_CHANGE)
#define __atomic_add_fetch(place, value, order)                                                    \
	((__typeof__(*(place)))(__atomic_fetch_add(place, value, order) + (value)))
#define __atomic_sub_fetch(place, value, order)                                                    \
	((__typeof__(*(place)))(__atomic_fetch_sub(place, value, order) - (value)))
#define __atomic_compare_exchange_n(place, expected, desired, weak, success, failure)              \
	__extension__({                                                                            \
		__typeof__(expected) step_expected = (expected);                                   \
		const __typeof__(*(place)) step_desired = (desired);                               \
		volatile __typeof__(*(place)) *step_place = (place);                               \
		__typeof__(*(place)) step_seen;                                                    \
		_Bool step_swaps;                                                                  \
		STEP(step_place, STEP_CHANGE);                                                     \
		step_seen = *step_place;                                                           \
		step_swaps = step_seen == *step_expected;                                          \
		if (step_swaps)                                                                    \
			*step_place = step_desired;                                                \
		else                                                                               \
			*step_expected = step_seen;                                                \
		step_done(step_place, step_swaps &&step_seen != step_desired);                     \
		step_swaps;                                                                        \
	})

#endif
