/* SPDX-License-Identifier: BSD-2-Clause */
/* The cache of a model: its trees, its hash table, its order of forgetting, its memory, its walks. */
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
/* So many that were used are passed over before one of them goes. */
#define PASSED_OVER_MAX 32

/* Lines of the table in a page, and lines that a small cache, and one without a bound, has at most. */
#define LINES_PER_PAGE  ((size_t)IOMMU_PAGE_SIZE / sizeof(struct model_cache_line))
#define LINES_FEW       4096
#define TABLE_PAGES_MAX (((size_t)IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER) / sizeof(void *))

/* In one word: key, then what else is known. */
#define META_KEY          0xffffULL
#define META_LEVEL_SHIFT  8
#define META_REASON_SHIFT 16
#define META_HIDDEN       (1ULL << 24)
#define META_HAS_OWNER    (1ULL << 25)
#define META_OWNER_SHIFT  32

/*
 * What look-ups read of an entry: one cache line, in the table itself where it is the first of its hash,
 * otherwise behind that. It is written under the lock while `version` is odd, in an order that lets a
 * reader notice: each word with release, read with acquire. Odd for good: it holds nothing.
 */
struct model_cache_line {
	struct model_cache_line *next; /* of the same hash, or among the spare ones */
	uint32_t version;
	uint8_t used;   /* since it was last passed over */
	uint8_t beyond; /* of the first of a hash: there may be entries that only the tree finds */
	iommu_cell_t meta, tag, address, low, high, third;
};

_Static_assert(sizeof(struct model_cache_line) <= MODEL_CACHE_LINE, "it is one line");

/* The rest of it, under the lock. */
struct model_cache_node {
	struct iommu_rb_node by_key;
	uint64_t meta, tag, address;   /* as in its line: what is compared lies together */
	struct model_cache_line *line; /* when it is a spare one: the next of them is in `next` */
	struct iommu_rb_node by_owner;
	struct iommu_list_node learned;
	struct model_cache_node *next;
};

/* Nodes, and lines beside the table, are cut from pages, which are kept until the model goes. */
struct model_cache_page {
	struct model_cache_page *next;
	unsigned char apart[MODEL_CACHE_LINE - sizeof(void *)];
};

#define CUT_FROM_PAGE(type) ((IOMMU_PAGE_SIZE - sizeof(struct model_cache_page)) / sizeof(type))

/* --- Entries ---------------------------------------------------------------------------------- */

static uint64_t key_of(unsigned int kind, unsigned int level)
{
	return kind | (uint64_t)level << META_LEVEL_SHIFT;
}

static uint64_t meta_of(const struct model_cached *entry)
{
	return key_of(entry->kind, entry->level) | (uint64_t)entry->reason << META_REASON_SHIFT |
	       (entry->fault_hidden ? META_HIDDEN : 0) | (entry->has_owner ? META_HAS_OWNER : 0) |
	       (uint64_t)entry->owner << META_OWNER_SHIFT;
}

static unsigned int kind_of(const struct model_cache_node *node)
{
	return (unsigned int)node->meta & 0xff;
}

static unsigned int level_of(const struct model_cache_node *node)
{
	return (unsigned int)(node->meta >> META_LEVEL_SHIFT) & 0xff;
}

static uint32_t owner_of(const struct model_cache_node *node)
{
	return (uint32_t)(node->meta >> META_OWNER_SHIFT);
}

static bool has_owner(const struct model_cache_node *node)
{
	return (node->meta & META_HAS_OWNER) != 0;
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
	iommu_cell_store_release(&line->meta, meta_of(entry));
	iommu_cell_store_release(&line->tag, entry->tag);
	iommu_cell_store_release(&line->address, entry->address);
	iommu_cell_store_release(&line->low, entry->low);
	iommu_cell_store_release(&line->high, entry->high);
	iommu_cell_store_release(&line->third, entry->third);
	__atomic_store_n(&line->used, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&line->version, line->version + 1, __ATOMIC_RELEASE);
}

/* Is it this one? Then *found is what it says, all of one moment. */
static bool read_if(struct model_cache_line *line, uint64_t key, uint64_t tag, uint64_t address,
		    struct model_cached *found)
{
	const uint32_t version = __atomic_load_n(&line->version, __ATOMIC_ACQUIRE);
	uint64_t meta;

