/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts of processes, which are what PASIDs are to RISC-V, and the invalidations for changing
 * them: of the entry in the process directory, of the translations under the process id, and of the
 * device's TLB (specification as in context.c).
 *
 * With PASIDs the device context leads to a process directory, in which process 0 stands for
 * requests without a PASID; it is valid as long as one process is. A process context changes
 * through the not valid state, which hardware never caches.
 */
#include "riscv/process.h"

#include <libiommu/hw/riscv_process_directory.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/memory.h"
#include "riscv/command.h"
#include "riscv/directory.h"
#include "riscv/endpoint.h"
#include "riscv/unit.h"

#if IOMMU_CONFIG_SCALABLE

/* A device context that leads to the processes of an endpoint. */
static void lead_to_processes(const struct riscv_endpoint *endpoint, uint64_t *words)
{
	const struct riscv_processes *processes = endpoint->processes;

	memset(words, 0, RISCV_CONTEXT_WORDS * sizeof(*words));
	words[RISCV_CONTEXT_TC] =
		RISCV_TC_VALID | RISCV_TC_PDTV | RISCV_TC_DPE |
		(riscv_has(riscv_unit_behind(endpoint), RISCV_CAP_AMO_HWAD) ? RISCV_TC_SADE : 0);
	words[RISCV_CONTEXT_FSC] = riscv_pdtp(
		(enum riscv_process_directory_mode)processes->levels,
		iommu_virt_to_phys(endpoint->common.unit->platform, processes->common.root));
}

static void load_process(const iommu_cell_t *context, uint64_t *words)
{
	words[0] = iommu_le64(iommu_cell_load(&context[0]));
	words[1] = iommu_le64(iommu_cell_load(&context[1]));
}

static void store_process(iommu_cell_t *context, const uint64_t *words)
{
	iommu_cell_store(&context[1], iommu_le64(words[1]));
	iommu_cell_store_release(&context[0], iommu_le64(words[0]));
}

static void add_process(struct iommu_batch *batch, const uint64_t *words)
{
	if (riscv_root_mode(words[RISCV_PROCESS_FSC]) != RISCV_IOSATP_BARE)
		riscv_batch_add(batch,
				riscv_command_of_process(riscv_command_vma(),
							 riscv_ta_pscid(words[RISCV_PROCESS_TA])));
}

static void add_process_entries(struct iommu_batch *batch, const struct riscv_endpoint *endpoint,
				uint32_t pasid)
{
	unsigned int i;

	for (i = 0; i < endpoint->common.ids.count; i++)
		riscv_batch_add(batch,
				riscv_command_inval_process(endpoint->common.ids.ids[i], pasid));
}

/* On failure the device may hold translations that no later call invalidates. */
static int forget_process(struct riscv_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};
	int status;

	if (!iommu_driven_is_active(&endpoint->common)) {
		iommu_driven_tlb_suspect(&endpoint->common);
		return 0;
	}
	add_process_entries(&batch, endpoint, pasid);
	add_process(&batch, words);
	if (endpoint->common.device_tlb && !endpoint->common.tlb.unknown &&
	    iommu_driven_is_asked(&endpoint->common))
		iommu_riscv_batch_add_device(&batch, endpoint, pasid, 0, 64);
	status = iommu_driven_execute(&endpoint->common, &batch);
	if (status != 0)
		iommu_driven_tlb_suspect(&endpoint->common);
	return status;
}

static int clean_process_id(struct riscv_endpoint *endpoint, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};

	if (!iommu_driven_is_active(&endpoint->common) ||
	    !iommu_driven_may_know_ids(endpoint->common.unit))
		return 0;
	add_process(&batch, words);
	return iommu_driven_execute(&endpoint->common, &batch);
}

/* With the last process the way to them is closed. */
static int block_process(struct riscv_endpoint *endpoint, uint32_t pasid)
{
	iommu_cell_t *context = iommu_riscv_process_find(endpoint->processes, pasid);
	uint64_t words[RISCV_PROCESS_CONTEXT_WORDS];
	int status, drained, closed = 0;

	if (context == NULL)
		return 0;
	load_process(context, words);
	if ((words[0] & RISCV_PC_VALID) == 0)
		return 0;
	iommu_cell_store_release(&context[0], iommu_le64(words[0] & ~RISCV_PC_VALID));
	status = forget_process(endpoint, pasid, words);
	drained = iommu_driven_drain(&endpoint->common);
	if (--endpoint->present == 0)
		closed = iommu_riscv_context_write(endpoint, NULL);
	if (status == 0)
		status = drained;
	return status != 0 ? status : closed;
}

