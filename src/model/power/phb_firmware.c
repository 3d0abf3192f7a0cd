/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware's side of a bridge: OPAL calls for windows and invalidation. */
#include <libiommu/opal.h>

#include "base/bits.h"
#include "base/memory.h"
#include "model/power/phb.h"

#define OPAL_SUCCESS    0
#define OPAL_PARAMETER  (-1)
#define OPAL_BUSY       (-2)
#define OPAL_HARDWARE   (-6)
#define OPAL_BUSY_EVENT (-12)

#define KILL_PAGES      0
#define KILL_PE         1
#define KILL_ALL        2

static bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* --- Windows ---------------------------------------------------------------------------------- */

static bool names_a_window(const struct iommu_model_phb *phb, uint64_t pe, uint64_t window)
{
	return pe < phb->config.pes && window >> 1 == pe;
}

/* Where misbehaving firmware refuses. */
static bool obeys(struct iommu_model_phb *phb, uint64_t tve)
{
	if (tve == 0)
		return !phb->faults.refuse_close;
	return phb->faults.refuse_open == 0 || --phb->faults.refuse_open != 0;
}

static int64_t set_window(struct iommu_model_phb *phb, uint64_t window, uint64_t tve)
{
	if (!obeys(phb, tve))
		return OPAL_HARDWARE;
	iommu_phb_set_tve(phb, (uint32_t)window, tve);
	return OPAL_SUCCESS;
}

static int64_t map_window(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	const uint64_t levels = arguments[3];
	const uint64_t table = arguments[4];
	const uint64_t bytes = arguments[5];
	const uint64_t page = arguments[6];

	if (!names_a_window(phb, arguments[1], arguments[2]))
		return OPAL_PARAMETER;
	if (bytes == 0)
		return set_window(phb, arguments[2], 0);
	if (levels < 1 || levels > TCE_LEVELS_MAX || !is_power_of_two(bytes) ||
	    bytes < IOMMU_PAGE_SIZE || bytes >> (TVE_TABLE_SIZE_BASE + 32) != 0 ||
	    table % IOMMU_PAGE_SIZE != 0 || table >> 60 != 0 || !is_power_of_two(page) ||
	    (page & iommu_model_phb_page_sizes(phb)) == 0)
		return OPAL_PARAMETER;
	return set_window(phb, arguments[2],
			  tve_table(table, (unsigned int)levels, iommu_highest_bit(bytes),
				    iommu_highest_bit(page)));
}

static int64_t map_window_real(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	const uint64_t start = arguments[3] & ~(1ULL << TVE_WINDOW_BIT);
	const uint64_t size = arguments[4];

	if (!names_a_window(phb, arguments[1], arguments[2]))
		return OPAL_PARAMETER;
	if (size == 0)
		return set_window(phb, arguments[2], 0);
	if ((arguments[3] >> TVE_WINDOW_BIT & 1) != (arguments[2] & 1) ||
	    (start | size) % (1ULL << TVE_BYPASS_GRANULE) != 0 || start >> TVE_BYPASS_BITS != 0 ||
	    size >= (1ULL << TVE_BYPASS_BITS) - start)
		return OPAL_PARAMETER;
	return set_window(phb, arguments[2],
			  tve_bypass(start, start + size) |
				  (phb->config.generation == 3 ? 0 : TVE_BYPASS_50));
}

/* --- Ids -------------------------------------------------------------------------------------- */

#define BUS_COMPARE_MAX 7
#define ALL_IDS         0x10000

/*
 * The bits of an id that are compared: some of the bus, from the top, and device and function or
 * not.
 */
static bool mask_of(const uint64_t arguments[7], uint32_t *mask)
{
	const uint64_t bus = arguments[3];

	if (bus > BUS_COMPARE_MAX || bus == 1 || arguments[4] > 1 || arguments[5] > 1)
		return false;
	*mask = bus == 0 ? 0 : 0xff00U & (0xff00U << (BUS_COMPARE_MAX - bus));
	*mask |= (arguments[4] != 0 ? 0xf8U : 0) | (arguments[5] != 0 ? 7U : 0);
	return true;
}

/* Allocate memory for the ids that a call is about to set. Without the lock. */
static void prepare_ids(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	uint32_t mask;

	if (arguments[1] < phb->config.pes && arguments[2] < ALL_IDS && arguments[6] == 1 &&
	    mask_of(arguments, &mask))
		iommu_phb_make_ids(phb, (uint32_t)arguments[2], mask);
}

static int64_t set_pe(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	const uint32_t pe = arguments[6] != 0 ? (uint32_t)arguments[1] : IOMMU_MODEL_NO_PE;
	int64_t code = OPAL_SUCCESS;
	uint32_t mask, id;
	uintptr_t changing;

	if (arguments[1] >= phb->config.pes || arguments[2] >= ALL_IDS || arguments[6] > 1 ||
	    !mask_of(arguments, &mask))
		return OPAL_PARAMETER;
	changing = iommu_model_cache_begin_drop(&phb->cache);
	for (id = 0; id < ALL_IDS && code == OPAL_SUCCESS; id++)
		if (((id ^ arguments[2]) & mask) == 0 &&
		    iommu_phb_set_id(phb, (uint16_t)id, pe) != 0)
			code = OPAL_HARDWARE;
	iommu_model_cache_end_drop(&phb->cache, changing);
	return code;
}

