/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsing an ACPI IORT table: the SMMUs of an Arm machine, which stream id a device has at which of
 * them, which device id its messages have at an interrupt translation service (ITS), and which
 * memory must stay mapped for it. The rest of the library does not use it.
 *
 * The bytes come from firmware or from a guest and are not trusted: nothing is read outside them,
 * nothing is read unaligned, nothing is allocated, and every iteration ends. Maps lead from devices
 * to SMMUs and from there to ITS groups, never back: a table cannot make a way without an end. The
 * bytes must not change while they are parsed. Pure functions: no locks, any context. (IO Remapping
 * Table, Arm DEN 0049, revisions B to E.f; the layouts: <libiommu/hw/acpi_iort.h>.)
 *
 *	struct iommu_iort_node node = {0};
 *	struct iommu_iort_route route;
 *
 *	if (iommu_iort_open(&iort, bytes, size) == 0)
 *		while (iommu_iort_next(&iort, &node))
 *			if (node.type == IOMMU_IORT_SMMUV3 && node.smmuv3.usable)
 *				…
 *	if (iommu_iort_find(&iort, segment, rid, &route) == 0 && route.has_unit)
 *		… route.unit.offset, route.stream_id …
 */
#ifndef LIBIOMMU_IORT_H
#define LIBIOMMU_IORT_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* Larger tables are refused. */
#define IOMMU_IORT_MAX_SIZE 65536U

enum iommu_iort_type {
	IOMMU_IORT_ITS_GROUP = 0,       /* interrupt translation services */
	IOMMU_IORT_NAMED_COMPONENT = 1, /* a device that is no PCI function, by its ACPI path */
	IOMMU_IORT_ROOT_COMPLEX = 2,    /* PCI functions of a segment */
	IOMMU_IORT_SMMU = 3,            /* an SMMUv1 or SMMUv2 */
	IOMMU_IORT_SMMUV3 = 4,
	IOMMU_IORT_PMCG = 5,            /* performance counters */
	IOMMU_IORT_RESERVED_MEMORY = 6, /* memory that devices use since before the start */
	IOMMU_IORT_WIRE_BRIDGE = 7,     /* of GICv5, from wires to messages */
};

/* Defects, and how they are handled. */
enum iommu_iort_defect {
	/* A node shorter than its header, or beyond the table: all from there on is ignored. */
	IOMMU_IORT_NODE_LENGTH = 1 << 0,
	/* A node shorter than its fixed part: skipped. */
	IOMMU_IORT_NODE_SHORT = 1 << 1,
	/* A node of a type unknown to this library: skipped. (Not a defect of firmware.) */
	IOMMU_IORT_NODE_UNKNOWN = 1 << 2,
	/* Fewer nodes, or more bytes, than the header says. */
	IOMMU_IORT_NODE_COUNT = 1 << 3,
	/* Maps, ITS ids or ranges that lie partly outside their node: those inside are used. */
	IOMMU_IORT_ARRAY_LENGTH = 1 << 4,
	/* A map to what is no node, or not one that such a map may lead to: no id gets through. */
	IOMMU_IORT_MAP_TARGET = 1 << 5,
	/* A map of ids that are wider than 32 bits on one of its sides: skipped. */
	IOMMU_IORT_MAP_RANGE = 1 << 6,
	/* A single map where there may be none: skipped. */
	IOMMU_IORT_MAP_SINGLE = 1 << 7,
	/* Maps of one node have ids in common: the first of them counts. */
	IOMMU_IORT_MAP_OVERLAP = 1 << 8,
	/*
	 * The last id of a map is the first of another: as if the number of ids were there, not one
	 * less. The other map counts.
	 */
	IOMMU_IORT_MAP_COUNT = 1 << 9,
	/* The map for a unit's own messages is not there: it has none. */
	IOMMU_IORT_MAP_INDEX = 1 << 10,
	/*
	 * A unit at address 0, or not aligned to 64 KiB (an SMMUv1 or SMMUv2: 4 KiB): returned with
	 * `usable` false.
	 */
	IOMMU_IORT_UNIT_WITHOUT_BASE = 1 << 11,
	/* Two units at one address: both are returned, one of them may be driven. */
	IOMMU_IORT_UNIT_TWICE = 1 << 12,
	/* A path without its NUL: the node is skipped. */
	IOMMU_IORT_NAME_UNTERMINATED = 1 << 13,
	/* Addresses of no width, or of more than 64 bits: returned as 0, "not known", or as 64. */
	IOMMU_IORT_ADDRESS_WIDTH = 1 << 14,
	/* A reserved range that is not aligned to 64 KiB: rounded outwards to 4 KiB. */
	IOMMU_IORT_RANGE_UNALIGNED = 1 << 15,
	/* A reserved range that is empty, or ends beyond all addresses: skipped. */
	IOMMU_IORT_RANGE_EMPTY = 1 << 16,
	/* Reserved ranges of one node have bytes in common: each is returned. */
	IOMMU_IORT_RANGE_OVERLAP = 1 << 17,
	/* Counters of a node that is not there. */
	IOMMU_IORT_PMCG_NODE = 1 << 18,
	/* The checksum is wrong, which does not tell what is wrong: the table is used. */
	IOMMU_IORT_CHECKSUM = 1 << 19,
};

