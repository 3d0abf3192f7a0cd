/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI isolation groups: topologies of real kinds of machines, as data, with the groups that the
 * specification makes of them; and random topologies, in which the groups must not depend on the
 * order of the functions, and must be the functions that receive each other's requests, found by
 * sending one from each.
 */
#include <stdio.h>
#include <string.h>

#include <libiommu/pci.h>
#include <libiommu/status.h>

#include "pci_reference.h"
#include "test.h"

/* How the tables below read. */
#define AT(bus_, device_, function_) .bus = (bus_), .devfn = (device_) << 3 | (function_)
#define MULTI                        IOMMU_PCI_MULTIFUNCTION
#define VIRTUAL                      IOMMU_PCI_VIRTUAL
#define ALL_ACS                                                                                    \
	(IOMMU_PCI_ACS_SOURCE_VALIDATION | IOMMU_PCI_ACS_REQUEST_REDIRECT |                        \
	 IOMMU_PCI_ACS_COMPLETION_REDIRECT | IOMMU_PCI_ACS_UPSTREAM_FORWARDING)
#define ACS_ON  .acs_capability = ALL_ACS, .acs_control = ALL_ACS
#define ACS_OFF .acs_capability = ALL_ACS, .acs_control = 0
#define HAS_ACS IOMMU_PCI_HAS_ACS
#define VF_OF(bus_, device_, function_)                                                            \
	.flags = IOMMU_PCI_VIRTUAL, .physical_function = (bus_) << 8 | (device_) << 3 | (function_)

struct machine {
	const char *name;
	struct iommu_pci_function functions[PCI_REFERENCE_MAX];
	/* One letter for each function: those with the same letter share a group. */
	const char *groups;
};

