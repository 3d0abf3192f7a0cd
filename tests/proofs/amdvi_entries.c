/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AMD IOMMU's structures of include/libiommu/hw/amdvi_*.h, and its page-table entries as the
 * format of src/pgtable makes them: what is encoded is decoded again, for all values of every
 * field, and nothing else is touched; coded sizes and the entries of a run, at every level.
 */
#include <libiommu/hw/amdvi_command.h>
#include <libiommu/hw/amdvi_device_table.h>
#include <libiommu/hw/amdvi_event.h>
#include <libiommu/hw/amdvi_guest_table.h>
#include <libiommu/hw/amdvi_interrupt.h>
#include <libiommu/hw/amdvi_page_request.h>
#include <libiommu/hw/amdvi_registers.h>

#include "pgtable/format_amdv1.h"
#include "proof.h"

/* Any field, in the first two words of a structure. */
static void fields(void)
{
	const unsigned int word = any_below(2), low = any_below(64);
	const unsigned int high = low + any_below(64 - low);
	const unsigned int field = AMDVI_FIELD(64 * word + high, 64 * word + low);
	const uint64_t most = ~0ULL >> (63 - (high - low)), value = any_64();
	const uint64_t first = any_64(), second = any_64(), before = word == 0 ? first : second;
	amdvi_word_t words[2] = {first, second};

	CLAIM(amdvi_field_word(field) == word && amdvi_field_mask(field) == most << low);
	amdvi_set(words, field, value);
	CLAIM(amdvi_get(words, field) == (value & most));
	CLAIM(amdvi_has(words, field) == ((value & most) != 0));
	CLAIM(((words[word] ^ before) & ~(most << low)) == 0);
	CLAIM(words[1 - word] == (word == 0 ? second : first));
	amdvi_set_address(words, field, value);
	CLAIM(amdvi_address(words, field) == (value & most << low));
}

static void coded_ranges(void)
{
	const unsigned int shift = AMDVI_CODED_SHIFT_MIN + any_below(51);
	const uint64_t address = any_64(), coded = amdvi_coded(address, shift);

	CLAIM(amdvi_coded_size(coded) == 1ULL << shift);
	CLAIM(amdvi_coded_base(coded) == address >> shift << shift);
	CLAIM((coded & 0xfff) == 0 && (coded >> (shift - 1) & 1) == 0);
	CLAIM(amdvi_coded_size(amdvi_coded(address, 64)) == 0);
	CLAIM(amdvi_coded_base(any_64() | 0x7ffffffffffff000ULL) == 0);
}

static void structures(void)
{
	const uint64_t root = any_64() & 0x000ffffffffff000ULL;
	const uint32_t pasid = any_32() & 0xfffff, destination = any_32();
	struct amdvi_dte dte = {{any_64(), any_64(), any_64(), any_64()}}, before = dte;
	struct amdvi_event event = amdvi_event_of(AMDVI_IO_PAGE_FAULT, any_16(), any_64());
	struct amdvi_page_request request = {{any_64(), any_64()}};
	const struct amdvi_irte_long irte =
		amdvi_irte_long_of(AMDVI_INT_TYPE_FIXED, any_bool(), destination, any_below(256));

	amdvi_dte_set_gcr3_root(&dte, root);
	CLAIM(amdvi_dte_gcr3_root(&dte) == root);
	CLAIM(((dte.words[0] ^ before.words[0]) & ~0x1c00000000000000ULL) == 0);
	CLAIM(((dte.words[1] ^ before.words[1]) & ~0xfffff800ffff0000ULL) == 0);
	amdvi_dte_set_firmware(&dte, any_below(256));
	CLAIM(((dte.words[2] ^ before.words[2]) & ~0xc700000000000000ULL) == 0);
	CLAIM(amdvi_dte_gcr3_root(&dte) == root);
	amdvi_event_set_pasid(&event, pasid);
	CLAIM(amdvi_event_pasid(&event) == pasid);
	CLAIM(amdvi_event_code(&event) == AMDVI_IO_PAGE_FAULT);
	amdvi_page_request_set_pasid(&request, pasid);
	CLAIM(amdvi_page_request_pasid(&request) == pasid);
	CLAIM(amdvi_irte_long_destination(&irte) == destination);
	CLAIM(amdvi_xt_destination(amdvi_xt_interrupt(destination, any_below(256))) == destination);
	CLAIM((amdvi_gcr3_index(pasid, 1) | amdvi_gcr3_index(pasid, 2) << 9 |
	       amdvi_gcr3_index(pasid, 3) << 18) == pasid);
}

