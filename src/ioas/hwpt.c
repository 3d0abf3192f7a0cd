/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware page tables: creation with all mappings, and destruction when hardware has confirmed.
 *
 * Everything here is under file->mutex; lists of an IOAS are changed with its gate closed. An HWPT
 * whose removal hardware did not confirm stays in the list of those that are being destroyed: every
 * unmap in the IOAS asks it for confirmation, too.
 */
#include <libiommu/ioas.h>

#include "ioas/device.h"
#include "ioas/fault_queue.h"
#include "ioas/ioas.h"
#include "ioas/virtual_unit.h"

#define PAGING_FLAGS                                                                               \
	((unsigned int)(IOMMU_HWPT_NEST_PARENT | IOMMU_HWPT_DIRTY | IOMMU_HWPT_PASID |             \
			IOMMU_HWPT_FAULTS | IOMMU_HWPT_ATTACH))
#define NESTED_FLAGS ((unsigned int)(IOMMU_HWPT_PASID | IOMMU_HWPT_FAULTS | IOMMU_HWPT_ATTACH))

static struct iommu_hwpt *hwpt_at(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_hwpt, link);
}

static struct ioas_area *next_area(const struct iommu_ioas *ioas, const struct ioas_area *area)
{
	return iommu_area_of(
		iommu_iova_find_from(ioas->areas, area != NULL ? area->range.last + 1 : 0));
}

/* --- Addresses -------------------------------------------------------------------------------- */

static uint64_t smallest_page(const struct iommu_hwpt *hwpt)
{
	const uint64_t sizes = hwpt->domain->pgsize_bitmap;
	const uint64_t smallest = sizes & (0 - sizes);

	return smallest > IOMMU_PAGE_SIZE ? smallest : IOMMU_PAGE_SIZE;
}

/* The strictest of all HWPTs. */
static void set_alignment(struct iommu_ioas *ioas)
{
	const struct iommu_platform *platform = ioas->object.file->platform;
	uint64_t alignment = IOMMU_PAGE_SIZE;
	struct iommu_list_node *node;
	uintptr_t state;

	iommu_list_for_each (node, &ioas->hwpts)
		if (smallest_page(hwpt_at(node)) > alignment)
			alignment = smallest_page(hwpt_at(node));
	state = iommu_spin_lock(platform, &ioas->lock);
	ioas->alignment = alignment;
	iommu_spin_unlock(platform, &ioas->lock, state);
}

static bool areas_are_aligned(const struct iommu_ioas *ioas, uint64_t alignment)
{
	const uint64_t mask = (alignment >> IOMMU_PAGE_SHIFT) - 1;
	const struct ioas_area *area;

	for (area = next_area(ioas, NULL); area != NULL; area = next_area(ioas, area))
		if (((area->range.first | (area->range.last + 1) | area->page) & mask) != 0)
			return false;
	return true;
}

/* Keep what is beyond its aperture free. */
static int reserve_aperture(struct iommu_hwpt *hwpt)
{
	const iommu_iova_t last = hwpt->domain->aperture_last;

	hwpt->aperture_last = last;
	return last != UINT64_MAX ? iommu_ioas_reserve(hwpt->ioas, hwpt, last + 1, UINT64_MAX) : 0;
}

int iommu_hwpt_adapt(struct iommu_hwpt *hwpt)
{
	if (hwpt->object.type != IOMMU_OBJECT_HWPT)
		hwpt = hwpt->parent;
	set_alignment(hwpt->ioas);
	if (hwpt->aperture_last == hwpt->domain->aperture_last)
		return 0;
	iommu_ioas_unreserve(hwpt->ioas, hwpt);
	return reserve_aperture(hwpt);
}

/* --- Full ------------------------------------------------------------------------------------- */

static int with_pages(struct ioas_area *area, int (*action)(struct ioas_area *area))
{
	int status;

	iommu_pages_lock(area->pages);
	status = action(area);
	iommu_pages_unlock(area->pages);
	return status;
}

/* Unmap and unpin all areas, up to one that fails. */
static int empty_all(struct iommu_ioas *ioas)
{
	struct ioas_area *area;
	int status = 0;

	for (area = next_area(ioas, NULL); area != NULL && status == 0;
	     area = next_area(ioas, area))
		status = with_pages(area, iommu_area_empty);
	return status;
}

