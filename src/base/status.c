/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library tells of itself: its version, and what its status values mean. */
#include <libiommu/status.h>
#include <libiommu/version.h>

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)

unsigned int iommu_version(void)
{
	return IOMMU_VERSION;
}

const char *iommu_version_string(void)
{
	return STRING(IOMMU_VERSION_MAJOR) "." STRING(IOMMU_VERSION_MINOR) "." STRING(
		IOMMU_VERSION_PATCH);
}

/* A switch and not a table: the values are errno numbers, far apart. */
const char *iommu_strerror(int status)
{
	switch (status) {
	case IOMMU_OK:
		return "success";
	case IOMMU_EPERM:
		return "EPERM: the platform or firmware forbids it";
	case IOMMU_ENOENT:
		return "ENOENT: nothing is there";
	case IOMMU_EIO:
		return "EIO: hardware reported an error, or answers nonsense";
	case IOMMU_EAGAIN:
		return "EAGAIN: not now: the same call may succeed later";
	case IOMMU_ENOMEM:
		return "ENOMEM: the host, or a budget that it set, has no memory left";
	case IOMMU_EFAULT:
		return "EFAULT: an address cannot be reached";
	case IOMMU_EBUSY:
		return "EBUSY: in use";
	case IOMMU_EEXIST:
		return "EEXIST: already there";
	case IOMMU_ENODEV:
		return "ENODEV: no such device, or no remapping hardware for it";
	case IOMMU_EINVAL:
		return "EINVAL: an argument is wrong, or two do not fit each other";
	case IOMMU_ENOSPC:
		return "ENOSPC: an id space or a table of fixed size is full";
	case IOMMU_ERANGE:
		return "ERANGE: beyond the aperture, or wider than the hardware can address";
	case IOMMU_EOVERFLOW:
		return "EOVERFLOW: a range wraps around the end of the 64-bit space";
	case IOMMU_EOPNOTSUPP:
		return "EOPNOTSUPP: this hardware or this format cannot do that";
	case IOMMU_EADDRINUSE:
		return "EADDRINUSE: addresses that would have to be free are in use";
	case IOMMU_ETIMEDOUT:
		return "ETIMEDOUT: hardware did not confirm in time";
	case IOMMU_EPROBE_DEFER:
		return "EPROBE_DEFER: a unit that it depends on is not there yet: try again later";
	default:
		return "unknown status";
	}
}
