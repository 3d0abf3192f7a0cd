/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SMMUv3 for guests of QEMU: registers, translation and saved state are libiommu's model; this
 * file is the plumbing between it and QEMU 10.0.
 *
 *	qemu-system-aarch64 -machine virt,iommu=smmuv3 [-global libiommu-smmu.ats=on …] -device …
 *
 * The machine makes it in place of QEMU's own unit, at the same address and with the same wires, so
 * that the device tree and the IORT of the machine describe it (README.md).
 *
 * For software emulation (TCG). Passed-through devices (vfio) need what is mapped, by
 * iommu_model_smmu_walk: docs/emulator.md. README.md of this folder has the licences of what is
 * linked.
 */
#include "qemu/osdep.h"

#include <libiommu/emulator.h>
#include <libiommu/hw/smmu_registers.h>

#include "exec/address-spaces.h"
#include "hw/boards.h"
#include "hw/irq.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "hw/sysbus.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/memalign.h"
#include "system/kvm.h"
#include "system/runstate.h"

#define TYPE_SMMU_UNIT   "libiommu-smmu"
#define TYPE_SMMU_MEMORY "libiommu-smmu-memory"
OBJECT_DECLARE_SIMPLE_TYPE(SmmuUnit, SMMU_UNIT)

#define REGISTERS_SIZE 0x20000
#define WIRES          4
#define QUEUE_ORDER    12
#define OWN_DEVICE_ID  0xffff /* of the unit's messages: of a bus that no device is on */
#define PAGE_MASK_4K   0xfffULL
#define TOP_BYTE       (0xffULL << 56)

/* A translation that is kept: the block [first, first + mask], at paddr. prot 0: none. */
typedef struct Kept {
	hwaddr first, mask, paddr;
	unsigned int prot;
	bool once; /* not to be kept: the device has a TLB, and did not learn it by a request */
} Kept;

#define KEPT 64

/* What one PCI function sees as memory: everything goes through the unit. */
typedef struct DeviceSpace {
	IOMMUMemoryRegion translated;
	AddressSpace as;
	SmmuUnit *unit;
	PCIBus *bus;
	int devfn;
	Kept kept[KEPT];
	bool is_device_tlb; /* what is kept came from translation requests */
	QLIST_ENTRY(DeviceSpace) next;
} DeviceSpace;

/* What the unit signals: a message, or an edge on a wire. */
typedef struct Signal {
	uint64_t address;
	uint32_t data;
	uint32_t wire; /* WIRES: a message */
} Signal;

struct SmmuUnit {
	SysBusDevice parent_obj;
	MemoryRegion registers;
	qemu_irq wires[WIRES];
	struct iommu_platform platform;
	struct iommu_model_smmu *model;
	QEMUBH *work; /* runs the rest of a long queue */
	/* Spaces, their kept translations, and the number of changes that the guest announced. */
	QemuMutex lock;
	QLIST_HEAD(, DeviceSpace) spaces;
	uint64_t changes;
	/* Signals while a state is loaded: interrupt controllers may come later. */
	GArray *held;
	/* Migration. */
	uint8_t *state, *held_state;
	uint32_t state_size, held_size;
	/* Properties. */
	PCIBus *bus;
	char *stage;
	uint32_t strict; /* enum iommu_model_smmu_strict */
	uint64_t forget_seed;
	bool has_first, has_second, has_ats, has_messages, has_ranges, has_levels, sets_dirty;
	bool keeps, is_deaf;
	/* Figures for "qom-get /machine/libiommu-smmu statistics". */
	uint64_t asked, reused, signals, device_tlbs, misuses;
};

/* --- What the model needs -------------------------------------------------------------------- */

/*
 * Guest memory, and nothing else: an access to a device's registers would run that device's code
 * from within the unit.
 */
static const MemTxAttrs memory_only = {.memory = 1};

/* 4 and 8 bytes are read by one load. */
static bool guest_read(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	MemTxResult result;

	if (size == 8) {
		const uint64_t value =
			address_space_ldq_le(&address_space_memory, paddr, memory_only, &result);

		stq_le_p(bytes, value);
	} else {
		result = address_space_read(&address_space_memory, paddr, memory_only, bytes, size);
	}
	return result == MEMTX_OK;
}

