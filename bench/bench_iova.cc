// SPDX-License-Identifier: BSD-2-Clause
//
// IOVA allocation: ours, and Linux's own iova.c when built with peers. Each workload is one
// template, run on all. Granule 4K, first granule 1; sizes in granules; all requests aligned to the
// next power of two of their size, as the peers' are; limits as a granule number.
//
//   iova/warm_pair       allocate and free one granule through the CPU's cache; limit 48 bits.
//                        (Linux: alloc_iova_fast, free_iova_fast; so for the next three.)
//   iova/ring256         256 live ranges of one granule in a ring: free the oldest, allocate
//                        another.
//   iova/ring256_mixed   the same with sizes of 1 to 8 granules, rounded up to powers of two.
//   iova/two_threads     warm_pair on two threads at once, each on a CPU of its own. Per pair and
//                        thread.
//   iova/four_threads    the same on four threads, two on each CPU (slices.h: on_four_threads),
//                        which no host can vouch for.
//   iova/tree_pair       allocate and free one granule through the tree, space empty but for one
//                        range at the top; limit 48 bits. (Linux: alloc_iova, __free_iova.)
//   iova/tree/N          N live ranges of 1 to 4 granules, and 20000 exchanges before the clock
//                        starts (2000 with a million); then free one at random and allocate one of
//                        1 to 4, through the tree; limit 48 bits. Per exchange, of 2000 in a slice.
//   iova/frag32          the space below 4 GiB is filled with single granules, and every second one
//                        is freed, but for the lowest 1024. Then: free one of those, request two
//                        granules below 4 GiB, which fails, and take the one again. Per such round.
//                        (The peers remember a failure until something is freed; so does each round
//                        begin.)
//   iova/frag32_aligned  filled likewise; of each four neighbours three are freed; the request is
//                        for four.
//
// "exclusive": ours where the host vouches for the CPU, by its guard (guard.h): no lock, no call of
// the host. "floor" of pairs through the cache: an uncontended spinlock taken and released twice;
// "floor-exclusive": a count and a range that change, without it. "floor" of the tree: as many
// ranges as are live lie in memory, and one at random is written twice, each time under a lock.
#include <functional>
#include <string>
#include <vector>

#include <libiommu/iova.h>

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

constexpr uint64_t limit_48 = (1ULL << 36) - 1, limit_32 = (1ULL << 20) - 1;

uint64_t power_of_two_above(uint64_t size)
{
	return size <= 1 ? 1 : 1ULL << (64 - __builtin_clzll(size - 1));
}

class Ours
{
      public:
	using Range = iommu_iova_range *;
	Ours()
	{
		iommu_iova_config config = {};
		config.platform = bench_platform();
		config.granule = 4096;
		config.first = 1;
		config.last = (1ULL << 52) - 1;
		check(iommu_iova_space_create(&config, &space) == 0);
	}
	~Ours()
	{
		iommu_iova_space_destroy(space);
	}
	Range alloc(uint64_t size, uint64_t limit)
	{
		iommu_iova_request request = {};
		Range range = nullptr;

		request.size = size;
		request.alignment = power_of_two_above(size);
		request.limit = limit;
		return iommu_iova_alloc(space, &request, &range) == 0 ? range : nullptr;
	}
	void free(Range range)
	{
		iommu_iova_free(space, range);
	}

      private:
	iommu_iova_space *space;
};

#ifdef BENCH_PEER_LINUX
template <class Peer> class Linux
{
      public:
	using Range = void *;
	Linux() : space(Peer::iova_create())
	{
	}
	~Linux()
	{
		Peer::iova_destroy(space);
	}
	Range alloc(uint64_t size, uint64_t limit)
	{
		return Peer::iova_alloc(space, size, limit);
	}
	void free(Range range)
	{
		Peer::iova_free(space, range);
	}

      private:
	typename Peer::iova_space *space;
};
#endif

// Through the CPU's caches.
template <unsigned int flags> class OursCached
{
	static constexpr bool exclusive = (flags & IOMMU_IOVA_CACHE_CPU_EXCLUSIVE) != 0;

      public:
	OursCached()
	{
		iommu_iova_config config = {};
		iommu_iova_cache_config cached = {};

		config.platform = bench_platform();
		config.granule = 4096;
		config.first = 1;
		config.last = (1ULL << 52) - 1;
		check(iommu_iova_space_create(&config, &space) == 0);
		cached.space = space;
		cached.depot_magazines = 32; // as many as the peer's depot of one size
		cached.flags = flags;
		check(iommu_iova_cache_create(&cached, &cache) == 0);
	}
	~OursCached()
	{
		iommu_iova_cache_destroy(cache);
		iommu_iova_space_destroy(space);
	}
	uint64_t alloc(unsigned int order)
	{
		uint64_t first = 0;

		check((exclusive ? iommu_iova_cache_alloc_on(cache, bench_cpu, order, limit_48, 0,
							     &first)
				 : iommu_iova_cache_alloc(cache, order, limit_48, 0, &first)) == 0);
		return first;
	}
	void free(uint64_t first, unsigned int order)
	{
		if (exclusive)
			iommu_iova_cache_free_on(cache, bench_cpu, first, order);
		else
			iommu_iova_cache_free(cache, first, order);
	}
	static void set_cpu(unsigned int cpu)
	{
		bench_cpu = cpu;
	}

      private:
	iommu_iova_space *space;
	iommu_iova_cache *cache;
};

