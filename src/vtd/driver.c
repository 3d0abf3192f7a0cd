/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of the VT-d back end, bring-up of all units, and queries. */
#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "base/text.h"
#include "unit/confirmation.h"
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

#define CLASS_DISPLAY 0x03
#define CLASS_AUDIO   0x04

/* --- The ops ---------------------------------------------------------------------------------- */

static int unit_enable(struct iommu_unit *unit)
{
	return iommu_vtd_unit_enable(vtd_unit_of(unit));
}

static int unit_disable(struct iommu_unit *base)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	int status = iommu_vtd_unit_disable(unit);

	iommu_release_confirmed(&unit->probe->set);
	return status;
}

static int unit_suspend(struct iommu_unit *unit)
{
	int status;

	iommu_vtd_counters_suspend(vtd_unit_of(unit));
	status = iommu_vtd_unit_suspend(vtd_unit_of(unit));
	return status == 0 ? iommu_vtd_predecessor_turn_off(vtd_unit_of(unit)) : status;
}

#if IOMMU_CONFIG_SUSPEND
static int unit_resume(struct iommu_unit *unit)
{
	int status = iommu_vtd_unit_resume(vtd_unit_of(unit));

	if (status == 0)
		iommu_vtd_counters_resume(vtd_unit_of(unit));
	return status;
}
#endif

static void unit_remove(struct iommu_unit *base)
{
	struct vtd_unit *unit = vtd_unit_of(base);

	/* The unit is off: it walks nothing, and no domain id of it means anything. */
	(void)iommu_vtd_unit_suspend(unit);
	iommu_release_confirmed(&unit->probe->set);
	iommu_vtd_unit_free(unit);
}

static bool unit_translates(const struct iommu_unit *unit)
{
	return iommu_vtd_unit_translates(vtd_unit_of(unit));
}

static int unit_confirm(struct iommu_unit *base)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	int status;

	if (iommu_unit_is_to_translate(base) && !iommu_vtd_unit_translates(unit))
		return VTD_REFUSE(unit, IOMMU_EIO, "its status says that it does not translate");
	status = iommu_vtd_confirm(unit);
	iommu_release_confirmed(&unit->probe->set);
	return status;
}

static enum iommu_match unit_match(const struct iommu_unit *base,
				   const struct iommu_endpoint_info *info)
{
	const struct vtd_unit *unit = vtd_unit_of(base);

	return iommu_vtd_scope_match(&unit->table->dmar, &unit->record, info);
}

/* A unit that lets everything pass has no use for tables. And see the quirks of display devices. */
static bool default_type(const struct iommu_endpoint *endpoint, enum iommu_domain_type *type)
{
	const struct vtd_unit *unit = vtd_unit_of(endpoint->unit);
	const bool is_display = endpoint->info.class_code >> 16 == CLASS_DISPLAY;

	*type = IOMMU_DOMAIN_IDENTITY;
	if (unit->bypassed || (vtd_has_quirk(unit, IOMMU_VTD_QUIRK_BYPASS_GRAPHICS) && is_display))
		return true;
	*type = IOMMU_DOMAIN_DMA;
	return vtd_has_quirk(unit, IOMMU_VTD_QUIRK_STRICT_GRAPHICS) && is_display;
}

static bool capable(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	const struct vtd_unit *unit = vtd_unit_of(endpoint->unit);

	switch (capability) {
	case IOMMU_CAPABLE_CACHE_COHERENCY:
		return true; /* devices snoop unless they ask not to */
	case IOMMU_CAPABLE_ENFORCED_COHERENCY:
		return unit->caps.snoop_control;
	case IOMMU_CAPABLE_INTERRUPT_ISOLATION:
		return vtd_interrupts_run(unit);
	case IOMMU_CAPABLE_INTERRUPT_REMAPPING:
		return unit->caps.interrupt_remapping;
	case IOMMU_CAPABLE_PASID:
		return vtd_is_scalable(unit) && unit->caps.pasids && endpoint->info.max_pasids > 1;
	case IOMMU_CAPABLE_DIRTY_TRACKING:
		return vtd_is_scalable(unit) &&
		       (unit->caps.dirty || (unit->caps.first_stage && unit->caps.coherent));
	case IOMMU_CAPABLE_SHADOWING:
		return IOMMU_CONFIG_DMA_LAZY && unit->caps.caching_mode;
	default:
		return false;
	}
}

