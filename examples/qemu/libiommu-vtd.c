/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VT-d unit for guests of QEMU: registers, translation, interrupt remapping and saved state are
 * libiommu's model; this file is the plumbing between it and QEMU 10.0.
 *
 *	qemu-system-x86_64 -machine q35 -device libiommu-vtd,id=unit[,scalable=on,…] -device …
 *
 * For software emulation (TCG). What an emulator does beyond this file:
 *   - KVM with its own interrupt controller: routes, by iommu_model_vtd_peek_interrupt;
 *   - passed-through devices (vfio): mappings, by iommu_model_vtd_walk.
 * Both are in docs/emulator.md. README.md of this folder has the licences of what is linked.
 */
#include "qemu/osdep.h"

#include <libiommu/emulator.h>

#include "cpu.h"
#include "exec/address-spaces.h"
#include "hw/acpi/acpi.h"
#include "hw/i386/apic_internal.h"
#include "hw/i386/pc.h"
#include "hw/i386/x86-iommu.h"
#include "hw/pci/msi.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/config-file.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/memalign.h"
#include "qemu/option.h"
#include "system/kvm.h"
#include "system/runstate.h"

#define TYPE_VTD_UNIT   "libiommu-vtd"
#define TYPE_VTD_MEMORY "libiommu-vtd-memory"
OBJECT_DECLARE_SIMPLE_TYPE(VtdUnit, VTD_UNIT)

#define REGISTERS       0xfed90000
#define INTERRUPTS      0xfee00000 /* stores of a device to this MiB are messages */
#define INTERRUPTS_SIZE 0x100000
#define IOAPIC_SOURCE   0xff00 /* a bus that no device is on; the DMAR table says the same */
#define PAGE_MASK_4K    0xfffULL

/* A translation that is kept: the block [first, first + mask], at paddr. prot 0: none. */
typedef struct Kept {
	hwaddr first, mask, paddr;
	unsigned int prot;
} Kept;

#define KEPT 64

/*
 * What one PCI function, or the I/O APIC, sees as memory: everything goes through the unit, and on
 * top of that lies the range of interrupt messages.
 */
typedef struct DeviceSpace {
	IOMMUMemoryRegion translated;
	MemoryRegion interrupts, root;
	AddressSpace as;
	VtdUnit *unit;
	PCIBus *bus; /* NULL: the I/O APIC */
	int devfn;
	Kept kept[KEPT];
	QLIST_ENTRY(DeviceSpace) next;
} DeviceSpace;

struct VtdUnit {
	X86IOMMUState parent_obj;
	MemoryRegion registers;
	struct iommu_platform platform;
	struct iommu_model_vtd *model;
	QEMUBH *work; /* runs the rest of a long queue */
	/* Spaces, their kept translations, and the number of changes that the guest announced. */
	QemuMutex lock;
	QLIST_HEAD(, DeviceSpace) spaces;
	uint64_t changes;
	/* The unit's own messages while a state is loaded: interrupt controllers come later. */
	GArray *held;
	/* Migration. */
	uint8_t *state;
	uint32_t state_size;
	/* Properties. */
	uint32_t flags; /* enum iommu_model_vtd_flags */
	uint8_t address_width, pasid_bits;
	bool keeps, is_deaf;
	/* Figures for "qom-get unit statistics". */
	uint64_t asked, reused, interrupts, device_tlbs, misuses;
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
			address_space_ldq(&address_space_memory, paddr, memory_only, &result);

		memcpy(bytes, &value, 8);
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

/* Accessed and dirty bits of the guest's tables. */
static bool guest_compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected,
				   uint64_t desired)
{
	hwaddr offset, size = 8;
	MemoryRegion *region;
	uint64_t *entry;

	RCU_READ_LOCK_GUARD();
	region = address_space_translate(&address_space_memory, paddr, &offset, &size, true,
					 memory_only);
	if (size < 8 || !memory_region_is_ram(region) || region->readonly)
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
	VtdUnit *s = ctx;

	qatomic_inc(&s->misuses);
	qemu_log_mask(LOG_GUEST_ERROR, TYPE_VTD_UNIT ": %s\n", text);
}

