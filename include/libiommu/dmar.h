/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsing an ACPI DMAR table: the remapping units of a machine, and the devices behind them.
 *
 * The bytes come from firmware or from a guest and are not trusted: nothing is read outside them,
 * nothing is read unaligned, nothing is allocated, and every iteration ends. The bytes must not
 * change while they are parsed. Pure functions: no locks, any context.
 *
 * Tables of real machines often have minor defects. A defect that makes the table unusable is
 * refused by iommu_dmar_open; others are tolerated as described at enum iommu_dmar_defect, and
 * recorded in `defects`. (VT-d specification, "BIOS Considerations"; the layouts:
 * <libiommu/hw/acpi_dmar.h>.)
 */
#ifndef LIBIOMMU_DMAR_H
#define LIBIOMMU_DMAR_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* Flags of the table. */
enum dmar_flag {
	DMAR_FLAG_INTR_REMAP = 1 << 0,      /* the platform supports interrupt remapping */
	DMAR_FLAG_X2APIC_OPT_OUT = 1 << 1,  /* firmware asks not to enable x2APIC mode */
	DMAR_FLAG_PLATFORM_OPT_IN = 1 << 2, /* no DMA happened outside reserved regions */
};

/* Types of structures. */
enum dmar_structure_type {
	DMAR_DRHD = 0, /* DMA remapping hardware unit */
	DMAR_RMRR = 1, /* reserved memory region */
	DMAR_ATSR = 2, /* root ports that support ATS */
	DMAR_RHSA = 3, /* NUMA affinity of a unit */
	DMAR_ANDD = 4, /* name of a device in the ACPI name space */
	DMAR_SATC = 5, /* integrated endpoints with an address translation cache */
	DMAR_SIDP = 6, /* properties of integrated devices */
};

/* Types of device scopes. */
enum dmar_scope_type {
	DMAR_SCOPE_ENDPOINT = 1,  /* one PCI function */
	DMAR_SCOPE_BRIDGE = 2,    /* a bridge and all below it */
	DMAR_SCOPE_IOAPIC = 3,    /* id = the MADT's I/O APIC id */
	DMAR_SCOPE_HPET = 4,      /* id = HPET number */
	DMAR_SCOPE_NAMESPACE = 5, /* id = device number of an ANDD */
};

/* Larger tables are refused: those of real machines are below 2 KiB. */
#define IOMMU_DMAR_MAX_SIZE 65536U

/* Defects, and how they are handled. */
enum iommu_dmar_defect {
	/* A structure of length 0 to 3: it and all that follow are ignored. */
	IOMMU_DMAR_STRUCTURE_LENGTH = 1 << 0,
	/* A structure shorter than its fixed part: skipped. */
	IOMMU_DMAR_STRUCTURE_SHORT = 1 << 1,
	/*
	 * A device scope of length 0 to 5, or one that extends beyond its structure: it and the
	 * scopes that follow in that structure are ignored.
	 */
	IOMMU_DMAR_SCOPE_LENGTH = 1 << 2,
	/* A device scope without a path, or with half a hop: skipped. */
	IOMMU_DMAR_SCOPE_PATH = 1 << 3,
	/* A device scope of unknown type: skipped. */
	IOMMU_DMAR_SCOPE_TYPE = 1 << 4,
	/*
	 * A unit at address 0 or ~0, or not page-aligned: returned with `usable` false. A host that
	 * enables units must fail then: the unit's devices would be treated as another unit's.
	 */
	IOMMU_DMAR_UNIT_WITHOUT_BASE = 1 << 5,
	/*
	 * A unit that is identical to an earlier one, byte for byte: skipped. One with only the
	 * same base is returned: both cannot be enabled, see iommu_vtd_probe.
	 */
	IOMMU_DMAR_UNIT_TWICE = 1 << 6,
	/* A second INCLUDE_PCI_ALL unit in a segment: returned without that flag. */
	IOMMU_DMAR_TWO_INCLUDE_ALL = 1 << 7,
	/* A reserved region that is not page-aligned: rounded outwards. */
	IOMMU_DMAR_REGION_UNALIGNED = 1 << 8,
	/* A reserved region that ends before it begins: skipped. */
	IOMMU_DMAR_REGION_EMPTY = 1 << 9,
	/* A device name without its NUL: skipped. */
	IOMMU_DMAR_NAME_UNTERMINATED = 1 << 10,
	/* An affinity record for a unit that does not exist: skipped. */
	IOMMU_DMAR_AFFINITY_UNMATCHED = 1 << 11,
	/* A structure of a type unknown to this library: skipped. (Not a defect of firmware.) */
	IOMMU_DMAR_STRUCTURE_UNKNOWN = 1 << 12,
	/* The checksum is wrong, which does not tell what is wrong: the table is used. */
	IOMMU_DMAR_CHECKSUM = 1 << 13,
};

