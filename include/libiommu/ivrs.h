/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parsing an ACPI IVRS table: the AMD IOMMUs of a machine, which devices are behind which of them
 * and by which ids they make requests, I/O APICs and HPETs, and memory that firmware's devices use.
 * The rest of the library does not use it.
 *
 * The bytes come from firmware or from a guest and are not trusted: nothing is read outside them,
 * nothing is read unaligned, nothing is allocated, and every iteration ends. The bytes must not
 * change while they are parsed. Pure functions: no locks, any context.
 *
 * Tables of real machines often have defects. None but those of the header makes a table unusable;
 * what is tolerated, and how, stands at enum iommu_ivrs_defect. (AMD I/O Virtualization Technology
 * Specification, 48882, "I/O Virtualization ACPI Table"; the layouts: <libiommu/hw/acpi_ivrs.h>.)
 *
 *	struct iommu_ivrs_block block = {0};
 *	struct iommu_ivrs_route route;
 *
 *	if (iommu_ivrs_open(&ivrs, bytes, size) == 0)
 *		while (iommu_ivrs_next_unit(&ivrs, &block))
 *			if (block.unit.usable)
 *				…
 *	if (iommu_ivrs_find(&ivrs, segment, devid, &route) == 0)
 *		… route.unit.unit.base, route.alias …
 *
 * A device id (devid) is bus << 8 | device << 3 | function.
 */
#ifndef LIBIOMMU_IVRS_H
#define LIBIOMMU_IVRS_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* Larger tables are refused: those of real machines are below 1 KiB. */
#define IOMMU_IVRS_MAX_SIZE 65536U
/* Blocks behind so many are ignored. */
#define IOMMU_IVRS_MAX_BLOCKS 512U

/* Defects, and how they are handled. */
enum iommu_ivrs_defect {
	/* A block of length 0 to 3, or beyond the table: it and all that follow are ignored. */
	IOMMU_IVRS_BLOCK_LENGTH = 1 << 0,
	/* A block shorter than its fixed part: skipped. */
	IOMMU_IVRS_BLOCK_SHORT = 1 << 1,
	/* A block of a type unknown to this library: skipped. (Not a defect of firmware.) */
	IOMMU_IVRS_BLOCK_UNKNOWN = 1 << 2,
	/* More than IOMMU_IVRS_MAX_BLOCKS. */
	IOMMU_IVRS_BLOCK_COUNT = 1 << 3,
	/* An entry that ends behind its block: it is ignored. */
	IOMMU_IVRS_ENTRY_LENGTH = 1 << 4,
	/*
	 * An entry of an unknown type: skipped; one of 80h and above, whose length is not known: it
	 * and all that follow in its block are ignored. (Not a defect of firmware.)
	 */
	IOMMU_IVRS_ENTRY_UNKNOWN = 1 << 5,
	/* A range without its end, an end without its range, or one before its start: skipped. */
	IOMMU_IVRS_RANGE_ENDS = 1 << 6,
	/* Ranges of two units have devices in common: the one with fewer devices counts. */
	IOMMU_IVRS_RANGE_OVERLAP = 1 << 7,
	/*
	 * A unit at address 0, or not aligned to 16 KiB, or whose registers end beyond all
	 * addresses: returned with `usable` false.
	 */
	IOMMU_IVRS_UNIT_WITHOUT_BASE = 1 << 8,
	/* Two blocks of one type for a unit: the first counts. */
	IOMMU_IVRS_UNIT_TWICE = 1 << 9,
	/* Two units at one address: both are returned, one of them may be driven. */
	IOMMU_IVRS_UNIT_SAME_BASE = 1 << 10,
	/* A unit that has no block of the highest type of the table: its own highest counts. */
	IOMMU_IVRS_UNIT_INCOMPLETE = 1 << 11,
	/* Blocks of one unit do not have the same EFR or EFR2: those of the one that counts do. */
	IOMMU_IVRS_UNIT_IMAGES = 1 << 12,
	/* A special device that is neither an I/O APIC nor an HPET: skipped. */
	IOMMU_IVRS_SPECIAL_UNKNOWN = 1 << 13,
	/* Two I/O APICs, or HPETs, with one id: the first counts. */
	IOMMU_IVRS_SPECIAL_TWICE = 1 << 14,
	/* A named device in a block of type 10h or 11h, or one without a name: skipped. */
	IOMMU_IVRS_NAME = 1 << 15,
	/* A unique id of an unknown format, or an integer of more than 8 bytes: shown as none. */
	IOMMU_IVRS_NAME_UID = 1 << 16,
	/* Memory of no bytes, or that ends beyond all addresses: skipped. */
	IOMMU_IVRS_MEMORY_EMPTY = 1 << 17,
	/* Memory that is not made of pages of 4 KiB: rounded outwards. */
	IOMMU_IVRS_MEMORY_UNALIGNED = 1 << 18,
	/* Memory that begins with the first page, which hardly can be meant: `suspicious`. */
	IOMMU_IVRS_MEMORY_SUSPICIOUS = 1 << 19,
	/* Memory of a range of devices that ends before it begins: skipped. */
	IOMMU_IVRS_MEMORY_RANGE = 1 << 20,
	/* Memory of a unit that is not there: skipped. */
	IOMMU_IVRS_MEMORY_UNIT = 1 << 21,
	/* The checksum is wrong, which does not tell what is wrong: the table is used. */
	IOMMU_IVRS_CHECKSUM = 1 << 22,
};

