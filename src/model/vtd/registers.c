/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register window: a line for each register says which bits can be written, which are cleared
 * by writing 1, and what happens then; the fault records follow. Also the global command register,
 * whose commands complete at once or, where a test wants it, after some register reads.
 */
#include "base/memory.h"
#include "model/vtd/counters.h"

#define REGION_MASK 0xffe00000ULL /* protected memory regions are cut at 2 MiB */

/* --- Commands --------------------------------------------------------------------------------- */

static void set_status(struct iommu_model_vtd *model, uint32_t bit, bool value)
{
	if (value)
		model->regs.gsts |= bit;
	else
		model->regs.gsts &= ~(uint64_t)bit;
}

/* A new table: nothing that was read by the old one is cached any more. */
static void latch_root(struct iommu_model_vtd *model)
{
	uintptr_t dropping;

	model->regs.root = model->regs.rtaddr;
	model->regs.root_set = 1;
	iommu_model_publish(model);
	dropping = iommu_model_cache_begin_drop(&model->cache);
	if (model_has(model, IOMMU_MODEL_VTD_SELF_INVALIDATING))
		iommu_model_drop_translations(model);
	iommu_model_cache_end_drop(&model->cache, dropping);
}

static void latch_interrupts(struct iommu_model_vtd *model)
{
	uintptr_t dropping;

	model->regs.interrupts = model->regs.irta;
	model->regs.interrupts_set = 1;
	iommu_model_publish(model);
	dropping = iommu_model_cache_begin_drop(&model->cache);
	if (model_has(model, IOMMU_MODEL_VTD_SELF_INVALIDATING))
		iommu_model_cache_drop_kind(&model->cache, MODEL_INTERRUPT);
	iommu_model_cache_end_drop(&model->cache, dropping);
}

static void switch_queue(struct iommu_model_vtd *model, bool on)
{
	set_status(model, VTD_GLOBAL_QIE, on);
	model->regs.iqh = 0;
	model->queue_generation++;
	iommu_model_give_up_notice(model, NOTICE_QUEUE);
	model->wait_held = false;
	model->wait_ticket = 0;
	model->last_was_wait = false;
	model->last_rank = 0;
	iommu_model_queue_wake(model);
}

/*
 * The host is notified of what the guest has set or switched; the guest sees completion after that.
 */
static void announce(struct iommu_model_vtd *model, uint32_t bit, bool value)
{
	static const struct {
		uint32_t bit;
		enum iommu_model_invalidation_type type;
	} announced[] = {
		{VTD_GLOBAL_TE, IOMMU_MODEL_TRANSLATION_SWITCHED},
		{VTD_GLOBAL_SRTP, IOMMU_MODEL_ROOT_TABLE_SET},
		{VTD_GLOBAL_IRE, IOMMU_MODEL_INTERRUPTS_SWITCHED},
		{VTD_GLOBAL_SIRTP, IOMMU_MODEL_INTERRUPT_TABLE_SET},
		{VTD_GLOBAL_CFI, IOMMU_MODEL_COMPATIBILITY_SWITCHED},
	};
	struct iommu_model_invalidation what = {.by_register = true, .is_on = value};
	size_t i;

	for (i = 0; i < sizeof(announced) / sizeof(announced[0]); i++) {
		what.type = announced[i].type;
		if (announced[i].bit == bit)
			(void)iommu_model_notify(model, NOTICE_COMMAND, &what);
	}
}

/* The command takes effect for requests. */
static void begin_command(struct iommu_model_vtd *model, uintptr_t *state, uint32_t bit, bool value)
{
	unsigned int left;

	switch (bit) {
	case VTD_GLOBAL_SRTP:
		latch_root(model);
		break;
	case VTD_GLOBAL_SIRTP:
		latch_interrupts(model);
		break;
	case VTD_GLOBAL_QIE:
		break;
	case VTD_GLOBAL_WBF:
		left = iommu_model_go_out(model, *state);
		iommu_model_flush_writes(model);
		*state = iommu_model_come_back(model, left);
		break;
	default:
		model->works = value ? model->works | bit : model->works & ~bit;
		iommu_model_publish(model);
	}
}

