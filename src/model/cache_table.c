/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hash table of a cache. (After extendible hashing: Fagin, Nievergelt, Pippenger, Strong 1979.)
 *
 * Some bits of a hash select a place of the table, which leads to a page; others select the home of
 * the entry, a line of two slots in that page. When both slots are taken the entry strays to one of
 * the next lines, and the home records its reach, which is how far its entries have strayed: so a
 * look-up reads one line as a rule, whether the entry exists or not, and never more than one page.
 * A dense table stays in the processor's caches; that is why a slot has no room for the 64-bit
 * words that few entries need.
 *
 * There are as many places as a full cache has pages, and at first all lead to one page. The table
 * grows by one page at a time, where it is needed: when entries stray, half of the places that lead
 * to their page get a page of their own, and the entries of these places move there. An entry is in
 * the new page before it leaves the old one; so a look-up that does not find it in the old page,
 * and then finds that its place leads to another page, looks there.
 *
 * Where the table does not grow, because there is no memory, or because too many entries have one
 * hash, which a guest can cause, entries lie beside the table, and only the orders find them.
 */
#include "model/cache_parts.h"

/*
 * Entries in each page of a full cache. With more of them entries stray farther, and a walk, which
 * looks up much that is not cached, would wait for the lines that tell so.
 */
#define ENTRIES_PER_TABLE 36
#define BLOCK_PLACES      ((size_t)1 << MODEL_CACHE_BLOCK_SHIFT)
#define PLACES_MAX        (MODEL_CACHE_BLOCKS * BLOCK_PLACES)

/*
 * A table of fewer pages grows before entries stray: all of it is in the processor's caches anyway.
 */
#define SPREAD_TABLES 64
/* A larger table grows before entries stray farther than this many slots. */
#define NEAR_STEPS 4

/* Bits of a version: the slot is empty; `low` holds the address of the rest; the count. */
#define VERSION_ODD      1U
#define VERSION_HAS_REST 2U
#define VERSION_STEP     4U

/*
 * In the first slot of a line, above the rank of its own entry: the line's reach, which is the
 * number of lines beyond it that hold entries with their home here. The largest value: entries may
 * lie beside the table, too.
 */
#define REACH_SHIFT 59
#define REACH_MAX   31U
#define RANK_MASK   ((1ULL << REACH_SHIFT) - 1)
/* The number of slots that an entry can lie in. */
#define STEPS (2 * REACH_MAX + 2)

_Static_assert(MODEL_CACHE_KINDS <= 1 << (REACH_SHIFT - MODEL_RANK_KIND_SHIFT),
	       "a rank leaves room for the reach");
_Static_assert(BLOCK_PLACES * sizeof(void *) <= (size_t)IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER,
	       "a block can be had");
_Static_assert(STEPS <= MODEL_TABLE_SLOTS, "no slot comes twice");

/* --- Slots ------------------------------------------------------------------------------------ */

static bool is_empty(const struct model_cache_slot *slot)
{
	return (slot->version & VERSION_ODD) != 0;
}

static struct model_cache_key key_in(const struct model_cache_slot *slot)
{
	return (struct model_cache_key){iommu_cell_load(&slot->rank) & RANK_MASK,
					iommu_cell_load(&slot->address)};
}

static bool has_key(const struct model_cache_slot *slot, struct model_cache_key key)
{
	const struct model_cache_key own = key_in(slot);

	return !is_empty(slot) && own.address == key.address && own.rank == key.rank;
}

static struct model_cache_rest *rest_at(uint64_t low)
{
	return (struct model_cache_rest *)(uintptr_t)low;
}

static struct model_cache_rest *rest_of(const struct model_cache_slot *slot)
{
	return (slot->version & VERSION_HAS_REST) != 0 ? rest_at(iommu_cell_load(&slot->low))
						       : NULL;
}

/* From here until the slot is readable again, no look-up matches it. */
static void make_unreadable(struct model_cache_slot *slot)
{
	__atomic_store_n(&slot->version, slot->version | VERSION_ODD, __ATOMIC_RELEASE);
}

