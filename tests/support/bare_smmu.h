/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of Arm's SMMUv3 with a little memory and no driver: tests write registers, stream table,
 * contexts, tables and commands themselves.
 */
#ifndef BARE_SMMU_H
#define BARE_SMMU_H

#include <libiommu/hw/smmu_command.h>
#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_event.h>
#include <libiommu/hw/smmu_page_request.h>
#include <libiommu/hw/smmu_registers.h>
#include <libiommu/hw/smmu_stream_table.h>
#include <libiommu/iommu.h>

#include <iommu_hosted.h>

/* Memory, and what tests put there. */
#define SM_MEMORY     (4U << 20)
#define SM_COMMANDS   0x4000ULL
#define SM_EVENTS     0x6000ULL
#define SM_REQUESTS   0x7000ULL
#define SM_FLAG       0x8000ULL  /* where CMD_SYNC stores */
#define SM_STREAMS    0x10000ULL /* stream table: 2^8 entries */
#define SM_LEVEL_1    0x18000ULL /* … or its first level */
#define SM_CONTEXTS   0x20000ULL /* context descriptors: 2^8 */
#define SM_CONTEXTS_1 0x28000ULL /* … or their first level */
#define SM_CONTEXTS_2 0x30000ULL /* … and a table of the second, of 64 KiB */
#define SM_FIRST      0x40000ULL /* stage 1: a table of 64 KiB for each level */
#define SM_SECOND     0x80000ULL /* stage 2, likewise; its roots: */
#define SM_ROOT_2     0x200000ULL
#define SM_DATA       0x100000ULL

#define SM_STREAM     0x25U
#define SM_SUBSTREAM  0x11U
#define SM_ASID       0x77U
#define SM_VMID       0x33U

/* Leaves that serve everything: valid, access flag; stage 1: for users, attribute 1, nG. */
#define SM_AF         (1ULL << 10)
#define SM_NG         (1ULL << 11)
#define SM_USER       (1ULL << 6)
#define SM_READONLY   (1ULL << 7)
#define SM_DBM        (1ULL << 51)
#define SM_CONTIGUOUS (1ULL << 52)
#define SM_PXN        (1ULL << 53)
#define SM_UXN        (1ULL << 54)
#define SM_BLOCK_1    (1ULL | 1ULL << 2 | 3ULL << 8 | SM_AF | SM_NG | SM_USER)
#define SM_PAGE_1     (SM_BLOCK_1 | 2)
/* Stage 2: read and write, write-back. */
#define SM_S2_READ  (1ULL << 6)
#define SM_S2_WRITE (1ULL << 7)
#define SM_BLOCK_2  (1ULL | 15ULL << 2 | SM_S2_READ | SM_S2_WRITE | 3ULL << 8 | SM_AF)
#define SM_PAGE_2   (SM_BLOCK_2 | 2)
#define SM_TABLE    3ULL

struct bare_smmu {
	struct iommu_hosted hosted;
	struct iommu_model_smmu *model;
	unsigned int messages, misuses, told, answers, work_remains, wakes, resumptions;
	unsigned int edges[4]; /* of each wire */
	uint64_t message_address;
	uint32_t message_data;
	const char *misuse;
	struct iommu_model_smmu_invalidation told_last;
	struct iommu_model_smmu_page_answer answer_last;
	uint32_t resumed_stream;
	uint16_t resumed_tag;
	enum iommu_model_smmu_resumption resumed_how;
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
	uint32_t prod; /* of the command queue */
	uint64_t size; /* of the memory that there is */
	unsigned char memory[SM_MEMORY];
};

extern struct bare_smmu sm;
/* Of the last request. */
extern struct iommu_model_smmu_translation sm_result;

/* Tables of a stage: where the root is, where the others are, and their geometry. */
struct sm_space {
	uint64_t root, below;
	unsigned int granule, level, bits;
};

uint64_t sm_reg(uint32_t offset, unsigned int size);
void sm_set(uint32_t offset, unsigned int size, uint64_t value);
void sm_word(iommu_paddr_t paddr, uint64_t value);
uint64_t sm_look(iommu_paddr_t paddr);

int sm_create(const struct iommu_model_smmu_config *config);
void sm_begin(const struct iommu_model_smmu_config *config);
void sm_end(void);

/* CR0, or IRQ_CTRL, with these bits beside those that are 1; and check the acknowledgement. */
void sm_enable(uint32_t bits);
void sm_disable(uint32_t bits);
void sm_interrupts(uint32_t bits);
/* The queues on, of 256 commands, 128 events, 256 page requests. */
void sm_queues_on(void);
/* … and a linear stream table of 256 entries, and the unit. */
void sm_unit_on(void);

/* Entries with what serves everything: 39 bits, 4 KiB, level 1. */
struct smmu_ste sm_ste(enum smmu_ste_config config);
struct smmu_cd sm_cd(void);
void sm_stream(uint32_t sid, const struct smmu_ste *ste);
void sm_context(uint32_t ssid, const struct smmu_cd *cd);
/* Stage 1 and stage 2 as these entries have them. */
extern const struct sm_space sm_first, sm_second;
/* Where the descriptor of an address lies at a level. */
iommu_paddr_t sm_place(const struct sm_space *space, uint64_t address, unsigned int level);
/* Tables by which an address leads to a descriptor at a level. */
void sm_map(const struct sm_space *space, uint64_t address, unsigned int level,
	    uint64_t descriptor);

/* Submit a command; and check that it was executed. */
void sm_submit(struct smmu_command command);
void sm_run(struct smmu_command command);
/* A request: returns its event, or 0; an abort without one: SM_SILENT. */
#define SM_SILENT 0x1000U
unsigned int sm_ask(const struct iommu_model_smmu_request *request);
unsigned int sm_reach(uint64_t address, unsigned int access);
/* The records of the event queue: how many are new; take the oldest. */
unsigned int sm_events(void);
struct smmu_event sm_event(void);

#endif
