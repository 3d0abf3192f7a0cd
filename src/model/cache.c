/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cache of a model: its hash table, its bunches, its order of forgetting, its memory, its
 * walks.
 */
#include "model/cache.h"

#include <libiommu/status.h>

#include "base/list.h"

/*
 * What one request may add: nested tables of five levels each, on the way of which all is
 * remembered.
 */
#define RESERVE 48
/* So many lines of one hash are in the table, or behind it. */
#define CHAIN_MAX 16
/* A bunch that has so many is split. */
#define BUNCH_MAX 32
/* So many that were used are passed over before one of them goes. */
#define PASSED_OVER_MAX 32

/*
 * Lines of the table in a page, and lines that a small cache, and one without a bound, has at most.
 */
#define LINES_PER_PAGE  ((size_t)IOMMU_PAGE_SIZE / sizeof(struct model_cache_line))
#define LINES_FEW       4096
#define TABLE_PAGES_MAX (((size_t)IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER) / sizeof(void *))

/* The parts of a rank. */
#define RANK_KIND_SHIFT 56
#define RANK_TAG_SHIFT  8

/*
 * What look-ups read of an entry: one cache line, in the table itself where it is the first of its
 * hash, otherwise behind that. It is written under the lock while `version` is odd, in an order
 * that lets a reader notice: each word with release, read with acquire. Odd for good: it holds
 * nothing.
 */
struct model_cache_line {
	struct model_cache_line *next; /* of the same hash, or among the spare ones */
	struct model_cache_node *node; /* under the lock */
	uint32_t version;
	uint8_t reason, fault_hidden;
	uint8_t used; /* since it was last passed over */
	/* Of the first of a hash: there may be entries that only their bunch finds. */
	uint8_t beyond;
	iommu_cell_t rank, address, low, high, third;
};

_Static_assert(sizeof(struct model_cache_line) <= MODEL_CACHE_LINE, "it is one line");

/* The rest of it, under the lock. */
struct model_cache_node {
	struct model_cache_key key; /* as in its line: what is compared lies together */
	struct model_cache_line *line;
	struct model_cache_bunch *bunch;
	struct iommu_list_node in_bunch;
	struct iommu_list_node learned; /* when it is a spare one: among the spare ones */
	struct iommu_rb_node by_owner;
	uint32_t owner;
	bool has_owner;
};

/*
 * Nodes, lines beside the table, and bunches are cut from pages, which are kept until the model
 * goes.
 */
struct model_cache_page {
	struct model_cache_page *next;
	unsigned char apart[MODEL_CACHE_LINE - sizeof(void *)];
};

#define CUT_FROM_PAGE(type) ((IOMMU_PAGE_SIZE - sizeof(struct model_cache_page)) / sizeof(type))

/* --- Entries ---------------------------------------------------------------------------------- */

static struct model_cache_key key_of(unsigned int kind, uint64_t tag, unsigned int level,
				     uint64_t address)
{
	return (struct model_cache_key){
		(uint64_t)kind << RANK_KIND_SHIFT | tag << RANK_TAG_SHIFT | level, address};
}

static struct model_cache_key key_of_entry(const struct model_cached *entry)
{
	return key_of(entry->kind, entry->tag, entry->level, entry->address);
}

static bool is_before(struct model_cache_key a, struct model_cache_key b)
{
	return a.rank != b.rank ? a.rank < b.rank : a.address < b.address;
}

static bool is_same(struct model_cache_key a, struct model_cache_key b)
{
	return a.rank == b.rank && a.address == b.address;
}

static unsigned int kind_of(const struct model_cache_node *node)
{
	return (unsigned int)(node->key.rank >> RANK_KIND_SHIFT);
}

static uint64_t tag_of(const struct model_cache_node *node)
{
	return node->key.rank >> RANK_TAG_SHIFT & MODEL_CACHE_TAG_MAX;
}

static unsigned int level_of(const struct model_cache_node *node)
{
	return (unsigned int)node->key.rank & 0xff;
}

static bool is_empty(const struct model_cache_line *line)
{
	return (line->version & 1) != 0;
}