static int hardware_info(const struct iommu_unit *unit, struct iommu_hardware_info *info)
{
	info->type = IOMMU_HARDWARE_VTD;
	info->words[0] = vtd_unit_of(unit)->caps.cap;
	info->words[1] = vtd_unit_of(unit)->caps.ecap;
	if (vtd_has_quirk(vtd_unit_of(unit), IOMMU_VTD_QUIRK_WRITABLE_PARENTS))
		info->flags |= IOMMU_HARDWARE_WRITABLE_PARENTS;
	return 0;
}

#if IOMMU_CONFIG_REGIONS || IOMMU_CONFIG_QUIRKS
static int endpoint_changed(struct iommu_endpoint *endpoint)
{
	/* It is behind this unit all the same: nothing can be refused any more. */
	if (iommu_vtd_quirks_of_endpoint(vtd_endpoint_of(endpoint)) == IOMMU_ENOMEM)
		return IOMMU_ENOMEM;
	return iommu_vtd_regions_decide(vtd_endpoint_of(endpoint));
}
#endif

static const struct iommu_ops vtd_ops = {
	.name = iommu_vtd_name,
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
	.probe_endpoint = iommu_vtd_probe_endpoint,
	.release_endpoint = iommu_vtd_release_endpoint,
	.set_feature = iommu_vtd_set_feature,
#if IOMMU_CONFIG_SCALABLE
	.page_response = iommu_vtd_page_response,
	.handle_page_requests = iommu_vtd_handle_page_requests,
	.has_pasid = iommu_vtd_has_pasid,
#endif
	.next_region = iommu_vtd_next_region,
#if IOMMU_CONFIG_REGIONS || IOMMU_CONFIG_QUIRKS
	.endpoint_changed = endpoint_changed,
#endif
	.endpoint_was_reset = iommu_vtd_endpoint_was_reset,
	.endpoint_is_lost = iommu_vtd_endpoint_is_lost,
	.is_inherited = iommu_vtd_is_inherited,
	.block_inherited = iommu_vtd_block_inherited,
	.default_type = default_type,
	.capable = capable,
	.hardware_info = hardware_info,
	.domain_alloc = iommu_vtd_domain_alloc,
	.handle_faults = iommu_vtd_handle_faults,
#if IOMMU_CONFIG_RESETS && IOMMU_CONFIG_DEVICE_TLB
	.begin_reset = iommu_vtd_begin_reset,
	.cancel_reset = iommu_vtd_cancel_reset,
#endif
#if IOMMU_CONFIG_COUNTERS
	.counters = &iommu_vtd_counter_ops,
#endif
};

int iommu_vtd_find_units(struct iommu *iommu, const void *dmar, size_t size,
			 const struct iommu_vtd_options *options)
{
	return iommu_vtd_probe_units(iommu, &vtd_ops, dmar, size, options);
}

/* --- All units together ----------------------------------------------------------------------- */

/* Is there anything behind it that it must translate for? */
static bool unit_is_needed(const struct vtd_unit *unit)
{
	if (!unit->caps.translates)
		return false;
	return unit->base.endpoints != 0 || unit->record.drhd.include_all ||
	       vtd_unit_is_taken_over(unit);
}

