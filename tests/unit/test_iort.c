/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IORT parser: tables as QEMU has them, each field, each defect that is tolerated or refused,
 * and damage of any kind, in memory of exactly the table's size.
 */
#include <stdio.h>
#include <string.h>

#include <libiommu/iort.h>
#include <libiommu/status.h>

#include "iort_table.h"
#include "test.h"

static struct iommu_iort iort;

static int open_made(struct table *t)
{
	table_seal(t);
	return iommu_iort_open(&iort, t->bytes, t->length);
}

static void expect(struct table *t, unsigned int defects)
{
	assert_int_equal(open_made(t), 0);
	assert_int_equal(iort.defects, defects);
}

static unsigned int nodes_shown(void)
{
	struct iommu_iort_node shown = {0};
	unsigned int count = 0;

	while (iommu_iort_next(&iort, &shown))
		count++;
	assert_false(iommu_iort_next(&iort, &shown));
	return count;
}

static struct iommu_iort_node node_at(uint32_t offset)
{
	struct iommu_iort_node node;

	assert_true(iommu_iort_node_at(&iort, offset, &node));
	assert_int_equal(node.offset, offset);
	return node;
}

static unsigned int maps_shown(uint32_t offset, struct iommu_iort_map *last)
{
	const struct iommu_iort_node node = node_at(offset);
	struct iommu_iort_map map = {0};
	unsigned int count = 0;

	for (; iommu_iort_next_map(&iort, &node, &map); count++)
		*last = map;
	return count;
}

/* --- Tables of QEMU --------------------------------------------------------------------------- */

static uint8_t *read_file(const char *name, size_t *size)
{
	char path[512];
	uint8_t *bytes;
	FILE *file;

	snprintf(path, sizeof(path), "%s/iort/%s", TEST_DATA, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	bytes = malloc(4096);
	assert_non_null(bytes);
	*size = fread(bytes, 1, 4096, file);
	fclose(file);
	return realloc(bytes, *size);
}

static uint8_t *open_file(const char *name, unsigned int revision, unsigned int defects)
{
	size_t size;
	uint8_t *bytes = read_file(name, &size);

	assert_int_equal(iommu_iort_open(&iort, bytes, size), 0);
	assert_int_equal(iort.revision, revision);
	assert_int_equal(iort.defects, defects);
	return bytes;
}

static void tables_of_one_unit(void **state)
{
	static const char *const files[] = {"virt-7.2.bin", "virt.bin"};
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		uint8_t *bytes =
			open_file(files[i], i == 0 ? 3 : 5, i == 0 ? IOMMU_IORT_MAP_COUNT : 0);
		struct iommu_iort_node node = {0};
		struct iommu_iort_its its = {0};
		struct iommu_iort_route route;

		assert_true(iommu_iort_next(&iort, &node));
		assert_int_equal(node.type, IOMMU_IORT_ITS_GROUP);
		assert_true(iommu_iort_next_its(&iort, &node, &its));
		assert_int_equal(its.id, 0);
		assert_false(iommu_iort_next_its(&iort, &node, &its));
		assert_true(iommu_iort_next(&iort, &node));
		assert_int_equal(node.type, IOMMU_IORT_SMMUV3);
		assert_int_equal(node.revision, 4);
		assert_int_equal(node.smmuv3.base, 0x9050000);
		assert_true(node.smmuv3.usable && node.smmuv3.coherent);
		assert_int_equal(node.smmuv3.model, IOMMU_IORT_SMMUV3_GENERIC);
		assert_int_equal(node.smmuv3.event, 0x6a);
		assert_int_equal(node.smmuv3.page_request, 0x6b);
		assert_int_equal(node.smmuv3.gerror, 0x6d);
		assert_int_equal(node.smmuv3.sync, 0x6c);
		assert_false(node.smmuv3.has_own_map || node.smmuv3.has_proximity);
		assert_true(iommu_iort_next(&iort, &node));
		assert_int_equal(node.type, IOMMU_IORT_ROOT_COMPLEX);
		assert_int_equal(node.root_complex.segment, 0);
		assert_int_equal(node.root_complex.address_bits, 64);
		assert_true(node.root_complex.access.coherent && node.root_complex.access.cpm &&
			    node.root_complex.access.dacs);
		assert_false(node.root_complex.ats);
		assert_false(iommu_iort_next(&iort, &node));
		/* The first bus is behind the unit, all others are not. */
		assert_int_equal(iommu_iort_find(&iort, 0, 0x20, &route), 0);
		assert_true(route.has_unit && route.has_its);
		assert_int_equal(route.unit.smmuv3.base, 0x9050000);
		assert_int_equal(route.stream_id, 0x20);
		assert_int_equal(route.device_id, 0x20);
		assert_int_equal(iommu_iort_find(&iort, 0, 0xff, &route), 0);
		assert_true(route.has_unit);
		assert_int_equal(iommu_iort_find(&iort, 0, 0x100, &route), 0);
		assert_false(route.has_unit);
		assert_true(route.has_its);
		assert_int_equal(route.device_id, 0x100);
		assert_int_equal(iommu_iort_find(&iort, 1, 0x20, &route), IOMMU_ENOENT);
		free(bytes);
	}
}

static void a_table_of_two_units(void **state)
{
	static const struct {
		uint16_t rid;
		uint64_t base;
	} cases[] = {{0, 0xc000000},     {0xff, 0xc000000},  {0x100, 0}, {0x7ff, 0},
		     {0x800, 0xc020000}, {0x8ff, 0xc020000}, {0x900, 0}, {0xffff, 0}};
	uint8_t *bytes = open_file("two-units.bin", 5, 0);
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_iort_route route;

		assert_int_equal(iommu_iort_find(&iort, 0, cases[i].rid, &route), 0);
		assert_int_equal(route.has_unit, cases[i].base != 0);
		if (route.has_unit)
			assert_int_equal(route.unit.smmuv3.base, cases[i].base);
		assert_true(route.has_its);
		assert_int_equal(route.device_id, cases[i].rid);
	}
	free(bytes);
}

