/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel before this one has left units on, with root, context and PASID tables, page tables,
 * interrupt entries and queues of any bytes in memory that this kernel does not own. The driver
 * takes them over, or turns them off, and uses the machine.
 *
 * Nothing is read where is_memory has not been asked, and no more pages are taken than the bound
 * allows. From the moment that a device is attached it reaches only what is mapped for it; what it
 * may reach before is what the old tables, as the unit itself walks them, had let it reach when
 * they were taken over: nothing is added. Nor is an interrupt delivered that was not before, or to
 * another processor, and none of a device that has come. Hardware may fail meanwhile, be of another
 * mode than the old tables, or have no queue. At the end all pages are given back.
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
#define MESSAGES  40U
#define OLD(n)    (t.old + (n)*4096ULL)

static struct {
	struct fuzz_bytes input;
	iommu_paddr_t old, data;
	bool is_scalable, is_x2apic, has_queue, has_posted;
	unsigned int asked;
	bool reached[DEVICES][PROBES]; /* before */
	/* Interrupts of the old table that arrived, by device and number. */
	bool arrived[DEVICES][MESSAGES];
	struct iommu_model_interrupt messages[DEVICES][MESSAGES];
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

static uint16_t any_source(void)
{
	switch (below(4)) {
	case 0:
		return (uint16_t)(0x20 + 8 * below(DEVICES) + below(8));
	case 1:
		return (uint16_t)fuzz_number(&t.input, 2);
	default:
		return (uint16_t)(0x20 + 8 * below(DEVICES));
	}
}

/* An entry of a device, of any type, that leads anywhere. */
static void damage_context(void)
{
	const unsigned int i = below(DEVICES);
	const iommu_paddr_t at = OLD(1) + (0x20 + 8 * i) * (t.is_scalable ? 32ULL : 16ULL);

	if (t.is_scalable) {
		store(at, vtd_scalable_context_low(any_page(), below(6),
						   (uint64_t)below(16) << (below(8) == 0 ? 5 : 1)));
		store(at + 8, below(4) == 0 ? fuzz_wild(&t.input) : below(256));
	} else {
		store(at, vtd_context_low(any_page(), (enum vtd_translation_type)below(4)) |
				  (uint64_t)(below(8) == 0) << 5);
		store(at + 8, vtd_context_high(2 + below(6), (uint16_t)fuzz_number(&t.input, 2)));
	}
	if (below(8) == 0)
		store(at + 16 + 8ULL * below(2), fuzz_wild(&t.input));
}

/* The same of a PASID. */
static void damage_pasid(void)
{
	const iommu_paddr_t at = OLD(3) + (uint64_t)below(below(4) == 0 ? 64 : 2) * 64;

	store(at, vtd_pasid_word0((enum vtd_pasid_type)(below(4) == 0 ? below(8) : 1 + below(4)),
				  3 + below(4), any_page(),
				  below(8) == 0 ? fuzz_wild(&t.input) & 0xfff : 0));
	store(at + 8, below(8) == 0 ? fuzz_wild(&t.input) : below(64));
	store(at + 16, any_page() | (uint64_t)below(4) << 2 |
			       (below(8) == 0 ? fuzz_wild(&t.input) & 0xfff : 0));
	if (below(16) == 0)
		store(at + 24 + 8ULL * below(5), fuzz_wild(&t.input));
	store(OLD(2) + 8ULL * below(below(4) == 0 ? 512 : 2), OLD(3) | 1);
}

/* An interrupt entry as a kernel makes them; or nearly. */
static void damage_interrupt(void)
{
	const iommu_paddr_t at = OLD(8) + (uint64_t)below(below(4) == 0 ? 512 : MESSAGES) * 16;
	const bool by_bus = below(4) == 0;
	const uint16_t source = by_bus ? (uint16_t)(below(2) << 8 | below(3)) : any_source();
	uint64_t low = vtd_irte_remapped_low(8 + below(200), below(8) == 0 ? below(8) : below(2),
					     fuzz_flag(&t.input), fuzz_flag(&t.input),
					     fuzz_flag(&t.input), below(300), below(2) != 0);
	const uint64_t high =
		vtd_irte_high((enum vtd_source_validation)(below(16) == 0 ? below(4) : 1U + by_bus),
			      below(4) == 0 ? below(4) : 0, source);

	if (below(16) == 0)
		low |= fuzz_wild(&t.input);
	store(at, low);
	store(at + 8, below(16) == 0 ? high | fuzz_wild(&t.input) : high);
}

static void damage_tables(void)
{
	for (unsigned int count = below(64); count != 0; count--) {
		iommu_paddr_t at = OLD(below(10));
		uint64_t value;

		switch (below(7)) {
		case 0:
			damage_context();
			continue;
		case 1:
			damage_pasid();
			continue;
		case 2:
		case 3:
			damage_interrupt();
			continue;
		case 4:
			value = fuzz_wild(&t.input);
			break;
		case 5:
			value = vtd_ss_leaf(any_page(), 1 + below(3), fuzz_flag(&t.input),
					    fuzz_flag(&t.input));
			break;
		default:
			value = any_page() | fuzz_number(&t.input, 1);
			break;
		}
		at += (uint64_t)(fuzz_flag(&t.input) ? below(16) : below(512)) * 8;
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
	/* Of the tables the mode; of the unit perhaps the other. */
	const bool is_scalable = t.is_scalable && below(8) != 0;

	if ((what & 1) != 0 && t.has_queue) {
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
						   (is_scalable ? VTD_RTADDR_SCALABLE : 0));
		command(unit, VTD_GLOBAL_SRTP);
		command(unit, VTD_GLOBAL_TE);
	}
	if ((what & 8) != 0) {
		iommu_model_vtd_mmio_write(
			model, VTD_IRTA, 8,
			(below(8) == 0 ? any_page() : OLD(8)) |
				(below(4) == 0 ? below(16) : 4 + below(5)) |
				(t.is_x2apic && fuzz_flag(&t.input) ? VTD_IRTA_X2APIC : 0));
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

/* A message for an entry of the table: 0 if it arrives. */
static int send(unsigned int i, unsigned int number, struct iommu_model_interrupt *message)
{
	memset(message, 0, sizeof(*message));
	return iommu_model_vtd_interrupt(f.machine.units[f.device[i]->unit], f.device[i]->source_id,
					 vtd_msi_address((uint16_t)number, false), 0, message);
}

static bool remaps(unsigned int i)
{
	return (iommu_model_vtd_mmio_read(f.machine.units[f.device[i]->unit], VTD_GSTS, 4) &
		VTD_GLOBAL_IRE) != 0;
}

static void note_messages(void)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int k = 0; k < MESSAGES && remaps(i); k++)
			t.arrived[i][k] = send(i, k, &t.messages[i][k]) == 0;
	/* A posted one may have written into the tables. */
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int k = 0; k < MESSAGES; k++)
			t.has_posted = t.has_posted || t.messages[i][k].posted;
	forgive();
}

