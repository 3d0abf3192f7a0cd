// SPDX-License-Identifier: BSD-2-Clause
//
// What is measured of a page table of any format: each workload is one template, run on all sides,
// so that the sequences are the same. bench_pgtable.cc says what the names mean.
//
// A side is a class with map(pfn, phys, pages), unmap(pfn, pages) and lookup(pfn), in pages of 4K.
#ifndef BENCH_TABLE_ROWS_H
#define BENCH_TABLE_ROWS_H

#include <string>

#include "pages.h"
#include "slices.h"

namespace tables
{

inline constexpr uint64_t pages_2m = 512, pages_1g = 512 * 512;

template <class Table> void map_unmap_4k(bench::State &state)
{
	Table table;

	table.map(0x100000, 0x7001, 1);
	for (auto _ : state) {
		table.map(0x100005, 0x9003, 1);
		table.unmap(0x100005, 1);
	}
	table.unmap(0x100000, 1);
}

struct Run {
	uint64_t pages;
	uint64_t first;     // page number inside its region
	uint64_t region;    // pages from one region to the next
	uint64_t phys;      // of the first page: odd, or aligned for large pages
	bool neighbour;     // a page beside it keeps the tables
	unsigned int count; // regions
};

inline constexpr Run run_256{256, 128, pages_2m, 0x7001, true, 8};
inline constexpr Run run_512{512, 0, pages_2m, 0x7001, false, 8};
inline constexpr Run run_64k{512, 0, pages_2m, 0x7010, false, 8};
inline constexpr Run run_1g_4k{pages_1g, 0, pages_1g, 0x7001, false, 1};
inline constexpr Run run_1g_leaf{pages_1g, 0, pages_1g, 2 * pages_1g, false, 8};
inline constexpr Run run_1g_2m{pages_1g, 0, pages_1g, pages_1g + pages_2m, false, 8};

// Times one of the two directions; the other is done in between.
template <class Table> void run_calls(bench::State &state, const Run &run, bool time_map)
{
	Table table;
	const uint64_t base = 8 * pages_1g;

	// The topmost tables stay in any case.
	table.map(base + 16 * pages_1g, 0x7001, 1);
	for (unsigned int i = 0; run.neighbour && i < run.count; i++)
		table.map(base + i * run.region, 0x5001, 1);
	state.things(run.count);
	for (auto _ : state.parts()) {
		if (time_map)
			state.start();
		for (unsigned int i = 0; i < run.count; i++)
			table.map(base + i * run.region + run.first, run.phys, run.pages);
		if (time_map)
			state.stop();
		else
			state.start();
		for (unsigned int i = 0; i < run.count; i++)
			table.unmap(base + i * run.region + run.first, run.pages);
		if (!time_map)
			state.stop();
	}
}

// The floor: the stores alone, in as many regions.
inline void floor_calls(bench::State &state, uint64_t stores, unsigned int count, bool time_map)
{
	uint64_t *entries = reinterpret_cast<uint64_t *>(bench_pool() + BENCH_POOL_SIZE / 2);

	state.things(count);
	for (auto _ : state) {
		for (unsigned int i = 0; i < count; i++) {
			uint64_t value = time_map ? 0x7001003 : 0;
#pragma GCC unroll 8
			for (uint64_t k = 0; k < stores; k++) {
				__atomic_store_n(&entries[i * stores + k], value, __ATOMIC_RELAXED);
				value += time_map ? 0x1000 : 0;
			}
		}
	}
}

inline uint64_t next_random(uint64_t &random)
{
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	return random;
}

inline constexpr uint64_t big = 64 * pages_1g;

template <class Table> void map_big(Table &table)
{
	for (uint64_t pfn = 0; pfn < big; pfn += pages_1g)
		table.map(pfn, 0x7001 + pfn, pages_1g);
}

template <class Table> void random_4k_64g(bench::State &state)
{
	Table table;
	uint64_t random = 88172645463325252;

	map_big(table);
	for (auto _ : state) {
		uint64_t pfn = next_random(random) % big;
		table.unmap(pfn, 1);
		table.map(pfn, 0x7001 + pfn, 1);
	}
	table.unmap(0, big);
}

template <class Table> void lookup_64g(bench::State &state)
{
	Table table;
	uint64_t random = 88172645463325252;

	map_big(table);
	for (auto _ : state)
		bench::keep(table.lookup(next_random(random) % big));
	table.unmap(0, big);
}

struct Timed {
	const char *name;
	Run run;
	bool map;
};

inline const Timed timed_runs[] = {
	{"map_256x4k", run_256, true},      {"unmap_256x4k", run_256, false},
	{"map_512x4k", run_512, true},      {"unmap_512x4k", run_512, false},
	{"map_1g_as_4k", run_1g_4k, true},  {"unmap_1g_as_4k", run_1g_4k, false},
	{"map_1g_as_2m", run_1g_2m, true},  {"unmap_1g_as_2m", run_1g_2m, false},
	{"map_1g_leaf", run_1g_leaf, true}, {"unmap_1g_leaf", run_1g_leaf, false},
};

template <class Table>
void add_timed(const std::string &folder, const std::string &who, const Timed &timed)
{
	bench::add(folder + timed.name, who,
		   [timed](bench::State &state) { run_calls<Table>(state, timed.run, timed.map); });
}

// What all formats have.
template <class Table> void add_all(const std::string &folder, const std::string &who)
{
	bench::add(folder + "map_unmap_4k", who, map_unmap_4k<Table>);
	for (const Timed &timed : timed_runs)
		add_timed<Table>(folder, who, timed);
	bench::add(folder + "random_4k_64g", who, random_4k_64g<Table>);
	bench::add(folder + "lookup_64g", who, lookup_64g<Table>);
}

// One of the pages of 2 MiB in runs, at random.
template <class Table> void lookup_64k(bench::State &state)
{
	Table table;
	uint64_t random = 88172645463325252;

	table.map(pages_1g, 0x7010, pages_2m);
	for (auto _ : state)
		bench::keep(table.lookup(pages_1g + next_random(random) % pages_2m));
	table.unmap(pages_1g, pages_2m);
}

// The floor: as many entries read in a plain loop.
inline void dirty_floor(bench::State &state)
{
	uint64_t *entries = reinterpret_cast<uint64_t *>(bench_pool() + BENCH_POOL_SIZE / 2);

	for (uint64_t i = 0; i < pages_1g; i++)
		entries[i] = i;
	for (auto _ : state) {
		uint64_t all = 0;

		for (uint64_t i = 0; i < pages_1g; i++)
			all |= entries[i];
		bench::keep(all);
	}
}

} // namespace tables

#endif
