/* SPDX-License-Identifier: BSD-2-Clause */
/* OPAL bridges as units: probe, endpoints and their PEs, enable and disable. */
#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "base/text.h"
#include "tce/opal.h"
#include "tce/pe_name.h"

#define PES_MAX         512
#define MEMORY_END_MAX  (1ULL << (TVE_BYPASS_BITS - 1))
#define PES_BY_REGISTER 256
#define MSI_START       0xffff0000ULL
#define MSI_LAST        0xffffffffULL

_Static_assert(PES_MAX * sizeof(struct opal_pe) <= IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER,
	       "all PEs of a bridge are one allocation");

static enum iommu_match unit_match(const struct iommu_unit *base,
				   const struct iommu_endpoint_info *info)
{
	return info->segment == base->segment ? IOMMU_MATCH_REST : IOMMU_MATCH_NONE;
}

/* For whom the freezes of a PE are reported; NULL: it has no endpoint. */
static void set_speaker(struct opal_pe *pe, const struct iommu_endpoint *endpoint)
{
	__atomic_store_n(&pe->speaker, endpoint != NULL ? endpoint->info.source_id + 1U : 0,
			 __ATOMIC_RELAXED);
}

static int unit_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct opal_unit *unit = opal_unit_of(base);
	const uint32_t number = iommu_opal_pe_of_id(unit, endpoint->info.source_id);
	struct opal_pe *pe;
	int status;

	if (number >= unit->config.pes)
		return IOMMU_REFUSE(base->iommu, endpoint->name, IOMMU_ENOENT,
				    "its id is in no PE of the bridge");
	pe = &unit->pes[number];
	status = iommu_opal_thaw_leftover(unit, pe);
	if (status != 0)
		return status;
	/* The core confirms that it is blocked when it joins its group. */
	endpoint->unit_data = pe;
	if (pe->speaker == 0 || !endpoint->is_alias)
		set_speaker(pe, endpoint);
	return 0;
}

static void unit_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct opal_pe *pe = endpoint->unit_data;
	struct iommu_endpoint *other = NULL;

	endpoint->unit_data = NULL;
	if (pe == NULL || pe->speaker != endpoint->info.source_id + 1U)
		return;
	while ((other = iommu_unit_next_id(base, other)) != NULL)
		if (other->unit_data == pe)
			break;
	set_speaker(pe, other);
}

static void unit_finalize_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	(void)base;
	iommu_tce_name_group(endpoint,
			     opal_number_of(opal_unit_of(endpoint->unit), endpoint->unit_data));
}

static const void *unit_device_group(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit_data;
}

static bool unit_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			     struct iommu_region *region)
{
	const struct iommu_opal_config *config = &opal_unit_of(endpoint->unit)->config;
	const unsigned int wanted = (*cursor)++;

	*region = (struct iommu_region){
		.start = MSI_START, .last = MSI_LAST, .type = IOMMU_REGION_MSI};
	if (wanted == 0)
		return true;
	*region = (struct iommu_region){.start = config->reserved_start,
					.last = config->reserved_last,
					.type = IOMMU_REGION_RESERVED};
	return wanted == 1 && config->reserved_last != 0 &&
	       config->reserved_start <= config->reserved_last;
}

static bool is_on(const struct opal_unit *unit)
{
	return __atomic_load_n(&unit->is_on, __ATOMIC_RELAXED);
}

static void set_on(struct opal_unit *unit, bool on)
{
	__atomic_store_n(&unit->is_on, on, __ATOMIC_RELAXED);
}

/* While on, windows are as their domains need them, or in doubt, which every call reports. */
static bool unit_translates(const struct iommu_unit *base)
{
	return is_on(opal_unit_of(base));
}

static int unit_enable(struct iommu_unit *base)
{
	struct opal_unit *unit = opal_unit_of(base);
	const bool was_on = is_on(unit);
	int status, forgotten;

	/* No window is opened while an invalidation of the bridge is open. */
	status = iommu_opal_forget_failed(unit);
	if (status != 0)
		return status;
	set_on(unit, true);
	status = iommu_opal_set_all_windows(unit);
	forgotten = iommu_opal_forget_all(unit);
	if (status == 0 && forgotten == 0)
		return 0;
	if (!was_on) {
		/*
		 * In this order: what bridges cache until the windows are closed is invalidated,
		 * too.
		 */
		set_on(unit, false);
		(void)iommu_opal_set_all_windows(unit);
		iommu_unit_note_failure(&unit->state);
	}
	return status != 0 ? status : forgotten;
}

/* A disable that fails sets the windows back: the unit is on as a whole, or off as a whole. */
static int unit_disable(struct iommu_unit *base)
{
	struct opal_unit *unit = opal_unit_of(base);
	const bool was_on = is_on(unit);
	int status, forgotten;

	set_on(unit, false);
	status = iommu_opal_set_all_windows(unit);
	forgotten = iommu_opal_forget_all(unit);
	if (status == 0)
		status = forgotten;
	if (status == 0)
		return 0;
	set_on(unit, was_on);
	(void)iommu_opal_set_all_windows(unit);
	(void)iommu_opal_forget_all(unit);
	return status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
}