/* A parsed table. Read-only. */
struct iommu_ivrs {
	const uint8_t *bytes;
	uint32_t length;
	unsigned int revision; /* says little: QEMU has 1 */
	bool has_features;     /* units have the register EFR, and its images here are valid */
	bool was_remapping;    /* firmware had DMA remapped: units may be enabled */
	bool ht_ats;           /* addresses that HyperTransport reserves are never answered (ATS) */
	unsigned int physical_bits, virtual_bits; /* of addresses; 0: not known */
	/* The highest type of the blocks of units; 0: there is no unit. */
	unsigned int type;
	/* enum iommu_ivrs_defect of the whole table */
	unsigned int defects;
	/* After iommu_ivrs_open failed: the reason, in words; otherwise "". A static string. */
	const char *refusal;
};

/* --- Blocks ----------------------------------------------------------------------------------- */

enum iommu_ivrs_kind {
	IOMMU_IVRS_UNIT = 1,   /* IVHD: one of the blocks that describe a unit */
	IOMMU_IVRS_MEMORY = 2, /* IVMD */
};

struct iommu_ivrs_unit {
	uint16_t devid;       /* of the unit itself, whose requests it does not translate */
	uint16_t capability;  /* its offset in configuration space */
	iommu_paddr_t base;   /* of the registers */
	uint32_t size;        /* of the registers, in bytes: 16 KiB, or with counters 512 KiB */
	bool usable;          /* base is a possible address of registers */
	bool counts;          /* of the blocks of the unit this is the one to be used */
	uint8_t flags;        /* IVRS_IVHD_FLAG_… */
	uint16_t info;        /* see ivrs_info_msi and ivrs_info_unit_id */
	uint32_t features;    /* of type 10h features, of others attributes, as they stand */
	bool host_tables_off; /* firmware asks not to use host tables (HATDis) */
	/* Images of EFR and EFR2, of types 11h and 40h, if the table has any. */
	bool has_features;
	uint64_t efr, efr2;
};

/* Memory that must stay mapped to itself for some devices, in every domain that they have. */
struct iommu_ivrs_memory {
	uint8_t type;   /* enum ivrs_block_type: of all devices, one, a range, those of a unit */
	uint16_t first; /* device id; of a unit that of the unit itself */
	uint16_t last;  /* inclusive; of a unit the offset of its capability */
	uint16_t segment;
	iommu_paddr_t start; /* aligned to 4 KiB */
	iommu_paddr_t end;   /* inclusive; the last byte of 4 KiB */
	bool read, write;    /* of an exclusion range both */
	bool is_exclusion;   /* firmware meant it not to be translated at all */
	bool suspicious;     /* see IOMMU_IVRS_MEMORY_SUSPICIOUS: whether to map it is the host's */
	uint8_t flags;       /* as they stand */
};

/* One block. `kind` selects the member of the union. */
struct iommu_ivrs_block {
	enum iommu_ivrs_kind kind;
	uint8_t type;     /* enum ivrs_block_type */
	uint16_t segment; /* PCI segment */
	union {
		struct iommu_ivrs_unit unit;
		struct iommu_ivrs_memory memory;
	};
	/* Private to the iterators. */
	uint32_t offset, length, entries, number;
};

/*
 * iommu_ivrs_open - check an IVRS table and prepare its iteration.
 *
 * @bytes, @size: the table from firmware; @size may exceed the table. Not copied.
 *
 * Returns 0 (ivrs->defects lists what was tolerated), or IOMMU_EINVAL: shorter than its header or
 * than its own length field, larger than IOMMU_IVRS_MAX_SIZE, or a wrong signature. A table without
 * units is not an error here. After an error *ivrs is empty, and ivrs->refusal is the reason in
 * words. Context: any; takes no lock.
 */
IOMMU_API int iommu_ivrs_open(struct iommu_ivrs *ivrs, const void *bytes, size_t size);

/*
 * iommu_ivrs_next - the next block of an IVRS table, in table order; of a unit each of its blocks.
 * @block: zero-initialised before the first call, then unchanged from the last call. Returns false
 * at the end. Context: any; takes no lock.
 */
