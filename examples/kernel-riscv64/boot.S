/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry in M mode, with a1 = device tree. One hart works, and the others wait for ever. */
#define MSTATUS_MIE 8
#define MIE_MEIE    (1 << 11)

	.section .boot, "ax"
	.globl start
start:
	csrr t0, mhartid
	bnez t0, halt
	la sp, stack_end
	la t0, trap
	csrw mtvec, t0
	mv a0, a1
	call kernel_main
halt:	wfi
	j halt

	/* Interrupts, and exceptions, which end the kernel. Floating point is not in use. */
	.balign 4
trap:
	addi sp, sp, -128
	.irp n, 0, 1, 2, 3, 4, 5, 6
	sd t\n, 8 * \n(sp)
	.endr
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7
	sd a\n, 56 + 8 * \n(sp)
	.endr
	sd ra, 120(sp)
	csrr a0, mcause
	csrr a1, mepc
	csrr a2, mtval
	call trap_taken
	.irp n, 0, 1, 2, 3, 4, 5, 6
	ld t\n, 8 * \n(sp)
	.endr
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7
	ld a\n, 56 + 8 * \n(sp)
	.endr
	ld ra, 120(sp)
	addi sp, sp, 128
	mret

	/* void interrupts_let_in(void) - external ones of this mode, from now on. */
	.text
	.globl interrupts_let_in
	.type interrupts_let_in, @function
interrupts_let_in:
	li t0, MIE_MEIE
	csrs mie, t0
	csrsi mstatus, MSTATUS_MIE
	ret
	.size interrupts_let_in, . - interrupts_let_in

	.section .bss
	.balign 4096
	.skip 0x10000
stack_end:
	.section .note.GNU-stack, "", @progbits
