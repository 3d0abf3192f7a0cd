// SPDX-License-Identifier: BSD-2-Clause
// What a benchmark relies on: a line that says where it was not so, and no figures.
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include <cstdio>
#include <cstdlib>

static inline void check(bool good, const char *file = __builtin_FILE(),
			 int line = __builtin_LINE())
{
	if (good)
		return;
	fprintf(stderr, "%s:%d: not as the benchmark expects\n", file, line);
	abort();
}

#endif
