/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_tally.h"

#include <stdlib.h>
#include <string.h>

#include <libiommu/status.h>

#include "heap.h"

/* A confirmation of a range is compared with so many of what waits, the newest first. */
#define LOOK_BACK   4096U

#define GROWN(room) ((room) == 0 ? 16 : 2 * (room))

/* --- Values ----------------------------------------------------------------------------------- */

static void value_add(struct tally_values *values, uint64_t value)
{
	if (values->count == values->room) {
		values->room = GROWN(values->room);
		values->values = heap_resize(values->values, values->room, sizeof(*values->values));
	}
	values->values[values->count++] = value;
}

static int compare_values(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right ? 1 : 0;
}

uint64_t tally_percentile(struct tally_values *values, unsigned int percent)
{
	if (values->count == 0)
		return 0;
	qsort(values->values, values->count, sizeof(*values->values), compare_values);
	return values->values[(values->count - 1) / 100 * percent +
			      ((values->count - 1) % 100 * percent + 99) / 100];
}

/* --- Units and domains ------------------------------------------------------------------------ */

static struct tally_domain *domain_of(struct tally *tally, uint32_t number)
{
	size_t low = 0, high = tally->domain_count;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (tally->domains[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < tally->domain_count && tally->domains[low].number == number)
		return &tally->domains[low];
	if (tally->domain_count >= TALLY_DOMAINS_MAX && number != 0)
		return domain_of(tally, 0);
	tally->domains =
		heap_resize(tally->domains, tally->domain_count + 1, sizeof(*tally->domains));
	memmove(&tally->domains[low + 1], &tally->domains[low],
		(tally->domain_count - low) * sizeof(*tally->domains));
	tally->domain_count++;
	tally->domains[low] = (struct tally_domain){.number = number};
	return &tally->domains[low];
}

static struct tally_unit *unit_of(struct tally *tally, uint16_t number)
{
	size_t at = 0;