static void commands(void)
{
	const unsigned int shift = 12 + any_below(52);
	const uint64_t address = any_64(), data = any_64();
	const uint16_t domain = any_16(), devid = any_16();
	const uint32_t pasid = any_32() & 0xfffff;
	struct amdvi_command c = amdvi_invalidate_pages(domain, address, shift, any_bool());

	CLAIM(amdvi_command_size(&c) == 1ULL << shift);
	CLAIM(amdvi_command_address(&c) == address >> shift << shift);
	c = amdvi_pages_with_pasid(c, pasid);
	CLAIM(amdvi_get(c.words, AMDVI_IOMMU_PAGES_PASID) == pasid);
	CLAIM(amdvi_get(c.words, AMDVI_IOMMU_PAGES_DOMAIN) == domain);
	CLAIM(amdvi_command_opcode(&c) == AMDVI_INVALIDATE_IOMMU_PAGES);
	CLAIM(amdvi_command_size(&c) == 1ULL << shift && (c.words[1] & 0xff8) == 0);
	c = amdvi_invalidate_iotlb(devid, any_32(), address, shift);
	c = amdvi_iotlb_with_pasid(c, pasid);
	CLAIM(amdvi_iotlb_pasid(&c) == pasid && amdvi_command_devid(&c) == devid);
	CLAIM(amdvi_get(c.words, AMDVI_IOTLB_QUEUE) == devid);
	CLAIM(amdvi_command_size(&c) == 1ULL << shift);
	c = amdvi_completion_wait(address, data);
	CLAIM(amdvi_address(c.words, AMDVI_WAIT_ADDRESS) == (address & 0x000ffffffffffff8ULL));
	CLAIM(c.words[1] == data && amdvi_command_opcode(&c) == AMDVI_COMPLETION_WAIT);
}

/* A table as configure makes it. */
static struct iommu_pgtable any_table(void)
{
	struct iommu_pgtable pt = {.levels = 6, .pgsize_bitmap = AMDVI_PTE_ADDRESS};

	pt.address_mask = AMDVI_PTE_ADDRESS & ((1ULL << (13 + any_below(40))) - 1);
	pt.leaf_attributes = (any_bool() ? AMDVI_PTE_FC : 0) |
			     (any_bool() ? AMDVI_PTE_ACCESSED | AMDVI_PTE_DIRTY : 0);
	return pt;
}

/* A page of any level, and a run of any size: what hardware and the template read of each entry. */
static void pages(void)
{
	const struct iommu_pgtable pt = any_table();
	const unsigned int level = 1 + any_below(5), bits = any_below(9), prot = 1 + any_below(3);
	const unsigned int shift = amdvi_level_shift(level) + bits;
	const uint64_t run = 1ULL << bits, i = any_below(256);
	const iommu_paddr_t paddr = (any_64() & pt.address_mask) >> shift << shift;
	const uint64_t leaf = amdv1_make_leaf(&pt, paddr, level, prot);
	uint64_t entry;

	ASSUME(i < run && shift < 52 &&
	       (paddr | ((1ULL << shift) - 1)) <= (pt.address_mask | 0xfff));
	CLAIM(amdv1_is_present(leaf) && amdv1_is_leaf(leaf, level) && !amdv1_is_run(leaf, level));
	CLAIM(amdv1_address(&pt, leaf) == paddr && amdv1_prot(leaf) == prot);
	CLAIM(amdv1_entry_is_sane(&pt, leaf, level));
	if (bits == 0)
		return;
	entry = amdv1_run_entry(&pt, leaf, level, run, i);
	CLAIM(amdv1_is_present(entry) && amdv1_is_leaf(entry, level) && amdv1_is_run(entry, level));
	CLAIM(amdv1_run_bits(&pt, entry, level) == bits && amdv1_prot(entry) == prot);
	CLAIM(amdvi_pte_coded_size(entry) == 1ULL << shift && amdvi_pte_address(entry) == paddr);
	CLAIM(amdv1_entry_is_sane(&pt, entry, level));
	CLAIM((amdv1_address(&pt, entry) & ~((1ULL << shift) - 1)) == paddr);
	CLAIM(amdv1_run_leaf(entry, level, i) ==
	      amdv1_make_leaf(&pt, paddr + (i << amdvi_level_shift(level)), level, prot));
}

/* Of any entry: what is sane has a size of its level; a table is of a lower level. */
static void foreign_entries(void)
{
	const struct iommu_pgtable pt = any_table();
	const unsigned int level = 1 + any_below(6), below = 1 + any_below(6);
	const uint64_t entry = any_64(), table = any_64() & AMDVI_PTE_ADDRESS;
	const unsigned int bits = amdv1_run_bits(&pt, entry, level);

	CLAIM(bits < AMDVI_PTE_BITS);
	CLAIM(amdv1_next_level(amdv1_make_table(&pt, table, below), below) == below - 1 ||
	      below == 1);
	if (!amdv1_is_present(entry) || !amdv1_entry_is_sane(&pt, entry, level))
		return;
	if (!amdv1_is_leaf(entry, level)) {
		CLAIM(amdv1_next_level(entry, level) >= 1 &&
		      amdv1_next_level(entry, level) < level);
		return;
	}
	CLAIM(level <= AMDVI_LEAF_LEVELS);
	CLAIM(amdv1_is_run(entry, level) == (bits != 0));
	CLAIM((amdv1_address(&pt, entry) & ~pt.address_mask) == 0);
}

/* In parts, each of which is quick. */
int main(void)
{
#if PART == 1
	fields();
#elif PART == 2
	coded_ranges();
	structures();
	commands();
#else
	pages();
	foreign_entries();
#endif
	END();
	return 0;
}
