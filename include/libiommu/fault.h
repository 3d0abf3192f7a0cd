/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults: DMA that hardware blocked, and page requests, which a device waits for. */
#ifndef LIBIOMMU_FAULT_H
#define LIBIOMMU_FAULT_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_unit;
struct iommu_endpoint;
struct iommu_pasid_handle;

enum iommu_fault_access {
	IOMMU_FAULT_READ,
	IOMMU_FAULT_WRITE,
	IOMMU_FAULT_ATOMIC,
	/* A page request, a blocked interrupt, or the record does not say. */
	IOMMU_FAULT_OTHER,
};

/* A request of a device that hardware blocked, as a handler gets it. */
struct iommu_fault {
	struct iommu_unit *unit;
	/* The endpoint whose request faulted; NULL: no endpoint has this id. */
	struct iommu_endpoint *endpoint;
	uint16_t segment;
	/*
	 * That the request was sent with: the endpoint's, or one that several devices share. Of a
	 * RISC-V device id or a StreamID that no endpoint has, what a range makes of it, or its
	 * lower bits.
	 */
	uint16_t source_id;
	/*
	 * As hardware has recorded it: the source id; of RISC-V units the device id, of an SMMUv3
	 * the StreamID.
	 */
	uint32_t device_id;
	/*
	 * Address of the page, or where hardware records more, of the access (RISC-V, SMMUv3); of a
	 * blocked interrupt: the table index; 0: hardware records none.
	 */
	iommu_iova_t address;
	enum iommu_fault_access access;
	bool has_pasid;
	uint32_t pasid; /* valid with has_pasid */
	/* What is attached to the PASID; NULL: nothing. Valid until the handler returns. */
	struct iommu_pasid_handle *handle;
	/* The hardware's fault code, its name, and an explanation in a sentence. Static strings. */
	unsigned int reason;
	const char *reason_name;
	const char *explanation;
};

/*
 * Called once for each fault, from iommu_unit_handle_faults and in its context. Must not call
 * functions that change endpoints or units.
 */
typedef void (*iommu_fault_handler)(void *ctx, const struct iommu_fault *fault);

/*
 * iommu_set_fault_handler - set the handler of an instance. NULL: faults are logged and dropped; at
 * most ten lines in five seconds, or ten in all on a host without a clock, and a line which says
 * that there were more. Must not be called while faults are handled. Context: not while faults are
 * handled; takes no lock, never sleeps.
 */
IOMMU_API void iommu_set_fault_handler(struct iommu *iommu, iommu_fault_handler handler, void *ctx);

/*
 * iommu_endpoint_set_fault_handler - set a handler for the faults of one endpoint, which the
 * instance's handler then does not get; NULL: remove it. May be called at any time, but not from a
 * handler: when it returns, the earlier handler is not running. Context: any but a handler's; spins
 * until the earlier handler has returned.
 */
IOMMU_API void iommu_endpoint_set_fault_handler(struct iommu_endpoint *endpoint,
						iommu_fault_handler handler, void *ctx);

/*
 * iommu_unit_handle_faults - report and clear the faults that a unit has recorded: for the unit's
 * fault interrupt, or for polling.
 *
 * @lost: set to true if the unit had no record left for some faults, or if there were so many that
 *        some were cleared without a report (a back end may limit the rate); may be NULL.
 *
 * Call it once for each fault interrupt, once more after a call during which another interrupt
 * arrived, and once after the interrupt was configured. It continues until nothing is pending, so
 * that the unit signals the next fault. A device that faults faster than that does not keep the CPU
 * here: the call ends when enough faults were lost that the unit is ready to signal again.
 *
 * Returns the number of reported faults, 0 if there were none, or IOMMU_EIO: the registers make no
 * sense, or faults remain pending whatever is written; then there are no further interrupts, and
 * the host has to poll. One call at a time for a unit; any context.
 */
IOMMU_API int iommu_unit_handle_faults(struct iommu_unit *unit, bool *lost);

/* --- Page requests ---------------------------------------------------------------------------- */

/*
 * Page requests (PCIe PRI). A device requests pages in groups. When the last request of a group has
 * arrived, the handler gets the whole group, makes the pages present or not, and answers. Every
 * group is answered exactly once: by the host; or by the library, with an error, if there is no
 * handler, after a timeout, or when the endpoint is released. Requests with a PASID may still be
 * reported while the PASID is being detached. Groups that are pending when it is detached, reported
 * or not, are answered IOMMU_PAGE_INVALID by the library; a later response is IOMMU_ENOENT.
 *
 * Locking: reporting, answering and the tick may be called from any context and concurrently on
 * several CPUs, but reports for one endpoint must be serialised.
 */

struct iommu_page_requests;

