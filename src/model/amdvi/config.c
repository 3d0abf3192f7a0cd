/* SPDX-License-Identifier: BSD-2-Clause */
/* The features of a unit: what they are by default, and what contradicts itself. */
#include "base/log.h"
#include "model/amdvi/model.h"

#define DEFAULT_PHYSICAL_BITS 48U

/* --- Defaults --------------------------------------------------------------------------------- */

static uint64_t default_efr(const struct iommu_model_amdvi_config *config)
{
	const struct iommu_model_amdvi_host *host = &config->host;
	const bool has_tlbs = (config->flags & IOMMU_MODEL_AMDVI_NO_DEVICE_TLBS) == 0;
	uint64_t efr = amdvi_place(AMDVI_EFR_PREF, 1) | amdvi_place(AMDVI_EFR_XT, 1) |
		       amdvi_place(AMDVI_EFR_NX, 1) | amdvi_place(AMDVI_EFR_IA, 1) |
		       amdvi_place(AMDVI_EFR_GA, 1) | amdvi_place(AMDVI_EFR_HATS, 2) |
		       amdvi_place(AMDVI_EFR_GAM, 1) | amdvi_place(AMDVI_EFR_SEGMENTS, 3) |
		       amdvi_place(AMDVI_EFR_MSI_CAP_MMIO, 1);

	if (host->page_answer != NULL && has_tlbs)
		efr |= amdvi_place(AMDVI_EFR_PPR, 1) | amdvi_place(AMDVI_EFR_PPR_AUTO, 1);
	if (host->compare_exchange != NULL)
		efr |= amdvi_place(AMDVI_EFR_GT, 1) | amdvi_place(AMDVI_EFR_US, 1) |
		       amdvi_place(AMDVI_EFR_GATS, AMDVI_EFR_GATS_5) |
		       amdvi_place(AMDVI_EFR_GLX, 2) |
		       amdvi_place(AMDVI_EFR_PASMAX, MODEL_PASID_BITS - 1) |
		       amdvi_place(AMDVI_EFR_GIO, 1) | amdvi_place(AMDVI_EFR_HA, 1) |
		       amdvi_place(AMDVI_EFR_HD, 1);
	return efr;
}

void iommu_amdmodel_set_defaults(struct iommu_model_amdvi_config *config)
{
	if ((config->efr | config->efr2) == 0) {
		config->efr = default_efr(config);
		config->efr2 = amdvi_place(AMDVI_EFR2_INT_REMAP, AMDVI_EFR2_INT_REMAP_2048) |
			       amdvi_place(AMDVI_EFR2_HT_RANGE_IGNORE, 1);
	}
	if (config->physical_bits == 0)
		config->physical_bits = DEFAULT_PHYSICAL_BITS;
}

/* --- Defects ---------------------------------------------------------------------------------- */

/* Bits of fields that the model has; the others are to be 0. */
static uint64_t known_efr(void)
{
	static const unsigned int fields[] = {
		AMDVI_EFR_PREF, AMDVI_EFR_PPR, AMDVI_EFR_XT,           AMDVI_EFR_NX,
		AMDVI_EFR_GT,   AMDVI_EFR_IA,  AMDVI_EFR_GA,           AMDVI_EFR_HATS,
		AMDVI_EFR_GATS, AMDVI_EFR_GLX, AMDVI_EFR_GAM,          AMDVI_EFR_PASMAX,
		AMDVI_EFR_US,   AMDVI_EFR_GIO, AMDVI_EFR_SEGMENTS,     AMDVI_EFR_PPR_AUTO,
		AMDVI_EFR_HA,   AMDVI_EFR_HD,  AMDVI_EFR_MSI_CAP_MMIO,
	};
	uint64_t known = 0;
	unsigned int i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		known |= amdvi_field_mask(fields[i]);
	return known;
}

static bool has(uint64_t word, unsigned int field)
{
	return amdvi_bits(word, field) != 0;
}

