/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding an ACPI table, and the configuration spaces of PCI functions in memory, for hosts without
 * ACPI code of their own.
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

/*
 * A window of memory with the configuration spaces of PCI functions: 4 KiB each, that of a function
 * at base + (id << 12), where id is bus << 8 | device << 3 | function. Only those of first_bus to
 * last_bus are there.
 */
struct iommu_acpi_ecam {
	iommu_paddr_t base; /* where that of bus 0 is, or would be; a multiple of 1 MiB */
	uint16_t segment;
	uint8_t first_bus, last_bus;
	uint32_t position; /* private to the iterator */
};

/*
 * iommu_acpi_next_ecam - the next window of configuration spaces of an MCFG table.
 *
 * @mcfg, @size: the table ("MCFG"), as it lies in memory; its bytes must not change meanwhile. Its
 *               checksum was looked at by iommu_acpi_find_table.
 * @ecam:        zero-initialised before the first call, then unchanged from the last call.
 *
 * Returns false at the end, which is also what a table that is damaged or that ends beyond `size`
 * is. Windows are skipped that have no bus, no base or one that is not aligned, or that end beyond
 * all addresses. Nothing outside of the table is read. For iommu_pci_scan (<libiommu/pci.h>) the
 * host maps the windows, uncached, and reads 32 bits at a time there.
 *
 * Context: any; takes no lock.
 */
IOMMU_API bool iommu_acpi_next_ecam(const void *mcfg, size_t size, struct iommu_acpi_ecam *ecam);

IOMMU_END_DECLS
#endif
