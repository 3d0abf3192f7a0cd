// SPDX-License-Identifier: BSD-2-Clause
//
// IO address spaces: memory mapped for devices and unmapped again, pinned through a callback that
// costs as little as one can. The unit's invalidations take no time (null_unit.h). One thread. The
// time is that of one GiB, of 64 that are mapped at once.
//
//   ioas/map_unmap/4k    64 GiB in pages of which no two are neighbours, mapped and unmapped
//   ioas/map_unmap/2m    … in pieces of 2 MiB; /1g of 1 GiB
//   ioas/attach_second/… a second HWPT made over a space that is filled, and destroyed
//   ioas/small           100,000 areas of one page, mapped and unmapped. Per area.
//
// "floor": the same pieces from the same callback, in batches, into the tables of a domain, which
// is then unmapped as a whole, and the pieces given back: nothing is looked up, counted or
// remembered. The counter "bytes" is the metadata for each GiB.
#include <string>
#include <vector>

#include "check.h"
#include "null_unit.h"
#include "pages.h"
#include "rows.h"
#include "slices.h"

namespace
{

constexpr uint64_t gib = 1ULL << 30;
constexpr uint64_t total = 64 * gib;
constexpr uint64_t page = 4096;
constexpr iommu_iova_t base = 1ULL << 40;
constexpr unsigned int flags = IOMMU_IOAS_FIXED | IOMMU_IOAS_READ | IOMMU_IOAS_WRITE;

// Memory in pieces of one size, with a gap of the same size between them where they are small.
struct Memory {
	uint64_t piece;

	uint64_t paddr(uint64_t address) const
	{
		const uint64_t gap = piece == gib ? 1 : 2;

		return (1ULL << 41) + address / piece * piece * gap + address % piece;
	}
};

int pin(void *ctx, uint64_t address, uint64_t size, unsigned int, struct iommu_map_piece *pieces,
	unsigned int room, unsigned int *count)
{
	const Memory *memory = static_cast<const Memory *>(ctx);
	unsigned int n = 0;

	while (n < room && size != 0) {
		const uint64_t part = size < memory->piece ? size : memory->piece;

		pieces[n++] = {memory->paddr(address), part};
		address += part;
		size -= part;
	}
	*count = n;
	return 0;
}

void unpin(void *, uint64_t, const struct iommu_map_piece *pieces, unsigned int count, unsigned int)
{
	bench::keep(pieces[count - 1].paddr);
}

iommu_backing_ops backing_ops()
{
	iommu_backing_ops made = {};

	made.pin = pin;
	made.unpin = unpin;
	return made;
}

const iommu_backing_ops memory_ops = backing_ops();

class Machine
{
      public:
	Machine()
	{
		check(null_unit_create(&null, IOMMU_DOMAIN_DMA, false) == 0);
		check(iommu_file_create(null.iommu, nullptr, &ctx) == 0);
		check(iommu_ioas_alloc(ctx, 0, &ioas) == 0);
		check(iommu_device_bind(ctx, null.endpoint, &device) == 0);
	}
	~Machine()
	{
		check(iommu_file_destroy(ctx) == 0);
		null_unit_destroy(&null);
	}
	void attach()
	{
		check(iommu_device_attach(ctx, device, IOMMU_NO_PASID, ioas, nullptr) == 0);
	}
	void map(Memory *memory, iommu_iova_t iova, uint64_t address, uint64_t size)
	{
		const iommu_backing backing = {&memory_ops, memory, address};

		check(iommu_ioas_map(ctx, ioas, &backing, size, flags, &iova) == 0);
	}
	void unmap(iommu_iova_t iova, uint64_t size)
	{
		check(iommu_ioas_unmap(ctx, ioas, iova, size, nullptr) == 0);
	}
	uint64_t metadata()
	{
		iommu_file_stats stats;

		iommu_file_get_stats(ctx, &stats);
		return stats.metadata_bytes;
	}
	null_unit null;
	iommu_file *ctx = nullptr;
	uint32_t ioas = 0, device = 0;
};

void map_unmap(bench::State &state, uint64_t piece)
{
	Machine machine;
	Memory memory = {piece};
	const uint64_t before = machine.metadata();
	uint64_t after = 0;

	machine.attach();
	state.things(total / gib);
	for (auto _ : state) {
		machine.map(&memory, base, 0, total);
		after = machine.metadata();
		machine.unmap(base, total);
	}
	state.note("bytes", static_cast<double>(after - before) / (total / gib));
}

// What cannot be left out: the callback, and the tables.
void floor(bench::State &state, uint64_t piece)
{
	Machine machine;
	Memory memory = {piece};
	struct iommu_domain *domain = nullptr;
	std::vector<iommu_map_piece> pieces(4096);

	check(iommu_domain_alloc(&machine.null.unit, IOMMU_DOMAIN_PAGING, nullptr, &domain) == 0);
	state.things(total / gib);
	for (auto _ : state) {
		for (uint64_t at = 0; at < total;) {
			unsigned int count;
			uint64_t mapped;

			check(pin(&memory, at, total - at, 0, pieces.data(), 4096, &count) == 0);
			check(iommu_map_sg(domain, base + at, pieces.data(), count,
					   IOMMU_PROT_READ_WRITE, &mapped) == 0);
			at += mapped;
		}
		check(iommu_unmap(domain, base, total, 0, nullptr) == 0);
		unpin(nullptr, 0, pieces.data(), 1, 0);
	}
	check(iommu_domain_free(domain) == 0);
}

void attach_second(bench::State &state, uint64_t piece)
{
	const iommu_hwpt_config config = {};
	Machine machine;
	Memory memory = {piece};

	machine.attach();
	machine.map(&memory, base, 0, total);
	state.things(total / gib);
	for (auto _ : state) {
		uint32_t hwpt;

		check(iommu_hwpt_alloc(machine.ctx, machine.device, machine.ioas, &config, &hwpt) ==
		      0);
		check(iommu_object_destroy(machine.ctx, hwpt) == 0);
	}
}

void small(bench::State &state)
{
	constexpr uint64_t areas = 100000;
	Machine machine;
	Memory memory = {page};
	const uint64_t before = machine.metadata();
	uint64_t after = 0;

	machine.attach();
	state.things(areas);
	for (auto _ : state) {
		for (uint64_t i = 0; i < areas; i++)
			machine.map(&memory, base + i * 2 * page, i * page, page);
		after = machine.metadata();
		for (uint64_t i = 0; i < areas; i++)
			machine.unmap(base + i * 2 * page, page);
	}
	state.note("bytes", static_cast<double>(after - before) / areas);
}

} // namespace

void add_ioas_rows()
{
	static const struct {
		const char *name;
		uint64_t piece;
	} shapes[] = {{"4k", page}, {"2m", 2 << 20}, {"1g", gib}};

	for (const auto &shape : shapes) {
		const std::string name = shape.name;
		const uint64_t piece = shape.piece;

		bench::add("ioas/map_unmap/" + name, "ours",
			   [piece](bench::State &state) { map_unmap(state, piece); });
		bench::add("ioas/map_unmap/" + name, "floor",
			   [piece](bench::State &state) { floor(state, piece); });
		bench::add("ioas/attach_second/" + name, "ours",
			   [piece](bench::State &state) { attach_second(state, piece); });
	}
	bench::add("ioas/small", "ours", small);
}
