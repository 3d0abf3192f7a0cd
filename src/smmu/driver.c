/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of the SMMUv3 back end; finding, adding and removing units. */
#include <libiommu/backend/ops.h>
#include <libiommu/smmu.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/object_cache.h"
#include "base/text.h"
#include "smmu/command.h"
#include "smmu/domain.h"
#include "smmu/endpoint.h"
#include "smmu/stream_table.h"
#include "smmu/unit.h"

#define DEFAULT_TIMEOUT_NS        1000000000ULL
#define DEFAULT_DEVICE_TIMEOUT_NS (90 * DEFAULT_TIMEOUT_NS)
#define DEFAULT_FAULTS_PER_SECOND 1000
#define PCI_ID_BITS               16
#define QUEUE_ORDER               8 /* log2 of IOMMU_RING_SLOTS */

#define KNOWN_FLAGS                                                                                \
	((unsigned int)(IOMMU_SMMU_WIRES | IOMMU_SMMU_COHERENT | IOMMU_SMMU_POLLED |               \
			IOMMU_SMMU_ONE_PAGE | IOMMU_SMMU_NO_NESTING |                              \
			IOMMU_SMMU_PASSES_WHILE_OFF | IOMMU_SMMU_NOT_COHERENT))

#define COHERENCES ((unsigned int)(IOMMU_SMMU_COHERENT | IOMMU_SMMU_NOT_COHERENT))

/* --- The ops ---------------------------------------------------------------------------------- */

static int unit_enable(struct iommu_unit *unit)
{
	return iommu_smmu_unit_enable(smmu_unit_of(unit));
}

static int unit_disable(struct iommu_unit *base)
{
	struct smmu_unit *unit = smmu_unit_of(base);
	int status = iommu_smmu_unit_disable(unit);

	iommu_release_confirmed(&unit->probe->set);
	return status;
}

#if IOMMU_CONFIG_SUSPEND
static int unit_resume(struct iommu_unit *base)
{
	struct smmu_unit *unit = smmu_unit_of(base);

	/* A unit that has lost its registers may let everything pass. */
	return base->enabled ? iommu_smmu_unit_enable(unit) : iommu_smmu_close(unit);
}
#endif

static void unit_remove(struct iommu_unit *base)
{
	struct smmu_unit *unit = smmu_unit_of(base);

	/* The unit is off: it walks nothing, and no id of it means anything. */
	(void)iommu_smmu_unit_disable(unit);
	iommu_release_confirmed(&unit->probe->set);
	iommu_smmu_unit_free(unit);
}

static bool unit_translates(const struct iommu_unit *unit)
{
	return iommu_smmu_translates(smmu_unit_of(unit));
}

static int unit_confirm(struct iommu_unit *base)
{
	struct smmu_unit *unit = smmu_unit_of(base);
	int status;

	if (iommu_unit_is_to_translate(base) && !iommu_smmu_translates(unit))
		return SMMU_REFUSE(unit, IOMMU_EIO, "its register says that it does not translate");
	status = iommu_smmu_confirm(unit);
	iommu_release_confirmed(&unit->probe->set);
	return status;
}

static enum iommu_match unit_match(const struct iommu_unit *base,
				   const struct iommu_endpoint_info *info)
{
	const struct smmu_unit *unit = smmu_unit_of(base);

	if (info->segment != base->segment ||
	    iommu_id_map_id_of(&unit->map, info->source_id) == UINT32_MAX)
		return IOMMU_MATCH_NONE;
	return unit->map.count != 0 ? IOMMU_MATCH_NAMED : IOMMU_MATCH_REST;
}

static bool capable(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	const struct smmu_unit *unit = smmu_unit_of(endpoint->unit);

	switch (capability) {
	/* Accesses of its devices are as its own. */
	case IOMMU_CAPABLE_CACHE_COHERENCY:
		return unit->is_coherent;
	/* A message is a write to a doorbell, which is translated as all others. */
	case IOMMU_CAPABLE_INTERRUPT_ISOLATION:
		return true;
	case IOMMU_CAPABLE_PASID:
		return smmu_pasid_bits(unit) != 0 && endpoint->info.max_pasids > 1;
	case IOMMU_CAPABLE_DIRTY_TRACKING:
		return IOMMU_CONFIG_SCALABLE && smmu_notes_writes(unit);
	case IOMMU_CAPABLE_ENFORCED_COHERENCY:
	case IOMMU_CAPABLE_INTERRUPT_REMAPPING:
	case IOMMU_CAPABLE_SHADOWING:
	default:
		return false;
	}
}

