/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests of a hypervisor: entries are in its tables, by its calls. */
#include <libiommu/dma.h>

#include "scenario_power.h"
#include "scenario_steps.h"

#define PAGES 16 /* of a large mapping: more than a handful of entries in one call */

static void say_window(const struct scenario *s, const struct iommu_tce_papr_config *window)
{
	say(s, "   window ");
	say_hex(s, window->liobn);
	say(s, ": ");
	say_number(s, window->table.entries);
	say(s, " pages from bus address ");
	say_hex(s, window->table.first_page << window->table.page_shift);
	say(s, " on\n");
}

static bool start(struct scenario *s, struct papr_machine *m)
{
	title(s, "Windows that the device tree names");
	say_window(s, &m->windows[0]);
	say_window(s, &m->windows[1]);
	s->secret = page_new(s, PAGES * IOMMU_PAGE_SIZE);
	s->target = page_new(s, PAGES * IOMMU_PAGE_SIZE);
	s->other = page_new(s, PAGES * IOMMU_PAGE_SIZE);
	check(s, s->other.bytes != NULL, "there is memory");
	return s->other.bytes != NULL;
}

static void no_such_window(struct scenario *s, const struct papr_machine *m)
{
	struct iommu_tce_papr_config config = m->windows[0];
	struct iommu_tce_table *table;

	title(s, "A window that the hypervisor does not know");
	config.liobn ^= 0x7777;
	check(s, iommu_tce_papr_create(&config, &table) == IOMMU_EIO, "is refused");
}

static struct iommu_tce_table *table_new(struct scenario *s,
					 const struct iommu_tce_papr_config *config)
{
	struct iommu_tce_table *table = NULL;

	check(s, iommu_tce_papr_create(config, &table) == 0, "the window is ours, and cleared");
	return table;
}

/* The first pages are mapped: of secret for reading, of target for reading and writing. */
static bool map_two(struct scenario *s, struct iommu_tce_table *table, uint64_t pages,
		    uint64_t *from, uint64_t *to)
{
	const bool done = iommu_tce_table_map(table, s->secret.paddr, pages, IOMMU_PROT_READ, NULL,
					      from) == 0 &&
			  iommu_tce_table_map(table, s->target.paddr, pages, IOMMU_PROT_READ_WRITE,
					      NULL, to) == 0;

	check(s, done, "memory is mapped");
	return done;
}

static void one_window(struct scenario *s, const struct iommu_tce_papr_config *config,
		       uint64_t pages, const char *what)
{
	const uint64_t end = pages * IOMMU_PAGE_SIZE - PATTERN_SIZE;
	const struct page last = {s->target.bytes + end, s->target.paddr + end};
	struct iommu_tce_table *table;
	iommu_paddr_t paddr = 0;
	unsigned int prot = 0;
	uint64_t from, to;

	title(s, what);
	table = table_new(s, config);
	if (table == NULL || !map_two(s, table, pages, &from, &to))
		return;
	expect_moved(s, 0, from, &s->secret, to, &s->target, "a copy arrives in the first page");
	expect_moved(s, 0, from, &s->secret, to + end, &last, "and at the end of the last");
	expect_no_write(s, 0, from, &s->secret, "what is for reading is not written to");
	expect_no_write(s, 0, to + pages * IOMMU_PAGE_SIZE, &s->target,
			"the page behind is not there");
	check(s,
	      iommu_tce_table_get(table, to + end, &paddr, &prot) == 0 && paddr == last.paddr &&
		      prot == IOMMU_PROT_READ_WRITE,
	      "the hypervisor says what was mapped");
	check(s, iommu_tce_table_unmap(table, to, pages) == 0, "it is unmapped");
	expect_no_write(s, 0, to, &s->target, "the next write does not arrive");
	expect_no_write(s, 0, to + end, &last, "nor at the end");
	check(s,
	      iommu_tce_table_unmap(table, to, pages) == IOMMU_EINVAL &&
		      iommu_tce_table_unmap(table, from, pages) == 0 &&
		      iommu_tce_table_destroy(table) == 0,
	      "twice it is not; the rest goes");
}

static void isolation(struct scenario *s, const struct papr_machine *m)
{
	struct iommu_tce_table *tables[2];
	uint64_t from, to, own;

	title(s, "Two windows that know nothing of each other");
	tables[0] = table_new(s, &m->windows[0]);
	tables[1] = table_new(s, &m->windows[1]);
	if (tables[0] == NULL || tables[1] == NULL || !map_two(s, tables[0], 1, &from, &to))
		return;
	expect_no_write(s, 1, to, &s->target, "device B does not reach what is mapped for A");
	check(s,
	      iommu_tce_table_map(tables[1], s->other.paddr, 1, IOMMU_PROT_READ_WRITE, NULL,
				  &own) == 0,
	      "device B has a page of its own");
	expect_moved(s, 1, own, &s->other, own, &s->other, "which it reaches");
	expect_moved(s, 0, from, &s->secret, to, &s->target, "A goes on");
	check(s, iommu_tce_table_destroy(tables[0]) == 0 && iommu_tce_table_destroy(tables[1]) == 0,
	      "both are cleared");
	expect_no_write(s, 0, to, &s->target, "A reaches nothing");
	expect_no_write(s, 1, own, &s->other, "B reaches nothing");
}

