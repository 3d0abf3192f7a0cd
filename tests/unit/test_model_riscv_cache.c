/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the RISC-V model caches, and what each command makes it forget: all operands of the
 * specification's tables (3.1.1 "IOTINVAL", 3.1.3 "IODIR", "IOMMU Extensions"), against entries of
 * several address spaces. What a command does not name must stay, though memory has changed.
 */
#include <string.h>

#include "bare_riscv.h"
#include "test.h"

static const struct iommu_model_riscv_config all = {.capabilities = RV_ALL,
						    .cache_entries = SIZE_MAX};

/* --- Address spaces --------------------------------------------------------------------------- */

#define SPACES 5

/* Of device n + 1. */
struct space {
	bool guest;
	uint16_t gscid;
	uint32_t pscid;
};

static const struct space spaces[SPACES] = {
	{false, 0, 1}, {false, 0, 2}, {true, 7, 1}, {true, 8, 1}, {true, 7, 2},
};

/* Tables of a space; of a GSCID. */
#define TABLE(space, n)    (0x40000ULL + 0x5000ULL * (space) + 0x1000ULL * (n))
#define GUEST_ROOT(id)     (0x60000ULL + 0x8000ULL * ((id)-7))
#define GUEST_TABLE(id, n) (GUEST_ROOT(id) + 0x4000 + 0x1000ULL * (n))

/* What is mapped in each: a page, a global page, 2 MiB, 64 KiB. */
#define PAGE_AT   0x123000ULL
#define GLOBAL_AT 0x124000ULL
#define RUN_AT    0x130000ULL
#define LARGE_AT  0x400000ULL
#define HIGH_AT   0xffffffffffe00000ULL /* 2 MiB in the upper half */
#define ENTRIES   5

static const uint64_t addresses[ENTRIES] = {PAGE_AT, GLOBAL_AT, RUN_AT, LARGE_AT, HIGH_AT};
static const uint64_t sizes[ENTRIES] = {0x1000, 0x1000, 0x10000, 0x200000, 0x200000};

/* Where they lead, before and after: guest addresses below 1 MiB; the large ones lie above. */
static const uint64_t before[ENTRIES] = {0x90000, 0x91000, 0xa0000, 0x400000, 0x600000};
static const uint64_t after[ENTRIES] = {0x98000, 0x99000, 0xb0000, 0x800000, 0xa00000};

static void put_leaf(unsigned int space, unsigned int entry, uint64_t to)
{
	const uint64_t flags = RV_LEAF_FLAGS | (entry == 1 ? RISCV_PTE_GLOBAL : 0);
	unsigned int i;

	if (entry == 4) {
		rv_word(TABLE(space, 3) + 511 * 8, riscv_pte_leaf(to, flags));
	} else if (entry == 3) {
		rv_word(TABLE(space, 1) + 2 * 8, riscv_pte_leaf(to, flags));
	} else if (entry == 2) {
		for (i = 0; i < 16; i++)
			rv_word(TABLE(space, 2) + (0x130 + i) * 8ULL, riscv_pte_napot(to, flags));
	} else {
		rv_word(TABLE(space, 2) + (0x123 + entry) * 8ULL, riscv_pte_leaf(to, flags));
	}
}

/* The second stage: 4 KiB pages for what lies in memory, 2 MiB for what lies above. */
static void make_guest(uint16_t gscid)
{
	unsigned int i;

	rv_word(GUEST_ROOT(gscid), riscv_pte_table(GUEST_TABLE(gscid, 0)));
	rv_word(GUEST_TABLE(gscid, 0), riscv_pte_table(GUEST_TABLE(gscid, 1)));
	for (i = 1; i < 8; i++)
		rv_word(GUEST_TABLE(gscid, 0) + i * 8,
			riscv_pte_leaf(i * 0x200000ULL, RV_LEAF_FLAGS));
	for (i = 0; i < 256; i++)
		rv_word(GUEST_TABLE(gscid, 1) + i * 8,
			riscv_pte_leaf(i * 0x1000ULL, RV_LEAF_FLAGS));
}

static void make_space(unsigned int n)
{
	const struct space *space = &spaces[n];
	const struct riscv_context context = {
		.words = {RISCV_TC_VALID | RISCV_TC_EN_ATS,
			  space->guest ? riscv_iohgatp(RISCV_IOHGATP_SV39X4, space->gscid,
						       GUEST_ROOT(space->gscid))
				       : 0,
			  riscv_ta(space->pscid), riscv_iosatp(RISCV_IOSATP_SV39, TABLE(n, 0))}};
	unsigned int i;

	rv_context(n + 1, &context);
	rv_word(TABLE(n, 0), riscv_pte_table(TABLE(n, 1)));
	rv_word(TABLE(n, 0) + 511 * 8, riscv_pte_table(TABLE(n, 3)));
	rv_word(TABLE(n, 1), riscv_pte_table(TABLE(n, 2)));
	for (i = 0; i < ENTRIES; i++)
		put_leaf(n, i, before[i]);
}

static uint64_t reach(unsigned int space, uint64_t address)
{
	const struct iommu_model_riscv_request request = {
		.device_id = space + 1, .address = address, .access = IOMMU_PROT_READ};

	assert_int_equal(rv_ask(&request), 0);
	return rv_result.paddr;
}

