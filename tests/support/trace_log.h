/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host's trace for tests: keeps all events, and compares them one by one with what is expected.
 * Each event is looked at in the contexts in which hosts are promised it: no spinlock is held, and
 * times do not run backwards.
 */
#ifndef TRACE_LOG_H
#define TRACE_LOG_H

#include <libiommu/trace.h>

#include "test_contract.h"

#define TRACE_LOG_EVENTS 256

struct trace_log {
	struct iommu_trace trace;
	const void *platform_ctx; /* of the platform whose locks are watched */
	struct iommu_trace_event events[TRACE_LOG_EVENTS];
	unsigned int count, at;
};

/* Starts keeping what happens in an instance. */
void trace_log_begin(struct trace_log *log, struct iommu *iommu, const void *platform_ctx);
/* The next event is this one, but for the time, the CPU, and when it began; or the test fails. */
void trace_log_expect(struct trace_log *log, struct iommu_trace_event expected);
/* There was no other. */
void trace_log_expect_end(struct trace_log *log);
/* So many of a type have come since the last look; none is left to look at. */
unsigned int trace_log_count(struct trace_log *log, enum iommu_trace_type type);

#define EXPECT(log, ...) trace_log_expect(log, (struct iommu_trace_event){__VA_ARGS__})

#endif