#ifdef BENCH_PEER_LINUX
template <class Peer> class LinuxCached
{
      public:
	LinuxCached() : space(Peer::iova_create())
	{
	}
	~LinuxCached()
	{
		Peer::iova_destroy(space);
	}
	uint64_t alloc(unsigned int order)
	{
		uint64_t pfn = Peer::iova_alloc_fast(space, 1UL << order, limit_48);

		check(pfn != 0);
		return pfn;
	}
	void free(uint64_t first, unsigned int order)
	{
		Peer::iova_free_fast(space, first, 1UL << order);
	}
	static void set_cpu(unsigned int cpu)
	{
		Peer::set_cpu(cpu);
	}

      private:
	typename Peer::iova_space *space;
};
#endif

template <class Cache> void warm_pair(bench::State &state)
{
	Cache cache;

	cache.free(cache.alloc(0), 0);
	for (auto _ : state) {
		uint64_t first = cache.alloc(0);

		bench::keep(first);
		cache.free(first, 0);
	}
}

uint64_t next_random(uint64_t &random);

template <class Cache, bool mixed> void ring(bench::State &state)
{
	constexpr size_t size = 256;
	std::vector<uint64_t> ranges(size);
	std::vector<unsigned int> orders(size), next_orders(4096);
	uint64_t random = 88172645463325252;
	size_t at = 0, turn = 0;
	Cache cache;

	for (auto &order : next_orders)
		order = mixed ? static_cast<unsigned int>(__builtin_ctzll(
					power_of_two_above(1 + next_random(random) % 8)))
			      : 0;
	for (size_t i = 0; i < size; i++)
		ranges[i] = cache.alloc(orders[i] = next_orders[i]);
	for (auto _ : state) {
		cache.free(ranges[at], orders[at]);
		orders[at] = next_orders[turn];
		ranges[at] = cache.alloc(orders[at]);
		at = (at + 1) % size;
		turn = (turn + 1) % 4096;
	}
}

using OnThreads = void (*)(bench::State &, const std::function<void(unsigned int, uint64_t)> &);

template <class Cache> void threads(bench::State &state, OnThreads run)
{
	Cache cache;

	// Both CPUs have what they need before the threads start.
	for (unsigned int cpu : {1, 0}) {
		Cache::set_cpu(cpu);
		cache.free(cache.alloc(0), 0);
	}
	run(state, [&cache](unsigned int cpu, uint64_t pairs) {
		Cache::set_cpu(cpu);
		while (pairs-- != 0) {
			uint64_t first = cache.alloc(0);

			bench::keep(first);
			cache.free(first, 0);
		}
	});
}

template <class Cache> void two_threads(bench::State &state)
{
	threads<Cache>(state, bench::on_two_threads);
}

template <class Cache> void four_threads(bench::State &state)
{
	threads<Cache>(state, bench::on_four_threads);
}

// A lock of the CPU's own, twice for a pair, and nothing that it protects.
class LockAlone
{
      public:
	uint64_t alloc(unsigned int)
	{
		lock_once();
		return bench_cpu;
	}
	void free(uint64_t, unsigned int)
	{
		lock_once();
	}
	static void set_cpu(unsigned int cpu)
	{
		bench_cpu = cpu;
	}

      private:
	void lock_once()
	{
		locks[bench_cpu].take();
		locks[bench_cpu].release();
	}
	floors::Lock locks[BENCH_CPUS];
};

// A count and a range, which no lock protects.
class CountAlone
{
      public:
	CountAlone()
	{
		for (auto &addresses : of_cpu)
			addresses.fill(1);
	}
	uint64_t alloc(unsigned int)
	{
		return of_cpu[bench_cpu].alloc();
	}
	void free(uint64_t first, unsigned int)
	{
		of_cpu[bench_cpu].free(first);
	}
	static void set_cpu(unsigned int cpu)
	{
		bench_cpu = cpu;
	}

      private:
	floors::Addresses<floors::NoLock> of_cpu[BENCH_CPUS];
};

template <class Cache> void add_pairs(const std::string &who)
{
	bench::add("iova/warm_pair", who, warm_pair<Cache>);
	bench::add("iova/two_threads", who, two_threads<Cache>);
}