/* A parsed table. Read-only. */
struct iommu_iort {
	const uint8_t *bytes;
	uint32_t length;
	uint32_t first, count; /* of the nodes: offset, and how many the header says */
	unsigned int revision; /* of the table */
	/* enum iommu_iort_defect of the whole table */
	unsigned int defects;
	/* After iommu_iort_open failed: the reason, in words; otherwise "". A static string. */
	const char *refusal;
};

/* --- Nodes ------------------------------------------------------------------------------------ */

/* How a device accesses memory. */
struct iommu_iort_access {
	bool coherent; /* its accesses are, unless something else is asked for */
	bool cpm;      /* a coherent path to memory */
	bool dacs;     /* its own attributes are cacheable and shareable */
	bool canwbs;   /* the unit can make all of its accesses coherent */
	uint8_t hints; /* of allocation: bits 0 transient, 1 write, 2 read, 3 override */
};

struct iommu_iort_named_component {
	const char *name; /* NUL-terminated ACPI path, inside the table */
	struct iommu_iort_access access;
	bool stalls;          /* a fault may stall its accesses */
	uint8_t pasid_bits;   /* 0: no PASIDs */
	uint8_t address_bits; /* of its addresses; 0: not known */
};

struct iommu_iort_root_complex {
	uint32_t segment;
	struct iommu_iort_access access;
	bool ats, page_requests; /* supported there */
	bool pasids;             /* PASIDs are forwarded */
	uint8_t pasid_bits;      /* 0: not known */
	uint8_t address_bits;    /* of addresses of its devices; 0: not known */
	uint32_t flags;          /* as they stand; 0 before node revision 4 */
};

/* An SMMUv1 or SMMUv2, which this library recognises and does not drive. */
struct iommu_iort_smmu {
	iommu_paddr_t base; /* of the registers */
	uint64_t span;      /* of the registers, in bytes */
	/* 0 SMMUv1, 1 SMMUv2, 2 MMU-400, 3 MMU-500, 4 MMU-401, 5 ThunderX */
	uint32_t model;
	bool dvm;          /* takes part in the processors' invalidation */
	bool coherent;     /* its walks are */
	uint32_t contexts; /* interrupts of contexts */
	bool usable;       /* base is a possible address of registers */
};

/* Implementations of which something is known that the registers do not say. */
enum iommu_iort_smmuv3_model {
	IOMMU_IORT_SMMUV3_GENERIC = 0,
	/*
	 * Must not be given prefetch commands, which the library never sends. And it stores 8 bytes
	 * when a CMD_SYNC completes, not 4: IOMMU_SMMU_POLLED.
	 */
	IOMMU_IORT_SMMUV3_HI161X = 1,
	/* Page 0 alone, with the registers of page 1; one interrupt for all, no messages. */
	IOMMU_IORT_SMMUV3_CN99XX = 2,
};

struct iommu_iort_smmuv3 {
	iommu_paddr_t base;  /* of the registers: two pages of 64 KiB, of CN99XX one */
	iommu_paddr_t vatos; /* of the registers for another's address translation; 0: none */
	uint32_t model;      /* enum iommu_iort_smmuv3_model, or one that is not known */
	bool usable;         /* base is a possible address of registers */
	/* Counts instead of IDR0.COHACC: IOMMU_SMMU_COHERENT, or IOMMU_SMMU_NOT_COHERENT. */
	bool coherent;
	/*
	 * Counts instead of IDR0.HTTU: 0 none (also what the table does not define), 1 the access
	 * flag, 2 dirty state, too; plus IOMMU_SMMU_HTTU_NONE it is `httu` of struct
	 * iommu_smmu_config.
	 */
	uint8_t httu;
	bool has_proximity;
	uint32_t proximity_domain;
	/* Global system interrupts, on edges; 0: the unit sends messages, or nothing. */
	uint32_t event, page_request, gerror, sync;
	/* The unit's own messages have a device id: iommu_iort_own_messages. */
	bool has_own_map;
	uint32_t own_map; /* which of its maps */
};

