/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attachments of devices: one HWPT for all members of a group, for each PASID.
 *
 * The first member attaches the group, further members join, the last one to leave detaches it.
 * What the group reserves is reserved in the IOAS, with the attachment as its holder, as long as it
 * is attached. Control path; a call that changes an IOAS closes its gate, so that nothing is mapped
 * while addresses are being reserved.
 */
#include "ioas/device.h"
#include "ioas/fault_queue.h"
#include "ioas/virtual_unit.h"

struct ioas_attachment *iommu_attachment_find(const struct ioas_group *group, uint32_t pasid)
{
	struct ioas_keyed *keyed = iommu_keyed_find(&group->attachments, pasid, 0);

	return keyed != NULL ? iommu_container_of(keyed, struct ioas_attachment, keyed) : NULL;
}

/* --- Addresses that the group must not use ---------------------------------------------------- */

/*
 * Those that firmware gives up for a driver may be used; those where interrupts are software's
 * choice are its own.
 */
static bool is_reserved(const struct iommu_region *region)
{
	return region->type != IOMMU_REGION_DIRECT_RELAXABLE &&
	       region->type != IOMMU_REGION_SOFTWARE_MSI;
}

struct reserving {
	struct iommu_ioas *ioas;
	const struct ioas_attachment *attachment;
};

static int reserve_regions_of(void *ctx, struct iommu_endpoint *endpoint)
{
	const struct reserving *reserving = ctx;
	struct iommu_region region;
	unsigned int cursor = 0;
	int status = 0;

	while (status == 0 && iommu_endpoint_next_region(endpoint, &cursor, &region))
		if (is_reserved(&region))
			status = iommu_ioas_reserve(reserving->ioas, reserving->attachment,
						    region.start, region.last);
	return status;
}

static int reserve_regions(struct iommu_ioas *ioas, const struct ioas_attachment *attachment)
{
	struct reserving reserving = {ioas, attachment};
	int status = iommu_members_visit(ioas->object.file, attachment->group->group,
					 reserve_regions_of, &reserving);

	if (status != 0)
		iommu_ioas_unreserve(ioas, attachment);
	return status;
}

/* --- The group as a whole --------------------------------------------------------------------- */

/* Attach it where nothing is attached, or in the place of what is. */
static int set_domain(struct ioas_attachment *attachment, const struct iommu_hwpt *hwpt)
{
	const unsigned int other = attachment->current ^ 1;
	struct iommu_group *group = attachment->group->group;
	int status;

	if (attachment->pasid == IOMMU_NO_PASID)
		return iommu_domain_attach_group(hwpt->domain, group);
	status = attachment->hwpt == NULL
			 ? iommu_domain_attach_pasid(hwpt->domain, group, attachment->pasid,
						     &attachment->handles[other])
			 : iommu_domain_replace_pasid(hwpt->domain, group, attachment->pasid,
						      &attachment->handles[other]);
	if (status == 0)
		attachment->current = other;
	return status;
}

static int clear_domain(struct ioas_attachment *attachment)
{
	struct iommu_group *group = attachment->group->group;

	return attachment->pasid == IOMMU_NO_PASID
		       ? iommu_domain_detach_group(group)
		       : iommu_domain_detach_pasid(group, attachment->pasid);
}

static int attach_refuse(const struct ioas_attachment *attachment, int status, const char *why)
{
	const struct ioas_group *group = attachment->group;

	return iommu_file_refuse(group->file, iommu_group_who(group->group), status, why);
}

