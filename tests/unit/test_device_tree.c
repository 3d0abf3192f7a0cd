/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of flattened device trees: trees as QEMU writes them; trees made word by word, with
 * each defect that is refused; and damage of any kind, in memory of exactly the tree's size.
 */
#include <stdio.h>
#include <string.h>

#include <libiommu/device_tree.h>
#include <libiommu/hw/device_tree.h>
#include <libiommu/status.h>

#include "test.h"

/* --- A tree under construction ---------------------------------------------------------------- */

static struct {
	uint8_t structure[1 << 16], strings[2048], blob[1 << 17];
	uint32_t size, strings_size;
} made;

static void put(uint32_t word)
{
	const uint8_t bytes[] = {(uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8),
				 (uint8_t)word};

	memcpy(&made.structure[made.size], bytes, 4);
	made.size += 4;
}

static void put_bytes(const void *bytes, uint32_t size)
{
	memset(&made.structure[made.size], 0, size + 4);
	memcpy(&made.structure[made.size], bytes, size);
	made.size += (size + 3) & ~3U;
}

static void begin_node(const char *name)
{
	put(FDT_BEGIN_NODE);
	put_bytes(name, (uint32_t)strlen(name) + 1);
}

static void end_node(void)
{
	put(FDT_END_NODE);
}

static void property(const char *name, const void *value, uint32_t size)
{
	put(FDT_PROPERTY);
	put(size);
	put(made.strings_size);
	strcpy((char *)&made.strings[made.strings_size], name);
	made.strings_size += (uint32_t)strlen(name) + 1;
	put_bytes(value, size);
}

static void text(const char *name, const char *value)
{
	property(name, value, (uint32_t)strlen(value) + 1);
}

#define CELLS_MAX 64

static void cells(const char *name, const uint32_t *values, uint32_t count)
{
	uint8_t bytes[CELLS_MAX * 4];
	uint32_t i;

	assert_true(count <= CELLS_MAX);
	for (i = 0; i < count; i++) {
		bytes[4 * i] = (uint8_t)(values[i] >> 24);
		bytes[4 * i + 1] = (uint8_t)(values[i] >> 16);
		bytes[4 * i + 2] = (uint8_t)(values[i] >> 8);
		bytes[4 * i + 3] = (uint8_t)values[i];
	}
	property(name, bytes, count * 4);
}

#define CELLS(name, ...)                                                                           \
	do {                                                                                       \
		const uint32_t values[] = {__VA_ARGS__};                                           \
		cells(name, values, sizeof(values) / sizeof(values[0]));                           \
	} while (0)

static void header(uint32_t offset, uint32_t value)
{
	made.blob[offset] = (uint8_t)(value >> 24);
	made.blob[offset + 1] = (uint8_t)(value >> 16);
	made.blob[offset + 2] = (uint8_t)(value >> 8);
	made.blob[offset + 3] = (uint8_t)value;
}

static void start(void)
{
	memset(&made, 0, sizeof(made));
}

/* The whole, with its end. */
static uint32_t seal(void)
{
	const uint32_t total = FDT_HEADER_SIZE + made.size + made.strings_size;

	header(FDT_MAGIC_OFFSET, FDT_MAGIC);
	header(FDT_SIZE, total);
	header(FDT_STRUCTURE, FDT_HEADER_SIZE);
	header(FDT_STRINGS, FDT_HEADER_SIZE + made.size);
	header(FDT_VERSION, 17);
	header(FDT_COMPATIBLE, 16);
	header(FDT_STRINGS_SIZE, made.strings_size);
	header(FDT_STRUCTURE_SIZE, made.size);
	memcpy(&made.blob[FDT_HEADER_SIZE], made.structure, made.size);
	memcpy(&made.blob[FDT_HEADER_SIZE + made.size], made.strings, made.strings_size);
	return total;
}

static struct iommu_fdt fdt;

static void open_made(void)
{
	put(FDT_END);
	assert_int_equal(iommu_fdt_open(&fdt, made.blob, seal()), 0);
	assert_string_equal(fdt.refusal, "");
}

static struct iommu_fdt_node node_named(const char *name)
{
	struct iommu_fdt_node node = {0};

	while (iommu_fdt_next(&fdt, &node))
		if (strcmp(node.name, name) == 0)
			return node;
	fail_msg("there is no node %s", name);
	return node;
}

/* --- Trees of QEMU ---------------------------------------------------------------------------- */

