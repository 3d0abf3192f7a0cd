// SPDX-License-Identifier: BSD-2-Clause
// What each file of rows adds to the benchmarks (slices.h).
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

void add_pgtable_rows();
void add_arm_rows();
void add_iova_rows();
void add_dma_rows();
void add_tce_rows();
void add_ioas_rows();
void add_model_rows();

#endif