/* The attachment leads to the HWPT from now on: the first, or another one than before. */
static int lead_to(struct ioas_attachment *attachment, struct iommu_hwpt *hwpt)
{
	const bool is_new_space = attachment->hwpt == NULL || attachment->hwpt->ioas != hwpt->ioas;
	int status = 0;

	if (hwpt->is_leaving)
		return attach_refuse(attachment, IOMMU_EINVAL,
				     IOMMU_WHY("the HWPT is on its way out"));
	if (hwpt->virtual_unit != NULL &&
	    !iommu_virtual_unit_serves(hwpt->virtual_unit, attachment->group->group))
		return attach_refuse(attachment, IOMMU_EINVAL,
				     IOMMU_WHY("the HWPT's virtual unit stands for another unit"));
	/* Half of it is unmapped already. */
	if (hwpt->ioas->draining)
		return attach_refuse(attachment, IOMMU_EBUSY, IOMMU_WHY(IOAS_DRAINING));
	if (attachment->pasid != IOMMU_NO_PASID && (hwpt->flags & IOMMU_HWPT_PASID) == 0)
		return attach_refuse(attachment, IOMMU_EINVAL,
				     IOMMU_WHY("the HWPT was not made for PASIDs"));
	/*
	 * It may have changed since it was bound: remapping was turned off, another member has
	 * come.
	 */
	status = iommu_group_check_isolation(attachment->group->group);
	if (status != 0)
		return status;
	iommu_gate_close(hwpt->ioas);
	if (is_new_space)
		status = reserve_regions(hwpt->ioas, attachment);
	if (status == 0) {
		status = set_domain(attachment, hwpt);
		if (status != 0 && is_new_space)
			iommu_ioas_unreserve(hwpt->ioas, attachment);
	}
	if (status == 0) {
		/* It may do less than before: mapping beyond that fails, reserved or not. */
		(void)iommu_hwpt_adapt(hwpt);
		iommu_object_use(&hwpt->object);
	}
	iommu_gate_open(hwpt->ioas);
	return status;
}

/*
 * An HWPT that the attachment has led to: no longer. One that was made for that goes with the last.
 */
static void let_go(const struct ioas_attachment *attachment, struct iommu_hwpt *hwpt,
		   bool same_space)
{
	struct iommu_ioas *ioas = hwpt->ioas;

	iommu_gate_close(ioas);
	if (!same_space)
		iommu_ioas_unreserve(ioas, attachment);
	(void)iommu_hwpt_adapt(hwpt);
	iommu_gate_open(ioas);
	iommu_object_unuse(&hwpt->object);
	/*
	 * If it cannot go yet it stays: for the next attach, or for the next call that comes here.
	 */
	(void)iommu_hwpts_end_unused(ioas);
}

/* --- Page requests ---------------------------------------------------------------------------- */

static struct ioas_device *device_at(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct ioas_use, link)->device;
}

/* Members whose requests are to go to the HWPT's queue have them on; all or none. */
static int have_faults(struct ioas_attachment *attachment, const struct iommu_hwpt *hwpt)
{
	struct iommu_list_node *node;
	int status = 0;

	if (hwpt == NULL || hwpt->fault_queue == NULL)
		return 0;
	iommu_list_for_each (node, &attachment->uses) {
		status = iommu_device_faults_on(device_at(node));
		if (status != 0)
			break;
	}
	if (status == 0)
		return 0;
	for (node = node->previous; node != &attachment->uses; node = node->previous)
		iommu_device_faults_off(device_at(node));
	return status;
}

/* They go there no longer: what is open is answered. */
static void have_no_faults(struct ioas_attachment *attachment, const struct iommu_hwpt *hwpt)
{
	struct iommu_list_node *node;

	if (hwpt == NULL || hwpt->fault_queue == NULL)
		return;
	iommu_list_for_each (node, &attachment->uses) {
		iommu_fault_queue_drop(hwpt->fault_queue, device_at(node), attachment->pasid);
		iommu_device_faults_off(device_at(node));
	}
}

/* --- From one HWPT to another ----------------------------------------------------------------- */

static int lead(struct ioas_attachment *attachment, struct iommu_hwpt *hwpt)
{
	struct iommu_file *file = attachment->group->file;
	struct iommu_hwpt *before = attachment->hwpt;
	int status = have_faults(attachment, hwpt);
	uintptr_t state;

	if (status != 0)
		return status;
	status = lead_to(attachment, hwpt);
	if (status != 0) {
		have_no_faults(attachment, hwpt);
		return status;
	}
	state = iommu_spin_lock(file->platform, &file->lock);
	attachment->hwpt = hwpt;
	iommu_spin_unlock(file->platform, &file->lock, state);
	have_no_faults(attachment, before);
	if (before != NULL)
		let_go(attachment, before, before->ioas == hwpt->ioas);
	return 0;
}

/*
 * It leads there already, as far as is known: after an earlier failure hardware may not have
 * confirmed that, and is asked.
 */
static int stay(struct ioas_attachment *attachment)
{
	return set_domain(attachment, attachment->hwpt);
}

/* --- Which HWPT ------------------------------------------------------------------------------- */

