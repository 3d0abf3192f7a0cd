/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_fault.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_registers.h>

#include "scenario_riscv.h"
#include "scenario_steps.h"

#define IOVA_64K    0x0000000538000000ULL
#define SIZE_64K    IOMMU_SIZE_64K

#define FIRST_MODES (RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57)

struct riscv_scenario {
	struct scenario s; /* first: functions of steps know this part */
	struct riscv_machine *machine;
	struct iommu_riscv_info info;
	bool first; /* the devices' domains are tables of the first stage */
};

/*
 * A device's transfer is many accesses, and each has a fault of its own, perhaps with the offset in
 * the page: one line for all that are alike.
 */
static bool is_alike(const struct iommu_fault *a, const struct iommu_fault *b)
{
	return a->endpoint == b->endpoint && a->address == b->address && a->access == b->access &&
	       a->reason == b->reason && a->has_pasid == b->has_pasid && a->pasid == b->pasid;
}

static void note_once(void *ctx, const struct iommu_fault *fault)
{
	struct scenario *s = ctx;
	struct iommu_fault page = *fault;

	page.address &= ~(IOMMU_PAGE_SIZE - 1);
	if (s->fault_count == 0 || !is_alike(&s->faults[s->fault_count - 1], &page))
		note_fault(ctx, &page);
}

/* --- What a fault must be --------------------------------------------------------------------- */

static unsigned int read_denied(const struct riscv_scenario *r)
{
	return r->first ? RISCV_FAULT_READ_PAGE : RISCV_FAULT_READ_GUEST_PAGE;
}

static unsigned int write_denied(const struct riscv_scenario *r)
{
	return r->first ? RISCV_FAULT_WRITE_PAGE : RISCV_FAULT_WRITE_GUEST_PAGE;
}

static bool is_of_directory(unsigned int reason)
{
	return reason == RISCV_FAULT_DEVICE_NOT_VALID;
}

/* One fault: of this device, address and access, with this reason; or what an older QEMU tells. */
static void names_all(struct riscv_scenario *r, unsigned int device, iommu_iova_t iova,
		      enum iommu_fault_access access, unsigned int reason)
{
	struct scenario *s = &r->s;
	const struct iommu_fault *fault = &s->faults[0];

	if (!r->machine->is_old) {
		expect_fault(s, device, iova, access, reason);
		return;
	}
	collect_faults(s);
	check(s,
	      s->fault_count == 1 && fault->endpoint == s->endpoints[device] &&
		      fault->reason == reason &&
		      fault->address == (is_of_directory(reason) ? 0 : iova & ~0xfffULL),
	      "the fault names this device, address and reason");
}

static void write_blocked(struct riscv_scenario *r, unsigned int device, iommu_iova_t iova,
			  const struct page *behind, unsigned int reason)
{
	struct scenario *s = &r->s;
	unsigned char before[PATTERN_SIZE];

	__builtin_memcpy(before, behind->bytes, PATTERN_SIZE);
	device_write(s, device, iova);
	check(s, same(before, behind->bytes), "the write did not arrive");
	names_all(r, device, iova, IOMMU_FAULT_WRITE, reason);
}

static void read_blocked(struct riscv_scenario *r, unsigned int device, iommu_iova_t iova,
			 unsigned int reason)
{
	device_read(&r->s, device, iova);
	names_all(r, device, iova, IOMMU_FAULT_READ, reason);
}

static void not_mapped(struct riscv_scenario *r, unsigned int device, iommu_iova_t iova,
		       const struct page *behind)
{
	write_blocked(r, device, iova, behind, write_denied(r));
}

/* --- Finding the unit ------------------------------------------------------------------------- */

static void say_mode(const struct riscv_scenario *r, uint64_t bit, const char *name)
{
	if ((r->info.capabilities & bit) != 0)
		say(&r->s, name);
}

static void say_riscv_unit(const struct riscv_scenario *r)
{
	const struct scenario *s = &r->s;

	say(s, "   ");
	say(s, iommu_unit_name(s->unit));
	say(s, ": registers at ");
	say_hex(s, r->info.registers);
	say(s, ", capabilities ");
	say_hex(s, r->info.capabilities);
	say(s, "\n   translates");
	say_mode(r, RISCV_CAP_SV39, " Sv39");
	say_mode(r, RISCV_CAP_SV48, " Sv48");
	say_mode(r, RISCV_CAP_SV57, " Sv57");
	say_mode(r, RISCV_CAP_SV39X4, " Sv39x4");
	say_mode(r, RISCV_CAP_SV48X4, " Sv48x4");
	say_mode(r, RISCV_CAP_SV57X4, " Sv57x4");
	say(s, " to ");
	say_number(s, r->info.output_bits);
	say(s, "-bit memory, for device ids of ");
	say_number(s, r->info.device_id_bits);
	say(s, " bits, process ids of ");
	say_number(s, r->info.process_id_bits);
	say(s, "\n");
}

static bool probe_devices(struct scenario *s)
{
	unsigned int i;
	int status;

	for (i = 0; i < 2; i++) {
		struct dma_device *device = &s->machine->devices[i];

		status = iommu_probe_endpoint(s->iommu, &device->info, &s->endpoints[i]);
		check(s, status == 0, "the unit translates for the device");
		if (status != 0)
			return false;
		say(s, "   ");
		say(s, iommu_endpoint_name(s->endpoints[i]));
		say(s, " is ");
		say_source_id(s, device->info.source_id);
		say(s, "\n");
	}
	return true;
}

static bool make_domains(struct riscv_scenario *r)
{
	const struct iommu_domain_config config = {.stage = r->machine->stage};
	struct scenario *s = &r->s;
	unsigned int i;
	int status = 0;

	for (i = 0; i < 2 && status == 0; i++)
		status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, &config, &s->domains[i]);
	check(s, status == 0,
	      r->first ? "domains of the first stage can be made"
		       : "domains of the second stage can be made");
	return status == 0;
}

