// SPDX-License-Identifier: BSD-2-Clause
//
// Page tables, of VT-d's second stage where nothing else is said, 4 levels, coherent: ours, Linux
// 6.1's and 7.3's (when built with peers), and the floor of plain stores. Each workload is one
// template, run on all, so that the sequences are the same.
//
//   pt/map_unmap_4k    map one 4K page, unmap it; its tables stay (a neighbour page is mapped).
//   pt/map_256x4k      one call maps 256 4K pages inside one existing table, at its 128th entry.
//   pt/unmap_256x4k    one call unmaps them; the table stays.
//   pt/map_512x4k      one call maps 512 4K pages, a whole new table.
//   pt/unmap_512x4k    one call unmaps them; the table goes, and its page is freed.
//   pt/map_1g_as_4k    one call maps 1 GiB of 4K pages: 512 new tables. pt/unmap_1g_as_4k: back.
//   pt/map_1g_as_2m    one call maps 1 GiB of 2M pages in a new table. pt/unmap_1g_as_2m: back.
//   pt/map_1g_leaf     one call maps one 1G page. pt/unmap_1g_leaf: back.
//   pt/random_4k_64g   64 GiB are mapped as 4K pages: unmap and map one page, at random. Per pair.
//   pt/lookup_64g      look up one page of them, at random.
//   pt/map_run/N       for the plot: one call maps N 4K pages from the start of a table; tables
//                      below 512 pages exist, longer runs bring theirs.
//   pt/dirty_1g_clean, _sparse, _dense: what devices have written of 1 GiB of 4K pages is read into
//                      a bitmap: nothing, every 64th page, every page. Per 262144 entries; the
//                      floor: as many read in a plain loop. 7.3: as iommufd reads them.
//
//   pt_riscv/…         the same in the first stage of RISC-V (Sv48) with pages of 4K, 2M and 1G;
//                      map_2m_as_64k, unmap_2m_as_64k, lookup_64k: in runs of 16 entries (Svnapot).
//
// Targets are odd multiples of 4K off a large page wherever 4K pages are meant. Unmapping includes
// freeing the tables, as after an invalidation; an invalidation itself is not part of it. map_… and
// unmap_… are timed apart, eight calls on eight regions at a time, so that reading the clock weighs
// little. The floor: as many 8-byte stores in a plain loop (map), or as many zeroes (unmap).
#include <string>
#include <vector>

#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>

#include "check.h"
#include "pages.h"
#include "rows.h"
#include "slices.h"
#ifdef BENCH_PEER_LINUX
#include "peer.h"
#endif

namespace
{

constexpr uint64_t pages_2m = 512, pages_1g = 512 * 512;

class Ours
{
      public:
	Ours()
	{
		iommu_pgtable_config config = {};
		config.platform = bench_platform();
		config.levels = 4;
		config.input_bits = 48;
		config.output_bits = 46;
		config.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G;
		check(iommu_vtdss_init(&table, &config) == 0);
		iommu_gather_init(&gather);
	}
	~Ours()
	{
		iommu_vtdss_destroy(&table);
	}
	void map(uint64_t pfn, uint64_t phys, uint64_t pages)
	{
		uint64_t mapped;

		check(iommu_vtdss_map(&table, pfn << 12, phys << 12, pages << 12,
				      IOMMU_PROT_READ_WRITE, &gather, &mapped) == 0);
	}
	void unmap(uint64_t pfn, uint64_t pages)
	{
		check(iommu_vtdss_unmap(&table, pfn << 12, pages << 12, 0, &gather, nullptr) == 0);
		iommu_vtdss_free_gathered(&table, &gather);
	}
	uint64_t lookup(uint64_t pfn)
	{
		iommu_paddr_t paddr = 0;

		check(iommu_vtdss_iova_to_phys(&table, pfn << 12, &paddr, nullptr) == 0);
		return paddr;
	}

