/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_vtd.h"

#include <string.h>

#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/hw/vtd_fault.h>

#include "base/byteorder.h"
#include "test.h"

#define ONE_SHOT (VTD_GLOBAL_SRTP | VTD_GLOBAL_SFL | VTD_GLOBAL_WBF | VTD_GLOBAL_SIRTP)

static void violated(struct fake_vtd *unit, const char *rule)
{
	if (unit->violation == NULL)
		unit->violation = rule;
}

static void note(struct fake_vtd *unit, struct fake_event event)
{
	if (unit->event_count < FAKE_EVENTS)
		unit->events[unit->event_count++] = event;
}

static uint32_t iva_offset(const struct fake_vtd *unit)
{
	return vtd_ecap_iotlb_offset(unit->ecap);
}

/* --- The queue -------------------------------------------------------------------------------- */

static void *memory_at(struct fake_vtd *unit, uint64_t paddr)
{
	return iommu_phys_to_virt(&unit->machine->test.platform, paddr);
}

static bool counts_down(unsigned int *counter)
{
	return *counter != 0 && --*counter == 0;
}

/* Execute one descriptor; false: the queue stops here. */
static bool execute(struct fake_vtd *unit, struct vtd_descriptor d)
{
	if (counts_down(&unit->refuse_after)) {
		unit->fsts |= VTD_FSTS_IQE;
		return false;
	}
	if (vtd_descriptor_type(d) == VTD_DESCRIPTOR_WAIT) {
		if (counts_down(&unit->drop_after)) {
			unit->fsts |= VTD_FSTS_ITE;
			return true;
		}
		if ((d.low & VTD_WAIT_STATUS_WRITE) != 0)
			__atomic_store_n((uint32_t *)memory_at(unit, d.high),
					 iommu_le32((uint32_t)(d.low >> 32)), __ATOMIC_RELEASE);
		return true;
	}
	if (unit->on_descriptor != NULL) {
		/* Hardware takes its time; the hook is the work of another CPU meanwhile. */
		pthread_mutex_unlock(&unit->machine->lock);
		unit->on_descriptor(unit->ctx);
		pthread_mutex_lock(&unit->machine->lock);
	}
	note(unit, (struct fake_event){.kind = FAKE_INVALIDATE, .descriptor = d});
	return true;
}

static void run_queue(struct fake_vtd *unit)
{
	const struct vtd_descriptor *ring = memory_at(unit, unit->iqa & ~0xfffULL);

	if ((unit->gsts & VTD_GLOBAL_QIE) == 0 || unit->queue_dead)
		return;
	while (unit->iqh != unit->iqt && (unit->fsts & (VTD_FSTS_IQE | VTD_FSTS_ITE)) == 0) {
		const struct vtd_descriptor *at = &ring[vtd_queue_index(unit->iqh, false)];
		const struct vtd_descriptor d = {iommu_le64(at->low), iommu_le64(at->high)};

		if (!execute(unit, d))
			return;
		unit->iqh = (unit->iqh + 16) % 4096;
	}
}

/* --- Registers -------------------------------------------------------------------------------- */

static void complete(struct fake_vtd *unit, uint32_t bit, bool set)
{
	if (bit == VTD_GLOBAL_SRTP) {
		unit->root_latched = unit->rtaddr;
		unit->gsts |= VTD_GLOBAL_SRTP;
	} else if (bit == VTD_GLOBAL_TE && set && unit->root_latched == 0) {
		violated(unit, "translation enabled without a root table");
	} else if (bit == VTD_GLOBAL_WBF) {
		unit->gsts &= ~bit;
	} else {
		unit->gsts = set ? unit->gsts | bit : unit->gsts & ~bit;
	}
	if (bit == VTD_GLOBAL_QIE && !set)
		unit->iqh = 0;
}

static bool is_stuck(const struct fake_vtd *unit, uint32_t bit, bool set)
{
	return (bit & unit->stuck_commands) != 0 || (!set && (bit & unit->stuck_stops) != 0);
}

/* A command that hung completes when it no longer has to. */
static void complete_late(struct fake_vtd *unit)
{
	if (unit->pending == 0 || is_stuck(unit, unit->pending, unit->pending_set))
		return;
	complete(unit, unit->pending, unit->pending_set);
	unit->pending = 0;
}

