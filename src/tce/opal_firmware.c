/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of OPAL firmware, repeated while it is busy; and kills through the register. */
#include <libiommu/status.h>

#include "base/trace.h"
#include "tce/answer.h"
#include "tce/kill_register.h"
#include "tce/opal.h"
#include <libiommu/backend/deadline.h>

/* Firmware answers within milliseconds, or reports progress: after a second it counts as hung. */
#define TIMEOUT_NS 1000000000ULL
/* Calls of hung firmware, without a wait in between, until it answers again. */
#define HUNG_CALLS 4

const char iommu_opal_name[] = "opal";

static int call(struct opal_unit *unit, uint64_t token, const uint64_t arguments[7])
{
	const bool was_hung = __atomic_load_n(&unit->is_hung, __ATOMIC_RELAXED) != 0;
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, TIMEOUT_NS);
	bool has_passed = false;
	int status = TCE_AGAIN;

	while (!has_passed) {
		status = iommu_opal_answer(unit->config.call(unit->config.ctx, token, arguments));
		if (status != TCE_AGAIN)
			break;
		has_passed = iommu_deadline_passed(&deadline) ||
			     (was_hung && deadline.polls >= HUNG_CALLS);
	}
	__atomic_store_n(&unit->is_hung, has_passed, __ATOMIC_RELAXED);
	return has_passed ? IOMMU_ETIMEDOUT : status;
}

/*
 * A call on the control path, whose failure is noted as the reason. What the library names exists,
 * and is as firmware has said: a parameter that is refused is an error of firmware's.
 */
static int control_call(struct opal_unit *unit, uint64_t token, const uint64_t arguments[7])
{
	switch (call(unit, token, arguments)) {
	case 0:
		return 0;
	case IOMMU_EINVAL:
		return OPAL_REFUSE(unit, IOMMU_EIO, "firmware refuses a parameter");
	case IOMMU_ETIMEDOUT:
		return OPAL_REFUSE(unit, IOMMU_ETIMEDOUT, "firmware stays busy");
	default:
		return OPAL_REFUSE(unit, IOMMU_EIO, "firmware reports an error");
	}
}

static int forget_by_register(struct opal_unit *unit, enum opal_kill kind, uint32_t pe,
			      uint64_t page_size, uint64_t address, uint64_t pages)
{
	const struct iommu_tce_register told = {
		.platform = unit->platform,
		.registers = unit->registers,
		.pe = pe,
		.state = &unit->told,
		.is_silent = unit->config.register_is_silent,
	};

	if (kind == OPAL_KILL_ALL)
		return iommu_tce_forget_all(&told);
	if (kind == OPAL_KILL_PE)
		return iommu_tce_forget_pe(&told);
	return iommu_tce_forget_pages(&told, address, page_size, pages);
}

static inline int forget(struct opal_unit *unit, enum opal_kill kind, uint32_t pe,
			 uint64_t page_size, uint64_t address, uint64_t pages)
{
	const uint64_t arguments[7] = {unit->config.phb, kind, pe, page_size, address, pages};
	int status;

	if (unit->registers != NULL)
		return forget_by_register(unit, kind, pe, page_size, address, pages);
	status = call(unit, IOMMU_OPAL_TCE_KILL, arguments);
	return status == IOMMU_ETIMEDOUT || status == 0 ? status : IOMMU_EIO;
}

#if IOMMU_CONFIG_TRACE
static __attribute__((noinline)) int forget_traced(struct opal_unit *unit, enum opal_kill kind,
						   uint32_t pe, uint64_t page_size,
						   uint64_t address, uint64_t pages)
{
	struct iommu_trace_event event = {.kinds = IOMMU_TRACE_ALL, .count = 1};
	int status;

	if (kind != OPAL_KILL_ALL) {
		event.kinds = kind == OPAL_KILL_PE ? IOMMU_TRACE_DOMAIN : IOMMU_TRACE_PAGES;
		event.detail = pe;
	}
	if (kind == OPAL_KILL_PAGES) {
		event.iova = address;
		event.size = page_size * pages;
	}
	iommu_trace_given(&unit->base, &event);
	status = forget(unit, kind, pe, page_size, address, pages);
	iommu_trace_done(&unit->base, &event, status);
	return status;
}
#else
#define forget_traced(unit, kind, pe, page_size, address, pages) 0
#endif

int iommu_opal_forget(struct opal_unit *unit, enum opal_kill kind, uint32_t pe, uint64_t page_size,
		      uint64_t address, uint64_t pages)
{
	if (iommu_is_traced(&unit->base))
		return forget_traced(unit, kind, pe, page_size, address, pages);
	return forget(unit, kind, pe, page_size, address, pages);
}

#define BUS_COMPARE_EXACT 7 /* all eight bits of the bus number; 2: the upper three; 0: none */
#define BUS_COMPARE_NONE  0

