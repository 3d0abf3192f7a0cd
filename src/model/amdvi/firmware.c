/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware and PCI configuration space say of a unit. */
#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/hw/amdvi_capability.h>

#include "model/amdvi/model.h"

/* GVASize: the only value that is not reserved. */
#define GVA_48_BITS 2U

static uint32_t header_of(const struct iommu_model_amdvi *model)
{
	return (uint32_t)(amdvi_place(AMDVI_CAP_ID, AMDVI_CAP_ID_SECURE) |
			  amdvi_place(AMDVI_CAP_TYPE, AMDVI_CAP_TYPE_IOMMU) |
			  amdvi_place(AMDVI_CAP_REVISION, 1) |
			  amdvi_place(AMDVI_CAP_IOTLB, model_has_device_tlbs(model) ? 1 : 0) |
			  amdvi_place(AMDVI_CAP_NP_CACHE,
				      model_flag(model, IOMMU_MODEL_AMDVI_NP_CACHE) ? 1 : 0) |
			  amdvi_place(AMDVI_CAP_EFR, 1) | amdvi_place(AMDVI_CAP_EXT, 1));
}

static void set_capability(const struct iommu_model_amdvi *model, uint32_t *capability)
{
	const unsigned int *messages = model->config.messages;

	capability[AMDVI_CAP_HEADER / 4] = header_of(model);
	capability[AMDVI_CAP_MISC_0 / 4] =
		(uint32_t)(amdvi_place(AMDVI_CAP_MISC_0_MSI, messages[IOMMU_MODEL_AMDVI_GENERAL]) |
			   amdvi_place(AMDVI_CAP_MISC_0_GVA_SIZE, GVA_48_BITS) |
			   amdvi_place(AMDVI_CAP_MISC_0_PA_SIZE, model->config.physical_bits) |
			   amdvi_place(AMDVI_CAP_MISC_0_VA_SIZE, 64) |
			   amdvi_place(AMDVI_CAP_MISC_0_MSI_PPR,
				       messages[IOMMU_MODEL_AMDVI_PPR_LOG]));
	capability[AMDVI_CAP_MISC_1 / 4] =
		(uint32_t)amdvi_place(AMDVI_CAP_MISC_1_MSI_GA, messages[IOMMU_MODEL_AMDVI_GA_LOG]);
}

/* Features of a block of type 10h, which repeat fields of EFR. */
static uint32_t features_of(const struct iommu_model_amdvi *model)
{
	const uint64_t efr = model->config.efr;

	return (uint32_t)(amdvi_bits(efr, AMDVI_EFR_XT) | amdvi_bits(efr, AMDVI_EFR_NX) << 1 |
			  amdvi_bits(efr, AMDVI_EFR_GT) << 2 | amdvi_bits(efr, AMDVI_EFR_GLX) << 3 |
			  amdvi_bits(efr, AMDVI_EFR_IA) << 5 | amdvi_bits(efr, AMDVI_EFR_GA) << 6 |
			  amdvi_bits(efr, AMDVI_EFR_PASMAX) << 8 |
			  (uint64_t)model->config.messages[IOMMU_MODEL_AMDVI_PPR_LOG] << 23 |
			  amdvi_bits(efr, AMDVI_EFR_GATS) << 28 |
			  amdvi_bits(efr, AMDVI_EFR_HATS) << 30);
}

void iommu_model_amdvi_get_firmware(const struct iommu_model_amdvi *model,
				    struct iommu_model_amdvi_firmware *firmware)
{
	*firmware = (struct iommu_model_amdvi_firmware){
		.registers_size = AMDVI_REGISTERS_SIZE,
		.info = (uint16_t)model->config.messages[IOMMU_MODEL_AMDVI_GENERAL],
		.features = features_of(model),
		.attributes = model->config.messages[IOMMU_MODEL_AMDVI_PPR_LOG] << 23,
		.host_tables_off = amdvi_efr_host_levels(model->config.efr) == 0,
		.efr = model->config.efr,
		.efr2 = model->config.efr2,
		.physical_bits = model->config.physical_bits,
		.virtual_bits = 64,
	};
	firmware->flags_11 = IVRS_IVHD_FLAG_COHERENT;
	if (model_has_device_tlbs(model))
		firmware->flags_11 |= IVRS_IVHD_FLAG_IOTLB;
	firmware->flags_10 = firmware->flags_11;
	if (model_efr(model, AMDVI_EFR_PREF))
		firmware->flags_10 |= IVRS_IVHD_FLAG_PREF;
	if (model_efr(model, AMDVI_EFR_PPR))
		firmware->flags_10 |= IVRS_IVHD_FLAG_PPR;
	if (firmware->host_tables_off)
		firmware->attributes |= 1;
	set_capability(model, firmware->capability);
}
