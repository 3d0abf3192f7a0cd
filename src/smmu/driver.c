/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of the SMMUv3 back end, and its public functions. */
#include <libiommu/backend/ops.h>
#include <libiommu/smmu.h>
#include <libiommu/status.h>

#include "driver/driver.h"
#include "smmu/command.h"
#include "smmu/domain.h"
#include "smmu/endpoint.h"
#include "smmu/stream_table.h"
#include "smmu/unit.h"

#define KNOWN_FLAGS                                                                                \
	((unsigned int)(IOMMU_SMMU_WIRES | IOMMU_SMMU_COHERENT | IOMMU_SMMU_POLLED |               \
			IOMMU_SMMU_ONE_PAGE | IOMMU_SMMU_NO_NESTING |                              \
			IOMMU_SMMU_PASSES_WHILE_OFF | IOMMU_SMMU_NOT_COHERENT))

#define COHERENCES ((unsigned int)(IOMMU_SMMU_COHERENT | IOMMU_SMMU_NOT_COHERENT))

/* --- The ops ---------------------------------------------------------------------------------- */

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
	.enable = iommu_driver_enable,
	.disable = iommu_driver_disable,
	.translates = iommu_driver_translates,
	.confirm = iommu_driver_confirm,
#if IOMMU_CONFIG_SUSPEND
	.suspend = iommu_driver_disable,
	.resume = iommu_driver_resume,
#endif
	.remove = iommu_driver_unit_remove,
	.match = iommu_driver_match,
	.probe_endpoint = iommu_driver_probe_endpoint,
	.release_endpoint = iommu_driver_release_endpoint,
#if IOMMU_CONFIG_REGIONS
	.next_region = iommu_smmu_next_region,
#endif
	.set_feature = iommu_driver_set_feature,
#if IOMMU_CONFIG_SCALABLE
	.page_response = iommu_driver_page_response,
	.handle_page_requests = iommu_driver_handle_requests,
	.has_pasid = iommu_driver_has_pasid,
#endif
	.endpoint_was_reset = iommu_driver_endpoint_was_reset,
	.endpoint_is_lost = iommu_driver_endpoint_is_lost,
	.capable = capable,
	.hardware_info = hardware_info,
	.sends = iommu_driver_sends,
	.domain_alloc = iommu_driver_domain_alloc,
	.handle_faults = iommu_smmu_handle_faults,
#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB
	.begin_reset = iommu_driver_begin_reset,
	.cancel_reset = iommu_driver_cancel_reset,
#endif
};

static void show_pages(const struct iommu_driven_unit *unit, const void *pages, size_t size)
{
	smmu_write_back(smmu_of(unit), pages, size);
}

static const struct iommu_driver smmu_driver = {
	.ops = &smmu_ops,
	.unit_name = "smmu",
	.texts =
		{
			.range_ends_above =
				IOMMU_WHY("a range of ids ends above what stream_id_bits allow"),
			.ranges_overlap =
				IOMMU_WHY("two ranges have a source id, or a StreamID, in common"),
			.others = IOMMU_WHY("it is no SMMUv3"),
		},
	.unit_size = sizeof(struct smmu_unit),
	.domain_size = sizeof(struct smmu_domain),
	.endpoint_size = sizeof(struct smmu_endpoint),
	.contexts_size = sizeof(struct smmu_contexts),
	.aligns_pages = true, /* hardware takes the bits below the size for 0 */
	.show_pages = show_pages,
	.setup = iommu_smmu_unit_setup,
	.free = iommu_smmu_unit_free,
	.bring_up = &iommu_smmu_bring_up,
	.invalidation = &iommu_smmu_invalidation,
	.endpoints = &iommu_smmu_endpoint_ops,
	.domains = &iommu_smmu_domains,
#if IOMMU_CONFIG_SCALABLE
	.requests = &iommu_smmu_requests,
#endif
};

/* --- The public functions --------------------------------------------------------------------- */

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

int iommu_smmu_add_unit(struct iommu *iommu, const struct iommu_smmu_config *config,
			struct iommu_unit **unit)
{
	const struct iommu_driven_config common = {
		.defect = config_defect(config),
		.registers = config->registers,
		.segment = config->segment,
		.firmware_node = config->firmware_node,
		.near_node = config->near_node,
		.timeout_ns = config->timeout_ns,
		.device_timeout_ns = config->device_timeout_ns,
		.faults_per_second = config->faults_per_second,
	};
	int status;

	iommu_control_lock(iommu);
	status = iommu_driver_add(iommu, &smmu_driver, &common, config, unit);
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
	status = iommu_driver_remove(&smmu_driver, unit);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* Whether it is told by a message is said already. */
static int apply_interrupts(struct smmu_unit *unit)
{
	const int status = unit->common.started ? iommu_smmu_interrupts_apply(unit) : 0;

	return status == 0 ? 0
			   : IOMMU_REFUSE_NOW(&unit->common.base, status,
					      "it does not confirm how it sends interrupts");
}

int iommu_smmu_set_interrupt(struct iommu_unit *base, enum iommu_smmu_cause cause, uint64_t address,
			     uint32_t data)
{
	struct smmu_unit *unit;

	if (!iommu_smmu_owns(base))
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, IOMMU_OTHERS);
	unit = smmu_unit_of(base);
	if ((unsigned int)cause >= SMMU_CAUSES)
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, "there is no such cause");
	if (address == 0 || (address & 3) != 0 || address >> 52 != 0)
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, "the address is none of a message");
	unit->messages[cause] =
		(struct smmu_message){.address = address, .data = data, .enabled = true};
	return apply_interrupts(unit);
}

int iommu_smmu_mask_interrupt(struct iommu_unit *base, enum iommu_smmu_cause cause)
{
	struct smmu_unit *unit;

	if (!iommu_smmu_owns(base))
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, IOMMU_OTHERS);
	unit = smmu_unit_of(base);
	if ((unsigned int)cause >= SMMU_CAUSES)
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, "there is no such cause");
	unit->messages[cause].enabled = false;
	return apply_interrupts(unit);
}

int iommu_smmu_get_info(const struct iommu_unit *base, struct iommu_smmu_info *info)
{
	const struct smmu_unit *unit;

	if (!iommu_smmu_owns(base))
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, IOMMU_OTHERS);
	unit = smmu_unit_of(base);
	*info = (struct iommu_smmu_info){
		.registers = unit->common.register_base,
		.idr0 = unit->idr0,
		.idr1 = unit->idr1,
		.idr3 = unit->idr3,
		.idr5 = unit->idr5,
		.iidr = unit->iidr,
		.aidr = unit->aidr,
		.output_bits = unit->common.output_bits,
		.stream_id_bits = unit->common.map.bits,
		.stream_table_levels = unit->split != 0 ? 2 : 1,
		.stream_table = iommu_virt_to_phys(unit->common.platform, unit->streams),
		.pasid_bits = smmu_pasid_bits(unit),
		.is_polled = __atomic_load_n(&unit->common.queue.is_polled, __ATOMIC_RELAXED),
		.errors = __atomic_load_n(&unit->errors, __ATOMIC_RELAXED),
		.failure = unit->common.failure,
	};
	return 0;
}
