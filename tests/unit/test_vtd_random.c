/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver against the model, at random: several units, devices and domains; mapping, unmapping,
 * attaching, detaching, turning units off and on, suspending and resuming, memory that runs out,
 * hardware that stops answering, and devices with TLBs that do not answer invalidations; and DMA
 * all the time, by every device, with and without PASIDs, each access compared with what must
 * happen.
 *
 * The model evicts nothing on its own, so that each missing or too narrow invalidation becomes an
 * access that should have faulted, or that reaches a page which was freed long ago.
 *
 * IOMMU_TEST_OPERATIONS sets the number of operations, IOMMU_TEST_SEED their sequence.
 */
#include <libiommu/hw/vtd_registers.h>

#include <stdio.h>
#include <string.h>

#include "model_machine.h"
#include "test.h"

#define DOMAINS    5
#define AREAS      3
#define AREA_PAGES 1024
#define LARGE      4
#define RW         IOMMU_PROT_READ_WRITE
#define HISTORY    24

/* Where domains map: small pages across a 2M boundary, large ones across a 1G boundary, small ones
 * at the upper end of a 39-bit space. */
static const struct {
	iommu_iova_t start;
	unsigned int pages;
} areas[AREAS] = {
	{0x0000000500000000ULL - 32 * 4096, 64},
	{0x0000000640000000ULL - IOMMU_SIZE_2M, 1024},
	{0x0000007fffe00000ULL - 32 * 4096, 64},
};

enum known {
	NOT_MAPPED = 0,
	MAPPED,
	LIMBO, /* unmapped, but hardware has not confirmed */
};

struct shadow_page {
	enum known known;
	unsigned int prot;
	iommu_paddr_t paddr;
	bool large; /* part of a large page: its memory is never given back */
};

struct shadow_domain {
	struct iommu_domain *domain;
	bool is_first_stage;
	struct shadow_page pages[AREAS][AREA_PAGES];
};

#define BLOCKED  (-1)
#define IDENTITY (-2)

/* 0: requests without one. The others lie in two tables, and one of them in a larger directory. */
static const uint32_t pasids[] = {0, 5, 6, 40000};
#define PASIDS (sizeof(pasids) / sizeof(pasids[0]))

struct shadow_device {
	struct model_device *device;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	unsigned int pasids; /* that it uses, with number 0 */
	int domain[PASIDS];  /* index, BLOCKED or IDENTITY */
	bool unsure[PASIDS]; /* the last call about them failed, since hardware did */
	struct iommu_pasid_handle handles[PASIDS][2];
	unsigned int handle[PASIDS]; /* the one in use */
};

static struct {
	struct model_machine machine;
	struct test_random random;
	struct iommu *iommu;
	struct iommu_unit *units[MACHINE_UNITS];
	bool unit_is_on[MACHINE_UNITS];
	struct shadow_domain domains[DOMAINS];
	struct shadow_device devices[MACHINE_DEVICES];
	unsigned int device_count;
	struct iommu_domain *identity; /* NULL: not every unit has pass-through */
	bool are_alike;                /* the units: any domain fits all of them */
	iommu_paddr_t large[LARGE];
	/* What the operation at work is about: devices go there meanwhile. */
	unsigned int area, page;
	bool in_meanwhile;
	/* Memory of freed domains that hardware may still reach, until it has recovered. */
	iommu_paddr_t limbo[DOMAINS * AREAS * AREA_PAGES];
	unsigned int limbo_count;
	/*
	 * After hardware failed. Calls may fail then; but what returned 0 is so, and nothing that
	 * was given back is reached. Devices with a TLB may be kept from using it.
	 */
	bool uncertain;
	uint64_t operation, seed;
	char history[HISTORY][96];
	unsigned int kind;
} t;

/* --- Reporting -------------------------------------------------------------------------------- */

#define note(...) snprintf(t.history[t.operation % HISTORY], sizeof(t.history[0]), __VA_ARGS__)

static _Noreturn void broken(const char *what)
{
	uint64_t i;

	fprintf(stderr, "seed %#llx, kind %u, operation %llu: %s\nthe last operations:\n",
		(unsigned long long)t.seed, t.kind, (unsigned long long)t.operation, what);
	for (i = t.operation < HISTORY ? 0 : t.operation - HISTORY + 1; i <= t.operation; i++)
		fprintf(stderr, "  %llu %s\n", (unsigned long long)i, t.history[i % HISTORY]);
	fail_msg("%s", what);
	abort();
}

static void expect(bool holds, const char *what)
{
	if (!holds)
		broken(what);
	if (t.machine.violation != NULL)
		broken(t.machine.violation);
}

static unsigned int below(unsigned int bound)
{
	return (unsigned int)test_random_below(&t.random, bound);
}

/* --- DMA -------------------------------------------------------------------------------------- */

static iommu_iova_t iova_of(unsigned int area, unsigned int page)
{
	return areas[area].start + page * IOMMU_PAGE_SIZE;
}

/* In a first stage there is no page that can be written and not read. */
static unsigned int allowed(int domain, unsigned int prot)
{
	return t.domains[domain].is_first_stage && prot != 0 ? prot | IOMMU_PROT_READ : prot;
}

