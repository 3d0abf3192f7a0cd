/* SPDX-License-Identifier: BSD-2-Clause */
	.text
	.code64

	/*
	 * One stub for each vector, 16 bytes apart: push its number and go on in common. Exceptions
	 * that push an error code need not return, and do not.
	 */
	.align 16
	.globl interrupt_stubs
interrupt_stubs:
	.set vector, 0
	.rept 256
	.align 16
	pushq $vector
	jmp interrupt_common
	.set vector, vector + 1
	.endr

interrupt_common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	movq 9 * 8(%rsp), %rdi
	cld
	call interrupt_arrived
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rdx
	popq %rcx
	popq %rax
	addq $8, %rsp
	iretq

	.section .note.GNU-stack, "", @progbits