IOMMU_API bool iommu_ivrs_next(const struct iommu_ivrs *ivrs, struct iommu_ivrs_block *block);

/*
 * iommu_ivrs_next_unit - the next unit, each once, by the block that counts: of the highest type
 * that it has (10h, 11h, 40h). Used like iommu_ivrs_next. Context: any; takes no lock.
 */
IOMMU_API bool iommu_ivrs_next_unit(const struct iommu_ivrs *ivrs, struct iommu_ivrs_block *block);

/* --- Devices of a unit ------------------------------------------------------------------------ */

enum iommu_ivrs_device_kind {
	IOMMU_IVRS_DEVICE_ALL = 1,    /* all devices of the segment: 0 to ffff */
	IOMMU_IVRS_DEVICE_RANGE = 2,  /* some of them; often one */
	IOMMU_IVRS_DEVICE_IOAPIC = 3, /* with the id of the MADT */
	IOMMU_IVRS_DEVICE_HPET = 4,   /* with its number */
	IOMMU_IVRS_DEVICE_NAMED = 5,  /* a device of the ACPI name space */
};

enum iommu_ivrs_uid {
	IOMMU_IVRS_UID_NONE = 0,
	IOMMU_IVRS_UID_INTEGER = 1,
	IOMMU_IVRS_UID_TEXT = 2,
};

/* One entry, a range with its end. */
struct iommu_ivrs_device {
	enum iommu_ivrs_device_kind kind;
	uint16_t first, last; /* both inclusive; of all but ranges the same */
	uint8_t setting;      /* IVRS_SETTING_…: see amdvi_dte_set_firmware */
	bool has_alias;
	uint16_t alias; /* requests of each of the devices arrive with this id */
	bool no_ats;    /* translations must not be handed to these devices */
	uint8_t handle; /* of an I/O APIC or HPET */
	/* Of a named device: what ACPI calls it. Names that are shorter are padded with NULs. */
	char hid[9], cid[9];
	enum iommu_ivrs_uid uid_format;
	uint64_t uid;         /* an integer */
	const char *uid_text; /* inside the table, not terminated, */
	uint8_t uid_length;   /* of so many bytes */
	uint32_t position;    /* private to the iterator */
};

/*
 * iommu_ivrs_next_device - the next device, or range of devices, of a unit's block; used like
 * iommu_ivrs_next. The unit's own id may be among them. Context: any; takes no lock.
 */
IOMMU_API bool iommu_ivrs_next_device(const struct iommu_ivrs *ivrs,
				      const struct iommu_ivrs_block *block,
				      struct iommu_ivrs_device *device);

/* --- Ways ------------------------------------------------------------------------------------- */

/* What the table says of a device. */
struct iommu_ivrs_route {
	struct iommu_ivrs_block unit;
	uint16_t alias;  /* the id that its requests have; often its own */
	uint8_t setting; /* IVRS_SETTING_… */
	bool no_ats;
	bool contested; /* another unit has a range with it, too: see IOMMU_IVRS_RANGE_OVERLAP */
};

/*
 * iommu_ivrs_find - the unit of a PCI function.
 *
 * @route: receives it.
 *
 * Of several entries that have the device the one with the fewest devices counts, of these the
 * last. Returns 0, or IOMMU_ENOENT: no unit translates its requests, as those of most host bridges
 * and of units themselves. Context: any; takes no lock.
 */
IOMMU_API int iommu_ivrs_find(const struct iommu_ivrs *ivrs, uint16_t segment, uint16_t devid,
			      struct iommu_ivrs_route *route);

/*
 * iommu_ivrs_find_special - an I/O APIC or an HPET, by the id of the MADT or its number.
 *
 * @unit: receives the block of the unit that remaps its interrupts. @device: receives the entry:
 * device->first is the id that its interrupts have.
 *
 * The first of several counts. Returns 0, or IOMMU_ENOENT: its interrupts cannot be remapped, so
 * that those of an I/O APIC of the MADT forbid to remap any. Context: any; takes no lock.
 */
IOMMU_API int iommu_ivrs_find_special(const struct iommu_ivrs *ivrs,
				      enum iommu_ivrs_device_kind kind, uint8_t handle,
				      struct iommu_ivrs_block *unit,
				      struct iommu_ivrs_device *device);

/*
 * iommu_ivrs_next_memory - the next memory that must stay mapped for a device: what is said of its
 * own id, and of the one that its requests have. Used like iommu_ivrs_next. Context: any; takes no
 * lock.
 */
IOMMU_API bool iommu_ivrs_next_memory(const struct iommu_ivrs *ivrs, uint16_t segment,
				      uint16_t devid, struct iommu_ivrs_block *block);

IOMMU_END_DECLS
#endif
