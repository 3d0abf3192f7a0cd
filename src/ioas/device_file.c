/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of devices and of groups. A group with an open file has one record, which says in which of
 * the two ways it is used: the record is found or made under the mutex of all files, so that two
 * concurrent calls use the same one.
 */
#include <libiommu/vfio.h>

#include "ioas/container.h"
#include "ioas/device.h"
#include "ioas/ioas.h"

struct iommu_device_files {
	struct iommu *iommu;
	const struct iommu_platform *platform;
	void *mutex;
	struct iommu_list_node groups;
	unsigned int open;
	struct iommu_object_cache group_cache, file_cache, group_file_cache;
};

/* A group of which something is open. */
struct file_group {
	struct iommu_list_node link;
	struct iommu_group *group;
	unsigned int users;                /* open files */
	unsigned int bound;                /* of them, device files that are bound */
	struct iommu_group_file *as_group; /* open as a group */
};

struct iommu_device_file {
	struct iommu_device_files *files;
	struct iommu_endpoint *endpoint;
	struct file_group *group;
	struct iommu_group_file *through; /* it came through a group */
	struct iommu_file *iommu_file;    /* it is bound */
	uint32_t device;
};

struct iommu_group_file {
	struct iommu_device_files *files;
	struct file_group *group;
	struct iommu_container *container;
	uint32_t device;      /* the member by which it is in the container */
	bool is_leaving;      /* it could not join it, and is not out again yet */
	unsigned int devices; /* open through it */
	bool is_closed;       /* but for those */
};

static void device_files_lock(struct iommu_device_files *files)
{
	if (files->mutex != NULL)
		files->platform->mutex_lock(files->platform->ctx, files->mutex);
}

static void device_files_unlock(struct iommu_device_files *files)
{
	if (files->mutex != NULL)
		files->platform->mutex_unlock(files->platform->ctx, files->mutex);
}

/* Device files belong to no IOMMU file: they say why by themselves. */
static int device_file_refuse(const struct iommu_device_files *files, const char *call,
			      const char *who, int status, const char *why)
{
	return iommu_refuse_now(files->iommu, call, who, status, why);
}

/* --- All files -------------------------------------------------------------------------------- */

int iommu_device_files_create(struct iommu *iommu, struct iommu_device_files **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct iommu_device_files *files =
		platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (files == NULL)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOMEM, "");
	files->iommu = iommu;
	files->platform = platform;
	iommu_list_init(&files->groups);
	iommu_object_cache_init(&files->group_cache, platform, sizeof(struct file_group));
	iommu_object_cache_init(&files->file_cache, platform, sizeof(struct iommu_device_file));
	iommu_object_cache_init(&files->group_file_cache, platform,
				sizeof(struct iommu_group_file));
	if (platform->mutex_create != NULL)
		files->mutex = platform->mutex_create(platform->ctx);
	if (platform->mutex_create != NULL && files->mutex == NULL) {
		platform->free_pages(platform->ctx, files, 0);
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOMEM,
					IOMMU_WHY("the host makes no mutex"));
	}
	*result = files;
	return 0;
}

int iommu_device_files_destroy(struct iommu_device_files *files)
{
	const struct iommu_platform *platform;

	if (files == NULL)
		return 0;
	platform = files->platform;
	if (files->open != 0)
		return device_file_refuse(files, IOMMU_CALL, "", IOMMU_EBUSY,
					  IOMMU_WHY("files are open"));
	if (files->mutex != NULL)
		platform->mutex_destroy(platform->ctx, files->mutex);
	platform->free_pages(platform->ctx, files, 0);
	return 0;
}

/* --- Groups of which something is open -------------------------------------------------------- */

/* Found or made, with one more user. Locked. */
static struct file_group *group_get(struct iommu_device_files *files, struct iommu_group *group)
{
	struct iommu_list_node *node;
	struct file_group *found;

