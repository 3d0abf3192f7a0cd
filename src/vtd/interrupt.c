/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping: one table for each unit (interrupt_table.c), from which blocks of entries
 * are allocated. Hardware has been told of a change before the call returns.
 *
 * An entry belongs to the caller that allocated its block. A freed entry whose invalidation was not
 * confirmed is withheld until a global invalidation has been confirmed. The remapping table lives
 * as long as its unit.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>
#include <libiommu/vtd_interrupt.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/log.h"
#include "base/spinlock.h"
#include "unit/id.h"
#include "vtd/command.h"
#include "vtd/interrupt.h"
#include "vtd/predecessor.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_INTERRUPTS

#define BLOCK_ORDER_MAX 7

/* --- On and off ------------------------------------------------------------------------------- */

/* From one table to another, remapping stays on: but not from one APIC mode to the other. */
static int leave_old_table(struct vtd_unit *unit)
{
	const bool x2apic = (vtd_read64(unit, VTD_IRTA) & VTD_IRTA_X2APIC) != 0;

	return x2apic == unit->interrupts->x2apic ? 0 : iommu_vtd_predecessor_stop_interrupts(unit);
}

/* The steps; each may be the last that hardware obeys. */
static int start(struct vtd_unit *unit)
{
	int status = leave_old_table(unit);

	if (status == 0)
		status = iommu_vtd_interrupts_give_table(unit);
	if (status == 0 && !unit->caps.invalidates_on_interrupts)
		status = iommu_vtd_invalidate_all(unit);
	if (status == 0)
		status = iommu_vtd_command_set(unit, VTD_GLOBAL_IRE);
	/* Interrupts in the old format would go around the table. */
	if (status == 0 && (vtd_read32(unit, VTD_GSTS) & VTD_GLOBAL_CFI) != 0)
		status = iommu_vtd_command_clear(unit, VTD_GLOBAL_CFI);
	return status;
}

int iommu_vtd_interrupts_start(struct vtd_unit *unit)
{
	int status;

	iommu_vtd_interrupts_begin_change(unit);
	unit->interrupts->in_use = true;
	status = start(unit);
	unit->interrupts->running = status == 0;
	if (status == 0)
		iommu_vtd_interrupts_drop_next(unit);
	iommu_vtd_interrupts_end_change(unit);
	/* Half on is off; where that is not confirmed either, the table and the queue stay. */
	if (status != 0)
		(void)iommu_vtd_interrupts_stop(unit);
	return status;
}

/*
 * Translation may use the queue already, which a failure may leave stopped: whatever comes next
 * begins with a look at the queue.
 */
static int hold_queue(struct vtd_unit *unit)
{
	const int status = iommu_vtd_queue_hold(unit);

	if (status != 0)
		iommu_unit_note_failure(&unit->state);
	return status;
}

int iommu_vtd_interrupts_stop(struct vtd_unit *unit)
{
	int status = 0;

	/* A queue that may still turn off lets no other command through: it is restarted first. */
	if (iommu_vtd_command_hangs(unit, VTD_GLOBAL_QIE))
		status = hold_queue(unit);
	if (status != 0)
		return status;
	if (!vtd_interrupts_may_run(unit))
		return iommu_vtd_predecessor_stop_interrupts(unit);
	iommu_vtd_interrupts_begin_change(unit);
	/* A failure there does not keep it on: without remapping nothing uses the entries. */
	if (!unit->caps.invalidates_on_interrupts)
		(void)iommu_vtd_invalidate_all(unit);
	status = iommu_vtd_command_clear(unit, VTD_GLOBAL_IRE);
	unit->interrupts->in_use = status != 0;
	/* What did not confirm in time may do so at any time: nothing relies on it any more. */
	unit->interrupts->running = false;
	if (status == 0)
		iommu_vtd_interrupts_drop_next(unit);
	iommu_vtd_interrupts_end_change(unit);
	return status;
}

/* --- APIC modes ------------------------------------------------------------------------------- */

static bool entry_fits(const struct vtd_interrupts *interrupts, unsigned int index, bool x2apic)
{
	const uint64_t low = iommu_le64(interrupts->table[index].low);

	return (low & VTD_IRTE_PRESENT) == 0 || (low & VTD_IRTE_POSTED) != 0 ||
	       vtd_irte_destination(low, interrupts->x2apic) <= (x2apic ? UINT32_MAX : 0xff);
}