/* The first one: what is mapped is pinned now. */
static int fill_first(struct iommu_ioas *ioas, struct iommu_hwpt *hwpt)
{
	struct ioas_area *area;
	int status = 0;

	iommu_list_insert(&ioas->hwpts, &hwpt->link);
	for (area = next_area(ioas, NULL); area != NULL && status == 0;
	     area = next_area(ioas, area))
		if (area->state == IOAS_AREA_LIVE)
			status = with_pages(area, iommu_area_fill);
	if (status == 0)
		return 0;
	/*
	 * No device has seen it: nothing is cached that could be unconfirmed. If it is all the
	 * same, it stays.
	 */
	ioas->draining = empty_all(ioas) != 0;
	if (!ioas->draining)
		iommu_list_remove(&hwpt->link);
	return status;
}

/* One more: what the others have. */
static int fill_another(struct iommu_ioas *ioas, struct iommu_hwpt *hwpt)
{
	struct ioas_area *area;
	int status = 0;

	for (area = next_area(ioas, NULL); area != NULL && status == 0;
	     area = next_area(ioas, area)) {
		if (area->state != IOAS_AREA_LIVE)
			continue;
		iommu_pages_lock(area->pages);
		status = iommu_area_copy_to(area, hwpt);
		iommu_pages_unlock(area->pages);
	}
	if (status == 0)
		iommu_list_insert(&ioas->hwpts, &hwpt->link);
	return status;
}

/* All that is mapped, or nothing. */
static int fill_areas(struct iommu_ioas *ioas, struct iommu_hwpt *hwpt)
{
	int status = iommu_list_is_empty(&ioas->hwpts) ? fill_first(ioas, hwpt)
						       : fill_another(ioas, hwpt);

	return status == 0
		       ? 0
		       : iommu_file_refuse_object(ioas->object.file, iommu_object_id(&ioas->object),
						  status, iommu_ioas_why_not_mapped(status));
}

static int hwpt_fill(struct iommu_hwpt *hwpt)
{
	struct iommu_ioas *ioas = hwpt->ioas;
	int status;

	iommu_gate_close(ioas);
	if (!areas_are_aligned(ioas, smallest_page(hwpt)))
		status = iommu_file_refuse(
			ioas->object.file, "", IOMMU_EADDRINUSE,
			IOMMU_WHY("what is mapped is not aligned to the device's smallest page"));
	else if (ioas->draining)
		status = iommu_file_refuse(ioas->object.file, "", IOMMU_EBUSY,
					   IOMMU_WHY(IOAS_DRAINING));
	else
		status = fill_areas(ioas, hwpt);
	if (status == 0)
		set_alignment(ioas);
	iommu_gate_open(ioas);
	return status;
}

/* What may be cut at any page must be mapped so that it can be. */
static bool wants_small_pages(const struct iommu_ioas *ioas, const struct iommu_domain *domain)
{
	return (ioas->flags & IOMMU_IOAS_SMALL_PAGES) != 0 ||
	       ((ioas->flags & IOMMU_IOAS_SPLIT) != 0 && domain->keeps_sizes);
}

/* What it is like is decided once, before anything is mapped: leaves say it. */
static int make_domain(struct iommu_hwpt *hwpt, const struct ioas_device *device)
{
	const struct iommu_ioas *ioas = hwpt->ioas;
	struct iommu_unit *unit = iommu_endpoint_unit(device->endpoint);
	struct iommu_domain_config config = {
		.nest_parent = (hwpt->flags & IOMMU_HWPT_NEST_PARENT) != 0,
		.dirty_tracking = (hwpt->flags & IOMMU_HWPT_DIRTY) != 0,
		.force_snoop = iommu_group_can_snoop(device->group),
		.max_table_pages = ioas->object.file->limits.table_pages,
	};
	int status = iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &config, &hwpt->domain);

	hwpt->enforces_coherency = config.force_snoop;
	if (status != 0 || !wants_small_pages(ioas, hwpt->domain))
		return status;
	/* Which pages there are a domain says. */
	config.pgsize_bitmap = hwpt->domain->pgsize_bitmap & (0 - hwpt->domain->pgsize_bitmap);
	(void)iommu_domain_free(hwpt->domain);
	return iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, &config, &hwpt->domain);
}

