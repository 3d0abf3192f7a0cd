/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry at EL1 by the boot protocol of arm64 images, with x0 = device tree. One CPU works.
 *
 * Translation maps addresses to themselves, so that memory is cached and shared with devices that
 * are coherent: one table of 1 GiB blocks for 39 bits.
 */
#define LOAD_OFFSET 0x200000 /* of the image in memory */

#define BLOCK_DEVICE (1 << 54 | 1 << 53 | 1 << 10 | 0 << 2 | 1)     /* XN, AF, AttrIndx 0 */
#define BLOCK_MEMORY (1 << 10 | 3 << 8 | 1 << 2 | 1)                /* AF, shareable, AttrIndx 1 */
#define MAIR         0xff04                                         /* device nGnRE, write-back */
#define TCR          (2 << 32 | 1 << 23 | 3 << 12 | 1 << 10 | 1 << 8 | 25) /* 40, EPD1, WB, 39 */
#define SCTLR_ON     (1 << 12 | 1 << 2 | 1 << 0)                    /* I, C, M */

	.section .boot, "ax"
	.globl start
start:	b begin
	.long 0
	.quad LOAD_OFFSET, kernel_end - start, 0, 0, 0, 0
	.ascii "ARM\x64"
	.long 0

begin:	adrp x1, stack_end
	add x1, x1, :lo12:stack_end
	mov sp, x1
	adr x1, vectors
	msr vbar_el1, x1
	ldr x1, =MAIR
	msr mair_el1, x1
	ldr x1, =TCR
	msr tcr_el1, x1
	adrp x1, blocks
	msr ttbr0_el1, x1
	isb
	tlbi vmalle1
	dsb nsh
	mrs x1, sctlr_el1
	ldr x2, =SCTLR_ON
	orr x1, x1, x2
	msr sctlr_el1, x1
	isb
	bl kernel_main
halt:	wfi
	b halt
	.ltorg

	/* Of 16 vectors one is of interrupts, and all others end the kernel. */
	.macro ends
	.balign 128
	mrs x0, esr_el1
	mrs x1, elr_el1
	mrs x2, far_el1
	bl exception_taken
	.endm

	.balign 2048
vectors:
	.rept 5
	ends
	.endr
	.balign 128
	b interrupted
	.rept 10
	ends
	.endr

	/* What a call may change; floating point is not in use. */
interrupted:
	sub sp, sp, #160
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
	str x\n, [sp, #8 * \n]
	.endr
	stp x18, x30, [sp, #144]
	bl interrupt_taken
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
	ldr x\n, [sp, #8 * \n]
	.endr
	ldp x18, x30, [sp, #144]
	add sp, sp, #160
	eret

	.section .rodata
	.balign 4096
blocks:	.quad BLOCK_DEVICE
	.quad 0x40000000 | BLOCK_MEMORY
	.fill 254, 8, 0
	.quad 0x4000000000 | BLOCK_DEVICE /* the configuration space of PCI */
	.fill 255, 8, 0

	.section .bss
	.balign 4096
	.skip 0x10000
stack_end:
	.section .note.GNU-stack, "", @progbits
