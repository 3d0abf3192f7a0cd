/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The services by which a guest manages dynamic windows. (Linux on Power Architecture Reference,
 * "DMA Window Manipulation Calls".)
 */
#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "base/bits.h"
#include "model/power/papr.h"

#define RTAS_SUCCESS   0
#define RTAS_HARDWARE  (-1)
#define RTAS_BUSY      (-2)
#define RTAS_PARAMETER (-3)

#define FIRST_LIOBN    0x90000000U
#define FIRST_ADDRESS  (1ULL << 59)
#define ADDRESS_STEP   (1ULL << 52)
#define LOW_ADDRESS    (1ULL << 36) /* … of a bridge whose addresses are limited */
#define LOW_STEP       (1ULL << 36)

static uint64_t largest_of(const struct iommu_model_papr *papr)
{
	return papr->config.dynamic_pages != 0 ? papr->config.dynamic_pages : PAPR_PAGES_MAX;
}

static uint32_t left(const struct iommu_model_papr *papr)
{
	uint32_t count = papr->config.dynamic_windows;
	const struct iommu_list_node *node;

	iommu_list_for_each (node, &papr->windows) {
		const struct papr_window *window =
			iommu_container_of((uintptr_t)node, struct papr_window, link);

		count += window->is_hidden;
		count -= window->is_dynamic;
	}
	return count;
}

/* The guest's bits for page sizes, from the lowest on. */
static uint32_t size_bits(uint64_t sizes)
{
	static const unsigned char shifts[] = {12, 16, 24, 25, 26, 27, 28, 34, 21};
	uint32_t bits = 0;
	unsigned int i;

	for (i = 0; i < sizeof(shifts); i++)
		bits |= (uint32_t)(sizes >> shifts[i] & 1) << i;
	return bits;
}

static int32_t query(const struct iommu_model_papr *papr, unsigned int count, uint32_t *outputs)
{
	const uint64_t largest = largest_of(papr);
	unsigned int next = 2;

	if (count != (papr->config.wide_query ? 6U : 5U))
		return RTAS_PARAMETER;
	outputs[1] = left(papr);
	if (papr->config.wide_query)
		outputs[next++] = (uint32_t)(largest >> 32);
	outputs[next++] = (uint32_t)largest;
	outputs[next++] = size_bits(papr->config.dynamic_page_sizes);
	outputs[next] = 0;
	return RTAS_SUCCESS;
}

static int32_t check_create(const struct iommu_model_papr *papr, const uint32_t *inputs)
{
	const uint32_t page_shift = inputs[3];
	const uint32_t size_shift = inputs[4];

	if (page_shift > TCE_PAGE_SHIFT_MAX || size_shift < page_shift || size_shift > 52 ||
	    (size_bits(1ULL << page_shift) & size_bits(papr->config.dynamic_page_sizes)) == 0)
		return RTAS_PARAMETER;
	if (papr->is_limited && 1ULL << size_shift > LOW_STEP)
		return RTAS_HARDWARE;
	if (left(papr) == 0 || 1ULL << (size_shift - page_shift) > largest_of(papr))
		return RTAS_HARDWARE;
	return RTAS_SUCCESS;
}

/* The window was made without the lock; NULL: there was no memory. */
static int32_t create(struct iommu_model_papr *papr, const uint32_t *inputs, uint32_t *outputs,
		      struct papr_window **fresh)
{
	struct papr_window *window = *fresh;
	const int32_t status = check_create(papr, inputs);
	uint32_t number = 0;

	if (status != RTAS_SUCCESS)
		return status;
	if (window == NULL)
		return RTAS_HARDWARE;
	*fresh = NULL;
	while (iommu_papr_model_find_window(papr, FIRST_LIOBN + number) != NULL)
		number++;
	window->liobn = FIRST_LIOBN + number;
	window->page_shift = inputs[3];
	window->address = papr->is_limited ? LOW_ADDRESS + number * LOW_STEP
					   : FIRST_ADDRESS + number * ADDRESS_STEP;
	window->is_dynamic = true;
	iommu_list_insert(&papr->windows, &window->link);
	outputs[1] = window->liobn;
	outputs[2] = (uint32_t)(window->address >> 32);
	outputs[3] = (uint32_t)window->address;
	return RTAS_SUCCESS;
}

/* Unlinked: its memory is freed without the lock. */
static void put_aside(struct papr_window *window, struct iommu_list_node *aside)
{
	iommu_list_remove(&window->link);
	iommu_list_insert(aside, &window->link);
}

static int32_t remove(struct iommu_model_papr *papr, uint32_t liobn, struct iommu_list_node *aside)
{
	struct papr_window *window = iommu_papr_model_find_window(papr, liobn);

	if (window == NULL)
		return RTAS_PARAMETER;
	put_aside(window, aside);
	return RTAS_SUCCESS;
}

