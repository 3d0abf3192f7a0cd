/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults: from a back end to the host, concurrently with the control path: see lookup.c. */
#include <libiommu/fault.h>

#include "base/log.h"
#include "base/text.h"
#include "base/trace.h"
#include "group/group.h"

void iommu_set_fault_handler(struct iommu *iommu, iommu_fault_handler handler, void *ctx)
{
	iommu->fault_handler = handler;
	iommu->fault_ctx = ctx;
}

void iommu_endpoint_take_faults(struct iommu_endpoint *endpoint, struct iommu_fault_route mine,
				struct iommu_fault_route *before)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	uintptr_t state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);

	*before = (struct iommu_fault_route){endpoint->fault_handler, endpoint->fault_ctx};
	endpoint->fault_handler = mine.handler;
	endpoint->fault_ctx = mine.ctx;
	iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
	/* The one before is not running any more: what it used may go. */
	iommu_wait_for_users(endpoint);
}

void iommu_endpoint_give_faults(struct iommu_endpoint *endpoint, struct iommu_fault_route mine,
				struct iommu_fault_route before)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	uintptr_t state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);

	if (endpoint->fault_handler == mine.handler && endpoint->fault_ctx == mine.ctx) {
		endpoint->fault_handler = before.handler;
		endpoint->fault_ctx = before.ctx;
	}
	iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
	iommu_wait_for_users(endpoint);
}

void iommu_endpoint_set_fault_handler(struct iommu_endpoint *endpoint, iommu_fault_handler handler,
				      void *ctx)
{
	struct iommu_fault_route before;

	iommu_endpoint_take_faults(endpoint, (struct iommu_fault_route){handler, ctx}, &before);
}

int iommu_unit_handle_faults(struct iommu_unit *unit, bool *lost)
{
	bool unused;

	if (lost == NULL)
		lost = &unused;
	*lost = false;
	return unit->ops->handle_faults(unit, lost);
}

/* The handler and its context, which belong together. */
static iommu_fault_handler handler_of(const struct iommu_endpoint *endpoint, void **ctx)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	uintptr_t state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);
	iommu_fault_handler handler = endpoint->fault_handler;

	*ctx = endpoint->fault_ctx;
	iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
	return handler;
}

/* --- In the log ------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_LOG

#define LOG_INTERVAL_NS 5000000000ULL
#define LOG_LINES       10 /* of faults, in an interval */

enum log_answer {
	LOG_IT,
	LOG_THAT_SOME_ARE_NOT,
	LOG_NOTHING,
};

/*
 * May one more fault be logged? A device decides how many there are: the first few of each
 * interval, and one line that says that there were more. Without a clock there is but one interval.
 */
static enum log_answer count_line(struct iommu *iommu)
{
	const struct iommu_platform *platform = iommu->platform;
	const uint64_t now = platform->now_ns != NULL ? platform->now_ns(platform->ctx) : 0;
	uintptr_t state = iommu_spin_lock(platform, &iommu->look_lock);
	enum log_answer answer = LOG_IT;

	if (now - iommu->fault_lines_since >= LOG_INTERVAL_NS) {
		iommu->fault_lines_since = now;
		iommu->fault_lines = 0;
	}
	if (iommu->fault_lines > LOG_LINES)
		answer = LOG_NOTHING;
	else if (iommu->fault_lines++ == LOG_LINES)
		answer = LOG_THAT_SOME_ARE_NOT;
	iommu_spin_unlock(platform, &iommu->look_lock, state);
	return answer;
}

/*
 * "0000:00:04.0 at 0x1000: why": the source id, whether or not it is an endpoint, and the address.
 */
static void log_one(const struct iommu *iommu, const struct iommu_fault *fault)
{
	char line[160], place[IOMMU_NAME_SIZE];
	size_t used;

	iommu_name_by_place(place, fault->segment, fault->source_id);
	used = iommu_line_append(line, sizeof(line), 0,
				 fault->endpoint != NULL ? fault->endpoint->name : place);
	used = iommu_line_append(line, sizeof(line), used, " at 0x");
	if (fault->address >> 32 != 0)
		used = iommu_line_append_hex(line, sizeof(line), used,
					     (unsigned int)(fault->address >> 32), 1);
	used = iommu_line_append_hex(line, sizeof(line), used, (unsigned int)fault->address,
				     fault->address >> 32 != 0 ? 8 : 1);
	used = iommu_line_append(line, sizeof(line), used, ": ");
	(void)iommu_line_append(line, sizeof(line), used, fault->explanation);
	iommu_log(iommu->platform, IOMMU_LOG_WARNING, fault->unit->name, line);
}

static void log_fault(struct iommu *iommu, const struct iommu_fault *fault)
{
	const enum log_answer answer = count_line(iommu);

	if (answer == LOG_IT)
		log_one(iommu, fault);
	else if (answer == LOG_THAT_SOME_ARE_NOT)
		iommu_log(iommu->platform, IOMMU_LOG_WARNING, fault->unit->name,
			  "there are more faults than are logged: some are left out");
}

#else
#define log_fault(iommu, fault) ((void)0)
#endif

/* --- From a back end -------------------------------------------------------------------------- */

void iommu_report_fault(struct iommu *iommu, struct iommu_fault *fault)
{
	struct iommu_endpoint *endpoint = iommu_look_up_sender(fault);
	iommu_fault_handler handler = NULL;
	void *ctx = NULL;

	iommu_trace_fault(fault);
	fault->endpoint = endpoint;
	/* What was found stays while the endpoint is held: see take_out in pasid.c. */
	fault->handle = IOMMU_CONFIG_SCALABLE && endpoint != NULL && fault->has_pasid
				? iommu_group_find_pasid(endpoint->group, fault->pasid)
				: NULL;
	if (endpoint != NULL)
		handler = handler_of(endpoint, &ctx);
	if (handler != NULL)
		handler(ctx, fault);
	else if (iommu->fault_handler != NULL)
		iommu->fault_handler(iommu->fault_ctx, fault);
	else
		log_fault(iommu, fault);
	if (endpoint != NULL)
		iommu_let_go(endpoint);
}