/* Requests from before the command have ended: the status shows it. */
static void complete(struct iommu_model_vtd *model, uint32_t bit, bool value)
{
	if (bit == VTD_GLOBAL_QIE)
		switch_queue(model, value);
	else if (bit == VTD_GLOBAL_WBF)
		set_status(model, VTD_GLOBAL_WBF, false);
	else
		set_status(model, bit, (bit & (VTD_GLOBAL_SRTP | VTD_GLOBAL_SIRTP)) != 0 || value);
}

/* Before software turns the queue off it must have come to rest; strict hardware insists. */
static bool queue_stays_on(const struct iommu_model_vtd *model)
{
	const struct model_registers *regs = &model->regs;

	return (model_is_strict(model, IOMMU_MODEL_VTD_STRICT_QUEUE_OFF) &&
		regs->iqh != regs->iqt) ||
	       (model_is_strict(model, IOMMU_MODEL_VTD_STRICT_QUEUE_LAST) && !model->last_was_wait);
}

const char *iommu_model_command_mistake(const struct iommu_model_vtd *model,
					const struct model_registers *regs, uint32_t bit,
					bool value)
{
	const bool has_interrupts = model_has(model, IOMMU_MODEL_VTD_INTERRUPT_REMAPPING);
	const char *mistake = NULL;

	if (bit == VTD_GLOBAL_TE && value && regs->root_set == 0)
		mistake = "translation enabled without a root table";
	if (bit == VTD_GLOBAL_SRTP && (regs->gsts & VTD_GLOBAL_TE) != 0 &&
	    ((regs->rtaddr ^ regs->root) & VTD_RTADDR_MODE) != 0)
		mistake = "the mode of the tables changed while translation is on";
	if (bit == VTD_GLOBAL_QIE && model_has(model, IOMMU_MODEL_VTD_NO_QUEUE))
		mistake = "there is no invalidation queue";
	if (bit == VTD_GLOBAL_WBF && !model_has(model, IOMMU_MODEL_VTD_WRITE_BUFFER))
		mistake = "there is no write buffer to flush";
	if ((bit & (VTD_GLOBAL_IRE | VTD_GLOBAL_SIRTP | VTD_GLOBAL_CFI)) != 0 && !has_interrupts)
		mistake = "there is no interrupt remapping";
	if (bit == VTD_GLOBAL_IRE && value && regs->interrupts_set == 0)
		mistake = "interrupt remapping enabled without a table";
	if (bit == VTD_GLOBAL_SIRTP && (regs->gsts & VTD_GLOBAL_IRE) != 0 &&
	    ((regs->irta ^ regs->interrupts) & VTD_IRTA_X2APIC) != 0)
		mistake = "x2APIC mode changed while interrupt remapping is on";
	if ((bit & (VTD_GLOBAL_SFL | VTD_GLOBAL_EAFL)) != 0)
		mistake = "there is no advanced fault log";
	return mistake;
}

/* May this bit be changed now? Reports misuse if not. */
static bool command_is_allowed(struct iommu_model_vtd *model, uint32_t bit, bool value)
{
	const char *mistake = iommu_model_command_mistake(model, &model->regs, bit, value);

	if (mistake != NULL)
		model_misuse(model, mistake);
	return mistake == NULL;
}

