/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: lifetime and properties. */
#include <libiommu/domain.h>
#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "base/bits.h"
#include "base/dirty.h"
#include "base/text.h"
#include "base/trace.h"
#include "group/group.h"

#define USER_REQUESTS_AT_ONCE 64U /* invalidated before others may enter the control path */

/* What the back end cannot know of a new domain; on failure it is freed. */
static int domain_complete(struct iommu_domain *domain, struct iommu *iommu,
			   enum iommu_domain_type type)
{
	int status = 0;

	domain->type = type;
	domain->iommu = iommu;
#if IOMMU_CONFIG_ENCRYPTION
	domain->private_bits = iommu->platform->private_bits;
	domain->shared_bits = iommu->platform->shared_bits;
#endif
	domain->number = ++iommu->domains_made;
	iommu_trace_adopt_domain(iommu, domain);
	domain->page_shift = domain->pgsize_bitmap != 0 ? iommu_lowest_bit(domain->pgsize_bitmap)
							: IOMMU_PAGE_SHIFT;
	iommu_list_init(&domain->holds);
	iommu_list_insert(&iommu->domains, &domain->link);
	domain->is_closed = type == IOMMU_DOMAIN_IDENTITY || iommu_is_quarantine(domain);
	if (iommu_is_quarantine(domain))
		status = iommu_quarantine_open(domain);
	if (iommu_type_is_dma(type))
		status = iommu_space_create(domain, &domain->space);
	if (type == IOMMU_DOMAIN_IDENTITY && domain->ops->map_pages != NULL)
		status = iommu_map_memory(domain);
	if (status != 0)
		(void)iommu_domain_drop(domain);
	return status;
}

static bool config_makes_sense(const struct iommu_unit *unit, enum iommu_domain_type type,
			       const struct iommu_domain_config *config)
{
	if (type != IOMMU_DOMAIN_NESTED)
		return config->parent == NULL;
	return config->parent != NULL && config->parent->iommu == unit->iommu &&
	       iommu_is_for(config->parent, unit) && config->parent->type == IOMMU_DOMAIN_PAGING &&
	       config->parent->nest_parent;
}

#if IOMMU_CONFIG_LOG
/* "domain 3: paging, made for dmar0", "domain 3: freed" */
static void debug(const struct iommu_domain *domain, const struct iommu_unit *made_for)
{
	static const char *const names[] = {
		[IOMMU_DOMAIN_PAGING] = "paging",
		[IOMMU_DOMAIN_IDENTITY] = "identity",
		[IOMMU_DOMAIN_BLOCKED] = "blocked",
		[IOMMU_DOMAIN_DMA] = "DMA",
		[IOMMU_DOMAIN_DMA_LAZY] = "lazy DMA",
		[IOMMU_DOMAIN_DMA_BYPASS] = "DMA and bypass",
		[IOMMU_DOMAIN_NESTED] = "nested",
		[IOMMU_DOMAIN_SVA] = "shared table",
		[IOMMU_DOMAIN_QUARANTINE] = "quarantine",
	};
	char who[IOMMU_NAME_SIZE], line[64];
	size_t used = iommu_line_append(who, sizeof(who), 0, "domain ");

	(void)iommu_line_append_number(who, sizeof(who), used, domain->number);
	used = iommu_line_append(line, sizeof(line), 0,
				 made_for != NULL ? names[domain->type] : "freed");
	if (made_for != NULL) {
		used = iommu_line_append(line, sizeof(line), used, ", made for ");
		(void)iommu_line_append(line, sizeof(line), used, made_for->name);
	}
	iommu_log(domain->iommu->platform, IOMMU_LOG_DEBUG, who, line);
}
#else
#define debug(domain, made_for) ((void)0)
#endif

#if IOMMU_CONFIG_QUARANTINE
static bool is_quarantine_type(enum iommu_domain_type type)
{
	return type == IOMMU_DOMAIN_QUARANTINE;
}

