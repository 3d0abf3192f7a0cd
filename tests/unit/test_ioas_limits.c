/* SPDX-License-Identifier: BSD-2-Clause */
#include "ioas_fixture.h"
#include "test.h"
int main(void) { return 0; }