static void make_readable(struct model_cache_slot *slot, bool has_rest)
{
	const uint32_t count = (slot->version & ~(VERSION_STEP - 1)) + VERSION_STEP;

	__atomic_store_n(&slot->version, count | (has_rest ? VERSION_HAS_REST : 0),
			 __ATOMIC_RELEASE);
}

/* The reach, above the rank, belongs to the line, not to the entry. */
static void fill_key(struct model_cache_slot *slot, struct model_cache_key key)
{
	const uint64_t reach = iommu_cell_load(&slot->rank) & ~RANK_MASK;

	iommu_cell_store_release(&slot->rank, key.rank | reach);
	iommu_cell_store_release(&slot->address, key.address);
}

static void slot_fill(struct model_cache_slot *slot, struct model_cache_key key,
		      const struct model_cached *entry, struct model_cache_rest *rest)
{
	fill_key(slot, key);
	__atomic_store_n(&slot->reason, entry->reason, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->used, 0, __ATOMIC_RELAXED);
	if (rest != NULL) {
		iommu_cell_store_release(&rest->low, entry->low);
		iommu_cell_store_release(&rest->high, entry->high);
		iommu_cell_store_release(&rest->third, entry->third);
		__atomic_store_n(&rest->fault_hidden, entry->fault_hidden, __ATOMIC_RELEASE);
		iommu_cell_store_release(&slot->low, (uintptr_t)rest);
	} else {
		__atomic_store_n(&slot->high, (uint16_t)entry->high, __ATOMIC_RELEASE);
		iommu_cell_store_release(&slot->low, entry->low);
	}
	make_readable(slot, rest != NULL);
}

static bool fits(const struct model_cached *entry)
{
	return entry->high <= UINT16_MAX && entry->third == 0 && !entry->fault_hidden;
}

static void read_rest(const struct model_cache_rest *rest, struct model_cached *found)
{
	found->low = iommu_cell_load_acquire(&rest->low);
	found->high = iommu_cell_load_acquire(&rest->high);
	found->third = iommu_cell_load_acquire(&rest->third);
	found->fault_hidden = __atomic_load_n(&rest->fault_hidden, __ATOMIC_ACQUIRE) != 0;
}

/* Does the slot hold this key? Then *found receives the answer, all words of one moment. */
static inline bool read_if(const struct model_cache_slot *slot, struct model_cache_key key,
			   struct model_cached *found)
{
	const uint32_t version = __atomic_load_n(&slot->version, __ATOMIC_ACQUIRE);

	if (iommu_cell_load_acquire(&slot->address) != key.address ||
	    (iommu_cell_load_acquire(&slot->rank) & RANK_MASK) != key.rank ||
	    (version & VERSION_ODD) != 0)
		return false;
	found->reason = __atomic_load_n(&slot->reason, __ATOMIC_ACQUIRE);
	found->high = __atomic_load_n(&slot->high, __ATOMIC_ACQUIRE);
	found->low = iommu_cell_load_acquire(&slot->low);
	/*
	 * The address of a rest is valid only while the slot is unchanged; a rest's memory always
	 * stays a rest.
	 */
	if ((version & VERSION_HAS_REST) != 0 &&
	    __atomic_load_n(&slot->version, __ATOMIC_ACQUIRE) == version)
		read_rest(rest_at(found->low), found);
	return __atomic_load_n(&slot->version, __ATOMIC_RELAXED) == version;
}

/*
 * The slot of a line that is read first. Chosen without a branch, which would be mispredicted at
 * every second look-up.
 */
static inline struct model_cache_slot *likely_slot(struct model_cache_slot *line,
						   struct model_cache_key key)
{
	const unsigned int has_address = iommu_cell_load(&line[1].address) == key.address;
	const unsigned int has_rank = (iommu_cell_load(&line[1].rank) & RANK_MASK) == key.rank;

	return &line[has_address & has_rank];
}

/* Not written when it is set already: the line stays shared by all processors. */
static inline void note_use(struct model_cache_slot *slot)
{
	if (__atomic_load_n(&slot->used, __ATOMIC_RELAXED) == 0)
		__atomic_store_n(&slot->used, 1, __ATOMIC_RELAXED);
}