/* Its tables are shared by all addresses: nothing is noted in them, or nested on them. */
static bool cannot_fill(const struct iommu_domain *domain, const struct iommu_domain_config *config)
{
	return domain->ops->fill == NULL || config->nest_parent || config->dirty_tracking ||
	       config->bypass;
}
#define LAST_TYPE IOMMU_DOMAIN_QUARANTINE
#else
#define is_quarantine_type(type)    false
#define cannot_fill(domain, config) false
#define LAST_TYPE                   IOMMU_DOMAIN_SVA
#endif

#if IOMMU_CONFIG_POWER
#define KNOWN_FLAGS ((unsigned int)IOMMU_DOMAIN_WINDOWS)
static bool lacks_windows(const struct iommu_domain *domain, enum iommu_domain_type type,
			  const struct iommu_domain_config *config)
{
	return (config->flags & IOMMU_DOMAIN_WINDOWS) != 0 &&
	       (type != IOMMU_DOMAIN_PAGING || domain->ops->windows == NULL);
}
#else
#define KNOWN_FLAGS                         0U
#define lacks_windows(domain, type, config) false
#endif

/* With tables that the library, or the host, fills. */
static bool is_paging_type(enum iommu_domain_type type)
{
	return type == IOMMU_DOMAIN_PAGING || iommu_type_is_dma(type) || is_quarantine_type(type);
}

/* What was asked for, and the back end has not made; NULL: nothing. */
static const char *what_it_lacks(const struct iommu *iommu, const struct iommu_domain *domain,
				 enum iommu_domain_type type,
				 const struct iommu_domain_config *config)
{
	if (lacks_windows(domain, type, config))
		return IOMMU_WHY("it has no windows for such a domain");
	if (type == IOMMU_DOMAIN_IDENTITY)
		return domain->ops->map_pages != NULL && !iommu_knows_memory(iommu)
			       ? IOMMU_WHY("it passes nothing through, and no memory was added "
					   "to map")
			       : NULL;
	if (!is_paging_type(type))
		return NULL;
	if (is_quarantine_type(type) && cannot_fill(domain, config))
		return IOMMU_WHY("it has no quarantine, or not with nesting, dirty tracking or a "
				 "bypass");
	if (config->bypass && domain->bypass_size == 0)
		return IOMMU_WHY("it has no bypass");
	if (config->stage != IOMMU_STAGE_ANY && config->stage != domain->stage)
		return IOMMU_WHY("it has no such stage");
	if (config->nest_parent && !domain->nest_parent)
		return IOMMU_WHY("nothing is nested on its domains");
	if (config->dirty_tracking && domain->ops->set_dirty_tracking == NULL)
		return IOMMU_WHY("it does not note writes");
	return NULL;
}

static int domain_new(struct iommu_unit *unit, enum iommu_domain_type type,
		      const struct iommu_domain_config *wanted, struct iommu_domain **result)
{
	const enum iommu_domain_type hardware_type =
		is_paging_type(type) ? IOMMU_DOMAIN_PAGING : type;
	struct iommu_domain_config copy = *wanted;
	const struct iommu_domain_config *config = &copy;
	struct iommu_domain *domain;
	const char *lacking;
	int status;

	if (type > LAST_TYPE)
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_EINVAL,
				    "there is no such type of domain");
	if ((config->flags & ~KNOWN_FLAGS) != 0)
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_EOPNOTSUPP, "unknown flags");
	if (!config_makes_sense(unit, type, config))
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_EINVAL,
				    "a nested domain wants a parent made with nest_parent, and "
				    "no other domain has one");
	if (type == IOMMU_DOMAIN_DMA_BYPASS)
		copy.bypass = true;
	if (hardware_type != IOMMU_DOMAIN_PAGING)
		copy.bypass = false;
	status = unit->ops->domain_alloc(unit, hardware_type, config, &domain);
	if (status != 0)
		return status;
	domain->backend = unit->ops->name;
	lacking = what_it_lacks(unit->iommu, domain, type, config);
	if (lacking != NULL) {
		domain->ops->free(domain);
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_EOPNOTSUPP, lacking);
	}
	/* One object for all, perhaps: complete since its first use. */
	if (domain->holders++ == 0)
		status = domain_complete(domain, unit->iommu, type);
	if (status != 0)
		return status;
	if (config->parent != NULL) {
		domain->parent = config->parent;
		domain->parent->children++;
	}
	debug(domain, unit);
	*result = domain;
	return 0;
}

