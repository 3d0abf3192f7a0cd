/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial line, and the way out. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdbool.h>

void console_start(void);
void console_text(const char *text);
/* Ends QEMU: exit status 33 for success, 35 for failure. */
_Noreturn void machine_exit(bool success);

#endif
