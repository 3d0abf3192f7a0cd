/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracing over models of VT-d units: each event comes once, with what it is of, also where hardware
 * does not confirm or memory runs out; and what is counted is what was told.
 */
#include <string.h>

#include <libiommu/backend/ops.h>
#include <libiommu/dma.h>
#include <libiommu/trace.h>
#include <libiommu/vtd_interrupt.h>

#include "test.h"
#include "trace_log.h"
#include "vtd_fixture.h"

static const struct iommu_model_vtd_faults none = {0};
static const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};

static const struct iommu_model_vtd_config legacy = {.flags = 0};
static const struct iommu_model_vtd_config registers = {.flags = IOMMU_MODEL_VTD_NO_QUEUE};
static const struct iommu_model_vtd_config scalable = {
	.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID,
};
static const struct iommu_model_vtd_config first_stage = {
	.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
		 IOMMU_MODEL_VTD_NO_SECOND_STAGE | IOMMU_MODEL_VTD_PASID,
};
static const struct iommu_model_vtd_config interrupts = {
	.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
static const struct iommu_model_vtd_config *const kinds[] = {&legacy, &scalable, &first_stage,
							     &registers};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct trace_log seen;
static struct iommu_domain *domain;

static void misbehave(const struct iommu_model_vtd_faults *faults)
{
	iommu_model_vtd_misbehave(f.machine.units[0], faults);
}

/* A unit that is on, its device in a domain, and a trace that has told of nothing yet. */
static void begin_traced(const struct iommu_model_vtd_config *config, unsigned int count)
{
	machine(1, config);
	devices(count);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	f.info.max_pasids = 1024;
	endpoints();
	f.memory = model_machine_take(&f.machine, 8);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	domain = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	trace_log_begin(&seen, f.iommu, &f.machine);
}

static void end_traced(void)
{
	iommu_set_trace(f.iommu, NULL);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

static uint32_t number(void)
{
	return domain->number;
}

/* --- What is expected ------------------------------------------------------------------------- */

static void expect_map(uint64_t size, int status)
{
	EXPECT(&seen, .type = IOMMU_TRACE_MAP, .domain = number(), .iova = IOVA, .size = size,
	       .status = status);
}

static void expect_unmap(uint64_t size)
{
	EXPECT(&seen, .type = IOMMU_TRACE_UNMAP, .domain = number(), .iova = IOVA, .size = size);
}

/* Commands for a range of the domain, and their end. */
static void expect_commands(uint64_t size, unsigned int count, int status)
{
	EXPECT(&seen, .type = IOMMU_TRACE_INVALIDATE, .domain = number(), .unit = 1, .iova = IOVA,
	       .size = size, .kinds = IOMMU_TRACE_PAGES, .count = count);
	EXPECT(&seen, .type = IOMMU_TRACE_CONFIRM, .domain = number(), .unit = 1, .iova = IOVA,
	       .size = size, .kinds = IOMMU_TRACE_PAGES, .count = count, .status = status);
}

/* Commands for the unit as a whole. */
static void expect_global(unsigned int what, unsigned int count, int status)
{
	EXPECT(&seen, .type = IOMMU_TRACE_INVALIDATE, .unit = 1, .kinds = (uint8_t)what,
	       .count = count);
	EXPECT(&seen, .type = IOMMU_TRACE_CONFIRM, .unit = 1, .kinds = (uint8_t)what,
	       .count = count, .status = status);
}

static void expect_confirmed(uint64_t size)
{
	EXPECT(&seen, .type = IOMMU_TRACE_CONFIRM, .domain = number(), .iova = size != 0 ? IOVA : 0,
	       .size = size);
}

static void expect_withheld(uint64_t size, int status)
{
	EXPECT(&seen, .type = IOMMU_TRACE_WITHHELD, .domain = number(),
	       .iova = size != 0 ? IOVA : 0, .size = size, .status = status);
}

/* --- Maps and unmaps -------------------------------------------------------------------------- */

static void a_map_and_its_unmap(void **state)
{
	static const uint64_t sizes[] = {4096, 2 * 4096};
	unsigned int kind, i;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		begin_traced(kinds[kind], 1);
		for (i = 0; i < 2; i++) {
			assert_int_equal(iommu_map(domain, IOVA, f.memory, sizes[i], RW), 0);
			expect_map(sizes[i], 0);
			trace_log_expect_end(&seen);
			assert_true(reaches(0, IOVA, f.memory));
			assert_int_equal(iommu_unmap(domain, IOVA, sizes[i], 0, NULL), 0);
			expect_unmap(sizes[i]);
			/* A second stage of these units takes a command for each page. */
			expect_commands(sizes[i], kinds[kind] == &first_stage ? 1 : i + 1, 0);
			expect_confirmed(sizes[i]);
			trace_log_expect_end(&seen);
			assert_true(is_blocked(0, IOVA));
		}
		assert_int_equal(iommu_unmap(domain, IOVA + 1, 4096, 0, NULL), IOMMU_EINVAL);
		EXPECT(&seen, .type = IOMMU_TRACE_UNMAP, .domain = number(), .iova = IOVA + 1,
		       .size = 4096, .status = IOMMU_EINVAL);
		trace_log_expect_end(&seen);
		end_traced();
	}
}

static void other_ways_to_map(void **state)
{
	struct iommu_map_piece pieces[2];
	struct iommu_gather gather;
	uint64_t mapped;

	(void)state;
	begin_traced(&legacy, 1);
	assert_int_equal(iommu_map_nosync(domain, IOVA, f.memory, 8192, RW), 0);
	expect_map(8192, 0);
	assert_int_equal(iommu_sync_map(domain, IOVA, 8192), 0);
	trace_log_expect_end(&seen);

	/* Several ranges, told to hardware together. */
	iommu_gather_init(&gather);
	assert_int_equal(iommu_unmap_gather(domain, IOVA, 4096, 0, &gather, NULL), 0);
	expect_unmap(4096);
	assert_int_equal(iommu_unmap_gather(domain, IOVA + 4096, 4096, 0, &gather, NULL), 0);
	EXPECT(&seen, .type = IOMMU_TRACE_UNMAP, .domain = number(), .iova = IOVA + 4096,
	       .size = 4096);
	trace_log_expect_end(&seen);
	assert_int_equal(iommu_sync_gather(domain, &gather), 0);
	expect_commands(8192, 2, 0);
	expect_confirmed(8192);
	trace_log_expect_end(&seen);

	/* Pieces: one map, whether by stores alone or not. */
	pieces[0] = (struct iommu_map_piece){.paddr = f.memory, .size = 4096};
	pieces[1] = (struct iommu_map_piece){.paddr = f.memory + 8192, .size = 8192};
	assert_int_equal(iommu_map_sg(domain, IOVA, pieces, 2, RW, &mapped), 0);
	expect_map(3 * 4096, 0);
	trace_log_expect_end(&seen);
	assert_int_equal(iommu_map_sg(domain, IOVA, pieces, 2, RW, &mapped), IOMMU_EEXIST);
	expect_map(0, IOMMU_EEXIST);
	trace_log_expect_end(&seen);
	assert_int_equal(iommu_unmap(domain, IOVA, 3 * 4096, 0, NULL), 0);
	assert_int_equal(trace_log_count(&seen, IOMMU_TRACE_UNMAP), 1);
	end_traced();
}

static void maps_that_fail(void **state)
{
	(void)state;
	begin_traced(&legacy, 1);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	expect_map(4096, 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), IOMMU_EEXIST);
	expect_map(4096, IOMMU_EEXIST);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 8192, RW), IOMMU_EEXIST);
	expect_map(8192, IOMMU_EEXIST);
	/* No memory for a table, elsewhere. */
	f.machine.fail_at = f.machine.allocations + 1;
	assert_int_equal(iommu_map(domain, 1ULL << 40, f.memory, 4096, RW), IOMMU_ENOMEM);
	EXPECT(&seen, .type = IOMMU_TRACE_MAP, .domain = number(), .iova = 1ULL << 40, .size = 4096,
	       .status = IOMMU_ENOMEM);
	f.machine.fail_at = f.machine.allocations + 1;
	assert_int_equal(iommu_map_nosync(domain, 1ULL << 40, f.memory, 8192, RW), IOMMU_ENOMEM);
	EXPECT(&seen, .type = IOMMU_TRACE_MAP, .domain = number(), .iova = 1ULL << 40, .size = 8192,
	       .status = IOMMU_ENOMEM);
	f.machine.fail_at = 0;
	trace_log_expect_end(&seen);
	end_traced();
}

