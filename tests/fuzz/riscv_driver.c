/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V driver, called in any order while allocations fail at random and hardware fails, on
 * two units, with devices that keep translations of any PASID until they are told to forget them,
 * guests' tables and directories of processes, and interrupt files.
 *
 * The oracle is that of return values: after a call that returned 0 a device reaches only frames
 * that are, or may be, mapped in a domain that it was, or may have been, told to use, by the unit
 * or by what it keeps; messages arrive only at pages that a file leads to; a unit that is off lets
 * nothing pass; what a map that returned 0 has mapped is reached as long as nothing has failed; and
 * hardware reads no page that was given back.
 */
#include <iommu_hosted.h>
#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_device_directory.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_process_directory.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/iommu.h>
#include <libiommu/riscv.h>

#include "base/byteorder.h"
#include "fuzz.h"
#include "test_contract.h"

#define UNITS      2U
#define DEVICES    3U /* the last one is behind the second unit */
#define OWN        4U /* domains with tables of the library's, … */
#define NESTED     4U /* … a guest's table, … */
#define PROCESSES  5U /* … a guest's directory of processes, … */
#define SVA        6U /* … and a table of the host's */
#define DOMAINS    7U
#define PASIDS     5U /* the first is none, and the last PASID 0, which is served as none is */
#define WITH_0     (1U << 31)
#define SLOTS      24U
#define FRAMES     32U
#define KEPT       24U
#define FILES      2U
#define ARENA      (16UL << 20)
#define MEMORY     0x80000000ULL
#define REGISTERS  0x3010000ULL
#define BASE       (1ULL << 30)  /* of the slots */
#define GUEST      0x10000000ULL /* where a guest has its tables */
#define GUEST_FILE 0x28000000ULL
#define FILE_PAGE  0x24000000ULL
#define PAGE       IOMMU_PAGE_SIZE
#define RW         IOMMU_PROT_READ_WRITE
#define OPERATIONS 96U

/* The guest's processes have 0, 1 and 5. */
static const uint32_t pasids[PASIDS] = {0, 1, 5, 300, WITH_0};

/* A translation that a device keeps. */
struct kept {
	bool used, is_guest_address;
	uint32_t pasid;
	uint64_t address, size;
	iommu_paddr_t paddr;
};

struct device {
	unsigned int unit;
	uint32_t id;
	struct iommu_endpoint *endpoint; /* NULL: not there */
	struct iommu_group *group;
	struct kept kept[KEPT];
	unsigned int next;
	bool silent;
	bool is_ats_off; /* in the device */
	/* Domains that it, or a PASID, was told to use; and the one that it uses for certain. */
	unsigned int told[PASIDS];
	unsigned int uses; /* 1 + the domain; 0: unknown, or none */
	struct iommu_pasid_handle handles[PASIDS][2];
	unsigned int handle[PASIDS];
};

static struct {
	struct fuzz_bytes input;
	struct iommu_hosted hosted, models[UNITS];
	struct iommu_platform platform;
	bool is_page[ARENA / PAGE]; /* … that is handed out */
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	void (*free_pages)(void *ctx, void *pages, unsigned int order);
	struct iommu_model_riscv *model[UNITS];
	struct iommu *iommu;
	struct iommu_unit *unit[UNITS];
	bool is_off[UNITS], is_asleep[UNITS];
	struct device devices[DEVICES];
	void *frame_pages, *table_pages;
	iommu_paddr_t frames, guest, host;
	struct iommu_domain *domains[DOMAINS];
	unsigned int parent[DOMAINS];
	uint32_t may[DOMAINS][SLOTS];
	uint8_t sure[DOMAINS][SLOTS];
	/* An unmap, or a map that was taken back, was not confirmed. */
	bool is_open[DOMAINS][SLOTS];
	bool is_identity[DOMAINS], has_files[DOMAINS];
	uint32_t file_may[DOMAINS][FILES];
	bool is_troubled;
	unsigned int odds; /* of an allocation: fails once in so many; 0: never */
	uint64_t now;
} t;

static unsigned int below(unsigned int bound)
{
	return fuzz_below(&t.input, bound);
}

static int seen(int status)
{
	FUZZ_CHECK(status <= 0);
	if (status == IOMMU_ETIMEDOUT || status == IOMMU_EIO || status == IOMMU_ENOMEM)
		t.is_troubled = true;
	return status;
}

static bool is_open(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/* --- The machine ------------------------------------------------------------------------------ */

static bool is_memory(iommu_paddr_t paddr, size_t size)
{
	if (paddr < MEMORY || paddr - MEMORY > ARENA - size)
		return false;
	FUZZ_CHECK(t.is_page[(paddr - MEMORY) / PAGE]);
	return true;
}

static bool read_memory(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&t.platform, paddr), size);
	return true;
}

static bool write_memory(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size))
		return false;
	memcpy(iommu_phys_to_virt(&t.platform, paddr), bytes, size);
	return true;
}

static bool compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired)
{
	uint64_t *at = iommu_phys_to_virt(&t.platform, paddr);

	(void)ctx;
	if (!is_memory(paddr, 8) || *at != iommu_le64(expected))
		return false;
	*at = iommu_le64(desired);
	return true;
}

