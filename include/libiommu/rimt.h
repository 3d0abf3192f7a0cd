/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsing an ACPI RIMT table: the RISC-V IOMMUs of a machine, and which device has which id at
 * which of them. The rest of the library does not use it: a host probes units with what it reads
 * here.
 *
 * The bytes come from firmware or from a guest and are not trusted: nothing is read outside them,
 * nothing is read unaligned, nothing is allocated, and every iteration ends. The bytes must not
 * change while they are parsed. Pure functions: no locks, any context. (RISC-V IO Mapping Table
 * specification; the layouts: <libiommu/hw/acpi_rimt.h>.)
 *
 *	struct iommu_rimt_node node = {0};
 *
 *	if (iommu_rimt_open(&rimt, bytes, size) == 0)
 *		while (iommu_rimt_next(&rimt, &node))
 *			if (node.type == IOMMU_RIMT_UNIT && node.unit.usable)
 *				…
 */
#ifndef LIBIOMMU_RIMT_H
#define LIBIOMMU_RIMT_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* Larger tables are refused. */
#define IOMMU_RIMT_MAX_SIZE 65536U

enum iommu_rimt_type {
	IOMMU_RIMT_UNIT = 0,         /* an IOMMU */
	IOMMU_RIMT_ROOT_COMPLEX = 1, /* the PCI devices of a segment */
	IOMMU_RIMT_PLATFORM = 2,     /* another device, by its ACPI path */
};

/* Defects, and how they are handled. */
enum iommu_rimt_defect {
	/* A node shorter than its header, or beyond the table: all from there on is ignored. */
	IOMMU_RIMT_NODE_LENGTH = 1 << 0,
	/* A node shorter than its fixed part: skipped. */
	IOMMU_RIMT_NODE_SHORT = 1 << 1,
	/* A node of a type unknown to this library: skipped. (Not a defect of firmware.) */
	IOMMU_RIMT_NODE_UNKNOWN = 1 << 2,
	/* Fewer nodes, or more bytes, than the header says. */
	IOMMU_RIMT_NODE_COUNT = 1 << 3,
	/* Wires or maps that lie partly outside their node: those inside are used. */
	IOMMU_RIMT_ARRAY_LENGTH = 1 << 4,
	/* A map to what is no unit: skipped. */
	IOMMU_RIMT_MAP_UNIT = 1 << 5,
	/* A map of no ids, or of ids that are too wide: skipped. */
	IOMMU_RIMT_MAP_RANGE = 1 << 6,
	/* A platform unit at address 0, or not page-aligned: returned with `usable` false. */
	IOMMU_RIMT_UNIT_WITHOUT_BASE = 1 << 7,
	/* A device path without its NUL: the device is skipped. */
	IOMMU_RIMT_NAME_UNTERMINATED = 1 << 8,
	/* The checksum is wrong, which does not tell what is wrong: the table is used. */
	IOMMU_RIMT_CHECKSUM = 1 << 9,
};

/* A parsed table. Read-only. */
struct iommu_rimt {
	const uint8_t *bytes;
	uint32_t length;
	uint32_t first, count; /* of the nodes: offset, and how many the header says */
	/* enum iommu_rimt_defect of the whole table */
	unsigned int defects;
	/* After iommu_rimt_open failed: the reason, in words; otherwise "". A static string. */
	const char *refusal;
};

struct iommu_rimt_unit {
	char hardware_id[9]; /* with a NUL */
	bool is_pci;
	bool usable;        /* of PCI, or base is a possible address of registers */
	iommu_paddr_t base; /* of a platform unit's registers */
	uint16_t segment;   /* of a PCI unit, with its function: */
	uint16_t function;  /* bus << 8 | device << 3 | function */
	bool has_proximity;
	uint32_t proximity_domain;
};
struct iommu_rimt_root_complex {
	uint16_t segment;
	bool ats, page_requests; /* supported there */
};
struct iommu_rimt_platform {
	const char *name; /* NUL-terminated ACPI path, inside the table */
};

/* One node. `type` selects the member of the union. */
struct iommu_rimt_node {
	enum iommu_rimt_type type;
	uint16_t id;
	union {
		struct iommu_rimt_unit unit;
		struct iommu_rimt_root_complex root_complex;
		struct iommu_rimt_platform platform;
	};
	/* Where it is in the table: what iommu_rimt_map.unit names. */
	uint32_t offset;
	/* Private to the iterators: its length, its position, and where its array is. */
	uint32_t length, position;
	uint32_t array, array_count;
};

/* An interrupt of a unit. */
struct iommu_rimt_wire {
	uint32_t number; /* a global system interrupt */
	bool level;      /* otherwise edges */
	bool active_high;
	uint32_t position; /* private to the iterator */
};

/* Ids of a root complex (bus, device, function) or of a platform device, and what they become. */
struct iommu_rimt_map {
	uint32_t source;    /* the first of them */
	uint32_t count;     /* 1 or more */
	uint32_t device_id; /* of the first; all have at most 24 bits */
	uint32_t unit;      /* offset of the unit's node */
	uint32_t position;  /* private to the iterator */
};

/*
 * iommu_rimt_open - check a RIMT table and prepare its iteration.
 *
 * @bytes, @size: the table from firmware; @size may exceed the table. Not copied.
 *
 * Returns 0 (rimt->defects lists what was tolerated), or IOMMU_EINVAL: shorter than its header or
 * than its own length field, larger than IOMMU_RIMT_MAX_SIZE, a wrong signature, or nodes that
 * begin outside. After an error *rimt is empty, and rimt->refusal is the reason in words. Context:
 * any; takes no lock.
 */
IOMMU_API int iommu_rimt_open(struct iommu_rimt *rimt, const void *bytes, size_t size);

/*
 * iommu_rimt_next - the next node of a RIMT table, in table order. @node: zero-initialised before
 * the first call, then unchanged from the last call. Returns false at the end. Context: any; takes
 * no lock.
 */
IOMMU_API bool iommu_rimt_next(const struct iommu_rimt *rimt, struct iommu_rimt_node *node);

/*
 * iommu_rimt_next_wire - the next wire of a unit; used like iommu_rimt_next. Context: any; takes no
 * lock.
 */
IOMMU_API bool iommu_rimt_next_wire(const struct iommu_rimt *rimt,
				    const struct iommu_rimt_node *node,
				    struct iommu_rimt_wire *wire);

/*
 * iommu_rimt_next_map - the next map of a root complex or device; used like iommu_rimt_next.
 * Context: any; takes no lock.
 */
IOMMU_API bool iommu_rimt_next_map(const struct iommu_rimt *rimt,
				   const struct iommu_rimt_node *node, struct iommu_rimt_map *map);

/*
 * iommu_rimt_find - the unit that serves a PCI function, and its id there.
 *
 * @rid:       bus << 8 | device << 3 | function, of the requests.
 * @unit:      receives the unit's node.
 * @device_id: receives the id.
 *
 * Returns 0, or IOMMU_ENOENT: no root complex of the segment maps the function. The first map that
 * has it counts. A unit's own function is in no map. Context: any; takes no lock.
 */
IOMMU_API int iommu_rimt_find(const struct iommu_rimt *rimt, uint16_t segment, uint16_t rid,
			      struct iommu_rimt_node *unit, uint32_t *device_id);

IOMMU_END_DECLS
#endif
