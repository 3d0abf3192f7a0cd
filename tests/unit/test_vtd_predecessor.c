/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel before this one left units on: translation, interrupt remapping, the queue, protected
 * memory, on units with devices, with none, and with a graphics device that is left alone. Devices
 * do DMA and send interrupts at every register write of what follows.
 */
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include <stdio.h>
#include <string.h>

#include "base/byteorder.h"
#include "test.h"
#include "vtd_fixture.h"

static uint32_t gsts(unsigned int unit)
{
	return (uint32_t)iommu_model_vtd_mmio_read(f.machine.units[unit], VTD_GSTS, 4);
}

static bool everything_is_memory(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	return paddr >= MACHINE_BASE &&
	       paddr + size <= MACHINE_BASE + MACHINE_PAGES * IOMMU_PAGE_SIZE;
}

#define LEFT_ON (VTD_GLOBAL_TE | VTD_GLOBAL_QIE | VTD_GLOBAL_IRE)

/* --- Interrupt remapping ---------------------------------------------------------------------- */

/* Entry 0 of the first device, as it arrives; false: it is blocked. */
static bool arrives(const struct iommu_vtd_interrupt *interrupt, struct iommu_model_interrupt *seen)
{
	uint64_t address;
	uint32_t data;

	iommu_vtd_interrupt_message(interrupt, 0, &address, &data);
	return iommu_model_vtd_interrupt(f.machine.units[0], f.device[0]->source_id, address, data,
					 seen) == 0;
}

/*
 * Hardware does not obey from one register access on: for good, or until about when the driver
 * gives up, which is after so many looks at it.
 */
#define PATIENCE ((unsigned int)(QUICK_NS / 1000))
#define LATE     8U
/* More than bring-up needs. */
#define ACCESSES 70U

static unsigned int accesses, hang_at;
static unsigned int hangs_for; /* accesses; 0: for good */
static bool lost_its_queue;    /* remapping was on without one */

static void hang(struct model_machine *machine)
{
	const struct iommu_model_vtd_faults hangs = {.commands_hang = true};
	const struct iommu_model_vtd_faults none = {0};

	if ((gsts(0) & (VTD_GLOBAL_IRE | VTD_GLOBAL_QIE)) == VTD_GLOBAL_IRE)
		lost_its_queue = true;
	accesses++;
	if (accesses == hang_at)
		iommu_model_vtd_misbehave(machine->units[0], &hangs);
	if (hangs_for != 0 && accesses == hang_at + hangs_for)
		iommu_model_vtd_misbehave(machine->units[0], &none);
}

static void begin_hanging(unsigned int at, unsigned int late)
{
	accesses = 0;
	lost_its_queue = false;
	hang_at = at;
	hangs_for = late == 0 ? 0 : PATIENCE - LATE / 2 + late;
	f.machine.meanwhile = hang;
	f.machine.meanwhile_reading = true;
}

static void end_hanging(void)
{
	const struct iommu_model_vtd_faults none = {0};

	f.machine.meanwhile = NULL;
	/* A command that was given is carried out in time. */
	iommu_model_vtd_misbehave(f.machine.units[0], &none);
}

/* Off, whatever failed; and on again. */
static void interrupts_can_be_used(void)
{
	const struct iommu_vtd_interrupt_target target = {.vector = 0x41, .destination = 3};
	struct iommu_vtd_interrupt interrupt;
	struct iommu_model_interrupt seen;

	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(gsts(0) & LEFT_ON, 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &interrupt), 0);
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &target), 0);
	assert_true(arrives(&interrupt, &seen));
	assert_int_equal(iommu_vtd_interrupt_free(&interrupt), 0);
	assert_false(arrives(&interrupt, &seen));
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(gsts(0) & LEFT_ON, 0);
}

/* At each register access: what may be on keeps its queue, and can be turned off. */
static void interrupts_that_are_half_on_can_be_turned_off(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	unsigned int at, late;
	int status = 1;

	(void)state;
	begin(1, &config, 1);
	for (late = 0; late <= LATE; late++) {
		for (at = 1; at <= ACCESSES; at++) {
			/* Firmware allows the old format, which is one step more. */
			iommu_model_vtd_mmio_write(f.machine.units[0], VTD_GCMD, 4, VTD_GLOBAL_CFI);
			begin_hanging(at, late);
			status = iommu_vtd_interrupts_enable(f.iommu, 0);
			end_hanging();
			assert_false(lost_its_queue);
			interrupts_can_be_used();
		}
		assert_int_equal(status, 0); /* the last one comes too late to matter */
	}
	end();
}

static void interrupts_go_to_the_same_processor_in_either_apic_mode(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING |
							       IOMMU_MODEL_VTD_X2APIC};
	struct iommu_vtd_interrupt_target target = {.vector = 0x41, .destination = 3};
	struct iommu_vtd_interrupt interrupt;
	struct iommu_model_interrupt seen;
	unsigned int mode;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[0], 1, &interrupt), 0);
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &target), 0);
	for (mode = 0; mode < 6; mode++) {
		assert_true(arrives(&interrupt, &seen));
		assert_int_equal(seen.destination, 3);
		assert_int_equal(seen.vector, 0x41);
		assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
		assert_int_equal(iommu_vtd_interrupts_enable(
					 f.iommu, mode / 2 % 2 == 0 ? IOMMU_VTD_X2APIC : 0),
				 0);
	}
	/* A processor that the other mode has no number for. */
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, IOMMU_VTD_X2APIC), 0);
	target.destination = 0x1234;
	assert_int_equal(iommu_vtd_interrupt_set(&interrupt, 0, &target), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), IOMMU_ERANGE);
	assert_int_equal(gsts(0) & LEFT_ON, 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, IOMMU_VTD_X2APIC), 0);
	assert_true(arrives(&interrupt, &seen));
	assert_int_equal(seen.destination, 0x1234);
	assert_int_equal(iommu_vtd_interrupt_free(&interrupt), 0);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	end();
}

/* --- The matrix ------------------------------------------------------------------------------- */

/*
 * Units: one that the new kernel knows nothing behind, one with a graphics device, one with the
 * rest.
 */
enum {
	IDLE,
	GRAPHICS,
	USED,
	UNITS
};

#define OLD_IOVA   0x300000000ULL
#define NEW_IOVA   0x400000000ULL
#define ALL_MEMORY ((1ULL << 46) - 1)

/* What the old kernel left on, and how the new one begins. */
struct cell {
	bool translation, interrupts, queue, protection;
	bool scalable; /* the old kernel's mode */
	bool legacy;   /* what the new one asks for */
	bool take_over, registers;
	bool remaps; /* the new one remaps interrupts, too */
};

static struct cell cell;
static struct iommu_vtd_interrupt old_interrupts[UNITS];
static iommu_paddr_t old_memory;

/* How far the new kernel is: what it may do to DMA and interrupts of before. */
enum phase {
	BEGINNING,
	ENDING
};
static enum phase phase;

/* Does the unit have to be off for a moment, for the mode that is wanted? */
static bool changes_mode(void)
{
	return !cell.take_over && !cell.scalable && !cell.legacy && !cell.registers;
}

