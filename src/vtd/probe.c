/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding units, at boot and on hot-add: DMAR tables, registers, and the memory that a unit needs.
 *
 * A probe owns what its units share. Tables that name units are copied and kept: the machine's, and
 * one for each hot-add, whose structures get a header so that the parser can read them. A unit's
 * structure stays, and serves again when the unit is added again. The probe is freed with its last
 * unit, domain and PASID directory.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/object_cache.h"
#include "base/text.h"
#include "unit/confirmation.h"
#include "unit/domain.h"
#include "vtd/cap.h"
#include "vtd/command.h"
#include "vtd/context.h"
#include "vtd/counters.h"
#include "vtd/domain.h"
#include "vtd/endpoint.h"
#include "vtd/event.h"
#include "vtd/interrupt.h"
#include "vtd/pasid.h"
#include "vtd/predecessor.h"
#include "vtd/probe.h"
#include "vtd/quirks.h"
#include "vtd/unit.h"

#define UNMAPPED                  "the host does not map its registers"
#define DEFAULT_TIMEOUT_NS        1000000000ULL
#define DEFAULT_DEVICE_TIMEOUT_NS (90 * DEFAULT_TIMEOUT_NS)
#define DEFAULT_INHERITED_PAGES   4096 /* 16 MiB */
#define DEFAULT_FAULTS_PER_SECOND 1000
/* Physical addresses in entries end at bit 51. */
#define OUTPUT_WIDTH_MAX 52

static unsigned int order_of(uint64_t size)
{
	unsigned int order = 0;

	while ((IOMMU_PAGE_SIZE << order) < size)
		order++;
	return order;
}

/* --- Tables ----------------------------------------------------------------------------------- */

/* Room for a copy of a table of `size` bytes, not yet opened. */
static struct vtd_table *table_alloc(struct vtd_probe *probe, size_t size)
{
	const struct iommu_platform *platform = probe->platform;
	struct vtd_table *table = iommu_object_alloc(&probe->table_cache, 0);

	if (table == NULL)
		return NULL;
	table->order = order_of(size);
	table->copy = platform->alloc_pages(platform->ctx, table->order, IOMMU_NODE_ANY, 0);
	if (table->copy == NULL) {
		iommu_object_free(&probe->table_cache, table);
		return NULL;
	}
	iommu_list_insert(&probe->tables, &table->link);
	return table;
}

/* Structures without a table: one with the header of the machine's is made for them. */
static int table_wrap(struct vtd_probe *probe, const void *structures, size_t size,
		      struct vtd_table **result)
{
	const size_t length = DMAR_HEADER_SIZE + size;
	struct vtd_table *table;
	uint8_t *bytes;
	uint8_t sum = 0;
	size_t i;
	int status;

