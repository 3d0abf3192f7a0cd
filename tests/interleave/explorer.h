/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Explore the interleavings of a few threads: all of them up to a number of preemptions. A thread
 * is preempted where it takes a step at a place that another thread accesses, too, and one of them
 * stores to, or at a page that another one frees. (A step elsewhere changes nothing that another
 * thread sees: to preempt before it is to preempt before the next one that does.) Where a thread
 * waits the next one goes on, in their order, and to choose another counts as a preemption, too;
 * where one begins or ends all choices are free. Places are learned as they are accessed, and the
 * exploration begins anew until there are no more. Bounds are tried from none on: what is found has
 * the fewest preemptions.
 *
 * An execution is repeated from the start for each interleaving: `setup` makes everything anew, at
 * the same addresses, and what a scenario does depends on nothing else.
 */
#ifndef INTERLEAVE_EXPLORER_H
#define INTERLEAVE_EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libiommu/platform.h>

#define EXPLORE_THREADS 4

struct exploration {
	const char *name;
	unsigned int threads, preemptions;
	void (*setup)(void);
	void (*run)(unsigned int thread);
	/* What must hold before each step; NULL: nothing. */
	void (*look)(void);
	/* What must hold at the end. */
	void (*check)(void);
	/* All wait: true: that was changed. NULL: it must not happen. */
	bool (*all_wait)(void);
};

/*
 * Explore all of them; arguments: the name of one, and a schedule to repeat, as a violation has
 * printed it. INTERLEAVE_DEEPER is a number of further preemptions. 0, or 1: a violation.
 */
int explore_all(int argc, char **argv, const struct exploration *explorations, unsigned int count);
/* One, with so many further preemptions; returns how many executions there are. */
uint64_t explore(const struct exploration *exploration, unsigned int deeper);

/* --- For scenarios ---------------------------------------------------------------------------- */

/* The thread that runs, if threads do: not in setup and check. */
bool explore_is_running(void);
unsigned int explore_thread(void);
/* One of so many, each of them once in each interleaving. */
unsigned int explore_choose(unsigned int options);
/* Until another thread has changed something; the platform's relax. */
void explore_wait(void);
/* It must not be: says so, how to repeat it, and exits with 1. */
_Noreturn void explore_violation(const char *what, const char *file, int line);

#define MUST(condition) ((condition) ? (void)0 : explore_violation(#condition, __FILE__, __LINE__))

/* --- The host --------------------------------------------------------------------------------- */

/*
 * Pages of each thread, which are not used again once they are freed: a step at a freed page is a
 * violation. cpu_id is the thread; there is no clock unless the scenario sets one.
 */
extern struct iommu_platform explore_host;

/* Pages that are in use; the one that the setup has made last; is it, or was it freed? */
unsigned int explore_pages(void);
void *explore_last_page(void);
bool explore_is_page(const void *page);

#endif
