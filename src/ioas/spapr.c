/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers of POWER's windows: their beginning and end, groups, and the map calls.
 *
 * Groups behind one unit use one domain. A domain that comes later gets the windows first, then it
 * is found by calls, so that what they set is set there, too; when those that do not know it have
 * ended, it gets the entries that there are, and only then is it attached.
 */
#include "ioas/spapr.h"
#include "ioas/device.h"

#if IOMMU_CONFIG_POWER

_Static_assert(sizeof(struct spapr) <= IOMMU_PAGE_SIZE, "it is one page");

/* --- Calls ------------------------------------------------------------------------------------ */

static void note_begin(struct spapr *spapr)
{
	spapr->why = NULL;
	spapr->refusals = iommu_refusals(spapr->file->iommu);
}

int iommu_spapr_begin(struct iommu_container *container, const char *call, unsigned int version,
		      struct spapr **spapr)
{
	*spapr = container->spapr;
	if ((container->flags & (version != 0 ? version : TCE_FLAGS)) == 0)
		return iommu_file_refuse_now(
			container->file, call, 0, IOMMU_EOPNOTSUPP,
			IOMMU_WHY("the container is not one of POWER's windows, or not of this "
				  "version"));
	iommu_container_lock(container);
	note_begin(container->spapr);
	return 0;
}

/* A refusal that this layer has no words for was told by the one below. */
static int tell(struct spapr *spapr, const char *call, int status)
{
	if (status == 0 ||
	    (spapr->why == NULL && spapr->refusals != iommu_refusals(spapr->file->iommu)))
		return status;
	return iommu_file_refuse_now(spapr->file, call, 0, status,
				     spapr->why != NULL ? spapr->why : "");
}

int iommu_spapr_end(struct spapr *spapr, const char *call, int status)
{
	status = tell(spapr, call, status);
	iommu_container_unlock(spapr->container);
	return status;
}

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_spapr_create(struct iommu_container *container)
{
	const struct iommu_platform *platform = container->platform;
	struct spapr *spapr = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (spapr == NULL)
		return IOMMU_ENOMEM;
	spapr->container = container;
	spapr->platform = platform;
	spapr->file = container->file;
	iommu_list_init(&spapr->memory);
	iommu_object_cache_init(&spapr->cache, platform, sizeof(struct spapr_memory));
	container->spapr = spapr;
	return 0;
}

static int free_left(struct spapr_domain *place)
{
	const int status = iommu_domain_free(place->left);

	if (status == 0)
		place->left = NULL;
	return status;
}

int iommu_spapr_destroy(struct iommu_container *container, const char *call)
{
	struct spapr *spapr = container->spapr;
	unsigned int i;

	if (__atomic_load_n(&spapr->attachments, __ATOMIC_ACQUIRE) != 0)
		return iommu_file_refuse_now(
			container->file, call, 0, IOMMU_EBUSY,
			IOMMU_WHY("a window is attached to a table of a guest"));
	for (i = 0; i < IOMMU_SPAPR_UNITS; i++) {
		const int status = free_left(&spapr->domains[i]);

		if (status != 0)
			return status;
	}
	/* Without groups there are no windows, and so nothing leads to the memory. */
	iommu_spapr_forget_memory(spapr);
	spapr->platform->free_pages(spapr->platform->ctx, spapr, 0);
	container->spapr = NULL;
	return 0;
}

/* --- Domains ---------------------------------------------------------------------------------- */

static struct spapr_domain *domain_of(struct spapr *spapr, const struct iommu_unit *unit)
{
	unsigned int i;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++)
		if (spapr->domains[i].domain != NULL && spapr->domains[i].unit == unit)
			return &spapr->domains[i];
	return NULL;
}

static struct spapr_domain *free_place(struct spapr *spapr)
{
	unsigned int i;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++)
		if (spapr->domains[i].domain == NULL && free_left(&spapr->domains[i]) == 0)
			return &spapr->domains[i];
	return NULL;
}

