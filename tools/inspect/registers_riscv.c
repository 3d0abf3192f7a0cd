/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of a RISC-V IOMMU (RISC-V IOMMU specification 1.0.0, 5.3 to 5.5), field by field. */
#include <libiommu/hw/riscv_registers.h>

#include "register_words.h"

WORDS(version)
{
	return SAY(text, "%u.%u", riscv_cap_version(value) >> 4, riscv_cap_version(value) & 15);
}

WORDS(interrupts)
{
	static const char *const kinds[] = {"messages", "wires", "messages or wires",
					    "reserved value"};

	(void)text;
	return kinds[riscv_cap_interrupts(value)];
}

WORDS(physical_bits)
{
	return SAY(text, "%u bits", riscv_cap_physical_bits(value));
}

static const struct register_field capabilities_fields[] = {
	{BITS(7, 0), "version", "version", version},
	{RISCV_CAP_SV32, "Sv32", "first stage of 32 bits", NULL},
	{RISCV_CAP_SV39, "Sv39", "first stage of 39 bits", NULL},
	{RISCV_CAP_SV48, "Sv48", "first stage of 48 bits", NULL},
	{RISCV_CAP_SV57, "Sv57", "first stage of 57 bits", NULL},
	{RISCV_CAP_SVRSW60T59B, "Svrsw60t59b", "bits 60:59 of entries are software's", NULL},
	{RISCV_CAP_SVPBMT, "Svpbmt", "memory types in entries", NULL},
	{RISCV_CAP_SV32X4, "Sv32x4", "second stage of 34 bits", NULL},
	{RISCV_CAP_SV39X4, "Sv39x4", "second stage of 41 bits", NULL},
	{RISCV_CAP_SV48X4, "Sv48x4", "second stage of 50 bits", NULL},
	{RISCV_CAP_SV57X4, "Sv57x4", "second stage of 59 bits", NULL},
	{RISCV_CAP_AMO_MRIF, "AMO_MRIF", "files in memory are updated atomically", NULL},
	{RISCV_CAP_MSI_FLAT, "MSI_FLAT", "interrupt files of guests", NULL},
	{RISCV_CAP_MSI_MRIF, "MSI_MRIF", "interrupt files in memory", NULL},
	{RISCV_CAP_AMO_HWAD, "AMO_HWAD", "the unit itself sets accessed and dirty", NULL},
	{RISCV_CAP_ATS, "ATS", "devices' TLBs, and page requests", NULL},
	{RISCV_CAP_T2GPA, "T2GPA", "devices' TLBs with guest addresses", NULL},
	{RISCV_CAP_END, "END", "both byte orders", NULL},
	{BITS(29, 28), "IGS", "interrupts by", interrupts},
	{RISCV_CAP_HPM, "HPM", "performance counters", NULL},
	{RISCV_CAP_DBG, "DBG", "translation requests by registers", NULL},
	{BITS(37, 32), "PAS", "addresses of memory", physical_bits},
	{RISCV_CAP_PD8, "PD8", "process directories of 1 level (8 bits)", NULL},
	{RISCV_CAP_PD17, "PD17", "process directories of 2 levels (17 bits)", NULL},
	{RISCV_CAP_PD20, "PD20", "process directories of 3 levels (20 bits)", NULL},
	{RISCV_CAP_QOSID, "QOSID", "quality-of-service ids", NULL},
	{RISCV_CAP_NL, "NL", "invalidation of entries that lead to tables, too", NULL},
	{RISCV_CAP_S, "S", "invalidation of ranges of addresses", NULL},
};

static const struct register_field fctl_fields[] = {
	{RISCV_FCTL_BE, "BE", "structures and queues are big-endian", NULL},
	{RISCV_FCTL_WSI, "WSI", "interrupts by wires rather than messages", NULL},
	{RISCV_FCTL_GXL, "GXL", "the second stage is Sv32x4", NULL},
};

WORDS(directory_mode)
{
	static const char *const modes[] = {"Off: every request is refused",
					    "Bare: every untranslated request passes", "1 level",
					    "2 levels", "3 levels"};
	const uint64_t mode = value & 15;

	(void)text;
	return mode < COUNT(modes) ? modes[mode] : "reserved value";
}

WORDS(directory_root)
{
	return SAY(text, "0x%" PRIx64, (value & BITS(53, 10)) << 2);
}

static const struct register_field ddtp_fields[] = {
	{BITS(3, 0), "iommu_mode", "device directory", directory_mode},
	{RISCV_DDTP_BUSY, "busy", "a write is taking effect", NULL},
	{BITS(53, 10), "PPN", "its root", directory_root},
};

const struct register_table registers_riscv[] = {
	TABLE(capabilities, 64, "what a RISC-V unit can (0x000)"),
	TABLE(fctl, 32, "features control of a RISC-V unit (0x008)"),
	TABLE(ddtp, 64, "device directory of a RISC-V unit (0x010)"),
	{NULL, NULL, 0, NULL, 0},
};
