/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of the RISC-V back end; finding, adding and removing units. */
#include <libiommu/backend/ops.h>
#include <libiommu/riscv.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/object_cache.h"
#include "base/text.h"
#include "riscv/command.h"
#include "riscv/directory.h"
#include "riscv/domain.h"
#include "riscv/endpoint.h"
#include "riscv/unit.h"

#define DEFAULT_TIMEOUT_NS        1000000000ULL
#define DEFAULT_DEVICE_TIMEOUT_NS (90 * DEFAULT_TIMEOUT_NS)
#define DEFAULT_FAULTS_PER_SECOND 1000
#define PCI_ID_BITS               16
#define IDS                       65536U /* of guests, and of processes */

/* --- The ops ---------------------------------------------------------------------------------- */

static int unit_enable(struct iommu_unit *unit)
{
	return iommu_riscv_unit_enable(riscv_unit_of(unit));
}

static int unit_disable(struct iommu_unit *base)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	int status = iommu_riscv_unit_disable(unit);

	iommu_release_confirmed(&unit->probe->set);
	return status;
}

static int unit_suspend(struct iommu_unit *base)
{
	iommu_riscv_counters_find(riscv_unit_of(base));
	iommu_riscv_counters_suspend(riscv_unit_of(base));
	return unit_disable(base);
}

#if IOMMU_CONFIG_SUSPEND
static int unit_resume(struct iommu_unit *base)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	int status = base->enabled ? iommu_riscv_unit_enable(unit) : 0;

	if (status == 0)
		iommu_riscv_counters_resume(unit);
	return status;
}
#endif

static void unit_remove(struct iommu_unit *base)
{
	struct riscv_unit *unit = riscv_unit_of(base);

	/* The unit is off: it walks nothing, and no id of it means anything. */
	(void)iommu_riscv_unit_disable(unit);
	iommu_release_confirmed(&unit->probe->set);
	iommu_riscv_unit_free(unit);
}

static bool unit_translates(const struct iommu_unit *unit)
{
	return iommu_riscv_translates(riscv_unit_of(unit));
}

static int unit_confirm(struct iommu_unit *base)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	int status;

	if (iommu_unit_is_to_translate(base) && !iommu_riscv_translates(unit))
		return RISCV_REFUSE(unit, IOMMU_EIO,
				    "its register says that it does not translate");
	status = iommu_riscv_confirm(unit);
	iommu_release_confirmed(&unit->probe->set);
	return status;
}

static enum iommu_match unit_match(const struct iommu_unit *base,
				   const struct iommu_endpoint_info *info)
{
	const struct riscv_unit *unit = riscv_unit_of(base);

	if (info->segment != base->segment ||
	    iommu_id_map_id_of(&unit->map, info->source_id) == UINT32_MAX)
		return IOMMU_MATCH_NONE;
	return unit->map.count != 0 ? IOMMU_MATCH_NAMED : IOMMU_MATCH_REST;
}

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
	.enable = unit_enable,
	.disable = unit_disable,
	.translates = unit_translates,
	.confirm = unit_confirm,
	.suspend = unit_suspend,
#if IOMMU_CONFIG_SUSPEND
	.resume = unit_resume,
#endif
	.remove = unit_remove,
	.match = unit_match,
	.probe_endpoint = iommu_riscv_probe_endpoint,
	.release_endpoint = iommu_riscv_release_endpoint,
	.set_feature = iommu_riscv_set_feature,
#if IOMMU_CONFIG_SCALABLE
	.page_response = iommu_riscv_page_response,
	.handle_page_requests = iommu_riscv_handle_requests,
	.has_pasid = iommu_riscv_has_pasid,
#endif
	.endpoint_was_reset = iommu_riscv_endpoint_was_reset,
	.endpoint_is_lost = iommu_riscv_endpoint_is_lost,
	.capable = capable,
	.hardware_info = hardware_info,
	.sends = iommu_riscv_sends,
	.check = iommu_riscv_check,
	.domain_alloc = iommu_riscv_domain_alloc,
	.handle_faults = iommu_riscv_handle_faults,
#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB
	.begin_reset = iommu_riscv_begin_reset,
	.cancel_reset = iommu_riscv_cancel_reset,
#endif
#if IOMMU_CONFIG_COUNTERS
	.counters = &iommu_riscv_counter_ops,
#endif
};

