/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work of two CPUs in one domain, for scripts/instructions, which has every load and store of it
 * from valgrind, and counts the cache lines that one CPU writes and the other touches.
 *
 *	scale_lines WORKLOAD TIMES      a workload of dma_work.h
 *
 * The CPUs are two threads, of which one runs at a time. Stores to the words of MARKS say where the
 * trace is: an operation of CPU 0 begins, of CPU 1, or one has ended. Both CPUs are warm before the
 * first mark.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dma_work.h"
#include "pages.h"

#define MARKS ((void *)0x510000000000)
#define WARM  300

static struct dma_machine machine;
static volatile uint64_t *marks;
static sem_t turn[DMA_WORK_CPUS];
static unsigned long times;

static void work_on(unsigned int cpu, bool marked)
{
	if (marked)
		marks[cpu] = 1;
	dma_work_once(&machine.work[cpu]);
	if (marked)
		marks[DMA_WORK_CPUS] = 1;
}

/* In turns, once they are warm: each operation finds what the other CPU's has left. */
static void *thread(void *number)
{
	const unsigned int cpu = *(unsigned int *)number;
	const unsigned int other = 1 - cpu;
	unsigned long i;

	bench_cpu = cpu;
	for (i = 0; i < WARM + times; i++) {
		sem_wait(&turn[cpu]);
		work_on(cpu, i >= WARM);
		sem_post(&turn[other]);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static unsigned int numbers[DMA_WORK_CPUS] = {0, 1};
	pthread_t threads[DMA_WORK_CPUS];
	unsigned int cpu;

	times = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	marks = mmap(MARKS, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (times == 0 || marks == MAP_FAILED)
		return EXIT_FAILURE;
	dma_machine_create(&machine, argv[1], DMA_WORK_CPUS);
	for (cpu = 0; cpu < DMA_WORK_CPUS; cpu++)
		sem_init(&turn[cpu], 0, cpu == 0 ? 1 : 0);
	for (cpu = 0; cpu < DMA_WORK_CPUS; cpu++)
		if (pthread_create(&threads[cpu], NULL, thread, &numbers[cpu]) != 0)
			return EXIT_FAILURE;
	for (cpu = 0; cpu < DMA_WORK_CPUS; cpu++)
		pthread_join(threads[cpu], NULL);
	dma_machine_destroy(&machine);
	return EXIT_SUCCESS;
}
