/* SPDX-License-Identifier: BSD-2-Clause */
#include "scenario_steps.h"

/* --- Words ------------------------------------------------------------------------------------ */

void say(const struct scenario *s, const char *text)
{
	s->machine->say(text);
}

void say_number(const struct scenario *s, uint64_t number)
{
	char digits[21];
	unsigned int at = 20;

	digits[20] = '\0';
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	say(s, &digits[at]);
}

void say_hex(const struct scenario *s, uint64_t number)
{
	char digits[19];
	unsigned int at = 18;

	digits[18] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number != 0);
	digits[--at] = 'x';
	digits[--at] = '0';
	say(s, &digits[at]);
}

void say_size(const struct scenario *s, uint64_t size)
{
	say(s, size == IOMMU_SIZE_4K ? "4K" : size == IOMMU_SIZE_2M ? "2M" : "1G");
}

void say_source_id(const struct scenario *s, uint16_t source_id)
{
	static const char digits[] = "0123456789abcdef";
	const char text[] = {digits[source_id >> 12],
			     digits[source_id >> 8 & 15],
			     ':',
			     digits[source_id >> 7 & 1],
			     digits[source_id >> 3 & 15],
			     '.',
			     digits[source_id & 7],
			     '\0'};

	say(s, text);
}

/* Headings, and one line for each expectation. */
void title(const struct scenario *s, const char *text)
{
	say(s, "\n== ");
	say(s, text);
	say(s, "\n");
}

void check(struct scenario *s, bool as_expected, const char *expectation)
{
	say(s, as_expected ? "   ok      " : "   FAILED  ");
	say(s, expectation);
	say(s, "\n");
	s->passed += as_expected;
	s->failed += !as_expected;
}

/* --- Memory, DMA, faults ---------------------------------------------------------------------- */

struct page page_new(const struct scenario *s, uint64_t size)
{
	struct page page = {.bytes = s->machine->alloc(size)};

	if (page.bytes != NULL)
		page.paddr = iommu_virt_to_phys(s->machine->platform, page.bytes);
	return page;
}

/* Fill with a pattern that no other call has used. */
void pattern_put(struct scenario *s, unsigned char *bytes)
{
	unsigned int i;

	s->seed = (unsigned char)(s->seed + 37);
	for (i = 0; i < PATTERN_SIZE; i++)
		bytes[i] = (unsigned char)(s->seed + i * 7);
}

