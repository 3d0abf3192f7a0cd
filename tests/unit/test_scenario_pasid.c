/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scenario of a device with PASIDs, the very file that runs in the kernel under QEMU, against
 * the model. With the argument "--print" (and "second-stage") the transcript of one run goes to the
 * console, for comparison with QEMU's.
 */
#include <stdio.h>
#include <string.h>

#include "model_machine.h"
#include "scenario_pasid.h"
#include "test.h"

static struct model_machine machine;
/* Answers that the unit gave itself because its queue was full: the device goes on at once. */
static unsigned int answers_of_unit;

static void say_nothing(const char *text)
{
	(void)text;
}

static void say_aloud(const char *text)
{
	fputs(text, stdout);
}

static void *scenario_alloc(uint64_t size)
{
	const iommu_paddr_t paddr =
		model_machine_take(&machine, (unsigned int)(size / IOMMU_PAGE_SIZE));

	return paddr != 0 ? model_machine_bytes(&machine, paddr) : NULL;
}

static unsigned int interrupts_seen(unsigned int vector)
{
	return machine.messages_of[vector];
}

/* --- The device ------------------------------------------------------------------------------- */

static enum pasid_outcome device_copy(struct pasid_device *pasid_device,
				      const struct pasid_access *access, size_t size,
				      bool to_memory)
{
	struct model_device *device = pasid_device->data;
	iommu_paddr_t paddr;
	int status;

	device->has_tlb = access->through_tlb;
	status = model_device_access_pasid(device, access->has_pasid ? access->pasid : 0,
					   access->iova,
					   to_memory ? IOMMU_PROT_WRITE : IOMMU_PROT_READ, &paddr);
	device->has_tlb = true;
	if (status != 0)
		return PASID_REFUSED;
	if (to_memory)
		memcpy(model_machine_bytes(&machine, paddr), device->buffer, size);
	else
		memcpy(device->buffer, model_machine_bytes(&machine, paddr), size);
	return PASID_DONE;
}

static enum pasid_outcome device_request(struct pasid_device *pasid_device,
					 const struct pasid_access *access, unsigned int prot,
					 uint16_t group, bool is_last)
{
	struct model_device *device = pasid_device->data;
	const unsigned int answers = device->answers;
	const int status = model_device_request_page(device, access->pasid, access->iova, prot,
						     group, is_last);

	if (status == 0)
		return PASID_DONE;
	answers_of_unit += device->answers - answers;
	return status == IOMMU_ENOSPC ? PASID_FULL : PASID_REFUSED;
}

static void device_look(struct pasid_device *pasid_device, struct pasid_device_state *state)
{
	const struct model_device *device = pasid_device->data;

	*state = (struct pasid_device_state){
		.responses = device->answers - answers_of_unit,
		.response_group = device->answer.group,
		.response_code = device->answer.code,
		.invalidations = device->invalidations,
		.invalidated = device->invalidated,
		.translations = device->tlb_next,
	};
}

static void device_set_feature(struct pasid_device *device, enum iommu_feature feature, bool on)
{
	(void)device;
	(void)feature;
	(void)on;
}

/* --- Runs ------------------------------------------------------------------------------------- */

static bool run(unsigned int flags, void (*say)(const char *text))
{
	const struct iommu_model_vtd_config config = {
		.flags = flags | IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_PASID |
			 IOMMU_MODEL_VTD_DEVICE_TLB,
		.address_mask = 18,
		.fault_records = 1,
	};
	struct scenario_machine host = {
		.say = say,
		.platform = &machine.platform,
		.alloc = scenario_alloc,
		.vtd_options = {.timeout_ns = 50000000},
		.interrupts_seen = interrupts_seen,
		.old_message_address = 0xfee00000,
	};
	struct pasid_device device = {
		.info = {.source_id = 0x30,
			 .name = "device P",
			 .device_tlb = true,
			 .physical_function = 0x30,
			 .max_pasids = 1U << 20,
			 .page_requests = (flags & IOMMU_MODEL_VTD_PAGE_REQUESTS) != 0 ? 512 : 0},
		.copy = device_copy,
		.request = device_request,
		.look = device_look,
		.set_feature = device_set_feature,
	};
	struct model_device *model;
	bool passed;

	answers_of_unit = 0;
	model_machine_init(&machine, 1, &config);
	model = model_machine_add_device(&machine, 0, 0x30);
	model->has_tlb = model->asks_only = true;
	device.data = model;
	model_machine_make_dmar(&machine);
	host.dmar = machine.dmar;
	host.dmar_size = machine.dmar_size;
	passed = scenario_pasids(&host, &device, (flags & IOMMU_MODEL_VTD_PAGE_REQUESTS) != 0);
	model_machine_destroy(&machine);
	return passed;
}

#define FIRST_STAGE (IOMMU_MODEL_VTD_NO_SECOND_STAGE | IOMMU_MODEL_VTD_FIRST_STAGE)

static void holds_on_every_kind_of_unit(void **state)
{
	static const unsigned int kinds[] = {0, IOMMU_MODEL_VTD_CACHING_MODE,
					     IOMMU_MODEL_VTD_NONCOHERENT, IOMMU_MODEL_VTD_NO_PAGES,
					     IOMMU_MODEL_VTD_FIRST_STAGE};
	static const unsigned int stages[] = {0, FIRST_STAGE, IOMMU_MODEL_VTD_PAGE_REQUESTS,
					      FIRST_STAGE | IOMMU_MODEL_VTD_PAGE_REQUESTS};
	size_t kind, stage;

	(void)state;
	for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		for (stage = 0; stage < sizeof(stages) / sizeof(stages[0]); stage++)
			if (!run(kinds[kind] | stages[stage], say_nothing)) {
				(void)run(kinds[kind] | stages[stage], say_aloud);
				fail();
			}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_on_every_kind_of_unit),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		const bool second = argc > 2 && strcmp(argv[2], "second-stage") == 0;

		return run(IOMMU_MODEL_VTD_NONCOHERENT |
				   (second ? 0 : FIRST_STAGE | IOMMU_MODEL_VTD_PAGE_REQUESTS),
			   say_aloud)
			       ? 0
			       : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