static void command_written(struct iommu_model_vtd *model)
{
	const uint32_t once = VTD_GLOBAL_SRTP | VTD_GLOBAL_SIRTP | VTD_GLOBAL_SFL | VTD_GLOBAL_WBF;
	const uint32_t written = (uint32_t)model->regs.gcmd;
	const uint32_t lasting = (uint32_t)model->regs.gsts & VTD_GLOBAL_LASTING;
	const uint32_t changed = (written & once) | ((written ^ lasting) & VTD_GLOBAL_LASTING);
	const bool value = (written & changed) != 0;

	model->regs.gcmd = 0; /* reads as 0 */
	if (changed == 0)
		return;
	if ((changed & (changed - 1)) != 0) {
		model_misuse(model, "more than one command at once");
		return;
	}
	/*
	 * The command to turn the queue off may be repeated: hardware may ignore it while the queue
	 * is busy.
	 */
	if (model->command == VTD_GLOBAL_QIE && changed == VTD_GLOBAL_QIE && !value &&
	    !model->command_value)
		return;
	if (model->command != 0) {
		model_misuse(model, "a command before the last has completed");
		return;
	}
	if (!command_is_allowed(model, changed, value))
		return;
	if (changed == VTD_GLOBAL_QIE && !value && queue_stays_on(model))
		return;
	if ((changed & (VTD_GLOBAL_SRTP | VTD_GLOBAL_SIRTP)) != 0)
		set_status(model, changed, false);
	if (changed == VTD_GLOBAL_WBF)
		set_status(model, changed, true);
	model->command = changed;
	model->command_value = value;
	model->command_reads = model->faults.command_delay;
	model->command_is_due = !model->faults.commands_hang && model->command_reads == 0;
}

bool iommu_model_commands_have_work(const struct iommu_model_vtd *model)
{
	return model->command_is_due || model->protection_is_due;
}

/*
 * The command that is due takes effect, and is complete when the host's callback has returned and
 * the walks before have ended.
 */
static void carry_out_command(struct iommu_model_vtd *model, uintptr_t *state)
{
	const uint32_t bit = model->command;
	const bool value = model->command_value;

	model->command_is_due = false;
	if (!model->command_has_begun) {
		/* The registers that it depends on may have been written since. */
		if (!command_is_allowed(model, bit, value)) {
			model->command = 0;
			return;
		}
		model->command_has_begun = true;
		begin_command(model, state, bit, value);
		/* A reset came in between. */
		if (!model->command_has_begun)
			return;
		announce(model, bit, value);
	}
	if (model_notice_is_open(model, NOTICE_COMMAND) ||
	    (bit == VTD_GLOBAL_QIE && model->queue_writes) ||
	    !iommu_model_walks_have_ended(&model->cache, &model->command_ticket))
		return;
	model->command = 0;
	model->command_has_begun = false;
	complete(model, bit, value);
}

/*
 * The status of the protected regions changes when the host's callback has returned and the walks
 * before have ended.
 */
static void carry_out_protection(struct iommu_model_vtd *model)
{
	model->protection_is_due = false;
	iommu_model_publish(model);
	if (model_notice_is_open(model, NOTICE_PROTECTION) ||
	    !iommu_model_walks_have_ended(&model->cache, &model->protection_ticket))
		return;
	if ((model->regs.pmen & VTD_PMEN_EPM) != 0)
		model->regs.pmen |= VTD_PMEN_PRS;
	else
		model->regs.pmen &= ~(uint64_t)VTD_PMEN_PRS;
}

bool iommu_model_commands_step(struct iommu_model_vtd *model, uintptr_t *state)
{
	if (!iommu_model_commands_have_work(model))
		return false;
	if (model->protection_is_due)
		carry_out_protection(model);
	if (model->command_is_due)
		carry_out_command(model, state);
	return true;
}

/* Each register read lets a little time pass. */
static void pass_time(struct iommu_model_vtd *model)
{
	if (model->command != 0 && !model->command_has_begun && !model->faults.commands_hang &&
	    (model->command_reads == 0 || --model->command_reads == 0))
		model->command_is_due = true;
	if (model->wait_reads != 0 && --model->wait_reads == 0)
		iommu_model_queue_wake(model);
	iommu_model_counters_pass_time(model);
}

/* --- What writing does ------------------------------------------------------------------------ */

static void protection_written(struct iommu_model_vtd *model)
{
	const bool is_on = (model->regs.pmen & VTD_PMEN_EPM) != 0;
	const struct iommu_model_invalidation what = {
		.type = IOMMU_MODEL_PROTECTED_MEMORY_SWITCHED, .by_register = true, .is_on = is_on};

	/*
	 * Before its last change is complete the host may have seen the new state, while PRS shows
	 * the old one.
	 */
	if (is_on != ((model->regs.pmen & VTD_PMEN_PRS) != 0) || model->protection_ticket != 0 ||
	    model_notice_is_open(model, NOTICE_PROTECTION))
		(void)iommu_model_notify(model, NOTICE_PROTECTION, &what);
	model->protection_is_due = true;
	model->protection_ticket = 0;
}

