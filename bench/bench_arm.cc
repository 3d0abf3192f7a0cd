// SPDX-License-Identifier: BSD-2-Clause
//
// Page tables of Arm, VMSAv8-64, first stage, granule 4K, addresses of 48 bits in 4 levels: ours
// and Linux 7.3's io-pgtable-arm.c. Ours has runs of 64K where that is said; Linux has none.
//
//   pt_arm/…              the rows of pt/ (bench_pgtable.cc), with pages of 4K, 2M and 1G
//   pt_arm/map_unmap_64k  16 pages that begin at a multiple of 64K, mapped and unmapped; their
//                         table stays. Ours: one run
//   pt_arm/map_unmap_2m   one page of 2M, mapped and unmapped; its table stays
//   pt_arm/map_2m_as_64k, unmap_2m_as_64k, lookup_64k: ours in runs, Linux in pages
//   pt_arm/dirty_1g_…     as pt/dirty_1g_…: what devices have written, where hardware clears AP[2]
//                         of an entry with DBM; it is read, and stays noted
#include <string>

#include <libiommu/aarch64.h>
#include <libiommu/hw/arm_page_table.h>

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
	Ours(uint64_t sizes, unsigned int flags)
	{
		iommu_pgtable_config config = {};
		config.platform = bench_platform();
		config.levels = 4;
		config.input_bits = 48;
		config.output_bits = 48;
		config.pgsize_bitmap = sizes;
		config.flags = IOMMU_PGTABLE_ACCESSED | flags;
		check(iommu_vmsas1_init(&table, &config) == 0);
		iommu_gather_init(&gather);
	}
	~Ours()
	{
		iommu_vmsas1_destroy(&table);
	}
	void map(uint64_t pfn, uint64_t phys, uint64_t pages)
	{
		uint64_t mapped;

		check(iommu_vmsas1_map(&table, pfn << 12, phys << 12, pages << 12,
				       IOMMU_PROT_READ_WRITE, &gather, &mapped) == 0);
	}
	void unmap(uint64_t pfn, uint64_t pages)
	{
		check(iommu_vmsas1_unmap(&table, pfn << 12, pages << 12, 0, &gather, nullptr) == 0);
		iommu_vmsas1_free_gathered(&table, &gather);
	}
	uint64_t lookup(uint64_t pfn)
	{
		iommu_paddr_t paddr = 0;

		check(iommu_vmsas1_iova_to_phys(&table, pfn << 12, &paddr, nullptr) == 0);
		return paddr;
	}
	uint64_t *root()
	{
		return static_cast<uint64_t *>(table.root);
	}
	void read_dirty(uint64_t pfn, uint64_t pages, uint64_t *words)
	{
		const iommu_dirty_bitmap bitmap = {words, pfn << 12, pages, 12};

		check(iommu_vmsas1_read_dirty(&table, pfn << 12, pages << 12, IOMMU_DIRTY_KEEP,
					      &bitmap, &gather) == 0);
	}

      private:
	iommu_pgtable table;
	iommu_gather gather;
};

constexpr uint64_t pages_alone = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G;

struct OursPages : Ours {
	OursPages() : Ours(pages_alone, 0)
	{
	}
};

struct OursRuns : Ours {
	OursRuns() : Ours(pages_alone | IOMMU_SIZE_64K, 0)
	{
	}
};

struct OursDirty : Ours {
	OursDirty() : Ours(pages_alone, IOMMU_PGTABLE_DIRTY_TRACKING)
	{
	}
};

#ifdef BENCH_PEER_LINUX
template <bool Dirty> class Linux
{
      public:
	Linux() : table(linux73_arm_create(Dirty))
	{
	}
	~Linux()
	{
		linux73_arm_destroy(table);
	}
	void map(uint64_t pfn, uint64_t phys, uint64_t pages)
	{
		check(linux73_arm_map(table, pfn, phys, pages) == 0);
	}
	void unmap(uint64_t pfn, uint64_t pages)
	{
		linux73_arm_unmap(table, pfn, pages);
	}
	uint64_t lookup(uint64_t pfn)
	{
		uint64_t paddr = linux73_arm_lookup(table, pfn);

		check(paddr != 0);
		return paddr;
	}
	uint64_t *root()
	{
		return linux73_arm_root(table);
	}
	void read_dirty(uint64_t pfn, uint64_t pages, uint64_t *words)
	{
		linux73_arm_read_dirty(table, pfn, pages, words);
	}

      private:
	linux73_arm *table;
};
#endif