static bool start(struct riscv_scenario *r)
{
	struct riscv_machine *m = r->machine;
	struct scenario *s = &r->s;
	int status;

	title(s, "Finding the unit");
	status = iommu_create(m->base.platform, &s->iommu);
	if (status == 0)
		status = iommu_riscv_add_unit(s->iommu, &m->unit, &s->unit);
	if (status == 0)
		status = iommu_riscv_get_info(s->unit, &r->info);
	check(s, status == 0, "what the machine says of it leads to a working unit");
	if (status != 0) {
		say(s, iommu_strerror(status));
		say(s, "\n");
		return false;
	}
	iommu_set_fault_handler(s->iommu, note_once, s);
	say_riscv_unit(r);
	r->first = m->stage == IOMMU_STAGE_FIRST ||
		   (m->stage == IOMMU_STAGE_ANY && (r->info.capabilities & FIRST_MODES) != 0);
	if (!probe_devices(s) || !make_domains(r))
		return false;
	s->secret = page_new(s, 4096);
	s->target = page_new(s, 4096);
	s->other = page_new(s, 4096);
	return s->secret.bytes != NULL && s->target.bytes != NULL && s->other.bytes != NULL;
}

/* --- On, and nothing attached ----------------------------------------------------------------- */

static void before_enabling(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;

	if (r->machine->resets_bare) {
		title(s, "Before the unit is enabled it lets everything pass");
		expect_moved(s, 0, s->secret.paddr, &s->secret, s->target.paddr, &s->target,
			     "device A copied between two physical addresses");
		return;
	}
	title(s, "Before the unit is enabled it is off: everything is blocked");
	expect_no_write(s, 0, s->target.paddr, &s->target, "device A does not reach memory");
	expect_no_write(s, 1, s->target.paddr, &s->target, "nor does device B");
}

static bool enabling(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
	const int status = iommu_unit_enable(s->unit);

	title(s, "The unit is enabled, no domain attached: everything is blocked");
	check(s, status == 0, "translation is on");
	if (status != 0) {
		say(s, iommu_reason(s->iommu));
		say(s, "\n");
		return false;
	}
	pattern_put(s, s->other.bytes);
	write_blocked(r, 0, s->target.paddr, &s->target, RISCV_FAULT_DEVICE_NOT_VALID);
	read_blocked(r, 1, s->secret.paddr, RISCV_FAULT_DEVICE_NOT_VALID);
	return true;
}

static void empty_domain(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;

	title(s, "An empty domain: the address is not mapped");
	check(s, attach(s, 0, 0) == 0, "device A uses domain 1");
	not_mapped(r, 0, IOVA_UNMAPPED, &s->target);
	read_blocked(r, 0, IOVA_UNMAPPED + 0x5000, read_denied(r));
	read_blocked(r, 0, s->secret.paddr, read_denied(r));
}

/* --- Mapping ---------------------------------------------------------------------------------- */

/* The unit's own answer for an access of device A. */
static bool leads_to(struct scenario *s, iommu_iova_t iova, unsigned int prot, iommu_paddr_t paddr)
{
	iommu_paddr_t answer = 0;

	return iommu_unit_check(s->endpoints[0], 0, iova, prot, &answer) == 0 && answer == paddr;
}

static void read_and_write(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
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
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A copied from one page to the other");
}

/*
 * Of an older QEMU neither the address that it tells nor the kind of access is right. And by what
 * it has cached QEMU answers without a look at the permissions, so that the page for reading is one
 * that was not in use before.
 */
