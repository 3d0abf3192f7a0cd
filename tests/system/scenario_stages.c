/* SPDX-License-Identifier: BSD-2-Clause */
#include "scenario_stages.h"

#define IOVA_64K 0x0000000538000000ULL
#define SIZE_64K IOMMU_SIZE_64K

/* --- Faults of a transfer --------------------------------------------------------------------- */

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

void write_blocked(struct stages *t, unsigned int device, iommu_iova_t iova,
		   const struct page *behind, unsigned int reason)
{
	struct scenario *s = &t->s;

	expect_no_write(s, device, iova, behind, "the write did not arrive");
	t->family->expect_fault(t, device, iova, IOMMU_FAULT_WRITE, reason);
}

void read_blocked(struct stages *t, unsigned int device, iommu_iova_t iova, unsigned int reason)
{
	device_read(&t->s, device, iova);
	t->family->expect_fault(t, device, iova, IOMMU_FAULT_READ, reason);
}

void not_mapped(struct stages *t, unsigned int device, iommu_iova_t iova, const struct page *behind)
{
	write_blocked(t, device, iova, behind, t->family->denied(t, true, false));
}

/* --- Finding the unit ------------------------------------------------------------------------- */

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

static bool make_domains(struct stages *t)
{
	const struct iommu_domain_config config = {.stage = t->stage};
	struct scenario *s = &t->s;
	unsigned int i;
	int status = 0;

	for (i = 0; i < 2 && status == 0; i++)
		status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, &config, &s->domains[i]);
	check(s, status == 0,
	      t->first ? "domains of the first stage can be made"
		       : "domains of the second stage can be made");
	return status == 0;
}

static bool start_failed(struct scenario *s)
{
	s->failed++;
	say_verdict(s);
	return false;
}

bool stages_start(struct stages *t)
{
	struct scenario *s = &t->s;
	bool prefers_first = false;
	int status;

	title(s, "Finding the unit");
	status = iommu_create(s->machine->platform, &s->iommu);
	if (status == 0)
		status = t->family->add_unit(t, &prefers_first);
	check(s, status == 0, "what the machine says of it leads to a working unit");
	if (status != 0) {
		say(s, s->iommu != NULL ? iommu_reason(s->iommu) : iommu_strerror(status));
		say(s, "\n");
		return start_failed(s);
	}
	iommu_set_fault_handler(s->iommu, note_once, s);
	t->family->say_unit(t);
	t->first = t->stage == IOMMU_STAGE_FIRST || (t->stage == IOMMU_STAGE_ANY && prefers_first);
	if (!probe_devices(s) || !make_domains(t))
		return start_failed(s);
	s->secret = page_new(s, 4096);
	s->target = page_new(s, 4096);
	s->other = page_new(s, 4096);
	return (s->secret.bytes != NULL && s->target.bytes != NULL && s->other.bytes != NULL) ||
	       start_failed(s);
}

/* --- Off, and on with nothing attached -------------------------------------------------------- */

/* Both units, where each device has one of its own. */
static int enable(const struct scenario *s)
{
	struct iommu_unit *unit = NULL;
	int status = 0;

	while (status == 0 && (unit = iommu_next_unit(s->iommu, unit)) != NULL)
		status = iommu_unit_enable(unit);
	return status;
}

static int disable(const struct scenario *s)
{
	struct iommu_unit *unit = NULL;
	int status = 0;

	while (status == 0 && (unit = iommu_next_unit(s->iommu, unit)) != NULL)
		status = iommu_unit_disable(unit);
	return status;
}

/* While it is off the unit lets nothing pass, or everything. */
static void expect_off(struct stages *t, unsigned int device, const char *what)
{
	struct scenario *s = &t->s;

	if (t->traits.passes_off)
		expect_moved(s, device, s->secret.paddr, &s->secret, s->target.paddr, &s->target,
			     "off, this unit lets everything pass");
	else
		expect_no_write(s, device, s->target.paddr, &s->target, what);
}

