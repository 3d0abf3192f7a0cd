/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine of models, an IOMMU file with an IOAS and devices, and memory to map. */
#ifndef IOAS_FIXTURE_H
#define IOAS_FIXTURE_H

#include <libiommu/iommu.h>

#include "test_memory.h"
#include "vtd_fixture.h"

#define EVERYTHING                                                                                 \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NESTED |         \
	 IOMMU_MODEL_VTD_DIRTY | IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PASS_THROUGH)
#define FIXED (IOMMU_IOAS_FIXED | IOMMU_IOAS_READ | IOMMU_IOAS_WRITE)
#define ANY   (IOMMU_IOAS_READ | IOMMU_IOAS_WRITE)
#define PAGES 4096ULL

extern struct iommu_file *ctx;
extern struct test_memory memory;
extern uint32_t ioas, device[MACHINE_DEVICES];

void begin_machine(unsigned int flags, unsigned int units, unsigned int count);
/* Two units with different features. */
void begin_mixed_machine(unsigned int flags, unsigned int other, unsigned int count);
void begin_with(unsigned int flags, unsigned int units, unsigned int count,
		enum test_memory_shape shape);
void finish(void);
int map_at(iommu_iova_t iova, uint64_t offset, uint64_t size);
int map_any(uint64_t offset, uint64_t size, iommu_iova_t *iova);
int unmap(iommu_iova_t iova, uint64_t size);
int attach(unsigned int i, uint32_t to);
int detach(unsigned int i);
bool leads(unsigned int i, iommu_iova_t iova, uint64_t offset);
void hang(bool hangs);
uint64_t metadata(void);

#endif
