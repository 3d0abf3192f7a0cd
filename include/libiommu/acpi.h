/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding an ACPI table, for hosts without ACPI code of their own.
 *
 *	static const struct iommu_acpi_memory memory = {.read = host_read};
 *	struct iommu_acpi_table table;
 *
 *	if (iommu_acpi_find_table(&memory, rsdp, "DMAR", &table) == 0)
 *		iommu_vtd_probe(iommu, host_map(table.address, table.size), table.size, NULL);
 *
 * The rest of the library does not use it. Memory is read through the host only, and its contents
 * are not trusted: no address wraps, no length beyond the limits below is accepted, every search
 * ends. No locks, no allocation; any context in which the host's function may be called.
 */
#ifndef LIBIOMMU_ACPI_H
#define LIBIOMMU_ACPI_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* Longer root tables (16,379 addresses) and longer tables are treated as damaged. */
#define IOMMU_ACPI_ROOT_MAX  65536U
#define IOMMU_ACPI_TABLE_MAX (16U << 20)

struct iommu_acpi_memory {
	void *ctx;
	/*
	 * Copy `size` bytes, at most 64, from physical memory. False: some of them cannot be read,
	 * and are treated as absent. address + size does not wrap.
	 */
	bool (*read)(void *ctx, iommu_paddr_t address, void *bytes, size_t size);
};

struct iommu_acpi_table {
	iommu_paddr_t address;
	size_t size; /* from its header: 36 to IOMMU_ACPI_TABLE_MAX */
	/* The sum of its bytes is 0. */
	bool checksum_is_right;
};

/*
 * iommu_acpi_find_table - find a table by its signature.
 *
 * @rsdp:      the root pointer (RSDP) as reported by the boot loader or UEFI, or as found by
 *             iommu_acpi_find_rsdp.
 * @signature: four characters, such as "DMAR".
 * @table:     receives the result.
 *
 * With a root pointer of revision 2 the XSDT is searched; the RSDT if the XSDT is absent or
 * damaged, or with revision 0. The result is the first table with this signature that can be read
 * and has a correct checksum; if there is none, the first one, with checksum_is_right false: an
 * IOMMU that is found through a table with a wrong checksum protects better than none. Returns 0,
 * or
 *   IOMMU_ENOENT  there is no such table
 *   IOMMU_EINVAL  there is no root pointer at rsdp, or both root tables are damaged
 *
 * Context: any; takes no lock.
 */
IOMMU_API int iommu_acpi_find_table(const struct iommu_acpi_memory *memory, iommu_paddr_t rsdp,
				    const char *signature, struct iommu_acpi_table *table);

/*
 * iommu_acpi_find_rsdp - find the root pointer of a PC without UEFI: in the first KiB of the
 * extended BIOS data area, or between 0xe0000 and 0xfffff. An address from the boot loader is
 * preferable. Returns 0, or IOMMU_ENOENT. Context: any; takes no lock.
 */
IOMMU_API int iommu_acpi_find_rsdp(const struct iommu_acpi_memory *memory, iommu_paddr_t *rsdp);

IOMMU_END_DECLS
#endif
