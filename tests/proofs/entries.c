/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries and descriptors of include/libiommu/hw/: what is encoded is decoded again, for all
 * values of every field, and fields do not touch each other; reserved bits stay 0. All are encoded
 * from fields within the ranges that their comments give.
 */
#include <libiommu/hw/tce.h>
#include <libiommu/hw/tve.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "proof.h"

static uint64_t any_page(void)
{
	return any_64() & 0x000ffffffffff000ULL;
}

static void contexts(void)
{
	const uint64_t table = any_page();
	const unsigned int levels = 3 + any_below(3);
	const uint16_t domain = any_16();
	const enum vtd_translation_type type = (enum vtd_translation_type)any_below(3);
	const uint64_t root = vtd_root_low(table), low = vtd_context_low(table, type);
	const uint64_t high = vtd_context_high(levels, domain);

	CLAIM((root & VTD_ROOT_PRESENT) != 0 && (root & VTD_ENTRY_ADDRESS_MASK) == table);
	CLAIM((root & VTD_ROOT_LOW_RESERVED) == 0 && (low & VTD_CONTEXT_LOW_RESERVED) == 0);
	CLAIM((low & VTD_CONTEXT_PRESENT) != 0 && (low & VTD_ENTRY_ADDRESS_MASK) == table);
	CLAIM((low & VTD_CONTEXT_FPD) == 0 && vtd_context_type(low) == type);
	CLAIM(vtd_context_levels(high) == levels && vtd_context_domain_id(high) == domain);
	CLAIM((high & VTD_CONTEXT_HIGH_RESERVED) == 0 && (high & VTD_CONTEXT_INHERITED) == 0);
}

static void pasids(void)
{
	const uint64_t table = any_page();
	const unsigned int levels = 3 + any_below(3), first = 4 + any_below(2),
			   order = any_below(6);
	const enum vtd_pasid_type type = (enum vtd_pasid_type)(1 + any_below(4));
	const uint64_t word0 =
		vtd_pasid_word0(type, levels, table, any_bool() ? VTD_PASID_SSADE : 0);
	const uint64_t word2 = vtd_pasid_word2(first, table, any_bool() ? VTD_PASID_SRE : 0);
	const uint64_t context = vtd_scalable_context_low(table, order, VTD_CONTEXT_PASIDS);

	CLAIM((word0 & VTD_PASID_PRESENT) != 0 && (word0 & VTD_PASID_RESERVED_0) == 0);
	CLAIM(vtd_pasid_type(word0) == type && vtd_pasid_levels(word0) == levels);
	CLAIM((word0 & VTD_ENTRY_ADDRESS_MASK) == table && (word0 & VTD_PASID_FPD) == 0);
	CLAIM(vtd_pasid_first_levels(word2) == first && (word2 & VTD_PASID_RESERVED_2) == 0);
	CLAIM((word2 & VTD_ENTRY_ADDRESS_MASK) == table);
	CLAIM((context & VTD_SCALABLE_CONTEXT_RESERVED) == 0);
	CLAIM(vtd_scalable_directory_entries(context) == 512U << order);
	CLAIM((context & VTD_ENTRY_ADDRESS_MASK) == table);
}

static void plain_descriptors(void)
{
	const uint16_t domain = any_16(), source = any_16();
	const unsigned int granularity = 1 + any_below(3), ignored = any_below(4);
	const uint64_t address = any_page();
	const unsigned int mask = any_below(53);
	struct vtd_descriptor d =
		vtd_descriptor_context((enum vtd_granularity)granularity, domain, source);

	CLAIM(vtd_descriptor_type(d) == VTD_DESCRIPTOR_CONTEXT && d.high == 0);
	CLAIM(vtd_descriptor_granularity(d) == granularity);
	CLAIM(vtd_descriptor_domain_id(d) == domain && vtd_descriptor_source_id(d) == source);
	d = vtd_descriptor_context_functions(domain, source, ignored);
	CLAIM(vtd_descriptor_function_mask(d) == ignored && vtd_descriptor_source_id(d) == source);
	CLAIM(d.low >> 50 == 0 && (d.low & 0xffc0) == 0);
	d = vtd_descriptor_iotlb_pages(domain, address, mask, any_bool(), VTD_IOTLB_DRAIN_READS);
	CLAIM(vtd_descriptor_type(d) == VTD_DESCRIPTOR_IOTLB && d.low >> 32 == 0);
	CLAIM(vtd_descriptor_domain_id(d) == domain && (d.high & 63) == mask);
	CLAIM((d.high & VTD_ENTRY_ADDRESS_MASK) == address && (d.high & 0xf80) == 0);
	d = vtd_descriptor_interrupts(source, any_below(32));
	CLAIM(vtd_descriptor_type(d) == VTD_DESCRIPTOR_IEC && (uint16_t)(d.low >> 32) == source);
	d = vtd_descriptor_wait(address, domain);
	CLAIM(vtd_descriptor_type(d) == VTD_DESCRIPTOR_WAIT && d.high == address);
	CLAIM((uint32_t)(d.low >> 32) == domain && (d.low & 0xffffff00) == 0);
}

