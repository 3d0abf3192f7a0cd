/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event queues of virtual units: faults of a guest's devices on their way to the manager of the
 * guest, which tells the guest of them as its own IOMMU would. A device takes part as long as it
 * has a number on the unit (iommu_virtual_device_alloc): its faults go to the queue, and to no
 * handler of the host's; afterwards they go where they went before. Page requests, which want an
 * answer, have queues of their own (<libiommu/fault_queue.h>).
 */
#ifndef LIBIOMMU_EVENT_QUEUE_H
#define LIBIOMMU_EVENT_QUEUE_H

#include <libiommu/fault.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_ctx;

/*
 * Called when a queue that had nothing to read has; in the context of iommu_unit_handle_faults.
 * Must not call the library.
 */
typedef void (*iommu_event_notifier)(void *ctx);

/*
 * iommu_event_queue_alloc - of a virtual unit, which has one at most. Room for 500 events at least;
 * what comes when there is none is counted and dropped, so that a device that faults all the time
 * takes no memory. It is destroyed with iommu_object_destroy, and keeps its unit until then.
 * @notifier: may be NULL.
 *
 * Returns 0, IOMMU_ENOENT or IOMMU_EINVAL (the id is none of a virtual unit), IOMMU_EEXIST (it has
 * one), IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV (the context is closed). Control path.
 */
IOMMU_API int iommu_event_queue_alloc(struct iommu_ctx *ctx, uint32_t virtual_unit,
				      iommu_event_notifier notifier, void *notifier_ctx,
				      uint32_t *queue);

struct iommu_event_record {
	uint64_t virtual_id; /* the guest's number for the device */
	uint32_t device;     /* its id when it faulted */
	/* One more with each event of the queue, those that were dropped included; it wraps. */
	uint32_t sequence;
	iommu_iova_t address; /* of the page: the guest's */
	enum iommu_fault_access access;
	bool has_pasid;
	uint32_t pasid; /* only with has_pasid */
	/* The hardware's number for it, and its name: a static string. */
	unsigned int reason;
	const char *reason_name;
};

/*
 * iommu_event_read - the oldest events, which are out of the queue then. *count: records that were
 * filled in, `capacity` at most; 0: there is nothing. *lost: events that were dropped since the
 * last read; may be NULL. Returns 0, IOMMU_ENOENT, IOMMU_EINVAL: it is no event queue. Any context.
 */
IOMMU_API int iommu_event_read(struct iommu_ctx *ctx, uint32_t queue,
			       struct iommu_event_record *records, unsigned int capacity,
			       unsigned int *count, uint64_t *lost);

IOMMU_END_DECLS
#endif