/* --- Hardware that does not confirm ----------------------------------------------------------- */

static void what_is_withheld_and_confirmed_later(void **state)
{
	unsigned int kind, way;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		const bool is_scalable = kinds[kind] == &scalable || kinds[kind] == &first_stage;

		for (way = 0; way < 2; way++) {
			begin_traced(kinds[kind], 1);
			assert_int_equal(iommu_map(domain, IOVA, f.memory, 8192, RW), 0);
			expect_map(8192, 0);
			misbehave(&hang);
			assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), IOMMU_ETIMEDOUT);
			expect_unmap(4096);
			expect_commands(4096, 1, IOMMU_ETIMEDOUT);
			expect_withheld(4096, IOMMU_ETIMEDOUT);
			trace_log_expect_end(&seen);
			misbehave(&none);
			/* The next call asks for everything, whatever it is. */
			if (way == 0)
				assert_int_equal(iommu_domain_flush(domain), 0);
			else
				assert_int_equal(iommu_unmap(domain, IOVA + 4096, 4096, 0, NULL),
						 0);
			if (way == 1)
				EXPECT(&seen, .type = IOMMU_TRACE_UNMAP, .domain = number(),
				       .iova = IOVA + 4096, .size = 4096);
			expect_global(IOMMU_TRACE_CONTEXT | IOMMU_TRACE_ALL, is_scalable ? 3 : 2,
				      0);
			expect_confirmed(0);
			trace_log_expect_end(&seen);
			end_traced();
		}
	}
}