static void descriptors_with_pasids(void)
{
	const uint16_t domain = any_16(), source = any_16(), group = any_16() & 511;
	const uint32_t pasid = any_32() & 0xfffff;
	struct vtd_descriptor d = vtd_descriptor_pasid_iotlb(domain, pasid);

	CLAIM(vtd_descriptor_type(d) == VTD_DESCRIPTOR_PASID_IOTLB && d.low >> 52 == 0);
	CLAIM(vtd_descriptor_pasid(d) == pasid && vtd_descriptor_domain_id(d) == domain);
	d = vtd_descriptor_pasid_cache(any_below(4), domain, pasid);
	CLAIM(vtd_descriptor_type(d) == VTD_DESCRIPTOR_PASID_CACHE && d.high == 0);
	CLAIM(vtd_descriptor_pasid(d) == pasid && vtd_descriptor_domain_id(d) == domain);
	d = vtd_descriptor_pasid_device_tlb(source, pasid, any_page(), any_below(65), any_below(32),
					    any_bool(), any_16());
	CLAIM(vtd_descriptor_type(d) == VTD_DESCRIPTOR_PASID_DEVICE_TLB);
	CLAIM(vtd_descriptor_pasid_source_id(d) == source && vtd_descriptor_pasid(d) == pasid);
	CLAIM((d.high & 0x7fe) == 0);
	d = vtd_descriptor_page_response(source, true, pasid, group, VTD_PAGE_FAILURE);
	CLAIM(vtd_descriptor_type(d) == VTD_DESCRIPTOR_PAGE_RESPONSE);
	CLAIM(vtd_descriptor_pasid_source_id(d) == source && vtd_descriptor_pasid(d) == pasid);
	CLAIM((d.high >> 3 & 511) == group && (d.low >> 12 & 15) == VTD_PAGE_FAILURE);
}

/* The range of a device's TLB: the size bit, and ones up to the order, hold the address. */
static void device_ranges(void)
{
	const uint64_t address = any_64();
	const unsigned int order = any_below(65);
	const struct vtd_descriptor d =
		vtd_descriptor_device_tlb(any_16(), address, order, 0, false, 0);
	const unsigned int bit = 12 + any_below(51);

	CLAIM(vtd_descriptor_type(d) == VTD_DESCRIPTOR_DEVICE_TLB);
	CLAIM(((d.high & VTD_DEVICE_TLB_SIZE) != 0) == (order != 0));
	if (order == 0)
		CLAIM((d.high & ~4095ULL) == (address & ~4095ULL));
	if (order != 0 && order < 52 && bit < 12 + order - 1)
		CLAIM((d.high >> bit & 1) == 1);
	if (order != 0 && order < 52)
		CLAIM((d.high >> (12 + order - 1) & 1) == 0);
	if (order != 0 && order < 52 && bit >= 12 + order)
		CLAIM((d.high >> bit & 1) == (address >> bit & 1));
}

static void pages(void)
{
	const uint64_t page = any_page();
	const unsigned int level = 1 + any_below(3);
	const bool read = any_bool(), write = any_bool();
	const uint64_t leaf = vtd_ss_leaf(page, level, read, write);

	CLAIM(vtd_ss_is_present(leaf) == (read || write));
	CLAIM((leaf & VTD_SS_ADDRESS_MASK) == page && vtd_ss_is_leaf(leaf, level));
	CLAIM(((leaf & VTD_SS_READ) != 0) == read && ((leaf & VTD_SS_WRITE) != 0) == write);
	CLAIM(vtd_ss_is_present(vtd_ss_table(page)) &&
	      !vtd_ss_is_leaf(vtd_ss_table(page), level + 1));
	CLAIM(vtd_fs_is_present(vtd_fs_table(page)) &&
	      !vtd_fs_is_leaf(vtd_fs_table(page), level + 1));
	CLAIM(tce_is_valid(tce_page(page, read, write)) == (read || write));
	CLAIM(tce_address(tce_page(page, read, write)) == page);
	CLAIM(tce_is_valid(tce_table(page)) && tce_address(tce_table(page)) == page);
}

