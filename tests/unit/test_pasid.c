/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which PASIDs are free: those of all units, those that a unit has set aside, and those that the
 * host or a hypervisor hands out.
 */
#include <string.h>

#include <libiommu/group.h>
#include <libiommu/iommu.h>

#include "recorder.h"
#include "test.h"

#define EXPECT_ALLOCATED(first, last, expected)                                                    \
	do {                                                                                       \
		uint32_t taken = 0;                                                                \
		assert_int_equal(iommu_pasid_alloc(r.iommu, first, last, &taken), 0);              \
		assert_int_equal(taken, expected);                                                 \
	} while (0)

static struct recorder r;
static struct iommu_unit *units[2];

static int setup(void **state)
{
	(void)state;
	recorder_init(&r);
	r.has_tlbs = r.has_pasids = true;
	units[0] = &r.units[0].base;
	units[1] = &r.units[1].base;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	recorder_destroy(&r);
	return 0;
}

/* --- For all units ---------------------------------------------------------------------------- */

static void the_lowest_that_is_free(void **state)
{
	uint32_t pasid = 77;

	(void)state;
	EXPECT_ALLOCATED(IOMMU_PASID_MIN, IOMMU_PASID_MAX, 1);
	EXPECT_ALLOCATED(IOMMU_PASID_MIN, IOMMU_PASID_MAX, 2);
	EXPECT_ALLOCATED(IOMMU_PASID_MIN, IOMMU_PASID_MAX, 3);
	assert_int_equal(iommu_pasid_free(r.iommu, 2), 0);
	EXPECT_ALLOCATED(IOMMU_PASID_MIN, IOMMU_PASID_MAX, 2);
	EXPECT_ALLOCATED(100, 101, 100);
	EXPECT_ALLOCATED(100, 101, 101);
	assert_int_equal(iommu_pasid_alloc(r.iommu, 100, 101, &pasid), IOMMU_ENOSPC);
	EXPECT_ALLOCATED(IOMMU_PASID_MAX, IOMMU_PASID_MAX, IOMMU_PASID_MAX);
	assert_int_equal(pasid, 77);
}

static void what_makes_no_sense_is_refused(void **state)
{
	uint32_t pasid;

	(void)state;
	assert_int_equal(iommu_pasid_alloc(r.iommu, 0, 5, &pasid), IOMMU_EINVAL);
	assert_int_equal(iommu_pasid_alloc(r.iommu, 5, 4, &pasid), IOMMU_EINVAL);
	assert_int_equal(iommu_pasid_alloc(r.iommu, 5, 0x100000, &pasid), IOMMU_EINVAL);
	assert_int_equal(iommu_pasid_alloc(r.iommu, 5, UINT32_MAX, &pasid), IOMMU_EINVAL);
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 0, 5), IOMMU_EINVAL);
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 5, 4), IOMMU_EINVAL);
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 5, 0x100000), IOMMU_EINVAL);
	assert_int_equal(iommu_pasid_free(r.iommu, 5), IOMMU_ENOENT); /* nothing ever was */
	EXPECT_ALLOCATED(5, 5, 5);
	assert_int_equal(iommu_pasid_free(r.iommu, 4), IOMMU_ENOENT);
	assert_int_equal(iommu_pasid_free(r.iommu, 0), IOMMU_ENOENT);
	assert_int_equal(iommu_pasid_free(r.iommu, UINT32_MAX), IOMMU_ENOENT);
	assert_int_equal(iommu_pasid_free(r.iommu, 5), 0);
	assert_int_equal(iommu_pasid_free(r.iommu, 5), IOMMU_ENOENT);
}

static void what_is_attached_is_not_freed(void **state)
{
	const struct iommu_endpoint_info info = {.source_id = 8, .max_pasids = 16};
	struct iommu_endpoint *endpoint;
	struct iommu_pasid_handle handle;
	struct iommu_domain *domain;

	(void)state;
	assert_int_equal(iommu_probe_endpoint(r.iommu, &info, &endpoint), 0);
	assert_int_equal(iommu_endpoint_enable_feature(endpoint, IOMMU_FEATURE_PASID), 0);
	domain = recorder_domain(&r, IOMMU_DOMAIN_PAGING);
	EXPECT_ALLOCATED(7, 9, 7);
	assert_int_equal(
		iommu_domain_attach_pasid(domain, iommu_endpoint_group(endpoint), 7, &handle), 0);
	assert_int_equal(iommu_pasid_free(r.iommu, 7), IOMMU_EBUSY);
	EXPECT_ALLOCATED(7, 9, 8);
	assert_int_equal(iommu_domain_detach_pasid(iommu_endpoint_group(endpoint), 7), 0);
	assert_int_equal(iommu_pasid_free(r.iommu, 7), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_release_endpoint(endpoint), 0);
}

