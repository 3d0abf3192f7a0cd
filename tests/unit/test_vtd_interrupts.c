/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt remapping table: how it grows while devices send interrupts, how entries change,
 * and what is kept of a kernel that crashed.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/iommu.h>
#include <libiommu/status.h>

#include <string.h>

#include "base/byteorder.h"
#include "test.h"
#include "vtd_fixture.h"

#define FIRST_ENTRIES 4096U
#define MOST_ENTRIES  65536U
#define BLOCK         128U
#define BLOCKS        (MOST_ENTRIES / BLOCK)

#define REMAPS        IOMMU_MODEL_VTD_INTERRUPT_REMAPPING

static const struct iommu_vtd_options none;
static struct iommu_vtd_interrupt blocks[BLOCKS];

/* --- Messages --------------------------------------------------------------------------------- */

/* The vector with which it arrives; 0: it is refused. */
static unsigned int vector_of(unsigned int device, unsigned int index)
{
	struct iommu_model_interrupt seen;

	if (iommu_model_vtd_interrupt(f.machine.units[0], f.device[device]->source_id,
				      vtd_msi_address((uint16_t)index, false), 0, &seen) != 0)
		return 0;
	return seen.vector;
}

static void begin_remapping(unsigned int flags)
{
	const struct iommu_model_vtd_config config = {.flags = REMAPS | flags};

	begin(1, &config, 2);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
}

static void end_remapping(void)
{
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

static unsigned int entries(void)
{
	struct iommu_vtd_info info;

	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	return info.interrupt_entries;
}

static void set_vector(const struct iommu_vtd_interrupt *block, unsigned int number, uint8_t vector)
{
	const struct iommu_vtd_interrupt_target target = {.vector = vector, .destination = 3};

	assert_int_equal(iommu_vtd_interrupt_set(block, number, &target), 0);
}

/* Blocks until there is none; each has its number as the vector of its last entry. */
static unsigned int fill(unsigned int from, unsigned int to)
{
	unsigned int i;
	int status;

	for (i = from; i < to; i++) {
		status = iommu_vtd_interrupt_alloc(f.unit[0], BLOCK, &blocks[i]);
		if (status != 0) {
			assert_int_equal(status, IOMMU_ENOSPC);
			break;
		}
		set_vector(&blocks[i], BLOCK - 1, (uint8_t)(16 + i % 200));
	}
	return i;
}

static void check(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		assert_int_equal(vector_of(0, blocks[i].index + BLOCK - 1), 16 + i % 200);
		assert_int_equal(vector_of(0, blocks[i].index), 0);
	}
}

static void free_blocks(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		assert_int_equal(iommu_vtd_interrupt_free(&blocks[i]), 0);
}

/* --- Growth ----------------------------------------------------------------------------------- */

static void the_table_grows_to_the_largest(void **state)
{
	static const unsigned int flags[] = {0, IOMMU_MODEL_VTD_NONCOHERENT,
					     IOMMU_MODEL_VTD_SELF_INVALIDATING};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		begin_remapping(flags[i]);
		assert_int_equal(entries(), FIRST_ENTRIES);
		assert_int_equal(fill(0, FIRST_ENTRIES / BLOCK), FIRST_ENTRIES / BLOCK);
		assert_int_equal(entries(), FIRST_ENTRIES);
		assert_int_equal(fill(FIRST_ENTRIES / BLOCK, BLOCKS), BLOCKS);
		assert_int_equal(entries(), MOST_ENTRIES);
		assert_int_equal(blocks[BLOCKS - 1].index, MOST_ENTRIES - BLOCK);
		assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &blocks[0]), IOMMU_ENOSPC);
		check(BLOCKS);
		/* Off and on again, it is as large. */
		assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		check(BLOCKS);
		free_blocks(BLOCKS);
		assert_int_equal(vector_of(0, MOST_ENTRIES - 1), 0);
		end_remapping();
	}
}

/*
 * At each register write of a growth: nothing is refused. Before the first, for which no lock is
 * held, another CPU sets an entry.
 */
static unsigned int times, refused;

static void send(struct model_machine *machine)
{
	machine->meanwhile = NULL; /* its own accesses are not of interest */
	refused += vector_of(0, blocks[0].index + BLOCK - 1) != 16;
	if (times++ == 0)
		set_vector(&blocks[1], 0, 0x80);
	refused += vector_of(0, blocks[1].index) != 0x80;
	machine->meanwhile = send;
}

static void nothing_is_refused_while_it_grows(void **state)
{
	unsigned int count;

	(void)state;
	begin_remapping(0);
	count = fill(0, FIRST_ENTRIES / BLOCK);
	times = refused = 0;
	f.machine.meanwhile = send;
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], BLOCK, &blocks[count]), 0);
	f.machine.meanwhile = NULL;
	assert_int_equal(blocks[count].index, FIRST_ENTRIES);
	assert_true(times >= 3);
	assert_int_equal(refused, 0);
	assert_int_equal(vector_of(0, blocks[1].index), 0x80);
	free_blocks(count + 1);
	end_remapping();
}

static void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
static void (*free_pages)(void *ctx, void *pages, unsigned int order);