static uint8_t *read_file(const char *name, size_t *size)
{
	char path[512];
	uint8_t *bytes;
	FILE *file;

	snprintf(path, sizeof(path), "%s/dtb/%s", TEST_DATA, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	bytes = malloc(1 << 16);
	assert_non_null(bytes);
	*size = fread(bytes, 1, 1 << 16, file);
	fclose(file);
	return realloc(bytes, *size);
}

/* The unit of a tree: the first node that is compatible. */
static struct iommu_fdt_node unit_of(const char *compatible)
{
	struct iommu_fdt_node node = {0};

	while (iommu_fdt_next(&fdt, &node))
		if (iommu_fdt_is_compatible(&fdt, &node, compatible))
			return node;
	fail_msg("there is no %s", compatible);
	return node;
}

static void a_platform_unit_is_found(void **state)
{
	static const char *const files[] = {"virt-platform-unit.dtb", "virt-imsic.dtb"};
	struct iommu_fdt_registers registers;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		size_t size;
		uint8_t *bytes = read_file(files[i], &size);
		struct iommu_fdt_reference wire = {0};
		struct iommu_fdt_node unit, root;
		uint32_t number = 0x24, phandle = 0, id = 0, msi;

		assert_int_equal(iommu_fdt_open(&fdt, bytes, size), 0);
		unit = unit_of("riscv,iommu");
		assert_string_equal(unit.name, "iommu@3010000");
		assert_int_equal(unit.depth, 3);
		assert_true(iommu_fdt_is_available(&fdt, &unit));
		assert_int_equal(iommu_fdt_get_registers(&fdt, &unit, 0, &registers), 0);
		assert_int_equal(registers.base, 0x3010000);
		assert_int_equal(registers.size, 0x1000);
		assert_int_equal(iommu_fdt_get_registers(&fdt, &unit, 1, &registers), IOMMU_ENOENT);
		assert_int_equal(iommu_fdt_phandle(&fdt, &unit), 0x8000);
		/* Four wires, with or without a type behind the number. */
		while (iommu_fdt_next_interrupt(&fdt, &unit, &wire)) {
			assert_int_equal(wire.phandle, i == 0 ? 3 : 6);
			assert_int_equal(wire.cells[0], number++);
			assert_int_equal(wire.count, i == 0 ? 1 : 2);
			if (i == 1)
				assert_int_equal(wire.cells[1], 1);
			else
				assert_true(iommu_fdt_next_interrupt(&fdt, &unit, &wire));
		}
		assert_int_equal(number, 0x28);
		assert_non_null(iommu_fdt_property(&fdt, &unit, "msi-parent", &msi));
		/* All of its segment, in version 10.0 but for the last function. */
		root = node_named("pci@30000000");
		assert_int_equal(iommu_fdt_map_id(&fdt, &root, 0x0020, &phandle, &id), 0);
		assert_int_equal(phandle, 0x8000);
		assert_int_equal(id, 0x20);
		assert_int_equal(iommu_fdt_map_id(&fdt, &root, 0xffff, &phandle, &id),
				 i == 0 ? 0 : IOMMU_ENOENT);
		free(bytes);
	}
}

static void a_pci_unit_is_found(void **state)
{
	size_t size;
	uint8_t *bytes = read_file("virt-pci-unit.dtb", &size);
	struct iommu_fdt_registers registers;
	struct iommu_fdt_node unit, root;
	uint32_t phandle = 0, id = 0;
	uint16_t rid = 0;

	(void)state;
	assert_int_equal(iommu_fdt_open(&fdt, bytes, size), 0);
	unit = unit_of("riscv,pci-iommu");
	assert_int_equal(iommu_fdt_get_function(&fdt, &unit, &rid), 0);
	assert_int_equal(rid, 8);
	assert_int_equal(iommu_fdt_get_registers(&fdt, &unit, 0, &registers), IOMMU_EOPNOTSUPP);
	root = node_named("pci@30000000");
	assert_int_equal(iommu_fdt_get_function(&fdt, &root, &rid), IOMMU_ENOENT);
	assert_int_equal(iommu_fdt_get_registers(&fdt, &root, 0, &registers), 0);
	assert_int_equal(registers.base, 0x30000000);
	/* All but the unit itself. */
	assert_int_equal(iommu_fdt_map_id(&fdt, &root, 7, &phandle, &id), 0);
	assert_int_equal(iommu_fdt_map_id(&fdt, &root, 8, &phandle, &id), IOMMU_ENOENT);
	assert_int_equal(iommu_fdt_map_id(&fdt, &root, 0x20, &phandle, &id), 0);
	assert_int_equal(id, 0x20);
	assert_int_equal(phandle, iommu_fdt_phandle(&fdt, &unit));
	assert_int_equal(iommu_fdt_map_id(&fdt, &root, 0xffff, &phandle, &id), 0);
	free(bytes);
}

