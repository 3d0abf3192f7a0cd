/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine that an instance left running: it died, and hardware goes on by its tables. The next
 * instance finds the unit, adds devices, attaches them and enables, with each step of each of these
 * failing.
 */
#include <stdio.h>

#include "machine.h"
#include "test.h"
#include "tests.h"

/* The calls of a host at boot, in order; each may be repeated. */
enum stage {
	PROBE,
	READY,
	ADD,
	ATTACH,
	ENABLE,
	STAGES,
};

/* All but the last, which the instance does not know until the unit is on. */
static unsigned int first_devices(void)
{
	return machine.backend->devices == 1 ? 1 : machine.backend->devices - 1;
}

static int add_all(void)
{
	unsigned int i;
	int status = 0;

	for (i = 0; i < first_devices() && status == 0; i++)
		if (!machine_is_complete(i))
			status = machine_add(i);
	return status;
}

static int attach_all(void)
{
	unsigned int i;
	int status = 0;

	if (machine.roles[SECOND] == MACHINE_NONE)
		status = machine_make_domain(SECOND);
	for (i = 0; i < first_devices() && status == 0; i++)
		status = machine_attach(i, machine.roles[SECOND]);
	return status == 0 ? machine_map(machine.roles[SECOND], 2, 1) : status;
}

static int do_stage(enum stage stage)
{
	switch (stage) {
	case PROBE:
		return machine_probe();
	case ADD:
		return add_all();
	case ATTACH:
		return attach_all();
	case ENABLE:
		return machine_enable();
	case READY:
	case STAGES:
	default:
		if (machine.backend->ready != NULL)
			machine.backend->ready(machine.unit);
		return 0;
	}
}

/* A stage with its n-th step failing, and again without; false: it has no such step. */
static bool run(const struct kit_backend *backend, const struct machine_failure *failure,
		enum stage failing, unsigned int step)
{
	static const char *const names[STAGES] = {"probe", "", "add devices", "attach", "enable"};
	bool has_failed = false;
	enum stage stage;

	machine_begin(backend);
	machine_must(machine_probe());
	machine_set_up(true);
	machine_die();
	(void)snprintf(machine.story, sizeof(machine.story),
		       "after a predecessor, \"%s\" with step %u %s", names[failing], step,
		       failure->name);
	for (stage = PROBE; stage < STAGES; stage++) {
		int status;

		if (stage == failing)
			machine_be_ill(failure, step);
		status = do_stage(stage);
		has_failed = has_failed || (stage == failing && machine.has_failed);
		if (status != 0 && !machine.has_failed)
			machine_must(status);
		machine_be_well();
		if (status != 0)
			machine_must(do_stage(stage));
	}
	machine_use_and_end();
	return has_failed;
}

void predecessor_run(const struct kit_backend *backend)
{
	unsigned int f, stage, step;

	for (f = 0; f < MACHINE_FAILURES; f++)
		for (stage = PROBE; stage < STAGES; stage++)
			for (step = 1;
			     stage != READY && run(backend, &machine_failures[f], stage, step);
			     step++)
				;
}