/* A host whose blocks are aligned to the largest order that all hosts have, as they may be. */
static void *alloc_unaligned(void *ctx, unsigned int order, int node, unsigned int flags)
{
	unsigned char *pages =
		alloc_pages(ctx, order > IOMMU_MAX_ALLOC_ORDER ? order + 1 : order, node, flags);

	return pages != NULL && order > IOMMU_MAX_ALLOC_ORDER
		       ? pages + (IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER)
		       : pages;
}

static void free_unaligned(void *ctx, void *pages, unsigned int order)
{
	const bool large = order > IOMMU_MAX_ALLOC_ORDER;

	free_pages(ctx,
		   (unsigned char *)pages - (large ? IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER : 0),
		   large ? order + 1 : order);
}

static void without_memory_it_stays_as_it_is(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = REMAPS};
	unsigned int count;

	(void)state;
	machine(1, &config);
	devices(2);
	alloc_pages = f.machine.platform.alloc_pages;
	free_pages = f.machine.platform.free_pages;
	f.machine.platform.alloc_pages = alloc_unaligned;
	f.machine.platform.free_pages = free_unaligned;
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	f.machine.fail_every = 1;
	count = fill(0, BLOCKS);
	assert_int_equal(count, FIRST_ENTRIES / BLOCK);
	check(count);
	f.machine.fail_every = 0;
	assert_int_equal(entries(), FIRST_ENTRIES);
	assert_int_equal(fill(count, count + 1), count + 1);
	assert_int_equal(entries(), 2 * FIRST_ENTRIES);
	check(count + 1);
	free_blocks(count + 1);
	end_remapping();
}

/* Hardware may read either table until it has confirmed: both are right. */
static void a_table_that_is_not_confirmed_is_kept_beside_the_other(void **state)
{
	static const struct iommu_model_vtd_faults faults[] = {
		{.commands_hang = true}, {.waits_hang = true}, {.invalidations_hang = true}};
	const struct iommu_model_vtd_faults well = {0};
	unsigned int i, again, count;

	(void)state;
	for (i = 0; i < 3 * sizeof(faults) / sizeof(faults[0]); i++) {
		begin_remapping(0);
		count = fill(0, FIRST_ENTRIES / BLOCK);
		for (again = 0; again < 2; again++) {
			iommu_model_vtd_misbehave(f.machine.units[0], &faults[i / 3]);
			assert_int_equal(
				iommu_vtd_interrupt_alloc(f.unit[0], BLOCK, &blocks[count]),
				IOMMU_ETIMEDOUT);
			assert_int_equal(entries(), FIRST_ENTRIES);
			iommu_model_vtd_misbehave(f.machine.units[0], &well);
			set_vector(&blocks[0], 0, 0x99);
			assert_int_equal(vector_of(0, blocks[0].index), 0x99);
			assert_int_equal(iommu_vtd_interrupt_clear(&blocks[0], 0), 0);
			check(count);
		}
		if (i % 3 == 0) {
			assert_int_equal(fill(count, count + 1), count + 1);
			count++;
			check(count);
		} else if (i % 3 == 1) {
			assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
			assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
			check(count);
			assert_int_equal(fill(count, count + 1), count + 1);
			count++;
		}
		free_blocks(count);
		end_remapping();
	}
}

/* --- Entries that change ---------------------------------------------------------------------- */

static unsigned int exchanges;
static bool exchange_fails;

static bool exchange_16(void *ctx, void *memory, const uint64_t expected[2],
			const uint64_t desired[2])
{
	(void)ctx;
	exchanges++;
	assert_int_equal((uintptr_t)memory % 16, 0);
	if (exchange_fails || memcmp(memory, expected, 16) != 0)
		return false;
	memcpy(memory, desired, 16);
	return true;
}

static unsigned int absent;

static void look(struct model_machine *machine)
{
	machine->meanwhile = NULL;
	absent += vector_of(0, blocks[0].index) == 0;
	machine->meanwhile = look;
}

/* The source changes, or the upper half of a posted interrupt descriptor's address. */
static void both_halves_of_an_entry_change_at_once(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = REMAPS |
							       IOMMU_MODEL_VTD_POSTED_INTERRUPTS};
	struct iommu_vtd_interrupt_target target = {
		.source = IOMMU_VTD_SOURCE_ID, .source_id = 0x20, .vector = 0x41};
	unsigned int how;

	(void)state;
	/* A host without the means, one with, and one whose means fail. */
	for (how = 0; how < 3; how++) {
		machine(1, &config);
		devices(2);
		f.machine.platform.compare_exchange_16 = how == 0 ? NULL : exchange_16;
		exchange_fails = how == 2;
		exchanges = absent = 0;
		assert_int_equal(probe_with(&none), 0);
		endpoints();
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &blocks[0]), 0);
		target.source = IOMMU_VTD_SOURCE_ID;
		target.vector = 0x41;
		assert_int_equal(iommu_vtd_interrupt_set(&blocks[0], 0, &target), 0);
		assert_int_equal(exchanges, 0);
		f.machine.meanwhile = look;
		f.machine.meanwhile_reading = true;
		target.source = IOMMU_VTD_SOURCE_ANY;
		target.vector = 0x42;
		assert_int_equal(iommu_vtd_interrupt_set(&blocks[0], 0, &target), 0);
		f.machine.meanwhile = NULL;
		assert_int_equal(exchanges, how == 0 ? 0 : 1);
		assert_int_equal(absent == 0, how == 1);
		assert_int_equal(vector_of(0, blocks[0].index), 0x42);
		assert_int_equal(vector_of(1, blocks[0].index), 0x42);
		assert_int_equal(iommu_vtd_interrupt_free(&blocks[0]), 0);
		end_remapping();
	}
}

