/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What <libiommu/platform.h> promises to hosts, checked at every call of a service: pages are asked
 * for, mutexes taken and registers mapped with no spinlock held; orders are those that were
 * promised; what irq_save has returned comes back innermost first; register accesses are aligned to
 * their size. A platform of a test calls these with its own ctx. A broken promise ends the program.
 */
#ifndef TEST_CONTRACT_H
#define TEST_CONTRACT_H

#include <iommu_hosted.h>

/* For platforms of tests: each thread's interrupts are its own. */
uintptr_t test_contract_irq_save(void *ctx);
void test_contract_irq_restore(void *ctx, uintptr_t state);
/* The thread holds no spinlock of this platform. */
void test_contract_no_lock(const void *ctx, const char *service);
void test_contract_alloc(const void *ctx, unsigned int order, unsigned int flags);
/* What models read and write of memory: 4, 8 or 16 bytes, aligned to that. */
void test_contract_memory(iommu_paddr_t paddr, size_t size);
void test_contract_register(uintptr_t reg, size_t size);

/*
 * What a test does as another processor, from within a service; and back with what `enter`
 * returned.
 */
uintptr_t test_contract_enter_cpu(const void *ctx);
void test_contract_leave_cpu(const void *ctx, uintptr_t held);

/*
 * A hosted platform whose services are checked so; a test that failed before may have left locks.
 */
void test_contract_hosted(struct iommu_hosted *hosted);
/* Forget locks that a failed test has left in this thread. */
void test_contract_begin(const void *ctx);

#endif
