/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * int64_t iommu_ppc64_opal_call(struct iommu_ppc64 *port, token, const uint64_t arguments[7])
 *
 * OPAL: r0 = token, r2 = base, r3 to r9 = arguments; big-endian, real mode, interrupts masked; returns
 * r3 and keeps r1 and r14 to r31. The byte order is switched by rfid there and back.
 */
#define MSR_LE 0x0001
#define MSR_DR 0x0010
#define MSR_IR 0x0020
#define MSR_EE 0x8000

#define FRAME  128

	.text
	.globl iommu_ppc64_opal_call
	.type iommu_ppc64_opal_call, @function
iommu_ppc64_opal_call:
	mflr 0
	std 0, 16(1)
	mfcr 0
	stw 0, 8(1)
	std 2, 24(1)
	std 30, -16(1)
	std 31, -8(1)
	stdu 1, -FRAME(1)

	mfmsr 31
	/* No interrupt from here on: one would lose SRR0 and SRR1. */
	li 11, 0
	mtmsrd 11, 1

	bcl 20, 31, 1f
1:	mflr 11
	addi 30, 11, home - 1b
	addi 11, 11, back - 1b
	mtlr 11
	ld 12, 16(3)
	mtsrr0 12
	li 11, MSR_LE | MSR_DR | MSR_IR
	ori 11, 11, MSR_EE
	andc 11, 31, 11
	mtsrr1 11
	ld 2, 8(3)
	mr 0, 4
	mr 12, 5
	ld 3, 0(12)
	ld 4, 8(12)
	ld 5, 16(12)
	ld 6, 24(12)
	ld 7, 32(12)
	ld 8, 40(12)
	ld 9, 48(12)
	rfid

	/* Firmware comes back big-endian, so these are written byte by byte. */
back:	.byte 0x7f, 0xfb, 0x03, 0xa6 /* mtsrr1 31 */
	.byte 0x7f, 0xda, 0x03, 0xa6 /* mtsrr0 30 */
	.byte 0x4c, 0x00, 0x00, 0x24 /* rfid */

home:	addi 1, 1, FRAME
	ld 31, -8(1)
	ld 30, -16(1)
	ld 2, 24(1)
	lwz 0, 8(1)
	mtcr 0
	ld 0, 16(1)
	mtlr 0
	blr
	.size iommu_ppc64_opal_call, . - iommu_ppc64_opal_call
	.section .note.GNU-stack, "", @progbits