static bool set_bits(void *ctx, iommu_paddr_t paddr, uint64_t bits, uint64_t *before)
{
	uint64_t *at = iommu_phys_to_virt(&t.platform, paddr);

	(void)ctx;
	if (!is_memory(paddr, 8))
		return false;
	*before = iommu_le64(*at);
	*at |= iommu_le64(bits);
	return true;
}

static void answer(void *ctx, const struct iommu_model_riscv_page_answer *what)
{
	(void)ctx;
	(void)what;
}

static void misuse(void *ctx, const char *text)
{
	(void)ctx;
	/* A driver that has given up to wait for a switch goes on. */
	if (t.is_troubled)
		return;
	fprintf(stderr, "# %s\n", text);
	FUZZ_CHECK(false);
}

static uint32_t pasid_of(const struct iommu_model_riscv_invalidation *what)
{
	if (!what->has_process)
		return 0;
	return what->process_id != 0 ? what->process_id : WITH_0;
}

static bool overlaps(const struct kept *kept, const struct iommu_model_riscv_invalidation *what)
{
	return !what->has_range || what->size == 0 ||
	       (kept->address <= what->address + (what->size - 1) &&
		what->address <= kept->address + (kept->size - 1));
}

/* What a device keeps, it forgets when it is told. */
static bool invalidate(void *ctx, const struct iommu_model_riscv_invalidation *what)
{
	const unsigned int unit = (unsigned int)((struct iommu_hosted *)ctx - t.models);
	unsigned int i, n;

	if (what->type != IOMMU_MODEL_RISCV_DEVICE_TLB)
		return true;
	for (i = 0; i < DEVICES; i++) {
		struct device *device = &t.devices[i];

		if (device->unit != unit || device->id != what->device_id)
			continue;
		if (device->silent)
			return false;
		for (n = 0; n < KEPT; n++)
			if ((what->all_processes ? device->kept[n].pasid != 0
						 : device->kept[n].pasid == pasid_of(what)) &&
			    overlaps(&device->kept[n], what))
				device->kept[n].used = false;
	}
	return true;
}

/* --- The driver's services -------------------------------------------------------------------- */

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	void *pages;

	if (t.odds != 0 && below(t.odds) == 0)
		return NULL;
	pages = t.alloc_pages(ctx, order, node, flags);
	if (pages != NULL)
		memset(&t.is_page[(iommu_virt_to_phys(&t.platform, pages) - MEMORY) / PAGE], true,
		       (size_t)1 << order);
	return pages;
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	memset(&t.is_page[(iommu_virt_to_phys(&t.platform, pages) - MEMORY) / PAGE], false,
	       (size_t)1 << order);
	t.free_pages(ctx, pages, order);
}

static void *map_mmio(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	(void)size;
	test_contract_no_lock(ctx, "map_mmio");
	return (void *)(uintptr_t)paddr;
}

static void unmap_mmio(void *ctx, void *registers, uint64_t size)
{
	(void)registers;
	(void)size;
	test_contract_no_lock(ctx, "unmap_mmio");
}

static struct iommu_model_riscv *model_at(const volatile void *reg, uint64_t *offset)
{
	const uint64_t at = (uintptr_t)reg - REGISTERS;

	*offset = at % PAGE;
	return t.model[at / PAGE];
}

static uint32_t read32(void *ctx, const volatile void *reg)
{
	uint64_t offset;
	struct iommu_model_riscv *model = model_at(reg, &offset);

	(void)ctx;
	return (uint32_t)iommu_model_riscv_mmio_read(model, offset, 4);
}

static uint64_t read64(void *ctx, const volatile void *reg)
{
	uint64_t offset;
	struct iommu_model_riscv *model = model_at(reg, &offset);

	(void)ctx;
	return iommu_model_riscv_mmio_read(model, offset, 8);
}

static void write32(void *ctx, volatile void *reg, uint32_t value)
{
	uint64_t offset;
	struct iommu_model_riscv *model = model_at(reg, &offset);

	(void)ctx;
	iommu_model_riscv_mmio_write(model, offset, 4, value);
}

static void write64(void *ctx, volatile void *reg, uint64_t value)
{
	uint64_t offset;
	struct iommu_model_riscv *model = model_at(reg, &offset);

	(void)ctx;
	iommu_model_riscv_mmio_write(model, offset, 8, value);
}

/* Time passes with each look at it. */
static uint64_t now_ns(void *ctx)
{
	(void)ctx;
	return t.now += 20000000;
}

/* One thread alone: no lock is contended, so that what spins waits for hardware. */
static void relax(void *ctx)
{
	test_contract_no_lock(ctx, "relax");
}

static void no_log(void *ctx, enum iommu_log_level level, const char *text)
{
	(void)ctx;
	test_contract_log(level, text);
}