int iommu_hwpt_make(struct iommu_ioas *ioas, const struct ioas_device *device, unsigned int flags,
		    struct iommu_hwpt **result)
{
	struct ioas_object *object;
	struct iommu_hwpt *hwpt;
	int status = iommu_object_new(ioas->object.file, IOMMU_OBJECT_HWPT, &object);

	if (status != 0)
		return status;
	hwpt = iommu_hwpt_of(object);
	hwpt->ioas = ioas;
	hwpt->flags = flags;
	status = make_domain(hwpt, device);
	if (status != 0) {
		iommu_object_abort(object);
		return status;
	}
	/* What is pinned is read from its tables, and nowhere else. */
	if (hwpt->domain->ops->walk == NULL)
		status = iommu_file_refuse(
			ioas->object.file, iommu_endpoint_name(device->endpoint), IOMMU_EOPNOTSUPP,
			IOMMU_WHY("the unit's back end cannot say what is mapped"));
	else
		status = reserve_aperture(hwpt);
	if (status == 0)
		status = hwpt_fill(hwpt);
	if (status != 0 && ioas->draining && ioas->hwpts.next == &hwpt->link) {
		/* It cannot go: the next call that would end it tries that again. */
		hwpt->is_orphan = true;
		iommu_object_use(&ioas->object);
		iommu_object_publish(object);
		return status;
	}
	if (status != 0) {
		iommu_ioas_unreserve(ioas, hwpt);
		(void)iommu_domain_free(hwpt->domain);
		iommu_object_abort(object);
		return status;
	}
	iommu_object_use(&ioas->object);
	*result = hwpt;
	return 0;
}

/* --- Out -------------------------------------------------------------------------------------- */

/*
 * Areas that are to be in no table, but perhaps are, for unmapping or revoking them was not
 * confirmed: the tables that it is about must not go before it was.
 */
static int end_old_areas(struct iommu_ioas *ioas)
{
	struct ioas_area *area = next_area(ioas, NULL);

	while (area != NULL) {
		struct ioas_area *next = next_area(ioas, area);

		const bool is_old = area->state == IOAS_AREA_OLD;
		int status = 0;

		if (is_old || area->pages->state == IOAS_PAGES_REVOKED)
			status = with_pages(area, iommu_area_empty);
		if (status != 0)
			return status;
		if (is_old)
			iommu_area_drop(area);
		area = next;
	}
	return 0;
}

/* Physical addresses are read from another one from now on. */
static void move_storage(struct iommu_ioas *ioas, const struct iommu_hwpt *from)
{
	const struct iommu_hwpt *to =
		hwpt_at(ioas->hwpts.next == &from->link ? from->link.next : ioas->hwpts.next);
	struct ioas_area *area;

	for (area = next_area(ioas, NULL); area != NULL; area = next_area(ioas, area)) {
		iommu_pages_lock(area->pages);
		if (area->storage == from->domain)
			area->storage = to->domain;
		iommu_pages_unlock(area->pages);
	}
}

/* No longer one of those that are filled; the last one takes what is pinned with it. */
static int take_out(struct iommu_ioas *ioas, struct iommu_hwpt *hwpt)
{
	int status = end_old_areas(ioas);

	if (status != 0)
		return status;
	if (ioas->hwpts.next->next != &ioas->hwpts) {
		move_storage(ioas, hwpt);
	} else {
		ioas->draining = true;
		status = empty_all(ioas);
		if (status != 0)
			return status;
		ioas->draining = false;
	}
	iommu_list_remove(&hwpt->link);
	iommu_list_insert(&ioas->leaving, &hwpt->link);
	hwpt->is_leaving = true;
	return 0;
}

/* With its domain, while no call is inside: until hardware has left that it concerns devices. */
static int hwpt_leave(struct iommu_hwpt *hwpt)
{
	struct iommu_ioas *ioas = hwpt->ioas;
	int status = 0;

	iommu_gate_close(ioas);
	if (!hwpt->is_leaving)
		status = take_out(ioas, hwpt);
	if (status == 0)
		status = iommu_domain_free(hwpt->domain);
	if (status == 0) {
		iommu_list_remove(&hwpt->link);
		iommu_list_init(&hwpt->link);
		set_alignment(ioas);
	}
	iommu_gate_open(ioas);
	return status;
}