/* From here to the next `fill` no look-up takes it for anything. */
static void make_unreadable(struct model_cache_line *line)
{
	__atomic_store_n(&line->version, line->version + 1, __ATOMIC_RELAXED);
}

static void fill(struct model_cache_line *line, const struct model_cached *entry)
{
	iommu_cell_store_release(&line->rank, key_of_entry(entry).rank);
	iommu_cell_store_release(&line->address, entry->address);
	__atomic_store_n(&line->reason, entry->reason, __ATOMIC_RELEASE);
	__atomic_store_n(&line->fault_hidden, entry->fault_hidden, __ATOMIC_RELEASE);
	iommu_cell_store_release(&line->low, entry->low);
	iommu_cell_store_release(&line->high, entry->high);
	iommu_cell_store_release(&line->third, entry->third);
	__atomic_store_n(&line->used, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&line->version, line->version + 1, __ATOMIC_RELEASE);
}

/* Is it this one? Then *found is what it says, all of one moment. */
static bool read_if(struct model_cache_line *line, struct model_cache_key key,
		    struct model_cached *found)
{
	const uint32_t version = __atomic_load_n(&line->version, __ATOMIC_ACQUIRE);

	if (iommu_cell_load_acquire(&line->address) != key.address ||
	    iommu_cell_load_acquire(&line->rank) != key.rank || (version & 1) != 0)
		return false;
	found->reason = __atomic_load_n(&line->reason, __ATOMIC_ACQUIRE);
	found->fault_hidden = __atomic_load_n(&line->fault_hidden, __ATOMIC_ACQUIRE) != 0;
	found->low = iommu_cell_load_acquire(&line->low);
	found->high = iommu_cell_load_acquire(&line->high);
	found->third = iommu_cell_load_acquire(&line->third);
	return __atomic_load_n(&line->version, __ATOMIC_RELAXED) == version;
}

/* Not written when it is so already: the line stays every processor's. */
static void note_use(struct model_cache_line *line)
{
	if (__atomic_load_n(&line->used, __ATOMIC_RELAXED) == 0)
		__atomic_store_n(&line->used, 1, __ATOMIC_RELAXED);
}

/* --- The order of keys ------------------------------------------------------------------------ */

static struct model_cache_bunch *by_key(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct model_cache_bunch, by_key);
}

static struct model_cache_node *in_bunch(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct model_cache_node, in_bunch);
}

/* The bunch that a key belongs to: the last that does not begin behind it. */
static struct model_cache_bunch *bunch_of(struct model_cache *cache, struct model_cache_key key)
{
	struct model_cache_bunch *found = &cache->first_bunch;
	struct iommu_rb_node *node = cache->bunches.root;

	while (node != NULL) {
		const bool behind = !is_before(key, by_key(node)->begin);

		if (behind)
			found = by_key(node);
		node = node->child[behind];
	}
	return found;
}

static struct model_cache_node *find_by_bunch(struct model_cache *cache, struct model_cache_key key)
{
	struct model_cache_bunch *bunch = bunch_of(cache, key);
	struct iommu_list_node *at;

	iommu_list_for_each (at, &bunch->entries)
		if (is_same(in_bunch(at)->key, key))
			return in_bunch(at);
	return NULL;
}

/*
 * A key that one of the bunch comes before: of the first, one in the middle and the last the
 * median.
 */
static struct model_cache_key middle_of(const struct model_cache_bunch *bunch)
{
	const struct model_cache_key a = in_bunch(bunch->entries.next)->key;
	const struct model_cache_key c = in_bunch(bunch->entries.previous)->key;
	struct iommu_list_node *at = bunch->entries.next;
	struct model_cache_key b;
	unsigned int i;

	for (i = 0; i < bunch->count / 2; i++)
		at = at->next;
	b = in_bunch(at)->key;
	if (is_before(a, b) == is_before(b, c))
		return b;
	return is_before(a, b) == is_before(a, c) ? c : a;
}

/*
 * The upper half of it becomes a bunch of its own. Without memory it stays as it is, and only takes
 * longer.
 */
