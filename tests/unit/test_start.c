/* SPDX-License-Identifier: BSD-2-Clause */
/* Choosing among back ends at boot: order, circles, options, and what fails. */
#include <string.h>

#include <libiommu/iommu.h>

#include "group/group.h"
#include "recorder.h"
#include "test.h"

/* A back end that says what happens to it. */
struct speaker {
	struct iommu_backend base;
	bool is_there;
	int early, late;
	bool brings_unit, turns_it_on;
	struct iommu_unit unit;
};

static struct test_platform test;
static struct iommu *iommu;
static struct speaker speakers[4];
static char said[256];

static void say(const char *what, const struct iommu_backend *backend)
{
	strcat(said, said[0] != '\0' ? " " : "");
	strcat(said, what);
	strcat(said, backend->name);
}

#define EXPECT_SAID(expected)                                                                      \
	do {                                                                                       \
		assert_string_equal(said, expected);                                               \
		said[0] = '\0';                                                                    \
	} while (0)

static bool detect(struct iommu *instance, struct iommu_backend *backend)
{
	assert_ptr_equal(instance, iommu);
	say("?", backend);
	return ((struct speaker *)backend)->is_there;
}

static int disable(struct iommu_unit *unit)
{
	unit->enabled = false;
	return 0;
}

static void remove_unit(struct iommu_unit *unit)
{
	(void)unit;
}

static enum iommu_match match(const struct iommu_unit *unit, const struct iommu_endpoint_info *info)
{
	(void)unit;
	return info->source_id == 8 ? IOMMU_MATCH_NAMED : IOMMU_MATCH_NONE;
}

static int probe_endpoint(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	(void)unit;
	(void)endpoint;
	return IOMMU_EIO; /* enough to see that it was asked */
}

static const struct iommu_ops ops = {.name = "speaker",
				     .disable = disable,
				     .remove = remove_unit,
				     .match = match,
				     .probe_endpoint = probe_endpoint};

static int early_init(struct iommu *instance, struct iommu_backend *backend)
{
	struct speaker *speaker = (struct speaker *)backend;

	say("+", backend);
	if (speaker->early == 0 && speaker->brings_unit) {
		speaker->unit.ops = &ops;
		speaker->unit.name[0] = backend->name[0];
		iommu_register_unit(instance, &speaker->unit);
	}
	return speaker->early;
}

static int late_init(struct iommu *instance, struct iommu_backend *backend)
{
	struct speaker *speaker = (struct speaker *)backend;

	(void)instance;
	say("!", backend);
	speaker->unit.enabled = speaker->turns_it_on;
	return speaker->late;
}

static int setup(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	unsigned int i;

	(void)state;
	said[0] = '\0';
	memset(speakers, 0, sizeof(speakers));
	test_platform_init(&test, 1 << 20, 0);
	test.quiet = true;
	assert_int_equal(iommu_create(&test.platform, &iommu), 0);
	for (i = 0; i < 4; i++)
		speakers[i].base = (struct iommu_backend){.name = names[i],
							  .detect = detect,
							  .early_init = early_init,
							  .late_init = late_init};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(iommu_destroy(iommu), 0);
	test_platform_destroy(&test);
	return 0;
}

static void register_all(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		assert_int_equal(iommu_register_backend(iommu, &speakers[i].base), 0);
}

static void back_ends_are_looked_for_in_order(void **state)
{
	(void)state;
	speakers[0].base.after = "c";
	speakers[2].base.after = "d";
	speakers[1].base.after = "missing";
	speakers[0].is_there = speakers[2].is_there = true;
	register_all();
	assert_int_equal(iommu_start(iommu, 0), 0);
	EXPECT_SAID("?b ?d ?c +c ?a +a");
	assert_int_equal(iommu_start_late(iommu), 0);
	EXPECT_SAID("!c !a");
	assert_int_equal(iommu_start(iommu, 0), IOMMU_EBUSY);
}

static void one_that_is_there_can_end_the_search(void **state)
{
	(void)state;
	speakers[1].base.flags = IOMMU_BACKEND_LAST_IF_DETECTED;
	speakers[0].base.flags = IOMMU_BACKEND_LAST_IF_DETECTED;
	speakers[1].is_there = speakers[2].is_there = true;
	speakers[1].base.late_init = NULL;
	register_all();
	assert_int_equal(iommu_start(iommu, 0), 0);
	EXPECT_SAID("?a ?b +b");
	assert_int_equal(iommu_start_late(iommu), 0);
	EXPECT_SAID("");
}

static void circles_are_reported(void **state)
{
	(void)state;
	speakers[0].base.after = "c";
	speakers[1].base.after = "a";
	speakers[2].base.after = "b";
	register_all();
	assert_int_equal(iommu_start(iommu, 0), IOMMU_EINVAL);
	assert_int_equal(test.log_lines, 3);
	EXPECT_SAID("");
	/* Mended, it starts. */
	speakers[0].base.after = NULL;
	assert_int_equal(iommu_start(iommu, 0), 0);
	EXPECT_SAID("?a ?b ?c ?d");
}

static void registration_is_checked(void **state)
{
	struct iommu_backend incomplete = {.name = "x", .detect = detect};

	(void)state;
	assert_int_equal(iommu_register_backend(iommu, &incomplete), IOMMU_EINVAL);
	incomplete = (struct iommu_backend){.name = "x", .early_init = early_init};
	assert_int_equal(iommu_register_backend(iommu, &incomplete), IOMMU_EINVAL);
	incomplete = (struct iommu_backend){.detect = detect, .early_init = early_init};
	assert_int_equal(iommu_register_backend(iommu, &incomplete), IOMMU_EINVAL);
	register_all();
	incomplete = speakers[0].base;
	assert_int_equal(iommu_register_backend(iommu, &incomplete), IOMMU_EEXIST);
	assert_int_equal(iommu_start_late(iommu), IOMMU_EINVAL);
	assert_int_equal(iommu_start(iommu, 0), 0);
	incomplete.name = "x";
	assert_int_equal(iommu_register_backend(iommu, &incomplete), IOMMU_EBUSY);
}

