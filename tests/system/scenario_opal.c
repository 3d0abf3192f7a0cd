/* SPDX-License-Identifier: BSD-2-Clause */
/* Bridges under OPAL: tables in memory, which the bridge walks. */
#include <libiommu/dma.h>

#include "scenario_power.h"
#include "scenario_steps.h"

#define SIZE_64K (1ULL << 16)

static int add_pe(struct iommu_unit *unit, uint16_t source_id)
{
	const struct iommu_opal_pe_config config = {
		.kind = IOMMU_OPAL_PE_DEVICE,
		.source_id = source_id,
		.number = IOMMU_OPAL_NO_PE,
	};
	uint32_t number;

	return iommu_opal_add_pe(unit, &config, &number);
}

static bool start(struct scenario *s, const struct opal_machine *m)
{
	struct iommu_unit *unit;
	unsigned int i;
	int status;

	title(s, "A host bridge, with all windows closed");
	status = iommu_create(m->base.platform, &s->iommu);
	if (status == 0)
		status = iommu_set_default_type(s->iommu, IOMMU_DOMAIN_BLOCKED);
	if (status == 0)
		status = iommu_opal_probe(s->iommu, &m->opal);
	check(s, status == 0, "firmware knows the bridge, and closes its windows");
	if (status != 0) {
		say(s, iommu_strerror(status));
		say(s, "\n");
		return false;
	}
	unit = iommu_next_unit(s->iommu, NULL);
	for (i = 0; i < 2; i++) {
		check(s,
		      iommu_probe_endpoint(s->iommu, &m->base.devices[i].info, &s->endpoints[i]) ==
			      IOMMU_ENOENT,
		      "a device without a PE is none of its");
		check(s, add_pe(unit, m->base.devices[i].info.source_id) == 0,
		      "firmware gives it a PE of its own");
		status = iommu_probe_endpoint(s->iommu, &m->base.devices[i].info, &s->endpoints[i]);
		check(s, status == 0, "a device is told of");
		if (status != 0)
			return false;
		say(s, "   ");
		say(s, iommu_endpoint_name(s->endpoints[i]));
		say(s, " is ");
		say_source_id(s, m->base.devices[i].info.source_id);
		say(s, " behind ");
		say(s, iommu_unit_name(unit));
		say(s, ", in group ");
		say(s, iommu_group_name(iommu_endpoint_group(s->endpoints[i])));
		say(s, "\n");
	}
	s->unit = unit;
	s->secret = page_new(s, SIZE_64K);
	s->target = page_new(s, SIZE_64K);
	s->other = page_new(s, SIZE_64K);
	status = iommu_unit_enable(unit);
	check(s, status == 0, "translation is on");
	return status == 0 && s->other.bytes != NULL;
}

static bool domain_new(struct scenario *s, unsigned int number, uint64_t page_size,
		       unsigned int width)
{
	const struct iommu_domain_config config = {
		.address_width = width,
		.pgsize_bitmap = page_size,
	};
	const int status =
		iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, &config, &s->domains[number]);

	check(s, status == 0, "a domain is made");
	return status == 0;
}

static int detach(struct scenario *s, unsigned int device)
{
	return iommu_domain_detach_group(iommu_endpoint_group(s->endpoints[device]));
}

#define SECRET 0x100000ULL
#define TARGET 0x180000ULL

static void closed_windows(struct scenario *s)
{
	title(s, "No domain attached: nothing arrives");
	expect_no_write(s, 0, s->target.paddr, &s->target, "device A writes to a physical address");
	expect_no_write(s, 1, s->target.paddr, &s->target, "device B does");
}