	iommu_list_for_each (node, &files->groups) {
		found = iommu_container_of(node, struct file_group, link);
		if (found->group == group) {
			found->users++;
			files->open++;
			return found;
		}
	}
	found = iommu_object_alloc(&files->group_cache, 0);
	if (found == NULL)
		return NULL;
	iommu_group_hold(group);
	found->group = group;
	found->users = 1;
	files->open++;
	iommu_list_insert(&files->groups, &found->link);
	return found;
}

static void group_put(struct iommu_device_files *files, struct file_group *group)
{
	files->open--;
	if (--group->users != 0)
		return;
	iommu_list_remove(&group->link);
	iommu_group_drop(group->group);
	iommu_object_free(&files->group_cache, group);
}

/* --- Devices ---------------------------------------------------------------------------------- */

/* Locked. */
static int open_device(struct iommu_device_files *files, const char *call,
		       struct iommu_endpoint *endpoint, struct iommu_group_file *through,
		       struct iommu_device_file **result)
{
	struct iommu_device_file *file = iommu_object_alloc(&files->file_cache, 0);

	if (file != NULL)
		file->group = group_get(files, iommu_endpoint_group(endpoint));
	if (file == NULL || file->group == NULL) {
		if (file != NULL)
			iommu_object_free(&files->file_cache, file);
		return device_file_refuse(files, call, iommu_endpoint_name(endpoint), IOMMU_ENOMEM,
					  "");
	}
	iommu_endpoint_hold(endpoint);
	file->files = files;
	file->endpoint = endpoint;
	file->through = through;
	*result = file;
	return 0;
}

int iommu_device_file_open(struct iommu_device_files *files, struct iommu_endpoint *endpoint,
			   struct iommu_device_file **file)
{
	int status;

	device_files_lock(files);
	status = open_device(files, IOMMU_CALL, endpoint, NULL, file);
	device_files_unlock(files);
	return status;
}

static int bind(struct iommu_device_file *file, const char *call, struct iommu_file *iommu_file,
		uint32_t *device)
{
	const char *who = iommu_endpoint_name(file->endpoint);
	int status;

	if (file->through != NULL)
		return device_file_refuse(file->files, call, who, IOMMU_EINVAL,
					  IOMMU_WHY("the file was opened through its group"));
	if (file->iommu_file != NULL)
		return device_file_refuse(file->files, call, who, IOMMU_EINVAL,
					  IOMMU_WHY("the file is bound already"));
	if (file->group->as_group != NULL)
		return device_file_refuse(file->files, call, who, IOMMU_EBUSY,
					  IOMMU_WHY("the device's group is open as a group"));
	status = iommu_device_bind(iommu_file, file->endpoint, &file->device);
	if (status != 0)
		return status;
	/* The device file outlives the end of the IOMMU file. */
	__atomic_add_fetch(&iommu_file->holders, 1, __ATOMIC_RELAXED);
	file->iommu_file = iommu_file;
	file->group->bound++;
	*device = file->device;
	return 0;
}

int iommu_device_file_bind(struct iommu_device_file *file, struct iommu_file *iommu_file,
			   uint32_t *device)
{
	int status;

	device_files_lock(file->files);
	status = bind(file, IOMMU_CALL, iommu_file, device);
	device_files_unlock(file->files);
	return status;
}

int iommu_device_file_attach(struct iommu_device_file *file, uint32_t pasid, uint32_t to,
			     uint32_t *hwpt)
{
	int status;

	device_files_lock(file->files);
	if (file->iommu_file != NULL)
		status = iommu_device_change(file->iommu_file, file->device, pasid, to, hwpt);
	else
		status = device_file_refuse(file->files, IOMMU_CALL,
					    iommu_endpoint_name(file->endpoint), IOMMU_EINVAL,
					    IOMMU_WHY("the file is not bound to an IOMMU file"));
	device_files_unlock(file->files);
	return status;
}

