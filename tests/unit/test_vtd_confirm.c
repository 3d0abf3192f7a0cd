/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hardware has not confirmed: no call returns 0 on top of it, later calls ask for the
 * confirmation again, and a unit that does not answer costs them one time-out.
 */
#include <string.h>

#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_registers.h>

#include "base/byteorder.h"
#include "test.h"
#include "vtd_fixture.h"

static const struct iommu_model_vtd_faults none = {0};

static const struct iommu_model_vtd_config legacy = {.flags = 0};
static const struct iommu_model_vtd_config scalable = {
	.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID,
};
static const struct iommu_model_vtd_config first_stage = {
	.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
		 IOMMU_MODEL_VTD_NO_SECOND_STAGE | IOMMU_MODEL_VTD_PASID,
};
static const struct iommu_model_vtd_config registers = {.flags = IOMMU_MODEL_VTD_NO_QUEUE};

static const struct iommu_model_vtd_config tlbs = {
	.flags = IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PASS_THROUGH,
};
static const struct iommu_model_vtd_config scalable_tlbs = {
	.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_DEVICE_TLB,
};

static const struct iommu_model_vtd_config *const kinds[] = {&legacy, &scalable, &first_stage,
							     &registers};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void misbehave(const struct iommu_model_vtd_faults *faults)
{
	iommu_model_vtd_misbehave(f.machine.units[0], faults);
}

/* Two ways in which an invalidation is not confirmed; a unit without a queue refuses nothing. */
static void fail_once(const struct iommu_model_vtd_config *kind, unsigned int way)
{
	const struct iommu_model_vtd_faults refuse = {.refuse_after = 1};
	const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};

	misbehave(way == 0 && kind != &registers ? &refuse : &hang);
}

/*
 * Two devices and two domains that map one address to two pages; the first device uses the first.
 */
static struct iommu_domain *domain[2];
static iommu_paddr_t page[2];

static void two_domains(const struct iommu_model_vtd_config *config)
{
	unsigned int i;

	machine(1, config);
	devices(2);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	f.info.max_pasids = 1024;
	f.info.device_tlb = (config->flags & IOMMU_MODEL_VTD_DEVICE_TLB) != 0;
	for (i = 0; i < 2; i++)
		f.device[i]->has_tlb = f.info.device_tlb;
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	for (i = 0; i < 2; i++) {
		domain[i] = domain_of_type(IOMMU_DOMAIN_PAGING);
		page[i] = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_map(domain[i], IOVA, page[i], 4096, RW), 0);
	}
	assert_int_equal(iommu_domain_attach_group(domain[0], f.group[0]), 0);
	assert_true(reaches(0, IOVA, page[0]));
}

static void end_two_domains(void)
{
	unsigned int i;

	for (i = 0; i < f.devices; i++)
		assert_int_equal(iommu_domain_detach_group(f.group[i]), 0);
	assert_int_equal(iommu_domain_free(domain[0]), 0);
	assert_int_equal(iommu_domain_free(domain[1]), 0);
	end();
}

/* --- Requests by register, as hardware sees them ---------------------------------------------- */

#define REQUESTS 16U

static struct {
	uint64_t iotlb; /* the register of requests; the address is 8 bytes before */
	uint64_t values[REQUESTS], addresses[REQUESTS];
	unsigned int count;
	bool nothing_done; /* what was done reads as nothing */
} seen;
static void (*true_write64)(void *ctx, volatile void *reg, uint64_t value);
static uint64_t (*true_read64)(void *ctx, const volatile void *reg);

static void note_request(void *ctx, volatile void *reg, uint64_t value)
{
	const uint64_t offset = (uintptr_t)reg - (uintptr_t)MACHINE_UNIT(0);

	if (offset == seen.iotlb - 8) {
		seen.addresses[seen.count % REQUESTS] = value;
	} else if (offset == seen.iotlb || offset == VTD_CCMD) {
		seen.values[seen.count % REQUESTS] = value;
		seen.count++;
	}
	true_write64(ctx, reg, value);
}

static uint64_t read_result(void *ctx, const volatile void *reg)
{
	const uint64_t offset = (uintptr_t)reg - (uintptr_t)MACHINE_UNIT(0);
	const uint64_t value = true_read64(ctx, reg);

	if (!seen.nothing_done)
		return value;
	return offset == VTD_CCMD     ? value & ~(3ULL << 59)
	       : offset == seen.iotlb ? value & ~(3ULL << 57)
				      : value;
}

static void begin_registers(void)
{
	memset(&seen, 0, sizeof(seen));
	two_domains(&registers);
	seen.iotlb =
		vtd_ecap_iotlb_offset(iommu_model_vtd_mmio_read(f.machine.units[0], VTD_ECAP, 8)) +
		8;
	true_write64 = f.machine.platform.mmio_write64;
	true_read64 = f.machine.platform.mmio_read64;
	f.machine.platform.mmio_write64 = note_request;
	f.machine.platform.mmio_read64 = read_result;
}

static uint16_t domain_id(unsigned int device)
{
	struct iommu_vtd_tables tables;
	const uint64_t *entry;

	assert_int_equal(iommu_vtd_get_tables(f.endpoint[device], &tables), 0);
	entry = (const uint64_t *)model_machine_bytes(&f.machine, tables.context_table) +
		(size_t)2 * f.device[device]->source_id % 512;
	return vtd_context_domain_id(iommu_le64(entry[1]));
}

/* Pages by their address, a domain that loses much as a whole, and a device by its id. */
static void what_registers_are_told(void **state)
{
	uint64_t drains, id;

	(void)state;
	begin_registers();
	drains = (iommu_model_vtd_mmio_read(f.machine.units[0], VTD_CAP, 8) & 3ULL << 54) >> 54;
	/* CAP has writes below reads, as the request has. */
	drains = drains << 48;
	id = domain_id(0);
	assert_true(id != 0);
	seen.count = 0;
	assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.addresses[0] & ~0xfffULL, IOVA);
	assert_int_equal(seen.addresses[0] & 0x3f, 0);
	assert_true(seen.values[0] == (1ULL << 63 | 3ULL << 60 | id << 32 | drains));
	seen.count = 0;
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(seen.count, 2);
	assert_true(seen.values[0] ==
		    (1ULL << 63 | 3ULL << 61 | (uint64_t)f.device[0]->source_id << 16 | id));
	assert_true(seen.values[1] == (1ULL << 63 | 2ULL << 60 | id << 32 | drains));
	end_two_domains();
}

/* A request of which nothing was done is not confirmed. */
static void registers_that_did_nothing(void **state)
{
	(void)state;
	begin_registers();
	seen.nothing_done = true;
	assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL), IOMMU_EIO);
	assert_int_equal(iommu_domain_attach_group(domain[1], f.group[0]), IOMMU_EIO);
	seen.nothing_done = false;
	assert_int_equal(iommu_domain_attach_group(domain[1], f.group[0]), 0);
	assert_true(reaches(0, IOVA, page[1]));
	end_two_domains();
}

/* Hardware's own word counts: it is off, although the driver left it on. */
static void a_unit_that_turned_off_by_itself(void **state)
{
	(void)state;
	two_domains(&legacy);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	iommu_model_vtd_mmio_write(f.machine.units[0], VTD_GCMD, 4,
				   iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) &
					   VTD_GLOBAL_LASTING & ~VTD_GLOBAL_TE);
	assert_false(iommu_unit_is_enabled(f.unit[0]));
	iommu_model_vtd_mmio_write(
		f.machine.units[0], VTD_GCMD, 4,
		(iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_LASTING) |
			VTD_GLOBAL_TE);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	end_two_domains();
}