/* The table, and the way there. */
static int prepare_process(struct riscv_endpoint *endpoint, uint32_t pasid)
{
	uint64_t words[RISCV_CONTEXT_WORDS];
	int status = iommu_riscv_process_create(endpoint->processes, pasid);

	if (status == 0)
		status = iommu_driven_tlb_recover(&endpoint->common);
	if (status != 0)
		return status;
	iommu_riscv_context_load(endpoint, words);
	if (riscv_context_is_valid(words))
		return 0;
	lead_to_processes(endpoint, words);
	return iommu_riscv_context_write(endpoint, words);
}

/* Emulators that want it are told; what one does not confirm to have seen is taken away again. */
static int show_process(struct riscv_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	iommu_cell_t *context = iommu_riscv_process_find(endpoint->processes, pasid);
	struct iommu_batch batch = {.count = 0};
	int status;

	store_process(context, words);
	if (!riscv_tells_valid(riscv_unit_behind(endpoint)) ||
	    !iommu_driven_is_active(&endpoint->common))
		return 0;
	add_process_entries(&batch, endpoint, pasid);
	status = iommu_driven_execute(&endpoint->common, &batch);
	if (status == 0)
		return 0;
	iommu_cell_store_release(&context[0], iommu_le64(words[0] & ~RISCV_PC_VALID));
	(void)forget_process(endpoint, pasid, words);
	return status;
}

int iommu_riscv_process_set(struct riscv_endpoint *endpoint, uint32_t pasid,
			    const struct riscv_translation *translation)
{
	uint64_t words[RISCV_PROCESS_CONTEXT_WORDS], before[RISCV_PROCESS_CONTEXT_WORDS];
	iommu_cell_t *context;
	bool was_valid;
	int status;

	if (translation == NULL)
		return block_process(endpoint, pasid);
	if (translation->second_stage)
		return IOMMU_REFUSE_ENDPOINT(&endpoint->common, IOMMU_EOPNOTSUPP,
					     "its PASIDs are enabled, and the domain has a second "
					     "stage");
	words[RISCV_PROCESS_TA] =
		riscv_process_ta(riscv_ta_pscid(translation->words[RISCV_CONTEXT_TA]), 0);
	words[RISCV_PROCESS_FSC] = translation->words[RISCV_CONTEXT_FSC];
	status = iommu_driven_confirm(endpoint->common.unit);
	if (status == 0)
		status = prepare_process(endpoint, pasid);
	if (status != 0) {
		if (endpoint->present == 0)
			(void)iommu_riscv_context_write(endpoint, NULL);
		return status;
	}
	context = iommu_riscv_process_find(endpoint->processes, pasid);
	load_process(context, before);
	was_valid = (before[0] & RISCV_PC_VALID) != 0;
	if (was_valid) {
		iommu_cell_store_release(&context[0], 0);
		status = forget_process(endpoint, pasid, before);
		if (status == 0)
			status = iommu_driven_drain(&endpoint->common);
	}
	if (status == 0)
		status = iommu_driven_tlb_recover(&endpoint->common);
	if (status == 0)
		status = clean_process_id(endpoint, words);
	if (status == 0 && iommu_device_tlb_is_lost(&endpoint->common.tlb))
		status = IOMMU_EIO;
	if (status == 0)
		status = show_process(endpoint, pasid, words);
	if (status == 0)
		endpoint->present += !was_valid;
	else if (was_valid)
		store_process(context, before);
	else if (endpoint->present == 0)
		(void)iommu_riscv_context_write(endpoint, NULL);
	return status;
}

void iommu_riscv_process_put_back(struct riscv_endpoint *endpoint, uint32_t pasid,
				  const struct riscv_translation *translation)
{
	const uint64_t process[RISCV_PROCESS_CONTEXT_WORDS] = {
		riscv_process_ta(riscv_ta_pscid(translation->words[RISCV_CONTEXT_TA]), 0),
		translation->words[RISCV_CONTEXT_FSC],
	};
	uint64_t words[RISCV_CONTEXT_WORDS];

	store_process(iommu_riscv_process_find(endpoint->processes, pasid), process);
	endpoint->present++;
	iommu_riscv_context_load(endpoint, words);
	if (riscv_context_is_valid(words))
		return;
	lead_to_processes(endpoint, words);
	iommu_riscv_context_put(endpoint, words);
}