/* QEMU marks the page as dirty, for migration. */
static bool guest_write(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	return address_space_write(&address_space_memory, paddr, memory_only, bytes, size) ==
	       MEMTX_OK;
}

/* The guest memory at an address, for `size` bytes; NULL: there is none that can be written. */
static MemoryRegion *find_ram(iommu_paddr_t paddr, hwaddr wanted, hwaddr *offset)
{
	hwaddr size = wanted;
	MemoryRegion *region = address_space_translate(&address_space_memory, paddr, offset, &size,
						       true, memory_only);

	return size == wanted && memory_region_is_ram(region) && !region->readonly ? region : NULL;
}

/* Access flags and dirty state of the guest's tables. */
static bool guest_compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				   uint64_t desired)
{
	MemoryRegion *region;
	uint64_t *entry;
	hwaddr offset;

	RCU_READ_LOCK_GUARD();
	region = find_ram(paddr, 8, &offset);
	if (region == NULL)
		return false;
	entry = (uint64_t *)((uint8_t *)memory_region_get_ram_ptr(region) + offset);
	expected = cpu_to_le64(expected);
	if (qatomic_cmpxchg(entry, expected, cpu_to_le64(desired)) != expected)
		return false;
	memory_region_set_dirty(region, offset, 8);
	return true;
}

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	const size_t size = (size_t)IOMMU_PAGE_SIZE << order;
	void *pages = qemu_try_memalign(size, size);

	return pages != NULL ? memset(pages, 0, size) : NULL;
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	qemu_vfree(pages);
}

/* A guest can cause one with every store: the log is off unless the user asks for it. */
static void misuse(void *ctx, const char *text)
{
	SmmuUnit *s = ctx;

	qatomic_inc(&s->misuses);
	qemu_log_mask(LOG_GUEST_ERROR, TYPE_SMMU_UNIT ": %s\n", text);
}

/* A processor of TCG that waits for an event asks again by itself. */
static void send_event(void *ctx)
{
}

/* No device of QEMU 10.0 sends a page request through this interface. */
static void page_answer(void *ctx, const struct iommu_model_smmu_page_answer *answer)
{
}

/* --- Interrupts ------------------------------------------------------------------------------ */

static bool is_loading(void)
{
	return runstate_check(RUN_STATE_INMIGRATE) || runstate_check(RUN_STATE_RESTORE_VM);
}

/* A message's store, to an interrupt controller or to memory. */
static bool store_message(uint64_t address, uint32_t data)
{
	const MemTxAttrs own = {.requester_id = OWN_DEVICE_ID};
	MemTxResult result;

	address_space_stl_le(&address_space_memory, address, data, own, &result);
	return result == MEMTX_OK;
}

/* Interrupt controllers are under the big lock, which an I/O thread does not hold. */
static void send_signal(SmmuUnit *s, const Signal *signal)
{
	BQL_LOCK_GUARD();
	qatomic_inc(&s->signals);
	if (signal->wire == WIRES)
		(void)store_message(signal->address, signal->data);
	else
		qemu_irq_pulse(s->wires[signal->wire]);
}

static bool is_memory(uint64_t address)
{
	hwaddr offset;

	RCU_READ_LOCK_GUARD();
	return find_ram(address, 4, &offset) != NULL;
}

/* Memory is there before a unit's state is loaded: the completion of a CMD_SYNC is not held. */
static bool own_interrupt(void *ctx, uint64_t address, uint32_t data)
{
	const Signal signal = {.address = address, .data = data, .wire = WIRES};
	SmmuUnit *s = ctx;

	if (is_memory(address))
		return store_message(address, data);
	if (!is_loading()) {
		qatomic_inc(&s->signals);
		return store_message(address, data);
	}
	g_array_append_val(s->held, signal);
	return true;
}