/* Make good what is open: windows, ids, invalidations, links. Returns 0 or the first error. */
static int unit_confirm(struct iommu_unit *base)
{
	struct opal_unit *unit = opal_unit_of(base);
	const int ids = iommu_opal_settle_ids(unit);
	const int windows = iommu_opal_settle(unit);
	const int forgotten = iommu_opal_forget_failed(unit);
	const int links = opal_has_eeh(unit) ? iommu_opal_settle_links(unit) : 0;

	iommu_release_confirmed(&unit->set);
	if (ids != 0 || windows != 0)
		return ids != 0 ? ids : windows;
	return forgotten != 0 ? forgotten : links;
}

static void unit_destroy(struct opal_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (unit->registers != NULL && platform->unmap_mmio != NULL)
		platform->unmap_mmio(platform->ctx, (void *)(uintptr_t)unit->registers,
				     IOMMU_PAGE_SIZE);
	if (unit->pes != NULL)
		platform->free_pages(platform->ctx, unit->pes, unit->pes_order);
	iommu_opal_eeh_fini(unit);
	platform->free_pages(platform->ctx, unit, 0);
}

static void unit_remove(struct iommu_unit *base)
{
	struct opal_unit *unit = opal_unit_of(base);

	/*
	 * All windows are closed, and the bridge was invalidated: the core removes no unit before
	 * that.
	 */
	iommu_unit_set_active(&unit->state, false);
	iommu_release_confirmed(&unit->set);
	unit_destroy(unit);
}

/*
 * Bridges compare the PE of a message's sender with the PE that the interrupt was given to,
 * whatever device sends it; and DMA is always coherent with the CPUs' caches.
 */
static bool unit_capable(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	(void)endpoint;
	return capability == IOMMU_CAPABLE_CACHE_COHERENCY ||
	       capability == IOMMU_CAPABLE_INTERRUPT_ISOLATION;
}

static const struct iommu_ops opal_ops = {
	.name = iommu_opal_name,
	.enable = unit_enable,
	.disable = unit_disable,
	.translates = unit_translates,
	.confirm = unit_confirm,
	.remove = unit_remove,
	.match = unit_match,
	.probe_endpoint = unit_probe_endpoint,
	.finalize_endpoint = unit_finalize_endpoint,
	.release_endpoint = unit_release_endpoint,
	.device_group = unit_device_group,
	.capable = unit_capable,
	.next_region = unit_next_region,
	.domain_alloc = iommu_opal_domain_alloc,
	.handle_faults = iommu_opal_handle_faults,
	.freeze = &iommu_opal_freeze_ops,
};

uint32_t iommu_opal_pe(const struct iommu_endpoint *endpoint)
{
	return !iommu_endpoint_is_released(endpoint) && endpoint->unit->ops->name == iommu_opal_name
		       ? opal_number_of(opal_unit_of(endpoint->unit), endpoint->unit_data)
		       : IOMMU_OPAL_NO_PE;
}

/* --- Probe ------------------------------------------------------------------------------------ */

/* What is wrong with the configuration; NULL: nothing. */
static const char *mistake_in(const struct iommu_opal_config *config)
{
	if (config->flags != 0)
		return IOMMU_WHY("unknown flags");
	if (config->call == NULL)
		return IOMMU_WHY("there is no call to firmware");
	if (config->pes < 1 || config->pes > PES_MAX)
		return IOMMU_WHY("a bridge has 1 to 512 PEs");
	if ((config->page_sizes & IOMMU_PAGE_SIZE) == 0 ||
	    config->page_sizes >> (TCE_PAGE_SHIFT_MAX + 1) != 0 ||
	    (config->page_sizes & (IOMMU_PAGE_SIZE - 1)) != 0)
		return IOMMU_WHY("page sizes are 4 KiB and larger ones that an entry can have");
	if (config->output_bits <= 12 || config->output_bits > 56 || config->window_bits < 24 ||
	    config->window_bits > 48)
		return IOMMU_WHY("addresses have 13 to 56 bits, windows 24 to 48");
	if (config->memory_end > MEMORY_END_MAX)
		return IOMMU_WHY("memory ends beyond what a bypass window reaches");
	if (config->registers != 0 &&
	    (config->pes > PES_BY_REGISTER || config->registers % IOMMU_PAGE_SIZE != 0))
		return IOMMU_WHY("the registers are not page-aligned, or not for so many PEs");
	return NULL;
}

static bool is_known(struct iommu *iommu, const struct iommu_opal_config *config)
{
	struct iommu_unit *unit = NULL;

	while ((unit = iommu_next_unit(iommu, unit)) != NULL)
		if (unit->ops->name == iommu_opal_name &&
		    opal_unit_of(unit)->config.phb == config->phb)
			return true;
	return false;
}

