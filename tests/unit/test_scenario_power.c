/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenarios of POWER machines, the very files that run in the kernel under QEMU, against
 * the models of bridges and of a hypervisor, which cache what QEMU's do not. With the argument
 * "--print" and "opal" or "papr" the transcript of one run goes to the console, for comparison with
 * QEMU's.
 */
#include <stdio.h>
#include <string.h>

#include "phb_registers.h"
#include "scenario_power.h"
#include "test.h"
#include "test_platform.h"

#define MEMORY_BASE 0x20000000ULL
#define MEMORY_SIZE (8ULL << 20)
#define BUFFER_SIZE 4096
#define PAGES_MAX   32
#define LIOBN       0x80000000U

static struct {
	struct test_platform test, outside;
	struct iommu_model_phb *phb;
	struct iommu_model_papr *papr;
	bool by_register;
	unsigned char buffers[2][BUFFER_SIZE]; /* of the devices */
	struct {
		void *pages;
		unsigned int order;
	} given[PAGES_MAX];
	unsigned int given_count;
} f;

static void say_nothing(const char *text)
{
	(void)text;
}

static void say_aloud(const char *text)
{
	fputs(text, stdout);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static void *scenario_alloc(uint64_t size)
{
	const struct iommu_platform *platform = &f.test.platform;
	unsigned int order = 0;
	void *pages;

	while ((IOMMU_PAGE_SIZE << order) < size)
		order++;
	if (order > IOMMU_MAX_ALLOC_ORDER || f.given_count == PAGES_MAX)
		return NULL;
	pages = platform->alloc_pages(platform->ctx, order, IOMMU_NODE_ANY, 0);
	if (pages == NULL)
		return NULL;
	f.given[f.given_count].pages = pages;
	f.given[f.given_count++].order = order;
	return pages;
}

static bool is_memory(iommu_paddr_t paddr)
{
	return paddr - MEMORY_BASE < MEMORY_SIZE;
}

static bool read_memory(void *ctx, iommu_paddr_t paddr, uint64_t *bytes)
{
	(void)ctx;
	if (!is_memory(paddr))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&f.test.platform, paddr), sizeof(*bytes));
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr) || !is_memory(paddr + size - 1))
		return false;
	memcpy(iommu_phys_to_virt(&f.test.platform, paddr), bytes, size);
	return true;
}

static void refuse_misuse(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("misuse: %s", text);
}

/* --- Devices ---------------------------------------------------------------------------------- */

static unsigned int number_of(const struct dma_device *device)
{
	return device->data == f.buffers[0] ? 0 : 1;
}

static bool translate(struct dma_device *device, iommu_iova_t iova, bool is_write,
		      iommu_paddr_t *paddr)
{
	struct iommu_model_tce_access access;
	int status;

	if (f.papr != NULL) {
		/*
		 * The second device is behind the second bridge; a third window is the first one's.
		 */
		static const uint32_t windows[2][2] = {{LIOBN, 0x90000000}, {LIOBN + 0x100, 0}};

		status = iommu_model_papr_access(f.papr, windows[number_of(device)][iova >> 59 & 1],
						 iova, is_write, &access);
	} else {
		status = iommu_model_phb_access(f.phb, device->info.source_id, iova, is_write,
						&access);
		if (iommu_model_phb_pe_of(f.phb, device->info.source_id) != IOMMU_MODEL_NO_PE)
			assert_int_equal(
				iommu_model_phb_thaw(f.phb, iommu_model_phb_pe_of(
								    f.phb, device->info.source_id)),
				0);
	}
	*paddr = access.paddr;
	return status == 0 && is_memory(access.paddr);
}

static void device_read(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	unsigned char *buffer = device->data;
	iommu_paddr_t paddr;
	size_t i;

	for (i = 0; i < size && translate(device, iova + i, false, &paddr); i++)
		buffer[i] = *(unsigned char *)iommu_phys_to_virt(&f.test.platform, paddr);
}

static void device_write(struct dma_device *device, iommu_iova_t iova, size_t size)
{
	const unsigned char *buffer = device->data;
	iommu_paddr_t paddr;
	size_t i;

	for (i = 0; i < size && translate(device, iova + i, true, &paddr); i++)
		*(unsigned char *)iommu_phys_to_virt(&f.test.platform, paddr) = buffer[i];
}

static void begin(struct scenario_machine *machine, void (*say)(const char *text))
{
	unsigned int i;

	test_platform_init(&f.test, MEMORY_SIZE, MEMORY_BASE);
	test_platform_init(&f.outside, 1 << 24, 0);
	f.test.quiet = true;
	*machine = (struct scenario_machine){
		.say = say,
		.platform = &f.test.platform,
		.alloc = scenario_alloc,
	};
	for (i = 0; i < 2; i++) {
		struct dma_device *device = &machine->devices[i];

		memset(f.buffers[i], 0xee, BUFFER_SIZE);
		device->read = device_read;
		device->write = device_write;
		device->data = f.buffers[i];
		device->info.source_id = (uint16_t)(0x100 + i);
		device->info.name = i == 0 ? "device A" : "device B";
	}
}

