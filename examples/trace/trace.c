/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace FILE - a host that records what the library tells it, in the form that iommu-inspect reads.
 *
 * What a host needs for that is the first part: a buffer, a function that puts events into it, and
 * later, where it may sleep, the file. The second is a machine to record something on: a model of a
 * VT-d unit with two devices. One has strict mappings, the other lazy ones; the first accesses what
 * is not its any more; and for a while the unit does not answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <iommu_hosted.h>
#include <libiommu/iommu.h>

/* --- Recording -------------------------------------------------------------------------------- */

#define EVENTS_MAX 8192U

struct recorder {
	struct iommu_trace trace;
	uint64_t taken; /* events so far; atomic */
	unsigned char records[EVENTS_MAX][IOMMU_TRACE_RECORD_SIZE];
};

/*
 * On any CPU, perhaps in an interrupt handler: a place is taken, and filled. What comes when all
 * are taken is lost, and counted.
 */
static void record(void *ctx, const struct iommu_trace_event *event)
{
	struct recorder *recorder = ctx;
	const uint64_t place = __atomic_fetch_add(&recorder->taken, 1, __ATOMIC_RELAXED);

	if (place < EVENTS_MAX)
		iommu_trace_put(recorder->records[place], event);
}

static void recorder_start(struct recorder *recorder, struct iommu *iommu)
{
	recorder->trace = (struct iommu_trace){.event = record, .ctx = recorder};
	iommu_set_trace(iommu, &recorder->trace);
}

/* All calls that had begun before iommu_set_trace(iommu, NULL) have returned. */
static bool recorder_write(const struct recorder *recorder, const char *name)
{
	const uint64_t kept = recorder->taken < EVENTS_MAX ? recorder->taken : EVENTS_MAX;
	unsigned char header[IOMMU_TRACE_HEADER_SIZE];
	FILE *file = fopen(name, "wb");
	bool good;

	if (file == NULL)
		return false;
	iommu_trace_put_header(header);
	good = fwrite(header, sizeof(header), 1, file) == 1 &&
	       fwrite(recorder->records, IOMMU_TRACE_RECORD_SIZE, (size_t)kept, file) == kept;
	good = fclose(file) == 0 && good;
	printf("%" PRIu64 " events, of which %" PRIu64 " are kept\n", recorder->taken, kept);
	return good;
}

/* --- The machine ------------------------------------------------------------------------------ */

#define MEMORY    (32UL << 20)
#define UNIT_BASE 0xfed90000ULL
#define STRICT    0x0020 /* 00:04.0 */
#define LAZY      0x0028 /* 00:05.0 */

struct machine {
	struct iommu_hosted memory; /* the devices reach it through the unit */
	struct iommu_hosted own;    /* the model's */
	struct iommu_platform platform;
	struct iommu_model_vtd *unit;
	uint8_t dmar[256];
	size_t dmar_size;
};

static struct machine m;
static struct recorder recorder;

static bool is_memory(iommu_paddr_t paddr, size_t size)
{
	return paddr <= MEMORY && size <= MEMORY - paddr;
}

static bool read_memory(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size))
		return false;
	memcpy(bytes, m.memory.arena + paddr, size);
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size))
		return false;
	memcpy(m.memory.arena + paddr, bytes, size);
	return true;
}