static int open_windows(struct spapr *spapr, struct spapr_domain *place,
			struct iommu_domain *domain)
{
	unsigned int i;

	for (i = 0; i < IOMMU_WINDOWS; i++) {
		struct spapr_window *window = &spapr->windows[i];
		iommu_iova_t start;
		int status;

		/* One that is half removed comes back nowhere. */
		if (!window->is_live)
			continue;
		status = iommu_window_open(domain, &window->config, &start);
		if (status != 0)
			return status;
		place->opened |= 1U << i;
	}
	return 0;
}

static void publish(struct spapr *spapr, struct spapr_domain *place, struct iommu_domain *domain)
{
	const uintptr_t state = spapr_lock(spapr);

	__atomic_store_n(&place->domain, domain, __ATOMIC_RELEASE);
	spapr_unlock(spapr, state);
	iommu_spapr_calls_wait(&spapr->calls, spapr->platform);
}

/* No group is behind its unit: the domain goes, at once or when its unit has confirmed that. */
static void drop_domain(struct spapr *spapr, struct spapr_domain *place)
{
	struct iommu_domain *domain = place->domain;

	publish(spapr, place, NULL);
	place->left = domain;
	(void)free_left(place);
}

/* Another domain that has what the container has: what is found by calls, then copied. */
static struct iommu_domain *any_domain(struct spapr *spapr)
{
	unsigned int i;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++)
		if (spapr->domains[i].domain != NULL)
			return spapr->domains[i].domain;
	return NULL;
}

static int fill_domain(struct spapr *spapr, struct spapr_domain *place, struct iommu_domain *domain)
{
	struct iommu_domain *other = any_domain(spapr);
	int status = open_windows(spapr, place, domain);

	if (status != 0) {
		(void)iommu_domain_free(domain);
		return status;
	}
	publish(spapr, place, domain);
	if (other != NULL)
		status = iommu_spapr_copy(spapr, other, domain);
	else
		status = iommu_spapr_open_default(spapr);
	if (status != 0)
		drop_domain(spapr, place);
	return status;
}

static int make_domain(struct spapr *spapr, struct iommu_unit *unit, struct spapr_domain **result)
{
	const struct iommu_domain_config config = {
		.max_table_pages = spapr->file->limits.table_pages,
		.flags = IOMMU_DOMAIN_WINDOWS,
	};
	struct spapr_domain *place = free_place(spapr);
	struct iommu_domain *domain;
	int status;

	if (place == NULL)
		return SPAPR_REFUSE(spapr, IOMMU_ENOSPC, "groups are behind too many units");
	status = iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &config, &domain);
	if (status != 0)
		return status;
	place->unit = unit;
	place->groups = 0;
	place->opened = 0;
	status = fill_domain(spapr, place, domain);
	*result = place;
	return status;
}

/* --- Groups ----------------------------------------------------------------------------------- */

static int check_join(struct spapr *spapr)
{
	if (spapr_is_second(spapr))
		return 0;
	if (spapr->container->groups != 0)
		return SPAPR_REFUSE(spapr, IOMMU_EBUSY, "a container of version 1 has one group");
	return 0;
}

static bool is_last(const struct spapr *spapr)
{
	unsigned int i, groups = 0;

	for (i = 0; i < IOMMU_SPAPR_UNITS; i++)
		if (spapr->domains[i].domain != NULL)
			groups += spapr->domains[i].groups;
	return groups == 0;
}

/* Without groups nothing is mapped; version 1 is not enabled any more. */
static void empty(struct spapr *spapr)
{
	iommu_spapr_drop_windows(spapr);
	/* Hardware has confirmed that it uses no domain: what is not confirmed is of no matter. */
	(void)iommu_spapr_retry(spapr);
	iommu_spapr_sweep(spapr);
	iommu_file_discharge_pins(spapr->file, spapr->enabled);
	spapr->enabled = 0;
}

