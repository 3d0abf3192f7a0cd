/* SPDX-License-Identifier: BSD-2-Clause */
/* The search, by depth first, and the coroutines. */
#include "explorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "host.h"
#include "step.h"

#define STACK       (128U << 10)
#define DEPTH_MAX   20000U
#define STEPS_MAX   100000U
#define PLACES      (1U << 14)
#define LOOKS_MAX   64U /* if there are more, any change wakes it */
#define CHOICE_FLAG 0x80000000U

/* --- Threads ---------------------------------------------------------------------------------- */

struct thread {
	ucontext_t context;
	bool has_ended, waits;
	uintptr_t last_page; /* see learn */
	/* What it has looked at since it waited last, and has another thread changed it since? */
	const volatile void *looked_at[LOOKS_MAX];
	unsigned int looks;
	bool has_news;
};

static const struct exploration *exploring;
static struct thread threads[EXPLORE_THREADS];
static _Alignas(64) unsigned char stacks[EXPLORE_THREADS][STACK];
static ucontext_t scheduler;
static unsigned int current;
static bool is_running; /* between setup and check, and not in a look */
static bool is_fresh;   /* it has taken no step that others see since it was chosen */

/* --- Places ----------------------------------------------------------------------------------- */

static struct place {
	const volatile void *address;
	uint8_t loads, stores; /* by which threads */
	bool is_contended;
} places[PLACES];
static unsigned int place_count, contended_count;
static bool has_learned;

static struct place *place_at(const volatile void *address)
{
	size_t i = ((uintptr_t)address * 0x9e3779b97f4a7c15U) >> 50;

	while (places[i % PLACES].address != NULL && places[i % PLACES].address != address)
		i++;
	return &places[i % PLACES];
}

static bool is_contended(const struct place *place)
{
	const unsigned int any = place->loads | place->stores;

	return place->stores != 0 && (any & (any - 1)) != 0;
}

/*
 * Note an access; true: others access the place, too. To free its page is to access all of it; but
 * of accesses to one page, with no other between them that others see, the first is enough: if the
 * page is freed between two of them, it might as well be freed before.
 */
static bool learn(const volatile void *address, enum step_kind kind)
{
	struct place *place = place_at(address);
	const uintptr_t page = (uintptr_t)address / IOMMU_PAGE_SIZE;
	uintptr_t *last_page = &threads[current].last_page;

	if (place->address == NULL) {
		place->address = address;
		if (++place_count > PLACES / 2)
			explore_violation("too many places", __FILE__, __LINE__);
	}
	if ((kind & STEP_LOAD) != 0)
		place->loads |= (uint8_t)(1U << current);
	if ((kind & STEP_STORE) != 0)
		place->stores |= (uint8_t)(1U << current);
	if (!place->is_contended && is_contended(place)) {
		place->is_contended = true;
		contended_count++;
		has_learned = true;
	}
	if (place->is_contended) {
		*last_page = 0;
		return true;
	}
	if ((host_freers(address, &has_learned) & ~(1U << current)) == 0 || page == *last_page)
		return false;
	*last_page = page;
	return true;
}

/* --- Decisions -------------------------------------------------------------------------------- */

/* Where there was more than one way, in the order of the execution. */
static struct decision {
	unsigned int taken, options;
} decisions[DEPTH_MAX];
static unsigned int decision_count, decision_at;
static unsigned int bound, preemptions;

/* What was done: a thread and its steps, or a choice; to print it and to repeat it. */
static struct turn {
	uint32_t thread; /* or CHOICE_FLAG | what was chosen */
	uint32_t steps;
} turns[STEPS_MAX], *repeated;
static unsigned int turn_count, repeated_count, repeated_at;
static uint64_t executions, steps;
static unsigned int execution_steps;

static unsigned int decide(unsigned int options)
{
	struct decision *decision = &decisions[decision_at];

	if (options == 1)
		return 0;
	if (decision_at == DEPTH_MAX)
		explore_violation("too many decisions", __FILE__, __LINE__);
	if (decision_at++ == decision_count) {
		*decision = (struct decision){0, options};
		decision_count++;
	}
	if (decision->options != options)
		explore_violation("an execution is not repeatable", __FILE__, __LINE__);
	return decision->taken;
}

/* The next execution; false: there is none. */
static bool next_execution(void)
{
	while (decision_count != 0 &&
	       decisions[decision_count - 1].taken + 1 == decisions[decision_count - 1].options)
		decision_count--;
	if (decision_count == 0)
		return false;
	decisions[decision_count - 1].taken++;
	return true;
}

static void begin_turn(uint32_t thread)
{
	if (turn_count == STEPS_MAX)
		explore_violation("too many turns", __FILE__, __LINE__);
	turns[turn_count++] = (struct turn){thread, 0};
}

/* --- Scheduling ------------------------------------------------------------------------------- */

static bool can_run(unsigned int thread)
{
	return !threads[thread].has_ended && !threads[thread].waits;
}

