/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What configuration space says of a machine: of one that was captured (tests/data/pci), of devices
 * that are composed here, register by register, and of devices whose registers lie.
 */
#include <stdio.h>
#include <string.h>

#include <libiommu/pci.h>
#include <libiommu/status.h>

#include "test.h"

#define SPACES                    64
#define FUNCTIONS                 128
#define ID(bus, device, function) ((uint16_t)((bus) << 8 | (device) << 3 | (function)))

static struct {
	uint16_t segment, id;
	uint8_t bytes[4096];
} spaces[SPACES];
static unsigned int space_count;
static uint64_t reads;

static struct iommu_pci_function functions[FUNCTIONS];
static struct iommu_pci_topology topology = {functions, 0};

static uint32_t read_config(void *ctx, uint16_t segment, uint16_t id, unsigned int offset)
{
	unsigned int i;

	(void)ctx;
	reads++;
	assert_true(offset % 4 == 0 && offset < 4096);
	for (i = 0; i < space_count; i++)
		if (spaces[i].segment == segment && spaces[i].id == id)
			return spaces[i].bytes[offset] |
			       (uint32_t)spaces[i].bytes[offset + 1] << 8 |
			       (uint32_t)spaces[i].bytes[offset + 2] << 16 |
			       (uint32_t)spaces[i].bytes[offset + 3] << 24;
	return UINT32_MAX;
}

static const struct iommu_pci_config config = {.read = read_config};

/* --- Making machines ---------------------------------------------------------------------- */

static uint8_t *space_at(uint16_t id)
{
	unsigned int i = 0;

	while (i < space_count && spaces[i].id != id)
		i++;
	assert_true(i < space_count);
	return spaces[i].bytes;
}

