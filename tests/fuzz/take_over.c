/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel before this one has left units on, with root, context and PASID tables, page tables,
 * interrupt entries and queues of any bytes in memory that this kernel does not own. The driver
 * takes them over, or turns them off, and uses the machine.
 *
 * Nothing is read where is_memory has not been asked, and no more pages are taken than the bound
 * allows. From the moment that a device is attached it reaches only what is mapped for it; what it
 * may reach before is what the old tables, as the unit itself walks them, had let it reach when
 * they were taken over: nothing is added. At the end all pages are given back.
 */
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/vtd_interrupt.h>

#include "base/byteorder.h"
#include "fuzz.h"
#include "vtd_fixture.h"

#define OLD_PAGES 12U /* the old kernel's tables */
#define DATA      4U  /* pages of memory that they lead to */
#define DEVICES   2U
#define PROBES    24U
#define OLD(n)    (t.old + (n)*4096ULL)

static struct {
	struct fuzz_bytes input;
	iommu_paddr_t old, data;
	bool is_scalable;
	unsigned int asked;
	bool reached[DEVICES][PROBES]; /* before */
} t;

static unsigned int below(unsigned int bound)
{
	return fuzz_below(&t.input, bound);
}

static bool is_memory(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)ctx;
	t.asked++;
	return paddr >= t.old && size <= OLD_PAGES * 4096ULL &&
	       paddr - t.old <= OLD_PAGES * 4096ULL - size;
}

static uint64_t any_page(void)
{
	const unsigned int how = below(32);

	if (how < 20)
		return OLD(how % OLD_PAGES);
	if (how < 28)
		return t.data + (how % DATA) * 4096ULL;
	return fuzz_wild(&t.input) & ~4095ULL;
}

static void store(iommu_paddr_t at, uint64_t value)
{
	value = iommu_le64(value);
	memcpy(model_machine_bytes(&f.machine, at), &value, 8);
}

/* Tables by which both devices reach a page of memory at 0x5000. */
static void write_tables(void)
{
	store(OLD(0), vtd_root_low(OLD(1)));
	for (unsigned int i = 0; i < DEVICES; i++) {
		const uint16_t id = (uint16_t)(0x20 + 8 * i);

		if (t.is_scalable) {
			store(OLD(1) + id * 32ULL, vtd_scalable_context_low(OLD(2), 0, 0));
			store(OLD(2), OLD(3) | 1);
			store(OLD(3), vtd_pasid_word0(VTD_PASID_SECOND_STAGE, 4, OLD(4), 0));
			store(OLD(3) + 8, 3 + i);
		} else {
			store(OLD(1) + id * 16ULL,
			      vtd_context_low(OLD(4), VTD_TRANSLATE_UNTRANSLATED));
			store(OLD(1) + id * 16ULL + 8, vtd_context_high(4, (uint16_t)(3 + i)));
		}
	}
	for (unsigned int level = 4; level > 1; level--)
		store(OLD(8 - level), vtd_ss_table(OLD(9 - level)));
	store(OLD(7) + 5 * 8, vtd_ss_leaf(t.data, 1, true, true));
	store(OLD(8), 1 | 0x20ULL << 16 | 3ULL << 40);
	store(OLD(8) + 8, 0x20);
}

static void damage_tables(void)
{
	for (unsigned int count = below(48); count != 0; count--) {
		iommu_paddr_t at = OLD(below(10));
		uint64_t value;

		at += (uint64_t)(fuzz_flag(&t.input) ? below(16) : below(512)) * 8;
		switch (below(6)) {
		case 0:
			value = fuzz_wild(&t.input);
			break;
		case 1:
			value = vtd_ss_leaf(any_page(), 1 + below(3), fuzz_flag(&t.input),
					    fuzz_flag(&t.input));
			break;
		case 2:
			value = vtd_pasid_word0((enum vtd_pasid_type)below(8), 2 + below(6),
						any_page(), 0);
			break;
		case 3:
			value = (uint64_t)below(7) | (uint64_t)fuzz_number(&t.input, 2) << 8;
			break;
		default:
			value = any_page() | fuzz_number(&t.input, 1);
			break;
		}
		store(at, value);
	}
}