	while (at < tally->unit_count && tally->units[at].number < number)
		at++;
	if (at < tally->unit_count && tally->units[at].number == number)
		return &tally->units[at];
	if (tally->unit_count >= TALLY_UNITS_MAX && number != 0)
		return unit_of(tally, 0);
	tally->units = heap_resize(tally->units, tally->unit_count + 1, sizeof(*tally->units));
	memmove(&tally->units[at + 1], &tally->units[at],
		(tally->unit_count - at) * sizeof(*tally->units));
	tally->unit_count++;
	tally->units[at] = (struct tally_unit){.number = number};
	return &tally->units[at];
}

/* --- What waits ------------------------------------------------------------------------------- */

/* The last byte of a range; size 0, and one that wraps: all that follow. */
static uint64_t last_of(const struct iommu_trace_event *event)
{
	const uint64_t last = event->iova + (event->size - 1);

	return event->size == 0 || last < event->iova ? UINT64_MAX : last;
}

static struct tally_wait *wait_add(struct tally_domain *domain,
				   const struct iommu_trace_event *event)
{
	struct tally_wait *wait;

	if (domain->first + domain->count == domain->room && domain->first > domain->count) {
		memmove(domain->waits, domain->waits + domain->first,
			domain->count * sizeof(*domain->waits));
		domain->first = 0;
	}
	if (domain->first + domain->count == domain->room) {
		domain->room = GROWN(domain->room);
		domain->waits = heap_resize(domain->waits, domain->room, sizeof(*domain->waits));
	}
	wait = &domain->waits[domain->first + domain->count++];
	*wait = (struct tally_wait){
		.start = event->iova, .last = last_of(event), .since_ns = event->time_ns};
	domain->open++;
	return wait;
}

static void wait_end(struct tally_domain *domain, struct tally_wait *wait,
		     const struct iommu_trace_event *event)
{
	if (wait->is_over)
		return;
	wait->is_over = true;
	domain->open--;
	if (wait->is_unmap && event->time_ns >= wait->since_ns)
		value_add(&domain->waited, event->time_ns - wait->since_ns);
}

/* Was it unmapped before the invalidation began? Without a clock, what came first is. */
static bool is_covered(const struct tally_wait *wait, const struct iommu_trace_event *event)
{
	return wait->since_ns <= event->begun_ns;
}

static void drop_ended(struct tally_domain *domain)
{
	while (domain->count != 0 && domain->waits[domain->first].is_over) {
		domain->first++;
		domain->count--;
	}
	if (domain->count == 0)
		domain->first = 0;
}

static void confirm_all(struct tally_domain *domain, const struct iommu_trace_event *event)
{
	for (size_t i = 0; i < domain->count; i++) {
		struct tally_wait *wait = &domain->waits[domain->first + i];

		if (!is_covered(wait, event))
			break;
		wait_end(domain, wait, event);
	}
	domain->is_withheld_whole = false;
}

/* Visit what waits in a range, the newest first; returns how many there are. */
static size_t each_in_range(struct tally_domain *domain, const struct iommu_trace_event *event,
			    void (*visit)(struct tally_domain *domain, struct tally_wait *wait,
					  const struct iommu_trace_event *event))
{
	const uint64_t last = last_of(event);
	size_t found = 0;

	for (size_t i = 0; i < domain->count && i < LOOK_BACK; i++) {
		struct tally_wait *wait = &domain->waits[domain->first + domain->count - 1 - i];

		if (wait->is_over || !is_covered(wait, event) || wait->start < event->iova ||
		    wait->last > last)
			continue;
		visit(domain, wait, event);
		found++;
	}
	return found;
}

static void withhold(struct tally_domain *domain, struct tally_wait *wait,
		     const struct iommu_trace_event *event)
{
	(void)domain;
	(void)event;
	wait->is_withheld = true;
}

/* --- Events ----------------------------------------------------------------------------------- */

static void change_add(struct tally_domain *domain, const struct iommu_trace_event *event,
		       size_t number, bool is_map)
{
	if (domain->change_count == domain->change_room) {
		domain->change_room = GROWN(domain->change_room);
		domain->changes =
			heap_resize(domain->changes, domain->change_room, sizeof(*domain->changes));
	}
	domain->changes[domain->change_count++] =
		(struct tally_change){event->iova, last_of(event), number, is_map};
}

static void add_map(struct tally_domain *domain, const struct iommu_trace_event *event,
		    size_t number)
{
	if (event->status != 0 || event->size == 0) {
		domain->failed_maps++;
		return;
	}
	domain->maps++;
	domain->mapped_bytes += event->size;
	domain->live_bytes += event->size;
	change_add(domain, event, number, true);
}

static void add_unmap(struct tally_domain *domain, const struct iommu_trace_event *event,
		      size_t number)
{
	if ((event->status != 0 && event->status != IOMMU_ETIMEDOUT &&
	     event->status != IOMMU_EIO) ||
	    event->size == 0)
		return;
	domain->unmaps++;
	domain->unmapped_bytes += event->size;
	domain->live_bytes -= event->size < domain->live_bytes ? event->size : domain->live_bytes;
	change_add(domain, event, number, false);
	wait_add(domain, event)->is_unmap = true;
}

static void add_settled(struct tally_domain *domain, const struct iommu_trace_event *event)
{
	if (event->type == IOMMU_TRACE_CONFIRM) {
		domain->confirmed++;
		if (event->size == 0)
			confirm_all(domain, event);
		else
			(void)each_in_range(domain, event, wait_end);
		drop_ended(domain);
		return;
	}
	domain->withheld++;
	if (event->size == 0)
		domain->is_withheld_whole = true;
	else if (each_in_range(domain, event, withhold) == 0)
		wait_add(domain, event)->is_withheld = true;
}

static void add_done(struct tally_unit *unit, const struct iommu_trace_event *event)
{
	if (event->status == 0) {
		unit->confirmed++;
		if (event->time_ns >= event->begun_ns)
			value_add(&unit->took, event->time_ns - event->begun_ns);
	} else if (event->status == IOMMU_ETIMEDOUT) {
		unit->timed_out++;
	} else {
		unit->failed++;
	}
}

static void add_given(struct tally *tally, const struct iommu_trace_event *event)
{
	struct tally_unit *unit = unit_of(tally, event->unit);

	unit->batches++;
	unit->commands += event->count;
	for (unsigned int i = 0; i < IOMMU_TRACE_KINDS; i++)
		unit->kinds[i] += event->kinds >> i & 1;
	if ((event->kinds & (IOMMU_TRACE_ALL | IOMMU_TRACE_DOMAIN | IOMMU_TRACE_PAGES)) != 0)
		tally->translations++;
	if (event->domain != 0)
		domain_of(tally, event->domain)->batches++;
}

static void add_fault(struct tally *tally, const struct iommu_trace_event *event)
{
	for (size_t i = 0; i < tally->fault_count; i++) {
		struct tally_fault *fault = &tally->faults[i];

		if (fault->segment != event->segment || fault->source_id != event->source_id ||
		    fault->reason != event->detail)
			continue;
		fault->count++;
		return;
	}
	if (tally->fault_count == TALLY_FAULTS_MAX)
		return;
	tally->faults = heap_resize(tally->faults, tally->fault_count + 1, sizeof(*tally->faults));
	tally->faults[tally->fault_count++] = (struct tally_fault){.segment = event->segment,
								   .source_id = event->source_id,
								   .reason = event->detail,
								   .count = 1,
								   .first_address = event->iova};
}

/* It is gone, with all that was mapped; what the back end withholds of it is not told. */
static void add_free(struct tally_domain *domain, size_t number)
{
	const struct iommu_trace_event everything = {.iova = 0, .size = 0};

	domain->live_bytes = 0;
	domain->first = domain->count = domain->open = 0;
	domain->is_withheld_whole = false;
	change_add(domain, &everything, number, false);
}

void tally_begin(struct tally *tally)
{
	*tally = (struct tally){.domains = NULL};
}

void tally_add(struct tally *tally, const struct iommu_trace_event *event, size_t number)
{
	tally->types[event->type]++;
	switch ((enum iommu_trace_type)event->type) {
	case IOMMU_TRACE_MAP:
		add_map(domain_of(tally, event->domain), event, number);
		break;
	case IOMMU_TRACE_UNMAP:
		add_unmap(domain_of(tally, event->domain), event, number);
		break;
	case IOMMU_TRACE_INVALIDATE:
		add_given(tally, event);
		break;
	case IOMMU_TRACE_CONFIRM:
		if (event->unit != 0)
			add_done(unit_of(tally, event->unit), event);
		else
			add_settled(domain_of(tally, event->domain), event);
		break;
	case IOMMU_TRACE_WITHHELD:
		add_settled(domain_of(tally, event->domain), event);
		break;
	case IOMMU_TRACE_FAULT:
		add_fault(tally, event);
		break;
	case IOMMU_TRACE_FLUSH:
		domain_of(tally, event->domain)->flushes++;
		domain_of(tally, event->domain)->failed_flushes += event->status != 0;
		break;
	case IOMMU_TRACE_FREE:
		add_free(domain_of(tally, event->domain), number);
		break;
	case IOMMU_TRACE_ATTACH:
	case IOMMU_TRACE_DETACH:
	default:
		break;
	}
}

void tally_end(struct tally *tally)
{
	for (size_t i = 0; i < tally->domain_count; i++) {
		free(tally->domains[i].waited.values);
		free(tally->domains[i].waits);
		free(tally->domains[i].changes);
	}
	for (size_t i = 0; i < tally->unit_count; i++)
		free(tally->units[i].took.values);
	free(tally->domains);
	free(tally->units);
	free(tally->faults);
}
