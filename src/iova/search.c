/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Searching a space for a gap.
 *
 * Every gap is the gap before some range, the end marker included, so that "the highest gap" is a
 * question about nodes. Each node knows, over itself and all below it,
 *     G = the size of the largest such gap,    K = the order of the largest aligned block in one.
 * Why that suffices:
 *  - A plain request of size s fits a whole gap if and only if gap >= s. So a subtree holds a
 *    fitting gap if and only if G >= s: a descent that asks G before it enters a subtree never
 *    enters one in vain, and goes down once.
 *  - A block of 2^k granules, aligned to 2^k, fits a whole gap if and only if k <= its order: an
 *    aligned block of a larger order contains aligned blocks of every smaller order. So the same
 *    holds with K.
 *  - Limit and lower bound cut at most two gaps: the one that holds `limit` and the one that holds
 *    `lowest`. The first is looked at by itself before the descent starts, which then only meets
 *    gaps wholly on the right side of it; the second ends the search when it is met, for all gaps
 *    beyond it are out of bounds.
 *  - Both values of a node follow from its own gap and its children's values, so that the tree
 *    keeps them up in O(1) for each node that an insertion, removal or rotation touches.
 *
 * Other requests use one of the two as a necessary condition, and look at a bounded number of gaps;
 * then at one that is sure to have a place: with gap >= s + alignment - 1, or with a block of the
 * next power of two.
 */
#define IOVA_BLOCK_ORDER_BODY

#include "base/bits.h"
#include "iova/space.h"

/* What a subtree is asked: is there a gap of so many granules / a block of this order? */
struct condition {
	bool by_order;
	int order;
	uint64_t size;
};

static bool subtree_meets(const struct iommu_rb_node *node, const struct condition *condition)
{
	const struct iommu_iova_range *range;

	if (node == NULL)
		return false;
	range = iommu_iova_range_of(node);
	return condition->by_order ? range->subtree_order >= condition->order
				   : range->subtree_gap >= condition->size;
}

static bool gap_meets(const struct iommu_iova_range *range, const struct condition *condition)
{
	const uint64_t first = iommu_iova_gap_first(range);
	const uint64_t size = range->first - first;

	return condition->by_order ? iommu_iova_block_order(first, size) >= condition->order
				   : size >= condition->size;
}

/*
 * The next range beyond `range`, downwards (side 0) or upwards (side 1), whose gap meets the
 * condition; NULL: none.
 */
static struct iommu_iova_range *next_meeting(const struct iommu_iova_range *range,
					     const struct condition *condition, unsigned int side)
{
	const struct iommu_rb_node *node = &range->node;

	/* Up, until something on the wanted side may hold one. */
	while (!subtree_meets(node->child[side], condition)) {
		while (node->parent != NULL && node->parent->child[side] == node)
			node = node->parent;
		node = node->parent;
		if (node == NULL)
			return NULL;
		if (gap_meets(iommu_iova_range_of(node), condition))
			return iommu_iova_range_of(node);
	}
	/* Down: the child nearest to where we came from, the node itself, the other child. */
	for (node = node->child[side];;) {
		if (subtree_meets(node->child[!side], condition))
			node = node->child[!side];
		else if (gap_meets(iommu_iova_range_of(node), condition))
			return iommu_iova_range_of(node);
		else
			node = node->child[side];
	}
}

struct iommu_iova_range *iommu_iova_first_beyond(const struct iommu_iova_space *space,
						 uint64_t granule)
{
	const struct iommu_rb_node *node = space->tree.root;
	struct iommu_iova_range *found = space->end.previous->next;

	/* Above all that is taken: the usual limit, and no reason to walk down the tree. */
	if (found->previous->first <= granule)
		return found;

	while (node != NULL) {
		struct iommu_iova_range *range = iommu_iova_range_of(node);
		const bool beyond = range->first > granule;

		if (beyond)
			found = range;
		node = node->child[!beyond];
	}
	return found;
}

/* The highest place in [first, last] without looking at what is below. */
static bool place_high(const struct iommu_iova_request *request, uint64_t first, uint64_t last,
		       uint64_t *place)
{
	const uint64_t align_mask = request->alignment - 1;
	uint64_t start, line;

	if (last - first < request->size - 1)
		return false;
	start = (last - (request->size - 1)) & ~align_mask;
	/* Across a boundary: end right before it. Either divides the other, so it stays aligned. */
	line = request->boundary != 0 ? (start + (request->size - 1)) & ~(request->boundary - 1)
				      : 0;
	if (start < line)
		start = (line - request->size) & ~align_mask;
	*place = start;
	return start >= first && last - start >= request->size - 1;
}