static void begin(void)
{
	unsigned int n, i;

	rv_begin(&all);
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_1LVL);
	make_guest(7);
	make_guest(8);
	for (n = 0; n < SPACES; n++)
		make_space(n);
	for (n = 0; n < SPACES; n++)
		for (i = 0; i < ENTRIES; i++)
			assert_int_equal(reach(n, addresses[i] + 0x678), before[i] + 0x678);
}

/* --- First stage ------------------------------------------------------------------------------ */

/* The operands of IOTINVAL. */
struct operands {
	bool gv, av, pscv, nl, s;
	uint16_t gscid;
	uint32_t pscid;
	uint64_t address, size; /* size: with s, a power of two */
};

static struct riscv_command command_of(const struct operands *o, bool second)
{
	struct riscv_command c = second ? riscv_command_gvma() : riscv_command_vma();

	if (o->gv)
		c = riscv_command_of_guest(c, o->gscid);
	if (o->pscv)
		c = riscv_command_of_process(c, o->pscid);
	if (o->av) {
		/* By the definition: page number, with size / 8 KiB - 1 in its low bits. */
		uint64_t page = o->address >> 12;

		if (o->s)
			page |= (o->size >> 13) - 1;
		c.low |= RISCV_IOTINVAL_AV;
		c.high = page << 10 | (o->s ? RISCV_IOTINVAL_S : 0);
	}
	return o->nl ? riscv_command_with_tables(c) : c;
}

static bool covers(const struct operands *o, uint64_t address, uint64_t size)
{
	const uint64_t wanted = o->s ? o->size : 0x1000;

	if (!o->av)
		return true;
	return address <= o->address + (wanted - 1) && o->address <= address + (size - 1);
}

/* By the specification's table. */
static bool is_dropped(const struct operands *o, unsigned int n, unsigned int entry)
{
	const struct space *space = &spaces[n];

	if (o->gv != space->guest || (o->gv && o->gscid != space->gscid))
		return false;
	if (o->pscv && (o->pscid != space->pscid || entry == 1))
		return false;
	return covers(o, addresses[entry], sizes[entry]);
}

static void check_first(const struct operands *o)
{
	unsigned int n, i;

	begin();
	for (n = 0; n < SPACES; n++)
		for (i = 0; i < ENTRIES; i++)
			put_leaf(n, i, after[i]);
	rv_run(command_of(o, false));
	assert_int_equal(rv.told_last.type, IOMMU_MODEL_RISCV_FIRST_STAGE);
	assert_int_equal(rv.told_last.has_guest, o->gv);
	assert_int_equal(rv.told_last.has_pscid, o->pscv);
	assert_int_equal(rv.told_last.has_range, o->av);
	for (n = 0; n < SPACES; n++)
		for (i = 0; i < ENTRIES; i++)
			if (reach(n, addresses[i] + 0x678) !=
			    (is_dropped(o, n, i) ? after[i] : before[i]) + 0x678)
				fail_msg("space %u, entry %u: gv %d av %d pscv %d address %#llx", n,
					 i, o->gv, o->av, o->pscv, (unsigned long long)o->address);
	rv_end();
}

static void each_operand_of_vma(void **state)
{
	static const uint64_t at[] = {PAGE_AT,         GLOBAL_AT,           RUN_AT + 0x7000,
				      LARGE_AT,        LARGE_AT + 0x123000, PAGE_AT + 0x2000,
				      HIGH_AT + 0x1000};
	unsigned int flags, i;

	(void)state;
	for (flags = 0; flags < 8; flags++) {
		struct operands o = {.gv = (flags & 1) != 0,
				     .pscv = (flags & 2) != 0,
				     .av = (flags & 4) != 0,
				     .gscid = 7,
				     .pscid = 1};

		for (i = 0; i < sizeof(at) / sizeof(at[0]) && (o.av || i == 0); i++) {
			o.address = at[i];
			o.nl = i % 2 != 0;
			check_first(&o);
		}
	}
}

static void ranges_of_vma(void **state)
{
	static const struct {
		uint64_t address, size;
	} ranges[] = {
		{0x122000, 0x2000}, {0x124000, 0x2000}, {0x120000, 0x10000},  {0x100000, 0x200000},
		{0x0, 0x800000},    {0x130000, 0x8000}, {0x800000, 0x800000}, {0, 1ULL << 62},
	};
	unsigned int i, flags;

	(void)state;
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (flags = 0; flags < 4; flags++) {
			const uint64_t base = ranges[i].address & ~(ranges[i].size - 1);
			const struct operands o = {.gv = (flags & 1) != 0,
						   .pscv = (flags & 2) != 0,
						   .av = true,
						   .s = true,
						   .gscid = 7,
						   .pscid = 2,
						   .address = base,
						   .size = ranges[i].size};

			check_first(&o);
		}
}

static void a_range_may_be_everything(void **state)
{
	unsigned int i;

	(void)state;
	begin();
	for (i = 0; i < ENTRIES; i++)
		put_leaf(0, i, after[i]);
	rv_run(riscv_command_range(riscv_command_vma(), 0, 52));
	for (i = 0; i < ENTRIES; i++)
		assert_int_equal(reach(0, addresses[i]), after[i]);
	assert_int_equal(rv.misuses, 0);
	rv_run(riscv_command_of(RISCV_IOTINVAL_VMA | RISCV_IOTINVAL_AV,
				0xfffffffffffffULL << 10 | RISCV_IOTINVAL_S));
	assert_int_equal(rv.misuses, 1); /* not defined */
	rv_end();
}