	if (iommu_cell_load_acquire(&line->address) != address ||
	    iommu_cell_load_acquire(&line->tag) != tag)
		return false;
	meta = iommu_cell_load_acquire(&line->meta);
	if ((meta & META_KEY) != key || (version & 1) != 0)
		return false;
	found->owner = (uint32_t)(meta >> META_OWNER_SHIFT);
	found->reason = (uint8_t)(meta >> META_REASON_SHIFT);
	found->fault_hidden = (meta & META_HIDDEN) != 0;
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

/* --- Two orders ------------------------------------------------------------------------------- */

static bool no_augmentation(struct iommu_rb_node *node)
{
	(void)node;
	return false;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Kind, tag, level, address. */
static int compare_keys(const struct model_cache_node *a, const struct model_cached *b)
{
	int order = compare(kind_of(a), b->kind);

	if (order == 0)
		order = compare(a->tag, b->tag);
	if (order == 0)
		order = compare(level_of(a), b->level);
	return order != 0 ? order : compare(a->address, b->address);
}

/* Kind, owner, then as above. */
static int compare_owners(const struct model_cache_node *a, const struct model_cached *b)
{
	int order = compare(kind_of(a), b->kind);

	if (order == 0)
		order = compare(owner_of(a), b->owner);
	return order != 0 ? order : compare_keys(a, b);
}

static struct model_cache_node *by_key(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct model_cache_node, by_key);
}

static struct model_cache_node *by_owner(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct model_cache_node, by_owner);
}

typedef struct model_cache_node *(*of_node)(struct iommu_rb_node *node);
typedef int (*order)(const struct model_cache_node *a, const struct model_cached *b);

/* The first entry that does not come before `key`, or NULL. */
static inline struct model_cache_node *first_from(const struct iommu_rb_tree *tree, of_node of,
						  order compares, const struct model_cached *key)
{
	struct iommu_rb_node *node = tree->root;
	struct model_cache_node *found = NULL;

	while (node != NULL) {
		if (compares(of(node), key) >= 0) {
			found = of(node);
			node = node->child[0];
		} else {
			node = node->child[1];
		}
	}
	return found;
}

/* The node behind this one, or NULL. */
static struct iommu_rb_node *next_of(struct iommu_rb_node *node)
{
	if (node->child[1] != NULL) {
		node = node->child[1];
		while (node->child[0] != NULL)
			node = node->child[0];
		return node;
	}
	while (node->parent != NULL && iommu_rb_side_of(node) == 1)
		node = node->parent;
	return node->parent;
}

static inline void insert(struct iommu_rb_tree *tree, of_node of, order compares,
			  const struct model_cached *entry, struct iommu_rb_node *own)
{
	struct iommu_rb_node *parent = NULL;
	struct iommu_rb_node *node = tree->root;
	bool right = false;

	while (node != NULL) {
		parent = node;
		right = compares(of(node), entry) < 0;
		node = node->child[right];
	}
	iommu_rb_insert(tree, no_augmentation, parent, right, own);
}

/* --- Memory ----------------------------------------------------------------------------------- */

/*
 * Pages of the table, a power of two. They are taken when the model is made: few for a small cache, and at least
 * half as many lines as entries for a large one. What is spread wider is found later, on processors whose caches
 * and TLBs it does not fit.
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
	node->next = cache->spare;
	cache->spare = node;
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

/* Nodes or lines, whichever are wanted. */
static void add_page(struct model_cache *cache, struct model_cache_page *page)
{
	struct model_cache_node *nodes = (struct model_cache_node *)(void *)(page + 1);
	struct model_cache_line *lines = (struct model_cache_line *)(void *)(page + 1);
	size_t i;

	page->next = cache->pages;
	cache->pages = page;
	if (wants_nodes(cache)) {
		for (i = 0; i < CUT_FROM_PAGE(struct model_cache_node); i++)
			add_spare(cache, &nodes[i]);
		cache->made += CUT_FROM_PAGE(struct model_cache_node);
		return;
	}
	for (i = 0; i < CUT_FROM_PAGE(struct model_cache_line); i++) {
		make_unreadable(&lines[i]);
		add_spare_line(cache, &lines[i]);
	}
	cache->made_lines += CUT_FROM_PAGE(struct model_cache_line);
}

