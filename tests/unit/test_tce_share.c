/* SPDX-License-Identifier: BSD-2-Clause */
/* The weights of devices, and the division of a window among PEs by them. */
#include <libiommu/iommu.h>

#include "test.h"

#define PES 40

static void devices_have_weights(void **state)
{
	(void)state;
	assert_int_equal(iommu_tce_weight(0x060400), 0);  /* a bridge */
	assert_int_equal(iommu_tce_weight(0x0c0300), 3);  /* UHCI */
	assert_int_equal(iommu_tce_weight(0x0c0320), 3);  /* EHCI */
	assert_int_equal(iommu_tce_weight(0x0c0330), 10); /* xHCI */
	assert_int_equal(iommu_tce_weight(0x010400), 15); /* RAID */
	assert_int_equal(iommu_tce_weight(0x020000), 10); /* Ethernet */
}

/*
 * Whatever the weights: all is given, side by side, at least one each, and no share is off by more
 * than one.
 */
static void assert_fair(unsigned int segments, const unsigned int *weights, unsigned int count)
{
	struct iommu_tce_share shares[PES];
	unsigned int total = 0, takers = 0, next = 0, i;

	for (i = 0; i < count; i++) {
		total += weights[i];
		takers += weights[i] != 0;
	}
	assert_int_equal(iommu_tce_divide(segments, weights, count, shares), 0);
	for (i = 0; i < count; i++) {
		const uint64_t exact = (uint64_t)weights[i] * (segments - takers);

		if (weights[i] == 0) {
			assert_int_equal(shares[i].count, 0);
			continue;
		}
		assert_int_equal(shares[i].first, next);
		assert_true(shares[i].count >= 1);
		assert_true((uint64_t)shares[i].count * total <= exact + 2ULL * total);
		assert_true((uint64_t)shares[i].count * total >= exact);
		next += shares[i].count;
	}
	assert_int_equal(next, takers != 0 ? segments : 0);
}

static void segments_are_divided_by_weight(void **state)
{
	static const unsigned int equal[] = {10, 10, 10, 10};
	static const unsigned int unlike[] = {3, 0, 15, 10, 0, 2};
	static const unsigned int no_weight[] = {0, 0};
	static const unsigned int one[] = {1};
	static const unsigned int most[] = {1, (1U << 20) - 2};
	struct test_random rng = {.state = 5};
	unsigned int weights[PES];
	unsigned int round, i;

	(void)state;
	assert_fair(8, equal, 4);
	assert_fair(4, equal, 4);
	assert_fair(5, equal, 4);
	assert_fair(12, unlike, 6);
	assert_fair(7, no_weight, 2);
	assert_fair(4096, one, 1);
	assert_fair(4096, most, 2);
	assert_fair(1, one, 1);
	assert_fair(3, NULL, 0);
	for (round = 0; round < 20000; round++) {
		const unsigned int count = 1 + (unsigned int)test_random_below(&rng, PES);

		for (i = 0; i < count; i++)
			weights[i] = (unsigned int)test_random_below(
				&rng, test_random_below(&rng, 2) != 0 ? 20000 : 4);
		assert_fair(count + (unsigned int)test_random_below(&rng, 4096 - PES), weights,
			    count);
	}
}

static void what_cannot_be_divided_is_refused(void **state)
{
	static const unsigned int equal[] = {10, 10, 10, 10};
	static const unsigned int large[] = {1U << 19, 1U << 19};
	static const unsigned int huge[] = {UINT32_MAX, 1};
	struct iommu_tce_share shares[4];

	(void)state;
	assert_int_equal(iommu_tce_divide(3, equal, 4, shares), IOMMU_ENOSPC);
	assert_int_equal(iommu_tce_divide(0, equal, 4, shares), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_divide(4097, equal, 4, shares), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_divide(9, large, 2, shares), IOMMU_EINVAL);
	assert_int_equal(iommu_tce_divide(9, huge, 2, shares), IOMMU_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_have_weights),
		cmocka_unit_test(segments_are_divided_by_weight),
		cmocka_unit_test(what_cannot_be_divided_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