/* The others that can run, the next one first. */
static unsigned int others(unsigned int found[EXPLORE_THREADS])
{
	unsigned int count = 0;
	unsigned int i;

	for (i = 1; i < exploring->threads; i++)
		if (can_run((current + i) % exploring->threads))
			found[count++] = (current + i) % exploring->threads;
	return count;
}

static bool has_looked_at(const struct thread *thread, const volatile void *place)
{
	unsigned int i;

	for (i = 0; i < thread->looks && i < LOOKS_MAX; i++)
		if (thread->looked_at[i] == place)
			return true;
	return thread->looks > LOOKS_MAX;
}

/* A place has another value; NULL: a thread has ended. */
static void tell_others(const volatile void *place)
{
	unsigned int i;

	for (i = 0; i < exploring->threads; i++)
		if (i != current && (place == NULL || has_looked_at(&threads[i], place))) {
			threads[i].waits = false;
			threads[i].has_news = true;
		}
}

static void note_look(const volatile void *place)
{
	struct thread *thread = &threads[current];

	if (!has_looked_at(thread, place))
		thread->looked_at[thread->looks++ % LOOKS_MAX] = place;
}

static void go_on_with(unsigned int thread)
{
	const unsigned int before = current;

	if (thread == before)
		return;
	current = thread;
	is_fresh = true;
	begin_turn(thread);
	swapcontext(&threads[before].context, &threads[thread].context);
}

/* Of what is repeated: the next turn is another thread's, which comes at this moment. */
static uint32_t next_repeated(bool at_once)
{
	const struct turn *now = &repeated[repeated_at];

	if (repeated_at + 1 == repeated_count || (now[1].thread & CHOICE_FLAG) != 0 ||
	    (!at_once && now->steps != turns[turn_count - 1].steps))
		return current;
	repeated_at++;
	return now[1].thread;
}

/* Before a step at a place that others access: perhaps one of them comes first. */
static void may_be_preempted(void)
{
	unsigned int found[EXPLORE_THREADS];
	unsigned int taken;

	if (repeated != NULL) {
		go_on_with(next_repeated(false));
		return;
	}
	/* Just chosen: another could have been chosen instead. */
	if (preemptions == bound || is_fresh)
		return;
	taken = decide(1 + others(found));
	if (taken == 0)
		return;
	preemptions++;
	go_on_with(found[taken - 1]);
}

/*
 * The one that runs cannot: another goes on. False: none can. While it waits the others have their
 * turns, and to leave one out counts as a preemption; where it has ended any may be next.
 */
static bool go_on(void)
{
	unsigned int found[EXPLORE_THREADS];
	unsigned int count = others(found);
	unsigned int next;
	unsigned int taken = 0;

	if (count == 0)
		return false;
	if (repeated == NULL && (threads[current].has_ended || preemptions != bound)) {
		taken = decide(count);
		if (!threads[current].has_ended)
			preemptions += taken != 0;
	}
	next = repeated != NULL ? next_repeated(true) : found[taken];
	go_on_with(next);
	return true;
}

/* What has changed while it looked may be what it waits for: then it looks once more first. */
void explore_wait(void)
{
	struct thread *thread = &threads[current];
	unsigned int i;

	if (!is_running)
		return;
	thread->waits = !thread->has_news;
	while (thread->waits && !go_on()) {
		/* Nothing would ever change. */
		if (exploring->all_wait == NULL || !exploring->all_wait())
			explore_violation("all threads wait", __FILE__, __LINE__);
		for (i = 0; i < exploring->threads; i++)
			threads[i].waits = false;
	}
	thread->has_news = false;
	thread->looks = 0;
}

void step(const volatile void *place, enum step_kind kind, const char *file, int line)
{
	if (!is_running)
		return;
	if (exploring->look != NULL) {
		is_running = false;
		exploring->look();
		is_running = true;
	}
	if (learn(place, kind) || repeated != NULL) {
		may_be_preempted();
		is_fresh = false;
	}
	turns[turn_count - 1].steps++;
	steps++;
	if (++execution_steps > STEPS_MAX)
		explore_violation("no end", __FILE__, __LINE__);
	if (repeated != NULL)
		printf("  %u %s %s:%d\n", current,
		       kind == STEP_LOAD    ? "load  "
		       : kind == STEP_STORE ? "store "
					    : "change",
		       file, line);
	host_check_step(place, file, line);
	if ((kind & STEP_LOAD) != 0)
		note_look(place);
}

/* No other thread sees a stack. A loop that waits looks at what is atomic. */
void step_plain(const volatile void *place, enum step_kind kind, const void *code)
{
	char address[32];

	if (!is_running || (uintptr_t)place - (uintptr_t)stacks < sizeof(stacks))
		return;
	snprintf(address, sizeof(address), "%p", code);
	step(place, kind, address, 0);
}

void step_done(const volatile void *place, int has_changed)
{
	if (is_running && has_changed)
		tell_others(place);
}

bool explore_is_running(void)
{
	return is_running;
}

