/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of commands (src/unit/command_ring.c): CPUs submit side by side at the end of the ring,
 * where slots of earlier submissions are taken back, while hardware, a thread of its own, executes.
 * It may fall silent until a submitter has given up, and it may refuse a command. A submission that
 * returns 0 was executed, each command once, and no command that was not submitted ever is.
 */
#include <string.h>

#include <libiommu/status.h>

#include "explorer.h"
#include "unit/command_ring.h"

#define COMMANDS 8U
#define EARLIER  ((IOMMU_RING_SLOTS - 4) / 2) /* submissions of one command before */
#define NOTHING  COMMANDS                     /* the command of these */
#define REFUSED  (COMMANDS - 1)
#define STORE    (1ULL << 32) /* a completion: its number in the lower half, and the address */

static struct iommu_command_ring ring;
static bool is_silent, has_error;
static unsigned int tail, head, executed[COMMANDS + 1];
static unsigned int cpus, cpus_done, given_up;
static unsigned int polls;
static uint64_t time_ns;

/* --- Hardware --------------------------------------------------------------------------------- */

static struct iommu_command completion(iommu_paddr_t address, uint32_t number)
{
	return (struct iommu_command){.low = STORE | number, .high = address};
}

/* One command; false: it is refused. */
static bool execute(struct iommu_command command)
{
	if ((command.low & STORE) != 0) {
		uint32_t *word = iommu_phys_to_virt(&explore_host, command.high);

		__atomic_store_n(word, (uint32_t)command.low, __ATOMIC_SEQ_CST);
		return true;
	}
	MUST(command.low != 0 && command.low <= NOTHING);
	if (command.low == REFUSED)
		return false;
	__atomic_add_fetch(&executed[command.low], 1, __ATOMIC_SEQ_CST);
	return true;
}

static bool is_at_rest(void)
{
	return head == __atomic_load_n(&tail, __ATOMIC_SEQ_CST) ||
	       __atomic_load_n(&has_error, __ATOMIC_SEQ_CST);
}

static void execute_next(void)
{
	if (execute(ring.commands[head]))
		head = (head + 1) % IOMMU_RING_SLOTS;
	else
		__atomic_store_n(&has_error, true, __ATOMIC_SEQ_CST);
}

static void hardware(void)
{
	while (__atomic_load_n(&cpus_done, __ATOMIC_SEQ_CST) != cpus || !is_at_rest()) {
		if (is_at_rest() || __atomic_load_n(&is_silent, __ATOMIC_SEQ_CST))
			explore_wait();
		else
			execute_next();
	}
}

static void ring_doorbell(struct iommu_command_ring *of)
{
	__atomic_store_n(&tail, of->tail, __ATOMIC_SEQ_CST);
	while (!explore_is_running() && !is_at_rest())
		execute_next();
}

static bool asks_device(struct iommu_command command)
{
	(void)command;
	return false;
}

static bool reports_error(struct iommu_command_ring *of)
{
	(void)of;
	return __atomic_load_n(&has_error, __ATOMIC_SEQ_CST);
}

static bool handle_errors(struct iommu_command_ring *of)
{
	if (!has_error)
		return true;
	if (!iommu_ring_command_refused(of, head))
		return false;
	__atomic_store_n(&has_error, false, __ATOMIC_SEQ_CST);
	return true;
}

static const struct iommu_ring_ops ops = {
	.completion = completion,
	.asks_device = asks_device,
	.ring_doorbell = ring_doorbell,
	.has_error = reports_error,
	.handle_errors = handle_errors,
};

/* --- Time ------------------------------------------------------------------------------------- */

static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return time_ns;
}

/* All submitters that wait give up. */
static bool time_passes(void)
{
	time_ns += 1000;
	return given_up < 8;
}

/* They look again, until the error is looked for, too. */
static bool polls_go_on(void)
{
	return polls++ < 200;
}

/* --- Submitters ------------------------------------------------------------------------------- */

static int submit(unsigned int first, unsigned int count)
{
	struct iommu_command commands[2] = {{.low = first}, {.low = first + 1}};
	uint16_t silent;
	unsigned int i;
	int status;

	status = iommu_ring_submit(&ring, commands, count, 0, &silent);
	for (i = first; i < first + count && i != NOTHING; i++)
		MUST(__atomic_load_n(&executed[i], __ATOMIC_SEQ_CST) <= 1 &&
		     (status != 0 || executed[i] == 1));
	if (status == IOMMU_ETIMEDOUT) {
		__atomic_add_fetch(&given_up, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&is_silent, false, __ATOMIC_SEQ_CST);
	}
	return status;
}

/* The way of one command, made under the lock; declined, it was not submitted. */
static bool make(const void *ctx, struct iommu_command *command)
{
	*command = (struct iommu_command){.low = *(const unsigned int *)ctx};
	return true;
}

