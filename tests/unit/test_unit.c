/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of every back end (src/unit/) by themselves: the confirmation authority in every
 * interleaving of its steps on several CPUs, ids, ranges, open parts, and the gate of events.
 */
#include <string.h>

#include <libiommu/status.h>

#include "base/bits.h"
#include "test.h"
#include "test_platform.h"
#include "unit/confirmation.h"
#include "unit/device_id.h"
#include "unit/event.h"
#include "unit/id.h"
#include "unit/invalidation.h"
#include "unit/range.h"

/* --- Confirmation ----------------------------------------------------------------------------- */

/*
 * A machine of one unit and several CPUs, whose steps are what other CPUs can come between. Each
 * change leaves something stale in hardware; an invalidation of everything takes it away when
 * hardware executes it, which is between the caller's beginning and its end. Whatever was
 * *reported* as failed must be seen as open until an invalidation that began afterwards was
 * confirmed.
 */
enum step {
	CHANGE,      /* an entry is changed: hardware may keep the old one */
	FAIL,        /* … whose own invalidation is not confirmed: the unit is marked */
	BEGIN,       /* an invalidation of everything begins */
	EXECUTE,     /* hardware does it */
	EXECUTE_NOT, /* or does not */
	CONFIRMED,   /* the caller has the answer */
	REFUSED,     /* or none */
	DOUBT,       /* a part may be other than it should */
	NO_DOUBT,    /* it is as it should, and what was cached until then is open */
	REST,        /* hardware has confirmed that it walks nothing; it keeps nothing */
	WAKE,
	REUSE, /* something new is made present, if the authority lets it */
	RELEASE,
	STEPS
};

#define CPUS_MAX  4
#define STEPS_MAX 4

struct cpu {
	const enum step *steps;
	unsigned int count;
};

struct machine {
	struct iommu_unit_state unit;
	uint32_t seen[CPUS_MAX]; /* what BEGIN read */
	unsigned int next[CPUS_MAX];
	/* What hardware keeps: of each CPU's change, and whether that was reported. */
	bool stale[CPUS_MAX], reported[CPUS_MAX];
	bool doubtful; /* hardware may cache anything anew */
	bool is_withheld;
	unsigned int releases;
};

static unsigned int interleavings, reuses, waits;
static struct machine *running; /* whose withheld object is looked at */
static struct iommu_unit_set set;
static struct iommu_withheld withheld;

static bool is_reachable(const struct iommu_withheld *object)
{
	(void)object;
	return iommu_unit_is_suspect(&running->unit);
}

/* Does hardware keep anything of which a caller was told that it failed? */
static bool keeps_anything(const struct machine *machine)
{
	unsigned int i;

	if (!machine->unit.active)
		return false;
	for (i = 0; i < CPUS_MAX; i++)
		if (machine->stale[i] && machine->reported[i])
			return true;
	return machine->doubtful;
}

static void release(struct iommu_withheld *object)
{
	(void)object;
	assert_false(keeps_anything(running));
	running->releases++;
}

static void forget_everything(struct machine *machine)
{
	memset(machine->stale, 0, sizeof(machine->stale));
}

static void run_step(struct machine *machine, unsigned int cpu, enum step step)
{
	struct iommu_unit_state *unit = &machine->unit;

	switch (step) {
	case CHANGE:
		machine->stale[cpu] = unit->active;
		break;
	case FAIL:
		iommu_unit_note_failure(unit);
		machine->reported[cpu] = true;
		break;
	case BEGIN:
		machine->seen[cpu] = iommu_confirmation_begin(&unit->confirmation);
		break;
	case EXECUTE:
		forget_everything(machine);
		break;
	case CONFIRMED:
		iommu_confirmation_end(&unit->confirmation, machine->seen[cpu]);
		break;
	case REFUSED:
		iommu_unit_note_failure(unit);
		break;
	case DOUBT:
		iommu_unit_set_in_doubt(unit, true);
		machine->doubtful = true;
		break;
	case NO_DOUBT:
		iommu_unit_set_in_doubt(unit, false);
		machine->doubtful = false;
		machine->stale[cpu] = machine->reported[cpu] = unit->active;
		break;
	case REST:
		forget_everything(machine);
		iommu_unit_set_active(unit, false);
		break;
	case WAKE:
		iommu_unit_set_active(unit, true);
		break;
	case REUSE:
		if (!iommu_unit_is_suspect(unit)) {
			assert_false(keeps_anything(machine));
			reuses++;
		} else {
			waits++;
		}
		break;
	case RELEASE:
		if (!machine->is_withheld)
			break;
		iommu_unit_set_init(&set);
		set.tells_of_maps = true;
		iommu_list_insert(&set.withheld, &withheld.link);
		machine->releases = 0;
		iommu_release_confirmed(&set);
		machine->is_withheld = machine->releases == 0;
		assert_int_equal(iommu_list_is_empty(&set.withheld), machine->releases == 1);
		break;
	case EXECUTE_NOT:
	case STEPS:
	default:
		break;
	}
}