static void ask_the_unit(struct riscv_scenario *r)
{
	const iommu_iova_t read_only = IOVA_READ_ONLY + 0x10000;
	struct scenario *s = &r->s;
	iommu_paddr_t answer = 0;

	title(s, "The unit is asked how it translates");
	if (r->machine->is_old) {
		say(s, "   this unit's answers are not as specified: it is not asked\n");
		return;
	}
	if ((r->info.capabilities & RISCV_CAP_DBG) == 0) {
		check(s,
		      iommu_unit_check(s->endpoints[0], 0, IOVA_TARGET, IOMMU_PROT_READ, &answer) ==
			      IOMMU_EOPNOTSUPP,
		      "it cannot be, and the library says so");
		return;
	}
	check(s, leads_to(s, IOVA_TARGET + 0x123, IOMMU_PROT_READ_WRITE, s->target.paddr + 0x123),
	      "it says where a write leads");
	check(s, leads_to(s, IOVA_SECRET + 0x456, IOMMU_PROT_READ, s->secret.paddr + 0x456),
	      "and where a read does");
	check(s,
	      map(s, 0, read_only, s->other.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      iommu_unit_check(s->endpoints[0], 0, read_only, IOMMU_PROT_READ_WRITE,
				       &answer) == IOMMU_EFAULT,
	      "a write where only reading is allowed is blocked, it says");
	expect_fault(s, 0, read_only, IOMMU_FAULT_WRITE, write_denied(r));
	check(s, unmap(s, 0, read_only, 4096) == 0, "that page is unmapped");
	check(s,
	      iommu_unit_check(s->endpoints[0], 0, IOVA_UNMAPPED, IOMMU_PROT_READ, &answer) ==
		      IOMMU_EFAULT,
	      "and so is what is not mapped");
	expect_fault(s, 0, IOVA_UNMAPPED, IOMMU_FAULT_READ, read_denied(r));
}

static void page_crossing(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
	struct page first = page_new(s, 4096), second = page_new(s, 4096);
	const unsigned int half = PATTERN_SIZE / 2;
	const iommu_iova_t iova = IOVA_TARGET + 0x10000;
	unsigned char expected[PATTERN_SIZE];

	title(s, "A transfer across two pages that are not neighbours in memory");
	if (first.bytes == NULL || second.bytes == NULL) {
		check(s, false, "there is memory for them");
		return;
	}
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

static void read_only(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;

	title(s, "A page that is mapped read-only");
	check(s, map(s, 0, IOVA_READ_ONLY, s->other.paddr, 4096, IOMMU_PROT_READ) == 0,
	      "a page is mapped for reading only");
	not_mapped(r, 0, IOVA_READ_ONLY, &s->other);
	expect_copy(s, 0, IOVA_READ_ONLY, &s->other, IOVA_TARGET, &s->target,
		    "reading it is allowed");
}

static int note_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	uint64_t *size = ctx;

	if (!visit->is_table)
		*size = visit->size;
	return 0;
}

static uint64_t leaf_size(const struct scenario *s, iommu_iova_t iova)
{
	uint64_t size = 0;

	(void)iommu_domain_walk(s->domains[0], iova, iova, note_leaf, &size);
	return size;
}

/* A page of this size, of which the device reaches the middle; unmapped, it reaches nothing. */
static void large_page(struct riscv_scenario *r, iommu_iova_t iova, iommu_paddr_t paddr,
		       uint64_t size, const struct page *inside, const char *what)
{
	struct scenario *s = &r->s;
	const iommu_iova_t middle = iova + (inside->paddr - paddr);

	check(s,
	      map(s, 0, iova, paddr, size, IOMMU_PROT_READ_WRITE) == 0 &&
		      leaf_size(s, iova) == size,
	      what);
	expect_copy(s, 0, IOVA_SECRET, &s->secret, middle, inside,
		    "device A wrote into the middle of it");
	expect_copy(s, 0, middle, inside, IOVA_TARGET, &s->target, "and read it back");
	check(s, unmap(s, 0, iova, size) == 0, "it is unmapped");
	not_mapped(r, 0, middle, inside);
}

static void large_pages(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
	struct page large = page_new(s, IOMMU_SIZE_2M);
	struct page inside = {large.bytes + 0x123000, large.paddr + 0x123000};
	struct page near = {large.bytes + 0x5000, large.paddr + 0x5000};

	title(s, "Large pages");
	if (large.bytes == NULL) {
		check(s, false, "there is memory for them");
		return;
	}
	if (r->machine->is_old)
		say(s, "   this unit does not know runs of entries (64K)\n");
	else
		large_page(r, IOVA_64K, large.paddr, SIZE_64K, &near,
			   "64 KiB are mapped with one run of entries");
	large_page(r, IOVA_2M, large.paddr, IOMMU_SIZE_2M, &inside,
		   "2 MiB are mapped with one 2M page");
	/* The gigabyte that holds all memory of this machine. */
	large_page(r, IOVA_1G, large.paddr & ~(IOMMU_SIZE_1G - 1), IOMMU_SIZE_1G, &inside,
		   "1 GiB is mapped with one 1G page");
}

/* --- Unmapping -------------------------------------------------------------------------------- */

static void unmap_blocks_at_once(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
	const iommu_iova_t iova = IOVA_TARGET + 0x20000;

	title(s, "Unmapping: the very next access is blocked");
	check(s, map(s, 0, iova, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "a page is mapped");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, iova, &s->other,
		    "device A writes to it, so that the unit has it cached");
	check(s, unmap(s, 0, iova, 4096) == 0, "it is unmapped");
	pattern_put(s, s->secret.bytes);
	device_read(s, 0, IOVA_SECRET);
	not_mapped(r, 0, iova, &s->other);
}

static void remap_leads_elsewhere(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
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

/* --- Two devices ------------------------------------------------------------------------------ */

static void two_domains(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
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
	read_blocked(r, 1, IOVA_SECRET, read_denied(r));
	check(s, unmap(s, 1, IOVA_TARGET, 4096) == 0, "domain 2 is emptied");
	not_mapped(r, 1, IOVA_TARGET, &s->target);
}

static void one_domain(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
	const iommu_iova_t second = IOVA_TARGET + 0x40000;

	title(s, "Two devices in one domain share its memory");
	check(s, attach(s, 0, 1) == 0, "device B moves to domain 1");
	check(s, map(s, 0, second, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "a page is mapped once");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, second, &s->other, "device A writes to it");
	expect_copy(s, 1, IOVA_TARGET, &s->target, second, &s->other, "and so does device B");
	check(s, unmap(s, 0, second, 4096) == 0, "it is unmapped");
	not_mapped(r, 0, second, &s->other);
	not_mapped(r, 1, second, &s->other);
}

static void moving(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;

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

/* --- Other domains ---------------------------------------------------------------------------- */

static void identity(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
	struct iommu_domain *domain;
	int status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_IDENTITY, NULL, &domain);

	title(s, "An identity domain");
	if (status == 0)
		status = iommu_domain_attach_group(domain, iommu_endpoint_group(s->endpoints[0]));
	check(s, status == 0, "device A uses an identity domain");
	if (status != 0)
		return;
	expect_copy(s, 0, s->secret.paddr, &s->secret, s->other.paddr, &s->other,
		    "device addresses are physical addresses");
	read_blocked(r, 1, s->secret.paddr, read_denied(r));
	check(s, attach(s, 0, 0) == 0, "device A moves back to domain 1");
	read_blocked(r, 0, s->secret.paddr, read_denied(r));
	check(s, iommu_domain_free(domain) == 0, "the identity domain is freed");
}

struct table_mode {
	uint64_t capability;
	enum iommu_stage stage;
	unsigned int width; /* of its addresses; the lower half of the first stage's */
	const char *name;
};

/* Tables of one mode, by an address at their upper end. */
static void one_mode(struct riscv_scenario *r, const struct table_mode *mode)
{
	const struct iommu_domain_config config = {.stage = mode->stage,
						   .address_width = mode->width};
	const iommu_iova_t high = (1ULL << mode->width) - IOMMU_SIZE_2M;
	struct scenario *s = &r->s;
	struct iommu_domain *domain, *former = s->domains[0];
	const bool former_first = r->first;
	int status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, &config, &domain);

	check(s, status == 0, mode->name);
	if (status != 0)
		return;
	s->domains[0] = domain;
	r->first = mode->stage == IOMMU_STAGE_FIRST;
	check(s,
	      attach(s, 0, 0) == 0 &&
		      map(s, 0, 0x1000, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      map(s, 0, high, s->target.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "device A uses them");
	expect_copy(s, 0, 0x1000, &s->secret, high, &s->target,
		    "device A copied from their lower end to the upper");
	check(s, unmap(s, 0, high, 4096) == 0, "the upper page is unmapped");
	not_mapped(r, 0, high, &s->target);
	s->domains[0] = former;
	r->first = former_first;
	check(s, attach(s, 0, 0) == 0 && iommu_domain_free(domain) == 0, "they are freed");
}

static void every_mode(struct riscv_scenario *r)
{
	static const struct table_mode modes[] = {
		{RISCV_CAP_SV39, IOMMU_STAGE_FIRST, 38, "tables of Sv39 are made"},
		{RISCV_CAP_SV48, IOMMU_STAGE_FIRST, 47, "tables of Sv48 are made"},
		{RISCV_CAP_SV57, IOMMU_STAGE_FIRST, 56, "tables of Sv57 are made"},
		{RISCV_CAP_SV39X4, IOMMU_STAGE_SECOND, 41, "tables of Sv39x4 are made"},
		{RISCV_CAP_SV48X4, IOMMU_STAGE_SECOND, 50, "tables of Sv48x4 are made"},
		{RISCV_CAP_SV57X4, IOMMU_STAGE_SECOND, 59, "tables of Sv57x4 are made"},
	};
	size_t i;

	title(&r->s, "Every mode that the unit has");
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if ((r->info.capabilities & modes[i].capability) != 0)
			one_mode(r, &modes[i]);
}

/* --- A guest with tables of its own ----------------------------------------------------------- */

/* The guest's memory, as the guest sees it, and its process id. */
#define GUEST_START   0x0000000040000000ULL
#define GUEST_SIZE    0x8000U
#define GUEST_ROOT    (GUEST_START + 0x0000)
#define GUEST_MIDDLE  (GUEST_START + 0x1000)
#define GUEST_LEAVES  (GUEST_START + 0x2000)
#define GUEST_SECRET  (GUEST_START + 0x3000)
#define GUEST_TARGET  (GUEST_START + 0x4000)
#define GUEST_OTHER   (GUEST_START + 0x5000)
#define GUEST_PROCESS 7
#define GUEST_LEVELS  3 /* Sv39 */

#define GUEST_FLAGS                                                                                \
	(RISCV_PTE_READ | RISCV_PTE_WRITE | RISCV_PTE_USER | RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY)

/* Addresses of the guest's device: of one table of leaves. */
#define GUEST_IOVA(n) (0x0000000012200000ULL + 0x1000ULL * (n))

struct guest {
	struct riscv_scenario *r;
	struct page memory;
	struct iommu_domain *parent, *nested;
};

static struct page guest_page(const struct guest *guest, uint64_t address)
{
	return (struct page){guest->memory.bytes + (address - GUEST_START),
			     guest->memory.paddr + (address - GUEST_START)};
}

/* Tables and interrupt files are little-endian, whatever the host is. */
static uint64_t le64(uint64_t value)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);
}

/* As the guest does: one store of an entry, in a table of a level. */
static void guest_set(const struct guest *guest, uint64_t table, iommu_iova_t iova,
		      unsigned int level, uint64_t entry)
{
	const struct page page = guest_page(guest, table);
	uint64_t *entries = (uint64_t *)(void *)page.bytes;
	uint64_t *at = &entries[iova >> riscv_level_shift(level) & (RISCV_ENTRIES - 1)];

	__atomic_store_n(at, le64(entry), __ATOMIC_RELEASE);
}

static void guest_map(const struct guest *guest, iommu_iova_t iova, uint64_t address)
{
	guest_set(guest, GUEST_LEAVES, iova, 1, riscv_pte_leaf(address, GUEST_FLAGS));
}

/* The guest's own command, as its unit, which is emulated, passes it on. */
static int guest_invalidate(const struct guest *guest, iommu_iova_t iova)
{
	const struct riscv_command command = riscv_command_at(
		riscv_command_of_process(riscv_command_vma(), GUEST_PROCESS), iova);
	const struct iommu_riscv_invalidation request = {command.low, command.high};
	unsigned int done = 0;

	return iommu_domain_invalidate_user(guest->nested, &request, sizeof(request), 1, &done);
}

static bool guest_start(struct guest *guest)
{
	const struct iommu_domain_config parent = {.stage = IOMMU_STAGE_SECOND,
						   .nest_parent = true};
	const struct iommu_riscv_first_stage first = {
		.root = riscv_root(riscv_mode(GUEST_LEVELS), GUEST_ROOT),
		.process = GUEST_PROCESS,
	};
	struct iommu_domain_config nested = {.user_data = &first, .user_size = sizeof(first)};
	struct scenario *s = &guest->r->s;
	int status;

	guest->memory = page_new(s, GUEST_SIZE);
	if (guest->memory.bytes == NULL) {
		check(s, false, "there is memory for a guest");
		return false;
	}
	guest_set(guest, GUEST_ROOT, GUEST_IOVA(0), 3, riscv_pte_table(GUEST_MIDDLE));
	guest_set(guest, GUEST_MIDDLE, GUEST_IOVA(0), 2, riscv_pte_table(GUEST_LEAVES));
	guest_map(guest, GUEST_IOVA(0), GUEST_SECRET);
	guest_map(guest, GUEST_IOVA(1), GUEST_TARGET);
	status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, &parent, &guest->parent);
	if (status == 0)
		status = iommu_map(guest->parent, GUEST_START, guest->memory.paddr, GUEST_SIZE,
				   IOMMU_PROT_READ_WRITE);
	nested.parent = guest->parent;
	if (status == 0)
		status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_NESTED, &nested, &guest->nested);
	if (status == 0)
		status = iommu_domain_attach_group(guest->nested,
						   iommu_endpoint_group(s->endpoints[0]));
	check(s, status == 0, "device A is the guest's, with the guest's table");
	if (status != 0) {
		say(s, iommu_reason(s->iommu));
		say(s, "\n");
	}
	return status == 0;
}

