/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses of any size, as a row of requests: one for each part that is translated alike. */
#include <libiommu/model_amdvi.h>
#include <libiommu/status.h>

/* Bytes from an address to the end of its block. */
static uint64_t left_in_block(const struct iommu_model_amdvi_translation *where,
			      iommu_iova_t address)
{
	return where->size - (address & (where->size - 1));
}

int iommu_model_amdvi_access(struct iommu_model_amdvi *model,
			     const struct iommu_model_amdvi_request *request, uint64_t size,
			     iommu_model_amdvi_piece_visitor visitor, void *ctx,
			     struct iommu_model_amdvi_translation *last)
{
	struct iommu_model_amdvi_request part = *request;
	uint64_t done = 0;
	int status = 0;

	if (size == 0 || request->type == IOMMU_MODEL_AMDVI_TRANSLATION_REQUEST)
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - request->address)
		return IOMMU_EOVERFLOW;
	while (done < size && status == 0) {
		struct iommu_model_amdvi_piece piece = {.offset = done, .size = size - done};
		uint64_t left;

		part.address = request->address + done;
		status = iommu_model_amdvi_translate(model, &part, last);
		if (status != 0)
			return status;
		left = left_in_block(last, part.address);
		if (left < piece.size)
			piece.size = left;
		piece.where = *last;
		status = visitor(ctx, &piece);
		done += piece.size;
	}
	return status;
}