static uint64_t offset_of(const volatile void *reg)
{
	return (uintptr_t)reg - UNIT_BASE;
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return (uint32_t)iommu_model_vtd_mmio_read(m.unit, offset_of(reg), 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	(void)ctx;
	return iommu_model_vtd_mmio_read(m.unit, offset_of(reg), 8);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	iommu_model_vtd_mmio_write(m.unit, offset_of(reg), 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	iommu_model_vtd_mmio_write(m.unit, offset_of(reg), 8, value);
}

static void *map_registers(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	(void)size;
	return (void *)(uintptr_t)paddr; /* a token */
}

static void unmap_registers(void *ctx, void *registers, uint64_t size)
{
	(void)ctx;
	(void)registers;
	(void)size;
}

static int machine_start(void)
{
	const struct iommu_model_vtd_config config = {
		.platform = &m.own.platform,
		.host = {.read = read_memory, .write = write_memory},
		.output_width = 39,
	};
	struct iommu_dmar_builder builder;
	int status = iommu_hosted_init(&m.memory, NULL, MEMORY, 0);
	int size;

	if (status == 0)
		status = iommu_hosted_init(&m.own, NULL, MEMORY, 0);
	if (status == 0)
		status = iommu_model_vtd_create(&config, &m.unit);
	if (status != 0)
		return status;
	m.platform = m.memory.platform;
	m.platform.mmio_read32 = read32;
	m.platform.mmio_read64 = read64;
	m.platform.mmio_write32 = write32;
	m.platform.mmio_write64 = write64;
	m.platform.map_mmio = map_registers;
	m.platform.unmap_mmio = unmap_registers;
	iommu_dmar_begin(&builder, m.dmar, sizeof(m.dmar), 39, 0);
	iommu_dmar_add_unit(&builder, 0, UNIT_BASE, iommu_model_vtd_register_space(m.unit), true);
	size = iommu_dmar_finish(&builder, "EXAMPL", "TRACE");
	m.dmar_size = size > 0 ? (size_t)size : 0;
	return size > 0 ? 0 : size;
}

static void machine_stop(void)
{
	iommu_model_vtd_destroy(m.unit);
	iommu_hosted_destroy(&m.own);
	iommu_hosted_destroy(&m.memory);
}

static bool device_writes(uint16_t source_id, iommu_iova_t address)
{
	const struct iommu_model_request request = {
		.source_id = source_id, .address = address, .access = IOMMU_PROT_WRITE};
	struct iommu_model_translation where;

	return iommu_model_vtd_translate(m.unit, &request, &where) == 0;
}

/* --- Something to record ---------------------------------------------------------------------- */

struct driver {
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
	struct iommu_dma *dma;
};

static bool driver_start(struct driver *driver, struct iommu *iommu, uint16_t source_id,
			 enum iommu_domain_type type)
{
	const struct iommu_endpoint_info info = {.source_id = source_id};
	struct iommu_dma_config config = {.queue_entries = 64};

	if (iommu_probe_endpoint(iommu, &info, &driver->endpoint) != 0 ||
	    iommu_domain_alloc(iommu_endpoint_unit(driver->endpoint), type, NULL,
			       &driver->domain) != 0 ||
	    iommu_domain_attach_group(driver->domain, iommu_endpoint_group(driver->endpoint)) != 0)
		return false;
	config.domain = driver->domain;
	return iommu_dma_create(&config, &driver->dma) == 0;
}

static bool driver_stop(struct driver *driver)
{
	return iommu_dma_destroy(driver->dma) == 0 &&
	       iommu_domain_detach_group(iommu_endpoint_group(driver->endpoint)) == 0 &&
	       iommu_domain_free(driver->domain) == 0 &&
	       iommu_release_endpoint(driver->endpoint) == 0;
}

#define RING 32U

/* A ring of buffers of some pages, each of which is exchanged when the device has filled it. */
static bool run_ring(const struct driver *driver, uint16_t source_id, unsigned int rounds)
{
	const struct iommu_dma_device device = {.mask = UINT32_MAX};
	iommu_iova_t addresses[RING] = {0};
	bool good = true;

	for (unsigned int i = 0; i < rounds + RING && good; i++) {
		const unsigned int place = i % RING;
		const uint64_t size = 0x1000 * (uint64_t)(1 + place % 3);

		if (i >= RING)
			good = device_writes(source_id, addresses[place]) &&
			       iommu_dma_unmap(driver->dma, addresses[place], size) == 0;
		if (i < rounds && good)
			good = iommu_dma_map(driver->dma, &device, 0x10000 * (uint64_t)(1 + place),
					     size, IOMMU_DMA_FROM_DEVICE, &addresses[place]) == 0;
	}
	return good;
}

static void do_something_else(uint64_t ns)
{
	const uint64_t begin = m.platform.now_ns(m.platform.ctx);

	while (m.platform.now_ns(m.platform.ctx) - begin < ns)
		;
}

/* The unit answers no invalidation for a while: what is unmapped is withheld until it does. */
static bool run_while_it_hangs(const struct driver *driver)
{
	const struct iommu_model_vtd_faults hang = {.invalidations_hang = true}, none = {0};
	const struct iommu_dma_device device = {.mask = UINT32_MAX};
	iommu_iova_t address[2] = {0};
	bool good = true;

	for (unsigned int i = 0; i < 2; i++)
		good = good && iommu_dma_map(driver->dma, &device, 0x10000 * (uint64_t)(1 + i),
					     0x1000, IOMMU_DMA_FROM_DEVICE, &address[i]) == 0;
	iommu_model_vtd_misbehave(m.unit, &hang);
	good = good && iommu_dma_unmap(driver->dma, address[0], 0x1000) == IOMMU_ETIMEDOUT;
	do_something_else(100000);
	iommu_model_vtd_misbehave(m.unit, &none);
	return good && iommu_dma_unmap(driver->dma, address[1], 0x1000) == 0;
}

static bool run(struct iommu *iommu)
{
	const struct iommu_vtd_options options = {.timeout_ns = 100000};
	struct driver strict, lazy;
	bool good;

	if (iommu_vtd_probe(iommu, m.dmar, m.dmar_size, &options) != 0 ||
	    iommu_vtd_enable(iommu) != 0)
		return false;
	recorder_start(&recorder, iommu);
	good = driver_start(&strict, iommu, STRICT, IOMMU_DOMAIN_DMA) &&
	       driver_start(&lazy, iommu, LAZY, IOMMU_DOMAIN_DMA_LAZY);
	good = good && run_ring(&strict, STRICT, 80) && run_ring(&lazy, LAZY, 200);
	good = good && !device_writes(STRICT, 0x1000) &&
	       iommu_unit_handle_faults(iommu_endpoint_unit(strict.endpoint), NULL) == 1;
	good = good && run_while_it_hangs(&strict) && run_ring(&strict, STRICT, 40);
	good = good && iommu_dma_tick(lazy.dma) == 0;
	good = good && driver_stop(&strict) && driver_stop(&lazy);
	iommu_set_trace(iommu, NULL);
	return good;
}

int main(int count, char **words)
{
	struct iommu *iommu;
	bool good;

	if (count != 2) {
		fputs("trace FILE: records what happens on a machine of models\n", stderr);
		return 2;
	}
	if (machine_start() != 0 || iommu_create(&m.platform, &iommu) != 0)
		return 1;
	good = run(iommu);
	good = iommu_destroy(iommu) == 0 && good;
	machine_stop();
	good = recorder_write(&recorder, words[1]) && good;
	puts(good ? "all as it should be" : "something is wrong");
	return good ? 0 : 1;
}