static void guest_changes(const struct guest *guest)
{
	struct scenario *s = &guest->r->s;
	const struct page secret = guest_page(guest, GUEST_SECRET);
	const struct page target = guest_page(guest, GUEST_TARGET);
	const struct page other = guest_page(guest, GUEST_OTHER);

	expect_copy(s, 0, GUEST_IOVA(0), &secret, GUEST_IOVA(1), &target,
		    "device A copied between two of the guest's pages");
	guest_map(guest, GUEST_IOVA(1), GUEST_OTHER);
	check(s, guest_invalidate(guest, GUEST_IOVA(1)) == 0,
	      "the guest changes an entry, and invalidates");
	pattern_put(s, target.bytes);
	expect_copy(s, 0, GUEST_IOVA(0), &secret, GUEST_IOVA(1), &other,
		    "device A writes to the new page");
	check(s, !same(secret.bytes, target.bytes), "and no longer to the old");
	guest_set(guest, GUEST_LEAVES, GUEST_IOVA(1), 1, 0);
	check(s, guest_invalidate(guest, GUEST_IOVA(1)) == 0, "the guest unmaps the page");
	write_blocked(guest->r, 0, GUEST_IOVA(1), &other, RISCV_FAULT_WRITE_PAGE);
	guest_map(guest, GUEST_IOVA(2), s->other.paddr);
	write_blocked(guest->r, 0, GUEST_IOVA(2), &s->other, RISCV_FAULT_WRITE_GUEST_PAGE);
}

