/* SPDX-License-Identifier: BSD-2-Clause */
/* The VT-d back end behind the core's ops: finding units, and the ops table. */
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "base/memory.h"
#include "vtd/vtd.h"

#define DEFAULT_TIMEOUT_NS 1000000000ULL
/* Physical addresses in entries end at bit 51. */
#define OUTPUT_WIDTH_MAX 52

/* --- The ops ---------------------------------------------------------------------------------- */

static int unit_enable(struct iommu_unit *unit)
{
	return iommu_vtd_unit_enable(vtd_unit_of(unit));
}

static int unit_disable(struct iommu_unit *base)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	int status = iommu_vtd_unit_disable(unit);

	iommu_vtd_reap(unit->probe);
	return status;
}

static enum iommu_match unit_match(const struct iommu_unit *base,
				   const struct iommu_endpoint_info *info)
{
	const struct vtd_unit *unit = vtd_unit_of(base);

	return iommu_vtd_scope_match(&unit->probe->dmar, &unit->record, info);
}

/* The context table is made now, so that blocking and unblocking never has to allocate. */
static int probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct vtd_unit *unit = vtd_unit_of(base);

	iommu_vtd_reap(unit->probe);
	return iommu_vtd_context_create(unit, endpoint->info.source_id);
}

static void release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	/* Detached: its context entry is clear. */
	(void)base;
	(void)endpoint;
}

static void probe_free(struct vtd_probe *probe)
{
	const struct iommu_platform *platform = probe->platform;

	platform->free_pages(platform->ctx, probe->dmar_copy, probe->dmar_order);
	platform->free_pages(platform->ctx, probe, 0);
}

/* Free a unit, registered or half made. The last one takes the probe with it. */
static void unit_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_probe *probe = unit->probe;

	if (unit->root != NULL)
		iommu_vtd_root_free(unit);
	iommu_vtd_queue_free(unit);
	if (unit->domain_ids != NULL)
		platform->free_pages(platform->ctx, unit->domain_ids, unit->domain_id_order);
	if (unit->retired_ids != NULL)
		platform->free_pages(platform->ctx, unit->retired_ids, unit->domain_id_order);
	if (unit->registers != NULL && platform->unmap_mmio != NULL)
		platform->unmap_mmio(platform->ctx, unit->registers, unit->register_size);
	iommu_object_free(&probe->unit_cache, unit);
	probe->units--;
}

static void unit_remove(struct iommu_unit *base)
{
	struct vtd_probe *probe = vtd_unit_of(base)->probe;

	/* The unit is off: it walks nothing, and no domain id of it means anything. */
	iommu_vtd_reap(probe);
	unit_free(vtd_unit_of(base));
	if (probe->units == 0)
		probe_free(probe);
}

static const struct iommu_ops vtd_ops = {
	.name = "vtd",
	.enable = unit_enable,
	.disable = unit_disable,
	.remove = unit_remove,
	.match = unit_match,
	.probe_endpoint = probe_endpoint,
	.release_endpoint = release_endpoint,
	.domain_alloc = iommu_vtd_domain_alloc,
	.handle_faults = iommu_vtd_handle_faults,
};

/* --- Probing ---------------------------------------------------------------------------------- */

static void *map_registers(const struct iommu_platform *platform, iommu_paddr_t base, uint64_t size)
{
	if (platform->map_mmio != NULL)
		return platform->map_mmio(platform->ctx, base, size);
	return iommu_phys_to_virt(platform, base);
}

/*
 * Map the registers and read the capabilities. Firmware may understate the size: when the
 * capabilities point beyond it, the registers are mapped again.
 */
static int read_capabilities(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	uint64_t needed;
	int status;

	unit->registers = map_registers(platform, unit->register_base, unit->register_size);
	if (unit->registers == NULL)
		return IOMMU_EFAULT;
	status = iommu_vtd_decode_capabilities(&unit->caps, vtd_read32(unit, VTD_VER),
					       vtd_read64(unit, VTD_CAP),
					       vtd_read64(unit, VTD_ECAP));
	if (status != 0)
		return status;
	needed = iommu_vtd_register_space(&unit->caps);
	if (needed <= unit->register_size)
		return 0;
	if (platform->unmap_mmio != NULL)
		platform->unmap_mmio(platform->ctx, unit->registers, unit->register_size);
	unit->register_size = needed;
	unit->registers = map_registers(platform, unit->register_base, needed);
	return unit->registers != NULL ? 0 : IOMMU_EFAULT;
}