/* A map on top of it asks first; and fails, where hardware still does not answer. */
static void maps_on_top_of_it(void **state)
{
	(void)state;
	begin_traced(&legacy, 1);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	misbehave(&hang);
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), IOMMU_ETIMEDOUT);
	(void)trace_log_count(&seen, IOMMU_TRACE_MAP);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), IOMMU_ETIMEDOUT);
	/* Everything, and then, to take the map back, once more. */
	expect_global(IOMMU_TRACE_CONTEXT | IOMMU_TRACE_ALL, 2, IOMMU_ETIMEDOUT);
	expect_withheld(0, IOMMU_ETIMEDOUT);
	expect_global(IOMMU_TRACE_CONTEXT | IOMMU_TRACE_ALL, 2, IOMMU_ETIMEDOUT);
	expect_withheld(4096, IOMMU_ETIMEDOUT);
	expect_map(4096, IOMMU_ETIMEDOUT);
	trace_log_expect_end(&seen);
	misbehave(&none);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	expect_global(IOMMU_TRACE_CONTEXT | IOMMU_TRACE_ALL, 2, 0);
	expect_confirmed(0);
	expect_map(4096, 0);
	trace_log_expect_end(&seen);
	end_traced();
}

/* --- Lazy unmaps ------------------------------------------------------------------------------ */