/* The order of the machine's wires. */
static uint32_t number_of(enum iommu_model_smmu_wire wire)
{
	switch (wire) {
	case IOMMU_MODEL_SMMU_WIRE_EVENTS:
		return 0;
	case IOMMU_MODEL_SMMU_WIRE_REQUESTS:
		return 1;
	case IOMMU_MODEL_SMMU_WIRE_SYNC:
		return 2;
	case IOMMU_MODEL_SMMU_WIRE_ERRORS:
	default:
		return 3;
	}
}

static void own_wire(void *ctx, enum iommu_model_smmu_wire wire)
{
	const Signal signal = {.wire = number_of(wire)};
	SmmuUnit *s = ctx;

	if (is_loading())
		g_array_append_val(s->held, signal);
	else
		send_signal(s, &signal);
}

static void send_held(SmmuUnit *s)
{
	for (unsigned int i = 0; i < s->held->len; i++)
		send_signal(s, &g_array_index(s->held, Signal, i));
	g_array_set_size(s->held, 0);
}

/* --- Translation ----------------------------------------------------------------------------- */

/* The StreamID: the machine's tables map requester ids to themselves. */
static uint16_t stream_of(const DeviceSpace *space)
{
	/* The guest numbers buses: ask anew each time. */
	return PCI_BUILD_BDF(pci_bus_num(space->bus), space->devfn);
}

/* Whether the guest has enabled ATS in the function: then it keeps what it learns by requests. */
static bool has_device_tlb(const DeviceSpace *space)
{
	const PCIDevice *device = space->bus->devices[space->devfn];

	if (device == NULL || !pci_is_express(device) || device->exp.ats_cap == 0)
		return false;
	return pci_get_word(device->config + device->exp.ats_cap + PCI_ATS_CTRL) &
	       PCI_ATS_CTRL_ENABLE;
}

static Kept *kept_slot(DeviceSpace *space, hwaddr address)
{
	return &space->kept[(address >> 12) % KEPT];
}

static bool find_kept(DeviceSpace *space, hwaddr address, unsigned int access, Kept *found,
		      uint64_t *changes)
{
	const bool is_device_tlb = has_device_tlb(space);
	SmmuUnit *s = space->unit;

	QEMU_LOCK_GUARD(&s->lock);
	if (space->is_device_tlb != is_device_tlb) {
		memset(space->kept, 0, sizeof(space->kept));
		space->is_device_tlb = is_device_tlb;
	}
	*changes = s->changes;
	*found = *kept_slot(space, address);
	return s->keeps && access != 0 && (found->prot & access) == access &&
	       (address & ~found->mask) == found->first;
}

/* What was learnt before the guest's latest change is not kept. */
static void keep(DeviceSpace *space, hwaddr address, const Kept *learnt, uint64_t changes)
{
	SmmuUnit *s = space->unit;
	Kept *slot = kept_slot(space, address);

	QEMU_LOCK_GUARD(&s->lock);
	if (s->changes == changes)
		*slot = *learnt;
}

/*
 * A device with a TLB asks for a translation first. Where that allows too little it makes its
 * access all the same, so that the guest hears of it.
 */
static int ask_for(DeviceSpace *space, struct iommu_model_smmu_request *request,
		   struct iommu_model_smmu_translation *result)
{
	struct iommu_model_smmu *model = space->unit->model;

	/* No access: QEMU wants to know what there is, and no device sends anything. */
	if (request->access == 0)
		return iommu_model_smmu_peek(model, request, result);
	if (space->is_device_tlb) {
		request->type = IOMMU_MODEL_SMMU_TRANSLATION_REQUEST;
		if (iommu_model_smmu_translate(model, request, result) == 0 &&
		    (result->prot & request->access) == request->access)
			return 0;
		request->type = IOMMU_MODEL_SMMU_UNTRANSLATED;
	}
	return iommu_model_smmu_translate(model, request, result);
}

/*
 * Of the answer only the access that was asked for is handed on: a page that the device may write,
 * too, is not marked as dirty yet.
 */
