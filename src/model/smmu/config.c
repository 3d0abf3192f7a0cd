/* SPDX-License-Identifier: BSD-2-Clause */
/* The features of a unit: what they are by default, and what contradicts itself. */
#include "base/log.h"
#include "model/smmu/model.h"

#define DEFAULT_QUEUE_ORDER 12U
#define DEFAULT_STREAM_BITS 16U

/* --- Defaults --------------------------------------------------------------------------------- */

static uint32_t default_idr0(const struct iommu_model_smmu_host *host)
{
	uint64_t idr0 = smmu_place(SMMU_IDR0_S1P, 1) | smmu_place(SMMU_IDR0_S2P, 1) |
			smmu_place(SMMU_IDR0_TTF, SMMU_TTF_AARCH64) |
			smmu_place(SMMU_IDR0_COHACC, 1) | smmu_place(SMMU_IDR0_HYP, 1) |
			smmu_place(SMMU_IDR0_ASID16, 1) | smmu_place(SMMU_IDR0_MSI, 1) |
			smmu_place(SMMU_IDR0_VMID16, 1) | smmu_place(SMMU_IDR0_CD2L, 1) |
			smmu_place(SMMU_IDR0_ST_LEVEL, SMMU_ST_LEVEL_BOTH);

	if (host->compare_exchange != NULL)
		idr0 |= smmu_place(SMMU_IDR0_HTTU, SMMU_HTTU_DIRTY);
	if (host->send_event != NULL)
		idr0 |= smmu_place(SMMU_IDR0_SEV, 1);
	if (host->page_answer != NULL)
		idr0 |= smmu_place(SMMU_IDR0_ATS, 1) | smmu_place(SMMU_IDR0_PRI, 1) |
			smmu_place(SMMU_IDR0_ATSRECERR, 1);
	if (host->resume == NULL)
		idr0 |= smmu_place(SMMU_IDR0_STALL, SMMU_STALL_NEVER);
	return (uint32_t)idr0;
}

static uint32_t default_idr1(const struct iommu_model_smmu_host *host)
{
	uint64_t idr1 = smmu_place(SMMU_IDR1_SIDSIZE, DEFAULT_STREAM_BITS) |
			smmu_place(SMMU_IDR1_SSIDSIZE, DEFAULT_STREAM_BITS) |
			smmu_place(SMMU_IDR1_CMDQS, DEFAULT_QUEUE_ORDER) |
			smmu_place(SMMU_IDR1_EVENTQS, DEFAULT_QUEUE_ORDER) |
			smmu_place(SMMU_IDR1_ATTR_PERMS_OVR, 1) |
			smmu_place(SMMU_IDR1_ATTR_TYPES_OVR, 1);

	if (host->page_answer != NULL)
		idr1 |= smmu_place(SMMU_IDR1_PRIQS, DEFAULT_QUEUE_ORDER);
	return (uint32_t)idr1;
}

static uint32_t default_idr3(void)
{
	return (uint32_t)(smmu_place(SMMU_IDR3_HAD, 1) | smmu_place(SMMU_IDR3_XNX, 1) |
			  smmu_place(SMMU_IDR3_FWB, 1) | smmu_place(SMMU_IDR3_STT, 1) |
			  smmu_place(SMMU_IDR3_RIL, 1) | smmu_place(SMMU_IDR3_BBML, 2));
}

static uint32_t default_idr5(const struct iommu_model_smmu_host *host)
{
	const uint64_t stalls = host->resume != NULL ? IOMMU_MODEL_SMMU_STALLS_MAX : 0;

	return (uint32_t)(smmu_place(SMMU_IDR5_OAS, smmu_address_size(48)) |
			  smmu_place(SMMU_IDR5_GRAN4K, 1) | smmu_place(SMMU_IDR5_GRAN16K, 1) |
			  smmu_place(SMMU_IDR5_GRAN64K, 1) |
			  smmu_place(SMMU_IDR5_STALL_MAX, stalls));
}

static void set_all(struct iommu_model_smmu_config *config)
{
	config->idr0 = default_idr0(&config->host);
	config->idr1 = default_idr1(&config->host);
	config->idr3 = default_idr3();
	config->idr5 = default_idr5(&config->host);
	if (config->aidr == 0)
		config->aidr = 2;
}