/* The unit of an Arm machine: what its driver asks a tree for. */
static void an_smmuv3_is_found(void **state)
{
	static const struct {
		const char *file, *name;
		uint64_t base;
		uint32_t phandle, wire;
	} cases[] = {{"arm-virt.dtb", "smmuv3@9050000", 0x9050000, 0x8004, 0x4a},
		     {"arm-virt-device.dtb", "smmuv3@c000000", 0xc000000, 0x8005, 0x70}};
	static const char wire_names[] = "eventq\0priq\0cmdq-sync\0gerror";
	unsigned int i, j;

	(void)state;
	for (i = 0; i < 2; i++) {
		size_t size;
		uint8_t *bytes = read_file(cases[i].file, &size);
		struct iommu_fdt_reference wire = {0};
		struct iommu_fdt_registers registers;
		struct iommu_fdt_node unit, root;
		uint32_t phandle = 0, id = 0, length;
		const uint8_t *names;

		assert_int_equal(iommu_fdt_open(&fdt, bytes, size), 0);
		unit = unit_of("arm,smmu-v3");
		assert_string_equal(unit.name, cases[i].name);
		assert_true(iommu_fdt_is_available(&fdt, &unit));
		assert_int_equal(iommu_fdt_get_registers(&fdt, &unit, 0, &registers), 0);
		assert_int_equal(registers.base, cases[i].base);
		assert_int_equal(registers.size, 0x20000);
		assert_int_equal(iommu_fdt_phandle(&fdt, &unit), cases[i].phandle);
		assert_non_null(iommu_fdt_property(&fdt, &unit, "dma-coherent", &length));
		assert_int_equal(length, 0);
		/* Which wire is which is said by their names: a kind, a number, and an edge. */
		names = iommu_fdt_property(&fdt, &unit, "interrupt-names", &length);
		assert_int_equal(length, sizeof(wire_names));
		assert_memory_equal(names, wire_names, sizeof(wire_names));
		for (j = 0; iommu_fdt_next_interrupt(&fdt, &unit, &wire); j++) {
			assert_int_equal(wire.count, 3);
			assert_int_equal(wire.cells[0], 0);
			assert_int_equal(wire.cells[1], cases[i].wire + j);
			assert_int_equal(wire.cells[2], 1);
		}
		assert_int_equal(j, 4);
		root = node_named("pcie@10000000");
		assert_int_equal(iommu_fdt_map_id(&fdt, &root, 0x20, &phandle, &id), 0);
		assert_int_equal(phandle, cases[i].phandle);
		assert_int_equal(id, 0x20);
		assert_int_equal(iommu_fdt_map_id(&fdt, &root, 0xffff, &phandle, &id), 0);
		assert_int_equal(id, 0xffff);
		assert_int_equal(iommu_fdt_map_id(&fdt, &root, 0x10000, &phandle, &id),
				 IOMMU_ENOENT);
		free(bytes);
	}
}

/* --- Trees that were made --------------------------------------------------------------------- */

static void nodes_come_in_order(void **state)
{
	static const char *const names[] = {"", "a", "b", "c@1", "d"};
	static const unsigned int depths[] = {1, 2, 3, 3, 2};
	struct iommu_fdt_node node = {0};
	unsigned int i;
	uint32_t size;

	(void)state;
	start();
	put(FDT_NOP);
	begin_node("");
	put(FDT_NOP);
	text("model", "m");
	put(FDT_NOP);
	property("none", "", 0);
	begin_node("a");
	begin_node("b");
	text("model", "of b");
	end_node();
	put(FDT_NOP);
	begin_node("c@1");
	end_node();
	end_node();
	begin_node("d");
	CELLS("phandle", 7);
	end_node();
	end_node();
	open_made();
	for (i = 0; i < 5; i++) {
		assert_true(iommu_fdt_next(&fdt, &node));
		assert_string_equal(node.name, names[i]);
		assert_int_equal(node.depth, depths[i]);
		/* A property is the node's own. */
		assert_int_equal(iommu_fdt_property(&fdt, &node, "model", &size) != NULL,
				 i == 0 || i == 2);
		assert_int_equal(iommu_fdt_phandle(&fdt, &node), i == 4 ? 7 : 0);
	}
	assert_false(iommu_fdt_next(&fdt, &node));
	assert_false(iommu_fdt_next(&fdt, &node));
	assert_int_equal(iommu_fdt_find(&fdt, 7, &node), 0);
	assert_string_equal(node.name, "d");
	assert_int_equal(iommu_fdt_find(&fdt, 8, &node), IOMMU_ENOENT);
	assert_int_equal(iommu_fdt_find(&fdt, 0, &node), IOMMU_ENOENT);
	node = node_named("");
	assert_non_null(iommu_fdt_property(&fdt, &node, "none", &size));
	assert_int_equal(size, 0);
	assert_null(iommu_fdt_property(&fdt, &node, "mode", &size));
	assert_null(iommu_fdt_property(&fdt, &node, "models", &size));
}