/* --- Invalidation ----------------------------------------------------------------------------- */

static int64_t kill_range(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	const uint64_t page = arguments[3];
	const uint64_t address = arguments[4] & ((1ULL << TVE_WINDOW_BIT) - 1);
	const uint64_t pages = arguments[5];
	const uint32_t window =
		(uint32_t)(arguments[2] << 1 | (arguments[4] >> TVE_WINDOW_BIT & 1));
	const unsigned int shift = tve_page_shift(phb_tve(phb, window));

	if (!is_power_of_two(page) || (page & iommu_model_phb_page_sizes(phb)) == 0 ||
	    arguments[4] >> (TVE_WINDOW_BIT + 1) != 0 || pages == 0 ||
	    pages > (1ULL << TVE_WINDOW_BIT >> iommu_highest_bit(page)) ||
	    address + pages * page > 1ULL << TVE_WINDOW_BIT)
		return OPAL_PARAMETER;
	if (1ULL << shift != page)
		iommu_phb_misuse(phb,
				 "pages are to be forgotten of a size that their window has not");
	else
		iommu_phb_kill_pages(phb, window, address >> shift, (address >> shift) + pages - 1);
	return OPAL_SUCCESS;
}

static int64_t drop(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	if (arguments[1] == KILL_ALL) {
		iommu_phb_kill_all(phb);
		return OPAL_SUCCESS;
	}
	if (arguments[1] > KILL_ALL || arguments[2] >= phb->config.pes)
		return OPAL_PARAMETER;
	if (arguments[1] == KILL_PAGES)
		return kill_range(phb, arguments);
	iommu_phb_kill_pe(phb, (uint32_t)arguments[2]);
	return OPAL_SUCCESS;
}

static bool is_same_call(const uint64_t a[7], const uint64_t b[7])
{
	unsigned int i;

	for (i = 0; i < 7; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/*
 * The same call is repeated while walks that began before it are on their way. When they have ended
 * the call is treated as a new one, because firmware cannot tell a repetition from another
 * processor's call for another change of the same pages. So when a call returns success its pages
 * have been dropped, and no walk from before is left.
 */
static int64_t kill(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	int64_t code;
	uintptr_t dropping;

	if (phb->faults.kills_hang)
		return OPAL_BUSY_EVENT;
	if (phb->opal_ticket != 0 && is_same_call(phb->opal_kill, arguments) &&
	    !iommu_model_walks_have_ended(&phb->cache, &phb->opal_ticket))
		return OPAL_BUSY_EVENT;
	dropping = iommu_model_cache_begin_drop(&phb->cache);
	code = drop(phb, arguments);
	iommu_model_cache_end_drop(&phb->cache, dropping);
	phb->opal_ticket = 0;
	if (code != OPAL_SUCCESS || iommu_model_walks_have_ended(&phb->cache, &phb->opal_ticket))
		return code;
	memcpy(phb->opal_kill, arguments, sizeof(phb->opal_kill));
	return OPAL_BUSY_EVENT;
}

/* --- Calls ------------------------------------------------------------------------------------ */

bool iommu_phb_is_busy(struct iommu_model_phb *phb)
{
	if (phb->faults.busy == 0)
		return false;
	phb->faults.busy--;
	return true;
}

static int64_t firmware_call(struct iommu_model_phb *phb, uint64_t token,
			     const uint64_t arguments[7])
{
	if (iommu_phb_is_busy(phb))
		return OPAL_BUSY;
	if (arguments[0] != phb->config.phb)
		return OPAL_PARAMETER;
	switch (token) {
	case IOMMU_OPAL_SET_PE:
		return set_pe(phb, arguments);
	case IOMMU_OPAL_MAP_PE_WINDOW:
		return map_window(phb, arguments);
	case IOMMU_OPAL_MAP_PE_WINDOW_REAL:
		return map_window_real(phb, arguments);
	case IOMMU_OPAL_TCE_KILL:
		return kill(phb, arguments);
	default:
		return OPAL_PARAMETER;
	}
}

int64_t iommu_model_phb_opal(struct iommu_model_phb *phb, uint64_t token,
			     const uint64_t arguments[7])
{
	uintptr_t state;
	int64_t code;

	if (iommu_phb_freeze_call(phb, token, arguments, &code))
		return code;
	if (token == IOMMU_OPAL_SET_PE)
		prepare_ids(phb, arguments);
	state = iommu_phb_lock(phb);
	code = firmware_call(phb, token, arguments);
	iommu_phb_unlock(phb, state);
	return code;
}