static bool ask(DeviceSpace *space, hwaddr address, unsigned int access, Kept *learnt)
{
	struct iommu_model_smmu_request request = {
		.stream = stream_of(space), .address = address, .access = access};
	struct iommu_model_smmu_translation result;

	qatomic_inc(&space->unit->asked);
	if (ask_for(space, &request, &result) != 0)
		return false;
	learnt->mask = result.size - 1;
	learnt->first = address & ~learnt->mask;
	learnt->paddr = result.paddr & ~learnt->mask;
	learnt->prot = result.prot & (access != 0 ? access : IOMMU_PROT_READ_WRITE);
	learnt->once = space->is_device_tlb && request.type == IOMMU_MODEL_SMMU_UNTRANSLATED;
	return true;
}

static IOMMUTLBEntry translate(IOMMUMemoryRegion *region, hwaddr address, IOMMUAccessFlags flags,
			       int index)
{
	DeviceSpace *space = container_of(region, DeviceSpace, translated);
	const unsigned int access = (flags & IOMMU_RO ? IOMMU_PROT_READ : 0) |
				    (flags & IOMMU_WO ? IOMMU_PROT_WRITE : 0);
	uint64_t changes;
	Kept found;

	if (find_kept(space, address, access, &found, &changes))
		qatomic_inc(&space->unit->reused);
	else if (!ask(space, address, access, &found))
		found = (Kept){.first = address & ~PAGE_MASK_4K, .mask = PAGE_MASK_4K};
	else if (access != 0 && !found.once)
		keep(space, address, &found, changes);
	return (IOMMUTLBEntry){
		.target_as = &address_space_memory,
		.iova = found.first,
		.translated_addr = found.paddr,
		.addr_mask = found.mask,
		.perm = IOMMU_ACCESS_FLAG(found.prot & IOMMU_PROT_READ,
					  found.prot & IOMMU_PROT_WRITE),
	};
}

/* vhost follows invalidations. vfio needs what is mapped, too. */
static int listener_changed(IOMMUMemoryRegion *region, IOMMUNotifierFlag before,
			    IOMMUNotifierFlag now, Error **errp)
{
	if (!(now & IOMMU_NOTIFIER_MAP))
		return 0;
	error_setg(errp, TYPE_SMMU_UNIT " has no passed-through devices");
	return -ENOTSUP;
}

/* --- What the guest changes ------------------------------------------------------------------ */

/*
 * The range of a device's addresses that an invalidation names; otherwise everything. A range of
 * stage 2 says intermediate addresses.
 */
static void get_range(const struct iommu_model_smmu_invalidation *what, hwaddr *first, hwaddr *last)
{
	const bool is_range = what->has_range && what->size != 0 &&
			      (what->type == IOMMU_MODEL_SMMU_STAGE_1 ||
			       what->type == IOMMU_MODEL_SMMU_DEVICE_TLB);

	*first = is_range ? what->address : 0;
	*last = is_range ? what->address + (what->size - 1) : HWADDR_MAX;
}

/* A guest may have its unit ignore the top byte of addresses: so it is ignored here. */
static void forget(DeviceSpace *space, hwaddr first, hwaddr last)
{
	const bool is_whole = ((first ^ last) & TOP_BYTE) != 0;

	for (size_t i = 0; i < KEPT; i++) {
		Kept *kept = &space->kept[i];
		const hwaddr start = kept->first & ~TOP_BYTE;

		if (is_whole || kept->mask >= TOP_BYTE >> 8 ||
		    (start <= (last & ~TOP_BYTE) && start + kept->mask >= (first & ~TOP_BYTE)))
			kept->prot = 0;
	}
}

/* Blocks of a power of two, as listeners expect them. */
static void tell_listeners(DeviceSpace *space, IOMMUNotifierFlag type, hwaddr first, hwaddr last)
{
	while (true) {
		const uint64_t mask = dma_aligned_pow2_mask(first, last, 64);
		const IOMMUTLBEvent event = {.type = type,
					     .entry = {.target_as = &address_space_memory,
						       .iova = first,
						       .addr_mask = mask,
						       .perm = IOMMU_NONE}};

		memory_region_notify_iommu(&space->translated, 0, event);
		if (last - first <= mask)
			return;
		first += mask + 1;
	}
}