/* Does the new kernel go on with the unit, so that nothing may get loose? */
static bool is_held(unsigned int unit)
{
	return cell.translation && (cell.take_over || (unit == USED && !changes_mode()));
}

static void look_at_dma(unsigned int unit)
{
	iommu_paddr_t to = 0;
	const bool passes =
		model_device_access(f.device[unit], OLD_IOVA, IOMMU_PROT_WRITE, &to) == 0;

	if (!is_held(unit) || phase != BEGINNING)
		return;
	if (passes && to == OLD_IOVA)
		fail_msg("unit %u lets DMA loose", unit);
	/* Protected memory was closed to it before. */
	if (cell.take_over && !passes && !cell.protection)
		fail_msg("unit %u stops DMA that is taken over", unit);
}

/* Unremapped interrupts of a device where remapping goes on. */
static void look_at_interrupts(unsigned int unit)
{
	struct iommu_model_interrupt seen;
	const int status = iommu_model_vtd_interrupt(
		f.machine.units[unit], f.device[unit]->source_id, 0xfee00000, 0x30, &seen);

	if (cell.interrupts && cell.take_over && phase == BEGINNING && status == 0)
		fail_msg("unit %u lets an interrupt pass as it is", unit);
}

static void look(struct model_machine *machine)
{
	unsigned int unit;

	(void)machine;
	for (unit = 0; unit < UNITS; unit++) {
		look_at_dma(unit);
		look_at_interrupts(unit);
	}
}

/* Keep of what is on only these bits. */
static void leave_on(unsigned int unit, uint32_t bits)
{
	uint32_t bit;

	for (bit = VTD_GLOBAL_TE; bit >= VTD_GLOBAL_IRE; bit >>= 1)
		if ((bit & LEFT_ON & ~bits) != 0)
			iommu_model_vtd_mmio_write(f.machine.units[unit], VTD_GCMD, 4,
						   gsts(unit) & VTD_GLOBAL_LASTING & ~bit);
}

static void protect_all_memory(unsigned int unit)
{
	struct iommu_model_vtd *model = f.machine.units[unit];

	iommu_model_vtd_mmio_write(model, VTD_PLMBASE, 4, 0);
	iommu_model_vtd_mmio_write(model, VTD_PLMLIMIT, 4, 0xffe00000);
	iommu_model_vtd_mmio_write(model, VTD_PHMBASE, 8, 1ULL << 32);
	iommu_model_vtd_mmio_write(model, VTD_PHMLIMIT, 8, ALL_MEMORY);
	iommu_model_vtd_mmio_write(model, VTD_PMEN, 4, VTD_PMEN_EPM);
}

