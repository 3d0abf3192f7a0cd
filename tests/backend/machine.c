/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

#define ARENA        (1ULL << 24)
#define MEMORY       (1ULL << 40) /* of mappings; what is below may pass untranslated */
#define MAPPING_BITS 30
#define PASSED_ON    0x5000ULL
#define RW           IOMMU_PROT_READ_WRITE

struct machine machine;

const struct machine_failure machine_failures[MACHINE_FAILURES] = {
	{"refused once", KIT_REFUSE, false, false},
	{"refused for ever", KIT_REFUSE, true, false},
	{"done and refused", KIT_LIE, false, false},
	{"done and refused for ever", KIT_LIE, true, false},
	{"busy for ever", KIT_BUSY, true, false},
	{"no memory once", KIT_REFUSE, false, true},
	{"no memory for ever", KIT_REFUSE, true, true},
};

/* Every other mapping leads to memory that only the smallest pages fit. */
static iommu_paddr_t memory_of(unsigned int mapping)
{
	return MEMORY + ((uint64_t)mapping << MAPPING_BITS) +
	       (mapping % 2 == 0 ? machine.backend->page : 0);
}

static uint32_t bit_of(unsigned int domain)
{
	return domain == MACHINE_NONE ? 0 : 1U << domain;
}

static void wrong(const char *what, unsigned int device, iommu_iova_t address, iommu_paddr_t paddr)
{
	fail_msg("%s: %s: in \"%s\": device %u, address %#llx, memory %#llx: %s",
		 machine.backend->name, machine.story, machine.now, device,
		 (unsigned long long)address, (unsigned long long)paddr, what);
}

void kit_fail(const char *what)
{
	fail_msg("%s: %s: in \"%s\": %s", machine.backend->name, machine.story, machine.now, what);
}

void machine_must(int status)
{
	if (status != 0)
		fail_msg("%s: %s: \"%s\" returns %d", machine.backend->name, machine.story,
			 machine.now, status);
}

/* --- Failing ---------------------------------------------------------------------------------- */

static enum kit_answer next_answer(void)
{
	if (machine.countdown == 0 || --machine.countdown != 0)
		return KIT_OBEY;
	machine.has_failed = true;
	if (machine.for_ever)
		machine.countdown = 1;
	return machine.answer;
}

enum kit_answer kit_step(void)
{
	return machine.fails_allocations ? KIT_OBEY : next_answer();
}

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	if (machine.fails_allocations && next_answer() != KIT_OBEY)
		return NULL;
	return machine.alloc_pages(ctx, order, node, flags);
}

/*
 * A page that is given back is filled with entries that lead to memory without a mapping: hardware
 * that still walks it is found out.
 */
static void free_pages(void *ctx, void *pages, unsigned int order)
{
	const uint64_t trap = memory_of(MACHINE_MAPPINGS) | machine.backend->leaf;
	unsigned char *bytes = pages;
	size_t i;

	(void)ctx;
	for (i = 0; i < (size_t)IOMMU_PAGE_SIZE << order; i++) {
		const size_t at = machine.backend->is_big_endian ? 7 - i % 8 : i % 8;

		bytes[i] = (unsigned char)(trap >> 8 * at);
	}
	/* As it is written back some time. */
	machine.test.platform.cache_flush(&machine.test, pages, (size_t)IOMMU_PAGE_SIZE << order);
	machine.test.hosted.platform.free_pages(&machine.test.hosted, pages, order);
}

void machine_be_ill(const struct machine_failure *failure, unsigned int step)
{
	machine.answer = failure->answer;
	machine.for_ever = failure->for_ever;
	machine.fails_allocations = failure->of_allocations;
	machine.has_failed = false;
	machine.countdown = step;
}

void machine_be_well(void)
{
	machine.countdown = 0;
	if (machine.backend->mend != NULL)
		machine.backend->mend();
}

/* A wait times out after a hundred reads of the clock: errors of a ring are looked for before. */
static uint64_t now_ns(void *ctx)
{
	static uint64_t now;

	(void)ctx;
	return now += 10000000;
}

/* --- Judging ---------------------------------------------------------------------------------- */

static bool may_be_in(const struct machine_device *device, unsigned int domain)
{
	return (device->may & bit_of(domain)) != 0 || (machine.is_on && device->told == domain);
}

static bool may_pass_on(const struct machine_device *device)
{
	unsigned int i;

	for (i = 0; i < machine.made; i++)
		if (machine.passes_on[i] && may_be_in(device, i))
			return true;
	return false;
}

