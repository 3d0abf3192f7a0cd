/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What firmware says of RISC-V IOMMUs: a flattened device tree, or a RIMT table, of any bytes.
 *
 * What is read lies inside (memory of exactly the size of the input, under the address sanitizer),
 * each iteration ends after as many steps as there are bytes for, and what is returned is what the
 * headers promise. The first byte chooses; of a tree the header may be mended, so that more of them
 * are opened.
 */
#include <libiommu/device_tree.h>
#include <libiommu/hw/acpi_rimt.h>
#include <libiommu/hw/device_tree.h>
#include <libiommu/rimt.h>

#include "fuzz.h"

#define INPUT_MAX 8192U

/* --- Trees ------------------------------------------------------------------------------------ */

static void ask_of_node(const struct iommu_fdt *fdt, const struct iommu_fdt_node *node, size_t size)
{
	struct iommu_fdt_reference wire = {0}, unit = {0};
	struct iommu_fdt_registers registers;
	struct iommu_fdt_map map = {0};
	uint32_t phandle = 0, id = 0, i;
	uint16_t rid;

	FUZZ_CHECK(node->depth >= 1 && node->depth <= IOMMU_FDT_MAX_DEPTH);
	FUZZ_CHECK((const uint8_t *)node->name >= fdt->bytes);
	FUZZ_CHECK((const uint8_t *)node->name + strlen(node->name) < fdt->bytes + size);
	(void)iommu_fdt_is_available(fdt, node);
	(void)iommu_fdt_is_compatible(fdt, node, "riscv,iommu");
	(void)iommu_fdt_get_function(fdt, node, &rid);
	for (i = 0; iommu_fdt_get_registers(fdt, node, i, &registers) == 0; i++) {
		FUZZ_CHECK(i < size);
		FUZZ_CHECK(registers.size == 0 ||
			   registers.size - 1 <= UINT64_MAX - registers.base);
	}
	for (i = 0; iommu_fdt_next_interrupt(fdt, node, &wire); i++)
		FUZZ_CHECK(i < size && wire.count != 0 && wire.count <= IOMMU_FDT_MAX_CELLS);
	for (i = 0; iommu_fdt_next_iommu(fdt, node, &unit); i++)
		FUZZ_CHECK(i < size && unit.count <= IOMMU_FDT_MAX_CELLS);
	for (i = 0; iommu_fdt_next_map(fdt, node, &map); i++) {
		FUZZ_CHECK(i < size && map.count != 0);
		FUZZ_CHECK(map.count - 1 <= UINT32_MAX - map.id);
	}
	if (iommu_fdt_map_id(fdt, node, 0x20, &phandle, &id) == 0)
		FUZZ_CHECK(i != 0);
}

static void put_word(uint8_t *at, uint32_t word)
{
	at[0] = (uint8_t)(word >> 24);
	at[1] = (uint8_t)(word >> 16);
	at[2] = (uint8_t)(word >> 8);
	at[3] = (uint8_t)word;
}

/* The blocks are all there is: strings are the last quarter, where a byte says so. */
static void mend_header(uint8_t *bytes, uint32_t size)
{
	const uint32_t structure = (size - FDT_HEADER_SIZE) / 16 * 12;

	put_word(bytes + FDT_MAGIC_OFFSET, FDT_MAGIC);
	put_word(bytes + FDT_SIZE, size);
	put_word(bytes + FDT_STRUCTURE, FDT_HEADER_SIZE);
	put_word(bytes + FDT_STRINGS, FDT_HEADER_SIZE + structure);
	put_word(bytes + FDT_VERSION, FDT_VERSION_OF_LAYOUT);
	put_word(bytes + FDT_COMPATIBLE, FDT_VERSION_OF_LAYOUT);
	put_word(bytes + FDT_STRINGS_SIZE, size - FDT_HEADER_SIZE - structure);
	put_word(bytes + FDT_STRUCTURE_SIZE, structure);
}

static void read_tree(uint8_t *bytes, size_t size, bool mends)
{
	struct iommu_fdt_node node = {0}, found;
	unsigned int depth = 0, count = 0;
	struct iommu_fdt fdt;
	int status;

	if (mends && size >= FDT_HEADER_SIZE + 16)
		mend_header(bytes, (uint32_t)size);
	status = iommu_fdt_open(&fdt, bytes, size);
	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL);
	FUZZ_CHECK((status == 0) == (fdt.refusal[0] == 0));
	while (iommu_fdt_next(&fdt, &node)) {
		const uint32_t phandle = iommu_fdt_phandle(&fdt, &node);

		FUZZ_CHECK(status == 0 && ++count <= size / 8);
		FUZZ_CHECK(node.depth <= depth + 1);
		depth = node.depth;
		ask_of_node(&fdt, &node, size);
		if (phandle != 0)
			FUZZ_CHECK(iommu_fdt_find(&fdt, phandle, &found) == 0);
	}
	FUZZ_CHECK((count != 0) == (status == 0));
	FUZZ_CHECK(!iommu_fdt_next(&fdt, &node));
}

/* --- Tables ----------------------------------------------------------------------------------- */

static void read_table(const uint8_t *bytes, size_t size)
{
	struct iommu_rimt_node node = {0}, unit;
	struct iommu_rimt rimt;
	unsigned int count = 0;
	uint32_t id = 0;
	int status = iommu_rimt_open(&rimt, bytes, size);

	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL);
	FUZZ_CHECK((status == 0) == (rimt.refusal[0] == 0));
	while (iommu_rimt_next(&rimt, &node)) {
		struct iommu_rimt_wire wire = {0};
		struct iommu_rimt_map map = {0};
		unsigned int n = 0;

		FUZZ_CHECK(++count <= size / RIMT_NODE_HEADER);
		FUZZ_CHECK(node.offset + node.length <= size);
		while (iommu_rimt_next_wire(&rimt, &node, &wire))
			FUZZ_CHECK(++n <= size / RIMT_WIRE_SIZE && node.type == IOMMU_RIMT_UNIT);
		while (iommu_rimt_next_map(&rimt, &node, &map)) {
			FUZZ_CHECK(++n <= size / RIMT_MAP_SIZE && node.type != IOMMU_RIMT_UNIT);
			FUZZ_CHECK(map.count != 0 && map.device_id + map.count <= 1U << 24);
		}
		if (node.type == IOMMU_RIMT_UNIT)
			FUZZ_CHECK(!node.unit.usable || node.unit.is_pci ||
				   (node.unit.base != 0 && (node.unit.base & 4095) == 0));
		if (node.type == IOMMU_RIMT_PLATFORM)
			FUZZ_CHECK((const uint8_t *)node.platform.name +
					   strlen(node.platform.name) <
				   bytes + size);
	}
	FUZZ_CHECK(!iommu_rimt_next(&rimt, &node));
	if (iommu_rimt_find(&rimt, 0, 0x20, &unit, &id) == 0)
		FUZZ_CHECK(unit.type == IOMMU_RIMT_UNIT && id < 1U << 24);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	copy = malloc(size > 1 ? size - 1 : 1);
	FUZZ_CHECK(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	if ((data[0] & 1) != 0)
		read_table(copy, size - 1);
	else
		read_tree(copy, size - 1, (data[0] & 2) != 0);
	free(copy);
	return 0;
}
