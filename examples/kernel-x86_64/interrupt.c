/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts: a table of vectors that only count, the local APIC, and the I/O APIC. */
#include "machine.h"

#define VECTORS       256
#define STUB_SIZE     16 /* interrupt_stubs.S */

#define APIC_BASE     0xfee00000ULL
#define APIC_END      0x0b0
#define APIC_SPURIOUS 0x0f0
#define APIC_ENABLE   0x100

/* In x2APIC mode each register of 16 bytes is one of the processor's. */
#define APIC_MSR_BASE    0x01b
#define APIC_MSR_X2APIC  (1U << 10)
#define APIC_MSR(offset) (0x800 + (offset) / 16)

#define IOAPIC_BASE      0xfec00000ULL
#define IOAPIC_SELECT    0x00
#define IOAPIC_WINDOW    0x10
#define IOAPIC_ID        0x00
#define IOAPIC_ENTRIES   0x10
/* The pins that PCI interrupt lines lead to. */
#define IOAPIC_FIRST_PIN 16
#define IOAPIC_LAST_PIN  23

#define PIC_MASTER_DATA  0x21
#define PIC_SLAVE_DATA   0xa1

#define GATE_PRESENT     0x8e00
#define CODE_SEGMENT     8

struct gate {
	uint16_t low, segment, flags, middle;
	uint32_t high, reserved;
};

extern const unsigned char interrupt_stubs[];
void interrupt_arrived(uint64_t vector);

static struct gate gates[VECTORS];
static volatile unsigned int seen[VECTORS];
static bool is_x2apic;

static void apic_write(uint32_t offset, uint32_t value)
{
	if (is_x2apic)
		msr_write(APIC_MSR(offset), value);
	else
		*(volatile uint32_t *)physical(APIC_BASE + offset) = value;
}

static volatile uint32_t *ioapic(uint32_t offset)
{
	return (volatile uint32_t *)physical(IOAPIC_BASE + offset);
}

/* Called by the stubs. Exceptions, too, come here, and end the kernel. */
void interrupt_arrived(uint64_t vector)
{
	if (vector < 32) {
		console_text("cannot go on: an exception\n");
		machine_exit(false);
	}
	seen[vector]++;
	apic_write(APIC_END, 0);
}

unsigned int interrupt_seen(unsigned int vector)
{
	return seen[vector];
}

void ioapic_set(uint64_t entry)
{
	uint32_t pin;

	for (pin = IOAPIC_FIRST_PIN; pin <= IOAPIC_LAST_PIN; pin++) {
		*ioapic(IOAPIC_SELECT) = IOAPIC_ENTRIES + 2 * pin + 1;
		*ioapic(IOAPIC_WINDOW) = (uint32_t)(entry >> 32);
		*ioapic(IOAPIC_SELECT) = IOAPIC_ENTRIES + 2 * pin;
		*ioapic(IOAPIC_WINDOW) = (uint32_t)entry;
	}
}

unsigned int ioapic_id(void)
{
	*ioapic(IOAPIC_SELECT) = IOAPIC_ID;
	return *ioapic(IOAPIC_WINDOW) >> 24 & 0xf;
}

void interrupt_start(bool x2apic)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {sizeof(gates) - 1, (uint64_t)gates};
	unsigned int i;

	for (i = 0; i < VECTORS; i++) {
		const uint64_t stub = (uint64_t)(interrupt_stubs + (size_t)i * STUB_SIZE);

		gates[i] = (struct gate){
			.low = (uint16_t)stub,
			.segment = CODE_SEGMENT,
			.flags = GATE_PRESENT,
			.middle = (uint16_t)(stub >> 16),
			.high = (uint32_t)(stub >> 32),
		};
	}
	out8(PIC_MASTER_DATA, 0xff);
	out8(PIC_SLAVE_DATA, 0xff);
	__asm__ volatile("lidt %0" ::"m"(pointer));
	is_x2apic = x2apic;
	if (x2apic)
		msr_write(APIC_MSR_BASE, msr_read(APIC_MSR_BASE) | APIC_MSR_X2APIC);
	apic_write(APIC_SPURIOUS, APIC_ENABLE | (VECTORS - 1));
	__asm__ volatile("sti");
}