static void compatible_strings_and_status(void **state)
{
	struct iommu_fdt_node node;

	(void)state;
	start();
	begin_node("");
	begin_node("unit");
	property("compatible", "qemu,riscv-iommu\0riscv,iommu", 29);
	text("status", "okay");
	end_node();
	begin_node("cut");
	property("compatible", "riscv,iommu\0riscv,pci", 20);
	text("status", "ok");
	end_node();
	begin_node("off");
	text("status", "disabled");
	begin_node("below");
	text("status", "okay");
	end_node();
	end_node();
	begin_node("odd");
	property("status", "okay", 4);
	end_node();
	begin_node("none");
	property("status", "", 0);
	end_node();
	end_node();
	open_made();
	node = node_named("unit");
	assert_true(iommu_fdt_is_compatible(&fdt, &node, "riscv,iommu"));
	assert_true(iommu_fdt_is_compatible(&fdt, &node, "qemu,riscv-iommu"));
	assert_false(iommu_fdt_is_compatible(&fdt, &node, "riscv,iomm"));
	assert_false(iommu_fdt_is_compatible(&fdt, &node, "riscv,iommus"));
	assert_true(iommu_fdt_is_available(&fdt, &node));
	node = node_named("cut");
	assert_true(iommu_fdt_is_compatible(&fdt, &node, "riscv,iommu"));
	assert_false(iommu_fdt_is_compatible(&fdt, &node, "riscv,pc"));
	assert_true(iommu_fdt_is_available(&fdt, &node));
	node = node_named("below");
	assert_false(iommu_fdt_is_available(&fdt, &node));
	assert_false(iommu_fdt_is_compatible(&fdt, &node, "riscv,iommu"));
	node = node_named("odd");
	assert_false(iommu_fdt_is_available(&fdt, &node));
	node = node_named("none");
	assert_false(iommu_fdt_is_available(&fdt, &node));
}

static int registers_of(const char *name, unsigned int index, struct iommu_fdt_registers *registers)
{
	const struct iommu_fdt_node node = node_named(name);

	return iommu_fdt_get_registers(&fdt, &node, index, registers);
}

