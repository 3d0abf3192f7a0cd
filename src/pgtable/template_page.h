/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Template, part 7: one page of the smallest size, the usual case of a driver's buffer, or a list
 * of pieces of such pages, where it is one walk and a store for each page: in tables that the host
 * maps at a fixed distance. Everything else is left to map and unmap. See table_template.h.
 */

static inline bool is_one_page(const struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	return size == mask + 1 && (iova & mask) == 0 && in_aperture(pt, iova | mask);
}

static inline bool is_good_for_a_page(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
				      unsigned int prot)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	return (paddr & mask) == 0 && (paddr | mask) <= pt->paddr_last && prot_is_good(prot);
}

/*
 * The entry of a page; NULL: not this way. Nothing is called on the way, so that no register is
 * saved.
 */
static inline __attribute__((always_inline)) iommu_cell_t *
page_entry(const struct iommu_pgtable *pt, iommu_iova_t iova)
{
	iommu_cell_t *table;
	unsigned int level;

	if (__builtin_expect(pt->platform->phys_to_virt != NULL, 0))
		return NULL;
	table = table_covering(pt, iova, &level);
	return __builtin_expect(level == 1, 1) ? &table[table_index(pt, iova, 1)] : NULL;
}

static __attribute__((noinline)) bool flush_page_entry(const struct iommu_pgtable *pt,
						       const iommu_cell_t *entry)
{
	entries_flush(pt, entry, 1);
	return true;
}

/* After the store: a table becomes one that is flushed while calls run. */
static inline bool page_entry_done(const struct iommu_pgtable *pt, const iommu_cell_t *entry)
{
	if (__builtin_expect((pt->flags & IOMMU_PGTABLE_NONCOHERENT) != 0, 0))
		return flush_page_entry(pt, entry);
	return true;
}

bool pgtable_map_page(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot)
{
	iommu_cell_t *entry;

	if (__builtin_expect(!is_one_page(pt, iova, size) || !is_good_for_a_page(pt, paddr, prot),
			     0))
		return false;
	entry = page_entry(pt, iova);
	if (__builtin_expect(entry == NULL || iommu_cell_load(entry) != 0, 0))
		return false;
	entry_store(entry, format_make_leaf(pt, paddr, 1, prot));
	return page_entry_done(pt, entry);
}

bool pgtable_unmap_page(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size)
{
	iommu_cell_t *entry;

	if (__builtin_expect(!is_one_page(pt, iova, size), 0))
		return false;
	entry = page_entry(pt, iova);
	if (__builtin_expect(entry == NULL || !format_is_present(entry_load(entry)), 0))
		return false;
	if (FORMAT_RUNS && __builtin_expect(is_run(entry_load(entry), 1), 0))
		return false;
	entry_store(entry, 0);
	return page_entry_done(pt, entry);
}

/* Entries from the one of iova on, up to the end of its table; 0: the aperture ends before. */
static inline uint64_t entries_left(const struct iommu_pgtable *pt, iommu_iova_t iova)
{
	if (!in_aperture(pt, entry_last(pt, iova, 2)))
		return 0;
	return format_table_entries(pt, 1) - table_index(pt, iova, 1);
}

/*
 * A piece that is left to map: not of pages, or of more than there is room for, or beyond memory;
 * or one that, alone or with its neighbours, a larger page may fit.
 */
static inline bool is_for_map(const struct iommu_pgtable *pt, iommu_iova_t iova,
			      const struct iommu_map_piece *piece, uint64_t room)
{
	const unsigned int shift = format_level_shift(pt, 1);
	const uint64_t larger = (1ULL << format_level_shift(pt, 2)) - 1;
	/* The address is one of a page. */
	const uint64_t differs = (iova ^ piece->paddr) & larger;

	/* Not of size 0 either. */
	return (differs & ((1ULL << shift) - 1)) != 0 ||
	       (differs == 0 && format_leaf_allowed(pt, 2)) ||
	       (piece->size & ((1ULL << shift) - 1)) != 0 || (piece->size >> shift) - 1 >= room ||
	       piece->paddr > pt->paddr_last || piece->size - 1 > pt->paddr_last - piece->paddr;
}

/* What is wrong with a piece as one page; 0: nothing. `wrong`: bits of no address of a page. */
static inline uint64_t not_a_page(const struct iommu_pgtable *pt, uint64_t wrong,
				  const struct iommu_map_piece *piece)
{
	return (piece->paddr & wrong) | (piece->size ^ (1ULL << format_level_shift(pt, 1)));
}