template <class Cache> void add_cached(const std::string &who)
{
	add_pairs<Cache>(who);
	bench::add("iova/ring256", who, ring<Cache, false>);
	bench::add("iova/ring256_mixed", who, ring<Cache, true>);
}

uint64_t next_random(uint64_t &random)
{
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	return random;
}

template <class Space> void tree_pair(bench::State &state)
{
	Space space;

	check(space.alloc(1, limit_48) != nullptr);
	for (auto _ : state) {
		auto range = space.alloc(1, limit_48);
		bench::keep(range);
		space.free(range);
	}
}

unsigned int exchanges_before(size_t live)
{
	if (bench::quick())
		return 200;
	return live < 1000000 ? 20000 : 2000;
}

template <class Space> void tree(bench::State &state, size_t live)
{
	std::vector<typename Space::Range> ranges(live);
	uint64_t random = 88172645463325252;
	Space space;

	for (auto &range : ranges)
		check((range = space.alloc(1 + next_random(random) % 4, limit_48)) != nullptr);
	auto exchange = [&]() {
		auto &range = ranges[next_random(random) % live];

		space.free(range);
		range = space.alloc(1 + next_random(random) % 4, limit_48);
	};
	for (unsigned int i = 0; i < exchanges_before(live); i++)
		exchange();
	// Some take the peer a thousand times as long as most.
	state.at_least(bench::quick() ? 20 : 2000);
	for (auto _ : state)
		exchange();
}

// One granule in each place below 4 GiB but 0, then those go that `goes` says, but not the lowest
// 1024. Each round fails to allocate `size`.
template <class Space, class Goes> void fragmented(bench::State &state, uint64_t size, Goes goes)
{
	std::vector<typename Space::Range> ranges; // from the top
	Space space;

	while (auto range = space.alloc(1, limit_32))
		ranges.push_back(range);
	check(ranges.size() == limit_32);
	for (size_t i = 0; i < ranges.size() - 1024; i++)
		if (goes(i))
			space.free(ranges[i]);
	// Granule number 512: the 512th from below.
	auto &one = ranges[ranges.size() - 512];
	for (auto _ : state) {
		space.free(one);
		check(space.alloc(size, limit_32) == nullptr);
		check((one = space.alloc(1, 512)) != nullptr);
	}
}

template <class Space> void frag32(bench::State &state)
{
	fragmented<Space>(state, 2, [](size_t i) { return i % 2 == 0; });
}

template <class Space> void frag32_aligned(bench::State &state)
{
	fragmented<Space>(state, 4, [](size_t i) { return i % 4 != 0; });
}

// Ranges of the tree, of which an exchange at random cannot but touch one: what is freed goes, and
// what is allocated comes.
void tree_floor(bench::State &state, size_t live)
{
	std::vector<iommu_iova_range> ranges(live);
	uint64_t random = 88172645463325252;
	floors::Lock lock;

	for (auto _ : state) {
		volatile uint64_t &first = ranges[next_random(random) % live].first;

		for (int i = 0; i < 2; i++) {
			lock.take();
			first = random;
			lock.release();
		}
	}
}

constexpr size_t tree_sizes[] = {1000, 10000, 100000, 1000000};

template <class Space> void add(const std::string &who)
{
	bench::add("iova/tree_pair", who, tree_pair<Space>);
	for (size_t live : tree_sizes)
		bench::add("iova/tree/" + std::to_string(live), who,
			   [live](bench::State &state) { tree<Space>(state, live); });
	bench::add("iova/frag32", who, frag32<Space>);
	bench::add("iova/frag32_aligned", who, frag32_aligned<Space>);
}

} // namespace

void add_iova_rows()
{
	add_cached<OursCached<0>>("ours");
	bench::add("iova/four_threads", "ours", four_threads<OursCached<0>>);
	add_cached<OursCached<IOMMU_IOVA_CACHE_CPU_EXCLUSIVE>>("exclusive");
	add<Ours>("ours");
#ifdef BENCH_PEER_LINUX
	add_cached<LinuxCached<linux61_functions>>("linux-6.1");
	bench::add("iova/four_threads", "linux-6.1", four_threads<LinuxCached<linux61_functions>>);
	add<Linux<linux61_functions>>("linux-6.1");
	add_cached<LinuxCached<linux73_functions>>("linux-7.3");
	bench::add("iova/four_threads", "linux-7.3", four_threads<LinuxCached<linux73_functions>>);
	add<Linux<linux73_functions>>("linux-7.3");
#endif
	add_pairs<LockAlone>("floor");
	bench::add("iova/four_threads", "floor", four_threads<LockAlone>);
	add_pairs<CountAlone>("floor-exclusive");
	for (size_t live : tree_sizes)
		bench::add("iova/tree/" + std::to_string(live), "floor",
			   [live](bench::State &state) { tree_floor(state, live); });
	bench::compare_threads("iova/two_threads", "iova/warm_pair");
	bench::compare_threads("iova/four_threads", "iova/warm_pair");
}
