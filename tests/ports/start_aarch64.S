/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's "virt": EL1, the MMU off. An Image header, so that the loader puts us at 0x40080000, and enters here. */
	.section .text.start, "ax"
	.global _start
_start:
	b	1f
	.long	0
	.quad	0x80000			/* from the beginning of memory */
	.quad	0x1000000		/* with what is not in the file */
	.quad	0
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0
1:	adrp	x0, stack_top
	add	x0, x0, :lo12:stack_top
	mov	sp, x0
	/* The compiler may use vector registers to copy. */
	mov	x0, #(3 << 20)
	msr	cpacr_el1, x0
	isb
	bl	main
	/* The end: PSCI's SYSTEM_OFF. */
	ldr	w0, =0x84000008
	hvc	#0
2:	wfe
	b	2b

	.bss
	.balign	16
	.skip	0x8000
stack_top:
