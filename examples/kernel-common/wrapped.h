/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of a back end's functions, for files that replace some of them: FAMILY is riscv or smmu. */
#ifndef KERNEL_WRAPPED_H
#define KERNEL_WRAPPED_H

#define JOIN(a, family, b)    a##family##_##b
#define JOIN_OF(a, family, b) JOIN(a, family, b)

#define REAL(function)        JOIN_OF(__real_iommu_, FAMILY, function)
#define WRAP(function)        JOIN_OF(__wrap_iommu_, FAMILY, function)
#define FAMILY_STRUCT(name)   struct JOIN_OF(iommu_, FAMILY, name)

#endif
