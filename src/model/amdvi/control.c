/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control register and the status register (48882, "IOMMU Control Register", "IOMMU Status
 * Register"): which bits a unit has, and when its rings run. A ring runs when its enable bit and
 * IommuEn are 1; it stops by an illegal command or a full log, and starts anew when the enable bit
 * becomes 1 again.
 */
#include "model/amdvi/model.h"

/* --- Bits that there are ---------------------------------------------------------------------- */

static uint64_t mask_of(const unsigned int *fields, size_t count)
{
	uint64_t mask = 0;
	size_t i;

	for (i = 0; i < count; i++)
		mask |= amdvi_field_mask(fields[i]);
	return mask;
}

#define MASK_OF(fields) mask_of(fields, sizeof(fields) / sizeof((fields)[0]))

static uint64_t page_request_bits(const struct iommu_model_amdvi *model)
{
	static const unsigned int log[] = {AMDVI_CONTROL_PPR_LOG_EN, AMDVI_CONTROL_PPR_INT_EN,
					   AMDVI_CONTROL_PPR_EN};
	static const unsigned int automatic[] = {AMDVI_CONTROL_PPR_AUTO_EN,
						 AMDVI_CONTROL_PPR_AUTO_AON};

	return (model_efr(model, AMDVI_EFR_PPR) ? MASK_OF(log) : 0) |
	       (model_efr(model, AMDVI_EFR_PPR_AUTO) ? MASK_OF(automatic) : 0);
}

static uint64_t interrupt_bits(const struct iommu_model_amdvi *model)
{
	static const unsigned int guest[] = {AMDVI_CONTROL_GAM_EN, AMDVI_CONTROL_GA_LOG_EN,
					     AMDVI_CONTROL_GA_INT_EN};
	static const unsigned int wide[] = {AMDVI_CONTROL_XT_EN, AMDVI_CONTROL_INT_CAP_XT_EN};
	uint64_t bits = 0;

	if (model_efr(model, AMDVI_EFR_GA))
		bits |= amdvi_field_mask(AMDVI_CONTROL_GA_EN);
	if (model_efr(model, AMDVI_EFR_GAM))
		bits |= MASK_OF(guest);
	if (model_efr(model, AMDVI_EFR_XT))
		bits |= MASK_OF(wide);
	if (model_efr2(model, AMDVI_EFR2_INT_REMAP))
		bits |= amdvi_field_mask(AMDVI_CONTROL_INT_REMAP_MODE);
	if (model_flag(model, IOMMU_MODEL_AMDVI_IRT_CACHE_DIS))
		bits |= amdvi_field_mask(AMDVI_CONTROL_IRT_CACHE_DIS);
	return bits;
}

uint64_t iommu_amdmodel_control_bits(const struct iommu_model_amdvi *model)
{
	static const unsigned int all[] = {
		AMDVI_CONTROL_IOMMU_EN,     AMDVI_CONTROL_HT_TUN_EN,
		AMDVI_CONTROL_EVENT_LOG_EN, AMDVI_CONTROL_EVENT_INT_EN,
		AMDVI_CONTROL_INV_TIMEOUT,  AMDVI_CONTROL_COM_WAIT_INT_EN,
		AMDVI_CONTROL_PASS_PW,      AMDVI_CONTROL_RES_PASS_PW,
		AMDVI_CONTROL_COHERENT,     AMDVI_CONTROL_ISOC,
		AMDVI_CONTROL_CMD_BUF_EN,
	};
	uint64_t bits = MASK_OF(all) | page_request_bits(model) | interrupt_bits(model);

	if (model_efr(model, AMDVI_EFR_GT))
		bits |= amdvi_field_mask(AMDVI_CONTROL_GT_EN);
	if (model_efr(model, AMDVI_EFR_SEGMENTS))
		bits |= amdvi_field_mask(AMDVI_CONTROL_SEGMENTS_EN);
	if (model_efr(model, AMDVI_EFR_HA))
		bits |= amdvi_field_mask(AMDVI_CONTROL_HAD_UPDATE);
	return bits;
}

/* --- When rings run --------------------------------------------------------------------------- */

static bool is_enabled(uint64_t control, enum model_ring_kind which)
{
	static const unsigned int enables[MODEL_RINGS] = {
		AMDVI_CONTROL_CMD_BUF_EN, AMDVI_CONTROL_EVENT_LOG_EN, AMDVI_CONTROL_PPR_LOG_EN,
		AMDVI_CONTROL_GA_LOG_EN};

	return amdvi_bits(control, AMDVI_CONTROL_IOMMU_EN) != 0 &&
	       amdvi_bits(control, enables[which]) != 0;
}

static bool has_overflowed(const struct iommu_model_amdvi *model, enum model_ring_kind which)
{
	static const uint64_t overflows[MODEL_RINGS] = {0, AMDVI_STATUS_EVENT_OVERFLOW,
							AMDVI_STATUS_PPR_OVERFLOW,
							AMDVI_STATUS_GA_OVERFLOW};

	return (model->regs.status & overflows[which]) != 0;
}

static void start(struct iommu_model_amdvi *model, enum model_ring_kind which)
{
	if (model_ring_size(model, which) == 0)
		model_misuse(model, "a ring enabled whose length is reserved");
	else if (has_overflowed(model, which))
		model_misuse(model, "a log enabled whose overflow is not cleared");
	else
		model->regs.status |= model_ring_run(which);
}

static void switch_rings(struct iommu_model_amdvi *model, uint64_t before)
{
	unsigned int i;

	for (i = 0; i < MODEL_RINGS; i++) {
		const enum model_ring_kind which = (enum model_ring_kind)i;
		const bool now = is_enabled(model->regs.control, which);

		if (is_enabled(before, which) == now)
			continue;
		model->regs.status &= ~model_ring_run(which);
		iommu_amdmodel_ring_restart(model, which);
		if (which == MODEL_COMMANDS)
			iommu_amdmodel_queue_forget(model);
		if (now)
			start(model, which);
	}
}

/* --- Writes ----------------------------------------------------------------------------------- */

/* What entries and tables are read by. */
static uint64_t request_bits(void)
{
	static const unsigned int fields[] = {
		AMDVI_CONTROL_IOMMU_EN,   AMDVI_CONTROL_GT_EN,          AMDVI_CONTROL_GA_EN,
		AMDVI_CONTROL_GAM_EN,     AMDVI_CONTROL_SEGMENTS_EN,    AMDVI_CONTROL_XT_EN,
		AMDVI_CONTROL_HAD_UPDATE, AMDVI_CONTROL_INT_REMAP_MODE, AMDVI_CONTROL_IRT_CACHE_DIS,
	};

	return MASK_OF(fields);
}

static void look_for_misuse(struct iommu_model_amdvi *model, uint64_t before, uint64_t value)
{
	const uint64_t fixed = request_bits() & ~(amdvi_field_mask(AMDVI_CONTROL_IOMMU_EN) |
						  amdvi_field_mask(AMDVI_CONTROL_IRT_CACHE_DIS));
	const bool stays_on = amdvi_bits(before & value, AMDVI_CONTROL_IOMMU_EN) != 0;

	if (stays_on && ((before ^ value) & fixed) != 0)
		model_misuse(model, "a bit of the control register changed that is fixed while "
				    "IommuEn is 1");
	if (amdvi_bits(value, AMDVI_CONTROL_XT_EN) != 0 &&
	    amdvi_bits(value, AMDVI_CONTROL_GA_EN) == 0)
		model_misuse(model, "XTEn without GAEn");
	if (amdvi_bits(value, AMDVI_CONTROL_INV_TIMEOUT) > AMDVI_INV_TIMEOUT_100_S)
		model_misuse(model, "a reserved value of InvTimeOut");
	if (amdvi_bits(value, AMDVI_CONTROL_HAD_UPDATE) != 0)
		model_misuse(model, "a value of HADUpdate that the model does not know");
}

void iommu_amdmodel_control_written(struct iommu_model_amdvi *model, uint64_t value)
{
	const uint64_t before = model->regs.control;
	const uint64_t segments = amdvi_bits(model->config.efr, AMDVI_EFR_SEGMENTS);
	uint64_t after = value & iommu_amdmodel_control_bits(model);

	if (amdvi_bits(after, AMDVI_CONTROL_SEGMENTS_EN) > segments) {
		model_misuse(model, "more segments of the device table than there are");
		after = amdvi_replace(after, AMDVI_CONTROL_SEGMENTS_EN, segments);
	}
	look_for_misuse(model, before, after);
	model->regs.control = after;
	switch_rings(model, before);
	iommu_amdmodel_interrupts_enabled(model, before);
	if (((before ^ after) & request_bits()) != 0)
		iommu_amdmodel_notify_enable(model);
}

void iommu_amdmodel_notify_enable(struct iommu_model_amdvi *model)
{
	const struct iommu_model_amdvi_invalidation what = {.type = IOMMU_MODEL_AMDVI_ENABLE};

	iommu_amdmodel_publish(model);
	iommu_amdmodel_notify(model, NOTICE_ENABLE, &what);
}

void iommu_amdmodel_status_written(struct iommu_model_amdvi *model, uint64_t value)
{
	model->regs.status &= ~(value & AMDVI_STATUS_CLEAR);
}

/* A ring that is off still runs while something of it is under way. */
uint64_t iommu_amdmodel_status(const struct iommu_model_amdvi *model)
{
	uint64_t status = model->regs.status;
	unsigned int i;

	if (model->queue_busy)
		status |= AMDVI_STATUS_CMD_BUF_RUN;
	for (i = 0; i < MODEL_RINGS; i++)
		if (model->rings[i].in_flight != 0)
			status |= model_ring_run((enum model_ring_kind)i);
	return status;
}