static void entries(struct scenario *s)
{
	const struct page last = {s->target.bytes + 4096 - PATTERN_SIZE / 2,
				  s->target.paddr + 4096 - PATTERN_SIZE / 2};

	title(s, "Pages of 4K in tables of two levels");
	if (!domain_new(s, 0, IOMMU_SIZE_4K, 30))
		return;
	check(s, attach(s, 0, 0) == 0, "the window of device A's PE is opened");
	expect_no_write(s, 0, TARGET, &s->target, "an empty table lets nothing pass");
	check(s,
	      map(s, 0, SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      map(s, 0, TARGET, s->target.paddr, 8192,
			  IOMMU_PROT_READ | IOMMU_PROT_WRITE) == 0,
	      "three pages are mapped");
	expect_moved(s, 0, SECRET, &s->secret, TARGET, &s->target, "a copy arrives");
	expect_moved(s, 0, SECRET, &s->secret, TARGET + 4096 - PATTERN_SIZE / 2, &last,
		     "a copy across two pages does");
	expect_no_write(s, 0, SECRET, &s->secret, "a page for reading is not written to");
	check(s, unmap(s, 0, TARGET, 8192) == 0, "two are unmapped");
	expect_no_write(s, 0, TARGET, &s->target, "the very next write does not arrive");
	check(s, map(s, 0, TARGET, s->other.paddr, 4096, IOMMU_PROT_READ | IOMMU_PROT_WRITE) == 0,
	      "another page is where one was");
	expect_moved(s, 0, SECRET, &s->secret, TARGET, &s->other, "a copy arrives there");
}

static void isolation(struct scenario *s)
{
	title(s, "Two PEs that know nothing of each other");
	if (!domain_new(s, 1, IOMMU_SIZE_4K, 30))
		return;
	expect_no_write(s, 1, TARGET, &s->other, "device B does not reach what is mapped for A");
	check(s,
	      attach(s, 1, 1) == 0 && map(s, 1, TARGET, s->target.paddr, 4096,
					  IOMMU_PROT_READ | IOMMU_PROT_WRITE) == 0,
	      "device B has a domain of its own, with the same address in it");
	pattern_put(s, s->secret.bytes);
	device_read(s, 0, SECRET);
	device_read(s, 1, TARGET);
	pattern_put(s, s->other.bytes);
	pattern_put(s, s->target.bytes);
	device_write(s, 0, TARGET);
	check(s, same(s->secret.bytes, s->other.bytes) && !same(s->secret.bytes, s->target.bytes),
	      "A writes to its page, and not to B's");
	expect_no_write(s, 1, SECRET, &s->secret, "B does not reach A's other page");
	check(s, detach(s, 0) == 0, "the window of A is closed");
	expect_no_write(s, 0, TARGET, &s->other, "A reaches nothing");
	expect_moved(s, 1, TARGET, &s->target, TARGET, &s->target, "B goes on");
	check(s, detach(s, 1) == 0, "the window of B is closed, too");
	check(s, iommu_domain_free(s->domains[0]) == 0 && iommu_domain_free(s->domains[1]) == 0,
	      "the domains are freed");
}

static void one_shape(struct scenario *s, uint64_t page_size, unsigned int width, const char *what)
{
	/* Near the end of the window, so that the index at every level is not 0. */
	const iommu_iova_t target = (1ULL << width) - 3 * page_size;

	title(s, what);
	if (!domain_new(s, 0, page_size, width))
		return;
	check(s,
	      attach(s, 0, 0) == 0 &&
		      map(s, 0, page_size, s->secret.paddr, page_size, IOMMU_PROT_READ) == 0 &&
		      map(s, 0, target, s->target.paddr, page_size,
			  IOMMU_PROT_READ | IOMMU_PROT_WRITE) == 0,
	      "a page each near both ends of the window");
	expect_moved(s, 0, page_size, &s->secret, target, &s->target, "a copy arrives");
	expect_no_write(s, 0, target + page_size, &s->target, "the page behind is not there");
	check(s, unmap(s, 0, target, page_size) == 0, "it is unmapped");
	expect_no_write(s, 0, target, &s->target, "the next write does not arrive");
	check(s, detach(s, 0) == 0 && iommu_domain_free(s->domains[0]) == 0, "it is taken down");
}

static void identity(struct scenario *s)
{
	struct iommu_domain *domain;

	title(s, "A window through which addresses pass as they are");
	check(s,
	      iommu_domain_alloc(s->unit, IOMMU_DOMAIN_IDENTITY, NULL, &domain) == 0 &&
		      iommu_domain_attach_group(domain, iommu_endpoint_group(s->endpoints[0])) == 0,
	      "device A has one");
	expect_moved(s, 0, s->secret.paddr, &s->secret, s->target.paddr, &s->target,
		     "it copies between physical addresses");
	expect_no_write(s, 1, s->target.paddr, &s->target, "device B does not");
	check(s, detach(s, 0) == 0 && iommu_domain_free(domain) == 0, "it is closed");
	expect_no_write(s, 0, s->target.paddr, &s->target, "nothing passes any more");
}

static void large_pages(struct scenario *s)
{
	const struct iommu_domain_config config = {.pgsize_bitmap = SIZE_64K};
	struct iommu_dma_device device = iommu_dma_device_of(s->endpoints[0], UINT32_MAX);
	struct iommu_dma_config dma_config = {.domain = NULL};
	struct page shared = {NULL, 0};
	struct iommu_dma *dma = NULL;
	iommu_iova_t from = 0, to = 0;
	void *memory = NULL;

	title(s, "The DMA API in pages of 64K");
	if (iommu_domain_alloc(s->unit, IOMMU_DOMAIN_DMA, &config, &s->domains[0]) == 0) {
		dma_config.domain = s->domains[0];
		(void)iommu_dma_create(&dma_config, &dma);
	}
	check(s, dma != NULL && attach(s, 0, 0) == 0, "device A has such a domain");
	if (dma == NULL)
		return;
	check(s,
	      iommu_dma_map(dma, &device, s->secret.paddr + 0x8000, PATTERN_SIZE,
			    IOMMU_DMA_TO_DEVICE, &from) == 0 &&
		      from % SIZE_64K == 0x8000 &&
		      iommu_dma_alloc(dma, &device, PATTERN_SIZE, &memory, &to) == 0,
	      "a buffer is mapped, and memory shared");
	shared.bytes = memory;
	expect_moved(s, 0, from, &(struct page){s->secret.bytes + 0x8000, 0}, to, &shared,
		     "the device copies one to the other");
	check(s,
	      iommu_dma_unmap(dma, from, PATTERN_SIZE) == 0 &&
		      iommu_dma_free(dma, memory, to, PATTERN_SIZE) == 0,
	      "they go");
	expect_no_write(s, 0, from, &(struct page){s->secret.bytes + 0x8000, 0},
			"the device reaches them no more");
	check(s,
	      iommu_dma_destroy(dma) == 0 && detach(s, 0) == 0 &&
		      iommu_domain_free(s->domains[0]) == 0,
	      "it is taken down");
}

static void drivers(struct scenario *s)
{
	struct iommu_dma_device device = iommu_dma_device_of(s->endpoints[0], UINT32_MAX);
	struct iommu_group *group = iommu_endpoint_group(s->endpoints[0]);
	struct iommu_dma *dma = NULL;
	iommu_iova_t from = 0, to = 0;

	title(s, "A driver that maps through the DMA API");
	check(s,
	      iommu_group_set_default_type(group, IOMMU_DOMAIN_DMA) == 0 &&
		      iommu_dma_of(s->endpoints[0], &dma) == 0,
	      "device A's group has a domain of that kind");
	if (dma == NULL)
		return;
	check(s,
	      iommu_dma_map(dma, &device, s->secret.paddr, 4096, IOMMU_DMA_TO_DEVICE, &from) == 0 &&
		      iommu_dma_map(dma, &device, s->target.paddr, 4096, IOMMU_DMA_FROM_DEVICE,
				    &to) == 0,
	      "two buffers are mapped");
	expect_moved(s, 0, from, &s->secret, to, &s->target, "the device copies one to the other");
	check(s, iommu_dma_unmap(dma, from, 4096) == 0 && iommu_dma_unmap(dma, to, 4096) == 0,
	      "they are unmapped");
	expect_no_write(s, 0, to, &s->target, "the device reaches them no more");
	iommu_unuse_default_domain(s->endpoints[0]);
	check(s, iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED) == 0,
	      "the group is blocked again");
}