/* What arrives arrived before, at the same place; of devices with a block of their own nothing. */
static void check_messages(unsigned int come)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		for (unsigned int k = 0; k < MESSAGES && remaps(i) && !t.has_posted; k++) {
			struct iommu_model_interrupt message;

			if (send(i, k, &message) != 0)
				continue;
			FUZZ_CHECK((come >> i & 1) == 0 && t.arrived[i][k]);
			FUZZ_CHECK(message.vector == t.messages[i][k].vector &&
				   message.delivery_mode == t.messages[i][k].delivery_mode &&
				   message.logical == t.messages[i][k].logical &&
				   message.destination == t.messages[i][k].destination);
		}
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

/*
 * Strict hardware turns a queue that has stopped at a refused descriptor off after a wait alone,
 * and the library writes one only where it takes over and there is memory. What stayed on is reset,
 * as a machine would be, or the driver could never be told that the unit is off.
 */
static bool queue_stays_on(unsigned int unit)
{
	struct iommu_model_vtd *model = f.machine.units[unit];

	return (iommu_model_vtd_mmio_read(model, VTD_GSTS, 4) & VTD_GLOBAL_QIE) != 0 &&
	       (iommu_model_vtd_mmio_read(model, VTD_IQA, 8) & ~0xfffULL) == OLD(10);
}

static void reset_what_stays_on(void)
{
	for (unsigned int i = 0; i < f.machine.unit_count; i++)
		if (queue_stays_on(i))
			iommu_model_vtd_reset(f.machine.units[i]);
}

static void use_interrupts(void)
{
	const struct iommu_vtd_interrupt_target target = {.vector = 0x41};
	const unsigned int flags = t.is_x2apic && fuzz_flag(&t.input) ? IOMMU_VTD_X2APIC : 0;
	const unsigned int i = below(DEVICES);
	struct iommu_vtd_interrupt block;

	f.machine.fail_every = below(4) == 0 ? 1 + below(3) : 0;
	if (iommu_vtd_interrupts_enable(f.iommu, flags) == 0) {
		f.machine.fail_every = 0;
		check_messages(0);
		if (f.endpoint[i] != NULL &&
		    iommu_vtd_interrupt_alloc_for(f.endpoint[i], 2, &block) == 0) {
			check_messages(1U << i);
			FUZZ_CHECK(iommu_vtd_interrupt_set(&block, 0, &target) == 0);
			FUZZ_CHECK(iommu_vtd_interrupt_free(&block) == 0);
		}
		check_messages(0);
	}
	f.machine.fail_every = 0;
	reset_what_stays_on();
	FUZZ_CHECK(iommu_vtd_interrupts_disable(f.iommu) == 0);
}