static const struct machine machines[] = {
	{"devices on the root complex, each alone",
	 {{AT(0, 0, 0), .type = IOMMU_PCI_CONVENTIONAL},
	  {AT(0, 2, 0), .type = IOMMU_PCI_INTEGRATED},
	  {AT(0, 0x19, 0), .type = IOMMU_PCI_CONVENTIONAL},
	  {AT(0, 0x14, 0), .type = IOMMU_PCI_INTEGRATED}},
	 "abcd"},
	{"a multifunction device without ACS, and a neighbour",
	 {{AT(0, 0x1f, 0), .type = IOMMU_PCI_CONVENTIONAL, .flags = MULTI},
	  {AT(0, 0x1f, 2), .type = IOMMU_PCI_CONVENTIONAL, .flags = MULTI},
	  {AT(0, 0x1f, 3), .type = IOMMU_PCI_CONVENTIONAL, .flags = MULTI},
	  {AT(0, 0x1c, 0), .type = IOMMU_PCI_INTEGRATED}},
	 "aaab"},
	{"a multifunction device with ACS",
	 {{AT(0, 4, 0), .type = IOMMU_PCI_INTEGRATED, .flags = MULTI | HAS_ACS, ACS_ON},
	  {AT(0, 4, 1), .type = IOMMU_PCI_INTEGRATED, .flags = MULTI | HAS_ACS, ACS_ON},
	  {AT(0, 5, 0), .type = IOMMU_PCI_INTEGRATED}},
	 "abc"},
	{"a multifunction device of which one function has ACS turned off",
	 {{AT(0, 4, 0), .type = IOMMU_PCI_INTEGRATED, .flags = MULTI | HAS_ACS, ACS_ON},
	  {AT(0, 4, 1), .type = IOMMU_PCI_INTEGRATED, .flags = MULTI | HAS_ACS, ACS_ON},
	  {AT(0, 4, 2), .type = IOMMU_PCI_INTEGRATED, .flags = MULTI | HAS_ACS, ACS_OFF},
	  {AT(0, 5, 0), .type = IOMMU_PCI_INTEGRATED}},
	 "aaab"},
	{"a multifunction device of which one function has none",
	 {{AT(0, 4, 0), .type = IOMMU_PCI_INTEGRATED, .flags = MULTI | HAS_ACS, ACS_ON},
	  {AT(0, 4, 1), .type = IOMMU_PCI_INTEGRATED, .flags = MULTI},
	  {AT(0, 5, 0), .type = IOMMU_PCI_INTEGRATED}},
	 "aab"},
	{"root ports with ACS, one device below each",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0)},
	  {AT(0, 2, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 2},
	  {AT(2, 0, 0)}},
	 "abcd"},
	{"root ports without ACS: each port with what is below it",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
	  {AT(1, 0, 0), .flags = MULTI},
	  {AT(1, 0, 1), .flags = MULTI},
	  {AT(0, 2, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 2},
	  {AT(2, 0, 0)}},
	 "aaabb"},
	{"two functions of a graphics card below a good port: still one group",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .flags = MULTI},
	  {AT(1, 0, 1), .flags = MULTI}},
	 "abb"},
	{"root ports that are functions of one device, without ACS",
	 {{AT(0, 0x1c, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = MULTI, .secondary_bus = 2},
	  {AT(0, 0x1c, 4), .type = IOMMU_PCI_ROOT_PORT, .flags = MULTI, .secondary_bus = 3},
	  {AT(2, 0, 0)},
	  {AT(3, 0, 0)}},
	 "aaaa"},
	{"the same, known to the host to be isolated",
	 {{AT(0, 0x1c, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = MULTI | IOMMU_PCI_ISOLATED,
	   .secondary_bus = 2},
	  {AT(0, 0x1c, 4), .type = IOMMU_PCI_ROOT_PORT, .flags = MULTI | IOMMU_PCI_ISOLATED,
	   .secondary_bus = 3},
	  {AT(2, 0, 0)},
	  {AT(3, 0, 0)}},
	 "abcd"},
	{"a switch with ACS on all downstream ports",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 2},
	  {AT(2, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 3},
	  {AT(2, 1, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 4},
	  {AT(3, 0, 0)},
	  {AT(4, 0, 0)}},
	 "abcdef"},
	{"a switch of which one downstream port has ACS turned off",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 2},
	  {AT(2, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_OFF,
	   .secondary_bus = 3},
	  {AT(2, 1, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 4},
	  {AT(3, 0, 0)},
	  {AT(4, 0, 0)}},
	 "abcccc"},
	{"a switch without ACS",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 2},
	  {AT(2, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .secondary_bus = 3},
	  {AT(2, 1, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .secondary_bus = 4},
	  {AT(3, 0, 0)},
	  {AT(4, 0, 0)},
	  {AT(0, 2, 0), .type = IOMMU_PCI_INTEGRATED}},
	 "abccccd"},
	{"a switch below a port of another: the inner one is good, the outer is not",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 2},
	  {AT(2, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 3},
	  {AT(2, 1, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .secondary_bus = 4},
	  {AT(3, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 5},
	  {AT(5, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 6},
	  {AT(6, 0, 0)},
	  {AT(4, 0, 0)}},
	 "abcccccc"},
	{"… and the other way round",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 2},
	  {AT(2, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 3},
	  {AT(2, 1, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 4},
	  {AT(3, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 5},
	  {AT(5, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .secondary_bus = 6},
	  {AT(5, 1, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 7},
	  {AT(6, 0, 0)},
	  {AT(7, 0, 0)},
	  {AT(4, 0, 0)}},
	 "abcdeffffg"},
	{"a switch with a function of its own beside its upstream port",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .flags = MULTI | HAS_ACS, ACS_ON,
	   .secondary_bus = 2},
	  {AT(1, 0, 1), .flags = MULTI},
	  {AT(2, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 3},
	  {AT(3, 0, 0)}},
	 "abbbb"},
	{"ports whose ACS does not keep apart: egress control, direct translated requests, no "
	 "redirect",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 2},
	  {AT(2, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS,
	   .acs_capability = ALL_ACS | IOMMU_PCI_ACS_EGRESS_CONTROL,
	   .acs_control = ALL_ACS | IOMMU_PCI_ACS_EGRESS_CONTROL, .secondary_bus = 3},
	  {AT(3, 0, 0)},
	  {AT(0, 2, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS,
	   .acs_capability = ALL_ACS | IOMMU_PCI_ACS_DIRECT_TRANSLATED,
	   .acs_control = ALL_ACS | IOMMU_PCI_ACS_DIRECT_TRANSLATED, .secondary_bus = 4},
	  {AT(4, 0, 0)},
	  {AT(0, 3, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 5},
	  {AT(5, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 6},
	  {AT(6, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS,
	   .acs_capability = IOMMU_PCI_ACS_SOURCE_VALIDATION,
	   .acs_control = IOMMU_PCI_ACS_SOURCE_VALIDATION, .secondary_bus = 7},
	  {AT(7, 0, 0)}},
	 "abccddefgg"},
	{"functions of one device beyond the eighth (ARI), of which one has no ACS",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .flags = MULTI | HAS_ACS, ACS_ON},
	  {AT(1, 1, 0), .flags = MULTI}},
	 "abb"},
	{"a good switch below a root port without ACS: everything is one",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 2},
	  {AT(2, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 3},
	  {AT(2, 1, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_ON,
	   .secondary_bus = 4},
	  {AT(3, 0, 0)},
	  {AT(4, 0, 0)},
	  {AT(0, 2, 0), .type = IOMMU_PCI_INTEGRATED}},
	 "aaaaaab"},
	{"conventional devices behind a bridge from PCI Express",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_EXPRESS_TO_PCI, .secondary_bus = 2},
	  {AT(2, 1, 0), .type = IOMMU_PCI_CONVENTIONAL},
	  {AT(2, 2, 0), .type = IOMMU_PCI_CONVENTIONAL},
	  {AT(0, 2, 0), .type = IOMMU_PCI_INTEGRATED}},
	 "abbbc"},
	{"an old chipset: a conventional bridge on the root bus",
	 {{AT(0, 0x1e, 0), .type = IOMMU_PCI_CONVENTIONAL_BRIDGE, .secondary_bus = 5},
	  {AT(5, 1, 0), .type = IOMMU_PCI_CONVENTIONAL},
	  {AT(5, 2, 0), .type = IOMMU_PCI_CONVENTIONAL, .flags = MULTI},
	  {AT(5, 2, 1), .type = IOMMU_PCI_CONVENTIONAL, .flags = MULTI},
	  {AT(0, 0x1f, 0), .type = IOMMU_PCI_CONVENTIONAL}},
	 "aaaab"},
	{"a disk controller that uses the id of a function that is not there, and its twin",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .alias_count = 1, .aliases = {1}},
	  {AT(0, 3, 0), .type = IOMMU_PCI_INTEGRATED}},
	 "abc"},
	{"a function that uses its neighbour's id",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .flags = MULTI | HAS_ACS, ACS_ON, .alias_count = 1, .aliases = {1}},
	  {AT(1, 0, 1), .flags = MULTI | HAS_ACS, ACS_ON},
	  {AT(1, 0, 2), .flags = MULTI | HAS_ACS, ACS_ON}},
	 "abbc"},
	{"virtual functions of a card with ACS",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .flags = MULTI | HAS_ACS, ACS_ON},
	  {AT(1, 0, 1), .flags = MULTI | HAS_ACS, ACS_ON},
	  {AT(1, 0x10, 0)},
	  {AT(1, 0x10, 2)}},
	 "abcde"},
	{"virtual functions on a bus that no bridge leads to, below a port with ACS",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0)},
	  {AT(2, 0x10, 0), VF_OF(1, 0, 0)},
	  {AT(2, 0x10, 2), VF_OF(1, 0, 0)}},
	 "abcd"},
	{"… and below one without",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
	  {AT(1, 0, 0)},
	  {AT(2, 0x10, 0), VF_OF(1, 0, 0)},
	  {AT(2, 0x10, 2), VF_OF(1, 0, 0)},
	  {AT(0, 2, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 3}},
	 "aaaab"},
	{"virtual functions that reach each other, and do not go up first",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 1},
	  {AT(1, 0, 0), .flags = HAS_ACS, ACS_OFF},
	  {AT(2, 0, 0), VF_OF(1, 0, 0)},
	  {AT(0, 2, 0), .type = IOMMU_PCI_ROOT_PORT, .flags = HAS_ACS, ACS_ON, .secondary_bus = 3},
	  {AT(3, 0, 0), .flags = HAS_ACS, ACS_ON},
	  {AT(3, 0, 1), .flags = IOMMU_PCI_VIRTUAL | HAS_ACS, ACS_OFF, .physical_function = 0x300},
	  {AT(3, 0, 2), .flags = IOMMU_PCI_VIRTUAL | HAS_ACS, ACS_ON, .physical_function = 0x300}},
	 "abbcddd"},
	{"two segments with the same bus numbers",
	 {{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
	  {AT(1, 0, 0)},
	  {.segment = 1, AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
	  {.segment = 1, AT(1, 0, 0)}},
	 "aabb"},
	{"a bridge back to PCI Express below a conventional one",
	 {{AT(0, 0x1e, 0), .type = IOMMU_PCI_CONVENTIONAL_BRIDGE, .secondary_bus = 1},
	  {AT(1, 0, 0), .type = IOMMU_PCI_PCI_TO_EXPRESS, .secondary_bus = 2},
	  {AT(2, 0, 0)}},
	 "aaa"},
	{"an event collector beside what it collects for",
	 {{AT(0, 0, 4), .type = IOMMU_PCI_EVENT_COLLECTOR, .flags = MULTI},
	  {AT(0, 0, 0), .type = IOMMU_PCI_INTEGRATED, .flags = MULTI},
	  {AT(0, 0, 1), .type = IOMMU_PCI_INTEGRATED, .flags = MULTI | HAS_ACS, ACS_ON}},
	 "aaa"},
};

#define MACHINES (sizeof(machines) / sizeof(machines[0]))

static void known_machines_are_grouped_by_the_specification(void **state)
{
	size_t m, i, k;

	(void)state;
	for (m = 0; m < MACHINES; m++) {
		const struct iommu_pci_topology topology = {machines[m].functions,
							    strlen(machines[m].groups)};
		size_t groups[PCI_REFERENCE_MAX];

		assert_int_equal(iommu_pci_groups(&topology, groups), 0);
		for (i = 0; i < topology.count; i++)
			for (k = 0; k <= i; k++)
				if ((groups[i] == groups[k]) !=
				    (machines[m].groups[i] == machines[m].groups[k]))
					fail_msg("%s: functions %zu and %zu", machines[m].name, k,
						 i);
	}
}

/* --- Aliases ---------------------------------------------------------------------------------- */

struct seen {
	uint16_t ids[16];
	unsigned int count, stop_at;
};

static int note(void *ctx, uint16_t id)
{
	struct seen *seen = ctx;

	seen->ids[seen->count++] = id;
	return seen->count == seen->stop_at ? 77 : 0;
}

static void all_ids_of_a_function_are_named(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
		{AT(1, 0, 0), .type = IOMMU_PCI_EXPRESS_TO_PCI, .secondary_bus = 2},
		{AT(2, 3, 0), .type = IOMMU_PCI_CONVENTIONAL_BRIDGE, .secondary_bus = 4},
		{AT(4, 5, 1), .type = IOMMU_PCI_CONVENTIONAL, .alias_count = 2,
		 .aliases = {0x10, 0x11}},
		{AT(0, 2, 0), .type = IOMMU_PCI_CONVENTIONAL_BRIDGE, .secondary_bus = 9,
		 .flags = IOMMU_PCI_HIDES_BELOW},
		{AT(9, 1, 0), .type = IOMMU_PCI_CONVENTIONAL},
		{AT(0, 3, 0), .type = IOMMU_PCI_EXPRESS_TO_PCI, .secondary_bus = 10,
		 .flags = IOMMU_PCI_KEEPS_IDS},
		{AT(10, 1, 0), .type = IOMMU_PCI_CONVENTIONAL},
	};
	const struct iommu_pci_topology topology = {functions, 8};
	static const uint16_t expected[] = {0x0429, 0x0410, 0x0411, 0x0218, 0x0200};
	struct seen seen = {.count = 0};

	(void)state;
	assert_int_equal(iommu_pci_for_each_alias(&topology, 3, note, &seen), 0);
	assert_int_equal(seen.count, 5);
	assert_memory_equal(seen.ids, expected, sizeof(expected));
	seen.count = 0;
	assert_int_equal(iommu_pci_for_each_alias(&topology, 5, note, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.ids[1], 0x0900);
	seen.count = 0;
	assert_int_equal(iommu_pci_for_each_alias(&topology, 7, note, &seen), 0);
	assert_int_equal(seen.count, 1);
	seen = (struct seen){.stop_at = 2};
	assert_int_equal(iommu_pci_for_each_alias(&topology, 3, note, &seen), 77);
	assert_int_equal(seen.count, 2);
	assert_int_equal(iommu_pci_for_each_alias(&topology, 8, note, &seen), IOMMU_EINVAL);
}

static void topologies_that_cannot_be_are_refused(void **state)
{
	static const struct iommu_pci_function bad[][2] = {
		{{AT(0, 1, 0)}, {AT(0, 1, 0)}},
		{{AT(0, 1, 0), .secondary_bus = 1}, {AT(0, 2, 0), .secondary_bus = 1}},
		{{AT(1, 1, 0), .secondary_bus = 2}, {AT(2, 2, 0), .secondary_bus = 1}},
		{{AT(0, 1, 0)}, {AT(5, 1, 0), .secondary_bus = 5}},
		{{AT(0, 1, 0)}, {AT(5, 1, 0), .alias_count = 5}},
		{{AT(0, 1, 0)}, {AT(5, 1, 0), .type = (enum iommu_pci_type)10}},
		{{AT(0, 1, 0)}, {AT(0, 1, 1), VF_OF(0, 1, 2)}},
		{{.segment = 1, AT(0, 1, 0)}, {AT(0, 1, 1), VF_OF(0, 1, 0)}},
		{{AT(0, 1, 0), VF_OF(0, 1, 1)}, {AT(0, 1, 1), VF_OF(0, 1, 0)}},
		{{AT(0, 1, 0)}, {AT(0, 1, 1), VF_OF(0, 1, 0), .secondary_bus = 1}},
	};
	size_t groups[2];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct iommu_pci_topology topology = {bad[i], 2};

		assert_int_equal(iommu_pci_groups(&topology, groups), IOMMU_EINVAL);
	}
	{
		const struct iommu_pci_topology empty = {NULL, 0};

		assert_int_equal(iommu_pci_groups(&empty, groups), 0);
	}
}

