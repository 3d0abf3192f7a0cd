/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a hardware back end gives the core: the only way from src/group/ to hardware.
 *
 * A back end embeds these structures as the first member of its own, fills in the fields that are
 * not the core's, and registers its units with iommu_register_unit. Unless a line says otherwise a
 * function is required, may sleep, and is called by one thread at a time per instance (the host
 * serialises the control path; see <libiommu/endpoint.h>).
 */
#ifndef LIBIOMMU_OPS_H
#define LIBIOMMU_OPS_H

#include <libiommu/domain.h>
#include <libiommu/endpoint.h>
#include <libiommu/fault.h>
#include <libiommu/instance.h>
#include <libiommu/list_node.h>
#include <libiommu/region.h>

IOMMU_BEGIN_DECLS

#define IOMMU_NAME_SIZE 32

/* How sure a unit is that it translates for an endpoint. */
enum iommu_match {
	IOMMU_MATCH_NONE = 0,
	IOMMU_MATCH_REST, /* it takes what no other unit names */
	IOMMU_MATCH_NAMED,
};

struct iommu_ops {
	const char *name;
	/*
	 * Start, stop translating; see iommu_unit_enable. enable is called when the unit is off,
	 * disable at any time: when the unit is off, and after an enable that failed, too.
	 */
	int (*enable)(struct iommu_unit *unit);
	int (*disable)(struct iommu_unit *unit);
	/*
	 * Stop everything that is on, translation or not, and bring back exactly that. NULL: there
	 * is nothing but translation.
	 */
	int (*suspend)(struct iommu_unit *unit);
	int (*resume)(struct iommu_unit *unit);
	/* Free the unit, which is disabled and has no endpoints. */
	void (*remove)(struct iommu_unit *unit);
	/* Does this unit translate for such an endpoint? Must not sleep. */
	enum iommu_match (*match)(const struct iommu_unit *unit,
				  const struct iommu_endpoint_info *info);
	/* Get ready for, and forget, an endpoint. The endpoint is blocked after the first. */
	int (*probe_endpoint)(struct iommu_unit *unit, struct iommu_endpoint *endpoint);
	void (*release_endpoint)(struct iommu_unit *unit, struct iommu_endpoint *endpoint);
	/* See iommu_endpoint_next_region. NULL: there are none. Any context. */
	bool (*next_region)(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			    struct iommu_region *region);
	/* The endpoint is as after a reset, and blocked. NULL: nothing to do. */
	void (*endpoint_was_reset)(struct iommu_endpoint *endpoint);
	/*
	 * Is the endpoint still served by what was there before us? Its DMA then goes on as it did,
	 * until the first attach. NULL: never happens.
	 */
	bool (*is_inherited)(const struct iommu_endpoint *endpoint);
	/* Nothing of the endpoint passes until then; NULL: never happens. Any context. */
	bool (*endpoint_is_lost)(const struct iommu_endpoint *endpoint);
	/*
	 * See iommu_domain_alloc; config is never NULL. The type is never IOMMU_DOMAIN_DMA, which is
	 * a paging domain to a back end. An identity domain with map_pages uses tables, which the
	 * core fills. Fills in all of struct iommu_domain that is the back end's.
	 */
	int (*domain_alloc)(struct iommu_unit *unit, enum iommu_domain_type type,
			    const struct iommu_domain_config *config, struct iommu_domain **domain);
	/* See iommu_unit_handle_faults: reports through iommu_report_fault. Any context. */
	int (*handle_faults)(struct iommu_unit *unit, bool *lost);
};

