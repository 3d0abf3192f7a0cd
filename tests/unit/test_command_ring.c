/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of commands over hardware that reads one command at a time: what a device's silence
 * takes back, and what it does not. A second submission is made while the first one waits, by the
 * host's relax: one thread, and the same order each time.
 */
#include <libiommu/status.h>
#include <string.h>

#include "base/byteorder.h"
#include "test.h"
#include "test_platform.h"
#include "unit/command_ring.h"

#define DEVICE_COMMAND 7ULL /* low: asks a device; others ask none */
#define WAIT           9ULL

static struct {
	struct test_platform test;
	struct iommu_command_ring ring;
	void *commands, *words;
	unsigned int head;     /* of hardware: the slot that it reads next */
	unsigned int may_read; /* so many commands before it reads no more; the script raises it */
	unsigned int executed, waits;
	bool is_stopped; /* a device did not answer: hardware reads nothing until it is told to */
	unsigned int steps;
	void (*relax)(void);
	bool is_inside;
	int inner_status;
	uint16_t inner_silent;
} t;

static struct iommu_command command_at(unsigned int slot)
{
	const struct iommu_command *commands = t.commands;

	return (struct iommu_command){.low = iommu_le64(commands[slot].low),
				      .high = iommu_le64(commands[slot].high)};
}

static struct iommu_command completion(iommu_paddr_t word, uint32_t sequence)
{
	return (struct iommu_command){.low = WAIT | (uint64_t)sequence << 32, .high = word};
}

static bool asks_device(struct iommu_command command)
{
	return command.low == DEVICE_COMMAND;
}

static void read_commands(void)
{
	while (!t.is_stopped && t.may_read != 0 && t.head != t.ring.tail) {
		const struct iommu_command command = command_at(t.head);

		t.may_read--;
		t.head = (t.head + 1) % IOMMU_RING_SLOTS;
		t.executed++;
		if ((command.low & UINT32_MAX) == WAIT) {
			uint32_t *word = iommu_phys_to_virt(&t.test.platform, command.high);

			*word = iommu_le32((uint32_t)(command.low >> 32));
			t.waits++;
		} else if (asks_device(command)) {
			t.is_stopped = true;
		}
	}
}

static void ring_doorbell(struct iommu_command_ring *ring)
{
	(void)ring;
	read_commands();
}

static bool has_error(struct iommu_command_ring *ring)
{
	(void)ring;
	return t.is_stopped;
}

static bool handle_errors(struct iommu_command_ring *ring)
{
	if (!t.is_stopped)
		return true;
	iommu_ring_completions_dropped(ring, t.head, 42);
	t.is_stopped = ring->hangs;
	read_commands();
	return true;
}

static const struct iommu_ring_ops ops = {
	.completion = completion,
	.asks_device = asks_device,
	.ring_doorbell = ring_doorbell,
	.has_error = has_error,
	.handle_errors = handle_errors,
};

static void relax(void *ctx)
{
	(void)ctx;
	if (t.relax != NULL && !t.is_inside)
		t.relax();
}

static void begin(void)
{
	memset(&t, 0, sizeof(t));
	test_platform_init(&t.test, 1 << 20, 0);
	t.test.platform.relax = relax;
	t.ring.ops = &ops;
	t.ring.platform = &t.test.platform;
	t.ring.timeout_ns = 1000000;
	t.ring.device_timeout_ns = 20 * t.ring.timeout_ns;
	t.ring.command_words = 1;
	t.commands = t.test.platform.alloc_pages(t.test.platform.ctx, iommu_ring_order(&t.ring),
						 IOMMU_NODE_ANY, 0);
	t.words = t.test.platform.alloc_pages(t.test.platform.ctx, 0, IOMMU_NODE_ANY, 0);
	iommu_ring_init(&t.ring, t.commands, t.words);
	iommu_ring_set_running(&t.ring, true);
}

static void end(void)
{
	t.test.platform.free_pages(t.test.platform.ctx, t.commands, iommu_ring_order(&t.ring));
	t.test.platform.free_pages(t.test.platform.ctx, t.words, 0);
	test_platform_destroy(&t.test);
}

static int submit(uint64_t low, uint16_t *silent)
{
	const struct iommu_command command = {.low = low};

	return iommu_ring_submit(&t.ring, &command, 1, 0, silent);
}

/* While the first waits behind its device: another, of which hardware reads nothing yet. */
static void submit_behind(void)
{
	t.is_inside = true;
	t.may_read = 0;
	t.relax = NULL;
	t.inner_status = submit(1, &t.inner_silent);
	t.is_inside = false;
}

