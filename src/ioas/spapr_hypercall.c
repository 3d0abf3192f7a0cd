/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's hypercalls for entries. (Linux on Power Architecture Reference, "H_PUT_TCE",
 * "H_PUT_TCE_INDIRECT", "H_STUFF_TCE", "H_GET_TCE".)
 *
 * The guest says how many entries it means, and the control path waits for its hypercalls. So each
 * stays for a bounded number of entries, tells hardware of these, and leaves; then it comes back
 * and finds everything anew: the table, by its number, the windows, the memory. First all entries
 * are looked at, which makes tables for them, so that what can fail does so before any is set; what
 * was looked at in a stay before is looked at once more.
 */
#include <libiommu/tce_table.h>

#include "base/byteorder.h"
#include "ioas/spapr_put.h"

#if IOMMU_CONFIG_POWER

#define LIST_MAX 512

struct hypercall {
	struct iommu_spapr_guest *guest;
	uint64_t liobn;
	/* The stay: */
	struct put_call *call;
	unsigned int epoch;
	uint64_t left; /* entries of windows until it ends */
	bool is_inside;
	struct put_entry same; /* that is put in all places, as it is to be read in this stay */
	/* Of all stays: */
	uint64_t serial; /* of the table */
	bool has_left;   /* what was looked at may have changed */
	int status;      /* of telling hardware */
};

/* Entries to be put, from an index of the table on. */
struct request {
	uint64_t index, count;
	bool is_list;
	uint64_t tce;  /* the same for all … */
	uint64_t list; /* … or the guest's address of a list of them */
};

static int64_t code_of(int status)
{
	switch (status) {
	case 0:
		return IOMMU_H_SUCCESS;
	case IOMMU_ENOMEM:
		return IOMMU_H_NOT_ENOUGH_RESOURCES;
	case IOMMU_ETIMEDOUT:
	case IOMMU_EIO:
		return IOMMU_H_HARDWARE;
	default:
		return IOMMU_H_PARAMETER;
	}
}

/* --- Stays ------------------------------------------------------------------------------------ */

/* It does not go before the hypercall has left the guest's calls. */
static struct spapr_table *find_table(struct iommu_spapr_guest *guest, uint64_t liobn)
{
	const uintptr_t state = iommu_spin_lock(guest->platform, &guest->lock);
	struct spapr_table *found = NULL;
	struct iommu_list_node *node;

	iommu_list_for_each (node, &guest->tables) {
		struct spapr_table *table = iommu_container_of(node, struct spapr_table, link);

		if (table->config.liobn == liobn)
			found = table;
	}
	iommu_spin_unlock(guest->platform, &guest->lock, state);
	return found;
}

static void enter(struct hypercall *hypercall)
{
	struct iommu_spapr_guest *guest = hypercall->guest;
	struct spapr_table *table;

	hypercall->epoch = iommu_spapr_calls_enter(&guest->calls);
	table = find_table(guest, hypercall->liobn);
	if (table == NULL || (hypercall->has_left && table->serial != hypercall->serial)) {
		iommu_spapr_calls_leave(&guest->calls, hypercall->epoch);
		return;
	}
	iommu_spapr_put_begin(hypercall->call, guest, table, NULL);
	hypercall->serial = table->serial;
	hypercall->left = SPAPR_STAY;
	hypercall->is_inside = true;
}

static void leave(struct hypercall *hypercall)
{
	const int status = iommu_spapr_put_end(hypercall->call);

	iommu_spapr_calls_leave(&hypercall->guest->calls, hypercall->epoch);
	if (hypercall->status == 0)
		hypercall->status = status;
	hypercall->is_inside = false;
	hypercall->has_left = true;
}

/* Have what waits for this hypercall go on, if it has stayed long enough. */
static int give_way(struct hypercall *hypercall)
{
	if (hypercall->left != 0)
		return 0;
	leave(hypercall);
	enter(hypercall);
	return hypercall->is_inside ? 0 : IOMMU_ENOENT;
}

