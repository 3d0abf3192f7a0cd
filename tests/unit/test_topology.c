/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups that follow from the PCI topology, and the other ids that requests of a device carry: they
 * are translated like the device's own, whatever is added or removed.
 */
#include <string.h>

#include <libiommu/iommu.h>

#include "group/group.h"
#include "recorder.h"
#include "test.h"

#define ISOLATES .flags = IOMMU_PCI_HAS_ACS, .acs_capability = 0x1d, .acs_control = 0x1d

static struct recorder r;

static int setup(void **state)
{
	(void)state;
	recorder_init(&r);
	r.with_ids = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	recorder_destroy(&r);
	return 0;
}

/*
 * A root port with ACS and a device of two functions that do not promise to keep apart; a bridge to
 * conventional PCI with two devices; and a controller that is known to use the id of its neighbour.
 */
static struct iommu_pci_function machine[] = {
	{.bus = 0, .devfn = 0x08, .type = IOMMU_PCI_ROOT_PORT, ISOLATES, .secondary_bus = 1},
	{.bus = 1, .devfn = 0x00, .flags = IOMMU_PCI_MULTIFUNCTION},
	{.bus = 1, .devfn = 0x01, .flags = IOMMU_PCI_MULTIFUNCTION},
	{.bus = 0, .devfn = 0x10, .type = IOMMU_PCI_EXPRESS_TO_PCI, .secondary_bus = 2},
	{.bus = 2, .devfn = 0x08, .type = IOMMU_PCI_CONVENTIONAL},
	{.bus = 2, .devfn = 0x10, .type = IOMMU_PCI_CONVENTIONAL},
	{.bus = 0, .devfn = 0x18, .alias_count = 1, .aliases = {0x20}},
	{.bus = 0, .devfn = 0x20},
	{.bus = 0, .devfn = 0x28},
};
#define COUNT (sizeof(machine) / sizeof(machine[0]))

static const struct iommu_pci_topology topology = {machine, COUNT};

static unsigned int group_of(const struct iommu_endpoint *endpoint)
{
	return iommu_group_id(iommu_endpoint_group(endpoint));
}

static void groups_follow_from_the_topology(void **state)
{
	struct iommu_endpoint *first, *second, *alone, *other;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	first = recorder_add(&r, 0x100);
	alone = recorder_add(&r, 0x28);
	second = recorder_add(&r, 0x101);
	assert_int_equal(group_of(first), group_of(second));
	assert_int_not_equal(group_of(first), group_of(alone));
	assert_int_equal(iommu_group_size(iommu_endpoint_group(first)), 2);
	/* One that comes back is where it was. */
	assert_int_equal(iommu_release_endpoint(first), 0);
	first = recorder_add(&r, 0x100);
	assert_int_equal(group_of(first), group_of(second));
	/* What is not in it is refused, unless it is none of it. */
	assert_int_equal(iommu_probe_endpoint(
				 r.iommu, &(struct iommu_endpoint_info){.source_id = 0x30}, &other),
			 IOMMU_ENOENT);
	assert_int_equal(iommu_probe_endpoint(r.iommu,
					      &(struct iommu_endpoint_info){
						      .source_id = 0x30, .not_in_topology = true},
					      &other),
			 0);
	assert_int_equal(iommu_group_size(iommu_endpoint_group(other)), 1);
	assert_int_equal(iommu_release_endpoint(first), 0);
	assert_int_equal(iommu_release_endpoint(second), 0);
	assert_int_equal(iommu_release_endpoint(alone), 0);
	assert_int_equal(iommu_release_endpoint(other), 0);
}

/* A host that says it of the endpoint alone, not in the topology. */
static void virtual_functions_are_grouped_by_their_physical_one(void **state)
{
	static const struct iommu_pci_function functions[] = {
		{.devfn = 0x08, .type = IOMMU_PCI_ROOT_PORT, .secondary_bus = 1},
		{.bus = 1},
		{.bus = 2, .devfn = 0x80},
		{.devfn = 0x10, .type = IOMMU_PCI_ROOT_PORT, ISOLATES, .secondary_bus = 3},
		{.bus = 3},
		{.bus = 4, .devfn = 0x80},
	};
	const struct iommu_pci_topology t = {functions, 6};
	static const struct iommu_endpoint_info infos[] = {
		{.source_id = 0x100},
		{.source_id = 0x280, .physical_function = 0x100},
		{.source_id = 0x300},
		{.source_id = 0x480, .physical_function = 0x300},
	};
	struct iommu_endpoint *endpoints[4];
	unsigned int i;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &t), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(iommu_probe_endpoint(r.iommu, &infos[i], &endpoints[i]), 0);
	assert_int_equal(group_of(endpoints[0]), group_of(endpoints[1]));
	assert_int_not_equal(group_of(endpoints[0]), group_of(endpoints[2]));
	assert_int_not_equal(group_of(endpoints[2]), group_of(endpoints[3]));
	assert_int_equal(iommu_set_pci_topology(r.iommu, &t), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(iommu_release_endpoint(endpoints[i]), 0);
}