int iommu_domain_new(struct iommu_unit *unit, enum iommu_domain_type type,
		     const struct iommu_domain_config *config, struct iommu_domain **result)
{
	const struct iommu_domain_config none = {0};

	return domain_new(unit, type, config != NULL ? config : &none, result);
}

int iommu_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
		       const struct iommu_domain_config *config, struct iommu_domain **result)
{
	int status;

	iommu_control_lock(unit->iommu);
	status = iommu_domain_new(unit, type, config, result);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

int iommu_domain_drop(struct iommu_domain *domain)
{
	int status = 0;

	if (domain->holders > 1) {
		domain->holders--;
		return 0;
	}
	if (domain->groups != 0)
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EBUSY,
				    "the domain is attached to a group");
	if (domain->children != 0)
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EBUSY,
				    "the domain is the parent of others");
	if (domain->release_data != NULL)
		status = domain->release_data(domain->data);
	if (status != 0)
		return status;
	if (IOMMU_CONFIG_DMA && domain->space != NULL)
		iommu_iova_space_destroy(domain->space);
	if (domain->parent != NULL)
		domain->parent->children--;
	iommu_holds_free(domain);
	iommu_list_remove(&domain->link);
	debug(domain, NULL);
	iommu_trace_free(domain);
	domain->holders = 0;
	domain->release_data = NULL;
	if (iommu_is_quarantine(domain))
		iommu_quarantine_close(domain);
	domain->ops->free(domain);
	return 0;
}

/*
 * The memory that is mapped in it, and the table if it is the host's own, are the host's again:
 * hardware has left them. An attach that failed may have led it there.
 */
static int leave(struct iommu_domain *domain)
{
	const bool goes = domain->holders <= 1 && domain->groups == 0 && domain->children == 0;

	return goes && domain->ops->flush_all != NULL ? domain->ops->flush_all(domain) : 0;
}

int iommu_domain_free(struct iommu_domain *domain)
{
	struct iommu *iommu;
	int status;

	if (domain == NULL)
		return 0;
	iommu = domain->iommu;
	iommu_control_lock(iommu);
	status = leave(domain);
	if (status == 0)
		status = iommu_domain_drop(domain);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* --- What devices have written ---------------------------------------------------------------- */

int iommu_domain_set_dirty_tracking(struct iommu_domain *domain, bool enable)
{
	int status;

	iommu_control_lock(domain->iommu);
	if (domain->ops->set_dirty_tracking != NULL)
		status = domain->ops->set_dirty_tracking(domain, enable);
	else
		status = IOMMU_REFUSE(domain->iommu, "", IOMMU_EOPNOTSUPP,
				      "hardware notes no writes in such a domain");
	return iommu_control_end(domain->iommu, IOMMU_CALL, status);
}

/*
 * Have hardware look at the tables anew where they have changed. While it does not confirm that it
 * may note writes nowhere: then all of the range counts as written.
 */
static int settle_notes(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			struct iommu_gather *gather)
{
	int status;

	if (iommu_gather_is_empty(gather))
		return 0;
	status = iommu_sync_gather(domain, gather);
	if (status != 0 && domain->ops->note_written != NULL)
		domain->ops->note_written(domain, iova, size);
	return status;
}

static int check_dirty(const struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		       unsigned int flags, const struct iommu_dirty_bitmap *bitmap)
{
	int status = iommu_dirty_check(iova, size, bitmap);

	if (status != 0)
		return IOMMU_REFUSE(domain->iommu, "", status,
				    "the range is not whole pages of the bitmap, or not in it");
	if ((flags & ~(unsigned int)IOMMU_DIRTY_KEEP) != 0)
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EOPNOTSUPP, "unknown flags");
	return domain->ops->read_dirty != NULL
		       ? 0
		       : IOMMU_REFUSE(domain->iommu, "", IOMMU_EOPNOTSUPP,
				      "hardware notes no writes in such a domain");
}