static void split(struct model_cache *cache, struct model_cache_bunch *bunch)
{
	struct model_cache_bunch *upper = cache->spare_bunches;
	struct iommu_rb_node *parent = &bunch->by_key;
	struct iommu_list_node *at = bunch->entries.next;
	bool right;

	if (upper == NULL)
		return;
	cache->spare_bunches = upper->next;
	cache->spare_bunch_count--;
	upper->begin = middle_of(bunch);
	upper->count = 0;
	iommu_list_init(&upper->entries);
	while (at != &bunch->entries) {
		struct model_cache_node *node = in_bunch(at);

		at = at->next;
		if (is_before(node->key, upper->begin))
			continue;
		iommu_list_remove(&node->in_bunch);
		iommu_list_insert(&upper->entries, &node->in_bunch);
		node->bunch = upper;
		upper->count++;
		bunch->count--;
	}
	/* Its place is to the right of the lower half, or to the left of what comes behind that. */
	right = parent->child[1] == NULL;
	if (!right)
		parent = iommu_rb_next(parent);
	iommu_rb_insert(&cache->bunches, iommu_rb_no_update, parent, right, &upper->by_key);
}

static void join_bunch(struct model_cache *cache, struct model_cache_node *node)
{
	struct model_cache_bunch *bunch = bunch_of(cache, node->key);

	if (bunch->count >= BUNCH_MAX) {
		split(cache, bunch);
		bunch = bunch_of(cache, node->key);
	}
	iommu_list_insert(&bunch->entries, &node->in_bunch);
	node->bunch = bunch;
	bunch->count++;
}

static void add_spare_bunch(struct model_cache *cache, struct model_cache_bunch *bunch)
{
	bunch->next = cache->spare_bunches;
	cache->spare_bunches = bunch;
	cache->spare_bunch_count++;
}

/* An empty bunch goes, but the first. */
static void leave_bunch(struct model_cache *cache, struct model_cache_node *node)
{
	struct model_cache_bunch *bunch = node->bunch;

	iommu_list_remove(&node->in_bunch);
	if (--bunch->count != 0 || bunch == &cache->first_bunch)
		return;
	iommu_rb_remove(&cache->bunches, iommu_rb_no_update, &bunch->by_key);
	add_spare_bunch(cache, bunch);
}

/* --- The order of owners ---------------------------------------------------------------------- */

static struct model_cache_node *by_owner(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct model_cache_node, by_owner);
}

/* Kind, owner, then as above: does the node come before? */
static bool is_owned_before(const struct model_cache_node *node, unsigned int kind, uint32_t owner,
			    struct model_cache_key key)
{
	if (kind_of(node) != kind)
		return kind_of(node) < kind;
	return node->owner != owner ? node->owner < owner : is_before(node->key, key);
}

/* The first entry that does not come before, or NULL. */
static struct model_cache_node *first_owned(const struct model_cache *cache, unsigned int kind,
					    uint32_t owner, struct model_cache_key key)
{
	struct iommu_rb_node *node = cache->owners.root;
	struct model_cache_node *found = NULL;

	while (node != NULL) {
		const bool right = is_owned_before(by_owner(node), kind, owner, key);

		if (!right)
			found = by_owner(node);
		node = node->child[right];
	}
	return found;
}

static void join_owner(struct model_cache *cache, struct model_cache_node *own)
{
	struct iommu_rb_node *parent = NULL;
	struct iommu_rb_node *node = cache->owners.root;
	bool right = false;

	while (node != NULL) {
		parent = node;
		right = is_owned_before(by_owner(node), kind_of(own), own->owner, own->key);
		node = node->child[right];
	}
	iommu_rb_insert(&cache->owners, iommu_rb_no_update, parent, right, &own->by_owner);
}

/* --- Memory ----------------------------------------------------------------------------------- */

/*
 * Pages of the table, a power of two. They are taken when the model is made: few for a small cache,
 * and at least half as many lines as entries for a large one. What is spread wider is found later,
 * on processors whose caches and TLBs it does not fit.
 */