/* With the lock, which is let go of for it. */
static uintptr_t make_room(struct model_cache *cache, uintptr_t state)
{
	const struct iommu_platform *platform = cache->platform;
	unsigned int tries = RESERVE;

	while ((wants_nodes(cache) || wants_lines(cache)) && tries-- != 0) {
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
static struct model_cache_line *first_line(const struct model_cache *cache, uint64_t key,
					   uint64_t tag, uint64_t address)
{
	uint64_t hash = tag * 0x9e3779b97f4a7c15ULL + address;
	size_t place;

	hash ^= (key & 0xff) << 58 ^ key >> META_LEVEL_SHIFT << 54;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93ULL;
	hash ^= hash >> 32;
	place = (size_t)hash & cache->table_mask;
	return &cache->table[place / LINES_PER_PAGE][place % LINES_PER_PAGE];
}

static struct model_cache_line *first_line_of(const struct model_cache *cache,
					      const struct model_cached *key)
{
	return first_line(cache, key_of(key->kind, key->level), key->tag, key->address);
}

static struct model_cache_node *find_by_tree(const struct model_cache *cache,
					     const struct model_cached *key)
{
	struct model_cache_node *node = first_from(&cache->keys, by_key, compare_keys, key);

	return node != NULL && compare_keys(node, key) == 0 ? node : NULL;
}

static bool is_line_of(const struct model_cache_line *line, const struct model_cached *key)
{
	return !is_empty(line) && iommu_cell_load(&line->address) == key->address &&
	       iommu_cell_load(&line->tag) == key->tag &&
	       (iommu_cell_load(&line->meta) & META_KEY) == key_of(key->kind, key->level);
}

static struct model_cache_line *find_locked(const struct model_cache *cache,
					    const struct model_cached *key)
{
	struct model_cache_line *first = first_line_of(cache, key);
	struct model_cache_line *line;
	struct model_cache_node *node;

	for (line = first; line != NULL; line = line->next)
		if (is_line_of(line, key))
			return line;
	node = first->beyond != 0 ? find_by_tree(cache, key) : NULL;
	return node != NULL ? node->line : NULL;
}

/*
 * A line for an entry: the first of its hash if that is free, or one behind it. NULL: there is none. A hash
 * that has too many, which a guest can bring about, has the others in the tree alone.
 */
static struct model_cache_line *take_line(struct model_cache *cache,
					  const struct model_cached *entry)
{
	struct model_cache_line *first = first_line_of(cache, entry);
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
	struct model_cache_line *before =
		first_line(cache, node->meta & META_KEY, node->tag, node->address);

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
	iommu_rb_remove(&cache->keys, no_augmentation, &node->by_key);
	if (has_owner(node))
		iommu_rb_remove(&cache->owners, no_augmentation, &node->by_owner);
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

/* By the tree: of a hash that has too many, or of a cache that forgets at random. */
static bool find_slowly(struct model_cache *cache, const struct model_cached *key,
			struct model_cached *found, bool peeks)
{
	const uintptr_t state = lock(cache);
	struct model_cache_node *node = find_by_tree(cache, key);
	bool known = node != NULL;

	if (known && !peeks && forgets_now(cache)) {
		forget(cache, node);
		known = false;
	}
	known = known &&
		read_if(node->line, key_of(key->kind, key->level), key->tag, key->address, found);
	if (known && !peeks)
		note_use(node->line);
	unlock(cache, state);
	return known;
}

static inline bool find(struct model_cache *cache, unsigned int kind, uint64_t tag,
			unsigned int level, uint64_t address, struct model_cached *found,
			bool peeks)
{
	const uint64_t key = key_of(kind, level);
	struct model_cache_line *first = first_line(cache, key, tag, address);
	struct model_cache_line *line = first;
	unsigned int i;

	*found = (struct model_cached){
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = address};
	if (cache->forget_seed != 0)
		return find_slowly(cache, found, found, peeks);
	/* Counted: a line that is given back meanwhile leads among the spare ones. */
	for (i = 0; line != NULL && i < CHAIN_MAX; i++) {
		if (read_if(line, key, tag, address, found)) {
			if (!peeks)
				note_use(line);
			return true;
		}
		line = __atomic_load_n(&line->next, __ATOMIC_ACQUIRE);
	}
	return __atomic_load_n(&first->beyond, __ATOMIC_RELAXED) != 0 &&
	       find_slowly(cache, found, found, peeks);
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
	walk->number = ++cache->walk_count;
	walk->generation = iommu_cell_load(&cache->generation);
	iommu_list_insert(&cache->walks, &walk->link);
	unlock(cache, state);
}

bool iommu_model_walk_end(struct model_cache *cache, struct model_walk *walk)
{
	const uintptr_t state = lock(cache);
	bool was_awaited;

	iommu_list_remove(&walk->link);
	was_awaited = cache->awaited != 0 && have_ended(cache, cache->awaited);
	if (was_awaited)
		cache->awaited = 0;
	unlock(cache, state);
	return was_awaited;
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

/* A spare entry with a line for `entry`, or NULL. */
static struct model_cache_node *take_node(struct model_cache *cache,
					  const struct model_cached *entry)
{
	struct model_cache_node *node;

	if ((cache->total >= cache->limit || cache->spare == NULL) && cache->total != 0)
		forget_one(cache);
	node = cache->spare;
	if (node == NULL)
		return NULL;
	node->line = take_line(cache, entry);
	if (node->line == NULL)
		return NULL;
	cache->spare = node->next;
	cache->spare_count--;
	return node;
}

static void put(struct model_cache *cache, const struct model_cached *entry)
{
	struct model_cache_node *node;

	if (find_locked(cache, entry) != NULL)
		return; /* what is known stays known */
	node = take_node(cache, entry);
	if (node == NULL)
		return;
	node->meta = meta_of(entry);
	node->tag = entry->tag;
	node->address = entry->address;
	fill(node->line, entry);
	insert(&cache->keys, by_key, compare_keys, entry, &node->by_key);
	if (entry->has_owner)
		insert(&cache->owners, by_owner, compare_owners, entry, &node->by_owner);
	iommu_list_insert(&cache->learned, &node->learned);
	cache->count[entry->kind]++;
	cache->count_of_level[entry->kind][entry->level]++;
	cache->total++;
	note_presence(cache, entry->kind, entry->level);
}

void iommu_model_cache_put(struct model_cache *cache, const struct model_walk *walk,
			   const struct model_cached *entry)
{
	const uintptr_t state = lock(cache);

	if (iommu_cell_load(&cache->generation) == walk->generation)
		put(cache, entry);
	unlock(cache, state);
}

void iommu_model_cache_add_to_high(struct model_cache *cache, const struct model_walk *walk,
				   const struct model_cached *key, uint64_t bits)
{
	const uintptr_t state = lock(cache);
	struct model_cache_line *line = find_locked(cache, key);

	if (line != NULL && iommu_cell_load(&cache->generation) == walk->generation)
		iommu_cell_store_release(&line->high, iommu_cell_load(&line->high) | bits);
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

/* Forget all whose keys are in [first, last]. */
static void drop_keys(struct model_cache *cache, const struct model_cached *first,
		      const struct model_cached *last)
{
	struct model_cache_node *node = first_from(&cache->keys, by_key, compare_keys, first);

	while (node != NULL && compare_keys(node, last) <= 0) {
		struct iommu_rb_node *next = next_of(&node->by_key);

		forget(cache, node);
		node = next != NULL ? by_key(next) : NULL;
	}
}

void iommu_model_cache_drop(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t first, uint64_t last)
{
	const struct model_cached from = {
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = first};
	struct model_cached to = from;

	to.address = last;
	if (cache->count_of_level[kind][level] != 0)
		drop_keys(cache, &from, &to);
}

void iommu_model_cache_drop_tags(struct model_cache *cache, unsigned int kind, uint64_t first,
				 uint64_t last)
{
	const struct model_cached from = {.kind = (uint8_t)kind, .tag = first};
	const struct model_cached to = {
		.kind = (uint8_t)kind, .tag = last, .level = UINT8_MAX, .address = UINT64_MAX};

	if (cache->count[kind] != 0)
		drop_keys(cache, &from, &to);
}

void iommu_model_cache_drop_kind(struct model_cache *cache, unsigned int kind)
{
	iommu_model_cache_drop_tags(cache, kind, 0, UINT64_MAX);
}

void iommu_model_cache_drop_owned(struct model_cache *cache, unsigned int kind, uint32_t owner,
				  uint64_t first, uint64_t last)
{
	const struct model_cached from = {.kind = (uint8_t)kind, .owner = owner, .tag = first};
	struct model_cache_node *node = first_from(&cache->owners, by_owner, compare_owners, &from);

	while (node != NULL && kind_of(node) == kind && owner_of(node) == owner &&
	       node->tag <= last) {
		struct iommu_rb_node *next = next_of(&node->by_owner);

		forget(cache, node);
		node = next != NULL ? by_owner(next) : NULL;
	}
}