/* --- Nothing is done on top of it ------------------------------------------------------------- */

static void an_attach_after_an_unconfirmed_detach(void **state)
{
	unsigned int kind, way;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (way = 0; way < 2; way++) {
			two_domains(kinds[kind]);
			fail_once(kinds[kind], way);
			assert_true(iommu_domain_detach_group(f.group[0]) != 0);
			/* Not while it is so; and once hardware answers, it is told first. */
			if (way == 1)
				assert_int_equal(iommu_domain_attach_group(domain[1], f.group[0]),
						 IOMMU_ETIMEDOUT);
			misbehave(&none);
			assert_int_equal(iommu_domain_attach_group(domain[1], f.group[0]), 0);
			assert_true(reaches(0, IOVA, page[1]));
			end_two_domains();
		}
}

/* Also beside a PASID, which keeps the way to the device's entries open. */
static void an_attach_beside_a_pasid(void **state)
{
	struct iommu_pasid_handle handle;
	unsigned int kind;

	(void)state;
	for (kind = 1; kind < 3; kind++) {
		two_domains(kinds[kind]);
		assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID),
				 0);
		assert_int_equal(iommu_domain_attach_pasid(domain[0], f.group[0], 5, &handle), 0);
		fail_once(kinds[kind], 0);
		assert_true(iommu_domain_detach_group(f.group[0]) != 0);
		misbehave(&none);
		assert_int_equal(iommu_domain_attach_group(domain[1], f.group[0]), 0);
		assert_true(reaches(0, IOVA, page[1]));
		assert_int_equal(iommu_domain_detach_pasid(f.group[0], 5), 0);
		end_two_domains();
	}
}

static void a_map_after_an_unconfirmed_unmap(void **state)
{
	unsigned int kind, way;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (way = 0; way < 2; way++) {
			two_domains(kinds[kind]);
			fail_once(kinds[kind], way);
			assert_true(iommu_unmap(domain[0], IOVA, 4096, 0, NULL) != 0);
			if (way == 1)
				assert_int_equal(iommu_map(domain[0], IOVA, page[1], 4096, RW),
						 IOMMU_ETIMEDOUT);
			misbehave(&none);
			assert_int_equal(iommu_map(domain[0], IOVA, page[1], 4096, RW), 0);
			assert_true(reaches(0, IOVA, page[1]));
			end_two_domains();
		}
}

/* A call that finds nothing to do there is one that succeeds, too. */
static void an_unmap_of_nothing_after_an_unconfirmed_one(void **state)
{
	unsigned int kind, call;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (call = 0; call < 2; call++) {
			struct iommu_gather gather;
			uint64_t unmapped = 1;

			two_domains(kinds[kind]);
			fail_once(kinds[kind], 1);
			assert_true(iommu_unmap(domain[0], IOVA, 4096, 0, NULL) != 0);
			iommu_gather_init(&gather);
			assert_int_equal(call == 0
						 ? iommu_unmap(domain[0], IOVA, 4096, 0, &unmapped)
						 : iommu_sync_gather(domain[0], &gather),
					 IOMMU_ETIMEDOUT);
			misbehave(&none);
			assert_int_equal(call == 0
						 ? iommu_unmap(domain[0], IOVA, 4096, 0, &unmapped)
						 : iommu_sync_gather(domain[0], &gather),
					 0);
			assert_true(is_blocked(0, IOVA));
			end_two_domains();
		}
}

/* Also where no endpoint uses the domain any more, as far as is known. */
static void a_map_after_an_unconfirmed_detach(void **state)
{
	unsigned int kind;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		two_domains(kinds[kind]);
		fail_once(kinds[kind], 0);
		assert_true(iommu_domain_detach_group(f.group[0]) != 0);
		misbehave(&none);
		assert_int_equal(iommu_map(domain[0], IOVA + 4096, page[1], 4096, RW), 0);
		assert_true(is_blocked(0, IOVA));
		end_two_domains();
	}
}

/* What there is nothing left to do for is confirmed all the same. */
static void calls_that_repeat_what_was_not_confirmed(void **state)
{
	unsigned int kind, call;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (call = 0; call < 4; call++) {
			struct iommu_domain *blocked;
			int status;

			two_domains(kinds[kind]);
			blocked = domain_of_type(IOMMU_DOMAIN_BLOCKED);
			fail_once(kinds[kind], 0);
			assert_true(iommu_domain_detach_group(f.group[0]) != 0);
			misbehave(&none);
			if (call == 0)
				status = iommu_domain_detach_group(f.group[0]);
			else if (call == 1)
				status = iommu_unit_enable(f.unit[0]);
			else if (call == 2)
				status = iommu_vtd_enable(f.iommu);
			else
				status = iommu_domain_attach_group(blocked, f.group[0]);
			assert_int_equal(status, 0);
			assert_true(is_blocked(0, IOVA));
			assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
			assert_int_equal(iommu_domain_free(blocked), 0);
			end_two_domains();
		}
}

static void an_attach_of_what_is_attached_confirms(void **state)
{
	(void)state;
	two_domains(&legacy);
	fail_once(&legacy, 0);
	assert_true(iommu_unmap(domain[0], IOVA, 4096, 0, NULL) != 0);
	misbehave(&none);
	assert_int_equal(iommu_domain_attach_group(domain[0], f.group[0]), 0);
	assert_true(is_blocked(0, IOVA));
	end_two_domains();
}

/* What a device keeps is more than the unit knows. */
static void what_a_device_keeps_is_confirmed(void **state)
{
	const struct iommu_model_vtd_config *const with_tlbs[] = {&tlbs, &scalable_tlbs};
	unsigned int kind, call;

	(void)state;
	for (kind = 0; kind < 2; kind++)
		for (call = 0; call < 3; call++) {
			int status;

			two_domains(with_tlbs[kind]);
			fail_once(with_tlbs[kind], 1);
			assert_true(iommu_unmap(domain[0], IOVA, 4096, 0, NULL) != 0);
			misbehave(&none);
			if (call == 0)
				status = iommu_unit_enable(f.unit[0]);
			else if (call == 1)
				status = iommu_vtd_enable(f.iommu);
			else
				status = iommu_domain_attach_group(domain[0], f.group[0]);
			assert_int_equal(status, 0);
			assert_true(is_blocked(0, IOVA));
			end_two_domains();
		}
}

/*
 * A device that falls silent while what it was not told is confirmed: hardware forgets its entries,
 * under whatever domain id they are cached.
 */
static void a_device_that_is_silent_when_it_is_confirmed(void **state)
{
	const struct iommu_model_vtd_config *const with_tlbs[] = {&tlbs, &scalable_tlbs};
	unsigned int kind;

	(void)state;
	for (kind = 0; kind < 2; kind++) {
		two_domains(with_tlbs[kind]);
		assert_int_equal(iommu_domain_attach_group(domain[1], f.group[1]), 0);
		fail_once(with_tlbs[kind], 1);
		assert_true(iommu_unmap(domain[0], IOVA, 4096, 0, NULL) != 0);
		misbehave(&none);
		/* The unit forgets all; the device has what it had, and the context is cached. */
		assert_int_equal(iommu_unmap(domain[1], IOVA, 4096, 0, NULL), 0);
		(void)is_blocked(0, IOVA);
		f.device[0]->silent = true;
		(void)iommu_domain_attach_group(domain[0], f.group[0]);
		assert_true(iommu_endpoint_is_lost(f.endpoint[0]));
		assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL), 0);
		assert_true(is_blocked(0, IOVA));
		f.device[0]->silent = false;
		end_two_domains();
	}
}