static void lazy_unmaps_and_their_flush(void **state)
{
	const struct iommu_dma_device device = {0};
	const struct iommu_domain_config no_config = {0};
	struct iommu_domain_stats stats;
	struct iommu_domain *paging;
	struct iommu_dma *dma;
	iommu_iova_t address[2];

	(void)state;
	begin_traced(&legacy, 1);
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_DMA_LAZY, &no_config, &paging),
			 0);
	assert_int_equal(iommu_domain_attach_group(paging, f.group[0]), 0);
	assert_int_equal(iommu_dma_create(&(struct iommu_dma_config){.domain = paging}, &dma), 0);
	(void)trace_log_count(&seen, IOMMU_TRACE_ATTACH);

	assert_int_equal(
		iommu_dma_map(dma, &device, f.memory, 4096, IOMMU_DMA_TO_DEVICE, &address[0]), 0);
	EXPECT(&seen, .type = IOMMU_TRACE_MAP, .domain = paging->number, .iova = address[0],
	       .size = 4096);
	assert_int_equal(iommu_dma_map(dma, &device, f.memory + 4096, 8192, IOMMU_DMA_TO_DEVICE,
				       &address[1]),
			 0);
	EXPECT(&seen, .type = IOMMU_TRACE_MAP, .domain = paging->number, .iova = address[1],
	       .size = 8192);
	assert_int_equal(iommu_dma_unmap(dma, address[0], 4096), 0);
	EXPECT(&seen, .type = IOMMU_TRACE_UNMAP, .domain = paging->number, .iova = address[0],
	       .size = 4096);
	assert_int_equal(iommu_dma_unmap(dma, address[1], 8192), 0);
	EXPECT(&seen, .type = IOMMU_TRACE_UNMAP, .domain = paging->number, .iova = address[1],
	       .size = 8192);
	trace_log_expect_end(&seen);

	/* Not confirmed, and then confirmed. */
	misbehave(&hang);
	f.machine.clock_ns += 1000000000;
	assert_int_equal(iommu_dma_tick(dma), IOMMU_ETIMEDOUT);
	EXPECT(&seen, .type = IOMMU_TRACE_INVALIDATE, .domain = paging->number, .unit = 1,
	       .size = paging->aperture_last + 1, .kinds = IOMMU_TRACE_DOMAIN, .count = 1);
	EXPECT(&seen, .type = IOMMU_TRACE_CONFIRM, .domain = paging->number, .unit = 1,
	       .size = paging->aperture_last + 1, .kinds = IOMMU_TRACE_DOMAIN, .count = 1,
	       .status = IOMMU_ETIMEDOUT);
	EXPECT(&seen, .type = IOMMU_TRACE_WITHHELD, .domain = paging->number,
	       .status = IOMMU_ETIMEDOUT);
	EXPECT(&seen, .type = IOMMU_TRACE_FLUSH, .domain = paging->number,
	       .status = IOMMU_ETIMEDOUT);
	trace_log_expect_end(&seen);
	misbehave(&none);
	/* What is open is settled first, by a flush of the domain; then the queue's own. */
	assert_int_equal(iommu_dma_tick(dma), 0);
	assert_int_equal(trace_log_count(&seen, IOMMU_TRACE_FLUSH), 1);
	iommu_domain_get_stats(paging, &stats);
	assert_int_equal(stats.flushes, 2);

	iommu_set_trace(f.iommu, NULL);
	assert_int_equal(iommu_dma_destroy(dma), 0);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
	assert_int_equal(iommu_domain_free(paging), 0);
	end_traced();
}

/* --- Endpoints, faults, interrupts ------------------------------------------------------------ */

static void endpoints_come_and_go(void **state)
{
	const uint16_t id = 0x28;
	struct iommu_domain *other;

	(void)state;
	begin_traced(&legacy, 2);
	other = domain_of_type(IOMMU_DOMAIN_PAGING);
	trace_log_expect_end(&seen);
	assert_int_equal(iommu_domain_attach_group(domain, f.group[1]), 0);
	assert_int_equal(iommu_domain_attach_group(other, f.group[1]), 0);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), 0);
	/* Entries of the device: told beside, for the unit. */
	while (seen.at < seen.count && seen.events[seen.at].type != IOMMU_TRACE_ATTACH)
		seen.at++;
	EXPECT(&seen, .type = IOMMU_TRACE_ATTACH, .domain = number(), .unit = 1, .source_id = id);
	while (seen.at < seen.count && seen.events[seen.at].type != IOMMU_TRACE_DETACH)
		seen.at++;
	EXPECT(&seen, .type = IOMMU_TRACE_DETACH, .domain = number(), .unit = 1, .source_id = id);
	EXPECT(&seen, .type = IOMMU_TRACE_ATTACH, .domain = other->number, .unit = 1,
	       .source_id = id);
	/* The context entry is gone, and what was cached through it. */
	EXPECT(&seen, .type = IOMMU_TRACE_INVALIDATE, .unit = 1,
	       .kinds = IOMMU_TRACE_CONTEXT | IOMMU_TRACE_DOMAIN, .count = 2);
	EXPECT(&seen, .type = IOMMU_TRACE_CONFIRM, .unit = 1,
	       .kinds = IOMMU_TRACE_CONTEXT | IOMMU_TRACE_DOMAIN, .count = 2);
	EXPECT(&seen, .type = IOMMU_TRACE_DETACH, .domain = other->number, .unit = 1,
	       .source_id = id);
	trace_log_expect_end(&seen);

	/* Not confirmed, and detached all the same. */
	assert_int_equal(iommu_domain_attach_group(other, f.group[1]), 0);
	(void)trace_log_count(&seen, IOMMU_TRACE_ATTACH);
	misbehave(&hang);
	assert_int_equal(iommu_domain_detach_group(f.group[1]), IOMMU_ETIMEDOUT);
	misbehave(&none);
	seen.at = seen.count - 1;
	EXPECT(&seen, .type = IOMMU_TRACE_DETACH, .domain = other->number, .unit = 1,
	       .source_id = id, .status = IOMMU_ETIMEDOUT);
	trace_log_expect_end(&seen);

	assert_int_equal(iommu_domain_free(other), 0);
	assert_int_equal(trace_log_count(&seen, IOMMU_TRACE_FREE), 1);
	end_traced();
}

