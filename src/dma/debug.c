/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checking callers of the DMA mapping API: every mapping is recorded, and each call is compared
 * with the records.
 *
 * Records are in a tree for each handle, by address, size and kind. Where nothing translates the
 * same memory may be mapped many times, so ranges overlap: each node records the last byte of all
 * that is below it, by which a mapping that covers a range is found in one descent if there is any.
 *
 * A sync is checked for its range, not for its direction: a driver may return a buffer that the
 * device only writes to the device, and take one that the device only reads for the CPU, before it
 * fills it again.
 *
 * A list is one record if its elements follow each other, and otherwise one for each of them, in a
 * chain whose first holds what is known of the whole.
 *
 * One lock guards everything, including the list of handles, in which the owner of an address is
 * searched for that is not the caller's. It is the only state of the library outside of instances.
 * Nothing is requested from the host under it. There is no report for what could not be recorded: a
 * handle without memory for its records is no longer watched, which is logged.
 */
#include "dma/debug.h"

#ifdef IOMMU_DMA_DEBUG

#include "base/log.h"
#include "base/text.h"

struct dma_mapping {
	struct iommu_rb_node node;
	struct dma_claim claim;
	uint64_t last; /* byte of it and all below */
	bool is_first; /* of its list, or of anything else */
};

struct past {
	iommu_iova_t address;
	uint64_t size;
};

/* What was unmapped lately, to tell a second unmap from one of what never was. */
#define PAST_MAX   224
#define LEAKS_SAID 8

struct dma_debug {
	struct dma_debug *next;
	const struct iommu_dma *dma;
	struct iommu_object_cache cache;
	struct iommu_rb_tree mappings;
	bool is_off;
	unsigned int past_next;
	struct past past[PAST_MAX];
};

_Static_assert(sizeof(struct dma_debug) <= IOMMU_PAGE_SIZE, "it is one page");
_Static_assert(sizeof(struct dma_mapping) <= IOMMU_OBJECT_SIZE_MAX, "it is an object");

static struct iommu_spinlock lock;
static struct dma_debug *handles;
static uint32_t reports;

/* --- Reports ---------------------------------------------------------------------------------- */

struct line {
	char text[192];
	size_t used;
};

static void say(struct line *line, const char *text)
{
	line->used = iommu_line_append(line->text, sizeof(line->text), line->used, text);
}

static void say_hex(struct line *line, uint64_t number)
{
	const unsigned int high = (unsigned int)(number >> 32);
	const unsigned int low = (unsigned int)number;

	say(line, "0x");
	if (high != 0)
		line->used =
			iommu_line_append_hex(line->text, sizeof(line->text), line->used, high, 1);
	line->used = iommu_line_append_hex(line->text, sizeof(line->text), line->used, low,
					   high != 0 ? 8 : 1);
}

static void say_range(struct line *line, uint64_t address, uint64_t size)
{
	say_hex(line, address);
	say(line, "+");
	say_hex(line, size);
}

static const char *name_of(enum dma_kind kind)
{
	static const char *const names[] = {
		[DMA_BUFFER] = "buffer",        [DMA_LIST] = "list",
		[DMA_SHARED] = "shared memory", [DMA_WINDOW] = "window",
		[DMA_DOORBELL] = "doorbell",
	};

	return names[kind];
}

/* "DMA of domain 3", as the log names the domain; "DMA" where nothing translates. */
static void say_handle(struct line *line, const struct iommu_dma *dma)
{
	say(line, "DMA");
	if (dma->domain == NULL)
		return;
	say(line, " of domain ");
	line->used = iommu_line_append_number(line->text, sizeof(line->text), line->used,
					      dma->domain->number);
}

static void log_of(const struct iommu_dma *dma, const char *what)
{
	struct line line = {.used = 0};

	say_handle(&line, dma);
	iommu_log(dma->platform, IOMMU_LOG_ERROR, line.text, what);
}

/*
 * "DMA of domain 3: what: the caller's range; the mapping's, if it is of one". Not under the lock.
 */