static void topologies_are_taken_whole_or_not_at_all(void **state)
{
	static struct iommu_pci_function many[8193];
	static const struct iommu_pci_function twice[] = {{.bus = 1}, {.bus = 1}};
	const struct iommu_pci_topology too_large = {many, 8193};
	const struct iommu_pci_topology broken = {twice, 2};
	struct iommu_pci_function changed[COUNT];
	const struct iommu_pci_topology joining = {changed, COUNT};
	struct iommu_endpoint *one, *other;
	size_t pages;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	one = recorder_add(&r, 0x20);
	other = recorder_add(&r, 0x28);
	pages = r.test.hosted.pages_in_use;
	if (sizeof(size_t) == 8)
		assert_int_equal(iommu_set_pci_topology(r.iommu, &too_large), IOMMU_ERANGE);
	assert_int_equal(iommu_set_pci_topology(r.iommu, &broken), IOMMU_EINVAL);
	r.test.fail_after = r.test.allocations + 1;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), IOMMU_ENOMEM);
	r.test.fail_after = 0;
	/* Two groups that exist never become one. */
	memcpy(changed, machine, sizeof(changed));
	changed[7].alias_count = 1;
	changed[7].aliases[0] = 0x28;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &joining), IOMMU_EBUSY);
	assert_int_equal(r.test.hosted.pages_in_use, pages);
	assert_int_equal(iommu_release_endpoint(other), 0);
	assert_int_equal(iommu_set_pci_topology(r.iommu, &joining), 0);
	other = recorder_add(&r, 0x28);
	assert_int_equal(group_of(one), group_of(other));
	assert_int_equal(iommu_release_endpoint(other), 0);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_set_pci_topology(r.iommu, NULL), 0);
	one = recorder_add(&r, 0x999);
	assert_int_equal(iommu_release_endpoint(one), 0);
}

/* Behind a bridge that puts its own id on requests. */
static void ids_of_bridges_are_translated_too(void **state)
{
	struct iommu_endpoint *one, *other;
	struct iommu_domain *domain;
	struct iommu_group *group;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	one = recorder_add(&r, 0x208);
	EXPECT_CALLS(&r, "attach:208 attach:200");
	other = recorder_add(&r, 0x210);
	EXPECT_CALLS(&r, "attach:210");
	group = iommu_endpoint_group(one);
	assert_ptr_equal(iommu_endpoint_group(other), group);
	/* The id is no device. */
	assert_int_equal(iommu_group_size(group), 2);
	assert_null(iommu_find_endpoint(r.iommu, 0, 0x200));
	assert_ptr_equal(iommu_next_endpoint(r.iommu, NULL)->group, group);
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, group), 0);
	EXPECT_CALLS(&r, "attach:208 attach:200 attach:210");
	/* It stays while one of them uses it. */
	assert_int_equal(iommu_release_endpoint(one), 0);
	EXPECT_CALLS(&r, "detach:208 release:208");
	assert_int_equal(iommu_domain_detach_group(group), 0);
	EXPECT_CALLS(&r, "attach:200 attach:210");
	assert_int_equal(iommu_release_endpoint(other), 0);
	EXPECT_CALLS(&r, "detach:200 detach:210 release:200 release:210 free");
	assert_int_equal(iommu_domain_free(domain), 0);
}

