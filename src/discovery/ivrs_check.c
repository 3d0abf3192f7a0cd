/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening an IVRS table: what makes it none, and what is wrong with it. The iterators of the reader
 * run once, and what they skip is recorded in `defects`; nothing else writes it.
 */
#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "discovery/ivrs.h"

/* --- Units ------------------------------------------------------------------------------------ */

static bool are_of_one_unit(const struct iommu_ivrs_block *a, const struct iommu_ivrs_block *b)
{
	return a->segment == b->segment && a->unit.devid == b->unit.devid &&
	       a->unit.capability == b->unit.capability;
}

/* What two blocks of units are to each other. */
static unsigned int compare_units(const struct iommu_ivrs_block *a,
				  const struct iommu_ivrs_block *b)
{
	if (!are_of_one_unit(a, b))
		return a->unit.counts && b->unit.counts && a->unit.usable &&
				       a->unit.base == b->unit.base
			       ? IOMMU_IVRS_UNIT_SAME_BASE
			       : 0U;
	if (a->type == b->type)
		return IOMMU_IVRS_UNIT_TWICE;
	return a->unit.has_features && b->unit.has_features &&
			       (a->unit.efr != b->unit.efr || a->unit.efr2 != b->unit.efr2)
		       ? IOMMU_IVRS_UNIT_IMAGES
		       : 0U;
}

/* Have ranges of two blocks that count a device in common? */
static bool ranges_overlap(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *a,
			   const struct iommu_ivrs_block *b)
{
	struct iommu_ivrs_device one = {0};

	while (iommu_ivrs_next_device(ivrs, a, &one)) {
		struct iommu_ivrs_device other = {0};

		while (iommu_ivrs_has_functions(&one) && iommu_ivrs_next_device(ivrs, b, &other))
			if (iommu_ivrs_has_functions(&other) && one.first <= other.last &&
			    other.first <= one.last)
				return true;
	}
	return false;
}

/* A block of a unit, and those behind it. */
static unsigned int check_unit(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block)
{
	struct iommu_ivrs_block other = *block;
	unsigned int found = 0;

	if (block->unit.counts && block->type != ivrs->type)
		found |= IOMMU_IVRS_UNIT_INCOMPLETE;
	while (iommu_ivrs_next(ivrs, &other)) {
		if (other.kind != IOMMU_IVRS_UNIT)
			continue;
		found |= compare_units(block, &other);
		if ((found & IOMMU_IVRS_RANGE_OVERLAP) == 0 && block->unit.counts &&
		    other.unit.counts && block->segment == other.segment &&
		    ranges_overlap(ivrs, block, &other))
			found |= IOMMU_IVRS_RANGE_OVERLAP;
	}
	return found;
}

/* --- Devices ---------------------------------------------------------------------------------- */

/* Ids of I/O APICs and HPETs that were met. */
struct seen {
	uint64_t ids[2][4];
};

static unsigned int check_special(const struct iommu_ivrs_device *device, struct seen *seen)
{
	uint64_t *word = &seen->ids[device->kind == IOMMU_IVRS_DEVICE_HPET][device->handle / 64];
	const uint64_t bit = 1ULL << device->handle % 64;
	const bool was_seen = (*word & bit) != 0;

	*word |= bit;
	return was_seen ? (unsigned int)IOMMU_IVRS_SPECIAL_TWICE : 0U;
}

static unsigned int check_devices(const struct iommu_ivrs *ivrs,
				  const struct iommu_ivrs_block *block, struct seen *seen)
{
	struct iommu_ivrs_device device = {0};
	unsigned int found = 0;

	while (iommu_ivrs_read_device(ivrs, block, &device, &found))
		if (block->unit.counts && (device.kind == IOMMU_IVRS_DEVICE_IOAPIC ||
					   device.kind == IOMMU_IVRS_DEVICE_HPET))
			found |= check_special(&device, seen);
	return found;
}

/* --- The table -------------------------------------------------------------------------------- */

static void find_type(struct iommu_ivrs *ivrs)
{
	struct iommu_ivrs_block block = {0};

	while (iommu_ivrs_next(ivrs, &block))
		if (block.kind == IOMMU_IVRS_UNIT && block.type > ivrs->type)
			ivrs->type = block.type;
}

static void note_defects(struct iommu_ivrs *ivrs)
{
	struct iommu_ivrs_block block = {0};
	struct seen seen = {{{0}}};
	uint8_t sum = 0;
	uint32_t i;

	for (i = 0; i < ivrs->length; i++)
		sum = (uint8_t)(sum + ivrs->bytes[i]);
	if (sum != 0)
		ivrs->defects |= IOMMU_IVRS_CHECKSUM;
	while (iommu_ivrs_read_block(ivrs, &block, &ivrs->defects))
		if (block.kind == IOMMU_IVRS_UNIT)
			ivrs->defects |=
				check_unit(ivrs, &block) | check_devices(ivrs, &block, &seen);
}

static const char *refusal_of(const uint8_t *bytes, size_t size)
{
	uint32_t length;

	if (bytes == NULL || size < IVRS_HEADER_SIZE)
		return IOMMU_WHY("shorter than the header of an IVRS table");
	if (iommu_read_le32(bytes) != IVRS_SIGNATURE)
		return IOMMU_WHY("no IVRS signature");
	length = iommu_read_le32(bytes + IVRS_LENGTH);
	if (length < IVRS_HEADER_SIZE || length > size || length > IOMMU_IVRS_MAX_SIZE)
		return IOMMU_WHY("a length that is too short, or more than there is or may be");
	return NULL;
}

int iommu_ivrs_open(struct iommu_ivrs *ivrs, const void *bytes, size_t size)
{
	const char *refusal = refusal_of(bytes, size);
	uint32_t info;

	*ivrs = (struct iommu_ivrs){.refusal = ""};
	if (refusal != NULL) {
		ivrs->refusal = refusal;
		return IOMMU_EINVAL;
	}
	ivrs->bytes = bytes;
	ivrs->length = iommu_read_le32(ivrs->bytes + IVRS_LENGTH);
	ivrs->revision = ivrs->bytes[IVRS_REVISION];
	info = iommu_read_le32(ivrs->bytes + IVRS_INFO);
	ivrs->has_features = (info & IVRS_INFO_EFR) != 0;
	ivrs->was_remapping = (info & IVRS_INFO_REMAP) != 0;
	ivrs->ht_ats = (info & IVRS_INFO_HT_ATS) != 0;
	ivrs->physical_bits = ivrs_info_pa_size(info);
	ivrs->virtual_bits = ivrs_info_va_size(info);
	find_type(ivrs);
	note_defects(ivrs);
	return 0;
}