static void put16(uint8_t *bytes, unsigned int offset, unsigned int value)
{
	bytes[offset] = (uint8_t)value;
	bytes[offset + 1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *bytes, unsigned int offset, uint32_t value)
{
	put16(bytes, offset, value & 0xffff);
	put16(bytes, offset + 2, value >> 16);
}

static uint8_t *new_space(uint16_t id)
{
	assert_true(space_count < SPACES);
	memset(&spaces[space_count], 0, sizeof(spaces[0]));
	spaces[space_count].id = id;
	return spaces[space_count++].bytes;
}

/*
 * A device, or a bridge with these buses below it; PCI Express with a type, conventional with -1.
 */
static uint8_t *add(uint16_t id, int type, unsigned int secondary, unsigned int last)
{
	uint8_t *bytes = new_space(id);

	put32(bytes, 0x00, 0x56781234);
	put32(bytes, 0x08, 0x02000001);
	if (secondary != 0) {
		bytes[0x0e] = 1;
		put32(bytes, 0x18, last << 16 | secondary << 8 | id >> 8);
	}
	if (type < 0) {
		memset(bytes + 256, 0xff, 4096 - 256);
		return bytes;
	}
	put16(bytes, 0x06, 0x10);
	bytes[0x34] = 0x50;
	put16(bytes, 0x50, 0x6005); /* something else before it */
	put32(bytes, 0x60, 0x00020010 | (uint32_t)type << 20);
	return bytes;
}

/* Extended capabilities, one after the other; each has 64 bytes. */
static unsigned int add_extended(uint8_t *bytes, unsigned int which)
{
	unsigned int offset = 0x100;

	if (bytes[offset] != 0) {
		while ((bytes[offset + 3] << 4 | bytes[offset + 2] >> 4) != 0)
			offset = (unsigned int)(bytes[offset + 3] << 4 | bytes[offset + 2] >> 4);
		put16(bytes, offset + 2, (offset + 64) << 4 | 1);
		offset += 64;
	}
	put32(bytes, offset, 1U << 16 | which);
	return offset;
}

static void begin(void)
{
	space_count = 0;
	topology.count = 0;
	reads = 0;
}

/* "BB:DD.F" begins a function, "OOO: 00 11 …" is a row of it. */
static void load(const char *name)
{
	char line[128];
	uint8_t *bytes = NULL;
	FILE *file;

	begin();
	snprintf(line, sizeof(line), "%s/pci/%s", TEST_DATA, name);
	file = fopen(line, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		unsigned int bus, device, function, offset, byte, i;
		int used;

		if (sscanf(line, "%x:%x.%x", &bus, &device, &function) == 3) {
			bytes = new_space(ID(bus, device, function));
		} else if (strncmp(line, "100: nothing", 12) == 0) {
			memset(bytes + 256, 0xff, 4096 - 256);
		} else {
			const char *at = line;

			assert_int_equal(sscanf(at, "%x:%n", &offset, &used), 1);
			for (i = 0, at += used; i < 16; i++, at += used) {
				assert_int_equal(sscanf(at, " %x%n", &byte, &used), 1);
				bytes[offset + i] = (uint8_t)byte;
			}
		}
	}
	fclose(file);
}

static int scan(void)
{
	return iommu_pci_scan(&config, 0, 0, functions, FUNCTIONS, &topology.count);
}

static size_t index_of(uint16_t id)
{
	size_t i;

	for (i = 0; i < topology.count; i++)
		if (iommu_pci_id(&functions[i]) == id)
			return i;
	return topology.count;
}

static const struct iommu_pci_function *found(uint16_t id)
{
	const size_t index = index_of(id);

	if (index == topology.count)
		fail_msg("%04x was not found", id);
	return &functions[index];
}

static bool together(uint16_t a, uint16_t b)
{
	size_t groups[FUNCTIONS];

	assert_int_equal(iommu_pci_groups(&topology, groups), 0);
	return groups[index_of(a)] == groups[index_of(b)];
}

static struct iommu_endpoint_info describe(uint16_t id, unsigned int features)
{
	struct iommu_endpoint_info info;

	assert_int_equal(iommu_pci_describe(&config, &topology, index_of(id), features, &info), 0);
	assert_int_equal(info.source_id, id);
	return info;
}

#define ALL_FEATURES (IOMMU_FEATURE_PASID | IOMMU_FEATURE_ATS | IOMMU_FEATURE_PAGE_REQUESTS)

/* --- A captured machine ------------------------------------------------------------------- */

static void a_captured_machine_is_found_whole(void **state)
{
	static const struct {
		uint16_t id;
		enum iommu_pci_type type;
		unsigned int flags;
		uint8_t secondary;
		uint16_t acs;
	} expected[] = {
		{ID(0, 0, 0), IOMMU_PCI_CONVENTIONAL, 0, 0, 0},
		{ID(0, 1, 0), IOMMU_PCI_ROOT_PORT, IOMMU_PCI_MULTIFUNCTION | IOMMU_PCI_HAS_ACS, 1,
		 0x5f},
		{ID(0, 1, 1), IOMMU_PCI_ROOT_PORT, IOMMU_PCI_MULTIFUNCTION | IOMMU_PCI_HAS_ACS, 3,
		 0x5f},
		{ID(0, 2, 0), IOMMU_PCI_ROOT_PORT, IOMMU_PCI_HAS_ACS, 5, 0x5f},
		{ID(0, 31, 0), IOMMU_PCI_CONVENTIONAL, IOMMU_PCI_MULTIFUNCTION, 0, 0},
		{ID(0, 31, 2), IOMMU_PCI_CONVENTIONAL, IOMMU_PCI_MULTIFUNCTION, 0, 0},
		{ID(0, 31, 3), IOMMU_PCI_CONVENTIONAL, IOMMU_PCI_MULTIFUNCTION, 0, 0},
		{ID(1, 0, 0), IOMMU_PCI_ENDPOINT, 0, 0, 0},
		{ID(1, 0, 1), IOMMU_PCI_ENDPOINT, IOMMU_PCI_VIRTUAL, 0, 0},
		{ID(1, 0, 2), IOMMU_PCI_ENDPOINT, IOMMU_PCI_VIRTUAL, 0, 0},
		{ID(3, 0, 0), IOMMU_PCI_EXPRESS_TO_PCI, 0, 4, 0},
		{ID(4, 3, 0), IOMMU_PCI_CONVENTIONAL, 0, 0, 0},
		{ID(4, 4, 0), IOMMU_PCI_CONVENTIONAL, 0, 0, 0},
		{ID(5, 0, 0), IOMMU_PCI_UPSTREAM_PORT, 0, 6, 0},
		{ID(6, 0, 0), IOMMU_PCI_DOWNSTREAM_PORT, 0, 7, 0},
		{ID(6, 1, 0), IOMMU_PCI_DOWNSTREAM_PORT, 0, 8, 0},
		{ID(7, 0, 0), IOMMU_PCI_ENDPOINT, 0, 0, 0},
		{ID(8, 0, 0), IOMMU_PCI_ENDPOINT, 0, 0, 0},
	};
	size_t i;

	(void)state;
	load("q35.txt");
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, sizeof(expected) / sizeof(expected[0]));
	for (i = 0; i < topology.count; i++) {
		const struct iommu_pci_function *is = found(expected[i].id);

		if (is->type != expected[i].type || is->flags != expected[i].flags ||
		    is->secondary_bus != expected[i].secondary ||
		    is->acs_capability != expected[i].acs)
			fail_msg("%04x: type %d, flags %x, bus %x, acs %x", expected[i].id,
				 is->type, is->flags, is->secondary_bus, is->acs_capability);
	}
	assert_int_equal(found(ID(1, 0, 2))->physical_function, ID(1, 0, 0));
}