static void id_that_is_a_device_too(void **state)
{
	struct iommu_endpoint *user, *device;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	user = recorder_add(&r, 0x18);
	EXPECT_CALLS(&r, "attach:18 attach:20");
	/* Found by the other's probe already: nothing to be done but to say so. */
	device = recorder_add(&r, 0x20);
	EXPECT_CALLS(&r, "");
	assert_ptr_equal(iommu_find_endpoint(r.iommu, 0, 0x20), device);
	assert_string_equal(iommu_endpoint_name(device), "0000:00:04.0");
	assert_int_equal(iommu_group_size(iommu_endpoint_group(user)), 2);
	/* Gone, but its id is in use. */
	assert_int_equal(iommu_release_endpoint(device), 0);
	EXPECT_CALLS(&r, "");
	assert_null(iommu_find_endpoint(r.iommu, 0, 0x20));
	device = recorder_add(&r, 0x20);
	/* The user goes first: it is a device like any other then. */
	assert_int_equal(iommu_release_endpoint(user), 0);
	EXPECT_CALLS(&r, "detach:18 release:18");
	assert_int_equal(iommu_release_endpoint(device), 0);
	EXPECT_CALLS(&r, "detach:20 release:20 free");
	/* The device first. */
	device = recorder_add(&r, 0x20);
	user = recorder_add(&r, 0x18);
	EXPECT_CALLS(&r, "attach:20 attach:18");
	assert_int_equal(iommu_release_endpoint(device), 0);
	EXPECT_CALLS(&r, "");
	assert_int_equal(iommu_release_endpoint(user), 0);
	EXPECT_CALLS(&r, "detach:20 detach:18 release:20 release:18 free");
}

/*
 * A device that was released is none, also where its id goes on: not for its driver, nor a holder.
 */
static void id_that_was_a_device(void **state)
{
	const struct iommu_bus_event unbound = {.type = IOMMU_BUS_UNBOUND, .source_id = 0x20};
	struct iommu_endpoint *user, *device, *again;
	struct iommu_group *group;
	struct iommu_dma *dma;
	int owner;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	user = recorder_add(&r, 0x18);
	device = recorder_add(&r, 0x20);
	group = iommu_endpoint_group(user);
	iommu_endpoint_hold(device);
	assert_int_equal(iommu_use_default_domain(device), 0);
	assert_int_equal(iommu_release_endpoint(device), 0);
	assert_int_equal(iommu_release_endpoint(device), IOMMU_ENODEV);
	assert_int_equal(iommu_group_size(group), 1);
	assert_int_equal(iommu_dma_of(device, &dma), IOMMU_ENODEV);
	assert_int_equal(iommu_use_default_domain(device), IOMMU_ENODEV);
	assert_int_equal(iommu_domain_detach_endpoint(device), IOMMU_ENODEV);
	assert_int_equal(iommu_endpoint_was_reset(device), IOMMU_ENODEV);
	assert_int_equal(iommu_endpoint_enable_feature(device, IOMMU_FEATURE_PASID), IOMMU_ENODEV);
	assert_true(iommu_endpoint_is_lost(device));
	/* The bus says when the driver has let go. */
	assert_int_equal(iommu_group_claim(group, &owner), IOMMU_EBUSY);
	assert_int_equal(iommu_report_bus_event(r.iommu, &unbound), 0);
	assert_int_equal(iommu_group_claim(group, &owner), 0);
	assert_int_equal(iommu_group_release(group, &owner), 0);
	iommu_endpoint_drop(device);
	again = recorder_add(&r, 0x20);
	assert_false(iommu_endpoint_is_lost(again));
	assert_int_equal(iommu_release_endpoint(again), 0);
	assert_int_equal(iommu_release_endpoint(user), 0);
	assert_null(iommu_next_group(r.iommu, NULL));
}

/* What fails on the way from an id to a device leaves the id. */
static void id_that_cannot_become_a_device(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 0x18, .max_pasids = 4};
	const struct iommu_endpoint_info untrusted = {.source_id = 0x20, .untrusted = true};
	struct iommu_pasid_handle handle;
	struct iommu_endpoint *user, *device;
	struct iommu_domain *domain;

	(void)state;
	r.has_pasids = true;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA_LAZY), 0);
	assert_int_equal(iommu_probe_endpoint(r.iommu, &info, &user), 0);
	assert_int_equal(iommu_endpoint_enable_feature(user, IOMMU_FEATURE_PASID), 0);
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_pasid(domain, user->group, 1, &handle), 0);
	assert_int_equal(iommu_probe_endpoint(r.iommu, &untrusted, &device), IOMMU_EBUSY);
	assert_int_equal(iommu_group_size(user->group), 1);
	assert_int_equal(iommu_domain_detach_pasid(user->group, 1), 0);
	/* Lazy, and in use. */
	assert_int_equal(iommu_use_default_domain(user), 0);
	assert_int_equal(iommu_probe_endpoint(r.iommu, &untrusted, &device), IOMMU_EBUSY);
	assert_int_equal(iommu_group_size(user->group), 1);
	assert_null(iommu_find_endpoint(r.iommu, 0, 0x20));
	iommu_unuse_default_domain(user);
	assert_int_equal(iommu_probe_endpoint(r.iommu, &untrusted, &device), 0);
	assert_int_equal(iommu_group_default_type(user->group), IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_release_endpoint(user), 0);
	assert_int_equal(iommu_release_endpoint(device), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

static const struct iommu_endpoint *faulting;

static void note_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	faulting = fault->endpoint;
}