int iommu_hwpt_drain(struct iommu_hwpt *hwpt)
{
	int status;

	iommu_gate_close(hwpt->ioas);
	status = take_out(hwpt->ioas, hwpt);
	iommu_gate_open(hwpt->ioas);
	return status;
}

int iommu_hwpt_destroy(struct ioas_object *object)
{
	struct iommu_hwpt *hwpt = iommu_hwpt_of(object);
	int status;

	status = object->type == IOMMU_OBJECT_HWPT ? hwpt_leave(hwpt)
						   : iommu_domain_free(hwpt->domain);
	if (status != 0)
		return status;
	if (object->type == IOMMU_OBJECT_HWPT)
		iommu_ioas_unreserve(hwpt->ioas, hwpt);
	if (hwpt->virtual_unit != NULL) {
		iommu_list_remove(&hwpt->link);
		iommu_object_unuse(&hwpt->virtual_unit->object);
	}
	if (hwpt->fault_queue != NULL)
		iommu_object_unuse(&hwpt->fault_queue->object);
	iommu_object_unuse(hwpt->parent != NULL ? &hwpt->parent->object : &hwpt->ioas->object);
	return 0;
}

int iommu_hwpts_end_unused(struct iommu_ioas *ioas)
{
	/*
	 * Those that are leaving first: one that begins to leave now joins them, and is not asked
	 * twice.
	 */
	struct iommu_list_node *const lists[] = {&ioas->leaving, &ioas->hwpts};
	int result = 0;

	for (unsigned int i = 0; i < 2; i++) {
		struct iommu_list_node *node = lists[i]->next;

		while (node != lists[i]) {
			struct iommu_hwpt *hwpt = hwpt_at(node);
			int status = 0;

			node = node->next;
			if ((hwpt->is_auto || hwpt->is_orphan) && hwpt->object.users == 0)
				status = iommu_object_end(&hwpt->object);
			result = result == 0 ? status : result;
		}
	}
	return result;
}

/* --- Made by hand ----------------------------------------------------------------------------- */

static int hwpt_refuse(const struct ioas_device *device, int status, const char *why)
{
	return iommu_file_refuse(device->object.file, iommu_endpoint_name(device->endpoint), status,
				 why);
}

enum iommu_hardware_type iommu_hardware_type(const struct iommu_unit *unit)
{
	struct iommu_hardware_info info;

	return iommu_unit_get_hardware_info(unit, &info) == 0 ? info.type : IOMMU_HARDWARE_NONE;
}

static int check_nested(const struct iommu_hwpt *parent, const struct ioas_device *device,
			const struct iommu_hwpt_config *config)
{
	if ((config->flags & ~NESTED_FLAGS) != 0)
		return hwpt_refuse(device, IOMMU_EOPNOTSUPP,
				   IOMMU_WHY("flags that a nested HWPT does not have"));
	if ((parent->flags & IOMMU_HWPT_NEST_PARENT) == 0)
		return hwpt_refuse(
			device, IOMMU_EINVAL,
			IOMMU_WHY("the HWPT below was not made to be nested on (NEST_PARENT)"));
	if (parent->is_leaving)
		return hwpt_refuse(device, IOMMU_EINVAL,
				   IOMMU_WHY("the HWPT below is on its way out"));
	if (config->user_data == NULL || config->user_size == 0)
		return hwpt_refuse(device, IOMMU_EINVAL,
				   IOMMU_WHY("no user data says where the guest's table is"));
	if (config->user_type != IOMMU_HARDWARE_NONE &&
	    config->user_type != iommu_hardware_type(iommu_endpoint_unit(device->endpoint)))
		return hwpt_refuse(device, IOMMU_EOPNOTSUPP,
				   IOMMU_WHY("the user data are not of the unit's type"));
	return 0;
}