/* A queue that was told to turn on may still do so: its pages stay until it is off again. */
static void a_queue_that_comes_on_late(void **state)
{
	const struct iommu_model_vtd_faults hang = {.commands_hang = true};

	(void)state;
	begin(1, &legacy, 1);
	misbehave(&hang);
	assert_int_equal(iommu_unit_enable(f.unit[0]), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_unit_disable(f.unit[0]), IOMMU_ETIMEDOUT);
	misbehave(&none);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	assert_int_equal(
		iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_QIE, 0);
	end();
}

/* One that was told to turn off and still answers may be late: nothing else is said before. */
static void a_queue_that_goes_off_late(void **state)
{
	const struct iommu_model_vtd_faults all = {.invalidations_hang = true,
						   .commands_hang = true};
	const struct iommu_model_vtd_faults hang = {.commands_hang = true};
	unsigned int i;

	(void)state;
	two_domains(&legacy);
	misbehave(&all);
	assert_true(iommu_unmap(domain[0], IOVA, 4096, 0, NULL) != 0);
	assert_true(iommu_domain_attach_group(domain[1], f.group[0]) != 0);
	misbehave(&hang);
	(void)iommu_unmap(domain[0], IOVA, 4096, 0, NULL);
	assert_int_equal(iommu_unit_disable(f.unit[0]), IOMMU_ETIMEDOUT);
	misbehave(&none);
	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
		assert_int_equal(iommu_domain_attach_group(domain[1], f.group[0]), 0);
		assert_true(reaches(0, IOVA, page[1]));
	}
	end_two_domains();
}

/* A detach asks also where it takes nothing away. */
static void a_pasid_that_went_unconfirmed(void **state)
{
	struct iommu_pasid_handle handle, other;
	struct iommu_domain *blocked;
	iommu_paddr_t to;

	(void)state;
	two_domains(&scalable);
	blocked = domain_of_type(IOMMU_DOMAIN_BLOCKED);
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain[0], f.group[0], 5, &handle), 0);
	/* It stays: nothing else has to be told to the unit. */
	assert_int_equal(iommu_domain_attach_pasid(domain[1], f.group[0], 6, &other), 0);
	assert_int_equal(iommu_domain_attach_group(blocked, f.group[0]), 0);
	assert_int_equal(model_device_access_pasid(f.device[0], 5, IOVA, IOMMU_PROT_READ, &to), 0);
	fail_once(&scalable, 0);
	assert_true(iommu_domain_detach_pasid(f.group[0], 5) != 0);
	misbehave(&none);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_true(model_device_access_pasid(f.device[0], 5, IOVA, IOMMU_PROT_READ, &to) != 0);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], 6), 0);
	assert_int_equal(iommu_domain_free(blocked), 0);
	end_two_domains();
}

/* A device is forgotten when hardware has confirmed that nothing of it passes, and not before. */
static void a_release_that_is_not_confirmed(void **state)
{
	unsigned int kind, way;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (way = 0; way < 2; way++) {
			machine(1, kinds[kind]);
			devices(2);
			assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
			assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
			endpoints();
			assert_int_equal(iommu_vtd_enable(f.iommu), 0);
			page[0] = model_machine_take(&f.machine, 1);
			assert_int_equal(iommu_map(iommu_group_default_domain(f.group[0]), IOVA,
						   page[0], 4096, RW),
					 0);
			assert_true(reaches(0, IOVA, page[0]));
			fail_once(kinds[kind], way);
			assert_true(iommu_release_endpoint(f.endpoint[0]) != 0);
			if (way == 1)
				assert_int_equal(iommu_release_endpoint(f.endpoint[0]),
						 IOMMU_ETIMEDOUT);
			assert_null(iommu_endpoint_domain(f.endpoint[0]));
			misbehave(&none);
			assert_int_equal(iommu_release_endpoint(f.endpoint[0]), 0);
			f.endpoint[0] = NULL;
			assert_true(is_blocked(0, IOVA));
			end();
		}
}

/* Tables of a default domain that a device could not be given stay until that is confirmed. */
static void tables_of_a_default_domain_outlive_it(void **state)
{
	const struct iommu_model_vtd_config caching = {.flags = IOMMU_MODEL_VTD_CACHING_MODE};
	const struct iommu_model_vtd_faults hang = {.waits_hang = true};
	size_t kept;

	(void)state;
	machine(1, &caching);
	devices(2);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	assert_int_equal(iommu_set_default_type(f.iommu, IOMMU_DOMAIN_DMA), 0);
	assert_int_equal(endpoint(0), 0);
	f.group[0] = iommu_endpoint_group(f.endpoint[0]);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	misbehave(&hang);
	assert_int_not_equal(endpoint(1), 0);
	f.endpoint[1] = NULL;
	misbehave(&none);
	kept = f.machine.pages_in_use;
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_int_equal(iommu_domain_free(domain_of_type(IOMMU_DOMAIN_BLOCKED)), 0);
	assert_true(f.machine.pages_in_use < kept);
	end();
}

static void ids_that_are_not_confirmed_are_found_again(void **state)
{
	const struct iommu_model_vtd_config few = {.domain_bits = 4};
	struct iommu_domain *all[16];
	unsigned int i;

	(void)state;
	begin(1, &few, 16);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	for (i = 0; i < 16; i++) {
		all[i] = domain_of_type(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_domain_attach_group(all[i], f.group[i]),
				 i < 15 ? 0 : IOMMU_ENOSPC);
	}
	fail_once(&few, 0);
	assert_true(iommu_domain_detach_group(f.group[0]) != 0);
	misbehave(&none);
	assert_int_equal(iommu_domain_attach_group(all[15], f.group[15]), 0);
	for (i = 0; i < 16; i++) {
		assert_int_equal(iommu_domain_detach_group(f.group[i]), 0);
		assert_int_equal(iommu_domain_free(all[i]), 0);
	}
	end();
}

/* --- What the library says of a unit ---------------------------------------------------------- */

static uint32_t status_of_unit(void)
{
	return (uint32_t)iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4);
}

static void (*write32)(void *ctx, volatile void *reg, uint32_t value);
static bool ignores_queue_off;

/* Hardware that goes on with its queue. */
static void write_but_queue_off(void *ctx, volatile void *reg, uint32_t value)
{
	const bool off = (value & VTD_GLOBAL_QIE) == 0 && (status_of_unit() & VTD_GLOBAL_QIE) != 0;

	if (!ignores_queue_off || ((uintptr_t)reg & 0xfff) != VTD_GCMD || !off)
		write32(ctx, reg, value);
}

static void begin_with_stubborn_queue(void)
{
	machine(1, &legacy);
	write32 = f.machine.platform.mmio_write32;
	f.machine.platform.mmio_write32 = write_but_queue_off;
	devices(2);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	ignores_queue_off = true;
}

