// SPDX-License-Identifier: BSD-2-Clause
//
// What a translation costs through the models of hardware, and whether two of them run side by
// side.
//
//   model/hit/N         VT-d, N pages of 4K of one device, remembered, in random order.
//   model/block         … a device whose addresses pass through.
//   model/off           … while translation is off.
//   model/interrupt     … an interrupt through an entry that is remembered.
//   model/hit/N/floor   what one read of a line of memory costs, of N that are read in random
//                       order: no look-up among so many can be faster on this machine at this
//                       moment.
//   model/miss          … a page of which four levels of tables must be read, after an
//                       invalidation of all.
//   model/miss_full     … the same of a cache that is full, at random: four entries come, and four
//                       go.
//   model/invalidate/N  … one page is invalidated by the queue, with a wait, of N that are
//                       remembered (or not: an invalidation takes its page away once).
//   model/two_devices   … 512 pages each of two devices, on two threads: nanoseconds for a
//                       translation of either; counter "scaling": throughput of both over that of
//                       one alone. By the processor time of each thread, so that it says the same
//                       on a machine that is busy.
//   model/two_sharing   … of two devices in one domain.
//   model/phb_hit/N     a POWER bridge, N pages of 64K, remembered, in random order.
//   model/phb_two       … two devices, as above.
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <iommu_hosted.h>
#include <libiommu/hw/tce.h>
#include <libiommu/hw/tve.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/model_tce.h>
#include <libiommu/model_vtd.h>

#include "check.h"
#include "rows.h"
#include "slices.h"

namespace
{

// The guest's memory: structures first, then tables.
constexpr uint64_t page = 4096, root = 0x1000, contexts = 0x2000, queue = 0x3000, status = 0x4000;
constexpr uint64_t interrupts = 0x5000, loop = 0x6000, tables = 0x10000, memory_bytes = 16 << 20;
constexpr uint16_t devices[2] = {0x0010, 0x0018};

unsigned char *memory()
{
	static std::vector<unsigned char> bytes(memory_bytes);

	return bytes.data();
}

void store(uint64_t address, uint64_t value)
{
	memcpy(memory() + address, &value, sizeof(value));
}

bool read_memory(void *, iommu_paddr_t address, void *bytes, size_t size)
{
	if (address > memory_bytes - size)
		return false;
	memcpy(bytes, memory() + address, size);
	return true;
}

bool write_memory(void *, iommu_paddr_t address, const void *bytes, size_t size)
{
	if (address > memory_bytes - size)
		return false;
	memcpy(memory() + address, bytes, size);
	return true;
}

bool read_cell(void *, iommu_paddr_t address, uint64_t *bytes)
{
	return read_memory(nullptr, address, bytes, sizeof(*bytes));
}

// Addresses that a benchmark goes through again and again, in no order.
std::vector<uint64_t> shuffled(uint64_t count, uint64_t step)
{
	std::vector<uint64_t> addresses(count);
	uint64_t random = 88172645463325252;

	for (uint64_t i = 0; i < count; i++)
		addresses[i] = i * step;
	for (uint64_t i = count; i > 1; i--) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		std::swap(addresses[i - 1], addresses[random % i]);
	}
	return addresses;
}

// --- VT-d ----------------------------------------------------------------------------------------