static void write_gcmd(struct fake_vtd *unit, uint32_t value)
{
	uint32_t lasting = unit->gsts & VTD_GLOBAL_LASTING;
	uint32_t changed = (value & ~ONE_SHOT) ^ lasting;
	uint32_t bit = changed | (value & ONE_SHOT);
	bool set = (value & bit) != 0;

	if (__builtin_popcount(bit) > 1)
		violated(unit, "more than one command at a time");
	if (bit == 0)
		return;
	note(unit, (struct fake_event){.kind = FAKE_COMMAND, .bit = bit, .set = set});
	/* The command to turn the queue off may be repeated. */
	if (unit->pending == VTD_GLOBAL_QIE && bit == VTD_GLOBAL_QIE && !set && !unit->pending_set)
		return;
	if (unit->pending != 0) {
		violated(unit, "a command before the last has completed");
		return;
	}
	if (bit == VTD_GLOBAL_WBF)
		unit->gsts |= bit;
	if (is_stuck(unit, bit, set)) {
		unit->pending = bit;
		unit->pending_set = set;
		return;
	}
	complete(unit, bit, set);
}

/* CCMD or IOTLB_REG: executed at once, unless the test has it hang. */
static uint64_t register_command(struct fake_vtd *unit, uint64_t value, uint64_t start,
				 unsigned int asked_at, unsigned int actual_at,
				 struct vtd_descriptor d)
{
	if ((value & start) == 0)
		return value;
	if ((unit->gsts & VTD_GLOBAL_QIE) != 0)
		violated(unit, "register invalidation while the queue is on");
	if (unit->registers_dead)
		return value;
	value &= ~start & ~(3ULL << actual_at);
	if (unit->registers_refuse)
		return value;
	note(unit, (struct fake_event){.kind = FAKE_INVALIDATE, .descriptor = d});
	return value | (value >> asked_at & 3) << actual_at;
}

static void write_ccmd(struct fake_vtd *unit, uint64_t value)
{
	struct vtd_descriptor d = vtd_descriptor_context((enum vtd_granularity)(value >> 61 & 3),
							 (uint16_t)value, (uint16_t)(value >> 16));

	unit->ccmd = register_command(unit, value, VTD_CCMD_ICC, 61, 59, d);
}

static void write_iotlb(struct fake_vtd *unit, uint64_t value)
{
	struct vtd_descriptor d = vtd_descriptor_iotlb((enum vtd_granularity)(value >> 60 & 3),
						       (uint16_t)(value >> 32), 0);

	if (vtd_descriptor_granularity(d) == VTD_GRANULARITY_PAGE)
		d.high = unit->iva;
	unit->iotlb = register_command(unit, value, VTD_IOTLB_IVT, 60, 57, d);
}

static struct fake_vtd *unit_at(struct fake_machine *machine, const volatile void *reg,
				uint32_t *offset)
{
	uint64_t address = (uintptr_t)reg;
	unsigned int n = (unsigned int)((address - FAKE_BASE(0)) / 0x1000);

	assert_true(address >= FAKE_BASE(0) && n < FAKE_UNITS);
	*offset = (uint32_t)(address & 0xfff);
	return &machine->units[n];
}

static uint64_t read_register(struct fake_vtd *unit, uint32_t offset)
{
	uint32_t fault_offset = vtd_cap_fault_offset(unit->cap);

	if (unit->gone)
		return UINT64_MAX;
	if (offset >= fault_offset && offset < fault_offset + sizeof(unit->faults))
		return unit->faults[(offset - fault_offset) / 16][(offset & 8) / 8] >>
		       (offset & 4) * 8;
	if (offset == iva_offset(unit) + 8)
		return unit->iotlb;
	switch (offset) {
	case VTD_VER:
		return unit->version;
	case VTD_CAP:
		return unit->cap;
	case VTD_ECAP:
		return unit->ecap;
	case VTD_GSTS:
		complete_late(unit);
		return unit->gsts;
	case VTD_CCMD:
		return unit->ccmd;
	case VTD_FSTS:
		return unit->fsts;
	case VTD_PMEN:
		return unit->pmen;
	case VTD_IQH:
		return unit->head_lies ? 0x7ff0 : unit->iqh;
	case VTD_IQT:
		return unit->iqt;
	default:
		return 0;
	}
}

static void write_fault_top(struct fake_vtd *unit, uint32_t offset, uint64_t value)
{
	unsigned int index = (offset - vtd_cap_fault_offset(unit->cap)) / 16;
	unsigned int i;

	if ((value >> 31 & 1) != 0)
		unit->faults[index][1] &= ~VTD_FAULT_F;
	unit->fsts &= ~VTD_FSTS_PPF;
	for (i = 0; i < vtd_cap_fault_records(unit->cap); i++)
		if ((unit->faults[i][1] & VTD_FAULT_F) != 0)
			unit->fsts |= VTD_FSTS_PPF;
}