static void no_memory_is_no_pasid(void **state)
{
	uint32_t pasid = 0;
	unsigned int failed = 0;

	(void)state;
	/*
	 * Until one fails and the one after the memory is back succeeds, whatever was allocated at
	 * once.
	 */
	while (pasid == 0) {
		r.test.fail_after = r.test.allocations + 1 + failed;
		if (iommu_pasid_alloc(r.iommu, 9, 9, &pasid) == 0)
			break;
		assert_int_equal(pasid, 0);
		assert_int_equal(iommu_pasid_free(r.iommu, 9), IOMMU_ENOENT);
		failed++;
	}
	assert_true(failed > 0);
	r.test.fail_after = r.test.allocations + 1;
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 20, 30), IOMMU_ENOMEM);
	r.test.fail_after = 0;
	EXPECT_ALLOCATED(20, 30, 20); /* none was set aside */
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 21, 30), 0);
}

/* --- Of one unit ------------------------------------------------------------------------------ */

static void units_have_their_own(void **state)
{
	uint32_t pasid = 0;

	(void)state;
	assert_int_equal(iommu_unit_pasid_alloc(units[0], &pasid), IOMMU_ENOSPC); /* no range */
	assert_int_equal(iommu_unit_pasid_free(units[0], 4), IOMMU_ENOENT);
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 4, 6), 0);
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 40, 60), IOMMU_EBUSY);
	/* Another unit may have the same, and more. */
	assert_int_equal(iommu_unit_set_pasid_range(units[1], 5, 8), 0);
	EXPECT_ALLOCATED(3, 20, 3);
	EXPECT_ALLOCATED(3, 20, 9);
	assert_int_equal(iommu_pasid_alloc(r.iommu, 4, 8, &pasid), IOMMU_ENOSPC);
	for (uint32_t expected = 4; expected <= 6; expected++) {
		assert_int_equal(iommu_unit_pasid_alloc(units[0], &pasid), 0);
		assert_int_equal(pasid, expected);
	}
	assert_int_equal(iommu_unit_pasid_alloc(units[0], &pasid), IOMMU_ENOSPC);
	assert_int_equal(iommu_unit_pasid_alloc(units[1], &pasid), 0);
	assert_int_equal(pasid, 5);
	/* They are not the instance's, nor each other's. */
	assert_int_equal(iommu_pasid_free(r.iommu, 5), IOMMU_ENOENT);
	assert_int_equal(iommu_unit_pasid_free(units[1], 4), IOMMU_ENOENT);
	assert_int_equal(iommu_unit_pasid_free(units[0], 5), 0);
	assert_int_equal(iommu_unit_pasid_free(units[0], 5), IOMMU_ENOENT);
	assert_int_equal(iommu_unit_pasid_free(units[1], 5), 0);
	assert_int_equal(iommu_unit_pasid_free(units[0], 3), IOMMU_ENOENT);
	assert_int_equal(iommu_unit_pasid_free(units[0], 9), IOMMU_ENOENT);
	EXPECT_ALLOCATED(3, 20, 10);
}

static void what_is_allocated_for_all_is_no_units_own(void **state)
{
	(void)state;
	EXPECT_ALLOCATED(10, 20, 10);
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 8, 10), IOMMU_EEXIST);
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 10, 12), IOMMU_EEXIST);
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 9, 11), IOMMU_EEXIST);
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 8, 9), 0);
	assert_int_equal(iommu_unit_set_pasid_range(units[1], 11, IOMMU_PASID_MAX), 0);
	assert_int_equal(iommu_pasid_free(r.iommu, 10), 0);
	EXPECT_ALLOCATED(8, IOMMU_PASID_MAX, 10);
}

/* --- Handed out elsewhere --------------------------------------------------------------------- */

struct source {
	struct iommu_pasid_source base;
	uint32_t answer;
	int status;
	uint32_t freed[4];
	unsigned int freed_count;
};

static int source_alloc(void *ctx, uint32_t first, uint32_t last, uint32_t *pasid)
{
	const struct source *source = ctx;

	assert_true(first <= last);
	*pasid = source->answer;
	return source->status;
}