/* --- Places ----------------------------------------------------------------------------------- */

static inline uint64_t hash_of(struct model_cache_key key)
{
	uint64_t hash = key.rank * 0x9e3779b97f4a7c15ULL + key.address;

	hash ^= hash >> 32;
	return hash * 0xd6e8feb86659fd93ULL;
}

/* The first slot of the home line: from the highest bits, which depend on all of the key. */
static inline unsigned int home_of(uint64_t hash)
{
	return 2 * ((unsigned int)(hash >> 54) * MODEL_TABLE_LINES >> 10);
}

/* A bit for a part of all hashes, from bits that the home does not depend on. */
static inline size_t place_of(const struct model_cache *cache, uint64_t hash)
{
	return (size_t)((hash >> 22 & UINT32_MAX) * cache->places >> 32);
}

static inline struct model_cache_table **place_at(const struct model_cache *cache, size_t place)
{
	return &cache->table[place >> MODEL_CACHE_BLOCK_SHIFT][place & (BLOCK_PLACES - 1)];
}

static inline struct model_cache_table *table_of(const struct model_cache *cache, uint64_t hash)
{
	return __atomic_load_n(place_at(cache, place_of(cache, hash)), __ATOMIC_ACQUIRE);
}

/* The slots that an entry can lie in, from its home on: each step leads to the next. */
static inline unsigned int slot_at(unsigned int home, unsigned int step)
{
	const unsigned int at = home + step;

	return at < MODEL_TABLE_SLOTS ? at : at - MODEL_TABLE_SLOTS;
}

static unsigned int reach_of(const struct model_cache_table *table, unsigned int home)
{
	return (unsigned int)(iommu_cell_load_acquire(&table->slots[home].rank) >> REACH_SHIFT);
}

static void set_reach(struct model_cache_table *table, unsigned int home, unsigned int reach)
{
	const uint64_t rank = iommu_cell_load(&table->slots[home].rank) & RANK_MASK;

	iommu_cell_store_release(&table->slots[home].rank, reach * (RANK_MASK + 1) | rank);
}

/* The page that a slot is in. */
static struct model_cache_table *table_with(struct model_cache_slot *slot)
{
	return (struct model_cache_table *)(void *)((unsigned char *)slot -
						    ((uintptr_t)slot & (IOMMU_PAGE_SIZE - 1)));
}

static bool is_home_of(const struct model_cache_table *table, unsigned int home, unsigned int at)
{
	const struct model_cache_slot *slot = &table->slots[at];

	return !is_empty(slot) && home_of(hash_of(key_in(slot))) == home;
}

/* An entry that had strayed from here has left: shorten the reach to the farthest that remains. */
static void lower_reach(struct model_cache_table *table, unsigned int home)
{
	unsigned int reach = reach_of(table, home);

	while (reach != 0 && !is_home_of(table, home, slot_at(home, 2 * reach)) &&
	       !is_home_of(table, home, slot_at(home, 2 * reach + 1)))
		reach--;
	set_reach(table, home, reach);
}

/* From here on look-ups reach the page by its places. */
static void lead_places_to(struct model_cache *cache, struct model_cache_table *table)
{
	size_t i;

	for (i = 0; i < table->places; i++)
		__atomic_store_n(place_at(cache, table->first_place + i), table, __ATOMIC_RELEASE);
}

static void clear(struct model_cache_table *table)
{
	unsigned int i;

	for (i = 0; i < MODEL_TABLE_SLOTS; i++)
		make_unreadable(&table->slots[i]);
}

static bool make_blocks(struct model_cache *cache, size_t places)
{
	const struct iommu_platform *platform = cache->platform;
	const size_t in_block = places < BLOCK_PLACES ? places : BLOCK_PLACES;
	size_t i;

	while (((size_t)IOMMU_PAGE_SIZE << cache->block_order) / sizeof(void *) < in_block)
		cache->block_order++;
	for (i = 0; i << MODEL_CACHE_BLOCK_SHIFT < places; i++) {
		cache->table[i] =
			platform->alloc_pages(platform->ctx, cache->block_order, IOMMU_NODE_ANY, 0);
		if (cache->table[i] == NULL)
			return false;
	}
	return true;
}

