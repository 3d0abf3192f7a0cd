/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the device table of the AMD IOMMU (AMD I/O Virtualization Technology Specification,
 * 48882, section "Device Table": Device Table Entry, DTE).
 *
 * A table of entries of 32 bytes, indexed by the device id (bus << 8 | device << 3 | function). An
 * entry says how memory requests are translated (words 0 and 1), and how interrupts are remapped
 * (word 2). The unit reads an entry in one piece. V=0 lets all memory requests pass, IV=0 all
 * interrupts: an entry of zeros is an open door.
 */
#ifndef LIBIOMMU_HW_AMDVI_DEVICE_TABLE_H
#define LIBIOMMU_HW_AMDVI_DEVICE_TABLE_H

#include <libiommu/hw/amdvi_field.h>

#define AMDVI_DTE_WORDS 4
#define AMDVI_DTE_SIZE  32U

struct amdvi_dte {
	amdvi_word_t words[AMDVI_DTE_WORDS];
};

/* --- Word 0 ----------------------------------------------------------------------------------- */

#define AMDVI_DTE_V          AMDVI_BIT(0)       /* bits 127:1 are valid; 0: requests pass */
#define AMDVI_DTE_TV         AMDVI_BIT(1)       /* translation is valid; 0: requests are blocked */
#define AMDVI_DTE_HAD        AMDVI_FIELD(8, 7)  /* enum amdvi_had */
#define AMDVI_DTE_MODE       AMDVI_FIELD(11, 9) /* levels of the host table; 0: none, 7: reserved */
#define AMDVI_DTE_HOST_ROOT  AMDVI_FIELD(51, 12)
#define AMDVI_DTE_PPR        AMDVI_BIT(52)       /* page requests are taken */
#define AMDVI_DTE_GPRP       AMDVI_BIT(53)       /* answers to page requests have the PASID */
#define AMDVI_DTE_GIOV       AMDVI_BIT(54)       /* requests without a PASID have PASID 0 */
#define AMDVI_DTE_GV         AMDVI_BIT(55)       /* there is a GCR3 table */
#define AMDVI_DTE_GLX        AMDVI_FIELD(57, 56) /* its levels, minus 1 */
#define AMDVI_DTE_GCR3_14_12 AMDVI_FIELD(60, 58)
#define AMDVI_DTE_IR         AMDVI_BIT(61) /* reads are allowed */
#define AMDVI_DTE_IW         AMDVI_BIT(62) /* writes are allowed */

#define AMDVI_DTE_MODE_MAX   6U

/* --- Word 1 ----------------------------------------------------------------------------------- */

#define AMDVI_DTE_DOMAIN     AMDVI_FIELD(79, 64)
#define AMDVI_DTE_GCR3_30_15 AMDVI_FIELD(95, 80)
#define AMDVI_DTE_I          AMDVI_BIT(96) /* IOTLB: translation requests (ATS) are answered */
#define AMDVI_DTE_SE         AMDVI_BIT(97) /* page faults after the first are not logged */
#define AMDVI_DTE_SA         AMDVI_BIT(98) /* no page fault is logged */
#define AMDVI_DTE_IOCTL      AMDVI_FIELD(100, 99)  /* enum amdvi_ioctl: port I/O */
#define AMDVI_DTE_CACHE      AMDVI_BIT(101)        /* a hint: the IOTLB is not to be used */
#define AMDVI_DTE_SD         AMDVI_BIT(102)        /* table walks do not snoop */
#define AMDVI_DTE_EX         AMDVI_BIT(103)        /* the exclusion range is open */
#define AMDVI_DTE_SYSMGT     AMDVI_FIELD(105, 104) /* enum amdvi_sysmgt */
#define AMDVI_DTE_SATS       AMDVI_BIT(106)
#define AMDVI_DTE_GCR3_51_31 AMDVI_FIELD(127, 107)

/* --- Word 2: interrupts ----------------------------------------------------------------------- */

#define AMDVI_DTE_IV          AMDVI_BIT(128)        /* bits 191:129 are valid; 0: interrupts pass */
#define AMDVI_DTE_INT_TAB_LEN AMDVI_FIELD(132, 129) /* log2 of the entries, up to 11 */
#define AMDVI_DTE_IG          AMDVI_BIT(133) /* interrupts that are not mapped are not logged */
#define AMDVI_DTE_INT_ROOT    AMDVI_FIELD(179, 134) /* aligned to 128 bytes */
#define AMDVI_DTE_GUEST_MODE  AMDVI_FIELD(183, 182) /* levels of guest tables, minus 4 */
#define AMDVI_DTE_INIT_PASS   AMDVI_BIT(184)
#define AMDVI_DTE_EINT_PASS   AMDVI_BIT(185)
#define AMDVI_DTE_NMI_PASS    AMDVI_BIT(186)
#define AMDVI_DTE_HPT_MODE    AMDVI_BIT(187)
#define AMDVI_DTE_INT_CTL     AMDVI_FIELD(189, 188) /* enum amdvi_int_ctl */
#define AMDVI_DTE_LINT0_PASS  AMDVI_BIT(190)
#define AMDVI_DTE_LINT1_PASS  AMDVI_BIT(191)

