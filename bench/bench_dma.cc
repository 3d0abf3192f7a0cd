// SPDX-License-Identifier: BSD-2-Clause
//
// The DMA mapping API, whole: address, tables, invalidation, and back. Limit 48 bits.
//
// dma/…: over a unit whose invalidations take no time (null_unit.h). The peers' parts do what
// Linux's dma-iommu does below its own layers, with Linux's own code: alloc_iova_fast, its page
// tables, free_iova_fast; "linux-7.3-whole" is all from dma_map_phys down. vtd/…: the same through
// the VT-d driver, ours and Linux 7.3's, over registers that answer at once (vtd_at_once.h).
// riscv/…: likewise, through the RISC-V drivers (riscv_at_once.h). smmu/…: through the library's of
// Arm's SMMUv3 (smmu_at_once.h), without a peer.
//
//   map_unmap_4k   map one page, unmap it. Per pair.
//   map_4k         map alone, of 64 that are unmapped apart.
//   map_unmap_64k  the same with 64 KiB.
//   ring256        256 live buffers of one page: unmap the oldest, map another. Per exchange.
//   sg16, sg256    so many scattered pages at consecutive addresses, mapped and unmapped. Per list.
//   batch64        64 buffers of one page, mapped singly and unmapped. Per 64. Ours: a window,
//                  unmapped with one call and one invalidation; the peers' 64 are left out.
//   lazy_4k        map_unmap_4k in lazy mode: through the flush queue.
//   two_threads    map_unmap_4k on two threads at once, each on its own CPU, in one domain. Per
//                  pair of one thread.
//   four_threads   the same on four threads, two on each CPU (slices.h: on_four_threads), which no
//                  host can vouch for.
//   two_parts      what two_threads does in caches of addresses and in tables alone, as the peers'
//                  parts do; "plain": with addresses of two CPUs in one line of the table.
//
// "exclusive": ours where the host vouches for its CPUs (iommu_platform.cpu_exclusive) and has its
// guard compiled in (guard.h): no lock around the address caches. "floor", "floor-exclusive": what
// one page cannot do without, with a lock around addresses and without (floors.h). "inv" is how
// many invalidations one operation asks for.
#include <functional>
#include <string>
#include <vector>

#include <libiommu/iova.h>

#include "check.h"
#include "floors.h"
#include "null_unit.h"
#include "pages.h"
#include "riscv_at_once.h"
#include "rows.h"
#include "slices.h"
#include "smmu_at_once.h"
#include "vtd_at_once.h"
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

// An instance with one unit, while it lives.
template <class Raw, int (*create)(Raw *, enum iommu_domain_type, bool), void (*destroy)(Raw *)>
struct Machine {
	Machine(enum iommu_domain_type type, bool exclusive)
	{
		check(create(&unit, type, exclusive) == 0);
	}
	~Machine()
	{
		destroy(&unit);
	}
	uint64_t invalidations() const
	{
		return bench_count_of_all(&unit.invalidations);
	}
	Raw unit = {};
};

using NullUnit = Machine<null_unit, null_unit_create, null_unit_destroy>;
using RiscvAtOnce = Machine<riscv_at_once, riscv_at_once_create, riscv_at_once_destroy>;
using SmmuAtOnce = Machine<smmu_at_once, smmu_at_once_create, smmu_at_once_destroy>;
using VtdAtOnce = Machine<vtd_at_once, vtd_at_once_create, vtd_at_once_destroy>;