static size_t table_pages_for(size_t limit)
{
	const bool is_small = limit <= MODEL_CACHE_DEFAULT || limit == SIZE_MAX;
	const size_t wanted = is_small && limit > LINES_FEW ? LINES_FEW : limit;
	size_t pages = 1;

	while (pages < TABLE_PAGES_MAX && 2 * pages * LINES_PER_PAGE <= wanted)
		pages *= 2;
	return pages;
}

static size_t table_pages(const struct model_cache *cache)
{
	return (cache->table_mask + 1) / LINES_PER_PAGE;
}

static bool make_table(struct model_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;
	const size_t pages = table_pages(cache);
	size_t i, k;

	while (((size_t)IOMMU_PAGE_SIZE << cache->table_order) / sizeof(void *) < pages)
		cache->table_order++;
	cache->table = platform->alloc_pages(platform->ctx, cache->table_order, IOMMU_NODE_ANY, 0);
	if (cache->table == NULL)
		return false;
	for (i = 0; i < pages; i++) {
		cache->table[i] = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
		if (cache->table[i] == NULL)
			return false;
		for (k = 0; k < LINES_PER_PAGE; k++)
			make_unreadable(&cache->table[i][k]);
	}
	return true;
}

int iommu_model_cache_init(struct model_cache *cache, const struct iommu_platform *platform,
			   size_t limit, uint64_t forget_seed)
{
	*cache = (struct model_cache){
		.platform = platform,
		.limit = limit != 0 ? limit : MODEL_CACHE_DEFAULT,
		.forget_seed = forget_seed,
		.random = forget_seed,
	};
	iommu_list_init(&cache->first_bunch.entries);
	iommu_rb_insert(&cache->bunches, iommu_rb_no_update, NULL, false,
			&cache->first_bunch.by_key);
	iommu_list_init(&cache->spare);
	iommu_list_init(&cache->learned);
	iommu_list_init(&cache->walks);
	cache->table_mask = table_pages_for(cache->limit) * LINES_PER_PAGE - 1;
	if (make_table(cache))
		return 0;
	iommu_model_cache_destroy(cache);
	return IOMMU_ENOMEM;
}

void iommu_model_cache_destroy(struct model_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;
	size_t i;

	while (cache->pages != NULL) {
		struct model_cache_page *page = cache->pages;

		cache->pages = page->next;
		platform->free_pages(platform->ctx, page, 0);
	}
	if (cache->table == NULL)
		return;
	for (i = 0; i < table_pages(cache) && cache->table[i] != NULL; i++)
		platform->free_pages(platform->ctx, cache->table[i], 0);
	platform->free_pages(platform->ctx, cache->table, cache->table_order);
	cache->table = NULL;
}

static uintptr_t lock(struct model_cache *cache)
{
	return iommu_spin_lock(cache->platform, &cache->lock);
}

static void unlock(struct model_cache *cache, uintptr_t state)
{
	iommu_spin_unlock(cache->platform, &cache->lock, state);
}

static void add_spare_line(struct model_cache *cache, struct model_cache_line *line)
{
	__atomic_store_n(&line->next, cache->spare_lines, __ATOMIC_RELEASE);
	cache->spare_lines = line;
	cache->spare_line_count++;
}

static void add_spare(struct model_cache *cache, struct model_cache_node *node)
{
	iommu_list_insert(cache->spare.next, &node->learned);
	cache->spare_count++;
}

/* A full cache takes the entries that it forgets. */
static bool wants_nodes(const struct model_cache *cache)
{
	return cache->spare_count < RESERVE && cache->made < cache->limit;
}

static bool wants_lines(const struct model_cache *cache)
{
	return cache->spare_line_count < RESERVE && cache->made_lines < cache->limit;
}

static bool wants_bunches(const struct model_cache *cache)
{
	return cache->spare_bunch_count < RESERVE && cache->made_bunches < cache->limit;
}

