/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/hw/vtd_registers.h>

#include "inspect.h"
#include "unit.h"

/* The model keeps its own state there, and nothing of the dump. */
#define ARENA_SIZE ((size_t)16 << 20)

/* --- Memory ----------------------------------------------------------------------------------- */

static bool read_dump(void *ctx, iommu_paddr_t address, void *bytes, size_t size)
{
	struct unit *unit = ctx;

	return memory_read(&unit->query->memory, address, bytes, size);
}

/* Questions change nothing, so that the model never asks for these. */
static bool write_dump(void *ctx, iommu_paddr_t address, const void *bytes, size_t size)
{
	(void)ctx, (void)address, (void)bytes, (void)size;
	return false;
}

static bool exchange_in_dump(void *ctx, iommu_paddr_t address, uint64_t expected, uint64_t desired)
{
	(void)ctx, (void)address, (void)expected, (void)desired;
	return false;
}

static void drop_answer(void *ctx, const struct iommu_model_page_answer *answer)
{
	(void)ctx, (void)answer;
}

/* --- Capabilities ----------------------------------------------------------------------------- */

static unsigned int flags_of_ecap(uint64_t ecap)
{
	static const struct {
		uint64_t bit;
		unsigned int flag;
	} pairs[] = {
		{VTD_ECAP_PT, IOMMU_MODEL_VTD_PASS_THROUGH},
		{VTD_ECAP_SC, IOMMU_MODEL_VTD_SNOOP_CONTROL},
		{VTD_ECAP_DT, IOMMU_MODEL_VTD_DEVICE_TLB},
		{VTD_ECAP_SMTS, IOMMU_MODEL_VTD_SCALABLE},
		{VTD_ECAP_FSTS, IOMMU_MODEL_VTD_FIRST_STAGE},
		{VTD_ECAP_NEST, IOMMU_MODEL_VTD_NESTED},
		{VTD_ECAP_SSADS, IOMMU_MODEL_VTD_DIRTY},
		{VTD_ECAP_PASID, IOMMU_MODEL_VTD_PASID},
		{VTD_ECAP_PRS, IOMMU_MODEL_VTD_PAGE_REQUESTS},
	};
	const bool is_scalable = (ecap & VTD_ECAP_SMTS) != 0;
	unsigned int flags = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if ((ecap & pairs[i].bit) != 0 &&
		    (is_scalable || pairs[i].flag < IOMMU_MODEL_VTD_SCALABLE))
			flags |= pairs[i].flag;
	if (is_scalable && (ecap & VTD_ECAP_SSTS) == 0)
		flags |= IOMMU_MODEL_VTD_NO_SECOND_STAGE;
	if (is_scalable ? (ecap & VTD_ECAP_SMPWCS) == 0 : (ecap & VTD_ECAP_C) == 0)
		flags |= IOMMU_MODEL_VTD_NONCOHERENT;
	return flags;
}

#define ALL_OF_ECAP                                                                                \
	(VTD_ECAP_C | VTD_ECAP_PT | VTD_ECAP_SC | VTD_ECAP_DT | VTD_ECAP_SMTS | VTD_ECAP_SSTS |    \
	 VTD_ECAP_FSTS | VTD_ECAP_NEST | VTD_ECAP_SSADS | VTD_ECAP_PASID | VTD_ECAP_PRS |          \
	 VTD_ECAP_SMPWCS)

static void use_cap(struct iommu_model_vtd_config *config, uint64_t cap)
{
	const uint32_t domains = vtd_cap_domains(cap);

	config->address_width = vtd_cap_guest_address_width(cap);
	config->levels = (vtd_cap_sagaw(cap) & 0xe) << 2;
	for (config->domain_bits = 4; (1U << config->domain_bits) < domains;)
		config->domain_bits += 2;
	config->pgsize_bitmap = IOMMU_SIZE_4K | vtd_cap_second_stage_large_pages(cap);
	if ((cap & VTD_CAP_FS5LP) == 0)
		config->flags &= ~(unsigned int)IOMMU_MODEL_VTD_FIRST_STAGE_5;
}