/* Address bits above the width read as zero. */
static void root_written(struct iommu_model_vtd *model)
{
	model->regs.rtaddr &= model_output_last(model);
}

struct register_line {
	uint16_t offset;
	uint8_t size;
	uint16_t at; /* offset in struct model_registers */
	uint64_t writable, cleared_by_1;
	void (*written)(struct iommu_model_vtd *model);
};

#define LINE(offset, size, field, writable, cleared, written)                                      \
	{                                                                                          \
		offset, size, (uint16_t)offsetof(struct model_registers, field), writable,         \
			cleared, written                                                           \
	}
#define ALL UINT64_MAX

static const struct register_line lines[] = {
	LINE(VTD_VER, 4, version, 0, 0, NULL),
	LINE(VTD_CAP, 8, cap, 0, 0, NULL),
	LINE(VTD_ECAP, 8, ecap, 0, 0, NULL),
	LINE(VTD_GCMD, 4, gcmd, ALL, 0, command_written),
	LINE(VTD_GSTS, 4, gsts, 0, 0, NULL),
	LINE(VTD_RTADDR, 8, rtaddr, ~0x3ffULL, 0, root_written),
	LINE(VTD_CCMD, 8, ccmd, 0xe0000003ffffffffULL, 0, iommu_model_context_command),
	LINE(VTD_FSTS, 4, fsts, 0,
	     VTD_FSTS_PFO | VTD_FSTS_AFO | VTD_FSTS_APF | VTD_FSTS_IQE | VTD_FSTS_ICE |
		     VTD_FSTS_ITE,
	     iommu_model_fault_written),
	LINE(VTD_FECTL, 4, fectl, VTD_EVENT_MASK, 0, iommu_model_event_unmasked),
	LINE(VTD_FEDATA, 4, fedata, 0xffff, 0, NULL),
	LINE(VTD_FEADDR, 4, feaddr, 0xfffffffcULL, 0, NULL),
	LINE(VTD_FEUADDR, 4, feuaddr, ALL, 0, NULL),
	LINE(VTD_PMEN, 4, pmen, VTD_PMEN_EPM, 0, protection_written),
	LINE(VTD_PLMBASE, 4, plmbase, REGION_MASK, 0, NULL),
	LINE(VTD_PLMLIMIT, 4, plmlimit, REGION_MASK, 0, NULL),
	LINE(VTD_PHMBASE, 8, phmbase, ~0x1fffffULL, 0, NULL),
	LINE(VTD_PHMLIMIT, 8, phmlimit, ~0x1fffffULL, 0, NULL),
	LINE(VTD_IQH, 8, iqh, 0, 0, NULL),
	LINE(VTD_IQT, 8, iqt, 0x7fff0, 0, iommu_model_queue_wake),
	LINE(VTD_IQA, 8, iqa, ~0x7f8ULL, 0, NULL),
	LINE(VTD_ICS, 4, ics, 0, VTD_ICS_IWC, iommu_model_fault_written),
	LINE(VTD_IECTL, 4, iectl, VTD_EVENT_MASK, 0, iommu_model_event_unmasked),
	LINE(VTD_IEDATA, 4, iedata, 0xffff, 0, NULL),
	LINE(VTD_IEADDR, 4, ieaddr, 0xfffffffcULL, 0, NULL),
	LINE(VTD_IEUADDR, 4, ieuaddr, ALL, 0, NULL),
	LINE(VTD_IQERCD, 8, iqercd, 0, 0, NULL),
	LINE(VTD_IRTA, 8, irta, ~0x7f0ULL, 0, NULL),
	LINE(VTD_PQH, 8, pqh, VTD_PAGE_QUEUE_OFFSETS, 0, NULL),
	LINE(VTD_PQT, 8, pqt, VTD_PAGE_QUEUE_OFFSETS, 0, iommu_model_ring_moved),
	LINE(VTD_PQA, 8, pqa, ~0xff8ULL, 0, iommu_model_ring_moved),
	LINE(VTD_PRS, 4, prs, 0, VTD_PRS_PPR | VTD_PRS_PRO, iommu_model_fault_written),
	LINE(VTD_PECTL, 4, pectl, VTD_EVENT_MASK, 0, iommu_model_event_unmasked),
	LINE(VTD_PEDATA, 4, pedata, 0xffff, 0, NULL),
	LINE(VTD_PEADDR, 4, peaddr, 0xfffffffcULL, 0, NULL),
	LINE(VTD_PEUADDR, 4, peuaddr, ALL, 0, NULL),
	LINE(MODEL_IVA, 8, iva, ~0xf80ULL, 0, NULL),
	LINE(MODEL_IOTLB, 8, iotlb, 0xb003ffff00000000ULL, 0, iommu_model_iotlb_command),
};

