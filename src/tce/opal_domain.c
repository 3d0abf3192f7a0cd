/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains of OPAL bridges: TCE tables, identity, blocked. */
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "tce/opal.h"

static void release(struct iommu_placed *common)
{
	struct opal_domain *domain = opal_domain_of(&common->base);
	const struct iommu_platform *platform = common->platform;

	iommu_placed_destroy(common, &domain->unit->place_cache);
	iommu_opal_user_destroy(domain);
	platform->free_pages(platform->ctx, domain, 0);
}

/* A domain that would have to wait is freed at once if what is open can be made good now. */
void iommu_opal_domain_free(struct iommu_domain *base)
{
	struct opal_unit *unit = opal_domain_of(base)->unit;

	iommu_placed_free(base);
	if (!iommu_unit_has_failed(&unit->state))
		return;
	(void)iommu_opal_settle(unit);
	(void)iommu_opal_forget_failed(unit);
	iommu_release_confirmed(&unit->set);
}

static int domain_map(struct iommu_domain *base, iommu_iova_t iova, iommu_paddr_t paddr,
		      uint64_t size, unsigned int prot, struct iommu_gather *gather,
		      uint64_t *mapped)
{
	return iommu_tce_map(&opal_domain_of(base)->common.pgtable, iova, paddr, size, prot, gather,
			     mapped);
}

static int domain_unmap(struct iommu_domain *base, iommu_iova_t iova, uint64_t size,
			unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	return iommu_tce_unmap(&opal_domain_of(base)->common.pgtable, iova, size, flags, gather,
			       unmapped);
}

void iommu_opal_domain_get_info(const struct iommu_domain *base, struct iommu_domain_info *info)
{
	const struct opal_domain *domain = opal_domain_of(base);

	unsigned int i;

	info->coherent = true;
	for (i = 0; i < IOMMU_WINDOWS; i++)
		if (domain->windows[i].has_table)
			info->table_pages += iommu_cell_load(&domain->windows[i].table.pages);
	if (!iommu_placed_has_table(&domain->common))
		return;
	info->table_pages = iommu_cell_load(&domain->common.pgtable.pages);
	info->withheld = iommu_withheld_pages_any(&domain->common.pages);
	info->levels = domain->common.pgtable.levels;
}

static const struct iommu_domain_ops paging_ops = {
	.attach = iommu_opal_attach,
	.detach = iommu_opal_detach,
	.free = iommu_opal_domain_free,
	.map_pages = domain_map,
	.unmap_pages = domain_unmap,
	.sync_map = iommu_placed_sync_map,
	.sync = iommu_placed_sync,
	.flush_all = iommu_placed_flush_all,
	.free_gathered = iommu_placed_free_gathered,
	.iova_to_phys = iommu_placed_iova_to_phys,
	.walk = iommu_placed_walk,
	.get_info = iommu_opal_domain_get_info,
};

static const struct iommu_domain_ops identity_ops = {
	.attach = iommu_opal_attach,
	.detach = iommu_opal_detach,
	.free = iommu_opal_domain_free,
	.get_info = iommu_opal_domain_get_info,
};

static const struct iommu_domain_ops blocked_ops = {
	.attach = iommu_opal_attach_blocked,
	.detach = iommu_opal_detach,
	.free = iommu_opal_domain_free,
	.get_info = iommu_opal_domain_get_info,
};

/*
 * The smallest of the page sizes that are wanted and supported, so that everything can be mapped.
 */
static uint64_t page_size_for(const struct opal_unit *unit, uint64_t wanted)
{
	const uint64_t sizes =
		wanted != 0 ? unit->config.page_sizes & wanted : unit->config.page_sizes;

	return sizes & -sizes;
}

/* Levels of 4 KiB tables for so many bits of address. */
static unsigned int levels_for(unsigned int bits, uint64_t page_size)
{
	unsigned int levels = 1;
	unsigned int shift = 12;

	while (1ULL << shift < page_size)
		shift++;
	while (shift + 9 * levels < bits)
		levels++;
	return levels;
}

