/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model of a VT-d unit under a hostile guest: register accesses of any place and width, tables,
 * queues and rings of any contents in a memory of 64 pages, devices that send requests of all
 * kinds, states restored from any bytes.
 *
 * After each call: no lock is held, the memory that the model takes stays within its bound, and the
 * call has read and written the guest's memory no more often than the header allows: the largest
 * queue for calls that may go on with a queue, the longest walk for those that only look. What a
 * look-up without effects says is what the request then gets; what a walk says lies in the range
 * that was asked for, in order; and a state that was saved is restored, saved again, and is the
 * same.
 */
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_page_request.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "bare_vtd.h"
#include "fuzz.h"
#include "test_contract.h"

#define OPERATIONS  160
#define LARGEST     32768U /* descriptors that one call executes at most */
#define ACCESSES    8U     /* of memory, for one descriptor */
#define LONGEST     80U    /* … for one look-up: six walks of five levels, entries above them */
#define ENTRIES     512U   /* of the cache */
#define MODEL_PAGES 256U
#define DIRECTORY   0x14000ULL
#define PASIDS      0x15000ULL
#define RING        0x16000ULL

static struct fuzz_bytes input;
static unsigned int accesses_before;

static unsigned int accesses(void)
{
	return t.reads + t.writes;
}

static void begin_call(void)
{
	accesses_before = accesses();
}

static void end_call(unsigned int most)
{
	struct iommu_model_vtd_stats stats;

	test_contract_no_lock(&t.hosted, "a call of the model");
	FUZZ_CHECK(accesses() - accesses_before <= most);
	FUZZ_CHECK(t.hosted.pages_in_use <= MODEL_PAGES);
	iommu_model_vtd_get_stats(t.model, &stats);
	FUZZ_CHECK(stats.cached_contexts + stats.cached_pages + stats.cached_tables +
			   stats.cached_interrupts + stats.cached_pasids +
			   stats.cached_first_pages + stats.cached_first_tables <=
		   ENTRIES);
}

static void end_working_call(void)
{
	end_call(LARGEST * ACCESSES + LONGEST);
}

/* --- What a guest writes ---------------------------------------------------------------------- */

/* A page of its memory, of no memory, or any address. */
static uint64_t any_page(void)
{
	const unsigned int how = fuzz_byte(&input);

	if (how < 224)
		return (uint64_t)(how & 63) << 12;
	return fuzz_wild(&input) & ~4095ULL;
}

static uint64_t any_word(void)
{
	const uint64_t page = any_page();

	switch (fuzz_below(&input, 8)) {
	case 0:
		return fuzz_wild(&input);
	case 1:
		return vtd_ss_table(page);
	case 2:
		return vtd_ss_leaf(page, 1 + fuzz_below(&input, 3), fuzz_flag(&input),
				   fuzz_flag(&input));
	case 3:
		return vtd_root_low(page);
	case 4: /* of a first stage: present, writable, user, accessed, dirty, large */
		return page | (fuzz_byte(&input) | 1);
	case 5:
		return vtd_scalable_context_low(page, fuzz_below(&input, 6),
						(uint64_t)fuzz_below(&input, 8) << 2);
	case 6:
		return vtd_context_low(page, (enum vtd_translation_type)fuzz_below(&input, 4));
	default:
		return vtd_pasid_word0((enum vtd_pasid_type)fuzz_below(&input, 6),
				       2 + fuzz_below(&input, 5), page, 0);
	}
}

static void write_memory(void)
{
	uint64_t at = any_page() % MEMORY;
	unsigned int count = fuzz_byte(&input);

	at += (uint64_t)(fuzz_flag(&input) ? fuzz_below(&input, 512) : fuzz_below(&input, 16)) * 8;
	/* One word, a few, or a page that is full of one. */
	if (count < 192) {
		word(at, any_word());
	} else if (count < 250) {
		for (count = count % 8 + 1; count != 0 && at < MEMORY; count--, at += 8)
			word(at, any_word());
	} else {
		const uint64_t value = any_word();

		for (at &= ~4095ULL, count = 512; count != 0; count--, at += 8)
			word(at, value);
	}
}