/* … and what was mapped is no longer. */
static void expect_unmapped_off(struct stages *t, const struct page *behind, const char *what)
{
	struct scenario *s = &t->s;

	if (t->traits.keeps_cached_off)
		say(s,
		    "   off, this unit still goes by what it has cached: this is not looked at\n");
	else
		expect_no_write(s, 0, IOVA_TARGET, behind, what);
}

void stages_before_enabling(struct stages *t)
{
	struct scenario *s = &t->s;

	if (t->traits.passes_before || t->traits.passes_off) {
		title(s, "Before the unit is enabled it lets everything pass");
		expect_moved(s, 0, s->secret.paddr, &s->secret, s->target.paddr, &s->target,
			     "device A copied between two physical addresses");
		return;
	}
	title(s, "Before the unit is enabled it is off: everything is blocked");
	expect_off(t, 0, "device A does not reach memory");
	expect_off(t, 1, "nor does device B");
}

bool stages_enabling(struct stages *t)
{
	struct scenario *s = &t->s;
	const int status = enable(s);

	title(s, "The unit is enabled, no domain attached: everything is blocked");
	check(s, status == 0, "translation is on");
	if (status != 0) {
		say(s, iommu_reason(s->iommu));
		say(s, "\n");
		return false;
	}
	pattern_put(s, s->other.bytes);
	write_blocked(t, 0, s->target.paddr, &s->target, t->family->no_domain);
	read_blocked(t, 1, s->secret.paddr, t->family->no_domain);
	return true;
}

/* --- Mapping ---------------------------------------------------------------------------------- */

static void empty_domain(struct stages *t)
{
	struct scenario *s = &t->s;

	title(s, "An empty domain: the address is not mapped");
	check(s, attach(s, 0, 0) == 0, "device A uses domain 1");
	not_mapped(t, 0, IOVA_UNMAPPED, &s->target);
	read_blocked(t, 0, IOVA_UNMAPPED + 0x5000, t->family->denied(t, false, false));
	read_blocked(t, 0, s->secret.paddr, t->family->denied(t, false, false));
}