class Vtd
{
      public:
	explicit Vtd(size_t cache_entries)
	{
		iommu_model_vtd_config config = {};

		check(iommu_hosted_init(&hosted, nullptr, 256 << 20, 0) == 0);
		config.platform = &hosted.platform;
		config.host.read = read_memory;
		config.host.write = write_memory;
		config.flags = IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_INTERRUPT_REMAPPING;
		config.address_width = 57;
		config.levels = 1 << 4 | 1 << 5;
		config.address_mask = 18;
		config.cache_entries = cache_entries;
		check(iommu_model_vtd_create(&config, &model) == 0);
		memset(memory(), 0, memory_bytes);
		store(root, vtd_root_low(contexts));
	}
	~Vtd()
	{
		iommu_model_vtd_destroy(model);
		iommu_hosted_destroy(&hosted);
	}
	void attach(uint16_t source_id, uint64_t table, unsigned int levels, uint16_t domain_id,
		    vtd_translation_type type)
	{
		store(contexts + source_id * 16, vtd_context_low(table, type));
		store(contexts + source_id * 16 + 8, vtd_context_high(levels, domain_id));
	}
	void write(uint64_t offset, unsigned int size, uint64_t value)
	{
		iommu_model_vtd_mmio_write(model, offset, size, value);
	}
	void command(uint32_t bit)
	{
		write(VTD_GCMD, 4, lasting | bit);
		lasting |= bit & VTD_GLOBAL_LASTING;
	}
	void on()
	{
		write(VTD_RTADDR, 8, root);
		command(VTD_GLOBAL_SRTP);
		command(VTD_GLOBAL_TE);
	}
	uint64_t reach(uint16_t source_id, uint64_t address)
	{
		iommu_model_request request = {};
		iommu_model_translation result;

		request.source_id = source_id;
		request.address = address;
		request.access = IOMMU_PROT_READ;
		check(iommu_model_vtd_translate(model, &request, &result) == 0);
		return result.paddr;
	}

	iommu_model_vtd *model;

      private:
	iommu_hosted hosted;
	uint32_t lasting = 0;
};

// Four levels that map `pages` pages, to 262144, from 0 on, each to itself.
void make_tables(uint64_t pages)
{
	const uint64_t leaves = tables + 3 * page;

	store(tables, vtd_ss_table(tables + page));
	store(tables + page, vtd_ss_table(tables + 2 * page));
	for (uint64_t i = 0; i < (pages + 511) / 512; i++)
		store(tables + 2 * page + i * 8, vtd_ss_table(leaves + i * page));
	for (uint64_t i = 0; i < pages; i++)
		store(leaves + i * 8, vtd_ss_leaf(i * page, 1, true, true));
}

void hit(bench::State &state, uint64_t pages)
{
	const std::vector<uint64_t> addresses = shuffled(pages, page);
	Vtd vtd(pages + 2048);
	size_t at = 0;

	make_tables(pages);
	vtd.attach(devices[0], tables, 4, 5, VTD_TRANSLATE_UNTRANSLATED);
	vtd.on();
	for (uint64_t address : addresses)
		check(vtd.reach(devices[0], address) == address);
	for (auto _ : state) {
		bench::keep(vtd.reach(devices[0], addresses[at]));
		at = at + 1 == pages ? 0 : at + 1;
	}
}

void block(bench::State &state, bool on)
{
	const std::vector<uint64_t> addresses = shuffled(262144, page);
	Vtd vtd(0);
	size_t at = 0;

	vtd.attach(devices[0], 0, 5, 5, VTD_PASS_THROUGH);
	if (on)
		vtd.on();
	for (auto _ : state) {
		bench::keep(vtd.reach(devices[0], addresses[at]));
		at = at + 1 == addresses.size() ? 0 : at + 1;
	}
}

void interrupt(bench::State &state)
{
	iommu_model_interrupt result;
	Vtd vtd(0);

	store(interrupts, VTD_IRTE_PRESENT | 0x30 << 16);
	vtd.write(VTD_IRTA, 8, interrupts);
	vtd.command(VTD_GLOBAL_SIRTP);
	vtd.command(VTD_GLOBAL_IRE);
	for (auto _ : state)
		check(iommu_model_vtd_interrupt(vtd.model, devices[0], vtd_msi_address(0, false), 0,
						&result) == 0);
}

// A table that leads to itself, five levels deep: the uppermost is remembered, all below it is new.
void miss_full(bench::State &state)
{
	uint64_t random = 88172645463325252;
	Vtd vtd(0);

	for (unsigned int i = 0; i < 512; i++)
		store(loop + i * 8, vtd_ss_table(loop));
	vtd.attach(devices[0], loop, 5, 5, VTD_TRANSLATE_UNTRANSLATED);
	vtd.on();
	for (auto _ : state) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		bench::keep(vtd.reach(devices[0],
				      (random >> 8 & 0x1ffffffffffff000) & ((1ULL << 57) - 1)));
	}
}

