/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of x86-64 processors: for address spaces of a kernel or hypervisor, and for those
 * that a device shares with a processor. The functions are those of <libiommu/pgtable.h>, with the
 * prefix iommu_x86_64_table_: init, map, unmap, iova_to_phys, walk and so on. VT-d's first stage
 * walks the same tables, and the build option IOMMU_CONFIG_FIRST_STAGE (<libiommu/config.h>) is for
 * both.
 *
 *	const struct iommu_pgtable_config config = {
 *		.platform = &platform,
 *		.levels = 4,               // 5: CR4.LA57
 *		.input_bits = 47,          // 56 with 5 levels
 *		.output_bits = 46,         // MAXPHYADDR of the processor
 *		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
 *		.flags = IOMMU_PGTABLE_NO_EXECUTE,
 *		.node = IOMMU_NODE_ANY,
 *	};
 *
 *	iommu_x86_64_table_init(&pt, &config);
 *	iommu_x86_64_table_map(&pt, virt, phys, size, IOMMU_PROT_READ_WRITE | IOMMU_PROT_NO_EXEC,
 *			       &gather, &mapped);
 *	write_cr3(iommu_x86_64_table_cr3(&pt, 0));
 *
 * What bits of an entry the arguments become:
 *
 *	IOMMU_PROT_WRITE           R/W; there is no mapping that cannot be read
 *	IOMMU_PROT_PRIVILEGED      U/S clear: without it the page is a user's
 *	IOMMU_PROT_NO_EXEC         XD, with IOMMU_PGTABLE_NO_EXECUTE, for which EFER.NXE must be set
 *	IOMMU_PROT_MMIO            PCD and PWT: uncached, unless the host has changed that PAT entry
 *	IOMMU_PGTABLE_GLOBAL       G, of every leaf, for which CR4.PGE must be set
 *	IOMMU_PGTABLE_ACCESSED     A and D, from the start; without it the processor sets them, and
 *	                           read_dirty tells what it has written
 *
 * Addresses have two halves, the upper one with all higher bits set: 0xffff800000000000 and up with
 * 4 levels. Tables allow everything; the leaf decides.
 *
 * What a gather holds must be invalidated on every processor that uses the table, before
 * free_gathered and before memory that was unmapped is used again: by INVLPG or INVPCID for each
 * page of gather.pgsize bytes from gather.start to gather.last, or by loading CR3; global leaves by
 * an operation that drops these, too. Each of these operations also drops cached table entries (of
 * the current identifier), so that gather.tables_unlinked needs no other.
 */
#ifndef LIBIOMMU_X86_64_H
#define LIBIOMMU_X86_64_H

#include <libiommu/pgtable.h>

IOMMU_BEGIN_DECLS

/*
 * iommu_x86_64_table_cr3 - the value of CR3 for a table of iommu_x86_64_table_init.
 *
 * @pcid: the process-context identifier, 0 to 4095; 0 where CR4.PCIDE is clear. Bit 63, by which a
 *        load keeps what is cached under the identifier, is the caller's to set.
 *
 * CR4.LA57 must be set when pt->levels is 5, and clear when it is 4. Any context.
 */
static inline uint64_t iommu_x86_64_table_cr3(const struct iommu_pgtable *pt, unsigned int pcid)
{
	return iommu_pgtable_root(pt) | (pcid & 0xfff);
}

#ifdef __x86_64__
/*
 * iommu_x86_64_compare_exchange_16 - iommu_platform.compare_exchange_16 for hosts on x86-64, whose
 * processors have CMPXCHG16B wherever there is VT-d. ctx is not used. Any context.
 */
static inline bool iommu_x86_64_compare_exchange_16(void *ctx, void *memory,
						    const uint64_t expected[2],
						    const uint64_t desired[2])
{
	uint64_t low = expected[0], high = expected[1];
	bool done;

	(void)ctx;
	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(done), "+m"(*(uint64_t(*)[2])memory), "+a"(low), "+d"(high)
			 : "b"(desired[0]), "c"(desired[1])
			 : "memory");
	return done;
}
#endif

IOMMU_END_DECLS
#endif