/* Nodes, lines or bunches, whichever are wanted. */
static void add_page(struct model_cache *cache, struct model_cache_page *page)
{
	struct model_cache_node *nodes = (struct model_cache_node *)(void *)(page + 1);
	struct model_cache_line *lines = (struct model_cache_line *)(void *)(page + 1);
	struct model_cache_bunch *bunches = (struct model_cache_bunch *)(void *)(page + 1);
	size_t i;

	page->next = cache->pages;
	cache->pages = page;
	if (wants_nodes(cache)) {
		for (i = 0; i < CUT_FROM_PAGE(struct model_cache_node); i++)
			add_spare(cache, &nodes[i]);
		cache->made += CUT_FROM_PAGE(struct model_cache_node);
		return;
	}
	if (wants_lines(cache)) {
		for (i = 0; i < CUT_FROM_PAGE(struct model_cache_line); i++) {
			make_unreadable(&lines[i]);
			add_spare_line(cache, &lines[i]);
		}
		cache->made_lines += CUT_FROM_PAGE(struct model_cache_line);
		return;
	}
	for (i = 0; i < CUT_FROM_PAGE(struct model_cache_bunch); i++)
		add_spare_bunch(cache, &bunches[i]);
	cache->made_bunches += CUT_FROM_PAGE(struct model_cache_bunch);
}

/* With the lock, which is let go of for it. */
static uintptr_t make_room(struct model_cache *cache, uintptr_t state)
{
	const struct iommu_platform *platform = cache->platform;
	unsigned int tries = RESERVE;

	while ((wants_nodes(cache) || wants_lines(cache) || wants_bunches(cache)) && tries-- != 0) {
		struct model_cache_page *page;

		unlock(cache, state);
		page = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, IOMMU_ALLOC_ATOMIC);
		state = lock(cache);
		if (page == NULL)
			break;
		add_page(cache, page);
	}
	return state;
}

/* --- Look-ups --------------------------------------------------------------------------------- */

/* The first of a hash. */
static struct model_cache_line *first_line(const struct model_cache *cache,
					   struct model_cache_key key)
{
	uint64_t hash = key.rank * 0x9e3779b97f4a7c15ULL + key.address;
	size_t place;

	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ULL;
	hash ^= hash >> 32;
	place = (size_t)hash & cache->table_mask;
	return &cache->table[place / LINES_PER_PAGE][place % LINES_PER_PAGE];
}

static bool is_line_of(const struct model_cache_line *line, struct model_cache_key key)
{
	return !is_empty(line) && iommu_cell_load(&line->address) == key.address &&
	       iommu_cell_load(&line->rank) == key.rank;
}

static struct model_cache_node *find_locked(struct model_cache *cache, struct model_cache_key key)
{
	struct model_cache_line *line = first_line(cache, key);
	const bool beyond = line->beyond != 0;

	for (; line != NULL; line = line->next)
		if (is_line_of(line, key))
			return line->node;
	return beyond ? find_by_bunch(cache, key) : NULL;
}

/*
 * A line for an entry: the first of its hash if that is free, or one behind it. NULL: there is
 * none. A hash that has too many, which a guest can bring about, has the others in their bunches
 * alone.
 */
static struct model_cache_line *take_line(struct model_cache *cache, struct model_cache_key key)
{
	struct model_cache_line *first = first_line(cache, key);
	struct model_cache_line *line = cache->spare_lines;
	struct model_cache_line *last;
	unsigned int count = 1;

	if (is_empty(first))
		return first;
	if (line == NULL)
		return NULL;
	cache->spare_lines = line->next;
	cache->spare_line_count--;
	for (last = first->next; last != NULL; last = last->next)
		count++;
	if (count < CHAIN_MAX) {
		__atomic_store_n(&line->next, first->next, __ATOMIC_RELAXED);
		__atomic_store_n(&first->next, line, __ATOMIC_RELEASE);
	} else {
		__atomic_store_n(&line->next, NULL, __ATOMIC_RELAXED);
		__atomic_store_n(&first->beyond, 1, __ATOMIC_RELAXED);
	}
	return line;
}

