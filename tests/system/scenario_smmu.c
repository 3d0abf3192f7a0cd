/* SPDX-License-Identifier: BSD-2-Clause */
#include "scenario_smmu.h"

#include <libiommu/hw/arm_page_table.h>
#include <libiommu/hw/smmu_command.h>
#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_event.h>
#include <libiommu/hw/smmu_registers.h>
#include <libiommu/hw/smmu_stream_table.h>

#include "scenario_stages.h"

struct smmu_scenario {
	struct stages t; /* first: functions of the family know this part */
	struct smmu_machine *machine;
	struct iommu_smmu_info info;
};

static struct smmu_scenario *smmu_of(struct stages *t)
{
	return (struct smmu_scenario *)t;
}

static bool has0(const struct smmu_scenario *m, unsigned int field)
{
	return smmu_bits(m->info.idr0, field) != 0;
}

static bool has5(const struct smmu_scenario *m, unsigned int field)
{
	return smmu_bits(m->info.idr5, field) != 0;
}

/* --- What a fault must be --------------------------------------------------------------------- */

static unsigned int denied(const struct stages *t, bool is_write, bool is_mapped)
{
	(void)t;
	(void)is_write;
	return is_mapped ? SMMU_F_PERMISSION : SMMU_F_TRANSLATION;
}

/* A stream without a domain is refused whatever it wants, and what it wants is not told. */
static void names_all(struct stages *t, unsigned int device, iommu_iova_t iova,
		      enum iommu_fault_access access, unsigned int reason)
{
	struct scenario *s = &t->s;
	const struct iommu_fault *fault = &s->faults[0];

	if (reason != SMMU_C_BAD_STE) {
		expect_fault(s, device, iova, access, reason);
		return;
	}
	collect_faults(s);
	check(s,
	      s->fault_count == 1 && fault->endpoint == s->endpoints[device] &&
		      fault->reason == reason && fault->address == 0 &&
		      fault->access == IOMMU_FAULT_OTHER,
	      "the fault names this device and reason, which is all that it says");
}

/* --- The unit --------------------------------------------------------------------------------- */

static void say_if(const struct smmu_scenario *m, bool has, const char *text)
{
	if (has)
		say(&m->t.s, text);
}

static void say_unit_of(const struct stages *t)
{
	const struct smmu_scenario *m = (const struct smmu_scenario *)t;
	const struct scenario *s = &t->s;

	say(s, "   ");
	say(s, iommu_unit_name(s->unit));
	say(s, ": SMMUv3.");
	say_number(s, m->info.aidr & 15);
	say(s, ", registers at ");
	say_hex(s, m->info.registers);
	say(s, ", IDR0 ");
	say_hex(s, m->info.idr0);
	say(s, ", IDR1 ");
	say_hex(s, m->info.idr1);
	say(s, ", IDR3 ");
	say_hex(s, m->info.idr3);
	say(s, ", IDR5 ");
	say_hex(s, m->info.idr5);
	say(s, "\n   translates by");
	say_if(m, has0(m, SMMU_IDR0_S1P), " stage 1");
	say_if(m, has0(m, SMMU_IDR0_S2P), " stage 2");
	say(s, " with granules of");
	say_if(m, has5(m, SMMU_IDR5_GRAN4K), " 4K");
	say_if(m, has5(m, SMMU_IDR5_GRAN16K), " 16K");
	say_if(m, has5(m, SMMU_IDR5_GRAN64K), " 64K");
	say(s, " to ");
	say_number(s, m->info.output_bits);
	say(s, "-bit memory, for StreamIDs of ");
	say_number(s, m->info.stream_id_bits);
	say(s, " bits in ");
	say_number(s, m->info.stream_table_levels);
	say(s, m->info.stream_table_levels == 1 ? " level\n" : " levels\n");
}

