/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows of a hypervisor as units: probe, enable and disable. */
#include "tce/papr_unit.h"

#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "base/text.h"
#include "tce/pe_name.h"

static enum iommu_match unit_match(const struct iommu_unit *base,
				   const struct iommu_endpoint_info *info)
{
	const struct iommu_papr_config *config = &papr_unit_of(base)->config;

	return info->segment == base->segment && info->source_id >= config->first_id &&
			       info->source_id <= config->last_id
		       ? IOMMU_MATCH_NAMED
		       : IOMMU_MATCH_NONE;
}

/* For whom freezes are reported; NULL: there is no endpoint. */
static void set_speaker(struct papr_unit *unit, const struct iommu_endpoint *endpoint)
{
	__atomic_store_n(&unit->speaker, endpoint != NULL ? endpoint->info.source_id + 1U : 0,
			 __ATOMIC_RELAXED);
}

static int unit_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct papr_unit *unit = papr_unit_of(base);
	int status = iommu_papr_watch(unit, endpoint);

	if (status == 0 && (unit->speaker == 0 || !endpoint->is_alias))
		set_speaker(unit, endpoint);
	return status;
}

static void unit_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	struct papr_unit *unit = papr_unit_of(base);
	struct iommu_endpoint *other = NULL;

	if (unit->speaker != endpoint->info.source_id + 1U)
		return;
	while ((other = iommu_unit_next_id(base, other)) != NULL)
		if (other != endpoint)
			break;
	set_speaker(unit, other);
}

static void unit_finalize_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint)
{
	iommu_tce_name_group(endpoint, papr_unit_of(base)->config.pe);
}

/* Devices behind one window cannot be told apart. */
static const void *unit_device_group(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit;
}

/* Addresses below the window are not translated. */
static bool unit_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			     struct iommu_region *region)
{
	const iommu_iova_t start = papr_unit_of(endpoint->unit)->config.window.address;

	if (start == 0 || (*cursor)++ != 0)
		return false;
	*region = (struct iommu_region){.last = start - 1, .type = IOMMU_REGION_RESERVED};
	return true;
}

static bool unit_translates(const struct iommu_unit *base)
{
	return __atomic_load_n(&papr_unit_of(base)->is_on, __ATOMIC_RELAXED);
}

static void set_on(struct papr_unit *unit, bool is_on)
{
	__atomic_store_n(&unit->is_on, is_on, __ATOMIC_RELAXED);
}

static int unit_confirm(struct iommu_unit *base)
{
	return iommu_papr_confirm(papr_unit_of(base));
}

/*
 * Set the windows as the domain needs them, or clear them; on failure they stay as before, perhaps
 * in doubt.
 */
static int turn(struct papr_unit *unit, bool is_on)
{
	const bool was_on = unit->is_on;
	int status;

	if (was_on == is_on)
		return iommu_papr_confirm(unit);
	set_on(unit, is_on);
	status = iommu_papr_apply(unit);
	if (status == 0)
		return 0;
	set_on(unit, was_on);
	(void)iommu_papr_apply(unit);
	return status;
}

static int unit_enable(struct iommu_unit *base)
{
	return turn(papr_unit_of(base), true);
}

static int unit_disable(struct iommu_unit *base)
{
	return turn(papr_unit_of(base), false);
}

static void unit_destroy(struct papr_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (unit->touched.chunks != NULL)
		iommu_bitmap_destroy(&unit->touched);
	iommu_open_parts_destroy(&unit->open);
	iommu_papr_memory_fini(unit);
	iommu_papr_calls_fini(&unit->window);
	iommu_papr_calls_fini(&unit->direct);
	platform->free_pages(platform->ctx, unit, 0);
}

static void unit_remove(struct iommu_unit *base)
{
	unit_destroy(papr_unit_of(base));
}

/*
 * The bridge belongs to the hypervisor: a message is delivered if its PE was given the interrupt;
 * DMA is coherent with the CPUs' caches.
 */
static bool unit_capable(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	(void)endpoint;
	return capability == IOMMU_CAPABLE_CACHE_COHERENCY ||
	       capability == IOMMU_CAPABLE_INTERRUPT_ISOLATION;
}

static const struct iommu_ops papr_ops = {
	.name = iommu_papr_name,
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
	.domain_alloc = iommu_papr_domain_alloc,
	.handle_faults = iommu_papr_handle_faults,
	.freeze = &iommu_papr_freeze_ops,
};

/* --- Probe ------------------------------------------------------------------------------------ */

/* Parts of one window of the hypervisor, which do not overlap. */
static bool are_parts(const struct iommu_papr_window *one, const struct iommu_papr_window *other)
{
	return one->page_shift == other->page_shift &&
	       (one->address + (one->size - 1) < other->address ||
		other->address + (other->size - 1) < one->address);
}

/* What is wrong with the configuration; NULL: nothing. */
static const char *mistake_in(const struct iommu_papr_config *config)
{
	if (config->flags != 0)
		return IOMMU_WHY("unknown flags");
	if (config->call == NULL)
		return IOMMU_WHY("there is no call to the hypervisor");
	if (config->first_id > config->last_id)
		return IOMMU_WHY("the range of ids ends before it starts");
	if (!papr_can_be(&config->window))
		return IOMMU_WHY(
			"the window's address, size or page size is none that one can have");
	if (config->direct.size == 0)
		return NULL;
	if (!papr_can_be(&config->direct) || (config->direct.liobn == config->window.liobn &&
					      !are_parts(&config->direct, &config->window)))
		return IOMMU_WHY("the second window is none, or is the first");
	if (config->memory_end == 0 || config->memory_end > config->direct.size)
		return IOMMU_WHY("memory ends beyond the second window, or nowhere");
	if (config->memory_limit != 0 && (config->memory_limit < config->memory_end ||
					  config->memory_limit > config->direct.size))
		return IOMMU_WHY("memory may come where the second window has no room, or ends "
				 "beyond what may come");
	return NULL;
}

