/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is mapped in the end. An address is, if the last change that covers it is a map: a sweep
 * over the changes by their first address, with those that cover the current one in a heap, the
 * latest on top.
 */
#include <stdlib.h>

#include "heap.h"
#include "trace_tally.h"

/* Changes of which each is later than the two below it. */
struct latest {
	const struct tally_change **changes;
	size_t count;
};

static void swap(struct latest *latest, size_t a, size_t b)
{
	const struct tally_change *held = latest->changes[a];

	latest->changes[a] = latest->changes[b];
	latest->changes[b] = held;
}

static bool is_later(const struct latest *latest, size_t a, size_t b)
{
	return latest->changes[a]->number > latest->changes[b]->number;
}

static void latest_add(struct latest *latest, const struct tally_change *change)
{
	size_t at = latest->count++;

	latest->changes[at] = change;
	while (at != 0 && is_later(latest, at, (at - 1) / 2)) {
		swap(latest, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static void latest_drop(struct latest *latest)
{
	size_t at = 0;

	latest->changes[0] = latest->changes[--latest->count];
	for (;;) {
		size_t next = at;

		for (size_t below = 2 * at + 1; below <= 2 * at + 2; below++)
			if (below < latest->count && is_later(latest, below, next))
				next = below;
		if (next == at)
			return;
		swap(latest, at, next);
		at = next;
	}
}

static int compare_starts(const void *a, const void *b)
{
	const struct tally_change *left = a, *right = b;

	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return left->number < right->number ? -1 : left->number > right->number ? 1 : 0;
}

struct ranges {
	struct tally_range *ranges;
	size_t count;
};

/* One more, behind all others, which may adjoin the last. */
static void range_add(struct ranges *ranges, uint64_t start, uint64_t last)
{
	if (ranges->count != 0 && ranges->ranges[ranges->count - 1].last + 1 == start) {
		ranges->ranges[ranges->count - 1].last = last;
		return;
	}
	ranges->ranges[ranges->count++] = (struct tally_range){start, last};
}

/*
 * Up to where the latest change at an address holds: to its own end, or to where the next one
 * begins.
 */
static uint64_t end_of_stretch(const struct tally_domain *domain, const struct latest *latest,
			       size_t next)
{
	const uint64_t last = latest->changes[0]->last;

	if (next < domain->change_count && domain->changes[next].start <= last)
		return domain->changes[next].start - 1;
	return last;
}

struct tally_range *tally_mapped(struct tally_domain *domain, size_t *count)
{
	/* Each change begins one stretch, and ends another. */
	struct ranges ranges = {
		heap_resize(NULL, 2 * domain->change_count + 1, sizeof(struct tally_range)), 0};
	struct latest latest = {
		heap_resize(NULL, domain->change_count + 1, sizeof(const struct tally_change *)),
		0};
	uint64_t at = 0;
	size_t next = 0;

	if (domain->change_count != 0)
		qsort(domain->changes, domain->change_count, sizeof(*domain->changes),
		      compare_starts);
	while (next < domain->change_count || latest.count != 0) {
		uint64_t last;

		if (latest.count == 0)
			at = domain->changes[next].start;
		while (next < domain->change_count && domain->changes[next].start == at)
			latest_add(&latest, &domain->changes[next++]);
		while (latest.count != 0 && latest.changes[0]->last < at)
			latest_drop(&latest);
		if (latest.count == 0)
			continue;
		last = end_of_stretch(domain, &latest, next);
		if (latest.changes[0]->is_map)
			range_add(&ranges, at, last);
		if (last == UINT64_MAX)
			break;
		at = last + 1;
	}
	free(latest.changes);
	*count = ranges.count;
	return ranges.ranges;
}
