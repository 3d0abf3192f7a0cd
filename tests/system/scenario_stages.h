/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Steps of units that have tables of two stages, which block everything while no domain is
 * attached: those of RISC-V and of Arm. What differs between the two is a struct stages_family.
 */
#ifndef SCENARIO_STAGES_H
#define SCENARIO_STAGES_H

#include "scenario_steps.h"

struct stages;

struct stages_family {
	/*
	 * Make the unit known to the instance: s.unit. And whether domains that leave the choice to
	 * the unit have tables of the first stage.
	 */
	int (*add_unit)(struct stages *t, bool *prefers_first);
	void (*say_unit)(const struct stages *t);
	/* Of a fault: the reason for a device without a domain. */
	unsigned int no_domain;
	/* … and for what is not mapped, or is, and not for this. */
	unsigned int (*denied)(const struct stages *t, bool is_write, bool is_mapped);
	/* One fault: of this device, address and access, with this reason, as far as it is told. */
	void (*expect_fault)(struct stages *t, unsigned int device, iommu_iova_t iova,
			     enum iommu_fault_access access, unsigned int reason);
	/* Have faults told by a message, or by none. */
	int (*set_interrupt)(struct stages *t);
	int (*mask_interrupt)(struct stages *t);
};

/* What a unit does that others do not. */
struct stages_traits {
	bool passes_before;    /* before it is enabled it lets everything pass */
	bool passes_off;       /* and whenever it is off */
	bool keeps_cached_off; /* while it is off it still goes by what it has cached */
	bool has_no_runs;      /* runs of entries are not as specified */
	bool cuts_none;        /* a large page cannot be cut while it may be in use */
};

struct stages {
	struct scenario s; /* first: functions of steps know this part */
	const struct stages_family *family;
	struct stages_traits traits;
	enum iommu_stage stage; /* of the devices' domains, as the machine has it */
	bool first;             /* … are tables of the first stage */
	/* How many interrupts of the unit have arrived; NULL: none is looked for. */
	unsigned int (*interrupts_seen)(void);
	/* What they told of was handled: a wire may tell again. */
	void (*interrupts_handled)(void);
	bool has_wires; /* there are no messages to be set */
	/* Have the unit lose what it holds, as in a deep sleep; NULL: it keeps all. */
	void (*lose_state)(struct stages *t);
};

/* An instance with the unit, both devices, and two domains; false: the verdict is said. */
bool stages_start(struct stages *t);

/*
 * The steps, in the order in which they build on each other: while it is off; on, and nothing
 * attached; an empty domain, and a first transfer; mapping, unmapping, two devices; more faults
 * than the queue holds, and interrupts; suspended, detached, disabled, and everything given back.
 */
void stages_before_enabling(struct stages *t);
bool stages_enabling(struct stages *t);
void stages_first_accesses(struct stages *t);
void stages_mappings(struct stages *t);
void stages_faults(struct stages *t);
void stages_end(struct stages *t);
/* A scenario of its own, instead of all these: a second instance over the first. */
bool stages_take_over(struct stages *t);

/* A format of tables, by an address at its upper end. */
struct stages_mode {
	struct iommu_domain_config config; /* with the stage, the width, and one size of pages */
	const char *name;
};
void stages_one_mode(struct stages *t, const struct stages_mode *mode);

/* A transfer that must be blocked, with a fault; write_blocked: memory behind it stays. */
void write_blocked(struct stages *t, unsigned int device, iommu_iova_t iova,
		   const struct page *behind, unsigned int reason);
void read_blocked(struct stages *t, unsigned int device, iommu_iova_t iova, unsigned int reason);
/* The same, where nothing is mapped. */
void not_mapped(struct stages *t, unsigned int device, iommu_iova_t iova,
		const struct page *behind);

/* --- A guest with tables of its own ----------------------------------------------------------- */

/* The guest's memory, as the guest sees it. */
#define GUEST_START  0x0000000040000000ULL
#define GUEST_SIZE   0x8000U
#define GUEST_ROOT   (GUEST_START + 0x0000)
#define GUEST_MIDDLE (GUEST_START + 0x1000)
#define GUEST_LEAVES (GUEST_START + 0x2000)
#define GUEST_SECRET (GUEST_START + 0x3000)
#define GUEST_TARGET (GUEST_START + 0x4000)
#define GUEST_OTHER  (GUEST_START + 0x5000)
#define GUEST_MORE   (GUEST_START + 0x6000) /* the family's own */

/* Addresses of the guest's device: of one table of leaves. */
#define GUEST_IOVA(n) (0x0000000012200000ULL + 0x1000ULL * (n))

struct guest;

struct guest_format {
	/* Fill in the tables above the leaves, which are of 512 entries each. */
	void (*make_tables)(const struct guest *guest);
	/* An entry of the table of leaves that allows everything. */
	uint64_t (*leaf)(uint64_t address);
	/* The guest's own command for a page, as its unit, which is emulated, passes it on. */
	int (*invalidate)(const struct guest *guest, iommu_iova_t iova);
	/* What the nested domain is made of. */
	const void *user_data;
	size_t user_size;
	/* Reasons of faults: of the guest's own table, of the host's. */
	unsigned int own_denied, host_denied;
	/* What else the family's guest does; NULL: nothing. */
	void (*more)(const struct guest *guest);
};

struct guest {
	struct stages *t;
	const struct guest_format *format;
	struct page memory;
	struct iommu_domain *parent, *nested;
};

/* A page of the guest's memory; an entry of one of its tables: one store. */
struct page guest_page(const struct guest *guest, uint64_t address);
void guest_set(const struct guest *guest, uint64_t table, unsigned int index, uint64_t entry);
void stages_nesting(struct stages *t, const struct guest_format *format);

/* Tables and messages are little-endian, whatever the host is. */
static inline uint32_t le32(uint32_t value)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap32(value);
}

static inline uint64_t le64(uint64_t value)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
}

#endif