/* Can all entries be written in that mode? */
static bool entries_fit(const struct vtd_interrupts *interrupts, bool x2apic)
{
	unsigned int index;

	for (index = 0; interrupts != NULL && index < interrupts->ids.count; index++)
		if (!entry_fits(interrupts, index, x2apic))
			return false;
	return true;
}

/* The same processors, as the other mode says it. Hardware does not use the table. */
static void write_entries_for(struct vtd_unit *unit, bool x2apic)
{
	struct vtd_interrupts *interrupts = unit->interrupts;
	unsigned int index;

	if (interrupts->x2apic == x2apic)
		return;
	for (index = 0; index < interrupts->ids.count; index++) {
		const uint64_t low = iommu_le64(interrupts->table[index].low);

		if ((low & VTD_IRTE_PRESENT) != 0 && (low & VTD_IRTE_POSTED) == 0)
			interrupts->table[index].low = iommu_le64(vtd_irte_with_destination(
				low, vtd_irte_destination(low, interrupts->x2apic), x2apic));
	}
	vtd_flush(unit, interrupts->table, (size_t)IOMMU_PAGE_SIZE << interrupts->order);
	interrupts->x2apic = x2apic;
}

/* --- On and off, for all units ---------------------------------------------------------------- */

static int check_unit(const struct vtd_unit *unit, unsigned int flags)
{
	if (!unit->caps.interrupt_remapping || !unit->use_queue)
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP,
				  unit->caps.interrupt_remapping
					  ? "it has no queue, which remapping needs"
					  : "it does not remap interrupts");
	if ((flags & IOMMU_VTD_X2APIC) != 0 && !unit->caps.x2apic)
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no x2APIC mode");
	if (vtd_interrupts_run(unit) &&
	    unit->interrupts->x2apic != ((flags & IOMMU_VTD_X2APIC) != 0))
		return VTD_REFUSE(unit, IOMMU_EBUSY, "it remaps interrupts in another APIC mode");
	return entries_fit(unit->interrupts, (flags & IOMMU_VTD_X2APIC) != 0)
		       ? 0
		       : VTD_REFUSE(
				 unit, IOMMU_ERANGE,
				 "an entry leads to a processor that this APIC mode cannot name");
}

static int check_firmware(const struct vtd_unit *first, unsigned int flags)
{
	const unsigned int firmware = first->probe->main->dmar.flags;

	if ((firmware & DMAR_FLAG_INTR_REMAP) == 0)
		return VTD_REFUSE(first, IOMMU_EOPNOTSUPP,
				  "firmware says that the machine does not remap interrupts");
	if ((flags & (IOMMU_VTD_X2APIC | IOMMU_VTD_X2APIC_IGNORE_OPT_OUT)) == IOMMU_VTD_X2APIC &&
	    (firmware & DMAR_FLAG_X2APIC_OPT_OUT) != 0)
		return VTD_REFUSE(first, IOMMU_EPERM, "firmware opts out of x2APIC mode");
	return 0;
}

static int unit_start(struct vtd_unit *unit, unsigned int flags)
{
	int status = iommu_vtd_interrupts_alloc(unit);

	/* An earlier start that failed may not have been undone. */
	if (status == 0 && vtd_interrupts_may_run(unit))
		status = iommu_vtd_interrupts_stop(unit);
	if (status == 0)
		status = hold_queue(unit);
	if (status != 0)
		return status;
	write_entries_for(unit, (flags & IOMMU_VTD_X2APIC) != 0);
	iommu_vtd_interrupts_inherit(unit);
	status = iommu_vtd_interrupts_start(unit);
	if (status == 0) {
		vtd_log(unit, IOMMU_LOG_INFO,
			unit->interrupts->x2apic ? "interrupts are remapped, with x2APIC"
						 : "interrupts are remapped");
		return 0;
	}
	vtd_log(unit, IOMMU_LOG_ERROR, "interrupt remapping does not start");
	(void)iommu_vtd_queue_release(unit);
	return VTD_REFUSE(unit, status, "interrupt remapping does not start");
}