static bool says_the_truth(void)
{
	return iommu_unit_is_enabled(f.unit[0]) == ((status_of_unit() & VTD_GLOBAL_TE) != 0);
}

static void a_unit_that_was_turned_off_by_half(void **state)
{
	(void)state;
	begin_with_stubborn_queue();
	assert_int_equal(iommu_unit_disable(f.unit[0]), IOMMU_ETIMEDOUT);
	assert_true(says_the_truth());
	assert_int_equal(iommu_unit_disable(f.unit[0]), IOMMU_ETIMEDOUT);
	ignores_queue_off = false;
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_true(iommu_unit_is_enabled(f.unit[0]) && says_the_truth());
	assert_true(is_blocked(0, IOVA));
	end();
}

static void a_suspend_that_fails_brings_everything_back(void **state)
{
	(void)state;
	begin_with_stubborn_queue();
	assert_int_equal(iommu_suspend(f.iommu), IOMMU_ETIMEDOUT);
	ignores_queue_off = false;
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_true(iommu_unit_is_enabled(f.unit[0]) && says_the_truth());
	assert_true(is_blocked(0, IOVA));
	/* Only one that was confirmed counts. */
	assert_int_equal(iommu_suspend(f.iommu), 0);
	assert_false(iommu_unit_is_enabled(f.unit[0]));
	assert_true(says_the_truth());
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_true(iommu_unit_is_enabled(f.unit[0]) && says_the_truth());
	end();
}

static void a_resume_that_fails(void **state)
{
	const struct iommu_model_vtd_faults stuck = {.commands_hang = true};
	unsigned int call;

	(void)state;
	for (call = 0; call < 3; call++) {
		int status;

		two_domains(&legacy);
		assert_int_equal(iommu_suspend(f.iommu), 0);
		/* What changes meanwhile holds afterwards. */
		assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL), 0);
		assert_int_equal(iommu_domain_attach_group(domain[1], f.group[1]), 0);
		iommu_model_vtd_reset(f.machine.units[0]);
		misbehave(&stuck);
		assert_int_equal(iommu_resume(f.iommu), IOMMU_ETIMEDOUT);
		misbehave(&none);
		assert_true(says_the_truth());
		/* Another reset ends the command that hung. */
		if (call == 0)
			iommu_model_vtd_reset(f.machine.units[0]);
		if (call == 0)
			status = iommu_resume(f.iommu);
		else if (call == 1)
			status = iommu_unit_enable(f.unit[0]);
		else
			status = iommu_vtd_enable(f.iommu);
		assert_int_equal(status, 0);
		assert_true(iommu_unit_is_enabled(f.unit[0]) && says_the_truth());
		assert_true(is_blocked(0, IOVA));
		assert_true(reaches(1, IOVA, page[1]));
		end_two_domains();
	}
}

static void blocked_meanwhile(struct model_machine *machine)
{
	(void)machine;
	assert_true(is_blocked(0, IOVA + 4096));
}

/*
 * A unit that was out of reach for a moment was told nothing, and translates: it does so all the
 * time while what failed is repeated, and when that fails, too.
 */
static void what_translates_is_not_opened(void **state)
{
	const struct iommu_model_vtd_faults gone = {.gone = true};
	const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
	unsigned int call;

	(void)state;
	for (call = 0; call < 2; call++) {
		two_domains(&legacy);
		misbehave(&gone);
		assert_true((call == 0 ? iommu_suspend(f.iommu) : iommu_unit_disable(f.unit[0])) !=
			    0);
		assert_false(iommu_unit_is_enabled(f.unit[0]));
		misbehave(&hang);
		assert_true(iommu_unit_is_enabled(f.unit[0]));
		f.machine.meanwhile = blocked_meanwhile;
		assert_true((call == 0 ? iommu_resume(f.iommu) : iommu_unit_enable(f.unit[0])) !=
			    0);
		assert_true(is_blocked(0, IOVA + 4096));
		misbehave(&none);
		assert_int_equal(call == 0 ? iommu_resume(f.iommu) : iommu_unit_enable(f.unit[0]),
				 0);
		f.machine.meanwhile = NULL;
		assert_true(reaches(0, IOVA, page[0]));
		end_two_domains();
	}
}

/* The unit translates; its suspend has failed, and so has the attempt to bring it up again. */
static void fail_to_suspend(void)
{
	const struct iommu_model_vtd_faults gone = {.gone = true};
	const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};

	misbehave(&gone);
	assert_true(iommu_suspend(f.iommu) != 0);
	misbehave(&hang);
	assert_true(iommu_resume(f.iommu) != 0);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	misbehave(&none);
}

/*
 * A bring-up begins with telling devices to leave their TLBs alone; a unit that goes on may not
 * know.
 */
static void device_tlbs_after_a_bring_up_that_failed(void **state)
{
	const struct iommu_model_vtd_faults stuck = {.commands_hang = true};
	struct iommu_pasid_handle handle;

	(void)state;
	two_domains(&scalable_tlbs);
	/* It keeps the way to the device's entries open. */
	assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[0], IOMMU_FEATURE_PASID), 0);
	assert_int_equal(iommu_domain_attach_pasid(domain[1], f.group[0], 5, &handle), 0);
	assert_true(reaches(0, IOVA, page[0]));
	misbehave(&stuck);
	assert_true(iommu_suspend(f.iommu) != 0);
	assert_true(iommu_unit_is_enabled(f.unit[0]));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_true(is_blocked(0, IOVA));
	misbehave(&none);
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_int_equal(iommu_domain_detach_pasid(f.group[0], 5), 0);
	end_two_domains();
}

/* What was held back of one domain is not opened in the place of another. */
static void a_held_tlb_goes_with_its_domain(void **state)
{
	const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
	struct iommu_domain *identity;

	(void)state;
	two_domains(&tlbs);
	identity = domain_of_type(IOMMU_DOMAIN_IDENTITY);
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	misbehave(&hang);
	assert_true(iommu_unit_enable(f.unit[0]) != 0);
	misbehave(&none);
	assert_int_equal(iommu_domain_attach_group(identity, f.group[0]), 0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	f.device[0]->has_tlb = false; /* there is nothing to ask for */
	assert_true(reaches(0, page[1], page[1]));
	f.device[0]->has_tlb = true;
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(identity), 0);
	end_two_domains();
}

/* … but opened again as soon as hardware has confirmed that it is empty. */
static void a_held_tlb_is_used_again(void **state)
{
	const struct iommu_model_vtd_config *const with_tlbs[] = {&tlbs, &scalable_tlbs};
	unsigned int kind;

	(void)state;
	for (kind = 0; kind < 2; kind++) {
		two_domains(with_tlbs[kind]);
		fail_to_suspend();
		assert_int_equal(iommu_domain_attach_group(domain[0], f.group[0]), 0);
		assert_true(f.device[0]->invalidations != 0);
		assert_true(reaches(0, IOVA, page[0]));
		assert_int_equal(iommu_resume(f.iommu), 0);
		end_two_domains();
	}
}

