/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building an ACPI IVRS table, in which an emulator describes its AMD IOMMUs to a guest.
 *
 *	struct iommu_ivrs_builder b;
 *	iommu_ivrs_begin(&b, bytes, sizeof(bytes),
 *			 &(struct iommu_ivrs){.has_features = true, .physical_bits = 48, …});
 *	iommu_ivrs_add_unit(&b, 0x11, 0, &(struct iommu_ivrs_unit){.devid = 2, .base = …, …});
 *	iommu_ivrs_add_device(&b, &(struct iommu_ivrs_device){
 *		.kind = IOMMU_IVRS_DEVICE_RANGE, .first = 0x0008, .last = 0xffff});
 *	iommu_ivrs_add_device(&b, &(struct iommu_ivrs_device){
 *		.kind = IOMMU_IVRS_DEVICE_IOAPIC, .handle = 0, .first = 0x00a0});
 *	size = iommu_ivrs_finish(&b, "BOCHS ", "MYTABLE ");
 *
 * Blocks are in the table in the order of the calls, and described as iommu_ivrs_next returns them;
 * devices belong to the unit before them. Systems differ in which types of blocks they know: a
 * table has the same units in several types, in ascending order. The first error is kept, and
 * returned by iommu_ivrs_finish. Pure functions on the caller's memory: no locks, any context.
 */
#ifndef LIBIOMMU_IVRS_BUILDER_H
#define LIBIOMMU_IVRS_BUILDER_H

#include <libiommu/ivrs.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_ivrs_builder {
	uint8_t *bytes;
	size_t size;
	size_t used;
	size_t unit; /* offset of the last block, if it is one of a unit; 0: there is none */
	int status;  /* the first error */
	/* The reason in words; empty if there is no error. */
	const char *refusal;
};

/*
 * iommu_ivrs_begin - start an IVRS table in `bytes`.
 *
 * @table: has_features, was_remapping, ht_ats, physical_bits and virtual_bits are those of the
 *         table; nothing else of it is looked at.
 *
 * Errors: IOMMU_EINVAL (addresses of more than 127 bits), IOMMU_ENOSPC (bytes too small). Context:
 * any; one call at a time for a builder.
 */
IOMMU_API void iommu_ivrs_begin(struct iommu_ivrs_builder *builder, void *bytes, size_t size,
				const struct iommu_ivrs *table);

/*
 * iommu_ivrs_add_unit - add a block of a unit.
 *
 * @type: 0x10, 0x11 or 0x40.
 * @unit: devid, capability, base, flags, info and features are those of the block; of types 0x11
 *        and 0x40 host_tables_off, efr and efr2, too.
 *
 * Errors: IOMMU_EINVAL (another type, a base that is 0 or not aligned to 16 KiB), IOMMU_ENOSPC.
 * Context: any; one call at a time for a builder.
 */
IOMMU_API void iommu_ivrs_add_unit(struct iommu_ivrs_builder *builder, uint8_t type,
				   uint16_t segment, const struct iommu_ivrs_unit *unit);

/*
 * iommu_ivrs_add_device - add a device, or a range of devices, of the last unit, as
 * iommu_ivrs_next_device returns them.
 *
 * Errors: IOMMU_EINVAL (there is no unit before it; a range that ends before it begins; both an
 * alias and no_ats, for which there is no entry; a named device without a hid, or in a block that
 * is not of type 0x40; an unknown kind or format), IOMMU_ENOSPC (also: more than fit into a block).
 * Context: any; one call at a time for a builder.
 */
IOMMU_API void iommu_ivrs_add_device(struct iommu_ivrs_builder *builder,
				     const struct iommu_ivrs_device *device);

/*
 * iommu_ivrs_add_memory - add memory that must stay mapped.
 *
 * @memory: type, first, last, segment, start, end, read, write and is_exclusion are those of the
 *          block.
 *
 * Errors: IOMMU_EINVAL (an unknown type; memory that ends before it begins, or is not made of whole
 * pages of 4 KiB; a range of devices that ends before it begins), IOMMU_ENOSPC. Context: any; one
 * call at a time for a builder.
 */
IOMMU_API void iommu_ivrs_add_memory(struct iommu_ivrs_builder *builder,
				     const struct iommu_ivrs_memory *memory);

/*
 * iommu_ivrs_finish - set length and checksum of an IVRS table. @oem_id: 6 characters,
 * @oem_table_id: 8 characters; shorter ones are padded with NULs.
 *
 * Returns the size of the table in bytes, or the first error of the calls above: IOMMU_EINVAL or
 * IOMMU_ENOSPC, also for a table larger than IOMMU_IVRS_MAX_SIZE; builder->refusal is the reason in
 * words.
 *
 * Context: any; one call at a time for a builder.
 */
IOMMU_API int iommu_ivrs_finish(struct iommu_ivrs_builder *builder, const char *oem_id,
				const char *oem_table_id);

IOMMU_END_DECLS
#endif