static int add_unit(struct stages *t, bool *prefers_first)
{
	struct smmu_scenario *m = smmu_of(t);
	int status = iommu_smmu_add_unit(t->s.iommu, &m->machine->unit, &t->s.unit);

	if (status == 0 && m->machine->second_unit.registers != 0)
		status = iommu_smmu_add_unit(t->s.iommu, &m->machine->second_unit, NULL);
	if (status == 0)
		status = iommu_smmu_get_info(t->s.unit, &m->info);
	*prefers_first = has0(m, SMMU_IDR0_S1P);
	t->traits.cuts_none = smmu_bits(m->info.idr3, SMMU_IDR3_BBML) < 2;
	return status;
}

static int set_interrupt(struct stages *t)
{
	const struct smmu_machine *machine = smmu_of(t)->machine;

	return iommu_smmu_set_interrupt(t->s.unit, IOMMU_SMMU_EVENTS, machine->message_address,
					machine->message_data);
}

static int mask_interrupt(struct stages *t)
{
	return iommu_smmu_mask_interrupt(t->s.unit, IOMMU_SMMU_EVENTS);
}

static void lose_state(struct stages *t)
{
	smmu_of(t)->machine->lose_state();
}

static const struct stages_family family = {
	.add_unit = add_unit,
	.say_unit = say_unit_of,
	.no_domain = SMMU_C_BAD_STE,
	.denied = denied,
	.expect_fault = names_all,
	.set_interrupt = set_interrupt,
	.mask_interrupt = mask_interrupt,
};

/* --- Messages of devices ---------------------------------------------------------------------- */

#define IOVA_DOORBELL 0x0000000550000000ULL

static void send(const struct smmu_scenario *m, uint32_t data)
{
	struct dma_device *device = &m->t.s.machine->devices[0];

	device->set_message(device, IOVA_DOORBELL + 0x40, data);
	device->interrupt(device);
}

/* The page stands for the doorbell of an interrupt controller. */
static void messages(struct smmu_scenario *m)
{
	struct scenario *s = &m->t.s;
	const struct page page = page_new(s, 4096);
	const volatile uint32_t *word;

	title(s, "A device's message is a write like all others");
	if (page.bytes == NULL) {
		check(s, false, "there is memory for it");
		return;
	}
	word = (const volatile uint32_t *)(void *)(page.bytes + 0x40);
	check(s,
	      map(s, 0, IOVA_DOORBELL, page.paddr, 4096, IOMMU_PROT_WRITE | IOMMU_PROT_MMIO) == 0,
	      "a doorbell is mapped");
	send(m, 0x31);
	check(s, *word == le32(0x31), "the message arrives");
	expect_no_fault(s);
	check(s, unmap(s, 0, IOVA_DOORBELL, 4096) == 0, "it is unmapped");
	send(m, 0x32);
	check(s, *word == le32(0x31), "the next message does not arrive");
	names_all(&m->t, 0, IOVA_DOORBELL, IOMMU_FAULT_WRITE, SMMU_F_TRANSLATION);
}

/* --- Formats ---------------------------------------------------------------------------------- */

struct table_format {
	unsigned int stage, granule; /* fields of IDR0 and of IDR5 */
	struct stages_mode mode;
};

#define SIZE_16K (1ULL << 14)

#define FORMAT(stage_field, stage_name, granule_field, size, width, text)                          \
	{                                                                                          \
		stage_field, granule_field,                                                        \
		{                                                                                  \
			{.stage = (stage_name),                                                    \
			 .pgsize_bitmap = (size),                                                  \
			 .address_width = (width)},                                                \
				text                                                               \
		}                                                                                  \
	}
#define FIRST(granule, size, width, text)                                                          \
	FORMAT(SMMU_IDR0_S1P, IOMMU_STAGE_FIRST, granule, size, width, text)
#define SECOND(granule, size, width, text)                                                         \
	FORMAT(SMMU_IDR0_S2P, IOMMU_STAGE_SECOND, granule, size, width, text)