/* --- Memory of units -------------------------------------------------------------------------- */

static int copy_ranges(struct riscv_unit *unit, const struct iommu_riscv_config *config)
{
	const struct iommu_platform *platform = unit->platform;
	unsigned int i;

	unit->map.bits = config->device_id_bits != 0 ? config->device_id_bits : PCI_ID_BITS;
	if (unit->map.bits > RISCV_DEVICE_ID_BITS || config->id_range_count > IOMMU_ID_RANGES_MAX)
		return RISCV_REFUSE(unit, IOMMU_EINVAL,
				    unit->map.bits > RISCV_DEVICE_ID_BITS
					    ? "ids are wider than 24 bits"
					    : "there are too many ranges of ids");
	if (config->id_range_count == 0)
		return 0;
	unit->map.ranges = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (unit->map.ranges == NULL)
		return IOMMU_ENOMEM;
	for (i = 0; i < config->id_range_count; i++) {
		const struct iommu_riscv_ids *ids = &config->id_ranges[i];
		const struct iommu_id_range range = {ids->first, ids->last, ids->device_id};

		switch (iommu_id_map_add(&unit->map, &range)) {
		case IOMMU_ID_RANGE_FITS:
			break;
		case IOMMU_ID_RANGE_IS_WRONG:
			return RISCV_REFUSE(
				unit, IOMMU_EINVAL,
				ids->first > ids->last
					? "a range of ids is empty"
					: "a range of ids ends above what device_id_bits allow");
		case IOMMU_ID_RANGE_OVERLAPS:
		default:
			return RISCV_REFUSE(
				unit, IOMMU_EINVAL,
				"two ranges have a source id, or a device id, in common");
		}
	}
	return 0;
}

static void unmap_registers(struct riscv_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (unit->registers != NULL && platform->unmap_mmio != NULL)
		platform->unmap_mmio(platform->ctx, unit->registers, RISCV_REGISTERS_SIZE);
	unit->registers = NULL;
}

static int read_capabilities(struct riscv_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	unit->registers = platform->map_mmio != NULL
				  ? platform->map_mmio(platform->ctx, unit->register_base,
						       RISCV_REGISTERS_SIZE)
				  : iommu_phys_to_virt(platform, unit->register_base);
	if (unit->registers == NULL)
		return RISCV_REFUSE(unit, IOMMU_EFAULT, "the host does not map its registers");
	unit->capabilities = riscv_read64(unit, RISCV_CAPABILITIES);
	/* Where nothing is, registers may read as ones, and as zeros. */
	if (unit->capabilities == UINT64_MAX || unit->capabilities == 0)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP,
				    unit->capabilities == 0
					    ? "it has no capability: no unit is at this address"
					    : "its registers read as ones: no unit is at this "
					      "address");
	if (riscv_cap_version(unit->capabilities) != RISCV_VERSION_1_0)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, "it is of another version than 1.0");
	unit->output_bits = riscv_cap_physical_bits(unit->capabilities);
	if (unit->output_bits <= IOMMU_PAGE_SHIFT || unit->output_bits > RISCV_ADDRESS_BITS)
		return RISCV_REFUSE(unit, IOMMU_EIO, "its physical addresses make no sense");
	unit->extended = riscv_has(unit, RISCV_CAP_MSI_FLAT);
	return 0;
}

/*
 * What a predecessor left translating is turned off: its tables are memory that the host may use
 * for anything. A unit that lets everything pass does so until it is enabled.
 */
static int stop_predecessor(struct riscv_unit *unit)
{
	const uint64_t ddtp = riscv_read64(unit, RISCV_DDTP);
	int status;

	if ((ddtp & RISCV_DDTP_BUSY) == 0 && riscv_ddtp_mode(ddtp) <= RISCV_DDTP_BARE)
		return 0;
	riscv_log(unit, IOMMU_LOG_WARNING, "was left translating by a predecessor: turned off");
	status = iommu_riscv_turn_off(unit);
	return status == 0 ? 0
			   : RISCV_REFUSE(unit, status,
					  "a predecessor's directory cannot be taken from it");
}

