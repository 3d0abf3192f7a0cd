/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The explorer itself: as many interleavings as there are, each once. The controls are of the
 * explorer, and of threads whose defect needs just so many preemptions.
 */
#include "explorer.h"

#define CHOICES 3U

static unsigned int shared, own[EXPLORE_THREADS], chosen[CHOICES];
static unsigned int steps_of_each;
static uint32_t lock;

static void setup(void)
{
	shared = 0;
	lock = 0;
}

static void three_steps(unsigned int thread)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		/* Steps that no other thread sees multiply nothing. */
		__atomic_add_fetch(&own[thread], 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&shared, 1, __ATOMIC_SEQ_CST);
	}
}

static void two_steps(unsigned int thread)
{
	(void)thread;
	__atomic_add_fetch(&shared, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&shared, 1, __ATOMIC_SEQ_CST);
}

static void check(void)
{
	MUST(shared == steps_of_each);
}

/* Threads that wait for each other end, and what is guarded is whole. */
static void take_turns(unsigned int thread)
{
	(void)thread;
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE) != 0)
		explore_wait();
	__atomic_store_n(&shared, __atomic_load_n(&shared, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

static void choose(unsigned int thread)
{
	(void)thread;
	chosen[explore_choose(CHOICES)]++;
}

static void nothing(void)
{
}

static const struct exploration two_all = {"two by three", 2,    6,     setup,
					   three_steps,    NULL, check, NULL};
static const struct exploration two_one = {
	"two by three, one preemption", 2, 1, setup, three_steps, NULL, check, NULL};
static const struct exploration three_all = {"three by two", 3,    6,     setup,
					     two_steps,      NULL, check, NULL};
static const struct exploration turns = {"turns", 3, 4, setup, take_turns, NULL, check, NULL};
static const struct exploration choices = {"choices", 1, 0, setup, choose, NULL, nothing, NULL};

static void expect(uint64_t found, uint64_t expected)
{
	MUST(found == expected);
}

int main(void)
{
	steps_of_each = 6;
	expect(explore(&two_all, 0), 20); /* 6! / (3! 3!) */
	expect(explore(&two_one, 0), 6); /* two without; two of each at either step of the second */
	expect(explore(&three_all, 0), 90);
	steps_of_each = 3;
	MUST(explore(&turns, 0) > 6);
	expect(explore(&choices, 0), CHOICES);
	MUST(chosen[0] == 1 && chosen[1] == 1 && chosen[2] == 1);
	return 0;
}
