/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How symbols leave the library.
 *
 * IOMMU_API marks a function or table of the public interface; in the shared library everything
 * else is hidden. A build that renames the exported prefix, or that selects a port header, installs
 * a generated <libiommu/config.h> next to this file; a plain build needs none.
 */
#ifndef LIBIOMMU_EXPORT_H
#define LIBIOMMU_EXPORT_H

#if defined(__has_include)
#if __has_include(<libiommu/config.h>)
#include <libiommu/config.h>
#endif
#endif

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
