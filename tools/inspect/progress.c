/* SPDX-License-Identifier: BSD-2-Clause */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

/* Calls between two looks at the clock. */
#define CALLS 256U

static struct {
	unsigned int calls;
	time_t begun, last;
	bool is_shown;
} state;

static void show(uint64_t left, uint64_t iova)
{
	struct timespec now;

	if (isatty(STDERR_FILENO) == 0 || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return;
	if (state.begun == 0)
		state.begun = state.last = now.tv_sec;
	if (now.tv_sec <= state.last)
		return;
	state.last = now.tv_sec;
	state.is_shown = true;
	(void)fprintf(stderr, "\r%lld s, at 0x%016" PRIx64 ", %" PRIu64 " entries to the limit ",
		      (long long)(now.tv_sec - state.begun), iova, left);
}

void progress_tell(uint64_t left, uint64_t iova)
{
	if (state.calls++ % CALLS == 0)
		show(left, iova);
}

void progress_end(void)
{
	if (state.is_shown)
		(void)fputs("\r\033[K", stderr);
	state.is_shown = false;
	state.begun = 0;
	state.calls = 0;
}
