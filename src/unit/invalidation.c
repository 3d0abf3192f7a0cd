/* SPDX-License-Identifier: BSD-2-Clause */
/* Executing batches of commands, with devices in them that may not answer. */
#include "unit/invalidation.h"

#include <libiommu/status.h>

#include "base/trace.h"

/* Times that a batch is repeated because some device did not answer. */
#define REPEATS_MAX 64
/* Times that a device may be the only one asked, and not answer, where hardware gives no names. */
#define SUSPICION_MAX 3

void iommu_device_tlb_drain(const struct iommu_device_tlb *device,
			    const struct iommu_platform *platform)
{
	while (IOMMU_CONFIG_DEVICE_TLB && __atomic_load_n(&device->users, __ATOMIC_ACQUIRE) != 0)
		if (platform->relax != NULL)
			platform->relax(platform->ctx);
}

int iommu_device_tlb_switch(struct iommu_device_tlb *device, bool on,
			    int (*tell)(struct iommu_device_tlb *device))
{
	int status;

	if (on == !device->off)
		return 0;
	iommu_device_tlb_set(&device->off, !on);
	device->unknown = false;
	status = tell(device);
	if (status != 0 && on) {
		iommu_device_tlb_set(&device->off, true);
		(void)tell(device);
	}
	return status;
}

void iommu_batch_hold(const struct iommu_batch *batch, unsigned int first)
{
	unsigned int i;

	for (i = first; i < batch->count; i++)
		if (batch->device[i] != NULL)
			__atomic_add_fetch(&batch->device[i]->users, 1, __ATOMIC_ACQUIRE);
}

void iommu_batch_let_go(const struct iommu_batch *batch)
{
	unsigned int i;

	for (i = 0; i < batch->count; i++)
		if (batch->device[i] != NULL)
			__atomic_sub_fetch(&batch->device[i]->users, 1, __ATOMIC_RELEASE);
}

#if IOMMU_CONFIG_TRACE
int iommu_batch_give_traced(struct iommu_unit *base, struct iommu_unit_state *unit,
			    const struct iommu_batch *batch, uint16_t *silent,
			    const struct iommu_batch_tracing *tracing)
{
	struct iommu_trace_event event = {.count = batch->count};
	unsigned int i;
	int status;

	for (i = 0; i < batch->count; i++)
		event.kinds |= (uint8_t)tracing->kind_of(batch->commands[i]);
	/* Answers to page requests are no invalidations. */
	if (event.kinds == 0)
		return tracing->give(unit, batch, silent);
	if (batch->domain != NULL) {
		event.domain = batch->domain->number;
		event.iova = batch->iova;
		event.size = batch->size;
	}
	iommu_trace_given(base, &event);
	status = tracing->give(unit, batch, silent);
	iommu_trace_done(base, &event, status);
	return status;
}
#endif

static unsigned int devices_in(const struct iommu_batch *batch)
{
	unsigned int devices = 0;
	unsigned int i;

	for (i = 0; IOMMU_CONFIG_DEVICE_TLB && i < batch->count; i++)
		devices += batch->device[i] != NULL;
	return devices;
}

/* --- Devices that do not answer --------------------------------------------------------------- */

/* Block a device, and have its entries forgotten in place of its TLB's. */
static void give_up(struct iommu_unit_state *unit, const struct iommu_batch_ops *ops,
		    struct iommu_batch *batch, unsigned int at)
{
	const struct iommu_command forget = ops->block(unit, batch->device[at]);
	unsigned int i;

	/* First of all the batch: nothing may be cached anew through the old entry. */
	for (i = at; i > 0; i--) {
		batch->commands[i] = batch->commands[i - 1];
		batch->device[i] = batch->device[i - 1];
	}
	batch->commands[0] = forget;
	batch->device[0] = NULL;
}

/* Devices that are known not to answer are not asked again: each would take its time to fail. */
static void give_up_the_lost(struct iommu_unit_state *unit, const struct iommu_batch_ops *ops,
			     struct iommu_batch *batch)
{
	unsigned int i;

	for (i = 0; IOMMU_CONFIG_DEVICE_TLB && i < batch->count; i++)
		if (batch->device[i] != NULL && iommu_device_tlb_is_lost(batch->device[i]))
			give_up(unit, ops, batch, i);
}

/*
 * A device did not answer. One of this batch? Hardware that does not say which (0) leaves us
 * only with trying: a device that is the only one in its batch and fails again and again is the
 * one.
 */
static void find_the_silent(struct iommu_unit_state *unit, const struct iommu_batch_ops *ops,
			    struct iommu_batch *batch, uint16_t silent, unsigned int *suspicion)
{
	unsigned int i;

