/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/hw/vtd_scalable.h>

#include "scenario_steps.h"

static bool start(struct scenario *s)
{
	struct scenario_machine *m = s->machine;
	struct iommu_unit *unit = NULL;
	unsigned int i;
	int status;

	title(s, "Finding the unit");
	status = iommu_create(m->platform, &s->iommu);
	if (status == 0)
		status = iommu_set_pci_topology(s->iommu, m->topology);
	if (status == 0)
		status = iommu_vtd_probe(s->iommu, m->dmar, m->dmar_size, &m->vtd_options);
	check(s, status == 0, "firmware's DMAR table leads to a working unit");
	if (status != 0) {
		say(s, iommu_strerror(status));
		say(s, "\n");
		return false;
	}
	iommu_set_fault_handler(s->iommu, note_fault, s);
	while ((unit = iommu_next_unit(s->iommu, unit)) != NULL)
		say_unit(s, unit);
	for (i = 0; i < 2; i++) {
		status = iommu_probe_endpoint(s->iommu, &m->devices[i].info, &s->endpoints[i]);
		if (status == 0) {
			say(s, "   ");
			say(s, iommu_endpoint_name(s->endpoints[i]));
			say(s, " is ");
			say_source_id(s, m->devices[i].info.source_id);
			say(s, m->devices[i].info.path_length > 1 ? ", behind a bridge" : "");
			say(s, ", translated by ");
			say(s, iommu_unit_name(iommu_endpoint_unit(s->endpoints[i])));
			say(s, "\n");
		}
		check(s, status == 0, "a unit translates for the device");
		if (status != 0)
			return false;
	}
	s->unit = iommu_endpoint_unit(s->endpoints[0]);
	for (i = 0; i < 2; i++) {
		status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, NULL, &s->domains[i]);
		check(s, status == 0, "a paging domain can be made");
		if (status != 0)
			return false;
	}
	s->secret = page_new(s, 4096);
	s->target = page_new(s, 4096);
	s->other = page_new(s, 4096);
	return s->secret.bytes != NULL && s->target.bytes != NULL && s->other.bytes != NULL;
}

/* --- The steps -------------------------------------------------------------------------------- */

static void before_enabling(struct scenario *s)
{
	title(s, "Before the unit is enabled, a device reaches all memory");
	expect_copy(s, 0, s->secret.paddr, &s->secret, s->target.paddr, &s->target,
		    "device A copied between two physical addresses");
}

static bool enabling(struct scenario *s)
{
	struct iommu_unit *unit = NULL;
	int status = 0;

	title(s, "The unit is enabled, no domain attached: everything is blocked");
	while (status == 0 && (unit = iommu_next_unit(s->iommu, unit)) != NULL)
		status = iommu_unit_enable(unit);
	check(s, status == 0, "translation is on");
	if (status != 0)
		return false;
	pattern_put(s, s->other.bytes);
	expect_write_blocked(s, 0, s->target.paddr, &s->target, REASON_NO_CONTEXT);
	expect_read_blocked(s, 1, s->secret.paddr, REASON_NO_CONTEXT);
	return true;
}

static void empty_domain(struct scenario *s)
{
	title(s, "An empty domain: the address is not mapped");
	check(s, attach(s, 0, 0) == 0, "device A uses domain 1");
	expect_write_blocked(s, 0, IOVA_UNMAPPED, &s->target, REASON_WRITE_DENIED);
	expect_read_blocked(s, 0, IOVA_UNMAPPED + 0x5000, REASON_READ_DENIED);
	expect_read_blocked(s, 0, s->secret.paddr, REASON_READ_DENIED);
}

static int say_entry(void *ctx, const struct iommu_pgtable_visit *visit)
{
	const struct scenario *s = ctx;

	say(s, "           level ");
	say_number(s, visit->level);
	say(s, ": entry ");
	say_hex(s, visit->entry);
	say(s, visit->is_table ? " -> table at " : " -> page at ");
	say_hex(s, visit->paddr);
	if (!visit->is_table) {
		say(s, ", ");
		say_size(s, visit->size);
		say(s, (visit->prot & IOMMU_PROT_READ) != 0 ? ", read" : "");
		say(s, (visit->prot & IOMMU_PROT_WRITE) != 0 ? ", write" : "");
	}
	say(s, "\n");
	return 0;
}

