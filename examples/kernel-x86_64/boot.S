/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry by the PVH protocol: 32-bit protected mode, no paging, EBX = physical address of the start
 * info. Builds the first page tables and goes to 64-bit mode at the kernel's linked address:
 *
 *   0xffff800000000000 + p   the direct map: physical 0 to 4 GiB in 2 MiB pages
 *   0xffffffff80000000 + p   the kernel itself: physical 0 to 1 GiB
 *   0 + p                    the same as the direct map, only until the jump
 */
#define KERNEL_BASE 0xffffffff80000000
#define PHYSICAL(symbol) ((symbol) - KERNEL_BASE)

#define PAGE_PRESENT_WRITE 0x3
#define PAGE_UNCACHED      0x10
#define PAGE_LARGE         0x80

	.section .note.pvh, "a", @note
	.align 4
	.long 4, 8, 18 /* name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad PHYSICAL(start)

	.section .boot, "ax"
	.code32
	.globl start
start:
	cld
	movl $PHYSICAL(stack_end), %esp
	movl %ebx, %ebp

	/* The top level: the low identity map, the direct map, the kernel. */
	movl $PHYSICAL(table_direct) + PAGE_PRESENT_WRITE, %eax
	movl %eax, PHYSICAL(table_top)
	movl %eax, PHYSICAL(table_top) + 256 * 8
	movl $PHYSICAL(table_kernel) + PAGE_PRESENT_WRITE, PHYSICAL(table_top) + 511 * 8
	movl $PHYSICAL(table_pages) + PAGE_PRESENT_WRITE, PHYSICAL(table_kernel) + 510 * 8

	/* Four tables of 2 MiB pages, one behind the other. */
	movl $PHYSICAL(table_direct), %edi
	movl $PHYSICAL(table_pages) + PAGE_PRESENT_WRITE, %eax
	movl $4, %ecx
1:	movl %eax, (%edi)
	addl $0x1000, %eax
	addl $8, %edi
	loop 1b
	movl $PHYSICAL(table_pages), %edi
	movl $PAGE_PRESENT_WRITE + PAGE_LARGE, %eax
	movl $2048, %ecx
2:	movl %eax, (%edi)
	/* From 3 GiB on there are registers, not memory. */
	cmpl $0xc0000000, %eax
	jb 3f
	orl $PAGE_UNCACHED, (%edi)
3:	addl $0x200000, %eax
	addl $8, %edi
	loop 2b

	/* Paging with 64-bit entries, long mode, on. */
	movl %cr4, %eax
	orl $0x20, %eax
	movl %eax, %cr4
	movl $PHYSICAL(table_top), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x100, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80000000, %eax
	movl %eax, %cr0
	lgdt PHYSICAL(gdt_pointer)
	ljmp $8, $PHYSICAL(long_mode)

	.code64
long_mode:
	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	xorl %eax, %eax
	movw %ax, %fs
	movw %ax, %gs
	movabsq $high, %rax
	jmp *%rax

	.text
high:
	movq $stack_end, %rsp
	movl %ebp, %edi
	xorl %ebp, %ebp
	call kernel_main
halt:
	cli
	hlt
	jmp halt

	.section .rodata
	.align 8
gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 64-bit code */
	.quad 0x00cf93000000ffff /* data */
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.long PHYSICAL(gdt)

	.bss
	.align 4096
table_top:
	.skip 4096
table_direct:
	.skip 4096
table_kernel:
	.skip 4096
table_pages:
	.skip 4 * 4096
	.align 16
stack:
	.skip 32768
stack_end:

	.section .note.GNU-stack, "", @progbits
