/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: remapped beside DMA, as a part of the scenario; and by a unit that does nothing else.
 */
#include "scenario_steps.h"

static unsigned int arrivals[SCENARIO_VECTORS];

static void count_arrivals(const struct scenario *s)
{
	unsigned int i;

	for (i = 0; i < SCENARIO_VECTORS; i++)
		arrivals[i] = s->machine->interrupts_seen(SCENARIO_VECTOR + i);
}

/*
 * Since the last count, at least `least` and at most `most` interrupts with this vector, and no
 * others.
 */
static void expect_arrivals(struct scenario *s, unsigned int which, unsigned int least,
			    unsigned int most, const char *what)
{
	bool as_expected = true;
	unsigned int i;

	for (i = 0; i < SCENARIO_VECTORS; i++) {
		const unsigned int seen =
			s->machine->interrupts_seen(SCENARIO_VECTOR + i) - arrivals[i];

		if (i == which ? seen < least || seen > most : seen != 0)
			as_expected = false;
	}
	count_arrivals(s);
	check(s, as_expected, what);
}

/* Exactly one, with this vector; or none at all. */
#define NO_VECTOR SCENARIO_VECTORS

static void expect_arrival(struct scenario *s, unsigned int which, const char *what)
{
	expect_arrivals(s, which, 1, 1, what);
}

static void expect_interrupt_fault(struct scenario *s, unsigned int device, unsigned int reason)
{
	const struct iommu_fault *fault = &s->faults[0];

	collect_faults(s);
	if (!s->machine->records_interrupt_faults && s->fault_count == 0)
		return;
	check(s,
	      s->fault_count == 1 && fault->endpoint == s->endpoints[device] &&
		      fault->reason == reason &&
		      (fault->endpoint != NULL ||
		       fault->source_id == s->machine->devices[device].info.source_id),
	      "the fault names this device and the reason");
}

static void send_message(const struct scenario *s, unsigned int device, uint64_t address,
			 uint32_t data)
{
	struct dma_device *d = &s->machine->devices[device];

	d->set_message(d, address, data);
	d->interrupt(d);
}

static int enable_interrupts(const struct scenario *s)
{
	return iommu_vtd_interrupts_enable(s->iommu, s->machine->x2apic ? IOMMU_VTD_X2APIC : 0);
}

/*
 * A vector of the only CPU. Its APIC id is 0, which is the same in both formats of an entry; its
 * logical id in x2APIC mode, 1, is not.
 */
static struct iommu_vtd_interrupt_target target_of(const struct scenario *s, unsigned int which)
{
	return (struct iommu_vtd_interrupt_target){.vector = (uint8_t)(SCENARIO_VECTOR + which),
						   .logical = s->machine->x2apic,
						   .destination = s->machine->x2apic ? 1 : 0};
}

static void old_interrupts(struct scenario *s)
{
	title(s, "Interrupts before remapping, and the old format after");
	count_arrivals(s);
	send_message(s, 0, s->machine->old_message_address, SCENARIO_VECTOR);
	expect_arrival(s, 0, "device A sends an interrupt in the old format, and it arrives");
	check(s, enable_interrupts(s) == 0, "interrupt remapping is on");
	if (!s->machine->records_interrupt_faults)
		say(s, "           (this hardware records no fault of an interrupt)\n");
	if (!s->machine->blocks_old_format) {
		say(s, "           (this hardware lets the old format pass)\n");
		return;
	}
	send_message(s, 0, s->machine->old_message_address, SCENARIO_VECTOR);
	expect_arrival(s, NO_VECTOR, "now it does not arrive");
	expect_interrupt_fault(s, 0, 0x25);
}

static void remapped_messages(struct scenario *s)
{
	struct iommu_vtd_interrupt_target target = target_of(s, 1);
	struct iommu_vtd_interrupt interrupt;
	uint64_t address = 0;
	uint32_t data = 0;

	title(s, "Interrupts through the table: only as they were set, only from whom");
	check(s, iommu_vtd_interrupt_alloc_for(s->endpoints[0], 1, &interrupt) == 0,
	      "an entry is allocated for device A");
	iommu_vtd_interrupt_message(&interrupt, 0, &address, &data);
	send_message(s, 0, address, data);
	expect_arrival(s, NO_VECTOR, "it is not set yet, and nothing arrives");
	expect_interrupt_fault(s, 0, 0x22);
	check(s, iommu_vtd_interrupt_set(&interrupt, 0, &target) == 0, "it is set");
	send_message(s, 0, address, data);
	expect_arrival(s, 1, "device A's interrupt arrives with the vector of the entry");
	expect_no_fault(s);
	target.vector = SCENARIO_VECTOR + 2;
	check(s, iommu_vtd_interrupt_set(&interrupt, 0, &target) == 0, "another vector is set");
	send_message(s, 0, address, data);
	expect_arrival(s, 2, "the next one arrives with that");
	send_message(s, 1, address, data);
	expect_arrival(s, NO_VECTOR, "device B sends the same message, and nothing arrives");
	expect_interrupt_fault(s, 1, 0x26);
	check(s, iommu_vtd_interrupt_clear(&interrupt, 0) == 0, "the entry is cleared");
	send_message(s, 0, address, data);
	expect_arrival(s, NO_VECTOR, "device A's interrupt does not arrive any more");
	expect_interrupt_fault(s, 0, 0x22);
	check(s, iommu_vtd_interrupt_free(&interrupt) == 0, "it is given back");
}

/* The device may be behind a bridge that puts another id on its requests. */
static void remapped_message_of_the_other(struct scenario *s)
{
	const struct iommu_vtd_interrupt_target target = target_of(s, 1);
	struct iommu_vtd_interrupt interrupt;
	uint64_t address = 0;
	uint32_t data = 0;
	const bool is_set = iommu_vtd_interrupt_alloc_for(s->endpoints[1], 1, &interrupt) == 0 &&
			    iommu_vtd_interrupt_set(&interrupt, 0, &target) == 0;

	check(s, is_set, "an entry is set for device B");
	if (!is_set)
		return;
	iommu_vtd_interrupt_message(&interrupt, 0, &address, &data);
	send_message(s, 1, address, data);
	expect_arrival(s, 1, "device B's interrupt arrives");
	expect_no_fault(s);
	send_message(s, 0, address, data);
	expect_arrival(s, NO_VECTOR, "device A sends the same message, and nothing arrives");
	expect_interrupt_fault(s, 0, 0x26);
	check(s, iommu_vtd_interrupt_free(&interrupt) == 0, "it is given back");
}

static void remapped_line(struct scenario *s)
{
	struct interrupt_line *line = s->machine->line;
	struct iommu_vtd_interrupt_target target = target_of(s, 3);
	struct iommu_vtd_interrupt interrupt;
	int status;

	title(s, "An interrupt line, through the I/O APIC");
	target.level = true;
	status = iommu_vtd_interrupt_alloc_ioapic(s->iommu, line->ioapic, 1, &interrupt);
	check(s, status == 0, "firmware names the I/O APIC, and says as whom it sends");
	if (status != 0)
		return;
	check(s, iommu_vtd_interrupt_set(&interrupt, 0, &target) == 0, "an entry is set for it");
	line->set_entry(
		line, iommu_vtd_interrupt_ioapic_entry(&interrupt, 0, target.vector, true, false));
	line->pulse(line);
	/* While the line is up it interrupts again and again. */
	expect_arrivals(s, 3, 1, UINT32_MAX, "device A's line leads to the vector of the entry");
	expect_no_fault(s);
	line->set_entry(line, 1ULL << 16);
	check(s, iommu_vtd_interrupt_free(&interrupt) == 0, "the entry is given back");
}