/* Nothing is closed on top of what hardware keeps. */
static void check(const struct machine *machine)
{
	if (keeps_anything(machine))
		assert_true(iommu_unit_is_suspect(&machine->unit));
}

/* An undisturbed invalidation closes everything that is not in doubt. */
static void check_end(struct machine *machine)
{
	static const enum step last[] = {BEGIN, EXECUTE, CONFIRMED};
	unsigned int i;

	for (i = 0; i < 3; i++)
		run_step(machine, 0, last[i]);
	assert_int_equal(iommu_unit_has_failed(&machine->unit), machine->unit.in_doubt != 0);
	interleavings++;
}

static void explore(const struct cpu *cpus, unsigned int count, const struct machine *before)
{
	bool is_end = true;
	unsigned int cpu;

	for (cpu = 0; cpu < count; cpu++) {
		struct machine machine = *before;

		if (machine.next[cpu] == cpus[cpu].count)
			continue;
		is_end = false;
		running = &machine;
		run_step(&machine, cpu, cpus[cpu].steps[machine.next[cpu]++]);
		check(&machine);
		explore(cpus, count, &machine);
	}
	if (is_end) {
		struct machine machine = *before;

		running = &machine;
		check_end(&machine);
	}
}

static void explore_all(const struct cpu *cpus, unsigned int count)
{
	const struct machine start = {
		.unit = {.set = &set, .active = true},
		.is_withheld = true,
	};

	explore(cpus, count, &start);
}

static const enum step failing_change[] = {CHANGE, FAIL};
static const enum step good_flush[] = {BEGIN, EXECUTE, CONFIRMED};
static const enum step lost_flush[] = {BEGIN, EXECUTE_NOT, REFUSED};
static const enum step late_refusal[] = {BEGIN, EXECUTE, REFUSED};
static const enum step user[] = {REUSE, RELEASE, REUSE};
static const enum step doubt[] = {DOUBT, REUSE, NO_DOUBT, REUSE};
static const enum step power[] = {REST, REUSE, WAKE};

#define CPU(script)                                                                                \
	{                                                                                          \
		script, sizeof(script) / sizeof((script)[0])                                       \
	}

static void every_interleaving_of_the_confirmation(void **state)
{
	static const struct cpu flushes[] = {CPU(good_flush), CPU(lost_flush), CPU(late_refusal)};
	unsigned int i, k;

	(void)state;
	withheld.is_reachable = is_reachable;
	withheld.release = release;
	interleavings = reuses = waits = 0;
	/* Two changes that fail, an invalidation that ends so or so, and a user of the unit. */
	for (i = 0; i < 3; i++) {
		const struct cpu cpus[] = {CPU(failing_change), CPU(failing_change), flushes[i],
					   CPU(user)};

		explore_all(cpus, 4);
	}
	/* A change, two invalidations side by side, a user. */
	for (i = 0; i < 3; i++)
		for (k = 0; k < 3; k++) {
			const struct cpu cpus[] = {CPU(failing_change), flushes[i], flushes[k],
						   CPU(user)};

			explore_all(cpus, 4);
		}
	/* The same with a part in doubt, and with a unit that goes off and on. */
	for (i = 0; i < 3; i++) {
		const struct cpu doubts[] = {CPU(doubt), CPU(failing_change), flushes[i],
					     CPU(user)};
		const struct cpu powers[] = {CPU(power), CPU(failing_change), flushes[i],
					     CPU(user)};

		explore_all(doubts, 4);
		explore_all(powers, 4);
	}
	/* Each multinomial of what was asked for, and either answer many times. */
	assert_int_equal(interleavings, 3 * 25200 + 9 * 92400 + 3 * (277200 + 92400));
	assert_true(reuses > 100000 && waits > 100000);
}

/* The count of failures wraps: what is open is a difference. */
static void failures_wrap(void **state)
{
	struct iommu_confirmation confirmation = {UINT32_MAX - 1, UINT32_MAX - 1};
	uint32_t seen;

	(void)state;
	assert_false(iommu_confirmation_is_open(&confirmation));
	iommu_confirmation_fail(&confirmation);
	iommu_confirmation_fail(&confirmation);
	seen = iommu_confirmation_begin(&confirmation);
	iommu_confirmation_fail(&confirmation);
	iommu_confirmation_end(&confirmation, seen);
	assert_true(iommu_confirmation_is_open(&confirmation));
	/* One that began earlier and ends later takes nothing back. */
	iommu_confirmation_end(&confirmation, UINT32_MAX);
	assert_true(iommu_confirmation_is_open(&confirmation));
	iommu_confirmation_end(&confirmation, iommu_confirmation_begin(&confirmation));
	assert_false(iommu_confirmation_is_open(&confirmation));
}

/* --- Ids -------------------------------------------------------------------------------------- */

#define IDS 192U

/* What each id is, as the test knows it. */
enum id_state {
	FREE_ID,
	TAKEN_ID,
	WITHHELD_ID
};

