/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Error recovery of a guest: the hypervisor is asked for the state of the window's PE, and freezes
 * and thaws it, by services of RTAS. Nothing is remembered but whether a freeze was reported.
 */
#include <libiommu/status.h>

#include "base/memory.h"
#include "tce/answer.h"
#include "tce/papr_rtas.h"
#include "tce/papr_unit.h"

#define LOG_LAST 0xffffffffULL /* addresses are arguments of 32 bits */

/* Functions of "ibm,set-eeh-option". */
#define OPTION_ENABLE   1
#define OPTION_THAW_IO  2
#define OPTION_THAW_DMA 3
#define OPTION_FREEZE   4

/* What "ibm,read-slot-reset-state2" says of the PE. */
#define STATE_NORMAL      0
#define STATE_IN_RESET    1
#define STATE_STOPPED     2
#define STATE_STOPPED_DMA 4
#define STATE_UNAVAILABLE 5

/* Of "ibm,slot-error-detail". */
#define NO_ERRORS     1
#define LOG_TEMPORARY 1
#define LOG_HEADER    8
#define LOG_EXTENDED  4 /* in byte 1: bytes 4 to 7 are the size of what follows the header */

const char iommu_papr_name[] = "papr";

const char *iommu_papr_eeh_mistake(const struct iommu_platform *platform,
				   const struct iommu_papr_eeh *eeh)
{
	iommu_paddr_t log;

	if (eeh->rtas == NULL || eeh->log == NULL)
		return NULL;
	log = iommu_virt_to_phys(platform, eeh->log);
	return eeh->log_size >= LOG_HEADER && log <= LOG_LAST && eeh->log_size - 1 <= LOG_LAST - log
		       ? NULL
		       : IOMMU_WHY("the memory for error logs is too small, or beyond 4 GiB");
}

/* --- Services --------------------------------------------------------------------------------- */

#define PE_INPUTS(eeh, address) (address), (uint32_t)((eeh)->bridge >> 32), (uint32_t)(eeh)->bridge

static int32_t service(const struct papr_unit *unit, uint32_t token, unsigned int input_count,
		       const uint32_t *inputs, unsigned int output_count, uint32_t *outputs)
{
	const struct iommu_papr_eeh *eeh = &unit->config.eeh;
	const struct papr_rtas rtas = {unit->platform, eeh->rtas, eeh->ctx};

	return iommu_papr_rtas_call(&rtas, token, input_count, inputs, output_count, outputs);
}

static int status_of(int32_t code)
{
	const int status = iommu_rtas_answer(code);

	/* The parameters are those of the configuration: to refuse them is an error. */
	return status == IOMMU_EINVAL ? IOMMU_EIO : status;
}

/* Its failure is noted as the reason. */
static int checked(const struct papr_unit *unit, int status)
{
	if (status == IOMMU_ETIMEDOUT)
		return PAPR_REFUSE(unit, status, "the hypervisor stays busy");
	return status == 0
		       ? 0
		       : PAPR_REFUSE(unit, IOMMU_EIO, "the hypervisor refuses, or makes no sense");
}

static int set_option(const struct papr_unit *unit, uint32_t address, uint32_t option)
{
	const uint32_t inputs[] = {PE_INPUTS(&unit->config.eeh, address), option};
	uint32_t output = 0;

	return status_of(service(unit, unit->config.eeh.option_token, 4, inputs, 1, &output));
}

/* --- Asking ----------------------------------------------------------------------------------- */

struct papr_state {
	const char *name, *explanation;
	unsigned int stopped;
};

/* NULL: no state that there is. */
static const struct papr_state *state_of(uint32_t code)
{
	static const struct papr_state states[] = {
		[STATE_NORMAL] = {"normal", "the group is not frozen", 0},
		[STATE_IN_RESET] = {"in reset", "the group is held in reset", IOMMU_STOPPED_ALL},
		[STATE_STOPPED] = {"stopped",
				   "the hypervisor has found an error and frozen the group",
				   IOMMU_STOPPED_ALL},
		[3] = {NULL, NULL, 0},
		[STATE_STOPPED_DMA] = {"DMA stopped", "the DMA of the group is still frozen",
				       IOMMU_STOPPED_DMA},
		[STATE_UNAVAILABLE] = {"unavailable",
				       "the hypervisor does not let the group be used",
				       IOMMU_STOPPED_ALL},
	};

	return code < sizeof(states) / sizeof(states[0]) && states[code].name != NULL
		       ? &states[code]
		       : NULL;
}