bool iommu_model_table_init(struct model_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;
	const size_t wanted = cache->limit / ENTRIES_PER_TABLE + 1;
	const size_t places = wanted < PLACES_MAX ? wanted : PLACES_MAX;
	struct model_cache_table *first;

	if (!make_blocks(cache, places))
		return false;
	first = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (first == NULL)
		return false;
	clear(first);
	first->places = (uint32_t)places;
	lead_places_to(cache, first);
	cache->places = places;
	cache->made_tables = 1;
	return true;
}

void iommu_model_table_destroy(struct model_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;
	size_t i = 0;

	while (i < cache->places) {
		struct model_cache_table *table = *place_at(cache, i);

		i += table->places;
		platform->free_pages(platform->ctx, table, 0);
	}
	cache->places = 0;
	for (i = 0; i < MODEL_CACHE_BLOCKS && cache->table[i] != NULL; i++) {
		platform->free_pages(platform->ctx, cache->table[i], cache->block_order);
		cache->table[i] = NULL;
	}
}

bool iommu_model_table_may_grow(const struct model_cache *cache)
{
	return cache->made_tables < cache->places;
}

/* --- Look-ups --------------------------------------------------------------------------------- */

struct model_cache_node *iommu_model_table_find(struct model_cache *cache,
						struct model_cache_key key,
						struct model_cache_spot *spot)
{
	const uint64_t hash = hash_of(key);
	struct model_cache_table *table = table_of(cache, hash);
	const unsigned int home = home_of(hash);
	const unsigned int reach = reach_of(table, home);
	unsigned int step;

	*spot = (struct model_cache_spot){table, home, hash};
	for (step = 0; step < 2 * reach + 2; step++)
		if (has_key(&table->slots[slot_at(home, step)], key))
			return table->nodes[slot_at(home, step)];
	return reach == REACH_MAX && table->beside != 0 ? iommu_model_order_find(cache, key) : NULL;
}

/* Under the lock: for entries beside the table, or with random eviction. */
static bool find_slowly(struct model_cache *cache, struct model_cache_key key,
			struct model_cached *found, bool peeks)
{
	const uintptr_t state = model_cache_lock(cache);
	struct model_cache_spot spot;
	struct model_cache_node *node = iommu_model_table_find(cache, key, &spot);
	bool known = node != NULL;

	if (known && !peeks && iommu_model_cache_forgets_now(cache)) {
		iommu_model_cache_forget(cache, node);
		known = false;
	}
	known = known && read_if(node->slot, key, found);
	if (known && !peeks)
		note_use(node->slot);
	model_cache_unlock(cache, state);
	return known;
}

/* NULL: not in the table. */
static struct model_cache_slot *find_in(struct model_cache_table *table, unsigned int home,
					struct model_cache_key key, struct model_cached *found)
{
	const unsigned int steps = 2 * reach_of(table, home) + 2;
	unsigned int step;

	for (step = 0; step < steps; step++)
		if (read_if(&table->slots[slot_at(home, step)], key, found))
			return &table->slots[slot_at(home, step)];
	return NULL;
}

/* A look-up has missed in this page. */
static bool find_elsewhere(struct model_cache *cache, struct model_cache_table *table,
			   struct model_cache_key key, struct model_cached *found, bool peeks)
{
	const uint64_t hash = hash_of(key);
	const unsigned int home = home_of(hash);
	struct model_cache_table *before;

	do {
		struct model_cache_slot *slot = find_in(table, home, key, found);

		if (slot != NULL) {
			if (!peeks)
				note_use(slot);
			return true;
		}
		before = table;
		table = table_of(cache, hash);
	} while (table != before);
	return reach_of(table, home) == REACH_MAX &&
	       __atomic_load_n(&table->beside, __ATOMIC_RELAXED) != 0 &&
	       find_slowly(cache, key, found, peeks);
}