static void writes_of_access_control_split_a_group(void **state)
{
	size_t i;

	(void)state;
	load("q35.txt");
	assert_int_equal(scan(), 0);
	assert_true(together(ID(1, 0, 0), ID(4, 3, 0)));
	assert_true(together(ID(7, 0, 0), ID(8, 0, 0)));
	for (i = 0; i < topology.count; i++) {
		struct iommu_pci_function *f = &functions[i];

		if (f->acs_offset == 0) {
			assert_int_equal(iommu_pci_acs_wanted(f), 0);
			continue;
		}
		assert_int_equal(iommu_pci_acs_wanted(f), 0x1d);
		put16(space_at(iommu_pci_id(f)), f->acs_offset, iommu_pci_acs_wanted(f));
		f->acs_control = space_at(iommu_pci_id(f))[f->acs_offset];
	}
	assert_false(together(ID(1, 0, 0), ID(4, 3, 0)));
	/* Nothing can be written to a switch without it. */
	assert_true(together(ID(7, 0, 0), ID(8, 0, 0)));
	assert_false(together(ID(1, 0, 0), ID(1, 0, 1)));
	assert_true(together(ID(4, 3, 0), ID(4, 4, 0)));
	/* A new scan reads what was written. */
	topology.count = 0;
	assert_int_equal(scan(), 0);
	assert_int_equal(found(ID(0, 2, 0))->acs_control, 0x1d);
	functions[index_of(ID(0, 2, 0))].acs_control = 0x62;
	assert_int_equal(iommu_pci_acs_wanted(found(ID(0, 2, 0))), 0x1f);
}

/* The extended capability of this kind, which is there. */
static unsigned int extended_at(const uint8_t *bytes, unsigned int which)
{
	unsigned int offset = 0x100;

	while ((bytes[offset] | bytes[offset + 1] << 8) != (int)which) {
		offset = (unsigned int)(bytes[offset + 3] << 4 | bytes[offset + 2] >> 4);
		assert_true(offset >= 0x100);
	}
	return offset;
}

static void captured_endpoints_are_described(void **state)
{
	struct iommu_endpoint_info info;

	(void)state;
	load("q35.txt");
	assert_int_equal(scan(), 0);
	info = describe(ID(4, 3, 0), ALL_FEATURES);
	assert_int_equal(info.root_bus, 0);
	assert_int_equal(info.path_length, 3);
	assert_true(info.path[0].device == 1 && info.path[0].function == 1);
	assert_true(info.path[1].device == 0 && info.path[1].function == 0);
	assert_true(info.path[2].device == 3 && info.path[2].function == 0);
	assert_int_equal(info.class_code, 0x020000);
	assert_int_equal(info.physical_function, ID(4, 3, 0));
	assert_false(info.device_tlb || info.max_pasids != 0 || info.page_requests != 0);
	assert_true(info.vendor == 0x8086 && info.device == 0x100e && info.revision == 3);

	info = describe(ID(7, 0, 0), ALL_FEATURES);
	assert_true(info.device_tlb && !info.tlb_global_invalidate);
	assert_int_equal(info.tlb_queue_depth, 0);
	assert_int_equal(info.path_length, 4);
	info = describe(ID(7, 0, 0), IOMMU_FEATURE_PASID | IOMMU_FEATURE_PAGE_REQUESTS);
	assert_false(info.device_tlb);

	info = describe(ID(1, 0, 2), 0);
	assert_int_equal(info.physical_function, ID(1, 0, 0));
	assert_int_equal(info.class_code, 0x010802);
	/* What virtual functions are says the physical one: their own ids read as all ones. */
	assert_true(info.vendor == 0x1b36 && info.device == 0x0010 && info.revision == 2);
	put16(space_at(ID(1, 0, 0)), extended_at(space_at(ID(1, 0, 0)), 0x10) + 0x1a, 0x4941);
	info = describe(ID(1, 0, 2), 0);
	assert_true(info.vendor == 0x1b36 && info.device == 0x4941);
	assert_int_equal(describe(ID(1, 0, 0), 0).device, 0x0010);
	assert_int_equal(info.path_length, 2);
	assert_int_equal(info.path[1].function, 2);

	assert_int_equal(iommu_pci_describe(&config, &topology, topology.count, 0, &info),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_pci_describe(&config, &topology, 0, 8, &info), IOMMU_EINVAL);
	memset(space_at(ID(1, 0, 0)), 0xff, 4096);
	assert_int_equal(iommu_pci_describe(&config, &topology, index_of(ID(1, 0, 2)), 0, &info),
			 IOMMU_ENODEV);
}