static void judge(unsigned int number, iommu_iova_t address, iommu_paddr_t paddr)
{
	const struct machine_device *device = &machine.devices[number];
	const unsigned int n = (unsigned int)((paddr - MEMORY) >> MAPPING_BITS);

	if ((!machine.is_on || machine.may_be_off) && machine.backend->is_open_when_off)
		return;
	if (paddr < MEMORY) {
		if (!may_pass_on(device))
			wrong("memory is passed on", number, address, paddr);
		return;
	}
	if (n >= machine.mapped)
		wrong("no memory of a mapping", number, address, paddr);
	if (machine.mappings[n].fate == GONE)
		wrong("reached, and was said to be gone", number, address, paddr);
	if (!may_be_in(device, machine.mappings[n].domain))
		wrong("of a domain that it was not told to use", number, address, paddr);
	if (paddr - memory_of(n) != address - machine.mappings[n].iova)
		wrong("another address", number, address, paddr);
}

static bool look_at(unsigned int device, iommu_iova_t address, iommu_paddr_t *paddr)
{
	if (!machine.backend->dma(device, address, paddr))
		return false;
	judge(device, address, *paddr);
	return true;
}

/*
 * Offsets in a mapping that are accessed: the first and last page, and one in each of four parts.
 */
static uint64_t probe_of(const struct machine_mapping *mapping, unsigned int i)
{
	const uint64_t pages = mapping->size / machine.backend->page;

	return (i == 5 ? pages - 1 : pages * i / 5) * machine.backend->page;
}

/*
 * A place in the table beside a mapping, or in it, which hardware need not have cached: another
 * place at each call.
 */
static iommu_iova_t anywhere_near(const struct machine_mapping *mapping)
{
	const uint64_t entries = IOMMU_PAGE_SIZE / sizeof(uint64_t);
	const uint64_t offset = machine.looks++ * 197 % entries * machine.backend->page;

	return mapping->iova + (offset < machine.backend->stride ? offset : 0);
}

static void look_by(unsigned int device)
{
	iommu_paddr_t paddr;
	unsigned int n, i;

	for (n = 0; n < machine.mapped; n++) {
		(void)look_at(device, anywhere_near(&machine.mappings[n]), &paddr);
		for (i = 0; i < (machine.mappings[n].size == machine.backend->page ? 1 : 6); i++)
			(void)look_at(device,
				      machine.mappings[n].iova + probe_of(&machine.mappings[n], i),
				      &paddr);
	}
	(void)look_at(device, PASSED_ON, &paddr);
	if (machine.backend->bypass != 0) {
		(void)look_at(device, machine.backend->bypass + PASSED_ON, &paddr);
		(void)look_at(device, machine.backend->bypass + machine.backend->memory_end - 1,
			      &paddr);
	}
}

void kit_look(void)
{
	unsigned int device;

	if (machine.is_quiet)
		return;
	for (device = 0; device < machine.backend->devices; device++)
		look_by(device);
}

/* What a device must reach: all that is mapped in its domain. */
static void look_for(unsigned int number)
{
	const struct machine_device *device = &machine.devices[number];
	iommu_paddr_t paddr;
	unsigned int n, i;

	for (n = 0; n < machine.mapped; n++) {
		const struct machine_mapping *mapping = &machine.mappings[n];

		for (i = 0; i < 6 && mapping->fate == MAPPED && mapping->domain == device->told;
		     i++)
			if (!look_at(number, mapping->iova + probe_of(mapping, i), &paddr) ||
			    paddr != memory_of(n) + probe_of(mapping, i))
				wrong("mapped with 0, and not reached", number,
				      mapping->iova + probe_of(mapping, i), memory_of(n));
	}
	if (device->told == machine.roles[IDENTITY] && !look_at(number, PASSED_ON, &paddr))
		wrong("an identity that does not pass", number, PASSED_ON, PASSED_ON);
	if (device->told == machine.roles[BYPASS] &&
	    (!look_at(number, machine.backend->bypass + PASSED_ON, &paddr) ||
	     !look_at(number, machine.backend->bypass + machine.backend->memory_end - 1, &paddr)))
		wrong("a bypass that does not pass", number, machine.backend->bypass, PASSED_ON);
}

