/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frozen PEs of the model of a bridge: which PEs stop with which (PELT-V), and firmware's calls
 * that ask, stop, thaw and diagnose. Answers are written to the guest's memory without the lock.
 */
#include <libiommu/hw/opal_diagnostics.h>
#include <libiommu/opal.h>

#include "base/byteorder.h"
#include "base/memory.h"
#include "model/power/phb.h"

#define OPAL_SUCCESS   0
#define OPAL_PARAMETER (-1)
#define OPAL_BUSY      (-2)

#define STOP_IO        1
#define STOP_DMA       2
#define STOP_ALL       3

#define ERROR_NONE     0
#define ERROR_BRIDGE   2
#define ERROR_PE       3
#define ERROR_PE_DMA   5

static uint64_t *vector_of(struct iommu_model_phb *phb, uint32_t pe)
{
	return phb->vectors + (size_t)pe * PHB_VECTOR_WORDS;
}

static void stop_one(struct iommu_model_phb *phb, uint32_t pe,
		     const struct iommu_model_phb_freeze *cause)
{
	struct iommu_model_phb_freeze *frozen = &phb->freezes[pe];

	frozen->is_io_stopped = frozen->is_io_stopped || cause->is_io_stopped;
	if (frozen->is_frozen || !cause->is_frozen)
		return;
	frozen->source_id = cause->source_id;
	frozen->is_write = cause->is_write;
	frozen->address = cause->address;
	frozen->reason = cause->reason;
	__atomic_store_n(&frozen->is_frozen, true, __ATOMIC_RELAXED);
	phb->stats.freezes++;
}

void iommu_phb_freeze(struct iommu_model_phb *phb, uint32_t pe,
		      const struct iommu_model_phb_freeze *cause)
{
	const uint64_t *vector = vector_of(phb, pe);
	uint32_t i;

	phb->last_bad_id = cause->source_id;
	stop_one(phb, pe, cause);
	for (i = 0; i < phb->config.pes; i++)
		if ((vector[i / 64] >> i % 64 & 1) != 0)
			stop_one(phb, i, cause);
}

/* --- Calls ------------------------------------------------------------------------------------ */

/* What a call answers, and where: written once the lock is released. */
struct answer {
	uint64_t address[2];
	unsigned char bytes[2][2];
	size_t size[2];
};

static int64_t status_call(struct iommu_model_phb *phb, const uint64_t arguments[7],
			   struct answer *answer)
{
	const struct iommu_model_phb_freeze *freeze;
	unsigned int stopped, type;

	if (arguments[1] >= phb->config.pes || arguments[2] == 0 || arguments[3] == 0)
		return OPAL_PARAMETER;
	freeze = &phb->freezes[arguments[1]];
	stopped = (freeze->is_io_stopped ? STOP_IO : 0U) | (freeze->is_frozen ? STOP_DMA : 0U);
	type = stopped == 0 ? ERROR_NONE
			    : (freeze->reason != IOMMU_MODEL_TCE_OK ? ERROR_PE_DMA : ERROR_PE);
	if (phb->faults.is_fenced) {
		stopped = STOP_ALL;
		type = ERROR_BRIDGE;
	}
	*answer = (struct answer){
		.address = {arguments[2], arguments[3]},
		.bytes = {{(unsigned char)stopped, 0}, {0, (unsigned char)type}},
		.size = {1, 2},
	};
	return OPAL_SUCCESS;
}

static int64_t freeze_set(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	const struct iommu_model_phb_freeze cause = {.is_frozen = (arguments[2] & STOP_DMA) != 0,
						     .is_io_stopped =
							     (arguments[2] & STOP_IO) != 0};

	if (arguments[1] >= phb->config.pes || arguments[2] == 0 || arguments[2] > STOP_ALL)
		return OPAL_PARAMETER;
	if (!phb->faults.keeps_frozen)
		stop_one(phb, (uint32_t)arguments[1], &cause);
	return OPAL_SUCCESS;
}

static int64_t freeze_clear(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	struct iommu_model_phb_freeze *freeze;

	if (arguments[1] >= phb->config.pes || arguments[2] == 0 || arguments[2] > STOP_ALL)
		return OPAL_PARAMETER;
	freeze = &phb->freezes[arguments[1]];
	if (phb->faults.keeps_frozen)
		return OPAL_SUCCESS;
	if ((arguments[2] & STOP_IO) != 0)
		freeze->is_io_stopped = false;
	if ((arguments[2] & STOP_DMA) != 0)
		__atomic_store_n(&freeze->is_frozen, false, __ATOMIC_RELAXED);
	if (!freeze->is_io_stopped && !freeze->is_frozen)
		freeze->reason = IOMMU_MODEL_TCE_OK;
	return OPAL_SUCCESS;
}