static int unit_stop(struct vtd_unit *unit)
{
	int status = iommu_vtd_interrupts_stop(unit);

	if (status == 0) {
		/* In a suspended unit, too: it is not to come back. */
		unit->resumes_interrupts = false;
		iommu_vtd_interrupts_disown(unit);
		status = iommu_vtd_queue_release(unit);
	}
	/* One that was told to start, and did not confirm it in time. */
	if (status == 0 && !unit->queue_is_on)
		status = iommu_vtd_predecessor_stop_queue(unit);
	return status;
}

/*
 * Interrupts that an entry allowed may still pass, whether DMA is translated or not; and hardware
 * may have lost its queue since.
 */
static int confirm(struct vtd_unit *unit)
{
	const int status = hold_queue(unit);

	return status == 0 && iommu_unit_has_failed(&unit->state) ? iommu_vtd_invalidate_all(unit)
								  : status;
}

int iommu_vtd_interrupts_on(struct iommu *iommu, unsigned int flags)
{
	struct vtd_unit *unit = iommu_vtd_next_unit(iommu, NULL);
	bool were_on = true;
	int status;

	if (unit == NULL)
		return IOMMU_REFUSE(iommu, iommu_vtd_name, IOMMU_EOPNOTSUPP, "no unit was probed");
	status = check_firmware(unit, flags);

	while (status == 0 && unit != NULL) {
		status = check_unit(unit, flags);
		were_on = were_on && vtd_interrupts_run(unit);
		unit = iommu_vtd_next_unit(iommu, unit);
	}
	if (status != 0)
		return status;
	while (status == 0 && (unit = iommu_vtd_next_unit(iommu, unit)) != NULL)
		status = vtd_interrupts_run(unit) ? confirm(unit) : unit_start(unit, flags);
	if (status != 0 && !were_on)
		(void)iommu_vtd_interrupts_off(iommu);
	return status;
}

int iommu_vtd_interrupts_extend(struct vtd_unit *unit)
{
	struct iommu *iommu = unit->probe->iommu;
	struct vtd_unit *like = iommu_vtd_next_unit(iommu, NULL);
	unsigned int flags;
	int status;

	while (like != NULL && !vtd_interrupts_run(like))
		like = iommu_vtd_next_unit(iommu, like);
	if (like == NULL)
		return 0;
	flags = like->interrupts->x2apic ? IOMMU_VTD_X2APIC : 0;
	status = check_unit(unit, flags);
	return status != 0 ? status : unit_start(unit, flags);
}

bool iommu_vtd_interrupts_any(const struct vtd_unit *unit)
{
	const struct vtd_interrupts *interrupts = unit->interrupts;
	unsigned int word;

	for (word = 0; interrupts != NULL && word < interrupts->ids.count / 64; word++)
		if ((interrupts->ids.taken[word] &
		     ~(interrupts->inherited != NULL ? interrupts->inherited[word] : 0)) != 0)
			return true;
	return false;
}

int iommu_vtd_interrupts_off(struct iommu *iommu)
{
	struct vtd_unit *unit = NULL;
	int result = 0;

	while ((unit = iommu_vtd_next_unit(iommu, unit)) != NULL) {
		int status = unit_stop(unit);

		if (result == 0)
			result = status;
	}
	return result;
}

#define REFUSE(call, unit, status, text)                                                           \
	iommu_refuse_now((unit)->iommu, call, (unit)->name, status, IOMMU_WHY(text))
#define NO_ENTRY "the block has no entry of this number"

/* --- Blocks ----------------------------------------------------------------------------------- */

/* A block of this order, from as many entries as there are. */
static uint32_t take_block(struct vtd_unit *unit, unsigned int order, uint32_t *count)
{
	const uintptr_t state = iommu_spin_lock(unit->platform, &unit->interrupts->lock);
	const uint32_t index = iommu_ids_alloc(&unit->interrupts->ids, &unit->state, 0, order);

	*count = unit->interrupts->ids.count;
	iommu_spin_unlock(unit->platform, &unit->interrupts->lock, state);
	return index;
}

