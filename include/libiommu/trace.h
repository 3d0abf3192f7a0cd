/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracing and statistics: what the library does, told to the host as it happens, and counted.
 *
 * With a trace set, the host gets an event for each map, unmap, attach, detach, invalidation,
 * confirmation, fault, flush of a lazy queue, and for memory that is withheld. Without one, a call
 * pays for one test of a pointer; a library built without IOMMU_CONFIG_TRACE, nothing
 * (docs/performance.md). iommu-inspect(1) reads events that were written to a file in the form
 * below, and examples/trace shows how.
 *
 * What is not told: changes of the windows that are given to guests on POWER
 * (<libiommu/window.h>), and of TCE tables that are used without an instance
 * (<libiommu/tce_table.h>).
 */
#ifndef LIBIOMMU_TRACE_H
#define LIBIOMMU_TRACE_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_unit;
struct iommu_domain;

enum iommu_trace_type {
	/* [iova, iova + size) was mapped; or was to be, and is not: status. */
	IOMMU_TRACE_MAP = 1,
	/*
	 * Entries of [iova, iova + size) were cleared, by a call that now has hardware forget them,
	 * at once or lazily; whether all of them were mapped is not looked at. With IOMMU_ETIMEDOUT
	 * or IOMMU_EIO they may still be reached; with another status the call was refused.
	 */
	IOMMU_TRACE_UNMAP = 2,
	/*
	 * An endpoint uses the domain, for its requests with this PASID, or for those without one
	 * (0); or uses it no more. A detach that was not confirmed (status) has detached all the
	 * same.
	 */
	IOMMU_TRACE_ATTACH = 3,
	IOMMU_TRACE_DETACH = 4,
	/*
	 * Commands are given to a unit: `count` of them, of these `kinds`, because of a change of
	 * [iova, iova + size) in a domain; without a domain, for the unit as a whole. A hypervisor
	 * that clears entries is given none.
	 */
	IOMMU_TRACE_INVALIDATE = 5,
	/*
	 * With a unit: the commands that were given to it at begun_ns have been executed, or not:
	 * status. All else as in IOMMU_TRACE_INVALIDATE.
	 *
	 * Without a unit: the domain as a whole. All units have forgotten what was unmapped in
	 * [iova, iova + size) before begun_ns; size 0: at any address, what was withheld until then
	 * included.
	 */
	IOMMU_TRACE_CONFIRM = 6,
	/* Hardware blocked a request of an endpoint: `detail` is the reason, `kinds` how. */
	IOMMU_TRACE_FAULT = 7,
	/* A queue of lazy unmaps had all of its domain invalidated, since begun_ns: status. */
	IOMMU_TRACE_FLUSH = 8,
	/*
	 * The opposite of a confirmation of a domain: what was unmapped in [iova, iova + size) is
	 * not given back, because some unit has not confirmed (status) that it has forgotten it;
	 * size 0: at any address. A later IOMMU_TRACE_CONFIRM of size 0 ends that.
	 */
	IOMMU_TRACE_WITHHELD = 9,
	/* The domain is freed: nothing is mapped in it any more. */
	IOMMU_TRACE_FREE = 10,
};

/* What an invalidation is of. */
enum iommu_trace_kind {
	IOMMU_TRACE_CONTEXT = 1 << 0,    /* VT-d: context and PASID entries */
	IOMMU_TRACE_ALL = 1 << 1,        /* translations of all domains */
	IOMMU_TRACE_DOMAIN = 1 << 2,     /* translations of a domain; POWER: of a PE */
	IOMMU_TRACE_PAGES = 1 << 3,      /* translations of some pages */
	IOMMU_TRACE_DEVICE_TLB = 1 << 4, /* translations that a device keeps */
	IOMMU_TRACE_INTERRUPTS = 1 << 5, /* interrupt entries */
};
#define IOMMU_TRACE_KINDS 6

/* How a request that faults was made. */
enum iommu_trace_access {
	IOMMU_TRACE_WRITES = 1 << 0,
	IOMMU_TRACE_HAS_PASID = 1 << 1,
};

