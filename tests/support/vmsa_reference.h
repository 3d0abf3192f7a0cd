/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An independent walk of Arm's translation tables, as an SMMU or a processor does it: from what the
 * hardware is given, entry by entry, in numbers as the architecture has them (DDI 0487, D8), and
 * with none of the names or functions of the library's headers. Whatever the architecture leaves
 * open, or forbids in tables, is a flaw that is reported.
 */
#ifndef VMSA_REFERENCE_H
#define VMSA_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

/* What hardware is given. */
struct vmsa_walk {
	unsigned int stage; /* 1 or 2 */
	unsigned int tg;    /* 0: 4K, 1: 64K, 2: 16K */
	unsigned int t0sz;  /* 64 - bits of an address */
	int start;          /* level, -1 to 3 */
	bool ds, ha, hd, fwb;
	unsigned int pa_bits; /* that physical addresses may have */
	uint64_t root;
	/* Memory of tables, little-endian. */
	const void *(*memory)(void *ctx, uint64_t pa);
	void *ctx;
};

enum vmsa_fault {
	VMSA_NO_FAULT,
	VMSA_FAULT_TRANSLATION,
	VMSA_FAULT_ACCESS, /* AF is clear, and hardware does not set it */
	VMSA_FAULT_PERMISSION,
	VMSA_FAULT_ADDRESS_SIZE,
	VMSA_FLAW, /* no hardware may be given this */
};

struct vmsa_access {
	bool write, privileged, execute;
};

struct vmsa_answer {
	enum vmsa_fault fault;
	uint64_t pa, size; /* size: that hardware may keep at once */
	int level;
	unsigned int memory; /* AttrIndx, or MemAttr */
	bool global, dirty, cached_together;
	const char *flaw;
};

/* The level at which a first stage starts. */
int vmsa_start_of_first_stage(unsigned int tg, unsigned int t0sz);

/* The level that SL0 says, and whether T0SZ goes with it; *tables: how many the root is made of. */
int vmsa_start_of_second_stage(unsigned int tg, unsigned int sl0);
bool vmsa_second_stage_is_legal(unsigned int tg, unsigned int t0sz, int start, bool ds,
				unsigned int *tables);

/* One access. With ha and hd hardware changes the entry that it used. */
struct vmsa_answer vmsa_reference_walk(const struct vmsa_walk *walk, uint64_t address,
				       struct vmsa_access access);

#endif