static void submit_made(unsigned int number)
{
	uint16_t silent;
	const int status = iommu_ring_submit_made(&ring, make, &number, &silent);

	MUST(status == 0 || status == IOMMU_EAGAIN);
	MUST(__atomic_load_n(&executed[number], __ATOMIC_SEQ_CST) == (status == 0));
}

static void setup_with(unsigned int earlier)
{
	unsigned int i;

	memset(&ring, 0, sizeof(ring));
	memset(executed, 0, sizeof(executed));
	explore_host.now_ns = now_ns;
	is_silent = has_error = false;
	tail = head = cpus_done = given_up = 0;
	cpus = 2;
	polls = 0;
	time_ns = 0;
	ring.command_words = 1;
	ring.ops = &ops;
	ring.platform = &explore_host;
	ring.timeout_ns = ring.device_timeout_ns = 1000;
	/* The number of a submission passes 0 while threads run. */
	ring.sequence = UINT32_MAX - earlier - 1;
	iommu_ring_init(&ring, explore_host.alloc_pages(NULL, 0, IOMMU_NODE_ANY, 0),
			explore_host.alloc_pages(NULL, 0, IOMMU_NODE_ANY, 0));
	iommu_ring_set_running(&ring, true);
	for (i = 0; i < earlier; i++)
		MUST(submit(NOTHING, 1) == 0);
	MUST(ring.head == 0 && ring.tail == 2 * earlier);
}

static void setup(void)
{
	setup_with(EARLIER);
}

/* What comes after a restart takes the slots of what was lost. */
static void setup_empty(void)
{
	setup_with(0);
	is_silent = true;
}

static void setup_silent(void)
{
	setup();
	is_silent = true;
}

static void run_two(unsigned int thread)
{
	if (thread == 2) {
		hardware();
		return;
	}
	if (thread == 0) {
		MUST(submit(1, 2) == 0);
	} else {
		MUST(submit(3, 1) == 0);
		MUST(submit(4, 1) == 0);
	}
	__atomic_add_fetch(&cpus_done, 1, __ATOMIC_SEQ_CST);
}

static void run_made(unsigned int thread)
{
	if (thread == 2) {
		hardware();
		return;
	}
	submit_made(thread + 1);
	submit_made(thread + 3);
	__atomic_add_fetch(&cpus_done, 1, __ATOMIC_SEQ_CST);
}

/* A restart while CPUs wait: what was submitted before is lost, and no answer is made of it. */
static void run_restarted(unsigned int thread)
{
	if (thread == 2) {
		iommu_ring_set_running(&ring, false);
		__atomic_store_n(&tail, 0, __ATOMIC_SEQ_CST);
		head = 0;
		iommu_ring_restart(&ring);
		iommu_ring_set_running(&ring, true);
		__atomic_store_n(&is_silent, false, __ATOMIC_SEQ_CST);
		hardware();
		return;
	}
	(void)submit(thread + 1, 1);
	__atomic_add_fetch(&cpus_done, 1, __ATOMIC_SEQ_CST);
}

static void run_silent(unsigned int thread)
{
	if (thread == 2) {
		hardware();
		return;
	}
	(void)submit(thread == 0 ? 1 : 3, 2);
	if (thread == 1)
		(void)submit(5, 1);
	__atomic_add_fetch(&cpus_done, 1, __ATOMIC_SEQ_CST);
}

/* One command is refused, and the CPU that finds the error need not be its submitter. */
static void run_refused(unsigned int thread)
{
	if (thread == 2) {
		hardware();
		return;
	}
	if (thread == 0) {
		MUST(submit(REFUSED - 1, 2) == IOMMU_EIO);
	} else {
		MUST(submit(3, 1) == 0);
		MUST(submit(4, 1) == 0);
	}
	__atomic_add_fetch(&cpus_done, 1, __ATOMIC_SEQ_CST);
}

/* What is at rest again takes as many as ever. */
static void check(void)
{
	unsigned int i;

	is_silent = false;
	MUST(submit(NOTHING, 1) == 0);
	MUST(!ring.hangs && executed[REFUSED] == 0);
	for (i = 0; i < EARLIER; i++)
		MUST(submit(NOTHING, 1) == 0);
}

static const struct exploration explorations[] = {
	{"two", 3, 2, setup, run_two, NULL, check, NULL},
	{"a silent one", 3, 2, setup_silent, run_silent, NULL, check, time_passes},
	{"one command each", 3, 2, setup, run_made, NULL, check, NULL},
	{"a restart", 3, 2, setup_empty, run_restarted, NULL, check, time_passes},
	{"a refused one", 3, 1, setup, run_refused, NULL, check, polls_go_on},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations,
			   sizeof(explorations) / sizeof(explorations[0]));
}