static void a_table_without_units(void **state)
{
	uint8_t *bytes = open_file("no-unit.bin", 3, 0);
	struct iommu_iort_route route;

	(void)state;
	assert_int_equal(nodes_shown(), 2);
	assert_int_equal(iommu_iort_find(&iort, 0, 0xffff, &route), 0);
	assert_false(route.has_unit);
	assert_int_equal(route.device_id, 0xffff);
	free(bytes);
}

/* --- What is read ----------------------------------------------------------------------------- */

static void an_smmuv3_is_read(void **state)
{
	uint32_t offset, other, old, short_one;
	struct iommu_iort_node node;
	struct table t;

	(void)state;
	table_begin(&t);
	offset = table_smmuv3(&t, 0x12340000, 0);
	table_set(&t, offset + IORT_SMMUV3_FLAGS, 0xd, 4);
	table_set(&t, offset + IORT_SMMUV3_VATOS, 0x56780000, 8);
	table_set(&t, offset + IORT_SMMUV3_MODEL, 1, 4);
	table_set(&t, offset + IORT_SMMUV3_EVENT, 11, 4);
	table_set(&t, offset + IORT_SMMUV3_PRI, 12, 4);
	table_set(&t, offset + IORT_SMMUV3_GERROR, 13, 4);
	table_set(&t, offset + IORT_SMMUV3_SYNC, 14, 4);
	table_set(&t, offset + IORT_SMMUV3_PROXIMITY, 0x99, 4);
	table_set(&t, offset + IORT_NODE_IDENTIFIER, 0xabcd, 4);
	/* What the table does not define for HTTU is none. */
	other = table_smmuv3(&t, 0x40000000, 0);
	table_set(&t, other + IORT_SMMUV3_FLAGS, 6, 4);
	/* A node of revision 0 ends before the proximity domain. */
	old = table_node(&t, IOMMU_IORT_SMMUV3, 0, IORT_SMMUV3_SIZE, 0);
	table_set(&t, old + IORT_SMMUV3_BASE, 0x20000000, 8);
	table_set(&t, old + IORT_SMMUV3_FLAGS, 8, 4);
	/* And one that ends behind it has no map of its own. */
	short_one = table_node(&t, IOMMU_IORT_SMMUV3, 1, IORT_SMMUV3_PROXIMITY + 4, 0);
	table_set(&t, short_one + IORT_SMMUV3_BASE, 0x30000000, 8);
	table_set(&t, short_one + IORT_SMMUV3_FLAGS, 8, 4);
	table_set(&t, short_one + IORT_SMMUV3_PROXIMITY, 0x98, 4);
	expect(&t, 0);
	node = node_at(short_one);
	assert_true(node.smmuv3.has_proximity);
	assert_int_equal(node.smmuv3.proximity_domain, 0x98);
	assert_false(node.smmuv3.has_own_map || node.smmuv3.coherent);
	node = node_at(offset);
	assert_int_equal(node.type, IOMMU_IORT_SMMUV3);
	assert_int_equal(node.identifier, 0xabcd);
	assert_int_equal(node.smmuv3.base, 0x12340000);
	assert_int_equal(node.smmuv3.vatos, 0x56780000);
	assert_int_equal(node.smmuv3.model, IOMMU_IORT_SMMUV3_HI161X);
	assert_true(node.smmuv3.coherent && node.smmuv3.has_proximity && node.smmuv3.usable);
	assert_int_equal(node.smmuv3.httu, 2);
	assert_int_equal(node_at(other).smmuv3.httu, 0);
	assert_int_equal(node.smmuv3.proximity_domain, 0x99);
	assert_int_equal(node.smmuv3.event, 11);
	assert_int_equal(node.smmuv3.page_request, 12);
	assert_int_equal(node.smmuv3.gerror, 13);
	assert_int_equal(node.smmuv3.sync, 14);
	node = node_at(old);
	assert_true(node.smmuv3.usable);
	assert_false(node.smmuv3.has_proximity || node.smmuv3.has_own_map);
}

static void devices_are_read(void **state)
{
	struct iommu_iort_node node;
	uint32_t root, component;
	struct table t;

	(void)state;
	table_begin(&t);
	root = table_root(&t, 7, 0);
	table_set(&t, root + IORT_ROOT_ACCESS, 1, 4);
	table_set(&t, root + IORT_ROOT_ACCESS + IORT_ACCESS_HINTS, 9, 1);
	table_set(&t, root + IORT_ROOT_ACCESS + IORT_ACCESS_FLAGS, 5, 1);
	table_set(&t, root + IORT_ROOT_ATS, 5, 4);
	table_set(&t, root + IORT_ROOT_PASID, 0xffd4, 2);
	table_set(&t, root + IORT_ROOT_FLAGS, 0x1234, 4);
	component = table_component(&t, "\\_SB.DEV", 0);
	table_set(&t, component + IORT_COMPONENT_FLAGS, 0x81 | 20 << 1, 4);
	table_set(&t, component + IORT_COMPONENT_ACCESS + IORT_ACCESS_FLAGS, 2, 1);
	expect(&t, 0);
	node = node_at(root);
	assert_int_equal(node.root_complex.segment, 7);
	assert_true(node.root_complex.access.coherent && node.root_complex.access.cpm &&
		    node.root_complex.access.canwbs);
	assert_false(node.root_complex.access.dacs);
	assert_int_equal(node.root_complex.access.hints, 9);
	assert_true(node.root_complex.ats && node.root_complex.pasids);
	assert_false(node.root_complex.page_requests);
	assert_int_equal(node.root_complex.pasid_bits, 20);
	assert_int_equal(node.root_complex.address_bits, 48);
	assert_int_equal(node.root_complex.flags, 0x1234);
	node = node_at(component);
	assert_string_equal(node.named_component.name, "\\_SB.DEV");
	assert_true(node.named_component.stalls && node.named_component.access.dacs);
	assert_false(node.named_component.access.coherent || node.named_component.access.cpm);
	assert_int_equal(node.named_component.pasid_bits, 20);
	assert_int_equal(node.named_component.address_bits, 40);
	assert_int_equal(iommu_iort_find_name(&iort, "\\_SB.DEV", &node), 0);
	assert_int_equal(node.offset, component);
	assert_int_equal(iommu_iort_find_name(&iort, "\\_SB.DE", &node), IOMMU_ENOENT);
	assert_int_equal(iommu_iort_find_name(&iort, "\\_SB.DEVI", &node), IOMMU_ENOENT);
}

