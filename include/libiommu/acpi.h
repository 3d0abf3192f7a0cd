/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A helper for hosts that have no ACPI code of their own: where firmware has put a table.
 *
 *	static const struct iommu_acpi_memory memory = {.read = host_read};
 *	struct iommu_acpi_table table;
 *
 *	if (iommu_acpi_find_table(&memory, rsdp, "DMAR", &table) == 0)
 *		iommu_vtd_probe(iommu, host_map(table.address, table.size), table.size, NULL);
 *
 * Nothing else in the library uses it. Memory is read through the host alone, and what it holds is
 * not trusted: no address wraps, no length is believed beyond the limits below, every search ends.
 * No locks, no allocation; any context in which the host can be read.
 */
#ifndef LIBIOMMU_ACPI_H
#define LIBIOMMU_ACPI_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* Longer root tables (16,379 addresses) and longer tables are taken for damaged. */
#define IOMMU_ACPI_ROOT_MAX  65536U
#define IOMMU_ACPI_TABLE_MAX (16U << 20)

struct iommu_acpi_memory {
	void *ctx;
	/*
	 * Copy `size` bytes, at most 64, from physical memory. False: some of them are not where
	 * the host lets itself read; they are then taken for absent. address + size does not wrap.
	 */
	bool (*read)(void *ctx, iommu_paddr_t address, void *bytes, size_t size);
};

struct iommu_acpi_table {
	iommu_paddr_t address;
	size_t size; /* as its header says: 36 to IOMMU_ACPI_TABLE_MAX */
	/* Its bytes add up to 0. */
	bool checksum_is_right;
};

/*
 * iommu_acpi_find_table - the table with a signature, from the root pointer (RSDP) on.
 *
 * @rsdp: as the boot loader or UEFI says it, or as found by iommu_acpi_find_rsdp. @signature: four
 *        characters, such as "DMAR". @table: filled in when 0 is returned.
 *
 * A pointer of revision 2 leads by the XSDT; by the RSDT where that is not there or damaged, as one
 * of revision 0 does. The first table of that signature that can be read and whose checksum is
 * right; where all of them are wrong, the first, with checksum_is_right false: an IOMMU that is
 * found by a table with a wrong sum protects better than none. Returns 0, or
 *   IOMMU_ENOENT  there is no such table
 *   IOMMU_EINVAL  what is at rsdp is no root pointer, or neither root table is whole
 */
IOMMU_API int iommu_acpi_find_table(const struct iommu_acpi_memory *memory, iommu_paddr_t rsdp,
				    const char *signature, struct iommu_acpi_table *table);

/*
 * iommu_acpi_find_rsdp - the root pointer of a PC without UEFI: in the first KiB of the extended
 * BIOS data area, or between 0xe0000 and 0xfffff. A boot loader that says where it is knows better.
 * Returns 0, or IOMMU_ENOENT.
 */
IOMMU_API int iommu_acpi_find_rsdp(const struct iommu_acpi_memory *memory, iommu_paddr_t *rsdp);

IOMMU_END_DECLS
#endif
