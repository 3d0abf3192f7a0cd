/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V driver (two_units.c has the calls, and the oracle): guests' tables and directories of
 * processes, and interrupt files, whose messages arrive only at pages that a file leads to.
 */
#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_device_directory.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_process_directory.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/riscv.h>

#include "two_units.h"

#define FILES      2U
#define GUEST_FILE 0x28000000ULL
#define FILE_PAGE  0x24000000ULL

const bool is_pasid_0_none = true;

static struct {
	struct iommu_model_riscv *model[UNITS];
	bool has_files[DOMAINS];
	uint32_t file_may[DOMAINS][FILES];
} r;

/* --- The machine ------------------------------------------------------------------------------ */

static bool set_bits(void *ctx, iommu_paddr_t paddr, uint64_t bits, uint64_t *before)
{
	uint64_t *at = iommu_phys_to_virt(&t.platform, paddr);

	(void)ctx;
	if (!read_memory(NULL, paddr, before, 8))
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

static bool invalidate(void *ctx, const struct iommu_model_riscv_invalidation *what)
{
	struct forgetting forgetting = {
		.unit = (unsigned int)((struct iommu_hosted *)ctx - t.models),
		.id = what->device_id,
		.all_pasids = what->all_processes,
		.address = what->address,
		.size = what->has_range ? what->size : 0,
	};

	if (what->type != IOMMU_MODEL_RISCV_DEVICE_TLB)
		return true;
	if (what->has_process)
		forgetting.pasid = what->process_id != 0 ? what->process_id : WITH_0;
	return forget(&forgetting);
}

uint64_t hardware_read(uint64_t at, unsigned int size)
{
	return iommu_model_riscv_mmio_read(r.model[at / PAGE], at % PAGE, size);
}

void hardware_write(uint64_t at, unsigned int size, uint64_t value)
{
	iommu_model_riscv_mmio_write(r.model[at / PAGE], at % PAGE, size, value);
}

bool hardware_translate(const struct asked *asked, struct found *found)
{
	static const enum iommu_model_riscv_request_type types[] = {
		IOMMU_MODEL_RISCV_UNTRANSLATED, IOMMU_MODEL_RISCV_TRANSLATION_REQUEST,
		IOMMU_MODEL_RISCV_TRANSLATED};
	const struct iommu_model_riscv_request request = {
		.device_id = asked->id,
		.type = types[asked->how],
		.has_process = asked->has_pasid,
		.process_id = asked->pasid,
		.address = asked->address,
		.access = asked->access,
	};
	struct iommu_model_riscv_translation where;

	if (iommu_model_riscv_translate(r.model[asked->unit], &request, &where) != 0)
		return false;
	*found = (struct found){where.paddr, where.prot};
	return true;
}

void hardware_ask_for_page(const struct asked *asked, unsigned int group, bool is_last)
{
	const struct iommu_model_riscv_page_message request = {
		.device_id = asked->id,
		.has_process = asked->has_pasid,
		.process_id = asked->pasid,
		.address = asked->address,
		.access = asked->access,
		.group = (uint16_t)group,
		.is_last = is_last,
	};

	(void)iommu_model_riscv_page_request(r.model[asked->unit], &request);
}

void hardware_check(const struct device *device)
{
	const struct iommu_model_riscv_request any = {.device_id = device->id,
						      .access = IOMMU_PROT_WRITE};
	struct iommu_model_riscv_message message;
	struct iommu_model_riscv_request request;
	unsigned int file, d;
	bool may = false;

	for (file = 0; file < FILES; file++) {
		request = any;
		request.address = GUEST_FILE + file * PAGE;
		if (iommu_model_riscv_interrupt(r.model[device->unit], &request, 1, &message) !=
			    0 ||
		    !message.is_due)
			continue;
		for (d = 0; d < DOMAINS; d++) {
			const unsigned int own = d == NESTED || d == PROCESSES ? t.parent[d] : d;

			if ((device->told[0] >> d & 1) == 0)
				continue;
			may = may || (t.is_identity[d] && message.address == request.address) ||
			      (message.address - FILE_PAGE < 32 * PAGE &&
			       (r.file_may[own][file] >> (message.address - FILE_PAGE) / PAGE &
				1) != 0);
		}
		FUZZ_CHECK(may);
	}
}

/* --- Domains ---------------------------------------------------------------------------------- */

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
void hardware_write_tables(void)
{
	unsigned int i;

	memset(&r, 0, sizeof(r));
	write_table(t.guest, GUEST, BASE);
	write_table(t.host, t.host, t.frames);
	for (i = 0; i < 3; i++) {
		store(t.guest + 3 * PAGE + pasids[i] * 16ULL, riscv_process_ta(i, 0));
		store(t.guest + 3 * PAGE + pasids[i] * 16ULL + 8,
		      riscv_iosatp(RISCV_IOSATP_SV39, GUEST));
	}
}

void hardware_made(unsigned int d)
{
	if (below(2) == 0)
		r.has_files[d] =
			iommu_riscv_set_files(t.domains[d], FILES - 1, GUEST_FILE / PAGE) == 0;
}

void hardware_gone(unsigned int d)
{
	r.has_files[d] = false;
	memset(r.file_may[d], 0, sizeof(r.file_may[d]));
}

enum iommu_domain_type hardware_foreign(unsigned int d, struct iommu_domain_config *config)
{
	static struct iommu_riscv_first_stage table;

	table = (struct iommu_riscv_first_stage){
		.root = d == PROCESSES
				? riscv_pdtp(RISCV_PDTP_PD8, GUEST + 3 * PAGE)
				: riscv_iosatp(RISCV_IOSATP_SV39, d == NESTED ? GUEST : t.host),
		.control = d == PROCESSES ? RISCV_TC_PDTV | RISCV_TC_DPE : 0,
		.process = d == NESTED ? 7 : 0,
	};
	config->user_data = &table;
	config->user_size = sizeof(table);
	return d == FOREIGN ? IOMMU_DOMAIN_SVA : IOMMU_DOMAIN_NESTED;
}

void hardware_request(unsigned int which, uint64_t request[2])
{
	const struct riscv_command commands[] = {
		riscv_command_vma(), riscv_command_of_process(riscv_command_vma(), 7),
		riscv_command_inval_directories(), riscv_command_inval_process(8, pasids[2])};

	request[0] = commands[which % 4].low;
	request[1] = commands[which % 4].high;
}

void hardware_call(void)
{
	const unsigned int d = below(OWN), file = below(FILES), page = below(32);
	int status;

	if (t.domains[d] == NULL || !r.has_files[d])
		return;
	if (below(3) == 0) {
		status = seen(iommu_riscv_unmap_file(t.domains[d], file));
		if (status == 0)
			r.file_may[d][file] = 0;
		return;
	}
	status = seen(iommu_riscv_map_file(t.domains[d], file, FILE_PAGE + page * PAGE));
	if (status == 0)
		r.file_may[d][file] = 1U << page;
	else if (is_open(status))
		r.file_may[d][file] |= 1U << page;
}

/* --- Units ------------------------------------------------------------------------------------ */

void hardware_slept(void)
{
}

void hardware_misbehave(void)
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
	iommu_model_riscv_misbehave(r.model[below(UNITS)], &faults);
}

void hardware_behave(unsigned int u)
{
	const struct iommu_model_riscv_faults none = {0};

	iommu_model_riscv_misbehave(r.model[u], &none);
}

void hardware_begin(unsigned int u)
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
		.timeout_ns = 3000000000,
		.device_timeout_ns = 6000000000,
		.flags = fuzz_flag(&t.input) ? (unsigned int)IOMMU_RISCV_WIRES : 0,
	};
	struct iommu_model_riscv_config given = model;

	/* T2GPA is of units with ATS. */
	if ((given.capabilities & RISCV_CAP_ATS) == 0)
		given.capabilities &= ~RISCV_CAP_T2GPA;
	FUZZ_CHECK(iommu_model_riscv_create(&given, &r.model[u]) == 0);
	FUZZ_CHECK(iommu_riscv_add_unit(t.iommu, &config, &t.unit[u]) == 0);
}

void hardware_end(unsigned int u)
{
	iommu_model_riscv_destroy(r.model[u]);
}