/* What a root complex says depends on its node's revision, and on where its maps begin. */
static void revisions_of_a_root_complex(void **state)
{
	static const struct {
		unsigned int revision, size, address_bits, pasid_bits, flags;
	} cases[] = {{0, 32, 0, 0, 0},  {1, 32, 0, 0, 0},  {1, 36, 48, 0, 0},   {3, 36, 48, 0, 0},
		     {3, 40, 48, 0, 0}, {4, 36, 48, 5, 0}, {4, 40, 48, 5, 0x77}};
	struct iommu_iort_node node;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct table t;
		uint32_t its, root;

		table_begin(&t);
		its = table_its(&t, 0);
		root = table_node(&t, IOMMU_IORT_ROOT_COMPLEX, cases[i].revision, cases[i].size, 1);
		/* Where the node is too short for these, they are the map's. */
		table_set(&t, root + IORT_ROOT_LIMIT, 48, 1);
		table_set(&t, root + IORT_ROOT_PASID, 5, 2);
		table_set(&t, root + IORT_ROOT_FLAGS, 0x77, 4);
		table_map(&t, 0, 9, 0, its);
		expect(&t, 0);
		node = node_at(root);
		assert_int_equal(node.root_complex.address_bits, cases[i].address_bits);
		assert_int_equal(node.root_complex.pasid_bits, cases[i].pasid_bits);
		assert_int_equal(node.root_complex.flags, cases[i].flags);
	}
}

static void other_nodes_are_read(void **state)
{
	uint32_t smmu, pmcg, old_pmcg, bridge, reserved, old_reserved;
	struct iommu_iort_range range = {0};
	struct iommu_iort_node node;
	struct table t;

	(void)state;
	table_begin(&t);
	smmu = table_node(&t, IOMMU_IORT_SMMU, 3, IORT_SMMU_SIZE, 0);
	table_set(&t, smmu + IORT_SMMU_BASE, 0x15000000, 8);
	table_set(&t, smmu + IORT_SMMU_SPAN, 0x100000, 8);
	table_set(&t, smmu + IORT_SMMU_MODEL, 3, 4);
	table_set(&t, smmu + IORT_SMMU_FLAGS, 2, 4);
	table_set(&t, smmu + IORT_SMMU_CONTEXTS, 0x50, 4);
	pmcg = table_node(&t, IOMMU_IORT_PMCG, 2, IORT_PMCG_SIZE_PAGE, 0);
	table_set(&t, pmcg + IORT_PMCG_BASE, 0x1000, 8);
	table_set(&t, pmcg + IORT_PMCG_OVERFLOW, 44, 4);
	table_set(&t, pmcg + IORT_PMCG_NODE, smmu, 4);
	table_set(&t, pmcg + IORT_PMCG_PAGE_1, 0x2000, 8);
	old_pmcg = table_node(&t, IOMMU_IORT_PMCG, 0, IORT_PMCG_SIZE, 0);
	table_set(&t, old_pmcg + IORT_PMCG_NODE, smmu, 4);
	bridge = table_node(&t, IOMMU_IORT_WIRE_BRIDGE, 0, IORT_IWB_SIZE + 4, 0);
	table_set(&t, bridge + IORT_IWB_BASE, 0x3000, 8);
	table_set(&t, bridge + IORT_IWB_INDEX, 0x1234, 2);
	memcpy(&t.bytes[bridge + IORT_IWB_NAME], "IWB", 4);
	reserved = table_reserved(&t, 2, 0);
	table_range(&t, reserved, 0, 0x80000000, 0x10000);
	table_range(&t, reserved, 1, 0x90000000, 0x20000);
	table_set(&t, reserved + IORT_RMR_FLAGS, 0x16, 4);
	old_reserved = table_reserved(&t, 1, 0);
	table_range(&t, old_reserved, 0, 0xffffffffffff0000, 0x10000);
	table_set(&t, old_reserved + IORT_NODE_REVISION, 1, 1);
	table_set(&t, old_reserved + IORT_RMR_FLAGS, 0x17, 4);
	expect(&t, 0);
	node = node_at(smmu);
	assert_int_equal(node.smmu.base, 0x15000000);
	assert_int_equal(node.smmu.span, 0x100000);
	assert_int_equal(node.smmu.model, 3);
	assert_int_equal(node.smmu.contexts, 0x50);
	assert_true(node.smmu.coherent && node.smmu.usable);
	assert_false(node.smmu.dvm);
	node = node_at(pmcg);
	assert_int_equal(node.pmcg.base, 0x1000);
	assert_int_equal(node.pmcg.page_1, 0x2000);
	assert_int_equal(node.pmcg.overflow, 44);
	assert_int_equal(node.pmcg.counted, smmu);
	assert_int_equal(node_at(old_pmcg).pmcg.page_1, 0);
	/* The second page needs both: the revision, and a node that reaches so far. */
	table_set(&t, pmcg + IORT_NODE_REVISION, 0, 1);
	table_set(&t, old_pmcg + IORT_NODE_REVISION, 1, 1);
	assert_int_equal(node_at(pmcg).pmcg.page_1, 0);
	assert_int_equal(node_at(old_pmcg).pmcg.page_1, 0);
	node = node_at(bridge);
	assert_int_equal(node.wire_bridge.base, 0x3000);
	assert_int_equal(node.wire_bridge.index, 0x1234);
	assert_string_equal(node.wire_bridge.name, "IWB");
	node = node_at(reserved);
	assert_true(node.reserved_memory.privileged);
	assert_false(node.reserved_memory.may_move);
	assert_int_equal(node.reserved_memory.attributes, 5);
	assert_true(iommu_iort_next_range(&iort, &node, &range));
	assert_int_equal(range.start, 0x80000000);
	assert_int_equal(range.last, 0x8000ffff);
	assert_true(iommu_iort_next_range(&iort, &node, &range));
	assert_int_equal(range.last, 0x9001ffff);
	assert_false(iommu_iort_next_range(&iort, &node, &range));
	node = node_at(old_reserved);
	assert_true(node.reserved_memory.may_move);
	assert_false(node.reserved_memory.privileged);
	assert_int_equal(node.reserved_memory.attributes, 0);
	table_set(&t, reserved + IORT_RMR_FLAGS, 0x14, 4);
	assert_false(node_at(reserved).reserved_memory.privileged);
	memset(&range, 0, sizeof(range));
	assert_true(iommu_iort_next_range(&iort, &node, &range));
	assert_int_equal(range.last, UINT64_MAX);
	/* A list is that of its type. */
	memset(&range, 0, sizeof(range));
	node = node_at(smmu);
	assert_false(iommu_iort_next_range(&iort, &node, &range));
}

