/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt files of a guest: the MSI page table of a second stage (RISC-V IOMMU specification
 * 1.0.0, 2.1.3.5 "MSI page table pointer", 2.3.3 "Process to translate addresses of MSIs"). The
 * table belongs to the domain; its entries change at any time, and are cached as pages of the
 * second stage are.
 */
#include <libiommu/hw/riscv_msi.h>
#include <libiommu/riscv.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "riscv/domain.h"
#include "riscv/unit.h"

/* Files of a table: each has an entry. */
static unsigned int bits_of(uint64_t mask)
{
	unsigned int bits = 0;

	for (; mask != 0; mask &= mask - 1)
		bits++;
	return bits;
}

static unsigned int order_of(uint64_t mask)
{
	const uint64_t size = (uint64_t)RISCV_MSI_PTE_SIZE << bits_of(mask);
	unsigned int order = 0;

	while (IOMMU_PAGE_SIZE << order < size)
		order++;
	return order;
}

static struct riscv_msi_pte *table_of(const struct riscv_domain *domain)
{
	return iommu_phys_to_virt(domain->common.platform, riscv_root_address(domain->msi_table));
}

void iommu_riscv_files_free(struct riscv_domain *domain)
{
	const struct iommu_platform *platform = domain->common.platform;

	if (domain->msi_table != 0)
		platform->free_pages(platform->ctx, table_of(domain), order_of(domain->msi_mask));
	domain->msi_table = 0;
}

static bool is_ours(const struct iommu_domain *domain)
{
	return domain->backend == iommu_riscv_name &&
	       riscv_domain_of(domain)->type == RISCV_SECOND_STAGE;
}

static int refuse(const struct iommu_domain *domain, int status, const char *why)
{
	return iommu_refuse_now(domain->iommu, IOMMU_CALL, "", status, why);
}

/* A table is aligned to its size, as all blocks of the host are. */
static int make_files(struct riscv_domain *domain, uint64_t mask, uint64_t pattern)
{
	const struct iommu_platform *platform = domain->common.platform;
	const struct iommu_place *place;
	void *table;

	if (domain->msi_table != 0)
		return IOMMU_REFUSE(domain->common.base.iommu, "", IOMMU_EEXIST,
				    "the domain has interrupt files");
	for (place = domain->common.places; place != NULL; place = place->next)
		if (iommu_place_is_used(place))
			return IOMMU_REFUSE(domain->common.base.iommu, "", IOMMU_EBUSY,
					    "the domain is attached");
	if (order_of(mask) > IOMMU_MAX_ALLOC_ORDER)
		return IOMMU_REFUSE(domain->common.base.iommu, "", IOMMU_EINVAL,
				    "there are too many interrupt files");
	table = platform->alloc_pages(platform->ctx, order_of(mask), IOMMU_NODE_ANY, 0);
	if (table == NULL)
		return IOMMU_ENOMEM;
	if (iommu_virt_to_phys(platform, table) > domain->common.pgtable.paddr_last) {
		platform->free_pages(platform->ctx, table, order_of(mask));
		return IOMMU_ENOMEM;
	}
	domain->msi_table = riscv_msiptp(RISCV_MSIPTP_FLAT, iommu_virt_to_phys(platform, table));
	domain->msi_mask = mask;
	domain->msi_pattern = pattern;
	return 0;
}

int iommu_riscv_set_files(struct iommu_domain *base, uint64_t mask, uint64_t pattern)
{
	const uint64_t reach = (base->aperture_last >> IOMMU_PAGE_SHIFT);
	int status;

	if (!is_ours(base))
		return refuse(base, IOMMU_EINVAL,
			      IOMMU_WHY("the domain is no second stage of RISC-V"));
	if ((mask & ~reach) != 0 || (pattern & ~reach) != 0)
		return refuse(base, IOMMU_EINVAL,
			      IOMMU_WHY("mask or pattern lie beyond the guest's addresses"));
	iommu_control_lock(base->iommu);
	status = make_files(riscv_domain_of(base), mask, pattern);
	return iommu_control_end(base->iommu, IOMMU_CALL, status);
}