static void count_entries(struct hypercall *hypercall, uint64_t count)
{
	const uint64_t entries = count * iommu_spapr_put_width(hypercall->call);

	hypercall->left -= entries < hypercall->left ? entries : hypercall->left;
}

/* --- Entries ---------------------------------------------------------------------------------- */

static int look_at_same(struct hypercall *hypercall, uint64_t tce, uint64_t index, uint64_t count)
{
	const struct put_call *call = hypercall->call;

	if (!iommu_spapr_put_read(call, tce, &hypercall->same))
		return IOMMU_EINVAL;
	if (hypercall->same.prot != 0)
		return iommu_spapr_put_prepare(call, index, count);
	/* What is not read back as 0 needs a place. */
	return tce != 0 ? iommu_spapr_put_make_words(call, index, count) : 0;
}

static int set_same(struct hypercall *hypercall, uint64_t index, uint64_t count)
{
	const struct put_entry *entry = &hypercall->same;
	int status = 0;
	uint64_t i;

	if (entry->prot == 0)
		iommu_spapr_put_clear(hypercall->call, index, count, entry->tce);
	for (i = 0; entry->prot != 0 && i < count && status == 0; i++)
		status = iommu_spapr_put_entry(hypercall->call, index + i, entry);
	return status;
}

/* An entry of the guest's list, which may be another one at each look. */
static bool read_list(const struct put_call *call, uint64_t list, uint64_t i,
		      struct put_entry *entry)
{
	const struct iommu_spapr_guest_config *config = &call->guest->config;
	uint64_t bytes;

	return config->read(config->ctx, list + i * sizeof(bytes), &bytes) &&
	       iommu_spapr_put_read(call, iommu_be64(bytes), entry);
}

static int look_at_list(const struct put_call *call, uint64_t list, uint64_t index, uint64_t count)
{
	struct put_entry entry;
	int status = 0;
	uint64_t i;

	for (i = 0; i < count && status == 0; i++)
		status = read_list(call, list, i, &entry)
				 ? iommu_spapr_put_check(call, index + i, &entry)
				 : IOMMU_EINVAL;
	return status != 0 ? status : iommu_spapr_put_prepare(call, index, count);
}

static int put_or_clear(struct put_call *call, uint64_t index, const struct put_entry *entry)
{
	if (entry->prot != 0)
		return iommu_spapr_put_entry(call, index, entry);
	iommu_spapr_put_clear(call, index, 1, entry->tce);
	return 0;
}

/* Each is read once more, and what was read is checked again, and set. */
static int set_list(struct put_call *call, uint64_t list, uint64_t index, uint64_t count)
{
	struct put_entry entry;
	int status = 0;
	uint64_t i;

	for (i = 0; i < count && status == 0; i++)
		status = read_list(call, list, i, &entry) ? put_or_clear(call, index + i, &entry)
							  : IOMMU_EINVAL;
	return status;
}

/* --- Pieces ----------------------------------------------------------------------------------- */

static int look_at(struct hypercall *hypercall, const struct request *request, uint64_t at,
		   uint64_t count)
{
	const uint64_t index = request->index + at;

	if (request->is_list)
		return look_at_list(hypercall->call, request->list + at * sizeof(uint64_t), index,
				    count);
	return look_at_same(hypercall, request->tce, index, count);
}

static int set(struct hypercall *hypercall, const struct request *request, uint64_t at,
	       uint64_t count)
{
	const uint64_t index = request->index + at;
	int status = hypercall->has_left ? look_at(hypercall, request, at, count) : 0;

	if (status != 0)
		return status;
	if (request->is_list)
		return set_list(hypercall->call, request->list + at * sizeof(uint64_t), index,
				count);
	return set_same(hypercall, index, count);
}

/* Entries from there on that a piece is; *is_done: clearing them changes nothing. */
static uint64_t piece_at(const struct hypercall *hypercall, const struct request *request,
			 uint64_t at, bool *is_done)
{
	const uint64_t left = request->count - at;
	uint64_t piece = 0;

	if (!request->is_list && request->tce == 0)
		piece = iommu_spapr_put_gap(hypercall->call, request->index + at);
	*is_done = piece != 0;
	if (piece == 0)
		piece = iommu_spapr_put_piece(hypercall->call);
	return piece < left ? piece : left;
}

