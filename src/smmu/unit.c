/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bring-up of a unit (IHI 0070, 3.11 "Reset, enable and initialization", 6.3.9 "CR0").
 *
 * The order: closed, so that nothing passes while translation is off; off, if anything else
 * translates; attributes and the stream table; the queues of commands, events and page requests;
 * messages; everything that may be cached is forgotten; and translation. A unit that is off aborts
 * every request: nothing passes untranslated on the way, nor after translation was disabled.
 */
#include <libiommu/status.h>

#include "smmu/command.h"
#include "smmu/context.h"
#include "smmu/endpoint.h"
#include "smmu/unit.h"

/* --- Steps ------------------------------------------------------------------------------------ */

/* What translated by another table. */
static int stop_others(struct smmu_unit *unit)
{
	return iommu_smmu_has_streams(unit) ? iommu_smmu_close(unit) : iommu_smmu_turn_off(unit);
}

static int stop_queues(struct smmu_unit *unit)
{
	const int status = iommu_smmu_change_cr0(
		unit, 0, SMMU_CR0_EVENTQEN | SMMU_CR0_PRIQEN | SMMU_CR0_ATSCHK);

	return status != 0 ? status : iommu_smmu_queue_release(unit);
}

static uint32_t attributes(void)
{
	return (uint32_t)(smmu_place(SMMU_CR1_TABLE_SH, SMMU_INNER_SHAREABLE) |
			  smmu_place(SMMU_CR1_TABLE_OC, SMMU_CR1_WRITE_BACK) |
			  smmu_place(SMMU_CR1_TABLE_IC, SMMU_CR1_WRITE_BACK) |
			  smmu_place(SMMU_CR1_QUEUE_SH, SMMU_INNER_SHAREABLE) |
			  smmu_place(SMMU_CR1_QUEUE_OC, SMMU_CR1_WRITE_BACK) |
			  smmu_place(SMMU_CR1_QUEUE_IC, SMMU_CR1_WRITE_BACK));
}

/* Taken only while everything is off; a unit that translates by our table has had them. */
static int set_tables(struct smmu_unit *unit)
{
	const uint32_t cr2 = SMMU_CR2_PTM | SMMU_CR2_RECINVSID;
	int status;

	if (iommu_smmu_has_streams(unit))
		return 0;
	status = stop_queues(unit);
	if (status != 0)
		return status;
	smmu_write32(unit, SMMU_CR1, attributes());
	smmu_write32(unit, SMMU_CR2, cr2);
	smmu_write64(unit, SMMU_STRTAB_BASE, iommu_smmu_streams_base(unit));
	smmu_write32(unit, SMMU_STRTAB_BASE_CFG, iommu_smmu_streams_config(unit));
	if ((smmu_read32(unit, SMMU_CR2) & SMMU_CR2_E2H) != 0 ||
	    smmu_read32(unit, SMMU_STRTAB_BASE_CFG) != iommu_smmu_streams_config(unit) ||
	    smmu_read64(unit, SMMU_STRTAB_BASE) != iommu_smmu_streams_base(unit))
		return IOMMU_EIO;
	return 0;
}

static int check_translated(struct smmu_unit *unit)
{
	return smmu_has0(unit, SMMU_IDR0_ATS) ? iommu_smmu_change_cr0(unit, SMMU_CR0_ATSCHK, 0) : 0;
}