	if (size == 0 || length > IOMMU_DMAR_MAX_SIZE)
		return IOMMU_REFUSE(probe->iommu, iommu_vtd_name, IOMMU_EINVAL,
				    size == 0 ? "there are no structures"
					      : "the structures are too many for a table");
	table = table_alloc(probe, length);
	if (table == NULL)
		return IOMMU_ENOMEM;
	bytes = table->copy;
	memcpy(bytes, probe->main->copy, DMAR_HEADER_SIZE);
	memcpy(bytes + DMAR_HEADER_SIZE, structures, size);
	for (i = 0; i < 4; i++)
		bytes[ACPI_TABLE_LENGTH_OFFSET + i] = (uint8_t)(length >> 8 * i);
	bytes[ACPI_TABLE_CHECKSUM_OFFSET] = 0;
	for (i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[ACPI_TABLE_CHECKSUM_OFFSET] = (uint8_t)(0 - sum);
	status = iommu_dmar_open(&table->dmar, bytes, length);
	if (status != 0) {
		(void)iommu_refuse(probe->iommu, iommu_vtd_name, status, table->dmar.refusal);
		iommu_vtd_table_free(probe, table);
		return status;
	}
	*result = table;
	return 0;
}

/* --- Units ------------------------------------------------------------------------------------ */

static void *map_registers(const struct iommu_platform *platform, iommu_paddr_t base, uint64_t size)
{
	if (platform->map_mmio != NULL)
		return platform->map_mmio(platform->ctx, base, size);
	return iommu_phys_to_virt(platform, base);
}

static void unmap_registers(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (unit->registers != NULL && platform->unmap_mmio != NULL)
		platform->unmap_mmio(platform->ctx, unit->registers, unit->register_size);
	unit->registers = NULL;
}

/*
 * Two that share registers are one unit, of which the last table that was set holds: for the
 * devices of both.
 */
static bool has_registers_of_another(const struct vtd_unit *unit)
{
	struct vtd_unit *other = NULL;

	while ((other = iommu_vtd_next_unit(unit->base.iommu, other)) != NULL)
		if (other != unit &&
		    other->register_base <= unit->register_base + (unit->register_size - 1) &&
		    unit->register_base <= other->register_base + (other->register_size - 1))
			return true;
	return false;
}

/* Where firmware says that the registers are: somewhere, and inside of what it says there is. */
static int check_place(const struct vtd_unit *unit)
{
	const unsigned int width = unit->table->dmar.address_width;
	const uint64_t last = unit->register_base + (unit->register_size - 1);

	if (!unit->record.drhd.usable)
		return VTD_REFUSE(unit, IOMMU_EIO, "firmware gives no register address");
	if (last < unit->register_base || (width < 64 && last >> width != 0))
		return VTD_REFUSE(unit, IOMMU_EIO,
				  "its registers lie beyond the machine's addresses");
	if (has_registers_of_another(unit))
		return VTD_REFUSE(unit, IOMMU_EIO, "its registers are another unit's, too");
	if (!iommu_vtd_claims_leave(unit->probe, unit->register_base, unit->register_size))
		return VTD_REFUSE(unit, IOMMU_EIO,
				  "its registers lie in memory that a device reaches");
	return 0;
}

static int map_again(struct vtd_unit *unit, uint64_t size)
{
	int status;

	unmap_registers(unit);
	unit->register_size = size;
	status = check_place(unit);
	if (status != 0)
		return status;
	unit->registers = map_registers(unit->platform, unit->register_base, size);
	return unit->registers != NULL ? 0 : VTD_REFUSE(unit, IOMMU_EFAULT, UNMAPPED);
}

/*
 * Map the registers and read the capabilities. Firmware may understate the size: when the
 * capabilities point beyond it, the registers are mapped again. Only for its counters no unit is
 * refused.
 */
static int read_capabilities(struct vtd_unit *unit)
{
	uint64_t needed, wanted, cap, ecap;
	int status;

	unit->registers = map_registers(unit->platform, unit->register_base, unit->register_size);
	if (unit->registers == NULL)
		return VTD_REFUSE(unit, IOMMU_EFAULT, UNMAPPED);
	cap = vtd_read64(unit, VTD_CAP);
	ecap = vtd_read64(unit, VTD_ECAP);
	status = iommu_vtd_decode_capabilities(&unit->caps, vtd_read32(unit, VTD_VER), cap, ecap);
	/* Where nothing is, registers may read as ones, and as zeros. */
	if (status != 0)
		return VTD_REFUSE(unit, status,
				  (cap & ecap) == UINT64_MAX
					  ? "its registers read as ones: no unit is at this address"
				  : (cap | ecap) == 0
					  ? "it has no capability: no unit is at this address"
					  : "its capabilities make no sense");
	needed = iommu_vtd_register_space(&unit->caps);
	if (needed < unit->register_size)
		needed = unit->register_size;
	wanted = iommu_vtd_counters_space(unit);
	if (wanted > needed && map_again(unit, wanted) == 0)
		return 0;
	return needed == unit->register_size ? 0 : map_again(unit, needed);
}

/* Is it translating, in this mode (a value of VTD_RTADDR_MODE)? */
static bool was_left_on(const struct vtd_unit *unit, uint64_t mode)
{
	return (vtd_read32(unit, VTD_GSTS) & VTD_GLOBAL_TE) != 0 &&
	       (vtd_read64(unit, VTD_RTADDR) & VTD_RTADDR_MODE) == mode;
}

/*
 * In scalable mode there is only the queue: a unit that was left on so needs it, whatever the host
 * prefers.
 */
static bool wants_queue(const struct vtd_unit *unit)
{
	return !IOMMU_CONFIG_REGISTERS || !unit->caps.registers ||
	       (unit->probe->flags & IOMMU_VTD_REGISTER_INVALIDATION) == 0 ||
	       was_left_on(unit, VTD_RTADDR_SCALABLE);
}

/*
 * Scalable mode where the unit has it, unless the host does not want it. A unit can only change its
 * mode while it does not translate, which lets its devices loose: one that was left on in scalable
 * mode stays in it; in legacy mode it stays when it is taken over, for it would be a loss for good
 * otherwise.
 */
static void choose_mode(struct vtd_unit *unit)
{
	struct vtd_capabilities *caps = &unit->caps;
	const unsigned int flags = unit->probe->flags;
	bool wanted =
		(flags & IOMMU_VTD_LEGACY_MODE) == 0 || was_left_on(unit, VTD_RTADDR_SCALABLE);

	if (((flags & IOMMU_VTD_TAKE_OVER) != 0 ||
	     vtd_has_quirk(unit, IOMMU_VTD_QUIRK_KEEP_TRANSLATING)) &&
	    was_left_on(unit, VTD_RTADDR_LEGACY))
		wanted = false;
	unit->scalable = IOMMU_CONFIG_SCALABLE && caps->scalable && wanted;
	if (!vtd_is_scalable(unit))
		return;
	/* One answer for all tables: what need not be flushed is flushed, too. */
	caps->coherent = caps->coherent && caps->walks_snoop;
	/* What hardware writes to memory past the CPU's caches cannot be read back through them. */
	caps->dirty = caps->dirty && caps->coherent;
}

static void unit_name(struct vtd_unit *unit, unsigned int number)
{
	size_t used = iommu_line_append(unit->base.name, sizeof(unit->base.name), 0, "dmar");

	(void)iommu_line_append_number(unit->base.name, sizeof(unit->base.name), used, number);
}

/*
 * The width that firmware states for the machine. Where the host's own memory lies beyond it,
 * firmware is wrong: then the unit knows better.
 */
static unsigned int width_of(struct vtd_unit *unit)
{
	const uint64_t last = iommu_virt_to_phys(unit->platform, unit->table->copy) +
			      ((IOMMU_PAGE_SIZE << unit->table->order) - 1);
	const unsigned int stated = unit->table->dmar.address_width;
	unsigned int width = stated < OUTPUT_WIDTH_MAX ? stated : OUTPUT_WIDTH_MAX;
	unsigned int held;

	if (last >> width == 0)
		return width;
	held = iommu_vtd_root_bits(unit);
	if (held <= width)
		return width;
	vtd_log(unit, IOMMU_LOG_WARNING,
		"firmware states too few address bits for this machine: the unit's own are used");
	return held < OUTPUT_WIDTH_MAX ? held : OUTPUT_WIDTH_MAX;
}

/* By what firmware says of its registers; IOMMU_NODE_ANY: nothing. */
static int node_of(const struct vtd_unit *unit)
{
	const struct vtd_probe *probe = unit->probe;
	struct iommu_dmar_record record = {0};

	iommu_dmar_for_each (&unit->table->dmar, &record) {
		const uint32_t domain = record.rhsa.proximity_domain;

		if (record.type != DMAR_RHSA || record.rhsa.unit_base != unit->record.drhd.base)
			continue;
		if (probe->node_of != NULL)
			return probe->node_of(probe->node_of_ctx, domain);
		return domain <= INT32_MAX ? (int)domain : IOMMU_NODE_ANY;
	}
	return IOMMU_NODE_ANY;
}

static int unit_setup(struct vtd_unit *unit)
{
	const struct vtd_probe *probe = unit->probe;
	int status;

	unit->timeout_ns = probe->timeout_ns;
	unit->device_timeout_ns = probe->device_timeout_ns;
	unit->fault_budget.left = probe->faults_per_second;
	unit->node = node_of(unit);
	status = check_place(unit);
	if (status != 0)
		return status;
	status = read_capabilities(unit);
	if (status != 0)
		return status;
	unit->output_width = width_of(unit);
	status = iommu_vtd_quirks_of_unit(unit);
	if (status != 0)
		return status;
	unit->use_queue = unit->caps.queue && wants_queue(unit);
	if (!IOMMU_CONFIG_REGISTERS && !unit->use_queue) {
		vtd_log(unit, IOMMU_LOG_ERROR, "it has no invalidation queue");
		return IOMMU_EIO;
	}
	iommu_vtd_queue_init(unit);
	unit->caps.scalable = unit->caps.scalable && unit->use_queue;
	choose_mode(unit);
	/* Only through the queue can a device's TLB be invalidated. */
	unit->caps.device_tlb = unit->caps.device_tlb && unit->use_queue;
	if (unit->caps.caching_mode || unit->caps.write_buffer)
		__atomic_store_n(&unit->probe->set.tells_of_maps, true, __ATOMIC_SEQ_CST);
	status = iommu_vtd_root_alloc(unit);
	if (status == 0)
		status = iommu_ids_create(&unit->domain_ids, unit->platform, unit->node,
					  unit->caps.domains);
	if (status == 0 && unit->use_queue)
		status = iommu_vtd_queue_alloc(unit);
	if (status == 0 && vtd_is_scalable(unit) && unit->caps.page_requests)
		status = iommu_vtd_page_queue_alloc(unit);
	if (status == 0)
		status = iommu_vtd_counters_init(unit);
	if (status != 0)
		return status;
	iommu_vtd_report_unit(unit);
	if (unit->caps.translates)
		iommu_vtd_predecessor_keep(unit);
	return 0;
}

void iommu_vtd_unit_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_probe *probe = unit->probe;