static void old_kernel(void)
{
	const struct iommu_model_vtd_config config = {
		.flags = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASS_THROUGH |
			 IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_PROTECTED_MEMORY,
		.levels = 1U << 3 | 1U << 4,
		.fault_records = 4,
	};
	const struct iommu_vtd_options options = {.flags = cell.scalable ? 0
									 : IOMMU_VTD_LEGACY_MODE};
	const struct iommu_vtd_interrupt_target target = {.vector = 0x41, .destination = 1};
	struct iommu_domain *domain;
	unsigned int unit;

	machine(UNITS, &config);
	devices(UNITS);
	assert_int_equal(probe_with(&options), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	old_memory = model_machine_take(&f.machine, 1);
	f.memory = model_machine_take(&f.machine, 1);
	for (unit = 0; unit < UNITS; unit++) {
		assert_int_equal(
			iommu_domain_alloc(f.unit[unit], IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
		assert_int_equal(iommu_domain_attach_group(domain, f.group[unit]), 0);
		assert_int_equal(iommu_map(domain, OLD_IOVA, old_memory, 4096, RW), 0);
		assert_true(reaches(unit, OLD_IOVA, old_memory));
		assert_int_equal(iommu_vtd_interrupt_alloc(f.unit[unit], 1, &old_interrupts[unit]),
				 0);
		assert_int_equal(iommu_vtd_interrupt_set(&old_interrupts[unit], 0, &target), 0);
	}
	for (unit = 0; unit < UNITS; unit++) {
		if (cell.protection)
			protect_all_memory(unit);
		iommu_model_vtd_mmio_write(f.machine.units[unit], VTD_FECTL, 4, 0);
		iommu_model_vtd_mmio_write(f.machine.units[unit], VTD_IECTL, 4, 0);
		leave_on(unit, (cell.translation ? VTD_GLOBAL_TE : 0) |
				       (cell.interrupts ? VTD_GLOBAL_IRE : 0) |
				       (cell.queue ? VTD_GLOBAL_QIE : 0));
	}
	f.machine.mapped = 0;
}

static void probe_anew(void)
{
	const struct iommu_vtd_options options = {
		.flags = IOMMU_VTD_BYPASS_GRAPHICS | (cell.take_over ? IOMMU_VTD_TAKE_OVER : 0U) |
			 (cell.legacy ? IOMMU_VTD_LEGACY_MODE : 0U) |
			 (cell.registers ? IOMMU_VTD_REGISTER_INVALIDATION : 0U),
		.is_memory = everything_is_memory,
	};
	unsigned int unit;

	assert_int_equal(probe_with(&options), 0);
	for (unit = 0; unit < UNITS; unit++)
		if (!cell.take_over)
			assert_int_equal(gsts(unit) & VTD_GLOBAL_IRE, 0);
	f.endpoint[IDLE] = NULL;
	f.info.class_code = 0x030000;
	assert_int_equal(endpoint(GRAPHICS), 0);
	f.info.class_code = 0x020000;
	assert_int_equal(endpoint(USED), 0);
	f.group[GRAPHICS] = iommu_endpoint_group(f.endpoint[GRAPHICS]);
	f.group[USED] = iommu_endpoint_group(f.endpoint[USED]);
}

/* Not used: on where it is taken over, else off. */
static void check_left_alone(unsigned int unit)
{
	const bool goes_on = cell.take_over && cell.translation;
	const uint32_t protection =
		(uint32_t)iommu_model_vtd_mmio_read(f.machine.units[unit], VTD_PMEN, 4);

	assert_int_equal((gsts(unit) & VTD_GLOBAL_TE) != 0, goes_on);
	assert_int_equal(iommu_unit_is_enabled(f.unit[unit]), goes_on);
	if (!goes_on && !cell.remaps)
		assert_int_equal(gsts(unit) & VTD_GLOBAL_QIE, 0);
	if (unit != GRAPHICS)
		return;
	assert_int_equal(protection, 0);
	if (!goes_on)
		assert_true(reaches(GRAPHICS, old_memory, old_memory));
}

/* A domain takes the place of what was there, and nothing of before is reached. */
static void use_it(void)
{
	struct iommu_domain *domain;

	assert_int_equal(iommu_domain_alloc(f.unit[USED], IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
	assert_int_equal(iommu_map(domain, NEW_IOVA, f.memory, 4096, RW), 0);
	assert_int_equal(reaches(USED, OLD_IOVA, old_memory), cell.translation && cell.take_over);
	cell.translation = false; /* it goes */
	assert_int_equal(iommu_domain_attach_group(domain, f.group[USED]), 0);
	assert_true(reaches(USED, NEW_IOVA, f.memory));
	assert_true(is_blocked(USED, OLD_IOVA));
	assert_int_equal(iommu_unmap(domain, NEW_IOVA, 4096, 0, NULL), 0);
	assert_true(is_blocked(USED, NEW_IOVA));
	assert_int_equal(iommu_domain_detach_group(f.group[USED]), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
}

/* No message goes to a processor of the old kernel. */
static bool is_masked(unsigned int unit, uint32_t control)
{
	return (iommu_model_vtd_mmio_read(f.machine.units[unit], control, 4) & VTD_EVENT_MASK) != 0;
}

static void run_cell(void)
{
	const bool queue = !cell.registers || (cell.scalable && cell.translation);
	struct iommu_model_interrupt seen;
	unsigned int unit;
	size_t before;

	old_kernel();
	before = f.machine.pages_in_use;
	phase = BEGINNING;
	f.machine.meanwhile = look;
	f.machine.meanwhile_reading = true;
	probe_anew();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	if (cell.remaps) {
		assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
		assert_false(arrives(&old_interrupts[0], &seen));
	}
	check_left_alone(IDLE);
	check_left_alone(GRAPHICS);
	assert_int_equal(gsts(USED) & VTD_GLOBAL_TE, VTD_GLOBAL_TE);
	assert_int_equal((gsts(USED) & VTD_GLOBAL_QIE) != 0, queue);
	assert_int_equal(iommu_model_vtd_mmio_read(f.machine.units[USED], VTD_PMEN, 4), 0);
	for (unit = 0; unit < UNITS; unit++) {
		assert_true(is_masked(unit, VTD_FECTL));
		assert_true(is_masked(unit, VTD_IECTL));
	}
	use_it();
	phase = ENDING;
	assert_int_equal(iommu_shutdown(f.iommu), 0);
	f.machine.meanwhile = NULL;
	for (unit = 0; unit < UNITS; unit++)
		assert_int_equal(gsts(unit) & LEFT_ON, 0);
	if (f.machine.violation != NULL)
		fail_msg("%s", f.machine.violation);
	f.machine.pages_in_use -= before;
	end();
}

static char where[160];

static bool bit_of(unsigned int number, unsigned int bit)
{
	return (number >> bit & 1) != 0;
}

/* What the cell is, when it fails. */
static void tell(void)
{
	snprintf(where, sizeof(where), "left on:%s%s%s%s (%s mode); new:%s%s%s%s",
		 cell.translation ? " TE" : "", cell.interrupts ? " IRE" : "",
		 cell.queue ? " QIE" : "", cell.protection ? " PMEN" : "",
		 cell.scalable ? "scalable" : "legacy", cell.legacy ? " legacy" : "",
		 cell.take_over ? " take-over" : "", cell.registers ? " registers" : "",
		 cell.remaps ? " remaps" : "");
}

static int tell_where(void **state)
{
	(void)state;
	if (where[0] != 0)
		print_message("# %s\n", where);
	return 0;
}

static void every_combination_of_what_was_left_on(void **state)
{
	unsigned int left, start;

	(void)state;
	for (left = 0; left < 32; left++)
		for (start = 0; start < 12; start++) {
			cell = (struct cell){
				.translation = bit_of(left, 0),
				.interrupts = bit_of(left, 1),
				.queue = bit_of(left, 2),
				.protection = bit_of(left, 3),
				.scalable = bit_of(left, 4),
				.legacy = bit_of(start, 0),
				.remaps = bit_of(start, 1) && start / 4 != 2,
				.take_over = start / 4 == 1,
				.registers = start / 4 == 2,
			};
			tell();
			run_cell();
		}
	where[0] = 0;
}

/* --- Scalable mode, taken over ---------------------------------------------------------------- */

#define WHOLE                                                                                      \
	(IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE | IOMMU_MODEL_VTD_NESTED |         \
	 IOMMU_MODEL_VTD_PASID | IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_DEVICE_TLB |       \
	 IOMMU_MODEL_VTD_PAGE_REQUESTS)
#define WITHOUT_TLB                                                                                \
	(WHOLE & ~(unsigned int)(IOMMU_MODEL_VTD_DEVICE_TLB | IOMMU_MODEL_VTD_PAGE_REQUESTS))
#define LARGE_PASID 40000U /* beyond a directory of one page */
#define GUEST_BASE  0x100000ULL
#define GUEST_PAGES 8U
#define GUEST_IOVA  0x5000ULL

/* Devices of the old kernel: a second stage and PASIDs, everything, a guest's, a first stage. */
enum {
	SEVERAL,
	IDENTITY,
	NESTED,
	FIRST,
	DEVICES
};

static const struct iommu_vtd_options take_over = {.flags = IOMMU_VTD_TAKE_OVER,
						   .is_memory = everything_is_memory};

static bool pasid_reaches(unsigned int device, uint32_t pasid, iommu_iova_t iova,
			  iommu_paddr_t paddr)
{
	iommu_paddr_t to = 0;

	return model_device_access_pasid(f.device[device], pasid, iova, IOMMU_PROT_WRITE, &to) ==
		       0 &&
	       to == paddr;
}

static struct iommu_domain *domain_at(enum iommu_stage stage, bool nest_parent, iommu_iova_t iova,
				      iommu_paddr_t paddr, size_t size)
{
	const struct iommu_domain_config config = {.stage = stage, .nest_parent = nest_parent};
	struct iommu_domain *domain = NULL;

	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, &config, &domain), 0);
	assert_int_equal(iommu_map(domain, iova, paddr, size, RW), 0);
	return domain;
}

/* A guest with a table of four pages, which maps one page to itself; both in its own addresses. */
static struct iommu_domain *guest_domain(void)
{
	const iommu_paddr_t memory = model_machine_take(&f.machine, GUEST_PAGES);
	const struct iommu_vtd_first_stage table = {.table = GUEST_BASE, .levels = 4};
	struct iommu_domain_config config = {.user_data = &table, .user_size = sizeof(table)};
	uint64_t *words = model_machine_bytes(&f.machine, memory);
	struct iommu_domain *domain = NULL;
	unsigned int level;

	model_machine_mark(&f.machine, memory, 4, PAGE_TABLE);
	for (level = 0; level < 4; level++)
		words[512 * level + (level == 3 ? GUEST_IOVA >> 12 : 0)] =
			iommu_le64((GUEST_BASE + 0x1000 * (level + 1)) | 0x67);
	f.machine.platform.cache_flush(&f.machine, words, 4 * IOMMU_PAGE_SIZE);
	config.parent = domain_at(IOMMU_STAGE_SECOND, true, GUEST_BASE, memory,
				  GUEST_PAGES * IOMMU_PAGE_SIZE);
	old_memory = memory + 4 * IOMMU_PAGE_SIZE;
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_NESTED, &config, &domain), 0);
	return domain;
}

static void attach_pasid(unsigned int device, uint32_t pasid, struct iommu_domain *domain)
{
	static struct iommu_pasid_handle handles[8];
	static unsigned int next;

	assert_int_equal(
		iommu_domain_attach_pasid(domain, f.group[device], pasid, &handles[next++ % 8]), 0);
}

static iommu_paddr_t data; /* what all but the guest reach */

/* From here on: is the host told that not everything could be copied? */
static void listen(void)
{
	f.machine.awaited = "cannot be copied: those devices are blocked";
	f.machine.heard = 0;
}

static void scalable_kernel(unsigned int flags)
{
	const struct iommu_model_vtd_config config = {
		.flags = flags, .levels = 1U << 3 | 1U << 4, .domain_bits = 6, .fault_records = 4};
	const struct iommu_vtd_options none = {0};
	struct iommu_domain *second, *first;
	unsigned int i;

	machine(1, &config);
	devices(DEVICES);
	f.info.max_pasids = 1U << 20;
	f.info.path_length = 1;
	f.info.device_tlb = true;
	f.info.page_requests = 8;
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	for (i = 0; i < DEVICES; i++)
		f.device[i]->has_tlb = iommu_endpoint_uses_device_tlb(f.endpoint[i]);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	for (i = 0; i < DEVICES; i++)
		assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[i], IOMMU_FEATURE_PASID),
				 0);
	if (f.device[SEVERAL]->has_tlb) {
		assert_int_equal(
			iommu_endpoint_enable_feature(f.endpoint[SEVERAL], IOMMU_FEATURE_ATS), 0);
		assert_int_equal(iommu_endpoint_enable_feature(f.endpoint[SEVERAL],
							       IOMMU_FEATURE_PAGE_REQUESTS),
				 0);
	}
	data = model_machine_take(&f.machine, 1);
	f.memory = model_machine_take(&f.machine, 1);
	second = domain_at(IOMMU_STAGE_SECOND, false, OLD_IOVA, data, 4096);
	first = domain_at(IOMMU_STAGE_FIRST, false, OLD_IOVA, data, 4096);
	assert_int_equal(iommu_domain_attach_group(second, f.group[SEVERAL]), 0);
	attach_pasid(SEVERAL, 5, first);
	attach_pasid(SEVERAL, 3000, second);
	attach_pasid(SEVERAL, LARGE_PASID, first);
	assert_int_equal(
		iommu_domain_attach_group(domain_of_type(IOMMU_DOMAIN_IDENTITY), f.group[IDENTITY]),
		0);
	assert_int_equal(iommu_domain_attach_group(guest_domain(), f.group[NESTED]), 0);
	assert_int_equal(iommu_domain_attach_group(first, f.group[FIRST]), 0);
	f.machine.mapped = 0;
}