#ifdef __x86_64__
static void the_processor_exchanges_16_bytes(void **state)
{
	_Alignas(16) uint64_t memory[2] = {1, 2};
	const uint64_t wrong_low[2] = {0, 2}, wrong_high[2] = {1, 3}, right[2] = {1, 2};
	const uint64_t desired[2] = {0x1111111111111111, 0x2222222222222222};

	(void)state;
	assert_false(iommu_x86_64_compare_exchange_16(NULL, memory, wrong_low, desired));
	assert_false(iommu_x86_64_compare_exchange_16(NULL, memory, wrong_high, desired));
	assert_true(memory[0] == 1 && memory[1] == 2);
	assert_true(iommu_x86_64_compare_exchange_16(NULL, memory, right, desired));
	assert_true(memory[0] == desired[0] && memory[1] == desired[1]);
}
#endif

/* --- What a kernel that crashed has left ------------------------------------------------------ */

static struct vtd_interrupt_entry *old_entries;
static size_t old_pages;

static bool memory_is_there(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	return paddr >= MACHINE_BASE &&
	       paddr + size <= MACHINE_BASE + MACHINE_PAGES * IOMMU_PAGE_SIZE;
}

/*
 * A kernel that remaps interrupts, with so many entries in its table: they are in old_entries, and
 * its devices send.
 */
static void old_kernel(unsigned int flags, unsigned int blocks_in_use, unsigned int mode)
{
	const struct iommu_model_vtd_config config = {.flags = REMAPS | flags};
	uint64_t irta;

	begin(1, &config, 2);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, mode), 0);
	assert_int_equal(fill(0, blocks_in_use), blocks_in_use);
	irta = iommu_model_vtd_mmio_read(f.machine.units[0], VTD_IRTA, 8);
	old_entries =
		(struct vtd_interrupt_entry *)model_machine_bytes(&f.machine, irta & ~0xfffULL);
	f.machine.mapped = 0;
	old_pages = f.machine.pages_in_use;
}

static void old_entry(unsigned int index, uint64_t low, uint64_t high)
{
	old_entries[index].high = iommu_le64(high);
	old_entries[index].low = iommu_le64(low);
}

static uint64_t to(unsigned int vector)
{
	return vtd_irte_remapped_low(vector, 0, false, false, false, 3, false);
}

static uint64_t from(unsigned int device)
{
	return vtd_irte_high(VTD_SOURCE_ID, 0, f.device[device]->source_id);
}

static unsigned int inherited(void)
{
	struct iommu_vtd_info info;

	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	return info.inherited_interrupts;
}

/* What the host is told of those that are lost. */
#define LOST "cannot be taken over: they are blocked"

static void take_over(unsigned int mode)
{
	const struct iommu_vtd_options options = {.flags = IOMMU_VTD_TAKE_OVER,
						  .is_memory = memory_is_there};

	assert_int_equal(probe_with(&options), 0);
	endpoints();
	f.machine.awaited = LOST;
	f.machine.heard = 0;
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, mode), 0);
}

static void end_take_over(void)
{
	f.machine.pages_in_use -= old_pages;
	end_remapping();
}

static unsigned int lost_messages;

static void send_as_before(struct model_machine *machine)
{
	machine->meanwhile = NULL;
	lost_messages += vector_of(0, 5) != 0x51;
	lost_messages += vector_of(1, 6) != 0x61;
	machine->meanwhile = send_as_before;
}

static void interrupts_arrive_until_their_driver_has_come(void **state)
{
	struct iommu_vtd_interrupt block;

	(void)state;
	old_kernel(0, 0, 0);
	old_entry(5, to(0x51), from(0));
	old_entry(6, to(0x61), from(1));
	old_entry(7, to(0x71),
		  vtd_irte_high(VTD_SOURCE_ID, 3, 0x27)); /* any function of the first */
	old_entry(8, to(0x81), vtd_irte_high(VTD_SOURCE_BUS, 0, 0x0102));
	lost_messages = 0;
	f.machine.meanwhile = send_as_before;
	take_over(0);
	f.machine.meanwhile = NULL;
	assert_int_equal(lost_messages, 0);
	assert_int_equal(f.machine.heard, 0);
	assert_int_equal(inherited(), 4);
	/* The driver of the first device: what it had goes, the others' stays. */
	assert_int_equal(iommu_vtd_interrupt_alloc_for(f.endpoint[0], 8, &block), 0);
	assert_int_equal(block.index, 16); /* 5 to 8 are taken, and 0 to 15 are no block */
	assert_int_equal(vector_of(0, 5), 0);
	assert_int_equal(vector_of(0, 7), 0);
	assert_int_equal(vector_of(1, 6), 0x61);
	assert_int_equal(inherited(), 2);
	set_vector(&block, 0, 0x99);
	assert_int_equal(vector_of(0, block.index), 0x99);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	/* Their places are free once hardware has confirmed. */
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &block), 0);
	assert_int_equal(block.index, 0);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	/* And the rest with remapping. */
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(inherited(), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(vector_of(1, 6), 0);
	end_take_over();
}