static void command(unsigned int unit, uint32_t bit)
{
	struct iommu_model_vtd *model = f.machine.units[unit];
	const uint32_t now =
		(uint32_t)iommu_model_vtd_mmio_read(model, VTD_GSTS, 4) & VTD_GLOBAL_LASTING;

	iommu_model_vtd_mmio_write(model, VTD_GCMD, 4, now | bit);
}

static void leave_on(unsigned int unit)
{
	struct iommu_model_vtd *model = f.machine.units[unit];
	const unsigned int what = fuzz_byte(&t.input);

	if ((what & 1) != 0) {
		iommu_model_vtd_mmio_write(model, VTD_IQA, 8,
					   OLD(10) | (t.is_scalable ? VTD_IQA_WIDE : 0));
		command(unit, VTD_GLOBAL_QIE);
		f.machine.queue_page[unit] = OLD(10);
		/*
		 * A wait, without which strict hardware does not turn it off; or what stops the
		 * queue.
		 */
		store(OLD(10), vtd_descriptor_wait(OLD(11), 1).low);
		store(OLD(10) + 8, OLD(11));
		iommu_model_vtd_mmio_write(model, VTD_IQT, 8, t.is_scalable ? 32 : 16);
		if ((what & 64) != 0)
			iommu_model_vtd_mmio_write(model, VTD_IQT, 8, t.is_scalable ? 96 : 48);
	}
	if ((what & 6) != 0) {
		iommu_model_vtd_mmio_write(model, VTD_RTADDR, 8,
					   ((what & 128) != 0 ? any_page() : OLD(0)) |
						   (t.is_scalable ? VTD_RTADDR_SCALABLE : 0));
		command(unit, VTD_GLOBAL_SRTP);
		command(unit, VTD_GLOBAL_TE);
	}
	if ((what & 8) != 0) {
		iommu_model_vtd_mmio_write(model, VTD_IRTA, 8, OLD(8) | below(16));
		command(unit, VTD_GLOBAL_SIRTP);
		command(unit, VTD_GLOBAL_IRE);
	}
	if ((what & 32) != 0)
		iommu_model_vtd_mmio_write(model, VTD_FECTL, 4, 0);
}

/* Protected memory, which the driver opens. */
static void close_memory(void)
{
	for (unsigned int unit = 0; unit < f.machine.unit_count; unit++)
		if (below(4) == 0)
			iommu_model_vtd_mmio_write(f.machine.units[unit], VTD_PMEN, 4,
						   VTD_PMEN_EPM);
}

static iommu_iova_t probe_at(unsigned int k)
{
	return k < 16 ? k * 4096ULL : (iommu_iova_t)1 << (k + 6);
}

/*
 * What the hostile tables make of a walk is no mistake of the driver's, as long as they are in use.
 */
static void forgive(void)
{
	f.machine.violation = NULL;
}

static void note_reached(void)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int k = 0; k < PROBES; k++) {
			iommu_paddr_t paddr;

			t.reached[i][k] = model_device_access(f.device[i], probe_at(k),
							      IOMMU_PROT_READ, &paddr) == 0;
		}
	forgive();
}

static bool all_are_on(void)
{
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		if (!iommu_unit_is_enabled(f.unit[i]))
			return false;
	return true;
}

/* With a copy of the old tables, or without: no address is reached that was not. */
static void check_inherited(void)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int k = 0; k < PROBES; k++) {
			iommu_paddr_t paddr;

			if (model_device_access(f.device[i], probe_at(k), IOMMU_PROT_READ,
						&paddr) == 0)
				FUZZ_CHECK(t.reached[i][k]);
		}
	forgive();
}

static void use_machine(void)
{
	struct iommu_domain *domain = NULL;
	iommu_paddr_t paddr = 0;
	bool attached[DEVICES] = {false};

	if (iommu_domain_alloc(f.unit[0], IOMMU_DOMAIN_PAGING, NULL, &domain) != 0)
		return;
	if (iommu_map(domain, IOVA, t.data, 4096, RW) == 0)
		for (unsigned int i = 0; i < DEVICES; i++)
			attached[i] = f.endpoint[i] != NULL &&
				      iommu_domain_attach_group(domain, f.group[i]) == 0;
	forgive();
	for (unsigned int i = 0; i < DEVICES; i++) {
		if (!attached[i] || !iommu_unit_is_enabled(iommu_endpoint_unit(f.endpoint[i])))
			continue;
		FUZZ_CHECK(reaches(i, IOVA, t.data));
		for (unsigned int k = 0; k < PROBES; k++)
			FUZZ_CHECK(model_device_access(f.device[i], probe_at(k), IOMMU_PROT_READ,
						       &paddr) != 0);
	}
	for (unsigned int i = 0; i < DEVICES; i++)
		if (f.endpoint[i] != NULL)
			FUZZ_CHECK(iommu_domain_detach_group(f.group[i]) == 0);
	FUZZ_CHECK(iommu_domain_free(domain) == 0);
}