static void source_free(void *ctx, uint32_t pasid)
{
	struct source *source = ctx;

	assert_true(source->freed_count < 4);
	source->freed[source->freed_count++] = pasid;
}

static struct source source;

static void ask_the_source(void)
{
	source = (struct source){
		.base = {.ctx = &source, .alloc = source_alloc, .free = source_free}};
	assert_int_equal(iommu_set_pasid_source(r.iommu, &source.base), 0);
}

static void a_source_is_asked(void **state)
{
	const struct iommu_pasid_source none = {.ctx = NULL};
	uint32_t pasid = 0;

	(void)state;
	assert_int_equal(iommu_set_pasid_source(r.iommu, &none), IOMMU_EINVAL);
	EXPECT_ALLOCATED(1, 9, 1);
	assert_int_equal(iommu_set_pasid_source(r.iommu, &source.base), IOMMU_EINVAL);
	source.base = (struct iommu_pasid_source){
		.ctx = &source, .alloc = source_alloc, .free = source_free};
	assert_int_equal(iommu_set_pasid_source(r.iommu, &source.base), IOMMU_EBUSY);
	assert_int_equal(iommu_pasid_free(r.iommu, 1), 0);
	ask_the_source();
	source.answer = 300;
	EXPECT_ALLOCATED(200, 400, 300);
	assert_int_equal(iommu_set_pasid_source(r.iommu, NULL), IOMMU_EBUSY);
	source.status = IOMMU_EAGAIN;
	assert_int_equal(iommu_pasid_alloc(r.iommu, 200, 400, &pasid), IOMMU_EAGAIN);
	assert_int_equal(source.freed_count, 0);
	assert_int_equal(iommu_pasid_free(r.iommu, 300), 0);
	assert_int_equal(source.freed_count, 1);
	assert_int_equal(source.freed[0], 300);
	assert_int_equal(iommu_pasid_free(r.iommu, 300), IOMMU_ENOENT);
	assert_int_equal(iommu_set_pasid_source(r.iommu, NULL), 0);
	EXPECT_ALLOCATED(200, 400, 200);
}

static void a_source_that_lies(void **state)
{
	uint32_t pasid = 0;

	(void)state;
	ask_the_source();
	assert_int_equal(iommu_unit_set_pasid_range(units[0], 50, 60), 0);
	source.answer = 49;
	EXPECT_ALLOCATED(1, 99, 49);
	/* Again the same, one of a unit's own, and one that was not asked for: given back. */
	assert_int_equal(iommu_pasid_alloc(r.iommu, 1, 99, &pasid), IOMMU_EIO);
	source.answer = 55;
	assert_int_equal(iommu_pasid_alloc(r.iommu, 1, 99, &pasid), IOMMU_EIO);
	source.answer = 100;
	assert_int_equal(iommu_pasid_alloc(r.iommu, 1, 99, &pasid), IOMMU_EIO);
	source.answer = 0;
	assert_int_equal(iommu_pasid_alloc(r.iommu, 1, 99, &pasid), IOMMU_EIO);
	assert_int_equal(source.freed_count, 4);
	assert_int_equal(source.freed[1], 55);
	source.freed_count = 0;
	/* What is next to a unit's range is freed alone. */
	assert_int_equal(iommu_pasid_free(r.iommu, 49), 0);
	assert_int_equal(source.freed_count, 1);
	assert_int_equal(iommu_unit_pasid_alloc(units[0], &pasid), 0);
	assert_int_equal(pasid, 50);
}

static void the_source_gets_back_what_is_left(void **state)
{
	(void)state;
	ask_the_source();
	source.answer = 5;
	EXPECT_ALLOCATED(1, 9, 5);
	source.answer = 6;
	EXPECT_ALLOCATED(1, 9, 6);
	recorder_destroy(&r);
	assert_int_equal(source.freed_count, 2);
	assert_int_equal(source.freed[0] + source.freed[1], 11);
	recorder_init(&r); /* for the teardown */
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_lowest_that_is_free),
		TEST(what_makes_no_sense_is_refused),
		TEST(what_is_attached_is_not_freed),
		TEST(no_memory_is_no_pasid),
		TEST(units_have_their_own),
		TEST(what_is_allocated_for_all_is_no_units_own),
		TEST(a_source_is_asked),
		TEST(a_source_that_lies),
		TEST(the_source_gets_back_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