// Of so many domains one page each, all by tables of their own.
void miss(bench::State &state)
{
	constexpr unsigned int domains = 128;
	Vtd vtd(0);

	for (unsigned int i = 0; i < domains; i++) {
		const uint64_t own = tables + i * 4 * page;

		for (unsigned int level = 0; level < 3; level++)
			store(own + level * page + i * 8, vtd_ss_table(own + (level + 1) * page));
		store(own + 3 * page + i * 8, vtd_ss_leaf(i * page, 1, true, true));
		vtd.attach(static_cast<uint16_t>(i), own, 4, static_cast<uint16_t>(i + 1),
			   VTD_TRANSLATE_UNTRANSLATED);
	}
	vtd.on();
	state.things(domains);
	for (auto _ : state.parts()) {
		// The contexts stay.
		vtd.write(0xf8, 8, VTD_IOTLB_IVT | 1ULL << 60);
		state.start();
		for (uint64_t i = 0; i < domains; i++)
			bench::keep(vtd.reach(static_cast<uint16_t>(i),
					      i << 39 | i << 30 | i << 21 | i << 12));
		state.stop();
	}
}

// The lines of a cache of so many pages, and nothing else.
void floor_of(bench::State &state, uint64_t lines)
{
	const std::vector<uint64_t> order = shuffled(lines, 64);
	std::vector<unsigned char> bytes(lines * 64);
	uint64_t at = 0;

	for (uint64_t i = 0; i < lines; i++)
		memcpy(&bytes[order[i]], &order[i + 1 == lines ? 0 : i + 1], 8);
	for (auto _ : state) {
		memcpy(&at, &bytes[at], 8);
		bench::keep(at);
	}
}

void invalidate(bench::State &state, uint64_t pages)
{
	const std::vector<uint64_t> addresses = shuffled(pages, page);
	Vtd vtd(pages + 2048);
	uint64_t tail = 0;
	size_t at = 0;

	make_tables(pages);
	vtd.attach(devices[0], tables, 4, 5, VTD_TRANSLATE_UNTRANSLATED);
	vtd.on();
	vtd.write(VTD_IQA, 8, queue);
	vtd.command(VTD_GLOBAL_QIE);
	for (uint64_t address : addresses)
		check(vtd.reach(devices[0], address) == address);
	for (auto _ : state) {
		const vtd_descriptor forget =
			vtd_descriptor_iotlb_pages(5, addresses[at], 0, true, 0);
		const vtd_descriptor wait = vtd_descriptor_wait(status, 1);

		store(queue + tail, forget.low);
		store(queue + tail + 8, forget.high);
		store(queue + tail + 16, wait.low);
		store(queue + tail + 24, wait.high);
		tail = (tail + 32) % page;
		vtd.write(VTD_IQT, 8, tail);
		at = at + 1 == pages ? 0 : at + 1;
	}
	check(memory()[status] == 1);
}

// --- POWER ---------------------------------------------------------------------------------------

constexpr uint64_t tce_page = 65536, window_bytes = 1ULL << 33;

class Phb
{
      public:
	explicit Phb(size_t cache_entries)
	{
		iommu_model_phb_config config = {};

		check(iommu_hosted_init(&hosted, nullptr, 256 << 20, 0) == 0);
		config.platform = &hosted.platform;
		config.host.read = read_cell;
		config.cache_entries = cache_entries;
		check(iommu_model_phb_create(&config, &phb) == 0);
		memset(memory(), 0, memory_bytes);
		// One level of 2^17 entries, big-endian.
		for (uint64_t i = 0; i < window_bytes / tce_page; i++)
			store(tables + i * 8,
			      __builtin_bswap64(i * tce_page | TCE_READ | TCE_WRITE));
		for (uint32_t i = 0; i < 2; i++) {
			check(iommu_model_phb_set_pe(phb, devices[i], i) == 0);
			check(iommu_model_phb_set_tve(phb, 2 * i, tve_table(tables, 1, 20, 16)) ==
			      0);
		}
	}
	~Phb()
	{
		iommu_model_phb_destroy(phb);
		iommu_hosted_destroy(&hosted);
	}
	uint64_t reach(uint16_t source_id, uint64_t address)
	{
		iommu_model_tce_access result;

		check(iommu_model_phb_access(phb, source_id, address, false, &result) == 0);
		return result.paddr;
	}