/* A unit that could not be enabled a second time, and translates, is brought back by a resume. */
static void what_goes_on_is_resumed(void **state)
{
	const struct iommu_model_vtd_faults gone = {.gone = true};
	const struct iommu_model_vtd_faults hang = {.invalidations_hang = true};
	unsigned int call;

	(void)state;
	for (call = 0; call < 2; call++) {
		two_domains(&legacy);
		misbehave(&gone);
		assert_true(iommu_unit_disable(f.unit[0]) != 0);
		misbehave(&hang);
		assert_true((call == 0 ? iommu_unit_enable(f.unit[0])
				       : iommu_vtd_enable(f.iommu)) != 0);
		assert_true(iommu_unit_is_enabled(f.unit[0]));
		misbehave(&none);
		assert_int_equal(iommu_suspend(f.iommu), 0);
		iommu_model_vtd_reset(f.machine.units[0]);
		assert_int_equal(iommu_resume(f.iommu), 0);
		assert_true(iommu_unit_is_enabled(f.unit[0]) && says_the_truth());
		assert_true(is_blocked(1, IOVA));
		end_two_domains();
	}
}

static void gone_once_it_translates(struct model_machine *machine)
{
	const struct iommu_model_vtd_faults gone = {.gone = true};

	(void)machine;
	if ((status_of_unit() & VTD_GLOBAL_TE) != 0)
		misbehave(&gone);
}

/*
 * One that was to go off again, and did not, is turned off by the next disable, whatever came in
 * between.
 */
static void what_did_not_go_off_is_not_forgotten(void **state)
{
	const struct iommu_model_vtd_faults gone = {.gone = true};
	unsigned int i;

	(void)state;
	two_domains(&tlbs);
	for (i = 0; i < 2; i++) {
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		f.machine.meanwhile = gone_once_it_translates;
		assert_true(iommu_unit_enable(f.unit[0]) != 0);
		f.machine.meanwhile = NULL;
		misbehave(&gone);
		assert_true(iommu_suspend(f.iommu) != 0);
		misbehave(&none);
		assert_true(iommu_unit_is_enabled(f.unit[0]));
		assert_int_equal(i == 0 ? iommu_unit_disable(f.unit[0]) : iommu_suspend(f.iommu),
				 0);
		assert_int_equal(status_of_unit() & VTD_GLOBAL_TE, 0);
	}
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	end_two_domains();
}

static void interrupts_come_back_after_a_suspend_that_failed(void **state)
{
	const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
	};

	(void)state;
	machine(1, &config);
	write32 = f.machine.platform.mmio_write32;
	f.machine.platform.mmio_write32 = write_but_queue_off;
	devices(2);
	assert_int_equal(probe_with(&(struct iommu_vtd_options){0}), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	/*
	 * Translation and interrupts are off, the queue is not; and they do not come back at once.
	 */
	ignores_queue_off = true;
	assert_int_equal(iommu_suspend(f.iommu), IOMMU_ETIMEDOUT);
	ignores_queue_off = false;
	assert_int_equal(iommu_suspend(f.iommu), 0);
	iommu_model_vtd_reset(f.machine.units[0]);
	assert_int_equal(iommu_resume(f.iommu), 0);
	assert_int_equal(status_of_unit() & (VTD_GLOBAL_TE | VTD_GLOBAL_IRE | VTD_GLOBAL_QIE),
			 VTD_GLOBAL_TE | VTD_GLOBAL_IRE | VTD_GLOBAL_QIE);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* --- Waiting ---------------------------------------------------------------------------------- */

static unsigned int depth, relaxed;
static void (*when_relaxed)(void);
static bool has_tlb; /* the first device */

static uintptr_t irq_save(void *ctx)
{
	(void)ctx;
	return depth++;
}

static void irq_restore(void *ctx, uintptr_t state)
{
	(void)ctx;
	depth = (unsigned int)state;
}

static void relax(void *ctx)
{
	void (*call)(void) = when_relaxed;

	(void)ctx;
	assert_int_equal(depth, 0); /* no lock is held, and interrupts are on */
	relaxed++;
	when_relaxed = NULL;
	if (call != NULL)
		call();
}

static bool probes_as_given; /* with the host's time-out of a unit, too */

static void begin_watched(const struct iommu_model_vtd_config *config,
			  const struct iommu_vtd_options *options)
{
	unsigned int i;

	machine(1, config);
	depth = relaxed = 0;
	when_relaxed = NULL;
	f.machine.platform.irq_save = irq_save;
	f.machine.platform.irq_restore = irq_restore;
	f.machine.platform.relax = relax;
	devices(2);
	if (probes_as_given) {
		assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
		assert_int_equal(
			iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, options), 0);
		f.unit[0] = iommu_next_unit(f.iommu, NULL);
	} else {
		assert_int_equal(probe_with(options), 0);
	}
	f.info.device_tlb = f.device[0]->has_tlb = has_tlb;
	assert_int_equal(endpoint(0), 0);
	f.info.device_tlb = false;
	assert_int_equal(endpoint(1), 0);
	for (i = 0; i < 2; i++)
		f.group[i] = iommu_endpoint_group(f.endpoint[i]);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	for (i = 0; i < 2; i++) {
		domain[i] = domain_of_type(IOMMU_DOMAIN_PAGING);
		page[i] = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_map(domain[i], IOVA, page[i], 4096, RW), 0);
		assert_int_equal(iommu_domain_attach_group(domain[i], f.group[i]), 0);
		assert_true(reaches(i, IOVA, page[i]));
	}
}

/*
 * A unit that hangs is waited for once, without a lock; then it is left alone until it has
 * answered.
 */
static void a_unit_that_hangs_is_left_alone(void **state)
{
	static const struct iommu_model_vtd_faults hangs[] = {
		{.invalidations_hang = true},
		{.waits_hang = true},
	};
	unsigned int kind, hang, i;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (hang = 0; hang < 2; hang++) {
			begin_watched(kinds[kind], &(struct iommu_vtd_options){0});
			misbehave(&hangs[hang]);
			assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL),
					 IOMMU_ETIMEDOUT);
			assert_true(relaxed > 0);
			relaxed = 0;
			for (i = 0; i < 8; i++) {
				assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL),
						 IOMMU_ETIMEDOUT);
				assert_int_equal(iommu_unmap(domain[1], IOVA + 4096, 4096, 0, NULL),
						 IOMMU_ETIMEDOUT);
			}
			assert_int_equal(relaxed, 0);
			misbehave(&none);
			assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL), 0);
			assert_true(is_blocked(0, IOVA));
			end_two_domains();
		}
}

static void a_write_buffer_that_is_not_flushed(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_WRITE_BUFFER};
	const struct iommu_model_vtd_faults hang = {.commands_hang = true};
	unsigned int i;

	(void)state;
	begin_watched(&config, &(struct iommu_vtd_options){0});
	misbehave(&hang);
	assert_int_equal(iommu_map(domain[0], IOVA + 4096, page[1], 4096, RW), IOMMU_ETIMEDOUT);
	relaxed = 0;
	for (i = 0; i < 8; i++)
		assert_int_equal(iommu_map(domain[0], IOVA + 4096, page[1], 4096, RW),
				 IOMMU_ETIMEDOUT);
	assert_int_equal(relaxed, 0);
	misbehave(&none);
	assert_int_equal(iommu_map(domain[0], IOVA + 4096, page[1], 4096, RW), 0);
	assert_true(reaches(0, IOVA + 4096, page[1]));
	end_two_domains();
}

