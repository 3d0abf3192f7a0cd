/* SPDX-License-Identifier: BSD-2-Clause */
#include "ioas_fixture.h"

#include "test.h"

struct iommu_file *ctx;
struct test_memory memory;
uint32_t ioas, device[MACHINE_DEVICES];

static struct iommu_model_vtd_config config_of(unsigned int flags)
{
	return (struct iommu_model_vtd_config){
		.flags = flags, .levels = 1U << 3 | 1U << 4, .address_mask = 9, .fault_records = 4};
}

/* The devices of existing units, and the driver. */
static void start(unsigned int flags, unsigned int count)
{
	const struct iommu_vtd_options none = {0};

	devices(count);
	f.info.max_pasids = 1U << 16;
	f.info.page_requests = 8;
	f.info.device_tlb = (flags & IOMMU_MODEL_VTD_DEVICE_TLB) != 0;
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	for (unsigned int i = 0; i < count; i++)
		f.device[i]->has_tlb = iommu_endpoint_uses_device_tlb(f.endpoint[i]);
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		assert_int_equal(iommu_unit_enable(f.unit[i]), 0);
}

void begin_machine(unsigned int flags, unsigned int units, unsigned int count)
{
	const struct iommu_model_vtd_config config = config_of(flags);

	machine(units, &config);
	start(flags, count);
}

void begin_mixed_machine(unsigned int flags, unsigned int other, unsigned int count)
{
	const struct iommu_model_vtd_config first = config_of(flags), second = config_of(other);

	machine(1, &first);
	model_machine_add_unit(&f.machine, &second);
	start(flags & other, count);
}

/* An IOMMU file with an IOAS, devices that are bound, and memory. */
void begin_with(unsigned int flags, unsigned int units, unsigned int count,
		enum test_memory_shape shape)
{
	begin_machine(flags, units, count);
	test_memory_init(&memory, shape, 0x7f0000000000, PAGES, 1ULL << 36);
	assert_int_equal(iommu_file_create(f.iommu, NULL, &ctx), 0);
	assert_int_equal(iommu_ioas_alloc(ctx, 0, &ioas), 0);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(iommu_device_bind(ctx, f.endpoint[i], &device[i]), 0);
}

void finish(void)
{
	assert_int_equal(iommu_file_destroy(ctx), 0);
	test_memory_destroy(&memory);
	end();
}

int map_at(iommu_iova_t iova, uint64_t offset, uint64_t size)
{
	const struct iommu_backing backing = test_memory_at(&memory, offset);

	return iommu_ioas_map(ctx, ioas, &backing, size, FIXED, &iova);
}

int map_any(uint64_t offset, uint64_t size, iommu_iova_t *iova)
{
	const struct iommu_backing backing = test_memory_at(&memory, offset);

	return iommu_ioas_map(ctx, ioas, &backing, size, ANY, iova);
}

int unmap(iommu_iova_t iova, uint64_t size)
{
	uint64_t unmapped;
	int status = iommu_ioas_unmap(ctx, ioas, iova, size, &unmapped);

	if (status == 0 && size != UINT64_MAX)
		assert_true(unmapped != 0 && unmapped <= size);
	return status;
}

int attach(unsigned int i, uint32_t to)
{
	return iommu_device_attach(ctx, device[i], IOMMU_NO_PASID, to, NULL);
}

int detach(unsigned int i)
{
	return iommu_device_detach(ctx, device[i], IOMMU_NO_PASID);
}

bool leads(unsigned int i, iommu_iova_t iova, uint64_t offset)
{
	return reaches(i, iova, test_memory_paddr(&memory, offset));
}

void hang(bool hangs)
{
	const struct iommu_model_vtd_faults faults = {.waits_hang = hangs};

	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		iommu_model_vtd_misbehave(f.machine.units[i], &faults);
}

uint64_t metadata(void)
{
	struct iommu_file_stats stats;

	iommu_file_get_stats(ctx, &stats);
	return stats.metadata_bytes;
}
