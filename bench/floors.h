// SPDX-License-Identifier: BSD-2-Clause
//
// Floors of whole paths: the stores, loads and locks that docs/performance.md ("Floors") says a
// path cannot do without, and nothing else; no layer, no check, no call, but for the unit's
// registers. They have the interface of the mappers beside which they run.
#ifndef BENCH_FLOORS_H
#define BENCH_FLOORS_H

#include <cstdint>
#include <vector>

#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>

#include "check.h"
#include "pages.h"
#include "vtd_at_once.h"

namespace floors
{

// On a line of its own. Taking it is the one locked operation.
class alignas(64) Lock
{
      public:
	void take()
	{
		while (__atomic_exchange_n(&taken, 1, __ATOMIC_ACQUIRE) != 0)
			relax();
	}
	void release()
	{
		__atomic_store_n(&taken, 0, __ATOMIC_RELEASE);
	}
	static void relax()
	{
#ifdef __x86_64__
		__builtin_ia32_pause();
#endif
	}

      private:
	uint32_t taken = 0;
};

// Where the host vouches for the CPU.
class NoLock
{
      public:
	void take()
	{
	}
	void release()
	{
	}
};

// Addresses that a CPU has at hand, under a lock of that CPU: a count, and a range.
template <class CpuLock> class alignas(64) Addresses
{
      public:
	// Page numbers from there on: as many as a line of the table has entries.
	void fill(uint64_t first)
	{
		while (count < 8)
			free(first + count);
	}
	uint64_t alloc()
	{
		lock.take();
		const uint64_t left = count - 1;
		const uint64_t page = pages[left];
		count = left;
		lock.release();
		return page;
	}
	void free(uint64_t page)
	{
		lock.take();
		const uint64_t held = count;
		pages[held] = page;
		count = held + 1;
		lock.release();
	}

      private:
	CpuLock lock;
	volatile uint64_t count = 0;
	volatile uint64_t pages[8];
};

// Three levels that lead to one table of entries.
class Table
{
      public:
	Table()
	{
		for (volatile uint64_t *&level : levels) {
			level = static_cast<uint64_t *>(bench_page_alloc());
			check(level != nullptr);
		}
		for (unsigned int i = 0; i < 3; i++)
			levels[i][0] = reinterpret_cast<uintptr_t>(levels[i + 1]) | 3;
	}
	~Table()
	{
		for (volatile uint64_t *level : levels)
			bench_page_free(const_cast<uint64_t *>(level));
	}
	volatile uint64_t &entry(uint64_t page) const
	{
		volatile uint64_t *table = levels[0];

		for (unsigned int shift = 27; shift != 0; shift -= 9)
			table = reinterpret_cast<uint64_t *>(table[page >> shift & 511] &
							     ~0xfffULL);
		return table[page & 511];
	}

      private:
	volatile uint64_t *levels[4];
};

// What a strict unmap says to no unit.
class NoUnit
{
      public:
	void forget(uint64_t)
	{
	}
};

// What it says to a unit of VT-d: two descriptors and the tail, under the lock of the queue; and it
// waits for the word that the second asks for.
class VtdQueue
{
      public:
	VtdQueue() : ring(static_cast<uint64_t *>(bench_page_alloc()))
	{
		check(ring != nullptr && vtd_at_once_create(&vtd, IOMMU_DOMAIN_DMA, false) == 0);
		for (unsigned int i = 0; i < 3; i++)
			before[i] = read(registers[i]);
		write(VTD_IQA, address_of(ring));
		write(VTD_IQH, 0);
		write(VTD_IQT, 0);
	}
	// The driver finds its own queue as it left it.
	~VtdQueue()
	{
		for (unsigned int i = 0; i < 3; i++)
			write(registers[i], before[i]);
		vtd_at_once_destroy(&vtd);
		bench_page_free(const_cast<uint64_t *>(ring));
	}
	void forget(uint64_t page)
	{
		lock.take();
		volatile uint64_t *const place = ring + tail / 8;
		volatile uint32_t *const word = &words[tail / 32 * 16];

		tail = (tail + 32) % IOMMU_PAGE_SIZE;
		*word = 0;
		place[0] = VTD_DESCRIPTOR_IOTLB | VTD_GRANULARITY_PAGE << 4 | 1 << 16;
		place[1] = page << 12;
		place[2] = VTD_DESCRIPTOR_WAIT | VTD_WAIT_STATUS_WRITE | 1ULL << 32;
		place[3] = address_of(word);
		write(VTD_IQT, tail);
		lock.release();
		while (*word == 0)
			Lock::relax();
	}