static void read_and_write(struct stages *t)
{
	struct scenario *s = &t->s;
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

static void page_crossing(struct stages *t)
{
	struct scenario *s = &t->s;
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

static void read_only(struct stages *t)
{
	struct scenario *s = &t->s;

	title(s, "A page that is mapped read-only");
	check(s, map(s, 0, IOVA_READ_ONLY, s->other.paddr, 4096, IOMMU_PROT_READ) == 0,
	      "a page is mapped for reading only");
	write_blocked(t, 0, IOVA_READ_ONLY, &s->other, t->family->denied(t, true, true));
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
static void large_page(struct stages *t, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
		       const struct page *inside, const char *what)
{
	struct scenario *s = &t->s;
	const iommu_iova_t middle = iova + (inside->paddr - paddr);

	check(s,
	      map(s, 0, iova, paddr, size, IOMMU_PROT_READ_WRITE) == 0 &&
		      leaf_size(s, iova) == size,
	      what);
	expect_copy(s, 0, IOVA_SECRET, &s->secret, middle, inside,
		    "device A wrote into the middle of it");
	expect_copy(s, 0, middle, inside, IOVA_TARGET, &s->target, "and read it back");
	check(s, unmap(s, 0, iova, size) == 0, "it is unmapped");
	not_mapped(t, 0, middle, inside);
}

static void large_pages(struct stages *t)
{
	struct scenario *s = &t->s;
	struct page large = page_new(s, IOMMU_SIZE_2M);
	struct page inside = {large.bytes + 0x123000, large.paddr + 0x123000};
	struct page near = {large.bytes + 0x5000, large.paddr + 0x5000};

	title(s, "Large pages");
	if (large.bytes == NULL) {
		check(s, false, "there is memory for them");
		return;
	}
	if (t->traits.has_no_runs)
		say(s, "   this unit does not know runs of entries (64K)\n");
	else
		large_page(t, IOVA_64K, large.paddr, SIZE_64K, &near,
			   "64 KiB are mapped with one run of entries");
	large_page(t, IOVA_2M, large.paddr, IOMMU_SIZE_2M, &inside,
		   "2 MiB are mapped with one 2M page");
	/* The gigabyte that holds all memory of this machine. */
	large_page(t, IOVA_1G, large.paddr & ~(IOMMU_SIZE_1G - 1), IOMMU_SIZE_1G, &inside,
		   "1 GiB is mapped with one 1G page");
}

/* --- Unmapping -------------------------------------------------------------------------------- */

static void unmap_blocks_at_once(struct stages *t)
{
	struct scenario *s = &t->s;
	const iommu_iova_t iova = IOVA_TARGET + 0x20000;

	title(s, "Unmapping: the very next access is blocked");
	check(s, map(s, 0, iova, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "a page is mapped");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, iova, &s->other,
		    "device A writes to it, so that the unit has it cached");
	check(s, unmap(s, 0, iova, 4096) == 0, "it is unmapped");
	pattern_put(s, s->secret.bytes);
	device_read(s, 0, IOVA_SECRET);
	not_mapped(t, 0, iova, &s->other);
}

/* So many that a unit is told of a range, or of everything. */
#define MANY      37U
#define IOVA_MANY (IOVA_TARGET + 0x101000)
#define PAGE(n)   ((struct page){pages.bytes + 4096ULL * (n), pages.paddr + 4096ULL * (n)})

static void many_pages(struct stages *t)
{
	static const unsigned int looked_at[] = {0, 1, 16, 31, 32, MANY - 1};
	struct scenario *s = &t->s;
	const struct page pages = page_new(s, 4096ULL * 64);
	size_t i;

	title(s, "Many pages are unmapped at once, and no others");
	if (pages.bytes == NULL) {
		check(s, false, "there is memory for them");
		return;
	}
	/* Behind another by an odd number of pages: not one large page. */
	check(s,
	      map(s, 0, IOVA_MANY, PAGE(2).paddr, 4096ULL * (MANY + 1), IOMMU_PROT_READ_WRITE) == 0,
	      "so many pages are mapped, and one more");
	for (i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++) {
		const struct page page = PAGE(looked_at[i] + 2);

		expect_moved(s, 0, IOVA_SECRET, &s->secret, IOVA_MANY + 4096ULL * looked_at[i],
			     &page, "device A writes to one of them");
	}
	expect_moved(s, 0, IOVA_SECRET, &s->secret, IOVA_MANY + 4096ULL * MANY, &PAGE(MANY + 2),
		     "and to the one behind");
	check(s, unmap(s, 0, IOVA_MANY, 4096ULL * MANY) == 0, "they are unmapped");
	for (i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++) {
		const struct page page = PAGE(looked_at[i] + 2);

		not_mapped(t, 0, IOVA_MANY + 4096ULL * looked_at[i], &page);
	}
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_MANY + 4096ULL * MANY, &PAGE(MANY + 2),
		    "the one behind is still reached");
	check(s, unmap(s, 0, IOVA_MANY + 4096ULL * MANY, 4096) == 0, "it is unmapped, too");
}

/* More invalidations than any queue of commands holds: it goes round. */
#define ROUNDS 600

static void many_commands(struct stages *t)
{
	const iommu_iova_t iova = IOVA_TARGET + 0x50000;
	struct scenario *s = &t->s;
	unsigned int i;
	int status = 0;

	title(s, "A page comes and goes many times");
	for (i = 0; i < ROUNDS && status == 0; i++) {
		status = map(s, 0, iova, i % 2 == 0 ? s->other.paddr : s->target.paddr, 4096,
			     IOMMU_PROT_READ_WRITE);
		if (status == 0)
			status = unmap(s, 0, iova, 4096);
	}
	check(s, status == 0, "each time the unit confirms that it has forgotten the page");
	check(s, map(s, 0, iova, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "it comes once more");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, iova, &s->other, "device A writes to it");
	check(s, unmap(s, 0, iova, 4096) == 0, "it goes for good");
	not_mapped(t, 0, iova, &s->other);
}

/* A hole in a page of this size, while the unit has the whole cached. */
static void hole(struct stages *t, iommu_iova_t iova, const struct page *large, uint64_t size,
		 const char *what)
{
	struct scenario *s = &t->s;
	const uint64_t at = size / 2;
	const struct page inside = {large->bytes + at, large->paddr + at};
	const struct page before = {large->bytes + at - 4096, large->paddr + at - 4096};
	const struct page behind = {large->bytes + at + 4096, large->paddr + at + 4096};

	check(s,
	      map(s, 0, iova, large->paddr, size, IOMMU_PROT_READ_WRITE) == 0 &&
		      leaf_size(s, iova) == size,
	      what);
	expect_copy(s, 0, IOVA_SECRET, &s->secret, iova + at, &inside,
		    "device A wrote into the middle of it");
	check(s,
	      iommu_unmap(s->domains[0], iova + at, 4096, IOMMU_UNMAP_SPLIT, NULL) ==
		      (t->traits.cuts_none ? IOMMU_EOPNOTSUPP : 0),
	      t->traits.cuts_none ? "4 KiB of the middle cannot be unmapped on this unit"
				  : "4 KiB of the middle are unmapped");
	if (!t->traits.cuts_none)
		not_mapped(t, 0, iova + at, &inside);
	expect_copy(s, 0, IOVA_SECRET, &s->secret, iova + at - 4096, &before,
		    "what is before is still reached");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, iova + at + 4096, &behind, "and what is behind");
	check(s, unmap(s, 0, iova, size) == 0, "all is unmapped");
	not_mapped(t, 0, iova + at + 4096, &behind);
}

static void holes(struct stages *t)
{
	struct scenario *s = &t->s;
	const struct page large = page_new(s, IOMMU_SIZE_2M);

	title(s, "A hole in a large page");
	if (large.bytes == NULL) {
		check(s, false, "there is memory for it");
		return;
	}
	if (t->traits.has_no_runs) {
		say(s, "   this unit does not know runs of entries (64K), which are around it\n");
		return;
	}
	hole(t, IOVA_64K, &large, SIZE_64K, "64 KiB are mapped with one run of entries");
	hole(t, IOVA_2M, &large, IOMMU_SIZE_2M, "2 MiB are mapped with one 2M page");
}

static void remap_leads_elsewhere(struct stages *t)
{
	struct scenario *s = &t->s;
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

static void two_domains(struct stages *t)
{
	struct scenario *s = &t->s;
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
	read_blocked(t, 1, IOVA_SECRET, t->family->denied(t, false, false));
	check(s, unmap(s, 1, IOVA_TARGET, 4096) == 0, "domain 2 is emptied");
	not_mapped(t, 1, IOVA_TARGET, &s->target);
}

static void one_domain(struct stages *t)
{
	struct scenario *s = &t->s;
	const iommu_iova_t second = IOVA_TARGET + 0x40000;

	title(s, "Two devices in one domain share its memory");
	check(s, attach(s, 0, 1) == 0, "device B moves to domain 1");
	check(s, map(s, 0, second, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "a page is mapped once");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, second, &s->other, "device A writes to it");
	expect_copy(s, 1, IOVA_TARGET, &s->target, second, &s->other, "and so does device B");
	check(s, unmap(s, 0, second, 4096) == 0, "it is unmapped");
	not_mapped(t, 0, second, &s->other);
	not_mapped(t, 1, second, &s->other);
}

static void moving(struct stages *t)
{
	struct scenario *s = &t->s;

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

static void identity(struct stages *t)
{
	struct scenario *s = &t->s;
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
	read_blocked(t, 1, s->secret.paddr, t->family->denied(t, false, false));
	check(s, attach(s, 0, 0) == 0, "device A moves back to domain 1");
	read_blocked(t, 0, s->secret.paddr, t->family->denied(t, false, false));
	check(s, iommu_domain_free(domain) == 0, "the identity domain is freed");
}

void stages_first_accesses(struct stages *t)
{
	empty_domain(t);
	read_and_write(t);
}

void stages_mappings(struct stages *t)
{
	page_crossing(t);
	read_only(t);
	large_pages(t);
	unmap_blocks_at_once(t);
	many_pages(t);
	many_commands(t);
	holes(t);
	remap_leads_elsewhere(t);
	two_domains(t);
	one_domain(t);
	moving(t);
	identity(t);
}

/* Tables of one mode, by an address at their upper end. */
void stages_one_mode(struct stages *t, const struct stages_mode *mode)
{
	const uint64_t size = mode->config.pgsize_bitmap != 0 ? mode->config.pgsize_bitmap : 4096;
	const iommu_iova_t high = (1ULL << mode->config.address_width) - IOMMU_SIZE_2M;
	struct scenario *s = &t->s;
	const struct page from = page_new(s, size), to = page_new(s, size);
	struct iommu_domain *domain, *former = s->domains[0];
	const bool former_first = t->first;
	int status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_PAGING, &mode->config, &domain);

	check(s, status == 0, mode->name);
	if (status != 0)
		return;
	s->domains[0] = domain;
	t->first = mode->config.stage == IOMMU_STAGE_FIRST;
	check(s,
	      attach(s, 0, 0) == 0 && map(s, 0, size, from.paddr, size, IOMMU_PROT_READ) == 0 &&
		      map(s, 0, high, to.paddr, size, IOMMU_PROT_READ_WRITE) == 0,
	      "device A uses them");
	expect_copy(s, 0, size, &from, high, &to,
		    "device A copied from their lower end to the upper");
	check(s, unmap(s, 0, high, size) == 0, "the upper page is unmapped");
	not_mapped(t, 0, high, &to);
	s->domains[0] = former;
	t->first = former_first;
	check(s, attach(s, 0, 0) == 0 && iommu_domain_free(domain) == 0, "they are freed");
}

/* --- A guest with tables of its own ----------------------------------------------------------- */

struct page guest_page(const struct guest *guest, uint64_t address)
{
	return (struct page){guest->memory.bytes + (address - GUEST_START),
			     guest->memory.paddr + (address - GUEST_START)};
}

void guest_set(const struct guest *guest, uint64_t table, unsigned int index, uint64_t entry)
{
	const struct page page = guest_page(guest, table);
	uint64_t *entries = (uint64_t *)(void *)page.bytes;

	__atomic_store_n(&entries[index], le64(entry), __ATOMIC_RELEASE);
}

static void set_leaf(const struct guest *guest, iommu_iova_t iova, uint64_t entry)
{
	guest_set(guest, GUEST_LEAVES, iova >> 12 & 511, entry);
}

static void guest_map(const struct guest *guest, iommu_iova_t iova, uint64_t address)
{
	set_leaf(guest, iova, guest->format->leaf(address));
}

static bool guest_start(struct guest *guest)
{
	const struct iommu_domain_config parent = {.stage = IOMMU_STAGE_SECOND,
						   .nest_parent = true};
	struct iommu_domain_config nested = {.user_data = guest->format->user_data,
					     .user_size = guest->format->user_size};
	struct scenario *s = &guest->t->s;
	int status;

	guest->memory = page_new(s, GUEST_SIZE);
	if (guest->memory.bytes == NULL) {
		check(s, false, "there is memory for a guest");
		return false;
	}
	guest->format->make_tables(guest);
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
	struct scenario *s = &guest->t->s;
	const struct page secret = guest_page(guest, GUEST_SECRET);
	const struct page target = guest_page(guest, GUEST_TARGET);
	const struct page other = guest_page(guest, GUEST_OTHER);

	expect_copy(s, 0, GUEST_IOVA(0), &secret, GUEST_IOVA(1), &target,
		    "device A copied between two of the guest's pages");
	guest_map(guest, GUEST_IOVA(1), GUEST_OTHER);
	check(s, guest->format->invalidate(guest, GUEST_IOVA(1)) == 0,
	      "the guest changes an entry, and invalidates");
	pattern_put(s, target.bytes);
	expect_copy(s, 0, GUEST_IOVA(0), &secret, GUEST_IOVA(1), &other,
		    "device A writes to the new page");
	check(s, !same(secret.bytes, target.bytes), "and no longer to the old");
	set_leaf(guest, GUEST_IOVA(1), 0);
	check(s, guest->format->invalidate(guest, GUEST_IOVA(1)) == 0, "the guest unmaps the page");
	write_blocked(guest->t, 0, GUEST_IOVA(1), &other, guest->format->own_denied);
	guest_map(guest, GUEST_IOVA(2), s->other.paddr);
	write_blocked(guest->t, 0, GUEST_IOVA(2), &s->other, guest->format->host_denied);
}

static void host_changes(const struct guest *guest)
{
	struct scenario *s = &guest->t->s;
	const struct page secret = guest_page(guest, GUEST_SECRET);
	const struct page other = guest_page(guest, GUEST_OTHER);

	guest_map(guest, GUEST_IOVA(3), GUEST_OTHER);
	expect_copy(s, 0, GUEST_IOVA(0), &secret, GUEST_IOVA(3), &other,
		    "device A writes to a page of the guest's");
	check(s, iommu_unmap(guest->parent, GUEST_OTHER, 4096, 0, NULL) == 0,
	      "the host takes that page from the guest");
	write_blocked(guest->t, 0, GUEST_IOVA(3), &other, guest->format->host_denied);
	check(s,
	      iommu_map(guest->parent, GUEST_OTHER, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) ==
		      0,
	      "and gives it another one");
	expect_copy(s, 0, GUEST_IOVA(0), &secret, GUEST_IOVA(3), &s->other,
		    "device A writes to that");
}

void stages_nesting(struct stages *t, const struct guest_format *format)
{
	struct guest guest = {.t = t, .format = format};
	struct scenario *s = &t->s;

	title(s, "Both stages: a guest's table, on tables of the host");
	if (format == NULL) {
		say(s, "   this unit does not have both\n");
		return;
	}
	if (!guest_start(&guest))
		return;
	guest_changes(&guest);
	host_changes(&guest);
	if (format->more != NULL)
		format->more(&guest);
	check(s,
	      attach(s, 0, 0) == 0 && iommu_domain_free(guest.nested) == 0 &&
		      iommu_domain_free(guest.parent) == 0,
	      "device A moves back to domain 1");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "and writes to domain 1's page again");
}

/* --- Faults ----------------------------------------------------------------------------------- */

#define PATIENCE 100000 /* looks for an interrupt, which may take a moment */
#define STORM    8      /* blocked transfers: more faults than the unit's queue holds */

static void overflow(struct stages *t)
{
	struct scenario *s = &t->s;
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
		      s->faults[0].reason == t->family->denied(t, true, false),
	      "all are of the same device and reason");
	lost = false;
	check(s, iommu_unit_handle_faults(s->unit, &lost) == 0 && !lost, "then there are none");
	not_mapped(t, 0, IOVA_UNMAPPED, &s->target);
}

