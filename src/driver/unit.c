/* SPDX-License-Identifier: BSD-2-Clause */
/* Adding and removing units: their configuration, ids, registers and memory. */
#include <libiommu/status.h>

#include "base/memory.h"
#include "base/text.h"
#include "driver/driver.h"

#define DEFAULT_TIMEOUT_NS        1000000000ULL
#define DEFAULT_DEVICE_TIMEOUT_NS (90 * DEFAULT_TIMEOUT_NS)
#define DEFAULT_FAULTS_PER_SECOND 1000

/* --- Ids -------------------------------------------------------------------------------------- */

int iommu_driven_ranges_alloc(struct iommu_driven_unit *unit, unsigned int count)
{
	const struct iommu_platform *platform = unit->platform;

	if (count > IOMMU_ID_RANGES_MAX)
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EINVAL, "there are too many ranges of ids");
	if (count == 0)
		return 0;
	unit->map.ranges = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	return unit->map.ranges != NULL ? 0 : IOMMU_ENOMEM;
}

int iommu_driven_range_add(struct iommu_driven_unit *unit, const struct iommu_id_range *range)
{
	switch (iommu_id_map_add(&unit->map, range)) {
	case IOMMU_ID_RANGE_FITS:
		return 0;
	case IOMMU_ID_RANGE_IS_WRONG:
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EINVAL,
					   range->first > range->last
						   ? "a range of ids is empty"
						   : iommu_driver_of(unit)->texts.range_ends_above);
	case IOMMU_ID_RANGE_OVERLAPS:
	default:
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EINVAL,
					   iommu_driver_of(unit)->texts.ranges_overlap);
	}
}

enum iommu_match iommu_driver_match(const struct iommu_unit *base,
				    const struct iommu_endpoint_info *info)
{
	const struct iommu_driven_unit *unit = iommu_driven_of(base);

	if (info->segment != base->segment ||
	    iommu_id_map_id_of(&unit->map, info->source_id) == UINT32_MAX)
		return IOMMU_MATCH_NONE;
	return unit->map.count != 0 ? IOMMU_MATCH_NAMED : IOMMU_MATCH_REST;
}

/* --- Registers and memory --------------------------------------------------------------------- */

int iommu_driven_registers_map(struct iommu_driven_unit *unit, uint64_t size)
{
	const struct iommu_platform *platform = unit->platform;

	unit->register_size = size;
	unit->registers = platform->map_mmio != NULL
				  ? platform->map_mmio(platform->ctx, unit->register_base, size)
				  : iommu_phys_to_virt(platform, unit->register_base);
	return unit->registers != NULL ? 0
				       : IOMMU_REFUSE_DRIVEN(unit, IOMMU_EFAULT,
							     "the host does not map its registers");
}

static void unmap_registers(const struct iommu_driven_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (unit->registers != NULL && platform->unmap_mmio != NULL)
		platform->unmap_mmio(platform->ctx, unit->registers, unit->register_size);
}

void *iommu_driven_pages_alloc(const struct iommu_driven_unit *unit, unsigned int order)
{
	const struct iommu_driver *driver = iommu_driver_of(unit);
	const struct iommu_platform *platform = unit->platform;
	const uint64_t size = (uint64_t)IOMMU_PAGE_SIZE << order;
	void *pages = platform->alloc_pages(platform->ctx, order, unit->node, 0);
	iommu_paddr_t paddr;

	if (pages == NULL)
		return NULL;
	paddr = iommu_virt_to_phys(platform, pages);
	if ((paddr + (size - 1)) >> unit->output_bits == 0 &&
	    (!driver->aligns_pages || (paddr & (size - 1)) == 0)) {
		if (driver->show_pages != NULL)
			driver->show_pages(unit, pages, (size_t)size);
		return pages;
	}
	iommu_driven_log(unit, IOMMU_LOG_ERROR,
			 driver->aligns_pages ? "the host's page lies beyond what it can address, "
						"or is not aligned"
					      : "the host's page lies beyond what it can address");
	platform->free_pages(platform->ctx, pages, order);
	return NULL;
}

void iommu_driven_pages_free(const struct iommu_driven_unit *unit, void *pages, unsigned int order)
{
	if (pages != NULL)
		unit->platform->free_pages(unit->platform->ctx, pages, order);
}

int iommu_driven_queue_alloc(struct iommu_driven_unit *unit, const struct iommu_ring_ops *ops)
{
	struct iommu_command_ring *queue = &unit->queue;
	void *commands, *completions;

	queue->ops = ops;
	queue->platform = unit->platform;
	queue->timeout_ns = unit->timeout_ns;
	queue->device_timeout_ns = unit->device_timeout_ns;
	queue->command_words = 1;
	commands = iommu_driven_pages_alloc(unit, iommu_ring_order(queue));
	completions = iommu_driven_pages_alloc(unit, 0);
	iommu_ring_init(queue, commands, completions);
	return commands != NULL && completions != NULL ? 0 : IOMMU_ENOMEM;
}