static void end(void)
{
	while (f.given_count != 0) {
		f.given_count--;
		f.test.platform.free_pages(f.test.platform.ctx, f.given[f.given_count].pages,
					   f.given[f.given_count].order);
	}
	test_platform_destroy(&f.outside);
	test_platform_destroy(&f.test);
	f.phb = NULL;
	f.papr = NULL;
}

/* --- Bridges ---------------------------------------------------------------------------------- */

static int64_t opal_call(void *ctx, uint64_t token, const uint64_t arguments[7])
{
	(void)ctx;
	assert_false(f.by_register && token == IOMMU_OPAL_TCE_KILL);
	return iommu_model_phb_opal(f.phb, token, arguments);
}

static bool run_opal(unsigned int generation, void (*say)(const char *text))
{
	const struct iommu_model_phb_config model = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory, .misuse = refuse_misuse, .write = write_memory},
		.generation = generation,
		.pes = 64,
	};
	struct opal_machine machine;
	bool passed;

	begin(&machine.base, say);
	f.by_register = generation == 3;
	phb_registers_install(&f.test.platform, &f.phb, NULL);
	assert_int_equal(iommu_model_phb_create(&model, &f.phb), 0);
	machine.opal = (struct iommu_opal_config){
		.pes = 64,
		.reserved_pe = 63,
		.call = opal_call,
		.page_sizes = iommu_model_phb_page_sizes(f.phb),
		.memory_end = MEMORY_BASE + MEMORY_SIZE,
		.registers = f.by_register ? PHB_REGISTERS : 0,
		.output_bits = 50,
		.window_bits = 48,
		.reserved_start = 0x80000000,
		.reserved_last = 0xefffffff,
		.has_eeh = true,
	};
	passed = scenario_opal(&machine);
	iommu_model_phb_destroy(f.phb);
	end();
	return passed;
}

/* --- A hypervisor ----------------------------------------------------------------------------- */

static int64_t hypercall(void *ctx, uint64_t opcode, uint64_t liobn, uint64_t address,
			 uint64_t third, uint64_t fourth, uint64_t *result)
{
	(void)ctx;
	return iommu_model_papr_hypercall(f.papr, opcode, liobn, address, third, fourth, result);
}

static int32_t rtas(void *ctx, uint32_t token, unsigned int input_count, const uint32_t *inputs,
		    unsigned int output_count, uint32_t *outputs)
{
	(void)ctx;
	return iommu_model_papr_rtas(f.papr, (enum iommu_model_papr_service)(token - 1),
				     input_count, inputs, output_count, outputs);
}

static bool run_papr(bool single_calls, void (*say)(const char *text))
{
	const struct iommu_model_papr_config model = {
		.platform = &f.outside.platform,
		.host = {.read = read_memory, .misuse = refuse_misuse},
		.single_calls = single_calls,
		.dynamic_windows = 1,
		.dynamic_page_sizes = 1 << 12 | 1 << 16,
	};
	struct papr_machine machine = {
		.ddw = {.platform = &f.test.platform,
			.query_token = 1 + IOMMU_MODEL_PAPR_QUERY,
			.create_token = 1 + IOMMU_MODEL_PAPR_CREATE,
			.remove_token = 1 + IOMMU_MODEL_PAPR_REMOVE,
			.reset_token = 1 + IOMMU_MODEL_PAPR_RESET,
			.rtas = rtas},
		.memory_end = MEMORY_BASE + MEMORY_SIZE,
	};
	unsigned int i;
	bool passed;

	begin(&machine.base, say);
	assert_int_equal(iommu_model_papr_create(&model, &f.papr), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(
			iommu_model_papr_add_window(f.papr, LIOBN + i * 0x100, 0, 12, 1 << 18), 0);
		machine.windows[i] = (struct iommu_tce_papr_config){
			.table = {.platform = &f.test.platform,
				  .entries = 1 << 18,
				  .page_shift = 12},
			.liobn = LIOBN + i * 0x100,
			.has_multiple = !single_calls,
			.call = hypercall,
		};
	}
	passed = scenario_papr(&machine);
	iommu_model_papr_destroy(f.papr);
	end();
	return passed;
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void bridges_of_all_generations(void **state)
{
	unsigned int generation;

	(void)state;
	for (generation = 3; generation <= 5; generation++)
		assert_true(run_opal(generation, say_nothing));
}

static void hypervisors_with_and_without_many_entries(void **state)
{
	(void)state;
	assert_true(run_papr(false, say_nothing));
	assert_true(run_papr(true, say_nothing));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bridges_of_all_generations),
		cmocka_unit_test(hypervisors_with_and_without_many_entries),
	};

	if (argc == 3 && strcmp(argv[1], "--print") == 0)
		return (strcmp(argv[2], "papr") == 0 ? run_papr(false, say_aloud)
						     : run_opal(4, say_aloud))
			       ? 0
			       : 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
