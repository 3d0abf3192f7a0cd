/* SPDX-License-Identifier: BSD-2-Clause */
/* What a unit can, and what is made for it when it is added: its stream table, ids and queues. */
#include <libiommu/smmu.h>
#include <libiommu/status.h>

#include "smmu/command.h"
#include "smmu/domain.h"
#include "smmu/stream_table.h"
#include "smmu/unit.h"

#define PCI_ID_BITS 16
#define QUEUE_ORDER 8 /* log2 of IOMMU_RING_SLOTS */

/* --- What it can ------------------------------------------------------------------------------ */

/* Arm's implementations with errata. */
#define ARM     0x43bU
#define MMU_600 0x483U
#define MMU_700 0x487U

/* Errata that concern nested domains (Arm's notices for MMU-600 and MMU-700). */
static bool has_bad_nesting(const struct smmu_unit *unit)
{
	const uint64_t product = smmu_bits(unit->iidr, SMMU_IIDR_PRODUCT);
	const uint64_t variant = smmu_bits(unit->iidr, SMMU_IIDR_VARIANT);

	if (smmu_bits(unit->iidr, SMMU_IIDR_IMPLEMENTER) != ARM)
		return false;
	return (product == MMU_600 && variant < 2) ||
	       (product == MMU_700 &&
		(variant < 1 || smmu_bits(unit->iidr, SMMU_IIDR_REVISION) < 1));
}

/* Firmware knows better than the register, either way. */
static bool is_coherent(const struct smmu_unit *unit)
{
	if ((unit->flags & IOMMU_SMMU_NOT_COHERENT) != 0)
		return false;
	return smmu_has0(unit, SMMU_IDR0_COHACC) || (unit->flags & IOMMU_SMMU_COHERENT) != 0;
}

static enum iommu_smmu_httu httu_of_register(const struct smmu_unit *unit)
{
	switch ((enum smmu_httu)smmu_bits(unit->idr0, SMMU_IDR0_HTTU)) {
	case SMMU_HTTU_DIRTY:
	case SMMU_HTTU_TABLES: /* in descriptors of tables, too */
		return IOMMU_SMMU_HTTU_DIRTY;
	case SMMU_HTTU_ACCESS:
		return IOMMU_SMMU_HTTU_ACCESS;
	case SMMU_HTTU_NONE:
	default:
		return IOMMU_SMMU_HTTU_NONE;
	}
}

static int read_identification(struct smmu_unit *unit)
{
	const uint64_t size =
		(unit->flags & IOMMU_SMMU_ONE_PAGE) != 0 ? SMMU_PAGE_SIZE : SMMU_REGISTERS_SIZE;
	int status = iommu_driven_registers_map(&unit->common, size);

	if (status != 0)
		return status;
	unit->idr0 = smmu_read32(unit, SMMU_IDR0);
	unit->idr1 = smmu_read32(unit, SMMU_IDR1);
	unit->idr3 = smmu_read32(unit, SMMU_IDR3);
	unit->idr5 = smmu_read32(unit, SMMU_IDR5);
	unit->iidr = smmu_read32(unit, SMMU_IIDR);
	unit->aidr = smmu_read32(unit, SMMU_AIDR);
	unit->common.output_bits =
		smmu_address_bits((unsigned int)smmu_bits(unit->idr5, SMMU_IDR5_OAS));
	unit->is_coherent = is_coherent(unit);
	if (unit->httu == IOMMU_SMMU_HTTU_BY_REGISTER)
		unit->httu = httu_of_register(unit);
	if (has_bad_nesting(unit))
		unit->flags |= IOMMU_SMMU_NO_NESTING;
	return 0;
}

/* Where nothing is, registers may read as ones, and as zeros. */
static int check_presence(const struct smmu_unit *unit)
{
	if (unit->idr0 == UINT32_MAX || smmu_bits(unit->aidr, SMMU_AIDR_MAJOR) != 0)
		return SMMU_REFUSE(
			unit, IOMMU_EOPNOTSUPP,
			unit->idr0 == UINT32_MAX
				? "its registers read as ones: no unit is at this address"
				: "it is no SMMUv3");
	if (smmu_bits(unit->idr0, SMMU_IDR0_TTF) == 0 && !smmu_has0(unit, SMMU_IDR0_S1P) &&
	    !smmu_has0(unit, SMMU_IDR0_S2P))
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   "it has no stage and no tables: no unit is at this address");
	return 0;
}

/* What the host needs to have for a unit that goes past the CPUs' caches. */
static int check_coherence(const struct smmu_unit *unit)
{
	const struct iommu_platform *platform = unit->common.platform;

	if (unit->is_coherent ||
	    (platform->cache_flush != NULL && platform->cache_invalidate != NULL))
		return 0;
	return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP,
			   platform->cache_flush == NULL
				   ? "it is not coherent with the CPUs' caches, and the host has "
				     "no cache_flush"
				   : "it is not coherent with the CPUs' caches, and the host has "
				     "no cache_invalidate");
}