static void faults_with_a_shared_id_have_a_name(void **state)
{
	struct iommu_fault fault = {.source_id = 0x200, .explanation = "", .reason_name = ""};
	struct iommu_endpoint *one, *other;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	iommu_set_fault_handler(r.iommu, note_fault, NULL);
	one = recorder_add(&r, 0x208);
	other = recorder_add(&r, 0x210);
	fault.unit = iommu_endpoint_unit(one);
	iommu_report_fault(r.iommu, &fault);
	assert_ptr_equal(faulting, one);
	assert_int_equal(iommu_release_endpoint(one), 0);
	iommu_report_fault(r.iommu, &fault);
	assert_ptr_equal(faulting, other);
	assert_int_equal(iommu_release_endpoint(other), 0);
	iommu_report_fault(r.iommu, &fault);
	assert_null(faulting);
}

static void count_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)fault;
	++*(unsigned int *)ctx;
}

/* Who had the faults of a device gets them back, but for a device that was released meanwhile. */
static void faults_go_back_to_who_is_there(void **state)
{
	unsigned int host = 0, layer = 0, other = 0;
	const struct iommu_fault_route mine = {count_fault, &layer};
	struct iommu_fault fault = {.source_id = 0x20, .explanation = "", .reason_name = ""};
	struct iommu_endpoint *user, *device;
	struct iommu_fault_route before;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	iommu_set_fault_handler(r.iommu, count_fault, &other);
	user = recorder_add(&r, 0x18);
	device = recorder_add(&r, 0x20);
	fault.unit = iommu_endpoint_unit(device);
	iommu_endpoint_set_fault_handler(device, count_fault, &host);
	iommu_endpoint_take_faults(device, mine, &before);
	iommu_report_fault(r.iommu, &fault);
	assert_int_equal(layer, 1);
	iommu_endpoint_give_faults(device, mine, before);
	iommu_report_fault(r.iommu, &fault);
	assert_int_equal(host, 1);
	/* Another has taken them in between. */
	iommu_endpoint_take_faults(device, mine, &before);
	iommu_endpoint_set_fault_handler(device, NULL, NULL);
	iommu_endpoint_give_faults(device, mine, before);
	iommu_report_fault(r.iommu, &fault);
	assert_int_equal(other, 1);
	/* The device has gone, and its driver with it; its id goes on, and is a device's again. */
	iommu_endpoint_set_fault_handler(device, count_fault, &host);
	iommu_endpoint_take_faults(device, mine, &before);
	iommu_endpoint_hold(device);
	assert_int_equal(iommu_release_endpoint(device), 0);
	iommu_endpoint_give_faults(device, mine, before);
	iommu_endpoint_drop(device);
	device = recorder_add(&r, 0x20);
	iommu_report_fault(r.iommu, &fault);
	assert_int_equal(host, 1);
	assert_int_equal(layer, 1);
	assert_int_equal(other, 2);
	assert_int_equal(iommu_release_endpoint(device), 0);
	assert_int_equal(iommu_release_endpoint(user), 0);
}