/* An entry that leads to a table stays, unless all is named, or NL is set. */
static void pointers_of_the_first_stage(void **state)
{
	static const struct {
		bool av, nl, pscv, dropped;
	} cases[] = {
		{false, false, false, true}, {false, false, true, true},
		{true, false, false, false}, {true, false, true, false},
		{true, true, false, true},   {true, true, true, true},
	};
	unsigned int i, n;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (n = 0; n <= 2; n += 2) { /* host and guest */
			const struct operands o = {.gv = spaces[n].guest,
						   .gscid = spaces[n].gscid,
						   .pscv = cases[i].pscv,
						   .pscid = spaces[n].pscid,
						   .av = cases[i].av,
						   .nl = cases[i].nl,
						   .address = PAGE_AT};

			begin();
			/* Another table, where the page leads elsewhere. */
			rv_word(TABLE(n, 4) + 0x123 * 8, riscv_pte_leaf(after[0], RV_LEAF_FLAGS));
			rv_word(TABLE(n, 1), riscv_pte_table(TABLE(n, 4)));
			rv_run(command_of(&o, false));
			assert_int_equal(reach(n, PAGE_AT),
					 cases[i].dropped ? after[0] : before[0]);
			rv_end();
		}
}

/* The last of all address spaces, with a global pointer. */
static void the_last_address_space(void **state)
{
	(void)state;
	begin();
	rv_word(rv_context_at(1) + 16, riscv_ta(0xfffff));
	rv_word(TABLE(0, 0), riscv_pte_table(TABLE(0, 1)) | RISCV_PTE_GLOBAL);
	rv_run(riscv_command_inval_device(1));
	assert_int_equal(reach(0, PAGE_AT), before[0]);
	put_leaf(0, 0, after[0]);
	rv_run(riscv_command_of_process(riscv_command_vma(), 0xfffff));
	assert_int_equal(reach(0, PAGE_AT), before[0]); /* global by its pointer */
	rv_run(riscv_command_at(riscv_command_vma(), PAGE_AT));
	assert_int_equal(reach(0, PAGE_AT), after[0]);
	rv_end();
}

/* --- Second stage ----------------------------------------------------------------------------- */

static void put_guest_leaf(uint16_t gscid, uint64_t guest, uint64_t to)
{
	if (guest < 0x100000)
		rv_word(GUEST_TABLE(gscid, 1) + (guest >> 12) * 8,
			riscv_pte_leaf(to, RV_LEAF_FLAGS));
	else
		rv_word(GUEST_TABLE(gscid, 0) + (guest >> 21) * 8,
			riscv_pte_leaf(to, RV_LEAF_FLAGS));
}

static void check_second(const struct operands *o)
{
	unsigned int n, i;

	begin();
	for (i = 0; i < ENTRIES; i++) {
		put_guest_leaf(7, before[i], after[i]);
		put_guest_leaf(8, before[i], after[i]);
	}
	rv_run(command_of(o, true));
	assert_int_equal(rv.told_last.type, IOMMU_MODEL_RISCV_SECOND_STAGE);
	assert_int_equal(rv.told_last.has_guest, o->gv);
	assert_int_equal(rv.told_last.has_range, o->gv && o->av);
	for (n = 0; n < SPACES; n++)
		for (i = 0; i < ENTRIES; i++) {
			/* Of the run only its first page was touched, which is 4 KiB here. */
			const uint64_t size = before[i] < 0x100000 ? 0x1000 : 0x200000;
			const bool named = !o->gv || (o->gscid == spaces[n].gscid &&
						      covers(o, before[i], size));
			const bool dropped = spaces[n].guest && named;

			assert_int_equal(reach(n, addresses[i]), dropped ? after[i] : before[i]);
		}
	rv_end();
}

static void each_operand_of_gvma(void **state)
{
	static const uint64_t at[] = {0x90000, 0xa0000, 0x400000, 0x5ff000, 0x92000};
	static const uint64_t ranges[] = {0x2000, 0x20000, 0x800000};
	struct operands o = {0};
	unsigned int i;

	(void)state;
	check_second(&o);
	o.av = true; /* ignored without GV */
	o.address = 0x90000;
	check_second(&o);
	o = (struct operands){.gv = true, .gscid = 7};
	check_second(&o);
	o.av = true;
	for (i = 0; i < 5; i++) {
		o.address = at[i];
		check_second(&o);
	}
	o.s = true;
	for (i = 0; i < 3; i++) {
		o.size = ranges[i];
		o.address = 0x90000 & ~(ranges[i] - 1);
		check_second(&o);
	}
}