/*
 * Without its registers a unit has everything. Pass-through of legacy mode is only right with the
 * deepest tables that the unit has: then those are the ones of the entry.
 */
static unsigned int levels_for(const struct place *place)
{
	const bool is_known = place->passes && place->second.levels >= 3 &&
			      place->second.levels <= PAGES_LEVELS_MAX;

	return 0x38U & ((2U << (is_known ? place->second.levels : PAGES_LEVELS_MAX)) - 1);
}

static struct iommu_model_vtd_config configure(struct unit *unit, const struct place *place)
{
	const struct query *query = unit->query;
	const uint64_t ecap = query->has_ecap ? query->ecap : ALL_OF_ECAP;
	struct iommu_model_vtd_config config = {
		.platform = &unit->hosted.platform,
		.host = {.ctx = unit,
			 .read = read_dump,
			 .write = write_dump,
			 .compare_exchange = exchange_in_dump,
			 .page_answer = drop_answer},
		.flags = flags_of_ecap(ecap),
		.address_width = 57,
		.levels = levels_for(place),
		.output_width = query->width,
		.pasid_bits = query->has_ecap ? vtd_ecap_pasid_bits(ecap) : 20,
		.cache_entries = 64,
	};

	if ((config.flags & IOMMU_MODEL_VTD_FIRST_STAGE) != 0)
		config.flags |= IOMMU_MODEL_VTD_FIRST_STAGE_5;
	if (query->has_cap)
		use_cap(&config, query->cap);
	return config;
}

/* --- The unit --------------------------------------------------------------------------------- */

int unit_open(struct unit *unit, struct query *query, const struct place *place)
{
	struct iommu_model_vtd_config config;
	int status;

	unit->query = query;
	unit->model = NULL;
	if (iommu_hosted_init(&unit->hosted, NULL, ARENA_SIZE, 0) != 0)
		return inspect_complain(INSPECT_UNREADABLE, "out of memory");
	/* What the library has to say of refusals is said below. */
	unit->hosted.platform.log = NULL;
	config = configure(unit, place);
	status = iommu_model_vtd_create(&config, &unit->model);
	if (status != 0) {
		iommu_hosted_destroy(&unit->hosted);
		return inspect_complain(INSPECT_USAGE,
					"--cap and --ecap are of no unit that can be modelled");
	}
	iommu_model_vtd_mmio_write(unit->model, VTD_RTADDR, 8, query->rtaddr);
	iommu_model_vtd_mmio_write(unit->model, VTD_GCMD, 4, VTD_GLOBAL_SRTP);
	iommu_model_vtd_mmio_write(unit->model, VTD_GCMD, 4, VTD_GLOBAL_TE);
	return INSPECT_FINE;
}

void unit_close(struct unit *unit)
{
	iommu_model_vtd_destroy(unit->model);
	iommu_hosted_destroy(&unit->hosted);
}

int unit_check(struct query *query)
{
	const struct place nowhere = {0};
	struct unit unit;
	int status = INSPECT_FINE;

	if (query->by_unit)
		status = unit_open(&unit, query, &nowhere);
	if (query->by_unit && status == INSPECT_FINE)
		unit_close(&unit);
	return status;
}

bool unit_ask(struct unit *unit, uint64_t address, unsigned int access,
	      struct iommu_model_translation *result)
{
	const struct query *query = unit->query;
	const struct iommu_model_request request = {
		.source_id = query->source_id,
		.has_pasid = query->has_pasid,
		.pasid = query->pasid,
		.address = address,
		.access = access,
		.privileged = query->privileged,
		.execute = query->execute,
	};

	return iommu_model_vtd_peek(unit->model, &request, result) == 0;
}
