/* SPDX-License-Identifier: BSD-2-Clause */
#include "sweep.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

#define ARENA        (1ULL << 24)
#define MEMORY       (1ULL << 40) /* of mappings; below: what is passed on as it is */
#define MAPPING_BITS 30
#define MAPPINGS     48
#define DOMAINS      32 /* ever made */
#define NO_DOMAIN    DOMAINS
#define PASSED_ON    0x5000ULL
#define RW           IOMMU_PROT_READ_WRITE

/* --- The machine, and its shadow -------------------------------------------------------------- */

enum fate {
	NONE,
	MAPPED,
	UNSURE, /* the caller knows that it may be reached */
	GONE,
};

struct mapping {
	enum fate fate;
	unsigned int domain;
	iommu_iova_t iova;
	uint64_t size;
};

struct device {
	struct iommu_endpoint *endpoint, *mate;
	unsigned int told;
	uint32_t may; /* domains that it may be in, as the caller knows */
	bool is_sure; /* the last call that concerned it returned 0 */
};

/* The domains of a machine by what they are for. */
enum role {
	FIRST,
	SECOND,
	BYPASS,
	IDENTITY,
	BLOCKED,
	ROLES,
};

static struct {
	const struct sweep_backend *backend;
	struct test_platform test;
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_domain *domains[DOMAINS];
	bool passes_on[DOMAINS];
	unsigned int made;
	unsigned int roles[ROLES]; /* NO_DOMAIN: there is none */
	struct mapping mappings[MAPPINGS];
	unsigned int mapped;
	struct device devices[SWEEP_DEVICES];
	bool is_on;
	bool may_be_off; /* a call that turns it off failed: it may be, or be later */
	/* What fails. */
	bool fails_allocations;
	unsigned int countdown; /* to the step that fails; 0: none will */
	enum sweep_answer answer;
	bool for_ever, has_failed;
	/* For people. */
	char story[200];
	const char *now;
} s;

static iommu_paddr_t memory_of(unsigned int mapping)
{
	return MEMORY + ((uint64_t)mapping << MAPPING_BITS);
}

static uint32_t bit_of(unsigned int domain)
{
	return domain == NO_DOMAIN ? 0 : 1U << domain;
}

static void wrong(const char *what, unsigned int device, iommu_iova_t address, iommu_paddr_t paddr)
{
	fail_msg("%s: %s: in \"%s\": device %u, address %#llx, memory %#llx: %s", s.backend->name,
		 s.story, s.now, device, (unsigned long long)address, (unsigned long long)paddr,
		 what);
}

static void must(int status)
{
	if (status != 0)
		fail_msg("%s: %s: \"%s\" returns %d", s.backend->name, s.story, s.now, status);
}

/* --- Failing ---------------------------------------------------------------------------------- */

static enum sweep_answer next_answer(void)
{
	if (s.countdown == 0 || --s.countdown != 0)
		return SWEEP_OBEY;
	s.has_failed = true;
	if (s.for_ever)
		s.countdown = 1;
	return s.answer;
}

enum sweep_answer sweep_step(void)
{
	return s.fails_allocations ? SWEEP_OBEY : next_answer();
}

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	if (s.fails_allocations && next_answer() != SWEEP_OBEY)
		return NULL;
	return s.alloc_pages(ctx, order, node, flags);
}

static void be_well(void)
{
	s.countdown = 0;
	if (s.backend->mend != NULL)
		s.backend->mend();
}

/* A wait is over after a few looks at the clock. */
static uint64_t now_ns(void *ctx)
{
	static uint64_t now;

	(void)ctx;
	return now += 200000000;
}

/* --- Judging ---------------------------------------------------------------------------------- */

static bool may_be_in(const struct device *device, unsigned int domain)
{
	return (device->may & bit_of(domain)) != 0 || (s.is_on && device->told == domain);
}

