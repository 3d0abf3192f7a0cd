/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Error recovery of a guest's PE. (Linux on Power Architecture Reference, "ibm,set-eeh-option",
 * "ibm,read-slot-reset-state2", "ibm,slot-error-detail", "ibm,configure-pe".)
 */
#include "base/byteorder.h"
#include "base/memory.h"
#include "model/power/papr.h"

#define RTAS_SUCCESS      0
#define RTAS_NO_ERRORS    1
#define RTAS_BUSY         (-2)
#define RTAS_PARAMETER    (-3)

#define OPTION_DISABLE    0
#define OPTION_ENABLE     1
#define OPTION_THAW_IO    2
#define OPTION_THAW_DMA   3
#define OPTION_FREEZE     4

#define STATE_NORMAL      0
#define STATE_STOPPED     2
#define STATE_STOPPED_DMA 4
#define STATE_UNAVAILABLE 5

#define LOG_SIZE          24 /* a header, the part of the length, and the bad address */

struct recovery {
	enum iommu_model_papr_service service;
	unsigned int input_count, output_count;
	const uint32_t *inputs;
	uint32_t *outputs;
};

/* The PE is named by its address; a device, for which recovery is enabled, by its own. */
static int32_t set_option(struct iommu_model_papr *papr, const struct recovery *r)
{
	const uint32_t option = r->inputs[3];

	if (option > OPTION_FREEZE ||
	    (option > OPTION_ENABLE && r->inputs[0] != papr->config.pe_address))
		return RTAS_PARAMETER;
	if (option <= OPTION_ENABLE) {
		papr->has_recovery = option == OPTION_ENABLE;
		return RTAS_SUCCESS;
	}
	if (papr->faults.keeps_frozen)
		return RTAS_SUCCESS;
	if (option == OPTION_FREEZE)
		papr->is_io_stopped = papr->is_dma_stopped = true;
	if (option == OPTION_THAW_IO)
		papr->is_io_stopped = false;
	/* A device whose registers cannot be reached is not let loose. */
	if (option == OPTION_THAW_DMA && papr->is_io_stopped)
		return RTAS_PARAMETER;
	if (option == OPTION_THAW_DMA)
		papr->is_dma_stopped = false;
	return RTAS_SUCCESS;
}

static int32_t read_state(const struct iommu_model_papr *papr, const struct recovery *r)
{
	uint32_t state = STATE_NORMAL;

	if (papr->is_dma_stopped)
		state = papr->is_io_stopped ? STATE_STOPPED : STATE_STOPPED_DMA;
	if (papr->faults.wait_ms != 0)
		state = STATE_UNAVAILABLE;
	r->outputs[1] = state;
	r->outputs[2] = papr->has_recovery;
	r->outputs[3] = papr->faults.wait_ms;
	return RTAS_SUCCESS;
}

static int32_t recover(struct iommu_model_papr *papr, const struct recovery *r)
{
	const bool is_option = r->service == IOMMU_MODEL_PAPR_SET_EEH_OPTION;

	if (papr->faults.busy != 0) {
		papr->faults.busy--;
		return RTAS_BUSY;
	}
	if (papr->config.pe_address == 0 || r->input_count < 3 ||
	    (!is_option && r->inputs[0] != papr->config.pe_address))
		return RTAS_PARAMETER;
	if (is_option)
		return r->input_count == 4 ? set_option(papr, r) : RTAS_PARAMETER;
	if (r->service == IOMMU_MODEL_PAPR_READ_STATE)
		return r->output_count >= 4 ? read_state(papr, r) : RTAS_PARAMETER;
	if (r->service == IOMMU_MODEL_PAPR_CONFIGURE_PE)
		return RTAS_SUCCESS;
	if (r->input_count != 8 || r->inputs[6] < LOG_SIZE)
		return RTAS_PARAMETER;
	return papr->bad_address != 0 ? RTAS_SUCCESS : RTAS_NO_ERRORS;
}

/* An error log: 8 bytes of header, of which the last four are the length of the rest. */
static bool put_log(const struct iommu_model_papr *papr, uint64_t buffer, uint64_t bad_address)
{
	const struct iommu_model_tce_host *host = &papr->config.host;
	const uint32_t length = iommu_be32(LOG_SIZE - 8);
	unsigned char log[LOG_SIZE] = {6, 0x44};

	bad_address = iommu_be64(bad_address);
	memcpy(log + 4, &length, sizeof(length));
	memcpy(log + 8, &bad_address, sizeof(bad_address));
	return host->write != NULL && host->write(host->ctx, buffer, log, sizeof(log));
}

bool iommu_papr_model_recover(struct iommu_model_papr *papr, enum iommu_model_papr_service service,
			      unsigned int input_count, const uint32_t *inputs,
			      unsigned int output_count, uint32_t *outputs)
{
	const struct recovery r = {service, input_count, output_count, inputs, outputs};
	uint64_t bad_address;
	uintptr_t state;
	int32_t code;

	if (service < IOMMU_MODEL_PAPR_SET_EEH_OPTION || service > IOMMU_MODEL_PAPR_CONFIGURE_PE)
		return false;
	state = iommu_spin_lock(papr->platform, &papr->lock);
	code = recover(papr, &r);
	bad_address = papr->bad_address;
	iommu_spin_unlock(papr->platform, &papr->lock, state);
	if (code == RTAS_SUCCESS && service == IOMMU_MODEL_PAPR_ERROR_DETAIL &&
	    !put_log(papr, inputs[5], bad_address))
		code = RTAS_PARAMETER;
	outputs[0] = (uint32_t)code;
	return true;
}