static void note_ids(enum id_state *ids, uint32_t first, unsigned int order, enum id_state is)
{
	uint32_t i;

	for (i = 0; i < 1U << order; i++)
		ids[first + i] = is;
}

static void ids_against_a_list(void **state)
{
	struct iommu_unit_set units = {.tells_of_maps = false};
	struct iommu_unit_state unit = {.set = &units, .active = true};
	uint64_t taken[IDS / 64 + 1] = {0}, kept[IDS / 64 + 1] = {0};
	struct iommu_ids ids = {.count = IDS, .taken = taken, .withheld = kept};
	enum id_state known[IDS] = {FREE_ID};
	unsigned int blocks[IDS]; /* order of the block that begins there */
	uint32_t owner[IDS];      /* the block that an id is in */
	uint64_t random = 88172645463325252ULL;
	unsigned int i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		const unsigned int order = (unsigned int)(random >> 40) % (IOMMU_ID_ORDER_MAX + 1);
		uint32_t id = (uint32_t)(random >> 20) % IDS;
		uint32_t k;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		switch (random % 8) {
		case 0:
			iommu_unit_note_failure(&unit);
			break;
		case 1:
			iommu_confirmation_end(&unit.confirmation,
					       iommu_confirmation_begin(&unit.confirmation));
			break;
		case 2:
		case 3:
		case 4:
			id = iommu_ids_alloc(&ids, &unit, 0, order);
			if (!iommu_unit_has_failed(&unit))
				for (k = 0; k < IDS; k++)
					if (known[k] == WITHHELD_ID)
						known[k] = FREE_ID;
			if (id == IDS) {
				/* Then there is none. */
				for (id = 0; id + (1U << order) <= IDS; id += 1U << order) {
					for (k = 0; k < 1U << order && known[id + k] == FREE_ID;
					     k++)
						;
					assert_true(k < 1U << order);
				}
				break;
			}
			assert_true(id % (1U << order) == 0 && id + (1U << order) <= IDS);
			for (k = 0; k < 1U << order; k++)
				assert_int_equal(known[id + k], FREE_ID);
			note_ids(known, id, order, TAKEN_ID);
			blocks[id] = order;
			for (k = 0; k < 1U << order; k++)
				owner[id + k] = id;
			break;
		default:
			/* The block that the id is in goes, confirmed or not. */
			if (known[id] != TAKEN_ID)
				break;
			k = owner[id];
			if (random % 8 == 5) {
				iommu_unit_note_failure(&unit);
				iommu_ids_withhold(&ids, k, blocks[k]);
				note_ids(known, k, blocks[k], WITHHELD_ID);
			} else {
				iommu_ids_free(&ids, k, blocks[k]);
				note_ids(known, k, blocks[k], FREE_ID);
			}
			break;
		}
	}
}

/* A word that is full is passed as a whole, but not into the middle of a block of two. */
static void the_largest_blocks_are_aligned(void **state)
{
	struct iommu_unit_state unit = {.active = true};
	uint64_t taken[4] = {UINT64_MAX, 0, 0, 0}, kept[4] = {0};
	struct iommu_ids ids = {.count = 256, .taken = taken, .withheld = kept};

	(void)state;
	assert_int_equal(iommu_ids_alloc(&ids, &unit, 0, 7), 128);
	assert_int_equal(iommu_ids_alloc(&ids, &unit, 0, 7), 256);
	assert_int_equal(iommu_ids_alloc(&ids, &unit, 0, 6), 64);
	assert_int_equal(iommu_ids_alloc(&ids, &unit, 0, 0), 256);
}

/* --- Ranges ----------------------------------------------------------------------------------- */

/* Do the blocks cover the range, each aligned, none larger than allowed? */
static void check_blocks(iommu_iova_t start, iommu_iova_t last, unsigned int largest)
{
	struct iommu_block blocks[IOMMU_BLOCKS_MAX];
	const unsigned int count = iommu_range_blocks(start, last, largest, blocks);
	uint64_t covered = start >> IOMMU_PAGE_SHIFT;
	unsigned int i;

	assert_true(count <= IOMMU_BLOCKS_MAX);
	for (i = 0; i < count; i++) {
		const uint64_t page = blocks[i].address >> IOMMU_PAGE_SHIFT;

		assert_true(blocks[i].order <= largest);
		assert_int_equal(blocks[i].address % (IOMMU_PAGE_SIZE << blocks[i].order), 0);
		assert_true(page <= covered);
		covered = page + (1ULL << blocks[i].order);
	}
	if (count != 0)
		assert_true(covered > last >> IOMMU_PAGE_SHIFT);
	else
		/* One block would not do, and a few exact ones neither. */
		assert_true(iommu_range_order(start, last) > largest);
	/* What fits exactly is not enlarged. */
	if (count == 1 && blocks[0].address == start &&
	    last - start == (IOMMU_PAGE_SIZE << blocks[0].order) - 1)
		assert_int_equal(iommu_range_order(start, last), blocks[0].order);
}