static void options_are_heeded(void **state)
{
	(void)state;
	register_all();
	speakers[0].is_there = true;
	assert_int_equal(iommu_start(iommu, 1U << 31), IOMMU_EINVAL);
	assert_int_equal(iommu_start(iommu, IOMMU_START_OFF | IOMMU_START_REQUIRED), IOMMU_EINVAL);
	assert_int_equal(iommu_start(iommu, IOMMU_START_PASS_THROUGH | IOMMU_START_STRICT),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_start(iommu, IOMMU_START_LAZY | IOMMU_START_STRICT), IOMMU_EINVAL);
	assert_int_equal(iommu_start(iommu, IOMMU_START_PERMISSIVE | IOMMU_START_REQUIRED),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_start(iommu, IOMMU_START_OFF), 0);
	EXPECT_SAID("");
	assert_int_equal(iommu_start_late(iommu), 0);
	EXPECT_SAID("");
}

static void protection_that_is_required_is_no_silence(void **state)
{
	(void)state;
	register_all();
	assert_int_equal(iommu_start(iommu, IOMMU_START_REQUIRED), IOMMU_ENODEV);
	/* There is something, and it fails. */
	speakers[0].is_there = speakers[1].is_there = true;
	speakers[0].brings_unit = true;
	speakers[1].early = IOMMU_EIO;
	assert_int_equal(iommu_start(iommu, IOMMU_START_REQUIRED), IOMMU_EIO);
	said[0] = '\0';
	/* Again: what worked is not done twice. */
	speakers[1].early = 0;
	assert_int_equal(iommu_start(iommu, IOMMU_START_REQUIRED), 0);
	EXPECT_SAID("?b +b ?c ?d");
	speakers[1].late = IOMMU_ETIMEDOUT;
	assert_int_equal(iommu_start_late(iommu), IOMMU_ETIMEDOUT);
	speakers[1].late = 0;
	assert_int_equal(iommu_start_late(iommu), IOMMU_ENODEV); /* nothing is on */
	speakers[0].turns_it_on = true;
	assert_int_equal(iommu_start_late(iommu), 0);
	assert_true(iommu_unit_is_enabled(iommu_find_unit(iommu, "a")));
}

/* Without an option what fails is an error, on a machine that has something to fail. */
static void failures_are_errors_by_default(void **state)
{
	(void)state;
	register_all();
	speakers[0].is_there = speakers[1].is_there = true;
	speakers[0].early = IOMMU_ENOMEM;
	assert_int_equal(iommu_start(iommu, 0), IOMMU_ENOMEM);
	assert_int_equal(iommu_start_late(iommu), IOMMU_EINVAL);
	speakers[0].early = 0;
	speakers[1].late = IOMMU_EIO;
	assert_int_equal(iommu_start(iommu, 0), 0);
	assert_int_equal(iommu->default_type, IOMMU_DOMAIN_DMA);
	assert_int_equal(iommu_start_late(iommu), IOMMU_EIO);
	speakers[1].late = 0;
	/* Nothing is on: nothing is there that could be. */
	assert_int_equal(iommu_start_late(iommu), 0);
}

static void with_the_wish_failures_are_only_logged(void **state)
{
	(void)state;
	register_all();
	speakers[0].is_there = speakers[1].is_there = true;
	speakers[0].early = IOMMU_ENOMEM;
	speakers[1].late = IOMMU_EIO;
	assert_int_equal(iommu_start(iommu, IOMMU_START_PERMISSIVE | IOMMU_START_LAZY), 0);
	assert_int_equal(iommu->default_type, IOMMU_DOMAIN_DMA_LAZY);
	assert_int_equal(test.log_lines, 1);
	said[0] = '\0';
	assert_int_equal(iommu_start_late(iommu), 0);
	EXPECT_SAID("!b");
	assert_int_equal(test.log_lines, 2);
}

static void devices_that_were_there_are_probed_then(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 8};
	const struct iommu_bus_event event = {.type = IOMMU_BUS_ADDED, .info = &info};
	struct iommu_unit *unit;

	(void)state;
	register_all();
	speakers[0].is_there = speakers[0].brings_unit = true;
	assert_int_equal(iommu_report_bus_event(iommu, &event), 0);
	assert_int_equal(iommu_waiting(iommu), 1);
	assert_int_equal(iommu_start(iommu, 0), 0);
	/* It was tried: the unit says that it cannot, and that is the end of it. */
	assert_int_equal(iommu_waiting(iommu), 0);
	assert_int_equal(test.log_lines, 1);
	unit = iommu_find_unit(iommu, "a");
	assert_string_equal(iommu_unit_backend(unit), "speaker");
	assert_null(iommu_find_unit(iommu, "b"));
	assert_null(iommu_unit_next_endpoint(unit, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		WITH_FIXTURE(back_ends_are_looked_for_in_order),
		WITH_FIXTURE(one_that_is_there_can_end_the_search),
		WITH_FIXTURE(circles_are_reported),
		WITH_FIXTURE(registration_is_checked),
		WITH_FIXTURE(options_are_heeded),
		WITH_FIXTURE(protection_that_is_required_is_no_silence),
		WITH_FIXTURE(failures_are_errors_by_default),
		WITH_FIXTURE(with_the_wish_failures_are_only_logged),
		WITH_FIXTURE(devices_that_were_there_are_probed_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