static const struct register_line *line_at(uint64_t offset)
{
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (offset >= lines[i].offset && offset < lines[i].offset + (uint64_t)lines[i].size)
			return &lines[i];
	return NULL;
}

static uint64_t *field_of(struct iommu_model_vtd *model, const struct register_line *line)
{
	return (uint64_t *)(void *)((unsigned char *)&model->regs + line->at);
}

/* --- What they can hold ----------------------------------------------------------------------- */

/* Bits that software neither writes nor clears. */
static uint64_t set_by_hardware(const struct register_line *line)
{
	switch (line->offset) {
	case VTD_GSTS:
		return VTD_GLOBAL_TE | VTD_GLOBAL_SRTP | VTD_GLOBAL_WBF | VTD_GLOBAL_QIE |
		       VTD_GLOBAL_IRE | VTD_GLOBAL_SIRTP | VTD_GLOBAL_CFI;
	case VTD_CCMD:
		return 3ULL << 59;
	case VTD_FSTS:
		return VTD_FSTS_PPF | 0xff00;
	case VTD_FECTL:
	case VTD_IECTL:
	case VTD_PECTL:
		return VTD_EVENT_PENDING;
	case VTD_PMEN:
		return VTD_PMEN_PRS;
	case VTD_IQH:
		return 0x7fff0;
	case MODEL_IOTLB:
		return 3ULL << 57;
	case VTD_VER:
	case VTD_CAP:
	case VTD_ECAP:
	case VTD_IQERCD:
		return ALL;
	default:
		return 0;
	}
}

bool iommu_model_registers_are_sane(const struct iommu_model_vtd *model,
				    const struct model_registers *regs)
{
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const struct register_line *line = &lines[i];
		uint64_t known = line->writable | line->cleared_by_1 | set_by_hardware(line);
		uint64_t value;

		if (line->offset == VTD_GCMD)
			known = 0; /* reads as 0 */
		if (line->size == 4)
			known &= UINT32_MAX;
		memcpy(&value, (const unsigned char *)regs + line->at, sizeof(value));
		if ((value & ~known) != 0)
			return false;
	}
	return regs->version == model->regs.version && regs->cap == model->regs.cap &&
	       regs->ecap == model->regs.ecap;
}

/* --- Access, 32 bits at a time ---------------------------------------------------------------- */

/* The dword of a fault record at this offset: its word and shift; false: none. */
static bool record_at(struct iommu_model_vtd *model, uint64_t offset, uint64_t **word,
		      unsigned int *shift)
{
	const uint64_t relative = offset - model_fault_offset(&model->config);

	if (offset < model_fault_offset(&model->config) ||
	    relative >= (uint64_t)model->fault_count * VTD_FAULT_RECORD_SIZE)
		return false;
	*word = &model->fault_records[relative / VTD_FAULT_RECORD_SIZE][relative >> 3 & 1];
	*shift = (relative & 4) != 0 ? 32 : 0;
	return true;
}

