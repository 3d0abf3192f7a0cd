/* SPDX-License-Identifier: BSD-2-Clause */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"
#include "tests.h"

#define BACKENDS 8

static const struct kit {
	const char *name;
	void (*run)(const struct kit_backend *backend);
} kits[] = {
	{"sweep", sweep_run},
	{"predecessor", predecessor_run},
	{"random", random_run},
};
#define KITS (sizeof(kits) / sizeof(kits[0]))

struct test {
	const struct kit *kit;
	const struct kit_backend *backend;
	char name[64];
};

static void run(void **state)
{
	const struct test *test = *state;

	test->kit->run(test->backend);
}

int kit_run(const struct kit_backend *backends, unsigned int count)
{
	static struct test tests[BACKENDS * KITS];
	static struct CMUnitTest units[BACKENDS * KITS];
	unsigned int i, n = 0;

	for (i = 0; i < count * KITS && i < BACKENDS * KITS; i++) {
		struct test *test = &tests[n];

		test->backend = &backends[i / KITS];
		test->kit = &kits[i % KITS];
		(void)snprintf(test->name, sizeof(test->name), "%s: %s", test->backend->name,
			       test->kit->name);
		units[n++] = (struct CMUnitTest){
			.name = test->name, .test_func = run, .initial_state = test};
	}
	cmocka_set_test_filter(getenv("IOMMU_TEST_FILTER"));
	return _cmocka_run_group_tests("kit", units, n, NULL, NULL);
}
