/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of each format as one kind of radix tree. What an entry means is in the datasheets of
 * include/libiommu/hw/; a table that is only shown needs no more of it than this.
 */
#ifndef INSPECT_PAGES_H
#define INSPECT_PAGES_H

#include "memory.h"

#define PAGES_LEVELS_MAX 5

enum page_right {
	PAGE_READ = 1 << 0,
	PAGE_WRITE = 1 << 1,
	PAGE_USER = 1 << 2, /* also for requests without privilege */
	PAGE_EXECUTE = 1 << 3,
	PAGE_ALL = 15,
};

struct page_table;
struct page_entry;

/* What an entry says, of which level, index and value are known; then whether it is present … */
struct page_format {
	const char *name;
	const char *const *levels; /* names of the entries, from level 1 on */
	unsigned int rights;       /* those that the format knows */
	bool is_big_endian;
	bool is_signed; /* addresses repeat their highest translated bit above */
	bool (*is_present)(const struct page_table *table, const struct page_entry *entry);
	bool (*is_leaf)(const struct page_table *table, const struct page_entry *entry);
	uint64_t (*address)(const struct page_table *table, const struct page_entry *entry);
	unsigned int (*allows)(const struct page_entry *entry);
	/* Accessed, dirty and the like, in words, each with a blank before it. */
	void (*marks)(char text[64], const struct page_entry *entry);
	/* log2 of the entries that hardware takes for one page, of which a leaf is one; NULL: 0. */
	unsigned int (*run_bits)(const struct page_table *table, const struct page_entry *entry);
	/* Why hardware would fault at a present entry, or NULL: it has none of what is reserved. */
	const char *(*defect)(const struct page_table *table, const struct page_entry *entry);
};

extern const struct page_format pages_second_stage, pages_first_stage, pages_tce, pages_riscv_first,
	pages_riscv_second, pages_arm_first, pages_arm_second;

struct page_table {
	const struct page_format *format;
	uint64_t root;
	unsigned int levels;
	unsigned int page_shift; /* of a page of level 1 */
	unsigned int index_bits; /* of each level but the root's */
	unsigned int root_bits;  /* of that; 0: the same */
	bool is_wide;            /* Arm's DS: addresses of 52 bits in pages of 4K or 16K */
	bool is_judged; /* there is no unit that says whether entries are as they should be */
};

struct page_entry {
	unsigned int level, index;
	uint64_t where, value;
	bool is_present, is_leaf;
	const char *defect; /* of what is judged; NULL: it has none */
	unsigned int run;   /* log2 of the bytes that hardware takes for one page, for a leaf */
	uint64_t target;    /* of the table or page that it leads to */
	unsigned int allows;
};

/*
 * log2 of the bytes that an entry of a level covers, of those that the table translates, and of a
 * level's entries.
 */
unsigned int pages_index_bits(const struct page_table *table, unsigned int level);
unsigned int pages_shift(const struct page_table *table, unsigned int level);
unsigned int pages_width(const struct page_table *table);
/* Beyond what the table translates, or between the two halves of a format that is signed. */
bool pages_is_outside(const struct page_table *table, uint64_t address);
unsigned int pages_index(const struct page_table *table, unsigned int level, uint64_t address);

/* Read an entry of a table that lies at `where`; false: it is not in memory. */
bool pages_read(const struct page_table *table, struct memory *memory, uint64_t where,
		unsigned int level, unsigned int index, struct page_entry *entry);

/* Rights in the style of "rw-", and of the format's others. */
const char *pages_rights(char text[8], const struct page_format *format, unsigned int rights);

/* One line of output, and an object in JSON. */
void pages_show_entry(struct out *out, const struct page_table *table,
		      const struct page_entry *entry);

#endif