static uint32_t read32(struct iommu_model_vtd *model, uint64_t offset)
{
	const struct register_line *line = line_at(offset);
	unsigned int shift;
	uint64_t *word, value;
	uint32_t count;

	if (iommu_model_counters_read(model, offset, &count))
		return count;
	if (record_at(model, offset, &word, &shift))
		return (uint32_t)(*word >> shift);
	if (line == NULL)
		return 0;
	value = *field_of(model, line);
	if (line->offset == VTD_CAP && model->faults.capability != 0)
		value = model->faults.capability;
	if (line->offset == VTD_ECAP && model->faults.extended_capability != 0)
		value = model->faults.extended_capability;
	if (line->offset == VTD_IQA && model->faults.hides_queue_width)
		value &= ~VTD_IQA_WIDE;
	return (uint32_t)(value >> (offset - line->offset) * 8);
}

static void record_written(struct iommu_model_vtd *model, uint64_t *word, unsigned int shift,
			   uint32_t value)
{
	/* Only F, the top bit of the high word, can be cleared. */
	if (word == &model->fault_records[(word - &model->fault_records[0][0]) / 2][1] &&
	    ((uint64_t)value << shift & VTD_FAULT_F) != 0)
		*word &= ~VTD_FAULT_F;
	iommu_model_fault_written(model);
}

static bool is_of_region(const struct register_line *line)
{
	return line->offset == VTD_PLMBASE || line->offset == VTD_PLMLIMIT ||
	       line->offset == VTD_PHMBASE || line->offset == VTD_PHMLIMIT;
}

/*
 * Registers that must not change while the queue runs, while their regions are protected, or before
 * their command has completed.
 */
static bool is_locked(struct iommu_model_vtd *model, const struct register_line *line)
{
	const bool is_iotlb = line->offset == MODEL_IVA || line->offset == MODEL_IOTLB;

	if (line->offset == VTD_IQA && model_is_on(model, VTD_GLOBAL_QIE)) {
		model_misuse(model, "the queue's address written while the queue is on");
		return true;
	}
	if (is_of_region(line) && (model->regs.pmen & (VTD_PMEN_EPM | VTD_PMEN_PRS)) != 0) {
		model_misuse(model, "a protected region moved while it is protected");
		return true;
	}
	if ((line->offset == VTD_CCMD && model->context.is_dropped) ||
	    (is_iotlb && model->iotlb.is_dropped)) {
		model_misuse(model, "a register invalidation before the last has completed");
		return true;
	}
	return false;
}

static void write32(struct iommu_model_vtd *model, uint64_t offset, uint32_t value)
{
	const struct register_line *line = line_at(offset);
	const unsigned int half = line != NULL ? (unsigned int)(offset - line->offset) * 8 : 0;
	const uint64_t mask = 0xffffffffULL << half;
	const uint64_t bits = (uint64_t)value << half;
	unsigned int shift;
	uint64_t *word;

	if (iommu_model_counters_write(model, offset, value))
		return;
	if (record_at(model, offset, &word, &shift)) {
		record_written(model, word, shift, value);
		return;
	}
	if (line == NULL || is_locked(model, line))
		return;
	word = field_of(model, line);
	*word = (*word & ~(line->writable & mask)) | (bits & line->writable & mask);
	*word &= ~(bits & line->cleared_by_1);
	/*
	 * Writing the high half of a 64-bit register acts; of the tail, the low half, which holds
	 * all of it.
	 */
	if (line->written != NULL && (line->size == 4 || (half != 0) == (line->offset != VTD_IQT)))
		line->written(model);
}

uint64_t iommu_model_vtd_register_space(const struct iommu_model_vtd *model)
{
	const uint64_t end = model_fault_offset(&model->config) +
			     (uint64_t)model->fault_count * VTD_FAULT_RECORD_SIZE;

	if (model->perf != NULL)
		return MODEL_COUNTER_SPACE;
	return (end + IOMMU_PAGE_SIZE - 1) & ~(IOMMU_PAGE_SIZE - 1);
}