/* No reason is noted. IOMMU_EOPNOTSUPP: the hypervisor does not watch the PE. Any context. */
static int ask(const struct papr_unit *unit, struct iommu_freeze *freeze)
{
	const uint32_t inputs[] = {PE_INPUTS(&unit->config.eeh, unit->config.eeh.pe_address)};
	uint32_t outputs[4] = {0, UINT32_MAX};
	const struct papr_state *state;
	int status = status_of(service(unit, unit->config.eeh.state_token, 3, inputs, 4, outputs));

	if (status != 0)
		return status;
	if (outputs[2] == 0)
		return IOMMU_EOPNOTSUPP;
	state = state_of(outputs[1]);
	if (state == NULL)
		return IOMMU_EIO;
	*freeze = (struct iommu_freeze){
		.stopped = state->stopped,
		.is_in_reset = outputs[1] == STATE_IN_RESET,
		.is_unavailable = outputs[1] == STATE_UNAVAILABLE,
		.wait_ms = outputs[1] == STATE_UNAVAILABLE ? outputs[3] : 0,
	};
	if (state->stopped == 0)
		return 0;
	freeze->reason = outputs[1];
	freeze->reason_name = state->name;
	freeze->explanation = state->explanation;
	return 0;
}

static int ask_control(struct papr_unit *unit, struct iommu_freeze *freeze)
{
	int status;

	if (unit->config.eeh.rtas == NULL)
		return PAPR_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   "its configuration has no error recovery");
	status = ask(unit, freeze);
	if (status == IOMMU_EOPNOTSUPP)
		return PAPR_REFUSE(unit, status, "the hypervisor does not watch its devices");
	if (status == 0 && freeze->stopped == 0)
		__atomic_store_n(&unit->is_reported, 0, __ATOMIC_RELAXED);
	return checked(unit, status);
}

static int freeze_get(struct iommu_endpoint *endpoint, struct iommu_freeze *freeze)
{
	return ask_control(papr_unit_of(endpoint->unit), freeze);
}

/* --- Freezing and thawing --------------------------------------------------------------------- */

static int thaw(const struct papr_unit *unit, unsigned int what)
{
	const uint32_t address = unit->config.eeh.pe_address;
	int status = 0;

	if ((what & IOMMU_STOPPED_IO) != 0)
		status = set_option(unit, address, OPTION_THAW_IO);
	if (status == 0 && (what & IOMMU_STOPPED_DMA) != 0)
		status = set_option(unit, address, OPTION_THAW_DMA);
	return checked(unit, status);
}

/* DMA goes on only where it leads to what the devices are to reach. */
static int freeze_thaw(struct iommu_endpoint *endpoint, unsigned int what)
{
	struct papr_unit *unit = papr_unit_of(endpoint->unit);
	struct iommu_freeze freeze = {0};
	const int status = ask_control(unit, &freeze);

	if (status != 0)
		return status;
	if ((what & IOMMU_STOPPED_DMA) != 0) {
		const int open = iommu_papr_confirm(unit);

		if (open != 0)
			return PAPR_REFUSE(unit, open == IOMMU_ETIMEDOUT ? open : IOMMU_EIO,
					   "what its devices would reach is not confirmed");
	}
	/* What is not frozen has nothing to thaw, and the hypervisor says so with an error. */
	return thaw(unit, what & freeze.stopped);
}

static int freeze_freeze(struct iommu_endpoint *endpoint, unsigned int what)
{
	struct papr_unit *unit = papr_unit_of(endpoint->unit);
	struct iommu_freeze freeze = {0};
	const int status = ask_control(unit, &freeze);

	if (status != 0)
		return status;
	if (what != IOMMU_STOPPED_ALL)
		return PAPR_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   "a hypervisor freezes registers and DMA together");
	return checked(unit, set_option(unit, unit->config.eeh.pe_address, OPTION_FREEZE));
}

/* --- Endpoints -------------------------------------------------------------------------------- */

/* What has frozen the PE was before its first endpoint. */
static int thaw_leftover(struct papr_unit *unit)
{
	struct iommu_freeze freeze = {0};
	int status = ask(unit, &freeze);

	if (status == IOMMU_EOPNOTSUPP || (status == 0 && freeze.stopped == 0))
		return 0;
	if (status != 0)
		return checked(unit, status);
	iommu_log(unit->platform, IOMMU_LOG_INFO, unit->base.name,
		  "a PE that was frozen before it got endpoints is thawed");
	status = thaw(unit, freeze.stopped);
	if (status == 0)
		status = checked(unit, ask(unit, &freeze));
	if (status != 0 || freeze.stopped == 0)
		return status;
	return PAPR_REFUSE(unit, IOMMU_EIO, "the PE stays frozen, after its thaw, too");
}

