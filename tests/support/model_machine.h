/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine made of models: memory, VT-d units, and devices that do DMA through them. It notices
 * everything that a driver must never do:
 *
 *   - hardware walks into a page that the driver has freed, or that holds no table;
 *   - a device reaches a page that is not in use as device memory;
 *   - hardware needs a store that was not flushed from the CPU's caches (a unit whose walks do not
 *     snoop sees only what was flushed, one with a write buffer what was there at its last flush);
 *   - a rule of the specification is broken (the model says so).
 *
 * `violation` names the first of these. Freed pages are reused at once.
 */
#ifndef MODEL_MACHINE_H
#define MODEL_MACHINE_H

#include <iommu_hosted.h>
#include <libiommu/iommu.h>

#include "scenario.h"

#define MACHINE_BASE    0x10000000ULL /* of memory: no IOVA of a test is a physical address */
#define MACHINE_PAGES   16384U
#define MACHINE_UNITS   3
#define MACHINE_ORDERS  13 /* of its blocks of pages: up to 16 MiB */
#define MACHINE_DEVICES 24
#define MACHINE_UNIT(n) (0xfed90000ULL + 0x10000ULL * (n))

/* The strictness of its units (enum iommu_model_vtd_strict), beside their configuration. */
#define MACHINE_STRICT                                                                             \
	(IOMMU_MODEL_VTD_STRICT_WAITS | IOMMU_MODEL_VTD_STRICT_QUEUE_OFF |                         \
	 IOMMU_MODEL_VTD_STRICT_QUEUE_LAST | IOMMU_MODEL_VTD_STRICT_ORDER)

enum page_state {
	PAGE_FREE = 0,
	PAGE_TABLE,  /* the driver's */
	PAGE_DEVICE, /* the test's: devices may reach it */
	PAGE_POSTED, /* the test's: holds posted-interrupt descriptors */
};

struct model_machine;

/* For devices' requests: PASID 0, which is not the same as none. */
#define MODEL_PASID_0 (1U << 31)

/* A translation that a device keeps until it is invalidated. */
struct device_tlb_entry {
	bool used;
	uint32_t pasid; /* 0: none */
	uint64_t address, size;
	iommu_paddr_t paddr;
	unsigned int prot;
};

struct model_device {
	struct model_machine *machine;
	unsigned int unit;
	uint16_t source_id;
	unsigned char buffer[4096];
	/* With a device TLB: requests are sent translated. */
	bool has_tlb;
	bool tlb_is_off; /* it has a device TLB that answers, but that the host has not enabled */
	bool silent;     /* does not answer invalidations */
	bool asks_only;  /* what it gets no translation for, it does not send untranslated */
	struct device_tlb_entry tlb[64];
	unsigned int tlb_next; /* … which counts the translations */
	unsigned int invalidations;
	uint32_t invalidated; /* the PASID of the last; 0: none */
	/* The last answer to its page requests, and their number. */
	struct iommu_model_page_answer answer;
	unsigned int answers;
};

/* A unit, and its view of memory. */
struct model_unit {
	struct model_machine *machine;
	const unsigned char *memory;
};