static int64_t set_vector(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	uint64_t *word;

	if (arguments[1] >= phb->config.pes || arguments[2] >= phb->config.pes || arguments[3] > 1)
		return OPAL_PARAMETER;
	word = vector_of(phb, (uint32_t)arguments[1]) + arguments[2] / 64;
	*word &= ~(1ULL << arguments[2] % 64);
	*word |= arguments[3] << arguments[2] % 64;
	return OPAL_SUCCESS;
}

static int64_t freeze_call(struct iommu_model_phb *phb, uint64_t token, const uint64_t arguments[7],
			   struct answer *answer)
{
	if (iommu_phb_is_busy(phb))
		return OPAL_BUSY;
	if (arguments[0] != phb->config.phb)
		return OPAL_PARAMETER;
	switch (token) {
	case IOMMU_OPAL_FREEZE_STATUS:
		return status_call(phb, arguments, answer);
	case IOMMU_OPAL_FREEZE_SET:
		return freeze_set(phb, arguments);
	case IOMMU_OPAL_FREEZE_CLEAR:
		return freeze_clear(phb, arguments);
	case IOMMU_OPAL_SET_PELTV:
		return set_vector(phb, arguments);
	default:
		return OPAL_SUCCESS;
	}
}

static bool put(const struct iommu_model_phb *phb, uint64_t address, const void *bytes, size_t size)
{
	const struct iommu_model_tce_host *host = &phb->config.host;

	return host->write != NULL && host->write(host->ctx, address, bytes, size);
}

static bool put32(const struct iommu_model_phb *phb, uint64_t address, uint32_t value)
{
	const uint32_t bytes = iommu_be32(value);

	return put(phb, address, &bytes, sizeof(bytes));
}

/* A PE's two words. */
static bool put_pe(struct iommu_model_phb *phb, const struct opal_diagnostics_form *form,
		   uint64_t buffer, uint32_t pe)
{
	struct iommu_model_phb_freeze freeze = {0};
	uint64_t a, b;

	if (pe < phb->config.pes)
		(void)iommu_model_phb_get_freeze(phb, pe, &freeze);
	a = iommu_be64(freeze.is_io_stopped ? OPAL_PEST_STOPPED : 0);
	b = iommu_be64(freeze.is_frozen ? OPAL_PEST_STOPPED : 0);
	return put(phb, buffer + form->pest_a + pe * sizeof(a), &a, sizeof(a)) &&
	       put(phb, buffer + opal_pest_b(form) + pe * sizeof(b), &b, sizeof(b));
}

/* All that is not named here is zero. */
static int64_t diagnose(struct iommu_model_phb *phb, const uint64_t arguments[7])
{
	const struct opal_diagnostics_form *form = opal_diagnostics_form_of(
		phb->config.generation == 3 ? OPAL_DIAGNOSTICS_PHB3 : OPAL_DIAGNOSTICS_PHB4);
	const uint64_t buffer = arguments[1];
	const uint32_t size = opal_diagnostics_size(form);
	uint32_t i;

	if (arguments[2] < size)
		return OPAL_PARAMETER;
	for (i = 0; i < form->pest_a; i += sizeof(uint32_t))
		if (!put32(phb, buffer + i, 0))
			return OPAL_PARAMETER;
	for (i = 0; i < form->pes; i++)
		if (!put_pe(phb, form, buffer, i))
			return OPAL_PARAMETER;
	return put32(phb, buffer, OPAL_DIAGNOSTICS_VERSION) && put32(phb, buffer + 4, form->type) &&
			       put32(phb, buffer + 8, size) &&
			       put32(phb, buffer + form->source_id, phb->last_bad_id)
		       ? OPAL_SUCCESS
		       : OPAL_PARAMETER;
}

static bool is_freeze_token(uint64_t token)
{
	return token == IOMMU_OPAL_FREEZE_STATUS || token == IOMMU_OPAL_FREEZE_SET ||
	       token == IOMMU_OPAL_FREEZE_CLEAR || token == IOMMU_OPAL_SET_PELTV ||
	       token == IOMMU_OPAL_PHB_DIAGNOSTICS;
}

bool iommu_phb_freeze_call(struct iommu_model_phb *phb, uint64_t token, const uint64_t arguments[7],
			   int64_t *code)
{
	struct answer answer = {0};
	uintptr_t state;
	unsigned int i;

	if (!is_freeze_token(token))
		return false;
	state = iommu_phb_lock(phb);
	*code = freeze_call(phb, token, arguments, &answer);
	iommu_phb_unlock(phb, state);
	if (*code == OPAL_SUCCESS && token == IOMMU_OPAL_PHB_DIAGNOSTICS)
		*code = diagnose(phb, arguments);
	for (i = 0; i < 2; i++)
		if (answer.size[i] != 0 &&
		    !put(phb, answer.address[i], answer.bytes[i], answer.size[i]))
			*code = OPAL_PARAMETER;
	return true;
}