static void endpoints_with_a_pasid(void **state)
{
	struct iommu_pasid_handle handle[2];
	struct iommu_domain *other;

	(void)state;
	begin_traced(&scalable, 1);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	other = domain_of_type(IOMMU_DOMAIN_PAGING);
	memset(handle, 0, sizeof(handle));
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 7, &handle[0]), 0);
	seen.at = seen.count - 1;
	EXPECT(&seen, .type = IOMMU_TRACE_ATTACH, .domain = number(), .unit = 1, .source_id = 0x20,
	       .pasid = 7);
	assert_int_equal(iommu_domain_replace_pasid(other, f.group[0], 7, &handle[1]), 0);
	seen.at = seen.count - 2;
	EXPECT(&seen, .type = IOMMU_TRACE_DETACH, .domain = number(), .unit = 1, .source_id = 0x20,
	       .pasid = 7);
	EXPECT(&seen, .type = IOMMU_TRACE_ATTACH, .domain = other->number, .unit = 1,
	       .source_id = 0x20, .pasid = 7);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], 7), 0);
	seen.at = seen.count - 1;
	EXPECT(&seen, .type = IOMMU_TRACE_DETACH, .domain = other->number, .unit = 1,
	       .source_id = 0x20, .pasid = 7);
	trace_log_expect_end(&seen);
	assert_int_equal(iommu_domain_free(other), 0);
	end_traced();
}

static void faults(void **state)
{
	struct iommu_unit_stats stats;
	iommu_paddr_t paddr;

	(void)state;
	begin_traced(&legacy, 1);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], NULL), 1);
	assert_true(model_device_access(f.device[0], IOVA + 4096, IOMMU_PROT_READ, &paddr) != 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], NULL), 1);
	EXPECT(&seen, .type = IOMMU_TRACE_FAULT, .unit = 1, .source_id = 0x20, .iova = IOVA,
	       .detail = 5, .kinds = IOMMU_TRACE_WRITES);
	EXPECT(&seen, .type = IOMMU_TRACE_FAULT, .unit = 1, .source_id = 0x20, .iova = IOVA + 4096,
	       .detail = 6);
	trace_log_expect_end(&seen);
	/* Counted, whether there is a trace or not. */
	iommu_set_trace(f.iommu, NULL);
	assert_true(is_blocked(0, IOVA));
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], NULL), 1);
	trace_log_expect_end(&seen);
	iommu_unit_get_stats(f.unit[0], &stats);
	assert_int_equal(stats.faults, 3);
	end_traced();
}

