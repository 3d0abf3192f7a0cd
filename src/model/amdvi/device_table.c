/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device table: from a device id to its entry, and which entries are legal (48882, "Device
 * Table"). Entries are cached as they stand, whatever they say; what is legal depends on the unit
 * and its control register, and is looked at with each request. Memory (bits 127:0) and interrupts
 * (bits 255:128) have their own valid bits, and each half is checked for itself.
 */
#include "model/amdvi/journey.h"

/* --- In the cache ----------------------------------------------------------------------------- */

/* What is cached in two parts may be evicted in parts: the second knows the first. */
static uint64_t check_of(const amdvi_word_t *words)
{
	return words[0] * 0x9e3779b97f4a7c15ULL ^ words[1] * 0xc2b2ae3d27d4eb4fULL;
}

static bool recall(struct journey *j)
{
	struct model_cached first, second;
	amdvi_word_t *words = j->dte.words;

	if (!journey_find(j, MODEL_DEVICE, j->devid, 0, 0, &first) ||
	    !journey_find(j, MODEL_DEVICE, j->devid, 1, 0, &second))
		return false;
	words[0] = first.low;
	words[1] = first.third;
	words[2] = second.low;
	words[3] = second.third;
	j->has_logged = (first.high & MODEL_HIGH_LOGGED) != 0;
	return second.high == check_of(words);
}

static struct model_cached first_of(const struct journey *j)
{
	return (struct model_cached){
		.kind = MODEL_DEVICE,
		.tag = j->devid,
		.low = j->dte.words[0],
		.third = j->dte.words[1],
	};
}

static void learn(const struct journey *j)
{
	struct model_cached entry = first_of(j);

	journey_remember(j, &entry);
	entry.level = 1;
	entry.low = j->dte.words[2];
	entry.third = j->dte.words[3];
	entry.high = check_of(j->dte.words);
	journey_remember(j, &entry);
}

void iommu_amdmodel_note_logged(const struct journey *j)
{
	const struct model_cached entry = first_of(j);

	iommu_model_walk_settle(&j->model->cache, &j->passage->walk);
	iommu_model_cache_add_to_high(&j->model->cache, &j->passage->walk, &entry,
				      MODEL_HIGH_LOGGED);
}

/* --- From memory ------------------------------------------------------------------------------ */

static unsigned int illegal(struct journey *j, bool is_reserved)
{
	j->fault = (struct model_fault){.is_reserved = is_reserved, .address = j->address};
	return AMDVI_ILLEGAL_DEV_TABLE_ENTRY;
}

/* The upper bits of the device id say the segment. False: beyond its table. */
static bool place_of_entry(const struct journey *j, uint64_t *place)
{
	const unsigned int order = (unsigned int)amdvi_bits(j->control, AMDVI_CONTROL_SEGMENTS_EN);
	const unsigned int segment = (unsigned int)j->devid >> (16 - order);
	const uint32_t offset = (j->devid & (0xffffU >> order)) * AMDVI_DTE_SIZE;
	const uint64_t base = iommu_cell_load(&j->model->published.tables[segment]);

	*place = amdvi_device_table_address(base) + offset;
	return offset < amdvi_device_table_size(base);
}

/* In one piece: what was read is read again, until both are the same. */
static bool read_entry(const struct journey *j, uint64_t place, amdvi_word_t *words)
{
	amdvi_word_t again[AMDVI_DTE_WORDS];
	unsigned int repeats;

	if (!journey_read(j, place, words, AMDVI_DTE_WORDS))
		return false;
	for (repeats = 0;
	     repeats < MODEL_REPEATS_MAX && !model_is_strict(j->model, IOMMU_MODEL_AMDVI_TORN);
	     repeats++) {
		bool is_same = true;
		unsigned int i;

		if (!journey_read(j, place, again, AMDVI_DTE_WORDS))
			return false;
		for (i = 0; i < AMDVI_DTE_WORDS; i++) {
			is_same &= words[i] == again[i];
			words[i] = again[i];
		}
		if (is_same)
			break;
	}
	return true;
}

unsigned int iommu_amdmodel_find_device(struct journey *j)
{
	uint64_t place;

	j->has_dte = recall(j);
	if (j->has_dte)
		return 0;
	if (!model_passage_walks(j->passage))
		return MODEL_AGAIN;
	journey_count_walk(j);
	j->has_logged = false;
	if (!place_of_entry(j, &place))
		return illegal(j, false);
	if (!read_entry(j, place, j->dte.words))
		return journey_hardware_error(j, AMDVI_DEV_TAB_HARDWARE_ERROR, place);
	j->has_dte = true;
	learn(j);
	return 0;
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* Bits 6:2 and 63. */
#define WORD_0_RESERVED 0x800000000000007cULL

static uint64_t fields_of_guests(unsigned int word)
{
	if (word == 0)
		return amdvi_field_mask(AMDVI_DTE_GV) | amdvi_field_mask(AMDVI_DTE_GLX) |
		       amdvi_field_mask(AMDVI_DTE_GCR3_14_12) | amdvi_field_mask(AMDVI_DTE_GPRP);
	return amdvi_field_mask(AMDVI_DTE_GCR3_30_15) | amdvi_field_mask(AMDVI_DTE_GCR3_51_31);
}

/* Fields that the unit has not are reserved, too. */
static uint64_t reserved_of(const struct iommu_model_amdvi *model, unsigned int word)
{
	const bool has_guests = model_efr(model, AMDVI_EFR_GT);
	uint64_t reserved = word == 0 ? WORD_0_RESERVED : amdvi_field_mask(AMDVI_DTE_SATS);

	if (!has_guests)
		reserved |= fields_of_guests(word);
	if (word != 0)
		return model_has_device_tlbs(model) ? reserved
						    : reserved | amdvi_field_mask(AMDVI_DTE_I);
	if (!model_efr(model, AMDVI_EFR_HA))
		reserved |= amdvi_field_mask(AMDVI_DTE_HAD);
	if (!model_efr(model, AMDVI_EFR_PPR))
		reserved |= amdvi_field_mask(AMDVI_DTE_PPR);
	if (!model_efr(model, AMDVI_EFR_GIO))
		reserved |= amdvi_field_mask(AMDVI_DTE_GIOV);
	return reserved;
}

#define HAD_RESERVED   2U
#define HAD_DIRTY      3U
#define IOCTL_RESERVED 3U

static bool values_are_known(const struct journey *j)
{
	const uint64_t had = amdvi_get(j->dte.words, AMDVI_DTE_HAD);

	return had != HAD_RESERVED && (had != HAD_DIRTY || model_efr(j->model, AMDVI_EFR_HD)) &&
	       amdvi_get(j->dte.words, AMDVI_DTE_IOCTL) != IOCTL_RESERVED;
}

static bool guest_levels_are_known(const struct journey *j)
{
	const uint64_t efr = j->model->config.efr;

	return amdvi_get(j->dte.words, AMDVI_DTE_GLX) <= amdvi_bits(efr, AMDVI_EFR_GLX) &&
	       amdvi_get(j->dte.words, AMDVI_DTE_GUEST_MODE) <= amdvi_bits(efr, AMDVI_EFR_GATS);
}

unsigned int iommu_amdmodel_check_memory_half(struct journey *j)
{
	const amdvi_word_t *words = j->dte.words;
	const bool has_guest = amdvi_has(words, AMDVI_DTE_GV);

	if ((words[0] & reserved_of(j->model, 0)) != 0 ||
	    (words[1] & reserved_of(j->model, 1)) != 0 || !values_are_known(j))
		return illegal(j, true);
	/* The rest is valid with TV alone. */
	if (!amdvi_has(words, AMDVI_DTE_TV))
		return 0;
	if (journey_host_levels(j) > amdvi_efr_host_levels(j->model->config.efr))
		return illegal(j, false);
	if (!has_guest)
		return 0;
	if (!journey_control(j, AMDVI_CONTROL_GT_EN))
		return illegal(j, true);
	return guest_levels_are_known(j) ? 0 : illegal(j, false);
}

/* --- Interrupts ------------------------------------------------------------------------------- */

/* Bits 181:180, and HPTMode. */
#define WORD_2_RESERVED (3ULL << 52 | 1ULL << 59)

unsigned int iommu_amdmodel_check_interrupt_half(struct journey *j)
{
	const amdvi_word_t *words = j->dte.words;
	uint64_t reserved = WORD_2_RESERVED;

	if (!model_efr(j->model, AMDVI_EFR_GT))
		reserved |= amdvi_field_mask(AMDVI_DTE_GUEST_MODE);
	/* The root is aligned to 128 bytes. */
	reserved |= 1ULL << 6;
	if ((words[2] & reserved) != 0 || (words[3] & ~amdvi_field_mask(AMDVI_DTE_SOFTWARE)) != 0)
		return illegal(j, true);
	if (amdvi_get(words, AMDVI_DTE_INT_TAB_LEN) > AMDVI_DTE_INT_TAB_LEN_MAX ||
	    amdvi_get(words, AMDVI_DTE_INT_CTL) == 3)
		return illegal(j, true);
	return 0;
}