static int alloc(const char *call, struct iommu_unit *base, unsigned int count,
		 struct iommu_vtd_interrupt *interrupt)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	unsigned int order = 0;
	uint32_t index, entries;
	int status = 0;

	while (1U << order < count && order <= BLOCK_ORDER_MAX)
		order++;
	if (count == 0 || order > BLOCK_ORDER_MAX)
		return REFUSE(call, base, IOMMU_EINVAL, "a block has from 1 to 128 entries");
	if (!vtd_interrupts_run(unit))
		return REFUSE(call, base, IOMMU_EOPNOTSUPP, "it does not remap interrupts now");
	while ((index = take_block(unit, order, &entries)) >= entries && status == 0)
		status = iommu_vtd_interrupts_grow(unit, entries);
	if (index >= entries)
		return REFUSE(
			call, base, status,
			"no block of so many entries is free in its table, which cannot grow");
	*interrupt = (struct iommu_vtd_interrupt){
		.unit = base, .index = (uint16_t)index, .order = order};
	return 0;
}

int iommu_vtd_interrupt_alloc(struct iommu_unit *base, unsigned int count,
			      struct iommu_vtd_interrupt *interrupt)
{
	if (!iommu_vtd_owns(base))
		return REFUSE(IOMMU_CALL, base, IOMMU_EINVAL, VTD_OTHERS);
	return alloc(IOMMU_CALL, base, count, interrupt);
}

static int alloc_for(const char *call, struct iommu_unit *unit, unsigned int count,
		     const struct iommu_pci_requester *sender,
		     struct iommu_vtd_interrupt *interrupt)
{
	struct iommu_vtd_interrupt block = {.unit = unit};
	int status;

	if (!iommu_vtd_owns(unit))
		return REFUSE(call, unit, IOMMU_EINVAL, VTD_OTHERS);
	status = alloc(call, unit, count, &block);
	if (status != 0)
		return status;
	/* The device's driver has come: what a kernel before us had for it goes. */
	status = iommu_vtd_interrupts_replace(vtd_unit_of(unit), sender);
	if (status != 0) {
		(void)iommu_vtd_interrupt_free(&block);
		return REFUSE(call, unit, status, "");
	}
	block.has_sender = true;
	block.sender = *sender;
	*interrupt = block;
	return 0;
}

int iommu_vtd_interrupt_alloc_for(const struct iommu_endpoint *endpoint, unsigned int count,
				  struct iommu_vtd_interrupt *interrupt)
{
	if (iommu_endpoint_is_released(endpoint))
		return iommu_refuse_now(endpoint->iommu, IOMMU_CALL, endpoint->name, IOMMU_ENODEV,
					IOMMU_WHY("the endpoint was released"));
	return alloc_for(IOMMU_CALL, endpoint->unit, count, &endpoint->requester, interrupt);
}

/* --- Entries ---------------------------------------------------------------------------------- */

int iommu_vtd_interrupt_free(struct iommu_vtd_interrupt *interrupt)
{
	struct vtd_unit *unit;
	unsigned int number;
	uintptr_t state;
	int status;

	if (interrupt == NULL)
		return 0;
	unit = vtd_unit_of(interrupt->unit);
	for (number = 0; number < 1U << interrupt->order; number++)
		iommu_vtd_entry_clear(unit, interrupt->index + number);
	status = iommu_vtd_invalidate_interrupts(unit, interrupt->index, interrupt->order);
	state = iommu_spin_lock(unit->platform, &unit->interrupts->lock);
	if (status == 0)
		iommu_ids_free(&unit->interrupts->ids, interrupt->index, interrupt->order);
	else
		iommu_ids_withhold(&unit->interrupts->ids, interrupt->index, interrupt->order);
	iommu_spin_unlock(unit->platform, &unit->interrupts->lock, state);
	interrupt->unit = NULL;
	return status == 0 ? 0 : VTD_REFUSE_NOW(&unit->base, status, "");
}