static void pointers_of_the_second_stage(void **state)
{
	static const struct {
		bool av, nl, dropped;
	} cases[] = {{false, false, true}, {true, false, false}, {true, true, true}};
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		const struct operands o = {.gv = true,
					   .gscid = 7,
					   .av = cases[i].av,
					   .nl = cases[i].nl,
					   .address = before[0]};

		begin();
		rv_word(GUEST_TABLE(7, 2) + (before[0] >> 12) * 8,
			riscv_pte_leaf(after[0], RV_LEAF_FLAGS));
		rv_word(GUEST_TABLE(7, 0), riscv_pte_table(GUEST_TABLE(7, 2)));
		rv_run(command_of(&o, true));
		/* The first stage's leaf is cached: only its target is looked up. */
		assert_int_equal(reach(2, PAGE_AT), cases[i].dropped ? after[0] : before[0]);
		rv_end();
	}
}

/* Neither command reaches what the other is for. */
static void stages_are_invalidated_apart(void **state)
{
	(void)state;
	begin();
	put_leaf(2, 0, after[0]);
	rv_run(riscv_command_gvma());
	assert_int_equal(reach(2, PAGE_AT), before[0]);
	put_guest_leaf(7, before[0], 0xc0000);
	rv_run(riscv_command_of_guest(riscv_command_of_process(riscv_command_vma(), 2), 7));
	assert_int_equal(reach(2, PAGE_AT), before[0]);
	rv_run(riscv_command_of_guest(riscv_command_gvma(), 7));
	assert_int_equal(reach(2, PAGE_AT), 0xc0000);
	rv_run(riscv_command_of_guest(riscv_command_of_process(riscv_command_vma(), 1), 7));
	assert_int_equal(reach(2, PAGE_AT), after[0]);
	rv_end();
}

/* --- Directories ------------------------------------------------------------------------------ */

/* A context whose translation is off: what it leads to is told by its QoS id. */
static void plain_context(uint32_t device, uint32_t rcid)
{
	const struct riscv_context context = {.words = {RISCV_TC_VALID, 0, riscv_ta_qos(rcid, 0)}};

	rv_context(device, &context);
}

static unsigned int rcid_of(uint32_t device)
{
	const struct iommu_model_riscv_request request = {.device_id = device, .address = 0x1000};

	assert_int_equal(rv_ask(&request), 0);
	return rv_result.rcid;
}

static void device_contexts(void **state)
{
	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_1LVL);
	plain_context(3, 1);
	plain_context(4, 1);
	assert_int_equal(rcid_of(3), 1);
	assert_int_equal(rcid_of(4), 1);
	plain_context(3, 2);
	plain_context(4, 2);
	rv_run(riscv_command_vma());
	rv_run(riscv_command_gvma());
	rv_run(riscv_command_inval_process(3, 0));
	assert_int_equal(rcid_of(3), 1);
	rv_run(riscv_command_inval_device(3));
	assert_int_equal(rv.told_last.type, IOMMU_MODEL_RISCV_DEVICES);
	assert_int_equal(rv.told_last.device_id, 3);
	assert_int_equal(rcid_of(3), 2);
	assert_int_equal(rcid_of(4), 1);
	plain_context(3, 3);
	rv_run(riscv_command_inval_directories());
	assert_false(rv.told_last.has_device);
	assert_int_equal(rcid_of(3), 3);
	assert_int_equal(rcid_of(4), 2);
	/* A context that is not valid is not cached. */
	rv_word(rv_context_at(5), 0);
	assert_int_equal(rv_ask(&(struct iommu_model_riscv_request){.device_id = 5}), 258);
	plain_context(5, 9);
	assert_int_equal(rcid_of(5), 9);
	rv_end();
}

static void pointers_of_the_device_directory(void **state)
{
	const uint32_t device = 0x123;

	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_2LVL);
	rv_word(RV_ROOT + (device >> 6) * 8, riscv_directory_entry(RV_CONTEXTS));
	plain_context(device, 1);
	assert_int_equal(rcid_of(device), 1);
	/* Another page of contexts. */
	memcpy(rv.memory + RV_PROCESSES, rv.memory + RV_CONTEXTS, 4096);
	rv_word(RV_ROOT + (device >> 6) * 8, riscv_directory_entry(RV_PROCESSES));
	rv_word(RV_PROCESSES + (device & 63) * 64 + 16, riscv_ta_qos(2, 0));
	rv_run(riscv_command_inval_device(device));
	assert_int_equal(rcid_of(device), 1);
	/* A context of the same page that was not asked for before: by the cached pointer. */
	plain_context(device + 1, 5);
	assert_int_equal(rcid_of(device + 1), 5);
	rv_run(riscv_command_inval_directories());
	assert_int_equal(rcid_of(device), 2);
	rv_end();
}

/* Three levels of processes; each has a first stage with one page. */
static void make_process(uint32_t process, uint64_t root)
{
	rv_word(RV_PROCESSES + (process >> 17) * 8, riscv_directory_entry(RV_PROCESSES + 0x1000));
	rv_word(RV_PROCESSES + 0x1000 + (process >> 8 & 511) * 8,
		riscv_directory_entry(RV_PROCESSES + 0x2000));
	rv_word(RV_PROCESSES + 0x2000 + (process & 255) * 16, riscv_process_ta(process, 0));
	rv_word(RV_PROCESSES + 0x2000 + (process & 255) * 16 + 8,
		riscv_iosatp(RISCV_IOSATP_SV39, root));
}

static void make_root(uint64_t root, uint64_t to)
{
	rv_word(root, riscv_pte_leaf(to, RV_LEAF_FLAGS));
}