static bool access_is_sane(struct iommu_model_vtd *model, uint64_t offset, unsigned int size)
{
	if ((size == 4 || size == 8) && (offset & (size - 1)) == 0 &&
	    offset <= iommu_model_vtd_register_space(model) - size)
		return true;
	model_misuse(model, "a register access that is not 4 or 8 aligned bytes of the window");
	return false;
}

uint64_t iommu_model_vtd_mmio_read(struct iommu_model_vtd *model, uint64_t offset,
				   unsigned int size)
{
	uintptr_t state = iommu_model_enter(model);
	uint64_t value = 0;

	if (model->faults.gone) {
		value = size == 4 ? UINT32_MAX : UINT64_MAX;
	} else if (access_is_sane(model, offset, size)) {
		pass_time(model);
		/* What the passed time makes due is done before the read. */
		iommu_model_work(model, &state);
		value = read32(model, offset);
		if (size == 8)
			value |= (uint64_t)read32(model, offset + 4) << 32;
	}
	iommu_model_leave(model, state);
	return value;
}

void iommu_model_vtd_mmio_write(struct iommu_model_vtd *model, uint64_t offset, unsigned int size,
				uint64_t value)
{
	uintptr_t state = iommu_model_enter(model);

	if (!model->faults.gone && access_is_sane(model, offset, size)) {
		write32(model, offset, (uint32_t)value);
		if (size == 8)
			write32(model, offset + 4, (uint32_t)(value >> 32));
	}
	iommu_model_leave(model, state);
}

/* --- Reset ------------------------------------------------------------------------------------ */

static unsigned int sagaw_of(unsigned int levels)
{
	return levels >> 2; /* bit 3 of the one is bit 1 of the other */
}

static uint64_t capability(const struct iommu_model_vtd_config *config)
{
	const bool pages = (config->flags & IOMMU_MODEL_VTD_NO_PAGES) == 0;
	uint64_t cap = (config->domain_bits - 4) / 2;

	cap |= (config->flags & IOMMU_MODEL_VTD_WRITE_BUFFER) != 0 ? VTD_CAP_RWBF : 0;
	cap |= (config->flags & IOMMU_MODEL_VTD_PROTECTED_MEMORY) != 0 ? VTD_CAP_PLMR | VTD_CAP_PHMR
								       : 0;
	cap |= (config->flags & IOMMU_MODEL_VTD_CACHING_MODE) != 0 ? VTD_CAP_CM : 0;
	cap |= (uint64_t)sagaw_of(config->levels) << 8;
	cap |= (uint64_t)(config->address_width - 1) << 16;
	cap |= VTD_CAP_ZLR;
	cap |= (uint64_t)(model_fault_offset(config) / 16) << 24;
	cap |= (config->flags & IOMMU_MODEL_VTD_COUNTERS) != 0 ? VTD_CAP_ECMDS : 0;
	cap |= (config->pgsize_bitmap & IOMMU_SIZE_2M) != 0 ? 1ULL << 34 : 0;
	cap |= (config->pgsize_bitmap & IOMMU_SIZE_1G) != 0 ? 1ULL << 35 : 0;
	cap |= pages ? VTD_CAP_PSI | (uint64_t)config->address_mask << 48 : 0;
	cap |= (uint64_t)(config->fault_records - 1) << 40;
	cap |= VTD_CAP_DWD | VTD_CAP_DRD;
	cap |= (config->flags & IOMMU_MODEL_VTD_POSTED_INTERRUPTS) != 0 ? VTD_CAP_PI : 0;
	cap |= (config->flags & IOMMU_MODEL_VTD_FIRST_STAGE_5) != 0 ? VTD_CAP_FS5LP : 0;
	if ((config->flags & IOMMU_MODEL_VTD_FIRST_STAGE) != 0 &&
	    (config->pgsize_bitmap & IOMMU_SIZE_1G) != 0)
		cap |= VTD_CAP_FS1GP;
	if ((config->flags & IOMMU_MODEL_VTD_SELF_INVALIDATING) != 0)
		cap |= VTD_CAP_ESIRTPS | VTD_CAP_ESRTPS;
	return cap;
}