static void begin_machine(void)
{
	const unsigned int common =
		IOMMU_MODEL_VTD_INTERRUPT_REMAPPING | IOMMU_MODEL_VTD_PROTECTED_MEMORY;
	const unsigned int scalable = IOMMU_MODEL_VTD_SCALABLE | IOMMU_MODEL_VTD_FIRST_STAGE |
				      IOMMU_MODEL_VTD_NESTED | IOMMU_MODEL_VTD_PASID;
	struct iommu_model_vtd_config config = {.levels = 1U << 3 | 1U << 4};

	t.is_scalable = fuzz_flag(&t.input);
	t.has_queue = t.is_scalable || below(8) != 0;
	t.is_x2apic = t.has_queue && fuzz_flag(&t.input);
	config.flags = (t.is_scalable ? scalable : 0) |
		       (t.has_queue ? common : IOMMU_MODEL_VTD_NO_QUEUE) |
		       (t.is_x2apic ? IOMMU_MODEL_VTD_X2APIC : 0) |
		       (below(4) == 0 ? IOMMU_MODEL_VTD_CACHING_MODE : 0);
	if (below(4) != 0)
		config.flags |= IOMMU_MODEL_VTD_PASS_THROUGH;
	if (t.has_queue && below(4) != 0)
		config.flags |= IOMMU_MODEL_VTD_DEVICE_TLB;
	machine(1 + below(2), &config);
	devices(DEVICES);
	t.old = model_machine_take(&f.machine, OLD_PAGES);
	model_machine_mark(&f.machine, t.old, OLD_PAGES, PAGE_TABLE);
	t.data = model_machine_take(&f.machine, DATA);
	write_tables();
	damage_tables();
	for (unsigned int unit = 0; unit < f.machine.unit_count; unit++)
		leave_on(unit);
	note_messages();
	note_reached();
	close_memory();
}

/* Hardware that fails from now on. */
static void misbehave(void)
{
	struct iommu_model_vtd_faults faults = {0};
	const unsigned int how = below(10);

	faults.commands_hang = how == 1;
	faults.waits_hang = how == 2;
	faults.gone = how == 3;
	faults.refuse_after = how == 4 ? 1 + below(4) : 0;
	faults.command_delay = how == 5 ? below(8) : 0;
	faults.hides_queue_width = how == 6;
	for (unsigned int unit = 0; unit < f.machine.unit_count; unit++)
		iommu_model_vtd_misbehave(f.machine.units[unit], &faults);
}

static void behave(void)
{
	const struct iommu_model_vtd_faults none = {0};

	for (unsigned int unit = 0; unit < f.machine.unit_count; unit++)
		iommu_model_vtd_misbehave(f.machine.units[unit], &none);
	f.machine.fail_every = 0;
}

/* A device that no driver asks for stays as it is, and so does a unit without others. */
static void find_devices(void)
{
	const bool are_displays = below(8) == 0;

	f.info.device_tlb = fuzz_flag(&t.input);
	f.info.class_code = are_displays ? 0x30000 : 0x20000;
	for (unsigned int i = 0; i < DEVICES; i++) {
		if (below(4) == 0 || endpoint(i) != 0)
			f.endpoint[i] = NULL;
		else
			f.group[i] = iommu_endpoint_group(f.endpoint[i]);
		f.device[i]->tlb_is_off = true;
	}
}

/* On, on again with hardware that answers, and used. */
static void take_machine(void)
{
	if (all_are_on())
		check_inherited();
	find_devices();
	for (unsigned int tries = below(3); tries != 0; tries--) {
		misbehave();
		if (iommu_vtd_enable(f.iommu) == 0 && all_are_on())
			check_inherited();
	}
	behave();
	if (iommu_vtd_enable(f.iommu) == 0 && all_are_on())
		check_inherited();
	use_machine();
	use_interrupts();
	forgive();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct iommu_vtd_options options = {.is_memory = is_memory};
	int status;

	memset(&t, 0, sizeof(t));
	t.input = (struct fuzz_bytes){bytes, size};
	begin_machine();
	options.flags = below(4) != 0 ? IOMMU_VTD_TAKE_OVER : 0;
	if (below(4) == 0)
		options.flags |=
			below(2) != 0 ? IOMMU_VTD_LEGACY_MODE : IOMMU_VTD_REGISTER_INVALIDATION;
	options.inherited_pages_max = below(4) == 0 ? 1 + below(4) : 0;
	f.machine.fail_every = below(4) == 0 ? 3 + below(12) : 0;
	if (below(8) == 0)
		misbehave();
	status = probe_with(&options);
	behave();
	if (status == 0)
		take_machine();
	FUZZ_CHECK(t.asked < 100000);
	reset_what_stays_on();
	end();
	return 0;
}
