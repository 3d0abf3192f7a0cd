/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any operations in any order, any steps of which fail: machines that live for a few dozen
 * operations each. IOMMU_TEST_SEED and IOMMU_TEST_OPERATIONS choose other operations, or more of
 * them.
 */
#include <stdio.h>

#include "machine.h"
#include "test.h"
#include "tests.h"

#define OPERATIONS 50 /* of a machine */

static struct test_random rng;

static unsigned int any(unsigned int n)
{
	return (unsigned int)test_random_below(&rng, n);
}

static unsigned int any_domain(void)
{
	return machine.roles[any(ROLES)];
}

static bool has_tables(unsigned int domain)
{
	return domain == machine.roles[FIRST] || domain == machine.roles[SECOND] ||
	       domain == machine.roles[BYPASS];
}

static void change_device(unsigned int device)
{
	const unsigned int domain = any_domain();

	if (!machine_is_complete(device))
		(void)machine_add(device);
	else if (any(8) == 0 && machine.devices[device].told == MACHINE_NONE)
		(void)machine_take_away(device);
	else if (any(4) == 0)
		(void)machine_detach(device);
	else if (domain != MACHINE_NONE)
		(void)machine_attach(device, domain);
}

/* One page, a few, or more than is done in one piece. */
static uint64_t any_size(void)
{
	switch (any(3)) {
	case 0:
		return machine.backend->large_pages;
	case 1:
		return MACHINE_FEW;
	default:
		return 1;
	}
}

/* Exactly what is mapped at one of the domain's places. */
static void unmap_any_exactly(unsigned int domain)
{
	const unsigned int first = any(KIT_PLACES);
	unsigned int i;

	for (i = 0; i < KIT_PLACES; i++)
		if (machine_has_mapping(domain, (first + i) % KIT_PLACES)) {
			(void)machine_unmap_exactly(domain, (first + i) % KIT_PLACES);
			return;
		}
}

static void change_mappings(void)
{
	const unsigned int domain = any_domain();
	const unsigned int place = any(KIT_PLACES);

	if (domain == MACHINE_NONE || !has_tables(domain))
		return;
	switch (any(4)) {
	case 0:
		(void)machine_unmap(domain, place);
		break;
	case 1:
		unmap_any_exactly(domain);
		break;
	default:
		if (machine.mapped < MACHINE_MAPPINGS - 1) /* the last place is kept for the end */
			(void)machine_map(domain, place, any_size());
		break;
	}
}

static void change_domains(void)
{
	const enum machine_role role = any(2) == 0 ? FIRST : SECOND;

	if (machine.roles[role] != MACHINE_NONE && !machine_uses(machine.roles[role]))
		(void)machine_free_domain(role);
	else if (machine.roles[role] == MACHINE_NONE && machine.made < MACHINE_DOMAINS - 1)
		(void)machine_make_domain(role);
}

static void change_power(void)
{
	switch (any(4)) {
	case 0:
		(void)machine_disable();
		break;
	case 1:
		machine_suspend();
		break;
	default:
		(void)machine_enable();
	}
}

static void do_one(void)
{
	switch (any(12)) {
	case 0:
		change_power();
		break;
	case 1:
		change_domains();
		break;
	case 2:
		machine_handle_faults();
		machine_fault(any(machine.backend->devices));
		break;
	case 3:
	case 4:
	case 5:
		change_device(any(machine.backend->devices));
		break;
	case 6:
		if (machine.backend->own != NULL)
			machine.backend->own(machine.unit);
		break;
	default:
		change_mappings();
	}
}

static void live(const struct kit_backend *backend, uint64_t seed)
{
	unsigned int i;

	rng.state = seed;
	machine_begin(backend);
	machine_must(machine_probe());
	machine_set_up(false);
	for (i = 0; i < OPERATIONS; i++) {
		(void)snprintf(machine.story, sizeof(machine.story), "seed %#llx, operation %u",
			       (unsigned long long)seed, i);
		if (any(3) == 0)
			machine_be_ill(&machine_failures[any(MACHINE_FAILURES)], 1 + any(8));
		do_one();
		if (any(3) != 0)
			machine_be_well();
	}
	machine_be_well();
	machine_use_and_end();
}

void random_run(const struct kit_backend *backend)
{
	const uint64_t seed = test_setting("IOMMU_TEST_SEED", 1);
	/* One operation takes as long as ten of other random tests. */
	const uint64_t machines =
		test_setting("IOMMU_TEST_OPERATIONS", 50000) / (10 * OPERATIONS) + 1;
	uint64_t i;

	for (i = 0; i < machines; i++)
		live(backend, seed + i);
}