/* Print the walk of an address through the tables. */
static void say_walk(struct scenario *s, unsigned int device, iommu_iova_t iova)
{
	struct iommu_vtd_tables tables;

	if (iommu_vtd_get_tables(s->endpoints[device], &tables) != 0)
		return;
	say(s, "   walk    of ");
	say_hex(s, iova);
	say(s, " by ");
	say(s, iommu_endpoint_name(s->endpoints[device]));
	say(s, ":\n           root table at ");
	say_hex(s, tables.root_table);
	say(s, ", entry ");
	say_hex(s, tables.root_entry);
	say(s, "\n           context table at ");
	say_hex(s, tables.context_table);
	say(s, ", entry ");
	say_hex(s, tables.context_high);
	say(s, ":");
	say_hex(s, tables.context_low);
	say(s, "\n");
	if (tables.pasid_entry[0] != 0) {
		say(s, "           PASID entry ");
		say_hex(s, tables.pasid_entry[0]);
		say(s, ", ");
		say_hex(s, tables.pasid_entry[1]);
		say(s, ", ");
		say_hex(s, tables.pasid_entry[2]);
		say(s, vtd_pasid_type(tables.pasid_entry[0]) == VTD_PASID_FIRST_STAGE
			       ? ": a table of the first stage\n"
			       : ": a table of the second stage\n");
	}
	(void)iommu_domain_walk(iommu_group_domain(iommu_endpoint_group(s->endpoints[device])),
				iova, iova, say_entry, s);
}

