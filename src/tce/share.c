/* SPDX-License-Identifier: BSD-2-Clause */
/* Division of the one window of older bridges among PEs, in proportion to their devices' needs. */
#include <libiommu/status.h>
#include <libiommu/tce_table.h>

#define SEGMENTS_MAX 4096U
#define WEIGHTS_MAX  ((1U << 20) - 1)

#define CLASS_BRIDGE 0x06
#define CLASS_RAID   0x0104
#define CLASS_USB    0x0c03
#define USB_EHCI     0x20 /* the last kind with slow transfers through few buffers */

#define WEIGHT_USUAL 10
#define WEIGHT_USB   3
#define WEIGHT_RAID  15

unsigned int iommu_tce_weight(uint32_t class_code)
{
	if (class_code >> 16 == CLASS_BRIDGE)
		return 0;
	if (class_code >> 8 == CLASS_USB && (class_code & 0xff) <= USB_EHCI)
		return WEIGHT_USB;
	return class_code >> 8 == CLASS_RAID ? WEIGHT_RAID : WEIGHT_USUAL;
}

static int add_up(const unsigned int *weights, unsigned int count, unsigned int *total,
		  unsigned int *takers)
{
	unsigned int i;

	*total = *takers = 0;
	for (i = 0; i < count; i++) {
		if (weights[i] > WEIGHTS_MAX - *total)
			return IOMMU_EINVAL;
		*total += weights[i];
		*takers += weights[i] != 0;
	}
	return 0;
}

/*
 * One for each, and the rest in proportion: the first n PEs together get their part of the sum,
 * rounded, so that no share is off by more than one and all are given away.
 */
int iommu_tce_divide(unsigned int segments, const unsigned int *weights, unsigned int count,
		     struct iommu_tce_share *shares)
{
	unsigned int total, takers, i;
	unsigned int sum = 0;
	unsigned int given = 0;
	unsigned int next = 0;
	int status = add_up(weights, count, &total, &takers);

	if (status != 0 || segments == 0 || segments > SEGMENTS_MAX)
		return IOMMU_EINVAL;
	if (takers > segments)
		return IOMMU_ENOSPC;
	for (i = 0; i < count; i++) {
		unsigned int upto = 0;

		shares[i] = (struct iommu_tce_share){.first = 0};
		if (weights[i] == 0)
			continue;
		sum += weights[i];
		upto = (sum * (segments - takers) + total / 2) / total;
		shares[i] = (struct iommu_tce_share){.first = next, .count = 1 + (upto - given)};
		next += shares[i].count;
		given = upto;
	}
	return 0;
}