static void make_platform(void)
{
	FUZZ_CHECK(iommu_hosted_init(&t.hosted, NULL, ARENA, MEMORY) == 0);
	test_contract_hosted(&t.hosted);
	t.platform = t.hosted.platform;
	t.alloc_pages = t.platform.alloc_pages;
	t.free_pages = t.platform.free_pages;
	t.platform.alloc_pages = alloc_pages;
	t.platform.free_pages = free_pages;
	t.platform.map_mmio = map_mmio;
	t.platform.unmap_mmio = unmap_mmio;
	t.platform.mmio_read32 = read32;
	t.platform.mmio_read64 = read64;
	t.platform.mmio_write32 = write32;
	t.platform.mmio_write64 = write64;
	t.platform.now_ns = now_ns;
	t.platform.relax = relax;
	t.platform.log = no_log;
}

/* --- What may be ------------------------------------------------------------------------------ */

static bool may_reach_by(unsigned int d, uint64_t address, iommu_paddr_t paddr)
{
	const unsigned int slot = (unsigned int)((address - BASE) / PAGE);
	const uint64_t frame = (paddr - t.frames) / PAGE;

	if (t.is_identity[d])
		return paddr == address;
	if (d == NESTED || d == PROCESSES)
		d = t.parent[d];
	return frame < FRAMES && (t.may[d][slot] >> frame & 1) != 0;
}

static bool may_reach(const struct device *device, unsigned int pasid, uint64_t address,
		      iommu_paddr_t paddr)
{
	unsigned int told = device->told[pasid == PASIDS - 1 ? 0 : pasid], d;

	/* A guest's processes. */
	if (pasid == 1 || pasid == 2)
		told |= device->told[0] & 1U << PROCESSES;
	for (d = 0; d < DOMAINS; d++)
		if ((told >> d & 1) != 0 && may_reach_by(d, address, paddr))
			return true;
	return false;
}

static struct iommu_model_riscv_request request_of(const struct device *device, unsigned int pasid,
						   uint64_t address)
{
	return (struct iommu_model_riscv_request){
		.device_id = device->id,
		.has_process = pasid != 0,
		.process_id = pasids[pasid] & ~WITH_0,
		.address = address,
		.access = IOMMU_PROT_READ,
	};
}

static bool is_reached(const struct device *device, const struct iommu_model_riscv_request *request,
		       iommu_paddr_t *paddr)
{
	struct iommu_model_riscv_translation where;

	if (iommu_model_riscv_translate(t.model[device->unit], request, &where) != 0)
		return false;
	FUZZ_CHECK(!t.is_off[device->unit] && !t.is_asleep[device->unit]);
	*paddr = where.paddr;
	return true;
}

static void check_slot(const struct device *device, unsigned int pasid, unsigned int slot)
{
	const uint64_t address = BASE + slot * PAGE;
	const struct iommu_model_riscv_request request = request_of(device, pasid, address);
	const unsigned int d = device->uses - 1;
	iommu_paddr_t paddr = 0;
	const bool passes = is_reached(device, &request, &paddr);

	FUZZ_CHECK(!passes || may_reach(device, pasid, address, paddr));
	if (pasid != 0 || t.is_troubled || t.is_off[device->unit] || t.is_asleep[device->unit] ||
	    device->uses == 0 || t.sure[d][slot] == 0)
		return;
	FUZZ_CHECK(passes && paddr == t.frames + (t.sure[d][slot] - 1) * PAGE);
}

/* By what it keeps; a translated request may say the PASID, or not. */
static void check_kept(const struct device *device, const struct kept *kept)
{
	struct iommu_model_riscv_request request = request_of(device, 0, kept->paddr);
	unsigned int pasid = 0, with;
	iommu_paddr_t paddr;

	if (!kept->used)
		return;
	while (pasids[pasid] != kept->pasid)
		pasid++;
	request.type = IOMMU_MODEL_RISCV_TRANSLATED;
	for (with = 0; with < 2; with++) {
		request.has_process = with != 0 && pasid != 0;
		request.process_id = request.has_process ? kept->pasid & ~WITH_0 : 0;
		if (is_reached(device, &request, &paddr))
			FUZZ_CHECK(may_reach(device, pasid, kept->address, paddr));
	}
}

static void check_files(const struct device *device)
{
	struct iommu_model_riscv_message message;
	struct iommu_model_riscv_request request;
	unsigned int file, d;
	bool may = false;

	for (file = 0; file < FILES; file++) {
		request = request_of(device, 0, GUEST_FILE + file * PAGE);
		request.access = IOMMU_PROT_WRITE;
		if (iommu_model_riscv_interrupt(t.model[device->unit], &request, 1, &message) !=
			    0 ||
		    !message.is_due)
			continue;
		for (d = 0; d < DOMAINS; d++) {
			const unsigned int own = d == NESTED || d == PROCESSES ? t.parent[d] : d;

			if ((device->told[0] >> d & 1) == 0)
				continue;
			may = may || (t.is_identity[d] && message.address == request.address) ||
			      (message.address - FILE_PAGE < 32 * PAGE &&
			       (t.file_may[own][file] >> (message.address - FILE_PAGE) / PAGE &
				1) != 0);
		}
		FUZZ_CHECK(may);
	}
}