struct model_machine {
	struct iommu_platform platform; /* the driver's */
	struct iommu_hosted models;     /* the models' own memory */
	unsigned char *memory;          /* as the CPU sees it */
	int memory_file;                /* that it is */
	unsigned char *visible;         /* as a unit sees it: `memory`, unless stores can be late */
	uint8_t *states;
	uint32_t *free_list[MACHINE_ORDERS];
	unsigned int free_count[MACHINE_ORDERS];
	unsigned int next_page;
	size_t pages_in_use; /* the driver's */
	struct iommu_model_vtd *units[MACHINE_UNITS];
	struct model_unit views[MACHINE_UNITS];
	unsigned int unit_count;
	uint64_t queue_page[MACHINE_UNITS]; /* with the bits of IQA */
	struct model_device devices[MACHINE_DEVICES];
	unsigned int device_count;
	uint8_t dmar[2048];
	size_t dmar_size;
	/* Allocations so far; the n-th from now fails (0: none); every n-th fails (0: none). */
	uint64_t allocations, fail_at, fail_every;
	uint64_t clock_ns;
	unsigned int mapped; /* register windows */
	/* Messages that units have sent. */
	unsigned int messages;
	unsigned int messages_of[256]; /* by vector */
	uint64_t message_address;
	uint32_t message_data;
	/* Of the log: the number of lines of each level, and the last of them. */
	unsigned int lines[IOMMU_LOG_DEBUG + 1];
	char last[IOMMU_LOG_DEBUG + 1][192];
	/* How many lines have this text in them. */
	const char *awaited;
	unsigned int heard;
	/* The same for errors and warnings together. */
	unsigned int log_lines;
	char log_last[192];
	bool quiet;
	/*
	 * Called before each register write of the driver, or each read, too: time in which devices
	 * do DMA.
	 */
	void (*meanwhile)(struct model_machine *machine);
	bool meanwhile_reading;
	/* The emulator's: what a unit tells it of its driver's invalidations. NULL: nothing. */
	bool (*invalidate)(struct model_machine *machine,
			   const struct iommu_model_invalidation *what);
	const char *violation;
};

/* The same configuration for all units; its platform and host are filled in here. */
void model_machine_init(struct model_machine *machine, unsigned int units,
			const struct iommu_model_vtd_config *config);
/* Add a unit with a configuration of its own. Before the DMAR table is made. */
void model_machine_add_unit(struct model_machine *machine,
			    const struct iommu_model_vtd_config *config);
/* Fails the test on a violation, or if the driver has not freed all pages. */
void model_machine_destroy(struct model_machine *machine);

/*
 * Add a device behind a unit. A DMAR scope names it, unless the unit is the last, which serves the
 * rest.
 */
struct model_device *model_machine_add_device(struct model_machine *machine, unsigned int unit,
					      uint16_t source_id);
/* The DMAR table for the units and devices so far. */
void model_machine_make_dmar(struct model_machine *machine);

/* Device memory: `count` pages, aligned to their size when a power of two; 0: none left. */
iommu_paddr_t model_machine_take(struct model_machine *machine, unsigned int count);
void model_machine_give(struct model_machine *machine, iommu_paddr_t paddr, unsigned int count);
void model_machine_mark(struct model_machine *machine, iommu_paddr_t paddr, unsigned int count,
			enum page_state state);
void *model_machine_bytes(struct model_machine *machine, iommu_paddr_t paddr);

/* One access of a device: 0 with *paddr, or IOMMU_EFAULT. Uses its TLB if it has one. */
int model_device_access(struct model_device *device, iommu_iova_t iova, unsigned int access,
			iommu_paddr_t *paddr);
/* The same with a PASID; 0: without. */
int model_device_access_pasid(struct model_device *device, uint32_t pasid, iommu_iova_t iova,
			      unsigned int access, iommu_paddr_t *paddr);
/* Ask for a page. */
int model_device_request_page(struct model_device *device, uint32_t pasid, iommu_iova_t iova,
			      unsigned int access, uint16_t group, bool is_last);
/* DMA between the device's buffer and memory, page by page; pages that fault are left out. */
void model_device_read(struct model_device *device, iommu_iova_t iova, size_t size);
void model_device_write(struct model_device *device, iommu_iova_t iova, size_t size);
/* An instance over the machine, its units on, and an endpoint in a DMA domain of its own. */
struct model_host {
	struct iommu *iommu;
	struct iommu_endpoint *endpoint;
	struct iommu_domain *domain;
};
/* After devices were added: makes the DMAR table, too. A failure fails the test. */
struct model_host model_machine_start(struct model_machine *machine,
				      const struct iommu_vtd_options *options,
				      const struct iommu_endpoint_info *info);
/* The device for the system scenario. */
struct dma_device model_device_for_scenario(struct model_device *device);

#endif