/* Of a machine of the table; one that is known by its name. */
static struct iommu_pci_topology machine_named(const char *name)
{
	size_t m;

	for (m = 0; m < MACHINES && strcmp(machines[m].name, name) != 0; m++)
		;
	assert_true(m < MACHINES);
	return (struct iommu_pci_topology){machines[m].functions, strlen(machines[m].groups)};
}

static void isolation_needs_the_whole_way(void **state)
{
	struct iommu_pci_topology t;

	(void)state;
	t = machine_named("a switch with ACS on all downstream ports");
	assert_true(iommu_pci_is_isolated(&t, 4));
	t = machine_named("a good switch below a root port without ACS: everything is one");
	assert_false(iommu_pci_is_isolated(&t, 4));
	assert_true(iommu_pci_is_isolated(&t, 6));
	/* Below the good port, which its neighbour gets at through the other. */
	t = machine_named("a switch of which one downstream port has ACS turned off");
	assert_false(iommu_pci_is_isolated(&t, 5));
	assert_true(iommu_pci_is_isolated(&t, 1));
	t = machine_named(
		"virtual functions on a bus that no bridge leads to, below a port with ACS");
	assert_true(iommu_pci_is_isolated(&t, 2));
	t = machine_named("… and below one without");
	assert_false(iommu_pci_is_isolated(&t, 2));
}