static uint64_t bus_compare(unsigned int ids)
{
	unsigned int compare = BUS_COMPARE_EXACT;

	if (ids > IDS_PER_BUS * IOMMU_OPAL_BUSES_MAX)
		return BUS_COMPARE_NONE;
	for (; ids > IDS_PER_BUS; ids /= 2)
		compare--;
	return compare;
}

int iommu_opal_set_ids(struct opal_unit *unit, uint32_t pe, uint16_t first, uint16_t last, bool add)
{
	const bool is_function = first == last;
	const uint64_t arguments[7] = {
		unit->config.phb, pe,          first, bus_compare((unsigned int)last - first + 1),
		is_function,      is_function, add};

	return control_call(unit, IOMMU_OPAL_SET_PE, arguments);
}

int iommu_opal_set_table(struct opal_unit *unit, uint32_t pe, unsigned int number,
			 const struct iommu_pgtable *table)
{
	uint64_t arguments[7] = {unit->config.phb, pe, (uint64_t)pe << 1 | number};

	if (table != NULL) {
		arguments[3] = table->levels;
		arguments[4] = iommu_virt_to_phys(unit->platform, table->root);
		arguments[5] = IOMMU_PAGE_SIZE << table->table_order;
		arguments[6] = 1ULL << table->page_shift;
	}
	return control_call(unit, IOMMU_OPAL_MAP_PE_WINDOW, arguments);
}

int iommu_opal_set_window(struct opal_unit *unit, uint32_t pe, const struct opal_domain *domain)
{
	const uint64_t arguments[7] = {unit->config.phb, pe, (uint64_t)pe << 1, 0,
				       1ULL << unit->config.window_bits};

	if (domain != NULL && domain->has_user_windows)
		return iommu_opal_set_table(unit, pe, 0, opal_user_table(domain, 0));
	if (domain != NULL && !iommu_placed_has_table(&domain->common))
		return control_call(unit, IOMMU_OPAL_MAP_PE_WINDOW_REAL, arguments);
	return iommu_opal_set_table(unit, pe, 0, domain != NULL ? &domain->common.pgtable : NULL);
}

bool iommu_opal_has_pe(struct opal_unit *unit, uint32_t pe)
{
	const uint64_t arguments[7] = {unit->config.phb, pe, (uint64_t)pe << 1};

	return call(unit, IOMMU_OPAL_MAP_PE_WINDOW, arguments) != IOMMU_EINVAL;
}

int iommu_opal_set_bypass(struct opal_unit *unit, uint32_t pe, bool is_open)
{
	const uint64_t arguments[7] = {unit->config.phb, pe, (uint64_t)pe << 1 | 1,
				       OPAL_BYPASS_START, is_open ? opal_bypass_size(unit) : 0};

	return control_call(unit, IOMMU_OPAL_MAP_PE_WINDOW_REAL, arguments);
}

/* --- Frozen PEs ------------------------------------------------------------------------------- */

#define ANSWER_SIZE  16
#define TYPE_AT      8
#define NOT_ANSWERED 0xff

/* Of each asker its own piece of the page; what firmware does not write is no answer. */
int iommu_opal_ask_frozen(struct opal_unit *unit, uint32_t pe, enum opal_asker asker,
			  uint8_t *state, uint16_t *type)
{
	volatile unsigned char *answer = unit->answers + (size_t)asker * ANSWER_SIZE;
	const iommu_paddr_t paddr =
		iommu_virt_to_phys(unit->platform, unit->answers) + asker * ANSWER_SIZE;
	const uint64_t arguments[7] = {unit->config.phb, pe, paddr, paddr + TYPE_AT};
	int status;

	answer[0] = NOT_ANSWERED;
	answer[TYPE_AT] = NOT_ANSWERED;
	answer[TYPE_AT + 1] = NOT_ANSWERED;
	status = call(unit, IOMMU_OPAL_FREEZE_STATUS, arguments);
	if (status != 0)
		return status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
	*state = answer[0];
	*type = (uint16_t)(answer[TYPE_AT] << 8 | answer[TYPE_AT + 1]);
	return 0;
}

int iommu_opal_set_frozen(struct opal_unit *unit, uint32_t pe, unsigned int what, bool is_freeze)
{
	const uint64_t arguments[7] = {unit->config.phb, pe, what};

	return control_call(unit, is_freeze ? IOMMU_OPAL_FREEZE_SET : IOMMU_OPAL_FREEZE_CLEAR,
			    arguments);
}

int iommu_opal_set_vector(struct opal_unit *unit, uint32_t parent, uint32_t child, bool add)
{
	const uint64_t arguments[7] = {unit->config.phb, parent, child, add};

	return control_call(unit, IOMMU_OPAL_SET_PELTV, arguments);
}

int iommu_opal_get_diagnostics(struct opal_unit *unit, uint32_t size)
{
	const uint64_t arguments[7] = {unit->config.phb,
				       iommu_virt_to_phys(unit->platform, unit->diagnostics), size};

	return control_call(unit, IOMMU_OPAL_PHB_DIAGNOSTICS, arguments);
}
