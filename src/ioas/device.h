/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of a file, their groups, and their attachments. Everything is under file->mutex. */
#ifndef IOMMU_IOAS_DEVICE_H
#define IOMMU_IOAS_DEVICE_H

#include <libiommu/ioas.h>

#include "ioas/ioas.h"
#include "ioas/tree.h"

struct spapr_domain;

/* A group that is claimed: as long as a member is bound. */
struct ioas_group {
	struct iommu_list_node link;
	struct iommu_file *file;
	struct iommu_group *group;
	unsigned int devices;
	/* Looked at by page requests, too: changed under file->lock. */
	struct iommu_rb_tree attachments;
	/* In a container of POWER's windows, which alone attaches it: where it is counted. */
	struct spapr_domain *place;
};

/* What the attached members of a group use for a PASID. */
struct ioas_attachment {
	struct ioas_keyed keyed; /* in the group, by its PASID */
	struct ioas_group *group;
	uint32_t pasid;
	struct iommu_hwpt *hwpt;
	struct iommu_list_node
		uses; /* members that are attached; the head of struct ioas_use.link */
	/* With a PASID: the core's handle, and the one that takes its place at a replace. */
	struct iommu_pasid_handle handles[2];
	unsigned int current;
};

struct ioas_device;

/* A member takes part in an attachment. */
struct ioas_use {
	struct iommu_list_node link; /* in the attachment */
	struct ioas_keyed keyed;     /* in the device, by the PASID */
	struct ioas_attachment *attachment;
	struct ioas_device *device;
};

struct ioas_device {
	struct ioas_object object; /* first */
	struct iommu_endpoint *endpoint;
	struct ioas_group *group;
	struct iommu_rb_tree uses; /* changed under file->lock, as attachments are */
	unsigned int faulting;     /* of its attachments, those whose page requests go to a queue */
	struct iommu_virtual_device *virtual_device;
	/* While its faults go to an event queue: where they went before. */
	struct iommu_fault_route host;
};

static inline struct ioas_device *iommu_device_of(struct ioas_object *object)
{
	return iommu_container_of(object, struct ioas_device, object);
}

int iommu_device_destroy(struct ioas_object *object);
/*
 * Endpoints are released concurrently with the control path of a file, which is not that of the
 * instance. Properties of endpoints and members of groups are therefore read under the instance's
 * mutex: by visitors, which must not enter its control path, and by these two.
 */
int iommu_members_visit(struct iommu_file *file, struct iommu_group *group,
			iommu_group_visitor visitor, void *visitor_ctx);
bool iommu_device_is_gone(const struct iommu_endpoint *endpoint);
bool iommu_device_can(const struct iommu_endpoint *endpoint, enum iommu_capability capability);
/* Can all its members be made to snoop? */
bool iommu_group_can_snoop(const struct ioas_group *group);
/* iommu_device_detach, for which nothing to detach is no refusal. */
int iommu_device_let_go(struct iommu_file *file, uint32_t device, uint32_t pasid);
/* iommu_device_attach, or iommu_device_replace where it is attached. */
int iommu_device_change(struct iommu_file *file, uint32_t device, uint32_t pasid, uint32_t to,
			uint32_t *hwpt);
/* Attach, or replace, wherever it is now: as those do. Control path, with its mutex. */
int iommu_device_lead(struct ioas_device *device, uint32_t pasid, struct ioas_object *to);
/* Detach; with an error what hardware did not confirm, or IOMMU_EINVAL: it was not attached. */
int iommu_device_drop(struct ioas_device *device, uint32_t pasid);
/* What a device, and what its group, uses for a PASID; NULL: nothing. */
static inline struct ioas_use *iommu_use_find(const struct ioas_device *device, uint32_t pasid)
{
	struct ioas_keyed *keyed = iommu_keyed_find(&device->uses, pasid, 0);

	return keyed != NULL ? iommu_container_of(keyed, struct ioas_use, keyed) : NULL;
}
struct ioas_attachment *iommu_attachment_find(const struct ioas_group *group, uint32_t pasid);

#endif