static void addresses_go_through_buses(void **state)
{
	struct iommu_fdt_registers registers;

	(void)state;
	start();
	begin_node("");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	CELLS("reg", 1, 2, 3, 4);
	begin_node("plain");
	CELLS("reg", 1, 0x80000000, 0, 0x1000, 2, 0, 1, 0);
	end_node();
	begin_node("bus");
	CELLS("#address-cells", 1);
	CELLS("#size-cells", 1);
	CELLS("ranges", 0, 8, 0, 0x1000, 0x10000, 9, 0x40000000, 0x20000);
	begin_node("first");
	CELLS("reg", 0x800, 0x100);
	end_node();
	begin_node("second");
	CELLS("reg", 0x2f000, 0x1000);
	end_node();
	begin_node("beyond");
	CELLS("reg", 0x2f000, 0x1001);
	end_node();
	begin_node("between");
	CELLS("reg", 0x1000, 4);
	end_node();
	begin_node("inner");
	property("ranges", "", 0);
	CELLS("#address-cells", 1);
	CELLS("#size-cells", 1);
	begin_node("deep");
	CELLS("reg", 0x10000, 0x10);
	end_node();
	begin_node("half");
	CELLS("reg", 0x10000);
	end_node();
	end_node();
	begin_node("wide");
	property("ranges", "", 0);
	CELLS("#address-cells", 3);
	begin_node("function");
	CELLS("reg", 0x12345678, 0, 0, 0);
	end_node();
	end_node();
	begin_node("closed");
	begin_node("inside");
	CELLS("reg", 0, 0, 16);
	end_node();
	end_node();
	begin_node("torn");
	CELLS("ranges", 1, 2, 3);
	begin_node("in-torn");
	CELLS("reg", 0, 0, 16);
	end_node();
	end_node();
	begin_node("odd");
	CELLS("ranges", 0, 0, 0, 0, 0);
	CELLS("#size-cells", 3);
	begin_node("in-odd");
	CELLS("reg", 0, 0, 0, 0, 16);
	end_node();
	end_node();
	end_node();
	begin_node("wraps");
	CELLS("reg", 0xffffffff, 0xfffff000, 0, 0x1001);
	end_node();
	begin_node("all");
	CELLS("reg", 0xffffffff, 0xfffff000, 0, 0x1000);
	end_node();
	end_node();
	open_made();
	assert_int_equal(registers_of("plain", 0, &registers), 0);
	assert_int_equal(registers.base, 0x180000000ULL);
	assert_int_equal(registers.size, 0x1000);
	assert_int_equal(registers_of("plain", 1, &registers), 0);
	assert_int_equal(registers.base, 0x200000000ULL);
	assert_int_equal(registers.size, 0x100000000ULL);
	assert_int_equal(registers_of("plain", 2, &registers), IOMMU_ENOENT);
	assert_int_equal(registers_of("plain", UINT32_MAX, &registers), IOMMU_ENOENT);
	assert_int_equal(registers_of("", 0, &registers), IOMMU_ENOENT);
	assert_int_equal(registers_of("bus", 0, &registers), IOMMU_ENOENT);
	assert_int_equal(registers_of("first", 0, &registers), 0);
	assert_int_equal(registers.base, 0x800000800ULL);
	assert_int_equal(registers_of("second", 0, &registers), 0);
	assert_int_equal(registers.base, 0x94001f000ULL);
	assert_int_equal(registers_of("beyond", 0, &registers), IOMMU_EOPNOTSUPP);
	assert_int_equal(registers_of("between", 0, &registers), IOMMU_EOPNOTSUPP);
	assert_int_equal(registers_of("deep", 0, &registers), 0);
	assert_int_equal(registers.base, 0x940000000ULL);
	assert_int_equal(registers_of("half", 0, &registers), IOMMU_EINVAL);
	assert_int_equal(registers_of("function", 0, &registers), IOMMU_EOPNOTSUPP);
	assert_int_equal(registers_of("inside", 0, &registers), IOMMU_EOPNOTSUPP);
	assert_int_equal(registers_of("in-torn", 0, &registers), IOMMU_EINVAL);
	assert_int_equal(registers_of("in-odd", 0, &registers), IOMMU_EOPNOTSUPP);
	assert_int_equal(registers_of("wraps", 0, &registers), IOMMU_EINVAL);
	assert_int_equal(registers_of("all", 0, &registers), 0);
	{
		const struct iommu_fdt_node function = node_named("function");
		uint16_t rid = 0;

		assert_int_equal(iommu_fdt_get_function(&fdt, &function, &rid), 0);
		assert_int_equal(rid, 0x3456);
	}
}