/* Tables that lead somewhere, for the fuzzer to damage. */
static void write_legacy_tables(void)
{
	make_tables(3 + fuzz_below(&input, 3), (enum vtd_translation_type)fuzz_below(&input, 3));
}

static void write_scalable_tables(void)
{
	const uint64_t entry = CONTEXT + (SID & 0x7f) * 32;
	const unsigned int levels = 4 + fuzz_below(&input, 2);

	word(ROOT + 16, vtd_root_low(CONTEXT));
	word(entry, vtd_scalable_context_low(DIRECTORY, 0,
					     VTD_CONTEXT_DEVICE_TLB | VTD_CONTEXT_PASIDS |
						     VTD_CONTEXT_PAGE_REQUESTS));
	word(DIRECTORY, PASIDS | 1);
	for (unsigned int pasid = 0; pasid < 3; pasid++) {
		word(PASIDS + pasid * 64,
		     vtd_pasid_word0((enum vtd_pasid_type)(1 + fuzz_below(&input, 4)), levels,
				     LEVEL(levels), VTD_PASID_SSADE * fuzz_below(&input, 2)));
		word(PASIDS + pasid * 64 + 8, 5 | VTD_PASID_PWSNP);
		word(PASIDS + pasid * 64 + 16,
		     vtd_pasid_word2(levels, 0x20000, VTD_PASID_SRE | VTD_PASID_ERE));
	}
	for (unsigned int level = levels; level > 1; level--) {
		word(LEVEL(level), vtd_ss_table(LEVEL(level - 1)));
		word(0x20000 + (levels - level) * 0x1000ULL,
		     (0x20000 + (levels - level + 1) * 0x1000ULL) | 7);
	}
	for (unsigned int i = 0; i < 64; i++) {
		word(LEVEL(1) + i * 8, vtd_ss_leaf(i * 0x1000ULL, 1, true, true));
		word(0x20000 + (levels - 1) * 0x1000ULL + i * 8, i * 0x1000ULL | 7);
	}
}

static const uint16_t places[] = {
	VTD_VER,      VTD_CAP,     VTD_ECAP,     VTD_GCMD,    VTD_GSTS,    VTD_RTADDR, VTD_CCMD,
	VTD_FSTS,     VTD_FECTL,   VTD_FEDATA,   VTD_FEADDR,  VTD_FEUADDR, VTD_PMEN,   VTD_PLMBASE,
	VTD_PLMLIMIT, VTD_PHMBASE, VTD_PHMLIMIT, VTD_IQH,     VTD_IQT,     VTD_IQA,    VTD_ICS,
	VTD_IECTL,    VTD_IEDATA,  VTD_IEADDR,   VTD_IEUADDR, VTD_IQERCD,  VTD_IRTA,   VTD_PQH,
	VTD_PQT,      VTD_PQA,     VTD_PRS,      VTD_PECTL,   VTD_PEDATA,  VTD_PEADDR, VTD_PEUADDR,
};

static uint64_t any_register(void)
{
	const unsigned int how = fuzz_byte(&input);

	if (how < 160)
		return places[how % (sizeof(places) / sizeof(places[0]))];
	if (how < 200)
		return fuzz_number(&input, 1) * 4 % 0x200;
	if (how < 240)
		return fuzz_number(&input, 2) & 0x3ffc;
	return fuzz_wild(&input);
}

static void write_register(void)
{
	static const unsigned int widths[] = {4, 8, 4, 8, 4, 8, 1, 2, 0, 3, 16, 255};
	const uint64_t offset = any_register();
	const unsigned int size = widths[fuzz_below(&input, 12)];
	const uint64_t value =
		fuzz_flag(&input) ? any_page() | fuzz_number(&input, 2) : fuzz_wild(&input);

	begin_call();
	if (fuzz_below(&input, 4) == 0)
		(void)iommu_model_vtd_mmio_read(t.model, offset, size);
	else
		iommu_model_vtd_mmio_write(t.model, offset, size, value);
	end_working_call();
}