static int hardware_info(const struct iommu_unit *base, struct iommu_hardware_info *info)
{
	const struct smmu_unit *unit = smmu_unit_of(base);

	info->type = IOMMU_HARDWARE_SMMU;
	info->words[0] = (uint64_t)unit->idr1 << 32 | unit->idr0;
	info->words[1] = (uint64_t)unit->idr5 << 32 | unit->idr3;
	info->words[2] = (uint64_t)unit->aidr << 32 | unit->iidr;
	return 0;
}

static const struct iommu_ops smmu_ops = {
	.name = iommu_smmu_name,
	.enable = unit_enable,
	.disable = unit_disable,
	.translates = unit_translates,
	.confirm = unit_confirm,
#if IOMMU_CONFIG_SUSPEND
	.suspend = unit_disable,
	.resume = unit_resume,
#endif
	.remove = unit_remove,
	.match = unit_match,
	.probe_endpoint = iommu_smmu_probe_endpoint,
	.release_endpoint = iommu_smmu_release_endpoint,
#if IOMMU_CONFIG_REGIONS
	.next_region = iommu_smmu_next_region,
#endif
	.set_feature = iommu_smmu_set_feature,
#if IOMMU_CONFIG_SCALABLE
	.page_response = iommu_smmu_page_response,
	.handle_page_requests = iommu_smmu_handle_requests,
	.has_pasid = iommu_smmu_has_pasid,
#endif
	.endpoint_was_reset = iommu_smmu_endpoint_was_reset,
	.endpoint_is_lost = iommu_smmu_endpoint_is_lost,
	.capable = capable,
	.hardware_info = hardware_info,
	.sends = iommu_smmu_sends,
	.domain_alloc = iommu_smmu_domain_alloc,
	.handle_faults = iommu_smmu_handle_faults,
#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB
	.begin_reset = iommu_smmu_begin_reset,
	.cancel_reset = iommu_smmu_cancel_reset,
#endif
};

/* --- Memory of units -------------------------------------------------------------------------- */

static int create_ids(struct smmu_unit *unit, struct iommu_ids *ids, unsigned int wide)
{
	return iommu_ids_create(ids, unit->platform, unit->node,
				smmu_has0(unit, wide) ? 1U << 16 : 1U << 8);
}

static int copy_ranges(struct smmu_unit *unit, const struct iommu_smmu_config *config)
{
	const struct iommu_platform *platform = unit->platform;
	unsigned int i;

	if (config->id_range_count > IOMMU_ID_RANGES_MAX)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "there are too many ranges of ids");
	if (config->id_range_count == 0)
		return 0;
	unit->map.ranges = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (unit->map.ranges == NULL)
		return IOMMU_ENOMEM;
	for (i = 0; i < config->id_range_count; i++) {
		const struct iommu_smmu_ids *ids = &config->id_ranges[i];
		const struct iommu_id_range range = {ids->first, ids->last, ids->stream_id};

		switch (iommu_id_map_add(&unit->map, &range)) {
		case IOMMU_ID_RANGE_FITS:
			break;
		case IOMMU_ID_RANGE_IS_WRONG:
			return SMMU_REFUSE(
				unit, IOMMU_EINVAL,
				ids->first > ids->last
					? "a range of ids is empty"
					: "a range of ids ends above what stream_id_bits allow");
		case IOMMU_ID_RANGE_OVERLAPS:
		default:
			return SMMU_REFUSE(unit, IOMMU_EINVAL,
					   "two ranges have a source id, or a StreamID, in common");
		}
	}
	return 0;
}

static uint64_t registers_size(const struct smmu_unit *unit)
{
	return (unit->flags & IOMMU_SMMU_ONE_PAGE) != 0 ? SMMU_PAGE_SIZE : SMMU_REGISTERS_SIZE;
}

static void unmap_registers(struct smmu_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (unit->registers != NULL && platform->unmap_mmio != NULL)
		platform->unmap_mmio(platform->ctx, unit->registers, registers_size(unit));
	unit->registers = NULL;
}