/* Addresses of the second stage are no wider than those of memory. */
static bool has_format(const struct smmu_scenario *m, const struct table_format *format)
{
	return has0(m, format->stage) && has5(m, format->granule) &&
	       (format->stage == SMMU_IDR0_S1P ||
		format->mode.config.address_width <= m->info.output_bits);
}

/*
 * One for each number of levels; of the second stage none whose root is more than one table, of
 * which QEMU 10 and 11 find only the first.
 */
static void every_format(struct smmu_scenario *m)
{
	static const struct table_format formats[] = {
		FIRST(SMMU_IDR5_GRAN4K, IOMMU_SIZE_4K, 30, "stage 1, 4K, 30 bits"),
		FIRST(SMMU_IDR5_GRAN4K, IOMMU_SIZE_4K, 39, "stage 1, 4K, 39 bits"),
		FIRST(SMMU_IDR5_GRAN4K, IOMMU_SIZE_4K, 48, "stage 1, 4K, 48 bits"),
		FIRST(SMMU_IDR5_GRAN16K, SIZE_16K, 36, "stage 1, 16K, 36 bits"),
		FIRST(SMMU_IDR5_GRAN16K, SIZE_16K, 47, "stage 1, 16K, 47 bits"),
		FIRST(SMMU_IDR5_GRAN16K, SIZE_16K, 48, "stage 1, 16K, 48 bits"),
		FIRST(SMMU_IDR5_GRAN64K, IOMMU_SIZE_64K, 42, "stage 1, 64K, 42 bits"),
		FIRST(SMMU_IDR5_GRAN64K, IOMMU_SIZE_64K, 48, "stage 1, 64K, 48 bits"),
		SECOND(SMMU_IDR5_GRAN4K, IOMMU_SIZE_4K, 30, "stage 2, 4K, 30 bits"),
		SECOND(SMMU_IDR5_GRAN4K, IOMMU_SIZE_4K, 39, "stage 2, 4K, 39 bits"),
		SECOND(SMMU_IDR5_GRAN4K, IOMMU_SIZE_4K, 44, "stage 2, 4K, 44 bits"),
		SECOND(SMMU_IDR5_GRAN16K, SIZE_16K, 36, "stage 2, 16K, 36 bits"),
		SECOND(SMMU_IDR5_GRAN16K, SIZE_16K, 44, "stage 2, 16K, 44 bits"),
		SECOND(SMMU_IDR5_GRAN64K, IOMMU_SIZE_64K, 42, "stage 2, 64K, 42 bits"),
		SECOND(SMMU_IDR5_GRAN64K, IOMMU_SIZE_64K, 44, "stage 2, 64K, 44 bits"),
	};
	size_t i;

	title(&m->t.s, "Every format of tables that the unit has");
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (has_format(m, &formats[i]))
			stages_one_mode(&m->t, &formats[i].mode);
}

/* --- A guest with tables of its own ----------------------------------------------------------- */

#define GUEST_CONTEXT GUEST_MORE
#define GUEST_ROOT_2  (GUEST_MORE + 0x1000)
#define GUEST_ASID    7
#define GUEST_BITS    39
/* What the guest takes for its own means nothing. */
#define OTHER_VMID   0x33
#define OTHER_STREAM 0x99

