/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processor stops after each instruction between the two, with a SIGTRAP (x86-64: the trap
 * flag). Each leaves alone what a function may keep below its stack pointer.
 */
#ifndef SINGLE_STEP_H
#define SINGLE_STEP_H

static inline void step_on(void)
{
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
			 "leaq 128(%%rsp), %%rsp"
			 :
			 :
			 : "memory", "cc");
}

static inline void step_off(void)
{
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\t"
			 "leaq 128(%%rsp), %%rsp"
			 :
			 :
			 : "memory", "cc");
}

#endif