/* --- Devices put together ----------------------------------------------------------------- */

static void features_of_an_integrated_device_are_read(void **state)
{
	struct iommu_endpoint_info info;
	uint8_t *bytes;
	unsigned int at;

	(void)state;
	begin();
	bytes = add(ID(0, 4, 0), 9, 0, 0);
	put32(bytes, 0x64, 3 << 3);
	at = add_extended(bytes, 0x0f);
	put16(bytes, at + 4, 0x60 | 17);
	at = add_extended(bytes, 0x1b);
	put16(bytes, at + 4, 31 << 8);
	at = add_extended(bytes, 0x13);
	put32(bytes, at + 8, 100000);
	assert_int_equal(scan(), 0);
	info = describe(ID(0, 4, 0), ALL_FEATURES);
	assert_true(info.device_tlb && info.tlb_global_invalidate);
	assert_int_equal(info.tlb_queue_depth, 17);
	assert_int_equal(info.max_pasids, 1 << 20);
	assert_int_equal(info.page_requests, 512);
	assert_int_equal(info.phantom_bits, 0);
	assert_true(!info.tlb_unaligned && info.page_responses_without_pasid);
	put16(bytes, at + 6, 0x8000);
	put16(bytes, at - 128 + 4, 0x40 | 17);
	info = describe(ID(0, 4, 0), ALL_FEATURES);
	assert_true(info.tlb_unaligned && !info.page_responses_without_pasid);
	/* Phantom functions count once they are enabled. */
	put16(bytes, 0x68, 1 << 9);
	put16(bytes, at - 64 + 4, 6 << 8);
	put32(bytes, at + 8, 7);
	info = describe(ID(0, 4, 0), ALL_FEATURES);
	assert_int_equal(info.phantom_bits, 3);
	assert_int_equal(info.max_pasids, 64);
	assert_int_equal(info.page_requests, 7);
}

static void pasids_need_a_way_for_their_prefix(void **state)
{
	uint8_t *port, *bytes;
	unsigned int at;

	(void)state;
	begin();
	port = add(ID(0, 1, 0), 4, 1, 1);
	bytes = add(ID(1, 0, 0), 0, 0, 0);
	at = add_extended(bytes, 0x1b);
	put16(bytes, at + 4, 4 << 8);
	assert_int_equal(scan(), 0);
	put32(port, 0x84, 1 << 21);
	assert_int_equal(describe(ID(1, 0, 0), ALL_FEATURES).max_pasids, 0);
	put32(bytes, 0x84, 1 << 21);
	assert_int_equal(describe(ID(1, 0, 0), ALL_FEATURES).max_pasids, 16);
	put32(port, 0x84, 0);
	assert_int_equal(describe(ID(1, 0, 0), ALL_FEATURES).max_pasids, 0);
	/* Version 1 has no such register, whatever is at its place. */
	put32(port, 0x84, 1 << 21);
	port[0x62] = 0x41;
	assert_int_equal(describe(ID(1, 0, 0), ALL_FEATURES).max_pasids, 0);
}

static void a_link_has_one_device_and_eight_bits_of_functions(void **state)
{
	static const uint8_t next[] = {2, 9, 0x41, 3};
	static const uint8_t numbers[] = {0, 2, 9, 0x41};
	uint8_t *port;
	unsigned int i;

	(void)state;
	begin();
	port = add(ID(0, 1, 0), 4, 1, 1);
	add(ID(1, 1, 0), 0, 0, 0); /* what answers for every device number */
	for (i = 0; i < 4; i++) {
		uint8_t *bytes = add((uint16_t)(1 << 8 | numbers[i]), 0, 0, 0);
		const unsigned int at = add_extended(bytes, 0x0e);

		bytes[0x0e] = 0x80;
		put16(bytes, at + 4, (unsigned int)next[i] << 8);
	}
	add(ID(1, 0, 3), 0, 0, 0);
	put16(port, 0x88, 1 << 5);
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 5);
	assert_int_equal(found(ID(1, 8, 1))->flags, IOMMU_PCI_MULTIFUNCTION);
	assert_int_equal(describe(ID(1, 8, 1), 0).path[1].device, 8);
	/* Without: by function number, and of what the header of function 0 says. */
	put16(port, 0x88, 0);
	topology.count = 0;
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 4);
	assert_int_equal(found(ID(1, 0, 3))->flags, IOMMU_PCI_MULTIFUNCTION);
	space_at(ID(1, 0, 0))[0x0e] = 0;
	topology.count = 0;
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 2);
}