static void windows(void)
{
	const uint64_t table = any_64() & 0x0000fffffffff000ULL;
	const unsigned int levels = 1 + any_below(5), shift = 12 + any_below(31);
	const unsigned int page = 12 + any_below(31);
	const uint64_t start = any_64() & 0x0003ffffff000000ULL,
		       end = any_64() & 0x0003ffffff000000ULL;
	const uint64_t tve = tve_table(table, levels, shift, page), bypass = tve_bypass(start, end);

	CLAIM(tve_table_address(tve) == table && tve_levels(tve) == levels);
	CLAIM(tve_table_shift(tve) == shift && tve_page_shift(tve) == page && !tve_is_bypass(tve));
	CLAIM(tve_is_bypass(bypass));
	CLAIM(tve_bypass_start(bypass) == start && tve_bypass_end(bypass) == end);
}

static void interrupts(void)
{
	const unsigned int vector = any_below(256), mode = any_below(8);
	const bool x2apic = any_bool();
	const uint32_t destination = x2apic ? any_32() : any_32() & 0xff;
	const uint64_t descriptor = any_64() & ~63ULL;
	const uint16_t handle = any_16(), source = any_16();
	uint64_t low = vtd_irte_remapped_low(vector, mode, any_bool(), any_bool(), any_bool(),
					     destination, x2apic);
	uint64_t high =
		vtd_irte_high((enum vtd_source_validation)any_below(3), any_below(4), source);

	CLAIM(vtd_irte_vector(low) == vector && vtd_irte_delivery_mode(low) == mode);
	CLAIM(vtd_irte_destination(low, x2apic) == destination);
	CLAIM((uint16_t)high == source && high >> 20 == 0);
	CLAIM(vtd_irte_destination(vtd_irte_with_destination(low, 7, x2apic), x2apic) == 7);
	CLAIM(vtd_irte_vector(vtd_irte_with_destination(low, 7, x2apic)) == vector);
	low = vtd_irte_posted_low(vector, any_bool(), descriptor);
	high |= descriptor & 0xffffffff00000000ULL;
	CLAIM(vtd_irte_descriptor(low, high) == descriptor && vtd_irte_vector(low) == vector);
	CLAIM(vtd_msi_handle(vtd_msi_address(handle, any_bool())) == handle);
	CLAIM((vtd_msi_address(handle, any_bool()) & 0xfff00000U) == 0xfee00000U);
}

static void queues(void)
{
	const bool wide = any_bool();
	const unsigned int index = any_below(wide ? 16384 : 32768);
	const uint64_t table = any_page();
	const unsigned int order = 1 + any_below(16);
	const uint64_t irta = vtd_irta(table, order, any_bool());
	const uint16_t source = any_16();

	CLAIM(vtd_queue_index(vtd_queue_offset(index, wide), wide) == index);
	CLAIM(vtd_irta_entries(irta) == 1U << order && (irta & VTD_ENTRY_ADDRESS_MASK) == table);
	CLAIM(vtd_iqercd_silent(vtd_iqercd(VTD_QUEUE_ERROR_TYPE, source)) == source);
}

/* Registers of any value are decoded without anything undefined, into what their comments say. */
static void registers(void)
{
	const uint64_t cap = any_64();
	const uint32_t domains = vtd_cap_domains(cap);

	CLAIM(domains == 0 ||
	      (domains >= 16 && domains <= 65536 && (domains & (domains - 1)) == 0));
	CLAIM(vtd_cap_sagaw(cap) < 32 && vtd_cap_guest_address_width(cap) <= 64);
	CLAIM(vtd_cap_fault_offset(cap) <= 16368 && vtd_cap_fault_records(cap) <= 256);
	CLAIM((vtd_cap_second_stage_large_pages(cap) & ~(1ULL << 21 | 1ULL << 30)) == 0);
	CLAIM(vtd_cap_max_address_mask(cap) < 64 && vtd_ecap_pasid_bits(cap) <= 32);
	CLAIM(vtd_ecap_max_handle_mask(cap) < 16 && vtd_ecap_iotlb_offset(cap) <= 16368);
	CLAIM(vtd_fsts_record_index((uint32_t)cap) < 256);
	CLAIM(phb_kill_page_shift(cap) >= 12 && phb_kill_page_shift(cap) <= 30);
}

int main(void)
{
	contexts();
	pasids();
	plain_descriptors();
	descriptors_with_pasids();
	device_ranges();
	pages();
	windows();
	interrupts();
	queues();
	registers();
	END();
	return 0;
}