template <class Unit, bool exclusive, enum iommu_domain_type type = IOMMU_DOMAIN_DMA> class Ours
{
      public:
	Ours() : machine(type, exclusive)
	{
		check(iommu_dma_of(machine.unit.endpoint, &dma) == 0);
		device = iommu_dma_device_of(machine.unit.endpoint, 0);
		// A neighbour that stays keeps the tables.
		keep = map(memory(4000), page);
	}
	~Ours()
	{
		unmap(keep, page);
	}
	static void set_cpu(unsigned int cpu)
	{
		bench_cpu = cpu;
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
	uint64_t lookup(uint64_t address) const
	{
		iommu_paddr_t paddr = 0;

		return iommu_iova_to_phys(iommu_endpoint_domain(machine.unit.endpoint), address,
					  &paddr) == 0
			       ? paddr
			       : 0;
	}
	uint64_t map_list(std::vector<iommu_dma_piece> &pieces)
	{
		unsigned int elements = 0;

		check(iommu_dma_map_sg(dma, &device, pieces.data(),
				       static_cast<unsigned int>(pieces.size()),
				       IOMMU_DMA_BIDIRECTIONAL, &elements) == 0);
		return pieces[0].address;
	}
	void unmap_list(std::vector<iommu_dma_piece> &pieces, uint64_t)
	{
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
		return machine.invalidations();
	}

      private:
	Unit machine;
	iommu_dma *dma = nullptr;
	iommu_dma_device device = {};
	iommu_dma_window window = {};
	uint64_t keep = 0;
};

// An address from the caches and an entry in the table, and back: nothing of the layers above.
template <unsigned int flags> class Parts
{
      public:
	Parts()
	{
		iommu_pgtable_config tables = {};
		iommu_iova_config addresses = {};
		iommu_iova_cache_config caches = {};

		tables.platform = addresses.platform = bench_platform();
		tables.levels = 4;
		tables.input_bits = 48;
		tables.output_bits = 46;
		tables.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G;
		check(iommu_vtdss_init(&table, &tables) == 0);
		addresses.granule = page;
		addresses.first = 1;
		addresses.last = (1ULL << 36) - 1;
		check(iommu_iova_space_create(&addresses, &space) == 0);
		caches.space = space;
		caches.depot_magazines = 32;
		caches.flags = flags;
		check(iommu_iova_cache_create(&caches, &cache) == 0);
		keep = map(memory(4000), page);
	}
	~Parts()
	{
		unmap(keep, page);
		iommu_iova_cache_destroy(cache);
		iommu_iova_space_destroy(space);
		iommu_vtdss_destroy(&table);
	}
	static void set_cpu(unsigned int cpu)
	{
		bench_cpu = cpu;
	}
	uint64_t map(uint64_t paddr, uint64_t size)
	{
		uint64_t first = 0;

		check(iommu_iova_cache_alloc(cache, 0, UINT64_MAX, 0, &first) == 0);
		if (!iommu_vtdss_map_page(&table, first * page, paddr, size, IOMMU_PROT_READ_WRITE))
			map_slowly(first * page, paddr, size);
		return first * page;
	}
	void unmap(uint64_t address, uint64_t size)
	{
		check(iommu_vtdss_unmap_page(&table, address, size));
		iommu_iova_cache_free(cache, address / page, 0);
	}
	uint64_t lookup(uint64_t address) const
	{
		iommu_paddr_t paddr = 0;

		return iommu_vtdss_iova_to_phys(&table, address, &paddr, nullptr) == 0 ? paddr : 0;
	}

      private:
	// Where the tables are not there yet.
	void map_slowly(uint64_t address, uint64_t paddr, uint64_t size)
	{
		iommu_gather gather;
		uint64_t mapped;

		iommu_gather_init(&gather);
		check(iommu_vtdss_map(&table, address, paddr, size, IOMMU_PROT_READ_WRITE, &gather,
				      &mapped) == 0);
	}

	iommu_pgtable table;
	iommu_iova_space *space;
	iommu_iova_cache *cache;
	uint64_t keep = 0;
};

#ifdef BENCH_PEER_LINUX
template <class Peer> class Linux
{
      public:
	Linux() : space(Peer::iova_create()), table(Peer::pgtable_create())
	{
		keep = map(memory(4000), page);
	}
	~Linux()
	{
		unmap(keep, page);
		Peer::pgtable_destroy(table);
		Peer::iova_destroy(space);
	}
	static void set_cpu(unsigned int cpu)
	{
		Peer::set_cpu(cpu);
	}
	uint64_t map(uint64_t paddr, uint64_t size)
	{
		const uint64_t pfn = Peer::iova_alloc_fast(space, size / page, (1ULL << 36) - 1);

		check(pfn != 0 && Peer::pgtable_map(table, pfn, paddr / page, size / page) == 0);
		return pfn * page;
	}
	void unmap(uint64_t address, uint64_t size)
	{
		Peer::pgtable_unmap(table, address / page, size / page);
		Peer::iova_free_fast(space, address / page, size / page);
	}
	uint64_t lookup(uint64_t address) const
	{
		return Peer::pgtable_lookup(table, address / page);
	}
	uint64_t map_list(std::vector<iommu_dma_piece> &pieces)
	{
		const uint64_t pages = pieces.size();
		const uint64_t pfn = Peer::iova_alloc_fast(space, pages, (1ULL << 36) - 1);

		check(pfn != 0);
		for (uint64_t i = 0; i < pages; i++)
			check(Peer::pgtable_map(table, pfn + i, pieces[i].paddr / page, 1) == 0);
		return pfn * page;
	}
	void unmap_list(std::vector<iommu_dma_piece> &pieces, uint64_t address)
	{
		unmap(address, pieces.size() * page);
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

      private:
	typename Peer::iova_space *space;
	typename Peer::pgtable *table;
	uint64_t keep = 0;
};

// dma_map_phys and all below it, of 7.3.
template <enum linux73_unit unit, bool is_lazy = false> class Linux73Whole
{
      public:
	Linux73Whole() : dma(linux73_dma_create(unit, is_lazy))
	{
		keep = map(memory(4000), page);
	}
	~Linux73Whole()
	{
		unmap(keep, page);
		linux73_dma_destroy(dma);
	}
	static void set_cpu(unsigned int cpu)
	{
		linux73_set_cpu(cpu);
	}
	uint64_t map(uint64_t paddr, uint64_t size)
	{
		const uint64_t address = linux73_dma_map(dma, paddr, size);

		check(address != UINT64_MAX);
		return address;
	}
	void unmap(uint64_t address, uint64_t size)
	{
		linux73_dma_unmap(dma, address, size);
	}
	uint64_t lookup(uint64_t address) const
	{
		return linux73_dma_lookup(dma, address);
	}
	uint64_t map_list(std::vector<iommu_dma_piece> &pieces)
	{
		const unsigned int count = static_cast<unsigned int>(pieces.size());
		uint64_t address;

		// The peer's own list, made once: a driver has one, too.
		if (listed != count) {
			uint64_t paddrs[LINUX73_PIECES];

			for (unsigned int i = 0; i < count; i++)
				paddrs[i] = pieces[i].paddr;
			linux73_dma_list(dma, paddrs, count);
			listed = count;
		}
		address = linux73_dma_map_list(dma, count);
		check(address != UINT64_MAX);
		return address;
	}
	void unmap_list(std::vector<iommu_dma_piece> &pieces, uint64_t)
	{
		linux73_dma_unmap_list(dma, static_cast<unsigned int>(pieces.size()));
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

      private:
	linux73_dma *dma;
	uint64_t keep = 0;
	unsigned int listed = 0;
};
#endif

// Each side does its work: the tables lead where they should, and afterwards nowhere.
template <class Mapper> void verify(Mapper &mapper)
{
	const uint64_t address = mapper.map(memory(1), page);

	check(mapper.lookup(address) == memory(1));
	mapper.unmap(address, page);
	check(mapper.lookup(address) == 0);
}

template <class Mapper> void verify_list(Mapper &mapper, std::vector<iommu_dma_piece> &pieces)
{
	const uint64_t address = mapper.map_list(pieces);

	for (size_t i = 0; i < pieces.size(); i++)
		check(mapper.lookup(address + i * page) == pieces[i].paddr);
	mapper.unmap_list(pieces, address);
	for (size_t i = 0; i < pieces.size(); i++)
		check(mapper.lookup(address + i * page) == 0);
}

// Invalidations of each operation, for those that ask for any.
template <class Mapper> uint64_t invalidations(const Mapper &)
{
	return 0;
}
template <class Unit, bool exclusive, enum iommu_domain_type type>
uint64_t invalidations(const Ours<Unit, exclusive, type> &mapper)
{
	return mapper.invalidations();
}

template <class Mapper> class Counter
{
      public:
	Counter(bench::State &of, const Mapper &by)
	    : state(of), mapper(by), before(invalidations(by))
	{
	}
	~Counter()
	{
		const uint64_t asked = invalidations(mapper) - before;

		if (asked != 0)
			state.note("inv",
				   static_cast<double>(asked) / static_cast<double>(operations));
	}
	uint64_t operations = 0;

      private:
	bench::State &state;
	const Mapper &mapper;
	uint64_t before;
};

template <class Mapper> void map_unmap(bench::State &state, uint64_t size)
{
	Mapper mapper;
	Counter<Mapper> counter(state, mapper);

	verify(mapper);
	for (auto _ : state) {
		uint64_t address = mapper.map(memory(0), size);

		bench::keep(address);
		mapper.unmap(address, size);
		counter.operations++;
	}
}

template <class Mapper> void map_alone(bench::State &state)
{
	uint64_t addresses[64];
	Mapper mapper;

	state.things(64);
	for (auto _ : state.parts()) {
		state.start();
		for (unsigned int i = 0; i < 64; i++)
			addresses[i] = mapper.map(memory(i), page);
		state.stop();
		for (uint64_t address : addresses)
			mapper.unmap(address, page);
	}
}

template <class Mapper> void ring(bench::State &state)
{
	std::vector<uint64_t> live(256);
	Mapper mapper;
	size_t at = 0;

	for (size_t i = 0; i < live.size(); i++)
		live[i] = mapper.map(memory(i), page);
	for (auto _ : state) {
		mapper.unmap(live[at], page);
		live[at] = mapper.map(memory(at), page);
		at = (at + 1) % live.size();
	}
	for (uint64_t address : live)
		mapper.unmap(address, page);
}

template <class Mapper> void scattered(bench::State &state, size_t count)
{
	std::vector<iommu_dma_piece> pieces(count);
	Mapper mapper;
	Counter<Mapper> counter(state, mapper);

	for (size_t i = 0; i < pieces.size(); i++) {
		pieces[i].paddr = memory(i);
		pieces[i].size = page;
	}
	verify_list(mapper, pieces);
	for (auto _ : state) {
		mapper.unmap_list(pieces, mapper.map_list(pieces));
		counter.operations++;
	}
}

template <class Mapper> void batches(bench::State &state)
{
	Mapper mapper;

	{
		Counter<Mapper> counter(state, mapper);

		for (auto _ : state) {
			mapper.batch(64);
			counter.operations++;
		}
	}
	mapper.finish();
}

using OnThreads = void (*)(bench::State &, const std::function<void(unsigned int, uint64_t)> &);

template <class Mapper> void threads(bench::State &state, OnThreads run)
{
	Mapper mapper;

	// Both CPUs have what they need before the threads start.
	for (unsigned int cpu : {1, 0}) {
		Mapper::set_cpu(cpu);
		verify(mapper);
	}
	run(state, [&mapper](unsigned int cpu, uint64_t pairs) {
		Mapper::set_cpu(cpu);
		while (pairs-- != 0) {
			uint64_t address = mapper.map(memory(cpu), page);

			bench::keep(address);
			mapper.unmap(address, page);
		}
	});
}

template <class Mapper> void two_threads(bench::State &state)
{
	threads<Mapper>(state, bench::on_two_threads);
}

template <class Mapper> void four_threads(bench::State &state)
{
	threads<Mapper>(state, bench::on_four_threads);
}

// One page, on one thread and on two.
template <class Mapper> void add_pairs(const std::string &kind, const std::string &who)
{
	bench::add(kind + "/map_unmap_4k", who,
		   [](bench::State &state) { map_unmap<Mapper>(state, page); });
	bench::add(kind + "/two_threads", who, two_threads<Mapper>);
	bench::compare_threads(kind + "/two_threads", kind + "/map_unmap_4k");
}

template <class Mapper> void add_four(const std::string &kind, const std::string &who)
{
	bench::add(kind + "/four_threads", who, four_threads<Mapper>);
	bench::compare_threads(kind + "/four_threads", kind + "/map_unmap_4k");
}

template <class Unit> void add_floors(const std::string &kind)
{
	add_pairs<floors::Dma<Unit, floors::Lock>>(kind, "floor");
	add_pairs<floors::Dma<Unit, floors::NoLock>>(kind, "floor-exclusive");
	add_four<floors::Dma<Unit, floors::Lock>>(kind, "floor");
}

// What every mapper is measured by.
template <class Mapper> void add_all(const std::string &kind, const std::string &who)
{
	add_pairs<Mapper>(kind, who);
	bench::add(kind + "/map_4k", who, map_alone<Mapper>);
	bench::add(kind + "/map_unmap_64k", who,
		   [](bench::State &state) { map_unmap<Mapper>(state, 16 * page); });
	bench::add(kind + "/ring256", who, ring<Mapper>);
	bench::add(kind + "/sg16", who, [](bench::State &state) { scattered<Mapper>(state, 16); });
	bench::add(kind + "/sg256", who,
		   [](bench::State &state) { scattered<Mapper>(state, 256); });
	bench::add(kind + "/batch64", who, batches<Mapper>);
}

template <class Unit> void add_ours(const std::string &kind)
{
	using Strict = Ours<Unit, false>;
	using Lazy = Ours<Unit, false, IOMMU_DOMAIN_DMA_LAZY>;

	add_all<Strict>(kind, "ours");
	add_four<Strict>(kind, "ours");
	add_all<Ours<Unit, true>>(kind, "exclusive");
	bench::add(kind + "/lazy_4k", "ours",
		   [](bench::State &state) { map_unmap<Lazy>(state, page); });
	bench::add(kind + "/lazy_4k", "exclusive", [](bench::State &state) {
		map_unmap<Ours<Unit, true, IOMMU_DOMAIN_DMA_LAZY>>(state, page);
	});
}

} // namespace

void add_dma_rows()
{
	add_ours<NullUnit>("dma");
#ifdef BENCH_PEER_LINUX
	add_all<Linux<linux61_functions>>("dma", "linux-6.1");
	add_all<Linux<linux73_functions>>("dma", "linux-7.3");
	add_all<Linux73Whole<LINUX73_NO_UNIT>>("dma", "linux-7.3-whole");
	add_four<Linux<linux61_functions>>("dma", "linux-6.1");
	add_four<Linux73Whole<LINUX73_NO_UNIT>>("dma", "linux-7.3-whole");
	bench::add("dma/lazy_4k", "linux-7.3-whole", [](bench::State &state) {
		map_unmap<Linux73Whole<LINUX73_NO_UNIT, true>>(state, page);
	});
#endif
	add_floors<floors::NoUnit>("dma");
	bench::add("dma/two_parts", "ours", two_threads<Parts<IOMMU_IOVA_CACHE_LINES>>);
	bench::add("dma/two_parts", "plain", two_threads<Parts<0>>);
#ifdef BENCH_PEER_LINUX
	bench::add("dma/two_parts", "linux-6.1", two_threads<Linux<linux61_functions>>);
	bench::add("dma/two_parts", "linux-7.3", two_threads<Linux<linux73_functions>>);
#endif
	add_ours<VtdAtOnce>("vtd");
#ifdef BENCH_PEER_LINUX
	add_all<Linux73Whole<LINUX73_VTD>>("vtd", "linux-7.3-whole");
	add_four<Linux73Whole<LINUX73_VTD>>("vtd", "linux-7.3-whole");
	bench::add("vtd/lazy_4k", "linux-7.3-whole", [](bench::State &state) {
		map_unmap<Linux73Whole<LINUX73_VTD, true>>(state, page);
	});
#endif
	add_floors<floors::VtdQueue>("vtd");
	add_ours<RiscvAtOnce>("riscv");
#ifdef BENCH_PEER_LINUX
	add_all<Linux73Whole<LINUX73_RISCV>>("riscv", "linux-7.3-whole");
	add_four<Linux73Whole<LINUX73_RISCV>>("riscv", "linux-7.3-whole");
	bench::add("riscv/lazy_4k", "linux-7.3-whole", [](bench::State &state) {
		map_unmap<Linux73Whole<LINUX73_RISCV, true>>(state, page);
	});
#endif
	add_ours<SmmuAtOnce>("smmu");
}