static volatile void *map_registers(const struct iommu_platform *platform, iommu_paddr_t registers)
{
	if (platform->map_mmio != NULL)
		return platform->map_mmio(platform->ctx, registers, IOMMU_PAGE_SIZE);
	return iommu_phys_to_virt(platform, registers);
}

static int unit_make_parts(struct opal_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	const struct iommu_opal_config *config = &unit->config;
	int status;

	while (((size_t)IOMMU_PAGE_SIZE << unit->pes_order) / sizeof(struct opal_pe) < config->pes)
		unit->pes_order++;
	unit->pes = platform->alloc_pages(platform->ctx, unit->pes_order, IOMMU_NODE_ANY, 0);
	if (unit->pes == NULL)
		return IOMMU_ENOMEM;
	status = iommu_opal_eeh_init(unit);
	if (status != 0 || config->registers == 0)
		return status;
	unit->registers = map_registers(platform, config->registers);
	return unit->registers != NULL ? 0 : IOMMU_EFAULT;
}

static int unit_create(struct iommu *iommu, const struct iommu_opal_config *config,
		       struct opal_unit **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct opal_unit *unit = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	int status;

	if (unit == NULL)
		return IOMMU_ENOMEM;
	unit->platform = platform;
	unit->config = *config;
	unit->base.ops = &opal_ops;
	unit->base.segment = config->segment;
	unit->base.iommu = iommu; /* for the reasons of refusals during the probe */
	iommu_list_init(&unit->links);
	iommu_unit_set_init(&unit->set);
	unit->set.tells_of_maps = true; /* bridges cache absent entries */
	unit->state.set = &unit->set;
	iommu_unit_set_active(&unit->state, true);
	iommu_object_cache_init(&unit->place_cache, platform, sizeof(struct iommu_place));
	(void)iommu_line_append_number(
		unit->base.name, sizeof(unit->base.name),
		iommu_line_append(unit->base.name, sizeof(unit->base.name), 0, "phb"),
		(unsigned int)config->phb);
	status = unit_make_parts(unit);
	if (status != 0)
		unit_destroy(unit);
	else
		*result = unit;
	return status;
}

/* Windows that firmware has left open. */
static int close_what_is_open(struct opal_unit *unit)
{
	unsigned int i;
	int status = 0;

	for (i = 0; i < unit->config.pes && status == 0; i++) {
		status = iommu_opal_set_window(unit, i, NULL);
		if (status == IOMMU_EIO && !iommu_opal_has_pe(unit, i))
			return OPAL_REFUSE(unit, IOMMU_EINVAL,
					   "firmware has no such bridge, or not so many PEs");
		if (status == 0)
			status = iommu_opal_set_bypass(unit, i, false);
	}
	/* Ids that a predecessor has put into PEs are taken out. */
	if (status == 0 && unit->config.find_pe == NULL)
		status = iommu_opal_set_ids(unit, unit->config.reserved_pe, 0, UINT16_MAX, false);
	return status == 0 ? iommu_opal_forget(unit, OPAL_KILL_ALL, 0, 0, 0, 0) : status;
}

static void report(const struct opal_unit *unit)
{
	char line[80];
	size_t used = iommu_line_append_number(line, sizeof(line), 0, unit->config.pes);

	used = iommu_line_append(line, sizeof(line), used, " PEs, windows of ");
	used = iommu_line_append_number(line, sizeof(line), used, unit->config.window_bits);
	used = iommu_line_append(line, sizeof(line), used, " address bits");
	(void)iommu_line_append(line, sizeof(line), used,
				unit->config.memory_end != 0 ? ", bypass" : "");
	iommu_log(unit->platform, IOMMU_LOG_INFO, unit->base.name, line);
}

static int probe(struct iommu *iommu, const struct iommu_opal_config *config)
{
	const char *mistake = mistake_in(config);
	struct opal_unit *unit;
	int status;

	if (mistake != NULL)
		return iommu_refuse(iommu, iommu_opal_name, IOMMU_EINVAL, mistake);
	if (is_known(iommu, config))
		return IOMMU_REFUSE(iommu, iommu_opal_name, IOMMU_EEXIST,
				    "this bridge is a unit already");
	status = unit_create(iommu, config, &unit);
	if (status != 0)
		return status;
	status = close_what_is_open(unit);
	if (status != 0) {
		unit_destroy(unit);
		return IOMMU_REFUSE(iommu, iommu_opal_name, status,
				    "firmware does not close what was left open");
	}
	iommu_register_unit(iommu, &unit->base);
	report(unit);
	return 0;
}

int iommu_opal_probe(struct iommu *iommu, const struct iommu_opal_config *config)
{
	int status;

	iommu_control_lock(iommu);
	status = probe(iommu, config);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}
