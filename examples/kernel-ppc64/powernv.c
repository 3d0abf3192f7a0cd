/* SPDX-License-Identifier: BSD-2-Clause */
/* Bare POWER machines: console, PCI and power-off by calls of OPAL, the firmware. */
#include "machine.h"

#define OPAL_CONSOLE_WRITE     1
#define OPAL_POWER_DOWN        5
#define OPAL_POLL_EVENTS       10
#define OPAL_CONFIG_READ_WORD  15
#define OPAL_CONFIG_WRITE_WORD 18

static int64_t opal(struct machine *machine, uint64_t token, uint64_t first, uint64_t second,
		    uint64_t third, uint64_t fourth)
{
	const uint64_t arguments[7] = {first, second, third, fourth};

	return iommu_ppc64_opal_call(&machine->port, token, arguments);
}

static uint64_t big64(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap64(value);
#else
	return value;
#endif
}

static uint32_t big32(uint32_t value)
{
	return (uint32_t)(big64(value) >> (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 32 : 0));
}

static void console(struct machine *machine, const char *text, size_t size)
{
	while (size != 0) {
		uint64_t written = big64(size);

		if (opal(machine, OPAL_CONSOLE_WRITE, 0, (uintptr_t)&written, (uintptr_t)text, 0) !=
		    0)
			written = 0;
		text += big64(written);
		size -= big64(written);
		(void)opal(machine, OPAL_POLL_EVENTS, 0, 0, 0, 0);
	}
}

static uint32_t config_read(struct machine *machine, const struct bridge *bridge,
			    uint16_t source_id, unsigned int offset)
{
	uint32_t value = UINT32_MAX;

	if (opal(machine, OPAL_CONFIG_READ_WORD, bridge->id, source_id, offset,
		 (uintptr_t)&value) != 0)
		return UINT32_MAX;
	return big32(value);
}

static void config_write(struct machine *machine, const struct bridge *bridge, uint16_t source_id,
			 unsigned int offset, uint32_t value)
{
	(void)opal(machine, OPAL_CONFIG_WRITE_WORD, bridge->id, source_id, offset, value);
}

/* The bus is seen big-endian. */
static uint64_t read(struct machine *machine, uint64_t address)
{
	(void)machine;
	return big64(*(const volatile uint64_t *)address);
}

static void write(struct machine *machine, uint64_t address, uint64_t value)
{
	(void)machine;
	__asm__ volatile("sync" ::: "memory");
	*(volatile uint64_t *)address = big64(value);
}

static void power_off(struct machine *machine)
{
	(void)opal(machine, OPAL_POWER_DOWN, 0, 0, 0, 0);
	for (;;)
		(void)opal(machine, OPAL_POLL_EVENTS, 0, 0, 0, 0);
}

bool powernv_start(struct machine *machine)
{
	const struct tree *tree = &machine->tree;
	uint32_t node = 0;

	if (!tree_find(tree, "ibm,opal", &node))
		return false;
	machine->port.opal_base = tree_two_cells(tree, node, "opal-base-address", 0);
	machine->port.opal_entry = tree_two_cells(tree, node, "opal-entry-address", 0);
	machine->name = "PowerNV";
	machine->console = console;
	machine->config_read = config_read;
	machine->config_write = config_write;
	machine->read = read;
	machine->write = write;
	machine->power_off = power_off;
	return machine->port.opal_entry != 0;
}