/* Whether it is a unit that this driver can drive. */
static int check_identification(const struct smmu_unit *unit)
{
	int status = check_presence(unit);

	if (status != 0)
		return status;
	if ((smmu_bits(unit->idr0, SMMU_IDR0_TTF) & SMMU_TTF_AARCH64) == 0 ||
	    smmu_bits(unit->idr0, SMMU_IDR0_TTENDIAN) == SMMU_ENDIAN_BIG)
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   smmu_bits(unit->idr0, SMMU_IDR0_TTENDIAN) == SMMU_ENDIAN_BIG
					   ? "it knows big-endian tables alone"
					   : "it has no AArch64 tables");
	if (smmu_bits(unit->idr1, SMMU_IDR1_QUEUES_PRESET) != 0 ||
	    smmu_bits(unit->idr1, SMMU_IDR1_TABLES_PRESET) != 0 ||
	    smmu_bits(unit->idr1, SMMU_IDR1_CMDQS) < QUEUE_ORDER)
		return SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   smmu_bits(unit->idr1, SMMU_IDR1_CMDQS) < QUEUE_ORDER
					   ? "its command queue is too short"
					   : "its tables or queues are in its own memory");
	if (!smmu_has0(unit, SMMU_IDR0_S1P) && !smmu_has0(unit, SMMU_IDR0_S2P))
		return SMMU_REFUSE(unit, IOMMU_EIO, "it has no stage");
	if (!(iommu_smmu_has_granule(unit, 12) || iommu_smmu_has_granule(unit, 14) ||
	      iommu_smmu_has_granule(unit, 16)))
		return SMMU_REFUSE(unit, IOMMU_EIO, "it has no size of pages");
	return check_coherence(unit);
}

/* --- What is made for it ---------------------------------------------------------------------- */

static int create_ids(struct smmu_unit *unit, struct iommu_ids *ids, unsigned int wide)
{
	return iommu_ids_create(ids, unit->common.platform, unit->common.node,
				smmu_has0(unit, wide) ? 1U << 16 : 1U << 8);
}

static int copy_ranges(struct smmu_unit *unit, const struct iommu_smmu_config *config)
{
	unsigned int i;
	int status = iommu_driven_ranges_alloc(&unit->common, config->id_range_count);

	for (i = 0; i < config->id_range_count && status == 0; i++) {
		const struct iommu_smmu_ids *ids = &config->id_ranges[i];
		const struct iommu_id_range range = {ids->first, ids->last, ids->stream_id};

		status = iommu_driven_range_add(&unit->common, &range);
	}
	return status;
}

static int choose_streams(struct smmu_unit *unit, const struct iommu_smmu_config *config)
{
	const unsigned int most = (unsigned int)smmu_bits(unit->idr1, SMMU_IDR1_SIDSIZE);

	unit->common.map.bits = config->stream_id_bits;
	if (unit->common.map.bits == 0)
		unit->common.map.bits = most < PCI_ID_BITS ? most : PCI_ID_BITS;
	if (unit->common.map.bits > most)
		return SMMU_REFUSE(
			unit, IOMMU_EINVAL,
			"stream_id_bits are more than its StreamIDs have (IDR1.SIDSIZE)");
	if (!iommu_smmu_streams_choose(unit))
		return SMMU_REFUSE(unit, IOMMU_EINVAL,
				   smmu_has_stream_levels(unit)
					   ? "stream_id_bits are more than the 23 of the largest "
					     "stream table"
					   : "stream_id_bits are more than the 10 of the largest "
					     "stream table of one level, and it knows no other");
	return 0;
}

/*
 * What a predecessor left translating is turned off, and nothing passes on the way: its tables are
 * memory that the host may use for anything. So are its queues, into which hardware writes, and
 * where its messages go. What was not translated does not pass from now on.
 */
static int stop_predecessor(struct smmu_unit *unit)
{
	int status;

	if (iommu_smmu_is_on(unit, SMMU_CR0_SMMUEN))
		smmu_log(unit, IOMMU_LOG_WARNING,
			 "was left translating by a predecessor: turned off");
	status = iommu_smmu_close(unit);
	if (status != 0)
		return SMMU_REFUSE(unit, status,
				   "it does not abort while it is off, and its flags lack "
				   "IOMMU_SMMU_PASSES_WHILE_OFF");
	status = iommu_smmu_turn_off(unit);
	if (status != 0)
		return SMMU_REFUSE(unit, status, "a predecessor's tables cannot be taken from it");
	status = iommu_smmu_stop_all(unit);
	return status == 0 ? 0
			   : SMMU_REFUSE(unit, status,
					 "a predecessor's queues and messages do not stop");
}

int iommu_smmu_unit_setup(struct iommu_driven_unit *common, const void *given)
{
	const struct iommu_smmu_config *config = given;
	struct smmu_unit *unit = smmu_of(common);
	int status;

	unit->flags = config->flags;
	unit->httu = config->httu;
	status = read_identification(unit);
	if (status == 0)
		status = check_identification(unit);
	if (status == 0)
		status = choose_streams(unit, config);
	if (status == 0)
		status = copy_ranges(unit, config);
	if (status == 0)
		status = iommu_smmu_regions_copy(unit, config);
	if (status == 0)
		status = stop_predecessor(unit);
	if (status == 0)
		status = iommu_smmu_streams_alloc(unit);
	if (status == 0)
		status = create_ids(unit, &unit->asids, SMMU_IDR0_ASID16);
	if (status == 0)
		status = create_ids(unit, &unit->vmids, SMMU_IDR0_VMID16);
	if (status == 0)
		status = iommu_smmu_queue_alloc(unit);
	if (status == 0)
		status = iommu_smmu_events_alloc(unit);
	if (status == 0)
		status = iommu_smmu_requests_alloc(unit);
	return status;
}

void iommu_smmu_unit_free(struct iommu_driven_unit *common)
{
	struct smmu_unit *unit = smmu_of(common);

	iommu_smmu_streams_free(unit);
	iommu_ids_destroy(&unit->asids, common->platform);
	iommu_ids_destroy(&unit->vmids, common->platform);
	iommu_driven_pages_free(common, unit->regions, 0);
}
