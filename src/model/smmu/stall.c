/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stalled requests (IHI 0070, 3.12.2, "Stall model"; 4.7): each has a tag until the driver says how
 * it goes on. The request itself is kept by the emulator. One whose record could not be written is
 * made anew when the event queue can be written again.
 */
#include "base/bits.h"
#include "model/smmu/model.h"

static unsigned int stalls_max(const struct iommu_model_smmu *model)
{
	return (unsigned int)smmu_bits(model->config.idr5, SMMU_IDR5_STALL_MAX);
}

bool iommu_smmodel_stall_begin(struct iommu_model_smmu *model, uint32_t stream, uint16_t *tag)
{
	const unsigned int max = stalls_max(model);
	unsigned int i;

	for (i = 0; i < max; i++)
		if (model->regs.stalls[i] == 0) {
			model->regs.stalls[i] = MODEL_STALL_USED | stream;
			*tag = (uint16_t)i;
			return true;
		}
	return false;
}

static void resume(struct iommu_model_smmu *model, unsigned int tag,
		   enum iommu_model_smmu_resumption how)
{
	uint64_t *stall = &model->regs.stalls[tag];

	/* What was decided first holds. */
	if ((*stall & MODEL_STALL_RESUMED) != 0)
		return;
	*stall = (*stall & ~MODEL_STALL_UNTOLD) | MODEL_STALL_RESUMED |
		 (uint64_t)how << MODEL_STALL_HOW;
	model->resumes++;
}

void iommu_smmodel_stall_untold(struct iommu_model_smmu *model, uint16_t tag)
{
	uint64_t *stall = &model->regs.stalls[tag];

	if ((*stall & (MODEL_STALL_USED | MODEL_STALL_RESUMED)) == MODEL_STALL_USED)
		*stall |= MODEL_STALL_UNTOLD;
}

static enum iommu_model_smmu_resumption how_of(const struct iommu_model_smmu *model,
					       const struct smmu_command *c)
{
	if (smmu_command_opcode(c) == SMMU_STALL_TERM)
		return IOMMU_MODEL_SMMU_END_ABORTED;
	if (smmu_has(c->words, SMMU_RESUME_AC))
		return IOMMU_MODEL_SMMU_RETRY;
	return smmu_has(c->words, SMMU_RESUME_AB) || model_idr0(model, SMMU_IDR0_TERM_MODEL)
		       ? IOMMU_MODEL_SMMU_END_ABORTED
		       : IOMMU_MODEL_SMMU_END_UNANSWERED;
}

/* RESUME names one that has a record; STALL_TERM all of a stream. */
void iommu_smmodel_stall_command(struct iommu_model_smmu *model, const struct smmu_command *c)
{
	const bool is_one = smmu_command_opcode(c) == SMMU_RESUME;
	const uint64_t stag = smmu_get(c->words, SMMU_RESUME_STAG);
	bool found = false;
	unsigned int i;

	for (i = 0; i < IOMMU_MODEL_SMMU_STALLS_MAX; i++) {
		const uint64_t stall = model->regs.stalls[i];

		if ((stall & MODEL_STALL_USED) == 0 ||
		    (stall & MODEL_STALL_STREAM) != smmu_command_sid(c) || (is_one && i != stag))
			continue;
		if (is_one && (stall & (MODEL_STALL_UNTOLD | MODEL_STALL_RESUMED)) != 0)
			continue;
		resume(model, i, how_of(model, c));
		found = true;
	}
	if (is_one && !found)
		model_misuse(model, "CMD_RESUME for a transaction that is not stalled");
}

void iommu_smmodel_stalls_end(struct iommu_model_smmu *model)
{
	unsigned int i;

	for (i = 0; i < IOMMU_MODEL_SMMU_STALLS_MAX; i++)
		if ((model->regs.stalls[i] & MODEL_STALL_USED) != 0)
			resume(model, i, IOMMU_MODEL_SMMU_END_ABORTED);
}

void iommu_smmodel_stalls_retry(struct iommu_model_smmu *model)
{
	unsigned int i;

	if (!iommu_smmodel_ring_is_writable(model, MODEL_EVENTS))
		return;
	for (i = 0; i < IOMMU_MODEL_SMMU_STALLS_MAX; i++)
		if ((model->regs.stalls[i] & MODEL_STALL_UNTOLD) != 0)
			resume(model, i, IOMMU_MODEL_SMMU_RETRY);
}

/* The first that is resumed; its tag is free from now on. */
bool iommu_smmodel_stalls_tell(struct iommu_model_smmu *model, uintptr_t *state)
{
	const struct iommu_model_smmu_host *host = &model->config.host;
	unsigned int i = 0, left;
	uint64_t stall;

	if (model->resumes == 0)
		return false;
	while ((model->regs.stalls[i] & MODEL_STALL_RESUMED) == 0)
		i++;
	stall = model->regs.stalls[i];
	model->regs.stalls[i] = 0;
	model->resumes--;
	left = iommu_smmodel_spend(model, *state);
	if (host->resume != NULL)
		host->resume(host->ctx, (uint32_t)stall, (uint16_t)i,
			     (enum iommu_model_smmu_resumption)(stall >> MODEL_STALL_HOW));
	*state = iommu_smmodel_come_back(model, left);
	return true;
}

bool iommu_smmodel_stall_is_sane(const struct iommu_model_smmu *model, unsigned int tag,
				 uint64_t stall)
{
	const uint64_t both = MODEL_STALL_UNTOLD | MODEL_STALL_RESUMED;
	const uint64_t how = stall >> MODEL_STALL_HOW;

	if (stall == 0)
		return true;
	return tag < stalls_max(model) && (stall & ~MODEL_STALL_ALL_BITS) == 0 &&
	       (stall & MODEL_STALL_USED) != 0 && (stall & both) != both &&
	       how <= IOMMU_MODEL_SMMU_END_UNANSWERED &&
	       (how == 0 || (stall & MODEL_STALL_RESUMED) != 0);
}

void iommu_smmodel_stalls_resume(struct iommu_model_smmu *model)
{
	unsigned int i;

	model->resumes = 0;
	for (i = 0; i < IOMMU_MODEL_SMMU_STALLS_MAX; i++)
		if ((model->regs.stalls[i] & MODEL_STALL_RESUMED) != 0)
			model->resumes++;
	iommu_smmodel_stalls_retry(model);
}
