// SPDX-License-Identifier: BSD-2-Clause
//
// Page tables, of VT-d's second stage where nothing else is said, 4 levels, coherent: ours, Linux
// 6.1's and 7.3's (when built with peers), and the floor of plain stores. The workloads are those
// of table_rows.h.
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
//   pt_amd/…           the same in host tables (v1) of the AMD IOMMU with pages of all sizes up to
//                      256G; likewise, in runs of equal entries.
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
#include "table_rows.h"
#ifdef BENCH_PEER_LINUX
#include "peer.h"
#endif

namespace
{

using namespace tables;

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
class OursAmd
{
      public:
	OursAmd()
	{
		iommu_pgtable_config config = {};
		config.platform = bench_platform();
		config.levels = 4;
		config.input_bits = 48;
		config.output_bits = 52;
		config.pgsize_bitmap = 0x7ffffff000; /* of all sizes, up to 256G */
		config.flags = IOMMU_PGTABLE_FORCE_SNOOP;
		check(iommu_amdv1_init(&table, &config) == 0);
		iommu_gather_init(&gather);
	}
	~OursAmd()
	{
		iommu_amdv1_destroy(&table);
	}
	void map(uint64_t pfn, uint64_t phys, uint64_t pages)
	{
		uint64_t mapped;

		check(iommu_amdv1_map(&table, pfn << 12, phys << 12, pages << 12,
				      IOMMU_PROT_READ_WRITE, &gather, &mapped) == 0);
	}
	void unmap(uint64_t pfn, uint64_t pages)
	{
		check(iommu_amdv1_unmap(&table, pfn << 12, pages << 12, 0, &gather, nullptr) == 0);
		iommu_amdv1_free_gathered(&table, &gather);
	}
	uint64_t lookup(uint64_t pfn)
	{
		iommu_paddr_t paddr = 0;

		check(iommu_amdv1_iova_to_phys(&table, pfn << 12, &paddr, nullptr) == 0);
		return paddr;
	}

      private:
	iommu_pgtable table;
	iommu_gather gather;
};

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
class LinuxAmd
{
      public:
	LinuxAmd() : table(linux73_amd_create())
	{
	}
	~LinuxAmd()
	{
		linux73_amd_destroy(table);
	}
	void map(uint64_t pfn, uint64_t phys, uint64_t pages)
	{
		check(linux73_amd_map(table, pfn, phys, pages) == 0);
	}
	void unmap(uint64_t pfn, uint64_t pages)
	{
		linux73_amd_unmap(table, pfn, pages);
	}
	uint64_t lookup(uint64_t pfn)
	{
		uint64_t paddr = linux73_amd_lookup(table, pfn);

		check(paddr != 0);
		return paddr;
	}

      private:
	linux73_amd *table;
};

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
	add_all<Table>("pt/", who);
	for (const Run &run : runs_to_map())
		bench::add(name_of(run), who,
			   [run](bench::State &state) { run_calls<Table>(state, run, true); });
}

template <class Table> void add_amd(const std::string &who)
{
	const std::string folder = "pt_amd/";

	add_all<Table>(folder, who);
	add_timed<Table>(folder, who, {"map_2m_as_64k", run_64k, true});
	add_timed<Table>(folder, who, {"unmap_2m_as_64k", run_64k, false});
	bench::add(folder + "lookup_64k", who, lookup_64k<Table>);
}

template <class Table, class WithRuns> void add_riscv(const std::string &who)
{
	const std::string folder = "pt_riscv/";

	add_all<Table>(folder, who);
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
	add_amd<OursAmd>("ours");
#ifdef BENCH_PEER_LINUX
	add_amd<LinuxAmd>("linux-7.3");
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
