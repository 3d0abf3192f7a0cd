/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate of events (src/unit/event.c): one CPU at a time reads the log, and what came while it
 * did is read, too, although only the CPU that was turned away has got the message of it.
 */
#include "unit/event.h"

#include "explorer.h"

static struct iommu_event_gate gate;
static unsigned int logged, read, inside;

static void setup(void)
{
	gate = (struct iommu_event_gate){0};
	logged = read = inside = 0;
}

/* Hardware logs something and sends a message, and this CPU gets it. */
static void run(unsigned int thread)
{
	(void)thread;
	__atomic_add_fetch(&logged, 1, __ATOMIC_SEQ_CST);
	if (!iommu_event_gate_enter(&gate, true))
		return;
	do {
		MUST(__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) == 1);
		__atomic_store_n(&read, __atomic_load_n(&logged, __ATOMIC_SEQ_CST),
				 __ATOMIC_SEQ_CST);
		MUST(__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST) == 0);
	} while (!iommu_event_gate_leave(&gate));
}

static void check(void)
{
	MUST(read == logged);
	MUST(gate.busy == 0);
}

static const struct exploration explorations[] = {
	{"two", 2, 6, setup, run, NULL, check, NULL},
	{"three", 3, 3, setup, run, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 2);
}