static void maps_are_read(void **state)
{
	struct iommu_iort_map map = {0};
	uint32_t its, unit, root;
	struct iommu_iort_node node;
	struct table t;

	(void)state;
	table_begin(&t);
	its = table_its(&t, 3);
	unit = table_smmuv3(&t, 0x10000, 1);
	table_map(&t, 0, 0xffffffff, 0, its);
	root = table_root(&t, 0, 3);
	table_map(&t, 0x10, 0x1f, 0x70000, unit);
	table_single(&t, 0x42, its);
	table_map(&t, 0xffffffff, 0xffffffff, 0xffffffff, unit);
	expect(&t, 0);
	node = node_at(root);
	assert_true(iommu_iort_next_map(&iort, &node, &map));
	assert_int_equal(map.first, 0x10);
	assert_int_equal(map.last, 0x1f);
	assert_int_equal(map.output, 0x70000);
	assert_int_equal(map.target, unit);
	assert_true(map.leads && map.target_type == IOMMU_IORT_SMMUV3);
	assert_false(map.is_single || map.is_own);
	assert_true(iommu_iort_next_map(&iort, &node, &map));
	assert_true(map.is_single && map.leads && map.target_type == IOMMU_IORT_ITS_GROUP);
	assert_int_equal(map.output, 0x42);
	assert_true(iommu_iort_next_map(&iort, &node, &map));
	assert_int_equal(map.last, 0xffffffff);
	assert_false(iommu_iort_next_map(&iort, &node, &map));
	assert_int_equal(maps_shown(unit, &map), 1);
	assert_int_equal(map.last, 0xffffffff);
}

/* --- What is tolerated ------------------------------------------------------------------------ */

static void broken_nodes_are_skipped(void **state)
{
	struct iommu_iort_node node;
	uint32_t offset;
	struct table t;

	(void)state;
	table_begin(&t);
	(void)table_node(&t, IOMMU_IORT_SMMUV3, 0, IORT_SMMUV3_SIZE - 1, 0);
	(void)table_node(&t, 8, 0, 16, 0);
	offset = table_its(&t, 0);
	expect(&t, IOMMU_IORT_NODE_SHORT | IOMMU_IORT_NODE_UNKNOWN);
	assert_int_equal(nodes_shown(), 1);
	assert_int_equal(node_at(offset).offset, offset);
	/* What is skipped is not found, nor what no node begins at. */
	assert_false(iommu_iort_node_at(&iort, IORT_HEADER_SIZE, &node));
	assert_false(iommu_iort_node_at(&iort, offset + 1, &node));
	assert_false(iommu_iort_node_at(&iort, t.length, &node));
	assert_false(iommu_iort_node_at(&iort, 0, &node));
	assert_false(iommu_iort_node_at(&iort, UINT32_MAX, &node));
	(void)table_node(&t, IOMMU_IORT_ITS_GROUP, 0, IORT_ITS_SIZE, 0);
	table_set(&t, t.length - IORT_ITS_SIZE + IORT_NODE_LENGTH, IORT_NODE_HEADER - 1, 2);
	(void)table_its(&t, 1);
	expect(&t, IOMMU_IORT_NODE_SHORT | IOMMU_IORT_NODE_UNKNOWN | IOMMU_IORT_NODE_LENGTH);
	assert_int_equal(nodes_shown(), 1);
	/* One that is shorter than a header, alone: not even short. */
	table_begin(&t);
	(void)table_node(&t, IOMMU_IORT_ITS_GROUP, 0, IORT_ITS_SIZE, 0);
	table_set(&t, IORT_HEADER_SIZE + IORT_NODE_LENGTH, IORT_NODE_HEADER - 1, 2);
	expect(&t, IOMMU_IORT_NODE_LENGTH);
	table_set(&t, IORT_HEADER_SIZE + IORT_NODE_LENGTH, 0, 2);
	expect(&t, IOMMU_IORT_NODE_LENGTH);
	table_begin(&t);
	(void)table_its(&t, 0);
	(void)table_its(&t, 1);
	t.length--;
	expect(&t, IOMMU_IORT_NODE_LENGTH);
	assert_int_equal(nodes_shown(), 1);
	t.length -= 10;
	expect(&t, IOMMU_IORT_NODE_LENGTH);
	/* Fewer than are counted, and more. */
	table_begin(&t);
	offset = table_its(&t, 0);
	t.nodes++;
	expect(&t, IOMMU_IORT_NODE_COUNT);
	assert_int_equal(nodes_shown(), 1);
	t.nodes = 0;
	expect(&t, IOMMU_IORT_NODE_COUNT);
	assert_int_equal(nodes_shown(), 0);
	assert_false(iommu_iort_node_at(&iort, offset, &node));
	/* A wrong sum. */
	t.nodes = 1;
	table_seal(&t);
	t.bytes[9]++;
	assert_int_equal(iommu_iort_open(&iort, t.bytes, t.length), 0);
	assert_int_equal(iort.defects, IOMMU_IORT_CHECKSUM);
}