/* A parsed table. Read-only. */
struct iommu_dmar {
	const uint8_t *bytes;
	uint32_t length;
	/* Width of physical addresses, in bits: 12 to 256. */
	unsigned int address_width;
	/* enum dmar_flag */
	unsigned int flags;
	/* enum iommu_dmar_defect of the whole table */
	unsigned int defects;
	/* After iommu_dmar_open failed: the reason, in words; otherwise "". A static string. */
	const char *refusal;
};

/* Contents of the structures of each type. */
struct iommu_dmar_drhd {
	iommu_paddr_t base; /* of the registers; page-aligned */
	uint64_t size;      /* size of the registers according to firmware, in bytes; >= 4K */
	bool include_all;   /* all devices of the segment that no other unit names */
	bool usable;        /* base is a possible address of registers */
};
struct iommu_dmar_rmrr {
	iommu_paddr_t start; /* page-aligned */
	iommu_paddr_t last;  /* inclusive; the last byte of a page */
};
struct iommu_dmar_atsr {
	bool all_ports;
};
struct iommu_dmar_rhsa {
	iommu_paddr_t unit_base;
	uint32_t proximity_domain;
};
struct iommu_dmar_andd {
	unsigned int number;
	const char *name; /* NUL-terminated ACPI path, inside the table */
};
struct iommu_dmar_satc {
	bool atc_required;
};

/* One structure. `type` selects the member of the union. */
struct iommu_dmar_record {
	enum dmar_structure_type type;
	/* PCI segment; 0 for RHSA and ANDD, which have none. */
	uint16_t segment;
	union {
		struct iommu_dmar_drhd drhd;
		struct iommu_dmar_rmrr rmrr;
		struct iommu_dmar_atsr atsr;
		struct iommu_dmar_rhsa rhsa;
		struct iommu_dmar_andd andd;
		struct iommu_dmar_satc satc;
	};
	/* Private to the iterators. */
	uint32_t offset;
	uint32_t length;
	uint32_t scopes;
};

/* One device scope of a record. */
struct iommu_dmar_scope {
	enum dmar_scope_type type;
	unsigned int id;        /* of an I/O APIC, HPET or name-space device; 0 for PCI */
	unsigned int start_bus; /* bus on which the path starts */
	unsigned int hops;      /* 1 or more: bridges on the way, then the device */
	const uint8_t *path;    /* `hops` pairs of device and function */
	/* The raw flags byte (SATC and SIDP): see DMAR_SCOPE_ATC_REQUIRED. */
	unsigned int flags;
	/* Private to the iterator. */
	uint32_t offset;
};

/*
 * iommu_dmar_open - check a DMAR table and prepare its iteration.
 *
 * @bytes, @size: the table from firmware; @size may exceed the table. Not copied.
 *
 * Returns 0 (dmar->defects lists what was tolerated), or IOMMU_EINVAL: shorter than its header or
 * than its own length field, larger than IOMMU_DMAR_MAX_SIZE, wrong signature, an impossible
 * address width, or a structure that extends beyond the end. A table without units is not an error
 * here. After an error *dmar is empty, and dmar->refusal is the reason in words. Context: any;
 * takes no lock.
 */
IOMMU_API int iommu_dmar_open(struct iommu_dmar *dmar, const void *bytes, size_t size);

/*
 * iommu_dmar_next - the next structure, in table order.
 *
 * @record: zero-initialised before the first call, then unchanged from the last call.
 *
 * Returns false at the end. Structures are skipped as described at enum iommu_dmar_defect. Context:
 * any; takes no lock.
 */
IOMMU_API bool iommu_dmar_next(const struct iommu_dmar *dmar, struct iommu_dmar_record *record);

/*
 * iommu_dmar_next_scope - the next device scope of a record; used like iommu_dmar_next. Context:
 * any; takes no lock.
 */
IOMMU_API bool iommu_dmar_next_scope(const struct iommu_dmar *dmar,
				     const struct iommu_dmar_record *record,
				     struct iommu_dmar_scope *scope);

/* struct iommu_dmar_record r = {0}; iommu_dmar_for_each(&dmar, &r) { … } */
#define iommu_dmar_for_each(dmar, record) while (iommu_dmar_next(dmar, record))
#define iommu_dmar_for_each_scope(dmar, record, scope)                                             \
	while (iommu_dmar_next_scope(dmar, record, scope))

/*
 * iommu_dmar_hop_device - the device number of one hop of a path. iommu_dmar_hop_function - its
 * function number. hop < scope->hops. Context: any; takes no lock.
 */
static inline unsigned int iommu_dmar_hop_device(const struct iommu_dmar_scope *scope,
						 unsigned int hop)
{
	return scope->path[2 * hop];
}

static inline unsigned int iommu_dmar_hop_function(const struct iommu_dmar_scope *scope,
						   unsigned int hop)
{
	return scope->path[2 * hop + 1];
}

IOMMU_END_DECLS
#endif
