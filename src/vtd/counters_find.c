/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a unit's performance counters are, and what they can count; and the enhanced commands, by
 * which they are started and stopped (VT-d specification, "Performance Monitoring" and "Enhanced
 * Command Register").
 *
 * Registers that make no sense cost the unit its counters and nothing else. What they name is
 * written to: so all of it must lie in what is mapped, apart from what the rest of the driver uses.
 */
#include <libiommu/backend/deadline.h>
#include <libiommu/backend/ops.h>
#include <libiommu/counters.h>
#include <libiommu/hw/vtd_counters.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/memory.h"
#include "vtd/counters.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_COUNTERS

/* No unit's registers reach farther, even with counts that lie far apart. */
#define SPACE_MAX   0x100000U
#define EVENTS_MASK ((1U << VTD_COUNTER_EVENTS_MAX) - 1)

static bool has_command(const struct vtd_unit *unit, enum vtd_enhanced_command command)
{
	const uint64_t word = vtd_read64(unit, VTD_ECCAP + (uint32_t)command / 64 * 8);

	return word != UINT64_MAX && (word >> (uint32_t)command % 64 & 1) != 0;
}

/* --- Registers -------------------------------------------------------------------------------- */

static bool overlap(uint64_t one, uint64_t one_size, uint64_t other, uint64_t other_size)
{
	return one < other + other_size && other < one + one_size;
}

/* Is this nothing that the rest of the driver uses? */
static bool is_apart(const struct vtd_unit *unit, uint64_t offset, uint64_t size)
{
	const struct vtd_capabilities *caps = &unit->caps;

	return offset >= VTD_FIXED_REGISTERS && offset + size <= SPACE_MAX &&
	       !overlap(offset, size, caps->iotlb_offset, 16) &&
	       !overlap(offset, size, caps->fault_offset, caps->fault_records * 16ULL);
}

/* Where the registers are; false: there are none, or they cannot be there. */
static bool locate(const struct vtd_unit *unit, struct vtd_counters *found, uint64_t *end)
{
	const struct vtd_capabilities *caps = &unit->caps;
	const uint64_t perfcap = vtd_read64(unit, VTD_PERFCAP);
	uint64_t blocks_size, counts_size;

	*found = (struct vtd_counters){
		.count = vtd_perfcap_counters(perfcap),
		.width = vtd_perfcap_width(perfcap),
		.groups = vtd_perfcap_groups(perfcap),
		.filters = vtd_perfcap_filters(perfcap),
		.interrupts = (perfcap & VTD_PERFCAP_INTERRUPTS) != 0,
		.stride = vtd_perfcap_stride(perfcap),
		.blocks = vtd_read32(unit, VTD_PERFCFGOFF),
		.overflows = vtd_read32(unit, VTD_PERFOVFOFF),
		.counts = vtd_read32(unit, VTD_PERFCNTROFF),
	};
	if (found->count > IOMMU_COUNTERS_MAX)
		found->count = IOMMU_COUNTERS_MAX;
	if (found->count == 0 || found->groups == 0 || found->groups > VTD_COUNTER_GROUPS_MAX ||
	    found->width == 0 || found->width > 64 || found->blocks % VTD_COUNTER_BLOCK != 0 ||
	    found->overflows % 8 != 0 || found->counts % 8 != 0)
		return false;
	blocks_size = (uint64_t)found->count * VTD_COUNTER_BLOCK;
	counts_size = (uint64_t)(found->count - 1) * found->stride + 8;
	*end = found->blocks + blocks_size;
	if (*end < found->overflows + 8ULL)
		*end = found->overflows + 8ULL;
	if (*end < found->counts + counts_size)
		*end = found->counts + counts_size;
	return !overlap(VTD_PERFCAP, VTD_ECCAP + 32 - VTD_PERFCAP, caps->fault_offset,
			caps->fault_records * 16ULL) &&
	       !overlap(VTD_PERFCAP, VTD_ECCAP + 32 - VTD_PERFCAP, caps->iotlb_offset, 16) &&
	       is_apart(unit, found->blocks, blocks_size) && is_apart(unit, found->overflows, 8) &&
	       is_apart(unit, found->counts, counts_size) &&
	       !overlap(found->blocks, blocks_size, found->overflows, 8) &&
	       !overlap(found->blocks, blocks_size, found->counts, counts_size) &&
	       !overlap(found->overflows, 8, found->counts, counts_size);
}

uint64_t iommu_vtd_counters_space(const struct vtd_unit *unit)
{
	struct vtd_counters found;
	uint64_t end;

	if (!unit->caps.counters || !locate(unit, &found, &end))
		return 0;
	return (end + IOMMU_PAGE_SIZE - 1) & ~(IOMMU_PAGE_SIZE - 1);
}

/*
 * What it can count where it differs from the others; false: that makes no sense, or it would
 * overflow unheard.
 */
static bool read_own(const struct vtd_unit *unit, const struct vtd_counters *counters,
		     struct vtd_counter *counter, uint32_t block)
{
	const uint32_t capability = vtd_read32(unit, block + VTD_COUNTER_CAPABILITY);
	unsigned int i;

	if ((capability & VTD_COUNTER_OWN) == 0)
		return true;
	memset(counter->events, 0, sizeof(counter->events));
	counter->count.width = vtd_counter_width(capability);
	if (counter->count.width == 0 || counter->count.width > 64 ||
	    (counters->interrupts && (capability & VTD_COUNTER_HAS_INTERRUPTS) == 0))
		return false;
	for (i = 0; i < vtd_counter_groups(capability); i++) {
		const uint32_t events = vtd_read32(unit, block + VTD_COUNTER_EVENTS + i * 4);

		counter->events[events >> VTD_COUNTER_EVENTS_GROUP] |= events & EVENTS_MASK;
	}
	return true;
}

/* One that cannot be used counts nothing. */
static void read_counter(const struct vtd_unit *unit, struct vtd_counters *counters,
			 unsigned int number, bool may_differ)
{
	struct vtd_counter *counter = &counters->counters[number];
	unsigned int group;

	/* How firmware, or a kernel before us, left it, is not known. */
	counter->is_in_doubt = true;
	counter->count.width = counters->width;
	for (group = 0; group < counters->groups; group++)
		counter->events[group] =
			(uint32_t)vtd_read64(unit, VTD_PERFEVNTCAP + group * 8) & EVENTS_MASK;
	if (may_differ && !read_own(unit, counters, counter, vtd_counter_block(counters, number)))
		memset(counter->events, 0, sizeof(counter->events));
	for (group = 0; group < VTD_COUNTER_GROUPS_MAX; group++) {
		if (group >= counters->groups)
			counter->events[group] = 0;
		counters->events[group] |= counter->events[group];
	}
}

static struct vtd_counters *counters_alloc(const struct vtd_unit *unit,
					   const struct vtd_counters *found)
{
	const struct iommu_platform *platform = unit->platform;
	const size_t size = sizeof(*found) + found->count * sizeof(struct vtd_counter);
	struct vtd_counters *counters;
	unsigned int order = 0;

	while ((IOMMU_PAGE_SIZE << order) < size)
		order++;
	counters = platform->alloc_pages(platform->ctx, order, unit->node, 0);
	if (counters == NULL)
		return NULL;
	*counters = *found;
	counters->order = order;
	return counters;
}

int iommu_vtd_counters_init(struct vtd_unit *unit)
{
	struct vtd_counters found;
	unsigned int i;
	uint64_t end;
	bool differ;

	if (!unit->caps.counters)
		return 0;
	if (!locate(unit, &found, &end) || end > unit->register_size ||
	    !has_command(unit, VTD_COMMAND_START_COUNTER) ||
	    !has_command(unit, VTD_COMMAND_STOP_COUNTER)) {
		vtd_log(unit, IOMMU_LOG_WARNING,
			"its performance counters make no sense, and are left alone");
		return 0;
	}
	found.freezes = has_command(unit, VTD_COMMAND_FREEZE_COUNTERS) &&
			has_command(unit, VTD_COMMAND_UNFREEZE_COUNTERS);
	unit->counters = counters_alloc(unit, &found);
	if (unit->counters == NULL)
		return IOMMU_ENOMEM;
	differ = (vtd_read64(unit, VTD_PERFCAP) & VTD_PERFCAP_UNLIKE) != 0;
	for (i = 0; i < found.count; i++)
		read_counter(unit, unit->counters, i, differ);
	/* Whatever a predecessor had: its counters may go on, and are not told of. */
	vtd_write32(unit, VTD_PERFINTRCTL, VTD_EVENT_MASK);
	return 0;
}

/* --- Enhanced commands ------------------------------------------------------------------------ */

/* Wait until no command is in progress: its response. */
static int wait_for_response(struct vtd_unit *unit, uint64_t *response)
{
	struct vtd_counters *counters = unit->counters;
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, unit->timeout_ns);
	bool passed = counters->hangs;

	while (*response = vtd_read64(unit, VTD_ECRSP), (*response & VTD_ECRSP_BUSY) != 0) {
		if (*response == UINT64_MAX)
			return IOMMU_EIO;
		/* A CPU that was kept busy elsewhere until the time was over looks once more. */
		if (passed) {
			counters->hangs = true;
			return IOMMU_ETIMEDOUT;
		}
		passed = iommu_deadline_passed(&deadline);
	}
	counters->hangs = false;
	return 0;
}

int iommu_vtd_enhanced_command(struct vtd_unit *unit, enum vtd_enhanced_command command,
			       uint16_t operand)
{
	uint64_t response;
	int status = wait_for_response(unit, &response);

	if (status != 0)
		return status;
	vtd_write64(unit, VTD_ECEO, 0);
	vtd_write64(unit, VTD_ECMD, vtd_ecmd(command, operand));
	status = wait_for_response(unit, &response);
	return status == 0 && vtd_ecrsp_status(response) != 0 ? IOMMU_EIO : status;
}

#endif
