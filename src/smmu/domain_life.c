/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Creation and end of domains: the stage that translates, and its table.
 *
 * A paging domain uses stage 1 where the unit has one, because PASIDs need it; stage 2 where the
 * host asks for it, and where nested domains are to be made of the domain.
 */
#include <libiommu/aarch64.h>
#include <libiommu/backend/ops.h>
#include <libiommu/pgtable.h>
#include <libiommu/smmu.h>
#include <libiommu/status.h>

#include "base/bits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/object_cache.h"
#include "smmu/domain.h"
#include "smmu/unit.h"
#include "unit/confirmation.h"

#define NO_TABLE "no table can be made of this width, of these page sizes or this budget"

/* Of the wide addresses that pages of 64K may have. */
#define WIDE_BITS   52U
#define NARROW_BITS 48U

/* --- Domains without tables of their own ------------------------------------------------------ */

static const struct iommu_domain_ops identity_ops = {
	.attach = iommu_driver_attach,
	.detach = iommu_driver_detach,
	.free = iommu_placed_free,
};

#if IOMMU_CONFIG_SCALABLE

/* Its requests may be those of contexts of its own: PASIDs of ours have no place beside them. */
static const struct iommu_domain_ops nested_ops = {
	.attach = iommu_driver_attach,
	.detach = iommu_driver_detach,
	.free = iommu_placed_free,
	.invalidate_user = iommu_smmu_invalidate_user,
};

/* Are other bits set than a guest may set? */
static bool has_unknown_bits(const uint64_t *words)
{
	return (words[0] & ~IOMMU_SMMU_STREAM_WORD0) != 0 ||
	       (words[1] & ~IOMMU_SMMU_STREAM_WORD1) != 0;
}

/* Would hardware refuse a stage 1 of these words? */
static bool is_wrong(const struct smmu_unit *unit, const uint64_t *words)
{
	const uint64_t bits = smmu_bits(unit->idr1, SMMU_IDR1_SSIDSIZE);
	const uint64_t format = smmu_get(words, SMMU_STE_S1FMT);

	if (smmu_address(words, SMMU_STE_S1CONTEXTPTR) >> unit->common.output_bits != 0 ||
	    smmu_get(words, SMMU_STE_S1CDMAX) > bits || format > SMMU_S1FMT_64K ||
	    smmu_get(words, SMMU_STE_S1DSS) > SMMU_S1DSS_CD0)
		return true;
	return smmu_get(words, SMMU_STE_S1CDMAX) != 0 && format != SMMU_S1FMT_LINEAR &&
	       !smmu_has0(unit, SMMU_IDR0_CD2L);
}

/* What a guest says of its stream; nothing in it is trusted. */
static int take_stream(struct smmu_domain *domain, const struct smmu_unit *unit,
		       const struct iommu_domain_config *config)
{
	struct iommu_smmu_stream stream;
	unsigned int configuration;

	if (config->user_data == NULL || config->user_size < sizeof(stream) ||
	    config->user_size > IOMMU_PAGE_SIZE)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "user_data is no struct iommu_smmu_stream");
	/* Read once: another thread may write to it. */
	memcpy(&stream, config->user_data, sizeof(stream));
	configuration = (unsigned int)smmu_get(stream.words, SMMU_STE_CONFIG);
	if (has_unknown_bits(stream.words) ||
	    !iommu_driver_rest_is_zero(config->user_data, sizeof(stream), config->user_size))
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   has_unknown_bits(stream.words)
					   ? "the guest's entry has bits that are not a guest's"
					   : "behind the guest's entry is more than is known");
	if (!smmu_has(stream.words, SMMU_STE_V) || configuration < SMMU_STE_BYPASS)
		configuration = SMMU_STE_ABORT;
	if (configuration > SMMU_STE_STAGE_1 ||
	    (configuration == SMMU_STE_STAGE_1 && is_wrong(unit, stream.words)))
		return SMMU_REFUSE(unit, IOMMU_EINVAL,
				   configuration > SMMU_STE_STAGE_1
					   ? "the guest's entry has a stage 2"
					   : "hardware would refuse the guest's entry");
	smmu_set(stream.words, SMMU_STE_CONFIG, configuration);
	/* The host's affair. */
	smmu_set(stream.words, SMMU_STE_S1STALLD, 0);
	smmu_set(stream.words, SMMU_STE_EATS, 0);
	memcpy(domain->guest, stream.words, sizeof(domain->guest));
	domain->common.base.aperture_last = UINT64_MAX;
	domain->common.base.stage = IOMMU_STAGE_FIRST;
	return 0;
}

