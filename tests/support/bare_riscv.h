/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A RISC-V IOMMU model with a little memory and no driver: tests write registers, directories,
 * tables and commands themselves.
 */
#ifndef BARE_RISCV_H
#define BARE_RISCV_H

#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_counters.h>
#include <libiommu/hw/riscv_device_directory.h>
#include <libiommu/hw/riscv_fault.h>
#include <libiommu/hw/riscv_msi.h>
#include <libiommu/hw/riscv_page_request.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/riscv_process_directory.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/iommu.h>

#include <iommu_hosted.h>

/* Memory, and what tests put there. */
#define RV_MEMORY     (256 * 4096)
#define RV_ROOT       0x1000ULL /* device directory: the root */
#define RV_CONTEXTS   0x2000ULL /* … the page of contexts, of more than one level */
#define RV_COMMANDS   0x4000ULL
#define RV_FAULTS     0x5000ULL
#define RV_REQUESTS   0x6000ULL
#define RV_FLAG       0x7000ULL                      /* where fences store */
#define RV_PROCESSES  0x8000ULL                      /* process directory: its root */
#define RV_FIRST(n)   (0x10000ULL + 0x1000ULL * (n)) /* the first stage's table of level n */
#define RV_SECOND(n)  (0x18000ULL + 0x1000ULL * (n)) /* the second stage's, n below its levels */
#define RV_GUEST_ROOT 0x20000ULL                     /* … its root, of 16 KiB */
#define RV_MESSAGES   0x28000ULL                     /* MSI table */
#define RV_FILE       0x29000ULL                     /* interrupt file in memory */
#define RV_DATA       0x40000ULL

#define RV_DEVICE     0x25U /* served by one level in either format */
#define RV_PROCESS    0x11U

/* Entries of either stage that serve everything. */
#define RV_LEAF_FLAGS                                                                              \
	(RISCV_PTE_READ | RISCV_PTE_WRITE | RISCV_PTE_EXECUTE | RISCV_PTE_USER |                   \
	 RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY)

/* All that a unit can have, without 32-bit modes. */
#define RV_ALL                                                                                     \
	(RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57 | RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 |  \
	 RISCV_CAP_SV57X4 | RISCV_CAP_SVPBMT | RISCV_CAP_AMO_HWAD | RISCV_CAP_ATS |                \
	 RISCV_CAP_T2GPA | RISCV_CAP_END | RISCV_CAP_HPM | RISCV_CAP_DBG | RISCV_CAP_PD8 |         \
	 RISCV_CAP_PD17 | RISCV_CAP_PD20 | RISCV_CAP_MSI_FLAT | RISCV_CAP_MSI_MRIF |               \
	 RISCV_CAP_AMO_MRIF | RISCV_CAP_NL | RISCV_CAP_S | RISCV_CAP_QOSID | 2ULL << 28)
#define RV_32_BIT (RISCV_CAP_SV32 | RISCV_CAP_SV32X4)

struct bare_riscv {
	struct iommu_hosted hosted;
	struct iommu_model_riscv *model;
	unsigned char memory[RV_MEMORY];
	bool big_endian; /* structures that tests write */
	unsigned int messages, misuses, told, answers, work_remains, moves;
	uint64_t message_address;
	uint32_t message_data;
	uint32_t wires;
	const char *misuse;
	struct iommu_model_riscv_invalidation told_last;
	struct iommu_model_riscv_page_answer answer_last;
	bool silent; /* devices do not answer */
	bool deaf;   /* messages do not arrive */
	unsigned int reads, writes;
	/* Work of another processor, while the host is told, while a message is delivered … */
	void (*meanwhile)(void);
	/* … and while the model reads memory: what was there has been read. */
	void (*reading)(iommu_paddr_t paddr);
	/* … and while it writes. */
	void (*writing)(iommu_paddr_t paddr);
	/* Writes to these bytes fail. */
	iommu_paddr_t broken_first, broken_last;
	uint32_t tail; /* of the command queue */
};

extern struct bare_riscv rv;
/* Of the last request. */
extern struct iommu_model_riscv_translation rv_result;

uint64_t rv_reg(uint32_t offset, unsigned int size);
void rv_set(uint32_t offset, unsigned int size, uint64_t value);
/* A word of a structure, in the byte order that structures have. */
void rv_word(iommu_paddr_t paddr, uint64_t value);
void rv_half(iommu_paddr_t paddr, uint32_t value);
uint64_t rv_look(iommu_paddr_t paddr);

int rv_create(const struct iommu_model_riscv_config *config);
void rv_begin(const struct iommu_model_riscv_config *config);
void rv_end(void);

/* The queues on, of 256 commands, 128 faults, 256 page requests; with interrupts, or without. */
void rv_queues_on(bool interrupts);
/* The directory: one level at RV_ROOT, or more with RV_CONTEXTS at their end. */
void rv_directory_on(enum riscv_ddtp_mode mode);
/* Where the context of a device lies, with the mode that was turned on. */
iommu_paddr_t rv_context_at(uint32_t device_id);
/* Write a context. Words that are not given are 0. */
void rv_context(uint32_t device_id, const struct riscv_context *context);
/* Submit a command; and check that it was executed. */
void rv_submit(struct riscv_command command);
void rv_run(struct riscv_command command);
/* A request: returns its cause, or 0. */
unsigned int rv_ask(const struct iommu_model_riscv_request *request);
unsigned int rv_reach(uint64_t address, unsigned int access);
/* The records of the fault queue: how many are new; take the oldest. */
unsigned int rv_faults(void);
struct riscv_fault rv_fault(void);
/* Tables by which an address leads to an address, at a level; `levels` in all. */
void rv_map_first(unsigned int levels, uint64_t address, unsigned int level, uint64_t entry);
void rv_map_second(unsigned int levels, uint64_t address, unsigned int level, uint64_t entry);

#endif