	iommu_vtd_counters_free(unit);
	iommu_vtd_inherited_drop(unit);
	if (unit->root != NULL)
		iommu_vtd_root_free(unit);
	iommu_vtd_queue_free(unit);
	iommu_vtd_page_queue_free(unit);
	iommu_vtd_interrupts_free(unit);
	iommu_ids_destroy(&unit->domain_ids, platform);
	iommu_vtd_quirks_free(unit);
	unmap_registers(unit);
	if (--unit->table->units == 0 && unit->table != probe->main)
		iommu_vtd_table_free(probe, unit->table);
	memset(&unit->base, 0, sizeof(*unit) - offsetof(struct vtd_unit, base));
	probe->references--;
	iommu_vtd_probe_free(probe);
}

static struct vtd_unit *unit_alloc(struct vtd_probe *probe, iommu_paddr_t register_base)
{
	struct vtd_unit *unit = iommu_object_alloc(&probe->unit_cache, 0);

	if (unit == NULL)
		return NULL;
	unit->probe = probe;
	unit->register_base = register_base;
	unit->state.set = &probe->set;
	iommu_list_insert(&probe->units, &unit->link);
	return unit;
}

/* The structure of a unit that was removed, and had its registers there; or a new one. */
static struct vtd_unit *unit_again(struct vtd_probe *probe, iommu_paddr_t register_base)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &probe->units) {
		struct vtd_unit *unit = iommu_container_of(node, struct vtd_unit, link);