static void references_have_the_cells_of_their_targets(void **state)
{
	struct iommu_fdt_reference reference = {0};
	struct iommu_fdt_node node;

	(void)state;
	start();
	begin_node("");
	CELLS("interrupt-parent", 1);
	begin_node("plic");
	CELLS("phandle", 1);
	CELLS("#interrupt-cells", 2);
	end_node();
	begin_node("wide");
	CELLS("phandle", 2);
	CELLS("#interrupt-cells", 9);
	CELLS("#iommu-cells", 0);
	end_node();
	begin_node("unit");
	CELLS("phandle", 3);
	CELLS("#iommu-cells", 1);
	end_node();
	begin_node("bus");
	begin_node("inherits");
	CELLS("interrupts", 10, 11, 12, 13, 14);
	CELLS("iommus", 3, 0x42, 2, 3, 0x43, 3);
	end_node();
	begin_node("own");
	CELLS("interrupt-parent", 2);
	CELLS("interrupts", 1, 2, 3, 4, 5, 6, 7, 8, 9);
	CELLS("iommus", 4, 1);
	end_node();
	begin_node("extended");
	CELLS("interrupts", 1, 2);
	CELLS("interrupts-extended", 1, 21, 22, 1, 23, 24);
	CELLS("iommus", 1, 1);
	end_node();
	end_node();
	end_node();
	open_made();
	node = node_named("inherits");
	assert_true(iommu_fdt_next_interrupt(&fdt, &node, &reference));
	assert_int_equal(reference.phandle, 1);
	assert_int_equal(reference.count, 2);
	assert_int_equal(reference.cells[1], 11);
	assert_true(iommu_fdt_next_interrupt(&fdt, &node, &reference));
	assert_int_equal(reference.cells[0], 12);
	/* Half of one is none. */
	assert_false(iommu_fdt_next_interrupt(&fdt, &node, &reference));
	memset(&reference, 0, sizeof(reference));
	assert_true(iommu_fdt_next_iommu(&fdt, &node, &reference));
	assert_int_equal(reference.phandle, 3);
	assert_int_equal(reference.count, 1);
	assert_int_equal(reference.cells[0], 0x42);
	assert_true(iommu_fdt_next_iommu(&fdt, &node, &reference));
	assert_int_equal(reference.phandle, 2);
	assert_int_equal(reference.count, 0);
	assert_true(iommu_fdt_next_iommu(&fdt, &node, &reference));
	assert_int_equal(reference.cells[0], 0x43);
	assert_false(iommu_fdt_next_iommu(&fdt, &node, &reference));
	assert_false(iommu_fdt_next_iommu(&fdt, &node, &reference));
	/* More cells than any has; a node that is not there, or says nothing of cells. */
	node = node_named("own");
	memset(&reference, 0, sizeof(reference));
	assert_false(iommu_fdt_next_interrupt(&fdt, &node, &reference));
	memset(&reference, 0, sizeof(reference));
	assert_false(iommu_fdt_next_iommu(&fdt, &node, &reference));
	node = node_named("extended");
	memset(&reference, 0, sizeof(reference));
	assert_true(iommu_fdt_next_interrupt(&fdt, &node, &reference));
	assert_int_equal(reference.cells[0], 21);
	assert_true(iommu_fdt_next_interrupt(&fdt, &node, &reference));
	assert_int_equal(reference.cells[1], 24);
	assert_false(iommu_fdt_next_interrupt(&fdt, &node, &reference));
	memset(&reference, 0, sizeof(reference));
	assert_false(iommu_fdt_next_iommu(&fdt, &node, &reference));
	node = node_named("plic");
	memset(&reference, 0, sizeof(reference));
	assert_false(iommu_fdt_next_interrupt(&fdt, &node, &reference));
}

static void ids_are_mapped(void **state)
{
	struct iommu_fdt_map map = {0};
	struct iommu_fdt_node node;
	uint32_t unit = 0, id = 0;

	(void)state;
	start();
	begin_node("");
	begin_node("pci");
	CELLS("iommu-map", 0x100, 1, 0x1000, 0x80, /* none, and wrapping ones, are passed over */
	      0, 1, 0, 0, 0xfffffff0, 1, 0, 0x11, 0, 1, 0xfffffff0, 0x11,
	      /* two that have the same */
	      0x400, 2, 0x8000, 1, 0x400, 3, 0x9000, 8, 0xffffffff, 4, 5, 1, 9, 9, 9);
	end_node();
	begin_node("masked");
	CELLS("iommu-map-mask", 0xfff8);
	CELLS("iommu-map", 0x108, 7, 0x20, 1);
	end_node();
	begin_node("short");
	CELLS("iommu-map", 0, 1, 0);
	end_node();
	end_node();
	open_made();
	node = node_named("pci");
	assert_true(iommu_fdt_next_map(&fdt, &node, &map));
	assert_int_equal(map.source, 0x100);
	assert_true(iommu_fdt_next_map(&fdt, &node, &map));
	assert_int_equal(map.unit, 2);
	assert_true(iommu_fdt_next_map(&fdt, &node, &map));
	assert_true(iommu_fdt_next_map(&fdt, &node, &map));
	assert_int_equal(map.source, 0xffffffff);
	assert_false(iommu_fdt_next_map(&fdt, &node, &map));
	assert_false(iommu_fdt_next_map(&fdt, &node, &map));
	assert_int_equal(iommu_fdt_map_id(&fdt, &node, 0x17f, &unit, &id), 0);
	assert_int_equal(unit, 1);
	assert_int_equal(id, 0x107f);
	assert_int_equal(iommu_fdt_map_id(&fdt, &node, 0x180, &unit, &id), IOMMU_ENOENT);
	assert_int_equal(iommu_fdt_map_id(&fdt, &node, 0xff, &unit, &id), IOMMU_ENOENT);
	assert_int_equal(iommu_fdt_map_id(&fdt, &node, 0x400, &unit, &id), 0);
	assert_int_equal(unit, 2);
	assert_int_equal(iommu_fdt_map_id(&fdt, &node, 0x401, &unit, &id), 0);
	assert_int_equal(id, 0x9001);
	node = node_named("masked");
	assert_int_equal(iommu_fdt_map_id(&fdt, &node, 0x10d, &unit, &id), 0);
	assert_int_equal(id, 0x20);
	assert_int_equal(iommu_fdt_map_id(&fdt, &node, 0x110, &unit, &id), IOMMU_ENOENT);
	node = node_named("short");
	assert_int_equal(iommu_fdt_map_id(&fdt, &node, 0, &unit, &id), IOMMU_ENOENT);
}