/* How an interrupt arrives, in all ways that an entry can say: each is taken over as it was. */
static void entries_are_taken_over_in_full(void **state)
{
	const uint64_t *entries;
	uint64_t low[16];
	unsigned int i;

	(void)state;
	old_kernel(0, 0, 0);
	for (i = 0; i < 16; i++) {
		low[i] = vtd_irte_remapped_low(0x40 + i, i & 1, (i & 2) != 0, (i & 4) != 0,
					       (i & 8) != 0, 0x80 + i, false);
		old_entry(16 + i, low[i], from(i % 2));
	}
	take_over(0);
	assert_int_equal(inherited(), 16);
	entries = (const uint64_t *)model_machine_bytes(
		&f.machine, iommu_model_vtd_mmio_read(f.machine.units[0], VTD_IRTA, 8) & ~0xfffULL);
	for (i = 0; i < 16; i++) {
		assert_int_equal(iommu_le64(entries[2 * (16 + i)]), low[i]);
		assert_int_equal(iommu_le64(entries[2 * (16 + i) + 1]), from(i % 2));
	}
	end_take_over();
}

/* A driver is not served on top of what hardware may still let through. */
static void what_is_not_confirmed_to_be_gone_is_an_error(void **state)
{
	const struct iommu_model_vtd_faults hangs = {.waits_hang = true};
	const struct iommu_model_vtd_faults well = {0};
	struct iommu_vtd_interrupt block;

	(void)state;
	old_kernel(0, 0, 0);
	old_entry(5, to(0x51), from(0));
	take_over(0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hangs);
	assert_int_equal(iommu_vtd_interrupt_alloc_for(f.endpoint[0], 1, &block), IOMMU_ETIMEDOUT);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_vtd_interrupt_alloc_for(f.endpoint[0], 1, &block), 0);
	assert_int_not_equal(block.index, 5);
	assert_int_equal(vector_of(0, 5), 0);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	end_take_over();
}

static void hostile_entries_are_blocked(void **state)
{
	static const struct {
		uint64_t low, high;
	} hostile[] = {
		{1ULL << 12, 0}, /* reserved */
		{1ULL << 14, 0}, {1ULL << 24, 0},      {1ULL << 31, 0},
		{1ULL << 32, 0},                 /* in this APIC mode */
		{1ULL << 48, 0}, {2ULL << 5, 0}, /* SMI, NMI, INIT, ExtINT, and none */
		{4ULL << 5, 0},  {5ULL << 5, 0},       {7ULL << 5, 0},
		{3ULL << 5, 0},  {VTD_IRTE_POSTED, 0}, {0, 1ULL << 20},
		{0, 1ULL << 63},
	};
	const unsigned int count = sizeof(hostile) / sizeof(hostile[0]);
	unsigned int i;

	(void)state;
	old_kernel(IOMMU_MODEL_VTD_POSTED_INTERRUPTS, 0, 0);
	for (i = 0; i < count; i++)
		old_entry(i, to(0x40) | hostile[i].low, from(0) | hostile[i].high);
	old_entry(count, to(0x0f), from(0));
	old_entry(count + 1, to(0x40), vtd_irte_high(VTD_SOURCE_ANY, 0, 0));
	old_entry(count + 2, to(0x40), vtd_irte_high(VTD_SOURCE_BUS, 0, 0x0201));
	old_entry(count + 3, to(0x40), 3ULL << 18 | 0x20);
	old_entry(count + 4, to(0x10) | VTD_IRTE_FPD | 0xf00, from(0));
	old_entry(count + 5, to(0x40) | 1 << 5, vtd_irte_high(VTD_SOURCE_BUS, 0, 0x0000));
	old_entry(count + 6, to(0x40), vtd_irte_high(VTD_SOURCE_BUS, 0, 0x0203));
	old_entry(count + 7, to(0x40), vtd_irte_high(VTD_SOURCE_BUS, 0, 0x0301));
	old_entry(count + 8, to(0x40), vtd_irte_high(VTD_SOURCE_BUS, 0, 0xffff));
	f.machine.quiet = true;
	take_over(0);
	assert_int_equal(f.machine.heard, 1);
	assert_int_equal(inherited(), 4);
	for (i = 0; i < count + 4; i++)
		assert_int_equal(vector_of(0, i), 0);
	assert_int_equal(vector_of(0, count + 4), 0x10);
	assert_int_equal(vector_of(0, count + 5), 0x40);
	end_take_over();
}