		if (unit->register_base == register_base && unit->table == NULL &&
		    !iommu_unit_is_active(&unit->state))
			return unit;
	}
	return unit_alloc(probe, register_base);
}

static int unit_create(struct vtd_unit *unit, struct vtd_table *table,
		       const struct iommu_dmar_record *record)
{
	struct vtd_probe *probe = unit->probe;

	probe->references++;
	table->units++;
	if (IOMMU_CONFIG_NAMES)
		unit_name(unit, probe->names++);
	unit->base.ops = probe->ops;
	unit->base.segment = record->segment;
	unit->platform = probe->platform;
	unit->table = table;
	unit->record = *record;
	unit->register_size = record->drhd.size;
	iommu_list_init(&unit->inherited_directories);
	iommu_register_unit(probe->iommu, &unit->base);
	/* A failure is cleaned up with all other units of the table. */
	return unit_setup(unit);
}

static struct vtd_unit *next_of(struct iommu *iommu, const struct vtd_table *table,
				struct vtd_unit *unit)
{
	do {
		unit = iommu_vtd_next_unit(iommu, unit);
	} while (unit != NULL && unit->table != table);
	return unit;
}

/* Has hardware confirmed that it uses nothing? What was found on stays as it was found. */
static bool is_off(struct vtd_unit *unit)
{
	if (!IOMMU_CONFIG_INTERRUPTS ||
	    (!vtd_interrupts_may_run(unit) && !unit->queue_is_on && !unit->queue_stayed_on))
		return true;
	return iommu_vtd_unit_suspend(unit) == 0;
}

