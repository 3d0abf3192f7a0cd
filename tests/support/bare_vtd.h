/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VT-d model with a little memory and no driver: tests write registers, tables and descriptors
 * themselves.
 */
#ifndef BARE_VTD_H
#define BARE_VTD_H

#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/iommu.h>

#include <iommu_hosted.h>

#define MEMORY   (64 * 4096)
#define ROOT     0x1000ULL
#define CONTEXT  0x2000ULL
#define LEVEL(n) (0x3000ULL + 0x1000ULL * (n)) /* the table of level n */
#define QUEUE    0x10000ULL
#define STATUS   0x11000ULL
#define TABLE    0x12000ULL /* of interrupts */
#define POSTED   0x13000ULL
#define DATA     0x20000ULL
#define SID      0x0120
#define RW       IOMMU_PROT_READ_WRITE

struct bare_vtd {
	struct iommu_hosted hosted;
	struct iommu_model_vtd *model;
	unsigned char memory[MEMORY];
	unsigned int messages, misuses, flushes, asked;
	uint64_t message_address;
	uint32_t message_data;
	const char *misuse;
	struct iommu_model_device_tlb asked_last;
	bool silent;
	unsigned int answers;
	struct iommu_model_page_answer answer_last;
	unsigned int tail;
	bool wide; /* descriptors of 256 bits */
	bool (*read)(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size);
	bool (*write)(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size);
	unsigned int reads;        /* of memory, by the model */
	unsigned int writes;       /* … and bits set, and exchanges */
	unsigned int work_remains; /* told so often */
	/*
	 * Work of another processor of the guest, done while a device is asked, or is given an
	 * answer …
	 */
	void (*meanwhile)(void);
	/* … while a message of the unit or a misuse is delivered … */
	void (*told)(void);
	/* … and while the model reads memory: what was there has been read. */
	void (*reading)(iommu_paddr_t paddr);
};

extern struct bare_vtd t;
/* The callback of models that are made from now on; a test sets it before, and to NULL after. */
extern bool (*bare_vtd_invalidate)(void *ctx, const struct iommu_model_invalidation *what);
/* Of the last access. */
extern struct iommu_model_translation result;

uint64_t reg(uint64_t offset, unsigned int size);
void set(uint64_t offset, unsigned int size, uint64_t value);
void word(iommu_paddr_t paddr, uint64_t value);
int create(const struct iommu_model_vtd_config *config);
void begin(const struct iommu_model_vtd_config *config);
void end(void);
void command(uint32_t bit, bool value);
void make_tables(unsigned int levels, enum vtd_translation_type type);
void translation_on(void);
void queue_on(void);
void wide_queue_on(void);
void submit(struct vtd_descriptor d);
/* Submit, and check that all were executed. */
void run_descriptors(const struct vtd_descriptor *d, unsigned int count);
/* Returns 0, or the fault reason. */
unsigned int reach_as(enum iommu_model_request_type type, uint64_t address, unsigned int access);
unsigned int reach(uint64_t address, unsigned int how);
/* Tables, and translation on. */
void running(const struct iommu_model_vtd_config *config);

#endif
