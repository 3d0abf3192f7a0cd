/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the peer's RISC-V driver does after a change of tables: functions cut out of
 * drivers/iommu/riscv/iommu.c; and the registers below them, which answer at once, as those of
 * riscv_at_once.h do. The driver has a queue of 8,192 commands, and waits by the queue's head.
 */
#include "riscv_driver_7.3.h"

#include <linux/generic_pt/iommu.h>
#include <linux/iommu.h>

#include "iommu-pages.h"

#define QUEUE_ENTRIES 8192U

typedef spinlock_t raw_spinlock_t;
struct iommu_device {
	int unused;
};
struct rcu_head {
	int unused;
};

#define raw_spin_lock_irqsave(lock, flags)        spin_lock_irqsave(lock, flags)
#define raw_spin_unlock_irqrestore(lock, flags)   spin_unlock_irqrestore(lock, flags)
#define rcu_read_lock()                           ((void)0)
#define rcu_read_unlock()                         ((void)0)
#define list_for_each_entry_rcu(at, head, member) list_for_each_entry(at, head, member)
#define PT_IOMMU_CHECK_DOMAIN(...)                extern int shim_unused
#define BIT_U64(n)                                (1ULL << (n))
#define PHYS_PFN(address)                         ((address) >> PAGE_SHIFT)
#define unlikely(condition)                       __builtin_expect(!!(condition), 0)
#define dev_err_once(...)                         ((void)0)
#define dev_to_iommu(device)                      ((struct riscv_iommu_device *)(device)->iommu->priv)
#define atomic_add(n, a)                          ((void)__atomic_add_fetch(&(a)->counter, n, __ATOMIC_SEQ_CST))
/* The first look is the last: registers answer at once. */
#define readx_poll_timeout(op, argument, value, condition, delay, timeout)                         \
	({                                                                                         \
		(value) = op(argument);                                                            \
		(condition) ? 0 : -ETIMEDOUT;                                                      \
	})
#define readl_relaxed(at) (*(volatile u32 *)(at))

#include "riscv/iommu-bits.h"

/* The write of the tail is not inlined, as an access to registers costs more than a store. */
static __attribute__((noinline)) void run_queue(unsigned char *registers, u32 tail)
{
	const unsigned char *ring;
	u32 head;

	memcpy(&head, registers + RISCV_IOMMU_REG_CQH, sizeof(head));
	memcpy(&ring, registers + RISCV_IOMMU_REG_CQB, sizeof(ring));
	for (; head != tail; head = (head + 1) % QUEUE_ENTRIES) {
		u64 low;

		memcpy(&low, ring + head * 16UL, sizeof(low));
		if ((low & 0x7f) == 0)
			abort();
	}
	memcpy(registers + RISCV_IOMMU_REG_CQH, &head, sizeof(head));
}

static inline void writel_relaxed(u32 value, unsigned char *at)
{
	unsigned char *registers = (unsigned char *)((uintptr_t)at & ~(PAGE_SIZE - 1));

	*(volatile u32 *)at = value;
	if (at - registers == RISCV_IOMMU_REG_CQT)
		run_queue(registers, value);
}

#include "riscv/iommu.h"
#include "riscv_driver_functions.h"

static const struct iommu_domain_ops ops = {
	IOMMU_PT_DOMAIN_OPS(riscv_64),
	.flush_iotlb_all = riscv_iommu_iotlb_flush_all,
	.iotlb_sync = riscv_iommu_iotlb_sync,
};

/* A unit, a device behind it, and a domain that it is attached to. */
struct machine {
	struct riscv_iommu_domain domain;
	struct riscv_iommu_device unit;
	struct riscv_iommu_bond bond;
	struct device device;
	struct dev_iommu of_device;
};

extern unsigned char *shim_pool;
extern struct page *shim_pages;

static void create_table(struct riscv_iommu_domain *domain)
{
	/* Sv48: 4 levels, coherent walks. */
	const struct pt_iommu_riscv_64_cfg config = {
		.common = {.features = BIT(PT_FEAT_SIGN_EXTEND) | BIT(PT_FEAT_FLUSH_RANGE) |
				       BIT(PT_FEAT_DETAILED_GATHER),
			   .hw_max_vasz_lg2 = 48,
			   .hw_max_oasz_lg2 = 56},
	};

	shim_pool = bench_pool();
	if (shim_pages == NULL)
		shim_pages = calloc(BENCH_POOL_SIZE >> PAGE_SHIFT, sizeof(*shim_pages));
	domain->riscvpt.iommu.nid = NUMA_NO_NODE;
	if (shim_pages == NULL ||
	    pt_iommu_riscv_64_init(&domain->riscvpt, &config, GFP_KERNEL) != 0)
		abort();
	domain->domain.ops = &ops;
	domain->pscid = 1;
	spin_lock_init(&domain->lock);
	INIT_LIST_HEAD(&domain->bonds);
}

static void create_unit(struct riscv_iommu_device *unit)
{
	unsigned char *registers = bench_page_alloc();
	unsigned char *ring = aligned_alloc(PAGE_SIZE, QUEUE_ENTRIES * 16UL);

	if (registers == NULL || ring == NULL)
		abort();
	memcpy(registers + RISCV_IOMMU_REG_CQB, &ring, sizeof(ring));
	unit->reg = registers;
	unit->cmdq = (struct riscv_iommu_queue){
		.mask = QUEUE_ENTRIES - 1,
		.iommu = unit,
		.base = ring,
		.qbr = RISCV_IOMMU_REG_CQB,
		.qcr = RISCV_IOMMU_REG_CQCSR,
	};
	spin_lock_init(&unit->cmdq.lock);
}

struct iommu_domain *shim_riscv_create(void)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	if (machine == NULL)
		abort();
	create_unit(&machine->unit);
	create_table(&machine->domain);
	machine->of_device.priv = &machine->unit;
	machine->device.iommu = &machine->of_device;
	machine->bond.dev = &machine->device;
	list_add_tail(&machine->bond.list, &machine->domain.bonds);
	return &machine->domain.domain;
}

void shim_riscv_destroy(struct iommu_domain *domain)
{
	struct machine *machine = container_of(domain, struct machine, domain.domain);

	pt_iommu_deinit(&machine->domain.riscvpt.iommu);
	bench_page_free(machine->unit.reg);
	free(machine->unit.cmdq.base);
	free(machine);
}
