/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of scenarios: text, patterns, DMA, and expectations that are printed. */
#ifndef SCENARIO_STEPS_H
#define SCENARIO_STEPS_H

#include "scenario.h"

#define PATTERN_SIZE 256
#define FAULTS_MAX   8

/* IOVAs of the steps: none equals a physical address of the machine's memory. */
#define IOVA_SECRET    0x0000000510000000ULL
#define IOVA_TARGET    0x0000000520000000ULL
#define IOVA_READ_ONLY 0x0000000530000000ULL
#define IOVA_2M        0x0000000540000000ULL
#define IOVA_1G        0x0000000580000000ULL
#define IOVA_UNMAPPED  0x0000000600000000ULL

/* Fault reasons of the specification that the steps expect. */
#define REASON_NO_CONTEXT   0x2
#define REASON_WRITE_DENIED 0x5
#define REASON_READ_DENIED  0x6

struct page {
	unsigned char *bytes;
	iommu_paddr_t paddr;
};

struct scenario {
	struct scenario_machine *machine;
	struct iommu *iommu;
	struct iommu_unit *unit; /* of the device under test */
	struct iommu_endpoint *endpoints[2];
	struct iommu_domain *domains[2];
	struct page secret, target, other;
	struct iommu_fault faults[FAULTS_MAX];
	unsigned int fault_count;
	unsigned char seed;
	unsigned int passed, failed;
};

/* Output: text, numbers, headings, and one line for each expectation. */
void say(const struct scenario *s, const char *text);
void say_number(const struct scenario *s, uint64_t number);
void say_hex(const struct scenario *s, uint64_t number);
void say_size(const struct scenario *s, uint64_t size);
void say_source_id(const struct scenario *s, uint16_t source_id);
void title(const struct scenario *s, const char *text);
void check(struct scenario *s, bool as_expected, const char *expectation);

/*
 * Memory, and a device that copies PATTERN_SIZE bytes. Each pattern differs from those of all other
 * calls.
 */
struct page page_new(const struct scenario *s, uint64_t size);
void pattern_put(struct scenario *s, unsigned char *bytes);
bool same(const unsigned char *a, const unsigned char *b);
void device_read(const struct scenario *s, unsigned int device, iommu_iova_t iova);
void device_write(const struct scenario *s, unsigned int device, iommu_iova_t iova);
void device_copy(const struct scenario *s, unsigned int device, iommu_iova_t from, iommu_iova_t to);

/* Faults are recorded as they arrive; these functions read, print and count them. */
void note_fault(void *ctx, const struct iommu_fault *fault);
void collect_faults(struct scenario *s);
void expect_no_fault(struct scenario *s);
void expect_fault(struct scenario *s, unsigned int device, iommu_iova_t iova,
		  enum iommu_fault_access access, unsigned int reason);

/*
 * A write that must be blocked: memory behind the address, if there is any, stays as it was. A read
 * that must be blocked. A copy that must arrive.
 */
void expect_write_blocked(struct scenario *s, unsigned int device, iommu_iova_t iova,
			  const struct page *behind, unsigned int reason);
void expect_read_blocked(struct scenario *s, unsigned int device, iommu_iova_t iova,
			 unsigned int reason);
void expect_copy(struct scenario *s, unsigned int device, iommu_iova_t from,
		 const struct page *from_page, iommu_iova_t to, const struct page *to_page,
		 const char *what);

/*
 * The same where no faults are reported: a write that must not arrive, by the memory behind the
 * address; and a copy that must.
 */
void expect_no_write(struct scenario *s, unsigned int device, iommu_iova_t iova,
		     const struct page *behind, const char *what);
void expect_moved(struct scenario *s, unsigned int device, iommu_iova_t from,
		  const struct page *from_page, iommu_iova_t to, const struct page *to_page,
		  const char *what);

/* Of the scenario's two domains, by number. */
int map(struct scenario *s, unsigned int domain, iommu_iova_t iova, iommu_paddr_t paddr,
	uint64_t size, unsigned int prot);
int unmap(struct scenario *s, unsigned int domain, iommu_iova_t iova, uint64_t size);
int attach(struct scenario *s, unsigned int domain, unsigned int device);

/* The part of the scenario that is about interrupts. */
void interrupts(struct scenario *s);

/* The findings, and the verdict. */
void say_unit(const struct scenario *s, const struct iommu_unit *unit);
void say_verdict(const struct scenario *s);

#endif
