/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_fault.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_registers.h>

#include "scenario_riscv.h"
#include "scenario_stages.h"

#define FIRST_MODES  (RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57)
#define SECOND_MODES (RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4)

struct riscv_scenario {
	struct stages t; /* first: functions of the family know this part */
	struct riscv_machine *machine;
	struct iommu_riscv_info info;
};

static struct riscv_scenario *riscv_of(struct stages *t)
{
	return (struct riscv_scenario *)t;
}

/* --- What a fault must be --------------------------------------------------------------------- */

static unsigned int denied(const struct stages *t, bool is_write, bool is_mapped)
{
	(void)is_mapped;
	if (is_write)
		return t->first ? RISCV_FAULT_WRITE_PAGE : RISCV_FAULT_WRITE_GUEST_PAGE;
	return t->first ? RISCV_FAULT_READ_PAGE : RISCV_FAULT_READ_GUEST_PAGE;
}

static bool is_of_directory(unsigned int reason)
{
	return reason == RISCV_FAULT_DEVICE_NOT_VALID;
}

/* One fault: of this device, address and access, with this reason; or what an older QEMU tells. */
static void names_all(struct stages *t, unsigned int device, iommu_iova_t iova,
		      enum iommu_fault_access access, unsigned int reason)
{
	struct scenario *s = &t->s;
	const struct iommu_fault *fault = &s->faults[0];