static inline bool table_find(struct model_cache *cache, unsigned int kind, uint64_t tag,
			      unsigned int level, uint64_t address, struct model_cached *found,
			      bool peeks)
{
	const struct model_cache_key key = model_cache_key(kind, tag, level, address);
	const uint64_t hash = hash_of(key);
	const unsigned int home = home_of(hash);
	struct model_cache_table *table = table_of(cache, hash);
	struct model_cache_slot *slot = likely_slot(&table->slots[home], key);

	*found = (struct model_cached){
		.kind = (uint8_t)kind, .tag = tag, .level = (uint8_t)level, .address = address};
	if (cache->forget_seed != 0)
		return find_slowly(cache, key, found, peeks);
	if (read_if(slot, key, found)) {
		if (!peeks)
			note_use(slot);
		return true;
	}
	/*
	 * The first slot is read where the second does not match: with no stray the look-up ends.
	 */
	if (slot == &table->slots[home] && reach_of(table, home) == 0 &&
	    table_of(cache, hash) == table)
		return false;
	return find_elsewhere(cache, table, key, found, peeks);
}

void iommu_model_cache_prefetch(const struct model_cache *cache, unsigned int kind, uint64_t tag,
				unsigned int level, uint64_t address)
{
	const uint64_t hash = hash_of(model_cache_key(kind, tag, level, address));

	__builtin_prefetch(&table_of(cache, hash)->slots[home_of(hash)]);
}

bool iommu_model_cache_find(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t address, struct model_cached *found)
{
	return table_find(cache, kind, tag, level, address, found, false);
}

bool iommu_model_cache_peek(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t address, struct model_cached *found)
{
	return table_find(cache, kind, tag, level, address, found, true);
}

/* --- Growing ---------------------------------------------------------------------------------- */

/* The number of steps to an empty slot; STEPS: there is none. */
static unsigned int steps_to_empty(const struct model_cache_table *table, unsigned int home)
{
	const unsigned int first = !is_empty(&table->slots[home]);
	const unsigned int second = !is_empty(&table->slots[home + 1]);
	/* Up to here without a branch, which would be mispredicted at every second entry. */
	unsigned int step = first + (first & second);

	while (step >= 2 && step < STEPS && !is_empty(&table->slots[slot_at(home, step)]))
		step++;
	return step;
}

static struct model_cache_slot *take_slot(struct model_cache_table *table, unsigned int home,
					  unsigned int step, struct model_cache_node *node)
{
	const unsigned int at = slot_at(home, step);

	if (step / 2 > reach_of(table, home))
		set_reach(table, home, step / 2);
	table->nodes[at] = node;
	node->slot = &table->slots[at];
	node->home = (uint8_t)home;
	node->is_beside = false;
	return node->slot;
}

static void leave_slot(struct model_cache_table *table, unsigned int home,
		       struct model_cache_slot *slot)
{
	make_unreadable(slot);
	if (((unsigned int)(slot - table->slots) & ~1U) != home && table->beside == 0)
		lower_reach(table, home);
}

/* Evict an entry beside the table; or, without one, an entry of the same home. */
static struct model_cache_slot *take_slot_elsewhere(struct model_cache *cache,
						    struct model_cache_table *table,
						    unsigned int home,
						    struct model_cache_node *node)
{
	struct model_cache_slot *slot = cache->spare_slots;

	if (slot == NULL) {
		iommu_model_cache_forget(cache, table->nodes[home]);
		return take_slot(table, home, 0, node);
	}
	cache->spare_slots = (struct model_cache_slot *)(uintptr_t)iommu_cell_load(&slot->low);
	cache->spare_slot_count--;
	set_reach(table, home, REACH_MAX);
	__atomic_store_n(&table->beside, table->beside + 1, __ATOMIC_RELEASE);
	node->slot = slot;
	node->home = (uint8_t)home;
	node->is_beside = true;
	return slot;
}

/* The slot so many steps from the home, if there is one. */
static struct model_cache_slot *take_slot_at(struct model_cache *cache,
					     struct model_cache_table *table, unsigned int home,
					     unsigned int step, struct model_cache_node *node)
{
	return step != STEPS ? take_slot(table, home, step, node)
			     : take_slot_elsewhere(cache, table, home, node);
}