/* A group has left, as is confirmed: what nothing uses any more goes. */
static void clean_up(struct spapr *spapr, struct spapr_domain *place)
{
	if (place->groups != 0)
		return;
	if (is_last(spapr))
		empty(spapr);
	drop_domain(spapr, place);
}

static int attach(struct spapr *spapr, struct iommu_endpoint *endpoint, struct spapr_domain **place)
{
	struct iommu_unit *unit = iommu_endpoint_unit(endpoint);
	int status = 0;

	*place = domain_of(spapr, unit);
	if (*place == NULL)
		status = make_domain(spapr, unit, place);
	if (status != 0)
		return status;
	status = iommu_domain_attach_group((*place)->domain, iommu_endpoint_group(endpoint));
	if (status == 0)
		(*place)->groups++;
	else
		clean_up(spapr, *place);
	return status;
}

/* Where the group of a device is counted from now on; NULL: nowhere. Returns where it was. */
static struct spapr_domain *set_place(struct spapr *spapr, uint32_t id, struct spapr_domain *place)
{
	int status;
	struct ioas_object *object =
		iommu_object_visit(spapr->file, id, IOMMU_OBJECT_DEVICE, &status);
	struct spapr_domain *before;

	if (object == NULL)
		return NULL;
	before = iommu_device_of(object)->group->place;
	iommu_device_of(object)->group->place = place;
	iommu_object_leave(object);
	return before;
}

static int join(struct spapr *spapr, struct iommu_endpoint *endpoint, uint32_t *device)
{
	struct spapr_domain *place;
	int status = check_join(spapr);

	if (status == 0)
		status = iommu_device_bind(spapr->file, endpoint, device);
	if (status != 0)
		return status;
	status = attach(spapr, endpoint, &place);
	if (status == 0)
		(void)set_place(spapr, *device, place);
	if (status != 0 && iommu_device_unbind(spapr->file, *device) == 0) {
		*device = 0;
		return status;
	}
	/* One that can neither come nor go has to leave. */
	spapr->container->groups++;
	return status;
}

int iommu_spapr_join(struct iommu_container *container, const char *call,
		     struct iommu_endpoint *endpoint, uint32_t *device)
{
	struct spapr *spapr = container->spapr;

	*device = 0;
	note_begin(spapr);
	return tell(spapr, call, join(spapr, endpoint, device));
}

/* The group uses nothing, as is confirmed; then it is given back to the host. */
static int give_up(struct spapr *spapr, uint32_t device)
{
	struct spapr_domain *place;
	struct iommu_device_info info;
	int status = iommu_device_get_info(spapr->file, device, &info);

	if (status == 0)
		status = iommu_domain_detach_group(iommu_endpoint_group(info.endpoint));
	if (status != 0)
		return status;
	/* As long as it is counted, only the container unbinds it. */
	place = set_place(spapr, device, NULL);
	status = iommu_device_unbind(spapr->file, device);
	if (status != 0) {
		(void)set_place(spapr, device, place);
		return status;
	}
	if (place == NULL)
		return 0;
	place->groups--;
	clean_up(spapr, place);
	return 0;
}

int iommu_spapr_leave(struct iommu_container *container, uint32_t device)
{
	struct spapr *spapr = container->spapr;
	int status = 0;

	note_begin(spapr);
	/* One that could neither join nor leave may have been unbound by the file's user. */
	if (iommu_object_type(spapr->file, device) == IOMMU_OBJECT_DEVICE)
		status = give_up(spapr, device);
	if (status != 0)
		return status == IOMMU_ETIMEDOUT ? status : IOMMU_EIO;
	container->groups--;
	return 0;
}

/* --- Mapping ---------------------------------------------------------------------------------- */