/* --- What a unit can -------------------------------------------------------------------------- */

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
	const struct iommu_platform *platform = unit->platform;

	unit->registers = platform->map_mmio != NULL
				  ? platform->map_mmio(platform->ctx, unit->register_base,
						       registers_size(unit))
				  : iommu_phys_to_virt(platform, unit->register_base);
	if (unit->registers == NULL)
		return SMMU_REFUSE(unit, IOMMU_EFAULT, "the host does not map its registers");
	unit->idr0 = smmu_read32(unit, SMMU_IDR0);
	unit->idr1 = smmu_read32(unit, SMMU_IDR1);
	unit->idr3 = smmu_read32(unit, SMMU_IDR3);
	unit->idr5 = smmu_read32(unit, SMMU_IDR5);
	unit->iidr = smmu_read32(unit, SMMU_IIDR);
	unit->aidr = smmu_read32(unit, SMMU_AIDR);
	unit->output_bits = smmu_address_bits((unsigned int)smmu_bits(unit->idr5, SMMU_IDR5_OAS));
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
	const struct iommu_platform *platform = unit->platform;

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

static int choose_streams(struct smmu_unit *unit, const struct iommu_smmu_config *config)
{
	const unsigned int most = (unsigned int)smmu_bits(unit->idr1, SMMU_IDR1_SIDSIZE);

	unit->map.bits = config->stream_id_bits;
	if (unit->map.bits == 0)
		unit->map.bits = most < PCI_ID_BITS ? most : PCI_ID_BITS;
	if (unit->map.bits > most)
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
 * memory that the host may use for anything. What was not translated does not pass from now on.
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
	return status == 0 ? 0
			   : SMMU_REFUSE(unit, status,
					 "a predecessor's tables cannot be taken from it");
}

static int unit_setup(struct smmu_unit *unit, const struct iommu_smmu_config *config)
{
	int status = read_identification(unit);

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

void iommu_smmu_unit_free(struct smmu_unit *unit)
{
	struct smmu_probe *probe = unit->probe;

	iommu_smmu_streams_free(unit);
	iommu_smmu_queue_free(unit);
	iommu_smmu_log_free(unit, &unit->events);
	iommu_smmu_log_free(unit, &unit->requests);
	iommu_ids_destroy(&unit->asids, unit->platform);
	iommu_ids_destroy(&unit->vmids, unit->platform);
	iommu_smmu_pages_free(unit, unit->map.ranges, 0);
	iommu_smmu_pages_free(unit, unit->regions, 0);
	unmap_registers(unit);
	memset(&unit->base, 0, sizeof(*unit) - offsetof(struct smmu_unit, base));
	probe->references--;
	iommu_smmu_probe_free(probe);
}

/* --- Finding units ---------------------------------------------------------------------------- */

static struct smmu_unit *next_unit(struct iommu *iommu, struct smmu_unit *unit)
{
	struct iommu_unit *next = iommu_next_unit(iommu, unit != NULL ? &unit->base : NULL);

	while (next != NULL && !iommu_smmu_owns(next))
		next = iommu_next_unit(iommu, next);
	return next != NULL ? smmu_unit_of(next) : NULL;
}

static struct smmu_probe *probe_create(struct iommu *iommu)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct smmu_probe *probe = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (probe == NULL)
		return NULL;
	probe->iommu = iommu;
	probe->platform = platform;
	iommu_list_init(&probe->units);
	iommu_unit_set_init(&probe->set);
	iommu_object_cache_init(&probe->unit_cache, platform, sizeof(struct smmu_unit));
	iommu_object_cache_init(&probe->domain_cache, platform, sizeof(struct smmu_domain));
	iommu_object_cache_init(&probe->place_cache, platform, sizeof(struct iommu_place));
	iommu_object_cache_init(&probe->endpoint_cache, platform, sizeof(struct smmu_endpoint));
	iommu_object_cache_init(&probe->use_cache, platform, sizeof(struct iommu_use));
	iommu_object_cache_init(&probe->contexts_cache, platform, sizeof(struct smmu_contexts));
	return probe;
}

/* The structure of a unit that was removed, and had its registers there; or a new one. */
static struct smmu_unit *unit_alloc(struct smmu_probe *probe, iommu_paddr_t registers)
{
	struct iommu_list_node *node;
	struct smmu_unit *unit;