/* --- What is refused -------------------------------------------------------------------------- */

static void expect_refusal(uint32_t size)
{
	assert_int_equal(iommu_fdt_open(&fdt, made.blob, size), IOMMU_EINVAL);
	assert_true(fdt.refusal[0] != 0);
	assert_null(fdt.bytes);
	/* And is empty: nothing is read. */
	{
		struct iommu_fdt_node node = {0};

		assert_false(iommu_fdt_next(&fdt, &node));
	}
}

static uint32_t make_small(void)
{
	start();
	begin_node("");
	text("model", "m");
	end_node();
	put(FDT_END);
	return seal();
}

static void headers_that_are_wrong_are_refused(void **state)
{
	static const struct {
		uint32_t offset, value;
	} wrong[] = {
		{FDT_MAGIC_OFFSET, 0xedfe0dd0},
		{FDT_SIZE, 39},
		{FDT_SIZE, 1 << 20},
		{FDT_SIZE, 0xffffffff},
		{FDT_STRUCTURE, 42},
		{FDT_STRUCTURE, 0xfffffff0},
		{FDT_STRINGS, 0xfffffff0},
		{FDT_VERSION, 16},
		{FDT_COMPATIBLE, 18},
		{FDT_STRINGS_SIZE, 0xffffffff},
		{FDT_STRUCTURE_SIZE, 0xffffffff},
		{FDT_STRUCTURE_SIZE, 4},
		{FDT_STRUCTURE_SIZE, 0},
	};
	uint32_t size;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size = make_small();
		assert_int_equal(iommu_fdt_open(&fdt, made.blob, size), 0);
		header(wrong[i].offset, wrong[i].value);
		expect_refusal(size);
	}
	size = make_small();
	expect_refusal(size - 1);
	expect_refusal(39);
	assert_int_equal(iommu_fdt_open(&fdt, NULL, 4096), IOMMU_EINVAL);
	/* What is behind it does not matter. */
	assert_int_equal(iommu_fdt_open(&fdt, made.blob, size + 100), 0);
}

static void structures_that_are_wrong_are_refused(void **state)
{
	unsigned int kind;

	(void)state;
	for (kind = 0; kind < 12; kind++) {
		start();
		if (kind == 1)
			text("model", "outside");
		begin_node("");
		property("x", "", 0);
		if (kind == 0)
			put(5); /* an unknown word */
		if (kind == 2) {
			put(FDT_PROPERTY); /* a value beyond the end */
			put(1 << 20);
			put(0);
		}
		if (kind == 3) {
			put(FDT_PROPERTY);
			put(0);
			put(1 << 20); /* a name beyond the strings */
		}
		if (kind == 4) {
			begin_node("a");
			end_node();
			text("model", "behind a node");
		}
		if (kind == 5)
			end_node(); /* one too many */
		if (kind == 6)
			begin_node("open");
		if (kind == 7) { /* a name that goes on and on */
			put(FDT_PROPERTY);
			put(0);
			put(made.strings_size);
			memset(&made.strings[made.strings_size], 'x', 600);
			made.strings_size += 601;
		}
		if (kind == 11) { /* a value that ends before it begins, where words look good */
			CELLS("y", FDT_END_NODE, FDT_END);
			put(FDT_PROPERTY);
			put(0U - 20);
			put(0);
		}
		if (kind == 9) {
			put(FDT_PROPERTY);
			put(0xfffffffe); /* padded, it wraps */
			put(0);
		}
		end_node();
		if (kind == 8) { /* a second tree */
			begin_node("");
			end_node();
		}
		if (kind != 10)
			put(FDT_END);
		expect_refusal(seal());
	}
	/* Nothing at all. */
	start();
	put(FDT_END);
	expect_refusal(seal());
}

