/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IOVA caches of hosts with many CPUs, simulated: the library's own code, with a host that says
 * which CPU an operation runs on. Operations follow each other on one thread, so that the result is
 * the same each time: how many find what they need in the CPU's own cache ("hit"), how many go to
 * the depot, and how many to the tree; the memory that space and caches take; and the granules that
 * caches hold at the end, which nothing else can have. Counting begins when caches are warm.
 *
 *	scale_caches                64 and 256 CPUs, each pattern below; fails beyond its bounds
 *	scale_caches CPUS           each pattern on hosts of 1, 2, 4, … CPUS; nothing fails
 *	scale_caches CPUS FILE      a trace: for each operation a line, "CPU + ORDER", or
 *	                            "CPU - N", which frees what the N-th "+" (from 0) has taken
 *	scale_caches CPUS PATTERN   prints the pattern as a trace
 *
 * Patterns, of 2^order granules, three quarters of them single ones:
 *	own      each CPU has 64 live ranges: it frees its oldest, and allocates another
 *	crossed  what a CPU allocates is freed by one half of all further on, as where one
 *	         sends and another completes
 *	funnel   one CPU of eight frees what all eight allocate
 *	burst    each CPU in turn allocates 2,000 and frees them
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommu_hosted.h>
#include <libiommu/iova.h>

#define LIVE      64
#define BURST     2000
#define MOST_CPUS 4096

struct operation {
	unsigned int cpu;
	bool allocates;
	size_t value; /* the order, or which allocation is freed */
};

struct trace {
	struct operation *operations;
	size_t count, room, allocations;
	size_t warm; /* so many operations come before what is counted */
};

static void fail(const char *why)
{
	fprintf(stderr, "scale_caches: %s\n", why);
	exit(EXIT_FAILURE);
}

/* --- Traces ----------------------------------------------------------------------------------- */

static size_t add(struct trace *trace, unsigned int cpu, bool allocates, size_t value)
{
	if (trace->count == trace->room) {
		trace->room = trace->room == 0 ? 4096 : 2 * trace->room;
		trace->operations =
			realloc(trace->operations, trace->room * sizeof(*trace->operations));
		if (trace->operations == NULL)
			fail("no memory");
	}
	trace->operations[trace->count++] = (struct operation){cpu, allocates, value};
	return allocates ? trace->allocations++ : 0;
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static size_t any_order(uint64_t *random)
{
	static const unsigned char orders[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 4};

	return orders[next_random(random) >> 20 & 15];
}

typedef unsigned int (*freeing_cpu)(unsigned int cpu, unsigned int cpus);

static unsigned int same(unsigned int cpu, unsigned int cpus)
{
	(void)cpus;
	return cpu;
}

static unsigned int across(unsigned int cpu, unsigned int cpus)
{
	return (cpu + cpus / 2) % cpus;
}

static unsigned int first_of_eight(unsigned int cpu, unsigned int cpus)
{
	(void)cpus;
	return cpu / 8 * 8;
}

/*
 * Rings of live ranges: on average 2,000 exchanges of each CPU, and 1,000 more, which are counted.
 */
static void make_rings(struct trace *trace, unsigned int cpus, freeing_cpu frees)
{
	size_t *live = calloc((size_t)cpus * LIVE, sizeof(*live));
	size_t *at = calloc(cpus, sizeof(*at)), i;
	uint64_t random = 88172645463325252;

	if (live == NULL || at == NULL)
		fail("no memory");
	for (i = 0; i < (size_t)cpus * LIVE; i++)
		live[i] = add(trace, (unsigned int)(i % cpus), true, any_order(&random));
	for (i = 0; i < (size_t)cpus * 3000; i++) {
		const unsigned int cpu = (unsigned int)((next_random(&random) >> 16) % cpus);
		size_t *slot = &live[at[cpu] * cpus + cpu];

		if (i == (size_t)cpus * 2000)
			trace->warm = trace->count;
		add(trace, frees(cpu, cpus), false, *slot);
		*slot = add(trace, cpu, true, any_order(&random));
		at[cpu] = (at[cpu] + 1) % LIVE;
	}
	free(live);
	free(at);
}

/* The second burst of each CPU is counted. */
static void make_bursts(struct trace *trace, unsigned int cpus)
{
	uint64_t random = 88172645463325252;
	unsigned int turn, i;

	for (turn = 0; turn < 2 * cpus; turn++) {
		const unsigned int cpu = turn % cpus;
		const size_t first = trace->allocations;

		if (turn == cpus)
			trace->warm = trace->count;
		for (i = 0; i < BURST; i++)
			add(trace, cpu, true, any_order(&random));
		for (i = 0; i < BURST; i++)
			add(trace, cpu, false, first + i);
	}
}

static const char *const patterns[] = {"own", "crossed", "funnel", "burst"};
#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static bool make_pattern(struct trace *trace, const char *pattern, unsigned int cpus)
{
	if (strcmp(pattern, "own") == 0)
		make_rings(trace, cpus, same);
	else if (strcmp(pattern, "crossed") == 0)
		make_rings(trace, cpus, across);
	else if (strcmp(pattern, "funnel") == 0)
		make_rings(trace, cpus, first_of_eight);
	else if (strcmp(pattern, "burst") == 0)
		make_bursts(trace, cpus);
	else
		return false;
	return true;
}

static void read_trace(struct trace *trace, const char *path, unsigned int cpus)
{
	FILE *file = fopen(path, "r");
	unsigned int cpu;
	size_t value;
	char what;

	if (file == NULL)
		fail("the trace cannot be read");
	while (fscanf(file, "%u %c %zu", &cpu, &what, &value) == 3) {
		if (cpu >= cpus || (what == '+' ? value > 51 : what != '-') ||
		    (what == '-' && value >= trace->allocations))
			fail("the trace has a line that makes no sense");
		add(trace, cpu, what == '+', value);
	}
	if (!feof(file))
		fail("the trace has a line that makes no sense");
	fclose(file);
}

static void print_trace(const struct trace *trace)
{
	size_t i;

	for (i = 0; i < trace->count; i++)
		printf("%u %c %zu\n", trace->operations[i].cpu,
		       trace->operations[i].allocates ? '+' : '-', trace->operations[i].value);
}

/* --- The host --------------------------------------------------------------------------------- */

static struct iommu_hosted hosted;
static unsigned int this_cpu, cpus_of_host, locks_taken;
static uint64_t pages, most_pages;

static unsigned int cpu_id(void *ctx)
{
	(void)ctx;
	return this_cpu;
}

static unsigned int cpu_count(void *ctx)
{
	(void)ctx;
	return cpus_of_host;
}

/* Called for each lock that is taken. */
static uintptr_t irq_save(void *ctx)
{
	(void)ctx;
	locks_taken++;
	return 0;
}

static void irq_restore(void *ctx, uintptr_t state)
{
	(void)ctx;
	(void)state;
}

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	void *block = hosted.platform.alloc_pages(hosted.platform.ctx, order, node, flags);

	(void)ctx;
	if (block != NULL)
		pages += 1ULL << order;
	if (pages > most_pages)
		most_pages = pages;
	return block;
}

