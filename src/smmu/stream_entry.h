/* SPDX-License-Identifier: BSD-2-Clause */
/* What a stream table entry says, and how one becomes another while hardware may read it. */
#ifndef IOMMU_SMMU_STREAM_ENTRY_H
#define IOMMU_SMMU_STREAM_ENTRY_H

#include <libiommu/hw/smmu_stream_table.h>

/* The bits that hardware looks at in an entry of these words; all others may be anything. */
void iommu_smmu_entry_used(const uint64_t *words, uint64_t *used);

#define SMMU_ENTRY_STEPS_MAX 3

/*
 * The images by which an entry becomes another while it is in use, each of which hardware has to be
 * told of before the next is written: in every one, and with any part of the next already there, it
 * says what the first said, or what the last does. 0: there is no such way, and the entry has to
 * become not valid in between. Neither image is that of an entry that is not valid.
 */
unsigned int iommu_smmu_entry_steps(const uint64_t *from, const uint64_t *to,
				    uint64_t steps[SMMU_ENTRY_STEPS_MAX][SMMU_STE_WORDS]);

#endif