/* --- Interrupts ------------------------------------------------------------------------------ */

/* Local APICs are under the big lock, which an I/O thread does not hold. */
static void send_message(MSIMessage message)
{
	BQL_LOCK_GUARD();
	apic_get_class(&error_abort)->send_msi(&message);
}

/* A message of the unit itself: it is not remapped. */
static void own_interrupt(void *ctx, uint64_t address, uint32_t data)
{
	VtdUnit *s = ctx;
	const MSIMessage message = {.address = address, .data = data};

	if (runstate_check(RUN_STATE_INMIGRATE) || runstate_check(RUN_STATE_RESTORE_VM))
		g_array_append_val(s->held, message);
	else
		send_message(message);
}

static void send_held(VtdUnit *s)
{
	for (unsigned int i = 0; i < s->held->len; i++)
		send_message(g_array_index(s->held, MSIMessage, i));
	g_array_set_size(s->held, 0);
}

static uint16_t source_id(const DeviceSpace *space)
{
	/* The guest numbers buses: ask anew each time. */
	return space->bus != NULL ? PCI_BUILD_BDF(pci_bus_num(space->bus), space->devfn)
				  : IOAPIC_SOURCE;
}

/* docs/emulator.md, "What comes out". */
static MSIMessage as_message(const struct iommu_model_interrupt *interrupt)
{
	const uint32_t low = interrupt->destination & 0xff;
	const uint64_t high = interrupt->destination & 0xffffff00U;

	if (interrupt->unchanged)
		return (MSIMessage){.address = interrupt->address, .data = interrupt->data};
	return (MSIMessage){
		.address = high << 32 | INTERRUPTS | low << 12 |
			   (uint32_t)interrupt->redirection_hint << 3 |
			   (uint32_t)interrupt->logical << 2,
		.data = interrupt->vector | (uint32_t)interrupt->delivery_mode << 8 |
			(interrupt->level ? 0xc000U : 0),
	};
}

static MemTxResult interrupt_write(void *opaque, hwaddr offset, uint64_t data, unsigned int size,
				   MemTxAttrs attrs)
{
	DeviceSpace *space = opaque;
	VtdUnit *s = space->unit;
	struct iommu_model_interrupt interrupt;

	if (iommu_model_vtd_interrupt(s->model, source_id(space), INTERRUPTS + offset,
				      (uint32_t)data, &interrupt) != 0)
		return MEMTX_ERROR;
	if (!interrupt.unchanged)
		qatomic_inc(&s->interrupts);
	send_message(as_message(&interrupt));
	return MEMTX_OK;
}

/* A read there is a fault, which the model records. */
static MemTxResult interrupt_read(void *opaque, hwaddr offset, uint64_t *data, unsigned int size,
				  MemTxAttrs attrs)
{
	DeviceSpace *space = opaque;
	const struct iommu_model_request request = {.source_id = source_id(space),
						    .address = INTERRUPTS + offset,
						    .access = IOMMU_PROT_READ};
	struct iommu_model_translation result;

	*data = UINT64_MAX;
	(void)iommu_model_vtd_translate(space->unit->model, &request, &result);
	return MEMTX_ERROR;
}

static const MemoryRegionOps interrupt_ops = {
	.read_with_attrs = interrupt_read,
	.write_with_attrs = interrupt_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = {.min_access_size = 4, .max_access_size = 4},
	.impl = {.min_access_size = 4, .max_access_size = 4},
};

/* --- Translation ----------------------------------------------------------------------------- */

static Kept *kept_slot(DeviceSpace *space, hwaddr address)
{
	return &space->kept[(address >> 12) % KEPT];
}