/* It holds nothing any more: the first of a hash stays where it is. */
static void give_line(struct model_cache *cache, const struct model_cache_node *node)
{
	struct model_cache_line *before = first_line(cache, node->key);

	make_unreadable(node->line);
	if (before == node->line)
		return;
	while (before != NULL && before->next != node->line)
		before = before->next;
	if (before != NULL)
		__atomic_store_n(&before->next, node->line->next, __ATOMIC_RELAXED);
	/* A look-up that stands on it goes astray, and finds nothing. */
	add_spare_line(cache, node->line);
}

static void note_presence(struct model_cache *cache, unsigned int kind, unsigned int level)
{
	const unsigned int bit = 1U << level;
	const unsigned int before = cache->present[kind];
	const unsigned int after =
		cache->count_of_level[kind][level] != 0 ? before | bit : before & ~bit;

	if (after != before)
		__atomic_store_n(&cache->present[kind], (uint8_t)after, __ATOMIC_RELAXED);
}

static void forget(struct model_cache *cache, struct model_cache_node *node)
{
	const unsigned int kind = kind_of(node), level = level_of(node);

	give_line(cache, node);
	leave_bunch(cache, node);
	if (node->has_owner)
		iommu_rb_remove(&cache->owners, iommu_rb_no_update, &node->by_owner);
	iommu_list_remove(&node->learned);
	cache->count[kind]--;
	cache->count_of_level[kind][level]--;
	cache->total--;
	note_presence(cache, kind, level);
	add_spare(cache, node);
}

/* One time in four, when the configuration wants it (xorshift64). */
static bool forgets_now(struct model_cache *cache)
{
	if (cache->forget_seed == 0)
		return false;
	cache->random ^= cache->random << 13;
	cache->random ^= cache->random >> 7;
	cache->random ^= cache->random << 17;
	return (cache->random >> 32 & 3) == 0;
}

/* By the bunches: of a hash that has too many, or of a cache that forgets at random. */
static bool find_slowly(struct model_cache *cache, struct model_cache_key key,
			struct model_cached *found, bool peeks)
{
	const uintptr_t state = lock(cache);
	struct model_cache_node *node = find_by_bunch(cache, key);
	bool known = node != NULL;

	if (known && !peeks && forgets_now(cache)) {
		forget(cache, node);
		known = false;
	}
	known = known && read_if(node->line, key, found);
	if (known && !peeks)
		note_use(node->line);
	unlock(cache, state);
	return known;
}

static inline bool find(struct model_cache *cache, unsigned int kind, uint64_t tag,
			unsigned int level, uint64_t address, struct model_cached *found,
			bool peeks)
{
	const struct model_cache_key key = key_of(kind, tag, level, address);
	struct model_cache_line *first = first_line(cache, key);
	struct model_cache_line *line = first;
	unsigned int i;

	*found = (struct model_cached){
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = address};
	if (cache->forget_seed != 0)
		return find_slowly(cache, key, found, peeks);
	/* Counted: a line that is given back meanwhile leads among the spare ones. */
	for (i = 0; line != NULL && i < CHAIN_MAX; i++) {
		if (read_if(line, key, found)) {
			if (!peeks)
				note_use(line);
			return true;
		}
		line = __atomic_load_n(&line->next, __ATOMIC_ACQUIRE);
	}
	return __atomic_load_n(&first->beyond, __ATOMIC_RELAXED) != 0 &&
	       find_slowly(cache, key, found, peeks);
}

bool iommu_model_cache_find(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t address, struct model_cached *found)
{
	return find(cache, kind, tag, level, address, found, false);
}

bool iommu_model_cache_peek(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t address, struct model_cached *found)
{
	return find(cache, kind, tag, level, address, found, true);
}

void iommu_model_cache_count(struct model_cache *cache, size_t counts[MODEL_CACHE_KINDS])
{
	const uintptr_t state = lock(cache);
	unsigned int i;

	for (i = 0; i < MODEL_CACHE_KINDS; i++)
		counts[i] = cache->count[i];
	unlock(cache, state);
}

/* --- Walks ------------------------------------------------------------------------------------ */

static struct model_walk *first_walk(const struct model_cache *cache)
{
	return iommu_container_of(cache->walks.next, struct model_walk, link);
}