/* An interrupt may take a moment. */
static unsigned int interrupts_after(const struct stages *t, unsigned int before)
{
	unsigned int i;

	for (i = 0; i < PATIENCE && t->interrupts_seen() == before; i++)
		;
	return t->interrupts_seen() - before;
}

static void told_by_interrupt(struct stages *t, const char *what)
{
	const unsigned int before = t->interrupts_seen();
	struct scenario *s = &t->s;

	device_write(s, 0, IOVA_UNMAPPED);
	check(s, interrupts_after(t, before) == 1, what);
	t->family->expect_fault(t, 0, IOVA_UNMAPPED, IOMMU_FAULT_WRITE,
				t->family->denied(t, true, false));
	t->interrupts_handled();
}

static void interrupted(struct stages *t)
{
	struct scenario *s = &t->s;
	unsigned int before;

	title(s, "The unit's interrupt tells of faults");
	/* Wires have told of faults since the unit was enabled. */
	t->interrupts_handled();
	if (!t->has_wires)
		check(s, t->family->set_interrupt(t) == 0, "its message is set");
	told_by_interrupt(t, "one interrupt tells of all faults of a transfer");
	told_by_interrupt(t, "and another of the next");
	if (t->has_wires)
		return;
	check(s, t->family->mask_interrupt(t) == 0, "it is masked");
	before = t->interrupts_seen();
	not_mapped(t, 0, IOVA_UNMAPPED, &s->target);
	check(s, t->interrupts_seen() == before, "now none tells of faults");
}