static int check_map(struct spapr *spapr, iommu_iova_t iova, uint64_t size, unsigned int prot,
		     const struct iommu_backing *backing)
{
	if (prot == 0)
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL, "neither reading nor writing is allowed");
	if (size == 0)
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL, "the size is 0");
	if (size - 1 > UINT64_MAX - iova || size - 1 > UINT64_MAX - backing->address)
		return SPAPR_REFUSE(spapr, IOMMU_EOVERFLOW, "a range wraps");
	if (!spapr_is_second(spapr) && spapr->enabled == 0)
		return SPAPR_REFUSE(spapr, IOMMU_EPERM, "the container is not enabled");
	return 0;
}

/* The entries of a range. */
static int find_run(struct spapr *spapr, iommu_iova_t iova, uint64_t size, uint64_t address,
		    struct spapr_run *run)
{
	const struct spapr_window *window = iommu_spapr_window_at(spapr, iova, size);
	unsigned int shift;

	if (window == NULL)
		return SPAPR_REFUSE(spapr, IOMMU_ERANGE, "the range does not lie in one window");
	shift = window->config.page_shift;
	if (((iova | size | address) & ((1ULL << shift) - 1)) != 0)
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL, "the range is not whole pages");
	*run = (struct spapr_run){
		.spapr = spapr,
		.number = window->config.number,
		.index = (iova - window->start) >> shift,
		.count = size >> shift,
		.address = address,
	};
	return 0;
}

/*
 * The part of a run whose memory is one, from its beginning: found, and checked. Memory does not go
 * meanwhile: the mutex is held.
 */
static int find_part(const struct spapr_run *run, const struct iommu_backing *backing,
		     struct spapr_run *part)
{
	struct spapr *spapr = run->spapr;
	const unsigned int shift = spapr->windows[run->number].config.page_shift;
	struct spapr_memory *memory =
		run->memory != NULL ? run->memory
				    : iommu_spapr_find(spapr, run->address, 1ULL << shift);
	uint64_t pages, i;

	if (memory == NULL || memory->backing.ctx != backing->ctx ||
	    memory->backing.ops != backing->ops)
		return SPAPR_REFUSE(spapr, IOMMU_ENOENT, "the memory is not registered");
	pages = ((memory->interval.last - run->address) >> shift) + 1;
	if ((pages << shift) - 1 > memory->interval.last - run->address)
		pages--;
	*part = *run;
	part->memory = memory;
	part->count = run->count < pages ? run->count : pages;
	for (i = 0; i < part->count; i++) {
		int status = iommu_spapr_check_page(memory, run->address + (i << shift), shift,
						    run->prot);

		if (status != 0)
			return SPAPR_REFUSE(spapr, status,
					    "the memory is for reading only, or is contiguous "
					    "in smaller pieces than the window's pages");
	}
	return 0;
}

static void skip(struct spapr_run *run, const struct spapr_run *part)
{
	run->index += part->count;
	run->count -= part->count;
	run->address += part->count << run->spapr->windows[run->number].config.page_shift;
}

/* That all of it can be mapped. */
static int check_run(struct spapr_run run, const struct iommu_backing *backing)
{
	struct spapr_run part;
	int status = 0;

	while (run.count != 0 && status == 0) {
		status = find_part(&run, backing, &part);
		if (status == 0)
			skip(&run, &part);
	}
	return status;
}

static void count_mapped(const struct spapr_run *part)
{
	const uintptr_t state = spapr_lock(part->spapr);

	part->memory->mapped += part->count;
	spapr_unlock(part->spapr, state);
}

static int clear_run(struct spapr_run run, uint64_t *entries)
{
	run.memory = NULL;
	return iommu_spapr_set(&run, entries);
}

/* What is not confirmed is cleared again. */
static int set_run(struct spapr_run run, const struct iommu_backing *backing)
{
	const struct spapr_run all = run;
	uint64_t before;
	int status = 0;

	while (run.count != 0 && status == 0) {
		struct spapr_run part;

		status = find_part(&run, backing, &part);
		if (status != 0)
			break;
		skip(&run, &part);
		count_mapped(&part);
		status = iommu_spapr_set(&part, &before);
	}
	if (status == 0)
		return 0;
	(void)clear_run(all, &before);
	return status;
}