static int make_nested(struct smmu_domain *domain, const struct smmu_unit *unit,
		       const struct iommu_domain_config *config)
{
	struct smmu_domain *parent = smmu_domain_of(config->parent);

	if ((unit->flags & IOMMU_SMMU_NO_NESTING) != 0 || !smmu_has0(unit, SMMU_IDR0_S1P))
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no two stages that work");
	if (parent->type != SMMU_SECOND_STAGE)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "the parent is no stage 2");
	domain->type = SMMU_NESTED;
	domain->common.parent = &parent->common;
	domain->common.base.ops = &nested_ops;
	return take_stream(domain, unit, config);
}

#endif

/* --- Tables of its own ------------------------------------------------------------------------ */

/* Pages, blocks and runs of a granule. */
static uint64_t sizes_of(unsigned int granule)
{
	switch (granule) {
	case 12:
		return IOMMU_SIZE_4K | IOMMU_SIZE_64K | IOMMU_SIZE_2M | 1ULL << 25 | IOMMU_SIZE_1G;
	case 14:
		return 1ULL << 14 | IOMMU_SIZE_2M | 1ULL << 25 | IOMMU_SIZE_1G;
	default:
		return IOMMU_SIZE_64K | IOMMU_SIZE_2M | 1ULL << 29;
	}
}

/* The granule that the host asks for, or the smallest; 0: the unit has none such. */
static unsigned int granule_for(const struct smmu_unit *unit, uint64_t sizes)
{
	unsigned int granule;

	for (granule = 12; granule <= 16; granule += 2)
		if (iommu_smmu_has_granule(unit, granule) &&
		    (sizes == 0 || iommu_lowest_bit(sizes) == granule))
			return granule;
	return 0;
}

/* Tables may be changed while hardware walks them, as far as the unit knows how. */
static unsigned int flags_for(const struct smmu_unit *unit,
			      const struct iommu_domain_config *config)
{
	const uint64_t level = smmu_bits(unit->idr3, SMMU_IDR3_BBML);
	unsigned int flags = IOMMU_PGTABLE_ACCESSED;

	if (level >= 2)
		flags |= IOMMU_PGTABLE_BBM_LEVEL_2;
	else if (level == 1)
		flags |= IOMMU_PGTABLE_BBM_LEVEL_1;
	if (config->dirty_tracking)
		flags |= IOMMU_PGTABLE_DIRTY_TRACKING;
	if (!unit->is_coherent)
		flags |= IOMMU_PGTABLE_NONCOHERENT;
	return flags;
}