#define BIT_59 (1ULL << 59)

static void bypass(struct scenario *s)
{
	const struct iommu_dma_device wide = iommu_dma_device_of(s->endpoints[0], 0);
	struct iommu_dma_device narrow = iommu_dma_device_of(s->endpoints[0], UINT32_MAX);
	struct iommu_group *group = iommu_endpoint_group(s->endpoints[0]);
	const iommu_iova_t target = BIT_59 + s->target.paddr;
	struct iommu_dma *dma = NULL;
	iommu_iova_t from = 0, to = 0, mapped = 0;

	title(s, "A second window, by address bit 59, that passes on all of memory");
	check(s,
	      iommu_group_set_default_type(group, IOMMU_DOMAIN_DMA_BYPASS) == 0 &&
		      iommu_dma_of(s->endpoints[0], &dma) == 0,
	      "device A's group has one");
	if (dma == NULL)
		return;
	check(s,
	      iommu_dma_map(dma, &wide, s->secret.paddr, 4096, IOMMU_DMA_TO_DEVICE, &from) == 0 &&
		      from == BIT_59 + s->secret.paddr &&
		      iommu_dma_map(dma, &wide, s->target.paddr, 4096, IOMMU_DMA_FROM_DEVICE,
				    &to) == 0 &&
		      to == target,
	      "with 64 address bits nothing needs to be mapped");
	expect_moved(s, 0, from, &s->secret, to, &s->target, "the device copies through it");
	expect_no_write(s, 0, s->target.paddr, &s->target, "without bit 59 it reaches nothing");
	expect_no_write(s, 1, target, &s->target, "device B reaches nothing with it");
	check(s,
	      iommu_dma_map(dma, &narrow, s->target.paddr, 4096, IOMMU_DMA_FROM_DEVICE, &mapped) ==
			      0 &&
		      mapped <= UINT32_MAX,
	      "with 32 address bits buffers are mapped in the first");
	expect_moved(s, 0, from, &s->secret, mapped, &s->target, "the device copies through both");
	check(s, iommu_dma_unmap(dma, mapped, 4096) == 0, "it is unmapped");
	expect_no_write(s, 0, mapped, &s->target, "and reached no more");
	iommu_unuse_default_domain(s->endpoints[0]);
	check(s, iommu_group_claim(group, s) == 0, "a user takes the group");
	expect_no_write(s, 0, target, &s->target, "the second window is closed to the user");
	check(s, iommu_group_release(group, s) == 0, "the user gives it back");
	expect_moved(s, 0, from, &s->secret, to, &s->target, "it is open again");
	check(s, iommu_group_set_default_type(group, IOMMU_DOMAIN_BLOCKED) == 0,
	      "the group is blocked again");
	expect_no_write(s, 0, target, &s->target, "nothing passes");
}