int iommu_papr_watch(struct papr_unit *unit, const struct iommu_endpoint *endpoint)
{
	if (unit->config.eeh.rtas == NULL)
		return 0;
	if (!endpoint->is_alias &&
	    set_option(unit, (uint32_t)endpoint->info.source_id << 8, OPTION_ENABLE) != 0)
		iommu_log(unit->platform, IOMMU_LOG_WARNING, endpoint->name,
			  "the hypervisor does not watch it for errors");
	return unit->speaker == 0 ? thaw_leftover(unit) : 0;
}

/* --- Faults and diagnostic data --------------------------------------------------------------- */

int iommu_papr_handle_faults(struct iommu_unit *base, bool *lost)
{
	struct papr_unit *unit = papr_unit_of(base);
	const uint32_t speaker = __atomic_load_n(&unit->speaker, __ATOMIC_RELAXED);
	struct iommu_freeze freeze = {0};
	struct iommu_fault fault;
	int status;

	(void)lost; /* a freeze remains until it is thawed */
	if (unit->config.eeh.rtas == NULL || speaker == 0)
		return 0;
	status = ask(unit, &freeze);
	if (status != 0)
		return status == IOMMU_EOPNOTSUPP ? 0 : IOMMU_EIO;
	if (__atomic_exchange_n(&unit->is_reported, freeze.stopped != 0, __ATOMIC_RELAXED) != 0 ||
	    freeze.stopped == 0)
		return 0;
	fault = (struct iommu_fault){
		.unit = base,
		.segment = base->segment,
		.source_id = (uint16_t)(speaker - 1),
		.access = IOMMU_FAULT_OTHER,
		.reason = freeze.reason,
		.reason_name = freeze.reason_name,
		.explanation = freeze.explanation,
	};
	iommu_report_fault(base->iommu, &fault);
	return 1;
}

/* The size of a log, by its header, which may be nonsense. */
static size_t size_of_log(const unsigned char *log, uint32_t room)
{
	const uint32_t rest =
		(uint32_t)log[4] << 24 | (uint32_t)log[5] << 16 | (uint32_t)log[6] << 8 | log[7];

	if ((log[1] & LOG_EXTENDED) == 0)
		return LOG_HEADER;
	return rest < room - LOG_HEADER ? LOG_HEADER + rest : room;
}

static int diagnose(struct iommu_endpoint *endpoint, void *buffer, size_t size, size_t *length)
{
	struct papr_unit *unit = papr_unit_of(endpoint->unit);
	const struct iommu_papr_eeh *eeh = &unit->config.eeh;
	uint32_t inputs[] = {
		PE_INPUTS(eeh, eeh->pe_address), 0, 0, 0, eeh->log_size, LOG_TEMPORARY};
	uint32_t output = 0;
	int32_t code;

	if (eeh->rtas == NULL || eeh->detail_token == 0 || eeh->log == NULL)
		return PAPR_REFUSE(unit, IOMMU_EOPNOTSUPP,
				   "its configuration has no service or memory for error logs");
	inputs[5] = (uint32_t)iommu_virt_to_phys(unit->platform, eeh->log);
	memset(eeh->log, 0, eeh->log_size);
	code = service(unit, eeh->detail_token, 8, inputs, 1, &output);
	if (code == NO_ERRORS)
		return PAPR_REFUSE(unit, IOMMU_ENOENT, "the hypervisor has recorded no error");
	if (code != 0)
		return checked(unit, status_of(code));
	*length = size_of_log(eeh->log, eeh->log_size);
	if (size != 0)
		memcpy(buffer, eeh->log, size < *length ? size : *length);
	return 0;
}

const struct iommu_freeze_ops iommu_papr_freeze_ops = {
	.get = freeze_get,
	.thaw = freeze_thaw,
	.freeze = freeze_freeze,
	.diagnose = diagnose,
};

/* --- For hosts -------------------------------------------------------------------------------- */

static int configure_pe(struct iommu_unit *base)
{
	const struct papr_unit *unit = papr_unit_of(base);
	const struct iommu_papr_eeh *eeh = &unit->config.eeh;
	const uint32_t inputs[] = {PE_INPUTS(eeh, eeh->pe_address)};
	uint32_t output = 0;

	if (base->ops->name != iommu_papr_name || eeh->rtas == NULL || eeh->configure_token == 0)
		return IOMMU_REFUSE(base->iommu, base->name, IOMMU_EOPNOTSUPP,
				    "it has no service that configures a PE");
	return checked(unit, status_of(service(unit, eeh->configure_token, 3, inputs, 1, &output)));
}

int iommu_papr_configure_pe(struct iommu_unit *base)
{
	int status;

	iommu_control_lock(base->iommu);
	status = configure_pe(base);
	return iommu_control_end(base->iommu, IOMMU_CALL, status);
}