/* --- Routes ----------------------------------------------------------------------------------- */

/*
 * A root port with a switch of two downstream ports and a bridge to conventional PCI below; a
 * second root port; another host bridge; a virtual function.
 */
enum {
	ROOT,
	UPSTREAM,
	LEFT,
	RIGHT,
	ONE,
	OTHER,
	SECOND,
	ALONE,
	FAR,
	TO_PCI,
	OLD,
	OLDER,
	PART,
	PARTS
};

static struct iommu_pci_function crossroads[PARTS] = {
	[ROOT] = {AT(0, 1, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
	[UPSTREAM] = {AT(1, 0, 0), .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 2},
	[LEFT] = {AT(2, 0, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_OFF,
		  .secondary_bus = 3},
	[RIGHT] = {AT(2, 1, 0), .type = IOMMU_PCI_DOWNSTREAM_PORT, .flags = HAS_ACS, ACS_OFF,
		   .secondary_bus = 4},
	[ONE] = {AT(3, 0, 0)},
	[OTHER] = {AT(4, 0, 0)},
	[SECOND] = {AT(0, 2, 0), .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 5},
	[ALONE] = {AT(5, 0, 0)},
	[FAR] = {AT(0x40, 0, 0), .type = IOMMU_PCI_INTEGRATED},
	[TO_PCI] = {AT(0, 3, 0), .type = IOMMU_PCI_EXPRESS_TO_PCI, .secondary_bus = 6},
	[OLD] = {AT(6, 0, 0), .type = IOMMU_PCI_CONVENTIONAL},
	[OLDER] = {AT(6, 1, 0), .type = IOMMU_PCI_CONVENTIONAL},
	[PART] = {AT(0x50, 0, 1), VF_OF(4, 0, 0)},
};

static enum iommu_pci_route route(size_t from, size_t to)
{
	const struct iommu_pci_topology t = {crossroads, PARTS};
	const enum iommu_pci_route there = iommu_pci_find_route(&t, from, to);

	assert_int_equal(iommu_pci_find_route(&t, to, from), there);
	return there;
}

static void requests_find_their_way(void **state)
{
	static const uint16_t turning[] = {IOMMU_PCI_ACS_REQUEST_REDIRECT,
					   IOMMU_PCI_ACS_COMPLETION_REDIRECT,
					   IOMMU_PCI_ACS_EGRESS_CONTROL};
	const uint16_t passing = IOMMU_PCI_ACS_SOURCE_VALIDATION |
				 IOMMU_PCI_ACS_TRANSLATION_BLOCKING |
				 IOMMU_PCI_ACS_UPSTREAM_FORWARDING;
	static const size_t ports[] = {LEFT, RIGHT, ONE};
	size_t i, k;

	(void)state;
	assert_int_equal(route(ONE, OTHER), IOMMU_PCI_ROUTE_BUS);
	assert_int_equal(route(ONE, PART), IOMMU_PCI_ROUTE_BUS);
	assert_int_equal(route(ONE, ONE), IOMMU_PCI_ROUTE_BUS);
	assert_int_equal(route(OLD, OLDER), IOMMU_PCI_ROUTE_BUS);
	assert_int_equal(route(ONE, ALONE), IOMMU_PCI_ROUTE_HOST_BRIDGE);
	assert_int_equal(route(PART, ALONE), IOMMU_PCI_ROUTE_HOST_BRIDGE);
	assert_int_equal(route(OLD, ONE), IOMMU_PCI_ROUTE_HOST_BRIDGE);
	assert_int_equal(route(ONE, FAR), IOMMU_PCI_ROUTE_HOST_BRIDGES);
	assert_int_equal(route(ONE, PARTS), IOMMU_PCI_ROUTE_UNKNOWN);
	/* Whichever of the ports turns them up, on the way of a request or of its completion. */
	for (i = 0; i < 3; i++) {
		struct iommu_pci_function *port = &crossroads[ports[i]];
		const struct iommu_pci_function before = *port;

		port->flags |= HAS_ACS;
		port->acs_control = passing;
		assert_int_equal(route(ONE, OTHER), IOMMU_PCI_ROUTE_BUS);
		for (k = 0; k < 3; k++) {
			port->acs_control = turning[k];
			assert_int_equal(route(ONE, OTHER), IOMMU_PCI_ROUTE_HOST_BRIDGE);
		}
		/* Without the capability its register is none. */
		port->flags &= ~(unsigned int)HAS_ACS;
		assert_int_equal(route(ONE, OTHER), IOMMU_PCI_ROUTE_BUS);
		*port = before;
		port->flags |= IOMMU_PCI_ISOLATED;
		assert_int_equal(route(ONE, OTHER), IOMMU_PCI_ROUTE_HOST_BRIDGE);
		*port = before;
	}
	/* What is above both does not matter; nor does a bus of the same number elsewhere. */
	crossroads[ROOT].flags |= HAS_ACS;
	crossroads[ROOT].acs_control = ALL_ACS;
	assert_int_equal(route(ONE, OTHER), IOMMU_PCI_ROUTE_BUS);
	crossroads[OLDER].segment = 1;
	assert_int_equal(route(OLD, OLDER), IOMMU_PCI_ROUTE_HOST_BRIDGES);
}

/* --- Random topologies ------------------------------------------------------------------------ */

/* A tree of buses, with everything that can be switched on or off at random. */
static size_t make_random(struct test_random *random, struct iommu_pci_function *functions)
{
	const size_t count = 2 + (size_t)test_random_below(random, PCI_REFERENCE_MAX - 2);
	uint8_t buses = 1;
	size_t i, k;

	for (i = 0; i < count; i++) {
		struct iommu_pci_function *f = &functions[i];
		bool unique = false;

		memset(f, 0, sizeof(*f));
		while (!unique) {
			f->bus = (uint8_t)test_random_below(random, buses);
			f->devfn = (uint8_t)(test_random_below(random, 4) << 3 |
					     test_random_below(random, 8));
			unique = true;
			for (k = 0; k < i; k++)
				unique = unique && iommu_pci_id(&functions[k]) != iommu_pci_id(f);
		}
		f->type = (enum iommu_pci_type)test_random_below(random, 10);
		f->flags = (unsigned int)(test_random_next(random) & (MULTI | HAS_ACS));
		if (test_random_below(random, 8) == 0)
			f->flags |= 1U << (2 + test_random_below(random, 3));
		f->acs_capability = ALL_ACS;
		f->acs_control = test_random_below(random, 3) != 0 ? ALL_ACS : 0;
		if (test_random_below(random, 8) == 0)
			f->acs_capability = (uint16_t)test_random_below(random, 128);
		if (test_random_below(random, 8) == 0)
			f->acs_control = (uint16_t)test_random_below(random, 128);
		if (f->type != IOMMU_PCI_ENDPOINT && f->type != IOMMU_PCI_CONVENTIONAL &&
		    f->type != IOMMU_PCI_INTEGRATED && f->type != IOMMU_PCI_EVENT_COLLECTOR &&
		    buses < 8)
			f->secondary_bus = buses++;
		if (test_random_below(random, 6) == 0) {
			f->alias_count = 1;
			f->aliases[0] = (uint8_t)test_random_below(random, 24);
		}
		k = (size_t)test_random_below(random, count);
		if (k < i && f->secondary_bus == 0 && (functions[k].flags & VIRTUAL) == 0) {
			f->flags |= VIRTUAL;
			f->physical_function = iommu_pci_id(&functions[k]);
		}
	}
	return count;
}

/* What one comparison lets pass; the VT-d tests send messages through it. */
static void one_comparison_covers_all_ids(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{AT(0, 1, 0), .type = IOMMU_PCI_EXPRESS_TO_PCI, .secondary_bus = 7},
		{AT(7, 2, 0), .type = IOMMU_PCI_CONVENTIONAL_BRIDGE, .secondary_bus = 9},
		{AT(9, 3, 5), .type = IOMMU_PCI_CONVENTIONAL},
		{AT(0, 2, 4), .type = IOMMU_PCI_INTEGRATED, .alias_count = 1, .aliases = {2 << 3}},
		{AT(0, 3, 4), .type = IOMMU_PCI_INTEGRATED, .alias_count = 2,
		 .aliases = {3 << 3, 3 << 3 | 6}},
		{AT(0, 4, 0), .type = IOMMU_PCI_INTEGRATED, .alias_count = 1, .aliases = {5 << 3}},
		{AT(0, 6, 0), .type = IOMMU_PCI_EXPRESS_TO_PCI, .flags = IOMMU_PCI_KEEPS_IDS,
		 .secondary_bus = 10},
		{AT(10, 1, 0), .type = IOMMU_PCI_CONVENTIONAL},
		{AT(0, 7, 0), .type = IOMMU_PCI_CONVENTIONAL_BRIDGE, .secondary_bus = 11},
		{AT(11, 1, 1), .type = IOMMU_PCI_CONVENTIONAL, .alias_count = 1, .aliases = {0}},
	};
	static const struct {
		size_t index;
		struct iommu_pci_requester expected;
	} cases[] = {
		{2, {.by_bus = true, .first_bus = 7, .last_bus = 9}},
		{1, {.by_bus = true, .first_bus = 7, .last_bus = 7}},
		{3, {.id = 2 << 3 | 4, .ignored_function_bits = 1}},
		{4, {.id = 3 << 3 | 4, .ignored_function_bits = 2}},
		{5, {.by_bus = true}},
		{7, {.id = 10 << 8 | 1 << 3}},
		{9, {.id = 7 << 3}},
	};
	const struct iommu_pci_topology topology = {functions, 10};
	struct iommu_pci_requester is;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_pci_requester *should = &cases[i].expected;

		assert_int_equal(iommu_pci_find_requester(&topology, cases[i].index, &is), 0);
		assert_int_equal(is.by_bus, should->by_bus);
		if (is.by_bus) {
			assert_int_equal(is.first_bus, should->first_bus);
			assert_int_equal(is.last_bus, should->last_bus);
			continue;
		}
		assert_int_equal(is.id, should->id);
		assert_int_equal(is.ignored_function_bits, should->ignored_function_bits);
	}
	assert_int_equal(iommu_pci_find_requester(&topology, 10, &is), IOMMU_EINVAL);
}

static void random_topologies(void **state)
{
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 200000) / 20;
	struct test_random random = {.state = test_setting("IOMMU_TEST_SEED", 12)};
	static bool one[PCI_REFERENCE_MAX][PCI_REFERENCE_MAX];
	uint64_t round;