static void host_changes(const struct guest *guest)
{
	struct scenario *s = &guest->r->s;
	const struct page secret = guest_page(guest, GUEST_SECRET);
	const struct page other = guest_page(guest, GUEST_OTHER);

	guest_map(guest, GUEST_IOVA(3), GUEST_OTHER);
	expect_copy(s, 0, GUEST_IOVA(0), &secret, GUEST_IOVA(3), &other,
		    "device A writes to a page of the guest's");
	check(s, iommu_unmap(guest->parent, GUEST_OTHER, 4096, 0, NULL) == 0,
	      "the host takes that page from the guest");
	write_blocked(guest->r, 0, GUEST_IOVA(3), &other, RISCV_FAULT_WRITE_GUEST_PAGE);
	check(s,
	      iommu_map(guest->parent, GUEST_OTHER, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) ==
		      0,
	      "and gives it another one");
	expect_copy(s, 0, GUEST_IOVA(0), &secret, GUEST_IOVA(3), &s->other,
		    "device A writes to that");
}

static void nesting(struct riscv_scenario *r)
{
	struct guest guest = {.r = r};
	struct scenario *s = &r->s;

	title(s, "Both stages: a guest's table, on tables of the host");
	if ((r->info.capabilities & RISCV_CAP_SV39) == 0 ||
	    (r->info.capabilities & (RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4)) ==
		    0) {
		say(s, "   this unit does not have both\n");
		return;
	}
	if (!guest_start(&guest))
		return;
	guest_changes(&guest);
	host_changes(&guest);
	check(s,
	      attach(s, 0, 0) == 0 && iommu_domain_free(guest.nested) == 0 &&
		      iommu_domain_free(guest.parent) == 0,
	      "device A moves back to domain 1");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "and writes to domain 1's page again");
}

/* --- Interrupt files of a guest --------------------------------------------------------------- */

/* Two files, side by side in the guest's memory. */
#define FILES     0x0000000028000000ULL
#define FILE_MASK 1ULL
#define NOTICE    77
#define PENDING   0x32 /* an identity of a file in memory */

struct files {
	struct riscv_scenario *r;
	struct iommu_domain *domain;
	struct page pages[3], memory, notice;
};

static volatile uint32_t *word_of(const struct page *page)
{
	return (volatile uint32_t *)(void *)page->bytes;
}

/* Device A sends its message to a file. */
static void send(const struct files *files, unsigned int file, uint32_t data)
{
	struct dma_device *device = &files->r->s.machine->devices[0];

	device->set_message(device, FILES + file * IOMMU_PAGE_SIZE, data);
	device->interrupt(device);
}

static bool files_start(struct files *files)
{
	const struct iommu_domain_config config = {.stage = IOMMU_STAGE_SECOND};
	struct scenario *s = &files->r->s;
	unsigned int i;
	int status;

	for (i = 0; i < 3; i++)
		files->pages[i] = page_new(s, 4096);
	files->memory = page_new(s, 4096);
	files->notice = page_new(s, 4096);
	if (files->notice.bytes == NULL) {
		check(s, false, "there is memory for them");
		return false;
	}
	status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, &config, &files->domain);
	if (status == 0)
		status = iommu_riscv_set_files(files->domain, FILE_MASK, FILES >> 12);
	if (status == 0)
		status = iommu_domain_attach_group(files->domain,
						   iommu_endpoint_group(s->endpoints[0]));
	check(s, status == 0, "device A is a guest's, with two interrupt files");
	return status == 0;
}