static void names_end_in_their_node(void **state)
{
	struct table t;
	uint32_t offset;

	(void)state;
	table_begin(&t);
	offset = table_component(&t, "ABC", 0);
	table_set(&t, offset + IORT_COMPONENT_NAME + 3, 'D', 1);
	expect(&t, IOMMU_IORT_NAME_UNTERMINATED);
	assert_int_equal(nodes_shown(), 0);
	(void)table_its(&t, 0);
	expect(&t, IOMMU_IORT_NAME_UNTERMINATED);
	assert_int_equal(nodes_shown(), 1);
	table_begin(&t);
	offset = table_node(&t, IOMMU_IORT_WIRE_BRIDGE, 0, IORT_IWB_SIZE, 0);
	expect(&t, IOMMU_IORT_NAME_UNTERMINATED);
	assert_int_equal(nodes_shown(), 0);
}

static void arrays_are_cut(void **state)
{
	struct iommu_iort_range range = {0};
	struct iommu_iort_its its = {0};
	struct iommu_iort_map map = {0};
	struct iommu_iort_node node;
	uint32_t group, root, reserved;
	struct table t;

	(void)state;
	table_begin(&t);
	group = table_its(&t, 9);
	root = table_root(&t, 0, 1);
	table_map(&t, 0, 1, 0, group);
	reserved = table_reserved(&t, 1, 0);
	table_range(&t, reserved, 0, 0x10000, 0x10000);
	expect(&t, 0);
	table_set(&t, group + IORT_ITS_COUNT, 2, 4);
	expect(&t, IOMMU_IORT_ARRAY_LENGTH);
	node = node_at(group);
	assert_true(iommu_iort_next_its(&iort, &node, &its));
	assert_int_equal(its.id, 9);
	assert_false(iommu_iort_next_its(&iort, &node, &its));
	table_set(&t, group + IORT_ITS_COUNT, 1, 4);
	table_set(&t, root + IORT_NODE_MAPS, 0xffffffff, 4);
	expect(&t, IOMMU_IORT_ARRAY_LENGTH);
	assert_int_equal(maps_shown(root, &map), 1);
	/* One that begins outside, or in what every node of the type has, has nothing. */
	table_set(&t, root + IORT_NODE_MAPS, 1, 4);
	table_set(&t, root + IORT_NODE_MAP_OFFSET, 0xfffffff0, 4);
	expect(&t, IOMMU_IORT_ARRAY_LENGTH);
	assert_int_equal(maps_shown(root, &map), 0);
	table_set(&t, root + IORT_NODE_MAP_OFFSET, IORT_ROOT_SIZE_FLAGS + 1, 4);
	expect(&t, IOMMU_IORT_ARRAY_LENGTH);
	table_set(&t, root + IORT_NODE_MAP_OFFSET, IORT_ROOT_SIZE - 1, 4);
	expect(&t, IOMMU_IORT_ARRAY_LENGTH);
	assert_int_equal(maps_shown(root, &map), 0);
	table_set(&t, root + IORT_NODE_MAP_OFFSET, IORT_ROOT_SIZE_FLAGS, 4);
	table_set(&t, reserved + IORT_RMR_COUNT, 2, 4);
	expect(&t, IOMMU_IORT_ARRAY_LENGTH);
	node = node_at(reserved);
	assert_true(iommu_iort_next_range(&iort, &node, &range));
	assert_false(iommu_iort_next_range(&iort, &node, &range));
}

static void broken_maps(void **state)
{
	uint32_t its, unit, root, other;
	struct iommu_iort_map map = {0};
	struct table t;

	(void)state;
	/* Ids that are too wide, on either side. */
	table_begin(&t);
	its = table_its(&t, 0);
	root = table_root(&t, 0, 3);
	table_map(&t, 0xffffffff, 0, 0, its);
	table_map(&t, 0, 1, 0xffffffff, its);
	table_map(&t, 4, 4, 5, its);
	expect(&t, IOMMU_IORT_MAP_RANGE);
	assert_int_equal(maps_shown(root, &map), 1);
	assert_int_equal(map.first, 4);
	/* To nothing, to itself, back, and on to the next unit: no circle is a way. */
	table_begin(&t);
	unit = table_smmuv3(&t, 0x10000, 2);
	table_map(&t, 0, 9, 0, unit);
	table_map(&t, 10, 19, 0, IORT_HEADER_SIZE + IORT_SMMUV3_SIZE_INDEX + 2 * IORT_MAP_SIZE);
	other = table_smmuv3(&t, 0x30000, 1);
	table_map(&t, 0, 9, 0, unit);
	root = table_root(&t, 0, 3);
	table_map(&t, 0, 9, 0, root);
	table_map(&t, 10, 19, 0, 0xffffffff);
	table_map(&t, 20, 29, 0, unit + 1);
	expect(&t, IOMMU_IORT_MAP_TARGET);
	assert_int_equal(maps_shown(root, &map), 3);
	assert_false(map.leads);
	assert_int_equal(maps_shown(unit, &map), 2);
	assert_int_equal(map.target, other);
	assert_false(map.leads);
	/* A single one where there may be none. */
	table_begin(&t);
	its = table_its(&t, 0);
	unit = table_smmuv3(&t, 0x10000, 1);
	table_single(&t, 5, its);
	expect(&t, IOMMU_IORT_MAP_SINGLE);
	assert_int_equal(maps_shown(unit, &map), 0);
	/* Maps of an ITS group lead nowhere. */
	table_begin(&t);
	its = table_node(&t, IOMMU_IORT_ITS_GROUP, 1, IORT_ITS_SIZE, 1);
	table_map(&t, 0, 1, 0, its);
	expect(&t, IOMMU_IORT_MAP_TARGET);
}