static void ranges_are_covered(void **state)
{
	uint64_t first, pages;
	unsigned int largest;

	(void)state;
	for (largest = 0; largest < 8; largest++)
		for (first = 0; first < 70; first++)
			for (pages = 1; pages < 140; pages++) {
				check_blocks(first << IOMMU_PAGE_SHIFT,
					     ((first + pages) << IOMMU_PAGE_SHIFT) - 1, largest);
				/* Up to the last byte of the space. */
				check_blocks(-(first + pages) << IOMMU_PAGE_SHIFT,
					     UINT64_MAX - (first << IOMMU_PAGE_SHIFT), largest);
			}
	check_blocks(0, UINT64_MAX, 51);
	check_blocks(0, UINT64_MAX, 9);
	assert_int_equal(iommu_range_order(0, UINT64_MAX), 52);
	assert_int_equal(iommu_range_order(0x5000, 0x5fff), 0);
	assert_int_equal(iommu_range_order(0x7000, 0x8fff), 4);
}

/* --- Devices that do not answer --------------------------------------------------------------- */

static unsigned int submissions, blocked;

/* A device that is asked does not answer; hardware does not say which. */
static int submit_to_silent(struct iommu_unit_state *unit, const struct iommu_batch *batch,
			    uint16_t *silent)
{
	unsigned int i;

	(void)unit;
	submissions++;
	*silent = 0;
	for (i = 0; i < batch->count; i++) {
		if (batch->device[i] == NULL)
			continue;
		assert_false(iommu_device_tlb_is_lost(batch->device[i]));
		return IOMMU_EAGAIN;
	}
	return 0;
}

static struct iommu_command block_device(struct iommu_unit_state *unit,
					 struct iommu_device_tlb *device)
{
	(void)unit;
	blocked += !device->lost;
	device->lost = true;
	return (struct iommu_command){.low = 1};
}

/* Configurations: 1000 and above. */
static unsigned int cache_of(struct iommu_command command)
{
	return command.low < 1000;
}

static void a_lost_device_is_not_asked_again(void **state)
{
	static const struct iommu_batch_ops ops = {cache_of, submit_to_silent, block_device};
	struct iommu_unit_set units = {.tells_of_maps = false};
	struct iommu_unit_state unit = {.set = &units, .active = true};
	struct iommu_device_tlb devices[3] = {{.source_id = 1}, {.source_id = 2}, {.source_id = 3}};
	struct iommu_batch batch = {.count = 0};
	unsigned int i;

	(void)state;
	submissions = blocked = 0;
	for (i = 0; i < IOMMU_BATCH_MAX; i++)
		iommu_batch_add(&batch, (struct iommu_command){.low = 2}, &devices[i % 3]);
	assert_int_equal(iommu_batch_execute(&unit, &ops, &batch, false), 0);
	assert_int_equal(blocked, 3);
	/* All at once; each device until it is known; and once for each command behind that. */
	assert_true(submissions <= 1 + 3 * 4 + IOMMU_BATCH_MAX);
	assert_false(iommu_unit_has_failed(&unit));
}

/* --- Devices that are asked one by one -------------------------------------------------------- */

#define ASKED_MAX 160

/* What hardware was given, one entry for each command, and how it behaves. */
static struct {
	struct {
		uint64_t command;
		const struct iommu_device_tlb *device;
		unsigned int batch; /* of which submission */
		bool waits;         /* for all before it of its submission */
	} asked[ASKED_MAX];
	unsigned int count, batches;
	uint16_t silent;         /* the source id that does not answer; 0: none */
	bool names;              /* hardware says which */
	uint16_t stranger;       /* said in place of any that is asked */
	uint64_t refused;        /* the command that fails, unless a device before it is silent */
	bool recovers;           /* what was silent answers when it is asked again */
	unsigned int blocked[4]; /* by source id */
} unit_hardware;

static int answer(const struct iommu_batch *batch, unsigned int at, uint16_t *silent)
{
	const struct iommu_device_tlb *device = batch->device[at];

	if (batch->commands[at].low == unit_hardware.refused)
		return IOMMU_EIO;
	if (device == NULL || device->source_id != unit_hardware.silent)
		return 0;
	*silent = unit_hardware.names ? device->source_id : unit_hardware.stranger;
	if (unit_hardware.recovers)
		unit_hardware.silent = 0;
	return IOMMU_EAGAIN;
}

static int submit_and_note(struct iommu_unit_state *unit, const struct iommu_batch *batch,
			   uint16_t *silent)
{
	unsigned int i;
	int status = 0;

	(void)unit;
	*silent = 0;
	for (i = 0; i < batch->count; i++) {
		assert_true(unit_hardware.count < ASKED_MAX);
		unit_hardware.asked[unit_hardware.count].command = batch->commands[i].low;
		unit_hardware.asked[unit_hardware.count].device = batch->device[i];
		unit_hardware.asked[unit_hardware.count].waits = (batch->barriers >> i & 1) != 0;
		unit_hardware.asked[unit_hardware.count++].batch = unit_hardware.batches;
		if (status == 0)
			status = answer(batch, i, silent);
	}
	unit_hardware.batches++;
	return status;
}