static uint64_t reach_process(uint32_t process)
{
	const struct iommu_model_riscv_request request = {
		.device_id = 1, .has_process = true, .process_id = process, .address = 0x1000};

	assert_int_equal(rv_ask(&request), 0);
	return rv_result.paddr - 0x1000;
}

static void process_contexts(void **state)
{
	const struct riscv_context context = {.words = {RISCV_TC_VALID | RISCV_TC_PDTV, 0, 0,
							riscv_pdtp(RISCV_PDTP_PD20, RV_PROCESSES)}};
	const uint32_t one = 0x20305, other = 0x20306;

	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_1LVL);
	rv_context(1, &context);
	make_root(0x20000, 0x40000000);
	make_root(0x21000, 0x80000000);
	make_process(one, 0x20000);
	make_process(other, 0x20000);
	assert_int_equal(reach_process(one), 0x40000000);
	assert_int_equal(reach_process(other), 0x40000000);
	make_process(one, 0x21000);
	make_process(other, 0x21000);
	rv_run(riscv_command_vma());
	assert_int_equal(reach_process(one), 0x40000000);
	rv_run(riscv_command_inval_process(1, one));
	assert_int_equal(rv.told_last.type, IOMMU_MODEL_RISCV_PROCESSES);
	assert_int_equal(rv.told_last.process_id, one);
	rv_run(riscv_command_vma());
	assert_int_equal(reach_process(one), 0x80000000);
	assert_int_equal(reach_process(other), 0x40000000);
	/* Pointers go with the device, not with the process. */
	rv_word(RV_PROCESSES + 0x1000 + (one >> 8 & 511) * 8,
		riscv_directory_entry(RV_PROCESSES + 0x3000));
	memcpy(rv.memory + RV_PROCESSES + 0x3000, rv.memory + RV_PROCESSES + 0x2000, 4096);
	rv_word(RV_PROCESSES + 0x3000 + (one & 255) * 16 + 8,
		riscv_iosatp(RISCV_IOSATP_SV39, 0x20000));
	rv_run(riscv_command_inval_process(1, one));
	rv_run(riscv_command_vma());
	assert_int_equal(reach_process(one), 0x80000000);
	rv_run(riscv_command_inval_device(1));
	rv_run(riscv_command_vma());
	assert_int_equal(reach_process(one), 0x40000000);
	rv_end();
}

/* What the second stage makes of a guest's root may be cached with the directories. */
static void a_guests_root_is_cached_with_the_directories(void **state)
{
	(void)state;
	begin();
	/* The guest's root page moves: a copy, where the page leads elsewhere. */
	memcpy(rv.memory + 0xe0000, rv.memory + TABLE(2, 0), 4096);
	rv_word(0xe0000, riscv_pte_table(0xe1000));
	rv_word(0xe1000, riscv_pte_table(0xe2000));
	rv_word(0xe2000 + 0x123 * 8, riscv_pte_leaf(after[0], RV_LEAF_FLAGS));
	put_guest_leaf(7, TABLE(2, 0), 0xe0000);
	rv_run(riscv_command_of_guest(riscv_command_gvma(), 7));
	rv_run(riscv_command_of_guest(riscv_command_vma(), 7));
	assert_int_equal(reach(2, PAGE_AT), before[0]);
	rv_run(riscv_command_inval_device(3));
	rv_run(riscv_command_of_guest(riscv_command_vma(), 7));
	assert_int_equal(reach(2, PAGE_AT), after[0]);
	rv_end();
}

/* --- MSI entries ------------------------------------------------------------------------------ */

static uint64_t reach_message(uint64_t page)
{
	const struct iommu_model_riscv_request request = {
		.device_id = 6, .address = page << 12, .access = IOMMU_PROT_WRITE};

	assert_int_equal(rv_ask(&request), 0);
	assert_true(rv_result.is_message);
	return rv_result.paddr;
}

static void message_entries(void **state)
{
	const struct riscv_context context = {
		.words = {RISCV_TC_VALID, riscv_iohgatp(RISCV_IOHGATP_SV39X4, 9, RV_GUEST_ROOT), 0,
			  0, riscv_msiptp(RISCV_MSIPTP_FLAT, RV_MESSAGES), 0x3, 0x28000}};
	unsigned int i;

	(void)state;
	rv_begin(&all);
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_1LVL);
	rv_context(6, &context);
	for (i = 0; i < 4; i++)
		rv_word(RV_MESSAGES + i * 16, riscv_msi_basic(0x100000 + i * 0x1000));
	/* A look-up that misses is counted, one that hits is not. */
	rv_set(riscv_counter_event(1), 8, RISCV_EVENT_TLB_MISS);
	assert_int_equal(reach_message(0x28001), 0x101000);
	assert_int_equal(rv_reg(riscv_counter(1), 8), 1);
	assert_int_equal(reach_message(0x28001), 0x101000);
	assert_int_equal(rv_reg(riscv_counter(1), 8), 1);
	assert_int_equal(reach_message(0x28002), 0x102000);
	assert_int_equal(rv_reg(riscv_counter(1), 8), 2);
	for (i = 0; i < 4; i++)
		rv_word(RV_MESSAGES + i * 16, riscv_msi_basic(0x200000 + i * 0x1000));
	rv_run(riscv_command_vma());
	rv_run(riscv_command_of_guest(riscv_command_gvma(), 8));
	rv_run(riscv_command_inval_device(6));
	assert_int_equal(reach_message(0x28001), 0x101000);
	rv_run(riscv_command_at(riscv_command_of_guest(riscv_command_gvma(), 9), 0x28001000));
	assert_int_equal(reach_message(0x28001), 0x201000);
	assert_int_equal(reach_message(0x28002), 0x102000);
	rv_run(riscv_command_of_guest(riscv_command_gvma(), 9));
	assert_int_equal(reach_message(0x28002), 0x202000);
	/* An entry that is not valid is not cached. */
	rv_word(RV_MESSAGES + 48, 0);
	assert_int_equal(
		rv_ask(&(struct iommu_model_riscv_request){.device_id = 6, .address = 0x28003000}),
		RISCV_FAULT_MSI_NOT_VALID);
	rv_word(RV_MESSAGES + 48, riscv_msi_basic(0x300000));
	assert_int_equal(reach_message(0x28003), 0x300000);
	rv_end();
}