	(void)state;
	for (round = 0; round < rounds; round++) {
		struct iommu_pci_function functions[PCI_REFERENCE_MAX], shuffled[PCI_REFERENCE_MAX];
		size_t groups[PCI_REFERENCE_MAX], again[PCI_REFERENCE_MAX],
			place[PCI_REFERENCE_MAX];
		struct iommu_pci_topology t = {functions, make_random(&random, functions)};
		struct iommu_pci_topology s = {shuffled, t.count};
		size_t i, k;

		assert_int_equal(iommu_pci_groups(&t, groups), 0);
		pci_reference(&t, one);
		for (i = 0; i < t.count; i++)
			for (k = 0; k < t.count; k++)
				if ((groups[i] == groups[k]) != one[i][k])
					fail_msg("round %llu: functions %zu and %zu",
						 (unsigned long long)round, i, k);
		/* In another order the same groups. */
		for (i = 0; i < t.count; i++)
			place[i] = i;
		for (i = t.count - 1; i > 0; i--) {
			const size_t with = (size_t)test_random_below(&random, i + 1);
			const size_t held = place[i];

			place[i] = place[with];
			place[with] = held;
		}
		for (i = 0; i < t.count; i++)
			shuffled[place[i]] = functions[i];
		assert_int_equal(iommu_pci_groups(&s, again), 0);
		for (i = 0; i < t.count; i++)
			for (k = 0; k < t.count; k++)
				assert_int_equal(groups[i] == groups[k],
						 again[place[i]] == again[place[k]]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_find_their_way),
		cmocka_unit_test(known_machines_are_grouped_by_the_specification),
		cmocka_unit_test(all_ids_of_a_function_are_named),
		cmocka_unit_test(topologies_that_cannot_be_are_refused),
		cmocka_unit_test(isolation_needs_the_whole_way),
		cmocka_unit_test(one_comparison_covers_all_ids),
		cmocka_unit_test(random_topologies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
