/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Status values.
 *
 * A function that can fail returns int: 0 (or a count or a size, where its comment says so), or one
 * of these negative constants. Each equals the negated Linux errno of that name, so that a kernel
 * may return it unchanged. The comment of a function lists its values and their causes.
 */
#ifndef LIBIOMMU_STATUS_H
#define LIBIOMMU_STATUS_H

#include <libiommu/types.h>

enum iommu_status {
	IOMMU_OK = 0,              /* success */
	IOMMU_EPERM = -1,          /* the platform or firmware forbids it */
	IOMMU_ENOENT = -2,         /* nothing is there */
	IOMMU_EIO = -5,            /* hardware reported an error, or answers nonsense */
	IOMMU_EAGAIN = -11,        /* not now: the same call may succeed later */
	IOMMU_ENOMEM = -12,        /* the host, or a budget that it set, has no memory left */
	IOMMU_EFAULT = -14,        /* an address cannot be reached */
	IOMMU_EBUSY = -16,         /* in use */
	IOMMU_EEXIST = -17,        /* already there */
	IOMMU_ENODEV = -19,        /* no such device, or no remapping hardware for it */
	IOMMU_EINVAL = -22,        /* an argument is wrong, or two do not fit each other */
	IOMMU_ENOSPC = -28,        /* an id space or a table of fixed size is full */
	IOMMU_ERANGE = -34,        /* beyond the aperture, or wider than the hardware can address */
	IOMMU_EOVERFLOW = -75,     /* a range wraps around the end of the 64-bit space */
	IOMMU_EOPNOTSUPP = -95,    /* this hardware or this format cannot do that */
	IOMMU_EADDRINUSE = -98,    /* addresses that would have to be free are in use */
	IOMMU_ETIMEDOUT = -110,    /* hardware did not confirm in time */
	IOMMU_EPROBE_DEFER = -517, /* a unit that it depends on is not there yet: try again later */
};

IOMMU_BEGIN_DECLS

/*
 * iommu_strerror - name and meaning of a status, for a log line.
 *
 * @status: a result of a function of this library.
 *
 * Returns a static string that is never NULL: the name, and the comment above; "unknown status" for
 * other values. Takes no locks; callable from any context.
 */
IOMMU_API const char *iommu_strerror(int status);

IOMMU_END_DECLS
#endif
