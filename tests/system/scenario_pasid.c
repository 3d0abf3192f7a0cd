/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device with several address spaces at a time: domains attached, replaced and detached by PASID,
 * translations that the device keeps until it is told to forget them, and pages that it requests.
 */
#include "scenario_pasid.h"
#include "scenario_steps.h"

/* Two PASIDs whose entries lie in two tables of the directory, and one that has no table. */
#define PASID_A         5U
#define PASID_B         70U
#define PASID_ELSEWHERE 1000U

#define IOVA_REQUESTED  0x0000000560000000ULL

/* Groups of page requests have nine bits of number. */
#define REQUEST_GROUPS 512

/* The vectors of the unit's own interrupts. */
#define VECTOR_FAULT   (SCENARIO_VECTOR + 2)
#define VECTOR_REQUEST (SCENARIO_VECTOR + 3)

/* What the handler of page requests does, and what it has seen. */
struct handler {
	struct iommu_domain *domain;
	iommu_paddr_t paddr; /* mapped where the device asks for a page; 0: nothing is */
	enum iommu_page_response_code answer;
	unsigned int groups, requests;
	unsigned int failures; /* answers that the library did not take */
};

struct pasid_scenario {
	struct scenario s; /* its domains are those of the two PASIDs */
	struct pasid_device *device;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	struct iommu_domain *plain; /* of requests without a PASID */
	struct iommu_pasid_handle handles[2], other;
	struct handler handler;
};

static const uint32_t pasids[] = {PASID_A, PASID_B};

/* --- The device ------------------------------------------------------------------------------- */

static struct pasid_device_state look(const struct pasid_scenario *p)
{
	struct pasid_device_state state;

	p->device->look(p->device, &state);
	return state;
}

static struct pasid_access access_with(uint32_t pasid, iommu_iova_t iova)
{
	return (struct pasid_access){
		.iova = iova, .has_pasid = true, .pasid = pasid, .through_tlb = true};
}

static bool is_read(struct pasid_scenario *p, uint32_t pasid, iommu_iova_t iova)
{
	const struct pasid_access access = access_with(pasid, iova);

	return p->device->copy(p->device, &access, PATTERN_SIZE, false) == PASID_DONE;
}

static bool is_written(struct pasid_scenario *p, uint32_t pasid, iommu_iova_t iova)
{
	const struct pasid_access access = access_with(pasid, iova);

	return p->device->copy(p->device, &access, PATTERN_SIZE, true) == PASID_DONE;
}

/* The device copies between two addresses of one space, and memory shows it. */
static void expect_pasid_copy(struct pasid_scenario *p, uint32_t pasid, const struct page *from,
			      const struct page *to, const char *what)
{
	struct scenario *s = &p->s;

	pattern_put(s, from->bytes);
	check(s,
	      is_read(p, pasid, IOVA_SECRET) && is_written(p, pasid, IOVA_TARGET) &&
		      same(from->bytes, to->bytes),
	      what);
	expect_no_fault(s);
}

/*
 * A write that must be refused. A device that asks for a translation and gets none has made no
 * fault, unless its PASID leads nowhere.
 */
static void expect_refused(struct pasid_scenario *p, uint32_t pasid, iommu_iova_t iova,
			   const struct page *behind, const char *what)
{
	struct scenario *s = &p->s;
	unsigned char before[PATTERN_SIZE];

	pattern_put(s, behind->bytes);
	__builtin_memcpy(before, behind->bytes, PATTERN_SIZE);
	check(s, !is_written(p, pasid, iova) && same(before, behind->bytes), what);
}

/* The unit refuses a PASID that nothing is attached to, with a fault that names the device. */
static void expect_unknown(struct pasid_scenario *p, uint32_t pasid, const char *what)
{
	struct scenario *s = &p->s;

	expect_refused(p, pasid, IOVA_TARGET, &s->target, what);
	collect_faults(s);
	check(s, s->fault_count == 1 && s->faults[0].endpoint == p->endpoint,
	      "one fault names the device");
}