int iommu_domain_read_dirty(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			    unsigned int flags, struct iommu_dirty_bitmap *bitmap)
{
	const struct iommu_domain_ops *ops = domain->ops;
	/* Read once: what is checked is what is written to. */
	struct iommu_dirty_bitmap own = {0};
	struct iommu_gather gather;
	int status, settled;

	if (bitmap != NULL)
		own = *bitmap;
	iommu_gather_init(&gather);
	iommu_control_lock(domain->iommu);
	status = check_dirty(domain, iova, size, flags, bitmap != NULL ? &own : NULL);
	if (status == 0)
		status = ops->read_dirty(domain, iova, size, flags, bitmap != NULL ? &own : NULL,
					 &gather);
	settled = settle_notes(domain, iova, size, &gather);
	return iommu_control_end(domain->iommu, IOMMU_CALL, status != 0 ? status : settled);
}

int iommu_domain_split(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		       uint64_t pgsize)
{
	struct iommu_gather gather;
	int status, settled;

	iommu_gather_init(&gather);
	iommu_control_lock(domain->iommu);
	if (domain->ops->split != NULL && !iommu_is_quarantine(domain))
		status = domain->ops->split(domain, iova, size, pgsize, &gather);
	else
		status = IOMMU_REFUSE(domain->iommu, "", IOMMU_EOPNOTSUPP,
				      "the domain has no tables with pages to split");
	settled = settle_notes(domain, iova, size, &gather);
	return iommu_control_end(domain->iommu, IOMMU_CALL, status != 0 ? status : settled);
}

int iommu_domain_invalidate_range(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size)
{
	if (domain->type != IOMMU_DOMAIN_SVA || domain->ops->invalidate_range == NULL)
		return IOMMU_EOPNOTSUPP;
	if (size == 0)
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - iova)
		return IOMMU_EOVERFLOW;
	return domain->ops->invalidate_range(domain, iova, iova + (size - 1));
}

static int check_user(const struct iommu_domain *domain, const void *requests, size_t request_size,
		      unsigned int count)
{
	if (domain->type != IOMMU_DOMAIN_NESTED || domain->ops->invalidate_user == NULL)
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EOPNOTSUPP,
				    "the domain is no nested one");
	if (count != 0 && (requests == NULL || request_size == 0 || request_size > IOMMU_PAGE_SIZE))
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EINVAL,
				    "requests of no size, or of more than a page");
	return 0;
}

int iommu_domain_invalidate_user(struct iommu_domain *domain, const void *requests,
				 size_t request_size, unsigned int count, unsigned int *done)
{
	const unsigned char *bytes = requests;
	int status;

	*done = 0;
	/* A guest says how many: others come in between. */
	do {
		const unsigned int left = count - *done;
		unsigned int some = 0;

		iommu_control_lock(domain->iommu);
		status = check_user(domain, requests, request_size, count);
		if (status == 0)
			status = domain->ops->invalidate_user(
				domain, count != 0 ? bytes + *done * request_size : NULL,
				request_size,
				left < USER_REQUESTS_AT_ONCE ? left : USER_REQUESTS_AT_ONCE, &some);
		status = iommu_control_end(domain->iommu, IOMMU_CALL, status);
		*done += some;
	} while (status == 0 && *done < count);
	return status;
}

/* --- Facts ------------------------------------------------------------------------------------ */

struct iommu_iova_space *iommu_domain_iova_space(const struct iommu_domain *domain)
{
	return domain->space;
}

int iommu_domain_bypass(const struct iommu_domain *domain, uint64_t mask, iommu_iova_t *offset)
{
	if (domain->bypass_size == 0)
		return IOMMU_ENOENT;
	if (mask != 0 && mask < domain->bypass_offset + (domain->bypass_size - 1))
		return IOMMU_ERANGE;
	*offset = domain->bypass_offset;
	return 0;
}

void iommu_domain_get_info(const struct iommu_domain *domain, struct iommu_domain_info *info)
{
	*info = (struct iommu_domain_info){
		.type = domain->type,
		.aperture_last = domain->aperture_last,
		.pgsize_bitmap = domain->pgsize_bitmap,
		.stage = domain->stage,
		.bypass_offset = domain->bypass_offset,
		.bypass_size = domain->bypass_size,
		.paddr_last = domain->paddr_last,
	};
	if (domain->ops->get_info != NULL)
		domain->ops->get_info(domain, info);
}