      private:
	iommu_model_phb *phb;
	iommu_hosted hosted;
};

void phb_hit(bench::State &state, uint64_t pages)
{
	const std::vector<uint64_t> addresses = shuffled(pages, tce_page);
	Phb phb(pages + 2048);
	size_t at = 0;

	for (uint64_t address : addresses)
		check(phb.reach(devices[0], address) == address);
	for (auto _ : state) {
		bench::keep(phb.reach(devices[0], addresses[at]));
		at = at + 1 == pages ? 0 : at + 1;
	}
}

// --- Side by side --------------------------------------------------------------------------------

double processor_seconds()
{
	timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Translations in a second of processor time, on each of the threads: all begin and end together.
template <class Unit> double throughput(Unit &unit, unsigned int threads, uint64_t step)
{
	std::atomic<unsigned int> ready{0};
	std::atomic<bool> ends{false};
	std::vector<double> rates(threads);
	std::vector<std::thread> running;
	double sum = 0;

	for (unsigned int i = 0; i < threads; i++)
		running.emplace_back([&, i] {
			const std::vector<uint64_t> addresses = shuffled(512, step);
			uint64_t count = 0;

			bench::stay_on(i);
			ready++;
			while (ready != threads)
				std::this_thread::yield();
			const double start = processor_seconds();
			while (!ends) {
				for (uint64_t address : addresses)
					bench::keep(unit.reach(devices[i], address));
				count += addresses.size();
			}
			rates[i] = static_cast<double>(count) / (processor_seconds() - start);
		});
	std::this_thread::sleep_for(std::chrono::milliseconds(60));
	ends = true;
	for (std::thread &thread : running)
		thread.join();
	for (double rate : rates)
		sum += rate;
	return sum;
}

template <class Unit> void side_by_side(bench::State &state, Unit &unit, uint64_t step)
{
	std::vector<double> ratios;

	for (auto _ : state.parts()) {
		const double alone = throughput(unit, 1, step);
		const double both = throughput(unit, 2, step);

		state.took(1e9 / both);
		ratios.push_back(both / alone);
		std::sort(ratios.begin(), ratios.end());
		state.note("scaling", ratios[ratios.size() / 2]);
	}
}

void two_devices(bench::State &state, bool sharing)
{
	Vtd vtd(0);

	make_tables(512);
	for (unsigned int i = 0; i < 2; i++)
		vtd.attach(devices[i], tables, 4, sharing ? 5 : static_cast<uint16_t>(5 + i),
			   VTD_TRANSLATE_UNTRANSLATED);
	vtd.on();
	side_by_side(state, vtd, page);
}

void phb_two(bench::State &state)
{
	Phb phb(0);

	side_by_side(state, phb, tce_page);
}

} // namespace

void add_model_rows()
{
	for (uint64_t pages : {16, 512, 16384, 262144}) {
		const std::string name = "model/hit/" + std::to_string(pages);

		bench::add(name, "ours", [pages](bench::State &state) { hit(state, pages); });
		bench::add(name, "floor", [pages](bench::State &state) { floor_of(state, pages); });
	}
	bench::add("model/block", "ours", [](bench::State &state) { block(state, true); });
	bench::add("model/off", "ours", [](bench::State &state) { block(state, false); });
	bench::add("model/interrupt", "ours", interrupt);
	bench::add("model/miss", "ours", miss);
	bench::add("model/miss_full", "ours", miss_full);
	for (uint64_t pages : {16, 262144})
		bench::add("model/invalidate/" + std::to_string(pages), "ours",
			   [pages](bench::State &state) { invalidate(state, pages); });
	for (uint64_t pages : {16, 32768})
		bench::add("model/phb_hit/" + std::to_string(pages), "ours",
			   [pages](bench::State &state) { phb_hit(state, pages); });
	bench::add("model/two_devices", "ours",
		   [](bench::State &state) { two_devices(state, false); });
	bench::add("model/two_sharing", "ours",
		   [](bench::State &state) { two_devices(state, true); });
	bench::add("model/phb_two", "ours", phb_two);
}