struct iommu_trace_event {
	uint64_t time_ns;    /* of the host's clock (iommu_platform.now_ns); 0: it has none */
	uint64_t begun_ns;   /* CONFIRM, FLUSH, WITHHELD: when it began; otherwise 0 */
	uint64_t iova, size; /* bytes; size 0: no address, or all of them */
	/*
	 * Of domains, in the order in which they were made, from 1; as in log lines. 0: none; or
	 * not known, as of a bridge on POWER, which is told of PEs.
	 */
	uint32_t domain;
	int32_t status; /* 0, or why it failed: IOMMU_ETIMEDOUT and the like */
	uint32_t pasid;
	uint32_t detail; /* FAULT: the hardware's reason; INVALIDATE under OPAL: the PE */
	uint32_t count;  /* INVALIDATE, CONFIRM of a unit: commands */
	uint16_t unit;   /* of units, in the order in which they were found, from 1; 0: none */
	uint16_t segment, source_id; /* ATTACH, DETACH, FAULT: the endpoint */
	uint8_t type;                /* enum iommu_trace_type */
	uint8_t kinds;               /* enum iommu_trace_kind; FAULT: enum iommu_trace_access */
	uint32_t cpu;                /* that told of it, by the host's number */
};

/*
 * A host's trace. event: called for each event, once, in the context of the call that caused it,
 * which may be an interrupt handler's. No spinlock of the library is held, but perhaps the host's
 * mutex of the instance, and whatever the caller of the library holds. The function must not sleep,
 * and must not call the library. NULL: nothing is told, but everything is counted.
 */
struct iommu_trace {
	void (*event)(void *ctx, const struct iommu_trace_event *event);
	void *ctx;
};

/*
 * iommu_set_trace - tell `trace`, from now on, what happens in an instance, and count it; NULL: end
 * that. Control path. The structure stays as it is until another one, or NULL, was set, and all
 * calls that had begun by then have returned.
 */
IOMMU_API void iommu_set_trace(struct iommu *iommu, const struct iommu_trace *trace);

/* --- Statistics ------------------------------------------------------------------------------- */

/*
 * What can be read at any time is marked "always", and exact. All other numbers are those of the
 * events that were told while a trace was set (one without a function is enough), and exact for
 * that time; they stay when it ends. So a call that maps or unmaps writes no counter that other
 * CPUs share unless the host asks for that.
 */
struct iommu_domain_stats {
	uint32_t number;                       /* always: iommu_trace_event.domain */
	uint64_t maps, unmaps;                 /* calls that succeeded, of whatever size */
	uint64_t failed_maps;                  /* calls that failed */
	uint64_t mapped_bytes, unmapped_bytes; /* in all of these */
	uint64_t confirmed;                    /* CONFIRM of the domain as a whole */
	uint64_t withheld;                     /* WITHHELD */
	uint64_t flushes;                      /* of lazy queues, begun */
	uint64_t table_pages; /* always; those that are withheld included: iommu_domain_info */
	/*
	 * Always: invalidations of the domain that were not confirmed, modulo 2^32; and whether any
	 * of them has not been made good by a later one.
	 */
	uint32_t unconfirmed;
	bool is_open;
};

struct iommu_unit_stats {
	uint16_t number;                   /* always: iommu_trace_event.unit */
	uint64_t batches;                  /* INVALIDATE */
	uint64_t commands;                 /* … in all of these */
	uint64_t kinds[IOMMU_TRACE_KINDS]; /* batches with a kind: bit number 0 first */
	uint64_t confirmed;                /* CONFIRM of the unit, with status 0 */
	uint64_t timed_out;                /* … with IOMMU_ETIMEDOUT */
	uint64_t failed;                   /* … with another status */
	uint64_t faults;                   /* always: reported by iommu_unit_handle_faults */
};

/*
 * iommu_domain_get_stats - what a domain has counted. iommu_unit_get_stats - what a unit has
 * counted. Any context.
 */
IOMMU_API void iommu_domain_get_stats(const struct iommu_domain *domain,
				      struct iommu_domain_stats *stats);
IOMMU_API void iommu_unit_get_stats(const struct iommu_unit *unit, struct iommu_unit_stats *stats);

/* --- Files ------------------------------------------------------------------------------------ */

/*
 * The form in which events are kept: a header, and behind it records in the order in which the
 * events came, all in little-endian byte order. The functions need no library that was built with
 * IOMMU_CONFIG_TRACE, and take no lock. iommu_trace_put and iommu_trace_get may be called where the
 * trace's function is.
 *
 *	header   0  8  "IOMMUTRC"     records   0  8  time_ns     48  4  count
 *	         8  2  version, 1               8  8  begun_ns    52  2  unit
 *	        10  2  bytes of a record, 64   16  8  iova        54  2  segment
 *	        12  4  0                       24  8  size        56  2  source_id
 *	                                       32  4  domain      58  1  type
 *	                                       36  4  status      59  1  kinds
 *	                                       40  4  pasid       60  4  cpu
 *	                                       44  4  detail
 */