static void debug_report(const struct iommu_dma *dma, const char *what, uint64_t address,
			 uint64_t size, const struct dma_claim *mapped)
{
	struct line line = {.used = 0};

	__atomic_add_fetch(&reports, 1, __ATOMIC_RELAXED);
	if (dma->platform->log == NULL)
		return;
	say_handle(&line, dma);
	say(&line, ": ");
	say(&line, what);
	say(&line, ": ");
	say_range(&line, address, size);
	if (mapped != NULL) {
		say(&line, "; ");
		say(&line, name_of(mapped->kind));
		say(&line, " ");
		say_range(&line, mapped->address, mapped->size);
		say(&line, " of ");
		say_hex(&line, mapped->memory);
	}
	dma->platform->log(dma->platform->ctx, IOMMU_LOG_ERROR, line.text);
}

/* --- The tree --------------------------------------------------------------------------------- */

static struct dma_mapping *mapping_of(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct dma_mapping, node);
}

static uint64_t last_byte(const struct dma_claim *claim)
{
	return claim->address + (claim->size - 1);
}

static bool update_last(struct iommu_rb_node *node)
{
	struct dma_mapping *mapping = mapping_of(node);
	const uint64_t before = mapping->last;
	unsigned int side;

	mapping->last = last_byte(&mapping->claim);
	for (side = 0; side < 2; side++)
		if (node->child[side] != NULL &&
		    mapping_of(node->child[side])->last > mapping->last)
			mapping->last = mapping_of(node->child[side])->last;
	return mapping->last != before;
}

/* The order of the tree. */
static int compare(const struct dma_claim *one, const struct dma_claim *other)
{
	if (one->address != other->address)
		return one->address < other->address ? -1 : 1;
	if (one->size != other->size)
		return one->size < other->size ? -1 : 1;
	return (int)one->kind - (int)other->kind;
}

static void mapping_insert(struct dma_debug *debug, struct dma_mapping *mapping)
{
	struct iommu_rb_node *parent = NULL;
	struct iommu_rb_node *node = debug->mappings.root;
	bool right = false;

	while (node != NULL) {
		parent = node;
		right = compare(&mapping->claim, &mapping_of(node)->claim) > 0;
		node = node->child[right];
	}
	mapping->last = 0;
	iommu_rb_insert(&debug->mappings, update_last, parent, right, &mapping->node);
}

/* The first of those that begin there, or behind. */
static struct iommu_rb_node *find_first(const struct dma_debug *debug, iommu_iova_t address)
{
	struct iommu_rb_node *node = debug->mappings.root;
	struct iommu_rb_node *found = NULL;

	while (node != NULL) {
		const bool is_before = mapping_of(node)->claim.address < address;

		if (!is_before)
			found = node;
		node = node->child[is_before];
	}
	return found;
}

/* What differs between an unmap and a mapping that begins where it says; NULL: nothing. */
static const char *differs(const struct dma_claim *claim, const struct dma_claim *mapped)
{
	if (claim->kind != mapped->kind)
		return "unmapped as another kind";
	if (claim->kind == DMA_LIST && claim->pieces != mapped->pieces)
		return "list unmapped with another count";
	if (claim->kind == DMA_LIST && claim->memory != mapped->memory)
		return "list changed since it was mapped";
	if (claim->kind == DMA_LIST)
		return NULL;
	if (claim->size < mapped->size)
		return "short unmap";
	if (claim->size > mapped->size)
		return "unmap of more than was mapped";
	if (claim->kind == DMA_SHARED && claim->memory != mapped->memory)
		return "freed with other memory";
	return NULL;
}

/* One that begins where the claim says: just that, or else one of its kind, or else any. */
static struct dma_mapping *find_start(const struct dma_debug *debug, const struct dma_claim *claim)
{
	struct iommu_rb_node *node = find_first(debug, claim->address);
	struct dma_mapping *found = NULL;

	for (; node != NULL && mapping_of(node)->claim.address == claim->address;
	     node = iommu_rb_next(node)) {
		struct dma_mapping *mapping = mapping_of(node);

		if (!mapping->is_first)
			continue;
		if (differs(claim, &mapping->claim) == NULL)
			return mapping;
		if (found == NULL || mapping->claim.kind == claim->kind)
			found = mapping;
	}
	return found;
}

/* One that covers a range. */
static struct dma_mapping *find_covering(const struct dma_debug *debug, uint64_t first,
					 uint64_t last)
{
	struct iommu_rb_node *node = debug->mappings.root;

	while (node != NULL) {
		struct dma_mapping *mapping = mapping_of(node);
		const struct dma_claim *claim = &mapping->claim;

		/*
		 * All on the left of one that begins early enough do so, too: the last byte
		 * decides.
		 */
		if (claim->address <= first && node->child[0] != NULL &&
		    mapping_of(node->child[0])->last >= last) {
			node = node->child[0];
			continue;
		}
		if (claim->address <= first && last_byte(claim) >= last)
			return mapping;
		node = node->child[claim->address <= first];
	}
	return NULL;
}