static void move(struct model_cache *cache, struct model_cache_table *to_table,
		 struct model_cache_node *node)
{
	const struct model_cache_slot *from = node->slot;
	const unsigned int step = steps_to_empty(to_table, node->home);
	struct model_cache_slot *to = take_slot_at(cache, to_table, node->home, step, node);

	fill_key(to, node->key);
	to->reason = from->reason;
	to->high = from->high;
	to->used = __atomic_load_n(&from->used, __ATOMIC_RELAXED);
	iommu_cell_store_release(&to->low, iommu_cell_load(&from->low));
	make_readable(to, rest_of(from) != NULL);
}

/* Grow: the upper half of the places that lead to a page get a page of their own. */
static bool split(struct model_cache *cache, struct model_cache_table *lower)
{
	struct model_cache_table *upper = cache->spare_tables;
	struct model_cache_slot *moved[MODEL_TABLE_SLOTS];
	unsigned int count = 0;
	size_t i;

	if (lower->places == 1 || upper == NULL || lower->beside != 0)
		return false;
	cache->spare_tables = upper->spare;
	cache->spare_table_count--;
	clear(upper);
	upper->places = lower->places / 2;
	lower->places -= upper->places;
	upper->first_place = lower->first_place + lower->places;
	for (i = 0; i < MODEL_TABLE_SLOTS; i++) {
		struct model_cache_slot *slot = &lower->slots[i];

		if (is_empty(slot) || place_of(cache, hash_of(key_in(slot))) < upper->first_place)
			continue;
		move(cache, upper, lower->nodes[i]);
		moved[count++] = slot;
	}
	lead_places_to(cache, upper);
	/* Look-ups that miss in the old page find the new one. */
	while (count-- != 0)
		leave_slot(lower, home_of(hash_of(key_in(moved[count]))), moved[count]);
	return true;
}

/* --- Entries ---------------------------------------------------------------------------------- */

static struct model_cache_slot *take_any_slot(struct model_cache *cache,
					      struct model_cache_node *node,
					      const struct model_cache_spot *spot)
{
	const unsigned int near = cache->made_tables < SPREAD_TABLES ? 2 : NEAR_STEPS;
	struct model_cache_table *table = spot->table;
	unsigned int step;

	while ((step = steps_to_empty(table, spot->home)) >= near && split(cache, table))
		table = table_of(cache, spot->hash);
	return take_slot_at(cache, table, spot->home, step, node);
}

bool iommu_model_table_put(struct model_cache *cache, struct model_cache_node *node,
			   const struct model_cached *entry, const struct model_cache_spot *spot)
{
	struct model_cache_rest *rest = NULL;

	if (!fits(entry)) {
		rest = cache->spare_rests;
		if (rest == NULL)
			return false;
		cache->spare_rests = rest_at(iommu_cell_load(&rest->low));
		cache->spare_rest_count--;
	}
	slot_fill(take_any_slot(cache, node, spot), node->key, entry, rest);
	return true;
}

void iommu_model_table_remove(struct model_cache *cache, struct model_cache_node *node)
{
	struct model_cache_rest *rest = rest_of(node->slot);

	if (node->is_beside) {
		struct model_cache_table *table = table_of(cache, hash_of(node->key));

		make_unreadable(node->slot);
		__atomic_store_n(&table->beside, table->beside - 1, __ATOMIC_RELAXED);
		if (table->beside == 0)
			lower_reach(table, node->home);
		model_add_spare_slot(cache, node->slot);
	} else {
		leave_slot(table_with(node->slot), node->home, node->slot);
	}
	if (rest != NULL)
		model_add_spare_rest(cache, rest);
}

void iommu_model_table_add_to_high(struct model_cache_node *node, uint64_t bits)
{
	struct model_cache_rest *rest = rest_of(node->slot);

	if (rest != NULL)
		iommu_cell_store_release(&rest->high, iommu_cell_load(&rest->high) | bits);
	else
		__atomic_store_n(&node->slot->high, (uint16_t)(node->slot->high | bits),
				 __ATOMIC_RELEASE);
}