static void check(unsigned int round)
{
	unsigned int i, n;

	for (i = 0; i < DEVICES; i++) {
		const struct device *device = &t.devices[i];

		for (n = round % 4; n < SLOTS; n += 4)
			check_slot(device, 0, n);
		check_slot(device, 1 + round % (PASIDS - 1), round * 5 % SLOTS);
		for (n = 0; n < KEPT; n++)
			check_kept(device, &device->kept[n]);
		check_files(device);
	}
	test_contract_no_lock(&t.hosted, "a call");
}

/* --- Domains ---------------------------------------------------------------------------------- */

static void store(iommu_paddr_t at, uint64_t value)
{
	*(uint64_t *)iommu_phys_to_virt(&t.platform, at) = iommu_le64(value);
}

/* Three levels that lead slot n to `leaves` and n pages; tables are at `seen_at` for hardware. */
static void write_table(iommu_paddr_t at, uint64_t seen_at, uint64_t leaves)
{
	unsigned int slot;

	store(at + (BASE >> 30) * 8, riscv_pte_table(seen_at + PAGE));
	store(at + PAGE, riscv_pte_table(seen_at + 2 * PAGE));
	for (slot = 0; slot < SLOTS; slot++)
		store(at + 2 * PAGE + slot * 8ULL,
		      riscv_pte_leaf(leaves + slot * PAGE,
				     RISCV_PTE_READ | RISCV_PTE_WRITE | RISCV_PTE_USER |
					     RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY));
}

/* Of a guest: a table, and a directory whose processes all have it. Of the host: a table. */
static void write_tables(void)
{
	unsigned int i;

	t.frame_pages = t.platform.alloc_pages(t.platform.ctx, 5, IOMMU_NODE_ANY, 0);
	t.table_pages = t.platform.alloc_pages(t.platform.ctx, 3, IOMMU_NODE_ANY, 0);
	FUZZ_CHECK(t.frame_pages != NULL && t.table_pages != NULL);
	t.frames = iommu_virt_to_phys(&t.platform, t.frame_pages);
	t.guest = iommu_virt_to_phys(&t.platform, t.table_pages);
	t.host = t.guest + 4 * PAGE;
	write_table(t.guest, GUEST, BASE);
	write_table(t.host, t.host, t.frames);
	for (i = 0; i < 3; i++) {
		store(t.guest + 3 * PAGE + pasids[i] * 16ULL, riscv_process_ta(i, 0));
		store(t.guest + 3 * PAGE + pasids[i] * 16ULL + 8,
		      riscv_iosatp(RISCV_IOSATP_SV39, GUEST));
	}
}

static int make_own(unsigned int d, struct iommu_unit *unit)
{
	static const enum iommu_domain_type types[] = {IOMMU_DOMAIN_PAGING,  IOMMU_DOMAIN_PAGING,
						       IOMMU_DOMAIN_PAGING,  IOMMU_DOMAIN_PAGING,
						       IOMMU_DOMAIN_DMA,     IOMMU_DOMAIN_DMA,
						       IOMMU_DOMAIN_BLOCKED, IOMMU_DOMAIN_IDENTITY};
	const unsigned int type = below(8);
	const struct iommu_domain_config config = {
		.max_table_pages = below(8) == 0 ? 3 + below(8) : 0,
		.stage = (enum iommu_stage)below(3),
		.dirty_tracking = below(3) == 0,
		.nest_parent = below(2) == 0,
		.pgsize_bitmap = below(8) == 0 ? 4096 : 0,
	};
	int status;

	t.is_identity[d] = types[type] == IOMMU_DOMAIN_IDENTITY;
	status = seen(iommu_domain_alloc(unit, types[type], &config, &t.domains[d]));
	/* Where a guest would have its tables. */
	if (status == 0 && !t.is_identity[d] && config.nest_parent)
		(void)seen(iommu_map(t.domains[d], GUEST, t.guest, 4 * PAGE, RW));
	if (status == 0 && below(2) == 0)
		t.has_files[d] =
			iommu_riscv_set_files(t.domains[d], FILES - 1, GUEST_FILE / PAGE) == 0;
	return status;
}

static int make_foreign(unsigned int d, struct iommu_unit *unit)
{
	const struct iommu_riscv_first_stage table = {
		.root = d == PROCESSES
				? riscv_pdtp(RISCV_PDTP_PD8, GUEST + 3 * PAGE)
				: riscv_iosatp(RISCV_IOSATP_SV39, d == NESTED ? GUEST : t.host),
		.control = d == PROCESSES ? RISCV_TC_PDTV | RISCV_TC_DPE : 0,
		.process = d == NESTED ? 7 : 0,
	};
	struct iommu_domain_config config = {.user_data = &table, .user_size = sizeof(table)};
	unsigned int slot;
	int status;

	if (d != SVA) {
		t.parent[d] = below(OWN);
		config.parent = t.domains[t.parent[d]];
		if (config.parent == NULL)
			return IOMMU_ENOENT;
	}
	status = seen(iommu_domain_alloc(unit, d == SVA ? IOMMU_DOMAIN_SVA : IOMMU_DOMAIN_NESTED,
					 &config, &t.domains[d]));
	for (slot = 0; slot < SLOTS && status == 0 && d == SVA; slot++)
		t.may[d][slot] = 1U << slot;
	return status;
}