/* The table's address, and its size, say anything. */
static void a_table_that_is_not_there_is_not_read(void **state)
{
	static const uint64_t tables[] = {
		0x0000000000000fULL,
		0xfffffffffffff00fULL,
		MACHINE_BASE + (MACHINE_PAGES - 1) * IOMMU_PAGE_SIZE + 0xf,
		(1ULL << 46) - 0x1000 + 0xf,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		old_kernel(0, 0, 0);
		/* Nothing is sent: hardware would read there. */
		iommu_model_vtd_mmio_write(f.machine.units[0], VTD_IRTA, 8, tables[i]);
		take_over(0);
		assert_int_equal(f.machine.heard, 1);
		assert_int_equal(inherited(), 0);
		end_take_over();
	}
}

/* A large table has room in ours; without memory for that, what fits is kept. */
static void a_large_table_is_taken_over(void **state)
{
	unsigned int fails;

	(void)state;
	for (fails = 0; fails < 6; fails++) {
		unsigned int kept, i;

		old_kernel(0, 33, 0); /* it has grown once */
		for (i = 0; i < 2 * FIRST_ENTRIES; i++)
			old_entry(i, i % 100 == 0 ? to(16 + i / 100) : 0, from(0));
		assert_int_equal(
			probe_with(&(struct iommu_vtd_options){.flags = IOMMU_VTD_TAKE_OVER}), 0);
		endpoints();
		/* The structure, two bitmaps and a table are needed: those after are not. */
		f.machine.fail_at = fails == 0 ? 0 : f.machine.allocations + fails + 3;
		f.machine.awaited = LOST;
		f.machine.heard = 0;
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		f.machine.fail_at = 0;
		assert_int_equal(f.machine.heard, fails == 1 || fails == 2);
		kept = fails == 1 ? 0 : fails == 2 ? 41 : 82;
		assert_int_equal(inherited(), kept);
		for (i = 0; i < 2 * FIRST_ENTRIES; i += 50)
			assert_int_equal(vector_of(0, i),
					 i % 100 == 0 && i / 100 < kept ? 16 + i / 100 : 0);
		end_take_over();
	}
}

/* The last entry in use is the first of a page: there is room for it. */
static void a_page_with_one_entry_is_taken_over(void **state)
{
	unsigned int last;

	(void)state;
	for (last = FIRST_ENTRIES - 1; last <= FIRST_ENTRIES + 256; last++) {
		if (last > FIRST_ENTRIES + 1 && last < FIRST_ENTRIES + 255)
			continue;
		old_kernel(0, 33, 0);
		memset(old_entries, 0, 2 * FIRST_ENTRIES * sizeof(*old_entries));
		old_entry(last, to(0x51), from(0));
		take_over(0);
		assert_int_equal(f.machine.heard, 0);
		assert_int_equal(inherited(), 1);
		assert_int_equal(vector_of(0, last), 0x51);
		/* As much room as that needs, and no more. */
		assert_int_equal(entries(),
				 last < FIRST_ENTRIES ? FIRST_ENTRIES : 2 * FIRST_ENTRIES);
		end_take_over();
	}
}

/* Which entries go when the driver of a sender comes: all that it could send by, and no others. */
static void entries_go_with_their_sender(void **state)
{
	static const struct {
		uint16_t index;
		uint64_t high;
		uint16_t source_id; /* that sends by it */
	} entries[] = {
		{70, (uint64_t)VTD_SOURCE_ID << 18 | 0x0520, 0x0520},
		{130, (uint64_t)VTD_SOURCE_ID << 18 | 3 << 16 | 0x0527, 0x0523}, /* any function */
		{200, (uint64_t)VTD_SOURCE_BUS << 18 | 0x0406, 0x0400},
	};
	static const struct {
		struct iommu_pci_requester sender;
		unsigned int gone; /* bits of entries */
	} cases[] = {
		{{.id = 0x0520}, 7},
		{{.id = 0x0521}, 6},
		{{.id = 0x0524}, 6},
		{{.id = 0x0521, .ignored_function_bits = 1}, 6},
		{{.id = 0x0522, .ignored_function_bits = 1}, 6},
		{{.id = 0x0524, .ignored_function_bits = 1}, 7},
		{{.id = 0x0526, .ignored_function_bits = 2}, 7},
		{{.id = 0x0521, .ignored_function_bits = 2}, 6},
		{{.id = 0x0527, .ignored_function_bits = 3}, 7},
		{{.id = 0x0528, .ignored_function_bits = 3}, 4},
		{{.id = 0x0328}, 0},
		{{.id = 0x0428}, 4},
		{{.id = 0x0628}, 4},
		{{.id = 0x0728}, 0},
		{{.by_bus = true, .first_bus = 5, .last_bus = 5}, 7},
		{{.by_bus = true, .first_bus = 2, .last_bus = 3}, 0},
		{{.by_bus = true, .first_bus = 2, .last_bus = 4}, 4},
		{{.by_bus = true, .first_bus = 3, .last_bus = 5}, 7},
		{{.by_bus = true, .first_bus = 2, .last_bus = 9}, 7},
		{{.by_bus = true, .first_bus = 6, .last_bus = 9}, 4},
		{{.by_bus = true, .first_bus = 7, .last_bus = 9}, 0},
	};
	struct iommu_vtd_interrupt block;
	struct iommu_model_interrupt seen;
	unsigned int i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int left = 3;

		old_kernel(0, 0, 0);
		for (k = 0; k < 3; k++)
			old_entry(entries[k].index, to(0x51), entries[k].high);
		take_over(0);
		assert_int_equal(inherited(), 3);
		f.endpoint[0]->requester = cases[i].sender;
		assert_int_equal(iommu_vtd_interrupt_alloc_for(f.endpoint[0], 1, &block), 0);
		for (k = 0; k < 3; k++) {
			const bool is_gone = (cases[i].gone >> k & 1) != 0;

			left -= is_gone;
			assert_int_equal(
				iommu_model_vtd_interrupt(f.machine.units[0], entries[k].source_id,
							  vtd_msi_address(entries[k].index, false),
							  0, &seen) != 0,
				is_gone);
		}
		assert_int_equal(inherited(), left);
		assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
		end_take_over();
	}
}