static int make_table(struct smmu_domain *domain, const struct smmu_unit *unit,
		      const struct iommu_domain_config *config, bool first)
{
	const unsigned int granule = granule_for(unit, config->pgsize_bitmap);
	const unsigned int most = granule == 16 ? WIDE_BITS : NARROW_BITS;
	const unsigned int output =
		unit->common.output_bits < most ? unit->common.output_bits : most;
	const unsigned int widest = first ? NARROW_BITS : output;
	const struct iommu_pgtable_config table = {
		.platform = unit->common.platform,
		.input_bits = config->address_width != 0 ? config->address_width : widest,
		.output_bits = output,
		.pgsize_bitmap =
			config->pgsize_bitmap != 0 ? config->pgsize_bitmap : sizes_of(granule),
		.max_pages = config->max_table_pages,
		.node = iommu_node_near(config->near_node, unit->common.node),
		.flags = flags_for(unit, config),
	};
	int status;

	if (config->force_snoop || (config->dirty_tracking && !smmu_notes_writes(unit)))
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   config->force_snoop ? "it does not force snooping"
						       : "it does not note writes");
	if (!smmu_has0(unit, first ? SMMU_IDR0_S1P : SMMU_IDR0_S2P))
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   first ? "it has no stage 1" : "it has no stage 2");
	if (granule == 0 || (table.pgsize_bitmap & ~sizes_of(granule)) != 0)
		return SMMU_REFUSE(
			unit, IOMMU_EINVAL,
			granule == 0
				? "the smallest size in pgsize_bitmap is no granule that it has"
				: "pgsize_bitmap has a size that tables of its smallest have "
				  "not");
	if (table.input_bits > widest)
		return SMMU_REFUSE(unit, IOMMU_EINVAL,
				   first ? "address_width is more than the 48 of stage 1"
				   : unit->common.output_bits <= most
					   ? "address_width is more than its addresses have, which "
					     "stage 2 translates (IDR5.OAS)"
					   : "address_width is more than the 48 of stage 2 (52: "
					     "with pages of 64K)");
	status = first ? iommu_vmsas1_init(&domain->common.pgtable, &table)
		       : iommu_vmsas2_init(&domain->common.pgtable, &table);
	if (status != 0)
		return status == IOMMU_ENOMEM ? status : SMMU_REFUSE(unit, status, NO_TABLE);
	iommu_smmu_domain_use(domain, first);
	iommu_driven_show_table(&domain->common, config->nest_parent);
	domain->common.base.keeps_sizes =
		(domain->common.pgtable.flags & IOMMU_PGTABLE_BBM_LEVEL_2) == 0;
	return 0;
}

static int make_tables(struct smmu_domain *domain, const struct smmu_unit *unit,
		       const struct iommu_domain_config *config)
{
	const bool wants_first = config->stage == IOMMU_STAGE_ANY
					 ? !config->nest_parent && smmu_has0(unit, SMMU_IDR0_S1P)
					 : config->stage == IOMMU_STAGE_FIRST;

	if (config->nest_parent && wants_first)
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP, "a stage 1 has nothing below it");
	return make_table(domain, unit, config, wants_first);
}

/* --- Allocation ------------------------------------------------------------------------------- */

static int make(struct iommu_placed *common, struct iommu_driven_unit *driven,
		enum iommu_domain_type type, const struct iommu_domain_config *config)
{
	struct smmu_domain *domain = smmu_domain_of(&common->base);
	const struct smmu_unit *unit = smmu_of(driven);

	switch (type) {
	case IOMMU_DOMAIN_PAGING:
		return make_tables(domain, unit, config);
	case IOMMU_DOMAIN_NESTED:
#if IOMMU_CONFIG_SCALABLE
		return make_nested(domain, unit, config);
#endif
	case IOMMU_DOMAIN_SVA:
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no such type of domain");
	case IOMMU_DOMAIN_BLOCKED:
		domain->common.base.ops = &iommu_driver_blocked_ops;
		return 0;
	case IOMMU_DOMAIN_IDENTITY:
		domain->type = SMMU_IDENTITY;
		domain->common.base.ops = &identity_ops;
		return 0;
	/* To a back end these are paging domains. */
	case IOMMU_DOMAIN_DMA:
	case IOMMU_DOMAIN_DMA_LAZY:
	case IOMMU_DOMAIN_DMA_BYPASS:
	case IOMMU_DOMAIN_QUARANTINE:
	default:
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no such type of domain");
	}
}

const struct iommu_driver_domain_ops iommu_smmu_domains = {
	.places = &iommu_smmu_place_ops,
	.make = make,
	.defect = iommu_smmu_domain_defect,
	.ids = iommu_smmu_domain_ids,
};