/* May a device have been told to use it? */
static bool is_told(unsigned int d)
{
	unsigned int i, pasid, told = 0;

	for (i = 0; i < DEVICES; i++)
		for (pasid = 0; pasid < PASIDS; pasid++)
			told |= t.devices[i].told[pasid];
	return (told >> d & 1) != 0;
}

static void make_domain(void)
{
	const unsigned int d = below(DOMAINS);
	struct iommu_unit *unit = t.unit[below(UNITS)];
	unsigned int i;

	if (t.domains[d] == NULL) {
		if ((d < OWN ? make_own(d, unit) : make_foreign(d, unit)) != 0)
			t.domains[d] = NULL;
		return;
	}
	/* That no device uses it is confirmed by what took the devices away, not by this. */
	if (is_told(d) || seen(iommu_domain_free(t.domains[d])) != 0)
		return;
	t.domains[d] = NULL;
	t.has_files[d] = false;
	memset(t.may[d], 0, sizeof(t.may[d]));
	memset(t.sure[d], 0, sizeof(t.sure[d]));
	memset(t.is_open[d], 0, sizeof(t.is_open[d]));
	memset(t.file_may[d], 0, sizeof(t.file_may[d]));
	for (i = 0; i < DEVICES; i++)
		if (t.devices[i].uses == d + 1)
			t.devices[i].uses = 0;
}

static unsigned int any_range(unsigned int *first)
{
	const unsigned int count = 1 + below(8);

	*first = below(SLOTS);
	return count < SLOTS - *first ? count : SLOTS - *first;
}

static void map(void)
{
	const unsigned int d = below(OWN);
	unsigned int first, i;
	const unsigned int count = any_range(&first), frame = below(FRAMES - count + 1);
	int status;

	if (t.domains[d] == NULL)
		return;
	status = seen(iommu_map(t.domains[d], BASE + first * PAGE, t.frames + frame * PAGE,
				count * PAGE, RW));
	for (i = 0; i < count && (status == 0 || is_open(status)); i++) {
		t.may[d][first + i] |= 1U << (frame + i);
		t.sure[d][first + i] = status == 0 ? (uint8_t)(frame + i + 1) : 0;
		t.is_open[d][first + i] |= status != 0;
	}
}

static void unmap(void)
{
	const unsigned int d = below(OWN);
	unsigned int first, i;
	const unsigned int count = any_range(&first);
	int status;

	if (t.domains[d] == NULL)
		return;
	status = seen(iommu_unmap(t.domains[d], BASE + first * PAGE, count * PAGE,
				  below(2) ? (unsigned int)IOMMU_UNMAP_SPLIT : 0U, NULL));
	for (i = first; i < first + count && (status == 0 || is_open(status)); i++) {
		t.sure[d][i] = 0;
		if (status != 0)
			t.is_open[d][i] = true;
		/* What an earlier call has left open is not this one's to confirm. */
		else if (!t.is_open[d][i])
			t.may[d][i] = 0;
	}
}

static void use_files(void)
{
	const unsigned int d = below(OWN), file = below(FILES), page = below(32);
	int status;

	if (t.domains[d] == NULL || !t.has_files[d])
		return;
	if (below(3) == 0) {
		status = seen(iommu_riscv_unmap_file(t.domains[d], file));
		if (status == 0)
			t.file_may[d][file] = 0;
		return;
	}
	status = seen(iommu_riscv_map_file(t.domains[d], file, FILE_PAGE + page * PAGE));
	if (status == 0)
		t.file_may[d][file] = 1U << page;
	else if (is_open(status))
		t.file_may[d][file] |= 1U << page;
}

static void use_domain(void)
{
	const struct riscv_command commands[] = {
		riscv_command_vma(), riscv_command_of_process(riscv_command_vma(), 7),
		riscv_command_inval_directories(), riscv_command_inval_process(8, pasids[2])};
	const struct riscv_command command = commands[below(4)];
	const struct iommu_riscv_invalidation request = {command.low, command.high};
	const unsigned int d = below(DOMAINS);
	uint64_t words[1] = {0};
	struct iommu_dirty_bitmap bitmap = {words, BASE, SLOTS, 12};
	unsigned int done;

	if (t.domains[d] == NULL)
		return;
	switch (below(4)) {
	case 0:
		(void)seen(iommu_domain_set_dirty_tracking(t.domains[d], fuzz_flag(&t.input)));
		break;
	case 1:
		(void)seen(iommu_domain_read_dirty(t.domains[d], BASE, SLOTS * PAGE, below(2),
						   &bitmap));
		break;
	case 2:
		(void)seen(iommu_domain_invalidate_user(t.domains[d], &request, sizeof(request), 1,
							&done));
		break;
	default:
		(void)seen(iommu_domain_invalidate_range(t.domains[d], BASE + below(SLOTS) * PAGE,
							 below(4) * PAGE));
		break;
	}
}