/* A unit stays while any entry is allocated: the first, the last, or one between. */
static void a_unit_with_interrupts_is_not_removed(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = REMAPS};
	const unsigned int count = FIRST_ENTRIES / BLOCK;
	struct iommu_unit *first;
	unsigned int i, kept;

	(void)state;
	begin(2, &config, 1);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	first = f.unit[0];
	f.unit[0] = f.unit[1]; /* no device is behind it */
	for (kept = 0; kept < count; kept += count / 3) {
		assert_int_equal(fill(0, count), count);
		for (i = 0; i < count; i++)
			if (i != kept)
				assert_int_equal(iommu_vtd_interrupt_free(&blocks[i]), 0);
		assert_int_equal(iommu_vtd_remove_unit(f.unit[0]), IOMMU_EBUSY);
		assert_int_equal(iommu_vtd_interrupt_free(&blocks[kept]), 0);
	}
	assert_int_equal(fill(0, count), count);
	for (i = 0; i + 1 < count; i++)
		assert_int_equal(iommu_vtd_interrupt_free(&blocks[i]), 0);
	assert_int_equal(iommu_vtd_remove_unit(f.unit[0]), IOMMU_EBUSY);
	assert_int_equal(iommu_vtd_interrupt_free(&blocks[count - 1]), 0);
	assert_int_equal(iommu_vtd_remove_unit(f.unit[0]), 0);
	f.unit[0] = first;
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* Destinations are the same processors, where the new kernel's APIC mode can name them. */
static void processors_are_the_same_in_another_apic_mode(void **state)
{
	struct iommu_model_interrupt seen;
	unsigned int mode;

	(void)state;
	for (mode = 0; mode < 4; mode++) {
		const bool old_x2apic = (mode & 1) != 0, x2apic = (mode & 2) != 0;

		old_kernel(IOMMU_MODEL_VTD_X2APIC, 0, old_x2apic ? IOMMU_VTD_X2APIC : 0);
		old_entry(1, vtd_irte_remapped_low(0x51, 0, true, true, true, 0x21, old_x2apic),
			  from(0));
		if (old_x2apic)
			old_entry(2,
				  vtd_irte_remapped_low(0x52, 0, false, false, false, 0x121, true),
				  from(0));
		take_over(x2apic ? IOMMU_VTD_X2APIC : 0);
		assert_int_equal(inherited(), old_x2apic && x2apic ? 2 : 1);
		assert_int_equal(f.machine.heard, old_x2apic && !x2apic);
		assert_int_equal(iommu_model_vtd_interrupt(f.machine.units[0],
							   f.device[0]->source_id,
							   vtd_msi_address(1, false), 0, &seen),
				 0);
		assert_int_equal(seen.destination, 0x21);
		assert_true(seen.logical && seen.redirection_hint && seen.level);
		end_take_over();
	}
}

static void without_a_take_over_nothing_is_kept(void **state)
{
	(void)state;
	old_kernel(0, 0, 0);
	old_entry(5, to(0x51), from(0));
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(inherited(), 0);
	assert_int_equal(vector_of(0, 5), 0);
	end_take_over();
}

/* A busy queue that ignored that it was to turn off, while translation is on and stays so. */
static void remapping_goes_off_behind_a_queue_that_stayed_on(void **state)
{
	const struct iommu_model_vtd_faults hangs = {.waits_hang = true}, none_left = {0};
	struct iommu_domain *domain, *other;

	(void)state;
	begin_remapping(0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	other = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hangs);
	assert_int_equal(iommu_domain_attach_group(other, f.group[0]), IOMMU_ETIMEDOUT);
	/* The queue does not answer: to be restarted it is told to turn off, and does not. */
	assert_int_equal(iommu_unit_enable(f.unit[0]), IOMMU_ETIMEDOUT);
	assert_true((iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_QIE) !=
		    0);
	iommu_model_vtd_misbehave(f.machine.units[0], &none_left);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	assert_int_equal(iommu_domain_attach_group(other, f.group[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_domain_free(other), 0);
	end_remapping();
}

/* Asked again it has nothing to do, confirms what is open, and turns nothing off. */
static void remapping_is_enabled_once(void **state)
{
	const struct iommu_model_vtd_faults hangs = {.waits_hang = true};
	const struct iommu_model_vtd_faults well = {0};
	struct iommu_vtd_interrupt block;

	(void)state;
	begin_remapping(IOMMU_MODEL_VTD_X2APIC);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &block), 0);
	set_vector(&block, 0, 0x41);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, IOMMU_VTD_X2APIC), IOMMU_EBUSY);
	assert_int_equal(vector_of(0, block.index), 0x41);
	iommu_model_vtd_misbehave(f.machine.units[0], &hangs);
	assert_int_equal(iommu_vtd_interrupt_free(&block), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), IOMMU_ETIMEDOUT);
	assert_int_not_equal(
		iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_IRE, 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &block), 0);
	set_vector(&block, 0, 0x42);
	assert_int_equal(vector_of(0, block.index), 0x42);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	end_remapping();
}

