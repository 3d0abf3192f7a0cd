/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bring-up of a unit (RISC-V IOMMU specification 1.0.0, 6.1 "Initialization"), and its interrupts.
 *
 * The order: off, if anything else translates; byte order and kind of interrupts; vectors and
 * messages; the queues of commands, faults and page requests; the directory; and everything that
 * may be cached is forgotten. A unit that is off refuses every request: nothing passes untranslated
 * on the way, nor after translation was disabled.
 */
#include <libiommu/status.h>

#include "riscv/command.h"
#include "riscv/context.h"
#include "riscv/directory.h"
#include "riscv/endpoint.h"
#include "riscv/unit.h"

/* --- Steps ------------------------------------------------------------------------------------ */

/* What translated by another directory, or let everything pass. */
static int stop_others(struct riscv_unit *unit)
{
	return iommu_riscv_has_directory(unit) ? 0 : iommu_riscv_turn_off(unit);
}

static int stop_queues(struct riscv_unit *unit)
{
	int status = iommu_riscv_queue_off(unit, RISCV_FQCSR);

	if (status == 0 && riscv_has(unit, RISCV_CAP_ATS))
		status = iommu_riscv_queue_off(unit, RISCV_PQCSR);
	return status != 0 ? status : iommu_riscv_queue_release(unit);
}

/* Written only where it is not as it should be, with everything off: all depends on it. */
static int set_features(struct riscv_unit *unit)
{
	const uint32_t wanted = riscv_uses_wires(unit) ? RISCV_FCTL_WSI : 0;
	const uint32_t known = RISCV_FCTL_BE | RISCV_FCTL_WSI | RISCV_FCTL_GXL;
	const uint32_t now = riscv_read32(unit, RISCV_FCTL);
	int status;

	if ((now & known) == wanted)
		return 0;
	status = iommu_riscv_turn_off(unit);
	if (status == 0)
		status = stop_queues(unit);
	if (status != 0)
		return status;
	riscv_write32(unit, RISCV_FCTL, (now & ~known) | wanted);
	return (riscv_read32(unit, RISCV_FCTL) & known) == wanted ? 0 : IOMMU_EOPNOTSUPP;
}

static int set_interrupts(struct riscv_unit *unit)
{
	iommu_riscv_vectors_find(unit);
	return 0;
}

/* A queue of faults or requests that works is left alone: what it holds is not lost. */
static bool is_on(const struct riscv_unit *unit, uint32_t csr, uint32_t base, const void *pages)
{
	const uint32_t on = RISCV_QUEUE_ENABLE | RISCV_QUEUE_ON;
	const uint32_t now = riscv_read32(unit, csr);

	return pages != NULL && now != UINT32_MAX && (now & (on | RISCV_QUEUE_BUSY)) == on &&
	       riscv_ppn_address(riscv_read64(unit, base)) ==
		       iommu_virt_to_phys(unit->platform, pages);
}

static int start_faults(struct riscv_unit *unit)
{
	return is_on(unit, RISCV_FQCSR, RISCV_FQB, unit->faults.pages)
		       ? 0
		       : iommu_riscv_faults_start(unit);
}

static int start_requests(struct riscv_unit *unit)
{
	if (riscv_has(unit, RISCV_CAP_ATS) &&
	    is_on(unit, RISCV_PQCSR, RISCV_PQB, unit->requests.pages))
		return 0;
	return iommu_riscv_requests_start(unit);
}

static int apply_messages(struct riscv_unit *unit)
{
	iommu_riscv_messages_apply(unit);
	return 0;
}

