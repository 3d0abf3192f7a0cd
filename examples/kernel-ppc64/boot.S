/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry in real mode: from OPAL with r3 = device tree, from Open Firmware with r5 = its entry, in 32-bit
 * mode perhaps. Both enter big-endian; a little-endian kernel copes with either order. OPAL's base and entry
 * in r8 and r9 are in the device tree, too.
 */
#define MSR_LE 0x0001
#define MSR_EE 0x8000

	.section .boot, "ax"
	.globl start
start:
#ifdef __LITTLE_ENDIAN__
	/*
	 * Words that read as something else in the other order: a trap that never traps is, byte by
	 * byte, a branch over the next.
	 */
	.byte 0x08, 0x00, 0x00, 0x48 /* big: tdi 0,0,0x48; little: b .+8 */
	.byte 0x48, 0x00, 0x00, 0x08 /* big: b to_little */
	b native
to_little: /* big-endian: set MSR.LE and go to native */
	.byte 0x7d, 0x60, 0x00, 0xa6 /* mfmsr 11 */
	.byte 0x69, 0x6b, 0x00, 0x01 /* xori 11, 11, MSR_LE */
	.byte 0x7d, 0x7b, 0x03, 0xa6 /* mtsrr1 11 */
	.byte 0x42, 0x9f, 0x00, 0x05 /* bcl 20, 31, .+4 */
	.byte 0x7d, 0x48, 0x02, 0xa6 /* mflr 10 */
	.byte 0x39, 0x4a, 0x00, 0x10 /* addi 10, 10, native - (. - 4) */
	.byte 0x7d, 0x5a, 0x03, 0xa6 /* mtsrr0 10 */
	.byte 0x4c, 0x00, 0x00, 0x24 /* rfid */
#endif
native:
	/* 64-bit mode. */
	mfmsr 11
	li 12, 1
	rldicr 12, 12, 63, 0
	or 11, 11, 12
	mtmsrd 11
	isync
	bcl 20, 31, 1f
1:	mflr 12
	addis 2, 12, (.TOC. - 1b)@ha
	addi 2, 2, (.TOC. - 1b)@l
	addis 1, 2, stack_end@toc@ha
	addi 1, 1, stack_end@toc@l
	li 0, 0
	stdu 0, -64(1)
	mr 4, 5
	bl kernel_main
	nop
halt:	b halt

	/*
	 * void firmware_call(uint64_t entry, void *arguments) - Open Firmware's client interface: r3 =
	 * arguments, big-endian, 32-bit mode. 32-bit code keeps the lower halves of registers only.
	 */
#define FRAME   256
#define SAVED(n) (32 + ((n) - 13) * 8)
	.text
	.globl firmware_call
	.type firmware_call, @function
firmware_call:
	mflr 0
	std 0, 16(1)
	stdu 1, -FRAME(1)
	std 2, 24(1)
	mfcr 0
	std 0, 16(1)
	.irp n, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	std \n, SAVED(\n)(1)
	.endr
	mfmsr 10
	li 11, 0
	mtmsrd 11, 1
	mtsprg 3, 10
	bcl 20, 31, 1f
1:	mflr 11
	addi 12, 11, home - 1b
	addi 11, 11, back - 1b
	mtsprg 2, 12
	mtlr 11
	mtsrr0 3
	li 11, MSR_LE
	ori 11, 11, MSR_EE
	andc 10, 10, 11
	clrldi 10, 10, 1 /* SF */
	mtsrr1 10
	mr 3, 4
	rfid

	/* It comes back big-endian, so these are written byte by byte. */
back:	.byte 0x7d, 0x72, 0x42, 0xa6 /* mfsprg 11, 2 */
	.byte 0x7d, 0x7a, 0x03, 0xa6 /* mtsrr0 11 */
	.byte 0x7d, 0x73, 0x42, 0xa6 /* mfsprg 11, 3 */
	.byte 0x7d, 0x7b, 0x03, 0xa6 /* mtsrr1 11 */
	.byte 0x4c, 0x00, 0x00, 0x24 /* rfid */

home:	.irp n, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ld \n, SAVED(\n)(1)
	.endr
	ld 0, 16(1)
	mtcr 0
	ld 2, 24(1)
	addi 1, 1, FRAME
	ld 0, 16(1)
	mtlr 0
	blr
	.size firmware_call, . - firmware_call

	.section .bss
	.align 12
	.skip 0x10000
stack_end:
	.skip 16
	.section .note.GNU-stack, "", @progbits