/* Not read yet when the device was found silent: it is executed later, and that is its answer. */
static void what_is_not_read_is_not_lost(void **state)
{
	uint16_t silent = 0;

	(void)state;
	begin();
	/* The device's command and the completion behind it. */
	t.may_read = 2;
	t.relax = submit_behind;
	/* What the inner one waits for comes once its look at errors has told hardware to go on. */
	assert_int_equal(submit(DEVICE_COMMAND, &silent), IOMMU_EAGAIN);
	assert_int_equal(silent, 42);
	/* It was not executed, nor said to be; the ring hangs, and no slot was used again. */
	assert_int_equal(t.inner_status, IOMMU_ETIMEDOUT);
	assert_int_equal(t.executed, 1);
	assert_int_not_equal(t.ring.head, t.ring.tail);
	/* It is read in the end; and then all is well. */
	t.may_read = UINT32_MAX;
	assert_int_equal(submit(1, &silent), 0);
	assert_int_equal(t.head, t.ring.tail);
	end();
}

/* The completion of a device's command that is read later answers for nothing. */
static void a_completion_read_later_answers_for_nothing(void **state)
{
	const struct iommu_command command = {.low = DEVICE_COMMAND};
	unsigned int i;
	uint16_t silent = 0;

	(void)state;
	begin();
	/* More often than the ring has slots: of each, hardware reads the completion later. */
	for (i = 0; i < 3 * IOMMU_RING_SLOTS; i++) {
		t.may_read = 1; /* not the completion */
		assert_int_equal(iommu_ring_submit(&t.ring, &command, 1, 0, &silent), IOMMU_EAGAIN);
		/* What was submitted and not read is never overtaken. */
		assert_true((t.ring.tail - t.head) % IOMMU_RING_SLOTS <=
			    (t.ring.tail - t.ring.head) % IOMMU_RING_SLOTS);
		t.may_read = UINT32_MAX;
		read_commands();
		assert_int_equal(t.waits, i + 1);
		assert_int_equal(t.head, t.ring.tail);
	}
	/* Nor are its slots taken back meanwhile, whatever its submitter knows by then. */
	t.may_read = 1;
	assert_int_equal(submit(DEVICE_COMMAND, &silent), IOMMU_EAGAIN);
	t.ring.hangs = true;
	i = t.ring.tail;
	assert_int_equal(submit(1, &silent), IOMMU_ETIMEDOUT);
	assert_int_equal(t.ring.tail, i);
	t.may_read = UINT32_MAX;
	assert_int_equal(submit(1, &silent), 0);
	/* A head that lies is no head. */
	t.may_read = 1;
	t.head = (t.ring.tail + 100) % IOMMU_RING_SLOTS;
	t.is_stopped = true;
	iommu_ring_check_errors(&t.ring);
	assert_false(iommu_ring_answers(&t.ring));
	end();
}

/* Hardware stops at the barrier behind the first command, until another one is in its place. */
static void refuse_the_barrier(void)
{
	uintptr_t state;

	t.is_inside = true;
	t.relax = NULL;
	t.may_read = 1;
	read_commands();
	state = iommu_spin_lock(&t.test.platform, &t.ring.lock);
	assert_true(iommu_ring_command_refused(&t.ring, t.head));
	iommu_spin_unlock(&t.test.platform, &t.ring.lock, state);
	t.may_read = UINT32_MAX;
	read_commands();
	t.is_inside = false;
}

/* A barrier is a completion that no submitter waits for, in a slot of its own. */
static void barriers_stand_between_commands(void **state)
{
	struct iommu_command commands[IOMMU_RING_BATCH_MAX];
	uint32_t barriers = 0;
	unsigned int i, round;
	uint16_t silent;

	(void)state;
	begin();
	t.may_read = UINT32_MAX;
	for (i = 0; i < IOMMU_RING_BATCH_MAX; i++)
		commands[i] = (struct iommu_command){.low = 100 + i};
	for (round = 0; round < 1000; round++) {
		const uint32_t before = t.ring.tail;
		unsigned int slot = before, waits = 1;

		barriers = barriers * 1664525 + 1013904223;
		t.waits = t.executed = 0;
		assert_int_equal(iommu_ring_submit(&t.ring, commands, IOMMU_RING_BATCH_MAX,
						   barriers & 0xffff, &silent),
				 0);
		for (i = 0; i < IOMMU_RING_BATCH_MAX; i++) {
			if ((barriers >> i & 1) != 0 && i < 16) {
				assert_int_equal(command_at(slot++ % IOMMU_RING_SLOTS).low &
							 UINT32_MAX,
						 WAIT);
				waits++;
			}
			assert_int_equal(command_at(slot++ % IOMMU_RING_SLOTS).low, 100 + i);
		}
		assert_int_equal(command_at(slot++ % IOMMU_RING_SLOTS).low & UINT32_MAX, WAIT);
		assert_int_equal(t.ring.tail, slot % IOMMU_RING_SLOTS);
		assert_int_equal(t.waits, waits);
		assert_int_equal(t.executed, IOMMU_RING_BATCH_MAX + waits);
	}
	/* One that is refused is as any other command: its submitter is told. */
	t.may_read = 0;
	t.relax = refuse_the_barrier;
	assert_int_equal(iommu_ring_submit(&t.ring, commands, 2, 2, &silent), IOMMU_EIO);
	assert_int_equal(submit(1, &silent), 0);
	end();
}