	if (!riscv_of(t)->machine->is_old) {
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

/* --- Finding the unit ------------------------------------------------------------------------- */

static void say_mode(const struct riscv_scenario *r, uint64_t bit, const char *name)
{
	if ((r->info.capabilities & bit) != 0)
		say(&r->t.s, name);
}

static void say_unit_of(const struct stages *t)
{
	const struct riscv_scenario *r = (const struct riscv_scenario *)t;
	const struct scenario *s = &r->t.s;

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

static int add_unit(struct stages *t, bool *prefers_first)
{
	struct riscv_scenario *r = riscv_of(t);
	int status = iommu_riscv_add_unit(t->s.iommu, &r->machine->unit, &t->s.unit);

	if (status == 0)
		status = iommu_riscv_get_info(t->s.unit, &r->info);
	*prefers_first = (r->info.capabilities & FIRST_MODES) != 0;
	return status;
}

static int set_interrupt(struct stages *t)
{
	const struct riscv_machine *m = riscv_of(t)->machine;

	return iommu_riscv_set_interrupt(t->s.unit, IOMMU_RISCV_FAULTS, m->message_address,
					 m->message_data);
}

static int mask_interrupt(struct stages *t)
{
	return iommu_riscv_mask_interrupt(t->s.unit, IOMMU_RISCV_FAULTS);
}

static const struct stages_family family = {
	.add_unit = add_unit,
	.say_unit = say_unit_of,
	.no_domain = RISCV_FAULT_DEVICE_NOT_VALID,
	.denied = denied,
	.expect_fault = names_all,
	.set_interrupt = set_interrupt,
	.mask_interrupt = mask_interrupt,
};

/* --- The unit's own answers ------------------------------------------------------------------- */

/* The unit's own answer for an access of device A. */
static bool leads_to(struct scenario *s, iommu_iova_t iova, unsigned int prot, iommu_paddr_t paddr)
{
	iommu_paddr_t answer = 0;

	return iommu_unit_check(s->endpoints[0], 0, iova, prot, &answer) == 0 && answer == paddr;
}

/*
 * Of an older QEMU neither the address that it tells nor the kind of access is right. And by what
 * it has cached QEMU answers without a look at the permissions, so that the page for reading is one
 * that was not in use before.
 */
static void ask_the_unit(struct riscv_scenario *r)
{
	const iommu_iova_t read_only = IOVA_READ_ONLY + 0x10000;
	struct scenario *s = &r->t.s;
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
	expect_fault(s, 0, read_only, IOMMU_FAULT_WRITE, denied(&r->t, true, false));
	check(s, unmap(s, 0, read_only, 4096) == 0, "that page is unmapped");
	check(s,
	      iommu_unit_check(s->endpoints[0], 0, IOVA_UNMAPPED, IOMMU_PROT_READ, &answer) ==
		      IOMMU_EFAULT,
	      "and so is what is not mapped");
	expect_fault(s, 0, IOVA_UNMAPPED, IOMMU_FAULT_READ, denied(&r->t, false, false));
}

/* --- Modes ------------------------------------------------------------------------------------ */

struct table_mode {
	uint64_t capability;
	struct stages_mode mode; /* of the first stage: the lower half of its addresses */
};

static void every_mode(struct riscv_scenario *r)
{
	static const struct table_mode modes[] = {
		{RISCV_CAP_SV39,
		 {{.stage = IOMMU_STAGE_FIRST, .address_width = 38}, "tables of Sv39 are made"}},
		{RISCV_CAP_SV48,
		 {{.stage = IOMMU_STAGE_FIRST, .address_width = 47}, "tables of Sv48 are made"}},
		{RISCV_CAP_SV57,
		 {{.stage = IOMMU_STAGE_FIRST, .address_width = 56}, "tables of Sv57 are made"}},
		{RISCV_CAP_SV39X4,
		 {{.stage = IOMMU_STAGE_SECOND, .address_width = 41}, "tables of Sv39x4 are made"}},
		{RISCV_CAP_SV48X4,
		 {{.stage = IOMMU_STAGE_SECOND, .address_width = 50}, "tables of Sv48x4 are made"}},
		{RISCV_CAP_SV57X4,
		 {{.stage = IOMMU_STAGE_SECOND, .address_width = 59}, "tables of Sv57x4 are made"}},
	};
	size_t i;

	title(&r->t.s, "Every mode that the unit has");
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if ((r->info.capabilities & modes[i].capability) != 0)
			stages_one_mode(&r->t, &modes[i].mode);
}

/* --- A guest with tables of its own ----------------------------------------------------------- */

#define GUEST_PROCESS 7
#define GUEST_LEVELS  3 /* Sv39 */

#define GUEST_FLAGS                                                                                \
	(RISCV_PTE_READ | RISCV_PTE_WRITE | RISCV_PTE_USER | RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY)

static unsigned int index_at(unsigned int level)
{
	return (unsigned int)(GUEST_IOVA(0) >> riscv_level_shift(level)) & (RISCV_ENTRIES - 1);
}

static void make_tables(const struct guest *guest)
{
	guest_set(guest, GUEST_ROOT, index_at(3), riscv_pte_table(GUEST_MIDDLE));
	guest_set(guest, GUEST_MIDDLE, index_at(2), riscv_pte_table(GUEST_LEAVES));
}

static uint64_t guest_leaf(uint64_t address)
{
	return riscv_pte_leaf(address, GUEST_FLAGS);
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

static void nesting(struct riscv_scenario *r)
{
	const struct iommu_riscv_first_stage first = {
		.root = riscv_root(riscv_mode(GUEST_LEVELS), GUEST_ROOT),
		.process = GUEST_PROCESS,
	};
	const struct guest_format format = {
		.make_tables = make_tables,
		.leaf = guest_leaf,
		.invalidate = guest_invalidate,
		.user_data = &first,
		.user_size = sizeof(first),
		.own_denied = RISCV_FAULT_WRITE_PAGE,
		.host_denied = RISCV_FAULT_WRITE_GUEST_PAGE,
	};
	const bool has_both = (r->info.capabilities & RISCV_CAP_SV39) != 0 &&
			      (r->info.capabilities & SECOND_MODES) != 0;

	stages_nesting(&r->t, has_both ? &format : NULL);
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
	struct dma_device *device = &files->r->t.s.machine->devices[0];

	device->set_message(device, FILES + file * IOMMU_PAGE_SIZE, data);
	device->interrupt(device);
}

static bool files_start(struct files *files)
{
	const struct iommu_domain_config config = {.stage = IOMMU_STAGE_SECOND};
	struct scenario *s = &files->r->t.s;
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
	struct scenario *s = &files->r->t.s;
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
	struct scenario *s = &files->r->t.s;
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
	struct scenario *s = &files->r->t.s;

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
	struct scenario *s = &r->t.s;

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
	pattern_put(&p->r->t.s, from->bytes);
	return p->device->copy(p->device, process, IOVA_SECRET, PATTERN_SIZE, false) &&
	       p->device->copy(p->device, process, IOVA_TARGET, PATTERN_SIZE, true);
}

static void expect_process_copy(const struct processes *p, uint32_t process,
				const struct page *from, const struct page *to, const char *what)
{
	struct scenario *s = &p->r->t.s;

	check(s, process_copy(p, process, from) && same(from->bytes, to->bytes), what);
	expect_no_fault(s);
}

/* A write that must be refused, with a fault of this process. */
static void expect_process_refused(const struct processes *p, uint32_t process,
				   const struct page *behind, unsigned int reason, const char *what)
{
	struct scenario *s = &p->r->t.s;
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
	struct scenario *s = &p->r->t.s;
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
	struct scenario *s = &p->r->t.s;

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
	struct scenario *s = &p->r->t.s;

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
	struct scenario *s = &r->t.s;
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

/* --- The scenario ----------------------------------------------------------------------------- */

static struct riscv_scenario *begin(struct riscv_machine *machine)
{
	static struct riscv_scenario scenario;

	scenario = (struct riscv_scenario){
		.t = {.s = {.machine = &machine->base, .seed = 1},
		      .family = &family,
		      .traits = {.passes_before = machine->resets_bare,
				 .keeps_cached_off = machine->is_old,
				 .has_no_runs = machine->is_old},
		      .stage = machine->stage,
		      .interrupts_seen = machine->interrupts_seen,
		      .interrupts_handled = machine->interrupts_handled,
		      .has_wires = machine->message_data == 0},
		.machine = machine,
	};
	return &scenario;
}

bool scenario_riscv(struct riscv_machine *machine)
{
	struct riscv_scenario *r = begin(machine);
	struct stages *t = &r->t;

	if (!stages_start(t))
		return false;
	stages_before_enabling(t);
	if (stages_enabling(t)) {
		stages_first_accesses(t);
		ask_the_unit(r);
		stages_mappings(t);
		every_mode(r);
		nesting(r);
		interrupt_files(r);
		stages_faults(t);
		if (machine->process_device != NULL)
			processes(r);
		stages_end(t);
	}
	say_verdict(&t->s);
	return t->s.failed == 0;
}

/* --- A second instance ------------------------------------------------------------------------ */

bool scenario_riscv_take_over(struct riscv_machine *machine)
{
	return stages_take_over(&begin(machine)->t);
}