static void owner(struct scenario *s, const struct papr_machine *m)
{
	const uint64_t address = (m->windows[0].table.first_page + 5) << 12;
	struct iommu_tce_table *table;
	iommu_paddr_t before = 0;
	unsigned int prot = 0;
	uint64_t from;

	title(s, "An owner who takes the window whole");
	table = table_new(s, &m->windows[0]);
	if (table == NULL)
		return;
	check(s,
	      iommu_tce_table_take(table) == 0 &&
		      iommu_tce_table_map(table, s->secret.paddr, 1, IOMMU_PROT_READ, NULL,
					  &from) == IOMMU_EBUSY,
	      "the owner has it, and drivers get nothing");
	check(s,
	      iommu_tce_table_exchange(table, address, s->target.paddr, IOMMU_PROT_READ_WRITE,
				       &before, &prot) == 0 &&
		      prot == 0 && iommu_tce_table_flush(table) == 0,
	      "the owner sets an entry");
	expect_moved(s, 0, address, &s->target, address, &s->target, "the device reaches it");
	check(s,
	      iommu_tce_table_exchange(table, address, s->other.paddr, IOMMU_PROT_READ_WRITE,
				       &before, &prot) == 0 &&
		      before == s->target.paddr && iommu_tce_table_flush(table) == 0,
	      "the owner exchanges it");
	expect_moved(s, 0, address, &s->other, address, &s->other, "the device reaches the new");
	expect_no_write(s, 0, address, &s->target, "and not the old");
	check(s, iommu_tce_table_give_back(table) == 0, "the owner gives it back");
	expect_no_write(s, 0, address, &s->other, "nothing of the owner's is left");
	check(s, iommu_tce_table_destroy(table) == 0, "the end");
}

/* --- Through the core ------------------------------------------------------------------------- */

static void say_granted(const struct scenario *s, const struct iommu_papr_window *window)
{
	say(s, "   granted ");
	say_hex(s, window->liobn);
	say(s, ": ");
	say_number(s, window->size >> 20);
	say(s, " MiB from bus address ");
	say_hex(s, window->address);
	say(s, " on, in pages of ");
	say_number(s, 1ULL << window->page_shift >> 10);
	say(s, "K\n");
}

static bool open_second(struct scenario *s, const struct papr_machine *m,
			struct iommu_papr_window *window)
{
	bool holds_memory = false;
	int status;

	title(s, "A second window, asked for, that holds all of memory");
	status = iommu_papr_open_window(&m->ddw, 1 << 12 | 1 << 16, m->memory_end, UINT64_MAX, NULL,
					window, &holds_memory);
	check(s, status == 0 && holds_memory, "the hypervisor grants it");
	if (status == 0)
		say_granted(s, window);
	return status == 0 && holds_memory;
}

static bool start_core(struct scenario *s, const struct papr_machine *m,
		       const struct iommu_papr_window *direct)
{
	const struct iommu_tce_papr_config *first = &m->windows[0];
	const struct iommu_papr_config config = {
		.last_id = UINT16_MAX,
		.pe = m->ddw.config_address,
		.window = {.liobn = first->liobn,
			   .address = first->table.first_page << first->table.page_shift,
			   .size = first->table.entries << first->table.page_shift,
			   .page_shift = first->table.page_shift},
		.direct = *direct,
		.memory_end = m->memory_end,
		.has_multiple = first->has_multiple,
		.call = first->call,
		.ctx = first->ctx,
	};
	int status = iommu_create(m->base.platform, &s->iommu);

	if (status == 0)
		status = iommu_set_default_type(s->iommu, IOMMU_DOMAIN_DMA_BYPASS);
	if (status == 0)
		status = iommu_papr_probe(s->iommu, &config);
	if (status == 0)
		status = iommu_unit_enable(iommu_next_unit(s->iommu, NULL));
	check(s, status == 0, "both are a unit of the core");
	if (status == 0)
		status = iommu_probe_endpoint(s->iommu, &m->base.devices[0].info, &s->endpoints[0]);
	check(s, status == 0, "device A is behind it");
	return status == 0;
}