/* --- Cached permissions ----------------------------------------------------------------------- */

static void what_is_not_valid_is_not_cached(void **state)
{
	(void)state;
	begin();
	assert_int_equal(
		rv_ask(&(struct iommu_model_riscv_request){.device_id = 1, .address = 0x126000}),
		RISCV_FAULT_READ_PAGE);
	rv_word(TABLE(0, 2) + 0x126 * 8, riscv_pte_leaf(0x95000, RV_LEAF_FLAGS));
	assert_int_equal(reach(0, 0x126000), 0x95000);
	/* A pointer that was not valid, likewise. */
	assert_int_equal(
		rv_ask(&(struct iommu_model_riscv_request){.device_id = 1, .address = 0x800000}),
		RISCV_FAULT_READ_PAGE);
	rv_word(TABLE(0, 1) + 4 * 8, riscv_pte_leaf(0xa00000, RV_LEAF_FLAGS));
	assert_int_equal(reach(0, 0x800000), 0xa00000);
	rv_end();
}

/* An entry that was cached without D, or as read-only, decides until it is invalidated. */
static void cached_permissions_decide(void **state)
{
	const uint64_t clean = RV_LEAF_FLAGS & ~RISCV_PTE_DIRTY;
	const struct iommu_model_riscv_request store = {
		.device_id = 1, .address = PAGE_AT, .access = IOMMU_PROT_WRITE};

	(void)state;
	begin();
	rv_word(TABLE(0, 2) + 0x123 * 8, riscv_pte_leaf(before[0], clean));
	rv_run(riscv_command_vma());
	assert_int_equal(reach(0, PAGE_AT), before[0]);
	rv_word(TABLE(0, 2) + 0x123 * 8, riscv_pte_leaf(before[0], RV_LEAF_FLAGS));
	assert_int_equal(rv_ask(&store), RISCV_FAULT_WRITE_PAGE);
	rv_run(riscv_command_at(riscv_command_vma(), PAGE_AT));
	assert_int_equal(rv_ask(&store), 0);
	rv_word(TABLE(0, 2) + 0x123 * 8, riscv_pte_leaf(before[0], clean & ~RISCV_PTE_WRITE));
	assert_int_equal(rv_ask(&store), 0);
	rv_run(riscv_command_of_process(riscv_command_vma(), 1));
	assert_int_equal(rv_ask(&store), RISCV_FAULT_WRITE_PAGE);
	rv_end();
}

/* Hardware that sets D sets it when the cached entry lacks it, once. */
static void a_write_through_a_clean_entry_marks_it(void **state)
{
	const struct riscv_context context = {
		.words = {RISCV_TC_VALID | RISCV_TC_SADE, 0, riscv_ta(1),
			  riscv_iosatp(RISCV_IOSATP_SV39, TABLE(0, 0))}};
	const struct iommu_model_riscv_request store = {
		.device_id = 1, .address = PAGE_AT, .access = IOMMU_PROT_WRITE};
	const uint64_t place = TABLE(0, 2) + 0x123 * 8;
	unsigned int writes;

	(void)state;
	begin();
	rv_context(1, &context);
	rv_run(riscv_command_inval_device(1));
	rv_run(riscv_command_vma());
	rv_word(place,
		riscv_pte_leaf(before[0], RV_LEAF_FLAGS & ~(RISCV_PTE_DIRTY | RISCV_PTE_ACCESSED)));
	assert_int_equal(reach(0, PAGE_AT), before[0]);
	assert_int_equal(rv_result.prot, IOMMU_PROT_READ);
	assert_int_equal(rv_look(place) & 0xc0, RISCV_PTE_ACCESSED);
	assert_int_equal(rv_ask(&store), 0);
	assert_int_equal(rv_look(place) & 0xc0, RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY);
	writes = rv.writes;
	rv_word(place, riscv_pte_leaf(before[0], RV_LEAF_FLAGS & ~RISCV_PTE_DIRTY));
	assert_int_equal(rv_ask(&store), 0);
	/* Software that clears D invalidates, or does not see it again. */
	assert_int_equal(rv.writes, writes);
	assert_int_equal(rv_look(place) & RISCV_PTE_DIRTY, 0);
	rv_run(riscv_command_at(riscv_command_vma(), PAGE_AT));
	assert_int_equal(rv_ask(&store), 0);
	assert_int_equal(rv_look(place) & RISCV_PTE_DIRTY, RISCV_PTE_DIRTY);
	rv_end();
}

