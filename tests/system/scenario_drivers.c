/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library as an operating system uses it: the bus reports devices and drivers, drivers map by
 * the DMA API, a device is handed to a user, and one is removed while it is in use.
 */
#include "scenario_steps.h"

#define USER_IOVA 0x0000000520000000ULL

struct driver {
	struct iommu_dma *dma;
	struct iommu_dma_device device;
};

static int tell(const struct scenario *s, enum iommu_bus_event_type type, unsigned int device)
{
	const struct iommu_endpoint_info *info = &s->machine->devices[device].info;
	const struct iommu_bus_event event = {
		.type = type, .info = info, .segment = info->segment, .source_id = info->source_id};

	return iommu_report_bus_event(s->iommu, &event);
}

static void find_endpoint(struct scenario *s, unsigned int device)
{
	const struct iommu_endpoint_info *info = &s->machine->devices[device].info;

	s->endpoints[device] = iommu_find_endpoint(s->iommu, info->segment, info->source_id);
}

static struct iommu_group *group_of(const struct scenario *s, unsigned int device)
{
	return iommu_endpoint_group(s->endpoints[device]);
}

static void say_group(const struct scenario *s, unsigned int device)
{
	say(s, "   ");
	say(s, iommu_endpoint_name(s->endpoints[device]));
	say(s, " is ");
	say_source_id(s, s->machine->devices[device].info.source_id);
	say(s, ", in group ");
	say_number(s, iommu_group_id(group_of(s, device)));
	say(s, ", translated by ");
	say(s, iommu_unit_name(iommu_endpoint_unit(s->endpoints[device])));
	say(s, "\n");
}

/* --- Boot ------------------------------------------------------------------------------------- */

static bool start_back_ends(struct scenario *s, struct iommu_vtd_backend *backend)
{
	struct scenario_machine *m = s->machine;
	struct iommu_unit *unit = NULL;
	int status;

	title(s, "Devices are told of, back ends are started: protection is required");
	status = iommu_create(m->platform, &s->iommu);
	if (status == 0)
		status = iommu_set_pci_topology(s->iommu, m->topology);
	check(s, status == 0, "the bus is described");
	if (status != 0)
		return false;
	iommu_set_fault_handler(s->iommu, note_fault, s);
	iommu_vtd_backend_init(backend, m->dmar, m->dmar_size, &m->vtd_options);
	check(s,
	      tell(s, IOMMU_BUS_ADDED, 0) == 0 && tell(s, IOMMU_BUS_ADDED, 1) == 0 &&
		      iommu_waiting(s->iommu) == 2,
	      "two devices wait for a unit");
	status = iommu_register_backend(s->iommu, &backend->base);
	if (status == 0)
		status = iommu_start(s->iommu, IOMMU_START_REQUIRED | IOMMU_START_STRICT);
	check(s, status == 0 && iommu_waiting(s->iommu) == 0, "VT-d is there and takes them");
	if (status != 0)
		return false;
	while ((unit = iommu_next_unit(s->iommu, unit)) != NULL)
		say_unit(s, unit);
	check(s, iommu_start_late(s->iommu) == 0, "protection is on");
	return true;
}

static bool form_groups(struct scenario *s)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		find_endpoint(s, i);
		check(s, s->endpoints[i] != NULL, "a unit translates for the device");
		if (s->endpoints[i] == NULL)
			return false;
		say_group(s, i);
	}
	check(s, group_of(s, 0) != group_of(s, 1), "the two can be kept apart");
	s->unit = iommu_endpoint_unit(s->endpoints[0]);
	s->secret = page_new(s, 4096);
	s->target = page_new(s, 4096);
	s->other = page_new(s, 4096);
	return s->secret.bytes != NULL && s->target.bytes != NULL && s->other.bytes != NULL;
}

/* --- Drivers ---------------------------------------------------------------------------------- */

static bool bind(struct scenario *s, unsigned int device, struct driver *driver)
{
	int status = tell(s, IOMMU_BUS_BINDING, device);

	if (status == 0)
		status = tell(s, IOMMU_BUS_BOUND, device);
	if (status == 0)
		status = iommu_dma_of(s->endpoints[device], &driver->dma);
	driver->device = iommu_dma_device_of(s->endpoints[device], 0);
	check(s, status == 0, "its driver gets DMA mapping");
	return status == 0;
}

