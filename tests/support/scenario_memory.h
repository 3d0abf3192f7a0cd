/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a machine whose devices and whose IOMMU are models, for scenarios: pages of the
 * library, blocks of the scenario, and a model's accesses to both. Memory begins at an address that
 * is not 0.
 */
#ifndef SCENARIO_MEMORY_H
#define SCENARIO_MEMORY_H

#include "test_platform.h"

/* Of the host that runs the scenario. The models' own pages are of another platform, `outside`. */
extern struct test_platform scenario_host, scenario_outside;

void scenario_memory_begin(iommu_paddr_t base, size_t size);
/* leaves_all: what the library has not given back is forgotten, and no failure. */
void scenario_memory_end(bool leaves_all);

/* struct scenario_machine: memory that devices reach, aligned to its size. */
void *scenario_memory_alloc(uint64_t size);

/* Services of models: ctx is not used. */
bool scenario_read(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size);
bool scenario_write(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size);
bool scenario_compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired);
void scenario_refuse_misuse(void *ctx, const char *text);

/* struct scenario_machine: text that is dropped, or goes to the console. */
void scenario_say_nothing(const char *text);
void scenario_say_aloud(const char *text);

#endif