static unsigned int order_of(uint64_t size)
{
	unsigned int order = 0;

	while ((IOMMU_PAGE_SIZE << order) < size)
		order++;
	return order;
}

static int alloc_domain_ids(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	unit->domain_id_order = order_of((unit->caps.domains + 7) / 8);
	unit->domain_ids =
		platform->alloc_pages(platform->ctx, unit->domain_id_order, IOMMU_NODE_ANY, 0);
	unit->retired_ids =
		platform->alloc_pages(platform->ctx, unit->domain_id_order, IOMMU_NODE_ANY, 0);
	return unit->domain_ids != NULL && unit->retired_ids != NULL ? 0 : IOMMU_ENOMEM;
}

static void unit_name(struct vtd_unit *unit, unsigned int number)
{
	size_t used = iommu_line_append(unit->base.name, sizeof(unit->base.name), 0, "dmar");

	(void)iommu_line_append_number(unit->base.name, sizeof(unit->base.name), used, number);
}

static int unit_setup(struct vtd_unit *unit, const struct iommu_vtd_options *options)
{
	unsigned int width = unit->probe->dmar.address_width;
	int status;

	unit->timeout_ns = options->timeout_ns != 0 ? options->timeout_ns : DEFAULT_TIMEOUT_NS;
	unit->output_width = width < OUTPUT_WIDTH_MAX ? width : OUTPUT_WIDTH_MAX;
	if (!unit->record.drhd.usable) {
		iommu_vtd_log(unit, IOMMU_LOG_ERROR, "firmware gives no register address");
		return IOMMU_EIO;
	}
	status = read_capabilities(unit);
	if (status == IOMMU_EIO)
		iommu_vtd_log(unit, IOMMU_LOG_ERROR, "its capabilities make no sense");
	if (status != 0)
		return status;
	unit->use_queue =
		unit->caps.queue &&
		(!unit->caps.registers || (options->flags & IOMMU_VTD_REGISTER_INVALIDATION) == 0);
	status = iommu_vtd_root_alloc(unit);
	if (status == 0)
		status = alloc_domain_ids(unit);
	if (status == 0 && unit->use_queue)
		status = iommu_vtd_queue_alloc(unit);
	return status;
}

static int unit_create(struct vtd_probe *probe, const struct iommu_dmar_record *record,
		       const struct iommu_vtd_options *options)
{
	struct vtd_unit *unit = iommu_object_alloc(&probe->unit_cache, 0);
	int status;

	if (unit == NULL)
		return IOMMU_ENOMEM;
	unit_name(unit, probe->units++);
	unit->base.ops = &vtd_ops;
	unit->base.segment = record->segment;
	unit->probe = probe;
	unit->platform = probe->platform;
	unit->record = *record;
	unit->register_base = record->drhd.base;
	unit->register_size = record->drhd.size;
	status = unit_setup(unit, options);
	if (status == 0)
		iommu_register_unit(probe->iommu, &unit->base);
	else
		unit_free(unit);
	return status;
}

/* The shared state of a probe, with a copy of the table. */
static int probe_create(struct iommu *iommu, const struct iommu_dmar *dmar,
			struct vtd_probe **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct vtd_probe *probe = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (probe == NULL)
		return IOMMU_ENOMEM;
	probe->iommu = iommu;
	probe->platform = platform;
	probe->dmar_order = order_of(dmar->length);
	probe->dmar_copy =
		platform->alloc_pages(platform->ctx, probe->dmar_order, IOMMU_NODE_ANY, 0);
	if (probe->dmar_copy == NULL) {
		platform->free_pages(platform->ctx, probe, 0);
		return IOMMU_ENOMEM;
	}
	memcpy(probe->dmar_copy, dmar->bytes, dmar->length);
	probe->dmar = *dmar;
	probe->dmar.bytes = probe->dmar_copy;
	iommu_object_cache_init(&probe->unit_cache, platform, sizeof(struct vtd_unit));
	iommu_object_cache_init(&probe->domain_cache, platform, sizeof(struct vtd_domain));
	iommu_object_cache_init(&probe->attachment_cache, platform, sizeof(struct vtd_attachment));
	iommu_list_init(&probe->graveyard);
	*result = probe;
	return 0;
}