#define NO_TABLE "no window can be made of this width or of these page sizes"

static int init_table(struct opal_domain *domain, const struct iommu_domain_config *config,
		      unsigned int bits, uint64_t page_size)
{
	const struct opal_unit *unit = domain->unit;
	const struct iommu_pgtable_config table = {
		.platform = unit->platform,
		.levels = levels_for(bits, page_size),
		.input_bits = bits,
		.output_bits = unit->config.output_bits,
		.pgsize_bitmap = page_size,
		.max_pages = config->max_table_pages,
		.node = iommu_node_near(config->near_node, IOMMU_NODE_ANY),
	};
	int status = iommu_tce_init(&domain->common.pgtable, &table);

	if (status != 0)
		return status == IOMMU_ENOMEM ? status : OPAL_REFUSE(unit, status, NO_TABLE);
	domain->common.format = &iommu_tce_ops;
	domain->common.base.pgsize_bitmap = page_size;
	domain->common.base.aperture_last = domain->common.pgtable.aperture_last;
	domain->common.base.paddr_last = domain->common.pgtable.paddr_last;
	domain->common.base.prot_hints = IOMMU_PROT_MAY_SLEEP;
	return 0;
}

/* --- A bypass in the first window ------------------------------------------------------------- */

#define LOW_BYPASS_START   (1ULL << 32)
#define LOW_BYPASS_PAGE    (1ULL << 24) /* smaller ones would take tables of many pages */
#define LOW_BYPASS_MAX_END (1ULL << (TVE_BYPASS_BITS - 1))

/* The devices do not reach the second window. */
static bool wants_low_bypass(const struct iommu_domain_config *config)
{
	return config->bypass && config->bypass_width != 0 &&
	       config->bypass_width <= TVE_WINDOW_BIT;
}

/* The largest size of pages with which 4 GiB begins; 0: none that is large enough. */
static uint64_t low_bypass_page(const struct opal_unit *unit, uint64_t wanted)
{
	const uint64_t sizes = unit->config.page_sizes & (2 * LOW_BYPASS_START - 1) &
			       -LOW_BYPASS_PAGE & (wanted != 0 ? wanted : UINT64_MAX);

	return sizes != 0 ? 1ULL << iommu_highest_bit(sizes) : 0;
}

static int map_low_bypass(struct opal_domain *domain, uint64_t size)
{
	struct iommu_gather gather;
	uint64_t mapped = 0;
	int status;

	iommu_gather_init(&gather);
	status = iommu_tce_map(&domain->common.pgtable, LOW_BYPASS_START, 0, size,
			       IOMMU_PROT_READ_WRITE, &gather, &mapped);
	/* What a failed map has made is destroyed with the table, which no bridge has seen. */
	iommu_tce_free_gathered(&domain->common.pgtable, &gather);
	if (status == 0)
		return 0;
	iommu_tce_destroy(&domain->common.pgtable);
	return status == IOMMU_ENOMEM ? status : OPAL_REFUSE(domain->unit, IOMMU_EINVAL, NO_TABLE);
}

static int make_low_bypass(struct opal_domain *domain, const struct iommu_domain_config *config)
{
	const struct opal_unit *unit = domain->unit;
	const uint64_t page = low_bypass_page(unit, config->pgsize_bitmap);
	const uint64_t memory = unit->config.memory_end;
	const unsigned int width = config->address_width;
	uint64_t size;
	int status;

	if (page == 0 || memory == 0 || memory > LOW_BYPASS_MAX_END - LOW_BYPASS_START ||
	    (LOW_BYPASS_START + memory - 1) >> config->bypass_width != 0)
		return OPAL_REFUSE(
			unit, IOMMU_EOPNOTSUPP,
			"it has no pages, or the devices no addresses, for a bypass below "
			"bit 59");
	size = (memory + (page - 1)) & -page;
	status = init_table(domain, config, iommu_highest_bit(LOW_BYPASS_START + size - 1) + 1,
			    page);
	if (status == 0)
		status = map_low_bypass(domain, size);
	if (status != 0)
		return status;
	/* Below it, in pages of that size, whatever the caller maps: nothing of it is unmapped. */
	domain->common.base.aperture_last =
		(width != 0 && width < 32 ? 1ULL << width : LOW_BYPASS_START) - 1;
	domain->common.pgtable.aperture_last = domain->common.base.aperture_last;
	domain->common.base.bypass_offset = LOW_BYPASS_START;
	domain->common.base.bypass_size = memory;
	return 0;
}