static void use_core(struct scenario *s, const struct iommu_papr_window *direct)
{
	struct iommu_dma_device wide = iommu_dma_device_of(s->endpoints[0], 0);
	struct iommu_dma_device narrow = iommu_dma_device_of(s->endpoints[0], UINT32_MAX);
	struct iommu_group *group = iommu_endpoint_group(s->endpoints[0]);
	struct iommu_dma *dma = NULL;
	iommu_iova_t from = 0, to = 0;

	check(s,
	      iommu_dma_of(s->endpoints[0], &dma) == 0 &&
		      iommu_dma_map(dma, &wide, s->secret.paddr, 4096, IOMMU_DMA_TO_DEVICE,
				    &from) == 0 &&
		      from == direct->address + s->secret.paddr,
	      "with 64 address bits nothing needs to be mapped");
	check(s,
	      iommu_dma_map(dma, &narrow, s->target.paddr, 4096, IOMMU_DMA_FROM_DEVICE, &to) == 0 &&
		      to <= UINT32_MAX,
	      "with 32 bits a buffer is mapped in the first window");
	expect_moved(s, 0, from, &s->secret, to, &s->target, "the device copies through both");
	check(s, iommu_dma_unmap(dma, to, 4096) == 0, "it is unmapped");
	expect_no_write(s, 0, to, &s->target, "and reached no more");
	iommu_unuse_default_domain(s->endpoints[0]);
	check(s, iommu_group_claim(group, s) == 0, "a user takes the group");
	expect_no_write(s, 0, direct->address + s->target.paddr, &s->target,
			"memory is closed to the user");
	check(s, iommu_group_release(group, s) == 0, "the user gives it back");
	expect_moved(s, 0, from, &s->secret, direct->address + s->target.paddr, &s->target,
		     "memory is open again");
}

/* As if an earlier kernel had left it. */
static void find_again(struct scenario *s, const struct papr_machine *m,
		       const struct iommu_papr_window *direct)
{
	const struct iommu_papr_config hypervisor = {.call = m->windows[0].call,
						     .ctx = m->windows[0].ctx};
	const struct iommu_papr_wanted wanted = {1 << 12 | 1 << 16, m->memory_end, UINT64_MAX};
	struct iommu_papr_window other = *direct, adopted = {0};
	unsigned char property[IOMMU_PAPR_LEFT_WINDOW_SIZE];
	bool holds_memory = false;

	check(s,
	      iommu_papr_describe_window(direct, property) == 0 &&
		      iommu_papr_adopt_window(&m->ddw, &hypervisor, property, sizeof(property),
					      &wanted, &adopted, &holds_memory) == 0 &&
		      adopted.liobn == direct->liobn && adopted.address == direct->address &&
		      holds_memory,
	      "the next kernel finds it");
	other.size *= 2;
	check(s, iommu_papr_find_window(m->base.platform, &hypervisor, &other) == IOMMU_ENOENT,
	      "and none that is larger");
}

/* The target's memory goes, and comes back. */
static void memory_goes(struct scenario *s, const struct iommu_papr_window *direct)
{
	const uint64_t page = 1ULL << direct->page_shift;
	const iommu_paddr_t start = s->target.paddr & -page;
	const iommu_iova_t at = direct->address + s->target.paddr;

	expect_moved(s, 0, direct->address + s->secret.paddr, &s->secret, at, &s->target,
		     "a device copies between two pages of memory");
	check(s, iommu_papr_remove_memory(s->iommu, start, page) == 0, "one of them goes");
	expect_no_write(s, 0, at, &s->target, "and is reached no more");
	check(s, iommu_papr_add_memory(s->iommu, start, page) == 0, "it comes back");
	expect_moved(s, 0, direct->address + s->secret.paddr, &s->secret, at, &s->target,
		     "and is reached again");
}

static void core(struct scenario *s, const struct papr_machine *m)
{
	struct iommu_papr_window direct;

	if (!open_second(s, m, &direct))
		return;
	find_again(s, m, &direct);
	if (!start_core(s, m, &direct))
		return;
	use_core(s, &direct);
	memory_goes(s, &direct);
	iommu_release_endpoint(s->endpoints[0]);
	check(s,
	      iommu_unit_disable(iommu_next_unit(s->iommu, NULL)) == 0 &&
		      iommu_destroy(s->iommu) == 0,
	      "the core goes");
	expect_no_write(s, 0, direct.address + s->target.paddr, &s->target, "nothing passes");
	check(s,
	      iommu_papr_remove_window(&m->ddw, direct.liobn) == 0 &&
		      iommu_papr_reset_windows(&m->ddw) == 0,
	      "the window is given back");
}

bool scenario_papr(struct papr_machine *machine)
{
	static struct scenario scenario;
	struct iommu_tce_papr_config single = machine->windows[0];
	struct scenario *s = &scenario;

	s->machine = &machine->base;
	single.has_multiple = false;
	if (start(s, machine)) {
		no_such_window(s, machine);
		one_window(s, &machine->windows[0], 1, "One entry (H_PUT_TCE)");
		if (machine->windows[0].has_multiple)
			one_window(s, &machine->windows[0], PAGES,
				   "Many (H_PUT_TCE_INDIRECT, H_STUFF_TCE)");
		one_window(s, &single, PAGES, "Many, one by one");
		isolation(s, machine);
		owner(s, machine);
		core(s, machine);
	}
	say_verdict(s);
	return s->failed == 0;
}
