// SPDX-License-Identifier: BSD-2-Clause
//
// POWER translation windows of 2 GiB, pages of 4K or 64K, tables of two levels in memory, a bridge
// that takes no time to forget. Per pair of map and unmap, tables there.
//
// The peer is the allocator of Linux's arch/powerpc/kernel/iommu.c over PowerNV's tables.
//
//   tce/entries/N      N entries of 4K through the template alone (peer: pnv_tce_build, _free).
//   tce/window/N       N pages of 64K in a window: the bitmap and its pools, entries, and back.
//   tce/window_busy/N  the same with half of the window taken, single pages at random.
//   (tree: the same work with an IOVA space (iova.h) in the place of the bitmap.)
//   tce/two_threads/N  tce/window/N on two threads at once, each on its own CPU, in one window.
//   tce/four_threads/N the same on four threads, two on each CPU (slices.h: on_four_threads).
//
// "floor": what pages of a window cannot do without (floors.h).
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include <libiommu/iova.h>
#include <libiommu/pgtable.h>
#include <libiommu/tce_table.h>

#include "check.h"
#include "floors.h"
#include "pages.h"
#include "rows.h"
#include "slices.h"
#ifdef BENCH_PEER_LINUX
#include "peer.h"
#endif

namespace
{

constexpr uint64_t window_bytes = 1ULL << 31, page = 1ULL << 16, memory = 1ULL << 33;
constexpr uint64_t window_pages = window_bytes / page;
constexpr unsigned int rw = IOMMU_PROT_READ_WRITE;

uint64_t next_random(uint64_t &random)
{
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	return random;
}

iommu_pgtable_config table_config(uint64_t page_size)
{
	iommu_pgtable_config config = {};

	config.platform = bench_platform();
	config.levels = page_size == page ? 2 : 3;
	config.input_bits = 31;
	config.output_bits = 46;
	config.pgsize_bitmap = page_size;
	return config;
}

void entries(bench::State &state, uint64_t count)
{
	const iommu_pgtable_config config = table_config(4096);
	iommu_pgtable table;
	iommu_gather gather;
	uint64_t mapped;

	check(iommu_tce_init(&table, &config) == 0);
	iommu_gather_init(&gather);
	// Neighbours keep the two tables that the entries lie in.
	check(iommu_tce_map(&table, 0, memory, 4096, rw, &gather, &mapped) == 0);
	check(iommu_tce_map(&table, 1000 * 4096, memory, 4096, rw, &gather, &mapped) == 0);
	for (auto _ : state) {
		check(iommu_tce_map(&table, 4096 * 5, memory, count * 4096, rw, &gather, &mapped) ==
		      0);
		check(iommu_tce_unmap(&table, 4096 * 5, count * 4096, 0, &gather, nullptr) == 0);
		iommu_gather_init(&gather);
	}
	iommu_tce_destroy(&table);
}

#ifdef BENCH_PEER_LINUX
void linux_entries(bench::State &state, uint64_t count)
{
	linux61_tce *table = linux61_tce_create(12, window_bytes >> 12, 3);

	linux61_tce_build(table, 0, memory, 1);
	linux61_tce_build(table, 1000, memory, 1);
	for (auto _ : state) {
		linux61_tce_build(table, 5, memory, count);
		linux61_tce_clear(table, 5, count);
	}
	linux61_tce_destroy(table);
}

class Linux
{
      public:
	Linux() : table(linux61_tce_create(16, window_pages, 2))
	{
		// All tables from the start, as ours.
		linux61_tce_build(table, 0, memory, window_pages);
		linux61_tce_clear(table, 0, window_pages);
	}
	~Linux()
	{
		linux61_tce_destroy(table);
	}
	bool map(uint64_t pages, uint64_t &address)
	{
		address = linux61_tce_map(table, memory, pages);
		return address != ~0ULL;
	}
	void unmap(uint64_t address, uint64_t pages)
	{
		linux61_tce_unmap(table, address, pages);
	}
	static void set_cpu(unsigned int cpu)
	{
		linux61_set_cpu(cpu);
	}

      private:
	linux61_tce *table;
};
#endif

int forget(void *)
{
	return 0;
}

class Window
{
      public:
	Window()
	{
		iommu_tce_memory_config config = {};

		config.table.platform = bench_platform();
		config.table.entries = window_pages;
		config.table.page_shift = 16;
		config.table.reserved_first = 1;
		config.levels = 2;
		config.table_order = 0;
		config.output_bits = 46;
		config.kill.all = forget;
		config.eager = true;
		check(iommu_tce_memory_create(&config, &table) == 0);
	}
	~Window()
	{
		check(iommu_tce_table_destroy(table) == 0);
	}
	bool map(uint64_t pages, uint64_t &address)
	{
		return iommu_tce_table_map(table, memory, pages, rw, nullptr, &address) == 0;
	}
	void unmap(uint64_t address, uint64_t pages)
	{
		check(iommu_tce_table_unmap(table, address, pages) == 0);
	}

	static void set_cpu(unsigned int cpu)
	{
		bench_cpu = cpu;
	}