static bool is_stopped(struct iommu_group *group, unsigned int what)
{
	struct iommu_freeze freeze;

	return iommu_group_get_freeze(group, &freeze) == 0 && freeze.stopped == what;
}

/*
 * What firmware answers. Nothing is frozen: machines that are emulated do not freeze, and their
 * firmware says so.
 */
static void recovery(struct scenario *s)
{
	struct iommu_group *group = iommu_endpoint_group(s->endpoints[0]);
	const uint32_t pe = iommu_opal_pe(s->endpoints[0]);
	const uint32_t other = iommu_opal_pe(s->endpoints[1]);
	static unsigned char data[16 << 10];
	struct iommu_opal_diagnosis diagnosis = {0};
	size_t length = 0;

	title(s, "Error recovery");
	check(s, is_stopped(group, 0), "a PE is not frozen");
	check(s, iommu_group_thaw(group, IOMMU_STOPPED_IO) == 0, "its registers are thawed");
	check(s, iommu_group_thaw(group, IOMMU_STOPPED_DMA) == 0, "its DMA is thawed");
	check(s, iommu_unit_handle_faults(s->unit, NULL) == 0, "nothing is to be reported");
	check(s,
	      iommu_group_get_diagnostics(group, data, sizeof(data), &length) == 0 &&
		      iommu_opal_read_diagnostics(data, length, pe, &diagnosis) == 0,
	      "the bridge has diagnostic data");
	check(s, !diagnosis.is_io_stopped && !diagnosis.is_dma_stopped,
	      "and its PE is not stopped");
	check(s, iommu_opal_link_pes(s->unit, pe, other, IOMMU_OPAL_COMPOUND) == 0,
	      "two PEs become a compound");
	check(s, iommu_opal_unlink_pes(s->unit, pe, other) == 0, "and are two again");
}

static void finish(struct scenario *s)
{
	title(s, "The end");
	check(s, iommu_unit_disable(s->unit) == 0, "all windows are closed");
	expect_no_write(s, 0, s->target.paddr, &s->target, "device A writes nowhere");
	iommu_release_endpoint(s->endpoints[0]);
	iommu_release_endpoint(s->endpoints[1]);
	check(s, iommu_destroy(s->iommu) == 0, "nothing is left");
}

bool scenario_opal(struct opal_machine *machine)
{
	static struct scenario scenario;
	struct scenario *s = &scenario;

	s->machine = &machine->base;
	if (start(s, machine)) {
		closed_windows(s);
		entries(s);
		isolation(s);
		one_shape(s, IOMMU_SIZE_4K, 21, "Pages of 4K, one level");
		one_shape(s, IOMMU_SIZE_4K, 39, "Pages of 4K, three levels");
		one_shape(s, SIZE_64K, 25, "Pages of 64K, one level");
		one_shape(s, SIZE_64K, 34, "Pages of 64K, two levels");
		one_shape(s, SIZE_64K, 43, "Pages of 64K, three levels");
		identity(s);
		drivers(s);
		large_pages(s);
		bypass(s);
		recovery(s);
		finish(s);
	}
	say_verdict(s);
	return s->failed == 0;
}
