// SPDX-License-Identifier: BSD-2-Clause
//
// The DMA mapping API, whole: address, tables, and back, over a unit whose invalidations take no
// time (null_unit.h). The peer does what Linux's dma-iommu does below its own layers, with Linux's
// own code: alloc_iova_fast, __domain_mapping, domain_unmap, free_iova_fast. Limit 48 bits; one
// thread.
//
//   dma/map_unmap_4k   map one page, unmap it. Per pair.
//   dma/map_unmap_64k  the same with 64 KiB.
//   dma/ring256        256 live buffers of one page: unmap the oldest, map another. Per exchange.
//   dma/sg16           16 scattered pages at consecutive addresses, mapped and unmapped. Per list.
//   dma/batch64        64 buffers of one page, mapped singly and unmapped. Per 64. Ours: a window,
//                      unmapped with one call and one invalidation; the peer's 64 are left out.
//   dma/lazy_4k        map_unmap_4k in lazy mode: through the flush queue. Ours alone.
//
// "exclusive": ours where the host vouches for its CPUs (iommu_platform.cpu_exclusive): no lock
// around the address caches. The counter "inv" is how many invalidations one iteration asks for.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "check.h"
#include "null_unit.h"
#include "pages.h"
#ifdef BENCH_PEER_LINUX
#include "peer.h"
#endif

namespace
{

constexpr uint64_t page = 4096;
// Pages of buffers: never two neighbours.
constexpr uint64_t memory(uint64_t n)
{
	return 0x100000000ULL + n * 3 * page;
}

template <bool exclusive> class OursOn
{
      public:
	explicit OursOn(enum iommu_domain_type type = IOMMU_DOMAIN_DMA)
	{
		check(null_unit_create(&null, type, exclusive) == 0);
		check(iommu_dma_of(null.endpoint, &dma) == 0);
		device = iommu_dma_device_of(null.endpoint, 0);
		// A neighbour that stays keeps the tables.
		keep = map(memory(4000), page);
	}
	~OursOn()
	{
		unmap(keep, page);
		null_unit_destroy(&null);
	}
	uint64_t map(uint64_t paddr, uint64_t size)
	{
		iommu_iova_t address = 0;

		check(iommu_dma_map(dma, &device, paddr, size, IOMMU_DMA_BIDIRECTIONAL, &address) ==
		      0);
		return address;
	}
	void unmap(uint64_t address, uint64_t size)
	{
		check(iommu_dma_unmap(dma, address, size) == 0);
	}
	void scatter(std::vector<iommu_dma_piece> &pieces)
	{
		unsigned int elements = 0;

		check(iommu_dma_map_sg(dma, &device, pieces.data(),
				       static_cast<unsigned int>(pieces.size()),
				       IOMMU_DMA_BIDIRECTIONAL, &elements) == 0);
		check(iommu_dma_unmap_sg(dma, pieces.data(),
					 static_cast<unsigned int>(pieces.size())) == 0);
	}
	void batch(uint64_t count)
	{
		if (window.dma == nullptr)
			check(iommu_dma_window_create(dma, &device, count, &window) == 0);
		for (uint64_t i = 0; i < count; i++)
			check(iommu_dma_window_map(&window, i, memory(i), 1,
						   IOMMU_DMA_BIDIRECTIONAL) == 0);
		check(iommu_dma_window_unmap(&window, 0, count) == 0);
	}
	void finish()
	{
		if (window.dma != nullptr)
			check(iommu_dma_window_destroy(&window) == 0);
	}
	uint64_t invalidations() const
	{
		return null.invalidations;
	}

      private:
	null_unit null = {};
	iommu_dma *dma = nullptr;
	iommu_dma_device device = {};
	iommu_dma_window window = {};
	uint64_t keep = 0;
};

using Ours = OursOn<false>;

#ifdef BENCH_PEER_LINUX
class Linux
{
      public:
	Linux() : space(linux_iova_create()), table(linux_pgtable_create())
	{
		keep = map(memory(4000), page);
	}
	~Linux()
	{
		unmap(keep, page);
		linux_pgtable_destroy(table);
		linux_iova_destroy(space);
	}
	uint64_t map(uint64_t paddr, uint64_t size)
	{
		const uint64_t pfn = linux_iova_alloc_fast(space, size / page, (1ULL << 36) - 1);

		check(pfn != 0 && linux_pgtable_map(table, pfn, paddr / page, size / page) == 0);
		return pfn * page;
	}
	void unmap(uint64_t address, uint64_t size)
	{
		linux_pgtable_unmap(table, address / page, size / page);
		linux_iova_free_fast(space, address / page, size / page);
	}
	void scatter(std::vector<iommu_dma_piece> &pieces)
	{
		const uint64_t pages = pieces.size();
		const uint64_t pfn = linux_iova_alloc_fast(space, pages, (1ULL << 36) - 1);

		check(pfn != 0);
		for (uint64_t i = 0; i < pages; i++)
			check(linux_pgtable_map(table, pfn + i, pieces[i].paddr / page, 1) == 0);
		linux_pgtable_unmap(table, pfn, pages);
		linux_iova_free_fast(space, pfn, pages);
	}
	void batch(uint64_t count)
	{
		uint64_t addresses[64];

		for (uint64_t i = 0; i < count; i++)
			addresses[i] = map(memory(i), page);
		for (uint64_t i = 0; i < count; i++)
			unmap(addresses[i], page);
	}
	void finish()
	{
	}
	uint64_t invalidations() const
	{
		return 0;
	}