static int in_pieces(struct hypercall *hypercall, const struct request *request,
		     int (*step)(struct hypercall *, const struct request *, uint64_t, uint64_t))
{
	uint64_t at = 0;
	int status = 0;

	while (at < request->count && status == 0) {
		uint64_t piece;
		bool is_done;

		status = give_way(hypercall);
		if (status != 0)
			break;
		piece = piece_at(hypercall, request, at, &is_done);
		if (!is_done) {
			status = step(hypercall, request, at, piece);
			count_entries(hypercall, piece);
		}
		at += piece;
	}
	return status;
}

static int64_t put(struct hypercall *hypercall, const struct request *request)
{
	int status = 0;

	/* To make entries 0 needs nothing. */
	if (request->is_list || request->tce != 0)
		status = in_pieces(hypercall, request, look_at);
	if (status == 0)
		status = in_pieces(hypercall, request, set);
	return code_of(status);
}

/* --- Hypercalls ------------------------------------------------------------------------------- */

struct put_arguments {
	uint64_t opcode, address, third, fourth;
};

static int64_t put_same(struct hypercall *hypercall, uint64_t index, uint64_t count, uint64_t tce)
{
	const struct request request = {.index = index, .count = count, .tce = tce};

	return put(hypercall, &request);
}

static int64_t put_list(struct hypercall *hypercall, uint64_t index, uint64_t list, uint64_t count)
{
	const struct request request = {
		.index = index, .count = count, .is_list = true, .list = list};

	if (count > LIST_MAX || list % IOMMU_PAGE_SIZE != 0)
		return IOMMU_H_PARAMETER;
	return put(hypercall, &request);
}

static int64_t carry_out(struct hypercall *hypercall, const struct put_arguments *a,
			 uint64_t *result)
{
	const struct iommu_spapr_table *config = &hypercall->call->table->config;
	const uint64_t index = (a->address - config->address) >> config->page_shift;
	const bool is_many =
		a->opcode == IOMMU_H_STUFF_TCE || a->opcode == IOMMU_H_PUT_TCE_INDIRECT;

	if (a->address < config->address || index >= config->pages ||
	    (is_many && a->fourth > config->pages - index))
		return IOMMU_H_PARAMETER;
	switch (a->opcode) {
	case IOMMU_H_GET_TCE:
		*result = iommu_spapr_put_get(hypercall->call, index);
		return IOMMU_H_SUCCESS;
	case IOMMU_H_PUT_TCE:
		return put_same(hypercall, index, 1, a->third);
	case IOMMU_H_STUFF_TCE:
		return put_same(hypercall, index, a->fourth, a->third);
	default:
		return put_list(hypercall, index, a->third, a->fourth);
	}
}

int64_t iommu_spapr_guest_hypercall(struct iommu_spapr_guest *guest, uint64_t opcode,
				    uint64_t liobn, uint64_t address, uint64_t third,
				    uint64_t fourth, uint64_t *result)
{
	const struct put_arguments arguments = {opcode, address, third, fourth};
	struct put_call call;
	struct hypercall hypercall = {.guest = guest, .liobn = liobn, .call = &call};
	int64_t code = IOMMU_H_PARAMETER;

	if (opcode != IOMMU_H_GET_TCE && opcode != IOMMU_H_PUT_TCE && opcode != IOMMU_H_STUFF_TCE &&
	    opcode != IOMMU_H_PUT_TCE_INDIRECT)
		return IOMMU_H_FUNCTION;
	enter(&hypercall);
	if (hypercall.is_inside)
		code = carry_out(&hypercall, &arguments, result);
	/* It has left where the table went. */
	if (hypercall.is_inside)
		leave(&hypercall);
	return code == IOMMU_H_SUCCESS ? code_of(hypercall.status) : code;
}

#endif