/* Whatever fails on the way, nothing is left. */
static void failures_leave_nothing(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 0x208};
	struct iommu_endpoint *endpoint;
	unsigned int n;
	int status;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	r.attach = IOMMU_ENOSPC;
	for (n = 1; n <= 2; n++) { /* its own id, and the bridge's */
		r.attach_from = n;
		r.attach_failures = 1;
		assert_int_equal(iommu_probe_endpoint(r.iommu, &info, &endpoint), IOMMU_ENOSPC);
		assert_null(iommu_next_endpoint(r.iommu, NULL));
		assert_null(iommu_next_group(r.iommu, NULL));
		assert_int_equal(r.alive, 0);
	}
	for (n = 1;; n++) {
		r.test.fail_after = r.test.allocations + n;
		status = iommu_probe_endpoint(r.iommu, &info, &endpoint);
		r.test.fail_after = 0;
		if (status == 0)
			break;
		assert_int_equal(status, IOMMU_ENOMEM);
		assert_null(iommu_next_group(r.iommu, NULL));
		assert_int_equal(r.alive, 0);
	}
	assert_true(n > 2);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

/* --- Anything in any order -------------------------------------------------------------------- */

#define CHAIN     24
#define FUNCTIONS (CHAIN + 8)

/*
 * A switch of two ports, which keep apart or do not; a device with a virtual function; a plain one.
 */
static size_t make_switch(struct test_random *random, struct iommu_pci_function *functions)
{
	static const struct iommu_pci_function parts[] = {
		{.devfn = 0xe0, .type = IOMMU_PCI_ROOT_PORT, ISOLATES, .secondary_bus = 100},
		{.bus = 100, .type = IOMMU_PCI_UPSTREAM_PORT, .secondary_bus = 101},
		{.bus = 101, .type = IOMMU_PCI_DOWNSTREAM_PORT, ISOLATES, .secondary_bus = 102},
		{.bus = 101,
		 .devfn = 8,
		 .type = IOMMU_PCI_DOWNSTREAM_PORT,
		 ISOLATES,
		 .secondary_bus = 104},
		{.bus = 102},
		{.bus = 103,
		 .devfn = 0x80,
		 .flags = IOMMU_PCI_VIRTUAL,
		 .physical_function = 102 << 8},
		{.bus = 104},
	};
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		functions[i] = parts[i];
		if (test_random_below(random, 3) == 0)
			functions[i].acs_control = 0;
	}
	return i;
}

static size_t make_machine(struct test_random *random, struct iommu_pci_function *functions)
{
	size_t count = 0;
	uint8_t bus = 0;
	uint8_t next_bus = 1;
	unsigned int slot;

	/* A chain of buses, each with a few functions and perhaps a bridge to the next. */
	while (count < CHAIN - 4) {
		for (slot = 0; slot < 1 + test_random_below(random, 3); slot++)
			functions[count++] = (struct iommu_pci_function){
				.bus = bus,
				.devfn = (uint8_t)(slot << 3),
				.type = bus == 0 ? IOMMU_PCI_INTEGRATED : IOMMU_PCI_CONVENTIONAL,
				.alias_count = test_random_below(random, 4) == 0,
				.aliases = {(uint8_t)test_random_below(random, 64)},
			};
		functions[count++] = (struct iommu_pci_function){
			.bus = bus,
			.devfn = 0xf8,
			.type = test_random_below(random, 2) != 0 ? IOMMU_PCI_EXPRESS_TO_PCI
								  : IOMMU_PCI_CONVENTIONAL_BRIDGE,
			.secondary_bus = next_bus,
		};
		bus = test_random_below(random, 3) == 0 ? 0 : next_bus;
		if (bus == 0)
			break;
		next_bus++;
	}
	return count + make_switch(random, functions + count);
}

struct check {
	const struct iommu_group *group;
	const struct iommu_domain *domain;
	unsigned int ids;
};

static int check_id(void *ctx, uint16_t source_id)
{
	const struct check *check = ctx;
	const struct iommu_list_node *node;

	iommu_list_for_each (node, &r.iommu->endpoints) {
		const struct iommu_endpoint *e =
			iommu_container_of((uintptr_t)node, struct iommu_endpoint, link);

		if (e->info.source_id != source_id)
			continue;
		assert_ptr_equal(e->group, check->group);
		assert_ptr_equal(e->domain, check->domain);
		return 0;
	}
	fail_msg("id %x is not translated", source_id);
	return 0;
}

/* --- Owners that are not trusted -------------------------------------------------------------- */

static int check(const struct iommu_endpoint *endpoint)
{
	return iommu_group_check_isolation(iommu_endpoint_group(endpoint));
}

/*
 * A back end that keeps apart what the topology joins is not believed; nor one that cannot know of
 * interrupts.
 */