static bool may_pass_on(const struct device *device)
{
	unsigned int i;

	for (i = 0; i < s.made; i++)
		if (s.passes_on[i] && may_be_in(device, i))
			return true;
	return false;
}

static void judge(unsigned int number, iommu_iova_t address, iommu_paddr_t paddr)
{
	const struct device *device = &s.devices[number];
	const unsigned int n = (unsigned int)((paddr - MEMORY) >> MAPPING_BITS);

	if ((!s.is_on || s.may_be_off) && s.backend->is_open_when_off)
		return;
	if (paddr < MEMORY) {
		if (!may_pass_on(device))
			wrong("memory is passed on", number, address, paddr);
		return;
	}
	if (n >= s.mapped)
		wrong("no memory of a mapping", number, address, paddr);
	if (s.mappings[n].fate == GONE)
		wrong("reached, and was said to be gone", number, address, paddr);
	if (!may_be_in(device, s.mappings[n].domain))
		wrong("of a domain that it was not told to use", number, address, paddr);
	if (paddr - memory_of(n) != address - s.mappings[n].iova)
		wrong("another address", number, address, paddr);
}

static bool look_at(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr)
{
	if (!s.backend->dma(device, address, paddr))
		return false;
	judge(device, address, *paddr);
	return true;
}

/* Offsets in a mapping at which one is tried: the first and last page, and one in each of four parts. */
static uint64_t probe_of(const struct mapping *mapping, unsigned int i)
{
	const uint64_t pages = mapping->size / s.backend->page;

	return (i == 5 ? pages - 1 : pages * i / 5) * s.backend->page;
}

static void look_by(unsigned int device)
{
	iommu_paddr_t paddr;
	unsigned int n, i;

	for (n = 0; n < s.mapped; n++)
		for (i = 0; i < (s.mappings[n].size == s.backend->page ? 1 : 6); i++)
			(void)look_at(device, s.mappings[n].iova + probe_of(&s.mappings[n], i),
				      &paddr);
	(void)look_at(device, PASSED_ON, &paddr);
	if (s.backend->bypass != 0) {
		(void)look_at(device, s.backend->bypass + PASSED_ON, &paddr);
		(void)look_at(device, s.backend->bypass + s.backend->memory_end - 1, &paddr);
	}
}

void sweep_look(void)
{
	unsigned int device;

	for (device = 0; device < s.backend->devices; device++)
		look_by(device);
}

/* What a device must reach: everything that is mapped in its domain. */
static void look_for(unsigned int number)
{
	const struct device *device = &s.devices[number];
	iommu_paddr_t paddr;
	unsigned int n, i;

	for (n = 0; n < s.mapped; n++) {
		const struct mapping *mapping = &s.mappings[n];

		for (i = 0; i < 6 && mapping->fate == MAPPED && mapping->domain == device->told;
		     i++)
			if (!look_at(number, mapping->iova + probe_of(mapping, i), &paddr) ||
			    paddr != memory_of(n) + probe_of(mapping, i))
				wrong("mapped with 0, and not reached", number,
				      mapping->iova + probe_of(mapping, i), memory_of(n));
	}
	if (device->told == s.roles[IDENTITY] && !look_at(number, PASSED_ON, &paddr))
		wrong("an identity that does not pass", number, PASSED_ON, PASSED_ON);
	if (device->told == s.roles[BYPASS] &&
	    (!look_at(number, s.backend->bypass + PASSED_ON, &paddr) ||
	     !look_at(number, s.backend->bypass + s.backend->memory_end - 1, &paddr)))
		wrong("a bypass that does not pass", number, s.backend->bypass, PASSED_ON);
}

/* After each call. */
static void look_at_all(void)
{
	unsigned int device;

	sweep_look();
	for (device = 0; device < s.backend->devices; device++)
		if (s.is_on && !s.may_be_off && s.devices[device].is_sure &&
		    s.devices[device].told != NO_DOMAIN)
			look_for(device);
}