/* Something that leads an attachment to an HWPT, or says why not. */
static int try_hwpts(struct ioas_attachment *attachment, struct iommu_ioas *ioas)
{
	const bool can_snoop = iommu_group_can_snoop(attachment->group);
	struct iommu_list_node *node = ioas->hwpts.next;

	while (node != &ioas->hwpts) {
		struct iommu_hwpt *hwpt = iommu_container_of(node, struct iommu_hwpt, link);
		int status;

		node = node->next;
		if (!hwpt->is_auto)
			continue;
		if (attachment->hwpt == hwpt)
			return stay(attachment);
		/* One that was made for others, and does less than could be done for this group. */
		if (!hwpt->enforces_coherency && can_snoop)
			continue;
		status = lead(attachment, hwpt);
		/* They do not fit each other: another one may. */
		if (status != IOMMU_EINVAL)
			return status;
		ioas->object.file->refused = 0;
	}
	return IOMMU_ENOENT;
}

/* The last HWPT, which could not go when its last device did, goes now. */
static int finish_draining(struct iommu_ioas *ioas)
{
	struct iommu_hwpt *hwpt;

	if (!ioas->draining)
		return 0;
	hwpt = iommu_container_of(ioas->hwpts.next, struct iommu_hwpt, link);
	/* One that the caller has made is the caller's to destroy, by its id. */
	return hwpt->is_auto || hwpt->is_orphan ? iommu_object_end(&hwpt->object)
						: iommu_hwpt_drain(hwpt);
}

/*
 * What is mapped where the group must not go is found before an HWPT is filled in vain. What is
 * mapped meanwhile, lead_to finds.
 */
static int check_regions(const struct ioas_attachment *attachment, struct iommu_ioas *ioas)
{
	int status;

	if (attachment->hwpt != NULL && attachment->hwpt->ioas == ioas)
		return 0;
	iommu_gate_close(ioas);
	status = reserve_regions(ioas, attachment);
	if (status == 0)
		iommu_ioas_unreserve(ioas, attachment);
	iommu_gate_open(ioas);
	return status;
}

/* One that was made by an attach before, or a new one. */
static int lead_to_space(struct ioas_attachment *attachment, struct iommu_ioas *ioas,
			 struct ioas_device *device)
{
	struct iommu_hwpt *hwpt;
	int status = finish_draining(ioas);

	if (status == 0)
		status = try_hwpts(attachment, ioas);
	if (status != IOMMU_ENOENT)
		return status;
	status = check_regions(attachment, ioas);
	if (status != 0)
		return status;
	status = iommu_hwpt_make(ioas, device, IOMMU_HWPT_PASID, &hwpt);
	if (status != 0)
		return status;
	hwpt->is_auto = true;
	iommu_object_publish(&hwpt->object);
	status = lead(attachment, hwpt);
	if (status != 0)
		(void)iommu_object_end(&hwpt->object);
	return status;
}

static int lead_to_object(struct ioas_attachment *attachment, struct ioas_object *to,
			  struct ioas_device *device)
{
	switch (to->type) {
	case IOMMU_OBJECT_IOAS:
		return lead_to_space(attachment, iommu_ioas_of(to), device);
	case IOMMU_OBJECT_HWPT:
	case IOMMU_OBJECT_HWPT_NESTED:
		return attachment->hwpt == iommu_hwpt_of(to) ? stay(attachment)
							     : lead(attachment, iommu_hwpt_of(to));
	case IOMMU_OBJECT_ANY:
	case IOMMU_OBJECT_DEVICE:
	case IOMMU_OBJECT_ACCESS:
	case IOMMU_OBJECT_FAULT_QUEUE:
	case IOMMU_OBJECT_VIRTUAL_UNIT:
	case IOMMU_OBJECT_VIRTUAL_DEVICE:
	case IOMMU_OBJECT_EVENT_QUEUE:
	default:
		return attach_refuse(attachment, IOMMU_EINVAL,
				     IOMMU_WHY("led to neither IOAS nor HWPT"));
	}
}

/* Would this object lead to where the group is already? */
static bool is_there(const struct ioas_attachment *attachment, struct ioas_object *to)
{
	if (to->type == IOMMU_OBJECT_IOAS)
		return attachment->hwpt->is_auto && attachment->hwpt->ioas == iommu_ioas_of(to);
	return (to->type == IOMMU_OBJECT_HWPT || to->type == IOMMU_OBJECT_HWPT_NESTED) &&
	       attachment->hwpt == iommu_hwpt_of(to);
}

/* --- Members ---------------------------------------------------------------------------------- */