static int32_t reset(struct iommu_model_papr *papr, struct iommu_list_node *aside)
{
	struct iommu_list_node *node = papr->windows.next;

	papr->is_limited = false;
	while (node != &papr->windows) {
		struct papr_window *window = iommu_container_of(node, struct papr_window, link);

		node = node->next;
		if (window->is_dynamic)
			put_aside(window, aside);
		else
			window->is_hidden = false;
	}
	return RTAS_SUCCESS;
}

/* Dynamic windows are freed; the others are emptied, and hidden until a reset. Without the lock. */
static void give_back(struct iommu_model_papr *papr, struct iommu_list_node *aside)
{
	while (!iommu_list_is_empty(aside)) {
		struct papr_window *window =
			iommu_container_of(aside->next, struct papr_window, link);
		uintptr_t state;

		iommu_list_remove(&window->link);
		if (window->is_dynamic) {
			iommu_papr_model_free_window(papr->platform, window);
			continue;
		}
		iommu_papr_model_clear_window(papr->platform, window);
		window->is_hidden = true;
		window->stuff_done = 0;
		state = iommu_spin_lock(papr->platform, &papr->lock);
		iommu_list_insert(&papr->windows, &window->link);
		iommu_spin_unlock(papr->platform, &papr->lock, state);
	}
}

static bool is_create(enum iommu_model_papr_service service, unsigned int input_count,
		      unsigned int output_count)
{
	return service == IOMMU_MODEL_PAPR_CREATE && input_count == 5 && output_count == 4;
}

/* Memory for the window of a create call that may succeed. Without the lock. */
static struct papr_window *prepare_create(struct iommu_model_papr *papr, const uint32_t *inputs)
{
	uintptr_t state = iommu_spin_lock(papr->platform, &papr->lock);
	const bool wanted = papr->faults.busy == 0 && check_create(papr, inputs) == RTAS_SUCCESS;

	iommu_spin_unlock(papr->platform, &papr->lock, state);
	return wanted ? iommu_papr_model_make_window(
				papr->platform, 1ULL << (inputs[4] - inputs[3]), IOMMU_ALLOC_ATOMIC)
		      : NULL;
}

struct request {
	enum iommu_model_papr_service service;
	unsigned int input_count, output_count;
	const uint32_t *inputs;
	uint32_t *outputs;
};

static int32_t serve(struct iommu_model_papr *papr, const struct request *request,
		     struct papr_window **fresh, struct iommu_list_node *aside)
{
	if (papr->faults.busy != 0) {
		papr->faults.busy--;
		return RTAS_BUSY;
	}
	if (request->service == IOMMU_MODEL_PAPR_REMOVE)
		return request->input_count == 1 ? remove(papr, request->inputs[0], aside)
						 : RTAS_PARAMETER;
	if (request->input_count < 3)
		return RTAS_PARAMETER;
	if (request->service == IOMMU_MODEL_PAPR_LIMIT) {
		if (request->input_count != 4 || request->inputs[3] > 1)
			return RTAS_PARAMETER;
		papr->is_limited = request->inputs[3] != 0;
		return RTAS_SUCCESS;
	}
	if (request->service == IOMMU_MODEL_PAPR_QUERY)
		return query(papr, request->output_count, request->outputs);
	if (is_create(request->service, request->input_count, request->output_count))
		return create(papr, request->inputs, request->outputs, fresh);
	return request->service == IOMMU_MODEL_PAPR_RESET ? reset(papr, aside) : RTAS_PARAMETER;
}

int32_t iommu_model_papr_rtas(struct iommu_model_papr *papr, enum iommu_model_papr_service service,
			      unsigned int input_count, const uint32_t *inputs,
			      unsigned int output_count, uint32_t *outputs)
{
	const struct request request = {service, input_count, output_count, inputs, outputs};
	struct papr_window *fresh = NULL;
	struct iommu_list_node aside;
	uintptr_t state;

	if (output_count == 0)
		return RTAS_PARAMETER;
	if (iommu_papr_model_recover(papr, service, input_count, inputs, output_count, outputs))
		return (int32_t)outputs[0];
	iommu_list_init(&aside);
	if (is_create(service, input_count, output_count))
		fresh = prepare_create(papr, inputs);
	state = iommu_spin_lock(papr->platform, &papr->lock);
	outputs[0] = (uint32_t)serve(papr, &request, &fresh, &aside);
	iommu_spin_unlock(papr->platform, &papr->lock, state);
	give_back(papr, &aside);
	if (fresh != NULL)
		iommu_papr_model_free_window(papr->platform, fresh);
	return (int32_t)outputs[0];
}