/* The write of a message was stopped; QEMU does not say where it went. */
static void names_device(const struct files *files)
{
	struct scenario *s = &files->r->s;
	const struct iommu_fault *fault = &s->faults[0];

	collect_faults(s);
	check(s,
	      s->fault_count == 1 && fault->endpoint == s->endpoints[0] &&
		      fault->access == IOMMU_FAULT_WRITE &&
		      fault->reason == RISCV_FAULT_MSI_NOT_VALID,
	      "the fault names this device and reason");
}

static void files_of_hardware(const struct files *files)
{
	struct scenario *s = &files->r->s;
	unsigned int i;

	send(files, 0, 0x31);
	names_device(files);
	for (i = 0; i < 2; i++)
		check(s, iommu_riscv_map_file(files->domain, i, files->pages[i].paddr) == 0,
		      "a file leads to a page");
	send(files, 0, 0x31);
	send(files, 1, 0x32);
	check(s, *word_of(&files->pages[0]) == 0x31 && *word_of(&files->pages[1]) == 0x32,
	      "device A's messages arrive in either");
	expect_no_fault(s);
	check(s, iommu_riscv_map_file(files->domain, 0, files->pages[2].paddr) == 0,
	      "the first leads to another page");
	send(files, 0, 0x33);
	check(s, *word_of(&files->pages[0]) == 0x31 && *word_of(&files->pages[2]) == 0x33,
	      "the next message arrives there");
	check(s, iommu_riscv_unmap_file(files->domain, 0) == 0, "the first leads nowhere");
	send(files, 0, 0x34);
	check(s, *word_of(&files->pages[2]) == 0x33, "the next message does not arrive");
	names_device(files);
}

/*
 * Sixty-four identities have a word of those that are pending, and a word of those enabled. A
 * notice is due of any; QEMU sends none of those that are not enabled.
 */
static void files_in_memory(const struct files *files)
{
	volatile uint64_t *words = (volatile uint64_t *)(void *)files->memory.bytes;
	struct scenario *s = &files->r->s;

	if (files->r->machine->is_old || (files->r->info.capabilities & RISCV_CAP_MSI_MRIF) == 0) {
		say(s, "   this unit has no interrupt files in memory, or not as specified\n");
		return;
	}
	check(s,
	      iommu_riscv_map_file_in_memory(files->domain, 1, files->memory.paddr,
					     files->notice.paddr, NOTICE) == 0,
	      "the second file lies in memory");
	words[1] = le64(1ULL << PENDING);
	send(files, 1, PENDING);
	check(s, words[0] == le64(1ULL << PENDING), "a message is noted there");
	check(s, *word_of(&files->notice) == NOTICE, "and a notice is sent");
	check(s, *word_of(&files->pages[1]) == 0x32, "where the file led before nothing arrives");
	expect_no_fault(s);
}

static void interrupt_files(struct riscv_scenario *r)
{
	const uint64_t second = RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4;
	struct files files = {.r = r};
	struct scenario *s = &r->s;

	title(s, "A guest's interrupt files");
	if ((r->info.capabilities & RISCV_CAP_MSI_FLAT) == 0 ||
	    (r->info.capabilities & second) == 0) {
		say(s, "   this unit has no tables of them\n");
		return;
	}
	if (!files_start(&files))
		return;
	files_of_hardware(&files);
	files_in_memory(&files);
	check(s, attach(s, 0, 0) == 0 && iommu_domain_free(files.domain) == 0,
	      "device A moves back to domain 1");
}

/* --- Faults ----------------------------------------------------------------------------------- */

#define STORM 8 /* blocked transfers: more faults than the queue holds */

static void overflow(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
	bool lost = false;
	unsigned int i;
	int count;

	title(s, "More faults than the unit's queue holds");
	for (i = 0; i < STORM; i++)
		device_write(s, 0, IOVA_UNMAPPED);
	s->fault_count = 0;
	count = iommu_unit_handle_faults(s->unit, &lost);
	check(s, count > 0, "those that it holds are reported");
	check(s, lost, "that others were lost is told");
	check(s,
	      s->fault_count == 1 && s->faults[0].endpoint == s->endpoints[0] &&
		      s->faults[0].reason == write_denied(r),
	      "all are of the same device and reason");
	lost = false;
	check(s, iommu_unit_handle_faults(s->unit, &lost) == 0 && !lost, "then there are none");
	not_mapped(r, 0, IOVA_UNMAPPED, &s->target);
}

#define PATIENCE 100000

/* An interrupt may take a moment. */
static unsigned int interrupts_after(const struct riscv_scenario *r, unsigned int before)
{
	unsigned int i;

	for (i = 0; i < PATIENCE && r->machine->interrupts_seen() == before; i++)
		;
	return r->machine->interrupts_seen() - before;
}

static void told_by_interrupt(struct riscv_scenario *r, const char *what)
{
	const unsigned int before = r->machine->interrupts_seen();
	struct scenario *s = &r->s;

	device_write(s, 0, IOVA_UNMAPPED);
	check(s, interrupts_after(r, before) == 1, what);
	names_all(r, 0, IOVA_UNMAPPED, IOMMU_FAULT_WRITE, write_denied(r));
	r->machine->interrupts_handled();
}

static void interrupted(struct riscv_scenario *r)
{
	const struct riscv_machine *m = r->machine;
	struct scenario *s = &r->s;
	unsigned int before;

	title(s, "The unit's interrupt tells of faults");
	/* Wires have told of faults since the unit was enabled. */
	m->interrupts_handled();
	if (m->message_data != 0)
		check(s,
		      iommu_riscv_set_interrupt(s->unit, IOMMU_RISCV_FAULTS, m->message_address,
						m->message_data) == 0,
		      "its message is set");
	told_by_interrupt(r, "one interrupt tells of all faults of a transfer");
	told_by_interrupt(r, "and another of the next");
	if (m->message_data == 0)
		return;
	check(s, iommu_riscv_mask_interrupt(s->unit, IOMMU_RISCV_FAULTS) == 0, "it is masked");
	before = m->interrupts_seen();
	not_mapped(r, 0, IOVA_UNMAPPED, &s->target);
	check(s, m->interrupts_seen() == before, "now none tells of faults");
}

