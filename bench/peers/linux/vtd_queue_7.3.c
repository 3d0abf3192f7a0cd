/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peer's invalidation queue: functions cut out of drivers/iommu/intel/dmar.c; and the registers
 * below it, which answer at once, as those of vtd_at_once.h do.
 */
#include "vtd_7.3.h"

#define QUEUE_BYTES 4096U

/* The write of the tail is not inlined, as an access to registers costs more than a store. */
static __attribute__((noinline)) void run_queue(unsigned char *registers, u32 tail)
{
	u32 head;

	memcpy(&head, registers + DMAR_IQH_REG, sizeof(head));
	for (; head != tail; head = (head + 16) % QUEUE_BYTES) {
		const unsigned char *ring;
		u64 low, high;

		memcpy(&ring, registers + DMAR_IQA_REG, sizeof(ring));
		memcpy(&low, ring + head, sizeof(low));
		memcpy(&high, ring + head + 8, sizeof(high));
		if ((low & 0xf) == QI_IWD_TYPE)
			__atomic_store_n((u32 *)phys_to_virt(high), (u32)(low >> 32),
					 __ATOMIC_RELEASE);
	}
	memcpy(registers + DMAR_IQH_REG, &head, sizeof(head));
}

static inline void writel(u32 value, unsigned char *at)
{
	unsigned char *registers = (unsigned char *)((uintptr_t)at & ~(PAGE_SIZE - 1));

	*(volatile u32 *)at = value;
	if (at - registers == DMAR_IQT_REG)
		run_queue(registers, value);
}

#define readl(at)                     (*(volatile u32 *)(at))
#define readq(at)                     (*(volatile u64 *)(at))
#define dmar_latency_enabled(...)     false
#define dmar_latency_update(...)      ((void)0)
#define ktime_get()                   0
#define ktime_to_ns(time)             (time)
#define trace_qi_submit(...)          ((void)0)
#define qi_dump_fault(...)            ((void)0)
#define pr_info(...)                  ((void)0)
#define device_rbtree_find(iommu, id) ((struct device *)NULL)
#define pci_device_is_present(device) false

#include "vtd_queue_functions.h"

struct intel_iommu *shim_vtd_create(void)
{
	struct intel_iommu *iommu = calloc(1, sizeof(*iommu));
	unsigned char *registers = bench_page_alloc(), *ring = bench_page_alloc();
	struct q_inval *qi = calloc(1, sizeof(*qi));

	if (iommu == NULL || qi == NULL || registers == NULL || ring == NULL)
		abort();
	iommu->reg = registers;
	iommu->cap = 0x00d2008c222f0606ULL; /* as of vtd_at_once.c */
	iommu->ecap = 0xf43;
	iommu->gcmd = 1U << 31;
	iommu->qi = qi;
	memcpy(registers + DMAR_IQA_REG, &ring, sizeof(ring));
	qi->desc = ring;
	qi->desc_status = bench_page_alloc();
	qi->free_cnt = QI_LENGTH;
	return iommu;
}

void shim_vtd_destroy(struct intel_iommu *iommu)
{
	bench_page_free(iommu->qi->desc_status);
	bench_page_free(iommu->qi->desc);
	bench_page_free(iommu->reg);
	free(iommu->qi);
	free(iommu);
}