static void free_pages(void *ctx, void *block, unsigned int order)
{
	(void)ctx;
	pages -= 1ULL << order;
	hosted.platform.free_pages(hosted.platform.ctx, block, order);
}

/* --- The simulation --------------------------------------------------------------------------- */

struct result {
	size_t hits, depot, tree;
	uint64_t kib, held;
};

struct simulation {
	struct iommu_platform platform;
	struct iommu_iova_space *space;
	struct iommu_iova_cache *cache;
	struct {
		uint64_t first;
		unsigned int order;
		bool live;
	} * allocated;
};

static void begin(struct simulation *s, unsigned int cpus, size_t allocations)
{
	struct iommu_iova_config config = {.granule = 4096, .first = 1, .last = (1ULL << 36) - 1};
	struct iommu_iova_cache_config cached = {
		.depot_magazines = 64,
		.flags = IOMMU_IOVA_CACHE_LINES,
	};

	cpus_of_host = cpus;
	pages = most_pages = 0;
	if (iommu_hosted_init(&hosted, NULL, 256 << 20, 0) != 0)
		fail("no memory");
	s->platform = (struct iommu_platform){
		.alloc_pages = alloc_pages,
		.free_pages = free_pages,
		.direct_map_offset = hosted.platform.direct_map_offset,
		.cpu_id = cpu_id,
		.cpu_count = cpu_count,
		.irq_save = irq_save,
		.irq_restore = irq_restore,
	};
	config.platform = &s->platform;
	s->allocated = calloc(allocations, sizeof(*s->allocated));
	if (s->allocated == NULL || iommu_iova_space_create(&config, &s->space) != 0)
		fail("no space");
	cached.space = s->space;
	if (iommu_iova_cache_create(&cached, &s->cache) != 0)
		fail("no caches");
}

static void end(struct simulation *s)
{
	iommu_iova_cache_destroy(s->cache);
	iommu_iova_space_destroy(s->space);
	if (pages != 0)
		fail("memory is left");
	iommu_hosted_destroy(&hosted);
	free(s->allocated);
}

static uint64_t ranges_in_tree(const struct simulation *s)
{
	struct iommu_iova_stats stats;

	iommu_iova_get_stats(s->space, &stats);
	return stats.ranges;
}

static void execute(struct simulation *s, const struct operation *o, size_t *allocations)
{
	if (o->allocates) {
		const size_t n = (*allocations)++;

		s->allocated[n].order = (unsigned int)o->value;
		s->allocated[n].live = true;
		if (iommu_iova_cache_alloc(s->cache, (unsigned int)o->value, UINT64_MAX, 0,
					   &s->allocated[n].first) != 0)
			fail("an allocation has failed");
	} else {
		if (!s->allocated[o->value].live)
			fail("the trace frees what is free");
		s->allocated[o->value].live = false;
		iommu_iova_cache_free(s->cache, s->allocated[o->value].first,
				      s->allocated[o->value].order);
	}
}

