/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a trace adds up to: by unit, by domain, and by who faults; and what is not confirmed yet at
 * each moment.
 */
#ifndef INSPECT_TRACE_TALLY_H
#define INSPECT_TRACE_TALLY_H

#include "trace_file.h"

/* The most that are told apart; others count together, under number 0. */
#define TALLY_DOMAINS_MAX 4096U
#define TALLY_UNITS_MAX   1024U
#define TALLY_FAULTS_MAX  1024U

/* Durations, or sizes. */
struct tally_values {
	uint64_t *values;
	size_t count, room;
};

/* So many of a hundred are not above; the values are in order then. 0 where there are none. */
uint64_t tally_percentile(struct tally_values *values, unsigned int percent);

/* A range that was unmapped, or withheld, and that hardware has not confirmed. */
struct tally_wait {
	uint64_t start, last;
	uint64_t since_ns;
	bool is_unmap; /* and not only withheld */
	bool is_withheld;
	bool is_over;
};

/* A range that was mapped or unmapped, for what is mapped in the end. */
struct tally_change {
	uint64_t start, last;
	size_t number; /* in time */
	bool is_map;
};

struct tally_domain {
	uint32_t number;
	uint64_t maps, failed_maps, mapped_bytes;
	uint64_t unmaps, unmapped_bytes;
	uint64_t batches; /* of commands for it */
	uint64_t confirmed, withheld, flushes, failed_flushes;
	uint64_t live_bytes; /* by the sizes of calls */
	/* Confirmed in this call or later: from each unmap to its confirmation. */
	struct tally_values waited;
	/* In order of time, from `first` on; `open` of them are not over. */
	struct tally_wait *waits;
	size_t first, count, room, open;
	bool is_withheld_whole; /* something, at any address */
	struct tally_change *changes;
	size_t change_count, change_room;
};

struct tally_unit {
	uint16_t number;
	uint64_t batches, commands, kinds[IOMMU_TRACE_KINDS];
	uint64_t confirmed, timed_out, failed;
	struct tally_values took; /* executed: from when they were given */
};

struct tally_fault {
	uint16_t segment, source_id;
	uint32_t reason;
	uint64_t count, first_address;
};

struct tally {
	uint64_t types[IOMMU_TRACE_FREE + 1];
	uint64_t translations;        /* batches that were of translations */
	struct tally_domain *domains; /* by number */
	size_t domain_count;
	struct tally_unit *units; /* by number */
	size_t unit_count;
	struct tally_fault *faults; /* in order of their first */
	size_t fault_count;
};

void tally_begin(struct tally *tally);
/* The next event in time, and its number. */
void tally_add(struct tally *tally, const struct iommu_trace_event *event, size_t number);
void tally_end(struct tally *tally);

/* What is mapped in a domain in the end: ranges that do not touch, in order. */
struct tally_range {
	uint64_t start, last;
};
struct tally_range *tally_mapped(struct tally_domain *domain, size_t *count);

#endif