#if IOMMU_CONFIG_DEVICE_TLB
/* While a unit is off devices are not told of what was unmapped. */
static int hold_device_tlbs(struct smmu_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;

	while ((endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		iommu_smmu_tlb_suspect(smmu_endpoint_of(endpoint));
	return 0;
}

static int release_device_tlbs(struct smmu_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	while (status == 0 && (endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL) {
		status = iommu_smmu_tlb_recover(smmu_endpoint_of(endpoint));
		/* One that does not answer is blocked, which is all that can be done about it. */
		if (iommu_device_tlb_is_lost(&smmu_endpoint_of(endpoint)->tlb))
			status = 0;
	}
	return status;
}
#endif

/* A unit that is off keeps what it has cached, and would go by it once it is on. */
static int forget_earlier(struct smmu_unit *unit)
{
	return iommu_smmu_has_streams(unit) ? 0 : iommu_smmu_start_afresh(unit);
}

/*
 * From here on hardware may walk the table. An unmap that does not see the flag yet has cleared its
 * entries before hardware can read them.
 */
static int turn_on(struct smmu_unit *unit)
{
	iommu_unit_set_active(&unit->state, true);
	return iommu_smmu_change_cr0(unit, SMMU_CR0_SMMUEN, 0);
}

struct bring_up_step {
	int (*run)(struct smmu_unit *unit);
	const char *failure;
};

static const struct bring_up_step bring_up[] = {
	{stop_others, IOMMU_WHY("cannot be turned off first, or does not abort while it is off")},
	{set_tables, IOMMU_WHY("the stream table is not accepted")},
	{iommu_smmu_queue_hold, IOMMU_WHY("the command queue does not start")},
	{iommu_smmu_events_start, IOMMU_WHY("the event queue does not start")},
	{iommu_smmu_requests_start, IOMMU_WHY("the page request queue does not start")},
	{check_translated, IOMMU_WHY("does not check translated requests")},
	{iommu_smmu_interrupts_apply, IOMMU_WHY("interrupts cannot be programmed")},
#if IOMMU_CONFIG_DEVICE_TLB
	{hold_device_tlbs, IOMMU_WHY("devices cannot be told to wait")},
#endif
	{forget_earlier, IOMMU_WHY("the caches are not invalidated")},
	{turn_on, IOMMU_WHY("does not begin to translate")},
	{iommu_smmu_invalidate_all, IOMMU_WHY("the caches are not invalidated")},
#if IOMMU_CONFIG_DEVICE_TLB
	{release_device_tlbs, IOMMU_WHY("devices' translations are not invalidated")},
#endif
};

#define STEPS (sizeof(bring_up) / sizeof(bring_up[0]))

/* Turn off what was turned on. Hardware that does not obey stays marked. */
static int shut_down(struct smmu_unit *unit)
{
	int status;

	/* Its registers may be lost, and everything pass. */
	if (!unit->started)
		return iommu_smmu_close(unit);
	status = iommu_smmu_turn_off(unit);
	/*
	 * Requests on their way end with the old tables, or fail; a CMD_SYNC is behind all of them,
	 * where the queue still answers.
	 */
	if (status != 0)
		return status;
	/* Before the queue goes: see iommu_batch_execute. */
	iommu_unit_set_active(&unit->state, false);
	status = stop_queues(unit);
	unit->started = status != 0;
	return status;
}

int iommu_smmu_unit_enable(struct smmu_unit *unit)
{
	const bool stays_on = iommu_smmu_translates(unit);
	size_t step;
	int status = 0;

	unit->started = true;
	unit->failure = NULL;
	for (step = 0; step < STEPS && status == 0; step++)
		status = bring_up[step].run(unit);
	if (status == 0)
		return 0;
	unit->failure = iommu_smmu_is_gone(unit)
				? IOMMU_WHY("its registers read as ones: it is gone")
				: bring_up[step - 1].failure;
	smmu_log(unit, IOMMU_LOG_ERROR, unit->failure);
	/* What translated before by our tables still does; what was changed may be open. */
	if (stays_on)
		iommu_unit_note_failure(&unit->state);
	else
		(void)shut_down(unit);
	return iommu_refuse(unit->base.iommu, unit->base.name, status, unit->failure);
}

int iommu_smmu_unit_disable(struct smmu_unit *unit)
{
	int status = shut_down(unit);

	if (status == 0)
		return 0;
	smmu_log(unit, IOMMU_LOG_ERROR, "does not confirm that it is disabled");
	return SMMU_REFUSE(unit, status, "does not confirm that it is disabled");
}