/* --- Devices ---------------------------------------------------------------------------------- */

static void ask(void)
{
	struct device *device = &t.devices[below(DEVICES)];
	const unsigned int pasid = below(PASIDS);
	const uint64_t address = BASE + below(SLOTS) * PAGE;
	struct iommu_model_riscv_request request = request_of(device, pasid, address);
	struct iommu_model_riscv_translation where;

	request.type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST;
	if (device->is_ats_off ||
	    iommu_model_riscv_translate(t.model[device->unit], &request, &where) != 0 ||
	    where.prot == 0)
		return;
	device->kept[device->next++ % KEPT] = (struct kept){
		.used = true,
		.is_guest_address = where.is_guest_address,
		.pasid = pasids[pasid],
		.address = address,
		.size = PAGE,
		.paddr = where.paddr & ~(PAGE - 1),
	};
}

static void attach(void)
{
	struct device *device = &t.devices[below(DEVICES)];
	const unsigned int d = below(DOMAINS);
	int status;

	if (device->endpoint == NULL)
		return;
	if (below(4) == 0) {
		status = seen(iommu_domain_detach_group(device->group));
		device->uses = 0;
		if (status == 0)
			device->told[0] = 0;
		return;
	}
	if (t.domains[d] == NULL)
		return;
	status = seen(iommu_domain_attach_group(t.domains[d], device->group));
	if (status == 0) {
		device->told[0] = 1U << d;
		device->uses = iommu_endpoint_is_in_reset(device->endpoint) ? 0 : d + 1;
	} else if (is_open(status)) {
		device->told[0] |= 1U << d;
		device->uses = 0;
	}
}

static void attach_pasid(void)
{
	struct device *device = &t.devices[below(DEVICES)];
	const unsigned int d = below(DOMAINS), pasid = 1 + below(PASIDS - 2);
	struct iommu_pasid_handle *next = &device->handles[pasid][!device->handle[pasid]];
	int status;

	if (device->endpoint == NULL || t.domains[d] == NULL)
		return;
	if (below(3) == 0) {
		status = seen(iommu_domain_detach_pasid(device->group, pasids[pasid]));
		if (status == 0)
			device->told[pasid] = 0;
		return;
	}
	status = seen(fuzz_flag(&t.input) ? iommu_domain_attach_pasid(t.domains[d], device->group,
								      pasids[pasid], next)
					  : iommu_domain_replace_pasid(t.domains[d], device->group,
								       pasids[pasid], next));
	if (status == 0) {
		device->told[pasid] = 1U << d;
		device->handle[pasid] = !device->handle[pasid];
	} else if (is_open(status)) {
		device->told[pasid] |= 1U << d;
	}
}

static int probe(unsigned int i)
{
	struct device *device = &t.devices[i];
	const struct iommu_endpoint_info info = {
		.source_id = (uint16_t)device->id,
		.segment = (uint16_t)device->unit,
		.device_tlb = true,
		.tlb_queue_depth = 8,
		.tlb_global_invalidate = i != 0,
		.max_pasids = 1U << 16,
		.page_requests = 8,
	};
	const int status = seen(iommu_probe_endpoint(t.iommu, &info, &device->endpoint));

	if (status == 0)
		device->group = iommu_endpoint_group(device->endpoint);
	else
		device->endpoint = NULL;
	return status;
}

static void release_or_probe(void)
{
	const unsigned int i = below(DEVICES);
	struct device *device = &t.devices[i];

	if (device->endpoint == NULL) {
		(void)probe(i);
		return;
	}
	device->uses = 0;
	if (seen(iommu_release_endpoint(device->endpoint)) != 0)
		return;
	/* Its ATS is off before that, and it keeps nothing. */
	memset(device->kept, 0, sizeof(device->kept));
	memset(device->told, 0, sizeof(device->told));
	memset(device->handle, 0, sizeof(device->handle));
	device->endpoint = NULL;
}

static void use_features(void)
{
	static const enum iommu_feature features[] = {IOMMU_FEATURE_PASID, IOMMU_FEATURE_ATS,
						      IOMMU_FEATURE_PAGE_REQUESTS};
	struct device *device = &t.devices[below(DEVICES)];
	const enum iommu_feature feature = features[below(3)];

	if (device->endpoint == NULL)
		return;
	if (below(3) != 0) {
		if (seen(iommu_endpoint_enable_feature(device->endpoint, feature)) == 0 &&
		    feature == IOMMU_FEATURE_ATS)
			device->is_ats_off = false;
		return;
	}
	/* In the device it is off before: it keeps nothing. */
	if (feature == IOMMU_FEATURE_ATS) {
		memset(device->kept, 0, sizeof(device->kept));
		device->is_ats_off = true;
	}
	(void)seen(iommu_endpoint_disable_feature(device->endpoint, feature));
}

/* What the host does to the device itself: it keeps nothing, and answers again. */
static void be_reset(struct device *device)
{
	memset(device->kept, 0, sizeof(device->kept));
	device->silent = false;
}