/*
 * Map pieces of one page in the entries from `entry` on, as far as they go; how many. A larger page
 * can only begin with the table's first entry: all others are not asked about it.
 */
static inline unsigned int map_single_pages(const struct iommu_pgtable *pt, iommu_iova_t iova,
					    iommu_cell_t *entry,
					    const struct iommu_map_piece *pieces,
					    unsigned int count, uint64_t leaf)
{
	/* paddr_last is one less than a power of two. */
	const uint64_t wrong = ~(pt->paddr_last & ~((1ULL << format_level_shift(pt, 1)) - 1));
	const uint64_t larger = (1ULL << format_level_shift(pt, 2)) - 1;
	const struct iommu_map_piece *piece = pieces, *end = pieces + count;

	if (count != 0 && ((iova | pieces->paddr) & larger) == 0)
		return 0;
	for (; UNROLLED && end - piece >= 2; piece += 2, entry += 2) {
		const uint64_t first = leaf | format_address_bits(pt, piece[0].paddr);
		const uint64_t second = leaf | format_address_bits(pt, piece[1].paddr);

		if ((not_a_page(pt, wrong, &piece[0]) | not_a_page(pt, wrong, &piece[1]) |
		     iommu_cell_load(&entry[0]) | iommu_cell_load(&entry[1])) != 0)
			break;
		entry_store(&entry[0], first);
		entry_store(&entry[1], second);
	}
	for (; piece != end; piece++, entry++) {
		if ((not_a_page(pt, wrong, piece) | iommu_cell_load(entry)) != 0)
			break;
		entry_store(entry, leaf | format_address_bits(pt, piece->paddr));
	}
	return (unsigned int)(piece - pieces);
}

/* A list of pieces, and how far it is mapped. */
struct pieces_cursor {
	iommu_iova_t iova; /* of the first */
	const struct iommu_map_piece *pieces;
	unsigned int count, next;
	uint64_t room, done; /* entries from that of the first on, up to the end of its table */
	iommu_cell_t *entries;
};

/* Pieces of one page from the next one on. */
static inline void map_singles(const struct iommu_pgtable *pt, struct pieces_cursor *at,
			       unsigned int prot)
{
	const uint64_t left = at->room - at->done;
	const unsigned int count = at->count - at->next;
	const unsigned int singles = map_single_pages(
		pt, at->iova + (at->done << format_level_shift(pt, 1)), &at->entries[at->done],
		&at->pieces[at->next], count < left ? count : (unsigned int)left,
		format_make_leaf(pt, 0, 1, prot));

	at->next += singles;
	at->done += singles;
}

/* All kinds of pieces, from one on that is none of one page. */
static __attribute__((noinline)) void map_mixed(const struct iommu_pgtable *pt,
						struct pieces_cursor *at, unsigned int prot)
{
	const unsigned int shift = format_level_shift(pt, 1);

	while (at->next < at->count) {
		const struct iommu_map_piece *piece = &at->pieces[at->next];
		const uint64_t pages = piece->size >> shift;
		iommu_cell_t *entries = &at->entries[at->done];

		if (is_for_map(pt, at->iova + (at->done << shift), piece, at->room - at->done) ||
		    !entries_are_empty(entries, pages))
			return;
		entries_store_pages(pt, entries, pages, piece->paddr, 1, prot);
		at->done += pages;
		at->next++;
		map_singles(pt, at, prot);
	}
}

unsigned int pgtable_map_pieces(struct iommu_pgtable *pt, iommu_iova_t iova,
				const struct iommu_map_piece *pieces, unsigned int count,
				unsigned int prot, uint64_t *mapped)
{
	const unsigned int shift = format_level_shift(pt, 1);
	struct pieces_cursor at = {.iova = iova, .pieces = pieces, .count = count};

	*mapped = 0;
	if (!is_one_page(pt, iova, 1ULL << shift) || !prot_is_good(prot))
		return 0;
	at.entries = page_entry(pt, iova);
	if (at.entries == NULL)
		return 0;
	at.room = entries_left(pt, iova);
	map_singles(pt, &at, prot);
	if (__builtin_expect(at.next < count, 0)) {
		struct pieces_cursor rest = at;

		map_mixed(pt, &rest, prot);
		at.next = rest.next;
		at.done = rest.done;
	}
	entries_flush(pt, at.entries, at.done);
	*mapped = at.done << shift;
	return at.next;
}