static int unit_setup(struct riscv_unit *unit, const struct iommu_riscv_config *config)
{
	int status = copy_ranges(unit, config);

	if (riscv_tells_valid(unit))
		__atomic_store_n(&unit->probe->set.tells_of_maps, true, __ATOMIC_SEQ_CST);
	if (status == 0)
		status = read_capabilities(unit);
	if (status == 0)
		status = stop_predecessor(unit);
	if (status == 0)
		status = iommu_riscv_directory_alloc(unit);
	if (status == 0)
		status = iommu_ids_create(&unit->guests, unit->platform, unit->node, IDS);
	if (status == 0)
		status = iommu_ids_create(&unit->processes, unit->platform, unit->node, IDS);
	if (status == 0)
		status = iommu_riscv_queue_alloc(unit);
	if (status == 0)
		status = iommu_riscv_faults_alloc(unit);
	if (status == 0)
		status = iommu_riscv_requests_alloc(unit);
	return status;
}

void iommu_riscv_unit_free(struct riscv_unit *unit)
{
	struct riscv_probe *probe = unit->probe;

	iommu_riscv_counters_suspend(unit);
	iommu_riscv_directory_free(unit);
	iommu_riscv_queue_free(unit);
	iommu_riscv_log_free(unit, &unit->faults);
	iommu_riscv_log_free(unit, &unit->requests);
	iommu_ids_destroy(&unit->guests, unit->platform);
	iommu_ids_destroy(&unit->processes, unit->platform);
	iommu_riscv_pages_free(unit, unit->map.ranges, 0);
	unmap_registers(unit);
	memset(&unit->base, 0, sizeof(*unit) - offsetof(struct riscv_unit, base));
	probe->references--;
	iommu_riscv_probe_free(probe);
}

/* --- Finding units ---------------------------------------------------------------------------- */

static struct riscv_unit *next_unit(struct iommu *iommu, struct riscv_unit *unit)
{
	struct iommu_unit *next = iommu_next_unit(iommu, unit != NULL ? &unit->base : NULL);

	while (next != NULL && !iommu_riscv_owns(next))
		next = iommu_next_unit(iommu, next);
	return next != NULL ? riscv_unit_of(next) : NULL;
}

static struct riscv_probe *probe_create(struct iommu *iommu)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct riscv_probe *probe = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (probe == NULL)
		return NULL;
	probe->iommu = iommu;
	probe->platform = platform;
	iommu_list_init(&probe->units);
	iommu_unit_set_init(&probe->set);
	iommu_object_cache_init(&probe->unit_cache, platform, sizeof(struct riscv_unit));
	iommu_object_cache_init(&probe->domain_cache, platform, sizeof(struct riscv_domain));
	iommu_object_cache_init(&probe->place_cache, platform, sizeof(struct iommu_place));
	iommu_object_cache_init(&probe->endpoint_cache, platform, sizeof(struct riscv_endpoint));
	iommu_object_cache_init(&probe->use_cache, platform, sizeof(struct iommu_use));
	iommu_object_cache_init(&probe->processes_cache, platform, sizeof(struct riscv_processes));
	return probe;
}

/* The structure of a unit that was removed, and had its registers there; or a new one. */
static struct riscv_unit *unit_alloc(struct riscv_probe *probe, iommu_paddr_t registers)
{
	struct iommu_list_node *node;
	struct riscv_unit *unit;