/*
 * What a device's TLB holds goes by commands for device TLBs, and by a switch of the unit; what
 * others keep, by all others. VMIDs and ASIDs are not told apart here.
 */
static bool concerns(const struct iommu_model_smmu_invalidation *what, const DeviceSpace *space)
{
	const uint16_t stream = stream_of(space);

	if (what->type == IOMMU_MODEL_SMMU_ENABLE || what->type == IOMMU_MODEL_SMMU_RESET)
		return true;
	if (space->is_device_tlb != (what->type == IOMMU_MODEL_SMMU_DEVICE_TLB))
		return false;
	return !what->has_streams || (stream >= what->first_stream && stream <= what->last_stream);
}

/*
 * The guest sees that its invalidation is complete when this has returned, and then uses the memory
 * for something else.
 *
 * Devices that are emulated under the big lock end what they do with an answer before the guest can
 * change anything. An I/O that QEMU has begun in guest memory goes on, as in other units of QEMU:
 * drivers invalidate after a device has reported the end.
 */
static bool invalidate(void *ctx, const struct iommu_model_smmu_invalidation *what)
{
	SmmuUnit *s = ctx;
	const bool by_device = what->type == IOMMU_MODEL_SMMU_DEVICE_TLB;
	hwaddr first, last;
	DeviceSpace *space;

	if (s->is_deaf)
		return true;
	get_range(what, &first, &last);
	BQL_LOCK_GUARD(); /* the list and its listeners */
	s->device_tlbs += by_device;
	WITH_QEMU_LOCK_GUARD(&s->lock) {
		s->changes++;
		QLIST_FOREACH(space, &s->spaces, next)
			if (concerns(what, space))
				forget(space, first, last);
	}
	QLIST_FOREACH(space, &s->spaces, next)
		if (concerns(what, space))
			tell_listeners(space,
				       by_device ? IOMMU_NOTIFIER_DEVIOTLB_UNMAP
						 : IOMMU_NOTIFIER_UNMAP,
				       first, last);
	return true;
}

/* --- Registers, and the queue ---------------------------------------------------------------- */

static uint64_t mmio_read(void *opaque, hwaddr offset, unsigned int size)
{
	SmmuUnit *s = opaque;

	return iommu_model_smmu_mmio_read(s->model, offset, size);
}

static void mmio_write(void *opaque, hwaddr offset, uint64_t value, unsigned int size)
{
	SmmuUnit *s = opaque;

	iommu_model_smmu_mmio_write(s->model, offset, size, value);
}

static const MemoryRegionOps register_ops = {
	.read = mmio_read,
	.write = mmio_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = {.min_access_size = 4, .max_access_size = 8},
	.impl = {.min_access_size = 4, .max_access_size = 8},
};

static void work_remains(void *ctx)
{
	SmmuUnit *s = ctx;

	qemu_bh_schedule(s->work);
}

/* While the guest is stopped its memory stays as it is. */
static void run_queue(void *opaque)
{
	SmmuUnit *s = opaque;

	if (runstate_is_running() && iommu_model_smmu_run(s->model))
		qemu_bh_schedule(s->work);
}

static void run_state_changed(void *opaque, bool is_running, RunState state)
{
	SmmuUnit *s = opaque;

	if (!is_running)
		return;
	send_held(s);
	qemu_bh_schedule(s->work);
}

/* --- Migration ------------------------------------------------------------------------------- */

/*
 * Signals that are held go with the state: a GICv3 is saved before the unit, and would not have
 * them.
 */
static int save_state(void *opaque)
{
	SmmuUnit *s = opaque;

	g_free(s->state);
	s->state_size = (uint32_t)iommu_model_smmu_save(s->model, NULL, 0);
	s->state = g_malloc(s->state_size);
	(void)iommu_model_smmu_save(s->model, s->state, s->state_size);
	g_free(s->held_state);
	s->held_size = s->held->len * sizeof(Signal);
	s->held_state = g_memdup2(s->held->data, s->held_size);
	return 0;
}