/* Nothing but devices of this class, as far as they are known? */
static bool has_only(struct vtd_unit *unit, unsigned int base_class)
{
	struct iommu_endpoint *endpoint = NULL;

	if (unit->record.drhd.include_all || unit->base.endpoints == 0)
		return false;
	while ((endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		if (endpoint->info.class_code >> 16 != base_class)
			return false;
	return true;
}

static bool wants_bypass(struct vtd_unit *unit)
{
	const bool graphics = (unit->probe->flags & IOMMU_VTD_BYPASS_GRAPHICS) != 0 ||
			      vtd_has_quirk(unit, IOMMU_VTD_QUIRK_BYPASS_GRAPHICS);

	if (!(graphics && has_only(unit, CLASS_DISPLAY)) &&
	    !(vtd_has_quirk(unit, IOMMU_VTD_QUIRK_BYPASS_SOUND) && has_only(unit, CLASS_AUDIO)))
		return false;
	if (!iommu_vtd_must_stay_on(unit))
		return true;
	vtd_log(unit, IOMMU_LOG_WARNING,
		"not bypassed: it was left on, and must not be turned off");
	return false;
}

static bool is_wanted(const struct vtd_unit *unit)
{
	return (!unit->base.enabled || unit->base.unsettled) && !unit->bypassed &&
	       unit_is_needed(unit);
}

static struct vtd_unit *next_wanted(struct vtd_unit *unit)
{
	do
		unit = iommu_vtd_next_unit(unit->probe->iommu, unit);
	while (unit != NULL && !is_wanted(unit));
	return unit;
}

static struct vtd_unit *first_wanted(struct vtd_unit *first)
{
	return is_wanted(first) ? first : next_wanted(first);
}

/* Units that are not brought up go off where a predecessor left them on. */
static int turn_others_off(struct vtd_unit *first)
{
	struct vtd_unit *unit;
	int status = 0;

	for (unit = first; unit != NULL && status == 0;
	     unit = iommu_vtd_next_unit(first->probe->iommu, unit))
		if (!unit->base.enabled && !is_wanted(unit))
			status = iommu_vtd_predecessor_leave_alone(unit);
	return status;
}

/*
 * Everything passes: what is behind the unit needs identity for its default, or keeps its tables.
 */
static void bypass(struct vtd_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	unit->bypassed = true;
	while (status == 0 && (endpoint = iommu_unit_next_endpoint(&unit->base, endpoint)) != NULL)
		status = iommu_reconsider_default(endpoint);
	if (status == 0)
		return;
	unit->bypassed = false;
	vtd_log(unit, IOMMU_LOG_WARNING, "not bypassed: a device behind it is in use");
	while ((endpoint = iommu_unit_next_endpoint(&unit->base, endpoint)) != NULL)
		(void)iommu_reconsider_default(endpoint);
}

/* What is asleep wakes; what is enabled has hardware confirm what is open. */
static int enable_again(struct vtd_unit *first)
{
	struct vtd_unit *unit;
	int result = 0;

	for (unit = first; unit != NULL; unit = iommu_vtd_next_unit(unit->probe->iommu, unit)) {
		int status = iommu_unit_wake(&unit->base);

		if (status == 0 && unit->base.enabled && !unit->base.unsettled)
			status = unit_confirm(&unit->base);
		if (result == 0)
			result = status;
	}
	return result;
}

int iommu_vtd_enable_units(struct iommu *iommu)
{
	struct vtd_unit *first = iommu_vtd_next_unit(iommu, NULL);
	struct vtd_unit *unit, *next;
	int status;

	if (first == NULL)
		return IOMMU_REFUSE(iommu, iommu_vtd_name, IOMMU_ENODEV, "no unit was probed");
	status = enable_again(first);
	if (status != 0)
		return status;
	for (unit = first; unit != NULL; unit = iommu_vtd_next_unit(iommu, unit))
		if (!unit->base.enabled && !vtd_unit_is_taken_over(unit) && wants_bypass(unit))
			bypass(unit);
	for (unit = first_wanted(first); unit != NULL && status == 0; unit = next_wanted(unit))
		status = iommu_unit_prepare(&unit->base);
	if (status == 0)
		status = turn_others_off(first);
	if (status != 0)
		return status;
	status = iommu_vtd_units_enable(first_wanted(first), next_wanted);
	for (unit = first_wanted(first); unit != NULL; unit = next) {
		next = next_wanted(unit);
		iommu_unit_settle(&unit->base, status == 0, status);
	}
	if (status != 0)
		return status;
	/* Once: what is enabled again has been told of. */
	if (!first->probe->running || iommu_translating(iommu) == 0)
		iommu_vtd_report_enabled(first);
	first->probe->running = true;
	return 0;
}

/* --- Events ----------------------------------------------------------------------------------- */

#define NO_MESSAGE  "a message goes to an aligned address at FEExxxxx, with 16 bits of data"
#define NO_REQUESTS "the unit takes no page requests"

int iommu_vtd_set_fault_interrupt(struct iommu_unit *base, uint64_t address, uint32_t data)
{
	struct vtd_unit *unit = vtd_unit_of(base);

	if (!iommu_vtd_owns(base))
		return VTD_REFUSE_NOW(base, IOMMU_EINVAL, VTD_OTHERS);
	if (!iommu_vtd_event_set(&unit->fault_event, address, data))
		return VTD_REFUSE_NOW(base, IOMMU_EINVAL, NO_MESSAGE);
	iommu_vtd_event_apply(unit, VTD_FECTL, &unit->fault_event);
	return 0;
}

int iommu_vtd_mask_fault_interrupt(struct iommu_unit *base)
{
	struct vtd_unit *unit = vtd_unit_of(base);

	if (!iommu_vtd_owns(base))
		return VTD_REFUSE_NOW(base, IOMMU_EINVAL, VTD_OTHERS);
	unit->fault_event.enabled = false;
	iommu_vtd_event_apply(unit, VTD_FECTL, &unit->fault_event);
	return 0;
}

int iommu_vtd_set_page_request_interrupt(struct iommu_unit *base, uint64_t address, uint32_t data)
{
	struct vtd_unit *unit = vtd_unit_of(base);

	if (!iommu_vtd_owns(base))
		return VTD_REFUSE_NOW(base, IOMMU_EINVAL, VTD_OTHERS);
	if (unit->requests == NULL)
		return VTD_REFUSE_NOW(base, IOMMU_EOPNOTSUPP, NO_REQUESTS);
	if (!iommu_vtd_event_set(&unit->request_event, address, data))
		return VTD_REFUSE_NOW(base, IOMMU_EINVAL, NO_MESSAGE);
	iommu_vtd_event_apply(unit, VTD_PECTL, &unit->request_event);
	return 0;
}

int iommu_vtd_mask_page_request_interrupt(struct iommu_unit *base)
{
	struct vtd_unit *unit = vtd_unit_of(base);

	if (!iommu_vtd_owns(base))
		return VTD_REFUSE_NOW(base, IOMMU_EINVAL, VTD_OTHERS);
	if (unit->requests == NULL)
		return VTD_REFUSE_NOW(base, IOMMU_EOPNOTSUPP, NO_REQUESTS);
	unit->request_event.enabled = false;
	iommu_vtd_event_apply(unit, VTD_PECTL, &unit->request_event);
	return 0;
}

/* --- Devices that are no PCI functions -------------------------------------------------------- */

/* The number that firmware gives to a name; false: none. */
static bool number_of_name(const struct iommu_dmar *dmar, const char *path, unsigned int *number)
{
	struct iommu_dmar_record record = {0};

	iommu_dmar_for_each (dmar, &record)
		if (record.type == DMAR_ANDD && iommu_text_equal(record.andd.name, path)) {
			*number = record.andd.number;
			return true;
		}
	return false;
}

int iommu_vtd_find_named(struct iommu *iommu, const char *acpi_path, uint16_t *segment,
			 uint16_t *source_id)
{
	struct vtd_unit *unit = NULL;
	unsigned int number;

	while ((unit = iommu_vtd_next_unit(iommu, unit)) != NULL) {
		const struct iommu_dmar *dmar = &unit->table->dmar;
		struct iommu_dmar_scope scope = {0};

		if (!number_of_name(dmar, acpi_path, &number))
			continue;
		iommu_dmar_for_each_scope (dmar, &unit->record, &scope)
			if (scope.type == DMAR_SCOPE_NAMESPACE && scope.id == number) {
				*segment = unit->record.segment;
				return iommu_vtd_scope_source_id(unit, &scope, source_id);
			}
	}
	return IOMMU_ENOENT;
}

/* --- Facts ------------------------------------------------------------------------------------ */

int iommu_vtd_get_info(const struct iommu_unit *base, struct iommu_vtd_info *info)
{
	const struct vtd_capabilities *caps;
	const struct vtd_unit *unit;

	if (!iommu_vtd_owns(base))
		return VTD_REFUSE_NOW(base, IOMMU_EINVAL, VTD_OTHERS);
	unit = vtd_unit_of(base);
	caps = &unit->caps;
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
		.snoop_control = caps->snoop_control,
		.scalable = vtd_is_scalable(unit),
		.first_stage = vtd_is_scalable(unit) && caps->first_stage,
		.second_stage = vtd_is_scalable(unit) && caps->second_stage,
		.nested = vtd_is_scalable(unit) && caps->nested,
		.dirty_tracking = vtd_is_scalable(unit) && caps->dirty,
		.page_requests = vtd_is_scalable(unit) && caps->page_requests,
		.pasid_bits = vtd_is_scalable(unit) && caps->pasids ? caps->pasid_bits : 0,
		.device_tlb = caps->device_tlb,
		.interrupt_remapping = caps->interrupt_remapping && unit->use_queue,
		.x2apic = caps->x2apic,
		.posted_interrupts = caps->posted_interrupts,
		.fault_records = caps->fault_records,
		.bypassed = unit->bypassed,
		.interrupts_only = !caps->translates,
		.failure = unit->failure,
		.inherited = unit->inherited_ids,
		.quirks = unit->quirks,
	};
	if (IOMMU_CONFIG_INTERRUPTS && unit->interrupts != NULL) {
		info->interrupt_entries = unit->interrupts->ids.count;
		info->inherited_interrupts = unit->interrupts->inherited_count;
	}
	return 0;
}

int iommu_vtd_get_tables(const struct iommu_endpoint *endpoint, struct iommu_vtd_tables *tables)
{
	const struct vtd_unit *unit;
	const struct vtd_pasid_entry *pasid = NULL;
	const struct vtd_context_entry *entry;
	const struct vtd_root_entry *root;
	unsigned int i;

	if (iommu_endpoint_is_released(endpoint))
		return iommu_refuse_now(endpoint->iommu, IOMMU_CALL, endpoint->name, IOMMU_ENODEV,
					IOMMU_WHY("the endpoint was released"));
	if (!iommu_vtd_owns(endpoint->unit))
		return VTD_REFUSE_NOW(endpoint->unit, IOMMU_EINVAL, VTD_OTHERS);
	unit = vtd_unit_of(endpoint->unit);
	root = &unit->root[endpoint->info.source_id >> 8];
	*tables = (struct iommu_vtd_tables){
		.root_table = iommu_virt_to_phys(unit->platform, unit->root),
		.root_entry =
			iommu_le64(vtd_is_scalable(unit) && (endpoint->info.source_id & 0x80) != 0
					   ? root->high
					   : root->low),
	};
	entry = iommu_vtd_context_find(unit, endpoint->info.source_id);
	if (entry == NULL)
		return 0;
	tables->context_table = tables->root_entry & VTD_ENTRY_ADDRESS_MASK;
	tables->context_low = iommu_le64(entry->low);
	tables->context_high = iommu_le64(entry->high);
	if (vtd_is_scalable(unit))
		pasid = iommu_vtd_pasid_find(vtd_endpoint_of(endpoint), 0);
	for (i = 0; pasid != NULL && i < 3; i++)
		tables->pasid_entry[i] = iommu_le64(pasid->words[i]);
	return 0;
}