/* The lowest place in [first, last]. */
static bool place_low(const struct iommu_iova_request *request, uint64_t first, uint64_t last,
		      uint64_t *place)
{
	const uint64_t align_mask = request->alignment - 1;
	uint64_t start = (first + align_mask) & ~align_mask;
	uint64_t line;

	if (start < first || start > last || last - start < request->size - 1)
		return false;
	line = request->boundary != 0 ? (start + (request->size - 1)) & ~(request->boundary - 1)
				      : 0;
	if (start < line)
		start = (line + align_mask) & ~align_mask;
	*place = start;
	return start <= last && last - start >= request->size - 1;
}

/* A place in the part of the gap before `range` that the request allows. */
static bool place_in_gap(const struct iommu_iova_range *range,
			 const struct iommu_iova_request *request, uint64_t *place)
{
	uint64_t first = iommu_iova_gap_first(range);
	uint64_t last;

	if (first >= range->first)
		return false;
	last = range->first - 1;
	if (first < request->lowest)
		first = request->lowest;
	if (last > request->limit)
		last = request->limit;
	if (first > last)
		return false;
	return (request->flags & IOMMU_IOVA_BOTTOM_UP) != 0
		       ? place_low(request, first, last, place)
		       : place_high(request, first, last, place);
}

/*
 * Look at the gaps that meet the condition, in the request's direction, at most `candidates` of
 * them. Returns the range whose gap has a place. *bounded: there is none yet, but more gaps to look
 * at.
 */
static struct iommu_iova_range *search_gaps(const struct iommu_iova_space *space,
					    const struct iommu_iova_request *request,
					    const struct condition *condition, uint64_t candidates,
					    uint64_t *place, bool *bounded)
{
	const bool up = (request->flags & IOMMU_IOVA_BOTTOM_UP) != 0;
	struct iommu_iova_range *range =
		iommu_iova_first_beyond(space, up ? request->lowest : request->limit);

	*bounded = false;
	/* The gap that the near bound cuts, or the first one behind it. */
	if (place_in_gap(range, request, place))
		return range;
	for (; candidates != 0; candidates--) {
		range = next_meeting(range, condition, up);
		if (range == NULL)
			return NULL;
		if (place_in_gap(range, request, place))
			return range;
		/* Out of bounds from here on. */
		if (up ? iommu_iova_gap_first(range) > request->limit
		       : range->first <= request->lowest)
			return NULL;
	}
	*bounded = true;
	return NULL;
}

static bool is_power_of_two(uint64_t value)
{
	return (value & (value - 1)) == 0;
}

struct iommu_iova_range *iommu_iova_search(const struct iommu_iova_space *space,
					   const struct iommu_iova_request *request,
					   uint64_t *first)
{
	const uint64_t size = request->size;
	const int order = (int)iommu_highest_bit(size);
	const bool natural = iommu_iova_is_natural(request);
	const bool exact = (request->flags & IOMMU_IOVA_EXACT) != 0;
	struct condition condition = {.size = size, .order = order};
	struct iommu_iova_range *range;
	bool bounded;

	/*
	 * An aligned start with `size` free behind it has the block's largest power of two there:
	 * for a natural request this is all, for one with a larger alignment it is necessary.
	 */
	condition.by_order = natural || request->alignment > size;
	/*
	 * Where the condition is exact, only the gap that the far bound cuts can meet it and not
	 * have a place, and then everything beyond is out of bounds: such a search is never
	 * bounded.
	 */
	range = search_gaps(space, request, &condition, exact ? UINT64_MAX : IOMMU_IOVA_CANDIDATES,
			    first, &bounded);
	if (range != NULL || !bounded)
		return range;
	/* A gap that is sure to have a place: with a block of the next power of two … */
	condition.by_order = true;
	condition.order = order + !is_power_of_two(size);
	if (request->alignment > 1ULL << condition.order)
		condition.order = (int)iommu_highest_bit(request->alignment);
	range = search_gaps(space, request, &condition, 2, first, &bounded);
	if (range != NULL || request->boundary != 0)
		return range;
	/* … or, without a boundary, with room to align in. */
	condition = (struct condition){.size = size + (request->alignment - 1)};
	return search_gaps(space, request, &condition, 2, first, &bounded);
}