static bool has_units_of_ours(struct iommu *iommu)
{
	struct iommu_unit *unit = NULL;

	while ((unit = iommu_next_unit(iommu, unit)) != NULL)
		if (unit->ops == &vtd_ops)
			return true;
	return false;
}

/* Unregister and free what a failed probe made. */
static void probe_undo(struct vtd_probe *probe)
{
	struct iommu_unit *unit = iommu_next_unit(probe->iommu, NULL);

	while (unit != NULL) {
		struct iommu_unit *next = iommu_next_unit(probe->iommu, unit);

		if (unit->ops == &vtd_ops) {
			iommu_list_remove(&unit->link);
			unit_free(vtd_unit_of(unit));
		}
		unit = next;
	}
	probe_free(probe);
}

int iommu_vtd_probe(struct iommu *iommu, const void *bytes, size_t size,
		    const struct iommu_vtd_options *options)
{
	const struct iommu_vtd_options none = {0};
	struct iommu_dmar_record record = {0};
	struct vtd_probe *probe;
	struct iommu_dmar dmar;
	int status = iommu_dmar_open(&dmar, bytes, size);

	if (status != 0)
		return status;
	if (has_units_of_ours(iommu))
		return IOMMU_EBUSY;
	status = probe_create(iommu, &dmar, &probe);
	if (status != 0)
		return status;
	if (options == NULL)
		options = &none;
	while (status == 0 && iommu_dmar_next(&probe->dmar, &record))
		if (record.type == DMAR_DRHD)
			status = unit_create(probe, &record, options);
	if (status == 0 && probe->units == 0)
		status = IOMMU_ENODEV;
	if (status != 0)
		probe_undo(probe);
	return status;
}

/* --- Facts ------------------------------------------------------------------------------------ */

int iommu_vtd_get_info(const struct iommu_unit *base, struct iommu_vtd_info *info)
{
	const struct vtd_unit *unit = vtd_unit_of(base);
	const struct vtd_capabilities *caps = &unit->caps;

	if (base->ops != &vtd_ops)
		return IOMMU_EINVAL;
	*info = (struct iommu_vtd_info){
		.register_base = unit->register_base,
		.version_major = caps->version_major,
		.version_minor = caps->version_minor,
		.capability = caps->cap,
		.extended_capability = caps->ecap,
		.domains = caps->domains,
		.address_width = caps->guest_width,
		.output_width = unit->output_width,
		.pgsize_bitmap = caps->pgsize_bitmap,
		.coherent = caps->coherent,
		.queued = unit->use_queue,
		.caching_mode = caps->caching_mode,
		.pass_through = caps->pass_through,
		.page_selective = caps->page_selective,
		.fault_records = caps->fault_records,
	};
	return 0;
}

int iommu_vtd_get_tables(const struct iommu_endpoint *endpoint, struct iommu_vtd_tables *tables)
{
	const struct vtd_unit *unit = vtd_unit_of(endpoint->unit);
	const struct vtd_context_entry *entry;

	if (endpoint->unit->ops != &vtd_ops)
		return IOMMU_EINVAL;
	entry = iommu_vtd_context_find(unit, endpoint->info.source_id);
	*tables = (struct iommu_vtd_tables){
		.root_table = iommu_virt_to_phys(unit->platform, unit->root),
		.root_entry = iommu_le64(unit->root[endpoint->info.source_id >> 8].low),
	};
	if (entry == NULL)
		return 0;
	tables->context_table = tables->root_entry & VTD_ENTRY_ADDRESS_MASK;
	tables->context_low = iommu_le64(entry->low);
	tables->context_high = iommu_le64(entry->high);
	return 0;
}
