/* SPDX-License-Identifier: BSD-2-Clause */
/* The time-stamp counter against channel 2 of the interval timer, for 10 ms. */
#include "clock.h"
#include "port_io.h"

#define PIT_HZ      1193182U
#define PIT_CHANNEL 0x42
#define PIT_COMMAND 0x43
#define PIT_GATE    0x61

static uint64_t read_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

uint64_t clock_measure_tsc(void)
{
	const uint16_t count = PIT_HZ / 100;
	uint64_t start;

	out8(PIT_GATE, (uint8_t)((in8(PIT_GATE) & ~2) | 1)); /* gate on, speaker off */
	out8(PIT_COMMAND, 0xb0);                             /* channel 2, one shot */
	out8(PIT_CHANNEL, (uint8_t)count);
	out8(PIT_CHANNEL, (uint8_t)(count >> 8));
	start = read_tsc();
	while ((in8(PIT_GATE) & 0x20) == 0)
		;
	return (read_tsc() - start) * 100;
}