      private:
	iommu_pgtable table;
	iommu_gather gather;
};

// The first stage of RISC-V, with runs of 64K or without.
template <bool Runs> class OursRiscv
{
      public:
	OursRiscv()
	{
		iommu_pgtable_config config = {};
		config.platform = bench_platform();
		config.levels = 4;
		config.input_bits = 47;
		config.output_bits = 56;
		config.pgsize_bitmap =
			IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G | (Runs ? IOMMU_SIZE_64K : 0);
		config.flags = IOMMU_PGTABLE_ACCESSED;
		check(iommu_riscvfs_init(&table, &config) == 0);
		iommu_gather_init(&gather);
	}
	~OursRiscv()
	{
		iommu_riscvfs_destroy(&table);
	}
	void map(uint64_t pfn, uint64_t phys, uint64_t pages)
	{
		uint64_t mapped;

		check(iommu_riscvfs_map(&table, pfn << 12, phys << 12, pages << 12,
					IOMMU_PROT_READ_WRITE, &gather, &mapped) == 0);
	}
	void unmap(uint64_t pfn, uint64_t pages)
	{
		check(iommu_riscvfs_unmap(&table, pfn << 12, pages << 12, 0, &gather, nullptr) ==
		      0);
		iommu_riscvfs_free_gathered(&table, &gather);
	}
	uint64_t lookup(uint64_t pfn)
	{
		iommu_paddr_t paddr = 0;

		check(iommu_riscvfs_iova_to_phys(&table, pfn << 12, &paddr, nullptr) == 0);
		return paddr;
	}

      private:
	iommu_pgtable table;
	iommu_gather gather;
};

#ifdef BENCH_PEER_LINUX
template <bool Runs> class LinuxRiscv
{
      public:
	LinuxRiscv() : table(linux73_riscv_create(Runs))
	{
	}
	~LinuxRiscv()
	{
		linux73_riscv_destroy(table);
	}
	void map(uint64_t pfn, uint64_t phys, uint64_t pages)
	{
		check(linux73_riscv_map(table, pfn, phys, pages) == 0);
	}
	void unmap(uint64_t pfn, uint64_t pages)
	{
		linux73_riscv_unmap(table, pfn, pages);
	}
	uint64_t lookup(uint64_t pfn)
	{
		uint64_t paddr = linux73_riscv_lookup(table, pfn);

		check(paddr != 0);
		return paddr;
	}

      private:
	linux73_riscv *table;
};

template <class Peer> class Linux
{
      public:
	Linux() : table(Peer::pgtable_create())
	{
	}
	~Linux()
	{
		Peer::pgtable_destroy(table);
	}
	void map(uint64_t pfn, uint64_t phys, uint64_t pages)
	{
		check(Peer::pgtable_map(table, pfn, phys, pages) == 0);
	}
	void unmap(uint64_t pfn, uint64_t pages)
	{
		Peer::pgtable_unmap(table, pfn, pages);
	}
	uint64_t lookup(uint64_t pfn)
	{
		uint64_t paddr = Peer::pgtable_lookup(table, pfn);

		check(paddr != 0);
		return paddr;
	}

      private:
	typename Peer::pgtable *table;
};
#endif

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

constexpr Run run_256{256, 128, pages_2m, 0x7001, true, 8};
constexpr Run run_512{512, 0, pages_2m, 0x7001, false, 8};
constexpr Run run_64k{512, 0, pages_2m, 0x7010, false, 8};
constexpr Run run_1g_4k{pages_1g, 0, pages_1g, 0x7001, false, 1};
constexpr Run run_1g_leaf{pages_1g, 0, pages_1g, 2 * pages_1g, false, 8};
constexpr Run run_1g_2m{pages_1g, 0, pages_1g, pages_1g + pages_2m, false, 8};

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
void floor_calls(bench::State &state, uint64_t stores, unsigned int count, bool time_map)
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

uint64_t next_random(uint64_t &random)
{
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	return random;
}

constexpr uint64_t big = 64 * pages_1g;

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

const Timed timed_runs[] = {
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

// What both formats have.
template <class Table> void add_both(const std::string &folder, const std::string &who)
{
	bench::add(folder + "map_unmap_4k", who, map_unmap_4k<Table>);
	for (const Timed &timed : timed_runs)
		add_timed<Table>(folder, who, timed);
	bench::add(folder + "random_4k_64g", who, random_4k_64g<Table>);
	bench::add(folder + "lookup_64g", who, lookup_64g<Table>);
}

// Of mapping in one call: runs of so many pages, in so many regions.
std::vector<Run> runs_to_map()
{
	std::vector<Run> runs;

	for (uint64_t pages : {1, 4, 16, 64, 256, 512, 4096, 32768, 262144})
		runs.push_back({pages, pages < pages_2m ? 1UL : 0UL,
				pages < pages_2m ? pages_2m : pages, 0x7001, pages < pages_2m,
				pages < 32768 ? 8U : 1U});
	return runs;
}

std::string name_of(const Run &run)
{
	return "pt/map_run/" + std::to_string(run.pages);
}

template <class Table> void add(const std::string &who)
{
	add_both<Table>("pt/", who);
	for (const Run &run : runs_to_map())
		bench::add(name_of(run), who,
			   [run](bench::State &state) { run_calls<Table>(state, run, true); });
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

template <class Table, class WithRuns> void add_riscv(const std::string &who)
{
	const std::string folder = "pt_riscv/";

	add_both<Table>(folder, who);
	add_timed<WithRuns>(folder, who, {"map_2m_as_64k", run_64k, true});
	add_timed<WithRuns>(folder, who, {"unmap_2m_as_64k", run_64k, false});
	bench::add(folder + "lookup_64k", who, lookup_64k<WithRuns>);
}

// What devices have written of 1 GiB of 4K pages, read into a bitmap: every `step`-th page was (0:
// none), and stays noted.
void dirty_1g(bench::State &state, uint64_t step)
{
	static uint64_t words[pages_1g / 64];
	const iommu_dirty_bitmap bitmap = {words, IOMMU_SIZE_1G, pages_1g, 12};
	iommu_pgtable_config config = {};
	iommu_pgtable table;
	iommu_gather gather;
	uint64_t mapped;

	config.platform = bench_platform();
	config.levels = 4;
	config.input_bits = 48;
	config.output_bits = 46;
	config.pgsize_bitmap = IOMMU_SIZE_4K;
	check(iommu_vtdss_init(&table, &config) == 0);
	iommu_gather_init(&gather);
	check(iommu_vtdss_map(&table, IOMMU_SIZE_1G, 1ULL << 40, IOMMU_SIZE_1G,
			      IOMMU_PROT_READ_WRITE, &gather, &mapped) == 0);
	for (uint64_t page = 0; step != 0 && page < pages_1g; page += step) {
		uint64_t *entries = static_cast<uint64_t *>(table.root);
		const uint64_t iova = IOMMU_SIZE_1G + (page << 12);

		for (unsigned int shift = 39; shift > 12; shift -= 9)
			entries = static_cast<uint64_t *>(
				iommu_phys_to_virt(bench_platform(), entries[iova >> shift & 511] &
									     VTD_SS_ADDRESS_MASK));
		entries[iova >> 12 & 511] |= VTD_SS_DIRTY;
	}
	for (auto _ : state)
		check(iommu_vtdss_read_dirty(&table, IOMMU_SIZE_1G, IOMMU_SIZE_1G, IOMMU_DIRTY_KEEP,
					     &bitmap, &gather) == 0);
	iommu_vtdss_destroy(&table);
}

#ifdef BENCH_PEER_LINUX
void linux_dirty_1g(bench::State &state, uint64_t step)
{
	const iommu_platform *host = bench_platform();
	uint64_t *words =
		static_cast<uint64_t *>(host->alloc_pages(host->ctx, 3, IOMMU_NODE_ANY, 0));
	linux73_pgtable *table = linux73_pgtable_create();

	check(words != nullptr && linux73_pgtable_map(table, pages_1g, 0x7001, pages_1g) == 0);
	for (uint64_t page = 0; step != 0 && page < pages_1g; page += step)
		linux73_pgtable_make_dirty(table, pages_1g + page);
	for (auto _ : state)
		linux73_pgtable_read_dirty(table, pages_1g, pages_1g, words);
	linux73_pgtable_destroy(table);
	host->free_pages(host->ctx, words, 3);
}
#endif

// The floor: as many entries read in a plain loop.
void dirty_floor(bench::State &state)
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

} // namespace

void add_pgtable_rows()
{
	add<Ours>("ours");
#ifdef BENCH_PEER_LINUX
	add<Linux<linux61_functions>>("linux-6.1");
	add<Linux<linux73_functions>>("linux-7.3");
#endif
	add_riscv<OursRiscv<false>, OursRiscv<true>>("ours");
#ifdef BENCH_PEER_LINUX
	add_riscv<LinuxRiscv<false>, LinuxRiscv<true>>("linux-7.3");
#endif
	const struct {
		const char *name;
		uint64_t step;
	} dirty[] = {
		{"pt/dirty_1g_clean", 0}, {"pt/dirty_1g_sparse", 64}, {"pt/dirty_1g_dense", 1}};
	for (const auto &row : dirty) {
		const uint64_t step = row.step;

		bench::add(row.name, "ours",
			   [step](bench::State &state) { dirty_1g(state, step); });
#ifdef BENCH_PEER_LINUX
		bench::add(row.name, "linux-7.3",
			   [step](bench::State &state) { linux_dirty_1g(state, step); });
#endif
		bench::add(row.name, "floor", dirty_floor);
	}
	for (uint64_t stores : {256, 512}) {
		const std::string run = std::to_string(stores) + "x4k";

		bench::add("pt/map_" + run, "floor",
			   [stores](bench::State &state) { floor_calls(state, stores, 8, true); });
		bench::add("pt/unmap_" + run, "floor",
			   [stores](bench::State &state) { floor_calls(state, stores, 8, false); });
	}
	for (const Run &run : runs_to_map())
		bench::add(name_of(run), "floor", [run](bench::State &state) {
			floor_calls(state, run.pages, run.count, true);
		});
}