/* Out of the tree, with all of its list. */
static struct dma_mapping *mappings_take(struct dma_debug *debug, struct dma_mapping *first)
{
	struct dma_mapping *mapping;

	for (mapping = first; mapping != NULL; mapping = mapping->claim.next)
		iommu_rb_remove(&debug->mappings, update_last, &mapping->node);
	return first;
}

static void free_all(struct dma_debug *debug, struct dma_mapping *mapping)
{
	while (mapping != NULL) {
		struct dma_mapping *next = mapping->claim.next;

		iommu_object_free(&debug->cache, mapping);
		mapping = next;
	}
}

/* --- Handles ---------------------------------------------------------------------------------- */

/* It cannot be noted any more what is mapped. */
static void give_up(const struct iommu_dma *dma)
{
	log_of(dma, "no memory to note mappings in: mistakes with it are not reported any more");
}

void iommu_dma_debug_create(struct iommu_dma *dma)
{
	const struct iommu_platform *platform = dma->platform;
	struct dma_debug *debug = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	uintptr_t state;

	dma->debug = debug;
	if (debug == NULL) {
		give_up(dma);
		return;
	}
	debug->dma = dma;
	iommu_object_cache_init(&debug->cache, platform, sizeof(struct dma_mapping));
	state = iommu_spin_lock(platform, &lock);
	debug->next = handles;
	handles = debug;
	iommu_spin_unlock(platform, &lock, state);
}

static void debug_leave(struct dma_debug *debug)
{
	const struct iommu_platform *platform = debug->dma->platform;
	uintptr_t state = iommu_spin_lock(platform, &lock);
	struct dma_debug **link = &handles;

	while (*link != debug)
		link = &(*link)->next;
	*link = debug->next;
	iommu_spin_unlock(platform, &lock, state);
}

/* Doorbells stay for the life of the domain. */
static bool is_leak(const struct dma_debug *debug, const struct dma_mapping *mapping)
{
	return !debug->is_off && mapping->is_first && mapping->claim.kind != DMA_DOORBELL;
}

void iommu_dma_debug_destroy(struct iommu_dma *dma)
{
	struct dma_debug *debug = dma->debug;
	unsigned int leaks = 0;

	if (debug == NULL)
		return;
	debug_leave(debug);
	while (debug->mappings.root != NULL) {
		struct dma_mapping *mapping = mapping_of(debug->mappings.root);
		const struct dma_claim *claim = &mapping->claim;

		iommu_rb_remove(&debug->mappings, update_last, &mapping->node);
		if (is_leak(debug, mapping) && leaks++ < LEAKS_SAID)
			debug_report(dma, "still mapped at the end", claim->address, claim->size,
				     claim);
		iommu_object_free(&debug->cache, mapping);
	}
	if (leaks > LEAKS_SAID) {
		__atomic_add_fetch(&reports, leaks - LEAKS_SAID, __ATOMIC_RELAXED);
		log_of(dma, "more are still mapped at the end");
	}
	dma->platform->free_pages(dma->platform->ctx, debug, 0);
}

/* --- Map -------------------------------------------------------------------------------------- */

/* From here on nothing that the handle does is held against notes that are not whole. */
static void turn_off(struct iommu_dma *dma)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &lock);
	const bool was_off = dma->debug->is_off;

	dma->debug->is_off = true;
	iommu_spin_unlock(dma->platform, &lock, state);
	if (!was_off)
		give_up(dma);
}

/* A note that is not in the tree yet, before those of `next`; NULL: no memory. */
static struct dma_mapping *mapping_note(struct dma_debug *debug, struct dma_claim claim,
					struct dma_mapping *next)
{
	struct dma_mapping *mapping =
		iommu_object_alloc(&debug->cache, claim.may_sleep ? 0U : IOMMU_ALLOC_ATOMIC);

	if (mapping == NULL)
		return NULL;
	mapping->claim = claim;
	mapping->claim.next = next;
	mapping->is_first = true;
	if (next != NULL)
		next->is_first = false;
	return mapping;
}