/* Stage 2, EL2, and what is of either. */
static void take_second_stage(struct iommu_model_smmu_config *config)
{
	config->idr0 &=
		(uint32_t) ~(smmu_field_mask(SMMU_IDR0_S2P) | smmu_field_mask(SMMU_IDR0_VMID16) |
			     smmu_field_mask(SMMU_IDR0_HYP) | smmu_field_mask(SMMU_IDR0_NS1ATS));
	config->idr3 &=
		(uint32_t) ~(smmu_field_mask(SMMU_IDR3_XNX) | smmu_field_mask(SMMU_IDR3_FWB));
}

void iommu_smmodel_set_defaults(struct iommu_model_smmu_config *config)
{
	if ((config->idr0 | config->idr1 | config->idr3 | config->idr5) == 0)
		set_all(config);
	if (config->no_second_stage)
		take_second_stage(config);
}

/* --- Defects ---------------------------------------------------------------------------------- */

static bool has(uint32_t word, unsigned int field)
{
	return smmu_bits(word, field) != 0;
}

/* Bits of fields that the model has; the others are to be 0. */
static uint64_t known_idr0(void)
{
	static const unsigned int fields[] = {
		SMMU_IDR0_S2P,        SMMU_IDR0_S1P,      SMMU_IDR0_COHACC,    SMMU_IDR0_HTTU,
		SMMU_IDR0_HYP,        SMMU_IDR0_ATS,      SMMU_IDR0_NS1ATS,    SMMU_IDR0_ASID16,
		SMMU_IDR0_MSI,        SMMU_IDR0_SEV,      SMMU_IDR0_PRI,       SMMU_IDR0_VMID16,
		SMMU_IDR0_CD2L,       SMMU_IDR0_TTENDIAN, SMMU_IDR0_ATSRECERR, SMMU_IDR0_STALL,
		SMMU_IDR0_TERM_MODEL, SMMU_IDR0_ST_LEVEL,
	};
	uint64_t known = smmu_place(SMMU_IDR0_TTF, SMMU_TTF_AARCH64);
	unsigned int i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		known |= smmu_field_mask(fields[i]);
	return known;
}

static uint64_t known_idr3(void)
{
	return smmu_field_mask(SMMU_IDR3_HAD) | smmu_field_mask(SMMU_IDR3_XNX) |
	       smmu_field_mask(SMMU_IDR3_PPS) | smmu_field_mask(SMMU_IDR3_FWB) |
	       smmu_field_mask(SMMU_IDR3_STT) | smmu_field_mask(SMMU_IDR3_RIL) |
	       smmu_field_mask(SMMU_IDR3_BBML);
}

static uint64_t known_idr5(void)
{
	return smmu_field_mask(SMMU_IDR5_OAS) | smmu_field_mask(SMMU_IDR5_GRAN4K) |
	       smmu_field_mask(SMMU_IDR5_GRAN16K) | smmu_field_mask(SMMU_IDR5_GRAN64K) |
	       smmu_field_mask(SMMU_IDR5_STALL_MAX);
}

static const char *unknown_defect(const struct iommu_model_smmu_config *config)
{
	const uint64_t preset = smmu_field_mask(SMMU_IDR1_QUEUES_PRESET) |
				smmu_field_mask(SMMU_IDR1_TABLES_PRESET) |
				smmu_field_mask(SMMU_IDR1_ECMDQ);

	if ((config->idr0 & ~known_idr0()) != 0)
		return IOMMU_WHY("a feature of IDR0 that the model does not have");
	if ((config->idr1 & preset) != 0)
		return IOMMU_WHY("a feature of IDR1 that the model does not have");
	if ((config->idr3 & ~known_idr3()) != 0)
		return IOMMU_WHY("a feature of IDR3 that the model does not have");
	if ((config->idr5 & ~known_idr5()) != 0 || smmu_bits(config->idr5, SMMU_IDR5_OAS) > 6)
		return IOMMU_WHY("a feature of IDR5 that the model does not have");
	return NULL;
}