/* What was taken back may not have come through either. */
static void a_write_buffer_that_holds_what_was_taken_back(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_WRITE_BUFFER};
	const struct iommu_model_vtd_faults hang = {.commands_hang = true};

	const struct iommu_model_vtd_faults nothing_is_confirmed = {.commands_hang = true,
								    .waits_hang = true};
	struct iommu_domain *third;
	size_t pages;

	(void)state;
	two_domains(&config);
	third = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_map(third, IOVA, page[1], 4096, RW), 0);
	misbehave(&hang);
	assert_int_equal(iommu_domain_attach_group(third, f.group[0]), IOMMU_ETIMEDOUT);
	/* Its tables stay as long as hardware may have seen the entry that leads to them. */
	misbehave(&nothing_is_confirmed);
	pages = f.machine.pages_in_use;
	assert_int_equal(iommu_domain_free(third), IOMMU_ETIMEDOUT);
	assert_int_equal(f.machine.pages_in_use, pages);
	misbehave(&none);
	assert_int_equal(iommu_domain_attach_group(domain[0], f.group[0]), 0);
	assert_true(reaches(0, IOVA, page[0]));
	assert_int_equal(iommu_domain_free(third), 0);
	assert_true(f.machine.pages_in_use < pages);
	end_two_domains();
}

static unsigned int writes_until_waits_hang;

static void hang_after_some_writes(struct model_machine *machine)
{
	const struct iommu_model_vtd_faults hang = {.waits_hang = true};

	if (--writes_until_waits_hang == 0)
		iommu_model_vtd_misbehave(machine->units[0], &hang);
}

/*
 * A queue that was told to turn off, did not, and answers again: the command may still come true,
 * and no other one can be given. It is told again before a write buffer is to be flushed.
 */
static void a_command_that_was_ignored_is_not_waited_for_for_ever(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_WRITE_BUFFER |
							       IOMMU_MODEL_VTD_DEVICE_TLB};
	const struct iommu_model_vtd_faults refuse = {.refuse_after = 9};
	const struct iommu_vtd_options plain = {0};
	struct iommu_pci_function functions[3] = {{0}};
	const struct iommu_pci_topology topology = {functions, 3};
	struct iommu_domain *other, *first;
	unsigned int i, at;

	(void)state;
	for (at = 2; at < 6; at++) {
		machine(1, &config);
		for (i = 0; i < 3; i++) {
			functions[i].devfn = (uint8_t)(0x20 + i);
			functions[i].flags = IOMMU_PCI_MULTIFUNCTION;
			f.device[i] = model_machine_add_device(&f.machine, 0, (uint16_t)(0x20 + i));
		}
		f.devices = 3;
		model_machine_make_dmar(&f.machine);
		assert_int_equal(probe_with(&plain), 0);
		assert_int_equal(iommu_set_pci_topology(f.iommu, &topology), 0);
		for (i = 0; i < 3; i++) {
			f.info.device_tlb = f.device[i]->tlb_is_off = i == 0;
			assert_int_equal(endpoint(i), 0);
			f.group[i] = iommu_endpoint_group(f.endpoint[i]);
		}
		f.memory = model_machine_take(&f.machine, 1);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		first = domain_of_type(IOMMU_DOMAIN_PAGING);
		other = domain_of_type(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_map(first, IOVA, f.memory, 4096, RW), 0);
		assert_int_equal(iommu_domain_attach_group(first, f.group[0]), 0);
		writes_until_waits_hang = at;
		f.machine.meanwhile = hang_after_some_writes;
		assert_int_equal(iommu_domain_attach_group(other, f.group[0]), IOMMU_ETIMEDOUT);
		f.machine.meanwhile = NULL;
		misbehave(&refuse);
		(void)iommu_map(first, IOVA + 0x100000, f.memory, 4096, RW);
		misbehave(&none);
		for (i = 0; i < 30000; i++)
			(void)iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4);
		(void)iommu_domain_attach_group(first, f.group[0]);
		assert_int_equal(iommu_domain_attach_group(first, f.group[0]), 0);
		for (i = 0; i < 3; i++)
			assert_true(reaches(i, IOVA, f.memory));
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_free(first), 0);
		assert_int_equal(iommu_domain_free(other), 0);
		end();
	}
}

/* What another CPU does in the meantime. */
static int status_meanwhile;

static void unmap_meanwhile(void)
{
	status_meanwhile = iommu_unmap(domain[1], IOVA, 4096, 0, NULL);
}

/* A request that is under way by registers holds up no interrupt handler on its CPU. */
static void register_requests_do_not_wait_for_each_other_for_ever(void **state)
{
	const struct iommu_model_vtd_faults slow = {.wait_delay = 10};

	(void)state;
	begin_watched(&registers, &(struct iommu_vtd_options){0});
	misbehave(&slow);
	when_relaxed = unmap_meanwhile;
	status_meanwhile = 1;
	assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL), 0);
	if (status_meanwhile == 1) /* the model's registers are never slow */
		unmap_meanwhile();
	assert_int_equal(status_meanwhile, 0);
	assert_true(is_blocked(0, IOVA) && is_blocked(1, IOVA));
	end_two_domains();
}

/* A device that takes its time makes no unmap fail, neither in its own domain nor in another. */
static void a_device_that_is_slow(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB};
	/* In reads of registers, of which there is one in 64 looks at the clock, of 1 us each. */
	const struct iommu_model_vtd_faults slow = {.wait_delay = 200};
	unsigned int with_tlb, i;

	(void)state;
	for (with_tlb = 0; with_tlb < 2; with_tlb++) {
		const struct iommu_vtd_options options = {.device_timeout_ns = 100 * QUICK_NS};

		has_tlb = with_tlb == 1;
		begin_watched(&config, &options);
		misbehave(&slow);
		when_relaxed = unmap_meanwhile;
		status_meanwhile = 1;
		assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL),
				 with_tlb == 1 ? 0 : IOMMU_ETIMEDOUT);
		assert_int_equal(status_meanwhile, with_tlb == 1 ? 0 : IOMMU_ETIMEDOUT);
		misbehave(&none);
		has_tlb = false;
		for (i = 0; i < 2 * slow.wait_delay; i++)
			(void)status_of_unit();
		end_two_domains();
	}
}

/* How long a unit that does not confirm is waited for, and a device. */
static void time_outs_are_as_the_host_says(void **state)
{
	static const struct {
		uint64_t unit, device, unit_waits,
			device_waits; /* in us, but for those of seconds */
	} cases[] = {{2000, 0, 2000, 2000},
		     {2000, 3000, 2000, 3000},
		     {0, 3000000, 1000000, 3000000},
		     {0, 0, 1000000, 90000000}};
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB};
	const struct iommu_model_vtd_faults hangs = {.waits_hang = true};
	unsigned int i, with_tlb;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (with_tlb = 0; with_tlb < 2; with_tlb++) {
			const struct iommu_vtd_options options = {
				.timeout_ns = cases[i].unit * 1000,
				.device_timeout_ns = cases[i].device * 1000};
			const uint64_t expected = 1000 * (with_tlb == 1 ? cases[i].device_waits
									: cases[i].unit_waits);
			uint64_t began;

			has_tlb = with_tlb == 1;
			probes_as_given = true;
			begin_watched(&config, &options);
			probes_as_given = false;
			misbehave(&hangs);
			began = f.machine.clock_ns;
			assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL),
					 IOMMU_ETIMEDOUT);
			assert_in_range(f.machine.clock_ns - began, expected,
					expected + expected / 10 + 100000);
			misbehave(&none);
			has_tlb = false;
			end_two_domains();
		}
}