static void write_register(struct fake_vtd *unit, uint32_t offset, uint64_t value)
{
	uint32_t fault_offset = vtd_cap_fault_offset(unit->cap);

	if (offset >= fault_offset && offset < fault_offset + sizeof(unit->faults)) {
		write_fault_top(unit, offset, value);
		return;
	}
	if (offset == iva_offset(unit))
		unit->iva = value;
	if (offset == iva_offset(unit) + 8)
		write_iotlb(unit, value);
	switch (offset) {
	case VTD_GCMD:
		write_gcmd(unit, (uint32_t)value);
		break;
	case VTD_RTADDR:
		unit->rtaddr = value;
		break;
	case VTD_CCMD:
		write_ccmd(unit, value);
		break;
	case VTD_FSTS:
		unit->fsts &= ~((uint32_t)value &
				(VTD_FSTS_PFO | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE));
		break;
	case VTD_PMEN:
		if (!unit->pmen_stuck)
			unit->pmen = (value & VTD_PMEN_EPM) != 0 ? VTD_PMEN_EPM | VTD_PMEN_PRS : 0;
		break;
	case VTD_IQT:
		unit->iqt = value;
		run_queue(unit);
		break;
	case VTD_IQA:
		if ((unit->gsts & VTD_GLOBAL_QIE) != 0)
			violated(unit, "queue address written while the queue is on");
		unit->iqa = value;
		break;
	default:
		break;
	}
}

static uint64_t fake_read64(void *ctx, const volatile void *reg)
{
	uint64_t value;
	uint32_t offset;
	struct fake_vtd *unit = unit_at(ctx, reg, &offset);

	pthread_mutex_lock(&unit->machine->lock);
	value = read_register(unit, offset);
	pthread_mutex_unlock(&unit->machine->lock);
	return value;
}

static uint32_t fake_read32(void *ctx, const volatile void *reg)
{
	return (uint32_t)fake_read64(ctx, reg);
}

static void fake_write64(void *ctx, volatile void *reg, uint64_t value)
{
	uint32_t offset;
	struct fake_vtd *unit = unit_at(ctx, reg, &offset);

	pthread_mutex_lock(&unit->machine->lock);
	write_register(unit, offset, value);
	pthread_mutex_unlock(&unit->machine->lock);
}

static void fake_write32(void *ctx, volatile void *reg, uint32_t value)
{
	fake_write64(ctx, reg, value);
}

static void *fake_map(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	struct fake_machine *machine = ctx;

	(void)size;
	machine->mapped++;
	return (void *)(uintptr_t)paddr; /* a token: only the functions above use it */
}

static void fake_unmap(void *ctx, void *registers, uint64_t size)
{
	struct fake_machine *machine = ctx;

	(void)registers;
	(void)size;
	machine->mapped--;
}

/* --- The machine ------------------------------------------------------------------------------ */

static void put_drhd(struct fake_machine *machine, unsigned int unit, bool all)
{
	static const uint8_t scopes[] = {
		DMAR_SCOPE_ENDPOINT, 8, 0, 0, 0, 0, 4, 0, /* 00:04.0 */
		DMAR_SCOPE_BRIDGE,   8, 0, 0, 0, 0, 2, 0, /* 00:02.0 and below */
	};
	uint8_t *at = machine->dmar + machine->dmar_size;
	size_t length = DMAR_DRHD_FIXED_SIZE + (all ? 0 : sizeof(scopes));
	uint64_t base = FAKE_BASE(unit);
	unsigned int i;

	at[2] = (uint8_t)length;
	at[DMAR_DRHD_FLAGS] = all ? DMAR_DRHD_INCLUDE_PCI_ALL : 0;
	for (i = 0; i < 8; i++)
		at[DMAR_DRHD_BASE + i] = (uint8_t)(base >> (8 * i));
	if (!all)
		memcpy(at + DMAR_DRHD_FIXED_SIZE, scopes, sizeof(scopes));
	machine->dmar_size += length;
}

static void build_dmar(struct fake_machine *machine, unsigned int units)
{
	uint8_t sum = 0;
	size_t i;

	memcpy(machine->dmar, "DMAR", 4);
	machine->dmar[DMAR_WIDTH_OFFSET] = 45;
	machine->dmar_size = DMAR_HEADER_SIZE;
	if (units == 2)
		put_drhd(machine, 0, false);
	put_drhd(machine, units - 1, true);
	machine->dmar[4] = (uint8_t)machine->dmar_size;
	machine->dmar[5] = (uint8_t)(machine->dmar_size >> 8);
	for (i = 0; i < machine->dmar_size; i++)
		sum = (uint8_t)(sum + machine->dmar[i]);
	machine->dmar[9] = (uint8_t)-sum;
}

