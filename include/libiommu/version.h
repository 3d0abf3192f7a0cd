/* SPDX-License-Identifier: BSD-2-Clause */
/* The library's version: at compile time and at run time. Semantic versioning. */
#ifndef LIBIOMMU_VERSION_H
#define LIBIOMMU_VERSION_H

#include <libiommu/types.h>

#define IOMMU_VERSION_MAJOR 0
#define IOMMU_VERSION_MINOR 2
#define IOMMU_VERSION_PATCH 0

/* One comparable number: 0x00MMmmpp. */
#define IOMMU_VERSION_NUMBER(major, minor, patch) (((major) << 16) | ((minor) << 8) | (patch))
#define IOMMU_VERSION                                                                              \
	IOMMU_VERSION_NUMBER(IOMMU_VERSION_MAJOR, IOMMU_VERSION_MINOR, IOMMU_VERSION_PATCH)

IOMMU_BEGIN_DECLS

/*
 * iommu_version - the version of the library that is linked, encoded as IOMMU_VERSION is.
 *
 * Differs from IOMMU_VERSION when the headers of one release are used with the archive of another.
 * Takes no locks; callable from any context.
 */
IOMMU_API unsigned int iommu_version(void);

/*
 * iommu_version_string - the version of the library as "major.minor.patch"; static storage. Any
 * context.
 */
IOMMU_API const char *iommu_version_string(void);

IOMMU_END_DECLS
#endif