/* Two maps of a root complex, and what they are to each other. */
static void ids_in_common(void **state)
{
	static const struct {
		uint32_t first, last, other_first, other_last;
		unsigned int defects;
	} cases[] = {
		{0, 9, 10, 19, 0},
		{10, 19, 0, 9, 0},
		{0, 10, 10, 19, IOMMU_IORT_MAP_COUNT},
		{10, 19, 0, 10, IOMMU_IORT_MAP_COUNT},
		{0, 10, 10, 10, IOMMU_IORT_MAP_COUNT},
		{0, 11, 10, 19, IOMMU_IORT_MAP_OVERLAP},
		{5, 5, 5, 9, IOMMU_IORT_MAP_OVERLAP},
		{5, 9, 5, 5, IOMMU_IORT_MAP_OVERLAP},
		{0, 0xffffffff, 7, 7, IOMMU_IORT_MAP_OVERLAP},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct table t;
		uint32_t its;

		table_begin(&t);
		its = table_its(&t, 0);
		(void)table_root(&t, 0, 2);
		table_map(&t, cases[i].first, cases[i].last, 0, its);
		table_map(&t, cases[i].other_first, cases[i].other_last, 0, its);
		expect(&t, cases[i].defects);
	}
}

static void units_that_cannot_be_used(void **state)
{
	static const struct {
		uint64_t base;
		uint32_t model;
		bool usable;
	} cases[] = {{0, 0, false},
		     {0x10000, 0, true},
		     {0x11000, 0, false},
		     {0xffffffffffff0000, 0, false},
		     {0xffffffffffff0000, IOMMU_IORT_SMMUV3_CN99XX, true},
		     {0xfffffffffffe0000, 0, true}};
	struct table t;
	unsigned int i;
	uint32_t unit;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		table_begin(&t);
		unit = table_smmuv3(&t, cases[i].base, 0);
		table_set(&t, unit + IORT_SMMUV3_MODEL, cases[i].model, 4);
		expect(&t, cases[i].usable ? 0 : IOMMU_IORT_UNIT_WITHOUT_BASE);
		assert_int_equal(node_at(unit).smmuv3.usable, cases[i].usable);
	}
	table_begin(&t);
	unit = table_node(&t, IOMMU_IORT_SMMU, 0, IORT_SMMU_SIZE, 0);
	table_set(&t, unit + IORT_SMMU_BASE, 0x1000, 8);
	expect(&t, IOMMU_IORT_UNIT_WITHOUT_BASE);
	table_set(&t, unit + IORT_SMMU_SPAN, 0xfffffffffffff000, 8);
	expect(&t, 0);
	assert_true(node_at(unit).smmu.usable);
	table_set(&t, unit + IORT_SMMU_SPAN, 0xfffffffffffff001, 8);
	expect(&t, IOMMU_IORT_UNIT_WITHOUT_BASE);
	assert_false(node_at(unit).smmu.usable);
	/* Two at one address, also of two kinds. */
	table_set(&t, unit + IORT_SMMU_SPAN, 0x1000, 8);
	table_set(&t, unit + IORT_SMMU_BASE, 0x10000, 8);
	(void)table_smmuv3(&t, 0x20000, 0);
	expect(&t, 0);
	(void)table_smmuv3(&t, 0x10000, 0);
	expect(&t, IOMMU_IORT_UNIT_TWICE);
	assert_int_equal(nodes_shown(), 3);
}

static void widths_and_counters(void **state)
{
	uint32_t root, component, pmcg;
	struct table t;

	(void)state;
	table_begin(&t);
	root = table_root(&t, 0, 0);
	component = table_component(&t, "A", 0);
	expect(&t, 0);
	table_set(&t, root + IORT_ROOT_LIMIT, 65, 1);
	expect(&t, IOMMU_IORT_ADDRESS_WIDTH);
	assert_int_equal(node_at(root).root_complex.address_bits, 64);
	table_set(&t, root + IORT_ROOT_LIMIT, 64, 1);
	expect(&t, 0);
	assert_false(node_at(component).named_component.stalls);
	table_set(&t, component + IORT_COMPONENT_LIMIT, 0, 1);
	expect(&t, IOMMU_IORT_ADDRESS_WIDTH);
	assert_int_equal(node_at(component).named_component.address_bits, 0);
	table_set(&t, component + IORT_COMPONENT_LIMIT, 32, 1);
	pmcg = table_node(&t, IOMMU_IORT_PMCG, 1, IORT_PMCG_SIZE_PAGE, 0);
	table_set(&t, pmcg + IORT_PMCG_NODE, root + 1, 4);
	expect(&t, IOMMU_IORT_PMCG_NODE);
	table_set(&t, pmcg + IORT_PMCG_NODE, root, 4);
	expect(&t, 0);
}

static void reserved_ranges(void **state)
{
	struct iommu_iort_range range = {0};
	struct iommu_iort_node node;
	struct table t;
	uint32_t memory;

	(void)state;
	table_begin(&t);
	memory = table_reserved(&t, 3, 0);
	table_range(&t, memory, 0, 0x10000, 0);
	table_range(&t, memory, 1, 0xffffffffffff0000, 0x20000);
	table_range(&t, memory, 2, 0x20800, 0x1000);
	expect(&t, IOMMU_IORT_RANGE_EMPTY | IOMMU_IORT_RANGE_UNALIGNED);
	node = node_at(memory);
	assert_true(iommu_iort_next_range(&iort, &node, &range));
	assert_int_equal(range.start, 0x20000);
	assert_int_equal(range.last, 0x21fff);
	assert_false(iommu_iort_next_range(&iort, &node, &range));
	/* Nothing at 0 is not all that there is. */
	table_range(&t, memory, 0, 0, 0);
	table_range(&t, memory, 2, 0x20000, 0x10000);
	expect(&t, IOMMU_IORT_RANGE_EMPTY);
	table_range(&t, memory, 0, 0x10000, 0x10000);
	table_range(&t, memory, 1, 0x20000, 0x10000);
	table_range(&t, memory, 2, 0x30000, 0x10000);
	expect(&t, 0);
	table_range(&t, memory, 2, 0x20000, 0x10000);
	expect(&t, IOMMU_IORT_RANGE_OVERLAP);
	table_range(&t, memory, 2, 0, 0x20000);
	expect(&t, IOMMU_IORT_RANGE_OVERLAP);
}