static void isolated_from_neighbours_and_by_interrupts(void **state)
{
	struct iommu_endpoint *first, *second, *alone;

	(void)state;
	r.groups_alone = true;
	r.isolates_interrupts = true;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	first = recorder_add(&r, 0x0100);
	alone = recorder_add(&r, 0x0028);
	assert_int_equal(check(first), 0);
	second = recorder_add(&r, 0x0101);
	assert_int_not_equal(group_of(first), group_of(second));
	assert_int_equal(check(first), IOMMU_EPERM);
	assert_int_equal(check(second), IOMMU_EPERM);
	assert_int_equal(check(alone), 0);
	iommu_allow_unsafe_interrupts(r.iommu, true);
	assert_int_equal(check(first), IOMMU_EPERM);
	iommu_allow_unsafe_interrupts(r.iommu, false);
	/* Of interrupts: the unit's word, or else the host's where there is no unit to ask. */
	r.isolates_interrupts = false;
	assert_int_equal(check(alone), 0);
	r.remaps_interrupts = true;
	assert_int_equal(check(alone), IOMMU_EPERM);
	r.remaps_interrupts = false;
	r.test.platform.isolates_interrupts = false;
	assert_int_equal(check(alone), IOMMU_EPERM);
	iommu_allow_unsafe_interrupts(r.iommu, true);
	assert_int_equal(check(alone), 0);
	assert_int_equal(iommu_release_endpoint(first), 0);
	assert_int_equal(check(second), 0);
	assert_int_equal(iommu_release_endpoint(second), 0);
	assert_int_equal(iommu_release_endpoint(alone), 0);
}

/* One group of all that reach each other may be handed over, as a whole. */
static void a_group_that_is_whole_is_isolated(void **state)
{
	struct iommu_endpoint *first, *second;

	(void)state;
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	first = recorder_add(&r, 0x0100);
	second = recorder_add(&r, 0x0101);
	assert_int_equal(group_of(first), group_of(second));
	assert_int_equal(check(first), 0);
	assert_int_equal(iommu_release_endpoint(first), 0);
	assert_int_equal(iommu_release_endpoint(second), 0);
}

static void check_machine(const struct iommu_pci_topology *t, const size_t *numbers,
			  struct iommu_endpoint *const *endpoints)
{
	size_t i, j;

	for (i = 0; i < t->count; i++) {
		struct check check;

		if (endpoints[i] == NULL)
			continue;
		check.group = endpoints[i]->group;
		check.domain = iommu_group_current(endpoints[i]->group);
		(void)iommu_pci_for_each_alias(t, i, check_id, &check);
		for (j = 0; j < i; j++)
			if (endpoints[j] != NULL)
				assert_int_equal(endpoints[i]->group == endpoints[j]->group,
						 numbers[i] == numbers[j]);
	}
}

