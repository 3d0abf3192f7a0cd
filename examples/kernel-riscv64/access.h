/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of devices: ordered with memory, and with each other. */
#ifndef KERNEL_ACCESS_H
#define KERNEL_ACCESS_H

#include <stdint.h>

static inline uint32_t read32(uint64_t address)
{
	const uint32_t value = *(const volatile uint32_t *)address;

	__asm__ volatile("fence i, iorw" ::: "memory");
	return value;
}

static inline void write32(uint64_t address, uint32_t value)
{
	__asm__ volatile("fence iorw, o" ::: "memory");
	*(volatile uint32_t *)address = value;
}

static inline uint64_t read64(uint64_t address)
{
	const uint64_t value = *(const volatile uint64_t *)address;

	__asm__ volatile("fence i, iorw" ::: "memory");
	return value;
}

static inline void write64(uint64_t address, uint64_t value)
{
	__asm__ volatile("fence iorw, o" ::: "memory");
	*(volatile uint64_t *)address = value;
}

#endif