static bool gone[DEVICES];

/* All of a device goes on, or nothing of it. */
static void several_goes_on(bool on)
{
	assert_int_equal(reaches(SEVERAL, OLD_IOVA, data), on);
	assert_int_equal(pasid_reaches(SEVERAL, 5, OLD_IOVA, data), on);
	assert_int_equal(pasid_reaches(SEVERAL, 3000, OLD_IOVA, data), on);
	assert_int_equal(pasid_reaches(SEVERAL, LARGE_PASID, OLD_IOVA, data), on);
	assert_false(pasid_reaches(SEVERAL, 6, OLD_IOVA, data));
}

static void everything_goes_on(struct model_machine *machine)
{
	(void)machine;
	if (!gone[SEVERAL])
		several_goes_on(true);
	if (!gone[IDENTITY])
		assert_true(reaches(IDENTITY, data, data));
	if (!gone[NESTED])
		assert_true(reaches(NESTED, GUEST_IOVA, old_memory));
	if (gone[FIRST])
		return;
	assert_true(reaches(FIRST, OLD_IOVA, data));
	assert_true(is_blocked(FIRST, data));
}

static unsigned int inherited(void)
{
	struct iommu_vtd_info info;

	assert_int_equal(iommu_vtd_get_info(f.unit[0], &info), 0);
	return info.inherited;
}

static void what_a_crash_kernel_finds_in_scalable_mode_goes_on(void **state)
{
	const unsigned int kinds[] = {WHOLE, WHOLE | IOMMU_MODEL_VTD_CACHING_MODE,
				      WHOLE | IOMMU_MODEL_VTD_NONCOHERENT, WITHOUT_TLB};
	struct iommu_domain *domain;
	unsigned int kind;
	size_t before;

	(void)state;
	for (kind = 0; kind < 4; kind++) {
		scalable_kernel(kinds[kind]);
		before = f.machine.pages_in_use;
		memset(gone, 0, sizeof(gone));
		f.machine.meanwhile = everything_goes_on;
		f.machine.meanwhile_reading = true;
		listen();
		assert_int_equal(probe_with(&take_over), 0);
		assert_int_equal(f.machine.heard, 0);
		endpoints();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_int_equal(inherited(), 4);
		/* Nothing of ours answers what it asks for. */
		assert_true(model_device_request_page(f.device[SEVERAL], 0, OLD_IOVA, RW, 1,
						      true) != 0);
		/* A domain for one device: all that it had goes, of all its PASIDs. */
		domain = domain_at(IOMMU_STAGE_SECOND, false, NEW_IOVA, f.memory, 4096);
		gone[SEVERAL] = true;
		assert_int_equal(iommu_domain_attach_group(domain, f.group[SEVERAL]), 0);
		several_goes_on(false);
		assert_true(reaches(SEVERAL, NEW_IOVA, f.memory));
		/*
		 * A PASID for another: so does what it had without one. A feature alone changes
		 * nothing.
		 */
		assert_int_equal(
			iommu_endpoint_enable_feature(f.endpoint[IDENTITY], IOMMU_FEATURE_PASID),
			0);
		gone[IDENTITY] = true;
		attach_pasid(IDENTITY, 9, domain);
		assert_true(pasid_reaches(IDENTITY, 9, NEW_IOVA, f.memory));
		assert_true(is_blocked(IDENTITY, data));
		/* A device is taken out. Domain ids that are still in use are not given away. */
		gone[NESTED] = true;
		assert_int_equal(iommu_release_endpoint(f.endpoint[NESTED]), 0);
		f.endpoint[NESTED] = NULL;
		assert_true(is_blocked(NESTED, GUEST_IOVA));
		assert_int_equal(inherited(), 1);
		assert_true(reaches(FIRST, OLD_IOVA, data));
		gone[FIRST] = true;
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		f.machine.meanwhile = NULL;
		assert_int_equal(inherited(), 0);
		assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
		assert_true(is_blocked(FIRST, OLD_IOVA));
		assert_true(reaches(SEVERAL, NEW_IOVA, f.memory));
		assert_int_equal(iommu_domain_detach_group(f.group[SEVERAL]), 0);
		assert_int_equal(iommu_domain_detach_pasid(f.group[IDENTITY], 9), 0);
		assert_int_equal(iommu_domain_free(domain), 0);
		f.machine.pages_in_use -= before;
		end();
	}
}

