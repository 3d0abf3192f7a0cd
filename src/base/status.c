/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of status values. A switch and not a table: the values are errno numbers, far apart. */
#include <libiommu/status.h>

const char *iommu_strerror(int status)
{
	switch (status) {
	case IOMMU_OK:
		return "success";
	case IOMMU_EPERM:
		return "EPERM: forbidden by the platform or firmware";
	case IOMMU_ENOENT:
		return "ENOENT: nothing is there";
	case IOMMU_EIO:
		return "EIO: hardware reported an error";
	case IOMMU_EAGAIN:
		return "EAGAIN: not now, try again";
	case IOMMU_ENOMEM:
		return "ENOMEM: out of memory or over a memory budget";
	case IOMMU_EFAULT:
		return "EFAULT: an address cannot be reached";
	case IOMMU_EBUSY:
		return "EBUSY: in use by somebody else";
	case IOMMU_EEXIST:
		return "EEXIST: already there";
	case IOMMU_ENODEV:
		return "ENODEV: no such device, or no remapping hardware for it";
	case IOMMU_EINVAL:
		return "EINVAL: an argument is wrong or incompatible";
	case IOMMU_ENOSPC:
		return "ENOSPC: an id space or table is full";
	case IOMMU_ERANGE:
		return "ERANGE: beyond the aperture or the address width";
	case IOMMU_EOVERFLOW:
		return "EOVERFLOW: a range wraps around the address space";
	case IOMMU_EOPNOTSUPP:
		return "EOPNOTSUPP: not supported by this hardware";
	case IOMMU_EADDRINUSE:
		return "EADDRINUSE: addresses that would have to be free are in use";
	case IOMMU_ETIMEDOUT:
		return "ETIMEDOUT: hardware did not confirm in time";
	case IOMMU_EPROBE_DEFER:
		return "EPROBE_DEFER: the unit is not there yet, try again later";
	default:
		return "unknown status";
	}
}