static int make_nested(struct iommu_hwpt *parent, struct iommu_virtual_unit *virtual_unit,
		       const struct ioas_device *device, const struct iommu_hwpt_config *config,
		       struct iommu_hwpt **result)
{
	const struct iommu_domain_config domain = {.parent = parent->domain,
						   .user_data = config->user_data,
						   .user_size = config->user_size};
	struct ioas_object *object;
	struct iommu_hwpt *hwpt;
	int status = check_nested(parent, device, config);

	if (status != 0)
		return status;
	status = iommu_object_new(parent->object.file, IOMMU_OBJECT_HWPT_NESTED, &object);
	if (status != 0)
		return status;
	hwpt = iommu_hwpt_of(object);
	status = iommu_domain_alloc(iommu_endpoint_unit(device->endpoint), IOMMU_DOMAIN_NESTED,
				    &domain, &hwpt->domain);
	if (status != 0) {
		iommu_object_abort(object);
		return status;
	}
	hwpt->ioas = parent->ioas;
	hwpt->parent = parent;
	hwpt->flags = config->flags;
	hwpt->enforces_coherency = parent->enforces_coherency;
	hwpt->type = iommu_hardware_type(iommu_endpoint_unit(device->endpoint));
	iommu_object_use(&parent->object);
	hwpt->virtual_unit = virtual_unit;
	if (virtual_unit != NULL) {
		iommu_list_insert(&virtual_unit->hwpts, &hwpt->link);
		iommu_object_use(&virtual_unit->object);
	}
	*result = hwpt;
	return 0;
}

static int make_paging(struct iommu_ioas *ioas, const struct ioas_device *device,
		       const struct iommu_hwpt_config *config, struct iommu_hwpt **hwpt)
{
	const unsigned int parent_with_faults = IOMMU_HWPT_NEST_PARENT | IOMMU_HWPT_FAULTS;

	/* What a guest's device asks for is for the guest, by the nested ones. */
	if ((config->flags & ~PAGING_FLAGS) != 0 ||
	    (config->flags & parent_with_faults) == parent_with_faults)
		return hwpt_refuse(device, IOMMU_EOPNOTSUPP,
				   IOMMU_WHY("unknown flags, or faults of one that is nested on"));
	if (config->user_size != 0)
		return hwpt_refuse(device, IOMMU_EINVAL,
				   IOMMU_WHY("user data for an HWPT that is not nested"));
	(void)iommu_hwpts_end_unused(ioas);
	return iommu_hwpt_make(ioas, device, config->flags, hwpt);
}

/* What it is to be made on decides what it becomes. */
static int make_on(struct ioas_object *on, const struct ioas_device *device,
		   const struct iommu_hwpt_config *config, struct iommu_hwpt **hwpt)
{
	struct iommu_virtual_unit *virtual_unit;

	switch (on->type) {
	case IOMMU_OBJECT_IOAS:
		return make_paging(iommu_ioas_of(on), device, config, hwpt);
	case IOMMU_OBJECT_HWPT:
		return make_nested(iommu_hwpt_of(on), NULL, device, config, hwpt);
	case IOMMU_OBJECT_VIRTUAL_UNIT:
		virtual_unit = iommu_virtual_unit_of(on);
		/* The guest's IOMMU stands for one unit: the device is not behind that one. */
		if (device->endpoint->unit != virtual_unit->unit)
			return hwpt_refuse(device, IOMMU_EINVAL,
					   IOMMU_WHY("the virtual unit stands for another unit"));
		return make_nested(virtual_unit->parent, virtual_unit, device, config, hwpt);
	case IOMMU_OBJECT_ANY:
	case IOMMU_OBJECT_HWPT_NESTED:
	case IOMMU_OBJECT_DEVICE:
	case IOMMU_OBJECT_ACCESS:
	case IOMMU_OBJECT_FAULT_QUEUE:
	case IOMMU_OBJECT_VIRTUAL_DEVICE:
	case IOMMU_OBJECT_EVENT_QUEUE:
	default:
		return hwpt_refuse(
			device, IOMMU_EINVAL,
			IOMMU_WHY("made on neither an IOAS, nor an HWPT, nor a virtual unit"));
	}
}