int iommu_device_file_detach(struct iommu_device_file *file, uint32_t pasid)
{
	int status;

	device_files_lock(file->files);
	/* That nothing is attached is no refusal here. */
	if (file->iommu_file != NULL)
		status = iommu_device_let_go(file->iommu_file, file->device, pasid);
	else
		status = device_file_refuse(file->files, IOMMU_CALL,
					    iommu_endpoint_name(file->endpoint), IOMMU_EINVAL,
					    IOMMU_WHY("the file is not bound to an IOMMU file"));
	device_files_unlock(file->files);
	return status;
}

static int unbind(struct iommu_device_file *file)
{
	int status = 0;

	if (file->iommu_file == NULL)
		return 0;
	/*
	 * The IOMMU file may have been closed, and the device gone with it; its memory is ours as
	 * long as we hold it.
	 */
	if (iommu_object_type(file->iommu_file, file->device) == IOMMU_OBJECT_DEVICE)
		status = iommu_device_unbind(file->iommu_file, file->device);
	if (status != 0)
		return status;
	iommu_file_put(file->iommu_file);
	file->iommu_file = NULL;
	file->group->bound--;
	return 0;
}

static int close_group(struct iommu_group_file *file);

static int close_device(struct iommu_device_file *file)
{
	struct iommu_device_files *files = file->files;
	struct iommu_group_file *through = file->through;
	int status = unbind(file);

	if (status != 0)
		return status;
	/* The last one of a group that is closed already takes the group's file with it. */
	if (through != NULL && through->devices == 1 && through->is_closed) {
		status = close_group(through);
		if (status != 0)
			return status;
	} else if (through != NULL) {
		through->devices--;
	}
	group_put(files, file->group);
	iommu_endpoint_drop(file->endpoint);
	iommu_object_free(&files->file_cache, file);
	return 0;
}

int iommu_device_file_close(struct iommu_device_file *file)
{
	struct iommu_device_files *files;
	int status;

	if (file == NULL)
		return 0;
	files = file->files;
	device_files_lock(files);
	status = close_device(file);
	device_files_unlock(files);
	return status;
}

/* --- Groups ----------------------------------------------------------------------------------- */

static int open_group(struct iommu_device_files *files, const char *call, struct iommu_group *of,
		      struct iommu_group_file **result)
{
	struct iommu_group_file *file = iommu_object_alloc(&files->group_file_cache, 0);
	struct file_group *group = file != NULL ? group_get(files, of) : NULL;
	int status = 0;

	if (file == NULL || group == NULL) {
		if (file != NULL)
			iommu_object_free(&files->group_file_cache, file);
		return device_file_refuse(files, call, iommu_group_who(of), IOMMU_ENOMEM, "");
	}
	if (group->as_group != NULL)
		status = device_file_refuse(files, call, iommu_group_who(of), IOMMU_EBUSY,
					    IOMMU_WHY("the group is open already"));
	else if (group->bound != 0)
		status = device_file_refuse(
			files, call, iommu_group_who(of), IOMMU_EBUSY,
			IOMMU_WHY("a device file of a member is bound to an IOMMU file"));
	if (status != 0) {
		group_put(files, group);
		iommu_object_free(&files->group_file_cache, file);
		return status;
	}
	file->files = files;
	file->group = group;
	group->as_group = file;
	*result = file;
	return 0;
}

int iommu_group_file_open(struct iommu_device_files *files, struct iommu_group *group,
			  struct iommu_group_file **file)
{
	int status;

	device_files_lock(files);
	status = open_group(files, IOMMU_CALL, group, file);
	device_files_unlock(files);
	return status;
}

/* Held: it may be released as soon as the visit is over. */
static int take_first(void *ctx, struct iommu_endpoint *endpoint)
{
	endpoint->holders++;
	*(struct iommu_endpoint **)ctx = endpoint;
	return 1;
}