static struct ioas_attachment *attachment_new(struct ioas_group *group, uint32_t pasid)
{
	struct iommu_file *file = group->file;
	struct ioas_attachment *attachment = iommu_file_alloc(file, &file->attachment_cache);
	uintptr_t state;

	if (attachment == NULL)
		return NULL;
	attachment->group = group;
	attachment->pasid = pasid;
	attachment->keyed.first = pasid;
	iommu_list_init(&attachment->uses);
	state = iommu_spin_lock(file->platform, &file->lock);
	iommu_keyed_insert(&group->attachments, &attachment->keyed);
	iommu_spin_unlock(file->platform, &file->lock, state);
	return attachment;
}

static void attachment_free(struct ioas_attachment *attachment)
{
	struct iommu_file *file = attachment->group->file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);

	iommu_keyed_remove(&attachment->group->attachments, &attachment->keyed);
	iommu_spin_unlock(file->platform, &file->lock, state);
	iommu_file_free(file, &file->attachment_cache, attachment);
}

static int use_new(struct iommu_file *file, struct ioas_use **use)
{
	if (!iommu_file_charge(&file->attachments, 1, file->limits.attachments))
		return iommu_file_refuse(
			file, "", IOMMU_ENOSPC,
			IOMMU_WHY("the file has as many attachments as its limit"));
	*use = iommu_file_alloc(file, &file->use_cache);
	if (*use == NULL)
		iommu_file_discharge(&file->attachments, 1);
	return *use != NULL ? 0 : IOMMU_ENOMEM;
}

static void use_free(struct iommu_file *file, struct ioas_use *use)
{
	iommu_file_free(file, &file->use_cache, use);
	iommu_file_discharge(&file->attachments, 1);
}

/* Page requests look up attachments: both under file->lock. */
static void use_begin(struct iommu_file *file, struct ioas_use *use)
{
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);

	iommu_list_insert(&use->attachment->uses, &use->link);
	use->keyed.first = use->attachment->pasid;
	iommu_keyed_insert(&use->device->uses, &use->keyed);
	iommu_spin_unlock(file->platform, &file->lock, state);
}

static void use_end(struct iommu_file *file, struct ioas_use *use)
{
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);

	iommu_list_remove(&use->link);
	iommu_keyed_remove(&use->device->uses, &use->keyed);
	iommu_spin_unlock(file->platform, &file->lock, state);
	use_free(file, use);
}

/* Another one, which has to be where the group is. */
static int attach_another(struct ioas_attachment *attachment, struct ioas_device *device,
			  struct ioas_object *to)
{
	int status;

	if (!is_there(attachment, to))
		return attach_refuse(
			attachment, IOMMU_EINVAL,
			IOMMU_WHY("another member of its group is attached elsewhere"));
	status = stay(attachment);
	return status == 0 && attachment->hwpt->fault_queue != NULL ? iommu_device_faults_on(device)
								    : status;
}

static int attach_device(struct ioas_device *device, uint32_t pasid, struct ioas_object *to)
{
	struct iommu_file *file = device->object.file;
	struct ioas_attachment *attachment = iommu_attachment_find(device->group, pasid);
	struct ioas_use *use;
	int status;

	if (device->group->place != NULL)
		return iommu_file_refuse(file, iommu_endpoint_name(device->endpoint), IOMMU_EBUSY,
					 IOMMU_WHY("its container has given it windows"));
	if (iommu_use_find(device, pasid) != NULL)
		return iommu_file_refuse(file, iommu_endpoint_name(device->endpoint),
					 pasid != IOMMU_NO_PASID ? IOMMU_EBUSY : IOMMU_EINVAL,
					 IOMMU_WHY("it is attached already"));
	status = use_new(file, &use);
	if (status != 0)
		return status;
	if (attachment == NULL)
		attachment = attachment_new(device->group, pasid);
	if (attachment == NULL) {
		use_free(file, use);
		return IOMMU_ENOMEM;
	}
	use->attachment = attachment;
	use->device = device;
	use_begin(file, use);
	status = attachment->hwpt == NULL ? lead_to_object(attachment, to, device)
					  : attach_another(attachment, device, to);
	if (status != 0) {
		use_end(file, use);
		if (iommu_list_is_empty(&attachment->uses))
			attachment_free(attachment);
	}
	return status;
}

