/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frozen PEs of OPAL bridges: asking firmware, freezing and thawing, reports of freezes as faults,
 * and the bridge's diagnostic data.
 *
 * Nothing is remembered of a freeze but whether it was reported: firmware is asked each time.
 */
#include <libiommu/hw/opal_diagnostics.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/memory.h"
#include "tce/opal.h"

#define DIAGNOSTICS_MAX     (64U << 10)
#define DIAGNOSTICS_DEFAULT 8576U

/* What firmware says: 0 to 3 are those of enum iommu_stopped. */
enum opal_state {
	OPAL_IN_RESET = 4,
	OPAL_UNAVAILABLE = 5,
	OPAL_GONE = 6,
};

struct cause {
	const char *name, *explanation;
};

static const struct cause *cause_of(unsigned int type)
{
	static const struct cause causes[] = {
		{"none", "the group is frozen, and firmware has no reason"},
		{"hub", "an error of the bridge's hub has frozen the group"},
		{"bridge", "an error of the host bridge has frozen all its groups"},
		{"PE", "an error of a device has frozen its group"},
		{"PE MMIO", "an access to a device's registers has frozen its group"},
		{"PE DMA", "DMA that was blocked has frozen its group"},
		{"unknown", "the group is frozen, for a reason that is not known"},
	};
	const unsigned int last = sizeof(causes) / sizeof(causes[0]) - 1;

	return &causes[type < last ? type : last];
}

/* --- Asking ----------------------------------------------------------------------------------- */

static int ask(struct opal_unit *unit, uint32_t pe, enum opal_asker asker,
	       struct iommu_freeze *freeze)
{
	uint8_t state = 0;
	uint16_t type = 0;
	int status = iommu_opal_ask_frozen(unit, pe, asker, &state, &type);

	if (status != 0)
		return status;
	if (state > OPAL_GONE)
		return IOMMU_EIO;
	*freeze = (struct iommu_freeze){
		.stopped = state < OPAL_IN_RESET ? state : (unsigned int)IOMMU_STOPPED_ALL,
		.is_in_reset = state == OPAL_IN_RESET,
		.is_unavailable = state == OPAL_UNAVAILABLE || state == OPAL_GONE,
	};
	if (state == 0)
		return 0;
	freeze->reason = type;
	freeze->reason_name = cause_of(type)->name;
	freeze->explanation = cause_of(type)->explanation;
	return 0;
}

/* The worse of both, with the reason of the one that has any. */
static void add_freeze(struct iommu_freeze *all, const struct iommu_freeze *one)
{
	if (all->stopped == 0) {
		*all = *one;
		return;
	}
	all->stopped |= one->stopped;
	all->is_in_reset = all->is_in_reset || one->is_in_reset;
	all->is_unavailable = all->is_unavailable || one->is_unavailable;
}

/* Of a PE, or of the compound that it is in. */
static int ask_all(struct opal_unit *unit, uint32_t pe, struct iommu_freeze *freeze)
{
	uint32_t i;

	*freeze = (struct iommu_freeze){0};
	for (i = 0; i < unit->config.pes; i++) {
		struct iommu_freeze one;
		int status;

		if (!iommu_opal_is_compound(unit, pe, i))
			continue;
		status = ask(unit, i, OPAL_ASKS_CONTROL, &one);
		if (status != 0)
			return status == IOMMU_ETIMEDOUT
				       ? OPAL_REFUSE(unit, status, "firmware stays busy")
				       : OPAL_REFUSE(
						 unit, status,
						 "firmware does not say whether a PE is frozen");
		if (one.stopped == 0)
			__atomic_store_n(&unit->pes[i].is_reported, 0, __ATOMIC_RELAXED);
		add_freeze(freeze, &one);
	}
	return 0;
}

static int check_eeh(const struct opal_unit *unit)
{
	return opal_has_eeh(unit) ? 0
				  : OPAL_REFUSE(unit, IOMMU_EOPNOTSUPP,
						"its configuration has no error recovery");
}

static int freeze_get(struct iommu_endpoint *endpoint, struct iommu_freeze *freeze)
{
	struct opal_unit *unit = opal_unit_of(endpoint->unit);
	int status = check_eeh(unit);

	return status == 0 ? ask_all(unit, opal_number_of(unit, endpoint->unit_data), freeze)
			   : status;
}

/* --- Freezing and thawing --------------------------------------------------------------------- */