/* --- What is confirmed ------------------------------------------------------------------------ */

static void confirm_domain(unsigned int domain)
{
	unsigned int n;

	for (n = 0; n < s.mapped; n++)
		if (s.mappings[n].domain == domain && s.mappings[n].fate == UNSURE)
			s.mappings[n].fate = GONE;
}

static void confirm_unit(void)
{
	unsigned int i;

	for (i = 0; i < s.made; i++)
		confirm_domain(i);
	for (i = 0; i < s.backend->devices; i++) {
		s.devices[i].may = 0;
		s.devices[i].is_sure = true;
	}
}

static bool is_unconfirmed(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/* --- Calls ------------------------------------------------------------------------------------ */

static void doubt_all(void)
{
	unsigned int i;

	for (i = 0; i < s.backend->devices; i++)
		s.devices[i].may |= s.is_on ? bit_of(s.devices[i].told) : 0;
}

static void after_power(int status, bool was_on, bool is_on)
{
	unsigned int i;

	s.may_be_off = status != 0 && (s.may_be_off || !is_on || !was_on);
	s.is_on = status == 0 ? is_on : iommu_unit_is_enabled(s.unit);
	if (status == 0)
		confirm_unit();
	for (i = 0; status != 0 && i < s.backend->devices; i++)
		s.devices[i].is_sure = false;
	look_at_all();
}

static int enable(void)
{
	const bool was_on = s.is_on;
	int status;

	s.now = "enable";
	s.may_be_off = s.may_be_off || !was_on;
	s.is_on = true;
	doubt_all();
	status = iommu_unit_enable(s.unit);
	after_power(status, was_on, true);
	if (status == 0)
		assert_true(iommu_unit_is_enabled(s.unit));
	return status;
}

static int disable(void)
{
	int status;

	s.now = "disable";
	s.may_be_off = true;
	doubt_all();
	status = iommu_unit_disable(s.unit);
	after_power(status, true, false);
	if (status == 0)
		assert_false(iommu_unit_is_enabled(s.unit));
	return status;
}

/* The host goes on until it is back: there is nothing else that it may do. */
static void suspend(void)
{
	const bool was_on = s.is_on;
	unsigned int tries = 0;
	int status;

	s.now = "suspend";
	s.may_be_off = true;
	doubt_all();
	status = iommu_suspend(s.iommu);
	after_power(status, true, false);
	if (status != 0)
		return;
	s.now = "resume";
	s.may_be_off = true;
	while (s.is_on = was_on, doubt_all(), (status = iommu_resume(s.iommu)) != 0) {
		after_power(status, false, was_on);
		if (tries++ != 0)
			be_well();
		assert_true(tries < 4);
	}
	after_power(0, false, was_on);
}

static int attach(unsigned int number, unsigned int domain)
{
	struct device *device = &s.devices[number];
	int status;

	s.now = "attach";
	device->may |= bit_of(domain) | bit_of(device->told);
	device->is_sure = false;
	status = iommu_domain_attach_group(s.domains[domain],
					   iommu_endpoint_group(device->endpoint));
	if (status == 0) {
		device->told = domain;
		device->may = 0;
		device->is_sure = true;
	}
	look_at_all();
	return status;
}

static int detach(unsigned int number)
{
	struct device *device = &s.devices[number];
	int status;

	s.now = "detach";
	device->may |= bit_of(device->told);
	device->told = NO_DOMAIN;
	status = iommu_domain_detach_group(iommu_endpoint_group(device->endpoint));
	if (status == 0)
		device->may = 0;
	device->is_sure = status == 0;
	look_at_all();
	return status;
}

/* At the n-th of a few places. */
static int map(unsigned int domain, unsigned int place, uint64_t pages)
{
	struct mapping *mapping = &s.mappings[s.mapped];
	int status;

	s.now = "map";
	assert_true(s.mapped < MAPPINGS);
	*mapping = (struct mapping){UNSURE, domain, s.backend->start + ((uint64_t)place << 23),
				    pages * s.backend->page};
	s.mapped++;
	status = iommu_map(s.domains[domain], mapping->iova, memory_of(s.mapped - 1), mapping->size,
			   RW);
	if (status == 0) {
		confirm_domain(domain);
		mapping->fate = MAPPED;
	} else if (!is_unconfirmed(status)) {
		mapping->fate = GONE;
	}
	look_at_all();
	return status;
}

static int unmap(unsigned int n)
{
	struct mapping *mapping = &s.mappings[n];
	int status;

	s.now = "unmap";
	mapping->fate = UNSURE;
	status = iommu_unmap(s.domains[mapping->domain], mapping->iova, mapping->size, 0, NULL);
	if (status == 0)
		confirm_domain(mapping->domain);
	else
		assert_true(is_unconfirmed(status));
	look_at_all();
	return status;
}

static int make_domain(enum role role)
{
	const struct iommu_domain_config config = {.bypass = role == BYPASS};
	const enum iommu_domain_type type = role == IDENTITY  ? IOMMU_DOMAIN_IDENTITY
					    : role == BLOCKED ? IOMMU_DOMAIN_BLOCKED
							      : IOMMU_DOMAIN_PAGING;
	int status;

	s.now = "make a domain";
	assert_true(s.made < DOMAINS);
	status = iommu_domain_alloc(s.unit, type, &config, &s.domains[s.made]);
	s.roles[role] = status == 0 ? s.made : NO_DOMAIN;
	if (status == 0)
		s.passes_on[s.made++] = role == BYPASS || role == IDENTITY;
	look_at_all();
	return status;
}

static bool is_used(unsigned int domain)
{
	unsigned int i;

	for (i = 0; i < s.backend->devices; i++)
		if (s.devices[i].endpoint != NULL && s.devices[i].told == domain)
			return true;
	return false;
}

static int free_domain(enum role role)
{
	const unsigned int domain = s.roles[role];
	bool is_unsure = false;
	unsigned int i;

	s.now = "free a domain";
	for (i = 0; i < s.backend->devices; i++)
		is_unsure = is_unsure || (s.devices[i].may & bit_of(domain)) != 0;
	for (i = 0; i < s.mapped; i++)
		if (s.mappings[i].domain == domain && s.mappings[i].fate == MAPPED)
			s.mappings[i].fate = is_unsure ? UNSURE : GONE;
	assert_int_equal(iommu_domain_free(s.domains[domain]), 0);
	s.domains[domain] = NULL;
	s.roles[role] = NO_DOMAIN;
	look_at_all();
	return 0;
}

static int add_one(uint16_t source_id, struct iommu_endpoint **endpoint)
{
	const struct iommu_endpoint_info info = {.source_id = source_id};
	int status = 0;

	if (*endpoint == NULL)
		status = iommu_probe_endpoint(s.iommu, &info, endpoint);
	if (status != 0)
		*endpoint = NULL;
	return status;
}

static bool is_complete(unsigned int number)
{
	return s.devices[number].endpoint != NULL &&
	       (s.backend->mate_id == NULL || s.devices[number].mate != NULL);
}

/* A device, and its mate; it is blocked then, unless its group has a domain. */
static int add(unsigned int number)
{
	struct device *device = &s.devices[number];
	int status;

	s.now = "add a device";
	status = add_one(s.backend->source_id(number), &device->endpoint);
	if (status == 0 && device->told == NO_DOMAIN)
		device->may = 0;
	if (status == 0 && s.backend->mate_id != NULL)
		status = add_one(s.backend->mate_id(number), &device->mate);
	if (device->told == NO_DOMAIN)
		device->is_sure = status == 0;
	look_at_all();
	return status;
}

static int take_away(unsigned int number)
{
	struct device *device = &s.devices[number];
	int status = 0;

	s.now = "take a device away";
	device->is_sure = false;
	if (device->mate != NULL)
		status = iommu_release_endpoint(device->mate);
	if (status == 0) {
		device->mate = NULL;
		status = iommu_release_endpoint(device->endpoint);
	}
	if (status == 0)
		device->endpoint = NULL;
	look_at_all();
	return status;
}

/* --- Operations that are swept ---------------------------------------------------------------- */

static void attach_if(enum role role, unsigned int number)
{
	if (s.roles[role] != NO_DOMAIN && s.devices[number].endpoint != NULL)
		(void)attach(number, s.roles[role]);
}

static void op_enable(void)
{
	(void)enable();
}

static void op_disable(void)
{
	(void)disable();
}

static void op_attach_other(void)
{
	attach_if(SECOND, 0);
}

static void op_attach_same(void)
{
	attach_if(FIRST, 0);
}

static void op_attach_bypass(void)
{
	attach_if(BYPASS, 0);
}

static void op_attach_identity(void)
{
	attach_if(IDENTITY, 0);
}

static void op_attach_blocked(void)
{
	attach_if(BLOCKED, 0);
}

static void op_attach_another(void)
{
	attach_if(SECOND, s.backend->devices - 1);
}

static void op_detach(void)
{
	if (s.devices[0].endpoint != NULL)
		(void)detach(0);
}

static void op_map(void)
{
	if (s.roles[FIRST] != NO_DOMAIN)
		(void)map(s.roles[FIRST], 3, 1);
}

static void op_map_many(void)
{
	if (s.roles[FIRST] != NO_DOMAIN)
		(void)map(s.roles[FIRST], 4, s.backend->large_pages);
}

/* The last of a kind that is mapped. */
static void unmap_one(bool is_large)
{
	unsigned int n;

	for (n = s.mapped; n-- != 0;)
		if (s.mappings[n].fate == MAPPED &&
		    (s.mappings[n].size != s.backend->page) == is_large) {
			(void)unmap(n);
			return;
		}
}

static void op_unmap(void)
{
	unmap_one(false);
}

static void op_unmap_many(void)
{
	unmap_one(true);
}

/* What was not confirmed, once more. */
static void op_unmap_again(void)
{
	unsigned int n;

	for (n = 0; n < s.mapped; n++)
		if (s.mappings[n].fate == UNSURE && s.domains[s.mappings[n].domain] != NULL) {
			(void)unmap(n);
			return;
		}
}

static void op_free(void)
{
	if (s.roles[SECOND] != NO_DOMAIN && !is_used(s.roles[SECOND]))
		(void)free_domain(SECOND);
	if (s.roles[SECOND] == NO_DOMAIN)
		(void)make_domain(SECOND);
}

static void op_replace_device(void)
{
	const unsigned int number = s.backend->devices - 1;

	if (s.devices[number].endpoint != NULL && s.devices[number].told == NO_DOMAIN)
		(void)take_away(number);
	if (!is_complete(number))
		(void)add(number);
}

static void op_go_and_come(void)
{
	if (s.devices[0].endpoint == NULL)
		return;
	(void)detach(0);
	(void)take_away(0);
	if (!is_complete(0))
		(void)add(0);
}

static void op_own(void)
{
	s.now = "an operation of the back end's own";
	if (s.backend->own != NULL)
		s.backend->own(s.unit);
	look_at_all();
}

static const struct {
	const char *name;
	void (*run)(void);
} operations[] = {
	{"enable", op_enable},
	{"disable", op_disable},
	{"suspend", suspend},
	{"attach another domain", op_attach_other},
	{"attach the same", op_attach_same},
	{"attach with a bypass", op_attach_bypass},
	{"attach an identity", op_attach_identity},
	{"attach nothing", op_attach_blocked},
	{"attach another device", op_attach_another},
	{"detach", op_detach},
	{"map", op_map},
	{"map many", op_map_many},
	{"unmap", op_unmap},
	{"unmap many", op_unmap_many},
	{"unmap again", op_unmap_again},
	{"free a domain", op_free},
	{"replace a device", op_replace_device},
	{"detach, go and come", op_go_and_come},
	{"own", op_own},
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* --- A run ------------------------------------------------------------------------------------ */

static int probe(void)
{
	int status;

	s.now = "probe";
	status = s.backend->probe(s.iommu);
	s.unit = iommu_next_unit(s.iommu, NULL);
	assert_true((s.unit != NULL) == (status == 0));
	return status;
}

static void begin(const struct sweep_backend *backend)
{
	unsigned int i;

	memset(&s, 0, sizeof(s));
	s.backend = backend;
	for (i = 0; i < ROLES; i++)
		s.roles[i] = NO_DOMAIN;
	for (i = 0; i < SWEEP_DEVICES; i++)
		s.devices[i].told = NO_DOMAIN;
	test_platform_init(&s.test, ARENA, 0);
	s.test.quiet = true;
	s.alloc_pages = s.test.platform.alloc_pages;
	s.test.platform.alloc_pages = alloc_pages;
	s.test.platform.now_ns = now_ns;
	s.test.platform.relax = NULL;
	backend->begin(&s.test);
	assert_int_equal(iommu_create(&s.test.platform, &s.iommu), 0);
}

/* In use, and what is mapped known to hardware. */
static void set_up(void)
{
	const struct sweep_backend *backend = s.backend;
	unsigned int i;

	if (backend->ready != NULL)
		backend->ready(s.unit);
	for (i = 0; i < ROLES; i++)
		if ((i != BYPASS || backend->bypass != 0) &&
		    (i != IDENTITY || backend->has_identity))
			assert_int_equal(make_domain(i), 0);
	for (i = 0; i < backend->devices; i++)
		assert_int_equal(add(i), 0);
	for (i = 0; i + 1 < backend->devices || i == 0; i++)
		assert_int_equal(attach(i, s.roles[FIRST]), 0);
	assert_int_equal(enable(), 0);
	assert_int_equal(map(s.roles[FIRST], 0, 1), 0);
	assert_int_equal(map(s.roles[SECOND], 0, 1), 0);
	assert_int_equal(map(s.roles[FIRST], 1, backend->large_pages), 0);
}

/* Nothing fails any more: whatever was in doubt, the machine can be used, and goes. */
static void use_and_end(void)
{
	const struct sweep_backend *backend = s.backend;
	unsigned int i;

	s.now = "well again";
	sweep_look();
	if (s.roles[SECOND] == NO_DOMAIN)
		must(make_domain(SECOND));
	must(enable());
	for (i = 0; i < backend->devices; i++) {
		if (!is_complete(i))
			must(add(i));
		must(attach(i, s.roles[SECOND]));
	}
	must(map(s.roles[SECOND], 5, backend->large_pages));
	must(unmap(s.mapped - 1));
	must(disable());
	must(enable());
	for (i = 0; i < backend->devices; i++) {
		must(detach(i));
		must(take_away(i));
	}
	for (i = 0; i < ROLES; i++)
		if (s.roles[i] != NO_DOMAIN)
			must(free_domain(i));
	s.now = "destroy";
	s.may_be_off = true;
	must(iommu_destroy(s.iommu));
	backend->end();
	if (s.test.hosted.pages_in_use != 0)
		fail_msg("%s: %s: pages are left", s.backend->name, s.story);
	test_platform_destroy(&s.test);
}

/* The ways to fail. */
static const struct failure {
	const char *name;
	enum sweep_answer answer;
	bool for_ever, of_allocations;
} failures[] = {
	{"refused once", SWEEP_REFUSE, false, false},
	{"refused for ever", SWEEP_REFUSE, true, false},
	{"done and refused", SWEEP_LIE, false, false},
	{"done and refused for ever", SWEEP_LIE, true, false},
	{"busy for ever", SWEEP_BUSY, true, false},
	{"no memory once", SWEEP_REFUSE, false, true},
	{"no memory for ever", SWEEP_REFUSE, true, true},
};
#define FAILURES (sizeof(failures) / sizeof(failures[0]))

static void be_ill(const struct failure *failure, unsigned int step)
{
	s.answer = failure->answer;
	s.for_ever = failure->for_ever;
	s.fails_allocations = failure->of_allocations;
	s.has_failed = false;
	s.countdown = step;
}

/* Operation `first` with its n-th step failing, then `second`, and that again; false: it has no such step. */
static bool run(const struct sweep_backend *backend, const struct failure *failure,
		unsigned int first, unsigned int step, unsigned int second)
{
	bool has_failed;

	begin(backend);
	must(probe());
	set_up();
	(void)snprintf(s.story, sizeof(s.story), "\"%s\" with step %u %s, then \"%s\"",
		       operations[first].name, step, failure->name, operations[second].name);
	be_ill(failure, step);
	operations[first].run();
	has_failed = s.has_failed;
	if (has_failed) {
		operations[second].run();
		be_well();
		operations[second].run();
	}
	be_well();
	use_and_end();
	return has_failed;
}

/*
 * Operation `first` with its n-th step refused once, and in what that leaves `second` with its m-th step and all
 * after it refused; false: it has no such step.
 */
static bool run_twice(const struct sweep_backend *backend, unsigned int first, unsigned int step,
		      unsigned int second, unsigned int second_step, bool *has_first)
{
	const struct failure *once = &failures[0];
	const struct failure *for_ever = &failures[1];
	bool has_failed = false;

	begin(backend);
	assert_int_equal(probe(), 0);
	set_up();
	(void)snprintf(s.story, sizeof(s.story),
		       "\"%s\" with step %u %s, then \"%s\" with step %u %s",
		       operations[first].name, step, once->name, operations[second].name,
		       second_step, for_ever->name);
	be_ill(once, step);
	operations[first].run();
	*has_first = s.has_failed;
	if (*has_first) {
		be_ill(for_ever, second_step);
		operations[second].run();
		has_failed = s.has_failed;
		be_well();
		operations[second].run();
	}
	be_well();
	use_and_end();
	return has_failed;
}

static void sweep_twice(const struct sweep_backend *backend, unsigned int first,
			unsigned int second)
{
	bool has_first = true;
	unsigned int step, second_step;

	for (step = 1; has_first; step++)
		for (second_step = 1;
		     run_twice(backend, first, step, second, second_step, &has_first);
		     second_step++)
			;
}

/* Probing with its n-th step failing: then it is tried again. */
static bool run_probe(const struct sweep_backend *backend, const struct failure *failure,
		      unsigned int step)
{
	int status;

	begin(backend);
	(void)snprintf(s.story, sizeof(s.story), "probe with step %u %s", step, failure->name);
	be_ill(failure, step);
	status = probe();
	assert_true(status == 0 || s.has_failed);
	be_well();
	if (status != 0)
		must(probe());
	set_up();
	use_and_end();
	return s.has_failed;
}

void sweep_run(const struct sweep_backend *backend)
{
	unsigned int f, first, second, step;

	for (f = 0; f < FAILURES; f++) {
		for (step = 1; run_probe(backend, &failures[f], step); step++)
			;
		for (first = 0; first < OPERATIONS; first++)
			for (second = 0; second < OPERATIONS; second++)
				for (step = 1; run(backend, &failures[f], first, step, second);
				     step++)
					;
	}
	for (first = 0; first < OPERATIONS; first++)
		for (second = 0; second < OPERATIONS; second++)
			sweep_twice(backend, first, second);
}