static void depth_has_a_bound(void **state)
{
	unsigned int depth, i;

	(void)state;
	for (depth = IOMMU_FDT_MAX_DEPTH; depth <= IOMMU_FDT_MAX_DEPTH + 1; depth++) {
		struct iommu_fdt_node node = {0};

		start();
		for (i = 0; i < depth; i++)
			begin_node(i == 0 ? "" : "n");
		for (i = 0; i < depth; i++)
			end_node();
		put(FDT_END);
		if (depth > IOMMU_FDT_MAX_DEPTH) {
			expect_refusal(seal());
			continue;
		}
		assert_int_equal(iommu_fdt_open(&fdt, made.blob, seal()), 0);
		for (i = 1; i <= depth; i++) {
			assert_true(iommu_fdt_next(&fdt, &node));
			assert_int_equal(node.depth, i);
		}
		assert_false(iommu_fdt_next(&fdt, &node));
	}
}

/* --- Damage ----------------------------------------------------------------------------------- */

/* Everything that can be asked of every node; it ends, inside. */
static unsigned int ask_everything(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);
	struct iommu_fdt_node node = {0};
	unsigned int nodes = 0;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	if (iommu_fdt_open(&fdt, copy, size) == 0) {
		while (iommu_fdt_next(&fdt, &node)) {
			struct iommu_fdt_reference wire = {0}, unit = {0};
			struct iommu_fdt_registers registers;
			struct iommu_fdt_map map = {0};
			uint32_t phandle, id;
			unsigned int i;
			uint16_t rid;

			assert_true(++nodes <= size / 8);
			assert_true(node.depth >= 1 && node.depth <= IOMMU_FDT_MAX_DEPTH);
			(void)strlen(node.name);
			(void)iommu_fdt_is_available(&fdt, &node);
			(void)iommu_fdt_is_compatible(&fdt, &node, "riscv,iommu");
			for (i = 0; iommu_fdt_get_registers(&fdt, &node, i, &registers) == 0; i++)
				assert_true(i < size);
			for (i = 0; iommu_fdt_next_interrupt(&fdt, &node, &wire); i++)
				assert_true(i < size && wire.count <= IOMMU_FDT_MAX_CELLS);
			for (i = 0; iommu_fdt_next_iommu(&fdt, &node, &unit); i++)
				assert_true(i < size && unit.count <= IOMMU_FDT_MAX_CELLS);
			for (i = 0; iommu_fdt_next_map(&fdt, &node, &map); i++)
				assert_true(i < size && map.count != 0);
			(void)iommu_fdt_map_id(&fdt, &node, 0x20, &phandle, &id);
			(void)iommu_fdt_get_function(&fdt, &node, &rid);
		}
	}
	free(copy);
	return nodes;
}

static void damage_is_survived(void **state)
{
	static const char *const files[] = {"virt-platform-unit.dtb", "virt-pci-unit.dtb"};
	struct test_random random = {.state = 5};
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 20000) / 10;
	unsigned int file, opened = 0;
	uint64_t i;

	(void)state;
	for (file = 0; file < 2; file++) {
		size_t size, length;
		uint8_t *bytes = read_file(files[file], &size);

		assert_true(ask_everything(bytes, size) > 10);
		for (length = 0; length < size; length += 13)
			assert_int_equal(ask_everything(bytes, length), 0);
		for (i = 0; i < rounds; i++) {
			uint8_t *damaged = malloc(size);
			unsigned int changes = 1 + (unsigned int)test_random_below(&random, 4);

			assert_non_null(damaged);
			memcpy(damaged, bytes, size);
			/* Words of the structure, mostly: a header that is wrong ends at once. */
			for (; changes != 0; changes--) {
				const size_t at = (size_t)test_random_below(&random, size / 4) * 4;

				damaged[at + test_random_below(&random, 4)] =
					(uint8_t)test_random_next(&random);
			}
			opened += ask_everything(damaged, size) != 0;
			free(damaged);
		}
		free(bytes);
	}
	/* Not all of it was refused. */
	assert_true(opened > rounds / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_platform_unit_is_found),
		cmocka_unit_test(a_pci_unit_is_found),
		cmocka_unit_test(an_smmuv3_is_found),
		cmocka_unit_test(nodes_come_in_order),
		cmocka_unit_test(compatible_strings_and_status),
		cmocka_unit_test(addresses_go_through_buses),
		cmocka_unit_test(references_have_the_cells_of_their_targets),
		cmocka_unit_test(ids_are_mapped),
		cmocka_unit_test(headers_that_are_wrong_are_refused),
		cmocka_unit_test(structures_that_are_wrong_are_refused),
		cmocka_unit_test(depth_has_a_bound),
		cmocka_unit_test(damage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