/* A device is to be blocked, which is not confirmed: it has what it had, as hardware sees it. */
static void what_is_not_blocked_stays(void **state)
{
	struct iommu_domain *blocked;
	unsigned int kind, way;

	(void)state;
	for (kind = 0; kind < KINDS; kind++)
		for (way = 0; way < 2; way++) {
			two_domains(kinds[kind]);
			blocked = domain_of_type(IOMMU_DOMAIN_BLOCKED);
			fail_once(kinds[kind], way);
			assert_true(iommu_domain_attach_group(blocked, f.group[0]) != 0);
			misbehave(&none);
			assert_ptr_equal(iommu_group_domain(f.group[0]), domain[0]);
			assert_true(reaches(0, IOVA, page[0]));
			assert_int_equal(iommu_domain_attach_group(blocked, f.group[0]), 0);
			assert_true(is_blocked(0, IOVA));
			assert_int_equal(iommu_domain_attach_group(domain[1], f.group[0]), 0);
			assert_true(reaches(0, IOVA, page[1]));
			assert_int_equal(iommu_domain_free(blocked), 0);
			end_two_domains();
		}
}

/* What was kept back until hardware confirms is free when the unit is off: it walks nothing. */
static void what_is_kept_back_goes_with_the_unit(void **state)
{
	const struct iommu_model_vtd_faults hangs = {.waits_hang = true};
	size_t kept;

	(void)state;
	two_domains(&legacy);
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_map(domain[1], IOVA + (1ULL << 30), page[0], 4096, RW), 0);
	assert_int_equal(iommu_domain_attach_group(domain[1], f.group[0]), 0);
	misbehave(&hangs);
	assert_true(iommu_unmap(domain[1], IOVA + (1ULL << 30), 4096, 0, NULL) != 0);
	assert_int_not_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_not_equal(iommu_domain_free(domain[1]), 0);
	misbehave(&none);
	kept = f.machine.pages_in_use;
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	assert_int_equal(iommu_domain_free(domain[1]), 0);
	assert_true(f.machine.pages_in_use < kept);
	domain[1] = domain_of_type(IOMMU_DOMAIN_PAGING);
	end_two_domains();
}

/* A descriptor that is refused stops nothing: the queue goes on, and is not turned off for it. */
static void a_refused_descriptor_holds_nothing_up(void **state)
{
	const struct iommu_model_vtd_faults refuse = {.refuse_after = 1};
	const struct iommu_model_vtd_faults wait = {.refuse_after = 2};
	unsigned int i;

	(void)state;
	begin_watched(&legacy, &(struct iommu_vtd_options){0});
	for (i = 0; i < 600; i++) {
		misbehave(&refuse);
		assert_int_equal(iommu_unmap(domain[1], IOVA + 4096, 4096, 0, NULL), IOMMU_EIO);
		assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL), 0);
	}
	/* One whose wait is refused is asked for again. */
	misbehave(&wait);
	assert_int_equal(iommu_unmap(domain[0], IOVA, 4096, 0, NULL), 0);
	assert_true(is_blocked(0, IOVA));
	end_two_domains();
}

/* --- What a device keeps of a page that failed ------------------------------------------------ */

static const struct iommu_vtd_options defaults;

static void begin_keeping(unsigned int pages, bool in_the_device)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_DEVICE_TLB,
						      .address_mask = 18};

	machine(1, &config);
	devices(1);
	f.machine.quiet = true;
	f.info.device_tlb = in_the_device;
	assert_int_equal(probe_with(&defaults), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, pages);
	f.device[0]->has_tlb = in_the_device;
}

/*
 * The unmap of a page fails, and that of another one succeeds: it has told the device of both, or
 * the first one's memory would be thought free. The pages are no neighbours. The same of the unit
 * where the device keeps nothing.
 */
static void a_later_unmap_is_of_what_failed_before(void **state)
{
	static const struct iommu_model_vtd_faults ill[] = {
		{.invalidations_hang = true}, {.refuse_after = 1}, {.refuse_after = 2},
		{.refuse_after = 3},          {.refuse_after = 4}, {.waits_hang = true}};
	const struct iommu_model_vtd_faults well = {0};
	struct iommu_domain *paged;
	unsigned int i, size;

	(void)state;
	for (i = 0; i < 2 * sizeof(ill) / sizeof(ill[0]); i++) {
		for (size = 1; size <= 2; size++) {
			begin_keeping(16, i % 2 == 0);
			paged = domain_of_type(IOMMU_DOMAIN_PAGING);
			assert_int_equal(iommu_map(paged, IOVA, f.memory, 0x10000, RW), 0);
			assert_int_equal(iommu_domain_attach_group(paged, f.group[0]), 0);
			assert_int_equal(iommu_vtd_enable(f.iommu), 0);
			assert_true(reaches(0, IOVA, f.memory));
			assert_true(reaches(0, IOVA + 0x5000, f.memory + 0x5000));
			iommu_model_vtd_misbehave(f.machine.units[0], &ill[i / 2]);
			if (iommu_unmap(paged, IOVA, 0x1000, 0, NULL) == 0)
				assert_true(is_blocked(0, IOVA));
			if (iommu_unmap(paged, IOVA + 0x5000, 0x1000, 0, NULL) == 0) {
				assert_true(is_blocked(0, IOVA));
				assert_true(is_blocked(0, IOVA + 0x5000));
			}
			iommu_model_vtd_misbehave(f.machine.units[0], &well);
			assert_int_equal(
				iommu_unmap(paged, IOVA + 0xa000, size * 0x1000ULL, 0, NULL), 0);
			assert_true(is_blocked(0, IOVA));
			assert_true(is_blocked(0, IOVA + 0x5000));
			assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
			assert_int_equal(iommu_domain_free(paged), 0);
			end();
		}
	}
}

/* The same of a table that is the host's own. */
static void a_later_range_is_of_what_failed_before(void **state)
{
	/* The device's own command, behind the unit's and a wait. */
	const struct iommu_model_vtd_faults ill = {.refuse_after = 3}, well = {0};
	struct iommu_vtd_second_stage table = {.levels = 4};
	const struct iommu_domain_config config = {
		.stage = IOMMU_STAGE_SECOND, .user_data = &table, .user_size = sizeof(table)};
	struct iommu_domain *paged = NULL;
	uint64_t *entries[4];
	unsigned int i;

	(void)state;
	begin_keeping(8, true);
	table.table = model_machine_take(&f.machine, 4);
	model_machine_mark(&f.machine, table.table, 4, PAGE_TABLE);
	for (i = 0; i < 4; i++)
		entries[i] = (void *)model_machine_bytes(&f.machine, table.table + i * 0x1000ULL);
	for (i = 0; i < 3; i++)
		entries[i][0] = iommu_le64((table.table + (i + 1) * 0x1000ULL) | 3);
	for (i = 0; i < 8; i++)
		entries[3][i] = iommu_le64((f.memory + i * 0x1000ULL) | 3);
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_SVA, &config, &paged), 0);
	assert_int_equal(iommu_domain_attach_group(paged, f.group[0]), 0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(reaches(0, 0x3000, f.memory + 0x3000));
	entries[3][3] = 0;
	iommu_model_vtd_misbehave(f.machine.units[0], &ill);
	assert_int_equal(iommu_domain_invalidate_range(paged, 0x3000, 0x1000), IOMMU_EIO);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_true(reaches(0, 0x6000, f.memory + 0x6000));
	entries[3][6] = 0;
	/* Any byte of the page. */
	assert_int_equal(iommu_domain_invalidate_range(paged, 0x6fff, 1), 0);
	assert_true(is_blocked(0, 0x6000));
	assert_true(is_blocked(0, 0x3000));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(paged), 0);
	end();
}