/* Old structures that lie, and too little memory: blocked, or as before; never loose. */
static void never_loose(struct model_machine *machine)
{
	(void)machine;
	assert_true(is_blocked(SEVERAL, data));
	assert_true(is_blocked(FIRST, data));
	assert_true(is_blocked(NESTED, data));
	assert_true(reaches(SEVERAL, OLD_IOVA, data) || is_blocked(SEVERAL, OLD_IOVA));
	assert_true(reaches(FIRST, OLD_IOVA, data) || is_blocked(FIRST, OLD_IOVA));
}

/* The old kernel's words: of the first device's context entry, its directory, and a table of it. */
struct words {
	uint64_t *root, *context, *directory, *table;
};

static uint64_t *words_at(uint64_t entry)
{
	return model_machine_bytes(&f.machine, iommu_le64(entry) & ~0xfffULL);
}

static struct words old_words(void)
{
	struct iommu_vtd_tables tables;
	struct words words;

	assert_int_equal(iommu_vtd_get_tables(f.endpoint[SEVERAL], &tables), 0);
	words.root = model_machine_bytes(&f.machine, tables.root_table);
	words.context = words_at(words.root[0]);
	words.context += 4 * f.device[SEVERAL]->source_id;
	words.directory = words_at(words.context[0]);
	words.table = words_at(words.directory[0]);
	return words;
}

static const char *lie_about(struct words words, unsigned int lie)
{
	const uint64_t nowhere = 0x3fff00000000ULL;

	switch (lie) {
	case 0:
		words.root[0] = iommu_le64(nowhere | 1);
		return "a context table nowhere";
	case 1:
		words.context[0] |= iommu_le64(0x20);
		return "a reserved bit in a context entry";
	case 2:
		words.context[0] = iommu_le64(nowhere | 0xe09);
		return "a directory nowhere";
	case 3:
		words.directory[0] = iommu_le64(nowhere | 1);
		return "a table nowhere";
	case 4:
		words.directory[0] |= iommu_le64(4);
		return "a reserved bit in a directory";
	case 5:
		words.table[0] = iommu_le64((iommu_le64(words.table[0]) & 0xfff) | nowhere);
		return "a page table nowhere";
	case 6:
		words.table[0] |= iommu_le64(7 << 6);
		return "a type that there is none of";
	case 7:
		words.table[1] |= iommu_le64(0xffff);
		return "a domain id beyond the unit's";
	case 8:
		words.table[0] |= iommu_le64(7 << 2);
		return "a depth that there is none of";
	case 9:
		words.table[4] |= iommu_le64(1);
		return "a word of a PASID entry that is reserved";
	case 10:
		words.context[3] |= iommu_le64(1);
		return "a word of a context entry that is reserved";
	case 11:
		words.context[0] |= iommu_le64(VTD_CONTEXT_PAGE_REQUESTS);
		return "page requests, which the unit does not have";
	case 12:
		words.context[0] |= iommu_le64(VTD_CONTEXT_DEVICE_TLB);
		return "device TLBs, which the unit does not have";
	default:
		return NULL;
	}
}

static void structures_of_the_dead_are_not_trusted(void **state)
{
	const char *what = "";
	unsigned int lie;
	size_t before;

	(void)state;
	for (lie = 0; what != NULL; lie++) {
		scalable_kernel(WITHOUT_TLB);
		before = f.machine.pages_in_use;
		what = lie_about(old_words(), lie);
		snprintf(where, sizeof(where), "%s", what != NULL ? what : "the truth");
		f.machine.meanwhile_reading = true;
		listen();
		assert_int_equal(probe_with(&take_over), 0);
		assert_int_equal(f.machine.heard, what != NULL);
		endpoints();
		/* What hardware has cached of the truth may hold until the caches are emptied. */
		f.machine.meanwhile = never_loose;
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		f.machine.meanwhile = NULL;
		f.machine.violation = NULL; /* that was the old tables */
		assert_int_equal(reaches(SEVERAL, OLD_IOVA, data), what == NULL);
		assert_int_equal(reaches(FIRST, OLD_IOVA, data), lie != 0);
		if ((lie >= 3 && lie < 10) || what == NULL)
			assert_true(pasid_reaches(SEVERAL, LARGE_PASID, OLD_IOVA, data));
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		f.machine.pages_in_use -= before;
		end();
	}
	where[0] = 0;
}

static void little_memory_blocks_and_lets_nothing_loose(void **state)
{
	struct iommu_vtd_options options = take_over;
	unsigned int fail;
	bool whole = false;
	size_t before;

	(void)state;
	/* First the bound of the host, then each allocation in turn. */
	for (fail = 1; !whole; fail++) {
		const bool bound = fail <= 12;

		scalable_kernel(WITHOUT_TLB);
		before = f.machine.pages_in_use;
		options.inherited_pages_max = bound ? fail : 0;
		assert_int_equal(iommu_create(&f.machine.platform, &f.iommu), 0);
		f.machine.fail_at = bound ? 0 : f.machine.allocations + fail - 12;
		f.machine.meanwhile = never_loose;
		f.machine.meanwhile_reading = true;
		if (iommu_vtd_probe(f.iommu, f.machine.dmar, f.machine.dmar_size, &options) == 0) {
			f.machine.fail_at = 0;
			f.unit[0] = iommu_next_unit(f.iommu, NULL);
			endpoints();
			assert_int_equal(iommu_vtd_enable(f.iommu), 0);
			f.machine.meanwhile = NULL;
			whole = !bound && inherited() == 4;
			if (bound && fail == 1)
				assert_true(is_blocked(SEVERAL, OLD_IOVA));
			assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
			f.machine.pages_in_use -= before;
			end();
		} else {
			f.machine.meanwhile = NULL;
			assert_int_equal(iommu_destroy(f.iommu), 0);
			/* As it was found. */
			assert_int_equal(gsts(0) & VTD_GLOBAL_TE, VTD_GLOBAL_TE);
			f.machine.pages_in_use -= before;
			model_machine_destroy(&f.machine);
		}
	}
	assert_in_range(fail, 16, 60);
}

/* When bring-up fails, what is taken over goes on; and a second try succeeds. */
static int take_over_with_a_failure(unsigned int at, unsigned int late)
{
	size_t before;
	int status;

	scalable_kernel(WHOLE);
	before = f.machine.pages_in_use;
	memset(gone, 0, sizeof(gone));
	assert_int_equal(probe_with(&take_over), 0);
	endpoints();
	begin_hanging(at, late);
	status = iommu_vtd_enable(f.iommu);
	f.machine.meanwhile = NULL;
	everything_goes_on(&f.machine);
	end_hanging();
	f.machine.meanwhile = everything_goes_on;
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	f.machine.meanwhile = NULL;
	everything_goes_on(&f.machine);
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	f.machine.pages_in_use -= before;
	end();
	return status;
}

static void a_take_over_that_fails_is_tried_again(void **state)
{
	unsigned int at, late;
	int status = 1;

	(void)state;
	for (late = 0; late <= LATE; late++) {
		for (at = 1; at <= ACCESSES; at++)
			status = take_over_with_a_failure(at, late);
		assert_int_equal(status, 0);
	}
}