static bool find_kept(DeviceSpace *space, hwaddr address, unsigned int access, Kept *found,
		      uint64_t *changes)
{
	VtdUnit *s = space->unit;

	QEMU_LOCK_GUARD(&s->lock);
	*changes = s->changes;
	*found = *kept_slot(space, address);
	return s->keeps && access != 0 && (found->prot & access) == access &&
	       (address & ~found->mask) == found->first;
}

/* What was learnt before the guest's latest change is not kept. */
static void keep(DeviceSpace *space, hwaddr address, const Kept *learnt, uint64_t changes)
{
	VtdUnit *s = space->unit;
	Kept *slot = kept_slot(space, address);

	QEMU_LOCK_GUARD(&s->lock);
	if (s->changes == changes)
		*slot = *learnt;
}

/*
 * Of the answer only the access that was asked for is handed on: a page that the device may write,
 * too, is not marked as dirty yet.
 */
static bool ask(DeviceSpace *space, hwaddr address, unsigned int access, Kept *learnt)
{
	const struct iommu_model_request request = {
		.source_id = source_id(space), .address = address, .access = access};
	struct iommu_model_vtd *model = space->unit->model;
	struct iommu_model_translation result;
	int status;

	qatomic_inc(&space->unit->asked);
	/* No access: QEMU wants to know what there is, and no device sends anything. */
	status = access != 0 ? iommu_model_vtd_translate(model, &request, &result)
			     : iommu_model_vtd_peek(model, &request, &result);
	if (status != 0)
		return false;
	learnt->mask = result.size - 1;
	learnt->first = address & ~learnt->mask;
	learnt->paddr = result.paddr & ~learnt->mask;
	learnt->prot = result.prot & (access != 0 ? access : IOMMU_PROT_READ_WRITE);
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
	else if (access != 0)
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
	error_setg(errp, TYPE_VTD_UNIT " has no passed-through devices");
	return -ENOTSUP;
}

/* --- What the guest changes ------------------------------------------------------------------ */

/* The range of an invalidation; everything, unless it names one. */
static void get_range(const struct iommu_model_invalidation *what, hwaddr *first, hwaddr *last)
{
	const bool is_range = what->granularity == IOMMU_MODEL_OF_RANGE && what->size != 0;

	*first = is_range ? what->address : 0;
	*last = is_range ? what->address + (what->size - 1) : HWADDR_MAX;
}

