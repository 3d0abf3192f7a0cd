/* SPDX-License-Identifier: BSD-2-Clause */
/* The performance counters of the VT-d model. Called with the model's lock held, unless stated. */
#ifndef IOMMU_MODEL_VTD_COUNTERS_H
#define IOMMU_MODEL_VTD_COUNTERS_H

#include <libiommu/hw/vtd_counters.h>

#include "model/vtd/model.h"

#define MODEL_PERF_COUNTERS 8

/* The places of their registers, behind those of a unit without counters. */
#define MODEL_COUNTER_BLOCKS    0x2000
#define MODEL_COUNTER_OVERFLOWS (MODEL_COUNTER_BLOCKS + MODEL_PERF_COUNTERS * VTD_COUNTER_BLOCK)
#define MODEL_COUNTER_FREEZES   (MODEL_COUNTER_OVERFLOWS + 8)
#define MODEL_COUNTER_COUNTS    0x3000
#define MODEL_COUNTER_STRIDE    0x400
#define MODEL_COUNTER_SPACE     (MODEL_COUNTER_COUNTS + MODEL_PERF_COUNTERS * MODEL_COUNTER_STRIDE)

/* What migration carries, as in struct model_registers. */
struct model_perf_registers {
	uint64_t config[MODEL_PERF_COUNTERS], filters[MODEL_PERF_COUNTERS][VTD_FILTERS];
	uint64_t counts[MODEL_PERF_COUNTERS];
	uint64_t started, overflows; /* a bit for each */
	uint64_t frozen;
	uint64_t status, control, data, address, upper; /* of the interrupt */
	uint64_t command, response;
};

struct model_perf {
	struct model_perf_registers regs;
	uint64_t written; /* to ECMD, half by half */
	unsigned int command_reads;
	struct model_message message;
};

/* Something that happened, once. */
struct model_event {
	enum vtd_counter_group group;
	uint32_t events; /* bits */
	uint16_t source_id, domain_id;
	bool has_pasid;
	uint32_t pasid;
	enum iommu_model_request_type type;
};

/* Is there one that counts? */
static inline bool model_counters_count(const struct iommu_model_vtd *model)
{
	const struct model_perf *perf = model->perf;

	return perf != NULL && perf->regs.started != 0 && perf->regs.frozen == 0;
}

void iommu_model_count(struct iommu_model_vtd *model, const struct model_event *event);

/* Two that happened together. Without the lock. */
static inline void model_count_two(struct iommu_model_vtd *model, const struct model_event *one,
				   const struct model_event *two)
{
	uintptr_t state = iommu_model_enter(model);

	iommu_model_count(model, one);
	iommu_model_count(model, two);
	iommu_model_leave(model, state);
}

/* A register is read: a command in progress goes on. */
void iommu_model_counters_pass_time(struct iommu_model_vtd *model);
/* 32 bits of a register; false: it is none of theirs. */
bool iommu_model_counters_read(const struct iommu_model_vtd *model, uint64_t offset,
			       uint32_t *value);
bool iommu_model_counters_write(struct iommu_model_vtd *model, uint64_t offset, uint32_t value);
void iommu_model_counters_reset(struct iommu_model_vtd *model);
/* Bits that the registers can hold, each for itself. */
bool iommu_model_counters_are_sane(const struct iommu_model_vtd *model,
				   const struct model_perf_registers *regs);

#endif