struct iommu_iort_pmcg {
	iommu_paddr_t base, page_1; /* of the registers; page_1 0: there is one page */
	uint32_t overflow;          /* a global system interrupt; 0: it sends messages */
	uint32_t counted;           /* offset of the node whose events are counted */
};

struct iommu_iort_reserved_memory {
	bool may_move;   /* the ranges may be unmapped once their device has a driver */
	bool privileged; /* the accesses are */
	/* 0 to 3 device nGnRnE, nGnRE, nGRE, GRE; 4 not cached; 5 write-back, inner shareable */
	uint8_t attributes; /* 0 before node revision 3, which brought it */
};

struct iommu_iort_wire_bridge {
	iommu_paddr_t base;
	uint16_t index;
	const char *name; /* NUL-terminated ACPI path, inside the table */
};

/* One node. `type` selects the member of the union. */
struct iommu_iort_node {
	enum iommu_iort_type type;
	uint8_t revision;
	uint32_t identifier; /* unique, since revision E.b of the table */
	union {
		struct iommu_iort_named_component named_component;
		struct iommu_iort_root_complex root_complex;
		struct iommu_iort_smmu smmu;
		struct iommu_iort_smmuv3 smmuv3;
		struct iommu_iort_pmcg pmcg;
		struct iommu_iort_reserved_memory reserved_memory;
		struct iommu_iort_wire_bridge wire_bridge;
	};
	/* Where it is in the table: what iommu_iort_map.target and others name. */
	uint32_t offset;
	/* Private to the iterators: its length and position, its maps, its other array. */
	uint32_t length, position;
	uint32_t maps, map_count;
	uint32_t array, array_count;
};

/*
 * iommu_iort_open - check a table and prepare its iteration.
 *
 * @bytes, @size: the table from firmware; @size may exceed the table. Not copied.
 *
 * Returns 0 (iort->defects lists what was tolerated), or IOMMU_EINVAL: shorter than its header or
 * than its own length field, larger than IOMMU_IORT_MAX_SIZE, a wrong signature, or nodes that
 * begin outside. After an error *iort is empty, and iort->refusal is the reason in words. Context:
 * any; takes no lock.
 */
IOMMU_API int iommu_iort_open(struct iommu_iort *iort, const void *bytes, size_t size);

/*
 * iommu_iort_next - the next node of an IORT table, in table order. @node: zero-initialised before
 * the first call, then unchanged from the last call. Returns false at the end. Context: any; takes
 * no lock.
 */
IOMMU_API bool iommu_iort_next(const struct iommu_iort *iort, struct iommu_iort_node *node);

/*
 * iommu_iort_node_at - the node at an offset. False: none that iommu_iort_next shows is there.
 * Context: any; takes no lock.
 */
IOMMU_API bool iommu_iort_node_at(const struct iommu_iort *iort, uint32_t offset,
				  struct iommu_iort_node *node);

/*
 * iommu_iort_find_name - the named component with an ACPI path. Returns 0, or IOMMU_ENOENT.
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_iort_find_name(const struct iommu_iort *iort, const char *name,
				   struct iommu_iort_node *node);

/* --- What a node lists ------------------------------------------------------------------------ */

/* An interrupt translation service of a group. */
struct iommu_iort_its {
	uint32_t id;       /* that of the MADT */
	uint32_t position; /* private to the iterator */
};

/* Ids of a node, and what they become at the node that they lead to. */
struct iommu_iort_map {
	uint32_t first, last; /* of the node; both inclusive; a single map: any */
	uint32_t output;      /* what the first becomes; the others follow */
	bool is_single;       /* one output, whatever the id of the node */
	bool is_own;          /* for messages of the unit or counters themselves, not of devices */
	bool leads;           /* `target` is a node to which such a map may lead: */
	uint32_t target;      /* its offset */
	enum iommu_iort_type target_type;
	uint32_t position; /* private to the iterator */
};

/* A range of reserved memory. */
struct iommu_iort_range {
	iommu_paddr_t start; /* aligned to 4 KiB */
	iommu_paddr_t last;  /* inclusive; the last byte of 4 KiB */
	uint32_t position;   /* private to the iterator */
};

/*
 * iommu_iort_next_its - the next service of an ITS group; used like iommu_iort_next. Context: any;
 * takes no lock.
 */
IOMMU_API bool iommu_iort_next_its(const struct iommu_iort *iort,
				   const struct iommu_iort_node *node, struct iommu_iort_its *its);

