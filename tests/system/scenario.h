/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenario: two devices do real DMA, through tables and invalidations of the library,
 * and each step says what must happen and what did.
 *
 * It knows devices only by the interface below, so that the same file runs in a kernel with
 * emulated or real devices, and against a software model of the hardware. Freestanding: no libc.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <libiommu/iommu.h>

/*
 * A device with a private buffer of at least SCENARIO_DMA_MAX bytes that copies between it and
 * memory. Both calls return when the transfer has ended; whether it was blocked only memory and
 * fault records tell.
 */
struct dma_device {
	struct iommu_endpoint_info info;
	/* Memory at iova to the buffer. */
	void (*read)(struct dma_device *device, iommu_iova_t iova, size_t size);
	/* The buffer to memory at iova. */
	void (*write)(struct dma_device *device, iommu_iova_t iova, size_t size);
	/* The device's own. */
	void *data;
};

#define SCENARIO_DMA_MAX 2048

struct scenario_machine {
	/* Print text; no newline is added. */
	void (*say)(const char *text);
	const struct iommu_platform *platform;
	/* Zeroed memory that devices can reach, aligned to its size, up to 2 MiB; never given back.
	 */
	void *(*alloc)(uint64_t size);
	const void *dmar;
	size_t dmar_size;
	struct iommu_vtd_options vtd_options;
	struct dma_device devices[2];
};

/* Runs all steps, ends with a line "verdict: …", and returns whether every step was as expected. */
bool scenario_run(struct scenario_machine *machine);

#endif
