/* SPDX-License-Identifier: BSD-2-Clause */
#include "console.h"
#include "port_io.h"

#define SERIAL      0x3f8
#define SERIAL_LINE (SERIAL + 5)
#define DEBUG_EXIT  0xf4

void console_start(void)
{
	out8(SERIAL + 1, 0);    /* no interrupts */
	out8(SERIAL + 3, 0x80); /* divisor */
	out8(SERIAL + 0, 1);
	out8(SERIAL + 1, 0);
	out8(SERIAL + 3, 3); /* 8 bits, no parity */
	out8(SERIAL + 2, 7); /* FIFO on, empty */
}

void console_text(const char *text)
{
	for (; *text != '\0'; text++) {
		while ((in8(SERIAL_LINE) & 0x20) == 0)
			;
		out8(SERIAL, (uint8_t)*text);
	}
}

_Noreturn void machine_exit(bool success)
{
	out32(DEBUG_EXIT, success ? 0x10 : 0x11);
	for (;;)
		__asm__ volatile("cli; hlt");
}
