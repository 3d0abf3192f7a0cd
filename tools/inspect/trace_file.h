/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of events (<libiommu/trace.h>): what of it can be used, in order of time. Its size alone
 * bounds what is looked at.
 */
#ifndef INSPECT_TRACE_FILE_H
#define INSPECT_TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libiommu/trace.h>

struct trace_file {
	const uint8_t *records;
	size_t count;  /* whole records */
	size_t *order; /* by time; NULL: as they are in the file */
	bool has_clock;
	uint64_t first_ns, last_ns;
	/* What is wrong: a record that is cut off, and records of types that there are not. */
	size_t cut_offset; /* 0: none is */
	size_t unknown, unknown_offset;
};

/* NULL: it can be used; or why not. trace_file_close in either case. */
const char *trace_file_open(struct trace_file *file, const uint8_t *bytes, size_t size);
void trace_file_close(struct trace_file *file);

/* An event by its place in time; false: its type is not known. */
bool trace_file_get(const struct trace_file *file, size_t at, struct iommu_trace_event *event);

/* "map", "unmap" and so on; types from 1 to TRACE_TYPES. */
#define TRACE_TYPES ((unsigned int)IOMMU_TRACE_FREE)
const char *trace_type_name(unsigned int type);

#endif