static void faults_with_a_pasid(void **state)
{
	struct iommu_pasid_handle handle;
	iommu_paddr_t paddr;

	(void)state;
	begin_traced(&scalable, 1);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	memset(&handle, 0, sizeof(handle));
	assert_int_equal(iommu_domain_attach_pasid(domain, f.group[0], 9, &handle), 0);
	(void)trace_log_count(&seen, IOMMU_TRACE_ATTACH);
	assert_true(model_device_access_pasid(f.device[0], 9, IOVA, IOMMU_PROT_READ, &paddr) != 0);
	assert_int_equal(iommu_unit_handle_faults(f.unit[0], NULL), 1);
	seen.events[0].detail = 0;
	EXPECT(&seen, .type = IOMMU_TRACE_FAULT, .unit = 1, .source_id = 0x20, .iova = IOVA,
	       .pasid = 9, .kinds = IOMMU_TRACE_HAS_PASID);
	trace_log_expect_end(&seen);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], 9), 0);
	end_traced();
}

static void interrupt_entries(void **state)
{
	const struct iommu_vtd_interrupt_target target = {.vector = 0x31};
	struct iommu_vtd_interrupt interrupt;

	(void)state;
	begin_traced(&interrupts, 1);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc_for(f.endpoint[0], 1, &interrupt), 0);
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &target), 0);
	(void)trace_log_count(&seen, IOMMU_TRACE_INVALIDATE);
	assert_int_equal(iommu_vtd_interrupt_clear(&interrupt, 0), 0);
	expect_global(IOMMU_TRACE_INTERRUPTS, 1, 0);
	trace_log_expect_end(&seen);
	assert_int_equal(iommu_vtd_interrupt_free(&interrupt), 0);
	end_traced();
}

/* --- Setting a trace -------------------------------------------------------------------------- */

static void a_trace_can_be_set_at_any_time(void **state)
{
	static const struct iommu_trace counts_only = {.event = NULL};
	struct iommu_domain_stats stats;
	struct iommu_domain *later;

	(void)state;
	begin_traced(&legacy, 1);
	/* What is made later is traced, too. */
	later = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(later, IOVA, f.memory, 4096, RW), 0);
	EXPECT(&seen, .type = IOMMU_TRACE_MAP, .domain = later->number, .iova = IOVA, .size = 4096);
	/* Used nowhere: there is nothing to tell hardware. */
	assert_int_equal(iommu_unmap(later, IOVA, 4096, 0, NULL), 0);
	EXPECT(&seen, .type = IOMMU_TRACE_UNMAP, .domain = later->number, .iova = IOVA,
	       .size = 4096);
	EXPECT(&seen, .type = IOMMU_TRACE_CONFIRM, .domain = later->number, .iova = IOVA,
	       .size = 4096);
	trace_log_expect_end(&seen);
	/* None: nothing is told, and nothing counted. */
	iommu_set_trace(f.iommu, NULL);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	iommu_domain_get_stats(domain, &stats);
	assert_int_equal(stats.maps + stats.unmaps + stats.confirmed, 0);
	/* One without a function: it is counted. */
	iommu_set_trace(f.iommu, &counts_only);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	iommu_domain_get_stats(domain, &stats);
	assert_int_equal(stats.maps, 1);
	assert_int_equal(stats.unmaps, 1);
	assert_int_equal(stats.confirmed, 1);
	trace_log_expect_end(&seen);
	assert_int_equal(iommu_domain_free(later), 0);
	trace_log_expect_end(&seen);
	end_traced();
}

static unsigned int cpu_seven(void *ctx)
{
	(void)ctx;
	return 7;
}

static unsigned int eight_cpus(void *ctx)
{
	(void)ctx;
	return 8;
}