#define FORGET 1000U

static struct iommu_command block_and_note(struct iommu_unit_state *unit,
					   struct iommu_device_tlb *device)
{
	(void)unit;
	unit_hardware.blocked[device->source_id] += !device->lost;
	device->lost = true;
	return (struct iommu_command){.low = FORGET + device->source_id};
}

static const struct iommu_batch_ops noting_ops = {cache_of, submit_and_note, block_and_note};

/* Two commands of no device, 1 and 3, and one for each of three devices: 11, 12, 13. */
static void mix(struct iommu_batch *batch, struct iommu_device_tlb *devices)
{
	batch->count = 0;
	iommu_batch_add(batch, (struct iommu_command){.low = 1}, NULL);
	iommu_batch_add(batch, (struct iommu_command){.low = 11}, &devices[0]);
	iommu_batch_add(batch, (struct iommu_command){.low = 12}, &devices[1]);
	iommu_batch_add(batch, (struct iommu_command){.low = 3}, NULL);
	iommu_batch_add(batch, (struct iommu_command){.low = 13}, &devices[2]);
}

/* Are these the commands of the submission, in this order? */
static void expect_batch(unsigned int number, const uint64_t *commands, unsigned int count)
{
	unsigned int i, found = 0;

	for (i = 0; i < unit_hardware.count; i++) {
		if (unit_hardware.asked[i].batch != number)
			continue;
		assert_true(found < count);
		assert_int_equal(unit_hardware.asked[i].command, commands[found]);
		assert_int_equal(unit_hardware.asked[i].device != NULL,
				 commands[found] > 10 && commands[found] < FORGET);
		found++;
	}
	assert_int_equal(found, count);
}

#define EXPECT_BATCH(number, ...)                                                                  \
	expect_batch(number, (const uint64_t[]){__VA_ARGS__},                                      \
		     sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* Hardware does not say which of three is silent: what is common first, then each for itself. */
static void devices_are_asked_apart(void **state)
{
	struct iommu_unit_set units = {.tells_of_maps = false};
	struct iommu_unit_state unit = {.set = &units, .active = true};
	struct iommu_device_tlb devices[3] = {{.source_id = 1}, {.source_id = 2}, {.source_id = 3}};
	struct iommu_batch batch;

	(void)state;
	memset(&unit_hardware, 0, sizeof(unit_hardware));
	unit_hardware.silent = 2;
	mix(&batch, devices);
	assert_int_equal(iommu_batch_execute(&unit, &noting_ops, &batch, false), 0);
	assert_int_equal(unit_hardware.batches, 8);
	EXPECT_BATCH(0, 1, 11, 12, 3, 13);
	EXPECT_BATCH(1, 1, 3);
	EXPECT_BATCH(2, 11);
	/* Three times it is asked alone, in vain; then its entries are forgotten instead. */
	EXPECT_BATCH(3, 12);
	EXPECT_BATCH(4, 12);
	EXPECT_BATCH(5, 12);
	EXPECT_BATCH(6, FORGET + 2);
	EXPECT_BATCH(7, 13);
	assert_false(devices[0].lost || devices[2].lost);
	assert_true(devices[1].lost);
	assert_int_equal(unit_hardware.blocked[2], 1);
	assert_false(iommu_unit_has_failed(&unit));
}

/* What fails for another reason than a silent device ends the call, and the unit is marked. */
static void asking_apart_ends_at_an_error(void **state)
{
	/* The command that is refused when hardware comes to it, and the submissions until then. */
	static const struct {
		uint64_t refused;
		unsigned int batches;
	} cases[] = {{3, 2}, {12, 4}, {13, 5}};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_unit_set units = {.tells_of_maps = false};
		struct iommu_unit_state unit = {.set = &units, .active = true};
		/* The first is silent in the batch of all, which hides the rest. */
		struct iommu_device_tlb devices[3] = {
			{.source_id = 1}, {.source_id = 2}, {.source_id = 3}};
		struct iommu_batch batch;

		memset(&unit_hardware, 0, sizeof(unit_hardware));
		unit_hardware.silent = 1;
		unit_hardware.recovers = true;
		unit_hardware.refused = cases[i].refused;
		mix(&batch, devices);
		assert_int_equal(iommu_batch_execute(&unit, &noting_ops, &batch, false), IOMMU_EIO);
		assert_int_equal(unit_hardware.batches, cases[i].batches);
		assert_false(devices[0].lost || devices[1].lost || devices[2].lost);
		assert_true(iommu_unit_has_failed(&unit));
	}
}

