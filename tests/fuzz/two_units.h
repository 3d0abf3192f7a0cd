/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the harnesses of drivers share that serve units by page tables, PASIDs and devices' TLBs:
 * two units, three devices, seven domains, calls in any order while allocations fail at random and
 * hardware fails, and the oracle, which is that of return values (two_units.c). A harness is the
 * hardware: the functions below that begin with hardware_.
 */
#ifndef TWO_UNITS_H
#define TWO_UNITS_H

#include <iommu_hosted.h>
#include <libiommu/iommu.h>

#include "base/byteorder.h"
#include "fuzz.h"

#define UNITS     2U
#define DEVICES   3U /* the last one is behind the second unit */
#define OWN       4U /* domains with tables of the library's, … */
#define NESTED    4U /* … a guest's table, … */
#define PROCESSES 5U /* … a guest's table for each process, … */
#define FOREIGN   6U /* … and what else the hardware has: one of another's tables */
#define DOMAINS   7U
#define PASIDS    5U /* the first is none, and the last PASID 0 */
#define WITH_0    (1U << 31)
#define SLOTS     24U
#define FRAMES    32U
#define KEPT      24U
#define ARENA     (16UL << 20)
#define MEMORY    0x80000000ULL
#define REGISTERS 0x3010000ULL
#define BASE      (1ULL << 30)  /* of the slots */
#define GUEST     0x10000000ULL /* where a guest has its tables */
#define PAGE      IOMMU_PAGE_SIZE
#define RW        IOMMU_PROT_READ_WRITE

/* A translation that a device keeps. */
struct kept {
	bool used;
	uint32_t pasid;
	uint64_t address, size;
	iommu_paddr_t paddr;
};

struct device {
	unsigned int unit;
	uint32_t id;
	struct iommu_endpoint *endpoint; /* NULL: not there */
	struct iommu_group *group;
	struct kept kept[KEPT];
	unsigned int next;
	bool silent, was_silent;
	bool is_ats_off; /* in the device */
	/* Domains that it, or a PASID, was told to use; and the one that it uses for certain. */
	unsigned int told[PASIDS];
	/* A detach was the last call, and was not confirmed. */
	bool is_detached[PASIDS];
	unsigned int uses; /* 1 + the domain; 0: unknown, or none */
	struct iommu_pasid_handle handles[PASIDS][2];
	unsigned int handle[PASIDS];
};

struct two_units {
	struct fuzz_bytes input;
	struct iommu_hosted hosted, models[UNITS];
	struct iommu_platform platform;
	bool is_page[ARENA / PAGE]; /* … that is handed out */
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	void (*free_pages)(void *ctx, void *pages, unsigned int order);
	struct iommu *iommu;
	struct iommu_unit *unit[UNITS];
	bool is_off[UNITS], is_asleep[UNITS];
	bool is_lost[UNITS]; /* it has lost its registers: devices are quiet */
	struct device devices[DEVICES];
	void *frame_pages, *table_pages;
	iommu_paddr_t frames, guest, host;
	struct iommu_domain *domains[DOMAINS];
	bool has_parent[DOMAINS];
	unsigned int parent[DOMAINS];
	uint32_t may[DOMAINS][SLOTS];
	uint8_t sure[DOMAINS][SLOTS];
	bool is_identity[DOMAINS];
	bool is_troubled;
	unsigned int odds; /* of an allocation: fails once in so many; 0: never */
	uint64_t now;
};

extern struct two_units t;

/* The guest's processes have 0, 1 and 5. */
extern const uint32_t pasids[PASIDS];

unsigned int below(unsigned int bound);
int seen(int status);
bool is_open(int status);

/* The services of a model: the driver's memory, and what devices do. */
bool read_memory(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size);
bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size);
bool compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired);
void misuse(void *ctx, const char *text);
/* A 64-bit entry of a table, little-endian. */
void store(iommu_paddr_t at, uint64_t value);

/* What a device is told to forget: of a PASID, of none (0), of PASID 0 (WITH_0). */
struct forgetting {
	unsigned int unit;
	uint32_t id, pasid;
	bool all_pasids, or_none; /* all PASIDs; with or_none, what has none, too */
	uint64_t address, size;   /* size 0: everything */
};

/* False: the device is silent. */
bool forget(const struct forgetting *what);

/* --- The hardware ----------------------------------------------------------------------------- */

enum asking {
	UNTRANSLATED,
	TRANSLATION_REQUEST,
	TRANSLATED
};

struct asked {
	enum asking how;
	unsigned int unit;
	uint32_t id;
	bool has_pasid;
	uint32_t pasid;
	uint64_t address;
	unsigned int access;
};

struct found {
	iommu_paddr_t paddr;
	unsigned int prot;
};

/* Does a request pass? */
bool hardware_translate(const struct asked *asked, struct found *found);
/* A request for a page, in a group. */
void hardware_ask_for_page(const struct asked *asked, unsigned int group, bool is_last);
/* Its registers, at an offset from REGISTERS. */
uint64_t hardware_read(uint64_t at, unsigned int size);
void hardware_write(uint64_t at, unsigned int size, uint64_t value);
/* A unit, its model, and t.unit; what ends it. */
void hardware_begin(unsigned int u);
void hardware_end(unsigned int u);
/* The tables of a guest, which a parent maps at GUEST, and of the host. */
void hardware_write_tables(void);
/* The user data of a domain that is not the library's own; its type. */
enum iommu_domain_type hardware_foreign(unsigned int d, struct iommu_domain_config *config);
/* One of a guest's requests to invalidate. */
void hardware_request(unsigned int which, uint64_t request[2]);
/* A domain was made, is gone. */
void hardware_made(unsigned int d);
void hardware_gone(unsigned int d);
/* A call that only this hardware has. */
void hardware_call(void);
/* What only this hardware can reach. */
void hardware_check(const struct device *device);
/* The units sleep. */
void hardware_slept(void);
void hardware_misbehave(void);
void hardware_behave(unsigned int u);
/* Does PASID 0 mean none? Otherwise it reaches nothing, but what a guest has for it. */
extern const bool is_pasid_0_none;

#endif