      private:
	iommu_tce_table *table;
};

// What a change of entries is followed by, in all three: they are visible, and the bridge is told.
void settle()
{
	std::atomic_thread_fence(std::memory_order_seq_cst);
	forget(nullptr);
}

class Tree
{
      public:
	Tree()
	{
		iommu_pgtable_config config = table_config(page);
		iommu_iova_config addresses = {};

		config.flags = IOMMU_PGTABLE_EAGER;
		check(iommu_tce_init(&table, &config) == 0);
		addresses.platform = bench_platform();
		addresses.granule = page;
		addresses.first = 1;
		addresses.last = window_pages - 1;
		check(iommu_iova_space_create(&addresses, &space) == 0);
	}
	~Tree()
	{
		iommu_iova_space_destroy(space);
		iommu_tce_destroy(&table);
	}
	bool map(uint64_t pages, uint64_t &address)
	{
		iommu_iova_request request = {};
		iommu_iova_range *range;
		iommu_gather gather;
		uint64_t mapped;

		request.size = pages;
		request.limit = window_pages - 1;
		if (iommu_iova_alloc(space, &request, &range) != 0)
			return false;
		iommu_gather_init(&gather);
		check(iommu_tce_map(&table, range->first * page, memory, pages * page, rw, &gather,
				    &mapped) == 0);
		settle();
		address = reinterpret_cast<uintptr_t>(range);
		return true;
	}
	void unmap(uint64_t address, uint64_t pages)
	{
		iommu_iova_range *range = reinterpret_cast<iommu_iova_range *>(address);
		iommu_gather gather;

		iommu_gather_init(&gather);
		check(iommu_tce_unmap(&table, range->first * page, pages * page, 0, &gather,
				      nullptr) == 0);
		settle();
		iommu_iova_free(space, range);
	}

      private:
	iommu_pgtable table;
	iommu_iova_space *space;
};

template <class Mapper, bool busy> void pairs(bench::State &state, uint64_t pages)
{
	std::vector<uint64_t> taken;
	uint64_t random = 88172645463325252;
	uint64_t address = 0;
	Mapper mapper;

	// Everything, and then every second page back, at random.
	while (busy && mapper.map(1, address))
		taken.push_back(address);
	for (size_t left = taken.size() / 2; left != 0; left--) {
		const size_t at = next_random(random) % taken.size();

		mapper.unmap(taken[at], 1);
		taken[at] = taken.back();
		taken.pop_back();
	}
	for (auto _ : state) {
		check(mapper.map(pages, address));
		mapper.unmap(address, pages);
	}
	for (uint64_t live : taken)
		mapper.unmap(live, 1);
}

using OnThreads = void (*)(bench::State &, const std::function<void(unsigned int, uint64_t)> &);

template <class Mapper> void threads(bench::State &state, uint64_t pages, OnThreads run)
{
	Mapper mapper;

	run(state, [&mapper, pages](unsigned int cpu, uint64_t pairs) {
		uint64_t address;

		Mapper::set_cpu(cpu);
		while (pairs-- != 0) {
			check(mapper.map(pages, address));
			mapper.unmap(address, pages);
		}
	});
}

template <class Mapper> void add_pairs(const std::string &who)
{
	const struct {
		const char *name;
		OnThreads run;
	} several[] = {{"tce/two_threads/", bench::on_two_threads},
		       {"tce/four_threads/", bench::on_four_threads}};

	for (uint64_t pages : {1, 16}) {
		const std::string count = std::to_string(pages);

		bench::add("tce/window/" + count, who,
			   [pages](bench::State &state) { pairs<Mapper, false>(state, pages); });
		for (const auto &row : several) {
			const OnThreads run = row.run;

			bench::add(row.name + count, who, [pages, run](bench::State &state) {
				threads<Mapper>(state, pages, run);
			});
			bench::compare_threads(row.name + count, "tce/window/" + count);
		}
	}
}

template <class Mapper> void add_window(const std::string &who)
{
	add_pairs<Mapper>(who);
	bench::add("tce/window_busy/1", who,
		   [](bench::State &state) { pairs<Mapper, true>(state, 1); });
}

} // namespace

void add_tce_rows()
{
	for (uint64_t count : {1, 16, 512})
		bench::add("tce/entries/" + std::to_string(count), "ours",
			   [count](bench::State &state) { entries(state, count); });
	add_window<Window>("ours");
#ifdef BENCH_PEER_LINUX
	for (uint64_t count : {1, 16, 512})
		bench::add("tce/entries/" + std::to_string(count), "linux-6.1",
			   [count](bench::State &state) { linux_entries(state, count); });
	add_window<Linux>("linux-6.1");
#endif
	add_pairs<floors::Window>("floor");
	for (uint64_t pages : {1, 16})
		bench::add("tce/window/" + std::to_string(pages), "tree",
			   [pages](bench::State &state) { pairs<Tree, false>(state, pages); });
	bench::add("tce/window_busy/1", "tree",
		   [](bench::State &state) { pairs<Tree, true>(state, 1); });
}