void interrupts(struct scenario *s)
{
	old_interrupts(s);
	remapped_messages(s);
	remapped_message_of_the_other(s);
	if (s->machine->line != NULL)
		remapped_line(s);
	check(s, iommu_vtd_interrupts_disable(s->iommu) == 0, "interrupt remapping is off");
	send_message(s, 0, s->machine->old_message_address, SCENARIO_VECTOR);
	expect_arrival(s, 0, "the old format works again");
}

/* --- A unit for interrupts only --------------------------------------------------------------- */

/* Where there is a unit, but none for DMA; false: the rest cannot be tried. */
static bool start_without_tables(struct scenario *s)
{
	struct scenario_machine *m = s->machine;
	struct iommu_domain *domain;
	struct iommu_vtd_info info;
	int status;

	title(s, "A unit that has no tables for DMA");
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
	check(s, iommu_vtd_get_info(s->unit, &info) == 0 && info.interrupts_only,
	      "it remaps interrupts, and nothing else");
	check(s,
	      iommu_probe_endpoint(s->iommu, &m->devices[0].info, &s->endpoints[0]) == IOMMU_ENODEV,
	      "no device can be protected by it");
	check(s,
	      iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, NULL, &domain) == IOMMU_EOPNOTSUPP &&
		      iommu_unit_enable(s->unit) == IOMMU_EOPNOTSUPP,
	      "nor a domain be made, nor translation turned on");
	check(s, iommu_vtd_enable(s->iommu) == 0, "to enable all units leaves it alone");
	s->secret = page_new(s, 4096);
	s->target = page_new(s, 4096);
	return info.interrupts_only && s->secret.bytes != NULL && s->target.bytes != NULL;
}

static void expect_memory_reached(struct scenario *s)
{
	expect_copy(s, 0, s->secret.paddr, &s->secret, s->target.paddr, &s->target,
		    "device A reaches all memory");
}

/* The block has no endpoint that names its sender: each target does. */
static void remapped_by_source_id(struct scenario *s)
{
	struct iommu_vtd_interrupt_target target = target_of(s, 1);
	struct iommu_vtd_interrupt interrupt;
	uint64_t address = 0;
	uint32_t data = 0;
	int status;

	title(s, "Interrupts through the table of a unit without endpoints");
	status = iommu_vtd_interrupt_alloc(s->unit, 1, &interrupt);
	check(s, status == 0, "an entry is allocated");
	if (status != 0)
		return;
	target.source = IOMMU_VTD_SOURCE_ID;
	target.source_id = s->machine->devices[0].info.source_id;
	iommu_vtd_interrupt_message(&interrupt, 0, &address, &data);
	check(s, iommu_vtd_interrupt_set(&interrupt, 0, &target) == 0, "it is set for device A");
	send_message(s, 0, address, data);
	expect_arrival(s, 1, "device A's interrupt arrives");
	expect_no_fault(s);
	send_message(s, 1, address, data);
	expect_arrival(s, NO_VECTOR, "device B sends the same message, and nothing arrives");
	expect_interrupt_fault(s, 1, 0x26);
	check(s, iommu_vtd_interrupt_free(&interrupt) == 0, "the entry is given back");
	send_message(s, 0, address, data);
	expect_arrival(s, NO_VECTOR, "device A's interrupt does not arrive any more");
	expect_interrupt_fault(s, 0, 0x22);
}

bool scenario_interrupts_only(struct scenario_machine *machine)
{
	struct scenario s = {.machine = machine, .seed = 1};

	if (start_without_tables(&s)) {
		expect_memory_reached(&s);
		old_interrupts(&s);
		remapped_by_source_id(&s);
		if (machine->line != NULL)
			remapped_line(&s);
		expect_memory_reached(&s);
		check(&s, iommu_vtd_interrupts_disable(s.iommu) == 0, "interrupt remapping is off");
		send_message(&s, 0, machine->old_message_address, SCENARIO_VECTOR);
		expect_arrival(&s, 0, "the old format works again");
		check(&s, iommu_destroy(s.iommu) == 0, "the instance is gone");
	}
	say_verdict(&s);
	return s.failed == 0;
}