static int alloc(struct iommu_file *file, uint32_t device, uint32_t on_id,
		 const struct iommu_hwpt_config *config, uint32_t *id)
{
	struct ioas_object *object, *on, *queue = NULL;
	struct iommu_hwpt *hwpt = NULL;
	int status;

	object = iommu_object_find(file, device, IOMMU_OBJECT_DEVICE, &status);
	if (object == NULL)
		return status;
	if (iommu_device_is_gone(iommu_device_of(object)->endpoint))
		return hwpt_refuse(iommu_device_of(object), IOMMU_ENODEV,
				   IOMMU_WHY("the endpoint was released"));
	on = iommu_object_find(file, on_id, IOMMU_OBJECT_ANY, &status);
	if (on == NULL)
		return status;
	if ((config->flags & IOMMU_HWPT_FAULTS) != 0) {
		queue = iommu_object_find(file, config->faults, IOMMU_OBJECT_FAULT_QUEUE, &status);
		if (queue == NULL)
			return status;
	}
	status = make_on(on, iommu_device_of(object), config, &hwpt);
	if (status != 0)
		return status;
	if (queue != NULL) {
		hwpt->fault_queue = iommu_fault_queue_of(queue);
		iommu_object_use(queue);
	}
	iommu_object_publish(&hwpt->object);
	if ((config->flags & IOMMU_HWPT_ATTACH) != 0)
		status = iommu_device_lead(iommu_device_of(object), IOMMU_NO_PASID, &hwpt->object);
	if (status != 0) {
		/* What hardware does not confirm stays, for the next call that ends those. */
		hwpt->is_orphan = true;
		(void)iommu_object_end(&hwpt->object);
		return status;
	}
	*id = iommu_object_id(&hwpt->object);
	return 0;
}

int iommu_hwpt_alloc(struct iommu_file *file, uint32_t device, uint32_t on,
		     const struct iommu_hwpt_config *config, uint32_t *hwpt)
{
	/* Read once: another thread may write to what the caller passes. */
	const struct iommu_hwpt_config own = *config;
	int status;

	iommu_file_lock(file);
	status = alloc(file, device, on, &own, hwpt);
	return iommu_file_end(file, IOMMU_CALL, status);
}

/* An HWPT of either kind, under file->mutex, which stays held; NULL: there is none. */
static struct iommu_hwpt *lock_and_find_any(struct iommu_file *file, uint32_t id, int *status)
{
	struct ioas_object *object;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_ANY, status);
	if (object == NULL)
		return NULL;
	if (object->type == IOMMU_OBJECT_HWPT || object->type == IOMMU_OBJECT_HWPT_NESTED)
		return iommu_hwpt_of(object);
	*status = iommu_file_refuse_object(file, id, IOMMU_EINVAL,
					   iommu_object_missing(IOMMU_EINVAL));
	return NULL;
}

int iommu_hwpt_get_info(struct iommu_file *file, uint32_t id, struct iommu_hwpt_info *info)
{
	struct iommu_domain_info domain;
	const struct iommu_hwpt *hwpt;
	int status;

	hwpt = lock_and_find_any(file, id, &status);
	if (hwpt != NULL) {
		iommu_domain_get_info(hwpt->domain, &domain);
		*info = (struct iommu_hwpt_info){.flags = hwpt->flags,
						 .ioas = iommu_object_id(&hwpt->ioas->object),
						 .enforced_coherency = hwpt->enforces_coherency,
						 .table_pages = domain.table_pages};
	}
	return iommu_file_end(file, IOMMU_CALL, status);
}

int iommu_hwpt_call(struct iommu_file *file, uint32_t id,
		    int (*function)(void *ctx, struct iommu_domain *domain), void *ctx)
{
	const struct iommu_hwpt *hwpt;
	int status;

	hwpt = lock_and_find_any(file, id, &status);
	if (hwpt != NULL)
		status = function(ctx, hwpt->domain);
	return iommu_file_end(file, IOMMU_CALL, status);
}

/* --- What it notes, and what is cached of it -------------------------------------------------- */

/* An HWPT of a type, under file->mutex, which is held when it is found. */
static struct iommu_hwpt *lock_and_find(struct iommu_file *file, const char *call, uint32_t id,
					enum iommu_object_kind type, int *status)
{
	struct ioas_object *object;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, type, status);
	if (object == NULL)
		(void)iommu_file_end(file, call, *status);
	return object != NULL ? iommu_hwpt_of(object) : NULL;
}