static bool has_number(const struct iommu_papr_config *config, uint32_t liobn)
{
	return config->window.liobn == liobn ||
	       (config->direct.size != 0 && config->direct.liobn == liobn);
}

/* Does either window belong to another unit? */
static bool is_known(struct iommu *iommu, const struct iommu_papr_config *config)
{
	struct iommu_unit *unit = NULL;

	while ((unit = iommu_next_unit(iommu, unit)) != NULL) {
		const struct iommu_papr_config *other = &papr_unit_of(unit)->config;

		if (unit->ops->name != iommu_papr_name)
			continue;
		if (has_number(other, config->window.liobn) ||
		    (config->direct.size != 0 && has_number(other, config->direct.liobn)))
			return true;
	}
	return false;
}

static int start_window(struct papr_unit *unit, struct papr_calls *calls,
			const struct iommu_papr_window *window)
{
	int status;

	*calls = (struct papr_calls){
		.platform = unit->platform,
		.call = unit->config.call,
		.ctx = unit->config.ctx,
		.liobn = window->liobn,
		.first_page = window->address >> window->page_shift,
		.page_shift = window->page_shift,
		.has_multiple = unit->config.has_multiple,
	};
	status = iommu_papr_calls_init(calls);
	/* Entries that a predecessor has left. */
	return status == 0 ? iommu_papr_clear_entries(calls, 0, papr_pages(window)) : status;
}

static int unit_create(const struct iommu_platform *platform,
		       const struct iommu_papr_config *config, struct papr_unit **result)
{
	struct papr_unit *unit = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	int status;

	if (unit == NULL)
		return IOMMU_ENOMEM;
	unit->platform = platform;
	unit->direct.platform = platform;
	unit->config = *config;
	unit->base.ops = &papr_ops;
	unit->base.segment = config->segment;
	iommu_unit_set_init(&unit->set);
	unit->state.set = &unit->set;
	(void)iommu_line_append_hex(
		unit->base.name, sizeof(unit->base.name),
		iommu_line_append(unit->base.name, sizeof(unit->base.name), 0, "liobn"),
		config->window.liobn, 1);
	status = iommu_papr_memory_init(unit);
	if (status == 0)
		status = iommu_bitmap_create(&unit->touched, platform, papr_parts(&config->window));
	if (status == 0)
		status =
			iommu_open_parts_create(&unit->open, platform, papr_parts(&config->window));
	if (status == 0)
		status = start_window(unit, &unit->window, &config->window);
	if (status == 0 && config->direct.size != 0)
		status = start_window(unit, &unit->direct, &config->direct);
	/* From here on calls are made under the unit's lock. */
	unit->window.is_locked = true;
	if (status != 0)
		unit_destroy(unit);
	else
		*result = unit;
	return status;
}

static void report(const struct papr_unit *unit)
{
	char line[80];
	size_t used = iommu_line_append(line, sizeof(line), 0, "a window of ");

	used = iommu_line_append_number(line, sizeof(line), used,
					(unsigned int)papr_pages(&unit->config.window));
	used = iommu_line_append(line, sizeof(line), used, " pages of 2^");
	used = iommu_line_append_number(line, sizeof(line), used, unit->config.window.page_shift);
	(void)iommu_line_append(line, sizeof(line), used,
				unit->config.direct.size != 0 ? " bytes, and one for all of memory"
							      : " bytes");
	iommu_log(unit->platform, IOMMU_LOG_INFO, unit->base.name, line);
}

static int probe(struct iommu *iommu, const struct iommu_papr_config *config)
{
	const char *mistake = mistake_in(config);
	struct papr_unit *unit = NULL;
	int status;

	if (mistake == NULL)
		mistake = iommu_papr_eeh_mistake(iommu_platform_of(iommu), &config->eeh);
	if (mistake != NULL)
		return iommu_refuse(iommu, iommu_papr_name, IOMMU_EINVAL, mistake);
	if (is_known(iommu, config))
		return IOMMU_REFUSE(iommu, iommu_papr_name, IOMMU_EEXIST,
				    "one of the windows is a unit's already");
	status = unit_create(iommu_platform_of(iommu), config, &unit);
	if (status == IOMMU_ENOMEM)
		return status;
	if (status == IOMMU_EINVAL)
		return IOMMU_REFUSE(
			iommu, iommu_papr_name, status,
			"the ranges of memory overlap, or are not whole pages below its "
			"end");
	if (status != 0)
		return IOMMU_REFUSE(iommu, iommu_papr_name, status,
				    "the hypervisor does not clear what was left in a window");
	iommu_register_unit(iommu, &unit->base);
	report(unit);
	return 0;
}

int iommu_papr_probe(struct iommu *iommu, const struct iommu_papr_config *config)
{
	int status;

	iommu_control_lock(iommu);
	status = probe(iommu, config);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}