/* --- Lazy units ------------------------------------------------------------------------------- */

static void a_lazy_unit_executes_at_the_fence(void **state)
{
	struct iommu_model_riscv_config lazy = all;
	unsigned int i;

	(void)state;
	lazy.strict = IOMMU_MODEL_RISCV_LAZY;
	rv_begin(&lazy);
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_1LVL);
	plain_context(3, 1);
	assert_int_equal(rcid_of(3), 1);
	plain_context(3, 2);
	rv_run(riscv_command_inval_device(3));
	assert_int_equal(rcid_of(3), 1);
	rv_run(riscv_command_fence(0));
	assert_int_equal(rcid_of(3), 2);
	/* It puts off so many, and no more. */
	plain_context(3, 3);
	rv_run(riscv_command_inval_device(3));
	for (i = 0; i < 31; i++)
		rv_run(riscv_command_vma());
	assert_int_equal(rcid_of(3), 2);
	rv_run(riscv_command_vma());
	assert_int_equal(rcid_of(3), 3);
	rv_end();
}

static void an_unordered_unit_executes_the_newest_first(void **state)
{
	struct iommu_model_riscv_config unordered = all;
	unsigned int i;

	(void)state;
	unordered.strict = IOMMU_MODEL_RISCV_UNORDERED;
	rv_begin(&unordered);
	rv_queues_on(false);
	for (i = 5; i < 8; i++)
		rv_run(riscv_command_inval_device(i));
	assert_int_equal(rv.told, 0);
	rv_run(riscv_command_fence(0));
	assert_int_equal(rv.told, 3);
	assert_int_equal(rv.told_last.device_id, 5);
	rv_run(riscv_command_fence(0));
	assert_int_equal(rv.told, 3);
	rv_end();
}

/* --- Limits ----------------------------------------------------------------------------------- */

static void a_forgetful_unit_answers_by_memory_in_the_end(void **state)
{
	struct iommu_model_riscv_config forgetful = all;
	unsigned int i, news = 0;

	(void)state;
	forgetful.forget_seed = 5;
	rv_begin(&forgetful);
	rv_queues_on(false);
	rv_directory_on(RISCV_DDTP_1LVL);
	make_space(0);
	for (i = 0; i < 100; i++) {
		put_leaf(0, 0, i % 2 == 0 ? before[0] : after[0]);
		news += reach(0, PAGE_AT) == (i % 2 == 0 ? before[0] : after[0]);
	}
	assert_in_range(news, 20, 80);
	rv_end();
}

static void statistics_tell_what_is_cached(void **state)
{
	struct iommu_model_riscv_stats stats;

	(void)state;
	begin();
	iommu_model_riscv_get_stats(rv.model, &stats);
	assert_int_equal(stats.cached_contexts, SPACES);
	assert_int_equal(stats.cached_roots, 3);
	/* 5 leaves and 3 pointers of each space; PAGE_AT and GLOBAL_AT share theirs. */
	assert_int_equal(stats.cached_first, SPACES * (ENTRIES + 3));
	assert_int_equal(stats.translations, SPACES * ENTRIES);
	assert_true(stats.cached_second > 10);
	assert_int_equal(stats.cached_messages, 0);
	assert_int_equal(stats.faults, 0);
	rv_run(riscv_command_inval_directories());
	rv_run(riscv_command_gvma());
	iommu_model_riscv_get_stats(rv.model, &stats);
	assert_int_equal(stats.cached_contexts + stats.cached_roots + stats.cached_second, 0);
	assert_int_equal(stats.commands, 2);
	rv_end();
}

/* --- What the host is told -------------------------------------------------------------------- */