static void read_and_write(struct scenario *s)
{
	iommu_paddr_t paddr = 0;

	title(s, "Reading and writing through addresses that are not physical ones");
	check(s, map(s, 0, IOVA_SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0,
	      "a page is mapped for reading");
	check(s, map(s, 0, IOVA_TARGET, s->target.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "another for reading and writing");
	check(s,
	      iommu_iova_to_phys(s->domains[0], IOVA_TARGET + 0x123, &paddr) == 0 &&
		      paddr == s->target.paddr + 0x123,
	      "the tables say where the address leads");
	say_walk(s, 0, IOVA_TARGET);
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A copied from one page to the other");
}

static void page_crossing(struct scenario *s)
{
	struct page first = page_new(s, 4096), second = page_new(s, 4096);
	const unsigned int half = PATTERN_SIZE / 2;
	const iommu_iova_t iova = IOVA_TARGET + 0x10000;
	unsigned char expected[PATTERN_SIZE];

	title(s, "A transfer across two pages that are not neighbours in memory");
	/* The second half first, so that the order in memory differs from that of the addresses. */
	check(s,
	      map(s, 0, iova, second.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0 &&
		      map(s, 0, iova + 4096, first.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "two pages are mapped in the other order");
	pattern_put(s, s->secret.bytes);
	device_copy(s, 0, IOVA_SECRET, iova + 4096 - half);
	__builtin_memcpy(expected, second.bytes + 4096 - half, half);
	__builtin_memcpy(expected + half, first.bytes, half);
	check(s, same(s->secret.bytes, expected), "each half arrived in its page");
	expect_no_fault(s);
	check(s, unmap(s, 0, iova, 2 * 4096) == 0, "both pages are unmapped");
}

static void read_only(struct scenario *s)
{
	title(s, "A page that is mapped read-only");
	check(s, map(s, 0, IOVA_READ_ONLY, s->other.paddr, 4096, IOMMU_PROT_READ) == 0,
	      "a page is mapped for reading only");
	expect_write_blocked(s, 0, IOVA_READ_ONLY, &s->other, REASON_WRITE_DENIED);
	expect_copy(s, 0, IOVA_READ_ONLY, &s->other, IOVA_TARGET, &s->target,
		    "reading it is allowed");
}

struct leaf {
	uint64_t size;
};

static int note_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct leaf *leaf = ctx;

	if (!visit->is_table)
		leaf->size = visit->size;
	return 0;
}

static uint64_t leaf_size(const struct scenario *s, iommu_iova_t iova)
{
	struct leaf leaf = {0};

	(void)iommu_domain_walk(s->domains[0], iova, iova, note_leaf, &leaf);
	return leaf.size;
}

static void large_pages(struct scenario *s)
{
	struct page large = page_new(s, IOMMU_SIZE_2M);
	struct page inside = {large.bytes + 0x123000, large.paddr + 0x123000};
	/* The gigabyte that holds all memory of this machine: from physical address 0. */
	const iommu_iova_t in_1g = IOVA_1G + inside.paddr;

	title(s, "Large pages");
	check(s,
	      map(s, 0, IOVA_2M, large.paddr, IOMMU_SIZE_2M, IOMMU_PROT_READ_WRITE) == 0 &&
		      leaf_size(s, IOVA_2M) == IOMMU_SIZE_2M,
	      "2 MiB are mapped with one 2M page");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_2M + 0x123000, &inside,
		    "device A wrote into the middle of it");
	check(s,
	      map(s, 0, IOVA_1G, 0, IOMMU_SIZE_1G, IOMMU_PROT_READ_WRITE) == 0 &&
		      leaf_size(s, IOVA_1G) == IOMMU_SIZE_1G,
	      "1 GiB is mapped with one 1G page");
	say_walk(s, 0, in_1g);
	expect_copy(s, 0, in_1g, &inside, IOVA_TARGET, &s->target, "device A read through it");
	check(s,
	      unmap(s, 0, IOVA_2M, IOMMU_SIZE_2M) == 0 && unmap(s, 0, IOVA_1G, IOMMU_SIZE_1G) == 0,
	      "both are unmapped");
	expect_read_blocked(s, 0, in_1g, REASON_READ_DENIED);
	expect_write_blocked(s, 0, IOVA_2M + 0x123000, &inside, REASON_WRITE_DENIED);
}

static void unmap_blocks_at_once(struct scenario *s)
{
	const iommu_iova_t iova = IOVA_TARGET + 0x20000;

	title(s, "Unmapping: the very next access is blocked");
	check(s, map(s, 0, iova, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "a page is mapped");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, iova, &s->other,
		    "device A writes to it, so that the unit has it cached");
	check(s, unmap(s, 0, iova, 4096) == 0, "it is unmapped");
	pattern_put(s, s->secret.bytes);
	device_read(s, 0, IOVA_SECRET);
	expect_write_blocked(s, 0, iova, &s->other, REASON_WRITE_DENIED);
}

static void remap_leads_elsewhere(struct scenario *s)
{
	const iommu_iova_t iova = IOVA_TARGET + 0x30000;
	struct page next = page_new(s, 4096);

	title(s, "The same address mapped to another page");
	check(s, map(s, 0, iova, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "the address leads to one page");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, iova, &s->other, "device A writes there");
	check(s,
	      unmap(s, 0, iova, 4096) == 0 &&
		      map(s, 0, iova, next.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "now it leads to another");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, iova, &next, "device A writes to the new page");
	check(s, unmap(s, 0, iova, 4096) == 0, "it is unmapped");
}

static void two_domains(struct scenario *s)
{
	struct page own = page_new(s, 4096);

	title(s, "Two devices in two domains cannot reach each other's memory");
	check(s, attach(s, 1, 1) == 0, "device B uses domain 2");
	check(s, map(s, 1, IOVA_TARGET, own.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "the same address leads to another page there");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A writes to its own page");
	/* B's buffer takes a pattern from B's own page, and nothing of A's changes. */
	pattern_put(s, own.bytes);
	device_copy(s, 1, IOVA_TARGET, IOVA_TARGET);
	check(s, same(s->secret.bytes, s->target.bytes) && !same(own.bytes, s->target.bytes),
	      "device B, at the same address, did not touch it");
	expect_no_fault(s);
	expect_read_blocked(s, 1, IOVA_SECRET, REASON_READ_DENIED);
	device_write(s, 1, IOVA_TARGET);
	check(s, !same(own.bytes, s->secret.bytes), "what device B got is not what is there");
	expect_no_fault(s);
	check(s, unmap(s, 1, IOVA_TARGET, 4096) == 0, "domain 2 is emptied");
	expect_write_blocked(s, 1, IOVA_TARGET, &s->target, REASON_WRITE_DENIED);
}

static void one_domain(struct scenario *s)
{
	title(s, "Two devices in one domain share its memory");
	check(s, attach(s, 0, 1) == 0, "device B moves to domain 1");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A writes to the page");
	pattern_put(s, s->target.bytes);
	check(s, map(s, 0, IOVA_TARGET + 0x40000, s->other.paddr, 4096, IOMMU_PROT_WRITE) == 0,
	      "a second page is mapped once");
	device_copy(s, 1, IOVA_TARGET, IOVA_TARGET + 0x40000);
	check(s, same(s->target.bytes, s->other.bytes),
	      "device B reads the first, writes the second");
	expect_no_fault(s);
	check(s, unmap(s, 0, IOVA_TARGET + 0x40000, 4096) == 0, "the second page is unmapped");
	expect_write_blocked(s, 0, IOVA_TARGET + 0x40000, &s->other, REASON_WRITE_DENIED);
	expect_write_blocked(s, 1, IOVA_TARGET + 0x40000, &s->other, REASON_WRITE_DENIED);
}

static void moving(struct scenario *s)
{
	title(s, "Moving a device between domains");
	check(s,
	      map(s, 1, IOVA_TARGET, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0 &&
		      map(s, 1, IOVA_SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0,
	      "domain 2 has other memory at the same address");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A, in domain 1, writes to domain 1's page");
	check(s, attach(s, 1, 0) == 0, "device A moves to domain 2");
	pattern_put(s, s->secret.bytes);
	device_copy(s, 0, IOVA_SECRET, IOVA_TARGET);
	check(s, same(s->secret.bytes, s->other.bytes) && !same(s->secret.bytes, s->target.bytes),
	      "it writes to domain 2's page, and no longer to domain 1's");
	expect_no_fault(s);
	check(s, attach(s, 0, 0) == 0, "and back");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "it writes to domain 1's page again");
}

static void pass_through(struct scenario *s)
{
	struct iommu_domain *identity;
	struct iommu_vtd_info info;
	int status;

	title(s, "Pass-through: an identity domain");
	if (iommu_vtd_get_info(s->unit, &info) == 0 && !info.pass_through) {
		check(s,
		      iommu_domain_alloc(s->unit, IOMMU_DOMAIN_IDENTITY, NULL, &identity) ==
			      IOMMU_EOPNOTSUPP,
		      "the unit has none, and says so");
		return;
	}
	status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_IDENTITY, NULL, &identity);
	if (status == 0)
		status = iommu_domain_attach_group(identity, iommu_endpoint_group(s->endpoints[0]));
	check(s, status == 0, "device A uses an identity domain");
	expect_copy(s, 0, s->secret.paddr, &s->secret, s->other.paddr, &s->other,
		    "device addresses are physical addresses");
	check(s, attach(s, 0, 0) == 0, "device A moves back to domain 1");
	expect_read_blocked(s, 0, s->secret.paddr, REASON_READ_DENIED);
	check(s, iommu_domain_free(identity) == 0, "the identity domain is freed");
}

static void suspending(struct scenario *s)
{
	title(s, "Suspended and resumed: everything is as it was");
	check(s, iommu_suspend(s->iommu) == 0, "all units are suspended");
	expect_copy(s, 0, s->secret.paddr, &s->secret, s->other.paddr, &s->other,
		    "nothing is translated");
	check(s, iommu_resume(s->iommu) == 0, "all units are resumed");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A's mappings are back");
	expect_read_blocked(s, 0, s->secret.paddr, REASON_READ_DENIED);
}

/* --- The end ---------------------------------------------------------------------------------- */

static void detaching(struct scenario *s)
{
	title(s, "Detached: blocked again");
	check(s,
	      iommu_domain_detach_group(iommu_endpoint_group(s->endpoints[0])) == 0 &&
		      iommu_domain_detach_group(iommu_endpoint_group(s->endpoints[1])) == 0,
	      "both devices are detached");
	expect_write_blocked(s, 0, IOVA_TARGET, &s->target, REASON_NO_CONTEXT);
	expect_write_blocked(s, 1, IOVA_TARGET, &s->target, REASON_NO_CONTEXT);
}

static void disabling(struct scenario *s)
{
	unsigned int i;
	int status = 0;

	title(s, "The unit is disabled, and everything is given back");
	for (i = 0; i < 2; i++)
		if (status == 0)
			status = iommu_domain_free(s->domains[i]);
	for (i = 0; i < 2; i++)
		if (status == 0)
			status = iommu_release_endpoint(s->endpoints[i]);
	if (status == 0)
		status = iommu_destroy(s->iommu);
	check(s, status == 0, "domains, endpoints and the instance are gone");
	pattern_put(s, s->secret.bytes);
	device_copy(s, 0, s->secret.paddr, s->target.paddr);
	check(s, same(s->secret.bytes, s->target.bytes), "device A reaches all memory again");
}

bool scenario_run(struct scenario_machine *machine)
{
	struct scenario s = {.machine = machine, .seed = 1};

	if (!start(&s)) {
		s.failed++;
		say_verdict(&s);
		return false;
	}
	before_enabling(&s);
	if (enabling(&s)) {
		empty_domain(&s);
		read_and_write(&s);
		page_crossing(&s);
		read_only(&s);
		large_pages(&s);
		unmap_blocks_at_once(&s);
		remap_leads_elsewhere(&s);
		two_domains(&s);
		one_domain(&s);
		moving(&s);
		pass_through(&s);
		suspending(&s);
		if (machine->interrupts_seen != NULL)
			interrupts(&s);
		detaching(&s);
		disabling(&s);
	}
	say_verdict(&s);
	return s.failed == 0;
}

/* --- A second instance ------------------------------------------------------------------------ */

/* Drop the first instance, as a kernel that starts anew does: its tables are still in use. */
static bool start_again(struct scenario *s, unsigned int vtd_flags)
{
	s->machine->vtd_options.flags &= ~(unsigned int)IOMMU_VTD_TAKE_OVER;
	s->machine->vtd_options.flags |= vtd_flags;
	return start(s);
}

static void copied(struct scenario *s)
{
	const struct page secret = s->secret;
	const struct page target = s->target;
	struct iommu_vtd_info info;

	title(s, "A second instance takes over, with a copy of the tables");
	if (!start_again(s, IOMMU_VTD_TAKE_OVER)) {
		check(s, false, "a second instance starts");
		return;
	}
	/* The devices' memory is still mapped where the first instance had mapped it. */
	s->secret = secret;
	s->target = target;
	check(s, iommu_vtd_get_info(s->unit, &info) == 0 && info.inherited == 1,
	      "it found the tables of the first");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A goes on before it is enabled");
	check(s, iommu_vtd_enable(s->iommu) == 0, "it is enabled");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A goes on, with the copy");
	expect_read_blocked(s, 0, IOVA_UNMAPPED, REASON_READ_DENIED);
	check(s, attach(s, 0, 0) == 0, "device A gets a domain of the second instance");
	expect_read_blocked(s, 0, IOVA_SECRET, REASON_READ_DENIED);
	check(s, iommu_vtd_get_info(s->unit, &info) == 0 && info.inherited == 0,
	      "the copy is gone");
}

bool scenario_take_over(struct scenario_machine *machine)
{
	struct scenario s = {.machine = machine, .seed = 1};

	if (!start(&s) || iommu_vtd_enable(s.iommu) != 0 || attach(&s, 0, 0) != 0) {
		s.failed++;
		say_verdict(&s);
		return false;
	}
	title(&s, "The first instance translates");
	check(&s,
	      map(&s, 0, IOVA_SECRET, s.secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      map(&s, 0, IOVA_TARGET, s.target.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "two pages are mapped");
	expect_copy(&s, 0, IOVA_SECRET, &s.secret, IOVA_TARGET, &s.target, "device A uses them");
	copied(&s);
	title(&s, "A third instance turns off what it finds, and starts from scratch");
	if (start_again(&s, 0)) {
		check(&s, iommu_vtd_enable(s.iommu) == 0, "it is enabled");
		expect_read_blocked(&s, 0, IOVA_SECRET, REASON_NO_CONTEXT);
	}
	say_verdict(&s);
	return s.failed == 0;
}
