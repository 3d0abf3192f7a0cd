/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the ACPI IVRS table (I/O Virtualization Reporting Structure; AMD I/O Virtualization
 * Technology Specification, 48882, chapter "I/O Virtualization ACPI Table").
 *
 * Offsets in bytes; all integers little-endian; nothing is aligned. A device id is bus << 8 |
 * device << 3 | function. Blocks follow the header: units (IVHD) with the entries of their devices,
 * and memory (IVMD). (Checked against tables of QEMU 11.1 and of real machines.)
 */
#ifndef LIBIOMMU_HW_ACPI_IVRS_H
#define LIBIOMMU_HW_ACPI_IVRS_H

#include <stdbool.h>
#include <stdint.h>

/* The header of every ACPI table, and what IVRS adds. */
#define IVRS_SIGNATURE   0x53525649U /* "IVRS", as a little-endian u32 at 0 */
#define IVRS_LENGTH      4           /* u32, of the whole table */
#define IVRS_REVISION    8           /* u8: 1 only blocks of type 10h and 11h, 2 all */
#define IVRS_INFO        36          /* u32: IVinfo */
#define IVRS_HEADER_SIZE 48

#define IVRS_INFO_EFR    (1U << 0) /* EFRSup: units have EFR, and their images here are valid */
#define IVRS_INFO_REMAP  (1U << 1) /* firmware had DMA remapped before the system started */
#define IVRS_INFO_HT_ATS (1U << 22)

static inline unsigned int ivrs_info_gva_size(uint32_t info)
{
	return info >> 5 & 7;
}

/* Bits of physical and of virtual addresses. */
static inline unsigned int ivrs_info_pa_size(uint32_t info)
{
	return info >> 8 & 0x7f;
}

static inline unsigned int ivrs_info_va_size(uint32_t info)
{
	return info >> 15 & 0x7f;
}

/* IVinfo, of the widths of physical and virtual addresses. */
static inline uint32_t ivrs_info_sizes(unsigned int pa_size, unsigned int va_size)
{
	return (uint32_t)(pa_size & 0x7f) << 8 | (uint32_t)(va_size & 0x7f) << 15;
}

/* --- Blocks ----------------------------------------------------------------------------------- */

#define IVRS_BLOCK_TYPE   0 /* u8 */
#define IVRS_BLOCK_FLAGS  1 /* u8 */
#define IVRS_BLOCK_LENGTH 2 /* u16, of the whole block */
#define IVRS_BLOCK_HEADER 4

/* Of a unit: one that has several describes it in each; of memory: of which devices. */
enum ivrs_block_type {
	IVRS_IVHD_10 = 0x10,
	IVRS_IVHD_11 = 0x11,
	IVRS_IVHD_40 = 0x40, /* the only one with names of ACPI devices */
	IVRS_IVMD_ALL = 0x20,
	IVRS_IVMD_DEVICE = 0x21,
	IVRS_IVMD_RANGE = 0x22,
	IVRS_IVMD_UNIT = 0x23,
};

/* IVHD. */
#define IVRS_IVHD_DEVID      4  /* u16: of the unit itself */
#define IVRS_IVHD_CAPABILITY 6  /* u16: offset in configuration space */
#define IVRS_IVHD_BASE       8  /* u64: registers */
#define IVRS_IVHD_SEGMENT    16 /* u16 */
#define IVRS_IVHD_INFO       18 /* u16 */
#define IVRS_IVHD_FEATURES   20 /* u32: of 10h features, of 11h and 40h attributes */
#define IVRS_IVHD_10_SIZE    24 /* the entries of devices begin here */
#define IVRS_IVHD_EFR        24 /* u64, of 11h and 40h: images of registers */
#define IVRS_IVHD_EFR2       32 /* u64 */
#define IVRS_IVHD_11_SIZE    40

/* Flags; the last two of 10h alone. */
#define IVRS_IVHD_FLAG_HT_TUN      (1U << 0)
#define IVRS_IVHD_FLAG_PASS_PW     (1U << 1)
#define IVRS_IVHD_FLAG_RES_PASS_PW (1U << 2)
#define IVRS_IVHD_FLAG_ISOC        (1U << 3)
#define IVRS_IVHD_FLAG_IOTLB       (1U << 4)
#define IVRS_IVHD_FLAG_COHERENT    (1U << 5)
#define IVRS_IVHD_FLAG_PREF        (1U << 6)
#define IVRS_IVHD_FLAG_PPR         (1U << 7)

/* Info. */
static inline unsigned int ivrs_info_msi(uint16_t info)
{
	return info & 0x1f;
}

static inline unsigned int ivrs_info_unit_id(uint16_t info)
{
	return info >> 8 & 0x1f;
}

/* Features of 10h: what EFR says in later blocks, in other places. */
#define IVRS_FEATURE_XT     (1U << 0)
#define IVRS_FEATURE_NX     (1U << 1)
#define IVRS_FEATURE_GT     (1U << 2)
#define IVRS_FEATURE_IA     (1U << 5)
#define IVRS_FEATURE_GA     (1U << 6)
#define IVRS_FEATURE_HE     (1U << 7)
#define IVRS_FEATURE_GLX    3  /* 2 bits, as EFR.GLXSup */
#define IVRS_FEATURE_PASMAX 8  /* 5 bits, as EFR.PASMax */
#define IVRS_FEATURE_GATS   28 /* 2 bits, as EFR.GATS */
#define IVRS_FEATURE_HATS   30 /* 2 bits, as EFR.HATS */