	iommu_list_for_each (node, &probe->units) {
		unit = iommu_container_of(node, struct smmu_unit, link);
		if (unit->register_base == registers && unit->platform == NULL &&
		    !iommu_unit_is_active(&unit->state))
			return unit;
	}
	unit = iommu_object_alloc(&probe->unit_cache, 0);
	if (unit == NULL)
		return NULL;
	unit->probe = probe;
	unit->register_base = registers;
	unit->state.set = &probe->set;
	iommu_list_insert(&probe->units, &unit->link);
	return unit;
}

static void name_unit(struct smmu_unit *unit, unsigned int number)
{
	size_t used = iommu_line_append(unit->base.name, sizeof(unit->base.name), 0, "smmu");

	(void)iommu_line_append_number(unit->base.name, sizeof(unit->base.name), used, number);
}

static void set_options(struct smmu_unit *unit, const struct iommu_smmu_config *config)
{
	unit->flags = config->flags;
	unit->httu = config->httu;
	unit->node = iommu_node_near(config->near_node, IOMMU_NODE_ANY);
	unit->timeout_ns = config->timeout_ns != 0 ? config->timeout_ns : DEFAULT_TIMEOUT_NS;
	unit->device_timeout_ns =
		config->timeout_ns != 0 ? config->timeout_ns : DEFAULT_DEVICE_TIMEOUT_NS;
	if (config->device_timeout_ns != 0)
		unit->device_timeout_ns = config->device_timeout_ns;
	unit->faults_per_second = config->faults_per_second != 0 ? config->faults_per_second
								 : DEFAULT_FAULTS_PER_SECOND;
	unit->fault_budget.left = unit->faults_per_second;
}

