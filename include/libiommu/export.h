/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How symbols leave the library.
 *
 * IOMMU_API marks a function or table of the public interface; in the shared library everything
 * else is hidden. How the library was configured, and renamed, comes with <libiommu/config.h>.
 */
#ifndef LIBIOMMU_EXPORT_H
#define LIBIOMMU_EXPORT_H

#include <libiommu/config.h>

#define IOMMU_API __attribute__((visibility("default")))

/* Every public header is usable from C++ (the benchmarks are). */
#ifdef __cplusplus
#define IOMMU_BEGIN_DECLS extern "C" {
#define IOMMU_END_DECLS   }
#else
#define IOMMU_BEGIN_DECLS
#define IOMMU_END_DECLS
#endif

#endif