/* A device without a TLB says that it knows where a page is: that must never pass. */
static void lie_of(const struct shadow_device *device, iommu_iova_t iova)
{
	const struct model_device *model = device->device;
	const struct iommu_model_request request = {
		.source_id = model->source_id,
		.type = IOMMU_MODEL_TRANSLATED,
		.address = iova,
		.access = IOMMU_PROT_READ,
	};
	struct iommu_model_translation result;

	if (model->has_tlb || !t.unit_is_on[model->unit])
		return;
	expect(iommu_model_vtd_translate(t.machine.units[model->unit], &request, &result) != 0,
	       "a device reached what it said itself to be translated");
}

/* One access, with a PASID or none, and whether exactly that happened which must. */
static void dma_as(const struct shadow_device *device, unsigned int pasid, unsigned int area,
		   unsigned int page, unsigned int access)
{
	const int domain = device->domain[pasid];
	const struct shadow_page *known;
	iommu_paddr_t paddr = 0;
	const int status = model_device_access_pasid(device->device, pasids[pasid],
						     iova_of(area, page) + 0x123, access, &paddr);

	expect(true, "");
	if (pasid == 0 && below(8) == 0)
		lie_of(device, iova_of(area, page));
	if (!t.unit_is_on[device->device->unit] ||
	    (t.uncertain && (device->unsure[pasid] || iommu_endpoint_is_lost(device->endpoint))))
		return;
	if (domain == BLOCKED || iommu_endpoint_is_lost(device->endpoint) ||
	    iommu_endpoint_is_in_reset(device->endpoint)) {
		expect(status != 0, "a blocked device reached memory");
		return;
	}
	if (domain == IDENTITY) {
		expect(status == 0 && paddr == iova_of(area, page) + 0x123,
		       "an identity domain led elsewhere");
		return;
	}
	known = &t.domains[domain].pages[area][page];
	if (known->known == LIMBO || (t.uncertain && status != 0 && device->device->has_tlb))
		return;
	if (known->known == MAPPED && (access & ~allowed(domain, known->prot)) == 0) {
		if (status != 0)
			fprintf(stderr, "device %04x, pasid %u, domain %d, %#llx, access %u\n",
				device->device->source_id, pasids[pasid], domain,
				(unsigned long long)iova_of(area, page), access);
		expect(status == 0, "a device did not reach what is mapped for it");
		expect(paddr == known->paddr + 0x123, "a device reached another page than its own");
	} else {
		if (status == 0)
			fprintf(stderr,
				"device %04x%s, pasid %u, domain %d, %#llx, access %u: %#llx\n",
				device->device->source_id,
				device->device->has_tlb ? " with a TLB" : "", pasids[pasid], domain,
				(unsigned long long)iova_of(area, page), access,
				(unsigned long long)paddr);
		expect(status != 0, "a device reached what is not mapped for it");
	}
}

static void dma(const struct shadow_device *device, unsigned int area, unsigned int page,
		unsigned int access)
{
	dma_as(device, below(device->pasids), area, page, access);
}

static unsigned int random_access(void)
{
	return 1 + below(3);
}

/*
 * While the driver is at work: what a device reaches then is not certain, but it must be something
 * that is in use.
 */
static void meanwhile(struct model_machine *machine)
{
	struct shadow_device *device;
	iommu_paddr_t paddr;
	unsigned int page;

	(void)machine;
	if (t.in_meanwhile || t.device_count == 0 || below(4) != 0)
		return;
	t.in_meanwhile = true;
	device = &t.devices[below(t.device_count)];
	page = (t.page + below(8)) % areas[t.area].pages;
	(void)model_device_access_pasid(device->device, pasids[below(device->pasids)],
					iova_of(t.area, page), random_access(), &paddr);
	t.in_meanwhile = false;
}

/* All devices try to reach it, with any result. */
static void dma_anywhere(unsigned int area, unsigned int page)
{
	iommu_paddr_t paddr;
	unsigned int d, p;

	for (d = 0; d < t.device_count; d++)
		for (p = 0; p < t.devices[d].pasids; p++)
			(void)model_device_access_pasid(t.devices[d].device, pasids[p],
							iova_of(area, page), IOMMU_PROT_READ,
							&paddr);
}

static void dma_by_all(unsigned int area, unsigned int first, unsigned int count)
{
	unsigned int d, p, page;

	for (d = 0; d < t.device_count; d++)
		for (p = 0; p < t.devices[d].pasids; p++)
			for (page = first; page < first + count; page++)
				dma_as(&t.devices[d], p, area, page, random_access());
}

static void dma_at_random(void)
{
	const unsigned int area = below(AREAS);

	dma(&t.devices[below(t.device_count)], area, below(areas[area].pages), random_access());
}

/* --- Map and unmap ---------------------------------------------------------------------------- */

static struct shadow_domain *some_domain(void)
{
	struct shadow_domain *d = &t.domains[below(DOMAINS)];

	return d->domain != NULL ? d : NULL;
}

static bool all_are(const struct shadow_domain *d, unsigned int area, unsigned int first,
		    unsigned int count, enum known known)
{
	unsigned int i;

	for (i = first; i < first + count; i++)
		if (d->pages[area][i].known != known)
			return false;
	return true;
}

/* Memory that is unmapped everywhere, confirmed, goes back at once. */
static void forget(struct shadow_page *page)
{
	if (page->known != NOT_MAPPED && !page->large)
		model_machine_give(&t.machine, page->paddr, 1);
	memset(page, 0, sizeof(*page));
}