/* Translation uses the queue that was to be there for interrupts, too. */
static void a_queue_that_does_not_start_for_interrupts_is_looked_at_again(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
						      .levels = 1U << 3 | 1U << 4};
	const struct iommu_model_vtd_faults gone = {.gone = true}, well = {0};
	struct iommu_domain *domain;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &gone);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), IOMMU_EIO);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* --- A queue that is lost beside a command that hangs ----------------------------------------- */

static uint32_t (*read32)(void *ctx, const volatile void *reg);
static bool hides_table;

/* Hardware that is late to say that it has the interrupt table. */
static uint32_t read_without_table(void *ctx, const volatile void *reg)
{
	const uint32_t value = read32(ctx, reg);

	return hides_table && ((uintptr_t)reg & 0xfff) == VTD_GSTS
		       ? value & ~(uint32_t)VTD_GLOBAL_SIRTP
		       : value;
}

/* No command can start it before that one has ended: what confirms says so, and starts it then. */
static void a_lost_queue_that_no_command_can_start_is_not_forgotten(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = REMAPS};
	struct iommu_domain *paged;

	(void)state;
	machine(1, &config);
	read32 = f.machine.platform.mmio_read32;
	f.machine.platform.mmio_read32 = read_without_table;
	devices(1);
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	paged = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(paged, f.group[0]), 0);
	hides_table = true;
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), IOMMU_ETIMEDOUT);
	iommu_model_vtd_mmio_write(f.machine.units[0], VTD_GCMD, 4, VTD_GLOBAL_TE);
	assert_int_equal(
		iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_QIE, 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_unit_enable(f.unit[0]), IOMMU_ETIMEDOUT);
	hides_table = false;
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_not_equal(
		iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_QIE, 0);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(paged), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* --- What did not confirm, and did it later --------------------------------------------------- */

static bool remaps(void)
{
	return (iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_IRE) != 0;
}

static void misbehave(const struct iommu_model_vtd_faults *faults)
{
	iommu_model_vtd_misbehave(f.machine.units[0], faults);
}

/* Hardware turns remapping off after the wait for that: enabling turns it on again. */
static void a_disable_that_is_obeyed_later_is_not_taken_for_on(void **state)
{
	static const struct iommu_model_vtd_faults hung = {.commands_hang = true};
	static const struct iommu_model_vtd_faults slow = {.command_delay = 100000}, well = {0};
	unsigned int i, looks;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct iommu_vtd_interrupt block = {0};

		begin_remapping(0);
		misbehave(i == 0 ? &hung : &slow);
		assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), IOMMU_ETIMEDOUT);
		/* Until it is known, nothing is promised that rests on it. */
		assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &block), IOMMU_EOPNOTSUPP);
		misbehave(&well);
		for (looks = 0; looks < 200000 && remaps(); looks++)
			;
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		assert_true(remaps());
		assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &block), 0);
		assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
		end_remapping();
	}
}

/* The end of translation restarts a queue that was left in doubt, for interrupts too. */
static void interrupts_keep_their_queue_when_translation_ends(void **state)
{
	static const struct iommu_model_vtd_faults silent[] = {{.waits_hang = true},
							       {.invalidations_hang = true}};
	static const struct iommu_model_vtd_faults well = {0};
	const struct iommu_vtd_interrupt_target target = {.vector = 50};
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct iommu_vtd_interrupt block;
		struct iommu_domain *paged;
		unsigned int index;

		begin_remapping(0);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &block), 0);
		index = block.index;
		assert_int_equal(iommu_vtd_interrupt_set(&block, 0, &target), 0);
		assert_int_equal(vector_of(0, index), 50);
		paged = domain_of_type(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_domain_attach_group(paged, f.group[0]), 0);
		assert_int_equal(iommu_map(paged, IOVA, f.memory, 4096, RW), 0);
		misbehave(&silent[i % 2]);
		assert_int_equal(iommu_unmap(paged, IOVA, 4096, 0, NULL), IOMMU_ETIMEDOUT);
		assert_int_not_equal(iommu_unit_enable(f.unit[0]), 0);
		misbehave(&well);
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		assert_true(remaps());
		if (i < 2) {
			assert_int_equal(iommu_vtd_interrupt_clear(&block, 0), 0);
			assert_int_equal(vector_of(0, index), 0);
		}
		assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
		assert_int_equal(vector_of(0, index), 0);
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		assert_int_equal(vector_of(0, index), 0);
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_free(paged), 0);
		end_remapping();
	}
}