void fake_machine_init(struct fake_machine *machine, unsigned int units, uint64_t cap,
		       uint64_t ecap)
{
	unsigned int i;

	memset(machine, 0, sizeof(*machine));
	pthread_mutex_init(&machine->lock, NULL);
	test_platform_init(&machine->test, 1 << 26, 0x100000);
	machine->test.platform.map_mmio = fake_map;
	machine->test.platform.unmap_mmio = fake_unmap;
	machine->test.platform.mmio_read32 = fake_read32;
	machine->test.platform.mmio_read64 = fake_read64;
	machine->test.platform.mmio_write32 = fake_write32;
	machine->test.platform.mmio_write64 = fake_write64;
	for (i = 0; i < FAKE_UNITS; i++) {
		machine->units[i].machine = machine;
		machine->units[i].cap = cap;
		machine->units[i].ecap = ecap;
		machine->units[i].version = 0x10;
		machine->units[i].pmen = VTD_PMEN_EPM | VTD_PMEN_PRS;
	}
	build_dmar(machine, units);
}

void fake_machine_destroy(struct fake_machine *machine)
{
	unsigned int i;

	for (i = 0; i < FAKE_UNITS; i++)
		if (machine->units[i].violation != NULL)
			fail_msg("unit %u: %s", i, machine->units[i].violation);
	assert_int_equal(machine->mapped, 0);
	pthread_mutex_destroy(&machine->lock);
	test_platform_destroy(&machine->test);
}

/* --- What was done ---------------------------------------------------------------------------- */

void fake_forget(struct fake_vtd *unit)
{
	unit->event_count = 0;
}

static const struct fake_event *next_event(struct fake_vtd *unit, unsigned int *at,
					   enum fake_event_kind kind)
{
	assert_true(*at < unit->event_count);
	assert_int_equal(unit->events[*at].kind, kind);
	return &unit->events[(*at)++];
}

void fake_expect_command(struct fake_vtd *unit, unsigned int *at, uint32_t bit, bool set)
{
	const struct fake_event *event = next_event(unit, at, FAKE_COMMAND);

	assert_int_equal(event->bit, bit);
	assert_int_equal(event->set, set);
}

void fake_expect_context(struct fake_vtd *unit, unsigned int *at, enum vtd_granularity granularity,
			 uint16_t domain_id, uint16_t source_id)
{
	const struct vtd_descriptor d = next_event(unit, at, FAKE_INVALIDATE)->descriptor;

	assert_int_equal(vtd_descriptor_type(d), VTD_DESCRIPTOR_CONTEXT);
	assert_int_equal(vtd_descriptor_granularity(d), granularity);
	assert_int_equal(vtd_descriptor_domain_id(d), domain_id);
	assert_int_equal(vtd_descriptor_source_id(d), source_id);
}

void fake_expect_iotlb(struct fake_vtd *unit, unsigned int *at, enum vtd_granularity granularity,
		       uint16_t domain_id)
{
	const struct vtd_descriptor d = next_event(unit, at, FAKE_INVALIDATE)->descriptor;

	assert_int_equal(vtd_descriptor_type(d), VTD_DESCRIPTOR_IOTLB);
	assert_int_equal(vtd_descriptor_granularity(d), granularity);
	assert_int_equal(vtd_descriptor_domain_id(d), domain_id);
}

void fake_expect_pages(struct fake_vtd *unit, unsigned int *at, uint16_t domain_id,
		       uint64_t address, unsigned int mask, bool hint)
{
	const struct vtd_descriptor d = next_event(unit, at, FAKE_INVALIDATE)->descriptor;

	assert_int_equal(vtd_descriptor_type(d), VTD_DESCRIPTOR_IOTLB);
	assert_int_equal(vtd_descriptor_granularity(d), VTD_GRANULARITY_PAGE);
	assert_int_equal(vtd_descriptor_domain_id(d), domain_id);
	assert_int_equal(d.high, address | mask | (hint ? VTD_IOTLB_HINT : 0));
}

void fake_expect_no_more(struct fake_vtd *unit, unsigned int at)
{
	assert_int_equal(unit->event_count, at);
}

void fake_fault(struct fake_vtd *unit, unsigned int index, uint16_t source_id, uint64_t address,
		unsigned int reason, bool read)
{
	if ((unit->fsts & VTD_FSTS_PPF) == 0)
		unit->fsts = (unit->fsts & 0xffff00ffU) | index << 8;
	unit->faults[index][0] = address & ~0xfffULL;
	unit->faults[index][1] =
		VTD_FAULT_F | (read ? 1ULL << 62 : 0) | (uint64_t)reason << 32 | source_id;
	unit->fsts |= VTD_FSTS_PPF;
}