static int map(struct spapr *spapr, iommu_iova_t iova, uint64_t size, unsigned int prot,
	       const struct iommu_backing *backing)
{
	struct spapr_run run;
	int status = check_map(spapr, iova, size, prot, backing);

	if (status == 0)
		status = find_run(spapr, iova, size, backing->address, &run);
	if (status != 0)
		return status;
	run.prot = prot;
	if (!spapr_is_second(spapr))
		status = iommu_spapr_pin_for_map(spapr, backing, size, prot, &run.memory);
	if (status == 0)
		status = check_run(run, backing);
	if (status == 0) {
		status = iommu_spapr_prepare(&run);
		if (status == 0)
			status = set_run(run, backing);
		else
			(void)SPAPR_REFUSE(spapr, status, "no memory for tables, or their limit");
	}
	/* What was replaced, or has not become mapped, goes. */
	iommu_spapr_sweep(spapr);
	return status;
}

int iommu_spapr_map(struct iommu_container *container, const char *call, iommu_iova_t iova,
		    uint64_t size, unsigned int prot, const struct iommu_backing *backing)
{
	struct spapr *spapr;
	int status = iommu_spapr_begin(container, call, 0, &spapr);

	if (status != 0)
		return status;
	status = iommu_spapr_retry(spapr);
	if (status == 0)
		status = map(spapr, iova, size, prot, backing);
	return iommu_spapr_end(spapr, call, status);
}

static int unmap_run(const struct spapr_run *run, uint64_t *unmapped)
{
	uint64_t entries;
	int status = clear_run(*run, &entries);

	*unmapped += entries << run->spapr->windows[run->number].config.page_shift;
	return status;
}

static int unmap_all(struct spapr *spapr, uint64_t *unmapped)
{
	int result = 0;
	unsigned int i;

	for (i = 0; i < IOMMU_WINDOWS; i++) {
		const struct spapr_run run = {
			.spapr = spapr, .number = i, .count = spapr->windows[i].entries};
		int status = spapr->windows[i].is_live ? unmap_run(&run, unmapped) : 0;

		if (result == 0)
			result = status;
	}
	return result;
}

static int unmap(struct spapr *spapr, iommu_iova_t iova, uint64_t size, uint64_t *unmapped)
{
	struct spapr_run run;
	int status;

	if (iova == 0 && size == UINT64_MAX)
		return unmap_all(spapr, unmapped);
	if (size == 0)
		return SPAPR_REFUSE(spapr, IOMMU_EINVAL, "the size is 0");
	if (size - 1 > UINT64_MAX - iova)
		return SPAPR_REFUSE(spapr, IOMMU_EOVERFLOW, "the range wraps");
	status = find_run(spapr, iova, size, 0, &run);
	return status == 0 ? unmap_run(&run, unmapped) : status;
}

int iommu_spapr_unmap(struct iommu_container *container, const char *call, iommu_iova_t iova,
		      uint64_t size, const struct iommu_dirty_bitmap *bitmap, uint64_t *unmapped)
{
	uint64_t bytes = 0;
	struct spapr *spapr;
	int retried, status = iommu_spapr_begin(container, call, 0, &spapr);

	if (status != 0)
		return status;
	if (bitmap != NULL)
		return iommu_spapr_end(
			spapr, call,
			SPAPR_REFUSE(spapr, IOMMU_EOPNOTSUPP, "there is no dirty tracking"));
	status = unmap(spapr, iova, size, &bytes);
	/* Everything may be confirmed where a part is not: of a PE in doubt, say. */
	if ((status == IOMMU_ETIMEDOUT || status == IOMMU_EIO) &&
	    iommu_spapr_confirm(spapr, 0, 0, 0) == 0)
		status = 0;
	retried = iommu_spapr_retry(spapr);
	iommu_spapr_sweep(spapr);
	if (unmapped != NULL)
		*unmapped = bytes;
	return iommu_spapr_end(spapr, call, status != 0 ? status : retried);
}

#endif