void stages_faults(struct stages *t)
{
	overflow(t);
	if (t->interrupts_seen != NULL)
		interrupted(t);
}

/* --- The end ---------------------------------------------------------------------------------- */

static void suspending(struct stages *t)
{
	struct scenario *s = &t->s;

	title(s, "Suspended and resumed: everything is as it was");
	check(s, iommu_suspend(s->iommu) == 0, "all units are suspended");
	expect_unmapped_off(t, &s->target, "nothing is reached");
	expect_off(t, 0, "nor untranslated");
	if (t->lose_state != NULL) {
		say(s, "   the unit loses what its registers hold\n");
		t->lose_state(t);
	}
	check(s, iommu_resume(s->iommu) == 0, "all units are resumed");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target,
		    "device A's mappings are back");
	read_blocked(t, 0, s->secret.paddr, t->family->denied(t, false, false));
}

static void detaching(struct stages *t)
{
	struct scenario *s = &t->s;

	title(s, "Detached: blocked again");
	check(s,
	      iommu_domain_detach_group(iommu_endpoint_group(s->endpoints[0])) == 0 &&
		      iommu_domain_detach_group(iommu_endpoint_group(s->endpoints[1])) == 0,
	      "both devices are detached");
	write_blocked(t, 0, IOVA_TARGET, &s->target, t->family->no_domain);
	write_blocked(t, 1, IOVA_TARGET, &s->target, t->family->no_domain);
}