static void several_root_buses_make_one_topology(void **state)
{
	size_t before;

	(void)state;
	begin();
	add(ID(0, 1, 0), 4, 1, 3);
	add(ID(1, 0, 0), 0, 0, 0);
	add(ID(0x80, 1, 0), 4, 0x81, 0x81);
	add(ID(0x81, 0, 0), 0, 0, 0);
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 2);
	before = topology.count;
	assert_int_equal(iommu_pci_scan(&config, 0, 0x80, functions, 3, &topology.count),
			 IOMMU_ENOSPC);
	assert_int_equal(topology.count, before);
	assert_int_equal(iommu_pci_scan(&config, 0, 0x80, functions, 4, &topology.count), 0);
	assert_int_equal(topology.count, 4);
	assert_int_equal(describe(ID(0x81, 0, 0), 0).root_bus, 0x80);
	/* On a root bus, whose number is odd, itself. */
	add(ID(0x91, 2, 0), 0, 0, 0);
	assert_int_equal(iommu_pci_scan(&config, 0, 0x91, functions, 9, &topology.count), 0);
	assert_int_equal(describe(ID(0x91, 2, 0), 0).root_bus, 0x91);
	topology.count = 4;
	assert_int_equal(iommu_pci_scan(&config, 0, 0x81, functions, 9, &topology.count),
			 IOMMU_EEXIST);
	assert_int_equal(iommu_pci_scan(&config, 0, 0x80, functions, 9, &topology.count),
			 IOMMU_EEXIST);
	assert_int_equal(iommu_pci_scan(&config, 1, 0x80, functions, 9, &topology.count), 0);
	assert_int_equal(topology.count, 4);
}

/* --- Devices that lie --------------------------------------------------------------------- */

static void a_bridge_gets_only_buses_of_its_own(void **state)
{
	(void)state;
	begin();
	add(ID(0, 1, 0), 4, 2, 4);
	add(ID(0, 2, 0), 4, 2, 9);     /* one that is taken */
	add(ID(0, 3, 0), 4, 10, 9);    /* beyond its own last one: nothing below it is believed */
	add(ID(10, 0, 0), 5, 11, 200); /* … */
	add(ID(2, 0, 0), 5, 1, 4);     /* back */
	add(ID(2, 1, 0), 5, 3, 4);     /* not on a link with one device */
	add(ID(0, 4, 0), -1, 6, 8);
	add(ID(6, 0, 0), -1, 9, 9); /* beyond what is below the bridge above it */
	add(ID(6, 1, 0), -1, 6, 9); /* its own */
	add(ID(6, 2, 0), -1, 8, 255);
	add(ID(8, 1, 0), -1, 9, 255); /* nor by a bridge whose own word is larger */
	add(ID(9, 0, 0), -1, 0, 0);
	assert_int_equal(scan(), 0);
	assert_int_equal(found(ID(0, 1, 0))->secondary_bus, 2);
	assert_int_equal(found(ID(0, 2, 0))->secondary_bus, 0);
	assert_int_equal(found(ID(2, 0, 0))->secondary_bus, 0);
	assert_int_equal(index_of(ID(2, 1, 0)), topology.count);
	assert_int_equal(found(ID(10, 0, 0))->secondary_bus, 0);
	assert_int_equal(found(ID(6, 0, 0))->secondary_bus, 0);
	assert_int_equal(found(ID(6, 1, 0))->secondary_bus, 0);
	assert_int_equal(found(ID(6, 2, 0))->secondary_bus, 8);
	assert_int_equal(found(ID(8, 1, 0))->secondary_bus, 0);
	assert_int_equal(index_of(ID(9, 0, 0)), topology.count);
}

static void virtual_functions_take_no_places(void **state)
{
	size_t i;
	uint8_t *bytes;
	unsigned int at;

	(void)state;
	begin();
	add(ID(0, 1, 0), 4, 1, 2);
	add(ID(0, 2, 0), 4, 3, 3);
	add(ID(3, 0, 0), 0, 0, 0);
	bytes = add(ID(1, 0, 0), 0, 0, 0);
	at = add_extended(bytes, 0x10);
	put16(bytes, at + 0x10, 65535);
	put32(bytes, at + 0x14, 200U << 16 | 200); /* 1:200, 2:144, 3:88 … */
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 4); /* not enabled */
	put16(bytes, at + 8, 1);
	topology.count = 0;
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 6);
	assert_int_equal(found(2 << 8 | 144)->physical_function, ID(1, 0, 0));
	assert_int_equal(describe(2 << 8 | 144, 0).path_length, 2);
	/* All at one place, or at places of others. */
	put32(bytes, at + 0x14, 0);
	topology.count = 0;
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 4);
	put32(bytes, at + 0x14, 1U << 16 | 1);
	topology.count = 0;
	assert_int_equal(scan(), IOMMU_ENOSPC);
	assert_int_equal(topology.count, 0);
	for (i = 0; i < space_count; i++)
		if (spaces[i].id == ID(0, 2, 0))
			put32(spaces[i].bytes, 0x18, 0x00020200);
	put32(bytes, at + 0x14, 256U << 16 | 256);
	assert_int_equal(scan(), 0);
	assert_int_equal(index_of(ID(2, 0, 0)), topology.count);
}