static const char *unknown_defect(const struct iommu_model_amdvi_config *config)
{
	const uint64_t efr2 = amdvi_field_mask(AMDVI_EFR2_INT_REMAP) |
			      amdvi_field_mask(AMDVI_EFR2_HT_RANGE_IGNORE);

	if ((config->efr & ~known_efr()) != 0)
		return IOMMU_WHY("a feature of EFR that the model has not");
	if ((config->efr2 & ~efr2) != 0)
		return IOMMU_WHY("a feature of EFR2 that the model has not");
	if (config->flags >> 3 != 0)
		return IOMMU_WHY("unknown flags");
	return config->strict >> 5 != 0 ? IOMMU_WHY("unknown bits of strict") : NULL;
}

static const char *value_defect(const struct iommu_model_amdvi_config *config)
{
	const uint64_t efr = config->efr;
	unsigned int i;

	if (config->physical_bits < 32 || config->physical_bits > 52)
		return IOMMU_WHY("physical_bits is not 32 to 52");
	for (i = 0; i < MODEL_SIGNAL_SOURCES; i++)
		if (config->messages[i] > 31)
			return IOMMU_WHY("a number of a message is above 31");
	if (amdvi_bits(efr, AMDVI_EFR_GATS) > AMDVI_EFR_GATS_5)
		return IOMMU_WHY("GATS is above 1");
	if (amdvi_bits(efr, AMDVI_EFR_GLX) > 2)
		return IOMMU_WHY("GLXSup is above 2");
	if (amdvi_bits(efr, AMDVI_EFR_PASMAX) >= MODEL_PASID_BITS)
		return IOMMU_WHY("PASMax is above 19");
	if (amdvi_bits(efr, AMDVI_EFR_GAM) > 1)
		return IOMMU_WHY("GAMSup is above 1");
	if (amdvi_bits(config->efr2, AMDVI_EFR2_INT_REMAP) > AMDVI_EFR2_INT_REMAP_2048)
		return IOMMU_WHY("NumIntRemapSup is above 1");
	return NULL;
}

static const char *contradiction(const struct iommu_model_amdvi_config *config)
{
	const uint64_t efr = config->efr;

	if (has(efr, AMDVI_EFR_PPR_AUTO) && !has(efr, AMDVI_EFR_PPR))
		return IOMMU_WHY("PprAutoRspSup without PPRSup");
	if (has(efr, AMDVI_EFR_PPR) && (config->flags & IOMMU_MODEL_AMDVI_NO_DEVICE_TLBS) != 0)
		return IOMMU_WHY("PPRSup without device TLBs");
	if (has(efr, AMDVI_EFR_XT) && !has(efr, AMDVI_EFR_GA))
		return IOMMU_WHY("XTSup without GASup");
	if (has(efr, AMDVI_EFR_GAM) && !has(efr, AMDVI_EFR_GA))
		return IOMMU_WHY("GAMSup without GASup");
	if (has(efr, AMDVI_EFR_HD) && !has(efr, AMDVI_EFR_HA))
		return IOMMU_WHY("HDSup without HASup");
	if (!has(efr, AMDVI_EFR_GT) &&
	    (has(efr, AMDVI_EFR_GIO) || has(efr, AMDVI_EFR_GATS) || has(efr, AMDVI_EFR_GLX) ||
	     has(efr, AMDVI_EFR_PASMAX) || has(efr, AMDVI_EFR_US)))
		return IOMMU_WHY("what is of guest tables without GTSup");
	return NULL;
}

static const char *service_defect(const struct iommu_model_amdvi_config *config)
{
	const struct iommu_model_amdvi_host *host = &config->host;

	if (host->read == NULL || host->write == NULL)
		return host->read == NULL ? IOMMU_WHY("host.read is missing")
					  : IOMMU_WHY("host.write is missing");
	if (has(config->efr, AMDVI_EFR_PPR) && host->page_answer == NULL)
		return IOMMU_WHY("PPRSup without host.page_answer");
	if ((has(config->efr, AMDVI_EFR_HA) || has(config->efr, AMDVI_EFR_GT)) &&
	    host->compare_exchange == NULL)
		return IOMMU_WHY("HASup or GTSup without host.compare_exchange");
	return NULL;
}

const char *iommu_amdmodel_config_defect(const struct iommu_model_amdvi_config *config)
{
	const char *defect = iommu_platform_defect(config->platform);

	if (defect == NULL)
		defect = service_defect(config);
	if (defect == NULL)
		defect = unknown_defect(config);
	if (defect == NULL)
		defect = value_defect(config);
	return defect != NULL ? defect : contradiction(config);
}