static void mapping_put(struct iommu_dma *dma, struct dma_mapping *mapping)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &lock);

	for (; mapping != NULL; mapping = mapping->claim.next)
		mapping_insert(dma->debug, mapping);
	iommu_spin_unlock(dma->platform, &lock, state);
}

void iommu_dma_debug_map(struct iommu_dma *dma, struct dma_claim claim)
{
	struct dma_mapping *mapping;

	if (dma->debug == NULL)
		return;
	mapping = mapping_note(dma->debug, claim, NULL);
	if (mapping != NULL)
		mapping_put(dma, mapping);
	else
		turn_off(dma);
}

static uint64_t bytes_of(const struct iommu_dma_piece *pieces, unsigned int count)
{
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < count; i++)
		bytes += pieces[i].size;
	return bytes;
}

/* Do the elements follow each other in addresses of this list alone? */
static bool is_in_one(const struct iommu_dma *dma, const struct iommu_dma_piece *pieces)
{
	return !dma->passes || pieces[0].address - dma->pass_offset > dma->pass_last;
}

void iommu_dma_debug_map_list(struct iommu_dma *dma, const struct iommu_dma_device *device,
			      const struct iommu_dma_piece *pieces, unsigned int count,
			      unsigned int elements)
{
	struct dma_claim claim = {
		.kind = DMA_LIST, .pieces = count, .may_sleep = device->may_sleep};
	const bool one = is_in_one(dma, pieces);
	struct dma_mapping *mapping = NULL;
	unsigned int i;

	if (dma->debug == NULL)
		return;
	for (i = one ? 1 : elements; i-- != 0;) {
		const struct iommu_dma_piece *last = &pieces[one ? elements - 1 : i];
		struct dma_mapping *before;

		claim.address = pieces[i].address;
		claim.size = last->address + last->length - claim.address;
		/* What the list is known by again: where it begins, and all that is in it. */
		claim.memory = i == 0 ? bytes_of(pieces, count) : 0;
		before = mapping_note(dma->debug, claim, mapping);
		if (before == NULL) {
			free_all(dma->debug, mapping);
			turn_off(dma);
			return;
		}
		mapping = before;
	}
	mapping_put(dma, mapping);
}

void iommu_dma_debug_set_kind(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
			      enum dma_kind kind)
{
	const struct dma_claim claim = {.kind = DMA_BUFFER, .address = address, .size = size};
	struct dma_mapping *mapping;
	uintptr_t state;

	if (dma->debug == NULL)
		return;
	state = iommu_spin_lock(dma->platform, &lock);
	mapping = find_start(dma->debug, &claim);
	if (mapping != NULL) {
		(void)mappings_take(dma->debug, mapping);
		mapping->claim.kind = kind;
		mapping_insert(dma->debug, mapping);
	}
	iommu_spin_unlock(dma->platform, &lock, state);
}

/* --- Unmap ------------------------------------------------------------------------------------ */

static bool was_mapped(const struct dma_debug *debug, const struct dma_claim *claim)
{
	unsigned int i;

	for (i = 0; i < PAST_MAX; i++)
		if (debug->past[i].size != 0 && debug->past[i].address == claim->address)
			return true;
	return false;
}

/* The mapping of another handle that the claim is of, or NULL. */
static const struct dma_mapping *find_elsewhere(const struct dma_debug *debug,
						const struct dma_claim *claim)
{
	const struct dma_debug *other;

	for (other = handles; other != NULL; other = other->next) {
		const struct dma_mapping *found = NULL;

		if (other != debug && !other->is_off)
			found = find_start(other, claim);
		if (found != NULL && differs(claim, &found->claim) == NULL)
			return found;
	}
	return NULL;
}

/* What is wrong with one that nothing begins at. */
static const char *is_none(const struct dma_debug *debug, const struct dma_claim *claim,
			   const struct dma_mapping **about)
{
	*about = find_covering(debug, claim->address, claim->address);
	if (*about != NULL)
		return "unmap from the middle";
	if (was_mapped(debug, claim))
		return "unmapped twice";
	*about = find_elsewhere(debug, claim);
	return *about != NULL ? "unmapped by the wrong handle" : "unmap of what is not mapped";
}

/* The mapping that an unmap is of, and what is wrong with that. Under the lock. */
static struct dma_mapping *judge(struct dma_debug *debug, const struct dma_claim *claim,
				 const struct dma_mapping **about, const char **wrong)
{
	struct dma_mapping *mapping = find_start(debug, claim);

	*about = mapping;
	if (mapping == NULL) {
		*wrong = is_none(debug, claim, about);
		return NULL;
	}
	*wrong = differs(claim, &mapping->claim);
	/* What was mapped by another function is left for its own. */
	return mapping->claim.kind == claim->kind ? mapping : NULL;
}