/* --- Making one ------------------------------------------------------------------------------- */

static int make_table(struct opal_domain *domain, const struct iommu_domain_config *config)
{
	const struct opal_unit *unit = domain->unit;
	const unsigned int bits =
		config->address_width != 0 ? config->address_width : unit->config.window_bits;
	const uint64_t page_size = page_size_for(unit, config->pgsize_bitmap);
	int status;

	if (config->force_snoop)
		return OPAL_REFUSE(unit, IOMMU_EOPNOTSUPP, "it forces no snooping");
	if (wants_low_bypass(config))
		return make_low_bypass(domain, config);
	if (bits > unit->config.window_bits || page_size == 0)
		return OPAL_REFUSE(unit, IOMMU_EINVAL, NO_TABLE);
	status = init_table(domain, config, bits, page_size);
	if (status == 0 && config->bypass) {
		domain->common.base.bypass_offset = OPAL_BYPASS_START;
		domain->common.base.bypass_size = unit->config.memory_end;
	}
	return status;
}

static int make_windows(struct opal_domain *domain, const struct iommu_domain_config *config)
{
	if (config->force_snoop || config->bypass)
		return OPAL_REFUSE(domain->unit, IOMMU_EOPNOTSUPP,
				   "it forces no snooping, and beside windows there is no bypass");
	domain->has_user_windows = true;
	domain->max_table_pages = config->max_table_pages;
	domain->near_node = config->near_node;
	domain->common.base.ops = &iommu_opal_user_ops;
	domain->common.base.pgsize_bitmap = domain->unit->config.page_sizes;
	domain->common.base.aperture_last = OPAL_BYPASS_START | (OPAL_BYPASS_START - 1);
	return 0;
}

int iommu_opal_domain_alloc(struct iommu_unit *base, enum iommu_domain_type type,
			    const struct iommu_domain_config *config, struct iommu_domain **result)
{
	struct opal_unit *unit = opal_unit_of(base);
	const struct iommu_platform *platform = unit->platform;
	struct opal_domain *domain;
	int status = 0;

	if (type != IOMMU_DOMAIN_PAGING && type != IOMMU_DOMAIN_IDENTITY &&
	    type != IOMMU_DOMAIN_BLOCKED)
		return OPAL_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no such type of domain");
	iommu_release_confirmed(&unit->set);
	domain = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (domain == NULL)
		return IOMMU_ENOMEM;
	domain->unit = unit;
	domain->common.base.ops = type == IOMMU_DOMAIN_IDENTITY ? &identity_ops : &blocked_ops;
	domain->common.base.aperture_last = (1ULL << unit->config.window_bits) - 1;
	iommu_placed_init(&domain->common, &iommu_opal_place_ops, platform, &unit->set, release);
	if (type == IOMMU_DOMAIN_PAGING && (config->flags & IOMMU_DOMAIN_WINDOWS) != 0) {
		status = make_windows(domain, config);
	} else if (type == IOMMU_DOMAIN_PAGING) {
		domain->common.base.ops = &paging_ops;
		status = make_table(domain, config);
	}
	if (status != 0) {
		platform->free_pages(platform->ctx, domain, 0);
		return status;
	}
	*result = &domain->common.base;
	return 0;
}
