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
static int stop_others(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);

	return iommu_riscv_has_directory(unit) ? 0 : iommu_riscv_turn_off(unit);
}

static int stop_queues(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);
	const int status = iommu_riscv_logs_off(unit);

	return status != 0 ? status : iommu_riscv_queue_release(unit);
}

/* Written only where it is not as it should be, with everything off: all depends on it. */
static int set_features(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);
	const uint32_t wanted = riscv_uses_wires(unit) ? RISCV_FCTL_WSI : 0;
	const uint32_t known = RISCV_FCTL_BE | RISCV_FCTL_WSI | RISCV_FCTL_GXL;
	const uint32_t now = riscv_read32(unit, RISCV_FCTL);
	int status;

	if ((now & known) == wanted)
		return 0;
	status = iommu_riscv_turn_off(unit);
	if (status == 0)
		status = stop_queues(common);
	if (status != 0)
		return status;
	riscv_write32(unit, RISCV_FCTL, (now & ~known) | wanted);
	return (riscv_read32(unit, RISCV_FCTL) & known) == wanted ? 0 : IOMMU_EOPNOTSUPP;
}

static int set_interrupts(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);

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
		       iommu_virt_to_phys(unit->common.platform, pages);
}

static int start_queue(struct iommu_driven_unit *common)
{
	return iommu_riscv_queue_start(riscv_of(common));
}

static int start_faults(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);

	return is_on(unit, RISCV_FQCSR, RISCV_FQB, unit->common.faults.pages)
		       ? 0
		       : iommu_riscv_faults_start(unit);
}

static int start_requests(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);

	if (riscv_has(unit, RISCV_CAP_ATS) &&
	    is_on(unit, RISCV_PQCSR, RISCV_PQB, unit->common.requests.pages))
		return 0;
	return iommu_riscv_requests_start(unit);
}

static int apply_messages(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);

	iommu_riscv_messages_apply(unit);
	return 0;
}

/* A unit that is off keeps what it has cached, and would go by it once it is on. */
static int forget_earlier(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);

	return iommu_riscv_has_directory(unit) ? 0 : iommu_driven_start_afresh(common);
}

/*
 * From here on hardware may walk the directory. An unmap that does not see the flag yet has cleared
 * its entries before hardware can read them. A unit that does not have directories of so few levels
 * may have deeper ones.
 */
static int set_directory(struct iommu_driven_unit *common)
{
	struct riscv_unit *unit = riscv_of(common);
	int status;

	iommu_unit_set_active(&unit->common.state, true);
	do
		status = iommu_riscv_set_directory(unit);
	while (status == IOMMU_EOPNOTSUPP && iommu_riscv_directory_grow(unit) == 0);
	return status;
}

static const struct iommu_bring_up_step steps[] = {
	{stop_others, IOMMU_WHY("cannot be turned off first")},
	{set_features, IOMMU_WHY("does not take little-endian tables, or its kind of interrupts")},
	{set_interrupts, IOMMU_WHY("interrupts cannot be programmed")},
	{start_queue, IOMMU_WHY("the command queue does not start")},
	{start_faults, IOMMU_WHY("the fault queue does not start")},
	{start_requests, IOMMU_WHY("the page request queue does not start")},
	{apply_messages, IOMMU_WHY("interrupts cannot be programmed")},
#if IOMMU_CONFIG_DEVICE_TLB
	{iommu_driven_tlbs_hold, IOMMU_WHY("devices cannot be told to wait")},
#endif
	{forget_earlier, IOMMU_WHY("the caches are not invalidated")},
	{set_directory, IOMMU_WHY("the device directory is not accepted")},
	{iommu_driven_invalidate_all, IOMMU_WHY("the caches are not invalidated")},
#if IOMMU_CONFIG_DEVICE_TLB
	{iommu_driven_tlbs_release, IOMMU_WHY("devices' translations are not invalidated")},
#endif
};

/* --- State ------------------------------------------------------------------------------------ */

static bool is_gone(const struct iommu_driven_unit *common)
{
	return iommu_riscv_is_gone(riscv_of(common));
}

static bool translates(const struct iommu_driven_unit *common)
{
	return iommu_riscv_translates(riscv_of(common));
}

static int turn_off(struct iommu_driven_unit *common)
{
	return iommu_riscv_turn_off(riscv_of(common));
}

/* One that was reset since may let everything pass; one that was never brought up may go on so. */
static int stay_off(struct iommu_driven_unit *common)
{
	return common->was_started ? turn_off(common) : 0;
}

const struct iommu_bring_up iommu_riscv_bring_up = {
	.steps = steps,
	.count = sizeof(steps) / sizeof(steps[0]),
	.is_gone = is_gone,
	.translates = translates,
	.turn_off = turn_off,
	.stop_queues = stop_queues,
	.close = stay_off,
};