/* By the revision of its node a unit says in two ways which map is its own. */
static void the_map_of_a_units_own(void **state)
{
	static const struct {
		unsigned int revision, flags, index, wires, maps;
		bool has;
		unsigned int defects;
	} cases[] = {
		{0, 0x10, 0, 0, 2, false, 0},
		{1, 0, 1, 0, 2, true, 0},
		{4, 0, 1, 3, 2, true, 0},
		{4, 0x10, 1, 4, 2, false, 0},
		{4, 0, 2, 0, 2, false, IOMMU_IORT_MAP_INDEX},
		{4, 0, 0, 0, 0, false, 0},
		{4, 0, 1, 0, 0, false, IOMMU_IORT_MAP_INDEX},
		{5, 0, 1, 0, 2, false, 0},
		{5, 0x10, 1, 4, 2, true, 0},
		{5, 0x10, 2, 0, 2, false, IOMMU_IORT_MAP_INDEX},
		{5, 0x10, 0, 0, 0, false, IOMMU_IORT_MAP_INDEX},
	};
	unsigned int i, wire;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_iort_node its;
		uint32_t group, unit, id = 0;
		struct iommu_iort_node node;
		struct table t;

		table_begin(&t);
		group = table_its(&t, 0);
		unit = table_smmuv3(&t, 0x10000, cases[i].maps);
		table_set(&t, unit + IORT_NODE_REVISION, cases[i].revision, 1);
		table_set(&t, unit + IORT_SMMUV3_FLAGS, cases[i].flags, 4);
		table_set(&t, unit + IORT_SMMUV3_MAP_INDEX, cases[i].index, 4);
		for (wire = 0; wire < cases[i].wires; wire++)
			table_set(&t, unit + IORT_SMMUV3_EVENT + 4 * wire, 40 + wire, 4);
		if (cases[i].maps != 0) {
			table_map(&t, 0, 9, 0, group);
			table_map(&t, 10, 19, 0x77, group);
		}
		expect(&t, cases[i].defects);
		node = node_at(unit);
		assert_int_equal(node.smmuv3.has_own_map, cases[i].has);
		assert_int_equal(iommu_iort_own_messages(&iort, &node, &its, &id),
				 cases[i].has ? 0 : IOMMU_ENOENT);
		if (cases[i].has) {
			assert_int_equal(id, 0x77);
			assert_int_equal(its.offset, group);
		}
	}
}

static void what_is_no_table_is_refused(void **state)
{
	struct table t;

	(void)state;
	table_begin(&t);
	assert_int_equal(open_made(&t), 0);
	assert_int_equal(nodes_shown(), 0);
	assert_int_equal(iommu_iort_open(&iort, NULL, 100), IOMMU_EINVAL);
	assert_int_equal(iommu_iort_open(&iort, t.bytes, IORT_HEADER_SIZE - 1), IOMMU_EINVAL);
	assert_true(iort.refusal[0] != 0);
	assert_int_equal(nodes_shown(), 0);
#define REFUSED(offset, value)                                                                     \
	table_begin(&t);                                                                           \
	(void)open_made(&t);                                                                       \
	table_set(&t, offset, value, 4);                                                           \
	assert_int_equal(iommu_iort_open(&iort, t.bytes, sizeof(t.bytes)), IOMMU_EINVAL)
	REFUSED(0, 0x544d4952);
	REFUSED(IORT_LENGTH, IORT_HEADER_SIZE - 1);
	REFUSED(IORT_LENGTH, sizeof(t.bytes) + 1);
	REFUSED(IORT_LENGTH, 0xffffffff);
	REFUSED(IORT_FIRST_NODE, IORT_HEADER_SIZE - 1);
	REFUSED(IORT_FIRST_NODE, IORT_HEADER_SIZE + 1);
	REFUSED(IORT_FIRST_NODE, 0xffffffff);
}

static void the_length_has_a_bound(void **state)
{
	uint8_t *bytes = calloc(1, IOMMU_IORT_MAX_SIZE + 1);
	struct table t;

	(void)state;
	assert_non_null(bytes);
	table_begin(&t);
	table_set(&t, IORT_LENGTH, IOMMU_IORT_MAX_SIZE, 4);
	memcpy(bytes, t.bytes, IORT_HEADER_SIZE);
	assert_int_equal(iommu_iort_open(&iort, bytes, IOMMU_IORT_MAX_SIZE + 1), 0);
	table_set(&t, IORT_LENGTH, IOMMU_IORT_MAX_SIZE + 1, 4);
	memcpy(bytes, t.bytes, IORT_HEADER_SIZE);
	assert_int_equal(iommu_iort_open(&iort, bytes, IOMMU_IORT_MAX_SIZE + 1), IOMMU_EINVAL);
	free(bytes);
}

/* --- Damage ----------------------------------------------------------------------------------- */