static void disabling(struct stages *t)
{
	struct scenario *s = &t->s;
	unsigned int i;
	int status = disable(s);

	title(s, "The unit is disabled, and everything is given back");
	check(s, status == 0, "translation is off");
	expect_off(t, 0, "device A does not reach memory");
	check(s, enable(s) == 0, "translation is on again");
	write_blocked(t, 0, IOVA_TARGET, &s->target, t->family->no_domain);
	check(s, iommu_shutdown(s->iommu) == 0, "the machine is shut down");
	expect_off(t, 0, "device A does not reach memory");
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

void stages_end(struct stages *t)
{
	suspending(t);
	detaching(t);
	disabling(t);
}

/* --- A second instance ------------------------------------------------------------------------ */

static void starts_anew(struct stages *t, const struct page *former_target)
{
	struct scenario *s = &t->s;

	expect_unmapped_off(t, former_target, "device A is stopped");
	check(s, enable(s) == 0, "it is enabled");
	write_blocked(t, 0, IOVA_TARGET, former_target, t->family->no_domain);
	check(s,
	      attach(s, 0, 0) == 0 &&
		      map(s, 0, IOVA_SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      map(s, 0, IOVA_TARGET, s->other.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "the address leads to another page");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->other, "device A writes there");
}

bool stages_take_over(struct stages *t)
{
	struct scenario *s = &t->s;
	struct page former_target;

	if (!stages_start(t))
		return false;
	title(s, "The first instance translates");
	check(s, enable(s) == 0 && attach(s, 0, 0) == 0, "device A is attached");
	check(s,
	      map(s, 0, IOVA_SECRET, s->secret.paddr, 4096, IOMMU_PROT_READ) == 0 &&
		      map(s, 0, IOVA_TARGET, s->target.paddr, 4096, IOMMU_PROT_READ_WRITE) == 0,
	      "two pages are mapped");
	expect_copy(s, 0, IOVA_SECRET, &s->secret, IOVA_TARGET, &s->target, "device A uses them");
	former_target = s->target;
	title(s, "A second instance turns off what it finds, and starts from scratch");
	if (!stages_start(t))
		return false;
	starts_anew(t, &former_target);
	say_verdict(s);
	return s->failed == 0;
}
