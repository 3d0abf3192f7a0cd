/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware and hypervisors answer, as errors: each answer that has a meaning of its own. */
#ifndef IOMMU_TCE_ANSWER_H
#define IOMMU_TCE_ANSWER_H

#include <libiommu/types.h>

/* Busy: the call has done nothing, and is to be made again. */
#define TCE_AGAIN 1

/*
 * OPAL firmware. IOMMU_EINVAL: it refuses a parameter; IOMMU_EIO: it reports an error, or an answer
 * that the call does not have.
 */
int iommu_opal_answer(int64_t code);

/*
 * A hypercall for entries. IOMMU_EINVAL: it refuses the address or the memory; IOMMU_EPERM: the
 * guest may not have that; IOMMU_EAGAIN: it lacks resources; IOMMU_EOPNOTSUPP: it has no such call;
 * IOMMU_EIO: hardware does not obey, or the call has no such answer.
 */
int iommu_papr_answer(int64_t code);

/* A service of a hypervisor's firmware (RTAS): likewise. */
int iommu_rtas_answer(int32_t code);

#endif