static void write_command(void)
{
	static const uint32_t bits[] = {VTD_GLOBAL_TE,  VTD_GLOBAL_SRTP,  VTD_GLOBAL_QIE,
					VTD_GLOBAL_IRE, VTD_GLOBAL_SIRTP, VTD_GLOBAL_CFI,
					VTD_GLOBAL_WBF, VTD_GLOBAL_SFL};
	const unsigned int which = fuzz_below(&input, 8);

	begin_call();
	if (bits[which] == VTD_GLOBAL_SRTP)
		set(VTD_RTADDR, 8, ROOT | (fuzz_flag(&input) ? VTD_RTADDR_SCALABLE : 0));
	if (bits[which] == VTD_GLOBAL_SIRTP)
		set(VTD_IRTA, 8, TABLE | fuzz_below(&input, 16) | VTD_IRTA_X2APIC);
	if (bits[which] == VTD_GLOBAL_QIE)
		set(VTD_IQA, 8,
		    QUEUE | (fuzz_flag(&input) ? VTD_IQA_WIDE : 0) | fuzz_below(&input, 8));
	command(bits[which], fuzz_below(&input, 4) != 0);
	end_working_call();
}

static struct vtd_descriptor any_descriptor(void)
{
	const uint16_t domain = (uint16_t)(4 + fuzz_below(&input, 3)), sid = (uint16_t)SID;
	const uint32_t pasid = fuzz_below(&input, 4);
	const unsigned int detail = fuzz_byte(&input);
	struct vtd_descriptor d;

	switch (fuzz_below(&input, 14)) {
	case 0:
		return vtd_descriptor_of(fuzz_wild(&input), fuzz_wild(&input));
	case 1:
		d = vtd_descriptor_context((enum vtd_granularity)(detail & 3), domain, sid);
		break;
	case 2:
		d = vtd_descriptor_iotlb((enum vtd_granularity)(detail & 3), domain, 0);
		break;
	case 3:
		d = vtd_descriptor_iotlb_pages(domain, any_page(), detail & 63, false, 0);
		break;
	case 4:
		d = vtd_descriptor_device_tlb(sid, any_page(), detail % 65, detail, false, 0);
		break;
	case 5:
		d = vtd_descriptor_interrupts((uint16_t)detail, detail & 31);
		break;
	case 6:
		d = vtd_descriptor_all_interrupts();
		break;
	case 7:
		d = vtd_descriptor_pasid_iotlb(domain, pasid);
		break;
	case 8:
		d = vtd_descriptor_pasid_iotlb_pages(domain, pasid, any_page(), detail & 63,
						     fuzz_flag(&input));
		break;
	case 9:
		d = vtd_descriptor_pasid_cache(detail & 3, domain, pasid);
		break;
	case 10:
		d = vtd_descriptor_pasid_device_tlb(sid, pasid, any_page(), detail % 65, detail,
						    fuzz_flag(&input), sid);
		break;
	case 11:
		d = vtd_descriptor_page_response(sid, fuzz_flag(&input), pasid,
						 (uint16_t)(detail & 3),
						 (enum vtd_page_response_code)(detail >> 4));
		break;
	case 12:
		d = vtd_descriptor_drain();
		break;
	default:
		d = vtd_descriptor_wait(any_page() + (detail & 252), fuzz_byte(&input));
		d.low ^= (uint64_t)fuzz_below(&input, 16) << 4;
		break;
	}
	/* Now and then one bit that is not as it should be. */
	if (fuzz_below(&input, 8) == 0)
		d.low ^= 1ULL << fuzz_below(&input, 64);
	if (fuzz_below(&input, 8) == 0)
		d.high ^= 1ULL << fuzz_below(&input, 64);
	return d;
}

static void submit_descriptors(void)
{
	begin_call();
	t.wide = (reg(VTD_IQA, 8) & VTD_IQA_WIDE) != 0;
	t.tail = (unsigned int)(reg(VTD_IQT, 8) >> (t.wide ? 5 : 4)) % (t.wide ? 128 : 256);
	for (unsigned int count = 1 + fuzz_below(&input, 4); count != 0; count--)
		submit(any_descriptor());
	end_call(5 * (LARGEST * ACCESSES + LONGEST));
}