/* --- Start ------------------------------------------------------------------------------------ */

static void handle_requests(void *ctx, struct iommu_endpoint *endpoint,
			    const struct iommu_page_request *requests, unsigned int count)
{
	struct handler *handler = ctx;
	const struct iommu_page_request *last = &requests[count - 1];
	const struct iommu_page_response response = {.group = last->group,
						     .has_pasid = last->has_pasid,
						     .pasid = last->pasid,
						     .code = handler->answer};

	handler->groups++;
	handler->requests += count;
	if (handler->paddr != 0 && iommu_map(handler->domain, last->address, handler->paddr,
					     IOMMU_SIZE_4K, IOMMU_PROT_READ_WRITE) != 0)
		handler->failures++;
	if (iommu_page_respond(endpoint, &response) != 0)
		handler->failures++;
}

static bool turn_on(struct pasid_scenario *p, enum iommu_feature feature, const char *what)
{
	const int status = iommu_endpoint_enable_feature(p->endpoint, feature);

	if (status == 0)
		p->device->set_feature(p->device, feature, true);
	check(&p->s, status == 0, what);
	return status == 0;
}

static bool find_device(struct pasid_scenario *p)
{
	struct scenario *s = &p->s;
	struct scenario_machine *m = s->machine;
	int status;

	title(s, "Finding the unit, and a device with PASIDs");
	status = iommu_create(m->platform, &s->iommu);
	if (status == 0)
		status = iommu_set_pci_topology(s->iommu, m->topology);
	if (status == 0)
		status = iommu_vtd_probe(s->iommu, m->dmar, m->dmar_size, &m->vtd_options);
	check(s, status == 0, "firmware's DMAR table leads to a working unit");
	if (status != 0)
		return false;
	iommu_set_fault_handler(s->iommu, note_fault, s);
	s->unit = iommu_next_unit(s->iommu, NULL);
	say_unit(s, s->unit);
	status = iommu_probe_endpoint(s->iommu, &p->device->info, &p->endpoint);
	check(s, status == 0, "the unit translates for the device");
	if (status != 0)
		return false;
	p->group = iommu_endpoint_group(p->endpoint);
	check(s, p->device->info.max_pasids == 1U << 20 && p->device->info.device_tlb,
	      "it has PASIDs of 20 bits, and keeps translations");
	s->secret = page_new(s, 4096);
	s->target = page_new(s, 4096);
	s->other = page_new(s, 4096);
	return s->secret.bytes != NULL && s->target.bytes != NULL && s->other.bytes != NULL;
}

static bool enable(struct pasid_scenario *p, bool page_requests)
{
	struct scenario *s = &p->s;
	bool are_on;

	title(s, "Its features are enabled, each in its turn, and the unit");
	iommu_endpoint_set_request_handler(p->endpoint, handle_requests, &p->handler);
	check(s, iommu_unit_enable(s->unit) == 0, "translation is on");
	check(s,
	      iommu_endpoint_enable_feature(p->endpoint, IOMMU_FEATURE_PAGE_REQUESTS) ==
		      (page_requests ? IOMMU_EBUSY : IOMMU_EOPNOTSUPP),
	      page_requests ? "page requests must wait for ATS" : "it has no page requests");
	are_on =
		turn_on(p, IOMMU_FEATURE_PASID, "PASIDs are on") &&
		turn_on(p, IOMMU_FEATURE_ATS, "translations of its own are on") &&
		(!page_requests || turn_on(p, IOMMU_FEATURE_PAGE_REQUESTS, "page requests are on"));
	are_on = are_on && iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, NULL, &p->plain) == 0 &&
		 iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, NULL, &s->domains[0]) == 0 &&
		 iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, NULL, &s->domains[1]) == 0;
	/*
	 * QEMU takes no request with a PASID unless the entry of requests without one is present,
	 * which the specification does not ask for.
	 */
	if (are_on)
		check(s, iommu_domain_attach_group(p->plain, p->group) == 0,
		      "a domain is attached for requests without a PASID");
	return are_on;
}