/* The command waits for all before it exactly where it is of another cache, but behind a device. */
static void caches_forget_one_after_the_other(void **state)
{
	/* 1000: a configuration; 1: a translation; 11: the device's. */
	static const struct {
		uint64_t commands[6];
		bool waits[6];
	} cases[] = {
		{{1000, 1000, 1, 2, 11, 11}, {false, false, true, false, true, false}},
		{{1, 1000, 1, 11, 1, 11}, {false, true, true, true, false, true}},
		{{11, 1000, 11, 1, 1, 1000}, {false, false, true, false, false, true}},
		{{1, 1, 1, 1, 1, 1}, {false}},
	};
	unsigned int i, at;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_unit_set units = {.tells_of_maps = false};
		struct iommu_unit_state unit = {.set = &units, .active = true};
		struct iommu_device_tlb device = {.source_id = 1};
		struct iommu_batch batch = {.count = 0};

		memset(&unit_hardware, 0, sizeof(unit_hardware));
		for (at = 0; at < 6; at++)
			iommu_batch_add(&batch,
					(struct iommu_command){.low = cases[i].commands[at]},
					cases[i].commands[at] == 11 ? &device : NULL);
		assert_int_equal(iommu_batch_execute(&unit, &noting_ops, &batch, false), 0);
		assert_int_equal(unit_hardware.count, 6);
		for (at = 0; at < 6; at++)
			assert_int_equal(unit_hardware.asked[at].waits, cases[i].waits[at]);
	}
}

/* Where a device is given up, its configuration is forgotten before translations are. */
static void entries_of_the_silent_are_forgotten_first(void **state)
{
	struct iommu_unit_set units = {.tells_of_maps = false};
	struct iommu_unit_state unit = {.set = &units, .active = true};
	struct iommu_device_tlb device = {.source_id = 1};
	struct iommu_batch batch = {.count = 0};

	(void)state;
	memset(&unit_hardware, 0, sizeof(unit_hardware));
	unit_hardware.silent = 1;
	unit_hardware.names = true;
	iommu_batch_add(&batch, (struct iommu_command){.low = 1}, NULL);
	iommu_batch_add(&batch, (struct iommu_command){.low = 11}, &device);
	assert_int_equal(iommu_batch_execute(&unit, &noting_ops, &batch, false), 0);
	assert_int_equal(unit_hardware.batches, 2);
	EXPECT_BATCH(0, 1, 11);
	assert_true(unit_hardware.asked[1].waits);
	EXPECT_BATCH(1, FORGET + 1, 1);
	assert_false(unit_hardware.asked[2].waits);
	assert_true(unit_hardware.asked[3].waits);
}

/* A unit that is off walks nothing, and is not asked. */
static void a_unit_that_is_off_is_not_asked(void **state)
{
	struct iommu_unit_set units = {.tells_of_maps = false};
	struct iommu_unit_state unit = {.set = &units, .active = false};
	struct iommu_device_tlb devices[3] = {{.source_id = 1}, {.source_id = 2}, {.source_id = 3}};
	struct iommu_batch batch;

	(void)state;
	memset(&unit_hardware, 0, sizeof(unit_hardware));
	unit_hardware.silent = 2;
	mix(&batch, devices);
	assert_int_equal(iommu_batch_execute(&unit, &noting_ops, &batch, false), 0);
	assert_int_equal(unit_hardware.batches, 0);
	/* But what lives while it is off is asked, together and apart. */
	mix(&batch, devices);
	assert_int_equal(iommu_batch_execute(&unit, &noting_ops, &batch, true), 0);
	assert_int_equal(unit_hardware.batches, 8);
	assert_int_equal(unit_hardware.blocked[2], 1);
	assert_false(iommu_unit_has_failed(&unit));
}

/* Hardware says which device is silent: that one alone is blocked, and its entries go first. */
static void a_device_that_is_named_is_blocked(void **state)
{
	struct iommu_unit_set units = {.tells_of_maps = false};
	struct iommu_unit_state unit = {.set = &units, .active = true};
	struct iommu_device_tlb devices[3] = {{.source_id = 1}, {.source_id = 2}, {.source_id = 3}};
	struct iommu_batch batch;

	(void)state;
	memset(&unit_hardware, 0, sizeof(unit_hardware));
	unit_hardware.silent = 2;
	unit_hardware.names = true;
	mix(&batch, devices);
	assert_int_equal(iommu_batch_execute(&unit, &noting_ops, &batch, false), 0);
	assert_int_equal(unit_hardware.batches, 2);
	EXPECT_BATCH(0, 1, 11, 12, 3, 13);
	EXPECT_BATCH(1, FORGET + 2, 1, 11, 3, 13);
	assert_true(devices[1].lost);
	assert_false(devices[0].lost || devices[2].lost);
	assert_false(iommu_unit_has_failed(&unit));
}

/* Hardware that names a device which was never asked is not believed, and not asked for ever. */
static void a_stranger_is_not_blamed(void **state)
{
	struct iommu_unit_set units = {.tells_of_maps = false};
	struct iommu_unit_state unit = {.set = &units, .active = true};
	struct iommu_device_tlb devices[3] = {{.source_id = 1}, {.source_id = 2}, {.source_id = 3}};
	struct iommu_batch batch = {.count = 0};

	(void)state;
	memset(&unit_hardware, 0, sizeof(unit_hardware));
	unit_hardware.silent = 2;
	unit_hardware.stranger = 77;
	iommu_batch_add(&batch, (struct iommu_command){.low = 12}, &devices[1]);
	assert_int_equal(iommu_batch_execute(&unit, &noting_ops, &batch, false), IOMMU_ETIMEDOUT);
	assert_true(unit_hardware.batches > 3 && unit_hardware.batches <= 100);
	assert_false(devices[1].lost);
	assert_true(iommu_unit_has_failed(&unit));
}

