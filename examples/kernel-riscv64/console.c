/* SPDX-License-Identifier: BSD-2-Clause */
/* A 16550 for text, and the register of QEMU's machine that ends it. */
#include "machine.h"

#define UART_DATA       0
#define UART_STATUS     5
#define UART_EMPTY      0x20

#define EXIT_SUCCESS    0x5555
#define EXIT_FAILURE    0x3333
#define EXIT_CODE(code) ((uint32_t)(code) << 16)

static volatile uint8_t *uart;
static uint64_t exit_register;

bool console_start(const struct iommu_fdt *tree)
{
	struct iommu_fdt_node node;

	if (!tree_find(tree, "ns16550a", &node))
		return false;
	uart = (volatile uint8_t *)tree_address(tree, &node);
	if (!tree_find(tree, "sifive,test1", &node))
		return false;
	exit_register = tree_address(tree, &node);
	return uart != NULL && exit_register != 0;
}

void console_text(const char *text)
{
	for (; *text != '\0'; text++) {
		while ((uart[UART_STATUS] & UART_EMPTY) == 0)
			;
		uart[UART_DATA] = (uint8_t)*text;
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
	write32(exit_register, success ? EXIT_SUCCESS : EXIT_FAILURE | EXIT_CODE(1));
	for (;;)
		;
}