int iommu_riscv_pasids_enable(struct riscv_endpoint *endpoint,
			      const struct riscv_translation *translation)
{
	struct riscv_unit *unit = riscv_unit_behind(endpoint);
	uint64_t words[RISCV_CONTEXT_WORDS];
	unsigned int bits = 0;
	int status;

	while (bits < RISCV_PROCESS_ID_BITS && endpoint->common.base->info.max_pasids >> bits > 1)
		bits++;
	if (translation != NULL && translation->second_stage)
		return IOMMU_REFUSE_ENDPOINT(&endpoint->common, IOMMU_EOPNOTSUPP,
					     "its domain has a second stage");
	status = iommu_riscv_processes_alloc(unit, bits, &endpoint->processes);
	if (status == 0)
		iommu_device_tlb_set(&endpoint->common.tlb.tagged, true);
	if (status == 0 && translation != NULL) {
		const uint64_t process[RISCV_PROCESS_CONTEXT_WORDS] = {
			riscv_process_ta(riscv_ta_pscid(translation->words[RISCV_CONTEXT_TA]), 0),
			translation->words[RISCV_CONTEXT_FSC],
		};

		status = iommu_riscv_process_create(endpoint->processes, 0);
		if (status == 0) {
			store_process(iommu_riscv_process_find(endpoint->processes, 0), process);
			lead_to_processes(endpoint, words);
			status = iommu_riscv_context_write(endpoint, words);
		}
		endpoint->present = status == 0;
	}
	if (status != 0 && endpoint->processes != NULL) {
		iommu_driven_contexts_free(&endpoint->processes->common);
		endpoint->processes = NULL;
		iommu_device_tlb_set(&endpoint->common.tlb.tagged, false);
	}
	return status;
}

int iommu_riscv_pasids_disable(struct riscv_endpoint *endpoint,
			       const struct riscv_translation *translation)
{
	struct riscv_processes *processes = endpoint->processes;
	int status;

	if (processes == NULL)
		return 0;
	status = iommu_riscv_context_write(endpoint,
					   translation != NULL ? translation->words : NULL);
	/* What the device has of PASIDs is known as long as their directory is there. */
	if (status == 0)
		status = iommu_driven_tlb_empty(&endpoint->common);
	if (status != 0)
		return status;
	endpoint->processes = NULL;
	endpoint->present = 0;
	iommu_device_tlb_set(&endpoint->common.tlb.tagged, false);
	iommu_driven_contexts_free(&processes->common);
	return 0;
}

#endif

/* --- What a device keeps of them -------------------------------------------------------------- */

#if IOMMU_CONFIG_DEVICE_TLB

/* Was anything ever attached with this PASID? What is blocked keeps its process id. */
static bool was_used(const struct riscv_endpoint *endpoint, uint32_t pasid)
{
	const iommu_cell_t *context = iommu_riscv_process_find(endpoint->processes, pasid);

	return context != NULL && iommu_cell_load(&context[RISCV_PROCESS_TA]) != 0;
}

int iommu_riscv_processes_forget(struct riscv_endpoint *endpoint, struct iommu_batch *batch)
{
	const uint32_t count = 1U << riscv_process_id_bits(endpoint->processes->levels);
	uint32_t pasid;
	int status = 0;

	for (pasid = 1; pasid < count && status == 0; pasid++) {
		/* The next table, where there is none for this one. */
		if (iommu_riscv_process_find(endpoint->processes, pasid) == NULL)
			pasid |= (1U << RISCV_PROCESS_CONTEXT_BITS) - 1;
		if (iommu_device_tlb_is_lost(&endpoint->common.tlb) || !was_used(endpoint, pasid))
			continue;
		iommu_riscv_batch_add_device(batch, endpoint, pasid, 0, 64);
		if (!iommu_batch_has_room(batch))
			status = iommu_driven_execute(&endpoint->common, batch);
	}
	return status;
}

#endif
