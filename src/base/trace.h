/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hooks of tracing (<libiommu/trace.h>). Each is one statement, which a library without
 * IOMMU_CONFIG_TRACE does not contain: contract/trace compiles the sources with and without their
 * hooks, and compares the objects.
 *
 * Whether an object is traced is one pointer in it, near what a map reads anyway; all else is out
 * of line, in trace.c and group/trace.c. No hook stands where a spinlock is held. A tracer may be
 * taken away from an object while a call is under way: it is loaded once, and tells nothing then.
 */
#ifndef IOMMU_BASE_TRACE_H
#define IOMMU_BASE_TRACE_H

#include <libiommu/backend/ops.h>
#include <libiommu/trace.h>

#if IOMMU_CONFIG_TRACE

/* Relaxed: what it leads to is there from the start, and the host's part is loaded with acquire. */
#define iommu_tracer_of(object) __atomic_load_n(&(object)->tracer, __ATOMIC_RELAXED)
/* Is it traced: a domain or a unit? */
#define iommu_is_traced(object) __builtin_expect(iommu_tracer_of(object) != NULL, 0)

/* The host's clock; 0: it has none, or nothing is traced any more. */
uint64_t iommu_trace_now(const struct iommu_tracer *tracer);
/* Tell it, with the time and the CPU. */
void iommu_trace_tell(const struct iommu_tracer *tracer, struct iommu_trace_event *event);

/* Count it, and tell it; each of an object that is traced. */
void iommu_trace_mapped(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, int status);
void iommu_trace_unmapped(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			  int status);
/* A sync, or a flush, of a range of a domain has ended; size 0: of all of it. */
void iommu_trace_settled(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			 uint64_t begun_ns, int status);
void iommu_trace_flushed(struct iommu_domain *domain, uint64_t begun_ns, int status);
void iommu_trace_freed(struct iommu_domain *domain);
void iommu_trace_endpoint(enum iommu_trace_type type, struct iommu_domain *domain,
			  const struct iommu_endpoint *endpoint, uint32_t pasid, int status);
void iommu_trace_reported(struct iommu_unit *unit, const struct iommu_fault *fault);
/*
 * Commands are given to a unit: the event has what is known of them, and then when they were. And
 * their end.
 */
void iommu_trace_given(struct iommu_unit *unit, struct iommu_trace_event *event);
void iommu_trace_done(struct iommu_unit *unit, struct iommu_trace_event *event, int status);

static inline __attribute__((always_inline)) void
iommu_trace_map(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, int status)
{
	if (iommu_is_traced(domain))
		iommu_trace_mapped(domain, iova, size, status);
}

static inline void iommu_trace_unmap(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
				     int status)
{
	if (iommu_is_traced(domain))
		iommu_trace_unmapped(domain, iova, size, status);
}

static inline void iommu_trace_flush(struct iommu_domain *domain, uint64_t begun_ns, int status)
{
	if (iommu_is_traced(domain))
		iommu_trace_flushed(domain, begun_ns, status);
}

static inline void iommu_trace_free(struct iommu_domain *domain)
{
	if (iommu_is_traced(domain))
		iommu_trace_freed(domain);
}

/*
 * An endpoint was to use a domain in place of another; either may be NULL. What it used it uses no
 * more, unless an attach failed.
 */
static inline void iommu_trace_switch(const struct iommu_endpoint *endpoint, uint32_t pasid,
				      struct iommu_domain *before, struct iommu_domain *domain,
				      int status)
{
	if (before != NULL && (domain == NULL || status == 0) && iommu_is_traced(before))
		iommu_trace_endpoint(IOMMU_TRACE_DETACH, before, endpoint, pasid, status);
	if (domain != NULL && iommu_is_traced(domain))
		iommu_trace_endpoint(IOMMU_TRACE_ATTACH, domain, endpoint, pasid, status);
}

/* Faults are counted whether they are told or not. */
static inline void iommu_trace_fault(const struct iommu_fault *fault)
{
	iommu_trace_reported(fault->unit, fault);
}

/* A batch of commands that is for no domain alone; or for a change in one (size 0: all of it). */
#define iommu_trace_batch(batch, of_domain, at, bytes)                                             \
	((void)((batch)->domain = (of_domain), (batch)->iova = (at), (batch)->size = (bytes)))

#else

#define iommu_is_traced(object)                                     0
#define iommu_trace_map(domain, iova, size, status)                 ((void)0)
#define iommu_trace_unmap(domain, iova, size, status)               ((void)0)
#define iommu_trace_flush(domain, begun_ns, status)                 ((void)0)
#define iommu_trace_free(domain)                                    ((void)0)
#define iommu_trace_switch(endpoint, pasid, before, domain, status) ((void)0)
#define iommu_trace_fault(fault)                                    ((void)0)
#define iommu_trace_batch(batch, domain, iova, size)                ((void)0)

#endif

#endif
