/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An independent walk of the AMD IOMMU's host tables (v1): from what a device table entry says,
 * entry by entry, in numbers as the specification has them (48882, "I/O Page Tables for Host
 * Translations"), and with none of the names or functions of the library's headers. Whatever
 * hardware may refuse is told apart.
 */
#ifndef AMDV1_REFERENCE_H
#define AMDV1_REFERENCE_H

#include <libiommu/pgtable.h>

struct amdv1_walk {
	unsigned int mode; /* levels */
	uint64_t root;
	bool notes; /* HASup and HDSup, HAD 3 */
	/* Memory of tables, little-endian. */
	void *(*memory)(void *ctx, uint64_t pa);
	void *ctx;
};

enum amdv1_fault {
	AMDV1_NO_FAULT,
	AMDV1_NOT_PRESENT,
	AMDV1_NOT_PERMITTED,
	AMDV1_TOO_WIDE, /* the address has bits that no level translates */
	AMDV1_SKIPPED,  /* it has bits of levels that are skipped */
	AMDV1_RESERVED, /* bits that must be 0 */
	AMDV1_LEVEL,    /* a level or a size that cannot be */
	AMDV1_UNLIKE,   /* entries of one page that differ: no hardware may be given this */
};

struct amdv1_answer {
	enum amdv1_fault fault;
	uint64_t pa, size;
	unsigned int level;
	bool can_read, can_write;
};

/* What hardware is given of a table of the library. */
struct amdv1_walk amdv1_walk_of(const struct iommu_pgtable *pt);

/* One access. With `notes` hardware changes the entry that it used. */
struct amdv1_answer amdv1_reference_walk(const struct amdv1_walk *walk, uint64_t address,
					 bool is_write);

#endif