/* A host that finds the units, and ends: everything is off, whatever was on. */
static void a_host_that_only_looks_leaves_nothing_on(void **state)
{
	unsigned int left, unit;
	size_t before;

	(void)state;
	for (left = 0; left < 64; left++) {
		cell = (struct cell){
			.translation = bit_of(left, 0),
			.interrupts = bit_of(left, 1),
			.queue = bit_of(left, 2),
			.protection = bit_of(left, 3),
			.scalable = bit_of(left, 4),
			.take_over = bit_of(left, 5),
		};
		tell();
		old_kernel();
		before = f.machine.pages_in_use;
		probe_anew();
		assert_int_equal(iommu_shutdown(f.iommu), 0);
		for (unit = 0; unit < UNITS; unit++)
			assert_int_equal(gsts(unit) & LEFT_ON, 0);
		f.machine.pages_in_use -= before;
		end();
	}
	where[0] = 0;
}

/* --- A queue that has stopped ----------------------------------------------------------------- */

/* The old kernel's queue: where it is, and the offset of the descriptor that it stops at. */
static struct {
	iommu_paddr_t base;
	uint64_t size, bytes, head;
} stopped;

static uint64_t *stopped_at(void)
{
	return model_machine_bytes(&f.machine, stopped.base + stopped.head);
}

static uint64_t used_read(unsigned int reg)
{
	return iommu_model_vtd_mmio_read(f.machine.units[USED], reg, 8);
}

static void used_write(unsigned int reg, uint64_t value)
{
	iommu_model_vtd_mmio_write(f.machine.units[USED], reg, 8, value);
}

/* Two descriptors that hardware refuses, from so many slots before the ring's end on. */
static void stop_queue(unsigned int before_end)
{
	const uint64_t iqa = used_read(VTD_IQA);
	unsigned int i;

	stopped.base = iqa & ~0xfffULL;
	stopped.bytes = (iqa & VTD_IQA_WIDE) != 0 ? 32 : 16;
	stopped.size = IOMMU_PAGE_SIZE << (iqa & VTD_IQA_SIZE);
	/* Waits bring it there. */
	while (used_read(VTD_IQT) != stopped.size - before_end * stopped.bytes) {
		stopped.head = used_read(VTD_IQT);
		stopped_at()[0] = iommu_le64(0x25); /* writes its status … */
		stopped_at()[1] = iommu_le64(stopped.base + stopped.head); /* … to its own slot */
		used_write(VTD_IQT, stopped.head + stopped.bytes);
	}
	for (i = 0; i < 2; i++) {
		stopped.head = (used_read(VTD_IQT) + i * stopped.bytes) % stopped.size;
		memset(stopped_at(), 0, (size_t)stopped.bytes);
		stopped_at()[0] = iommu_le64(0xf);
		if (stopped.bytes == 32)
			stopped_at()[2] = stopped_at()[3] = UINT64_MAX;
	}
	stopped.head = used_read(VTD_IQT);
	used_write(VTD_IQT, (stopped.head + 2 * stopped.bytes) % stopped.size);
	assert_int_equal(used_read(VTD_IQH), stopped.head);
	assert_true((iommu_model_vtd_mmio_read(f.machine.units[USED], VTD_FSTS, 4) &
		     VTD_FSTS_IQE) != 0);
}

/* Words behind the two that are replaced: of the same descriptor if it is wide; the next one's. */
static void check_behind_stopped(void)
{
	const uint64_t *next = stopped_at() + 2;

	if (stopped.bytes == 32)
		assert_true(next[0] == 0 && next[1] == 0 &&
			    (stopped.head + stopped.bytes == stopped.size ||
			     next[2] == iommu_le64(0xf)));
	else if (stopped.head + stopped.bytes != stopped.size)
		assert_true(next[0] == iommu_le64(0xf) && next[1] == 0);
}

static bool all_but_the_queue_is_memory(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	return everything_is_memory(ctx, paddr, size) &&
	       (paddr | 0xfff) != ((stopped.base + stopped.head) | 0xfff);
}

static void probe_the_used_unit(bool is_memory)
{
	const struct iommu_vtd_options options = {
		.flags = cell.take_over ? IOMMU_VTD_TAKE_OVER : 0,
		.is_memory = is_memory ? everything_is_memory : all_but_the_queue_is_memory,
		.timeout_ns = QUICK_NS,
	};

	assert_int_equal(probe_with(&options), 0);
	assert_int_equal(endpoint(USED), 0);
	f.endpoint[IDLE] = f.endpoint[GRAPHICS] = NULL;
	f.group[USED] = iommu_endpoint_group(f.endpoint[USED]);
}

/* What a strict unit wants before it turns the queue off. */
static void mend_queue(void)
{
	stopped_at()[0] = iommu_le64(0x25);
	stopped_at()[1] = iommu_le64(stopped.base + stopped.head);
	if (stopped.bytes == 32)
		stopped_at()[2] = stopped_at()[3] = 0;
	used_write(VTD_IQT, (stopped.head + stopped.bytes) % stopped.size);
	iommu_model_vtd_mmio_write(f.machine.units[USED], VTD_FSTS, 4, VTD_FSTS_IQE);
}

static void take_over_stopped(const struct cell *how, unsigned int before_end, bool is_memory)
{
	/* With an odd number of slots. */
	const struct iommu_model_vtd_faults shows = {.hides_queue_width =
							     how->scalable && before_end % 2 != 0};
	size_t before;

	cell = *how;
	old_kernel();
	before = f.machine.pages_in_use;
	stop_queue(before_end);
	iommu_model_vtd_misbehave(f.machine.units[USED], &shows);
	probe_the_used_unit(is_memory);
	if (cell.take_over && is_memory) {
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		check_behind_stopped();
		assert_true(reaches(USED, OLD_IOVA, old_memory));
	} else {
		/* The memory may be another's, and is left alone. */
		assert_int_equal(iommu_vtd_enable(f.iommu), IOMMU_ETIMEDOUT);
		assert_int_equal(stopped_at()[0], iommu_le64(0xf));
		mend_queue();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	}
	use_it();
	if (f.machine.violation != NULL)
		fail_msg("%s", f.machine.violation);
	assert_int_equal(iommu_shutdown(f.iommu), 0);
	f.machine.pages_in_use -= before;
	end();
}

static void a_queue_that_has_stopped_is_taken_over(void **state)
{
	struct cell how = {.translation = true, .queue = true};
	unsigned int mode, before_end;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		how.scalable = mode != 0;
		how.take_over = true;
		for (before_end = 1; before_end <= 3; before_end++)
			take_over_stopped(&how, before_end, true);
		take_over_stopped(&how, 2, false);
		how.take_over = false;
		how.legacy = !how.scalable;
		take_over_stopped(&how, 2, true);
	}
}