static void lists_of_capabilities_end(void **state)
{
	uint8_t *bytes;
	unsigned int at;

	(void)state;
	/* A list that goes round before the capability that is looked for. */
	begin();
	bytes = add(ID(0, 1, 0), 0, 0, 0);
	put16(bytes, 0x50, 0x5005);
	assert_int_equal(scan(), 0);
	assert_int_equal(found(ID(0, 1, 0))->type, IOMMU_PCI_CONVENTIONAL);
	assert_true(reads < 1000);
	/* … and one of extended ones. */
	begin();
	bytes = add(ID(0, 1, 0), 4, 1, 1);
	at = add_extended(bytes, 0x1234);
	put16(bytes, at + 2, 0x1001);
	assert_int_equal(scan(), 0);
	assert_int_equal(found(ID(0, 1, 0))->flags, 0);
	assert_true(reads < 5000);
	/* A list that leads into the header, and a status that says there is none. */
	begin();
	bytes = add(ID(0, 1, 0), 4, 1, 1);
	put16(bytes, 0x50, 0x1005);
	put32(bytes, 0x10, 0x00420010);
	assert_int_equal(scan(), 0);
	assert_int_equal(found(ID(0, 1, 0))->type, IOMMU_PCI_CONVENTIONAL_BRIDGE);
	put16(bytes, 0x50, 0x6005);
	put16(bytes, 0x06, 0);
	topology.count = 0;
	assert_int_equal(scan(), 0);
	assert_int_equal(found(ID(0, 1, 0))->type, IOMMU_PCI_CONVENTIONAL_BRIDGE);
	/* Registers that would lie behind the space. */
	begin();
	bytes = add(ID(0, 1, 0), 4, 1, 1);
	put16(bytes, 0x50, 0xfc05);
	put32(bytes, 0xfc, 0x00420010);
	put32(bytes, 0x100, 0xffc1001b);
	put32(bytes, 0xffc, 0x0001000d);
	assert_int_equal(scan(), 0);
	assert_int_equal(found(ID(0, 1, 0))->type, IOMMU_PCI_ROOT_PORT);
	assert_int_equal(found(ID(0, 1, 0))->flags, 0);
	assert_int_equal(describe(ID(0, 1, 0), ALL_FEATURES).phantom_bits, 0);
}

/* Each type that a capability can name, of a device and of a bridge. */
static void every_type_is_read(void **state)
{
	static const enum iommu_pci_type bridges[16] = {
		[4] = IOMMU_PCI_ROOT_PORT,       [5] = IOMMU_PCI_UPSTREAM_PORT,
		[6] = IOMMU_PCI_DOWNSTREAM_PORT, [7] = IOMMU_PCI_EXPRESS_TO_PCI,
		[8] = IOMMU_PCI_PCI_TO_EXPRESS,
	};
	static const enum iommu_pci_type others[16] = {
		[0] = IOMMU_PCI_ENDPOINT,
		[1] = IOMMU_PCI_ENDPOINT,
		[9] = IOMMU_PCI_INTEGRATED,
		[10] = IOMMU_PCI_EVENT_COLLECTOR,
	};
	int type;

	(void)state;
	for (type = 0; type < 16; type++) {
		const bool is_bridge = type >= 4 && type <= 8;
		const bool is_other = type <= 1 || type == 9 || type == 10;

		begin();
		(void)add(ID(0, 1, 0), type, 0, 0);
		(void)add(ID(0, 2, 0), type, 1, 1);
		assert_int_equal(scan(), 0);
		assert_int_equal(found(ID(0, 1, 0))->type,
				 is_other ? others[type] : IOMMU_PCI_CONVENTIONAL);
		assert_int_equal(found(ID(0, 2, 0))->type,
				 is_bridge ? bridges[type] : IOMMU_PCI_CONVENTIONAL_BRIDGE);
	}
}

/* What is wanted of access control is asked of nothing that has none, whatever else is noted. */
static void access_control_that_is_not_there(void **state)
{
	struct iommu_pci_function function = {.acs_capability = 0x5f};

	(void)state;
	assert_int_equal(iommu_pci_acs_wanted(&function), 0);
	function.flags = ~(unsigned int)IOMMU_PCI_HAS_ACS;
	assert_int_equal(iommu_pci_acs_wanted(&function), 0);
	function.flags = IOMMU_PCI_HAS_ACS;
	assert_int_equal(iommu_pci_acs_wanted(&function), 0x1d);
}

