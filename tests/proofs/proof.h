/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a proof is written with. A proof is a program whose main() holds for all values of what
 * any_… returns, within the bounds that it says, and in which no pointer, bound, shift or signed
 * sum goes wrong. CBMC searches all of them.
 *
 * END() is the last statement. In the control of vacuity (-DVACUITY) it is a claim that is false:
 * were it proved, the assumptions would contradict each other, and everything before would have
 * been proved of nothing.
 *
 * NAME.controls says with which options ("cbmc:", and "deep:" where there is time; several lines
 * are parts of the proof); each "control:" names a source and how to break it (sed): of the broken
 * source one of the parts must fail. scripts/prove runs all of that.
 */
#ifndef PROOF_H
#define PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without a body, and by their names any value. */
uint16_t nondet_16(void);
uint32_t nondet_32(void);
uint64_t nondet_64(void);
_Bool nondet_bool(void);

#define any_16            nondet_16
#define any_32            nondet_32
#define any_64            nondet_64
#define any_bool          nondet_bool

#define ASSUME(condition) __CPROVER_assume(condition)
#define CLAIM(condition)  __CPROVER_assert(condition, #condition)
#ifdef VACUITY
#define END() __CPROVER_assert(0, "the end is reached")
#else
#define END() ((void)0)
#endif

static inline unsigned int any_below(unsigned int bound)
{
	const unsigned int value = any_32();

	ASSUME(value < bound);
	return value;
}

#endif
