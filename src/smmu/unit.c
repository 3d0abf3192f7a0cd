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
#include "smmu/endpoint.h"
#include "smmu/stream.h"
#include "smmu/unit.h"

/* --- Steps ------------------------------------------------------------------------------------ */

/* What translated by another table. */
static int stop_others(struct iommu_driven_unit *common)
{
	struct smmu_unit *unit = smmu_of(common);

	return iommu_smmu_has_streams(unit) ? iommu_smmu_close(unit) : iommu_smmu_turn_off(unit);
}

static int stop_queues(struct iommu_driven_unit *common)
{
	struct smmu_unit *unit = smmu_of(common);
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
static int set_tables(struct iommu_driven_unit *common)
{
	struct smmu_unit *unit = smmu_of(common);
	const uint32_t cr2 = SMMU_CR2_PTM | SMMU_CR2_RECINVSID;
	int status;

	if (iommu_smmu_has_streams(unit))
		return 0;
	status = stop_queues(common);
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

static int check_translated(struct iommu_driven_unit *common)
{
	struct smmu_unit *unit = smmu_of(common);

	return smmu_has0(unit, SMMU_IDR0_ATS) ? iommu_smmu_change_cr0(unit, SMMU_CR0_ATSCHK, 0) : 0;
}

/* A unit that is off keeps what it has cached, and would go by it once it is on. */
static int forget_earlier(struct iommu_driven_unit *common)
{
	struct smmu_unit *unit = smmu_of(common);

	return iommu_smmu_has_streams(unit) ? 0 : iommu_driven_start_afresh(common);
}

/*
 * From here on hardware may walk the table. An unmap that does not see the flag yet has cleared its
 * entries before hardware can read them.
 */
static int turn_on(struct iommu_driven_unit *common)
{
	struct smmu_unit *unit = smmu_of(common);

	iommu_unit_set_active(&unit->common.state, true);
	return iommu_smmu_change_cr0(unit, SMMU_CR0_SMMUEN, 0);
}

static int start_queue(struct iommu_driven_unit *common)
{
	return iommu_smmu_queue_hold(smmu_of(common));
}

static int start_events(struct iommu_driven_unit *common)
{
	return iommu_smmu_events_start(smmu_of(common));
}

static int start_requests(struct iommu_driven_unit *common)
{
	return iommu_smmu_requests_start(smmu_of(common));
}

static int apply_interrupts(struct iommu_driven_unit *common)
{
	return iommu_smmu_interrupts_apply(smmu_of(common));
}

static const struct iommu_bring_up_step steps[] = {
	{stop_others, IOMMU_WHY("cannot be turned off first, or does not abort while it is off")},
	{set_tables, IOMMU_WHY("the stream table is not accepted")},
	{start_queue, IOMMU_WHY("the command queue does not start")},
	{start_events, IOMMU_WHY("the event queue does not start")},
	{start_requests, IOMMU_WHY("the page request queue does not start")},
	{check_translated, IOMMU_WHY("does not check translated requests")},
	{apply_interrupts, IOMMU_WHY("interrupts cannot be programmed")},
#if IOMMU_CONFIG_DEVICE_TLB
	{iommu_driven_tlbs_hold, IOMMU_WHY("devices cannot be told to wait")},
#endif
	{forget_earlier, IOMMU_WHY("the caches are not invalidated")},
	{turn_on, IOMMU_WHY("does not begin to translate")},
	{iommu_driven_invalidate_all, IOMMU_WHY("the caches are not invalidated")},
#if IOMMU_CONFIG_DEVICE_TLB
	{iommu_driven_tlbs_release, IOMMU_WHY("devices' translations are not invalidated")},
#endif
};

/* --- State ------------------------------------------------------------------------------------ */

static bool is_gone(const struct iommu_driven_unit *common)
{
	return iommu_smmu_is_gone(smmu_of(common));
}

static bool translates(const struct iommu_driven_unit *common)
{
	return iommu_smmu_translates(smmu_of(common));
}

static int turn_off(struct iommu_driven_unit *common)
{
	return iommu_smmu_turn_off(smmu_of(common));
}

static int stay_closed(struct iommu_driven_unit *common)
{
	return iommu_smmu_close(smmu_of(common));
}

const struct iommu_bring_up iommu_smmu_bring_up = {
	.steps = steps,
	.count = sizeof(steps) / sizeof(steps[0]),
	.is_gone = is_gone,
	.translates = translates,
	.turn_off = turn_off,
	.stop_queues = stop_queues,
	.close = stay_closed,
};
