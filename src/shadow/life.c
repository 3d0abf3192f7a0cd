/* SPDX-License-Identifier: BSD-2-Clause */
/* Shadows: made, and ended. */
#include <libiommu/hw/vtd_registers.h>

#include "shadow/shadow.h"

#define LEAVES_DEFAULT (1ULL << 24)

static int refuse_shadow(struct iommu *iommu, const char *call, int status, const char *why)
{
	return iommu_refuse_now(iommu, call, "", status, why);
}

/* A space is used by the shadow from now on: it is not destroyed before. */
static int use(struct iommu_file *file, const char *call, uint32_t id)
{
	struct ioas_object *object;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object != NULL)
		iommu_object_use(object);
	return iommu_file_end(file, call, status);
}

static void unuse(struct iommu_file *file, uint32_t id)
{
	int status;
	struct ioas_object *object = iommu_object_visit(file, id, IOMMU_OBJECT_IOAS, &status);

	iommu_object_unuse(object);
	iommu_object_leave(object);
}

/*
 * Does the guest say what it maps? Not in first stages, whatever the mode: entries that are not
 * present are not cached there.
 */
static int check_unit(const struct iommu_shadow_config *config, const char *call)
{
	const uint64_t capability = iommu_model_vtd_mmio_read(config->model, VTD_CAP, 8);
	const uint64_t extended = iommu_model_vtd_mmio_read(config->model, VTD_ECAP, 8);

	if ((capability & VTD_CAP_CM) != 0 && (extended & VTD_ECAP_FSTS) == 0)
		return 0;
	return refuse_shadow(
		config->file->iommu, call, IOMMU_EOPNOTSUPP,
		IOMMU_WHY("the guest's unit is without caching mode, or has a first stage"));
}

/* Of spaces that are used already. */
static int check_spaces(const struct iommu_shadow_config *config, const char *call)
{
	struct iommu *iommu = config->file->iommu;
	struct iommu_ioas_area area;
	struct ioas_object *object;
	unsigned int flags;
	int status;

	object = iommu_object_visit(config->file, config->ioas, IOMMU_OBJECT_IOAS, &status);
	flags = iommu_ioas_of(object)->flags;
	iommu_object_leave(object);
	if (config->ioas == config->memory)
		return refuse_shadow(iommu, call, IOMMU_EINVAL,
				     IOMMU_WHY("the guest's memory and the shadow are one space"));
	if ((flags & IOMMU_IOAS_SPLIT) == 0)
		return refuse_shadow(iommu, call, IOMMU_EINVAL,
				     IOMMU_WHY("the space was made without IOMMU_IOAS_SPLIT"));
	return iommu_ioas_next_area(config->file, config->ioas, 0, &area) != 0
		       ? 0
		       : refuse_shadow(iommu, call, IOMMU_EINVAL,
				       IOMMU_WHY("the space is not empty"));
}

static void shadow_free(struct iommu_shadow *shadow)
{
	const struct iommu_platform *platform = shadow->platform;

	if (shadow->mutex != NULL)
		platform->mutex_destroy(platform->ctx, shadow->mutex);
	if (shadow->extents != NULL)
		platform->free_pages(platform->ctx, shadow->extents, SHADOW_ORDER);
	platform->free_pages(platform->ctx, shadow, 0);
}

static int make(const struct iommu_shadow_config *config, struct iommu_shadow **result)
{
	const struct iommu_platform *platform = config->file->platform;
	struct iommu_shadow *shadow = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (shadow == NULL)
		return IOMMU_ENOMEM;
	shadow->platform = platform;
	shadow->config = *config;
	shadow->missing = shadow->stuck = (struct shadow_span){1, 0};
	shadow->domain = SHADOW_DOMAINS;
	if (config->max_leaves == 0)
		shadow->config.max_leaves = LEAVES_DEFAULT;
	shadow->extents = platform->alloc_pages(platform->ctx, SHADOW_ORDER, IOMMU_NODE_ANY, 0);
	if (platform->mutex_create != NULL)
		shadow->mutex = platform->mutex_create(platform->ctx);
	if (shadow->extents == NULL || (platform->mutex_create != NULL && shadow->mutex == NULL)) {
		shadow_free(shadow);
		return IOMMU_ENOMEM;
	}
	*result = shadow;
	return 0;
}

int iommu_shadow_create(const struct iommu_shadow_config *config, struct iommu_shadow **shadow)
{
	struct iommu_file *file = config->file;
	int status = check_unit(config, IOMMU_CALL);

	if (status == 0)
		status = use(file, IOMMU_CALL, config->ioas);
	if (status != 0)
		return status;
	status = use(file, IOMMU_CALL, config->memory);
	if (status != 0) {
		unuse(file, config->ioas);
		return status;
	}
	status = check_spaces(config, IOMMU_CALL);
	if (status == 0) {
		status = make(config, shadow);
		if (status != 0)
			(void)refuse_shadow(file->iommu, IOMMU_CALL, status, "");
	}
	if (status != 0) {
		unuse(file, config->ioas);
		unuse(file, config->memory);
	}
	return status;
}

int iommu_shadow_destroy(struct iommu_shadow *shadow)
{
	int status;

	if (shadow == NULL)
		return 0;
	status = iommu_ioas_unmap(shadow->config.file, shadow->config.ioas, 0, UINT64_MAX, NULL);
	if (status != 0)
		return status;
	unuse(shadow->config.file, shadow->config.ioas);
	unuse(shadow->config.file, shadow->config.memory);
	shadow_free(shadow);
	return 0;
}