/* Where the queue does not come back either, no call says that an entry is gone. */
static void nothing_is_gone_without_a_queue(void **state)
{
	static const struct iommu_model_vtd_faults silent = {.waits_hang = true}, well = {0};
	static const struct iommu_model_vtd_faults worse = {.waits_hang = true,
							    .commands_hang = true};
	const struct iommu_vtd_interrupt_target target = {.vector = 50};
	struct iommu_vtd_interrupt block;
	unsigned int index;

	(void)state;
	begin_remapping(0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &block), 0);
	index = block.index;
	assert_int_equal(iommu_vtd_interrupt_set(&block, 0, &target), 0);
	assert_int_equal(vector_of(0, index), 50);
	misbehave(&silent);
	assert_int_not_equal(iommu_vtd_interrupt_clear(&block, 0), 0);
	misbehave(&worse);
	(void)iommu_unit_disable(f.unit[0]);
	assert_int_not_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_not_equal(iommu_vtd_interrupt_clear(&block, 0), 0);
	misbehave(&well);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(vector_of(0, index), 0);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	end_remapping();
}

/* A queue that was lost under interrupts comes back with the next enable of interrupts alone. */
static void enabling_again_restarts_the_queue(void **state)
{
	static const struct iommu_model_vtd_faults silent[] = {{.waits_hang = true},
							       {.invalidations_hang = true}};
	static const struct iommu_model_vtd_faults well = {0};
	struct iommu_vtd_interrupt block;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		begin_remapping(0);
		assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &block), 0);
		misbehave(&silent[i]);
		assert_int_equal(iommu_vtd_interrupt_clear(&block, 0), IOMMU_ETIMEDOUT);
		misbehave(&well);
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		assert_int_equal(iommu_vtd_interrupt_clear(&block, 0), 0);
		assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
		end_remapping();
	}
}

/* Hardware refuses what makes good for an earlier failure: remapping stays on. */
static void what_is_not_made_good_leaves_remapping_on(void **state)
{
	static const struct iommu_model_vtd_faults refuses = {.refuse_after = 1}, well = {0};
	struct iommu_vtd_interrupt block;

	(void)state;
	begin_remapping(0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &block), 0);
	misbehave(&refuses);
	assert_int_equal(iommu_vtd_interrupt_clear(&block, 0), IOMMU_EIO);
	misbehave(&refuses);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), IOMMU_EIO);
	assert_true(remaps());
	misbehave(&well);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_free(&block), 0);
	end_remapping();
}

/* What is disabled while the machine sleeps does not come back. */
static void disabled_in_a_suspend_is_disabled(void **state)
{
	(void)state;
	begin_remapping(0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_suspend(f.iommu), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_false(remaps());
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_true(remaps());
	end_remapping();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_that_does_not_start_for_interrupts_is_looked_at_again),
		cmocka_unit_test(a_lost_queue_that_no_command_can_start_is_not_forgotten),
		cmocka_unit_test(a_disable_that_is_obeyed_later_is_not_taken_for_on),
		cmocka_unit_test(interrupts_keep_their_queue_when_translation_ends),
		cmocka_unit_test(nothing_is_gone_without_a_queue),
		cmocka_unit_test(enabling_again_restarts_the_queue),
		cmocka_unit_test(what_is_not_made_good_leaves_remapping_on),
		cmocka_unit_test(disabled_in_a_suspend_is_disabled),
		cmocka_unit_test(remapping_goes_off_behind_a_queue_that_stayed_on),
		cmocka_unit_test(remapping_is_enabled_once),
		cmocka_unit_test(the_table_grows_to_the_largest),
		cmocka_unit_test(nothing_is_refused_while_it_grows),
		cmocka_unit_test(without_memory_it_stays_as_it_is),
		cmocka_unit_test(a_table_that_is_not_confirmed_is_kept_beside_the_other),
		cmocka_unit_test(both_halves_of_an_entry_change_at_once),
#ifdef __x86_64__
		cmocka_unit_test(the_processor_exchanges_16_bytes),
#endif
		cmocka_unit_test(interrupts_arrive_until_their_driver_has_come),
		cmocka_unit_test(entries_are_taken_over_in_full),
		cmocka_unit_test(what_is_not_confirmed_to_be_gone_is_an_error),
		cmocka_unit_test(hostile_entries_are_blocked),
		cmocka_unit_test(a_table_that_is_not_there_is_not_read),
		cmocka_unit_test(a_large_table_is_taken_over),
		cmocka_unit_test(a_page_with_one_entry_is_taken_over),
		cmocka_unit_test(entries_go_with_their_sender),
		cmocka_unit_test(a_unit_with_interrupts_is_not_removed),
		cmocka_unit_test(processors_are_the_same_in_another_apic_mode),
		cmocka_unit_test(without_a_take_over_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
