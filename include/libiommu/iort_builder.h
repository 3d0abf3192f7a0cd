/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building an ACPI IORT table, in which an emulator describes its SMMUs to a guest.
 *
 *	struct iommu_iort_builder b;
 *	iommu_iort_begin(&b, bytes, sizeof(bytes));
 *	its = iommu_iort_add_its_group(&b, &its_id, 1);
 *	unit = iommu_iort_add_smmuv3(&b, &(struct iommu_iort_smmuv3){.base = 0x9050000, …});
 *	iommu_iort_add_map(&b, 0, 0xffff, 0, its);
 *	iommu_iort_add_root_complex(&b, &(struct iommu_iort_root_complex){.segment = 0, …});
 *	iommu_iort_add_map(&b, 0, 0xffff, 0, unit);
 *	size = iommu_iort_finish(&b, "BOCHS ", "MYTABLE ");
 *
 * Nodes are in the table in the order of the calls, and described as iommu_iort_next returns them.
 * A call that adds a node returns its offset, by which maps lead to it: ITS groups come first, then
 * units, then devices. Maps belong to the node before them. The table has the layouts of revision
 * E.e (table revision 6). The first error is kept, and returned by iommu_iort_finish. Pure
 * functions on the caller's memory: no locks, any context.
 */
#ifndef LIBIOMMU_IORT_BUILDER_H
#define LIBIOMMU_IORT_BUILDER_H

#include <libiommu/iort.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_iort_builder {
	uint8_t *bytes;
	size_t size;
	size_t used;
	size_t node; /* offset of the last node; 0: none yet */
	uint32_t nodes;
	int status; /* the first error */
	/* The reason in words; empty if there is no error. */
	const char *refusal;
};

/*
 * iommu_iort_begin - start an IORT table in `bytes`.
 *
 * Errors: IOMMU_ENOSPC (bytes too small). Context: any; one call at a time for a builder.
 */
IOMMU_API void iommu_iort_begin(struct iommu_iort_builder *builder, void *bytes, size_t size);

/*
 * iommu_iort_add_its_group - add interrupt translation services, by their ids in the MADT.
 *
 * Like all of these calls it returns the node's offset, or 0 after an error. IOMMU_EINVAL: no ids,
 * or more than fit into a node; IOMMU_ENOSPC. Context: any; one call at a time for a builder.
 */
IOMMU_API uint32_t iommu_iort_add_its_group(struct iommu_iort_builder *builder, const uint32_t *ids,
					    unsigned int count);

/*
 * iommu_iort_add_smmuv3 - add a unit. `usable` and what is said of its own map are not looked at:
 * iommu_iort_add_own_map says that. IOMMU_EINVAL: a base that is 0 or not aligned to 64 KiB, or an
 * HTTU above 2; IOMMU_ENOSPC. Context: any; one call at a time for a builder.
 */
IOMMU_API uint32_t iommu_iort_add_smmuv3(struct iommu_iort_builder *builder,
					 const struct iommu_iort_smmuv3 *unit);

/*
 * iommu_iort_add_root_complex - add the PCI functions of a segment. IOMMU_EINVAL: a segment above
 * 65535, PASIDs of more than 20 bits, or addresses of 0 or more than 64 bits; IOMMU_ENOSPC.
 * Context: any; one call at a time for a builder.
 */
IOMMU_API uint32_t iommu_iort_add_root_complex(struct iommu_iort_builder *builder,
					       const struct iommu_iort_root_complex *root);

/*
 * iommu_iort_add_named_component - add a device that is no PCI function. IOMMU_EINVAL: an empty
 * path, one that is too long for a node, PASIDs of more than 20 bits, or addresses of 0 or more
 * than 64 bits; IOMMU_ENOSPC. Context: any; one call at a time for a builder.
 */
IOMMU_API uint32_t iommu_iort_add_named_component(
	struct iommu_iort_builder *builder, const struct iommu_iort_named_component *component);

/*
 * iommu_iort_add_reserved_memory - add ranges that devices use since before the start; maps say
 * which streams. IOMMU_EINVAL: no ranges, or more than fit into a node; one that ends before it
 * begins, or is not made of whole 64 KiB; IOMMU_ENOSPC. Context: any; one call at a time for a
 * builder.
 */
IOMMU_API uint32_t iommu_iort_add_reserved_memory(struct iommu_iort_builder *builder,
						  const struct iommu_iort_reserved_memory *memory,
						  const struct iommu_iort_range *ranges,
						  unsigned int count);

/*
 * iommu_iort_add_map - add a map of the last node: its ids from first to last become `output`, and
 * those that follow, at the target. Of reserved memory the outputs alone matter: the stream ids.
 *
 * @target: what the call that added a node returned.
 *
 * IOMMU_EINVAL: there is no node, the target is none, or not one that maps of the last node may
 * lead to, or the outputs do not fit into 32 bits; IOMMU_ENOSPC.
 *
 * Context: any; one call at a time for a builder.
 */
IOMMU_API void iommu_iort_add_map(struct iommu_iort_builder *builder, uint32_t first, uint32_t last,
				  uint32_t output, uint32_t target);

/*
 * iommu_iort_add_single_map - add a map of any id of the last node to `output`: for named
 * components, root complexes and reserved memory. Errors: as of iommu_iort_add_map. Context: any;
 * one call at a time for a builder.
 */
IOMMU_API void iommu_iort_add_single_map(struct iommu_iort_builder *builder, uint32_t output,
					 uint32_t target);

/*
 * iommu_iort_add_own_map - add the device id of the messages that the last node, a unit, sends.
 * Errors: as of iommu_iort_add_map, and the last node is no unit, or has such a map already.
 * Context: any; one call at a time for a builder.
 */
IOMMU_API void iommu_iort_add_own_map(struct iommu_iort_builder *builder, uint32_t device_id,
				      uint32_t its);

/*
 * iommu_iort_finish - set length and checksum of an IORT table. @oem_id: 6 characters,
 * @oem_table_id: 8 characters; shorter ones are padded with NULs.
 *
 * Returns the size of the table in bytes, or the first error of the calls above: IOMMU_EINVAL or
 * IOMMU_ENOSPC, also for a table larger than IOMMU_IORT_MAX_SIZE; builder->refusal is the reason in
 * words.
 *
 * Context: any; one call at a time for a builder.
 */
IOMMU_API int iommu_iort_finish(struct iommu_iort_builder *builder, const char *oem_id,
				const char *oem_table_id);

IOMMU_END_DECLS
#endif