static void set_interrupts(struct pasid_scenario *p, bool page_requests)
{
	struct scenario *s = &p->s;
	const uint64_t address = s->machine->old_message_address;

	check(s, iommu_vtd_set_fault_interrupt(s->unit, address, VECTOR_FAULT) == 0,
	      "the unit's fault interrupt is set");
	if (page_requests)
		check(s,
		      iommu_vtd_set_page_request_interrupt(s->unit, address, VECTOR_REQUEST) == 0,
		      "and that of page requests");
}

/* --- Attached, mapped, unmapped --------------------------------------------------------------- */

static void attach_pasids(struct pasid_scenario *p)
{
	struct scenario *s = &p->s;
	const unsigned int faults = s->machine->interrupts_seen(VECTOR_FAULT);
	unsigned int i;

	title(s, "Two PASIDs, two domains, one address");
	expect_unknown(p, PASID_A, "a PASID that nothing is attached to is refused");
	check(s, s->machine->interrupts_seen(VECTOR_FAULT) == faults + 1,
	      "and the unit's interrupt told of it");
	for (i = 0; i < 2; i++)
		check(s,
		      iommu_domain_attach_pasid(s->domains[i], p->group, pasids[i],
						&p->handles[i]) == 0,
		      i == 0 ? "PASID 5 uses domain 1" : "PASID 70 uses domain 2");
	check(s,
	      iommu_domain_attach_pasid(s->domains[1], p->group, PASID_A, &p->other) == IOMMU_EBUSY,
	      "PASID 5 is taken");
	check(s,
	      map(s, 0, IOVA_SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      map(s, 0, IOVA_TARGET, s->target.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0 &&
		      map(s, 1, IOVA_SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      map(s, 1, IOVA_TARGET, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "one address leads to two pages");
	expect_pasid_copy(p, PASID_A, &s->secret, &s->target, "PASID 5 writes to its own");
	check(s, !same(s->secret.bytes, s->other.bytes), "and not to the other");
	expect_pasid_copy(p, PASID_B, &s->secret, &s->other, "PASID 70 writes to the other");
	check(s, !same(s->secret.bytes, s->target.bytes), "and not to the first");
	expect_unknown(p, PASID_ELSEWHERE, "a PASID beyond both is refused");
	expect_refused(p, PASID_A, IOVA_SECRET, &s->secret, "a page for reading is not written");
	expect_refused(p, PASID_A, IOVA_UNMAPPED, &s->target, "an unmapped page is not written");
	expect_no_fault(s);
}

static void unmap_pasid(struct pasid_scenario *p)
{
	struct scenario *s = &p->s;
	struct pasid_device_state before;
	struct pasid_device_state after;

	title(s, "Unmapping: the device forgets, and only what it must");
	check(s, is_written(p, PASID_A, IOVA_TARGET) && is_written(p, PASID_B, IOVA_TARGET),
	      "the device has a translation for each PASID");
	before = look(p);
	check(s, is_written(p, PASID_A, IOVA_TARGET) && is_written(p, PASID_B, IOVA_TARGET),
	      "and uses both again");
	after = look(p);
	check(s, after.translations == before.translations, "without asking for them");
	check(s, unmap(s, 0, IOVA_TARGET, 4096) == 0, "the page is unmapped for PASID 5");
	after = look(p);
	check(s, after.invalidations > before.invalidations && after.invalidated == PASID_A,
	      "the device was told, with the PASID");
	expect_refused(p, PASID_A, IOVA_TARGET, &s->target, "the very next access is refused");
	expect_no_fault(s);
	before = look(p);
	check(s, is_written(p, PASID_B, IOVA_TARGET), "PASID 70 goes on");
	after = look(p);
	check(s, after.translations == before.translations, "with the translation that it had");
}

static void remap_pasid(struct pasid_scenario *p)
{
	struct scenario *s = &p->s;

	title(s, "The same address leads elsewhere");
	check(s, map(s, 0, IOVA_TARGET, s->target.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "it is mapped for PASID 5");
	expect_pasid_copy(p, PASID_A, &s->secret, &s->target, "PASID 5 writes there");
	check(s,
	      unmap(s, 0, IOVA_TARGET, 4096) == 0 &&
		      map(s, 0, IOVA_TARGET, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "it leads to another page");
	pattern_put(s, s->target.bytes);
	expect_pasid_copy(p, PASID_A, &s->secret, &s->other, "PASID 5 writes to that one");
	check(s, !same(s->secret.bytes, s->target.bytes), "and no longer to the first");
	check(s,
	      unmap(s, 0, IOVA_TARGET, 4096) == 0 &&
		      map(s, 0, IOVA_TARGET, s->target.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "and back");
}

static void replace_pasid(struct pasid_scenario *p)
{
	struct scenario *s = &p->s;

	title(s, "Replacing the domain of a PASID");
	expect_pasid_copy(p, PASID_A, &s->secret, &s->target, "PASID 5 is in domain 1");
	check(s,
	      iommu_domain_replace_pasid(s->domains[1], p->group, PASID_A, &p->other) == 0 &&
		      iommu_group_find_pasid(p->group, PASID_A) == &p->other,
	      "it moves to domain 2");
	pattern_put(s, s->target.bytes);
	expect_pasid_copy(p, PASID_A, &s->secret, &s->other, "it writes to domain 2's page");
	check(s, !same(s->secret.bytes, s->target.bytes), "and no longer to domain 1's");
	check(s, iommu_domain_replace_pasid(s->domains[0], p->group, PASID_A, &p->handles[0]) == 0,
	      "and back");
	expect_pasid_copy(p, PASID_A, &s->secret, &s->target, "it writes to domain 1's page again");
}

/* --- Beside them: requests without a PASID ---------------------------------------------------- */

static bool copies_plainly(struct pasid_scenario *p, bool through_tlb)
{
	struct pasid_access from = {.iova = IOVA_SECRET, .through_tlb = through_tlb};
	struct pasid_access to = {.iova = IOVA_TARGET, .through_tlb = through_tlb};

	pattern_put(&p->s, p->s.secret.bytes);
	return p->device->copy(p->device, &from, PATTERN_SIZE, false) == PASID_DONE &&
	       p->device->copy(p->device, &to, PATTERN_SIZE, true) == PASID_DONE;
}

static void without_pasid(struct pasid_scenario *p)
{
	struct scenario *s = &p->s;
	struct page own = page_new(s, 4096);
	struct page kept = page_new(s, 4096);
	unsigned int i;

	title(s, "Requests without a PASID, beside those with one");
	check(s,
	      iommu_map(p->plain, IOVA_SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      iommu_map(p->plain, IOVA_TARGET, own.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "a third page is at the address in their domain");
	for (i = 0; i < 2; i++) {
		check(s, copies_plainly(p, i != 0) && same(s->secret.bytes, own.bytes),
		      i == 0 ? "it is used by plain requests" : "and by translated ones");
		check(s, !same(own.bytes, s->target.bytes) && !same(own.bytes, s->other.bytes),
		      "which reach no page of a PASID's");
	}
	expect_no_fault(s);
	check(s, iommu_unmap(p->plain, IOVA_TARGET, 4096, 0, NULL) == 0, "its page is unmapped");
	__builtin_memcpy(kept.bytes, own.bytes, PATTERN_SIZE);
	check(s, !copies_plainly(p, true) && same(kept.bytes, own.bytes),
	      "no translated request reaches it");
	check(s, !copies_plainly(p, false) && same(kept.bytes, own.bytes), "and no plain one");
	collect_faults(s);
	check(s, s->fault_count == 1 && s->faults[0].address == IOVA_TARGET,
	      "the plain one left a fault");
	expect_pasid_copy(p, PASID_A, &s->secret, &s->target, "PASID 5 was not disturbed");
}

/* --- Page requests ---------------------------------------------------------------------------- */

static enum pasid_outcome request(struct pasid_scenario *p, iommu_iova_t iova, uint16_t group,
				  bool is_last)
{
	const struct pasid_access access = access_with(PASID_A, iova);

	return p->device->request(p->device, &access, IOMMU_PROT_READ_WRITE, group, is_last);
}

/* Handled now: so many groups, with no answer that the library did not take. */
static void expect_handled(struct pasid_scenario *p, unsigned int groups, unsigned int requests,
			   const char *what)
{
	struct scenario *s = &p->s;
	const struct handler before = p->handler;
	bool lost = false;
	const int handled = iommu_unit_handle_page_requests(s->unit, &lost);

	check(s,
	      handled == (int)requests && !lost && p->handler.groups == before.groups + groups &&
		      p->handler.requests == before.requests + requests &&
		      p->handler.failures == before.failures,
	      what);
}

static void expect_response(struct pasid_scenario *p, const struct pasid_device_state *before,
			    uint32_t group, uint32_t code, const char *what)
{
	const struct pasid_device_state after = look(p);

	check(&p->s,
	      after.responses == before->responses + 1 && after.response_group == group &&
		      after.response_code == code,
	      what);
}

static void request_pages(struct pasid_scenario *p)
{
	struct scenario *s = &p->s;
	struct page page = page_new(s, 4096);
	const unsigned int interrupts = s->machine->interrupts_seen(VECTOR_REQUEST);
	struct pasid_device_state before = look(p);

	title(s, "The device requests a page, gets it, and goes on");
	p->handler.domain = s->domains[0];
	p->handler.paddr = page.paddr;
	p->handler.answer = IOMMU_PAGE_SUCCESS;
	expect_refused(p, PASID_A, IOVA_REQUESTED, &page, "there is nothing at first");
	check(s, request(p, IOVA_REQUESTED, 3, true) == PASID_DONE, "the device requests it");
	check(s, s->machine->interrupts_seen(VECTOR_REQUEST) == interrupts + 1,
	      "the unit's interrupt tells of it");
	check(s, look(p).responses == before.responses, "the device waits");
	expect_handled(p, 1, 1, "the handler maps the page and answers");
	expect_response(p, &before, 3, 0, "the device has the answer, with its group's number");
	pattern_put(s, page.bytes);
	check(s,
	      is_read(p, PASID_A, IOVA_REQUESTED) && is_written(p, PASID_A, IOVA_TARGET) &&
		      same(page.bytes, s->target.bytes),
	      "and the page");

	title(s, "Other answers, and a group of two");
	p->handler.paddr = 0;
	p->handler.answer = IOMMU_PAGE_INVALID;
	before = look(p);
	check(s, request(p, IOVA_UNMAPPED, 4, true) == PASID_DONE, "it requests another");
	expect_handled(p, 1, 1, "the handler has none");
	expect_response(p, &before, 4, 1, "the device is told");
	p->handler.answer = IOMMU_PAGE_SUCCESS;
	before = look(p);
	check(s,
	      request(p, IOVA_UNMAPPED, 7, false) == PASID_DONE &&
		      request(p, IOVA_UNMAPPED + 4096, 7, true) == PASID_DONE,
	      "it requests two at once");
	expect_handled(p, 1, 2, "the handler gets both together");
	expect_response(p, &before, 7, 0, "and the device one answer");
	expect_no_fault(s);
}

/* Requests until the unit has no room; returns how many it took. */
static unsigned int fill_queue(struct pasid_scenario *p)
{
	unsigned int taken = 0;

	while (taken < REQUEST_GROUPS &&
	       request(p, IOVA_UNMAPPED, (uint16_t)taken, true) == PASID_DONE)
		taken++;
	return taken;
}

static void overflow(struct pasid_scenario *p)
{
	struct scenario *s = &p->s;
	struct pasid_device_state before = look(p);
	const struct handler handler = p->handler;
	bool lost = false;
	unsigned int taken;

	title(s, "More page requests than the unit has room for");
	taken = fill_queue(p);
	say(s, "   ");
	say_number(s, taken);
	say(s, " requests are taken\n");
	check(s, taken < REQUEST_GROUPS && request(p, IOVA_UNMAPPED, 511, true) == PASID_FULL,
	      "there is no room for one more");
	check(s, iommu_unit_handle_page_requests(s->unit, &lost) == (int)taken && lost,
	      "all that were taken are handled, and that some were lost is told");
	check(s,
	      p->handler.groups == handler.groups + taken &&
		      p->handler.failures == handler.failures &&
		      look(p).responses == before.responses + taken,
	      "each of them is answered");
	before = look(p);
	check(s, request(p, IOVA_UNMAPPED, 9, true) == PASID_DONE, "the next one is taken again");
	expect_handled(p, 1, 1, "and handled");
	expect_response(p, &before, 9, 0, "and answered");
}

/* --- The end ---------------------------------------------------------------------------------- */

static void detach_pasids(struct pasid_scenario *p, bool page_requests)
{
	struct scenario *s = &p->s;
	const struct pasid_device_state before = look(p);

	title(s, "Detached: refused again");
	if (page_requests)
		check(s, request(p, IOVA_UNMAPPED, 11, true) == PASID_DONE,
		      "the device requests a page");
	check(s, iommu_domain_detach_pasid(p->group, PASID_A) == 0, "PASID 5 is detached");
	if (page_requests)
		check(s, look(p).responses == before.responses + 1, "the request was answered");
	expect_unknown(p, PASID_A, "it reaches nothing");
	expect_pasid_copy(p, PASID_B, &s->secret, &s->other, "PASID 70 goes on");
	check(s, iommu_domain_detach_pasid(p->group, PASID_B) == 0, "it is detached, too");
	expect_unknown(p, PASID_B, "and reaches nothing");
}

static int turn_off(struct pasid_scenario *p, enum iommu_feature feature)
{
	p->device->set_feature(p->device, feature, false);
	return iommu_endpoint_disable_feature(p->endpoint, feature);
}

static void finish(struct pasid_scenario *p, bool page_requests)
{
	struct scenario *s = &p->s;

	title(s, "Features go in the other order, and then everything");
	check(s,
	      (!page_requests || turn_off(p, IOMMU_FEATURE_PAGE_REQUESTS) == 0) &&
		      turn_off(p, IOMMU_FEATURE_ATS) == 0 && turn_off(p, IOMMU_FEATURE_PASID) == 0,
	      "they are off");
	check(s, iommu_domain_detach_group(p->group) == 0,
	      "the domain without a PASID is detached");
	check(s,
	      iommu_domain_free(s->domains[0]) == 0 && iommu_domain_free(s->domains[1]) == 0 &&
		      iommu_domain_free(p->plain) == 0 &&
		      iommu_release_endpoint(p->endpoint) == 0 && iommu_destroy(s->iommu) == 0,
	      "domains, the endpoint and the instance are gone");
}

bool scenario_pasids(struct scenario_machine *machine, struct pasid_device *device,
		     bool page_requests)
{
	struct pasid_scenario p = {.s = {.machine = machine, .seed = 1}, .device = device};

	if (find_device(&p) && enable(&p, page_requests)) {
		set_interrupts(&p, page_requests);
		attach_pasids(&p);
		unmap_pasid(&p);
		remap_pasid(&p);
		replace_pasid(&p);
		without_pasid(&p);
		if (page_requests) {
			request_pages(&p);
			overflow(&p);
		}
		detach_pasids(&p, page_requests);
		finish(&p, page_requests);
	} else {
		check(&p.s, false, "there is a device to work with");
	}
	say_verdict(&p.s);
	return p.s.failed == 0;
}