static void a_type_that_does_not_fit_keeps_nothing_apart(void **state)
{
	(void)state;
	begin();
	add(ID(0, 1, 0), 4, 0, 0); /* a root port without a bridge's header */
	add(ID(0, 2, 0), 0, 1, 1); /* an endpoint with one */
	add(ID(0, 3, 0), 12, 0, 0);
	space_at(ID(0, 1, 0))[0x0e] = 0;
	assert_int_equal(scan(), 0);
	assert_int_equal(found(ID(0, 1, 0))->type, IOMMU_PCI_CONVENTIONAL);
	assert_int_equal(found(ID(0, 2, 0))->type, IOMMU_PCI_CONVENTIONAL_BRIDGE);
	assert_int_equal(found(ID(0, 3, 0))->type, IOMMU_PCI_CONVENTIONAL);
	/* Not there, not there yet, gone. */
	begin();
	put32(add(ID(0, 1, 0), 0, 0, 0), 0, 0x5678ffff);
	put32(add(ID(0, 2, 0), 0, 0, 0), 0, 0xffff0001);
	put32(add(ID(0, 3, 0), 0, 0, 0), 0, 0);
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 0);
}

/* More bridges on a way than a path can say. */
static void a_path_that_is_too_long_is_refused(void **state)
{
	struct iommu_endpoint_info info;
	unsigned int bus;

	(void)state;
	begin();
	for (bus = 0; bus < 20; bus++)
		add(ID(bus, 0, 0), -1, bus + 1, 30);
	assert_int_equal(scan(), 0);
	assert_int_equal(iommu_pci_describe(&config, &topology, index_of(ID(15, 0, 0)), 0, &info),
			 0);
	assert_int_equal(info.path_length, 16);
	assert_int_equal(iommu_pci_describe(&config, &topology, index_of(ID(16, 0, 0)), 0, &info),
			 IOMMU_ERANGE);
}

/*
 * Bytes of all devices changed at random: the scan ends, and its result is a topology that the
 * library takes, of which every function can be described.
 */
static void random_configuration_spaces(void **state)
{
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 200000) / 200;
	struct test_random random = {.state = test_setting("IOMMU_TEST_SEED", 4)};
	uint64_t round;

	(void)state;
	for (round = 0; round < rounds; round++) {
		unsigned int changes = (unsigned int)test_random_below(&random, 40);
		size_t groups[FUNCTIONS];
		int status;
		size_t i;

		load("q35.txt");
		while (changes-- != 0) {
			const unsigned int space =
				(unsigned int)test_random_below(&random, space_count);
			/* Where something is decided, most of the time. */
			const unsigned int places[] = {0x06,  0x0e,  0x19,  0x1a,  0x34,
						       0x100, 0x102, 0x103, 0x128, 0x130,
						       0x134, 0x136, 0x137};
			unsigned int place = (unsigned int)test_random_below(&random, 4096);

			if (test_random_below(&random, 4) != 0)
				place = places[test_random_below(&random, 13)];
			else if (test_random_below(&random, 2) != 0)
				place &= 0xff;
			spaces[space].bytes[place] = (uint8_t)test_random_below(&random, 256);
		}
		status = scan();
		assert_true(status == 0 || status == IOMMU_ENOSPC);
		assert_true(reads < 2000000);
		assert_int_equal(iommu_pci_groups(&topology, groups), 0);
		for (i = 0; i < topology.count; i++) {
			struct iommu_endpoint_info info;

			status = iommu_pci_describe(&config, &topology, i, ALL_FEATURES, &info);
			assert_true(status == 0 || status == IOMMU_ENODEV);
			if (status == 0)
				assert_true(info.path_length >= 1 && info.phantom_bits <= 3 &&
					    info.tlb_queue_depth <= 31 &&
					    info.max_pasids <= 1 << 20 &&
					    info.page_requests <= 512);
		}
	}
}

/* A machine with functions of each kind: eight bits of function numbers, several, virtual ones. */
static void add_one_of_each(void)
{
	uint8_t *bytes = add(ID(0, 1, 0), 4, 1, 3);
	unsigned int at;

	put16(bytes, 0x88, 1 << 5);
	for (unsigned int i = 0; i < 2; i++) {
		bytes = add((uint16_t)(1 << 8 | 9 * i), 0, 0, 0);
		at = add_extended(bytes, 0x0e);
		put16(bytes, at + 4, (9 * (i + 1)) << 8);
	}
	at = add_extended(bytes, 0x10);
	put16(bytes, at + 8, 1);
	put16(bytes, at + 0x10, 2);
	put32(bytes, at + 0x14, 1U << 16 | 30);
	for (unsigned int i = 0; i < 3; i++)
		add(ID(0, 2, i), 0, 0, 0)[0x0e] = 0x80;
}

