/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate of an address space (src/ioas/gate.c): calls that map are inside together; a call that
 * has closed the gate is alone, also where it closes the gates of two spaces and calls are inside
 * both. No call waits for ever.
 */
#include <string.h>

#include "explorer.h"
#include "ioas/ioas.h"

#define SPACES 2U

static struct iommu_file file;
static struct iommu_ioas spaces[SPACES];
static uint32_t mutex;
static unsigned int users[SPACES], changers;

static void mutex_lock(void *ctx, void *which)
{
	(void)ctx;
	while (__atomic_exchange_n((uint32_t *)which, 1, __ATOMIC_SEQ_CST) != 0)
		explore_wait();
}

static void mutex_unlock(void *ctx, void *which)
{
	(void)ctx;
	__atomic_store_n((uint32_t *)which, 0, __ATOMIC_SEQ_CST);
}

/* The objects of the file: its two spaces. */
uint32_t iommu_object_next(struct iommu_file *of, uint32_t id)
{
	(void)of;
	return id < SPACES ? id + 1 : 0;
}

enum iommu_object_kind iommu_object_type(struct iommu_file *of, uint32_t id)
{
	(void)of;
	(void)id;
	return IOMMU_OBJECT_IOAS;
}

struct ioas_object *iommu_object_find(struct iommu_file *of, uint32_t id,
				      enum iommu_object_kind type, int *status)
{
	(void)of;
	(void)type;
	*status = 0;
	return &spaces[id - 1].object;
}

static void setup(void)
{
	unsigned int i;

	memset(&file, 0, sizeof(file));
	memset(spaces, 0, sizeof(spaces));
	explore_host.mutex_lock = mutex_lock;
	explore_host.mutex_unlock = mutex_unlock;
	file.platform = &explore_host;
	file.gate_mutex = &mutex;
	mutex = 0;
	changers = 0;
	for (i = 0; i < SPACES; i++) {
		spaces[i].object.file = &file;
		users[i] = 0;
	}
}

static void use(unsigned int space)
{
	__atomic_add_fetch(&users[space], 1, __ATOMIC_SEQ_CST);
	MUST(__atomic_load_n(&changers, __ATOMIC_SEQ_CST) == 0);
	__atomic_sub_fetch(&users[space], 1, __ATOMIC_SEQ_CST);
}

static void change(bool both)
{
	MUST(__atomic_add_fetch(&changers, 1, __ATOMIC_SEQ_CST) == 1);
	MUST(__atomic_load_n(&users[0], __ATOMIC_SEQ_CST) == 0);
	MUST(!both || __atomic_load_n(&users[1], __ATOMIC_SEQ_CST) == 0);
	__atomic_sub_fetch(&changers, 1, __ATOMIC_SEQ_CST);
}

static void one_space(unsigned int thread)
{
	if (thread == 0) {
		iommu_gate_close(&spaces[0]);
		change(false);
		iommu_gate_open(&spaces[0]);
	} else {
		iommu_gate_enter(&spaces[0]);
		use(0);
		iommu_gate_leave(&spaces[0]);
	}
}

/* Two calls that are inside both, in either order, and one that closes all. */
static void two_spaces(unsigned int thread)
{
	if (thread == 0) {
		iommu_gates_close(&file);
		change(true);
		iommu_gates_open(&file);
	} else {
		iommu_gate_enter_both(&spaces[thread - 1], &spaces[2 - thread]);
		use(0);
		use(1);
		iommu_gate_leave(&spaces[0]);
		iommu_gate_leave(&spaces[1]);
	}
}

static void two_closers(unsigned int thread)
{
	one_space(thread == 2 ? 1 : 0);
}

static void check(void)
{
	unsigned int i;

	MUST(mutex == 0);
	for (i = 0; i < SPACES; i++)
		MUST(spaces[i].inside == 0 && spaces[i].closed == 0);
}

static const struct exploration explorations[] = {
	{"one space", 3, 3, setup, one_space, NULL, check, NULL},
	{"two spaces", 3, 3, setup, two_spaces, NULL, check, NULL},
	{"two that close", 3, 3, setup, two_closers, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 3);
}