static int set_all(struct opal_unit *unit, uint32_t pe, unsigned int what, bool is_freeze)
{
	uint32_t i;
	int result = 0;

	for (i = 0; i < unit->config.pes; i++) {
		int status = 0;

		if (iommu_opal_is_compound(unit, pe, i))
			status = iommu_opal_set_frozen(unit, i, what, is_freeze);
		if (result == 0)
			result = status;
	}
	return result;
}

/* DMA goes on only where it leads to what the PE is to reach. */
static int freeze_thaw(struct iommu_endpoint *endpoint, unsigned int what)
{
	struct opal_unit *unit = opal_unit_of(endpoint->unit);
	const int status = check_eeh(unit);

	if (status != 0)
		return status;
	if ((what & IOMMU_STOPPED_DMA) != 0) {
		int open = iommu_opal_settle(unit);

		if (open == 0)
			open = iommu_opal_forget_failed(unit);
		if (open != 0)
			return OPAL_REFUSE(unit, open == IOMMU_ETIMEDOUT ? open : IOMMU_EIO,
					   "what the PE would reach is not confirmed");
	}
	return set_all(unit, opal_number_of(unit, endpoint->unit_data), what, false);
}

static int freeze_freeze(struct iommu_endpoint *endpoint, unsigned int what)
{
	struct opal_unit *unit = opal_unit_of(endpoint->unit);
	int status = check_eeh(unit);

	return status == 0 ? set_all(unit, opal_number_of(unit, endpoint->unit_data), what, true)
			   : status;
}

/* Has it, or another one of its compound, endpoints? */
static bool is_in_use(const struct opal_unit *unit, uint32_t pe)
{
	uint32_t i;

	for (i = 0; i < unit->config.pes; i++)
		if (unit->pes[i].speaker != 0 && iommu_opal_is_compound(unit, pe, i))
			return true;
	return false;
}

int iommu_opal_thaw_leftover(struct opal_unit *unit, struct opal_pe *pe)
{
	const uint32_t number = opal_number_of(unit, pe);
	struct iommu_freeze freeze = {0};
	int status;

	if (!opal_has_eeh(unit) || is_in_use(unit, number))
		return 0;
	status = ask_all(unit, number, &freeze);
	if (status != 0 || freeze.stopped == 0)
		return status;
	iommu_log(unit->platform, IOMMU_LOG_INFO, unit->base.name,
		  "a PE that was frozen before it got endpoints is thawed");
	status = set_all(unit, number, IOMMU_STOPPED_ALL, false);
	if (status == 0)
		status = ask_all(unit, number, &freeze);
	if (status == 0 && freeze.stopped != 0)
		status = OPAL_REFUSE(unit, IOMMU_EIO, "a PE stays frozen, after its thaw, too");
	return status;
}

/* --- Faults ----------------------------------------------------------------------------------- */

static void report_freeze(struct opal_unit *unit, uint32_t speaker,
			  const struct iommu_freeze *freeze)
{
	struct iommu_fault fault = {
		.unit = &unit->base,
		.segment = unit->base.segment,
		.source_id = (uint16_t)(speaker - 1),
		.access = IOMMU_FAULT_OTHER,
		.reason = freeze->reason,
		.reason_name = freeze->reason_name,
		.explanation = freeze->explanation,
	};

	iommu_report_fault(unit->base.iommu, &fault);
}

/* 1: the freeze of a PE was reported. */
static int report_pe(struct opal_unit *unit, struct opal_pe *pe)
{
	const uint32_t speaker = __atomic_load_n(&pe->speaker, __ATOMIC_RELAXED);
	struct iommu_freeze freeze;
	int status;

	if (speaker == 0)
		return 0;
	status = ask(unit, opal_number_of(unit, pe), OPAL_ASKS_FAULTS, &freeze);
	if (status != 0)
		return status;
	if (__atomic_exchange_n(&pe->is_reported, freeze.stopped != 0, __ATOMIC_RELAXED) != 0 ||
	    freeze.stopped == 0)
		return 0;
	report_freeze(unit, speaker, &freeze);
	return 1;
}

int iommu_opal_handle_faults(struct iommu_unit *base, bool *lost)
{
	struct opal_unit *unit = opal_unit_of(base);
	unsigned int i;
	int reported = 0;
	bool is_silent = false;

	(void)lost; /* a freeze remains until it is thawed */
	for (i = 0; opal_has_eeh(unit) && i < unit->config.pes; i++) {
		int status = report_pe(unit, &unit->pes[i]);

		if (status > 0)
			reported++;
		is_silent = is_silent || status < 0;
	}
	return is_silent ? IOMMU_EIO : reported;
}