/* --- Open parts, events ----------------------------------------------------------------------- */

static void parts_are_counted_once(void **state)
{
	struct test_platform test;
	struct iommu_open_parts open = {.count = 0};

	(void)state;
	test_platform_init(&test, 1 << 20, 0x100000);
	assert_int_equal(iommu_open_parts_create(&open, &test.platform, 100), 0);
	assert_false(iommu_open_parts_any(&open));
	iommu_open_parts_set(&open, 99, true);
	iommu_open_parts_set(&open, 99, true);
	iommu_open_parts_set(&open, 0, true);
	iommu_open_parts_set(&open, 99, false);
	assert_true(iommu_open_parts_any(&open));
	assert_int_equal(iommu_bitmap_next_set(&open.parts, 0, 100), 0);
	iommu_open_parts_set(&open, 0, false);
	iommu_open_parts_set(&open, 0, false);
	assert_false(iommu_open_parts_any(&open));
	iommu_open_parts_destroy(&open);
	test_platform_destroy(&test);
}

static void a_cpu_that_is_at_it_looks_again(void **state)
{
	struct iommu_event_gate gate = {0};

	(void)state;
	assert_true(iommu_event_gate_enter(&gate, true));
	assert_false(iommu_event_gate_enter(&gate, false));
	assert_true(iommu_event_gate_leave(&gate));
	assert_true(iommu_event_gate_enter(&gate, true));
	assert_false(iommu_event_gate_enter(&gate, true));
	assert_false(iommu_event_gate_enter(&gate, true));
	assert_false(iommu_event_gate_leave(&gate)); /* both came before this look */
	assert_true(iommu_event_gate_leave(&gate));
}

static int count_down(void *ctx, unsigned int number)
{
	int *left = ctx;

	(void)number;
	return --*left > 0 ? 1 : *left;
}

static void rounds_end(void **state)
{
	int left = IOMMU_EVENT_ROUNDS_MAX;

	(void)state;
	assert_int_equal(iommu_event_rounds(count_down, &left), 0);
	left = IOMMU_EVENT_ROUNDS_MAX + 1;
	assert_int_equal(iommu_event_rounds(count_down, &left), 1);
	left = 0;
	assert_int_equal(iommu_event_rounds(count_down, &left), -1);
}

/* --- What is withheld of a domain ------------------------------------------------------------- */

/* A range stays until an invalidation that covers all of it is confirmed, on whichever CPU. */
static void ranges_stay_until_all_is_confirmed(void **state)
{
	struct iommu_withheld_pages pages;
	struct iommu_pgtable none;
	struct iommu_gather gather;
	struct test_platform test;
	uint32_t first, second;

	(void)state;
	test_platform_init(&test, 1 << 16, 0);
	memset(&pages, 0, sizeof(pages));
	memset(&none, 0, sizeof(none));
	none.platform = &test.platform;
	iommu_gather_init(&pages.gather);
	gather = (struct iommu_gather){.start = 0x3000, .last = 0x3fff, .pgsize = 0x1000};
	iommu_withheld_pages_put(&pages, NULL, &none, &gather);
	assert_true(iommu_gather_is_empty(&gather));
	/* Two CPUs invalidate it, each with a range of its own; meanwhile another one fails. */
	gather = (struct iommu_gather){.start = 0x8000, .last = 0x8fff, .pgsize = 0x1000};
	first = iommu_withheld_pages_take(&pages, NULL, &none, &gather);
	assert_int_equal(gather.start, 0x3000);
	assert_int_equal(gather.last, 0x8fff);
	assert_true(iommu_withheld_pages_any(&pages));
	gather = (struct iommu_gather){
		.start = 0x1000, .last = 0x1fff, .pgsize = 0x1000, .tables_unlinked = true};
	iommu_withheld_pages_put(&pages, NULL, &none, &gather);
	iommu_withheld_pages_confirmed(&pages, &test.platform, first);
	assert_true(iommu_withheld_pages_any(&pages));
	iommu_gather_init(&gather);
	second = iommu_withheld_pages_take(&pages, NULL, &none, &gather);
	assert_int_equal(gather.start, 0x1000);
	assert_int_equal(gather.last, 0x3fff);
	assert_true(gather.tables_unlinked);
	iommu_withheld_pages_confirmed(&pages, &test.platform, second);
	assert_false(iommu_withheld_pages_any(&pages));
	iommu_gather_init(&gather);
	(void)iommu_withheld_pages_take(&pages, NULL, &none, &gather);
	assert_true(iommu_gather_is_empty(&gather));
	test_platform_destroy(&test);
}