static bool have_ended(const struct model_cache *cache, uint64_t ticket)
{
	return cache->walks.next == &cache->walks || first_walk(cache)->number >= ticket;
}

void iommu_model_walk_begin(struct model_cache *cache, struct model_walk *walk, bool adds)
{
	uintptr_t state = lock(cache);

	if (adds)
		state = make_room(cache, state);
	walk->learned_count = 0;
	walk->number = ++cache->walk_count;
	walk->generation = iommu_cell_load(&cache->generation);
	iommu_list_insert(&cache->walks, &walk->link);
	unlock(cache, state);
}

bool iommu_model_walks_have_ended(struct model_cache *cache, uint64_t *ticket)
{
	const uintptr_t state = lock(cache);
	bool ended;

	if (*ticket == 0)
		*ticket = cache->walk_count + 1;
	ended = have_ended(cache, *ticket);
	/* Of several that wait the last one asks again when it is told for the others. */
	if (!ended && (cache->awaited == 0 || *ticket < cache->awaited))
		cache->awaited = *ticket;
	if (ended)
		*ticket = 0;
	unlock(cache, state);
	return ended;
}

/* What was learned first and not used since goes. */
static void forget_one(struct model_cache *cache)
{
	unsigned int passed_over = PASSED_OVER_MAX;

	for (;;) {
		struct model_cache_node *node =
			iommu_container_of(cache->learned.next, struct model_cache_node, learned);

		if (__atomic_load_n(&node->line->used, __ATOMIC_RELAXED) == 0 ||
		    passed_over-- == 0) {
			forget(cache, node);
			return;
		}
		__atomic_store_n(&node->line->used, 0, __ATOMIC_RELAXED);
		iommu_list_remove(&node->learned);
		iommu_list_insert(&cache->learned, &node->learned);
	}
}

/* A spare entry with a line for this key, or NULL. */
static struct model_cache_node *take_node(struct model_cache *cache, struct model_cache_key key)
{
	struct model_cache_node *node;

	if ((cache->total >= cache->limit || cache->spare_count == 0) && cache->total != 0)
		forget_one(cache);
	if (cache->spare_count == 0)
		return NULL;
	node = iommu_container_of(cache->spare.next, struct model_cache_node, learned);
	node->line = take_line(cache, key);
	if (node->line == NULL)
		return NULL;
	iommu_list_remove(&node->learned);
	cache->spare_count--;
	return node;
}

static void put(struct model_cache *cache, const struct model_cached *entry)
{
	const struct model_cache_key key = key_of_entry(entry);
	struct model_cache_node *node;

	if (find_locked(cache, key) != NULL)
		return; /* what is known stays known */
	node = take_node(cache, key);
	if (node == NULL)
		return;
	node->key = key;
	node->owner = entry->owner;
	node->has_owner = entry->has_owner;
	node->line->node = node;
	fill(node->line, entry);
	join_bunch(cache, node);
	if (entry->has_owner)
		join_owner(cache, node);
	iommu_list_insert(&cache->learned, &node->learned);
	cache->count[entry->kind]++;
	cache->count_of_level[entry->kind][entry->level]++;
	cache->total++;
	note_presence(cache, entry->kind, entry->level);
}

/* What a walk has learned becomes known, under one lock. */
static void put_learned(struct model_cache *cache, struct model_walk *walk)
{
	unsigned int i;

	if (iommu_cell_load(&cache->generation) == walk->generation)
		for (i = 0; i < walk->learned_count; i++)
			put(cache, &walk->learned[i]);
	walk->learned_count = 0;
}

void iommu_model_walk_settle(struct model_cache *cache, struct model_walk *walk)
{
	const uintptr_t state = lock(cache);

	put_learned(cache, walk);
	unlock(cache, state);
}

void iommu_model_cache_put(struct model_cache *cache, struct model_walk *walk,
			   const struct model_cached *entry)
{
	if (walk->learned_count == MODEL_WALK_LEARNS)
		iommu_model_walk_settle(cache, walk);
	walk->learned[walk->learned_count++] = *entry;
}