static const char *config_defect(const struct iommu_smmu_config *config)
{
	if ((config->flags & ~KNOWN_FLAGS) != 0)
		return IOMMU_WHY("there are unknown flags");
	if ((config->flags & COHERENCES) == COHERENCES)
		return IOMMU_WHY("the unit is said to be coherent, and not to be");
	if ((unsigned int)config->httu > IOMMU_SMMU_HTTU_DIRTY)
		return IOMMU_WHY("there is no such httu");
	if ((config->registers & (SMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_WHY("the registers are not at 64 KiB");
	if (config->id_ranges == NULL && config->id_range_count != 0)
		return IOMMU_WHY("there is a number of id ranges, and no ranges");
	if (config->regions == NULL && config->region_count != 0)
		return IOMMU_WHY("there is a number of regions, and no regions");
	return NULL;
}

/* Is there a unit at these registers, or has the configuration what is not known? */
static int check_config(struct iommu *iommu, const struct iommu_smmu_config *config)
{
	struct smmu_unit *unit = NULL;
	const char *defect = config_defect(config);

	if (defect != NULL)
		return IOMMU_REFUSE(iommu, iommu_smmu_name, IOMMU_EINVAL, defect);
	while ((unit = next_unit(iommu, unit)) != NULL)
		if (unit->register_base == config->registers)
			return SMMU_REFUSE(unit, IOMMU_EEXIST, "the unit at this address is known");
	return 0;
}

static int add_unit(struct iommu *iommu, const struct iommu_smmu_config *config,
		    struct iommu_unit **result)
{
	struct smmu_unit *first = next_unit(iommu, NULL);
	struct smmu_probe *probe;
	struct smmu_unit *unit;
	int status = check_config(iommu, config);

	if (status != 0)
		return status;
	probe = first != NULL ? first->probe : probe_create(iommu);
	if (probe == NULL)
		return IOMMU_ENOMEM;
	unit = unit_alloc(probe, config->registers);
	if (unit == NULL) {
		iommu_smmu_probe_free(probe);
		return IOMMU_ENOMEM;
	}
	probe->references++;
	if (IOMMU_CONFIG_NAMES)
		name_unit(unit, probe->names++);
	unit->base.ops = &smmu_ops;
	unit->base.segment = config->segment;
	unit->base.firmware_node = config->firmware_node;
	unit->base.iommu = iommu;
	unit->platform = probe->platform;
	set_options(unit, config);
	status = unit_setup(unit, config);
	if (status != 0) {
		iommu_smmu_unit_free(unit);
		return status;
	}
	iommu_register_unit(iommu, &unit->base);
	if (result != NULL)
		*result = &unit->base;
	return 0;
}

static int remove_unit(struct iommu_unit *base)
{
	struct smmu_unit *unit = smmu_unit_of(base);
	int status;

	if (!iommu_smmu_owns(base))
		return IOMMU_REFUSE(base->iommu, base->name, IOMMU_EINVAL, "it is no SMMUv3");
	if (base->endpoints != 0)
		return SMMU_REFUSE(unit, IOMMU_EBUSY, "it has endpoints");
	status = iommu_smmu_unit_disable(unit);
	iommu_unit_settle(base, base->enabled && status != 0, status);
	if (status != 0)
		return status;
	iommu_release_confirmed(&unit->probe->set);
	iommu_unregister_unit(base);
	iommu_smmu_unit_free(unit);
	return 0;
}

/* --- The public functions --------------------------------------------------------------------- */

int iommu_smmu_add_unit(struct iommu *iommu, const struct iommu_smmu_config *config,
			struct iommu_unit **unit)
{
	int status;

	iommu_control_lock(iommu);
	status = add_unit(iommu, config, unit);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_smmu_remove_unit(struct iommu_unit *unit)
{
	struct iommu *iommu;
	int status;

	if (unit == NULL)
		return 0;
	iommu = unit->iommu;
	iommu_control_lock(iommu);
	status = remove_unit(unit);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* Whether it is told by a message is said already. */
static int apply_interrupts(struct smmu_unit *unit)
{
	const int status = unit->started ? iommu_smmu_interrupts_apply(unit) : 0;

	return status == 0 ? 0
			   : SMMU_REFUSE_NOW(&unit->base, status,
					     "it does not confirm how it sends interrupts");
}

int iommu_smmu_set_interrupt(struct iommu_unit *base, enum iommu_smmu_cause cause, uint64_t address,
			     uint32_t data)
{
	struct smmu_unit *unit;

	if (!iommu_smmu_owns(base))
		return SMMU_REFUSE_NOW(base, IOMMU_EINVAL, SMMU_OTHERS);
	unit = smmu_unit_of(base);
	if ((unsigned int)cause >= SMMU_CAUSES)
		return SMMU_REFUSE_NOW(base, IOMMU_EINVAL, "there is no such cause");
	if (address == 0 || (address & 3) != 0 || address >> 52 != 0)
		return SMMU_REFUSE_NOW(base, IOMMU_EINVAL, "the address is none of a message");
	unit->messages[cause] =
		(struct smmu_message){.address = address, .data = data, .enabled = true};
	return apply_interrupts(unit);
}

int iommu_smmu_mask_interrupt(struct iommu_unit *base, enum iommu_smmu_cause cause)
{
	struct smmu_unit *unit;

	if (!iommu_smmu_owns(base))
		return SMMU_REFUSE_NOW(base, IOMMU_EINVAL, SMMU_OTHERS);
	unit = smmu_unit_of(base);
	if ((unsigned int)cause >= SMMU_CAUSES)
		return SMMU_REFUSE_NOW(base, IOMMU_EINVAL, "there is no such cause");
	unit->messages[cause].enabled = false;
	return apply_interrupts(unit);
}

int iommu_smmu_get_info(const struct iommu_unit *base, struct iommu_smmu_info *info)
{
	const struct smmu_unit *unit;

	if (!iommu_smmu_owns(base))
		return SMMU_REFUSE_NOW(base, IOMMU_EINVAL, SMMU_OTHERS);
	unit = smmu_unit_of(base);
	*info = (struct iommu_smmu_info){
		.registers = unit->register_base,
		.idr0 = unit->idr0,
		.idr1 = unit->idr1,
		.idr3 = unit->idr3,
		.idr5 = unit->idr5,
		.iidr = unit->iidr,
		.aidr = unit->aidr,
		.output_bits = unit->output_bits,
		.stream_id_bits = unit->map.bits,
		.stream_table_levels = unit->split != 0 ? 2 : 1,
		.stream_table = iommu_virt_to_phys(unit->platform, unit->streams),
		.pasid_bits = smmu_pasid_bits(unit),
		.is_polled = __atomic_load_n(&unit->queue.is_polled, __ATOMIC_RELAXED),
		.errors = __atomic_load_n(&unit->errors, __ATOMIC_RELAXED),
		.failure = unit->failure,
	};
	return 0;
}
