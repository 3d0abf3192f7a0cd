/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of faults of 4 words: an event of an SMMUv3, a fault of a RISC-V unit. */
#ifndef INSPECT_RECORD_H
#define INSPECT_RECORD_H

#include "output.h"

void record_show_smmu(struct out *out, const uint64_t *words);
void record_show_riscv(struct out *out, const uint64_t *words);

#endif
