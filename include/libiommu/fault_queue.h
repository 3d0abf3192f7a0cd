/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault queues: page requests on their way to who manages a guest. An HWPT that was made with one (IOMMU_HWPT_FAULTS) has the
 * requests of the devices that are attached to it put there; page requests are enabled in them as long as they are. Every group
 * of requests is answered once: by iommu_fault_respond, or with IOMMU_PAGE_INVALID when the device is detached, or there is no
 * room.
 */
#ifndef LIBIOMMU_FAULT_QUEUE_H
#define LIBIOMMU_FAULT_QUEUE_H

#include <libiommu/page_request.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_ctx;

/* Called when a queue that had nothing to read has; in the context in which requests are reported. Must not call the library. */
typedef void (*iommu_fault_notifier)(void *ctx);

/*
 * iommu_fault_queue_alloc - room for 500 requests at least. @notifier: may be NULL. Returns 0, IOMMU_ENOMEM, IOMMU_ENOSPC,
 * IOMMU_ENODEV (the context is closed). Control path.
 */
IOMMU_API int iommu_fault_queue_alloc(struct iommu_ctx *ctx, iommu_fault_notifier notifier,
				      void *notifier_ctx, uint32_t *queue);

struct iommu_fault_record {
	uint32_t device;     /* its id */
	uint64_t virtual_id; /* of the virtual device that it is; UINT64_MAX: none */
	uint32_t cookie;     /* of the group: one answer for all records that have it */
	struct iommu_page_request request;
};

/*
 * iommu_fault_read - groups that have not been read, oldest first, and only whole ones. *count: records that were filled in,
 * 0: there is nothing. Returns 0, or IOMMU_EINVAL: there is not enough room for the first group, or the object is no fault
 * queue; or IOMMU_ENOENT: no object has this id. Any context.
 *
 * iommu_fault_respond - the answer to a group that was read. Returns 0, IOMMU_ENOENT (no such group waits, or no object has
 * this id), IOMMU_EINVAL (code, or the object is no fault queue), or IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did not confirm
 * that the device was answered. Control path.
 */
IOMMU_API int iommu_fault_read(struct iommu_ctx *ctx, uint32_t queue,
			       struct iommu_fault_record *records, unsigned int capacity,
			       unsigned int *count);
IOMMU_API int iommu_fault_respond(struct iommu_ctx *ctx, uint32_t queue, uint32_t cookie,
				  enum iommu_page_response_code code);

IOMMU_END_DECLS
#endif