static void forget(DeviceSpace *space, hwaddr first, hwaddr last)
{
	for (size_t i = 0; i < KEPT; i++) {
		Kept *kept = &space->kept[i];

		if (kept->first <= last && kept->first + kept->mask >= first)
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

static bool concerns(const struct iommu_model_invalidation *what, const DeviceSpace *space)
{
	return what->type != IOMMU_MODEL_INVALIDATE_DEVICE_TLB ||
	       (source_id(space) & what->source_mask) == (what->source_id & what->source_mask);
}

/*
 * The guest sees that its invalidation is complete when this has returned, and then uses the memory
 * for something else. More may be forgotten than it asks for: domains are not told apart here.
 *
 * Devices that are emulated under the big lock end what they do with an answer before the guest can
 * change anything. An I/O that QEMU has begun in guest memory goes on, as in other units of QEMU:
 * drivers invalidate after a device has reported the end.
 */
static bool invalidate(void *ctx, const struct iommu_model_invalidation *what)
{
	VtdUnit *s = ctx;
	const bool by_device = what->type == IOMMU_MODEL_INVALIDATE_DEVICE_TLB;
	hwaddr first, last;
	DeviceSpace *space;

	if (s->is_deaf || what->type == IOMMU_MODEL_INVALIDATE_INTERRUPTS)
		return true;
	get_range(what, &first, &last);
	BQL_LOCK_GUARD(); /* the list and its listeners */
	s->device_tlbs += by_device;
	WITH_QEMU_LOCK_GUARD(&s->lock) {
		s->changes++;
		QLIST_FOREACH(space, &s->spaces, next)
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
	VtdUnit *s = opaque;

	return iommu_model_vtd_mmio_read(s->model, offset, size);
}

static void mmio_write(void *opaque, hwaddr offset, uint64_t value, unsigned int size)
{
	VtdUnit *s = opaque;

	iommu_model_vtd_mmio_write(s->model, offset, size, value);
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
	VtdUnit *s = ctx;

	qemu_bh_schedule(s->work);
}

/* While the guest is stopped its memory stays as it is. */
static void run_queue(void *opaque)
{
	VtdUnit *s = opaque;

	if (runstate_is_running() && iommu_model_vtd_run(s->model))
		qemu_bh_schedule(s->work);
}

static void run_state_changed(void *opaque, bool is_running, RunState state)
{
	VtdUnit *s = opaque;

	if (!is_running)
		return;
	send_held(s);
	qemu_bh_schedule(s->work);
}

/* --- Migration ------------------------------------------------------------------------------- */

static int save_state(void *opaque)
{
	VtdUnit *s = opaque;

	send_held(s);
	g_free(s->state);
	s->state_size = (uint32_t)iommu_model_vtd_save(s->model, NULL, 0);
	s->state = g_malloc(s->state_size);
	(void)iommu_model_vtd_save(s->model, s->state, s->state_size);
	return 0;
}

static int begin_load(void *opaque)
{
	VtdUnit *s = opaque;

	g_clear_pointer(&s->state, g_free);
	g_array_set_size(s->held, 0);
	return 0;
}

/* Devices are loaded after the unit, since they look for their rings by it. */
static int load_state(void *opaque, int version)
{
	VtdUnit *s = opaque;

	return iommu_model_vtd_restore(s->model, s->state, s->state_size) == 0 ? 0 : -EINVAL;
}

static const VMStateDescription saved_state = {
	.name = TYPE_VTD_UNIT,
	.version_id = 1,
	.minimum_version_id = 1,
	.priority = MIG_PRI_IOMMU,
	.pre_save = save_state,
	.pre_load = begin_load,
	.post_load = load_state,
	.fields = (const VMStateField[]){VMSTATE_UINT32(state_size, VtdUnit),
					 VMSTATE_VBUFFER_ALLOC_UINT32(state, VtdUnit, 1, NULL,
								      state_size),
					 VMSTATE_END_OF_LIST()},
};

/* --- The device ------------------------------------------------------------------------------ */

static AddressSpace *get_space(PCIBus *bus, void *opaque, int devfn)
{
	VtdUnit *s = opaque;
	g_autofree char *name = NULL;
	DeviceSpace *space;

	QLIST_FOREACH(space, &s->spaces, next)
		if (space->bus == bus && space->devfn == devfn)
			return &space->as;
	space = g_new0(DeviceSpace, 1);
	space->unit = s;
	space->bus = bus;
	space->devfn = devfn;
	name = g_strdup_printf("%s-%02x.%x", TYPE_VTD_UNIT, PCI_SLOT(devfn), PCI_FUNC(devfn));
	memory_region_init(&space->root, OBJECT(s), name, UINT64_MAX);
	memory_region_init_iommu(&space->translated, sizeof(space->translated), TYPE_VTD_MEMORY,
				 OBJECT(s), name, UINT64_MAX);
	memory_region_init_io(&space->interrupts, OBJECT(s), &interrupt_ops, space, name,
			      INTERRUPTS_SIZE);
	memory_region_add_subregion(&space->root, 0, MEMORY_REGION(&space->translated));
	memory_region_add_subregion_overlap(&space->root, INTERRUPTS, &space->interrupts, 1);
	address_space_init(&space->as, &space->root, name);
	WITH_QEMU_LOCK_GUARD(&s->lock) {
		QLIST_INSERT_HEAD(&s->spaces, space, next);
	}
	return &space->as;
}

/* The table by which the guest finds the unit. QEMU takes further tables as files. */
static bool add_dmar_table(VtdUnit *s, unsigned int width, Error **errp)
{
	const bool remaps = s->flags & IOMMU_MODEL_VTD_INTERRUPT_REMAPPING;
	const struct iommu_pci_hop none = {0};
	struct iommu_dmar_builder builder;
	g_autofree char *path = NULL;
	uint8_t table[256];
	QemuOpts *opts;
	int fd, size;
	bool is_written;

	iommu_dmar_begin(&builder, table, sizeof(table), width, remaps ? DMAR_FLAG_INTR_REMAP : 0);
	iommu_dmar_add_unit(&builder, 0, REGISTERS, iommu_model_vtd_register_space(s->model), true);
	iommu_dmar_add_scope(&builder, DMAR_SCOPE_IOAPIC, 0, IOAPIC_SOURCE >> 8, &none, 1);
	if (s->flags & IOMMU_MODEL_VTD_DEVICE_TLB)
		iommu_dmar_add_ports(&builder, 0, true);
	size = iommu_dmar_finish(&builder, "LIBIOM", "VTDMODEL");
	if (size < 0) {
		error_setg(errp, "DMAR: %s", builder.refusal);
		return false;
	}
	fd = g_file_open_tmp("dmar-XXXXXX", &path, NULL);
	if (fd < 0) {
		error_setg_errno(errp, errno, "DMAR: no temporary file");
		return false;
	}
	is_written = qemu_write_full(fd, table, (size_t)size) == size;
	if (close(fd) != 0 || !is_written) {
		error_setg_errno(errp, errno, "DMAR: %s", path);
		unlink(path);
		return false;
	}
	opts = qemu_opts_create(qemu_find_opts("acpi"), NULL, 0, &error_abort);
	qemu_opt_set(opts, "file", path, &error_abort);
	acpi_table_add(opts, errp);
	qemu_opts_del(opts);
	unlink(path);
	return *errp == NULL;
}

static bool make_model(VtdUnit *s, unsigned int width, Error **errp)
{
	const struct iommu_model_vtd_config config = {
		.platform = &s->platform,
		.host = {.ctx = s,
			 .read = guest_read,
			 .write = guest_write,
			 .compare_exchange = guest_compare_exchange,
			 .interrupt = own_interrupt,
			 .misuse = misuse,
			 .work_remains = work_remains,
			 .invalidate = invalidate},
		.flags = s->flags,
		.address_width = s->address_width,
		.pasid_bits = s->flags & IOMMU_MODEL_VTD_PASID ? s->pasid_bits : 0,
		.output_width = width,
	};

	s->platform = (struct iommu_platform){.alloc_pages = alloc_pages, .free_pages = free_pages};
	if (iommu_model_vtd_create(&config, &s->model) == 0)
		return true;
	error_setg(errp, "the unit cannot be made so: properties contradict each other");
	return false;
}

static const PCIIOMMUOps pci_ops = {.get_address_space = get_space};

static void realize(DeviceState *dev, Error **errp)
{
	ERRP_GUARD();
	VtdUnit *s = VTD_UNIT(dev);
	X86IOMMUState *x86 = X86_IOMMU_DEVICE(dev);
	X86MachineState *machine = X86_MACHINE(qdev_get_machine());
	const unsigned int width = X86_CPU(first_cpu)->phys_bits;

	if (kvm_enabled()) {
		error_setg(errp, TYPE_VTD_UNIT " is for software emulation");
		return;
	}
	/* Three of the flags are properties of every IOMMU of QEMU's PCs. */
	s->flags |= (x86_iommu_ir_supported(x86) ? IOMMU_MODEL_VTD_INTERRUPT_REMAPPING : 0) |
		    (x86->dt_supported ? IOMMU_MODEL_VTD_DEVICE_TLB : 0) |
		    (x86->pt_supported ? IOMMU_MODEL_VTD_PASS_THROUGH : 0);
	qemu_mutex_init(&s->lock);
	s->held = g_array_new(false, false, sizeof(MSIMessage));
	s->work = qemu_bh_new_guarded(run_queue, s, &dev->mem_reentrancy_guard);
	if (!make_model(s, width, errp) || !add_dmar_table(s, width, errp))
		return;
	memory_region_init_io(&s->registers, OBJECT(s), &register_ops, s, TYPE_VTD_UNIT,
			      iommu_model_vtd_register_space(s->model));
	sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->registers);
	sysbus_mmio_map(SYS_BUS_DEVICE(s), 0, REGISTERS);
	pci_setup_iommu(PC_MACHINE(machine)->pcibus, &pci_ops, s);
	machine->ioapic_as = get_space(NULL, s, 0);
	qemu_add_vm_change_state_handler(run_state_changed, s);
}

/* The last phase: all devices have stopped by then. */
static void reset(Object *object, ResetType type)
{
	VtdUnit *s = VTD_UNIT(object);

	g_array_set_size(s->held, 0);
	iommu_model_vtd_reset(s->model);
}

static char *get_statistics(Object *object, Error **errp)
{
	VtdUnit *s = VTD_UNIT(object);
	struct iommu_model_vtd_stats stats;

	iommu_model_vtd_get_stats(s->model, &stats);
	return g_strdup_printf("asked=%" PRIu64 " reused=%" PRIu64 " walks=%" PRIu64
			       " descriptors=%" PRIu64 " faults=%" PRIu64 " interrupts=%" PRIu64
			       " device-tlbs=%" PRIu64 " misuses=%" PRIu64,
			       s->asked, s->reused, stats.walks, stats.descriptors, stats.faults,
			       s->interrupts, s->device_tlbs, s->misuses);
}

#define FLAG(name, flag) DEFINE_PROP_BIT(name, VtdUnit, flags, __builtin_ctz(flag), false)

static const Property properties[] = {
	DEFINE_PROP_UINT8("address-width", VtdUnit, address_width, 48),
	DEFINE_PROP_UINT8("pasid-bits", VtdUnit, pasid_bits, 20),
	FLAG("caching-mode", IOMMU_MODEL_VTD_CACHING_MODE),
	FLAG("no-queue", IOMMU_MODEL_VTD_NO_QUEUE),
	FLAG("no-pages", IOMMU_MODEL_VTD_NO_PAGES),
	FLAG("snoop-control", IOMMU_MODEL_VTD_SNOOP_CONTROL),
	FLAG("x2apic", IOMMU_MODEL_VTD_X2APIC),
	FLAG("scalable", IOMMU_MODEL_VTD_SCALABLE),
	FLAG("no-second-stage", IOMMU_MODEL_VTD_NO_SECOND_STAGE),
	FLAG("first-stage", IOMMU_MODEL_VTD_FIRST_STAGE),
	FLAG("first-stage-5", IOMMU_MODEL_VTD_FIRST_STAGE_5),
	FLAG("nested", IOMMU_MODEL_VTD_NESTED),
	FLAG("dirty", IOMMU_MODEL_VTD_DIRTY),
	FLAG("pasid", IOMMU_MODEL_VTD_PASID),
	/* Whether translations are kept with each device, as vhost does. */
	DEFINE_PROP_BOOL("keeps", VtdUnit, keeps, true),
	/* A defect, as a control of tests: what is kept stays when the guest invalidates. */
	DEFINE_PROP_BOOL("x-deaf", VtdUnit, is_deaf, false),
};

static void unit_class_init(ObjectClass *class, void *data)
{
	DeviceClass *dc = DEVICE_CLASS(class);

	X86_IOMMU_DEVICE_CLASS(class)->realize = realize;
	RESETTABLE_CLASS(class)->phases.exit = reset;
	dc->desc = "VT-d unit (libiommu's model)";
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
	{.name = TYPE_VTD_UNIT,
	 .parent = TYPE_X86_IOMMU_DEVICE,
	 .instance_size = sizeof(VtdUnit),
	 .class_init = unit_class_init},
	{.name = TYPE_VTD_MEMORY,
	 .parent = TYPE_IOMMU_MEMORY_REGION,
	 .class_init = memory_class_init},
};
DEFINE_TYPES(types)