      private:
	static iommu_paddr_t address_of(const volatile void *of)
	{
		return iommu_virt_to_phys(bench_platform(), const_cast<const void *>(of));
	}
	void write(unsigned int offset, uint64_t value)
	{
		vtd.platform.mmio_write64(&vtd, vtd.registers + offset, value);
	}
	uint64_t read(unsigned int offset)
	{
		return vtd.platform.mmio_read64(&vtd, vtd.registers + offset);
	}

	// The tail comes last: writing it makes the unit look.
	static constexpr unsigned int registers[] = {VTD_IQA, VTD_IQH, VTD_IQT};

	vtd_at_once vtd;
	Lock lock;
	uint64_t tail = 0;
	volatile uint64_t *ring;
	uint64_t before[3];
	// A line for each place of the queue.
	alignas(64) volatile uint32_t words[IOMMU_PAGE_SIZE / 32 * 16] = {};
};

// One page: an address of the CPU's, its entry, and back.
template <class Unit, class CpuLock> class Dma
{
      public:
	Dma()
	{
		for (uint64_t cpu = 0; cpu < BENCH_CPUS; cpu++)
			of_cpu[cpu].fill(8 + cpu * 8);
	}
	static void set_cpu(unsigned int cpu)
	{
		bench_cpu = cpu;
	}
	uint64_t map(uint64_t paddr, uint64_t)
	{
		const uint64_t page = of_cpu[bench_cpu].alloc();
		volatile uint64_t &entry = table.entry(page);

		check(entry == 0);
		entry = paddr | 3;
		return page << 12;
	}
	void unmap(uint64_t address, uint64_t)
	{
		volatile uint64_t &entry = table.entry(address >> 12);

		check(entry != 0);
		entry = 0;
		unit.forget(address >> 12);
		of_cpu[bench_cpu].free(address >> 12);
	}
	uint64_t lookup(uint64_t address) const
	{
		return table.entry(address >> 12) & ~0xfffULL;
	}

      private:
	Addresses<CpuLock> of_cpu[BENCH_CPUS];
	Table table;
	Unit unit;
};

// Pages of a POWER window: a CPU's bitmap under its lock, and the entries; after each change a
// fence that the bridge is told behind.
class Window
{
      public:
	static void set_cpu(unsigned int cpu)
	{
		bench_cpu = cpu;
	}
	bool map(uint64_t pages, uint64_t &address)
	{
		Pool &pool = pools[bench_cpu];
		const uint64_t run = (1ULL << pages) - 1;

		pool.lock.take();
		const uint64_t taken = pool.taken;
		uint64_t first = 0;

		while (first < 64 && (taken & run << first) != 0)
			first += pages;
		check(first < 64);
		pool.taken = taken | run << first;
		pool.lock.release();
		for (uint64_t i = 0; i < pages; i++)
			pool.entries[first + i] = (i << 16) | 3;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		address = first;
		return true;
	}
	void unmap(uint64_t address, uint64_t pages)
	{
		Pool &pool = pools[bench_cpu];

		for (uint64_t i = 0; i < pages; i++)
			pool.entries[address + i] = 0;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		pool.lock.take();
		pool.taken = pool.taken & ~(((1ULL << pages) - 1) << address);
		pool.lock.release();
	}

      private:
	struct alignas(64) Pool {
		Lock lock;
		volatile uint64_t taken = 0;
		alignas(64) volatile uint64_t entries[64] = {};
	};
	Pool pools[BENCH_CPUS];
};

} // namespace floors

#endif
