/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables by which hardware finds what it is to do with each PASID of an endpoint. */
#ifndef IOMMU_DRIVER_CONTEXTS_H
#define IOMMU_DRIVER_CONTEXTS_H

#include "driver/driver.h"

/* The first member of a family's structure, whose size the driver names. */
struct iommu_driven_contexts {
	struct iommu_withheld end; /* once the endpoint has done with it */
	struct iommu_driven_unit *unit;
	struct iommu_driver_shared *shared;
	iommu_cell_t *root;
	/* The family's: all tables, the root among them. */
	void (*free_tables)(struct iommu_driven_contexts *contexts);
};

/* With a root of 2^order zeroed pages. NULL: no memory. Control path, as what follows. */
struct iommu_driven_contexts *
iommu_driven_contexts_alloc(struct iommu_driven_unit *unit, unsigned int order,
			    void (*free_tables)(struct iommu_driven_contexts *contexts));
/* Hardware has been told to forget it; it goes when that is confirmed. */
void iommu_driven_contexts_free(struct iommu_driven_contexts *contexts);

#endif