struct dma_mapping *iommu_dma_debug_unmap(struct iommu_dma *dma, struct dma_claim claim)
{
	struct dma_debug *debug = dma->debug;
	struct dma_mapping *mapping = NULL;
	const struct dma_mapping *about = NULL;
	struct dma_claim mapped = {.size = 0};
	const char *wrong = NULL;
	uintptr_t state;

	if (debug == NULL)
		return NULL;
	state = iommu_spin_lock(dma->platform, &lock);
	if (!debug->is_off) {
		mapping = judge(debug, &claim, &about, &wrong);
		if (about != NULL)
			mapped = about->claim;
		if (mapping != NULL)
			(void)mappings_take(debug, mapping);
	}
	iommu_spin_unlock(dma->platform, &lock, state);
	if (wrong != NULL)
		debug_report(dma, wrong, claim.address, claim.size, about != NULL ? &mapped : NULL);
	return mapping;
}

struct dma_mapping *iommu_dma_debug_unmap_list(struct iommu_dma *dma,
					       const struct iommu_dma_piece *pieces,
					       unsigned int count)
{
	const uint64_t bytes = bytes_of(pieces, count);

	if (count == 0)
		return NULL;
	return iommu_dma_debug_unmap(dma, (struct dma_claim){
						  .kind = DMA_LIST,
						  .address = pieces[0].address,
						  .size = bytes,
						  .memory = bytes,
						  .pieces = count,
					  });
}

void iommu_dma_debug_unmap_end(struct iommu_dma *dma, struct dma_mapping *taken, int status)
{
	struct dma_debug *debug = dma->debug;
	struct past *past;
	uintptr_t state;

	if (taken == NULL)
		return;
	/* Nothing has happened to it. */
	if (status != 0 && (!dma_is_unconfirmed(status) || taken->claim.kind == DMA_WINDOW)) {
		mapping_put(dma, taken);
		return;
	}
	state = iommu_spin_lock(dma->platform, &lock);
	past = &debug->past[debug->past_next];
	debug->past_next = debug->past_next + 1 < PAST_MAX ? debug->past_next + 1 : 0;
	*past = (struct past){taken->claim.address, taken->claim.size};
	iommu_spin_unlock(dma->platform, &lock, state);
	free_all(debug, taken);
}

/* --- Hand over and back ----------------------------------------------------------------------- */

void iommu_dma_debug_sync(struct iommu_dma *dma, iommu_iova_t address, uint64_t size)
{
	const uint64_t last = size - 1 <= UINT64_MAX - address ? address + (size - 1) : UINT64_MAX;
	const struct dma_mapping *about = NULL;
	struct dma_debug *debug = dma->debug;
	struct dma_claim mapped = {.size = 0};
	const char *wrong = NULL;
	uintptr_t state;

	if (debug == NULL || size == 0)
		return;
	state = iommu_spin_lock(dma->platform, &lock);
	if (!debug->is_off && find_covering(debug, address, last) == NULL) {
		about = find_covering(debug, address, address);
		wrong = about != NULL ? "sync beyond the end of a mapping"
				      : "sync of what is not mapped";
		if (about != NULL)
			mapped = about->claim;
	}
	iommu_spin_unlock(dma->platform, &lock, state);
	if (wrong != NULL)
		debug_report(dma, wrong, address, size, about != NULL ? &mapped : NULL);
}

/* --- What tests and hosts see ----------------------------------------------------------------- */

uint32_t iommu_dma_debug_reports(void)
{
	return __atomic_load_n(&reports, __ATOMIC_RELAXED);
}

bool iommu_dma_debug_is_on(const struct iommu_dma *dma)
{
	uintptr_t state;
	bool is_on;

	if (dma->debug == NULL)
		return false;
	state = iommu_spin_lock(dma->platform, &lock);
	is_on = !dma->debug->is_off;
	iommu_spin_unlock(dma->platform, &lock, state);
	return is_on;
}

#else

uint32_t iommu_dma_debug_reports(void)
{
	return 0;
}

bool iommu_dma_debug_is_on(const struct iommu_dma *dma)
{
	(void)dma;
	return false;
}

#endif