/* --- Word 3: virtual units, attributes -------------------------------------------------------- */

#define AMDVI_DTE_VIMU_EN     AMDVI_BIT(207)
#define AMDVI_DTE_GUEST_DEVID AMDVI_FIELD(223, 208)
#define AMDVI_DTE_GUEST_ID    AMDVI_FIELD(239, 224)
#define AMDVI_DTE_SOFTWARE    AMDVI_BIT(245) /* ignored by hardware */
#define AMDVI_DTE_ATTR_V      AMDVI_BIT(246)
#define AMDVI_DTE_MODE0_FC    AMDVI_BIT(247)
#define AMDVI_DTE_SNOOP_ATTR  AMDVI_FIELD(255, 248)

/*
 * What no field above has must be 0. Older units have reserved bits 106 (SATS), 187 (HPTMode) and
 * 6:4, too, which a later revision gives to attributes of CXL.
 */
#define AMDVI_DTE_RESERVED_0 0x800000000000007cULL
#define AMDVI_DTE_RESERVED_1 0x0000000000000000ULL
#define AMDVI_DTE_RESERVED_2 0x0030000000000000ULL
#define AMDVI_DTE_RESERVED_3 0x001f000000007fffULL

/* The bits of word 2 that belong to interrupts, and those of memory requests beside them. */
#define AMDVI_DTE_INTERRUPT_BITS 0xf70fffffffffffffULL
#define AMDVI_DTE_MEMORY_BITS_2  0x08c0000000000000ULL

/* Which bits of the host's table hardware sets. */
enum amdvi_had {
	AMDVI_HAD_NONE = 0,
	AMDVI_HAD_ACCESSED = 1,
	AMDVI_HAD_DIRTY = 3, /* and accessed */
};

enum amdvi_ioctl {
	AMDVI_IOCTL_ABORT = 0,
	AMDVI_IOCTL_FORWARD = 1,
	AMDVI_IOCTL_TRANSLATE = 2,
};

/* Messages of the system management range. */
enum amdvi_sysmgt {
	AMDVI_SYSMGT_ABORT = 0,
	AMDVI_SYSMGT_FORWARD = 1,
	AMDVI_SYSMGT_INTX = 2, /* only those of the INTx pins */
	AMDVI_SYSMGT_TRANSLATE = 3,
};

/* Fixed and arbitrated interrupts. */
enum amdvi_int_ctl {
	AMDVI_INT_CTL_ABORT = 0,
	AMDVI_INT_CTL_FORWARD = 1, /* without a table */
	AMDVI_INT_CTL_REMAP = 2,
};

#define AMDVI_DTE_INT_TAB_LEN_MAX 11U

/* An entry that blocks memory requests: without a table, and neither reads nor writes allowed. */
static inline struct amdvi_dte amdvi_dte_blocked(void)
{
	struct amdvi_dte dte;

	dte.words[0] = amdvi_place(AMDVI_DTE_V, 1) | amdvi_place(AMDVI_DTE_TV, 1);
	dte.words[1] = 0;
	dte.words[2] = 0;
	dte.words[3] = 0;
	return dte;
}

/* The root of the GCR3 table, which three fields hold. */
static inline uint64_t amdvi_dte_gcr3_root(const struct amdvi_dte *dte)
{
	return amdvi_get(dte->words, AMDVI_DTE_GCR3_14_12) << 12 |
	       amdvi_get(dte->words, AMDVI_DTE_GCR3_30_15) << 15 |
	       amdvi_get(dte->words, AMDVI_DTE_GCR3_51_31) << 31;
}

static inline void amdvi_dte_set_gcr3_root(struct amdvi_dte *dte, uint64_t root)
{
	amdvi_set(dte->words, AMDVI_DTE_GCR3_14_12, root >> 12);
	amdvi_set(dte->words, AMDVI_DTE_GCR3_30_15, root >> 15);
	amdvi_set(dte->words, AMDVI_DTE_GCR3_51_31, root >> 31);
}

/* What the setting byte of a device in IVRS (acpi_ivrs.h) says of its entry. */
static inline void amdvi_dte_set_firmware(struct amdvi_dte *dte, unsigned int setting)
{
	amdvi_set(dte->words, AMDVI_DTE_INIT_PASS, setting);
	amdvi_set(dte->words, AMDVI_DTE_EINT_PASS, setting >> 1);
	amdvi_set(dte->words, AMDVI_DTE_NMI_PASS, setting >> 2);
	amdvi_set(dte->words, AMDVI_DTE_SYSMGT, setting >> 4);
	amdvi_set(dte->words, AMDVI_DTE_LINT0_PASS, setting >> 6);
	amdvi_set(dte->words, AMDVI_DTE_LINT1_PASS, setting >> 7);
}

#endif