/*
 * iommu_iort_next_map - the next map of a node of any type; used like iommu_iort_next. Context:
 * any; takes no lock.
 */
IOMMU_API bool iommu_iort_next_map(const struct iommu_iort *iort,
				   const struct iommu_iort_node *node, struct iommu_iort_map *map);

/*
 * iommu_iort_next_range - the next range of reserved memory; used like iommu_iort_next. Context:
 * any; takes no lock.
 */
IOMMU_API bool iommu_iort_next_range(const struct iommu_iort *iort,
				     const struct iommu_iort_node *node,
				     struct iommu_iort_range *range);

/* --- Ways ------------------------------------------------------------------------------------- */

/* Where the requests and messages of a device go. */
struct iommu_iort_route {
	bool has_unit; /* otherwise no SMMU is in front of the device */
	bool has_its;  /* otherwise its messages go to no ITS that the table knows */
	uint32_t stream_id;
	uint32_t device_id;
	struct iommu_iort_node unit; /* an SMMUv3, or an SMMUv1 or SMMUv2 */
	struct iommu_iort_node its;  /* an ITS group */
};

/*
 * iommu_iort_find - where requests and messages of a PCI function go.
 *
 * @rid:   bus << 8 | device << 3 | function, of the requests.
 * @route: receives it.
 *
 * Returns 0; IOMMU_ENOENT: no root complex of the segment maps the function, so that no SMMU that
 * the table knows is in front of it; or IOMMU_EINVAL: its map leads nowhere, so that nothing is
 * known. The first root complex and the first map that have it count, but see IOMMU_IORT_MAP_COUNT.
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_iort_find(const struct iommu_iort *iort, uint16_t segment, uint16_t rid,
			      struct iommu_iort_route *route);

/*
 * iommu_iort_follow - where requests and messages of an id go, of any node that has maps, such as a
 * named component: like iommu_iort_find. With a single map any id is mapped, by the first of them.
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_iort_follow(const struct iommu_iort *iort, const struct iommu_iort_node *node,
				uint32_t id, struct iommu_iort_route *route);

/*
 * iommu_iort_follow_map - where requests and messages of an id of one map go, first to last: like
 * iommu_iort_find. A device with several stream ids has a single map for each. Context: any; takes
 * no lock.
 */
IOMMU_API int iommu_iort_follow_map(const struct iommu_iort *iort, const struct iommu_iort_map *map,
				    uint32_t id, struct iommu_iort_route *route);

/*
 * iommu_iort_own_messages - the device id of the messages that a unit, or counters, send
 * themselves.
 *
 * @its: receives the ITS group. @device_id: receives the id.
 *
 * Returns 0, or IOMMU_ENOENT: the table has no map for them. Context: any; takes no lock.
 */
IOMMU_API int iommu_iort_own_messages(const struct iommu_iort *iort,
				      const struct iommu_iort_node *node,
				      struct iommu_iort_node *its, uint32_t *device_id);

/* Ids of a node that reach a unit. */
struct iommu_iort_reach {
	struct iommu_iort_node source; /* a root complex or a named component */
	uint32_t first, last;          /* its ids; both inclusive; a single map: any id */
	uint32_t stream_id;            /* of the first; the others follow */
	bool is_single;
	uint32_t position, at; /* private to the iterator */
	bool is_begun, is_over;
};

/*
 * iommu_iort_next_reach - the next ids of which requests reach a unit, by devices in table order:
 * exactly those for which iommu_iort_follow finds the unit, and each single map. Used like
 * iommu_iort_next.
 *
 * @unit: offset of its node.
 *
 * Context: any; takes no lock.
 */
IOMMU_API bool iommu_iort_next_reach(const struct iommu_iort *iort, uint32_t unit,
				     struct iommu_iort_reach *reach);

/* A reserved range of a stream. */
struct iommu_iort_reservation {
	struct iommu_iort_node node; /* of the reserved memory, with what is said of its ranges */
	struct iommu_iort_range range;
	bool is_begun; /* private to the iterator */
};

/*
 * iommu_iort_next_reservation - the next reserved range of a stream id at a unit: one that must be
 * mapped to itself when the unit is turned on, because DMA may be under way. Used like
 * iommu_iort_next.
 *
 * @unit: offset of its node.
 *
 * Context: any; takes no lock.
 */
IOMMU_API bool iommu_iort_next_reservation(const struct iommu_iort *iort, uint32_t unit,
					   uint32_t stream_id,
					   struct iommu_iort_reservation *reservation);

IOMMU_END_DECLS
#endif
