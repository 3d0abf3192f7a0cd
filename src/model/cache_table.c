/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hash table of a cache. (Extendible hashing: Fagin, Nievergelt, Pippenger, Strong 1979.)
 *
 * Some bits of a hash are a place in the table, which leads to a page; others are the home of the
 * entry, a line of two slots in that page. When both are taken the entry strays to another of the
 * same eight lines, and the home counts it: so a look-up of what is there, and of what is not,
 * reads one line as a rule, and all that it may read is in one page. What lies dense stays in the
 * processor's caches; that is why a slot has no room for the 64-bit words that few entries need.
 *
 * The table grows by one page at a time, where it is needed: when all eight lines are taken, half
 * of the places that lead to the page get a page of their own, and what belongs to them moves
 * there. It is there before it leaves the old page; so a look-up that does not find it, and does
 * find that its place leads to another page now, looks there.
 *
 * Where the table does not grow, because there is no memory, or too many entries have one hash,
 * which a guest can bring about, entries lie beside the table, and only their order finds them.
 */
#include "model/cache_parts.h"

/* Lines, and slots, that an entry can lie in. */
#define GROUP       8U
#define GROUP_SLOTS (2 * GROUP)
/*
 * The table has places for entries that are spread thin, and pages for as many as come together
 * when entries come and go for long.
 */
#define ENTRIES_PER_PLACE 16
#define ENTRIES_PER_TABLE 36
#define PLACES_MAX        (((size_t)IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER) / sizeof(void *))

/* A table of fewer pages grows before entries stray: it is in the processor's caches as it is. */
#define SPREAD_TABLES 64

/* A version: nothing to be read; the address of the rest is where `low` would be; counts. */
#define VERSION_ODD      1U
#define VERSION_HAS_REST 2U
#define VERSION_STEP     4U

/*
 * In the first slot of a line, above the rank of its own entry: how many entries that have their
 * home here have strayed. All ones: so many that they are not counted any more.
 */
#define STRAYED_SHIFT 59
#define STRAYED_MAX   31U
#define RANK_MASK     ((1ULL << STRAYED_SHIFT) - 1)

_Static_assert(MODEL_CACHE_KINDS <= 1 << (STRAYED_SHIFT - MODEL_RANK_KIND_SHIFT),
	       "a rank leaves room for the count");
_Static_assert(MODEL_TABLE_LINES % GROUP == 0, "the groups are whole");

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

/* From here to the next time that it is readable no look-up takes it for anything. */
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

/* The count above the rank is not the entry's. */
static void fill_key(struct model_cache_slot *slot, struct model_cache_key key)
{
	const uint64_t strayed = iommu_cell_load(&slot->rank) & ~RANK_MASK;

	iommu_cell_store_release(&slot->rank, key.rank | strayed);
	iommu_cell_store_release(&slot->address, key.address);
}

static void fill(struct model_cache_slot *slot, struct model_cache_key key,
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

/* Is it this one? Then *found is what it says, all of one moment. */
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
	/* An address only of an entry that is still this one; the rest stays a rest for good. */
	if ((version & VERSION_HAS_REST) != 0 &&
	    __atomic_load_n(&slot->version, __ATOMIC_ACQUIRE) == version)
		read_rest(rest_at(found->low), found);
	return __atomic_load_n(&slot->version, __ATOMIC_RELAXED) == version;
}

/*
 * The slot of a line that is read first. Chosen without a branch, which would be guessed wrong at
 * every second look-up.
 */
static inline struct model_cache_slot *likely_slot(struct model_cache_slot *line,
						   struct model_cache_key key)
{
	const unsigned int has_address = iommu_cell_load(&line[1].address) == key.address;
	const unsigned int has_rank = (iommu_cell_load(&line[1].rank) & RANK_MASK) == key.rank;

	return &line[has_address & has_rank];
}

/* Not written when it is so already: the line stays every processor's. */
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

/* The number of the home's first slot: of the highest bits, which depend on all of the key. */
static inline unsigned int home_of(uint64_t hash)
{
	return 2 * ((unsigned int)(hash >> 54) * MODEL_TABLE_LINES >> 10);
}

static inline size_t place_of(const struct model_cache *cache, uint64_t hash)
{
	return (size_t)(hash >> 32) & cache->table_mask;
}

_Static_assert(PLACES_MAX <= 1U << 22, "place and home have no bit in common");

static inline struct model_cache_table *table_of(const struct model_cache *cache, uint64_t hash)
{
	return __atomic_load_n(&cache->table[place_of(cache, hash)], __ATOMIC_ACQUIRE);
}

/* The slots that an entry can lie in, from its home on: each step leads to one more. */
static inline unsigned int slot_at(unsigned int home, unsigned int step)
{
	return home ^ step;
}

static unsigned int strayed_from(const struct model_cache_table *table, unsigned int home)
{
	return (unsigned int)(iommu_cell_load_acquire(&table->slots[home].rank) >> STRAYED_SHIFT);
}