static void reset_device(void)
{
	struct device *device = &t.devices[below(DEVICES)];

	if (device->endpoint == NULL)
		return;
	device->uses = 0;
	if (iommu_endpoint_is_in_reset(device->endpoint)) {
		(void)seen(iommu_endpoint_reset_end(device->endpoint));
	} else if (below(2) == 0) {
		if (seen(iommu_endpoint_reset_begin(device->endpoint)) == 0)
			be_reset(device);
	} else {
		be_reset(device);
		if (seen(iommu_endpoint_was_reset(device->endpoint)) == 0)
			device->told[0] = 0;
	}
}

static void ask_for_page(void)
{
	const struct device *device = &t.devices[below(DEVICES)];
	const unsigned int pasid = below(PASIDS);
	const struct iommu_model_riscv_page_message request = {
		.device_id = device->id,
		.has_process = pasid != 0,
		.process_id = pasids[pasid] & ~WITH_0,
		.address = BASE + below(SLOTS) * PAGE,
		.access = RW,
		.group = (uint16_t)below(4),
		.is_last = fuzz_flag(&t.input),
	};

	(void)iommu_model_riscv_page_request(t.model[device->unit], &request);
}

/* --- Units ------------------------------------------------------------------------------------ */

static void use_units(void)
{
	const unsigned int u = below(UNITS);
	bool lost;

	switch (below(8)) {
	case 0:
		if (seen(iommu_unit_disable(t.unit[u])) == 0)
			t.is_off[u] = true;
		break;
	case 1:
	case 2:
		/* It resumes the unit, too. */
		t.is_off[u] = t.is_asleep[u] = false;
		(void)seen(iommu_unit_enable(t.unit[u]));
		break;
	case 3:
		/* If it fails, all are awake. */
		t.is_asleep[0] = t.is_asleep[1] = seen(iommu_suspend(t.iommu)) == 0;
		break;
	case 4:
		t.is_asleep[0] = t.is_asleep[1] = false;
		(void)seen(iommu_resume(t.iommu));
		break;
	case 5:
		(void)iommu_unit_handle_faults(t.unit[u], &lost);
		break;
	default:
		(void)iommu_unit_handle_page_requests(t.unit[u], &lost);
		break;
	}
}

static void misbehave(void)
{
	static const unsigned int registers[] = {0, 0, 0, RISCV_CQT, RISCV_DDTP, RISCV_CQCSR};
	const unsigned int how = fuzz_byte(&t.input);
	const struct iommu_model_riscv_faults faults = {
		.busy_delay = how & 1,
		.fence_delay = how >> 1 & 1,
		.stays_busy = (how & 0x0c) == 0x0c,
		.fences_hang = (how & 0x30) == 0x30,
		.commands_hang = (how & 0xc0) == 0xc0,
		.refuse_after = below(4) == 0 ? 1 + below(6) : 0,
		.fetch_fails_after = below(8) == 0 ? 1 + below(6) : 0,
		.gone = below(16) == 0,
		.deaf_register = registers[below(6)],
	};

	if (faults.deaf_register != 0 || faults.gone)
		t.is_troubled = true;
	iommu_model_riscv_misbehave(t.model[below(UNITS)], &faults);
	t.odds = below(4) == 0 ? 2 + below(16) : 0;
}

static void behave(void)
{
	const struct iommu_model_riscv_faults none = {0};
	unsigned int u;

	for (u = 0; u < UNITS; u++)
		iommu_model_riscv_misbehave(t.model[u], &none);
	t.odds = 0;
}

static void operate(void)
{
	switch (below(24)) {
	case 0:
	case 1:
		make_domain();
		break;
	case 2:
	case 3:
	case 4:
		map();
		break;
	case 5:
	case 6:
	case 7:
		unmap();
		break;
	case 8:
	case 9:
	case 10:
		attach();
		break;
	case 11:
	case 12:
		attach_pasid();
		break;
	case 13:
	case 14:
	case 15:
		ask();
		break;
	case 16:
		use_features();
		break;
	case 17:
		use_domain();
		break;
	case 18:
		use_files();
		break;
	case 19:
		reset_device();
		break;
	case 20:
		use_units();
		break;
	case 21:
		if (below(2) == 0)
			release_or_probe();
		else
			ask_for_page();
		break;
	case 22:
		misbehave();
		break;
	default:
		behave();
		t.devices[below(DEVICES)].silent = below(8) == 0;
		break;
	}
}

/* --- A run ------------------------------------------------------------------------------------ */