bool same(const unsigned char *a, const unsigned char *b)
{
	unsigned int i;

	for (i = 0; i < PATTERN_SIZE; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

void device_read(const struct scenario *s, unsigned int device, iommu_iova_t iova)
{
	struct dma_device *d = &s->machine->devices[device];

	d->read(d, iova, PATTERN_SIZE);
}

void device_write(const struct scenario *s, unsigned int device, iommu_iova_t iova)
{
	struct dma_device *d = &s->machine->devices[device];

	d->write(d, iova, PATTERN_SIZE);
}

/* The device copies from one address to another. */
void device_copy(const struct scenario *s, unsigned int device, iommu_iova_t from, iommu_iova_t to)
{
	device_read(s, device, from);
	device_write(s, device, to);
}

void note_fault(void *ctx, const struct iommu_fault *fault)
{
	struct scenario *s = ctx;

	if (s->fault_count < FAULTS_MAX)
		s->faults[s->fault_count++] = *fault;
}

static const char *access_name(enum iommu_fault_access access)
{
	switch (access) {
	case IOMMU_FAULT_READ:
		return " reading ";
	case IOMMU_FAULT_WRITE:
		return " writing ";
	case IOMMU_FAULT_ATOMIC:
		return " atomically updating ";
	case IOMMU_FAULT_OTHER:
	default:
		return " requesting ";
	}
}

static void say_fault(const struct scenario *s, const struct iommu_fault *fault)
{
	say(s, "   fault   ");
	say(s, iommu_unit_name(fault->unit));
	say(s, " stopped ");
	say(s,
	    fault->endpoint != NULL ? iommu_endpoint_name(fault->endpoint) : "an unknown device");
	say(s, " (");
	say_source_id(s, fault->source_id);
	say(s, ")");
	say(s, access_name(fault->access));
	say_hex(s, fault->address);
	say(s, ", reason ");
	say_hex(s, fault->reason);
	say(s, " ");
	say(s, fault->reason_name);
	say(s, ":\n           ");
	say(s, fault->explanation);
	say(s, "\n");
}

/* Read the fault records of all units. */
void collect_faults(struct scenario *s)
{
	struct iommu_unit *unit = NULL;
	unsigned int i;

	s->fault_count = 0;
	while ((unit = iommu_next_unit(s->iommu, unit)) != NULL)
		(void)iommu_unit_handle_faults(unit, NULL);
	for (i = 0; i < s->fault_count; i++)
		say_fault(s, &s->faults[i]);
}

void expect_no_fault(struct scenario *s)
{
	collect_faults(s);
	check(s, s->fault_count == 0, "no fault was recorded");
}

static bool is_scalable(const struct scenario *s)
{
	struct iommu_vtd_info info;

	return iommu_vtd_get_info(iommu_endpoint_unit(s->endpoints[0]), &info) == 0 &&
	       info.scalable;
}

/*
 * Is it this reason, or its counterpart in scalable mode? There the specification has other
 * numbers, of which QEMU uses only some.
 */
static bool is_reason(const struct scenario *s, unsigned int reason, unsigned int expected)
{
	static const unsigned int no_context[] = {0x41, 0x51, 0x58, 0x59};
	static const unsigned int denied[] = {0x71, 0x79, 0x85, 0x86};
	const unsigned int *others = expected == REASON_NO_CONTEXT ? no_context : denied;
	unsigned int i;

	if (reason == expected)
		return true;
	for (i = 0; i < 4 && is_scalable(s); i++)
		if (reason == others[i])
			return true;
	return false;
}

/* Exactly one fault: of this device, address and access, with this reason. */
void expect_fault(struct scenario *s, unsigned int device, iommu_iova_t iova,
		  enum iommu_fault_access access, unsigned int reason)
{
	const struct iommu_fault *fault = &s->faults[0];

	collect_faults(s);
	check(s,
	      s->fault_count == 1 && fault->endpoint == s->endpoints[device] &&
		      fault->address == (iova & ~0xfffULL) && fault->access == access &&
		      is_reason(s, fault->reason, reason),
	      "the fault names this device, address, access and reason");
}

/* A write that must be blocked: memory behind the address, if there is any, stays as it was. */
void expect_write_blocked(struct scenario *s, unsigned int device, iommu_iova_t iova,
			  const struct page *behind, unsigned int reason)
{
	expect_no_write(s, device, iova, behind, "the write did not arrive");
	expect_fault(s, device, iova, IOMMU_FAULT_WRITE, reason);
}

/* A read that must be blocked. */
void expect_read_blocked(struct scenario *s, unsigned int device, iommu_iova_t iova,
			 unsigned int reason)
{
	device_read(s, device, iova);
	expect_fault(s, device, iova, IOMMU_FAULT_READ, reason);
}

/* The device copies from `from` to `to`, and memory shows it. */
void expect_copy(struct scenario *s, unsigned int device, iommu_iova_t from,
		 const struct page *from_page, iommu_iova_t to, const struct page *to_page,
		 const char *what)
{
	pattern_put(s, from_page->bytes);
	device_copy(s, device, from, to);
	check(s, same(from_page->bytes, to_page->bytes), what);
	expect_no_fault(s);
}

/* Memory that must not change, and a device whose buffer has other contents. */
void expect_no_write(struct scenario *s, unsigned int device, iommu_iova_t iova,
		     const struct page *behind, const char *what)
{
	unsigned char before[PATTERN_SIZE];

	pattern_put(s, behind->bytes);
	__builtin_memcpy(before, behind->bytes, PATTERN_SIZE);
	device_write(s, device, iova);
	check(s, same(before, behind->bytes), what);
}

void expect_moved(struct scenario *s, unsigned int device, iommu_iova_t from,
		  const struct page *from_page, iommu_iova_t to, const struct page *to_page,
		  const char *what)
{
	pattern_put(s, from_page->bytes);
	device_copy(s, device, from, to);
	check(s, same(from_page->bytes, to_page->bytes), what);
}

int map(struct scenario *s, unsigned int domain, iommu_iova_t iova, iommu_paddr_t paddr,
	uint64_t size, unsigned int prot)
{
	return iommu_map(s->domains[domain], iova, paddr, size, prot);
}

int unmap(struct scenario *s, unsigned int domain, iommu_iova_t iova, uint64_t size)
{
	return iommu_unmap(s->domains[domain], iova, size, 0, NULL);
}

int attach(struct scenario *s, unsigned int domain, unsigned int device)
{
	return iommu_domain_attach_group(s->domains[domain],
					 iommu_endpoint_group(s->endpoints[device]));
}

/* --- What was found --------------------------------------------------------------------------- */

static void say_scalable(const struct scenario *s, const struct iommu_vtd_info *info)
{
	say(s, "\n   is used in scalable mode, with tables of ");
	say(s, !info->first_stage    ? "the second stage"
	       : !info->second_stage ? "the first stage"
				     : "both stages");
	if (info->pasid_bits != 0) {
		say(s, ", PASIDs of ");
		say_number(s, info->pasid_bits);
		say(s, " bits");
	}
	say(s, info->page_requests ? ", page requests" : "");
}

void say_unit(const struct scenario *s, const struct iommu_unit *unit)
{
	struct iommu_vtd_info info;

	if (iommu_vtd_get_info(unit, &info) != 0)
		return;
	say(s, "   ");
	say(s, iommu_unit_name(unit));
	say(s, ": VT-d ");
	say_number(s, info.version_major);
	say(s, ".");
	say_number(s, info.version_minor);
	say(s, ", registers at ");
	say_hex(s, info.register_base);
	say(s, ", capability ");
	say_hex(s, info.capability);
	say(s, ", extended ");
	say_hex(s, info.extended_capability);
	say(s, "\n   translates ");
	say_number(s, info.address_width);
	say(s, "-bit device addresses to ");
	say_number(s, info.output_width);
	say(s, "-bit memory, for up to ");
	say_number(s, info.domains);
	say(s, " domains, in pages of 4K");
	say(s, (info.pgsize_bitmap & IOMMU_SIZE_2M) != 0 ? ", 2M" : "");
	say(s, (info.pgsize_bitmap & IOMMU_SIZE_1G) != 0 ? ", 1G" : "");
	if (info.scalable)
		say_scalable(s, &info);
	say(s, "\n   walks tables ");
	say(s,
	    info.coherent ? "through the CPU caches" : "behind the CPU caches (they are flushed)");
	say(s, ", invalidates by ");
	say(s, info.queued ? "queue" : "registers");
	say(s, info.page_selective ? ", page by page" : ", domain by domain");
	say(s, "\n   caching mode ");
	say(s, info.caching_mode ? "on" : "off");
	say(s, ", pass-through ");
	say(s, info.pass_through ? "yes" : "no");
	say(s, ", fault records ");
	say_number(s, info.fault_records);
	say(s, "\n");
}

void say_verdict(const struct scenario *s)
{
	say(s, "\n");
	say_number(s, s->passed);
	say(s, " as expected, ");
	say_number(s, s->failed);
	say(s, " not\nverdict: ");
	say(s, s->failed == 0 ? "PASSED\n" : "FAILED\n");
}