/* What is wrong with a target; NULL: nothing. */
static const char *target_defect(const struct vtd_unit *unit,
				 const struct iommu_vtd_interrupt_target *target)
{
	if (target->source > IOMMU_VTD_SOURCE_BUS || target->ignored_function_bits > 3 ||
	    target->first_bus > target->last_bus)
		return IOMMU_WHY("the source is none that the unit can compare with");
	if (target->delivery_mode > 7 || target->delivery_mode == 3 || target->delivery_mode == 6)
		return IOMMU_WHY("the delivery mode is reserved");
	/* Fixed, lowest priority, and posted ones; the others carry no vector. */
	if ((target->posted || target->delivery_mode <= 1) && target->vector < VTD_VECTOR_MIN)
		return IOMMU_WHY("vectors 0 to 15 are the processor's own");
	if (!target->posted)
		return !unit->interrupts->x2apic && target->destination > 0xff
			       ? IOMMU_WHY("without x2APIC mode a destination is at most 255")
			       : NULL;
	return (target->descriptor & 63) != 0 || target->descriptor >> unit->output_width != 0
		       ? IOMMU_WHY(
				 "the descriptor is not aligned to 64, or out of the unit's reach")
		       : NULL;
}

static uint64_t sender_of(const struct iommu_pci_requester *sender)
{
	if (sender->by_bus)
		return vtd_irte_high(VTD_SOURCE_BUS, 0,
				     (uint16_t)(sender->first_bus << 8 | sender->last_bus));
	return vtd_irte_high(VTD_SOURCE_ID, sender->ignored_function_bits, sender->id);
}

static uint64_t high_of(const struct iommu_vtd_interrupt *interrupt,
			const struct iommu_vtd_interrupt_target *target)
{
	uint64_t high = vtd_irte_high(VTD_SOURCE_ANY, 0, 0);

	if (interrupt->has_sender)
		high = sender_of(&interrupt->sender);
	else if (target->source == IOMMU_VTD_SOURCE_ID)
		high = vtd_irte_high(VTD_SOURCE_ID, target->ignored_function_bits,
				     target->source_id);
	else if (target->source == IOMMU_VTD_SOURCE_BUS)
		high = vtd_irte_high(VTD_SOURCE_BUS, 0,
				     (uint16_t)(target->first_bus << 8 | target->last_bus));
	if (target->posted)
		high |= target->descriptor & 0xffffffff00000000ULL;
	return high;
}

static uint64_t low_of(const struct vtd_unit *unit, const struct iommu_vtd_interrupt_target *target)
{
	if (target->posted)
		return vtd_irte_posted_low(target->vector, target->urgent, target->descriptor);
	return vtd_irte_remapped_low(target->vector, target->delivery_mode, target->logical,
				     target->redirection_hint, target->level, target->destination,
				     unit->interrupts->x2apic);
}

static int clear_entry(const struct iommu_vtd_interrupt *interrupt, unsigned int number)
{
	struct vtd_unit *unit = vtd_unit_of(interrupt->unit);

	iommu_vtd_entry_clear(unit, interrupt->index + number);
	return iommu_vtd_invalidate_interrupts(unit, (uint16_t)(interrupt->index + number), 0);
}

static int set_entry(const struct iommu_vtd_interrupt *interrupt, unsigned int number,
		     const struct iommu_vtd_interrupt_target *target)
{
	struct vtd_unit *unit = vtd_unit_of(interrupt->unit);
	const unsigned int index = interrupt->index + number;
	const uint64_t high = high_of(interrupt, target);
	const uint64_t low = low_of(unit, target);
	int status = 0;

	/* Where both words cannot change at once, the entry is absent meanwhile. */
	while (!iommu_vtd_entry_set(unit, index, low, high) && status == 0)
		status = clear_entry(interrupt, number);
	return status != 0 ? status : iommu_vtd_invalidate_interrupts(unit, (uint16_t)index, 0);
}

int iommu_vtd_interrupt_set(const struct iommu_vtd_interrupt *interrupt, unsigned int number,
			    const struct iommu_vtd_interrupt_target *target)
{
	const struct vtd_unit *unit = vtd_unit_of(interrupt->unit);
	const char *defect = target_defect(unit, target);
	int status;

	if (number >= 1U << interrupt->order)
		return VTD_REFUSE_NOW(interrupt->unit, IOMMU_EINVAL, NO_ENTRY);
	if (interrupt->has_sender && target->source != IOMMU_VTD_SOURCE_ANY)
		return VTD_REFUSE_NOW(interrupt->unit, IOMMU_EINVAL,
				      "the block has a sender: its target names none");
	if (target->posted && !unit->caps.posted_interrupts)
		return VTD_REFUSE_NOW(interrupt->unit, IOMMU_EOPNOTSUPP,
				      "it does not post interrupts");
	if (defect != NULL)
		return iommu_refuse_now(interrupt->unit->iommu, IOMMU_CALL, interrupt->unit->name,
					IOMMU_EINVAL, defect);
	status = set_entry(interrupt, number, target);
	return status == 0 ? 0 : VTD_REFUSE_NOW(interrupt->unit, status, "");
}

