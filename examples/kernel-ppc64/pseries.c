/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests of a hypervisor: console, PCI and power-off by its calls and its services (RTAS). */
#include "machine.h"

#define H_LOGICAL_CI_LOAD  0x3c
#define H_LOGICAL_CI_STORE 0x40
#define H_PUT_TERM_CHAR    0x58
#define H_RTAS             0xf000

#define H_BUSY             1
#define RTAS_CELLS         24

static uint32_t big32(uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap32(value);
#else
	return value;
#endif
}

int32_t pseries_rtas(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
		     unsigned int output_count, uint32_t *outputs)
{
	static uint32_t cells[RTAS_CELLS];
	unsigned int i;

	cells[0] = big32(token);
	cells[1] = big32(input_count);
	cells[2] = big32(output_count);
	for (i = 0; i < input_count; i++)
		cells[3 + i] = big32(inputs[i]);
	cells[3 + input_count] = UINT32_MAX;
	(void)iommu_ppc64_hypercall(ctx, H_RTAS, (uintptr_t)cells, 0, 0, 0, NULL);
	for (i = 0; i < output_count; i++)
		outputs[i] = big32(cells[3 + input_count + i]);
	return (int32_t)outputs[0];
}

/* Sixteen bytes at a time, the first one in the highest bits. */
static void console(struct machine *machine, const char *text, size_t size)
{
	while (size != 0) {
		const size_t count = size < 16 ? size : 16;
		uint64_t words[2] = {0, 0};
		size_t i;

		for (i = 0; i < count; i++)
			words[i / 8] |= (uint64_t)(unsigned char)text[i] << (56 - i % 8 * 8);
		while (iommu_ppc64_hypercall(&machine->port, H_PUT_TERM_CHAR, 0, count, words[0],
					     words[1], NULL) == H_BUSY)
			;
		text += count;
		size -= count;
	}
}

static uint32_t config_read(struct machine *machine, const struct bridge *bridge,
			    uint16_t source_id, unsigned int offset)
{
	const uint32_t inputs[] = {(uint32_t)source_id << 8 | offset, (uint32_t)(bridge->id >> 32),
				   (uint32_t)bridge->id, 4};
	uint32_t outputs[2];

	return pseries_rtas(machine, machine->read_config_token, 4, inputs, 2, outputs) == 0
		       ? outputs[1]
		       : UINT32_MAX;
}

static void config_write(struct machine *machine, const struct bridge *bridge, uint16_t source_id,
			 unsigned int offset, uint32_t value)
{
	const uint32_t inputs[] = {(uint32_t)source_id << 8 | offset, (uint32_t)(bridge->id >> 32),
				   (uint32_t)bridge->id, 4, value};
	uint32_t outputs[1];

	(void)pseries_rtas(machine, machine->write_config_token, 5, inputs, 1, outputs);
}

static uint64_t read(struct machine *machine, uint64_t address)
{
	uint64_t value = 0;

	(void)iommu_ppc64_hypercall(&machine->port, H_LOGICAL_CI_LOAD, 8, address, 0, 0, &value);
	return value;
}

static void write(struct machine *machine, uint64_t address, uint64_t value)
{
	(void)iommu_ppc64_hypercall(&machine->port, H_LOGICAL_CI_STORE, 8, address, value, 0, NULL);
}

static void power_off(struct machine *machine)
{
	const uint32_t inputs[] = {UINT32_MAX, UINT32_MAX};
	uint32_t outputs[1];

	for (;;)
		(void)pseries_rtas(machine, machine->power_off_token, 2, inputs, 1, outputs);
}

bool pseries_start(struct machine *machine)
{
	const struct tree *tree = &machine->tree;
	uint32_t node = 0;

	if (!tree_find(tree, "rtas", &node))
		return false;
	machine->read_config_token = tree_cell(tree, node, "ibm,read-pci-config", 0, 0);
	machine->write_config_token = tree_cell(tree, node, "ibm,write-pci-config", 0, 0);
	machine->power_off_token = tree_cell(tree, node, "power-off", 0, 0);
	machine->name = "pSeries";
	machine->console = console;
	machine->config_read = config_read;
	machine->config_write = config_write;
	machine->read = read;
	machine->write = write;
	machine->power_off = power_off;
	return true;
}
