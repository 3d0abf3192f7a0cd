/* SPDX-License-Identifier: BSD-2-Clause */
/* PASID directories and tables. */
#ifndef IOMMU_VTD_PASID_H
#define IOMMU_VTD_PASID_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "unit/confirmation.h"

struct vtd_endpoint;
struct vtd_translation;
struct vtd_unit;

/* The PASID directory of an endpoint, and the tables that it leads to. */
struct vtd_directory {
	struct vtd_unit *unit;
	iommu_cell_t *entries;
	unsigned int order; /* of its pages */
	bool shares_tables; /* a larger one has taken its place, and has the tables */
	struct iommu_withheld end;
	/* One of before: in its unit's list until an endpoint takes it. Whose it is, and how many
	 * PASIDs are present. */
	struct iommu_list_node link;
	uint16_t source_id;
	unsigned int present;
};

/* The most PASIDs that a directory of one allocation leads to. */
#define VTD_PASIDS_MAX                                                                             \
	((uint32_t)VTD_PASID_DIRECTORY_PAGE_ENTRIES * VTD_PASID_TABLE_ENTRIES                      \
	 << IOMMU_MAX_ALLOC_ORDER)

/* The entry of a PASID; NULL: there is no table for it, which reads as not present. */
struct vtd_pasid_entry *iommu_vtd_pasid_find(const struct vtd_endpoint *endpoint, uint32_t pasid);
/* Make the table that a PASID's entry is in, and a larger directory where it needs one. */
int iommu_vtd_pasid_create(struct vtd_endpoint *endpoint, uint32_t pasid);
/* An empty directory of 2^order pages; NULL: no memory. */
struct vtd_directory *iommu_vtd_directory_make(struct vtd_unit *unit, unsigned int order);
#if IOMMU_CONFIG_SCALABLE
/* The first directory of an endpoint, of one page. Returns 0 or IOMMU_ENOMEM. */
int iommu_vtd_directory_alloc(struct vtd_endpoint *endpoint);
/* The first PASID from `pasid` on whose entry is in a table, or VTD_PASIDS_MAX. */
uint32_t iommu_vtd_pasid_next(const struct vtd_endpoint *endpoint, uint32_t pasid);
/* Free a directory once its unit cannot be walking it. */
void iommu_vtd_directory_free(struct vtd_directory *directory);
#else
static inline int iommu_vtd_directory_alloc(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
	return IOMMU_EOPNOTSUPP;
}
static inline uint32_t iommu_vtd_pasid_next(const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	(void)endpoint;
	(void)pasid;
	return VTD_PASIDS_MAX;
}
static inline void iommu_vtd_directory_free(struct vtd_directory *directory)
{
	(void)directory;
}
#endif

/* translation_set of scalable mode. */
int iommu_vtd_pasid_write(struct vtd_endpoint *endpoint, uint32_t pasid,
			  const struct vtd_translation *translation);
/* iommu_vtd_translation_put_back of scalable mode. */
void iommu_vtd_pasid_put_back(struct vtd_endpoint *endpoint, uint32_t pasid,
			      const struct vtd_translation *translation);

#endif