static int unset_container(struct iommu_group_file *file)
{
	int status = iommu_container_leave(file->container, file->device);

	if (status == 0) {
		file->container = NULL;
		file->is_leaving = false;
	}
	return status;
}

static int set_container(struct iommu_group_file *file, const char *call,
			 struct iommu_container *container)
{
	struct iommu_endpoint *member = NULL;
	int status = file->is_leaving ? unset_container(file) : 0;

	if (status != 0)
		return status;
	if (file->container != NULL)
		return device_file_refuse(file->files, call, iommu_group_who(file->group->group),
					  IOMMU_EINVAL,
					  IOMMU_WHY("the group has a container already"));
	(void)iommu_members_visit(container->file, file->group->group, take_first, &member);
	if (member == NULL)
		return device_file_refuse(file->files, call, iommu_group_who(file->group->group),
					  IOMMU_EINVAL,
					  IOMMU_WHY("the group has no members any more"));
	status = iommu_container_join(container, call, member, &file->device);
	iommu_endpoint_drop(member);
	if (file->device != 0)
		file->container = container;
	file->is_leaving = file->container != NULL && status != 0;
	return status;
}

int iommu_group_file_set_container(struct iommu_group_file *file, struct iommu_container *container)
{
	int status;

	device_files_lock(file->files);
	status = set_container(file, IOMMU_CALL, container);
	device_files_unlock(file->files);
	return status;
}

void iommu_group_file_get_status(struct iommu_group_file *file,
				 struct iommu_group_file_status *status)
{
	device_files_lock(file->files);
	status->has_container = file->container != NULL && !file->is_leaving;
	/* What it did not get out of the container is its own still: it may try again. */
	status->viable = file->container != NULL || iommu_group_is_claimable(file->group->group);
	device_files_unlock(file->files);
}

int iommu_group_file_unset_container(struct iommu_group_file *file)
{
	const char *who = iommu_group_who(file->group->group);
	int status;

	device_files_lock(file->files);
	if (file->container == NULL)
		status = device_file_refuse(file->files, IOMMU_CALL, who, IOMMU_EINVAL,
					    IOMMU_WHY("the group has no container"));
	else if (file->devices != 0)
		status = device_file_refuse(
			file->files, IOMMU_CALL, who, IOMMU_EBUSY,
			IOMMU_WHY("devices that were opened through the group are open"));
	else
		status = unset_container(file);
	device_files_unlock(file->files);
	return status;
}

int iommu_group_file_get_device(struct iommu_group_file *file, struct iommu_endpoint *endpoint,
				struct iommu_device_file **device)
{
	int status;

	device_files_lock(file->files);
	if (file->container == NULL || file->is_leaving)
		status = device_file_refuse(file->files, IOMMU_CALL, iommu_endpoint_name(endpoint),
					    IOMMU_EINVAL, IOMMU_WHY("the group has no container"));
	else if (iommu_endpoint_group(endpoint) != file->group->group)
		status = device_file_refuse(file->files, IOMMU_CALL, iommu_endpoint_name(endpoint),
					    IOMMU_EINVAL,
					    IOMMU_WHY("it is no member of the file's group"));
	else
		status = open_device(file->files, IOMMU_CALL, endpoint, file, device);
	file->devices += status == 0;
	device_files_unlock(file->files);
	return status;
}

static int close_group(struct iommu_group_file *file)
{
	struct iommu_device_files *files = file->files;
	int status = file->container != NULL ? unset_container(file) : 0;

	if (status != 0)
		return status;
	file->group->as_group = NULL;
	group_put(files, file->group);
	iommu_object_free(&files->group_file_cache, file);
	return 0;
}

int iommu_group_file_close(struct iommu_group_file *file)
{
	struct iommu_device_files *files;
	int status = 0;

	if (file == NULL)
		return 0;
	files = file->files;
	device_files_lock(files);
	if (file->devices != 0)
		file->is_closed = true;
	else
		status = close_group(file);
	device_files_unlock(files);
	return status;
}