/* After each call. */
void machine_look(void)
{
	unsigned int device;

	kit_look();
	for (device = 0; device < machine.backend->devices; device++)
		if (machine.is_on && !machine.may_be_off && machine.devices[device].is_sure &&
		    machine.devices[device].told != MACHINE_NONE)
			look_for(device);
}

/* --- What is confirmed ------------------------------------------------------------------------ */

static void confirm_domain(unsigned int domain)
{
	unsigned int n;

	for (n = 0; n < machine.mapped; n++)
		if (machine.mappings[n].domain == domain && machine.mappings[n].fate == UNSURE)
			machine.mappings[n].fate = GONE;
}

static void confirm_unit(void)
{
	unsigned int i;

	for (i = 0; i < machine.made; i++)
		confirm_domain(i);
	for (i = 0; i < machine.backend->devices; i++) {
		machine.devices[i].may = 0;
		machine.devices[i].is_sure = true;
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

	for (i = 0; i < machine.backend->devices; i++)
		machine.devices[i].may |= machine.is_on ? bit_of(machine.devices[i].told) : 0;
}

static void after_power(int status, bool was_on, bool is_on)
{
	unsigned int i;

	machine.may_be_off = status != 0 && (machine.may_be_off || !is_on || !was_on);
	machine.is_on = status == 0 ? is_on : iommu_unit_is_enabled(machine.unit);
	if (status == 0)
		confirm_unit();
	for (i = 0; status != 0 && i < machine.backend->devices; i++)
		machine.devices[i].is_sure = false;
	machine_look();
}

int machine_enable(void)
{
	const bool was_on = machine.is_on;
	int status;

	machine.now = "enable";
	machine.comes_back = false;
	machine.may_be_off = machine.may_be_off || !was_on;
	machine.is_on = true;
	doubt_all();
	status = iommu_unit_enable(machine.unit);
	after_power(status, was_on, true);
	if (status == 0)
		assert_true(iommu_unit_is_enabled(machine.unit));
	return status;
}

int machine_disable(void)
{
	const bool was_on = machine.is_on || machine.comes_back;
	int status;

	machine.now = "disable";
	machine.may_be_off = true;
	doubt_all();
	status = iommu_unit_disable(machine.unit);
	after_power(status, true, false);
	/* It is enabled as before, as far as a resume is concerned. */
	machine.comes_back = status != 0 && was_on;
	if (status == 0)
		assert_false(iommu_unit_is_enabled(machine.unit));
	return status;
}

/* The host repeats it until it succeeds: no other call is possible. */
void machine_suspend(void)
{
	/* One that a suspend which failed has turned off is to come back all the same. */
	const bool was_on = machine.is_on || machine.comes_back;
	unsigned int tries = 0;
	int status;

	machine.now = "suspend";
	machine.may_be_off = true;
	doubt_all();
	status = iommu_suspend(machine.iommu);
	after_power(status, true, false);
	machine.comes_back = status != 0 && was_on;
	if (status != 0)
		return;
	if (machine.backend->sleep != NULL)
		machine.backend->sleep();
	machine.now = "resume";
	machine.may_be_off = true;
	while (machine.is_on = was_on, doubt_all(), (status = iommu_resume(machine.iommu)) != 0) {
		after_power(status, false, was_on);
		if (tries++ != 0)
			machine_be_well();
		assert_true(tries < 4);
	}
	after_power(0, false, was_on);
}

int machine_attach(unsigned int number, unsigned int domain)
{
	struct machine_device *device = &machine.devices[number];
	int status;

	machine.now = "attach";
	device->may |= bit_of(domain) | bit_of(device->told);
	device->is_sure = false;
	status = iommu_domain_attach_group(machine.domains[domain],
					   iommu_endpoint_group(device->endpoint));
	if (status == 0) {
		device->told = domain;
		device->may = 0;
		device->is_sure = true;
	}
	machine_look();
	return status;
}

int machine_detach(unsigned int number)
{
	struct machine_device *device = &machine.devices[number];
	int status;

	machine.now = "detach";
	device->may |= bit_of(device->told);
	device->told = MACHINE_NONE;
	status = iommu_domain_detach_group(iommu_endpoint_group(device->endpoint));
	if (status == 0)
		device->may = 0;
	device->is_sure = status == 0;
	machine_look();
	return status;
}

static iommu_iova_t place_at(unsigned int place)
{
	return machine.backend->start + place * machine.backend->stride;
}

bool machine_has_mapping(unsigned int domain, unsigned int place)
{
	unsigned int n;

	for (n = 0; n < machine.mapped; n++)
		if (machine.mappings[n].domain == domain && machine.mappings[n].fate == MAPPED &&
		    machine.mappings[n].iova == place_at(place))
			return true;
	return false;
}

int machine_map(unsigned int domain, unsigned int place, uint64_t pages)
{
	struct machine_mapping *mapping = &machine.mappings[machine.mapped];
	const bool was_taken = machine_has_mapping(domain, place);
	int status;

	machine.now = "map";
	assert_true(machine.mapped < MACHINE_MAPPINGS);
	*mapping = (struct machine_mapping){UNSURE, domain, place_at(place),
					    pages * machine.backend->page};
	machine.mapped++;
	status = iommu_map(machine.domains[domain], mapping->iova, memory_of(machine.mapped - 1),
			   mapping->size, RW);
	if (status == 0 && was_taken)
		wrong("mapped over another", 0, mapping->iova, memory_of(machine.mapped - 1));
	if (status == 0) {
		confirm_domain(domain);
		mapping->fate = MAPPED;
	} else if (!is_unconfirmed(status)) {
		mapping->fate = GONE;
	}
	machine_look();
	return status;
}

static int unmap(unsigned int domain, unsigned int place, bool exactly)
{
	uint64_t size = machine.backend->stride;
	struct iommu_domain_info info;
	unsigned int n;
	int status;

	machine.now = "unmap";
	for (n = 0; n < machine.mapped; n++)
		if (machine.mappings[n].domain == domain && machine.mappings[n].fate == MAPPED &&
		    machine.mappings[n].iova == place_at(place)) {
			machine.mappings[n].fate = UNSURE;
			if (exactly)
				size = machine.mappings[n].size;
		}
	status = iommu_unmap(machine.domains[domain], place_at(place), size, 0, NULL);
	if (status == 0)
		confirm_domain(domain);
	else
		assert_true(is_unconfirmed(status));
	iommu_domain_get_info(machine.domains[domain], &info);
	if (status == 0 && info.withheld)
		kit_fail("what was withheld is confirmed, and still withheld");
	machine_look();
	return status;
}

/* The mapping, and what is around it. */
int machine_unmap(unsigned int domain, unsigned int place)
{
	return unmap(domain, place, false);
}

/* Exactly what is mapped there. */
int machine_unmap_exactly(unsigned int domain, unsigned int place)
{
	return unmap(domain, place, true);
}

/* Memory that the unit cannot address is refused, and the domain says where it begins. */
static void try_beyond_memory(struct iommu_domain *domain)
{
	struct iommu_domain_info info;

	iommu_domain_get_info(domain, &info);
	assert_true(info.paddr_last >= MEMORY);
	if (info.paddr_last != UINT64_MAX)
		assert_int_equal(iommu_map(domain, place_at(0), info.paddr_last + 1,
					   machine.backend->page, RW),
				 IOMMU_ERANGE);
}

int machine_make_domain(enum machine_role role)
{
	const struct iommu_domain_config config = {.bypass = role == BYPASS};
	const enum iommu_domain_type type = role == IDENTITY  ? IOMMU_DOMAIN_IDENTITY
					    : role == BLOCKED ? IOMMU_DOMAIN_BLOCKED
							      : IOMMU_DOMAIN_PAGING;
	int status;

	machine.now = "make a domain";
	assert_true(machine.made < MACHINE_DOMAINS);
	status = iommu_domain_alloc(machine.unit, type, &config, &machine.domains[machine.made]);
	machine.roles[role] = status == 0 ? machine.made : MACHINE_NONE;
	if (status == 0 && type == IOMMU_DOMAIN_PAGING)
		try_beyond_memory(machine.domains[machine.made]);
	if (status == 0)
		machine.passes_on[machine.made++] = role == BYPASS || role == IDENTITY;
	machine_look();
	return status;
}

bool machine_uses(unsigned int domain)
{
	unsigned int i;

	for (i = 0; i < machine.backend->devices; i++)
		if (machine.devices[i].endpoint != NULL && machine.devices[i].told == domain)
			return true;
	return false;
}

int machine_free_domain(enum machine_role role)
{
	const unsigned int domain = machine.roles[role];
	bool is_unsure = false;
	unsigned int i;
	int status;

	machine.now = "free a domain";
	for (i = 0; i < machine.backend->devices; i++)
		is_unsure = is_unsure || (machine.devices[i].may & bit_of(domain)) != 0;
	status = iommu_domain_free(machine.domains[domain]);
	if (status != 0 && !is_unsure && !machine.has_failed && machine.countdown == 0)
		fail_msg("%s: %s: a domain was not freed", machine.backend->name, machine.story);
	/* What was mapped there is the host's again, or the domain remains. */
	for (i = 0; i < machine.mapped && status == 0; i++)
		if (machine.mappings[i].domain == domain && machine.mappings[i].fate != GONE)
			machine.mappings[i].fate = GONE;
	if (status == 0) {
		machine.domains[domain] = NULL;
		machine.roles[role] = MACHINE_NONE;
	}
	machine_look();
	return status;
}

static int add_one(uint16_t source_id, struct iommu_endpoint **endpoint)
{
	const struct iommu_endpoint_info info = {.source_id = source_id};
	int status = 0;

	if (*endpoint == NULL)
		status = iommu_probe_endpoint(machine.iommu, &info, endpoint);
	if (status != 0)
		*endpoint = NULL;
	return status;
}

bool machine_is_complete(unsigned int number)
{
	return machine.devices[number].endpoint != NULL &&
	       (machine.backend->mate_id == NULL || machine.devices[number].mate != NULL);
}

/* A device and its mate, which are blocked then, unless their group has a domain. */
int machine_add(unsigned int number)
{
	struct machine_device *device = &machine.devices[number];
	int status;

	machine.now = "add a device";
	status = add_one(machine.backend->source_id(number), &device->endpoint);
	if (status == 0 && device->told == MACHINE_NONE)
		device->may = 0;
	if (status == 0 && machine.backend->mate_id != NULL)
		status = add_one(machine.backend->mate_id(number), &device->mate);
	if (device->told == MACHINE_NONE)
		device->is_sure = status == 0;
	machine_look();
	return status;
}

int machine_take_away(unsigned int number)
{
	struct machine_device *device = &machine.devices[number];
	int status = 0;

	machine.now = "take a device away";
	device->is_sure = false;
	if (device->mate != NULL)
		status = iommu_release_endpoint(device->mate);
	if (status == 0) {
		device->mate = NULL;
		status = iommu_release_endpoint(device->endpoint);
	}
	if (status == 0)
		device->endpoint = NULL;
	machine_look();
	return status;
}

/* --- Faults ----------------------------------------------------------------------------------- */

static void handle_faults(void)
{
	unsigned int calls = 0;

	while (iommu_unit_handle_faults(machine.unit, NULL) > 0)
		assert_true(++calls < 1000);
}

void machine_handle_faults(void)
{
	machine.now = "handle faults";
	(void)iommu_unit_handle_faults(machine.unit, NULL);
	machine_look();
}

void machine_fault(unsigned int number)
{
	const struct kit_backend *backend = machine.backend;
	const struct machine_device *device = &machine.devices[number];
	bool lost = false, is_well;
	iommu_paddr_t paddr;

	machine.now = "handle faults";
	is_well = machine.countdown == 0 && machine.is_on && !machine.may_be_off;
	machine.is_quiet = true;
	handle_faults();
	machine.is_quiet = false;
	machine.faults = 0;
	if (look_at(number, backend->start + KIT_PLACES * backend->stride, &paddr))
		return; /* it is passed on */
	machine.is_quiet = true;
	(void)iommu_unit_handle_faults(machine.unit, &lost);
	machine.is_quiet = false;
	if (!backend->reports_faults || !is_well || device->endpoint == NULL)
		return;
	if (machine.faults != 1 || lost || machine.fault_id != backend->source_id(number))
		fail_msg("%s: %s: a fault of device %u is not reported: %u, lost %d, of %#x",
			 backend->name, machine.story, number, machine.faults, lost,
			 machine.fault_id);
}

/* --- A run ------------------------------------------------------------------------------------ */

int machine_probe(void)
{
	int status;

	machine.now = "probe";
	status = machine.backend->probe(machine.iommu);
	machine.unit = iommu_next_unit(machine.iommu, NULL);
	assert_true((machine.unit != NULL) == (status == 0));
	return status;
}

static void on_fault(void *ctx, const struct iommu_fault *fault)
{
	(void)ctx;
	machine.faults++;
	machine.fault_id = fault->source_id;
}

static void make_instance(void)
{
	assert_int_equal(iommu_create(&machine.test.platform, &machine.iommu), 0);
	iommu_set_fault_handler(machine.iommu, on_fault, NULL);
}

void machine_begin(const struct kit_backend *backend)
{
	unsigned int i;

	memset(&machine, 0, sizeof(machine));
	machine.backend = backend;
	for (i = 0; i < ROLES; i++)
		machine.roles[i] = MACHINE_NONE;
	for (i = 0; i < KIT_DEVICES; i++)
		machine.devices[i].told = MACHINE_NONE;
	test_platform_init(&machine.test, ARENA, 0);
	machine.test.quiet = true;
	machine.alloc_pages = machine.test.platform.alloc_pages;
	machine.test.platform.alloc_pages = alloc_pages;
	machine.test.platform.free_pages = free_pages;
	machine.test.platform.now_ns = now_ns;
	machine.test.platform.relax = NULL;
	backend->begin(&machine.test);
	make_instance();
}

void machine_die(void)
{
	unsigned int i;

	machine.now = "a new instance";
	machine.left = machine.test.hosted.pages_in_use;
	for (i = 0; i < machine.backend->devices; i++) {
		struct machine_device *device = &machine.devices[i];

		*device = (struct machine_device){
			.told = MACHINE_NONE,
			.may = device->may | bit_of(device->told),
		};
	}
	for (i = 0; i < machine.mapped; i++)
		if (machine.mappings[i].fate == MAPPED)
			machine.mappings[i].fate = UNSURE;
	for (i = 0; i < ROLES; i++)
		machine.roles[i] = MACHINE_NONE;
	memset(machine.domains, 0, sizeof(machine.domains));
	machine.may_be_off = true;
	machine.is_on = false;
	if (machine.backend->reboot != NULL)
		machine.backend->reboot();
	make_instance();
}

/* In use, and with all mappings in hardware's caches. */
void machine_set_up(bool is_crowded)
{
	const struct kit_backend *backend = machine.backend;
	unsigned int i;

	if (backend->ready != NULL)
		backend->ready(machine.unit);
	for (i = 0; i < ROLES; i++)
		if ((i != BYPASS || backend->bypass != 0) &&
		    (i != IDENTITY || backend->has_identity))
			assert_int_equal(machine_make_domain(i), 0);
	for (i = 0; i < backend->devices; i++)
		assert_int_equal(machine_add(i), 0);
	for (i = 0; i < backend->devices; i++)
		if (i == 0 || i + 1 < backend->devices || is_crowded)
			assert_int_equal(machine_attach(i, machine.roles[FIRST]), 0);
	assert_int_equal(machine_enable(), 0);
	assert_int_equal(machine_map(machine.roles[FIRST], 0, MACHINE_FEW), 0);
	assert_int_equal(machine_map(machine.roles[SECOND], 0, 1), 0);
	assert_int_equal(machine_map(machine.roles[FIRST], 1, backend->large_pages), 0);
}

/* Nothing fails any more: whatever was in doubt, the machine can be used, and ended. */
void machine_use_and_end(void)
{
	const struct kit_backend *backend = machine.backend;
	unsigned int i;

	machine.now = "well again";
	kit_look();
	if (machine.roles[SECOND] == MACHINE_NONE)
		machine_must(machine_make_domain(SECOND));
	machine_must(machine_enable());
	for (i = 0; i < backend->devices; i++) {
		if (!machine_is_complete(i))
			machine_must(machine_add(i));
		machine_must(machine_attach(i, machine.roles[SECOND]));
	}
	machine_must(machine_unmap(machine.roles[SECOND], 5));
	machine_must(machine_map(machine.roles[SECOND], 5, backend->large_pages));
	machine_must(machine_unmap(machine.roles[SECOND], 5));
	for (i = 0; i < backend->devices; i++)
		machine_fault(i);
	machine_must(machine_disable());
	machine_must(machine_enable());
	for (i = 0; i < backend->devices; i++) {
		machine_must(machine_detach(i));
		machine_must(machine_take_away(i));
	}
	for (i = 0; i < ROLES; i++)
		if (machine.roles[i] != MACHINE_NONE)
			machine_must(machine_free_domain(i));
	machine.now = "destroy";
	machine.may_be_off = true;
	machine_must(iommu_destroy(machine.iommu));
	backend->end();
	if (machine.test.hosted.pages_in_use != machine.left)
		fail_msg("%s: %s: pages are left", machine.backend->name, machine.story);
	machine.test.hosted.pages_in_use = 0;
	test_platform_destroy(&machine.test);
}