/* --- What devices do -------------------------------------------------------------------------- */

static uint64_t any_address(void)
{
	switch (fuzz_below(&input, 4)) {
	case 0:
		return fuzz_wild(&input);
	case 1:
		return 0xfee00000 + fuzz_number(&input, 2) * 4;
	case 2:
		return 0x123000 + fuzz_number(&input, 1);
	default:
		return fuzz_number(&input, 2) << 8;
	}
}

static uint16_t any_source(void)
{
	return fuzz_below(&input, 8) != 0 ? SID : (uint16_t)fuzz_number(&input, 2);
}

static struct iommu_model_request any_request(void)
{
	const unsigned int bits = fuzz_byte(&input);

	return (struct iommu_model_request){
		.source_id = any_source(),
		.type = (enum iommu_model_request_type)(bits % 3),
		.has_pasid = (bits & 4) != 0,
		.pasid = fuzz_below(&input, 8) != 0 ? bits >> 6
						    : (uint32_t)fuzz_wild(&input) & 0xfffff,
		.address = any_address(),
		.access = bits >> 3 & 3,
		.privileged = (bits & 32) != 0,
		.execute = (bits & 64) != 0,
	};
}

static void check_answer(int status, const struct iommu_model_translation *answer)
{
	FUZZ_CHECK(status == 0 ? answer->reason == 0 : status == IOMMU_EFAULT);
	FUZZ_CHECK(status == 0 || answer->reason != 0);
}

static void translate(void)
{
	const struct iommu_model_request request = any_request();
	struct iommu_model_translation seen, answer;
	int looked, status;

	begin_call();
	looked = iommu_model_vtd_peek(t.model, &request, &seen);
	check_answer(looked, &seen);
	end_call(LONGEST);
	/* What is left of a queue may change everything before the request is answered. */
	if (iommu_model_vtd_run(t.model))
		return;
	looked = iommu_model_vtd_peek(t.model, &request, &seen);
	begin_call();
	status = iommu_model_vtd_translate(t.model, &request, &answer);
	check_answer(status, &answer);
	end_call(2 * LONGEST);
	/* A bit that cannot be noted makes a difference; nothing else does. */
	if (looked != 0)
		FUZZ_CHECK(status != 0);
	if (looked == 0 && status == 0)
		FUZZ_CHECK(seen.paddr == answer.paddr && seen.is_interrupt == answer.is_interrupt);
}

static int visit(void *ctx, const struct iommu_model_piece *piece)
{
	uint64_t *next = ctx;

	FUZZ_CHECK(piece->offset == *next && piece->size != 0);
	*next += piece->size;
	return piece->offset > 64 << 12 ? 1 : 0;
}

static void access_buffer(void)
{
	const struct iommu_model_request request = any_request();
	const uint64_t size = fuzz_flag(&input) ? fuzz_number(&input, 2) : fuzz_wild(&input);
	struct iommu_model_translation last;
	uint64_t next = 0;
	int status;

	begin_call();
	status = iommu_model_vtd_access(t.model, &request, size, visit, &next, &last);
	FUZZ_CHECK(status != 0 || next == size);
	end_call(128 * (2 * LONGEST) + LARGEST * ACCESSES);
}

static void walk(void)
{
	struct iommu_model_walk w = {.source_id = any_source(),
				     .has_pasid = fuzz_flag(&input),
				     .pasid = fuzz_below(&input, 3)};
	struct iommu_model_mapping mappings[8];
	iommu_iova_t next;

	w.next = next = fuzz_flag(&input) ? 0 : any_address() & ~4095ULL;
	w.last = fuzz_flag(&input) ? w.next + 0xffffff : fuzz_wild(&input) | 4095;
	for (unsigned int calls = 0; calls < 8 && !w.is_done; calls++) {
		const uint64_t looked_at = w.looked_at;
		size_t count = 8;
		int status;

		begin_call();
		status = iommu_model_vtd_walk(t.model, &w, mappings, &count);
		end_call(513 * LONGEST);
		if (status == IOMMU_EINVAL)
			return;
		FUZZ_CHECK(status == 0 ? w.looked_at - looked_at <= 512 : w.is_done);
		for (size_t i = 0; status == 0 && i < count; i++) {
			const struct iommu_model_mapping *m = &mappings[i];

			FUZZ_CHECK(m->iova >= next && m->size != 0 && (m->size & 4095) == 0);
			FUZZ_CHECK(m->iova + (m->size - 1) <= w.last);
			FUZZ_CHECK(m->iova + (m->size - 1) >= m->iova && m->prot != 0);
			next = m->iova + m->size;
			FUZZ_CHECK(next != 0 || i + 1 == count);
		}
	}
}

