/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a unit can be: the defaults of a configuration, what contradicts itself in one, and the bits
 * of registers that follow from it.
 */
#include "base/log.h"
#include "model/riscv/model.h"

#define DEFAULT_VECTORS 4

/* What a driver can make the most of, as far as the host serves it. */
static uint64_t default_capabilities(const struct iommu_model_riscv_host *host)
{
	uint64_t cap = RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57 | RISCV_CAP_SV39X4 |
		       RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4 | RISCV_CAP_SVPBMT | RISCV_CAP_MSI_FLAT |
		       RISCV_CAP_MSI_MRIF | RISCV_CAP_HPM | RISCV_CAP_DBG | RISCV_CAP_PD8 |
		       RISCV_CAP_PD17 | RISCV_CAP_PD20;

	cap |= (uint64_t)RISCV_INTERRUPTS_BOTH << 28;
	if (host->compare_exchange != NULL)
		cap |= RISCV_CAP_AMO_HWAD;
	if (host->set_bits != NULL)
		cap |= RISCV_CAP_AMO_MRIF;
	if (host->page_answer != NULL)
		cap |= RISCV_CAP_ATS | RISCV_CAP_T2GPA;
	return cap;
}

void iommu_rvmodel_set_defaults(struct iommu_model_riscv_config *config)
{
	if (config->capabilities == 0)
		config->capabilities = default_capabilities(&config->host);
	if (riscv_cap_physical_bits(config->capabilities) == 0)
		config->capabilities |= (uint64_t)RISCV_ADDRESS_BITS << 32;
	if (config->levels == 0)
		config->levels = 0xe;
	if (config->vectors == 0)
		config->vectors = DEFAULT_VECTORS;
	if (config->counters == 0)
		config->counters = RISCV_COUNTERS;
	if (config->counter_bits == 0)
		config->counter_bits = 64;
	if (config->qos_bits == 0)
		config->qos_bits = 12;
	if (config->queue_max == 0)
		config->queue_max = RISCV_QUEUE_ORDER_MAX;
}

/* A capability that needs another one, or the host's help, which is missing; NULL: none. */
static const char *capability_defect(const struct iommu_model_riscv_config *config)
{
	const uint64_t reserved = 0xff0ff00000103000ULL;
	const uint64_t cap = config->capabilities;

	if ((cap & reserved) != 0 || riscv_cap_interrupts(cap) > RISCV_INTERRUPTS_BOTH)
		return IOMMU_WHY("a capability that is reserved");
	if (((cap & RISCV_CAP_SV48) != 0 && (cap & RISCV_CAP_SV39) == 0) ||
	    ((cap & RISCV_CAP_SV57) != 0 && (cap & RISCV_CAP_SV48) == 0) ||
	    ((cap & RISCV_CAP_SV48X4) != 0 && (cap & RISCV_CAP_SV39X4) == 0) ||
	    ((cap & RISCV_CAP_SV57X4) != 0 && (cap & RISCV_CAP_SV48X4) == 0))
		return IOMMU_WHY("a mode without the one below it");
	if ((cap & (RISCV_CAP_MSI_MRIF | RISCV_CAP_AMO_MRIF)) != 0 &&
	    (cap & RISCV_CAP_MSI_FLAT) == 0)
		return IOMMU_WHY("interrupt files in memory without MSI tables");
	if ((cap & RISCV_CAP_T2GPA) != 0 && (cap & RISCV_CAP_ATS) == 0)
		return IOMMU_WHY("T2GPA without ATS");
	if (riscv_cap_physical_bits(cap) < 32 || riscv_cap_physical_bits(cap) > RISCV_ADDRESS_BITS)
		return IOMMU_WHY("PAS is not within 32 to 56");
	if ((cap & RISCV_CAP_ATS) != 0 && config->host.page_answer == NULL)
		return IOMMU_WHY("ATS without host.page_answer");
	if ((cap & RISCV_CAP_AMO_HWAD) != 0 && config->host.compare_exchange == NULL)
		return IOMMU_WHY("AMO_HWAD without host.compare_exchange");
	if ((cap & RISCV_CAP_AMO_MRIF) != 0 && config->host.set_bits == NULL)
		return IOMMU_WHY("AMO_MRIF without host.set_bits");
	return NULL;
}

const char *iommu_rvmodel_config_defect(const struct iommu_model_riscv_config *config)
{
	const uint32_t known = RISCV_FCTL_BE | RISCV_FCTL_WSI | RISCV_FCTL_GXL;
	const char *defect = iommu_platform_defect(config->platform);

	if (defect == NULL && (config->host.read == NULL || config->host.write == NULL))
		defect = config->host.read == NULL ? IOMMU_WHY("host.read is missing")
						   : IOMMU_WHY("host.write is missing");
	if (defect == NULL)
		defect = capability_defect(config);
	if (defect != NULL)
		return defect;
	if (((config->fctl | config->fctl_fixed) & ~known) != 0)
		return IOMMU_WHY("bits of fctl that are reserved");
	if ((config->levels & ~0xeU) != 0)
		return IOMMU_WHY("levels other than 1, 2 and 3");
	if (config->vectors > RISCV_MSI_VECTORS || (config->vectors & (config->vectors - 1)) != 0)
		return IOMMU_WHY("vectors is not 1, 2, 4, 8 or 16");
	if (config->counters > RISCV_COUNTERS)
		return IOMMU_WHY("more than 31 counters");
	if (config->counter_bits < RISCV_COUNT_BITS_MIN || config->counter_bits > 64)
		return IOMMU_WHY("counters are narrower than 32 bits, or wider than 64");
	if (config->qos_bits > 12)
		return IOMMU_WHY("qos_bits is above 12");
	return config->queue_max > RISCV_QUEUE_ORDER_MAX ? IOMMU_WHY("queue_max is above 32")
							 : NULL;
}

/* --- Registers -------------------------------------------------------------------------------- */

uint64_t iommu_rvmodel_capabilities(const struct iommu_model_riscv_config *config)
{
	return (config->capabilities & ~0xffULL) | RISCV_VERSION_1_0;
}

/* The bits that cannot be written have the values that the capabilities leave. */
uint64_t iommu_rvmodel_fctl_after_reset(const struct iommu_model_riscv_config *config)
{
	const uint64_t cap = config->capabilities;
	const uint64_t wide = RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4;
	uint64_t fctl = config->fctl & (RISCV_FCTL_BE | RISCV_FCTL_WSI | RISCV_FCTL_GXL);

	if (riscv_cap_interrupts(cap) == RISCV_INTERRUPTS_MSI)
		fctl &= ~(uint64_t)RISCV_FCTL_WSI;
	if (riscv_cap_interrupts(cap) == RISCV_INTERRUPTS_WIRED)
		fctl |= RISCV_FCTL_WSI;
	if ((cap & RISCV_CAP_SV32X4) == 0)
		fctl &= ~(uint64_t)RISCV_FCTL_GXL;
	else if ((cap & wide) == 0 && (config->fctl_fixed & RISCV_FCTL_GXL) == 0)
		fctl |= RISCV_FCTL_GXL;
	return fctl;
}
