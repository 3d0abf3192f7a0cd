/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the glue uses of LK, as LK declares it, in our own words: for compilers that have no LK at
 * hand. LK's own headers take the place of this one, which the others in this folder include.
 */
#ifndef LK_KERNEL_H
#define LK_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned int uint;
typedef uintptr_t vaddr_t, paddr_t;
typedef int status_t;
typedef uint32_t lk_time_t;
typedef uint64_t lk_bigtime_t;
#define NO_ERROR 0

/* lk/debug.h */
#define CRITICAL 0
#define INFO     1
__attribute__((format(printf, 2, 3))) int dprintf(int level, const char *format, ...);

/* lk/init.h: a hook runs in the order of levels. */
#define LK_INIT_LEVEL_TARGET            0xa0000
#define LK_INIT_HOOK(name, hook, level) void (*const lk_hook_##name)(uint level_reached) = (hook)

/* arch/interrupts.h, arch/ops.h */
typedef uintptr_t arch_interrupt_saved_state_t;
arch_interrupt_saved_state_t arch_interrupt_save(void);
void arch_interrupt_restore(arch_interrupt_saved_state_t state);
uint arch_curr_cpu_num(void);
#define SMP_MAX_CPUS 4

/* platform/time.h: microseconds */
lk_bigtime_t current_time_hires(void);

/* kernel/mutex.h */
typedef struct mutex {
	int count;
} mutex_t;
void mutex_init(mutex_t *mutex);
void mutex_destroy(mutex_t *mutex);
status_t mutex_acquire(mutex_t *mutex);
status_t mutex_release(mutex_t *mutex);

/* kernel/event.h, kernel/thread.h */
typedef struct event {
	bool signaled;
} event_t;
#define EVENT_FLAG_AUTOUNSIGNAL 1
void event_init(event_t *event, bool initial, uint flags);
status_t event_wait_timeout(event_t *event, lk_time_t milliseconds);
status_t event_signal(event_t *event, bool reschedule);
typedef struct thread thread_t;
#define DEFAULT_PRIORITY   16
#define DEFAULT_STACK_SIZE 8192
thread_t *thread_create(const char *name, int (*entry)(void *argument), void *argument,
			int priority, size_t stack_size);
status_t thread_resume(thread_t *thread);

/* kernel/vm.h */
#define PAGE_SIZE_SHIFT               12
#define ARCH_MMU_FLAG_UNCACHED_DEVICE 2
typedef struct vmm_aspace vmm_aspace_t;
vmm_aspace_t *vmm_get_kernel_aspace(void);
size_t pmm_alloc_contiguous(uint count, uint8_t align_log2, paddr_t *address, void *list);
size_t pmm_free_kpages(void *pages, uint count);
void *paddr_to_kvaddr(paddr_t address);
paddr_t vaddr_to_paddr(void *address);
status_t vmm_alloc_physical(vmm_aspace_t *aspace, const char *name, size_t size, void **address,
			    uint8_t align_log2, paddr_t paddr, uint vmm_flags, uint arch_mmu_flags);
status_t vmm_free_region(vmm_aspace_t *aspace, vaddr_t address);

/* stdlib.h and string.h of the kernel */
void *malloc(size_t size);
void free(void *memory);

/* dev/bus/pci.h */
typedef struct {
	uint16_t segment;
	uint8_t bus, dev, fn;
} pci_location_t;
int pci_get_last_bus(void);
status_t pci_read_config_word(pci_location_t device, uint32_t reg, uint32_t *value);
status_t pci_write_config_half(pci_location_t device, uint32_t reg, uint16_t value);

/* lib/acpi_lite.h */
struct acpi_sdt_header {
	char sig[4];
	uint32_t length;
};
const struct acpi_sdt_header *acpi_get_table_by_sig(const char *sig);

#endif