	for (i = 0; i < batch->count; i++) {
		const struct iommu_device_tlb *device = batch->device[i];

		if (device == NULL)
			continue;
		if (silent == device->source_id ||
		    (silent == 0 && devices_in(batch) == 1 && ++*suspicion >= SUSPICION_MAX))
			give_up(unit, ops, batch, i);
	}
}

/* Of devices' TLBs, in place of what a family says. */
#define CACHE_OF_DEVICES UINT32_MAX

static unsigned int cache_of(const struct iommu_batch_ops *ops, const struct iommu_batch *batch,
			     unsigned int at)
{
	return IOMMU_CONFIG_DEVICE_TLB && batch->device[at] != NULL
		       ? CACHE_OF_DEVICES
		       : ops->cache_of(batch->commands[at]);
}

/* Each cache has forgotten before the next one does. */
static int submit_once(struct iommu_unit_state *unit, const struct iommu_batch_ops *ops,
		       struct iommu_batch *batch, uint16_t *silent)
{
	unsigned int before = CACHE_OF_DEVICES;
	unsigned int i;

	batch->barriers = 0;
	for (i = 0; i < batch->count; i++) {
		const unsigned int cache = cache_of(ops, batch, i);

		/* What follows a device's command is of another device. */
		if (before != CACHE_OF_DEVICES && cache != before)
			batch->barriers |= 1U << i;
		before = cache;
	}
	return ops->submit(unit, batch, silent);
}

/* IOMMU_EAGAIN: one of several devices is silent, and hardware does not say which. */
static int submit(struct iommu_unit_state *unit, const struct iommu_batch_ops *ops,
		  struct iommu_batch *batch)
{
	unsigned int suspicion = 0;
	unsigned int repeats = 0;
	uint16_t silent = 0;
	int status;

	give_up_the_lost(unit, ops, batch);
	while ((status = submit_once(unit, ops, batch, &silent)) == IOMMU_EAGAIN) {
		if (repeats++ == REPEATS_MAX)
			return IOMMU_ETIMEDOUT;
		if (silent == 0 && devices_in(batch) > 1)
			return IOMMU_EAGAIN;
		if (IOMMU_CONFIG_DEVICE_TLB)
			find_the_silent(unit, ops, batch, silent, &suspicion);
	}
	return status;
}

/* --- Execution -------------------------------------------------------------------------------- */

/*
 * A unit that was turned off, and perhaps on again, while we waited may have lost what we asked for
 * without anything being wrong: ask again. What lives while translation is off does not stop for
 * that. Errors as submit.
 */
static int execute(struct iommu_unit_state *unit, const struct iommu_batch_ops *ops,
		   struct iommu_batch *batch, bool while_off)
{
	uint32_t epoch;
	int status;

	do {
		epoch = __atomic_load_n(&unit->epoch, __ATOMIC_SEQ_CST);
		if (!while_off && !iommu_unit_is_active(unit))
			return 0;
		status = submit(unit, ops, batch);
		if (status == 0 || status == IOMMU_EAGAIN)
			return status;
	} while (__atomic_load_n(&unit->epoch, __ATOMIC_SEQ_CST) != epoch);
	iommu_unit_note_failure(unit);
	return status;
}

#if IOMMU_CONFIG_DEVICE_TLB
/* Each device for itself. */
static int execute_apart(struct iommu_unit_state *unit, const struct iommu_batch_ops *ops,
			 const struct iommu_batch *batch, bool while_off)
{
	struct iommu_batch common = {.count = 0};
	unsigned int i;
	int status = 0;

	for (i = 0; i < batch->count; i++)
		if (batch->device[i] == NULL)
			iommu_batch_add(&common, batch->commands[i], NULL);
	if (common.count != 0)
		status = execute(unit, ops, &common, while_off);
	for (i = 0; i < batch->count && status == 0; i++) {
		struct iommu_batch single = {.count = 0};

		if (batch->device[i] == NULL)
			continue;
		iommu_batch_add(&single, batch->commands[i], batch->device[i]);
		status = execute(unit, ops, &single, while_off);
	}
	return status;
}
#else
#define execute_apart(unit, ops, batch, while_off) IOMMU_ETIMEDOUT
#endif

int iommu_batch_execute(struct iommu_unit_state *unit, const struct iommu_batch_ops *ops,
			struct iommu_batch *batch, bool while_off)
{
	const int status = execute(unit, ops, batch, while_off);

	return status == IOMMU_EAGAIN ? execute_apart(unit, ops, batch, while_off) : status;
}
