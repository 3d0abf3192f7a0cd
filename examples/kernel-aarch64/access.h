/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of devices: ordered with memory, and with each other. */
#ifndef KERNEL_ACCESS_H
#define KERNEL_ACCESS_H

#include <stdint.h>

static inline uint8_t read8(uint64_t address)
{
	uint32_t value;

	__asm__ volatile("ldrb %w0, [%1]; dmb oshld" : "=r"(value) : "r"(address) : "memory");
	return (uint8_t)value;
}

static inline void write16(uint64_t address, uint16_t value)
{
	__asm__ volatile("dmb oshst; strh %w0, [%1]" ::"r"((uint32_t)value), "r"(address)
			 : "memory");
}

static inline uint32_t read32(uint64_t address)
{
	uint32_t value;

	__asm__ volatile("ldr %w0, [%1]; dmb oshld" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static inline void write32(uint64_t address, uint32_t value)
{
	__asm__ volatile("dmb oshst; str %w0, [%1]" ::"r"(value), "r"(address) : "memory");
}

static inline uint64_t read64(uint64_t address)
{
	uint64_t value;

	__asm__ volatile("ldr %0, [%1]; dmb oshld" : "=r"(value) : "r"(address) : "memory");
	return value;
}

static inline void write64(uint64_t address, uint64_t value)
{
	__asm__ volatile("dmb oshst; str %0, [%1]" ::"r"(value), "r"(address) : "memory");
}

#endif