static void look_at_stage(void)
{
	struct iommu_model_stage stage;
	int status;

	begin_call();
	status = iommu_model_vtd_get_stage(t.model, any_source(), fuzz_flag(&input),
					   fuzz_below(&input, 4), &stage);
	FUZZ_CHECK(status == 0 ? stage.reason == 0 : stage.reason != 0);
	end_call(LONGEST);
}

static void send_interrupt(void)
{
	const uint64_t address = fuzz_below(&input, 8) == 0
					 ? fuzz_wild(&input)
					 : 0xfee00000 | fuzz_number(&input, 3) % 0x100000;
	const uint32_t data = fuzz_byte(&input);
	const uint16_t source = any_source();
	struct iommu_model_interrupt seen, sent;
	int looked, status;

	(void)iommu_model_vtd_run(t.model);
	begin_call();
	looked = iommu_model_vtd_peek_interrupt(t.model, source, address, data, &seen);
	end_call(LONGEST);
	begin_call();
	status = iommu_model_vtd_interrupt(t.model, source, address, data, &sent);
	FUZZ_CHECK(status == 0 ? sent.reason == 0 : status == IOMMU_EFAULT);
	FUZZ_CHECK(looked == 0 || status != 0);
	end_working_call();
}

static void ask_for_page(void)
{
	const struct iommu_model_page_request request = {
		.source_id = any_source(),
		.has_pasid = fuzz_flag(&input),
		.pasid = fuzz_below(&input, 3),
		.address = any_address() & ~4095ULL,
		.access = fuzz_below(&input, 4),
		.group = (uint16_t)fuzz_below(&input, 512),
		.is_last = fuzz_flag(&input),
	};
	int status;

	begin_call();
	status = iommu_model_vtd_page_request(t.model, &request);
	FUZZ_CHECK(status == 0 || status == IOMMU_ENOSPC || status == IOMMU_EFAULT);
	end_working_call();
}

/* --- States ----------------------------------------------------------------------------------- */

static unsigned char saved[16384];

static void save_and_restore(void)
{
	const size_t size = iommu_model_vtd_save(t.model, saved, sizeof(saved));
	unsigned int changes = fuzz_below(&input, 8);
	int status;

	FUZZ_CHECK(size != 0 && size <= sizeof(saved));
	for (; changes != 0; changes--) {
		const size_t at = (size_t)fuzz_number(&input, 2) % size;

		saved[at] ^= (unsigned char)fuzz_byte(&input);
	}
	begin_call();
	status = iommu_model_vtd_restore(t.model, saved,
					 fuzz_below(&input, 8) != 0 ? size : size / 2);
	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL);
	end_working_call();
}

/* What was saved with nothing on its way is what is saved after it was restored. */
static void save_twice(void)
{
	static unsigned char again[sizeof(saved)];
	size_t size;

	while (iommu_model_vtd_run(t.model))
		if (t.work_remains > 64)
			return;
	size = iommu_model_vtd_save(t.model, saved, sizeof(saved));
	FUZZ_CHECK(iommu_model_vtd_restore(t.model, saved, size) == 0);
	if (iommu_model_vtd_run(t.model))
		return;
	FUZZ_CHECK(iommu_model_vtd_save(t.model, again, sizeof(again)) == size);
}

/*
 * What another processor of the guest does while a device is asked to invalidate, or is given an
 * answer. Neither happens within its own kind, but one may within the other.
 */
static unsigned int depth;

