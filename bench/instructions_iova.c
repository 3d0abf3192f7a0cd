/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exchanges in an IOVA tree with many live ranges, for scripts/instructions to count under
 * callgrind.
 *
 *	instructions_iova LIVE EXCHANGES
 *
 * One exchange frees a range at random and allocates another of 1 to 4 granules, aligned to the
 * next power of two, as the benchmark iova/tree/LIVE does. Only the exchanges are counted.
 */
#include <stdlib.h>

#include <iommu_hosted.h>
#include <libiommu/iova.h>

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static struct iommu_iova_range *alloc(struct iommu_iova_space *space, uint64_t *random)
{
	static const uint64_t alignments[] = {1, 2, 4, 4};
	const uint64_t size = 1 + next_random(random) % 4;
	const struct iommu_iova_request request = {
		.size = size,
		.alignment = alignments[size - 1],
		.limit = (1ULL << 36) - 1,
	};
	struct iommu_iova_range *range = NULL;

	if (iommu_iova_alloc(space, &request, &range) != 0)
		exit(EXIT_FAILURE);
	return range;
}

/* What is counted. */
static __attribute__((noinline)) void exchange(struct iommu_iova_space *space,
					       struct iommu_iova_range **range, uint64_t *random)
{
	iommu_iova_free(space, *range);
	*range = alloc(space, random);
}

int main(int argc, char **argv)
{
	const size_t live = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
	const size_t exchanges = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	struct iommu_iova_range **ranges = calloc(live + 1, sizeof(*ranges));
	struct iommu_iova_config config = {.granule = 4096, .first = 1, .last = (1ULL << 52) - 1};
	struct iommu_hosted hosted;
	struct iommu_iova_space *space;
	uint64_t random = 88172645463325252;
	size_t i;

	if (live == 0 || ranges == NULL || iommu_hosted_init(&hosted, NULL, 1 << 30, 0) != 0)
		return EXIT_FAILURE;
	config.platform = &hosted.platform;
	if (iommu_iova_space_create(&config, &space) != 0)
		return EXIT_FAILURE;
	for (i = 0; i < live; i++)
		ranges[i] = alloc(space, &random);
	for (i = 0; i < exchanges; i++)
		exchange(space, &ranges[next_random(&random) % live], &random);
	iommu_iova_space_destroy(space);
	iommu_hosted_destroy(&hosted);
	free(ranges);
	return EXIT_SUCCESS;
}