/* --- Entries ---------------------------------------------------------------------------------- */

/* The entry of a file, or NULL: there is none, which was said. */
static struct riscv_msi_pte *entry_of(struct iommu_domain *base, uint64_t file, int *status)
{
	struct riscv_domain *domain = riscv_domain_of(base);

	if (!is_ours(base) || domain->msi_table == 0 || file >> bits_of(domain->msi_mask) != 0) {
		*status = refuse(base, IOMMU_EINVAL,
				 IOMMU_WHY("the domain has no such interrupt file"));
		return NULL;
	}
	return &table_of(domain)[file];
}

/* Hardware forgets the entry of a file, which is cached as a page of the second stage. */
static int forget(struct iommu_domain *base, uint64_t file)
{
	const struct riscv_domain *domain = riscv_domain_of(base);
	const iommu_iova_t page = riscv_msi_page(file, domain->msi_mask, domain->msi_pattern);

	return iommu_placed_sync_range(iommu_placed_of(base), page, page + (IOMMU_PAGE_SIZE - 1),
				       true);
}

/*
 * Through the not valid state; what leads elsewhere is forgotten before. Where maps are told of, by
 * emulators or since a failure, so is this: what a file led to before may be open.
 */
static int set_entry(struct iommu_domain *base, uint64_t file, uint64_t low, uint64_t high)
{
	int status = 0;
	struct riscv_msi_pte *entry = entry_of(base, file, &status);

	if (entry == NULL)
		return status;
	if (iommu_cell_load(&entry->low) != 0) {
		iommu_cell_store_release(&entry->low, 0);
		status = forget(base, file);
	}
	if (status != 0)
		return status;
	iommu_cell_store(&entry->high, iommu_le64(high));
	iommu_cell_store_release(&entry->low, iommu_le64(low));
	if (!__atomic_load_n(base->tells_of_maps, __ATOMIC_RELAXED))
		return 0;
	status = forget(base, file);
	if (status != 0)
		iommu_cell_store_release(&entry->low, 0);
	return status;
}

static bool is_reached(const struct iommu_domain *base, iommu_paddr_t paddr, uint64_t size)
{
	return (paddr & (size - 1)) == 0 && paddr <= base->paddr_last;
}

int iommu_riscv_map_file(struct iommu_domain *base, uint64_t file, iommu_paddr_t page)
{
	if (!is_reached(base, page, IOMMU_PAGE_SIZE))
		return refuse(base, IOMMU_EINVAL,
			      IOMMU_WHY("the interrupt file is on no page that units can address"));
	return set_entry(base, file, riscv_msi_basic(page), 0);
}

int iommu_riscv_map_file_in_memory(struct iommu_domain *base, uint64_t file, iommu_paddr_t memory,
				   iommu_paddr_t notice, unsigned int notice_id)
{
	if (!is_reached(base, memory, RISCV_MRIF_SIZE) ||
	    !is_reached(base, notice, IOMMU_PAGE_SIZE) || notice_id > RISCV_NOTICE_ID_MAX)
		return refuse(
			base, IOMMU_EINVAL,
			!is_reached(base, memory, RISCV_MRIF_SIZE)
				? IOMMU_WHY("the file is not aligned, or cannot be addressed")
			: !is_reached(base, notice, IOMMU_PAGE_SIZE)
				? IOMMU_WHY("the page of notices is not aligned, or cannot be "
					    "addressed")
				: IOMMU_WHY("the notice is too large"));
	return set_entry(base, file, riscv_mrif_low(memory), riscv_mrif_high(notice, notice_id));
}

int iommu_riscv_unmap_file(struct iommu_domain *base, uint64_t file)
{
	int status = 0;
	struct riscv_msi_pte *entry = entry_of(base, file, &status);

	if (entry == NULL)
		return status;
	/* Also where there is nothing: an earlier call may not have been confirmed. */
	iommu_cell_store_release(&entry->low, 0);
	return forget(base, file);
}