static void act_meanwhile(void)
{
	FUZZ_CHECK(depth < 2);
	depth++;
	switch (fuzz_below(&input, 8)) {
	case 0:
		set(VTD_IQT, 8, fuzz_number(&input, 1) << 4);
		break;
	case 1:
		command(VTD_GLOBAL_QIE, fuzz_flag(&input));
		break;
	case 2:
		iommu_model_vtd_reset(t.model);
		break;
	case 3:
		(void)reach(any_address(), 1);
		break;
	default:
		break;
	}
	depth--;
}

static void operate(void)
{
	switch (fuzz_below(&input, 24)) {
	case 0:
	case 1:
	case 2:
	case 3:
		write_memory();
		break;
	case 4:
		write_legacy_tables();
		break;
	case 5:
		write_scalable_tables();
		break;
	case 6:
	case 7:
	case 8:
		write_register();
		break;
	case 9:
	case 10:
		write_command();
		break;
	case 11:
	case 12:
	case 13:
		submit_descriptors();
		break;
	case 14:
	case 15:
		translate();
		break;
	case 16:
		access_buffer();
		break;
	case 17:
		walk();
		break;
	case 18:
		look_at_stage();
		break;
	case 19:
		send_interrupt();
		break;
	case 20:
		ask_for_page();
		break;
	case 21:
		save_and_restore();
		break;
	case 22:
		if (fuzz_below(&input, 4) == 0) {
			begin_call();
			iommu_model_vtd_reset(t.model);
			end_working_call();
		} else {
			save_twice();
		}
		break;
	default:
		t.silent = fuzz_flag(&input);
		t.meanwhile = fuzz_flag(&input) ? act_meanwhile : NULL;
		break;
	}
}

static bool told(void *ctx, const struct iommu_model_invalidation *what)
{
	(void)ctx;
	FUZZ_CHECK(what->type <= IOMMU_MODEL_RESET && what->granularity <= IOMMU_MODEL_OF_INDEXES);
	return true;
}

/* The features of a unit: most of them, or any. */
static struct iommu_model_vtd_config any_config(void)
{
	const unsigned int all = (IOMMU_MODEL_VTD_COUNTERS << 1) - 1;
	const unsigned int odd = IOMMU_MODEL_VTD_NO_QUEUE | IOMMU_MODEL_VTD_NO_SECOND_STAGE |
				 IOMMU_MODEL_VTD_NO_PAGES | IOMMU_MODEL_VTD_SINGLE_PAGES |
				 IOMMU_MODEL_VTD_NONCOHERENT | IOMMU_MODEL_VTD_WRITE_BUFFER;
	const unsigned int how = fuzz_byte(&input);
	struct iommu_model_vtd_config config = {.flags = all & ~odd, .cache_entries = ENTRIES};

	config.fault_records = 1 + (how & 7);
	if ((how & 0x80) != 0)
		config.flags = (unsigned int)fuzz_number(&input, 3) & all;
	if ((how & 0x40) != 0) {
		config.levels = fuzz_below(&input, 64);
		config.address_width = 30 + fuzz_below(&input, 28);
		config.output_width = 32 + fuzz_below(&input, 21);
		config.pasid_bits = fuzz_below(&input, 21);
		config.domain_bits = 2 * fuzz_below(&input, 9);
		config.version = fuzz_byte(&input);
		config.strict = fuzz_below(&input, 8);
		config.forget_seed = fuzz_below(&input, 4);
		config.counter_width = fuzz_below(&input, 65);
	}
	return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct iommu_model_vtd_config config;

	input = (struct fuzz_bytes){bytes, size};
	depth = 0;
	memset(&t, 0, sizeof(t));
	bare_vtd_invalidate = told;
	FUZZ_CHECK(iommu_hosted_init(&t.hosted, NULL, 4 << 20, 0) == 0);
	test_contract_hosted(&t.hosted);
	config = any_config();
	if (create(&config) != 0) {
		FUZZ_CHECK(t.hosted.pages_in_use == 0);
		iommu_hosted_destroy(&t.hosted);
		return 0;
	}
	for (unsigned int i = 0; i < OPERATIONS && !fuzz_is_done(&input); i++)
		operate();
	t.meanwhile = NULL;
	end();
	return 0;
}
