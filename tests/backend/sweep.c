/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "machine.h"
#include "test.h"
#include "tests.h"

/* --- Operations that are swept ---------------------------------------------------------------- */

static void attach_if(enum machine_role role, unsigned int number)
{
	if (machine.roles[role] != MACHINE_NONE && machine.devices[number].endpoint != NULL)
		(void)machine_attach(number, machine.roles[role]);
}

static void op_enable(void)
{
	(void)machine_enable();
}

static void op_disable(void)
{
	(void)machine_disable();
}

static void op_attach_other(void)
{
	attach_if(SECOND, 0);
}

static void op_attach_same(void)
{
	attach_if(FIRST, 0);
}

static void op_attach_bypass(void)
{
	attach_if(BYPASS, 0);
}

static void op_attach_identity(void)
{
	attach_if(IDENTITY, 0);
}

static void op_attach_blocked(void)
{
	attach_if(BLOCKED, 0);
}

static void op_attach_another(void)
{
	attach_if(SECOND, machine.backend->devices - 1);
}

static void op_detach(void)
{
	if (machine.devices[0].endpoint != NULL)
		(void)machine_detach(0);
}

static void op_map(void)
{
	if (machine.roles[FIRST] != MACHINE_NONE)
		(void)machine_map(machine.roles[FIRST], 3, MACHINE_FEW);
}

static void op_map_many(void)
{
	if (machine.roles[FIRST] != MACHINE_NONE)
		(void)machine_map(machine.roles[FIRST], 4, machine.backend->large_pages);
}

static unsigned int place_of(unsigned int mapping)
{
	return (unsigned int)((machine.mappings[mapping].iova - machine.backend->start) /
			      machine.backend->stride);
}

/* The last mapping of that kind; MACHINE_MAPPINGS: there is none. */
static unsigned int last_mapping(bool is_large)
{
	unsigned int n;

	for (n = machine.mapped; n-- != 0;)
		if (machine.mappings[n].fate == MAPPED &&
		    (machine.mappings[n].size > MACHINE_FEW * machine.backend->page) == is_large)
			return n;
	return MACHINE_MAPPINGS;
}

static void op_unmap(void)
{
	const unsigned int n = last_mapping(false);

	if (n != MACHINE_MAPPINGS)
		(void)machine_unmap_exactly(machine.mappings[n].domain, place_of(n));
}

static void op_unmap_many(void)
{
	const unsigned int n = last_mapping(true);

	if (n != MACHINE_MAPPINGS)
		(void)machine_unmap(machine.mappings[n].domain, place_of(n));
}

/* Repeat what was not confirmed. */
static void op_unmap_again(void)
{
	unsigned int n;

	for (n = 0; n < machine.mapped; n++)
		if (machine.mappings[n].fate == UNSURE &&
		    machine.domains[machine.mappings[n].domain] != NULL) {
			(void)machine_unmap(machine.mappings[n].domain, place_of(n));
			return;
		}
}

static void op_free(void)
{
	if (machine.roles[SECOND] != MACHINE_NONE && !machine_uses(machine.roles[SECOND]))
		(void)machine_free_domain(SECOND);
	if (machine.roles[SECOND] == MACHINE_NONE)
		(void)machine_make_domain(SECOND);
}

static void op_replace_device(void)
{
	const unsigned int number = machine.backend->devices - 1;

	if (machine.devices[number].endpoint != NULL &&
	    machine.devices[number].told == MACHINE_NONE)
		(void)machine_take_away(number);
	if (!machine_is_complete(number))
		(void)machine_add(number);
}

static void op_go_and_come(void)
{
	if (machine.devices[0].endpoint == NULL)
		return;
	(void)machine_detach(0);
	(void)machine_take_away(0);
	if (!machine_is_complete(0))
		(void)machine_add(0);
}

static void op_fault(void)
{
	machine_handle_faults();
}

static void op_own(void)
{
	machine.now = "an operation of the back end's own";
	if (machine.backend->own != NULL)
		machine.backend->own(machine.unit);
	machine_look();
}