int iommu_device_drop(struct ioas_device *device, uint32_t pasid)
{
	struct ioas_use *use = iommu_use_find(device, pasid);
	struct ioas_attachment *attachment;
	struct iommu_hwpt *hwpt;
	int status;

	if (use == NULL)
		return iommu_file_refuse(device->object.file, iommu_endpoint_name(device->endpoint),
					 IOMMU_EINVAL, IOMMU_WHY("it is not attached"));
	attachment = use->attachment;
	hwpt = attachment->hwpt;
	use_end(device->object.file, use);
	if (hwpt->fault_queue != NULL) {
		iommu_fault_queue_drop(hwpt->fault_queue, device, pasid);
		iommu_device_faults_off(device);
	}
	if (!iommu_list_is_empty(&attachment->uses))
		return 0;
	status = clear_domain(attachment);
	let_go(attachment, hwpt, false);
	attachment_free(attachment);
	return status;
}

/* --- The public side -------------------------------------------------------------------------- */

static int replace(struct ioas_device *device, uint32_t pasid, struct ioas_object *to)
{
	const struct ioas_use *use = iommu_use_find(device, pasid);

	if (use == NULL)
		return iommu_file_refuse(device->object.file, iommu_endpoint_name(device->endpoint),
					 IOMMU_EINVAL, IOMMU_WHY("it is not attached"));
	return lead_to_object(use->attachment, to, device);
}

static int change(struct iommu_file *file, const char *call, uint32_t device, uint32_t pasid,
		  uint32_t to_id, uint32_t *hwpt,
		  int (*how)(struct ioas_device *device, uint32_t pasid, struct ioas_object *to))
{
	const struct ioas_use *use = NULL;
	struct ioas_object *object, *to;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, device, IOMMU_OBJECT_DEVICE, &status);
	to = object != NULL ? iommu_object_find(file, to_id, IOMMU_OBJECT_ANY, &status) : NULL;
	if (to != NULL && iommu_device_is_gone(iommu_device_of(object)->endpoint))
		status = iommu_file_refuse(file, "", IOMMU_ENODEV,
					   IOMMU_WHY("the device's endpoint was released"));
	else if (to != NULL)
		status = how(iommu_device_of(object), pasid, to);
	if (to != NULL && status == 0)
		use = iommu_use_find(iommu_device_of(object), pasid);
	if (use != NULL && hwpt != NULL)
		*hwpt = iommu_object_id(&use->attachment->hwpt->object);
	return iommu_file_end(file, call, status);
}

int iommu_device_lead(struct ioas_device *device, uint32_t pasid, struct ioas_object *to)
{
	return iommu_use_find(device, pasid) != NULL ? replace(device, pasid, to)
						     : attach_device(device, pasid, to);
}

int iommu_device_change(struct iommu_file *file, uint32_t device, uint32_t pasid, uint32_t to,
			uint32_t *hwpt)
{
	return change(file, IOMMU_CALL, device, pasid, to, hwpt, iommu_device_lead);
}

int iommu_device_attach(struct iommu_file *file, uint32_t device, uint32_t pasid, uint32_t to,
			uint32_t *hwpt)
{
	return change(file, IOMMU_CALL, device, pasid, to, hwpt, attach_device);
}

int iommu_device_replace(struct iommu_file *file, uint32_t device, uint32_t pasid, uint32_t to,
			 uint32_t *hwpt)
{
	return change(file, IOMMU_CALL, device, pasid, to, hwpt, replace);
}

int iommu_device_detach(struct iommu_file *file, uint32_t device, uint32_t pasid)
{
	struct ioas_object *object;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, device, IOMMU_OBJECT_DEVICE, &status);
	if (object != NULL)
		status = iommu_device_drop(iommu_device_of(object), pasid);
	return iommu_file_end(file, IOMMU_CALL, status);
}

/*
 * Attached to nothing, by a call that hardware did not confirm, a device may still reach what it
 * was attached to: hardware is asked again.
 */
static int drop_or_confirm(struct ioas_device *device, uint32_t pasid)
{
	if (iommu_use_find(device, pasid) != NULL)
		return iommu_device_drop(device, pasid);
	if (pasid != IOMMU_NO_PASID || device->group->place != NULL ||
	    iommu_attachment_find(device->group, pasid) != NULL)
		return 0;
	return iommu_domain_detach_group(device->group->group);
}

int iommu_device_let_go(struct iommu_file *file, uint32_t device, uint32_t pasid)
{
	struct ioas_object *object;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, device, IOMMU_OBJECT_DEVICE, &status);
	if (object != NULL)
		status = drop_or_confirm(iommu_device_of(object), pasid);
	return iommu_file_end(file, IOMMU_CALL, status);
}