static void make_context(const struct guest *guest)
{
	uint64_t words[SMMU_CD_WORDS] = {0};
	unsigned int i;

	smmu_set(words, SMMU_CD_T0SZ, 64 - GUEST_BITS);
	smmu_set(words, SMMU_CD_IR0, SMMU_WRITE_BACK_ALLOCATE);
	smmu_set(words, SMMU_CD_OR0, SMMU_WRITE_BACK_ALLOCATE);
	smmu_set(words, SMMU_CD_SH0, SMMU_INNER_SHAREABLE);
	smmu_set(words, SMMU_CD_EPD1, 1);
	smmu_set(words, SMMU_CD_V, 1);
	smmu_set(words, SMMU_CD_IPS, vmsa_physical_size(40));
	smmu_set(words, SMMU_CD_AA64, 1);
	smmu_set(words, SMMU_CD_R, 1);
	smmu_set(words, SMMU_CD_A, 1);
	smmu_set(words, SMMU_CD_ASET, 1);
	smmu_set(words, SMMU_CD_ASID, GUEST_ASID);
	smmu_set_address(words, SMMU_CD_TTB0, GUEST_ROOT);
	words[SMMU_CD_MAIR] = VMSA_MAIR;
	for (i = 0; i < SMMU_CD_WORDS; i++)
		guest_set(guest, GUEST_CONTEXT, i, words[i]);
}

/* A table of the next level. */
static uint64_t table_at(uint64_t address)
{
	return address | VMSA_PAGE_OR_TABLE | VMSA_VALID;
}

static void make_tables(const struct guest *guest)
{
	make_context(guest);
	guest_set(guest, GUEST_ROOT, GUEST_IOVA(0) >> vmsa_level_shift(12, 3) & 511,
		  table_at(GUEST_MIDDLE));
	guest_set(guest, GUEST_MIDDLE, GUEST_IOVA(0) >> vmsa_level_shift(12, 2) & 511,
		  table_at(GUEST_LEAVES));
}

static uint64_t guest_leaf(uint64_t address)
{
	return address | VMSA_S1_NOT_GLOBAL | VMSA_ACCESS_FLAG | VMSA_SH_INNER |
	       VMSA_S1_UNPRIVILEGED | VMSA_MEMORY_WRITE_BACK << 2 | VMSA_PAGE_OR_TABLE | VMSA_VALID;
}

static int give(const struct guest *guest, struct smmu_command command)
{
	const struct iommu_smmu_invalidation request = {{command.words[0], command.words[1]}};
	unsigned int done = 0;

	return iommu_domain_invalidate_user(guest->nested, &request, sizeof(request), 1, &done);
}

static int guest_invalidate(const struct guest *guest, iommu_iova_t iova)
{
	return give(guest,
		    smmu_tlbi_at(smmu_tlbi(SMMU_TLBI_NH_VA, OTHER_VMID, GUEST_ASID), iova, true));
}

/*
 * Another table in the guest's context, of one block: IOVA 0 and on are the guest's memory. The
 * unit has the context cached, too.
 */
static void guest_changes_context(const struct guest *guest)
{
	const struct page secret = guest_page(guest, GUEST_SECRET);
	const struct page target = guest_page(guest, GUEST_TARGET);
	uint64_t words[2] = {0, 0};
	struct scenario *s = &guest->t->s;

	guest_set(guest, GUEST_ROOT_2, 0, guest_leaf(GUEST_START) & ~VMSA_PAGE_OR_TABLE);
	smmu_set_address(words, SMMU_CD_TTB0, GUEST_ROOT_2);
	guest_set(guest, GUEST_CONTEXT, 1, words[1]);
	check(s,
	      give(guest, smmu_cfgi_cd(OTHER_STREAM, 0, true)) == 0 &&
		      give(guest, smmu_tlbi(SMMU_TLBI_NH_ASID, OTHER_VMID, GUEST_ASID)) == 0,
	      "the guest's context leads to another table");
	expect_copy(s, 0, GUEST_SECRET - GUEST_START, &secret, GUEST_TARGET - GUEST_START, &target,
		    "device A goes by that");
	read_blocked(guest->t, 0, GUEST_IOVA(0), SMMU_F_TRANSLATION);
}

/* The guest's stream has another configuration: that is another domain. */
static struct iommu_domain *guest_stream(const struct guest *guest, enum smmu_ste_config config)
{
	const struct iommu_smmu_stream stream = {{smmu_ste_word0(config), 0}};
	const struct iommu_domain_config nested = {
		.parent = guest->parent, .user_data = &stream, .user_size = sizeof(stream)};
	struct scenario *s = &guest->t->s;
	struct iommu_domain *domain = NULL;
	int status = iommu_domain_alloc(s->unit, IOMMU_DOMAIN_NESTED, &nested, &domain);