/* A queue that answers late is not one that has stopped, whenever it is that it answers. */
static void a_slow_queue_is_left_its_tail(void **state)
{
	const struct iommu_model_vtd_config config = {.address_mask = 18};
	const struct iommu_model_vtd_faults well = {0};
	struct iommu_model_vtd_faults slow = {0};
	struct iommu_domain *paged;

	(void)state;
	for (slow.wait_delay = 1980; slow.wait_delay < 2100; slow.wait_delay++) {
		unsigned int tries = 0;

		machine(1, &config);
		devices(1);
		f.machine.quiet = true;
		assert_int_equal(probe_with(&defaults), 0);
		endpoints();
		f.memory = model_machine_take(&f.machine, 1);
		paged = domain_of_type(IOMMU_DOMAIN_PAGING);
		assert_int_equal(iommu_domain_attach_group(paged, f.group[0]), 0);
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_int_equal(iommu_map(paged, IOVA, f.memory, 0x1000, RW), 0);
		iommu_model_vtd_misbehave(f.machine.units[0], &slow);
		if (iommu_unmap(paged, IOVA, 0x1000, 0, NULL) != 0)
			(void)iommu_unit_enable(f.unit[0]);
		iommu_model_vtd_misbehave(f.machine.units[0], &well);
		while (iommu_unit_enable(f.unit[0]) != 0)
			assert_true(++tries < 10);
		assert_true(is_blocked(0, IOVA));
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
		assert_int_equal(iommu_domain_free(paged), 0);
		end();
	}
}

/*
 * A queue that was told to turn off answers again, and what had failed is made good; then hardware
 * obeys. The next call that confirms has the queue on, or every call after it would fail.
 */
static void a_queue_that_turns_off_late_is_turned_on(void **state)
{
	const struct iommu_model_vtd_config config = {.address_mask = 18};
	const struct iommu_model_vtd_faults silent = {.waits_hang = true}, well = {0};
	const struct iommu_model_vtd_faults slow = {.command_delay = 20000};
	struct iommu_domain *paged;
	unsigned int looks;

	(void)state;
	machine(1, &config);
	devices(1);
	f.machine.quiet = true;
	assert_int_equal(probe_with(&defaults), 0);
	endpoints();
	f.memory = model_machine_take(&f.machine, 4);
	paged = domain_of_type(IOMMU_DOMAIN_PAGING);
	assert_int_equal(iommu_domain_attach_group(paged, f.group[0]), 0);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_map(paged, IOVA, f.memory, 0x4000, RW), 0);
	assert_true(reaches(0, IOVA, f.memory));
	/* Busy, it ignores the command; at rest, it takes its time. */
	iommu_model_vtd_misbehave(f.machine.units[0], &silent);
	assert_int_equal(iommu_unmap(paged, IOVA, 0x1000, 0, NULL), IOMMU_ETIMEDOUT);
	assert_int_not_equal(iommu_unit_enable(f.unit[0]), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &slow);
	assert_int_not_equal(iommu_unit_enable(f.unit[0]), 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &well);
	assert_int_equal(iommu_unmap(paged, IOVA, 0x1000, 0, NULL), 0);
	for (looks = 0; looks < 100000; looks++)
		if ((iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_QIE) ==
		    0)
			break;
	assert_int_not_equal(looks, 100000);
	assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
	assert_true((iommu_model_vtd_mmio_read(f.machine.units[0], VTD_GSTS, 4) & VTD_GLOBAL_QIE) !=
		    0);
	assert_true(reaches(0, IOVA + 0x1000, f.memory + 0x1000));
	assert_int_equal(iommu_unmap(paged, IOVA + 0x1000, 0x1000, 0, NULL), 0);
	assert_true(is_blocked(0, IOVA + 0x1000));
	assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	assert_int_equal(iommu_domain_free(paged), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_registers_are_told),
		cmocka_unit_test(registers_that_did_nothing),
		cmocka_unit_test(a_unit_that_turned_off_by_itself),
		cmocka_unit_test(an_attach_after_an_unconfirmed_detach),
		cmocka_unit_test(an_attach_beside_a_pasid),
		cmocka_unit_test(a_map_after_an_unconfirmed_unmap),
		cmocka_unit_test(an_unmap_of_nothing_after_an_unconfirmed_one),
		cmocka_unit_test(a_map_after_an_unconfirmed_detach),
		cmocka_unit_test(calls_that_repeat_what_was_not_confirmed),
		cmocka_unit_test(an_attach_of_what_is_attached_confirms),
		cmocka_unit_test(what_a_device_keeps_is_confirmed),
		cmocka_unit_test(a_device_that_is_silent_when_it_is_confirmed),
		cmocka_unit_test(a_queue_that_comes_on_late),
		cmocka_unit_test(a_queue_that_goes_off_late),
		cmocka_unit_test(a_pasid_that_went_unconfirmed),
		cmocka_unit_test(a_release_that_is_not_confirmed),
		cmocka_unit_test(tables_of_a_default_domain_outlive_it),
		cmocka_unit_test(ids_that_are_not_confirmed_are_found_again),
		cmocka_unit_test(a_unit_that_was_turned_off_by_half),
		cmocka_unit_test(a_suspend_that_fails_brings_everything_back),
		cmocka_unit_test(a_resume_that_fails),
		cmocka_unit_test(what_translates_is_not_opened),
		cmocka_unit_test(device_tlbs_after_a_bring_up_that_failed),
		cmocka_unit_test(a_held_tlb_goes_with_its_domain),
		cmocka_unit_test(a_held_tlb_is_used_again),
		cmocka_unit_test(what_goes_on_is_resumed),
		cmocka_unit_test(what_did_not_go_off_is_not_forgotten),
		cmocka_unit_test(interrupts_come_back_after_a_suspend_that_failed),
		cmocka_unit_test(a_unit_that_hangs_is_left_alone),
		cmocka_unit_test(a_write_buffer_that_is_not_flushed),
		cmocka_unit_test(a_write_buffer_that_holds_what_was_taken_back),
		cmocka_unit_test(a_command_that_was_ignored_is_not_waited_for_for_ever),
		cmocka_unit_test(register_requests_do_not_wait_for_each_other_for_ever),
		cmocka_unit_test(a_device_that_is_slow),
		cmocka_unit_test(time_outs_are_as_the_host_says),
		cmocka_unit_test(what_is_not_blocked_stays),
		cmocka_unit_test(what_is_kept_back_goes_with_the_unit),
		cmocka_unit_test(a_refused_descriptor_holds_nothing_up),
		cmocka_unit_test(a_later_unmap_is_of_what_failed_before),
		cmocka_unit_test(a_later_range_is_of_what_failed_before),
		cmocka_unit_test(a_slow_queue_is_left_its_tail),
		cmocka_unit_test(a_queue_that_turns_off_late_is_turned_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