/* A request for one page. */
struct iommu_page_request {
	iommu_iova_t address; /* page-aligned */
	unsigned int prot;    /* the intended access: enum iommu_prot */
	bool has_pasid;
	uint32_t pasid;
	uint16_t group; /* the device's number of the group: 9 bits */
	bool is_last;   /* last request of its group */
};

enum iommu_page_response_code {
	IOMMU_PAGE_SUCCESS = 0, /* the pages are present: the device retries */
	IOMMU_PAGE_INVALID,     /* an address is invalid: the access fails */
	IOMMU_PAGE_FAILURE,     /* the device must stop requesting pages */
};

struct iommu_page_response {
	uint16_t group;
	bool has_pasid;
	uint32_t pasid;
	enum iommu_page_response_code code;
};

/*
 * Called when a group is complete, in the context in which the back end reports. The array is in
 * the order of arrival, and valid during the call. The answer may be given later and from any
 * context. Must not call control path functions.
 */
typedef void (*iommu_page_request_handler)(void *ctx, struct iommu_endpoint *endpoint,
					   const struct iommu_page_request *requests,
					   unsigned int count);

/*
 * iommu_endpoint_set_request_handler - set the handler of an endpoint. NULL: every group is
 * answered IOMMU_PAGE_INVALID. Control path; page requests must be disabled.
 */
IOMMU_API void iommu_endpoint_set_request_handler(struct iommu_endpoint *endpoint,
						  iommu_page_request_handler handler, void *ctx);

/*
 * iommu_page_respond - answer a group that was reported to the handler.
 *
 * Returns 0, IOMMU_ENOENT (no such group is pending: it was already answered, perhaps by a
 * timeout), IOMMU_EINVAL (code), or, with the group no longer pending either, IOMMU_ETIMEDOUT or
 * IOMMU_EIO: hardware did not confirm the answer, which it may have sent and is not asked for
 * again, or the unit is off, and nothing was sent.
 *
 * Context: any; polls hardware, never sleeps.
 */
IOMMU_API int iommu_page_respond(struct iommu_endpoint *endpoint,
				 const struct iommu_page_response *response);

/*
 * iommu_endpoint_drop_page_requests - answer IOMMU_PAGE_INVALID to all pending requests, including
 * incomplete groups: before page requests are disabled, which fails while requests are pending. Any
 * context.
 */
IOMMU_API void iommu_endpoint_drop_page_requests(struct iommu_endpoint *endpoint);

/*
 * iommu_endpoint_tick_page_requests - answer page requests that wait for too long; for a timer:
 * answer IOMMU_PAGE_FAILURE to groups that have been pending for more than `timeout_ns` of the
 * host's clock, including incomplete ones. Does nothing without a clock. Context: any; polls
 * hardware, never sleeps.
 */
IOMMU_API void iommu_endpoint_tick_page_requests(struct iommu_endpoint *endpoint,
						 uint64_t timeout_ns);

/*
 * iommu_unit_handle_page_requests - report the page requests of devices behind a unit: for the
 * unit's page request interrupt, or for polling.
 *
 * @lost: set to true if the unit's queue overflowed; the unit has answered the lost requests
 *        itself, and the devices retry. May be NULL.
 *
 * Call it once for each interrupt. Returns the number of requests, 0 also if another CPU is
 * handling them, which then reports all of them and checks once more; or IOMMU_EIO: the registers
 * make no sense. Any context; request handlers are called from here.
 */
IOMMU_API int iommu_unit_handle_page_requests(struct iommu_unit *unit, bool *lost);

/*
 * iommu_report_page_request - for back ends: a device has requested a page.
 *
 * A group with an invalid request (no permission, more than the device may have outstanding, or a
 * group that is already waiting for its answer) is answered IOMMU_PAGE_FAILURE when its last
 * request arrives; at once if it is waiting for an answer, or if there is no memory to record it.
 * Returns 0; IOMMU_EINVAL in these cases, and for further requests of such a group; IOMMU_ENODEV:
 * no such endpoint, or page requests are disabled in it: the back end must answer.
 *
 * iommu_refuse_page_request - report and refuse a request that no domain of the back end can serve,
 * such as one for execute permission: its group, including earlier requests, is answered
 * IOMMU_PAGE_INVALID with its last request. The library answers in this case, too. Returns
 * IOMMU_EINVAL or IOMMU_ENODEV.
 *
 * Context: that of iommu_unit_handle_page_requests.
 */
IOMMU_API int iommu_report_page_request(struct iommu *iommu, uint16_t segment, uint16_t source_id,
					const struct iommu_page_request *request);

IOMMU_API int iommu_refuse_page_request(struct iommu *iommu, uint16_t segment, uint16_t source_id,
					const struct iommu_page_request *request);

IOMMU_END_DECLS
#endif
