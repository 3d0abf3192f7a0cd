/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA faults: accesses that the hardware blocked. */
#ifndef LIBIOMMU_FAULT_H
#define LIBIOMMU_FAULT_H

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
	IOMMU_FAULT_OTHER, /* a page request, or an interrupt that was not remapped */
};

struct iommu_fault {
	struct iommu_unit *unit;
	/* Who did it; NULL when no endpoint with this source id is known. */
	struct iommu_endpoint *endpoint;
	uint16_t segment;
	uint16_t source_id;
	/* The page that was accessed; of an interrupt fault the table index. */
	iommu_iova_t address;
	enum iommu_fault_access access;
	bool has_pasid;
	uint32_t pasid; /* only with has_pasid */
	/* What is attached for the PASID; NULL: nothing is. Valid until the handler returns. */
	struct iommu_pasid_handle *handle;
	/* The hardware's number for it, its name, and a sentence. Static strings. */
	unsigned int reason;
	const char *reason_name;
	const char *explanation;
};

/*
 * Called once for each fault, from iommu_unit_handle_faults and in its context. Must not call back
 * into anything that changes endpoints or units.
 */
typedef void (*iommu_fault_handler)(void *ctx, const struct iommu_fault *fault);

/*
 * iommu_set_fault_handler - NULL: faults are read, logged and dropped; at most ten lines in five
 * seconds, or ten in all on a host without a clock, and one that says that there were more. Not
 * while faults are handled.
 */
IOMMU_API void iommu_set_fault_handler(struct iommu *iommu, iommu_fault_handler handler, void *ctx);

/*
 * iommu_endpoint_set_fault_handler - faults of this endpoint go there instead; NULL: no longer. At
 * any time, but not from a handler: when it returns, the one before is not running any more.
 */
IOMMU_API void iommu_endpoint_set_fault_handler(struct iommu_endpoint *endpoint,
						iommu_fault_handler handler, void *ctx);

/*
 * iommu_unit_handle_faults - report and clear what the unit recorded: for the unit's fault
 * interrupt, or to poll.
 *
 * @lost: set to true when the unit had no record left for some faults, or when there were so many
 *        that some were only cleared (a back end may bound them); may be NULL.
 *
 * Call it once for each message that the unit sends, for messages that come while it runs once more
 * afterwards, and once after the interrupt has been set. It goes on until nothing is pending, so
 * that the unit sends a message for the next fault. A device that faults faster than that does not
 * keep the CPU here: the call ends when so much has been lost that the unit is ready to send its
 * message again.
 *
 * Returns how many faults were reported, 0 when there were none, or IOMMU_EIO when the registers
 * make no sense, or stay pending whatever is written to them: no message comes then, and the host
 * has to poll. One call at a time for a unit; any context.
 */
IOMMU_API int iommu_unit_handle_faults(struct iommu_unit *unit, bool *lost);

IOMMU_END_DECLS
#endif