/* --- Process ids ------------------------------------------------------------------------------ */

#define PROCESS_A 5
#define PROCESS_B 70

struct processes {
	struct riscv_scenario *r;
	struct riscv_process_device *device;
	struct iommu_endpoint *endpoint;
	struct iommu_group *group;
	struct iommu_domain *domains[2];
	struct iommu_pasid_handle handles[2];
};

static bool process_copy(const struct processes *p, uint32_t process, const struct page *from)
{
	pattern_put(&p->r->s, from->bytes);
	return p->device->copy(p->device, process, IOVA_SECRET, PATTERN_SIZE, false) &&
	       p->device->copy(p->device, process, IOVA_TARGET, PATTERN_SIZE, true);
}

static void expect_process_copy(const struct processes *p, uint32_t process,
				const struct page *from, const struct page *to, const char *what)
{
	struct scenario *s = &p->r->s;

	check(s, process_copy(p, process, from) && same(from->bytes, to->bytes), what);
	expect_no_fault(s);
}

/* A write that must be refused, with a fault of this process. */
static void expect_process_refused(const struct processes *p, uint32_t process,
				   const struct page *behind, unsigned int reason, const char *what)
{
	struct scenario *s = &p->r->s;
	unsigned char before[PATTERN_SIZE];

	pattern_put(s, behind->bytes);
	__builtin_memcpy(before, behind->bytes, PATTERN_SIZE);
	check(s,
	      !p->device->copy(p->device, process, IOVA_TARGET, PATTERN_SIZE, true) &&
		      same(before, behind->bytes),
	      what);
	collect_faults(s);
	check(s,
	      s->fault_count == 1 && s->faults[0].endpoint == p->endpoint &&
		      s->faults[0].access == IOMMU_FAULT_WRITE && s->faults[0].reason == reason &&
		      s->faults[0].has_pasid == (process != 0) && s->faults[0].pasid == process,
	      "the fault names this device, process and reason");
}

static bool processes_start(struct processes *p)
{
	const struct iommu_domain_config config = {.stage = IOMMU_STAGE_FIRST};
	struct scenario *s = &p->r->s;
	unsigned int i;
	int status;

	p->device->info.max_pasids = 1U << 8;
	status = iommu_probe_endpoint(s->iommu, &p->device->info, &p->endpoint);
	check(s, status == 0, "the unit translates for the device");
	if (status != 0)
		return false;
	p->group = iommu_endpoint_group(p->endpoint);
	status = iommu_endpoint_enable_feature(p->endpoint, IOMMU_FEATURE_PASID);
	check(s, status == 0, "PASIDs are on");
	for (i = 0; i < 2 && status == 0; i++)
		status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, &config, &p->domains[i]);
	for (i = 0; i < 2 && status == 0; i++) {
		const iommu_paddr_t target = i == 0 ? s->target.paddr : s->other.paddr;

		status = iommu_map(p->domains[i], IOVA_SECRET, s->secret.paddr, 4096,
				   IOMMU_PROT_READ);
		if (status == 0)
			status = iommu_map(p->domains[i], IOVA_TARGET, target, 4096,
					   IOMMU_PROT_READ_WRITE);
	}
	check(s, status == 0, "one address leads to two pages, in two domains");
	return status == 0;
}

static void processes_attached(struct processes *p)
{
	struct scenario *s = &p->r->s;

	expect_process_refused(p, PROCESS_A, &s->target, RISCV_FAULT_DEVICE_NOT_VALID,
			       "before anything is attached PASID 5 reaches nothing");
	check(s,
	      iommu_domain_attach_pasid(p->domains[0], p->group, PROCESS_A, &p->handles[0]) == 0 &&
		      iommu_domain_attach_pasid(p->domains[1], p->group, PROCESS_B,
						&p->handles[1]) == 0,
	      "PASID 5 uses the first, PASID 70 the second");
	expect_process_copy(p, PROCESS_A, &s->secret, &s->target, "PASID 5 writes to its own");
	check(s, !same(s->secret.bytes, s->other.bytes), "and not to the other");
	expect_process_copy(p, PROCESS_B, &s->secret, &s->other, "PASID 70 writes to the other");
	check(s, !same(s->secret.bytes, s->target.bytes), "and not to the first");
	expect_process_refused(p, PROCESS_A + 1, &s->target, RISCV_FAULT_PROCESS_NOT_VALID,
			       "PASID 6, which nothing is attached to, reaches nothing");
	expect_process_refused(p, 0, &s->target, RISCV_FAULT_PROCESS_NOT_VALID,
			       "nor do requests without a PASID");
}

static void processes_changed(struct processes *p)
{
	struct scenario *s = &p->r->s;

	check(s, iommu_unmap(p->domains[0], IOVA_TARGET, 4096, 0, NULL) == 0,
	      "the page is unmapped for PASID 5");
	expect_process_refused(p, PROCESS_A, &s->target, RISCV_FAULT_WRITE_PAGE,
			       "the very next access is refused");
	expect_process_copy(p, PROCESS_B, &s->secret, &s->other, "PASID 70 goes on");
	check(s,
	      iommu_domain_replace_pasid(p->domains[1], p->group, PROCESS_A, &p->handles[0]) == 0,
	      "PASID 5 moves to the second domain");
	expect_process_copy(p, PROCESS_A, &s->secret, &s->other, "and writes to that one's page");
	check(s, iommu_domain_detach_pasid(p->group, PROCESS_A) == 0, "PASID 5 is detached");
	expect_process_refused(p, PROCESS_A, &s->other, RISCV_FAULT_PROCESS_NOT_VALID,
			       "it reaches nothing");
	expect_process_copy(p, PROCESS_B, &s->secret, &s->other, "PASID 70 goes on");
}