	if (status == 0)
		status = iommu_domain_attach_group(domain, iommu_endpoint_group(s->endpoints[0]));
	check(s, status == 0,
	      config == SMMU_STE_BYPASS ? "the guest's stream bypasses the guest's tables"
					: "the guest's stream is aborted");
	return domain;
}

static void guest_changes_stream(const struct guest *guest)
{
	const struct page secret = guest_page(guest, GUEST_SECRET);
	const struct page target = guest_page(guest, GUEST_TARGET);
	struct iommu_domain *bypassing, *aborted;
	struct scenario *s = &guest->t->s;

	bypassing = guest_stream(guest, SMMU_STE_BYPASS);
	expect_copy(s, 0, GUEST_SECRET, &secret, GUEST_TARGET, &target,
		    "device addresses are the guest's");
	read_blocked(guest->t, 0, GUEST_START + GUEST_SIZE, SMMU_F_TRANSLATION);
	aborted = guest_stream(guest, SMMU_STE_ABORT);
	expect_no_write(s, 0, GUEST_TARGET, &target, "nothing is reached");
	expect_no_fault(s);
	check(s,
	      attach(s, 0, 0) == 0 && iommu_domain_free(bypassing) == 0 &&
		      iommu_domain_free(aborted) == 0,
	      "both are gone");
}

static void guest_changes_more(const struct guest *guest)
{
	guest_changes_context(guest);
	guest_changes_stream(guest);
}

static void nesting(struct smmu_scenario *m)
{
	struct iommu_smmu_stream stream = {{smmu_ste_word0(SMMU_STE_STAGE_1), 0}};
	const struct guest_format format = {
		.make_tables = make_tables,
		.leaf = guest_leaf,
		.invalidate = guest_invalidate,
		.user_data = &stream,
		.user_size = sizeof(stream),
		.own_denied = SMMU_F_TRANSLATION,
		.host_denied = SMMU_F_TRANSLATION,
		.more = guest_changes_more,
	};
	const bool has_both =
		has0(m, SMMU_IDR0_S1P) && has0(m, SMMU_IDR0_S2P) && has5(m, SMMU_IDR5_GRAN4K);

	smmu_set_address(stream.words, SMMU_STE_S1CONTEXTPTR, GUEST_CONTEXT);
	stages_nesting(&m->t, has_both ? &format : NULL);
}

/* --- The scenario ----------------------------------------------------------------------------- */

static struct smmu_scenario *begin(struct smmu_machine *machine)
{
	static struct smmu_scenario scenario;

	scenario = (struct smmu_scenario){
		.t = {.s = {.machine = &machine->base, .seed = 1},
		      .family = &family,
		      .traits = {.passes_off = machine->is_old},
		      .stage = machine->stage,
		      .interrupts_seen = machine->interrupts_seen,
		      .interrupts_handled = machine->interrupts_handled,
		      .has_wires = machine->message_data == 0,
		      .lose_state = machine->lose_state != NULL ? lose_state : NULL},
		.machine = machine,
	};
	return &scenario;
}

bool scenario_smmu(struct smmu_machine *machine)
{
	struct smmu_scenario *m = begin(machine);
	struct stages *t = &m->t;

	if (!stages_start(t))
		return false;
	stages_before_enabling(t);
	if (stages_enabling(t)) {
		stages_first_accesses(t);
		stages_mappings(t);
		messages(m);
		every_format(m);
		nesting(m);
		stages_faults(t);
		stages_end(t);
	}
	say_verdict(&t->s);
	return t->s.failed == 0;
}

bool scenario_smmu_take_over(struct smmu_machine *machine)
{
	return stages_take_over(&begin(machine)->t);
}
