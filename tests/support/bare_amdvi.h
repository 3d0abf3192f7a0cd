/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of an AMD IOMMU with a little memory and no driver: tests write registers, device table,
 * tables and commands themselves.
 */
#ifndef BARE_AMDVI_H
#define BARE_AMDVI_H

#include <libiommu/hw/amdvi_capability.h>
#include <libiommu/hw/amdvi_command.h>
#include <libiommu/hw/amdvi_device_table.h>
#include <libiommu/hw/amdvi_event.h>
#include <libiommu/hw/amdvi_features.h>
#include <libiommu/hw/amdvi_guest_table.h>
#include <libiommu/hw/amdvi_interrupt.h>
#include <libiommu/hw/amdvi_page_request.h>
#include <libiommu/hw/amdvi_page_table.h>
#include <libiommu/hw/amdvi_registers.h>
#include <libiommu/iommu.h>

#include <iommu_hosted.h>

/* Memory, and what tests put there. */
#define AM_MEMORY     (4U << 20)
#define AM_COMMANDS   0x4000ULL
#define AM_EVENTS     0x6000ULL
#define AM_REQUESTS   0x7000ULL
#define AM_FLAG       0x8000ULL  /* where COMPLETION_WAIT stores */
#define AM_GUEST_LOG  0x9000ULL  /* GA log */
#define AM_DEVICES    0x10000ULL /* device table: 2^11 entries */
#define AM_INTERRUPTS 0x20000ULL /* interrupt remapping table */
#define AM_GCR3       0x28000ULL /* a table of 4 KiB for each level, above it */
#define AM_HOST       0x40000ULL /* host table, likewise; the root is that of the highest level */
#define AM_GUEST      0x60000ULL /* guest table, likewise */
#define AM_DATA       0x100000ULL

#define AM_DEVICE     0x0125U
#define AM_PASID      0x11U
#define AM_DOMAIN     0x77U

/* Host leaves that serve everything; guest ones, present, writable, for users. */
#define AM_RW       (AMDVI_PTE_READ | AMDVI_PTE_WRITE)
#define AM_PRESENT  1ULL
#define AM_WRITABLE 2ULL
#define AM_USER     4ULL
#define AM_ACCESSED 0x20ULL
#define AM_DIRTY    0x40ULL
#define AM_LARGE    0x80ULL
#define AM_NX       (1ULL << 63)
#define AM_PAGE     (AM_PRESENT | AM_WRITABLE | AM_USER)

struct bare_amdvi {
	struct iommu_hosted hosted;
	struct iommu_model_amdvi *model;
	unsigned int signals, misuses, told, answers, work_remains;
	struct iommu_model_amdvi_signal signal;
	const char *misuse;
	struct iommu_model_amdvi_invalidation told_last;
	struct iommu_model_amdvi_page_answer answer_last;
	bool silent; /* devices do not answer */
	unsigned int reads, writes;
	/* Work of another processor, while the host is told, while an answer is delivered … */
	void (*meanwhile)(void);
	/* … and while the model reads memory: what was there has been read. */
	void (*reading)(iommu_paddr_t paddr);
	/* … and while it writes. */
	void (*writing)(iommu_paddr_t paddr);
	/* Writes to these bytes fail. */
	iommu_paddr_t broken_first, broken_last;
	uint64_t tail; /* of the command buffer */
	uint64_t size; /* of the memory that there is */
	unsigned char memory[AM_MEMORY];
};

extern struct bare_amdvi am;
/* Of the last request. */
extern struct iommu_model_amdvi_translation am_result;

uint64_t am_reg(uint32_t offset);
void am_set(uint32_t offset, uint64_t value);
void am_word(iommu_paddr_t paddr, uint64_t value);
uint64_t am_look(iommu_paddr_t paddr);

int am_create(const struct iommu_model_amdvi_config *config);
void am_begin(const struct iommu_model_amdvi_config *config);
void am_end(void);

/* Fields of the control register set to 1, or to 0, beside what is there. */
void am_enable(unsigned int field);
void am_disable(unsigned int field);
/* The unit on, with rings of 256 entries and a device table of 2^11. */
void am_unit_on(void);

/* An entry with what serves everything: the host's table of 4 levels, reading and writing. */
struct amdvi_dte am_dte(void);
/* … by the guest's table of 4 levels, with GCR3 tables of 1; mode: levels of the host's. */
struct amdvi_dte am_guest_dte(unsigned int mode);
void am_device(uint16_t devid, const struct amdvi_dte *dte);
/* Where the entry of an address lies in the host's table, or the guest's. */
iommu_paddr_t am_place(uint64_t tables, uint64_t address, unsigned int level);
/* Host tables by which an address leads to an entry at a level, from a root of `levels`. */
void am_map(unsigned int levels, uint64_t address, unsigned int level, uint64_t entry);
/* Guest tables likewise, from a root of 4 levels. */
void am_map_guest(uint64_t address, unsigned int level, uint64_t entry);

/* Submit a command; and check that it was executed. */
void am_submit(struct amdvi_command command);
void am_run(struct amdvi_command command);
/* Everything of the domain, the device's entry, its interrupt table. */
void am_forget(void);
/* A request: returns its event, or 0; an abort without one: AM_SILENT. */
#define AM_SILENT 0x1000U
unsigned int am_ask(const struct iommu_model_amdvi_request *request);
unsigned int am_reach(uint64_t address, unsigned int access);
unsigned int am_reach_guest(uint32_t pasid, uint64_t address, unsigned int access);
/* The records of the event log: how many are new; take the oldest. */
unsigned int am_events(void);
struct amdvi_event am_event(void);

#endif
