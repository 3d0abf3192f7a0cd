/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include <stdint.h>

/* Ticks of the time-stamp counter in a second, measured against the interval timer. */
uint64_t clock_measure_tsc(void);

#endif