static void processes(struct riscv_scenario *r)
{
	struct processes p = {.r = r, .device = r->machine->process_device};
	struct scenario *s = &r->s;
	int status;

	title(s, "A device with process ids (PASIDs)");
	if (!processes_start(&p))
		return;
	processes_attached(&p);
	processes_changed(&p);
	status = iommu_domain_detach_pasid(p.group, PROCESS_B);
	if (status == 0)
		status = iommu_endpoint_disable_feature(p.endpoint, IOMMU_FEATURE_PASID);
	if (status == 0)
		status = iommu_release_endpoint(p.endpoint);
	if (status == 0)
		status = iommu_domain_free(p.domains[0]);
	if (status == 0)
		status = iommu_domain_free(p.domains[1]);
	check(s, status == 0, "the device, and its domains, are gone");
}

/* --- The end ---------------------------------------------------------------------------------- */

static void suspending(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;

	title(s, "Suspended and resumed: everything is as it was");
	check(s, iommu_suspend(s->iommu) == 0, "all units are suspended");
	if (r->machine->is_old)
		say(s,
		    "   off, this unit still goes by what it has cached: this is not looked at\n");
	else
		expect_no_write(s, 0, IOVA_TARGET, &s->target, "nothing is reached");
	expect_no_write(s, 0, s->target.paddr, &s->target, "nor untranslated");
	check(s, iommu_resume(s->iommu) == 0, "all units are resumed");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A's mappings are back");
	read_blocked(r, 0, s->secret.paddr, read_denied(r));
}

static void detaching(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;

	title(s, "Detached: blocked again");
	check(s,
	      iommu_domain_detach_group(iommu_endpoint_group(s->endpoints[0])) == 0 &&
		      iommu_domain_detach_group(iommu_endpoint_group(s->endpoints[1])) == 0,
	      "both devices are detached");
	write_blocked(r, 0, IOVA_TARGET, &s->target, RISCV_FAULT_DEVICE_NOT_VALID);
	write_blocked(r, 1, IOVA_TARGET, &s->target, RISCV_FAULT_DEVICE_NOT_VALID);
}

static void disabling(struct riscv_scenario *r)
{
	struct scenario *s = &r->s;
	unsigned int i;
	int status = iommu_unit_disable(s->unit);

	title(s, "The unit is disabled, and everything is given back");
	check(s, status == 0, "translation is off");
	expect_no_write(s, 0, s->target.paddr, &s->target, "device A does not reach memory");
	check(s, iommu_unit_enable(s->unit) == 0, "translation is on again");
	write_blocked(r, 0, IOVA_TARGET, &s->target, RISCV_FAULT_DEVICE_NOT_VALID);
	check(s, iommu_shutdown(s->iommu) == 0, "the machine is shut down");
	expect_no_write(s, 0, s->target.paddr, &s->target, "device A does not reach memory");
	status = 0;
	for (i = 0; i < 2; i++)
		if (status == 0)
			status = iommu_domain_free(s->domains[i]);
	for (i = 0; i < 2; i++)
		if (status == 0)
			status = iommu_release_endpoint(s->endpoints[i]);
	if (status == 0)
		status = iommu_destroy(s->iommu);
	check(s, status == 0, "domains, endpoints and the instance are gone");
}

bool scenario_riscv(struct riscv_machine *machine)
{
	static struct riscv_scenario scenario;
	struct riscv_scenario *r = &scenario;

	*r = (struct riscv_scenario){.s = {.machine = &machine->base, .seed = 1},
				     .machine = machine};
	if (!start(r)) {
		r->s.failed++;
		say_verdict(&r->s);
		return false;
	}
	before_enabling(r);
	if (enabling(r)) {
		empty_domain(r);
		read_and_write(r);
		ask_the_unit(r);
		page_crossing(r);
		read_only(r);
		large_pages(r);
		unmap_blocks_at_once(r);
		remap_leads_elsewhere(r);
		two_domains(r);
		one_domain(r);
		moving(r);
		identity(r);
		every_mode(r);
		nesting(r);
		interrupt_files(r);
		overflow(r);
		if (machine->interrupts_seen != NULL)
			interrupted(r);
		if (machine->process_device != NULL)
			processes(r);
		suspending(r);
		detaching(r);
		disabling(r);
	}
	say_verdict(&r->s);
	return r->s.failed == 0;
}

/* --- A second instance ------------------------------------------------------------------------ */

bool scenario_riscv_take_over(struct riscv_machine *machine)
{
	static struct riscv_scenario scenario;
	struct riscv_scenario *r = &scenario;
	struct scenario *s = &r->s;

	*r = (struct riscv_scenario){.s = {.machine = &machine->base, .seed = 1},
				     .machine = machine};
	if (!start(r) || iommu_unit_enable(s->unit) != 0 || attach(s, 0, 0) != 0) {
		s->failed++;
		say_verdict(s);
		return false;
	}
	title(s, "The first instance translates");
	check(s,
	      map(s, 0, IOVA_SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      map(s, 0, IOVA_TARGET, s->target.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "two pages are mapped");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target, "device A uses them");
	title(s, "A second instance turns off what it finds, and starts from scratch");
	if (start(r)) {
		expect_no_write(s, 0, IOVA_TARGET, &s->target, "device A is stopped");
		check(s, iommu_unit_enable(s->unit) == 0, "it is enabled");
		write_blocked(r, 0, IOVA_TARGET, &s->target, RISCV_FAULT_DEVICE_NOT_VALID);
		check(s,
		      attach(s, 0, 0) == 0 &&
			      map(s, 0, IOVA_SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
			      map(s, 0, IOVA_TARGET, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) ==
				      0,
		      "the address leads to another page");
		expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->other,
			    "device A writes there");
	}
	say_verdict(s);
	return s->failed == 0;
}
