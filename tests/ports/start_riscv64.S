/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's "virt": supervisor mode, after OpenSBI, translation off. */
	.section .text.start, "ax"
	.global _start
_start:
	la	sp, stack_top
	call	main
	/* The end: the test device of the machine. */
	li	a0, 0x100000
	li	a1, 0x5555
	sw	a1, 0(a0)
1:	wfi
	j	1b

	.bss
	.balign	16
	.skip	0x8000
stack_top:
