/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests from a device to the host, and the answers.
 *
 * The number of requests that a device may have outstanding is known when page requests are enabled
 * (its "Outstanding Page Request Allocation"), and memory is allocated then: nothing is allocated
 * when a request arrives. A device that exceeds its allocation is told to stop.
 *
 * A group of requests gets exactly one answer. While it is incomplete its requests are "open";
 * afterwards its handler has been called, and it waits for the host's answer. A group with a
 * refused request is "refused": one entry represents it, absorbs its further requests, and is
 * answered with the last one, so that none of them can become part of the next group with that
 * number.
 */
#include <libiommu/fault.h>
#include <libiommu/status.h>

#include "group/group.h"

#if IOMMU_CONFIG_SCALABLE

#define REQUESTS_MAX 512

enum entry_state {
	ENTRY_OPEN,
	ENTRY_TOLD,
	ENTRY_REFUSED,
};

struct entry {
	struct iommu_page_request request;
	uint64_t arrived_ns;
	enum entry_state state;
	enum iommu_page_response_code code; /* of one that is refused */
};

struct iommu_page_requests {
	struct iommu_spinlock lock;
	unsigned int order; /* of the pages of this */
	unsigned int capacity;
	unsigned int count;
	struct iommu_page_request
		*complete;      /* a group as its handler gets it: one report at a time */
	struct entry entries[]; /* in order of arrival */
};

static unsigned int order_for(unsigned int capacity)
{
	const size_t size = sizeof(struct iommu_page_requests) +
			    capacity * (sizeof(struct entry) + sizeof(struct iommu_page_request));
	unsigned int order = 0;

	while ((IOMMU_PAGE_SIZE << order) < size)
		order++;
	return order;
}

_Static_assert(REQUESTS_MAX *(sizeof(struct entry) + sizeof(struct iommu_page_request)) +
			       sizeof(struct iommu_page_requests) <=
		       IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER,
	       "the largest table can be allocated");

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_page_requests_create(struct iommu_endpoint *endpoint)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	const unsigned int wanted = endpoint->info.page_requests;
	const unsigned int capacity = wanted < REQUESTS_MAX ? wanted : REQUESTS_MAX;
	const unsigned int order = order_for(capacity);
	struct iommu_page_requests *requests =
		platform->alloc_pages(platform->ctx, order, IOMMU_NODE_ANY, 0);
	uintptr_t state;

	if (requests == NULL)
		return IOMMU_ENOMEM;
	requests->order = order;
	requests->capacity = capacity;
	requests->complete = (void *)&requests->entries[capacity];
	state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);
	endpoint->page_requests = requests;
	iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
	return 0;
}

/* The requests of an endpoint that has them enabled; with them it must be let go of again. */
static struct iommu_page_requests *get(struct iommu_endpoint *endpoint)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	uintptr_t state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);
	struct iommu_page_requests *requests = endpoint->page_requests;

	if (requests != NULL)
		__atomic_add_fetch(&endpoint->users, 1, __ATOMIC_RELAXED);
	iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
	return requests;
}

/* --- Groups ----------------------------------------------------------------------------------- */

/* The first entry of a group, from `from` on; count: there is none. Locked. */
static unsigned int next_of_group(const struct iommu_page_requests *requests, uint16_t group,
				  unsigned int from)
{
	while (from < requests->count && requests->entries[from].request.group != group)
		from++;
	return from;
}

/* Forget a group; *response then names it. False: there is none. Locked. */
static bool forget_group(struct iommu_page_requests *requests, uint16_t group,
			 struct iommu_page_response *response)
{
	unsigned int kept = 0;
	unsigned int i;

	for (i = 0; i < requests->count; i++) {
		const struct entry *entry = &requests->entries[i];

		if (entry->request.group != group) {
			requests->entries[kept++] = *entry;
			continue;
		}
		response->group = group;
		response->has_pasid = entry->request.has_pasid;
		response->pasid = entry->request.pasid;
	}
	i = requests->count;
	requests->count = kept;
	return kept != i;
}

static int answer(struct iommu_endpoint *endpoint, const struct iommu_page_response *response)
{
	return endpoint->unit->ops->page_response(endpoint, response);
}

/* --- From the device -------------------------------------------------------------------------- */

static bool makes_sense(const struct iommu_page_requests *requests,
			const struct iommu_page_request *request)
{
	const unsigned int first = next_of_group(requests, request->group, 0);

	if (request->prot == 0 || (request->prot & ~(unsigned int)IOMMU_PROT_READ_WRITE) != 0 ||
	    requests->count == requests->capacity)
		return false;
	return first == requests->count || requests->entries[first].state != ENTRY_TOLD;
}

static void add(struct iommu_page_requests *requests, const struct iommu_page_request *request,
		const struct iommu_platform *platform)
{
	requests->entries[requests->count++] = (struct entry){
		.request = *request,
		.arrived_ns = platform->now_ns != NULL ? platform->now_ns(platform->ctx) : 0,
	};
}

/* Copy a group that is complete for its handler. Locked. */
static unsigned int tell_handlers(struct iommu_page_requests *requests, uint16_t group)
{
	unsigned int found = 0;
	unsigned int i;

	for (i = next_of_group(requests, group, 0); i < requests->count;
	     i = next_of_group(requests, group, i + 1)) {
		requests->entries[i].state = ENTRY_TOLD;
		requests->complete[found++] = requests->entries[i].request;
	}
	return found;
}

/* What becomes of a request. */
enum outcome {
	OUTCOME_KEPT,   /* more are to come */
	OUTCOME_TELL,   /* its group is complete */
	OUTCOME_ANSWER, /* … and answered by the library */
};

/*
 * A request of a group that is refused, or is refused with it: one entry waits for the last. A
 * group whose handler was told, and one that finds no room, is answered at once: the device broke
 * the rules, and is told to stop. Locked.
 */
static enum outcome refuse_page(struct iommu_page_requests *requests,
				const struct iommu_page_request *request,
				struct iommu_page_response *response,
				const struct iommu_platform *platform)
{
	const unsigned int first = next_of_group(requests, request->group, 0);
	struct entry stands = {.request = *request};

	if (first < requests->count)
		stands = requests->entries[first];
	else
		stands.arrived_ns = platform->now_ns != NULL ? platform->now_ns(platform->ctx) : 0;
	if (stands.state == ENTRY_REFUSED)
		response->code = stands.code;
	else if (stands.state == ENTRY_TOLD)
		response->code = IOMMU_PAGE_FAILURE;
	(void)forget_group(requests, request->group, response);
	if (request->is_last || stands.state == ENTRY_TOLD || requests->count == requests->capacity)
		return OUTCOME_ANSWER;
	stands.state = ENTRY_REFUSED;
	stands.code = response->code;
	requests->entries[requests->count++] = stands;
	return OUTCOME_KEPT;
}

static bool is_refused(const struct iommu_page_requests *requests, uint16_t group)
{
	const unsigned int first = next_of_group(requests, group, 0);

	return first < requests->count && requests->entries[first].state == ENTRY_REFUSED;
}

/* Locked; *told: so many requests are for the handler. */
static enum outcome decide(struct iommu_page_requests *requests,
			   const struct iommu_page_request *request,
			   struct iommu_page_response *response, unsigned int *told,
			   const struct iommu_platform *platform)
{
	if (response->code != IOMMU_PAGE_SUCCESS || is_refused(requests, request->group))
		return refuse_page(requests, request, response, platform);
	if (!makes_sense(requests, request)) {
		response->code = IOMMU_PAGE_FAILURE;
		return refuse_page(requests, request, response, platform);
	}
	add(requests, request, platform);
	if (!request->is_last)
		return OUTCOME_KEPT;
	*told = tell_handlers(requests, request->group);
	return OUTCOME_TELL;
}

/* With a code other than success the request is refused with that. */
static int take(struct iommu_endpoint *endpoint, struct iommu_page_requests *requests,
		const struct iommu_page_request *request, enum iommu_page_response_code code)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	struct iommu_page_response response = {
		.group = request->group,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.code = code,
	};
	unsigned int told = 0;
	uintptr_t state = iommu_spin_lock(platform, &requests->lock);
	const enum outcome outcome = decide(requests, request, &response, &told, platform);

	iommu_spin_unlock(platform, &requests->lock, state);
	if (outcome == OUTCOME_ANSWER)
		(void)answer(endpoint, &response);
	if (outcome != OUTCOME_TELL)
		return response.code == IOMMU_PAGE_SUCCESS ? 0 : IOMMU_EINVAL;
	response.code = IOMMU_PAGE_INVALID;
	if (endpoint->request_handler != NULL)
		endpoint->request_handler(endpoint->request_ctx, endpoint, requests->complete,
					  told);
	else
		(void)iommu_page_respond(endpoint, &response);
	return 0;
}

static int report(struct iommu *iommu, uint16_t segment, uint16_t source_id,
		  const struct iommu_page_request *request, enum iommu_page_response_code code)
{
	struct iommu_endpoint *endpoint = iommu_look_up(iommu, segment, source_id);
	struct iommu_page_requests *requests;
	int status = IOMMU_ENODEV;

	if (endpoint == NULL)
		return IOMMU_ENODEV;
	requests = get(endpoint);
	if (requests != NULL) {
		status = take(endpoint, requests, request, code);
		iommu_let_go(endpoint);
	}
	iommu_let_go(endpoint);
	return status;
}

int iommu_report_page_request(struct iommu *iommu, uint16_t segment, uint16_t source_id,
			      const struct iommu_page_request *request)
{
	return report(iommu, segment, source_id, request, IOMMU_PAGE_SUCCESS);
}

int iommu_refuse_page_request(struct iommu *iommu, uint16_t segment, uint16_t source_id,
			      const struct iommu_page_request *request)
{
	return report(iommu, segment, source_id, request, IOMMU_PAGE_INVALID);
}

int iommu_unit_handle_page_requests(struct iommu_unit *unit, bool *lost)
{
	bool unused;

	if (lost == NULL)
		lost = &unused;
	*lost = false;
	return unit->ops->handle_page_requests != NULL ? unit->ops->handle_page_requests(unit, lost)
						       : 0;
}

/* --- From the host ---------------------------------------------------------------------------- */

void iommu_endpoint_set_request_handler(struct iommu_endpoint *endpoint,
					iommu_page_request_handler handler, void *ctx)
{
	endpoint->request_handler = handler;
	endpoint->request_ctx = ctx;
}

/* Is the group one that waits for its answer? Locked. */
static bool is_told(const struct iommu_page_requests *requests, uint16_t group)
{
	const unsigned int first = next_of_group(requests, group, 0);

	return first < requests->count && requests->entries[first].state == ENTRY_TOLD;
}

int iommu_page_respond(struct iommu_endpoint *endpoint, const struct iommu_page_response *response)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	struct iommu_page_response own = *response;
	struct iommu_page_requests *requests;
	bool found = false;
	uintptr_t state;
	int status = IOMMU_ENOENT;

	if (response->code != IOMMU_PAGE_SUCCESS && response->code != IOMMU_PAGE_INVALID &&
	    response->code != IOMMU_PAGE_FAILURE)
		return IOMMU_EINVAL;
	requests = get(endpoint);
	if (requests == NULL)
		return IOMMU_ENOENT;
	state = iommu_spin_lock(platform, &requests->lock);
	if (is_told(requests, response->group))
		found = forget_group(requests, response->group, &own);
	iommu_spin_unlock(platform, &requests->lock, state);
	/* Forgotten before it is answered: the device may use the number again at once. */
	if (found)
		status = answer(endpoint, &own);
	iommu_let_go(endpoint);
	return status;
}

/* Forget the oldest group, if it has waited for so long. Locked. */
static bool forget_late(struct iommu_page_requests *requests, uint64_t now, uint64_t timeout_ns,
			struct iommu_page_response *response)
{
	if (requests->count == 0 || now - requests->entries[0].arrived_ns < timeout_ns)
		return false;
	return forget_group(requests, requests->entries[0].request.group, response);
}

/* All that have waited for so long; all there are for 0 and 0. */
static void answer_all_late(struct iommu_endpoint *endpoint, struct iommu_page_requests *requests,
			    uint64_t now, uint64_t timeout_ns, enum iommu_page_response_code code)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	struct iommu_page_response response = {.code = code};
	bool found;

	do {
		uintptr_t state = iommu_spin_lock(platform, &requests->lock);

		found = forget_late(requests, now, timeout_ns, &response);
		iommu_spin_unlock(platform, &requests->lock, state);
		if (found)
			(void)answer(endpoint, &response);
	} while (found);
}

void iommu_endpoint_tick_page_requests(struct iommu_endpoint *endpoint, uint64_t timeout_ns)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	struct iommu_page_requests *requests;

	if (platform->now_ns == NULL)
		return;
	requests = get(endpoint);
	if (requests == NULL)
		return;
	answer_all_late(endpoint, requests, platform->now_ns(platform->ctx), timeout_ns,
			IOMMU_PAGE_FAILURE);
	iommu_let_go(endpoint);
}

/* Forget the first group that is of this PASID, or of none. Locked. */
static bool forget_of(struct iommu_page_requests *requests, bool has_pasid, uint32_t pasid,
		      struct iommu_page_response *response)
{
	unsigned int i;

	for (i = 0; i < requests->count; i++) {
		const struct iommu_page_request *request = &requests->entries[i].request;

		if (request->has_pasid == has_pasid && (!has_pasid || request->pasid == pasid))
			return forget_group(requests, request->group, response);
	}
	return false;
}

void iommu_page_requests_drop(struct iommu_endpoint *endpoint, bool has_pasid, uint32_t pasid)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	struct iommu_page_requests *requests = get(endpoint);
	struct iommu_page_response response = {.code = IOMMU_PAGE_INVALID};
	bool found;

	if (requests == NULL)
		return;
	do {
		uintptr_t state = iommu_spin_lock(platform, &requests->lock);

		found = forget_of(requests, has_pasid, pasid, &response);
		iommu_spin_unlock(platform, &requests->lock, state);
		if (found)
			(void)answer(endpoint, &response);
	} while (found);
	iommu_let_go(endpoint);
}

void iommu_endpoint_drop_page_requests(struct iommu_endpoint *endpoint)
{
	struct iommu_page_requests *requests = get(endpoint);

	if (requests == NULL)
		return;
	answer_all_late(endpoint, requests, 0, 0, IOMMU_PAGE_INVALID);
	iommu_let_go(endpoint);
}

bool iommu_page_requests_wait(const struct iommu_endpoint *endpoint)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	struct iommu_page_requests *requests = endpoint->page_requests;
	uintptr_t state;
	bool wait;

	if (requests == NULL)
		return false;
	state = iommu_spin_lock(platform, &requests->lock);
	wait = requests->count != 0;
	iommu_spin_unlock(platform, &requests->lock, state);
	return wait;
}

void iommu_page_requests_destroy(struct iommu_endpoint *endpoint)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	struct iommu_page_requests *requests = endpoint->page_requests;
	uintptr_t state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);

	endpoint->page_requests = NULL;
	iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
	/* They are not found any more; calls that had found them before end in time. */
	iommu_wait_for_users(endpoint);
	answer_all_late(endpoint, requests, 0, 0, IOMMU_PAGE_FAILURE);
	platform->free_pages(platform->ctx, requests, requests->order);
}

#endif