/* Attributes of 11h and 40h. */
#define IVRS_ATTRIBUTE_HAT_DIS (1U << 0) /* host tables are not to be used */

/* Of both: performance counters are there when neither is 0. */
static inline unsigned int ivrs_counters(uint32_t features)
{
	return features >> 13 & 0xf;
}

static inline unsigned int ivrs_counter_banks(uint32_t features)
{
	return features >> 17 & 0x3f;
}

/* The message of the log of page requests. */
static inline unsigned int ivrs_msi_ppr(uint32_t features)
{
	return features >> 23 & 0x1f;
}

/* --- Entries of devices ----------------------------------------------------------------------- */

#define IVRS_ENTRY_TYPE    0 /* u8 */
#define IVRS_ENTRY_DEVID   1 /* u16 */
#define IVRS_ENTRY_SETTING 3 /* u8 */

enum ivrs_entry_type {
	IVRS_ENTRY_PAD_4 = 0x00,
	IVRS_ENTRY_ALL = 0x01, /* the device id is ignored */
	IVRS_ENTRY_SELECT = 0x02,
	IVRS_ENTRY_START = 0x03, /* of a range, whose last device the next entry but pads has: */
	IVRS_ENTRY_END = 0x04,
	IVRS_ENTRY_PAD_8 = 0x40,
	IVRS_ENTRY_ALIAS = 0x42,       /* requests of the device have another id */
	IVRS_ENTRY_ALIAS_START = 0x43, /* … of a range */
	IVRS_ENTRY_EXTENDED = 0x46,
	IVRS_ENTRY_EXTENDED_START = 0x47,
	IVRS_ENTRY_SPECIAL = 0x48, /* an I/O APIC or HPET */
	IVRS_ENTRY_ACPI = 0xf0,    /* a device with a name of ACPI */
};

#define IVRS_ENTRY_ALIAS_DEVID      5 /* u16 */
#define IVRS_ENTRY_EXTENDED_SETTING 4 /* u32 */
#define IVRS_EXTENDED_NO_ATS        (1U << 31)
#define IVRS_ENTRY_SPECIAL_HANDLE   4 /* u8: id of the I/O APIC in the MADT, or HPET number */
#define IVRS_ENTRY_SPECIAL_DEVID    5 /* u16 */
#define IVRS_ENTRY_SPECIAL_VARIETY  7 /* u8 */
#define IVRS_SPECIAL_IOAPIC         1U
#define IVRS_SPECIAL_HPET           2U
#define IVRS_ENTRY_ACPI_HID         4  /* 8 characters */
#define IVRS_ENTRY_ACPI_CID         12 /* 8 characters */
#define IVRS_ENTRY_ACPI_UID_FORMAT  20 /* u8 */
#define IVRS_ENTRY_ACPI_UID_LENGTH  21 /* u8 */
#define IVRS_ENTRY_ACPI_UID         22
#define IVRS_ENTRY_ACPI_SIZE        22 /* and the UID's length */
#define IVRS_UID_NONE               0U
#define IVRS_UID_INTEGER            1U
#define IVRS_UID_TEXT               2U

/* Settings: bits of the device's entry in the device table (amdvi_dte_set_firmware). */
#define IVRS_SETTING_INIT_PASS  (1U << 0)
#define IVRS_SETTING_EINT_PASS  (1U << 1)
#define IVRS_SETTING_NMI_PASS   (1U << 2)
#define IVRS_SETTING_SYSMGT     (3U << 4)
#define IVRS_SETTING_LINT0_PASS (1U << 6)
#define IVRS_SETTING_LINT1_PASS (1U << 7)

/* The bytes of an entry of a type below 80h: 4, or 8. Of others only those of F0h are known. */
static inline unsigned int ivrs_entry_fixed_size(unsigned int type)
{
	return 4U << (type >> 6 & 1);
}

/* --- IVMD: memory that devices use for firmware ----------------------------------------------- */

#define IVRS_IVMD_DEVID          4  /* u16: the device, the first of a range, or the unit */
#define IVRS_IVMD_AUX            6  /* u16: the last device of a range, or the unit's capability */
#define IVRS_IVMD_SEGMENT        8  /* u16: reserved in older tables */
#define IVRS_IVMD_START          16 /* u64 */
#define IVRS_IVMD_BYTES          24 /* u64 */
#define IVRS_IVMD_SIZE           32

#define IVRS_IVMD_FLAG_UNITY     (1U << 0) /* mapped at its own address */
#define IVRS_IVMD_FLAG_READ      (1U << 1)
#define IVRS_IVMD_FLAG_WRITE     (1U << 2)
#define IVRS_IVMD_FLAG_EXCLUSION (1U << 3) /* not translated at all */

#endif