/* One more, or one less. */
static void count_strayed(struct model_cache_table *table, unsigned int home, bool more)
{
	const uint64_t rank = iommu_cell_load(&table->slots[home].rank);
	const uint64_t one = 1ULL << STRAYED_SHIFT;

	if (rank >> STRAYED_SHIFT != STRAYED_MAX)
		iommu_cell_store_release(&table->slots[home].rank, more ? rank + one : rank - one);
}

static void clear(struct model_cache_table *table)
{
	unsigned int i;

	for (i = 0; i < MODEL_TABLE_SLOTS; i++)
		make_unreadable(&table->slots[i]);
}

bool iommu_model_table_init(struct model_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;
	size_t places = 1;
	size_t i;

	while (places < PLACES_MAX && places < cache->limit / ENTRIES_PER_PLACE)
		places *= 2;
	while (((size_t)IOMMU_PAGE_SIZE << cache->table_order) / sizeof(void *) < places)
		cache->table_order++;
	cache->table = platform->alloc_pages(platform->ctx, cache->table_order, IOMMU_NODE_ANY, 0);
	if (cache->table == NULL)
		return false;
	cache->table_mask = places - 1;
	cache->table[0] = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (cache->table[0] == NULL)
		return false;
	clear(cache->table[0]);
	for (i = 1; i < places; i++)
		cache->table[i] = cache->table[0];
	cache->made_tables = 1;
	return true;
}

void iommu_model_table_destroy(struct model_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;
	struct model_cache_table *before = NULL;
	size_t i;

	if (cache->table == NULL)
		return;
	/* Places that share a page are side by side. */
	for (i = 0; i <= cache->table_mask && cache->table[i] != NULL; i++) {
		struct model_cache_table *table = cache->table[i];

		if (table != before)
			platform->free_pages(platform->ctx, table, 0);
		before = table;
	}
	platform->free_pages(platform->ctx, cache->table, cache->table_order);
	cache->table = NULL;
}

bool iommu_model_table_may_grow(const struct model_cache *cache)
{
	const size_t even = cache->limit / ENTRIES_PER_TABLE;

	return cache->made_tables <= cache->table_mask && cache->made_tables < even + even / 8;
}

/* --- Look-ups --------------------------------------------------------------------------------- */

struct model_cache_node *iommu_model_table_find(struct model_cache *cache,
						struct model_cache_key key)
{
	const uint64_t hash = hash_of(key);
	const struct model_cache_table *table = table_of(cache, hash);
	const unsigned int home = home_of(hash);
	const unsigned int steps = strayed_from(table, home) != 0 ? GROUP_SLOTS : 2;
	unsigned int step;

	for (step = 0; step < steps; step++)
		if (has_key(&table->slots[slot_at(home, step)], key))
			return table->nodes[slot_at(home, step)];
	return table->beside != 0 ? iommu_model_order_find(cache, key) : NULL;
}

/* Under the lock: beside the table, or of a cache that forgets at random. */
static bool find_slowly(struct model_cache *cache, struct model_cache_key key,
			struct model_cached *found, bool peeks)
{
	const uintptr_t state = model_cache_lock(cache);
	struct model_cache_node *node = iommu_model_table_find(cache, key);
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

/* NULL: it is not in the table. */
static struct model_cache_slot *find_in(struct model_cache_table *table, unsigned int home,
					struct model_cache_key key, struct model_cached *found)
{
	const unsigned int steps = strayed_from(table, home) != 0 ? GROUP_SLOTS : 2;
	unsigned int step;

	for (step = 0; step < steps; step++)
		if (read_if(&table->slots[slot_at(home, step)], key, found))
			return &table->slots[slot_at(home, step)];
	return NULL;
}

/* Not where it was to be expected, in this page. */
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
	return __atomic_load_n(&table->beside, __ATOMIC_RELAXED) != 0 &&
	       find_slowly(cache, key, found, peeks);
}

