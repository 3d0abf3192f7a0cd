/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_log.h"

#include <string.h>

#include "test.h"

static void keep(void *ctx, const struct iommu_trace_event *event)
{
	struct trace_log *log = ctx;

	test_contract_no_lock(log->platform_ctx, "trace");
	assert_true(log->count < TRACE_LOG_EVENTS);
	assert_true(event->begun_ns <= event->time_ns);
	if (log->count != 0)
		assert_true(log->events[log->count - 1].time_ns <= event->time_ns);
	log->events[log->count++] = *event;
}

void trace_log_begin(struct trace_log *log, struct iommu *iommu, const void *platform_ctx)
{
	memset(log, 0, sizeof(*log));
	log->trace = (struct iommu_trace){.event = keep, .ctx = log};
	log->platform_ctx = platform_ctx;
	iommu_set_trace(iommu, &log->trace);
}

static void print(const char *what, const struct iommu_trace_event *event)
{
	print_message("%s: type %u kinds 0x%x domain %u unit %u 0x%llx+0x%llx status %d %04x:%04x "
		      "pasid %u detail %u count %u begun %d\n",
		      what, event->type, event->kinds, event->domain, event->unit,
		      (unsigned long long)event->iova, (unsigned long long)event->size,
		      event->status, event->segment, event->source_id, event->pasid, event->detail,
		      event->count, event->begun_ns != 0);
}

void trace_log_expect(struct trace_log *log, struct iommu_trace_event expected)
{
	struct iommu_trace_event event;

	if (log->at == log->count) {
		print("missing", &expected);
		fail();
	}
	event = log->events[log->at++];
	/* Known from the type, where there is a clock. */
	if (event.time_ns != 0)
		assert_int_equal(event.begun_ns != 0, event.type == IOMMU_TRACE_CONFIRM ||
							      event.type == IOMMU_TRACE_FLUSH ||
							      event.type == IOMMU_TRACE_WITHHELD);
	event.time_ns = event.begun_ns = 0;
	event.cpu = 0;
	if (memcmp(&event, &expected, sizeof(event)) == 0)
		return;
	print("expected", &expected);
	print("came", &event);
	fail();
}

void trace_log_expect_end(struct trace_log *log)
{
	if (log->at != log->count) {
		print("one too many", &log->events[log->at]);
		fail();
	}
	log->count = log->at = 0;
}

unsigned int trace_log_count(struct trace_log *log, enum iommu_trace_type type)
{
	unsigned int count = 0;

	for (; log->at < log->count; log->at++)
		count += log->events[log->at].type == type;
	log->count = log->at = 0;
	return count;
}
