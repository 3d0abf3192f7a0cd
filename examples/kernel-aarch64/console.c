/* SPDX-License-Identifier: BSD-2-Clause */
/* A PL011 for text, and a semihosting call that ends QEMU. */
#include "machine.h"

#define UART_DATA        0x00
#define UART_FLAGS       0x18
#define UART_FULL        0x20

#define EXIT_EXTENDED    0x20
#define APPLICATION_EXIT 0x20026

static uint64_t uart;

bool console_start(const struct iommu_fdt *tree)
{
	struct iommu_fdt_node node;

	if (!tree_find(tree, "arm,pl011", &node))
		return false;
	uart = tree_address(tree, &node);
	return uart != 0;
}

void console_text(const char *text)
{
	for (; *text != '\0'; text++) {
		while ((read32(uart + UART_FLAGS) & UART_FULL) != 0)
			;
		write32(uart + UART_DATA, (uint8_t)*text);
	}
}

void console_hex(uint64_t number)
{
	int shift;

	for (shift = 60; shift >= 0; shift -= 4) {
		const char digit[] = {"0123456789abcdef"[number >> shift & 15], '\0'};

		console_text(digit);
	}
}

_Noreturn void machine_exit(bool success)
{
	const uint64_t block[2] = {APPLICATION_EXIT, success ? 0 : 1};
	register uint64_t call __asm__("x0") = EXIT_EXTENDED;
	register const uint64_t *argument __asm__("x1") = block;

	__asm__ volatile("hlt #0xf000" : "+r"(call) : "r"(argument) : "memory");
	for (;;)
		;
}