/* A submission that was given up, and refused then, keeps its slots until hardware has read it. */
static void what_was_refused_late_keeps_its_slots(void **state)
{
	struct iommu_command commands[4];
	unsigned int i, tail;
	uintptr_t locked;
	uint16_t silent;

	(void)state;
	begin();
	for (i = 0; i < 4; i++)
		commands[i] = (struct iommu_command){.low = 100 + i};
	t.may_read = 0;
	assert_int_equal(iommu_ring_submit(&t.ring, commands, 4, 0, &silent), IOMMU_ETIMEDOUT);
	tail = t.ring.tail;
	locked = iommu_spin_lock(&t.test.platform, &t.ring.lock);
	assert_true(iommu_ring_command_refused(&t.ring, 1));
	iommu_spin_unlock(&t.test.platform, &t.ring.lock, locked);
	/* More often than the ring has slots. */
	for (i = 0; i < 2 * IOMMU_RING_SLOTS; i++)
		assert_int_equal(submit(1, &silent), IOMMU_ETIMEDOUT);
	assert_int_equal(t.ring.tail, tail);
	/* Hardware may refuse another one of it: the ring knows it. */
	locked = iommu_spin_lock(&t.test.platform, &t.ring.lock);
	assert_true(iommu_ring_command_refused(&t.ring, 2));
	t.ring.hangs = true;
	iommu_spin_unlock(&t.test.platform, &t.ring.lock, locked);
	t.may_read = UINT32_MAX;
	assert_int_equal(submit(1, &silent), 0);
	assert_int_equal(t.head, t.ring.tail);
	assert_int_equal(t.executed, 5 + 2);
	end();
}

/* What hardware says of a device while the ring hangs is heard by any look at its errors. */
static void errors_are_heard_while_it_hangs(void **state)
{
	uint16_t silent;

	(void)state;
	begin();
	t.may_read = 0;
	assert_int_equal(submit(DEVICE_COMMAND, &silent), IOMMU_ETIMEDOUT);
	assert_false(iommu_ring_answers(&t.ring));
	t.may_read = UINT32_MAX;
	read_commands();
	assert_true(t.is_stopped);
	iommu_ring_check_errors(&t.ring);
	assert_false(t.is_stopped);
	assert_true(iommu_ring_answers(&t.ring));
	assert_int_equal(t.ring.head, t.ring.tail);
	/* One that does not run is the control path's. */
	t.may_read = 0;
	assert_int_equal(submit(DEVICE_COMMAND, &silent), IOMMU_ETIMEDOUT);
	t.may_read = UINT32_MAX;
	read_commands();
	iommu_ring_set_running(&t.ring, false);
	iommu_ring_check_errors(&t.ring);
	assert_true(t.is_stopped);
	end();
}

#if IOMMU_CONFIG_ONE_PAGE
static bool make_plain(const void *ctx, struct iommu_command *command)
{
	(void)ctx;
	*command = (struct iommu_command){.low = 1};
	return true;
}

/* A command alone is for a ring that answers: behind what hangs it would wait each time. */
static void one_command_is_left_to_those_that_look(void **state)
{
	uint16_t silent;

	(void)state;
	begin();
	t.may_read = 100;
	assert_int_equal(iommu_ring_submit_made(&t.ring, make_plain, NULL, &silent), 0);
	assert_int_equal(t.executed, 2);
	iommu_ring_let_hang(&t.ring, true);
	assert_int_equal(iommu_ring_submit_made(&t.ring, make_plain, NULL, &silent), IOMMU_EAGAIN);
	assert_int_equal(t.executed, 2);
	/* Any other submission sees that hardware has come back. */
	assert_int_equal(submit(1, &silent), 0);
	assert_int_equal(iommu_ring_submit_made(&t.ring, make_plain, NULL, &silent), 0);
	assert_int_equal(t.executed, 6);
	iommu_ring_set_running(&t.ring, false);
	assert_int_equal(iommu_ring_submit_made(&t.ring, make_plain, NULL, &silent), IOMMU_EAGAIN);
	end();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if IOMMU_CONFIG_ONE_PAGE
		cmocka_unit_test(one_command_is_left_to_those_that_look),
#endif
		cmocka_unit_test(barriers_stand_between_commands),
		cmocka_unit_test(errors_are_heard_while_it_hangs),
		cmocka_unit_test(what_was_refused_late_keeps_its_slots),
		cmocka_unit_test(what_is_not_read_is_not_lost),
		cmocka_unit_test(a_completion_read_later_answers_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