/* A CPU's own lock alone: a hit. More, and the tree is as before: the depot. */
static struct result simulate(const struct trace *trace, unsigned int cpus)
{
	struct simulation s;
	struct result result = {0};
	struct iommu_iova_stats stats;
	size_t i, allocations = 0;
	uint64_t ranges;

	begin(&s, cpus, trace->allocations);
	ranges = ranges_in_tree(&s);
	for (i = 0; i < trace->count; i++) {
		uint64_t now;

		this_cpu = trace->operations[i].cpu;
		locks_taken = 0;
		execute(&s, &trace->operations[i], &allocations);
		if (locks_taken <= 1) {
			result.hits += i >= trace->warm;
			continue;
		}
		now = ranges_in_tree(&s);
		result.depot += i >= trace->warm && now == ranges;
		result.tree += i >= trace->warm && now != ranges;
		ranges = now;
	}
	iommu_iova_get_stats(s.space, &stats);
	result.held = stats.taken;
	for (i = 0; i < trace->allocations; i++)
		if (s.allocated[i].live)
			result.held -= 1ULL << s.allocated[i].order;
	result.kib = most_pages * (IOMMU_PAGE_SIZE / 1024);
	end(&s);
	return result;
}

static double per_cent(size_t part, size_t whole)
{
	return 100.0 * (double)part / (double)whole;
}

static void print_result(const char *pattern, unsigned int cpus, const struct trace *trace,
			 const struct result *result)
{
	const size_t counted = trace->count - trace->warm;

	printf("%-10s %5u %11zu %9.3f %9.3f %9.3f %10llu %12llu\n", pattern, cpus, counted,
	       per_cent(result->hits, counted), per_cent(result->depot, counted),
	       per_cent(result->tree, counted), (unsigned long long)result->kib,
	       (unsigned long long)result->held);
}

/* --- What must hold --------------------------------------------------------------------------- */

static bool is_within_bounds(const char *pattern, unsigned int cpus, const struct trace *trace,
			     const struct result *result)
{
	/* In per cent of operations; KiB and granules for each CPU. */
	static const struct {
		const char *pattern;
		double hits_at_least, tree_at_most;
		uint64_t kib, held;
	} bounds[PATTERNS] = {
		{"own", 99.9, 0.1, 16, 200},
		{"crossed", 99.5, 0.5, 24, 450},
		{"funnel", 98.8, 0.4, 48, 2200},
		{"burst", 98.9, 0.4, 76, 3700},
	};
	const size_t counted = trace->count - trace->warm;
	size_t i;

	for (i = 0; strcmp(bounds[i].pattern, pattern) != 0; i++)
		;
	return per_cent(result->hits, counted) >= bounds[i].hits_at_least &&
	       per_cent(result->tree, counted) <= bounds[i].tree_at_most &&
	       result->kib <= bounds[i].kib * cpus && result->held <= bounds[i].held * cpus;
}

static void print_heading(void)
{
	printf("%-10s %5s %11s %9s %9s %9s %10s %12s\n", "pattern", "CPUs", "operations", "% hit",
	       "% depot", "% tree", "KiB, most", "granules held");
}

/* Whether the result is within its bounds. */
static bool simulate_pattern(const char *pattern, unsigned int cpus)
{
	struct trace trace = {0};
	struct result result;
	bool good;

	make_pattern(&trace, pattern, cpus);
	result = simulate(&trace, cpus);
	print_result(pattern, cpus, &trace, &result);
	good = is_within_bounds(pattern, cpus, &trace, &result);
	free(trace.operations);
	return good;
}

static int simulate_all(void)
{
	static const unsigned int hosts[] = {64, 256};
	size_t i, host;
	bool good = true;

	print_heading();
	for (host = 0; host < sizeof(hosts) / sizeof(hosts[0]); host++)
		for (i = 0; i < PATTERNS; i++)
			if (!simulate_pattern(patterns[i], hosts[host])) {
				printf("ERROR: beyond its bounds\n");
				good = false;
			}
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Bounds are those of many CPUs. */
static int simulate_growing_hosts(unsigned int most)
{
	unsigned int cpus;
	size_t i;

	print_heading();
	for (i = 0; i < PATTERNS; i++)
		for (cpus = 1; cpus <= most; cpus *= 2)
			simulate_pattern(patterns[i], cpus);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const unsigned long cpus = argc == 2 || argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	struct trace trace = {0};

	if (argc == 1)
		return simulate_all();
	if (cpus == 0 || cpus > MOST_CPUS)
		fail("usage: scale_caches [CPUS | CPUS FILE | CPUS PATTERN]");
	if (argc == 2)
		return simulate_growing_hosts((unsigned int)cpus);
	if (make_pattern(&trace, argv[2], (unsigned int)cpus)) {
		print_trace(&trace);
	} else {
		struct result result;

		read_trace(&trace, argv[2], (unsigned int)cpus);
		result = simulate(&trace, (unsigned int)cpus);
		print_heading();
		print_result("trace", (unsigned int)cpus, &trace, &result);
	}
	free(trace.operations);
	return EXIT_SUCCESS;
}
