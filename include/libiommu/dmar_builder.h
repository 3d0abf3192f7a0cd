/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building an ACPI DMAR table, in which an emulator describes its units to a guest.
 *
 *	struct iommu_dmar_builder b;
 *	iommu_dmar_begin(&b, bytes, sizeof(bytes), 48, DMAR_FLAG_INTR_REMAP);
 *	iommu_dmar_add_unit(&b, 0, 0xfed90000, 4096, true);
 *	iommu_dmar_add_scope(&b, DMAR_SCOPE_IOAPIC, 0, 0xff, &path, 1);
 *	size = iommu_dmar_finish(&b, "BOCHS ", "MYTABLE ");
 *
 * Structures are in the table in the order of the calls; scopes belong to the structure before
 * them. The specification requires units first, regions next, and an include-all unit last of its
 * segment. The first error is kept, and returned by iommu_dmar_finish. Pure functions on the
 * caller's memory: no locks, any context.
 */
#ifndef LIBIOMMU_DMAR_BUILDER_H
#define LIBIOMMU_DMAR_BUILDER_H

#include <libiommu/dmar.h>
#include <libiommu/endpoint.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_dmar_builder {
	uint8_t *bytes;
	size_t size;
	size_t used;
	size_t structure; /* offset of the last structure; 0: none yet */
	bool takes_scopes;
	int status; /* the first error */
	/* The reason in words; empty if there is no error. */
	const char *refusal;
};

/*
 * iommu_dmar_begin - start a DMAR table in `bytes`.
 *
 * @address_width: of physical addresses, in bits: 12 to 256. @flags: DMAR_FLAG_…
 * Errors: IOMMU_EINVAL (width), IOMMU_ENOSPC (bytes too small).
 *
 * Context: any; one call at a time for a builder.
 */
IOMMU_API void iommu_dmar_begin(struct iommu_dmar_builder *builder, void *bytes, size_t size,
				unsigned int address_width, unsigned int flags);

/*
 * iommu_dmar_add_unit - add a remapping unit (DRHD). @base is page-aligned; @size, in bytes, is
 * rounded up to 2^n pages, n up to 15. IOMMU_EINVAL otherwise; IOMMU_ENOSPC. Context: any; one call
 * at a time for a builder.
 */
IOMMU_API void iommu_dmar_add_unit(struct iommu_dmar_builder *builder, uint16_t segment,
				   iommu_paddr_t base, uint64_t size, bool include_all);

/*
 * iommu_dmar_add_region - a reserved memory region (RMRR): whole pages, both ends inclusive.
 * Context: any; one call at a time for a builder.
 */
IOMMU_API void iommu_dmar_add_region(struct iommu_dmar_builder *builder, uint16_t segment,
				     iommu_paddr_t start, iommu_paddr_t last);

/*
 * iommu_dmar_add_ports - root ports below which devices may have TLBs (ATSR). Context: any; one
 * call at a time for a builder.
 */
IOMMU_API void iommu_dmar_add_ports(struct iommu_dmar_builder *builder, uint16_t segment,
				    bool all_ports);

/*
 * iommu_dmar_add_affinity - the proximity domain of a unit, by its base (RHSA). Context: any; one
 * call at a time for a builder.
 */
IOMMU_API void iommu_dmar_add_affinity(struct iommu_dmar_builder *builder, iommu_paddr_t base,
				       uint32_t proximity_domain);

/*
 * iommu_dmar_add_name - the ACPI path of a device that is no PCI function (ANDD). number <= 255.
 * Context: any; one call at a time for a builder.
 */
IOMMU_API void iommu_dmar_add_name(struct iommu_dmar_builder *builder, unsigned int number,
				   const char *path);

/*
 * iommu_dmar_add_integrated - integrated endpoints with a TLB of their own (SATC). Context: any;
 * one call at a time for a builder.
 */
IOMMU_API void iommu_dmar_add_integrated(struct iommu_dmar_builder *builder, uint16_t segment,
					 bool tlb_required);

/*
 * iommu_dmar_add_scope - a device scope of the last structure. @id: of an I/O APIC, HPET or named
 * device. IOMMU_EINVAL: there is no structure, or one without scopes; id > 255; no path, or a hop
 * that is no PCI device and function. Context: any; one call at a time for a builder.
 */
IOMMU_API void iommu_dmar_add_scope(struct iommu_dmar_builder *builder, enum dmar_scope_type type,
				    unsigned int id, uint8_t start_bus,
				    const struct iommu_pci_hop *path, unsigned int hops);

/*
 * iommu_dmar_finish - set length and checksum of a DMAR table. @oem_id: 6 characters,
 * @oem_table_id: 8 characters; shorter ones are padded with NULs.
 *
 * Returns the size of the table in bytes, or the first error of the calls above: IOMMU_EINVAL or
 * IOMMU_ENOSPC; builder->refusal is the reason in words.
 *
 * Context: any; one call at a time for a builder.
 */
IOMMU_API int iommu_dmar_finish(struct iommu_dmar_builder *builder, const char *oem_id,
				const char *oem_table_id);

IOMMU_END_DECLS
#endif