/* Two pages, mapped for as long as the device uses them. */
static void map_and_unmap(struct scenario *s, unsigned int device, struct driver *d)
{
	iommu_iova_t from = 0;
	iommu_iova_t to = 0;

	check(s,
	      iommu_dma_map(d->dma, &d->device, s->secret.paddr, PATTERN_SIZE, IOMMU_DMA_TO_DEVICE,
			    &from) == 0 &&
		      iommu_dma_map(d->dma, &d->device, s->target.paddr, PATTERN_SIZE,
				    IOMMU_DMA_FROM_DEVICE, &to) == 0,
	      "two buffers are mapped");
	check(s, from != s->secret.paddr && to != s->target.paddr,
	      "their addresses are the library's choice");
	/* Not after a read: QEMU blocks what its cache does not allow without recording a fault. */
	pattern_put(s, s->secret.bytes);
	expect_write_blocked(s, device, from, &s->secret, REASON_WRITE_DENIED);
	expect_copy(s, device, from, &s->secret, to, &s->target, "the device copies between them");
	check(s,
	      iommu_dma_unmap(d->dma, from, PATTERN_SIZE) == 0 &&
		      iommu_dma_unmap(d->dma, to, PATTERN_SIZE) == 0,
	      "they are unmapped");
	expect_read_blocked(s, device, from, REASON_READ_DENIED);
}

static void scattered(struct scenario *s, unsigned int device, struct driver *d)
{
	struct iommu_dma_piece pieces[2] = {{.paddr = s->secret.paddr, .size = 4096},
					    {.paddr = s->target.paddr, .size = 4096}};
	unsigned int elements = 0;

	check(s,
	      iommu_dma_map_sg(d->dma, &d->device, pieces, 2, IOMMU_DMA_BIDIRECTIONAL, &elements) ==
			      0 &&
		      elements == 1 && pieces[0].length == 8192,
	      "two scattered pages become one range");
	expect_copy(s, device, pieces[0].address, &s->secret, pieces[0].address + 4096, &s->target,
		    "the device copies from its first page to its second");
	check(s, iommu_dma_unmap_sg(d->dma, pieces, 2) == 0, "it is unmapped");
	expect_read_blocked(s, device, pieces[0].address + 4096, REASON_READ_DENIED);
}

static void shared_memory(struct scenario *s, unsigned int device, struct driver *d)
{
	struct page ring = {.bytes = NULL};
	iommu_iova_t address = 0;
	void *memory = NULL;

	check(s, iommu_dma_alloc(d->dma, &d->device, 4096, &memory, &address) == 0,
	      "a ring is allocated");
	if (memory == NULL)
		return;
	ring.bytes = memory;
	if (s->machine->lend != NULL)
		s->machine->lend(memory, true);
	pattern_put(s, ring.bytes);
	device_read(s, device, address);
	pattern_put(s, ring.bytes);
	device_write(s, device, address + 2048);
	check(s,
	      !same(ring.bytes, ring.bytes + 2048) &&
		      ring.bytes[2049] == (unsigned char)(ring.bytes[2048] + 7),
	      "the device reads and writes it");
	expect_no_fault(s);
	if (s->machine->lend != NULL)
		s->machine->lend(memory, false);
	check(s, iommu_dma_free(d->dma, memory, address, 4096) == 0, "it is freed");
	expect_read_blocked(s, device, address, REASON_READ_DENIED);
}

static void drivers_at_work(struct scenario *s, struct driver *drivers)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		title(s, i == 0 ? "A driver for device A" : "A driver for device B");
		if (!bind(s, i, &drivers[i]))
			continue;
		map_and_unmap(s, i, &drivers[i]);
		scattered(s, i, &drivers[i]);
		shared_memory(s, i, &drivers[i]);
	}
}

/* --- A user ----------------------------------------------------------------------------------- */

