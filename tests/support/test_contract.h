/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The promises of <libiommu/platform.h> to hosts, checked at every call of a service: no spinlock
 * is held when pages are allocated, mutexes taken or registers mapped, or while hardware is waited
 * for (the clock is looked at again and again); orders are within the promised bounds; states of
 * irq_save are restored innermost first; register accesses are aligned to their size; and what is
 * said to be refused has failed. A platform of a test calls these functions with its own ctx. A
 * broken promise ends the program.
 */
#ifndef TEST_CONTRACT_H
#define TEST_CONTRACT_H

#include <iommu_hosted.h>

/* For platforms of tests: each thread has its own interrupt state. */
uintptr_t test_contract_irq_save(void *ctx);
void test_contract_irq_restore(void *ctx, uintptr_t state);
/* The thread holds no spinlock of this platform. */
void test_contract_no_lock(const void *ctx, const char *service);
/* The clock is read. */
void test_contract_clock(const void *ctx);
void test_contract_alloc(const void *ctx, unsigned int order, unsigned int flags);
/*
 * From here on no call that holds a mutex may allocate as one that must not sleep does. Not in
 * programs that say that their calls unmap a part of a large page under a mutex.
 */
void test_contract_control_path(void);
void test_contract_unmaps_under_mutex(void);
/* What follows holds so many mutexes; none is what hardware holds. Returns how many were held. */
unsigned int test_contract_swap_mutexes(unsigned int held);
/* A mutex was taken, or is released. */
void test_contract_mutex(bool taken);
/* A model's accesses to memory: of 4, 8 or 16 bytes, aligned to their size. */
void test_contract_memory(iommu_paddr_t paddr, size_t size);
void test_contract_register(uintptr_t reg, size_t size);

/* A line of the log: no call is refused with success. */
void test_contract_log(enum iommu_log_level level, const char *text);

/* Act as another processor within a service; leave with what `enter` returned. */
uintptr_t test_contract_enter_cpu(const void *ctx);
void test_contract_leave_cpu(const void *ctx, uintptr_t held);

/*
 * A hosted platform with checked services; drops locks that an earlier test has left when it
 * failed.
 */
void test_contract_hosted(struct iommu_hosted *hosted);
/* Drop the locks that a failed test has left in this thread. */
void test_contract_begin(const void *ctx);

#endif