/* --- Device ids ------------------------------------------------------------------------------- */

static const struct iommu_id_range some_ids[] = {
	{0x100, 0x1ff, 0x4000}, {0, 0xf, 0x100}, {0x200, 0x200, 7}, {0xfff0, 0xffff, 0xfff0}};

#define SOME_IDS (sizeof(some_ids) / sizeof(some_ids[0]))

/* Every id there is, with a search of the ranges that knows nothing of their order. */
static void device_ids_lead_there_and_back(void **state)
{
	static uint32_t there[1 << 16];
	static uint16_t back[1 << 16];
	struct iommu_id_range room[SOME_IDS];
	struct iommu_id_map map = {.ranges = room, .bits = 16};
	uint32_t id;
	size_t i;

	(void)state;
	for (id = 0; id < 1 << 16; id++) {
		assert_int_equal(iommu_id_map_id_of(&map, (uint16_t)id), id);
		there[id] = UINT32_MAX;
		back[id] = (uint16_t)id;
	}
	for (i = 0; i < SOME_IDS; i++) {
		const struct iommu_id_range *range = &some_ids[i];

		assert_int_equal(iommu_id_map_add(&map, range), IOMMU_ID_RANGE_FITS);
		for (id = range->first; id <= range->last; id++) {
			there[id] = range->device_id + (id - range->first);
			back[there[id]] = (uint16_t)id;
		}
	}
	for (id = 0; id < 1 << 16; id++) {
		assert_int_equal(iommu_id_map_id_of(&map, (uint16_t)id), there[id]);
		assert_int_equal(iommu_id_map_source_of(&map, id), back[id]);
	}
	assert_int_equal(iommu_id_map_source_of(&map, 0x10123), 0x123);
}

/* A range beside another fits; one with a first or a last id of it overlaps, on either side. */
static void ranges_of_device_ids_are_apart(void **state)
{
	static const struct {
		struct iommu_id_range range;
		enum iommu_id_range_fault expected;
	} cases[] = {
		{{0x10, 0x1f, 0x20}, IOMMU_ID_RANGE_FITS},
		{{0x30, 0x3f, 0x20}, IOMMU_ID_RANGE_FITS},
		{{0x10, 0x20, 0x40}, IOMMU_ID_RANGE_OVERLAPS},
		{{0x2f, 0x30, 0x40}, IOMMU_ID_RANGE_OVERLAPS},
		{{0x28, 0x28, 0x40}, IOMMU_ID_RANGE_OVERLAPS},
		{{0x80, 0x80, 0x0f}, IOMMU_ID_RANGE_FITS},
		{{0x80, 0x80, 0x10}, IOMMU_ID_RANGE_OVERLAPS},
		{{0x80, 0x80, 0x1f}, IOMMU_ID_RANGE_OVERLAPS},
		{{0x80, 0x80, 0x20}, IOMMU_ID_RANGE_FITS},
		{{0x80, 0x81, 0x0f}, IOMMU_ID_RANGE_OVERLAPS},
		{{0x80, 0xff, 0x380}, IOMMU_ID_RANGE_FITS},
		{{0x80, 0xff, 0x381}, IOMMU_ID_RANGE_IS_WRONG},
		{{0x81, 0x80, 0x40}, IOMMU_ID_RANGE_IS_WRONG},
		{{0x80, 0x80, UINT32_MAX}, IOMMU_ID_RANGE_IS_WRONG},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_id_range room[2] = {{0x20, 0x2f, 0x10}};
		struct iommu_id_map map = {.ranges = room, .count = 1, .bits = 10};

		assert_int_equal(iommu_id_map_add(&map, &cases[i].range), cases[i].expected);
		assert_int_equal(map.count, cases[i].expected == IOMMU_ID_RANGE_FITS ? 2 : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_ids_lead_there_and_back),
		cmocka_unit_test(ranges_of_device_ids_are_apart),
		cmocka_unit_test(every_interleaving_of_the_confirmation),
		cmocka_unit_test(ranges_stay_until_all_is_confirmed),
		cmocka_unit_test(failures_wrap),
		cmocka_unit_test(ids_against_a_list),
		cmocka_unit_test(the_largest_blocks_are_aligned),
		cmocka_unit_test(ranges_are_covered),
		cmocka_unit_test(a_lost_device_is_not_asked_again),
		cmocka_unit_test(caches_forget_one_after_the_other),
		cmocka_unit_test(entries_of_the_silent_are_forgotten_first),
		cmocka_unit_test(devices_are_asked_apart),
		cmocka_unit_test(asking_apart_ends_at_an_error),
		cmocka_unit_test(a_unit_that_is_off_is_not_asked),
		cmocka_unit_test(a_device_that_is_named_is_blocked),
		cmocka_unit_test(a_stranger_is_not_blamed),
		cmocka_unit_test(parts_are_counted_once),
		cmocka_unit_test(a_cpu_that_is_at_it_looks_again),
		cmocka_unit_test(rounds_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
