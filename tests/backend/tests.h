/* SPDX-License-Identifier: BSD-2-Clause */
/* The tests of the kit, each for one back end: see kit.h. */
#ifndef TESTS_H
#define TESTS_H

#include "kit.h"

void sweep_run(const struct kit_backend *backend);
void predecessor_run(const struct kit_backend *backend);
void random_run(const struct kit_backend *backend);

#endif