static int begin_load(void *opaque)
{
	SmmuUnit *s = opaque;

	g_clear_pointer(&s->state, g_free);
	g_clear_pointer(&s->held_state, g_free);
	g_array_set_size(s->held, 0);
	return 0;
}

/* What was held comes first, before what the unit signals when it goes on. */
static bool load_held(SmmuUnit *s)
{
	const uint32_t count = s->held_size / sizeof(Signal);

	if (s->held_size % sizeof(Signal) != 0)
		return false;
	g_array_append_vals(s->held, s->held_state, count);
	for (uint32_t i = 0; i < count; i++)
		if (g_array_index(s->held, Signal, i).wire > WIRES)
			return false;
	return true;
}

/* Devices are loaded after the unit, since they look for their rings by it. */
static int load_state(void *opaque, int version)
{
	SmmuUnit *s = opaque;

	if (!load_held(s))
		return -EINVAL;
	return iommu_model_smmu_restore(s->model, s->state, s->state_size) == 0 ? 0 : -EINVAL;
}

static const VMStateDescription saved_state = {
	.name = TYPE_SMMU_UNIT,
	.version_id = 1,
	.minimum_version_id = 1,
	.priority = MIG_PRI_IOMMU,
	.pre_save = save_state,
	.pre_load = begin_load,
	.post_load = load_state,
	.fields =
		(const VMStateField[]){
			VMSTATE_UINT32(state_size, SmmuUnit),
			VMSTATE_VBUFFER_ALLOC_UINT32(state, SmmuUnit, 1, NULL, state_size),
			VMSTATE_UINT32(held_size, SmmuUnit),
			VMSTATE_VBUFFER_ALLOC_UINT32(held_state, SmmuUnit, 1, NULL, held_size),
			VMSTATE_END_OF_LIST()},
};

/* --- The device ------------------------------------------------------------------------------ */

static AddressSpace *get_space(PCIBus *bus, void *opaque, int devfn)
{
	SmmuUnit *s = opaque;
	g_autofree char *name = NULL;
	DeviceSpace *space;

	QLIST_FOREACH(space, &s->spaces, next)
		if (space->bus == bus && space->devfn == devfn)
			return &space->as;
	space = g_new0(DeviceSpace, 1);
	space->unit = s;
	space->bus = bus;
	space->devfn = devfn;
	name = g_strdup_printf("%s-%02x.%x", TYPE_SMMU_UNIT, PCI_SLOT(devfn), PCI_FUNC(devfn));
	memory_region_init_iommu(&space->translated, sizeof(space->translated), TYPE_SMMU_MEMORY,
				 OBJECT(s), name, UINT64_MAX);
	address_space_init(&space->as, MEMORY_REGION(&space->translated), name);
	WITH_QEMU_LOCK_GUARD(&s->lock) {
		QLIST_INSERT_HEAD(&s->spaces, space, next);
	}
	return &space->as;
}

static uint64_t idr0_of(const SmmuUnit *s)
{
	return smmu_place(SMMU_IDR0_S1P, s->has_first) | smmu_place(SMMU_IDR0_S2P, s->has_second) |
	       smmu_place(SMMU_IDR0_TTF, SMMU_TTF_AARCH64) | smmu_place(SMMU_IDR0_COHACC, 1) |
	       smmu_place(SMMU_IDR0_HTTU, s->sets_dirty ? SMMU_HTTU_DIRTY : SMMU_HTTU_NONE) |
	       smmu_place(SMMU_IDR0_ATS, s->has_ats) | smmu_place(SMMU_IDR0_PRI, s->has_ats) |
	       smmu_place(SMMU_IDR0_ASID16, s->has_first) |
	       smmu_place(SMMU_IDR0_VMID16, s->has_second) |
	       smmu_place(SMMU_IDR0_MSI, s->has_messages) | smmu_place(SMMU_IDR0_SEV, 1) |
	       smmu_place(SMMU_IDR0_CD2L, s->has_first && s->has_levels) |
	       smmu_place(SMMU_IDR0_STALL, SMMU_STALL_NEVER) |
	       smmu_place(SMMU_IDR0_ST_LEVEL,
			  s->has_levels ? SMMU_ST_LEVEL_BOTH : SMMU_ST_LEVEL_LINEAR);
}