/* A queue is not another's because the register does not show how wide its descriptors are. */
static void a_queue_whose_width_is_hidden_goes_on(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_SCALABLE |
							       IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	const struct iommu_model_vtd_faults hides = {.hides_queue_width = true};
	struct iommu_domain *domain;
	unsigned int i;
	uint64_t tail;

	(void)state;
	begin(1, &config, 1);
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, NULL, &domain), 0);
	/* Farther than a queue that is started anew comes. */
	for (i = 0; i < 10; i++) {
		assert_int_equal(iommu_domain_attach_group(domain, f.group[0]), 0);
		assert_int_equal(iommu_domain_detach_group(f.group[0]), 0);
	}
	tail = iommu_model_vtd_mmio_read(f.machine.units[0], VTD_IQT, 8);
	assert_true(tail != 0);
	iommu_model_vtd_misbehave(f.machine.units[0], &hides);
	assert_int_equal(iommu_vtd_interrupts_enable(f.iommu, 0), 0);
	assert_true(iommu_model_vtd_mmio_read(f.machine.units[0], VTD_IQT, 8) > tail);
	assert_int_equal(iommu_vtd_interrupts_disable(f.iommu), 0);
	assert_int_equal(iommu_domain_free(domain), 0);
	end();
}

/* --- What is not believed, entry by entry ----------------------------------------------------- */

/* The old kernel's entry of a PASID. */
static uint64_t *pasid_words(unsigned int device, uint32_t pasid)
{
	struct iommu_vtd_tables tables;
	const uint64_t *directory;
	uint64_t *context;

	assert_int_equal(iommu_vtd_get_tables(f.endpoint[device], &tables), 0);
	context = words_at(*(uint64_t *)model_machine_bytes(&f.machine, tables.root_table));
	directory = words_at(context[4 * f.device[device]->source_id]);
	return words_at(directory[pasid / 64]) + pasid % 64 * (size_t)8;
}

/* What each of them reaches; all of it but one. */
static void all_but(unsigned int device, uint32_t pasid)
{
	const bool several = device == SEVERAL;

	assert_int_equal(reaches(SEVERAL, OLD_IOVA, data), !several || pasid != 0);
	assert_int_equal(pasid_reaches(SEVERAL, 5, OLD_IOVA, data), !several || pasid != 5);
	assert_int_equal(pasid_reaches(SEVERAL, 3000, OLD_IOVA, data), !several || pasid != 3000);
	assert_int_equal(reaches(IDENTITY, data, data), device != IDENTITY);
	assert_int_equal(reaches(NESTED, GUEST_IOVA, old_memory), device != NESTED);
	assert_int_equal(reaches(FIRST, OLD_IOVA, data), device != FIRST);
}

/* A PASID's entry that makes no sense is blocked; all others go on. */
static void entries_of_pasids_are_not_trusted(void **state)
{
	static const struct {
		const char *what;
		unsigned int device;
		uint32_t pasid;
		unsigned int word;
		uint64_t clear, set;
	} lies[] = {
		{"a reserved bit of the first word", SEVERAL, 0, 0, 0, 0x400},
		{"a reserved bit of the second word", SEVERAL, 0, 1, 0, 0x10000},
		{"a reserved bit of the third word", SEVERAL, 5, 2, 0, 0x100},
		{"a first stage of five levels", SEVERAL, 5, 2, 0, 1 << 2},
		{"a first stage nowhere", SEVERAL, 5, 2, ~0xfffULL, 0x3fff00000000ULL},
		{"a second stage nowhere", SEVERAL, 3000, 0, ~0xfffULL, 0x3fff00000000ULL},
		{"a depth of the second stage", SEVERAL, 3000, 0, 7 << 2, 5 << 2},
		{"a guest's first stage of five levels", NESTED, 0, 2, 0, 1 << 2},
		{"a guest's second stage nowhere", NESTED, 0, 0, ~0xfffULL, 0x3fff00000000ULL},
		{"the domain id of what passes", IDENTITY, 0, 1, 0, 0xffff},
		{"a first stage alone, nowhere", FIRST, 0, 2, ~0xfffULL, 0x3fff00000000ULL},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint64_t *word;
		size_t before;

		snprintf(where, sizeof(where), "%s", lies[i].what);
		scalable_kernel(WITHOUT_TLB);
		before = f.machine.pages_in_use;
		word = pasid_words(lies[i].device, lies[i].pasid) + lies[i].word;
		*word = iommu_le64((iommu_le64(*word) & ~lies[i].clear) | lies[i].set);
		listen();
		assert_int_equal(probe_with(&take_over), 0);
		assert_int_equal(f.machine.heard, 1);
		endpoints();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		all_but(lies[i].device, lies[i].pasid);
		/* The domains of the others have another user that goes on. */
		assert_int_equal(inherited(),
				 lies[i].device == IDENTITY || lies[i].device == NESTED ? 3 : 4);
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		f.machine.pages_in_use -= before;
		end();
	}
	where[0] = 0;
}

/* Of a directory for all PASIDs as much is copied as a block of memory has place for. */
static void a_directory_larger_than_any_block(void **state)
{
	const unsigned int order = 5; /* 2^14 entries, for 2^20 PASIDs */
	const uint32_t first_lost = 512U << IOMMU_MAX_ALLOC_ORDER;
	unsigned int beyond;

	(void)state;
	for (beyond = 0; beyond < 2; beyond++) {
		const uint32_t index = first_lost - 1 + beyond;
		struct words words;
		uint64_t *directory;
		size_t before;

		scalable_kernel(WITHOUT_TLB);
		words = old_words();
		directory = model_machine_bytes(&f.machine,
						model_machine_take(&f.machine, 1U << order));
		memset(directory, 0, (size_t)IOMMU_PAGE_SIZE << order);
		memcpy(directory, words.directory, 2 * IOMMU_PAGE_SIZE);
		directory[index] = words.directory[0];
		words.context[0] = iommu_le64(
			(iommu_le64(words.context[0]) & 0x1ff) |
			((uint64_t)((unsigned char *)directory - f.machine.memory) + MACHINE_BASE) |
			7 << 9);
		before = f.machine.pages_in_use;
		listen();
		assert_int_equal(probe_with(&take_over), 0);
		assert_int_equal(f.machine.heard, beyond);
		endpoints();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		several_goes_on(true);
		assert_int_equal(pasid_reaches(SEVERAL, index * 64 + 5, OLD_IOVA, data), !beyond);
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		f.machine.pages_in_use -= before;
		end();
	}
}

static bool nothing_is_memory(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	(void)paddr;
	(void)size;
	return false;
}

