/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine on which a back end is tested: its domains, devices and mappings, the failures, and
 * the shadow of what devices may reach. Tests make their calls through the functions here, which
 * keep the shadow and check what devices reach.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "kit.h"

#define MACHINE_MAPPINGS 64 /* ever made */
#define MACHINE_DOMAINS  32 /* ever made */
#define MACHINE_NONE     MACHINE_DOMAINS
#define MACHINE_FEW      5U /* pages: not one aligned block, and one page less is */

/* The domains of a machine, by their role. */
enum machine_role {
	FIRST,
	SECOND,
	BYPASS,
	IDENTITY,
	BLOCKED,
	ROLES,
};

/* A way to fail. */
struct machine_failure {
	const char *name;
	enum kit_answer answer;
	bool for_ever, of_allocations;
};
#define MACHINE_FAILURES 7
extern const struct machine_failure machine_failures[MACHINE_FAILURES];

enum machine_fate {
	MAPPED = 1,
	UNSURE, /* the caller was told that it may still be reached */
	GONE,
};

struct machine_mapping {
	enum machine_fate fate;
	unsigned int domain;
	iommu_iova_t iova;
	uint64_t size;
};

struct machine_device {
	struct iommu_endpoint *endpoint, *mate;
	unsigned int told; /* of the last attach: a domain, or MACHINE_NONE */
	uint32_t may;      /* bits for domains that it may still use, as the caller knows */
	bool is_sure;      /* the last call about it returned 0 */
};

struct machine {
	const struct kit_backend *backend;
	struct test_platform test;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_domain *domains[MACHINE_DOMAINS];
	bool passes_on[MACHINE_DOMAINS];
	unsigned int made;
	unsigned int roles[ROLES]; /* MACHINE_NONE: there is none */
	uint64_t looks;            /* accesses near mappings so far */
	struct machine_mapping mappings[MACHINE_MAPPINGS];
	unsigned int mapped;
	struct machine_device devices[KIT_DEVICES];
	bool is_on;
	bool may_be_off; /* a call that turns the unit off failed: it may be off, or become so */
	bool comes_back; /* a suspend or disable failed, and the next resume turns it on */
	uint64_t left;   /* pages that an instance which died has left */
	/* What fails. */
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	bool fails_allocations;
	unsigned int countdown; /* to the step that fails; 0: none fails */
	enum kit_answer answer;
	bool for_ever, has_failed;
	bool is_quiet; /* devices make no access for now */
	/* Of the last fault that was reported. */
	unsigned int faults;
	uint16_t fault_id;
	/* For people. */
	char story[200];
	const char *now;
};
extern struct machine machine;

/*
 * machine_begin - a machine and an instance, without units.
 * machine_probe - have the unit found.
 * machine_set_up - bring it into use, with all mappings in hardware's caches; the last of several
 * devices uses no domain, unless the machine is crowded.
 * machine_die - the instance stops without an end, and there is a new one; what it left in memory
 * stays.
 * machine_use_and_end - nothing fails any more: whatever was in doubt, the machine can be used, and
 * ends without a page in use.
 */
void machine_begin(const struct kit_backend *backend);
int machine_probe(void);
void machine_set_up(bool is_crowded);
void machine_die(void);
void machine_use_and_end(void);

/* From here on the n-th step fails; from here on none does. */
void machine_be_ill(const struct machine_failure *failure, unsigned int step);
void machine_be_well(void);

/* The test fails unless a call returned 0. */
void machine_must(int status);
/* Check what devices reach, and also that they reach what they must. */
void machine_look(void);

/* Calls of the library, whose results are returned. */
int machine_enable(void);
int machine_disable(void);
void machine_suspend(void); /* and resume */
int machine_attach(unsigned int device, unsigned int domain);
int machine_detach(unsigned int device);
int machine_map(unsigned int domain, unsigned int place, uint64_t pages);
int machine_unmap(unsigned int domain, unsigned int place);
int machine_unmap_exactly(unsigned int domain, unsigned int place);
bool machine_has_mapping(unsigned int domain, unsigned int place);
int machine_make_domain(enum machine_role role);
int machine_free_domain(enum machine_role role);
bool machine_uses(unsigned int domain);
/* A device with its mate. */
int machine_add(unsigned int device);
int machine_take_away(unsigned int device);
bool machine_is_complete(unsigned int device);
/*
 * machine_handle_faults - handle the unit's faults while devices go on to cause more. machine_fault
 * - have a device access an address without a mapping, and check that this is reported.
 */
void machine_handle_faults(void);
void machine_fault(unsigned int device);

#endif