/* Of a domain that is freed while not everything is confirmed: kept until it is. */
static void keep(struct shadow_page *page)
{
	if (page->known != NOT_MAPPED && !page->large)
		t.limbo[t.limbo_count++] = page->paddr;
	memset(page, 0, sizeof(*page));
}

/* A call on the domain has succeeded: what was not confirmed in it is. */
static void confirmed(struct shadow_domain *d)
{
	unsigned int area, page;

	for (area = 0; area < AREAS && t.uncertain; area++)
		for (page = 0; page < areas[area].pages; page++)
			if (d->pages[area][page].known == LIMBO)
				forget(&d->pages[area][page]);
}

static void remember(struct shadow_domain *d, unsigned int area, unsigned int first,
		     unsigned int count, iommu_paddr_t paddr, unsigned int prot, bool large)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		d->pages[area][first + i] =
			(struct shadow_page){MAPPED, prot, paddr + i * IOMMU_PAGE_SIZE, large};
}

static bool is_hardware_failure(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

static void do_map(void)
{
	struct shadow_domain *d = some_domain();
	const unsigned int area = below(AREAS);
	const bool large = area == 1 && below(2) != 0;
	const unsigned int count = large ? 512 : 1U << below(4);
	const unsigned int first = large ? 512 * below(2) : below(areas[area].pages - count + 1);
	const unsigned int prot = random_access();
	iommu_paddr_t paddr;
	unsigned int i;
	int status;

	note("map");
	t.area = area;
	t.page = first;
	if (d == NULL)
		return;
	/* An empty table may be in the way of a large page, and hardware may know it. */
	if (large && below(4) == 0 && all_are(d, area, first, 512, NOT_MAPPED)) {
		status =
			iommu_map(d->domain, iova_of(area, first), t.large[0], IOMMU_PAGE_SIZE, RW);
		dma_anywhere(area, first);
		if (status == 0)
			status = iommu_unmap(d->domain, iova_of(area, first), IOMMU_PAGE_SIZE, 0,
					     NULL);
		if (is_hardware_failure(status))
			d->pages[area][first] = (struct shadow_page){LIMBO, 0, t.large[0], true};
	}
	paddr = large ? t.large[below(LARGE)] : model_machine_take(&t.machine, count);
	expect(paddr != 0, "the test's memory ran out");
	/* Make hardware look before, so that it may remember that there is nothing. */
	if (below(2) == 0)
		dma_by_all(area, first, count < 16 ? count : 2);
	status = iommu_map(d->domain, iova_of(area, first), paddr, count * IOMMU_PAGE_SIZE, prot);
	note("map domain %d %#llx pages %u prot %u -> %d", (int)(d - t.domains),
	     (unsigned long long)iova_of(area, first), count, prot, status);
	if (status == 0) {
		confirmed(d);
		expect(all_are(d, area, first, count, NOT_MAPPED), "mapped over what is mapped");
		remember(d, area, first, count, paddr, prot, large);
	} else {
		expect(status == IOMMU_ENOMEM || is_hardware_failure(status) ||
			       (status == IOMMU_EEXIST &&
				!all_are(d, area, first, count, NOT_MAPPED)),
		       "a map failed for no reason");
		if (is_hardware_failure(status)) {
			expect(t.uncertain, "a map was not confirmed though hardware works");
			/* Hardware may have seen it: the memory waits. */
			for (i = 0; i < count; i++) {
				struct shadow_page *page = &d->pages[area][first + i];

				/* What was there before is there. */
				if (page->known == MAPPED) {
					if (!large)
						model_machine_give(&t.machine,
								   paddr + i * IOMMU_PAGE_SIZE, 1);
					continue;
				}
				keep(page);
				*page = (struct shadow_page){LIMBO, 0, paddr + i * IOMMU_PAGE_SIZE,
							     large};
			}
		} else if (!large) {
			for (i = 0; i < count; i++)
				model_machine_give(&t.machine, paddr + i * IOMMU_PAGE_SIZE, 1);
		}
	}
	dma_by_all(area, first, count < 16 ? count : 2);
}

static bool cuts_a_large_page(const struct shadow_domain *d, unsigned int area, unsigned int first,
			      unsigned int count)
{
	return (first % 512 != 0 && d->pages[area][first].large) ||
	       ((first + count) % 512 != 0 && d->pages[area][first + count - 1].large);
}

static void do_unmap(void)
{
	struct shadow_domain *d = some_domain();
	const unsigned int area = below(AREAS);
	const bool whole = area == 1 && below(2) != 0;
	const unsigned int count = whole ? 512 * (1 + below(2)) : 1 + below(below(8) == 0 ? 64 : 8);
	const unsigned int first =
		whole ? (count == 512 ? 512 * below(2) : 0) : below(areas[area].pages - count + 1);
	uint64_t unmapped = 0;
	unsigned int i;
	int status;

	note("unmap");
	t.area = area;
	t.page = first;
	if (d == NULL)
		return;
	if (below(4) != 0)
		dma_by_all(area, first, count < 64 ? count : 3);
	status = iommu_unmap(d->domain, iova_of(area, first), count * IOMMU_PAGE_SIZE, 0,
			     below(2) != 0 ? &unmapped : NULL);
	note("unmap domain %d %#llx pages %u -> %d", (int)(d - t.domains),
	     (unsigned long long)iova_of(area, first), count, status);
	if (status == IOMMU_EINVAL && cuts_a_large_page(d, area, first, count))
		return;
	expect(status == 0 || is_hardware_failure(status), "an unmap failed for no reason");
	expect(status == 0 || t.uncertain, "an unmap was not confirmed though hardware works");
	for (i = first; i < first + count; i++)
		if (d->pages[area][i].known == MAPPED)
			d->pages[area][i].known = LIMBO;
	for (i = first; i < first + count && status == 0; i++)
		forget(&d->pages[area][i]);
	if (status == 0)
		confirmed(d);
	dma_by_all(area, first, count < 64 ? count : 3);
}

/* A cut through a large page, with and without leave to split it. */
static void do_split(void)
{
	struct shadow_domain *d = some_domain();
	const unsigned int page = below(1024);
	int status;

	note("split");
	if (d == NULL || t.uncertain || d->pages[1][page].known != MAPPED)
		return;
	dma_by_all(1, page, 1);
	status = iommu_unmap(d->domain, iova_of(1, page), IOMMU_PAGE_SIZE, IOMMU_UNMAP_SPLIT, NULL);
	note("split domain %d %#llx -> %d", (int)(d - t.domains),
	     (unsigned long long)iova_of(1, page), status);
	expect(status == 0 || status == IOMMU_ENOMEM, "a split failed for no reason");
	if (status == 0)
		forget(&d->pages[1][page]);
	dma_by_all(1, page & ~1U, 2);
}

/* --- Attach and detach ------------------------------------------------------------------------ */

/* May an attach end so? */
static bool attach_may_fail(const struct shadow_device *device, int status)
{
	return status == IOMMU_ENOMEM || (is_hardware_failure(status) && t.uncertain) ||
	       status == IOMMU_ENOSPC || (status == IOMMU_EINVAL && !t.are_alike) ||
	       (status == IOMMU_EIO && iommu_endpoint_is_lost(device->endpoint));
}

/* How a call ended that says what a device uses. */
static void told(struct shadow_device *device, unsigned int pasid, int status)
{
	device->unsure[pasid] =
		status != 0 && (device->unsure[pasid] || is_hardware_failure(status));
}

static void do_attach(void)
{
	struct shadow_device *device = &t.devices[below(t.device_count)];
	const unsigned int index = below(DOMAINS);
	const unsigned int area = below(AREAS);
	int status;

	note("attach");
	if (t.domains[index].domain == NULL)
		return;
	dma(device, area, below(64), random_access());
	status = iommu_domain_attach_group(t.domains[index].domain, device->group);
	note("attach %04x to domain %u -> %d", device->device->source_id, index, status);
	if (status == 0)
		device->domain[0] = (int)index;
	else
		expect(attach_may_fail(device, status), "an attach failed for no reason");
	told(device, 0, status);
	dma_as(device, 0, area, below(64), random_access());
}

/* --- PASIDs ----------------------------------------------------------------------------------- */

static void do_attach_pasid(void)
{
	struct shadow_device *device = &t.devices[below(t.device_count)];
	const unsigned int index = below(DOMAINS);
	const unsigned int area = below(AREAS);
	struct iommu_pasid_handle *handle;
	unsigned int p;
	int status;

	note("attach a PASID");
	if (t.domains[index].domain == NULL || device->pasids == 1)
		return;
	p = 1 + below(device->pasids - 1);
	dma_as(device, p, area, below(64), random_access());
	handle = &device->handles[p][!device->handle[p]];
	status = device->domain[p] == BLOCKED
			 ? iommu_domain_attach_pasid(t.domains[index].domain, device->group,
						     pasids[p], handle)
			 : iommu_domain_replace_pasid(t.domains[index].domain, device->group,
						      pasids[p], handle);
	note("attach %04x pasid %u to domain %u -> %d", device->device->source_id, pasids[p], index,
	     status);
	told(device, p, status);
	if (status == 0) {
		device->domain[p] = (int)index;
		device->handle[p] = !device->handle[p];
	} else {
		expect(attach_may_fail(device, status),
		       "an attach of a PASID failed for no reason");
	}
	dma_as(device, p, area, below(64), random_access());
}

static void detach_pasid(struct shadow_device *device, unsigned int p)
{
	const int status = iommu_domain_detach_pasid(device->group, pasids[p]);

	note("detach %04x pasid %u -> %d", device->device->source_id, pasids[p], status);
	expect(status == 0 || (is_hardware_failure(status) && t.uncertain),
	       "a detach of a PASID failed for no reason");
	told(device, p, status);
	device->domain[p] = BLOCKED;
}

static void do_detach_pasid(void)
{
	struct shadow_device *device = &t.devices[below(t.device_count)];
	const unsigned int area = below(AREAS);
	const unsigned int p = below(device->pasids);

	note("detach a PASID");
	if (p == 0 || device->domain[p] == BLOCKED)
		return;
	dma_as(device, p, area, below(64), random_access());
	detach_pasid(device, p);
	dma_as(device, p, area, below(64), random_access());
}

/* Everything that uses a domain lets go of it (-1: of any). */
static void detach_all(struct shadow_device *device, int domain)
{
	unsigned int p;
	int status;

	for (p = 1; p < device->pasids; p++)
		if (device->domain[p] != BLOCKED && (domain < 0 || device->domain[p] == domain))
			detach_pasid(device, p);
	if (domain >= 0 && device->domain[0] != domain)
		return;
	status = iommu_domain_detach_group(device->group);
	expect(status == 0 || t.uncertain, "a detach failed for no reason");
	told(device, 0, status);
	device->domain[0] = BLOCKED;
}

static void do_identity(void)
{
	struct shadow_device *device = &t.devices[below(t.device_count)];
	const unsigned int area = below(AREAS);
	int status;

	note("identity");
	if (t.identity == NULL || device->device->has_tlb)
		return;
	dma(device, area, below(64), random_access());
	status = iommu_domain_attach_group(t.identity, device->group);
	note("attach %04x to identity -> %d", device->device->source_id, status);
	if (status == 0)
		device->domain[0] = IDENTITY;
	else
		expect(attach_may_fail(device, status), "an attach failed for no reason");
	told(device, 0, status);
	dma(device, area, below(64), random_access());
}

static void do_detach(void)
{
	struct shadow_device *device = &t.devices[below(t.device_count)];
	const unsigned int area = below(AREAS);
	int status;

	dma(device, area, below(64), random_access());
	status = iommu_domain_detach_group(device->group);
	note("detach %04x -> %d", device->device->source_id, status);
	expect(status == 0 || (is_hardware_failure(status) && t.uncertain),
	       "a detach failed for no reason");
	told(device, 0, status);
	device->domain[0] = BLOCKED;
	dma(device, area, below(64), random_access());
}

static void drop_memory(struct shadow_domain *d)
{
	unsigned int area, page;

	for (area = 0; area < AREAS; area++)
		for (page = 0; page < areas[area].pages; page++)
			forget(&d->pages[area][page]);
}

static void do_domain(void)
{
	const unsigned int index = below(DOMAINS);
	struct shadow_domain *d = &t.domains[index];
	struct iommu_domain_info info;
	unsigned int i;
	int status;

	if (d->domain == NULL) {
		const struct iommu_domain_config config = {.stage = (enum iommu_stage)below(3)};

		/* Made for one unit, it is for the others to adapt. */
		status = iommu_domain_alloc(t.units[below(t.machine.unit_count)],
					    IOMMU_DOMAIN_PAGING, &config, &d->domain);
		note("alloc domain %u of stage %d -> %d", index, (int)config.stage, status);
		expect(status == 0 || status == IOMMU_ENOMEM ||
			       (status == IOMMU_EOPNOTSUPP && config.stage != IOMMU_STAGE_ANY),
		       "no domain for no reason");
		if (status != 0)
			return;
		iommu_domain_get_info(d->domain, &info);
		d->is_first_stage = info.stage == IOMMU_STAGE_FIRST;
		return;
	}
	note("free domain %u", index);
	if (below(8) != 0)
		return;
	for (i = 0; i < t.device_count; i++)
		detach_all(&t.devices[i], (int)index);
	status = iommu_domain_free(d->domain);
	note("free domain %u -> %d", index, status);
	expect(status == 0 || (is_hardware_failure(status) && t.uncertain),
	       "a domain without a user was not freed");
	if (status != 0)
		return;
	d->domain = NULL;
	drop_memory(d);
}

/* --- Units, faults, failures ------------------------------------------------------------------ */

static void do_unit(void)
{
	const unsigned int index = below(t.machine.unit_count);
	int status;

	note("unit");
	if (below(16) != 0 || t.uncertain)
		return;
	status = iommu_unit_disable(t.units[index]);
	note("disable unit %u -> %d", index, status);
	expect(status == 0, "a unit was not disabled");
	t.unit_is_on[index] = false;
	dma_at_random();
	do_unmap();
	status = iommu_unit_enable(t.units[index]);
	expect(status == 0, "a unit was not enabled");
	t.unit_is_on[index] = true;
}

static void do_power(void)
{
	unsigned int i;

	note("suspend and resume");
	if (below(8) != 0 || t.uncertain)
		return;
	expect(iommu_suspend(t.iommu) == 0, "suspend failed");
	for (i = 0; i < t.machine.unit_count; i++)
		if (below(4) != 0)
			iommu_model_vtd_reset(t.machine.units[i]);
	expect(iommu_resume(t.iommu) == 0, "resume failed");
}

static void do_one(void);

/* A device does not answer for a while, and is reset if that was noticed. */
static void do_silence(void)
{
	struct shadow_device *device = &t.devices[below(t.device_count)];
	unsigned int operations = 1 + below(5);

	note("a device falls silent");
	if (t.uncertain || !device->device->has_tlb || device->device->silent || below(4) != 0)
		return;
	device->device->silent = true;
	while (operations-- != 0)
		do_one();
	device->device->silent = false;
	if (!iommu_endpoint_is_lost(device->endpoint))
		return;
	note("%04x was lost and is reset", device->device->source_id);
	memset(device->device->tlb, 0, sizeof(device->device->tlb));
	detach_all(device, -1);
	(void)iommu_endpoint_was_reset(device->endpoint);
}

/* A device is reset, and answers nothing meanwhile, whatever else goes on. */
static void do_reset(void)
{
	struct shadow_device *device = &t.devices[below(t.device_count)];
	unsigned int operations = below(6);
	int status = 0;

	note("a device is reset");
	if (t.uncertain || device->device->silent || below(4) != 0)
		return;
	if (!iommu_endpoint_is_in_reset(device->endpoint))
		status = iommu_endpoint_reset_begin(device->endpoint);
	note("begin the reset of %04x -> %d", device->device->source_id, status);
	expect(status == 0, "a reset did not begin");
	device->device->silent = device->device->has_tlb;
	while (operations-- != 0)
		do_one();
	device->device->silent = false;
	memset(device->device->tlb, 0, sizeof(device->device->tlb));
	status = iommu_endpoint_reset_end(device->endpoint);
	note("end the reset of %04x -> %d", device->device->source_id, status);
	/* What was attached meanwhile may not suit its unit. */
	expect(status == 0 || status == IOMMU_ENOMEM || status == IOMMU_EINVAL ||
		       status == IOMMU_ENOSPC || status == IOMMU_EOPNOTSUPP || t.uncertain,
	       "a reset did not end");
}

static bool has_faults(unsigned int unit)
{
	return (iommu_model_vtd_mmio_read(t.machine.units[unit], VTD_FSTS, 4) &
		(VTD_FSTS_PPF | VTD_FSTS_PFO)) != 0;
}

static void do_faults(void)
{
	unsigned int i;
	bool lost;

	note("faults");
	for (i = 0; i < t.machine.unit_count; i++) {
		const unsigned int messages = t.machine.messages;

		expect(iommu_unit_handle_faults(t.units[i], &lost) >= 0, "faults cannot be read");
		/* Devices fault at each register write meanwhile. */
		expect(messages != t.machine.messages || !has_faults(i),
		       "a unit is left with faults, and sends no message for them");
	}
}

static void misbehave(const struct iommu_model_vtd_faults *faults)
{
	unsigned int i;

	for (i = 0; i < t.machine.unit_count; i++)
		iommu_model_vtd_misbehave(t.machine.units[i], faults);
}

/* A confirmed operation on every domain makes everything good again that was not confirmed. */
static bool recover_by_working(void)
{
	bool covered[MACHINE_UNITS] = {false};
	unsigned int i;

	for (i = 0; i < t.device_count; i++)
		if (t.devices[i].domain[0] >= 0 && !iommu_endpoint_is_lost(t.devices[i].endpoint))
			covered[t.devices[i].device->unit] = true;
	for (i = 0; i < t.machine.unit_count; i++)
		if (!covered[i])
			return false;
	for (i = 0; i < DOMAINS; i++) {
		struct iommu_domain *domain = t.domains[i].domain;

		/* Nothing is ever mapped there. */
		if (domain != NULL && iommu_unmap(domain, 0x1000, 0x1000, 0, NULL) != 0)
			return false;
	}
	return true;
}

/*
 * Where it was not confirmed that a device's TLB forgot something, the device was kept from using
 * it: until something is attached to it again.
 */
static void attach_again(struct shadow_device *device)
{
	unsigned int p;

	for (p = 1; p < device->pasids; p++) {
		if (device->domain[p] == BLOCKED)
			continue;
		device->handle[p] = !device->handle[p];
		expect(iommu_domain_replace_pasid(t.domains[device->domain[p]].domain,
						  device->group, pasids[p],
						  &device->handles[p][device->handle[p]]) == 0,
		       "a PASID cannot be attached again");
	}
	if (device->domain[0] < 0)
		return;
	expect(iommu_domain_detach_group(device->group) == 0, "a detach failed for no reason");
	expect(iommu_domain_attach_group(t.domains[device->domain[0]].domain, device->group) == 0,
	       "a device cannot be attached again");
}

/* From here on everything is certain. */
static void recover(void)
{
	const struct iommu_model_vtd_faults none = {0};
	unsigned int i, area, page;

	misbehave(&none);
	t.machine.fail_at = 0;
	for (i = 0; i < t.machine.unit_count && below(2) == 0; i++)
		(void)iommu_unit_handle_faults(t.units[i], NULL);
	if (below(2) == 0 || !recover_by_working())
		for (i = 0; i < t.machine.unit_count; i++) {
			expect(iommu_unit_disable(t.units[i]) == 0, "a unit was not disabled");
			expect(iommu_unit_enable(t.units[i]) == 0, "a unit was not enabled");
		}
	else
		for (i = 0; i < t.device_count; i++)
			if (t.devices[i].device->has_tlb && !t.devices[i].device->silent &&
			    !iommu_endpoint_is_lost(t.devices[i].endpoint))
				attach_again(&t.devices[i]);
	t.uncertain = false;
	for (i = 0; i < t.device_count; i++)
		memset(t.devices[i].unsure, 0, sizeof(t.devices[i].unsure));
	while (t.limbo_count != 0)
		model_machine_give(&t.machine, t.limbo[--t.limbo_count], 1);
	for (i = 0; i < DOMAINS; i++)
		for (area = 0; area < AREAS; area++)
			for (page = 0; page < areas[area].pages; page++)
				if (t.domains[i].pages[area][page].known == LIMBO)
					forget(&t.domains[i].pages[area][page]);
}

static void do_hardware_failure(void)
{
	struct iommu_model_vtd_faults faults = {0};
	const struct iommu_model_vtd_faults none = {0};
	unsigned int operations = 1 + below(6);

	note("hardware failure");
	if (t.uncertain || below(16) != 0)
		return;
	switch (below(4)) {
	case 3:
		faults.invalidations_hang = true;
		break;
	case 0:
		faults.waits_hang = true;
		break;
	case 1:
		faults.refuse_after = 1 + below(4);
		break;
	default:
		faults.commands_hang = true;
		faults.waits_hang = below(2) != 0;
	}
	t.uncertain = true;
	misbehave(&faults);
	while (operations-- != 0)
		do_one();
	/* Well again, and nothing was done about it yet. */
	misbehave(&none);
	for (operations = below(6); operations != 0; operations--)
		do_one();
	recover();
}

/* Slow is not broken: everything must hold. */
static void do_slow(void)
{
	const struct iommu_model_vtd_faults slow = {.command_delay = 1 + below(20),
						    .wait_delay = 1 + below(3)};
	const struct iommu_model_vtd_faults none = {0};

	note("slow hardware");
	if (t.uncertain)
		return;
	misbehave(&slow);
	do_one();
	misbehave(&none);
}

static void do_out_of_memory(void)
{
	t.machine.fail_at = t.machine.allocations + 1 + below(4);
	note("memory runs out soon");
}

static void do_one(void)
{
	static const struct {
		void (*run)(void);
		unsigned int weight;
	} operations[] = {
		{do_map, 27},          {do_unmap, 24},       {do_attach, 10},
		{do_detach, 3},        {do_attach_pasid, 6}, {do_detach_pasid, 2},
		{do_domain, 4},        {do_split, 4},        {do_unit, 1},
		{do_faults, 3},        {do_slow, 1},         {do_hardware_failure, 1},
		{do_out_of_memory, 2}, {do_power, 1},        {do_silence, 2},
		{do_reset, 2},         {do_identity, 2},     {dma_at_random, 7},
	};
	unsigned int pick = below(100);
	size_t i;

	for (i = 0; pick >= operations[i].weight; i++)
		pick -= operations[i].weight;
	t.operation++;
	note("dma");
	operations[i].run();
	expect(true, "");
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Units that differ in one of these do not fit every domain. */
#define STAGES                                                                                     \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NO_SECOND_STAGE)

static void set_up(const struct iommu_model_vtd_config *configs, unsigned int units)
{
	static const uint16_t ids[] = {0x0020, 0x0028, 0x0029, 0x0108, 0x0210, 0x0211};
	const struct iommu_vtd_options options = {.timeout_ns = 2000000};
	unsigned int i;

	model_machine_init(&t.machine, 0, NULL);
	t.machine.quiet = true;
	t.are_alike = true;
	for (i = 0; i < units; i++) {
		model_machine_add_unit(&t.machine, &configs[i]);
		t.are_alike = t.are_alike && ((configs[i].flags ^ configs[0].flags) & STAGES) == 0;
	}
	t.device_count = sizeof(ids) / sizeof(ids[0]);
	for (i = 0; i < t.device_count; i++) {
		t.devices[i].device = model_machine_add_device(&t.machine, i % units, ids[i]);
		t.devices[i].pasids = 1;
	}
	for (i = 0; i < LARGE; i++)
		t.large[i] = model_machine_take(&t.machine, 512);
	model_machine_make_dmar(&t.machine);
	t.machine.meanwhile = meanwhile;
	assert_int_equal(iommu_create(&t.machine.platform, &t.iommu), 0);
	assert_int_equal(iommu_vtd_probe(t.iommu, t.machine.dmar, t.machine.dmar_size, &options),
			 0);
	for (i = 0; i < units; i++) {
		t.units[i] = iommu_next_unit(t.iommu, i == 0 ? NULL : t.units[i - 1]);
		assert_int_equal(iommu_vtd_set_fault_interrupt(t.units[i], 0xfee00000, 0x41), 0);
		assert_int_equal(iommu_unit_enable(t.units[i]), 0);
		t.unit_is_on[i] = true;
	}
	for (i = 0; i < t.device_count; i++) {
		/* Where units allow it, most devices keep translations. */
		const struct iommu_endpoint_info info = {.source_id = ids[i],
							 .device_tlb = i % 3 != 0,
							 .tlb_global_invalidate = i % 2 != 0,
							 .physical_function = ids[i],
							 .max_pasids = 65536};
		unsigned int p;

		assert_int_equal(iommu_probe_endpoint(t.iommu, &info, &t.devices[i].endpoint), 0);
		t.devices[i].group = iommu_endpoint_group(t.devices[i].endpoint);
		for (p = 0; p < PASIDS; p++)
			t.devices[i].domain[p] = BLOCKED;
		if (iommu_capable(t.devices[i].endpoint, IOMMU_CAPABLE_PASID)) {
			assert_int_equal(iommu_endpoint_enable_feature(t.devices[i].endpoint,
								       IOMMU_FEATURE_PASID),
					 0);
			t.devices[i].pasids = PASIDS;
		}
		t.devices[i].device->has_tlb =
			iommu_endpoint_uses_device_tlb(t.devices[i].endpoint);
	}
	if (iommu_domain_alloc(t.units[0], IOMMU_DOMAIN_IDENTITY, NULL, &t.identity) != 0)
		t.identity = NULL;
}

static void tear_down(void)
{
	unsigned int i;

	t.machine.fail_at = 0;
	for (i = 0; i < t.device_count; i++) {
		detach_all(&t.devices[i], -1);
		assert_int_equal(iommu_release_endpoint(t.devices[i].endpoint), 0);
	}
	if (t.identity != NULL)
		assert_int_equal(iommu_domain_free(t.identity), 0);
	for (i = 0; i < DOMAINS; i++)
		if (t.domains[i].domain != NULL) {
			assert_int_equal(iommu_domain_free(t.domains[i].domain), 0);
			drop_memory(&t.domains[i]);
		}
	assert_int_equal(iommu_destroy(t.iommu), 0);
	model_machine_destroy(&t.machine);
}

#define WIDE .address_width = 48, .levels = 1U << 3 | 1U << 4
#define CONFIG(...)                                                                                \
	{                                                                                          \
		WIDE, .address_mask = 9, __VA_ARGS__                                               \
	}

#define EVERYTHING                                                                                 \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NESTED |         \
	 IOMMU_MODEL_VTD_DIRTY | IOMMU_MODEL_VTD_PASID)

static const struct {
	unsigned int units;
	struct iommu_model_vtd_config configs[MACHINE_UNITS];
} kinds[] = {
	{1, {CONFIG(.fault_records = 8, .flags = IOMMU_MODEL_VTD_PASS_THROUGH)}},
	{2,
	 {CONFIG(.flags = IOMMU_MODEL_VTD_CACHING_MODE),
	  CONFIG(.flags = IOMMU_MODEL_VTD_CACHING_MODE | IOMMU_MODEL_VTD_NONCOHERENT,
		 .domain_bits = 4)}},
	{2, {CONFIG(.flags = 0), CONFIG(.flags = IOMMU_MODEL_VTD_NONCOHERENT)}},
	{3,
	 {{WIDE, .address_mask = 0},
	  CONFIG(.flags = IOMMU_MODEL_VTD_NO_PAGES),
	  CONFIG(.flags = IOMMU_MODEL_VTD_NO_QUEUE)}},
	{1, {CONFIG(.forget_seed = 99, .flags = IOMMU_MODEL_VTD_CACHING_MODE)}},
	{1, {CONFIG(.flags = IOMMU_MODEL_VTD_SELF_INVALIDATING, .version = 0x60)}},
	{1, {CONFIG(.flags = IOMMU_MODEL_VTD_DEVICE_TLB)}},
	{2,
	 {CONFIG(.flags = IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASS_THROUGH |
			  IOMMU_MODEL_VTD_CACHING_MODE),
	  CONFIG(.flags = IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASS_THROUGH |
			  IOMMU_MODEL_VTD_NONCOHERENT,
		 .domain_bits = 4)}},
	/* Units that have no table depth in common. */
	{3,
	 {{.levels = 1U << 4, .address_mask = 9},
	  {.levels = 1U << 3,
	   .address_width = 39,
	   .address_mask = 4,
	   .pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
	   .flags = IOMMU_MODEL_VTD_NONCOHERENT},
	  {.levels = 1U << 5, .address_width = 57, .flags = IOMMU_MODEL_VTD_CACHING_MODE}}},
	/* Scalable mode. */
	{1, {CONFIG(.flags = EVERYTHING | IOMMU_MODEL_VTD_PASS_THROUGH)}},
	{2,
	 {CONFIG(.flags = EVERYTHING | IOMMU_MODEL_VTD_CACHING_MODE, .domain_bits = 4),
	  CONFIG(.flags = EVERYTHING | IOMMU_MODEL_VTD_NONCOHERENT | IOMMU_MODEL_VTD_NO_PAGES)}},
	{1,
	 {CONFIG(.flags = EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASS_THROUGH)}},
	{2,
	 {CONFIG(.flags = EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_CACHING_MODE),
	  CONFIG(.flags = EVERYTHING | IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_NONCOHERENT,
		 .forget_seed = 7)}},
	/* Side by side: no second stage, none but the second, and legacy mode. */
	{3,
	 {CONFIG(.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
			  IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_NO_SECOND_STAGE),
	  CONFIG(.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID |
			  IOMMU_MODEL_VTD_DEVICE_TLB),
	  CONFIG(.flags = IOMMU_MODEL_VTD_DEVICE_TLB)}},
};

static void run_kind(unsigned int kind, uint64_t operations)
{
	memset(&t, 0, sizeof(t));
	t.kind = kind;
	t.seed = test_setting("IOMMU_TEST_SEED", 0x5eed) + kind;
	t.random.state = t.seed;
	set_up(kinds[kind].configs, kinds[kind].units);
	while (t.operation < operations) {
		do_one();
		if (below(64) == 0)
			t.machine.fail_at = 0;
	}
	tear_down();
}

static void random_operations(void **state)
{
	const uint64_t operations = test_setting("IOMMU_TEST_OPERATIONS", 1000000);
	const unsigned int count = sizeof(kinds) / sizeof(kinds[0]);
	unsigned int kind;

	(void)state;
	for (kind = 0; kind < count; kind++)
		run_kind(kind, operations / count + 1);
}

/* A write buffer is copied as a whole at each flush: fewer operations. */
static void random_operations_with_a_write_buffer(void **state)
{
	static const struct iommu_model_vtd_config configs[] = {
		CONFIG(.flags = IOMMU_MODEL_VTD_WRITE_BUFFER),
		CONFIG(.flags = IOMMU_MODEL_VTD_WRITE_BUFFER | EVERYTHING),
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		memset(&t, 0, sizeof(t));
		t.kind = 100 + i;
		t.seed = test_setting("IOMMU_TEST_SEED", 0x5eed);
		t.random.state = t.seed;
		set_up(&configs[i], 1);
		while (t.operation < 300)
			do_one();
		tear_down();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(random_operations_with_a_write_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
