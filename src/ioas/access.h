/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IOMMU_IOAS_ACCESS_H
#define IOMMU_IOAS_ACCESS_H

#include <libiommu/ioas.h>

#include "ioas/ioas.h"
#include "ioas/tree.h"

struct ioas_access {
	struct ioas_object object; /* first */
	iommu_access_unmap unmap;
	void *unmap_ctx;
	/* Changed under file->mutex and with the gate closed. */
	struct iommu_ioas *ioas;
	struct iommu_list_node link;
	struct iommu_rb_tree pins; /* under file->lock */
};

/* A part of a call of iommu_access_pin, in one area; `parts` links those of one call. */
struct ioas_pin {
	struct ioas_holder holder;
	struct ioas_keyed asked; /* of the first part, in the access: what was asked for */
	struct ioas_pin *parts;
	struct ioas_area *area;
};

int iommu_access_end(struct ioas_object *object);
/* Tell all accesses of a space that a range goes. Inside the gate. */
void iommu_accesses_notify(struct iommu_ioas *ioas, iommu_iova_t iova, uint64_t size);

#endif