/* 16 bits of StreamIDs are the functions of one PCI segment; without levels, those of one bus. */
static uint64_t idr1_of(const SmmuUnit *s)
{
	return smmu_place(SMMU_IDR1_SIDSIZE, s->has_levels ? 16 : 6) |
	       smmu_place(SMMU_IDR1_CMDQS, QUEUE_ORDER) |
	       smmu_place(SMMU_IDR1_EVENTQS, QUEUE_ORDER) |
	       smmu_place(SMMU_IDR1_PRIQS, s->has_ats ? QUEUE_ORDER : 0) |
	       smmu_place(SMMU_IDR1_ATTR_PERMS_OVR, 1) | smmu_place(SMMU_IDR1_ATTR_TYPES_OVR, 1);
}

static uint64_t idr3_of(const SmmuUnit *s)
{
	return smmu_place(SMMU_IDR3_HAD, s->has_first) | smmu_place(SMMU_IDR3_XNX, s->has_second) |
	       smmu_place(SMMU_IDR3_RIL, s->has_ranges) | smmu_place(SMMU_IDR3_BBML, 2);
}

static bool make_model(SmmuUnit *s, Error **errp)
{
	const struct iommu_model_smmu_config config = {
		.platform = &s->platform,
		.host = {.ctx = s,
			 .read = guest_read,
			 .write = guest_write,
			 .compare_exchange = guest_compare_exchange,
			 .interrupt = own_interrupt,
			 .wire = own_wire,
			 .send_event = send_event,
			 .page_answer = page_answer,
			 .misuse = misuse,
			 .work_remains = work_remains,
			 .invalidate = invalidate},
		.idr0 = (uint32_t)idr0_of(s),
		.idr1 = (uint32_t)idr1_of(s),
		.idr3 = (uint32_t)idr3_of(s),
		.idr5 = (uint32_t)(smmu_place(SMMU_IDR5_OAS, smmu_address_size(48)) |
				   smmu_place(SMMU_IDR5_GRAN4K, 1) |
				   smmu_place(SMMU_IDR5_GRAN16K, 1) |
				   smmu_place(SMMU_IDR5_GRAN64K, 1)),
		.aidr = 2,
		.strict = s->strict,
		.forget_seed = s->forget_seed,
	};

	s->platform = (struct iommu_platform){.alloc_pages = alloc_pages, .free_pages = free_pages};
	if (iommu_model_smmu_create(&config, &s->model) == 0)
		return true;
	error_setg(errp, "the unit cannot be made so: properties contradict each other");
	return false;
}

static const PCIIOMMUOps pci_ops = {.get_address_space = get_space};

static void realize(DeviceState *dev, Error **errp)
{
	SmmuUnit *s = SMMU_UNIT(dev);

	if (kvm_enabled()) {
		error_setg(errp, TYPE_SMMU_UNIT " is for software emulation");
		return;
	}
	if (s->bus == NULL) {
		error_setg(errp, TYPE_SMMU_UNIT " needs a primary-bus");
		return;
	}
	qemu_mutex_init(&s->lock);
	s->held = g_array_new(false, false, sizeof(Signal));
	s->work = qemu_bh_new_guarded(run_queue, s, &dev->mem_reentrancy_guard);
	if (!make_model(s, errp))
		return;
	memory_region_init_io(&s->registers, OBJECT(s), &register_ops, s, TYPE_SMMU_UNIT,
			      REGISTERS_SIZE);
	sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->registers);
	for (size_t i = 0; i < WIRES; i++)
		sysbus_init_irq(SYS_BUS_DEVICE(s), &s->wires[i]);
	pci_setup_iommu(s->bus, &pci_ops, s);
	qemu_add_vm_change_state_handler(run_state_changed, s);
	/* A path to it, since the machine gives it no name. */
	object_property_add_const_link(qdev_get_machine(), TYPE_SMMU_UNIT, OBJECT(s));
}