/* Units that are found after that, what they are called, and when and where it happened. */
static void units_that_are_found_later(void **state)
{
	const struct iommu_vtd_options quick = {.timeout_ns = QUICK_NS};
	struct iommu_unit_stats stats;
	unsigned int i;

	(void)state;
	machine(2, &legacy);
	devices(2);
	f.machine.platform.cpu_id = cpu_seven;
	f.machine.platform.cpu_count = eight_cpus;
	assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
	trace_log_begin(&seen, f.iommu, &f.machine);
	assert_int_equal(iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &quick), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	for (i = 1; i <= 2; i++) {
		EXPECT(&seen, .type = IOMMU_TRACE_INVALIDATE, .unit = (uint16_t)i,
		       .kinds = IOMMU_TRACE_CONTEXT | IOMMU_TRACE_ALL, .count = 2);
		assert_true(seen.events[seen.at - 1].time_ns != 0);
		assert_int_equal(seen.events[seen.at - 1].cpu, 7);
		EXPECT(&seen, .type = IOMMU_TRACE_CONFIRM, .unit = (uint16_t)i,
		       .kinds = IOMMU_TRACE_CONTEXT | IOMMU_TRACE_ALL, .count = 2);
		/* When its commands were given. */
		assert_int_equal(seen.events[seen.at - 1].begun_ns,
				 seen.events[seen.at - 2].time_ns);
	}
	for (i = 0; i < 2; i++) {
		f.unit[i] = iommu_next_unit(f.iommu, i == 0 ? NULL : f.unit[0]);
		iommu_unit_get_stats(f.unit[i], &stats);
		assert_int_equal(stats.number, i + 1);
	}
	trace_log_expect_end(&seen);
	/* Of units that were there, too, where a trace is set again. */
	iommu_set_trace(f.iommu, NULL);
	assert_int_equal(iommu_unit_disable(f.unit[1]), 0);
	assert_int_equal(iommu_unit_enable(f.unit[1]), 0);
	trace_log_expect_end(&seen);
	iommu_set_trace(f.iommu, &seen.trace);
	assert_int_equal(iommu_unit_disable(f.unit[1]), 0);
	assert_int_equal(iommu_unit_enable(f.unit[1]), 0);
	assert_int_equal(trace_log_count(&seen, IOMMU_TRACE_CONFIRM), 1);
	iommu_set_trace(f.iommu, NULL);
	end();
}

/* --- Statistics ------------------------------------------------------------------------------- */

static void what_is_counted(void **state)
{
	struct iommu_domain_stats domain_stats;
	struct iommu_unit_stats unit_stats;

	(void)state;
	begin_traced(&legacy, 1);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 8192, RW), 0);
	assert_int_equal(iommu_map(domain, IOVA, f.memory, 4096, RW), IOMMU_EEXIST);
	assert_int_equal(iommu_unmap(domain, IOVA, 4096, 0, NULL), 0);
	misbehave(&hang);
	assert_int_equal(iommu_unmap(domain, IOVA + 4096, 4096, 0, NULL), IOMMU_ETIMEDOUT);
	iommu_domain_get_stats(domain, &domain_stats);
	assert_int_equal(domain_stats.number, number());
	assert_int_equal(domain_stats.maps, 1);
	assert_int_equal(domain_stats.failed_maps, 1);
	assert_int_equal(domain_stats.mapped_bytes, 8192);
	assert_int_equal(domain_stats.unmaps, 2);
	assert_int_equal(domain_stats.unmapped_bytes, 8192);
	assert_int_equal(domain_stats.confirmed, 1);
	assert_int_equal(domain_stats.withheld, 1);
	assert_int_equal(domain_stats.flushes, 0);
	assert_int_equal(domain_stats.unconfirmed, 1);
	assert_true(domain_stats.is_open);
	assert_int_equal(domain_stats.table_pages, 4);
	iommu_unit_get_stats(f.unit[0], &unit_stats);
	assert_int_equal(unit_stats.batches, 2);
	assert_int_equal(unit_stats.commands, 2);
	assert_int_equal(unit_stats.kinds[3], 2); /* IOMMU_TRACE_PAGES */
	assert_int_equal(unit_stats.confirmed, 1);
	assert_int_equal(unit_stats.timed_out, 1);
	assert_int_equal(unit_stats.failed, 0);
	assert_int_equal(unit_stats.faults, 0);

	misbehave(&none);
	assert_int_equal(iommu_domain_flush(domain), 0);
	iommu_domain_get_stats(domain, &domain_stats);
	assert_int_equal(domain_stats.unconfirmed, 1);
	assert_false(domain_stats.is_open);
	assert_int_equal(domain_stats.confirmed, 2);
	iommu_unit_get_stats(f.unit[0], &unit_stats);
	assert_int_equal(unit_stats.batches, 3);
	assert_int_equal(unit_stats.commands, 4);
	assert_int_equal(unit_stats.kinds[0], 1); /* IOMMU_TRACE_CONTEXT */
	assert_int_equal(unit_stats.kinds[1], 1); /* IOMMU_TRACE_ALL */
	assert_int_equal(unit_stats.confirmed, 2);

	/* Refused, which is no time-out. */
	misbehave(&(struct iommu_model_vtd_faults){.refuse_after = 1});
	assert_int_equal(iommu_domain_flush(domain), IOMMU_EIO);
	misbehave(&none);
	iommu_unit_get_stats(f.unit[0], &unit_stats);
	assert_int_equal(unit_stats.timed_out, 1);
	assert_int_equal(unit_stats.failed, 1);
	(void)trace_log_count(&seen, IOMMU_TRACE_MAP);
	end_traced();
}

