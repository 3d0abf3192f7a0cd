/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of the RISC-V back end, and its public functions. */
#include <libiommu/backend/ops.h>
#include <libiommu/riscv.h>
#include <libiommu/status.h>

#include "driver/driver.h"
#include "riscv/command.h"
#include "riscv/directory.h"
#include "riscv/domain.h"
#include "riscv/endpoint.h"
#include "riscv/unit.h"

/* --- The ops ---------------------------------------------------------------------------------- */

static int unit_suspend(struct iommu_unit *base)
{
	iommu_riscv_counters_find(riscv_unit_of(base));
	iommu_riscv_counters_suspend(riscv_unit_of(base));
	return iommu_driver_disable(base);
}

#if IOMMU_CONFIG_SUSPEND
static int unit_resume(struct iommu_unit *base)
{
	const int status = iommu_driver_resume(base);

	if (status == 0)
		iommu_riscv_counters_resume(riscv_unit_of(base));
	return status;
}
#endif

static bool capable(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	const struct riscv_unit *unit = riscv_unit_of(endpoint->unit);

	switch (capability) {
	case IOMMU_CAPABLE_CACHE_COHERENCY:
		return true;
	/* A message is a write to an interrupt file, which is translated as all others. */
	case IOMMU_CAPABLE_INTERRUPT_ISOLATION:
		return true;
	case IOMMU_CAPABLE_PASID:
		return iommu_riscv_process_bits(unit) != 0 && endpoint->info.max_pasids > 1;
	case IOMMU_CAPABLE_DIRTY_TRACKING:
		return IOMMU_CONFIG_SCALABLE && riscv_has(unit, RISCV_CAP_AMO_HWAD);
	case IOMMU_CAPABLE_ENFORCED_COHERENCY:
	case IOMMU_CAPABLE_INTERRUPT_REMAPPING:
	case IOMMU_CAPABLE_SHADOWING:
	default:
		return false;
	}
}

static int hardware_info(const struct iommu_unit *unit, struct iommu_hardware_info *info)
{
	info->type = IOMMU_HARDWARE_RISCV;
	info->words[0] = riscv_unit_of(unit)->capabilities;
	return 0;
}

static const struct iommu_ops riscv_ops = {
	.name = iommu_riscv_name,
	.enable = iommu_driver_enable,
	.disable = iommu_driver_disable,
	.translates = iommu_driver_translates,
	.confirm = iommu_driver_confirm,
	.suspend = unit_suspend,
#if IOMMU_CONFIG_SUSPEND
	.resume = unit_resume,
#endif
	.remove = iommu_driver_unit_remove,
	.match = iommu_driver_match,
	.probe_endpoint = iommu_driver_probe_endpoint,
	.release_endpoint = iommu_driver_release_endpoint,
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
	.check = iommu_riscv_check,
	.domain_alloc = iommu_driver_domain_alloc,
	.handle_faults = iommu_riscv_handle_faults,
#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB
	.begin_reset = iommu_driver_begin_reset,
	.cancel_reset = iommu_driver_cancel_reset,
#endif
#if IOMMU_CONFIG_COUNTERS
	.counters = &iommu_riscv_counter_ops,
#endif
};

static const struct iommu_driver riscv_driver = {
	.ops = &riscv_ops,
	.unit_name = "riscv",
	.texts =
		{
			.range_ends_above =
				IOMMU_WHY("a range of ids ends above what device_id_bits allow"),
			.ranges_overlap =
				IOMMU_WHY("two ranges have a source id, or a device id, in common"),
			.others = IOMMU_WHY("it is no RISC-V unit"),
		},
	.unit_size = sizeof(struct riscv_unit),
	.domain_size = sizeof(struct riscv_domain),
	.endpoint_size = sizeof(struct riscv_endpoint),
	.contexts_size = sizeof(struct riscv_processes),
	.setup = iommu_riscv_unit_setup,
	.free = iommu_riscv_unit_free,
	.bring_up = &iommu_riscv_bring_up,
	.invalidation = &iommu_riscv_invalidation,
	.endpoints = &iommu_riscv_endpoint_ops,
	.domains = &iommu_riscv_domains,
#if IOMMU_CONFIG_SCALABLE
	.requests = &iommu_riscv_requests,
#endif
};

/* --- The public functions --------------------------------------------------------------------- */

static const char *config_defect(const struct iommu_riscv_config *config)
{
	const unsigned int known = IOMMU_RISCV_WIRES | IOMMU_RISCV_TELL_VALID;

	if ((config->flags & ~known) != 0)
		return IOMMU_WHY("there are unknown flags");
	if ((config->registers & (RISCV_REGISTERS_SIZE - 1)) != 0)
		return IOMMU_WHY("the registers are not on a page");
	if (config->id_ranges == NULL && config->id_range_count != 0)
		return IOMMU_WHY("there is a number of id ranges, and no ranges");
	return NULL;
}

int iommu_riscv_add_unit(struct iommu *iommu, const struct iommu_riscv_config *config,
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
	status = iommu_driver_add(iommu, &riscv_driver, &common, config, unit);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

static int remove_unit(struct iommu_unit *base)
{
	if (iommu_riscv_owns(base) && base->endpoints == 0 &&
	    iommu_riscv_counters_any(riscv_unit_of(base)))
		return IOMMU_REFUSE(base->iommu, base->name, IOMMU_EBUSY,
				    "it has counters that are not freed");
	return iommu_driver_remove(&riscv_driver, base);
}

int iommu_riscv_remove_unit(struct iommu_unit *unit)
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

int iommu_riscv_set_interrupt(struct iommu_unit *base, enum iommu_riscv_cause cause,
			      uint64_t address, uint32_t data)
{
	struct riscv_unit *unit;

	if (!iommu_riscv_owns(base))
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, IOMMU_OTHERS);
	unit = riscv_unit_of(base);
	if ((unsigned int)cause >= RISCV_CAUSES || (address & ~RISCV_MSI_ADDRESS_MASK) != 0)
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL,
					(unsigned int)cause >= RISCV_CAUSES
						? "there is no such cause"
						: "the address is none of a message");
	unit->messages[cause] =
		(struct riscv_message){.address = address, .data = data, .enabled = true};
	if (unit->common.started)
		iommu_riscv_messages_apply(unit);
	return 0;
}

int iommu_riscv_mask_interrupt(struct iommu_unit *base, enum iommu_riscv_cause cause)
{
	struct riscv_unit *unit;

	if (!iommu_riscv_owns(base))
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, IOMMU_OTHERS);
	unit = riscv_unit_of(base);
	if ((unsigned int)cause >= RISCV_CAUSES)
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, "there is no such cause");
	unit->messages[cause].enabled = false;
	if (unit->common.started)
		iommu_riscv_messages_apply(unit);
	return 0;
}

int iommu_riscv_get_info(const struct iommu_unit *base, struct iommu_riscv_info *info)
{
	const struct riscv_unit *unit;

	if (!iommu_riscv_owns(base))
		return IOMMU_REFUSE_NOW(base, IOMMU_EINVAL, IOMMU_OTHERS);
	unit = riscv_unit_of(base);
	*info = (struct iommu_riscv_info){
		.registers = unit->common.register_base,
		.capabilities = unit->capabilities,
		.output_bits = unit->common.output_bits,
		.device_id_bits = unit->common.map.bits,
		.directory_levels = unit->levels,
		.directory = iommu_virt_to_phys(unit->common.platform, unit->root),
		.process_id_bits = iommu_riscv_process_bits(unit),
		.vectors = unit->vectors,
		.failure = unit->common.failure,
	};
	return 0;
}
