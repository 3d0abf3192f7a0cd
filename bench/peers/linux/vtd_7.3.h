/* SPDX-License-Identifier: BSD-2-Clause */
/* What the peer's VT-d driver keeps, as far as its path of invalidations uses it. */
#ifndef LINUX_VTD_7_3_H
#define LINUX_VTD_7_3_H

#include <linux/generic_pt/iommu.h>
#include <linux/iommu.h>

#define IOMMU_NO_PASID 0U

typedef spinlock_t raw_spinlock_t;
#define raw_spin_lock(lock)                     spin_lock(lock)
#define raw_spin_unlock(lock)                   spin_unlock(lock)
#define raw_spin_lock_irqsave(lock, flags)      spin_lock_irqsave(lock, flags)
#define raw_spin_unlock_irqrestore(lock, flags) spin_unlock_irqrestore(lock, flags)
#define cpu_relax()                             __builtin_ia32_pause()

struct q_inval;
struct qi_desc;
struct qi_batch;
struct device_domain_info {
	u8 bus, devfn;
	u16 pfsid, ats_qdep;
	u8 dtlb_extra_inval;
};

struct intel_iommu {
	unsigned char *reg;
	u64 cap, ecap;
	u32 gcmd;
	struct q_inval *qi;
};

struct dmar_domain {
	union {
		struct iommu_domain domain;
		struct pt_iommu iommu;
		struct pt_iommu_vtdss sspt;
	};
	u8 iotlb_sync_map : 1;
	spinlock_t cache_lock;
	struct list_head cache_tags;
	struct qi_batch *qi_batch;
};

#define to_dmar_domain(of) container_of(of, struct dmar_domain, domain)

#include "vtd_types.h"

int qi_submit_sync(struct intel_iommu *iommu, struct qi_desc *desc, unsigned int count,
		   unsigned long options);

/* A unit whose registers answer at once, and a domain that is attached to it. */
void shim_vtd_attach(struct dmar_domain *domain);
void shim_vtd_detach(struct dmar_domain *domain);
/* The same of the unit alone. */
struct intel_iommu *shim_vtd_create(void);
void shim_vtd_destroy(struct intel_iommu *iommu);

#endif
