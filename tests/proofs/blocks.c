/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places of device addresses: the order of the largest aligned block in a gap, and the highest and
 * the lowest place in a gap for a request of any size, alignment and boundary, for all gaps of
 * granules of 52 bits. What is found satisfies the request; without a boundary no higher, or
 * lower, place does.
 */
#include "iova/search.c"

#include "proof.h"

#define GRANULES (1ULL << 52)

static struct iommu_iova_request any_request(void)
{
	struct iommu_iova_request request = {.size = any_64(), .alignment = 1ULL << any_below(53)};

	ASSUME(request.size != 0 && request.size <= GRANULES);
	if (any_bool()) {
		request.boundary = 1ULL << any_below(64);
		ASSUME(request.boundary >= request.size);
	}
	return request;
}

static bool satisfies(const struct iommu_iova_request *request, uint64_t first, uint64_t last,
		      uint64_t place)
{
	return place >= first && place <= last && last - place >= request->size - 1 &&
	       (place & (request->alignment - 1)) == 0 &&
	       (request->boundary == 0 ||
		(place & ~(request->boundary - 1)) ==
			((place + (request->size - 1)) & ~(request->boundary - 1)));
}

static void places(void)
{
	const struct iommu_iova_request request = any_request();
	const uint64_t first = any_64(), last = any_64(), other = any_64();
	uint64_t high = 0, low = 0;
	bool has_high, has_low;

	ASSUME(first <= last && last < GRANULES);
	has_high = place_high(&request, first, last, &high);
	has_low = place_low(&request, first, last, &low);
	CLAIM(!has_high || satisfies(&request, first, last, high));
	CLAIM(!has_low || satisfies(&request, first, last, low));
	/* Where there is one, both find one; at the ends. */
	if (request.boundary == 0 && satisfies(&request, first, last, other))
		CLAIM(has_high && high >= other && has_low && low <= other);
}

static void block_orders(void)
{
	const uint64_t first = any_64(), size = any_64();
	const unsigned int order = any_below(53);
	const uint64_t start = any_64();
	int largest;

	ASSUME(first < GRANULES && size <= GRANULES - first);
	largest = iommu_iova_block_order(first, size);
	if (start >= first && (start & ((1ULL << order) - 1)) == 0 && start - first <= size &&
	    size - (start - first) >= 1ULL << order)
		CLAIM(largest >= (int)order);
	/* And there is one of that order: at the first multiple. */
	if (size != 0 && largest >= 0) {
		const uint64_t block = 1ULL << largest, at = (first + (block - 1)) & ~(block - 1);

		CLAIM(at - first <= size && size - (at - first) >= block);
	}
	CLAIM((largest < 0) == (size == 0));
}

int main(void)
{
	if (any_bool())
		places();
	else
		block_orders();
	END();
	return 0;
}