	iommu_list_for_each (node, &probe->units) {
		unit = iommu_container_of(node, struct riscv_unit, link);
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

static void name_unit(struct riscv_unit *unit, unsigned int number)
{
	size_t used = iommu_line_append(unit->base.name, sizeof(unit->base.name), 0, "riscv");

	(void)iommu_line_append_number(unit->base.name, sizeof(unit->base.name), used, number);
}

static void set_options(struct riscv_unit *unit, const struct iommu_riscv_config *config)
{
	unit->flags = config->flags;
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

/* Is there a unit at these registers, or has the configuration what is not known? */
static int check_config(struct iommu *iommu, const struct iommu_riscv_config *config)
{
	struct riscv_unit *unit = NULL;
	const char *defect = config_defect(config);

	if (defect != NULL)
		return IOMMU_REFUSE(iommu, iommu_riscv_name, IOMMU_EINVAL, defect);
	while ((unit = next_unit(iommu, unit)) != NULL)
		if (unit->register_base == config->registers)
			return RISCV_REFUSE(unit, IOMMU_EEXIST,
					    "the unit at this address is known");
	return 0;
}

static int add_unit(struct iommu *iommu, const struct iommu_riscv_config *config,
		    struct iommu_unit **result)
{
	struct riscv_unit *first = next_unit(iommu, NULL);
	struct riscv_probe *probe;
	struct riscv_unit *unit;
	int status = check_config(iommu, config);

	if (status != 0)
		return status;
	probe = first != NULL ? first->probe : probe_create(iommu);
	if (probe == NULL)
		return IOMMU_ENOMEM;
	unit = unit_alloc(probe, config->registers);
	if (unit == NULL) {
		iommu_riscv_probe_free(probe);
		return IOMMU_ENOMEM;
	}
	probe->references++;
	if (IOMMU_CONFIG_NAMES)
		name_unit(unit, probe->names++);
	unit->base.ops = &riscv_ops;
	unit->base.segment = config->segment;
	unit->base.firmware_node = config->firmware_node;
	unit->base.iommu = iommu;
	unit->platform = probe->platform;
	set_options(unit, config);
	status = unit_setup(unit, config);
	if (status != 0) {
		iommu_riscv_unit_free(unit);
		return status;
	}
	iommu_register_unit(iommu, &unit->base);
	if (result != NULL)
		*result = &unit->base;
	return 0;
}

static int remove_unit(struct iommu_unit *base)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	int status;

	if (!iommu_riscv_owns(base))
		return IOMMU_REFUSE(base->iommu, base->name, IOMMU_EINVAL, "it is no RISC-V unit");
	if (base->endpoints != 0 || iommu_riscv_counters_any(unit))
		return RISCV_REFUSE(unit, IOMMU_EBUSY,
				    base->endpoints != 0 ? "it has endpoints"
							 : "it has counters that are not freed");
	status = iommu_riscv_unit_disable(unit);
	iommu_unit_settle(base, base->enabled && status != 0, status);
	if (status != 0)
		return status;
	iommu_release_confirmed(&unit->probe->set);
	iommu_unregister_unit(base);
	iommu_riscv_unit_free(unit);
	return 0;
}

/* --- The public functions --------------------------------------------------------------------- */

int iommu_riscv_add_unit(struct iommu *iommu, const struct iommu_riscv_config *config,
			 struct iommu_unit **unit)
{
	int status;

	iommu_control_lock(iommu);
	status = add_unit(iommu, config, unit);
	return iommu_control_end(iommu, IOMMU_CALL, status);
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
		return RISCV_REFUSE_NOW(base, IOMMU_EINVAL, RISCV_OTHERS);
	unit = riscv_unit_of(base);
	if ((unsigned int)cause >= RISCV_CAUSES || (address & ~RISCV_MSI_ADDRESS_MASK) != 0)
		return RISCV_REFUSE_NOW(base, IOMMU_EINVAL,
					(unsigned int)cause >= RISCV_CAUSES
						? "there is no such cause"
						: "the address is none of a message");
	unit->messages[cause] =
		(struct riscv_message){.address = address, .data = data, .enabled = true};
	if (unit->started)
		iommu_riscv_messages_apply(unit);
	return 0;
}

int iommu_riscv_mask_interrupt(struct iommu_unit *base, enum iommu_riscv_cause cause)
{
	struct riscv_unit *unit;

	if (!iommu_riscv_owns(base))
		return RISCV_REFUSE_NOW(base, IOMMU_EINVAL, RISCV_OTHERS);
	unit = riscv_unit_of(base);
	if ((unsigned int)cause >= RISCV_CAUSES)
		return RISCV_REFUSE_NOW(base, IOMMU_EINVAL, "there is no such cause");
	unit->messages[cause].enabled = false;
	if (unit->started)
		iommu_riscv_messages_apply(unit);
	return 0;
}

int iommu_riscv_get_info(const struct iommu_unit *base, struct iommu_riscv_info *info)
{
	const struct riscv_unit *unit;

	if (!iommu_riscv_owns(base))
		return RISCV_REFUSE_NOW(base, IOMMU_EINVAL, RISCV_OTHERS);
	unit = riscv_unit_of(base);
	*info = (struct iommu_riscv_info){
		.registers = unit->register_base,
		.capabilities = unit->capabilities,
		.output_bits = unit->output_bits,
		.device_id_bits = unit->map.bits,
		.directory_levels = unit->levels,
		.directory = iommu_virt_to_phys(unit->platform, unit->root),
		.process_id_bits = iommu_riscv_process_bits(unit),
		.vectors = unit->vectors,
		.failure = unit->failure,
	};
	return 0;
}