/* All units of a table, or none: those that were made are taken back. */
static int units_create(struct vtd_probe *probe, struct vtd_table *table,
			struct vtd_unit *(*alloc)(struct vtd_probe *probe,
						  iommu_paddr_t register_base))
{
	struct iommu_dmar_record record = {0};
	struct vtd_unit *unit, *next;
	int status = 0;

	table->units++; /* held */
	while (status == 0 && iommu_dmar_next(&table->dmar, &record))
		if (record.type == DMAR_DRHD) {
			unit = alloc(probe, record.drhd.base);
			status = unit != NULL ? unit_create(unit, table, &record) : IOMMU_ENOMEM;
		}
	if (status == 0 && table->units == 1)
		status = IOMMU_REFUSE(probe->iommu, iommu_vtd_name, IOMMU_ENODEV,
				      "the table describes no unit");
	for (unit = next_of(probe->iommu, table, NULL);
	     IOMMU_CONFIG_INTERRUPTS && unit != NULL && status == 0;
	     unit = next_of(probe->iommu, table, unit))
		status = iommu_vtd_interrupts_extend(unit);
	for (unit = next_of(probe->iommu, table, NULL); unit != NULL && status == 0;
	     unit = next_of(probe->iommu, table, unit))
		iommu_vtd_predecessor_found(unit);
	for (unit = next_of(probe->iommu, table, NULL); unit != NULL && status != 0; unit = next) {
		next = next_of(probe->iommu, table, unit);
		/* Hardware that may still use its pages has them: it can be removed later. */
		if (!is_off(unit)) {
			unit->base.unsettled = true;
			continue;
		}
		iommu_unregister_unit(&unit->base);
		iommu_vtd_unit_free(unit);
	}
	table->units--;
	return status;
}

/* --- The probe -------------------------------------------------------------------------------- */

static void set_options(struct vtd_probe *probe, const struct iommu_vtd_options *options)
{
	probe->flags = options->flags & ~(IOMMU_CONFIG_TAKE_OVER ? 0U : IOMMU_VTD_TAKE_OVER);
	probe->timeout_ns = options->timeout_ns != 0 ? options->timeout_ns : DEFAULT_TIMEOUT_NS;
	probe->device_timeout_ns =
		options->timeout_ns != 0 ? options->timeout_ns : DEFAULT_DEVICE_TIMEOUT_NS;
	if (options->device_timeout_ns != 0)
		probe->device_timeout_ns = options->device_timeout_ns;
	probe->faults_per_second = options->faults_per_second != 0 ? options->faults_per_second
								   : DEFAULT_FAULTS_PER_SECOND;
	probe->is_memory = options->is_memory;
	probe->is_memory_ctx = options->is_memory_ctx;
	probe->firmware_region = options->firmware_region;
	probe->firmware_region_ctx = options->firmware_region_ctx;
	probe->node_of = options->node_of;
	probe->node_of_ctx = options->node_of_ctx;
	probe->inherited_pages_max = options->inherited_pages_max != 0
					     ? options->inherited_pages_max
					     : DEFAULT_INHERITED_PAGES;
}

static int probe_create(struct iommu *iommu, const struct iommu_dmar *dmar,
			const struct iommu_vtd_options *options, struct vtd_probe **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct vtd_probe *probe = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (probe == NULL)
		return IOMMU_ENOMEM;
	probe->iommu = iommu;
	probe->platform = platform;
	set_options(probe, options);
	iommu_list_init(&probe->tables);
	iommu_list_init(&probe->units);
	iommu_vtd_claims_init(probe);
	iommu_unit_set_init(&probe->set);
	iommu_object_cache_init(&probe->table_cache, platform, sizeof(struct vtd_table));
	iommu_object_cache_init(&probe->unit_cache, platform, sizeof(struct vtd_unit));
	iommu_object_cache_init(&probe->domain_cache, platform, sizeof(struct vtd_domain));
	iommu_object_cache_init(&probe->place_cache, platform, sizeof(struct iommu_place));
	iommu_object_cache_init(&probe->endpoint_cache, platform, sizeof(struct vtd_endpoint));
	if (IOMMU_CONFIG_SCALABLE) {
		iommu_object_cache_init(&probe->use_cache, platform, sizeof(struct iommu_use));
		iommu_object_cache_init(&probe->directory_cache, platform,
					sizeof(struct vtd_directory));
	}
	probe->main = table_alloc(probe, dmar->length);
	if (probe->main == NULL) {
		platform->free_pages(platform->ctx, probe, 0);
		return IOMMU_ENOMEM;
	}
	memcpy(probe->main->copy, dmar->bytes, dmar->length);
	probe->main->dmar = *dmar;
	probe->main->dmar.bytes = probe->main->copy;
	*result = probe;
	return 0;
}