bool iommu_model_walk_end(struct model_cache *cache, struct model_walk *walk)
{
	const uintptr_t state = lock(cache);
	bool was_awaited;

	put_learned(cache, walk);
	iommu_list_remove(&walk->link);
	was_awaited = cache->awaited != 0 && have_ended(cache, cache->awaited);
	if (was_awaited)
		cache->awaited = 0;
	unlock(cache, state);
	return was_awaited;
}

void iommu_model_cache_add_to_high(struct model_cache *cache, const struct model_walk *walk,
				   const struct model_cached *key, uint64_t bits)
{
	const uintptr_t state = lock(cache);
	struct model_cache_node *node = find_locked(cache, key_of_entry(key));

	if (node != NULL && iommu_cell_load(&cache->generation) == walk->generation)
		iommu_cell_store_release(&node->line->high,
					 iommu_cell_load(&node->line->high) | bits);
	unlock(cache, state);
}

/* --- Forgetting ------------------------------------------------------------------------------- */

uintptr_t iommu_model_cache_begin_drop(struct model_cache *cache)
{
	return lock(cache);
}

void iommu_model_cache_end_drop(struct model_cache *cache, uintptr_t state)
{
	/* Behind what has gone: a look-up that sees it finds nothing of that any more. */
	iommu_cell_store_release(&cache->generation, iommu_cell_load(&cache->generation) + 1);
	unlock(cache, state);
}

/* Forget all of a bunch whose keys are in [first, last]. */
static void drop_of_bunch(struct model_cache *cache, struct model_cache_bunch *bunch,
			  struct model_cache_key first, struct model_cache_key last)
{
	struct iommu_list_node *at = bunch->entries.next;

	while (at != &bunch->entries) {
		struct model_cache_node *node = in_bunch(at);

		at = at->next;
		if (!is_before(node->key, first) && !is_before(last, node->key))
			forget(cache, node);
	}
}

/* Forget all whose keys are in [first, last]. */
static void drop_keys(struct model_cache *cache, struct model_cache_key first,
		      struct model_cache_key last)
{
	struct model_cache_bunch *bunch = bunch_of(cache, first);

	while (bunch != NULL && !is_before(last, bunch->begin)) {
		struct iommu_rb_node *next = iommu_rb_next(&bunch->by_key);

		drop_of_bunch(cache, bunch, first, last);
		bunch = next != NULL ? by_key(next) : NULL;
	}
}

void iommu_model_cache_drop(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t first, uint64_t last)
{
	const struct model_cache_key from = key_of(kind, tag, level, first);
	struct model_cache_node *node;

	if (cache->count_of_level[kind][level] == 0)
		return;
	if (first != last) {
		drop_keys(cache, from, key_of(kind, tag, level, last));
		return;
	}
	/* Most invalidations name one page. */
	node = find_locked(cache, from);
	if (node != NULL)
		forget(cache, node);
}

void iommu_model_cache_drop_tags(struct model_cache *cache, unsigned int kind, uint64_t first,
				 uint64_t last)
{
	const uint64_t last_tag = last < MODEL_CACHE_TAG_MAX ? last : MODEL_CACHE_TAG_MAX;

	if (cache->count[kind] != 0)
		drop_keys(cache, key_of(kind, first, 0, 0),
			  key_of(kind, last_tag, UINT8_MAX, UINT64_MAX));
}

void iommu_model_cache_drop_kind(struct model_cache *cache, unsigned int kind)
{
	iommu_model_cache_drop_tags(cache, kind, 0, MODEL_CACHE_TAG_MAX);
}

void iommu_model_cache_drop_owned(struct model_cache *cache, unsigned int kind, uint32_t owner,
				  uint64_t first, uint64_t last)
{
	struct model_cache_node *node = first_owned(cache, kind, owner, key_of(kind, first, 0, 0));

	while (node != NULL && kind_of(node) == kind && node->owner == owner &&
	       tag_of(node) <= last) {
		struct iommu_rb_node *next = iommu_rb_next(&node->by_owner);

		forget(cache, node);
		node = next != NULL ? by_owner(next) : NULL;
	}
}