#if IOMMU_CONFIG_DEVICE_TLB
/* While a unit is off devices are not told of what was unmapped. */
static int hold_device_tlbs(struct riscv_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;

	while ((endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		iommu_riscv_tlb_suspect(riscv_endpoint_of(endpoint));
	return 0;
}

static int release_device_tlbs(struct riscv_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	while (status == 0 && (endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL) {
		status = iommu_riscv_tlb_recover(riscv_endpoint_of(endpoint));
		/* One that does not answer is blocked, which is all that can be done about it. */
		if (iommu_device_tlb_is_lost(&riscv_endpoint_of(endpoint)->tlb))
			status = 0;
	}
	return status;
}
#endif

/* A unit that is off keeps what it has cached, and would go by it once it is on. */
static int forget_earlier(struct riscv_unit *unit)
{
	return iommu_riscv_has_directory(unit) ? 0 : iommu_riscv_start_afresh(unit);
}

/*
 * From here on hardware may walk the directory. An unmap that does not see the flag yet has cleared
 * its entries before hardware can read them. A unit that does not have directories of so few levels
 * may have deeper ones.
 */
static int set_directory(struct riscv_unit *unit)
{
	int status;

	iommu_unit_set_active(&unit->state, true);
	do
		status = iommu_riscv_set_directory(unit);
	while (status == IOMMU_EOPNOTSUPP && iommu_riscv_directory_grow(unit) == 0);
	return status;
}

struct bring_up_step {
	int (*run)(struct riscv_unit *unit);
	const char *failure;
};

static const struct bring_up_step bring_up[] = {
	{stop_others, IOMMU_WHY("cannot be turned off first")},
	{set_features, IOMMU_WHY("does not take little-endian tables, or its kind of interrupts")},
	{set_interrupts, IOMMU_WHY("interrupts cannot be programmed")},
	{iommu_riscv_queue_start, IOMMU_WHY("the command queue does not start")},
	{start_faults, IOMMU_WHY("the fault queue does not start")},
	{start_requests, IOMMU_WHY("the page request queue does not start")},
	{apply_messages, IOMMU_WHY("interrupts cannot be programmed")},
#if IOMMU_CONFIG_DEVICE_TLB
	{hold_device_tlbs, IOMMU_WHY("devices cannot be told to wait")},
#endif
	{forget_earlier, IOMMU_WHY("the caches are not invalidated")},
	{set_directory, IOMMU_WHY("the device directory is not accepted")},
	{iommu_riscv_invalidate_all, IOMMU_WHY("the caches are not invalidated")},
#if IOMMU_CONFIG_DEVICE_TLB
	{release_device_tlbs, IOMMU_WHY("devices' translations are not invalidated")},
#endif
};

#define STEPS (sizeof(bring_up) / sizeof(bring_up[0]))

/* Turn off what was turned on. Hardware that does not obey stays marked. */
static int shut_down(struct riscv_unit *unit)
{
	int status;

	if (!unit->started)
		return 0;
	status = iommu_riscv_turn_off(unit);
	/*
	 * Requests on their way end with the old tables, or fail; a fence is behind all of them,
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

int iommu_riscv_unit_enable(struct riscv_unit *unit)
{
	const bool stays_on = iommu_riscv_translates(unit);
	size_t step;
	int status = 0;

	unit->started = true;
	unit->failure = NULL;
	for (step = 0; step < STEPS && status == 0; step++)
		status = bring_up[step].run(unit);
	if (status == 0)
		return 0;
	unit->failure = iommu_riscv_is_gone(unit)
				? IOMMU_WHY("its registers read as ones: it is gone")
				: bring_up[step - 1].failure;
	riscv_log(unit, IOMMU_LOG_ERROR, unit->failure);
	/* What translated before by our tables still does; what was changed may be open. */
	if (stays_on)
		iommu_unit_note_failure(&unit->state);
	else
		(void)shut_down(unit);
	return iommu_refuse(unit->base.iommu, unit->base.name, status, unit->failure);
}

int iommu_riscv_unit_disable(struct riscv_unit *unit)
{
	int status = shut_down(unit);

	if (status == 0)
		return 0;
	riscv_log(unit, IOMMU_LOG_ERROR, "does not confirm that it is disabled");
	return RISCV_REFUSE(unit, status, "does not confirm that it is disabled");
}