int iommu_vtd_probe_units(struct iommu *iommu, const struct iommu_ops *ops, const void *bytes,
			  size_t size, const struct iommu_vtd_options *options)
{
	const struct iommu_vtd_options none = {0};
	struct vtd_probe *probe;
	struct iommu_dmar dmar;
	int status = iommu_dmar_open(&dmar, bytes, size);

	if (status != 0)
		return iommu_refuse(iommu, iommu_vtd_name, status, dmar.refusal);
	if (iommu_vtd_next_unit(iommu, NULL) != NULL)
		return IOMMU_REFUSE(iommu, iommu_vtd_name, IOMMU_EBUSY,
				    "there are VT-d units already");
	status = probe_create(iommu, &dmar, options != NULL ? options : &none, &probe);
	if (status != 0)
		return status;
	iommu_vtd_report_table(probe, &dmar);
	probe->ops = ops;
	status = iommu_vtd_quirks_init(probe, options != NULL ? options : &none);
	if (status != 0) {
		iommu_vtd_probe_free(probe);
		return IOMMU_REFUSE(iommu, iommu_vtd_name, status,
				    "there is no such quirk that can be forced");
	}
	/* Held, so that a unit which fails does not take the probe with it. */
	probe->references++;
	status = iommu_vtd_claims_make(probe);
	if (status == 0)
		status =
			iommu_keep_free(iommu, VTD_INTERRUPT_RANGE_START, VTD_INTERRUPT_RANGE_LAST);
	if (status == 0)
		status = units_create(probe, probe->main, unit_alloc);
	probe->references--;
	if (status != 0)
		iommu_vtd_probe_free(probe);
	return status;
}

/* --- Later ------------------------------------------------------------------------------------ */

/* Only what a host bridge can bring; and no unit that is known. */
static int check_added(struct vtd_probe *probe, const struct iommu_dmar *dmar)
{
	struct iommu_dmar_record record = {0};

	iommu_dmar_for_each (dmar, &record) {
		struct vtd_unit *unit = NULL;

		if (record.type == DMAR_RMRR)
			return IOMMU_REFUSE(probe->iommu, iommu_vtd_name, IOMMU_EINVAL,
					    "a reserved region cannot be added later");
		if (record.type != DMAR_DRHD)
			continue;
		while ((unit = iommu_vtd_next_unit(probe->iommu, unit)) != NULL)
			if (unit->register_base == record.drhd.base)
				return VTD_REFUSE(unit, IOMMU_EEXIST,
						  "the unit at this address is known");
	}
	return 0;
}

int iommu_vtd_units_add(struct iommu *iommu, const void *structures, size_t size)
{
	struct vtd_unit *first = iommu_vtd_next_unit(iommu, NULL);
	struct vtd_table *table = NULL;
	int status;

	if (first == NULL)
		return IOMMU_REFUSE(iommu, iommu_vtd_name, IOMMU_ENODEV, "no unit was probed");
	status = table_wrap(first->probe, structures, size, &table);
	if (table == NULL)
		return status;
	iommu_vtd_report_table(first->probe, &table->dmar);
	status = check_added(first->probe, &table->dmar);
	if (status == 0)
		status = units_create(first->probe, table, unit_again);
	/* After a failure the table goes, unless a unit could not be turned off. */
	if (status != 0 && table->units == 0)
		iommu_vtd_table_free(first->probe, table);
	return status;
}

int iommu_vtd_unit_remove(struct iommu_unit *base)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	const struct vtd_unit *first;
	int status;

	if (!iommu_vtd_owns(base))
		return IOMMU_REFUSE(base->iommu, base->name, IOMMU_EINVAL, "it is no VT-d unit");
	first = iommu_vtd_next_unit(base->iommu, NULL);
	if (base->endpoints != 0 || iommu_vtd_interrupts_any(unit) || iommu_vtd_counters_any(unit))
		return VTD_REFUSE(unit, IOMMU_EBUSY,
				  base->endpoints != 0 ? "it has endpoints"
				  : iommu_vtd_interrupts_any(unit)
					  ? "it has interrupts that are not freed"
					  : "it has counters that are not freed");
	if (first == unit && iommu_vtd_next_unit(base->iommu, unit) == NULL)
		return VTD_REFUSE(unit, IOMMU_EBUSY, "it is the last one");
	status = iommu_vtd_unit_suspend(unit);
	/* Translation may be off: an enable runs all of its steps again. */
	iommu_unit_settle(base, base->enabled && status != 0, status);
	if (status != 0)
		return status;
	iommu_release_confirmed(&unit->probe->set);
	iommu_unregister_unit(base);
	iommu_vtd_unit_free(unit);
	return 0;
}
