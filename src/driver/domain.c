/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains of driven units: allocation and end, and what is the same of their operations. */
#include "driver/domain.h"

#include <libiommu/status.h>

#include "base/atomic.h"
#include "driver/endpoint.h"

static struct iommu_driver_shared *shared_of(const struct iommu_placed *domain)
{
	return iommu_container_of(domain->set, struct iommu_driver_shared, set);
}

/* --- Life ------------------------------------------------------------------------------------- */

/* A host may free its domains after the last unit is gone. */
static void release(struct iommu_placed *domain)
{
	struct iommu_driver_shared *shared = shared_of(domain);

	if (shared->driver->domains->free != NULL)
		shared->driver->domains->free(domain);
	iommu_placed_destroy(domain, &shared->place_cache);
	iommu_object_free(&shared->domain_cache, domain);
	iommu_driver_shared_drop(shared);
}

int iommu_driver_domain_alloc(struct iommu_unit *base, enum iommu_domain_type type,
			      const struct iommu_domain_config *config,
			      struct iommu_domain **result)
{
	struct iommu_driven_unit *unit = iommu_driven_of(base);
	const struct iommu_driver_domain_ops *ops = iommu_driver_of(unit)->domains;
	struct iommu_driver_shared *shared = unit->shared;
	struct iommu_placed *domain;
	int status;

	iommu_release_confirmed(&shared->set);
	domain = iommu_object_alloc(&shared->domain_cache, 0);
	if (domain == NULL)
		return IOMMU_ENOMEM;
	iommu_placed_init(domain, ops->places, unit->platform, &shared->set, release);
	domain->base.aperture_last = (1ULL << unit->output_bits) - 1;
	status = ops->make(domain, unit, type, config);
	if (status != 0) {
		iommu_object_free(&shared->domain_cache, domain);
		return status;
	}
	iommu_driver_shared_hold(shared);
	*result = &domain->base;
	return 0;
}

/* --- Places ----------------------------------------------------------------------------------- */

int iommu_driven_place_find(struct iommu_placed *domain, void *at, struct iommu_place **place)
{
	struct iommu_driven_unit *unit = at;
	const struct iommu_driver_domain_ops *ops = iommu_driver_of(unit)->domains;
	const char *defect;

	if (domain->set != &unit->shared->set)
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EINVAL, IOMMU_PLACED_OF_OTHERS);
	defect = ops->defect(domain, unit);
	if (defect != NULL)
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EINVAL, defect);
	*place = iommu_place_get(domain, &unit->shared->place_cache, &unit->state, unit);
	if (*place == NULL)
		return IOMMU_ENOMEM;
	(*place)->ids = ops->ids(domain, unit);
	return 0;
}

int iommu_driven_place_join(struct iommu_placed *domain, void *at)
{
	(void)domain;
	(void)at;
	return 0;
}

void iommu_driven_place_left(struct iommu_placed *domain)
{
	(void)domain;
}

/* --- Operations ------------------------------------------------------------------------------- */

const struct iommu_domain_ops iommu_driver_blocked_ops = {
	.attach = iommu_driver_blocked_attach,
	.detach = iommu_driver_detach,
	.free = iommu_placed_free,
};

void iommu_driver_get_info(const struct iommu_domain *base, struct iommu_domain_info *info)
{
	const struct iommu_placed *domain = iommu_placed_of(base);

	info->coherent = (domain->pgtable.flags & IOMMU_PGTABLE_NONCOHERENT) == 0;
	info->levels = domain->pgtable.levels;
	info->table_pages = iommu_cell_load(&domain->pgtable.pages);
	info->withheld = iommu_withheld_pages_any(&domain->pages);
}

void iommu_driven_show_table(struct iommu_placed *domain, bool nest_parent)
{
	const struct iommu_pgtable *pt = &domain->pgtable;

	domain->base.aperture_last = pt->aperture_last;
	domain->base.paddr_last = pt->paddr_last;
	domain->base.pgsize_bitmap = pt->pgsize_bitmap;
	domain->base.prot_hints |= IOMMU_PROT_MAY_SLEEP | IOMMU_PROT_NO_EXEC | IOMMU_PROT_MMIO;
	domain->base.nest_parent = nest_parent;
}
