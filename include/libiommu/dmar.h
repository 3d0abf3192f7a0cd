/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading an ACPI DMAR table: which remapping units a machine has, and who is behind them.
 *
 * The bytes come from firmware or from a guest and are not trusted: nothing is read outside them,
 * nothing is read unaligned, nothing is allocated, and every iteration ends. The bytes must stay
 * unchanged while they are iterated. Pure functions: no locks, any context.
 *
 * Firmware is often a little wrong. What makes the table unusable is refused by iommu_dmar_open;
 * the rest is tolerated as listed at enum iommu_dmar_defect, and recorded in `defects`. (VT-d
 * specification, "BIOS Considerations"; the layouts: <libiommu/hw/acpi_dmar.h>.)
 */
#ifndef LIBIOMMU_DMAR_H
#define LIBIOMMU_DMAR_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* Flags of the table. */
enum dmar_flag {
	DMAR_FLAG_INTR_REMAP = 1 << 0,      /* the platform supports interrupt remapping */
	DMAR_FLAG_X2APIC_OPT_OUT = 1 << 1,  /* firmware asks not to enable x2APIC mode */
	DMAR_FLAG_PLATFORM_OPT_IN = 1 << 2, /* no DMA happened outside reserved regions */
};

/* Its structures. */
enum dmar_structure_type {
	DMAR_DRHD = 0, /* DMA remapping hardware unit */
	DMAR_RMRR = 1, /* reserved memory region */
	DMAR_ATSR = 2, /* root ports that support ATS */
	DMAR_RHSA = 3, /* NUMA affinity of a unit */
	DMAR_ANDD = 4, /* name of a device in the ACPI name space */
	DMAR_SATC = 5, /* integrated endpoints with an address translation cache */
	DMAR_SIDP = 6, /* properties of integrated devices */
};

/* What a device scope names. */
enum dmar_scope_type {
	DMAR_SCOPE_ENDPOINT = 1,  /* one PCI function */
	DMAR_SCOPE_BRIDGE = 2,    /* a bridge and all below it */
	DMAR_SCOPE_IOAPIC = 3,    /* id = the MADT's I/O APIC id */
	DMAR_SCOPE_HPET = 4,      /* id = HPET number */
	DMAR_SCOPE_NAMESPACE = 5, /* id = device number of an ANDD */
};

/* Larger tables are refused: the largest of real machines are below 2 KiB. */
#define IOMMU_DMAR_MAX_SIZE 65536U

/* What was found wrong, and what is done about it. */
enum iommu_dmar_defect {
	/* A structure of length 0 to 3: it and all behind it are not seen. */
	IOMMU_DMAR_STRUCTURE_LENGTH = 1 << 0,
	/* A structure shorter than its fixed part: skipped. */
	IOMMU_DMAR_STRUCTURE_SHORT = 1 << 1,
	/* A device scope of length 0 to 5, or one that runs past its structure: it and the scopes
	 * behind it in that structure are not seen. */
	IOMMU_DMAR_SCOPE_LENGTH = 1 << 2,
	/* A device scope without a path, or with half a hop: skipped. */
	IOMMU_DMAR_SCOPE_PATH = 1 << 3,
	/* A device scope of unknown type: skipped. */
	IOMMU_DMAR_SCOPE_TYPE = 1 << 4,
	/* A unit at address 0 or ~0, or not page-aligned: shown with `usable` false. A host
	 * that enables units must fail closed: its devices would otherwise pass for another unit's.
	 */
	IOMMU_DMAR_UNIT_WITHOUT_BASE = 1 << 5,
	/*
	 * A second unit that is, byte for byte, an earlier one: skipped. One that has only its
	 * base, and other devices, is shown: both cannot be enabled, see iommu_vtd_probe.
	 */
	IOMMU_DMAR_UNIT_TWICE = 1 << 6,
	/* A second INCLUDE_PCI_ALL unit in a segment: shown without that flag. */
	IOMMU_DMAR_TWO_INCLUDE_ALL = 1 << 7,
	/* A reserved region that is not page-aligned: rounded outwards. */
	IOMMU_DMAR_REGION_UNALIGNED = 1 << 8,
	/* A reserved region that ends before it begins: skipped. */
	IOMMU_DMAR_REGION_EMPTY = 1 << 9,
	/* A device name without its NUL: skipped. */
	IOMMU_DMAR_NAME_UNTERMINATED = 1 << 10,
	/* An affinity record for a unit that does not exist: skipped. */
	IOMMU_DMAR_AFFINITY_UNMATCHED = 1 << 11,
	/* A structure of a type unknown to this library: skipped. (No fault of firmware's.) */
	IOMMU_DMAR_STRUCTURE_UNKNOWN = 1 << 12,
	/*
	 * The bytes do not add up to 0: nothing else says what is wrong, if anything is. Used all
	 * the same.
	 */
	IOMMU_DMAR_CHECKSUM = 1 << 13,
};

/* An opened table. Read-only. */
struct iommu_dmar {
	const uint8_t *bytes;
	uint32_t length;
	/* Width of physical addresses, in bits: 12 to 256. */
	unsigned int address_width;
	/* enum dmar_flag */
	unsigned int flags;
	/* enum iommu_dmar_defect of the whole table */
	unsigned int defects;
	/* After iommu_dmar_open refused it: why, in words; otherwise "". A static string. */
	const char *refusal;
};

/* What the structures of each type say. */
struct iommu_dmar_drhd {
	iommu_paddr_t base; /* of the registers; page-aligned */
	uint64_t size;      /* of the registers as firmware says, in bytes; >= 4K */
	bool include_all;   /* all devices of the segment that no other unit names */
	bool usable;        /* base is an address that registers can have */
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

/* One structure. `type` says which member of the union counts. */
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
	/* Where the structure and its scopes are: for the iterators. */
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
	/* The raw flags byte (SATC and SIDP). */
	unsigned int flags;
	/* For the iterator. */
	uint32_t offset;
};

/*
 * iommu_dmar_open - check a table and get ready to iterate it.
 *
 * @bytes, @size: the table as firmware left it; @size may be larger than the table. Not copied.
 *
 * Returns 0 (look at dmar->defects for what was tolerated), or IOMMU_EINVAL: shorter than its
 * header or than its own length field, larger than IOMMU_DMAR_MAX_SIZE, wrong signature,
 * an address width that makes no sense, or a structure that runs past the end. A table
 * without any unit is not an error here.
 * After an error *dmar is empty, and dmar->refusal says in words why.
 */
IOMMU_API int iommu_dmar_open(struct iommu_dmar *dmar, const void *bytes, size_t size);

/*
 * iommu_dmar_next - the next structure, in table order.
 *
 * @record: zero-initialised before the first call, then as the last call left it.
 *
 * Returns false at the end. Skips what enum iommu_dmar_defect says is skipped.
 */
IOMMU_API bool iommu_dmar_next(const struct iommu_dmar *dmar, struct iommu_dmar_record *record);

/* iommu_dmar_next_scope - the next device scope of a record; used like iommu_dmar_next. */
IOMMU_API bool iommu_dmar_next_scope(const struct iommu_dmar *dmar,
				     const struct iommu_dmar_record *record,
				     struct iommu_dmar_scope *scope);

/* struct iommu_dmar_record r = {0}; iommu_dmar_for_each(&dmar, &r) { … } */
#define iommu_dmar_for_each(dmar, record) while (iommu_dmar_next(dmar, record))
#define iommu_dmar_for_each_scope(dmar, record, scope)                                             \
	while (iommu_dmar_next_scope(dmar, record, scope))

/* Device and function of one hop; hop < scope->hops. */
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