int iommu_vtd_interrupt_clear(const struct iommu_vtd_interrupt *interrupt, unsigned int number)
{
	int status;

	if (number >= 1U << interrupt->order)
		return VTD_REFUSE_NOW(interrupt->unit, IOMMU_EINVAL, NO_ENTRY);
	status = clear_entry(interrupt, number);
	return status == 0 ? 0 : VTD_REFUSE_NOW(interrupt->unit, status, "");
}

/* --- Messages --------------------------------------------------------------------------------- */

void iommu_vtd_interrupt_message(const struct iommu_vtd_interrupt *interrupt, unsigned int number,
				 uint64_t *address, uint32_t *data)
{
	/* The handle names the block, the data the entry in it. */
	*address = vtd_msi_address(interrupt->index, true);
	*data = number;
}

uint64_t iommu_vtd_interrupt_ioapic_entry(const struct iommu_vtd_interrupt *interrupt,
					  unsigned int number, uint8_t vector, bool level,
					  bool active_low)
{
	return vtd_ioapic_entry((uint16_t)(interrupt->index + number), vector, level, active_low);
}

/* --- I/O APICs and timers --------------------------------------------------------------------- */

static int find_source(struct iommu *iommu, enum dmar_scope_type type, unsigned int id,
		       struct iommu_unit **result, uint16_t *source_id)
{
	struct vtd_unit *unit = NULL;

	while ((unit = iommu_vtd_next_unit(iommu, unit)) != NULL) {
		const struct iommu_dmar *dmar = &unit->table->dmar;
		struct iommu_dmar_scope scope = {0};

		iommu_dmar_for_each_scope (dmar, &unit->record, &scope) {
			if (scope.type != type || scope.id != id)
				continue;
			*result = &unit->base;
			return iommu_vtd_scope_source_id(unit, &scope, source_id);
		}
	}
	return IOMMU_ENOENT;
}

int iommu_vtd_find_ioapic(struct iommu *iommu, unsigned int id, struct iommu_unit **unit,
			  uint16_t *source_id)
{
	return find_source(iommu, DMAR_SCOPE_IOAPIC, id, unit, source_id);
}

int iommu_vtd_find_hpet(struct iommu *iommu, unsigned int number, struct iommu_unit **unit,
			uint16_t *source_id)
{
	return find_source(iommu, DMAR_SCOPE_HPET, number, unit, source_id);
}

static int alloc_from(const char *call, struct iommu *iommu, enum dmar_scope_type type,
		      unsigned int id, unsigned int count, struct iommu_vtd_interrupt *interrupt)
{
	struct iommu_pci_requester sender = {0};
	struct iommu_unit *unit = NULL;
	int status = find_source(iommu, type, id, &unit, &sender.id);

	if (status != 0)
		return iommu_refuse_now(
			iommu, call, iommu_vtd_name, status,
			IOMMU_WHY("no unit's table names it, or by a path that leads nowhere"));
	return alloc_for(call, unit, count, &sender, interrupt);
}

int iommu_vtd_interrupt_alloc_ioapic(struct iommu *iommu, unsigned int id, unsigned int count,
				     struct iommu_vtd_interrupt *interrupt)
{
	return alloc_from(IOMMU_CALL, iommu, DMAR_SCOPE_IOAPIC, id, count, interrupt);
}

int iommu_vtd_interrupt_alloc_hpet(struct iommu *iommu, unsigned int number, unsigned int count,
				   struct iommu_vtd_interrupt *interrupt)
{
	return alloc_from(IOMMU_CALL, iommu, DMAR_SCOPE_HPET, number, count, interrupt);
}

#endif