static void every_id_uses_what_its_group_uses(void **state)
{
	struct test_random random = {.state = 5};
	struct iommu_pci_function functions[FUNCTIONS];
	struct iommu_domain *domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	unsigned int round, step;

	(void)state;
	assert_int_equal(iommu_set_default_type(r.iommu, IOMMU_DOMAIN_DMA), 0);
	for (round = 0; round < 200; round++) {
		struct iommu_endpoint *endpoints[FUNCTIONS] = {NULL};
		size_t numbers[FUNCTIONS];
		struct iommu_pci_topology t = {functions, make_machine(&random, functions)};
		size_t i;

		assert_int_equal(iommu_pci_groups(&t, numbers), 0);
		assert_int_equal(iommu_set_pci_topology(r.iommu, &t), 0);
		for (step = 0; step < 60; step++) {
			i = (size_t)test_random_below(&random, t.count);
			r.calls[0] = '\0';
			if (endpoints[i] == NULL) {
				endpoints[i] = recorder_add(&r, iommu_pci_id(&functions[i]));
			} else if (test_random_below(&random, 2) != 0) {
				struct iommu_group *group = endpoints[i]->group;

				if (iommu_group_domain(group) != NULL)
					assert_int_equal(iommu_domain_detach_group(group), 0);
				else
					assert_int_equal(iommu_domain_attach_group(domain, group),
							 0);
			} else if (iommu_release_endpoint(endpoints[i]) == 0) {
				endpoints[i] = NULL;
			}
			check_machine(&t, numbers, endpoints);
		}
		for (i = 0; i < t.count; i++) {
			if (endpoints[i] == NULL)
				continue;
			assert_int_equal(iommu_domain_detach_group(endpoints[i]->group), 0);
			assert_int_equal(iommu_release_endpoint(endpoints[i]), 0);
		}
		assert_true(iommu_list_is_empty(&r.iommu->endpoints));
		assert_null(iommu_next_group(r.iommu, NULL));
	}
	assert_int_equal(iommu_set_pci_topology(r.iommu, NULL), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

static enum iommu_pci_route route_between(struct iommu_endpoint *from, struct iommu_endpoint *to)
{
	enum iommu_pci_route there, back;

	assert_int_equal(iommu_find_route(from, to, &there), 0);
	assert_int_equal(iommu_find_route(to, from, &back), 0);
	assert_int_equal(there, back);
	return there;
}

/*
 * By bus goes what is in one group, and nothing else: a back end that tells devices apart that the
 * bridges do not keep apart has been told more than the topology has.
 */
static void routes_by_bus_stay_in_a_group(void **state)
{
	const struct iommu_endpoint_info elsewhere = {.source_id = 0x300, .not_in_topology = true};
	struct iommu_endpoint *one, *other, *far, *unknown;
	enum iommu_pci_route route = IOMMU_PCI_ROUTE_BUS;

	(void)state;
	/* Of what nothing is known. */
	one = recorder_add(&r, 0x208);
	assert_int_equal(route_between(one, one), IOMMU_PCI_ROUTE_UNKNOWN);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_set_pci_topology(r.iommu, &topology), 0);
	one = recorder_add(&r, 0x208);
	other = recorder_add(&r, 0x210);
	far = recorder_add(&r, 0x100);
	assert_int_equal(iommu_probe_endpoint(r.iommu, &elsewhere, &unknown), 0);
	assert_ptr_equal(iommu_endpoint_group(one), iommu_endpoint_group(other));
	assert_int_equal(route_between(one, other), IOMMU_PCI_ROUTE_BUS);
	assert_int_equal(route_between(one, far), IOMMU_PCI_ROUTE_HOST_BRIDGE);
	assert_int_equal(route_between(one, unknown), IOMMU_PCI_ROUTE_UNKNOWN);
	assert_int_equal(iommu_release_endpoint(unknown), 0);
	iommu_endpoint_hold(other);
	assert_int_equal(iommu_release_endpoint(other), 0);
	assert_int_equal(iommu_find_route(one, other, &route), IOMMU_ENODEV);
	assert_int_equal(iommu_find_route(other, one, &route), IOMMU_ENODEV);
	iommu_endpoint_drop(other);
	assert_int_equal(route, IOMMU_PCI_ROUTE_BUS);
	assert_int_equal(iommu_release_endpoint(one), 0);
	assert_int_equal(iommu_release_endpoint(far), 0);

	r.groups_alone = true;
	one = recorder_add(&r, 0x208);
	other = recorder_add(&r, 0x210);
	assert_ptr_not_equal(iommu_endpoint_group(one), iommu_endpoint_group(other));
	assert_int_equal(route_between(one, other), IOMMU_PCI_ROUTE_HOST_BRIDGE);
	assert_int_equal(route_between(one, one), IOMMU_PCI_ROUTE_BUS);
	assert_int_equal(iommu_release_endpoint(other), 0);
	assert_int_equal(iommu_release_endpoint(one), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH_FIXTURE(groups_follow_from_the_topology),
		WITH_FIXTURE(virtual_functions_are_grouped_by_their_physical_one),
		WITH_FIXTURE(topologies_are_taken_whole_or_not_at_all),
		WITH_FIXTURE(ids_of_bridges_are_translated_too),
		WITH_FIXTURE(id_that_is_a_device_too),
		WITH_FIXTURE(id_that_was_a_device),
		WITH_FIXTURE(id_that_cannot_become_a_device),
		WITH_FIXTURE(faults_with_a_shared_id_have_a_name),
		WITH_FIXTURE(routes_by_bus_stay_in_a_group),
		WITH_FIXTURE(faults_go_back_to_who_is_there),
		WITH_FIXTURE(failures_leave_nothing),
		WITH_FIXTURE(isolated_from_neighbours_and_by_interrupts),
		WITH_FIXTURE(a_group_that_is_whole_is_isolated),
		WITH_FIXTURE(every_id_uses_what_its_group_uses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