static void free_queue(struct iommu_driven_unit *unit)
{
	struct iommu_command_ring *queue = &unit->queue;

	iommu_driven_pages_free(unit, queue->commands, iommu_ring_order(queue));
	iommu_driven_pages_free(unit, queue->completions, 0);
}

int iommu_driven_log_alloc(struct iommu_driven_unit *unit, struct iommu_driven_log *log,
			   unsigned int order, unsigned int record)
{
	const unsigned int bytes = order + record;

	log->order = order;
	log->page_order = bytes > IOMMU_PAGE_SHIFT ? bytes - IOMMU_PAGE_SHIFT : 0;
	log->pages = iommu_driven_pages_alloc(unit, log->page_order);
	return log->pages != NULL ? 0 : IOMMU_ENOMEM;
}

/* Give back all that a unit has; it is off, and unregistered. */
static void free_unit(struct iommu_driven_unit *unit)
{
	struct iommu_driver_shared *shared = unit->shared;

	shared->driver->free(unit);
	free_queue(unit);
	iommu_driven_pages_free(unit, unit->faults.pages, unit->faults.page_order);
	iommu_driven_pages_free(unit, unit->requests.pages, unit->requests.page_order);
	iommu_driven_pages_free(unit, unit->map.ranges, 0);
	unmap_registers(unit);
	memset(&unit->base, 0,
	       shared->driver->unit_size - offsetof(struct iommu_driven_unit, base));
	iommu_driver_shared_drop(shared);
}

/* --- Adding ----------------------------------------------------------------------------------- */

static void name_unit(struct iommu_driven_unit *unit)
{
	size_t used = iommu_line_append(unit->base.name, sizeof(unit->base.name), 0,
					iommu_driver_of(unit)->unit_name);

	(void)iommu_line_append_number(unit->base.name, sizeof(unit->base.name), used,
				       unit->shared->names++);
}

static void set_options(struct iommu_driven_unit *unit, const struct iommu_driven_config *config)
{
	unit->base.segment = config->segment;
	unit->base.firmware_node = config->firmware_node;
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

/* Is there a unit at these registers, or has the configuration what is not known? */
static int check_config(struct iommu *iommu, const struct iommu_driver *driver,
			const struct iommu_driven_config *config)
{
	struct iommu_driven_unit *unit = NULL;

	if (config->defect != NULL)
		return IOMMU_REFUSE(iommu, driver->ops->name, IOMMU_EINVAL, config->defect);
	while ((unit = iommu_driver_next(iommu, driver, unit)) != NULL)
		if (unit->register_base == config->registers)
			return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EEXIST,
						   "the unit at this address is known");
	return 0;
}

int iommu_driver_add(struct iommu *iommu, const struct iommu_driver *driver,
		     const struct iommu_driven_config *common, const void *config,
		     struct iommu_unit **result)
{
	struct iommu_driver_shared *shared;
	struct iommu_driven_unit *unit;
	int status = check_config(iommu, driver, common);

	if (status != 0)
		return status;
	shared = iommu_driver_shared_get(iommu, driver);
	if (shared == NULL)
		return IOMMU_ENOMEM;
	unit = iommu_driver_unit_alloc(shared, common->registers);
	if (unit == NULL) {
		iommu_driver_shared_drop(shared);
		return IOMMU_ENOMEM;
	}
	if (IOMMU_CONFIG_NAMES)
		name_unit(unit);
	unit->base.ops = driver->ops;
	unit->base.iommu = iommu;
	unit->platform = shared->platform;
	set_options(unit, common);
	status = driver->setup(unit, config);
	if (status != 0) {
		free_unit(unit);
		return status;
	}
	iommu_register_unit(iommu, &unit->base);
	if (result != NULL)
		*result = &unit->base;
	return 0;
}

/* --- Removing --------------------------------------------------------------------------------- */

/* The unit is off: it walks nothing, and no id of it means anything. */
void iommu_driver_unit_remove(struct iommu_unit *base)
{
	struct iommu_driven_unit *unit = iommu_driven_of(base);

	(void)iommu_driven_disable(unit);
	iommu_release_confirmed(&unit->shared->set);
	free_unit(unit);
}

int iommu_driver_remove(const struct iommu_driver *driver, struct iommu_unit *base)
{
	struct iommu_driven_unit *unit = iommu_driven_of(base);
	int status;

	if (base->ops->name != driver->ops->name)
		return IOMMU_REFUSE(base->iommu, base->name, IOMMU_EINVAL, driver->texts.others);
	if (base->endpoints != 0)
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EBUSY, "it has endpoints");
	status = iommu_driven_disable(unit);
	iommu_unit_settle(base, base->enabled && status != 0, status);
	if (status != 0)
		return status;
	iommu_release_confirmed(&unit->shared->set);
	iommu_unregister_unit(base);
	free_unit(unit);
	return 0;
}