static void ask_of_node(const struct iommu_iort_node *node, size_t size)
{
	struct iommu_iort_route route;
	struct iommu_iort_range range = {0};
	struct iommu_iort_its its = {0};
	struct iommu_iort_map map = {0};
	struct iommu_iort_node target;
	uint32_t id;

	while (iommu_iort_next_its(&iort, node, &its))
		assert_true(its.position <= size / 4);
	while (iommu_iort_next_range(&iort, node, &range))
		assert_true(range.position <= size / IORT_RMR_DESC_SIZE);
	while (iommu_iort_next_map(&iort, node, &map)) {
		assert_true(map.position <= size / IORT_MAP_SIZE && map.first <= map.last);
		(void)iommu_iort_follow(&iort, node, map.last, &route);
	}
	(void)iommu_iort_own_messages(&iort, node, &target, &id);
	if (node->type == IOMMU_IORT_NAMED_COMPONENT)
		(void)strlen(node->named_component.name);
	if (node->type == IOMMU_IORT_WIRE_BRIDGE)
		(void)strlen(node->wire_bridge.name);
	if (iort_is_unit(node->type)) {
		struct iommu_iort_reservation reservation = {0};
		struct iommu_iort_reach reach = {0};
		unsigned int count = 0;

		while (iommu_iort_next_reach(&iort, node->offset, &reach))
			assert_true(++count <= size && reach.first <= reach.last);
		while (iommu_iort_next_reservation(&iort, node->offset, 0x20, &reservation))
			assert_true(++count <= size);
	}
}

static void ask_everything(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);
	struct iommu_iort_node shown = {0};
	struct iommu_iort_route route;
	unsigned int count = 0;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	if (iommu_iort_open(&iort, copy, size) == 0) {
		while (iommu_iort_next(&iort, &shown)) {
			assert_true(++count <= size / IORT_NODE_HEADER);
			ask_of_node(&shown, size);
		}
		(void)iommu_iort_find(&iort, 0, 0x20, &route);
	}
	free(copy);
}

/* A table that has everything: damage reaches each reader. */
static uint32_t make_full(uint8_t *bytes)
{
	uint32_t its, unit, memory;
	struct table t;

	table_begin(&t);
	its = table_its(&t, 0);
	unit = table_smmuv3(&t, 0x10000, 2);
	table_set(&t, unit + IORT_SMMUV3_FLAGS, 0x19, 4);
	table_single(&t, 0x5000, its);
	table_map(&t, 0, 0xffff, 0, its);
	(void)table_root(&t, 0, 2);
	table_map(&t, 0, 0x7f, 0, unit);
	table_map(&t, 0x80, 0xffff, 0x80, its);
	(void)table_component(&t, "\\_SB.D", 2);
	table_single(&t, 9, unit);
	table_single(&t, 10, unit);
	memory = table_reserved(&t, 2, 1);
	table_range(&t, memory, 0, 0x10000, 0x10000);
	table_range(&t, memory, 1, 0x30000, 0x10000);
	table_map(&t, 0, 0x1f, 0x20, unit);
	(void)table_node(&t, IOMMU_IORT_PMCG, 1, IORT_PMCG_SIZE_PAGE, 1);
	table_set(&t, t.length - IORT_PMCG_SIZE_PAGE + IORT_PMCG_NODE, unit, 4);
	table_single(&t, 0x6000, its);
	(void)table_node(&t, IOMMU_IORT_SMMU, 3, IORT_SMMU_SIZE, 0);
	(void)table_node(&t, IOMMU_IORT_WIRE_BRIDGE, 0, IORT_IWB_SIZE + 1, 0);
	table_seal(&t);
	memcpy(bytes, t.bytes, t.length);
	return t.length;
}

static void damage(const uint8_t *bytes, size_t size, struct test_random *random)
{
	uint8_t damaged[1024];
	uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 100000) / 3;
	size_t at;

	assert_true(size <= sizeof(damaged));
	for (at = 0; at <= size; at++)
		ask_everything(bytes, at);
	/* Each byte with values at which lengths, counts and offsets go wrong. */
	for (at = IORT_LENGTH; at < size; at++) {
		static const uint8_t values[] = {0, 1, 15, 16, 0x7f, 0x80, 0xff};
		unsigned int i;

		memcpy(damaged, bytes, size);
		for (i = 0; i < sizeof(values); i++) {
			damaged[at] = values[i];
			ask_everything(damaged, size);
		}
	}
	for (; rounds != 0; rounds--) {
		unsigned int changes = 1 + (unsigned int)test_random_below(random, 4);

		memcpy(damaged, bytes, size);
		for (; changes != 0; changes--)
			damaged[IORT_NODES + test_random_below(random, size - IORT_NODES)] =
				(uint8_t)test_random_next(random);
		ask_everything(damaged, size);
	}
}

static void damage_is_survived(void **state)
{
	struct test_random random = {.state = 7};
	uint8_t full[1024];
	size_t size;
	uint8_t *bytes = read_file("two-units.bin", &size);

	(void)state;
	damage(bytes, size, &random);
	free(bytes);
	size = make_full(full);
	assert_int_equal(iommu_iort_open(&iort, full, size), 0);
	assert_int_equal(iort.defects, IOMMU_IORT_UNIT_WITHOUT_BASE);
	assert_int_equal(nodes_shown(), 8);
	damage(full, size, &random);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_of_one_unit),
		cmocka_unit_test(a_table_of_two_units),
		cmocka_unit_test(a_table_without_units),
		cmocka_unit_test(an_smmuv3_is_read),
		cmocka_unit_test(devices_are_read),
		cmocka_unit_test(revisions_of_a_root_complex),
		cmocka_unit_test(other_nodes_are_read),
		cmocka_unit_test(maps_are_read),
		cmocka_unit_test(broken_nodes_are_skipped),
		cmocka_unit_test(names_end_in_their_node),
		cmocka_unit_test(arrays_are_cut),
		cmocka_unit_test(broken_maps),
		cmocka_unit_test(ids_in_common),
		cmocka_unit_test(units_that_cannot_be_used),
		cmocka_unit_test(widths_and_counters),
		cmocka_unit_test(reserved_ranges),
		cmocka_unit_test(the_map_of_a_units_own),
		cmocka_unit_test(what_is_no_table_is_refused),
		cmocka_unit_test(the_length_has_a_bound),
		cmocka_unit_test(damage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
