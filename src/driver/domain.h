/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains of driven units: their life, and their places on units. */
#ifndef IOMMU_DRIVER_DOMAIN_H
#define IOMMU_DRIVER_DOMAIN_H

#include "driver/driver.h"
#include "unit/domain.h"

/* What a family supplies, whose domains begin with a struct iommu_placed. Control path. */
struct iommu_driver_domain_ops {
	/* With iommu_driven_place_find. */
	const struct iommu_place_ops *places;
	/* What the host asks for: operations, and tables where there are any. */
	int (*make)(struct iommu_placed *domain, struct iommu_driven_unit *unit,
		    enum iommu_domain_type type, const struct iommu_domain_config *config);
	/* What else it has. NULL: nothing. */
	void (*free)(struct iommu_placed *domain);
	/* Why the unit cannot translate by the domain at all (IOMMU_WHY); NULL: it can. */
	const char *(*defect)(const struct iommu_placed *domain,
			      const struct iommu_driven_unit *unit);
	/* The ids under which the unit knows such domains. */
	struct iommu_ids *(*ids)(const struct iommu_placed *domain, struct iommu_driven_unit *unit);
};

/* For struct iommu_ops. */
int iommu_driver_domain_alloc(struct iommu_unit *base, enum iommu_domain_type type,
			      const struct iommu_domain_config *config,
			      struct iommu_domain **domain);
/* Domains that block. */
extern const struct iommu_domain_ops iommu_driver_blocked_ops;
/* For struct iommu_domain_ops, of domains with tables. */
void iommu_driver_get_info(const struct iommu_domain *base, struct iommu_domain_info *info);
/* For struct iommu_place_ops; and where all units can do the same. */
int iommu_driven_place_find(struct iommu_placed *domain, void *at, struct iommu_place **place);
int iommu_driven_place_join(struct iommu_placed *domain, void *at);
void iommu_driven_place_left(struct iommu_placed *domain);

/* For `make`: what the core is to know of the domain's table. */
void iommu_driven_show_table(struct iommu_placed *domain, bool nest_parent);

/* --- Requests of a guest's (user_invalidation.c) ---------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE
/* What a family supplies. */
struct iommu_driver_user_requests {
	size_t size;
	const char *is_short; /* IOMMU_WHY: a request has not that size */
	/*
	 * What a request is of, and whether of leaves of tables alone; false: a guest gives no such
	 * command, or it has reserved bits.
	 */
	bool (*read)(const void *request, struct iommu_change *change);
};

/* What a newer caller's structure has behind those that are known: nothing that is asked for. */
bool iommu_driver_rest_is_zero(const void *user, size_t from, size_t size);
/* For struct iommu_domain_ops.invalidate_user. */
int iommu_driver_invalidate_user(struct iommu_domain *domain,
				 const struct iommu_driver_user_requests *ops, const void *requests,
				 size_t request_size, unsigned int count, unsigned int *done);
#endif

#endif