static void make_unit(unsigned int u)
{
	const unsigned int how = fuzz_byte(&t.input);
	const uint64_t all = RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 |
			     RISCV_CAP_SVPBMT | RISCV_CAP_MSI_FLAT | RISCV_CAP_MSI_MRIF |
			     RISCV_CAP_AMO_MRIF | RISCV_CAP_AMO_HWAD | RISCV_CAP_ATS |
			     RISCV_CAP_PD8 | RISCV_CAP_PD17 | 2ULL << 28;
	const struct iommu_model_riscv_config model = {
		.platform = &t.models[u].platform,
		.host = {.ctx = &t.models[u],
			 .read = read_memory,
			 .write = write_memory,
			 .set_bits = set_bits,
			 .compare_exchange = compare_exchange,
			 .page_answer = answer,
			 .misuse = misuse,
			 .invalidate = invalidate},
		.capabilities =
			(all &
			 ~((how & 1) != 0
				   ? RISCV_CAP_MSI_FLAT | RISCV_CAP_MSI_MRIF | RISCV_CAP_AMO_MRIF
				   : 0) &
			 ~((how & 6) == 6 ? RISCV_CAP_ATS : 0)) |
			((how & 8) != 0 ? RISCV_CAP_T2GPA : 0) |
			((how & 16) != 0 ? RISCV_CAP_S : 0) | ((how & 32) != 0 ? RISCV_CAP_NL : 0),
		.levels = (how & 64) != 0 ? 1U << 3 : 0,
		.strict = (how & 128) != 0 ? IOMMU_MODEL_RISCV_LAZY : 0,
		.cache_entries = SIZE_MAX,
	};
	const struct iommu_riscv_config config = {
		.registers = REGISTERS + u * PAGE,
		.segment = (uint16_t)u,
		.timeout_ns = 200000000,
		.device_timeout_ns = 400000000,
		.flags = fuzz_flag(&t.input) ? (unsigned int)IOMMU_RISCV_WIRES : 0,
	};
	struct iommu_model_riscv_config given = model;

	/* T2GPA is of units with ATS. */
	if ((given.capabilities & RISCV_CAP_ATS) == 0)
		given.capabilities &= ~RISCV_CAP_T2GPA;
	FUZZ_CHECK(iommu_hosted_init(&t.models[u], NULL, 8 << 20, 0) == 0);
	FUZZ_CHECK(iommu_model_riscv_create(&given, &t.model[u]) == 0);
	FUZZ_CHECK(iommu_riscv_add_unit(t.iommu, &config, &t.unit[u]) == 0);
}

static void begin_driver(void)
{
	unsigned int i;

	make_platform();
	write_tables();
	FUZZ_CHECK(iommu_create(&t.platform, &t.iommu) == 0);
	for (i = 0; i < UNITS; i++)
		make_unit(i);
	for (i = 0; i < DEVICES; i++) {
		t.devices[i].unit = i / 2;
		t.devices[i].id = 8 * (i + 1);
		FUZZ_CHECK(probe(i) == 0);
	}
	for (i = 0; i < UNITS; i++)
		FUZZ_CHECK(iommu_unit_enable(t.unit[i]) == 0);
	if (below(4) == 0)
		return;
	for (i = 0; i < DEVICES; i++)
		if (fuzz_flag(&t.input))
			(void)seen(iommu_endpoint_enable_feature(t.devices[i].endpoint,
								 IOMMU_FEATURE_PASID));
	for (i = 1 + below(4); i != 0; i--) {
		make_domain();
		map();
		attach();
		attach_pasid();
		ask();
	}
}

static void take_away(struct device *device)
{
	unsigned int pasid;

	for (pasid = 1; pasid < PASIDS - 1; pasid++)
		(void)iommu_domain_detach_pasid(device->group, pasids[pasid]);
	FUZZ_CHECK(iommu_domain_detach_group(device->group) == 0);
	FUZZ_CHECK(iommu_release_endpoint(device->endpoint) == 0);
}

/* By hardware that answers again, everything can be taken down. */
static void end_driver(void)
{
	unsigned int i, d;

	behave();
	for (i = 0; i < DEVICES; i++)
		t.devices[i].silent = false;
	if (t.is_asleep[0] || t.is_asleep[1])
		FUZZ_CHECK(iommu_resume(t.iommu) == 0);
	for (i = 0; i < UNITS; i++)
		FUZZ_CHECK(iommu_unit_enable(t.unit[i]) == 0);
	for (i = 0; i < DEVICES; i++)
		if (t.devices[i].endpoint != NULL)
			take_away(&t.devices[i]);
	/* What is nested goes before its parent. */
	for (d = DOMAINS; d-- != 0;)
		if (t.domains[d] != NULL)
			FUZZ_CHECK(iommu_domain_free(t.domains[d]) == 0);
	FUZZ_CHECK(iommu_destroy(t.iommu) == 0);
	t.platform.free_pages(t.platform.ctx, t.frame_pages, 5);
	t.platform.free_pages(t.platform.ctx, t.table_pages, 3);
	FUZZ_CHECK(t.hosted.pages_in_use == 0);
	for (i = 0; i < UNITS; i++) {
		iommu_model_riscv_destroy(t.model[i]);
		FUZZ_CHECK(t.models[i].pages_in_use == 0);
		iommu_hosted_destroy(&t.models[i]);
	}
	iommu_hosted_destroy(&t.hosted);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	unsigned int i;

	memset(&t, 0, sizeof(t));
	t.input = (struct fuzz_bytes){bytes, size};
	begin_driver();
	for (i = 0; i < OPERATIONS && !fuzz_is_done(&t.input); i++) {
		operate();
		check(i);
	}
	end_driver();
	return 0;
}