// As many pages, at a place where both addresses are multiples of that; a neighbour keeps the
// tables.
template <class Table> void map_unmap_block(bench::State &state, uint64_t pages)
{
	Table table;
	const uint64_t pfn = 8 * pages_1g + 2 * pages, phys = 64 * pages;

	table.map(8 * pages_1g, 0x7001, 1);
	for (auto _ : state) {
		table.map(pfn, phys, pages);
		table.unmap(pfn, pages);
	}
	table.unmap(8 * pages_1g, 1);
}

// The entry of a page of 4K.
uint64_t *entry_of(uint64_t *root, uint64_t pfn)
{
	uint64_t *entries = root;

	for (unsigned int shift = 27; shift > 0; shift -= 9) {
		const uint64_t entry = entries[pfn >> shift & 511];

		entries = static_cast<uint64_t *>(
			iommu_phys_to_virt(bench_platform(), entry & VMSA_ADDRESS));
	}
	return &entries[pfn & 511];
}

// What devices have written of 1 GiB of 4K pages: every `step`-th page was (0: none). What the
// sides make of a page at first differs: Linux's begin as written.
template <class Table> void dirty_1g(bench::State &state, uint64_t step)
{
	const iommu_platform *host = bench_platform();
	uint64_t *words =
		static_cast<uint64_t *>(host->alloc_pages(host->ctx, 3, IOMMU_NODE_ANY, 0));
	uint64_t found = 0;
	Table table;

	check(words != nullptr);
	table.map(pages_1g, 0x7001, pages_1g);
	for (uint64_t page = 0; page < pages_1g; page++) {
		uint64_t *entry = entry_of(table.root(), pages_1g + page);

		check((*entry & VMSA_DBM) != 0);
		if (step != 0 && page % step == 0)
			*entry &= ~VMSA_S1_READ_ONLY;
		else
			*entry |= VMSA_S1_READ_ONLY;
	}
	for (auto _ : state)
		table.read_dirty(pages_1g, pages_1g, words);
	for (uint64_t i = 0; i < pages_1g / 64; i++)
		found += static_cast<uint64_t>(__builtin_popcountll(words[i]));
	check(found == (step == 0 ? 0 : pages_1g / step));
	table.unmap(pages_1g, pages_1g);
	host->free_pages(host->ctx, words, 3);
}

template <class Pages, class WithRuns, class Dirty> void add(const std::string &who)
{
	const std::string folder = "pt_arm/";
	const struct {
		const char *name;
		uint64_t step;
	} dirty[] = {{"dirty_1g_clean", 0}, {"dirty_1g_sparse", 64}, {"dirty_1g_dense", 1}};

	add_all<Pages>(folder, who);
	bench::add(folder + "map_unmap_64k", who,
		   [](bench::State &state) { map_unmap_block<WithRuns>(state, 16); });
	bench::add(folder + "map_unmap_2m", who,
		   [](bench::State &state) { map_unmap_block<Pages>(state, pages_2m); });
	add_timed<WithRuns>(folder, who, {"map_2m_as_64k", run_64k, true});
	add_timed<WithRuns>(folder, who, {"unmap_2m_as_64k", run_64k, false});
	bench::add(folder + "lookup_64k", who, lookup_64k<WithRuns>);
	for (const auto &row : dirty) {
		const uint64_t step = row.step;

		bench::add(folder + row.name, who,
			   [step](bench::State &state) { dirty_1g<Dirty>(state, step); });
	}
}

} // namespace

void add_arm_rows()
{
	add<OursPages, OursRuns, OursDirty>("ours");
#ifdef BENCH_PEER_LINUX
	add<Linux<false>, Linux<false>, Linux<true>>("linux-7.3");
#endif
	for (const char *name : {"clean", "sparse", "dense"})
		bench::add(std::string("pt_arm/dirty_1g_") + name, "floor", dirty_floor);
}