/* The last phase: all devices have stopped by then. */
static void reset(Object *object, ResetType type)
{
	SmmuUnit *s = SMMU_UNIT(object);

	g_array_set_size(s->held, 0);
	iommu_model_smmu_reset(s->model);
}

static char *get_statistics(Object *object, Error **errp)
{
	SmmuUnit *s = SMMU_UNIT(object);
	struct iommu_model_smmu_stats stats;

	iommu_model_smmu_get_stats(s->model, &stats);
	return g_strdup_printf("asked=%" PRIu64 " reused=%" PRIu64 " translations=%" PRIu64
			       " walks=%" PRIu64 " first=%zu second=%zu commands=%" PRIu64
			       " events=%" PRIu64 " signals=%" PRIu64 " device-tlbs=%" PRIu64
			       " misuses=%" PRIu64,
			       s->asked, s->reused, stats.translations, stats.walks,
			       stats.cached_first, stats.cached_second, stats.commands,
			       stats.events, s->signals, s->device_tlbs, s->misuses);
}

#define STRICT(name, flag) DEFINE_PROP_BIT(name, SmmuUnit, strict, __builtin_ctz(flag), false)

static const Property properties[] = {
	/* What the machine says: its PCI bus. The stages are decided by the two below. */
	DEFINE_PROP_LINK("primary-bus", SmmuUnit, bus, TYPE_PCI_BUS, PCIBus *),
	DEFINE_PROP_STRING("stage", SmmuUnit, stage),
	DEFINE_PROP_BOOL("first-stage", SmmuUnit, has_first, true),
	DEFINE_PROP_BOOL("second-stage", SmmuUnit, has_second, true),
	DEFINE_PROP_BOOL("ats", SmmuUnit, has_ats, false),
	DEFINE_PROP_BOOL("messages", SmmuUnit, has_messages, true),
	DEFINE_PROP_BOOL("ranges", SmmuUnit, has_ranges, true),
	DEFINE_PROP_BOOL("levels", SmmuUnit, has_levels, true),
	DEFINE_PROP_BOOL("dirty", SmmuUnit, sets_dirty, true),
	STRICT("lazy", IOMMU_MODEL_SMMU_LAZY),
	STRICT("wild-reset", IOMMU_MODEL_SMMU_WILD_RESET),
	STRICT("no-groups", IOMMU_MODEL_SMMU_NO_GROUPS),
	STRICT("unordered", IOMMU_MODEL_SMMU_UNORDERED),
	DEFINE_PROP_UINT64("forget-seed", SmmuUnit, forget_seed, 0),
	/* Whether translations are kept with each device, as vhost does. */
	DEFINE_PROP_BOOL("keeps", SmmuUnit, keeps, true),
	/* A defect, as a control of tests: what is kept stays when the guest invalidates. */
	DEFINE_PROP_BOOL("x-deaf", SmmuUnit, is_deaf, false),
};

static void unit_class_init(ObjectClass *class, void *data)
{
	DeviceClass *dc = DEVICE_CLASS(class);

	RESETTABLE_CLASS(class)->phases.exit = reset;
	dc->realize = realize;
	dc->desc = "SMMUv3 (libiommu's model)";
	dc->user_creatable = false;
	dc->hotpluggable = false;
	dc->vmsd = &saved_state;
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
	device_class_set_props(dc, properties);
	object_class_property_add_str(class, "statistics", get_statistics, NULL);
}

static void memory_class_init(ObjectClass *class, void *data)
{
	IOMMUMemoryRegionClass *mc = IOMMU_MEMORY_REGION_CLASS(class);

	mc->translate = translate;
	mc->notify_flag_changed = listener_changed;
}

static const TypeInfo types[] = {
	{.name = TYPE_SMMU_UNIT,
	 .parent = TYPE_SYS_BUS_DEVICE,
	 .instance_size = sizeof(SmmuUnit),
	 .class_init = unit_class_init},
	{.name = TYPE_SMMU_MEMORY,
	 .parent = TYPE_IOMMU_MEMORY_REGION,
	 .class_init = memory_class_init},
};
DEFINE_TYPES(types)