static uint64_t extended_capability(const struct iommu_model_vtd_config *config)
{
	static const struct {
		unsigned int flag;
		uint64_t bit;
	} bits[] = {
		{IOMMU_MODEL_VTD_DEVICE_TLB, VTD_ECAP_DT},
		{IOMMU_MODEL_VTD_INTERRUPT_REMAPPING,
		 VTD_ECAP_IR | (uint64_t)MODEL_HANDLE_MASK_MAX << 20},
		{IOMMU_MODEL_VTD_X2APIC, VTD_ECAP_EIM},
		{IOMMU_MODEL_VTD_PASS_THROUGH, VTD_ECAP_PT},
		{IOMMU_MODEL_VTD_SNOOP_CONTROL, VTD_ECAP_SC},
		{IOMMU_MODEL_VTD_SCALABLE, VTD_ECAP_SMTS | VTD_ECAP_RPS},
		{IOMMU_MODEL_VTD_FIRST_STAGE, VTD_ECAP_FSTS | VTD_ECAP_SRS},
		{IOMMU_MODEL_VTD_NESTED, VTD_ECAP_NEST},
		{IOMMU_MODEL_VTD_DIRTY, VTD_ECAP_SSADS},
		{IOMMU_MODEL_VTD_PASID, VTD_ECAP_PASID},
		{IOMMU_MODEL_VTD_PAGE_REQUESTS, VTD_ECAP_PRS | VTD_ECAP_PDS},
		{IOMMU_MODEL_VTD_COUNTERS, VTD_ECAP_PMS},
	};
	const bool scalable = (config->flags & IOMMU_MODEL_VTD_SCALABLE) != 0;
	uint64_t ecap = (uint64_t)(MODEL_IVA / 16) << 8;
	size_t i;

	for (i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if ((config->flags & bits[i].flag) != 0)
			ecap |= bits[i].bit;
	ecap |= (config->flags & IOMMU_MODEL_VTD_NONCOHERENT) == 0 ? VTD_ECAP_C : 0;
	ecap |= (config->flags & IOMMU_MODEL_VTD_NO_QUEUE) == 0 ? VTD_ECAP_QI : 0;
	if (scalable && (config->flags & IOMMU_MODEL_VTD_NONCOHERENT) == 0)
		ecap |= VTD_ECAP_SMPWCS;
	if (scalable && (config->flags & IOMMU_MODEL_VTD_NO_SECOND_STAGE) == 0)
		ecap |= VTD_ECAP_SSTS;
	if ((config->flags & IOMMU_MODEL_VTD_PASID) != 0)
		ecap |= (uint64_t)(config->pasid_bits - 1) << 35;
	return ecap;
}

void iommu_model_registers_reset(struct iommu_model_vtd *model)
{
	const struct iommu_model_vtd_config *config = &model->config;
	unsigned int i;

	model->regs = (struct model_registers){
		.version = config->version,
		.cap = capability(config),
		.ecap = extended_capability(config),
		.fectl = VTD_EVENT_MASK,
		.iectl = VTD_EVENT_MASK,
		.pectl = VTD_EVENT_MASK,
	};
	for (i = 0; i < model->fault_count; i++)
		model->fault_records[i][0] = model->fault_records[i][1] = 0;
	model->works = 0;
	model->command = 0;
	model->command_is_due = model->command_has_begun = false;
	model->command_ticket = 0;
	model->context = model->iotlb = (struct model_register_command){0};
	model->protection_is_due = false;
	model->protection_ticket = 0;
	model->wait_held = false;
	model->wait_reads = 0;
	model->wait_ticket = 0;
	model->last_was_wait = false;
	model->last_rank = 0;
	model->queue_left = false;
	model->queue_generation++;
	for (i = 0; i < MODEL_NOTICES; i++)
		iommu_model_give_up_notice(model, (enum model_notice_place)i);
	model->answer_count = 0;
	model->request_held = false;
	iommu_model_ring_moved(model);
	model->fault_message.wanted = false;
	model->wait_message.wanted = false;
	model->request_message.wanted = false;
	iommu_model_counters_reset(model);
}