/* --- Files ------------------------------------------------------------------------------------ */

static void records_are_what_they_were(void **state)
{
	static const struct iommu_trace_event event = {
		.time_ns = 0x0102030405060708,
		.begun_ns = 0x1112131415161718,
		.iova = 0x2122232425262728,
		.size = 0x3132333435363738,
		.domain = 0x41424344,
		.status = -5,
		.pasid = 0x51525354,
		.detail = 0x61626364,
		.count = 0x71727374,
		.unit = 0x8182,
		.segment = 0x9192,
		.source_id = 0xa1a2,
		.type = 0xb1,
		.kinds = 0xc1,
		.cpu = 0xd1d2d3d4,
	};
	static const unsigned char expected[IOMMU_TRACE_RECORD_SIZE] = {
		8,    7,    6,    5,    4,    3,    2,    1,    0x18, 0x17, 0x16, 0x15, 0x14,
		0x13, 0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 0x38, 0x37,
		0x36, 0x35, 0x34, 0x33, 0x32, 0x31, 0x44, 0x43, 0x42, 0x41, 0xfb, 0xff, 0xff,
		0xff, 0x54, 0x53, 0x52, 0x51, 0x64, 0x63, 0x62, 0x61, 0x74, 0x73, 0x72, 0x71,
		0x82, 0x81, 0x92, 0x91, 0xa2, 0xa1, 0xb1, 0xc1, 0xd4, 0xd3, 0xd2, 0xd1};
	static const unsigned char header[IOMMU_TRACE_HEADER_SIZE] = {'I', 'O', 'M', 'M', 'U', 'T',
								      'R', 'C', 1,   0,   64};
	unsigned char bytes[IOMMU_TRACE_RECORD_SIZE];
	struct iommu_trace_event back;
	unsigned int i;

	(void)state;
	iommu_trace_put(bytes, &event);
	assert_memory_equal(bytes, expected, sizeof(bytes));
	memset(&back, 0, sizeof(back));
	iommu_trace_get(bytes, &back);
	assert_memory_equal(&back, &event, sizeof(back));

	iommu_trace_put_header(bytes);
	assert_memory_equal(bytes, header, sizeof(header));
	assert_true(iommu_trace_check_header(bytes));
	for (i = 0; i < IOMMU_TRACE_HEADER_SIZE; i++) {
		bytes[i] ^= 1;
		assert_false(iommu_trace_check_header(bytes));
		bytes[i] ^= 1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_and_its_unmap),
		cmocka_unit_test(other_ways_to_map),
		cmocka_unit_test(maps_that_fail),
		cmocka_unit_test(what_is_withheld_and_confirmed_later),
		cmocka_unit_test(maps_on_top_of_it),
		cmocka_unit_test(lazy_unmaps_and_their_flush),
		cmocka_unit_test(endpoints_come_and_go),
		cmocka_unit_test(endpoints_with_a_pasid),
		cmocka_unit_test(faults),
		cmocka_unit_test(faults_with_a_pasid),
		cmocka_unit_test(interrupt_entries),
		cmocka_unit_test(a_trace_can_be_set_at_any_time),
		cmocka_unit_test(units_that_are_found_later),
		cmocka_unit_test(what_is_counted),
		cmocka_unit_test(records_are_what_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
