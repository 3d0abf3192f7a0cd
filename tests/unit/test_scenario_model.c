/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenario, the very file that runs in the kernel under QEMU, against the model, in many
 * kinds of hardware. With the argument "--print" the transcript of one run goes to the console, for
 * comparison with QEMU's.
 */
#include <stdio.h>
#include <string.h>

#include "model_machine.h"
#include "test.h"

static struct model_machine machine;

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

static bool run(const struct iommu_model_vtd_config *config, unsigned int vtd_flags,
		void (*say)(const char *text))
{
	struct scenario_machine scenario = {
		.say = say,
		.platform = &machine.platform,
		.alloc = scenario_alloc,
		.vtd_options = {.flags = vtd_flags, .timeout_ns = 50000000},
	};
	bool passed;

	model_machine_init(&machine, 1, config);
	scenario.devices[0] =
		model_device_for_scenario(model_machine_add_device(&machine, 0, 0x20));
	scenario.devices[1] =
		model_device_for_scenario(model_machine_add_device(&machine, 0, 0x28));
	scenario.devices[0].info.name = "device A";
	scenario.devices[1].info.name = "device B";
	model_machine_make_dmar(&machine);
	scenario.dmar = machine.dmar;
	scenario.dmar_size = machine.dmar_size;
	passed = scenario_run(&scenario);
	model_machine_destroy(&machine);
	return passed;
}

static void holds(const struct iommu_model_vtd_config *config, unsigned int vtd_flags)
{
	if (!run(config, vtd_flags, say_nothing)) {
		(void)run(config, vtd_flags, say_aloud);
		fail();
	}
}

static void holds_on_every_kind_of_unit(void **state)
{
	static const unsigned int kinds[] = {
		0,
		IOMMU_MODEL_VTD_CACHING_MODE,
		IOMMU_MODEL_VTD_NONCOHERENT,
		IOMMU_MODEL_VTD_NO_QUEUE,
		IOMMU_MODEL_VTD_NO_PAGES,
		IOMMU_MODEL_VTD_PASS_THROUGH,
		IOMMU_MODEL_VTD_WRITE_BUFFER,
		IOMMU_MODEL_VTD_PROTECTED_MEMORY,
		IOMMU_MODEL_VTD_SELF_INVALIDATING,
		IOMMU_MODEL_VTD_CACHING_MODE | IOMMU_MODEL_VTD_NONCOHERENT |
			IOMMU_MODEL_VTD_NO_QUEUE | IOMMU_MODEL_VTD_NO_PAGES,
		IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_CACHING_MODE |
			IOMMU_MODEL_VTD_WRITE_BUFFER | IOMMU_MODEL_VTD_NONCOHERENT,
	};
	static const unsigned int widths[] = {39, 48, 57};
	size_t kind, width;

	(void)state;
	for (kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		for (width = 0; width < 3; width++) {
			struct iommu_model_vtd_config config = {
				.flags = kinds[kind],
				.address_width = widths[width],
				.address_mask = 18,
			};

			holds(&config, 0);
			holds(&config, IOMMU_VTD_REGISTER_INVALIDATION);
			config.address_mask = 0;
			config.forget_seed = 7 + kind;
			holds(&config, 0);
		}
}

static void holds_with_small_caches_and_slow_commands(void **state)
{
	const struct iommu_model_vtd_config config = {
		.cache_entries = 2, .pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G};

	(void)state;
	holds(&config, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_on_every_kind_of_unit),
		cmocka_unit_test(holds_with_small_caches_and_slow_commands),
	};

	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		const struct iommu_model_vtd_config config = {
			.flags = IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_NONCOHERENT,
			.address_mask = 18,
		};

		return run(&config, 0, say_aloud) ? 0 : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