#define IOMMU_TRACE_MAGIC       "IOMMUTRC"
#define IOMMU_TRACE_VERSION     1
#define IOMMU_TRACE_HEADER_SIZE 16
#define IOMMU_TRACE_RECORD_SIZE 64

/*
 * iommu_trace_put_number - store a number of so many bytes in a file. iommu_trace_get_number - read
 * one. Context: any; takes no lock.
 */
static inline void iommu_trace_put_number(unsigned char *at, uint64_t value, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < size; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

static inline uint64_t iommu_trace_get_number(const unsigned char *at, unsigned int size)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

/*
 * iommu_trace_put_header - the first IOMMU_TRACE_HEADER_SIZE bytes of a file. Context: any; takes
 * no lock.
 */
static inline void iommu_trace_put_header(unsigned char *header)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		header[i] = (unsigned char)IOMMU_TRACE_MAGIC[i];
	iommu_trace_put_number(header + 8, IOMMU_TRACE_VERSION, 2);
	iommu_trace_put_number(header + 10, IOMMU_TRACE_RECORD_SIZE, 2);
	iommu_trace_put_number(header + 12, 0, 4);
}

/*
 * iommu_trace_check_header - are these the first bytes of a file that this version reads? Context:
 * any; takes no lock.
 */
static inline bool iommu_trace_check_header(const unsigned char *header)
{
	unsigned char expected[IOMMU_TRACE_HEADER_SIZE];
	unsigned int i;

	iommu_trace_put_header(expected);
	for (i = 0; i < IOMMU_TRACE_HEADER_SIZE; i++)
		if (header[i] != expected[i])
			return false;
	return true;
}

/*
 * iommu_trace_put - an event as IOMMU_TRACE_RECORD_SIZE bytes. iommu_trace_get - an event from the
 * bytes of iommu_trace_put. Context: any; takes no lock.
 */
static inline void iommu_trace_put(unsigned char *record, const struct iommu_trace_event *event)
{
	iommu_trace_put_number(record, event->time_ns, 8);
	iommu_trace_put_number(record + 8, event->begun_ns, 8);
	iommu_trace_put_number(record + 16, event->iova, 8);
	iommu_trace_put_number(record + 24, event->size, 8);
	iommu_trace_put_number(record + 32, event->domain, 4);
	iommu_trace_put_number(record + 36, (uint32_t)event->status, 4);
	iommu_trace_put_number(record + 40, event->pasid, 4);
	iommu_trace_put_number(record + 44, event->detail, 4);
	iommu_trace_put_number(record + 48, event->count, 4);
	iommu_trace_put_number(record + 52, event->unit, 2);
	iommu_trace_put_number(record + 54, event->segment, 2);
	iommu_trace_put_number(record + 56, event->source_id, 2);
	iommu_trace_put_number(record + 58, event->type, 1);
	iommu_trace_put_number(record + 59, event->kinds, 1);
	iommu_trace_put_number(record + 60, event->cpu, 4);
}

static inline void iommu_trace_get(const unsigned char *record, struct iommu_trace_event *event)
{
	event->time_ns = iommu_trace_get_number(record, 8);
	event->begun_ns = iommu_trace_get_number(record + 8, 8);
	event->iova = iommu_trace_get_number(record + 16, 8);
	event->size = iommu_trace_get_number(record + 24, 8);
	event->domain = (uint32_t)iommu_trace_get_number(record + 32, 4);
	event->status = (int32_t)iommu_trace_get_number(record + 36, 4);
	event->pasid = (uint32_t)iommu_trace_get_number(record + 40, 4);
	event->detail = (uint32_t)iommu_trace_get_number(record + 44, 4);
	event->count = (uint32_t)iommu_trace_get_number(record + 48, 4);
	event->unit = (uint16_t)iommu_trace_get_number(record + 52, 2);
	event->segment = (uint16_t)iommu_trace_get_number(record + 54, 2);
	event->source_id = (uint16_t)iommu_trace_get_number(record + 56, 2);
	event->type = (uint8_t)iommu_trace_get_number(record + 58, 1);
	event->kinds = (uint8_t)iommu_trace_get_number(record + 59, 1);
	event->cpu = (uint32_t)iommu_trace_get_number(record + 60, 4);
}

IOMMU_END_DECLS
#endif
