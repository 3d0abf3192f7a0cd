/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_file.h"

#include <stdlib.h>

#include "heap.h"

static const uint8_t *record_at(const struct trace_file *file, size_t number)
{
	return file->records + number * IOMMU_TRACE_RECORD_SIZE;
}

static uint64_t time_of(const struct trace_file *file, size_t number)
{
	return iommu_trace_get_number(record_at(file, number), 8);
}

/* --- Order ------------------------------------------------------------------------------------ */

/*
 * Merge two neighbouring runs of record numbers that are each in order of time; of equal times the
 * one that is first in the file stays first.
 */
static void merge(const struct trace_file *file, const size_t *from, size_t *to, size_t middle,
		  size_t end)
{
	size_t left = 0, right = middle;

	for (size_t i = 0; i < end; i++) {
		const bool is_left =
			left < middle &&
			(right == end || time_of(file, from[left]) <= time_of(file, from[right]));

		to[i] = is_left ? from[left++] : from[right++];
	}
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* A host may have kept the events of each CPU apart. */
static void sort_by_time(struct trace_file *file)
{
	size_t *from = heap_resize(NULL, file->count, sizeof(*from));
	size_t *to = heap_resize(NULL, file->count, sizeof(*to));

	for (size_t i = 0; i < file->count; i++)
		from[i] = i;
	for (size_t run = 1; run < file->count; run *= 2) {
		size_t *sorted = to;

		for (size_t at = 0; at < file->count; at += 2 * run) {
			const size_t left = file->count - at;

			merge(file, from + at, to + at, least(run, left), least(2 * run, left));
		}
		to = from;
		from = sorted;
	}
	free(to);
	file->order = from;
}

/* Times, and whether they are in order. */
static void look_at_times(struct trace_file *file)
{
	bool is_in_order = true;

	for (size_t i = 0; i < file->count; i++) {
		const uint64_t time = time_of(file, i);

		file->has_clock = file->has_clock || time != 0;
		is_in_order = is_in_order && (i == 0 || time_of(file, i - 1) <= time);
		if (i == 0 || time < file->first_ns)
			file->first_ns = time;
		if (time > file->last_ns)
			file->last_ns = time;
	}
	if (!is_in_order)
		sort_by_time(file);
}

/* --- The file --------------------------------------------------------------------------------- */

static bool is_known(const uint8_t *record)
{
	return record[58] >= 1 && record[58] <= TRACE_TYPES;
}

const char *trace_file_open(struct trace_file *file, const uint8_t *bytes, size_t size)
{
	*file = (struct trace_file){.records = NULL};
	if (size < IOMMU_TRACE_HEADER_SIZE)
		return "the file ends within its header of 16 bytes";
	if (iommu_trace_get_number(bytes, 8) !=
	    iommu_trace_get_number((const unsigned char *)IOMMU_TRACE_MAGIC, 8))
		return "0x0000: it does not begin with " IOMMU_TRACE_MAGIC;
	if (!iommu_trace_check_header(bytes))
		return "0x0008: a version, or a size of records, that is not known here";
	file->records = bytes + IOMMU_TRACE_HEADER_SIZE;
	size -= IOMMU_TRACE_HEADER_SIZE;
	file->count = size / IOMMU_TRACE_RECORD_SIZE;
	if (size % IOMMU_TRACE_RECORD_SIZE != 0)
		file->cut_offset = IOMMU_TRACE_HEADER_SIZE + file->count * IOMMU_TRACE_RECORD_SIZE;
	for (size_t i = file->count; i-- > 0;)
		if (!is_known(record_at(file, i))) {
			file->unknown++;
			file->unknown_offset =
				IOMMU_TRACE_HEADER_SIZE + i * IOMMU_TRACE_RECORD_SIZE;
		}
	look_at_times(file);
	return NULL;
}

void trace_file_close(struct trace_file *file)
{
	free(file->order);
}

bool trace_file_get(const struct trace_file *file, size_t at, struct iommu_trace_event *event)
{
	const uint8_t *record = record_at(file, file->order != NULL ? file->order[at] : at);

	iommu_trace_get(record, event);
	return is_known(record);
}

const char *trace_type_name(unsigned int type)
{
	static const char *const names[] = {
		[IOMMU_TRACE_MAP] = "map",
		[IOMMU_TRACE_UNMAP] = "unmap",
		[IOMMU_TRACE_ATTACH] = "attach",
		[IOMMU_TRACE_DETACH] = "detach",
		[IOMMU_TRACE_INVALIDATE] = "invalidate",
		[IOMMU_TRACE_CONFIRM] = "confirm",
		[IOMMU_TRACE_FAULT] = "fault",
		[IOMMU_TRACE_FLUSH] = "flush",
		[IOMMU_TRACE_WITHHELD] = "withheld",
		[IOMMU_TRACE_FREE] = "free",
	};

	return names[type];
}