      private:
	linux_iova_space *space;
	linux_pgtable *table;
	uint64_t keep = 0;
};
#endif

template <class Mapper> void count(benchmark::State &state, const Mapper &mapper, uint64_t before)
{
	state.counters["inv"] =
		benchmark::Counter(static_cast<double>(mapper.invalidations() - before),
				   benchmark::Counter::kAvgIterations);
}

template <class Mapper> void map_unmap(benchmark::State &state, Mapper &mapper, uint64_t size)
{
	const uint64_t before = mapper.invalidations();

	for (auto _ : state) {
		uint64_t address = mapper.map(memory(0), size);

		benchmark::DoNotOptimize(address);
		mapper.unmap(address, size);
	}
	count(state, mapper, before);
}

template <class Mapper> void pair_4k(benchmark::State &state)
{
	Mapper mapper;

	map_unmap(state, mapper, page);
}

template <class Mapper> void pair_64k(benchmark::State &state)
{
	Mapper mapper;

	map_unmap(state, mapper, 16 * page);
}

void lazy(benchmark::State &state)
{
	Ours mapper(IOMMU_DOMAIN_DMA_LAZY);

	map_unmap(state, mapper, page);
}

template <class Mapper> void ring(benchmark::State &state)
{
	std::vector<uint64_t> live(256);
	Mapper mapper;
	size_t at = 0;
	uint64_t before;

	for (size_t i = 0; i < live.size(); i++)
		live[i] = mapper.map(memory(i), page);
	before = mapper.invalidations();
	for (auto _ : state) {
		mapper.unmap(live[at], page);
		live[at] = mapper.map(memory(at), page);
		at = (at + 1) % live.size();
	}
	count(state, mapper, before);
	for (uint64_t address : live)
		mapper.unmap(address, page);
}

template <class Mapper> void scattered(benchmark::State &state)
{
	std::vector<iommu_dma_piece> pieces(16);
	Mapper mapper;
	const uint64_t before = mapper.invalidations();

	for (size_t i = 0; i < pieces.size(); i++) {
		pieces[i].paddr = memory(i);
		pieces[i].size = page;
	}
	for (auto _ : state)
		mapper.scatter(pieces);
	count(state, mapper, before);
}

template <class Mapper> void batches(benchmark::State &state)
{
	Mapper mapper;
	const uint64_t before = mapper.invalidations();

	for (auto _ : state)
		mapper.batch(64);
	count(state, mapper, before);
	mapper.finish();
}

template <class Mapper> void add(const std::string &who)
{
	using benchmark::RegisterBenchmark;

	RegisterBenchmark(("dma/map_unmap_4k/" + who).c_str(), pair_4k<Mapper>);
	RegisterBenchmark(("dma/map_unmap_64k/" + who).c_str(), pair_64k<Mapper>);
	RegisterBenchmark(("dma/ring256/" + who).c_str(), ring<Mapper>);
	RegisterBenchmark(("dma/sg16/" + who).c_str(), scattered<Mapper>);
	RegisterBenchmark(("dma/batch64/" + who).c_str(), batches<Mapper>);
}

} // namespace

int main(int argc, char **argv)
{
	add<Ours>("ours");
	add<OursOn<true>>("exclusive");
	benchmark::RegisterBenchmark("dma/lazy_4k/ours", lazy);
#ifdef BENCH_PEER_LINUX
	add<Linux>("linux");
#endif
	benchmark::Initialize(&argc, argv);
	benchmark::RunSpecifiedBenchmarks();
	return 0;
}