static const char *value_defect(const struct iommu_model_smmu_config *config)
{
	const uint64_t endian = smmu_bits(config->idr0, SMMU_IDR0_TTENDIAN);
	const uint64_t stall = smmu_bits(config->idr0, SMMU_IDR0_STALL);

	if (endian == 1 || stall > SMMU_STALL_FORCED ||
	    smmu_bits(config->idr0, SMMU_IDR0_HTTU) > SMMU_HTTU_DIRTY ||
	    smmu_bits(config->idr0, SMMU_IDR0_ST_LEVEL) > SMMU_ST_LEVEL_BOTH)
		return IOMMU_WHY(
			"a value of IDR0 that is reserved, or that the model does not have");
	if (smmu_bits(config->idr1, SMMU_IDR1_SIDSIZE) > SMMU_STREAM_ID_BITS_MAX ||
	    smmu_bits(config->idr1, SMMU_IDR1_SSIDSIZE) > SMMU_SUBSTREAM_ID_BITS_MAX)
		return IOMMU_WHY("more bits of an id than IDR1 can say");
	if (smmu_bits(config->idr1, SMMU_IDR1_CMDQS) > SMMU_QUEUE_ORDER_MAX ||
	    smmu_bits(config->idr1, SMMU_IDR1_EVENTQS) > SMMU_QUEUE_ORDER_MAX ||
	    smmu_bits(config->idr1, SMMU_IDR1_PRIQS) > SMMU_QUEUE_ORDER_MAX)
		return IOMMU_WHY("a queue of more than 2^19 entries");
	if (smmu_bits(config->idr5, SMMU_IDR5_STALL_MAX) > IOMMU_MODEL_SMMU_STALLS_MAX)
		return IOMMU_WHY("STALL_MAX is above IOMMU_MODEL_SMMU_STALLS_MAX");
	if (smmu_bits(config->idr3, SMMU_IDR3_BBML) > 2)
		return IOMMU_WHY("BBML is above 2");
	return NULL;
}

static const char *contradiction(const struct iommu_model_smmu_config *config)
{
	const uint32_t idr0 = config->idr0, idr5 = config->idr5;
	const bool stalls = smmu_bits(idr0, SMMU_IDR0_STALL) != SMMU_STALL_NEVER;

	if (!has(idr0, SMMU_IDR0_S1P) && !has(idr0, SMMU_IDR0_S2P))
		return IOMMU_WHY("neither stage");
	if (!has(idr0, SMMU_IDR0_TTF))
		return IOMMU_WHY("no format of tables");
	if (!has(idr5, SMMU_IDR5_GRAN4K) && !has(idr5, SMMU_IDR5_GRAN16K) &&
	    !has(idr5, SMMU_IDR5_GRAN64K))
		return IOMMU_WHY("no granule");
	if (has(idr0, SMMU_IDR0_PRI) && !has(idr0, SMMU_IDR0_ATS))
		return IOMMU_WHY("PRI without ATS");
	if (has(idr0, SMMU_IDR0_HYP) && !has(idr0, SMMU_IDR0_S1P))
		return IOMMU_WHY("Hyp without stage 1");
	if (!has(idr0, SMMU_IDR0_ST_LEVEL) && smmu_bits(config->idr1, SMMU_IDR1_SIDSIZE) >= 7)
		return IOMMU_WHY("7 bits of StreamIDs, and no tables of 2 levels");
	if (stalls != has(idr5, SMMU_IDR5_STALL_MAX))
		return IOMMU_WHY("STALL_MODEL and STALL_MAX contradict each other");
	return NULL;
}

static const char *service_defect(const struct iommu_model_smmu_config *config)
{
	const struct iommu_model_smmu_host *host = &config->host;

	if (host->read == NULL || host->write == NULL)
		return host->read == NULL ? IOMMU_WHY("host.read is missing")
					  : IOMMU_WHY("host.write is missing");
	if (has(config->idr0, SMMU_IDR0_ATS) && host->page_answer == NULL)
		return IOMMU_WHY("ATS without host.page_answer");
	if (has(config->idr0, SMMU_IDR0_HTTU) && host->compare_exchange == NULL)
		return IOMMU_WHY("HTTU without host.compare_exchange");
	if (has(config->idr5, SMMU_IDR5_STALL_MAX) && host->resume == NULL)
		return IOMMU_WHY("stalls without host.resume");
	return NULL;
}

const char *iommu_smmodel_config_defect(const struct iommu_model_smmu_config *config)
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