/* Two devices in legacy mode, with a domain each. */
static void legacy_kernel(unsigned int flags)
{
	const struct iommu_model_vtd_config config = {
		.flags = flags, .levels = 1U << 3 | 1U << 4, .domain_bits = 4, .fault_records = 4};
	const struct iommu_vtd_options none = {0};
	unsigned int i;

	machine(1, &config);
	devices(2);
	assert_int_equal(probe_with(&none), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	data = model_machine_take(&f.machine, 1);
	for (i = 0; i < 2; i++) {
		struct iommu_domain *domain =
			domain_at(IOMMU_STAGE_ANY, false, OLD_IOVA, data, 4096);

		assert_int_equal(iommu_domain_attach_group(domain, f.group[i]), 0);
	}
	f.machine.mapped = 0;
}

/* The same of a device's context entry, where there are no PASIDs. */
static void entries_of_devices_are_not_trusted(void **state)
{
	static const struct {
		const char *what;
		unsigned int flags, word; /* of the context entry; 2 and 3: of the root entry */
		uint64_t clear, set;
	} lies[] = {
		{"nothing", 0, 0, 0, 0},
		{"a reserved bit of the low word", 0, 0, 0, 0x800},
		{"a reserved bit of the high word", 0, 1, 0, 0x80},
		{"a domain id beyond the unit's", 0, 1, 0, 0xffff00},
		{"a depth that the unit does not have", 0, 1, 7, 3},
		{"a depth that no table has", 0, 1, 7, 7},
		{"a page table nowhere", 0, 0, ~0xfffULL, 0x3fff00000000ULL},
		{"a device TLB, which the unit does not know", 0, 0, 0, 1 << 2},
		{"a device TLB, and a page table nowhere", IOMMU_MODEL_VTD_DEVICE_TLB, 0, ~0xfffULL,
		 0x3fff00000000ULL | 1 << 2},
		{"everything passes, which the unit does not do", 0, 0, 0, 2 << 2},
		{"everything passes, with an address", IOMMU_MODEL_VTD_PASS_THROUGH, 0, 0,
		 1ULL << 60 | 2 << 2},
		{"a type that there is none of", IOMMU_MODEL_VTD_PASS_THROUGH, 0, 0, 3 << 2},
		{"a reserved bit of the root entry", 0, 2, 0, 2},
		{"a reserved word of the root entry", 0, 3, 0, 1ULL << 40},
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct iommu_vtd_tables tables;
		uint64_t *word;
		size_t before;

		snprintf(where, sizeof(where), "%s", lies[i].what);
		legacy_kernel(lies[i].flags);
		before = f.machine.pages_in_use;
		assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
		word = lies[i].word >= 2
			       ? (uint64_t *)model_machine_bytes(&f.machine, tables.root_table) +
					 lies[i].word - 2
			       : (uint64_t *)model_machine_bytes(&f.machine, tables.context_table) +
					 (size_t)2 * f.device[0]->source_id + lies[i].word;
		*word = iommu_le64((iommu_le64(*word) & ~lies[i].clear) | lies[i].set);
		listen();
		assert_int_equal(probe_with(&take_over), 0);
		assert_int_equal(f.machine.heard, i != 0);
		endpoints();
		assert_int_equal(iommu_vtd_enable(f.iommu), 0);
		assert_int_equal(reaches(0, OLD_IOVA, data), i == 0);
		assert_true(is_blocked(0, data));
		assert_int_equal(reaches(1, OLD_IOVA, data), lies[i].word < 2);
		assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
		f.machine.pages_in_use -= before;
		end();
	}
	where[0] = 0;
}

/* A reserved word of a root entry that is not present is none of ours to tell of. */
static void a_root_entry_that_is_not_present(void **state)
{
	struct iommu_vtd_tables tables;
	uint64_t *root;
	size_t before;

	(void)state;
	legacy_kernel(0);
	before = f.machine.pages_in_use;
	assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
	root = model_machine_bytes(&f.machine, tables.root_table);
	root[2 * 5 + 1] = iommu_le64(1ULL << 40);
	listen();
	assert_int_equal(probe_with(&take_over), 0);
	assert_int_equal(f.machine.heard, 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_true(reaches(0, OLD_IOVA, data) && reaches(1, OLD_IOVA, data));
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	f.machine.pages_in_use -= before;
	end();
}

/* The first function that there can be, and the last; one that no driver comes for is blocked. */
static void functions_at_both_ends(void **state)
{
	static const uint16_t ids[] = {0, UINT16_MAX};
	struct iommu_model_translation result;
	struct iommu_vtd_tables tables;
	uint64_t *root, *table;
	unsigned int i, pass;
	size_t before;

	(void)state;
	legacy_kernel(0);
	assert_int_equal(iommu_vtd_get_tables(f.endpoint[0], &tables), 0);
	root = model_machine_bytes(&f.machine, tables.root_table);
	table = model_machine_bytes(&f.machine, model_machine_take(&f.machine, 1));
	memset(table, 0, IOMMU_PAGE_SIZE);
	root[510] = iommu_le64((uint64_t)((unsigned char *)table - f.machine.memory) +
			       MACHINE_BASE + 1);
	for (i = 0; i < 2; i++) {
		uint64_t *to = i == 0 ? words_at(root[0]) : table + 510;

		memcpy(to, words_at(root[0]) + (size_t)2 * f.device[0]->source_id, 16);
	}
	before = f.machine.pages_in_use;
	assert_int_equal(probe_with(&take_over), 0);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < 2; i++) {
			const struct iommu_model_request request = {
				.source_id = ids[i], .address = OLD_IOVA, .access = RW};

			assert_int_equal(iommu_model_vtd_translate(f.machine.units[0], &request,
								   &result) == 0,
					 pass == 0);
		}
		if (pass == 0) {
			assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
			assert_int_equal(iommu_unit_enable(f.unit[0]), 0);
		}
	}
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	f.machine.pages_in_use -= before;
	end();
}

/* A host that knows none of the old kernel's memory: all is blocked, and nothing is read. */
static void what_is_no_memory_is_not_read(void **state)
{
	const struct iommu_vtd_options blind = {.flags = IOMMU_VTD_TAKE_OVER,
						.is_memory = nothing_is_memory};
	size_t before;

	(void)state;
	legacy_kernel(0);
	before = f.machine.pages_in_use;
	listen();
	assert_int_equal(probe_with(&blind), 0);
	assert_int_equal(f.machine.heard, 1);
	endpoints();
	assert_int_equal(iommu_vtd_enable(f.iommu), 0);
	assert_int_equal(inherited(), 0);
	assert_true(is_blocked(0, OLD_IOVA) && is_blocked(1, OLD_IOVA));
	assert_int_equal(iommu_unit_disable(f.unit[0]), 0);
	f.machine.pages_in_use -= before;
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(every_combination_of_what_was_left_on, tell_where),
		cmocka_unit_test(what_a_crash_kernel_finds_in_scalable_mode_goes_on),
		cmocka_unit_test_teardown(structures_of_the_dead_are_not_trusted, tell_where),
		cmocka_unit_test(little_memory_blocks_and_lets_nothing_loose),
		cmocka_unit_test(a_take_over_that_fails_is_tried_again),
		cmocka_unit_test(a_queue_that_has_stopped_is_taken_over),
		cmocka_unit_test(a_queue_whose_width_is_hidden_goes_on),
		cmocka_unit_test_teardown(entries_of_pasids_are_not_trusted, tell_where),
		cmocka_unit_test_teardown(entries_of_devices_are_not_trusted, tell_where),
		cmocka_unit_test(a_root_entry_that_is_not_present),
		cmocka_unit_test(a_directory_larger_than_any_block),
		cmocka_unit_test(functions_at_both_ends),
		cmocka_unit_test(what_is_no_memory_is_not_read),
		cmocka_unit_test_teardown(a_host_that_only_looks_leaves_nothing_on, tell_where),
		cmocka_unit_test(interrupts_that_are_half_on_can_be_turned_off),
		cmocka_unit_test(interrupts_go_to_the_same_processor_in_either_apic_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