unsigned int explore_thread(void)
{
	return current;
}

unsigned int explore_choose(unsigned int options)
{
	unsigned int taken;

	if (repeated == NULL) {
		taken = decide(options);
	} else {
		if (repeated_at + 2 >= repeated_count)
			explore_violation("the schedule ends here", __FILE__, __LINE__);
		taken = repeated[repeated_at + 1].thread & ~CHOICE_FLAG;
		repeated_at += 2;
	}
	begin_turn(CHOICE_FLAG | taken);
	begin_turn(current);
	return taken;
}

/* --- Executions ------------------------------------------------------------------------------- */

static void run_thread(void)
{
	exploring->run(current);
	threads[current].has_ended = true;
	tell_others(NULL);
	if (!go_on())
		setcontext(&scheduler);
}

static bool all_have_ended(void)
{
	unsigned int i;

	for (i = 0; i < exploring->threads; i++)
		if (!threads[i].has_ended)
			return false;
	return true;
}

static void execute(void)
{
	unsigned int i;

	host_reset();
	exploring->setup();
	decision_at = turn_count = preemptions = execution_steps = repeated_at = 0;
	for (i = 0; i < exploring->threads; i++) {
		threads[i].has_ended = threads[i].waits = threads[i].has_news = false;
		threads[i].looks = 0;
		threads[i].last_page = 0;
		getcontext(&threads[i].context);
		threads[i].context.uc_stack.ss_sp = stacks[i];
		threads[i].context.uc_stack.ss_size = STACK;
		threads[i].context.uc_link = NULL;
		makecontext(&threads[i].context, run_thread, 0);
	}
	current = repeated == NULL ? decide(exploring->threads) : repeated[0].thread;
	begin_turn(current);
	is_fresh = is_running = true;
	swapcontext(&scheduler, &threads[current].context);
	is_running = false;
	if (!all_have_ended())
		explore_violation("a thread has not ended", __FILE__, __LINE__);
	exploring->check();
	executions++;
}

/* "0:12 ?1 0:3 1:4": turns of so many steps, and choices. */
static void parse(const char *schedule)
{
	static struct turn parsed[STEPS_MAX];
	const char *at = schedule;
	char *end;

	repeated = parsed;
	while (*at != '\0' && repeated_count < STEPS_MAX) {
		struct turn turn = {0};

		if (*at == '?') {
			turn.thread = CHOICE_FLAG | (uint32_t)strtoul(at + 1, &end, 10);
		} else {
			turn.thread = (uint32_t)strtoul(at, &end, 10) % EXPLORE_THREADS;
			if (*end == ':')
				turn.steps = (uint32_t)strtoul(end + 1, &end, 10);
		}
		parsed[repeated_count++] = turn;
		at = *end != '\0' ? end + 1 : end;
	}
}

uint64_t explore(const struct exploration *exploration, unsigned int deeper)
{
	const unsigned int last = exploration->preemptions + deeper;

	exploring = exploration;
	memset(places, 0, sizeof(places));
	host_forget_freers();
	place_count = contended_count = 0;
	for (bound = 0; bound <= last; bound++) {
		do {
			has_learned = false;
			decision_count = 0;
			executions = steps = 0;
			do
				execute();
			while (!has_learned && next_execution());
		} while (has_learned);
	}
	printf("%s: %llu executions of %u threads, all with up to %u preemptions at %u places, "
	       "%llu steps\n",
	       exploration->name, (unsigned long long)executions, exploration->threads, last,
	       contended_count, (unsigned long long)steps);
	fflush(stdout);
	return executions;
}

_Noreturn void explore_violation(const char *what, const char *file, int line)
{
	unsigned int i;

	is_running = false;
	printf("%s: VIOLATION: %s (%s:%d)\nrepeat: '%s' '", exploring->name, what, file, line,
	       exploring->name);
	for (i = 0; i < turn_count; i++)
		if ((turns[i].thread & CHOICE_FLAG) != 0)
			printf("%s?%u", i == 0 ? "" : " ", turns[i].thread & ~CHOICE_FLAG);
		else
			printf("%s%u:%u", i == 0 ? "" : " ", turns[i].thread, turns[i].steps);
	printf("'\n");
	fflush(stdout);
	exit(1);
}

int explore_all(int argc, char **argv, const struct exploration *explorations, unsigned int count)
{
	const char *deeper = getenv("INTERLEAVE_DEEPER");
	unsigned int found = 0;
	unsigned int i;

	if (argc > 2)
		parse(argv[2]);
	for (i = 0; i < count; i++) {
		if (argc > 1 && strcmp(argv[1], explorations[i].name) != 0)
			continue;
		found++;
		exploring = &explorations[i];
		if (repeated != NULL)
			execute();
		else
			(void)explore(&explorations[i],
				      deeper != NULL ? (unsigned int)atoi(deeper) : 0);
	}
	if (found == 0)
		fprintf(stderr, "there is no exploration %s\n", argv[1]);
	return found == 0 ? 2 : 0;
}
