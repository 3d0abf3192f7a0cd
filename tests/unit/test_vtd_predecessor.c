/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel before this one left units on: translation, interrupt remapping, the queue, protected memory, on
 * units with devices, with none, and with a graphics device that is left alone. Devices do DMA and send
 * interrupts at every register write of what follows.
 */
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
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

static unsigned int writes, hang_at;

static void hang(struct model_machine *machine)
{
	const struct iommu_model_vtd_faults hangs = {.commands_hang = true};

	if (++writes == hang_at)
		iommu_model_vtd_misbehave(machine->units[0], &hangs);
}

/* Hardware stops obeying at each register write: what may be on keeps its queue, and can be turned off. */
static void interrupts_that_are_half_on_can_be_turned_off(void **state)
{
	const struct iommu_model_vtd_config config = {.flags = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING};
	const struct iommu_model_vtd_faults none = {0};
	const struct iommu_vtd_interrupt_target target = {.vector = 0x41, .destination = 3};
	struct iommu_vtd_interrupt interrupt;
	struct iommu_model_interrupt seen;
	int status;

	(void)state;
	begin(1, &config, 1);
	/* Firmware allows the old format, which is one step more. */
	for (hang_at = 1, status = 1; status != 0; hang_at++) {
		iommu_model_vtd_mmio_write(f.machine.units[0], VTD_GCMD, 4, VTD_GLOBAL_CFI);
		writes = 0;
		f.machine.meanwhile = hang;
		status = iommu_vtd_interrupts_enable(f.iommu, 0);
		f.machine.meanwhile = NULL;
		/* A command that was given is carried out in time. */
		iommu_model_vtd_misbehave(f.machine.units[0], &none);
		if ((gsts(0) & VTD_GLOBAL_IRE) != 0)
			assert_int_equal(gsts(0) & VTD_GLOBAL_QIE, VTD_GLOBAL_QIE);
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
	assert_in_range(hang_at, 6, 40);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupts_that_are_half_on_can_be_turned_off),
		cmocka_unit_test(interrupts_go_to_the_same_processor_in_either_apic_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