/* Whatever there is no room for: the functions from before are those that there are. */
static void all_functions_have_room_or_none_is_added(void **state)
{
	size_t capacity, count = 0;
	int status = IOMMU_ENOSPC;

	(void)state;
	begin();
	add_one_of_each();
	functions[0] = (struct iommu_pci_function){.segment = 5};
	for (capacity = 1; status != 0; capacity++) {
		count = 1;
		status = iommu_pci_scan(&config, 0, 0, functions, capacity, &count);
		assert_true(status == 0 || (status == IOMMU_ENOSPC && count == 1));
	}
	/* The next of the last with eight bits is not there. */
	assert_int_equal(count, 9);
	assert_int_equal(capacity, 10);
	topology.count = count;
	assert_int_equal(found(1 << 8 | 39)->physical_function, 1 << 8 | 9);
	assert_int_equal(found(1 << 8 | 40)->physical_function, 1 << 8 | 9);
	assert_int_equal(functions[0].segment, 5);
	/* Only a physical function of the same segment is in a virtual one's way. */
	functions[0] = (struct iommu_pci_function){.segment = 5, .bus = 1, .devfn = 39};
	count = 1;
	assert_int_equal(iommu_pci_scan(&config, 0, 0, functions, 9, &count), 0);
	assert_int_equal(count, 9);
}

/* What answers with no vendor, or with one that is not ready, is not there. */
static void a_vendor_is_needed(void **state)
{
	static const uint32_t ids[] = {0, 0x56780000, UINT32_MAX, 0x5678ffff, 0x56780001};
	uint8_t *bytes;

	(void)state;
	begin();
	bytes = add(ID(0, 1, 0), 0, 0, 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		put32(bytes, 0, ids[i]);
		topology.count = 0;
		assert_int_equal(scan(), 0);
		assert_int_equal(topology.count, 0);
	}
	put32(bytes, 0, 0x12345678);
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 1);
}

/* A bridge has no virtual functions; a bridge to CardBus has its capabilities elsewhere. */
static void bridges_are_of_two_layouts(void **state)
{
	uint8_t *bytes;
	unsigned int at;

	(void)state;
	begin();
	bytes = add(ID(0, 1, 0), 4, 1, 2);
	at = add_extended(bytes, 0x10);
	put16(bytes, at + 8, 1);
	put16(bytes, at + 0x10, 1);
	put32(bytes, at + 0x14, 1U << 16 | 200);
	add(ID(1, 0, 0), 0, 0, 0);
	bytes = add(ID(0, 2, 0), 7, 3, 4);
	bytes[0x0e] = 2;
	bytes[0x34] = 0;
	bytes[0x14] = 0x60;
	add(ID(3, 0, 0), -1, 0, 0);
	assert_int_equal(scan(), 0);
	assert_int_equal(topology.count, 4);
	assert_int_equal(found(ID(0, 2, 0))->secondary_bus, 3);
	assert_int_equal(found(ID(0, 2, 0))->type, IOMMU_PCI_EXPRESS_TO_PCI);
	bytes[0x14] = 0;
	topology.count = 0;
	assert_int_equal(scan(), 0);
	assert_int_equal(found(ID(0, 2, 0))->type, IOMMU_PCI_CONVENTIONAL_BRIDGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_captured_machine_is_found_whole),
		cmocka_unit_test(writes_of_access_control_split_a_group),
		cmocka_unit_test(captured_endpoints_are_described),
		cmocka_unit_test(features_of_an_integrated_device_are_read),
		cmocka_unit_test(pasids_need_a_way_for_their_prefix),
		cmocka_unit_test(a_link_has_one_device_and_eight_bits_of_functions),
		cmocka_unit_test(several_root_buses_make_one_topology),
		cmocka_unit_test(a_bridge_gets_only_buses_of_its_own),
		cmocka_unit_test(virtual_functions_take_no_places),
		cmocka_unit_test(lists_of_capabilities_end),
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(access_control_that_is_not_there),
		cmocka_unit_test(a_type_that_does_not_fit_keeps_nothing_apart),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
		cmocka_unit_test(all_functions_have_room_or_none_is_added),
		cmocka_unit_test(a_vendor_is_needed),
		cmocka_unit_test(bridges_are_of_two_layouts),
		cmocka_unit_test(random_configuration_spaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