/* Each operand of a command is told to the host; what it has not is 0. */
static void the_host_is_told_each_operand(void **state)
{
	const struct riscv_command vma = riscv_command_vma(), gvma = riscv_command_gvma();
	const struct {
		struct riscv_command command;
		struct iommu_model_riscv_invalidation told;
	} cases[] = {
		{vma, {.type = IOMMU_MODEL_RISCV_FIRST_STAGE}},
		{riscv_command_of_process(vma, 0x54321),
		 {.type = IOMMU_MODEL_RISCV_FIRST_STAGE, .has_pscid = true, .pscid = 0x54321}},
		{riscv_command_of_guest(vma, 0xabcd),
		 {.type = IOMMU_MODEL_RISCV_FIRST_STAGE, .has_guest = true, .gscid = 0xabcd}},
		{riscv_command_at(riscv_command_of_guest(riscv_command_of_process(vma, 7), 9),
				  0x123456000),
		 {.type = IOMMU_MODEL_RISCV_FIRST_STAGE,
		  .has_guest = true,
		  .gscid = 9,
		  .has_pscid = true,
		  .pscid = 7,
		  .has_range = true,
		  .address = 0x123456000,
		  .size = 0x1000,
		  .leaves_only = true}},
		{riscv_command_with_tables(riscv_command_range(vma, 0x123440000, 4)),
		 {.type = IOMMU_MODEL_RISCV_FIRST_STAGE,
		  .has_range = true,
		  .address = 0x123440000,
		  .size = 0x10000}},
		{gvma, {.type = IOMMU_MODEL_RISCV_SECOND_STAGE}},
		{riscv_command_of_guest(gvma, 0xfffe),
		 {.type = IOMMU_MODEL_RISCV_SECOND_STAGE, .has_guest = true, .gscid = 0xfffe}},
		{riscv_command_at(riscv_command_of_guest(gvma, 3), 0x7000),
		 {.type = IOMMU_MODEL_RISCV_SECOND_STAGE,
		  .has_guest = true,
		  .gscid = 3,
		  .has_range = true,
		  .address = 0x7000,
		  .size = 0x1000,
		  .leaves_only = true}},
		{riscv_command_with_tables(
			 riscv_command_range(riscv_command_of_guest(gvma, 3), 0x40000000, 18)),
		 {.type = IOMMU_MODEL_RISCV_SECOND_STAGE,
		  .has_guest = true,
		  .gscid = 3,
		  .has_range = true,
		  .address = 0x40000000,
		  .size = 0x40000000}},
		{riscv_command_inval_directories(), {.type = IOMMU_MODEL_RISCV_DEVICES}},
		{riscv_command_inval_device(0x123),
		 {.type = IOMMU_MODEL_RISCV_DEVICES, .has_device = true, .device_id = 0x123}},
		{riscv_command_inval_process(0x321, 0xedcba),
		 {.type = IOMMU_MODEL_RISCV_PROCESSES,
		  .has_device = true,
		  .device_id = 0x321,
		  .has_process = true,
		  .process_id = 0xedcba}},
		{riscv_command_ats_inval(0xfedc, 0x5000, 0),
		 {.type = IOMMU_MODEL_RISCV_DEVICE_TLB,
		  .has_device = true,
		  .device_id = 0xfedc,
		  .has_range = true,
		  .address = 0x5000,
		  .size = 0x1000}},
		{riscv_command_to_segment(
			 riscv_command_with_pasid(riscv_command_ats_inval(0x10, 0x200000, 9), 5),
			 0xab),
		 {.type = IOMMU_MODEL_RISCV_DEVICE_TLB,
		  .has_device = true,
		  .device_id = 0xab0010,
		  .has_process = true,
		  .process_id = 5,
		  .has_range = true,
		  .address = 0x200000,
		  .size = 0x200000}},
	};
	struct iommu_model_riscv_config sized = all;
	size_t i;

	(void)state;
	sized.capabilities |= RISCV_CAP_NL | RISCV_CAP_S | RISCV_CAP_PD20;
	rv_begin(&sized);
	rv_queues_on(false);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct iommu_model_riscv_invalidation *told = &cases[i].told;
		const unsigned int told_before = rv.told;

		rv_run(cases[i].command);
		assert_int_equal(rv.told, told_before + 1);
		assert_int_equal(rv.told_last.type, told->type);
		assert_int_equal(rv.told_last.has_guest, told->has_guest);
		assert_int_equal(rv.told_last.gscid, told->gscid);
		assert_int_equal(rv.told_last.has_pscid, told->has_pscid);
		assert_int_equal(rv.told_last.pscid, told->pscid);
		assert_int_equal(rv.told_last.has_device, told->has_device);
		assert_int_equal(rv.told_last.device_id, told->device_id);
		assert_int_equal(rv.told_last.has_process, told->has_process);
		assert_int_equal(rv.told_last.process_id, told->process_id);
		assert_false(rv.told_last.all_processes);
		assert_int_equal(rv.told_last.has_range, told->has_range);
		assert_int_equal(rv.told_last.address, told->address);
		assert_int_equal(rv.told_last.size, told->size);
		assert_int_equal(rv.told_last.leaves_only, told->leaves_only);
	}
	assert_int_equal(rv.misuses, 0);
	rv_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_operand_of_vma),
		cmocka_unit_test(ranges_of_vma),
		cmocka_unit_test(a_range_may_be_everything),
		cmocka_unit_test(pointers_of_the_first_stage),
		cmocka_unit_test(the_last_address_space),
		cmocka_unit_test(each_operand_of_gvma),
		cmocka_unit_test(pointers_of_the_second_stage),
		cmocka_unit_test(stages_are_invalidated_apart),
		cmocka_unit_test(device_contexts),
		cmocka_unit_test(pointers_of_the_device_directory),
		cmocka_unit_test(process_contexts),
		cmocka_unit_test(a_guests_root_is_cached_with_the_directories),
		cmocka_unit_test(message_entries),
		cmocka_unit_test(what_is_not_valid_is_not_cached),
		cmocka_unit_test(cached_permissions_decide),
		cmocka_unit_test(a_write_through_a_clean_entry_marks_it),
		cmocka_unit_test(a_lazy_unit_executes_at_the_fence),
		cmocka_unit_test(an_unordered_unit_executes_the_newest_first),
		cmocka_unit_test(a_forgetful_unit_answers_by_memory_in_the_end),
		cmocka_unit_test(statistics_tell_what_is_cached),
		cmocka_unit_test(the_host_is_told_each_operand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