static const struct {
	const char *name;
	void (*run)(void);
} operations[] = {
	{"enable", op_enable},
	{"disable", op_disable},
	{"suspend", machine_suspend},
	{"attach another domain", op_attach_other},
	{"attach the same", op_attach_same},
	{"attach with a bypass", op_attach_bypass},
	{"attach an identity", op_attach_identity},
	{"attach nothing", op_attach_blocked},
	{"attach another device", op_attach_another},
	{"detach", op_detach},
	{"map", op_map},
	{"map many", op_map_many},
	{"unmap", op_unmap},
	{"unmap many", op_unmap_many},
	{"unmap again", op_unmap_again},
	{"free a domain", op_free},
	{"replace a device", op_replace_device},
	{"detach, go and come", op_go_and_come},
	{"handle faults", op_fault},
	{"own", op_own},
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* --- Runs ------------------------------------------------------------------------------------- */

/*
 * Operation `first` with its n-th step failing, then `second`, and both again; false: `first` has
 * no such step.
 */
static bool run(const struct kit_backend *backend, const struct machine_failure *failure,
		unsigned int first, unsigned int step, unsigned int second)
{
	bool has_failed;

	machine_begin(backend);
	machine_must(machine_probe());
	machine_set_up(false);
	(void)snprintf(machine.story, sizeof(machine.story), "\"%s\" with step %u %s, then \"%s\"",
		       operations[first].name, step, failure->name, operations[second].name);
	machine_be_ill(failure, step);
	operations[first].run();
	has_failed = machine.has_failed;
	if (has_failed) {
		operations[second].run();
		machine_be_well();
		operations[second].run();
	}
	machine_be_well();
	machine_use_and_end();
	return has_failed;
}

/*
 * Operation `first` with its n-th step refused once, then `second` with its m-th step and all after
 * it refused; false: there is no such step.
 */
static bool run_twice(const struct kit_backend *backend, unsigned int first, unsigned int step,
		      unsigned int second, unsigned int second_step, bool *has_first)
{
	const struct machine_failure *once = &machine_failures[0];
	const struct machine_failure *for_ever = &machine_failures[1];
	bool has_failed = false;

	machine_begin(backend);
	assert_int_equal(machine_probe(), 0);
	machine_set_up(false);
	(void)snprintf(machine.story, sizeof(machine.story),
		       "\"%s\" with step %u %s, then \"%s\" with step %u %s",
		       operations[first].name, step, once->name, operations[second].name,
		       second_step, for_ever->name);
	machine_be_ill(once, step);
	operations[first].run();
	*has_first = machine.has_failed;
	if (*has_first) {
		machine_be_ill(for_ever, second_step);
		operations[second].run();
		has_failed = machine.has_failed;
		machine_be_well();
		operations[second].run();
	}
	machine_be_well();
	machine_use_and_end();
	return has_failed;
}

static void sweep_twice(const struct kit_backend *backend, unsigned int first, unsigned int second)
{
	bool has_first = true;
	unsigned int step, second_step;

	for (step = 1; has_first; step++)
		for (second_step = 1;
		     run_twice(backend, first, step, second, second_step, &has_first);
		     second_step++)
			;
}

/* A probe with its n-th step failing, and again without. */
static bool run_probe(const struct kit_backend *backend, const struct machine_failure *failure,
		      unsigned int step)
{
	int status;

	machine_begin(backend);
	(void)snprintf(machine.story, sizeof(machine.story), "probe with step %u %s", step,
		       failure->name);
	machine_be_ill(failure, step);
	status = machine_probe();
	assert_true(status == 0 || machine.has_failed);
	machine_be_well();
	if (status != 0)
		machine_must(machine_probe());
	machine_set_up(false);
	machine_use_and_end();
	return machine.has_failed;
}

/*
 * Second operations: all of them in a long run, as in the soak; in a shorter one a third of them,
 * another third after each first operation; and in the shortest, on an emulated processor, a ninth.
 * IOMMU_TEST_TURN says with which to begin: another number each day.
 */
static unsigned int stride(void)
{
	const uint64_t length = test_setting("IOMMU_TEST_OPERATIONS", 50000);

	if (length >= 50000)
		return 1;
	return length >= 10000 ? 3 : 9;
}

static unsigned int second_after(unsigned int first)
{
	return (unsigned int)((first + test_setting("IOMMU_TEST_TURN", 0)) % stride());
}

void sweep_run(const struct kit_backend *backend)
{
	unsigned int f, first, second, step;

	for (f = 0; f < MACHINE_FAILURES; f++) {
		for (step = 1; run_probe(backend, &machine_failures[f], step); step++)
			;
		for (first = 0; first < OPERATIONS; first++)
			for (second = second_after(first); second < OPERATIONS; second += stride())
				for (step = 1;
				     run(backend, &machine_failures[f], first, step, second);
				     step++)
					;
	}
	for (first = 0; first < OPERATIONS; first++)
		for (second = second_after(first); second < OPERATIONS; second += stride())
			sweep_twice(backend, first, second);
}
