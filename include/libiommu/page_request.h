/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: faults that a device waits for (PCIe PRI). It asks for pages, in groups; when the
 * last of a group has come the handler is told of all of them, makes the pages present or does not,
 * and answers. Every group is answered exactly once: by the host, or with a failure when no handler
 * listens, when the time is over, or when the endpoint goes. What a device asks with a PASID while
 * that is being detached may still be told to the handler; what waits when it is detached, told or
 * not, is answered IOMMU_PAGE_INVALID by the library, and a response that comes later is
 * IOMMU_ENOENT.
 *
 * Locking: reporting, answering and the tick may be called from any context, at once on several
 * CPUs, but reports for one endpoint come one after the other.
 */
#ifndef LIBIOMMU_PAGE_REQUEST_H
#define LIBIOMMU_PAGE_REQUEST_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_endpoint;
struct iommu_page_requests;

/* One page that a device wants. */
struct iommu_page_request {
	iommu_iova_t address; /* page-aligned */
	unsigned int prot;    /* enum iommu_prot: what it wants to do there */
	bool has_pasid;
	uint32_t pasid;
	uint16_t group; /* the device's number for what is answered together: 9 bits */
	bool is_last;   /* of its group */
};

enum iommu_page_response_code {
	IOMMU_PAGE_SUCCESS = 0, /* try again */
	IOMMU_PAGE_INVALID,     /* the address is none: the access fails */
	IOMMU_PAGE_FAILURE,     /* stop asking: something is badly wrong */
};

struct iommu_page_response {
	uint16_t group;
	bool has_pasid;
	uint32_t pasid;
	enum iommu_page_response_code code;
};

/*
 * Called when a group is complete, in the context in which the back end reports. The array is valid
 * during the call, and its order that of arrival. The answer may come later, and from anywhere.
 * Must not call into the control path.
 */
typedef void (*iommu_page_request_handler)(void *ctx, struct iommu_endpoint *endpoint,
					   const struct iommu_page_request *requests,
					   unsigned int count);

/*
 * iommu_endpoint_set_request_handler - NULL: every group is answered IOMMU_PAGE_INVALID. Control
 * path; page requests must not be enabled.
 */
IOMMU_API void iommu_endpoint_set_request_handler(struct iommu_endpoint *endpoint,
						  iommu_page_request_handler handler, void *ctx);

/*
 * iommu_page_respond - the host's answer to a group that its handler was told of.
 *
 * Returns 0, IOMMU_ENOENT (no such group waits: it was answered, perhaps because it took too long),
 * IOMMU_EINVAL (code), or IOMMU_ETIMEDOUT / IOMMU_EIO, what the hardware says: the group is then no
 * longer waited for either.
 */
IOMMU_API int iommu_page_respond(struct iommu_endpoint *endpoint,
				 const struct iommu_page_response *response);

/*
 * iommu_page_requests_drop_all - answer IOMMU_PAGE_INVALID to everything that waits, complete or
 * not, told or not: before page requests are disabled, which is refused while something waits. Any
 * context.
 */
IOMMU_API void iommu_page_requests_drop_all(struct iommu_endpoint *endpoint);

/*
 * iommu_page_request_tick - for a timer: answer IOMMU_PAGE_FAILURE to what has waited longer than
 * `timeout_ns` of the host's clock, incomplete groups included. Nothing without a clock.
 */
IOMMU_API void iommu_page_request_tick(struct iommu_endpoint *endpoint, uint64_t timeout_ns);

/*
 * iommu_unit_handle_page_requests - have those reported that devices behind the unit have made: for
 * the unit's interrupt, or to poll. @lost: set to true when there were more than the unit could
 * hold; those the unit has answered itself, and the devices ask again. May be NULL.
 *
 * Call it once for each message that the unit sends. Returns how many there were, 0 also when
 * another CPU is at it, which then reports them all and looks once more; or IOMMU_EIO when the
 * registers make no sense. Any context; request handlers are called from here.
 */
struct iommu_unit;
IOMMU_API int iommu_unit_handle_page_requests(struct iommu_unit *unit, bool *lost);

/*
 * iommu_report_page_request - for back ends: a device asks.
 *
 * The group of a request that makes no sense (no permission, more than the device may have
 * outstanding, a group that waits for its answer already) is answered IOMMU_PAGE_FAILURE when its
 * last request is there; at once where it waits for an answer, or there is no room to remember it.
 * Returns 0; IOMMU_EINVAL in these cases, and for what still comes of such a group; IOMMU_ENODEV:
 * no such endpoint, or page requests are not enabled in it: the back end answers then.
 *
 * iommu_refuse_page_request - the same for a request that no domain of the back end can serve, such
 * as one to execute: its group, with what has come of it already, is answered IOMMU_PAGE_INVALID
 * with its last request. The answer is the library's also then: a group has one owner.
 * IOMMU_EINVAL, or IOMMU_ENODEV.
 */
IOMMU_API int iommu_report_page_request(struct iommu *iommu, uint16_t segment, uint16_t source_id,
					const struct iommu_page_request *request);

IOMMU_API int iommu_refuse_page_request(struct iommu *iommu, uint16_t segment, uint16_t source_id,
					const struct iommu_page_request *request);

IOMMU_END_DECLS
#endif