/*
 * The same with the gate closed. Dirty bits are in tables, which an unmap removes and frees: calls
 * that read them, or split pages, need exclusive use.
 */
static struct iommu_hwpt *lock_and_close(struct iommu_file *file, const char *call, uint32_t id,
					 int *status)
{
	struct iommu_hwpt *hwpt = lock_and_find(file, call, id, IOMMU_OBJECT_HWPT, status);

	if (hwpt != NULL)
		iommu_gate_close(hwpt->ioas);
	return hwpt;
}

static int open_and_end(struct iommu_file *file, const char *call, struct iommu_hwpt *hwpt,
			int status)
{
	iommu_gate_open(hwpt->ioas);
	return iommu_file_end(file, call, status);
}

int iommu_hwpt_set_dirty(struct iommu_file *file, uint32_t id, bool enable)
{
	struct iommu_hwpt *hwpt;
	int status;

	hwpt = lock_and_close(file, IOMMU_CALL, id, &status);
	if (hwpt == NULL)
		return status;
	status = iommu_domain_set_dirty_tracking(hwpt->domain, enable);
	return open_and_end(file, IOMMU_CALL, hwpt, status);
}

int iommu_hwpt_read_dirty(struct iommu_file *file, uint32_t id, iommu_iova_t iova, uint64_t size,
			  unsigned int flags, struct iommu_dirty_bitmap *bitmap)
{
	struct iommu_hwpt *hwpt;
	int status;

	hwpt = lock_and_close(file, IOMMU_CALL, id, &status);
	if (hwpt == NULL)
		return status;
	status = iommu_domain_read_dirty(hwpt->domain, iova, size, flags, bitmap);
	return open_and_end(file, IOMMU_CALL, hwpt, status);
}

int iommu_hwpt_split(struct iommu_file *file, uint32_t id, iommu_iova_t iova, uint64_t size,
		     uint64_t pgsize)
{
	struct iommu_hwpt *hwpt;
	int status;

	hwpt = lock_and_close(file, IOMMU_CALL, id, &status);
	if (hwpt == NULL)
		return status;
	status = iommu_domain_split(hwpt->domain, iova, size, pgsize);
	return open_and_end(file, IOMMU_CALL, hwpt, status);
}

int iommu_hwpt_invalidate(struct iommu_file *file, uint32_t id, const void *requests,
			  size_t request_size, unsigned int count, unsigned int *done)
{
	const unsigned char *bytes = requests;
	int status;

	*done = 0;
	/* A guest says how many: other calls come in between, and may destroy it. */
	do {
		struct iommu_hwpt *hwpt =
			lock_and_find(file, IOMMU_CALL, id, IOMMU_OBJECT_HWPT_NESTED, &status);
		const unsigned int left = count - *done;
		unsigned int some;

		if (hwpt == NULL)
			return status;
		status = iommu_domain_invalidate_user(
			hwpt->domain, *done != 0 ? bytes + *done * request_size : requests,
			request_size, left < IOAS_INVALIDATIONS ? left : IOAS_INVALIDATIONS, &some);
		(void)iommu_file_end(file, IOMMU_CALL, status);
		*done += some;
	} while (status == 0 && *done < count);
	return status;
}

int iommu_hwpt_invalidate_as(struct iommu_file *file, uint32_t id, enum iommu_hardware_type type,
			     const void *requests, size_t request_size, unsigned int count,
			     unsigned int *done)
{
	struct iommu_hwpt *hwpt;
	int status;

	*done = 0;
	hwpt = lock_and_find(file, IOMMU_CALL, id, IOMMU_OBJECT_HWPT_NESTED, &status);
	if (hwpt == NULL)
		return status;
	if (type != hwpt->type)
		status = iommu_file_refuse_object(
			file, id, IOMMU_EINVAL,
			IOMMU_WHY("the requests are not of the unit's type"));
	status = iommu_file_end(file, IOMMU_CALL, status);
	return status != 0 ? status
			   : iommu_hwpt_invalidate(file, id, requests, request_size, count, done);
}