static inline bool find(struct model_cache *cache, unsigned int kind, uint64_t tag,
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
	/* If it is the first, the second was not it either; and with no stray that is all. */
	if (slot == &table->slots[home] && strayed_from(table, home) == 0 &&
	    table_of(cache, hash) == table)
		return false;
	return find_elsewhere(cache, table, key, found, peeks);
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

/* --- Growing ---------------------------------------------------------------------------------- */

/* How many steps it is to a slot that holds nothing; GROUP_SLOTS: there is none. */
static unsigned int steps_to_empty(const struct model_cache_table *table, unsigned int home)
{
	unsigned int step = 0;

	while (step < GROUP_SLOTS && !is_empty(&table->slots[slot_at(home, step)]))
		step++;
	return step;
}

static struct model_cache_slot *take_slot(struct model_cache_table *table, unsigned int home,
					  unsigned int step, struct model_cache_node *node)
{
	const unsigned int at = slot_at(home, step);

	if (step >= 2)
		count_strayed(table, home, true);
	table->nodes[at] = node;
	node->slot = &table->slots[at];
	node->is_beside = false;
	return node->slot;
}

static void leave_slot(struct model_cache_table *table, unsigned int home,
		       struct model_cache_slot *slot)
{
	make_unreadable(slot);
	if (((unsigned int)(slot - table->slots) & ~1U) != home)
		count_strayed(table, home, false);
}

/* To a page in which there is room: its group has no more entries than that which it comes from. */
static void move(struct model_cache_table *to_table, unsigned int home,
		 struct model_cache_node *node)
{
	const struct model_cache_slot *from = node->slot;
	struct model_cache_slot *to =
		take_slot(to_table, home, steps_to_empty(to_table, home), node);

	fill_key(to, node->key);
	to->reason = from->reason;
	to->high = from->high;
	to->used = __atomic_load_n(&from->used, __ATOMIC_RELAXED);
	iommu_cell_store_release(&to->low, iommu_cell_load(&from->low));
	make_readable(to, rest_of(from) != NULL);
}

/* How many places lead to the page of this one: an aligned block of them. */
static size_t count_places(const struct model_cache *cache, size_t place)
{
	const struct model_cache_table *table = cache->table[place];
	size_t count = 1;

	while (2 * count <= cache->table_mask + 1 &&
	       cache->table[place & ~(2 * count - 1)] == table &&
	       cache->table[place | (2 * count - 1)] == table)
		count *= 2;
	return count;
}

/* The upper half of the places that lead to the page of this one get a page of their own. */
static bool split(struct model_cache *cache, size_t place)
{
	const size_t half = count_places(cache, place) / 2;
	struct model_cache_table *lower = cache->table[place];
	struct model_cache_table *upper = cache->spare_tables;
	struct model_cache_slot *moved[MODEL_TABLE_SLOTS];
	unsigned int count = 0;
	size_t i;

	if (half == 0 || upper == NULL || lower->beside != 0)
		return false;
	cache->spare_tables = upper->spare;
	cache->spare_table_count--;
	clear(upper);
	for (i = 0; i < MODEL_TABLE_SLOTS; i++) {
		const uint64_t hash = hash_of(key_in(&lower->slots[i]));

		if (is_empty(&lower->slots[i]) || (place_of(cache, hash) & half) == 0)
			continue;
		move(upper, home_of(hash), lower->nodes[i]);
		moved[count++] = &lower->slots[i];
	}
	place = (place & ~(2 * half - 1)) | half;
	for (i = 0; i < half; i++)
		__atomic_store_n(&cache->table[place + i], upper, __ATOMIC_RELEASE);
	/* Look-ups that do not find it here any more find that. */
	while (count-- != 0)
		leave_slot(lower, home_of(hash_of(key_in(moved[count]))), moved[count]);
	return true;
}

/* --- Entries ---------------------------------------------------------------------------------- */

/* One beside the table; or, where there is none, that of another entry of the same home. */
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
	count_strayed(table, home, true);
	__atomic_store_n(&table->beside, table->beside + 1, __ATOMIC_RELEASE);
	node->slot = slot;
	node->is_beside = true;
	return slot;
}

static struct model_cache_slot *take_any_slot(struct model_cache *cache,
					      struct model_cache_node *node)
{
	const uint64_t hash = hash_of(node->key);
	const unsigned int home = home_of(hash);
	const unsigned int near = cache->made_tables < SPREAD_TABLES ? 2 : GROUP_SLOTS;
	struct model_cache_table *table;
	unsigned int step;

	do {
		table = table_of(cache, hash);
		step = steps_to_empty(table, home);
	} while (step >= near && split(cache, place_of(cache, hash)));
	if (step != GROUP_SLOTS)
		return take_slot(table, home, step, node);
	return take_slot_elsewhere(cache, table, home, node);
}

bool iommu_model_table_put(struct model_cache *cache, struct model_cache_node *node,
			   const struct model_cached *entry)
{
	struct model_cache_rest *rest = NULL;

	if (!fits(entry)) {
		rest = cache->spare_rests;
		if (rest == NULL)
			return false;
		cache->spare_rests = rest_at(iommu_cell_load(&rest->low));
		cache->spare_rest_count--;
	}
	fill(take_any_slot(cache, node), node->key, entry, rest);
	return true;
}

void iommu_model_table_remove(struct model_cache *cache, struct model_cache_node *node)
{
	const uint64_t hash = hash_of(node->key);
	struct model_cache_table *table = table_of(cache, hash);
	struct model_cache_rest *rest = rest_of(node->slot);

	if (node->is_beside) {
		make_unreadable(node->slot);
		count_strayed(table, home_of(hash), false);
		__atomic_store_n(&table->beside, table->beside - 1, __ATOMIC_RELAXED);
		model_add_spare_slot(cache, node->slot);
	} else {
		leave_slot(table, home_of(hash), node->slot);
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