static void use_interrupts(void)
{
	const struct iommu_vtd_interrupt_target target = {.vector = 0x41};
	struct iommu_vtd_interrupt block;

	if (iommu_vtd_interrupts_enable(f.iommu, 0) != 0)
		return;
	if (f.endpoint[0] != NULL && iommu_vtd_interrupt_alloc_for(f.endpoint[0], 2, &block) == 0) {
		FUZZ_CHECK(iommu_vtd_interrupt_set(&block, 0, &target) == 0);
		FUZZ_CHECK(iommu_vtd_interrupt_free(&block) == 0);
	}
	FUZZ_CHECK(iommu_vtd_interrupts_disable(f.iommu) == 0);
}

static void begin_machine(void)
{
	const unsigned int common = IOMMU_MODEL_VTD_INTERRUPT_REMAPPING |
				    IOMMU_MODEL_VTD_PASS_THROUGH | IOMMU_MODEL_VTD_DEVICE_TLB |
				    IOMMU_MODEL_VTD_PROTECTED_MEMORY;
	const unsigned int scalable = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
				      IOMMU_MODEL_VTD_NESTED | IOMMU_MODEL_VTD_PASID;
	struct iommu_model_vtd_config config = {.levels = 1U << 3 | 1U << 4};

	t.is_scalable = fuzz_flag(&t.input);
	config.flags = common | (t.is_scalable ? scalable : 0) |
		       (below(4) == 0 ? IOMMU_MODEL_VTD_CACHING_MODE : 0);
	machine(1 + below(2), &config);
	devices(DEVICES);
	t.old = model_machine_take(&f.machine, OLD_PAGES);
	model_machine_mark(&f.machine, t.old, OLD_PAGES, PAGE_TABLE);
	t.data = model_machine_take(&f.machine, DATA);
	write_tables();
	damage_tables();
	for (unsigned int unit = 0; unit < f.machine.unit_count; unit++)
		leave_on(unit);
	note_reached();
	close_memory();
}

/*
 * Strict hardware turns a queue that has stopped at a refused descriptor off after a wait alone,
 * and the library writes one only where it takes over and there is memory. What stayed on is reset,
 * as a machine would be, or the driver could never be told that the unit is off.
 */
static void reset_what_stays_on(void)
{
	for (unsigned int i = 0; i < f.machine.unit_count; i++) {
		struct iommu_model_vtd *model = f.machine.units[i];
		const uint64_t queue = iommu_model_vtd_mmio_read(model, VTD_IQA, 8) & ~0xfffULL;

		if ((iommu_model_vtd_mmio_read(model, VTD_GSTS, 4) & VTD_GLOBAL_QIE) != 0 &&
		    queue == OLD(10))
			iommu_model_vtd_reset(model);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct iommu_vtd_options options = {.is_memory = is_memory};

	memset(&t, 0, sizeof(t));
	t.input = (struct fuzz_bytes){bytes, size};
	begin_machine();
	options.flags = below(4) != 0 ? IOMMU_VTD_TAKE_OVER : 0;
	options.inherited_pages_max = below(4) == 0 ? 1 + below(4) : 0;
	f.machine.fail_every = below(4) == 0 ? 3 + below(12) : 0;
	if (probe_with(&options) == 0) {
		if (all_are_on())
			check_inherited();
		for (unsigned int i = 0; i < DEVICES; i++) {
			if (endpoint(i) != 0)
				f.endpoint[i] = NULL;
			else
				f.group[i] = iommu_endpoint_group(f.endpoint[i]);
			f.device[i]->tlb_is_off = true;
		}
		if (iommu_vtd_enable(f.iommu) == 0 && all_are_on())
			check_inherited();
		f.machine.fail_every = 0;
		use_machine();
		use_interrupts();
		forgive();
	}
	f.machine.fail_every = 0;
	FUZZ_CHECK(t.asked < 100000);
	reset_what_stays_on();
	end();
	return 0;
}