struct iommu_domain_ops {
	/*
	 * Make an endpoint use this domain instead of the one it uses now (any domain of the same
	 * back end, or none). On failure it uses what it used before.
	 */
	int (*attach)(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
	/* Block an endpoint that uses this domain; on failure it is blocked, but see detach_group.
	 */
	int (*detach)(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
	/* Free a domain that no endpoint uses. */
	void (*free)(struct iommu_domain *domain);

	/*
	 * The map path. NULL, all of them, in a domain without tables. Any context, any CPU, at
	 * once for disjoint ranges. map_pages and unmap_pages as in iommu_pgtable_ops.
	 */
	int (*map_pages)(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			 uint64_t size, unsigned int prot, struct iommu_gather *gather,
			 uint64_t *mapped);
	int (*unmap_pages)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			   unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped);
	/* Tell hardware of new mappings, where it has to be told. */
	int (*sync_map)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);
	/*
	 * Invalidate what the gather covers on every unit, wait, and free its pages. When a unit
	 * does not confirm, the pages stay with the domain (quarantine) and the error is returned.
	 * The gather is empty afterwards in either case. After a failure, the next call of sync or
	 * flush_all that succeeds has invalidated what the failed one should have, too.
	 */
	int (*sync)(struct iommu_domain *domain, struct iommu_gather *gather);
	/*
	 * The same in two steps, for lazy invalidation: invalidate everything of the domain on
	 * every unit, and wait; free the pages of a gather that such an invalidation has covered.
	 */
	int (*flush_all)(struct iommu_domain *domain);
	void (*free_gathered)(struct iommu_domain *domain, struct iommu_gather *gather);
	int (*iova_to_phys)(const struct iommu_domain *domain, iommu_iova_t iova,
			    iommu_paddr_t *paddr);
	int (*walk)(const struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last,
		    iommu_pgtable_visitor visitor, void *ctx);
	/* Fills in table_pages and quarantine. */
	void (*get_info)(const struct iommu_domain *domain, struct iommu_domain_info *info);
};

struct iommu_unit {
	/* The back end's: set before registering. */
	const struct iommu_ops *ops;
	uint16_t segment;
	char name[IOMMU_NAME_SIZE];
	/* The core's; `enabled` also that of a back end which enables units by itself. */
	struct iommu *iommu;
	struct iommu_list_node link;
	bool enabled;
	bool suspended; /* and was enabled before */
	unsigned int endpoints;
};

struct iommu_endpoint {
	struct iommu_endpoint_info info; /* info.name is `name` below */
	char name[IOMMU_NAME_SIZE];
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_group *group;
	struct iommu_list_node link;       /* in the instance */
	struct iommu_list_node group_link; /* in the group */
	/* The domain that hardware uses for it; NULL: blocked. Written by the core. */
	struct iommu_domain *domain;
	iommu_fault_handler fault_handler;
	void *fault_ctx;
	/* The back end's. */
	void *unit_data;
	bool uses_device_tlb; /* see iommu_endpoint_uses_device_tlb */
};

struct iommu_domain {
	/* The back end's. */
	const struct iommu_domain_ops *ops;
	iommu_iova_t aperture_last;
	uint64_t pgsize_bitmap;
	/* The core's. */
	enum iommu_domain_type type;
	struct iommu *iommu;
	struct iommu_list_node link;
	struct iommu_iova_space *space; /* of an IOMMU_DOMAIN_DMA domain */
	unsigned int groups;            /* attached to so many */
};

/*
 * iommu_register_unit - hand a unit to the core, which removes it with ops->remove. Takes no memory
 * and cannot fail. iommu_platform_of - the platform that an instance was created with.
 */
IOMMU_API void iommu_register_unit(struct iommu *iommu, struct iommu_unit *unit);

/*
 * iommu_unregister_unit - take a unit out that has no endpoints; it is the back end's again.
 * iommu_unit_prepare - for a back end that enables units on its own, before it does so: lets the
 * endpoints behind the unit reach their direct regions. The errors of iommu_domain_attach_group.
 */
IOMMU_API void iommu_unregister_unit(struct iommu_unit *unit);
IOMMU_API int iommu_unit_prepare(struct iommu_unit *unit);
IOMMU_API const struct iommu_platform *iommu_platform_of(const struct iommu *iommu);

/*
 * iommu_report_fault - find the endpoint by fault->segment and fault->source_id, and call the
 * handler. Any context in which ops->handle_faults is called.
 */
IOMMU_API void iommu_report_fault(struct iommu *iommu, struct iommu_fault *fault);

IOMMU_END_DECLS
#endif