static void handed_to_a_user(struct scenario *s, struct driver *drivers)
{
	struct iommu_group *group = group_of(s, 1);
	iommu_iova_t mapped = 0;
	int user;

	title(s, "Device B is handed to a user, who chooses its addresses");
	check(s, iommu_group_claim(group, &user) == IOMMU_EBUSY, "not while a driver is bound");
	check(s,
	      iommu_dma_map(drivers[1].dma, &drivers[1].device, s->secret.paddr, 4096,
			    IOMMU_DMA_TO_DEVICE, &mapped) == 0,
	      "the driver leaves a buffer mapped, as drivers do");
	check(s,
	      tell(s, IOMMU_BUS_UNBINDING, 1) == 0 && tell(s, IOMMU_BUS_UNBOUND, 1) == 0 &&
		      iommu_group_claim(group, &user) == 0,
	      "without one it is the user's");
	expect_read_blocked(s, 1, mapped, REASON_NO_CONTEXT);
	check(s, tell(s, IOMMU_BUS_BINDING, 1) == IOMMU_EBUSY, "drivers are kept away");
	check(s,
	      iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, NULL, &s->domains[0]) == 0 &&
		      iommu_domain_attach_group(s->domains[0], group) == 0 &&
		      map(s, 0, USER_IOVA, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "the user maps a page at an address of its choice");
	pattern_put(s, s->other.bytes);
	device_read(s, 1, USER_IOVA);
	expect_no_fault(s);
	expect_read_blocked(s, 1, mapped, REASON_READ_DENIED);
	expect_write_blocked(s, 0, USER_IOVA, &s->other, REASON_WRITE_DENIED);
	check(s,
	      iommu_group_release(group, &user) == IOMMU_EBUSY &&
		      iommu_domain_detach_group(group) == 0 &&
		      iommu_group_release(group, &user) == 0 &&
		      iommu_domain_free(s->domains[0]) == 0,
	      "the user gives it back");
	expect_read_blocked(s, 1, USER_IOVA, REASON_READ_DENIED);
	device_read(s, 1, mapped);
	expect_no_fault(s);
	check(s, iommu_dma_unmap(drivers[1].dma, mapped, 4096) == 0, "what was left is unmapped");
}

/* --- Hot removal ------------------------------------------------------------------------------ */

static void taken_out(struct scenario *s, struct driver *drivers)
{
	iommu_iova_t from = 0;
	iommu_iova_t to = 0;

	title(s, "Device B is taken out, with a buffer mapped, and comes back");
	if (!bind(s, 1, &drivers[1]))
		return;
	check(s,
	      iommu_dma_map(drivers[1].dma, &drivers[1].device, s->secret.paddr, 4096,
			    IOMMU_DMA_BIDIRECTIONAL, &from) == 0,
	      "its driver maps a buffer");
	device_read(s, 1, from);
	expect_no_fault(s);
	check(s, tell(s, IOMMU_BUS_REMOVED, 1) == 0, "it is gone");
	s->endpoints[1] = NULL;
	expect_write_blocked(s, 1, from, &s->secret, REASON_NO_CONTEXT);
	check(s, iommu_dma_unmap(drivers[1].dma, from, 4096) == 0,
	      "its driver, which has not noticed, unmaps the buffer");
	check(s, tell(s, IOMMU_BUS_UNBOUND, 1) == 0, "and lets go");
	check(s, tell(s, IOMMU_BUS_ADDED, 1) == 0, "it is back");
	find_endpoint(s, 1);
	expect_read_blocked(s, 1, from, REASON_READ_DENIED);
	if (!bind(s, 1, &drivers[1]))
		return;
	check(s,
	      iommu_dma_map(drivers[1].dma, &drivers[1].device, s->secret.paddr, 4096,
			    IOMMU_DMA_BIDIRECTIONAL, &from) == 0 &&
		      iommu_dma_map(drivers[1].dma, &drivers[1].device, s->target.paddr, 4096,
				    IOMMU_DMA_BIDIRECTIONAL, &to) == 0,
	      "its driver maps anew");
	expect_copy(s, 1, from, &s->secret, to, &s->target, "and the device works");
	check(s,
	      iommu_dma_unmap(drivers[1].dma, from, 4096) == 0 &&
		      iommu_dma_unmap(drivers[1].dma, to, 4096) == 0,
	      "its driver leaves nothing mapped");
}

static void leaving(struct scenario *s)
{
	title(s, "The devices go, and the instance with them");
	check(s,
	      tell(s, IOMMU_BUS_REMOVED, 0) == 0 && tell(s, IOMMU_BUS_REMOVED, 1) == 0 &&
		      tell(s, IOMMU_BUS_UNBOUND, 0) == 0 && tell(s, IOMMU_BUS_UNBOUND, 1) == 0 &&
		      iommu_next_group(s->iommu, NULL) == NULL,
	      "no group is left");
	check(s, iommu_destroy(s->iommu) == 0, "nothing is left");
}

bool scenario_drivers(struct scenario_machine *machine)
{
	struct scenario s = {.machine = machine, .seed = 1};
	struct iommu_vtd_backend backend;
	struct driver drivers[2];

	if (start_back_ends(&s, &backend) && form_groups(&s)) {
		drivers_at_work(&s, drivers);
		handed_to_a_user(&s, drivers);
		taken_out(&s, drivers);
		leaving(&s);
	} else {
		check(&s, false, "there are two devices to work with");
	}
	say_verdict(&s);
	return s.failed == 0;
}