/* --- Diagnostic data -------------------------------------------------------------------------- */

static uint32_t field(const unsigned char *data, uint32_t at)
{
	uint32_t value;

	memcpy(&value, data + at, sizeof(value));
	return iommu_be32(value);
}

static uint64_t word(const unsigned char *data, uint32_t at)
{
	return (uint64_t)field(data, at) << 32 | field(data, at + 4);
}

static int diagnose(struct iommu_endpoint *endpoint, void *buffer, size_t size, size_t *length)
{
	struct opal_unit *unit = opal_unit_of(endpoint->unit);
	const uint32_t room = unit->config.diagnostics_size;
	int status = check_eeh(unit);
	uint32_t all;

	if (status != 0)
		return status;
	memset(unit->diagnostics, 0, room);
	status = iommu_opal_get_diagnostics(unit, room);
	if (status != 0)
		return status;
	/* As many bytes as firmware says that it has written, which may be nonsense. */
	all = field(unit->diagnostics, 8);
	if (field(unit->diagnostics, 0) != OPAL_DIAGNOSTICS_VERSION || all < 12 || all > room)
		return OPAL_REFUSE(unit, IOMMU_EIO, "firmware's diagnostic data make no sense");
	*length = all;
	if (size != 0)
		memcpy(buffer, unit->diagnostics, size < all ? size : all);
	return 0;
}

int iommu_opal_read_diagnostics(const void *data, size_t size, uint32_t pe,
				struct iommu_opal_diagnosis *diagnosis)
{
	const unsigned char *bytes = data;
	const struct opal_diagnostics_form *form;

	if (data == NULL || size < 12 || field(bytes, 0) != OPAL_DIAGNOSTICS_VERSION)
		return IOMMU_EINVAL;
	form = opal_diagnostics_form_of(field(bytes, 4));
	if (form == NULL || size < opal_diagnostics_size(form) || pe >= form->pes)
		return IOMMU_EINVAL;
	*diagnosis = (struct iommu_opal_diagnosis){
		.generation = form->type == OPAL_DIAGNOSTICS_PHB3 ? 3 : 4,
		.uncorrectable = field(bytes, form->uncorrectable),
		.source_id = (uint16_t)field(bytes, form->source_id),
		.io_state = word(bytes, form->pest_a + pe * 8),
		.dma_state = word(bytes, opal_pest_b(form) + pe * 8),
	};
	diagnosis->is_io_stopped = (diagnosis->io_state & OPAL_PEST_STOPPED) != 0;
	diagnosis->is_dma_stopped = (diagnosis->dma_state & OPAL_PEST_STOPPED) != 0;
	return 0;
}

const struct iommu_freeze_ops iommu_opal_freeze_ops = {
	.get = freeze_get,
	.thaw = freeze_thaw,
	.freeze = freeze_freeze,
	.diagnose = diagnose,
};

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_opal_eeh_init(struct opal_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (!opal_has_eeh(unit))
		return 0;
	if (unit->config.diagnostics_size == 0)
		unit->config.diagnostics_size = DIAGNOSTICS_DEFAULT;
	if (unit->config.diagnostics_size > DIAGNOSTICS_MAX || unit->config.diagnostics_size < 12)
		return OPAL_REFUSE(unit, IOMMU_EINVAL, "diagnostic data have 12 bytes to 64 KiB");
	while (IOMMU_PAGE_SIZE << unit->diagnostics_order < unit->config.diagnostics_size)
		unit->diagnostics_order++;
	iommu_object_cache_init(&unit->link_cache, platform, sizeof(struct opal_link));
	unit->answers = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	unit->diagnostics =
		platform->alloc_pages(platform->ctx, unit->diagnostics_order, IOMMU_NODE_ANY, 0);
	return unit->answers != NULL && unit->diagnostics != NULL ? 0 : IOMMU_ENOMEM;
}

void iommu_opal_eeh_fini(struct opal_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	iommu_opal_free_links(unit);
	if (unit->answers != NULL)
		platform->free_pages(platform->ctx, unit->answers, 0);
	if (unit->diagnostics != NULL)
		platform->free_pages(platform->ctx, unit->diagnostics, unit->diagnostics_order);
}
